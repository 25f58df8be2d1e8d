"""Coefficients of agreement as functions of sums over items, so that a resample is one product.

What the raters of a unit said is a multiset of values, its pattern. Units with the same pattern
are counted once, and so are items whose units show the same patterns: five values and three raters
make 35 patterns, however many the items.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from workbench.errors import BadValue
from workbench.ratings.estimation.classes import BLOCK, Array, Codes, multisets, resamples

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
Coefficient = Literal["percent", "alpha", "gwet", "fleiss", "brennan-prediger"]

# Figures of order 1 that differ by less are the same.
_ROUNDING = 1e-12
# Coefficients that need a distance for each two values keep a table of them.
_MOST_VALUES = 2_000


class Estimate(NamedTuple):
    """A figure with its interval, and how many resamples had none.

    Attributes
    ----------
    value : float
        NaN where it is not defined.
    low, high : float
        NaN where there is no interval.
    undefined : float
        The share of resamples without a figure.
    varied : bool
        Whether the resamples differ from each other.
    n_items : int
        How many items there are to resample.
    """

    value: float
    low: float
    high: float
    undefined: float
    varied: bool
    n_items: int


class Sums(NamedTuple):
    """Statistics of units, and the figure that follows from their sums.

    Attributes
    ----------
    statistics : sparse array, shape (n_patterns, k)
    figure : callable
        From sums, shape (n, k), to figures, shape (n,); NaN where not defined.
    """

    statistics: "csr_array"
    figure: Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Patterns:
    """What raters said about units, each different multiset of values once.

    Parameters
    ----------
    counts : sparse array, shape (n_patterns, n_values)
        How many raters chose each value.
    classes : sparse array, shape (n_classes, n_patterns)
        Items with the same units: how many units of each pattern they have.
    frequency : array of int, shape (n_classes,)
        How many items are of each class.
    """

    counts: "csr_array"
    classes: "csr_array"
    frequency: Codes

    @property
    def sizes(self) -> Array:
        """Number of ratings of a unit, by pattern."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.float64).ravel()

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.frequency.sum())


def patterns(items: Codes, units: Codes, values: Codes, n_values: int) -> Patterns:
    """Count the patterns of ratings.

    Parameters
    ----------
    items, units, values : array of int, shape (n_ratings,)
        What each rating is about, and its value, as codes from 0. Units are parts of items (the
        outputs shown together), and items are what is resampled.
    n_values : int
        Number of values.

    Returns
    -------
    Patterns
        The same whatever the order of ratings and whatever the codes of items and units.

    Examples
    --------
    >>> items = np.array([0, 0, 1, 1])
    >>> found = patterns(items, items, np.array([1, 0, 0, 1]), 2)
    >>> found.counts.toarray().tolist(), found.frequency.tolist()
    ([[1.0, 1.0]], [2])
    """
    n_units = int(units.max()) + 1
    item_of = np.empty(n_units, dtype=np.int64)
    item_of[units] = items
    counts, pattern_of, _ = multisets(units, values, n_values)
    classes, _, frequency = multisets(item_of, pattern_of, counts.shape[0])
    return Patterns(counts, classes, frequency)


def sums(coefficient: Coefficient, found: Patterns, scale: Scale, points: Array) -> Sums:
    """Return the statistics behind a coefficient, and the coefficient as a function of their sums.

    Parameters
    ----------
    coefficient : {"percent", "alpha", "gwet", "fleiss", "brennan-prediger"}
        Alpha and the share of agreement want patterns of at least two ratings only.
    found : Patterns
        What the raters said.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        What the values are.
    points : array of float, shape (n_values,)
        The values in their order; on a nominal scale any numbers.

    References
    ----------
    Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability"; Gwet (2014), *Handbook of
    Inter-Rater Reliability*, 4th edition, chapters 2 to 5; Fleiss (1971); Brennan and Prediger
    (1981).
    """
    if coefficient == "alpha":
        return {"nominal": _nominal, "ordinal": _ordinal, "interval": _interval, "ratio": _ratio}[
            scale
        ](found, points)
    return _agreement_by_chance(coefficient, found, scale, points)


def estimate(found: Patterns, of: Sums, *, level: float, samples: int, seed: int) -> Estimate:
    """Return a coefficient and its bootstrap interval over items: bias-corrected, accelerated.

    Parameters
    ----------
    found : Patterns
        What the raters said.
    of : Sums
        From `sums`, of the same patterns.
    level : float
        Confidence of the interval.
    samples, seed : int
        Number of resamples, and the seed of their random numbers.

    Notes
    -----
    Coefficients of agreement are skewed, and ratios are biased in small samples: of 20 items
    without any agreement the plain percentiles put 9 % above alpha's true zero, these 5 %.

    References
    ----------
    Efron (1987), "Better Bootstrap Confidence Intervals", sections 3 and 6.
    """
    statistics = (found.classes @ of.statistics).tocsr()
    total = statistics.T @ found.frequency.astype(np.float64)
    value = float(of.figure(total[None])[0])
    nothing = Estimate(value, float("nan"), float("nan"), 0.0, True, found.n_items)
    if found.n_items < 2 or np.isnan(value):
        return nothing
    blocks = resamples(found.frequency, samples, statistics.shape[1], seed)
    drawn = np.concatenate([of.figure((statistics.T @ weights.T).T) for weights in blocks])
    fine = drawn[~np.isnan(drawn)]
    undefined = 1 - len(fine) / samples
    varied = len(fine) > 0 and bool(np.ptp(fine) > _ROUNDING)
    if undefined > (1 - level) / 2 or not varied:
        return nothing._replace(undefined=undefined, varied=varied)
    acceleration = _acceleration(statistics, found.frequency, total, of)
    low, high = np.quantile(fine, _bca_levels(fine, value, acceleration, level)).tolist()
    return nothing._replace(low=low, high=high, undefined=undefined)


def _bca_levels(drawn: Array, value: float, acceleration: float, level: float) -> Array:
    """Return the levels at which the resamples' quantiles bound the interval."""
    from scipy.special import ndtr, ndtri

    below = (np.mean(drawn < value - _ROUNDING) + np.mean(drawn <= value + _ROUNDING)) / 2
    bias = ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    reach = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    return np.asarray(ndtr(bias + reach / np.maximum(1 - acceleration * reach, _ROUNDING)))


def _acceleration(statistics: "csr_array", frequency: Codes, total: Array, of: Sums) -> float:
    """Return a sixth of the skewness of what each item contributes, each left out in turn."""
    size = max(1, BLOCK // statistics.shape[1])
    without = np.concatenate(
        [
            of.figure(total - statistics[start : start + size].toarray())
            for start in range(0, len(frequency), size)
        ]
    )
    fine = ~np.isnan(without)
    if not fine.any():
        return 0.0
    often, without = frequency[fine].astype(np.float64), without[fine]
    influence = (often @ without) / often.sum() - without
    spread = float(often @ influence**2)
    return float(often @ influence**3) / (6 * spread**1.5) if spread > _ROUNDING**2 else 0.0


# Alpha = 1 − observed / expected disagreement, where a unit of m ratings weighs each of its ordered
# pairs by 1/(m − 1), and the expected one is over all ordered pairs of the n ratings.


def _ratio_of_disagreements(observed: Array, expected: Array, n: Array) -> Array:
    """Return alpha from Σ δ²/(m − 1) within units and Σ δ² over all ordered pairs of n ratings."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)


def _nominal(found: Patterns, _points: Array) -> Sums:
    sizes = found.sizes
    squares = np.asarray(found.counts.power(2).sum(axis=1)).ravel()
    observed = (sizes**2 - squares) / (sizes - 1)

    def figure(total: Array) -> Array:
        values = total[:, 1:]
        n = values.sum(axis=1)
        return _ratio_of_disagreements(total[:, 0], n**2 - (values**2).sum(axis=1), n)

    return Sums(_beside(observed[:, None], found.counts), figure)


def _interval(found: Patterns, points: Array) -> Sums:
    # neither the origin nor the unit matters, and squares of what is left cannot overflow
    scaled = points / max(float(np.abs(points).max()), np.finfo(float).tiny)
    scaled = scaled - scaled.mean()
    sizes = found.sizes
    # from the lowest value of each unit, so that equal values differ by exactly nothing
    lowest = scaled[found.counts.indices[found.counts.indptr[:-1]]]
    above = found.counts.copy()
    above.data = scaled[above.indices] - np.repeat(lowest, np.diff(above.indptr))
    totals = np.asarray((above * found.counts).sum(axis=1)).ravel()
    squares = np.asarray((above.power(2) * found.counts).sum(axis=1)).ravel()
    observed = np.maximum(0, 2 * (sizes * squares - totals**2) / (sizes - 1))
    first, second = found.counts @ scaled, found.counts @ scaled**2

    def figure(total: Array) -> Array:
        n, first, second = total[:, 1], total[:, 2], total[:, 3]
        expected = 2 * (n * second - first**2)
        # what is left of equal numbers by rounding is no variation
        expected = np.where(expected <= 1e-13 * n * second, 0, expected)
        return _ratio_of_disagreements(total[:, 0], expected, n)

    return Sums(_sparse(np.stack([observed, sizes, first, second], axis=1)), figure)


def _ratio(found: Patterns, points: Array) -> Sums:
    distances = _ratio_distances(points)
    pairs = np.asarray(((found.counts @ distances) * found.counts).sum(axis=1)).ravel()

    def figure(total: Array) -> Array:
        values = total[:, 1:]
        expected = ((values @ distances) * values).sum(axis=1)
        return _ratio_of_disagreements(total[:, 0], expected, values.sum(axis=1))

    return Sums(_beside((pairs / (found.sizes - 1))[:, None], found.counts), figure)


def _ordinal(found: Patterns, _points: Array) -> Sums:
    """Alpha over ranks, which each resample has of its own: so the pairs of values are counted."""
    pairs, low, high = _pairs_of_values(found)

    def figure(total: Array) -> Array:
        values = total[:, len(low) :]
        n = values.sum(axis=1)
        # the mean rank of each value, from the middle of all ranks
        ranks = np.cumsum(values, axis=1) - values / 2 - n[:, None] / 2
        apart = (ranks[:, high] - ranks[:, low]) ** 2
        observed = 2 * (total[:, : len(low)] * apart).sum(axis=1)
        return _ratio_of_disagreements(observed, 2 * n * (values * ranks**2).sum(axis=1), n)

    return Sums(_beside(pairs, found.counts), figure)


def _pairs_of_values(found: Patterns) -> tuple["csr_array", Codes, Codes]:
    """Return the pairs of different values within units, each weighing 1/(m − 1), and which they are."""
    from scipy.sparse import csr_array

    counts = found.counts
    n_patterns, n_values = counts.shape
    lengths = np.diff(counts.indptr)
    rows, keys, weights = [], [], []
    for length in np.unique(lengths[lengths > 1]).tolist():
        members = np.flatnonzero(lengths == length)
        at = counts.indptr[members][:, None] + np.arange(length)
        one, other = np.triu_indices(length, 1)
        codes, number = counts.indices[at].astype(np.int64), counts.data[at]
        rows.append(np.repeat(members, len(one)))
        keys.append((codes[:, one] * n_values + codes[:, other]).ravel())
        shares = number[:, one] * number[:, other] / (found.sizes[members] - 1)[:, None]
        weights.append(shares.ravel())
    if not rows:
        none = np.zeros(0, dtype=np.int64)
        return csr_array((n_patterns, 0)), none, none
    different, columns = np.unique(np.concatenate(keys), return_inverse=True)
    places = (np.concatenate(rows), columns)
    table = csr_array((np.concatenate(weights), places), shape=(n_patterns, len(different)))
    return table, different // n_values, different % n_values


# The other coefficients are (a − e)/(1 − e): a is the mean over units of the share of pairs of
# raters that agree, e what chance would make of it, from the mean over units of each value's share.


def _agreement_by_chance(
    coefficient: Coefficient, found: Patterns, scale: Scale, points: Array
) -> Sums:
    n_values = found.counts.shape[1]
    nominal = scale == "nominal" or coefficient == "percent"
    weights = None if nominal else _weights(scale, points)
    sizes = found.sizes
    paired = sizes > 1
    alike = found.counts if weights is None else found.counts @ weights
    agreeing = np.asarray((alike * found.counts).sum(axis=1)).ravel() - sizes
    shares = np.where(paired, agreeing / np.maximum(sizes * (sizes - 1), 1), 0)
    means = found.counts.multiply(1 / sizes[:, None]).tocsr()
    total_weight = float(n_values if weights is None else weights.sum())

    def figure(total: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            agreed = total[:, 0] / total[:, 1]
            if coefficient == "percent":
                return agreed
            common = total[:, 3:] / total[:, 2:3]
            chance = _chance(coefficient, common, weights, total_weight)
            return np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)

    head = np.stack([shares, paired.astype(np.float64), np.ones(len(sizes))], axis=1)
    return Sums(_sparse(head) if coefficient == "percent" else _beside(head, means), figure)


def _chance(
    coefficient: Coefficient, common: Array, weights: Array | None, total_weight: float
) -> Array:
    """Return the agreement that chance would make, by the shares of the values."""
    n_values = common.shape[1]
    if coefficient == "fleiss":
        alike = common if weights is None else common @ weights
        return np.asarray((alike * common).sum(axis=1))
    if coefficient == "brennan-prediger":
        return np.full(len(common), total_weight / n_values**2)
    if n_values == 1:
        return np.ones(len(common))
    spread = (common * (1 - common)).sum(axis=1)
    return np.asarray(total_weight * spread / (n_values * (n_values - 1)))


def _weights(scale: Scale, points: Array) -> Array:
    """Return how far two values count as agreement: 1 for equal ones, 0 for the farthest.

    References
    ----------
    Gwet (2014), section 3.5.
    """
    n_values = len(points)
    _require_few(n_values)
    if scale == "ordinal":
        steps = np.abs(np.subtract.outer(np.arange(n_values), np.arange(n_values)))
        distances = (steps + 1) * steps / 2
    elif scale == "interval":
        distances = np.subtract.outer(points, points) ** 2
    else:
        distances = _ratio_distances(points)
    return np.asarray(1 - distances / max(float(distances.max()), np.finfo(float).tiny))


def _ratio_distances(points: Array) -> Array:
    _require_few(len(points))
    apart, size = np.subtract.outer(points, points), np.add.outer(points, points)
    return np.divide(apart, size, out=np.zeros_like(apart), where=size > 0) ** 2


def _require_few(n_values: int) -> None:
    if n_values > _MOST_VALUES:
        raise BadValue(
            f"this coefficient must have at most {_MOST_VALUES} different values, but {n_values} "
            "came; round them, or use alpha on an interval scale."
        )


def _sparse(table: Array) -> "csr_array":
    from scipy.sparse import csr_array

    return csr_array(table)


def _beside(left: "Array | csr_array", right: "csr_array") -> "csr_array":
    from scipy.sparse import csr_array, hstack

    both: Any = hstack([csr_array(left), right], format="csr")
    return csr_array(both)
