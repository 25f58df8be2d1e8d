"""What the members of a rule must be, said in one sentence where they are not."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from workbench.errors import BadKind, BadValue
from workbench.trajectories.auditing.patterns import KINDS
from workbench.trajectories.model import Json


class Kind(NamedTuple):
    """What a member must be, in words and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_list(value: object) -> bool:
    return isinstance(value, (Sequence, Set)) and not isinstance(value, (str, bytes))


def _are_texts(value: Any) -> bool:  # noqa: ANN401 - whatever a policy holds
    return _is_list(value) and all(map(_is_text, value))


def _is_number(value: object) -> bool:
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and abs(value) < math.inf  # type: ignore[arg-type]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_pattern(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except (re.error, RecursionError, OverflowError):
        return False


def _are_patterns(value: Any) -> bool:  # noqa: ANN401
    return _is_list(value) and all(map(_is_pattern, value))


def _are_kinds(value: Any) -> bool:  # noqa: ANN401
    return _are_texts(value) and set(value) <= set(KINDS)


def _are_members(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value))


def _is_origin(value: Any) -> bool:  # noqa: ANN401
    texts = ("tool", "member")
    return _are_members(value) and value.keys() <= {*texts, "same"} and (
        all(_is_text(value.get(each)) for each in texts) and _are_texts(value.get("same", ()))
    )  # fmt: skip


def _is_request(value: Any) -> bool:  # noqa: ANN401
    named = isinstance(value, Mapping) and value.keys() == {"tool", "same"}
    return named and _is_text(value["tool"]) and _are_texts(value["same"]) and bool(value["same"])


TEXT = Kind("a text", _is_text)
ANY_TEXT = Kind("a text", lambda value: isinstance(value, str))
TEXTS = Kind("a list of texts", _are_texts)
NUMBER = Kind("a finite number", _is_number)
COUNT = Kind("a whole number from 0", _is_count)
VALUES = Kind("a list", _is_list)
PATTERN = Kind("a regular expression", _is_pattern)
PATTERNS = Kind("a list of regular expressions", _are_patterns)
NAMED_KINDS = Kind(f"a list of {', '.join(KINDS)}", _are_kinds)
MEMBERS = Kind("an object", _are_members)
ORIGIN = Kind("an object of tool, member and perhaps same, a list of texts", _is_origin)
REQUEST = Kind("an object of tool and same, a list of texts", _is_request)


def maybe(kind: Kind) -> Kind:
    """Return a kind that may be left out."""
    return Kind(kind.words, lambda value: value is None or kind.holds(value))


def demand(rule: object, **kinds: Kind) -> None:
    """Check the members of a rule.

    Raises
    ------
    BadKind
        If one is not what it must be.

    Examples
    --------
    >>> from workbench.trajectories.auditing.rules import AllowedTools
    >>> AllowedTools(tools="pay")
    Traceback (most recent call last):
    workbench.errors.BadKind: `tools` of AllowedTools must be a list of texts, but 'pay' came; mend the policy.
    """
    for name, kind in kinds.items():
        value: Json = getattr(rule, name)
        if not kind.holds(value):
            raise BadKind(
                f"`{name}` of {type(rule).__name__} must be {kind.words}, but {repr(value)[:80]} "
                "came; mend the policy."
            )


def demand_one(rule: object, *names: str) -> None:
    """Check that a rule has at least one of some members: without any it would allow all.

    Raises
    ------
    BadValue
        If it has none.
    """
    if all(getattr(rule, name) in (None, (), [], {}) for name in names):
        raise BadValue(
            f"{type(rule).__name__} must have one of {', '.join(names)}, but has none; add one."
        )


def demand_list(name: str, value: object) -> None:
    """Check that an argument is a list: the letters of a text would each be taken for what it names.

    Raises
    ------
    BadKind
        If it is one text or path, or nothing.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise BadKind(
            f"`{name}` must be a list, but {repr(value)[:80]} came; put what it names into [ ]."
        )
