"""YAML as plain values, with the line of each part; tests of tasks try what is refused."""

import pytest

from workbench import plain_yaml
from workbench.errors import BadValue


def test_each_key_and_element_has_its_line():
    text = b"\n# a remark\nname: x\nlist:\n  - 1\n  - a: true\n    b: [c,\n        d]\n5: |\n  two\n  lines\n"
    found = plain_yaml.document(text)
    assert found.value == {
        "name": "x",
        "list": [1, {"a": True, "b": ["c", "d"]}],
        5: "two\nlines\n",
    }
    assert found.lines == {
        ("name",): 3, ("list",): 4, ("list", 0): 5, ("list", 1): 6, ("list", 1, "a"): 6,
        ("list", 1, "b"): 7, ("list", 1, "b", 0): 7, ("list", 1, "b", 1): 8, (5,): 9,
    }  # fmt: skip


def test_a_text_without_parts_has_no_lines():
    assert plain_yaml.document(b"x") == ("x", {})


def test_an_error_says_what_the_text_was_to_hold():
    with pytest.raises(BadValue) as caught:
        plain_yaml.parse(b"", what="prompt")
    assert str(caught.value) == "the text must hold a prompt, but it is empty; write one."
