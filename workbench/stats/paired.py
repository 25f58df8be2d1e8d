"""Systems on the same units: their scores, and the difference of any two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.stats.binary import mcnemar, newcombe, wilson
from workbench.stats.exact import SINGLE, Array, Exact
from workbench.stats.intervals import bca, jackknife_error, percentiles, small_sample
from workbench.stats.resampling import bootstrap_sums, exchanged_sums
from workbench.stats.sizes import Figures, least_size, sizes_about

Test = Literal["randomisation", "bootstrap", "mcnemar"]
IntervalMethod = Literal["auto", "small-sample", "bca", "percentile"]

FEW = 100
"""Of so few units, or units that changed, percentiles are too narrow."""

MAX_EXACT = 16
"""Up to so many changed units every exchange is tried: 2¹⁶ of them."""

# Resampled differences at a time, which stay in fast memory.
_RESAMPLED = 65_536

Flags = NDArray[np.bool_]


class Interval(NamedTuple):
    """A figure and its interval, in the figure's unit."""

    value: float
    low: float
    high: float


class Estimate(NamedTuple):
    """A figure and its interval, in the figure's unit, and how that was found."""

    value: float
    low: float
    high: float
    method: str


class Difference(NamedTuple):
    """How two systems differ on the units that both have.

    Attributes
    ----------
    score_a, score_b : float
        The two figures.
    delta : float
        score_a − score_b.
    ci_low, ci_high : float
        Interval of delta; NaN for fewer than two units that are not right or wrong.
    p : float
        Two-sided p-value; NaN where there is no figure, or a single unit to bootstrap.
    n_changed : int
        Units on which the systems' statistics differ.
    method : str
        How the p-value was found.
    interval : str
        How the interval was found.
    """

    score_a: float
    score_b: float
    delta: float
    ci_low: float
    ci_high: float
    p: float
    n_changed: int
    method: str
    interval: str = ""


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
    approximate : callable, optional
        A faster `aggregate`, right to 2⁻⁴⁰ of each figure, or to 2⁻²⁰ where it returns single
        precision for sums in it. It draws the intervals; in a test, what it cannot decide is
        decided by `aggregate`.
    interval_method : {"auto", "small-sample", "bca", "percentile"}
        "auto" is Wilson's and Newcombe's where each unit is right or wrong; else `small_sample` for
        up to 100 units (of a difference: units that changed), and percentiles of resamples for
        more.
    bounds : (float or None, float or None)
        Between which figures lie.
    """

    statistics: Exact
    aggregate: Figures
    scale: int = 1
    samples: int = 10_000
    seed: int = 0
    level: float = 0.95
    approximate: Figures | None = None
    interval_method: IntervalMethod = "auto"
    bounds: tuple[float | None, float | None] = (None, None)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.statistics.limbs.shape[1])

    @property
    def n_bytes(self) -> int:
        """Memory that it takes, at most, with all of its resamples."""
        _, n_systems, k = self.statistics.limbs.shape[1:]
        n_resampled: int = self.samples * n_systems * (2 * k + 1)
        return 8 * (2 * self.statistics.limbs.size + n_resampled)

    @cached_property
    def sums(self) -> Array:
        """Sums of statistics of each system, shape (n_systems, k)."""
        return self.statistics.sum(axis=0).value()

    @cached_property
    def scores(self) -> Array:
        """Figure of each system, shape (n_systems,)."""
        return self._figures(self.sums)

    @property
    def resampled_scores(self) -> Array:
        """Figures of bootstrap resamples, shape (samples, n_systems)."""
        return self._resampled.T

    @cached_property
    def _resampled(self) -> Array:
        """Figures of bootstrap resamples, those of a system side by side."""
        sums = bootstrap_sums(self.statistics, samples=self.samples, seed=self.seed)
        return np.ascontiguousarray(self._figures(sums, self.approximate).T)

    @cached_property
    def _sides(self) -> Sequence[Array]:
        """Sums over the units exchanged and over the others, shapes (n_systems, samples, k).

        In single precision where two of them add up without rounding: that takes half the time.
        """
        whole = len(self.statistics.limbs) == 1
        short = whole and 2 * self.statistics.largest() * self.n_units < SINGLE
        kind = np.float32 if short else np.float64
        return [each.astype(kind, copy=False) for each in self._exchanged_sides()]

    def _exchanged_sides(self) -> tuple[Array, Array]:
        sums = exchanged_sums(self.statistics, samples=self.samples, seed=self.seed)
        exchanged = np.swapaxes(sums, 0, 1)
        return exchanged, self.sums[:, None] - exchanged

    @cached_property
    def _by_system(self) -> NDArray[Any]:
        """All pieces of statistics, shape (n_systems, n_pieces, n_units)."""
        # pieces are whole numbers: the smaller they are stored, the faster they are compared
        largest = self.statistics.largest()
        kinds = [kind for kind in (np.int16, np.int32) if largest <= np.iinfo(kind).max]
        pieces = np.moveaxis(self.statistics.limbs, (2, 1), (0, -1))
        kept = np.ascontiguousarray(pieces, dtype=[*kinds, np.float64][0])
        return kept.reshape(len(kept), -1, self.n_units)

    def hits(self, *systems: int) -> Flags | None:
        """Tell which units systems got right, shape (n_units, n_systems).

        None unless their figure is the share of units that are right, each a row for itself.
        """
        if self.statistics.limbs.shape[-1] != 2:
            return None
        limbs = self.statistics.limbs[:, :, systems]
        if limbs[1:].any() or not self._is_share:
            return None
        values, counts = limbs[0, ..., 0], limbs[0, ..., 1]
        if (counts != self.scale).any() or ((values != 0) & (values != self.scale)).any():
            return None
        return np.asarray(values == self.scale)

    @cached_property
    def _is_share(self) -> bool:
        """Whether the figure of some right ones of all units is their share."""
        n = self.n_units
        shares = np.array([[n_right, n] for n_right in {0, min(1, n), n}], dtype=np.float64)
        return n > 0 and bool((self.aggregate(shares) == shares[:, 0] / n).all())

    def interval(self, system: int) -> Estimate:
        """Return a system's figure with its interval."""
        hits = self.hits(system) if self.interval_method == "auto" else None
        if hits is not None:
            ends = wilson(int(hits.sum()), self.n_units, level=self.level)
            return Estimate(float(self.scores[system]), *ends, "Wilson interval")
        (low, high), method = self._around((system,), self.n_units)
        return Estimate(float(self.scores[system]), low, high, method)

    def difference(self, a: int, b: int, *, test: Test = "randomisation") -> Difference:
        """Compare two systems.

        Parameters
        ----------
        a, b : int
            Their positions.
        test : {"randomisation", "bootstrap", "mcnemar"}
            The paired randomisation test, exact when at most 16 units changed, and where units are
            right or wrong; the inverted percentile interval; or McNemar's exact test, which for
            units that are right or wrong is the randomisation test.

        Returns
        -------
        Difference
            With p = 1 when no unit changed.
        """
        return self.differences([(a, b)], test=test)[0]

    def differences(
        self, pairs: Sequence[tuple[int, int]], *, test: Test = "randomisation"
    ) -> list[Difference]:
        """Compare pairs of systems; all share the same resamples and exchanges.

        Parameters
        ----------
        pairs : sequence of (int, int)
            Their positions.
        test : {"randomisation", "bootstrap"}
            As in `difference`.
        """
        found = []
        step = max(1, _RESAMPLED // self.samples)
        for at in range(0, len(pairs), step):
            found += self._compared(pairs[at : at + step], test)
        return found

    def _compared(self, pairs: Sequence[tuple[int, int]], test: Test) -> list[Difference]:
        changed = self._changed(pairs)
        scores = self.scores.tolist()
        return [
            Difference(
                scores[a], scores[b], scores[a] - scores[b], low, high, p, n_changed, method, how
            )
            for (a, b), ((low, high), how), (p, method), n_changed in zip(
                pairs,
                self._intervals(pairs, changed),
                self._tested(pairs, changed, test),
                changed,
                strict=True,
            )
        ]

    def _intervals(
        self, pairs: Sequence[tuple[int, int]], changed: Sequence[int]
    ) -> list[tuple[list[float], str]]:
        """Return the interval of each difference, and how it was found."""
        each = list(zip(pairs, changed, strict=True))
        many = [pair for pair, n_changed in each if self._by_percentiles(pair, n_changed)]
        together = dict(zip(many, self._percentiles(many), strict=True))
        return [
            ([0.0, 0.0], "")
            if n_changed == 0 and not np.isnan(self.scores[pair[0]])
            else (together[pair], "percentile interval")
            if pair in together
            else self._interval(pair, n_changed)
            for pair, n_changed in each
        ]

    def _by_percentiles(self, pair: tuple[int, int], n_changed: int) -> bool:
        if self.interval_method == "auto":
            return n_changed > FEW and self.n_units > 1 and self.hits(*pair) is None
        return self.interval_method == "percentile" and n_changed > 0 and self.n_units > 1

    def _percentiles(self, pairs: Sequence[tuple[int, int]]) -> list[list[float]]:
        """Return the intervals of differences whose resamples are sorted together."""
        if not pairs:
            return []
        a, b = np.array(pairs).T
        return percentiles(self._resampled[a] - self._resampled[b], self.level)

    def _interval(self, pair: tuple[int, int], n_changed: int) -> tuple[list[float], str]:
        hits = self.hits(*pair) if self.interval_method == "auto" else None
        if hits is not None:
            return list(newcombe(*_table(hits), level=self.level)), "Newcombe interval"
        return self._around(pair, n_changed)

    def _around(self, systems: tuple[int, ...], n_telling: int) -> tuple[list[float], str]:
        """Return the interval of a figure, or of a difference, and how it was found.

        `n_telling` units have a say in it.
        """
        if self.n_units < 2:
            return [float("nan")] * 2, "no interval of one unit"
        method = self.interval_method
        if method == "auto":
            method = "small-sample" if n_telling <= FEW else "percentile"
        if method == "percentile":
            resampled = _signed([self._resampled[each] for each in systems])
            return percentiles(resampled[None], self.level)[0], "percentile interval"
        figure = float(_signed([self.scores[each] for each in systems]))
        left_out = _signed([self._left_out(each) for each in systems])
        if method == "small-sample":
            found = small_sample(figure, left_out, self.level)
            return np.clip(found, *self._range(len(systems))).tolist(), "small-sample interval"
        resampled = _signed([self._resampled[each] for each in systems])
        return bca(resampled, figure, left_out, self.level), "BCa interval"

    def _range(self, n_systems: int) -> tuple[float | None, float | None]:
        """Return between which values a figure lies, or a difference of two."""
        low, high = self.bounds
        if n_systems == 1:
            return low, high
        return (None, None) if low is None or high is None else (low - high, high - low)

    def standard_error(self, a: int, b: int) -> float:
        """Return the jackknife's standard error of a difference."""
        return jackknife_error(self._left_out(a) - self._left_out(b))

    def _left_out(self, system: int) -> Array:
        """Return a system's figures without each unit in turn."""
        others = self.sums[system] - self.statistics[:, system].value()
        return self._figures(others, self.approximate)

    def _changed(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        """Count the units on which the statistics of two systems differ."""
        return [int(np.count_nonzero(self._differing(a, b))) for a, b in pairs]

    def _differing(self, a: int, b: int) -> Flags:
        return np.asarray((self._by_system[a] != self._by_system[b]).any(axis=0))

    def _figures(self, sums: Array, aggregate: Figures | None = None) -> Array:
        found = (aggregate or self.aggregate)(sums / self.scale if self.scale != 1 else sums)
        # 5/0 is as little of a figure as 0/0.
        endless = np.isinf(found)
        return np.where(endless, np.nan, found) if endless.any() else found

    def _tested(
        self, pairs: Sequence[tuple[int, int]], changed: Sequence[int], test: Test
    ) -> list[tuple[float, str]]:
        """Return the p-value of each pair, and how it was found."""
        found = []
        for (a, b), n_changed in zip(pairs, changed, strict=True):
            if n_changed == 0:
                found.append((1.0, "identical"))
            elif test == "bootstrap":
                found.append((self._inverted_p(a, b), f"bootstrap, {self.samples} samples"))
            else:
                hits = self.hits(a, b) if test == "mcnemar" or n_changed > MAX_EXACT else None
                found.append(
                    self._randomisation(a, b, n_changed) if hits is None else _mcnemar(hits)
                )
        return found

    def _inverted_p(self, a: int, b: int) -> float:
        if self.n_units < 2:
            return float("nan")
        return bootstrap_p(self._resampled[a] - self._resampled[b])

    def _randomisation(self, a: int, b: int, n_changed: int) -> tuple[float, str]:
        """Return the p-value of the randomisation test, and how it was found."""
        if np.isnan(self.scores[[a, b]]).any():
            return float("nan"), "no figure to test"
        if n_changed <= MAX_EXACT:
            return self._exact_p(a, b), f"exact randomisation, {2**n_changed} exchanges"
        return self._random_p(a, b), f"randomisation, {self.samples} exchanges"

    def _exact_p(self, a: int, b: int) -> float:
        """Return the share of all exchanges of changed units that differ at least as much."""
        changed = self._differing(a, b)
        moved = (self.statistics[changed, b] - self.statistics[changed, a]).weighted(
            _patterns(int(changed.sum()))
        )
        sums = self.sums[a] + moved, self.sums[b] - moved
        return float(self._as_large(a, b, sums).mean())

    def _random_p(self, a: int, b: int) -> float:
        """Return (c + 1)/(R + 1), the observed exchange among the random ones.

        References
        ----------
        Phipson and Smyth (2010), section 4: never zero, and valid at any number of exchanges.
        """
        hits = self._as_large(a, b, self._exchanged_sums(a, b))
        return float((hits.sum() + 1) / (len(hits) + 1))

    def _exchanged_sums(self, a: int, b: int) -> tuple[Array, Array]:
        """Return the sums of two systems in each exchange."""
        exchanged, others = self._sides
        return exchanged[b] + others[a], exchanged[a] + others[b]

    def _as_large(self, a: int, b: int, sums: tuple[Array, Array]) -> Flags:
        """Tell which exchanges differ at least as much as what was observed.

        Ties count, and so do exchanges without a figure.
        """
        limit = least_size(float(self.scores[a]), float(self.scores[b]))
        nearly = (
            None if self.approximate is None else partial(self._figures, aggregate=self.approximate)
        )
        return np.asarray(~(sizes_about(limit, sums, self._figures, nearly) < limit))


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


def _table(hits: Flags) -> tuple[int, int, int, int]:
    """Count the units that both got right, the first alone, the second alone, neither."""
    one, other = hits.T
    both = int((one & other).sum())
    first, second = int(one.sum()) - both, int(other.sum()) - both
    return both, first, second, len(hits) - both - first - second


def _mcnemar(hits: Flags) -> tuple[float, str]:
    """Return the p-value of every exchange of units that are right or wrong, and its name."""
    _, first, second, _ = _table(hits)
    return mcnemar(first, second).p, f"exact McNemar, {first} against {second}"


def _signed(figures: Sequence[Array]) -> Array:
    """Return the figures of one system, or those of the first less those of the second."""
    return figures[0] if len(figures) == 1 else figures[0] - figures[1]


def _patterns(n_units: int) -> Array:
    """Return all ways to exchange some of n units, shape (2ⁿ, n)."""
    numbers = np.arange(2**n_units)[:, None]
    return ((numbers >> np.arange(n_units)) & 1).astype(np.float64)
