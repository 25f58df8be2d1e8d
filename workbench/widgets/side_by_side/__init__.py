"""Systems side by side: a list of rows, a column per system, and the row that is read in full."""

from workbench.widgets.side_by_side.panel import SideBySide

__all__ = ["SideBySide"]
