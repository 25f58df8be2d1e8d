"""All growing files at a path, and their runs under the ids that `read` would give them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.trajectories.collection import Runs
from workbench.trajectories.ledger import Ledger
from workbench.trajectories.live.growing import Change, GrowingFile, Known
from workbench.trajectories.live.tails import Held
from workbench.trajectories.live.updates import Told
from workbench.trajectories.model import Notice, Run
from workbench.trajectories.reading import Shelf, documents_of
from workbench.trajectories.sources.documents import Document, Limits

if TYPE_CHECKING:
    import pyarrow as pa

_GONE = Notice("gone", "", "the file is no longer there", "info")


class Named(NamedTuple):
    """A run of a file with the id that it has among all."""

    file: str
    key: str
    run_id: str
    known: Known


class Ids(NamedTuple):
    """The ids of runs that came, changed and went."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


class Logs:
    """The files at a path, looked at again and again; not safe for threads.

    Parameters
    ----------
    path : Path
        A file or folder.
    format : str, optional
        Of all files; found by content when not given.
    limits : Limits
        How much is read at most.
    """

    def __init__(self, path: Path, format: str | None, limits: Limits) -> None:
        self._path, self._format, self._limits = path, format, limits
        self._held, self._files = Held(), dict[str, GrowingFile]()
        self._named: list[Named] = []
        self._naming: dict[str, list[Notice]] = {}

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many files, runs and steps there are."""
        n_steps = sum(each.known.n_steps for each in self._named)
        return len(self._files), len(self._named), n_steps

    @property
    def last_ns(self) -> int | None:
        """The last moment that any run tells, in nanoseconds since 1970."""
        return max(filter(None, (each.known.last_ns for each in self._named)), default=None)

    def look(self, *, last: bool) -> tuple[dict[str, Change], Ids, list[Told]]:
        """Look at every file that is there.

        Parameters
        ----------
        last : bool
            Whether the files have ended.

        Returns
        -------
        changes : dict of Change
            By the names of files.
        ids : Ids
            Of what changed.
        told : list of (str, Notice)
            What is to be said.
        """
        changes = self._look(last=last)
        told = [(name, notice) for name, change in changes.items() for notice in change.notices]
        before = {(each.file, each.key): each.run_id for each in self._named}
        if any(changes.values()):
            told += self._name()
        now = {(each.file, each.key): each.run_id for each in self._named}
        kinds = (("new", now), ("changed", now), ("gone", before))
        ids = (
            tuple(ids[name, key] for name, each in changes.items() for key in getattr(each, kind))
            for kind, ids in kinds
        )
        return changes, Ids(*ids), told

    def new_steps(self, changes: Mapping[str, Change]) -> "pa.Table":
        """Return STEPS that are new."""
        import pyarrow as pa

        mask: list[bool] = []
        kept = []
        for each in self._named:
            wanted = changes[each.file].steps.get(each.key) if each.file in changes else None
            if wanted:
                kept.append(each)
                chosen = set(wanted)
                mask += [number in chosen for number in range(each.known.n_steps)]
        return _table(kept).filter(pa.array(mask, pa.bool_()))

    def recent(self, since_ns: int) -> "pa.Table":
        """Return STEPS of the runs that were at work since a moment."""
        return _table(
            each
            for each in self._named
            if each.known.last_ns is not None and each.known.last_ns >= since_ns
        )

    def collected(self, load: Callable[[Known, str], Run]) -> Runs:
        """Collect all runs, as `read` does.

        Parameters
        ----------
        load : callable
            Reads a run in full, by its id.
        """
        ledger, shelf = Ledger(), _Names()
        notices: dict[str, list[Notice]] = {}
        named = iter(self._named)
        for name, file in self._files.items():
            document = file.document()
            first, last = file.around
            document.notices += first
            for known in file.known.values():
                document.notices += known.notices
                run_id = shelf.name(document, known.run)
                shelf.lend(document, run_id, partial(load, known))
                shelf.annotations += [(run_id, each) for each in known.annotations]
                _add(ledger, next(named))
            if document.notices or last:
                notices[name] = [*document.notices, *last]
        return Runs(ledger, shelf.load, notices, shelf.annotations)

    def _look(self, *, last: bool) -> dict[str, Change]:
        files = {
            each.name: self._files.get(each.name) or self._opened(each)
            for each in self._documents()
        }
        found = {name: file.poll(last=last) for name, file in files.items()}
        for name in self._files.keys() - files.keys():
            lost = self._files[name]
            found[name] = Change(gone=list(lost.known), notices=[_GONE])
            lost.close()
        self._files = files
        return found

    def _documents(self) -> Iterator[Document]:
        try:
            yield from documents_of(self._path, self._limits)
        except OSError:
            return  # it is not there yet, or not for us

    def _opened(self, document: Document) -> GrowingFile:
        return GrowingFile(
            document.path, document.name, self._held, format=self._format, limits=self._limits
        )

    def _name(self) -> list[Told]:
        """Give each run an id as `read` does, and return what is to be said of that."""
        shelf, before = _Names(), self._naming
        self._named, self._naming = [], {}
        for name, file in self._files.items():
            document = file.document()
            for key, known in file.known.items():
                run_id = shelf.name(document, known.run)
                shelf.take(run_id)
                self._named.append(Named(name, key, run_id, known))
            self._naming[name] = document.notices
        return [
            (name, notice)
            for name, notices in self._naming.items()
            for notice in notices
            if notice not in before.get(name, ())
        ]


class _Names(Shelf):
    """Gives ids as `read` does, and reads runs that may have grown since."""

    def take(self, run_id: str) -> None:
        """Note that an id is borne."""
        self._places[run_id] = None  # type: ignore[assignment]

    def load(self, run_id: str) -> Run:
        """Read a run in full."""
        return self._loaders[run_id](run_id)


def _table(named: "Iterator[Named] | list[Named]") -> "pa.Table":
    ledger = Ledger()
    for each in named:
        _add(ledger, each)
    return ledger.steps()


def _add(ledger: Ledger, named: Named) -> None:
    ledger.add_record(named.known.record | {"run_id": named.run_id}, named.known.n_steps)
    ledger.add_columns(named.known.columns)
