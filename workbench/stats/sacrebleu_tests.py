"""sacrebleu's own paired tests, reproduced to the last bit of their p-values.

They are here to explain published figures. Both count strictly larger differences, so that a
system compared with itself gets p = 1/(R + 1), and the bootstrap centres the absolute difference,
so that it rejects about 10 % of true nulls at a nominal 5 %.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workbench.stats.exact import Array, Exact
from workbench.stats.resampling import Indices, counts

Flags = NDArray[np.bool_]

SEED = 12345
SAMPLES = {"randomisation": 10_000, "bootstrap": 1_000}

# Choices per block of the randomisation, against memory.
_BLOCK = 2_000_000

# Whole numbers below this are exact in float32, in which sacrebleu sums a resample.
_FLOAT32_WHOLE = 2**24


def paired_bootstrap(
    system: Array, baseline: Array, aggregate: Callable[[Array], Array], *, samples: int, seed: int
) -> float:
    """Return the p-value of sacrebleu's test "bs".

    Parameters
    ----------
    system, baseline : array of float, shape (n_rows, k)
        Statistics in the dataset's order.
    aggregate : callable
        Sums to figures, computing float32 in float32.
    samples : int
        Number of resamples.
    seed : int
        Of the random numbers.

    References
    ----------
    sacrebleu 2.6.0, `significance.py`, `_paired_bs_test`.
    """
    n_rows = len(system)
    indices = np.random.default_rng(seed).choice(n_rows, size=(samples, n_rows), replace=True)
    figures = [aggregate(_float32_sums(each, indices)) for each in (system, baseline)]
    sizes = np.abs(figures[0] - figures[1])
    return _p_value(sizes - sizes.mean(), _observed(system, baseline, aggregate))


def paired_randomisation(
    system: Array, baseline: Array, aggregate: Callable[[Array], Array], *, samples: int, seed: int
) -> float:
    """Return the p-value of sacrebleu's test "ar"; the parameters are those of `paired_bootstrap`.

    References
    ----------
    sacrebleu 2.6.0, `significance.py`, `_paired_ar_test`.
    """
    chosen = np.random.default_rng(seed).integers(2, size=(samples, len(system)), dtype=bool)
    exchange = _exchanged_whole if _whole(system) and _whole(baseline) else _exchanged
    sizes = []
    for part in np.array_split(chosen, max(1, chosen.size // _BLOCK)):
        one, other = exchange(part, system, baseline)
        sizes.append(np.abs(aggregate(one) - aggregate(other)))
    return _p_value(np.concatenate(sizes), _observed(system, baseline, aggregate))


def _exchanged(chosen: Flags, system: Array, baseline: Array) -> tuple[Array, Array]:
    """Return the sums of both after the chosen rows were exchanged, added in sacrebleu's order."""
    return chosen @ baseline + ~chosen @ system, ~chosen @ baseline + chosen @ system


def _exchanged_whole(chosen: Flags, system: Array, baseline: Array) -> tuple[Array, Array]:
    """Return the same of whole numbers, whose sums are exact in any order: by one product."""
    moved = chosen.astype(np.float32) @ (baseline - system).astype(np.float32)
    return system.sum(axis=0) + moved, baseline.sum(axis=0) - moved


def _whole(statistics: Array) -> bool:
    """Tell whether all sums of rows, and of differences of rows, are whole and exact in float32."""
    largest = 2 * np.abs(statistics).max(initial=0) * len(statistics)
    return bool(largest < _FLOAT32_WHOLE and np.all(statistics == np.trunc(statistics)))


def _observed(system: Array, baseline: Array, aggregate: Callable[[Array], Array]) -> float:
    sums = [Exact.of(each).sum(axis=0).value() for each in (baseline, system)]
    return float(abs(aggregate(sums[0]) - aggregate(sums[1])))


def _p_value(sizes: Array, observed: float) -> float:
    return float((np.sum(sizes > observed) + 1) / (len(sizes) + 1))


def _float32_sums(statistics: Array, indices: Indices) -> Array:
    """Sum resamples as float32 does, by counts where that makes no difference."""
    single = statistics.astype(np.float32)
    # Halves (a mean over two references) are exact too, with one bit less room.
    halves = np.all(statistics * 2 == np.trunc(statistics * 2))
    if halves and 2 * np.abs(statistics).max(initial=0) * len(statistics) < _FLOAT32_WHOLE:
        return np.asarray((counts(indices) @ statistics).astype(np.float32))
    return np.stack([single[drawn].sum(axis=0) for drawn in indices])
