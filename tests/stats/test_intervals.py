"""Intervals: scipy's figures, Student's, the likelihood written out, and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.stats import bootstrap, t

from workbench.stats import bca, jackknife_t, likelihood, small_sample
from workbench.stats.intervals import jackknife_error, percentiles

repeatable = settings(deadline=None, derandomize=True)
samples = st.lists(st.integers(-9, 9).map(float), min_size=3, max_size=12)
levels = st.sampled_from([0.8, 0.9, 0.95])

WAITS = np.array([1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 7.0, 12.0, 19.0, 30.0])


def left_out(values):
    return (values.sum() - values) / (len(values) - 1)


@repeatable
@given(
    st.lists(st.floats(-9, 9) | st.just(math.nan), min_size=1, max_size=60),
    st.integers(1, 3),
    st.floats(0.01, 0.99),
)
def test_percentiles_are_numpys(values, n_rows, level):
    rows = np.array([values[at:] + values[:at] for at in range(n_rows)])
    expected = np.quantile(rows, [(1 - level) / 2, 1 - (1 - level) / 2], axis=1).T
    np.testing.assert_array_equal(percentiles(rows, level), expected)


def test_the_bca_interval_is_scipys():
    peer = bootstrap(
        (WAITS,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(0)
    )
    found = bca(peer.bootstrap_distribution, WAITS.mean(), left_out(WAITS), 0.95)
    # scipy counts half of the ties alike, but takes no account of their rounding
    assert found == pytest.approx(tuple(peer.confidence_interval), abs=0.1)
    assert found[0] > np.quantile(peer.bootstrap_distribution, 0.025)


def test_without_bias_and_skewness_bca_is_the_percentile_interval():
    values = np.linspace(-1.0, 1.0, 4001)
    found = bca(values, 0.0, np.array([-1.0, 1.0, -1.0, 1.0]), 0.9)
    assert found == pytest.approx([-0.9, 0.9], abs=1e-9)


@repeatable
@given(samples, levels)
def test_students_interval_of_a_mean_is_that_of_every_textbook(values, level):
    values = np.array(values)
    n, error = len(values), values.std(ddof=1) / math.sqrt(len(values))
    reach = t.ppf((1 + level) / 2, n - 1) * error
    found = jackknife_t(values.mean(), left_out(values), level)
    assert found == pytest.approx([values.mean() - reach, values.mean() + reach], abs=1e-9)
    assert jackknife_error(left_out(values)) == pytest.approx(error, abs=1e-9)


def owens_ratio(values, mean):
    """−2 log of the likelihood ratio of a mean, by Lagrange's multiplier."""
    gaps = values - mean
    low, high = -1 / gaps.max(), -1 / gaps.min()
    room = 1e-10 * (high - low)
    found = optimize.brentq(lambda each: (gaps / (1 + each * gaps)).sum(), low + room, high - room)
    return 2 * np.log(1 + found * gaps).sum()


def test_at_the_ends_of_the_likelihood_interval_the_ratio_is_the_limit():
    limit = t.ppf(0.975, len(WAITS) - 1) ** 2
    for end in likelihood(WAITS.mean(), left_out(WAITS), 0.95):
        assert owens_ratio(WAITS, end) == pytest.approx(limit, rel=1e-5)


@repeatable
@given(samples, levels)
def test_a_small_sample_interval_is_the_wider_of_two_at_each_end(values, level):
    values = np.array(values)
    given_ = values.mean(), left_out(values), level
    one, other, both = jackknife_t(*given_), likelihood(*given_), small_sample(*given_)
    assert both == [min(one[0], other[0]), max(one[1], other[1])]
    assert both[0] <= values.mean() + 1e-12
    assert both[1] >= values.mean() - 1e-12
    # no weights reach beyond the values
    assert values.min() - 1e-9 <= other[0]
    assert other[1] <= values.max() + 1e-9
    mirrored = small_sample(-values.mean(), -left_out(values), level)
    assert mirrored == pytest.approx([-both[1], -both[0]], abs=1e-9)


@pytest.mark.parametrize("made", [jackknife_t, likelihood, small_sample])
def test_equal_units_have_an_interval_without_width(made):
    assert made(2.0, np.full(5, 2.0), 0.95) == [2.0, 2.0]


@pytest.mark.parametrize("made", [jackknife_t, likelihood, small_sample])
def test_a_figure_that_is_missing_without_some_unit_has_no_interval(made):
    assert np.isnan(made(2.0, np.array([1.0, np.nan, 3.0]), 0.95)).all()


def test_bca_needs_all_figures():
    assert np.isnan(bca(np.array([1.0, np.nan]), 1.0, np.ones(2), 0.95)).all()
    assert np.isnan(bca(np.array([1.0, 2.0]), 1.0, np.array([1.0, np.nan]), 0.95)).all()
    assert bca(np.array([1.0, 1.0]), 1.0, np.ones(2), 0.95) == [1.0, 1.0]
