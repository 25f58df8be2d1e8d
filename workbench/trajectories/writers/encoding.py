"""The model as plain JSON: every field of a run, and what a foreign format cannot hold of it.

A file of another format is read to see what its reader makes of it; whatever differs from the run
that was written is its *extension*, which stands at the format's own place for such things. So
nothing is lost, and a file that needs no extension has none.
"""

import dataclasses
import json
import math
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from workbench.trajectories.model import Annotation, Json, Part, Run, Step, Usage, circular

SCHEMA = 1
"""The version of the plain form; a reader of a lower one tells that it may not know all fields."""

_LISTS: dict[str, type] = {"steps": Step, "parts": Part, "annotations": Annotation}
_USAGES = ("usage", "recorded")
# Where a run stands is another place in every file that it is written to.
_PLACES = ("pointer", "source", "format", "format_version", "steps")
_NUMBER = "$number"
ESCAPE = b'"$number"'
"""Where these bytes are in a line, something in it is escaped."""

_ODD = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Key = Literal["source", "span_id"]
Tell = Callable[[str, str], None]
"""Takes the place and the reason of what could not be read."""


def plain(value: Run | Step | Part | Usage | Annotation) -> dict[str, Json]:
    """Return the fields that are not at their defaults, as JSON values.

    Examples
    --------
    >>> plain(Step("chat", "/0", [Part("out", "assistant", "text", "Hi!")], flags=frozenset({"demo"})))
    {'kind': 'chat', 'source': '/0',
     'parts': [{'direction': 'out', 'role': 'assistant', 'type': 'text', 'text': 'Hi!'}],
     'flags': ['demo']}
    """
    found = {}
    for name, default in _DEFAULTS[type(value)].items():
        each = getattr(value, name)
        if each != default or type(each) is not type(default):
            found[name] = _plain_value(each)
    return found


def _plain_value(value: Any) -> Json:  # noqa: ANN401 - any field of the model
    if isinstance(value, (Usage, Part, Step, Annotation)):
        return plain(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, list) and value and isinstance(value[0], (Step, Part, Annotation)):
        return [plain(each) for each in value]
    return value


def _defaults_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """Return each field with its default; one that must be given has a default like no other."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        made = field.default_factory
        found[field.name] = field.default if made is dataclasses.MISSING else made()
    return found


_MODEL: tuple[type, ...] = (Run, Step, Part, Usage, Annotation)
_DEFAULTS: dict[type, dict[str, Any]] = {kind: _defaults_of(kind) for kind in _MODEL}
_KINDS: dict[type, dict[str, Any]] = {kind: typing.get_type_hints(kind) for kind in _MODEL}
_TEXTS: dict[type, set[str]] = {
    kind: {name for name, hint in hints.items() if hint in (str, str | None)}
    for kind, hints in _KINDS.items()
}


def fill(target: Any, value: Mapping[str, Json], place: str, tell: Tell) -> dict[str, Json]:  # noqa: ANN401
    """Set fields of the model from their plain form, in place; what does not fit is told.

    Parameters
    ----------
    target : Run, Step, Part, Usage or Annotation
        What is filled.
    value : mapping
        As `plain` makes it, or only some of its fields.
    place : str
        Where it stands.
    tell : callable
        Takes the place and the reason of what does not fit.

    Returns
    -------
    dict
        What did not fit; it is also kept in `extra` under the key `unread`.
    """
    unread, known = {}, _DEFAULTS[type(target)]
    for name, raw in value.items():
        at = f"{place}/{name}"
        if name in _LISTS and name in known:
            rest = _fill_list(target, name, raw, at, tell)
        elif name in _USAGES and name in known and isinstance(raw, dict):
            usage = Usage()
            rest = fill(usage, raw, at, tell)
            setattr(target, name, usage)
        else:
            rest = _fill_field(target, name, raw)
        if rest:
            unread[name] = rest
    if unread and hasattr(target, "extra"):
        target.extra = {**target.extra, "unread": unread}
        tell(
            place, f"no fields of the model are {', '.join(map(repr, unread))[:200]} as they stand"
        )
    return unread


def _fill_field(target: Any, name: str, raw: Json) -> Json:  # noqa: ANN401 - any of the model
    if isinstance(raw, str) and name in _TEXTS[type(target)]:
        # most fields are; no need to look at the type
        setattr(target, name, raw)
        return None
    kind = _KINDS[type(target)].get(name)
    try:
        fitting = raw if kind is Any else msgspec.convert(raw, kind or None)
    except msgspec.ValidationError:
        return raw or {"value": raw}
    if kind is None or (kind is not Any and (_is_no_count(fitting) or _is_rounded(fitting, raw))):
        return raw or {"value": raw}
    if isinstance(target, Usage) and isinstance(fitting, float) and not math.isfinite(fitting):
        return raw
    setattr(target, name, fitting)
    return None


def _is_no_count(value: Json) -> bool:
    return isinstance(value, int) and not 0 <= value < 2**63


def _is_rounded(value: Json, raw: Json) -> bool:
    if isinstance(value, dict):
        return any(
            _is_rounded(value[name], raw[name]) for name in value if value[name] != raw[name]
        )
    return isinstance(value, float) and isinstance(raw, int) and value != raw


def _fill_list(target: Any, name: str, raw: Json, place: str, tell: Tell) -> Json:  # noqa: ANN401
    """Fill a list of the model anew, or its members by their number."""
    if isinstance(raw, list):
        made = [_made(_LISTS[name], each, f"{place}/{at}", tell) for at, each in enumerate(raw)]
        setattr(target, name, made)
        return None
    if not isinstance(raw, dict):
        return raw or {"value": raw}
    there = {str(at): each for at, each in enumerate(getattr(target, name))}
    for number, fields in raw.items():
        if number in there and isinstance(fields, dict):
            fill(there[number], fields, f"{place}/{number}", tell)
    unfit = {at: each for at, each in raw.items() if at not in there or not isinstance(each, dict)}
    return unfit or None


def _made(kind: type, raw: Json, place: str, tell: Tell) -> Any:  # noqa: ANN401 - of that kind
    made = _empty(kind, place)
    fill(made, raw if isinstance(raw, dict) else {"value": raw}, place, tell)
    return made


def _empty(kind: type, place: str) -> Any:  # noqa: ANN401 - of that kind
    if kind is Step:
        return Step("wb.other", place)
    return Part("out", "unknown", "opaque") if kind is Part else Annotation("unknown")


def run_from(value: Mapping[str, Json], place: str, tell: Tell) -> Run:
    """Return the run of a plain form.

    Examples
    --------
    >>> run = Run("mine", "/0", [Step("chat", "/0/0")], outcome=True)
    >>> run_from(plain(run), "L1", print) == run
    True
    """
    run = Run("unknown")
    fill(run, value, place, tell)
    check_links(run, place, tell)
    return run


def check_links(run: Run, place: str, tell: Tell) -> None:
    """Drop links to steps that are nowhere, or that go round, in place."""
    numbers = range(len(run.steps))
    for at, step in enumerate(run.steps):
        for name in ("parent", "call_step"):
            linked = getattr(step, name)
            if linked is not None and (linked not in numbers or linked == at):
                setattr(step, name, None)
                step.flags |= {"orphan"}
                tell(f"{place}/steps/{at}", f"its {name} is step {linked}, which is none")
    for at in circular([step.parent for step in run.steps]):
        tell(
            f"{place}/steps/{at}",
            f"its parent is step {run.steps[at].parent}, which lies within it",
        )
        run.steps[at].parent = None
        run.steps[at].flags |= {"orphan"}


def extension(
    run: Run, told: Run, places: Sequence[str | None], *, by: Key = "source"
) -> dict[str, Json]:
    """Return what a format cannot hold of a run.

    Parameters
    ----------
    run : Run
        What was written.
    told : Run
        What the format's reader makes of it, read as a document of its own.
    places : sequence of str or None
        Where each step of `run` stands in what was written; None for one that stands nowhere.
    by : {"source", "span_id"}
        What tells a step of `told`.

    Returns
    -------
    dict
        Empty where nothing is lacking.
    """
    found: dict[str, Json] = {}
    if lacking := _differing(run, told, _PLACES):
        found["run"] = lacking
    known = _places(told, by)
    places = _once(places, known)
    base = _aligned(told, known, places)
    lacks = [_differing(*pair, ("source",)) for pair in zip(run.steps, base, strict=True)]
    if every := _common(lacks):
        found["every"] = every
    entries: list[Json] = []
    for lacking, place in zip(lacks, places, strict=True):
        own = {name: each for name, each in lacking.items() if name not in every}
        if place is None:
            entries.append(own)
        else:
            entries.append({"at": place, **own} if own else place)
    if entries != list(known):
        found["steps"] = entries
        if dropped := list(known.keys() - set(places)):
            found["dropped"] = sorted(dropped, key=known.__getitem__)
    return dict(escaped(found))


def _common(lacks: Sequence[dict[str, Json]]) -> dict[str, Json]:
    """Return what is lacking alike in every step of two or more."""
    first = lacks[0] if len(lacks) > 1 else {}
    return {
        name: value
        for name, value in first.items()
        if all(name in other and _same(other[name], value) for other in lacks)
    }


def extend(run: Run, value: Json, place: str, tell: Tell, *, by: Key = "source") -> None:
    """Give a run what its format could not hold, in place.

    Parameters
    ----------
    run : Run
        As its format's reader made it.
    value : JSON value
        As `extension` makes it.
    place : str
        Where the extension stands.
    tell : callable
        Takes the place and the reason of what does not fit.
    by : {"source", "span_id"}
        What tells a step.
    """
    value = revived(value)
    fields = dict(value) if isinstance(value, dict) else {"value": value}
    entries, dropped = fields.pop("steps", None), fields.pop("dropped", [])
    lacking, every = fields.pop("run", {}), fields.pop("every", {})
    if isinstance(entries, list) and isinstance(dropped, list):
        _extend_steps(run, entries, dropped, place, tell, by)
    elif entries is not None:
        fields["steps"] = entries
    if isinstance(lacking, dict):
        fill(run, {name: lacking[name] for name in lacking if name not in _PLACES}, place, tell)
    else:
        fields["run"] = lacking
    if isinstance(every, dict):
        for step in run.steps if every else []:
            fill(step, {name: every[name] for name in every if name != "source"}, place, tell)
    else:
        fields["every"] = every
    if fields:
        run.extra = {**run.extra, "unread": fields}
        tell(place, f"an extension has no {', '.join(map(repr, fields))[:200]} as it stands")
    check_links(run, place, tell)


def _extend_steps(
    run: Run, entries: list[Json], dropped: list[Json], place: str, tell: Tell, by: Key
) -> None:
    known = _places(run, by)
    wanted = [each if isinstance(each, dict) else {"at": each} for each in entries]
    places = _once([entry.get("at") for entry in wanted], known)
    gone = {each for each in [*dropped, *places] if isinstance(each, str)}
    for each in known:
        if each not in gone:
            tell(place, f"{each} is no step of the extension; it stands at the end")
            wanted.append({"at": each})
            places.append(each)
    run.steps = _aligned(run, known, places)
    for at, (entry, step, where) in enumerate(zip(wanted, run.steps, places, strict=True)):
        if where is None:
            step.source = f"{place}/steps/{at}"
        fields = {name: each for name, each in entry.items() if name not in {"at", "source"}}
        fill(step, fields if where or "at" not in entry else entry, f"{place}/steps/{at}", tell)


def _places(run: Run, by: Key) -> dict[str, int]:
    """Return each step's place in its run's document, numbered where several share one."""
    found: dict[str, int] = {}
    seen: dict[str, int] = {}
    for at, step in enumerate(run.steps):
        own = step.source.removeprefix(run.pointer) if by == "source" else str(step.span_id)
        seen[own] = seen.get(own, 0) + 1
        found[own if seen[own] == 1 else f"{own}#{seen[own]}"] = at
    return found


def _once(places: Iterable[Json], known: Mapping[str, int]) -> list[str | None]:
    """Return the places that are known, each where it comes first; None for the others."""
    found: list[str | None] = []
    seen = set()
    for place in places:
        fits = isinstance(place, str) and place in known and place not in seen
        found.append(place if fits else None)
        seen.add(found[-1])
    return found


def _aligned(run: Run, known: Mapping[str, int], places: Iterable[str | None]) -> list[Step]:
    """Return a run's steps in the order of their places, their links to match."""
    numbers = [None if place is None else known.get(place) for place in places]
    new = {old: at for at, old in enumerate(numbers) if old is not None}
    found = []
    for old in numbers:
        step = Step("wb.other", "") if old is None else dataclasses.replace(run.steps[old])
        step.parent, step.call_step = new.get(step.parent), new.get(step.call_step)  # type: ignore[arg-type]
        found.append(step)
    return found


def _differing(wanted: Any, told: Any, skipped: Sequence[str]) -> dict[str, Json]:  # noqa: ANN401
    """Return the fields of one thing of the model that are not those of another."""
    found = {}
    for name in _DEFAULTS[type(wanted)]:
        mine, other = getattr(wanted, name), getattr(told, name)
        if name in skipped or _same(mine, other):
            continue
        if name == "parts" and len(mine) == len(other):
            pairs = [_differing(*pair, ()) for pair in zip(mine, other, strict=True)]
            found[name] = {str(at): each for at, each in enumerate(pairs) if each}
        else:
            found[name] = _plain_value(mine)
    return found


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any field of the model
    if type(one) is not type(other) or one != other:
        return False
    if not isinstance(one, (dict, list, Usage)) or not one:
        return True
    # 1, 1.0 and True are equal, but not the same
    return json.dumps(_plain_value(one), sort_keys=True) == json.dumps(
        _plain_value(other), sort_keys=True
    )


def escaped(value: Json) -> Json:
    """Return a value with JSON's own numbers only: NaN and the infinities become objects.

    Examples
    --------
    >>> escaped({"a": [float("nan"), 1.5]})
    {'a': [{'$number': 'NaN'}, 1.5]}
    >>> revived(escaped({"$number": "NaN"}))
    {'$number': 'NaN'}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: next(name for name, odd in _ODD.items() if repr(odd) == repr(value))}
    if isinstance(value, dict):
        inner = {name: escaped(each) for name, each in value.items()}
        return {_NUMBER: inner} if set(value) == {_NUMBER} else inner
    return [escaped(each) for each in value] if isinstance(value, (list, tuple)) else value


def revived(value: Json) -> Json:
    """Return what `escaped` was given."""
    if isinstance(value, dict):
        if set(value) == {_NUMBER}:
            inner = value[_NUMBER]
            if isinstance(inner, dict):
                return {name: revived(each) for name, each in inner.items()}
            return _ODD.get(inner, value) if isinstance(inner, str) else value
        return {name: revived(each) for name, each in value.items()}
    return [revived(each) for each in value] if isinstance(value, list) else value


def finite(value: Json) -> Json:
    """Return a value with null where a number is none of JSON's."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, (list, tuple)) else value


def dumped(value: Json) -> bytes:
    """Return a value as one line of JSON, in UTF-8.

    Examples
    --------
    >>> dumped({"a": "é"}).decode()
    '{"a":"é"}'
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError:
        # halves of characters have no bytes of their own
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
