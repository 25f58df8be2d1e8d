"""Groups that hold the same, counted once: what makes counting and resampling fast."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, is_number

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

BLOCK = 4_000_000
"""Numbers per block of work: 4 million doubles are 32 MB."""

# Longer rows are compared as they are, not as numbers made column by column.
_LONG_ROW = 64


class Classes(NamedTuple):
    """Groups of codes by what they hold.

    Attributes
    ----------
    counts : sparse array, shape (n_classes, n_codes)
        How often each code is in a group of the class.
    of_group : array of int, shape (n_groups,)
        The class of each group.
    frequency : array of int, shape (n_classes,)
        How many groups are of the class.
    """

    counts: "csr_array"
    of_group: Codes
    frequency: Codes


def multisets(groups: Codes, codes: Codes, n_codes: int) -> Classes:
    """Find the different multisets of codes that groups hold.

    Parameters
    ----------
    groups, codes : array of int, shape (n,)
        Each code with the group that it is in, from 0, every group there.
    n_codes : int
        Number of codes.

    Returns
    -------
    Classes
        In an order that depends neither on the order of rows nor on the numbers of the groups.

    Examples
    --------
    >>> found = multisets(np.array([0, 1, 0, 1]), np.array([2, 0, 0, 2]), 3)
    >>> found.counts.toarray().tolist(), found.frequency.tolist()
    ([[1.0, 0.0, 1.0]], [2])
    """
    from scipy.sparse import csr_array

    ordered = np.sort(groups * n_codes + codes)
    groups, codes = np.divmod(ordered, n_codes)
    sizes = np.bincount(groups)
    of_group = np.empty(len(sizes), dtype=np.int64)
    rows: list[Codes] = []
    columns: list[Codes] = []
    frequencies: list[Codes] = []
    start = 0
    for size in np.unique(sizes).tolist():
        members = sizes == size
        block = codes[np.repeat(members, sizes)].reshape(-1, size)
        different, inverse, frequency = _different_rows(block, n_codes)
        of_group[members] = start + inverse
        rows.append(np.repeat(start + np.arange(len(different)), size))
        columns.append(different.ravel())
        frequencies.append(frequency)
        start += len(different)
    places = (np.concatenate(rows), np.concatenate(columns))
    table = csr_array((np.ones(len(places[0])), places), shape=(start, n_codes))
    table.sum_duplicates()
    return Classes(table, of_group, np.concatenate(frequencies))


def _different_rows(block: Codes, n_codes: int) -> tuple[Codes, Codes, Codes]:
    """Return the different rows in lexicographic order, their inverse and their frequency."""
    if block.shape[1] > _LONG_ROW:
        different, inverse, frequency = np.unique(
            block, axis=0, return_inverse=True, return_counts=True
        )
        return different, inverse.ravel(), frequency
    keys, span = np.zeros(len(block), dtype=np.int64), 1
    for column in block.T:
        if span * n_codes >= 2**62:
            keys = np.unique(keys, return_inverse=True)[1]
            span = int(keys.max()) + 1
        keys, span = keys * n_codes + column, span * n_codes
    if span <= 4 * len(block) + 1_000:  # counting beats sorting
        tally = np.bincount(keys)
        frequency = tally[tally > 0]
        inverse = (np.cumsum(tally > 0) - 1)[keys]
    else:
        _, inverse, frequency = np.unique(keys, return_inverse=True, return_counts=True)
    example = np.empty(len(frequency), dtype=np.int64)
    example[inverse] = np.arange(len(block))
    return block[example], inverse, frequency


def resamples(frequency: Codes, samples: int, width: int, seed: int) -> Iterator[Array]:
    """Yield how often each class came when groups were drawn with replacement, in blocks.

    Parameters
    ----------
    frequency : array of int, shape (n_classes,)
        Groups of each class; as many are drawn as there are.
    samples : int
        Number of resamples.
    width : int
        Number of figures that the caller keeps of each, for the size of the blocks.
    seed : int
        Of the random numbers.

    Yields
    ------
    array of float, shape (n, n_classes)
    """
    rng = np.random.default_rng([seed, 0])
    n_items, n_classes = int(frequency.sum()), len(frequency)
    few = 8 * n_classes <= n_items
    size = max(1, BLOCK // max(n_classes if few else n_items, width))
    class_of = np.repeat(np.arange(n_classes), frequency)
    for start in range(0, samples, size):
        number = min(size, samples - start)
        if few:
            yield rng.multinomial(n_items, frequency / n_items, size=number).astype(np.float64)
        else:
            drawn = class_of[rng.integers(n_items, size=(number, n_items))]
            drawn += n_classes * np.arange(number)[:, None]
            tally = np.bincount(drawn.ravel(), minlength=number * n_classes)
            yield tally.reshape(number, n_classes).astype(np.float64)


def require_resampling(level: float, samples: int, seed: int) -> None:
    """Refuse a level, a number of resamples or a seed that cannot be right."""
    whole = is_number(samples, whole=True) and is_number(seed, whole=True)
    if not whole or not is_number(level) or not 0 < level < 1 or samples < 1 or seed < 0:
        raise BadValue(
            "level must be between 0 and 1, samples at least 1 and seed at least 0, but "
            f"{level!r}, {samples!r} and {seed!r} came; use 0.95, 2000 and 0."
        )
