"""Which runs cannot hold what is sought, by the bytes of their log: these are never read in full.

A text of a step may stand in its log in many spellings: letters as escapes, JSON within JSON, numbers
in another notation. A run of ASCII letters and digits mostly stands there as it is, and where it may
not, the run is read: the filter may let through what holds nothing, but never keeps back a hit.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.trajectories.model import KINDS

_WORD = re.compile(r"[A-Za-z0-9]+")
# Of an expression with none of these, what is no sign must be in each hit.
_TOO_COMPLEX = re.compile(r"[|(){}\[\]]|\\(?![bBdDsSwWntr]|[^A-Za-z0-9])")
_SIGN = re.compile(r"\\.", re.DOTALL)
# Numbers are written anew: 1e2 becomes 100.0.
_OF_NUMBERS = re.compile(r"[0-9e]*")
# What readers say in words of their own: kinds, what JSON has for null, NaN and the like.
_OWN_WORDS = " ".join(
    [*KINDS, "null", "true", "false", "NaN", "Infinity", "(nested too deeply to be shown)"]
).lower()
# An ASCII letter or digit as an escape, at any level of JSON within JSON.
_ESCAPED = re.compile(rb"u00(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])")
_ALIKE = ("\u212a", "\u0130", "\u0131", "\u017f")
"""Other letters that are k, i or s where capitals do not count."""
_ALIKE_BYTES = [each.encode() for each in _ALIKE]
_ALIKE_ESCAPED = re.compile(rb"u(?:212[aA]|013[01]|017[fF])")
# Of what a writer of ours put into this, readers make texts in ways of their own.
_EXTENSION = b"extension"


@dataclass(frozen=True)
class Needed:
    """What must stand in the bytes of a run that holds a hit.

    Parameters
    ----------
    word : bytes
        ASCII letters and digits; small ones where capitals do not count.
    exact : bool
        Whether capitals count.
    """

    word: bytes
    exact: bool

    def may_be_in(self, data: bytes) -> bool:
        r"""Tell whether the word may be in what some JSON says.

        Examples
        --------
        >>> [Needed(b"cat", exact=False).may_be_in(each) for each in (b"a CAT", rb"\u0043at", b"dog")]
        [True, True, False]
        """
        if self.word in (data if self.exact else data.lower()) or _EXTENSION in data:
            return True
        if b"u00" in data and _ESCAPED.search(data):
            return True
        if self.exact:
            return False
        # a single byte is found much sooner than several
        if any(each[:1] in data and each in data for each in _ALIKE_BYTES):
            return True
        return b"\\u" in data and _ALIKE_ESCAPED.search(data) is not None

    def may_be_in_any(self, pieces: Iterable[bytes]) -> bool:
        """Tell whether the word may be in one of some pieces."""
        return any(map(self.may_be_in, pieces))


def needed(text: str, *, regex: bool, exact: bool) -> Needed | None:
    r"""Return what a hit needs; None where nothing is sure.

    Parameters
    ----------
    text : str
        What is sought.
    regex, exact : bool
        Whether it is a regular expression, and whether capitals count.

    Examples
    --------
    >>> needed("lost Baggage!", regex=False, exact=False), needed(r"refunds?\b.*\d+", regex=True, exact=True)
    (Needed(word=b'baggage', exact=False), Needed(word=b'refund', exact=True))
    >>> needed("123", regex=False, exact=True), needed("a(b|c)", regex=True, exact=True)
    (None, None)
    """
    if regex and _TOO_COMPLEX.search(text):
        return None
    text = text if exact else text.lower()
    words = _words(_SIGN.sub(" ", text)) if regex else _WORD.findall(text)
    sure = [each for each in words if not _is_unsure(each.lower())]
    return Needed(max(sure, key=len).encode(), exact) if sure else None


def _words(expression: str) -> list[str]:
    """Return the words that are in each hit of an expression without groups."""
    found = []
    for each in _WORD.finditer(expression):
        # the letter before such a sign may be left out
        is_less = expression[each.end() : each.end() + 1] in ("*", "?")
        found.append(each[0][:-1] if is_less else each[0])
    return found


def _is_unsure(word: str) -> bool:
    return word in _OWN_WORDS or _OF_NUMBERS.fullmatch(word) is not None
