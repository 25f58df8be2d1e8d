"""The key that signs the links of a study: made once, beside its journal, for all its servers."""

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadValue, Unreadable
from workbench.ratings.journal import databases

if TYPE_CHECKING:
    from sqlalchemy import Table

_KEY = re.compile("[0-9a-f]{64}", re.ASCII)
# Any number will do, as long as all who make the table in one database know it.
_MAKING = 7_263_545


def signing_key(place: str | Path, *, file: str | Path | None = None) -> str:
    """Return the key of a journal; it is made when there is none.

    Parameters
    ----------
    place : str or Path
        The journal's path or URL.
    file : str or Path, optional
        Where the key is kept; by default beside a SQLite file, with `.key` at the end of its name
        and for nobody but its owner, and in a table of its own in PostgreSQL, so that several
        servers agree.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    BadValue
        If the file holds no key, or others may read it.
    Unreadable
        If it cannot be read or made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     key = signing_key(f"{folder}/ratings.sqlite")
    ...     len(key), signing_key(f"{folder}/ratings.sqlite") == key
    (64, True)
    """
    if file is not None:
        return _in_file(Path(file))
    database = databases.connect(place, mode="rwc")
    try:
        beside = database.file
        return _in_file(Path(f"{beside}.key")) if beside else _in_database(database)
    finally:
        database.engine.dispose()


def _in_file(path: Path) -> str:
    try:
        if not path.exists():
            _make(path)
        with path.open("rb") as stream:
            others = os.fstat(stream.fileno()).st_mode & 0o077
            text = stream.read(1_000).decode("ascii", "replace").strip()
    except OSError as error:
        raise Unreadable(
            f"the key of the links must be at hand, but {path} cannot be used "
            f"({error.strerror}); name another file."
        ) from None
    if others:
        raise BadValue(
            f"the key of the links must be for its owner only, but others may read {path}; "
            "take that right from them (chmod 600)."
        )
    return _checked(text, str(path))


def _make(path: Path) -> None:
    """Make the file whole or not at all; who comes second takes what the first has made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}")
    handle = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(f"{secrets.token_hex(32)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(neighbour, path)
    finally:
        neighbour.unlink()


def _table() -> "Table":
    from sqlalchemy import Column, MetaData, Table, Text

    columns = [Column("key", Text, primary_key=True), Column("value", Text, nullable=False)]
    return Table("workbench_keys", MetaData(), *columns)


def _in_database(database: databases.Database) -> str:
    from sqlalchemy import select

    table = _table()
    with database.transaction(write=True) as connection, database.told():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MAKING})")
        table.create(connection, checkfirst=True)
        found = select(table.c.value).where(table.c.key == "links")
        key = connection.execute(found).scalar()
        if key is None:
            key = secrets.token_hex(32)
            connection.execute(table.insert(), [{"key": "links", "value": key}])
    return _checked(key, f"the table {table.name} of {database.place}")


def _checked(text: str, where: str) -> str:
    if not _KEY.fullmatch(text):
        raise BadValue(
            f"the key of the links must be 64 hexadecimal digits, but {where} holds something "
            "else; name another file, or remove it to have one made."
        )
    return text
