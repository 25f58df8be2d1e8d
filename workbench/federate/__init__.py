"""Federated evaluation: sites keep their rows, sums travel, and the figures are those of pooling.

Each site writes a `summary` of what it scored; whoever collects them calls `merge`, and gets the
scores, intervals and p-values that one site with all rows would have found.
"""

from workbench.federate.merging import Merged, merge
from workbench.federate.reading import read
from workbench.federate.sums import Cell, Summary, summary

__all__ = ["Cell", "Merged", "Summary", "merge", "read", "summary"]
