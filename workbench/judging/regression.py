"""What a position or a length is worth to a rater: least squares as sums over rows."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workbench.stats.exact import Array

if TYPE_CHECKING:
    import pandas as pd


class Slopes(NamedTuple):
    """Statistics of rows, and slopes as a function of their sums.

    Attributes
    ----------
    statistics : array of float, shape (n_rows, k)
        Moments of the observations of each row.
    of : callable
        From sums, shape (..., k), and the position of a feature to its slope, shape (...).
    """

    statistics: Array
    of: Callable[[int], Callable[[Array], Array]]


def slopes(observed: "pd.DataFrame", features: Sequence[str], n_rows: int, n_groups: int) -> Slopes:
    """Prepare the regression of `value` on features, with an intercept for each group.

    Parameters
    ----------
    observed : DataFrame
        `row` and `group` (codes from 0), `weight`, `value`, and the features.
    features : list of str
        One or two columns.
    n_rows, n_groups : int
        Numbers of rows and groups.

    Notes
    -----
    value = intercept(group) + Σ slope · feature, by weighted least squares: moments are centred
    within the group after they were added, so that a resample of rows has intercepts of its own.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"row": [0, 1, 2], "group": 0, "weight": 1.0,
    ...                      "length": [0.0, 1.0, 2.0], "value": [1.0, 3.0, 5.0]})
    >>> found = slopes(seen, ["length"], 3, 1)
    >>> float(found.of(0)(found.statistics.sum(axis=0)))
    2.0
    """
    names = [*features, "value"]
    columns = np.column_stack([np.ones(len(observed)), *(observed[name] for name in names)])
    moments = (
        columns[:, :, None] * columns[:, None, :] * observed["weight"].to_numpy()[:, None, None]
    )
    size = len(names) + 1
    table = np.zeros((n_rows, n_groups, size, size))
    np.add.at(table, (observed["row"].to_numpy(), observed["group"].to_numpy()), moments)

    def of(feature: int) -> Callable[[Array], Array]:
        def slope(sums: Array) -> Array:
            centred = _centred(sums.reshape(*sums.shape[:-1], n_groups, size, size))
            return _solved(centred[..., :-1, :-1], centred[..., :-1, -1])[..., feature]

        return slope

    return Slopes(table.reshape(n_rows, -1), of)


def _centred(moments: Array) -> Array:
    """Return Σ over groups of Σ (z − mean)(z − mean)ᵀ from the moments of (1, z)."""
    weight, first = moments[..., :1, :1], moments[..., :1, 1:]
    safe = np.where(weight > 0, weight, 1.0)
    products = np.swapaxes(first, -1, -2) * first / safe
    return np.asarray((moments[..., 1:, 1:] - products).sum(axis=-3))


def _solved(left: Array, right: Array) -> Array:
    """Solve one or two normal equations; NaN where a feature does not vary by itself."""
    if left.shape[-1] == 1:
        return _over(right, left[..., 0])
    a, b, c = left[..., 0, 0], left[..., 0, 1], left[..., 1, 1]
    one = c * right[..., 0] - b * right[..., 1]
    other = a * right[..., 1] - b * right[..., 0]
    determinant = np.where(a * c - b * b > 1e-12 * a * c, a * c - b * b, 0.0)
    return _over(np.stack([one, other], axis=-1), determinant[..., None])


def _over(value: Array, by: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(by > 1e-12, value / by, np.nan)
