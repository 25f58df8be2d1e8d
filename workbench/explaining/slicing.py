"""Where two systems differ: the same comparison within slices of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contrasts import COLUMNS, Settings, judged, panels_of, together, within
from workbench.errors import BadValue, require_whole, unknown_name
from workbench.explaining.buckets import BUCKETS, OF_PAIRS, Pair, bucketed
from workbench.metrics.scoring import Scores
from workbench.pairing import Mask
from workbench.stats.corrections import FamilyCorrection, adjusted, require

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Slice:
    """Some rows, what they have in common, and the pairs of systems that are compared there."""

    column: str
    value: str
    pairs: tuple[Pair, ...]
    rows: tuple[str, ...]


def columns_of(scores: Scores) -> list[str]:
    """Return everything that rows can be sliced by: columns of the dataset, built-in buckets."""
    own = scores.slice_columns
    return [*own, *(name for name in BUCKETS if name not in own)]


def varies(scores: Scores, column: str) -> bool:
    """Tell whether outputs of a row have several values of a column, so that its slices overlap."""
    if column not in scores.outputs:
        return False
    values = scores.slice_values(column).groupby(scores.by_row.codes)
    return bool(values.nunique().gt(1).any())


def slices_by(
    scores: Scores, columns: Sequence[str] | None, pairs: Sequence[Pair], n_buckets: int
) -> list[Slice]:
    """Return the slices of some columns and built-in buckets, or of all that are one per row.

    Raises
    ------
    BadValue
        If a column has more than 50 values, nothing can be measured for a bucket, no column is
        named, or the number of buckets is out of range.
    UnknownName
        If there is no such column.
    """
    require_whole("n_buckets", n_buckets, 2, 50, usual=4)
    if columns is not None and not columns:
        raise BadValue(
            "slices must have something to slice by, but an empty list came; leave it out for all "
            "columns and buckets."
        )
    named = list(dict.fromkeys(columns_of(scores) if columns is None else columns))
    if columns is None:
        named = [column for column in named if not varies(scores, column)]
    found = []
    for column in named:
        own = _slices(scores, column, tuple(pairs), n_buckets)
        if not own and columns is not None and pairs:
            raise BadValue(
                f"slices by {column} need texts to measure, but no row of {scores.dataset} has them; "
                "add the column 'references' or texts in 'input', or choose another slice."
            )
        found += own
    return found


def fitting(scores: Scores, columns: Sequence[str], combine: int) -> FamilyCorrection:
    """Return the correction that fits: by whether slices of these columns share rows."""
    if combine == 2:
        return "max-t"
    overlap = len(columns) > 1 or any(varies(scores, column) for column in columns)
    return "benjamini-yekutieli" if overlap else "benjamini-hochberg"


def combined(slices: Sequence[Slice], least: int) -> list[Slice]:
    """Return the slices that two slices of different columns have in common, and are new.

    Parameters
    ----------
    slices : sequence of Slice
        Single ones.
    least : int
        The fewest rows of a combination.
    """
    found = []
    for one, other in combinations(slices, 2):
        inside = set(other.rows)
        rows = tuple(row for row in one.rows if row in inside)
        pairs = tuple(pair for pair in one.pairs if pair in other.pairs)
        new = least <= len(rows) < min(len(one.rows), len(other.rows))
        if new and pairs and one.column != other.column:
            names = (f"{one.column} & {other.column}", f"{one.value} & {other.value}")
            found.append(Slice(*names, pairs, rows))
    return found


def compared(
    scores: Scores,
    settings: Settings,
    slices: Sequence[Slice],
    *,
    metrics: Sequence[str] | None,
    correction: FamilyCorrection,
) -> "pd.DataFrame":
    """Compare within each slice, and adjust over all slices, systems and metrics.

    Returns
    -------
    DataFrame
        `slice`, `value`, the columns of a frame of differences, `row_ids`.
    """
    require(correction)
    if settings.compat:  # sacrebleu's tests know no slices
        settings = replace(settings, compat=None, cluster="row_id")
    names = [metric.name for metric in scores.metrics] if metrics is None else list(metrics)
    panels = panels_of(scores, settings, names)
    rows = np.unique(scores.outputs["row_id"].to_numpy(dtype=object))
    records: list[dict[str, Any]] = []
    insides: list[Mask] = []
    for each in slices:
        inside = np.isin(rows, np.array(each.rows, dtype=object))
        lead = {"slice": each.column, "value": each.value}
        found = within(scores, settings, panels, each.pairs, inside)
        records += [lead | record | {"row_ids": list(each.rows)} for record in found]
        insides += [inside] * len(found)

    frame = judged(
        scores,
        settings,
        records,
        adjust=together(scores, settings, panels, records, insides)
        if correction == "max-t"
        else partial(adjusted, correction=correction),
    )
    if correction == "max-t":
        frame["method"] += f", max-T over {len(frame)}"
    return frame.reindex(columns=["slice", "value", *COLUMNS, "row_ids"])


def _slices(scores: Scores, column: str, pairs: tuple[Pair, ...], n_buckets: int) -> list[Slice]:
    if column in scores.outputs:  # a column of that name goes before a built-in bucket
        return [
            Slice(column, value, pairs, tuple(rows)) for value, rows in scores.slice_rows(column)
        ]
    if column not in BUCKETS:
        raise unknown_name("slice", column, columns_of(scores))
    groups = [(pair,) for pair in pairs] if column in OF_PAIRS else [pairs] if pairs else []
    return [
        Slice(column, label, group, tuple(rows))
        for group in groups
        for label, rows in bucketed(scores, column, group[0], n_buckets)
    ]
