"""The timeline: what ran when, side by side in lanes, what waited, and what it cost.

A timeline is made once of a run. A browser asks for tiles of it, each half as long as the one above,
until a tile holds each step by itself; in longer ones, steps that are near each other are one block.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.display import number, plain
from workbench.trajectories.analysis.columns import Floats, Ints, Mask, covered_rows
from workbench.trajectories.analysis.durations import longest_chain
from workbench.trajectories.model import Json, Run, Step, counted_usage
from workbench.widgets.inspector.lanes import crowd, gaps, packed
from workbench.widgets.inspector.tree import enclosing, leaf_figures

ERROR, CRITICAL, POINT = 1, 2, 4
"""What the flags of a block say: it failed, it is on the critical path, it has no length."""
FIGURES = ("input_tokens", "cached_tokens", "output_tokens", "cost_usd")

_MOST_LANES, _MOST_GROUPS, _MOST_NAMES, _MOST_KINDS = 40, 12, 100, 60
_MOST_SINGLE, _MOST_BLOCKS = 480, 480  # of a tile: single things, or blocks of several steps
_CROWD_BINS, _SHORT_BINS = 64, 128
_MOST_UNITS = 2**40  # a page counts so far with few digits
_SMALLEST = 6  # the power of two of the shortest tile
_NAME_WIDTH = 40
_LONGEST = 10
_NO_AGENT, _OTHERS = "no agent named", "other agents"


@dataclass(frozen=True, eq=False)
class Timeline:
    """A run as bars in lanes.

    Parameters
    ----------
    head : dict
        What is told once: words, groups of lanes, kinds, names, the longest steps.
    steps, starts, ends, lanes, kinds, names, flags : array of int, shape (n_bars,)
        The bars in the order of their beginnings, in units from the beginning of the run.
    more : tuple of array of int
        Beginnings and ends of steps that no lane had room for, each sorted.
    waits : array of int, shape (n_waits, 2)
        When nothing ran.
    spent_at : array of int, shape (n_spent,)
        When steps that record tokens or dollars began, sorted.
    spent : array of float, shape (n_spent, 4)
        `FIGURES` of these, NaN where they record none.
    """

    head: dict[str, Json]
    steps: Ints
    starts: Ints
    ends: Ints
    lanes: Ints
    kinds: Ints
    names: Ints
    flags: Ints
    more: tuple[Ints, Ints]
    waits: Ints
    spent_at: Ints
    spent: Floats
    _long: dict[int, Ints] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> "Timeline":
        """Lay out a run.

        Examples
        --------
        >>> timeline = Timeline.of(Run("mine", steps=[Step("chat", ""), Step("chat", "")]))
        >>> timeline.head["words"][0]
        'No times were recorded: one unit per step.'
        """
        return _Layout(run).timeline()

    @property
    def power(self) -> int:
        """The power of two of the tile that holds all."""
        return int(self.head["power"])

    def page(self, power: int, place: int) -> dict[str, Json]:
        """Return a tile for a browser; the head for a power below nought.

        Parameters
        ----------
        power : int
            The tile is two to this power units long.
        place : int
            Which of these, from 0.
        """
        if power < 0:
            return {"head": self.head}
        power = min(max(power, min(_SMALLEST, self.power)), self.power)
        start = max(0, place) << power
        if start >= 1 << self.power:
            return {}
        return {"tile": self._tile(power, start)}

    def _tile(self, power: int, start: int) -> dict[str, Json]:
        length = 1 << power
        blocks, each = self._blocks(power, start)
        most = _MOST_SINGLE if each else _SHORT_BINS
        spent, all_spent = self._spent(start, length, most)
        waits, all_waits = self._waits(start, length, most)
        return {
            "power": power,
            "from": start,
            "whole": each and all_spent and all_waits,
            "blocks": blocks,
            "more": self._more(start, length),
            "waits": waits,
            "spent": spent,
        }

    def _bins(self) -> int:
        """Return into how many bins each lane of a tile is cut."""
        n_lanes = sum(group[1] for group in self.head["groups"]) or 1
        return 1 << (min(256, max(12, _MOST_BLOCKS // n_lanes)).bit_length() - 1)

    def _blocks(self, power: int, start: int) -> tuple[list[list[int]], bool]:
        """Return the bars of a tile, and whether each is one step."""
        width = max(1, (1 << power) // self._bins())
        if power not in self._long:
            self._long[power] = np.flatnonzero(self.ends - self.starts >= width)
        low, high = np.searchsorted(self.starts, [start, start + (1 << power)]).tolist()
        long = self._long[power]
        before = long[: np.searchsorted(long, low)]
        inside = np.arange(low, high)
        rows = np.concatenate([before[self.ends[before] > start], inside])
        if len(rows) <= _MOST_SINGLE:
            return self._told(rows, start), True
        short = self.ends[rows] - self.starts[rows] < width
        merged, alone = _merged(
            self, rows[short], (self.starts[rows[short]] - start) // width, start
        )
        return sorted(self._told(rows[~short], start) + merged, key=lambda block: block[1]), alone

    def _told(self, rows: Ints, start: int) -> list[list[int]]:
        """Return blocks of one step: lane, begin, end, step, 1, kind, name, flags."""
        one = np.ones(len(rows), np.int64)
        columns = (self.lanes[rows], self.starts[rows] - start, self.ends[rows] - start, self.steps[rows], one,
                   self.kinds[rows], self.names[rows], self.flags[rows])  # fmt: skip
        return np.stack(columns, axis=1).tolist()  # type: ignore[no-any-return]

    def _more(self, start: int, length: int) -> list[list[int]]:
        """Return how many steps without a lane there are at once: begin, end, number."""
        if not len(self.more[0]):
            return []
        n_bins = min(_CROWD_BINS, length)
        edges = start + np.arange(n_bins + 1) * (length // n_bins)
        counts = crowd(*self.more, edges)
        return [
            [int(edges[at] - start), int(edges[at + 1] - start), int(n)]
            for at, n in enumerate(counts)
            if n
        ]

    def _waits(self, start: int, length: int, most: int) -> tuple[list[list[int]], bool]:
        """Return the waits of a tile, only the longer ones where there are many."""
        inside = self.waits[(self.waits[:, 1] > start) & (self.waits[:, 0] < start + length)]
        if len(inside) <= most:
            return (inside - start).tolist(), True
        kept = inside[inside[:, 1] - inside[:, 0] >= length // _SHORT_BINS]
        return (kept - start).tolist(), False

    def _spent(self, start: int, length: int, most: int) -> tuple[list[list[Json]], bool]:
        """Return when what was spent: begin and `FIGURES`, summed in bins where there are many."""
        low, high = np.searchsorted(self.spent_at, [start, start + length]).tolist()
        at, figures = self.spent_at[low:high] - start, self.spent[low:high]
        each = high - low <= most
        if not each:
            width = max(1, length // _SHORT_BINS)
            bins, codes = np.unique(at // width, return_inverse=True)
            none = np.full((len(bins), len(FIGURES)), np.nan)
            at, figures = bins * width, _summed(codes, figures, none)
        rows = zip(at.tolist(), figures.tolist(), strict=True)
        return [[when, *map(_figure, row)] for when, row in rows], each


def _figure(value: float) -> float | None:
    """Return a sum as JSON has it: whole where it is, None where there is none."""
    return None if not np.isfinite(value) else int(value) if value == int(value) else value


def _summed(codes: Ints, figures: Floats, found: Floats) -> Floats:
    for column, values in enumerate(figures.T):
        known = ~np.isnan(values)
        sums = np.bincount(codes[known], values[known], len(found))
        some = np.bincount(codes[known], minlength=len(found)) > 0
        found[some, column] = sums[some]
    return found


def _merged(line: Timeline, rows: Ints, bins: Ints, start: int) -> tuple[list[list[int]], bool]:
    """Return short bars, those of one lane and one bin as one block, and whether none had company."""
    if not len(rows):
        return [], True
    order = np.lexsort((rows, bins, line.lanes[rows]))
    rows, bins = rows[order], bins[order]
    lanes = line.lanes[rows]
    opens = np.flatnonzero((np.diff(lanes, prepend=-1) != 0) | (np.diff(bins, prepend=-1) != 0))
    counts = np.diff(opens, append=len(rows))
    alone = counts == 1
    codes = np.repeat(np.arange(len(opens)), counts)
    columns = (
        lanes[opens],
        line.starts[rows[opens]] - start,
        np.maximum.reduceat(line.ends[rows], opens) - start,
        line.steps[rows[opens]],
        counts,
        _commonest(codes, line.kinds[rows]),
        np.where(alone, line.names[rows[opens]], -1),
        np.where(
            alone, line.flags[rows[opens]], np.bitwise_or.reduceat(line.flags[rows], opens) & ~POINT
        ),
    )
    return np.stack(columns, axis=1).tolist(), bool(alone.all())


def _commonest(codes: Ints, kinds: Ints) -> Ints:
    """Return the kind that is most frequent in each block."""
    n_kinds = int(kinds.max()) + 1
    pairs, counts = np.unique(codes * n_kinds + kinds, return_counts=True)
    blocks, found = pairs // n_kinds, pairs % n_kinds
    order = np.lexsort((-found, counts, blocks))
    commonest: Ints = found[order[np.flatnonzero(np.diff(blocks[order], append=-1) != 0)]]
    return commonest


class _Layout:
    """Lays out a run."""

    def __init__(self, run: Run) -> None:
        self.run, self.n_steps = run, len(run.steps)
        begins = _counts(step.start_ns for step in run.steps)
        ends = _counts(step.end_ns for step in run.steps)
        self.recorded = bool((begins >= 0).any())
        if not self.recorded:
            begins = np.arange(self.n_steps)
            ends = begins + 1
        self.placed: Mask = begins >= 0
        self.timed: Mask = self.placed & (ends >= begins)
        self.begins, self.ends = begins, np.where(self.timed, ends, begins)
        self.leaf: Mask = self.timed & ~covered_rows(
            self.timed, np.array(enclosing(run.steps), np.int64)
        )
        self.critical = np.zeros(self.n_steps, bool)
        self.figures = list(leaf_figures(run, FIGURES))

    def timeline(self) -> Timeline:
        """Return the bars, and what is told of them."""
        order = np.lexsort((np.arange(self.n_steps), -self.ends, self.begins))
        rows = order[self.placed[order]]
        groups, group_of = _groups(self.run.steps)
        lanes, n_lanes = self._lanes(rows, group_of, len(groups))
        waits = self._waits()
        self._mark_critical()
        first = int(self.begins[rows].min()) if len(rows) else 0
        span = int(self.ends[rows].max()) - first if len(rows) else 0
        unit = next(10**n for n in range(20) if span // 10**n < _MOST_UNITS)
        kinds, kind_of = _kinds(self.run.steps)
        names, name_of = _coded([_name(step) for step in self.run.steps], _MOST_NAMES)
        in_units = [(times - first) // unit for times in (self.begins, self.ends)]
        shown, over = rows[lanes >= 0], rows[lanes < 0]
        spent_at, spent = self._spent(rows, in_units[0])
        head = {
            "recorded": self.recorded,
            "origin": str(first),
            "unit": unit,
            "span": max(1, -(-span // unit)),
            "power": max(1, int(max(1, -(-span // unit))).bit_length()),
            "groups": [[name, n] for name, n in zip(groups, n_lanes, strict=True)],
            "kinds": [plain(kind, width=_NAME_WIDTH) for kind in kinds],
            "names": [plain(name, width=_NAME_WIDTH) for name in names],
            "more": len(over) > 0,
            "spends": len(spent_at) > 0,
            "words": self._words(waits, len(over)),
            "longest": self._longest(),
        }
        flags = (
            ERROR * np.array([step.status == "error" for step in self.run.steps], np.int64)
            + CRITICAL * self.critical
            + POINT * (self.ends == self.begins)
        )
        return Timeline(
            head, shown, in_units[0][shown], in_units[1][shown], lanes[lanes >= 0], kind_of[shown], name_of[shown],
            flags[shown], (np.sort(in_units[0][over]), np.sort(in_units[1][over])), (waits - first) // unit, spent_at, spent,
        )  # fmt: skip

    def _lanes(self, rows: Ints, group_of: Ints, n_groups: int) -> tuple[Ints, list[int]]:
        """Return the lane of each bar, and how many lanes each group has."""
        lanes, n_lanes = np.full(len(rows), -1), list[int]()
        most = max(2, _MOST_LANES // max(1, n_groups))
        for group in range(n_groups):
            own = np.flatnonzero(group_of[rows] == group)
            found = packed(self.begins[rows[own]], self.ends[rows[own]], most)
            lanes[own] = np.where(found >= 0, found + sum(n_lanes), -1)
            n_lanes.append(int(found.max(initial=-1)) + 1)
        return lanes, n_lanes

    def _work(self) -> Ints:
        """Return the steps that are work of their own, in the order of their beginnings."""
        rows = np.flatnonzero(self.leaf)
        return rows[np.lexsort((self.ends[rows], self.begins[rows]))]

    def _waits(self) -> Ints:
        work = self._work()
        if not self.recorded or not len(work):
            return np.zeros((0, 2), np.int64)
        first, last = self.begins[self.timed].min(), self.ends[self.timed].max()
        return gaps(self.begins[work], self.ends[work], int(first), int(last))

    def _mark_critical(self) -> None:
        work = self._work()
        if self.recorded and len(work):
            self.critical[work[longest_chain(self.begins[work], self.ends[work])]] = True

    def _spent(self, rows: Ints, begins: Ints) -> tuple[Ints, Floats]:
        columns = [
            np.array([np.nan if value is None else value for value in values], float)
            for values in self.figures
        ]
        figures = np.stack(columns, axis=1)
        rows = rows[~np.isnan(figures[rows]).all(axis=1)]
        return begins[rows], figures[rows]

    # ---------------------------------------------------------------------------------- words

    def _words(self, waits: Ints, n_over: int) -> list[str]:
        return [*self._times(waits), *self._left_out(n_over), *self._usage()]

    def _times(self, waits: Ints) -> list[str]:
        if not self.recorded:
            return ["No times were recorded: one unit per step."]
        told = (
            [] if self.run.time_source == "recorded" else ["The times are derived, not recorded."]
        )
        if not self.timed.any():
            return [*told, "No step says how long it took: each is a point where it began."]
        wall = int(self.ends[self.timed].max() - self.begins[self.timed].min())
        waiting = int((waits[:, 1] - waits[:, 0]).sum())
        critical = int((self.ends - self.begins)[self.critical].sum())
        share = f" ({waiting / wall:.0%} in {_several(len(waits), 'gap')})" if waiting else ""
        return [
            *told,
            f"{span_text(wall)} in all: busy {span_text(wall - waiting)}, waiting {span_text(waiting)}{share}, "
            f"critical path {span_text(critical)} in {_several(int(self.critical.sum()), 'step')}.",
        ]

    def _left_out(self, n_over: int) -> Iterator[str]:
        n_without = int((~self.placed).sum())
        if n_without:
            yield f"{_several(n_without, 'step')} without times {_is(n_without)} not drawn."
        n_points = int((self.placed & ~self.timed).sum())
        if n_points and self.timed.any():
            yield f"{_several(n_points, 'step')} without an end {_is(n_points)} drawn as points."
        if n_over:
            yield f"{_several(n_over, 'step')} for which the lanes are too few {_is(n_over)} counted below them."

    def _usage(self) -> Iterator[str]:
        sums = [[value for value in values if value is not None] for values in self.figures]
        read, cached, wrote, cost = (math.fsum(values) if values else None for values in sums)
        if not any(sums):
            usage = counted_usage(self.run)  # what the source states of the whole
            read, cached, wrote, cost = (getattr(usage, name) for name in FIGURES)
        told = []
        if read is not None or wrote is not None:
            told.append(
                _tokens(read, "in") + ("" if cached is None else f" ({cached:,.0f} from a cache)")
            )
            told.append(_tokens(wrote, "out"))
        if cost is not None:
            told.append(f"${number(cost)}")
        if told:
            yield ", ".join(told) + (
                " (stated for the run, not for its steps)." if not any(sums) else "."
            )

    def _longest(self) -> list[list[Json]]:
        """Return the longest steps: number, kind, name, milliseconds."""
        if not self.recorded:
            return []
        rows = np.flatnonzero(self.timed)
        took = self.ends[rows] - self.begins[rows]
        best = rows[np.lexsort((rows, -took))][:_LONGEST]
        return [
            [int(at), plain(step.kind, width=_NAME_WIDTH), plain(_name(step), width=_NAME_WIDTH), int(self.ends[at] - self.begins[at]) / 1e6]
            for at in best
            for step in [self.run.steps[at]]
        ]  # fmt: skip


def _is(n: int) -> str:
    return "is" if n == 1 else "are"


def _several(n: int, word: str) -> str:
    return f"{n:,} {word}{'s' * (n != 1)}"


def _tokens(n: float | None, way: str) -> str:
    return f"{way} not recorded" if n is None else f"{n:,.0f} token{'s' * (n != 1)} {way}"


def span_text(nanoseconds: float) -> str:
    """Return a length of time for people.

    Examples
    --------
    >>> [span_text(each) for each in (0, 1_500, 2_300_000, 4_560_000_000, 150e9, 7.3e12)]
    ['0 s', '1.5 µs', '2.3 ms', '4.56 s', '2 min 30 s', '2 h 1 min']
    """
    if nanoseconds < 60e9:
        for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)):
            if nanoseconds >= size or not nanoseconds:
                return f"{nanoseconds / size:.3g} {unit}"
    minutes, seconds = divmod(round(nanoseconds / 1e9), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _counts(values: Any) -> Ints:  # noqa: ANN401 - times, or None
    """Return times, −1 for none, and for what no clock says."""
    return np.array(
        [-1 if each is None or not 0 <= each < 2**62 else each for each in values], np.int64
    )


def _name(step: Step) -> str:
    named = step.tool or (step.agent if step.kind == "invoke_agent" else None) or step.name
    return (named or "")[:400]


def _kinds(steps: Sequence[Step]) -> tuple[list[str], Ints]:
    """Return the commonest kinds, and for each step which of them it is; the rest are others."""
    known, codes = _coded([step.kind for step in steps], _MOST_KINDS)
    others = ["wb.other"] if (codes < 0).any() else []
    return known + others, np.where(codes < 0, len(known), codes)


def _coded(values: Sequence[str], most: int) -> tuple[list[str], Ints]:
    """Return the commonest values, and for each which of them it is; −1 for none and the rest."""
    known = [value for value, _ in Counter(values).most_common(most) if value]
    codes = {value: at for at, value in enumerate(known)}
    return known, np.array([codes.get(value, -1) for value in values], np.int64)


def _groups(steps: Sequence[Step]) -> tuple[list[str], Ints]:
    """Return the agents in the order of their first steps, and whose each step is.

    A step that names no agent is that of the step which asked for it, or encloses it.
    """
    if len({step.agent for step in steps}) <= 1:
        return [""] if steps else [], np.zeros(len(steps), np.int64)
    agents = list[str | None]()
    for at, step in enumerate(steps):
        above = (up for up in (step.call_step, step.parent) if up is not None and 0 <= up < at)
        agents.append(step.agent or next((agents[up] for up in above if agents[up]), None))
    order = list(dict.fromkeys(agents))
    if len(order) == 1:
        return [""], np.zeros(len(steps), np.int64)
    codes = {agent: min(at, _MOST_GROUPS - 1) for at, agent in enumerate(order)}
    names = [plain((agent or _NO_AGENT)[:400], width=_NAME_WIDTH) for agent in order]
    if len(names) > _MOST_GROUPS:
        names = [*names[: _MOST_GROUPS - 1], _OTHERS]
    return names, np.array([codes[agent] for agent in agents], np.int64)


# --------------------------------------------------------------------------------------- a file


def pieces(run: Run) -> dict[str, Json]:
    """Return what a file holds of a timeline, by name: the head, and tiles down to single steps.

    Parameters
    ----------
    run : Run
        The run.
    """
    line = Timeline.of(run)
    found: dict[str, Json] = {"l": {"head": line.head}}
    pending = [(line.power, 0)]
    while pending:
        power, place = pending.pop()
        tile = line.page(power, place)["tile"]
        if power == line.power:
            found["l"]["tile"] = tile
        else:
            found[f"l{power}-{place}-"] = {"tile": tile}
        # every second size is enough to look at, and half as much to keep
        if not tile["whole"] and power > _SMALLEST + 1:
            pending += [(power - 2, 4 * place + part) for part in range(4)]
    return found
