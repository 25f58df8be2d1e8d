"""One model for what agents did: runs, their steps, the parts of a step, and notes on them.

Names are those of OpenTelemetry's conventions for generative AI where they exist. Every step says
where in its source it stands, and what a reader did not map is kept in `extra`: nothing is lost.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
"""What a JSON file can hold."""

KINDS = (
    "chat",
    "generate_content",
    "text_completion",
    "embeddings",
    "retrieval",
    "execute_tool",
    "invoke_agent",
    "create_agent",
    "invoke_workflow",
    "plan",
    "create_memory",
    "search_memory",
    "update_memory",
    "upsert_memory",
    "delete_memory",
    "create_memory_store",
    "delete_memory_store",
    "wb.input",
    "wb.system",
    "wb.guardrail",
    "wb.evaluation",
    "wb.state",
    "wb.compaction",
    "wb.error",
    "wb.other",
)
"""What a step can be: `gen_ai.operation.name`, or one of ours, which begin with `wb.`."""

MODEL_KINDS = ("chat", "generate_content", "text_completion")
"""Steps in which a model answered."""

Direction = Literal["in", "out", "system"]
PartType = Literal[
    "text",
    "reasoning",
    "tool_call",
    "tool_call_response",
    "server_tool_call",
    "server_tool_call_response",
    "blob",
    "file",
    "uri",
    "opaque",
]
Status = Literal["ok", "error", "unset", "cancelled"]
Flag = Literal[
    "demo",
    "copied_context",
    "pending",
    "truncated",
    "streamed",
    "orphan",
    "clock_skew",
    "unanswered",
]

UNCOUNTED: frozenset[Flag] = frozenset({"demo", "copied_context"})
"""Steps with one of these flags took nothing: what they show was paid for elsewhere."""


@dataclass(slots=True)
class Usage:
    """Tokens and dollars; None is "not recorded", never nought.

    Parameters
    ----------
    input_tokens : int, optional
        Tokens read, cached ones included.
    cached_tokens : int, optional
        Of these, read from a cache.
    cache_written_tokens : int, optional
        Of these, written to a cache.
    output_tokens : int, optional
        Tokens written, reasoning included.
    reasoning_tokens : int, optional
        Of these, reasoning.
    cost_usd : float, optional
        US dollars.
    """

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_written_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None

    def __bool__(self) -> bool:
        """Tell whether anything was recorded."""
        return any(getattr(self, name) is not None for name in self.__slots__)


@dataclass(slots=True)
class Part:
    """A piece of what a step read or wrote.

    Parameters
    ----------
    direction : {"in", "out", "system"}
        Whether the step read it, wrote it, or was instructed by it.
    role : str
        system, user, assistant, tool, or as the source has it.
    type : str
        As in OpenTelemetry's messages: text, reasoning, tool_call, tool_call_response, …
    text : str, optional
        The text; of a tool call its arguments, of a response the result: JSON where it was no text.
    name : str, optional
        Of the tool, or of who speaks.
    call_id : str, optional
        Of the tool call.
    arguments : object
        The arguments of a tool call as JSON values, where they could be read.
    arguments_valid : bool
        Whether they could: models write broken JSON.
    mime_type : str, optional
        Of a blob.
    extra : dict
        What else the source says of it.
    """

    direction: Direction
    role: str
    type: PartType
    text: str | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: Json = None
    arguments_valid: bool = True
    mime_type: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Step:
    """One thing an agent, its tools or its user did.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    source : str
        Where it stands in its document: a JSON pointer (RFC 6901), after `L<line>` in JSON Lines
        (from 1) and after `<entry>!` in a zip file.
    parts : list of Part
        What it read and wrote.
    parent : int, optional
        The step that encloses it, by its position in the run.
    call_step : int, optional
        Of a tool's answer, the step that asked for it.
    name, agent, model, provider, tool, tool_call_id : str, optional
        The span's or event's own name, who acted, with what.
    status : {"ok", "error", "unset", "cancelled"}
        How it ended.
    error_type, error_message : str, optional
        What went wrong.
    start_ns, end_ns : int, optional
        Nanoseconds since 1970, UTC.
    usage : Usage, optional
        What it took.
    finish_reason : str, optional
        Why the model stopped.
    span_id, parent_span_id : str, optional
        As in the source, before they became `parent`.
    flags : frozenset of str
        Of `Flag`.
    extra : dict
        What else the source says of it.
    """

    kind: str
    source: str
    parts: list[Part] = field(default_factory=list)
    parent: int | None = None
    call_step: int | None = None
    name: str | None = None
    agent: str | None = None
    model: str | None = None
    provider: str | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    status: Status = "unset"
    error_type: str | None = None
    error_message: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    flags: frozenset[Flag] = frozenset()
    extra: dict[str, Json] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What the step wrote, or else what it read, as one text."""
        for direction in ("out", "in", "system"):
            texts = [part.text for part in self.parts if part.direction == direction and part.text]
            if texts:
                return "\n".join(texts)
        return ""

    @property
    def calls(self) -> list[Part]:
        """The tool calls that the step asked for."""
        return [part for part in self.parts if part.type == "tool_call" and part.direction == "out"]

    @property
    def arguments(self) -> Json:
        """The arguments of an `execute_tool` step; None where there are none that can be read."""
        for part in self.parts:
            if part.type == "tool_call":
                return part.arguments
        return None

    @property
    def result(self) -> str | None:
        """The result of an `execute_tool` step as a text."""
        for part in self.parts:
            if part.type == "tool_call_response":
                return part.text
        return None


@dataclass(slots=True)
class Annotation:
    """What somebody, or something, says of a run or a step.

    Parameters
    ----------
    name : str
        What is judged, such as `mistake` or `correctness`.
    label, score, explanation : optional
        The judgement.
    step : int, optional
        The step; None for the run.
    annotator_kind : {"HUMAN", "LLM", "CODE"}, optional
        Who judges.
    identifier : str, optional
        The annotator's name.
    extra : dict
        What else the source says of it.
    """

    name: str
    label: str | None = None
    score: float | None = None
    explanation: str | None = None
    step: int | None = None
    annotator_kind: Literal["HUMAN", "LLM", "CODE"] | None = None
    identifier: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """A trajectory: what was asked, each step, and how it ended.

    Parameters
    ----------
    format : str
        The format it was read from.
    pointer : str
        Where it stands in its document; with the document's digest it names the run.
    steps : list of Step
        In their order; a step's position is its number.
    name : str, optional
        The name that its source gives it, if one is meant to be unique in the world (a trace id).
    run_id : str
        Given when it is read: `name`, or digest and pointer.
    task_id, trial, output_id : optional
        What was attempted, for the how-manieth time from 0, and the output it led to.
    recorded : Usage, optional
        Totals that the source itself states for the whole run.
    status : {"ok", "error", "unset", "cancelled"}
        How it ended.
    termination : str, optional
        Why it ended, in the source's words.
    outcome : bool or float, optional
        Whether, or how well, the task was done.
    scores : dict
        Further figures by name.
    time_source : {"recorded", "derived", "none"}
        Whether times are the source's own.
    """

    format: str
    pointer: str = ""
    steps: list[Step] = field(default_factory=list)
    name: str | None = None
    run_id: str = ""
    source: str = ""
    format_version: str | None = None
    conversation_id: str | None = None
    task_id: str | None = None
    trial: int | None = None
    output_id: str | None = None
    agent: str | None = None
    agent_version: str | None = None
    provider: str | None = None
    model: str | None = None
    status: Status = "unset"
    termination: str | None = None
    outcome: bool | float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    recorded: Usage | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    time_source: Literal["recorded", "derived", "none"] = "none"
    annotations: list[Annotation] = field(default_factory=list)
    extra: dict[str, Json] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Run {self.run_id or self.pointer!r}: {self.format}, {len(self.steps)} steps"

    def step(self, number: int) -> Step:
        """Return a step by its number, from 0.

        Raises
        ------
        UnknownName
            If the run has no such step.
        """
        from workbench.errors import UnknownName

        if not 0 <= number < len(self.steps):
            raise UnknownName(
                f"a step of run {self.run_id!r} must be from 0 to {len(self.steps) - 1}, but "
                f"{number} came; len(run.steps) says how many there are."
            )
        return self.steps[number]

    @property
    def calls(self) -> list[Step]:
        """The steps in which a tool was called."""
        return [step for step in self.steps if step.kind == "execute_tool"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What a reader says of a document: what it could not read or had to mend.

    Parameters
    ----------
    check : str
        The kind, such as `unreadable`, `duplicate_key`, `orphan`.
    place : str
        Where in the document.
    reason : str
        One sentence.
    severity : {"info", "warning", "error"}
        An error is content that is in no run.
    """

    check: str
    place: str
    reason: str
    severity: Literal["info", "warning", "error"] = "warning"


def resolve_parents(steps: list[Step]) -> None:
    """Turn `parent_span_id` into `parent`, in place.

    A step whose parent is nowhere, or which would enclose itself, is left an orphan.
    """
    at = {step.span_id: number for number, step in enumerate(steps) if step.span_id}
    for number, step in enumerate(steps):
        if step.parent is None and step.parent_span_id:
            step.parent = at.get(step.parent_span_id)
            if step.parent is None or step.parent == number:
                step.parent = None
                step.flags |= {"orphan"}
    for number in circular([step.parent for step in steps]):
        steps[number].parent = None
        steps[number].flags |= {"orphan"}


def circular(parents: Sequence[int | None]) -> list[int]:
    """Return the first step of each circle of steps that enclose each other.

    Without the parents of these no step encloses itself.

    Parameters
    ----------
    parents : sequence of int or None
        The enclosing step of each.

    Examples
    --------
    >>> circular([None, 0, 3, 4, 2, 2]), circular([None, 0, 1])
    ([2], [])
    """
    if all(up is None or up < at for at, up in enumerate(parents)):
        return []
    found = []
    walks = [-1] * len(parents)
    for start in range(len(parents)):
        at: int | None = start
        while at is not None and walks[at] < 0:
            walks[at] = start
            at = parents[at]
        if at is not None and walks[at] == start:
            # this walk came round to itself
            members, up = [at], parents[at]
            while up is not None and up != at:
                members.append(up)
                up = parents[up]
            found.append(min(members))
    return found


def leaves(has: Iterable[bool], parents: Iterable[int | None]) -> list[bool]:
    """Tell for each step whether it has a figure while nothing below it has.

    Only leaves are summed: a span that wraps another repeats its figures.

    Parameters
    ----------
    has : iterable of bool
        Whether the step records the figure.
    parents : iterable of int or None
        The enclosing step of each.

    Examples
    --------
    >>> leaves([True, True, False], [None, 0, 0])
    [False, True, False]
    """
    own, above = list(has), list(parents)
    covered = [False] * len(own)
    for at, owns in enumerate(own):
        up = above[at] if owns else None
        # what is above a step with the figure repeats it; a circle of parents ends the walk
        while up is not None and not covered[up]:
            covered[up] = up != at
            up = above[up] if up != at else None
    return [each and not repeated for each, repeated in zip(own, covered, strict=True)]


def counted_usage(run: Run) -> Usage:
    """Return what a run took, each figure over the leaves that record it.

    Demos and copied context do not count. Where no step records a figure, it is the total that the
    source states for the run.
    """
    own = {
        at: step.usage
        for at, step in enumerate(run.steps)
        if step.usage is not None and not step.flags & UNCOUNTED
    }
    parents = [step.parent for step in run.steps] if own else []
    # most figures are recorded by the same steps
    masks: dict[tuple[int, ...], list[int]] = {(): []}
    found = Usage()
    for name in Usage.__slots__:
        values = {
            at: value for at, each in own.items() if (value := getattr(each, name)) is not None
        }
        having = tuple(values)
        if having not in masks:
            mask = leaves((at in values for at in range(len(parents))), parents)
            masks[having] = [at for at in having if mask[at]]
        counted = [values[at] for at in masks[having]]
        stated = getattr(run.recorded, name) if run.recorded else None
        setattr(found, name, _exact(counted) if counted else stated)
    return found


def _exact(values: list[float]) -> float | None:
    if any(isinstance(each, float) for each in values):
        return math.fsum(values)
    total = sum(values)
    # what no column of 64 bits holds, no provider has counted
    return total if total < 2**63 else None
