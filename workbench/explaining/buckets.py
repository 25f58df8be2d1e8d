"""Rows in buckets: how long, how rare, how far apart.

A slice must not know who wrote what. Rows chosen by the length of one system's outputs, say, are
rows on which that system was unlucky, and it looks worse there although the systems are equal. What
is measured here stays the same when two systems exchange their outputs, so that the test of a slice
keeps its size.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from workbench.explaining.texts import answers, text_of, tokens
from workbench.metrics.scoring import Scores
from workbench.metrics.subsequence import lcs_length

if TYPE_CHECKING:
    import pandas as pd

Pair = tuple[str, str]

_UNITS = {"reference_length": " words", "source_length": " words", "lexical_rarity": " bits"}
# Decimal places of values, far above the noise of their last bits; labels have as few of them as
# tell the buckets apart.
_MOST_PLACES = 9


def measured(scores: Scores, bucket: str, pair: Pair) -> "pd.Series[float]":
    """Return a built-in measure of each row that can be measured, in the dataset's order.

    Parameters
    ----------
    scores : Scores
        The outputs with their rows.
    bucket : str
        One of `BUCKETS`.
    pair : tuple of str
        The systems that are compared.
    """
    return _MEASURES[bucket](scores, pair).dropna()


def cut(values: "pd.Series[float]", n_buckets: int, unit: str = "") -> list[tuple[str, list[str]]]:
    """Cut rows into buckets of about the same size; values equal to nine places stay together.

    Parameters
    ----------
    values : Series of float, indexed by row_id
        What is measured.
    n_buckets : int
        The number of buckets, fewer where values are equal.
    unit : str
        What to write behind the ends.

    Returns
    -------
    list of (label, row_ids)
        In the order of their values.

    Examples
    --------
    >>> import pandas as pd
    >>> cut(pd.Series([3.0, 9.0, 5.0, 5.0], index=list("abcd")), 2, " words")
    [('3 to 5 words', ['a', 'c', 'd']), ('9 words', ['b'])]
    """
    if not len(values):
        return []
    values = values.round(_MOST_PLACES)
    shares = np.arange(1, n_buckets) / n_buckets
    edges = np.quantile(values, shares, method="inverted_cdf")
    codes = np.searchsorted(edges, values.to_numpy(), side="left")
    parts = [values[codes == code] for code in np.unique(codes)]
    labels = _labels([(float(part.min()), float(part.max())) for part in parts], unit)
    return [(label, part.index.tolist()) for label, part in zip(labels, parts, strict=True)]


def bucketed(
    scores: Scores, bucket: str, pair: Pair, n_buckets: int
) -> list[tuple[str, list[str]]]:
    """Return the rows of each bucket of a built-in measure; none where nothing can be measured."""
    return cut(measured(scores, bucket, pair), n_buckets, _UNITS.get(bucket, ""))


def _labels(ends: Sequence[tuple[float, float]], unit: str) -> list[str]:
    """Write the ends of buckets with as few places as tell them apart."""
    whole = all(low.is_integer() and high.is_integer() for low, high in ends)
    for places in range(0 if whole else 2, _MOST_PLACES + 1):
        written = [(f"{low:.{places}f}", f"{high:.{places}f}") for low, high in ends]
        if all(above[1] != below[0] for above, below in pairwise(written)):
            break
    return [(low if low == high else f"{low} to {high}") + unit for low, high in written]


def _rows(scores: Scores) -> "pd.DataFrame":
    return scores.outputs.drop_duplicates("row_id").set_index("row_id")


def _per_row(scores: Scores, column: str, measure: Callable[[object], float]) -> "pd.Series[float]":
    """Measure a column of the dataset; nothing where there is no such column."""
    import pandas as pd

    rows = _rows(scores)
    if column not in rows:
        return pd.Series(dtype="float64")
    return rows[column].map(measure).astype("float64")


def _length(cell: object) -> float:
    text = text_of(cell)
    return float("nan") if text is None else len(tokens(text))


def _mean_length(references: object) -> float:
    """Return the mean length of some texts, in words."""
    lengths = [_length(text) for text in references] if isinstance(references, list) else []
    return sum(lengths) / len(lengths) if lengths else float("nan")


def _reference_length(scores: Scores, pair: Pair) -> "pd.Series[float]":  # noqa: ARG001
    return _per_row(scores, "references", _mean_length).round()


def _source_length(scores: Scores, pair: Pair) -> "pd.Series[float]":  # noqa: ARG001
    return _per_row(scores, "input", _length)


def _lexical_rarity(scores: Scores, pair: Pair) -> "pd.Series[float]":  # noqa: ARG001
    """Return the mean −log₂ of the share that each word of the input has of all inputs."""
    rows = _rows(scores)
    if "input" not in rows:
        return _per_row(scores, "input", _length)
    words = {str(row): tokens(text_of(cell) or "") for row, cell in rows["input"].items()}
    counts = Counter(word for each in words.values() for word in each)
    total = counts.total()
    bits = {word: -math.log2(n / total) for word, n in counts.items()}
    return _series(
        {
            row: sum(bits[word] for word in each) / len(each) if each else float("nan")
            for row, each in words.items()
        }
    )


def _length_ratio(scores: Scores, pair: Pair) -> "pd.Series[float]":
    """Return the mean length of the outputs of both systems over that of the references."""
    references = _per_row(scores, "references", _mean_length)
    lengths = [
        {row: sum(map(len, texts)) / len(texts) for row, texts in _outputs(scores, system).items()}
        for system in pair
    ]
    return _series(
        {
            row: (lengths[0][row] + lengths[1][row]) / 2 / of_references
            for row, of_references in zip(map(str, references.index), references, strict=True)
            if of_references > 0 and all(row in each for each in lengths)
        }
    )


def _edit_distance(scores: Scores, pair: Pair) -> "pd.Series[float]":
    """Return the share of words that must be taken out or put in to make one output the other."""
    first, second = (_outputs(scores, system) for system in pair)
    return _series(
        {
            row: sum(_apart(one, other) for one in first[row] for other in second[row])
            / (len(first[row]) * len(second[row]))
            for row in _rows(scores).index
            if row in first and row in second
        }
    )


def _apart(one: Sequence[str], other: Sequence[str]) -> float:
    n_words = len(one) + len(other)
    return 0.0 if one == other else 1 - 2 * lcs_length(one, other) / n_words


def _outputs(scores: Scores, system: str) -> dict[str, list[tuple[str, ...]]]:
    """Return the words of each output of a system, by row."""
    return {row: [*map(tokens, texts)] for row, texts in answers(scores.outputs, system).items()}


def _series(values: dict[str, float]) -> "pd.Series[float]":
    import pandas as pd

    return pd.Series(values, dtype="float64")


_MEASURES: dict[str, Callable[[Scores, Pair], "pd.Series[float]"]] = {
    "reference_length": _reference_length,
    "source_length": _source_length,
    "length_ratio": _length_ratio,
    "lexical_rarity": _lexical_rarity,
    "edit_distance": _edit_distance,
}

BUCKETS = tuple(_MEASURES)
"""The built-in measures, in the order in which they are shown."""

OF_PAIRS = ("length_ratio", "edit_distance")
"""Those that differ from pair to pair of systems."""
