"""Sums that are exact, and so the same in any order, grouping and number of workers.

A sum of floats depends on the order of its terms in its last bits, which is enough to break ties
in a permutation test. Here each value is cut into a whole part and three pieces of 26 bits below
the point, all integers; integers below 2⁵³ add without error in float64, a matrix product too.
A double of magnitude 2⁻²⁵ or more survives the cut unchanged; smaller ones keep 2⁻⁷⁸ absolute.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue

Array = NDArray[np.floating[Any]]

_PIECE = 2.0**26
_N_LIMBS = 4
_LARGEST = 2.0**53

SINGLE = 2.0**24
"""Whole numbers below this are exact in single precision."""


@dataclass(frozen=True, eq=False)
class Exact:
    """Values cut into pieces that add without error.

    Parameters
    ----------
    limbs : array of float, shape (1, ...) or (4, ...)
        Whole parts, then, where there are fractions, these in units of 2⁻²⁶, 2⁻⁵² and 2⁻⁷⁸.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([0.1, 0.2, 0.3, 1e9])
    >>> float(Exact.of(values).sum(axis=0).value()), float(Exact.of(values[::-1]).sum(axis=0).value())
    (1000000000.6, 1000000000.6)
    """

    limbs: Array

    def __getstate__(self) -> dict[str, NDArray[Any]]:
        """Take the smallest whole numbers that hold the pieces, for the way to another process."""
        kinds = (np.int16, np.int32, np.int64)
        kind = next(kind for kind in kinds if self.largest() <= np.iinfo(kind).max)
        return {"limbs": self.limbs.astype(kind)}

    def __setstate__(self, state: dict[str, NDArray[Any]]) -> None:
        object.__setattr__(self, "limbs", state["limbs"].astype(np.float64))

    @classmethod
    def of(cls, values: Array) -> "Exact":
        """Cut finite values into pieces."""
        rest = np.asarray(values, dtype=np.float64)
        whole = np.trunc(rest)
        if (rest == whole).all():
            whole += 0.0  # as below
            return cls(whole[None])
        limbs = np.empty((_N_LIMBS, *rest.shape))
        for limb in limbs:
            limb[...] = np.trunc(rest) + 0.0  # -0.0 has no other meaning, and another bit
            rest = (rest - limb) * _PIECE
        return cls(limbs)

    def value(self) -> Array:
        """Return the values as floats, rounded once."""
        if len(self.limbs) == 1:
            return np.asarray(self.limbs[0])
        whole, first, second, third = self.limbs
        head = whole + first / _PIECE
        lost = whole - head + first / _PIECE
        return np.asarray(head + (lost + (second + third / _PIECE) / _PIECE**2))

    def largest(self) -> float:
        """Return the size of the largest piece."""
        return float(max(self.limbs.max(initial=0), -self.limbs.min(initial=0)))

    def sum(self, axis: int) -> "Exact":
        """Add along an axis of the values."""
        return self._added(lambda limbs: limbs.sum(axis=axis + 1))

    def scaled(self, factors: NDArray[np.integer[Any]]) -> "Exact":
        """Multiply by whole numbers, which broadcast against the values."""
        return self._added(lambda limbs: limbs * factors)

    def grouped(self, codes: NDArray[np.integer[Any]], n_groups: int) -> "Exact":
        """Add the values, along their first axis, that share a code from 0 to n_groups − 1."""

        def add(limbs: Array) -> Array:
            totals = np.zeros((len(limbs), n_groups, *limbs.shape[2:]))
            for total, limb in zip(totals, limbs, strict=True):
                np.add.at(total, codes, limb)
            return totals

        return self._added(add)

    def weighted(self, weights: Array) -> Array:
        """Return the weighted sums over the first axis of the values.

        Parameters
        ----------
        weights : array of whole numbers of at least 0, shape (n_sums, n)
            How often each value counts.

        Returns
        -------
        array of float, shape (n_sums, ...)
        """
        weighing = Weighing(self, total=float(weights.sum(axis=1).max(initial=0)))
        return weighing.values(weighing.limbs(weights))

    def __getitem__(self, index: Any) -> "Exact":  # noqa: ANN401 - whatever NumPy takes
        """Select values."""
        index = index if isinstance(index, tuple) else (index,)
        return Exact(self.limbs[(slice(None), *index)])

    def __sub__(self, other: "Exact") -> "Exact":
        """Subtract value by value."""
        return Exact(self.limbs - other.limbs)

    def _added(self, add: Callable[[Array], Array]) -> "Exact":
        """Add pieces, refuse what could round on the way, and carry."""
        limbs = add(self.limbs)
        # Where signs differ, a small sum can come of large parts; their sizes bound them all.
        _require_exact(add(np.abs(self.limbs)) if (self.limbs < 0).any() else limbs)
        return Exact(_carried(limbs))


class Weighing:
    """Weighted sums of the same values, block by block: `weights @ values` without error.

    Parameters
    ----------
    values : Exact, shape (n, ...)
        What is added.
    total : float
        The largest sum of the weights of one sum.

    Notes
    -----
    Single precision takes half the time, and is exact as long as no sum can leave its whole
    numbers.

    Examples
    --------
    >>> weighing = Weighing(Exact.of(np.array([[1.0, 2.0], [3.0, 0.5]])), total=2)
    >>> weighing.values(weighing.limbs(np.array([[1.0, 1.0], [0.0, 2.0]]))).tolist()
    [[4.0, 2.5], [6.0, 1.0]]
    """

    def __init__(self, values: Exact, *, total: float) -> None:
        self._shape = values.limbs.shape[2:]
        self._n_limbs, n_values = values.limbs.shape[:2]
        flat = values.limbs.reshape(self._n_limbs, n_values, -1)
        bound = total * values.largest()
        self._may_round = bound >= _LARGEST
        kind = np.float32 if bound < SINGLE else np.float64
        columns = np.moveaxis(flat, 1, -1).reshape(-1, n_values)
        self._columns: Array = np.ascontiguousarray(columns, dtype=kind)

    @property
    def n_columns(self) -> int:
        """Number of pieces that make up one sum."""
        return len(self._columns)

    def limbs(self, weights: Array) -> Array:
        """Return the pieces of the sums for each row of weights, shape (n_columns, n_sums)."""
        turned = weights.T.astype(self._columns.dtype, copy=False)
        if self._may_round:
            _require_exact(np.abs(self._columns) @ turned)
        return np.asarray(self._columns @ turned)

    def values(self, limbs: Array) -> Array:
        """Return the sums of these pieces as floats, shape (n_sums, ...).

        The sums of one statistic lie side by side in memory, for whoever reads them next.
        """
        pieces = limbs.reshape(self._n_limbs, -1, limbs.shape[-1]).astype(np.float64, copy=False)
        found = Exact(_carried(pieces)).value()
        return np.moveaxis(found.reshape(*self._shape, -1), -1, 0)


def _require_exact(sizes: Array) -> None:
    """Refuse sums that may have been rounded."""
    if sizes.size and sizes.max() >= _LARGEST:
        raise BadValue(
            "sums of statistics must stay below 2**53, but a sum reached "
            f"{sizes.max():.3g}; use larger units, such as seconds for nanoseconds."
        )


def _carried(limbs: Array) -> Array:
    """Move what exceeds 26 bits into the piece above: equal values become equal pieces."""
    for at in range(len(limbs) - 1, 0, -1):
        carry = np.floor(limbs[at] / _PIECE)
        limbs[at] -= carry * _PIECE
        limbs[at - 1] += carry
    return limbs
