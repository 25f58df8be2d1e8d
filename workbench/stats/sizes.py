"""How large differences are: ties count, and approximate figures decide only what they can."""

from collections.abc import Callable

import numpy as np

from workbench.stats.exact import Array

# Differences that agree to this share of the scores are ties: far above the rounding of a score,
# far below anything that one output can change.
_TIE = 2.0**-40

# Approximate figures are this near to the exact ones by far, computed in either precision.
_NEAR = {np.dtype(np.float64): 2.0**-30, np.dtype(np.float32): 2.0**-19}

Figures = Callable[[Array], Array]


def least_size(a: float, b: float) -> float:
    """Return from where on a difference is as large as that of two figures: ties count.

    Examples
    --------
    >>> 0.3 - 0.1 >= 0.2, 0.3 - 0.1 >= least_size(0.4, 0.2)
    (False, True)
    """
    return abs(a - b) - _TIE * max(abs(a), abs(b))


def untied(a: Array, b: Array) -> Array:
    """Return the differences of figures, 0 where they are ties.

    Examples
    --------
    >>> untied(np.array([0.1 + 0.2, 0.5]), np.array([0.3, 0.25])).tolist()
    [0.0, 0.25]
    """
    tied = np.abs(a - b) <= _TIE * np.maximum(np.abs(a), np.abs(b))
    return np.where(tied, 0.0, a - b)


def varies(values: Array, size: float) -> bool:
    """Tell whether values made of figures of such a size differ by more than their rounding.

    Examples
    --------
    >>> rest = np.array([0.3 - 0.1, 0.2])
    >>> float(np.ptp(rest)) > 0, varies(rest, 0.3)
    (True, False)
    """
    return bool(np.ptp(values) > _TIE * size)


def sizes_about(
    limit: float, sums: tuple[Array, Array], figures: Figures, nearly: Figures | None
) -> Array:
    """Return how much two figures differ, exactly where that is near a limit.

    Parameters
    ----------
    limit : float
        With what the sizes will be compared.
    sums : (array, array) of float, shape (n, k)
        What the figures are made of.
    figures, nearly : callable
        Sums to figures; and the same faster, right to 2⁻⁴⁰ of each figure, or to 2⁻²⁰
        in single precision, where there is such.

    Returns
    -------
    array of float, shape (n,)
        Which of them are above or below the limit is what `figures` alone would say.
    """
    if nearly is None:
        one, other = figures(np.array(sums, dtype=np.float64))
        return np.asarray(np.abs(one - other))
    one, other = (nearly(each) for each in sums)
    found = np.abs(one - other)
    room = _NEAR[found.dtype] * float(np.abs(one).max() + np.abs(other).max())
    room += float(np.finfo(found.dtype).tiny)  # what is smaller has fewer digits, or none
    near = np.flatnonzero(~(np.abs(found - limit) > room))
    sizes = found.astype(np.float64, copy=False)
    if len(near):
        sizes[near] = sizes_about(limit, (sums[0][near], sums[1][near]), figures, None)
    return np.asarray(sizes)
