"""Paired units to figures: intervals of systems, differences of pairs, verdicts of families."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from workbench.display import percent
from workbench.errors import BadValue, unknown_name
from workbench.metrics.base import Metric
from workbench.metrics.scoring import Scores, bounded
from workbench.pairing import Failures, Mask, Panel, panel
from workbench.stats import sacrebleu_tests
from workbench.stats.corrections import Correction, adjusted
from workbench.stats.exact import Array
from workbench.stats.paired import Difference, Interval, Test, Units
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["better", "worse", "identical", "undecided"]
Record = dict[str, Any]

_NAN = float("nan")
# What stands for systems without a row that can be scored.
_NOTHING = Interval(_NAN, _NAN, _NAN)
_NO_DIFFERENCE = Difference(_NAN, _NAN, _NAN, _NAN, _NAN, _NAN, 0, "no row that both answered")

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
    correction: Correction = "holm"
    cluster: str | None = None
    failures: Failures = "exclude"
    margins: Mapping[str, float] = field(default_factory=dict)
    compat: Literal["sacrebleu"] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (
            ("test", self.test, get_args(Test)),
            ("correction", self.correction, get_args(Correction)),
            ("failures", self.failures, get_args(Failures)),
            ("compat", self.compat, (None, "sacrebleu")),
        ):
            if value not in known:
                raise unknown_name(what, value, known)
        whole = hasattr(self.samples, "__index__") and hasattr(self.seed, "__index__")
        if not whole or not 0 < self.level < 1 or self.samples < 1 or self.seed < 0:
            raise BadValue(
                "level must be between 0 and 1, samples at least 1 and seed at least 0, but "
                f"{self.level}, {self.samples} and {self.seed} came; use 0.95, 10000 and 0."
            )
        if self.compat and (self.cluster not in {None, "row_id"} or self.failures != "exclude"):
            raise BadValue(
                "compat='sacrebleu' knows neither clusters nor failures='worst', but "
                f"cluster={self.cluster!r} and failures={self.failures!r} came; leave them out."
            )

    @property
    def alpha(self) -> float:
        """The level of the tests; 1 − 0.9 would be a little less than 0.1."""
        return round(1 - self.level, 12)

    def __str__(self) -> str:
        test = f"paired {self.test}"
        if self.compat:
            test = f"sacrebleu's {'ar' if self.test == 'randomisation' else 'bs'}"
        return (
            f"{test}, {self.samples} samples, seed {self.seed}, correction {self.correction}, "
            f"{percent(self.level)} intervals"
        )


def intervals(scores: Scores, settings: Settings, metric: Metric) -> "pd.DataFrame":
    """Return each system's figure with its interval, over all rows that it answered.

    Returns
    -------
    DataFrame
        `metric`, `system`, `score`, `ci_low`, `ci_high`, `n`, `n_failed`, `n_empty`, `n_clusters`,
        `signature`; best system first.
    """
    import pandas as pd

    arranged = _panel(scores, metric, settings)
    records = []
    for mask, systems in _by_mask(arranged, [(system,) for system in arranged.systems]):
        units = _units(arranged, mask, metric, settings)
        for (system,) in systems:
            figure = _NOTHING if not mask.any() else units.interval(arranged.systems.index(system))
            record = {"metric": metric.name, "system": system, "score": figure.value}
            record |= {"ci_low": figure.low, "ci_high": figure.high, "n": int(mask.sum())}
            record |= _missing(scores, metric, system) | {"n_clusters": units.n_units}
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
    rows: Sequence[str] | None = None,
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
    rows : sequence of str, optional
        The rows to look at; all by default.

    Returns
    -------
    list of dict
        One per metric and pair, in that order, with the columns of a frame of differences but for
        those that need the whole family.
    """
    chosen = scores.metrics if metrics is None else [scores.metric(name) for name in metrics]
    records = []
    for metric in chosen:
        arranged = _panel(scores, metric, settings, rows)
        found: dict[tuple[str, ...], Record] = {}
        for mask, members in _by_mask(arranged, pairs):
            units = _units(arranged, mask, metric, settings)
            for pair in members:
                record = _difference(settings, metric, arranged, units, pair)
                if settings.compat and mask.any():
                    record |= _sacrebleu_p(scores, settings, metric, *pair)
                signature = scores.signatures[metric.name]
                found[pair] = record | {"n": int(mask.sum()), "signature": signature}
        records += [found[pair] for pair in pairs]
    return records


def judged(
    scores: Scores,
    settings: Settings,
    records: Sequence[Record],
    *,
    correction: Correction | None = None,
) -> "pd.DataFrame":
    """Adjust the p-values of a family of differences, and give the verdicts.

    Parameters
    ----------
    scores, settings
        Those of the differences.
    records : sequence of dict
        The family, from `differences`.
    correction : str, optional
        That of the settings by default.

    Returns
    -------
    DataFrame
        With the columns of a frame of differences, and whatever else the records hold before them.
    """
    import pandas as pd

    extra = [name for name in (records[0] if records else ()) if name not in COLUMNS]
    frame = pd.DataFrame(list(records), columns=[*extra, *COLUMNS])
    p_values = frame["p"].to_numpy(dtype=np.float64)
    frame["p_adjusted"] = adjusted(p_values, correction or settings.correction)
    frame["verdict"] = [
        _verdict(scores.metric(row["metric"]), row, settings.alpha) for row in each_row(frame)
    ]
    return frame


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
        if scores.metric(name).direction is None or not 0 <= margin < math.inf:
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


def _panel(
    scores: Scores, metric: Metric, settings: Settings, rows: Sequence[str] | None = None
) -> Panel:
    cluster = "row_id" if settings.compat else settings.cluster
    return panel(scores, metric.name, failures=settings.failures, cluster=cluster, rows=rows)


def _by_mask(
    arranged: Panel, groups: Sequence[tuple[str, ...]]
) -> Iterator[tuple[Mask, list[tuple[str, ...]]]]:
    """Put together the groups of systems that share the same rows: they share resamples too."""
    found: dict[bytes, tuple[Mask, list[tuple[str, ...]]]] = {}
    for group in groups:
        mask = arranged.rows_of(*group)
        found.setdefault(mask.tobytes(), (mask, []))[1].append(group)
    yield from found.values()


def _units(arranged: Panel, mask: Mask, metric: Metric, settings: Settings) -> Units:
    def figures(sums: Array) -> Array:
        return bounded(metric, metric.aggregate(sums))

    return Units(
        arranged.units(mask),
        figures,
        scale=arranged.scale,
        samples=settings.samples,
        seed=settings.seed,
        level=settings.level,
    )


def _difference(
    settings: Settings, metric: Metric, arranged: Panel, units: Units, pair: tuple[str, ...]
) -> Record:
    """Compare two systems on units that both answered, or say that there are none."""
    system, baseline = pair
    found = _NO_DIFFERENCE
    if units.n_units:
        places = [arranged.systems.index(each) for each in pair]
        found = units.difference(*places, test=settings.test)
    return {
        "metric": metric.name,
        "system": system,
        "baseline": baseline,
        "score": found.score_a,
        "baseline_score": found.score_b,
        "delta": found.delta,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "p": found.p,
        "n_changed": found.n_changed,
        "n_clusters": units.n_units,
        "method": found.method,
    }


def _sacrebleu_p(
    scores: Scores, settings: Settings, metric: Metric, system: str, baseline: str
) -> Record:
    """Run sacrebleu's own test on the statistics in the dataset's order."""
    outputs, statistics = scores.outputs, scores.statistics[metric.name]
    if outputs.duplicated(["row_id", "system"]).any():
        raise BadValue(
            "compat='sacrebleu' knows no repeats, but some rows have several outputs of one system; "
            "keep one of them."
        )
    names = outputs["system"].to_numpy(dtype=object)
    # The outputs stand in the dataset's order, so those of one system do too.
    places = [
        dict(zip(outputs["row_id"][names == each], np.flatnonzero(names == each), strict=True))
        for each in (system, baseline)
    ]
    scored = scores.scored(metric.name)
    shared = [
        (place, places[1][row])
        for row, place in places[0].items()
        if row in places[1] and scored[place] and scored[places[1][row]]
    ]
    first, second = (statistics[list(each)] for each in zip(*shared, strict=True))
    randomised = settings.test == "randomisation"
    test = sacrebleu_tests.paired_randomisation if randomised else sacrebleu_tests.paired_bootstrap
    p = test(first, second, metric.aggregate, samples=settings.samples, seed=settings.seed)
    name = "ar" if randomised else "bs"
    return {"p": p, "method": f"sacrebleu {name}, {settings.samples} samples"}


def _missing(scores: Scores, metric: Metric, system: str) -> Record:
    """Count what a system did not deliver for a metric."""
    own = (scores.outputs["system"] == system).to_numpy()
    n_unscored = int((own & ~scores.scored(metric.name)).sum())
    lost = next(row for row in each_row(scores.failures) if row["system"] == system)
    return {"n_failed": lost["n_absent"] + n_unscored, "n_empty": lost["n_empty"]}


def _verdict(metric: Metric, row: Record, alpha: float) -> Verdict | None:
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
