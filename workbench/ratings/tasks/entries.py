"""What people put into tasks and answers, checked one by one: numbers, lines, texts, records.

Each function returns the entry in the one form in which it is kept, or says in one sentence why it
cannot be used. What came is hostile: it is shown shortened, and never trusted to have a size.
"""

import dataclasses
import math
import re
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from workbench.display import plain
from workbench.errors import BadValue, some, unknown_name

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
"""What tasks and questions may be called: names become columns, keys and file names."""

_HALF = re.compile("[\ud800-\udfff]")
# What would break a line, or a terminal; white space but the blank among it.
_NO_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_QUOTES = "; put it in quotes if it is meant as text"


def seen(value: object) -> str:
    """Return what came, short enough for a sentence.

    Examples
    --------
    >>> seen("a" * 1000)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    """
    short = reprlib.Repr()
    short.maxstring, short.maxother, short.maxlevel, short.fillvalue = 60, 60, 2, "…"
    try:
        return plain(short.repr(value), width=120)
    except ValueError:  # a whole number of thousands of digits
        return f"something that cannot be shown ({type(value).__name__})"


def number(value: object, what: str) -> int | float:
    """Return a finite number, as int if it is whole.

    Raises
    ------
    BadValue
        If it is a boolean, no number, NaN or infinite.

    Examples
    --------
    >>> number(3.0, "the answer"), number(-0.0, "the answer"), number(2.5, "the answer")
    (3, 0, 2.5)
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            figure = float(value)
        except OverflowError:
            figure = math.inf
        if math.isfinite(figure):
            return int(figure) if figure.is_integer() else figure
    raise BadValue(f"{what} must be a finite number, but {seen(value)} came; write it in digits.")


def whole(value: object, what: str, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`."""
    figure = number(value, what)
    if isinstance(figure, float) or not low <= figure <= high:
        raise BadValue(
            f"{what} must be a whole number from {low:,} to {high:,}, but {seen(value)} came; change it."
        )
    return figure


def flag(value: object, what: str) -> bool:
    """Return a boolean, which nothing else stands for."""
    if not isinstance(value, bool):
        raise BadValue(f"{what} must be true or false, but {seen(value)} came; write one of them.")
    return value


def prose(value: object, what: str, longest: int) -> str:
    """Return a text of at most `longest` characters that a file can hold."""
    if not isinstance(value, str):
        quotes = "" if isinstance(value, Mapping | list | tuple) or value is None else _QUOTES
        raise BadValue(f"{what} must be text, but {seen(value)} came{quotes or '; write text'}.")
    if len(value) > longest:
        raise BadValue(
            f"{what} must have at most {longest:,} characters, but {len(value):,} came; shorten it."
        )
    if half := _HALF.search(value):
        raise BadValue(
            f"{what} must hold whole characters only, but half of one ({half[0]!r}) stands at "
            f"character {half.start() + 1}; remove it."
        )
    # a text type of another library becomes a plain one
    return str(value)


def line(value: object, what: str, longest: int = 500) -> str:
    """Return a text of one line that says something."""
    text = prose(value, what, longest)
    if control := _NO_LINE.search(text):
        raise BadValue(
            f"{what} must be one line without control characters, but {control[0]!r} stands at "
            f"character {control.start() + 1}; remove it."
        )
    if not text.strip():
        raise BadValue(f"{what} must say something, but {seen(text)} came; write a few words.")
    return text


def name(value: object, what: str) -> str:
    """Return a name fit for columns and files."""
    text = prose(value, what, 1_000_000)
    if not NAME.fullmatch(text):
        raise BadValue(
            f"{what} must begin with a letter of a to z and have 1 to 64 letters, digits, '_', '-' "
            f"and '.', but {seen(text)} came; name it so, and say the rest in its text."
        )
    return text


def several(value: object, what: str, most: int) -> list[Any]:
    """Return the things in a sequence, which a text or a mapping is not."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise BadValue(f"{what} must be a list, but {seen(value)} came; write a list.")
    if len(value) > most:
        raise BadValue(
            f"{what} must have at most {most:,} entries, but {len(value):,} came; leave some out."
        )
    return list(value)


def lines(value: object, what: str, *, least: int = 1, most: int = 200) -> tuple[str, ...]:
    """Return different texts of one line each."""
    texts = [line(each, f"each of {what}") for each in several(value, what, most)]
    if len(texts) < least:
        count = "an entry" if least == 1 else f"{least} entries"
        raise BadValue(
            f"{what} must have at least {count}, but {len(texts)} came; add what is missing."
        )
    once(texts, what)
    return tuple(texts)


def once(texts: Iterable[str], what: str) -> None:
    """Refuse texts of which two look the same to people, who cannot tell them apart."""
    known: dict[str, str] = {}
    for text in texts:
        look = " ".join(unicodedata.normalize("NFC", text).split()).casefold()
        if look in known:
            raise BadValue(
                f"{what} must differ by more than case and spaces, but {seen(known[look])} and "
                f"{seen(text)} came; rename one of them."
            )
        known[look] = text


def record(value: object, what: str, known: Iterable[str]) -> dict[str, Any]:
    """Return a mapping whose keys are all known.

    Raises
    ------
    BadValue
        If it is no mapping.
    UnknownName
        If it has another key; the nearest known one is named.
    """
    if not isinstance(value, Mapping):
        raise BadValue(
            f"{what} must be a mapping of keys to values, but {seen(value)} came; write one."
        )
    names = list(known)
    for key in value:
        if not isinstance(key, str) or key not in names:
            raise unknown_name(f"a key of {what}", plain(key, width=80), names)
    return dict(value)


def fields(
    value: object, what: str, kind: type[Any], *, beside: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a mapping to the fields of a dataclass, those without a default among them."""
    known = dataclasses.fields(kind)
    given = record(value, what, [*beside, *(each.name for each in known)])
    nothing = dataclasses.MISSING
    needed = [each.name for each in known if each.default is each.default_factory is nothing]
    if missing := [name for name in needed if name not in given]:
        raise BadValue(
            f"{what} must have {some(missing)}, but {some(given, 9) or 'nothing'} came; add what is "
            "missing."
        )
    return given


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON has many kinds
    """Return a field as JSON has it: lists for tuples, text for keys.

    Examples
    --------
    >>> to_json({1: ("a", "b"), 0.5: ()})
    {'1': ['a', 'b'], '0.5': []}
    """
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    return value
