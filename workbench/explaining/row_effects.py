"""Rows that decide: what each does to a difference, and where metrics disagree about it."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contrasts import Settings, panels_of
from workbench.errors import BadValue, names_of, some, unknown_name
from workbench.metrics.base import Metric
from workbench.metrics.scoring import Scores, bounded
from workbench.pairing import beside, side_by_side
from workbench.stats.exact import Array, Exact

if TYPE_CHECKING:
    import pandas as pd


def influences(
    scores: Scores,
    settings: Settings,
    metric: Metric,
    pair: tuple[str, str],
    rows: Sequence[str] | None = None,
) -> "tuple[pd.DataFrame, float]":
    """Return what each row does to the difference of two systems, the row that makes most first.

    Beside it stands the difference of these rows; what counts as a failure has a row too.

    Raises
    ------
    BadValue
        If there is no row that both answered.
    UnknownName
        If a row is none of the dataset.
    """
    import pandas as pd

    panel = panels_of(scores, settings, [metric.name])[metric.name]
    row_ids = np.unique(scores.outputs["row_id"].to_numpy(dtype=object))
    mask = panel.rows_of(*pair)
    if rows is not None:
        chosen, known = names_of("rows", rows), set(row_ids)
        if strange := [row for row in chosen if row not in known]:
            raise unknown_name("row_id", strange[0], row_ids)
        mask = mask & np.isin(row_ids, np.array(chosen, dtype=object))
    if not mask.any():
        raise BadValue(
            f"influence needs a row that both answered, but {pair[0]} and {pair[1]} share none in "
            f"{metric.name}; choose another system or other rows."
        )
    places = [panel.systems.index(each) for each in pair]
    found = _effects(metric, panel.statistics[mask][:, places], panel.scale)
    effects = pd.DataFrame({"row_id": row_ids[mask]} | found)
    texts = beside(scores, metric.name, pair, settings.failures)
    frame = texts.merge(effects, on="row_id", how="right", validate="one_to_one")
    position = {row: at for at, row in enumerate(scores.outputs["row_id"].unique())}
    frame = frame.assign(place=frame["row_id"].map(position), made=-frame["contribution"])
    total = _difference(metric, panel.statistics[mask][:, places].sum(axis=0), panel.scale)
    frame["made"] *= -1 if total < 0 else 1
    frame = frame.sort_values(["made", "place"], kind="stable", ignore_index=True)
    order = np.searchsorted(row_ids[mask], frame["row_id"].to_numpy(dtype=object))
    frame["delta_rest"] = _rest(metric, panel.statistics[mask][order][:, places], panel.scale)
    frame["share"] = frame["contribution"] / total if total else np.nan
    last = ["contribution", "share", "influence", "delta_without", "delta_rest"]
    return frame[[*texts.columns, *last]], total


def disagreements(
    scores: Scores, metrics: Sequence[Metric], pairs: Sequence[tuple[str, str]]
) -> "pd.DataFrame":
    """Return the rows of some pairs, those on which the metrics disagree most first.

    Raises
    ------
    BadValue
        If fewer than two metrics have a direction, or one comes twice.
    """
    import pandas as pd

    chosen = [metric for metric in metrics if metric.direction is not None]
    if len(chosen) < 2:
        raise BadValue(
            "disagreement needs two metrics with a direction, but "
            f"{', '.join(each.name for each in chosen) or 'none'} came; score by another."
        )
    if doubled := [name for name, n in Counter(each.name for each in chosen).items() if n > 1]:
        raise BadValue(
            f"disagreement needs metrics that are named once, but {some(doubled)} came twice; name "
            "another."
        )
    parts = [_disagreed(scores, chosen, pair) for pair in pairs]
    if not parts:
        raise BadValue("disagreement needs at least two systems, but one came; score another.")
    frame = pd.concat(parts, ignore_index=True)
    return frame.sort_values("spread", ascending=False, kind="stable", ignore_index=True)


def _disagreed(scores: Scores, metrics: Sequence[Metric], pair: tuple[str, str]) -> "pd.DataFrame":
    """Return the gains of one system on another by row and metric, in units of each metric."""
    import pandas as pd

    tables = [side_by_side(scores, metric.name, *pair).set_index("row_id") for metric in metrics]
    shared = [row for row in tables[0].index if all(row in each.index for each in tables)]
    names = [metric.name for metric in metrics]
    deltas = {
        metric.name: each.loc[shared, "delta"] for metric, each in zip(metrics, tables, strict=True)
    }
    gains = np.column_stack(
        [
            deltas[metric.name].to_numpy() * (-1 if metric.direction == "down" else 1)
            for metric in metrics
        ]
    )
    # not the standard deviation: where all differences are alike there is none
    size = np.sqrt((gains**2).mean(axis=0)) if len(gains) else np.ones(len(names))
    steps = gains / np.where(size > 0, size, 1)
    told: dict[str, Any] = {"system": pair[0], "baseline": pair[1]}
    known = [name for name in ("input", "references") if name in tables[0]]
    told |= {name: tables[0].loc[shared, name] for name in [*known, "text", "other_text"]}
    told |= (
        {"favours": [names[at] for at in steps.argmax(axis=1)]} if len(shared) else {"favours": []}
    )
    told |= (
        {"opposes": [names[at] for at in steps.argmin(axis=1)]} if len(shared) else {"opposes": []}
    )
    told |= {"spread": np.ptp(steps, axis=1) if len(shared) else []}
    told |= {"opposite": (gains > 0).any(axis=1) & (gains < 0).any(axis=1)}
    told |= {f"delta_{name}": delta for name, delta in deltas.items()}
    return pd.DataFrame(told, index=pd.Index(shared, name="row_id")).reset_index()


def _figures(metric: Metric, sums: Array, scale: int) -> Array:
    """Return the figures of sums; 5/0 is as little of a figure as 0/0."""
    figures = bounded(metric, metric.aggregate(sums / scale if scale != 1 else sums))
    return np.where(np.isinf(figures), np.nan, figures)


def _difference(metric: Metric, sums: Exact, scale: int) -> float:
    one, other = _figures(metric, sums.value(), scale)
    return float(one - other)


def _effects(metric: Metric, statistics: Exact, scale: int) -> dict[str, Array]:
    """Return each row's effects, from its statistics of two systems: shape (n_rows, 2, k).

    Notes
    -----
    A row's contribution is what the difference loses when the row is made a tie, by giving the
    first system the second's output there, or the second the first's: the mean of both. For a mean
    this is the row's difference over n, and the contributions add up to the whole.
    """
    total = statistics.sum(axis=0)
    one, other = _figures(metric, total.value(), scale)
    rest = Exact(total.limbs[:, None] - statistics.limbs).value()
    without = _figures(metric, rest, scale)
    # the rest of one system with the row of the other
    swapped = _figures(metric, rest + statistics.value()[:, ::-1], scale)
    return {
        "contribution": ((one - swapped[:, 0]) + (swapped[:, 1] - other)) / 2,
        "influence": (one - other) - (without[:, 0] - without[:, 1]),
        "delta_without": without[:, 0] - without[:, 1],
    }


def _rest(metric: Metric, statistics: Exact, scale: int) -> Array:
    """Return the difference without each row and all before it; NaN when nothing is left."""
    left = statistics.sum(axis=0).limbs[:, None] - np.cumsum(statistics.limbs, axis=1)
    figures = _figures(metric, Exact(left[:, :-1]).value(), scale)
    return np.append(figures[:, 0] - figures[:, 1], np.nan)
