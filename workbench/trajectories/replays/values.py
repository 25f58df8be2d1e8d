"""Python values as JSON and back, canonical bytes of them, and where two of them differ."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from workbench.errors import BadKind
from workbench.trajectories.model import Json

# A key that no sensible object has marks what JSON cannot say.
_MARK = "$workbench"


def canonical(value: Json) -> bytes:
    """Return a JSON value as bytes that are the same for equal values, whatever their order of keys.

    References
    ----------
    RFC 8785 (JSON Canonicalization Scheme), but for the form of numbers: 1 and 1.0 differ here.

    Examples
    --------
    >>> canonical({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def encoded(value: Any, what: str) -> Json:  # noqa: ANN401 - that is the question
    """Return a Python value as JSON from which `decoded` makes an equal one.

    Parameters
    ----------
    value : object
        None, truth values, numbers, texts, bytes, lists, tuples, dicts with text keys, and objects
        with a `model_dump`, which are kept as dicts that can be read by attribute.
    what : str
        What it is, for the error.

    Raises
    ------
    BadKind
        If it holds anything else.

    Examples
    --------
    >>> decoded(encoded((1, b"x"), "it"))
    (1, b'x')
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return {_MARK: "bytes", "value": base64.b64encode(value).decode("ascii")}
    if isinstance(value, (list, tuple)):
        items = [encoded(each, what) for each in value]
        return items if isinstance(value, list) else {_MARK: "tuple", "value": items}
    if isinstance(value, Record):
        return {_MARK: "record", "value": encoded(value._members, what)}
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        members = {name: encoded(each, what) for name, each in value.items()}
        return {_MARK: "dict", "value": members} if _MARK in members else members
    if callable(dump := getattr(value, "model_dump", None)):
        return {_MARK: "record", "value": encoded(dump(mode="json"), what)}
    raise BadKind(
        f"{what} must be made of what JSON knows, bytes and tuples, but {type(value).__name__} came; "
        "turn it into a dict before it is recorded."
    )


def decoded(value: Json) -> Any:  # noqa: ANN401
    """Return the Python value that `encoded` was given."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    mark = value.get(_MARK)
    if mark is None:
        return {name: decoded(each) for name, each in value.items()}
    inner = value["value"]
    if mark == "bytes":
        return base64.b64decode(inner)
    if mark == "tuple":
        return tuple(decoded(each) for each in inner)
    if mark == "record":
        return Record(decoded(inner))
    return {name: decoded(each) for name, each in inner.items()}


class Record:
    """Members that are read by attribute, as those of a client's answer: `answer.choices[0]`.

    Parameters
    ----------
    members : dict
        What it holds; dicts inside become records too.
    """

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        try:
            return _opened(self._members[name])
        except KeyError:
            raise AttributeError(f"the recorded answer has no member {name!r}") from None

    def __repr__(self) -> str:
        return f"Record({self._members!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._members == other._members

    __hash__ = None  # type: ignore[assignment]

    def model_dump(self, **_: object) -> dict[str, Any]:
        """Return the members as a dict, as pydantic's models do."""
        return self._members


def _opened(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return Record(value)
    return [_opened(each) for each in value] if isinstance(value, list) else value


def first_difference(one: Json, two: Json, place: str = "") -> tuple[str, Json, Json]:
    """Return the JSON pointer at which two values first differ, and what stands there in each.

    References
    ----------
    RFC 6901 (JSON Pointer): in a name ``~`` is written ``~0`` and ``/`` is written ``~1``.

    Examples
    --------
    >>> first_difference({"a": [1, 2]}, {"a": [1, 3]})
    ('/a/1', 2, 3)
    """
    if isinstance(one, dict) and isinstance(two, dict):
        for name in [*one, *(each for each in two if each not in one)]:
            if canonical(one.get(name)) != canonical(two.get(name)) or (name in one) != (
                name in two
            ):
                there = name.replace("~", "~0").replace("/", "~1")
                return first_difference(one.get(name), two.get(name), f"{place}/{there}")
    if isinstance(one, list) and isinstance(two, list):
        for at in range(max(len(one), len(two))):
            pair = [each[at] if at < len(each) else None for each in (one, two)]
            if at >= min(len(one), len(two)) or canonical(pair[0]) != canonical(pair[1]):
                return first_difference(pair[0], pair[1], f"{place}/{at}")
    return place, one, two
