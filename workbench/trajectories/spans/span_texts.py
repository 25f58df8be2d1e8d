"""What stands inside the texts of spans: JSON in a text, JSON as Python prints it, spellings."""

import ast
import json
import re
import warnings
from typing import NamedTuple

from workbench.trajectories.model import Json
from workbench.trajectories.sources.parsing import NOT_PLAIN, plainly

_FINISH_REASONS = {
    "tool_calls": "tool_call",
    "tool-calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "content-filter": "content_filter",
    "max_tokens": "length",
    "end_turn": "stop",
}
_HALF = re.compile(r"[\ud800-\udfff]")
# Python's reader of its own literals is meant for short ones.
_LONGEST_LITERAL = 100_000


def finish_reason(spelt: str) -> str:
    """Return a reason to stop as the conventions spell it, whoever wrote it.

    Examples
    --------
    >>> finish_reason("tool_calls"), finish_reason("STOP"), finish_reason("my own")
    ('tool_call', 'stop', 'my own')
    """
    plain = spelt.lower()
    known = plain in {"stop", "length", "content_filter", "tool_call", "error"}
    return plain if known else _FINISH_REASONS.get(plain, spelt)


class Opened(NamedTuple):
    """A value that may have stood in a text as JSON.

    Parameters
    ----------
    value : JSON value
        The value; the text itself where it is no JSON.
    whole : bool
        Whether it holds all that the text said: of keys that come twice only the last is in it.
    """

    value: Json
    whole: bool = True


def opened(value: Json) -> Opened:
    r"""Open JSON that stands in a text; anything else comes back as it is.

    Examples
    --------
    >>> opened('[{"a": 1}]').value, opened("Hello").value, opened({"a": 1}).value
    ([{'a': 1}], 'Hello', {'a': 1})
    >>> opened('{"a": 1, "a": 2}')
    Opened(value={'a': 2}, whole=False)
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in {"[", "{", '"'}:
        return Opened(value)
    plain = plainly(value)
    return _opened(value) if plain is NOT_PLAIN else Opened(plain)


def _opened(value: str) -> Opened:
    """Open JSON that is not plain: see `plainly`."""
    doubled = []

    def once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled.append(True)
        return found

    try:
        found = json.loads(value, object_pairs_hook=once, strict=False)
    except (ValueError, RecursionError):
        return Opened(value)
    # halves of characters cannot be stored; the text has them as escapes and can
    if "\\u" in value and _HALF.search(json.dumps(found, ensure_ascii=False)):
        return Opened(value)
    return Opened(found, not doubled)


def opened_literal(value: Json) -> Json:
    """Open JSON, or a dict or list as Python prints it, that stands in a text.

    Nothing is run: only literals are read.

    Examples
    --------
    >>> opened_literal("{'a': None}"), opened_literal("{open('x')}")
    ({'a': None}, "{open('x')}")
    """
    found = opened(value).value
    if not isinstance(found, str) or found[:1] not in {"{", "["} or len(found) > _LONGEST_LITERAL:
        return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            literal = ast.literal_eval(found)
        # sets, bytes and numbers as keys are no JSON
        return opened(json.dumps(literal)).value if isinstance(literal, (dict, list)) else found
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return found
