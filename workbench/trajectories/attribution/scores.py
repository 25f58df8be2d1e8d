"""Figures of how often the failing step was found, beside what needs no skill, with intervals."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench import display
from workbench.display import Sheet
from workbench.stats.binary import mcnemar, wilson

if TYPE_CHECKING:
    import pandas as pd

Flags = NDArray[np.bool_]

_N_BINS = 10
_SAMPLES = 2_000
_NOTHING: dict[str, None] = {"ci_low": None, "ci_high": None, "p_value": None}
_COLUMNS = ["method", "target", "value", "ci_low", "ci_high", "n", "p_value"]


@dataclass(frozen=True)
class Prediction:
    """What was said of a run whose mistake is known.

    Parameters
    ----------
    run_id, group : str
        The run, and the group that was held out with it.
    fold : int
        The outer fold.
    penalty : float
        The penalty that its inner folds chose.
    step, predicted : int
        The true step and the first suspect.
    confidence : float
        Probability given to the first suspect.
    rank : int
        Place of the true step among the suspects, from 1.
    agent, predicted_agent : str
        The same of agents.
    n_steps, n_agents : int
        Among how many.
    second_agent : str
        Who acts in the second step.
    """

    run_id: str
    group: str
    fold: int
    penalty: float
    step: int
    predicted: int
    confidence: float
    rank: int
    agent: str
    predicted_agent: str
    n_steps: int
    n_agents: int
    second_agent: str


@dataclass(frozen=True, eq=False)
class AttributionScores:
    """How often the failing step and its agent were found in runs not learned from.

    Parameters
    ----------
    frame : DataFrame
        `method` (features, always step 1, random, what others published), `target` (step, agent,
        top 3), `value`, `ci_low`, `ci_high`, `n`, `p_value` (exact McNemar of the features against
        "always step 1", which is the second, for they count from 0).
    predictions : DataFrame
        One run each, with the fields of `Prediction`.
    calibration_error : float
        Expected calibration error of the confidence in the first suspect, over ten bins.
    calibration_floor : float
        What that error would be on average were the confidence exactly right: a small sample strays.
    method : str
        How it was done.
    """

    frame: "pd.DataFrame"
    predictions: "pd.DataFrame"
    calibration_error: float
    calibration_floor: float
    method: str
    _sheet: Sheet = field(repr=False)

    def __repr__(self) -> str:
        return repr(self._sheet)

    def _repr_html_(self) -> str:
        return self._sheet._repr_html_()


def scored(
    predictions: Sequence[Prediction],
    method: str,
    *,
    published: Mapping[str, Mapping[str, float]] | None = None,
    seed: int = 0,
) -> AttributionScores:
    """Return the figures of predictions.

    Parameters
    ----------
    predictions : sequence of Prediction
        One per run, at least one.
    method : str
        How they were made.
    published : mapping, optional
        Figures of others on the same runs, by method and target.
    seed : int
        Of the bootstrap over groups, and of the calibration's floor.
    """
    import pandas as pd

    records = list(_records(predictions, seed))
    records += [
        {"method": name, "target": target, "value": value, "n": len(predictions)} | _NOTHING
        for name, figures in (published or {}).items()
        for target, value in figures.items()
    ]
    frame = pd.DataFrame(records, columns=_COLUMNS)
    frame = frame.astype({name: "float64" for name in ("value", "ci_low", "ci_high", "p_value")})
    confidence = np.array([each.confidence for each in predictions])
    right = np.array([each.rank == 1 for each in predictions])
    error = calibration_error(confidence, right)
    floor = _floor(confidence, seed)
    caption = (
        f"Failing steps found in {len(predictions)} runs not learned from: {method}; 95 % intervals; "
        f"calibration error {display.number(error, 3)} (of a perfect confidence "
        f"{display.number(floor, 3)}); p against always step 1, McNemar"
    )
    header = ["method", "target", "share [interval]", "p"]
    body = [
        [
            record["method"], record["target"],
            display.interval(record["value"], record["ci_low"], record["ci_high"], 3)
            if record["ci_low"] is not None else display.number(record["value"], 3),
            display.p_value(record["p_value"]),
        ]
        for record in records
    ]  # fmt: skip
    table = pd.DataFrame([asdict(each) for each in predictions])
    return AttributionScores(
        frame, table, error, floor, method, Sheet(frame, caption, header, body)
    )


def _records(predictions: Sequence[Prediction], seed: int) -> Iterator[dict[str, Any]]:
    groups = [each.group for each in predictions]
    hits = {
        "step": [each.rank == 1 for each in predictions],
        "agent": [each.predicted_agent == each.agent for each in predictions],
        "top 3": [each.rank <= 3 for each in predictions],
    }
    second = {
        "step": [each.step == 1 for each in predictions],
        "agent": [each.second_agent == each.agent for each in predictions],
    }
    chance = {
        "step": [1 / each.n_steps for each in predictions],
        "agent": [1 / each.n_agents for each in predictions],
        "top 3": [min(3, each.n_steps) / each.n_steps for each in predictions],
    }
    for target, found in hits.items():
        p = _same_share(found, second[target]) if target in second else None
        yield _figure("features", target, np.array(found), groups, seed) | {"p_value": p}
    for target, found in second.items():
        yield _figure("always step 1", target, np.array(found), groups, seed)
    for target, shares in chance.items():
        value = math.fsum(shares) / len(shares)
        yield {"method": "random", "target": target, "value": value, "n": len(shares)} | _NOTHING


def _figure(method: str, target: str, hits: Flags, groups: list[str], seed: int) -> dict[str, Any]:
    alone = len(set(groups)) == len(groups)
    low, high = wilson(int(hits.sum()), len(hits)) if alone else _grouped(hits, groups, seed)
    figures = {"value": float(hits.mean()), "ci_low": low, "ci_high": high, "n": len(hits)}
    return {"method": method, "target": target, "p_value": None} | figures


def _grouped(hits: Flags, groups: list[str], seed: int) -> tuple[float, float]:
    """Return the percentile interval of a share over groups drawn with replacement."""
    names = {name: at for at, name in enumerate(sorted(set(groups)))}
    codes = [names[group] for group in groups]
    n_hits, n = np.bincount(codes, weights=hits), np.bincount(codes)
    drawn = np.random.default_rng(seed).integers(len(n), size=(_SAMPLES, len(n)))
    shares = n_hits[drawn].sum(axis=1) / n[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def _same_share(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Return the exact p-value of McNemar's test that two methods hit equally often."""
    pairs = list(zip(one, other, strict=True))
    return mcnemar(sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)).p


def calibration_error(confidence: NDArray[np.floating[Any]], right: Flags) -> float:
    """Return the expected calibration error: |mean confidence − share right|, weighed over ten bins.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015); Guo et al. (2017).
    """
    bins = np.minimum((confidence * _N_BINS).astype(int), _N_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=_N_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _floor(confidence: NDArray[np.floating[Any]], seed: int) -> float:
    """Return the calibration error that a perfect confidence shows on average in such a sample."""
    draws = np.random.default_rng(seed).random((_SAMPLES, len(confidence))) < confidence
    return float(np.mean([calibration_error(confidence, draw) for draw in draws]))
