"""Weights that belong to a unit: fixed numbers, the right distribution, nothing else in them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.federate.weights import (
    coins,
    key_digest,
    name_digests,
    order_of,
    poisson,
    weighted_sums,
)

NAMES = [f"row {n}" for n in range(300)]


def test_the_numbers_are_these_on_every_machine():
    assert poisson(["a", "ä"], 6, seed=3, key="k").astype(int).T.tolist() == [
        [1, 1, 0, 1, 0, 0],
        [2, 0, 1, 0, 1, 0],
    ]
    assert coins(["a", "ä"], 6, seed=3, key="k").astype(int).T.tolist() == [
        [0, 0, 1, 0, 1, 0],
        [0, 1, 1, 1, 0, 1],
    ]


def test_poisson_weights_are_poisson():
    drawn = poisson(NAMES, 1_000, seed=1, key="").ravel()
    observed = np.bincount(drawn.astype(int), minlength=7)[:7]
    expected = [len(drawn) * math.exp(-1) / math.factorial(n) for n in range(7)]
    # chi-square with 6 degrees of freedom: 22.5 is passed once in a thousand
    assert sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True)) < 22.5


def test_coins_are_fair_and_units_independent():
    tossed = coins(NAMES[:40], 4_000, seed=1, key="")
    assert abs(tossed.mean() - 0.5) < 4 * 0.5 / math.sqrt(tossed.size)
    between = np.corrcoef(tossed, rowvar=False)[~np.eye(40, dtype=bool)]
    assert np.abs(between).max() < 5 / math.sqrt(4_000)


@pytest.mark.parametrize("make", [poisson, coins])
def test_weights_depend_on_name_seed_and_key_alone(make):
    whole = make(NAMES, 64, seed=0, key="a")
    assert (make(NAMES[::-1], 64, seed=0, key="a")[:, ::-1] == whole).all()
    assert (make(NAMES[7:9], 64, seed=0, key="a") == whole[:, 7:9]).all()
    # the first samples of many are those of few
    assert (make(NAMES, 10, seed=0, key="a") == whole[:10]).all()
    for other in ({"seed": 1, "key": "a"}, {"seed": 0, "key": "b"}):
        assert (make(NAMES, 64, **other) != whole).mean() > 0.3


def test_a_digest_of_the_key_tells_it_from_others_only():
    assert key_digest(0, "a") == key_digest(0, "a")
    assert len({key_digest(0, "a"), key_digest(1, "a"), key_digest(0, "b"), key_digest(0, "")}) == 4


def test_digests_of_names_tell_equal_ones_and_not_the_names():
    first = name_digests(NAMES[:9], seed=0, key="a")
    assert set(first) & set(name_digests(NAMES[5:20], seed=0, key="a")) == set(
        name_digests(NAMES[5:9], seed=0, key="a")
    )
    assert list(first) == sorted(first)
    for other in ({"seed": 1, "key": "a"}, {"seed": 0, "key": "b"}):
        assert not set(first) & set(name_digests(NAMES[:9], **other))


def test_the_order_of_a_site_is_its_own_and_the_same_on_every_machine():
    assert order_of("Basel", 6).tolist() == [4, 2, 0, 1, 3, 5]
    orders = np.array([order_of(f"site {at}", 500) for at in range(20)])
    assert (np.sort(orders) == np.arange(500)).all()
    between = np.corrcoef(orders)[~np.eye(20, dtype=bool)]
    assert np.abs(between).max() < 5 / math.sqrt(500)


@given(st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1, max_size=4))
def test_parts_are_summed_as_by_hand(masks):
    rng = np.random.default_rng(0)
    parts = [
        (np.flatnonzero(mask), rng.integers(0, 9, size=(sum(mask), 2, 3)).astype(float))
        for mask in masks
    ]
    found = weighted_sums(parts, NAMES[:9], 5, seed=2, key="k")
    for (places, statistics), sums in zip(parts, found, strict=True):
        for make, total in zip((poisson, coins), sums, strict=True):
            weights = make(NAMES[:9], 5, seed=2, key="k")
            for sample in range(5):
                by_hand = np.zeros((2, 3))
                for place, each in zip(places, statistics, strict=True):
                    by_hand += weights[sample, place] * each
                assert (total[sample] == by_hand).all()


def test_blocks_change_nothing(monkeypatch):
    statistics = np.arange(50.0).reshape(25, 2)
    parts = [(np.arange(25), statistics), (np.array([3, 11, 12]), statistics[:3])]
    whole = weighted_sums(parts, NAMES[:25], 8, seed=0, key="")
    monkeypatch.setattr("workbench.federate.weights._BLOCK", 32)
    for found, expected in zip(
        weighted_sums(parts, NAMES[:25], 8, seed=0, key=""), whole, strict=True
    ):
        assert all((a == b).all() for a, b in zip(found, expected, strict=True))
