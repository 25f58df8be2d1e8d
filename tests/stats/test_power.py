"""Planning: Miller's figures, clusters, and how often planned rows find what they were planned for."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.stats import Units, cr1, design_effect, detectable_difference, sample_size
from workbench.stats.exact import Exact
from workbench.stats.power import rows_needed

repeatable = settings(deadline=None, derandomize=True)
MILLER = {"sd": 1 / 3, "sd_repeat": math.sqrt(1 / 6)}


@pytest.mark.parametrize(("repeats", "n"), [(1, 3876), (10, 1260)])
def test_the_sample_size_is_that_of_the_paper(repeats, n):
    # Miller (2024), section 5: ω² = 1/9, σ² = 1/6, δ = .03, power 80 %
    assert sample_size(0.03, repeats=repeats, **MILLER) == n


@repeatable
@given(
    st.floats(0.01, 2.0), st.floats(0.1, 3.0), st.integers(1, 20), st.floats(0, 1),
    st.integers(1, 30),
)  # fmt: skip
def test_rows_find_the_difference_that_takes_them(delta, sd, cluster_size, icc, comparisons):
    options = {"sd": sd, "cluster_size": cluster_size, "icc": icc, "comparisons": comparisons}
    n = sample_size(delta, **options)
    assert detectable_difference(n, **options) <= delta * (1 + 1e-6)
    if n > 1:
        assert detectable_difference(n - 1, **options) > delta * (1 - 1e-6)


def test_clusters_multiply_the_rows():
    alone, together = (sample_size(0.1, sd=1.0, icc=icc, cluster_size=10) for icc in (0.0, 0.5))
    assert design_effect(10, 0.5) == 5.5
    assert together == pytest.approx(5.5 * alone, abs=6)


def test_the_robust_standard_error_is_the_published_one():
    assert cr1(range(20), [at % 4 for at in range(20)]) == 0.6454972243679028


@repeatable
@given(st.lists(st.integers(-9, 9), min_size=4, max_size=24), st.integers(2, 4))
def test_the_robust_standard_error_of_equal_clusters_is_the_jackknifes(values, size):
    values = np.array(values[: len(values) // size * size], dtype=float)
    clusters = np.arange(len(values)) // size
    if len(set(clusters)) < 2:
        assert math.isnan(cr1(values, clusters))
        return
    statistics = np.stack([np.stack([values, np.ones_like(values)], axis=-1)] * 2, axis=1)
    statistics[:, 1, 0] = 0.0
    units = Units(
        Exact.of(statistics).grouped(clusters, len(set(clusters))),
        lambda sums: sums[..., 0] / sums[..., 1],
    )
    assert units.standard_error(0, 1) == pytest.approx(cr1(values, clusters), abs=1e-9)


def test_each_row_for_itself_has_the_usual_standard_error():
    values = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    assert cr1(values, list("abcde")) == pytest.approx(values.std(ddof=1) / math.sqrt(5), abs=1e-15)


Z = NormalDist().inv_cdf(0.975)


def test_an_interval_that_just_holds_zero_takes_twice_the_rows():
    # (1.96 + 0.84)² / 1.96²
    def needed(delta=0.2, **options):
        return rows_needed(delta, 0.2 / Z, n=100, n_changed=90, **options)

    assert needed() == pytest.approx(100 * 2.04326, rel=1e-4)
    assert needed(0.1) == pytest.approx(4 * needed())
    assert needed(-0.2) == needed()
    assert needed(comparisons=9) > 1.4 * needed()
    assert needed(power=0.9) > needed()
    assert needed(alpha=0.01) > needed()


def test_an_exact_test_needs_six_changed_rows_whatever_they_say():
    assert rows_needed(0.1, 0.0001 / Z, n=50, n_changed=5) == 60
    assert rows_needed(0.1, 0.0001 / Z, n=50, n_changed=5, comparisons=4) == 80


@pytest.mark.parametrize(
    ("delta", "error", "n_changed"),
    [(0.0, 0.1, 20), (math.nan, 0.1, 20), (0.1, 0.1, 0), (0.1, math.nan, 20)],
)
def test_what_is_not_known_cannot_be_planned(delta, error, n_changed):
    assert math.isnan(rows_needed(delta, error, n=50, n_changed=n_changed))


ALPHA = "alpha and power must be between 0 and 1 and comparisons at least 1, but "
SPREAD = "sd and sd_repeat must be at least 0 and repeats at least 1, but "


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: sample_size(0.0, sd=1.0),
            "delta must be a number other than 0, but 0.0 came; say what to find.",
        ),
        (
            lambda: sample_size(0.1, sd=-1.0),
            SPREAD + "-1.0, 0.0 and 1 came; take them from a pilot.",
        ),
        (
            lambda: detectable_difference(9, sd=1.0, sd_repeat=1.0, repeats=0),
            SPREAD + "1.0, 1.0 and 0 came; take them from a pilot.",
        ),
        (
            lambda: sample_size(0.1, sd=1.0, power=1.0),
            ALPHA + "0.05, 1.0 and 1 came; use 0.05, 0.8 and 1.",
        ),
        (
            lambda: sample_size(0.1, sd=1.0, comparisons=0),
            ALPHA + "0.05, 0.8 and 0 came; use 0.05, 0.8 and 1.",
        ),
        (
            lambda: detectable_difference(0, sd=1.0),
            "n must be a number of rows of at least 1, but 0 came; count rows.",
        ),
        (
            lambda: design_effect(0.5, 0.1),
            "cluster_size must be at least 1 and icc between 0 and 1, but 0.5 and 0.1 came; for "
            "rows that stand for themselves use 1 and 0.",
        ),
        (
            lambda: cr1([1.0, 2.0], ["a"]),
            "each value must have a cluster, but values of shape (2,) and clusters of shape (1,) "
            "came; give one of each per row.",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(call, message):
    with pytest.raises(BadValue) as caught:
        call()
    assert str(caught.value) == message
