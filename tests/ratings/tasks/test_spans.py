"""Errors marked in a text, in code points, with the weights of MQM."""

import ast
import gzip
from itertools import permutations

import pytest

from workbench.errors import BadValue, UnknownName
from workbench.ratings.tasks.presets import mqm
from workbench.ratings.tasks.spans import Spans

TEXT = {"A": "abc"}
SPAN = {"side": "output", "start": 0, "end": 2, "category": "grammar", "severity": "minor"}
WHOLE = {**SPAN, "end": 0, "whole": True}
ERRORS = Spans("q", ["grammar", "meaning"], sides=["output", "source"])

# The categories of WMT 2023 whose names differ from those of Freitag et al. (2021).
RENAMED = {
    "accuracy/source language fragment": "accuracy/untranslated text",
    "style/unnatural or awkward": "style/awkward",
    "terminology/inconsistent": "terminology/inconsistent use",
    "non-translation!": "non-translation",
    "source issue": "source error",
}


@pytest.mark.shared
def test_mqm_weighs_the_errors_of_wmt_2023_as_published(shared):
    (errors,) = mqm()
    names = {category.casefold(): category for category in errors.categories}
    path = shared / "mt" / "wmt23.en-de" / "human" / "en-de.mqm.merged.seg.rating.gz"
    n_spans = 0
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
        record = line.split("\t", 1)[1].replace("false", "False").replace("true", "True")
        for span in (ast.literal_eval(record) or {"errors": []})["errors"]:
            category = names[RENAMED.get(span["category"], span["category"])]
            assert errors.weight(category, span["severity"]) == span["score"]
            n_spans += 1
    assert n_spans == 19_569


def test_mqm_weighs_as_published():
    # Freitag et al. (2021), table 4
    (errors,) = mqm()
    assert errors.weight("Non-translation", "major") == 25
    assert errors.weight("Accuracy/Omission", "major") == 5
    assert errors.weight("Fluency/Punctuation", "major") == 5
    assert errors.weight("Style/Awkward", "minor") == 1
    assert errors.weight("Fluency/Punctuation", "minor") == 0.1
    assert errors.weight("Fluency/Punctuation", "neutral") == 0


def test_the_penalty_is_the_sum_of_the_weights():
    marks = [SPAN, {**SPAN, "severity": "major"}, WHOLE]
    assert ERRORS.penalty(ERRORS.check(marks, texts=TEXT)) == 1 + 5 + 1
    assert ERRORS.penalty([]) == 0


def test_the_order_of_marking_does_not_matter():
    marks = [
        {**SPAN, "side": "source", "end": 1},
        {**SPAN, "start": 1},
        SPAN,
        {**SPAN, "end": 3},
        {**SPAN, "category": "meaning", "note": "why"},
        WHOLE,
    ]
    kept = [ERRORS.check(each, texts=TEXT, source="s") for each in permutations(marks)]
    assert all(each == kept[0] for each in kept)
    assert [(span["side"], span["start"], span["end"]) for span in kept[0]] == [
        ("output", 0, 0), ("output", 0, 2), ("output", 0, 2), ("output", 0, 3), ("output", 1, 2),
        ("source", 0, 1),
    ]  # fmt: skip


def test_a_span_is_kept_without_what_says_nothing():
    given = {**SPAN, "start": 0.0, "note": " ", "whole": False}
    assert ERRORS.check([given], texts=TEXT) == [SPAN]


def test_a_place_marked_twice_is_one_error_but_two_omissions_are_two():
    assert ERRORS.check([SPAN, SPAN], texts=TEXT) == [SPAN]
    assert ERRORS.check([WHOLE, WHOLE], texts=TEXT) == [WHOLE, WHOLE]


def test_offsets_count_code_points():
    emoji = {"A": "😀é"}
    assert ERRORS.check([SPAN], texts=emoji) == [SPAN]
    assert refused({"end": 3}, emoji) == (
        "the end of span 1 of the answer to 'q' must be a whole number from 0 to 2, but 3 came; "
        "change it."
    )


def test_an_empty_text_can_only_be_marked_as_a_whole():
    assert ERRORS.check([WHOLE], texts={"A": ""}) == [WHOLE]
    assert refused({"end": 1}, {"A": ""}) == (
        "the end of span 1 of the answer to 'q' must be a whole number from 0 to 0, but 1 came; "
        "change it."
    )


def refused(changes, texts=TEXT, question=ERRORS, source="s"):
    with pytest.raises(BadValue) as caught:
        question.check([{**SPAN, **changes}], texts=texts, source=source)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"end": 4}, "the end of span 1 of the answer to 'q' must be a whole number from 0 to 3, but 4 came; change it."),
        ({"start": -1}, "the start of span 1 of the answer to 'q' must be a whole number from 0 to 3, but -1 came; change it."),
        ({"start": 1.5}, "the start of span 1 of the answer to 'q' must be a whole number from 0 to 3, but 1.5 came; change it."),
        ({"start": True}, "the start of span 1 of the answer to 'q' must be a finite number, but True came; write it in digits."),
        ({"start": "0"}, "the start of span 1 of the answer to 'q' must be a finite number, but '0' came; write it in digits."),
        ({"start": 2}, "span 1 of the answer to 'q' must end after its start, or be from 0 to 0 with 'whole' as true, but 2 to 2 came; mark it anew."),
        ({"start": 3}, "span 1 of the answer to 'q' must end after its start, or be from 0 to 0 with 'whole' as true, but 3 to 2 came; mark it anew."),
        ({"end": 0}, "span 1 of the answer to 'q' must end after its start, or be from 0 to 0 with 'whole' as true, but 0 to 0 came; mark it anew."),
        ({"whole": True}, "span 1 of the answer to 'q' must end after its start, or be from 0 to 0 with 'whole' as true, but 0 to 2 came as whole; mark it anew."),
        ({"whole": 1}, "'whole' in span 1 of the answer to 'q' must be true or false, but 1 came; write one of them."),
        ({"side": "reference"}, "the side of span 1 of the answer to 'q' must be one of 'output', 'source', but 'reference' came."),
        ({"side": "source"}, "the end of span 1 of the answer to 'q' must be a whole number from 0 to 1, but 2 came; change it."),
        ({"category": "gramar"}, "the category of span 1 of the answer to 'q' must be one of 'grammar', 'meaning', but 'gramar' came; did you mean 'grammar'?"),
        ({"category": None}, "the category of span 1 of the answer to 'q' must be one of 'grammar', 'meaning', but None came; choose one."),
        ({"severity": "mayor"}, "the severity of span 1 of the answer to 'q' must be one of 'minor', 'major', but 'mayor' came; did you mean 'major'?"),
        ({"note": "a" * 2_001}, "the note of span 1 of the answer to 'q' must have at most 2,000 characters, but 2,001 came; shorten it."),
        ({"note": "\ud83d"}, "the note of span 1 of the answer to 'q' must hold whole characters only, but half of one ('\\ud83d') stands at character 1; remove it."),
        ({"colour": 1}, "a key of span 1 of the answer to 'q' must be one of 'side', 'start', 'end', 'category', 'severity', 'note', 'whole', but 'colour' came."),
    ],
)  # fmt: skip
def test_what_is_no_span_is_refused(changes, message):
    assert refused(changes) == message


def test_a_side_that_is_not_asked_about_cannot_be_marked():
    assert refused({"side": "source", "end": 1}, question=Spans("q", ["grammar"])) == (
        "the side of span 1 of the answer to 'q' must be one of 'output', but 'source' came."
    )


def test_the_whole_can_be_marked_only_where_the_task_says_so():
    parts = Spans("q", ["grammar"], whole=False)
    assert refused({"end": 0, "whole": True}, question=parts) == (
        "span 1 of the answer to 'q' must mark a part of the text, but the whole came; mark a part."
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "the answer to 'q' must be a list, but {} came; write a list."),
        (["x"], "span 1 of the answer to 'q' must be a mapping of keys to values, but 'x' came; write one."),
        ([SPAN] * 501, "the answer to 'q' must have at most 500 entries, but 501 came; leave some out."),
    ],
)  # fmt: skip
def test_what_is_no_list_of_spans_is_refused(value, message):
    with pytest.raises(BadValue) as caught:
        ERRORS.check(value, texts=TEXT)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("categories", "fields", "message"),
    [
        ([], {}, "'categories' of question 'q' must have at least an entry, but 0 came; add what is missing."),
        (["a"], {"severities": ["minor"]}, "'severities' of question 'q' must map names to weights, but ['minor'] came; write a mapping."),
        (["a"], {"severities": {}}, "'severities' of question 'q' must have at least an entry, but 0 came; add what is missing."),
        (["a"], {"severities": {"minor": -1}}, "the weight of 'minor' in 'severities' of question 'q' must be from 0 to 1,000,000, but -1 came; change it."),
        (["a"], {"severities": {"minor": True}}, "the weight of 'minor' in 'severities' of question 'q' must be a finite number, but True came; write it in digits."),
        (["grammar"], {"weights": {"gramar": {}}}, "a key of 'weights' of question 'q' must be one of 'grammar', but 'gramar' came; did you mean 'grammar'?"),
        (["a"], {"weights": {"a": {"mayor": 1}}}, "a key of 'a' in 'weights' of question 'q' must be one of 'minor', 'major', but 'mayor' came; did you mean 'major'?"),
        (["a"], {"sides": ["sauce"]}, "each of 'sides' of question 'q' must be one of 'output', 'source', but 'sauce' came; did you mean 'source'?"),
        (["a"], {"sides": []}, "'sides' of question 'q' must have at least an entry, but 0 came; add what is missing."),
        (["a"], {"whole": None}, "'whole' of question 'q' must be true or false, but None came; write one of them."),
    ],
)  # fmt: skip
def test_spans_are_refused_unless_their_fields_fit(categories, fields, message):
    with pytest.raises((BadValue, UnknownName)) as caught:
        Spans("q", categories, **fields)
    assert str(caught.value) == message


def test_severities_go_from_light_to_heavy_whatever_order_json_made():
    errors = Spans("q", ["a"], severities={"major": 5, "critical": 25, "minor": 1, "neutral": 0})
    assert list(errors.severities) == ["neutral", "minor", "major", "critical"]
