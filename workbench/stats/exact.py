"""Sums that are exact, and so the same in any order, grouping and number of workers.

A sum of floats depends on the order of its terms in its last bits, which is enough to break ties
in a permutation test. Here each value is cut into a whole part and three pieces of 26 bits below
the point, all integers; integers below 2⁵³ add without error in float64, a matrix product too.
A double of magnitude 2⁻²⁵ or more survives the cut unchanged; smaller ones keep 2⁻⁷⁸ absolute.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue

Array = NDArray[np.floating[Any]]

_PIECE = 2.0**26
_N_LIMBS = 4
_LARGEST = 2.0**53


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

    @classmethod
    def of(cls, values: Array) -> "Exact":
        """Cut finite values into pieces."""
        rest = np.asarray(values, dtype=np.float64)
        n_limbs = 1 if (rest == np.trunc(rest)).all() else _N_LIMBS
        limbs = np.empty((n_limbs, *rest.shape))
        for limb in limbs:
            limb[...] = np.trunc(rest)
            rest = (rest - limb) * _PIECE
        return cls(limbs)

    def value(self) -> Array:
        """Return the values as floats."""
        result = self.limbs[-1]
        for limb in self.limbs[-2::-1]:
            result = limb + result / _PIECE
        return np.asarray(result)

    def sum(self, axis: int) -> "Exact":
        """Add along an axis of the values."""
        return self._checked(self.limbs.sum(axis=axis + 1))

    def scaled(self, factors: NDArray[np.integer[Any]]) -> "Exact":
        """Multiply by whole numbers, which broadcast against the values."""
        return self._checked(self.limbs * factors)

    def grouped(self, codes: NDArray[np.integer[Any]], n_groups: int) -> "Exact":
        """Add the values, along their first axis, that share a code from 0 to n_groups − 1."""
        limbs = np.zeros((len(self.limbs), n_groups, *self.limbs.shape[2:]))
        for total, limb in zip(limbs, self.limbs, strict=True):
            np.add.at(total, codes, limb)
        return self._checked(limbs)

    def weighted(self, weights: Array) -> Array:
        """Return the weighted sums over the first axis of the values.

        Parameters
        ----------
        weights : array of whole numbers, shape (n_sums, n)
            How often each value counts.

        Returns
        -------
        array of float, shape (n_sums, ...)
        """
        flat = self.limbs.reshape(*self.limbs.shape[:2], -1)
        sums = np.stack([weights @ limb for limb in flat])
        return self._checked(sums.reshape(len(flat), -1, *self.limbs.shape[2:])).value()

    def __getitem__(self, index: Any) -> "Exact":  # noqa: ANN401 - whatever NumPy takes
        """Select values."""
        index = index if isinstance(index, tuple) else (index,)
        return Exact(self.limbs[(slice(None), *index)])

    def __sub__(self, other: "Exact") -> "Exact":
        """Subtract value by value."""
        return Exact(self.limbs - other.limbs)

    @staticmethod
    def _checked(limbs: Array) -> "Exact":
        if limbs.size and np.abs(limbs).max() >= _LARGEST:
            raise BadValue(
                "sums of statistics must stay below 2**53, but a sum reached "
                f"{np.abs(limbs).max():.3g}; use larger units, such as seconds for nanoseconds."
            )
        return Exact(limbs)
