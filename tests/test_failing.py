"""What failures may hide: counted, refused when they are many, and bounded."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue
from workbench.failing import COLUMNS, require_answers

OK = "yes"


def scored(texts, *metrics, categories=None):
    rows = wb.read([{"input": "", "references": [OK]}] * len(next(iter(texts.values()))))
    outputs = wb.outputs(rows, texts)
    if categories is not None:
        outputs["category"] = categories
    return wb.score(outputs, rows, metrics or [wb.ExactMatch()])


def compared(scores, **options):
    return wb.compare(scores, baseline="a", **{"samples": 20, "most_failed": 1} | options)


def filled(texts, end):
    return [end if each is None else each for each in texts]


answers = st.lists(st.sampled_from(["yes", "no", "", None]), min_size=3, max_size=3)


@settings(max_examples=10)
@given(answers, answers)
def test_the_bounds_are_the_least_and_the_most_that_any_answers_could_give(a, b):
    assume(any(None not in pair for pair in zip(a, b, strict=True)))
    frame = compared(scored({"a": a, "b": b})).frame
    if None not in a + b:
        assert not set(COLUMNS) & set(frame)
        return
    found = [
        np.mean([y == OK for y in filled(b, two)]) - np.mean([x == OK for x in filled(a, one)])
        for one, two in product(["yes", "no"], repeat=2)
    ]
    row = frame.iloc[0]
    assert (row["baseline_n_failed"], row["n_failed"]) == (a.count(None), b.count(None))
    assert [row["delta_worst_low"], row["delta_worst_high"]] == pytest.approx(
        [min(found), max(found)]
    )


@pytest.mark.parametrize("metric", [wb.BLEU(), wb.ChrF(), wb.ROUGE("L"), wb.TokenF1()])
def test_a_corpus_metric_takes_empty_texts_and_references_for_the_ends(metric):
    a, b = ["yes it is", None, "it is", "no"], ["it is so", "yes", None, "yes"]
    rows = wb.read([{"input": "", "references": ["yes it is", "so"]}] * 4)

    def delta(one, two):
        texts = {"a": filled(a, one), "b": filled(b, two)}
        return compared(wb.score(wb.outputs(rows, texts), rows, metric)).frame["delta"][0]

    frame = compared(wb.score(wb.outputs(rows, {"a": a, "b": b}), rows, metric)).frame
    best = "yes it is"
    assert frame["delta_worst_low"][0] == pytest.approx(delta(best, ""), rel=1e-12)
    assert frame["delta_worst_high"][0] == pytest.approx(delta("", best), rel=1e-12)


def test_a_metric_where_less_is_better_is_bounded_the_other_way_round():
    rows = wb.read([{"input": ""}] * 2)
    outputs = wb.outputs(rows, {"a": ["x", "x"], "b": ["x", "x"]}).assign(s=[1.0, 2.0, 3.0, np.nan])
    metric = wb.Column("s", "down", (0.0, 10.0))
    (row,) = compared(wb.score(outputs, rows, metric)).frame.to_dict("records")
    assert (row["n_failed"], row["baseline_n_failed"]) == (1, 0)
    assert (row["delta_worst_low"], row["delta_worst_high"]) == (1.5 - 1.5, 6.5 - 1.5)


def test_an_absent_row_is_missing_too_and_repeats_weigh_their_share():
    rows = wb.read([{"input": "", "references": [OK]}] * 2)
    outputs = wb.outputs(rows, {"a": [[OK, None], OK], "b": [OK, OK]})
    outputs = outputs[outputs["output_id"] != "b:2:0"]
    row = compared(wb.score(outputs, rows, wb.ExactMatch())).frame.iloc[0]
    assert (row["n_failed"], row["baseline_n_failed"]) == (1, 1)
    assert (row["delta_worst_low"], row["delta_worst_high"]) == (0.5 - 1, 1 - 0.75)


def test_where_nothing_failed_nothing_is_added():
    comparison = compared(scored({"a": [OK, "no"], "b": [OK, ""]}))
    assert not set(COLUMNS) & set(comparison.frame)
    assert "failures" not in " ".join(comparison.sheet.header)
    assert comparison.sentences()[0].endswith("n = 2).")


def test_all_pairs_and_each_pair_carry_their_own_bounds():
    comparison = compared(scored({"a": [OK, OK], "b": [OK, None], "c": ["no", OK]}))
    frame = comparison.pairs("exact_match").frame.set_index(["system", "baseline"])
    assert frame["delta_worst_high"].round(2).to_dict() == pytest.approx(
        {("a", "b"): 0.5, ("a", "c"): np.nan, ("b", "c"): 0.5}, nan_ok=True
    )
    assert comparison.pair("b", "a").frame["delta_worst_low"].tolist() == [-0.5]


def test_the_sentence_says_what_failures_could_undo():
    texts = {"a": ["no"] * 18 + [OK] * 2, "b": [OK] * 10 + ["no"] * 6 + [None] * 4}
    categories = ["ok"] * 19 + ["refusal"] + ["ok"] * 16 + ["timeout"] * 3 + ["error"]
    comparison = compared(scored(texts, categories=categories), samples=1000)
    assert comparison.sentences()[0].split(").", 1)[1] == (
        " Of 20 outputs of b: 4 have no value (1 error, 3 timeout). Of 20 outputs of a: scored as "
        "they are (1 refusal). Were those the worst or the best possible, b − a would be from 0.400 to 0.600."
    )
    assert comparison.sheet.header[-1] == "failures at worst, best"
    assert comparison.sheet.body[0][-1] == "0.400 to 0.600"


def test_a_claim_that_failures_alone_could_undo_says_so():
    texts = {"a": ["no"] * 8 + [OK] * 12, "b": [OK] * 8 + [None] * 12}
    told = compared(scored(texts), samples=1000).sentences()[0]
    assert told.startswith("b is better than a by ")
    assert told.endswith(
        "Were those the worst or the best possible, b − a would be from −0.200 to 0.400, so they "
        "alone could undo this."
    )


def test_a_metric_without_ends_says_that_there_is_no_bound():
    comparison = compared(scored({"a": [OK, OK], "b": ["yes no", None]}, wb.TER()))
    assert comparison.frame["delta_worst_low"].isna().all()
    assert comparison.sentences()[0].endswith(
        " How far they could move b − a has no bound under ter."
    )
    assert comparison.sheet.body[0][-1] == "–"


def test_more_failures_than_may_be_are_refused_with_their_kinds():
    texts = {"a": [OK] * 10, "b": [OK] * 7 + [None] * 3}
    categories = ["ok"] * 17 + ["timeout"] * 2 + ["error"]
    scores = scored(texts, categories=categories)
    with pytest.raises(BadValue) as caught:
        wb.compare(scores)
    assert str(caught.value) == (
        "at most 10 % of a system's outputs may have failed, but 3 of 10 of 'b' did (1 error, 2 "
        "timeout); look at the column 'error', and run them again, or pass most_failed=0.3 or "
        "failures='worst'."
    )
    for told in ({"most_failed": 0.3}, {"failures": "worst"}):
        assert wb.compare(scores, samples=20, **told).frame["n_failed"].tolist() == [3]


def test_failures_that_have_a_value_all_the_same_are_not_refused():
    rows = wb.read([{"input": ""}] * 2)
    outputs = wb.outputs(rows, {"a": ["x", None], "b": ["x", "x"]}).assign(
        cost=[1.0, 2.0, 1.0, 3.0]
    )
    frame = wb.compare(wb.score(outputs, rows, wb.Column("cost", "down")), samples=20).frame
    assert frame["delta"].tolist() == [0.5]
    assert not set(COLUMNS) & set(frame)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_none_to_all(share):
    with pytest.raises(BadValue) as caught:
        compared(scored({"a": [OK], "b": [OK]}), most_failed=share)
    assert str(caught.value) == f"most_failed must be from 0 to 1, but {share} came; use 0.1."


def test_what_became_of_outputs_is_counted_with_its_denominator():
    categories = ["ok", "truncated", "ok", "refusal", "timeout", "refusal"]
    texts = {"a": [OK, "cut", OK], "b": ["I can't", None, "I can't"]}
    scores = scored(texts, categories=categories)
    assert scores.failures.to_dict("records") == [
        {"system": "a", "n_rows": 3, "n_absent": 0, "n_failed": 0, "n_empty": 0, "n_outputs": 3,
         "n_refusal": 0, "n_truncated": 1, "n_timeout": 0},
        {"system": "b", "n_rows": 3, "n_absent": 0, "n_failed": 1, "n_empty": 0, "n_outputs": 3,
         "n_refusal": 2, "n_truncated": 0, "n_timeout": 1},
    ]  # fmt: skip
    assert scores.failure_note == (
        "0 outputs absent, 1 failed, 0 empty (of 6 outputs 2 refusal, 1 truncated, 1 timeout)"
    )
    board = compared(scores).leaderboard()
    assert board.header[-3:] == ["refusal", "truncated", "timeout"]
    assert [line[-3:] for line in board.body] == [
        ["0 of 3", "1 of 3", "0 of 3"],
        ["2 of 3", "0 of 3", "1 of 3"],
    ]
    assert board.frame["n_refusal"].tolist() == [0, 2]


def test_a_system_of_which_nobody_says_what_became_has_none_of_it():
    categories = ["ok", "refusal", None, None]
    scores = scored({"a": [OK, "no"], "b": [OK, OK]}, categories=categories)
    assert scores.failures["n_refusal"].tolist() == [1, 0]
    assert scores.failures["n_outputs"].tolist() == [2, 2]


@pytest.mark.parametrize("n_failed", [1, 7, 29])
def test_the_share_that_is_told_is_one_that_passes(n_failed):
    scores = scored({"a": [None] * n_failed + [OK] * (100 - n_failed)})
    require_answers(scores, n_failed / 100)
    with pytest.raises(BadValue, match=f" or pass most_failed={n_failed / 100:g} or "):
        require_answers(scores, n_failed / 100 - 0.001)


def test_a_refusal_is_scored_as_the_text_it_is():
    scores = scored({"a": [OK], "b": ["I can't"]}, categories=["ok", "refusal"])
    assert scores.frame["value"].tolist() == [1, 0]
    assert scores.failure_note == "every output has a text (of 2 outputs 1 refusal)"


def test_a_column_of_the_dataset_called_category_is_a_slice_as_ever():
    rows = wb.read([{"input": "", "references": [OK], "category": c} for c in ("maths", "error")])
    scores = wb.score(wb.outputs(rows, {"a": [OK, OK], "b": [OK, OK]}), rows, wb.ExactMatch())
    assert scores.categories == []
    assert scores.slice_columns == ["category"]
    lost = wb.outputs(rows, {"a": [None, OK], "b": [OK, OK]})
    told = compared(wb.score(lost, rows, wb.ExactMatch())).sentences()[0]
    assert " Of 2 outputs of a: 1 has no value. Were those the worst" in told
    lists = wb.read([{"input": "", "references": [OK], "category": ["x"]}])
    assert wb.score(wb.outputs(lists, {"a": [OK]}), lists, wb.ExactMatch()).categories == []
    assert list(scores.failures) == ["system", "n_rows", "n_absent", "n_failed", "n_empty"]


def test_a_slice_counts_its_own_failures():
    rows = wb.read([{"input": "", "references": [OK], "half": at % 2} for at in range(4)])
    scores = wb.score(
        wb.outputs(rows, {"a": [OK] * 4, "b": [OK, None, OK, OK]}), rows, wb.ExactMatch()
    )
    whole = compared(scores)
    assert whole.only(where={"half": "1"}).frame["delta_worst_low"].tolist() == [-0.5]
    assert "delta_worst_low" not in whole.only(where={"half": "0"}).frame
