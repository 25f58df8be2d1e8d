"""Unions of longest common subsequences, word by word those that rouge_score reads out."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import _summary_level_lcs, _union_lcs, lcs_ind

from workbench.metrics import unions
from workbench.metrics.lines import Lines
from workbench.metrics.ngrams import Tokens, Vocabulary
from workbench.metrics.unions import in_union, union_hits

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=150)
line = st.lists(st.sampled_from("abcd"), max_size=12) | st.lists(st.sampled_from("ab"), max_size=20)
long_line = st.lists(st.sampled_from("abcdefgh"), max_size=150)
text = st.lists(line, max_size=5)


def numbered(*sides):
    """Return the texts of each side as numbers, and how many numbers there are."""
    numbers = Vocabulary()
    found = [
        Lines(
            Tokens.of_words([line for text in side for line in text], numbers),
            np.concatenate([[0], np.cumsum([len(text) for text in side], dtype=np.int64)]),
        )
        for side in sides
    ]
    return *found, len(numbers)


def marked(references, outputs):
    """Return for each line of each reference the words that are in the union."""
    expected, found, span = numbered(references, outputs)
    inside = iter(in_union(expected, found, span).tolist())
    return [[[word for word in line if next(inside)] for line in text] for text in references]


def read_out(left, right):
    """Return the places in a line that it has in common with another."""
    expected, found, span = numbered([[left]], [[right]])
    return np.flatnonzero(in_union(expected, found, span)).tolist()


@REPEATABLE
@given(left=line | long_line, right=line | long_line)
def test_the_places_are_those_that_rouge_score_reads_out(left, right):
    assert read_out(left, right) == lcs_ind(left, right)


@pytest.mark.parametrize("size", [63, 64, 65, 128, 129])
@pytest.mark.parametrize("words", ["a", "ab", "abc"])
def test_lines_about_as_long_as_a_machine_number_are_read_out_alike(size, words):
    left, right = list(words * 130)[:130], list(words[::-1] * size)[:size]
    assert read_out(left, right) == lcs_ind(left, right)
    assert read_out(right, left) == lcs_ind(right, left)


def test_of_several_longest_ones_rouge_scores_is_taken():
    # both "a" and "b" are as long: going back in the reference, "b" is met first and left
    assert read_out(list("ab"), list("ba")) == lcs_ind(list("ab"), list("ba")) == [0]


@REPEATABLE
@given(pairs=st.lists(st.tuples(text, text), min_size=1, max_size=4))
def test_the_union_is_rouge_scores_for_many_texts_at_once(pairs):
    references, outputs = zip(*pairs, strict=True)
    assert marked(references, outputs) == [
        [_union_lcs(line, output) for line in reference] for reference, output in pairs
    ]


@REPEATABLE
@given(pairs=st.lists(st.tuples(text, text), min_size=1, max_size=4), dice=st.randoms())
def test_hits_are_rouge_scores_whatever_is_looked_at_together(pairs, dice):
    expected, found, span = numbered(*zip(*pairs, strict=True))
    of = [dice.randrange(len(pairs)) for _ in pairs]
    scores = [
        _summary_level_lcs(pairs[at][0], output) for at, (_, output) in zip(of, pairs, strict=True)
    ]
    n_words = [sum(map(len, output)) for _, output in pairs]
    for block, rows in [(200_000, 1_000_000), (7, 3)]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(unions, "_BLOCK", block)
            patch.setattr(unions, "_ROWS", rows)
            hits = union_hits(expected, found, np.array(of), span).tolist()
        assert [hit / max(n, 1) for hit, n in zip(hits, n_words, strict=True)] == [
            score.precision for score in scores
        ]


def test_a_word_counts_no_more_often_than_it_stands_in_the_output():
    reference, output = [["a", "b"], ["c", "a"], ["a"]], [["a", "b"], ["d", "a"]]
    assert marked([reference], [output]) == [[["a", "b"], ["a"], ["a"]]]
    expected, found, span = numbered([reference], [output])
    assert union_hits(expected, found, np.array([0]), span).tolist() == [3.0]


def test_one_line_thousands_of_times_over_is_looked_at_in_pieces(monkeypatch):
    expected, found, span = numbered([[["a"] * 100] * 4], [[["a"]] * 2_000])
    monkeypatch.setattr(unions, "_ROWS", 50_000)
    tracemalloc.start()
    try:
        hits = union_hits(expected, found, np.array([0]), span)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert hits.tolist() == [4.0]  # the last of each line
    assert most < 10e6  # of 800,000 rows
