"""How much may come at once: buckets that fill with time and empty with use."""

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_ADDRESSES = 10_000


class Bucket:
    """Leave for so many at once, which comes back at a steady rate.

    Parameters
    ----------
    rate : float
        How many come back per second.
    burst : int
        How many at most.
    now : callable, optional
        Gives the time in seconds.

    Examples
    --------
    >>> bucket = Bucket(rate=1.0, burst=2, now=lambda: 0.0)
    >>> [bucket.take() for _ in range(4)]
    [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(self, rate: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._now = rate, burst, now
        self._left, self._at = float(burst), now()

    def take(self) -> float:
        """Take one, and return how many seconds to wait before it is used."""
        now = self._now()
        self._left = min(self.burst, self._left + (now - self._at) * self.rate) - 1.0
        self._at = now
        return max(0.0, -self._left / self.rate)

    def is_empty(self) -> bool:
        """Tell whether nothing is left now."""
        return self._left + (self._now() - self._at) * self.rate < 1.0


class Buckets:
    """A bucket for each address; the ones not used for longest are forgotten.

    Parameters
    ----------
    rate : float
        How many come back per second.
    burst : int
        How many at most.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self._of: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, address: str) -> Bucket:
        """Return the bucket of an address."""
        if address not in self._of:
            self._of[address] = Bucket(self.rate, self.burst)
            if len(self._of) > _MOST_ADDRESSES:
                self._of.popitem(last=False)
        self._of.move_to_end(address)
        return self._of[address]
