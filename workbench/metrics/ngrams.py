"""N-grams that texts share with their references, counted for many texts at once.

The n-grams of the references are a tree: its roots are groups of references, a node's children are
the tokens that follow it, and all n-grams of all outputs walk down together, one level at a time.
An n-gram whose beginning no reference holds is dropped there, so that longer ones cost little; nodes
are numbers that name group and n-gram exactly, and no hash can be wrong.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Counts = NDArray[np.float64]

# Children of a node that are tried one by one before all are searched.
_PROBES = 6
# Places of a table that is looked up instead, in all and for each child: an empty one costs time too.
_TABLE, _SPARSEST = 10_000_000, 512
# Tokens whose n-grams are counted at once: what is larger waits for memory.
_BLOCK = 100_000


class Vocabulary(defaultdict[str, int]):
    """A number for each token, in the order in which they come."""

    def __init__(self) -> None:
        super().__init__(count().__next__)


@dataclass(frozen=True)
class Tokens:
    """Texts as numbers, one text after another.

    Parameters
    ----------
    ids : array of int, shape (n_tokens,)
        The tokens.
    starts : array of int, shape (n_texts + 1,)
        Where each text begins, and the end.
    """

    ids: Ints
    starts: Ints

    @classmethod
    def of_words(cls, texts: Iterable[list[str]], vocabulary: Vocabulary) -> "Tokens":
        """Return the words of texts as numbers.

        Examples
        --------
        >>> Tokens.of_words([["a", "b"], [], ["a"]], Vocabulary()).ids.tolist()
        [0, 1, 0]
        """
        ids, starts, number = array("q"), array("q", [0]), vocabulary.__getitem__
        for text in texts:  # each at once, while its words are at the processor's hand
            ids.extend(map(number, text))
            starts.append(len(ids))
        return cls(np.frombuffer(ids, dtype=np.int64), np.frombuffer(starts, dtype=np.int64))

    @classmethod
    def of_types(cls, types: list[str], part: Callable[[str], list[str]]) -> tuple["Tokens", int]:
        """Return the tokens of different words as numbers, and how many different ones there are.

        Parameters
        ----------
        types : list of str
            The words; one of letters and digits alone is one token.
        part : callable
            Gives the tokens of any other.

        Examples
        --------
        >>> found, n_tokens = Tokens.of_types(["a", "b."], list)
        >>> found.ids.tolist(), found.starts.tolist(), n_tokens
        ([0, 1, 2], [0, 1, 3], 3)
        """
        tokens: list[str] = []
        starts = [0]
        for word in types:
            if word.isalnum():  # no list for it: many lists keep the garbage collector busy
                tokens.append(word)
            else:
                tokens += part(word)
            starts.append(len(tokens))
        numbers = dict(zip(dict.fromkeys(tokens), count(), strict=False))
        ids = np.array(list(map(numbers.__getitem__, tokens)), dtype=np.int64)
        return cls(ids, np.array(starts)), len(numbers)

    @classmethod
    def of_lines(cls, texts: list[str]) -> tuple["Tokens", list[str]]:
        """Return what white space parts, as numbers of words, and those words.

        Examples
        --------
        >>> found, words = Tokens.of_lines([" a b", "", "a"])
        >>> found.ids.tolist(), found.starts.tolist(), words
        ([0, 1, 0], [0, 2, 2, 3], ['a', 'b'])
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        pool = pa.system_memory_pool()  # Arrow's own takes as long as the work at first
        # an empty line has no word, where Arrow finds an empty one
        lines = [text.strip() or None for text in texts]
        try:
            given = pa.array(lines, pa.large_string(), memory_pool=pool)
        except UnicodeEncodeError:  # a text may hold half a character
            words = Vocabulary()
            return cls.of_words(map(str.split, texts), words), list(words)
        # what is white space for Arrow is so for Python: test_ngrams.py looks at each character
        split = pc.utf8_split_whitespace(given, memory_pool=pool)
        coded = pc.dictionary_encode(split.values, memory_pool=pool)
        ids = coded.indices.to_numpy().astype(np.int64)
        return cls(ids, split.offsets.to_numpy().astype(np.int64)), coded.dictionary.to_pylist()

    @classmethod
    def of_characters(cls, texts: list[str]) -> "Tokens":
        """Take the code points of texts as their tokens.

        Examples
        --------
        >>> Tokens.of_characters(["ab", "", "é"]).ids.tolist()
        [97, 98, 233]
        """
        # a text may hold half a character
        written = "".join(texts).encode("utf-32-le", "surrogatepass")
        return cls(
            np.frombuffer(written, dtype="<u4").astype(np.int64), _starts([len(t) for t in texts])
        )

    @staticmethod
    def renumbered(*each: "Tokens") -> tuple[list["Tokens"], int]:
        """Return the same tokens by small numbers, and how many there are.

        Examples
        --------
        >>> (small,), span = Tokens.renumbered(Tokens.of_characters(["cab"]))
        >>> small.ids.tolist(), span
        ([2, 0, 1], 3)
        """
        used = np.zeros(max(int(one.ids.max(initial=0)) for one in each) + 1, dtype=bool)
        for one in each:
            used[one.ids] = True
        numbers = np.cumsum(used) - 1
        return [Tokens(numbers[one.ids], one.starts) for one in each], int(used.sum())

    @property
    def lengths(self) -> Ints:
        """The number of tokens of each text."""
        return np.diff(self.starts)

    def between(self, first: int, last: int) -> "Tokens":
        """Return the texts from one to another."""
        starts = self.starts[first : last + 1]
        return Tokens(self.ids[starts[0] : starts[-1]], starts - starts[0])

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Cut the texts into stretches of about so many tokens as a processor keeps at hand."""
        edges = np.searchsorted(self.starts, np.arange(0, len(self.ids), _BLOCK))
        edges = np.unique([*edges, 0, len(self.starts) - 1]).tolist()
        return pairwise(edges)

    def expanded(self, words: "Tokens") -> "Tokens":
        """Replace each token by several: those of the text that it numbers in `words`.

        Examples
        --------
        >>> words = Tokens.of_characters(["x", "yz"])
        >>> Tokens(np.array([1, 0]), np.array([0, 2])).expanded(words).ids.tolist()
        [121, 122, 120]
        """
        lengths = words.lengths[self.ids]
        ends = np.cumsum(lengths)
        shift = np.repeat(words.starts[self.ids] - (ends - lengths), lengths)
        starts = np.concatenate([[0], ends])[self.starts]
        return Tokens(words.ids[np.arange(len(shift)) + shift], starts)

    def take(self, texts: Ints) -> "Tokens":
        """Return some of the texts, in an order of one's own, and each as often as it is named."""
        return Tokens(texts, np.arange(len(texts) + 1)).expanded(self)


def _starts(lengths: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


@dataclass(frozen=True)
class _Level:
    """All n-grams of one length."""

    keys: Ints  # parent × span + token, ascending; a node is a place among them
    children: Ints  # where those of each parent begin, and the end
    tokens: Ints
    most: Ints  # how often one reference of the group has it
    table: (
        NDArray[np.int32] | None
    )  # the node of each key, -1 of what is none, where that is not large

    @classmethod
    def of(cls, keys: Ints, most: Ints, *, n_parents: int, span: int) -> "_Level":
        children = np.searchsorted(keys, np.arange(n_parents + 1) * span)
        table: NDArray[np.int32] | None = None
        if (
            n_parents * span <= min(_TABLE, _SPARSEST * len(keys))
            and len(keys) > _PROBES * n_parents
        ):
            table = np.full(n_parents * span, -1, dtype=np.int32)
            table[keys] = np.arange(len(keys), dtype=np.int32)
        return cls(keys, children, keys % span, most, table)

    def find(self, parents: Ints, tokens: Ints, span: int) -> Ints:
        """Return the node of each parent and token, -1 where there is none."""
        if self.table is not None:
            found: Ints = self.table[parents * span + tokens].astype(np.int64)
            return found
        nodes = np.full(len(parents), -1)
        first, last = self.children[parents], self.children[parents + 1]
        left = np.flatnonzero(first < last)
        crowded = len(self.keys) > _PROBES * (len(self.children) - 1)
        for probe in range(0 if crowded else _PROBES):
            at = first[left] + probe
            hit = self.tokens[at] == tokens[left]
            nodes[left[hit]] = at[hit]
            left = left[~hit & (at + 1 < last[left])]
        sought = parents[left] * span + tokens[left]
        at = np.searchsorted(self.keys, sought).clip(max=len(self.keys) - 1)
        nodes[left] = np.where(self.keys[at] == sought, at, -1) if len(left) else at
        return nodes


class ReferenceNGrams:
    """The n-grams of groups of references.

    Parameters
    ----------
    tokens : Tokens
        The references.
    groups : array of int, shape (n_texts,)
        The group of each; an n-gram counts as often as in that reference of the group that has most.
    order : int
        The longest n-gram.
    span : int
        More than any token, of outputs too.

    Examples
    --------
    >>> words = Vocabulary()
    >>> references = Tokens.of_words([["the", "cat", "sat"], ["a", "cat"]], words)
    >>> outputs = Tokens.of_words([["the", "cat", "the"], ["cat", "sat"]], words)
    >>> found = ReferenceNGrams(references, np.array([0, 0]), order=2, span=len(words))
    >>> found.matches(outputs, np.array([0, 0])).tolist()
    [[2.0, 1.0], [2.0, 1.0]]
    """

    def __init__(self, tokens: Tokens, groups: Ints, *, order: int, span: int) -> None:
        self.order, self._span = order, max(1, span)
        self._levels: list[_Level] = []
        text, at, nodes = _spread(tokens, groups)
        n_parents = int(groups.max(initial=-1)) + 1
        alone = len(np.unique(groups)) == len(groups)
        for n in range(order):
            inside = at + n < tokens.starts[text + 1]
            text, at, nodes = text[inside], at[inside], nodes[inside]
            keys, nodes = np.unique(nodes * self._span + tokens.ids[at + n], return_inverse=True)
            most = (
                np.bincount(nodes, minlength=len(keys)) if alone else _most(nodes, text, len(keys))
            )
            self._levels.append(_Level.of(keys, most, n_parents=n_parents, span=self._span))
            n_parents = len(keys)

    def matches(self, tokens: Tokens, groups: Ints) -> Counts:
        """Count the n-grams of texts that are in a group of references, none more often than there.

        Parameters
        ----------
        tokens : Tokens
            The outputs.
        groups : array of int, shape (n_texts,)
            The group to compare each with.

        Returns
        -------
        array of float, shape (n_texts, order)
        """
        found = np.zeros((len(groups), self.order))
        for first, last in tokens.blocks():
            found[first:last] = self._matches(tokens.between(first, last), groups[first:last])
        return found

    def _matches(self, tokens: Tokens, groups: Ints) -> Counts:
        n_texts = len(groups)
        found = np.zeros((n_texts, self.order))
        text, at, nodes = _spread(tokens, groups)
        left = tokens.starts[text + 1] - at
        for n, level in enumerate(self._levels):
            if n:
                inside = left[at] > n
                at, nodes = at[inside], nodes[inside]
            nodes = level.find(nodes, tokens.ids[at + n], self._span)
            known = nodes >= 0
            at, nodes = at[known], nodes[known]
            if not len(nodes):
                break
            pairs, times = _counted(text[at] * len(level.keys) + nodes)
            text_of, node_of = np.divmod(pairs, len(level.keys))
            clipped = np.minimum(times, level.most[node_of])
            found[:, n] = np.bincount(text_of, weights=clipped, minlength=n_texts)
        return found


def _counted(numbers: Ints) -> tuple[NDArray[np.integer[Any]], Ints]:
    """Return the different numbers, at least one, in order, and how often each comes."""
    small = numbers.astype(np.int32) if numbers.max() < 2**31 else numbers  # sorted twice as fast
    small.sort()
    first = np.flatnonzero(np.concatenate([[True], small[1:] != small[:-1]]))
    return small[first], np.diff(first, append=len(small))


def _spread(tokens: Tokens, groups: Ints) -> tuple[Ints, Ints, Ints]:
    """Return for each token its text, its place, and the root at which its n-grams begin."""
    text = np.repeat(np.arange(len(groups)), tokens.lengths)
    return text, np.arange(len(tokens.ids)), groups[text]


def _most(nodes: Ints, text: Ints, n_nodes: int) -> Ints:
    """Return how often each node comes in that text that has it most often."""
    n_texts = int(text.max(initial=0)) + 1
    pairs, times = np.unique(nodes * n_texts + text, return_counts=True)
    most = np.zeros(n_nodes, dtype=np.int64)
    np.maximum.at(most, pairs // n_texts, times)
    return most


def totals(lengths: Ints, order: int) -> Ints:
    """Return how many n-grams texts of these lengths have, up to an order.

    Examples
    --------
    >>> totals(np.array([5, 1]), 3).tolist()
    [[5, 4, 3], [1, 0, 0]]
    """
    return (lengths[:, None] - np.arange(order)).clip(min=0)
