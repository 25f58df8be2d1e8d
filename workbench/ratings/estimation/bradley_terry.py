"""Bradley–Terry strengths with ties, for one table of counts or for a thousand at once.

A comparison of systems i and j ends in a win, a loss or a tie with probabilities in the ratio
e^(u/2) : e^(−u/2) : ν, where u is the difference of their log strengths (Davidson 1970). Without
ties that is the model of Bradley and Terry (1952), in which i wins with odds e^u.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, some
from workbench.ratings.estimation.classes import BLOCK, Array, Codes
from workbench.ratings.estimation.comparisons import LOSES, TIES, WINS
from workbench.stats.sizes import varies

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Newton's steps are damped as far as they are long, and then double the digits.
_MOST_STEPS = 200
_CLOSE = 1e-11
# Below this power of e no tie was seen, whatever the resample.
_NO_TIES = -40.0


class Pairs(NamedTuple):
    """The pairs of systems that were compared.

    Attributes
    ----------
    first, second : array of int, shape (n_pairs,)
        Positions of the systems.
    n_systems : int
    """

    first: Codes
    second: Codes
    n_systems: int


class Fit(NamedTuple):
    """Strengths of one table of counts, or of many.

    Attributes
    ----------
    strengths : array of float, shape (n, n_systems)
        Log strengths, mean 0.
    log_nu : array of float, shape (n,)
        Logarithm of the weight of a tie; −∞ without ties.
    """

    strengths: Array
    log_nu: Array


def fit(pairs: Pairs, counts: Array, *, prior: float = 0.0) -> Fit:
    """Return the strengths of highest likelihood.

    Parameters
    ----------
    pairs : Pairs
        The systems of each pair.
    counts : array of float, shape (n, n_pairs, 3)
        Wins, losses and ties of the first system of each pair, in each of n tables.
    prior : float
        So many wins and as many losses are added to each system, against one of strength 0.

    Notes
    -----
    Newton's method on a concave likelihood. The third derivatives of a logistic likelihood are at
    most its second ones times the length d of a step in log odds, so that a step shortened to
    ln(1 + d)/d never fails.

    References
    ----------
    Davidson (1970), "On Extending the Bradley–Terry Model to Accommodate Ties"; Sun and Tran-Dinh
    (2019), "Generalized Self-Concordant Functions", section 3, for the length of steps.

    Examples
    --------
    >>> pairs = Pairs(np.array([0]), np.array([1]), 2)
    >>> found = fit(pairs, np.array([[[6.0, 3.0, 4.0]]]))
    >>> np.exp(np.ptp(found.strengths)).round(9), np.exp(found.log_nu[0]).round(9)
    (np.float64(2.0), np.float64(0.942809042))
    """
    strengths = np.zeros((len(counts), pairs.n_systems))
    tied = counts[..., TIES].sum(axis=1) > 0
    log_nu = np.where(tied, 0.0, _NO_TIES)
    active = np.arange(len(counts))
    for _ in range(_MOST_STEPS):
        slope, curve = _derivatives(pairs, counts[active], strengths[active], log_nu[active], prior)
        # no tie, no weight of ties to look for
        slope[:, -1] = np.where(tied[active], slope[:, -1], 0.0)
        curve[:, -1, :-1] *= tied[active][:, None]
        curve[:, :-1, -1] *= tied[active][:, None]
        curve[:, -1, -1] = np.where(tied[active], curve[:, -1, -1], 1.0)
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        length = np.ptp(step[:, :-1], axis=1) + np.abs(step[:, -1])
        step *= (np.log1p(length) / np.maximum(length, 1e-300))[:, None]
        strengths[active] += step[:, :-1]
        log_nu[active] += step[:, -1]
        active = active[length > _CLOSE]
        if not len(active):
            break
    centred = strengths - strengths.mean(axis=1, keepdims=True)
    return Fit(centred, np.where(tied, log_nu, -np.inf))


def _derivatives(
    pairs: Pairs, counts: Array, strengths: Array, log_nu: Array, prior: float
) -> tuple[Array, Array]:
    """Return slope and curvature of the log likelihood in the strengths and log ν."""
    n_tables, n = len(counts), pairs.n_systems
    chances = _chances(pairs, strengths, log_nu)
    total = counts.sum(axis=2)
    lead = (chances[..., WINS] - chances[..., LOSES]) / 2
    pull = (counts[..., WINS] - counts[..., LOSES]) / 2 - total * lead
    stiff = total * ((1 - chances[..., TIES]) / 4 - lead**2)
    mixed = -total * lead * chances[..., TIES]
    slope = np.zeros((n_tables, n + 1))
    curve = np.zeros((n_tables, n + 1, n + 1))
    first, second = pairs.first, pairs.second
    forces = np.zeros((n_tables, n, n))
    forces[:, first, second], forces[:, second, first] = pull, -pull
    slope[:, :n] = forces.sum(axis=2)
    slope[:, n] = (counts[..., TIES] - total * chances[..., TIES]).sum(axis=1)
    forces[:, first, second], forces[:, second, first] = mixed, -mixed
    curve[:, :n, n] = curve[:, n, :n] = forces.sum(axis=2)
    forces[:, first, second] = forces[:, second, first] = stiff
    curve[:, :n, :n] = -forces
    curve[:, n, n] = (total * chances[..., TIES] * (1 - chances[..., TIES])).sum(axis=1)
    own = forces.sum(axis=2)
    if prior:
        won = 1 / (1 + np.exp(-strengths))
        slope[:, :n] += prior * (1 - 2 * won)
        own += 2 * prior * won * (1 - won)
    else:
        # strengths have no origin: hold their mean
        curve[:, :n, :n] += 1 / n
    curve[:, np.arange(n), np.arange(n)] += own
    return slope, curve


def _chances(pairs: Pairs, strengths: Array, log_nu: Array) -> Array:
    """Return the probabilities of a win, a loss and a tie of each pair, shape (n, n_pairs, 3)."""
    half = (strengths[:, pairs.first] - strengths[:, pairs.second]) / 2
    weights = np.stack([half, -half, np.broadcast_to(log_nu[:, None], half.shape)], axis=2)
    weights = np.exp(weights - weights.max(axis=2, keepdims=True))
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))


def covariance(
    pairs: Pairs,
    counts: Array,
    found: Fit,
    *,
    clusters: "csr_array",
    frequency: Codes,
    prior: float = 0.0,
) -> Array:
    """Return the covariance of the strengths when clusters of comparisons are drawn, not single ones.

    Parameters
    ----------
    pairs, counts, found, prior
        One table and its fit.
    clusters : sparse array, shape (n_classes, n_pairs × 3)
        What clusters of each class hold: wins, losses and ties of each pair.
    frequency : array of int, shape (n_classes,)
        Clusters of each class.

    Returns
    -------
    array of float, shape (n_systems, n_systems)
        All 0 where clusters differ by no more than rounding.

    Notes
    -----
    The sandwich H⁻¹MH⁻¹·C/(C − 1), with the curvature H and the sum M of squares of each cluster's
    slope, over C clusters.

    References
    ----------
    White (1982), theorem 3.2; Liang and Zeger (1986), section 3, for clusters.
    """
    n = pairs.n_systems
    _, curve = _derivatives(pairs, counts[None], found.strengths, found.log_nu, prior)
    if np.isinf(found.log_nu[0]):
        curve[0, n, n] = 1.0
    slopes = _slopes(pairs, found)
    scores = clusters @ slopes
    often, n_clusters = frequency.astype(np.float64), int(frequency.sum())
    scores = scores - often @ scores / n_clusters
    if not varies(scores, float((clusters @ np.abs(slopes)).max())):
        return np.zeros((n, n))
    meat = (scores * often[:, None]).T @ scores * n_clusters / (n_clusters - 1)
    bread = np.linalg.inv(curve[0])
    centre = np.eye(n) - 1 / n
    return np.asarray(centre @ (bread @ meat @ bread.T)[:n, :n] @ centre)


def _slopes(pairs: Pairs, found: Fit) -> Array:
    """Return the slope of each outcome's log likelihood, shape (n_pairs × 3, n_systems + 1)."""
    chances = _chances(pairs, found.strengths, found.log_nu)[0]
    lead = (chances[:, WINS] - chances[:, LOSES]) / 2
    pull = np.array([0.5, -0.5, 0.0]) - lead[:, None]
    slopes = np.zeros((len(lead), 3, pairs.n_systems + 1))
    at = np.arange(len(lead))
    slopes[at, :, pairs.first], slopes[at, :, pairs.second] = pull, -pull
    if np.isfinite(found.log_nu[0]):
        slopes[:, :, -1] = np.array([0.0, 0.0, 1.0]) - chances[:, [TIES]]
    return slopes.reshape(-1, pairs.n_systems + 1)


def resampled(
    pairs: Pairs, clusters: "csr_array", weights: Array, *, half: bool, prior: float
) -> Array:
    """Return strengths of resampled clusters, shape (n, n_systems); NaN where they are infinite.

    Parameters
    ----------
    pairs : Pairs
        The systems of each pair.
    clusters : sparse array, shape (n_classes, n_pairs × 3)
        What clusters of each class hold.
    weights : array of float, shape (n, n_classes)
        How often each class was drawn.
    half : bool
        Whether a tie is half a win and half a loss.
    prior : float
        As for `fit`.
    """
    counts = (clusters.T @ weights.T).T.reshape(len(weights), -1, 3)
    counts = halved(counts) if half else counts
    fine = np.ones(len(counts), dtype=bool) if prior else _finite(pairs, counts)
    strengths = np.full((len(counts), pairs.n_systems), np.nan)
    size = max(1, BLOCK // (4 * (pairs.n_systems + 1) ** 2))
    for start in range(0, len(counts), size):
        chosen = np.flatnonzero(fine[start : start + size]) + start
        strengths[chosen] = fit(pairs, counts[chosen], prior=prior).strengths
    return strengths


def halved(counts: Array) -> Array:
    """Return counts in which a tie is half a win and half a loss."""
    shared = counts[..., [TIES]] / 2
    return np.concatenate([counts[..., :TIES] + shared, np.zeros_like(shared)], axis=-1)


# Strengths are finite when no group of systems won all its comparisons with the others (Ford 1957).


def _finite(pairs: Pairs, counts: Array) -> NDArray[np.bool_]:
    """Tell which tables surely have finite strengths."""
    n = pairs.n_systems
    reach = np.zeros((len(counts), n, n), dtype=np.float32)
    tied = counts[..., TIES] > 0
    reach[:, pairs.first, pairs.second] = (counts[..., WINS] > 0) | tied
    reach[:, pairs.second, pairs.first] = (counts[..., LOSES] > 0) | tied
    reach[:, np.arange(n), np.arange(n)] = 1
    for _ in range(max(1, (n - 1).bit_length())):
        reach = np.minimum(reach @ reach, 1)
    # where ties weigh, a pair that went both ways holds their weight down; see `_ties_run_away`
    both = ((counts[..., WINS] > 0) & (counts[..., LOSES] > 0)).any(axis=1)
    return np.asarray((reach > 0).all(axis=(1, 2)) & (both | ~tied.any(axis=1)))


def require_finite(pairs: Pairs, counts: Array, systems: tuple[str, ...], prior: float) -> None:
    """Refuse comparisons that leave strengths apart or infinite, and name the systems.

    Parameters
    ----------
    pairs, counts
        One table, shape (n_pairs, 3).
    systems : tuple of str
        The names.
    prior : float
        Above 0 no strength is infinite.
    """
    from scipy.sparse.csgraph import connected_components

    beats = _graph(pairs, counts)
    n_parts, part = connected_components(beats, connection="weak")
    names = np.array(systems, dtype=object)
    if n_parts > 1:
        told = " | ".join(some(names[part == at]) for at in range(min(n_parts, 5)))
        raise BadValue(
            f"all systems must be linked by comparisons, but they fall into {n_parts} parts that "
            f"were never compared: {told}; compare across them, or rank each part alone."
        )
    if prior or not counts[:, :TIES].any():
        return
    n_parts, part = connected_components(beats, connection="strong")
    if n_parts > 1:
        raise _infinite(beats, part, names)
    if _ties_run_away(pairs, counts):
        raise BadValue(
            "Davidson's model must have a pair of systems that beat each other or a circle of "
            "wins, but every pair with a winner went one way; use ties='half', or prior=0.5."
        )


def _graph(pairs: Pairs, counts: Array) -> "csr_array":
    """Return who did not always lose to whom."""
    from scipy.sparse import csr_array

    tied = counts[:, TIES] > 0
    up, down = (counts[:, WINS] > 0) | tied, (counts[:, LOSES] > 0) | tied
    winners = np.concatenate([pairs.first[up], pairs.second[down]])
    losers = np.concatenate([pairs.second[up], pairs.first[down]])
    shape = (pairs.n_systems, pairs.n_systems)
    return csr_array((np.ones(len(winners)), (winners, losers)), shape=shape)


def _infinite(beats: "csr_array", part: Codes, names: "NDArray[Any]") -> BadValue:
    """Name a group of systems that nobody else beat."""
    winners, losers = beats.nonzero()
    beaten = set(part[losers[part[winners] != part[losers]]].tolist())
    top = part == min(set(part.tolist()) - beaten)
    one = int(top.sum()) == 1
    return BadValue(
        f"every system must have won and lost against the others, or tied, but {some(names[top])} "
        f"never lost to {'another' if one else 'the others'}, which makes "
        f"{'its strength' if one else 'their strengths'} infinite; compare more, or use prior=0.5, "
        "half a win and half a loss more for each system."
    )


def _ties_run_away(pairs: Pairs, counts: Array) -> bool:
    """Tell whether ever larger strengths and an ever larger weight of ties fit ever better.

    So it is when strengths can be spaced such that each winner is at least 2 above its loser and
    systems that tied are at most 2 apart, which is a question of shortest paths.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import NegativeCycleError, johnson

    won, lost, tied = (counts[:, at] > 0 for at in (WINS, LOSES, TIES))
    if not tied.any() or (won & lost).any():
        return False
    n = pairs.n_systems
    # below[i, j] bounds strength i − strength j from above
    below = np.zeros((n, n))
    below[pairs.first[tied], pairs.second[tied]] = 2
    below[pairs.second[tied], pairs.first[tied]] = 2
    below[pairs.second[won], pairs.first[won]] = -2
    below[pairs.first[lost], pairs.second[lost]] = -2
    try:
        johnson(csr_array(below))
    except NegativeCycleError:
        return False
    return True
