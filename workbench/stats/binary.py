"""Rows that are right or wrong: the interval of a share, of a difference of shares, and their test."""

import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, is_number
from workbench.stats.exact import Array

Counts = NDArray[np.integer[Any]]


class Ends(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


class McNemar(NamedTuple):
    """What McNemar's test says.

    Attributes
    ----------
    p : float
        Exact two-sided p-value: never too small, and therefore often larger than need be.
    mid_p : float
        The same with half of the chance of what was observed: of about the right size on average,
        which it may exceed.
    """

    p: float
    mid_p: float


def wilson(hits: int, n: int, *, level: float = 0.95) -> Ends:
    """Return Wilson's score interval of a share.

    Parameters
    ----------
    hits, n : int
        Rows that are right, of how many; 0 ≤ hits ≤ n.
    level : float
        Confidence, between 0 and 1.

    Returns
    -------
    Ends
        Shares, from 0 to 1; NaN of no row.

    Raises
    ------
    BadValue
        If a number is out of range, or a count is not whole.

    References
    ----------
    Wilson (1927); Brown, Cai and DasGupta (2001), section 3.1.1.

    Examples
    --------
    >>> [round(end, 6) for end in wilson(17, 20)]
    [0.639581, 0.947631]
    """
    hits, n = _counted(level, hits, n)
    _counted(level, hits, n - hits)
    low, high = wilson_ends(np.array([hits]), np.array([n]), level)
    return Ends(float(low[0]), float(high[0]))


def wilson_ends(hits: Counts, n: Counts, level: float) -> tuple[Array, Array]:
    """Return the lower and the upper ends of Wilson's intervals of many shares."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    counted = np.where(n > 0, n, 1)
    middle = (hits + z * z / 2) / (counted + z * z)
    half = z * np.sqrt(hits * (counted - hits) / counted + z * z / 4) / (counted + z * z)
    # at the ends of the scale the formula is exact, but its rounding is not
    low = np.where(hits > 0, middle - half, 0.0)
    high = np.where(hits < n, middle + half, 1.0)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def newcombe(both: int, first: int, second: int, neither: int, *, level: float = 0.95) -> Ends:
    """Return Newcombe's interval of the difference of two shares of the same rows.

    Parameters
    ----------
    both, first, second, neither : int
        Rows on which both systems are right, the first alone, the second alone, and neither.
    level : float
        Confidence, between 0 and 1.

    Returns
    -------
    Ends
        Of the first share − the second, from −1 to 1; NaN of no row.

    Raises
    ------
    BadValue
        If a number is out of range, or a count is not whole.

    Notes
    -----
    The Wilson intervals of both shares are put together as the sides of a triangle, whose angle is
    the correlation φ of the two systems, with a continuity correction where it is positive.

    References
    ----------
    Newcombe (1998), "Improved confidence intervals for the difference between binomial proportions
    based on paired data", method 10.

    Examples
    --------
    >>> [round(end, 4) for end in newcombe(59, 6, 16, 80)]
    [-0.1186, -0.0046]
    """
    both, first, second, neither = _counted(level, both, first, second, neither)
    n = both + first + second + neither
    if not n:
        return Ends(math.nan, math.nan)
    one, other = both + first, both + second
    (low, high), (other_low, other_high) = (
        wilson(one, n, level=level),
        wilson(other, n, level=level),
    )
    share, other_share = one / n, other / n
    phi = _correlation(both, first, second, neither)

    def side(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))

    delta = (first - second) / n
    return Ends(
        delta - side(share - low, other_high - other_share),
        delta + side(high - share, other_share - other_low),
    )


def mcnemar(first: int, second: int) -> McNemar:
    """Test whether two systems are right equally often, from the rows on which they differ.

    Parameters
    ----------
    first, second : int
        Rows on which the first system alone is right, and the second alone.

    Returns
    -------
    McNemar
        With p = 1 where they differ on no row.

    Raises
    ------
    BadValue
        If a number is negative, or not whole.

    Notes
    -----
    For such rows it is the paired randomisation test with every exchange tried. Verdicts are made
    of the exact p, which keeps the level whatever the truth; `mid_p` is for those who plan or pool.

    References
    ----------
    McNemar (1947); Fagerland, Lydersen and Laake (2013) for the mid-p.

    Examples
    --------
    >>> mcnemar(10, 2)
    McNemar(p=0.03857421875, mid_p=0.0224609375)
    """
    first, second = _counted(0.5, first, second)
    few, n = min(first, second), first + second
    tail, chance = _binomial(few, n)
    if first == second:
        return McNemar(1.0, 1.0 - chance / 2)
    return McNemar(min(1.0, 2 * tail), 2 * tail - chance)


# Up to so many rows whole numbers are fast, and right to the last bit.
_WHOLE = 1_000


def _binomial(hits: int, n: int) -> tuple[float, float]:
    """Return the chances of at most, and of exactly, so many heads among n coins."""
    if n <= _WHOLE:
        ways = [math.comb(n, k) for k in range(hits + 1)]
        return sum(ways) / 2**n, ways[-1] / 2**n
    from scipy.special import bdtr

    logs = math.lgamma(n + 1) - math.lgamma(hits + 1) - math.lgamma(n - hits + 1)
    return float(bdtr(hits, n, 0.5)), math.exp(logs - n * math.log(2))


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    """Return φ, drawn towards zero by half a row where it is positive."""
    sides = (both + first) * (second + neither) * (both + second) * (first + neither)
    if not sides:
        return 0.0
    product = both * neither - first * second
    n = both + first + second + neither
    return (max(0.0, product - n / 2) if product > 0 else product) / math.sqrt(sides)


def _counted(level: float, *counts: int) -> tuple[int, ...]:
    """Return counts as whole numbers of Python's own, whose products have no end."""
    whole = all(is_number(n, whole=True) and n >= 0 for n in counts)
    if not whole or not is_number(level) or not 0 < level < 1:
        raise BadValue(
            "level must be between 0 and 1 and numbers of rows whole and at least 0, but "
            f"{level!r} and {', '.join(map(str, counts))} came; count rows, and use 0.95."
        )
    return tuple(map(int, counts))
