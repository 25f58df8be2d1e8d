"""The statistics that sacrebleu computes for each segment.

sacrebleu keeps them behind a private interface, so its version is pinned and
`tests/metrics/test_sacrebleu_peer.py` holds the contract.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.metrics.base import Array

if TYPE_CHECKING:
    import pandas as pd


def segment_statistics(peer: Any, outputs: "pd.DataFrame") -> Array:  # noqa: ANN401 - untyped
    """Return sacrebleu's statistics of each output against its own references.

    Parameters
    ----------
    peer : sacrebleu.metrics.base.Metric
        A sacrebleu metric.
    outputs : DataFrame
        Texts and their references, any number of them per row.

    Returns
    -------
    array of float, shape (n_outputs, k)
    """
    references: dict[tuple[str, ...], Any] = {}
    statistics = []
    for text, texts in zip(outputs["text"], outputs["references"], strict=True):
        key = tuple(texts)
        if key not in references:
            prepared = [peer._preprocess_segment(each) for each in key]
            references[key] = peer._extract_reference_info(prepared)
        hypothesis = peer._preprocess_segment(text)
        statistics.append(peer._compute_segment_statistics(hypothesis, references[key]))
    return np.array(statistics, dtype=np.float64).reshape(len(statistics), -1)


def signature(peer: Any) -> str:  # noqa: ANN401 - untyped
    """Return sacrebleu's signature with the number of references left open."""
    peer.num_refs = "?"
    return str(peer.get_signature())
