"""Two systems on the same units: scipy's figures, plain enumerations, and how often a null falls."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.metrics import BLEU
from workbench.stats import (
    Exact,
    Units,
    bootstrap_p,
    bootstrap_sums,
    exchanged_sums,
    mcnemar,
    newcombe,
    small_sample,
    wilson,
)
from workbench.stats import paired as paired_module

repeatable = settings(deadline=None, derandomize=True)


def mean(sums):
    return sums[..., 0] / sums[..., 1]


def ratio(sums):
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 0] / sums[..., 1]


def finite_ratio(sums):
    return np.where(sums[..., 1] > 0, ratio(sums), np.nan)


def with_counts(*columns):
    """Values of systems, one column each, as units with a count of one."""
    values = np.array(columns, dtype=np.float64).T
    return np.stack([values, np.ones_like(values)], axis=-1)


def units(*columns, **options):
    return Units(Exact.of(with_counts(*columns)), mean, **options)


def enumerated(statistics, aggregate):
    """The exact p-value by every exchange of every unit; one without a figure counts."""
    pairs = statistics.tolist()
    sizes = []
    for swaps in itertools.product([False, True], repeat=len(pairs)):
        sums = [[0.0] * len(pairs[0][0]) for _ in range(2)]
        for (a, b), swap in zip(pairs, swaps, strict=True):
            for total, unit in zip(sums, (b, a) if swap else (a, b), strict=True):
                for k, value in enumerate(unit):
                    total[k] += value
        figures = aggregate(np.array(sums))
        sizes.append(abs(figures[0] - figures[1]))
    observed = sizes[0]
    return sum(not size < observed - 1e-9 for size in sizes) / len(sizes)


# scipy 1.17.1, permutation_test((a, b), difference of means, permutation_type="samples",
# n_resamples=inf)
SCIPY_MEANS = [
    ([12, 15, 11, 18, 14, 16, 13, 17], [11, 13, 12, 15, 14, 12, 13, 12], 0.09375),
    ([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8], 0.580078125),
    ([1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1], [0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0], 0.125),
]


@pytest.mark.parametrize(("a", "b", "p"), SCIPY_MEANS)
def test_p_of_a_difference_of_means_is_scipys(a, b, p):
    assert units(a, b).difference(0, 1).p == p


def test_p_of_a_difference_of_ratios_is_scipys():
    # scipy 1.17.1, permutation_test with the ratio of sums as the statistic
    a = list(zip([3, 0, 5, 2, 4, 1, 6, 2], [5, 4, 6, 3, 5, 2, 8, 4], strict=True))
    b = list(zip([2, 1, 3, 2, 1, 1, 4, 0], [6, 3, 6, 2, 4, 4, 7, 3], strict=True))
    found = Units(Exact.of(np.array([a, b], float).swapaxes(0, 1)), ratio).difference(0, 1)
    assert found.p == 0.1015625
    assert found.delta == pytest.approx(0.22162162162162158, abs=1e-15)


# 60 pairs, and percentile intervals of scipy 1.17.1's bootstrap with 200,000 resamples
LEFT = [18, 12, 13, 17, 11, 15, 16, 4, 1, 6, 5, 17, 18, 0, 9, 16, 2, 15, 2, 9]
LEFT += [16, 6, 6, 5, 14, 5, 19, 8, 9, 10, 11, 11, 10, 19, 16, 15, 14, 12, 6, 19]
LEFT += [9, 4, 16, 3, 17, 12, 2, 0, 8, 0, 2, 10, 19, 9, 16, 18, 16, 12, 8, 10]
RIGHT = [20, 12, 14, 19, 6, 19, 20, 7, -4, 4, 1, 19, 15, 1, 9, 20, 0, 11, 0, 12]
RIGHT += [15, 8, 1, 1, 17, 4, 14, 4, 6, 8, 15, 8, 10, 23, 18, 14, 11, 11, 4, 15]
RIGHT += [7, 5, 14, 2, 20, 16, 0, 1, 7, 1, 4, 13, 20, 5, 16, 19, 15, 7, 9, 9]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_intervals_are_scipys_within_monte_carlo_error(seed):
    found = units(LEFT, RIGHT, samples=20_000, seed=seed, interval_method="percentile")
    difference = found.difference(0, 1)
    assert difference.ci_low == pytest.approx(-0.26667, abs=0.04)
    assert difference.ci_high == pytest.approx(1.13333, abs=0.04)
    single = found.interval(0)
    assert single == (np.mean(LEFT), single.low, single.high, "percentile interval")
    assert single.low == pytest.approx(9.01667, abs=0.08)
    assert single.high == pytest.approx(11.9, abs=0.08)


def test_the_interval_of_a_ratio_at_another_level_is_scipys():
    both = np.array([LEFT, RIGHT, [0] * 60, [1] * 60], float).reshape(2, 2, 60).transpose(2, 0, 1)
    found = Units(Exact.of(both), ratio, samples=20_000, level=0.9, interval_method="percentile")
    found = found.interval(0)
    assert found.value == sum(LEFT) / sum(RIGHT)
    assert found.low == pytest.approx(0.98611, abs=0.006)
    assert found.high == pytest.approx(1.11204, abs=0.006)


whole = st.integers(-3, 3).map(float)
pairs = st.lists(st.tuples(whole, whole), min_size=1, max_size=9)


@repeatable
@given(pairs)
def test_p_of_means_is_that_of_a_plain_enumeration(values):
    a, b = zip(*values, strict=True)
    assert units(a, b, samples=20).difference(0, 1).p == enumerated(with_counts(a, b), mean)


tenths = st.integers(-30, 30).map(lambda value: value / 10)


@repeatable
@given(st.lists(st.tuples(tenths, tenths), min_size=1, max_size=8))
def test_differences_that_only_rounding_tells_apart_count_as_ties(values):
    a, b = zip(*values, strict=True)
    in_tenths = with_counts([round(10 * v) for v in a], [round(10 * v) for v in b])
    assert units(a, b, samples=20).difference(0, 1).p == enumerated(in_tenths, mean)


segment = st.tuples(st.integers(1, 9), st.integers(1, 9), *[st.integers(0, 4)] * 4)


def bleu_statistics(parts):
    length, reference, *matches = parts
    totals = [max(length - order, 0) for order in range(4)]
    hits = [min(hit, n) for hit, n in zip(matches, totals, strict=True)]
    return [float(value) for value in (length, reference, *hits, *totals)]


@repeatable
@given(st.lists(st.tuples(segment, segment), min_size=1, max_size=7))
def test_p_of_bleu_is_that_of_a_plain_enumeration(segments):
    statistics = np.array([[bleu_statistics(each) for each in pair] for pair in segments])
    found = Units(Exact.of(statistics), BLEU().aggregate, samples=20).difference(0, 1)
    assert found.p == enumerated(statistics, BLEU().aggregate)


@repeatable
@given(st.lists(st.tuples(st.tuples(tenths, tenths), st.tuples(tenths, tenths)), max_size=7))
def test_p_of_a_ratio_counts_exchanges_without_a_figure(values):
    statistics = np.array([((1.0, 2.0), (0.0, 1.0)), *values])
    statistics[..., 1] = np.abs(np.round(statistics[..., 1]))

    found = Units(Exact.of(statistics), ratio, samples=20).difference(0, 1)
    if math.isnan(found.delta):
        assert math.isnan(found.p)
    else:
        assert found.p == enumerated(statistics, finite_ratio)


def random_p(statistics, aggregate, samples, seed):
    """(c + 1)/(R + 1) by a plain loop over the same flips."""
    n_units = len(statistics)
    flips = exchanged_sums(Exact.of(np.eye(n_units)), samples=samples, seed=seed)
    observed = np.abs(np.subtract(*aggregate(statistics.sum(axis=0))))
    n_hits = 0
    for flip in flips.astype(bool):
        swapped = statistics.copy()
        swapped[flip] = swapped[flip][:, ::-1]
        n_hits += np.abs(np.subtract(*aggregate(swapped.sum(axis=0)))) >= observed - 1e-9
    return (n_hits + 1) / (samples + 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_p_of_many_changed_units_is_that_of_a_plain_loop(seed, shift):
    rng = np.random.default_rng(seed)
    statistics = with_counts(*np.round(rng.normal(size=(2, 40)) + np.array([[shift], [0]]), 1))
    found = Units(Exact.of(statistics), mean, samples=300, seed=seed).difference(0, 1)
    assert found.method == "randomisation, 300 exchanges"
    assert found.p == random_p(statistics, mean, 300, seed)


@pytest.mark.parametrize("seed", range(3))
def test_p_of_bleu_over_many_changed_units_is_that_of_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    statistics = np.array(
        [
            [bleu_statistics([*rng.integers(3, 9, 2), *rng.integers(0, 5, 4)]) for _ in range(2)]
            for _ in range(30)
        ]
    )
    found = Units(Exact.of(statistics), BLEU().aggregate, samples=200, seed=seed).difference(0, 1)
    assert found.p == random_p(statistics, BLEU().aggregate, 200, seed)


@repeatable
@given(st.lists(st.tuples(segment, segment, segment), min_size=1, max_size=30), st.integers(0, 3))
def test_approximate_figures_change_no_p_value(segments, seed):
    statistics = np.array([[bleu_statistics(each) for each in row] for row in segments])
    metric = BLEU()
    exact, nearly = (
        Units(Exact.of(statistics), metric.aggregate, samples=50, seed=seed, approximate=each)
        for each in (None, metric.approximate)
    )
    pairs = [(0, 1), (0, 2), (2, 1)]
    for one, other in zip(exact.differences(pairs), nearly.differences(pairs), strict=True):
        assert (one.p, one.delta, one.n_changed, one.method) == (
            other.p,
            other.delta,
            other.n_changed,
            other.method,
        )
        assert (one.ci_low, one.ci_high) == pytest.approx(
            (other.ci_low, other.ci_high), abs=1e-10, nan_ok=True
        )


@pytest.mark.parametrize(
    ("largest", "kind"), [(2**22 - 1, np.float32), (2**22, np.float64), (0.5, np.float64)]
)
def test_sums_are_in_single_precision_only_where_it_adds_them_exactly(largest, kind):
    some = units([largest, 0.0], [0.0, largest], samples=50)
    one, other = some._exchanged_sums(0, 1)
    assert one.dtype == other.dtype == kind
    assert set(one[:, 0].tolist()) == {0.0, largest, 2.0 * largest}
    assert (one + other).tolist() == [[2.0 * largest, 4.0]] * 50


def test_many_pairs_are_those_of_one_by_one(monkeypatch):
    rng = np.random.default_rng(9)
    several = units(*rng.integers(0, 9, size=(5, 40)), samples=100)
    pairs = list(itertools.combinations(range(5), 2))
    monkeypatch.setattr(paired_module, "_RESAMPLED", 300)
    for test in ("randomisation", "bootstrap"):
        single = [several.difference(*pair, test=test) for pair in pairs]
        assert several.differences(pairs, test=test) == single


@pytest.mark.parametrize(("n_better", "p"), [(1, 1.0), (2, 0.5), (3, 0.25)])
def test_one_two_or_three_better_of_1000_are_no_discovery(n_better, p):
    better = [1.0] * n_better + [0.1] * (1000 - n_better)
    assert units(better, [0.1] * 1000, samples=50).difference(0, 1).p == p


@pytest.mark.parametrize("test", ["randomisation", "bootstrap"])
def test_a_system_against_itself_has_p_one_and_no_difference(test):
    found = units(LEFT, LEFT, samples=200).difference(0, 1, test=test)
    score = float(np.mean(LEFT))
    assert found == (score, score, 0.0, 0.0, 0.0, 1.0, 0, "identical", "")


def test_up_to_16_changed_units_are_enumerated_and_17_are_drawn():
    same, low = [5.0] * 30, [1.0, 2.0, 3.0, 4.0] * 4
    sixteen = units(same, [*low, *same[16:]], samples=100).difference(0, 1)
    assert sixteen[5:8] == (2 / 2**16, 16, "exact randomisation, 65536 exchanges")
    seventeen = units(same, [*low, 1.0, *same[17:]], samples=100).difference(0, 1)
    assert seventeen[5:8] == (1 / 101, 17, "randomisation, 100 exchanges")


def test_exact_and_random_p_agree_within_monte_carlo_error(monkeypatch):
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 6, size=(2, 14))
    exact = units(a, b).difference(0, 1)
    monkeypatch.setattr(paired_module, "MAX_EXACT", 0)
    drawn = units(a, b, samples=20_000).difference(0, 1)
    assert (exact.method, drawn.method) == (
        f"exact randomisation, {2**exact.n_changed} exchanges",
        "randomisation, 20000 exchanges",
    )
    assert drawn.p == pytest.approx(exact.p, abs=4 * math.sqrt(exact.p * (1 - exact.p) / 20_000))


@repeatable
@given(pairs, st.sampled_from(["randomisation", "bootstrap"]), st.integers(0, 5))
def test_exchanging_the_systems_mirrors_the_difference(values, test, seed):
    found = units(*zip(*values, strict=True), samples=60, seed=seed)
    there, back = found.difference(0, 1, test=test), found.difference(1, 0, test=test)
    assert (there.delta, there.n_changed, there.method) == (
        -back.delta,
        back.n_changed,
        back.method,
    )
    assert there.p == back.p or (math.isnan(there.p) and math.isnan(back.p))
    assert (there.ci_low, there.ci_high) == pytest.approx(
        (-back.ci_high, -back.ci_low), abs=1e-12, nan_ok=True
    )


@repeatable
@given(pairs, st.randoms(use_true_random=False))
def test_an_exact_p_does_not_depend_on_the_order_of_the_units(values, random):
    shuffled = random.sample(values, len(values))
    straight = units(*zip(*values, strict=True), samples=20).difference(0, 1)
    mixed = units(*zip(*shuffled, strict=True), samples=20).difference(0, 1)
    assert (straight.delta, straight.p) == (mixed.delta, mixed.p)


@repeatable
@given(pairs, st.integers(-50, 50), st.integers(1, 9))
def test_shifting_and_stretching_a_mean_leaves_p_alone(values, shift, factor):
    a, b = zip(*values, strict=True)
    moved = units(
        [factor * v + shift for v in a], [factor * v + shift for v in b], samples=20
    ).difference(0, 1)
    assert moved.p == units(a, b, samples=20).difference(0, 1).p


@repeatable
@given(pairs)
def test_what_is_equal_in_sum_counts_as_unchanged(values):
    a, _ = zip(*values, strict=True)
    halves = with_counts([value / 2 for value in a for _ in range(2)], [*a, *[0.0] * len(a)])
    halves[:, 1, 0] = [value for each in a for value in (each, 0.0)]
    codes = np.repeat(np.arange(len(a)), 2)
    grouped = Exact.of(halves).grouped(codes, len(a))
    assert Units(grouped, mean, samples=20).difference(0, 1).method == "identical"


def test_a_scale_divides_the_sums_before_they_become_a_figure():
    three = Exact.of(with_counts(LEFT, RIGHT)).scaled(np.array(3))
    assert Units(three, mean, scale=3, samples=50).difference(0, 1) == units(
        LEFT, RIGHT, samples=50
    ).difference(0, 1)


@pytest.mark.parametrize("smooth_method", ["exp", "floor", "add-k"])
def test_a_figure_that_smooths_small_counts_sees_them_unscaled(smooth_method):
    # no 4-gram matches, so the smoothing decides
    statistics = np.array(
        [[bleu_statistics([7, 7, hits, 2, 1, 0]) for hits in (own, 3)] for own in (4, 5, 3, 2)]
    )
    aggregate = BLEU(smooth_method=smooth_method).aggregate
    three = Exact.of(statistics).scaled(np.array(3))
    assert Units(three, aggregate, scale=3, samples=50).difference(0, 1) == Units(
        Exact.of(statistics), aggregate, samples=50
    ).difference(0, 1)


def test_the_interval_holds_the_middle_of_the_resampled_differences():
    found = units(LEFT, RIGHT, samples=400, level=0.8, interval_method="percentile")
    sums = bootstrap_sums(Exact.of(with_counts(LEFT, RIGHT)), samples=400, seed=0)
    deltas = sorted((sums[:, 0, 0] - sums[:, 1, 0]) / 60)
    low, high = found.difference(0, 1)[3:5]
    assert sum(delta < low for delta in deltas) == pytest.approx(40, abs=20)
    assert (low, high) == pytest.approx(np.quantile(deltas, [0.1, 0.9]), abs=1e-12)


def test_up_to_100_units_and_of_a_difference_changed_ones_have_an_interval_of_their_own():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 50, size=(2, 150))
    whole = units(a, b, samples=50)
    assert (whole.interval(0).method, whole.difference(0, 1).interval) == (
        ("percentile interval",) * 2
    )
    few = units(a, [*b[:100], *a[100:]], samples=50)
    assert (few.interval(0).method, few.difference(0, 1).interval) == (
        "percentile interval",
        "small-sample interval",
    )
    half = units(a[:100], b[:100], samples=50)
    assert half.interval(0).method == "small-sample interval"
    gaps = (a - b)[:100].astype(float)
    others = (gaps.sum() - gaps) / 99
    assert half.difference(0, 1)[3:5] == pytest.approx(
        small_sample(float(gaps.mean()), others, 0.95), abs=1e-9
    )
    spread = gaps.std(ddof=1) / 10
    assert half.standard_error(0, 1) == pytest.approx(spread, abs=1e-9)


def test_an_interval_may_be_asked_for_by_name():
    found = units(LEFT, RIGHT, samples=500, interval_method="bca").difference(0, 1)
    assert found.interval == "BCa interval"
    plain = units(LEFT, RIGHT, samples=500, interval_method="percentile").difference(0, 1)
    assert (found.ci_low, found.ci_high) == pytest.approx((plain.ci_low, plain.ci_high), abs=0.15)
    assert found.ci_high != plain.ci_high


def test_an_interval_stays_within_the_bounds_of_its_figure():
    found = units([0.9, 1.0, 1.0, 0.2], [0.1, 0.0, 0.5, 0.0], samples=50, bounds=(0.0, 1.0))
    assert found.interval(0).high == 1.0
    assert found.interval(1).low == 0.0
    assert found.difference(0, 1).ci_high == 1.0
    free = units([0.9, 1.0, 1.0, 0.2], [0.1, 0.0, 0.5, 0.0], samples=50, bounds=(0.0, None))
    assert free.interval(0).high > 1.0
    assert free.difference(0, 1).ci_high > 1.0


def test_units_that_are_right_or_wrong_have_wilsons_and_newcombes_intervals():
    a, b = [1] * 12 + [0] * 8, [1] * 7 + [0] * 5 + [1] * 2 + [0] * 6
    found = units(a, b, samples=50)
    assert found.interval(0) == (0.6, *wilson(12, 20), "Wilson interval")
    difference = found.difference(0, 1)
    assert difference[3:5] == newcombe(7, 5, 2, 6)
    assert difference.interval == "Newcombe interval"
    assert difference.p == mcnemar(5, 2).p
    assert difference.method == "exact randomisation, 128 exchanges"
    tested = found.difference(0, 1, test="mcnemar")
    assert (tested.p, tested.method) == (difference.p, "exact McNemar, 5 against 2")


def test_beyond_16_units_that_are_right_or_wrong_no_exchange_is_drawn():
    a, b = [1] * 14 + [0] * 6, [0] * 14 + [1] * 6
    found = units(a, b, samples=50).difference(0, 1)
    assert (found.p, found.method) == (mcnemar(14, 6).p, "exact McNemar, 14 against 6")


@pytest.mark.parametrize(
    "statistics",
    [
        pytest.param([[[1.0, 2.0], [0.0, 1.0]]], id="a cluster of two rows"),
        pytest.param([[[0.5, 1.0], [0.0, 1.0]]], id="half right"),
        pytest.param([[[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]], id="three statistics"),
    ],
)
def test_other_units_are_not_right_or_wrong(statistics):
    assert Units(Exact.of(np.array(statistics)), mean).hits(0, 1) is None


def test_a_figure_that_is_no_share_is_not_right_or_wrong():
    statistics = Exact.of(with_counts([1, 0, 1], [0, 0, 1]))
    right = [[True, False], [False, False], [True, True]]
    assert Units(statistics, mean).hits(0, 1).tolist() == right
    assert Units(statistics, lambda sums: mean(sums) ** 2).hits(0, 1) is None
    # repeats that are all alike
    assert Units(statistics.scaled(np.array(2)), mean, scale=2).hits(0, 1).tolist() == right
    assert Units(statistics.scaled(np.array(2)), mean).hits(0, 1) is None


def test_a_system_that_is_not_right_or_wrong_does_not_keep_others_from_being_so():
    found = units([1, 0, 1], [0, 0, 1], [0.5, 0, 1], samples=50)
    assert found.difference(0, 1).interval == "Newcombe interval"
    assert found.difference(0, 2).interval == "small-sample interval"


def test_more_confidence_means_a_wider_interval():
    widths = []
    for level in (0.5, 0.8, 0.95, 0.99):
        found = units(LEFT, RIGHT, samples=2000, level=level).difference(0, 1)
        widths.append(found.ci_high - found.ci_low)
    assert widths == sorted(set(widths))


@repeatable
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_the_bootstrap_p_is_twice_the_smaller_tail(deltas):
    n = len(deltas)
    below = (len([d for d in deltas if d <= 0]) + 1) / (n + 1)
    above = (len([d for d in deltas if d >= 0]) + 1) / (n + 1)
    assert bootstrap_p(np.array(deltas, float)) == min(1.0, 2 * min(below, above))


def test_the_bootstrap_test_counts_resampled_differences_beyond_zero():
    found = units(LEFT, RIGHT, samples=999, seed=4).difference(0, 1, test="bootstrap")
    sums = bootstrap_sums(Exact.of(with_counts(LEFT, RIGHT)), samples=999, seed=4)
    n_below = int(sum(a <= b for a, b in sums[:, :, 0]))
    assert (found.p, found.method) == (2 * (n_below + 1) / 1000, "bootstrap, 999 samples")


def test_one_unit_has_no_interval_and_cannot_be_bootstrapped():
    found = units([2.0], [0.0], samples=99)
    assert found.interval(0)[3] == "no interval of one unit"
    assert str(found.difference(0, 1)) == (
        "Difference(score_a=2.0, score_b=0.0, delta=2.0, ci_low=nan, ci_high=nan, p=1.0, "
        "n_changed=1, method='exact randomisation, 2 exchanges', "
        "interval='no interval of one unit')"
    )
    assert str(found.difference(0, 1, test="bootstrap")) == (
        "Difference(score_a=2.0, score_b=0.0, delta=2.0, ci_low=nan, ci_high=nan, p=nan, "
        "n_changed=1, method='bootstrap, 99 samples', interval='no interval of one unit')"
    )


@pytest.mark.parametrize("value", [0.0, 5.0], ids=["0/0", "5/0"])
@pytest.mark.parametrize(
    ("test", "method"),
    [("randomisation", "no figure to test"), ("bootstrap", "bootstrap, 50 samples")],
)
def test_where_there_is_no_figure_there_is_no_p(value, test, method):
    statistics = np.zeros((20, 2, 2))
    statistics[:, 0] = [1.0, 2.0]
    statistics[:, 1, 0] = value
    found = Units(Exact.of(statistics), ratio, samples=50).difference(0, 1, test=test)
    assert str(found) == (
        "Difference(score_a=0.5, score_b=nan, delta=nan, ci_low=nan, ci_high=nan, p=nan, "
        f"n_changed=20, method='{method}', interval='small-sample interval')"
    )


def test_a_resample_without_a_figure_leaves_no_interval_and_no_bootstrap_p():
    statistics = np.zeros((3, 2, 2))
    statistics[0] = [[1.0, 2.0], [1.0, 4.0]]
    found = Units(Exact.of(statistics), ratio, samples=99)
    assert math.isnan(found.difference(0, 1).ci_low)
    assert math.isnan(found.interval(0).high)
    assert math.isnan(found.difference(0, 1, test="bootstrap").p)
    assert found.difference(0, 1).p == 1.0


# How often a true null is rejected, and a real difference found; tests/calibration says more.


def p_of(a, b, seed, test="randomisation"):
    return (
        units(np.round(100 * a), np.round(100 * b), samples=199, seed=seed)
        .difference(0, 1, test=test)
        .p
    )


def paired_and_shuffled(delta):
    """How often a difference is found with the pairs kept, and with one side shuffled."""
    rng = np.random.default_rng(0)
    kept, lost = [], []
    for seed in range(500):
        common, *own = rng.normal(size=(3, 100))
        a, b = (math.sqrt(0.405) * common + math.sqrt(0.595) * each for each in own)
        kept.append(p_of(a + delta, b, seed) <= 0.05)
        lost.append(p_of(a + delta, rng.permutation(b), seed) <= 0.05)
    return np.mean(kept), np.mean(lost)


def test_pairs_taken_apart_lose_power():
    kept, lost = paired_and_shuffled(2.33 * math.sqrt(2 * 0.595 / 100))
    assert kept == pytest.approx(0.645, abs=0.07)
    assert lost == pytest.approx(0.455, abs=0.08)
    assert kept > lost + 0.15


def test_pairs_taken_apart_lose_size():
    kept, lost = paired_and_shuffled(0.0)
    assert kept == pytest.approx(0.05, abs=0.03)
    assert lost == pytest.approx(0.011, abs=0.015)


@pytest.mark.parametrize("n_units", [6, 20, 100])
def test_p_values_of_a_null_are_spread_evenly(n_units):
    rng = np.random.default_rng(n_units)
    p_values = [p_of(*rng.normal(size=(2, n_units)), seed) for seed in range(500)]
    for level in (0.1, 0.25, 0.5, 0.75):
        share = np.mean(np.array(p_values) <= level)
        assert share <= level + 4 * math.sqrt(level * (1 - level) / 500)
        assert share >= level - 4 * math.sqrt(level * (1 - level) / 500) - 2 / 2**n_units
