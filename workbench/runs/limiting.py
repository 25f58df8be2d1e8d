"""How many calls at a time an endpoint takes: found out, held, and tried again now and then."""

import asyncio
from collections import deque
from typing import Protocol

# Round trips at the ceiling before one more is tried.
_ROUNDS = 20
# Round trips from half of the ceiling back to it.
_RECOVERY = 4


class Loop(Protocol):
    """What of an event loop tells and keeps time."""

    def time(self) -> float:
        """Return the seconds since some moment."""


class Limiter:
    """Admits calls, few enough that the endpoint takes them.

    Parameters
    ----------
    most : int
        The most calls at a time.
    start : int
        Those at the beginning.

    Attributes
    ----------
    limit : float
        Calls that are admitted at a time now.
    in_flight : int
        Calls that are admitted and not yet released.

    Notes
    -----
    Additive increase and multiplicative decrease, as in Chiu and Jain (1989): every answer lets a
    little more in, and a call that is turned away, or is not answered in time, halves the limit,
    once for all that were sent before it. Plain halving would leave a quarter of the capacity
    unused on average, so the number that was in flight is remembered: the way back to it is
    short, there the limit stays, and one more is tried every 20 round trips (after CUBIC, RFC
    9438).
    """

    def __init__(self, most: int, *, start: int = 8) -> None:
        self.most = most
        self.limit = float(min(start, most))
        self.in_flight = 0
        self._ceiling: float | None = None
        self._at_ceiling = 0.0
        self._step = 1.0
        self._cut_at = -1.0
        self._paused_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self, *, again: bool = False) -> None:
        """Wait until a call may be sent; one that is tried again goes first."""
        loop = asyncio.get_running_loop()
        if not self._waiting and self._has_room and loop.time() >= self._paused_until:
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        (self._waiting.appendleft if again else self._waiting.append)(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it was admitted and will not go
            raise

    def release(self) -> None:
        """Say that a call has ended."""
        self.in_flight -= 1
        self._admit()

    @property
    def _has_room(self) -> bool:
        return self.in_flight < max(1, int(self.limit))

    def _admit(self) -> None:
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        if (wait := self._paused_until - loop.time()) > 0:
            if self._timer is None:
                self._timer = loop.call_later(wait, self._resume)
            return
        while self._waiting and self._has_room:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def _resume(self) -> None:
        self._timer = None
        self._admit()

    def answered(self) -> None:
        """Let a little more in after an answer, if the limit was what held calls back."""
        if self.in_flight < int(self.limit) and not self._waiting:
            return
        share = 1 / max(self.limit, 1.0)
        if self._ceiling is None:
            self.limit += 1.0
        elif self.limit < self._ceiling:
            self.limit = min(self._ceiling, self.limit + share * self._ceiling / (2 * _RECOVERY))
        else:
            self._at_ceiling += share
            if self._at_ceiling >= _ROUNDS:
                # what was not punished may go on faster: the server may have grown
                self._ceiling, self._at_ceiling = self._ceiling + self._step, 0.0
                self._step = min(2 * self._step, max(1.0, self._ceiling / 10))
        self.limit = min(self.limit, float(self.most))

    def turned_away(self, sent_at: float, *, retry_after_s: float | None = None) -> None:
        """Halve the limit, unless that was done since the call was sent.

        Parameters
        ----------
        sent_at : float
            The loop's time at which the call was sent.
        retry_after_s : float, optional
            How long nobody should be sent.
        """
        now = asyncio.get_running_loop().time()
        if retry_after_s is not None:
            self._paused_until = max(self._paused_until, now + retry_after_s)
        if sent_at <= self._cut_at:
            return
        self._cut_at = now
        reached = float(min(self.in_flight, int(self.limit)))
        self._ceiling, self._at_ceiling, self._step = max(1.0, reached - 1), 0.0, 1.0
        self.limit = max(1.0, reached / 2)
