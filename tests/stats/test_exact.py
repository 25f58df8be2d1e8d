"""Sums that do not depend on order, grouping or chunking, against fractions."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.stats import Exact
from workbench.stats.exact import Weighing

repeatable = settings(deadline=None, derandomize=True)
magnitudes = st.floats(2.0**-25, 2.0**40, exclude_max=True)
values = st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda value: -value))
lists = st.lists(values, min_size=1, max_size=40)


def total(numbers):
    return Exact.of(np.array(numbers, dtype=np.float64)).sum(axis=0)


def fraction(numbers):
    return sum(map(Fraction, numbers), Fraction(0))


def test_ten_tenths_are_one_as_math_fsum_says():
    assert np.cumsum([0.1] * 10)[-1] != 1.0
    assert total([0.1] * 10).value() == math.fsum([0.1] * 10) == 1.0


def test_the_doubles_next_to_a_third_are_kept_apart():
    third = 1 / 3
    assert total([third, -math.nextafter(third, 1)]).value() == -math.ulp(third)


def test_random_sums_are_the_fractions_sums_rounded():
    rng = np.random.default_rng(0)
    for _ in range(500):
        numbers = rng.normal(size=30) * 10.0 ** rng.integers(-3, 4, size=30)
        assert total(numbers).value() == float(fraction(numbers.tolist()))


@repeatable
@given(lists)
def test_a_sum_is_within_half_a_unit_of_the_exact_one(numbers):
    found = float(total(numbers).value())
    half = Fraction(math.ulp(found)) * (Fraction(1, 2) + Fraction(1, 2**20))
    assert abs(Fraction(found) - fraction(numbers)) <= half


@repeatable
@given(values)
def test_a_double_from_two_to_the_minus_25_to_two_to_the_40_survives_the_cut(value):
    assert float(Exact.of(np.array([value])).value()[0]).hex() == float(value + 0.0).hex()


@repeatable
@given(st.floats(0, 2.0**-25))
def test_a_smaller_double_keeps_78_binary_places(value):
    found = Fraction(float(Exact.of(np.array([value])).value()[0]))
    assert 0 <= Fraction(value) - found < Fraction(1, 2**78)


@repeatable
@given(lists, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_bytes(numbers, random):
    shuffled = random.sample(numbers, len(numbers))
    assert total(shuffled).limbs.tobytes() == total(numbers).limbs.tobytes()


@repeatable
@given(lists, st.data())
def test_any_grouping_gives_the_same_bytes(numbers, data):
    codes = data.draw(st.lists(st.integers(0, 4), min_size=len(numbers), max_size=len(numbers)))
    grouped = Exact.of(np.array(numbers)).grouped(np.array(codes), 5)
    assert grouped.sum(axis=0).limbs.tobytes() == total(numbers).limbs.tobytes()
    for code in range(5):
        own = [number for number, each in zip(numbers, codes, strict=True) if each == code]
        assert grouped[code].value() == (total(own).value() if own else 0.0)


@repeatable
@given(lists, st.integers(1, 40))
def test_any_chunking_gives_the_same_bytes(numbers, size):
    whole = Exact.of(np.array(numbers))
    chunks = [whole[at : at + size].sum(axis=0).limbs for at in range(0, len(numbers), size)]
    merged = Exact(np.stack(chunks, axis=1)).sum(axis=0)
    assert merged.limbs.tobytes() == total(numbers).limbs.tobytes()


@repeatable
@given(lists, st.integers(1, 60))
def test_scaling_equals_adding_as_often(numbers, factor):
    exact = Exact.of(np.array(numbers))
    scaled = exact.scaled(np.full(len(numbers), factor))
    repeated = [number for number in numbers for _ in range(factor)]
    codes = np.repeat(np.arange(len(numbers)), factor)
    added = Exact.of(np.array(repeated)).grouped(codes, len(numbers))
    assert scaled.limbs.tobytes() == added.limbs.tobytes()


@repeatable
@given(lists, st.data())
def test_weighted_sums_are_those_of_a_plain_loop(numbers, data):
    draw = st.lists(st.integers(0, 5), min_size=len(numbers), max_size=len(numbers))
    weights = [data.draw(draw), data.draw(draw)]
    found = Exact.of(np.array(numbers)).weighted(np.array(weights, dtype=np.float64))
    for sum_, row in zip(found, weights, strict=True):
        repeated = [v for v, n in zip(numbers, row, strict=True) for _ in range(n)]
        assert sum_ == (total(repeated).value() if repeated else 0.0)


@pytest.mark.parametrize("largest", [2**21 - 1, 2**21, 2**24 - 1, 2**40])
def test_weighted_sums_are_exact_on_either_side_of_single_precision(largest):
    rng = np.random.default_rng(0)
    numbers = rng.integers(-largest, largest, size=(8, 3), endpoint=True)
    numbers[0] = largest
    weights = rng.integers(0, 2, size=(20, 8))
    weighing = Weighing(Exact.of(numbers.astype(float)), total=8)
    assert weighing.values(weighing.limbs(weights.astype(np.float32))).tolist() == [
        [sum(w * n for w, n in zip(row, column, strict=True)) for column in numbers.T.tolist()]
        for row in weights.tolist()
    ]


@repeatable
@given(st.lists(values, min_size=1, max_size=20), st.lists(values, min_size=1, max_size=20))
def test_equal_sums_of_unequal_terms_have_equal_bytes(left, right):
    # left + right + left, added in two ways that cut the terms differently
    doubled = total([*(2 * value for value in left), *right])
    twice = total([*left, *right, *left])
    if len(doubled.limbs) == len(twice.limbs):
        assert doubled.limbs.tobytes() == twice.limbs.tobytes()
    assert doubled.value() == twice.value()


def test_two_halves_are_the_same_pieces_as_one_and_nothing():
    statistics = Exact.of(np.array([[0.5, 1.0], [0.5, 0.0]]))
    summed = statistics.grouped(np.array([0, 0]), 1)
    assert summed.limbs[:, 0, 0].tolist() == summed.limbs[:, 0, 1].tolist()


def test_large_terms_that_cancel_leave_the_small_one_untouched():
    tiny = 2.0**-40
    assert total([2.0**39, 0.5, tiny, -0.5, -(2.0**39)]).value() == tiny


def test_what_lies_just_above_half_a_unit_rounds_up():
    assert total([2.0**39, 2.0**-14]).value() == 2.0**39
    assert total([2.0**39, 2.0**-14, 2.0**-50]).value() == 2.0**39 + 2.0**-13


def test_whole_numbers_need_one_piece_and_fractions_four():
    assert Exact.of(np.array([1.0, -7.0])).limbs.shape == (1, 2)
    assert Exact.of(np.array([1.0, -7.5])).limbs.shape == (4, 2)


def test_differences_and_selections_are_those_of_the_values():
    left = Exact.of(np.array([[0.1, 5.0], [2.5, -1.0]]))
    right = Exact.of(np.array([[0.3, 5.0], [2.25, 1.0]]))
    assert (left - right).sum(axis=0).value().tolist() == [
        float(Fraction(0.1) - Fraction(0.3) + Fraction(1, 4)),
        -2.0,
    ]
    assert left[1].value().tolist() == [2.5, -1.0]
    assert left[:, 0].value().tolist() == [0.1, 2.5]
    assert left[np.array([True, False]), 1].value().tolist() == [5.0]


def test_no_value_at_all_sums_to_zero():
    assert Exact.of(np.empty((0, 2))).sum(axis=0).value().tolist() == [0.0, 0.0]


def test_a_sum_just_below_the_limit_is_exact():
    assert total([2.0**53 - 2, 1.0]).value() == 2.0**53 - 1


OVERFLOW = (
    "sums of statistics must stay below 2**53, but a sum reached 9.01e+15; use larger units, such "
    "as seconds for nanoseconds."
)


@pytest.mark.parametrize(
    "add",
    [
        pytest.param(lambda exact: exact.sum(axis=0), id="sum"),
        pytest.param(lambda exact: exact.scaled(np.array([2, 2])), id="scaled"),
        pytest.param(lambda exact: exact.grouped(np.array([0, 0]), 1), id="grouped"),
        pytest.param(lambda exact: exact.weighted(np.ones((1, 2))), id="weighted"),
    ],
)
@pytest.mark.parametrize("signs", [(1, 1), (-1, -1)], ids=["positive", "negative"])
def test_a_sum_that_would_round_is_refused(add, signs):
    with pytest.raises(BadValue) as caught:
        add(Exact.of(np.array(signs) * 2.0**52))
    assert str(caught.value) == OVERFLOW


def test_large_terms_that_would_round_before_they_cancel_are_refused():
    with pytest.raises(BadValue) as caught:
        total([2.0**52, 1.0, 2.0**52, -(2.0**53)])
    assert str(caught.value) == OVERFLOW.replace("9.01e+15", "1.8e+16")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([3.0, -7.0], np.int16),
        ([40_000.0], np.int32),
        ([0.1, -2.5e-9], np.int32),
        ([2.0**52], np.int64),
    ],
)
def test_values_travel_as_small_numbers_and_arrive_as_they_were(values, kind):
    exact = Exact.of(np.array(values))
    assert exact.__getstate__()["limbs"].dtype == kind
    arrived = pickle.loads(pickle.dumps(exact))
    assert arrived.limbs.tobytes() == exact.limbs.tobytes()


def test_a_zero_has_one_sign():
    assert not np.signbit(Exact.of(np.array([-0.0, -0.3])).limbs[0]).any()
