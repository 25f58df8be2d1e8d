"""ATIF 1.0 to 1.8, the interchange format of agent trajectories that Harbor defines.

A step of ATIF holds what a model said, the calls it asked for and their results: here a model's
step, and an `execute_tool` step for each call. A sub-agent's trajectory lies in the same run, below
an `invoke_agent` step that bears its totals, so that a total that covers sub-agents counts once.

Context copied from an earlier trajectory is flagged and not counted. A step of several inferences
(`llm_call_count`) bears their sum; one of none is no model's step.
"""

from collections.abc import Iterator
from typing import Any

from workbench.trajectories.conversations.messages import as_text, call_part
from workbench.trajectories.model import Flag, Json, Part, Run, Step, Usage
from workbench.trajectories.sources.documents import Document, Fields, nanoseconds
from workbench.trajectories.writers.encoding import extend

NAME = "atif"
EXTENSION = "wb"
"""The member of a trajectory's `extra` that holds what the format cannot."""

UNKNOWN = "unknown"
"""What stands for an agent's name or version that is not known."""

_PREFIX = "ATIF-v"
_KINDS = {"system": "wb.system", "user": "wb.input", "agent": "chat"}
_ROLES = {"agent": "assistant", None: "unknown"}


def recognises(first: Json) -> bool:
    """Tell whether the first value is a trajectory, or a list of some, by its schema's version."""
    one = first[0] if isinstance(first, list) and first else first
    return isinstance(one, dict) and str(one.get("schema_version")).startswith("ATIF")


def runs(document: Document) -> Iterator[Run]:
    """Yield the runs; what is no object is told."""
    for place, value in document.values():
        listed = isinstance(value, list)
        for at, each in enumerate(value if listed else [value]):
            pointer = f"{place}/{at}" if listed else place
            if isinstance(each, dict):
                yield trajectory(pointer, each, document)
            elif each is not None:
                reason = f"a trajectory must be an object: {each!r:.500}"
                document.notice("unreadable", pointer, reason, "error")


def trajectory(pointer: str, value: dict[str, Json], document: Document) -> Run:
    """Return the run of a trajectory.

    Parameters
    ----------
    pointer : str
        Where it stands.
    value : dict
        The trajectory.
    document : Document
        Takes the notices.
    """
    fields = Fields(value)
    run = Run(NAME, pointer, conversation_id=fields.text("session_id"))
    run.format_version = (fields.text("schema_version") or "").removeprefix(_PREFIX) or None
    agent = fields.inner("agent")
    run.agent, run.agent_version = _known(agent, "name"), _known(agent, "version")
    run.model = agent.text("model_name")
    run.recorded = _totals(fields.inner("final_metrics"))
    extra = fields.inner("extra").take(EXTENSION)
    unfolding = _Unfolding(run)
    unfolding.add(fields, pointer, run.agent, run.model, None)
    if any(step.start_ns is not None for step in run.steps):
        run.time_source = "recorded"
    run.extra = fields.rest()
    if extra is not None:
        at = f"{pointer}/extra/{EXTENSION}"
        extend(run, extra, at, lambda *told: document.notice("unfit", *told))
    return run


def _known(agent: Fields, name: str) -> str | None:
    """Take what must be there; `unknown` is what producers write who do not know it."""
    found = agent.text(name)
    return None if found == UNKNOWN else found


def _totals(fields: Fields) -> Usage | None:
    usage = Usage(
        fields.count("total_prompt_tokens"),
        fields.count("total_cached_tokens"),
        output_tokens=fields.count("total_completion_tokens"),
        cost_usd=fields.number("total_cost_usd"),
    )
    return usage or None


def _usage(fields: Fields) -> Usage | None:
    usage = Usage(
        fields.count("prompt_tokens"),
        fields.count("cached_tokens"),
        output_tokens=fields.count("completion_tokens"),
        cost_usd=fields.number("cost_usd"),
    )
    return usage or None


class _Unfolding:
    """Lays the steps of a trajectory and of those inside it one after another."""

    def __init__(self, run: Run) -> None:
        self.steps = run.steps
        # sub-agents by their ids that no result has referred to yet
        self._waiting: dict[str, list[tuple[str, dict[str, Json]]]] = {}

    def add(
        self, fields: Fields, pointer: str, agent: str | None, model: str | None, parent: int | None
    ) -> None:
        """Add the steps of one trajectory, below the step that encloses it."""
        own = fields.items("subagent_trajectories")
        named = [
            self._wait(each, f"{pointer}/subagent_trajectories/{at}") for at, each in enumerate(own)
        ]
        for at, value in enumerate(fields.items("steps")):
            _TrajectoryStep(self, value, f"{pointer}/steps/{at}", agent, model, parent).add(at + 1)
        for name in named:
            self.refer(name, parent)

    def _wait(self, value: Json, pointer: str) -> str:
        sub = value if isinstance(value, dict) else {"value": value}
        name = str(sub.get("trajectory_id"))
        self._waiting.setdefault(name, []).append((pointer, sub))
        return name

    def refer(self, trajectory_id: str, parent: int | None) -> None:
        """Add a sub-agent that waits under an id, once, below the step that refers to it."""
        if not self._waiting.get(trajectory_id):
            return
        pointer, value = self._waiting[trajectory_id].pop(0)
        fields = Fields(value)
        about = fields.inner("agent")
        name, model = _known(about, "name"), about.text("model_name")
        step = Step("invoke_agent", pointer, parent=parent, agent=name, model=model)
        step.usage = _totals(fields.inner("final_metrics"))
        self.steps.append(step)
        self.add(fields, pointer, name, model, len(self.steps) - 1)
        step.extra = {"trajectory": fields.rest()}


class _TrajectoryStep:
    """One step of ATIF on its way to become several."""

    def __init__(
        self,
        unfolding: _Unfolding,
        value: Json,
        place: str,
        agent: str | None,
        model: str | None,
        parent: int | None,
    ) -> None:
        self.unfolding, self.place, self.parent, self.model = unfolding, place, parent, model
        self.fields = Fields(value)
        told = self.fields.peek("source")
        source = told if isinstance(told, str) else None
        if source in _KINDS:
            self.fields.take("source")
        self.kind, self.role = _KINDS.get(source or "", "wb.other"), _ROLES.get(source, source)
        self.agent = agent if source == "agent" else None
        copied = self.fields.flag("is_copied_context")
        self.flags: frozenset[Flag] = frozenset({"copied_context"} if copied else ())

    def add(self, number: int) -> None:
        """Add what it says, then an answer for each of its calls, then whatever else came in."""
        step = self._said(number)
        steps, at = self.unfolding.steps, len(self.unfolding.steps)
        steps.append(step)
        observation = self.fields.inner("observation")
        results = [
            (f"{self.place}/observation/results/{n}", Fields(each))
            for n, each in enumerate(observation.items("results"))
        ]
        calls = step.calls
        for n, call in enumerate(calls):
            found = _answers(call, results, alone=len(calls) == 1)
            place = found[0][0] if found else f"{self.place}/tool_calls/{n}"
            self._add_answer(call, found, place, at)
        for place, result in results:
            self._add_observation(place, result, at)
        step.extra = self.fields.rest()

    def _said(self, number: int) -> Step:
        fields = self.fields
        step = Step(self.kind, self.place, parent=self.parent, agent=self.agent, flags=self.flags)
        if self.kind == "chat":
            step.model = fields.text("model_name") or self.model
            # a dispatch that no model decided
            step.kind = "wb.other" if fields.peek("llm_call_count") == 0 else "chat"
        if fields.peek("step_id") == number:
            fields.take("step_id")
        step.start_ns = nanoseconds(fields.peek("timestamp"))
        if step.start_ns is not None:
            fields.take("timestamp")
        step.parts = self._parts()
        step.usage = _usage(fields.inner("metrics"))
        return step

    def _parts(self) -> list[Part]:
        direction: Any = {"wb.system": "system", "wb.input": "in"}.get(self.kind, "out")
        role = self.role or "unknown"
        parts = []
        if (reasoning := self.fields.text("reasoning_content")) is not None:
            parts.append(Part("out", role, "reasoning", reasoning))
        # the format wants a message even where nothing is said
        if message := self.fields.text("message"):
            parts.append(Part(direction, role, "text", message))
        parts += [_piece(each, direction, role) for each in self.fields.items("message")]
        for value in self.fields.items("tool_calls"):
            call = Fields(value)
            part = call_part(
                call.text("function_name"),
                call.take("arguments"),
                call.key("tool_call_id"),
                role=role,
            )
            part.extra = call.rest()
            parts.append(part)
        return parts

    def _add_answer(
        self, call: Part, results: list[tuple[str, Fields]], place: str, asking: int
    ) -> None:
        asked = Part("in", call.role, "tool_call", call.text, call.name, call.call_id)
        asked.arguments, asked.arguments_valid = call.arguments, call.arguments_valid
        step = Step("execute_tool", place, [asked], parent=self.parent, call_step=asking)
        step.agent, step.tool, step.tool_call_id = self.agent, call.name, call.call_id
        step.flags = self.flags
        if not results:
            step.flags |= {"unanswered"}
        self._add_results(step, results)

    def _add_observation(self, place: str, result: Fields, asking: int) -> None:
        """Add what no call asked for: what a terminal shows after an action in plain words."""
        kind = "wb.other" if result.peek("content") is None else "wb.input"
        step = Step(kind, place, parent=self.parent, call_step=asking, flags=self.flags)
        self._add_results(step, [(place, result)])

    def _add_results(self, step: Step, results: list[tuple[str, Fields]]) -> None:
        steps, at = self.unfolding.steps, len(self.unfolding.steps)
        steps.append(step)
        for _, result in results:
            references = result.peek("subagent_trajectory_ref")
            step.parts.append(_response(result, tool=step.kind == "execute_tool"))
            for each in references if isinstance(references, list) else []:
                if isinstance(each, dict) and isinstance(each.get("trajectory_id"), str):
                    self.unfolding.refer(each["trajectory_id"], at)


def _piece(value: Json, direction: Any, role: str) -> Part:  # noqa: ANN401 - a literal of the model
    piece = Fields(value)
    if piece.peek("type") == "text":
        piece.take("type")
        part = Part(direction, role, "text", piece.text("text"))
    elif isinstance(piece.peek("source"), dict):
        # a path or an address; it is never opened
        source = piece.inner("source")
        path = source.text("path")
        part = Part(direction, role, "uri" if "://" in (path or "") else "file", path)
        part.mime_type = source.text("media_type")
    else:
        part = Part(direction, role, "opaque")
    part.extra = piece.rest()
    return part


def _answers(
    call: Part, results: list[tuple[str, Fields]], *, alone: bool
) -> list[tuple[str, Fields]]:
    """Take the results of a call: the next with its id, or the only one where it is the only call."""
    for at, (_, result) in enumerate(results):
        if call.call_id is not None and result.peek("source_call_id") == call.call_id:
            return [results.pop(at)]
    if alone and len(results) == 1 and results[0][1].peek("source_call_id") is None:
        return [results.pop()]
    return []


def _response(result: Fields, *, tool: bool) -> Part:
    content = result.take("content")
    part = Part("out", "tool", "tool_call_response", as_text(content))
    part.call_id = result.key("source_call_id")
    if not tool:
        part.direction, part.role, part.type = "in", "environment", "text"
    if isinstance(content, (dict, list)):
        part.extra["structured"] = True
    part.extra |= result.rest()
    return part
