"""The statistics of all outputs under all metrics: in chunks, here or elsewhere, or from a cache."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue
from workbench.metrics.base import Array, Metric, complete, parted
from workbench.metrics.caching import Cache, Keys
from workbench.metrics.repeats import OfRepeats
from workbench.workers import Where, spread

if TYPE_CHECKING:
    import pandas as pd

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

# Outputs of a chunk: a thirty-second of all, but neither so few that each is mostly begun and ended
# nor so many that they fill the memory or let other workers wait.
_FEWEST, _LARGEST, _SHARES = 2_000, 5_000, 32


class Measured(NamedTuple):
    """By metric: statistics, notes, and of how many outputs they were at hand."""

    statistics: dict[str, Array]
    notes: dict[str, Array]
    reused: dict[str, int]


def measured(
    metrics: Sequence[Metric],
    outputs: "pd.DataFrame",
    *,
    executor: Where = "auto",
    cache: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Return the statistics of outputs under each metric, NaN for those that cannot be scored.

    Parameters
    ----------
    metrics : sequence of Metric
        With distinct names.
    outputs : DataFrame
        OUTPUTS joined with ROWS.
    executor, cache, progress
        As `score` has them.
    """
    sheets = [_Sheet(metric, outputs) for metric in _by_output(metrics)]
    with nullcontext() if cache is None else closing(Cache(cache)) as kept:
        if kept:
            keys = Keys(outputs)
            for sheet in sheets:
                sheet.recall(kept, keys)
        with closing(_computed(sheets, outputs, executor, progress)) as computed:
            for rows, parts in computed:
                for sheet, part in zip(sheets, parts, strict=True):
                    sheet.fill(rows, part, kept)
    found = [(metric.name, *_of(metric, sheets, outputs)) for metric in metrics]
    return Measured(
        {name: statistics for name, statistics, _, _ in found},
        {name: notes for name, _, notes, _ in found},
        {name: n_reused for name, _, _, n_reused in found},
    )


def _by_output(metrics: Sequence[Metric]) -> list[Metric]:
    """Return the metrics that each output has by itself, those that others are made of too."""
    chosen = [each for each in metrics if not isinstance(each, OfRepeats)]
    for each in metrics:
        inner = each.inner if isinstance(each, OfRepeats) else None
        if inner is not None and inner not in chosen:
            chosen.append(inner)
    return chosen


def _of(
    metric: Metric, sheets: Sequence["_Sheet"], outputs: "pd.DataFrame"
) -> tuple[Array, Array, int]:
    """Return a metric's statistics, its notes, and how many were at hand."""
    if not isinstance(metric, OfRepeats):
        sheet = next(each for each in sheets if each.metric is metric)
        return *parted(metric, sheet.statistics), sheet.n_reused
    if metric.inner is None:
        scorable = metric.scorable(outputs)
        _require_some(metric, scorable)
        values, n_reused = np.where(scorable, 1.0, np.nan), 0
    else:
        sheet = next(each for each in sheets if each.metric == metric.inner)
        statistics, _ = parted(metric.inner, sheet.statistics)
        scored = complete(statistics)
        values = np.where(scored, metric.inner.aggregate(statistics), np.nan)
        n_reused = sheet.n_reused
    return *parted(metric, metric.over(outputs, values)), n_reused


def _require_some(metric: Metric, scorable: Flags) -> None:
    if not scorable.any():
        raise BadValue(
            f"{metric.name} needs at least one output to score, but all {len(scorable)} failed; "
            "look at the column 'error'."
        )


class _Sheet:
    """The statistics of all outputs under one metric, filled in as they come."""

    def __init__(self, metric: Metric, outputs: "pd.DataFrame") -> None:
        self.metric = metric
        self.statistics: Array = np.empty((0, 0))
        self.wanted: Flags = np.array(metric.scorable(outputs))
        self.n_reused = 0
        self._n_outputs = len(outputs)
        self._keys: list[bytes] = []
        _require_some(metric, self.wanted)
        metric.refuse(outputs[self.wanted])

    def recall(self, kept: Cache, keys: Keys) -> None:
        """Fill in what is at hand, and want it no more."""
        self._keys = keys.of(self.metric)
        places: dict[bytes, list[int]] = {}
        for place in np.flatnonzero(self.wanted).tolist() if self._keys else ():
            places.setdefault(self._keys[place], []).append(place)
        for key, row in kept.recall(list(places)):
            self._put(places[key], row)
            self.wanted[places[key]] = False
            self.n_reused += len(places[key])

    def fill(self, rows: Ints, found: Array, kept: Cache | None) -> None:
        """Fill in what was computed of those outputs among some that were wanted, and keep it."""
        places = rows[self.wanted[rows]].tolist()
        self._put(places, found)
        if kept and self._keys:
            kept.keep([self._keys[place] for place in places], found)

    def _put(self, places: list[int], found: Array) -> None:
        if not places:
            return
        if not self.statistics.size:
            self.statistics = np.full((self._n_outputs, found.shape[-1]), np.nan)
        self.statistics[places] = found


def _computed(
    sheets: Sequence[_Sheet],
    outputs: "pd.DataFrame",
    executor: Where,
    progress: Callable[[int, int], None] | None,
) -> Generator[tuple[Ints, list[Array]]]:
    """Yield the places of some outputs, and the statistics of those that each metric wants."""
    rows = np.flatnonzero(np.any([sheet.wanted for sheet in sheets], axis=0))
    size = min(_LARGEST, max(_FEWEST, len(rows) // _SHARES))
    chunks = [rows[at : at + size] for at in range(0, len(rows), size)]
    metrics = [sheet.metric for sheet in sheets]
    needed = outputs[_columns(metrics, outputs)]
    jobs = (
        (metrics, needed.iloc[chunk], [sheet.wanted[chunk] for sheet in sheets]) for chunk in chunks
    )
    movable = all(metric.movable for metric in metrics)
    total, n_done = len(outputs) * max(1, len(sheets)), 0
    with closing(
        spread(_statistics, jobs, len(chunks), executor=executor, movable=movable)
    ) as found:
        for chunk, parts in zip(chunks, found, strict=True):
            yield chunk, parts
            n_done += len(chunk)
            if progress:
                progress(total * n_done // len(rows), total)
    if progress and not chunks:
        progress(total, total)


def _columns(metrics: Sequence[Metric], outputs: "pd.DataFrame") -> list[str]:
    """Return the columns that metrics read, and those by which they name an output."""
    read = [metric.columns_read() for metric in metrics]
    if None in read:
        return list(outputs.columns)
    needed = {"output_id", "row_id", *(name for names in read for name in names or ())}
    return [name for name in outputs.columns if name in needed]


def _statistics(
    metrics: Sequence[Metric], outputs: "pd.DataFrame", wanted: Sequence[Flags]
) -> list[Array]:
    """Return the statistics of those outputs of a chunk that each metric wants."""
    return [
        _valid(metric, outputs if flags.all() else outputs[flags])
        if flags.any()
        else np.empty((0, 0))
        for metric, flags in zip(metrics, wanted, strict=True)
    ]


def _valid(metric: Metric, outputs: "pd.DataFrame") -> Array:
    """Return what `statistics` returns, if a figure can be made of it."""
    array, came = _array(metric.statistics(outputs))
    if array.ndim != 2 or len(array) != len(outputs):
        raise BadValue(
            f"{metric.name}.statistics must return finite numbers of shape ({len(outputs)}, k), but "
            f"{came} came; return one row per output."
        )
    least = 2 if type(metric).aggregate is Metric.aggregate else 1
    if array.shape[1] < least + len(metric.notes):
        raise BadValue(
            f"{metric.name}.statistics must return a value, its weight and any notes of each output, "
            f"but {came} came; return [value, 1] and the notes, or define `aggregate`."
        )
    finite = _finite(metric, array)
    if not finite.all():
        at = np.argmin(finite.all(axis=1))
        raise BadValue(
            f"{metric.name}.statistics must return finite numbers, but {array[at][~finite[at]][0]} "
            f"came for output {outputs['output_id'].iloc[at]!r}; return a number, or NaN beside a note."
        )
    return array


def _array(statistics: object) -> tuple[Array, str]:
    """Return an array of numbers, without dimensions if it cannot be one, and what to call it."""
    try:
        array = np.asarray(statistics, dtype=np.float64)
    except (TypeError, ValueError):
        return np.empty(()), "texts or rows of unequal length"
    return array, f"an array of shape {array.shape}"


def _finite(metric: Metric, array: Array) -> Flags:
    """Tell of each number whether it is finite, or explained by a note."""
    statistics, notes = parted(metric, array)
    explained = np.isnan(statistics) & (notes > 0).any(axis=1, keepdims=True)
    return np.concatenate([np.isfinite(statistics) | explained, np.isfinite(notes)], axis=1)
