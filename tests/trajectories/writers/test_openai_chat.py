"""OpenAI messages: what another tool sees of a run, whatever format it came from."""

import json

from workbench.trajectories.conversations.messages import call_part
from workbench.trajectories.model import Part, Run, Step
from workbench.trajectories.writers import openai_chat


def text(direction, role, said):
    return Part(direction, role, "text", said)


def answer(call_id, said, *, asking, call=None):
    parts = [Part("out", "tool", "tool_call_response", said, call_id=call_id)]
    if call is not None:
        parts.insert(0, Part("in", "assistant", "tool_call", call.text, call.name, call.call_id))
        parts[0].arguments = call.arguments
    return Step("execute_tool", "", parts, call_step=asking, tool="f", tool_call_id=call_id)


def messages(*steps, **members):
    run = Run("mine", "", list(steps), **members)
    return json.loads(openai_chat.line(run))["messages"]


def test_a_conversation_with_tools():
    call = call_part("f", '{"a": 1}', "c1")
    steps = [
        Step("wb.system", "", [text("system", "developer", "Be brief.")]),
        Step(
            "wb.input", "", [text("in", "user", "Hi"), Part("in", "user", "uri", "https://x/a.png")]
        ),
        Step("chat", "", [Part("out", "assistant", "reasoning", "Hm."), call], agent="ann"),
        answer("c1", "done", asking=2, call=call),
    ]
    assert messages(*steps) == [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "Hi"},
            {"type": "image_url", "image_url": {"url": "https://x/a.png"}}]},
        {"role": "assistant", "name": "ann", "reasoning_content": "Hm.", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]  # fmt: skip


def test_calls_without_ids_get_some_and_their_answers_the_same():
    steps = [
        Step("chat", "", [call_part("f", {"n": n}, None) for n in range(2)]),
        answer(None, "zero", asking=0), answer(None, "one", asking=0),
    ]  # fmt: skip
    found = messages(*steps)
    assert [call["id"] for call in found[0]["tool_calls"]] == ["call_0_0", "call_0_1"]
    assert [each.get("tool_call_id") for each in found[1:]] == ["call_0_0", "call_0_1"]


def test_a_history_that_each_request_repeats_is_written_once():
    system, hello, yes = (
        text("system", "system", "S"), text("in", "user", "Hi"), text("out", "assistant", "Yes?"),
    )  # fmt: skip
    said, more = text("in", "assistant", "Yes?"), text("in", "user", "Hi")
    steps = [
        Step("invoke_agent", ""),
        Step("chat", "", [system, hello, yes]),
        Step("chat", "", [system, hello, said, more, text("out", "assistant", "Again?")]),
    ]
    assert [(each["role"], each["content"]) for each in messages(*steps)] == [
        ("system", "S"), ("user", "Hi"), ("assistant", "Yes?"), ("user", "Hi"),
        ("assistant", "Again?"),
    ]  # fmt: skip


def test_a_tool_that_no_message_asked_for_is_asked_for():
    call = call_part("f", '{"a": 1}', "c1")
    found = messages(answer("c1", "done", asking=None, call=call))
    assert [each["role"] for each in found] == ["assistant", "tool"]
    assert found[0]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}


def test_spans_that_are_no_messages_are_beside_them():
    line = openai_chat.line(
        Run("mine", "", [Step("wb.state", "", name="x"), Step("retrieval", "")])
    )
    value = json.loads(line)
    assert value["messages"] == []
    assert value["wb"]["steps"] == [{"kind": "wb.state", "name": "x"}, {"kind": "retrieval"}]
