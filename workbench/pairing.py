"""Scores to paired units: the rows that systems share, repeats averaged, clusters together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, some, unknown_name
from workbench.metrics.base import complete
from workbench.metrics.scoring import Scores, bounded
from workbench.stats.exact import Array, Exact
from workbench.stats.sizes import untied
from workbench.tables import Coded

if TYPE_CHECKING:
    import pandas as pd

Failures = Literal["exclude", "worst"]
Filling = Literal["exclude", "worst", "best"]
Mask = NDArray[np.bool_]
Codes = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Panel:
    """One metric's statistics of every system on every row.

    Parameters
    ----------
    statistics : Exact, shape (n_rows, n_systems, k)
        Sums over a row's repeats, multiplied by `scale` and divided by the number of repeats.
    there : array of bool, shape (n_rows, n_systems)
        Where a system has at least one output that counts.
    clusters : array of int, shape (n_rows,)
        The cluster of each row.
    systems : tuple of str
        Names, sorted.
    scale : int
        The least common multiple of the numbers of repeats.
    order : array of int, shape (n_rows,)
        The rows in the order of the dataset.
    repeated : bool
        Whether a system has several outputs, scored or not, of one row.

    Notes
    -----
    Rows are in `row_id` order and clusters in that of their names, so that nothing depends on the
    order of the input.
    """

    statistics: Exact
    there: Mask
    clusters: Codes
    systems: tuple[str, ...]
    scale: int
    order: Codes
    repeated: bool

    def rows_of(self, *systems: str) -> Mask:
        """Tell on which rows all of these systems have an output that counts."""
        if self._is_full:
            return np.ones(len(self.there), dtype=bool)
        columns = [self.systems.index(system) for system in systems]
        return np.asarray(self.there[:, columns].all(axis=1))

    @cached_property
    def _is_full(self) -> bool:
        return bool(self.there.all())

    def units(self, rows: Mask) -> Exact:
        """Return the statistics of these rows, those of a cluster added: (n_units, n_systems, k)."""
        names, codes = np.unique(self.clusters[rows], return_inverse=True)
        chosen = self.statistics[rows]
        return chosen if len(names) == len(codes) else chosen.grouped(codes, len(names))

    def in_order(self, rows: Mask) -> Exact:
        """Return the statistics of these rows in the dataset's order, each row for itself."""
        return self.statistics[self.order[rows[self.order]]]

    def n_clusters(self, rows: Mask) -> int:
        """Count the clusters of these rows."""
        return len(np.unique(self.clusters[rows]))


def panel(
    scores: Scores,
    metric: str,
    *,
    failures: Filling = "exclude",
    cluster: str | None = None,
    rows: Sequence[str] | None = None,
) -> Panel:
    """Arrange one metric's statistics by row and system.

    Parameters
    ----------
    scores : Scores
        The statistics of every output.
    metric : str
        The metric's name.
    failures : {"exclude", "worst", "best"}
        Whether an output that cannot be scored is left out, or counts as the worst or the best
        possible.
    cluster : str, optional
        The column whose values say which rows belong together; by default `cluster` where there
        is such a column, else each row stands for itself.
    rows : sequence of str, optional
        The rows to use; all by default.
    """
    outputs, statistics = _complete(scores, metric, failures)
    if rows is not None:
        chosen = outputs["row_id"].isin(set(rows)).to_numpy()
        outputs, statistics = outputs[chosen], statistics[chosen]
    whole = outputs is scores.outputs  # whose names have their numbers, whatever the metric
    row_codes, order = _ranked(scores.by_row if whole else Coded.of(outputs["row_id"]))
    systems = tuple(scores.systems)
    system = scores.by_system.codes if whole else _places(outputs["system"], systems)
    cells = row_codes * len(systems) + system
    counted = complete(statistics)
    n_cells = len(order) * len(systems)
    n_repeats = np.bincount(cells[counted], minlength=n_cells)
    scale = math.lcm(*np.flatnonzero(np.bincount(n_repeats[n_repeats > 0])).tolist())
    shape = (len(order), len(systems))
    summed = _averaged(Exact.of(statistics[counted]), cells[counted], n_repeats, scale)
    return Panel(
        statistics=Exact(summed.limbs.reshape(len(summed.limbs), *shape, -1)),
        there=(n_repeats > 0).reshape(shape),
        clusters=_clusters(outputs, row_codes, cluster),
        systems=systems,
        scale=scale,
        order=order,
        repeated=bool(np.bincount(cells, minlength=1).max() > 1),
    )


def _averaged(statistics: Exact, cells: Codes, n_repeats: Codes, scale: int) -> Exact:
    """Return the sums over the repeats of each cell, times `scale` over their number."""
    if n_repeats.max(initial=0) > 1:
        shares = (scale // n_repeats[cells])[:, None]
        return statistics.scaled(shares).grouped(cells, len(n_repeats))
    limbs = np.zeros((len(statistics.limbs), len(n_repeats), statistics.limbs.shape[-1]))
    limbs[:, cells] = statistics.limbs
    return Exact(limbs)


def _ranked(coded: Coded) -> tuple[Codes, Codes]:
    """Return the rank of each name, and those of the different names as they come first."""
    codes, names = coded
    ranks = np.empty(len(names), dtype=np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return ranks[codes], ranks


def _places(names: "pd.Series[str]", known: Sequence[str]) -> Codes:
    """Return the place of each name among those known."""
    codes, found = Coded.of(names)
    return np.array([known.index(name) for name in found], dtype=np.int64)[codes]


def cluster_column(outputs: "pd.DataFrame", cluster: str | None) -> str:
    """Return the column that says which rows belong together.

    Raises
    ------
    UnknownName
        If there is no such column.
    """
    if cluster is None:
        return "cluster" if "cluster" in outputs else "row_id"
    if cluster not in outputs:
        raise unknown_name("cluster", cluster, outputs.columns)
    return cluster


def _clusters(outputs: "pd.DataFrame", row_codes: Codes, cluster: str | None) -> Codes:
    """Return the cluster of each row, numbered in the order of the names."""
    column = cluster_column(outputs, cluster)
    if column == "row_id":
        return np.arange(row_codes.max() + 1)
    names = outputs[column].astype("str")
    if names.isna().any():
        lost = outputs.loc[names.isna(), "row_id"].unique()
        raise BadValue(
            f"every row must have a {column}, but rows {some(lost)} have none; fill it in, or pass "
            "cluster='row_id'."
        )
    codes, _ = _ranked(Coded.of(names))
    by_row = np.zeros(row_codes.max() + 1, dtype=np.int64)
    by_row[row_codes] = codes
    if (by_row[row_codes] != codes).any():
        raise BadValue(
            f"all outputs of a row must have the same {column}, but some differ; use a column of "
            "the dataset."
        )
    return by_row


def _complete(scores: Scores, metric: str, failures: Filling) -> "tuple[pd.DataFrame, Array]":
    """Return the outputs with their statistics, failures filled in where they are not left out."""
    found = scores.metric(metric)
    outputs, statistics = scores.outputs, np.asarray(scores.statistics[metric])
    if failures == "exclude":
        return outputs, statistics
    if failures not in {"worst", "best"}:
        raise unknown_name("failures", failures, ("exclude", "worst"))
    outputs, statistics = _with_absent(outputs, statistics)
    failed = ~complete(statistics)
    if failed.any():
        statistics = statistics.copy()
        fill = found.worst if failures == "worst" else found.best
        statistics[failed] = fill(outputs.loc[failed])
    return outputs, statistics


def _with_absent(outputs: "pd.DataFrame", statistics: Array) -> "tuple[pd.DataFrame, Array]":
    """Add an output without a text for each system that did not answer a row."""
    import pandas as pd

    rows = outputs.drop_duplicates("row_id").set_index("row_id")
    cells = pd.MultiIndex.from_product([rows.index, outputs["system"].unique()])
    present = pd.MultiIndex.from_frame(outputs[["row_id", "system"]])
    absent = cells.difference(present)
    if not len(absent):
        return outputs, statistics
    added = rows.loc[absent.get_level_values(0)].reset_index()
    added = added.assign(system=absent.get_level_values(1), text=None)
    filler = np.full((len(added), statistics.shape[1]), np.nan)
    return pd.concat([outputs, added], ignore_index=True), np.concatenate([statistics, filler])


def side_by_side(scores: Scores, metric: str, system: str, other: str) -> "pd.DataFrame":
    """Return the rows on which two systems have a value, with texts and values of both."""
    found = beside(scores, metric, (system, other))
    return found.dropna(subset=["value", "other_value"], ignore_index=True)


def beside(
    scores: Scores, metric: str, pair: tuple[str, str], failures: Filling = "exclude"
) -> "pd.DataFrame":
    """Return the rows that two systems answered, with texts and values of both.

    The mean of repeats does not depend on their order; what differs by rounding alone is a tie.
    Failures that count have a value as an output has.
    """
    outputs, statistics = _complete(scores, metric, failures)
    found = scores.metric(metric)
    counted = complete(statistics) & outputs["system"].isin(pair).to_numpy()
    values = bounded(found, found.aggregate(statistics[counted]))
    answered = outputs[counted].assign(value=np.where(np.isinf(values), np.nan, values))
    sides = []
    for name, prefix in zip(pair, ("", "other_"), strict=True):
        part = answered[answered["system"] == name]
        side = part.groupby("row_id", sort=False)[["text"]].first()
        side["value"] = part.sort_values("value").groupby("row_id")["value"].mean()
        sides.append(side.add_prefix(prefix))
    known = [name for name in ("input", "references") if name in outputs]
    dataset = scores.outputs.drop_duplicates("row_id").set_index("row_id")[known]
    both = sides[0].join(sides[1], how="inner")
    joined = dataset.join(both, how="inner").reset_index()
    joined["delta"] = untied(joined["value"].to_numpy(), joined["other_value"].to_numpy())
    return joined[["row_id", *known, "text", "other_text", "value", "other_value", "delta"]]
