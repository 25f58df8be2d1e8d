"""The tool calls of a run, each with the ground on which it stands, or does not."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from workbench.trajectories.attribution.ground import (
    Ground,
    day_of,
    is_identifier,
    joined,
    matches,
    parsed,
    scalars,
)
from workbench.trajectories.attribution.transcript import Transcript
from workbench.trajectories.model import Json, Part, Run, Step

_FAILURE = re.compile(r"(?:error|exception|traceback)\b", re.IGNORECASE)
# Somebody's, so that another's shows a mix-up.
_PERSONAL = re.compile(
    r"(?:^|[._])(?:name|full_?name|holder|owner|customer|claimant|patient|client|e_?mail|phone|"
    r"telephone|postcode|zip|zip_?code|address)$",
    re.IGNORECASE,
)
# Among more days than these, some is near any other.
_DAYS = 200
_AGENTS = {"assistant", "model", "ai"}


@dataclass(frozen=True, eq=False)
class Call:
    """A tool call with its answer.

    Parameters
    ----------
    at : int
        The step in which the tool ran.
    asked_at : int
        The step that asked for it; the same where the source does not tell.
    step : Step
        The former.
    arguments : mapping
        Scalars by their path.
    result : mapping
        Scalars by their path; a text that is no JSON under the empty path.
    """

    at: int
    asked_at: int
    step: Step
    arguments: Mapping[str, Json]
    result: Mapping[str, Json]

    @property
    def tool(self) -> str:
        """The tool's name."""
        return self.step.tool or self.step.name or "tool"

    @cached_property
    def trouble(self) -> str:
        """What the tool says of its failure; empty where it did not fail."""
        message = " ".join(filter(None, (self.step.error_type, self.step.error_message)))
        text = (self.step.result or "").strip()[:500]
        if self.step.status == "error" or message:
            return message or text or "error"
        told = self.result.get("error") or self.result.get("error.message")
        if isinstance(told, str) and told:
            return told[:500]
        return text if _FAILURE.match(text) else ""

    @cached_property
    def key(self) -> tuple[str, str]:
        """What makes two calls the same."""
        return self.tool, json.dumps(self.arguments, sort_keys=True, default=str)


@dataclass(frozen=True, eq=False)
class Source:
    """Where an identifier that is passed for the first time comes from.

    Parameters
    ----------
    path, value : str
        The argument.
    origin : int or None
        The step that brought it.
    alike : list of str
        Others of the same form that this step brought.
    near : str or None
        What was read and differs by a slip, empty where nothing does; None of a value that was read.
    """

    path: str
    value: str
    origin: int | None
    alike: list[str]
    near: str | None

    @property
    def joined(self) -> str:
        """The value in letters and digits alone."""
        return joined(self.value)


@dataclass(frozen=True, eq=False)
class Standing:
    """A call, and what had been read before it.

    Parameters
    ----------
    call : Call
        The call.
    sources : list of Source
        Of identifiers in its arguments that no call passed before.
    origins : dict
        Of each identifier in its arguments that was read, the step that brought it.
    strangers : list of str
        The paths of its answer that hold somebody's name or address, where nobody's was read before.
    days : dict
        The days read of, each with its step; empty where the call passes none, or very many were.
    """

    call: Call
    sources: list[Source]
    origins: dict[str, int]
    strangers: list[str]
    days: dict[date, int]


@dataclass(frozen=True, eq=False)
class Trace:
    """The tool calls of a run.

    Parameters
    ----------
    transcript : Transcript
        Of the run.
    """

    transcript: Transcript

    @property
    def run(self) -> Run:
        """The run."""
        return self.transcript.run

    @cached_property
    def calls(self) -> list[Call]:
        """Every tool call with arguments, in order."""
        kept = set(self.transcript.positions)
        return [
            _call(at, self.run.steps[at], kept)
            for at in self.transcript.positions
            if self.run.steps[at].kind == "execute_tool" and _has_call(self.run.steps[at])
        ]

    @cached_property
    def standings(self) -> list[Standing]:
        """Each call with what had been read before it."""
        ground, known, done = Ground(), set[str](), 0
        found = []
        for call in self.calls:
            # what the asking model was shown counts, what it wrote itself does not
            for at, step in enumerate(self.run.steps[done : call.at], start=done):
                for text in _given(step):
                    ground.read(text, at)
            done = max(done, call.at)
            found.append(_standing(call, ground, known))
        return found


def _has_call(step: Step) -> bool:
    return any(part.type == "tool_call" for part in step.parts)


def _call(at: int, step: Step, kept: set[int]) -> Call:
    asked = step.call_step if step.call_step in kept else None
    answer = dict(scalars(parsed(step.result)))
    return Call(at, at if asked is None else asked, step, dict(scalars(step.arguments)), answer)


def _given(step: Step) -> Iterator[str]:
    """Yield the texts of a step that come from outside the agent."""
    for part in step.parts:
        if part.text and _is_given(step, part):
            yield part.text


def _is_given(step: Step, part: Part) -> bool:
    if part.type == "tool_call":
        return False
    if part.type == "tool_call_response" or part.direction == "system":
        return True
    shown = part.direction == "in" or step.kind in {"wb.input", "retrieval"}
    return shown and part.role not in _AGENTS


def _standing(call: Call, ground: Ground, known: set[str]) -> Standing:
    named = {path: str(value) for path, value in call.arguments.items() if is_identifier(value)}
    new = {path: value for path, value in named.items() if value not in known}
    known.update(new.values())
    origins = {path: ground.origin(value) for path, value in named.items()}
    dated = len(ground.days) <= _DAYS and any(day_of(value) for value in call.arguments.values())
    return Standing(
        call,
        [_source(path, value, ground) for path, value in new.items()],
        {path: origin for path, origin in origins.items() if origin is not None},
        _strangers(call, ground),
        dict(ground.days) if dated else {},
    )


def _source(path: str, value: str, ground: Ground) -> Source:
    if ground.holds(value):
        return Source(path, value, ground.origin(value), ground.alike(value), None)
    return Source(path, value, None, [], ground.nearest(value) or "")


def _strangers(call: Call, ground: Ground) -> list[str]:
    """Return where an answer names somebody, if it names nobody that was read of before."""
    personal = [
        path
        for path, value in call.result.items()
        # who is in a list inside a record can be anybody
        if isinstance(value, str) and value and "." not in path and matches(_PERSONAL, path)
    ]
    strange = [path for path in personal if not ground.holds(call.result[path])]
    return strange if len(personal) > 1 and len(strange) == len(personal) else []
