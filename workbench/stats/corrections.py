"""p-values of a family of tests, adjusted so that many looks do not make a discovery."""

from typing import Literal, get_args

import numpy as np

from workbench.errors import unknown_name
from workbench.stats.exact import Array

Correction = Literal["holm", "benjamini-hochberg", "none"]


def adjusted(p_values: Array, correction: Correction = "holm") -> Array:
    """Adjust p-values for their number.

    Parameters
    ----------
    p_values : array of float, shape (n,)
        NaN marks a test that was not made: it stays NaN and is not counted.
    correction : {"holm", "benjamini-hochberg", "none"}
        Holm bounds the chance of any false claim; Benjamini–Hochberg bounds the expected share of
        false claims among those made.

    Returns
    -------
    array of float, shape (n,)

    Raises
    ------
    UnknownName
        If the correction is none of these.

    References
    ----------
    Holm (1979), section 2; Benjamini and Hochberg (1995), section 3.1.

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
    elif correction == "benjamini-hochberg":
        scaled = result[order] * n_tests / np.arange(1, n_tests + 1)
        result[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return result
