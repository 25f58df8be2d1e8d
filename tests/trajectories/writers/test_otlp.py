"""OTLP by the conventions for generative AI: what any tool that knows them sees of a run."""

import json

import pandas as pd
import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.conversations.messages import call_part
from workbench.trajectories.model import Part, Run, Step, Usage
from workbench.trajectories.readers import otlp as reader
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers import otlp, write


def spans(*steps, **members):
    value = json.loads(otlp.line(Run("mine", "", list(steps), **members)))
    return value["resourceSpans"][0]["scopeSpans"][0]["spans"]


def attributes(holder):
    return {each["key"]: each["value"] for each in holder["attributes"]}


def messages(span, direction):
    return json.loads(attributes(span)[f"gen_ai.{direction}.messages"]["stringValue"])


def test_a_models_step_is_a_span_of_a_client():
    step = Step(
        "chat", "",
        [Part("system", "system", "text", "Be brief."), Part("in", "user", "text", "Hi"),
         Part("out", "assistant", "reasoning", "Hm."), call_part("f", {"a": 1}, "c1")],
        agent="a", model="m", provider="p", response_id="r", finish_reason="tool_call",
        usage=Usage(7, 2, 1, 3, 1, 0.5), start_ns=10, end_ns=2**62, status="error",
        error_type="timeout", error_message="too late", span_id="00f067aa0ba902b7",
    )  # fmt: skip
    (span,) = spans(step, name="4bf92f3577b34da6a3ce929d0e0e4736")
    assert (span["traceId"], span["spanId"]) == (
        "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7",
    )  # fmt: skip
    assert (span["name"], span["kind"]) == ("chat m", 3)
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == ("10", str(2**62))
    assert span["status"] == {"code": 2, "message": "too late"}
    found = attributes(span)
    assert found["gen_ai.operation.name"] == {"stringValue": "chat"}
    assert found["gen_ai.request.model"] == {"stringValue": "m"}
    assert found["gen_ai.usage.input_tokens"] == {"intValue": "7"}
    assert found["gen_ai.usage.cache_read.input_tokens"] == {"intValue": "2"}
    assert found["gen_ai.usage.reasoning.output_tokens"] == {"intValue": "1"}
    assert found["gen_ai.response.finish_reasons"] == {
        "arrayValue": {"values": [{"stringValue": "tool_call"}]}
    }
    assert found["wb.cost_usd"] == {"doubleValue": 0.5}
    assert found["error.type"] == {"stringValue": "timeout"}
    assert json.loads(found["gen_ai.system_instructions"]["stringValue"]) == [
        {"type": "text", "content": "Be brief."}
    ]
    assert messages(span, "input") == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}
    ]
    assert messages(span, "output") == [{"role": "assistant", "parts": [
        {"type": "reasoning", "content": "Hm."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
    ]}]  # fmt: skip


def test_a_tools_step_has_its_arguments_and_its_result():
    parts = [call_part("f", '{"a": 1', "c1"), Part("out", "tool", "tool_call_response", "done")]
    step = Step("execute_tool", "", parts, tool="f", tool_call_id="c1")
    (span,) = spans(step)
    assert (span["name"], span["kind"]) == ("execute_tool f", 1)
    found = attributes(span)
    del found["wb.extension"]
    assert {name: value["stringValue"] for name, value in found.items()} == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "f",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": '{"a": 1',
        "gen_ai.tool.call.result": "done",
    }


def test_what_is_known_of_the_run_stands_at_the_resource():
    run = Run("mine", "", [Step("chat", "")], task_id="t", trial=0, outcome=False, agent="a",
              agent_version="2", output_id="o", conversation_id="c")  # fmt: skip
    value = json.loads(otlp.line(run))
    found = attributes(value["resourceSpans"][0]["resource"])
    assert found == {
        "service.name": {"stringValue": "a"},
        "service.version": {"stringValue": "2"},
        "wb.task_id": {"stringValue": "t"},
        "wb.trial": {"intValue": "0"},
        "wb.output_id": {"stringValue": "o"},
        "wb.outcome": {"boolValue": False},
        "wb.agent_version": {"stringValue": "2"},
        "gen_ai.conversation.id": {"stringValue": "c"},
    }


def test_steps_without_ids_get_some_that_are_theirs_alone_and_the_same_each_time():
    steps = [Step("invoke_agent", ""), Step("chat", "", parent=0), Step("chat", "", parent=0)]
    first, second, third = spans(*steps)
    assert len({first["spanId"], second["spanId"], third["spanId"]}) == 3
    assert second["parentSpanId"] == third["parentSpanId"] == first["spanId"]
    assert [len(first["traceId"]), len(first["spanId"])] == [32, 16]
    assert spans(*steps) == [first, second, third]
    assert spans(*steps, run_id="x")[0]["traceId"] != first["traceId"]


RESOURCE = {
    "attributes": [{"key": "service.name", "value": {"stringValue": "s"}}],
    "droppedAttributesCount": 1,
}
SPAN = {
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", "name": "chat m",
    "kind": 3, "startTimeUnixNano": "1", "endTimeUnixNano": "2", "traceState": "a=b", "flags": 257,
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
        {"key": "gen_ai.response.model", "value": {"stringValue": "m-1"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "3"}},
        {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps([
            {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": " c", "result": {"a": 1}}]}])}},
        {"key": "gen_ai.output.messages", "value": {"stringValue": json.dumps([
            {"role": "assistant", "finish_reason": "tool_calls", "parts": [
                {"type": "tool_call", "id": "c2", "name": "f", "arguments": "{}"}]}])}},
        {"key": "own", "value": {"kvlistValue": {"values": [{"key": "n", "value": {"doubleValue": 0.5}}]}}},
        {"key": "raw", "value": {"bytesValue": "AAE="}},
    ],
    "events": [{"name": "note", "timeUnixNano": "1", "attributes": [{"key": "k", "value": {}}]}],
    "links": [{"traceId": "0a", "spanId": "0b"}], "status": {"code": 1},
}  # fmt: skip


def test_a_trace_of_the_conventions_is_written_as_it_was(tmp_path):
    other = {
        **SPAN,
        "spanId": "00f067aa0ba902b8",
        "parentSpanId": SPAN["spanId"],
        "startTimeUnixNano": "2",
    }
    value = {"resourceSpans": [
        {"resource": RESOURCE, "scopeSpans": [{"scope": {"name": "x", "version": "1"}, "spans": [SPAN]}], "schemaUrl": "u"},
        {"resource": {}, "scopeSpans": [{"scope": {"name": "y"}, "spans": [other]}]},
    ]}  # fmt: skip
    document = Document(tmp_path, "memory", data=json.dumps(value).encode())
    (run,) = reader.runs(document)
    written = json.loads(otlp.line(run))
    assert [each["scopeSpans"][0]["scope"] for each in written["resourceSpans"]] == [
        {"name": "x", "version": "1"}, {"name": "y"},
    ]  # fmt: skip
    assert written["resourceSpans"][0]["resource"]["droppedAttributesCount"] == 1
    assert written["resourceSpans"][0]["schemaUrl"] == "u"
    for each, source in zip(written["resourceSpans"], (SPAN, other), strict=True):
        (span,) = each["scopeSpans"][0]["spans"]
        assert {key: span[key] for key in source if key != "attributes"} == {
            key: source[key] for key in source if key != "attributes"
        }
        now = attributes(span)
        for was in source["attributes"]:
            if was["key"].endswith("messages"):
                texts = (was["value"]["stringValue"], now[was["key"]]["stringValue"])
                assert json.loads(texts[1]) == json.loads(texts[0])
            else:
                assert now[was["key"]] == was["value"]


@pytest.mark.parametrize("number", [0, 1])
def test_an_extension_survives_where_a_collector_regroups_spans(number, tmp_path):
    steps = [Step("chat", "", flags=frozenset({"demo"})), Step("chat", "", name="x")]
    value = json.loads(otlp.line(Run("mine", "", steps, run_id="r", scores={"s": 0.5})))
    (resource,) = value["resourceSpans"]
    group = resource["scopeSpans"][0]
    parts = [{**resource, "scopeSpans": [{**group, "spans": [span]}]} for span in group["spans"]]
    lines = [json.dumps({"resourceSpans": [each]}) for each in (parts if number else parts[::-1])]
    document = Document(tmp_path, "memory", data="\n".join(lines).encode())
    (run,) = reader.runs(document)
    assert (run.run_id, run.scores) == ("r", {"s": 0.5})
    assert [(step.flags, step.name) for step in run.steps] == [({"demo"}, None), (frozenset(), "x")]


def test_runs_of_other_formats_are_in_the_tables_as_they_were(fixtures, tmp_path):
    source = trajectories.read(fixtures / "atif")
    write(source, tmp_path / "runs.jsonl", format="otlp")
    found = trajectories.read(tmp_path / "runs.jsonl")
    places = ["format", "source"]
    pd.testing.assert_frame_equal(
        found.frame.drop(columns=places), source.frame.drop(columns=places)
    )
    names = dict.fromkeys(["run_id", "kind", "agent", "model", "tool", "status", "error_type"], str)
    pd.testing.assert_frame_equal(
        found.steps.drop(columns="source").astype(names),
        source.steps.drop(columns="source").astype(names),
    )
    assert found.ids == source.ids
    assert found.findings.empty
    for run in found:
        assert [step.text for step in run.steps] == [step.text for step in source[run.run_id].steps]


def test_runs_that_were_read_from_copies_of_one_file_do_not_become_one(tmp_path):
    step = Step("chat", "", model="m", usage=Usage(10, output_tokens=1))
    (tmp_path / "in").mkdir()
    for name in ("a.json", "b.json"):
        write([Run("mine", "", [step], name="4b" * 16)], tmp_path / "in" / name, format="otlp")
    runs = trajectories.read(tmp_path / "in")
    write(runs, tmp_path / "both.json", format="otlp")
    again = trajectories.read(tmp_path / "both.json")
    assert again.ids == runs.ids
    assert [run.name for run in again] == ["4b" * 16] * 2
    assert [run.steps[0].span_id for run in again] == [run.steps[0].span_id for run in runs]
    assert again.frame["input_tokens"].tolist() == [10, 10]


@pytest.mark.shared
def test_spans_that_stand_in_several_files_come_back_as_the_runs_they_were(shared, tmp_path):
    runs = trajectories.read(shared / "trajectories" / "openinference")
    write(runs, tmp_path / "all.json", format="otlp")
    again = trajectories.read(tmp_path / "all.json")
    assert (len(again), len(again.steps)) == (20, 30)
    assert again.ids == runs.ids
    assert again.frame["n_steps"].tolist() == runs.frame["n_steps"].tolist()
