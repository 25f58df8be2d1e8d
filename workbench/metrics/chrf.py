"""chrF and chrF++, with sacrebleu's figures and signatures."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import BadValue
from workbench.metrics.base import Array, Metric, require_references
from workbench.metrics.sacrebleu_peer import segment_statistics, signature

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
        return segment_statistics(self._peer, outputs)

    def worst(self, outputs: "pd.DataFrame") -> Array:
        """Return the statistics of empty outputs: no match."""
        return self.statistics(outputs.assign(text=""))

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
