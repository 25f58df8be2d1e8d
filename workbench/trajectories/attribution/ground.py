"""The values that an agent has read, however they were written there."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from workbench.trajectories.model import Json

_TOKEN = re.compile(r"[A-Za-z0-9]+")
_FIGURE = re.compile(r"\d[\d,]{0,30}(?:\.\d{1,10})?")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_SHORT = [month[:3] for month in _MONTHS]
_ISO = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_LONG = re.compile(
    rf"\b(\d{{1,2}}) ((?:{'|'.join(_SHORT)})[a-z]{{0,6}}),? (\d{{4}})\b", re.IGNORECASE
)
_SLASHED = re.compile(r"\b(\d\d)[/.](\d\d)[/.](\d{4})\b")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].{0,30})?")
# An identifier is written in at most so many pieces, and has at most so many signs: "AB 1234 5678 X".
_PIECES = 5
_LONGEST_NAME = 40
# Of a text, how much is read; of all identifiers of one length, among how many a slip is looked for.
_LONGEST = 50_000
_CROWD = 5_000
# For so many values of a run a slip is looked for.
_SEARCHES = 200
# Scalars deeper in a result nobody would read by hand.
_DEPTH = 6
_LARGEST = 1e200


class Ground:
    """The identifiers, figures, words and days in the texts read so far, and where each was first.

    Examples
    --------
    >>> ground = Ground()
    >>> ground.read("Policy WB 1234 5678 of 4 December 2025: £1,240.50")
    >>> ground.holds("WB-1234-5678"), ground.holds("2025-12-04"), ground.holds(124050)
    (True, True, True)
    >>> ground.holds("WB-1234-5687"), ground.nearest("WB-1234-5687")
    (False, 'WB12345678')
    """

    def __init__(self) -> None:
        self.days: dict[date, int] = {}
        self._identifiers: dict[str, int] = {}
        self._passage = 0
        self._passages: dict[str, int] = {}
        self._by_passage: dict[int, list[str]] = defaultdict(list)
        self._by_length: dict[int, list[str]] = defaultdict(list)
        self._figures: set[float] = set()
        self._words: set[str] = set()
        self._searches = 0

    def read(self, text: str, at: int = 0) -> None:
        """Take in a text that a step brings; of JSON, its texts and numbers."""
        value = parsed(text) if text[:1] in {"{", "["} else text
        for _, each in scalars(value):
            self._passage += 1
            self._read(str(each)[:_LONGEST], at)

    def _read(self, text: str, at: int) -> None:
        pieces = [each.upper() for each in _TOKEN.findall(text)]
        self._words.update(pieces)
        for n in range(1, min(_PIECES, len(pieces)) + 1):
            for each in map("".join, zip(*(pieces[first:] for first in range(n)), strict=False)):
                if each not in self._identifiers and _can_identify(each):
                    self._identifiers[each] = at
                    self._passages[each] = self._passage
                    self._by_passage[self._passage].append(each)
                    self._by_length[len(each)].append(each)
        figures = (float(each.replace(",", "")) for each in _FIGURE.findall(text))
        self._figures.update(round(each, 6) for each in figures)
        for day in days_in(text):
            self.days.setdefault(day, at)

    def holds(self, value: Json) -> bool:
        """Tell whether a value was read, however it was written there."""
        if isinstance(value, bool) or value is None:
            return True
        if (number := figure(value)) is not None:
            # pounds and pence, parts and percent
            return any(round(number * factor, 6) in self._figures for factor in (1, 0.01, 100))
        text = str(value)
        if (day := day_of(text)) and (day in self.days or self._holds_month_and(day)):
            return True
        pieces = [each.upper() for each in _TOKEN.findall(text)]
        return "".join(pieces) in self._identifiers or self._words.issuperset(pieces)

    def _holds_month_and(self, day: date) -> bool:
        """Tell whether a day was read without its year: May 20, 20th May, 5/20."""
        month = _MONTHS[day.month - 1].upper()
        ways = (
            f"{month}{day.day}",
            f"{day.day}{month}",
            f"{day.day}TH{month}",
            f"{month}{day.day}TH",
        )
        short = (f"{month[:3]}{day.day}", f"{day.day}{month[:3]}", f"{day.month}{day.day}")
        return any(way in self._identifiers for way in (*ways, *short))

    def origin(self, value: str) -> int | None:
        """Return the step that first brought an identifier."""
        return self._identifiers.get(joined(value))

    def alike(self, value: str) -> list[str]:
        """Return the other identifiers of the same form that the same text brought."""
        plain = joined(value)
        passage = self._passages.get(plain)
        if passage is None:
            return []
        form = _form(plain)
        return [each for each in self._by_passage[passage] if each != plain and _form(each) == form]

    def nearest(self, value: str) -> str | None:
        """Return an identifier that was read and differs from this by a slip of the hand."""
        self._searches += 1
        if self._searches > _SEARCHES:
            return None
        plain = joined(value)
        lengths = range(len(plain) - 1, len(plain) + 2)
        near = (
            known
            for length in lengths
            for known in self._by_length.get(length, [])[:_CROWD]
            if known != plain and is_slip(known, plain)
        )
        return min(near, default=None)


def joined(text: str) -> str:
    """Return the letters and digits of a text, in capitals."""
    return "".join(_TOKEN.findall(text)).upper()


def _can_identify(text: str) -> bool:
    if len(text) > _LONGEST_NAME or text.isalpha():
        # nearly all
        return False
    return any(mark.isdigit() for mark in text)


def _form(text: str) -> str:
    """Return a text with every digit as 9, and its last letter, which may check the others, as A."""
    return re.sub(r"[A-Z]$", "A", re.sub(r"\d", "9", text))


def is_slip(one: str, other: str) -> bool:
    """Tell whether two texts differ by a wrong sign or two, two exchanged, one missing or added.

    Examples
    --------
    >>> is_slip("4711", "4171"), is_slip("4711", "471"), is_slip("4711", "8234")
    (True, True, False)
    """
    if len(one) == len(other):
        differing = sum(a != b for a, b in zip(one, other, strict=True))
        exchanged = differing == 2 and sorted(one) == sorted(other)
        return exchanged or differing <= (2 if len(one) > 5 else 1)
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) != 1:
        return False
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def is_identifier(value: Json) -> bool:
    """Tell whether a value looks like a number or code that names something.

    Examples
    --------
    >>> is_identifier("HM-204718-K"), is_identifier("two words"), is_identifier(12)
    (True, False, False)
    """
    if not isinstance(value, str) or not 4 <= len(value) <= _LONGEST_NAME:
        return False
    return sum(mark.isdigit() for mark in value) >= 2 and len(value.split()) <= _PIECES


def figure(value: Json) -> float | None:
    """Return a number that can be reckoned with, None for what is none.

    Examples
    --------
    >>> figure(3), figure(True), figure(10**400), figure("3")
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < _LARGEST else None


def scalars(value: Json, path: str = "", depth: int = 0) -> Iterator[tuple[str, Json]]:
    """Yield the scalars in a JSON value with their paths.

    Examples
    --------
    >>> dict(scalars({"a": [1, {"b": None}]}))
    {'a.0': 1, 'a.1.b': None}
    """
    if not isinstance(value, (dict, list)):
        yield path, value
    elif depth < _DEPTH:
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from scalars(each, f"{path}.{name}" if path else str(name), depth + 1)


def parsed(text: str | None) -> Json:
    """Return a result as JSON where it is, else as it stands."""
    if text is None or len(text) > _LONGEST:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


@lru_cache(maxsize=1 << 16)
def matches(pattern: re.Pattern[str], path: str) -> bool:
    """Tell whether a path, which comes again and again, has a pattern."""
    return pattern.search(path) is not None


def days_in(text: str) -> Iterator[date]:
    """Yield the days that a text names, in ISO's form, as 4 December 2025, or as 04/12/2025.

    Examples
    --------
    >>> [str(day) for day in days_in("written on 13.12.2025, of 4 December 2025")]
    ['2025-12-04', '2025-12-13']
    """
    found = list(_ISO.findall(text))
    found += [
        (year, _SHORT.index(month[:3].lower()) + 1, day) for day, month, year in _LONG.findall(text)
    ]
    found += [(year, month, day) for day, month, year in _SLASHED.findall(text)]
    for year, month, day in found:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            continue


def day_of(value: Json) -> date | None:
    """Return the day that a text in ISO's form names, None where it names none.

    Examples
    --------
    >>> day_of("2025-12-04T10:00Z"), day_of("2025-13-04"), day_of(7)
    (datetime.date(2025, 12, 4), None, None)
    """
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    return next(days_in(found[1]), None) if found else None
