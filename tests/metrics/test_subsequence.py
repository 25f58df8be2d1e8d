"""Longest common subsequences against a plain table, and against rouge_score's own choice."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import lcs_ind

from workbench.metrics.subsequence import lcs_length, lcs_positions

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=500)
texts = st.lists(st.sampled_from("abcd"), max_size=40) | st.lists(
    st.sampled_from("ab"), max_size=80
)


def naive(left, right):
    @cache
    def length(at, to):
        if not at or not to:
            return 0
        if left[at - 1] == right[to - 1]:
            return length(at - 1, to - 1) + 1
        return max(length(at - 1, to), length(at, to - 1))

    return length(len(left), len(right))


@pytest.mark.parametrize(
    ("left", "right", "length"),
    [
        # Lin (2004), section 3.1: S1 with S2 and with S3
        ("police killed the gunman", "police kill the gunman", 3),
        ("police killed the gunman", "the gunman kill police", 2),
        # Hirschberg (1975): the usual example
        ("A B C B D A B", "B D C A B A", 4),
        ("", "a b", 0),
        ("a", "a", 1),
    ],
)
def test_known_lengths(left, right, length):
    assert lcs_length(left.split(), right.split()) == length


@REPEATABLE
@given(left=texts, right=texts)
def test_the_length_is_that_of_a_plain_table_either_way(left, right):
    assert lcs_length(left, right) == lcs_length(right, left) == naive(left, right)


@REPEATABLE
@given(left=texts, right=texts)
def test_the_positions_are_those_that_rouge_score_reads_out(left, right):
    assert lcs_positions(left, right)[::-1] == lcs_ind(left, right)


def test_texts_longer_than_a_machine_word_are_counted_whole():
    left, right = ["a", "b"] * 500, ["b", "a"] * 500
    assert lcs_length(left, right) == 999
    assert len(lcs_positions(left, right)) == 999
