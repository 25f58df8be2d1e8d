"""The piece of a log that a step was read from, byte for byte as it stands in its file."""

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.display import plain
from workbench.errors import InputError, Unreadable
from workbench.trajectories.model import Json, Run
from workbench.trajectories.sources.archives import Archive
from workbench.widgets.inspector import pages

if TYPE_CHECKING:
    from workbench.trajectories.collection import Runs
    from workbench.trajectories.sources.documents import Document

MOST_BYTES = 256 * 2**20
"""In a larger file that is one JSON value, no piece is looked for; a line is found in any."""

_PIECE_BYTES = 40_000
_BLANK = re.compile(r"[ \t\r\n]*")
_LINE = re.compile(r"L(\d+)(?=/|$)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")


class Sources:
    """Finds the pieces of files that steps were read from; the last one is kept.

    Parameters
    ----------
    runs : Runs
        Whose files are looked into.
    """

    def __init__(self, runs: "Runs") -> None:
        self._runs = runs
        self._key: tuple[str, str] | None = None
        self._text, self._told = "", ""

    def piece(self, run: Run, step: int, start: int) -> dict[str, Json]:
        """Return what a step was read from, from a character on, and where it stands.

        Parameters
        ----------
        run : Run
            One of the runs.
        step : int
            The number of its step.
        start : int
            The character to begin at.

        Returns
        -------
        dict
            `text`, `n_chars` and, in `reason`, the place; only a reason where there is no text.
        """
        key = run.run_id, run.steps[step].source
        if key != self._key:
            self._key = None
            try:
                self._text, self._told = self._found(*key)
            except (InputError, OSError) as error:
                return {"reason": plain(str(error), width=400)}
            self._key = key
        text = pages.cut(self._text[start : start + _PIECE_BYTES], _PIECE_BYTES)
        return {"text": text, "n_chars": len(self._text), "reason": self._told}

    def _found(self, run_id: str, source: str) -> tuple[str, str]:
        """Return the text of a piece, and where it stands; an error says why there is none."""
        document = self._runs.document(run_id)
        if document is None:
            raise Unreadable("This run is in memory: it was not read from a file.")
        if "sha256" in vars(document) and replace(document).sha256 != document.sha256:
            raise Unreadable(f"{document.name} has changed since it was read; read it again.")
        data, pointer, offset, where = _holder(document, source)
        span = _span(data.decode("latin-1"), pointer)
        if span is None:
            raise Unreadable(f"{source or 'The run'} could not be found in {document.name}.")
        start, end = span
        bytes_told = f"bytes {offset + start:,} to {offset + end:,}"
        packed = " once unpacked" if document.is_gzip else ""
        told = f"{where}, {bytes_told}{packed}: {source or 'all of it'}"
        return data[start:end].decode("utf-8", "replace"), plain(told, width=400)


def _holder(document: "Document", source: str) -> tuple[bytes, str, int, str]:
    """Return the bytes that hold a step, its JSON pointer in them, where they begin, and their name."""
    silent = replace(document, notices=[])
    if document.is_zip:
        archive = Archive(silent)
        name = max((each for each in archive.names if source.startswith(f"{each}!")), key=len)
        return archive.read(name), source[len(name) + 1 :], 0, f"{document.name}, {name}"
    if match := _LINE.match(source):
        line = next((line for line in silent.lines() if line.number == int(match[1])), None)
        if line is not None:
            return line.data, source[match.end() :], line.offset, document.name
    limits = replace(document.limits, file_bytes=min(document.limits.file_bytes, MOST_BYTES))
    return replace(silent, limits=limits).content(), source, 0, document.name


def _span(text: str, pointer: str) -> tuple[int, int] | None:
    """Return where the value at a JSON pointer begins and ends; text is UTF-8 read as Latin-1.

    Every byte is one letter in it, so that places are those in the file.

    Examples
    --------
    >>> text = '{"a": [1, {"b~": "x"}]}'
    >>> [text[slice(*_span(text, pointer))] for pointer in ("/a", "/a/0", "/a/1/b~0")]
    ['[1, {"b~": "x"}]', '1', '"x"']
    """
    at = _blank(text, 3 if text.startswith("\xef\xbb\xbf") else 0)
    try:
        for token in pointer.split("/")[1:]:
            found = _member(text, at, token.replace("~1", "/").replace("~0", "~"))
            if found is None:
                return None
            at = found
        return at, _end(text, at)
    except ValueError:
        return None


def _blank(text: str, at: int) -> int:
    """Return where the blanks after a place end."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _member(text: str, at: int, token: str) -> int | None:
    """Return where a member of the object or list at a place begins; None where there is none."""
    if text[at : at + 1] == "[":
        return _item(text, at, int(token)) if token.isdecimal() else None
    if text[at : at + 1] != "{":
        return None
    named, found = {token, token.encode().decode("latin-1")}, None
    at = _blank(text, at + 1)
    try:
        while text[at : at + 1] == '"':
            name, at = _DECODER.raw_decode(text, at)
            at = _blank(text, _blank(text, at) + 1)
            if name in named:
                # the last of the same name counts, as everywhere
                found = at
            at = _blank(text, _end(text, at))
            at = _blank(text, at + 1) if text[at : at + 1] == "," else len(text)
    except ValueError:
        # what comes after a break is in no run
        if found is None:
            raise
    return found


def _item(text: str, at: int, wanted: int) -> int | None:
    at = _blank(text, at + 1)
    for _ in range(wanted):
        at = _blank(text, _end(text, at))
        if text[at : at + 1] != ",":
            return None
        at = _blank(text, at + 1)
    return None if text[at : at + 1] in {"]", ""} else at


def _end(text: str, at: int) -> int:
    """Return where the value at a place ends."""
    try:
        return _DECODER.raw_decode(text, at)[1]
    except RecursionError:
        depth = 0
        for token in _TOKEN.finditer(text, at):
            depth += (token[0] in _OPENING) - (token[0] in _CLOSING)
            if depth == 0:
                return token.end()
        raise ValueError("it has no end") from None
