"""Sooner ways to spans and steps give what the longer ones give."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories.readers import otlp
from workbench.trajectories.spans import genai_spans, shapes, spans, typed_spans
from workbench.trajectories.spans.spans import Event, Span, step_of

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.integers(2**62, 2**65), st.text(max_size=3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["5", "5.0", "null", "true", "NaN", " 7", "", "-1", "1" * 30, 5.0, 1e300]),
)  # fmt: skip
KINDS = st.sampled_from(
    ["stringValue", "intValue", "doubleValue", "boolValue", "bytesValue", "other"]
)
PLAIN = st.dictionaries(KINDS, SCALARS, max_size=2)
VALUES = st.one_of(
    st.text(max_size=5).map(lambda text: {"stringValue": text}),
    st.integers(-3, 10**6).map(lambda number: {"intValue": str(number)}),
    PLAIN,
    st.lists(PLAIN, max_size=3).map(lambda values: {"arrayValue": {"values": values}}),
    SCALARS,
    st.just({"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}),
)
ATTRIBUTES = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from(["a", "b", "c", "d"]), "value": VALUES}), max_size=4
)  # fmt: skip
MEMBERS = {
    "traceId": st.sampled_from(["AB", "0xab", "", "W47/95gDgQM=", None, 7]),
    "spanId": st.sampled_from(["00ab", "0000", "zz"]),
    "name": st.sampled_from(["chat", "", "null", "7", None, 7, ["x"]]),
    "startTimeUnixNano": st.sampled_from(["5", 5, 0, "0", "-5", 5.0, "x", True, None]),
    "status": st.one_of(
        st.dictionaries(st.sampled_from(["code", "message", "x"]), SCALARS, max_size=3),
        SCALARS,
        st.just({"code": {"a": 1}}),
    ),
    "kind": SCALARS,
    "links": st.sampled_from([[], [{}], [{"key": "k", "value": {}}], None]),
    "events": st.sampled_from([[], [{"name": "e"}], [{"key": "k", "value": {}}], "x"]),
    "attributes": st.one_of(ATTRIBUTES, SCALARS, st.just([None])),
    "flags": SCALARS,
}


@given(st.permutations(sorted(MEMBERS)).flatmap(
    lambda names: st.fixed_dictionaries({}, optional={name: MEMBERS[name] for name in names})
))  # fmt: skip
def test_a_span_is_the_same_by_either_road(value):
    raw = json.dumps(value).encode()
    found = otlp.span_of_bytes(raw, json.loads, "/0", {})
    assert repr(found) == repr(otlp.span_of(json.loads(raw), "/0", {}))


def test_usual_spans_take_the_short_road():
    listed = [{"key": "a", "value": {"stringValue": "x"}}, {"key": "b", "value": {"intValue": "3"}}]
    span = {"traceId": "ab", "kind": 3, "attributes": listed, "status": {"code": 1}, "links": []}
    assert typed_spans.decoded(json.dumps(span).encode()) is not None


NAMES = sorted(
    {
        *shapes.AGENT, *shapes.MODEL, *shapes.PROVIDER, *shapes.TOOL, *shapes.CALL_ID, *shapes.COST,
        *shapes.RESPONSE_ID, *shapes.ERROR, *(name for each in shapes.COUNTS.values() for name in each),
        *genai_spans.MESSAGES, "gen_ai.prompt.0.role", "gen_ai.completion.0.content", "input.value",
        "llm.input_messages.0.message.content", "output.value", "retrieval.documents.0.document.content",
        "annotations.0.annotation.label", "trace.evaluations.1.annotation.score", "ai.prompt",
        "ai.response.text", "ai.values", "gen_ai.system_instructions", "gen_ai.tool.call.result",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "input.mime_type",
        "session.evaluations.0.annotation.name", "openinference.span.kind", "ai.operationId", "colour",
    }
)  # fmt: skip
MESSAGES = [
    {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
    {"role": "assistant", "parts": [
        {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        {"type": "tool_call_response", "id": "c", "response": "ok"},
    ]},
]  # fmt: skip
SAID = st.sampled_from([
    "x", "7", 7, 0.5, None, True, json.dumps(MESSAGES), MESSAGES, "TOOL", "LLM", ["a"], {"a": 1},
    "ai.generateText.doGenerate", "ai.toolCall",
])  # fmt: skip


@pytest.fixture(scope="module")
def all_names():
    """Return a shape by which every name may be there."""
    found = shapes.shape_of(dict.fromkeys(NAMES))
    return replace(found, counts=tuple(shapes.COUNTS.items()))


@given(st.dictionaries(st.sampled_from(NAMES), SAID, max_size=8), st.sampled_from(
    [None, "chat", "execute_tool", "invoke_agent", "retrieval"]
), st.booleans())  # fmt: skip
def test_what_no_name_can_say_need_not_be_looked_for(all_names, attributes, kind, has_event):
    if kind:
        attributes = attributes | {"gen_ai.operation.name": kind}
    events = [Event("exception", 1, {"exception.type": "E"})] if has_event else []
    given_span = Span("/0", "a", attributes=attributes, events=events)
    found = step_of(given_span, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "shape_of", lambda _: all_names)
        assert repr(step_of(given_span, {})) == repr(found)


@given(st.sampled_from(["text", "reasoning", "tool_call", "tool_call_response", ["text"], None]),
       st.dictionaries(st.sampled_from(["content", "id", "name", "arguments", "response", "x"]),
                       st.sampled_from(["a", " a", "", None, {"b": 1}, 7]), max_size=5))  # fmt: skip
def test_a_usual_part_is_what_the_longer_road_makes(kind, value):
    value = {"type": kind} | value
    found = genai_spans.part_of(value, "in", "user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(genai_spans, "_usual_part", lambda *_: None)
        assert repr(genai_spans.part_of(value, "in", "user")) == repr(found)
