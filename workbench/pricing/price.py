"""What a token costs: to dollars, exactly.

Prices are decimal numbers and tokens whole ones, so a cost is computed without error and rounded
once.
"""

import math
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from workbench.errors import BadValue, some

_ONE = Decimal(1)
_OF_A_TOKEN = ("input", "output", "cached", "cache_write", "reasoning")
_MEMBERS = {*_OF_A_TOKEN, "above", "provider"}
# YAML has a text for what is left open; a tuple, since what is looked for may be a list.
_NOTHING = (None, "")


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost, in US dollars per token.

    Parameters
    ----------
    input, output : Decimal
        Of a token that is read, or written.
    cached : Decimal, optional
        Of a token that is read from a cache; that of the input where the provider has no other.
    cache_write : Decimal, optional
        Of a token that is read and written to a cache; that of the input where there is no other.
    reasoning : Decimal, optional
        Of a token of reasoning; that of the output where there is no other.
    above : sequence of (int, Price)
        Prices of a whole call that reads more tokens than that, the smallest number first.
    provider : str, optional
        Who sells it.

    Examples
    --------
    >>> price = Price(Decimal("0.000003"), Decimal("0.000015"), cached=Decimal("0.0000003"))
    >>> price.cost(input_tokens=1_000, cached_tokens=900, output_tokens=100)
    0.00207
    """

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    above: Sequence[tuple[int, "Price"]] = ()
    provider: str | None = None
    # the rates as whole numbers, and what divides them: Python divides whole numbers exactly
    _scaled: tuple[tuple[int, ...], int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rates = [Fraction(rate) for rate in self.rates]
        scale = math.lcm(*(rate.denominator for rate in rates))
        object.__setattr__(self, "_scaled", (tuple(int(rate * scale) for rate in rates), scale))

    @property
    def rates(self) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """Dollars per token: fresh input, cached, written to a cache, output, reasoning."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        reasoning = self.output if self.reasoning is None else self.reasoning
        return self.input, cached, written, self.output, reasoning

    def of_call(self, input_tokens: int) -> "Price":
        """Return the price of a call that reads so many tokens."""
        reached = [price for threshold, price in self.above if input_tokens > threshold]
        return reached[-1] if reached else self

    @property
    def members(self) -> dict[str, Any]:
        """The price as JSON, as a table of our own writes it; `of` reads it."""
        told: dict[str, Any] = {
            name: str(rate) for name in _OF_A_TOKEN if (rate := getattr(self, name)) is not None
        }
        if self.above:
            told["above"] = {str(threshold): price.members for threshold, price in self.above}
        return told if self.provider is None else told | {"provider": self.provider}

    @classmethod
    def of(cls, members: Any, where: str = "a model", *, per: Decimal = _ONE) -> "Price":  # noqa: ANN401 - any JSON value
        """Read `members`.

        Parameters
        ----------
        members : mapping
            In dollars: `input`, `output` and, where they differ, the others of a price.
        where : str
            Whose price it is, for what an error says.
        per : Decimal
            For how many tokens, above 0.

        Raises
        ------
        BadValue
            If they are no price.

        Examples
        --------
        >>> Price.of({"input": "0.000003", "output": "0.000015"}).members
        {'input': '0.000003', 'output': '0.000015'}
        """
        if not isinstance(members, Mapping) or any(
            members.get(name) in _NOTHING for name in ("input", "output")
        ):
            raise BadValue(
                f"the price of {where} must have `input` and `output`, but {str(members)[:80]} came; add them."
            )
        if strange := sorted(map(str, members.keys() - _MEMBERS)):
            raise BadValue(
                f"the price of {where} must have no other members than {some(sorted(_MEMBERS), 9)}, but "
                f"{some(strange)} came; correct the name."
            )
        rates = {
            name: decimal_of(members[name], f"{name} of {where}") / per
            for name in _OF_A_TOKEN
            if members.get(name) not in _NOTHING
        }
        above = {
            threshold: cls.of(each, where, per=per)
            for threshold, each in _thresholds(members.get("above"), where)
        }
        return priced(rates, sorted(above.items()), members.get("provider"))

    def cost(
        self,
        *,
        input_tokens: int,
        output_tokens: int,
        cached_tokens: int = 0,
        cache_written_tokens: int = 0,
        reasoning_tokens: int = 0,
    ) -> float:
        """Return the dollars of one call.

        Parameters
        ----------
        input_tokens, output_tokens : int
            Read, cached ones included; written, reasoning included.
        cached_tokens, cache_written_tokens : int
            Of those read, from a cache or to it.
        reasoning_tokens : int
            Of those written.

        Raises
        ------
        BadValue
            If a part is larger than its whole.
        """
        fresh = input_tokens - cached_tokens - cache_written_tokens
        plain = output_tokens - reasoning_tokens
        tokens = (fresh, cached_tokens, cache_written_tokens, plain, reasoning_tokens)
        if min(tokens) < 0:
            raise BadValue(
                "input_tokens must include those of the cache and output_tokens those of reasoning, "
                f"but {input_tokens} read with {cached_tokens} and {cache_written_tokens} of a cache, "
                f"and {output_tokens} written with {reasoning_tokens} of reasoning came; add the "
                "parts to their wholes."
            )
        rates, scale = self.of_call(input_tokens)._scaled
        total: int = sum(map(operator.mul, tokens, rates))
        return total / scale

    def most(self, *, input_tokens: int, output_tokens: int) -> float:
        """Return the dollars of one call whose every token is of the dearest kind.

        Parameters
        ----------
        input_tokens, output_tokens : int
            Read; written.

        Examples
        --------
        >>> Price(Decimal(1), Decimal(3), cache_write=Decimal(2)).most(input_tokens=5, output_tokens=1)
        13.0
        """
        (*read, output, reasoning), scale = self.of_call(input_tokens)._scaled
        return (input_tokens * max(read) + output_tokens * max(output, reasoning)) / scale


def _thresholds(above: Any, where: str) -> list[tuple[int, Any]]:  # noqa: ANN401 - any JSON value
    """Return the numbers of tokens above which there are other prices, with these."""
    if above in _NOTHING:
        return []
    if not isinstance(above, Mapping):
        raise BadValue(
            f"`above` of {where} must hold prices by numbers of tokens, but {str(above)[:40]!r} came; "
            "see Prices.read."
        )
    found = [
        (int(decimal_of(each, f"a threshold of {where}")), price) for each, price in above.items()
    ]
    counts = Counter(threshold for threshold, _ in found)
    if doubled := [threshold for threshold, n in counts.items() if n > 1]:
        raise BadValue(
            f"`above` of {where} must hold each number of tokens once, but {doubled[0]} came twice; keep one."
        )
    return found


def priced(
    rates: Mapping[str, Decimal], above: Sequence[tuple[int, Price]], provider: object
) -> Price:
    """Return a price of what was read of it."""
    cached, written, reasoning = map(rates.get, ("cached", "cache_write", "reasoning"))
    told = provider if isinstance(provider, str) else None
    return Price(rates["input"], rates["output"], cached, written, reasoning, tuple(above), told)


def decimal_of(value: Any, where: str) -> Decimal:  # noqa: ANN401 - any JSON value
    """Return an exact number that is not negative.

    Raises
    ------
    BadValue
        If it is none.
    """
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise BadValue(
            f"{where} must be a number, not negative, but {str(value)[:40]!r} came; correct it."
        )
    return number
