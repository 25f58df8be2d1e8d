"""Intervals of a run put into lanes, and what they leave: gaps, and how many there are at once."""

from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]


def packed(starts: Ints, ends: Ints, most: int) -> Ints:
    """Return a lane for each interval so that none overlaps another in its lane; −1 beyond the most.

    Parameters
    ----------
    starts, ends : array of int, shape (n,)
        Intervals, in the order of their starts; one may begin when another ends. A point takes the
        instant after it too.
    most : int
        How many lanes there may be.

    Examples
    --------
    >>> packed(np.array([0, 1, 3, 4]), np.array([4, 3, 5, 4]), 9).tolist()
    [0, 1, 1, 0]

    Notes
    -----
    The first lane that is free is taken, which uses as few lanes as there are intervals at once.

    References
    ----------
    Kleinberg and Tardos (2005), "Algorithm Design", section 4.1 (interval partitioning).
    """
    found = []
    free, n_lanes, taken = list[int](), 0, list[tuple[int, int]]()
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        while taken and taken[0][0] <= start:
            heappush(free, heappop(taken)[1])
        if not free and n_lanes < most:
            heappush(free, n_lanes)
            n_lanes += 1
        found.append(heappop(free) if free else -1)
        if found[-1] >= 0:
            heappush(taken, (max(end, start + 1), found[-1]))
    return np.array(found, np.int64)


def gaps(starts: Ints, ends: Ints, first: int, last: int) -> Ints:
    """Return the intervals between two instants in which nothing runs.

    Parameters
    ----------
    starts, ends : array of int, shape (n,)
        What runs, in the order of the starts.
    first, last : int
        The two instants.

    Examples
    --------
    >>> gaps(np.array([1, 2, 7]), np.array([5, 3, 8]), 0, 9).tolist()
    [[0, 1], [5, 7], [8, 9]]
    """
    reached = np.maximum.accumulate(np.concatenate([[first], ends]))
    begins = np.concatenate([starts, [last]])
    open_ = begins > reached
    return np.stack([reached[open_], begins[open_]], axis=1)


def crowd(starts: Ints, ends: Ints, edges: Ints) -> Ints:
    """Count the intervals that touch each bin.

    Parameters
    ----------
    starts, ends : array of int, shape (n,)
        Intervals, each sorted by itself.
    edges : array of int, shape (n_bins + 1,)
        Where bins begin, and the last ends.

    Examples
    --------
    >>> crowd(np.array([0, 1]), np.array([4, 9]), np.array([0, 5, 10])).tolist()
    [2, 1]
    """
    begun = np.searchsorted(starts, edges[1:], side="left")
    over = np.searchsorted(ends, edges[:-1], side="right")
    counts: Ints = np.maximum(begun - over, 0)
    return counts
