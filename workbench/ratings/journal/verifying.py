"""Whether a journal is as it was written: the chain of its events, its head, its file."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.ratings.events import GENESIS, Broken, Event, breaks, canonical
from workbench.ratings.journal import databases
from workbench.ratings.journal.databases import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from workbench.ratings.journal.journal import Head


def verify(place: str | Path, *, head: "Head | None" = None) -> list[Broken]:
    """Return where a journal is broken, first first; an empty list when it is whole.

    Nothing is changed, and what cannot be read is said, not raised.

    Parameters
    ----------
    place : str or Path
        A file or a URL.
    head : Head, optional
        The head as it was noted elsewhere; a chain that was cut or made anew is found by it.

    Returns
    -------
    list of Broken
        With the place of an event; 0 stands for what is no event, such as the file.

    Examples
    --------
    >>> verify("/no/such/folder/ratings.db")
    [Broken(seq=0, reason='the journal /no/such/folder/ratings.db must be at hand, but its file
    cannot be opened; look at its folder.')]
    """
    found: list[Broken] = []
    try:
        database = databases.connect(place, mode="ro")
        with contextlib.ExitStack() as closing:
            closing.callback(database.engine.dispose)
            connection = closing.enter_context(database.transaction())
            _take_any_text(connection)
            found += _chain(database, connection, head)
            if database.file:
                found += _integrity(database, connection)
    except InputError as error:
        found.append(Broken(0, str(error)))
    return sorted(found, key=lambda each: each.seq)


def _chain(database: Database, connection: "Connection", head: "Head | None") -> list[Broken]:
    """Return what is wrong with the events and the table `meta`."""
    found: list[Broken] = []
    heads = {0: GENESIS}

    def read() -> Iterator[Event]:
        for row in _rows(database, connection, found):
            event = _event(row)
            heads[event.seq] = event.hash
            yield event

    try:
        # a server ends the transaction of a failed statement, but not what it stands in
        apart = contextlib.nullcontext() if database.file else connection.begin_nested()
        with database.told(), apart:
            said = database.said(connection)
            schema = databases.schema_digest(connection) if database.file else ""
    except (InputError, ValueError, TypeError) as error:
        return [Broken(0, f"the table meta cannot be read: {error}"), *breaks(read()), *found]
    found += breaks(read())
    found += _meta(said, schema)
    found += _ends(heads, str(said.get("head_seq")), said.get("head_hash", ""), "the table meta")
    if head is not None:
        found += _ends(heads, str(head.seq), head.hash, "the head given", later=True)
    return found


def _rows(
    database: Database, connection: "Connection", found: list[Broken]
) -> Iterator[Sequence[Any]]:  # Any: what a damaged file holds
    """Yield events as they are stored; what cannot be read is told in `found`."""
    last = 0
    try:
        with database.told():
            columns = ", ".join(databases.COLUMNS)
            # not by the table's types, which a damaged file does not keep
            statement = f"SELECT {columns} FROM events ORDER BY seq"  # noqa: S608 - our own names
            for row in connection.exec_driver_sql(statement):
                last = row[0] if isinstance(row[0], int) else last
                yield row
    except InputError as error:
        found.append(Broken(last + 1, f"it cannot be read: {error}"))


def _event(row: Sequence[Any]) -> Event:
    """Return a row as an event; one that was never stored so as one whose hash is wrong."""
    seq, op_id, kind, rater, item_id, session, at, body, previous, digest = row
    try:
        texts = (op_id, kind, rater, item_id, session, at, body, previous, digest)
        # a TypeError where one is no text, a UnicodeError where it is no UTF-8
        "".join(texts).encode("utf-8")
        content = json.loads(body)
        event = Event(op_id, kind, content, rater, item_id, session, at, seq, previous, digest)
        if canonical(content) == body and isinstance(seq, int):
            return event
    except (TypeError, ValueError, RecursionError):
        pass
    seq = seq if isinstance(seq, int) else -1
    return Event("?", "note", seq=seq, previous=_hexadecimal(previous), hash=_hexadecimal(digest))


def _hexadecimal(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return text if re.fullmatch("[0-9a-f]{64}", text) else ""


def _ends(
    heads: Mapping[int, str], seq: str, digest: str, who: str, *, later: bool = False
) -> list[Broken]:
    """Return where a chain does not end, or not pass when it may go on, where someone says."""
    last = max(heads)
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", seq):
        return [Broken(0, f"{who} does not say where the chain ends")]
    place = int(seq)
    if place > last:
        return [Broken(last + 1, f"the chain ends at event {last}, but {who} says {place}")]
    if place < last and not later:
        return [Broken(place + 1, f"{who} says that the chain ends at event {place}")]
    if heads.get(place) != digest:
        return [Broken(place, f"its hash is not what {who} says")]
    return []


def _meta(said: Mapping[str, str], schema: str) -> list[Broken]:
    """Return what is wrong with the table `meta`, but for the head."""
    if sorted(map(str, said)) != list(databases.KEYS):
        names = ", ".join(databases.KEYS)
        return [Broken(0, f"the table meta must say {names}, and nothing else")]
    found = []
    if said["schema_version"] != str(databases.VERSION):
        found.append(Broken(0, f"the table meta does not say version {databases.VERSION}"))
    if not databases.is_id(said["store_id"]):
        found.append(Broken(0, "the journal's id is not one that was given"))
    if said["schema"] != schema:
        found.append(Broken(0, "the tables are not as they were made"))
    return found


def _integrity(database: Database, connection: "Connection") -> list[Broken]:
    """Return what SQLite finds wrong with its file."""
    with database.told():
        # one is enough to know
        said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    return [] if said == "ok" else [Broken(0, f"SQLite finds its file damaged: {said!s:.200}")]


def _take_any_text(connection: "Connection") -> None:
    """Let SQLite give text that is not UTF-8, so that one bad event does not hide the others."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
