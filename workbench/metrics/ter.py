"""TER, with sacrebleu's figures and signatures."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.metrics.base import Array, Metric, require_references
from workbench.metrics.sacrebleu_peer import segment_statistics, signature

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
        return segment_statistics(self._peer, outputs)

    def aggregate(self, sums: Array) -> Array:
        """Return TER for each sum of statistics; text against empty references is 100."""
        edits, length = sums[..., 0], sums[..., 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            # the peer's arithmetic stays in float32 where that came
            alone = (edits > 0).astype(sums.dtype)
            rate = np.where(length > 0, edits / length, alone)
        return np.asarray(100 * rate)
