"""Taking a JSON object apart, so that what nobody takes is kept."""

import re
from datetime import UTC, datetime
from typing import Any

from workbench.trajectories.model import Json

_NANOSECONDS = re.compile(r"[.,]\d{6}(\d{1,3})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(value: Json) -> int | None:
    """Return a time in ISO 8601 as nanoseconds since 1970; one without a zone is taken as UTC.

    Parameters
    ----------
    value : JSON value
        Anything; what is no such time, or lies before 1970 or after 2262, gives None.

    Examples
    --------
    >>> nanoseconds("1970-01-01T00:00:01.5Z"), nanoseconds("1970-01-01T01:00:00+01:00")
    (1500000000, 0)
    >>> nanoseconds("1970-01-01T00:00:00.123456789Z"), nanoseconds("soon")
    (123456789, None)
    """
    if not isinstance(value, str) or not 10 <= len(value) <= 40:
        return None
    try:
        found = datetime.fromisoformat(value)
        since = (found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
    total = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    # a datetime ends at microseconds; most times do too, in the place where all write them
    if value[19:20] != "." or value[26:27].isdigit():
        more = _NANOSECONDS.search(value)
        total += int(f"{more[1]:0<3}") if more else 0
    return total if 0 <= total < 2**63 else None


class Fields:
    """A JSON object of which whatever is not taken stays in `rest`, so that nothing is lost.

    What has another kind than asked for is not taken: it stays in the rest too.

    Parameters
    ----------
    value : object
        What should be an object; anything else stays in the rest under the key `value`.

    Examples
    --------
    >>> fields = Fields({"role": "user", "content": 7, "name": "ann"})
    >>> fields.text("role"), fields.text("content"), fields.rest()
    ('user', None, {'content': 7, 'name': 'ann'})
    """

    __slots__ = ("_inner", "_left")

    def __init__(self, value: Json) -> None:
        if isinstance(value, dict):
            self._left: dict[str, Json] = dict(value)
        else:
            self._left = {} if value is None else {"value": value}
        self._inner: dict[str, Fields] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def peek(self, name: str) -> Json:
        """Return a member without taking it; None where there is none."""
        return self._left.get(name)

    def take(self, name: str) -> Json:
        """Take a member whatever it is; None where there is none."""
        return self._left.pop(name, None)

    def _taken(self, names: tuple[str, ...], fits: Any) -> Json:  # noqa: ANN401 - a predicate
        for name in names:
            value = self._left.get(name)
            if value is not None and fits(value):
                del self._left[name]
                return value
        return None

    def text(self, *names: str) -> str | None:
        """Take the first of these members that is a text."""
        left = self._left
        for name in names:
            if isinstance(left.get(name), str):
                found: str = left.pop(name)
                return found
        return None

    def key(self, *names: str) -> str | None:
        """Take the first that is a text or a whole number, as a text."""
        found = self._taken(names, _is_key) if names else None
        return None if found is None else str(found)

    def count(self, *names: str) -> int | None:
        """Take the first that is a whole number, not negative, below 2**63; a text of one too."""
        left = self._left
        for name in names:
            if (found := _as_count(left.get(name))) is not None:
                del left[name]
                return found
        return None

    def number(self, *names: str) -> float | None:
        """Take the first that is a finite number."""
        found = self._taken(names, _is_number)
        return None if found is None else float(found)

    def time(self, *names: str) -> int | None:
        """Take the first that is a time as ISO 8601 writes it, as nanoseconds since 1970."""
        found = self._taken(names, lambda value: nanoseconds(value) is not None)
        return None if found is None else nanoseconds(found)

    def flag(self, *names: str) -> bool | None:
        """Take the first that is true or false."""
        found: bool | None = self._taken(names, lambda value: isinstance(value, bool))
        return found

    def items(self, *names: str) -> list[Json]:
        """Take the first that is a list; an empty list where there is none."""
        left = self._left
        for name in names:
            if isinstance(left.get(name), list):
                found: list[Json] = left.pop(name)
                return found
        return []

    def inner(self, name: str) -> "Fields":
        """Open a member that is an object; what is not taken of it stays in our rest."""
        opened = self._inner = {} if self._inner is None else self._inner
        if name not in opened:
            value = self._left.get(name)
            if not isinstance(value, dict):
                return Fields(None)
            del self._left[name]
            opened[name] = Fields(value)
        return opened[name]

    def below(self, prefix: str) -> list[str]:
        """Return the names that begin so, of members that are there."""
        return [name for name in self._left if name.startswith(prefix)]

    def rest(self) -> dict[str, Json]:
        """Return what was not taken."""
        found = dict(self._left)
        for name, each in self._inner.items() if self._inner else ():
            if rest := each.rest():
                found[name] = rest
        return found


def _is_key(value: Json) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _as_count(value: Json) -> int | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        # protobuf's JSON writes whole numbers of 64 bits as texts
        value = int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def _is_number(value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # a whole number that no float holds would come out as another
    return abs(value) < 1e300 and float(value) == value
