"""Files that agents left behind, read with limits; what cannot be read is told, never dropped.

A document gives its content as JSON values. A broken file gives what stands before the break, and a
notice that says where it is broken and how much was not read.
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from workbench.errors import BadValue, Unreadable
from workbench.trajectories.model import Json, Notice
from workbench.trajectories.sources.fields import Fields as Fields
from workbench.trajectories.sources.fields import nanoseconds as nanoseconds
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
