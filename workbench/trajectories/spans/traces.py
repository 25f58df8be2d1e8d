"""Spans of one trace as a run: their order, parents, tool calls, and what they say of the run."""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from workbench.trajectories.model import MODEL_KINDS, Json, Part, Run, Status, Step, resolve_parents
from workbench.trajectories.sources.documents import Fields
from workbench.trajectories.spans.shapes import AGENT, FACTS
from workbench.trajectories.spans.span_texts import opened
from workbench.trajectories.spans.spans import EXTENSION, Span, step_of
from workbench.trajectories.writers.encoding import extend

Tell = Callable[[str, str, str, Literal["info", "warning", "error"]], None]
"""Takes a notice: check, place, reason, severity."""

_OF_RESOURCE = {
    "agent": (*AGENT, "service.name"),
    **FACTS,
    "agent_version": (*FACTS["agent_version"], "service.version"),
}

_TELLING = frozenset(key for keys in FACTS.values() for key in keys)


def run_of(format_name: str, spans: Sequence[Span], tell: Tell) -> Run:
    """Return the run of one trace.

    Parameters
    ----------
    format_name : str
        The format of their file.
    spans : sequence of Span
        Of one trace, in the order of their file. Steps are in the order of their starts; those
        without a start come last.
    tell : callable
        Takes notices.
    """
    spans = _once(spans, tell)
    extension = _taken_extension(spans)
    pointer = spans[0].source
    ordered = sorted(spans, key=lambda span: (span.start_ns is None, span.start_ns or 0))
    texts: dict[str, str] = {}
    mapped = [step_of(span, texts) for span in ordered]
    run = Run(format_name, pointer, [each.step for each in mapped], name=spans[0].trace_id)
    resolve_parents(run.steps)
    _flag_skew(run.steps)
    _pair(run.steps)
    _inherit_agents(run.steps)
    _tell_parents(run, tell)
    for number, each in enumerate(mapped):
        for annotation in each.annotations:
            annotation.step = None if "target" in annotation.extra else number
            run.annotations.append(annotation)
    _add_contexts(run, ordered)
    _add_facts(run, ordered)
    if extension is not None:
        _extend(run, extension, tell)
    return run


def _once(spans: Sequence[Span], tell: Tell) -> list[Span]:
    """Leave out what is told twice: exporters that retry write a span again."""
    ids = {span.span_id for span in spans}
    if len(ids) == len(spans) and None not in ids:
        return list(spans)
    known: dict[str, list[Span]] = defaultdict(list)
    kept = []
    for span in spans:
        if span.span_id is not None:
            twins = known[span.span_id]
            if any(_same(span, twin) for twin in twins):
                tell(
                    "repeated_span",
                    span.source,
                    f"span {span.span_id[:40]} was there before",
                    "info",
                )
                continue
            if twins:
                tell(
                    "same_span_id", span.source,
                    f"span {span.span_id[:40]} differs from another with its id", "warning",
                )  # fmt: skip
            twins.append(span)
        kept.append(span)
    return kept


def _same(one: Span, other: Span) -> bool:
    names = [name for name in Span.__slots__ if name != "source"]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _flag_skew(steps: list[Step]) -> None:
    for step in steps:
        above = None if step.parent is None else steps[step.parent]
        if above and skewed(step.start_ns, step.end_ns, above.start_ns, above.end_ns):
            step.flags |= {"clock_skew"}


def skewed(
    start: int | None, end: int | None, outer_start: int | None, outer_end: int | None
) -> bool:
    """Tell whether a span begins before, or ends after, the one that encloses it.

    Examples
    --------
    >>> skewed(3, 8, 2, 9), skewed(1, 8, 2, 9), skewed(3, None, 2, None)
    (False, True, False)
    """
    early = start is not None and outer_start is not None and start < outer_start
    return early or (end is not None and outer_end is not None and end > outer_end)


def _tell_parents(run: Run, tell: Tell) -> None:
    n_orphans = sum("orphan" in step.flags for step in run.steps)
    n_skewed = sum("clock_skew" in step.flags for step in run.steps)
    tell_parents(run.pointer, n_orphans, n_skewed, tell)


def tell_parents(pointer: str, n_orphans: int, n_skewed: int, tell: Tell) -> None:
    """Tell of a run's orphans and of clocks that differ."""
    if n_orphans:
        tell(
            "orphan", pointer, f"{n_orphans} spans name a parent that is not in their trace", "info"
        )
    if n_skewed:
        tell(
            "clock_skew", pointer,
            f"{n_skewed} spans begin before, or end after, the span that encloses them", "info",
        )  # fmt: skip


Asked = tuple[Any, Any]
"""A tool call as far as its answer knows it: its id and the tool, None where not recorded."""


def matched(
    calls: Mapping[int, Sequence[Asked]], answers: Mapping[int, Asked]
) -> dict[int, tuple[int, int]]:
    """Join the tool calls that models asked for to the steps that carried them out.

    An answer takes the nearest unanswered call before it with its id; one without an id the oldest
    unanswered call of its tool. Unlike messages, spans need not hold what was asked, so an answer
    may go without.

    Parameters
    ----------
    calls : mapping of int to sequence
        By step, the calls it asked for, in order.
    answers : mapping of int to tuple
        By step, the call it answers.

    Returns
    -------
    dict of int to (int, int)
        By answering step, the asking step and the number of the call in it.

    Examples
    --------
    >>> matched({0: [("a", "f"), ("b", "g")], 2: [("a", "f")]}, {1: ("b", "g"), 3: ("a", "f")})
    {1: (0, 1), 3: (2, 0)}
    """
    places = {
        call_id: (at, number)
        for at, asked in calls.items()
        for number, (call_id, _) in enumerate(asked)
    }
    answered = {call_id for call_id, _ in answers.values()}
    n_calls = sum(map(len, calls.values()))
    if len(places) == n_calls and len(answered) == len(answers) and None not in answered:
        # each id once: nothing to choose
        pairs = ((at, places.get(call_id)) for at, (call_id, _) in answers.items())
        return {at: place for at, place in pairs if place and place[0] < at}
    return _matched_in_order(calls, answers)


def _matched_in_order(
    calls: Mapping[int, Sequence[Asked]], answers: Mapping[int, Asked]
) -> dict[int, tuple[int, int]]:
    """Do what `matched` does where ids come again, or are not there."""
    by_id: dict[Any, list[tuple[int, int]]] = defaultdict(list)
    by_tool: dict[Any, deque[tuple[int, int]]] = defaultdict(deque)
    found: dict[int, tuple[int, int]] = {}
    taken: set[tuple[int, int]] = set()
    without_id = any(call_id is None for call_id, _ in answers.values())
    for at in sorted({*calls, *answers}):
        asked = calls.get(at, ())
        # the last of a list is taken first: of several with one id in one answer, the first
        for number in reversed(range(len(asked))):
            by_id[asked[number][0]].append((at, number))
        for number, (_, tool) in enumerate(asked if without_id else ()):
            by_tool[tool].append((at, number))
        if at in answers and (call := _open_call(*answers[at], by_id, by_tool, taken)):
            found[at] = call
            taken.add(call)
    return found


def _open_call(
    call_id: Any,  # noqa: ANN401 - any key
    tool: Any,  # noqa: ANN401
    by_id: Mapping[Any, list[tuple[int, int]]],
    by_tool: Mapping[Any, deque[tuple[int, int]]],
    taken: set[tuple[int, int]],
) -> tuple[int, int] | None:
    if call_id is not None:
        stack = by_id[call_id]
        while stack and stack[-1] in taken:
            stack.pop()
        return stack[-1] if stack else None
    queue = by_tool[tool] if tool is not None else deque()
    while queue and queue[0] in taken:
        queue.popleft()
    return queue[0] if queue else None


def _pair(steps: list[Step]) -> None:
    model_steps = [(at, step) for at, step in enumerate(steps) if step.kind in MODEL_KINDS]
    asking = {at: parts for at, step in model_steps if (parts := step.calls)}
    calls = {at: [(call.call_id, call.name) for call in parts] for at, parts in asking.items()}
    answers = {
        at: (step.tool_call_id, step.tool)
        for at, step in enumerate(steps)
        if step.kind == "execute_tool"
    }
    for at, (asker, number) in matched(calls, answers).items():
        step, call = steps[at], asking[asker][number]
        step.call_step = asker
        if not any(part.type == "tool_call" for part in step.parts):
            asked = Part("in", "assistant", "tool_call", call.text, call.name, call.call_id)
            asked.arguments, asked.arguments_valid = call.arguments, call.arguments_valid
            step.parts.insert(0, asked)


def _inherit_agents(steps: list[Step]) -> None:
    own = [step.agent for step in steps]
    agents = inherited(own, [step.parent for step in steps])
    for step, agent in zip(steps, agents, strict=True):
        step.agent = agent


def inherited(own: Sequence[Any], parents: Sequence[int | None]) -> list[Any]:
    """Return for each step its own value, or else that of the nearest step around it.

    Examples
    --------
    >>> inherited(["a", None, "b", None], [None, 0, 1, 2])
    ['a', 'a', 'b', 'b']
    """
    found, seen = list(own), [value is not None for value in own]
    for at in range(len(own)):
        path, up = [], at
        # what was seen without a value has none above it, or stands in a circle of parents
        while up is not None and not seen[up]:
            seen[up] = True
            path.append(up)
            up = parents[up]  # type: ignore[assignment]
        value = None if up is None else found[up]
        for each in path:
            found[each] = value
    return found


def _add_contexts(run: Run, spans: Iterable[Span]) -> None:
    """Keep each resource with its scope once; steps of another than the first name it."""
    contexts: list[dict[str, Json]] = []
    by_text: dict[str, int] = {}
    by_id: dict[int, int] = {}
    for step, span in zip(run.steps, spans, strict=True):
        if (number := by_id.get(id(span.context))) is None:
            key = json.dumps(span.context, sort_keys=True)
            number = by_id[id(span.context)] = by_text.setdefault(key, len(contexts))
            if number == len(contexts):
                contexts.append(span.context)
        if "context" in step.extra:
            # what Python's SDK calls a context are the span's own ids
            step.extra["span_context"] = step.extra.pop("context")
        if number:
            step.extra["context"] = number
    if any(contexts):
        run.extra["contexts"] = contexts


def _taken_extension(spans: Iterable[Span]) -> Json:
    """Take what a writer put beside a trace of another format; None where there is none."""
    found = [span.attributes.pop(EXTENSION) for span in spans if EXTENSION in span.attributes]
    return opened(found[0]).value if found else None


def _extend(run: Run, value: Json, tell: Tell) -> None:
    def unfit(place: str, reason: str) -> None:
        tell("unfit", place, reason, "warning")

    extend(run, value, f"{run.pointer} {EXTENSION}", unfit, by="span_id")


def _add_facts(run: Run, spans: Sequence[Span]) -> None:
    telling = [span.attributes for span in spans if not _TELLING.isdisjoint(span.attributes)]
    for name in FACTS:
        found = (fact(attributes, name) for attributes in telling)
        setattr(run, name, next((value for value in found if value is not None), None))
    resources = [span.context for span in spans]
    for name, value in of_resource(resources).items():
        if getattr(run, name) is None:
            setattr(run, name, value)
    roots = [step for step in run.steps if step.parent_span_id is None]
    named = next((step.agent for step in [*roots, *run.steps] if step.agent is not None), None)
    run.agent = named if named is not None else run.agent
    run.status = overall([step.status for step in roots])
    run.provider = next((step.provider for step in run.steps if step.provider), None)
    run.time_source = "recorded" if any(step.start_ns for step in run.steps) else "none"


def overall(statuses: Iterable[Status]) -> Status:
    """Return the status of a run from those of the spans that nothing encloses."""
    found = set(statuses)
    return "error" if "error" in found else "ok" if "ok" in found else "unset"


def fact(attributes: Mapping[str, Json], name: str) -> Json:
    """Return what a span's attributes say of the run under one name of `FACTS`; None for nothing."""
    return _fact(attributes, name, FACTS[name])


def _fact(attributes: Mapping[str, Json], name: str, keys: tuple[str, ...]) -> Json:
    if not any(key in attributes for key in keys):
        return None
    fields = Fields(attributes)
    if name == "trial":
        return fields.count(*keys)
    if name == "outcome":
        done = fields.flag(*keys)
        return fields.number(*keys) if done is None else done
    return fields.key(*keys)


def of_resource(contexts: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """Return what resources say of a run: for each name, what the first that says something says."""
    found: dict[str, Json] = {}
    seen: set[int] = set()
    for context in contexts:
        if id(context) in seen:
            continue
        seen.add(id(context))
        resource = context.get("resource")
        attributes = resource.get("attributes") if isinstance(resource, dict) else None
        for name, keys in _OF_RESOURCE.items():
            if found.get(name) is None and isinstance(attributes, dict):
                found[name] = _fact(attributes, name, keys)
    if str(found.get("agent")).startswith("unknown_service"):
        # what SDKs write where nobody gave a name
        del found["agent"]
    return {name: value for name, value in found.items() if value is not None}
