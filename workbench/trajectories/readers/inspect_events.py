"""Inspect's events as steps: spans enclose, what ends one is no step of its own.

Spans are paired by their id. The logs of the first year have steps instead, whose end closes the
innermost that is open, whatever its name, as Inspect's own viewer reads them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from workbench.trajectories.conversations.answering import add_unanswered
from workbench.trajectories.conversations.messages import as_text, call_part
from workbench.trajectories.conversations.pools import whole_ranges
from workbench.trajectories.model import Json, Part, Step, Usage, resolve_parents
from workbench.trajectories.readers.inspect_messages import (
    ended,
    message_parts,
    take_error,
    usage_of,
)
from workbench.trajectories.readers.inspect_samples import Sample
from workbench.trajectories.sources.documents import Document, Fields

KINDS = {
    "model": "chat",
    "tool": "execute_tool",
    "sample_init": "wb.input",
    "input": "wb.input",
    "state": "wb.state",
    "store": "wb.state",
    "score": "wb.evaluation",
    "score_edit": "wb.evaluation",
    "error": "wb.error",
    "approval": "wb.guardrail",
    "review": "wb.guardrail",
    "compaction": "wb.compaction",
}


class Transcript:
    """Turns the events of one sample into steps.

    Parameters
    ----------
    document : Document
        For notices.
    sample : Sample
        With its events, messages and attachments.

    Attributes
    ----------
    steps : list of Step
        One for each event but those that close another.
    """

    def __init__(self, document: Document, sample: Sample) -> None:
        self.steps: list[Step] = []
        self._document, self._sample = document, sample
        self._spans: dict[str, list[int]] = defaultdict(list)
        self._open_steps: list[int] = []
        self._asked: dict[str, list[int]] = defaultdict(list)
        # the ids of messages that some step wrote, or read as its sample's input
        self._shown: set[str] = set()

    def read(self) -> list[Step]:
        """Return the steps of all events, joined to each other."""
        self._add_all(self._sample.events, None)
        resolve_parents(self.steps)
        enclosing_agents(self.steps)
        add_unanswered(self.steps)
        return self.steps

    def _add_all(self, events: Iterable[tuple[str, Json]], parent: int | None) -> None:
        outer, self._open_steps = self._open_steps, []
        for source, event in events:
            if isinstance(event, dict):
                self._add(Fields(self._sample.attachments.resolved(event)), source, parent)
            else:
                self._document.notice(
                    "unreadable", source, f"an event must be an object: {event!r:.500}", "error"
                )
        self._open_steps = outer

    def _add(self, event: Fields, source: str, parent: int | None) -> None:
        kind = event.text("event") or "unknown"
        opened = self._closed_by(kind, event)
        if opened is not None:
            closed = self.steps[opened]
            closed.end_ns = event.time("timestamp")
            closed.extra["end"] = {"source": source, "event": kind, **event.rest()}
            return
        step = Step(KINDS.get(kind, "wb.other"), source, name=kind)
        step.parent = (
            self._open_steps[-1] if self._open_steps and "span_id" not in event else parent
        )
        step.start_ns = event.time("timestamp")
        at = len(self.steps)
        self.steps.append(step)
        if kind != "span_begin":
            step.parent_span_id = event.key("span_id")
        if event.peek("pending") is True:
            step.flags |= {"pending"}
        if kind in _READERS:
            _READERS[kind](self, step, event)
        else:
            _take_texts(step, event, kind)
        step.end_ns = event.time("completed")
        nested = [(f"{source}/events/{n}", each) for n, each in enumerate(event.items("events"))]
        step.extra |= event.rest()
        if nested:
            self._add_all(nested, at)

    def _closed_by(self, kind: str, event: Fields) -> int | None:
        """Return the open span or step that an event ends."""
        if kind == "span_end":
            spans = self._spans.get(str(event.peek("id")))
            return spans.pop() if spans else None
        if kind == "step" and event.peek("action") == "end" and self._open_steps:
            return self._open_steps.pop()
        return None

    def _span(self, step: Step, event: Fields) -> None:
        step.span_id, step.parent_span_id = event.key("id"), event.key("parent_id")
        step.name = event.text("name") or step.name
        step.extra["event"] = "span_begin"
        if event.peek("type") == "agent":
            step.kind, step.agent = "invoke_agent", step.name
        if step.span_id is not None:
            self._spans[step.span_id].append(len(self.steps) - 1)

    def _legacy(self, step: Step, event: Fields) -> None:
        step.extra["event"] = step.name
        if step.name == "step" and event.peek("action") == "begin":
            self._open_steps.append(len(self.steps) - 1)
        step.name = event.text("name") or step.name

    def _model(self, step: Step, event: Fields) -> None:
        step.model = event.text("model")
        step.provider = _provider(step.model)
        self._prompt(step, event)
        output = event.inner("output")
        step.usage = taken_usage(output.peek("usage"), event.peek("cache"))
        step.response_id = output.text("response_id")
        choices = output.items("choices")
        if choices:
            self._choice(step, Fields(choices[0]))
        step.extra["output"] = output.rest()
        if choices[1:]:
            step.extra["choices"] = choices[1:]
        _take_failure(step, event.text("error") or output.text("error"))

    def _choice(self, step: Step, choice: Fields) -> None:
        """Take the model's first answer."""
        message = choice.inner("message")
        step.finish_reason = choice.text("stop_reason")
        self._shown.add(_id({"id": message.peek("id")}))
        written = message_parts(message, "out")
        step.parts += written
        step.extra["choice"] = choice.rest()
        for part in written:
            if part.type == "tool_call" and part.call_id is not None:
                self._asked[part.call_id].append(len(self.steps) - 1)

    def _prompt(self, step: Step, event: Fields) -> None:
        """Take what the model read; of the conversation so far only what nobody has read before."""
        pool, resolved = self._sample.pool, self._sample.attachments.resolved
        ranges = event.take("input_refs")
        if ranges is None:
            ranges = pool.refer(event.items("input"), kept=resolved)
        elif not event.peek("input"):
            event.take("input")
        if ranges != [list(each) for each in whole_ranges(ranges, len(pool.messages))]:
            self._document.notice(
                "missing", step.source, "it refers to messages that are not there", "error"
            )
        step.extra["input_refs"] = ranges
        for number in pool.unread(ranges):
            message = pool.messages[number]
            if isinstance(message, dict) and (not _id(message) or _id(message) not in self._shown):
                step.parts += message_parts(Fields(message), "in")

    def _tool(self, step: Step, event: Fields) -> None:
        step.tool, step.tool_call_id = event.text("function"), event.key("id")
        call = call_part(step.tool, event.take("arguments"), step.tool_call_id)
        result = event.take("result")
        answer = Part(
            "out", "tool", "tool_call_response", as_text(result), step.tool, step.tool_call_id
        )
        if not isinstance(result, str):
            answer.extra["structured"] = True
        call.direction, step.parts = "in", [call, answer]
        take_error(step, event)
        # what the model is shown of a failed call
        answer.text = answer.text or step.error_message
        if "pending" in step.flags:
            step.status, answer.text = "unset", answer.text or None
        if event.peek("truncated"):
            step.flags |= {"truncated"}
        asked = self._asked.get(step.tool_call_id or "")
        step.call_step = asked.pop() if asked else None

    def _init(self, step: Step, event: Fields) -> None:
        said = event.inner("sample")
        if (text := said.text("input")) is not None:
            step.parts.append(Part("in", "user", "text", text))
        # messages stay in the extra as well, for what is no part of them
        messages = said.peek("input")
        for each in messages if isinstance(messages, list) else []:
            step.parts += message_parts(Fields(each), "in")
        state = event.peek("state")
        messages = state.get("messages") if isinstance(state, dict) else None
        for each in messages if isinstance(messages, list) else []:
            if isinstance(each, dict) and each.get("role") == "user":
                self._shown.add(_id(each))

    def _score(self, step: Step, event: Fields) -> None:
        step.extra["event"] = step.name
        step.name = event.text("scorer", "score_name") or step.name
        score = event.inner("score")
        if (explanation := score.text("explanation")) is not None:
            step.parts.append(Part("out", "scorer", "text", explanation))

    def _error(self, step: Step, event: Fields) -> None:
        _take_failure(step, event.inner("error").text("message"))
        step.status = "error"

    def _logged(self, step: Step, event: Fields) -> None:
        message = event.inner("message").text("message")
        step.parts.append(Part("out", "logger", "text", message))


_READERS: dict[str, Callable[[Transcript, Step, Fields], None]] = {
    "span_begin": Transcript._span,
    "step": Transcript._legacy,
    "subtask": Transcript._legacy,
    "model": Transcript._model,
    "tool": Transcript._tool,
    "sample_init": Transcript._init,
    "score": Transcript._score,
    "score_edit": Transcript._score,
    "error": Transcript._error,
    "logger": Transcript._logged,
}


def _id(message: dict[str, Json]) -> str:
    """Return a message's id, an empty text where it has none."""
    found = message.get("id")
    return found if isinstance(found, str) else ""


def _take_texts(step: Step, event: Fields, kind: str) -> None:
    """Take what a plain event reads and writes."""
    for name in ("cmd", "input"):
        if (text := event.text(name)) is not None:
            step.parts.append(Part("in", kind, "text", text))
    for name in ("output", "message", "data"):
        if (text := event.text(name)) is not None:
            step.parts.append(Part("out", kind, "text", text))
    if kind == "interrupt":
        step.status = "cancelled"


def _take_failure(step: Step, message: str | None) -> None:
    step.error_message = message
    step.status = ended(message, pending="pending" in step.flags)


def taken_usage(usage: Json, cache: Json) -> Usage | None:
    """Return what a model's call took: nothing where the answer came from Inspect's own store.

    Examples
    --------
    >>> taken_usage({"input_tokens": 10, "output_tokens": 5}, "read").input_tokens
    0
    """
    taken = usage_of(usage)
    if cache == "read" and taken:
        free = 0.0 if taken.cost_usd is not None else None
        return Usage(input_tokens=0, output_tokens=0, cost_usd=free)
    return taken


def _provider(model: str | None) -> str | None:
    provider, stroke, _ = (model or "").partition("/")
    return provider if stroke else None


def enclosing_agents(steps: list[Step]) -> None:
    """Give each step the agent whose span encloses it; a span begins before what it encloses."""
    for at, step in enumerate(steps):
        if step.agent is None and step.parent is not None and step.parent < at:
            step.agent = steps[step.parent].agent
