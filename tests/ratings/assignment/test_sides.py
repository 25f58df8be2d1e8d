"""The keyed order: balanced, replayable, and the same whatever came before."""

import hashlib
import hmac
from collections import Counter
from math import factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from workbench.ratings.assignment.content import Item, Shown
from workbench.ratings.assignment.sides import drawn, identifier, keyed, order, shuffled

COMMON = settings(deadline=None, derandomize=True, max_examples=100)
NAMES = st.text(max_size=20)


def item(name, k=2):
    return Item(name, "row", tuple(Shown(f"o{at}", f"s{at}", "text") for at in range(k)))


def test_the_hash_is_hmac_sha256_with_the_seed_as_key():
    # an independent computation by the definition in RFC 2104
    assert keyed(7, "a", "bc") == hmac.new(b"7", b"1:a2:bc", hashlib.sha256).digest()


def test_sides_are_replayed_from_seed_rater_and_item():
    # stored numbers: sessions that were recorded with them must replay for ever
    assert [order(0, "r1", item(f"i{at}")) for at in range(6)] == [
        (1, 0),
        (0, 1),
        (0, 1),
        (0, 1),
        (1, 0),
        (0, 1),
    ]
    assert order(3, "ана", item("i", 4)) == (2, 3, 1, 0)


def test_the_sides_of_each_rater_are_balanced_within_a_binomial_band():
    n, raters = 1_000, [f"r{at}" for at in range(100)]
    swapped = [sum(order(0, rater, item(f"i{at}"))[0] for at in range(n)) for rater in raters]
    low, high = binom.interval(0.99, n, 0.5)
    # of a hundred raters one is expected outside of a band of 99 %
    assert sum(not low <= each <= high for each in swapped) <= binom.ppf(0.99, 100, 0.01)
    low, high = binom.interval(0.99, n * 100, 0.5)
    assert low <= sum(swapped) <= high


def test_the_sides_of_one_item_are_balanced_over_raters():
    low, high = binom.interval(0.99, 2_000, 0.5)
    for name in ("i0", "i1", "i2"):
        assert low <= sum(order(0, f"r{at}", item(name))[0] for at in range(2_000)) <= high


@pytest.mark.parametrize("k", [3, 4])
def test_all_orders_of_several_outputs_are_equally_likely(k):
    n = 6_000
    counted = Counter(order(1, "r", item(f"i{at}", k)) for at in range(n))
    low, high = binom.interval(0.9999, n, 1 / factorial(k))
    assert len(counted) == factorial(k)
    assert all(low <= count <= high for count in counted.values())


@COMMON
@given(seed=st.integers(0, 2**63), rater=NAMES, name=NAMES, k=st.integers(1, 26))
def test_an_order_is_a_permutation_and_the_same_again(seed, rater, name, k):
    found = order(seed, rater, item(name, k))
    assert sorted(found) == list(range(k))
    assert found == order(seed, rater, item(name, k))


@COMMON
@given(seed=st.integers(0, 99), names=st.lists(NAMES, unique=True))
def test_a_shuffle_does_not_depend_on_the_order_it_starts_from(seed, names):
    found = shuffled(seed, names, "x")
    assert sorted(found) == sorted(names)
    assert found == shuffled(seed, reversed(names), "x") == shuffled(seed, sorted(names), "x")


def test_other_seeds_and_raters_give_other_orders():
    names = [f"i{at}" for at in range(20)]
    orders = {tuple(shuffled(seed, names, who)) for seed in range(5) for who in ("a", "b")}
    assert len(orders) == 10


@COMMON
@given(parts=st.lists(NAMES, min_size=2, max_size=4))
def test_parts_are_kept_apart(parts):
    joined = [parts[0] + parts[1], *parts[2:]]
    assert keyed(0, *parts) != keyed(0, *joined)


def test_a_draw_is_uniform():
    counted = Counter(drawn(0, 10, "x", str(at)) for at in range(10_000))
    low, high = binom.interval(0.9999, 10_000, 0.1)
    assert all(low <= counted[value] <= high for value in range(10))


def test_an_identifier_is_short_and_says_nothing():
    assert len({identifier("i", 0, str(at)) for at in range(2_000)}) == 2_000
    assert identifier("i", 0, "gpt") == "i" + keyed(0, "identifier", "gpt").hex()[:12]
