"""OTLP: real producers' files, the conventions' own examples, traps, and nothing lost."""

import gzip
import json
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import counted_usage
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.spans import genai_spans
from workbench.trajectories.spans.span_texts import opened, opened_literal
from workbench.trajectories.spans.traces import inherited, matched, skewed

LISTS = [*range(4), 5, 6, 8, 9, *range(11, 19)]
"""The examples that are lists of messages; 4 and 7 are tool definitions, 10 instructions."""


@pytest.fixture
def folder(fixtures):
    return fixtures / "otlp"


def value(plain):
    if isinstance(plain, bool):
        return {"boolValue": plain}
    if isinstance(plain, int):
        return {"intValue": str(plain)}
    if isinstance(plain, float):
        return {"doubleValue": plain}
    if isinstance(plain, list):
        return {"arrayValue": {"values": [value(each) for each in plain]}}
    if isinstance(plain, dict):
        return {"kvlistValue": {"values": listed(plain)}}
    return {"stringValue": plain}


def listed(attributes):
    return [{"key": key, "value": value(each)} for key, each in attributes.items()]


def span(number, kind="chat", parent=None, start=None, end=None, **attributes):
    start = number * 10 if start is None else start
    found = {"traceId": "a" * 32, "spanId": f"{number:016x}", "name": f"{kind} {number}"}
    found |= {
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 5 if end is None else end),
    }
    if parent is not None:
        found["parentSpanId"] = f"{parent:016x}"
    named = {key.replace("__", "."): each for key, each in attributes.items()}
    return found | {"attributes": listed({"gen_ai.operation.name": kind} | named)}


def request(*spans, **resource):
    named = {key.replace("__", "."): each for key, each in resource.items()}
    group = {"scope": {"name": "s"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": listed(named)}, "scopeSpans": [group]}]}


def read(*values):
    data = b"\n".join(json.dumps(each).encode() for each in values)
    document = Document(Path("memory"), "memory", data=data)
    return list(otlp.runs(document)), document.notices


def asks(*ids, tool="f"):
    calls = [
        {"type": "tool_call", "id": each, "name": tool, "arguments": {"n": each}} for each in ids
    ]
    return json.dumps([{"role": "assistant", "parts": calls, "finish_reason": "tool_call"}])


@pytest.mark.shared
@pytest.mark.parametrize("number", LISTS)
@pytest.mark.parametrize("as_text", [True, False])
def test_the_conventions_examples_are_read_without_loss(shared, missing_leaves, number, as_text):
    path = shared / "trajectories" / "otel" / f"example_{number:02}.json"
    messages = json.loads(path.read_text(encoding="utf-8"))
    direction = "output" if "finish_reason" in messages[0] else "input"
    given = json.dumps(messages) if as_text else messages
    (run,), notices = read(request(span(1, **{f"gen_ai.{direction}.messages": given})))
    (step,) = run.steps
    assert "attributes" not in step.extra
    parts = [part for part in step.parts if part.type != "opaque"]
    assert len(parts) == sum(len(message["parts"]) for message in messages)
    said = [part["type"] for message in messages for part in message["parts"]]
    assert [part.type for part in parts] == said
    assert not [leaf for leaf, _ in missing_leaves(messages, [run]) if leaf not in set(said)]
    assert not notices
    spellings = [message.get("finish_reason") for message in messages]
    assert step.finish_reason == spellings[0]


@pytest.mark.shared
def test_there_are_19_examples_and_three_are_no_messages(shared):
    paths = sorted((shared / "trajectories" / "otel").glob("*.json"))
    assert len(paths) == 19
    others = [at for at, path in enumerate(paths) if "parts" not in json.loads(path.read_text())[0]]
    assert others == [4, 7, 10] == sorted({*range(19)} - {*LISTS})


@pytest.mark.shared
def test_definitions_of_tools_stay_as_they_are_and_instructions_are_parts(shared):
    folder = shared / "trajectories" / "otel"
    tools, rules = ((folder / f"example_{number:02}.json").read_text() for number in (7, 10))
    (run,), _ = read(
        request(span(1, gen_ai__tool__definitions=tools, gen_ai__system_instructions=rules))
    )
    assert run.steps[0].extra["attributes"] == {"gen_ai.tool.definitions": tools}
    (part,) = run.steps[0].parts
    assert (part.direction, part.type, part.text) == ("system", "text", "You must never tell jokes")


def test_two_choices_stay_two_messages():
    said = [{"role": "assistant", "parts": [{"type": "text", "content": each}]} for each in "ab"]
    first, second = genai_spans.message_parts(said, "out")
    assert "message" not in first.extra
    assert second.extra == {"message": {}}


def test_the_registrys_own_mistakes_are_read():
    answer = {"type": "tool_call_response", "id": " call_V", "result": {"deg": 57}}
    (part,) = genai_spans.message_parts([{"role": "tool", "parts": [answer]}], "in")
    assert (part.call_id, json.loads(part.text)) == ("call_V", {"deg": 57})
    assert part.extra == {"id": " call_V", "key": "result", "structured": True}


def test_files_of_the_sdk_give_runs_with_paired_calls(folder):
    runs = trajectories.read(folder / "genai.jsonl")
    run, failed = runs
    assert [step.kind for step in run.steps] == ["invoke_agent", "chat", "execute_tool", "chat"]
    assert [step.parent for step in run.steps] == [None, 0, 0, 0]
    assert run.steps[2].call_step == 1
    assert (run.steps[2].arguments, run.steps[2].result) == ({"city": "Paris"}, "rainy, 14 °C")
    assert (run.agent, run.agent_version, run.conversation_id) == ("forecaster", "2.1", "talk-1")
    assert {step.agent for step in run.steps} == {"forecaster"}
    assert [step.finish_reason for step in run.steps] == [None, "tool_call", None, "stop"]
    # the agent's span states 100 and 18; its two calls of the model 40 + 60 and 9 + 9
    usage = counted_usage(run)
    assert (usage.input_tokens, usage.output_tokens) == (100, 18)
    assert (usage.cached_tokens, usage.cache_written_tokens, usage.reasoning_tokens) == (32, 16, 6)
    assert (failed.status, failed.steps[0].error_type) == ("error", "TimeoutError")
    assert failed.steps[0].error_message == "the model did not answer"
    assert runs.findings.empty


def test_ids_in_base64_are_the_same_ids(folder):
    hexadecimal = trajectories.read(folder / "genai.jsonl")
    other = trajectories.read(folder / "base64.json")
    assert sorted(other.ids) == sorted(hexadecimal.ids)
    for run_id in other.ids:
        steps = [step.span_id for step in other[run_id].steps]
        assert steps == [step.span_id for step in hexadecimal[run_id].steps]


def test_events_of_the_conventions_up_to_1_36_are_messages(folder):
    (run,) = trajectories.read(folder / "events.json")
    chat, tool = run.steps
    assert [(part.direction, part.role, part.type) for part in chat.parts] == [
        ("system", "system", "text"),
        ("in", "user", "text"),
        ("out", "assistant", "tool_call"),
    ]
    assert [part.extra["message"]["time_ns"] for part in chat.parts] == [
        1544712660000000001,
        1544712660000000002,
        1544712660500000000,
    ]
    assert (chat.usage.input_tokens, chat.usage.output_tokens) == (52, 47)
    assert (chat.provider, chat.model, chat.finish_reason) == ("openai", "gpt-4", "tool_call")
    assert [event["name"] for event in chat.extra["events"]] == ["retry"]
    assert (tool.kind, tool.call_step, tool.parent) == ("execute_tool", 0, 0)
    assert tool.arguments == {"location": "Paris"}
    assert (tool.error_type, tool.error_message) == ("TimeoutError", "no answer in 50 ms")
    assert tool.extra["attributes"]["raw"] == {"bytesValue": "AAE="}
    assert tool.extra["attributes"]["where"] == {"city": "Paris"}
    assert tool.flags == {"clock_skew"}
    assert chat.flags == {"orphan"}
    assert run.agent is None


def test_judgements_in_events_are_annotations(folder):
    runs = trajectories.read(folder / "events.json")
    (row,) = runs.annotations.to_dict("records")
    assert (row["name"], row["label"], row["score"], row["step"]) == ("Relevance", "pass", 4.0, 0)
    assert row["explanation"] == "It asks for the tool."
    (annotation,) = runs[0].annotations
    assert annotation.extra["gen_ai.response.id"] == "chatcmpl-9"


def test_what_is_told_of_orphans_and_clocks_is_a_finding(folder):
    found = trajectories.read(folder / "events.json").findings
    assert found["check"].tolist() == ["trajectories.orphan", "trajectories.clock_skew"]
    assert found["evidence"].tolist() == [
        "1 spans name a parent that is not in their trace",
        "1 spans begin before, or end after, the span that encloses them",
    ]


def test_spans_of_a_trace_may_come_in_any_order_over_many_lines():
    root, first, second = span(9, "invoke_agent", start=1), span(1, parent=9), span(2, parent=9)
    (run,), notices = read(request(second), request(root), request(first))
    assert [step.span_id[-1] for step in run.steps] == ["9", "1", "2"]
    assert [step.parent for step in run.steps] == [None, 0, 0]
    assert run.pointer == "L1/resourceSpans/0/scopeSpans/0/spans/0"
    assert [step.source[:2] for step in run.steps] == ["L2", "L3", "L1"]
    assert [notice.check for notice in notices] == ["clock_skew"]


def test_a_span_that_an_exporter_wrote_twice_counts_once():
    twice = span(1, gen_ai__usage__input_tokens=7)
    other = twice | {"name": "another"}
    (run,), notices = read(request(twice), request(twice), request(other))
    assert [step.name for step in run.steps] == ["chat 1", "another"]
    assert [(notice.check, notice.place[:2]) for notice in notices] == [
        ("repeated_span", "L2"),
        ("same_span_id", "L3"),
    ]


def test_results_go_to_the_nearest_unanswered_call_with_their_id():
    chats = [span(at, gen_ai__output__messages=asks(call)) for at, call in ((1, "a"), (3, "a"))]
    tools = [span(at, "execute_tool", gen_ai__tool__call__id="a") for at in (2, 4, 5)]
    (run,), _ = read(request(*chats, *tools))
    assert [step.call_step for step in run.steps] == [None, 0, None, 2, None]
    assert run.steps[1].arguments == {"n": "a"}


def test_results_without_an_id_go_to_the_oldest_call_of_their_tool():
    chat = span(1, gen_ai__output__messages=asks(None, None, tool="f"))
    tools = [span(at, "execute_tool", gen_ai__tool__name=name) for at, name in ((2, "f"), (3, "g"))]
    (run,), _ = read(request(chat, *tools))
    assert [step.call_step for step in run.steps] == [None, 0, None]


def test_matching_never_answers_a_call_twice():
    calls = {0: [("x", "f"), ("x", "g")]}
    assert matched(calls, {1: ("x", "f"), 2: ("x", "g"), 3: ("x", "f")}) == {1: (0, 0), 2: (0, 1)}
    assert matched({5: [("x", "f")]}, {1: ("x", "f")}) == {}


def test_agents_repeat_their_history_and_each_text_is_kept_once():
    history = [{"role": "user", "parts": [{"type": "text", "content": "long " * 9}]}]
    (run,), _ = read(
        request(*(span(at, gen_ai__input__messages=json.dumps(history)) for at in range(1, 4)))
    )
    texts = {id(step.parts[0].text) for step in run.steps}
    assert len(texts) == 1


def test_our_own_names_tell_of_the_run():
    facts = {"wb.task_id": "t", "wb.trial": 2, "wb.outcome": False, "wb.output_id": "o"}
    facts |= {"wb.agent_version": "v3", "wb.termination": "gave up", "wb.cost_usd": 0.25}
    (run,), _ = read(request(span(1, "invoke_agent", **facts), service__name="bot"))
    assert (run.task_id, run.trial, run.outcome, run.output_id) == ("t", 2, False, "o")
    assert (run.agent, run.agent_version, run.termination) == ("bot", "v3", "gave up")
    assert counted_usage(run).cost_usd == 0.25
    # of spans too, what concerns the run stays to be written again
    assert run.steps[0].extra["attributes"]["wb.task_id"] == "t"


def test_what_a_resource_says_serves_where_spans_say_nothing():
    (run,), _ = read(request(span(1), wb__task_id="t", service__version="9", service__name="bot"))
    assert (run.task_id, run.agent, run.agent_version) == ("t", "bot", "9")
    assert run.extra["contexts"][0]["resource"]["attributes"]["service.version"] == "9"


def test_a_runs_status_is_that_of_the_span_around_it():
    root = span(1, "invoke_agent") | {"status": {"code": 1}}
    broken = span(2, "execute_tool", parent=1) | {"status": {"code": 2, "message": "no"}}
    (run,), _ = read(request(root, broken))
    assert (run.status, run.steps[1].status, run.steps[1].error_message) == ("ok", "error", "no")


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ({"startTimeUnixNano": "soon"}, {"startTimeUnixNano": "soon"}),
        ({"name": 7}, {"name": 7}),
        ({"status": "fine"}, {"status": "fine"}),
        ({"attributes": [{"key": 1}]}, {"attributes_unread": [{"key": 1}]}),
        (
            {"events": [3]},
            {"events": [{"name": "", "time_ns": None, "attributes": {}, "value": 3}]},
        ),
        ({"traceState": "a=b", "flags": 1}, {"traceState": "a=b", "flags": 1}),
        ({"links": [{"spanId": "x"}]}, {"links": [{"spanId": "x"}]}),
    ],
)
def test_what_is_not_understood_stays_in_the_step(odd, kept):
    (run,), notices = read(request(span(1) | odd))
    assert kept.items() <= run.steps[0].extra.items()
    assert notices == []


def test_what_is_no_span_is_told_with_its_place():
    runs, notices = read(request(span(1), 5), {"resourceSpans": []}, {"resourceLogs": [1]})
    assert len(runs) == 1
    assert [(notice.check, notice.place, notice.reason) for notice in notices] == [
        ("unreadable", "L1/resourceSpans/0/scopeSpans/0/spans/1", "a span must be an object: 5"),
        ("no_spans", "L2", "it holds no spans: {'resourceSpans': []}"),
        ("no_spans", "L3", "it holds no spans: {'resourceLogs': [1]}"),
    ]


def test_openllmetrys_numbered_attributes_are_messages():
    said = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi"}
    said |= {f"gen_ai.prompt.{at}.content": str(at) for at in range(1, 12)}
    said |= {"gen_ai.completion.0.content": "Hello", "gen_ai.completion.0.finish_reason": "stop"}
    (run,), _ = read(request(span(1, **said)))
    (step,) = run.steps
    assert [part.text for part in step.parts] == ["Hi", *map(str, range(1, 12)), "Hello"]
    assert step.finish_reason == "stop"


def test_openinference_in_otlp_is_read_too(folder):
    runs = trajectories.read(folder / "openinference.jsonl")
    alone, chain = runs
    assert [step.kind for step in chain.steps] == ["wb.other", "chat", "execute_tool", "chat"]
    assert chain.steps[2].call_step == 1
    usage = counted_usage(chain)
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (80, 32, 18)
    assert alone.steps[0].calls[0].arguments == {"city": "Paris"}


def test_a_gzipped_file_is_read_run_by_run(folder, tmp_path):
    path = tmp_path / "runs.jsonl.gz"
    path.write_bytes(gzip.compress((folder / "genai.jsonl").read_bytes()))
    runs = trajectories.read(path)
    plain = trajectories.read(folder / "genai.jsonl")
    assert [run.steps for run in runs] == [run.steps for run in plain]


def test_a_document_is_recognised_by_its_content(folder):
    assert otlp.recognises({"resourceSpans": []})
    assert otlp.recognises([{"resourceSpans": []}])
    assert not otlp.recognises({"resourceSpans": 1})
    assert not otlp.recognises([])
    whole = json.loads((folder / "events.json").read_text(encoding="utf-8"))
    assert repr(trajectories.read([whole, whole])).startswith("1 run, 2 steps: otlp")


def plain_source(value):
    """Return OTLP's values as plain ones, and JSON in texts as values."""
    if isinstance(value, list):
        if value and all(
            isinstance(each, dict) and each.keys() == {"key", "value"} for each in value
        ):
            return {each["key"]: plain_source(otlp.plain(each["value"])) for each in value}
        return [plain_source(each) for each in value]
    if isinstance(value, dict):
        return {name: plain_source(each) for name, each in value.items()}
    inner = opened(value).value
    return inner if inner is value else plain_source(inner)


@pytest.mark.parametrize(
    "name", ["genai.jsonl", "base64.json", "openinference.jsonl", "events.json"]
)
def test_nothing_of_a_file_is_lost(folder, missing_leaves, name):
    text = (folder / name).read_text(encoding="utf-8")
    values = (
        [json.loads(line) for line in text.splitlines()] if "jsonl" in name else [json.loads(text)]
    )
    runs = list(trajectories.read(folder / name))
    held = json.dumps([_held(run) for run in runs], ensure_ascii=False)
    for leaf, _ in missing_leaves(plain_source(values), runs):
        mapped = leaf in {
            *genai_spans.EVENTS,
            "0",
            "1",
            "2",
            "STATUS_CODE_ERROR",
            "STATUS_CODE_OK",
            "function",
            "LLM",
            "TOOL",
            "text",
        }
        is_id = otlp.as_id(leaf) in held
        assert mapped or is_id or leaf in held or json.dumps(leaf)[1:-1] in held, leaf


def _held(run):
    import dataclasses

    return dataclasses.asdict(dataclasses.replace(run), dict_factory=_plain)


def _plain(pairs):
    return {name: sorted(each) if isinstance(each, frozenset) else each for name, each in pairs}


def test_broken_files_never_crash_and_tables_are_made_of_what_is_left(folder, mutations, tabled):
    for name in ("genai.jsonl", "events.json", "openinference.jsonl"):
        content = (folder / name).read_bytes()
        for data in mutations(content, 40):
            tabled(otlp.runs(Document(Path("memory"), "memory", data=data)))


def test_odd_values_never_crash(folder, twists, tabled):
    for name in ("base64.json", "events.json"):
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        for twisted in twists(value, 150):
            data = json.dumps(twisted).encode()
            tabled(otlp.runs(Document(Path("memory"), "memory", data=data)))


def test_hostile_texts_are_only_texts(storable):
    named = {"gen_ai.agent.name": storable, "gen_ai.tool.name": storable, "wb.task_id": storable}
    (run,), _ = read(request(span(1, **named)))
    assert (run.agent, run.steps[0].tool, run.task_id) == (storable, storable, storable)


def test_circles_of_parents_end():
    first, second = span(1, parent=2), span(2, parent=1)
    (run,), _ = read(request(first, second))
    assert [step.parent for step in run.steps] == [None, 0]
    assert run.steps[0].flags == {"orphan"}
    assert inherited([None, None, "a"], [1, 0, 0]) == [None, None, "a"]
    assert inherited([None, "a", None], [0, 0, 2]) == [None, "a", None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': True, 'b': None}", {"a": True, "b": None}),
        ("[1, 'x']", [1, "x"]),
        ("{'a': {1, 2}}", "{'a': {1, 2}}"),
        ("{__import__('os').getcwd()}", "{__import__('os').getcwd()}"),
        ("[" * 5_000, "[" * 5_000),
        ('{"a": "\\ud83d"}', '{"a": "\\ud83d"}'),
        ("plain", "plain"),
    ],
)
def test_only_literals_are_opened(text, value):
    assert opened_literal(text) == value


def test_times_that_are_not_recorded_are_never_skewed():
    assert not skewed(None, None, 1, 2)
    assert not skewed(1, 2, None, None)
    assert skewed(1, 3, 1, 2)
