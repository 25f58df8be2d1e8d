"""STEPS as arrays: codes for names, −1 for what is not recorded, and sums by group.

Everything here works on whole columns; nothing loops over steps.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadKind, BadValue, unknown_name
from workbench.trajectories.collection import Runs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Source: TypeAlias = Runs | pa.Table | pd.DataFrame

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

NONE = -1
# So many figures become Python floats at once: 48 MB.
_BLOCK = 2_000_000


class Names(NamedTuple):
    """A column of names: for each step the position of its name, −1 where it has none."""

    codes: Ints
    known: list[str]

    def mask(self, *wanted: str) -> Mask:
        """Tell which steps have one of these names."""
        chosen = np.array([name in wanted for name in self.known] + [False])
        return chosen[self.codes]


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of many runs, column by column.

    Parameters
    ----------
    table : pyarrow Table
        STEPS; the steps of a run in their order.

    Examples
    --------
    >>> from workbench.trajectories.model import Run, Step
    >>> steps = Steps.of(Runs.of([Run("mine", name="a", steps=[Step("chat", "/0", model="m")])]))
    >>> steps.names("model").known, steps.counts("start_ns").tolist()
    (['m'], [-1])
    """

    table: "pa.Table"

    @classmethod
    def of(cls, source: "Source") -> "Steps":
        """Take the steps of runs, or of a table or frame of STEPS.

        Raises
        ------
        BadKind
            If it is none of these.
        UnknownName
            If a table lacks `run_id`, `step` or `kind`.
        """
        import pandas as pd
        import pyarrow as pa

        if isinstance(source, Runs):
            return cls(source.table)
        if isinstance(source, pd.DataFrame):
            source = pa.Table.from_pandas(source, preserve_index=False)
        if not isinstance(source, pa.Table):
            raise BadKind(
                f"steps must be Runs, or a table of STEPS, but {type(source).__name__} came; "
                "pass what trajectories.read returned."
            )
        for name in ("run_id", "step", "kind"):
            if name not in source.column_names:
                raise unknown_name("a column of STEPS", name, source.column_names)
        return cls(source)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def names(self, column: str) -> Names:
        """Return a column of names; one that the table lacks has none."""
        import pyarrow as pa

        if column not in self.table.column_names:
            return Names(np.full(len(self), NONE, np.int32), [])
        chunks = self.table.column(column)
        if not pa.types.is_dictionary(chunks.type):
            chunks = chunks.cast(pa.string()).dictionary_encode()
        whole = _joined(chunks.unify_dictionaries())
        codes = whole.indices.fill_null(NONE).to_numpy(zero_copy_only=False)
        return Names(codes, whole.dictionary.cast(pa.string()).to_pylist())

    def counts(self, column: str) -> Ints:
        """Return a column of whole numbers, −1 for "not recorded"."""
        import pyarrow as pa

        counts: Ints = self._numbers(column, pa.int64(), NONE)
        return counts

    @property
    def costs(self) -> Floats:
        """The recorded dollars, NaN for "not recorded"."""
        import pyarrow as pa

        costs: Floats = self._numbers("cost_usd", pa.float64(), np.nan)
        return costs

    def _numbers(self, column: str, kind: "pa.DataType", absent: float) -> Any:  # noqa: ANN401 - an array of that kind
        if column not in self.table.column_names:
            return np.broadcast_to(np.array(absent), len(self))
        whole = self._column(column, kind)
        if whole.null_count:
            whole = whole.fill_null(absent)
        return whole.to_numpy(zero_copy_only=False)

    def _column(self, column: str, kind: "pa.DataType") -> "pa.Array":
        chunks = self.table.column(column)
        return _joined(chunks if chunks.type == kind else chunks.cast(kind))

    def raw(self, column: str) -> Any:  # noqa: ANN401 - an array of whole numbers or of floats
        """Return a column of numbers without a copy; where `has` is false it holds anything."""
        import pyarrow as pa

        dollars = column == "cost_usd"
        if column not in self.table.column_names:
            return np.broadcast_to(np.array(np.nan if dollars else NONE), len(self))
        whole = self._column(column, pa.float64() if dollars else pa.int64())
        values = whole.buffers()[1]
        if not len(whole) or values is None:
            return np.zeros(len(whole), np.float64 if dollars else np.int64)
        kept = slice(whole.offset, whole.offset + len(whole))
        return np.frombuffer(values, np.float64 if dollars else np.int64)[kept]

    def has(self, column: str) -> Mask:
        """Tell which steps record something in a column."""
        if column not in self.table.column_names:
            return np.zeros(len(self), bool)
        valid: Mask = _joined(self.table.column(column).is_valid()).to_numpy(zero_copy_only=False)
        return valid

    @property
    def runs(self) -> Names:
        """Each step's run."""
        return self.names("run_id")

    def above(self) -> Ints | None:
        """Return the row of the step that encloses each, −1 for none; None where none is enclosed."""
        parents = self.counts("parent")
        inside = parents >= 0
        if not inside.any():
            return None
        runs, numbers = self.runs.codes, self.counts("step")
        starts = np.flatnonzero(np.diff(runs, prepend=-2))
        sizes = np.diff(starts, append=len(self))
        apart = len(np.unique(runs[starts])) < len(starts)
        # in a whole run the numbers are 0, 1, 2, …: as many steps of one up as there are others
        if (
            apart
            or numbers[starts].any()
            or (np.diff(numbers) == 1).sum() < len(self) - len(starts)
        ):
            return _looked_up(runs.astype(np.int64), numbers, parents)
        inside &= parents < np.repeat(sizes, sizes)
        rows = parents + np.repeat(starts, sizes)
        rows[~inside] = NONE
        return rows.astype(np.int32) if len(self) < 2**31 else rows

    def errors(self) -> Mask | None:
        """Tell which steps failed; None where no step at all says how it ended."""
        status = self.names("status")
        failed = status.mask("error") | (self.names("error_type").codes != NONE)
        return failed if failed.any() or status.mask("ok", "cancelled").any() else None

    def counted(self) -> Mask:
        """Tell which steps are neither demos nor copied context; all where the table does not say."""
        if "uncounted" not in self.table.column_names:
            return np.ones(len(self), bool)
        told = _joined(self.table.column("uncounted")).fill_null(False)
        apart: Mask = told.to_numpy(zero_copy_only=False)
        return ~apart

    def calls(self) -> Mask:
        """Tell which steps are calls of tools."""
        return self.names("kind").mask("execute_tool") & self.counted()

    def durations(self) -> Ints:
        """Return how long each step took in nanoseconds, −1 where its times are not recorded.

        A step that ends before it begins has no duration.
        """
        start, end = self.counts("start_ns"), self.counts("end_ns")
        return np.where((start >= 0) & (end >= start), end - start, NONE)


def _joined(chunks: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    if chunks.num_chunks == 1:
        return chunks.chunk(0)
    whole = chunks.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # of no chunks, or more than an array holds
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return whole


def _looked_up(runs: Ints, numbers: Ints, parents: Ints) -> Ints:
    """Find the rows of parents in a table whose runs are not whole or not together."""
    size = int(numbers.max()) + 1
    keys, wanted = runs * size + numbers, runs * size + np.minimum(parents, size)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    rows = order[at]
    found = (parents >= 0) & (parents < size) & (keys[rows] == wanted)
    return np.where(found, rows, NONE)


def covered_rows(has: Mask, above: Ints | None) -> Mask:
    """Tell for each step whether one below it has a figure, so that its own would repeat it.

    Parameters
    ----------
    has : array of bool
        Whether the step has the figure.
    above : array of int, optional
        The row of the step that encloses it; None where no step is enclosed.

    Examples
    --------
    >>> covered_rows(np.array([True, True, False]), np.array([-1, 0, 0])).tolist()
    [True, False, False]
    """
    covered = np.zeros(len(has), bool)
    if above is None:
        return covered
    origin = np.flatnonzero(has & (above >= 0))
    up = above[origin]
    mark = np.empty(len(has), above.dtype)
    while len(up):
        go = (up != origin) & ~covered[up]  # a circle of parents ends the walk
        origin, up = origin[go], up[go]
        covered[up] = True
        mark[up] = np.arange(len(up))
        alone = mark[up] == np.arange(len(up))  # one walker goes on from each
        origin, up = origin[alone], above[up[alone]]
        origin, up = origin[up >= 0], up[up >= 0]
    return covered


def tallied(codes: Ints, n_groups: int, mask: Mask) -> Ints:
    """Count in each group the rows for which something holds."""
    return np.bincount(codes[mask & (codes >= 0)], minlength=n_groups)


def summed(codes: Ints, n_groups: int, counts: Ints) -> Ints:
    """Add whole numbers by group, exactly; a group in which none is recorded has −1.

    Parameters
    ----------
    codes : array of int
        The group of each row, −1 for none.
    n_groups : int
        How many groups there are.
    counts : array of int
        What is added, −1 for "not recorded".

    Raises
    ------
    BadValue
        If all together pass 2**62.

    Examples
    --------
    >>> summed(np.array([1, 0, 1, -1]), 3, np.array([5, -1, 6, 9])).tolist()
    [-1, 11, -1]
    """
    kept = (counts >= 0) & (codes >= 0)
    if not kept.all():
        codes, counts = codes[kept], counts[kept]
    total = float(counts.sum(dtype=np.float64))
    if total >= 2.0**62:
        raise BadValue(
            "counts must add to less than 2**62, but these pass it; look for one that cannot be."
        )
    # a float64 adds whole numbers without error below 2**53; above that, in two parts
    if total < 2.0**53:
        sums = np.bincount(codes, counts, n_groups).astype(np.int64)
    else:
        sums = np.bincount(codes, counts & (2**26 - 1), n_groups).astype(np.int64)
        sums += np.bincount(codes, counts >> 26, n_groups).astype(np.int64) << 26
    return np.where(np.bincount(codes, minlength=n_groups) > 0, sums, NONE)


class Groups:
    """Rows put together by a code.

    Parameters
    ----------
    codes : array of int
        The group of each row, from 0; a row with −1 is in none.
    n_groups : int
        How many there are.

    Examples
    --------
    >>> groups = Groups(np.array([1, 0, 1, -1]), 2)
    >>> [part.tolist() for part in groups.parts(np.array([5, 7, 6, 9]))]
    [[7], [5, 6]]
    """

    def __init__(self, codes: Ints, n_groups: int) -> None:
        rows = None if (codes >= 0).all() else np.flatnonzero(codes >= 0)
        kept = codes if rows is None else codes[rows]
        self.sizes: Ints = np.bincount(kept, minlength=n_groups)
        self.bounds: Ints = np.concatenate([[0], np.cumsum(self.sizes)])
        if (kept[1:] < kept[:-1]).any():
            # numbers of 16 bits are sorted by counting
            small = kept.astype(np.int16) if n_groups < 2**15 else kept
            order = np.argsort(small, kind="stable")
            rows = order if rows is None else rows[order]
        self._rows = rows

    def ordered(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values group by group."""
        return values if self._rows is None else values[self._rows]

    def parts(self, values: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """Yield the values of each group."""
        ordered = self.ordered(values)
        for start, end in pairwise(self.bounds.tolist()):
            yield ordered[start:end]


def exact_sums(codes: Ints, n_groups: int, figures: Floats) -> Floats:
    """Add floats by group, each sum rounded once; a group in which none is recorded has NaN.

    Parameters
    ----------
    codes : array of int
        The group of each row, −1 for none.
    n_groups : int
        How many groups there are.
    figures : array of float
        What is added, NaN for "not recorded".

    Examples
    --------
    >>> exact_sums(np.array([1, 0, 1, 1]), 2, np.array([0.1, float("nan"), 0.2, 0.3])).tolist()
    [nan, 0.6]
    """
    groups = Groups(np.where(np.isnan(figures), NONE, codes), n_groups)
    return np.array(list(_fsums(groups.ordered(figures), groups.bounds)), np.float64)


def _fsums(values: Floats, bounds: Ints) -> Iterator[float]:
    """Yield the exact sum between any two bounds, with few Python floats at a time."""
    held, start = list[float](), 0
    for low, high in pairwise(bounds.tolist()):
        if high > start + len(held):
            start, held = low, values[low : max(high, low + _BLOCK)].tolist()
        yield math.fsum(held[low - start : high - start]) if high > low else math.nan
