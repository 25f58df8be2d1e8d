"""What rules look at: the tool calls of a run in their order, each once, and their answers."""

import json
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from workbench.trajectories.model import UNCOUNTED, Json, Part, Run, Step
from workbench.trajectories.replays.values import canonical

_CALLS = ("tool_call", "server_tool_call")
_ANSWERS = ("tool_call_response", "server_tool_call_response")


class Call(NamedTuple):
    """A tool call of a run.

    Parameters
    ----------
    number : int
        The step that ran it; or else the one that asked for it.
    tool : str
        Its name.
    given : object
        The arguments as JSON; a text where they cannot be read.
    result : object
        The answer as a JSON value, or as a text.
    answered : bool
        Whether it was answered without an error.
    """

    number: int
    tool: str
    given: Json
    result: Json
    answered: bool

    @property
    def arguments(self) -> Mapping[str, Json]:
        """The arguments by name; none where they are no object."""
        return self.given if isinstance(self.given, dict) else {}


class Trail(NamedTuple):
    """What a rule looks at: a run, and its own tool calls in the order of their steps."""

    run: Run
    calls: Sequence[Call]

    @property
    def steps(self) -> list[tuple[int, Step]]:
        """The run's own steps with their numbers; demos and copied context were done elsewhere."""
        return _own(self.run)


def _own(run: Run) -> list[tuple[int, Step]]:
    return [each for each in enumerate(run.steps) if not each[1].flags & UNCOUNTED]


def trail_of(run: Run) -> Trail:
    """Return a run with its own tool calls, whose answers are read as JSON where they are.

    A call that a model asked for, and no step ran, is one too: logs of spans may hold nothing else,
    and a provider's own tools are run by nobody here. What a demo or copied context shows is none.

    Examples
    --------
    >>> asked = Part("out", "assistant", "tool_call", name="pay", call_id="1", arguments={"n": 5})
    >>> ran = Step("execute_tool", "/1", [asked], tool="pay")
    >>> [call.number for call in trail_of(Run("x", steps=[Step("chat", "/0", [asked]), ran])).calls]
    [1]
    >>> trail_of(Run("x", steps=[Step("chat", "/0", [asked])])).calls[0].arguments
    {'n': 5}
    """
    calls, answers = _Calls(), _Answers(run)
    enclosing = {step.parent for step in run.steps}
    asking = []
    for number, step in _own(run):
        if step.kind == "execute_tool":
            calls.add(*_ran(number, step))
        elif any(map(_asks, step.parts)):
            asking.append(number)
    # a step that encloses others repeats what they asked for, so it comes after them
    for number in sorted(asking, key=lambda number: number in enclosing):
        if number in enclosing:
            calls.afresh()
        for part in filter(_asks, run.steps[number].parts):
            calls.ask(number, part, answers)
    return Trail(run, sorted(calls.known, key=lambda call: call.number))


def _asks(part: Part) -> bool:
    return part.direction == "out" and part.type in _CALLS


def _ran(number: int, step: Step) -> tuple[Call, str | None]:
    asked = next((part for part in step.parts if part.type in _CALLS), None)
    answered = step.status != "error" and step.result is not None
    call = Call(number, step.tool or "", _given(asked), read_json(step.result), answered)
    return call, (asked.call_id if asked else None) or step.tool_call_id


def _given(asked: Part | None) -> Json:
    if asked is None:
        return {}
    value = read_json(asked.text) if asked.arguments is None else asked.arguments
    return {} if value is None else value


class _Calls:
    """The calls of a run: those that ran, and those asked for that none of them accounts for."""

    def __init__(self) -> None:
        self.known: list[Call] = []
        self._at: dict[tuple[str, ...], list[int]] = {}
        self._begin: dict[tuple[str, ...], int] = {}
        self._taken: set[int] = set()

    def afresh(self) -> None:
        """Let each known call account for another that is asked for."""
        self._taken, self._begin = set(), {}

    def add(self, call: Call, call_id: str | None) -> None:
        """Note a call."""
        name, given = call.tool, _text(call.given)
        keys: list[tuple[str, ...]] = [("any", name, given)]
        keys.append(("bare", name, given) if call_id is None else ("id", name, call_id))
        if call.given == {}:
            keys += [("any name", name), ("bare name", name)][: 1 + (call_id is None)]
        for key in keys:
            self._at.setdefault(key, []).append(len(self.known))
        self.known.append(call)

    def ask(self, number: int, part: Part, answers: "_Answers") -> None:
        """Note a call that was asked for, unless a known one accounts for it."""
        name, given = part.name or "", _given(part)
        text = _text(given)
        keys: list[tuple[str, ...]] = [("any", name, text), ("any name", name)]
        if part.call_id:
            # of two ids that differ neither is the other's
            keys = [("id", name, part.call_id), ("bare", name, text), ("bare name", name)]
        at = self._take(keys)
        if at is None:
            self._taken.add(len(self.known))
            result = answers.to(number, part)
            self.add(Call(number, name, given, read_json(result), result is not None), part.call_id)
        elif self.known[at].given == {}:
            # spans of tools often leave the arguments out
            self.known[at] = self.known[at]._replace(given=given)

    def _take(self, keys: Sequence[tuple[str, ...]]) -> int | None:
        for key in keys:
            places = self._at.get(key, [])
            for position in range(self._begin.get(key, 0), len(places)):
                self._begin[key] = position + 1
                if (at := places[position]) not in self._taken:
                    self._taken.add(at)
                    return at
        return None


def _text(value: Json) -> str:
    try:
        return canonical(value).decode("utf-8", "surrogatepass")
    except RecursionError:
        # what is too deep to be compared is like nothing else
        return str(id(value))


class _Answers:
    """The answers that no step of a tool holds, such as those that the next question repeats."""

    def __init__(self, run: Run) -> None:
        self._steps = run.steps
        self._of: dict[str, list[tuple[int, str]]] = {}
        for number, step in _own(run):
            for part in step.parts if step.kind != "execute_tool" else ():
                if part.type in _ANSWERS and part.call_id and part.text is not None:
                    self._of.setdefault(part.call_id, []).append((number, part.text))

    def to(self, number: int, asked: Part) -> str | None:
        """Return the first answer to a call from its step on."""
        if asked.call_id:
            told = self._of.get(asked.call_id, [])
            at = bisect_left(told, number, key=lambda each: each[0])
            return told[at][1] if at < len(told) else None
        parts = self._steps[number].parts
        after = parts[next(at for at, each in enumerate(parts) if each is asked) :]
        return next(
            (each.text for each in after if each.type in _ANSWERS and not each.call_id), None
        )


def read_json(text: str | None) -> Json:
    """Return the value of a text that is JSON, or else the text."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text


def member(value: Json, path: str) -> Json:
    """Follow dots into a JSON value; None where it does not lead anywhere.

    Examples
    --------
    >>> member({"to": {"amount": 5}}, "to.amount"), member([], "to")
    (5, None)
    """
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def number_of(value: Json) -> float | None:
    """Return a finite number; None for anything else, so that NaN is within no limit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def same(one: Json, two: Json) -> bool:
    """Tell whether two JSON values are equal; true and 1 are not.

    Examples
    --------
    >>> same(1, 1.0), same(1, True)
    (True, False)
    """
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)
