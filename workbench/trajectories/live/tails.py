"""OTLP files that grow line by line: what was appended is read, once, and joined to its traces.

Of each trace the places of its lines are kept, and its spans while it is at work; a trace that goes
on after long silence is read again from its lines. So a poll costs what was appended and the
traces that it belongs to, whatever the size of the file.
"""

import hashlib
import os
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import IO, NamedTuple

from workbench.errors import BadValue
from workbench.trajectories.model import Notice, Run
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.documents import Document, Line
from workbench.trajectories.spans.spans import Span
from workbench.trajectories.spans.traces import run_of

BLOCK = 2**20
# So many bytes at both ends of what was read tell whether the file is still the same.
_WITNESS = 4096
# Spans of lines up to this size are kept, of all files that a watch follows.
_KEPT_BYTES = 16 * 2**20


class Place(NamedTuple):
    """Where a line stands: its number from 1, the offset of its first byte, its length."""

    number: int
    offset: int
    length: int


@dataclass(eq=False)
class Trace:
    """What is known of one trace.

    Parameters
    ----------
    trace_id : str, optional
        Its id; None for spans without one.
    places : list of Place
        The lines that hold spans of it.
    spans : list of Span, optional
        These spans; None where they were let go.
    n_bytes : int
        The length of its spans in the file, about.
    """

    trace_id: str | None
    places: list[Place] = field(default_factory=list)
    spans: list[Span] | None = field(default_factory=list)
    n_bytes: int = 0


class Held:
    """Lets go of the spans of the traces that were silent longest.

    Parameters
    ----------
    limit : int
        The most bytes of lines whose spans are kept.

    Attributes
    ----------
    last : tuple of (object, list of Run)
        The runs of the file that was last read as a whole, and what it is known by.
    """

    def __init__(self, limit: int = _KEPT_BYTES) -> None:
        self._limit, self._total = limit, 0
        self.last: tuple[object, list[Run]] = (None, [])
        self._traces: OrderedDict[int, Trace] = OrderedDict()

    def add(self, trace: Trace, n_bytes: int) -> None:
        """Note that a trace holds so many more bytes, and was at work just now."""
        trace.n_bytes += n_bytes
        if trace.spans is None:
            return
        if id(trace) in self._traces:
            self._traces.move_to_end(id(trace))
        else:
            self._traces[id(trace)] = trace
            n_bytes = trace.n_bytes
        self._total += n_bytes
        while self._total > self._limit and len(self._traces) > 1:
            _, silent = self._traces.popitem(last=False)
            silent.spans = None
            self._total -= silent.n_bytes

    def drop(self, trace: Trace) -> None:
        """Forget a trace."""
        if self._traces.pop(id(trace), None) is not None:
            self._total -= trace.n_bytes


class Tail:
    """What was read of one file of JSON Lines.

    Parameters
    ----------
    document : Document
        The file; what its lines make a reader say is added to its notices.
    held : Held
        Whose spans are kept.
    """

    def __init__(self, document: Document, held: Held) -> None:
        self.document, self.traces = document, dict[str | None, Trace]()
        self.n_bytes = self.n_read = 0
        self._held, self._inode = held, -1
        self._digest = hashlib.sha256()
        self._first = self._last = b""
        self._number, self._offset = 1, 0
        self._half: list[bytes] = []
        self._cut = False
        self._touched: dict[str | None, Trace] = {}

    @property
    def sha256(self) -> str:
        """The digest of all that was read."""
        return self._digest.copy().hexdigest()

    @property
    def waits(self) -> bool:
        """Whether a line has begun and not ended."""
        return any(self._half)

    def continues(self, stream: IO[bytes]) -> bool:
        """Tell whether an open file still begins with what was read."""
        status = os.fstat(stream.fileno())
        if status.st_ino != self._inode or status.st_size < self.n_bytes:
            return False
        if self._cut and status.st_size > self.n_bytes:
            return False
        stream.seek(0)
        same = stream.read(len(self._first)) == self._first
        stream.seek(self.n_bytes - len(self._last))
        self.n_read += len(self._first) + len(self._last)
        return same and stream.read(len(self._last)) == self._last

    def read(self, stream: IO[bytes]) -> None:
        """Read on to the end of the file.

        Raises
        ------
        BadValue
            If the file is larger than the limits allow.
        """
        self._inode = os.fstat(stream.fileno()).st_ino
        stream.seek(self.n_bytes)
        room = self.document.limits.file_bytes
        while block := stream.read(BLOCK):
            if self.n_bytes + len(block) > room:
                raise BadValue(
                    f"a file of trajectories must hold at most {room:,} bytes, but "
                    f"{self.document.name} holds more; split it, or pass larger limits."
                )
            self.n_read += len(block)
            self._feed(block)

    def end(self) -> None:
        """Take what has begun as a whole line: nothing more will come."""
        data = b"".join(self._half)
        self._half, self._cut = [], bool(data)
        if data.strip():
            self._add(Line(self._number, self._offset, data))

    def changed(self) -> dict[str | None, Trace]:
        """Return the traces to which something was added since this was last asked."""
        found, self._touched = self._touched, {}
        return found

    def run(self, trace: Trace, notices: list[Notice]) -> Run:
        """Return the run of a trace as far as it is known.

        Parameters
        ----------
        trace : Trace
            One of ours.
        notices : list of Notice
            Takes what is to be said of the run.
        """
        if trace.spans is None:
            spans = trace.spans = self._spans(trace.trace_id, trace.places)
            self._held.add(trace, 0)
            return self._run(spans, notices)
        return self._run(trace.spans, notices)

    def load(self, trace: Trace, run_id: str, *, n_places: int) -> Run:
        """Read a run as it was when it had so many lines.

        Raises
        ------
        BadValue
            If the file is not the one it was.
        """
        run = self._run(self._spans(trace.trace_id, trace.places[:n_places]), [])
        run.run_id = run_id
        return run

    def close(self) -> None:
        """Let go of all spans."""
        for trace in self.traces.values():
            self._held.drop(trace)

    def _run(self, spans: list[Span], notices: list[Notice]) -> Run:
        def tell(check: str, place: str, reason: str, severity: str) -> None:
            notices.append(Notice(check, place, reason, severity))  # type: ignore[arg-type]

        run = run_of(otlp.NAME, spans, tell)
        run.source = self.document.name
        return run

    def _feed(self, block: bytes) -> None:
        self._digest.update(block)
        self.n_bytes += len(block)
        self._first = (self._first + block[:_WITNESS])[:_WITNESS]
        self._last = (self._last + block[-_WITNESS:])[-_WITNESS:]
        *ended, rest = block.split(b"\n")
        for piece in ended:
            data = b"".join([*self._half, piece])
            self._half = []
            if data.strip():
                self._add(Line(self._number, self._offset, data))
            self._number, self._offset = self._number + 1, self._offset + len(data) + 1
        if rest:
            self._half.append(rest)

    def _add(self, line: Line) -> None:
        """Join the spans of a line to their traces."""
        place = Place(line.number, line.offset, len(line.data))
        spans = list(_spans_of(self.document, place, line.data))
        for span in spans:
            trace = self.traces.setdefault(span.trace_id, Trace(span.trace_id))
            if trace.spans is not None:
                trace.spans.append(span)
            if not trace.places or trace.places[-1] is not place:
                trace.places.append(place)
            self._touched[span.trace_id] = trace
        for trace_id, n_spans in Counter(span.trace_id for span in spans).items():
            self._held.add(self.traces[trace_id], len(line.data) * n_spans // len(spans))

    def _spans(self, trace_id: str | None, places: list[Place]) -> list[Span]:
        """Read the spans of a trace again."""
        silent = replace(self.document, notices=[])
        with self.document.path.open("rb", buffering=0) as stream:
            if not self.continues(stream):
                raise replaced(self.document)
            lines = (self._line(stream, place) for place in places)
            read = map(partial(_spans_of, silent), places, lines)
            return [span for spans in read for span in spans if span.trace_id == trace_id]

    def _line(self, stream: IO[bytes], place: Place) -> bytes:
        self.n_read += place.length
        stream.seek(place.offset)
        return stream.read(place.length)


def replaced(document: Document) -> BadValue:
    """Build the error for a run whose file is not the one it was."""
    return BadValue(
        f"a file of trajectories must go on as it began, but {document.name} was replaced; poll again."
    )


def _spans_of(document: Document, place: Place, data: bytes) -> Iterator[Span]:
    name = f"L{place.number}"
    return otlp.spans_of(document, name, document.parsed(data, name))
