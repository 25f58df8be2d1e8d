"""Worlds of which the truth is known: rows of two systems, equal or not, as statistics.

A world gives both systems their figures row by row. Its rows are drawn from one population, so that
`truth`, the difference of the systems' figures over all of it, is what intervals should cover and
what a test may call a difference. Where it is 0 the two systems may be exchanged on any row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.metrics import BLEU
from workbench.stats import Exact, Units

N_UNITS = (20, 100, 1000)

# Two systems' figures of a row agree as far as both depend on how hard the row is.
_COMMON = np.sqrt(0.5)


Draw = Callable[[np.random.Generator, int, float], np.ndarray]


def mean(sums: np.ndarray) -> np.ndarray:
    """Return a sum of values over their number."""
    return sums[..., 0] / sums[..., 1]


def one_each(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return values, a row each, as statistics."""
    values = np.stack([a, b], axis=-1)
    return np.stack([values, np.ones_like(values)], axis=-1)


def continuous(rng: np.random.Generator, n: int, effect: float) -> np.ndarray:
    """Normal values that correlate by one half."""
    common, *own = rng.normal(size=(3, n))
    a, b = (np.round(1000 * (_COMMON * common + _COMMON * each)) for each in own)
    return one_each(a + round(1000 * effect), b)


def skewed(rng: np.random.Generator, n: int, effect: float) -> np.ndarray:
    """Log-normal values (σ = ½), such as seconds; the first system's are larger by a share."""
    common, *own = 0.5 * rng.normal(size=(3, n))
    a, b = (np.exp(_COMMON * common + _COMMON * each) for each in own)
    return one_each(np.round(1000 * (1 + effect) * a), np.round(1000 * b))


def clustered_rows(
    rng: np.random.Generator, n: int, effect: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of clusters of 1 to 9, whose differences share half of their variance."""
    codes = np.repeat(np.arange(n), rng.integers(1, 10, size=n))
    shared = rng.normal(size=n)[codes]
    gaps = np.round(1000 * (_COMMON * shared + _COMMON * rng.normal(size=len(codes)) + effect))
    return one_each(gaps, np.zeros(len(codes))), codes


def clustered(rng: np.random.Generator, n: int, effect: float) -> np.ndarray:
    """Clusters of 1 to 9 rows, added up."""
    rows, codes = clustered_rows(rng, n, effect)
    added = np.zeros((n, *rows.shape[1:]))
    np.add.at(added, codes, rows)
    return added


def tied(rng: np.random.Generator, n: int, effect: float) -> np.ndarray:
    """Marks from 1 to 5 of two raters' favourites: few values, many ties."""
    common, *own = rng.normal(size=(3, n))
    a, b = (common + each for each in own)
    return one_each(*(np.clip(np.round(3 + each), 1, 5) for each in (a + effect, b)))


def few_changed(rng: np.random.Generator, n: int, effect: float) -> np.ndarray:
    """A change that touches one row in ten."""
    a = np.round(1000 * rng.normal(size=n))
    changed = rng.random(n) < 0.1
    return one_each(a + changed * np.round(1000 * (rng.normal(size=n) + effect)), a)


def binary(rng: np.random.Generator, n: int, effect: float) -> np.ndarray:
    """Right or wrong: seven in ten are right, and on half of the rows both systems agree anyway."""
    shared = rng.random(n)
    a, b = (np.where(rng.random(n) < 0.5, shared, rng.random(n)) for _ in range(2))
    return one_each((a < 0.7 + effect).astype(float), (b < 0.7).astype(float))


def translations(rng: np.random.Generator, n: int, effect: float) -> np.ndarray:
    """BLEU's statistics of sentences: n-grams match by chance, easily in an easy sentence."""
    length = rng.integers(8, 40, size=n)
    ease = 0.62 + 0.15 * rng.normal(size=n)
    return np.stack([_sentence(rng, length, ease + each) for each in (effect, 0.0)], axis=1)


def _sentence(rng: np.random.Generator, length: np.ndarray, ease: np.ndarray) -> np.ndarray:
    own = np.maximum(4, length + rng.integers(-2, 3, size=len(length)))
    chance = np.clip(ease + 0.1 * rng.normal(size=len(length)), 0.05, 0.98)
    matches = rng.binomial(own, chance)
    columns, totals = [matches], [own]
    for order in (2, 3, 4):
        totals.append(own - order + 1)
        matches = rng.binomial(np.minimum(matches, totals[-1]), 0.4 + 0.5 * chance)
        columns.append(matches)
    return np.stack([own, length, *columns, *totals], axis=-1).astype(np.float64)


@dataclass(frozen=True)
class World:
    """How rows come to be, and what is made of them.

    Parameters
    ----------
    draw : callable
        Random numbers, a number of units and an effect to statistics, shape (n units, 2, k).
    strength : float
        The effect that is worth finding in n units, times √n.
    most : float
        The largest effect there can be.
    aggregate, approximate : callable
        Sums of statistics to figures, and the faster one of intervals.
    """

    draw: Draw
    strength: float
    most: float = np.inf
    aggregate: Callable[[np.ndarray], np.ndarray] = mean
    approximate: Callable[[np.ndarray], np.ndarray] | None = None

    def units(self, seed: int, n_units: int, effect: float, **options: Any) -> Units:
        """Return the units of one world, the first system ahead by the effect."""
        rng = np.random.default_rng([seed, n_units, round(1e6 * effect)])
        return Units(
            Exact.of(self.draw(rng, n_units, effect)),
            self.aggregate,
            approximate=self.approximate,
            seed=seed,
            **options,
        )


WORLDS = {
    "independent": World(continuous, 2.8),
    "skewed": World(skewed, 1.6),
    "clustered": World(clustered, 2.5),
    "tied": World(tied, 4.5),
    "few changed": World(few_changed, 10.0),
    "binary": World(binary, 1.6, 0.25),
    "BLEU": World(translations, 0.6, 0.3, BLEU().aggregate, BLEU().approximate),
}


@dataclass(frozen=True)
class Family:
    """Nine prompts and a baseline, some of them better.

    Parameters
    ----------
    draw : callable
        How the two systems of a world come to be; prompts are drawn alike.
    n_better : int
        Prompts that are better, by one standard deviation of a difference.
    """

    draw: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    n_better: int = 0

    def statistics(self, seed: int, n: int) -> np.ndarray:
        """Return the statistics of nine prompts and, last, of the baseline."""
        rng = np.random.default_rng([seed, n])
        common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 10))
        hidden = _COMMON * common + _COMMON * own
        hidden[:, : self.n_better] += 1.0
        values = self.draw(rng, hidden)
        return np.stack([values, np.ones_like(values)], axis=-1)


def _rounded(rng: np.random.Generator, hidden: np.ndarray) -> np.ndarray:
    return np.round(1000 * hidden)


def _exponential(rng: np.random.Generator, hidden: np.ndarray) -> np.ndarray:
    return np.round(1000 * np.exp(hidden))


def _passed(rng: np.random.Generator, hidden: np.ndarray) -> np.ndarray:
    return (hidden < 0.5).astype(np.float64)


FAMILIES = {
    "nine equal prompts, normal": Family(_rounded),
    "nine equal prompts, log-normal (σ = 1)": Family(_exponential),
    "nine equal prompts, right or wrong": Family(_passed),
    "five better and four equal, normal": Family(_rounded, 5),
}
