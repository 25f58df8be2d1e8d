"""A judge's answers: what is read, and all that is not."""

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.judging.answers import LONGEST, Verdict, parsed, schema

PLACES = ["first", "second", "tie"]
GOOD = '{"reasoning": "It is shorter.", "better": "first"}'


def test_an_answer_as_it_was_asked_for_is_read():
    assert parsed(GOOD, "better", PLACES) == Verdict("first", "It is shorter.")
    assert parsed('{"score": 4.0, "reasoning": ""}', "score", [1, 2, 3, 4]) == Verdict(4, "")


@pytest.mark.parametrize("around", ["```json\n{}\n```", "```\n{}\n```", " \n{}\n "])
def test_one_block_of_markdown_and_white_space_are_no_failure(around):
    assert parsed(around.replace("{}", GOOD), "better", PLACES).choice == "first"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "first",
        f"The verdict: {GOOD}",
        f"{GOOD} I hope this helps.",
        f"{GOOD}{GOOD}",
        f"[{GOOD}]",
        '{"better": "first"}',
        '{"reasoning": "x", "better": "First"}',
        '{"reasoning": "x", "better": "both"}',
        '{"reasoning": "x", "better": 1}',
        '{"reasoning": "x", "better": true}',
        '{"reasoning": "x", "better": null}',
        '{"reasoning": "x", "better": ["first"]}',
        '{"reasoning": 3, "better": "first"}',
        '{"reasoning": "x", "better": "first", "confidence": 1}',
        '{"reasoning": "x", "better": "second", "better": "first"}',
        '{"reasoning": "x", "better": NaN}',
        "{'reasoning': 'x', 'better': 'first'}",
        '{"reasoning": "x", "better": "first"',
        "[" * 5_000,
        '{"reasoning": "' + "x" * LONGEST + '", "better": "first"}',
    ],
)
def test_anything_else_is_a_failure(text):
    assert parsed(text, "better", PLACES) is None


@pytest.mark.parametrize("score", ["true", "0", "6", "3.5", '"3"', "1e400", "-Infinity"])
def test_a_mark_that_is_no_point_of_the_scale_is_a_failure(score):
    assert parsed(f'{{"reasoning": "x", "score": {score}}}', "score", [1, 2, 3, 4, 5]) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 7) | st.floats() | st.sampled_from([*PLACES, "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["reasoning", "score", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(deadline=None, derandomize=True)
@given(values)
def test_what_is_read_is_what_the_schema_allows(value):
    text = json.dumps(value)
    for member, choices in (("score", [1, 2, 3]), ("score", PLACES)):
        allowed = "NaN" not in text and "Infinity" not in text
        try:
            jsonschema.validate(value, schema(member, choices))
        except jsonschema.ValidationError:
            allowed = False
        assert (parsed(text, member, choices) is not None) == allowed
