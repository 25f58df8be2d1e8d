"""Families of explored differences: p-values adjusted for every slice, system and metric shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from workbench.contrasts import Settings
from workbench.errors import unknown_name
from workbench.metrics.base import Metric
from workbench.metrics.scoring import bounded
from workbench.pairing import Mask, Panel
from workbench.stats.corrections import adjusted
from workbench.stats.exact import Array, Exact

Exploration = Literal["benjamini-hochberg", "benjamini-yekutieli", "holm", "max-t", "none"]
"""How an exploration is corrected: `workbench.comparison.Comparison.slices` says what each does."""

# Coins per block: 2 million doubles are 16 MB.
_BLOCK = 2_000_000
# Shares of a statistic that count as equal: above rounding, below what one output can change.
_TIE = 2.0**-30


@dataclass(frozen=True, eq=False)
class Claim:
    """One difference of a family: a metric's panel, two systems, and the rows looked at."""

    metric: Metric
    panel: Panel
    pair: tuple[str, str]
    rows: Mask


def require(correction: str) -> None:
    """Refuse a correction that is none of the known ones."""
    if correction not in get_args(Exploration):
        raise unknown_name("correction", correction, get_args(Exploration))


def corrected(p_values: Array, correction: Exploration) -> Array:
    """Adjust p-values by any correction that needs nothing else.

    References
    ----------
    Benjamini and Yekutieli (2001), theorem 1.3: n tests of any dependence cost 1 + 1/2 + … + 1/n.

    Examples
    --------
    >>> corrected(np.array([0.01, 0.04]), "benjamini-yekutieli").round(9).tolist()
    [0.03, 0.06]
    """
    if correction == "benjamini-yekutieli":
        n_tests = int((~np.isnan(p_values)).sum())
        harmonic = (1 / np.arange(1, n_tests + 1)).sum()
        return np.asarray(np.minimum(adjusted(p_values, "benjamini-hochberg") * harmonic, 1.0))
    assert correction != "max-t"
    return adjusted(p_values, correction)


def max_t(claims: Sequence[Claim], settings: Settings) -> Array:
    """Adjust a family by the largest of its statistics in exchanges that all claims share.

    Parameters
    ----------
    claims : sequence of Claim
        The family; claims may overlap in rows, systems and metrics.
    settings : Settings
        Number of exchanges and seed.

    Returns
    -------
    array of float, shape (n_claims,)
        The chance, if all systems were equal, of a largest statistic as large: step-down, so that
        what is told apart already does not weigh on the rest. NaN where there is no figure.

    Notes
    -----
    A claim's statistic is its difference over the standard deviation that it has in the exchanges,
    the observed one among them. One coin per row (or cluster) exchanges the outputs in every claim
    that holds the row, so that overlapping claims cost little. The rows of true null claims are
    exchangeable whatever holds elsewhere, so the error is bounded in the strong sense.

    References
    ----------
    Westfall and Young (1993), algorithm 4.1 (step-down maxT); Ge, Dudoit and Speed (2003), box 2.
    """
    statistics = _standardised(claims, settings)
    observed, exchanged = statistics[0], statistics[1:]
    result = np.full(len(claims), np.nan)
    order = np.flatnonzero(~np.isnan(observed))
    order = order[np.argsort(observed[order], kind="stable")]
    largest = np.full(len(exchanged), -np.inf)
    for at in order:
        # what has no figure counts as large
        largest = np.fmax(largest, np.nan_to_num(exchanged[:, at], nan=np.inf))
        hits = largest >= observed[at] * (1 - _TIE)
        result[at] = (hits.sum() + 1) / (len(exchanged) + 1)
    falling = order[::-1]
    result[falling] = np.maximum.accumulate(result[falling])
    return result


def _standardised(claims: Sequence[Claim], settings: Settings) -> Array:
    """Return each claim's statistic, as observed and in each exchange: (1 + samples, n_claims)."""
    exchanges = [_Exchange(claim) for claim in claims]
    found = np.empty((settings.samples + 1, len(claims)))
    found[0] = [each.size(np.zeros((1, each.n_units)))[0] for each in exchanges]
    n_clusters = 1 + max((int(each.clusters.max(initial=0)) for each in exchanges), default=0)
    rng = np.random.default_rng([settings.seed, 2])
    step = max(1, _BLOCK // n_clusters)
    for start in range(1, settings.samples + 1, step):
        size = min(step, settings.samples + 1 - start)
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
