"""Where a journal is kept: a SQLite file or PostgreSQL, each told to lose nothing."""

import contextlib
import functools
import hashlib
import math
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from workbench.errors import BadValue, InputError, Unreadable
from workbench.ratings.events import GENESIS, canonical

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Table
    from sqlalchemy.engine.interfaces import DBAPIConnection

VERSION = 2
"""The version of the tables; an older one is brought here when it is opened."""

COLUMNS = ("seq", "op_id", "kind", "rater", "item_id", "session", "at", "body", "previous", "hash")
"""The columns of the table `events`, by name, since a migrated table has them in another order."""

KEYS = ("head_hash", "head_seq", "schema", "schema_version", "store_id")
"""What the table `meta` says. The head changes with the events, so that a cut end is found."""

# A SQLite file has at least one page, of at least so many bytes.
_LEAST = 512
# Any number will do, as long as all who make tables in one database know it.
_MAKING = 7_263_544


class StoreError(Unreadable):
    """A journal that cannot be read or written now; nothing was half written."""


@functools.cache
def table_pair() -> tuple["Table", "Table"]:
    """Return the tables `events` and `meta`."""
    from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

    whole = BigInteger().with_variant(Integer(), "sqlite")
    data = MetaData()
    columns: list[Column[Any]] = [  # Any: numbers and texts
        Column("seq", whole, primary_key=True, autoincrement=False),
        *(Column(name, Text, nullable=False, unique=name == "op_id") for name in COLUMNS[1:]),
    ]
    meta: list[Column[str]] = [
        Column("key", Text, primary_key=True),
        Column("value", Text, nullable=False),
    ]
    return (
        Table("events", data, *columns, sqlite_strict=True),
        Table("meta", data, *meta, sqlite_strict=True),
    )


@dataclass(frozen=True)
class Database:
    """A way to a journal's tables.

    Parameters
    ----------
    source : str
        The path or URL by which it is opened again; it may hold a password.
    place : str
        The same as people may read it.
    engine : Engine
        Its connections.
    file : Path or None
        The file, when it is one.
    busy_s : float
        How long to wait for others, in seconds.
    """

    source: str
    place: str
    engine: "Engine"
    file: Path | None
    busy_s: float

    @contextlib.contextmanager
    def transaction(self, *, write: bool = False) -> Iterator["Connection"]:
        """Open a transaction that sees one state, and commits unless its block raises.

        Parameters
        ----------
        write : bool
            Whether no one else may write meanwhile. PostgreSQL waits only when `said` reads what
            the table `meta` says, and locks it.
        """
        with self.told(), contextlib.ExitStack() as undoing:
            connection = self.engine.connect()
            undoing.callback(connection.close)
            connection = connection.execution_options(journal_writes=write)
            connection.begin()
            undoing.pop_all()
        try:
            yield connection
            with self.told():
                connection.commit()
        finally:
            # what was not committed is rolled back
            with self.told():
                connection.close()

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Say in one sentence why the store could not do what the block asks."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except InputError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, MemoryError) as error:
            raise StoreError(_sentence(self.place, self.busy_s, error)) from error

    def said(self, connection: "Connection", *, lock: bool = False) -> dict[str, str]:
        """Return what the table `meta` says, and hold it until the transaction ends."""
        from sqlalchemy import select

        _, meta = table_pair()
        # one order for all, so that no two writers wait for each other
        statement = select(meta.c.key, meta.c.value).order_by(meta.c.key)
        rows = connection.execute(statement.with_for_update() if lock else statement)
        return {key: value for key, value in rows}


# --- ways to a database -----------------------------------------------------------------------


def connect(place: str | Path, *, mode: str = "rw", busy_s: float = 10) -> Database:
    """Return the way to a place, without going it.

    Parameters
    ----------
    place : str or Path
        A file, or a URL of SQLite or PostgreSQL.
    mode : "ro", "rw" or "rwc"
        Whether a file is only read, also written, or also made.
    busy_s : float
        How long to wait for others, in seconds.
    """
    if isinstance(place, Path) or not re.match(r"[A-Za-z][A-Za-z0-9+]*://", place):
        return _file(Path(place), mode, busy_s)
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        # the text may hold a password
        raise BadValue("a journal must be at a path or URL, but a malformed URL came.") from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite" and url.database not in {None, "", ":memory:"}:
        return _file(Path(str(url.database)), mode, busy_s)
    if kind in {"postgres", "postgresql"}:
        return _server(place, url.set(drivername="postgresql+psycopg"), mode, busy_s)
    raise BadValue(
        "a journal must be a file, or at a URL such as sqlite:///ratings.db or "
        f"postgresql://host/name, but {url.render_as_string(hide_password=True)!r} came."
    )


def _file(path: Path, mode: str, busy_s: float) -> Database:
    from sqlalchemy import QueuePool, create_engine, event

    path = path.absolute()
    uri = f"file:{quote(str(path))}?mode={mode}"
    read_only = mode == "ro"
    if read_only and not _has_log(path):
        # An empty log and its index would be left by one who may not write; where they cannot
        # even be made, nothing changes and none is needed.
        uri = uri.removesuffix("ro") + ("rw" if _writable(path) else "ro&immutable=1")
    first: list[tuple[int, int]] = []

    def stay() -> None:
        # What is written to a file without a name is lost; and the log of one file beside another
        # would be taken for its own.
        if first and first[0] != _identity(path):
            raise StoreError(
                f"the journal {path} must stay where it is, but its file was removed or "
                "replaced; bring it back and try again."
            )

    def opened() -> sqlite3.Connection:
        stay()
        connection = sqlite3.connect(
            # transactions begin where we say so, in the hook below
            uri, uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False,
        )  # fmt: skip
        try:
            for rule in ("synchronous = FULL", "trusted_schema = OFF", f"query_only = {read_only}"):
                connection.execute(f"PRAGMA {rule}")
        except BaseException:
            connection.close()
            raise
        first[:] = first or filter(None, [_identity(path)])
        return connection

    engine = create_engine("sqlite://", creator=opened, poolclass=QueuePool, max_overflow=-1)

    @event.listens_for(engine, "begin")
    def _begin(connection: "Connection") -> None:
        stay()
        write = connection.get_execution_options().get("journal_writes")
        # a transaction that reads first and writes later may find itself overtaken
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return Database(str(path), str(path), engine, path, busy_s)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _has_log(path: Path) -> bool:
    log = Path(f"{path}-wal")
    return log.exists() and log.stat().st_size > 0


def _writable(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return all(os.access(each, os.W_OK, effective_ids=effective) for each in (path, path.parent))


def _server(source: str, url: "URL", mode: str, busy_s: float) -> Database:
    from sqlalchemy import create_engine, event

    wait_ms = max(1, round(busy_s * 1000))
    # two seconds is the least that libpq waits
    arguments = {"connect_timeout": max(2, math.ceil(busy_s)), "tcp_user_timeout": wait_ms}
    # who only reads sees one state throughout; who writes sees what others wrote while he waited
    level: Literal["REPEATABLE READ", "READ COMMITTED"] = (
        "REPEATABLE READ" if mode == "ro" else "READ COMMITTED"
    )
    shown = url.set(drivername="postgresql").render_as_string(hide_password=True)
    try:
        engine = create_engine(
            url, connect_args=arguments, pool_pre_ping=True, isolation_level=level,
            max_overflow=-1,
        )  # fmt: skip
    except ImportError:
        raise StoreError(
            f"the journal {shown} needs the package psycopg, which is not installed; "
            "install evaluation-workbench[postgres]."
        ) from None

    @event.listens_for(engine, "connect")
    def _rules(connection: "DBAPIConnection", _: object) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            # as the server may be told to acknowledge before it has written
            cursor.execute("SET synchronous_commit = on")
            cursor.execute(f"SET lock_timeout = {wait_ms}")
            if mode != "ro":
                # a machine that is gone does not hold the lock for hours
                cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
        connection.commit()

    return Database(source, shown, engine, None, busy_s)


# --- the tables, made and brought up to date -----------------------------------------------------


def prepared(place: str | Path, *, create: bool, busy_s: float) -> tuple[Database, str]:
    """Return the way to a journal with tables of our version, and the journal's id.

    Raises
    ------
    StoreError
        If there is no journal and none may be made, or if there is something else.
    """
    database = connect(place, busy_s=busy_s)
    if database.file:
        database = _found(database, database.file, create=create)
    try:
        with database.transaction() as connection, database.told():
            ready = _version(database, connection, create=create) == VERSION
        if not ready:
            with database.transaction(write=True) as connection, database.told():
                _bring(database, connection)
        if database.file and _writable(database.file):
            with database.told():
                _log_ahead(database)
        with database.transaction() as connection, database.told():
            store_id = database.said(connection).get("store_id", "")
    except BaseException:
        database.engine.dispose()
        raise
    return database, store_id


def _found(database: Database, file: Path, *, create: bool) -> Database:
    """Return the way to a file that is there; what may not be written is opened to be read."""
    if not file.exists() and not create:
        raise StoreError(
            f"the journal {file} must exist, but there is no such file; name another one or let "
            "it be made."
        )
    with database.told(), contextlib.suppress(FileExistsError):
        # SQLite takes an empty file for an empty database, and is never to make one itself: a
        # journal that is taken away must be missed
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(exist_ok=False)
    # SQLite takes a very short text for an empty database, too; it is not read here, since a file
    # that is closed anywhere in a process loses the locks that SQLite holds on it
    if not file.is_file() or 0 < file.stat().st_size < _LEAST:
        raise _strange(database)
    return database if _writable(file) else connect(file, mode="ro", busy_s=database.busy_s)


def _version(database: Database, connection: "Connection", *, create: bool) -> int:
    """Return the version of a journal's tables; 0 where they are to be made."""
    from sqlalchemy import inspect

    names = set(inspect(connection).get_table_names())
    if {"events", "meta"} <= names:
        said = database.said(connection).get("schema_version", "")
        if not (said.isdecimal() and len(said) < 5 and int(said) > 0):
            raise _strange(database)
        if int(said) > VERSION:
            raise StoreError(
                f"the journal {database.place} must be of version {VERSION} or older, but it is "
                f"of version {int(said)}; use a newer workbench."
            )
        return int(said)
    # a server's database may be shared, a file is not
    if names & {"events", "meta"} or (names and database.file):
        raise _strange(database)
    if not create:
        raise StoreError(
            f"{database.place} must hold a journal, but it is empty; name another place or let "
            "one be made."
        )
    return 0


def _strange(database: Database) -> StoreError:
    return StoreError(
        f"{database.place} must hold a journal, but it holds something else; name another place."
    )


def _bring(database: Database, connection: "Connection") -> None:
    """Make the tables, or bring them to our version."""
    if not database.file:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MAKING})")
        _demand_utf8(database, connection)
    # once more, as another process may have been faster
    version = _version(database, connection, create=True)
    if version == VERSION:
        return
    if version == 0:
        table_pair()[0].metadata.create_all(connection, checkfirst=False)
        named = {"store_id": new_id(), "schema_version": "", "schema": ""}
        _begin_to_say(connection, named | {"head_seq": "0", "head_hash": GENESIS})
    else:
        _from_1_to_2(connection)
    schema = schema_digest(connection) if database.file else ""
    say(connection, {"schema_version": str(VERSION), "schema": schema})


def _from_1_to_2(connection: "Connection") -> None:
    """Add the sessions and the head, which version 1 did not know."""
    from sqlalchemy import select

    events, _ = table_pair()
    connection.exec_driver_sql("ALTER TABLE events ADD COLUMN session TEXT NOT NULL DEFAULT ''")
    last = select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)
    row = connection.execute(last).first()
    seq, digest = tuple(row) if row else (0, GENESIS)
    _begin_to_say(connection, {"head_seq": str(seq), "head_hash": digest, "schema": ""})


def _begin_to_say(connection: "Connection", said: Mapping[str, str]) -> None:
    _, meta = table_pair()
    connection.execute(meta.insert(), [{"key": key, "value": text} for key, text in said.items()])


def _demand_utf8(database: Database, connection: "Connection") -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"the database {database.place} must hold UTF-8, but it holds {encoding}; make one "
            "with ENCODING 'UTF8'."
        )


def _log_ahead(database: Database) -> None:
    """Let SQLite write ahead to a log, as it then does for ever."""
    deadline = time.monotonic() + database.busy_s
    with contextlib.closing(database.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        while cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # SQLite itself does not wait here
                if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return  # some file systems have no shared memory, and keep the older way


def say(connection: "Connection", said: Mapping[str, str]) -> None:
    """Write to the table `meta`."""
    from sqlalchemy import bindparam, update

    _, meta = table_pair()
    statement = update(meta).where(meta.c.key == bindparam("k")).values(value=bindparam("v"))
    connection.execute(statement, [{"k": key, "v": value} for key, value in said.items()])


def schema_digest(connection: "Connection") -> str:
    """Return the SHA-256 of what a SQLite file says its tables are."""
    rows = connection.exec_driver_sql(
        "SELECT type, name, tbl_name, COALESCE(sql, '') FROM sqlite_schema ORDER BY type, name"
    )
    return hashlib.sha256(canonical([list(row) for row in rows]).encode("utf-8")).hexdigest()


def new_id() -> str:
    """Return the id of a new store, whose last four digits check the others."""
    name = secrets.token_hex(6)
    return name + hashlib.sha256(name.encode("ascii")).hexdigest()[:4]


def is_id(text: str) -> bool:
    """Tell whether a text is an id as `new_id` makes them.

    Examples
    --------
    >>> is_id(new_id()), is_id("0123456789abcdef")
    (True, False)
    """
    if not re.fullmatch("[0-9a-f]{16}", text, re.ASCII):
        return False
    return hashlib.sha256(text[:12].encode("ascii")).hexdigest()[:4] == text[12:]


# --- what went wrong ----------------------------------------------------------------------------

# SQLite's names of errors as they begin, and PostgreSQL's SQLSTATE: what must hold, what is, and
# what to do.
_CAUSES = {
    "SQLITE_BUSY": ("be free within {busy_s:g} s", "another process holds it", "try again"),
    "SQLITE_FULL": ("have room", "its disk is full", "make room and try again"),
    "SQLITE_READONLY": ("be writable", "it may only be read", "change its permissions"),
    "SQLITE_NOTADB": ("be a SQLite file", "it is something else", "name another file"),
    "SQLITE_CORRUPT": ("be whole", "it is damaged", "look at it with `workbench rate verify`"),
    "SQLITE_CANTOPEN": ("be at hand", "its file cannot be opened", "look at its folder"),
    "SQLITE_IOERR": ("be writable", "its disk refuses", "look whether it has room and try again"),
    "55P03": ("be free within {busy_s:g} s", "another process holds it", "try again"),
    "53100": ("have room", "its disk is full", "make room and try again"),
    "25006": ("be writable", "it may only be read", "name another server"),
}


def _sentence(place: str, busy_s: float, error: Exception) -> str:
    cause: BaseException = getattr(error, "orig", None) or error
    name = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    if isinstance(cause, UnicodeError | MemoryError):
        # what SQLite says of names that are no text, or of sizes that cannot be
        name = "SQLITE_CORRUPT"
    for beginning, parts in _CAUSES.items():
        if name.startswith(beginning):
            must, came, advice = (part.format(busy_s=busy_s) for part in parts)
            return f"the journal {place} must {must}, but {came}; {advice}."
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    said = " ".join(lines[0].split()).rstrip(".:;")
    return f"the journal {place} must be at hand, but the store says: {said}; try again."
