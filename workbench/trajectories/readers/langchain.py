"""LangChain's messages and LangGraph's states.

A message is a plain object with a `type`, one with its content under `data` (`messages_to_dict`), or
a constructor (`dumpd`). States repeat all messages at every super-step: a message counts once by its
`id`, in the order of the steps, and the latest of several versions stands. Pieces of a stream that
bear one `id` are one message. One run per thread, list of messages, or file.
"""

from collections.abc import Iterator
from typing import Any

from workbench.trajectories.conversations.answering import add_unanswered, pair_calls
from workbench.trajectories.conversations.messages import as_text, call_part, content_parts
from workbench.trajectories.model import (
    Direction,
    Json,
    Part,
    Run,
    Step,
    Usage,
)
from workbench.trajectories.sources.documents import Document, Fields, nanoseconds

NAME = "langchain"
_KINDS = {
    "human": ("wb.input", "user"),
    "ai": ("chat", "assistant"),
    "system": ("wb.system", "system"),
    "tool": ("execute_tool", "tool"),
    "function": ("execute_tool", "tool"),
    "remove": ("wb.state", "remove"),
    "chat": ("wb.other", "chat"),
}
_DIRECTIONS: dict[str, Direction] = {"wb.input": "in", "wb.system": "system"}
_EPHEMERAL = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
# Where a state keeps its channels: streamed values, a snapshot, a checkpoint, a saved tuple.
_CHANNELS = ((), ("values",), ("channel_values",), ("checkpoint", "channel_values"))


def recognises(first: Json) -> bool:
    """Tell whether the first value is a message, a state, or a list of these."""
    one = first
    for _ in range(2):
        one = one[0] if isinstance(one, list) and one else one
    return _is_message(one) or _channel(one) is not None


def runs(document: Document) -> Iterator[Run]:
    """Yield a run for each thread or list of messages."""
    threads: dict[str, _Thread] = {}
    for place, value in document.values():
        for pointer, each, home in _entries(value, place):
            if _is_message(each):
                threads.setdefault(home, _Thread(home)).add(each, pointer)
            elif (path := _channel(each, empty=True)) is not None:
                name = _thread_id(each)
                key, where = (home, home) if name is None else (f"thread {name}", pointer)
                threads.setdefault(key, _Thread(where, name)).add_state(each, path, pointer)
            elif each is not None:
                document.notice(
                    "unreadable", pointer, f"it is no message and no state: {each!r:.500}", "error"
                )
    for thread in threads.values():
        yield thread.run()


def _entries(value: Json, place: str) -> Iterator[tuple[str, Json, str]]:
    """Yield what may be messages or states: place, value, and the list that makes a run of them."""
    if not isinstance(value, list):
        yield place, value, ""
        return
    for at, each in enumerate(value):
        if isinstance(each, list):
            for inner, one in enumerate(each):
                yield f"{place}/{at}/{inner}", one, f"{place}/{at}"
        else:
            # a line of its own that holds a list is a conversation of its own
            yield f"{place}/{at}", each, place


def _type_of(value: Json) -> str | None:
    """Return the type of a message, `human`, `ai` and so on; None of anything else."""
    if not isinstance(value, dict):
        return None
    if value.get("lc") == 1 and isinstance(value.get("kwargs"), dict):
        path = value.get("id")
        name: Json = path[-1] if isinstance(path, list) and path else None
    elif "role" in value and value.get("type") != "chat":
        return None
    elif isinstance(value.get("data"), dict) or "content" in value:
        name = value.get("type")
    else:
        return None
    if not isinstance(name, str):
        return None
    plain = name.removesuffix("Chunk").removesuffix("Message").lower()
    return plain if plain in _KINDS else None


def _is_message(value: Json) -> bool:
    # the lines of some command-line agents have a type `system` too, and these members
    return _type_of(value) is not None and not {"uuid", "sessionId"} & value.keys()


def _channel(value: Json, *, empty: bool = False) -> tuple[str, ...] | None:
    """Return the path to the messages of a state, or to where they will be; None of anything else."""
    if not isinstance(value, dict):
        return None
    nodes = tuple((name,) for name, each in list(value.items())[:20] if isinstance(each, dict))
    for path in (*_CHANNELS, *nodes):
        found: Json = value
        for name in (*path, "messages"):
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, list) and (_is_message(found[0]) if found else empty):
            return path
    return None


def _thread_id(state: dict[str, Json]) -> str | None:
    config = Fields(state).inner("config").inner("configurable")
    return config.key("thread_id") or Fields(state).key("thread_id")


def _order(state: dict[str, Json]) -> tuple[int, int]:
    """Return the number of a state's super-step, from which its history can be put in order."""
    fields = Fields(state)
    step = fields.inner("metadata").peek("step")
    if isinstance(step, int):
        return step, 0
    return 0, fields.time("created_at", "ts") or fields.inner("checkpoint").time("ts") or 0


class _Known:
    """A message: where it stood first, and its versions or, of a stream, its pieces."""

    def __init__(self, at: int, pointer: str, value: Json, *, pieces: bool) -> None:
        self.at, self.pointer, self.versions, self.pieces = at, pointer, [value], pieces


class _Thread:
    """Collects the messages of one conversation."""

    def __init__(self, pointer: str, thread_id: str | None = None) -> None:
        self.pointer, self.thread_id = pointer, thread_id
        self._messages: list[_Known] = []
        self._at: dict[str, _Known] = {}
        self._states: list[tuple[tuple[int, int], str, Json, tuple[str, ...]]] = []

    def add(self, value: Json, pointer: str, place: int | None = None) -> int:
        """Add a message, or the next version or piece of one that is known by its id.

        Parameters
        ----------
        value : JSON value
            The message.
        pointer : str
            Where it stands.
        place : int, optional
            Its place in a state; None in a stream.

        Returns
        -------
        int
            The number of its step.
        """
        key = _inner(value).get("id")
        known = self._at.get(key) if isinstance(key, str) else self._same(value, place)
        streamed = place is None and _is_piece(value)
        if known is None:
            known = _Known(len(self._messages), pointer, value, pieces=streamed)
            self._messages.append(known)
            if isinstance(key, str):
                self._at[key] = known
        elif streamed or value != known.versions[-1]:
            known.versions.append(value)
            known.pieces = known.pieces and streamed
        return known.at

    def _same(self, value: Json, place: int | None) -> _Known | None:
        """Return what stood at a place in the state before, of messages without ids."""
        if place is None or place >= len(self._messages):
            return None
        known = self._messages[place]
        return known if known.versions[-1] == value else None

    def add_state(self, state: Json, path: tuple[str, ...], pointer: str) -> None:
        """Add a state whose messages are at a path."""
        self._states.append((_order(state), pointer, state, path))

    def run(self) -> Run:
        """Return what was collected."""
        run = Run(NAME, self.pointer, conversation_id=self.thread_id)
        rests = [self._unfold(each) for each in sorted(self._states, key=lambda each: each[0])]
        run.steps = [_step(known) for known in self._messages]
        pair_calls(run.steps)
        add_unanswered(run.steps)
        if any(rests):
            run.extra["states"] = rests
        times = [each for rest in rests if (each := _time_of(rest)) is not None]
        if times:
            run.start_ns, run.end_ns, run.time_source = min(times), max(times), "derived"
        return run

    def _unfold(self, entry: tuple[Any, str, Json, tuple[str, ...]]) -> dict[str, Json]:
        """Add the messages of a state; return what else it says, and which steps they are."""
        _, pointer, state, path = entry
        fields = inner = Fields(state)
        for name in path:
            inner = inner.inner(name)
        where = "/".join([pointer, *path, "messages"])
        steps = [
            self.add(each, f"{where}/{at}", at) for at, each in enumerate(inner.items("messages"))
        ]
        return {**fields.rest(), "message_steps": _ranges(steps)}


def _ranges(numbers: list[int]) -> list[list[int]]:
    """Return whole numbers as ranges, each from its first to one behind its last."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1][1] += 1
        else:
            found.append([number, number + 1])
    return found


def _time_of(state: dict[str, Json]) -> int | None:
    return nanoseconds(state.get("created_at")) or nanoseconds(state.get("ts"))


def _inner(value: Json) -> dict[str, Json]:
    """Return the members of a message, however it is wrapped."""
    if not isinstance(value, dict):
        return {}
    for name in ("kwargs", "data"):
        if isinstance(value.get(name), dict):
            inner: dict[str, Json] = value[name]
            return inner
    return value


def _is_piece(value: Json) -> bool:
    return _inner(value).get("type") == "AIMessageChunk" or "tool_call_chunks" in _inner(value)


def _step(known: _Known) -> Step:
    """Return the step of a message: of its versions the last stands, of its pieces all."""
    if known.pieces:
        step = _message(_joined([_inner(each) for each in known.versions]), "ai", known.pointer)
        step.flags |= {"streamed"}
        step.extra["chunks"] = known.versions
        return step
    value = known.versions[-1]
    inner = _inner(value)
    step = _message(inner, _type_of(value), known.pointer)
    if not isinstance(value, dict):
        step.extra["value"] = value
    elif inner is not value:
        step.extra["wrapper"] = {
            name: each for name, each in value.items() if name not in {"kwargs", "data"}
        }
    if len(known.versions) > 1:
        step.extra["replaced"] = known.versions[:-1]
    return step


def _message(value: dict[str, Json], type_name: str | None, pointer: str) -> Step:
    fields = Fields(value)
    kind, role = _KINDS.get(type_name or "", ("wb.other", "unknown"))
    if role == "chat":
        role = fields.text("role") or role
    step = Step(kind, pointer, span_id=fields.text("id"))
    if fields.peek("type") == type_name:  # else it stays as it was written
        fields.take("type")
    if kind == "execute_tool":
        _answer(step, fields)
    else:
        step.agent = fields.text("name")
        calls = _calls(fields)
        step.parts = _content(fields, _DIRECTIONS.get(kind, "out"), role, calls) + calls
    if kind == "chat":
        _say_how(step, fields)
    step.extra = fields.rest()
    return step


def _answer(step: Step, fields: Fields) -> None:
    step.tool, step.tool_call_id = fields.text("name"), fields.key("tool_call_id")
    result = fields.take("content")
    part = Part("out", "tool", "tool_call_response", as_text(result), step.tool, step.tool_call_id)
    if isinstance(result, (dict, list)):
        part.extra["structured"] = True
    step.parts.append(part)
    if fields.peek("status") in ("success", "error"):
        step.status = "error" if fields.take("status") == "error" else "ok"
    if step.status == "error":
        step.error_type, step.error_message = "tool_error", part.text


def _content(fields: Fields, direction: Direction, role: str, calls: list[Part]) -> list[Part]:
    """Take `content`; a block that repeats one of the calls is kept, but is no second call."""
    if not isinstance(fields.peek("content"), list):
        return content_parts(fields, direction, role)
    known = {call.call_id for call in calls}
    return [_block(each, direction, role, known) for each in fields.items("content")]


def _block(value: Json, direction: Direction, role: str, known: set[str | None]) -> Part:
    block = Fields(value)
    kind = block.peek("type")
    if kind in ("reasoning", "thinking") and direction == "out":
        text = block.text("reasoning", "thinking", "text")
        return Part("out", role, "reasoning", text, extra=block.rest())
    if kind in ("tool_use", "tool_call") and block.peek("id") not in list(known):
        name, call_id = block.text("name"), block.key("id")
        part = call_part(name, block.take("input" if "input" in block else "args"), call_id)
        part.extra = block.rest()
        return part
    return content_parts(Fields({"content": [value]}), direction, role)[0]


def _calls(fields: Fields) -> list[Part]:
    """Take the calls of a model, those too whose arguments the library could not read."""
    parts = []
    for name in ("tool_calls", "invalid_tool_calls"):
        for value in fields.items(name):
            call = Fields(value)
            part = call_part(call.text("name"), call.take("args"), call.key("id"))
            if name == "invalid_tool_calls":
                part.arguments, part.arguments_valid = None, False
            elif call.peek("type") == "tool_call":
                call.take("type")
            part.extra = call.rest()
            parts.append(part)
    return parts


def _say_how(step: Step, fields: Fields) -> None:
    """Set model, tokens and how the answer ended; what the provider said stays in the rest."""
    how = Fields(fields.peek("response_metadata"))
    step.model = how.text("model_name", "model")
    step.provider, step.response_id = how.text("model_provider"), how.text("id")
    step.finish_reason = how.text("finish_reason", "stop_reason")
    usage = fields.inner("usage_metadata")
    read, wrote = usage.inner("input_token_details"), usage.inner("output_token_details")
    found = Usage(
        input_tokens=usage.count("input_tokens"),
        cached_tokens=read.count("cache_read"),
        cache_written_tokens=_written(read),
        output_tokens=usage.count("output_tokens"),
        reasoning_tokens=wrote.count("reasoning"),
    )
    step.usage = found or _older_usage(how.inner("token_usage")) or None


def _written(read: Fields) -> int | None:
    """Take the tokens written to a cache; Anthropic's are told by how long they stay there."""
    stays = Fields({name: read.peek(name) for name in _EPHEMERAL})
    parts = [each for name in _EPHEMERAL if (each := stays.count(name)) is not None]
    whole = read.count("cache_creation")
    # the library sets the whole to nought beside its parts; it once let their sum stand
    return max(whole or 0, sum(parts)) if parts else whole


def _older_usage(usage: Fields) -> Usage:
    return Usage(
        input_tokens=usage.count("prompt_tokens"),
        cached_tokens=usage.inner("prompt_tokens_details").count("cached_tokens"),
        output_tokens=usage.count("completion_tokens"),
        reasoning_tokens=usage.inner("completion_tokens_details").count("reasoning_tokens"),
    )


def _joined(pieces: list[dict[str, Json]]) -> dict[str, Json]:
    """Join the pieces of a streamed message as the library does: texts, calls by index, tokens."""
    whole: dict[str, Json] = {"id": pieces[0].get("id"), "name": pieces[0].get("name")}
    contents: list[Json] = [piece.get("content") for piece in pieces]
    if all(isinstance(each, str) for each in contents):
        whole["content"] = "".join(contents)
    else:
        whole["content"] = [
            one for each in contents for one in (each if isinstance(each, list) else [each])
            if one not in ("", None)
        ]  # fmt: skip
    how = [each for piece in pieces if isinstance(each := piece.get("response_metadata"), dict)]
    whole["response_metadata"] = {name: one for each in how for name, one in each.items()}
    whole["tool_calls"] = _joined_calls(pieces)
    usages = [each for piece in pieces if isinstance(each := piece.get("usage_metadata"), dict)]
    if usages:
        whole["usage_metadata"] = _added(usages)
    return whole


def _joined_calls(pieces: list[dict[str, Json]]) -> list[Json]:
    calls: dict[Any, dict[str, Json]] = {}
    for piece in pieces:
        for at, each in enumerate(Fields(piece).items("tool_call_chunks")):
            chunk = Fields(each)
            index = chunk.key("index") or f"at {at}"
            call = calls.setdefault(index, {"name": None, "id": None, "args": ""})
            call["name"] = call["name"] or chunk.text("name")
            call["id"] = call["id"] or chunk.text("id")
            call["args"] += chunk.text("args") or ""
    if calls:
        return list(calls.values())
    return [each for piece in pieces for each in Fields(piece).items("tool_calls")]


def _added(usages: list[dict[str, Json]]) -> dict[str, Json]:
    """Add up tokens, member by member."""
    total: dict[str, Json] = {}
    for name in {name: None for usage in usages for name in usage}:
        values = [usage.get(name) for usage in usages]
        if inner := [each for each in values if isinstance(each, dict)]:
            total[name] = _added(inner)
        else:
            counts = [each for each in values if isinstance(each, int)]
            total[name] = sum(counts) if counts else None
    return total
