"""Counted comparisons to strengths' intervals, and to which systems are apart from which."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, is_number, unknown_name
from workbench.ratings.estimation.bradley_terry import Fit, Pairs, covariance, resampled
from workbench.ratings.estimation.classes import (
    BLOCK,
    Array,
    Classes,
    Codes,
    multisets,
    require_resampling,
    resamples,
)
from workbench.ratings.estimation.comparisons import Comparisons
from workbench.stats.sizes import varies

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Ties = Literal["davidson", "half", "drop"]
Method = Literal["sandwich", "bootstrap"]
Unit = Literal["log", "elo"]

# A tie is half a win and half a loss.
_HALVES = np.array([[1.0, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
# Draws for the quantile of the largest of all pairs' differences.
_DRAWS = 10_000


@dataclass(frozen=True)
class Settings:
    """How systems are ranked; `rank` says what each field means."""

    ties: Ties
    cluster: str | None
    weights: str | None
    prior: float
    unit: Unit
    method: Method
    level: float
    samples: int
    seed: int

    def __post_init__(self) -> None:
        for what, value, known in (
            ("ties", self.ties, get_args(Ties)),
            ("method", self.method, get_args(Method)),
            ("unit", self.unit, get_args(Unit)),
        ):
            if value not in known:
                raise unknown_name(what, value, known)
        require_resampling(self.level, self.samples, self.seed)
        if not is_number(self.prior) or self.prior < 0:
            raise BadValue(f"prior must be 0 or more, but {self.prior!r} came; use 0 or 0.5.")


@dataclass(frozen=True, eq=False)
class Counted:
    """Comparisons, counted by pair and outcome; by cluster when that is asked for.

    Parameters
    ----------
    pairs : Pairs
        Those that were compared.
    cells : array of int, shape (n,)
        Pair × 3 + outcome of each comparison.
    groups : array of int, shape (n,)
        Its cluster.
    weights : array of float, shape (n,), optional
        Its weight; 1 by default.
    """

    pairs: Pairs
    cells: Codes
    groups: Codes
    weights: Array | None

    @cached_property
    def outcomes(self) -> Array:
        """Wins, losses and ties of each pair, each comparison once, shape (n_pairs, 3)."""
        tally = np.bincount(self.cells, minlength=3 * len(self.pairs.first))
        return tally.astype(np.float64).reshape(-1, 3)

    @cached_property
    def weighted(self) -> Array:
        """The same by weight."""
        if self.weights is None:
            return self.outcomes
        summed = np.bincount(self.cells, self.weights, 3 * len(self.pairs.first))
        return summed.astype(np.float64).reshape(-1, 3)

    @cached_property
    def clusters(self) -> Classes:
        """What clusters hold, by weight, over pairs × 3."""
        n_cells = 3 * len(self.pairs.first)
        groups = _without_gaps(self.groups)
        if self.weights is None:
            return multisets(groups, self.cells, n_cells)
        # answers of different weight are different things to count
        different, weight = np.unique(self.weights, return_inverse=True)
        n = len(different)
        classes = multisets(groups, self.cells * n + weight, n_cells * n)
        return classes._replace(counts=classes.counts @ _repeated(different[:, None], n_cells))

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.clusters.frequency.sum())


class Spread(NamedTuple):
    """How sure strengths are: the ends of each, and which systems are apart from which."""

    low: Array
    high: Array
    above: NDArray[np.bool_]
    undefined: float = 0.0


def counted_by(found: Comparisons, cluster_of_row: Codes, weights_of_row: Array | None) -> Counted:
    """Count comparisons.

    Parameters
    ----------
    found : Comparisons
        What was compared.
    cluster_of_row : array of int
        The cluster of each row of the ratings.
    weights_of_row : array of float, optional
        The weight of each row, 1 by default.
    """
    n = len(found.systems)
    keys = found.first * n + found.second
    seen = np.flatnonzero(np.bincount(keys, minlength=n * n))
    place = np.zeros(n * n, dtype=np.int64)
    place[seen] = np.arange(len(seen))
    cells = place[keys] * 3 + found.outcome
    weights = None if weights_of_row is None else weights_of_row[found.row]
    return Counted(Pairs(seen // n, seen % n, n), cells, cluster_of_row[found.row], weights)


def _without_gaps(codes: Codes) -> Codes:
    """Return the codes renumbered from 0, in their order."""
    present = np.zeros(int(codes.max()) + 1, dtype=np.int64)
    present[codes] = 1
    return np.asarray((np.cumsum(present) - 1)[codes])


def _repeated(block: Array, times: int) -> "csr_array":
    """Return a matrix with the block along its diagonal."""
    from scipy.sparse import csr_array, eye_array, kron

    return csr_array(kron(eye_array(times), csr_array(block)))


def spread_of(counted: Counted, weighted: Array, fitted: Fit, settings: Settings) -> Spread:
    """Return how sure the strengths are.

    Parameters
    ----------
    counted : Counted
        The comparisons.
    weighted : array of float, shape (n_pairs, 3)
        What was fitted: their weights, ties halved where they are.
    fitted : Fit
        The strengths.
    settings : Settings
        How.
    """
    if counted.n_clusters < 2:
        return no_spread(fitted)
    if settings.method == "bootstrap":
        return _bootstrapped(counted, fitted, settings)
    return _sandwiched(counted, weighted, fitted, settings)


def no_spread(fitted: Fit) -> Spread:
    """Return what is known where nothing can be: no interval, and nobody apart."""
    n = fitted.strengths.shape[1]
    nothing = np.full(n, np.nan)
    return Spread(nothing, nothing, np.zeros((n, n), dtype=bool))


def _sandwiched(counted: Counted, weighted: Array, fitted: Fit, settings: Settings) -> Spread:
    from scipy.special import stdtrit

    clusters = counted.clusters.counts
    if settings.ties == "half":
        clusters = clusters @ _repeated(_HALVES, len(weighted))
    variance = covariance(
        counted.pairs,
        weighted,
        fitted,
        clusters=clusters,
        frequency=counted.clusters.frequency,
        prior=settings.prior,
    )
    if not variance.any():
        return no_spread(fitted)
    freedom = counted.n_clusters - 1
    strengths = fitted.strengths[0]
    reach = stdtrit(freedom, (1 + settings.level) / 2) * np.sqrt(np.diag(variance))
    rng = np.random.default_rng([settings.seed, 1])
    # draws with this covariance, a factor of it being enough, as multivariate t
    values, vectors = np.linalg.eigh(variance)
    normal = rng.standard_normal((_DRAWS, len(values))) * np.sqrt(np.maximum(values, 0))
    scale = np.sqrt(rng.chisquare(freedom, _DRAWS) / freedom)
    deviations = (normal @ vectors.T) / scale[:, None]
    diagonal = np.diag(variance)
    spread = np.sqrt(np.maximum(diagonal[:, None] + diagonal - 2 * variance, 0))
    above = _above(strengths, spread, deviations, settings.level)
    return Spread(strengths - reach, strengths + reach, above)


def _bootstrapped(counted: Counted, fitted: Fit, settings: Settings) -> Spread:
    classes = counted.clusters
    blocks = resamples(classes.frequency, settings.samples, classes.counts.shape[1], settings.seed)
    half = settings.ties == "half"
    drawn = np.concatenate(
        [
            resampled(counted.pairs, classes.counts, weights, half=half, prior=settings.prior)
            for weights in blocks
        ]
    )
    fine = drawn[~np.isnan(drawn).any(axis=1)]
    undefined = 1 - len(fine) / settings.samples
    tail = (1 - settings.level) / 2
    if undefined > tail:
        return no_spread(fitted)._replace(undefined=undefined)
    if not varies(fine - fine.mean(axis=0), max(1.0, float(np.abs(fine).max()))):
        return no_spread(fitted)
    strengths = fitted.strengths[0]
    low, high = np.quantile(fine, [tail, 1 - tail], axis=0)
    variance = np.cov(fine, rowvar=False)
    diagonal = np.diag(variance)
    spread = np.sqrt(np.maximum(diagonal[:, None] + diagonal - 2 * variance, 0))
    above = _above(strengths, spread, fine - fine.mean(axis=0), settings.level)
    return Spread(low, high, above, undefined)


def _above(strengths: Array, spread: Array, deviations: Array, level: float) -> NDArray[np.bool_]:
    """Tell which systems are above which, at the level for all pairs together."""
    n = len(strengths)
    one, other = np.triu_indices(n, 1)
    size = spread[one, other]
    told = size > 1e-12
    one, other, size = one[told], other[told], size[told]
    above = np.zeros((n, n), dtype=bool)
    if not len(one):
        return above
    block = max(1, BLOCK // len(one))
    largest = np.concatenate(
        [
            (np.abs(part[:, one] - part[:, other]) / size).max(axis=1)
            for part in (
                deviations[start : start + block] for start in range(0, len(deviations), block)
            )
        ]
    )
    reach = np.quantile(largest, level) * size
    difference = strengths[one] - strengths[other]
    above[one, other], above[other, one] = difference > reach, -difference > reach
    return above
