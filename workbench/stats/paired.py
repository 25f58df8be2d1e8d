"""Systems on the same units: their scores, and the difference of any two of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from workbench.stats.exact import Array, Exact
from workbench.stats.resampling import bootstrap_sums, exchanged_sums

Test = Literal["randomisation", "bootstrap"]

MAX_EXACT = 16
"""Up to so many changed units every exchange is tried: 2¹⁶ of them."""

# Differences that agree to this share of the scores are ties: far above the rounding of a score,
# far below anything that one output can change.
_TIE = 2.0**-40


class Interval(NamedTuple):
    """A figure and its interval, in the figure's unit."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """How two systems differ on the units that both have.

    Attributes
    ----------
    score_a, score_b : float
        The two figures.
    delta : float
        score_a − score_b.
    ci_low, ci_high : float
        Bootstrap interval of delta; NaN for fewer than two units.
    p : float
        Two-sided p-value; NaN where there is no figure, or a single unit to bootstrap.
    n_changed : int
        Units on which the systems' statistics differ.
    method : str
        How the p-value was found.
    """

    score_a: float
    score_b: float
    delta: float
    ci_low: float
    ci_high: float
    p: float
    n_changed: int
    method: str


@dataclass(frozen=True, eq=False)
class Units:
    """Statistics of several systems on the same units, and what resampling makes of them.

    Parameters
    ----------
    statistics : Exact, shape (n_units, n_systems, k)
        Of each unit (a row, or a cluster of rows), in an order that does not depend on the input's.
    aggregate : callable
        Sums of statistics, shape (..., k), to figures, shape (...).
    scale : int
        By what the statistics were multiplied to keep averages over repeats whole.
    samples : int
        Number of resamples.
    seed : int
        Of the random numbers.
    level : float
        Confidence of the intervals, between 0 and 1.
    """

    statistics: Exact
    aggregate: Callable[[Array], Array]
    scale: int = 1
    samples: int = 10_000
    seed: int = 0
    level: float = 0.95

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.statistics.limbs.shape[1])

    @cached_property
    def sums(self) -> Array:
        """Sums of statistics of each system, shape (n_systems, k)."""
        return self.statistics.sum(axis=0).value()

    @cached_property
    def scores(self) -> Array:
        """Figure of each system, shape (n_systems,)."""
        return self._figures(self.sums)

    @cached_property
    def resampled_scores(self) -> Array:
        """Figures of bootstrap resamples, shape (samples, n_systems)."""
        return self._figures(bootstrap_sums(self.statistics, samples=self.samples, seed=self.seed))

    @cached_property
    def _exchanged(self) -> Array:
        return exchanged_sums(self.statistics, samples=self.samples, seed=self.seed)

    def interval(self, system: int) -> Interval:
        """Return a system's figure with its percentile bootstrap interval.

        References
        ----------
        Efron and Tibshirani (1993), section 13.3.
        """
        low, high = self._quantiles(self.resampled_scores[:, system])
        return Interval(float(self.scores[system]), low, high)

    def difference(self, a: int, b: int, *, test: Test = "randomisation") -> Difference:
        """Compare two systems.

        Parameters
        ----------
        a, b : int
            Their positions.
        test : {"randomisation", "bootstrap"}
            The paired randomisation test, exact when at most 16 units changed; or the inverted
            bootstrap interval.

        Returns
        -------
        Difference
            With p = 1 when no unit changed.
        """
        changed = (self.statistics.limbs[:, :, a] != self.statistics.limbs[:, :, b]).any(
            axis=(0, 2)
        )
        score_a, score_b = float(self.scores[a]), float(self.scores[b])
        deltas = self.resampled_scores[:, a] - self.resampled_scores[:, b]
        low, high = self._quantiles(deltas)
        if test == "bootstrap" and changed.any():
            p = bootstrap_p(deltas) if self.n_units > 1 else float("nan")
            method = f"bootstrap, {self.samples} samples"
        else:
            p, method = self._randomisation(a, b, changed)
        n_changed = int(changed.sum())
        return Difference(score_a, score_b, score_a - score_b, low, high, p, n_changed, method)

    def _figures(self, sums: Array) -> Array:
        figures = self.aggregate(sums / self.scale if self.scale != 1 else sums)
        # 5/0 is as little of a figure as 0/0.
        return np.where(np.isinf(figures), np.nan, figures)

    def _quantiles(self, values: Array) -> tuple[float, float]:
        if self.n_units < 2 or np.isnan(values).any():
            return float("nan"), float("nan")
        tail = (1 - self.level) / 2
        low, high = np.quantile(values, [tail, 1 - tail])
        return float(low), float(high)

    def _randomisation(self, a: int, b: int, changed: Array) -> tuple[float, str]:
        """Return the p-value of the randomisation test, and how it was found."""
        n_changed = int(changed.sum())
        if n_changed == 0:
            return 1.0, "identical"
        if np.isnan(self.scores[[a, b]]).any():
            return float("nan"), "no figure to test"
        if n_changed <= MAX_EXACT:
            p = self._exact_p(a, b, changed)
            return p, f"exact randomisation, {2**n_changed} exchanges"
        return self._random_p(a, b), f"randomisation, {self.samples} exchanges"

    def _exact_p(self, a: int, b: int, changed: Array) -> float:
        """Return the share of all exchanges of changed units that differ at least as much."""
        moved = (self.statistics[changed, b] - self.statistics[changed, a]).weighted(
            _patterns(int(changed.sum()))
        )
        hits = self._as_large(a, b, self.sums[a] + moved, self.sums[b] - moved)
        return float(hits.mean())

    def _random_p(self, a: int, b: int) -> float:
        """Return (c + 1)/(R + 1), the observed exchange among the random ones.

        References
        ----------
        Phipson and Smyth (2010), section 4: never zero, and valid at any number of exchanges.
        """
        moved = self._exchanged[:, b] - self._exchanged[:, a]
        hits = self._as_large(a, b, self.sums[a] + moved, self.sums[b] - moved)
        return float((hits.sum() + 1) / (len(hits) + 1))

    def _as_large(self, a: int, b: int, sums_a: Array, sums_b: Array) -> Array:
        """Tell which exchanges differ at least as much as what was observed.

        Ties count, and so do exchanges without a figure.
        """
        observed = abs(self.scores[a] - self.scores[b])
        slack = _TIE * max(abs(self.scores[a]), abs(self.scores[b]))
        sizes = np.abs(self._figures(sums_a) - self._figures(sums_b))
        return np.asarray(~(sizes < observed - slack))


def bootstrap_p(deltas: Array) -> float:
    """Return the two-sided p-value at which the percentile interval first holds zero.

    NaN where a resample has no figure.

    References
    ----------
    Efron and Tibshirani (1993), section 15.4.

    Examples
    --------
    >>> bootstrap_p(np.array([0.1, 0.2, 0.3, -0.1]))
    0.8
    """
    if np.isnan(deltas).any():
        return float("nan")
    below = (np.sum(deltas <= 0) + 1) / (len(deltas) + 1)
    above = (np.sum(deltas >= 0) + 1) / (len(deltas) + 1)
    return float(min(1.0, 2 * min(below, above)))


def _patterns(n_units: int) -> Array:
    """Return all ways to exchange some of n units, shape (2ⁿ, n)."""
    numbers = np.arange(2**n_units)[:, None]
    return ((numbers >> np.arange(n_units)) & 1).astype(np.float64)
