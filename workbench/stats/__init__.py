"""Numbers in, numbers out: exact sums, resampling, intervals, paired tests, corrections, planning."""

from workbench.stats.binary import mcnemar, newcombe, wilson
from workbench.stats.corrections import adjusted, step_down
from workbench.stats.exact import Exact
from workbench.stats.intervals import bca, jackknife_t, likelihood, small_sample
from workbench.stats.paired import Difference, Interval, Units, bootstrap_p
from workbench.stats.passing import pass_at_k, pass_hat_k
from workbench.stats.power import cr1, design_effect, detectable_difference, sample_size
from workbench.stats.prediction_powered import Powered, powered_mean
from workbench.stats.resampling import bootstrap_sums, exchanged_sums
from workbench.stats.ties import tie_letters
from workbench.stats.variance import Component, Variance, variance_components

__all__ = [
    "Component",
    "Difference",
    "Exact",
    "Interval",
    "Powered",
    "Units",
    "Variance",
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
    "pass_at_k",
    "pass_hat_k",
    "powered_mean",
    "sample_size",
    "small_sample",
    "step_down",
    "tie_letters",
    "variance_components",
    "wilson",
]
