"""Inspect's chat messages and their contents, as parts and steps."""

from typing import Any, Literal

from workbench.trajectories.conversations.messages import as_text, call_part
from workbench.trajectories.model import Json, Part, Status, Step, Usage
from workbench.trajectories.sources.documents import Fields

Direction = Literal["in", "out", "system"]

_KINDS = {"system": "wb.system", "user": "wb.input", "assistant": "chat", "tool": "execute_tool"}
# Inspect's own words for a call that somebody, a limit or its end broke off.
_CANCELLED = ("Cancelled by operator", "Cancelled by limit", "Cancelled by system")
_MEDIA = ("image", "audio", "video", "document")


def message_parts(message: Fields, direction: Direction) -> list[Part]:
    """Take the contents and tool calls of a message; of a tool's message its answer.

    Parameters
    ----------
    message : Fields
        The message; what is not taken stays in its rest.
    direction : {"in", "out", "system"}
        Whether the step read it or wrote it; what the system says always instructs.
    """
    told = message.peek("role")
    role = told if isinstance(told, str) else "unknown"
    parts = _parts(message, "system" if role == "system" else direction, role)
    if parts and role == told:
        # where no part bears it the role stays in the rest
        message.take("role")
    return parts


def _parts(message: Fields, direction: Direction, role: str) -> list[Part]:
    if role == "tool":
        return [_answer(message, direction)]
    text = message.text("content")
    if text is None:
        contents = message.items("content")
        parts = [part for each in contents for part in _pieces(each, direction, role)]
    else:
        # beside calls an empty text says nothing
        parts = (
            [Part(direction, role, "text", text)] if text or not message.peek("tool_calls") else []
        )
    return parts + [_call(each, direction, role) for each in message.items("tool_calls")]


def _answer(message: Fields, direction: Direction) -> Part:
    part = Part(direction, "tool", "tool_call_response", name=message.text("function"))
    part.call_id = message.key("tool_call_id")
    content = message.take("content")
    part.text = as_text(content)
    if not isinstance(content, str):
        part.extra["structured"] = True
    return part


def _call(value: Json, direction: Direction, role: str) -> Part:
    call = Fields(value)
    part = call_part(call.text("function"), call.take("arguments"), call.key("id"), role=role)
    part.direction = direction
    # the model's text was no JSON; Inspect keeps what it could make of it
    if isinstance(call.peek("parse_error"), str):
        part.arguments_valid = False
    part.extra = call.rest()
    return part


def _pieces(value: Json, direction: Direction, role: str) -> list[Part]:
    if isinstance(value, str):
        return [Part(direction, role, "text", value)]
    piece = Fields(value)
    kind = piece.peek("type") if isinstance(piece.peek("type"), str) else None
    if kind == "tool_use":
        return _server_call(piece, direction, role)
    part = Part(direction, role, "opaque")
    if kind in {"text", "reasoning"}:
        part.text = piece.text(kind)
        part.type = kind
        piece.take("type")
    elif kind in _MEDIA:
        part.text = piece.text(kind)
        part.type = "blob" if (part.text or "").startswith("data:") else "uri"
        if part.type == "blob":
            part.mime_type = (part.text or "")[5:100].partition(";")[0].partition(",")[0]
    part.extra = piece.rest()
    return [part]


def _server_call(piece: Fields, direction: Direction, role: str) -> list[Part]:
    """Return the call of a tool that ran at the model's provider, and its answer."""
    piece.take("type")
    call = call_part(piece.text("name"), piece.take("arguments"), piece.key("id"), role=role)
    call.type, call.direction = "server_tool_call", direction
    answer = Part(
        direction, role, "server_tool_call_response", as_text(piece.take("result")), call.name
    )
    answer.call_id, call.extra = call.call_id, piece.rest()
    return [call, answer]


def message_step(value: Json, source: str) -> Step:
    """Return the step of a message, for logs that hold no events.

    Parameters
    ----------
    value : JSON value
        The message.
    source : str
        Where it stands.
    """
    fields = Fields(value)
    step = Step(_KINDS.get(str(fields.peek("role")), "wb.other"), source)
    step.parts = message_parts(fields, "in" if step.kind == "wb.input" else "out")
    if step.kind == "execute_tool":
        step.tool, step.tool_call_id = step.parts[0].name, step.parts[0].call_id
        take_error(step, fields)
    elif step.kind == "chat":
        step.model = fields.text("model")
    step.extra = fields.rest()
    return step


def take_error(step: Step, fields: Fields) -> None:
    """Take a tool's error, and with it how the step ended."""
    error = fields.inner("error")
    step.error_type, step.error_message = error.text("type"), error.text("message")
    step.status = failed(step.error_type, step.error_message, told=fields.peek("failed") is True)


def failed(error_type: str | None, message: str | None, *, told: bool) -> Status:
    """Return how a tool's call ended.

    Parameters
    ----------
    error_type, message : str, optional
        Its error.
    told : bool
        Whether the log says that it failed.

    Examples
    --------
    >>> failed(None, None, told=False), failed("timeout", "too slow", told=False)
    ('ok', 'error')
    """
    if error_type == "cancelled":
        return "cancelled"
    return "error" if told or error_type is not None or message is not None else "ok"


def ended(message: str | None, *, pending: bool) -> Status:
    """Return how a model's call ended.

    Parameters
    ----------
    message : str, optional
        Its error.
    pending : bool
        Whether it had not ended when the log was written.

    Examples
    --------
    >>> ended(None, pending=False), ended("Cancelled by limit", pending=False)
    ('ok', 'cancelled')
    """
    if message is None:
        return "unset" if pending else "ok"
    return "cancelled" if message in _CANCELLED else "error"


def usage_of(value: Json) -> Usage | None:
    """Return what a model's call took, cached tokens among those that were read.

    Inspect's `input_tokens` leave out cached ones, but in logs of its first years those of some
    providers count them in; there the total is the sum of input and output alone.

    Parameters
    ----------
    value : JSON value
        Inspect's ModelUsage.

    Examples
    --------
    >>> new = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 18, "input_tokens_cache_read": 3}
    >>> usage_of(new).input_tokens, usage_of(new | {"total_tokens": 15}).input_tokens
    (13, 10)
    """
    if not isinstance(value, dict):
        return None
    usage = Usage(
        _count(value, "input_tokens"), _count(value, "input_tokens_cache_read"),
        _count(value, "input_tokens_cache_write"), _count(value, "output_tokens"),
        _count(value, "reasoning_tokens"),
    )  # fmt: skip
    if value.get("total_cost") is not None:
        usage.cost_usd = Fields(value).number("total_cost")
    total = _count(value, "total_tokens")
    if usage.input_tokens is not None and total != usage.input_tokens + (usage.output_tokens or 0):
        usage.input_tokens += (usage.cached_tokens or 0) + (usage.cache_written_tokens or 0)
    return usage if usage else None


def _count(value: dict[str, Json], name: str) -> int | None:
    found = value.get(name)
    if found is None or (found.__class__ is int and 0 <= found < 2**63):
        # nearly always
        return found
    return Fields(value).count(name)


def summed(usages: list[Usage]) -> Usage | None:
    """Return the sum of usages; what none of them records stays not recorded.

    Examples
    --------
    >>> summed([Usage(1), Usage(2, output_tokens=5)])
    Usage(input_tokens=3, cached_tokens=None, cache_written_tokens=None, output_tokens=5,
          reasoning_tokens=None, cost_usd=None)
    """
    found = Usage()
    for name in Usage.__slots__:
        values: list[Any] = [getattr(each, name) for each in usages]
        known = [value for value in values if value is not None]
        setattr(found, name, sum(known) if known else None)
    return found if found else None
