"""Families of differences, adjusted together by exchanges that all of them share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.metrics.base import Metric
from workbench.metrics.scoring import bounded
from workbench.pairing import Mask, Panel
from workbench.stats.corrections import step_down
from workbench.stats.exact import Array, Exact

# Coins per block: 2 million doubles are 16 MB.
_BLOCK = 2_000_000


@dataclass(frozen=True, eq=False)
class Claim:
    """One difference of a family: a metric's panel, two systems, and the rows looked at."""

    metric: Metric
    panel: Panel
    pair: tuple[str, str]
    rows: Mask


def max_t(claims: Sequence[Claim], *, samples: int, seed: int) -> Array:
    """Adjust a family by the largest of its statistics (Westfall and Young's max-T, step-down).

    Parameters
    ----------
    claims : sequence of Claim
        The family; claims may overlap in rows, systems and metrics.
    samples : int
        Number of exchanges.
    seed : int
        Of the random numbers.

    Returns
    -------
    array of float, shape (n_claims,)
        Adjusted p-values; NaN where there is no figure.

    Notes
    -----
    A claim's statistic is its difference over the standard deviation that it has in the exchanges,
    the observed one among them. One coin per row (or cluster) exchanges the two systems of every
    claim that holds the row, so that claims keep their dependence; a claim on other rows (where a
    system failed) takes the coins of its own.

    Over metrics and slices of one pair of systems this is exact: on rows where the two are equal
    they may be exchanged in all claims at once, whatever holds elsewhere (subset pivotality). Over
    several systems against one baseline the coins keep the variances and correlations of the
    differences but not their joint skewness: the error is then that of a large sample, which nine
    skewed prompts on 20 rows do not exceed (`docs/calibration.md`).

    References
    ----------
    Westfall and Young (1993), algorithm 4.1; Romano and Wolf (2005) for exchanges of one pair.
    """
    statistics = _standardised(claims, samples, seed)
    return step_down(statistics[0], statistics[1:])


def _standardised(claims: Sequence[Claim], samples: int, seed: int) -> Array:
    """Return each claim's statistic, as observed and in each exchange: (1 + samples, n_claims)."""
    exchanges = [_Exchange(claim) for claim in claims]
    found = np.empty((samples + 1, len(claims)))
    found[0] = [each.size(np.zeros((1, each.n_units)))[0] for each in exchanges]
    n_clusters = 1 + max((int(each.clusters.max(initial=0)) for each in exchanges), default=0)
    rng = np.random.default_rng([seed, 2])
    step = max(1, _BLOCK // n_clusters)
    for start in range(1, samples + 1, step):
        size = min(step, samples + 1 - start)
        coins = rng.integers(2, size=(size, n_clusters), dtype=np.uint8).astype(np.float64)
        for at, each in enumerate(exchanges):
            found[start : start + size, at] = each.size(coins[:, each.clusters])
    counted = np.maximum((~np.isnan(found)).sum(axis=0), 1)
    spread = np.sqrt(np.nansum(found**2, axis=0) / counted)
    return np.asarray(found / np.where(spread > 0, spread, 1.0))


class _Exchange:
    """What the difference of a claim becomes when some units exchange their outputs."""

    def __init__(self, claim: Claim) -> None:
        places = [claim.panel.systems.index(each) for each in claim.pair]
        chosen = claim.panel.statistics[claim.rows]
        clusters, codes = np.unique(claim.panel.clusters[claim.rows], return_inverse=True)
        units = chosen.grouped(codes, len(clusters))
        self.clusters, self.n_units = clusters, len(clusters)
        self._metric, self._scale = claim.metric, claim.panel.scale
        self._sums = units.sum(axis=0).value()[places]
        self._moves: Exact = units[:, places[1]] - units[:, places[0]]

    def size(self, weights: Array) -> Array:
        """Return the size of the difference when units of weight 1 are exchanged."""
        if not self.n_units:
            return np.full(len(weights), np.nan)
        moved = self._moves.weighted(weights)
        first, second = (
            bounded(self._metric, self._metric.aggregate(sums / self._scale))
            for sums in (self._sums[0] + moved, self._sums[1] - moved)
        )
        sizes = np.abs(first - second)
        return np.where(np.isinf(sizes), np.nan, sizes)
