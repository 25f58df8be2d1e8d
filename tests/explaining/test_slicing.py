"""Slices of a comparison: which there are, what they hold, and how they are corrected."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.explaining.slicing import Slice, combined

WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "ran"]


def scored(n_rows=60, systems=("base", "poor"), **columns):
    rng = np.random.default_rng(1)

    def garbled(text, share):
        return " ".join(str(rng.choice(WORDS)) if rng.random() < share else w for w in text.split())

    texts = [" ".join(rng.choice(WORDS, rng.integers(3, 15))) for _ in range(n_rows)]
    frame = pd.DataFrame({"input": texts, "references": [[text] for text in texts]})
    frame["row_id"] = [f"r{at:02}" for at in range(n_rows)]
    rows = wb.read(frame.assign(**columns))
    outputs = {
        name: [garbled(text, 0.2 + 0.3 * at) for text in texts] for at, name in enumerate(systems)
    }
    return wb.score(wb.outputs(rows, outputs), rows, [wb.ChrF(), wb.ROUGE("L")])


@pytest.fixture(scope="module")
def comparison():
    scores = scored(topic=["news", "chat", "law"] * 20, half=["one"] * 30 + ["two"] * 30)
    return wb.compare(scores, baseline="base", samples=200)


def test_everything_that_can_be_sliced_is_by_default(comparison):
    frame = comparison.slices().frame
    assert frame["slice"].drop_duplicates().tolist() == [
        *["topic", "half", "reference_length", "source_length", "length_ratio", "lexical_rarity"],
        "edit_distance",
    ]
    for _, part in frame.groupby(["slice", "metric"]):
        rows = [row for each in part["row_ids"] for row in each]
        assert sorted(rows) == [f"r{at:02}" for at in range(60)]
        assert part["n"].tolist() == [len(each) for each in part["row_ids"]]


def test_a_bucket_is_the_comparison_of_its_rows(comparison):
    frame = comparison.slices("reference_length", metrics=["chrf"], correction="none").frame
    outputs = comparison.scores.outputs
    for row in frame.to_dict("records"):
        low, high = (int(each) for each in row["value"].removesuffix(" words").split(" to "))
        chosen = outputs[outputs["references"].str[0].str.split().str.len().between(low, high)]
        assert row["row_ids"] == chosen["row_id"].unique().tolist()
        rows = wb.read(chosen.drop_duplicates("row_id")[["row_id", "input", "references"]])
        alone = wb.score(wb.outputs(rows, chosen[["row_id", "system", "text"]]), rows, [wb.ChrF()])
        (expected,) = wb.compare(alone, baseline="base", samples=200).frame.to_dict("records")
        same = ["score", "baseline_score", "delta", "ci_low", "ci_high", "p", "n", "n_changed"]
        assert [row[name] for name in same] == [expected[name] for name in same]


def test_buckets_of_a_pair_are_made_for_each_pair():
    c = wb.compare(scored(systems=("base", "fair", "poor")), baseline="base", samples=50)
    frame = c.slices("edit_distance", metrics=["chrf"]).frame
    values = [part["value"].tolist() for _, part in frame.groupby("system")]
    assert [len(each) for each in values] == [4, 4]
    assert values[0] != values[1]
    same = c.slices("reference_length", metrics=["chrf"]).frame
    assert same.groupby("value")["system"].nunique().tolist() == [2] * 4


def test_the_number_of_buckets_can_be_chosen(comparison):
    found = comparison.slices("source_length", metrics=["chrf"], n_buckets=2).frame
    assert len(found) == 2


def test_a_column_goes_before_a_bucket_of_its_name():
    c = wb.compare(scored(source_length=["x", "y"] * 30), baseline="base", samples=50)
    assert c.slices("source_length", metrics=["chrf"]).frame["value"].tolist() == ["x", "y"]
    names = c.slices(metrics=["chrf"]).frame["slice"].drop_duplicates().tolist()
    assert names.count("source_length") == 1


def test_two_columns_at_a_time(comparison):
    single = comparison.slices(["topic", "half"], metrics=["chrf"]).frame
    sheet = comparison.slices(["topic", "half"], metrics=["chrf"], combine=2, least=10)
    frame = sheet.frame
    assert frame["slice"].tolist() == ["topic"] * 3 + ["half"] * 2 + ["topic & half"] * 6
    assert frame["value"].tolist()[5:7] == ["chat & one", "chat & two"]
    rows = dict(zip(single["value"], single["row_ids"], strict=True))
    for value, found in zip(frame["value"][5:], frame["row_ids"][5:], strict=True):
        one, two = value.split(" & ")
        assert found == [row for row in rows[one] if row in rows[two]]
    assert set(frame["method"].str.extract("(max-T over .*)")[0]) == {"max-T over 11"}
    assert "correction max-t over 11 differences" in sheet.caption
    assert "by topic and half, and two at a time" in sheet.caption
    assert (frame["p_adjusted"] >= frame["p"]).all()
    assert set(frame["verdict"][:5]) == {"worse"}


def test_a_name_alone_is_a_list_of_one(comparison):
    one, listed = (
        comparison.slices(by, metrics=metrics).frame
        for by, metrics in [("topic", "chrf"), (["topic"], ["chrf"])]
    )
    assert one.to_json() == listed.to_json()
    with pytest.raises(BadKind) as caught:
        comparison.slices(5)
    assert str(caught.value) == (
        "by must be a name or a list of names, but 5 came; write them as text."
    )


def test_a_combination_is_new_and_large_enough():
    pair = (("b", "a"),)
    slices = [
        Slice("x", "1", pair, ("r0", "r1", "r2")),
        Slice("x", "2", pair, ("r3", "r4")),
        Slice("y", "1", pair, ("r0", "r1", "r3", "r4")),
        Slice("z", "1", (("c", "a"),), ("r0", "r1")),
    ]
    found = combined(slices, least=2)
    assert found == [Slice("x & y", "1 & 1", pair, ("r0", "r1"))]
    assert combined(slices, least=3) == []


def test_combinations_must_be_corrected_by_max_t(comparison):
    with pytest.raises(BadValue) as caught:
        comparison.slices("topic", combine=2, correction="benjamini-hochberg")
    assert str(caught.value) == (
        "combined slices are found by looking at many, and must be corrected by 'max-t', but "
        "correction='benjamini-hochberg' came; leave it out."
    )


@pytest.mark.parametrize("correction", ["benjamini-hochberg", "benjamini-yekutieli", "holm"])
def test_every_difference_shown_is_in_the_family(comparison, correction):
    frame = comparison.slices(["topic", "edit_distance"], correction=correction).frame
    ordered, n = np.sort(frame["p"]), len(frame)
    weight = {"benjamini-yekutieli": (1 / np.arange(1, n + 1)).sum()}.get(correction, 1)
    for own, p in zip(frame["p_adjusted"], frame["p"], strict=True):
        if correction == "holm":
            naive = max(q * (n - i) for i, q in enumerate(ordered) if q <= p)
        else:
            naive = min(q * n * weight / (i + 1) for i, q in enumerate(ordered) if q >= p)
        assert own == pytest.approx(min(naive, 1.0), rel=1e-9)


def test_the_correction_fits_the_slices(comparison):
    one, several = (comparison.slices(by) for by in ("topic", ["topic", "half"]))
    assert "correction benjamini-hochberg over 6 differences" in one.caption
    assert "correction benjamini-yekutieli over 10 differences" in several.caption
    same = comparison.slices(["topic", "half"], correction="benjamini-yekutieli")
    assert several.frame.to_json() == same.frame.to_json()


def test_a_column_of_outputs_is_sliced_only_by_name_and_as_slices_that_overlap(comparison):
    scores = comparison.scores
    told = scores.outputs.assign(sure=["lo", "hi", "hi"] * 40)
    c = wb.compare(replace(scores, outputs=told), baseline="base", samples=200)
    names = c.slices(metrics=["chrf"]).frame["slice"].unique().tolist()
    assert names == comparison.slices(metrics=["chrf"]).frame["slice"].unique().tolist()
    named = c.slices("sure", metrics=["chrf"])
    assert named.frame["value"].tolist() == ["hi", "lo"]
    assert named.frame["n"].sum() > 60
    assert "correction benjamini-yekutieli over 2 differences" in named.caption
    chosen = c.slices("sure", metrics=["chrf"], correction="holm")
    assert "correction holm over 2 differences" in chosen.caption


def test_slices_with_sacrebleus_tests_use_our_own(comparison):
    ours = wb.compare(comparison.scores, baseline="base", samples=200, seed=1)
    theirs = wb.compare(comparison.scores, baseline="base", samples=200, seed=1, compat="sacrebleu")
    first, second = (c.slices("topic", metrics=["chrf"]) for c in (ours, theirs))
    assert first.frame.to_json() == second.frame.to_json()
    assert "sacrebleu" not in second.caption


def test_an_empty_family_has_all_columns(comparison):
    alone = comparison.only(systems=[])
    frame = alone.slices().frame
    assert len(frame) == 0
    assert {"slice", "value", "p_adjusted", "row_ids"} <= set(frame)


def test_what_cannot_be_sliced_is_refused(comparison):
    for options in ({"by": "topik"}, {"correction": "bonferroni"}, {"combine": 3}):
        with pytest.raises(UnknownName):
            comparison.slices(**options)
    rows = wb.read([{"input": "x"}] * 4)
    outputs = wb.outputs(rows, {"a": ["1"] * 4, "b": ["2"] * 4}).assign(mark=[1.0, 2.0] * 4)
    c = wb.compare(wb.score(outputs, rows, [wb.Column("mark")]), samples=20)
    with pytest.raises(BadValue) as caught:
        c.slices("reference_length")
    assert str(caught.value) == (
        "slices by reference_length need texts to measure, but no row of the list given has them; "
        "add the column 'references' or texts in 'input', or choose another slice."
    )


@pytest.mark.parametrize("n_buckets", [1, 51, 0, 2.5, "4", None])
def test_a_number_of_buckets_that_is_none_is_refused(comparison, n_buckets):
    with pytest.raises(BadValue) as caught:
        comparison.slices(n_buckets=n_buckets)
    assert str(caught.value) == (
        f"n_buckets must be a whole number from 2 to 50, but {n_buckets!r} came; use 4."
    )


@pytest.mark.parametrize("least", [0, -5, "a", 2.5])
def test_a_number_of_rows_that_is_none_is_refused(comparison, least):
    with pytest.raises(BadValue) as caught:
        comparison.slices(["topic", "half"], combine=2, least=least)
    assert str(caught.value) == (
        f"least must be a whole number of at least 1, but {least!r} came; use 20."
    )


def test_nothing_to_slice_by_is_refused(comparison):
    with pytest.raises(BadValue) as caught:
        comparison.slices([])
    assert str(caught.value) == (
        "slices must have something to slice by, but an empty list came; leave it out for all columns "
        "and buckets."
    )


def test_slices_are_the_same_in_any_order_of_input(comparison):
    shuffled = comparison.scores.outputs.sample(frac=1, random_state=0)
    rows = wb.read(
        shuffled.drop_duplicates("row_id")[["row_id", "input", "references", "topic", "half"]]
    )
    again = wb.score(
        wb.outputs(rows, shuffled[["row_id", "system", "text"]]), rows, [wb.ChrF(), wb.ROUGE("L")]
    )
    frames = [
        wb.compare(scores, baseline="base", samples=50)
        .slices(["half", "edit_distance"], combine=2, least=5)
        .frame
        for scores in (comparison.scores, again)
    ]
    for frame in frames:
        frame["row_ids"] = frame["row_ids"].map(sorted)
    assert (
        frames[0].drop(columns="row_ids").to_json() == frames[1].drop(columns="row_ids").to_json()
    )
