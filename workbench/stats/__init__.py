"""Numbers in, numbers out: exact sums, resampling, intervals, paired tests, corrections, planning."""

from workbench.stats.binary import mcnemar, newcombe, wilson
from workbench.stats.corrections import adjusted, step_down
from workbench.stats.exact import Exact
from workbench.stats.intervals import bca, jackknife_t, likelihood, small_sample
from workbench.stats.paired import Difference, Interval, Units, bootstrap_p
from workbench.stats.power import cr1, design_effect, detectable_difference, sample_size
from workbench.stats.resampling import bootstrap_sums, exchanged_sums
from workbench.stats.ties import tie_letters

__all__ = [
    "Difference",
    "Exact",
    "Interval",
    "Units",
    "adjusted",
    "bca",
    "bootstrap_p",
    "bootstrap_sums",
    "cr1",
    "design_effect",
    "detectable_difference",
    "exchanged_sums",
    "jackknife_t",
    "likelihood",
    "mcnemar",
    "newcombe",
    "sample_size",
    "small_sample",
    "step_down",
    "tie_letters",
    "wilson",
]
