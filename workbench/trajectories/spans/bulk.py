"""Large OTLP files into columns, without making steps.

Three roads, each slower and surer than the one before:

- a span whose attributes are all known takes the fast road: typed decoding, and of its texts only
  those that columns need;
- a span with anything unusual (events, OpenInference's names, odd types) becomes a step by
  `spans.step_of`, and its columns are taken from that;
- a line that is not plain JSON (NaN, broken text, keys that come twice, great depth) is read with
  notices by `Document.parsed`, and a run whose ids are odd is made in full by `traces.run_of`.

So the columns are those that `otlp.runs` leads to, and what it tells is told here too.
"""

import codecs
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np

from workbench.trajectories.ledger import Ledger
from workbench.trajectories.model import Annotation, Run
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.documents import Document, Line
from workbench.trajectories.spans import fast_spans, span_columns
from workbench.trajectories.spans.located import Group, Loader, Located
from workbench.trajectories.spans.span_columns import Block, Names, Odd
from workbench.trajectories.spans.span_runs import RunAdder

# Below this a request leaves no room for spans, so every line takes the slow road.
_LEAST_DEPTH = 32
# Levels of a request around a span.
_AROUND = 6
_BLOCK = 2**20
# Decoded spans are ten times as large as their columns, so few are held at once.
_AT_ONCE = 1000


class _Scope(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    spans: list[msgspec.Raw]
    scope: msgspec.Raw = msgspec.Raw(b"")
    schemaUrl: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 - the format's name


class _Resource(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    scopeSpans: list[_Scope]  # noqa: N815
    resource: msgspec.Raw = msgspec.Raw(b"")
    schemaUrl: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815


class _Request(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    resourceSpans: list[_Resource]  # noqa: N815


_REQUEST = msgspec.json.Decoder(_Request)


class Indexed(NamedTuple):
    """A run whose columns are in the ledger.

    Parameters
    ----------
    run_id : str
        Its id.
    load : callable
        Reads it in full, by its id.
    annotations : list of Annotation
        What its spans say of it.
    """

    run_id: str
    load: Callable[[str], Run]
    annotations: list[Annotation]


class _Slow(Exception):
    """A line that the fast road cannot take."""


@dataclass
class Columns:
    """What is kept of the spans of a document, in their order there.

    Parameters
    ----------
    located : Located
        Where each stands.
    values : dict of array
        The columns of `span_columns.COLUMNS`, and the numbers of traces.
    calls : array
        Of each tool call the span that asked, the hashed id and the tool, one after the other.
    """

    located: Located
    names: Names = field(default_factory=Names)
    traces: dict[str | None, int] = field(default_factory=dict)
    values: dict[str, "array[Any]"] = field(default_factory=span_columns.empty)
    span_ids: bytearray = field(default_factory=bytearray)
    parent_ids: bytearray = field(default_factory=bytearray)
    odd: set[int] = field(default_factory=set)
    calls: "array[int]" = field(default_factory=lambda: array("q"))
    facts: dict[int, dict[str, tuple[int, int, Any]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    annotations: dict[int, list[Annotation]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values["trace"])

    def add(self, block: Block) -> None:
        """Add spans."""
        first = len(self)
        known = {raw: otlp.as_id(raw or "") for raw in dict.fromkeys(block.trace_ids)}
        new = {raw: self.traces.setdefault(each, len(self.traces)) for raw, each in known.items()}
        numbers = list(map(new.__getitem__, block.trace_ids))
        for name, values in block.columns.items():
            self.values[name].extend(values)
        self.values["trace"].extend(numbers)
        self._add_ids(block, numbers)
        if block.extended:
            self.odd.update(numbers)
        self.calls.extend(
            [
                each
                for at, calls in block.calls.items()
                for call_id, tool in calls
                for each in (first + at, span_columns.hashed(call_id), self.names[tool])
            ]
        )
        for at, facts in block.facts.items():
            start = block.columns["start_ns"][at]
            # those without a start come last
            self._add_facts(numbers[at], facts, (2**63 if start < 0 else start, first + at))
        for at, annotations in block.annotations.items():
            self.annotations[first + at] = annotations

    def _add_ids(self, block: Block, numbers: Sequence[int]) -> None:
        ids = _packed(block.span_ids)
        parents = _packed([each or span_columns.NO_ID for each in block.parent_ids])
        if ids is None or parents is None:
            # ids of another make: these runs are made in full
            self.odd.update(numbers)
            ids = parents = bytes(8 * len(numbers))
        self.span_ids += ids
        self.parent_ids += parents

    def _add_facts(self, trace: int, facts: dict[str, Any], when: tuple[int, int]) -> None:
        """Keep what the earliest span says of its run."""
        known = self.facts[trace]
        for name, value in facts.items():
            if name not in known or when < known[name][:2]:
                known[name] = (*when, value)


def index(document: Document, ledger: Ledger, name: Callable[[Run], str]) -> Iterator[Indexed]:
    """Fill a ledger with the runs of an OTLP document.

    Parameters
    ----------
    document : Document
        The file.
    ledger : Ledger
        Takes the columns.
    name : callable
        Gives a run its id.

    Yields
    ------
    Indexed
        One per run, when its columns are in the ledger.
    """
    columns = Columns(Located(document))
    for line in _lines(document):
        place = f"L{line.number}" if line.number else ""
        try:
            _add_line(columns, document, line, place)
        except _Slow:
            _add_slowly(columns, document, line, place)
    yield from _indexed(columns, document, ledger, name)


def _lines(document: Document) -> Iterator[Line]:
    if document.is_lines:
        yield from document.lines()
    else:
        yield Line(0, 0, document.content())


def _add_slowly(columns: Columns, document: Document, line: Line, place: str) -> None:
    """Add the spans of a line by the surest road."""
    value = document.parsed(line.data, place)
    spans = list(otlp.spans_of(document, place, value))
    if spans:
        columns.located.add_line(line, [span.source for span in spans])
        for span in spans:
            columns.add(span_columns.block_of(span, columns.names))
        # what these spans share is in their line only
        columns.odd.update(columns.values["trace"][-len(spans) :])


def _add_line(columns: Columns, document: Document, line: Line, place: str) -> None:
    """Add the spans of a line by the fast road.

    Raises
    ------
    _Slow
        If it cannot be taken; nothing was added.
    """
    data, offset = line.data, line.offset
    if data.startswith(codecs.BOM_UTF8):
        data, offset = data[3:], offset + 3
    request = _decoded(data, document)
    reader = _LineReader(columns, document, data, offset)
    for at, resource in enumerate(request.resourceSpans):
        for number, scope in enumerate(resource.scopeSpans):
            suffix = f"/resourceSpans/{at}/scopeSpans/{number}/spans"
            reader.add(resource, scope, f"{place}{suffix}", suffix)
        reader.n_keys += reader.count(resource.resource) + _n_set(resource)
    if reader.n_keys + 1 != count_keys(data):
        raise _Slow
    for group in reader.groups:
        columns.located.add_group(line.number, group)
    for block in reader.blocks:
        columns.add(block)


def _decoded(data: bytes, document: Document) -> _Request:
    if document.limits.depth < _LEAST_DEPTH:
        raise _Slow
    try:
        request = _REQUEST.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _Slow from None
    if not request.resourceSpans or not all(each.scopeSpans for each in request.resourceSpans):
        # what holds no spans is told
        raise _Slow
    return request


def _n_set(value: _Scope | _Resource) -> int:
    """Return how many keys an object had, its list included."""
    around = value.scope if isinstance(value, _Scope) else value.resource
    return 1 + (len(around) > 0) + (len(value.schemaUrl) > 0)


def _is_plain(raw: msgspec.Raw) -> bool:
    """Tell whether a value that is never decoded is a text without anything odd, or nothing."""
    data = bytes(raw)
    return data[:1] in {b"", b'"'} and data.isascii() and data.decode("ascii").isprintable()


class _LineReader:
    """Reads the spans of one line, counting its keys: one too many in the text came twice."""

    def __init__(self, columns: Columns, document: Document, data: bytes, offset: int) -> None:
        self.names, self.located = columns.names, columns.located
        self.silent = replace(
            document,
            notices=[],
            limits=replace(document.limits, depth=document.limits.depth - _AROUND),
        )
        self.data, self.offset, self.n_keys = data, offset, 0
        self.blocks: list[Block] = []
        self.groups: list[Group] = []
        self._address = _address(data)

    def add(self, resource: _Resource, scope: _Scope, place: str, suffix: str) -> None:
        """Add the spans of a scope."""
        if not (scope.spans and _is_plain(resource.schemaUrl) and _is_plain(scope.schemaUrl)):
            raise _Slow
        context = span_columns.context_of(
            [(b"resource", resource.resource), (b"schemaUrl", resource.schemaUrl)],
            [(b"scope", scope.scope), (b"schemaUrl", scope.schemaUrl)],
        )
        self.n_keys += self.count(scope.scope) + _n_set(scope)
        lengths = array("I", map(len, scope.spans))
        self.groups.append(Group(suffix, context, self._offsets(scope.spans, lengths), lengths))
        fast: list[fast_spans.Fast] = []
        for number, raw in enumerate(scope.spans):
            span = fast_spans.decoded(raw)
            if span is None or len(fast) == _AT_ONCE:
                self._add_fast(fast, scope.spans, number, place, context)
                fast = []
            if span is not None:
                fast.append(span)
                continue
            self._add_slow(raw, f"{place}/{number}", context)
        self._add_fast(fast, scope.spans, len(scope.spans), place, context)

    def _offsets(self, raws: Sequence[msgspec.Raw], lengths: "array[int]") -> "array[int]":
        first, last = (_address(raw) - self._address for raw in (raws[0], raws[-1]))
        # between two spans there is a comma; whether there is space too, the last one shows
        found = np.cumsum([first, *(length + 1 for length in lengths[:-1])]).tolist()
        if found[-1] != last:
            found, at = [], first
            for length in lengths:
                found.append(self.data.find(b"{", at))
                at = found[-1] + length
        if found[-1] != last:
            # some is no object
            raise _Slow
        return array("q", [self.offset + each for each in found])

    def _add_fast(
        self,
        fast: list[fast_spans.Fast],
        raws: Sequence[msgspec.Raw],
        end: int,
        place: str,
        context: bytes,
    ) -> None:
        """Add the spans that end before a position; those that prove odd, by the slow road."""
        if not fast:
            return
        begin = end - len(fast)
        try:
            self.blocks.append(fast_spans.block_of(fast, self.names))
            self.n_keys += sum(each.n_keys for each in fast)
        except Odd:
            middle = (begin + end) // 2
            if len(fast) == 1:
                self._add_slow(raws[begin], f"{place}/{begin}", context)
                return
            self._add_fast(fast[: middle - begin], raws, middle, place, context)
            self._add_fast(fast[middle - begin :], raws, end, place, context)

    def _add_slow(self, raw: msgspec.Raw, source: str, context: bytes) -> None:
        value = self.silent.parsed(bytes(raw), "")
        if self.silent.notices or not isinstance(value, dict):
            raise _Slow
        span = otlp.span_of(value, source, self.located.context(self.silent, context))
        self.blocks.append(span_columns.block_of(span, self.names))
        self.n_keys += count_keys(raw)

    def count(self, raw: msgspec.Raw) -> int:
        """Return how many keys a value that is not decoded has."""
        data = bytes(raw)
        if data not in self.located.n_keys:
            if data:
                self.silent.parsed(data, "")
            if self.silent.notices:
                raise _Slow
            self.located.n_keys[data] = count_keys(data)
        return self.located.n_keys[data]


def _packed(ids: Sequence[str]) -> bytes | None:
    """Return ids as bytes; None where they are no 64 bits in hexadecimal digits or base64."""
    found = span_columns.packed(ids)
    return span_columns.packed([otlp.as_id(each) or "" for each in ids]) if found is None else found


def _address(buffer: Any) -> int:  # noqa: ANN401 - a buffer
    return int(np.frombuffer(buffer, np.uint8).__array_interface__["data"][0])


def count_keys(data: Any) -> int:  # noqa: ANN401 - a buffer
    r"""Return how many keys of objects end in a letter, as all of this format do.

    Only a quotation mark that ends a key stands between a letter and a colon: within a text it has
    a backslash before it, and where a text begins no letter comes before.

    Examples
    --------
    >>> count_keys(b'{"a": {"b": "\":", "c": ":"}}')
    3
    """
    marks = np.frombuffer(data, np.uint8)
    found = 0
    for at in range(0, len(marks), _BLOCK):
        block = marks[at : at + _BLOCK + 2]
        ends = np.flatnonzero((block[2:] == ord(":")) & (block[1:-1] == ord('"')))
        # capital letters differ from small ones by one bit
        found += int(np.count_nonzero((block[ends] | 32) - np.uint8(ord("a")) < 26))
    return found


def _indexed(
    columns: Columns, document: Document, ledger: Ledger, name: Callable[[Run], str]
) -> Iterator[Indexed]:
    """Sort the spans into runs, and yield each when it is in the ledger."""
    if not len(columns):
        return
    trace = np.frombuffer(columns.values["trace"], np.int32)
    start = np.frombuffer(columns.values["start_ns"], np.int64)
    # those without a start, -1, come last
    order = np.lexsort((start.view(np.uint64), trace)).astype(np.int32)
    bounds = np.searchsorted(trace[order], np.arange(len(columns.traces) + 1)).tolist()
    located = columns.located
    located.order = order
    adder = RunAdder(columns, ledger, document.notice)
    for number, trace_id in enumerate(columns.traces):
        steps = slice(bounds[number], bounds[number + 1])
        run = Run(otlp.NAME, located.pointer(steps), name=trace_id, source=document.name)
        is_plain = number not in columns.odd and adder.add(number, order[steps], run, name)
        if not is_plain:
            run = located.load(steps, document.notice)
            run.run_id = name(run)
            ledger.add(run)
        yield Indexed(run.run_id, Loader(located, steps, is_plain), run.annotations)
