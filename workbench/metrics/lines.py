"""Texts as numbers, line by line: what every kind of ROUGE counts."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from workbench.metrics.ngrams import Ints, Tokens, Vocabulary
from workbench.metrics.splitting import LINE_END, Tokenizer, stem, words

# Characters of texts whose words are kept for the next metric: some 50 MB with their words, and
# 150 MB where each character is a word.
_KEPT = 10_000_000


@dataclass(frozen=True)
class Lines:
    """Texts as numbered words, one line after another.

    Parameters
    ----------
    words : Tokens
        The words of each line.
    starts : array of int, shape (n_texts + 1,)
        The line with which each text begins, and the end.
    """

    words: Tokens
    starts: Ints

    @property
    def texts(self) -> Tokens:
        """The words of each text."""
        return Tokens(self.words.ids, self.words.starts[self.starts])

    def __len__(self) -> int:
        return len(self.starts) - 1

    def between(self, first: int, last: int) -> "Lines":
        """Return the texts from one to another."""
        starts = self.starts[first : last + 1]
        return Lines(self.words.between(int(starts[0]), int(starts[-1])), starts - starts[0])

    def take(self, texts: Ints) -> "Lines":
        """Return some of the texts, in an order of one's own, and each as often as it is named."""
        lines = Tokens(np.arange(self.starts[-1]), self.starts).take(texts)
        return Lines(self.words.take(lines.ids), lines.starts)

    def only(self, lines: Ints) -> "Lines":
        """Return the texts with some of their lines, in ascending order."""
        return Lines(self.words.take(lines), np.searchsorted(lines, self.starts))

    def renumbered(self, numbers: Ints) -> "Lines":
        """Return the same texts with another number for each word."""
        return Lines(Tokens(numbers[self.words.ids], self.words.starts), self.starts)


def numbered(
    tables: Sequence[Sequence[str]], tokenizer: Tokenizer, *, stemmer: bool
) -> tuple[list[Lines], int]:
    r"""Split tables of texts into words by the same numbers, and say how many numbers there are.

    Parameters
    ----------
    tables : sequence of sequence of str
        Texts, such as those of systems and those of references.
    tokenizer : {"rouge_score", "unicode"}
        How they are split.
    stemmer : bool
        Whether words that have the same stem are one.

    Examples
    --------
    >>> (texts, references), span = numbered([["a b\na"], ["b"]], "rouge_score", stemmer=False)
    >>> texts.words.ids.tolist(), texts.words.starts.tolist(), references.words.ids.tolist(), span
    ([0, 1, 0], [0, 2, 3], [1], 2)
    """
    kept = sum(map(len, chain.from_iterable(tables))) <= _KEPT
    find = _numbered if kept else _numbered.__wrapped__
    found, known = find(tuple(map(tuple, tables)), tokenizer)
    if not stemmer:
        return list(found), len(known)
    stems = Vocabulary()
    numbers = np.array([stems[stem(word)] for word in known], dtype=np.int64)
    return [each.renumbered(numbers) for each in found], len(stems)


# several metrics ask for the words of the same texts, one after another
@lru_cache(maxsize=1)
def _numbered(
    tables: tuple[tuple[str, ...], ...], tokenizer: Tokenizer
) -> tuple[tuple[Lines, ...], tuple[str, ...]]:
    """Do so without stems; return the word of each number too."""
    vocabulary = Vocabulary()
    vocabulary[LINE_END]  # is number 0
    found = tuple(_lines(*_marked(texts, tokenizer, vocabulary)) for texts in tables)
    return found, tuple(vocabulary)[1:]


def _marked(
    texts: Sequence[str], tokenizer: Tokenizer, vocabulary: Vocabulary
) -> tuple[Ints, list[int]]:
    """Return the numbers of all words, 0 at the end of each line, and where each text ends."""
    ids, ends, number = array("q"), [], vocabulary.__getitem__
    for text in texts:
        # at once, while the words are at the processor's hand
        ids.extend(map(number, words(text, tokenizer)))
        ids.append(0)
        ends.append(len(ids))
    return np.array(ids, dtype=np.int64), ends


def _lines(ids: Ints, ends: list[int]) -> Lines:
    """Take out the marks at the ends of lines, and count words from 0."""
    marks = np.flatnonzero(ids == 0)
    starts = np.concatenate([[0], marks - np.arange(len(marks))])
    found = Lines(
        Tokens(ids[ids > 0] - 1, starts), np.concatenate([[0], np.searchsorted(marks, ends)])
    )
    for each in (found.starts, found.words.ids, found.words.starts):
        each.flags.writeable = False  # it is lent to several
    return found
