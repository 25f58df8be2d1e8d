"""How often a judge says what people say, beside how often they do among themselves."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from workbench.judging.shared import Both, Resampling, mean_of
from workbench.ratings.estimation.answers import Answers
from workbench.ratings.estimation.coincidence import Coefficient, Scale, estimate, sums
from workbench.stats.exact import Array


def agreements(both: Both, resampling: Resampling) -> Iterator[dict[str, Any]]:
    """Yield percent agreement and alpha: each person with the judge, and people among themselves."""
    points, codes = np.unique(
        np.concatenate([both.judge[both.subject], both.label]), return_inverse=True
    )
    n, rows = len(both.label), both.row[both.subject]
    judge, people = codes[:n], codes[n:]
    answer = np.arange(n)
    # every person's answer is a unit of its own, which the judge rated too
    pairs = Answers(
        np.tile(rows, 2), np.tile(answer, 2), np.repeat([0, 1], n), np.concatenate([judge, people]), points
    )  # fmt: skip
    alone = Answers(rows, both.subject, both.rater, people, points)
    scale: Scale = "nominal" if both.prefers else "interval"
    coefficients: tuple[Coefficient, ...] = ("percent", "alpha")
    for coefficient in coefficients:
        for of, answers in (("judge and people", pairs), ("people", alone)):
            record = {"figure": coefficient, "of": of, "n": both.n, "n_rows": len(both.rows)}
            if answers.shared.any():
                found = answers.patterns(answers.shared)
                told = estimate(
                    found, sums(coefficient, found, scale, points), level=resampling.level,
                    samples=resampling.samples, seed=resampling.seed,
                )  # fmt: skip
                record |= {"value": told.value, "ci_low": told.low, "ci_high": told.high}
                shared = np.unique(answers.units[answers.shared])
                record |= {"n": both.n if of != "people" else len(shared), "n_rows": told.n_items}
            yield record | {"method": f"{scale}; BCa bootstrap over rows"}


def against_most(both: Both, resampling: Resampling) -> Iterator[dict[str, Any]]:
    """Yield accuracy and kappa against what most people said."""
    most = both.most
    told = ~np.isnan(most)
    judge, most = both.judge[told], most[told]
    base = {"of": "judge and majority", "n": int(told.sum()), "n_rows": len(set(both.row[told]))}
    hits = np.stack([judge == most, np.ones(len(most))], axis=-1).astype(np.float64)
    if both.prefers:
        cell = np.eye(9)[(2 * judge + 6 * most).astype(np.int64)]
        kinds = [("accuracy", hits, mean_of), ("kappa", cell, _cohen)]
    else:
        moments = np.stack([np.ones(len(most)), judge, most, judge**2, most**2, judge * most], -1)
        kinds = [("accuracy", hits, mean_of), ("kappa", moments, _concordance)]
    for figure, statistics, aggregate in kinds:
        if not len(most):
            yield base | {"figure": figure, "method": "no majority"}
            continue
        found = resampling.units(both.added(statistics, told)[:, None, :], aggregate).interval(0)
        ends = {"value": found.value, "ci_low": found.low, "ci_high": found.high}
        yield base | {"figure": figure, "method": f"{found.method}, rows"} | ends


def _cohen(sums: Array) -> Array:
    """Return Cohen's kappa from the counts of a 3 × 3 table, flat."""
    table = sums.reshape(*sums.shape[:-1], 3, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = table / table.sum(axis=(-1, -2), keepdims=True)
        agreed = np.trace(shares, axis1=-2, axis2=-1)
        chance = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
        return np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)


def _concordance(sums: Array) -> Array:
    """Return Lin's concordance, which is kappa with quadratic weights, from moments."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = xx / n + yy / n - 2 * x * y / n**2
        return np.where(apart > 1e-12, 2 * (xy / n - x * y / n**2) / apart, np.nan)
