"""Unions of longest common subsequences: many small tables at once, a row of each in a number.

The tables of all lines of references with all lines of outputs go forward together, a row at a
time as in `subsequence`, and then back. A row whose word the output's line has not is the one above
it and is left out, which leaves few: two lines of a summary have three words in common.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.lines import Lines
from workbench.metrics.ngrams import Counts, Ints, ReferenceNGrams, Tokens

Bools = NDArray[np.bool_]
# Numbers of 64 bits; where lines have more words, Python's own.
Bits = NDArray[Any]

_WIDTH = 64

# Words of texts that are looked at together.
_BLOCK = 200_000
# Rows of tables that are, where they have 64 bits: some 60 MB.
_ROWS = 1_000_000


def union_hits(references: Lines, outputs: Lines, of: Ints, span: int) -> Counts:
    """Count the words of each reference that its lines have in common with any line of the output.

    A word counts no more often than it stands in the output, as in ROUGE 1.5.5.

    Parameters
    ----------
    references, outputs : Lines
        The texts.
    of : array of int, shape (n_outputs,)
        The reference of each output.
    span : int
        More than any word.

    Examples
    --------
    Lin (2004), section 3.2: w1 w2 w3 w4 w5 with w1 w2 w6 w7 w8 and with w1 w3 w8 w9 w5.

    >>> reference = Lines(Tokens(np.arange(1, 6), np.array([0, 5])), np.array([0, 1]))
    >>> words = np.array([1, 2, 6, 7, 8, 1, 3, 8, 9, 5])
    >>> output = Lines(Tokens(words, np.array([0, 5, 10])), np.array([0, 2]))
    >>> union_hits(reference, output, np.array([0]), 10).tolist()
    [4.0]
    """
    hits = np.zeros(len(of))
    for first, last in _stretches(references.texts.lengths[of] + outputs.texts.lengths):
        expected, found = references.take(of[first:last]), outputs.between(first, last)
        inside = in_union(expected, found, span)
        starts = np.concatenate([[0], np.cumsum(inside)])[expected.texts.starts]
        union = Tokens(expected.words.ids[inside], starts)
        each = np.arange(last - first)
        known = ReferenceNGrams(found.texts, each, order=1, span=span)
        hits[first:last] = known.matches(union, each)[:, 0]
    return hits


def _stretches(sizes: Ints) -> Iterator[tuple[int, int]]:
    """Cut texts of these sizes into stretches of about one block."""
    before = np.concatenate([[0], np.cumsum(sizes)])
    edges = np.searchsorted(before, np.arange(0, before[-1], _BLOCK))
    return pairwise(np.unique([*edges, 0, len(sizes)]).tolist())


def in_union(references: Lines, outputs: Lines, span: int) -> Bools:
    """Tell of each word of references whether its line has it in common with a line of the output.

    Parameters
    ----------
    references, outputs : Lines
        As many texts on either side: each output is compared with the reference at its place.
    span : int
        More than any word.

    Returns
    -------
    array of bool, shape (n_words of the references,)
        Whether the word is in the longest common subsequence of its line with any line of the
        output; of several longest ones that is the one which rouge_score reads out of its table.

    Examples
    --------
    >>> words, one = np.array([5, 6, 7, 8]), np.array([0, 1])
    >>> reference = Lines(Tokens(words, np.array([0, 4])), one)
    >>> output = Lines(Tokens(words[[0, 2, 3]], np.array([0, 3])), one)
    >>> in_union(reference, output, 9).tolist()
    [True, False, True, True]
    """
    long = outputs.words.lengths > _WIDTH
    if not long.any():
        return _in_union(references, outputs, span, _WIDTH)
    short, widest = outputs.only(np.flatnonzero(~long)), int(outputs.words.lengths.max())
    return _in_union(references, short, span, _WIDTH) | _in_union(
        references, outputs.only(np.flatnonzero(long)), span, widest
    )


def _in_union(references: Lines, outputs: Lines, span: int, width: int) -> Bools:
    """Do the same where no line of an output has more words than `width`, in pieces if need be."""
    entries = _Entries.of(outputs, span, width)
    found = entries.find(_keys(references.texts, span))
    n_texts, n_lines = len(outputs), len(outputs.words.lengths)
    if int(found[-1].sum()) * width <= _ROWS * _WIDTH or n_lines == 1:
        tables = _Tables.of(references, outputs, entries, *found)
        inside = np.zeros(len(references.words.ids), dtype=bool)
        inside[tables.word[tables.read_out()]] = True
        return inside
    if n_texts > 1:
        parts = [(0, n_texts // 2), (n_texts // 2, n_texts)]
        return np.concatenate(
            [_in_union(references.between(*p), outputs.between(*p), span, width) for p in parts]
        )
    halves = np.array_split(np.arange(n_lines), 2)
    one, other = (_in_union(references, outputs.only(half), span, width) for half in halves)
    return one | other


@dataclass(frozen=True)
class _Entries:
    """Each word of each line of outputs once, those of a text that are the same one after another."""

    keys: Ints  # a number for text and word, ascending
    lines: Ints
    places: Bits  # where the word is in the line

    @classmethod
    def of(cls, outputs: Lines, span: int, width: int) -> "_Entries":
        lengths = outputs.words.lengths
        line = np.repeat(np.arange(len(lengths)), lengths)
        place = np.arange(len(line)) - outputs.words.starts[line]
        keys = _keys(outputs.texts, span)
        order = np.argsort(keys, kind="stable")
        keys, line = keys[order], line[order]
        first = np.flatnonzero((np.diff(keys, prepend=-1) != 0) | (np.diff(line, prepend=-1) != 0))
        kind = np.dtype(np.uint64 if width <= _WIDTH else object)
        bits = np.left_shift(np.ones(len(place), kind), place[order].astype(kind))
        places = np.bitwise_or.reduceat(bits, first) if len(first) else bits
        return cls(keys[first], line[first], places)

    def find(self, keys: Ints) -> tuple[Ints, Ints, Ints]:
        """Return which keys are there, where the entries of each begin, and how many there are."""
        first = np.flatnonzero(np.diff(self.keys, prepend=-1))
        sizes, known = np.diff(first, append=len(self.keys)), self.keys[first]
        at = np.searchsorted(known, keys)
        at[at == len(known)] = 0
        there = np.flatnonzero(known[at] == keys) if len(known) else first
        return there, first[at[there]], sizes[at[there]]


@dataclass(frozen=True)
class _Tables:
    """The rows of tables, each table's one after another.

    A table belongs to a line of a reference and a line of its output, a row of it to a word of
    either.
    """

    word: Ints  # of each row, its place in the references
    places: Bits  # of each row, where its word is in the output's line
    starts: Ints  # of each table, those with most rows first
    sizes: Ints  # of each table, how many rows it has
    lengths: Ints  # of each table, the words of its output's line

    @classmethod
    def of(
        cls,
        references: Lines,
        outputs: Lines,
        entries: _Entries,
        words: Ints,
        begins: Ints,
        n_lines: Ints,
    ) -> "_Tables":
        word = np.repeat(words, n_lines)
        entry = np.arange(len(word)) + np.repeat(begins + n_lines - np.cumsum(n_lines), n_lines)
        own_line = np.repeat(np.arange(len(references.words.lengths)), references.words.lengths)
        table = own_line[word] * len(outputs.words.lengths) + entries.lines[entry]
        order = np.argsort(table, kind="stable")
        starts = np.flatnonzero(np.diff(table[order], prepend=-1))
        sizes = np.diff(starts, append=len(order))
        by_size = np.argsort(-sizes, kind="stable")
        starts, sizes, entry = starts[by_size], sizes[by_size], entry[order]
        lengths = outputs.words.lengths[entries.lines[entry[starts]]]
        return cls(word[order], entries.places[entry], starts, sizes, lengths)

    def read_out(self) -> Bools:
        """Tell of each row whether its word is in the subsequence that rouge_score reads out.

        It begins in the last cell. Where words agree it takes the word and goes up and back. Else
        it goes back as long as the cell before is larger than the one above, which leads to where
        words agree, and else up. So it takes a word of each row in whose current cell words agree
        or the length is larger than above. Where it is larger is the difference of the two rows,
        as numbers: a row's bits are 0 where the length grows, and the last word's place that is
        behind where it grew above.
        """
        steps = np.searchsorted(-self.sizes, -np.arange(self.sizes.max(initial=0))).tolist()
        taking = self._forward(steps)
        taken = np.zeros(len(self.word), dtype=bool)
        cells = _first(self.lengths, self.places.dtype)  # that are left, of each table
        for at in range(len(steps) - 1, -1, -1):
            row, left = self.starts[: steps[at]] + at, cells[: steps[at]]
            hit = np.flatnonzero(taking[row] & (left ^ (left >> 1)))
            row = row[hit]
            taken[row] = True
            cells[hit] = _last(self.places[row] & left[hit]) - 1
        return taken

    def _forward(self, steps: list[int]) -> Bits:
        """Return in which cells of each row a word is taken."""
        taking = np.empty_like(self.places)
        rows = np.full(len(self.sizes), -1).astype(self.places.dtype)
        for at, n_tables in enumerate(steps):
            row, above = self.starts[:n_tables] + at, rows[:n_tables]
            agree = self.places[row]
            found = above & agree
            below = (above + found) | (above - found)
            taking[row] = (below - above) | agree
            rows[:n_tables] = below
        return taking


def _keys(texts: Tokens, span: int) -> Ints:
    """Return a number for each word of each text that no other word or text has."""
    return np.repeat(np.arange(len(texts.starts) - 1), texts.lengths) * span + texts.ids


def _first(lengths: Ints, kind: "np.dtype[Any]") -> Bits:
    """Return numbers whose first bits are 1, so many as a line has words."""
    if kind.hasobject:
        return np.array([(1 << length) - 1 for length in lengths.tolist()], dtype=object)
    return np.uint64(2**_WIDTH - 1) >> (_WIDTH - lengths).astype(np.uint64)


def _last(bits: Bits) -> Bits:
    """Return the highest bit of each number alone."""
    while True:
        fewer = bits & (bits - 1)
        several = np.flatnonzero(fewer)
        if not len(several):
            return bits
        bits[several] = fewer[several]
