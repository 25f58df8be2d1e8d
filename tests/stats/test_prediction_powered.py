"""Prediction-powered means: ppi-python's figures, a naive recomputation, coverage, properties."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as peers

from workbench.errors import BadValue, UnknownName
from workbench.stats import powered_mean
from workbench.stats.intervals import small_sample

repeatable = settings(deadline=None, derandomize=True)

FIGURES = json.loads((Path(__file__).parent / "fixtures/ppi_python/figures.json").read_text())


@pytest.mark.parametrize("case", FIGURES, ids=[each["name"] for each in FIGURES])
def test_means_intervals_and_p_values_are_those_of_ppi_python(case):
    found = powered_mean(
        *(np.array(case[name]) for name in ("labels", "predicted", "unlabelled")),
        level=case["level"],
        tuning=case["tuning"],
        compat="ppi-python",
    )
    assert (found.value, found.ci_low, found.ci_high, found.p) == pytest.approx(
        (case["mean"], case["ci_low"], case["ci_high"], case["p"]), abs=1e-12, rel=1e-9
    )


def test_the_peers_means_are_ours_too():
    for case in FIGURES:
        parts = [np.array(case[name]) for name in ("labels", "predicted", "unlabelled")]
        assert powered_mean(*parts, tuning=case["tuning"]).value == pytest.approx(case["mean"])


def drawn(rng, n, n_others, *, tie=0.1, win=0.5, right=0.75):
    """Preferences of people, −1, 0 and 1, and a judge who says the same or the contrary."""
    u = rng.random(n + n_others)
    truth = np.where(u < win, 1.0, np.where(u < win + tie, 0.0, -1.0))
    judge = np.where(rng.random(n + n_others) < right, truth, -truth)
    return truth[:n], judge[:n], judge[n:]


def naive(labels, predicted, unlabelled, trust):
    """The formulas of the papers, one unit at a time."""
    n, n_others = len(labels), len(unlabelled)
    value = sum(trust * f for f in unlabelled) / n_others
    value += sum(y - trust * f for y, f in zip(labels, predicted, strict=True)) / n
    rest = [y - trust * f for y, f in zip(labels, predicted, strict=True)]
    variances = [
        sum((x - sum(xs) / len(xs)) ** 2 for x in xs) / (len(xs) - 1) for xs in (rest, unlabelled)
    ]
    own, others = variances[0] / n, trust**2 * variances[1] / n_others
    freedom = (own + others) ** 2 / (own**2 / (n - 1) + others**2 / (n_others - 1))
    error = (own + others) ** 0.5
    return value, error, 2 * peers.t.sf(abs(value) / error, freedom)


@pytest.mark.parametrize("trust", [0.0, 0.3, 1.0])
def test_a_naive_recomputation_gives_the_same(trust):
    parts = drawn(np.random.default_rng(3), 30, 80)
    found = powered_mean(*parts, tuning=trust)
    assert (*found[:2], found.p) == pytest.approx(naive(*parts, trust), abs=1e-12)
    rest = parts[0] - trust * parts[1]
    low, high = small_sample(rest.mean(), (rest.sum() - rest) / 29, 0.95)
    half = peers.t.ppf(0.975, 79) * trust * parts[2].std(ddof=1) / 80**0.5
    assert found.ci_low == pytest.approx(found.value - np.hypot(rest.mean() - low, half))
    assert found.ci_high == pytest.approx(found.value + np.hypot(high - rest.mean(), half))


def test_lambda_is_the_one_of_the_smallest_variance():
    parts = drawn(np.random.default_rng(0), 200, 600)
    best = powered_mean(*parts)
    assert 0 < best.tuning < 1
    # λ is estimated from both parts together, so another may do better by a hair
    errors = [powered_mean(*parts, tuning=at).standard_error for at in np.linspace(0, 1, 51)]
    assert best.standard_error <= min(errors) * 1.005


def test_a_tuned_lambda_costs_a_degree_of_freedom():
    parts = drawn(np.random.default_rng(4), 20, 1_000)
    tuned = powered_mean(*parts)
    given_it = powered_mean(*parts, tuning=tuned.tuning)
    assert given_it.value == tuned.value
    assert tuned.standard_error**2 - given_it.standard_error**2 == pytest.approx(
        np.var(parts[0] - tuned.tuning * parts[1], ddof=1) / 20 * (19 / 18 - 1)
    )


def test_without_trust_the_labels_stand_alone():
    labels, predicted, unlabelled = drawn(np.random.default_rng(1), 40, 90)
    found = powered_mean(labels, predicted, unlabelled, tuning=0.0)
    alone = peers.ttest_1samp(labels, 0)
    assert (found.value, found.p) == pytest.approx((labels.mean(), alone.pvalue))
    assert found.n_effective == pytest.approx(40)


def test_a_judge_that_is_right_makes_labels_worth_more():
    found = powered_mean(*drawn(np.random.default_rng(2), 40, 400, right=0.97))
    assert found.n_effective > 120


def test_a_judge_that_does_not_vary_is_not_trusted():
    labels = np.array([0.0, 1.0, 1.0, 0.0])
    found = powered_mean(labels, np.ones(4), np.ones(9))
    assert (found.value, found.tuning) == (0.5, 0.0)


def test_a_judge_that_varies_by_rounding_is_not_trusted():
    predicted = np.array([0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2])
    assert powered_mean(np.array([0.0, 1.0, 0.0, 1.0]), predicted, np.full(9, 0.3)).tuning == 0.0


@pytest.mark.parametrize(
    ("labels", "predicted", "unlabelled", "tuning"),
    [
        (np.ones(5), np.ones(5), np.ones(9), None),
        # 0.1 and 2/3 have no exact mean, so that rounding leaves a variance
        (np.full(20, 0.1), np.full(20, 0.3), np.linspace(0, 1, 30), None),
        (np.full(20, 2 / 3), np.linspace(0, 1, 20), np.linspace(0, 1, 30), None),
        (np.linspace(0, 1, 20) + 0.1, np.linspace(0, 1, 20), np.full(30, 0.7), 1.0),
    ],
)
def test_what_does_not_vary_has_no_interval_and_no_p_value(labels, predicted, unlabelled, tuning):
    found = powered_mean(labels, predicted, unlabelled, tuning=tuning)
    assert np.isfinite(found.value)
    assert np.isnan(found[1:5]).all()
    assert np.isnan(found.n_effective)


def test_values_far_from_nought_vary_as_others_do():
    parts = drawn(np.random.default_rng(6), 30, 80)
    found, far = (powered_mean(*(each + by for each in parts)) for by in (0, 2**20))
    assert far.standard_error == pytest.approx(found.standard_error)


numbers = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=6, max_size=40)


@repeatable
@given(numbers, numbers, st.randoms(use_true_random=False))
def test_order_and_sign_do_not_matter_and_units_carry_over(labelled, others, random):
    n = len(labelled) // 2
    labels, predicted, unlabelled = (
        np.array(each) for each in (labelled[:n], labelled[n : 2 * n], others)
    )
    found = powered_mean(labels, predicted, unlabelled)
    order = random.sample(range(n), n)
    other = powered_mean(labels[order], predicted[order], unlabelled[::-1])
    assert other == pytest.approx(found, abs=1e-6, nan_ok=True)
    turned = powered_mean(-labels, -predicted, -unlabelled)
    assert (turned.value, turned.ci_low, turned.p) == pytest.approx(
        (-found.value, -found.ci_high, found.p), abs=1e-6, nan_ok=True
    )
    # a judge on another scale tells the same
    half = powered_mean(labels, predicted, unlabelled, tuning=0.5)
    scaled = powered_mean(labels, 2 * predicted, 2 * unlabelled, tuning=0.25)
    assert scaled[:5] == pytest.approx(half[:5], abs=1e-6, nan_ok=True)


def covered(n, *, seed, worlds, win, right):
    """Return the share of intervals that hold the truth, of those that there are."""
    rng = np.random.default_rng(seed)
    found = [
        powered_mean(*drawn(rng, n, 300, win=win, tie=0.0, right=right)) for _ in range(worlds)
    ]
    there = [each for each in found if not np.isnan(each.ci_low)]
    return sum(each.ci_low <= 2 * win - 1 <= each.ci_high for each in there) / len(there)


def test_intervals_cover_the_truth():
    assert 0.91 <= covered(30, seed=0, worlds=150, win=0.55, right=0.8) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("n", "win"), [(20, 0.5), (50, 0.5), (200, 0.5), (30, 0.9), (100, 0.9)])
def test_intervals_cover_the_truth_in_more_worlds(n, win):
    # of 1,000 a share of .95 has a standard error of .007
    assert 0.93 <= covered(n, seed=n, worlds=1_000, win=win, right=0.8) <= 0.995


@pytest.mark.slow
def test_equal_systems_are_told_apart_in_one_of_twenty_worlds():
    rng = np.random.default_rng(5)
    ps = [powered_mean(*drawn(rng, 20, 300, win=0.45)).p for _ in range(1_000)]
    assert 0.03 <= np.mean(np.array(ps) <= 0.05) <= 0.07


def test_what_cannot_be_is_refused():
    some = np.array([0.0, 1.0, 1.0])
    with pytest.raises(BadValue) as caught:
        powered_mean(some, some[:2], some)
    assert str(caught.value) == (
        "labels and predictions must be of the same units, one number each, but arrays of shapes "
        "(3,), (2,) and (3,) came; give one prediction per label."
    )
    with pytest.raises(BadValue) as caught:
        powered_mean(some, some, some[:1])
    assert str(caught.value) == (
        "a prediction-powered mean must have at least three labels and two predictions "
        "without a label, but 3 and 1 came; label more, or predict more."
    )
    with pytest.raises(BadValue) as caught:
        powered_mean(some, np.array([0, 1, np.nan]), some)
    assert str(caught.value) == (
        "labels and predictions must be finite numbers, but a missing or infinite one came; leave "
        "such units out, and say so."
    )
    for options in ({"level": 1.0}, {"tuning": 1.5}, {"level": "0.9"}, {"tuning": "1"}):
        with pytest.raises(
            BadValue, match=r"^level must be between 0 and 1 and tuning from 0 to 1"
        ):
            powered_mean(some, some, some, **options)
    with pytest.raises(UnknownName, match=r"^compat must be one of"):
        powered_mean(some, some, some, compat="ppi")
