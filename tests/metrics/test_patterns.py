"""Regular expressions as a metric: two modes, a pattern per row, and no text that hangs it."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName


@pytest.mark.parametrize(
    ("metric", "text", "hit"),
    [
        (wb.RegexMatch("b+"), "abbc", 1),
        (wb.RegexMatch("b+", mode="full"), "abbc", 0),
        (wb.RegexMatch("b+", mode="full"), "bb", 1),
        (wb.RegexMatch("^b$"), "a\nb", 0),
        (wb.RegexMatch("(?m)^b$"), "a\nb", 1),
        (wb.RegexMatch("paris"), "Paris", 0),
        (wb.RegexMatch("paris", ignore_case=True), "PARIS", 1),
        (wb.RegexMatch(r"\p{Lu}"), "Éa", 1),
        (wb.RegexMatch(""), "", 1),
    ],
)
def test_a_pattern_is_searched_or_must_be_all(table, metric, text, hit):
    assert metric.statistics(table([(text, ["x"])])).tolist() == [[hit, 1]]


@given(
    st.sampled_from([r"\d+", "[a-c]*b", "a|bc", r"^\s*x", "(ab)+c?"]),
    st.text("abcx1 \n", max_size=8),
)
def test_hits_are_those_of_re(pattern, text):
    frame = pd.DataFrame({"output_id": ["1"], "row_id": ["1"], "text": [text]})
    for mode, match in (("search", re.search), ("full", re.fullmatch)):
        found = wb.RegexMatch(pattern, mode=mode).statistics(frame)
        assert bool(found[0, 0]) == bool(match(pattern, text))


def test_each_row_may_have_its_own_pattern():
    rows = wb.read([{"input": "", "pattern": "a"}, {"input": "", "pattern": "^b"}])
    outputs = wb.outputs(rows, {"s": ["cab", "cab"]})
    metric = wb.RegexMatch(column="pattern")
    assert wb.score(outputs, rows, metric).frame["value"].tolist() == [1, 0]
    assert metric.signature == "column:pattern|mode:search|case:mixed|version:wb1"
    assert wb.score(outputs, rows, wb.RegexMatch("z")).signatures == {
        "regex_match": "regex:z|mode:search|case:mixed|version:wb1"
    }


def test_a_text_for_which_a_pattern_takes_years_ends_in_a_sentence(table):
    metric = wb.RegexMatch("(a|aa)+$", timeout_s=0.05)
    with pytest.raises(BadValue) as caught:
        metric.statistics(table([("aab", ["x"]), ("a" * 60 + "b", ["x"])]))
    assert str(caught.value) == (
        "a pattern must match a text in 0.05 s, but '(a|aa)+$' took longer for output '1'; write it "
        "without nested repetitions, such as (a+)+, or pass a larger timeout_s."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {},
            "regex_match must have either a pattern or a column of patterns, but None and None "
            "came; pass one of them.",
        ),
        (
            {"pattern": "a", "column": "b"},
            "regex_match must have either a pattern or a column of patterns, but 'a' and 'b' came; "
            "pass one of them.",
        ),
        (
            {"pattern": "("},
            "a pattern must be a regular expression, but '(' came (missing ) at position 1); "
            "correct it.",
        ),
        (
            {"pattern": "a", "timeout_s": 0},
            "timeout_s must be above 0, but 0 came; use 1.0.",
        ),
    ],
)
def test_what_cannot_be_a_pattern_is_refused(options, message):
    with pytest.raises(BadValue) as caught:
        wb.RegexMatch(**options)
    assert str(caught.value) == message


def test_an_unknown_mode_is_refused():
    with pytest.raises(UnknownName):
        wb.RegexMatch("a", mode="match")


def test_a_row_without_a_pattern_is_refused():
    rows = wb.read([{"input": "", "pattern": "a"}, {"input": "", "pattern": None}])
    outputs = wb.outputs(rows, {"s": ["a", "b"]})
    with pytest.raises(BadValue) as caught:
        wb.score(outputs, rows, wb.RegexMatch(column="pattern"))
    assert str(caught.value) == (
        "regex_match needs a pattern for every row, but column 'pattern' of row '2' is empty; fill "
        "it in, or leave the row out."
    )
    with pytest.raises(UnknownName, match=r"^the column of regex_match must be one of"):
        wb.score(outputs, rows, wb.RegexMatch(column="patern"))


def test_patterns_that_a_file_of_numbers_holds_are_texts():
    rows = wb.read([{"input": "", "pattern": 42}, {"input": "", "pattern": 10**400}])
    outputs = wb.outputs(rows, {"s": ["so 42", "so 42"]})
    assert wb.score(outputs, rows, wb.RegexMatch(column="pattern")).frame["value"].tolist() == [
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("cell", "came"), [(["a"], "['a']"), ({"a": 1}, "{'a': 1}"), (0.5, "0.5"), (True, "True")]
)
def test_a_pattern_that_is_no_text_is_refused(cell, came):
    rows = wb.read([{"input": "", "pattern": "a"}, {"input": "", "pattern": cell}])
    outputs = wb.outputs(rows, {"s": ["a", "b"]})
    with pytest.raises(BadValue) as caught:
        wb.score(outputs, rows, wb.RegexMatch(column="pattern"))
    assert str(caught.value) == (
        f"regex_match needs a pattern as text, but column 'pattern' of row '2' holds {came}; write "
        "it as text."
    )


def test_hostile_texts_are_searched_like_others(hostiles, table):
    frame = table([(text, ["x"]) for text in hostiles.values()])
    assert wb.RegexMatch("(?s).*", mode="full").statistics(frame)[:, 0].all()
