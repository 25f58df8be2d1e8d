"""Edits and shifts between two texts: sacrebleu's TER with bits in place of cells.

The algorithm is that of `sacrebleu/metrics/lib_ter.py` 2.6.0, whose functions are named below; its
figures come out to the last edit, its limits and quirks included:

- the distance is searched in a beam around the diagonal only (`BeamEditDistance._edit_distance`);
- shifts are tried at places that one alignment suggests (`_shift`), and a target inside of the moved
  words counts from their end (`_perform_shift`);
- a text for which 1,000 shifts have been tried ends as it was before the round in which that
  happened: what that round found is lost (`translation_edit_rate`).

What differs is the work. A row of the matrix is two sets of columns, those where the distance is one
more and one less than in the column before, each an integer with a bit per word of the reference; a
row follows from the one above by twenty operations on them (Myers 1999; Hyyrö 2003). And the shifts
are tried in the order of the most that each can gain, until none can beat the best.
"""

import math
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

# Limits of lib_ter.py, of the same names there.
MAX_SHIFT_SIZE = 10
MAX_SHIFT_DIST = 50
BEAM_WIDTH = 25
MAX_SHIFT_CANDIDATES = 1000

# Beams that are kept, one for each pair of lengths.
_BEAMS = 32
# Rows after which a shift is looked at again: whether the rest is as without it.
_STRIDE = 8

# The columns of a row, as bits (column j, which counts j words of the reference, is bit j − 1):
# - inside: those that are computed from the row above;
# - upto: these and all before them;
# - within: those inside but the first;
# - outside: all others, which keep their difference to the column before.
# A tuple and no class, for the innermost loops take it apart.
Beam = tuple[int, int, int, int]

# Length, minus the start, minus the target: sacrebleu's ranking of shifts that gain the same.
Shift = tuple[int, int, int]


class Alignment(NamedTuple):
    """What goes with what, and which words are wrong (`trace_to_alignment`)."""

    before: list[int]  # words of the text up to the end of so many words of the reference
    text_errors: int  # a bit for each word
    reference_errors: int


class Reference:
    """A reference that texts are compared with.

    Parameters
    ----------
    words : list of str
        Its words.

    Examples
    --------
    >>> reference = Reference("a b c d e f".split())
    >>> reference.edits("d e f a b c".split()), reference.edits("d e f x a".split())
    (1, 4)
    """

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self._places: dict[str, int] = {}
        for at, word in enumerate(words):
            self._places[word] = self._places.get(word, 0) | 1 << at

    def edits(self, text: list[str]) -> int:
        """Return the edits that turn a text into the reference, shifts among them.

        `translation_edit_rate`; here a word of the text is the set of its places in the reference.

        Parameters
        ----------
        text : list of str
            The words of the text.
        """
        if text == self.words:
            return 0
        if not self.words:
            return len(text)
        n_words = len(self.words)
        places = [self._places.get(word, 0) for word in text]
        shared = sum(min(n, word.bit_count()) for word, n in Counter(places).items())
        # no order of these words needs fewer
        fewest = max(len(text), n_words) - shared
        shifts = tried = 0
        while True:
            matrix = _Matrix(places, n_words)
            if matrix.edits <= fewest:
                break
            found = list(islice(_shifts(matrix), MAX_SHIFT_CANDIDATES - tried))
            tried += len(found)
            if tried >= MAX_SHIFT_CANDIDATES:
                break
            best = _best(matrix, found, matrix.edits - fewest)
            if best is None:
                break
            low, middle, high = best
            places[low:high] = places[middle:high] + places[low:middle]
            shifts += 1
        return shifts + matrix.edits


@lru_cache(maxsize=_BEAMS)
def beams(n_text: int, n_reference: int) -> list[Beam]:
    """Return the beam of each row of a matrix but the first, which is whole.

    `BeamEditDistance._edit_distance` computes in row i the columns from `first` to `last` around the
    diagonal, and takes all others for infinitely far. With differences of one no column is, but the
    result is the same where

    - the column left of the computed ones is one edit more than above it: so the step from there is
      never shorter than another. Columns further left keep their differences, so that those of a row
      still add up;
    - the columns right of the computed ones are one more each: the step down from the first of them
      is never shorter than one aslant. In the next row the second of them, if that has come inside,
      can be reached from its left only: one more, as it stands.

    Examples
    --------
    >>> beams(1, 3)
    [(7, 7, 6, 0)]
    """
    every = (1 << n_reference) - 1
    ratio = n_reference / n_text if n_text else 1.0
    width = math.ceil(ratio / 2 + BEAM_WIDTH) if ratio / 2 > BEAM_WIDTH else BEAM_WIDTH
    rows = []
    first, last = 0, n_reference
    for row in range(1, n_text + 1):
        first_above, last_above = first, last
        diagonal = math.floor(row * ratio)
        first = max(0, diagonal - width)
        last = n_reference if row == n_text else min(n_reference, diagonal + width - 1)
        upto = every & ((1 << min(last, last_above + 1)) - 1)
        inside = upto >> (left := max(first - 1, first_above)) << left
        rows.append((inside, upto, inside & inside << 1, every ^ inside))
    return rows


class _Matrix:
    """The edit distances between the beginnings of a text and those of the reference.

    Each row has the columns where the distance is one more than in the column before (`more`), those
    where it is one less (`fewer`), and those where it is the same as aslant above (`kept`).
    """

    def __init__(self, places: list[int], n_reference: int) -> None:
        self.places, self.n_reference = places, n_reference
        self.beams = beams(len(places), n_reference)
        more, fewer = (1 << n_reference) - 1, 0
        self.more, self.fewer, self.kept = [more], [fewer], [0]
        for word, (inside, upto, within, outside) in zip(places, self.beams, strict=True):
            # the same as in `_rows`
            word &= inside
            kept = (((word & more) + more ^ more) | word | fewer) & upto
            level = ((kept | more) ^ fewer) << 1 & within
            both = kept & level
            more = ((kept & more) << 1 & inside) | (level ^ both) | (more & outside)
            fewer = kept ^ both
            self.more.append(more)
            self.fewer.append(fewer)
            self.kept.append(kept)
        self.edits = len(places) + more.bit_count() - fewer.bit_count()

    def alignment(self) -> Alignment:
        """Walk back from the end (the trace of `_edit_distance`, and `trace_to_alignment`).

        sacrebleu prefers to keep or replace a word, then to delete one of the text, then to insert
        one of the reference.
        """
        row, column = len(self.places), self.n_reference
        before, text_errors, reference_errors = [0] * (column + 1), 0, 0
        while row and column:
            bit = 1 << column - 1
            _, upto, _, outside = self.beams[row - 1]
            before[column] = row
            if bit & outside:
                delete, insert = bit <= upto, bit > upto
            elif self.places[row - 1] & bit:
                row, column = row - 1, column - 1
                continue
            else:
                aslant = not self.kept[row] & bit
                delete = aslant or bool(self.fewer[row - 1] & bit)
                insert = aslant or not delete
            if insert:
                reference_errors |= bit
                column -= 1
            if delete:
                row -= 1
                text_errors |= 1 << row
        return Alignment(before, text_errors | (1 << row) - 1, reference_errors | (1 << column) - 1)

    def edits_after(self, low: int, middle: int, high: int) -> int:
        """Return the edit distance of the text with two stretches exchanged."""
        places, beam, n_words = self.places, self.beams, len(self.places)
        more, fewer = _rows(
            self.more[low],
            self.fewer[low],
            places[middle:high] + places[low:middle],
            beam[low:high],
        )
        for row in range(high, n_words, _STRIDE):
            inside = beam[row][0]
            if not (more ^ self.more[row]) & inside and not (fewer ^ self.fewer[row]) & inside:
                # the rest is the same, too
                more_before, fewer_before = self.more[row].bit_count(), self.fewer[row].bit_count()
                return self.edits + (
                    more.bit_count() - fewer.bit_count() - more_before + fewer_before
                )
            end = row + _STRIDE
            more, fewer = _rows(more, fewer, places[row:end], beam[row:end])
        return n_words + more.bit_count() - fewer.bit_count()

    def narrowness(self) -> int:
        """Return how many edits the beam costs."""
        if self.n_reference < BEAM_WIDTH:
            return 0
        every, n_words = (1 << self.n_reference) - 1, len(self.places)
        whole = [(every, every, every - 1, 0)] * n_words
        more, fewer = _rows(every, 0, self.places, whole)
        return self.edits - (n_words + more.bit_count() - fewer.bit_count())


def _rows(more: int, fewer: int, places: list[int], beam: list[Beam]) -> tuple[int, int]:
    """Return the row that is below another by some words."""
    for word, (inside, upto, within, outside) in zip(places, beam, strict=True):
        word &= inside
        # where a cell is what stands aslant above it; the sum carries that along a stretch of `more`
        kept = (((word & more) + more ^ more) | word | fewer) & upto
        # where the column before is not one more than above it
        level = ((kept | more) ^ fewer) << 1 & within
        both = kept & level
        more = ((kept & more) << 1 & inside) | (level ^ both) | (more & outside)
        fewer = kept ^ both
    return more, fewer


def _shifts(matrix: _Matrix) -> Iterator[Shift]:
    """Find the shifts that are tried (the loops of `_shift`).

    Words are shifted if some are wrong here and some there, but not to where they already stand: to
    before that place, or to behind one of its words, by the alignment. Two places of the reference
    can give the same shift: it counts twice.
    """
    before, text_errors, reference_errors = matrix.alignment()
    wrong_there = [0]
    for offset in range(MAX_SHIFT_SIZE):
        wrong_there.append(wrong_there[-1] | reference_errors >> offset)
    for start, length, alike in _pairs(matrix.places, text_errors):
        left = alike & wrong_there[length]
        while left:
            at = (left & -left).bit_length() - 1
            left &= left - 1
            if not start < before[at + 1] <= start + length:
                for target in set(before[at : at + length + 1]):
                    yield length, -start, -target


def _pairs(places: list[int], text_errors: int) -> Iterator[tuple[int, int, int]]:
    """Find words in a row that the reference has too (`_find_shifted_pairs`), some wrong in the text.

    Gives where they begin, how many they are, and as bits where they begin in the reference.
    """
    for start, alike in enumerate(places):
        wrong_here = text_errors >> start & ((1 << MAX_SHIFT_SIZE) - 1)
        if not (alike and wrong_here):
            continue
        first = max(0, start - MAX_SHIFT_DIST)
        alike &= (1 << start + MAX_SHIFT_DIST + 1) - (1 << first)
        for offset, word in enumerate(places[start : start + MAX_SHIFT_SIZE]):
            alike &= word >> offset
            if not alike:
                break
            if wrong_here & ((2 << offset) - 1):
                yield start, offset + 1, alike


def _stretches(shift: Shift, n_words: int) -> tuple[int, int, int]:
    """Return the stretches that change places: where they begin, meet and end (`_perform_shift`).

    A target inside of the shifted words, or at their end, moves them on by as many words as it stands
    behind their start.
    """
    length, start, target = shift[0], -shift[1], -shift[2]
    end = start + length
    if target < start:
        return target, start, end
    return start, end, min(target if target > end else end + target - start, n_words)


def _best(matrix: _Matrix, shifts: list[Shift], most: int) -> tuple[int, int, int] | None:
    """Return the stretches to exchange that gain most (the end of `_shift`); None if none gains.

    A shift cannot gain more than `most`, nor more than two edits for each word of the shorter stretch
    (it could be deleted and inserted) beyond what the beam has cost so far. Equal gains rank by the
    shift.
    """
    n_words, slack = len(matrix.places), matrix.narrowness()
    bounds = []
    for shift in set(shifts):
        low, middle, high = stretches = _stretches(shift, n_words)
        bound = min(most, 2 * min(middle - low, high - middle) + slack)
        bounds.append((bound, shift, stretches))
    bounds.sort(reverse=True)
    best, gain, found = None, 0, None
    for bound, shift, stretches in bounds:
        if bound < gain or not bound or (bound == gain and found and shift < found):
            break
        gained = matrix.edits - matrix.edits_after(*stretches)
        if gained > gain or (found and gained == gain and shift > found):
            best, gain, found = stretches, gained, shift
    return best
