"""OTLP JSON by OpenTelemetry's conventions for generative AI (1.37 and later): a trace per run.

Each step is a span; what was read and written stands in `gen_ai.input.messages` and its like, as
JSON in a text. What the conventions have no name for begins with `wb.`; what spans cannot say at
all stands in `wb.extension`, an attribute of the first.
"""

import json
import re
from itertools import groupby

from workbench import store
from workbench.trajectories.conversations.messages import as_text
from workbench.trajectories.model import MODEL_KINDS, Json, Part, Run, Step
from workbench.trajectories.readers import otlp as reader
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.spans.spans import EXTENSION
from workbench.trajectories.writers.encoding import dumped, escaped, plain
from workbench.trajectories.writers.lossless import listed, lossless, members, result_value
from workbench.trajectories.writers.span_messages import message_list, part_value

NAME = "otlp"

_TRACE_ID, _SPAN_ID = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}")
_CODES = {"ok": 1, "error": 2}
_REMOTE = (*MODEL_KINDS, "embeddings")
_INTERNAL, _CLIENT = 1, 3
_RAW = ("bytesValue", "doubleValue", "intValue", "arrayValue", "kvlistValue")
_FACTS = {
    "service.name": "agent",
    "service.version": "agent_version",
    "wb.task_id": "task_id",
    "wb.trial": "trial",
    "wb.output_id": "output_id",
    "wb.outcome": "outcome",
    "wb.termination": "termination",
    "wb.agent_version": "agent_version",
    "gen_ai.conversation.id": "conversation_id",
}
_NAMES = {
    "gen_ai.agent.name": "agent",
    "gen_ai.provider.name": "provider",
    "gen_ai.response.model": "model",
    "gen_ai.response.id": "response_id",
    "gen_ai.tool.name": "tool",
    "gen_ai.tool.call.id": "tool_call_id",
    "error.type": "error_type",
}
_USAGE = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cached_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_written_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
    "wb.cost_usd": "cost_usd",
}
_MESSAGES = {
    "gen_ai.input.messages": ("in", "system"),
    "gen_ai.output.messages": ("out",),
}


def line(run: Run) -> bytes:
    """Return a run as one line of OTLP JSON.

    Examples
    --------
    >>> step = Step("chat", "/0", [Part("out", "assistant", "text", "Hi!")], model="m")
    >>> span, = json.loads(line(Run("mine", "", [step])))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    >>> span["name"], [each["key"] for each in span["attributes"]][:3]
    ('chat m', ['gen_ai.operation.name', 'gen_ai.request.model', 'gen_ai.output.messages'])
    """
    trace = _Trace(run)

    def attach(written: Json, lacking: dict[str, Json]) -> None:
        span = written["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        span.setdefault("attributes", []).append(attribute((EXTENSION, _text(lacking))))

    def read(value: Json, document: Document) -> Run:
        document.data = dumped(value)
        return next(reader.runs(document), Run(NAME))

    return lossless(run, trace.value, trace.ids, read, attach, by="span_id")


class _Trace:
    """The spans of a run, grouped as their resources and scopes were."""

    def __init__(self, run: Run) -> None:
        self._own = run.format == NAME
        self._known: set[str] = set()
        self.trace_id = _trace_id(run, own=self._own)
        self.ids: list[str] = []
        for at, step in enumerate(run.steps):
            self.ids.append(self._span_id(at, step))
        contexts = listed(run.extra.get("contexts")) if self._own else []
        self._contexts = list(map(members, contexts)) or [{} if self._own else _context(run)]
        numbered = [(self._number(step), at) for at, step in enumerate(run.steps)]
        resources = []
        for number, each in groupby(sorted(numbered), lambda pair: pair[0]):
            spans = [self._span(run.steps, at) for _, at in each]
            resources.append(_resource_spans(self._contexts[number], spans))
        # a trace without a span would be no trace
        empty = {"traceId": self.trace_id, "spanId": self.trace_id[:16], "name": "invoke_agent"}
        self.value: Json = {
            "resourceSpans": resources or [_resource_spans(self._contexts[0], [empty])]
        }

    def _number(self, step: Step) -> int:
        number = step.extra.get("context", 0) if self._own else 0
        return number if isinstance(number, int) and 0 <= number < len(self._contexts) else 0

    def _span_id(self, at: int, step: Step) -> str:
        own = step.span_id
        if own and (self._own or _SPAN_ID.fullmatch(own)) and own not in self._known:
            self._known.add(own)
            return own
        return store.digest(f"{self.trace_id} {at}")[:16]

    def _span(self, steps: list[Step], at: int) -> dict[str, Json]:
        step = steps[at]
        found: dict[str, Json] = {"traceId": self.trace_id, "spanId": self.ids[at]}
        parent = step.parent_span_id if self._own else None
        if step.parent is not None:
            parent = self.ids[step.parent]
        if parent:
            found["parentSpanId"] = parent
        extra = step.extra if self._own else {}
        found |= _frame(step, own=self._own)
        attributes = _attributes(step, own=self._own) | members(extra.get("attributes"))
        unread = extra.get("attributes_unread")
        found["attributes"] = [*listed(unread), *map(attribute, attributes.items())]
        if events := [_event(each) for each in listed(extra.get("events"))]:
            found["events"] = events
        taken = {"attributes", "attributes_unread", "events", "context", *found}
        return found | {name: each for name, each in extra.items() if name not in taken}


def _trace_id(run: Run, *, own: bool) -> str:
    # spans of one trace are one run, so the id must be that of no other: a run that was given
    # another id than its name has its name in common with one that was read before
    alone = run.run_id in {"", run.name}
    if alone and run.name is not None and (own or _TRACE_ID.fullmatch(run.name)):
        return run.name
    return store.digest(run.run_id or dumped(escaped(plain(run))))[:32]


def _frame(step: Step, *, own: bool) -> dict[str, Json]:
    """Return what a span says outside its attributes."""
    found: dict[str, Json] = {}
    if not own or step.name is not None:
        found["name"] = step.name or _name(step)
    if not own:
        # a model is asked over the wire, everything else happens here
        found["kind"] = _CLIENT if step.kind in _REMOTE else _INTERNAL
    for name, each in (("startTimeUnixNano", step.start_ns), ("endTimeUnixNano", step.end_ns)):
        if each is not None:
            found[name] = str(each)
    status: dict[str, Json] = {"code": _CODES[step.status]} if step.status in _CODES else {}
    if step.error_message is not None and step.status == "error":
        status["message"] = step.error_message
    if status:
        found["status"] = status
    return found


def _name(step: Step) -> str:
    what = {"execute_tool": step.tool, "invoke_agent": step.agent}.get(step.kind, step.model)
    return f"{step.kind} {what}" if what else step.kind


def _attributes(step: Step, *, own: bool) -> dict[str, Json]:
    found: dict[str, Json] = {}
    # a span of anything else in a trace has no operation
    if not own or step.kind != "wb.other":
        found["gen_ai.operation.name"] = step.kind
    given = members(step.extra.get("attributes")) if own else {}
    for key, name in _NAMES.items():
        if (value := getattr(step, name)) is not None:
            asked = name == "model" and "gen_ai.request.model" not in given
            found["gen_ai.request.model" if asked else key] = value
    for key, name in _USAGE.items():
        if (value := getattr(step.usage, name, None)) is not None:
            found[key] = value
    if "streamed" in step.flags:
        found["gen_ai.request.stream"] = True
    if step.finish_reason is not None:
        found["gen_ai.response.finish_reasons"] = [step.finish_reason]
    return found | _said(step, own=own)


def _said(step: Step, *, own: bool) -> dict[str, Json]:
    """Return the attributes that hold what a step read and wrote, as JSON in texts."""
    parts, found = list(step.parts), dict[str, Json]()
    if step.kind == "execute_tool":
        found |= _tool_said(parts, own=own)
    # instructions have no role; what another than the system says is a message
    system = [part for part in parts if part.direction == "system" and part.role == "system"]
    if system:
        found["gen_ai.system_instructions"] = _text([part_value(part, own=own) for part in system])
    for key, directions in _MESSAGES.items():
        those = [part for part in parts if part.direction in directions and part not in system]
        if those:
            found[key] = _text(message_list(those, own=own))
    return found


def _tool_said(parts: list[Part], *, own: bool) -> dict[str, Json]:
    """Take the arguments and the result of a tool's step out of its parts."""
    found: dict[str, Json] = {}
    for key, kind in (("arguments", "tool_call"), ("result", "tool_call_response")):
        part = next((each for each in parts if each.type == kind), None)
        if part is not None:
            parts.remove(part)
            value = result_value(part, own=own)
            if value is None and kind == "tool_call" and part.arguments is not None:
                value = as_text(part.arguments)
            if value is not None:
                found[f"gen_ai.tool.call.{key}"] = value
    return found


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _event(value: Json) -> Json:
    fields = dict(value) if isinstance(value, dict) else {"name": str(value)}
    found: dict[str, Json] = {"name": fields.pop("name", "")}
    if (time_ns := fields.pop("time_ns", None)) is not None:
        found["timeUnixNano"] = str(time_ns)
    return found | _with_attributes(fields)


def _with_attributes(value: Json) -> dict[str, Json]:
    """Return an object with its attributes as a list, as OTLP has them."""
    fields = dict(members(value))
    given, unread = members(fields.pop("attributes", None)), fields.pop("attributes_unread", None)
    attributes = [*listed(unread), *map(attribute, given.items())]
    return fields | ({"attributes": attributes} if attributes else {})


def _context(run: Run) -> dict[str, Json]:
    """Return the resource and the scope of a run of another format."""
    facts = {key: getattr(run, name) for key, name in _FACTS.items()}
    known = {key: each for key, each in facts.items() if each is not None}
    return {"resource": {"attributes": known}, "scope": {"name": "workbench"}}


def _resource_spans(context: dict[str, Json], spans: list[Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if context.get("resource"):
        found["resource"] = _with_attributes(context["resource"])
    group: dict[str, Json] = {}
    if context.get("scope"):
        group["scope"] = _with_attributes(context["scope"])
    found["scopeSpans"] = [{**group, "spans": spans, **members(context.get("scope_spans"))}]
    return {**found, **members(context.get("resource_spans"))}


def attribute(pair: tuple[str, Json]) -> dict[str, Json]:
    """Return a name and its value as OTLP has them.

    Examples
    --------
    >>> attribute(("n", 3)), attribute(("x", [True]))
    ({'key': 'n', 'value': {'intValue': '3'}},
     {'key': 'x', 'value': {'arrayValue': {'values': [{'boolValue': True}]}}})
    """
    return {"key": pair[0], "value": _value(pair[1])}


def _value(value: Json) -> Json:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return (
            {"intValue": str(value)} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
        )
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    if len(value) == 1 and next(iter(value)) in _RAW:
        # what the reader found no plain form for
        return value
    return {"kvlistValue": {"values": [attribute(each) for each in value.items()]}}
