"""Answers compared with right answers: exact match, token F1, and the ratio of lengths."""

import re
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.metrics.base import Array, Mean, Metric, option, require_references

if TYPE_CHECKING:
    import pandas as pd

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lower the case, drop ASCII punctuation and English articles, and join words by one space.

    References
    ----------
    Rajpurkar et al. (2016), section 6.1.

    Examples
    --------
    >>> normalize_answer("The  Eiffel Tower!")
    'eiffel tower'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def token_f1(prediction: str, reference: str) -> float:
    """Return the F1 of the words that two normalised answers share, 0 to 1.

    Two answers without words are equal (1); an answer without words and one with words share
    nothing (0).

    References
    ----------
    Rajpurkar et al. (2016), section 6.1; SQuAD 2.0 for empty answers (Rajpurkar et al. 2018).

    Examples
    --------
    >>> round(token_f1("the tall tower", "a tower"), 4)
    0.6667
    """
    predicted, expected = normalize_answer(prediction).split(), normalize_answer(reference).split()
    if not predicted or not expected:
        return float(predicted == expected)
    n_shared = (Counter(predicted) & Counter(expected)).total()
    if not n_shared:
        return 0.0
    precision, recall = n_shared / len(predicted), n_shared / len(expected)
    return 2 * precision * recall / (precision + recall)


def _best(outputs: "pd.DataFrame", score: Callable[[str, str], float]) -> Array:
    """Return the best score of each output over its references, beside a count of one."""
    values = [
        (max(score(text, reference) for reference in references), 1.0)
        for text, references in zip(outputs["text"], outputs["references"], strict=True)
    ]
    return np.array(values, dtype=np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class ExactMatch(Mean):
    """Exact match: the share of outputs that equal one of their references, 0 to 1.

    Parameters
    ----------
    normalize : {"squad", "strip", "none"}
        What is levelled before: case, punctuation, articles and white space ("squad"), white space
        at both ends ("strip"), or nothing.
    name : str
        The name in tables.

    References
    ----------
    Rajpurkar et al. (2016), section 6.1.

    Examples
    --------
    >>> ExactMatch().signature
    'nrefs:?|norm:squad|version:wb1'
    """

    normalize: Literal["squad", "strip", "none"] = "squad"
    name: str = "exact_match"
    reads = ("text", "references")

    def __post_init__(self) -> None:
        option("normalize", self.normalize, ("squad", "strip", "none"))

    @property
    def signature(self) -> str:
        """The normalisation and the version of this definition."""
        return f"nrefs:?|norm:{self.normalize}|version:wb1"

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return hit and count of each output."""
        require_references(self, outputs)
        level = self._level
        return _best(outputs, lambda text, reference: float(level(text) == level(reference)))

    def answers(self, outputs: "pd.DataFrame") -> list[str]:
        """Return the normalised texts."""
        return [self._level(text) for text in outputs["text"]]

    def _level(self, text: str) -> str:
        if self.normalize == "squad":
            return normalize_answer(text)
        return text.strip() if self.normalize == "strip" else text


@dataclass(frozen=True)
class TokenF1(Mean):
    """Token F1: the mean overlap of words with the best reference, 0 to 1.

    Parameters
    ----------
    name : str
        The name in tables.

    See Also
    --------
    token_f1 : the score of one answer.

    Examples
    --------
    >>> TokenF1().signature
    'nrefs:?|norm:squad|version:wb1'
    """

    name: str = "token_f1"
    reads = ("text", "references")

    @property
    def signature(self) -> str:
        """The normalisation and the version of this definition."""
        return "nrefs:?|norm:squad|version:wb1"

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return F1 and count of each output."""
        require_references(self, outputs)
        return _best(outputs, token_f1)


@dataclass(frozen=True)
class LengthRatio(Metric):
    """Length ratio: the outputs' total length over that of their closest references.

    Neither end is better, so there is no verdict.

    Parameters
    ----------
    unit : {"words", "characters"}
        What is counted; words stand between white space.
    name : str
        The name in tables.

    Examples
    --------
    >>> LengthRatio().signature
    'nrefs:?|unit:words|ref:closest|version:wb1'
    """

    unit: Literal["words", "characters"] = "words"
    name: str = "length_ratio"
    direction = None
    bounds = (0.0, None)
    reads = ("text", "references")

    def __post_init__(self) -> None:
        option("unit", self.unit, ("words", "characters"))

    @property
    def signature(self) -> str:
        """The unit, the choice of reference and the version of this definition."""
        return f"nrefs:?|unit:{self.unit}|ref:closest|version:wb1"

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return the length of each output and of the reference closest to it."""
        require_references(self, outputs)
        pairs = []
        for text, references in zip(outputs["text"], outputs["references"], strict=True):
            length = self._length(text)
            closest = min(map(self._length, references), key=lambda n: (abs(n - length), n))
            pairs.append((length, closest))
        return np.array(pairs, dtype=np.float64).reshape(-1, 2)

    def _length(self, text: str) -> int:
        return len(text.split()) if self.unit == "words" else len(text)
