"""Planning: how many rows a difference takes, and which difference some rows can find."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from workbench.errors import BadValue


def sample_size(
    delta: float,
    *,
    sd: float,
    sd_repeat: float = 0.0,
    repeats: int = 1,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
) -> int:
    """Return the number of rows with which a paired comparison finds a difference.

    Parameters
    ----------
    delta : float
        The true difference to find, in the metric's unit; not 0.
    sd : float
        Standard deviation, over rows, of a row's difference between the two systems; of binary
        scores √(b + c − (b − c)²) with the shares b and c of rows on which one alone is right.
    sd_repeat : float
        Standard deviation of one output's score when a system answers the same row again.
    repeats : int
        Outputs of each system per row.
    cluster_size : float
        Rows per cluster.
    icc : float
        Intraclass correlation of the rows of a cluster, 0 to 1.
    alpha : float
        Level of the two-sided test, between 0 and 1.
    power : float
        The chance to find the difference, between 0 and 1.
    comparisons : int
        Number of tests over which the level is spread evenly (Bonferroni).

    Returns
    -------
    int
        Rows, rounded up.

    Raises
    ------
    BadValue
        If a number is out of range.

    Notes
    -----
    n = (z₁₋α/₂ₘ + z_power)² · (sd² + 2 · sd_repeat² / repeats) / δ² · (1 + (cluster_size − 1) · icc),
    with m comparisons. The normal approximation is a little short below some thirty rows.

    References
    ----------
    Miller (2024), equation 9; Kish (1965), section 5.4, for the design effect.

    Examples
    --------
    >>> sample_size(0.03, sd=1 / 3, sd_repeat=(1 / 6) ** 0.5)
    3876
    >>> sample_size(0.03, sd=1 / 3, sd_repeat=(1 / 6) ** 0.5, repeats=10)
    1260
    """
    if not 0 < abs(delta) < math.inf:
        raise BadValue(f"delta must be a number other than 0, but {delta} came; say what to find.")
    variance = _variance(sd, sd_repeat, repeats) * design_effect(cluster_size, icc)
    return math.ceil((_reach(alpha, power, comparisons) / delta) ** 2 * variance - 1e-9)


def detectable_difference(
    n: int,
    *,
    sd: float,
    sd_repeat: float = 0.0,
    repeats: int = 1,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
) -> float:
    """Return the least difference that a paired comparison of n rows finds.

    Parameters
    ----------
    n : int
        Rows, at least 1.

    sd, sd_repeat, repeats, cluster_size, icc, alpha, power, comparisons
        As in `sample_size`.

    Returns
    -------
    float
        In the unit of `sd`.

    Raises
    ------
    BadValue
        If a number is out of range.

    References
    ----------
    Miller (2024), equation 10.

    Examples
    --------
    >>> round(detectable_difference(3876, sd=1 / 3, sd_repeat=(1 / 6) ** 0.5), 4)
    0.03
    """
    if n < 1:
        raise BadValue(f"n must be a number of rows of at least 1, but {n} came; count rows.")
    variance = _variance(sd, sd_repeat, repeats) * design_effect(cluster_size, icc)
    return _reach(alpha, power, comparisons) * math.sqrt(variance / n)


def design_effect(cluster_size: float, icc: float) -> float:
    """Return by how much clusters multiply the rows that are needed.

    Parameters
    ----------
    cluster_size : float
        Rows per cluster, at least 1; of unequal clusters Σm²/Σm.
    icc : float
        Intraclass correlation of the rows of a cluster, 0 to 1.

    References
    ----------
    Kish (1965), section 5.4: 1 + (m − 1)ρ.

    Examples
    --------
    >>> design_effect(10, 0.5)
    5.5
    """
    if not 1 <= cluster_size < math.inf or not 0 <= icc <= 1:
        raise BadValue(
            "cluster_size must be at least 1 and icc between 0 and 1, but "
            f"{cluster_size} and {icc} came; for rows that stand for themselves use 1 and 0."
        )
    return 1 + (cluster_size - 1) * icc


def cr1(values: ArrayLike, clusters: ArrayLike) -> float:
    """Return the cluster-robust standard error (CR1) of a mean.

    Parameters
    ----------
    values : array of float, shape (n,)
        One per row.
    clusters : array, shape (n,)
        Which rows belong together.

    Returns
    -------
    float
        NaN of fewer than two clusters. Its t distribution has as many degrees of freedom as there
        are clusters, less one.

    Raises
    ------
    BadValue
        If there are not as many clusters' names as values, or none.

    Notes
    -----
    √(C/(C − 1) · Σ over clusters of (Σ over their rows of (x − mean))²) / n.

    References
    ----------
    Cameron and Miller (2015), section II; Miller (2024), equation 4, without C/(C − 1).

    Examples
    --------
    >>> cr1(range(20), [at % 4 for at in range(20)])
    0.6454972243679028
    """
    numbers, names = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    if numbers.ndim != 1 or numbers.shape != names.shape or not len(numbers):
        raise BadValue(
            f"each value must have a cluster, but values of shape {numbers.shape} and clusters of "
            f"shape {names.shape} came; give one of each per row."
        )
    found, codes = np.unique(names, return_inverse=True)
    if len(found) < 2:
        return math.nan
    sums = np.bincount(codes, weights=numbers - numbers.mean())
    return math.sqrt(len(found) / (len(found) - 1) * float((sums**2).sum())) / len(numbers)


def rows_needed(
    delta: float,
    error: float,
    *,
    n: int,
    n_changed: int,
    alpha: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
) -> float:
    """Return how many rows like those at hand would tell a difference from zero.

    Parameters
    ----------
    delta : float
        The difference to find.
    error : float
        Its standard error over the rows at hand, in the unit of `delta`.
    n, n_changed : int
        The rows at hand, and those of them that changed.
    alpha : float
        Level of the two-sided test, between 0 and 1.
    power : float
        The chance to find it, between 0 and 1.
    comparisons : int
        Number of tests over which the level is spread evenly (Bonferroni).

    Returns
    -------
    float
        NaN where the difference is 0, or nothing is known of its variance.

    Notes
    -----
    A standard error shrinks with the root of the rows. No exact test can reject before enough rows
    have changed.

    Examples
    --------
    >>> round(rows_needed(0.1, 0.0765, n=100, n_changed=40))
    459
    """
    if not abs(delta) > 0 or not n_changed or math.isnan(error):
        return math.nan
    alpha /= comparisons
    least = n * math.ceil(math.log2(2 / alpha)) / n_changed
    return max(least, n * (reach(alpha, power) * error / abs(delta)) ** 2)


def reach(alpha: float, power: float) -> float:
    """Return how many standard errors a true difference must be to be found: z₁₋α/₂ + z_power."""
    return quantile(1 - alpha / 2) + quantile(power)


def quantile(share: float) -> float:
    """Return a quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(share)


def _reach(alpha: float, power: float, comparisons: int) -> float:
    if not (0 < alpha < 1 and 0 < power < 1 and comparisons >= 1):
        raise BadValue(
            "alpha and power must be between 0 and 1 and comparisons at least 1, but "
            f"{alpha}, {power} and {comparisons} came; use 0.05, 0.8 and 1."
        )
    return reach(alpha / comparisons, power)


def _variance(sd: float, sd_repeat: float, repeats: int) -> float:
    if not (0 <= sd < math.inf and 0 <= sd_repeat < math.inf and repeats >= 1):
        raise BadValue(
            "sd and sd_repeat must be at least 0 and repeats at least 1, but "
            f"{sd}, {sd_repeat} and {repeats} came; take them from a pilot."
        )
    return sd**2 + 2 * sd_repeat**2 / repeats
