"""Files that agents left behind, read with limits; what cannot be read is told, never dropped.

A document gives its content as JSON values. A broken file gives what stands before the break, and a
notice that says where it is broken and how much was not read.
"""

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from workbench.errors import BadValue, Unreadable
from workbench.trajectories.model import Json, Notice
from workbench.trajectories.sources.parsing import Parser, is_member


@dataclass(frozen=True)
class Limits:
    """How much is read at most.

    Parameters
    ----------
    file_bytes : int
        Of one file, unpacked.
    entry_bytes : int
        Of one entry of a zip file, unpacked.
    ratio : int
        How many times larger than packed an entry may be, beyond its first MiB.
    depth : int
        Of nested JSON; what is deeper is left out, with a notice.
    """

    file_bytes: int = 4 * 1024**3
    entry_bytes: int = 1024**3
    ratio: int = 1000
    depth: int = 200


# So many notices of one kind are kept; of the others, their number and the place of the last.
_MOST_TOLD = 1000
# A file of garbage may have millions of lines, each of which would be told.
_SHORT, _MOST_SHORT = 8, 10_000
# What is looked at to find the format.
_HEAD = 2**20


class Line(NamedTuple):
    """A line of a text file: its number from 1, the offset of its first byte, and its bytes."""

    number: int
    offset: int
    data: bytes


class _Unpacked(gzip.GzipFile):
    """A gzipped stream that closes what it reads from."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


@dataclass
class Document:
    """One file.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        How notices and RUNS call it.
    limits : Limits
        How much is read.
    notices : list of Notice
        What was found wrong so far.
    data : bytes, optional
        The content, of a document that is no file.
    """

    path: Path
    name: str
    limits: Limits = field(default_factory=Limits)
    notices: list[Notice] = field(default_factory=list)
    data: bytes | None = None
    # what a reader leaves to be told until somebody asks, in place of the notices so far
    owed: Callable[[], list[Notice]] | None = field(default=None, init=False, repr=False)
    _n_told: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _more: dict[str, tuple[int, Notice]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def sha256(self) -> str:
        """The digest of the file as it lies on the disk."""
        digest = hashlib.sha256()
        with self._raw() as stream:
            while block := stream.read(2**20):
                digest.update(block)
        return digest.hexdigest()

    @cached_property
    def head(self) -> bytes:
        """The first MiB of the content, unpacked; less where it is broken."""
        found = b""
        try:
            with self.open() as stream:
                while len(found) < _HEAD and (block := stream.read(2**14)):
                    found += block
        except (OSError, EOFError, zlib.error):
            pass
        return found

    @cached_property
    def first(self) -> Json:
        """The first JSON value, of a large document its beginning; a zip file's list of names."""
        silent = Document(self.path, self.name, self.limits)
        if self.is_zip:
            return {"zip": self.entries()}
        if self.is_lines and (found := next(iter(self._objects()), None)) is not None:
            return found
        return silent.parsed(self.head, "")

    @cached_property
    def is_lines(self) -> bool:
        """Whether the content is JSON Lines: two lines or more, of which some is a whole object."""
        lines = [line.strip() for line in self.head.strip().split(b"\n", 20)[:20]]
        if len(lines) == 1:
            return len(self.head) == _HEAD and lines[0][:1] in {b"{", b"["} and self._goes_on()
        if lines[0] in {b"[", b"{"} or any(is_member(line) for line in lines):
            # one value over many lines, some of which look like lines of their own
            return False
        return any(True for _ in self._objects())

    def _goes_on(self) -> bool:
        """Tell whether something follows the first line, of which the head is only a part."""
        silent = Document(self.path, self.name, self.limits, data=self.data)
        ended = False
        for block in silent._blocks():
            rest = block if ended else block.partition(b"\n")[2]
            ended = ended or b"\n" in block
            if rest.strip():
                return True
        return False

    def _objects(self) -> Iterator[Json]:
        """Yield what stands whole on one of the first lines, from its first letter on."""
        for line in self.head.split(b"\n", 20)[:20]:
            if line[:1] in {b"{", b"["} and len(line.strip()) > 2:
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if value:
                    yield value

    def values(self) -> Iterator[tuple[str, Json]]:
        """Yield each JSON value of the document with its place: `""`, or `L<line>` of JSON Lines."""
        if self.is_lines:
            yield from self.json_lines()
        else:
            yield "", self.json()

    def objects(self, what: str = "an entry") -> Iterator[tuple[str, dict[str, Json]]]:
        """Yield each object with its place, of lists each member; anything else is told.

        Parameters
        ----------
        what : str
            How notices call what should be an object.
        """
        for place, value in self.values():
            for at, each in enumerate(value if isinstance(value, list) else [value]):
                pointer = f"{place}/{at}" if isinstance(value, list) else place
                if isinstance(each, dict):
                    yield pointer, each
                elif each is not None:
                    self.notice(
                        "unreadable", pointer, f"{what} must be an object: {each!r:.500}", "error"
                    )

    def entries(self) -> list[str]:
        """Return the names in a zip archive; where its list is broken, as its headers tell them."""
        from workbench.trajectories.sources.archives import Archive

        return Archive(Document(self.path, self.name, self.limits, data=self.data)).names

    @property
    def is_gzip(self) -> bool:
        """Whether the file is packed with gzip, by its first bytes."""
        with self._raw() as stream:
            return stream.read(2) == b"\x1f\x8b"

    @property
    def is_zip(self) -> bool:
        """Whether the file is a zip archive, by its first bytes."""
        with self._raw() as stream:
            return stream.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}

    def _raw(self) -> IO[bytes]:
        if self.data is not None:
            return io.BytesIO(self.data)
        try:
            return self.path.open("rb")
        except OSError as error:
            raise Unreadable(
                f"a file of trajectories must be readable, but {self.name} is not "
                f"({error.strerror}); check the path and its permissions."
            ) from None

    def open(self) -> IO[bytes]:
        """Open the content, unpacked where it is gzipped."""
        stream = self._raw()
        if self.is_gzip:
            return cast("IO[bytes]", _Unpacked(stream))
        return stream

    def notice(self, check: str, place: str, reason: str, severity: Any = "warning") -> None:  # noqa: ANN401
        """Tell of something wrong."""
        n = self._n_told[check] = self._n_told.get(check, 0) + 1
        if n > _MOST_TOLD + 1:
            # the one that stands for all that follow
            at, first = self._more[check]
            more = f"{n - _MOST_TOLD:,} more like it follow, the last at {place}"
            self.notices[at] = replace(first, reason=more)
            return
        if n == _MOST_TOLD + 1:
            reason = f"1 more like it follows; {reason}"
            self._more[check] = len(self.notices), Notice(check, place, reason, severity)
        self.notices.append(Notice(check, place, reason, severity))

    def content(self) -> bytes:
        """Return the whole content, or what comes before a break in its packing."""
        return self._at_once() or b"".join(self._blocks())

    def _at_once(self) -> bytes:
        """Return the content of a file that is not packed and not too large, else nothing."""
        if self.data is not None or self.is_gzip:
            return b""
        try:
            fits = self.path.stat().st_size <= self.limits.file_bytes
            found = self.path.read_bytes() if fits else b""
        except OSError:
            return b""
        # it may have grown since
        return found if len(found) <= self.limits.file_bytes else b""

    def _blocks(self) -> Iterator[bytes]:
        room = self.limits.file_bytes
        with self.open() as stream:
            while True:
                try:
                    # small steps, so that what precedes a break is not lost with it
                    block = stream.read(2**16)
                except (EOFError, OSError, zlib.error) as error:
                    self.notice(
                        "unreadable", f"byte {self.limits.file_bytes - room}",
                        f"the rest cannot be unpacked ({error})", "error",
                    )  # fmt: skip
                    return
                if not block:
                    return
                room -= len(block)
                if room < 0:
                    raise BadValue(
                        f"a file of trajectories must hold at most {self.limits.file_bytes:,} bytes "
                        f"unpacked, but {self.name} holds more; split it, or pass larger limits."
                    )
                yield block

    def lines(self) -> Iterator[Line]:
        """Yield the lines that hold something, without their ends.

        Raises
        ------
        BadValue
            If there are too many bytes, or too many lines that are too short for an object.
        """
        n_short = 0
        for line in self._split():
            n_short += len(line.data) < _SHORT
            if n_short > _MOST_SHORT:
                raise BadValue(
                    f"a file of trajectories must hold an object on each line, but {self.name} holds "
                    f"more than {_MOST_SHORT:,} lines of less than {_SHORT} bytes; check the file."
                )
            yield line

    def _split(self) -> Iterator[Line]:
        number, offset, blank = 1, 0, True
        kept: list[bytes] = []
        for block in self._blocks():
            if blank and block.isspace():
                # a file of blanks may be packed into next to nothing
                end = block.rfind(b"\n") + 1
                if end:
                    number, offset = number + block.count(b"\n"), offset + sum(map(len, kept)) + end
                    kept.clear()
                kept.append(block[end:])
                continue
            *ended, rest = block.split(b"\n")
            for piece in ended:
                data = b"".join([*kept, piece])
                kept.clear()
                if data.strip():
                    yield Line(number, offset, data)
                number, offset = number + 1, offset + len(data) + 1
            kept.append(rest)
            blank = not rest.strip() and (blank or bool(ended))
        if (data := b"".join(kept)).strip():
            yield Line(number, offset, data)

    def json(self) -> Json:
        """Return the content as one JSON value; of a broken one what stands before the break."""
        return self.parsed(self.content(), "")

    def json_lines(self) -> Iterator[tuple[str, Json]]:
        """Yield the place (`L<line>`) and the value of each line."""
        for line in self.lines():
            yield f"L{line.number}", self.parsed(line.data, f"L{line.number}")

    def parsed(self, data: bytes, place: str) -> Json:
        """Return bytes as a JSON value, with notices for whatever had to be mended.

        Parameters
        ----------
        data : bytes
            UTF-8.
        place : str
            Where they stand.

        Returns
        -------
        JSON value
            `None` where nothing could be read.
        """

        def say(check: str, reason: str, severity: str) -> None:
            self.notice(check, place, reason, severity)

        return Parser(say, self.limits.depth).value(data)


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
    if more := _NANOSECONDS.search(value):
        # a datetime ends at microseconds
        total += int(f"{more[1]:0<3}")
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

    def __init__(self, value: Json) -> None:
        if isinstance(value, dict):
            self._left = dict(value)
        else:
            self._left = {} if value is None else {"value": value}
        self._inner: dict[str, Fields] = {}

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
        found: str | None = self._taken(names, lambda value: isinstance(value, str))
        return found

    def key(self, *names: str) -> str | None:
        """Take the first that is a text or a whole number, as a text."""
        found = self._taken(names, _is_key)
        return None if found is None else str(found)

    def count(self, *names: str) -> int | None:
        """Take the first that is a whole number, not negative, below 2**63; a text of one too."""
        found = self._taken(names, lambda value: _as_count(value) is not None)
        return None if found is None else _as_count(found)

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
        found: list[Json] | None = self._taken(names, lambda value: isinstance(value, list))
        return found or []

    def inner(self, name: str) -> "Fields":
        """Open a member that is an object; what is not taken of it stays in our rest."""
        if name not in self._inner:
            value = self._left.get(name)
            if not isinstance(value, dict):
                return Fields(None)
            del self._left[name]
            self._inner[name] = Fields(value)
        return self._inner[name]

    def rest(self) -> dict[str, Json]:
        """Return what was not taken."""
        inner = {name: each.rest() for name, each in self._inner.items()}
        return {**self._left, **{name: rest for name, rest in inner.items() if rest}}


def _is_key(value: Json) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _as_count(value: Json) -> int | None:
    if isinstance(value, bool):
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
