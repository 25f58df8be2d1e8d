"""Two against each other: every pair of systems, two metrics, two systems row by row."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench import display
from workbench.comparison import Comparison
from workbench.errors import BadValue
from workbench.tables import each_row
from workbench.views.theme import (
    TEXT,
    counted,
    finished,
    label,
    markers,
    metric_name,
    rounded,
    sense,
)

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 5_000
"""More rows than this are thinned out evenly in a figure of rows."""

_MARKS = {"better": "▲", "worse": "▼", "identical": "=", "undecided": "?"}
_SHADES = {"better": 1.0, "worse": -1.0}
# Worse, undecided, better: told apart in grey by their lightness and by the marks in the cells.
_SCALE = [[0.0, "#c8553d"], [0.5, "#b9b9b9"], [1.0, "#0b4f80"]]


def matrix(comparison: Comparison, metric: str | None = None) -> go.Figure:
    """Draw every pair of systems: the row's figure minus the column's, coloured by the verdict.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    metric : str, optional
        The first by default.

    Returns
    -------
    plotly Figure
        Its title counts the pairs that are told apart.

    Raises
    ------
    BadValue
        If there is only one system.
    """
    name = metric_name(comparison, metric)
    deltas = comparison.matrix(name)
    if len(deltas) < 2:
        raise BadValue("a matrix needs at least two systems, but one came; score another.")
    verdicts = comparison.matrix(name, "verdict")
    places = display.digits(comparison.scores.metric(name).bounds, deltas.abs().max().max())
    systems = list(deltas.index)
    # Cells are written by position: pandas makes a missing verdict NaN.
    texts = [
        [
            "" if a == b else f"{_number(deltas.loc[a, b], places)} {_mark(verdicts, a, b)}"
            for b in systems
        ]
        for a in systems
    ]
    shades = [
        [None if a == b else _SHADES.get(str(verdicts.loc[a, b]), 0.0) for b in systems]
        for a in systems
    ]
    names = [label(system) for system in systems]
    figure = go.Figure(
        go.Heatmap(
            z=shades, text=texts, texttemplate="%{text}", colorscale=_SCALE, zmin=-1, zmax=1,
            showscale=False, xgap=2, ygap=2, hoverongaps=False,
            hovertemplate="row %{y}, column %{x}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    ticks = {"tickvals": list(range(len(names))), "ticktext": names, "showgrid": False}
    figure.update_xaxes(ticks | {"side": "top", "tickangle": 45})
    figure.update_yaxes(ticks | {"autorange": "reversed"})
    p_values, alpha = comparison.matrix(name, "p_adjusted"), comparison.settings.alpha
    told = int(((p_values <= alpha) & (deltas != 0)).to_numpy().sum()) // 2
    n_pairs = len(systems) * (len(systems) - 1) // 2
    claim = f"{told} of {n_pairs} pairs are told apart in {label(name)} (row minus column)"
    return finished(figure, claim, "", 120 + 34 * len(systems)).update_layout(margin_b=10)


def metrics(comparison: Comparison, x: str, y: str) -> go.Figure:
    """Draw each system's scores under two metrics, with the intervals of both.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    x, y : str
        Names of metrics.

    Returns
    -------
    plotly Figure
        Its title says whom each metric puts first.
    """
    board = comparison.leaderboard().frame
    names = [metric_name(comparison, name) for name in (x, y)]
    parts = [board[board["metric"] == name] for name in names]
    both = parts[0].merge(parts[1], on="system", suffixes=("_x", "_y"))
    middle = (both["score_x"].min() + both["score_x"].max()) / 2
    marks = markers(comparison)
    figure = go.Figure(
        [_cross(row, marks[row["system"]], row["score_x"] <= middle) for row in each_row(both)]
    )
    axes = [label(name) + sense(comparison, name) for name in names]
    figure.update_yaxes(title_text=axes[1])
    told = f"{display.percent(comparison.settings.level)} intervals, {counted([*both['n_x'], *both['n_y']])}"
    return finished(figure, _firsts(comparison, parts), f"{axes[0]}, {told}", 420)


def _cross(
    row: Mapping[str, Any], marker: Mapping[str, Any], name_to_the_right: bool
) -> go.Scatter:
    """Draw a system's two scores, its name towards the middle of the figure."""
    name = label(row["system"])
    bars = {
        f"error_{axis}": {
            "type": "data",
            "symmetric": False,
            "color": marker["color"],
            "thickness": 1,
            "array": [rounded(row[f"ci_high_{axis}"] - row[f"score_{axis}"])],
            "arrayminus": [rounded(row[f"score_{axis}"] - row[f"ci_low_{axis}"])],
        }
        for axis in ("x", "y")
    }
    return go.Scatter(
        x=[rounded(row["score_x"])],
        y=[rounded(row["score_y"])],
        name=name,
        mode="markers+text",
        text=[name],
        textposition="top right" if name_to_the_right else "top left",
        marker=dict(marker),
        hovertemplate=f"{name}: %{{x}}, %{{y}}<extra></extra>",
        **bars,
    )


def _firsts(comparison: Comparison, parts: "Sequence[pd.DataFrame]") -> str:
    """Say whom each metric puts first; one without a direction puts nobody first."""
    firsts = {
        label(part["metric"].iloc[0]): label(part["system"].iloc[0])
        for part in parts
        if comparison.scores.metric(part["metric"].iloc[0]).direction is not None
    }
    if len(firsts) == 2 and len(set(firsts.values())) == 1:
        return f"{' and '.join(firsts)} both put {next(iter(firsts.values()))} first"
    told = ", ".join(f"{metric} puts {system} first" for metric, system in firsts.items())
    return told or " against ".join(label(part["metric"].iloc[0]) for part in parts)


def rows(
    comparison: Comparison, system: str, other: str | None = None, metric: str | None = None
) -> go.Figure:
    """Draw two systems row by row: each dot is a row, on the line both do equally well.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    system, other : str
        The systems; the other is the baseline by default.
    metric : str, optional
        The first by default.

    Returns
    -------
    plotly Figure
        Its title counts the rows on either side; of more than 5,000 rows an even part is drawn.

    Raises
    ------
    BadValue
        If no row was answered by both.
    """
    name = metric_name(comparison, metric)
    other = other or comparison.settings.baseline
    frame = comparison.by_row(system, other, metric=name)
    if not len(frame):
        raise BadValue(
            f"a figure of rows needs a row that both answered, but {system} and {other} share none "
            f"in {name}; choose another system."
        )
    step = -(-len(frame) // MOST_POINTS)
    drawn = frame.iloc[::step]
    values, others = (drawn[each].map(rounded).tolist() for each in ("value", "other_value"))
    figure = go.Figure(
        go.Scatter(
            x=others,
            y=values,
            text=[label(row_id) for row_id in drawn["row_id"]],
            mode="markers",
            marker={**markers(comparison)[system], "size": 7, "opacity": 0.6},
            hovertemplate="%{text}: %{y} against %{x}<extra></extra>",
        )
    )
    ends = [min(values + others), max(values + others)]
    line = {"x0": ends[0], "y0": ends[0], "x1": ends[1], "y1": ends[1]}
    figure.add_shape(type="line", line={"color": TEXT, "width": 1.5}, **line)
    figure.update_yaxes(title_text=f"{label(name)} of {label(system)}")
    claim = _rows_claim(comparison, frame, (system, other), name)
    claim += f" ({len(drawn)} drawn)" if step > 1 else ""
    return finished(figure, claim, f"{label(name)} of {label(other)}", 420)


def _number(delta: float, places: int) -> str:
    return display.number(delta, display.telling(places, delta))


def _mark(verdicts: "pd.DataFrame", a: str, b: str) -> str:
    return _MARKS.get(str(verdicts.loc[a, b]), "")


def _rows_claim(
    comparison: Comparison, frame: "pd.DataFrame", pair: tuple[str, str], metric: str
) -> str:
    """Count the rows on which a system is better than another, or only higher."""
    direction = comparison.scores.metric(metric).direction
    gain = frame["delta"] * (-1 if direction == "down" else 1)
    words = ("is higher than", "lower", "equal") if direction is None else (
        "does better than", "worse", "as well"
    )  # fmt: skip
    told = (
        f"{label(pair[0])} {words[0]} {label(pair[1])} on {(gain > 0).sum()} rows, {words[1]} on "
        f"{(gain < 0).sum()} and {words[2]} on {(gain == 0).sum()} in {label(metric)}"
    )
    side = {"up": " (above the line: better)", "down": " (below the line: better)", None: ""}
    return told + side[direction]
