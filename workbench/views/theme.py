"""The one theme of all figures: colours, marks, labels and rounded numbers."""

import html
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench.comparison import Comparison
from workbench.display import percent, plain

if TYPE_CHECKING:
    import pandas as pd

# Mid tones that keep 3:1 against white and against JupyterLab's dark #111; after Okabe and Ito
# (2008), told apart by the colour blind. Marker shapes tell systems apart in grey.
_PALETTE = ("#0072b2", "#c8553d", "#0a8a65", "#a5629a", "#a97a00", "#4b8fc4", "#7d7d7d", "#8a5a2b")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "cross", "x", "hexagon")
TEXT, LINE = "#757575", "rgba(128,128,128,0.35)"
LINE_WIDTH = 1.5
ROW_PX = 30
_TITLE_COLUMNS = 52

THEME = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": TEXT},
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
            "gridcolor": LINE,
            "zeroline": False,
            "automargin": True,
            "title": {"font": {"size": 13}},
        },
        "yaxis": {
            "gridcolor": LINE,
            "zeroline": False,
            "automargin": True,
            "title": {"font": {"size": 13}},
        },
        "margin": {"l": 10, "r": 20, "b": 40},
        "showlegend": False,
    }
)
"""Transparent, so that a figure stands on light and on dark pages."""


def colours(systems: Iterable[str]) -> dict[str, str]:
    """Return the colour of each system, the same in every figure of these systems.

    Examples
    --------
    >>> colours(["b", "a"])["a"]
    '#0072b2'
    """
    return {name: _PALETTE[at % len(_PALETTE)] for at, name in enumerate(sorted(systems))}


def markers(comparison: Comparison) -> dict[str, Mapping[str, Any]]:
    """Return the marker of each system: its colour, and a shape that tells it apart in grey.

    A part of a comparison keeps the markers of the whole. The shapes move on by one with each round
    of colours, so that 64 systems look different.
    """
    return markers_of(comparison.scores.whole or comparison.scores.systems)


def markers_of(systems: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return the marker of each of all systems."""
    chosen, n = colours(systems), len(_PALETTE)
    return {
        name: {"color": colour, "symbol": _SYMBOLS[(at + at // n) % len(_SYMBOLS)], "size": 10}
        for at, (name, colour) in enumerate(chosen.items())
    }


def dot(at: int, system: str, figures: Sequence[float], marker: Mapping[str, Any]) -> go.Scatter:
    """Draw a figure and its interval as a dot with a bar, in the row `at`."""
    value, low, high = figures
    bar = {"type": "data", "symmetric": False, "color": marker["color"], "thickness": 2}
    bar |= {"array": [rounded(high - value)], "arrayminus": [rounded(value - low)]}
    return go.Scatter(
        x=[value],
        y=[at],
        name=label(system),
        mode="markers",
        marker=dict(marker),
        error_x=bar,
        hovertemplate=f"{label(system)}: {value} [{low}, {high}]<extra></extra>",
    )


def named_rows(frame: "pd.DataFrame", baseline: str | None = None) -> dict[str, Any]:
    """Put the systems' names beside their rows, first on top, the baseline in bold.

    Rows are numbers, not names: two long names may look the same when they are cut.
    """
    names = [
        f"<b>{label(system)}</b>" if system == baseline else label(system)
        for system in frame["system"]
    ]
    n_rows = len(names)
    return {"tickvals": list(range(n_rows)), "ticktext": names, "range": [n_rows - 0.5, -0.5]}


def finished(figure: go.Figure, claim: str, axis: str, height: int) -> go.Figure:
    """Give a figure the theme, its claim as a title, the title of its axis and its height."""
    # lines are broken between the characters that are seen, not amidst "&lt;"
    lines = [_inert(line) for line in textwrap.wrap(html.unescape(claim), _TITLE_COLUMNS)]
    above = 35 + 20 * len(lines)
    return figure.update_layout(
        template=THEME,
        title_text="<br>".join(lines),
        height=above + height,
        margin_t=above,
        xaxis_title_text=axis,
    )


def metric_name(comparison: Comparison, metric: str | None) -> str:
    """Return the name of a metric, or of the first."""
    scores = comparison.scores
    return scores.metrics[0].name if metric is None else scores.metric(metric).name


def difference_axis(comparison: Comparison, metric: str) -> str:
    """Say what an axis of differences shows."""
    settings = comparison.settings
    sure = percent(settings.level)
    against = f"{label(metric)} minus that of {label(settings.baseline)}"
    return f"{against}{sense(comparison, metric)}, {sure} interval"


def counted(numbers: Iterable[int]) -> str:
    """Say how many rows there are, or from how many to how many.

    Examples
    --------
    >>> counted([20, 20]), counted([20, 2])
    ('n = 20', 'n = 2 to 20')
    """
    ends = sorted(set(numbers))
    return f"n = {ends[0]}" if ends[0] == ends[-1] else f"n = {ends[0]} to {ends[-1]}"


def sense(comparison: Comparison, metric: str) -> str:
    """Say which end of an axis is better, where it is the unusual one."""
    return " (lower is better)" if comparison.scores.metric(metric).direction == "down" else ""


def label(text: object) -> str:
    """Return a text fit for plotly, which reads a little HTML, formulas and its own templates.

    Examples
    --------
    >>> label("<b>$x$</b> %{y}")
    '&lt;b&gt;&#36;x&#36;&lt;/b&gt; %&#123;y}'
    """
    return _inert(plain(text, width=32))


def _inert(text: str) -> str:
    return html.escape(text, quote=False).replace("$", "&#36;").replace("%{", "%&#123;")


def rounded(value: float) -> float:
    """Round to four significant digits: people read no more, and stored figures stay equal."""
    return float(f"{value:.4g}")
