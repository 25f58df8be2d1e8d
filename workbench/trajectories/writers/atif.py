"""ATIF 1.8, as Harbor's models accept it: a trajectory per run.

A model's step takes its tools' answers with it; an agent that a tool called becomes a sub-agent's
trajectory. What the format cannot say stands in the trajectory's `extra`, under the key `wb`.
"""

from datetime import UTC, datetime
from itertools import groupby

from workbench.trajectories.model import MODEL_KINDS, Json, Part, Run, Step, Usage
from workbench.trajectories.readers.atif import EXTENSION, NAME, UNKNOWN, trajectory
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers.hearing import Hearing
from workbench.trajectories.writers.lossless import lossless, members, result_value

VERSION = "1.8"

_MEDIA = {
    "image/jpeg": "image", "image/png": "image", "image/gif": "image", "image/webp": "image",
    "audio/wav": "audio", "audio/mpeg": "audio", "audio/mp4": "audio", "audio/aac": "audio",
    "audio/ogg": "audio", "audio/flac": "audio", "audio/webm": "audio", "audio/aiff": "audio",
}  # fmt: skip
_SOURCES = {"wb.system": "system", "wb.input": "user", **dict.fromkeys(MODEL_KINDS, "agent")}
# Steps without a place of their own, of which the format can at least tell the text.
_TOLD = ("wb.state", "wb.compaction", "wb.error", "wb.guardrail")
_DICT = (dict,)
_EXTRA = {"extra": _DICT}
_OPTIONAL: dict[str, tuple[type, ...]] = {
    "reasoning_effort": (str, float, int),
    "llm_call_count": (int,),
    "extra": _DICT,
}


def line(run: Run) -> bytes:
    """Return a run as one line of JSON.

    Examples
    --------
    >>> line(Run("mine", "", [Step("wb.input", "/0", [Part("in", "user", "text", "Hello")])])).decode()
    '{"schema_version":"ATIF-v1.8","agent":{"name":"unknown","version":"unknown"},"steps":[{"step_id":1,"source":"user","message":"Hello"}]}'
    """
    folding = _Folding(run)
    native = folding.root.value

    def attach(written: Json, lacking: dict[str, Json]) -> None:
        written["extra"] = {**(written.get("extra") or {}), EXTENSION: lacking}

    def read(value: Json, document: Document) -> Run:
        return trajectory("", value, document)

    return lossless(run, native, folding.places, read, attach)


class _Trajectory:
    """A trajectory that is being written, and which of its steps answers which."""

    def __init__(
        self, pointer: str, agent: str | None, version: str | None, model: str | None
    ) -> None:
        self.pointer, self.agent, self.model = pointer, agent, model
        about = {"name": agent or UNKNOWN, "version": version or UNKNOWN}
        if model is not None:
            about["model_name"] = model
        self.steps: list[dict[str, Json]] = []
        self.value: dict[str, Json] = {
            "schema_version": f"ATIF-v{VERSION}", "agent": about, "steps": self.steps,
        }  # fmt: skip
        self.hearing = Hearing()

    def add(self, source: str, **members: Json) -> str:
        """Add a step and return where it stands."""
        step = {"step_id": len(self.steps) + 1, "source": source, "message": ""}
        self.steps.append(step | members)
        return f"{self.pointer}/steps/{len(self.steps) - 1}"

    def describe(self, extra: dict[str, Json], totals: Usage | None) -> None:
        """Add what else is known of the trajectory, as far as the format has a place for it."""
        about = members(extra.get("agent"))
        for name, kinds in (("tool_definitions", (list,)), ("extra", _DICT)):
            if isinstance(about.get(name), kinds):
                self.value["agent"][name] = about[name]
        for name in (
            "schema_version",
            "trajectory_id",
            "session_id",
            "notes",
            "continued_trajectory_ref",
        ):
            if isinstance(extra.get(name), str):
                self.value[name] = extra[name]
        if isinstance(extra.get("extra"), dict):
            self.value["extra"] = extra["extra"]
        stated = extra.get("final_metrics")
        if final := {**_members(totals, "total_"), **_stated(stated, "total_steps")}:
            self.value["final_metrics"] = final


def _stated(value: Json, *counts: str) -> dict[str, Json]:
    """Return what else may stand in metrics, of the kinds that may."""
    known: dict[str, tuple[type, ...]] = {"extra": _DICT, **dict.fromkeys(counts, (int,))}
    for name in () if counts else ("prompt_token_ids", "completion_token_ids", "logprobs"):
        known[name] = (list,)
    found = members(value)
    return {
        name: found[name] for name, kinds in known.items() if isinstance(found.get(name), kinds)
    }


def _members(usage: Usage | None, prefix: str = "") -> dict[str, Json]:
    if usage is None:
        return {}
    found = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost_usd": usage.cost_usd,
    }
    return {prefix + name: each for name, each in found.items() if each is not None}


def _optional(extra: dict[str, Json], *, agent: bool = False) -> dict[str, Json]:
    """Return what else the format has a place for, of what stood there when it was read."""
    kinds = _OPTIONAL if agent else _EXTRA
    return {name: extra[name] for name in kinds if isinstance(extra.get(name), kinds[name])}


def _circumstances(step: Step) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if step.start_ns is not None:
        found["timestamp"] = _iso(step.start_ns)
    if "copied_context" in step.flags:
        found["is_copied_context"] = True
    return found


def _iso(ns: int) -> str:
    whole = datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{ns % 10**9:09d}".rstrip("0").rstrip(".")
    return f"{whole}{fraction}Z"


def _content(parts: list[Part]) -> Json:
    """Return a message: a text, or pieces where there are several or pictures among them."""
    pieces = [piece for part in parts if (piece := _piece(part)) is not None]
    if not pieces:
        return ""
    return pieces[0]["text"] if len(pieces) == 1 and "text" in pieces[0] else pieces


def _piece(part: Part) -> dict[str, Json] | None:
    if part.type == "text" and part.text is not None:
        return {"type": "text", "text": part.text}
    media = _MEDIA.get(part.mime_type or "")
    if part.type in {"file", "uri"} and media and part.text is not None:
        more = members(part.extra.get("source"))
        source = {"media_type": part.mime_type, "path": part.text}
        if media == "audio" and _is_number(more.get("duration_sec")):
            source["duration_sec"] = more["duration_sec"]
        return {"type": media, "source": source}
    return None


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _call(part: Part, call_id: str, *, own: bool) -> dict[str, Json]:
    arguments = part.arguments if isinstance(part.arguments, dict) else {}
    more = _optional(part.extra) if own else {}
    return {
        "tool_call_id": call_id, "function_name": part.name or "unknown", "arguments": arguments,
        **more,
    }  # fmt: skip


def _hear(step: Step, owner: _Trajectory) -> None:
    """Add what a model read and no step said as steps of their own; an agent's are copies."""
    for role, parts in groupby(owner.hearing.new(step), lambda part: part.role):
        message = _content([part for part in parts if part.type != "tool_call_response"])
        source = {"user": "user", "assistant": "agent"}.get(role, "system")
        copied = {"is_copied_context": True} if source == "agent" else {}
        if message:
            owner.add(source, message=message, **copied)


def _version(extra: Json) -> str | None:
    version = members(members(extra).get("agent")).get("version")
    return version if isinstance(version, str) else None


class _Folding:
    """Lays the steps of a run into trajectories, and remembers where."""

    def __init__(self, run: Run) -> None:
        self.run, self._own = run, run.format == NAME
        self.root = _Trajectory("", run.agent, run.agent_version, run.model)
        if run.conversation_id is not None:
            self.root.value["session_id"] = run.conversation_id
        self.root.describe(run.extra if self._own else {}, run.recorded)
        self.places: list[str | None] = []
        self._owners: list[_Trajectory] = []
        self._subs: dict[int, _Trajectory] = {}
        # by the number of the run's step: what was written of it, and which of its calls are open
        self._written: dict[int, tuple[str, dict[str, Json]]] = {}
        self._open: dict[int, list[tuple[Part, int]]] = {}
        self._results: dict[int, dict[str, Json]] = {}
        for at, step in enumerate(run.steps):
            owner = self._owner(step)
            self._owners.append(owner)
            self.places.append(self._place(at, step, owner))
        if not self.root.steps:
            self.root.add("system")

    def _owner(self, step: Step) -> _Trajectory:
        if step.parent is None or step.parent >= len(self._owners):
            return self.root
        return self._subs.get(step.parent, self._owners[step.parent])

    def _place(self, at: int, step: Step, owner: _Trajectory) -> str | None:
        if step.kind == "execute_tool":
            return self._answer(at, step, owner)
        if step.kind == "invoke_agent":
            return self._delegate(at, step, owner)
        if step.kind in {"wb.input", "wb.other"} and step.call_step in self._written:
            return self._observe(at, step)
        if step.kind == "wb.other" and step.extra.get("llm_call_count") == 0:
            return self._say(at, step, owner, "agent")
        if step.kind in _TOLD and step.text:
            return self._say(at, step, owner, "system")
        source = _SOURCES.get(step.kind)
        return None if source is None else self._say(at, step, owner, source)

    def _say(self, at: int, step: Step, owner: _Trajectory, source: str) -> str:
        if step.kind in MODEL_KINDS:
            _hear(step, owner)
        owner.hearing.say(
            part for part in step.parts if source != "agent" or part.direction == "out"
        )
        direction = {"system": "system", "user": "in"}.get(source, "out")
        parts = [part for part in step.parts if part.direction == direction]
        if source == "agent":
            members = self._of_an_agent(at, step, parts, owner)
        else:
            members, parts = {}, parts or step.parts
        members |= {"message": _content(parts), **_circumstances(step)}
        if self._own:
            members |= _optional(step.extra, agent=source == "agent")
        place = owner.add(source, **members)
        self._written[at] = (place, owner.steps[-1])
        return place

    def _of_an_agent(
        self, at: int, step: Step, parts: list[Part], owner: _Trajectory
    ) -> dict[str, Json]:
        found: dict[str, Json] = {}
        if step.model is not None and step.model != owner.model:
            found["model_name"] = step.model
        reasoning = [part.text for part in parts if part.type == "reasoning" and part.text]
        stated = _stated(step.extra.get("metrics")) if self._own else {}
        if step.kind in MODEL_KINDS:
            found |= {"reasoning_content": "\n".join(reasoning)} if reasoning else {}
            found |= {"metrics": metrics} if (metrics := _members(step.usage) | stated) else {}
        calls = [part for part in parts if part.type == "tool_call"]
        self._open[at] = [(part, n) for n, part in enumerate(calls)]
        if calls:
            found["tool_calls"] = [
                _call(part, part.call_id or f"call_{at}_{n}", own=self._own)
                for n, part in enumerate(calls)
            ]
        return found

    def _answer(self, at: int, step: Step, owner: _Trajectory) -> str:
        """Write a tool's answer where its call is; a call that nobody asked for is a dispatch."""
        asking = step.call_step if step.call_step in self._written else at
        if asking == at:
            calls = [part for part in step.parts if part.type == "tool_call"][:1]
            call = calls[0] if calls else Part("out", "assistant", "tool_call", name=step.tool)
            own_id = step.tool_call_id or f"call_{at}_0"
            written = {"tool_calls": [_call(call, own_id, own=False)], **_circumstances(step)}
            place = owner.add("agent", llm_call_count=0, **written)
            self._written[at], self._open[at] = (place, owner.steps[-1]), [(call, 0)]
        place, target = self._written[asking]
        number = self._taken(asking, step)
        answers = [part for part in step.parts if part.type == "tool_call_response"]
        if not answers:
            return f"{place}/tool_calls/{number}"
        calls = target.get("tool_calls", [])
        alone = self._own and answers[0].call_id is None and len(calls) == 1
        source = None if number is None or alone else calls[number]["tool_call_id"]
        return self._add_result(at, answers[0], place, target, source)

    def _taken(self, asking: int, answer: Step) -> int | None:
        """Return the number of the call that a step answers, and close it."""
        open_calls = self._open.get(asking, [])
        for each in open_calls:
            if asking == len(self.places) or each[0].call_id == answer.tool_call_id:
                open_calls.remove(each)
                return each[1]
        return None

    def _add_result(
        self, at: int, answer: Part, place: str, target: dict[str, Json], source: str | None
    ) -> str:
        result: dict[str, Json] = {} if source is None else {"source_call_id": source}
        if answer.text is not None:
            result["content"] = result_value(answer, own=self._own)
        if self._own:
            result |= _optional(answer.extra)
            if isinstance(answer.extra.get("subagent_trajectory_ref"), list):
                result["subagent_trajectory_ref"] = list(answer.extra["subagent_trajectory_ref"])
        results = target.setdefault("observation", {"results": []})["results"]
        results.append(result)
        self._results[at] = result
        return f"{place}/observation/results/{len(results) - 1}"

    def _observe(self, at: int, step: Step) -> str:
        place, target = self._written[step.call_step or 0]
        answer = step.parts[0] if step.parts else Part("in", "environment", "text")
        ids = [call["tool_call_id"] for call in target.get("tool_calls", [])]
        source = answer.call_id if answer.call_id in ids else None
        return self._add_result(at, answer, place, target, source)

    def _delegate(self, at: int, step: Step, owner: _Trajectory) -> str | None:
        """Open a sub-agent's trajectory, if a tool called it or the format said so before."""
        result = self._results.get(-1 if step.parent is None else step.parent)
        extra = step.extra.get("trajectory")
        if result is None and not isinstance(extra, dict):
            return None
        subs = owner.value.setdefault("subagent_trajectories", [])
        place = f"{owner.pointer}/subagent_trajectories/{len(subs)}"
        sub = self._subs[at] = _Trajectory(place, step.agent, _version(extra), step.model)
        subs.append(sub.value)
        sub.describe(members(extra), step.usage)
        name = sub.value.setdefault("trajectory_id", f"subagent-{at}")
        if result is not None:
            references = result.setdefault("subagent_trajectory_ref", [])
            if all(
                not isinstance(each, dict) or each.get("trajectory_id") != name
                for each in references
            ):
                references.append({"trajectory_id": name})
        return place
