"""OpenAI's Responses API: items grouped into steps, usage, encrypted reasoning, built-in tools."""

import json
from pathlib import Path

import pytest

from workbench.trajectories.model import Usage
from workbench.trajectories.readers import openai_responses
from workbench.trajectories.sources.documents import Document


def read(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=content)
    return list(openai_responses.runs(document)), document.notices


def one(value):
    (run,), _ = read(value)
    return run


@pytest.fixture(scope="module")
def source(fixtures):
    return json.loads((fixtures / "openai" / "response.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def exchange(source):
    return one(source)


REASONED = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gA"}
CALLED = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
ANSWERED = {"type": "function_call_output", "call_id": "c1", "output": "done"}
SAID = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Yes."}],
}


def test_what_a_model_wrote_in_one_go_is_one_step(exchange):
    assert [(step.kind, step.source) for step in exchange.steps] == [
        ("wb.system", "/request/instructions"),
        ("wb.input", "/request/input/0"),
        ("chat", "/request/input/1"),
        ("execute_tool", "/request/input/2"),
        ("chat", "/response/output/0"),
        ("execute_tool", "/response/output/0"),
    ]
    assert [part.type for part in exchange.steps[4].parts] == [
        "reasoning", "server_tool_call", "server_tool_call", "server_tool_call_response", "text",
        "tool_call",
    ]  # fmt: skip


def test_what_it_reads_ends_its_step():
    run = one([REASONED, CALLED, ANSWERED, REASONED, SAID])
    assert [(step.kind, len(step.parts)) for step in run.steps] == [
        ("chat", 2), ("execute_tool", 2), ("chat", 2),
    ]  # fmt: skip
    assert run.calls[0].call_step == 0
    assert run.calls[0].result == "done"


def test_a_call_that_nobody_answered_is_told(exchange):
    assert exchange.steps[-1].flags == {"unanswered"}
    assert exchange.steps[-1].arguments == {"sum": 900}


def test_reasoning_has_its_summary_as_text_and_keeps_what_is_encrypted(exchange):
    reasoning = exchange.steps[4].parts[0]
    assert reasoning.text == "The policy must be read."
    assert reasoning.extra["item"]["encrypted_content"] == "gAAAAB"
    assert one([REASONED]).steps[0].parts[0].text is None


def test_built_in_tools_are_parts_of_the_models_step(exchange):
    search, code, output = exchange.steps[4].parts[1:4]
    assert (search.name, search.arguments) == (
        "web_search", {"action": {"type": "search", "query": "hail damage"}},
    )  # fmt: skip
    assert (code.name, code.arguments, code.call_id) == (
        "code_interpreter", {"code": "1000 - 100"}, "ci_1",
    )  # fmt: skip
    assert json.loads(output.text) == [{"type": "logs", "logs": "900"}]


def test_a_tool_that_the_caller_runs_is_answered_like_any_other():
    shell = {"type": "local_shell_call", "call_id": "s", "action": {"command": ["ls"]}}
    run = one([shell, {"type": "local_shell_call_output", "call_id": "s", "output": "a.txt"}])
    assert run.calls[0].tool == "local_shell"
    assert (run.calls[0].result, run.calls[0].call_step) == ("a.txt", 0)
    assert run.calls[0].extra == {"type": "local_shell_call_output"}


def test_tokens_read_include_the_cached_and_tokens_written_the_reasoning(exchange):
    # 200 read, 150 from a cache and 20 into it; 60 written, 40 of them reasoning
    assert exchange.steps[4].usage == Usage(200, 150, 20, 60, 40)
    assert "usage" not in exchange.extra["response"]


def test_the_end_of_a_response_is_told(exchange):
    answer = exchange.steps[4]
    assert (answer.status, exchange.status, answer.finish_reason) == ("ok", "ok", "completed")
    assert (answer.response_id, answer.model, exchange.model) == (
        "resp_1", "gpt-5-2025-08-07", "gpt-5",
    )  # fmt: skip
    failed = one({"object": "response", "status": "failed", "output": [],
                  "error": {"code": "rate_limit_exceeded", "message": "Slower."}})  # fmt: skip
    assert (failed.status, failed.steps[0].error_type) == ("error", "rate_limit_exceeded")
    cut = one({"status": "incomplete", "output": [SAID],
               "incomplete_details": {"reason": "max_output_tokens"}})  # fmt: skip
    assert (cut.status, cut.steps[0].finish_reason) == ("unset", "max_output_tokens")


def test_a_response_may_be_created_at_a_fraction_of_a_second():
    run = one({"object": "response", "created_at": 1700000000.7, "output": [SAID]})
    assert (run.steps[0].start_ns, run.time_source) == (1_700_000_000_700_000_000, "recorded")


def event(kind, **members):
    return {"type": f"response.{kind}", **members}


def begun(name):
    return event("created", response={"id": name, "object": "response", "model": "m",
                                      "status": "in_progress", "output": [], "usage": None})  # fmt: skip


def ended(name, kind="completed", **members):
    response = {"id": name, "object": "response", "model": "m", "status": kind, "output": [SAID],
                "usage": {"input_tokens": 10, "output_tokens": 2}}  # fmt: skip
    return event(kind, response=response | members)


def test_the_events_of_a_stream_are_one_run_of_its_last_response():
    value = [begun("a"), event("output_text.delta", delta="Ye", output_index=0),
             event("output_text.delta", delta="s.", output_index=0), ended("a")]  # fmt: skip
    assert openai_responses.recognises(value[1])
    for source in (value, "\n".join(map(json.dumps, value)).encode()):
        (run,), notices = read(source)
        assert notices == []
        assert [(step.kind, step.text, step.status) for step in run.steps] == [
            ("chat", "Yes.", "ok")
        ]
        assert run.steps[0].usage == Usage(10, output_tokens=2)
        assert run.steps[0].flags == {"streamed"}
    assert (run.pointer, run.steps[0].source) == ("L1", "L4/response/output/0")


def test_streams_of_one_time_are_told_apart_by_the_ids_of_their_responses():
    failed = {"error": {"code": "server_error", "message": "Sorry."}, "output": [], "usage": None}
    runs, _ = read([begun("b"), begun("a"), ended("b"), ended("a", "failed", **failed)])
    assert [(run.steps[0].response_id, run.status) for run in runs] == [("b", "ok"), ("a", "error")]
    assert runs[1].steps[0].error_message == "Sorry."


def test_a_stream_that_ended_early_is_what_was_said_and_marked_as_such():
    value = [
        begun("a"),
        event("output_item.added", output_index=0, item={"type": "reasoning", "summary": []}),
        event("output_item.done", output_index=0, item=REASONED),
        event("output_item.added", output_index=1, item={**SAID, "content": []}),
        event("output_text.delta", output_index=1, delta="Ye"),
        event("output_text.delta", output_index=1, delta="s"),
        event("output_item.added", output_index=2, item={**CALLED, "arguments": ""}),
        event("function_call_arguments.delta", output_index=2, delta='{"a'),
    ]
    run = one(value)
    answer, call = run.steps
    assert [(part.type, part.text) for part in answer.parts] == [
        ("reasoning", None), ("text", "Yes"), ("tool_call", '{"a'),
    ]  # fmt: skip
    assert (answer.flags, answer.finish_reason, run.status) == (
        {"streamed", "truncated"}, "in_progress", "unset",
    )  # fmt: skip
    assert call.flags == {"unanswered"}
    assert [each["type"] for each in run.extra["events"]] == [each["type"] for each in value]


def test_an_error_ends_a_stream():
    run = one([begun("a"), {"type": "error", "code": "overloaded", "message": "Later."}])
    assert (run.status, run.steps[0].error_type, run.steps[0].error_message) == (
        "error", "overloaded", "Later.",
    )  # fmt: skip
    assert one([event("in_progress"), {"type": "error", "message": "No."}]).status == "error"


def test_a_request_alone_has_no_answer():
    run = one({"input": [CALLED, ANSWERED], "model": "m"})
    assert [step.kind for step in run.steps] == ["chat", "execute_tool"]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ([REASONED], True), ([SAID], True), ([{"role": "user", "content": "Hi"}, CALLED], True),
        ({"output": [SAID]}, True), ({"object": "response"}, True),
        ([{"response": {"object": "response"}}], True),
        ([{"role": "user", "content": "Hi"}], False), ({"output": []}, False),
        ({"output": "text"}, False), ([], False), ([7], False), (None, False),
    ],
)  # fmt: skip
def test_the_format_is_told_by_its_content(first, expected):
    assert openai_responses.recognises(first) is expected


def test_nothing_of_the_fixture_is_lost(source, exchange, missing_leaves):
    lost = {leaf for leaf, _ in missing_leaves(source, [exchange])}
    # the total repeats a sum, the second became nanoseconds, the words are kinds of steps or parts
    assert lost <= {
        "260", "message", "reasoning", "function_call", "function_call_output", "summary_text",
        "completed", "1760000002",
    }  # fmt: skip


def test_what_is_no_run_is_told():
    runs, notices = read([{"output": [SAID]}, 7])
    assert len(runs) == 1
    assert [(each.place, each.reason) for each in notices] == [
        ("/1", "a run must be an object or a list of items: 7")
    ]


def test_twisted_values_never_crash(source, twists):
    for value in twists(source, 200):
        read(value)
        items = value["request"] if isinstance(value.get("request"), dict) else {}
        read(items.get("input"))


def test_twisted_events_never_crash(twists):
    source = [begun("a"), event("output_item.added", output_index=0, item=SAID),
              event("output_text.delta", output_index=0, delta="Y"), ended("b"),
              {"type": "error", "message": "x"}]  # fmt: skip
    for value in twists(source, 300):
        read(value)


def test_broken_files_never_crash(fixtures, mutations):
    for content in mutations((fixtures / "openai" / "response.json").read_bytes(), 300):
        read(content)
