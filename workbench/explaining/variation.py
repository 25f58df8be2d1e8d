"""How much of a metric's variance is due to rows, to systems, and to asking again."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench import display
from workbench.contrasts import Settings
from workbench.display import Sheet
from workbench.errors import BadValue, names_of, some, unknown_name
from workbench.metrics.base import Metric
from workbench.metrics.scoring import Scores
from workbench.pairing import cluster_column
from workbench.stats.variance import Component, Variance, variance_components

if TYPE_CHECKING:
    import pandas as pd


def variance_sheet(
    scores: Scores, settings: Settings, metric: Metric, by: Sequence[str] | None
) -> Sheet:
    """Show where the variance of single outputs comes from, and what more of each would buy.

    Raises
    ------
    BadValue
        If `by` does not tell the systems apart, or fewer than three rows are complete.
    UnknownName
        If a column of `by` does not exist.
    """
    import pandas as pd

    names = ["system"] if by is None else names_of("by", by)
    systems = _crossed(scores, names)
    outputs, n_repeats = _complete(scores, metric, names, systems)
    shape = (-1, *(systems[name].nunique() for name in names), n_repeats)
    rows = outputs.drop_duplicates("row_id")
    clusters = rows[cluster_column(scores.outputs, settings.grouping)].astype("str").tolist()
    values = outputs["_value"].to_numpy().reshape(shape)
    found = variance_components(values, factors=names, clusters=clusters, level=settings.level)
    frame = pd.DataFrame(found.components).rename(columns={"low": "ci_low", "high": "ci_high"})
    frame.insert(0, "metric", metric.name)
    frame = frame.assign(n=found.n, n_repeats=n_repeats, signature=scores.signatures[metric.name])
    places = display.digits(metric.bounds, float(np.abs(values).max())) + 1
    sure = display.percent(settings.level)
    header = ["source", "sd", "share of the variance", f"{sure} from", "to", "degrees of freedom"]
    body = [_line(each, places) for each in found.components]
    told = f"{_caption(scores, settings, metric, found)} {_bought(found, places)}"
    return Sheet(frame, told, header, body)


def _crossed(scores: Scores, names: Sequence[str]) -> "pd.DataFrame":
    """Return the systems with the columns that tell them apart, which must cross in full."""
    for name in names:
        if name not in scores.outputs:
            raise unknown_name("by", name, scores.outputs.columns)
    columns = list(dict.fromkeys(["system", *names]))
    systems = scores.outputs[columns].drop_duplicates()
    apart = names and not systems.duplicated("system").any() and not systems.duplicated(names).any()
    if not apart or math.prod(systems[name].nunique() for name in names) != len(systems):
        raise BadValue(
            f"by must name columns that cross the {len(scores.systems)} systems in full, one for each "
            f"combination of their values, but {some(names) or 'nothing'} came; leave it out, or take a "
            "part by only()."
        )
    return systems


def _complete(
    scores: Scores, metric: Metric, names: Sequence[str], systems: "pd.DataFrame"
) -> "tuple[pd.DataFrame, int]":
    """Return the outputs of the rows that every system answered as often, and how often that is.

    Of what rows have, the number of repeats is taken that keeps most outputs.
    """
    import pandas as pd

    outputs = scores.outputs.assign(_value=scores.values(metric.name)).dropna(subset="_value")
    outputs = outputs.sort_values(["row_id", *names, "repeat"], kind="stable")
    outputs = outputs.assign(_nth=outputs.groupby(["row_id", "system"]).cumcount())
    counts = pd.crosstab(outputs["row_id"], outputs["system"])
    rows = scores.outputs["row_id"].unique()
    least = counts.reindex(index=rows, columns=systems["system"], fill_value=0).min(axis=1)
    n_repeats = max(
        range(1, int(least.max()) + 1), key=lambda k: k * int((least >= k).sum()), default=1
    )
    kept = least.index[least >= n_repeats]
    if len(kept) < 3:
        raise BadValue(
            f"a variance needs three rows that every system answered, but {len(kept)} of "
            f"{scores.outputs['row_id'].nunique()} have a value of {metric.name} for all; take systems "
            "that answered, by only()."
        )
    return outputs[outputs["row_id"].isin(kept) & (outputs["_nth"] < n_repeats)], n_repeats


def _line(component: Component, places: int) -> list[str]:
    """Return the cells of one source."""
    shares = (component.share, component.low, component.high)
    return [
        component.source + (" *" if component.value < 0 else ""),
        "–" if math.isnan(component.value) else display.number(_sd(component), places),
        *("–" if math.isnan(share) else f"{100 * share:.1f} %" for share in shares),
        f"{component.df:,}",
    ]


def _sd(component: Component) -> float:
    return math.sqrt(max(0.0, component.value))


def _caption(scores: Scores, settings: Settings, metric: Metric, found: Variance) -> str:
    """Say whose variance it is, and how it was split."""
    n_all = scores.outputs["row_id"].nunique()
    rows = display.counted(n_all, "row")
    if found.n < n_all:
        rows = f"{found.n} of {rows}, those that every system answered"
    clusters = display.counted(found.n_clusters, "cluster")
    rows += f" in {clusters}" if found.n_clusters < found.n else ""
    below = " * Estimated below 0: none of it is seen." * any(
        each.value < 0 for each in found.components
    )
    return (
        f"Where the variance of {metric.name} over single outputs comes from. {scores.dataset}, "
        f"{rows} × {display.counted(found.n_systems, 'system')} × "
        f"{display.counted(found.n_repeats, 'repeat')}; analysis of variance, "
        f"{display.percent(settings.level)} intervals by leaving out.{below}"
    )


def _bought(found: Variance, places: int) -> str:
    """Say what more rows, and more repeats, would do for a comparison."""

    def error(**more: float) -> str:
        return display.number(found.error_with(**more), places)

    of = "The difference of two systems" if found.n_systems > 1 else "The system's mean"
    told = (
        f"{of} has a standard error of {error()}; with twice the rows it would be {error(rows=2)}"
    )
    if found.n_repeats == 1:
        return f"{told}. Each row was answered once, so that what repeats add cannot be told from the rows."
    return (
        f"{told}, with twice the repeats, as many calls, {error(repeats=2)}, and with endless repeats "
        f"{error(repeats=math.inf)}."
    )
