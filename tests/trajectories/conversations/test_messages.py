"""Messages of chats: parts, calls with broken arguments, answers and their times."""

import pytest

from workbench.trajectories.conversations.messages import (
    as_text,
    call_part,
    message_step,
    response_part,
    time_answers,
)
from workbench.trajectories.model import Step


def call(name="f", arguments="{}", **members):
    return {
        "id": "c",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    } | members


@pytest.mark.parametrize(
    ("role", "kind", "direction"),
    [
        ("system", "wb.system", "system"),
        ("developer", "wb.system", "system"),
        ("user", "wb.input", "in"),
        ("assistant", "chat", "out"),
        ("critic", "wb.other", "out"),
    ],
)
def test_a_message_is_a_step_of_its_role(role, kind, direction):
    step = message_step({"role": role, "content": "x"}, "/0")
    assert (step.kind, step.source, step.text) == (kind, "/0", "x")
    assert [(part.direction, part.role) for part in step.parts] == [(direction, role)]
    assert step.extra == {}


def test_an_answer_of_a_tool_is_a_step_that_executes_it():
    step = message_step(
        {"role": "tool", "tool_call_id": "c", "name": "f", "content": {"a": 1}}, "/0"
    )
    assert (step.kind, step.tool, step.tool_call_id) == ("execute_tool", "f", "c")
    assert step.result == '{"a": 1}'
    assert step.parts[0].extra == {"structured": True}


@pytest.mark.parametrize(
    ("arguments", "value", "valid"),
    [
        ('{"a": 1}', {"a": 1}, True),
        ({"a": 1}, {"a": 1}, True),
        ("", None, False),
        ('{"a": ', None, False),
        ("[" * 10_000, None, False),
        ("9" * 5_000, None, False),
        (None, None, True),
    ],
)
def test_arguments_that_cannot_be_read_are_kept_and_marked(arguments, value, valid):
    part = call_part("f", arguments, "c")
    assert (part.arguments, part.arguments_valid) == (value, valid)
    assert part.text == as_text(arguments)


def test_calls_of_either_generation_are_parts():
    new = message_step({"role": "assistant", "content": None, "tool_calls": [call()]}, "/0")
    old = {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}
    for step in (new, message_step(old, "/0")):
        assert [(part.name, part.arguments) for part in step.calls] == [("f", {})]
    assert new.calls[0].call_id == "c"


def test_the_pieces_of_a_message_are_parts():
    url = {"type": "image_url", "image_url": {"url": "http://example.org/x.png", "detail": "low"}}
    pieces = [{"type": "text", "text": "a"}, "b", url, {"type": "input_audio", "input_audio": {}}]
    step = message_step({"role": "user", "content": pieces}, "/0")
    assert [(part.type, part.text) for part in step.parts] == [
        ("text", "a"),
        ("text", "b"),
        ("uri", "http://example.org/x.png"),
        ("opaque", None),
    ]
    assert step.parts[2].extra == {"image_url": {"detail": "low"}, "type": "image_url"}
    assert step.parts[3].extra == {"type": "input_audio", "input_audio": {}}


def test_reasoning_comes_before_what_was_said():
    step = message_step({"role": "assistant", "reasoning_content": "hm", "content": "x"}, "/0")
    assert [part.type for part in step.parts] == ["reasoning", "text"]


@pytest.mark.parametrize(
    "value", [None, 7, "x", [], {}, {"role": []}, {"role": "tool"}, {"content": {}}]
)
def test_any_value_makes_a_step(value):
    step = message_step(value, "/0")
    assert step.source == "/0"
    if value not in (None, [], {}) and not isinstance(value, dict):
        assert step.extra["value"] == value


def test_what_is_not_mapped_stays():
    step = message_step({"role": "user", "content": "x", "weight": 0, "content_type": "y"}, "/0")
    assert step.extra == {"weight": 0, "content_type": "y"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "image", "data": "AA"}], '[{"type": "image", "data": "AA"}]'),
        ({"a": 1}, '{"a": 1}'),
        (None, None),
        ([], ""),
    ],
)
def test_blocks_of_an_answer_are_read_as_one_text_and_kept(value, text):
    part = response_part(value, "f", "c")
    assert part.text == text
    assert part.extra == ({"content": value} if isinstance(value, (list, dict)) else {})


def test_an_answer_lasts_from_its_call_but_never_backwards():
    asked = Step("chat", "/0", start_ns=10, end_ns=20)
    late, early, before = (
        Step("execute_tool", "/1", call_step=0, start_ns=at) for at in (30, 15, 5)
    )
    orphan = Step("execute_tool", "/2", start_ns=30)
    time_answers([asked, late, early, before, orphan])
    assert (late.start_ns, late.end_ns) == (20, 30)
    assert (early.start_ns, early.end_ns) == (10, 15)
    assert (before.start_ns, before.end_ns) == (5, None)
    assert (orphan.start_ns, orphan.end_ns) == (30, None)
