"""Chunks of a streamed chat completion put together."""

from collections.abc import Sequence
from typing import Any

from workbench.trajectories.model import Json

# Texts that some servers repeat in every chunk instead of going on.
_WHOLE = ("role", "id", "type")
# Where calls are kept while they are joined; no key of JSON.
_CALLS: Any = object()
_OF_A_CHUNK = ("choices", "usage")


def joined(chunks: Sequence[dict[str, Json]]) -> tuple[dict[str, Json], list[dict[str, Json]]]:
    """Return the completion that chunks make, and what each chunk says that the first does not.

    Parameters
    ----------
    chunks : sequence of dict
        As they were sent; choices and their tool calls are joined by `index`.

    Returns
    -------
    completion : dict
        As an answer that was not streamed.
    others : list of dict
        One for each chunk.

    Examples
    --------
    >>> joined([
    ...     {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
    ...     {"id": "c", "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
    ... ])[0]
    {'id': 'c', 'choices': [{'message': {'role': 'assistant', 'content': 'Hello'},
     'finish_reason': 'stop'}]}
    """
    completion = {name: each for name, each in chunks[0].items() if name not in _OF_A_CHUNK}
    choices: dict[int, dict[str, Json]] = {}
    others = []
    last = max(
        (at for at, chunk in enumerate(chunks) if chunk.get("usage") is not None), default=-1
    )
    for at, chunk in enumerate(chunks):
        other = {
            name: each
            for name, each in chunk.items()
            if name not in _OF_A_CHUNK and each != completion.get(name)
        }
        if odd := _join_choices(choices, chunk.get("choices")):
            other["choices"] = odd
        if at == last:
            # it grows in some streams; the last one counts
            completion["usage"] = chunk["usage"]
        elif chunk.get("usage") is not None:
            other["usage"] = chunk["usage"]
        others.append(other)
    completion["choices"] = [_closed(choices[at]) for at in sorted(choices)]
    for at, index in enumerate(sorted(choices)):
        if index != at:
            completion["choices"][at]["index"] = index
    return completion, others


def _join_choices(choices: dict[int, dict[str, Json]], value: Json) -> list[Json]:
    """Add the choices of a chunk; return those that are none."""
    odd = []
    for choice in value if isinstance(value, list) else [value] if value else []:
        at = choice.get("index", 0) if isinstance(choice, dict) else None
        if isinstance(at, int):
            _join(choices.setdefault(at, {"message": {}}), choice)
        else:
            odd.append(choice)
    return odd


def _join(choice: dict[str, Json], piece: dict[str, Json]) -> None:
    delta = piece.get("delta")
    if isinstance(delta, dict):
        pieces = dict(delta)
        if isinstance(pieces.get("tool_calls"), list):
            for call in pieces.pop("tool_calls"):
                _join_call(choice.setdefault(_CALLS, []), call)
        _append(choice["message"], pieces)
    elif delta is not None:
        choice.setdefault("deltas", []).append(delta)
    rest = {name: each for name, each in piece.items() if name not in {"delta", "index"}}
    for name, each in rest.items():
        if each is not None:
            _put(choice, name, each)


def _join_call(calls: list[Json], piece: Json) -> None:
    """Add a piece of a tool call to the call with its index; one without comes by itself."""
    if not isinstance(piece, dict) or "index" not in piece:
        calls.append(piece)
        return
    for call in calls:
        if isinstance(call, dict) and call.get("index") == piece["index"]:
            _append(call, {name: each for name, each in piece.items() if name != "index"})
            return
    calls.append({})
    _append(calls[-1], piece)


def _append(target: dict[str, Json], pieces: dict[str, Json]) -> None:
    for name, piece in pieces.items():
        there = target.get(name)
        if isinstance(there, str) and isinstance(piece, str) and name not in _WHOLE:
            target[name] = there + piece
        elif isinstance(there, dict) and isinstance(piece, dict):
            _append(there, piece)
        elif piece is not None or name not in target:
            _put(target, name, _copied(piece))


def _put(target: dict[str, Json], name: str, piece: Json) -> None:
    """Set a member; what another piece had set otherwise is kept beside."""
    there = target.get(name)
    if there is not None and there != piece:
        target.setdefault("replaced", []).append({name: there})
    target[name] = piece


def _copied(piece: Json) -> Json:
    return dict(piece) if isinstance(piece, dict) else piece


def _closed(choice: dict[str, Json]) -> dict[str, Any]:
    """Return a choice without what was only needed to join it."""
    calls = choice.pop(_CALLS, None)
    if calls is not None:
        message = choice["message"]
        if "tool_calls" in message:
            # some chunk had no list of them
            message["tool_calls_unread"] = message["tool_calls"]
        message["tool_calls"] = calls
        for at, call in enumerate(calls):
            if isinstance(call, dict) and call.get("index") == at:
                del call["index"]
    return choice
