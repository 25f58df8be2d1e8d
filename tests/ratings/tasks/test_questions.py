"""Scales, labels, texts and corrections: what they ask, and what counts as an answer."""

import math

import pytest

from workbench.errors import BadValue, UnknownName
from workbench.ratings.tasks.questions import Correction, Labels, Scale, Text

ONE = {"A": "A text."}
HUGE = 10**5000


def refusal(make, *arguments, **fields):
    with pytest.raises((BadValue, UnknownName)) as caught:
        make(*arguments, **fields)
    return str(caught.value)


def refused_answer(question, value):
    with pytest.raises(BadValue) as caught:
        question.check(value, texts=ONE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "begin with a letter of a to z and have 1 to 64 letters, digits, '_', '-' and '.', but '' came; name it so, and say the rest in its text."),
        ("1st", "begin with a letter of a to z and have 1 to 64 letters, digits, '_', '-' and '.', but '1st' came; name it so, and say the rest in its text."),
        ("__proto__", "begin with a letter of a to z and have 1 to 64 letters, digits, '_', '-' and '.', but '__proto__' came; name it so, and say the rest in its text."),
        ("a\n", "begin with a letter of a to z and have 1 to 64 letters, digits, '_', '-' and '.', but 'a\\n' came; name it so, and say the rest in its text."),
        (5, "be text, but 5 came; put it in quotes if it is meant as text."),
        ("a\ud83d", "hold whole characters only, but half of one ('\\ud83d') stands at character 2; remove it."),
    ],
)  # fmt: skip
def test_a_name_is_fit_for_a_column(name, message):
    assert refusal(Text, name) == f"the name of a question must {message}"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": None}, "'text' of question 'q' must be text, but None came; write text."),
        ({"text": "a" * 5_001}, "'text' of question 'q' must have at most 5,000 characters, but 5,001 came; shorten it."),
        ({"help": False}, "'help' of question 'q' must be text, but False came; put it in quotes if it is meant as text."),
        ({"required": 1}, "'required' of question 'q' must be true or false, but 1 came; write one of them."),
        ({"lines": 2.5}, "'lines' of question 'q' must be a whole number from 1 to 40, but 2.5 came; change it."),
        ({"longest": 0}, "'longest' of question 'q' must be a whole number from 1 to 100,000, but 0 came; change it."),
    ],
)  # fmt: skip
def test_what_every_question_has_is_checked(fields, message):
    assert refusal(Text, "q", **fields) == message


@pytest.mark.parametrize(
    ("arguments", "fields", "message"),
    [
        ((5, 1), {}, "'low' of question 'q' must be below 'high', both within ±1,000,000, but 5 and 1 came; change them."),
        ((1, 1), {}, "'low' of question 'q' must be below 'high', both within ±1,000,000, but 1 and 1 came; change them."),
        ((0, 10**7), {}, "'low' of question 'q' must be below 'high', both within ±1,000,000, but 0 and 10000000 came; change them."),
        ((math.nan, 1), {}, "'low' of question 'q' must be a finite number, but nan came; write it in digits."),
        ((True, 5), {}, "'low' of question 'q' must be a finite number, but True came; write it in digits."),
        ((1, "5"), {}, "'high' of question 'q' must be a finite number, but '5' came; write it in digits."),
        pytest.param((1, HUGE), {}, "'high' of question 'q' must be a finite number, but something that cannot be shown (int) came; write it in digits.", id="huge"),
        ((1, 5), {"step": 0}, "'step' of question 'q' must be 0.001 or more and divide 1 to 5 into whole steps, but 0 came; change it."),
        ((1, 5), {"step": -1}, "'step' of question 'q' must be 0.001 or more and divide 1 to 5 into whole steps, but -1 came; change it."),
        ((0, 1), {"step": 0.3}, "'step' of question 'q' must be 0.001 or more and divide 0 to 1 into whole steps, but 0.3 came; change it."),
        ((1, 5), {"labels": ["bad"]}, "'labels' of question 'q' must map numbers to texts, but ['bad'] came; write a mapping."),
        ((1, 5), {"labels": {6: "x"}}, "each key of 'labels' of question 'q' must be a number from 1 to 5, and come once, but 6 came; change it."),
        ((1, 5), {"labels": {1.5: "x"}}, "each key of 'labels' of question 'q' must be a number from 1 to 5, and come once, but 1.5 came; change it."),
        ((1, 5), {"labels": {1: "x", "1": "y"}}, "each key of 'labels' of question 'q' must be a number from 1 to 5, and come once, but '1' came; change it."),
        ((1, 5), {"labels": {True: "x"}}, "each key of 'labels' of question 'q' must be a finite number, but True came; write it in digits."),
        ((1, 5), {"labels": {"one": "x"}}, "each key of 'labels' of question 'q' must be a finite number, but 'one' came; write it in digits."),
        ((1, 5), {"labels": {1: False}}, "label 1 of question 'q' must be text, but False came; put it in quotes if it is meant as text."),
        ((1, 5), {"labels": {1: "a\nb"}}, "label 1 of question 'q' must be one line without control characters, but '\\n' stands at character 2; remove it."),
        ((1, 500), {"labels": {at: "x" for at in range(1, 202)}}, "'labels' of question 'q' must have at most 200 entries, but 201 came; leave some out."),
    ],
)  # fmt: skip
def test_a_scale_is_refused_unless_its_numbers_fit(arguments, fields, message):
    assert refusal(Scale, "q", *arguments, **fields) == message


@pytest.mark.parametrize(
    ("value", "kept"),
    [(1, 1), (5.0, 5), (2.5, 2.5), (0, 0), (-0.0, 0), (-1, -1), (0.5 + 1e-12, 0.5)],
)
def test_a_number_is_kept_in_one_form(value, kept):
    answer = Scale("q", -1, 5, step=0.5).check(value, texts=ONE)
    assert (answer, type(answer), str(answer)) == (kept, type(kept), str(kept))


def test_the_rounding_error_of_a_sum_is_mended():
    assert 0.1 + 0.2 != 0.3
    assert Scale("q", 0, 1, step=0.1).check(0.1 + 0.2, texts=ONE) == 0.3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (6, "must be a number from 1 to 5, but 6 came; choose one of these."),
        (0, "must be a number from 1 to 5, but 0 came; choose one of these."),
        (2.5, "must be a number from 1 to 5, but 2.5 came; choose one of these."),
        (1e308, "must be a number from 1 to 5, but 1e+308 came; choose one of these."),
        (True, "must be a finite number, but True came; write it in digits."),
        (math.nan, "must be a finite number, but nan came; write it in digits."),
        (-math.inf, "must be a finite number, but -inf came; write it in digits."),
        ("4", "must be a finite number, but '4' came; write it in digits."),
        (None, "must be a finite number, but None came; write it in digits."),
        ([1], "must be a finite number, but [1] came; write it in digits."),
        pytest.param(HUGE, "must be a finite number, but something that cannot be shown (int) came; write it in digits.", id="huge"),
    ],
)  # fmt: skip
def test_what_is_no_number_of_the_scale_is_refused(value, message):
    assert refused_answer(Scale("q", 1, 5), value) == f"the answer to 'q' {message}"


@pytest.mark.parametrize(
    ("scale", "n_values", "buttons"),
    [
        (Scale("q", 1, 5), 5, True),
        (Scale("q", 0, 10), 11, True),
        (Scale("q", 0, 11), 12, False),
        (Scale("q", 0, 1, step=0.1), 11, True),
        (Scale("q", 0, 100), 101, False),
        (Scale("q", 0, 100, step=10), 11, True),
    ],
)
def test_a_scale_of_up_to_eleven_numbers_has_buttons(scale, n_values, buttons):
    assert (scale.n_values, scale.shown()["buttons"]) == (n_values, buttons)


def test_anchors_are_in_the_order_of_their_numbers_whatever_json_made_of_the_keys():
    scale = Scale("q", 0, 10, labels={"10": "good", 5.0: "fair", "0": "bad"})
    assert list(scale.labels.items()) == [(0, "bad"), (5, "fair"), (10, "good")]
    assert scale == Scale("q", 0, 10, labels={0: "bad", 5: "fair", 10: "good"})


@pytest.mark.parametrize(
    ("options", "fields", "message"),
    [
        ([], {}, "'options' of question 'q' must have at least an entry, but 0 came; add what is missing."),
        (["a"], {"several": False}, "'options' of question 'q' must have at least 2 entries, but 1 came; add what is missing."),
        ("abc", {}, "'options' of question 'q' must be a list, but 'abc' came; write a list."),
        (["yes", False], {}, "each of 'options' of question 'q' must be text, but False came; put it in quotes if it is meant as text."),
        (["a", " "], {}, "each of 'options' of question 'q' must say something, but ' ' came; write a few words."),
        (["Yes", " yes"], {}, "'options' of question 'q' must differ by more than case and spaces, but 'Yes' and ' yes' came; rename one of them."),
        (["é", "e\u0301"], {}, "'options' of question 'q' must differ by more than case and spaces, but 'é' and 'e\u0301' came; rename one of them."),
        ([str(at) for at in range(201)], {}, "'options' of question 'q' must have at most 200 entries, but 201 came; leave some out."),
    ],
)  # fmt: skip
def test_options_are_told_apart_by_eye(options, fields, message):
    assert refusal(Labels, "q", options, **fields) == message


def test_labels_are_kept_once_and_in_the_order_of_the_options():
    flags = Labels("q", ["rude", "wrong", "long"])
    assert flags.check(["long", "rude", "long"], texts=ONE) == ["rude", "long"]
    assert flags.check([], texts=ONE) == []


@pytest.mark.parametrize(
    ("several", "value", "message"),
    [
        (True, "rude", "must be a list, but 'rude' came; write a list."),
        (True, ["rud"], "must be one of 'rude', 'wrong', but 'rud' came; did you mean 'rude'?"),
        (True, ["Rude "], "must be one of 'rude', 'wrong', but 'Rude' came; did you mean 'rude'?"),
        (True, [True], "must name options, but True came; choose from them."),
        (True, ["rude"] * 5, "must have at most 4 entries, but 5 came; leave some out."),
        (True, ["\ud83d"], "must be one of 'rude', 'wrong', but '�' came."),
        (True, None, "must be a list, but None came; write a list."),
        (False, ["rude"], "must name options, but ['rude'] came; choose from them."),
        (False, "", "must be one of 'rude', 'wrong', but '' came."),
    ],
)
def test_what_is_no_option_is_refused(several, value, message):
    question = Labels("q", ["rude", "wrong"], several=several)
    assert refused_answer(question, value) == f"the answer to 'q' {message}"


def test_a_huge_answer_is_refused_in_a_short_sentence():
    for value in ("a" * 10**6, ["a" * 10**6], [["a"] * 10**5], {"a" * 10**6: 1}):
        assert len(refused_answer(Labels("q", ["rude"]), value)) < 300
        assert len(refused_answer(Text("q"), value)) < 300
        assert len(refused_answer(Scale("q", 1, 5), value)) < 300


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (" \n", "must say something, but only white space came; write it."),
        ("a" * 11, "must have at most 10 characters, but 11 came; shorten it."),
        (None, "must be text, but None came; write text."),
        (b"a", "must be text, but b'a' came; put it in quotes if it is meant as text."),
        ("a\udcff", "must hold whole characters only, but half of one ('\\udcff') stands at character 2; remove it."),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused(value, message):
    assert refused_answer(Text("q", longest=10), value) == f"the answer to 'q' {message}"


def test_a_text_that_need_not_be_given_may_be_empty():
    assert Text("q", required=False).check("", texts=ONE) == ""


def test_a_text_is_counted_in_characters_not_in_bytes():
    assert Text("q", longest=2).check("😀é", texts=ONE) == "😀é"


def test_a_storable_text_is_kept_as_it_is(storable):
    question = Text("q", longest=100_000, required=False)
    assert question.check(storable, texts=ONE) == storable


def test_a_correction_may_be_twice_as_long_as_a_long_output():
    long = {"A": "a" * 100_000}
    assert len(Correction("q").check("b" * 200_000, texts=long)) == 200_000
    assert refused_answer(Correction("q"), "b" * 100_001) == (
        "the answer to 'q' must have at most 100,000 characters, but 100,001 came; shorten it."
    )


def test_a_question_cannot_be_changed_and_can_be_a_key():
    question = Scale("q", 1, 5, labels={1: "bad"})
    with pytest.raises(AttributeError):
        question.low = 0
    assert {question: 1}[Scale("q", 1.0, 5.0, labels={"1": "bad"})] == 1
