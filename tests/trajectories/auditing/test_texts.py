"""Texts in JSON, also in JSON in texts: nothing that can be read is passed over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories.auditing.texts import names_in, shown, tells, texts_in

SSN = "SSN:\n078-05-1120"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    "text",
    [
        SSN, json.dumps(SSN), json.dumps({"a": [SSN]}), json.dumps({SSN: 1}),
        json.dumps(json.dumps({"a": SSN})), '{"a": "078-05-1120", "a": 1}', '{"a": "SSN:\\n078-05-1120',
        '{"a": "\\u0030\\u0037\\u0038-05-1120"', "\ufeff" + json.dumps([SSN]),
        "[" * 100_000 + '"SSN:\\n078-05-1120"',
    ],
)  # fmt: skip
def test_no_escape_hides_a_number(text):
    assert {kind for kind, _ in tells(text)} == {"ssn"}
    assert "078-05-1120" not in (shown(text) or "")


@given(JSON)
def test_every_text_of_a_value_is_there_however_often_it_was_dumped(value):
    texts = set(texts_in(value))
    assert texts <= set(texts_in([json.dumps([value])]))


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ('{"password": 1}', True), ('[{"a": {"password": null}}]', True), ('{"a": "password"}', False),
        ('{"p\\u0061ssword": 1}', True), (json.dumps(json.dumps({"password": 1})), True),
        ('answer: {"password": 1}', True), ('{"password": 1', True), ("{'password': 1}", True),
        ("the password: none", False), ("", False),
    ],
)  # fmt: skip
def test_a_member_is_found_in_texts_that_hold_json(text, there):
    assert names_in(text, ["password", "pin"]) == there
    assert not names_in(text, [])


def test_text_with_marks_keeps_the_rest():
    assert shown(r"C:\new to ann@example.org") == r"C:\new to [email]"
    assert shown(json.dumps({"n": 4111111111111111, "t": SSN, "k": 1})) == (
        '{"n": "[card]", "t": "SSN:\\n[ssn]", "k": 1}'
    )
