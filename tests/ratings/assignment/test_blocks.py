"""Balanced incomplete blocks: everyone as often, and with everyone else as often."""

from collections import Counter
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.ratings.assignment.blocks import Balance, block_design

COMMON = settings(deadline=None, derandomize=True, max_examples=60)


def loads(design, n):
    counted = Counter(member for block in design for member in block)
    return [counted[member] for member in range(n)]


def meetings(design, n):
    counted = Counter(pair for block in design for pair in combinations(block, 2))
    return [counted[pair] for pair in combinations(range(n), 2)]


@pytest.mark.parametrize(("n", "k"), [(3, 2), (4, 2), (5, 3), (6, 3), (7, 4), (10, 5), (8, 7)])
@pytest.mark.parametrize("cycles", [1, 3])
def test_whole_cycles_are_exactly_balanced(n, k, cycles):
    design = block_design(n, k, cycles * comb(n, k))
    assert set(Counter(design).values()) == {cycles}
    assert set(loads(design, n)) == {cycles * comb(n - 1, k - 1)}
    assert set(meetings(design, n)) == {cycles * comb(n - 2, k - 2)}


def test_two_of_three_raters_give_the_three_pairs_in_turn():
    assert sorted(block_design(3, 2, 3)) == [(0, 1), (0, 2), (1, 2)]


@COMMON
@given(n=st.integers(1, 13), data=st.data(), n_blocks=st.integers(0, 60))
def test_blocks_hold_different_members_each_about_as_often(n, data, n_blocks):
    k = data.draw(st.integers(1, n))
    design = block_design(n, k, n_blocks)
    assert len(design) == n_blocks
    assert all(len(set(block)) == k and block == tuple(sorted(block)) for block in design)
    assert all(0 <= member < n for block in design for member in block)
    assert max(loads(design, n)) - min(loads(design, n)) <= 1


@pytest.mark.parametrize(("k", "bound"), [(2, 1), (3, 3), (4, 3), (5, 5), (6, 5)])
def test_pairs_meet_about_as_often_within_the_bound_that_is_documented(k, bound):
    for n in range(2 * k, 14):
        for n_blocks in (1, 5, 9, 16, 23, 40, 57, 60):
            met = meetings(block_design(n, k, n_blocks), n)
            assert max(met) - min(met) <= bound, (n, n_blocks)


@pytest.mark.parametrize(
    ("n", "k", "n_blocks", "bound"), [(100, 2, 20_000, 1), (50, 3, 1_000, 2), (30, 4, 500, 2)]
)
def test_many_raters_meet_about_as_often(n, k, n_blocks, bound):
    design = block_design(n, k, n_blocks)
    assert max(loads(design, n)) - min(loads(design, n)) <= 1
    assert max(meetings(design, n)) - min(meetings(design, n)) <= bound


def test_the_seven_points_of_the_fano_plane_are_as_balanced_as_can_be():
    # 7 raters, 3 per item, 7 items: an exact design exists (Cochran and Cox 1957, plan 11.7)
    met = meetings(block_design(7, 3, 7), 7)
    assert max(met) - min(met) <= 2
    assert sum(met) == 21


def test_a_balance_chooses_among_those_it_may():
    balance = Balance(5)
    among = np.array([1, 3, 4])
    assert [balance.take(2, among) for _ in range(3)] == [(1, 3), (1, 4), (3, 4)]
    assert balance.take(2) == (0, 2)
