"""What a run may spend, held by setting aside the worst case of each call before it is sent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from workbench.errors import BadValue, is_number
from workbench.models.base import Answer, Call, Message, Model, Usage
from workbench.pricing import Price

# Beside its text, a message has a role and marks; templates of chats add some tokens each.
_TOKENS_PER_MESSAGE = 16
# A guess for English prose in common vocabularies; only for what is flagged as estimated.
_BYTES_PER_TOKEN = 4


@dataclass(frozen=True)
class Budget:
    """The most that one call of `run` may spend; None is without limit.

    Parameters
    ----------
    dollars : float, optional
        US dollars; what an answer says of its own cost (`Answer.cost_usd`) goes before a price.
    tokens : int, optional
        Tokens read and written.
    calls : int, optional
        Calls sent, those that are tried again included.

    Raises
    ------
    BadValue
        If a limit is negative, or no number, or tokens or calls are no whole one.

    Notes
    -----
    No limit is passed where the worst case of a call is known: by a price, and by `max_tokens`. What
    a function without a price takes nobody knows until its answers say so: its first call is sent
    alone, later ones are set aside at the dearest so far, and nothing is sent once a limit is
    reached. So calls of it can pass a limit by what they take more than those before them.

    Examples
    --------
    >>> Budget(dollars=1.5, calls=2_000)
    Budget(dollars=1.5, tokens=None, calls=2000)
    """

    dollars: float | None = None
    tokens: int | None = None
    calls: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            whole = each.name != "dollars"
            if value is not None and not (is_number(value, whole=whole) and value >= 0):
                raise BadValue(
                    f"a budget's {each.name} must be a {'whole ' * whole}number of at least 0, but "
                    f"{value!r} came; leave it out for no limit."
                )


class Spending(NamedTuple):
    """Dollars, tokens and calls."""

    dollars: float = 0.0
    tokens: int = 0
    calls: int = 0

    def plus(self, other: "Spending", sign: int = 1) -> "Spending":
        """Return the sum, or the difference where `sign` is -1."""
        return Spending(
            self.dollars + sign * other.dollars,
            self.tokens + sign * other.tokens,
            self.calls + sign * other.calls,
        )

    def at_least(self, other: "Spending") -> "Spending":
        """Return the larger of each."""
        return Spending(
            max(self.dollars, other.dollars),
            max(self.tokens, other.tokens),
            max(self.calls, other.calls),
        )


NOTHING = Spending()


@dataclass
class Purse:
    """What was spent, and what is set aside for calls that are under way.

    Parameters
    ----------
    budget : Budget
        The limits.
    """

    budget: Budget
    spent: Spending = NOTHING
    held: Spending = NOTHING
    # How many times more tokens than the worst case an endpoint has ever charged.
    surprise: dict[str, float] = field(default_factory=dict)
    # The most that a model's call has taken, where that was more than was set aside for it.
    dearest: dict[str, Spending] = field(default_factory=dict)

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit on tokens or dollars."""
        return self.budget.dollars is not None or self.budget.tokens is not None

    def hold(self, worst: Spending) -> bool:
        """Set the worst case of a call aside, if there is room for it."""
        after = self.spent.plus(self.held).plus(worst)
        for name in ("dollars", "tokens", "calls"):
            limit = getattr(self.budget, name)
            if limit is not None and getattr(after, name) > limit:
                return False
        self.held = self.held.plus(worst)
        return True

    def settle(self, worst: Spending, spent: Spending) -> None:
        """Replace what was set aside by what was spent."""
        self.held = self.held.plus(worst, -1)
        if self.held.calls == 0:
            self.held = NOTHING  # floats leave dust
        self.spent = self.spent.plus(spent)

    def learn(self, model: str, worst: Spending, spent: Spending) -> None:
        """Set more aside from now on for a model of which a call took more than its worst case."""
        if spent.tokens > worst.tokens > 0:
            known = self.surprise.get(model, 1.0)
            self.surprise[model] = known * spent.tokens / worst.tokens
        if spent.dollars > worst.dollars or spent.tokens > worst.tokens:
            self.dearest[model] = spent.at_least(self.dearest.get(model, NOTHING))


def worst_case(model: Model, call: Call, price: Price | None, surprise: float = 1.0) -> Spending:
    """Return the most that a call can cost.

    Parameters
    ----------
    model : Model
        Whom it asks.
    call : Call
        The question.
    price : Price or None
        What tokens cost; None if nobody knows.
    surprise : float
        How many times more the endpoint has charged than it should be able to.

    Raises
    ------
    BadValue
        If the call does not limit the answer.

    Notes
    -----
    No vocabulary of bytes has more tokens than the text has bytes.
    """
    if not model.is_billed:
        return Spending(calls=1)
    read = math.ceil(surprise * most_tokens(call.messages))
    written = math.ceil(surprise * _most_written(model, call))
    dollars = 0.0 if price is None else price.most(input_tokens=read, output_tokens=written)
    return Spending(dollars, read + written, 1)


def _most_written(model: Model, call: Call) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        limit = call.parameters.get(name)
        if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
            n = call.parameters.get("n", 1)
            return limit * (n if isinstance(n, int) and n > 0 else 1)
    raise BadValue(
        f"a budget of dollars or tokens must know the longest answer, but {model.name!r} is asked by "
        f"{call.prompt!r} without a limit; set max_tokens in the parameters of the prompt or the model."
    )


def most_tokens(messages: Sequence[Message]) -> int:
    """Return how many tokens a chat can have at most."""
    return sum(
        len(str(each.get("content") or "").encode("utf-8", "replace")) + _TOKENS_PER_MESSAGE
        for each in messages
    )


def estimated(messages: Sequence[Message], text: str | None) -> Usage:
    """Return a guess of the tokens of a call whose endpoint did not count them."""
    read = sum(len(str(each.get("content") or "").encode("utf-8", "replace")) for each in messages)
    written = len((text or "").encode("utf-8", "replace"))
    return Usage(-(-read // _BYTES_PER_TOKEN), -(-written // _BYTES_PER_TOKEN), source="estimated")


def cost(price: Price, usage: Usage) -> float:
    """Return the dollars of a call."""
    return price.cost(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )


def spending(price: Price | None, answer: Answer) -> Spending:
    """Return what an answered call cost, as far as it is known; its model knows it best."""
    usage = answer.usage or Usage(0, 0)
    dollars = answer.cost_usd
    if dollars is None:
        dollars = cost(price, usage) if price is not None else 0.0
    return Spending(dollars, usage.input_tokens + usage.output_tokens, 1)
