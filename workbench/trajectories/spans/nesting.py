"""Attributes whose names are paths, such as `llm.input_messages.0.message.role`, as nested values."""

from collections.abc import Mapping
from typing import Any

from workbench.trajectories.model import Json
from workbench.trajectories.sources.documents import Fields

# No convention goes deeper than this; hostile names do.
_DEEPEST = 24


def tree(fields: Fields, prefix: str) -> Json:
    """Take what stands below a prefix as one nested value; None where nothing does.

    Parts of a path that are numbers are the positions of a list, in the order of the numbers.

    Examples
    --------
    >>> fields = Fields({"m.10.role": "b", "m.2.role": "a", "n": 1})
    >>> tree(fields, "m"), fields.rest()
    ([{'role': 'a'}, {'role': 'b'}], {'n': 1})
    """
    root: dict[str, Any] = {}
    for name in fields.below(f"{prefix}."):
        path = name[len(prefix) + 1 :].split(".")
        if len(path) <= _DEEPEST and _planted(root, path, fields.peek(name)):
            fields.take(name)
    return _listed(root) if root else None


def _planted(root: dict[str, Any], path: list[str], value: Json) -> bool:
    """Put a value at a path unless something stands there, or on the way, already."""
    at: Any = root
    for part in path[:-1]:
        at = at.get(part, _EMPTY)
        if not isinstance(at, _Branch):
            return False
    if path[-1] in at:
        return False
    at = root
    for part in path[:-1]:
        at = at.setdefault(part, _Branch())
    at[path[-1]] = value
    return True


class _Branch(dict[str, Any]):
    """Grown from paths, so no value that came as a whole."""


_EMPTY = _Branch()


def _listed(branch: dict[str, Any]) -> Json:
    found = {
        name: _listed(each) if isinstance(each, _Branch) else each for name, each in branch.items()
    }
    if all(name.isascii() and name.isdecimal() and len(name) < 10 for name in found):
        return [found[name] for name in sorted(found, key=lambda name: (int(name), name))]
    return found


def flattened(value: Json, prefix: str, whole: frozenset[str]) -> dict[str, Json]:
    """Return nested values under names that are paths, the reverse of `tree`.

    Parameters
    ----------
    value : JSON value
        Whatever; None is left out, as tables of spans have it in every column not used.
    prefix : str
        The name so far.
    whole : frozenset of str
        Last parts of names whose values stay whole.

    Examples
    --------
    >>> flattened({"a": [{"b": 1}], "metadata": {"c": 2}}, "llm", frozenset({"metadata"}))
    {'llm.a.0.b': 1, 'llm.metadata': {'c': 2}}
    """
    found: dict[str, Json] = {}
    pending = [(prefix, value)]
    while pending:
        name, each = pending.pop()
        members = _members(each)
        if members and name.rpartition(".")[2] not in whole and name.count(".") < _DEEPEST:
            pending += [(f"{name}.{key}", inner) for key, inner in reversed(members)]
        elif each is not None:
            found[name] = each
    return found


def _members(value: Json) -> list[tuple[str, Json]]:
    if isinstance(value, Mapping):
        return [(str(key), each) for key, each in value.items()]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [(str(at), each) for at, each in enumerate(value)]
    return []
