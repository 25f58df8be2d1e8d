"""Parts of a step as messages by OpenTelemetry's schema."""

import json
from collections.abc import Callable, Iterator, Sequence

from workbench.trajectories.conversations.messages import as_text
from workbench.trajectories.model import Json, Part
from workbench.trajectories.writers.lossless import members, result_value

_MODALITIES = ("image", "audio", "video")
# What a reader of messages notes in `extra` about how they stood.
_NOTES = ("message", "id", "key", "structured")


def message_list(parts: Sequence[Part], *, own: bool) -> list[Json]:
    """Return messages: parts of one role that follow one another are one message.

    Parameters
    ----------
    parts : sequence of Part
        Of one direction.
    own : bool
        Whether their `extra` is what a reader of such messages left there.

    Examples
    --------
    >>> message_list([Part("in", "user", "text", "Hello"), Part("in", "user", "text", "you")], own=False)
    [{'role': 'user', 'parts': [{'type': 'text', 'content': 'Hello'}, {'type': 'text', 'content': 'you'}]}]
    """
    found: list[Json] = []
    for group in _groups(parts):
        said = group[0].extra.get("message") if own else None
        known = {k: each for k, each in members(said).items() if k not in {"parts", "time_ns"}}
        empty = isinstance(said, dict) and group[0].type == "opaque" and not _rest(group[0])
        values = [part_value(part, own=own) for part in (group[1:] if empty else group)]
        found.append({"role": group[0].role, "parts": values, **known})
    return found


def _groups(parts: Sequence[Part]) -> Iterator[list[Part]]:
    group: list[Part] = []
    for part in parts:
        if group and (part.role != group[0].role or "message" in part.extra):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _rest(part: Part) -> dict[str, Json]:
    return {name: each for name, each in part.extra.items() if name not in _NOTES}


def part_value(part: Part, *, own: bool) -> Json:
    """Return one part; of an `opaque` one whatever is known.

    Examples
    --------
    >>> part_value(Part("in", "tool", "tool_call_response", "57°F", call_id="c"), own=False)
    {'type': 'tool_call_response', 'id': 'c', 'response': '57°F'}
    """
    writer = _WRITERS.get(part.type)
    if writer is None:
        return {"type": part.type, **_rest(part)}
    return {"type": part.type, **writer(part, own), **(_rest(part) if own else {})}


def _text(part: Part, _own: bool) -> dict[str, Json]:
    return {"content": part.text}


def _id(part: Part, own: bool) -> dict[str, Json]:
    if part.call_id is None:
        return {}
    return {"id": part.extra.get("id", part.call_id) if own else part.call_id}


def _named(part: Part, own: bool) -> dict[str, Json]:
    return _id(part, own) | ({} if part.name is None else {"name": part.name})


def _call(part: Part, own: bool) -> dict[str, Json]:
    found = _named(part, own)
    plain = own and not part.extra.get("structured")
    if part.arguments_valid and part.arguments is not None and not plain:
        return found | {"arguments": part.arguments}
    return found if part.text is None else found | {"arguments": part.text}


def _answer(part: Part, own: bool) -> dict[str, Json]:
    key = "result" if own and part.extra.get("key") == "result" else "response"
    value = result_value(part, own=own)
    return _named(part, own) | ({} if value is None else {key: value})


def _server_call(part: Part, own: bool) -> dict[str, Json]:
    text = as_text(part.arguments) if part.text is None else part.text
    return _named(part, own) | {"server_tool_call": _opened(text)}


def _server_answer(part: Part, own: bool) -> dict[str, Json]:
    return _named(part, own) | {"server_tool_call_response": _opened(part.text)}


def _opened(text: str | None) -> Json:
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, (dict, list)) else text


def _media(name: str) -> Callable[[Part, bool], dict[str, Json]]:
    def write(part: Part, _own: bool) -> dict[str, Json]:
        modality = (part.mime_type or "").split("/")[0]
        found: dict[str, Json] = {"modality": modality} if modality in _MODALITIES else {}
        if part.mime_type is not None:
            found["mime_type"] = part.mime_type
        return found | {name: part.text}

    return write


_WRITERS: dict[str, Callable[[Part, bool], dict[str, Json]]] = {
    "text": _text,
    "reasoning": _text,
    "tool_call": _call,
    "tool_call_response": _answer,
    "server_tool_call": _server_call,
    "server_tool_call_response": _server_answer,
    "blob": _media("content"),
    "file": _media("file_id"),
    "uri": _media("uri"),
}
