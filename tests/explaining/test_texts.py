"""Words and marks, and the text of an input."""

import pytest

from workbench.explaining.texts import text_of, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In order to WIN, don't stop!", ["in", "order", "to", "win", ",", "don't", "stop", "!"]),
        ("l’été 3.5", ["l’été", "3", ".", "5"]),
        ("猫がいる。ok", ["猫", "が", "い", "る", "。", "ok"]),
        ("ก็ดี", ["ก็", "ดี"]),
        ("'quoted' — \u2028 …", ["'", "quoted", "'", "—", "…"]),
        (" \n\t", []),
        ("", []),
    ],
)
def test_a_text_is_split_into_words_and_marks(text, expected):
    assert tokens(text) == tuple(expected)


def test_no_visible_character_is_lost(hostile):
    assert "".join(tokens(hostile)) == "".join(hostile.lower().split())


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Good day", "Good day"),
        ("", ""),
        (None, None),
        (float("nan"), None),
        (7, None),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "a b"),
        ([{"role": "user", "content": [{"type": "image"}]}], None),
        ([], None),
        ({"content": "a"}, None),
        (b"bytes", None),
    ],
)
def test_the_text_of_an_input_is_a_string_or_its_messages(cell, expected):
    assert text_of(cell) == expected
