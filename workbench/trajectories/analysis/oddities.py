"""Runs unlike the others: in their length, cost, tools, time and path, each with its reason."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench import display
from workbench.errors import BadValue, unknown_name
from workbench.trajectories.analysis.calls import Calls, with_ends
from workbench.trajectories.analysis.columns import Floats, Groups, Ints
from workbench.trajectories.collection import Runs

if TYPE_CHECKING:
    import pandas as pd

# 1 / Φ⁻¹(3/4): the median absolute deviation of a normal distribution, times this, is its sigma.
_SIGMA = 1.4826022185056018

FEWEST = 8
"""Fewer runs than this say too little of what is usual."""


def anomalies(
    runs: Runs, *, by: str | None = None, limit: float = 3.5, smoothing: float = 1.0
) -> "pd.DataFrame":
    """Find runs that are unlike the others, and say why.

    Parameters
    ----------
    runs : Runs
        The runs; each is compared with all others.
    by : str, optional
        A column of RUNS, such as "task_id" or "model": runs are compared within its groups.
    limit : float
        How many robust standard deviations from the median are too many.
    smoothing : float
        What is added to each count of a transition; above 0.

    Returns
    -------
    DataFrame
        A row per run and figure that stands out, the most striking first: `run_id`, `figure`
        ("steps", "cost", "calls", "tools", "duration", "path", or a rule: "empty", "clock"),
        `value`, `median`, `z` (NA for rules), `reason`.

    Raises
    ------
    BadValue
        If `limit` or `smoothing` is not above 0.
    UnknownName
        If there is no such column.

    Notes
    -----
    z is the distance from the median in units of 1.4826 times the median absolute deviation. Where
    that deviation is 0, more than half of the runs agree exactly, and z has no meaning: nothing is
    said of that figure. Nor is anything said of fewer than 8 runs that have it. Two rules need no
    comparison: a run without steps, and one that ends before it begins.

    "path" is the mean surprise per call, in bits, of a run's sequence of tools with its beginning
    and end, under a first-order Markov model whose counts come of all other runs, with `smoothing`
    added to each. Only a path that is more surprising than usual is told.

    References
    ----------
    Iglewicz and Hoaglin (1993), "How to detect and handle outliers", for z and its limit of 3.5;
    Chen and Goodman (1999), section 2.1, for additive smoothing.

    Examples
    --------
    >>> from workbench.trajectories.model import Run, Step
    >>> lengths = [8, 9, 10, 10, 11, 12, 10, 9, 11, 40]
    >>> runs = Runs.of([Run("mine", steps=[Step("chat", "")] * n) for n in lengths])
    >>> anomalies(runs)[["run_id", "reason"]].values.tolist()
    [['run-9', '40 steps, where the median is 10: 20.2 robust standard deviations above']]
    """
    import pandas as pd

    if limit <= 0 or smoothing <= 0:
        raise BadValue(
            f"limit and smoothing must be above 0, but {limit} and {smoothing} came; use 3.5 and 1."
        )
    frame = runs.frame
    if by is not None and by not in frame:
        raise unknown_name("by", by, frame.columns)
    codes = np.zeros(len(frame), np.int64) if by is None else _codes(frame[by])
    paths = _Paths.of(runs, codes, smoothing)
    rows = [*_broken(frame)]
    figures = _figures(runs) | {"path": paths.surprise}
    for group in Groups(codes, int(codes.max(initial=-1)) + 1).parts(np.arange(len(frame))):
        for name, values in figures.items():
            for at, median, z in _outliers(values[group], limit, above_only=name == "path"):
                reason = _reason(name, values[group[at]], median, z)
                reason += paths.strangest(int(group[at])) if name == "path" else ""
                rows.append(
                    (runs.ids[group[at]], name, float(values[group[at]]), median, z, reason)
                )
    found = pd.DataFrame(rows, columns=["run_id", "figure", "value", "median", "z", "reason"])
    found["_size"] = found["z"].abs().fillna(np.inf)
    found = found.sort_values(["_size", "run_id", "figure"], ascending=[False, True, True])
    return found.drop(columns="_size").reset_index(drop=True)


def _figures(runs: Runs) -> dict[str, Floats]:
    frame, calls = runs.frame, Calls.of(runs)
    pairs = np.unique(calls.runs.astype(np.int64) * max(len(calls.names), 1) + calls.tools)
    n = len(frame)
    start, end = (frame[name].to_numpy(float, na_value=np.nan) for name in ("start_ns", "end_ns"))
    return {
        "steps": frame["n_steps"].to_numpy(float),
        "cost": frame["cost_usd"].to_numpy(float),
        "calls": np.bincount(calls.runs, minlength=n).astype(float),
        "tools": np.bincount(pairs // max(len(calls.names), 1), minlength=n).astype(float),
        "duration": np.where(end >= start, (end - start) / 1e9, np.nan),
    }


def _broken(frame: "pd.DataFrame") -> Iterator[tuple[Any, ...]]:
    """Yield what is wrong whatever the other runs are."""
    for run_id in frame.loc[frame["n_steps"] == 0, "run_id"]:
        yield run_id, "empty", 0.0, np.nan, np.nan, "the run has no steps"
    late = (
        frame["end_ns"].notna() & frame["start_ns"].notna() & (frame["end_ns"] < frame["start_ns"])
    )
    columns = (frame.loc[late, name].tolist() for name in ("run_id", "start_ns", "end_ns"))
    for run_id, start, end in zip(*columns, strict=True):
        seconds = (start - end) / 1e9
        reason = f"the run ends {display.number(seconds)} s before it begins"
        yield run_id, "clock", -seconds, np.nan, np.nan, reason


_UNITS = {
    "steps": ("{} steps", 0),
    "cost": ("{} US dollars", 4),
    "calls": ("{} tool calls", 0),
    "tools": ("{} different tools", 0),
    "duration": ("{} s", 2),
    "path": ("a surprise of {} bits per call", 2),
}


def _codes(column: "pd.Series[Any]") -> Ints:
    codes: Ints = column.factorize(use_na_sentinel=False)[0]
    return codes


def _outliers(
    values: Floats, limit: float, *, above_only: bool
) -> Iterator[tuple[int, float, float]]:
    """Yield the position of each value that is far from the median, the median, and how far."""
    known = values[~np.isnan(values)]
    if len(known) < FEWEST:
        return
    median = float(np.median(known))
    spread = _SIGMA * float(np.median(np.abs(known - median)))
    # deviations of a rounding error are none
    if spread <= 1e-9 * abs(median):
        return
    z = (values - median) / spread
    for at in np.flatnonzero((z if above_only else np.abs(z)) > limit).tolist():
        yield at, median, float(z[at])


def _reason(name: str, value: float, median: float, z: float) -> str:
    words, places = _UNITS[name]
    words = words.removesuffix("s") if value == 1 and not places else words
    return (
        f"{words.format(display.number(float(value), places))}, where the median is "
        f"{display.number(median, places)}: {display.number(abs(z), 1)} robust standard deviations "
        f"{'above' if z > 0 else 'below'}"
    )


class _Paths(NamedTuple):
    """How surprising each run's sequence of tools is, in bits per call, and its strangest step."""

    surprise: Floats
    steps: dict[int, tuple[int, int]]
    names: list[str]

    @classmethod
    def of(cls, runs: Runs, groups: Ints, smoothing: float) -> "_Paths":
        """Measure each run under a model of the other runs in its group."""
        calls = Calls.of(runs)
        run, way, n = _ways(calls)
        size = len(calls.names) + 1
        before = way // size
        others = _counted(groups[run] * size**2 + way, n) - n
        from_there = _counted(groups[run] * size + before, n) - _counted(run * size + before, n)
        bits = -np.log2((others + smoothing) / (from_there + smoothing * size))
        length = np.bincount(run, n, len(runs))
        total = np.bincount(run, n * bits, len(runs))
        surprise = np.where(length > 0, total / np.maximum(length, 1), np.nan)
        order = np.lexsort((way, bits, run))
        last = order[np.diff(run[order], append=-1) != 0]
        steps = dict(
            zip(
                run[last].tolist(),
                zip(way[last].tolist(), others[last].astype(int).tolist(), strict=True),
                strict=True,
            )
        )
        return cls(surprise, steps, calls.names)

    def strangest(self, run: int) -> str:
        """Return a run's most surprising step in words."""
        way, times = self.steps[run]
        before, after = divmod(way, len(self.names) + 1)
        first, last = self._name(before, "the beginning"), self._name(after, "the end")
        return f"; strangest: from {first} to {last} ({times or 'never'} in other runs)"

    def _name(self, code: int, beyond: str) -> str:
        return (
            beyond if code == len(self.names) else repr(display.plain(self.names[code], width=60))
        )


def _ways(calls: Calls) -> tuple[Ints, Ints, Ints]:
    """Return how often (n) each run went each way: a pair of codes as one number."""
    size = len(calls.names) + 1
    before, after = with_ends(calls)
    opens, _ = calls.ends()
    run = np.concatenate([calls.runs[opens], calls.runs]).astype(np.int64)
    keys, counts = np.unique((run * size + before) * size + after, return_counts=True)
    return keys // size**2, keys % size**2, counts


def _counted(keys: Ints, n: Ints) -> Floats:
    """Return for each row the sum of `n` over the rows with its key."""
    _, at = np.unique(keys, return_inverse=True)
    return np.bincount(at, n, len(at)).astype(np.float64)[at]
