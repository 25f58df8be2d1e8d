"""TER, with sacrebleu's figures and signatures."""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.metrics.base import Array, Metric, require_references
from workbench.metrics.grouping import Groups
from workbench.metrics.sacrebleu_peer import signature
from workbench.metrics.shifting import Reference

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TER(Metric):
    """Translation edit rate: edits per 100 words of the reference; lower is better, no upper end.

    Parameters
    ----------
    normalized : bool
        Whether punctuation and entities are normalised, as Tercom does.
    no_punct : bool
        Whether punctuation is removed.
    asian_support : bool
        Whether Chinese and Japanese are split into characters (with `normalized`) and their
        punctuation is removed (with `no_punct`).
    case_sensitive : bool
        Whether case counts.
    name : str
        The name in tables.

    Notes
    -----
    TER = 100 · edits / mean length of the references; an edit inserts, deletes, replaces a word or
    shifts a phrase; of several references the nearest gives the edits. Statistics: edits, mean
    reference length.

    References
    ----------
    Snover et al. (2006), section 3.

    Examples
    --------
    >>> TER().signature
    'nrefs:?|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0'
    """

    normalized: bool = False
    no_punct: bool = False
    asian_support: bool = False
    case_sensitive: bool = False
    name: str = "ter"
    direction = "down"
    bounds = (0.0, None)
    reads = ("text", "references")

    @cached_property
    def _peer(self) -> Any:  # noqa: ANN401 - untyped
        from sacrebleu.metrics.ter import TER as Peer

        return Peer(
            normalized=self.normalized,
            no_punct=self.no_punct,
            asian_support=self.asian_support,
            case_sensitive=self.case_sensitive,
        )

    @property
    def signature(self) -> str:
        """sacrebleu's signature."""
        return signature(self._peer)

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return edits and mean reference length of each output."""
        require_references(self, outputs)
        statistics = np.zeros((len(outputs), 2))
        groups, texts = Groups.of(outputs["references"]), outputs["text"].tolist()
        n_outputs = np.bincount(groups.of_output)
        n_references = np.bincount(groups.group_of)
        # one group after the other, so that only its references are held
        outputs_left = iter(np.argsort(groups.of_output, kind="stable").tolist())
        references_left = iter(groups.references)
        for n_here, n_texts in zip(n_outputs.tolist(), n_references.tolist(), strict=True):
            references = [self._reference(each) for each in islice(references_left, n_texts)]
            length = sum(len(each.words) for each in references) / n_texts
            known: dict[str, int] = {}
            for at in islice(outputs_left, n_here):
                text = texts[at]
                if text not in known:
                    words = self._words(text)
                    known[text] = min(each.edits(words) for each in references)
                statistics[at] = known[text], length
        return statistics

    def _reference(self, text: str) -> Reference:
        """Read a reference, which sacrebleu tokenises twice: "&amp;lt;" ends as "<"."""
        once = self._peer._preprocess_segment(text) if self.normalized or self.no_punct else text
        return Reference(self._words(once))

    def _words(self, text: str) -> list[str]:
        """Return the words of a text as sacrebleu tokenises it."""
        if self.normalized or self.no_punct:
            return self._peer._preprocess_segment(text).split()  # type: ignore[no-any-return]
        # all that it does without these two options
        return (text if self.case_sensitive else text.rstrip().lower()).split()

    def aggregate(self, sums: Array) -> Array:
        """Return TER for each sum of statistics; text against empty references is 100."""
        edits, length = sums[..., 0], sums[..., 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            # the peer's arithmetic stays in float32 where that came
            alone = (edits > 0).astype(sums.dtype)
            rate = np.where(length > 0, edits / length, alone)
        return np.asarray(100 * rate)
