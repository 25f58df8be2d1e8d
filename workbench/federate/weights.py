"""Random weights that belong to a unit, wherever it lies: resampled sums of sites then add up.

An ordinary bootstrap draws all units at one place. Here each unit (a row, or a cluster of rows) has
a stream of random numbers of its own, made of a seed, a key and the unit's name, so that a site can
weight its units without knowing of any other.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.stats.exact import Array

Weights = NDArray[np.floating[Any]]
Places = NDArray[np.integer[Any]]

# Weights per block: 4 million doubles are 32 MB.
_BLOCK = 4_000_000

# P(X ≤ 0), P(X ≤ 1), … of a Poisson variable of mean 1, in units of 2⁻³²; the rest is below 2⁻³².
_STEPS = np.cumsum([1 / math.factorial(count) for count in range(13)]) / math.e
_THRESHOLDS = np.floor(_STEPS * 2.0**32).astype(np.uint64)


def poisson(names: Sequence[str], samples: int, *, seed: int, key: str) -> Weights:
    """Return how often each unit counts in each resample: Poisson with mean 1.

    Parameters
    ----------
    names : sequence of str
        Of the units.
    samples : int
        Number of resamples.
    seed : int
        Of the random numbers, at least 0.
    key : str
        What only those who resample know; without it nobody can tell the weights of a name.

    Returns
    -------
    array of float, shape (samples, n_units)

    References
    ----------
    Chamandy, Muralidharan, Najmi and Naidu (2012), "Estimating uncertainty for massive data
    streams", section 3: a Poisson bootstrap with weights from a hash of the unit.

    Examples
    --------
    >>> poisson(["a", "b"], 4, seed=0, key="").sum(axis=0).tolist()
    [5.0, 8.0]
    """
    weights = np.empty((samples, len(names)))
    for column, stream in enumerate(_streams(names, "poisson", seed, key)):
        raw = stream.random_raw(-(-samples // 2))
        halves = np.stack([raw & 0xFFFFFFFF, raw >> 32], axis=1).ravel()[:samples]
        weights[:, column] = np.searchsorted(_THRESHOLDS, halves, side="right")
    return weights


def coins(names: Sequence[str], samples: int, *, seed: int, key: str) -> Weights:
    """Return which units are exchanged in each sample: each with probability 1/2.

    Parameters and result as in `poisson`.

    Examples
    --------
    >>> coins(["a", "b"], 3, seed=0, key="").tolist()
    [[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    """
    tossed = np.empty((samples, len(names)))
    places = np.arange(64, dtype=np.uint64)
    for column, stream in enumerate(_streams(names, "coin", seed, key)):
        raw = stream.random_raw(-(-samples // 64))
        tossed[:, column] = ((raw[:, None] >> places) & 1).ravel()[:samples]
    return tossed


def key_digest(seed: int, key: str) -> str:
    """Return what shows that two sites used the same seed and key, and tells neither."""
    return hashlib.blake2b(b"same?", key=_secret(seed, key), digest_size=16).hexdigest()


def name_digests(names: Sequence[str], *, seed: int, key: str) -> tuple[str, ...]:
    """Return what shows that two sites have units of one name, sorted; only the key tells whose.

    Examples
    --------
    >>> name_digests(["a", "b"], seed=0, key="") == name_digests(["b", "a"], seed=0, key="")
    True
    """
    secret = _secret(seed, key)
    return tuple(sorted(_digest("name", name, secret, 8).hex() for name in names))


def order_of(site: str, samples: int) -> NDArray[np.intp]:
    """Return an order of resamples that is a site's own.

    In it, units that bear the names of another site's, and so have their weights, are independent of
    them: a resample of all sites adds up different resamples of each.

    Examples
    --------
    >>> sorted(order_of("Basel", 5).tolist())
    [0, 1, 2, 3, 4]
    """
    (stream,) = _streams([site], "order", 0, "")
    return np.argsort(stream.random_raw(samples), kind="stable")


def _secret(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def _streams(names: Sequence[str], purpose: str, seed: int, key: str) -> Iterator[np.random.Philox]:
    # Philox's raw words are fixed by its authors (Salmon et al. 2011); the distributions that NumPy
    # makes of them may change between its versions, so none is used.
    secret = _secret(seed, key)
    for name in names:
        yield np.random.Philox(key=int.from_bytes(_digest(purpose, name, secret, 16), "little"))


def _digest(purpose: str, name: str, secret: bytes, size: int) -> bytes:
    told = f"{purpose}:{name}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(told, key=secret, digest_size=size).digest()


def weighted_sums(
    parts: Sequence[tuple[Places, Array]],
    names: Sequence[str],
    samples: int,
    *,
    seed: int,
    key: str,
) -> list[tuple[Array, Array]]:
    """Return, for each part of the units, the sums of its resamples and of its exchanged units.

    Parameters
    ----------
    parts : sequence of (array of int, shape (n,); array of float, shape (n, ...))
        Where a part's units stand among the names, in ascending order, and their statistics.
    names, samples, seed, key
        As in `poisson`.

    Returns
    -------
    list of (array of float, array of float)
        Each of shape (samples, ...).
    """
    # no -1 here: a part may be empty
    flat = [each.reshape(len(each), math.prod(each.shape[1:])) for _, each in parts]
    sums = [np.zeros((2, samples, each.shape[1])) for each in flat]
    size = max(1, _BLOCK // samples)
    for start in range(0, len(names), size):
        own = names[start : start + size]
        both = [make(own, samples, seed=seed, key=key) for make in (poisson, coins)]
        for (places, _), statistics, total in zip(parts, flat, sums, strict=True):
            first, last = np.searchsorted(places, [start, start + len(own)])
            if first < last:
                chosen = places[first:last] - start
                total += [weights[:, chosen] @ statistics[first:last] for weights in both]
    return [
        (resampled.reshape(shape), exchanged.reshape(shape))
        for (resampled, exchanged), shape in zip(
            sums, [(samples, *each.shape[1:]) for _, each in parts], strict=True
        )
    ]
