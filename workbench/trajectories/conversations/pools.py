"""A pool of messages: each prompt repeats the conversation so far, and each message is kept once."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator

from workbench.trajectories.model import Json

Ranges = list[list[int]]
"""Pieces of a pool: the number of the first message of each, and that after its last."""


class MessagePool:
    """Messages by number, and which of them some step has read already.

    A prompt is kept as ranges of numbers, so that a run of n steps takes n messages and not n squared.

    Parameters
    ----------
    messages : iterable of JSON value
        What a source has pooled itself, in its order.

    Examples
    --------
    >>> pool = MessagePool()
    >>> first = pool.refer([{"role": "user", "content": "Hi"}])
    >>> again = pool.refer([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}])
    >>> first, again, list(pool.unread(first)), list(pool.unread(again))
    ([[0, 1]], [[0, 2]], [0], [1])
    """

    def __init__(self, messages: Iterable[Json] = ()) -> None:
        self.messages: list[Json] = list(messages)
        self._numbers: dict[bytes, int] = {}
        self._n_known = 0
        # from a number that was read towards the next that was not
        self._onward: dict[int, int] = {}

    def refer(
        self, messages: Iterable[Json], *, kept: Callable[[Json], Json] = lambda message: message
    ) -> Ranges:
        """Return messages as ranges, taking those into the pool that are new.

        Parameters
        ----------
        messages : iterable of JSON value
            In their order.
        kept : callable
            What is kept of a new message.
        """
        for number in range(self._n_known, len(self.messages)):
            self._numbers.setdefault(_digest(self.messages[number]), number)
        ranges: Ranges = []
        for message in messages:
            number = self._numbers.setdefault(_digest(message), len(self.messages))
            if number == len(self.messages):
                self.messages.append(kept(message))
            if ranges and ranges[-1][1] == number:
                ranges[-1][1] = number + 1
            else:
                ranges.append([number, number + 1])
        self._n_known = len(self.messages)
        return ranges

    def unread(self, ranges: Json) -> Iterator[int]:
        """Yield the numbers of the messages that are read for the first time; they count as read then.

        Parameters
        ----------
        ranges : JSON value
            Pieces of the pool; what is no range, or lies outside the pool, is passed over.
        """
        for first, end in whole_ranges(ranges, len(self.messages)):
            number = self._next(first)
            while number < end:
                self._onward[number] = number + 1
                yield number
                number = self._next(number)

    def _next(self, number: int) -> int:
        """Return the first number from here on that was not read, shortening the way for later."""
        path = []
        while number in self._onward:
            path.append(number)
            number = self._onward[number]
        for each in path:
            self._onward[each] = number
        return number


def whole_ranges(ranges: Json, n: int) -> Iterator[tuple[int, int]]:
    """Yield those pairs of numbers that are ranges of a pool of n messages, cut to its size.

    Examples
    --------
    >>> list(whole_ranges([[0, 2], [1, 9], "x", [3, 1]], 4))
    [(0, 2), (1, 4)]
    """
    for each in ranges if isinstance(ranges, list) else []:
        if isinstance(each, list) and len(each) == 2 and all(type(one) is int for one in each):
            first, end = max(each[0], 0), min(each[1], n)
            if first < end:
                yield first, end


def _digest(message: Json) -> bytes:
    return hashlib.blake2b(json.dumps(message, sort_keys=True).encode(), digest_size=16).digest()
