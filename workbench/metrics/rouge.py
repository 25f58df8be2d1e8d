"""ROUGE-N, ROUGE-L and ROUGE-Lsum, with rouge_score's figures and a signature of our own."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from workbench.errors import BadValue
from workbench.metrics.base import Array, Metric, option, require_references

if TYPE_CHECKING:
    import pandas as pd

Variant = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "L", "Lsum"]
Measure = Literal["fmeasure", "precision", "recall"]

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
    tokenizer: Literal["rouge_score", "unicode"] = "rouge_score"
    split: Literal["newline", "sentence"] = "newline"
    strict: bool = True
    name: str = ""
    direction = "up"
    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        option("variant", self.variant, get_args(Variant))
        option("measure", self.measure, get_args(Measure))
        option("tokenizer", self.tokenizer, ("rouge_score", "unicode"))
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
            "version": f"rouge_score-{version('rouge-score')}",
        }
        return "|".join(f"{key}:{value}" for key, value in parts.items())

    @cached_property
    def _peer(self) -> Any:  # noqa: ANN401 - untyped
        from rouge_score.rouge_scorer import RougeScorer

        tokenizer = _UnicodeTokenizer(self.stemmer) if self.tokenizer == "unicode" else None
        kind = f"rouge{self.variant}"
        return RougeScorer([kind], use_stemmer=self.stemmer, tokenizer=tokenizer)

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return value and count of each output."""
        require_references(self, outputs)
        values = []
        for text, references in zip(outputs["text"], outputs["references"], strict=True):
            prepared = [self._prepare(reference) for reference in references]
            score = self._peer.score_multi(prepared, self._prepare(text))[f"rouge{self.variant}"]
            values.append((getattr(score, self.measure), 1.0))
        return np.array(values, dtype=np.float64).reshape(-1, 2)

    def worst(self, outputs: "pd.DataFrame") -> Array:
        """Return scores of zero."""
        return np.tile([0.0, 1.0], (len(outputs), 1))

    def _prepare(self, text: str) -> str:
        if self.variant == "Lsum" and self.split == "sentence":
            return "\n".join(sentences(text))
        return text

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


def sentences(text: str) -> list[str]:
    """Split a text into sentences, after . ! ? … and their kin, and at line ends.

    A simple rule without a list of abbreviations: it serves to line sentences up in ROUGE-Lsum.

    Examples
    --------
    >>> sentences('It rained. "Will it stop?" she asked. 3.5 mm fell.')
    ['It rained.', '"Will it stop?" she asked.', '3.5 mm fell.']
    """
    import regex

    return [part for part in map(str.strip, regex.split(_SENTENCE_END, text)) if part]


# After a full stop (and closing quotes) and before a capital, a digit or a letter without case.
_SENTENCE_END = (
    r"""(?V1)(?<=[.!?…]["'”’»)\]]*)\s+(?=["'“‘«(\[]*[\p{Lu}\p{Lt}\p{Lo}\p{N}])"""
    r"""|(?<=[。！？｡]["'”’」』）]*)(?!["'”’」』）])|\n+"""
)


class _UnicodeTokenizer:
    """Words of every script, lower case; scripts written without spaces go by character."""

    def __init__(self, stemmer: bool) -> None:
        import regex
        from nltk.stem.porter import PorterStemmer

        unspaced = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
        self._pattern = regex.compile(
            rf"[{unspaced}]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--[{unspaced}]]+", regex.V1
        )
        self._stem = PorterStemmer().stem if stemmer else None

    def tokenize(self, text: str) -> list[str]:
        words = self._pattern.findall(unicodedata.normalize("NFKC", text).lower())
        if self._stem is None:
            return list(words)
        return [self._stem(w) if len(w) > 3 and w.isascii() else w for w in words]
