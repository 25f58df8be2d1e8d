"""Patterns of what should not leave a log: addresses, numbers of cards and accounts, keys, passwords.

They find what looks like one. A check digit, where the kind has one, keeps false alarms low; names of
people are not found.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from workbench.errors import unknown_name


class Match(NamedTuple):
    """What was found: its kind, and from where to where in the text."""

    kind: str
    start: int
    end: int


class _Kind(NamedTuple):
    """What a kind looks like, what else must hold, and where a shorter one may end, if it may."""

    pattern: re.Pattern[str]
    holds: Callable[[str], bool]
    ends: re.Pattern[str] | None = None


def _luhn(text: str) -> bool:
    """Check the last digit of a card number (ISO/IEC 7812-1, annex B)."""
    digits = [int(each) for each in text if each.isdigit()]
    doubled = [d * 2 - 9 * (d > 4) if at % 2 else d for at, d in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0


def _iban(text: str) -> bool:
    """Check the two digits of an account number (ISO 13616, ISO 7064 MOD 97-10)."""
    packed = text.replace(" ", "")
    number = "".join(str(int(each, 36)) for each in packed[4:] + packed[:4])
    return 15 <= len(packed) <= 34 and int(number) % 97 == 1


def _dialled(text: str) -> bool:
    """Check how many digits a number has (ITU-T E.164), and that it is no date and no amount."""
    n_digits = sum(each.isdigit() for each in text)
    if text[0] == "+":
        return 8 <= n_digits <= 15
    return 7 <= n_digits <= 15 and _NO_PHONE.fullmatch(text) is None


def _secret(text: str) -> bool:
    """Tell whether a word is more like a password than like what is said of one."""
    return _ODD_LETTER.search(text.rstrip("!?")) is not None and _OF_CALLEDS.match(text) is None


def _given(text: str) -> bool:
    """Tell whether what follows a colon or a sign of equality is no placeholder and no type."""
    return _OF_CALLEDS.match(text) is None


def _octets(text: str) -> bool:
    return all(int(each) < 256 for each in text.split("."))


def _any(_: str) -> bool:
    return True


_NO_PHONE = re.compile(
    r"(?:19|20)[0-9]{2}[-./ ]?[0-9]{1,2}[-./ ]?[0-9]{1,2}(?:[ .].*)?"
    r"|[0-9]{1,2}[-./ ][0-9]{1,2}[-./ ](?:19|20)?[0-9]{2}(?:[ .].*)?"
    r"|[0-9]+\.[0-9]{2}"
)
# What has letters alone is a word of the sentence.
_ODD_LETTER = re.compile(r"[0-9!@#$%^&*+=~]")
_OF_CALLEDS = re.compile(
    r"(?i)(?:required|optional|string|str|text|null|none|nil|true|false|undefined|redacted|hidden"
    r"|incorrect|invalid|wrong|missing|expired|reset|changed|forgotten|empty|unknown|yes|not?)\b"
    r"|[0-9]+ ?-?(?:char|letter|digit|symbol|bit|day|word|hour|minute|time)"
    r"|[*•x.]+$|[<\[{$%(]"
)
_PHONE = r"(?:tele)?phone|mobile|cell(?:phone)?|tel|fax|whatsapp|telefon|handy"
_BETWEEN = (
    r"(?:[ .](?:numbers?|no|nr|num|me|us|him|her|them|at|on|under|is|was|to)\b\.?){0,4}[ :=.]{1,3}"
)
_LOOSE = r"\(?[0-9]{1,5}\)?(?:[ ./-]{0,2}\(?[0-9]{1,5}\)?){1,6}"
_GROUPED = r"\(?[0-9]{2,5}\)?(?:[ ./-]{1,2}\(?[0-9]{2,7}\)?){1,5}"
# North America's, and those with a 0 before the area; an order's number may look alike.
_PLAIN = (
    r"\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-][0-9]{4}"
    r"|[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}|[2-9][0-9]{2}\.[2-9][0-9]{2}\.[0-9]{4}"
)
_TRUNK = r"\(?0[1-9][0-9]{1,4}\)?[ /][0-9]{3,8}(?: [0-9]{2,5}){0,2}"
_ORDERS = (
    "order", "invoice", "ticket", "case", "claim", "account", "item", "number", "id", "ref", "no",
)  # fmt: skip
_NO_ORDER = "".join(
    f"(?<!{word}{gap})(?<!{word.capitalize()}{gap})"
    for word in _ORDERS
    for gap in (" ", ": ", ". ", " #", "=")
)
_CALLED = r"(?i:\b(?:password|passwd|passcode|passphrase|passwort|kennwort|pwd)\b)"
_WORD = r"""[^\s"'`,;<>]{3,63}[^\s"'`,;<>.:)]"""
_WORD_ENDS = re.compile(r"""(?=[\s"'`,;<>.:)]|\Z)""")

# A pattern within a lookahead is tried at every place, also inside what another match covers. Its
# length is bounded, so that a text takes time in proportion to its own.
_KINDS: dict[str, _Kind] = {
    "email": _Kind(re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b"), _any),
    # no payment card begins with 0, 1 or 7 to 9, but times in ms, µs and ns begin with 1
    "card": _Kind(
        re.compile(r"(?<![\w.-])(?=([2-6](?:[ -]?[0-9]){12,18}))"),
        _luhn,
        re.compile(r"(?<=[0-9])(?!\w|-\w)"),
    ),
    "iban": _Kind(
        re.compile(r"\b(?=([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}))"),
        _iban,
        re.compile(r"(?<=[A-Z0-9])(?!\w)"),
    ),
    "phone": _Kind(
        re.compile(
            r"(?<![\w.])(?=(\+[0-9]{1,3}(?:[ ./-]?\(?[0-9]{1,4}\)?){2,6}))"
            rf"|(?=[(0-9])(?<![\w.#/-]){_NO_ORDER}(?=((?:{_PLAIN}|{_TRUNK})(?![/-]?\w)))"
            rf"|(?i:\b(?:{_PHONE})\b{_BETWEEN})(?=({_LOOSE}))"
            rf"|(?i:\b(?:call|dial|ring)\b{_BETWEEN})(?=({_GROUPED}))"
        ),
        _dialled,
        re.compile(r"(?<=[0-9)])(?!\w)"),
    ),
    "ssn": _Kind(
        re.compile(
            r"(?<![\w-])(?!000|666|9[0-9]{2})[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])"
        ),
        _any,
    ),
    "ip": _Kind(re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.\w)"), _octets),
    "key": _Kind(
        re.compile(
            r"\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]{1,64}[-_]){0,8}[A-Za-z0-9]{16,}[\w-]*"
            r"|\b(?:gh[pousr]|github_pat|xox[abpr]|glpat|hf)[-_][A-Za-z0-9_-]{16,}"
            r"|\bAKIA[A-Z0-9]{16}\b"
            r"|(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"
            r"|\b[Bb]earer +[\w.~+/-]{16,}=*"
        ),
        _any,
    ),
    "password": _Kind(
        re.compile(rf"{_CALLED}[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"'`]?(?=({_WORD}))"),
        _given,
        _WORD_ENDS,
    ),
}
# One that stands in a sentence: "the password is hunter2".
_IN_PROSE = _Kind(
    re.compile(
        rf"{_CALLED}(?: [\w@.-]{{1,40}}){{0,3}} (?:is|was|ist|war)(?: now)?:? [\"'`]?(?=({_WORD}))"
    ),
    _secret,
    _WORD_ENDS,
)

# Most texts are short words, in which nothing can be: each kind has one of these.
_ANY_KIND = re.compile(r"[0-9@]|[\w.~+/-]{10}|(?i:pass|pwd|kennwort)")

KINDS = tuple(_KINDS)
"""What can be found: email, card, iban, phone, ssn, ip, key, password."""


def _found(text: str, kind: _Kind) -> Iterator[tuple[int, int]]:
    """Yield where a kind stands: the longest that holds, from the left."""
    if kind.ends is None:
        yield from (each.span() for each in kind.pattern.finditer(text) if kind.holds(each[0]))
        return
    over = 0
    for each in kind.pattern.finditer(text):
        start, end = each.span(each.lastindex or 0)
        if start < over:
            continue
        for stop in range(end, start, -1):
            if kind.ends.match(text, stop) and kind.holds(text[start:stop]):
                over = stop
                yield start, stop
                break


def matches(text: str, kinds: Iterable[str] = KINDS) -> Iterator[Match]:
    """Yield what looks like one of some kinds, from left to right, never overlapping.

    Parameters
    ----------
    text : str
        Where to look.
    kinds : iterable of str
        Of `KINDS`.

    Raises
    ------
    UnknownName
        If a kind is unknown.

    Examples
    --------
    >>> [match.kind for match in matches("ann@example.org, 4111 1111 1111 1111 12/27")]
    ['email', 'card']
    """
    found, likely = [], _ANY_KIND.search(text)
    for kind in kinds:
        if kind not in _KINDS:
            raise unknown_name("a pattern", kind, KINDS)
        if likely:
            found += [Match(kind, *each) for each in _found(text, _KINDS[kind])]
            if kind == "password":
                found += [Match(kind, *each) for each in _found(text, _IN_PROSE)]
    end = 0
    for match in sorted(found, key=lambda each: (each.start, -each.end)):
        if match.start >= end:
            end = match.end
            yield match


def masked(text: str, kinds: Iterable[str] = KINDS) -> str:
    """Return a text with a mark in place of each match.

    Examples
    --------
    >>> masked("Write to ann@example.org.")
    'Write to [email].'
    """
    pieces, end = [], 0
    for match in matches(text, kinds):
        pieces += [text[end : match.start], f"[{match.kind}]"]
        end = match.end
    return "".join([*pieces, text[end:]])
