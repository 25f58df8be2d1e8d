"""Edit distance between the steps of two runs, and between those of many and a run in their middle.

References
----------
Wagner and Fischer (1974), "The string-to-string correction problem". Gusfield (1993), "Efficient
methods for multiple sequence alignment with guaranteed error bounds": the star around a centre.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue
from workbench.trajectories.comparing.stepcosts import Costs, Integers, StepTable

Pair = tuple[int | None, int | None]
Place = tuple[int | None, ...]

MOST_CELLS = 100_000_000
"""Of a table of prices: two runs of 10,000 steps each, beyond what begins and ends alike."""

# The runs that are tried as centre of a star; more are compared with these alone.
_POOL = 16
# Rows of the table of prices that are made at once.
_BLOCK = 256
# Sums of prices stand above so many bits; below them, the steps that are equal are counted.
_BITS = 21
_DIAGONAL, _LEFT, _UP = 0, 1, 2


def edits(table: StepTable, one: int, other: int, costs: Costs) -> tuple[list[Pair], int]:
    """Return the cheapest way from one run to another, and its price in thousandths.

    Of several that cost the same it is one with the most equal steps; what is left out comes
    before what is put in.

    Parameters
    ----------
    table : StepTable
        The steps.
    one, other : int
        The runs' positions in the table.
    costs : Costs
        The prices.

    Returns
    -------
    list of (int or None, int or None)
        Which step of the one, by its position, stands beside which of the other.
    int
        The price.

    Raises
    ------
    BadValue
        If both runs are too long.
    """
    a, b = table.rows[one], table.rows[other]
    whole_a, whole_b = table.whole[a], table.whole[b]
    head = _common(whole_a, whole_b)
    tail = _common(whole_a[head:][::-1], whole_b[head:][::-1])
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    _require_size(len(middle_a), len(middle_b))
    ways, price = _ways(table, middle_a, middle_b, costs)
    path: list[Pair] = [(at, at) for at in range(head)]
    path += [
        (None if at is None else at + head, None if to is None else to + head)
        for at, to in _walk(ways)
    ]
    path += [(len(a) - left, len(b) - left) for left in range(tail, 0, -1)]
    return path, price


def _require_size(n: int, m: int) -> None:
    if n * m > MOST_CELLS:
        raise BadValue(
            f"two runs can be aligned where steps times steps are at most {MOST_CELLS:,}, but "
            f"{n:,} and {m:,} steps came beyond what begins and ends alike; align a part of them."
        )


def _common(one: Integers, other: Integers) -> int:
    """Count the equal numbers at the beginning."""
    n = min(len(one), len(other))
    differ = np.flatnonzero(one[:n] != other[:n])
    return int(differ[0]) if len(differ) else n


def _ways(
    table: StepTable, a: Integers, b: Integers, costs: Costs
) -> tuple[NDArray[np.uint8], int]:
    """Fill the table row by row; return from where each cell was reached, and the last price.

    A row holds the cheapest sums; the way along a row, which asks for the cell before, is a running
    minimum once the gaps up to each cell are taken off.
    """
    gap = costs.gap_units << _BITS
    gaps = gap * np.arange(len(b) + 1, dtype=np.int64)
    ways = np.full((len(a) + 1, len(b) + 1), _UP, dtype=np.uint8)
    ways[0] = _LEFT
    row = gaps
    for first in range(0, len(a), _BLOCK):
        for at, prices in enumerate(_prices(table, a[first : first + _BLOCK], b, costs), first + 1):
            best = row + gap
            diagonal = row[:-1] + prices
            np.minimum(best[1:], diagonal, out=best[1:])
            row = np.minimum.accumulate(best - gaps) + gaps
            way = ways[at]
            # of ways that cost the same: side by side, else put in, which then comes last
            np.putmask(way[1:], row[1:] == row[:-1] + gap, _LEFT)
            np.putmask(way[1:], row[1:] == diagonal, _DIAGONAL)
    # equal steps were taken off below the bits of the price: round up
    return ways, int(-(-int(row[-1]) >> _BITS))


def _prices(table: StepTable, a: Integers, b: Integers, costs: Costs) -> Integers:
    units = table.prices(a, b, costs)
    never = 2 * costs.gap_units
    priced = np.where(units >= never, never + 1, units) << _BITS
    shown: Integers = priced - (units == 0)
    return shown


def _walk(ways: NDArray[np.uint8]) -> list[Pair]:
    """Walk back from the last cell to the first."""
    at, to = ways.shape[0] - 1, ways.shape[1] - 1
    path: list[Pair] = []
    while at or to:
        way = ways[at, to]
        at, to = at - (way != _LEFT), to - (way != _UP)
        path.append((None if way == _LEFT else int(at), None if way == _UP else int(to)))
    return path[::-1]


def star(table: StepTable, costs: Costs) -> tuple[list[Place], int]:
    """Align many runs by a star: each with the one in the middle, and so with each other.

    Parameters
    ----------
    table : StepTable
        The steps of two runs or more.
    costs : Costs
        The prices.

    Returns
    -------
    list of tuple of (int or None)
        Place by place, each run's step by its position.
    int
        The centre: of the runs, or of 16 spread evenly over them, the one from which the others
        are least far in sum.

    Notes
    -----
    Steps that the centre does not have, between two that it has, share a place where kind, agent,
    tools and arguments are equal and the order allows it.
    """
    n = len(table.rows)
    if n == 2:
        path, _ = edits(table, 0, 1, costs)
        return list(path), 0
    centre = _centre(table, costs)
    paths = [edits(table, centre, each, costs)[0] for each in range(n)]
    return _merged(table, centre, paths), centre


def _centre(table: StepTable, costs: Costs) -> int:
    n = len(table.rows)
    size = min(n, _POOL)
    pool = [at * (n - 1) // max(size - 1, 1) for at in range(size)]
    far = np.zeros((len(pool), len(pool)), dtype=np.int64)
    for at, one in enumerate(pool):
        for to in range(at):
            far[at, to] = far[to, at] = edits(table, one, pool[to], costs)[1]
    return pool[int(far.sum(axis=0).argmin())]


def _merged(table: StepTable, centre: int, paths: Sequence[list[Pair]]) -> list[Place]:
    n = len(paths)
    length = len(table.rows[centre])
    own: list[list[int | None]] = [[None] * n for _ in range(length)]
    slots: list[list[tuple[int, list[int | None]]]] = [[] for _ in range(length + 1)]
    for run, path in enumerate(paths):
        slot, place = 0, 0
        for at, to in path:
            if at is not None:
                own[at][run], slot, place = to, at + 1, 0
            elif to is not None:
                branch = int(table.branch[table.rows[run][to]])
                place = _put(slots[slot], place, branch, run, to, n) + 1
    merged: list[Place] = []
    for at in range(length + 1):
        merged += [tuple(column) for _, column in slots[at]]
        merged += [tuple(own[at])] if at < length else []
    return merged


def _put(
    slot: list[tuple[int, list[int | None]]], first: int, branch: int, run: int, step: int, n: int
) -> int:
    """Put a step into a place of a slot, from `first` on; return the place."""
    for place in range(first, len(slot)):
        if slot[place][0] == branch:
            slot[place][1][run] = step
            return place
    column: list[int | None] = [None] * n
    column[run] = step
    slot.insert(first, (branch, column))
    return first
