"""Tables to plotly figures: one claim per figure, intervals always drawn, rounded numbers in."""

import html
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench import display
from workbench.comparison import Comparison
from workbench.display import percent
from workbench.errors import BadValue
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

# Mid tones that keep 3:1 against white and against JupyterLab's dark #111; after Okabe and Ito
# (2008), told apart by the colour blind. Marker shapes tell systems apart in grey.
_PALETTE = ("#0072b2", "#c8553d", "#0a8a65", "#a5629a", "#a97a00", "#4b8fc4", "#7d7d7d", "#8a5a2b")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "cross", "x", "hexagon")
_TEXT, _LINE = "#757575", "rgba(128,128,128,0.35)"
_ROW_PX = 30
_TITLE_COLUMNS = 52

THEME = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": _TEXT},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "title": {
            "x": 0,
            "xref": "container",
            "font": {"size": 15},
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 10},
        },
        "xaxis": {
            "gridcolor": _LINE,
            "zeroline": False,
            "automargin": True,
            "title": {"font": {"size": 13}},
        },
        "yaxis": {"gridcolor": _LINE, "zeroline": False, "automargin": True},
        "margin": {"l": 10, "r": 20, "b": 40},
        "showlegend": False,
    }
)
"""The one theme: transparent, so that it stands on light and on dark pages."""


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
    name = _metric(comparison, metric)
    sheet = comparison.leaderboard().frame
    frame = sheet[sheet["metric"] == name]
    baseline = comparison.settings.baseline
    figure = _dots(frame, "system", ("score", "ci_low", "ci_high"), _marks(comparison))
    own = float(frame.loc[frame["system"] == baseline, "score"].iloc[0])
    figure.add_vline(x=_rounded(own), line={"dash": "dot", "color": _TEXT, "width": 1.5})
    figure.update_yaxes(
        ticktext=_labels(frame["system"], baseline), tickvals=frame["system"].map(_label).tolist()
    )
    axis = f"{name} with {percent(comparison.settings.level)} interval (dotted: {_label(baseline)})"
    return _finished(figure, _lead_claim(frame, name), axis, len(frame))


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
    """
    name = _metric(comparison, metric)
    frame = comparison.frame[comparison.frame["metric"] == name]
    if not len(frame):
        raise BadValue("a forest needs at least two systems, but one came; score another.")
    figure = _dots(frame, "system", ("delta", "ci_low", "ci_high"), _marks(comparison))
    figure.add_vline(x=0, line={"color": _TEXT, "width": 1.5})
    if (margin := comparison.settings.margins.get(name)) is not None:
        down = comparison.scores.metric(name).direction == "down"
        ends = {"x0": 0, "x1": margin if down else -margin}
        figure.add_vrect(**ends, fillcolor=_LINE, line_width=0, layer="below")
    claim = _verdict_claim(frame, name, comparison)
    return _finished(figure, claim, _difference_axis(comparison, name), len(frame))


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
    """
    from plotly.subplots import make_subplots

    name = _metric(comparison, metric)
    found = comparison.slices(by, metrics=[name]).frame
    values = found["value"].unique().tolist()
    sizes = found.groupby("value", sort=False)["n"].max()
    titles = [f"{by}: {_label(value)} (n = {sizes[value]})" for value in values]
    figure = make_subplots(
        rows=len(values),
        cols=1,
        shared_xaxes=True,
        subplot_titles=titles,
        vertical_spacing=0.25 / len(values),
    )
    marks = _marks(comparison)
    for at, value in enumerate(values, start=1):
        part = found[found["value"] == value].sort_values("delta", ascending=False, kind="stable")
        for trace in _traces(part, "system", ("delta", "ci_low", "ci_high"), marks):
            figure.add_trace(trace, row=at, col=1)
        figure.update_yaxes(autorange="reversed", row=at, col=1)
        figure.add_vline(x=0, line={"color": _TEXT, "width": 1.5}, row=at, col=1)
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": _TEXT})
    figure.update_xaxes(showticklabels=True)
    claim = _slice_claim(found, name, comparison)
    figure = _finished(figure, claim, "", len(found) + 3 * len(values))
    return figure.update_xaxes(
        title_text=_difference_axis(comparison, name), row=len(values), col=1
    )


def colours(systems: Iterable[str]) -> dict[str, str]:
    """Return the colour of each system, the same in every figure of these systems.

    Examples
    --------
    >>> colours(["b", "a"])["a"]
    '#0072b2'
    """
    return {name: _PALETTE[at % len(_PALETTE)] for at, name in enumerate(sorted(systems))}


def _marks(comparison: Comparison) -> Mapping[str, Mapping[str, Any]]:
    """Return the marker of each system: colour, and a shape that tells it apart in grey."""
    chosen = colours(comparison.scores.systems)
    return {
        system: {"color": colour, "symbol": _SYMBOLS[at % len(_SYMBOLS)], "size": 10}
        for at, (system, colour) in enumerate(chosen.items())
    }


def _metric(comparison: Comparison, metric: str | None) -> str:
    scores = comparison.scores
    return scores.metrics[0].name if metric is None else scores.metric(metric).name


def _dots(
    frame: "pd.DataFrame",
    label: str,
    figures: tuple[str, str, str],
    marks: Mapping[str, Mapping[str, Any]],
) -> go.Figure:
    figure = go.Figure(_traces(frame, label, figures, marks))
    figure.update_yaxes(autorange="reversed")
    return figure


def _traces(
    frame: "pd.DataFrame",
    label: str,
    figures: tuple[str, str, str],
    marks: Mapping[str, Mapping[str, Any]],
) -> list[go.Scatter]:
    """Draw one dot with its interval per row; each is a trace of its own, for its marker."""
    traces = []
    for row in each_row(frame):
        value, low, high = (_rounded(row[name]) for name in figures)
        marker = marks[row["system"]]
        bar = {"type": "data", "symmetric": False, "color": marker["color"], "thickness": 2}
        bar |= {"array": [_rounded(high - value)], "arrayminus": [_rounded(value - low)]}
        traces.append(
            go.Scatter(
                x=[value],
                y=[_label(row[label])],
                mode="markers",
                marker=dict(marker),
                error_x=bar,
                hovertemplate=f"{_label(row[label])}: {value} [{low}, {high}]<extra></extra>",
            )
        )
    return traces


def _finished(figure: go.Figure, claim: str, axis: str, n_rows: int) -> go.Figure:
    lines = textwrap.wrap(claim, _TITLE_COLUMNS)
    above = 35 + 20 * len(lines)
    return figure.update_layout(
        template=THEME,
        title_text="<br>".join(lines),
        height=above + 60 + _ROW_PX * n_rows,
        margin_t=above,
        xaxis_title_text=axis,
    )


def _difference_axis(comparison: Comparison, metric: str) -> str:
    settings = comparison.settings
    return f"{metric} minus that of {_label(settings.baseline)}, {percent(settings.level)} interval"


def _lead_claim(frame: "pd.DataFrame", metric: str) -> str:
    first = frame.iloc[0]
    group = set(first["group"])
    tied = frame[frame["group"].map(lambda letters: bool(group & set(letters)))]
    places = display.digits((None, None), abs(first["score"]))
    figure = display.interval(first["score"], first["ci_low"], first["ci_high"], min(places, 3))
    if len(tied) == 1:
        return f"{_label(first['system'])} leads in {metric}: {figure}"
    return f"{len(tied)} of {len(frame)} systems cannot be told apart at the top in {metric}; first {_label(first['system'])}: {figure}"


def _verdict_claim(frame: "pd.DataFrame", metric: str, comparison: Comparison) -> str:
    counts = frame["verdict"].value_counts()
    told = [
        f"{counts[word]} {word}"
        for word in ("better", "worse", "identical", "undecided")
        if word in counts
    ]
    against = f"against {_label(comparison.settings.baseline)} in {metric}"
    if not told:
        return f"{len(frame)} systems {against}"
    return f"{' and '.join([', '.join(told[:-1]), told[-1]] if len(told) > 1 else told)} {against}"


def _slice_claim(frame: "pd.DataFrame", metric: str, comparison: Comparison) -> str:
    parts = []
    for value, part in frame.groupby("value", sort=False):
        counts = part["verdict"].value_counts()
        parts.append(
            f"{_label(value)}: {counts.get('better', 0)} better, {counts.get('worse', 0)} worse"
        )
    return f"Against {_label(comparison.settings.baseline)} in {metric}: {'; '.join(parts)}"


def _labels(systems: Iterable[str], baseline: str) -> list[str]:
    return [
        f"<b>{_label(system)}</b>" if system == baseline else _label(system) for system in systems
    ]


def _label(text: object) -> str:
    """Return a text fit for plotly, which reads a little HTML."""
    return html.escape(display.plain(text, width=32), quote=False)


def _rounded(value: float) -> float:
    """Round to four significant digits: people read no more, and stored figures stay equal."""
    return float(f"{value:.4g}")
