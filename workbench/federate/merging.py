"""Sums of several sites to the figures of one: scores, intervals, differences, verdicts."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import wording
from workbench.contrasts import COLUMNS, Record, verdict
from workbench.display import Sheet, counted, percent
from workbench.errors import BadKind, BadValue, require_level, some, unknown_name
from workbench.federate.sums import Cell, Summary
from workbench.federate.weights import order_of
from workbench.metrics.base import Metric
from workbench.metrics.catalogue import restored
from workbench.metrics.scoring import bounded
from workbench.stats.corrections import Correction, adjusted, alpha_of
from workbench.stats.exact import Array
from workbench.stats.intervals import percentiles
from workbench.stats.sizes import least_size
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

_ADDED = ("sums", "resampled", "exchanged", "n_changed", "n", "n_units")
_FAILED = ("n_failed", "baseline_n_failed")


@dataclass(frozen=True, eq=False)
class Merged:
    """What several sites found together.

    Parameters
    ----------
    sites : tuple of str
        Names, sorted.
    baseline : str
        The system that the others are compared with.
    scores : DataFrame
        `metric`, `system`, `score`, `ci_low`, `ci_high`, `n`, `n_failed`, `n_clusters`, `signature`;
        best first, systems without a score last.
    frame : DataFrame
        Differences from the baseline over all rows, with the columns of `Comparison.frame`; where
        outputs have no value or are absent, also `n_failed` and `baseline_n_failed`.
    slices : DataFrame
        The same within the values of columns, after `slice`, `value` and `n_sites`, how many sites
        told it.
    metrics : mapping of str to Metric
        By name.
    n_left_out : mapping of str to int
        By metric name, rows that some system did not answer.
    withheld : mapping of str to tuple of str
        By column, the sites that withheld some of its values, or did not sum by it.
    how : str
        How it was made.
    correction : str
        Of the p-values, over all of `frame` and over all of `slices`.
    level : float
        Confidence of the intervals; 1 − level is the level of the tests.
    """

    sites: tuple[str, ...]
    baseline: str
    scores: "pd.DataFrame"
    frame: "pd.DataFrame"
    slices: "pd.DataFrame"
    metrics: Mapping[str, Metric]
    n_left_out: Mapping[str, int]
    withheld: Mapping[str, tuple[str, ...]]
    how: str
    correction: Correction
    level: float

    @property
    def sheet(self) -> Sheet:
        """The differences over all rows, for people."""
        told = self._caption(self.frame, _rows(self.scores))
        return self._table(self.frame, told)

    @property
    def slice_sheet(self) -> Sheet:
        """The differences within the values of columns, for people."""
        told = self._caption(self.slices, f"slices of {_rows(self.slices)}")
        sheet = self._table(self.slices, told, lead=["slice", "value", "n_sites"])
        missing = [
            f"{column}: values are missing that {', '.join(sites)} withheld or did not sum."
            for column, sites in self.withheld.items()
            if sites
        ]
        return replace(sheet, notes=[*missing, *sheet.notes])

    def _table(self, frame: "pd.DataFrame", told: str, lead: Sequence[str] = ()) -> Sheet:
        alpha = alpha_of(self.level)
        return wording.differences_table(
            frame, self.metrics.__getitem__, told, alpha=alpha, lead=lead
        )

    def _caption(self, frame: "pd.DataFrame", rows: str) -> str:
        made = wording.corrected(self.correction, wording.family(frame))
        sites = f"{counted(len(self.sites), 'site')} ({', '.join(self.sites)})"
        return (
            f"Differences from {self.baseline} at {sites}, {rows} that every system answered "
            f"({self._failures()}); {self.how}, correction {made}."
        )

    def _failures(self) -> str:
        """Say how many rows and outputs lack a value, once for metrics that lack the same."""
        told: dict[tuple[int, str], list[str]] = {}
        for name, n_left_out in self.n_left_out.items():
            lost = self.scores[(self.scores["metric"] == name) & (self.scores["n_failed"] > 0)]
            counts = sorted(zip(lost["system"], lost["n_failed"], strict=True))
            if counts:
                shown = ", ".join(f"{n} of {system}" for system, n in counts)
                told.setdefault((n_left_out, shown), []).append(name)
        parts = [
            f"{counted(n, 'row')} left out under {', '.join(names)}, outputs without a value: {shown}"
            for (n, shown), names in told.items()
        ]
        return "; ".join(parts) or "every output has a value"

    def __repr__(self) -> str:
        return repr(self.sheet)

    def _repr_html_(self) -> str:
        return self.sheet._repr_html_()


def merge(
    summaries: Iterable[Summary],
    *,
    baseline: str | None = None,
    metrics: Sequence[Metric] = (),
    correction: Correction = "holm",
    level: float = 0.95,
) -> Merged:
    """Add the sums of several sites, and find what pooling their rows would have found.

    Parameters
    ----------
    summaries : iterable of Summary
        One per site, made with the same seed, key and number of samples.
    baseline : str, optional
        The system to compare with; the first by name by default.
    metrics : sequence of Metric, optional
        Those of the sites' own making, which a summary cannot describe.
    correction : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "none"}
        Over all systems and metrics; for slices over these too.
    level : float
        Confidence of the intervals, between 0 and 1.

    Returns
    -------
    Merged

    Raises
    ------
    BadValue
        If there is no summary, two come from one site or hold the same sums, they were made in
        different ways, or the level is out of its range.
    BadKind
        If something else than summaries came.
    UnknownName
        If no system is called like the baseline.

    Notes
    -----
    Intervals are percentiles of a Poisson bootstrap; p-values come of the paired randomisation test,
    (c + 1)/(R + 1). Both are functions of sums, so that the order of sites, and how rows are spread
    over them, change nothing. A cluster that lies at two sites is resampled as one, but counted twice.

    Rows of two sites are different ones. Where they bear the same names, such as numbers that `read`
    gave them, no site could pool them as they are; the resamples of such sites are then put in an
    order of each site's own, which makes them independent, and the sheets say so. Where the same is
    meant by a name, it is one of a cluster.

    References
    ----------
    Chamandy et al. (2012), section 3; Phipson and Smyth (2010), section 4.

    Examples
    --------
    >>> import workbench as wb
    >>> def site(name, first):
    ...     rows = wb.read([{"row_id": f"{n}", "input": "", "references": [f"{n}"]} for n in range(first, first + 20)])
    ...     outputs = wb.outputs(rows, {"a": [f"{n}" for n in range(first, first + 20)], "b": ["3"] * 20})
    ...     return wb.federate.summary(wb.score(outputs, rows, [wb.ExactMatch()]), name)
    >>> merged = wb.federate.merge([site("Basel", 0), site("Oslo", 20)])
    >>> merged.frame[["system", "score", "baseline_score", "n", "verdict"]]
      system  score  baseline_score   n verdict
    0      b  0.025             1.0  40   worse
    """
    given = sorted(_listed(summaries), key=lambda each: each.site)
    require_level(level)
    _require_alike(given)
    systems = given[0].systems
    chosen = systems[0] if baseline is None else baseline
    if chosen not in systems:
        raise unknown_name("baseline", chosen, systems)
    known, signatures, lost = _metrics(given, metrics), _signatures(given), _lost(given)
    _require_different(given)
    alike = _of_one_name(given)
    pooled = [
        _Pooled(cell, known[cell.metric], signatures[cell.metric], level, lost[cell.metric])
        for cell in _added([_reordered(each) if each.site in alike else each for each in given])
    ]
    whole = [each for each in pooled if not each.cell.slice]
    inside = [each for each in pooled if each.cell.slice]
    told = (
        f"paired randomisation and Poisson bootstrap, {given[0].samples} samples, "
        f"{percent(level)} intervals"
    )
    if alike:
        told += f", rows of one name at {', '.join(alike)} taken as different"
    columns = [*COLUMNS, *(_FAILED if any(map(any, map(dict.values, lost.values()))) else ())]
    return Merged(
        sites=tuple(each.site for each in given),
        baseline=chosen,
        scores=_ranked([row for each in whole for row in each.scores(systems)], known),
        frame=_judged(whole, systems, chosen, correction, level)[columns],
        slices=_with_sites(_judged(inside, systems, chosen, correction, level), given),
        metrics=known,
        n_left_out={name: sum(each.n_left_out[name] for each in given) for name in known},
        withheld=_withheld(given),
        how=told,
        correction=correction,
        level=level,
    )


def _listed(summaries: Iterable[Summary]) -> list[Summary]:
    if isinstance(summaries, str | Summary) or not isinstance(summaries, Iterable):
        raise BadKind(
            f"merge must have a list of summaries, but {type(summaries).__name__} came; write "
            "merge([one, another])."
        )
    given = list(summaries)
    if strange := [type(each).__name__ for each in given if not isinstance(each, Summary)]:
        raise BadKind(
            f"merge must have summaries alone, but {some(strange)} came among them; read what a "
            "site wrote with wb.federate.read."
        )
    return given


def _require_alike(given: Sequence[Summary]) -> None:
    if not given:
        raise BadValue("merge must have a summary, but none came; give one per site.")
    sites = [each.site for each in given]
    if len(set(sites)) < len(sites):
        raise BadValue(
            f"each site must come once, but {some(sites)} came; leave out what is double."
        )
    for what in ("systems", "samples", "key"):
        found = {getattr(each, what) for each in given}
        if len(found) > 1:
            shown = "different ones" if what == "key" else some(sorted(map(str, found)))
            asked = "seed and key" if what == "key" else what
            raise BadValue(
                f"all sites must have the same {asked}, but {shown} came; summarise again with one."
            )
    for name in given[0].signatures:
        if strange := [each.site for each in given if name not in each.signatures]:
            raise BadValue(
                f"all sites must have {name}, but {some(strange)} lack it; score it there."
            )


def _require_different(given: Sequence[Summary]) -> None:
    """Refuse what one site sent under two names."""
    sent: dict[object, str] = {}
    for each in given:
        sums = tuple(cell.resampled.tobytes() for cell in each.cells if not cell.slice)
        first = sent.setdefault((each.units, sums), each.site)
        if first != each.site:
            raise BadValue(
                f"each site must send its own sums, but those of {first!r} and {each.site!r} are of "
                "units of the same names and equal; leave one of them out, or give rows names of "
                "their own where they are different."
            )


def _of_one_name(given: Sequence[Summary]) -> list[str]:
    """Return the sites with a row, no cluster, that bears the name of another site's unit."""
    times = Counter(name for each in given for name in each.units)
    return [
        each.site
        for each in given
        if not each.clustered and any(times[name] > 1 for name in each.units)
    ]


def _reordered(site: Summary) -> Summary:
    """Give a site an order of resamples of its own, so that its rows are nobody else's."""
    order = order_of(site.site, site.samples)
    cells = tuple(
        replace(cell, resampled=cell.resampled[order], exchanged=cell.exchanged[order])
        for cell in site.cells
    )
    return replace(site, cells=cells)


def _signatures(given: Sequence[Summary]) -> dict[str, str]:
    """Return the signature of each metric, which is that of all sites."""
    merged = {}
    for name in given[0].signatures:
        found = {each.signatures[name] for each in given}
        if len(found) > 1:
            found = {re.sub(r"\bnrefs:[^|]*", "nrefs:var", each) for each in found}
        if len(found) > 1:
            raise BadValue(
                f"all sites must make {name} in the same way, but its signatures are "
                f"{some(sorted(found))}; score again with the same options and versions."
            )
        merged[name] = found.pop()
    return merged


def _metrics(given: Sequence[Summary], own: Sequence[Metric]) -> dict[str, Metric]:
    known = {metric.name: metric for metric in own}
    for name, description in given[0].metrics.items():
        if name not in known and not description:
            raise BadValue(
                f"{name} is no metric of this package, so merge must be given it; pass metrics=[…]."
            )
    return {
        name: known.get(name) or restored(description)
        for name, description in given[0].metrics.items()
    }


def _added(given: Sequence[Summary]) -> list[Cell]:
    """Add the cells of all sites, in the order of the first that has each."""
    cells: dict[tuple[str, str, str], list[Cell]] = {}
    for each in given:
        for cell in each.cells:
            cells.setdefault((cell.metric, cell.slice, cell.value), []).append(cell)
    return [
        Cell(*place, **{name: sum(getattr(each, name) for each in members) for name in _ADDED})
        for place, members in cells.items()
    ]


def _lost(given: Sequence[Summary]) -> dict[str, dict[str, int]]:
    """Count the outputs without a value at all sites, by metric and system."""
    return {
        name: {
            system: sum(each.n_failed[name][system] for each in given)
            for system in given[0].systems
        }
        for name in given[0].signatures
    }


def _withheld(given: Sequence[Summary]) -> dict[str, tuple[str, ...]]:
    """Name the sites from which values of a column are missing."""
    columns = sorted({name for each in given for name in each.withheld})
    return {
        name: tuple(each.site for each in given if each.withheld.get(name, 1)) for name in columns
    }


def _with_sites(slices: "pd.DataFrame", given: Sequence[Summary]) -> "pd.DataFrame":
    """Add how many sites told each slice."""
    place = ["slice", "value", "metric"]
    times = Counter((cell.slice, cell.value, cell.metric) for each in given for cell in each.cells)
    told = [times[key] for key in slices[place].itertuples(index=False, name=None)]
    return slices.assign(n_sites=told)[["slice", "value", "n_sites", *COLUMNS]]


class _Pooled:
    """One cell's figures, and what its resamples say of them."""

    def __init__(
        self, cell: Cell, metric: Metric, signature: str, level: float, lost: Mapping[str, int]
    ) -> None:
        self.cell, self.metric, self.level = cell, metric, level
        self.signature, self.lost = signature, lost
        self.figures = self._figures(cell.sums)
        self.resampled = self._figures(cell.resampled)

    def _figures(self, sums: Array) -> Array:
        values = bounded(self.metric, self.metric.aggregate(sums))
        return np.where(np.isinf(values), np.nan, values)

    def scores(self, systems: Sequence[str]) -> list[Record]:
        """Return each system's figure with its interval."""
        return [self._score(at, system) for at, system in enumerate(systems)]

    def _score(self, at: int, system: str) -> Record:
        ((low, high),) = percentiles(self.resampled[None, :, at], self.level)
        return {
            "metric": self.metric.name,
            "system": system,
            "score": float(self.figures[at]),
            "ci_low": low,
            "ci_high": high,
            "n": self.cell.n,
            "n_failed": self.lost[system],
            "n_clusters": self.cell.n_units,
            "signature": self.signature,
        }

    def records(self, systems: Sequence[str], baseline: str) -> list[Record]:
        """Return each system's difference from a baseline, with its interval and p-value."""
        b = systems.index(baseline)
        return [self._record(a, b, systems) for a in range(len(systems)) if a != b]

    def _record(self, a: int, b: int, systems: Sequence[str]) -> Record:
        deltas = self.resampled[:, a] - self.resampled[:, b]
        ((low, high),) = percentiles(deltas[None], self.level)
        p, method = self._p(a, b)
        return {
            "slice": self.cell.slice,
            "value": self.cell.value,
            "metric": self.metric.name,
            "system": systems[a],
            "baseline": systems[b],
            "score": float(self.figures[a]),
            "baseline_score": float(self.figures[b]),
            "delta": float(self.figures[a] - self.figures[b]),
            "ci_low": low,
            "ci_high": high,
            "p": p,
            "n": self.cell.n,
            "n_changed": int(self.cell.n_changed[a, b]),
            "n_clusters": self.cell.n_units,
            "method": method,
            "signature": self.signature,
            "n_failed": self.lost[systems[a]],
            "baseline_n_failed": self.lost[systems[b]],
        }

    def _p(self, a: int, b: int) -> tuple[float, str]:
        """Return the p-value of the paired randomisation test, and how it was found."""
        if not self.cell.n_changed[a, b]:
            return 1.0, "identical"
        if np.isnan(self.figures[[a, b]]).any():
            return float("nan"), "no figure to test"
        moved = self.cell.exchanged[:, b] - self.cell.exchanged[:, a]
        sums = self.cell.sums
        sizes = np.abs(self._figures(sums[a] + moved) - self._figures(sums[b] - moved))
        # an exchange without a figure counts too
        hits = ~(sizes < least_size(self.figures[a], self.figures[b]))
        p = float((hits.sum() + 1) / (len(hits) + 1))
        return p, f"randomisation, {len(hits)} exchanges"


def _rows(frame: "pd.DataFrame") -> str:
    """Say of how many rows the figures of a frame are."""
    if frame.empty:
        return "no rows"
    low, high = frame["n"].min(), frame["n"].max()
    return f"{low} to {counted(high, 'row')}" if low < high else counted(high, "row")


def _ranked(scores: Sequence[Record], known: Mapping[str, Metric]) -> "pd.DataFrame":
    """Sort by metric, then best first, systems without a score last."""
    import pandas as pd

    order = list(known)

    def place(row: Record) -> tuple[int, float, str]:
        score = row["score"] if known[row["metric"]].direction == "down" else -row["score"]
        # NaN is neither less nor more than anything
        return order.index(row["metric"]), np.inf if np.isnan(score) else score, row["system"]

    ranked: list[Record] = sorted(scores, key=place)
    return pd.DataFrame(ranked)


def _judged(
    pooled: Sequence[_Pooled],
    systems: Sequence[str],
    baseline: str,
    correction: Correction,
    level: float,
) -> "pd.DataFrame":
    """Return the differences of some cells, which are one family."""
    import pandas as pd

    records = [(each.metric, row) for each in pooled for row in each.records(systems, baseline)]
    columns = ["slice", "value", *COLUMNS, *_FAILED]
    frame = pd.DataFrame([row for _, row in records], columns=columns)
    frame["p_adjusted"] = adjusted(frame["p"].to_numpy(dtype=np.float64), correction)
    frame["verdict"] = [
        verdict(metric, row, alpha_of(level))
        for (metric, _), row in zip(records, each_row(frame), strict=True)
    ]
    return frame
