"""Longest common subsequences against a plain table."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.metrics.ngrams import Tokens, Vocabulary
from workbench.metrics.subsequence import lcs_length, lcs_lengths

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=300)
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


@settings(REPEATABLE, max_examples=100)
@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=4), dice=st.randoms())
def test_each_output_is_compared_with_its_own_reference(pairs, dice):
    numbers = Vocabulary()
    references = Tokens.of_words([left for left, _ in pairs], numbers)
    order = [dice.randrange(len(pairs)) for _ in range(6)]
    outputs = Tokens.of_words([pairs[each][1] for each in order], numbers)
    of = [dice.randrange(len(pairs)) for _ in order]
    assert lcs_lengths(references, outputs, np.array(of)).tolist() == [
        naive(pairs[reference][0], pairs[output][1])
        for reference, output in zip(of, order, strict=True)
    ]


def test_texts_longer_than_a_machine_word_are_counted_whole():
    left, right = ["a", "b"] * 500, ["b", "a"] * 500
    assert lcs_length(left, right) == 999
