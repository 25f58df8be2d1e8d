"""The kinds of error that input can cause, and the sentences they are told in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import (
    BadKind,
    BadValue,
    InputError,
    UnknownName,
    Unreadable,
    names_of,
    nearest,
    some,
    unknown_name,
)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (BadValue, ValueError),
        (BadKind, TypeError),
        (UnknownName, LookupError),
        (Unreadable, OSError),
    ],
)
def test_each_kind_is_an_input_error_and_pythons_own(kind, builtin):
    assert issubclass(kind, InputError)
    assert issubclass(kind, builtin)
    assert str(kind("what must hold")) == "what must hold"


def test_a_text_is_one_name_and_never_its_letters():
    assert names_of("rows", "12") == ["12"]
    assert names_of("rows", iter(["1", "2"])) == ["1", "2"]
    with pytest.raises(BadKind) as caught:
        names_of("rows", 12)
    assert str(caught.value) == (
        "rows must be a name or a list of names, but 12 came; write them as text."
    )


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        (
            "led",
            ["lead", "random"],
            "x must be one of 'lead', 'random', but 'led' came; did you mean 'lead'?",
        ),
        ("q", ["lead", "random"], "x must be one of 'lead', 'random', but 'q' came."),
        ("q", [], "x must be one of none, but 'q' came."),
        (7, [7.5, 70], "x must be one of '7.5', '70', but '7' came; did you mean '70'?"),
        (None, [None, "b"], "x must be one of 'None', 'b', but 'None' came; did you mean 'None'?"),
        ("a\x1b[31m", ["b"], "x must be one of 'b', but 'a\\x1b[31m' came."),
        (
            "zz",
            range(13),
            "x must be one of '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11' …, "
            "but 'zz' came.",
        ),
        (
            "zz",
            range(12),
            "x must be one of '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', "
            "but 'zz' came.",
        ),
    ],
)
def test_an_unknown_name_lists_what_is_known_and_the_nearest(name, known, message):
    error = unknown_name("x", name, known)
    assert type(error) is UnknownName
    assert str(error) == message


def test_the_nearest_name_is_found_beyond_the_twelve_that_are_listed():
    told = str(unknown_name("x", "systen", [*"abcdefghijklmnop", "system"]))
    assert told == (
        "x must be one of 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l' …, "
        "but 'systen' came; did you mean 'system'?"
    )


def test_the_nearest_name_is_as_near_as_is_asked_for():
    assert nearest("BERTScore", ["score", "BLEU"]) == "score"
    assert nearest("BERTScore", ["score", "BLEU"], likeness=0.75) is None
    assert nearest("bleu", []) is None


@pytest.mark.parametrize(
    ("values", "limit", "text"),
    [
        ([], 5, ""),
        (["a"], 5, "'a'"),
        (["a", "b"], 2, "'a', 'b'"),
        (["a", "b", "c"], 2, "'a', 'b' and 1 more"),
        ([1, None, 2.5], 5, "1, None, 2.5"),
        (iter("abcdefg"), 5, "'a', 'b', 'c', 'd', 'e' and 2 more"),
    ],
)
def test_some_names_the_first_few_and_counts_the_rest(values, limit, text):
    assert some(values, limit) == text


@settings(deadline=None, derandomize=True)
@given(st.lists(st.text(), max_size=20), st.integers(1, 9))
def test_some_loses_nothing_from_the_count(values, limit):
    text = some(values, limit)
    hidden = max(0, len(values) - limit)
    naive = ", ".join(repr(value) for value in values[:limit])
    assert text == (f"{naive} and {hidden} more" if hidden else naive)
    assert "\n" not in text
