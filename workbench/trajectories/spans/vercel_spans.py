"""The Vercel AI SDK's names, which begin with `ai.`.

`ai.generateText` and its like are spans around one or more `ai.generateText.doGenerate`, in which the
model is called; both state the tokens.
"""

import re

from workbench.trajectories.conversations.messages import as_text
from workbench.trajectories.model import Json, Part, Step
from workbench.trajectories.sources.documents import Fields
from workbench.trajectories.spans import genai_spans
from workbench.trajectories.spans.span_texts import opened

_INNER = re.compile(r"(ai\.\w+)\.do[A-Z]\w*")
_PIECES = {
    "text": {"text": "content"},
    "reasoning": {"text": "content"},
    "tool-call": {
        "toolCallId": "id", "toolName": "name", "input": "arguments", "args": "arguments",
    },
    "tool-result": {
        "toolCallId": "id", "toolName": "name", "output": "response", "result": "response",
    },
}  # fmt: skip
_TYPES = {
    "text": "text",
    "reasoning": "reasoning",
    "tool-call": "tool_call",
    "tool-result": "tool_call_response",
}


def kind(fields: Fields) -> str | None:
    """Return the kind that `ai.operationId` tells."""
    operation = fields.peek("ai.operationId")
    if not isinstance(operation, str):
        return None
    if operation == "ai.toolCall":
        return "execute_tool"
    embeds = operation.startswith("ai.embed")
    if wrapper_of(operation):
        return "embeddings" if embeds else "chat"
    return None if embeds or not operation.startswith("ai.") else "invoke_agent"


def wrapper_of(operation: Json) -> str | None:
    """Return the operation whose span encloses one that calls a model.

    Examples
    --------
    >>> wrapper_of("ai.generateText.doGenerate"), wrapper_of("ai.generateText")
    ('ai.generateText', None)
    """
    found = _INNER.fullmatch(operation) if isinstance(operation, str) else None
    return found[1] if found else None


def parts(fields: Fields, step: Step, *, known: bool) -> list[Part]:
    """Take what `ai.prompt`, `ai.response` and their like hold."""
    if known:
        return []
    found = _prompt(fields)
    for name, type_ in (("ai.response.reasoning", "reasoning"), ("ai.response.text", "text")):
        if (text := fields.text(name)) is not None:
            found.append(Part("out", "assistant", type_, text))  # type: ignore[arg-type]
    if (text := fields.text("ai.response.object")) is not None:
        found.append(Part("out", "assistant", "text", text, mime_type="application/json"))
    calls = opened(fields.peek("ai.response.toolCalls"))
    if isinstance(calls.value, list) and calls.whole:
        fields.take("ai.response.toolCalls")
        pieces = [_piece({"type": "tool-call"} | each) for each in calls.value if _is_object(each)]
        found += [genai_spans.part_of(each, "out", "assistant") for each in pieces]
    if step.kind == "execute_tool":
        found += genai_spans.tool_parts(fields, "ai.toolCall.args", "ai.toolCall.result")
    return found


def _is_object(value: Json) -> bool:
    return isinstance(value, dict)


def _prompt(fields: Fields) -> list[Part]:
    """Take what the model was asked, or what was to be embedded."""
    found: list[Part] = []
    for name in ("ai.prompt.messages", "ai.prompt"):
        value = opened(fields.peek(name))
        if value.value is not None and value.whole:
            fields.take(name)
            found += _asked(value.value)
    values = fields.take("ai.value"), *(fields.items("ai.values"))
    for each in values:
        inner = opened(each).value
        if inner is not None:
            found.append(Part("in", "user", "text", as_text(inner)))
    return found


def _asked(value: Json) -> list[Part]:
    if isinstance(value, list):
        return genai_spans.message_parts([_message(each) for each in value], "in")
    fields = Fields(value)
    found = []
    if (system := fields.text("system")) is not None:
        found.append(Part("system", "system", "text", system))
    if (prompt := fields.text("prompt")) is not None:
        found.append(Part("in", "user", "text", prompt))
    messages = [_message(each) for each in fields.items("messages", "prompt")]
    if messages:
        found += genai_spans.message_parts(messages, "in")
    if isinstance(value, str):
        return [Part("in", "user", "text", value)]
    if rest := fields.rest():
        found = found or [Part("in", "user", "opaque")]
        found[0].extra["prompt"] = rest
    return found


def _message(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    content = value.get("content")
    pieces = content if isinstance(content, list) else [{"type": "text", "text": content}]
    if not isinstance(content, (list, str)):
        return value
    rest = {name: each for name, each in value.items() if name != "content"}
    return rest | {"parts": [_piece(each) for each in pieces]}


def _piece(value: Json) -> Json:
    """Return a piece of a message as OpenTelemetry's schema has it."""
    if not isinstance(value, dict) or str(value.get("type")) not in _PIECES:
        return value
    kind = str(value["type"])
    names: dict[str, str] = _PIECES[kind]
    piece: dict[str, Json] = {"type": _TYPES[kind]}
    for name, each in value.items():
        new = names.get(str(name), str(name))
        if name != "type":
            piece[name if new in piece else new] = each
    return piece
