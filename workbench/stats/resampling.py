"""Resampled sums: the bootstrap and the random exchange of two systems' outputs.

Both are one matrix product, weights @ statistics, done in blocks of samples so that memory does
not grow with their number.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.stats.exact import Array, Exact

Indices = NDArray[np.integer[Any]]

# Weights per block: 4 million doubles are 32 MB.
_BLOCK = 4_000_000


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
    blocks = (
        counts(rng.integers(n_units, size=(size, n_units))) for size in _blocks(samples, n_units)
    )
    return np.concatenate([statistics.weighted(weights) for weights in blocks])


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
    blocks = (_coins(rng, size, n_units) for size in _blocks(samples, n_units))
    return np.concatenate([statistics.weighted(weights) for weights in blocks])


def counts(indices: Indices) -> Array:
    """Count how often each unit was drawn in each sample.

    Parameters
    ----------
    indices : array of int, shape (samples, n_units)
        Units drawn, from 0 to n_units − 1.

    Returns
    -------
    array of float, shape (samples, n_units)

    Examples
    --------
    >>> counts(np.array([[0, 0, 2]])).tolist()
    [[2.0, 0.0, 1.0]]
    """
    samples, n_units = indices.shape
    shifted = indices + n_units * np.arange(samples)[:, None]
    counted = np.bincount(shifted.ravel(), minlength=samples * n_units)
    return counted.reshape(samples, n_units).astype(np.float64)


def _coins(rng: np.random.Generator, samples: int, n_units: int) -> Array:
    n_bytes = -(-n_units // 8)
    tossed = np.frombuffer(rng.bytes(samples * n_bytes), dtype=np.uint8)
    bits = np.unpackbits(tossed.reshape(samples, n_bytes), axis=1, count=n_units)
    return bits.astype(np.float64)


def _blocks(samples: int, n_units: int) -> Iterator[int]:
    # Bytes are tossed in words of four: blocks of four samples waste none, so that the samples do
    # not depend on the blocks.
    size = 4 * max(1, _BLOCK // max(1, 4 * n_units))
    for start in range(0, samples, size):
        yield min(size, samples - start)
