"""One call, tried until it is answered or there is no hope."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from workbench.models.base import PASSING, Answer, Ask, Call, CallFailed, Model
from workbench.models.recorded import Recorded
from workbench.pricing import Price
from workbench.runs.budgets import NOTHING, Purse, Spending, estimated, spending, worst_case
from workbench.runs.limiting import Limiter


@dataclass(frozen=True)
class Retries:
    """How often, and after how long, a call that failed is tried again.

    Parameters
    ----------
    attempts : int
        Tries in all, of calls that failed by time-outs, faults of the server, lost connections or
        answers that are none.
    patience_s : float
        Seconds for which a call that is turned away (429) is tried again.
    first_s, most_s : float
        Seconds before the second try, and the most before any: the time doubles with each try and
        is drawn evenly between nought and that ("full jitter"), so that calls that failed together
        do not come back together.

    References
    ----------
    Brooker (2015), Exponential backoff and jitter, AWS Architecture Blog.
    """

    attempts: int = 5
    patience_s: float = 300.0
    first_s: float = 0.5
    most_s: float = 30.0

    def wait_s(self, n_failed: int, luck: random.Random) -> float:
        """Return the seconds to wait after so many failures."""
        return luck.uniform(0.0, min(self.most_s, self.first_s * 2 ** (n_failed - 1)))


class OutOfBudget(Exception):
    """There is no room for another try."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: an answer or a failure, and what it took."""

    answer: Answer | None
    failure: CallFailed | None
    attempts: int
    latency_s: float


@dataclass
class Lane:
    """One model with its connection, its limiter and its price.

    Parameters
    ----------
    model : Model
        Who is asked.
    ask : callable
        Its open connection.
    limiter : Limiter
        How many calls at a time.
    price : Price or None
        What its tokens cost.
    purse : Purse
        What the run may spend.
    retries : Retries
        How calls are tried again.
    luck : Random
        For the times between tries; not for anything that is stored.
    """

    model: Model
    ask: Ask
    limiter: Limiter
    price: Price | None
    purse: Purse
    retries: Retries
    luck: random.Random
    changed: Callable[[], None] = lambda: None

    def worst(self, call: Call) -> Spending:
        """Return what a call is set aside for."""
        if not self.purse.is_limited:
            return Spending(calls=1)
        name = self.model.name
        worst = worst_case(self.model, call, self.price, self.purse.surprise.get(name, 1.0))
        return worst.at_least(self.purse.dearest.get(name, NOTHING))

    async def answer(self, call: Call, held: Spending) -> Outcome:
        """Ask until there is an answer or no hope.

        Parameters
        ----------
        call : Call
            The question, for which the caller holds a place of the limiter.
        held : Spending
            What the caller has set aside for the first try.

        Raises
        ------
        OutOfBudget
            If another try would be needed, and there is no room for it.
        """
        patience = time.monotonic() + self.retries.patience_s
        n_failed = n_attempts = 0
        while True:
            n_attempts += 1
            since = time.perf_counter()
            try:
                answer = await self._try(call, held)
            except CallFailed as failed:
                n_failed += failed.fault != "throttled"
                wait = failed.retry_after_s or 0.0
                is_over = time.monotonic() + wait > patience or n_failed >= self.retries.attempts
                if failed.fault not in PASSING or is_over:
                    return Outcome(None, failed, n_attempts, time.perf_counter() - since)
                await self._back_off(n_attempts if failed.fault == "throttled" else n_failed, wait)
                held = self.worst(call)
                if not self.purse.hold(held):
                    raise OutOfBudget from failed
            else:
                return Outcome(answer, None, n_attempts, time.perf_counter() - since)

    async def _try(self, call: Call, worst: Spending) -> Answer:
        """Ask once, and account for it."""
        sent_at = asyncio.get_running_loop().time()
        spent = worst  # if it is cut short, nobody knows
        try:
            answer = await self.ask(call)
            if self.model.is_billed and answer.usage is None:
                answer = replace(answer, usage=estimated(call.messages, answer.text))
            spent = self._spent(answer, worst)
        except CallFailed as failed:
            spent = worst if failed.may_be_billed else Spending(calls=1)
            if failed.fault in {"throttled", "timeout"}:
                self.limiter.turned_away(sent_at, retry_after_s=failed.retry_after_s)
            raise
        else:
            self.limiter.answered()
            return answer
        finally:
            self.purse.settle(worst, spent)
            self.changed()

    def _spent(self, answer: Answer, worst: Spending) -> Spending:
        """Return what an answer cost, and learn if it is more than was set aside."""
        if isinstance(self.model, Recorded):
            return Spending(calls=1)  # it was paid for when it was recorded
        spent = spending(self.price, answer)
        if self.purse.is_limited:
            self.purse.learn(self.model.name, worst, spent)
        return spent

    async def _back_off(self, n_failed: int, at_least_s: float) -> None:
        """Give the place back, wait, and take the next place that is free."""
        self.limiter.release()
        try:
            await asyncio.sleep(max(self.retries.wait_s(n_failed, self.luck), at_least_s))
        finally:
            # the caller gives a place back in any case
            await self._place_again()

    async def _place_again(self) -> None:
        try:
            await self.limiter.acquire(again=True)
        except asyncio.CancelledError:
            self.limiter.in_flight += 1
            raise
