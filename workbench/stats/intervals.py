"""Intervals of figures: percentiles of resamples, BCa, and what few units need.

The jackknife's figures, without each unit in turn, make any figure as simple as a mean: Student's t
and the empirical likelihood then work for all of them, without a resample.
"""

import math
from statistics import NormalDist

import numpy as np

from workbench.stats.exact import Array

_NORMAL = NormalDist()

# Resampled figures this near to the observed one are the observed one.
_TIE = 2.0**-40

# The logarithm of how far beyond all values a weight's pole may lie, and how well it is found.
_REACH, _FINE = 32.0, 2.0**-24


def percentiles(values: Array, level: float) -> list[list[float]]:
    """Return the ends of the percentile interval of each row of resampled figures.

    Parameters
    ----------
    values : array of float, shape (n, samples)
        A row with a NaN has no interval.
    level : float
        Confidence, between 0 and 1.

    References
    ----------
    Efron and Tibshirani (1993), section 13.3.

    Examples
    --------
    >>> percentiles(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), 0.5)
    [[2.0, 4.0]]
    """
    tail = (1 - level) / 2
    values = np.array(values, dtype=np.float64)
    ends: list[list[float]] = np.transpose(
        [_quantile(values, share) for share in (tail, 1 - tail)]
    ).tolist()
    return ends


def _quantile(values: Array, share: float) -> Array:
    """Return what `np.quantile` does of each row, in a sixth of the time; it reorders the rows.

    NumPy puts one place of a row in order by vector instructions, but several places without them.
    """
    place = (values.shape[1] - 1) * share
    at = math.floor(place)
    values.partition(at, axis=1)
    below = values[:, at]
    above = values[:, at + 1 :].min(axis=1) if at + 1 < values.shape[1] else below
    gap, part = above - below, place - at
    return np.asarray(below + gap * part if part < 0.5 else above - gap * (1 - part))


def bca(values: Array, observed: float, left_out: Array, level: float) -> list[float]:
    """Return the ends of the BCa interval of one figure: percentiles moved by bias and skewness.

    Parameters
    ----------
    values : array of float, shape (samples,)
        The resampled figure; with a NaN there is no interval.
    observed : float
        The figure of all units.
    left_out : array of float, shape (n_units,)
        The figure without each unit in turn.
    level : float
        Confidence, between 0 and 1.

    References
    ----------
    Efron and Tibshirani (1993), section 14.3 and equation 14.15 for the acceleration.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).choice([1.0, 2.0, 4.0, 9.0], (1000, 4))
    >>> bca(drawn.mean(axis=1), 4.0, np.array([5.0, 14 / 3, 4.0, 7 / 3]), 0.8)
    [2.25, 6.5]
    """
    if np.isnan(values).any() or np.isnan(left_out).any():
        return [math.nan, math.nan]
    near = np.abs(values - observed) <= _TIE * np.abs(values).max()
    n_below = np.sum((values < observed) & ~near) + np.sum(near) / 2
    bias = _NORMAL.inv_cdf(float(n_below + 0.5) / (len(values) + 1))
    gaps = left_out.mean() - left_out
    spread = float((gaps**2).sum())
    acceleration = float((gaps**3).sum()) / (6 * spread**1.5) if spread else 0.0
    z = _NORMAL.inv_cdf((1 + level) / 2)
    shares = []
    for end in (bias - z, bias + z):
        room = 1 - acceleration * end
        shares.append(_NORMAL.cdf(bias + end / room) if room > 0 else float(end > 0))
    ends: list[float] = np.quantile(values, shares).tolist()
    return ends


def small_sample(observed: float, left_out: Array, level: float) -> list[float]:
    """Return the interval of a figure of few units: Student's, or the likelihood's where farther.

    Parameters
    ----------
    observed : float
        The figure of all units.
    left_out : array of float, shape (n_units,)
        The figure without each unit in turn, of at least two; with a NaN there is no interval.
    level : float
        Confidence, between 0 and 1.

    Notes
    -----
    Each end is that of `jackknife_t` or of `likelihood`, whichever is farther out. The one is too
    short where few units make a skewed figure, the other where they make a symmetric one; where
    both hold, they are nearly the same. `docs/calibration.md` shows all of them.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 4.0, 9.0])
    >>> [round(end, 3) for end in small_sample(4.0, (16 - values) / 3, 0.95)]
    [-1.663, 9.663]
    """
    one, other = (each(observed, left_out, level) for each in (jackknife_t, likelihood))
    return [float(np.minimum(one[0], other[0])), float(np.maximum(one[1], other[1]))]


def jackknife_t(observed: float, left_out: Array, level: float) -> list[float]:
    """Return Student's t interval with the jackknife's standard error.

    The parameters are those of `small_sample`.

    Notes
    -----
    For a mean it is Student's interval; where units are clusters of one size, it is the interval
    with the cluster-robust standard error CR1 and C − 1 degrees of freedom.

    References
    ----------
    Efron and Tibshirani (1993), equation 11.5; Cameron and Miller (2015), section VI.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 4.0, 9.0])
    >>> [round(end, 3) for end in jackknife_t(4.0, (16 - values) / 3, 0.95)]
    [-1.663, 9.663]
    """
    half = _student(len(left_out), level) * jackknife_error(left_out)
    return [observed - half, observed + half]


def likelihood(observed: float, left_out: Array, level: float) -> list[float]:
    """Return the jackknife empirical likelihood interval.

    The parameters are those of `small_sample`.

    Notes
    -----
    It holds the weighted means of the jackknife's pseudo-values for all weights wᵢ that sum to one
    with −2 Σ log(n wᵢ) ≤ t², the quantile of Student's t with n − 1 degrees of freedom, squared. At
    the ends wᵢ ∝ 1/|e − uᵢ| for some e beyond all uᵢ, which is found by halving.

    References
    ----------
    Owen (1990), section 2; Jing, Yuan and Zhou (2009), section 2.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 4.0, 9.0])
    >>> [round(end, 3) for end in likelihood(4.0, (16 - values) / 3, 0.8)]
    [2.085, 6.712]
    """
    if np.isnan(left_out).any():
        return [math.nan, math.nan]
    gaps = (len(left_out) - 1) * (left_out.mean() - left_out)
    limit = _student(len(left_out), level) ** 2
    return [observed - _farthest(-gaps, limit), observed + _farthest(gaps, limit)]


def _farthest(values: Array, limit: float) -> float:
    """Return the largest weighted mean of values whose likelihood ratio is within a limit."""
    top = float(values.max())
    span = top - float(values.min())
    if not span:
        return 0.0
    low, high, weights = -_REACH, _REACH, np.ones(len(values))
    while high - low > _FINE:
        middle = (low + high) / 2
        weights = 1 / (top + span * math.exp(middle) - values)
        weights /= weights.sum()
        ratio = -2 * float(np.log(len(values) * weights).sum())
        low, high = (middle, high) if ratio > limit else (low, middle)
    return float(weights @ values)


def _student(n_units: int, level: float) -> float:
    """Return the quantile of Student's t that leaves half of 1 − level above it."""
    from scipy.special import stdtrit

    return float(stdtrit(n_units - 1, (1 + level) / 2))


def jackknife_error(left_out: Array) -> float:
    """Return the jackknife's standard error from the figures without each unit in turn.

    References
    ----------
    Efron and Tibshirani (1993), equation 11.5.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 4.0, 9.0])
    >>> round(jackknife_error((16 - values) / 3), 6), round(float(values.std(ddof=1) / 2), 6)
    (1.779513, 1.779513)
    """
    n_units = len(left_out)
    return math.sqrt((n_units - 1) / n_units * float(((left_out - left_out.mean()) ** 2).sum()))
