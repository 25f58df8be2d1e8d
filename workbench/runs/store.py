"""The folder of a run: what is asked, and each answer, stored before it is counted.

`answers.sqlite` holds the cells of the run as it was last started, and every answer ever given, by
a key of who was asked what for the which time. An answer counts once its transaction is on the disk,
so that a run that is killed loses nothing that it has counted.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from workbench.errors import BadValue, Unreadable

FILE = "answers.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
  key BLOB PRIMARY KEY, text TEXT, finish_reason TEXT, category TEXT NOT NULL, error TEXT, fault TEXT, model TEXT,
  input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER, usage_source TEXT,
  latency_s REAL, first_token_s REAL, recorded_cost_usd REAL, attempts INTEGER NOT NULL, answered_at REAL NOT NULL
) WITHOUT ROWID;
"""
_CELLS = """
CREATE TABLE IF NOT EXISTS cells (
  place INTEGER PRIMARY KEY, key BLOB NOT NULL, row_id TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL,
  system TEXT NOT NULL, repeat INTEGER NOT NULL
)
"""
_PLACE = "INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Record:
    """One answer, or the reason why there is none, as it is stored."""

    key: bytes
    text: str | None
    finish_reason: str | None
    category: str
    error: str | None
    fault: str | None
    model: str | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    usage_source: str | None
    latency_s: float | None
    first_token_s: float | None
    recorded_cost_usd: float | None
    attempts: int
    answered_at: float


class Cell(NamedTuple):
    """One place of the run: a row asked by a prompt of a model, for the which time."""

    place: int
    key: bytes
    row_id: str
    model: str
    prompt: str
    system: str
    repeat: int


_NAMES = tuple(each.name for each in fields(Record))
_PUT = (
    f"INSERT OR REPLACE INTO answers ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - names of ours
)


def _values(record: Record) -> tuple[Any, ...]:  # what sqlite takes
    """Return a record's values; letters that UTF-8 does not have would not be stored."""
    return tuple(
        value.encode("utf-8", "replace").decode()
        if isinstance(value, str) and not value.isascii()
        else value
        for value in (getattr(record, name) for name in _NAMES)
    )


class Store:
    """The answers of one run.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; None keeps them in memory.

    Raises
    ------
    Unreadable
        If the folder cannot be written, or holds another kind of file.
    BadValue
        If another process writes to it.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._lock: int | None = None
        if folder is not None:
            with _telling(folder):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
        try:
            with _telling(folder):
                self._base = self._opened()
        except BaseException:
            self._unlock()
            raise
        self._waiting: list[Record] = []
        self._stored: asyncio.Future[None] | None = None

    def _opened(self) -> sqlite3.Connection:
        place = ":memory:" if self.folder is None else str(self.folder / FILE)
        base = _connected(place)
        try:
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = FULL")
            base.executescript(_SCHEMA + _CELLS)
        except BaseException:
            base.close()
            raise
        return base

    def close(self) -> None:
        """Store what is left, and let others in; the loop has ended."""
        try:
            if self._waiting:
                self._insert()
        finally:
            self._base.close()
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def put(self, record: Record) -> None:
        """Store an answer; returns when it is on the disk.

        Answers that come in the same moment share a transaction. It is made in the loop: whoever
        asks waits for the disk in any case, and a thread would wait for a loop that is busy.

        Raises
        ------
        Unreadable
            If the disk does not take it.
        """
        loop = asyncio.get_running_loop()
        if self._stored is None:
            self._stored = loop.create_future()
            loop.call_soon(self._store)
        self._waiting.append(record)
        # what has been paid for is stored, even if nobody waits any more
        await asyncio.shield(self._stored)

    def _store(self) -> None:
        stored, self._stored = self._stored, None
        if stored is None:
            return
        try:
            self._insert()
        except Unreadable as error:
            stored.set_exception(error)
        else:
            stored.set_result(None)

    def _insert(self) -> None:
        records, self._waiting = self._waiting, []
        with _telling(self.folder), _transaction(self._base):
            self._base.executemany(_PUT, map(_values, records))

    def plan(self, cells: Iterable[Cell]) -> None:
        """Replace the cells of the run."""
        with _telling(self.folder), _transaction(self._base):
            self._base.execute("DELETE FROM cells")
            self._base.executemany(_PLACE, cells)

    def sketch(self, cells: Iterable[Cell]) -> None:
        """Look at other cells from now on, and leave those of the run as they are."""
        with _telling(self.folder), _transaction(self._base):
            # a temporary table hides the one of the same name
            self._base.execute(_CELLS.replace("TABLE", "TEMP TABLE"))
            self._base.executemany(_PLACE, cells)

    def open_cells(self, model: str, *, again: bool) -> Generator[tuple[int, bytes]]:
        """Yield place and key of a model's cells without an answer, in their order.

        Parameters
        ----------
        model : str
            The model's name.
        again : bool
            Whether cells whose answer is an error count as open.
        """
        there = "AND a.fault IS NULL" if again else ""
        place = -1
        while True:  # pages, so that no statement stays open while answers are written
            with _telling(self.folder):
                page = self._base.execute(
                    f"""SELECT c.place, c.key FROM cells c LEFT JOIN answers a ON a.key = c.key {there}
                    WHERE c.model = ? AND c.place > ? AND a.key IS NULL ORDER BY c.place LIMIT 512""",  # noqa: S608 - words of ours
                    (model, place),
                ).fetchall()
            yield from page
            if len(page) < 512:
                return
            place = page[-1][0]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the cells with their answers, in order; what is not answered is missing."""
        with _telling(self.folder):
            yield from _records(self._base)

    def counts(self) -> Mapping[str, int]:
        """Return the number of cells by category; "" for those without an answer."""
        with _telling(self.folder):
            return dict(
                self._base.execute(
                    """SELECT coalesce(a.category, ''), count(*) FROM cells c
                    LEFT JOIN answers a ON a.key = c.key GROUP BY 1"""
                ).fetchall()
            )

    def n_failed(self) -> int:
        """Return the number of cells whose answer is a failure."""
        with _telling(self.folder):
            (n,) = self._base.execute(
                "SELECT count(*) FROM cells c JOIN answers a ON a.key = c.key WHERE a.fault IS NOT NULL"
            ).fetchone()
        return int(n)


def stored_records(folder: Path) -> list[dict[str, Any]]:
    """Return what `Store.records` yields, from a folder that another process may be writing to.

    Raises
    ------
    Unreadable
        If the folder holds no answers of a run.
    """
    with (
        _telling(folder),
        _readable(folder) as place,
        contextlib.closing(_connected(place / FILE)) as base,
    ):
        base.execute("PRAGMA query_only = ON")
        return list(_records(base))


@contextlib.contextmanager
def _readable(folder: Path) -> Iterator[Path]:
    """Give a folder in which SQLite can read, for which it must write: where it must not, a copy."""
    wanted = (folder, folder / FILE)
    if all(os.access(each, os.W_OK, effective_ids=True) for each in wanted):
        yield folder
        return
    with tempfile.TemporaryDirectory() as copy:
        for each in folder.glob(f"{FILE}*"):
            shutil.copyfile(each, Path(copy) / each.name)
        yield Path(copy)


def _records(base: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    names = [name for name in _NAMES if name not in {"key", "model"}]
    columns = [*("place", "row_id", "model", "prompt", "system", "repeat"), *names, "answered_by"]
    found = base.execute(
        f"""SELECT c.place, c.row_id, c.model, c.prompt, c.system, c.repeat,
        {", ".join(f"a.{name}" for name in names)}, a.model
        FROM cells c LEFT JOIN answers a ON a.key = c.key ORDER BY c.place"""  # noqa: S608 - names of ours
    ).fetchall()
    yield from (dict(zip(columns, each, strict=True)) for each in found)


def _connected(place: str | Path) -> sqlite3.Connection:
    # the loop runs in a thread of its own
    return sqlite3.connect(place, check_same_thread=False, isolation_level=None)


def _locked(folder: Path) -> int:
    """Hold the folder for this process; the lock goes with the process, however it ends."""
    with _telling(folder):
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise BadValue(
            f"one process at a time may write to a run, but another has {folder} open; wait for it, or "
            "give this run another name."
        ) from None
    return handle


@contextlib.contextmanager
def _transaction(base: sqlite3.Connection) -> Iterator[None]:
    """Store everything or nothing."""
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
        base.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            base.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def _telling(folder: Path | None) -> Iterator[None]:
    """Turn what goes wrong with files into one sentence."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise Unreadable(
            f"the folder of a run must be one that can be written to, but {folder or 'memory'} failed "
            f"({error}); what was stored is kept: check its permissions and the room on the disk, and run again."
        ) from error
