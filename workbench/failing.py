"""What failures may hide: how many there are, when they are too many, and how far they could matter."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.contrasts import Settings, missing
from workbench.display import percent
from workbench.errors import BadValue, is_number
from workbench.metrics.base import Metric
from workbench.metrics.scoring import Scores, bounded, failed
from workbench.pairing import Mask, panel
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

Record = Mapping[str, Any]
End = Literal["worst", "best"]
Ends = Mapping[End, Mapping[str, float]]

COLUMNS = ("n_failed", "baseline_n_failed", "delta_worst_low", "delta_worst_high")
"""What `with_worst_case` adds to a frame of differences."""


def require_answers(scores: Scores, most_failed: float, *, worst: bool = True) -> None:
    """Refuse scores in which more than a share of a system's outputs failed and have no value.

    A failed output that has its value under every metric, such as its cost, leaves nothing open.
    Whoever can take failures for the worst outputs instead (`worst`) is told so.

    Raises
    ------
    BadValue
        If they did, or the share is none.
    """
    if not (is_number(most_failed) and 0 <= most_failed <= 1):
        raise BadValue(f"most_failed must be from 0 to 1, but {most_failed!r} came; use 0.1.")
    whole = np.all([scores.scored(metric.name) for metric in scores.metrics], axis=0)
    lost = failed(scores.outputs) & ~whole
    if not lost.any():
        return
    for system in scores.systems:
        own = scores.outputs["system"] == system
        n_failed, n = int((own & lost).sum()), int(own.sum())
        if n_failed / n > most_failed:
            told = _categories(scores, (own & lost).to_numpy())
            instead = " or failures='worst'" if worst else ""
            raise BadValue(
                f"at most {percent(most_failed)} of a system's outputs may have failed, but "
                f"{n_failed} of {n} of {system!r} did{told}; look at the column 'error', and run "
                f"them again, or pass most_failed={math.ceil(100 * n_failed / n) / 100:g}{instead}."
            )


def with_worst_case(scores: Scores, settings: Settings, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Add to a frame of differences how many outputs have no value, and how far they could matter.

    Parameters
    ----------
    scores, settings
        Those of the differences.
    frame : DataFrame
        The differences.

    Returns
    -------
    DataFrame
        As it was where every output of the dataset's rows has a value and is what it should be; else
        with `n_failed` and `baseline_n_failed`, outputs without a value or absent, and
        `delta_worst_low` and `delta_worst_high`: the difference over all rows if those of the one
        system were the worst possible and those of the other the best, and the other way round.
        Missing where none failed, or the metric has no worst and best values.

    References
    ----------
    Manski (1989), "Anatomy of the selection problem", Journal of Human Resources 24.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "", "references": ["yes"]}] * 4)
    >>> outputs = wb.outputs(rows, {"a": ["yes", "no", "yes", None], "b": ["yes"] * 4})
    >>> c = wb.compare(wb.score(outputs, rows, wb.ExactMatch()), baseline="a", most_failed=0.3)
    >>> c.frame[["delta", "baseline_n_failed", "delta_worst_low", "delta_worst_high"]].round(2)
       delta  baseline_n_failed  delta_worst_low  delta_worst_high
    0   0.33                  1             0.25               0.5
    """
    lost = {
        (name, system): counts["n_failed"]
        for name in frame["metric"].unique()
        for system, counts in missing(scores, scores.metric(name)).items()
    }
    if not any(lost.values()) and not scores.categories:
        return frame
    ends = {
        name: _ends(scores, settings, scores.metric(name))
        for name in frame["metric"].unique()
        if any(lost[name, system] for system in scores.systems)
    }
    records = []
    for row in each_row(frame):
        name, pair = row["metric"], (row["system"], row["baseline"])
        counts = [lost[name, system] for system in pair]
        known = ends[name] if any(counts) else None
        bounds = (math.nan, math.nan) if known is None else _bounds(known, *pair)
        records.append((*counts, *bounds))
    added = dict(zip(COLUMNS, zip(*records, strict=True), strict=True)) if records else {}
    return frame.assign(**{name: list(values) for name, values in added.items()})


def _ends(scores: Scores, settings: Settings, metric: Metric) -> Ends | None:
    """Return the figure of each system over all rows, failures at their worst and at their best."""
    found: dict[End, Mapping[str, float]] = {}
    ends: tuple[End, End] = ("worst", "best")
    for end in ends:
        try:
            arranged = panel(scores, metric.name, failures=end, cluster=settings.grouping)
        except BadValue:
            return None
        sums = arranged.statistics.sum(axis=0).value() / arranged.scale
        figures = bounded(metric, metric.aggregate(sums))
        found[end] = dict(zip(arranged.systems, figures.tolist(), strict=True))
    return found


def _bounds(ends: Ends, system: str, baseline: str) -> tuple[float, float]:
    """Return the least and the largest difference."""
    differences = (
        ends["worst"][system] - ends["best"][baseline],
        ends["best"][system] - ends["worst"][baseline],
    )
    return min(differences), max(differences)


def words(scores: Scores, row: Record, number: Callable[[float], str]) -> str:
    """Say what became of the outputs behind a difference, and how far failures could matter.

    Parameters
    ----------
    scores : Scores
        Those of the difference.
    row : mapping
        A row of a frame from `with_worst_case`, or of another: then there is nothing to say.
    number : callable
        Writes a figure.
    """
    if "delta_worst_low" not in row:
        return ""
    systems = ((row["system"], row["n_failed"]), (row["baseline"], row["baseline_n_failed"]))
    told = "".join(_of_system(scores, row["metric"], *each) for each in systems)
    if not row["n_failed"] and not row["baseline_n_failed"]:
        return told
    low, high = row["delta_worst_low"], row["delta_worst_high"]
    difference = f"{row['system']} − {row['baseline']}"
    if is_missing(low):
        return f"{told} How far they could move {difference} has no bound under {row['metric']}."
    undone = ", so they alone could undo this" if _decided(row) and low <= 0 <= high else ""
    return (
        f"{told} Were those the worst or the best possible, {difference} would be from "
        f"{number(low)} to {number(high)}{undone}."
    )


def _decided(row: Record) -> bool:
    return row["verdict"] in {"better", "worse"}


def _of_system(scores: Scores, metric: str, system: str, n_failed: int) -> str:
    """Say how many outputs of a system have no value, and which others are not ok."""
    own = (scores.outputs["system"] == system).to_numpy()
    scored = scores.scored(metric)
    n = int(own.sum()) + n_failed - int((own & ~scored).sum())
    parts = []
    if n_failed:
        parts.append(
            f"{n_failed} {'has' if n_failed == 1 else 'have'} no value{_categories(scores, own & ~scored)}"
        )
    if other := _categories(scores, own & scored):
        parts.append(f"scored as they are{other}")
    return f" Of {n} outputs of {system}: {'; '.join(parts)}." if parts else ""


def _categories(scores: Scores, chosen: Mask) -> str:
    """Count what became of some outputs that are not ok, in brackets; nothing where nobody says."""
    if not scores.categories:
        return ""
    counts = scores.outputs.loc[chosen, "category"].value_counts()
    told = [f"{n} {name}" for name, n in counts.sort_index().items() if name != "ok"]
    return f" ({', '.join(told)})" if told else ""
