"""The bootstrap and the random exchange: full size, the right moments, and the seed decides."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats import Exact, bootstrap_sums, exchanged_sums, resampling
from workbench.stats.resampling import below, counts

repeatable = settings(deadline=None, derandomize=True)
both = pytest.mark.parametrize("resample", [bootstrap_sums, exchanged_sums])


def weights(resample, n_units, samples, seed=0):
    """How often each unit counts: the sums of unit vectors are the weights themselves."""
    return resample(Exact.of(np.eye(n_units)), samples=samples, seed=seed)


def test_one_differing_item_of_1000_is_in_a_resample_as_often_as_theory_says():
    # P(Bin(1000, 1/1000) ≥ 1) = .632305
    at_least_once = 1 - (1 - 1 / 1000) ** 1000
    assert at_least_once == pytest.approx(0.632305, abs=5e-7)
    item = np.zeros((1000, 1))
    item[137] = 1.0
    drawn = bootstrap_sums(Exact.of(item), samples=20_000, seed=0)[:, 0]
    assert np.mean(drawn >= 1) == pytest.approx(at_least_once, abs=4 * 0.0034)


@repeatable
@given(st.integers(1, 9), st.integers(1, 6), st.data())
def test_counts_are_those_of_a_plain_loop(n_units, samples, data):
    row = st.lists(st.integers(0, n_units - 1), min_size=n_units, max_size=n_units)
    drawn = [data.draw(row) for _ in range(samples)]
    naive = [[float(sample.count(unit)) for unit in range(n_units)] for sample in drawn]
    assert counts(np.array(drawn)).tolist() == naive


# of the words for 2³¹ + 1 half are refused, of those for a power of two none
@pytest.mark.parametrize(
    "n", [1, 2, 3, 2_017, 2**20 - 3, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32]
)
@pytest.mark.parametrize("sizes", [[7], [1, 1, 1], [64, 0, 33, 501]])
def test_numbers_below_another_are_those_of_the_generator(n, sizes):
    found = list(below(np.random.default_rng(8), n, sizes))
    assert [len(each) for each in found] == sizes
    expected = np.random.default_rng(8).integers(n, size=sum(sizes))
    assert np.concatenate(found).tolist() == (expected if n > 1 else 0 * expected).tolist()


def test_bootstrap_sums_are_those_of_drawing_one_by_one():
    values = np.array([[3.0, 1.0], [0.5, 1.0], [-2.0, 1.0], [7.0, 1.0], [0.0, 1.0]])
    found = bootstrap_sums(Exact.of(values), samples=50, seed=3)
    drawn = np.random.default_rng([3, 0]).integers(5, size=(50, 5))
    naive = [[sum(values[unit][k] for unit in sample) for k in range(2)] for sample in drawn]
    assert found.tolist() == naive


def test_exchanged_sums_are_those_of_the_units_in():
    values = np.array([[3.0, 1.0], [0.5, 1.0], [-2.0, 1.0], [7.0, 1.0], [0.25, 1.0]])
    chosen = weights(exchanged_sums, 5, 50, seed=3)
    naive = [
        [sum(values[unit][k] for unit in range(5) if sample[unit]) for k in range(2)]
        for sample in chosen
    ]
    assert exchanged_sums(Exact.of(values), samples=50, seed=3).tolist() == naive


@pytest.mark.parametrize("n_units", [1, 2, 7, 8, 9, 100])
def test_every_resample_has_as_many_units_as_the_data(n_units):
    assert (weights(bootstrap_sums, n_units, 200).sum(axis=1) == n_units).all()


@pytest.mark.parametrize("n_units", [1, 2, 7, 8, 9, 100])
def test_an_exchange_takes_a_unit_once_or_not_at_all(n_units):
    assert set(np.unique(weights(exchanged_sums, n_units, 200))) == {0.0, 1.0}


def test_the_sd_of_a_resampled_mean_is_not_inflated_as_in_half_size_samples():
    values = np.random.default_rng(1).normal(size=(400, 1))
    means = bootstrap_sums(Exact.of(values), samples=20_000, seed=0)[:, 0] / 400
    expected = values.std() / math.sqrt(400)
    assert means.std() == pytest.approx(expected, rel=0.02)
    assert means.std() < expected * math.sqrt(2) / 1.3


def test_resampled_sums_have_the_mean_and_the_variance_of_theory():
    values = np.array([[0.0], [1.0], [1.0], [5.0], [-3.0], [2.0]])
    sums = bootstrap_sums(Exact.of(values), samples=40_000, seed=0)[:, 0]
    variance = 6 * values.var()
    assert sums.mean() == pytest.approx(values.sum(), abs=4 * math.sqrt(variance / 40_000))
    assert sums.var() == pytest.approx(variance, rel=0.03)


def test_exchanged_sums_have_the_mean_and_the_variance_of_theory():
    values = np.array([[0.0], [1.0], [1.0], [5.0], [-3.0], [2.0]])
    sums = exchanged_sums(Exact.of(values), samples=40_000, seed=0)[:, 0]
    variance = float((values**2).sum()) / 4
    assert sums.mean() == pytest.approx(values.sum() / 2, abs=4 * math.sqrt(variance / 40_000))
    assert sums.var() == pytest.approx(variance, rel=0.03)


def test_all_ways_to_exchange_three_units_are_equally_likely():
    patterns = weights(exchanged_sums, 3, 16_000) @ np.array([1, 2, 4])
    observed = np.bincount(patterns.astype(int), minlength=8)
    # the 99.9 % point of chi-square with 7 degrees of freedom
    assert ((observed - 2000) ** 2 / 2000).sum() < 24.32


@both
def test_the_seed_decides(resample):
    first, again = weights(resample, 30, 40, seed=5), weights(resample, 30, 40, seed=5)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != weights(resample, 30, 40, seed=6).tobytes()


@both
def test_seed_zero_is_a_seed_like_any_other(resample):
    assert weights(resample, 30, 40, seed=0).tobytes() == weights(resample, 30, 40).tobytes()


@both
@pytest.mark.parametrize("n_units", [1, 3, 8, 21, 64])
@pytest.mark.parametrize("block", [1, 50, 333])
def test_the_size_of_the_blocks_does_not_matter(resample, n_units, block, monkeypatch):
    whole = weights(resample, n_units, 70)
    monkeypatch.setattr(resampling, "_BLOCK", block)
    monkeypatch.setattr(resampling, "_FEWEST_SAMPLES", 1)
    assert weights(resample, n_units, 70).tobytes() == whole.tobytes()


@both
def test_more_samples_begin_with_the_fewer(resample):
    few, many = weights(resample, 12, 40), weights(resample, 12, 80)
    assert many[:40].tobytes() == few.tobytes()


@both
def test_other_systems_beside_one_do_not_change_its_resamples(resample):
    values = np.random.default_rng(0).integers(0, 9, size=(20, 3, 2)).astype(float)
    together = resample(Exact.of(values), samples=30, seed=0)
    alone = resample(Exact.of(values[:, 1:2]), samples=30, seed=0)
    assert together[:, 1:2].tobytes() == alone.tobytes()
