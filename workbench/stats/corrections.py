"""p-values of a family of tests, adjusted so that many looks do not make a discovery."""

from typing import Literal, get_args

import numpy as np

from workbench.errors import unknown_name
from workbench.stats.exact import Array

Correction = Literal["holm", "benjamini-hochberg", "benjamini-yekutieli", "none"]
"""What needs the p-values alone."""

FamilyCorrection = Literal["holm", "max-t", "benjamini-hochberg", "benjamini-yekutieli", "none"]
"""What a family of differences can be corrected by; max-T needs their exchanges too."""

# Shares of a statistic that count as equal: above rounding, below what one output can change.
_TIE = 2.0**-30


def alpha_of(level: float) -> float:
    """Return the level of tests that goes with a confidence; 1 − 0.9 would be a little less than 0.1.

    Examples
    --------
    >>> alpha_of(0.9)
    0.1
    """
    return round(1 - level, 12)


def require(correction: str) -> None:
    """Refuse a correction of a family that is none of the known ones."""
    if correction not in get_args(FamilyCorrection):
        raise unknown_name("correction", correction, get_args(FamilyCorrection))


def adjusted(p_values: Array, correction: Correction = "holm") -> Array:
    """Adjust p-values for their number.

    Parameters
    ----------
    p_values : array of float, shape (n,)
        NaN marks a test that was not made: it stays NaN and is not counted.
    correction : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "none"}
        Holm bounds the chance of any false claim; Benjamini–Hochberg bounds the expected share of
        false claims among those made, Benjamini–Yekutieli under any dependence.

    Returns
    -------
    array of float, shape (n,)

    Raises
    ------
    UnknownName
        If the correction is none of these.

    References
    ----------
    Holm (1979), section 2; Benjamini and Hochberg (1995), section 3.1; Benjamini and Yekutieli
    (2001), theorem 1.3: n tests of any dependence cost 1 + 1/2 + … + 1/n.

    Examples
    --------
    >>> adjusted(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    if correction not in get_args(Correction):
        raise unknown_name("correction", correction, get_args(Correction))
    result = np.array(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(result))
    order = tested[np.argsort(result[tested], kind="stable")]
    n_tests = len(order)
    if correction == "holm":
        stepped = np.maximum.accumulate(result[order] * np.arange(n_tests, 0, -1))
        result[order] = np.minimum(stepped, 1.0)
    elif correction != "none":
        cost = _harmonic(n_tests) if correction == "benjamini-yekutieli" else 1.0
        scaled = result[order] * n_tests / np.arange(1, n_tests + 1) * cost
        result[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return result


def step_down(observed: Array, exchanged: Array) -> Array:
    """Adjust a family by the largest of its statistics in exchanges that all tests share.

    Parameters
    ----------
    observed : array of float, shape (n,)
        The size of each statistic, on one scale; NaN marks a test that was not made.
    exchanged : array of float, shape (samples, n)
        The same in each exchange; NaN, where there is no figure, counts as large.

    Returns
    -------
    array of float, shape (n,)
        The chance, if all systems were equal, of a largest statistic as large: what is told apart
        already does not weigh on the rest.

    References
    ----------
    Westfall and Young (1993), algorithm 4.1 (step-down maxT); Ge, Dudoit and Speed (2003), box 2.

    Examples
    --------
    >>> step_down(np.array([3.0, 1.0]), np.array([[1.0, 0.0], [2.0, 4.0], [0.0, 0.5]])).tolist()
    [0.5, 0.5]
    """
    result = np.full(len(observed), np.nan)
    order = np.flatnonzero(~np.isnan(observed))
    order = order[np.argsort(observed[order], kind="stable")]
    largest = np.full(len(exchanged), -np.inf)
    for at in order:
        largest = np.fmax(largest, np.nan_to_num(exchanged[:, at], nan=np.inf))
        hits = largest >= observed[at] * (1 - _TIE)
        result[at] = (hits.sum() + 1) / (len(exchanged) + 1)
    falling = order[::-1]
    result[falling] = np.maximum.accumulate(result[falling])
    return result


def _harmonic(n: int) -> float:
    return float((1 / np.arange(1, n + 1)).sum())
