"""JSON as it comes: NaN, doubled keys, halves of characters, breaks, great depth."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from workbench.trajectories.model import Json

Say = Callable[[str, str, str], None]
"""Tells of something mended: check, reason and severity."""

# A text without an end is one token up to the end, lest each mark in it be tried as a beginning.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{},:]|[^\s"\[\]{},:]+', re.DOTALL)
# Of a value whose key comes again so much is shown.
_SHOWN = 2000
_HALF = re.compile(r"[\ud800-\udfff]")
# Numbers of so many digits are kept as texts: Python refuses to read more than 4,300.
_MOST_DIGITS = 4000

NOT_PLAIN: Final = object()
"""What `plainly` returns where JSON is broken, or not plain."""
_DECODER: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
_NO_PLAIN_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)


def plainly(text: str | bytes) -> Json:
    r"""Return a text as a JSON value if it is plain JSON; else `NOT_PLAIN`.

    Ten times as fast as a parser that looks at each object. JSON is not plain with NaN, halves of
    characters, control characters, or keys that come twice. Of these the text has more quotation
    marks than what was read of it has when it is written; a mark that is spelt as an escape would
    make up for it.

    Examples
    --------
    >>> plainly('{"a": [1, "\\""]}'), plainly('{"a": 1, "a": 2}') is NOT_PLAIN
    ({'a': [1, '"']}, True)
    """
    try:
        found = _DECODER.decode(text)
        n_marks = msgspec.json.encode(found).count(b'"')
    except _NO_PLAIN_JSON:
        return NOT_PLAIN
    if isinstance(text, str):
        is_whole = text.count('"') == n_marks and "\\u0022" not in text
    else:
        is_whole = text.count(b'"') == n_marks and b"\\u0022" not in text
    return found if is_whole else NOT_PLAIN


def loads(text: str) -> Json:
    """Return what `json.loads` does, and raise what it does, but sooner.

    Examples
    --------
    >>> loads('{"a": NaN}'), loads('{"a": 1, "a": 2}')
    ({'a': nan}, {'a': 2})
    """
    try:
        return _DECODER.decode(text)
    except _NO_PLAIN_JSON:
        return json.loads(text)


def _has_huge_number(data: bytes) -> bool:
    """Tell whether a number may be too large to be read as one."""
    # so many digits cover one of these places, and half of them lie before or behind it
    step, half = _MOST_DIGITS - 1, _MOST_DIGITS // 2 - 2
    return any(
        data[at : at + half].isdigit() or data[max(0, at - half + 1) : at + 1].isdigit()
        for at in range(step - 1, len(data), step)
        if 48 <= data[at] <= 57
    )


class Parser:
    """Reads a JSON text, and tells of whatever had to be mended.

    Parameters
    ----------
    say : callable
        Takes check, reason and severity.
    depth : int
        What lies deeper is left out.
    """

    def __init__(self, say: Say, depth: int) -> None:
        self._tell, self.depth = say, depth
        self._halves, self._strict = 0, True
        self._doubled: list[str] = []

    def value(self, data: bytes) -> Json:
        """Return bytes as a JSON value; None where nothing could be read."""
        plain = plainly(data)
        if plain is not NOT_PLAIN and not _has_huge_number(data):
            is_deep = data.count(b"[") + data.count(b"{") > self.depth
            return self._shallow(plain) if is_deep else plain
        text = self._text(data)
        found = self._read(text)
        for reason in self._doubled:
            self._say("duplicate_key", reason)
        return self._checked(found, text)

    def _read(self, text: str) -> Json:
        try:
            return self._loads(text)
        except json.JSONDecodeError as error:
            if error.msg.startswith("Invalid control character") and self._strict:
                self._strict = False
                self._say("control_character", "texts hold line ends or other control characters")
                return self._read(text)
            return self._mended(text, error.pos, error.msg)
        except (RecursionError, ValueError):
            return self._mended(text, len(text), "it is nested too deeply")

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._say("encoding", f"it is not UTF-8 at byte {error.start}; marks stand instead")
            return data.decode("utf-8-sig", errors="replace")

    def _say(self, check: str, reason: str, severity: str = "warning") -> None:
        self._tell(check, reason, severity)

    def _loads(self, text: str) -> Json:
        # what was read before in vain is read again, and told once
        self._doubled.clear()
        return json.loads(
            text, object_pairs_hook=self._object, parse_int=_whole, strict=self._strict
        )

    def _object(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        kept: dict[str, Json] = {}
        for name, each in pairs:
            # the last value counts, as everywhere; the others are told
            while name in kept and kept[name] is not each:
                before = json.dumps(kept.pop(name))
                if len(before) > _SHOWN:
                    before = f"{before[:_SHOWN]}… and {len(before) - _SHOWN:,} letters more"
                self._doubled.append(f"the key {name[:60]!r} comes twice; before: {before}")
            kept[name] = each
        return kept

    def _mended(self, text: str, at: int, why: str) -> Json:
        """Return what stands before a break, with everything closed that was open there."""
        cut, closing = _cut(text[:at], self.depth)
        rest = len(text[cut:].encode("utf-8", "surrogatepass"))
        self._say(
            "unreadable", f"{rest} bytes from character {cut} on cannot be read ({why})", "error"
        )
        try:
            return self._loads(text[:cut] + closing) if text[:cut].strip() else None
        except (ValueError, RecursionError):
            return None

    def _checked(self, value: Json, text: str) -> Json:
        # first, so that all that follows may descend without fear
        if text.count("[") + text.count("{") > self.depth:
            value = self._shallow(value)
        # escapes are the only way in: bytes of a half do not decode
        if "\\ud" in text or "\\uD" in text:
            value = self._whole_characters(value)
            if self._halves:
                self._say("half_character", f"{self._halves} texts hold halves of characters")
        return value

    def _whole_characters(self, value: Json) -> Json:
        if isinstance(value, str) and _HALF.search(value):
            self._halves += 1
            return _HALF.sub("�", value)
        if isinstance(value, list):
            return [self._whole_characters(each) for each in value]
        if isinstance(value, dict):
            return {
                self._whole_characters(name): self._whole_characters(each)
                for name, each in value.items()
            }
        return value

    def _shallow(self, value: Json) -> Json:
        """Replace what lies deeper than the limit by a text of it, and tell."""
        level: list[tuple[Json, Json, Any]] = [(value, None, None)]
        depth = 0
        while level and depth <= self.depth:
            level = [
                (each, parent, key)
                for parent, _, _ in level
                for key, each in _members(parent)
                if isinstance(each, (dict, list))
            ]
            depth += 1
        for _, parent, key in level:
            parent[key] = "…"
            self._say("too_deep", f"what lies deeper than {depth} levels is left out", "error")
        return value


def _members(value: Json) -> Iterator[tuple[Any, Json]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value if isinstance(value, list) else [])


def _whole(digits: str) -> int | float | str:
    return int(digits) if len(digits) < _MOST_DIGITS else digits


_CLOSING = {"[": "]", "{": "}"}


def _cut(text: str, depth: int) -> tuple[int, str]:
    """Return where a broken JSON text is whole for the last time, and what closes it there."""
    stack: list[str] = []
    best, before = 0, ""
    for token in _TOKEN.finditer(text):
        word = token[0]
        # after an object's brace or comma stands a name, which is no value yet
        names = bool(stack) and stack[-1] == "{" and before in {"{", ","}
        if word in ",:" or (names and word not in "}"):
            before = word if word in ",:" else before
            continue
        if not _fits(word, stack, depth):
            break
        if word in _CLOSING:
            stack.append(word)
        elif word in "]}":
            stack.pop()
        before = word
        best = token.end()
    # what came after the best changed nothing in the stack
    return best, "".join(_CLOSING[each] for each in reversed(stack))


def _fits(word: str, stack: list[str], depth: int) -> bool:
    """Tell whether a bracket or a value may stand here."""
    if word in _CLOSING:
        return len(stack) < depth
    if word in "]}":
        return bool(stack) and _CLOSING[stack[-1]] == word
    return is_value(word)


def is_member(line: bytes) -> bool:
    """Tell whether a line is an object and the comma that parts it from the next one."""
    return line[:1] == b"{" and line[-1:] == b"," and is_value(line[:-1])


def is_value(word: str | bytes) -> bool:
    """Tell whether a text is a whole JSON value."""
    try:
        json.loads(word, parse_int=_whole)
    except (ValueError, RecursionError):
        return False
    return True
