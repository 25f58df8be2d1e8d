"""Inspect's logs into columns, each sample read in full when it is asked for.

A log that is whole JSON is passed over once; of each sample a few members are decoded. What is wrong
with it is found when somebody asks: then the whole log is read as `inspect_log.runs` does, which
takes several times as long. Whatever is not as Inspect writes it takes that road at once.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from workbench.trajectories.ledger import Ledger, columns_of, record_of
from workbench.trajectories.model import Annotation, Json, Notice, Run, Step
from workbench.trajectories.readers import inspect_log
from workbench.trajectories.readers.inspect_columns import Odd, decoded, glanced
from workbench.trajectories.readers.inspect_samples import Log, is_chunk, is_sample, whole_sample
from workbench.trajectories.sources.archives import Archive
from workbench.trajectories.sources.documents import Document

# Below this columns may need what lies too deep, so the whole log is read.
_LEAST_DEPTH = 32
# Levels of a log around a sample.
_AROUND = 2
# Columns are filled for many runs together.
_AT_ONCE = 1000
# What reading in full does not tell again.
_OWN = "same_name"


class _Head(msgspec.Struct, gc=False):
    eval: msgspec.Raw
    samples: list[msgspec.Raw]
    version: msgspec.Raw = msgspec.Raw(b"")


_HEAD = msgspec.json.Decoder(_Head)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Indexed(NamedTuple):
    """A run whose columns are in the ledger: its id, what reads it in full, and its annotations."""

    run_id: str
    load: Callable[[str], Run]
    annotations: list[Annotation]


class _Source(Protocol):
    """Where the samples of a log stand."""

    @property
    def head(self) -> dict[str, Json]:
        """What the log says of the whole, as far as each run bears it."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield the pointer of each sample and its JSON, in which NaN may be something else."""

    def told(self) -> dict[str, Json]:
        """Return all that the log says beside its samples."""

    def sample(self, number: int) -> bytes:
        """Return the JSON of a sample that was yielded before."""


class _Whole:
    """The samples of a log that is one JSON file, each found again by its offset."""

    def __init__(self, document: Document, data: bytes) -> None:
        self._document = document
        found, self._plain = decoded(_HEAD, data)
        self._raws = found.samples
        self._spans: list[tuple[int, int]] = []
        told = {"eval": found.eval, "version": found.version}
        self.head = {name: self._member(data, raw) for name, raw in told.items() if len(raw)}

    def _member(self, data: bytes, raw: msgspec.Raw) -> Json:
        """Return a member of the log as it stands in the file."""
        start = _address(raw) - _address(self._plain)
        if data[start : start + 3] == b"NaN":  # the list that stands for it is shorter
            return math.nan
        return _parsed(self._document, data[start : start + len(raw)], 1)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        first = _address(self._plain)
        for number, raw in enumerate(self._raws):
            self._spans.append((_address(raw) - first, len(raw)))
            yield f"/samples/{number}", raw
        # the file has them
        self._plain, self._raws = b"", []

    def told(self) -> dict[str, Json]:
        data = self._document.content()
        try:
            members, self._plain = decoded(_MEMBERS, data)
        except UnicodeDecodeError:  # in a name, at which nobody looked before
            whole = _parsed(self._document, data, 0)
            assert isinstance(whole, dict)
            return {name: each for name, each in whole.items() if name != "samples"}
        found = {
            name: self._member(data, raw) for name, raw in members.items() if name != "samples"
        }
        self._plain = b""
        return found

    def sample(self, number: int) -> bytes:
        start, length = self._spans[number]
        with self._document.open() as stream:
            stream.seek(start)
            return stream.read(length)


class _Packed:
    """The samples of a log that is a zip archive, an entry each."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._names = [name for name in archive.names if is_sample(name)]
        head = archive.json("header.json")
        if not isinstance(head, dict):
            # its eval did not end, which is told at once
            raise Odd
        self.head = {"eval": head.get("eval"), "version": head.get("version")}

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for name in self._names:
            yield f"{name}!", self._archive.read(name)

    def told(self) -> dict[str, Json]:
        beside = [name for name in self._archive.names if name.endswith(".json")]
        return {name: self._archive.json(name) for name in beside if not is_sample(name)}

    def sample(self, number: int) -> bytes:
        return self._archive.read(self._names[number])


@dataclass
class _Shelf:
    """Reads the samples of a log in full, one at a time."""

    document: Document
    source: _Source
    levels: int
    first: int = -1
    _last: tuple[int, Run] | None = field(default=None, repr=False)

    def load(self, number: int, pointer: str, run_id: str) -> Run:
        """Return a sample's run; the last one is kept."""
        if self._last is None or self._last[0] != number:
            run = self.read(pointer, self.source.sample(number))
            if run is None:
                raise AssertionError
            if number == self.first:
                run.extra["log"] = self.source.told()
            run.run_id, run.source = run_id, self.document.name
            self._last = number, run
        return self._last[1]

    def read(self, pointer: str, data: Any) -> Run | None:  # noqa: ANN401 - a buffer
        """Return the run of a sample, None where it is none."""
        silent = replace(self.document, notices=[])
        value = _parsed(silent, data, self.levels)
        log = Log(self.source.head, iter(()), {})
        found = next(whole_sample(silent, value, pointer, pointer), None)
        return None if found is None else inspect_log.run_of(silent, log, found)


def index(
    document: Document, ledger: Ledger, name: Callable[[Run], str]
) -> Iterator[Indexed] | None:
    """Fill a ledger with the runs of a log.

    Parameters
    ----------
    document : Document
        The log.
    ledger : Ledger
        Takes the columns.
    name : callable
        Gives a run its id.

    Returns
    -------
    iterator of Indexed, optional
        One per run, when its columns are in the ledger; None where the log must be read in full,
        with nothing done.
    """
    if document.is_gzip or document.limits.depth < _LEAST_DEPTH:
        return None
    silent = replace(document, notices=[])
    try:
        source, levels = _source(silent)
    except (Odd, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    shelf = _Shelf(silent, source, levels)
    found = _indexed(shelf, document, ledger, name)
    # a log without samples is told, and so is one that cannot be read
    one = next(found, None)
    return None if one is None else itertools.chain([one], found)


def _source(document: Document) -> tuple[_Source, int]:
    if not document.is_zip:
        return _Whole(document, document.content()), _AROUND
    archive = Archive(document)
    if any(is_chunk(name) for name in archive.names):
        raise Odd
    found = _Packed(archive)
    if document.notices:
        raise Odd
    return found, 0


def _indexed(
    shelf: _Shelf, document: Document, ledger: Ledger, name: Callable[[Run], str]
) -> Iterator[Indexed]:
    before = list(document.notices)
    log, steps = Log(shelf.source.head, iter(()), {}), list[Step]()
    for number, (pointer, data) in enumerate(shelf.source):
        try:
            fields, seen = glanced(data, pointer)
        except Odd:
            run = shelf.read(pointer, shelf.source.sample(number))
        else:
            run = inspect_log.begun(log, pointer, fields)
            run.steps = seen
        if run is None:
            continue
        run.source = document.name
        run.run_id = name(run)
        if shelf.first < 0:
            shelf.first = number
            document.owed = partial(_notices, document, before)
        ledger.add_record(record_of(run), len(run.steps))
        steps += run.steps
        if len(steps) > _AT_ONCE:
            ledger.add_columns(columns_of(Run("", steps=steps)))
            steps = []
        yield Indexed(run.run_id, partial(shelf.load, number, pointer), run.annotations)
    ledger.add_columns(columns_of(Run("", steps=steps)))


def _notices(document: Document, before: list[Notice]) -> list[Notice]:
    """Return what is to be told of a log, reading all of it."""
    again = replace(document, notices=[])
    for _ in inspect_log.runs(again):
        pass
    own = [each for each in document.notices[len(before) :] if each.check == _OWN]
    return [*before, *again.notices, *own]


def _parsed(document: Document, data: Any, levels: int) -> Json:  # noqa: ANN401 - a buffer
    """Return a value that stands so many levels deep in a log; what is wrong with it is not told."""
    depth = document.limits.depth - levels
    silent = replace(document, notices=[], limits=replace(document.limits, depth=depth))
    return silent.parsed(bytes(data), "")


def _address(buffer: Any) -> int:  # noqa: ANN401 - a buffer
    return int(np.frombuffer(buffer, np.uint8).__array_interface__["data"][0])
