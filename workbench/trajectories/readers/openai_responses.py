"""OpenAI's Responses API: items, as a list or as a request's `input` and a response's `output`.

Items that a model wrote one after another (reasoning, a message, calls) are one step of it, since
one response gave them; what it read next ends the step. Built-in tools ran at the provider's side:
their calls are parts of the model's step. Reasoning may be encrypted; then it has no text. Of the
events of a streamed response its last state is the run; one that ended early is what was said so far.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from workbench.trajectories.conversations.answering import add_unanswered, pair_calls
from workbench.trajectories.conversations.messages import (
    as_text,
    call_part,
    content_parts,
    message_step,
    seconds,
)
from workbench.trajectories.model import Json, Part, Run, Step, Usage
from workbench.trajectories.sources.documents import Document, Fields

NAME = "openai-responses"

_CALLS = ("function_call", "custom_tool_call")
_ANSWERS = ("function_call_output", "custom_tool_call_output")
_BESIDE_MESSAGES = ("reasoning", *_CALLS, *_ANSWERS)
# What a built-in tool was asked, and what it gave.
_ASKED = ("action", "queries", "code", "arguments", "input", "operation")
_GIVEN = ("results", "outputs", "output", "result")
# Tools that the provider defines and the caller runs: the answer is an item of its own.
_RUN_BY_THE_CALLER = ("computer_call", "local_shell_call", "shell_call", "apply_patch_call")
# The events that hold a response as it ended.
_ENDS = ("response.completed", "response.failed", "response.incomplete")
# The events that hold a piece of an item: what the item is, its member, and that member's pieces.
_PIECES: dict[str, tuple[dict[str, Json], str, str | None]] = {
    "response.output_text.delta": (
        {"type": "message", "role": "assistant"}, "content", "output_text",
    ),
    "response.reasoning_text.delta": ({"type": "reasoning"}, "content", "reasoning_text"),
    "response.reasoning_summary_text.delta": ({"type": "reasoning"}, "summary", "summary_text"),
    "response.function_call_arguments.delta": ({"type": "function_call"}, "arguments", None),
    "response.custom_tool_call_input.delta": ({"type": "custom_tool_call"}, "input", None),
}  # fmt: skip

_Placed = tuple[str, Json]
"""A value and where it stands."""


def recognises(first: Json) -> bool:
    """Tell whether the first value holds items of the Responses API."""
    if isinstance(first, list):
        return _are_items(first) or bool(first and _holds_items(first[0]))
    return _holds_items(first)


def _are_items(value: Json) -> bool:
    """Tell a list of items, of which one at least is no mere message."""
    kinds = [each.get("type") for each in value if isinstance(each, dict)]
    own = [kind for kind in kinds if isinstance(kind, str) and _is_own(kind)]
    return bool(own) or (bool(kinds) and all(_is_message(each) for each in value))


def _is_own(kind: str) -> bool:
    return kind in _BESIDE_MESSAGES or kind.endswith("_call")


def _is_message(value: Json) -> bool:
    return isinstance(value, dict) and value.get("type") == "message" and "role" in value


def _holds_items(value: Json) -> bool:
    if not isinstance(value, dict):
        return False
    if _is_event(value):
        return True
    response = value.get("response")
    inner = response if isinstance(response, dict) else value
    if inner.get("object") == "response":
        return True
    output = inner.get("output")
    return isinstance(output, list) and bool(output) and _are_items(output)


def _is_event(value: Json) -> bool:
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind.startswith("response.")


def runs(document: Document) -> Iterator[Run]:
    """Yield the runs; what is neither an object nor a list of items is told."""
    held: dict[str, list[_Placed]] = {}
    current = ""
    for pointer, value in _objects(document):
        if _is_event(value):
            current = Fields(Fields(value).peek("response")).key("id") or current
            held.setdefault(current, []).append((pointer, value))
        elif held and Fields(value).peek("type") == "error":
            held[current].append((pointer, value))
        elif isinstance(value, (dict, list)):
            yield _run(pointer, value)
        elif value is not None:
            reason = f"a run must be an object or a list of items: {value!r:.500}"
            document.notice("unreadable", pointer, reason, "error")
    # streams of one time stand among each other, so no one ends before the document does
    yield from map(_streamed, held.values())


def _objects(document: Document) -> Iterator[_Placed]:
    for place, value in document.values():
        if isinstance(value, list) and not _are_items(value):
            yield from ((f"{place}/{at}", each) for at, each in enumerate(value))
        else:
            yield place, value


def _streamed(events: list[_Placed]) -> Run:
    """Return the run of a stream: its response as it ended, or else what was said so far."""
    told = [(at, each) for at, each in events if isinstance(each.get("response"), dict)]
    ends = [pair for pair in told if pair[1]["type"] in _ENDS]
    pointer, last = (ends or told or events)[-1]
    response = {"output": [], **(last["response"] if told else {})}
    if not ends and (items := _so_far(events)):
        response["output"] = items
    run, fields = Run(NAME, events[0][0]), Fields(response)
    _add_exchange(run, fields, f"{pointer}/response")
    for step in run.steps:
        if step.kind == "chat":
            step.flags |= {"streamed"} if ends else {"streamed", "truncated"}
            step.source = step.source if ends else run.pointer
    for error in (Fields(each) for _, each in events if each["type"] == "error"):
        run.status = run.steps[-1].status = "error"
        run.steps[-1].error_type = error.text("code")
        run.steps[-1].error_message = error.text("message")
    pair_calls(run.steps)
    add_unanswered(run.steps)
    run.extra = fields.rest() | {"events": [_beside(each, last) for _, each in events]}
    return run


def _so_far(events: list[_Placed]) -> list[Json]:
    """Return the items of a stream: those that are whole, and of the others the pieces."""
    items: dict[str, dict[str, Json]] = {}
    pieces: dict[tuple[str, str], list[str]] = {}
    whole = set()
    for _, event in events:
        fields = Fields(event)
        at, kind = fields.key("output_index", "item_id") or "", fields.text("type") or ""
        item, delta = fields.peek("item"), fields.text("delta")
        if isinstance(item, dict):
            items[at] = item
            whole |= {at} if kind == "response.output_item.done" else set()
        elif delta is not None and kind in _PIECES:
            pieces.setdefault((at, kind), []).append(delta)
    for (at, kind), texts in pieces.items():
        if at not in whole:
            about, name, piece = _PIECES[kind]
            text = "".join(texts)
            value = text if piece is None else [{"type": piece, "text": text}]
            items[at] = {**about, **items.get(at, {}), name: value}
    return list(items.values())


def _beside(event: dict[str, Json], last: dict[str, Json]) -> dict[str, Json]:
    """Return what an event says beside the response that became the run."""
    kept = {name: each for name, each in event.items() if name != "response"}
    response, final = event.get("response"), last.get("response")
    if event is last or not isinstance(response, dict) or not isinstance(final, dict):
        return kept
    return kept | {
        "response": {name: each for name, each in response.items() if each != final.get(name)}
    }


def _run(pointer: str, value: Json) -> Run:
    run = Run(NAME, pointer)
    if isinstance(value, list):
        run.steps = _steps(value, pointer)
    else:
        fields = Fields(value)
        _add_exchange(run, fields, pointer)
        run.extra = fields.rest()
    pair_calls(run.steps)
    add_unanswered(run.steps)
    return run


def _add_exchange(run: Run, fields: Fields, pointer: str) -> None:
    """Add what was asked and what was answered; either may stand in an object of its own."""
    asked, asked_at = _inner(fields, "request", pointer)
    answered, answered_at = _inner(fields, "response", pointer)
    for name in ("instructions", "input"):
        if (text := asked.text(name)) is not None:
            role = "user" if name == "input" else "system"
            message = {"role": role, "content": text}
            run.steps.append(message_step(message, f"{asked_at}/{name}"))
    run.steps += _steps(asked.items("input"), f"{asked_at}/input")
    answers = any(name in answered for name in ("output", "usage", "status"))
    model = answered.text("model") if answers else None
    run.model = asked.text("model") or model
    if not answers:
        return
    conversation = answered.inner("conversation")
    run.conversation_id = conversation.text("id") or answered.text("conversation")
    steps = _steps(answered.items("output"), f"{answered_at}/output")
    written = next((step for step in reversed(steps) if step.kind == "chat"), None)
    if written is None:
        written = Step("chat", f"{answered_at}/output")
        steps.append(written)
    written.usage = _usage(answered.inner("usage"))
    _tell_end(run, written, answered)
    for step in steps:
        if step.kind == "chat":
            step.model, step.response_id = model, written.response_id
    run.steps += steps


def _inner(fields: Fields, name: str, pointer: str) -> tuple[Fields, str]:
    if isinstance(fields.peek(name), dict):
        return fields.inner(name), f"{pointer}/{name}"
    return fields, pointer


_STATUSES: dict[str, Any] = {"completed": "ok", "failed": "error", "cancelled": "cancelled"}


def _tell_end(run: Run, step: Step, fields: Fields) -> None:
    step.response_id = fields.text("id")
    status = fields.text("status")
    step.status = run.status = _STATUSES.get(status or "", "unset")
    step.finish_reason = fields.inner("incomplete_details").text("reason") or status
    error = fields.inner("error")
    step.error_type, step.error_message = error.text("code"), error.text("message")
    step.start_ns = seconds(fields, "created_at")
    if step.start_ns is not None:
        run.time_source = "recorded"


def _usage(fields: Fields) -> Usage | None:
    read, written = fields.inner("input_tokens_details"), fields.inner("output_tokens_details")
    usage = Usage(
        fields.count("input_tokens"), read.count("cached_tokens"), read.count("cache_write_tokens"),
        fields.count("output_tokens"), written.count("reasoning_tokens"),
    )  # fmt: skip
    # the total repeats the two
    if fields.peek("total_tokens") == (usage.input_tokens or 0) + (usage.output_tokens or 0):
        fields.take("total_tokens")
    return usage if usage != Usage() else None


def _steps(items: Iterable[Json], pointer: str) -> list[Step]:
    """Return the steps of a list of items; what a model wrote in one go is one step."""
    steps: list[Step] = []
    open_step: Step | None = None
    for at, value in enumerate(items):
        place = f"{pointer}/{at}"
        item = Fields(value)
        kind = item.text("type")
        if not _is_written(item, kind):
            steps.append(_read_step(item, kind, place))
            open_step = None
            continue
        if open_step is None:
            open_step = Step("chat", place)
            steps.append(open_step)
        open_step.parts += _written_parts(item, kind)
    return steps


def _is_written(item: Fields, kind: str | None) -> bool:
    if kind in {None, "message"}:
        return bool(item.peek("role") == "assistant")
    return kind == "reasoning" or (kind or "").endswith("_call")


def _read_step(item: Fields, kind: str | None, place: str) -> Step:
    """Return the step of what the model did not write."""
    if kind in {None, "message"}:
        return message_step(item.rest(), place)
    if kind in _ANSWERS or (kind or "").endswith("_call_output"):
        step = Step("execute_tool", place, tool_call_id=item.key("call_id"))
        output = item.take("output")
        part = Part("out", "tool", "tool_call_response", as_text(output), None, step.tool_call_id)
        if isinstance(output, (dict, list)):
            part.extra["structured"] = True
        step.parts.append(part)
    else:
        step = Step("wb.compaction" if kind == "compaction" else "wb.other", place)
    step.extra = item.rest() if kind in {None, *_ANSWERS} else {"type": kind, **item.rest()}
    return step


def _written_parts(item: Fields, kind: str | None) -> list[Part]:
    if kind in {None, "message"}:
        parts = content_parts(item, "out", item.text("role") or "assistant")
        return _with_rest(parts or [Part("out", "assistant", "opaque")], item)
    if kind == "reasoning":
        return _with_rest([_reasoning(item)], item)
    if kind in _CALLS:
        name = "arguments" if kind == "function_call" else "input"
        part = call_part(item.text("name"), item.take(name), item.key("call_id"))
        if kind != "function_call":
            part.extra["type"] = kind
        return _with_rest([part], item)
    return _with_rest(_built_in(item, kind or ""), item)


def _with_rest(parts: list[Part], item: Fields) -> list[Part]:
    """Keep what else an item says at its first part."""
    if rest := item.rest():
        parts[0].extra["item"] = rest
    return parts


def _reasoning(item: Fields) -> Part:
    texts = []
    for name in ("summary", "content"):
        pieces = item.peek(name)
        if isinstance(pieces, list) and all(_has_text(each) for each in pieces):
            item.take(name)
            texts += [piece["text"] for piece in pieces]
    return Part("out", "assistant", "reasoning", "\n".join(texts) if texts else None)


def _has_text(piece: Json) -> bool:
    """Tell a piece of reasoning that is its text and nothing else."""
    return (
        isinstance(piece, dict)
        and isinstance(piece.get("text"), str)
        and piece.get("type") in ("summary_text", "reasoning_text")
        and len(piece) == 2
    )


def _built_in(item: Fields, kind: str) -> list[Part]:
    """Return the call of a tool at the provider's side, and its result if the item holds one."""
    call_id = item.key("call_id", "id")
    name = item.text("name") or kind.removesuffix("_call")
    asked = {key: item.take(key) for key in _ASKED if item.peek(key) is not None}
    call = call_part(name, asked["arguments"] if set(asked) == {"arguments"} else asked, call_id)
    call.extra["type"] = kind
    if kind in _RUN_BY_THE_CALLER:
        return [call]
    call.type = "server_tool_call"
    given = {key: item.take(key) for key in _GIVEN if item.peek(key) is not None}
    if not given:
        return [call]
    result = given.popitem()[1] if len(given) == 1 else given
    answer = Part("out", "tool", "server_tool_call_response", as_text(result), name, call_id)
    if isinstance(result, (dict, list)):
        answer.extra["structured"] = True
    return [call, answer]
