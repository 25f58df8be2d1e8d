"""Why two systems differ: n-grams that one writes, or misses, more than the other."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contrasts import Settings
from workbench.errors import BadValue, require_whole
from workbench.explaining.phrases import Texts, Usage, usages
from workbench.explaining.texts import answers, tokens
from workbench.metrics.ngrams import Ints, Tokens, Vocabulary
from workbench.metrics.scoring import Scores
from workbench.pairing import cluster_column
from workbench.stats.corrections import Correction, FamilyCorrection, adjusted, require
from workbench.stats.exact import Array

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "ngram", "kind", "more", "count", "other_count", "n_more", "n_fewer", "log_odds", "ci_low",
    "ci_high", "p", "p_adjusted", "verdict", "row_ids",
)  # fmt: skip
"""The columns of a frame of n-grams, in order."""

LONGEST = 8
# The flat Dirichlet prior of each n-gram.
_PRIOR = 0.5


@dataclass(frozen=True)
class Habits:
    """The n-grams that were tested, and what could not be.

    Parameters
    ----------
    frame : DataFrame
        One row per n-gram and kind, the surest first.
    n_found : int
        N-grams that could be told apart if each were the only one.
    least : int
        The fewest rows (or clusters) that an n-gram must differ on to be tested.
    n_left_out : int
        Rows without references, where others have them.
    """

    frame: "pd.DataFrame"
    n_found: int
    least: int
    n_left_out: int


@dataclass(frozen=True)
class _Candidate:
    """An n-gram of one kind: where the systems differ in it, and by how much."""

    words: tuple[str, ...]
    usage: Usage
    gram: int
    rows: tuple[int, ...]
    gaps: tuple[int, ...]
    n_more: int
    n_fewer: int

    @property
    def n_differ(self) -> int:
        return self.n_more + self.n_fewer


def habits(
    scores: Scores,
    settings: Settings,
    pair: tuple[str, str],
    *,
    longest: int,
    correction: FamilyCorrection,
) -> Habits:
    """Test the n-grams of two systems, row by row.

    Raises
    ------
    BadValue
        If `longest` is no number of words from 1 to 8, the correction is max-T, or no row has
        texts of both.
    """
    import pandas as pd

    require_whole("longest", longest, 1, LONGEST, usual=4)
    if correction == "max-t":
        raise BadValue(
            "n-grams are tested one by one, but correction='max-t' came; use 'benjamini-hochberg', "
            "'benjamini-yekutieli' or 'holm'."
        )
    row_ids, clusters, texts, n_left_out = _texts(scores, settings, pair)
    found = [
        each
        for usage in usages(texts, longest)
        for each in _candidates(texts, usage, clusters, settings.alpha)
    ]
    require(correction)
    family, least = _testable(_maximal(found), settings.alpha, correction)
    n_found = len({(each.usage.kind, each.words) for each in found})
    records = [_record(each, texts.scale, pair, settings, row_ids) for each in family]
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    frame["p_adjusted"] = adjusted(frame["p"].to_numpy(dtype=np.float64), correction)
    side = np.where(frame["n_more"] > frame["n_fewer"], "more", "fewer")
    frame["verdict"] = np.where(frame["p_adjusted"] <= settings.alpha, side, "undecided")
    return Habits(frame, n_found, least, n_left_out)


def sign_p(n_more: Ints, n_fewer: Ints) -> Array:
    """Return the exact two-sided p-value of the sign test.

    Parameters
    ----------
    n_more, n_fewer : arrays of int
        Rows that speak for either side.

    References
    ----------
    Dixon and Mood (1946); the binomial test at 1/2, twice the smaller tail, at most 1.

    Examples
    --------
    >>> sign_p(np.array([6, 5, 0]), np.array([0, 5, 0])).tolist()
    [0.03125, 1.0, 1.0]
    """
    from scipy.special import bdtr

    few = np.minimum(n_more, n_fewer)
    return np.asarray(np.minimum(1.0, 2 * bdtr(few, n_more + n_fewer, 0.5)))


def log_odds(counts: tuple[float, float], chances: tuple[float, float]) -> tuple[float, float]:
    """Return the log odds ratio of two counts under a flat Dirichlet prior, and its deviation.

    References
    ----------
    Monroe, Colaresi and Quinn (2008), "Fightin' Words": the log odds ratio with a Dirichlet prior
    and its approximate variance; here with ½ for the n-gram, ½ for all others.

    Examples
    --------
    >>> [round(each, 3) for each in log_odds((10, 0), (1000, 1000))]
    [3.055, 1.447]
    """
    odds = [
        (count + _PRIOR) / (chance - count + _PRIOR)
        for count, chance in zip(counts, chances, strict=True)
    ]
    variance = sum(1 / (count + _PRIOR) for count in counts)
    return math.log(odds[0] / odds[1]), math.sqrt(variance)


def _texts(
    scores: Scores, settings: Settings, pair: tuple[str, str]
) -> tuple[list[str], Ints, Texts, int]:
    """Return the rows that both answered, the cluster of each, and their texts as numbers.

    Rows without references are left out where others have them, for all that is written there would
    be extra; they are counted last.
    """
    outputs = scores.outputs
    written = [answers(outputs, system) for system in pair]
    rows = outputs.drop_duplicates("row_id").set_index("row_id")
    both = [row for row in rows.index if all(row in each for each in written)]
    if not both:
        raise BadValue(
            f"n-grams need a row that both answered with a text, but {pair[0]} and {pair[1]} share "
            "none; choose another system."
        )
    references = dict(rows["references"]) if "references" in rows else {}
    shared = [row for row in both if references.get(row)] or both
    scale = math.lcm(*{len(each[row]) for each in written for row in shared})
    listed: list[tuple[str, int, int]] = []
    for at, row in enumerate(shared):
        for side, each in zip((1, -1), written, strict=True):
            listed += [(text, at, side * scale // len(each[row])) for text in each[row]]
        listed += [(text, at, 0) for text in references.get(row, ())]
    vocabulary = Vocabulary()
    numbered = Tokens.of_words([list(tokens(text)) for text, _, _ in listed], vocabulary)
    row_of, weight = (
        np.array(each, dtype=np.int64) for each in list(zip(*listed, strict=True))[1:]
    )
    column = "row_id" if settings.compat else cluster_column(outputs, settings.cluster)
    names = shared if column == "row_id" else rows.loc[shared, column].astype("str").tolist()
    _, clusters = np.unique(np.array(names, dtype=object), return_inverse=True)
    found = Texts(numbered, row_of, weight, scale, list(vocabulary))
    return shared, clusters, found, len(both) - len(shared)


def _candidates(texts: Texts, usage: Usage, clusters: Ints, alpha: float) -> Iterator[_Candidate]:
    """Yield the n-grams that differ on so many clusters that they could be told apart alone."""
    n_grams, n_clusters = len(usage.first), int(clusters.max()) + 1
    cells, places = np.unique(usage.gram * n_clusters + clusters[usage.row], return_inverse=True)
    signs = np.sign(np.bincount(places, weights=usage.gap, minlength=len(cells)))
    n_more, n_fewer = (
        np.bincount(cells[signs == side] // n_clusters, minlength=n_grams) for side in (1, -1)
    )
    chosen = np.flatnonzero(2.0 ** (1 - (n_more + n_fewer)) <= alpha)
    order = np.argsort(usage.gram, kind="stable")
    starts = np.searchsorted(usage.gram[order], [chosen, chosen + 1])
    for at, (low, high) in zip(chosen.tolist(), starts.T.tolist(), strict=True):
        first = int(usage.first[at])
        ids = texts.tokens.ids[first : first + usage.order].tolist()
        cell = order[low:high]
        yield _Candidate(
            tuple(texts.words[each] for each in ids),
            usage,
            at,
            tuple(usage.row[cell].tolist()),
            tuple(usage.gap[cell].tolist()),
            int(n_more[at]),
            int(n_fewer[at]),
        )


def _maximal(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """Leave out an n-gram inside a longer one that the systems use on the same rows alike.

    Whether they do stays the same when outputs are exchanged, so the tests keep their size.
    """
    alike: dict[tuple[Any, ...], list[_Candidate]] = {}
    for each in candidates:
        alike.setdefault((each.usage.kind, each.rows, each.gaps), []).append(each)
    kept: list[_Candidate] = []
    for group in alike.values():
        group.sort(key=lambda each: (-len(each.words), each.words))
        chosen: list[_Candidate] = []
        for each in group:
            if not any(_holds(longer.words, each.words) for longer in chosen):
                chosen.append(each)
        kept += chosen
    return kept


def _holds(longer: Sequence[str], words: Sequence[str]) -> bool:
    n_words = len(words)
    return any(longer[at : at + n_words] == words for at in range(len(longer) - n_words + 1))


def _testable(
    candidates: Sequence[_Candidate], alpha: float, correction: Correction
) -> tuple[list[_Candidate], int]:
    """Return those that could be told apart among as many, and the rows that this takes.

    An n-gram's smallest possible p-value follows from the number of rows on which the systems
    differ in it, whichever of them has more; what cannot be told apart need not be counted.

    References
    ----------
    Tarone (1990), "A modified Bonferroni method for discrete data".
    """
    least = 2  # one row alone says nothing
    while True:
        family = [each for each in candidates if each.n_differ >= least]
        smallest = np.append(2.0 ** (1 - least), np.ones(max(0, len(family) - 1)))
        if adjusted(smallest, correction)[0] <= alpha:
            return sorted(family, key=_surest), least
        least += 1


def _surest(each: _Candidate) -> tuple[Any, ...]:
    p = float(sign_p(np.array(each.n_more), np.array(each.n_fewer)))
    return p, -abs(each.n_more - each.n_fewer), -len(each.words), each.words, each.usage.kind


def _record(
    each: _Candidate,
    scale: int,
    pair: tuple[str, str],
    settings: Settings,
    row_ids: Sequence[str],
) -> Mapping[str, Any]:
    from scipy.special import ndtri

    usage = each.usage
    counts = tuple((usage.counts[:, each.gram] / scale).tolist())
    value, deviation = log_odds(counts, tuple((usage.chances / scale).tolist()))
    reach = float(ndtri(0.5 + settings.level / 2)) * deviation
    side = (each.n_more > each.n_fewer) - (each.n_more < each.n_fewer)
    return {
        "ngram": " ".join(each.words),
        "kind": usage.kind,
        "more": None if side == 0 else pair[0] if side > 0 else pair[1],
        "count": counts[0],
        "other_count": counts[1],
        "n_more": each.n_more,
        "n_fewer": each.n_fewer,
        "log_odds": value,
        "ci_low": value - reach,
        "ci_high": value + reach,
        "p": float(sign_p(np.array(each.n_more), np.array(each.n_fewer))),
        "row_ids": [
            row_ids[row]
            for row, gap in zip(each.rows, each.gaps, strict=True)
            if gap * side > 0 or side == 0
        ],
    }
