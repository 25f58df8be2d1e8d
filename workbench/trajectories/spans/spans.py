"""Spans of a trace as steps of a run: one mapping, whatever file the spans stood in.

What a span means is told by its attributes, and four families of names are in use: those of
OpenTelemetry's conventions for generative AI (`genai_spans`), of OpenInference
(`openinference_spans`), of the Vercel AI SDK (`vercel_spans`) and our own, which begin with `wb.`:

    wb.task_id, wb.trial, wb.output_id   which attempt at which task the run is
    wb.outcome                           true, false or a number: whether, or how well, it was done
    wb.agent, wb.agent_version           who acted; `gen_ai.agent.name`, `gen_ai.agent.version`,
                                         `service.name` and `service.version` serve as well
    wb.termination                       why the run ended
    wb.cost_usd                          dollars; the conventions have no name for them
    wb.extension                         what a writer found no other place for

These may stand on any span, or on the resource. What nobody maps stays in `extra`.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.trajectories.model import (
    KINDS,
    Annotation,
    Json,
    Status,
    Step,
    Usage,
)
from workbench.trajectories.sources.documents import Fields
from workbench.trajectories.spans import genai_spans, openinference_spans, vercel_spans
from workbench.trajectories.spans.shapes import Shape, shape_of
from workbench.trajectories.spans.span_texts import finish_reason


@dataclass(slots=True)
class Event:
    """Something that a span says happened at one moment."""

    name: str
    time_ns: int | None
    attributes: dict[str, Json]
    extra: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Span:
    """A span as its file has it, with plain values for attributes.

    Parameters
    ----------
    source : str
        Where it stands.
    context : dict
        What it shares with others: resource and scope.
    extra : dict
        What the file says beyond the other fields.
    """

    source: str
    name: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_id: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    attributes: dict[str, Json] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    status: Status = "unset"
    message: str | None = None
    context: dict[str, Json] = field(default_factory=dict)
    extra: dict[str, Json] = field(default_factory=dict)


class Mapped(NamedTuple):
    """A step, and what its span says of it or of the run."""

    step: Step
    annotations: list[Annotation]


EXTENSION = "wb.extension"
"""The attribute that holds, as JSON, what the spans of a trace cannot say: see `encoding`."""


def step_of(span: Span, texts: dict[str, str]) -> Mapped:
    """Return the step that a span is.

    Parameters
    ----------
    span : Span
        The span.
    texts : dict of str
        The texts of the run so far: agents send their whole history with every request, and each
        text is kept once.

    Examples
    --------
    >>> span = Span("/0", "chat m", attributes={"gen_ai.operation.name": "chat",
    ...     "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": "7", "colour": "red"})
    >>> step, _ = step_of(span, {})
    >>> step.kind, step.model, step.usage.input_tokens, step.extra
    ('chat', 'm', 7, {'attributes': {'colour': 'red'}})
    """
    fields, shape = Fields(span.attributes), shape_of(span.attributes)
    step = Step(kind_of(fields, span.name), span.source, name=span.name)
    step.span_id, step.parent_span_id = span.span_id, span.parent_id
    step.start_ns, step.end_ns = span.start_ns, span.end_ns
    _name(step, fields, shape)
    if shape.counts or shape.cost:
        step.usage = _usage(fields, shape)
    events = [(event, Fields(event.attributes)) for event in span.events]
    _parts(step, fields, shape, events)
    _end(step, fields, shape, span, events)
    annotations = _annotations(fields, shape, events)
    is_tool = step.kind == "execute_tool"
    for part in step.parts:
        if is_tool and part.type in {"tool_call", "tool_call_response"}:
            part.name, part.call_id = part.name or step.tool, part.call_id or step.tool_call_id
        if part.text:
            part.text = texts.setdefault(part.text, part.text)
    step.extra = dict(span.extra)
    if rest := _rest(fields, events):
        # attributes in columns beside others that are no object
        clashing = {f"{name}_unread": each for name, each in span.extra.items() if name in rest}
        step.extra |= clashing | rest
    return Mapped(step, annotations)


def kind_of(fields: Fields, name: str | None) -> str:
    """Return the kind of a span's step, by the first family of names that tells it."""
    operation = fields.peek("gen_ai.operation.name")
    if operation in KINDS:
        fields.take("gen_ai.operation.name")
        return str(operation)
    for family in (openinference_spans, vercel_spans, genai_spans):
        if kind := family.kind(fields):
            return str(kind)
    first = (name or "").split(" ")[0]
    return first if first in KINDS and not first.startswith("wb.") else "wb.other"


def _name(step: Step, fields: Fields, shape: Shape) -> None:
    step.agent, step.model = fields.text(*shape.agent), fields.text(*shape.model)
    step.provider, step.tool = fields.text(*shape.provider), fields.text(*shape.tool)
    if shape.call_id:
        step.tool_call_id = genai_spans.call_id(fields, *shape.call_id)
    step.response_id = fields.text(*shape.response_id)
    if fields.peek("gen_ai.request.stream") is True:
        step.flags |= {"streamed"}


def _usage(fields: Fields, shape: Shape) -> Usage | None:
    usage = Usage(**{name: fields.count(*names) for name, names in shape.counts})
    usage.cost_usd = fields.number(*shape.cost)
    return usage or None


def _parts(step: Step, fields: Fields, shape: Shape, events: list[tuple[Event, Fields]]) -> None:
    step.parts = genai_spans.parts(fields, step.kind, shape.messages)
    for event, inner in events:
        step.parts += genai_spans.event_parts(event.name, event.time_ns, inner)
    if shape.is_inference:
        step.parts += openinference_spans.parts(fields, step, known=bool(step.parts))
    if shape.is_vercel:
        step.parts += vercel_spans.parts(fields, step, known=bool(step.parts))


def _end(
    step: Step, fields: Fields, shape: Shape, span: Span, events: list[tuple[Event, Fields]]
) -> None:
    """Fill in how a step ended."""
    step.finish_reason = _finish_reason(step, fields)
    step.status, step.error_message = span.status, span.message
    step.error_type = fields.text(*shape.error)
    for event, inner in events:
        if event.name == "exception":
            # both stay in the event too, which holds the stack
            kind, text = inner.peek("exception.type"), inner.peek("exception.message")
            step.error_type = step.error_type or (kind if isinstance(kind, str) else None)
            step.error_message = step.error_message or (text if isinstance(text, str) else None)
    if step.error_type is not None and step.status == "unset":
        step.status = "error"


def _finish_reason(step: Step, fields: Fields) -> str | None:
    reasons = fields.peek("gen_ai.response.finish_reasons")
    if isinstance(reasons, list) and reasons and isinstance(reasons[0], str):
        found = finish_reason(reasons[0])
        if reasons == [found]:
            fields.take("gen_ai.response.finish_reasons")
        return found
    for name in ("llm.finish_reason", "ai.response.finishReason"):
        if isinstance(reason := fields.peek(name), str):
            found = finish_reason(reason)
            if reason == found:
                fields.take(name)
            return found
    said = (part.extra.get("message", {}) for part in step.parts if part.direction == "out")
    reason = next((each["finish_reason"] for each in said if "finish_reason" in each), None)
    return finish_reason(reason) if isinstance(reason, str) else None


def _annotations(
    fields: Fields, shape: Shape, events: list[tuple[Event, Fields]]
) -> list[Annotation]:
    found = openinference_spans.annotations(fields) if shape.is_judged else []
    for event, inner in events:
        if event.name == "gen_ai.evaluation.result":
            found.append(genai_spans.evaluation(inner, event.time_ns))
    return found


def _rest(fields: Fields, events: list[tuple[Event, Fields]]) -> dict[str, Json]:
    """Return the attributes and events that nobody mapped."""
    found: dict[str, Json] = {}
    if rest := fields.rest():
        found["attributes"] = rest
    kept = []
    for event, inner in events:
        left = inner.rest()
        if left or event.extra or event.name not in genai_spans.EVENTS:
            record = {"name": event.name, "time_ns": event.time_ns, "attributes": left}
            kept.append(record | event.extra)
    if kept:
        found["events"] = kept
    return found
