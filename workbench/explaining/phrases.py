"""How often two systems write n-grams that the references lack, and lack those that they have.

All n-grams of all texts are numbered one length at a time; a row's counts are compared with those
of its references, and what is left is summed by row with whole numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.metrics.ngrams import Ints, Tokens

Kind = Literal["extra", "missed", "produced"]
"""An n-gram more often than in any reference; less often than in every one; as often as it comes,
where the dataset has no references."""


@dataclass(frozen=True, eq=False)
class Texts:
    """The texts of some rows as numbers: outputs of two systems, and references.

    Parameters
    ----------
    tokens : Tokens
        All texts, in any order.
    row : array of int, shape (n_texts,)
        The row of each.
    weight : array of int, shape (n_texts,)
        Of outputs of the first system above 0, of the second below 0, of references 0; a system's
        weights of a row add up to `scale` in size.
    scale : int
        The least common multiple of the numbers of repeats.
    words : sequence of str
        The word of each token's number.
    """

    tokens: Tokens
    row: Ints
    weight: Ints
    scale: int
    words: Sequence[str]


@dataclass(frozen=True, eq=False)
class Usage:
    """One kind of use of all n-grams of one length.

    Parameters
    ----------
    kind : str
        What is counted.
    order : int
        The length.
    row, gram, gap : arrays of int, shape (n_cells,)
        By row and n-gram, how much more the first system has of it than the second, times the
        scale; cells without a difference are left out.
    counts : array of int, shape (2, n_grams)
        How much each system has, times the scale.
    chances : array of int, shape (2,)
        How many n-grams it could have been, times the scale.
    first : array of int, shape (n_grams,)
        A place among the tokens where each n-gram stands.
    """

    kind: Kind
    order: int
    row: Ints
    gram: Ints
    gap: Ints
    counts: Ints
    chances: Ints
    first: Ints


def usages(texts: Texts, longest: int) -> Iterator[Usage]:
    """Yield the uses of n-grams of each length up to the longest."""
    for order, grams in enumerate(_numbered(texts.tokens, longest), start=1):
        yield from _usages(texts, order, *grams)


def _numbered(tokens: Tokens, longest: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield, per length, the text and the number of each n-gram, and a place of each number."""
    text = np.repeat(np.arange(len(tokens.starts) - 1), tokens.lengths)
    at = np.arange(len(tokens.ids))
    span = int(tokens.ids.max(initial=0)) + 1
    numbers = np.zeros(len(at), dtype=np.int64)
    for n in range(longest):
        inside = at + n < tokens.starts[text + 1]
        text, at, numbers = text[inside], at[inside], numbers[inside]
        keys = numbers * span + tokens.ids[at + n]
        _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        yield text, numbers, at[first]


def _usages(texts: Texts, order: int, text: Ints, numbers: Ints, first: Ints) -> Iterator[Usage]:
    n_grams = len(first)
    cells, times = np.unique(text * n_grams + numbers, return_counts=True)
    text_of, gram_of = np.divmod(cells, max(1, n_grams))
    key = texts.row[text_of] * n_grams + gram_of
    weight = texts.weight[text_of]
    reference = weight == 0
    if texts.weight.all():
        yield _usage(texts, "produced", order, key, weight * times, None, first)
        return
    known, least, most = _bounds(texts, key[reference], times[reference], n_grams)
    key, weight, times = key[~reference], weight[~reference], times[~reference]
    least_of, most_of = (_looked_up(known, bound, key) for bound in (least, most))
    extra = weight * np.maximum(times - most_of, 0)
    yield _usage(texts, "extra", order, key, extra, None, first)
    needed = np.bincount(known % n_grams, weights=least, minlength=n_grams).astype(np.int64)
    hits = -weight * np.minimum(times, least_of)
    yield _usage(texts, "missed", order, key, hits, needed * texts.scale, first)


def _bounds(texts: Texts, key: Ints, times: Ints, n_grams: int) -> tuple[Ints, Ints, Ints]:
    """Return the n-grams of each row's references: least and most often in one of them."""
    known, places, n_with = np.unique(key, return_inverse=True, return_counts=True)
    most = np.zeros(len(known), dtype=np.int64)
    least = np.full(len(known), np.iinfo(np.int64).max)
    np.maximum.at(most, places, times)
    np.minimum.at(least, places, times)
    n_references = np.bincount(texts.row[texts.weight == 0], minlength=int(texts.row.max()) + 1)
    return known, np.where(n_with == n_references[known // n_grams], least, 0), most


def _looked_up(known: Ints, values: Ints, key: Ints) -> Ints:
    """Return the value of each key, 0 where it is not known."""
    at = np.searchsorted(known, key)
    padded, there = np.append(values, 0), np.append(known, -1)[at] == key
    return np.where(there, padded[at], 0)


def _usage(
    texts: Texts,
    kind: Kind,
    order: int,
    key: Ints,
    amounts: Ints,
    needed: Ints | None,
    first: Ints,
) -> Usage:
    """Sum signed amounts by row and n-gram; of what is missed, the amounts are what was hit."""
    n_grams = len(first)
    kept = amounts != 0
    cells, places = np.unique(key[kept], return_inverse=True)
    gaps = np.bincount(places, weights=amounts[kept], minlength=len(cells)).astype(np.int64)
    grams = key % max(1, n_grams)
    sides = [np.maximum(amounts, 0), np.maximum(-amounts, 0)]
    if needed is not None:
        sides.reverse()  # what the first system hit counts below 0
    sums = [np.bincount(grams, weights=side, minlength=n_grams) for side in sides]
    counts = np.stack(sums).astype(np.int64)
    chances = counts.sum(axis=1)
    if needed is None:
        lengths = np.maximum(texts.tokens.lengths - order + 1, 0)
        weights = (np.maximum(texts.weight, 0), np.maximum(-texts.weight, 0))
        chances = np.array([(lengths * weight).sum() for weight in weights])
    else:
        counts, chances = needed - counts, np.full(2, needed.sum())
    differ = gaps != 0
    rows, grams = np.divmod(cells[differ], max(1, n_grams))
    return Usage(kind, order, rows, grams, gaps[differ], counts, chances, first)
