"""Exact match, token F1 and length ratio: golden figures and naive recomputations."""

import math
import re
import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.metrics.matching import normalize_answer, token_f1

REPEATABLE = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.data_too_large]
)
METRICS = [
    wb.ExactMatch(),
    wb.ExactMatch("strip"),
    wb.ExactMatch("none"),
    wb.TokenF1(),
    wb.LengthRatio(),
    wb.LengthRatio("characters"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Eiffel Tower!", "eiffel tower"),
        ("  an   apple\tand a\npear ", "apple and pear"),
        ("theatre", "theatre"),
        ("the-end", "theend"),
        ("U.S.A.", "usa"),
        ("a.m.", "am"),
        ("a", ""),
        ("?!", ""),
        ("", ""),
        ("Zürich", "zürich"),
        ("«the»", "« »"),
        ("3.5 %", "35"),
    ],
)
def test_answers_are_normalised_as_squad_does(text, expected):
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("the tall tower", "a tower", 2 / 3),
        ("x y", "y z w", 2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)),
        ("x x x", "x x", 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("x", "y", 0.0),
        ("x", "", 0.0),
        ("", "x", 0.0),
        ("", "", 1.0),
        ("the", "a", 1.0),
        ("?!", "x", 0.0),
    ],
)
def test_token_f1_worked_by_hand(prediction, reference, expected):
    assert token_f1(prediction, reference) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("metric", "text", "references", "expected"),
    [
        (wb.ExactMatch(), "The cat.", ["dog", "cat"], [1, 1]),
        (wb.ExactMatch(), "cats", ["cat"], [0, 1]),
        (wb.ExactMatch(), "", ["the"], [1, 1]),
        (wb.ExactMatch("strip"), " cat\n", ["cat"], [1, 1]),
        (wb.ExactMatch("strip"), "\u00a0cat\u2028", ["cat"], [1, 1]),
        (wb.ExactMatch("strip"), "Cat", ["cat"], [0, 1]),
        (wb.ExactMatch("none"), " cat", ["cat"], [0, 1]),
        (wb.ExactMatch("none"), "cat", ["cat"], [1, 1]),
        (wb.TokenF1(), "tall tower", ["tower", "tall towers here"], [2 / 3, 1]),
        (wb.LengthRatio(), "a b c", ["a b c d e", "a"], [3, 1]),
        (wb.LengthRatio(), "a b c", ["a b c d", "a b"], [3, 2]),
        (wb.LengthRatio(), "", ["a b"], [0, 2]),
        (wb.LengthRatio("characters"), "héé", ["abcd"], [3, 4]),
    ],
)
def test_statistics_worked_by_hand(table, metric, text, references, expected):
    assert metric.statistics(table([(text, references)])).tolist() == [expected]


def naive_normal(text):
    """The steps of SQuAD's evaluation, one after the other."""
    lower = "".join(each for each in text.lower() if each not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", lower).split())


def naive_f1(text, reference):
    words, expected = naive_normal(text).split(), naive_normal(reference).split()
    if not words or not expected:
        return float(words == expected)
    shared = sum(min(words.count(word), expected.count(word)) for word in set(words))
    return 2 * shared / (len(words) + len(expected))


def naive_statistics(metric, text, references):
    if isinstance(metric, wb.LengthRatio):
        length = len if metric.unit == "characters" else lambda each: len(each.split())
        n = length(text)
        return [n, sorted((abs(length(each) - n), length(each)) for each in references)[0][1]]
    if isinstance(metric, wb.TokenF1):
        return [max(naive_f1(text, each) for each in references), 1]
    level = {"squad": naive_normal, "strip": str.strip, "none": str}[metric.normalize]
    return [level(text) in [level(each) for each in references], 1]


# 140 batches of 80 pairs, more than 10,000 of them distinct.
@settings(REPEATABLE, max_examples=140)
@given(data=st.data())
def test_matching_equals_a_naive_recomputation(batches, table, data):
    _, pairs = data.draw(batches(most=8, longest=2))
    frame = table(pairs)
    for metric in METRICS:
        statistics = metric.statistics(frame)
        naive = np.array([naive_statistics(metric, *pair) for pair in pairs], dtype=np.float64)
        assert statistics == pytest.approx(naive, rel=1e-14)
        total = [math.fsum(column) for column in naive.T]
        expected = total[0] / total[1] if total[1] else math.nan
        figure = float(metric.aggregate(statistics.sum(axis=0)))
        assert figure == pytest.approx(expected, rel=1e-12, nan_ok=True)


@settings(REPEATABLE, max_examples=200)
@given(st.text(max_size=30), st.text(max_size=30))
def test_token_f1_is_symmetric_and_between_0_and_1(text, other):
    found = token_f1(text, other)
    assert found == token_f1(other, text)
    assert 0 <= found <= 1
    assert token_f1(text, text) == 1
    same = Counter(naive_normal(text).split()) == Counter(naive_normal(other).split())
    assert (found == 1) == same


@settings(REPEATABLE, max_examples=200)
@given(st.text(max_size=40))
def test_an_answer_that_is_normalised_twice_loses_no_words(text):
    once = normalize_answer(text)
    assert once == " ".join(once.split())
    assert once == naive_normal(text)


@pytest.mark.parametrize("metric", METRICS[:4], ids=lambda metric: metric.signature)
def test_the_worst_answer_is_a_miss(table, metric):
    assert metric.worst(table([("a", ["a"]), ("b", ["b"])])).tolist() == [[0, 1], [0, 1]]


def test_a_length_ratio_has_no_worst_output(table):
    with pytest.raises(BadValue) as caught:
        wb.LengthRatio().worst(table([("a", ["a"])]))
    assert str(caught.value) == (
        "failures='worst' needs metrics with a worst value, but length_ratio is unbounded; drop "
        "it, or use failures='exclude'."
    )


def test_a_length_ratio_to_nothing_is_missing_not_infinite(table):
    metric = wb.LengthRatio()
    statistics = metric.statistics(table([("a b", [""]), ("", [""]), ("a", ["b"])]))
    assert statistics.tolist() == [[2, 0], [0, 0], [1, 1]]
    assert np.isnan(metric.aggregate(statistics)).tolist() == [True, True, False]
    assert metric.aggregate(statistics.sum(axis=0)) == 3


@pytest.mark.parametrize(
    ("metric", "signature"),
    [
        (wb.ExactMatch(), "nrefs:?|norm:squad|version:wb1"),
        (wb.ExactMatch("strip"), "nrefs:?|norm:strip|version:wb1"),
        (wb.TokenF1(), "nrefs:?|norm:squad|version:wb1"),
        (wb.LengthRatio(), "nrefs:?|unit:words|ref:closest|version:wb1"),
        (wb.LengthRatio("characters"), "nrefs:?|unit:characters|ref:closest|version:wb1"),
    ],
)
def test_the_signature_says_what_makes_the_figure(metric, signature):
    assert metric.signature == signature


@pytest.mark.parametrize(
    ("maker", "message"),
    [
        (
            lambda: wb.ExactMatch("lower"),
            "normalize must be one of 'squad', 'strip', 'none', but 'lower' came.",
        ),
        (
            lambda: wb.LengthRatio("word"),
            "unit must be one of 'words', 'characters', but 'word' came; did you mean 'words'?",
        ),
    ],
)
def test_an_unknown_option_is_refused(maker, message):
    with pytest.raises(UnknownName) as caught:
        maker()
    assert str(caught.value) == message
