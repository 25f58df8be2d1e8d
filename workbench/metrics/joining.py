"""Scores of different systems on one dataset, put together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import is_dataclass

import numpy as np

from workbench.errors import BadValue, some
from workbench.metrics.scoring import Scores, in_order


def join(scores: Sequence[Scores]) -> Scores:
    """Put together the scores of different systems on the same dataset, in its order.

    Raises
    ------
    BadValue
        If the datasets or the metrics differ, a metric has unequal signatures, a part is to be
        joined with the whole, a system or an output_id came twice, or there are no scores.

    Notes
    -----
    Rows stand as in the scores with the most of them; those of others stand after the row that
    they follow there.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "Guten Tag", "references": ["Good day"]}])
    >>> parts = [
    ...     wb.score(wb.outputs(rows, {name: [text]}), rows, [wb.ExactMatch()])
    ...     for name, text in (("a", "Good day"), ("b", "Hello"))
    ... ]
    >>> wb.metrics.join(parts).systems
    ['a', 'b']
    """
    import pandas as pd

    if not scores:
        raise BadValue("join needs at least one result of wb.score, but none came; pass a list.")
    first = scores[0]
    for other in scores[1:]:
        _same_measure(first, other)
    _each_once(scores)
    outputs = pd.concat([each.outputs for each in scores], ignore_index=True)
    merged = _merged([each.outputs["row_id"].unique().tolist() for each in scores])
    order = in_order(outputs, merged).index
    part = any(each.whole for each in scores)
    return Scores(
        outputs=outputs.loc[order].reset_index(drop=True),
        metrics=first.metrics,
        statistics={
            metric.name: np.concatenate([each.statistics[metric.name] for each in scores])[order]
            for metric in first.metrics
        },
        notes={
            metric.name: np.concatenate([each.notes[metric.name] for each in scores])[order]
            for metric in first.metrics
            if all(metric.name in each.notes for each in scores)
        },
        signatures=first.signatures,
        digest=first.digest,
        dataset=first.dataset,
        whole=tuple(sorted({s for e in scores for s in e.whole or e.systems})) if part else (),
    )


def _each_once(scores: Sequence[Scores]) -> None:
    systems = Counter(name for each in scores for name in each.systems)
    if doubled := [name for name, n in systems.items() if n > 1]:
        raise BadValue(
            f"each system must come once, but {some(doubled)} came in several scores; rename one."
        )
    ids = Counter(name for each in scores for name in each.outputs["output_id"])
    if doubled := [name for name, n in ids.items() if n > 1]:
        raise BadValue(
            f"each output_id must come once, but {some(doubled)} came in several scores; rename "
            "them before scoring, such as to system:row_id:repeat."
        )


def _merged(orders: Iterable[Sequence[str]]) -> list[str]:
    """Merge orders of rows: the longest, and in it the others' rows after those they follow."""
    merged: list[str] = []
    for order in sorted(orders, key=len, reverse=True):
        known, last = set(merged), ""
        after: dict[str, list[str]] = {}
        for row in order:
            if row in known:
                last = row
            else:
                after.setdefault(last, []).append(row)
        # what has no row in common with the others tells no place, and comes last
        begin, end = (after.pop("", []), []) if last else ([], after.pop("", []))
        merged = [*begin, *(each for row in merged for each in (row, *after.get(row, ()))), *end]
    return merged


def _same_measure(first: Scores, other: Scores) -> None:
    if lone := sorted(set(first.signatures) ^ set(other.signatures)):
        raise BadValue(
            f"scores to be joined must have the same metrics, but {some(lone)} came on one side "
            "only; score both with the same list."
        )
    for name, signature in first.signatures.items():
        if other.signatures[name] != signature:
            raise BadValue(
                f"figures to be compared must have equal signatures, but {name} came as "
                f"{signature!r} and as {other.signatures[name]!r}; score both with one metric."
            )
    # A peer's signature need not tell every option: sacrebleu's leaves out the beta of chrF.
    for one, same in ((each, other.metric(each.name)) for each in first.metrics):
        if is_dataclass(one) and one != same:
            raise BadValue(
                f"figures to be compared must be made alike, but {one.name} came as {one!r} and as "
                f"{same!r}; score both with one metric."
            )
    if first.digest != other.digest:
        raise BadValue(
            f"figures to be compared must be of one dataset, but {first.dataset} "
            f"({first.digest[:12]}) and {other.dataset} ({other.digest[:12]}) came; score both on one."
        )
    if first.dataset != other.dataset and _condition(first) != _condition(other):
        raise BadValue(
            f"scores to be joined must be of the same rows, but {first.dataset!r} and "
            f"{other.dataset!r} came; join the whole scores, then take a part of them with only."
        )


def _condition(scores: Scores) -> str:
    """Return what `only` has added to the dataset's name."""
    return scores.dataset.partition(" where ")[2] if scores.whole else ""
