"""What people's ratings say of systems."""

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import display
from workbench.tables import each_row
from workbench.views.theme import (
    LINE_WIDTH,
    ROW_PX,
    TEXT,
    dot,
    finished,
    label,
    markers_of,
    named_rows,
    rounded,
)

if TYPE_CHECKING:
    from workbench.display import Sheet


def strengths(standings: "Sheet") -> go.Figure:
    """Draw each system's strength with its interval, the strongest on top.

    Parameters
    ----------
    standings : Sheet
        What `ratings.rank` found.

    Returns
    -------
    plotly Figure
        Its title says who is first, and which ranks it may have.
    """
    frame = standings.frame
    marks = markers_of(frame["system"])
    figure = go.Figure(
        [
            dot(
                at,
                row["system"],
                [rounded(row[name]) for name in ("strength", "ci_low", "ci_high")],
                marks[row["system"]],
            )
            for at, row in enumerate(each_row(frame))
        ]
    ).update_yaxes(named_rows(frame))
    figure.add_vline(
        # strengths add up to nothing, up to the last bits, which are those of the machine
        x=rounded(round(float(frame["strength"].mean()), 9) + 0.0),
        line={"dash": "dot", "color": TEXT, "width": LINE_WIDTH},
    )
    axis = "strength with its interval (dotted: the mean of all systems)"
    return finished(figure, _claim(each_row(frame)), axis, 60 + ROW_PX * len(frame))


def _claim(rows: list[dict[str, object]]) -> str:
    """Say who is first, and how many may be as strong."""
    first = rows[0]
    interval = display.interval(first["strength"], first["ci_low"], first["ci_high"])
    system, n_alike = label(first["system"]), sum(each["rank_low"] == 1 for each in rows) - 1
    if first["rank_high"] == 1:
        return f"{system} is the strongest: {interval}"
    who = f"{n_alike} of {len(rows) - 1} others" if len(rows) > 2 else "the other"
    return f"{system} comes first: {interval}, but {who} may be as strong"
