"""OpenInference and other spans as objects: dumps, exports, wrappers that repeat totals."""

import json
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import counted_usage
from workbench.trajectories.readers import openinference
from workbench.trajectories.readers.openinference import time_of
from workbench.trajectories.sources.documents import Document, Fields
from workbench.trajectories.spans.nesting import flattened, tree


@pytest.fixture
def folder(fixtures):
    return fixtures / "openinference"


@pytest.fixture
def phoenix(folder):
    return trajectories.read(folder / "phoenix.jsonl")


@pytest.fixture
def real(shared):
    return shared / "trajectories" / "openinference"


def read(value):
    document = Document(Path("memory"), "memory", data=json.dumps(value).encode())
    return list(openinference.runs(document)), document.notices


def span(**attributes):
    context = {"traceId": "a" * 32, "spanId": "b" * 16}
    named = {key.replace("__", "."): each for key, each in attributes.items()}
    return {"name": "s", "spanContext": context, "startTime": [1, 0], "attributes": named}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["all-spans.json", "spans-by-operation.json"])
def test_ten_real_spans_are_counted_over_leaves_only(real, name):
    runs = trajectories.read(real / name)
    assert len(runs.steps) == 10
    # generateText 14, with messages 50, generateObject 63, streamText 15, embed 10
    assert runs.frame["input_tokens"].tolist() == [14, 50, 63, 15, 10]
    assert runs.frame["output_tokens"].tolist()[:4] == [20, 9, 156, 112]
    # each stated by the span that calls the model and by the one around it
    assert runs.steps["input_tokens"].sum() == 2 * (14 + 50 + 63 + 15 + 10)
    assert runs.steps["output_tokens"].sum() == 2 * (20 + 9 + 156 + 112)
    assert runs.findings["check"].tolist() == ["trajectories.derived_parent"] * 5


@pytest.mark.shared
def test_a_wrapper_encloses_the_span_that_calls_the_model(real):
    run = trajectories.read(real / "all-spans.json")[1]
    outer, inner = run.steps
    assert (outer.kind, inner.kind, inner.parent) == ("invoke_agent", "chat", 0)
    assert inner.extra["trace_id"] == "edff2fc5854be6170e8cccccec0c82cf"
    assert [(part.direction, part.role, part.text) for part in inner.parts] == [
        ("system", "system", "You are a helpful assistant."),
        ("in", "user", "What is 2 + 2?"),
        ("in", "assistant", "2 + 2 equals 4."),
        ("in", "user", "And what is 3 + 3?"),
        ("out", "assistant", "3 + 3 equals 6."),
    ]
    assert [part.text for part in outer.parts] == [part.text for part in inner.parts]
    assert (inner.model, inner.finish_reason) == ("gpt-4o-mini-2024-07-18", "stop")
    assert inner.start_ns == 1770131994023000000


@pytest.mark.shared
def test_a_wrapper_alone_counts_itself(real):
    usages = [counted_usage(run) for run in trajectories.read(real / "ai-generateText.json")]
    assert [(usage.input_tokens, usage.output_tokens) for usage in usages] == [(14, 20), (50, 9)]


@pytest.mark.shared
def test_a_summary_without_spans_is_told(real):
    runs = trajectories.read(real / "capture-results.json")
    assert len(runs) == 0
    (row,) = runs.findings.to_dict("records")
    assert (row["check"], row["severity"]) == ("trajectories.no_spans", "error")
    assert row["evidence"].startswith(
        "it holds no spans: {'captureDate': '2026-02-03T15:20:07.289Z'"
    )


def moments(value):
    """Return seconds and nanoseconds, which become one number."""
    pairs = [value["startTime"], value["endTime"], *(event["time"] for event in value["events"])]
    return {str(each) for pair in pairs for each in pair}


def opened_texts(value):
    """Return texts of JSON that became parts, and the operation, which became a kind."""
    attributes = value["attributes"]
    named = [attributes.get(name) for name in ("ai.prompt", "ai.prompt.messages", "ai.value")]
    return {*named, attributes["ai.operationId"], *attributes.get("ai.values", [])}


@pytest.mark.shared
def test_every_real_file_keeps_what_it_says(real, missing_leaves):
    for path in sorted(real.glob("ai-*.json")):
        source = json.loads(path.read_text(encoding="utf-8"))
        lost = {leaf for leaf, _ in missing_leaves(source, list(trajectories.read(path)))}
        for each in source:
            lost -= moments(each) | opened_texts(each)
        # told twice, by a list of one too; and a status that is unset
        assert lost <= {"0", "stop"}, path.name


def test_the_sdks_own_json_is_read(folder):
    alone, chain = trajectories.read(folder / "sdk.json")
    assert [step.kind for step in chain.steps] == ["wb.other", "chat", "execute_tool", "chat"]
    assert chain.steps[2].call_step == 1
    assert (chain.agent, chain.agent_version) == ("weather", "2.1")
    assert counted_usage(chain).input_tokens == 80
    assert alone.status == "ok"


def test_the_same_spans_in_otlp_give_the_same_steps(folder, fixtures):
    own = trajectories.read(folder / "sdk.json")
    other = trajectories.read(fixtures / "otlp" / "openinference.jsonl")
    for one, two in zip(own, other, strict=True):
        for left, right in zip(one.steps, two.steps, strict=True):
            assert (left.kind, left.name, left.span_id) == (right.kind, right.name, right.span_id)
            assert (left.parts, left.usage, left.model) == (right.parts, right.usage, right.model)
            assert abs(left.start_ns - right.start_ns) < 1_000


def test_a_phoenix_export_is_read_flat_and_nested(phoenix):
    (run,) = phoenix
    agent, llm, tool, retriever = run.steps
    assert [step.kind for step in run.steps] == [
        "invoke_agent",
        "chat",
        "execute_tool",
        "retrieval",
    ]
    assert [step.parent for step in run.steps] == [None, 0, 0, 0]
    assert (run.agent, run.conversation_id, run.status) == ("planner", "s-1", "ok")
    assert [(part.type, part.text) for part in llm.parts] == [
        ("text", "Plan."),
        ("text", "Find a flat"),
        ("uri", "data:image/png;base64,AA=="),
        ("tool_call", '{"q": "flat"}'),
    ]
    assert llm.finish_reason == "tool_call"
    assert llm.extra["attributes"]["llm.invocation_parameters"] == '{"temperature": 0}'
    assert agent.extra["attributes"]["metadata"] == {"city": "Graz"}
    assert [(part.text, part.extra["document"]) for part in retriever.parts[1:]] == [
        ("A flat in Graz.", {"id": "d2", "score": 0.9, "metadata": {"page": 3}}),
        ("A house.", {"id": "d1"}),
    ]
    assert tool.start_ns == 1767607203000000005
    assert (tool.error_type, tool.error_message) == ("KeyError", "it broke")


def test_its_totals_are_those_of_the_call_not_twice(phoenix):
    (row,) = phoenix.frame.to_dict("records")
    assert (row["input_tokens"], row["cached_tokens"], row["output_tokens"]) == (120, 20, 30)
    assert row["cost_usd"] == 0.03
    assert phoenix.steps["cost_usd"].sum() == 0.06


def test_arguments_as_python_prints_them_are_read(phoenix):
    tool = phoenix[0].steps[2]
    assert (tool.call_step, tool.arguments) == (1, {"q": "flat", "exact": True})
    assert tool.result == "none"


def test_judgements_are_annotations_of_step_or_run(phoenix):
    rows = phoenix.annotations.set_index("name")
    assert rows.loc["helpful", ["step", "score", "label", "annotator_kind"]].tolist() == [
        1, 0.5, "half", "HUMAN",
    ]  # fmt: skip
    assert rows.loc["done", ["label", "annotator_kind"]].tolist() == ["yes", "CODE"]
    assert rows["step"].isna().tolist() == [False, True]


def test_numbered_names_are_sorted_as_numbers():
    said = {f"llm.input_messages.{at}.message.content": str(at) for at in (10, 9, 2, 1, 0)}
    (run,), _ = read([span(openinference__span__kind="LLM", **said)])
    assert [part.text for part in run.steps[0].parts] == ["0", "1", "2", "9", "10"]


def test_a_table_written_by_columns_is_read_by_rows():
    rows = {
        "name": {"0": "a", "1": "b"},
        "context.trace_id": {"0": "t", "1": "t"},
        "context.span_id": {"0": "x", "1": "y"},
        "parent_id": {"0": None, "1": "x"},
        "start_time": {"0": 1767607201000, "1": 1767607202000},
        "attributes.openinference.span.kind": {"0": "AGENT", "1": "LLM"},
        "attributes.llm.model_name": {"0": None, "1": "m"},
    }
    assert openinference.recognises(rows)
    (run,), notices = read(rows)
    assert [(step.kind, step.model, step.parent) for step in run.steps] == [
        ("invoke_agent", None, None),
        ("chat", "m", 0),
    ]
    assert notices == []


def test_phoenixs_spelling_of_otlp_is_read():
    one = {
        "trace_id": "t", "span_id": "x", "name": "n", "start_time_unix_nano": "1767607201000000000",
        "attributes": [
            {"key": "llm.model_name", "value": {"string_value": "m", "int_value": None}},
            {"key": "llm.token_count.prompt", "value": {"int_value": 3}},
        ],
    }  # fmt: skip
    (run,), _ = read({"data": [one], "next_cursor": None})
    assert (run.steps[0].model, run.steps[0].usage.input_tokens) == ("m", 3)
    assert run.steps[0].start_ns == 1767607201000000000


def test_a_tool_call_in_the_ai_sdks_spelling_is_joined_to_its_result():
    call = {"toolCallType": "function", "toolCallId": "c", "toolName": "f", "args": '{"a": 1}'}
    asked = span(
        ai__operationId="ai.generateText.doGenerate", ai__response__toolCalls=json.dumps([call])
    )
    used = span(
        ai__operationId="ai.toolCall", ai__toolCall__name="f", ai__toolCall__id="c",
        ai__toolCall__args='{"a": 1}', ai__toolCall__result='{"b": 2}',
    )  # fmt: skip
    used |= {"spanContext": {"traceId": "a" * 32, "spanId": "c" * 16}, "startTime": [2, 0]}
    (run,), _ = read([asked, used])
    assert run.steps[0].calls[0].extra == {"toolCallType": "function"}
    assert (run.steps[1].call_step, run.steps[1].arguments) == (0, {"a": 1})
    assert run.steps[1].result == '{"b": 2}'


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([1, 5], 1_000_000_005),
        ([1, 5, 6], None),
        (1_767_607_201, 1_767_607_201_000_000_000),
        (1_767_607_201.5, 1_767_607_201_500_000_000),
        (1_767_607_201_000, 1_767_607_201_000_000_000),
        (1_767_607_201_000_000, 1_767_607_201_000_000_000),
        ("1767607201000000007", 1_767_607_201_000_000_007),
        ("2026-01-05T10:00:01.123456789Z", 1_767_607_201_123_456_789),
        ("2026-01-05T10:00:01", 1_767_607_201_000_000_000),
        ("soon", None),
        (True, None),
        (float("nan"), None),
        ({}, None),
    ],
)
def test_times_come_in_many_units(value, found):
    assert time_of(value) == found


def test_paths_that_clash_stay_as_they_are():
    fields = Fields({"m.0": "whole", "m.0.role": "part", "m.x": 1, "m" + ".0" * 60: "deep"})
    found = tree(fields, "m")
    assert found == {"0": "whole", "x": 1}
    assert set(fields.rest()) == {"m.0.role", "m" + ".0" * 60}


def test_nested_names_go_back_to_flat_ones():
    flat = {"llm.a.0.b": 1, "llm.a.1.b": 2, "llm.c": [1, 2]}
    nested = {"a": [{"b": 1}, {"b": 2}], "c": [1, 2], "d": None}
    assert flattened(nested, "llm", frozenset()) == flat


def test_what_is_no_span_is_told():
    runs, notices = read([span(), 7, {"a": 1}])
    assert len(runs) == 1
    assert [(notice.place, notice.reason) for notice in notices] == [
        ("/1", "it is no span: 7"),
        ("/2", "it is no span: {'a': 1}"),
    ]


def test_broken_files_never_crash(folder, mutations, twists, tabled):
    for name in ("sdk.json", "phoenix.jsonl"):
        for data in mutations((folder / name).read_bytes(), 40):
            tabled(openinference.runs(Document(Path("memory"), "memory", data=data)))
    lines = (folder / "phoenix.jsonl").read_text(encoding="utf-8").splitlines()
    for twisted in twists([json.loads(line) for line in lines], 150):
        data = json.dumps(twisted).encode()
        tabled(openinference.runs(Document(Path("memory"), "memory", data=data)))


@pytest.mark.parametrize("told", ["LLM", "Llm"])
def test_a_kind_in_a_spelling_of_its_own_is_known_and_kept(told):
    (run,), _ = read([span(openinference__span__kind=told)])
    assert run.steps[0].kind == "chat"
    assert (told in json.dumps(run.steps[0].extra)) == (told != "LLM")


def test_members_of_one_name_inside_and_around_a_message_are_both_kept():
    message = {"message": {"role": {"of": "a tool"}, "content": "Hi"}, "role": ["x"]}
    value = span(llm={"input_messages": [message]}, openinference__span__kind="LLM")
    ((run,), _) = read([value])
    (part,) = run.steps[0].parts
    assert part.text == "Hi"
    assert part.extra["message"] == {"role": {"of": "a tool"}, "around": {"role": ["x"]}}


def test_spaces_around_the_id_of_a_call_stay_beside_it():
    value = span(openinference__span__kind="TOOL", tool__id=" t1\r", tool__name="find")
    ((run,), _) = read([value])
    assert run.steps[0].tool_call_id == "t1"
    assert run.steps[0].extra["attributes"]["tool.id"] == " t1\r"
