"""Built-in measures of rows: their values, their buckets, and that they know no names."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

import workbench as wb
from workbench.explaining.buckets import BUCKETS, bucketed, cut, measured

repeatable = budget(deadline=None, derandomize=True, max_examples=40)
ROWS = [
    {"row_id": "x", "input": "one two two", "references": ["a b c", "a b c d e"]},
    {"row_id": "y", "input": "one", "references": ["a"]},
    {"row_id": "z", "input": "three three", "references": ["a b", "c"]},
]
SYSTEMS = {"s": ["a b c d", "a a a", None], "t": ["a b", "b", "a"]}
PAIR = ("s", "t")


def scored(rows=ROWS, systems=SYSTEMS):
    rows = wb.read(rows)
    return wb.score(wb.outputs(rows, systems), rows, [wb.LengthRatio()])


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        ("reference_length", {"x": 4, "y": 1, "z": 2}),  # 1.5 rounds to even
        ("source_length", {"x": 3, "y": 1, "z": 2}),
        ("length_ratio", {"x": 3 / 4, "y": 2}),
        # inserted and removed words over all: 2 of 6, 4 of 4
        ("edit_distance", {"x": 2 / 6, "y": 1.0}),
    ],
)
def test_a_measure_of_three_rows(bucket, expected):
    assert measured(scored(), bucket, PAIR).to_dict() == pytest.approx(expected)


def test_a_ratio_is_of_the_exact_mean_length_of_the_references():
    references = [["a b", "a"], ["a", ""], ["", ""]]
    rows = [
        {"row_id": n, "input": "", "references": r} for n, r in zip("xyz", references, strict=True)
    ]
    scores = scored(rows, {"s": ["a b"] * 3, "t": ["a"] * 3})
    assert measured(scores, "length_ratio", PAIR).to_dict() == {
        "x": 1.0,
        "y": 3.0,
    }  # none of nothing
    assert measured(scores, "reference_length", PAIR).to_dict() == {"x": 2.0, "y": 0.0, "z": 0.0}


def test_rarity_is_the_mean_surprise_of_the_words_of_an_input():
    words = {row["row_id"]: row["input"].split() for row in ROWS}
    counts = Counter(word for each in words.values() for word in each)
    naive = {
        row: sum(math.log2(6 / counts[word]) for word in each) / len(each)
        for row, each in words.items()
    }
    assert measured(scored(), "lexical_rarity", PAIR).to_dict() == pytest.approx(naive)


def test_repeats_are_averaged():
    rows = wb.read([{"row_id": "x", "input": "i", "references": ["a b c d"]}])
    outputs = wb.outputs(rows, {"s": [["a b", "a b c d"]], "t": ["a b c d e"]})
    scores = wb.score(outputs, rows, [wb.LengthRatio()])
    assert measured(scores, "length_ratio", PAIR)["x"] == (3 + 5) / 2 / 4
    assert measured(scores, "edit_distance", PAIR)["x"] == pytest.approx((3 / 7 + 1 / 9) / 2)


@pytest.mark.parametrize("bucket", ["length_ratio", "edit_distance"])
def test_what_a_failed_output_wrote_is_not_measured(bucket):
    rows = wb.read(ROWS)
    lost = {"row_id": "x", "system": "s", "repeat": 1, "text": "z " * 40, "error": "timeout"}
    answered = wb.outputs(rows, SYSTEMS)
    both = wb.outputs(rows, pd.concat([answered, pd.DataFrame([lost])]).drop(columns="output_id"))
    found = [
        measured(wb.score(each, rows, [wb.LengthRatio()]), bucket, PAIR)
        for each in (answered, both)
    ]
    assert found[0].to_dict() == found[1].to_dict()


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_measure_does_not_know_who_wrote_what(bucket):
    rng = np.random.default_rng(0)
    words = ["a", "b", "c", "d"]
    texts = [[" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(40)] for _ in "stuv"]
    rows = [{"input": one, "references": [two]} for one, two in zip(*texts[2:], strict=True)]
    coins = rng.integers(2, size=40)
    turned = [[texts[(side + coin) % 2][at] for at, coin in enumerate(coins)] for side in range(2)]
    found = [
        bucketed(scored(rows, dict(zip("st", each, strict=True))), bucket, PAIR, 4)
        for each in (texts[:2], turned)
    ]
    assert found[0] == found[1]
    assert len(found[0]) >= 3


def test_what_cannot_be_measured_gives_no_bucket():
    rows = wb.read([{"row_id": "x", "input": "", "mark": 1}])
    rows["input"] = None
    outputs = wb.outputs(rows, {"s": ["a"], "t": ["b"]})
    scores = wb.score(outputs.assign(mark=1.0), rows.drop(columns="mark"), [wb.Column("mark")])
    for bucket in ("reference_length", "source_length", "length_ratio", "lexical_rarity"):
        assert bucketed(scores, bucket, PAIR, 4) == []
    assert bucketed(scores, "edit_distance", PAIR, 4) == [("1", ["x"])]


def test_an_empty_text_has_a_length():
    scores = scored([{"row_id": "x", "input": "", "references": ["a"]}], {"s": [""], "t": [""]})
    assert measured(scores, "source_length", PAIR)["x"] == 0
    assert measured(scores, "edit_distance", PAIR)["x"] == 0
    assert measured(scores, "lexical_rarity", PAIR).empty


@repeatable
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(2, 9))
def test_buckets_part_the_rows_in_order_and_keep_equal_values_together(values, n_buckets):
    series = pd.Series(
        [float(value) for value in values], index=[f"r{i}" for i in range(len(values))]
    )
    found = cut(series, n_buckets, " words")
    assert 1 <= len(found) <= n_buckets
    assert sorted(row for _, rows in found for row in rows) == sorted(series.index)
    ends = [(series[rows].min(), series[rows].max()) for _, rows in found]
    assert all(low[1] < high[0] for low, high in pairwise(ends))
    assert [label for label, _ in found] == [
        (f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}") + " words"
        for low, high in ends
    ]


@repeatable
@given(st.lists(st.integers(0, 1000), min_size=8, max_size=80, unique=True))
def test_buckets_of_different_values_have_nearly_the_same_size(values):
    found = cut(pd.Series(values, index=list(map(str, values)), dtype=float), 4)
    sizes = [len(rows) for _, rows in found]
    assert max(sizes) - min(sizes) <= 1


@repeatable
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_labels_are_distinct(values):
    found = cut(pd.Series(values, index=[str(at) for at in range(len(values))]), 5)
    labels = [label for label, _ in found]
    assert len(set(labels)) == len(labels)


def test_equal_rarities_are_in_one_bucket_whatever_the_order_of_words():
    words = ["the", "the", "cat", "sat", "on", "mat", "and", "dog", "a", "by", "far"]
    texts = [" ".join(np.random.default_rng(at).permutation(words)) for at in range(40)]
    rows = [{"input": text, "references": ["a"]} for text in texts + ["the cat the"] * 8]
    scores = scored(rows, {"s": ["a"] * 48, "t": ["b"] * 48})
    found = bucketed(scores, "lexical_rarity", PAIR, 8)
    assert [(label, len(ids)) for label, ids in found] == [("2.61 bits", 8), ("3.28 bits", 40)]


def test_equal_ratios_are_in_one_bucket_whoever_wrote_more():
    rows = [{"input": "", "references": ["a " * 11]}] * 4
    one, six, three, four = (
        ["a " * n for n in each] for each in [(1, 0, 0), (1, 2, 3), (1, 1, 1), (2, 2, 0)]
    )
    scores = scored(rows, {"s": [one, six, three, four], "t": [six, one, four, three]})
    assert [label for label, _ in bucketed(scores, "length_ratio", PAIR, 4)] == ["0.11"]


def test_noise_in_the_last_bits_makes_no_bucket():
    noisy = pd.Series([0.1 + 0.2, 0.3, 1 - 1e-16, 1.0], index=list("abcd"))
    for values in (noisy, noisy[::-1]):
        assert {label: sorted(rows) for label, rows in cut(values, 4)} == {
            "0.30": ["a", "b"], "1.00": ["c", "d"],
        }  # fmt: skip
