"""Letters that two systems share exactly when they cannot be told apart."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats import tie_letters

repeatable = settings(deadline=None, derandomize=True, max_examples=300)


@st.composite
def graphs(draw):
    """Up to seven systems, best first, and the pairs that are apart."""
    ranked = draw(st.permutations("pqrstuv"))[: draw(st.integers(1, 7))]
    pairs = [frozenset(pair) for pair in combinations(ranked, 2)]
    apart = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return ranked, apart


def cliques(ranked, apart):
    """The largest sets without a pair that is apart, by trying every subset."""
    sets = [
        frozenset(subset)
        for size in range(1, len(ranked) + 1)
        for subset in combinations(ranked, size)
        if not any(frozenset(pair) in apart for pair in combinations(subset, 2))
    ]
    return {each for each in sets if not any(each < other for other in sets)}


def groups(letters):
    named = sorted({letter for own in letters.values() for letter in own})
    return {letter: frozenset(s for s, own in letters.items() if letter in own) for letter in named}


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ([], {"x": "a", "y": "a", "z": "a"}),
        (["xz"], {"x": "a", "y": "ab", "z": "b"}),
        (["xy", "xz"], {"x": "a", "y": "b", "z": "b"}),
        (["yz"], {"x": "ab", "y": "a", "z": "b"}),
        (["xy", "yz", "xz"], {"x": "a", "y": "b", "z": "c"}),
    ],
)
def test_three_systems_get_the_letters_that_a_table_would_show(apart, expected):
    assert tie_letters(["x", "y", "z"], [frozenset(pair) for pair in apart]) == expected


@repeatable
@given(graphs())
def test_two_systems_share_a_letter_exactly_when_they_are_not_apart(graph):
    ranked, apart = graph
    letters = tie_letters(ranked, apart)
    for one, other in combinations(ranked, 2):
        assert bool(set(letters[one]) & set(letters[other])) == (
            frozenset(one + other) not in apart
        )


@repeatable
@given(graphs())
def test_each_letter_is_a_largest_group_and_each_group_has_one(graph):
    ranked, apart = graph
    found = groups(tie_letters(ranked, apart))
    assert len(set(found.values())) == len(found)
    assert set(found.values()) == cliques(ranked, apart)


@repeatable
@given(graphs())
def test_letters_run_from_a_in_the_order_of_the_ranking(graph):
    ranked, apart = graph
    letters = tie_letters(ranked, apart)
    assert list(letters) == list(ranked)
    assert letters[ranked[0]][0] == "a"
    found = groups(letters)
    assert "".join(found) == "abcdefghijklmnopqrstuvwxyz"[: len(found)]
    places = [sorted(ranked.index(system) for system in group) for group in found.values()]
    assert places == sorted(places)


@repeatable
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(graph, random):
    ranked, apart = graph
    mixed = random.sample(apart, len(apart))
    assert tie_letters(ranked, mixed) == tie_letters(ranked, apart)
    assert tie_letters(ranked, set(apart)) == tie_letters(ranked, apart)


def test_after_26_letters_groups_are_numbered():
    ranked = [f"s{at:02}" for at in range(28)]
    letters = tie_letters(ranked, [frozenset(pair) for pair in combinations(ranked, 2)])
    assert letters["s25"] == "z"
    assert letters["s26"] == "(27)"
    assert letters["s27"] == "(28)"
