"""How an audit log hashes: a salted hash for each leaf, the leaves of a value in a tree, lines in a chain.

Any part of the tree can be replaced by its hash, in a mark, and the hash of the whole stays.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping

from workbench import store
from workbench.trajectories.model import Json
from workbench.trajectories.replays.values import canonical

START = "0" * 64
"""What stands before the first line."""

GONE = "$redacted"
"""The member of a mark that holds the hash of what was taken out."""

_ESCAPED = re.compile(r"\$+redacted")
_SALT = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")


def escaped(value: Json) -> Json:
    """Return a JSON value in which no object looks like a mark.

    Examples
    --------
    >>> escaped({"$redacted": 1, "$$redacted": [{"redacted": 2}]})
    {'$$redacted': 1, '$$$redacted': [{'redacted': 2}]}
    """
    if isinstance(value, dict):
        return {
            f"${name}" if _ESCAPED.fullmatch(name) else name: escaped(each)
            for name, each in value.items()
        }
    return [escaped(each) for each in value] if isinstance(value, (list, tuple)) else value


def is_mark(value: Json) -> bool:
    """Tell whether something was taken out here.

    Raises
    ------
    ValueError
        If it looks like a mark and is none.
    """
    if not isinstance(value, dict) or GONE not in value:
        return False
    hashed, shown = value[GONE], value.get("shown", "")
    texts = isinstance(hashed, str) and isinstance(shown, str)
    if not texts or not _HASH.fullmatch(hashed) or value.keys() - {GONE, "shown"}:
        raise ValueError
    return True


def under(place: str, name: str | int) -> str:
    """Return the JSON pointer of a member (RFC 6901)."""
    return f"{place}/{str(name).replace('~', '~0').replace('/', '~1')}"


def leaves(value: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    """Yield each leaf that is there with its pointer; an empty object or list is a leaf.

    Examples
    --------
    >>> list(leaves({"a": [1, {}], "b": {"$redacted": "0" * 64}}))
    [('/a/0', 1), ('/a/1', {})]
    """
    if is_mark(value):
        return
    if isinstance(value, dict) and value:
        for name in value:
            yield from leaves(value[name], under(place, name))
    elif isinstance(value, list) and value:
        for at, each in enumerate(value):
            yield from leaves(each, under(place, at))
    else:
        yield place, value


def redacted(value: Json) -> int:
    """Return how many marks stand in a value, of any form."""
    n, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict) and GONE in each:
            n += 1
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return n


def leaf_hash(place: str, value: Json, salt: str) -> str:
    """Hash a leaf; the place has no end of its own, but a canonical value holds no NUL."""
    data = [bytes.fromhex(salt), place.encode("utf-8", "surrogatepass"), canonical(value)]
    return store.digest(b"leaf\0" + b"\0".join(data))


def tree_hash(value: Json, salts: Mapping[str, str], place: str = "") -> str:
    """Hash a value from the hashes of its leaves; of what is redacted from the hash that it left.

    Raises
    ------
    KeyError, ValueError
        If a salt is missing, or a mark is none.
    """
    if is_mark(value):
        return str(value[GONE])
    if isinstance(value, dict) and value:
        named = {name: tree_hash(each, salts, under(place, name)) for name, each in value.items()}
        return store.digest(b"node\0" + canonical(named))
    if isinstance(value, list) and value:
        listed = [tree_hash(each, salts, under(place, at)) for at, each in enumerate(value)]
        return store.digest(b"node\0" + canonical(listed))
    return leaf_hash(place, value, salts[place])


def next_hash(before: str, hashed: str) -> str:
    """Return the hash of a line after another; both have 64 letters."""
    return store.digest(f"{before}{hashed}")


def salt_of(secret: bytes, n: int, place: str) -> str:
    """Return the salt of a leaf: 128 bits that only the secret gives."""
    data = f"{n}{place}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, data, hashlib.sha256).hexdigest()[:32]


def salts_hold(value: Json, salts: Mapping[str, str]) -> bool:
    """Tell whether each leaf has its salt, spelt as it was, and nothing else has one."""
    return salts.keys() == {place for place, _ in leaves(value)} and all(
        isinstance(each, str) and _SALT.fullmatch(each) for each in salts.values()
    )
