"""JSON as RFC 8259 has it, schemas as their draft has them, and nothing fetched."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DRAFT_3 = "http://json-schema.org/draft-03/schema#"
ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "integer", "minimum": 0}, "why": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "text",
    ['{"a": [1, 2.5e3, null, true]}', '"é\\u00e9"', " 4 ", "[]", "[" * 64 + "]" * 64, '"[[[["'],
)
def test_json_is_valid_without_a_schema(text):
    assert wb.JSONValid().problem(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "{'a': 1}", "{a: 1}", '{"a": 1,}', "NaN", "[Infinity]", "True", "1 2", "```json\n1\n```",
     '{"a": "b\n"}', "01", "\ufeff1"],
)  # fmt: skip
def test_what_is_no_json_is_said_to_be_none(text):
    assert wb.JSONValid().problem(text).startswith("not JSON: ")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 65 + "1" + "}" * 65, "9" * 5_000])
def test_what_is_too_deep_or_too_long_is_not_read(text):
    assert wb.JSONValid().problem(text).startswith("not JSON: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"answer": 4}', None),
        ('{"answer": 4.0}', None),
        ('{"answer": -1}', "off schema: -1 is less than the minimum of 0"),
        ('{"answer": 1, "x": 2}', "off schema: 'x' is no property that is allowed"),
        ("[]", "off schema: [] is not of type 'object'"),
    ],
)
def test_a_schema_is_met_or_broken_for_a_reason(text, problem):
    assert wb.JSONValid(ANSWER).problem(text) == problem
    assert wb.JSONValid(json.dumps(ANSWER)).problem(text) == problem


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "b1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "ab", "b", "why"]), inner, max_size=3)
    ),
    max_leaves=8,
)
SCHEMAS = [
    ANSWER,
    {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}], "additionalItems": False},
    {"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
    {"$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}, "pattern": "^a", "type": ["array", "string"]}}, "$ref": "#/$defs/tree"},
    {"$schema": DRAFT, "items": {"$ref": "#"}, "pattern": "b|^$"},
    {"anyOf": [{"const": 1}, {"enum": ["a", None]}, {"minItems": 2, "uniqueItems": True}]},
    {"properties": {"a": True}, "unevaluatedProperties": False, "maxProperties": 2},
    False,
]  # fmt: skip


@given(values)
def test_verdicts_are_those_of_jsonschema(value):
    for schema in SCHEMAS:
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        valid = kind(schema).is_valid(value)
        assert (wb.JSONValid(schema).problem(json.dumps(value)) is None) == valid


@pytest.mark.parametrize(
    ("step", "text", "valid"),
    [
        (0.01, "0.07", True),
        (0.01, "19.99", True),
        (0.01, "0.29", True),
        (0.01, "-4.35", True),
        (0.01, "0.075", False),
        (0.1, "3", True),
        (2, "4.0", True),
        (3, "4", False),
        (0.5, "1" + "0" * 399, True),
        (0.3, "1" + "0" * 399, False),
        (1e-9, "1e300", True),
        (0.5, "1e999", False),
        (7, "-" + "7" * 4_300, True),
        (0.01, "true", True),
        (0.01, '"0.075"', True),
    ],
)
def test_multiples_are_those_of_the_decimals_that_are_written(step, text, valid):
    for schema in ({"multipleOf": step}, {"$schema": DRAFT_3, "divisibleBy": step}):
        assert (wb.JSONValid(schema).problem(text) is None) == valid


def test_what_is_no_multiple_is_said_so():
    found = wb.JSONValid({"multipleOf": 0.01}).problem("0.075")
    assert found == "off schema: 0.075 is not a multiple of 0.01"


def test_a_keyword_of_another_draft_says_nothing():
    assert wb.JSONValid({"divisibleBy": 2}).problem("3") is None


def test_fences_are_refused_unless_allowed():
    text = 'Here:\n```json\n{"answer": 1}\n```\nDone.'
    assert wb.JSONValid(ANSWER).problem(text).startswith("not JSON")
    assert wb.JSONValid(ANSWER, fences="allow").problem(text) is None
    assert wb.JSONValid(ANSWER, fences="allow").problem('{"answer": 1}') is None
    assert wb.JSONValid(fences="allow").problem(text + text).startswith("not JSON")
    for end in ("\r\n", "\r"):
        assert wb.JSONValid(ANSWER, fences="allow").problem(text.replace("\n", end)) is None


def test_not_json_and_broken_schemas_are_counted_apart(scored):
    texts = ['{"answer": 1}', "{}", "no", "[]"]
    scores = scored([(text, ["x"]) for text in texts], wb.JSONValid(ANSWER))
    assert scores.frame["value"].tolist() == [1, 0, 0, 0]
    assert scores.noted[["note", "n", "n_outputs"]].to_numpy().tolist() == [
        ["not JSON", 1, 4],
        ["off schema", 2, 4],
    ]
    assert scores.failure_note == (
        "every output has a text; json_valid: 1 of 4 not JSON; json_valid: 2 of 4 off schema"
    )


def test_each_row_may_have_its_own_schema(tmp_path):
    rows = wb.read(
        [{"input": "", "schema": {"type": "null"}}, {"input": "", "schema": '{"type": "array"}'}]
    )
    outputs = wb.outputs(rows, {"a": ["null", "null"], "b": ["[]", "[]"]})
    scores = wb.score(outputs, rows, wb.JSONValid(column="schema"), cache=tmp_path)
    assert scores.frame["value"].tolist() == [1, 0, 0, 1]


def test_equal_schemas_are_one_metric():
    one, other = (
        wb.JSONValid({"type": "null", "title": "x"}),
        wb.JSONValid('{"title":"x","type":"null"}'),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one.signature == ('schema:{"title": "x", "type": "null"}|fences:refuse|version:wb2')


@pytest.mark.parametrize("where", ["http://127.0.0.1:9/s.json", "file:///etc/passwd", "other.json"])
def test_nothing_that_a_schema_refers_to_is_fetched(where):
    metric = wb.JSONValid({"$ref": where})
    with pytest.raises(BadValue) as caught:
        metric.problem("1")
    assert str(caught.value) == (
        f'a JSON schema must hold all that it refers to, but \'{{"$ref": "{where}"}}\' does not '
        f"(Unresolvable: {where}); put it into '$defs'."
    )


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}]
)
def test_a_schema_that_never_ends_is_refused(schema):
    with pytest.raises(BadValue, match=r"does not \(it never ends\); put it into '\$defs'\.$"):
        wb.JSONValid(schema).problem("1")


@pytest.mark.parametrize(
    ("schema", "start"),
    [
        (
            {"type": "text"},
            'a JSON schema must meet its draft, but \'{"type": "text"}\' does not (',
        ),
        ("{", "a JSON schema must be an object of JSON, but '{' came ("),
        ("[]", "a JSON schema must be an object of JSON, but '[]' came (it is no object); pass a"),
        ({"const": {1}}, "a JSON schema must be an object of JSON, but \"{'const': {1}}\" came ("),
    ],
)
def test_what_is_no_schema_is_refused(schema, start):
    with pytest.raises(BadValue) as caught:
        wb.JSONValid(schema)
    assert str(caught.value).startswith(start)


def test_a_schema_and_a_column_are_too_much():
    with pytest.raises(BadValue) as caught:
        wb.JSONValid({}, "schema")
    assert str(caught.value) == (
        "json_valid must have a schema or a column of schemas, but both came; pass one."
    )


LONG = "a" * 60 + "b"
SLOW = "(a|aa)+$"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": SLOW}, LONG),
        ({"patternProperties": {SLOW: True}}, {LONG: 1}),
        ({"additionalProperties": False, "patternProperties": {SLOW: True}}, {LONG: 1}),
        ({"$schema": DRAFT, "items": {"$ref": "#"}, "pattern": SLOW}, [LONG]),
    ],
)
def test_a_pattern_that_takes_years_ends_in_a_sentence(schema, value, monkeypatch):
    monkeypatch.setattr("workbench.metrics.json_texts._PATIENCE_S", 0.02)
    with pytest.raises(BadValue) as caught:
        wb.JSONValid(schema).problem(json.dumps(value))
    assert str(caught.value) == (
        f"a pattern of a JSON schema must match a text in 0.02 s, but {SLOW!r} took longer for "
        f"{LONG!r:.60}; write it without nested repetitions, such as (a+)+."
    )


def test_hostile_texts_are_json_or_not_and_a_reason_stays_short(hostiles):
    for text in hostiles.values():
        assert wb.JSONValid().problem(json.dumps(text)) is None
        assert len(wb.JSONValid({"type": "null"}).problem(json.dumps(text))) < 300
