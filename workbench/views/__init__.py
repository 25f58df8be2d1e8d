"""Tables to plotly figures: one claim per figure, intervals always drawn, rounded numbers in."""

from workbench.views.explanations import influence, ngrams
from workbench.views.pairs import matrix, metrics, rows
from workbench.views.people import strengths
from workbench.views.systems import forest, leaderboard, slices
from workbench.views.theme import THEME, colours
from workbench.views.trajectories import (
    dashboard,
    latency_over_time,
    pass_hat_k,
    steps_by_outcome,
    timeline,
    tool_sankey,
)

__all__ = [
    "THEME",
    "colours",
    "dashboard",
    "forest",
    "influence",
    "latency_over_time",
    "leaderboard",
    "matrix",
    "metrics",
    "ngrams",
    "pass_hat_k",
    "rows",
    "slices",
    "steps_by_outcome",
    "strengths",
    "timeline",
    "tool_sankey",
]
