"""What is taken out of a line of an audit log, and the marks that it leaves."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from workbench.trajectories.auditing.hashing import GONE, is_mark, tree_hash, under
from workbench.trajectories.auditing.texts import names_in, shown, tells
from workbench.trajectories.model import Json


class Choice(NamedTuple):
    """Kinds of patterns, and names of members, that are taken out."""

    kinds: tuple[str, ...]
    names: frozenset[str]


@lru_cache(maxsize=1024)
def _tells(name: str, kinds: tuple[str, ...]) -> bool:
    """Tell whether something is found in a name; the same few come again and again."""
    return bool(tells(name, kinds))


def without(value: Json, salts: Mapping[str, str], choice: Choice, place: str = "") -> Json:
    """Return a value with a mark for each part that is to go.

    Parameters
    ----------
    value : object
        The content of a line.
    salts : mapping of str to str
        Of its leaves, by their places.
    choice : Choice
        What is to go.
    place : str
        The pointer of the value.
    """
    if is_mark(value):
        return value
    if isinstance(value, dict) and value:
        if any(_tells(name, choice.kinds) for name in value):
            # a name is not a leaf: with the object around it the name is gone as well
            return {GONE: tree_hash(value, salts, place)}
        return {
            name: _member(name, each, salts, choice, under(place, name))
            for name, each in value.items()
        }
    if isinstance(value, list) and value:
        return [without(each, salts, choice, under(place, at)) for at, each in enumerate(value)]
    return _leaf(value, salts, choice, place)


def _member(name: str, value: Json, salts: Mapping[str, str], choice: Choice, place: str) -> Json:
    if name in choice.names and not is_mark(value):
        return {GONE: tree_hash(value, salts, place)}
    return without(value, salts, choice, place)


def _leaf(value: Json, salts: Mapping[str, str], choice: Choice, place: str) -> Json:
    mark = {GONE: ""}
    if isinstance(value, str) and names_in(value, choice.names):
        pass
    elif tells(value, choice.kinds):
        told = shown(str(value), choice.kinds)
        mark |= {"shown": told} if told is not None else {}
    else:
        return value
    return mark | {GONE: tree_hash(value, salts, place)}
