"""OpenTelemetry's names for generative AI: messages in attributes (1.37 on) and in events (before).

The conventions let messages be a structured value or JSON in a text. What real files do besides:
`result` for `response`, ids with a space before them, `tool_calls` for `tool_call`, messages with
`content` in place of `parts`. All of it is read; what has no place of its own stays in a part's
`extra`. A part that begins a message of its own has `extra["message"]` where its role alone would
not show that, or where the message says more (`finish_reason`, `name`).
"""

from collections.abc import Callable, Iterable
from typing import Literal

from workbench.trajectories.conversations.messages import as_text, call_part, message_step
from workbench.trajectories.model import Annotation, Json, Part
from workbench.trajectories.sources.documents import Fields
from workbench.trajectories.spans.nesting import tree
from workbench.trajectories.spans.span_texts import opened

Direction = Literal["in", "out", "system"]

EVENTS = {
    "gen_ai.system.message": ("system", "system"),
    "gen_ai.user.message": ("in", "user"),
    "gen_ai.assistant.message": ("in", "assistant"),
    "gen_ai.tool.message": ("in", "tool"),
    "gen_ai.choice": ("out", "assistant"),
    "gen_ai.content.prompt": ("in", "user"),
    "gen_ai.content.completion": ("out", "assistant"),
    "gen_ai.client.inference.operation.details": ("out", "assistant"),
    "gen_ai.evaluation.result": ("out", "evaluator"),
}
"""Events that hold messages or judgements: the direction and the role of what they hold."""

MESSAGES: dict[str, Direction] = {
    "gen_ai.input.messages": "in",
    "gen_ai.prompt": "in",
    "gen_ai.output.messages": "out",
    "gen_ai.completion": "out",
}
"""Attributes that hold messages, and whether the step read or wrote these."""
_ROLES = {"system": "system", "in": "user", "out": "assistant"}
_TRACELOOP = {"workflow": "invoke_workflow", "agent": "invoke_agent", "tool": "execute_tool"}
_REQUESTS = {"chat": "chat", "completion": "text_completion", "embedding": "embeddings"}


def kind(fields: Fields) -> str | None:
    """Return the kind of a span that has no `gen_ai.operation.name`, as OpenLLMetry tells it."""
    for name, known in (("traceloop.span.kind", _TRACELOOP), ("llm.request.type", _REQUESTS)):
        if (found := known.get(str(fields.peek(name)))) is not None:
            fields.take(name)
            return found
    return None


def call_id(fields: Fields, *names: str) -> str | None:
    """Take the id of a tool call; with spaces around it, as in some files, it stays in the rest too."""
    for name in names:
        told = fields.peek(name)
        if isinstance(told, str) and told != told.strip():
            return told.strip() or None
        if (found := fields.key(name)) is not None:
            return found or None
    return None


def parts(
    fields: Fields, step_kind: str, messages: Iterable[tuple[str, Direction]] | None = None
) -> list[Part]:
    """Take the parts that a span's attributes hold.

    Parameters
    ----------
    fields : Fields
        The attributes.
    step_kind : str
        The kind of the step; of `execute_tool` arguments and result are read.
    messages : iterable of (str, str), optional
        Those of `MESSAGES` that may be there; by default all.
    """
    found = _system(fields)
    for name, direction in MESSAGES.items() if messages is None else messages:
        value = opened(fields.peek(name))
        if value.value is not None:
            found += message_parts(value.value, direction)
            if value.whole:
                fields.take(name)
        elif indexed := tree(fields, name):
            # OpenLLMetry: gen_ai.prompt.0.role, gen_ai.prompt.0.content, …
            found += message_parts(indexed, direction)
    if step_kind == "execute_tool":
        found += tool_parts(fields, "gen_ai.tool.call.arguments", "gen_ai.tool.call.result")
    elif isinstance(query := fields.peek("gen_ai.retrieval.query.text"), str):
        fields.take("gen_ai.retrieval.query.text")
        found.append(Part("in", "user", "text", query))
    return found


def _system(fields: Fields) -> list[Part]:
    value = opened(fields.peek("gen_ai.system_instructions"))
    if value.value is None:
        return []
    if value.whole:
        fields.take("gen_ai.system_instructions")
    pieces = value.value if isinstance(value.value, list) else [value.value]
    return [part_of(each, "system", "system") for each in pieces]


def tool_parts(fields: Fields, arguments: str, result: str) -> list[Part]:
    """Take what a tool was called with and what it answered."""
    found = []
    if arguments in fields and fields.peek(arguments) is not None:
        call = call_part(None, fields.take(arguments), None)
        call.direction = "in"
        found.append(call)
    if result in fields and (value := fields.peek(result)) is not None:
        fields.take(result)
        answer = Part("out", "tool", "tool_call_response", as_text(value))
        if not isinstance(value, str):
            answer.extra["structured"] = True
        found.append(answer)
    return found


def message_parts(value: Json, direction: Direction) -> list[Part]:
    """Return the parts of a list of messages, of one message, or of a plain text.

    Parameters
    ----------
    value : JSON value
        Messages by OpenTelemetry's schema, or by OpenAI's.
    direction : {"in", "out"}
        Whether the step read or wrote them.

    Examples
    --------
    >>> part, = message_parts([{"role": "tool", "parts": [
    ...     {"type": "tool_call_response", "id": " call_1", "result": "57°F"}]}], "in")
    >>> part.type, part.text, part.call_id, part.extra
    ('tool_call_response', '57°F', 'call_1', {'id': ' call_1', 'key': 'result'})
    """
    found: list[Part] = []
    for message in value if isinstance(value, list) else [value]:
        new, rest = _message(message, direction)
        if not new:
            new = [Part(direction, _ROLES[direction], "opaque")]
            new[0].extra["message"] = {"parts": []}
        alike = found and (found[-1].role, found[-1].direction) == (new[0].role, new[0].direction)
        if rest or alike:
            new[0].extra["message"] = new[0].extra.get("message", {}) | rest
        found += new
    return found


def _message(value: Json, direction: Direction) -> tuple[list[Part], dict[str, Json]]:
    """Return the parts of a message, and what it says besides."""
    if not isinstance(value, dict):
        return [part_of(value, direction, _ROLES[direction])], {}
    pieces = value.get("parts")
    if not isinstance(pieces, list):
        return _openai_message(value, direction)
    role, told = _ROLES[direction], value.get("role")
    if isinstance(told, str):
        role = told or role
    side: Direction = "system" if role in {"system", "developer"} else direction
    found = [part_of(each, side, role) for each in pieces]
    if not found:
        # an empty message is one all the same
        found = [Part(side, role, "opaque", extra={"message": {"parts": []}})]
    if len(value) == 2 and told.__class__ is str:
        return found, {}
    # producers write "name": null into every message
    rest = {
        name: each
        for name, each in value.items()
        if each is not None and name != "parts" and not (name == "role" and isinstance(each, str))
    }
    return found, rest


def _openai_message(value: Json, direction: Direction) -> tuple[list[Part], dict[str, Json]]:
    step = message_step({"role": _ROLES[direction]} | value, "")
    rest = step.extra
    if step.agent is not None:
        rest = rest | {"name": step.agent}
    if value.get("content", "") is None:
        rest.pop("content", None)
    for part in step.parts:
        if step.kind != "wb.system":
            part.direction = direction
        if part.call_id is not None and part.call_id != part.call_id.strip():
            part.extra["id"], part.call_id = part.call_id, part.call_id.strip() or None
    if not step.parts:
        role = str(value.get("role", _ROLES[direction]))
        step.parts.append(Part(direction, role, "opaque", extra={"message": {}}))
    return step.parts, rest


def part_of(value: Json, direction: Direction, role: str) -> Part:
    """Return one part of a message; what the schema does not know is `opaque`, whole in `extra`."""
    if isinstance(value, str):
        return Part(direction, role, "text", value)
    if isinstance(value, dict) and (usual := _usual_part(value, direction, role)):
        return usual
    part, fields = Part(direction, role, "opaque"), Fields(value)
    reader = _READERS.get(str(fields.peek("type")))
    if reader and reader(part, fields):
        part.type = fields.take("type")
    part.extra |= fields.rest()
    return part


def _usual_part(value: dict[str, Json], direction: Direction, role: str) -> Part | None:
    """Return a part as `part_of` does, of the forms in which most of them come; None of others."""
    kind = value.get("type")
    if kind in ("text", "reasoning"):
        text = value.get("content")
        if len(value) == 2 and isinstance(text, str):
            return Part(direction, role, kind, text)
        return None
    call_id = value.get("id")
    if not isinstance(call_id, str) or not call_id or call_id != call_id.strip():
        return None
    if kind == "tool_call" and len(value) == 4:
        name, arguments = value.get("name"), value.get("arguments")
        if isinstance(name, str) and isinstance(arguments, dict):
            part = Part(direction, role, kind, as_text(arguments), name, call_id, arguments)
            part.extra["structured"] = True
            return part
    answer = value.get("response") if kind == "tool_call_response" and len(value) == 3 else None
    if not isinstance(answer, str):
        return None
    return Part(direction, role, "tool_call_response", answer, None, call_id)


def _text(part: Part, fields: Fields) -> bool:
    part.text = fields.text("content", "text")
    return part.text is not None


def _call(part: Part, fields: Fields) -> bool:
    _id(part, fields)
    arguments = fields.peek("arguments")
    if "arguments" in fields:
        # null is no arguments, and stays to be told from none
        if arguments is None:
            part.extra["arguments"] = None
        fields.take("arguments")
    call = call_part(fields.text("name"), arguments, None)
    part.name, part.text = call.name, call.text
    part.arguments, part.arguments_valid = call.arguments, call.arguments_valid
    if arguments is not None and not isinstance(arguments, str):
        part.extra["structured"] = True
    return True


def _answer(part: Part, fields: Fields) -> bool:
    _id(part, fields)
    part.name = fields.text("name")
    for name in ("response", "result"):
        if (value := fields.peek(name)) is not None:
            fields.take(name)
            part.text = as_text(value)
            if name != "response":
                part.extra["key"] = name
            if not isinstance(value, str):
                part.extra["structured"] = True
            break
    return True


def _server(part: Part, fields: Fields) -> bool:
    _id(part, fields)
    part.name = fields.text("name")
    name = str(fields.peek("type"))
    if (value := fields.peek(name)) is not None:
        part.text = as_text(value)
        part.extra["structured"] = not isinstance(value, str)
        fields.take(name)
    return True


def _blob(part: Part, fields: Fields) -> bool:
    part.mime_type = fields.text("mime_type")
    part.text = fields.text("content", "file_id", "uri")
    return part.text is not None


def _id(part: Part, fields: Fields) -> None:
    raw = fields.peek("id")
    part.call_id = call_id(fields, "id")
    if part.call_id is not None and raw != part.call_id:
        part.extra["id"] = raw


_READERS: dict[str, Callable[[Part, Fields], bool]] = {
    "text": _text,
    "reasoning": _text,
    "tool_call": _call,
    "tool_call_response": _answer,
    "server_tool_call": _server,
    "server_tool_call_response": _server,
    "blob": _blob,
    "file": _blob,
    "uri": _blob,
}


def event_parts(name: str, time_ns: int | None, fields: Fields) -> list[Part]:
    """Take the messages that an event of the conventions up to 1.36 holds.

    Parameters
    ----------
    name : str
        Of the event.
    time_ns : int, optional
        When it was.
    fields : Fields
        Its attributes.
    """
    if name not in EVENTS or name == "gen_ai.evaluation.result":
        return []
    direction, role = EVENTS[name]
    if name == "gen_ai.client.inference.operation.details" or name.startswith("gen_ai.content."):
        return parts(fields, "chat")
    message = {"role": role} | _body(fields)
    if "id" in message and role == "tool":
        message["tool_call_id"] = message.pop("id")
    found = message_parts([message], direction)  # type: ignore[arg-type]
    mark = found[0].extra.setdefault("message", {})
    mark["time_ns"] = time_ns
    return found


def _body(fields: Fields) -> dict[str, Json]:
    """Take the message of an event: its attributes, one `message`, or one JSON text of it all."""
    found: dict[str, Json] = {}
    for name in ("gen_ai.event.content", "message"):
        inner = opened(fields.peek(name))
        if isinstance(inner.value, dict) and inner.whole:
            fields.take(name)
            nested = inner.value.pop("message", None)
            found |= inner.value | (nested if isinstance(nested, dict) else {})
    for name in ("role", "content", "id", "name", "finish_reason", "index"):
        if fields.peek(name) is not None:
            found[name] = fields.take(name)
    calls = opened(fields.peek("tool_calls"))
    if isinstance(calls.value, list) and calls.whole:
        found["tool_calls"] = calls.value
        fields.take("tool_calls")
    return found


def evaluation(fields: Fields, time_ns: int | None) -> Annotation:
    """Take the judgement that a `gen_ai.evaluation.result` event is."""
    found = Annotation(
        fields.text("gen_ai.evaluation.name") or "evaluation",
        fields.text("gen_ai.evaluation.score.label"),
        fields.number("gen_ai.evaluation.score.value"),
        fields.text("gen_ai.evaluation.explanation"),
    )
    found.extra = {name: fields.take(name) for name in fields.rest()} | {"time_ns": time_ns}
    return found
