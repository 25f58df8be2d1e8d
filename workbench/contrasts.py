"""Paired units to figures: intervals of systems, differences of pairs, verdicts of families."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from workbench.display import percent
from workbench.errors import BadValue, is_number, unknown_name
from workbench.families import Claim, max_t
from workbench.metrics.base import Metric
from workbench.metrics.scoring import Scores, bounded
from workbench.pairing import Failures, Mask, Panel, panel
from workbench.stats.corrections import FamilyCorrection, adjusted, alpha_of
from workbench.stats.exact import Array
from workbench.stats.paired import Difference, Estimate, IntervalMethod, Test, Units
from workbench.stats.power import quantile
from workbench.stats.sacrebleu_tests import PeerUnits
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["better", "worse", "identical", "undecided"]
Record = dict[str, Any]

_NAN = float("nan")
# What stands for systems without a row that can be scored.
_NOTHING = Estimate(_NAN, _NAN, _NAN, "no row that can be scored")
_NO_DIFFERENCE = Difference(_NAN, _NAN, _NAN, _NAN, _NAN, _NAN, 0, "no row that both answered")

# Resampled sums that a comparison keeps.
_MOST_BYTES = 128 * 2**20

COLUMNS = (
    "metric", "system", "baseline", "score", "baseline_score", "delta", "ci_low", "ci_high",
    "p", "p_adjusted", "n", "n_changed", "n_clusters", "verdict", "method", "signature",
)  # fmt: skip
"""The columns of a frame of differences, in order."""


@dataclass(frozen=True)
class Settings:
    """How a comparison is made; `workbench.comparison.compare` says what each field means."""

    baseline: str
    test: Test = "randomisation"
    samples: int = 10_000
    level: float = 0.95
    correction: FamilyCorrection = "holm"
    interval: IntervalMethod = "auto"
    cluster: str | None = None
    failures: Failures = "exclude"
    margins: Mapping[str, float] = field(default_factory=dict)
    compat: Literal["sacrebleu"] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (
            ("test", self.test, get_args(Test)),
            ("correction", self.correction, get_args(FamilyCorrection)),
            ("interval", self.interval, get_args(IntervalMethod)),
            ("failures", self.failures, get_args(Failures)),
            ("compat", self.compat, (None, "sacrebleu")),
        ):
            if value not in known:
                raise unknown_name(what, value, known)
        counted = is_number(self.samples, whole=True) and is_number(self.seed, whole=True)
        level = is_number(self.level) and 0 < self.level < 1
        if not (level and counted and self.samples >= 1 and self.seed >= 0):
            raise BadValue(
                "level must be between 0 and 1, samples at least 1 and seed at least 0, but "
                f"{self.level!r}, {self.samples!r} and {self.seed!r} came; use 0.95, 10000 and 0."
            )
        if self.compat and (self.cluster not in {None, "row_id"} or self.failures != "exclude"):
            raise BadValue(
                "compat='sacrebleu' knows neither clusters nor failures='worst', but "
                f"cluster={self.cluster!r} and failures={self.failures!r} came; leave them out."
            )
        if self.compat and self.test == "mcnemar":
            raise BadValue(
                "compat='sacrebleu' knows 'randomisation' and 'bootstrap', but test='mcnemar' came; "
                "leave one of them out."
            )
        if self.correction == "max-t" and (self.compat or self.test == "bootstrap"):
            raise BadValue(
                "correction='max-t' is made of exchanges, but "
                f"test={self.test!r} and compat={self.compat!r} came; use test='randomisation'."
            )

    @property
    def alpha(self) -> float:
        """The level of the tests."""
        return alpha_of(self.level)

    @property
    def grouping(self) -> str | None:
        """The column of clusters; sacrebleu knows none."""
        return "row_id" if self.compat else self.cluster

    def __str__(self) -> str:
        return self.told(self.correction)

    def told(self, correction: str) -> str:
        """Say how a comparison is made, with the correction that was used and over how many."""
        test = "McNemar's exact test" if self.test == "mcnemar" else f"paired {self.test}"
        if self.compat:
            test = f"sacrebleu's {'ar' if self.test == 'randomisation' else 'bs'}"
        return (
            f"{test}, {self.samples} samples, seed {self.seed}, correction {correction}, "
            f"{percent(self.level)} intervals"
        )


class Resampled:
    """What one comparison resampled last, up to 128 MB, for whoever asks for the same rows next.

    Another process starts with nothing.
    """

    def __init__(self) -> None:
        self._units: dict[tuple[str, bytes], Units] = {}
        self._lock = Lock()

    def __reduce__(self) -> "tuple[type[Resampled], tuple[()]]":
        return Resampled, ()

    def units(self, arranged: Panel, mask: Mask, metric: Metric, settings: Settings) -> Units:
        """Return the units of these rows under a metric."""
        key = metric.name, mask.tobytes()
        with self._lock:
            found = self._units.pop(key, None) or _units(arranged, mask, metric, settings)
            self._units[key] = found
            while sum(each.n_bytes for each in self._units.values()) > _MOST_BYTES:
                del self._units[next(iter(self._units))]
        return found


def intervals(
    scores: Scores, settings: Settings, metric: Metric, resampled: Resampled | None = None
) -> "pd.DataFrame":
    """Return each system's figure with its interval, over all rows that it answered.

    Returns
    -------
    DataFrame
        `metric`, `system`, `score`, `ci_low`, `ci_high`, `n`, `n_failed`, `n_empty`, `n_clusters`,
        `method` (of the interval), `signature`; best system first.
    """
    import pandas as pd

    arranged = panels_of(scores, settings, [metric.name])[metric.name]
    records, lost = [], missing(scores, metric)
    for mask, systems in _by_mask(arranged, [(system,) for system in arranged.systems]):
        units = (resampled or Resampled()).units(arranged, mask, metric, settings)
        for (system,) in systems:
            figure = _NOTHING if not mask.any() else units.interval(arranged.systems.index(system))
            record = {"metric": metric.name, "system": system, "score": figure.value}
            record |= {"ci_low": figure.low, "ci_high": figure.high, "n": int(mask.sum())}
            record |= lost[system]
            record |= {"n_clusters": units.n_units, "method": figure.method}
            records.append(record | {"signature": scores.signatures[metric.name]})
    up = metric.direction != "down"
    frame = pd.DataFrame(records).sort_values(
        ["score", "system"], ascending=[not up, True], kind="stable"
    )
    return frame.reset_index(drop=True)


def differences(
    scores: Scores,
    settings: Settings,
    pairs: Sequence[tuple[str, str]],
    *,
    metrics: Sequence[str] | None = None,
    resampled: Resampled | None = None,
) -> list[Record]:
    """Compare pairs of systems under each metric, on the rows that both answered.

    Parameters
    ----------
    scores : Scores
        What is compared.
    settings : Settings
        How.
    pairs : sequence of (system, baseline)
        Whom.
    metrics : sequence of str, optional
        All by default.
    resampled : Resampled, optional
        Of the same scores and settings.

    Returns
    -------
    list of dict
        One per metric and pair, in that order, with the columns of a frame of differences but for
        those that need the whole family.
    """
    names = [metric.name for metric in scores.metrics] if metrics is None else metrics
    panels = panels_of(scores, settings, names)
    return within(scores, settings, panels, pairs, resampled=resampled)


def panels_of(scores: Scores, settings: Settings, metrics: Sequence[str]) -> dict[str, Panel]:
    """Arrange the statistics of each metric by row and system, as the settings say."""
    return {
        scores.metric(name).name: panel(
            scores, name, failures=settings.failures, cluster=settings.grouping
        )
        for name in metrics
    }


def within(
    scores: Scores,
    settings: Settings,
    panels: Mapping[str, Panel],
    pairs: Sequence[tuple[str, str]],
    inside: Mask | None = None,
    resampled: Resampled | None = None,
) -> list[Record]:
    """Compare pairs under each metric that is arranged, on all of its rows or those inside.

    `inside` has one flag per row, in `row_id` order; with sacrebleu's tests it must be left out.
    """
    records, units_of = [], (resampled or Resampled()).units
    for name, arranged in panels.items():
        metric = scores.metric(name)
        found: dict[tuple[str, ...], Record] = {}
        for mask, members in _by_mask(arranged, pairs, inside):
            units = units_of(arranged, mask, metric, settings)
            shared = {"n": int(mask.sum()), "signature": scores.signatures[name]}
            for record in _differences(settings, metric, arranged, units, members):
                found[record["system"], record["baseline"]] = record | shared
        records += [found[pair] for pair in pairs]
    return records


def judged(
    scores: Scores,
    settings: Settings,
    records: Sequence[Record],
    *,
    adjust: Callable[[Array], Array] | None = None,
) -> "pd.DataFrame":
    """Adjust the p-values of a family of differences, and give the verdicts.

    Parameters
    ----------
    scores, settings
        Those of the differences.
    records : sequence of dict
        The family, from `differences`.
    adjust : callable, optional
        p-values, shape (n,), to adjusted ones; the settings' correction by default.

    Returns
    -------
    DataFrame
        With the columns of a frame of differences, and whatever else the records hold before them.
    """
    import pandas as pd

    extra = [name for name in (records[0] if records else ()) if name not in COLUMNS]
    frame = pd.DataFrame(list(records), columns=[*extra, *COLUMNS])
    p_values = frame["p"].to_numpy(dtype=np.float64)
    if adjust is None and settings.correction == "max-t":
        frame["method"] += f", max-T over {len(frame)}"
    p_adjusted = (adjust or _adjustment(scores, settings, records))(p_values)
    frame["p_adjusted"] = p_adjusted
    frame["verdict"] = [
        verdict(scores.metric(row["metric"]), row | {"p_adjusted": p}, settings.alpha)
        for row, p in zip(records, p_adjusted.tolist(), strict=True)
    ]
    return frame


def _adjustment(
    scores: Scores, settings: Settings, records: Sequence[Record]
) -> Callable[[Array], Array]:
    if settings.correction != "max-t":
        return partial(adjusted, correction=settings.correction)
    panels = panels_of(scores, settings, list(dict.fromkeys(each["metric"] for each in records)))
    return together(scores, settings, panels, records)


def together(
    scores: Scores,
    settings: Settings,
    panels: Mapping[str, Panel],
    records: Sequence[Record],
    insides: Sequence[Mask] | None = None,
) -> Callable[[Array], Array]:
    """Return the correction of a family by max-T, from exchanges that all its differences share.

    Parameters
    ----------
    scores, settings
        Those of the differences.
    panels : mapping of str to Panel
        By metric.
    records : sequence of dict
        The family.
    insides : sequence of array of bool, optional
        The rows looked at by each; all by default.
    """
    claims = []
    for at, record in enumerate(records):
        arranged, pair = panels[record["metric"]], (record["system"], record["baseline"])
        rows = arranged.rows_of(*pair)
        rows = rows if insides is None else rows & insides[at]
        claims.append(Claim(scores.metric(record["metric"]), arranged, pair, rows))

    def adjust(p_values: Array) -> Array:
        found = max_t(claims, samples=settings.samples, seed=settings.seed)
        # a single test may be exact where the exchanges of all are drawn
        return np.maximum(found, p_values)

    return adjust


def turned(value: Any, values: str) -> Any:  # noqa: ANN401 - a figure or a verdict
    """Turn what is said of A against B into what is said of B against A."""
    if values == "delta":
        return -value
    return (
        {"better": "worse", "worse": "better"}.get(value, value) if values == "verdict" else value
    )


def with_margins(
    scores: Scores, frame: "pd.DataFrame", margins: Mapping[str, float]
) -> "pd.DataFrame":
    """Add `margin` and `not_worse` to a frame of differences.

    `not_worse` is "yes" when the whole interval lies above a loss of the margin or the systems are
    identical, "no" when it lies below, else "undecided" (a one-sided test of non-inferiority at half of 1 − level).

    Raises
    ------
    BadValue
        If a margin is negative or infinite, or its metric has no direction.
    UnknownName
        If no metric has that name.
    """
    import pandas as pd

    for name, margin in margins.items():
        if scores.metric(name).direction is None or not (is_number(margin) and margin >= 0):
            raise BadValue(
                "a margin must be a number of at least 0 and of a metric with a direction, but "
                f"{margin} came for {name}; say how large a loss does not matter."
            )
    words = [
        _not_worse(scores.metric(row["metric"]), row, margins.get(row["metric"]))
        for row in each_row(frame)
    ]
    limits = frame["metric"].map(dict(margins)).astype("float64")
    return frame.assign(margin=limits, not_worse=pd.Series(words, index=frame.index, dtype="str"))


def standard_error(
    scores: Scores, settings: Settings, metric: Metric, pair: tuple[str, str]
) -> float:
    """Return the jackknife's standard error of a difference, over rows or clusters of them."""
    arranged = panels_of(scores, settings, [metric.name])[metric.name]
    units = _units(arranged, arranged.rows_of(*pair), metric, settings)
    return units.standard_error(*(arranged.systems.index(each) for each in pair))


def shown_error(row: Mapping[str, Any], level: float) -> float:
    """Return the standard error of a difference of which half the interval is so many."""
    return float((row["ci_high"] - row["ci_low"]) / 2 / quantile((1 + level) / 2))


def _by_mask(
    arranged: Panel, groups: Sequence[tuple[str, ...]], inside: Mask | None = None
) -> Iterator[tuple[Mask, list[tuple[str, ...]]]]:
    """Put together the groups of systems that share the same rows: they share resamples too."""
    found: dict[bytes, tuple[Mask, list[tuple[str, ...]]]] = {}
    for group in groups:
        mask = arranged.rows_of(*group)
        mask = mask if inside is None else mask & inside
        found.setdefault(mask.tobytes(), (mask, []))[1].append(group)
    yield from found.values()


def _units(arranged: Panel, mask: Mask, metric: Metric, settings: Settings) -> Units:
    def figures(sums: Array) -> Array:
        return bounded(metric, metric.aggregate(sums))

    def nearly(sums: Array) -> Array:
        return bounded(metric, metric.approximate(sums))

    options: dict[str, Any] = {
        "samples": settings.samples,
        "seed": settings.seed,
        "level": settings.level,
    }
    if not settings.compat:
        options |= {"interval_method": settings.interval, "bounds": metric.bounds}
        units = arranged.units(mask)
        return Units(units, figures, scale=arranged.scale, approximate=nearly, **options)
    if arranged.repeated:
        raise BadValue(
            "compat='sacrebleu' knows no repeats, but some rows have several outputs of one system; "
            "keep one of them."
        )
    return PeerUnits(
        arranged.in_order(mask),
        figures,
        approximate=metric.approximate,
        unbounded=metric.aggregate,
        **options,
    )


def _differences(
    settings: Settings,
    metric: Metric,
    arranged: Panel,
    units: Units,
    pairs: Sequence[tuple[str, ...]],
) -> list[Record]:
    """Compare pairs of systems on units that all answered, or say that there are none."""
    found = [_NO_DIFFERENCE] * len(pairs)
    if units.n_units:
        places = [(arranged.systems.index(a), arranged.systems.index(b)) for a, b in pairs]
        if settings.test == "mcnemar" and any(units.hits(*pair) is None for pair in places):
            raise BadValue(
                "McNemar's test must have rows that are right or wrong, each for itself, but "
                f"{metric.name} has other values, repeats or clusters; use test='randomisation'."
            )
        found = units.differences(places, test=settings.test)
    return [
        {
            "metric": metric.name,
            "system": system,
            "baseline": baseline,
            "score": each.score_a,
            "baseline_score": each.score_b,
            "delta": each.delta,
            "ci_low": each.ci_low,
            "ci_high": each.ci_high,
            "p": each.p,
            "n_changed": each.n_changed,
            "n_clusters": units.n_units,
            "method": "; ".join(filter(None, (each.method, each.interval))),
        }
        for (system, baseline), each in zip(pairs, found, strict=True)
    ]


def missing(scores: Scores, metric: Metric) -> dict[str, Record]:
    """Count what each system did not deliver for a metric, and what else became of its outputs."""
    unscored = scores.by_system.counted(~scores.scored(metric.name)).tolist()
    left_out = {"system", "n_rows", "n_absent"}
    return {
        lost["system"]: {name: n for name, n in lost.items() if name not in left_out}
        | {"n_failed": lost["n_absent"] + n_unscored}
        for lost, n_unscored in zip(each_row(scores.failures), unscored, strict=True)
    }


def verdict(metric: Metric, row: Record, alpha: float) -> Verdict | None:
    """Return what an adjusted p-value says of a difference; None where there is nothing to say."""
    if not row["n"]:
        return None
    if row["n_changed"] == 0:
        return "identical"
    if metric.direction is None:
        return None
    if not row["p_adjusted"] <= alpha or row["delta"] == 0:
        return "undecided"
    return "better" if (row["delta"] > 0) == (metric.direction == "up") else "worse"


def _not_worse(metric: Metric, row: Record, margin: float | None) -> str | None:
    if margin is None:
        return None
    if row["verdict"] == "identical":
        return "yes"
    low, high = row["ci_low"], row["ci_high"]
    if metric.direction == "down":
        low, high = -high, -low
    if low > -margin:
        return "yes"
    return "no" if high < -margin else "undecided"
