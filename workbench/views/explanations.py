"""Why two systems differ: the n-grams that they use differently, and the rows that decide."""

import plotly.graph_objects as go

from workbench import display
from workbench.comparison import Comparison
from workbench.errors import BadValue
from workbench.tables import each_row
from workbench.views.pairs import MOST_POINTS
from workbench.views.theme import (
    LINE_WIDTH,
    ROW_PX,
    TEXT,
    dot,
    finished,
    label,
    markers,
    metric_name,
    rounded,
)

_FIGURES = ("log_odds", "ci_low", "ci_high")


def ngrams(
    comparison: Comparison, system: str, other: str | None = None, *, n: int = 15
) -> go.Figure:
    """Draw the n-grams that are told apart: the log odds of one system against another.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    system, other : str
        The systems; the other is the baseline by default.
    n : int
        The most n-grams to draw, the surest first.

    Returns
    -------
    plotly Figure
        A dot per n-gram in the colour of the system that has more of it.

    Raises
    ------
    BadValue
        If no n-gram is told apart.
    """
    other = other or comparison.settings.baseline
    found = comparison.ngrams(system, other).frame
    told = found[found["verdict"] != "undecided"]
    if not len(told):
        raise BadValue(
            f"a figure of n-grams needs one that is told apart, but of {len(found)} tested between "
            f"{system} and {other} none is; look at the table of ngrams."
        )
    drawn, marks = told.head(n), markers(comparison)
    figure = go.Figure(
        [
            dot(at, row["more"], [rounded(row[name]) for name in _FIGURES], marks[row["more"]])
            for at, row in enumerate(each_row(drawn))
        ]
    )
    names = [f"{label(row['ngram'])} ({row['kind']})" for row in each_row(drawn)]
    ticks = {"tickvals": list(range(len(names))), "ticktext": names}
    figure.update_yaxes(ticks | {"range": [len(names) - 0.5, -0.5]})
    figure.add_vline(x=0, line={"color": TEXT, "width": LINE_WIDTH})
    counts = told["more"].value_counts()
    sides = [f"{counts[name]} more in {label(name)}" for name in (system, other) if name in counts]
    shown = f" ({len(drawn)} drawn)" if len(drawn) < len(told) else ""
    claim = f"{len(told)} n-grams are told apart: {' and '.join(sides)}{shown}"
    sure = display.percent(comparison.settings.level)
    axis = f"log odds of {label(system)} against {label(other)}, {sure} interval"
    return finished(figure, claim, axis, 60 + ROW_PX * len(names))


def influence(
    comparison: Comparison, system: str, other: str | None = None, metric: str | None = None
) -> go.Figure:
    """Draw what is left of a difference without the rows that make most of it, one after another.

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
        Its title says how many rows undo the difference.
    """
    name = metric_name(comparison, metric)
    other = other or comparison.settings.baseline
    frame = comparison.influence(system, other, name).frame
    total = float(frame["influence"].iloc[0] + frame["delta_without"].iloc[0])
    left = [total, *frame["delta_rest"].iloc[:-1]]
    step = -(-len(left) // MOST_POINTS)
    figure = go.Figure(
        go.Scatter(
            x=list(range(0, len(left), step)),
            y=[rounded(value) for value in left[::step]],
            mode="lines",
            line={"color": markers(comparison)[system]["color"], "width": 2},
            hovertemplate="without %{x} rows: %{y}<extra></extra>",
        )
    )
    figure.add_hline(y=0, line={"color": TEXT, "width": LINE_WIDTH})
    pair = f"{label(system)} minus {label(other)} in {label(name)}"
    figure.update_yaxes(title_text="difference that is left")
    undone = next((at for at, value in enumerate(left) if value * total <= 0), None)
    places = min(3, display.digits(comparison.scores.metric(name).bounds, abs(total)))
    places = display.telling(places, total)
    claim = f"{pair} is {display.number(total, places)}; " + (
        "no rows undo it"
        if undone is None
        else f"it takes {undone} of {len(frame)} rows to undo it"
    )
    return finished(figure, claim, "rows left out, those that make most of it first", 340)
