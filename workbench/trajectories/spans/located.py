"""Where each span of a large OTLP file stands, so that one run is read without the whole file.

A step takes 16 bytes (offset, length, its number in the file), a scope with its spans 12.
"""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.trajectories.model import Json, Run, Step
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.collecting import paused
from workbench.trajectories.sources.documents import Document, Line
from workbench.trajectories.spans.spans import Span, step_of
from workbench.trajectories.spans.traces import Tell, run_of

# Reading at a place in a packed file means unpacking all that precedes it.
_KEPT_BYTES = 256 * 2**20
# So much between two spans is read with them, in blocks of about so many bytes.
_GAP, _BLOCK = 4_096, 2**20
# A line with its spans that was read last, for the next of them.
_WHOLE_LINE = -1


class Group(NamedTuple):
    """A scope with its spans.

    Parameters
    ----------
    suffix : str
        Where in its line its spans stand.
    context : bytes
        What they share, as a request with one empty span.
    offsets, lengths : array of int
        Of the bytes of each span.
    """

    suffix: str
    context: bytes
    offsets: "array[int]"
    lengths: "array[int]"


@dataclass
class Located:
    """The places of spans, filled line by line and then sealed.

    Parameters
    ----------
    document : Document
        The file.
    """

    document: Document
    starts: "array[int]" = field(default_factory=lambda: array("i"))
    lines: "array[int]" = field(default_factory=lambda: array("i"))
    codes: "array[int]" = field(default_factory=lambda: array("i"))
    kinds: dict[tuple[str, bytes], int] = field(default_factory=dict)
    _kinds: list[tuple[str, bytes]] = field(default_factory=list)
    sources: dict[int, str] = field(default_factory=dict)
    contexts: dict[bytes, dict[str, Json]] = field(default_factory=dict)
    n_keys: dict[bytes, int] = field(default_factory=dict)
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    lengths: "array[int]" = field(default_factory=lambda: array("I"))
    order: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    _unpacked: bytes = b""

    @property
    def nbytes(self) -> int:
        """How much memory this takes, of the arrays; texts that repeat are kept once."""
        arrays = (self.offsets, self.lengths, self.starts, self.lines, self.codes)
        return self.order.nbytes + sum(len(each) * each.itemsize for each in arrays)

    def add_group(self, line: int, group: Group) -> None:
        """Add a scope of a line."""
        code = self.kinds.setdefault((group.suffix, group.context), len(self.kinds))
        self._add(line, code, group.offsets, group.lengths)

    def add_line(self, line: Line, sources: Sequence[str]) -> None:
        """Add a line that must be read as a whole."""
        self.sources.update(enumerate(sources, self.n_spans))
        offsets = array("q", [line.offset]) * len(sources)
        self._add(line.number, _WHOLE_LINE, offsets, array("I", [len(line.data)]) * len(sources))

    def _add(self, line: int, code: int, offsets: "array[int]", lengths: "array[int]") -> None:
        self.starts.append(self.n_spans)
        self.lines.append(line)
        self.codes.append(code)
        self.offsets.extend(offsets)
        self.lengths.extend(lengths)

    def pointer(self, steps: slice) -> str:
        """Return where a run begins: its first span in the order of the file."""
        first = int(self.order[steps].min())
        group = bisect_right(self.starts, first) - 1
        place = self._place(group)
        return self.sources[first] if place is None else f"{place}/{first - self.starts[group]}"

    @property
    def n_spans(self) -> int:
        """How many spans stand here."""
        return len(self.offsets)

    def context(self, document: Document, context: bytes) -> dict[str, Json]:
        """Return what the spans of a scope share, by its text."""
        if context not in self.contexts:
            value = document.parsed(context, "")
            self.contexts[context] = next(otlp.spans_of(document, "", value)).context
        return self.contexts[context]

    def groups(self, spans: Any) -> npt.NDArray[np.intp]:  # noqa: ANN401 - one or many
        """Return the number of the scope of each span."""
        starts = np.frombuffer(self.starts, np.int32)
        return np.asarray(np.searchsorted(starts, spans, side="right") - 1)

    def source_list(self, spans: npt.NDArray[np.int32]) -> list[str]:
        """Return where spans stand, as steps say it."""
        starts, found = self.starts, []
        groups = self.groups(spans).tolist()
        places = {group: self._place(group) for group in set(groups)}
        for span, group in zip(spans.tolist(), groups, strict=True):
            place = places[group]
            found.append(self.sources[span] if place is None else f"{place}/{span - starts[group]}")
        return found

    def _place(self, group: int) -> str | None:
        """Return where the spans of a scope stand; None where each has a place of its own."""
        if self.codes[group] == _WHOLE_LINE:
            return None
        line = f"L{self.lines[group]}" if self.lines[group] else ""
        return line + self._kind(self.codes[group])[0]

    def _kind(self, code: int) -> tuple[str, bytes]:
        if len(self._kinds) < len(self.kinds):
            self._kinds = list(self.kinds)
        return self._kinds[code]

    def context_codes(self, spans: npt.NDArray[np.int32]) -> list[int]:
        """Return the kinds of scopes that spans stand in, each once, in their order."""
        codes = np.frombuffer(self.codes, np.int32)[self.groups(spans)]
        return list(dict.fromkeys(codes.tolist()))

    def context_of_code(self, code: int) -> dict[str, Json]:
        """Return what the spans of one kind of scope share."""
        silent = replace(self.document, notices=[])
        return self.context(silent, self._kind(code)[1])

    def load(self, steps: slice, tell: Tell, run_id: str = "") -> Run:
        """Read the run that a part of the order is."""
        with paused():
            run = run_of(otlp.NAME, self.read(np.sort(self.order[steps])), tell)
        run.run_id, run.source = run_id or run.run_id, self.document.name
        return run

    def glance(self, steps: slice, start: int, stop: int) -> list[Step]:
        """Read some steps of a run as their spans tell them, without what only other spans tell."""
        wanted = self.order[steps][start:stop]
        spans = np.sort(wanted)
        found = dict(zip(spans.tolist(), self.read(spans), strict=True))
        return [step_of(found[span], {}).step for span in wanted.tolist()]

    def raw(self, step: int) -> bytes:
        """Return the bytes of a step's span, by the step's number in STEPS; of odd lines the line."""
        span = int(self.order[step])
        with self._open() as stream:
            return self._bytes(stream, span)

    def pieces(self, steps: slice) -> Iterator[bytes] | None:
        """Return the bytes that all texts of a run stand in; None where some are not known."""
        spans = np.sort(self.order[steps])
        codes = np.frombuffer(self.codes, np.int32)[self.groups(spans)]
        return None if (codes == _WHOLE_LINE).any() else self._read_blocks(spans)

    def _read_blocks(self, spans: npt.NDArray[np.int32]) -> Iterator[bytes]:
        with self._open() as stream:
            yield from (data for _, data, _ in self._blocks(stream, spans))

    def read(self, spans: npt.NDArray[np.int32]) -> list[Span]:
        """Read spans, in the order of their file."""
        silent = replace(self.document, notices=[])
        parsed = partial(silent.parsed, place="")
        sources, groups = self.source_list(spans), self.groups(spans)
        codes = np.frombuffer(self.codes, np.int32)[groups]
        contexts = {code: self._context_of(silent, code) for code in set(codes.tolist())}
        found, lines = [], _Lines(silent)
        with self._open() as stream:
            pieces = self._pieces(stream, spans, codes == _WHOLE_LINE)
            for at, (source, code) in enumerate(zip(sources, codes.tolist(), strict=True)):
                if code == _WHOLE_LINE:
                    found.append(self._of_line(stream, lines, int(spans[at]), int(groups[at])))
                else:
                    found.append(otlp.span_of_bytes(next(pieces), parsed, source, contexts[code]))
        return found

    def _context_of(self, document: Document, code: int) -> dict[str, Json]:
        return {} if code == _WHOLE_LINE else self.context(document, self._kind(code)[1])

    def _of_line(self, stream: IO[bytes], lines: "_Lines", span: int, group: int) -> Span:
        data = b"" if lines.has(group) else self._bytes(stream, span)
        place = f"L{self.lines[group]}" if self.lines[group] else ""
        return lines.spans(group, place, data)[span - self.starts[group]]

    def _pieces(
        self, stream: IO[bytes], spans: npt.NDArray[np.int32], left_out: npt.NDArray[np.bool_]
    ) -> Iterator[bytes]:
        """Yield the bytes of spans, but of some."""
        for first, data, places in self._blocks(stream, spans[~left_out]):
            yield from (data[begin - first : end - first] for begin, end in places)

    def _blocks(
        self, stream: IO[bytes], spans: npt.NDArray[np.int32]
    ) -> Iterator[tuple[int, bytes, list[list[int]]]]:
        """Yield where a block begins, its bytes, and where spans in it begin and end.

        Spans that lie close together are read at once.
        """
        starts = np.frombuffer(self.offsets, np.int64)[spans]
        ends = starts + np.frombuffer(self.lengths, np.uint32)[spans]
        # where something else lies between, or a block is full
        apart = np.flatnonzero((starts[1:] - ends[:-1] > _GAP) | (np.diff(ends // _BLOCK) > 0)) + 1
        for block in np.split(np.column_stack([starts, ends]), apart):
            if len(block):
                first = int(block[0, 0])
                stream.seek(first)
                yield first, stream.read(int(block[:, 1].max()) - first), block.tolist()

    def _open(self) -> IO[bytes]:
        """Open the content; a packed one is unpacked once and kept, unless it is very large."""
        size = int(self.offsets[-1]) + int(self.lengths[-1]) if self.offsets else 0
        if not self.document.is_gzip or size > _KEPT_BYTES:
            return self.document.open()
        if not self._unpacked:
            self._unpacked = replace(self.document, notices=[]).content()
        return BytesIO(self._unpacked)

    def _bytes(self, stream: IO[bytes], span: int) -> bytes:
        stream.seek(int(self.offsets[span]))
        return stream.read(int(self.lengths[span]))


@dataclass(frozen=True)
class Loader:
    """Reads one run again, which is a part of the order.

    Parameters
    ----------
    located : Located
        Where its spans stand.
    steps : slice
        The part.
    is_plain : bool
        Whether each span is a step, as nearly always, and says all of it but what joins the steps.
    """

    located: Located
    steps: slice
    is_plain: bool = False

    def __call__(self, run_id: str) -> Run:
        """Read the run, and give it its id."""
        return self.located.load(self.steps, _silent, run_id)

    def pieces(self) -> Iterator[bytes] | None:
        """Return its bytes: see `Located.pieces`."""
        return self.located.pieces(self.steps)

    def glance(self, start: int, stop: int) -> list[Step] | None:
        """Return some of its steps, not joined to others; None where that takes the whole run."""
        return self.located.glance(self.steps, start, stop) if self.is_plain else None


def _silent(*_: object) -> None:
    """Tell nothing: it was told when the file was first read."""


class _Lines:
    """Spans of odd lines; the last few lines are kept."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._kept: OrderedDict[int, list[Span]] = OrderedDict()

    def has(self, group: int) -> bool:
        return group in self._kept

    def spans(self, group: int, place: str, data: bytes) -> list[Span]:
        if group not in self._kept:
            value = self._document.parsed(data, place)
            self._kept[group] = list(otlp.spans_of(self._document, place, value))
            if len(self._kept) > 4:
                self._kept.popitem(last=False)
        return self._kept[group]
