"""Tables to plotly figures: one claim per figure, intervals always drawn, rounded numbers in."""

from workbench.views.pairs import matrix, metrics, rows
from workbench.views.systems import forest, leaderboard, slices
from workbench.views.theme import THEME, colours

__all__ = ["THEME", "colours", "forest", "leaderboard", "matrix", "metrics", "rows", "slices"]
