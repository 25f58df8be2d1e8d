"""Resampled sums: the bootstrap and the random exchange of two systems' outputs.

Both are one matrix product, weights @ statistics, done in blocks of samples so that memory does
not grow with their number.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.stats.exact import Array, Exact, Weighing

Indices = NDArray[np.integer[Any]]

# Weights per block, which stay in fast memory with their indices; of many units more, so that the
# statistics are not read for a handful of samples, up to 32 MB of indices.
_BLOCK = 131_072
_FEWEST_SAMPLES = 64
_LARGEST_BLOCK = 4_000_000

# Counts at a time: 8 KB of them.
_COUNTED = 1_024


def bootstrap_sums(statistics: Exact, *, samples: int, seed: int) -> Array:
    """Return the sums over units drawn with replacement, as many as there are.

    Parameters
    ----------
    statistics : Exact, shape (n_units, ...)
        Statistics of each unit (a row, or a cluster of rows).
    samples : int
        Number of resamples.
    seed : int
        Of the random numbers, at least 0.

    Returns
    -------
    array of float, shape (samples, ...)

    References
    ----------
    Efron and Tibshirani (1993), section 6.2; Koehn (2004) for full-size samples of a test set.
    """
    rng = np.random.default_rng([seed, 0])
    n_units = statistics.limbs.shape[1]
    sizes = block_sizes(samples, n_units)
    return weighted_sums(statistics, drawn(rng, sizes, n_units), samples)


def exchanged_sums(statistics: Exact, *, samples: int, seed: int) -> Array:
    """Return the sums over a random half of the units: those whose outputs are exchanged.

    Parameters
    ----------
    statistics : Exact, shape (n_units, ...)
        Statistics of each unit.
    samples : int
        Number of exchanges; each unit is in with probability 1/2.
    seed : int
        Of the random numbers, at least 0.

    Returns
    -------
    array of float, shape (samples, ...)

    References
    ----------
    Noreen (1989), section 2.2; Riezler and Maxwell (2005).
    """
    rng = np.random.default_rng([seed, 1])
    n_units = statistics.limbs.shape[1]
    sizes = block_sizes(samples, n_units)
    return weighted_sums(statistics, (_coins(rng, size, n_units) for size in sizes), samples)


def weighted_sums(statistics: Exact, blocks: Iterable[Array], samples: int) -> Array:
    """Return the weighted sums of statistics for blocks of weights.

    Parameters
    ----------
    statistics : Exact, shape (n_units, ...)
        Statistics of each unit.
    blocks : iterable of array of whole numbers, shape (n_sums, n_units)
        How often each unit counts, at most `n_units` times in all.
    samples : int
        Number of sums in all blocks.

    Returns
    -------
    array of float, shape (samples, ...)
    """
    weighing = Weighing(statistics, total=statistics.limbs.shape[1])
    limbs, at = np.empty((weighing.n_columns, samples)), 0
    for weights in blocks:
        limbs[:, at : at + len(weights)] = weighing.limbs(weights)
        at += len(weights)
    return weighing.values(limbs)


def drawn(rng: np.random.Generator, sizes: Iterable[int], n_units: int) -> Iterator[Array]:
    """Draw units with replacement, as many as there are, and count them, block by block.

    Parameters
    ----------
    rng : Generator
        Of the numbers, which are those of one draw of all samples.
    sizes : iterable of int
        Samples of each block, no block larger than the first.
    n_units : int
        Units of a sample.

    Yields
    ------
    array of float32, shape (size, n_units)
        How often each unit was drawn; the next block takes its place.
    """
    counted = np.empty((0, n_units), dtype=np.float32)
    for size in sizes:
        if size > len(counted):  # memory that is new costs more than what is counted into it
            counted = np.empty((size, n_units), dtype=np.float32)
        # numbers of 32 bits come from the same stream as those of 64, and faster
        indices = rng.integers(n_units, size=(size, n_units), dtype=np.int32)
        yield counts(indices, counted[:size])


def counts(indices: Indices, counted: Array | None = None) -> Array:
    """Count how often each unit was drawn in each sample.

    Parameters
    ----------
    indices : array of int, shape (samples, n_units)
        Units drawn, from 0 to n_units − 1.
    counted : array of float32, shape (samples, n_units), optional
        Where to put the counts; a new array by default.

    Returns
    -------
    array of float32, shape (samples, n_units)

    Examples
    --------
    >>> counts(np.array([[0, 0, 2]])).tolist()
    [[2.0, 0.0, 1.0]]
    """
    samples, n_units = indices.shape
    if counted is None:
        counted = np.empty((samples, n_units), dtype=np.float32)
    # Some samples at a time, whose counts stay in the fastest memory.
    step = max(1, _COUNTED // max(1, n_units))
    offsets = n_units * np.arange(step)[:, None]
    for at in range(0, samples, step):
        part = indices[at : at + step]
        shifted = (part + offsets[: len(part)]).ravel() if step > 1 else part[0]
        found = np.bincount(shifted, minlength=len(part) * n_units)
        counted[at : at + step] = found.reshape(len(part), n_units)
    return counted


def _coins(rng: np.random.Generator, samples: int, n_units: int) -> Array:
    n_bytes = -(-n_units // 8)
    tossed = np.frombuffer(rng.bytes(samples * n_bytes), dtype=np.uint8)
    bits = np.unpackbits(tossed.reshape(samples, n_bytes), axis=1, count=n_units)
    return bits.astype(np.float32)


def block_sizes(samples: int, n_units: int, *, multiple: int = 4) -> Iterator[int]:
    """Cut samples into blocks whose sizes, but for the last, are multiples of a number.

    Bytes are tossed in words of four: blocks of four samples waste none, so that the samples do
    not depend on the blocks.
    """
    n_units = max(1, n_units)
    size = max(_BLOCK // n_units, min(_FEWEST_SAMPLES, _LARGEST_BLOCK // n_units))
    size = multiple * max(1, size // multiple)
    for start in range(0, samples, size):
        yield min(size, samples - start)
