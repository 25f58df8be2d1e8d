"""`read`: agents' logs of any known format, a file or a folder of them, as `Runs`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from workbench import store
from workbench.errors import BadKind, BadValue, Unreadable
from workbench.trajectories import readers
from workbench.trajectories.collection import Runs
from workbench.trajectories.ledger import Ledger
from workbench.trajectories.model import Annotation, Json, Notice, Run, Step
from workbench.trajectories.sources.documents import Document, Limits

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj", ".eval")


def read(
    source: str | Path | Json,
    *,
    format: str | None = None,
    limits: Limits | None = None,
) -> Runs:
    """Read what agents did, from any log whose format is known.

    Parameters
    ----------
    source : str, Path, list or dict
        A file, a folder with files below it, the bare name of a shipped set such as
        `claims-agent`, or the JSON value itself. `.gz` is unpacked.
    format : str, optional
        One of `readers.names()`; found by content when not given.
    limits : Limits, optional
        How much is read at most.

    Returns
    -------
    Runs
        With what could not be read in `.findings`.

    Raises
    ------
    Unreadable
        If there is no such file or folder.
    BadValue
        If nothing in it is of a known format.
    BadKind
        If a value is neither a path nor JSON.

    Examples
    --------
    >>> runs = read([{"task_id": 1, "reward": 1.0, "trial": 0, "info": {}, "traj": [
    ...     {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]}])
    >>> runs
    1 run, 2 steps: tau-bench
    >>> runs.steps["kind"].tolist()
    ['wb.input', 'chat']
    """
    documents = list(documents_of(source, limits or Limits()))
    ledger, shelf = Ledger(), Shelf()
    for document in documents:
        _index(document, format, ledger, shelf, alone=len(documents) == 1)
    if not ledger.records and not any(document.notices for document in documents):
        name = source if isinstance(source, (str, Path)) else "the value given"
        raise BadValue(
            f"a folder of trajectories must hold some, but {name} holds none of a known format; "
            f"the formats are {', '.join(readers.names())}."
        )
    return Runs(ledger, shelf.load, Told(documents), shelf.annotations)


def documents_of(source: str | Path | Json, limits: Limits) -> Iterator[Document]:
    """Yield the documents at a path, in the order in which they are read; or the one in memory."""
    if not isinstance(source, (str, Path)):
        if not isinstance(source, (list, dict)):
            raise BadKind(
                "trajectories must be a path, a list or a dict, but "
                f"{type(source).__name__} came; pass one of these."
            )
        yield Document(Path("memory"), "memory", limits, data=_encoded(source))
        return
    path = _shipped(str(source)) or Path(source)
    if path.is_dir():
        for each in sorted(path.rglob("*")):
            if each.is_file() and each.name.removesuffix(".gz").endswith(_SUFFIXES):
                yield Document(each, each.relative_to(path).as_posix(), limits)
    elif path.exists():
        yield Document(path, path.name, limits)
    else:
        raise Unreadable(
            f"trajectories must be in a file or a folder, but there is no {path}; check the path."
        )


def _shipped(name: str) -> Path | None:
    """Return the runs of a shipped set, if a bare name is one and no file bears it."""
    if Path(name).exists() or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        return None
    places = [home / name / "runs.jsonl.gz" for home in store.homes("datasets")]
    return next((place for place in places if place.is_file()), None)


def _encoded(value: Json) -> bytes:
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadKind(
            "trajectories must be a path or a JSON value, but what came holds something else "
            f"({error}); pass what json.loads gives."
        ) from None


class Told(Mapping[str, Sequence[Notice]]):
    """What is to be told of documents, by their names; of some it is found when asked for.

    Parameters
    ----------
    documents : sequence of Document
        That were read.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._stamps = [_stamp(document) if document.owed else (0, 0) for document in documents]

    @cached_property
    def _found(self) -> dict[str, list[Notice]]:
        for document, stamp in zip(self._documents, self._stamps, strict=True):
            find, document.owed = document.owed, None
            if find is not None and _stamp(document) == stamp:
                document.notices[:] = find()
            elif find is not None:
                reason = "it has changed since it was read: what was wrong with it is not known"
                document.notice("changed", "", reason)
        return {each.name: each.notices for each in self._documents if each.notices}

    def __getitem__(self, name: str) -> Sequence[Notice]:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Shelf:
    """Knows in which document each run stands, and reads it again when it is asked for."""

    def __init__(self) -> None:
        self.annotations: list[tuple[str, Annotation]] = []
        self._places: dict[str, tuple[Document, readers.Reader, int]] = {}
        self._loaders: dict[str, Callable[[str], Run]] = {}
        self._kept: tuple[str, list[Run]] = ("", [])
        self._stamps: dict[str, tuple[int, int]] = {}

    def name(self, document: Document, run: Run) -> str:
        """Return an id for a run: its own if it has one that nobody bears yet."""
        wanted = run.run_id or run.name
        if wanted is not None and wanted not in self._places:
            return wanted
        own = f"{document.sha256[:12]}{run.pointer}"
        if own in self._places:
            own += f"#{len(self._places)}"
        if wanted is None:
            return own
        document.notice(
            "same_name",
            run.pointer,
            f"a run named {wanted[:80]!r} was read before; this is {own}",
        )
        return own

    def place(self, document: Document, reader: readers.Reader, run: Run, number: int) -> None:
        """Remember where a run stands: the how-manieth of its document, from 0."""
        self._places[run.run_id] = (document, reader, number)
        self._stamp(document)
        self.annotations += [(run.run_id, each) for each in run.annotations]

    def lend(self, document: Document, run_id: str, load: Callable[[str], Run]) -> None:
        """Remember that a reader of large files loads a run itself."""
        self._loaders[run_id] = load
        self._places[run_id] = (document, None, 0)  # type: ignore[assignment]
        self._stamp(document)

    def _stamp(self, document: Document) -> None:
        if document.name not in self._stamps:
            self._stamps[document.name] = _stamp(document)

    def document(self, run_id: str) -> Document:
        """Return the document in which a run stands, which must be as it was read."""
        document = self._places[run_id][0]
        if _stamp(document) != self._stamps[document.name]:
            raise BadValue(
                f"a file of trajectories must stay as it was read, but {document.name} has changed; "
                "read it again."
            )
        return document

    def pieces(self, run_id: str) -> Iterator[bytes] | None:
        """Return the bytes that all texts of a run stand in; None where these are not known."""
        self.document(run_id)
        find: Callable[[], Iterator[bytes] | None] | None
        find = getattr(self._loaders.get(run_id), "pieces", None)
        return find() if find else None

    def glance(self, run_id: str, start: int, stop: int) -> list[Step] | None:
        """Return some steps of a run, not joined to others; None where that takes the whole run."""
        self.document(run_id)
        find: Callable[[int, int], list[Step] | None] | None
        find = getattr(self._loaders.get(run_id), "glance", None)
        return find(start, stop) if find else None

    def load(self, run_id: str) -> Run:
        """Read a run in full."""
        _, reader, number = self._places[run_id]
        document = self.document(run_id)
        if run_id in self._loaders:
            return self._loaders[run_id](run_id)
        if self._kept[0] != document.name:
            again = replace(document, notices=[])
            self._kept = (document.name, list(reader.runs(again)))
        run = self._kept[1][number]
        run.run_id, run.source = run_id, run.source or document.name
        return run


def _stamp(document: Document) -> tuple[int, int]:
    if document.data is not None:
        return (0, 0)
    try:
        found = document.path.stat()
    except OSError:
        return (-1, -1)
    return found.st_size, found.st_mtime_ns


def of_no_format() -> str:
    """Say of a document that no reader recognises it."""
    return f"it is of no known format; the formats are {', '.join(readers.names())}"


def _index(
    document: Document, format: str | None, ledger: Ledger, shelf: Shelf, *, alone: bool
) -> None:
    """Add the runs of a document to a ledger."""
    reader = readers.reader_named(format) if format else readers.reader_of(document)
    if reader is None:
        if alone:
            what = "what came" if document.data is not None else document.name
            raise BadValue(
                f"a file of trajectories must be of a known format, but {what} is not; the formats "
                f"are {', '.join(readers.names())}."
            )
        document.notice("unknown_format", "", of_no_format(), "error")
        return
    if format and not (readers.begins(document, reader) or reader.recognises(document.first)):
        document.notice("other_format", "", f"it was read as {format}, but does not look like it")
    named = partial(shelf.name, document)
    found = reader.index(document, ledger, named) if hasattr(reader, "index") else None
    if found is not None:
        for run_id, load, told in found:
            shelf.lend(document, run_id, load)
            shelf.annotations += [(run_id, each) for each in told]
        return
    for number, run in enumerate(reader.runs(document)):
        run.source, run.run_id = run.source or document.name, shelf.name(document, run)
        shelf.place(document, reader, run, number)
        ledger.add(run)
