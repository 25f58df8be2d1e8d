"""Systems one under the other: their scores, and their differences from a baseline."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import display
from workbench.comparison import Comparison
from workbench.errors import BadValue
from workbench.tables import each_row
from workbench.views.theme import (
    LINE,
    LINE_WIDTH,
    ROW_PX,
    TEXT,
    counted,
    difference_axis,
    dot,
    finished,
    label,
    markers,
    metric_name,
    named_rows,
    rounded,
    sense,
)

if TYPE_CHECKING:
    import pandas as pd

_SCORE = ("score", "ci_low", "ci_high")
_DIFFERENCE = ("delta", "ci_low", "ci_high")
# Up to so many values are told one by one in a title.
_FEW_SLICES = 3


def leaderboard(comparison: Comparison, metric: str | None = None) -> go.Figure:
    """Draw each system's score with its interval, best on top, the baseline as a line.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    metric : str, optional
        The first by default.

    Returns
    -------
    plotly Figure
        Its title says who leads, and whether that is sure.
    """
    name = metric_name(comparison, metric)
    board = comparison.leaderboard().frame
    frame = board[board["metric"] == name]
    baseline = comparison.settings.baseline
    figure = go.Figure(_dots(comparison, frame, _SCORE)).update_yaxes(named_rows(frame, baseline))
    own = float(frame.loc[frame["system"] == baseline, "score"].iloc[0])
    figure.add_vline(x=rounded(own), line={"dash": "dot", "color": TEXT, "width": LINE_WIDTH})
    sure = display.percent(comparison.settings.level)
    axis = (
        f"{label(name)}{sense(comparison, name)} with {sure} interval (dotted: {label(baseline)})"
    )
    return finished(figure, _lead_claim(comparison, frame, name), axis, 60 + ROW_PX * len(frame))


def forest(comparison: Comparison, metric: str | None = None) -> go.Figure:
    """Draw each system's difference from the baseline with its interval.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    metric : str, optional
        The first by default.

    Returns
    -------
    plotly Figure
        Its title counts the verdicts; with a margin, the loss that does not matter is shaded.

    Raises
    ------
    BadValue
        If there is only one system.
    """
    name = metric_name(comparison, metric)
    frame = comparison.frame[comparison.frame["metric"] == name]
    if not len(frame):
        raise BadValue("a forest needs at least two systems, but one came; score another.")
    figure = go.Figure(_dots(comparison, frame, _DIFFERENCE)).update_yaxes(named_rows(frame))
    figure.add_vline(x=0, line={"color": TEXT, "width": LINE_WIDTH})
    if (margin := comparison.settings.margins.get(name)) is not None:
        down = comparison.scores.metric(name).direction == "down"
        ends = {"x0": 0, "x1": margin if down else -margin}
        figure.add_vrect(**ends, fillcolor=LINE, line_width=0, layer="below")
    claim = _claim(comparison, frame, _verdicts(frame))
    axis = difference_axis(comparison, name)
    return finished(figure, claim, axis, 60 + ROW_PX * len(frame))


def slices(comparison: Comparison, by: str, metric: str | None = None) -> go.Figure:
    """Draw each system's difference from the baseline within each value of a column.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    by : str
        A column of the dataset.
    metric : str, optional
        The first by default.

    Returns
    -------
    plotly Figure
        One panel per value, with the same axis.

    Raises
    ------
    BadValue
        If there is only one system.
    """
    from plotly.subplots import make_subplots

    name = metric_name(comparison, metric)
    if len(comparison.scores.systems) < 2:
        raise BadValue("slices need at least two systems, but one came; score another.")
    found = comparison.slices(by, metrics=[name]).frame
    parts = {str(value): part for value, part in found.groupby("value", sort=False)}
    titles = [
        f"{label(by)}: {label(value)} ({counted(part['n'])})" for value, part in parts.items()
    ]
    figure = make_subplots(
        rows=len(parts),
        cols=1,
        shared_xaxes=True,
        subplot_titles=titles,
        vertical_spacing=0.25 / len(parts),
    )
    for at, part in enumerate(parts.values(), start=1):
        ordered = part.sort_values("delta", ascending=False, kind="stable")
        for trace in _dots(comparison, ordered, _DIFFERENCE):
            figure.add_trace(trace, row=at, col=1)
        figure.update_yaxes(named_rows(ordered), row=at, col=1)
        figure.add_vline(x=0, line={"color": TEXT, "width": LINE_WIDTH}, row=at, col=1)
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": TEXT})
    figure.update_xaxes(showticklabels=True)
    claim = _claim(comparison, found, _slices_claim(by, parts))
    figure = finished(figure, claim, "", 60 + ROW_PX * (len(found) + 3 * len(parts)))
    axis = difference_axis(comparison, name)
    return figure.update_xaxes(title_text=axis, row=len(parts), col=1)


def _dots(
    comparison: Comparison, frame: "pd.DataFrame", figures: Sequence[str]
) -> list[go.Scatter]:
    """Draw one dot with its interval per row; each is a trace of its own, for its marker."""
    marks = markers(comparison)
    return [
        dot(at, row["system"], [rounded(row[name]) for name in figures], marks[row["system"]])
        for at, row in enumerate(each_row(frame))
    ]


def _lead_claim(comparison: Comparison, frame: "pd.DataFrame", metric: str) -> str:
    """Say who is first, and how many of the others cannot be told apart from it."""
    first, others = frame.iloc[0], frame.iloc[1:].dropna(subset="score")
    group = set(first["group"])
    n_tied = sum(bool(group & set(letters)) for letters in others["group"])
    places = min(3, display.digits((None, None), abs(first["score"])))
    figure = display.interval(first["score"], first["ci_low"], first["ci_high"], places)
    system = label(first["system"])
    leads = "leads" if comparison.scores.metric(metric).direction else "is highest"
    if not n_tied:
        return f"{system} {leads} in {label(metric)}: {figure}"
    tied = f"{n_tied} of {len(others)} others" if len(others) > 1 else "the other"
    return (
        f"{system} is first in {label(metric)}: {figure}, but {tied} cannot be told apart from it"
    )


def _claim(comparison: Comparison, frame: "pd.DataFrame", verdicts: str) -> str:
    """Say who is compared with whom, and what came of it; a lone system by its name."""
    systems = frame["system"].unique()
    who = f"{label(systems[0])} against" if len(systems) == 1 else "Against"
    metric = label(frame["metric"].iloc[0])
    against = f"{who} {label(comparison.settings.baseline)} in {metric}"
    return f"{against}: {verdicts}" if verdicts else against


def _slices_claim(by: str, parts: Mapping[str, "pd.DataFrame"]) -> str:
    """Count the verdicts value by value, or the values with any when there are many."""
    parts = {value: part for value, part in parts.items() if part["verdict"].notna().any()}
    if len(parts) <= _FEW_SLICES:
        return "; ".join(f"{label(value)}: {_verdicts(part)}" for value, part in parts.items())
    told = [label(v) for v, p in parts.items() if p["verdict"].isin(["better", "worse"]).any()]
    names = f" ({', '.join(told[:_FEW_SLICES])}{', …' * (len(told) > _FEW_SLICES)})" if told else ""
    return f"a system is told apart in {len(told)} of {len(parts)} values of {label(by)}{names}"


def _verdicts(frame: "pd.DataFrame") -> str:
    """Count the verdicts in words; empty where the metric gives none."""
    counts = frame["verdict"].value_counts()
    if len(frame) == 1:
        return str(*counts.index)
    told = [
        f"{counts[word]} {word}"
        for word in ("better", "worse", "identical", "undecided")
        if word in counts
    ]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
