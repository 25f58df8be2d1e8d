"""tau2-bench's and tau3's simulations: conversations in which the user calls tools too.

Three shapes: a results file with all simulations; a results file beside a folder `simulations` with
one file each, which then borrows the names of agent and model and its task from it; and voice runs,
which have no messages but `ticks`. Who acted (`assistant` or `user`) is each step's `agent`.

A run's cost is its agent's. What the simulated user took is in `scores` and stays in its steps'
`extra`, so that it is never added. Times have no zone: they are taken as UTC, and are `derived`.
"""

import re
from collections.abc import Iterator
from typing import Any

from workbench.errors import InputError
from workbench.trajectories.conversations.answering import add_unanswered, pair_calls
from workbench.trajectories.conversations.messages import as_text, call_part, time_answers
from workbench.trajectories.model import (
    Flag,
    Json,
    Part,
    Run,
    Status,
    Step,
    Usage,
)
from workbench.trajectories.sources.documents import Document, Fields

NAME = "tau2"
_SIMULATION = {"messages", "ticks", "termination_reason", "start_time"}
_CONTENTS = ("messages", "ticks")
_SETTINGS = {"agent_info", "user_info", "environment_info"}
_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")
_KINDS = {"assistant": "chat", "user": "wb.input", "system": "wb.system"}
_CUT_OFF = {"max_steps", "timeout"}


def recognises(first: Json) -> bool:
    """Tell whether the first value is a results file or a simulation."""
    one = first[0] if isinstance(first, list) and first else first
    if not isinstance(one, dict):
        return False
    info = one.get("info")
    if isinstance(info, dict) and info.keys() & _SETTINGS:
        return "traj" not in one
    return _is_simulation(one)


def _is_simulation(value: dict[str, Json]) -> bool:
    return {"id", "task_id"} <= value.keys() and bool(value.keys() & _SIMULATION)


def runs(document: Document) -> Iterator[Run]:
    """Yield a run for each simulation; a results file without any gives a notice."""
    for pointer, value in document.objects("a simulation"):
        if _is_simulation(value) or any(isinstance(value.get(name), list) for name in _CONTENTS):
            yield _run(value, pointer, _Results(_beside(document)))
        else:
            yield from _results(document, value, pointer)


def _results(document: Document, value: Json, pointer: str) -> Iterator[Run]:
    simulations = value.get("simulations")
    if not simulations and (isinstance(value.get("info"), dict) or "tasks" in value):
        document.notice(
            "no_simulations",
            pointer,
            "it holds settings and tasks but no simulation; those are in files beside it",
            "info",
        )
        return
    if not isinstance(simulations, list) or not any(isinstance(each, dict) for each in simulations):
        reason = f"it must be a simulation, or hold a list of some: {value!r:.2000}"
        document.notice("unreadable", pointer, reason, "error")
        return
    results = _Results(value)
    for at, each in enumerate(simulations):
        place = f"{pointer}/simulations/{at}"
        if isinstance(each, dict):
            yield _run(each, place, results)
        else:
            document.notice(
                "unreadable", place, f"a simulation must be an object: {each!r:.500}", "error"
            )
    for at in results.unused():
        document.notice("unused", f"{pointer}/tasks/{at}", "no simulation is of this task", "info")


def _beside(document: Document) -> Json:
    """Return what the results file beside a folder of simulations says, if there is one."""
    path = document.path.parent.parent / "results.json"
    if document.path.parent.name != "simulations" or not path.is_file():
        return None
    try:
        return Document(path, path.name, document.limits).json()
    except InputError:
        return None


class _Results:
    """What holds for all simulations: settings, and tasks by their ids."""

    def __init__(self, value: Json) -> None:
        fields = Fields(value)
        self._tasks = fields.items("tasks")
        fields.take("simulations")
        self.info = fields.peek("info")
        self.rest = fields.rest()
        self._used: set[int] = set()

    def task(self, task_id: str | None) -> Json:
        """Return a task by its id."""
        for at, each in enumerate(self._tasks):
            if isinstance(each, dict) and task_id is not None and str(each.get("id")) == task_id:
                self._used.add(at)
                return each
        return None

    def unused(self) -> list[int]:
        """Return the positions of tasks that nobody asked for."""
        return [at for at in range(len(self._tasks)) if at not in self._used]


def _run(value: Json, pointer: str, results: _Results) -> Run:
    fields = Fields(value)
    agent = Fields(results.info).inner("agent_info")
    run = Run(
        NAME,
        pointer,
        name=fields.text("id"),
        task_id=fields.key("task_id"),
        trial=fields.count("trial"),
        agent=agent.text("implementation"),
        model=agent.text("llm"),
        termination=fields.text("termination_reason"),
        start_ns=fields.time("start_time"),
        end_ns=fields.time("end_time"),
    )
    naive = [each for each in (value.get("start_time"), value.get("end_time")) if each]
    run.status = _status(run.termination)
    _score(run, fields)
    run.steps = list(_steps(fields, pointer))
    if run.start_ns is not None or any(step.start_ns is not None for step in run.steps):
        zoned = all(isinstance(each, str) and _ZONE.search(each) for each in naive)
        run.time_source = "recorded" if naive and zoned else "derived"
    pair_calls(run.steps)
    time_answers(run.steps)
    add_unanswered(run.steps)
    run.extra = fields.rest()
    if (task := results.task(run.task_id)) is not None:
        run.extra["task"] = task
    if results.rest:
        run.extra["results"] = results.rest
    return run


def _status(reason: str | None) -> Status:
    if reason is None:
        return "unset"
    if reason in _CUT_OFF:
        return "cancelled"
    return "error" if "error" in reason else "ok"


def _score(run: Run, fields: Fields) -> None:
    """Take what a simulation was worth, lasted and cost."""
    reward = fields.inner("reward_info")
    run.outcome = reward.number("reward")
    figures = {
        "reward": run.outcome,
        "duration_s": fields.number("duration"),
        "user_cost": fields.number("user_cost"),
    }
    run.scores |= {name: each for name, each in figures.items() if each is not None}
    if (cost := fields.number("agent_cost")) is not None:
        run.recorded = Usage(cost_usd=cost)


def _steps(fields: Fields, pointer: str) -> Iterator[Step]:
    for at, each in enumerate(fields.items("messages")):
        yield from _message(each, f"{pointer}/messages/{at}")
    for at, each in enumerate(fields.items("ticks")):
        yield from _tick(each, f"{pointer}/ticks/{at}")


def _message(value: Json, source: str) -> Iterator[Step]:
    fields = Fields(value)
    role = fields.peek("role")
    role = role if isinstance(role, str) else ""
    if role == "tool" and isinstance(fields.peek("tool_messages"), list):
        yield from _several(fields, source)
    elif role == "tool":
        yield _answer(value, source)
    else:
        role = str(fields.take("role")) if role in _KINDS else "unknown"
        step = Step(_KINDS.get(role, "wb.other"), source, start_ns=fields.time("timestamp"))
        step.agent = role if role in {"assistant", "user"} else None
        step.parts = _said(fields, role) + _calls(fields.items("tool_calls"), role)
        _take_usage(step, fields)
        step.extra = fields.rest()
        yield step


def _several(fields: Fields, source: str) -> Iterator[Step]:
    """Yield the answers of a `MultiToolMessage`."""
    fields.take("role")
    steps = [
        _answer(each, f"{source}/tool_messages/{at}")
        for at, each in enumerate(fields.items("tool_messages"))
    ] or [Step("wb.other", source)]
    steps[0].extra |= fields.rest()
    yield from steps


def _answer(value: Json, source: str) -> Step:
    fields = Fields(value)
    if fields.peek("role") == "tool":
        fields.take("role")
    step = Step("execute_tool", source, tool_call_id=fields.key("id"))
    step.agent, step.start_ns = fields.text("requestor"), fields.time("timestamp")
    text = as_text(fields.take("content"))
    step.parts.append(Part("out", "tool", "tool_call_response", text, call_id=step.tool_call_id))
    failed = fields.flag("error")
    if failed is not None:
        step.status = "error" if failed else "ok"
    if failed:
        step.error_type, step.error_message = "tool_error", text
    step.extra = fields.rest()
    return step


def _said(fields: Fields, role: str) -> list[Part]:
    """Take the text of a message, or its sound, which stays out of all that is shown as text."""
    direction: Any = {"system": "system", "user": "in"}.get(role, "out")
    names = ["audio_content", "content"] if fields.peek("is_audio") is True else ["audio_content"]
    sound = {name: fields.text(name) for name in names if isinstance(fields.peek(name), str)}
    parts = []
    if (text := fields.text("content")) is not None:
        parts.append(Part(direction, role, "text", text))
    if sound:
        parts.append(Part(direction, role, "blob", mime_type="audio", extra=dict(sound)))
    return parts


def _calls(values: list[Json], role: str) -> list[Part]:
    parts = []
    for value in values:
        call = Fields(value)
        part = call_part(
            call.text("name"), call.take("arguments"), call.key("id"),
            role=call.text("requestor") or role,
        )  # fmt: skip
        part.extra = call.rest()
        parts.append(part)
    return parts


def _take_usage(step: Step, fields: Fields) -> None:
    """Take the tokens and the cost of what the agent said; the user's stay in the rest."""
    if step.kind != "chat":
        return
    usage = fields.inner("usage")
    found = Usage(
        input_tokens=usage.count("prompt_tokens"),
        output_tokens=usage.count("completion_tokens"),
        cost_usd=fields.number("cost"),
    )
    details = usage.inner("prompt_tokens_details")
    found.cached_tokens = details.count("cached_tokens")
    found.reasoning_tokens = usage.inner("completion_tokens_details").count("reasoning_tokens")
    step.usage = found if found else None
    model = Fields(fields.peek("raw_data")).text("model")
    step.model = model


def _tick(value: Json, source: str) -> Iterator[Step]:
    """Yield a tick of a voice run, and after it the answers to the tools called in it.

    A tick in which the agent speaks or calls is a piece of its answer (`chat`, `streamed`), one in
    which only the user does is `wb.input`; silence is `wb.state`.
    """
    fields = Fields(value)
    step = Step("wb.state", source, name="tick", start_ns=fields.time("timestamp"))
    agent, user = fields.inner("agent_chunk"), fields.inner("user_chunk")
    heard = _chunk(step, user, fields, "user")
    if _chunk(step, agent, fields, "assistant"):
        step.kind, step.agent, step.flags = "chat", "assistant", frozenset[Flag]({"streamed"})
    elif heard:
        step.kind, step.agent, step.flags = "wb.input", "user", frozenset[Flag]({"streamed"})
    answers = list(_tick_answers(fields, source))
    step.extra = fields.rest()
    yield step
    yield from answers


def _chunk(step: Step, chunk: Fields, tick: Fields, role: str) -> bool:
    """Add what a side said and called in a tick, and tell whether it did either."""
    name = "agent" if role == "assistant" else "user"
    if chunk.peek("role") == role:
        chunk.take("role")
    said = _said(chunk, role)
    calls = tick.items(f"{name}_tool_calls")
    # the chunk repeats them where the tick has them too
    parts = said + _calls(calls or chunk.items("tool_calls"), role)
    step.parts += parts
    return chunk.peek("contains_speech") is True or any(
        part.text or part.type != "text" for part in parts
    )


def _tick_answers(fields: Fields, source: str) -> Iterator[Step]:
    for name in ("agent_tool_results", "user_tool_results"):
        for at, each in enumerate(fields.items(name)):
            yield _answer(each, f"{source}/{name}/{at}")
