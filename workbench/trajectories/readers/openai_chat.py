"""OpenAI's chat API: messages, requests with their responses, and streamed chunks.

A run is a list of messages; an object with `messages` (a conversation, a fine-tuning example, a
request); or an object with a `request` and a `response`, as proxies and the batch API log them; a
response may be an error.
`prompt_tokens` include the cached ones and `completion_tokens` the reasoning, as the model's do.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from workbench.trajectories.conversations.answering import add_unanswered, pair_calls
from workbench.trajectories.conversations.messages import message_step, seconds
from workbench.trajectories.conversations.streams import joined
from workbench.trajectories.model import Json, Run, Step, Usage
from workbench.trajectories.sources.documents import Document, Fields
from workbench.trajectories.writers.encoding import extend

NAME = "openai-chat"
EXTENSION = "wb"
"""The member of a written object that holds what messages cannot."""

_CHUNK = "chat.completion.chunk"


def recognises(first: Json) -> bool:
    """Tell whether the first value holds messages, or choices that do."""
    one = first[0] if isinstance(first, list) and first else first
    return _is_message(one) or _holds_messages(one)


def _is_message(value: Json) -> bool:
    # messages with `parts` are OpenTelemetry's or Gemini's
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        return False
    return "messages" not in value and not isinstance(value.get("parts"), list)


def _holds_messages(value: Json) -> bool:
    if not isinstance(value, dict):
        return False
    if value.get("object") == _CHUNK or _is_filter(value):
        return True
    if {"custom_id", "response", "error"} <= value.keys() and isinstance(value["error"], dict):
        # of the batch API, which tells a request that failed by itself
        return True
    request, response = _opened(value, "request"), _opened(value, "response")
    messages, choices = request.get("messages"), response.get("choices")
    if isinstance(messages, list):
        return all(_is_message(each) for each in messages[:5])
    if not isinstance(choices, list) or not choices:
        return False
    return isinstance(choices[0], dict) and isinstance(choices[0].get("message"), dict)


def _is_filter(value: Json) -> bool:
    """Tell a chunk in which Azure says what its filters found: before a stream, or late in it."""
    if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
        return False
    return value.get("object") == value.get("id") == ""


def _opened(value: dict[str, Json], name: str) -> dict[str, Json]:
    """Return a member, within it the `body` of the batch API, or the object itself."""
    inner = value.get(name)
    opened = inner if isinstance(inner, dict) else value
    body = opened.get("body")
    return body if isinstance(body, dict) else opened


def runs(document: Document) -> Iterator[Run]:
    """Yield the runs; chunks of one stream are one run, as are messages line by line."""
    held = _Held()
    groups = groupby(_objects(document), lambda each: _together(each[1]))
    for number, (kind, group) in enumerate(groups):
        if not held.take(kind, number, group):
            yield from _made(kind, group, document)
    for (kind, _), pieces in held.groups.items():
        yield from _made(kind, pieces, document)
    for pointer, value in held.early:
        reason = f"what filters say must belong to a stream: {value!r:.500}"
        document.notice("unreadable", pointer, reason, "error")


class _Held:
    """What waits for the end of the document: streams, which stand among each other, and what follows."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str | None, int], list[tuple[str, Json]]] = {}
        self.early: list[tuple[str, Json]] = []
        self._last = self.early

    def take(self, kind: str | None, number: int, group: Iterable[tuple[str, Json]]) -> bool:
        """Take values of streams, and those after them; tell whether these were such."""
        if kind == "filter":
            for each in group:
                home = self._last if Fields(each[1]).items("choices") else self.early
                home.append(each)
        elif kind is not None and kind.startswith("chunk "):
            self._last = self.groups.setdefault((kind, 0), [])
            begins = not self._last
            self._last += group
            if begins and self.early:
                self._last.append(self.early.pop(0))
        elif self.groups:
            self.groups[kind, number] = list(group)
        else:
            return False
        return True


def _made(
    kind: str | None, pieces: Iterable[tuple[str, Json]], document: Document
) -> Iterator[Run]:
    if kind is not None:
        together = list(pieces)
        yield _by_lines(together) if kind == "message" else _streamed(together)
        return
    for pointer, value in pieces:
        if isinstance(value, list):
            yield conversation(pointer, {"messages": value}, document, at=pointer)
        elif isinstance(value, dict):
            yield conversation(pointer, value, document)
        elif value is not None:
            reason = f"a run must be an object or a list of messages: {value!r:.500}"
            document.notice("unreadable", pointer, reason, "error")


def _objects(document: Document) -> Iterator[tuple[str, Json]]:
    for place, value in document.values():
        # a list of messages is one run, a list of anything else is several
        if isinstance(value, list) and not any(_is_message(each) for each in value[:5]):
            yield from ((f"{place}/{at}", each) for at, each in enumerate(value))
        else:
            yield place, value


def _together(value: Json) -> str | None:
    """Return what is alike of the values that are one run; None for one that is a run by itself."""
    if isinstance(value, dict) and value.get("object") == _CHUNK:
        # without an id only its neighbours can be of its stream
        return f"chunk {value['id']}" if value.get("id") else "chunk"
    if _is_filter(value):
        return "filter"
    return "message" if _is_message(value) else None


def _by_lines(messages: list[tuple[str, Json]]) -> Run:
    run = Run(NAME, messages[0][0])
    run.steps = [message_step(value, pointer) for pointer, value in messages]
    pair_calls(run.steps)
    add_unanswered(run.steps)
    return run


def conversation(
    pointer: str, value: dict[str, Json], document: Document, *, at: str | None = None
) -> Run:
    """Return the run of an object that holds messages, a response, or both.

    Parameters
    ----------
    pointer : str
        Where the object stands.
    value : dict
        The object.
    document : Document
        Takes the notices.
    at : str, optional
        Where its messages stand, if not in the object.
    """
    fields = Fields(value)
    asked, asked_at = _inner(fields, "request", pointer)
    answered, answered_at = _inner(fields, "response", pointer)
    place = f"{asked_at}/messages" if at is None else at
    run = Run(NAME, pointer)
    messages = asked.items("messages")
    run.steps = [message_step(each, f"{place}/{n}") for n, each in enumerate(messages)]
    model = answered.text("model")
    run.model = asked.text("model") or model
    if "choices" in answered:
        _answer(run, answered, answered_at, model)
    elif isinstance(answered.peek("usage"), dict):
        run.recorded = usage_of(answered.inner("usage"))
    _add_error(run, fields, pointer)
    _add_error(run, answered, answered_at)
    code = fields.inner("response").peek("status_code")
    if isinstance(code, int) and code >= 400:
        run.status = "error"
    extra = fields.take(EXTENSION)
    pair_calls(run.steps)
    add_unanswered(run.steps)
    run.extra = fields.rest()
    if model is not None and model not in {run.model, *(step.model for step in run.steps)}:
        run.extra["response_model"] = model
    if extra is not None:
        extend(run, extra, f"{pointer}/{EXTENSION}", lambda *told: document.notice("unfit", *told))
    return run


def _add_error(run: Run, fields: Fields, pointer: str) -> None:
    """Add a step for the error that came in place of an answer, if one did."""
    error = fields.inner("error")
    message = error.text("message")
    if message is None:
        return
    step = Step("wb.error", f"{pointer}/error", status="error", error_message=message)
    step.error_type = error.key("code") or error.text("type")
    run.steps.append(step)
    run.status, run.termination = "error", message


def _inner(fields: Fields, name: str, pointer: str) -> tuple[Fields, str]:
    if not isinstance(fields.peek(name), dict):
        inner, at = fields, pointer
    else:
        inner, at = fields.inner(name), f"{pointer}/{name}"
    if isinstance(inner.peek("body"), dict):
        return inner.inner("body"), f"{at}/body"
    return inner, at


def _answer(run: Run, fields: Fields, pointer: str, model: str | None) -> None:
    """Add a step for each choice of a response; the usage, which is of them all, to the first."""
    choices, usage = fields.items("choices"), usage_of(fields.inner("usage"))
    if not choices:
        # what filters leave, or the end of a stream; whatever else it says stays in the extra
        run.recorded = usage
        return
    response_id, start_ns = fields.text("id"), seconds(fields, "created")
    if start_ns is not None:
        run.time_source = "recorded"
    for at, value in enumerate(choices):
        choice = Fields(value)
        step = message_step(choice.take("message"), f"{pointer}/choices/{at}/message")
        step.kind, step.model, step.response_id = "chat", model, response_id
        step.finish_reason = choice.text("finish_reason")
        step.start_ns = start_ns
        if at == 0:
            step.usage = usage
        if rest := choice.rest():
            step.extra["choice"] = rest
        run.steps.append(step)


def usage_of(fields: Fields) -> Usage | None:
    """Take the usage of a chat completion; None where nothing is recorded."""
    read, written = fields.inner("prompt_tokens_details"), fields.inner("completion_tokens_details")
    usage = Usage(
        fields.count("prompt_tokens"), read.count("cached_tokens"), read.count("cache_write_tokens"),
        fields.count("completion_tokens"), written.count("reasoning_tokens"),
    )  # fmt: skip
    # the total repeats the two
    total = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    if fields.peek("total_tokens") == total:
        fields.take("total_tokens")
    return usage if usage != Usage() else None


def _streamed(chunks: list[tuple[str, Json]]) -> Run:
    """Return the run of a stream: one answer, its chunks put together."""
    pointer = chunks[0][0]
    answer, others = joined([chunk for _, chunk in chunks])
    fields = Fields(answer)
    run = Run(NAME, pointer, model=fields.text("model"))
    _answer(run, fields, pointer, run.model)
    for step in run.steps:
        step.source = pointer
        step.flags |= {"streamed"}
    add_unanswered(run.steps)
    run.extra = fields.rest() | {"chunks": others}
    return run
