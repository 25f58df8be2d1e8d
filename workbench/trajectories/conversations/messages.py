"""Chat messages as most APIs write them, as steps: what several readers share."""

import json
from decimal import Decimal

from workbench.trajectories.model import Direction, Json, Part, Step
from workbench.trajectories.sources.documents import Fields
from workbench.trajectories.sources.parsing import loads

# one that is made anew for each text costs more than most texts
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_DIRECTIONS: dict[str, Direction] = {"wb.system": "system", "wb.input": "in"}
_KINDS = {
    "system": "wb.system",
    "developer": "wb.system",
    "user": "wb.input",
    "assistant": "chat",
    "tool": "execute_tool",
    "function": "execute_tool",
}
# Where a message says nothing, its kind still tells these.
_PLAIN_ROLES = ("system", "user", "assistant", "unknown")


def as_text(value: Json) -> str | None:
    """Return a value as a text: itself, or its JSON.

    Examples
    --------
    >>> as_text("a"), as_text({"b": 1}), as_text(None)
    ('a', '{"b": 1}', None)
    """
    if value is None or isinstance(value, str):
        return value
    return _ENCODER.encode(value)


def call_part(
    name: str | None, arguments: Json, call_id: str | None, *, role: str = "assistant"
) -> Part:
    """Return the part of a tool call; arguments may be JSON in a text, or a value.

    Examples
    --------
    >>> call_part("f", '{"a": 1', "c").arguments_valid
    False
    """
    part = Part("out", role, "tool_call", as_text(arguments), name, call_id, arguments)
    if isinstance(arguments, str):
        try:
            part.arguments = loads(arguments)
        except (ValueError, RecursionError):
            part.arguments, part.arguments_valid = None, False
    return part


def response_part(
    value: Json, name: str | None, call_id: str | None, *, role: str = "tool"
) -> Part:
    """Return the part of a tool's answer: a text, or blocks of which the texts are read.

    Examples
    --------
    >>> response_part([{"type": "text", "text": "12"}], "f", "c").text
    '12'
    """
    part = Part("out", role, "tool_call_response", as_text(value), name, call_id)
    if isinstance(value, (dict, list)):
        part.extra["content"] = value
    if isinstance(value, list) and all(_is_text(each) for each in value):
        part.text = "\n".join(each["text"] for each in value)
    return part


def _is_text(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("text"), str)


def message_step(value: Json, source: str) -> Step:
    """Return the step of one message of OpenAI's chat API.

    A tool's answer becomes an `execute_tool` step; `pair_calls` joins it to its call.

    Parameters
    ----------
    value : JSON value
        The message.
    source : str
        Where it stands.
    """
    fields = Fields(value)
    role = fields.text("role") or "unknown"
    step = Step(_KINDS.get(role, "wb.other"), source, agent=None)
    direction = _DIRECTIONS.get(step.kind, "out")
    if step.kind == "execute_tool":
        _answer(step, fields, role)
    else:
        step.agent = fields.text("name")
        if (reasoning := fields.text("reasoning_content", "reasoning")) is not None:
            step.parts.append(Part("out", role, "reasoning", reasoning))
        step.parts += content_parts(fields, direction, role)
        step.parts += _calls(fields, role)
    step.extra = fields.rest()
    if not step.parts and role not in _PLAIN_ROLES:
        step.extra.setdefault("role", role)
    return step


def _answer(step: Step, fields: Fields, role: str) -> None:
    step.tool, step.tool_call_id = fields.text("name"), fields.key("tool_call_id")
    result = fields.take("content")
    step.parts.append(
        Part("out", role, "tool_call_response", as_text(result), step.tool, step.tool_call_id)
    )
    if isinstance(result, (dict, list)):
        step.parts[-1].extra["structured"] = True


def time_answers(steps: list[Step]) -> None:
    """Let each tool's answer last from its call to its line, in place; call it after `pair_calls`.

    Logs of events have one time for each: that of an answer is when the tool had ended.

    Parameters
    ----------
    steps : list of Step
        Of one run, in their order.
    """
    for step in steps:
        if step.call_step is None or step.start_ns is None or step.end_ns is not None:
            continue
        asked = steps[step.call_step]
        began = [each for each in (asked.end_ns, asked.start_ns) if each is not None]
        began = [each for each in began if each <= step.start_ns]
        if began:
            step.start_ns, step.end_ns = began[0], step.start_ns


def seconds(fields: Fields, name: str) -> int | None:
    """Take a number of seconds since 1970 as nanoseconds.

    What lies beyond the nanoseconds that 64 bits hold is no time, and is left.

    Examples
    --------
    >>> fields = Fields({"created": 3, "began": 3.1, "ended": 10**12})
    >>> [seconds(fields, name) for name in ("created", "began", "ended")], fields.rest()
    ([3000000000, 3100000000, None], {'ended': 1000000000000})
    """
    given = Fields({name: fields.peek(name)})
    found: float | None = given.count(name)
    if found is None:
        found = given.number(name)
    if found is None or not 0 <= found < 2**63 // 10**9:
        return None
    fields.take(name)
    # of a fraction the digits that were written, not those of the nearest double
    return int(Decimal(repr(found)) * 10**9)


def content_parts(fields: Fields, direction: Direction, role: str) -> list[Part]:
    """Take `content`: a text, or a list of parts."""
    text = fields.text("content")
    if text is not None:
        return [Part(direction, role, "text", text)]
    return [_piece(each, direction, role) for each in fields.items("content")]


def _piece(value: Json, direction: Direction, role: str) -> Part:
    piece = Fields(value)
    kind = piece.text("type")
    part = Part(direction, role, "opaque")
    if isinstance(value, str):
        return Part(direction, role, "text", value)
    if kind in {"text", "input_text", "output_text", "refusal"}:
        part.type, part.text = "text", piece.text("text", "refusal")
    elif kind in {"image_url", "input_image"}:
        image = piece.inner("image_url")
        part.type, part.text = "uri", image.text("url") or piece.text("image_url")
    part.extra = piece.rest()
    if kind not in {"text", None}:
        part.extra["type"] = kind
    return part


def _calls(fields: Fields, role: str) -> list[Part]:
    parts = []
    for value in fields.items("tool_calls"):
        call = Fields(value)
        # a custom tool takes a text, which is seldom JSON
        custom = isinstance(call.peek("custom"), dict)
        function = call.inner("custom" if custom else "function")
        part = call_part(
            function.text("name") or call.text("name"),
            function.take("input" if custom else "arguments"),
            call.key("id"), role=role,
        )  # fmt: skip
        if call.peek("type") == "function":
            call.take("type")
        part.extra = call.rest()
        parts.append(part)
    if isinstance(fields.peek("function_call"), dict):
        legacy = fields.inner("function_call")
        parts.append(call_part(legacy.text("name"), legacy.take("arguments"), None, role=role))
    return parts
