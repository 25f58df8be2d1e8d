"""Tool calls, out of whatever holds them, and when two of them count as equal.

Arguments are compared as JSON: the order of members does not matter, 1 and 1.0 are one number, true
and 1 are two values. Arguments that are no JSON, which models do write, are compared as texts.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from workbench.errors import BadKind, BadValue
from workbench.trajectories.conversations.messages import message_step
from workbench.trajectories.model import UNCOUNTED, Json, Part, Run, Step

_NAMES = ("name", "tool", "function_name")
_ARGUMENTS = ("arguments", "args", "kwargs", "input")


@dataclass(frozen=True, eq=False)
class Call:
    """A tool with its arguments.

    Parameters
    ----------
    tool : str
        The tool's name.
    arguments : JSON value
        As a rule an object; the text itself where it could not be read as JSON. None, an empty text
        and an empty object all say "no arguments".
    recorded : bool
        Whether the log says what the arguments were.

    Examples
    --------
    >>> Call("f", {"a": 1, "b": True}).written == Call("f", {"b": True, "a": 1.0}).written
    True
    >>> Call("f", {"a": 1}).written == Call("f", {"a": True}).written
    False
    """

    tool: str
    arguments: Json = None
    recorded: bool = True

    def __hash__(self) -> int:
        return hash((self.tool, self.written))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Call):
            return NotImplemented
        mine, yours = (self.tool, self.recorded), (other.tool, other.recorded)
        return mine == yours and self.written == other.written

    @cached_property
    def written(self) -> str:
        """The arguments as a text that is the same for equal JSON values."""
        return "{}" if self.arguments in (None, "") else same_json_text(self.arguments)

    @cached_property
    def members(self) -> dict[str, str] | None:
        """Each argument's value, so written; None where the arguments are no object."""
        if self.arguments in (None, ""):
            return {}
        if not isinstance(self.arguments, dict):
            return None
        return {str(name): same_json_text(value) for name, value in self.arguments.items()}

    def at(self, path: str) -> str:
        """Return the value at a path such as ``user.id``, so written; null where there is none."""
        value = self.arguments
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return same_json_text(value)


def same_json_text(value: Json) -> str:
    """Write a JSON value so that equal values have equal texts.

    Examples
    --------
    >>> same_json_text({"b": 1.0, "a": [True]})
    '{"a": [true], "b": 1}'
    """
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
        plain = json.loads(text, parse_float=_whole)
        return json.dumps(plain, ensure_ascii=False, sort_keys=True)
    except (ValueError, TypeError, RecursionError):
        # too deep, or with numbers of thousands of digits: what is left is how Python shows it
        return _shown(value)


def _whole(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number


def _shown(value: Json) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that cannot be written"


Turn: TypeAlias = tuple[str | None, list[Call]]
"""Who acted (a step's kind; None in a bare list of calls), and the calls asked for."""

Called: TypeAlias = Run | Iterable[Call | Step | tuple[str, Json] | Mapping[str, Any]]
"""A run, its steps, calls, calls as pairs or mappings, or chat messages."""


def calls_of(source: Called) -> list[Call]:
    """Return the tool calls of a run, or of whatever holds some, in their order.

    Parameters
    ----------
    source : Run, or iterable of Step, Call, pair or mapping
        A pair is a tool's name with its arguments. A mapping is a chat message (it has a `role`), or
        a call: its tool under `name`, `tool` or `function_name`, its arguments under `arguments`,
        `args`, `kwargs` or `input`.

    Returns
    -------
    list of Call
        Demos and copied context left out. Of a run the calls that were made (`execute_tool`); where
        the log has none, those that were asked for.

    Raises
    ------
    BadKind
        If something is no such thing.
    BadValue
        If a mapping names no tool.

    Examples
    --------
    >>> calls_of([{"name": "book", "kwargs": {"flight": "HAT1"}}])
    [Call(tool='book', arguments={'flight': 'HAT1'}, recorded=True)]
    """
    if not isinstance(source, Run):
        return [call for _, calls in turns_of(source) for call in calls]
    steps = _own(source.steps)
    made = [_made(step) for step in steps if step.kind == "execute_tool"]
    return made or [_asked(part) for step in steps for part in step.calls]


def turns_of(source: Called) -> list[Turn]:
    """Return who acted, step by step, with the calls asked for; a bare call is a turn of its own."""
    if isinstance(source, Run):
        return _turns(_own(source.steps))
    items = _listed(source)
    if items and all(_is_message(item) for item in items):
        return _turns([_step(item) for item in items])
    return [(None, [_call(item)]) for item in items]


def _turns(steps: Sequence[Step]) -> list[Turn]:
    """Take calls where they were asked for; where nobody asked, where they were made."""
    told = any(step.kind != "execute_tool" and step.calls for step in steps)
    turns: list[Turn] = []
    for step in steps:
        if "unanswered" in step.flags:
            continue
        if step.kind == "execute_tool":
            turns.append((step.kind, [] if told or step.call_step is not None else _alone(step)))
        else:
            turns.append((step.kind, [_asked(part) for part in step.calls]))
    return turns


def _alone(step: Step) -> list[Call]:
    # a bare tool message has no call of its own: it answers one
    return [_made(step)] if step.tool or step.arguments is not None else []


def _own(steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if not step.flags & UNCOUNTED]


def _made(step: Step) -> Call:
    asked = next((part for part in step.parts if part.type == "tool_call"), None)
    if asked is None:
        return Call(step.tool or "", recorded=False)
    return Call(step.tool or asked.name or "", _arguments(asked))


def _asked(part: Part) -> Call:
    return Call(part.name or "", _arguments(part))


def _arguments(part: Part) -> Json:
    return part.arguments if part.arguments_valid else part.text


def _listed(source: object) -> list[Any]:
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        raise BadKind(
            "tool calls must come as a run or as a list of calls, messages or steps, but a "
            f"{type(source).__name__} came; put it into a list."
        )
    return list(source)


def _is_message(item: object) -> bool:
    return isinstance(item, Step) or (isinstance(item, Mapping) and "role" in item)


def _step(item: Any) -> Step:  # noqa: ANN401 - a step or a message
    return item if isinstance(item, Step) else message_step(dict(item), "")


def _call(item: object) -> Call:
    if isinstance(item, Call):
        return item
    if isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[0], str):
        return Call(item[0], _parsed(item[1]))
    if not isinstance(item, Mapping):
        raise BadKind(
            "a tool call must be a Call or a mapping with its name and arguments, but a "
            f"{type(item).__name__} came; a list holds either calls or messages, not both."
        )
    inner = item.get("function")
    fields = inner if isinstance(inner, Mapping) else item
    tool = next((fields[name] for name in _NAMES if isinstance(fields.get(name), str)), None)
    if tool is None:
        raise BadValue(
            f"a tool call must name its tool under {', '.join(_NAMES)}, but only "
            f"{', '.join(map(repr, map(str, fields))) or 'nothing'} came; add it."
        )
    given = next((fields[name] for name in _ARGUMENTS if name in fields), None)
    return Call(tool, _parsed(given))


def _parsed(arguments: Json) -> Json:
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
