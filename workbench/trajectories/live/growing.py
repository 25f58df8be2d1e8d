"""Files that grow while they are read: the runs they hold, and what is new in them.

Lines of OTLP are read as they are appended (`tails`). Any other log is read anew when it has
changed, so far as it is whole: of JSON Lines the lines that have ended, of JSON nothing before its
last bracket. What has only begun is no error until somebody says that the file has ended.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import InitVar, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from workbench.errors import BadValue, InputError
from workbench.trajectories import readers
from workbench.trajectories.ledger import columns_of, record_of
from workbench.trajectories.live.tails import BLOCK, Held, Tail, Trace, replaced
from workbench.trajectories.model import Annotation, Notice, Run
from workbench.trajectories.readers import Reader, otlp
from workbench.trajectories.reading import of_no_format
from workbench.trajectories.sources.documents import Document, Limits

# How the first line of a file is called while it is the only one, and once it is not.
_FIRST_LINE = re.compile(r"^L1(?=/|$)")
_REPLACED = "it shrank or was replaced, and was read anew"
# The end of a zip archive, of which its comment may be as long as this.
_ZIP_END, _ZIP_TAIL = b"PK\x05\x06", 2**16 + 22


class Known(NamedTuple):
    """A run as it was last read.

    Parameters
    ----------
    run : Run
        Without its steps.
    record : dict
        Its row of RUNS.
    columns : dict of sequence
        Its steps.
    n_chars : int
        The length of its texts.
    notices : list of Notice
        What is to be said of it.
    annotations : list of Annotation
        What its source says of it.
    load : callable
        Reads it in full, by the id it is given.
    """

    run: Run
    record: dict[str, Any]
    columns: dict[str, Sequence[Any]]
    n_chars: int
    notices: list[Notice]
    annotations: list[Annotation]
    load: Callable[[str], Run]

    @classmethod
    def of(cls, run: Run, notices: list[Notice], load: Callable[[str], Run]) -> "Known":
        """Keep of a run what tables need."""
        n_chars = sum(len(part.text or "") for step in run.steps for part in step.parts)
        bare = replace(run, steps=[], extra={}, annotations=[])
        return cls(bare, record_of(run), columns_of(run), n_chars, notices, run.annotations, load)

    @property
    def n_steps(self) -> int:
        """How many steps it has."""
        return len(self.columns["source"])

    @property
    def last_ns(self) -> int | None:
        """The last moment that it tells, in nanoseconds since 1970."""
        end: int | None = self.record["end_ns"]
        start: int | None = self.record["start_ns"]
        return start if end is None else end

    def differs(self, other: "Known") -> bool:
        """Tell whether anything but the places of steps is another."""
        mine, theirs = ({**each.columns, "source": ()} for each in (self, other))
        return (
            self.n_chars != other.n_chars
            or mine != theirs
            or self.annotations != other.annotations
            or {**self.record, "source": ""} != {**other.record, "source": ""}
        )

    def new_steps(self, before: "Known | None") -> list[int]:
        """Return the numbers of the steps that were not there before."""
        if before is None:
            return list(range(self.n_steps))
        there = Counter(map(_place, before.columns["source"]))
        found = []
        for number, place in enumerate(map(_place, self.columns["source"])):
            there[place] -= 1
            if there[place] < 0:
                found.append(number)
        return found


def _place(source: str) -> str:
    return _FIRST_LINE.sub("", source)


@dataclass
class Change:
    """What was found when a file was looked at.

    Parameters
    ----------
    new, changed, gone : list of str
        Keys of runs within their file.
    steps : dict of list
        By key, the numbers of new steps.
    notices : list of Notice
        What is to be said that was not said before.
    n_bytes : int
        How much was read.
    """

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    steps: dict[str, list[int]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    n_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone or self.notices)

    def compare(self, key: str, before: Known | None, now: Known | None) -> None:
        """Note how a run differs from what it was."""
        if now is None:
            self.gone.append(key)
            return
        if before is None:
            self.new.append(key)
        elif now.differs(before):
            self.changed.append(key)
        if steps := now.new_steps(before):
            self.steps[key] = steps
        said = Counter(before.notices if before else ())
        self.notices += (Counter(now.notices) - said).elements()


class GrowingFile:
    """One file, and the runs that it holds so far.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        How notices and RUNS call it.
    held : Held
        Whose spans are kept.
    format : str, optional
        One of `readers.names()`; found by content when not given.
    limits : Limits
        How much is read at most.
    """

    def __init__(
        self, path: Path, name: str, held: Held, *, format: str | None, limits: Limits
    ) -> None:
        self.known: dict[str, Known] = {}
        self._path, self._name, self._held = path, name, held
        self._format, self._limits = format, limits
        self._stamp: tuple[Any, ...] = ()
        self._tail: Tail | None = None
        self._around: tuple[list[Notice], list[Notice]] = [], []
        self._whole = _Whole()
        self._told = set[Notice]()

    def poll(self, *, last: bool = False) -> Change:
        """Read what is new.

        Parameters
        ----------
        last : bool
            Whether the file has ended, so that what waits is read as it is.
        """
        change, before = Change(), dict(self.known)
        stamp = _stamp(self._path)
        waits = self._tail.waits if self._tail else self._whole.waits
        if stamp == self._stamp and not (last and waits):
            return change
        said = Counter(self._notices())
        try:
            self._read(change, last=last)
            self._stamp = stamp
        except FileNotFoundError:
            pass  # it went away just now, and the next list of files lacks it
        except OSError as error:
            self._tell(change, "unreadable", f"it cannot be read ({error.strerror})")
        except InputError as error:
            self._stamp = stamp
            self._tell(change, "unreadable", str(error))
        for key in {**before, **self.known}:
            if self.known.get(key) is not before.get(key):
                change.compare(key, before.get(key), self.known.get(key))
        change.notices += (Counter(self._notices()) - said).elements()
        return change

    def document(self) -> Document:
        """Return the file as a document of which notices may be added, with the digest it had."""
        found = Document(self._path, self._name, self._limits)
        found.sha256 = self._tail.sha256 if self._tail else self._whole.sha256
        return found

    @property
    def around(self) -> tuple[list[Notice], list[Notice]]:
        """What is to be said before the first of the runs, and after the last."""
        return (self._tail.document.notices, []) if self._tail else self._around

    def close(self) -> None:
        """Let go of what is kept."""
        if self._tail:
            self._tail.close()
        self._tail = None

    def _notices(self) -> Iterator[Notice]:
        for each in self.around:
            yield from each

    def _tell(self, change: Change, check: str, reason: str, severity: Any = "error") -> None:  # noqa: ANN401 - as Notice has it
        notice = Notice(check, "", reason, severity)
        if notice not in self._told or check == "replaced":
            self._told.add(notice)
            change.notices.append(notice)

    def _read(self, change: Change, *, last: bool) -> None:
        with self._path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            if self._tail:
                self._tail.n_read = 0
            if self._tail and not self._tail.continues(stream):
                self.close()
                self.known, self._around = {}, ([], [])
                self._tell(change, "replaced", _REPLACED, "warning")
            if self._tail is None:
                self._begin(stream, change, size, last=last)
            if self._tail:
                self._go_on(self._tail, stream, change, last=last)

    def _begin(self, stream: IO[bytes], change: Change, size: int, *, last: bool) -> None:
        """Find out what kind of file it is; read it, unless it is one to be read line by line."""
        stream.seek(0)
        head = _first_lines(stream, self._limits.file_bytes)
        change.n_bytes += len(head)
        lines = _lines_of(head)
        probe = Document(self._path, self._name, self._limits, data=lines)
        if lines and probe.is_lines:
            reader = self._reader(probe)
            if reader is otlp:
                self.known, self._whole = {}, _Whole()
                self._tail = Tail(Document(self._path, self._name, self._limits), self._held)
                return
        if size > self._limits.file_bytes:
            raise BadValue(
                f"a file of trajectories must hold at most {self._limits.file_bytes:,} bytes, but "
                f"{self._name} holds more; split it, or pass larger limits."
            )
        data = head + stream.read()
        change.n_bytes += len(data) - len(head)
        if self._whole.replaced_by(data, as_lines=probe.is_lines):
            self._tell(change, "replaced", _REPLACED, "warning")
            self.known, self._around, self._whole = {}, ([], []), _Whole()
        ready = data if last else _ready(data, self._path, self._limits)
        self._whole.waits = not ready or ready != data
        if ready or last:
            self._take(ready)

    def _reader(self, document: Document) -> Reader | None:
        if self._format:
            return readers.reader_named(self._format)
        return readers.reader_of(document)

    def _take(self, data: bytes) -> None:
        """Read the whole of a file."""
        document = Document(self._path, self._name, self._limits, data=data)
        self._whole.size, self._whole.sha256 = len(data), hashlib.sha256(data).hexdigest()
        self.known, seen = {}, 0
        reader = self._reader(document)
        if reader is None:
            document.notice("unknown_format", "", of_no_format(), "error")
        else:
            again = _Again(
                replace(document, data=None, notices=[]), self._whole, reader, self._held
            )
            for number, run in enumerate(reader.runs(document)):
                run.source = run.source or self._name
                told, seen = document.notices[seen:], len(document.notices)
                self._keep(Known.of(run, told, partial(again.load, number)))
        self._around = [], document.notices[seen:]

    def _go_on(self, tail: Tail, stream: IO[bytes], change: Change, *, last: bool) -> None:
        try:
            tail.read(stream)
            if last:
                tail.end()
        finally:
            for trace in tail.changed().values():
                self._keep_trace(tail, trace)
            change.n_bytes += tail.n_read

    def _keep_trace(self, tail: Tail, trace: Trace) -> None:
        notices: list[Notice] = []
        run = tail.run(trace, notices)
        load = partial(tail.load, trace, n_places=len(trace.places))
        self._keep(Known.of(run, notices, load))

    def _keep(self, run: Known) -> None:
        """Keep a run by its name, or else by its place."""
        own = run.run.run_id or run.run.name or ""
        key = own if own and not self._is_another(own, run) else f"{own}#{_place(run.run.pointer)}"
        self.known[key] = run

    def _is_another(self, key: str, run: Known) -> bool:
        there = self.known.get(key)
        return there is not None and there.run.pointer != run.run.pointer


@dataclass
class _Whole:
    """What is known of a file that is read as a whole."""

    size: int = 0
    sha256: str = hashlib.sha256().hexdigest()
    waits: bool = False

    def replaced_by(self, data: bytes, *, as_lines: bool) -> bool:
        """Tell whether bytes are no continuation; whole JSON is written anew as a matter of course."""
        if len(data) < self.size:
            return True
        return as_lines and hashlib.sha256(data[: self.size]).hexdigest() != self.sha256


@dataclass
class _Again:
    """Reads the runs of a file as it was, from the beginning that is left of it."""

    document: Document
    whole: InitVar[_Whole]
    reader: Reader
    held: Held

    def __post_init__(self, whole: _Whole) -> None:
        self.n_bytes, self.sha256 = whole.size, whole.sha256

    def load(self, number: int, run_id: str) -> Run:
        """Read a run, the how-manieth from 0.

        Raises
        ------
        BadValue
            If the file no longer begins with what it was.
        """
        if self.held.last[0] is not self:
            again = replace(self.document, data=self._data(), notices=[])
            self.held.last = (self, list(self.reader.runs(again)))
        run = self.held.last[1][number]
        run.run_id, run.source = run_id, run.source or self.document.name
        return run

    def _data(self) -> bytes:
        try:
            with self.document.path.open("rb") as stream:
                data = stream.read(self.n_bytes)
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise replaced(self.document)
        return data


def _stamp(path: Path) -> tuple[Any, ...]:
    """Return what changes when a file does, or what it is read together with."""
    # tau2 keeps what all simulations share in a file beside their folder
    beside = [path.parent.parent / "results.json"] if path.parent.name == "simulations" else []
    return tuple(_status(each) for each in (path, *beside))


def _status(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _first_lines(stream: IO[bytes], most: int) -> bytes:
    """Return a beginning of a file that holds the end of its first line, if that has ended."""
    blocks = [stream.read(BLOCK)]
    n_bytes = len(blocks[0])
    while blocks[-1] and b"\n" not in blocks[-1] and n_bytes < most:
        blocks.append(stream.read(BLOCK))
        n_bytes += len(blocks[-1])
    return b"".join(blocks)


def _lines_of(head: bytes) -> bytes:
    """Return the lines that have ended, and a sign of the next if one has begun."""
    end = head.rfind(b"\n") + 1
    return head[:end] + (b"{" if head[end:].strip() else b"")


def _ready(data: bytes, path: Path, limits: Limits) -> bytes:
    """Return so much of a file as is whole."""
    document = Document(path, path.name, limits, data=data)
    if document.is_zip:
        return data if _ZIP_END in data[-_ZIP_TAIL:] else b""
    if document.is_gzip:
        document.content()
        return b"" if document.notices else data
    end = data.rfind(b"\n") + 1
    if Document(path, path.name, limits, data=_lines_of(data)).is_lines:
        return data if _is_json(data[end:]) else data[:end]
    return data if _is_json(data) else b""


def _is_json(data: bytes) -> bool:
    """Tell whether bytes are a whole JSON value that cannot go on."""
    if not data.strip().endswith((b"}", b"]")):
        return not data.strip()
    try:
        json.loads(data.decode("utf-8-sig", "replace"), parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True
