"""Inspect's samples as steps that hold only what columns need: no texts, parts or extras.

Of each event a few members are decoded, the rest is passed over. What has another type than Inspect
writes, or may lie in an attachment, is not guessed: such a sample is `Odd`, and read in full.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar, cast

import msgspec

from workbench.trajectories.conversations.answering import add_unanswered
from workbench.trajectories.model import Flag, Part, Status, Step, Usage, resolve_parents
from workbench.trajectories.readers.inspect_events import KINDS, enclosing_agents, taken_usage
from workbench.trajectories.readers.inspect_messages import ended, failed
from workbench.trajectories.sources.documents import Fields, nanoseconds

# Events hold events; what is deeper nested than any of Inspect's is read in full.
_MOST_NESTED = 10
_REFERENCES = ("\nattachment://", "\ntc://")
_NOTHING = (b"", b"{}", b"null")
# What columns need of an event's texts, beside times: one that is none is Odd at once.
_NEEDED = attrgetter(
    "event", "span_id", "id", "parent_id", "name", "type", "action", "model", "function", "cache"
)

_Key = str | int | None
_T = TypeVar("_T")


class _Call(msgspec.Struct, gc=False):
    id: _Key = None
    function: str | None = None


class _Message(msgspec.Struct, gc=False):
    role: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message | None = None


class _Output(msgspec.Struct, gc=False):
    usage: dict[str, Any] | None = None
    choices: list[_Choice] | None = None
    error: str | None = None


class _Error(msgspec.Struct, gc=False):
    type: str | None = None
    message: str | None = None


class _Event(msgspec.Struct, gc=False):
    event: str | None = None
    timestamp: str | None = None
    completed: str | None = None
    span_id: _Key | msgspec.UnsetType = msgspec.UNSET
    id: _Key = None
    parent_id: _Key = None
    name: str | None = None
    type: str | None = None
    action: str | None = None
    model: str | None = None
    function: str | None = None
    cache: str | None = None
    pending: bool | None = None
    failed: bool | None = None
    error: _Error | str | None = None
    output: _Output | str | None = None
    events: list["_Event"] | None = None


class _Sample(msgspec.Struct, gc=False):
    events: list[_Event]
    id: Any = None
    epoch: Any = None
    uuid: Any = None
    started_at: Any = None
    completed_at: Any = None
    error: Any = None
    limit: Any = None
    scores: Any = None
    score: Any = None
    model_usage: Any = None
    attachments: msgspec.Raw = msgspec.Raw(b"")
    transcript: msgspec.Raw = msgspec.Raw(b"")


class Glanced(msgspec.Struct, gc=False):
    """What `Step` has that columns need; it is made ten times as fast."""

    kind: str
    source: str
    name: str | None = None
    parts: list[Part] | tuple[()] = ()
    parent: int | None = None
    call_step: int | None = None
    agent: str | None = None
    model: str | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    status: Status = "unset"
    error_type: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    usage: Usage | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    flags: frozenset[Flag] = frozenset()

    @property
    def calls(self) -> list[Part] | tuple[()]:
        """The tool calls that the step asked for, which are all its parts."""
        return self.parts


_SAMPLE = msgspec.json.Decoder(_Sample)
_TOLD = [
    name for name in _Sample.__struct_fields__[1:] if name not in {"attachments", "transcript"}
]


class Odd(Exception):
    """A sample that must be read in full."""


def glanced(data: Any, place: str) -> tuple[Fields, list[Step]]:  # noqa: ANN401 - a buffer
    """Return what a sample says of itself, and its steps without their texts.

    Parameters
    ----------
    data : buffer
        The sample as JSON.
    place : str
        What comes before the names of its members.

    Raises
    ------
    Odd
        If it is not as Inspect writes it, or has no events.

    Examples
    --------
    >>> fields, steps = glanced(b'{"id": 7, "events": [{"event": "tool", "function": "f"}]}', "/0")
    >>> fields.key("id"), [(step.kind, step.tool, step.source) for step in steps]
    ('7', [('execute_tool', 'f', '/0/events/0')])
    """
    try:
        sample = decoded(_SAMPLE, data)[0]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Odd from None
    if not sample.events or len(sample.transcript) or sample.error == []:
        raise Odd
    if bytes(sample.attachments) not in _NOTHING:
        _refuse_references(sample.events)
    glance = _Glance()
    glance.add_all(sample.events, f"{place}/events/", None, 0)
    return Fields({name: getattr(sample, name) for name in _TOLD}), glance.joined()


def decoded(decoder: "msgspec.json.Decoder[_T]", data: Any) -> tuple[_T, Any]:  # noqa: ANN401 - a buffer
    """Decode JSON in which NaN may stand, and return what was decoded too.

    Raises
    ------
    msgspec.MsgspecError
        If it is none, or of another shape.
    """
    try:
        return decoder.decode(data), data
    except msgspec.MsgspecError:
        # few logs hold any, and finding that out takes as long as decoding some of them
        if not isinstance(data, bytes):
            raise
        data = plain(data)
        return decoder.decode(data), data


def plain(data: bytes) -> bytes | bytearray:
    """Return a log of the same length without NaN as a member, which is no JSON but Inspect's.

    An empty list is as good for columns. NaN elsewhere stays, and with it the log takes the road of
    those that are no JSON.

    Examples
    --------
    >>> bytes(plain(b'{"value": NaN, "text": "NaN", "list": [NaN]}'))
    b'{"value": [] , "text": "NaN", "list": [NaN]}'
    """
    at, found = data.find(b"NaN"), None
    while at >= 0:
        before = data[max(at - 32, 0) : at].rstrip()
        # a quotation mark that ends a text, of which a colon makes a key, follows one of these
        if before[-2:] == b'":' and (before[-3:-2].isalnum() or before[-3:-2] in {b"_", b")"}):
            found = bytearray(data) if found is None else found
            found[at : at + 3] = b"[] "
        at = data.find(b"NaN", at + 3)
    return data if found is None else found


def _refuse_references(events: Iterable[_Event]) -> None:
    """Raise Odd where a text that columns need stands in an attachment."""
    seen: set[Any] = set()
    for event in events:
        seen.update(_NEEDED(event))
        if (error := event.error) is not None:
            seen.update((error,) if isinstance(error, str) else (error.type, error.message))
        if isinstance(event.output, _Output):
            seen.update(_texts(event.output))
        if event.events:
            _refuse_references(event.events)
    joined = "\n".join(["", *map(str, seen)])
    if any(each in joined for each in _REFERENCES):
        raise Odd


def _texts(output: _Output) -> set[Any]:
    found: set[Any] = {output.error}
    found.update(each for each in (output.usage or {}).values() if isinstance(each, str))
    for choice in output.choices or []:
        message = choice.message or _Message()
        found.add(message.role)
        found.update(text for call in message.tool_calls or [] for text in (call.id, call.function))
    return found


class _Glance:
    """Turns events into steps as `inspect_events.Transcript` does."""

    def __init__(self) -> None:
        self.steps: list[Glanced] = []
        self._spans: dict[str, list[int]] = defaultdict(list)
        # the last span of each id
        self._begun: dict[str, int] = {}
        self._open_steps: list[int] = []
        self._asked: dict[str, list[int]] = defaultdict(list)
        # calls that have no answer yet; one without an id of its own has none for sure
        self._n_open = 0

    def joined(self) -> list[Step]:
        """Return the steps, joined to each other."""
        # they have all that is read here
        steps = cast("list[Step]", self.steps)
        if not self._enclosed():
            resolve_parents(steps)
            enclosing_agents(steps)
        if self._n_open:
            add_unanswered(steps)
        return steps

    def _enclosed(self) -> bool:
        """Give steps their parents and agents in one pass, while parents stand before them.

        Returns False where one does not: `resolve_parents` and `enclosing_agents` do the rest.
        """
        steps, begun = self.steps, self._begun
        for at, step in enumerate(steps):
            up = step.parent
            if up is None and step.parent_span_id:
                up = begun.get(step.parent_span_id)
                if up is None or up >= at:
                    return False
                step.parent = up
            if up is not None and step.agent is None:
                step.agent = steps[up].agent
        return True

    def add_all(
        self, events: Sequence[_Event], place: str, parent: int | None, nested: int
    ) -> None:
        """Add events, the first of which stands at `place` and 0."""
        if nested > _MOST_NESTED:
            raise Odd
        outer, self._open_steps = self._open_steps, []
        for number, event in enumerate(events):
            kind = event.event
            if (kind == "span_end" or kind == "step") and self._closes(event):
                continue
            source = f"{place}{number}"
            at = self._add(event, kind or "unknown", source, parent)
            if event.events:
                self.add_all(event.events, f"{source}/events/", at, nested + 1)
        self._open_steps = outer

    def _closes(self, event: _Event) -> bool:
        """Tell whether an event ends a span or step that is open; it ends then."""
        opened = None
        if event.event == "span_end":
            spans = self._spans.get(str(event.id))
            opened = spans.pop() if spans else None
        elif event.action == "end" and self._open_steps:
            opened = self._open_steps.pop()
        if opened is None:
            return False
        self.steps[opened].end_ns = _time(event.timestamp)
        return True

    def _add(self, event: _Event, kind: str, source: str, parent: int | None) -> int:
        span = event.span_id
        if span is msgspec.UNSET:
            span = None
            parent = self._open_steps[-1] if self._open_steps else parent
        step = Glanced(KINDS.get(kind, "wb.other"), source, kind, parent=parent)
        step.start_ns = _time(event.timestamp)
        if event.completed is not None:
            step.end_ns = _time(event.completed)
        at = len(self.steps)
        self.steps.append(step)
        if kind == "span_begin":
            self._span(step, event, at)
            return at
        if span is not None:
            step.parent_span_id = _key(span)
        if kind in _FURTHER:
            _FURTHER[kind](self, event, at)
        return at

    def _legacy(self, event: _Event, at: int) -> None:
        if event.action == "begin":
            self._open_steps.append(at)

    def _end(self, event: _Event, at: int) -> None:
        self.steps[at].status = "error" if event.event == "error" else "cancelled"

    def _span(self, step: Glanced, event: _Event, at: int) -> None:
        step.span_id, step.parent_span_id = _key(event.id), _key(event.parent_id)
        if event.type == "agent":
            step.kind, step.agent = "invoke_agent", event.name or step.name
        if step.span_id is not None:
            self._spans[step.span_id].append(at)
        if step.span_id:
            self._begun[step.span_id] = at

    def _model(self, event: _Event, at: int) -> None:
        step = self.steps[at]
        output = event.output if isinstance(event.output, _Output) else _Output()
        step.model, step.usage = event.model, taken_usage(output.usage, event.cache)
        message = output.choices[0].message if output.choices else None
        if message is not None and message.tool_calls:
            if message.role != "assistant":
                # what a tool or the system says asks for nothing
                raise Odd
            step.parts = [
                Part("out", "assistant", "tool_call", name=call.function, call_id=_key(call.id))
                for call in message.tool_calls
            ]
            self._n_open += len(step.parts)
            for part in step.parts:
                if part.call_id is not None:
                    self._asked[part.call_id].append(at)
        error = event.error if isinstance(event.error, str) else output.error
        step.status = ended(error, pending=event.pending is True)

    def _tool(self, event: _Event, at: int) -> None:
        step = self.steps[at]
        error = event.error if isinstance(event.error, _Error) else _Error()
        step.tool, step.tool_call_id = event.function, _key(event.id)
        step.error_type = error.type
        step.status = failed(error.type, error.message, told=event.failed is True)
        if event.pending is True:
            step.status = "unset"
        if asked := self._asked.get(step.tool_call_id or ""):
            step.call_step = asked.pop()
            # what has no id of its own may answer another call
            self._n_open -= bool(step.tool_call_id)


_FURTHER: dict[str, Callable[[_Glance, _Event, int], None]] = {
    "model": _Glance._model,
    "tool": _Glance._tool,
    "step": _Glance._legacy,
    "error": _Glance._end,
    "interrupt": _Glance._end,
}


def _time(text: str | None) -> int | None:
    """Return a time in nanoseconds; what is none may stand in an attachment."""
    found = nanoseconds(text)
    if found is None and text is not None:
        raise Odd
    return found


def _key(value: Any) -> str | None:  # noqa: ANN401 - a text, a number or nothing
    return value if value is None or value.__class__ is str else str(value)
