"""ROUGE-N, ROUGE-L and ROUGE-Lsum, with rouge_score's figures and a signature of our own."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from workbench.errors import BadValue
from workbench.metrics.base import Array, Mean, option, require_references
from workbench.metrics.grouping import Groups
from workbench.metrics.lines import Lines, numbered
from workbench.metrics.ngrams import Counts, Ints, ReferenceNGrams, totals
from workbench.metrics.splitting import Tokenizer, sentences
from workbench.metrics.subsequence import lcs_lengths
from workbench.metrics.unions import union_hits

if TYPE_CHECKING:
    import pandas as pd

Variant = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "L", "Lsum"]
Measure = Literal["fmeasure", "precision", "recall"]
_MEASURES = ("precision", "recall", "fmeasure")

ROUGE_SCORE = "0.1.2"
"""The version of rouge_score whose figures these are."""

# A tokenizer that drops a larger share of the letters than this does not read the language: Czech
# loses 13 %, Vietnamese a quarter, Russian all; French 4 %, German 2 %.
_TOLERATED_LOSS = 0.1

_NO_LETTERS = bytes(byte for byte in range(128) if not chr(byte).isalpha())


@dataclass(frozen=True)
class ROUGE(Mean):
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
    reads = ("text", "references")

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
        groups = Groups.of(outputs["references"])
        tables = [outputs["text"].tolist(), groups.references]
        if self.variant == "Lsum" and self.split == "sentence":
            tables = [["\n".join(sentences(text)) for text in texts] for texts in tables]
        (texts, references), span = numbered(tables, self.tokenizer, stemmer=self.stemmer)
        hits = self._counter(references, span)
        best = np.full((3, len(outputs)), -1.0)
        for place in groups.places:
            there = np.flatnonzero(place >= 0)
            of = place[there]
            part = texts if len(there) == len(place) else texts.take(there)
            found = overlap(hits(part, of), self._sizes(references)[of], self._sizes(part))
            # of equal ones the first, as rouge_score takes it
            better = found[2] > best[2, there]
            best[:, there[better]] = found[:, better]
        return np.column_stack([best[_MEASURES.index(self.measure)], np.ones(len(outputs))])

    def _counter(self, references: Lines, span: int) -> Callable[[Lines, Ints], Counts]:
        """Return what counts how much texts share with one reference each."""
        if self.variant == "Lsum":
            return lambda texts, of: union_hits(references, texts, of, span)
        if self.variant == "L":
            return lambda texts, of: lcs_lengths(references.texts, texts.texts, of)
        alone, order = np.arange(len(references)), int(self.variant)
        known = ReferenceNGrams(references.texts, alone, order=order, span=span)
        return lambda texts, of: known.matches(texts.texts, of)[:, -1]

    def _sizes(self, lines: Lines) -> Ints:
        """Return how much of each text could be shared: its n-grams, or its words."""
        order = int(self.variant) if self.variant.isdigit() else 1
        return totals(lines.texts.lengths, order)[:, -1]

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
        if not _may_lose(texts, _TOLERATED_LOSS):
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
        if any("\n" in text for text in texts):
            return
        if several := sum(len(sentences(text)) > 1 for text in texts):
            raise BadValue(
                f"{self.name} needs one sentence per line, but none of {len(texts)} texts has a "
                f"line end and {several} have several sentences; use split='sentence', put line "
                "ends in, or strict=False for rouge_score's own figure."
            )


def _may_lose(texts: list[str], share: float) -> bool:
    """Tell whether more than a share of the letters may be outside a–z, without a look at each."""
    foreign = "".join(text for text in texts if not text.isascii())
    plain = foreign.encode("ascii", "ignore")
    # what becomes a letter of a–z in lower case is counted as lost: that only makes more of it
    return len(foreign) - len(plain) > share * len(plain.translate(None, _NO_LETTERS))


def overlap(hits: Counts, n_reference: Ints, n_output: Ints) -> Counts:
    """Count hits against both lengths; of an empty text all are 0.

    Parameters
    ----------
    hits : array of float, shape (n,)
        What each text shares with its reference.
    n_reference, n_output : array of int, shape (n,)
        What the two hold.

    Returns
    -------
    array of float, shape (3, n)
        Precision, recall and F-measure, each from 0 to 1.

    Examples
    --------
    >>> overlap(np.array([1.0, 0.0]), np.array([2, 0]), np.array([1, 0])).round(3).tolist()
    [[1.0, 0.0], [0.5, 0.0], [0.667, 0.0]]
    """
    precision, recall = hits / np.maximum(n_output, 1), hits / np.maximum(n_reference, 1)
    both = precision + recall
    return np.stack([precision, recall, 2 * precision * recall / np.where(both > 0, both, 1.0)])
