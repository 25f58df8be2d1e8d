"""ROUGE-N, ROUGE-L and ROUGE-Lsum, with rouge_score's figures and a signature of our own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from workbench.errors import BadValue
from workbench.metrics.base import Array, Metric, option, require_references
from workbench.metrics.splitting import Tokenizer, sentences, words
from workbench.metrics.subsequence import lcs_length, lcs_positions

if TYPE_CHECKING:
    import pandas as pd

Variant = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "L", "Lsum"]
Measure = Literal["fmeasure", "precision", "recall"]

ROUGE_SCORE = "0.1.2"
"""The version of rouge_score whose figures these are."""

# A tokenizer that drops a larger share of the letters than this does not read the language: Czech
# loses 13 %, Vietnamese a quarter, Russian all; French 4 %, German 2 %.
_TOLERATED_LOSS = 0.1


@dataclass(frozen=True)
class ROUGE(Metric):
    """ROUGE: words, word pairs or the longest common subsequence shared with a reference, 0 to 1.

    Parameters
    ----------
    variant : {"1", …, "9", "L", "Lsum"}
        N-grams of that length, the longest common subsequence of the whole text ("L"), or its
        union over sentences ("Lsum").
    measure : {"fmeasure", "precision", "recall"}
        Which of the three; of several references the one with the best F-measure counts.
    stemmer : bool
        Whether English words are stemmed (Porter).
    tokenizer : {"rouge_score", "unicode"}
        "rouge_score" keeps a–z and 0–9 only; "unicode" keeps letters, marks and digits of every
        script and splits scripts written without spaces into characters.
    split : {"newline", "sentence"}
        How "Lsum" finds sentences: one per line, or after . ! ? and their like.
    strict : bool
        Whether texts on which rouge_score's figure misleads are refused: letters that the
        tokenizer drops, and "Lsum" without a line end. False gives rouge_score's figure.
    name : str
        The name in tables; "rouge1", "rougeL", …, with the measure when it is not "fmeasure".

    Notes
    -----
    The score of a corpus is the mean over outputs. Statistics: value, count.

    References
    ----------
    Lin (2004), sections 2 and 3; figures equal the package rouge_score 0.1.2 bit for bit.

    Examples
    --------
    >>> ROUGE("L").signature
    'nrefs:?|case:lc|stem:no|tok:rouge_score|measure:fmeasure|version:rouge_score-0.1.2'
    """

    variant: Variant
    measure: Measure = "fmeasure"
    stemmer: bool = False
    tokenizer: Tokenizer = "rouge_score"
    split: Literal["newline", "sentence"] = "newline"
    strict: bool = True
    name: str = ""
    direction = "up"
    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        option("variant", self.variant, get_args(Variant))
        option("measure", self.measure, get_args(Measure))
        option("tokenizer", self.tokenizer, get_args(Tokenizer))
        option("split", self.split, ("newline", "sentence"))
        suffix = "" if self.measure == "fmeasure" else f"_{self.measure}"
        object.__setattr__(self, "name", self.name or f"rouge{self.variant}{suffix}")

    @property
    def signature(self) -> str:
        """The options that make the figure, and the package that defines it."""
        parts = {
            "nrefs": "?",
            "case": "lc",
            "stem": "porter" if self.stemmer else "no",
            "tok": self.tokenizer,
            **({"split": self.split} if self.variant == "Lsum" else {}),
            "measure": self.measure,
            "version": f"rouge_score-{ROUGE_SCORE}",
        }
        return "|".join(f"{key}:{value}" for key, value in parts.items())

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return value and count of each output."""
        require_references(self, outputs)
        values = []
        for text, references in zip(outputs["text"], outputs["references"], strict=True):
            # of equal ones the first, as rouge_score takes it
            best = max(
                (self._overlap(reference, text) for reference in references),
                key=attrgetter("fmeasure"),
            )
            values.append((getattr(best, self.measure), 1.0))
        return np.array(values, dtype=np.float64).reshape(-1, 2)

    def _overlap(self, reference: str, text: str) -> "Overlap":
        if self.variant == "Lsum":
            return union_overlap(self._sentences(reference), self._sentences(text))
        tokens, other = self._words(reference), self._words(text)
        if self.variant == "L":
            return Overlap.of(lcs_length(tokens, other), len(tokens), len(other))
        return ngram_overlap(tokens, other, int(self.variant))

    def _words(self, text: str) -> Sequence[str]:
        return words(text, self.tokenizer, stemmer=self.stemmer)

    def _sentences(self, text: str) -> list[Sequence[str]]:
        parts = sentences(text) if self.split == "sentence" else text.split("\n")
        return [self._words(part) for part in parts if part]

    def worst(self, outputs: "pd.DataFrame") -> Array:
        """Return scores of zero."""
        return np.tile([0.0, 1.0], (len(outputs), 1))

    def refuse(self, outputs: "pd.DataFrame") -> None:
        """Raise BadValue for texts that rouge_score's tokenizer or sentence rule does not read."""
        if not self.strict:
            return
        require_references(self, outputs)
        texts = [*outputs["text"], *(text for texts in outputs["references"] for text in texts)]
        if self.tokenizer == "rouge_score":
            self._refuse_foreign_letters(texts)
        if self.variant == "Lsum" and self.split == "newline":
            self._refuse_single_lines(texts)

    def _refuse_foreign_letters(self, texts: list[str]) -> None:
        if all(map(str.isascii, texts)):
            return
        counts = Counter("".join(texts).lower())
        n_letters = sum(n for letter, n in counts.items() if letter.isalpha())
        n_lost = n_letters - sum(n for letter, n in counts.items() if "a" <= letter <= "z")
        if n_lost > _TOLERATED_LOSS * n_letters:
            raise BadValue(
                f"{self.name} with rouge_score's tokenizer reads only a–z and 0–9, but "
                f"{n_lost / n_letters:.0%} of the letters are others; use tokenizer='unicode', or "
                "strict=False for rouge_score's own figure."
            )

    def _refuse_single_lines(self, texts: list[str]) -> None:
        several = sum(len(sentences(text)) > 1 for text in texts)
        if several and not any("\n" in text for text in texts):
            raise BadValue(
                f"{self.name} needs one sentence per line, but none of {len(texts)} texts has a "
                f"line end and {several} have several sentences; use split='sentence', put line "
                "ends in, or strict=False for rouge_score's own figure."
            )


class Overlap(NamedTuple):
    """What a text shares with a reference, each from 0 to 1."""

    precision: float
    recall: float
    fmeasure: float

    @classmethod
    def of(cls, hits: int, n_reference: int, n_output: int) -> "Overlap":
        """Count hits against both lengths; of an empty text both are 0."""
        precision, recall = hits / max(n_output, 1), hits / max(n_reference, 1)
        both = precision + recall
        return cls(precision, recall, 2 * precision * recall / both if both > 0 else 0.0)


def ngram_overlap(reference: Sequence[str], output: Sequence[str], n: int) -> Overlap:
    """Count the n-grams that two texts share, each as often as in the one with fewer."""
    left, right = _ngrams(reference, n), _ngrams(output, n)
    fewer, more = sorted((left, right), key=len)
    hits = sum(min(count, more[gram]) for gram, count in fewer.items() if gram in more)
    return Overlap.of(hits, max(len(reference) - n + 1, 0), max(len(output) - n + 1, 0))


def _ngrams(tokens: Sequence[str], n: int) -> "Counter[Any]":
    return Counter(tokens if n == 1 else zip(*(tokens[at:] for at in range(n)), strict=False))


def union_overlap(reference: Sequence[Sequence[str]], output: Sequence[Sequence[str]]) -> Overlap:
    """Count the words in the union of each reference sentence's common subsequences.

    A word counts no more often than it stands in either text, as in ROUGE 1.5.5.
    """
    left = Counter(word for sentence in reference for word in sentence)
    right = Counter(word for sentence in output for word in sentence)
    n_left, n_right, hits = left.total(), right.total(), 0
    for sentence in reference:
        for at in sorted(set().union(*(lcs_positions(sentence, other) for other in output))):
            word = sentence[at]
            if left[word] > 0 and right[word] > 0:
                hits += 1
                left[word] -= 1
                right[word] -= 1
    return Overlap.of(hits, n_left, n_right)
