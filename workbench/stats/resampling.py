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
_BLOCK = 65_536
_FEWEST_SAMPLES = 32
_LARGEST_BLOCK = 4_000_000

# Units drawn at a time: what is made of them stays in fast memory, too.
_DRAWN = 32_768


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
        Samples of each block.
    n_units : int
        Units of a sample.

    Yields
    ------
    array of float32, shape (size, n_units)
        How often each unit was drawn; the next block takes its place.
    """
    sizes = list(sizes)
    step = max(1, _DRAWN // n_units)
    steps = [min(step, size - at) for size in sizes for at in range(0, size, step)]
    indices = below(rng, n_units, (n_samples * n_units for n_samples in steps))
    counted = np.empty((max(sizes, default=0), n_units), dtype=np.float32)
    for size in sizes:
        # memory that is new costs more than what is counted into it
        for at in range(0, size, step):
            part = counted[at : min(size, at + step)]
            counts(next(indices).reshape(part.shape), part)
        yield counted[:size]


def below(rng: np.random.Generator, n: int, sizes: Iterable[int]) -> Iterator[Indices]:
    """Draw numbers from 0 to n − 1: those that `rng.integers` draws, in less time.

    Parameters
    ----------
    rng : Generator
        Used by nothing else, for it may be asked for more than is taken.
    n : int
        At least 1 and at most 2³².
    sizes : iterable of int
        How many to draw at a time.

    Yields
    ------
    array of int64, shape (size,)

    References
    ----------
    Lemire (2019), "Fast random integer generation in an interval", algorithm 5: the upper half of
    a word of 32 bits times n, but for the few words that would make some numbers likelier.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [each.tolist() for each in below(rng, 10, [3, 2])], np.random.default_rng(0).integers(10, size=5)
    ([[8, 6, 5], [2, 3]], array([8, 6, 5, 2, 3]))
    """
    refused = 2**32 % n
    found = np.empty(0, dtype=np.int64)
    for size in sizes:
        while len(found) < size:
            drawn = rng.bit_generator.random_raw((size - len(found) + 1) // 2)
            words = drawn.astype("<u8", copy=False).view("<u4")  # the lower half comes first
            products = words * np.uint64(n)
            lower, more = products.astype(np.uint32), (products >> 32).view(np.int64)
            if lower.min() < refused:
                more = more[lower >= refused]
            found = np.concatenate((found, more)) if len(found) else more
        yield found[:size]
        found = found[size:]


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
    counted.fill(0)
    places = indices + n_units * np.arange(samples)[:, None]
    np.add.at(counted.reshape(-1), places.ravel(), np.float32(1))
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
