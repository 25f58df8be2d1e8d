"""Numbers in, numbers out: exact sums, resampling, paired tests, corrections, tie groups."""

from workbench.stats.corrections import adjusted
from workbench.stats.exact import Exact
from workbench.stats.paired import Difference, Interval, Units, bootstrap_p
from workbench.stats.resampling import bootstrap_sums, exchanged_sums
from workbench.stats.ties import tie_letters

__all__ = [
    "Difference",
    "Exact",
    "Interval",
    "Units",
    "adjusted",
    "bootstrap_p",
    "bootstrap_sums",
    "exchanged_sums",
    "tie_letters",
]
