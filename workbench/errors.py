"""The errors that input can cause, so that a shell can tell them from a fault of our own.

Each message is one sentence with three parts: what must hold, what came and where, what to do.
"""

import difflib
import math
import re
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TypeGuard

# No path or name that a person wrote is so long; a text of a hundred thousand letters may be.
_LONG_WORD = re.compile(r"(\S{200})\S{300,}")


class InputError(Exception):
    """What came in cannot be used; nothing was changed.

    Parameters
    ----------
    message : str
        One sentence; of a word of 500 characters or more only the beginning is kept.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_LONG_WORD.sub(r"\1…", message))


class BadValue(InputError, ValueError):
    """A value that cannot be right."""


class BadKind(InputError, TypeError):
    """A thing of the wrong kind."""


class UnknownName(InputError, LookupError):
    """A name that nothing bears."""


class Unreadable(InputError, OSError):
    """A path that cannot be read."""


def unknown_name(
    what: str, name: object, known: Iterable[object], *, limit: int = 12
) -> UnknownName:
    """Build the error for a name that nothing bears, with the nearest names that exist.

    At most `limit` of the known names are listed.

    Examples
    --------
    >>> print(unknown_name("system", "led", ["lead", "random"]))
    system must be one of 'lead', 'random', but 'led' came; did you mean 'lead'?
    """
    names = [str(each) for each in known]
    listed = ", ".join(repr(each) for each in names[:limit])
    listed += " …" if len(names) > limit else ""
    near = nearest(str(name), names)
    advice = "." if near is None else f"; did you mean {near!r}?"
    return UnknownName(f"{what} must be one of {listed or 'none'}, but {str(name)!r} came{advice}")


def names_of(what: str, given: str | Iterable[str]) -> list[str]:
    """Return names that were given as one or as many; a text is one name, not its letters.

    Raises
    ------
    BadKind
        If it is neither.

    Examples
    --------
    >>> names_of("systems", "lead"), names_of("systems", ("lead", "random"))
    (['lead'], ['lead', 'random'])
    """
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable):
        raise BadKind(
            f"{what} must be a name or a list of names, but {given!r} came; write them as text."
        )
    return list(given)


def is_number(value: object, *, whole: bool = False) -> TypeGuard[float]:
    """Tell whether an option is a finite number, or a whole one; True is none.

    Examples
    --------
    >>> [is_number(value) for value in (0.5, 10**400, "1", True, float("inf"))]
    [True, True, False, False, False]
    """
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        return False
    return isinstance(value, Integral) or math.isfinite(value)


def require_level(level: object) -> None:
    """Refuse a level of confidence that is none.

    Raises
    ------
    BadValue
        If it is not between 0 and 1.
    """
    if not (is_number(level) and 0 < level < 1):
        raise BadValue(f"level must be between 0 and 1, but {level!r} came; use 0.95.")


def require_whole(
    what: str, value: object, least: int, most: float = math.inf, *, usual: int
) -> None:
    """Refuse what is no whole number between two ends, and name the usual one.

    Raises
    ------
    BadValue
        If it is none.

    Examples
    --------
    >>> require_whole("n", -1, 0, usual=20)
    Traceback (most recent call last):
    workbench.errors.BadValue: n must be a whole number of at least 0, but -1 came; use 20.
    """
    if not (is_number(value, whole=True) and least <= value <= most):
        ends = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise BadValue(f"{what} must be a whole number {ends}, but {value!r} came; use {usual}.")


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known name that is written most like one, in capitals or not, if any is.

    Examples
    --------
    >>> nearest("Rouge", ["BLEU", "ROUGE"]), nearest("xyzzy", ["BLEU", "ROUGE"])
    ('ROUGE', None)
    """
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=likeness)
    return folded[near[0]] if near else None


def some(values: Iterable[object], limit: int = 5) -> str:
    """Name the first few of many, and say how many there are.

    Examples
    --------
    >>> some(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    shown = [repr(value) for value in values]
    rest = len(shown) - limit
    return ", ".join(shown[:limit]) + (f" and {rest} more" if rest > 0 else "")
