"""How sure a rate or a quantile is: intervals that assume no distribution."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from workbench.errors import BadValue, require_level
from workbench.stats import Interval
from workbench.stats.binary import wilson_ends
from workbench.trajectories.analysis.columns import Floats, Ints


def wilson(hits: Ints, n: Ints, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the ends of Wilson's score interval of rates; NaN where nothing was counted.

    Parameters
    ----------
    hits, n : array of int
        How often it happened, and could have.
    level : float
        Confidence.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference"; Brown,
    Cai and DasGupta (2001), who recommend it.

    Examples
    --------
    >>> [np.round(end, 4).tolist() for end in wilson(np.array([0, 5]), np.array([10, 10]))]
    [[0.0, 0.2366], [0.2775, 0.7634]]
    """
    require_level(level)
    return wilson_ends(hits, n, level)


class Ranks(NamedTuple):
    """Which of the sorted values are the ends of a quantile's interval, from 0; −1 for none."""

    low: Ints
    high: Ints


def quantile_ranks(n: Ints, q: float, level: float) -> Ranks:
    """Return the order statistics between which a quantile lies at least `level` of the time.

    Parameters
    ----------
    n : array of int
        Numbers of values.
    q : float
        Which quantile, between 0 and 1.
    level : float
        Confidence.

    Notes
    -----
    The number of values below the quantile is binomial, whatever the distribution. Where even the
    smallest or the largest value is not sure enough there is no such end.

    References
    ----------
    David and Nagaraja (2003), section 7.1.
    """
    from scipy.stats import binom

    require_level(level)
    if not 0 < q < 1:
        raise BadValue(f"a quantile must be between 0 and 1, but {q} came; use 0.5 for the median.")
    sizes = np.maximum(n, 1)
    low = binom.ppf((1 - level) / 2, sizes, q).astype(np.int64) - 1
    high = binom.ppf((1 + level) / 2, sizes, q).astype(np.int64)
    some = n > 0
    return Ranks(np.where(some & (low >= 0), low, -1), np.where(some & (high < n), high, -1))


def quantile_interval(values: Sequence[float], q: float, *, level: float = 0.95) -> Interval:
    """Return a quantile with its distribution-free interval.

    Parameters
    ----------
    values : sequence of float
        At least one.
    q : float
        Which quantile, between 0 and 1.
    level : float
        Confidence, at least.

    Returns
    -------
    Interval
        The quantile (linear between order statistics, as in numpy), and two values that were seen;
        NaN for an end that so few values cannot give.

    Raises
    ------
    BadValue
        If no value came, or an option cannot be right.

    Examples
    --------
    >>> quantile_interval(range(1, 21), 0.5)
    Interval(value=10.5, low=6.0, high=15.0)
    """
    found = np.asarray(values, np.float64)
    if not len(found):
        raise BadValue("a quantile needs at least one value, but none came; pass some.")
    ranks = quantile_ranks(np.array([len(found)]), q, level)
    return Interval(*part_quantile(found, q, int(ranks.low[0]), int(ranks.high[0])))


def part_quantile(
    values: Floats | Ints, q: float, low: int, high: int
) -> tuple[float, float, float]:
    """Return a quantile of some values, and two of their order statistics (NaN for −1)."""
    if not len(values):
        return np.nan, np.nan, np.nan
    place = (len(values) - 1) * q
    floor = int(place)
    ceiling = min(floor + 1, len(values) - 1)
    wanted = sorted({floor, ceiling, *(rank for rank in (low, high) if rank >= 0)})
    ordered = np.partition(values, wanted)
    below, over = float(ordered[floor]), float(ordered[ceiling])
    return (
        below + (over - below) * (place - floor),
        float(ordered[low]) if low >= 0 else np.nan,
        float(ordered[high]) if high >= 0 else np.nan,
    )
