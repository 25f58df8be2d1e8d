"""Which rows, and which of their outputs together, become items."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue
from workbench.ratings.assignment.blocks import Balance
from workbench.ratings.assignment.sides import drawn, shuffled

if TYPE_CHECKING:
    import pandas as pd

By = Literal["random", "stratified", "disagreement", "information"]

# Of a row with more tuples than these, only these are looked through for one that is still free.
_MOST_TUPLES = 5_000
# The share of the weight that all pairs have alike, so that none is never asked about.
_FLOOR = 0.1
# Two prior games of each system, half won, against one of mean strength: an undefeated system has
# a finite strength, and one that never played a mean one.
_PRIOR = 0.5
# Longer texts differ by their beginnings.
_LONGEST = 2_000


class Chosen(NamedTuple):
    """A row and the systems whose outputs are an item, and how probable that was."""

    row_id: str
    systems: tuple[str, ...]
    propensity: float | None = None


@dataclass
class Draw:
    """Draws tuples of k systems per row, each system and each pair as equally often as possible.

    Parameters
    ----------
    groups : mapping of str to tuple of str
        By row, the systems that have an output, sorted.
    k : int
        Outputs in an item.
    seed : int
        Of the order of rows.
    taken : collection of (row_id, systems)
        What must not be drawn.
    """

    groups: Mapping[str, tuple[str, ...]]
    k: int
    seed: int
    taken: Collection[tuple[str, tuple[str, ...]]] = ()
    used: dict[str, set[tuple[int, ...]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        # in a keyed order, so that no system is favoured by its name where numbers do not come out
        named = {system for group in self.groups.values() for system in group}
        self.systems = shuffled(self.seed, named, "systems")
        self.code = {system: at for at, system in enumerate(self.systems)}
        self.balance = Balance(len(self.systems))
        for row_id, systems in self.taken:
            self.used.setdefault(row_id, set()).add(self._codes(systems))

    def size(self, row_ids: Iterable[str] | None = None) -> int:
        """Count the tuples that these rows, or all, still have."""
        rows = self.groups if row_ids is None else row_ids
        return sum(
            math.comb(len(self.groups[each]), self.k) - len(self.used.get(each, ()))
            for each in rows
        )

    def rows(self) -> list[str]:
        """Return the rows with enough systems, in a random order."""
        enough = [each for each, group in self.groups.items() if len(group) >= self.k]
        return shuffled(self.seed, enough, "rows")

    def every(self) -> list[Chosen]:
        """Return all outputs, all pairs, or tuples in which each output of a row comes once."""
        if self.k > 2:
            return [
                each for row in self.rows() for each in self._some(row, self.usual(row), whole=True)
            ]
        return [
            Chosen(row, found)
            for row, group in self.groups.items()
            for found in combinations(group, self.k)
            if not (row in self.used and self._codes(found) in self.used[row])
        ]

    def usual(self, row: str) -> int:
        """Return how many tuples show each output of a row at least once."""
        return -(-len(self.groups[row]) // self.k)

    def fill(self, row_ids: Sequence[str], n: int, *, whole: bool) -> list[Chosen]:
        """Draw n tuples from rows in this order, round after round.

        Parameters
        ----------
        row_ids : sequence of str
            Rows, first first.
        n : int
            How many tuples, at most `size`.
        whole : bool
            Whether a visit to a row takes tuples until each of its outputs is shown, or one.
        """
        found: list[Chosen] = []
        while len(found) < n:
            before = len(found)
            for row in row_ids:
                visit = min(self.usual(row) if whole else 1, n - len(found))
                found += self._some(row, visit, whole=whole)
                if len(found) == n:
                    break
            if len(found) == before:
                break
        return found

    def _some(self, row: str, n: int, *, whole: bool) -> list[Chosen]:
        group = np.array([self.code[each] for each in self.groups[row]], dtype=np.int64)
        used = self.used.setdefault(row, set())
        found = []
        for _ in range(n):
            block = self._fresh(np.sort(group), used, whole=whole)
            if block is None:
                break
            used.add(self.balance.add(block))
            found.append(Chosen(row, tuple(sorted(self.systems[at] for at in block))))
        return found

    def _fresh(
        self, group: NDArray[np.int64], used: set[tuple[int, ...]], *, whole: bool
    ) -> tuple[int, ...] | None:
        """Return the tuple whose turn it is among those not drawn yet."""
        if len(group) < self.k or len(used) >= math.comb(len(group), self.k):
            return None
        here = np.zeros(len(self.systems), dtype=np.int64)
        for block in used if whole else ():
            here[list(block)] += 1
        turn = self.balance.propose(self.k, group, here)
        if turn not in used:
            return turn
        free = (each for each in combinations(group.tolist(), self.k) if each not in used)
        left = np.array(list(islice(free, _MOST_TUPLES)), dtype=np.int64)
        best = left[int(self.balance.price(left, here).argmin())]
        return tuple(int(each) for each in best)

    def _codes(self, systems: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted(self.code[each] for each in systems))


def stratified(draw: Draw, strata: Mapping[str, str], n: int) -> list[Chosen]:
    """Draw n tuples, from each stratum as many as its share.

    Parameters
    ----------
    draw : Draw
        What there is to draw.
    strata : mapping of str to str
        By row, its stratum.
    n : int
        How many tuples.

    Notes
    -----
    Shares are rounded by largest remainders. A stratum that would get none gets one from that with
    the most, as long as there are no more strata than n.
    """
    members: dict[str, list[str]] = {}
    for row in draw.rows():
        members.setdefault(strata[row], []).append(row)
    sizes = {name: draw.size(rows) for name, rows in sorted(members.items())}
    quotas = largest_remainders({name: size for name, size in sizes.items() if size}, n)
    return [
        each
        for name, quota in quotas.items()
        for each in draw.fill(members[name], quota, whole=draw.k == 1)
    ]


def largest_remainders(sizes: Mapping[str, int], n: int) -> dict[str, int]:
    """Share n among parts by their sizes, at least one for each where n allows.

    Examples
    --------
    >>> largest_remainders({"long": 90, "short": 9, "tiny": 1}, 10)
    {'long': 8, 'short': 1, 'tiny': 1}
    """
    total = sum(sizes.values())
    quotas = {name: n * size // total for name, size in sizes.items()}
    by_rest = sorted(sizes, key=lambda name: (-(n * sizes[name] % total), name))
    for name in by_rest[: n - sum(quotas.values())]:
        quotas[name] += 1
    if n >= len(sizes):
        for name in [name for name, quota in quotas.items() if not quota]:
            richest = max(quotas, key=lambda each: (quotas[each], each))
            quotas[richest] -= 1
            quotas[name] += 1
    return quotas


def disagreeing(draw: Draw, apart: "Apart", n: int) -> list[Chosen]:
    """Take the n tuples whose outputs are furthest apart: pairs one by one, others by rows.

    Parameters
    ----------
    draw : Draw
        What there is to draw.
    apart : callable
        From a row and systems to how far their outputs are apart.
    n : int
        How many tuples.
    """
    if draw.k != 2:
        far = {row: apart(row, draw.groups[row]) for row in draw.groups}
        return draw.fill(sorted(draw.rows(), key=lambda row: -far[row]), n, whole=True)
    pairs = draw.every()
    far_pairs = {pair: apart(pair.row_id, pair.systems) for pair in pairs}
    place = {row: at for at, row in enumerate(draw.rows())}
    # of pairs equally far apart, those of a row that comes first in the random order
    pairs.sort(key=lambda pair: (-far_pairs[pair], place[pair.row_id], pair.systems))
    return pairs[:n]


class Apart:
    """How far the outputs of a row are apart: by scores if there are some, else by their texts.

    Parameters
    ----------
    texts : mapping of str to mapping of str to str
        By row, by system.
    scores : DataFrame, optional
        SCORES.

    Notes
    -----
    With scores: the standard deviation of all scores of the outputs in question, each metric
    standardised over all outputs. It is large where systems differ and where metrics do. A metric
    that falls where the first (by name) rises is turned round, since it counts errors.

    Without: 1 − Dice's coefficient of the sets of character trigrams of two texts (in lower case,
    of their first 2,000 characters), averaged over pairs of outputs.
    """

    def __init__(
        self, texts: Mapping[str, Mapping[str, str]], scores: "pd.DataFrame | None" = None
    ) -> None:
        self.texts = texts
        self.scores = None if scores is None else _standardised(scores)
        self.parts: dict[tuple[str, str], set[str]] = {}

    def __call__(self, row: str, systems: Sequence[str]) -> float:
        """Return how far the outputs of these systems are apart."""
        if self.scores is not None:
            values = [value for each in systems for value in self.scores.get((row, each), ())]
            return float(np.std(values)) if values else 0.0
        parts = [self._trigrams(row, each) for each in systems]
        apart = [
            1 - 2 * len(one & other) / max(1, len(one) + len(other))
            for one, other in combinations(parts, 2)
        ]
        return sum(apart) / len(apart) if apart else 0.0

    def _trigrams(self, row: str, system: str) -> set[str]:
        found = self.parts.get((row, system))
        if found is None:
            # a mark before and after, so that the shortest text has one
            text = f"\x02{self.texts[row][system][:_LONGEST].lower()}\x03"
            found = {text[at : at + 3] for at in range(max(1, len(text) - 2))}
            self.parts[row, system] = found
        return found


def _standardised(scores: "pd.DataFrame") -> dict[tuple[str, str], list[float]]:
    """Map row and system to its scores, each metric with mean 0 and deviation 1."""
    table = scores.dropna(subset=["value"]).pivot_table(
        index=["row_id", "system"], columns="metric", values="value", aggfunc="mean"
    )
    values = table.to_numpy(dtype=np.float64)
    spread = np.nanstd(values, axis=0)
    values = (values - np.nanmean(values, axis=0)) / np.where(spread > 0, spread, 1)
    for column in range(1, values.shape[1]):
        if np.nansum(values[:, 0] * values[:, column]) < 0:
            values[:, column] *= -1
    return {
        (str(row), str(system)): [value for value in line if not math.isnan(value)]
        for (row, system), line in zip(table.index, values.tolist(), strict=True)
    }


def informative(
    draw: Draw, ratings: "pd.DataFrame", questions: Collection[str], n: int
) -> list[Chosen]:
    """Draw n pairs, the more probably the more a comparison of the two systems would tell.

    Parameters
    ----------
    draw : Draw
        What there is to draw, two systems at a time.
    ratings : DataFrame
        RATINGS so far.
    questions : collection of str
        The questions whose answers are preferences.
    n : int
        How many pairs.

    Notes
    -----
    What is known of the strengths is taken as normal around the Bradley–Terry estimate (ties half a
    win each, with a weak prior), with the inverse of the information as its covariance Σ. A
    comparison of i and j then gains ½ log(1 + p(1 − p)(Σᵢᵢ + Σⱼⱼ − 2Σᵢⱼ)) on average. A tenth of
    the weight is the same for all pairs. Inclusion probabilities are n times the weight's share,
    at most 1, and are exact: rows of a pair are shuffled, and every 1-th part of the running sum
    is taken from a random start (systematic sampling).

    References
    ----------
    Chaloner and Verdinelli (1995), section 2.1; Madow (1949); Horvitz and Thompson (1952).
    """
    wins = _wins(draw, ratings, questions)
    gains = information_gains(wins)
    place = {row: at for at, row in enumerate(draw.rows())}
    pairs = sorted(draw.every(), key=lambda pair: (pair.systems, place[pair.row_id]))
    codes = np.array([[draw.code[each] for each in pair.systems] for pair in pairs])
    weights = gains[codes[:, 0], codes[:, 1]]
    weights = (1 - _FLOOR) * weights / weights.mean() + _FLOOR
    probabilities = inclusion(weights, n)
    start = drawn(draw.seed, 2**53, "systematic") / 2**53
    return [
        pairs[at]._replace(propensity=float(probabilities[at]))
        for at in systematic(probabilities, start)
    ]


def _wins(draw: Draw, ratings: "pd.DataFrame", questions: Collection[str]) -> NDArray[np.float64]:
    """Count how often each system beat each other, a tie as half."""
    wins = np.zeros((len(draw.systems), len(draw.systems)))
    if "system_a" in ratings:
        shares = {"a": 1.0, "b": 0.0, "tie": 0.5, "both bad": 0.5}
        asked = ratings[ratings["question"].isin(list(questions))]
        columns = (asked["system_a"], asked["system_b"], asked["value"])
        counted = Counter(
            (one, other, value)
            for one, other, value in zip(*columns, strict=True)
            if isinstance(value, str) and value in shares
        )
        for (one, other, value), count in counted.items():
            if one in draw.code and other in draw.code:
                wins[draw.code[one], draw.code[other]] += shares[value] * count
                wins[draw.code[other], draw.code[one]] += (1 - shares[value]) * count
    if not wins.any():
        raise BadValue(
            "by='information' must know preferences between these systems, but the ratings given "
            f"hold none for {', '.join(map(repr, sorted(questions)))}; begin with by='random'."
        )
    return wins


def information_gains(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much one more comparison of two systems would tell, in nats on average.

    Parameters
    ----------
    wins : array of float, shape (n, n)
        How often the first beat the second, ties as half.

    Examples
    --------
    >>> gains = information_gains(np.array([[0, 9, 1], [9, 0, 1], [1, 1, 0]]))
    >>> bool(gains[0, 2] > gains[0, 1])
    True
    """
    games = wins + wins.T
    strength = np.zeros(len(wins))
    for _ in range(50):
        p = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        prior = 1 / (1 + np.exp(-strength))
        slope = wins.sum(axis=1) - (games * p).sum(axis=1) + _PRIOR - 2 * _PRIOR * prior
        weight = games * p * (1 - p)
        information = np.diag(weight.sum(axis=1) + 2 * _PRIOR * prior * (1 - prior)) - weight
        step = np.linalg.solve(information, slope)
        strength += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    covariance = np.linalg.inv(information)
    variance = np.diag(covariance)
    spread = variance[:, None] + variance[None, :] - 2 * covariance
    return np.asarray(0.5 * np.log1p(p * (1 - p) * spread))


def inclusion(weights: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return probabilities proportional to weights that add up to n, none above 1.

    Examples
    --------
    >>> inclusion(np.array([6.0, 1.0, 1.0]), 2).tolist()
    [1.0, 0.5, 0.5]
    """
    found = np.zeros(len(weights))
    sure = np.zeros(len(weights), dtype=bool)
    while True:
        left = n - sure.sum()
        found[~sure] = left * weights[~sure] / weights[~sure].sum() if left else 0.0
        beyond = ~sure & (found >= 1)
        if not beyond.any():
            return found
        found[beyond] = 1.0
        sure |= beyond


def systematic(probabilities: NDArray[np.float64], start: float) -> list[int]:
    """Return which of the parts are drawn: those in which start, start + 1, … fall.

    Parameters
    ----------
    probabilities : array of float
        From 0 to 1; their sum is a whole number.
    start : float
        From 0 to below 1.

    Examples
    --------
    >>> systematic(np.array([0.5, 0.5, 1.0, 0.5, 0.5]), 0.6)
    [1, 2, 4]
    """
    sure = np.flatnonzero(probabilities >= 1)
    rest = np.flatnonzero(probabilities < 1)
    ends = np.cumsum(probabilities[rest])
    if len(ends):
        # the sum, which rounding may have missed
        ends[-1] = round(float(ends[-1]))
    passed = np.ceil(ends - start)
    hit = np.diff(passed, prepend=np.ceil(-start)) > 0
    return sorted([*sure.tolist(), *rest[hit].tolist()])
