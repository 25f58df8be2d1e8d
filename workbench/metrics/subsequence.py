"""Longest common subsequences, a whole row of the table at a time.

A row of the table of lengths grows by 0 or 1 from cell to cell, so that it fits into the bits of
one integer, and the next row follows by an addition: Python's integers work on 30 cells at once.

References
----------
Hyyrö (2004), "Bit-parallel LCS-length computation revisited"; the same recurrence in Crochemore et
al. (2001), "A fast and practical bit-vector algorithm for the longest common subsequence problem".
"""

from collections.abc import Iterator, Sequence


def lcs_length(reference: Sequence[str], candidate: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Examples
    --------
    >>> lcs_length("the cat sat on".split(), "the dog sat on it".split())
    3
    """
    last = (1 << len(candidate)) - 1
    for row in _rows(reference, candidate):
        last = row
    return len(candidate) - last.bit_count()


def lcs_positions(reference: Sequence[str], candidate: Sequence[str]) -> list[int]:
    """Return the positions in `reference` of one longest common subsequence, last first.

    Of several it is the one that rouge_score reads out of its table: where both ways lead on, it
    goes back in the reference.

    Examples
    --------
    >>> lcs_positions("the cat sat on".split(), "the dog sat on it".split())
    [3, 2, 0]
    """
    rows = [(1 << len(candidate)) - 1, *_rows(reference, candidate)]
    at, to = len(reference), len(candidate)
    found = []
    while at and to:
        if reference[at - 1] == candidate[to - 1]:
            at, to = at - 1, to - 1
            found.append(at)
        elif _length(rows[at], to - 1) > _length(rows[at - 1], to):
            to -= 1
        else:
            at -= 1
    return found


def _rows(reference: Sequence[str], candidate: Sequence[str]) -> Iterator[int]:
    """Yield a row per token of the reference: bit j is 0 where the length grows at cell j + 1."""
    places: dict[str, int] = {}
    for at, token in enumerate(candidate):
        places[token] = places.get(token, 0) | 1 << at
    full = row = (1 << len(candidate)) - 1
    for token in reference:
        common = row & places.get(token, 0)
        row = (row + common | row - common) & full
        yield row


def _length(row: int, to: int) -> int:
    """Return the length in a row, of the candidate's first `to` tokens."""
    return to - (row & (1 << to) - 1).bit_count()
