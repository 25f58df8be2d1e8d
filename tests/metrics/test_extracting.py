"""Labels and numbers found in texts by a stated rule."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue, UnknownName

PRIMES = {
    "openaichat/gpt-4-0314": 0.840,
    "openaichat/gpt-4-0613": 0.511,
    "openaichat/gpt-3.5-turbo-0301": 0.500,
    "openaichat/gpt-3.5-turbo-0613": 0.761,
}


TOXIC = ("toxic", "not toxic")


@pytest.mark.shared
def test_the_drift_of_gpt_by_the_last_yes_or_no(shared):
    home = shared / "prompts" / "llmdrift"
    log = pd.read_csv(home / "PRIME_FULL_EVAL.csv.gz")
    asked = log.drop_duplicates("query")
    rows = wb.read(
        [
            {"input": query, "references": [answer], "kind": kind}
            for query, answer, kind in asked[["query", "ref_answer", "dataset"]].to_numpy()
        ]
    )
    texts = log.pivot_table(index="query", columns="model", values="answer", aggfunc="first")
    outputs = wb.outputs(rows, {name: list(texts.loc[rows["input"], name]) for name in texts})
    scores = wb.score(outputs, rows, wb.LabelMatch())
    board = wb.compare(scores, samples=20).leaderboard()
    assert board.frame.set_index("system")["score"].to_dict() == pytest.approx(PRIMES, abs=1e-12)
    oracle = json.loads((home / "oracle.json").read_text())["PRIME_FULL_EVAL"]
    unparsed = scores.noted.set_index("system")["n"].to_dict()
    assert unparsed == {name: oracle[name]["unparsed"] for name in PRIMES}
    assert "label_match: 50 of 4000 unparsed" in repr(board)
    primes = scores.only(where={"kind": "prime"})
    found = wb.compare(primes, samples=20).leaderboard().frame.set_index("system")["score"]
    assert found.to_dict() == pytest.approx(
        {name: oracle[name]["by_dataset"]["prime"] for name in PRIMES}
    )


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({}, "Yes", "yes"),
        ({}, "[No] … so: YES.", "yes"),
        ({"take": "first"}, "[No] … so: YES.", "no"),
        ({"take": "only"}, "[No] … so: YES.", None),
        ({"take": "only"}, "No, no and no", "no"),
        ({}, "not known, nobody yesterday", None),
        ({}, "", None),
        ({}, "yes_no", None),
        ({"labels": ("A", "B")}, "a cab? (B)", "b"),
        ({"labels": ("true", "not true")}, "That is not true", "not true"),
        ({"labels": ("c++", "c")}, "C++ it is", "c++"),
        ({}, "_Yes_", "yes"),
        ({}, "so __no__.", "no"),
        ({}, "_the answer is yes_", "yes"),
        ({}, "**_yes, it is_**", "yes"),
        ({"labels": TOXIC}, "_not_ toxic", "not toxic"),
        ({"labels": ("a", "b_c")}, "a is _b_c_", "b_c"),
        ({"labels": ("_a_", "a b")}, "it is a b", "a b"),
        ({"labels": ("a", "b")}, "a or cafe\u0301_b", "a"),
        ({"labels": ("STRASSE", "weg")}, "die Straße", "strasse"),
        ({"labels": TOXIC}, "it is not\ntoxic", "not toxic"),
        ({"labels": TOXIC}, "it is NOT  \t toxic", "not toxic"),
        ({"labels": TOXIC}, "it is not\u00a0toxic", "not toxic"),
        ({"labels": TOXIC, "take": "only"}, "not\ntoxic, not toxic", "not toxic"),
        ({"labels": (" toxic", "not \n toxic ")}, "It is not toxic.", "not toxic"),
        ({"labels": ("café", "bar")}, "a bar or a CAFE\u0301", "café"),
        ({"labels": ("cafe\u0301", "bar")}, "a bar or a Café", "café"),
        ({"labels": ("cafe", "bar")}, "bar, no cafe\u0301", "bar"),
    ],
)
def test_labels_are_found_by_the_rule(options, text, expected):
    assert wb.LabelMatch(**options).answer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", "42"),
        ("#### 1,234.50", "1234.50"),
        ("is −7.", "-7"),
        ("(-5)", "-5"),
        ("10-5", "5"),
        ("GPT-4", "4"),
        ("x = -.5", "-0.5"),
        ("wait...42", "42"),
        ("1 234 567 and 1'234", "1234"),
        ("1\u202f234\u202f567", "1234567"),
        ("1,2,3", "3"),
        ("1,2345", "2345"),
        ("6.02e23", "6.02E+23"),
        ("3.5e−2", "0.035"),
        ("$12 or 15%", "15"),
        ("5km", "5"),
        ("H2O", None),
        ("__42__", "42"),
        ("_the answer is 42_ by item_7", "42"),
        ("_-42_", "-42"),
        ("5_-3", "3"),
        ("-$5", "-5"),
        ("(−€1,234.50)", "-1234.50"),
        ("$-5", "-5"),
        ("5-$3", "3"),
        ("–5", "-5"),
        ("x = –$5", "-5"),
        ("**–.5**", "-0.5"),
        ("pages 3–5", "5"),
        ("3%–5%", "5"),
        ("3 – 5", "5"),
        ("1,00", None),
        ("1000,000", None),
        ("1,000,00", None),
        ("1,00,000", None),
        ("5 or 1,00 %", "5"),
        ("1,0", "0"),
        ("10,000", "10000"),
        ("0,000", "0"),
        ("10, 00", "0"),
        ("1.2.3", "1.2"),
        ("a dozen", None),
        ("٤٢", None),
        ("1e999999 and 1e-999999", "1E-999999"),
    ],
)
def test_numbers_are_read_as_they_are_written(text, expected):
    found = wb.NumericMatch().answer(text)
    assert found == (None if expected is None else Decimal(expected))


def test_numbers_are_read_as_other_countries_write_them():
    metric = wb.NumericMatch(decimal="comma", percent="hundredth")
    assert metric.answer("genau 1.234.567,89") == Decimal("1234567.89")
    assert metric.answer("etwa 12,5 %") == Decimal("0.125")
    assert metric.answer("am 31.01.2024") == 2024
    assert metric.answer("1.00") is None


@pytest.mark.parametrize(
    "text", ["45%", "45 %", "45\u00a0%", "45\u202f%", "45\u2009%", "45\t%", "45％", "45\u3000％"]
)
def test_a_percentage_is_one_whatever_its_sign_and_space(text):
    assert wb.NumericMatch(percent="hundredth").answer(text) == Decimal("0.45")
    assert wb.NumericMatch().answer(text) == 45


def test_a_percent_sign_on_the_next_line_is_of_no_number():
    assert wb.NumericMatch(percent="hundredth").answer("45\n% done") == 45


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3), st.sampled_from(["", ","]))
def test_any_decimal_that_is_written_is_read_back(number, separator):
    text = f"The answer is {number:{separator}f}."
    # a sign, sixty digits and no more are read
    if len(text) < 60:
        assert wb.NumericMatch().answer(text) == number


@pytest.mark.parametrize(
    ("options", "text", "reference", "hit"),
    [
        ({}, "0.30", "0.3", 1),
        ({}, "0.1", "0.2", 0),
        ({"absolute": 0.1}, "0.3", "0.2", 1),
        ({"absolute": 0.1}, "0.30000000000000001", "0.2", 0),
        ({"relative": 0.01}, "101", "100", 1),
        ({"relative": 0.01}, "-101", "100", 0),
        ({"relative": 0.01}, "101.1", "100", 0),
        ({"absolute": 2, "relative": 0.01}, "101.1", "100", 1),
        ({"relative": 0.5}, "0", "0", 1),
        ({"percent": "hundredth"}, "45 %", "0.45", 1),
        ({"take": "only"}, "12 or 13", "12", 0),
        ({}, "1" + "0" * 40, "1" + "0" * 39 + "1", 0),
    ],
)
def test_numbers_agree_within_their_tolerance(table, options, text, reference, hit):
    found = wb.NumericMatch(**options).statistics(table([(text, [reference])]))
    assert found[0, :2].tolist() == [hit, 1]


def test_any_reference_will_do(table):
    frame = table([("so 3", ["2", "3"]), ("so 4", ["2", "3"])])
    assert wb.NumericMatch().statistics(frame)[:, 0].tolist() == [1, 0]


@pytest.mark.parametrize("metric", [wb.LabelMatch, wb.NumericMatch])
def test_unparsed_answers_are_wrong_or_missing_and_counted_either_way(scored, metric):
    right = "yes 1"
    pairs = [(right, [right]), ("perhaps", [right]), ("", [right])]
    wrong, missing = scored(pairs, metric()), scored(pairs, metric(unparsed="missing"))
    assert wrong.values(metric().name).tolist() == [1, 0, 0]
    assert np.array_equal(missing.values(metric().name), [1, np.nan, np.nan], equal_nan=True)
    for scores in (wrong, missing):
        assert scores.noted[["note", "n", "n_outputs"]].to_numpy().tolist() == [["unparsed", 2, 3]]
        assert f"{metric().name}: 2 of 3 unparsed" in scores.failure_note
    assert wb.compare(missing).leaderboard().frame["n_failed"].tolist() == [2]


def test_a_reference_without_an_answer_is_refused(table):
    with pytest.raises(BadValue) as caught:
        wb.LabelMatch().statistics(table([("yes", ["maybe"])]))
    assert str(caught.value) == (
        "label_match needs references in which its rule finds an answer, but in 'maybe' of row '0' "
        "there is none; write the answer alone."
    )


@pytest.mark.parametrize(
    "labels", ["yes", (), ("yes",), ("yes", "YES "), ("yes", ""), ("é", "e\u0301"), ("a b", "a  B")]
)
def test_labels_that_cannot_be_told_apart_are_refused(labels):
    with pytest.raises(
        BadValue, match=r"^labels must be two texts or more that differ in more than"
    ):
        wb.LabelMatch(labels)


def test_labels_that_are_not_many_are_refused():
    with pytest.raises(BadKind, match=r"^labels must be a name or a list of names, but 5 came;"):
        wb.LabelMatch(5)


@pytest.mark.parametrize(
    "options",
    [
        {"absolute": -1},
        {"relative": float("nan")},
        {"relative": float("inf")},
        {"absolute": "0.1"},
        {"absolute": True},
        {"relative": None},
    ],
)
def test_a_tolerance_is_a_number_of_at_least_zero(options):
    with pytest.raises(
        BadValue, match=r"^absolute and relative must be finite numbers of at least 0"
    ):
        wb.NumericMatch(**options)


@pytest.mark.parametrize(
    "options", [{"take": "best"}, {"unparsed": "zero"}, {"decimal": "dot"}, {"percent": "no"}]
)
def test_options_that_nothing_knows_are_refused(options):
    with pytest.raises(UnknownName):
        wb.NumericMatch(**options)


def test_hostile_texts_take_no_time_and_do_no_harm(hostiles):
    long = ["1" * 100_000, "1," * 50_000, "-" * 100_000, "1" + ",000" * 30_000 + ",00"]
    long += ["1" + ",00" * 30_000, "x" + "_" * 100_000 + "x", "_a " * 30_000, "1_" * 50_000]
    long += ["e" + "\u0301\u0323" * 50_000]
    for text in (*hostiles.values(), *long):
        wb.NumericMatch().answer(text)
        wb.LabelMatch().answer(text)


def test_different_labels_are_different_signatures():
    assert wb.LabelMatch(("a", "b")).signature != wb.LabelMatch(("a", "c")).signature
