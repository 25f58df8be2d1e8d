"""sacrebleu's own paired tests, reproduced to the last bit of their p-values and intervals.

They are here to explain published figures. Both count strictly larger differences, so that a
system compared with itself gets p = 1/(R + 1), and the bootstrap centres the absolute difference,
so that it rejects about 10 % of true nulls at a nominal 5 %.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.stats.exact import SINGLE, Array, Exact
from workbench.stats.paired import Estimate, IntervalMethod, Test, Units
from workbench.stats.resampling import block_sizes, drawn, weighted_sums
from workbench.stats.sizes import Figures, sizes_about

Flags = NDArray[np.bool_]

SEED = 12345
SAMPLES = {"randomisation": 10_000, "bootstrap": 1_000}

# Samples come in blocks of 32, whose bits fill whole words.
_WORD = 32


@dataclass(frozen=True, eq=False)
class PeerUnits(Units):
    """Statistics of several systems on the same rows, tested as sacrebleu does.

    Parameters
    ----------
    statistics : Exact, shape (n_rows, n_systems, k)
        In the dataset's order.
    unbounded : callable, optional
        Sums to the peer's own figures, computing float32 in float32; `aggregate` by default.

    The other parameters are those of `Units`. Intervals are those of 1,000 resamples at most, as
    many as sacrebleu draws for them by default: of a system the mean of its resampled figures and
    the half width that sacrebleu prints, of a difference percentiles of the same resamples.

    Notes
    -----
    The random numbers are drawn once for all systems. Where float32 (bootstrap) or float64
    (randomisation) adds the statistics without rounding, all sums are one matrix product; else
    they are added in sacrebleu's order, one system at a time.

    References
    ----------
    sacrebleu 2.6.0, `significance.py`.
    """

    interval_method: IntervalMethod = "percentile"
    unbounded: Figures | None = None

    def interval(self, system: int) -> Estimate:
        """Return a system's figure, and sacrebleu's interval around its resampled mean."""
        mean, half_width = self.confidence(system)
        ends = mean - half_width, mean + half_width
        return Estimate(float(self.scores[system]), *ends, "sacrebleu's interval")

    def confidence(self, system: int) -> tuple[float, float]:
        """Return the mean of a system's resampled figures and the half width of its interval.

        References
        ----------
        sacrebleu 2.6.0, `significance.py`, `estimate_ci`.
        """
        found = np.sort(self._resampled[system])
        tail = len(found) // 40
        return float(found.mean()), float(0.5 * (found[-1 - tail] - found[tail]))

    @property
    def _peer_figures(self) -> Figures:
        return self.unbounded or self.aggregate

    @cached_property
    def _resampled(self) -> Array:
        n_drawn = min(self.samples, SAMPLES["bootstrap"])
        return self._bootstrapped if n_drawn == self.samples else self._drawn_figures(n_drawn)

    @cached_property
    def _bootstrapped(self) -> Array:
        return self._drawn_figures(self.samples)

    def _drawn_figures(self, samples: int) -> Array:
        """Return the figures of the first resamples, shape (n_systems, samples)."""
        sums = self._drawn_sums(samples)
        return np.ascontiguousarray(np.moveaxis(self._peer_figures(sums), 0, -1))

    def _drawn_sums(self, samples: int) -> Array:
        """Add resamples as float32 does, shape (samples, n_systems, k)."""
        rng = np.random.default_rng(self.seed)
        sizes = block_sizes(samples, self.n_units)
        if self._doubled is not None and self._doubled.largest() * self.n_units < SINGLE:
            sums = weighted_sums(self._doubled, drawn(rng, sizes, self.n_units), samples)
            return (sums / 2).astype(np.float32)
        single = np.ascontiguousarray(np.swapaxes(self.statistics.value(), 0, 1), dtype=np.float32)
        indices = (rng.integers(self.n_units, size=(size, self.n_units)) for size in sizes)
        rows = (rows for block in indices for rows in block)
        return np.array([[each[chosen].sum(axis=0) for each in single] for chosen in rows])

    @cached_property
    def _doubled(self) -> Exact | None:
        """Twice the statistics where that is whole: a mean over two references has halves."""
        if len(self.statistics.limbs) == 1:
            return Exact(2 * self.statistics.limbs)
        doubled = Exact.of(2 * self.statistics.value())
        return doubled if len(doubled.limbs) == 1 else None

    def _exchanged_sides(self) -> tuple[Array, Array]:
        if self._doubled is not None:
            blocks = (flags.astype(np.float32) for flags in self._chosen())
            chosen = np.moveaxis(weighted_sums(self._doubled, blocks, self.samples), 1, 0) / 2
            return chosen, self.sums[:, None] - chosen
        values = np.ascontiguousarray(np.swapaxes(self.statistics.value(), 0, 1))
        sides: list[list[Array]] = [[], []]
        for flags in self._chosen():
            sides[0].append(np.stack([flags @ each for each in values]))
            sides[1].append(np.stack([~flags @ each for each in values]))
        return np.concatenate(sides[0], axis=1), np.concatenate(sides[1], axis=1)

    def _chosen(self) -> Iterator[Flags]:
        """Choose rows as `Generator.integers(2, dtype=bool)` does: bit after bit of its words."""
        rng = np.random.default_rng(self.seed)
        for size in block_sizes(self.samples, self.n_units, multiple=_WORD):
            n_bits = size * self.n_units
            words = np.frombuffer(rng.bytes(4 * -(-n_bits // _WORD)), dtype=np.uint8)
            bits = np.unpackbits(words, count=n_bits, bitorder="little")
            yield bits.view(np.bool_).reshape(size, self.n_units)

    @cached_property
    def _observed(self) -> Array:
        return self._peer_figures(self.sums)

    def _tested(
        self,
        pairs: Sequence[tuple[int, int]],
        changed: Sequence[int],  # noqa: ARG002 - sacrebleu does not look
        test: Test,
    ) -> list[tuple[float, str]]:
        randomised = test == "randomisation"
        p_values = self._randomised_p(pairs) if randomised else self._bootstrap_p(pairs)
        method = f"sacrebleu {'ar' if randomised else 'bs'}, {self.samples} samples"
        return [(p, method) for p in p_values]

    def _bootstrap_p(self, pairs: Sequence[tuple[int, int]]) -> list[float]:
        a, b = np.array(pairs).T
        sizes = np.abs(self._bootstrapped[a] - self._bootstrapped[b])
        centred = sizes - sizes.mean(axis=1, keepdims=True)
        observed = np.abs(self._observed[a] - self._observed[b]).astype(centred.dtype)
        n_larger = np.sum(centred > observed[:, None], axis=1)
        return [(n + 1) / (self.samples + 1) for n in n_larger.tolist()]

    def _randomised_p(self, pairs: Sequence[tuple[int, int]]) -> list[float]:
        n_larger = []
        for a, b in pairs:
            observed = float(abs(self._observed[a] - self._observed[b]))
            sums = self._exchanged_sums(a, b)
            sizes = sizes_about(observed, sums, self._peer_figures, self.approximate)
            n_larger.append(int(np.sum(sizes > observed)))
        return [(n + 1) / (self.samples + 1) for n in n_larger]


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
    units = _units(system, baseline, aggregate, samples, seed)
    return units._bootstrap_p([(0, 1)])[0]


def paired_randomisation(
    system: Array, baseline: Array, aggregate: Callable[[Array], Array], *, samples: int, seed: int
) -> float:
    """Return the p-value of sacrebleu's test "ar"; the parameters are those of `paired_bootstrap`.

    References
    ----------
    sacrebleu 2.6.0, `significance.py`, `_paired_ar_test`.
    """
    units = _units(system, baseline, aggregate, samples, seed)
    return units._randomised_p([(0, 1)])[0]


def _units(
    system: Array, baseline: Array, aggregate: Figures, samples: int, seed: int
) -> PeerUnits:
    statistics = Exact.of(np.stack([system, baseline], axis=1))
    return PeerUnits(statistics, aggregate, samples=samples, seed=seed)
