"""The texts inside JSON values, also inside texts that hold JSON, so that no escape hides one.

A tool's arguments and its answer are often JSON kept as a text, in which a new line is two letters
and a word may be spelt in hexadecimal. What a text says is looked for in all that it can be read as.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from workbench.trajectories.auditing.patterns import KINDS, masked, matches
from workbench.trajectories.model import Json

_ESCAPE = re.compile(r"\\+(?:u([0-9A-Fa-f]{4})|(.)|$)", re.DOTALL)


class _Members(list[tuple[str, Any]]):
    """The members of an object as they were written, of one name perhaps two."""


def decoded(text: str) -> Json:
    """Return the value of a text that is JSON, an object as its members; None for other texts.

    Examples
    --------
    >>> decoded('[1, "a"]'), decoded("a text"), decoded("12")
    ([1, 'a'], None, None)
    """
    if text.lstrip(" \t\r\n\ufeff")[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(text.lstrip("\ufeff"), object_pairs_hook=_Members)
    except (ValueError, RecursionError):
        return None


def unescaped(text: str) -> str:
    r"""Return a text as what its escapes stand for, though it is no whole JSON.

    Examples
    --------
    >>> unescaped(r'{"a": "SSN:\n12\u0033')
    '{"a": "SSN: 123'
    """
    return _ESCAPE.sub(_letter, text) if "\\" in text else text


def _letter(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return " " if (escape[2] or " ") in "nrtbf" else escape[2] or " "


def texts_in(value: Json) -> Iterator[str]:
    r"""Yield every text in a JSON value: names of members, numbers, texts, and what is in them.

    Examples
    --------
    >>> list(texts_in({"a": [1, None], "b": '["x\\ny"]'}))
    ['a', '1', 'b', '["x\\ny"]', 'x\ny']
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, (dict, list)):
            waiting += reversed(_inside(each))
        elif isinstance(each, str):
            yield each
            inner = decoded(each)
            if inner is not None:
                waiting.append(inner)
            elif (plain := unescaped(each)) != each:
                yield plain
        elif isinstance(each, (int, float)) and not isinstance(each, bool):
            yield str(each)


def _inside(value: dict[str, Json] | list[Json]) -> list[Json]:
    members = list(value.items()) if isinstance(value, dict) else value
    if isinstance(value, (dict, _Members)):
        return [each for member in members for each in member]
    return members


def names_in(text: str, names: Iterable[str]) -> bool:
    """Tell whether a text holds an object with a member of one of some names.

    A text that is not JSON does if it writes the name like a member: in quotes, before a colon.

    Examples
    --------
    >>> names_in('{"a": {"password": 1}}', ["password"]), names_in("a password: none", ["password"])
    (True, False)
    """
    wanted = frozenset(names)
    written = _written(wanted)
    return bool(wanted) and any(
        written.search(each) or not wanted.isdisjoint(_names(decoded(each)))
        for each in texts_in(text)
    )


@lru_cache(maxsize=16)
def _written(names: frozenset[str]) -> re.Pattern[str]:
    quoted = "|".join(map(re.escape, sorted(names)))
    return re.compile(rf"""["'](?:{quoted})\\*["']\s*:""")


def _names(value: Json) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, _Members):
            yield from (name for name, _ in each)
        if isinstance(each, list):
            waiting += _inside(each)


def tells(value: Json, kinds: Iterable[str] = KINDS) -> set[tuple[str, str]]:
    """Return what is found in a JSON value: each kind with the text that looks like it.

    Examples
    --------
    >>> sorted(tells({"card": 4111111111111111, "to": "ann@example.org"}))
    [('card', '4111111111111111'), ('email', 'ann@example.org')]
    """
    return {
        (match.kind, text[match.start : match.end])
        for text in texts_in(value)
        for match in matches(text, kinds)
    }


def shown(text: str, kinds: Iterable[str] = KINDS) -> str | None:
    r"""Return a text with marks for what was found; None where marks cannot hide it.

    Examples
    --------
    >>> shown('{"b": "SSN:\\n123-45-6789"}')
    '{"b": "SSN:\\n[ssn]"}'
    """
    try:
        return next((each for each in _ways(text, kinds) if not tells(each, kinds)), None)
    except RecursionError:
        return None


def _ways(text: str, kinds: Iterable[str]) -> Iterator[str]:
    """Yield a text with marks, first with its escapes as they are."""
    yield masked(text, kinds)
    if (inner := decoded(text)) is None:
        yield masked(unescaped(masked(text, kinds)), kinds)
    else:
        yield json.dumps(_masked(inner, kinds), ensure_ascii=False)


def _masked(value: Json, kinds: Iterable[str]) -> Json:
    if isinstance(value, _Members):
        return {masked(name, kinds): _masked(each, kinds) for name, each in value}
    if isinstance(value, list):
        return [_masked(each, kinds) for each in value]
    if isinstance(value, str):
        return shown(value, kinds) if tells(value, kinds) else value
    return f"[{next(matches(str(value), kinds)).kind}]" if tells(value, kinds) else value
