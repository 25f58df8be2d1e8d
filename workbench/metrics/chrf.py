"""chrF and chrF++, with sacrebleu's figures and signatures."""

import string
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import BadValue
from workbench.metrics.base import Array, Metric, require_references
from workbench.metrics.grouping import Groups
from workbench.metrics.ngrams import Ints, ReferenceNGrams, Tokens, Vocabulary, totals
from workbench.metrics.sacrebleu_peer import signature

if TYPE_CHECKING:
    import pandas as pd

# Stands for a precision or recall without n-grams, as in chrF++.py, Moses and NLTK.
_EPSILON = 1e-16


@dataclass(frozen=True)
class ChrF(Metric):
    """chrF: the F-score of character n-grams (and word n-grams: chrF++), 0 to 100.

    Parameters
    ----------
    word_order : int
        The longest word n-gram; 0 is chrF, 2 is chrF++.
    char_order : int
        The longest character n-gram.
    beta : int
        How many times recall weighs precision.
    lowercase : bool
        Whether case is ignored.
    whitespace : bool
        Whether white space counts as characters.
    eps_smoothing : bool
        Whether orders without n-grams count as almost zero, as in chrF++.py, instead of not at all.
    name : str
        The name in tables; "chrf", or "chrf++" when `word_order` is 2.

    Notes
    -----
    Fβ = (1 + β²) · P · R / (β² · P + R) with precision and recall averaged over the orders.
    Statistics: n-grams of the output, n-grams of the reference and matches, for each order; of
    several references the one with the best score.

    References
    ----------
    Popović (2015), section 2; Popović (2017) for chrF++.

    Examples
    --------
    >>> ChrF(word_order=2).signature
    'nrefs:?|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0'
    """

    word_order: int = 0
    char_order: int = 6
    beta: int = 2
    lowercase: bool = False
    whitespace: bool = False
    eps_smoothing: bool = False
    name: str = ""
    direction = "up"
    bounds = (0.0, 100.0)
    reads = ("text", "references")

    def __post_init__(self) -> None:
        if self.char_order < 1 or self.word_order < 0 or self.beta <= 0:
            raise BadValue(
                "char_order must be at least 1, word_order at least 0 and beta above 0, but "
                f"{self.char_order}, {self.word_order} and {self.beta} came; use 6, 0 and 2."
            )
        object.__setattr__(self, "name", self.name or "chrf" + "+" * self.word_order)

    @cached_property
    def _peer(self) -> Any:  # noqa: ANN401 - untyped
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(
            char_order=self.char_order,
            word_order=self.word_order,
            beta=self.beta,
            lowercase=self.lowercase,
            whitespace=self.whitespace,
            eps_smoothing=self.eps_smoothing,
        )

    @property
    def signature(self) -> str:
        """sacrebleu's signature."""
        return signature(self._peer)

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return n-gram counts and matches of each output."""
        require_references(self, outputs)
        groups = Groups.of(outputs["references"])
        texts = self._prepared(outputs["text"].tolist())
        references = self._prepared(groups.references)
        parts = [_Part.of_characters(texts, references, self)]
        if self.word_order:
            parts.append(_Part.of_words(texts, references, self))
        best = scores = None
        for place in groups.places:
            there = place >= 0
            found = np.concatenate([part.compared(place.clip(min=0)) for part in parts], axis=1)
            score = np.where(there, self.aggregate(found), -1.0)
            if best is None or scores is None:
                best, scores = found, score
                continue
            better = score > scores  # the first of equals
            best, scores = np.where(better[:, None], found, best), np.maximum(score, scores)
        return np.zeros((0, 3 * (self.char_order + self.word_order))) if best is None else best

    def _prepared(self, texts: list[str]) -> list[str]:
        return [text.lower() for text in texts] if self.lowercase else texts

    def worst(self, outputs: "pd.DataFrame") -> Array:
        """Return the statistics of empty outputs: no match."""
        return self.statistics(outputs.assign(text=""))

    def best(self, outputs: "pd.DataFrame") -> Array:
        """Return the statistics of outputs that are their first reference."""
        references = [next(iter(each), "") for each in outputs["references"]]
        return self.statistics(outputs.assign(text=references))

    def aggregate(self, sums: Array) -> Array:
        """Return chrF for each sum of statistics, in sacrebleu's order of operations."""
        score: Array = np.zeros(sums.shape[:-1], dtype=sums.dtype)
        precisions, recalls = score.copy(), score.copy()
        n_orders = np.zeros(sums.shape[:-1], dtype=np.int64)
        factor = self.beta**2
        with np.errstate(divide="ignore", invalid="ignore"):
            for order in range(self.char_order + self.word_order):
                n_hyp, n_ref, n_match = np.moveaxis(sums[..., 3 * order : 3 * order + 3], -1, 0)
                precision = np.where(n_hyp > 0, n_match / n_hyp, _EPSILON)
                recall = np.where(n_ref > 0, n_match / n_ref, _EPSILON)
                below = factor * precision + recall
                f_score = (1 + factor) * precision * recall / below
                score = score + np.where(below > 0, f_score, _EPSILON)
                both = (n_hyp > 0) & (n_ref > 0)
                precisions = precisions + np.where(both, precision, 0)
                recalls = recalls + np.where(both, recall, 0)
                n_orders = n_orders + both
            if self.eps_smoothing:
                return np.asarray(100 * score / (self.char_order + self.word_order))
            divisor = np.maximum(n_orders, 1).astype(sums.dtype)
            precision, recall = precisions / divisor, recalls / divisor
            score = (1 + factor) * precision * recall / (factor * precision + recall)
            return np.where(precision + recall > 0, 100 * score, 0.0)


@dataclass(frozen=True)
class _Part:
    """The outputs and the references as characters, or as words, each reference a group."""

    texts: Tokens
    references: Tokens
    known: ReferenceNGrams

    @classmethod
    def of_characters(cls, texts: list[str], references: list[str], metric: ChrF) -> "_Part":
        def bare(lines: list[str]) -> list[str]:
            return lines if metric.whitespace else ["".join(line.split()) for line in lines]

        characters = map(Tokens.of_characters, (bare(texts), bare(references)))
        (ours, theirs), span = Tokens.renumbered(*characters)
        return cls._of(ours, theirs, metric.char_order, span)

    @classmethod
    def of_words(cls, texts: list[str], references: list[str], metric: ChrF) -> "_Part":
        types, words = Vocabulary(), Vocabulary()
        ours = Tokens.of_words([line.split() for line in texts], types)
        theirs = Tokens.of_words([line.split() for line in references], types)
        split = Tokens.of_words([_parted(each) for each in types], words)
        return cls._of(ours.expanded(split), theirs.expanded(split), metric.word_order, len(words))

    @classmethod
    def _of(cls, texts: Tokens, references: Tokens, order: int, span: int) -> "_Part":
        groups = np.arange(len(references.lengths))
        return cls(texts, references, ReferenceNGrams(references, groups, order=order, span=span))

    def compared(self, place: Ints) -> Array:
        """Return for each order the n-grams of output and reference, and those in both."""
        order = self.known.order
        n_ref = totals(self.references.lengths, order)[place]
        # sacrebleu does not count those that have nothing to be compared with
        n_hyp = np.where(n_ref > 0, totals(self.texts.lengths, order), 0)
        triples = np.stack([n_hyp, n_ref, self.known.matches(self.texts, place)], axis=-1)
        return triples.reshape(len(place), -1).astype(np.float64)


def _parted(word: str) -> list[str]:
    """Part one mark of ASCII from the end of a word, or else from its beginning."""
    if len(word) == 1:
        return [word]
    if word[-1] in string.punctuation:
        return [word[:-1], word[-1]]
    if word[0] in string.punctuation:
        return [word[0], word[1:]]
    return [word]
