"""Longest common subsequences, a whole row of the table at a time.

A row of the table of lengths grows by 0 or 1 from cell to cell, so that it fits into the bits of
one integer, and the next row follows by an addition: Python's integers work on 30 cells at once.

References
----------
Hyyrö (2004), "Bit-parallel LCS-length computation revisited"; the same recurrence in Crochemore et
al. (2001), "A fast and practical bit-vector algorithm for the longest common subsequence problem".
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

from workbench.metrics.ngrams import Counts, Ints, Tokens


def lcs_length(reference: Sequence[Hashable], candidate: Sequence[Hashable]) -> int:
    """Return the length of the longest common subsequence.

    Examples
    --------
    >>> lcs_length("the cat sat on".split(), "the dog sat on it".split())
    3
    """
    return _length(_places(reference), len(reference), candidate)


def lcs_lengths(references: Tokens, outputs: Tokens, of: Ints) -> Counts:
    """Return the length of the longest common subsequence of each output with its reference.

    Parameters
    ----------
    references, outputs : Tokens
        The texts.
    of : array of int, shape (n_outputs,)
        The reference of each output.

    Examples
    --------
    >>> texts = Tokens(np.array([7, 8, 9, 7, 9]), np.array([0, 3, 5]))
    >>> lcs_lengths(texts, texts, np.array([0, 0])).tolist()
    [3.0, 2.0]
    """
    lengths = np.zeros(len(of))
    last, places, size = -1, dict[Hashable, int](), 0
    for output in np.argsort(of, kind="stable").tolist():
        if of[output] != last:
            last = of[output]
            reference = _text(references, last)
            places, size = _places(reference), len(reference)
        lengths[output] = _length(places, size, _text(outputs, output))
    return lengths


def _text(tokens: Tokens, at: int) -> list[int]:
    found: list[int] = tokens.ids[tokens.starts[at] : tokens.starts[at + 1]].tolist()
    return found


def _places(words: Iterable[Hashable]) -> dict[Hashable, int]:
    """Return the places of each word, as bits."""
    places: dict[Hashable, int] = {}
    bit = 1
    for word in words:
        places[word] = places.get(word, 0) | bit
        bit <<= 1
    return places


def _length(places: Mapping[Hashable, int], size: int, candidate: Iterable[Hashable]) -> int:
    """Go through the rows; bit j of one is 0 where the length grows at cell j + 1."""
    full = row = (1 << size) - 1
    # a word that the reference has not leaves the row as it is
    for common in filter(None, map(places.get, candidate)):
        found = row & common
        row = (row + found | row - found) & full
    return size - row.bit_count()
