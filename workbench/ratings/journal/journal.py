"""The journal of a rating study: events that are added and never changed, on disk when acknowledged.

A SQLite file by default, or PostgreSQL by URL when many rate on many machines.
"""

import contextlib
import hashlib
import json
import threading
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.errors import BadKind, BadValue
from workbench.ratings.events import Broken, Draft, Event, canonical, chained
from workbench.ratings.journal import databases
from workbench.ratings.journal.databases import Database, StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Head", "Journal", "Origin", "Receipt", "StoreError", "Writer"]

_TEXTS = ("op_id", "rater", "item_id", "session", "at")
# SQLite and PostgreSQL take many more values at once.
_AT_ONCE = 500


class Head(NamedTuple):
    """The last event of a chain: its place and its hash."""

    seq: int
    hash: str


class Receipt(NamedTuple):
    """What became of a draft: its place, and whether it is new or was there before."""

    op_id: str
    seq: int
    new: bool


class Origin(NamedTuple):
    """Where an event that was merged came from."""

    store_id: str
    seq: int
    hash: str


class Journal:
    """The events of a study, which every thread and every process may add to.

    Open it with `Journal.open`; it is a context manager, which closes it.

    Parameters
    ----------
    database : Database
        Where its tables are.
    store_id : str
        Its name, which no other journal bears.

    Examples
    --------
    >>> import tempfile
    >>> from workbench.ratings.events import Draft
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal.open(f"{folder}/ratings.db") as journal:
    ...         first = journal.append([Draft("a", "note", {"text": "hello"})])
    ...         again = journal.append([Draft("a", "note", {"text": "hello"})])
    ...         first, again, journal.verify()
    ([Receipt(op_id='a', seq=1, new=True)], [Receipt(op_id='a', seq=1, new=False)], [])
    """

    def __init__(self, database: Database, store_id: str) -> None:
        self.place = database.place
        self.store_id = store_id
        self._database = database
        self._lock = threading.Lock()
        self._owner = 0
        # closing the last connection folds SQLite's log into its file
        self._end = weakref.finalize(self, database.engine.dispose)

    @classmethod
    def open(cls, place: str | Path, *, create: bool = True, busy_s: float = 10) -> "Journal":
        """Open the journal at a place.

        Parameters
        ----------
        place : str or Path
            A file, or a URL such as `sqlite:///ratings.db` or `postgresql://host/name`.
        create : bool
            Whether to make it, with its folder, where there is none.
        busy_s : float
            How long to wait while another writes, in seconds.

        Raises
        ------
        StoreError
            If there is none, or something else, or it cannot be reached.
        """
        return cls(*databases.prepared(place, create=create, busy_s=busy_s))

    def append(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """Add events, all or none; they are on disk when this returns.

        A draft whose op_id is there already is not stored again, whatever its content.

        Parameters
        ----------
        drafts : sequence of Draft
            In the order in which they are to stand.

        Returns
        -------
        list of Receipt
            One per draft.

        Raises
        ------
        BadValue
            If a draft cannot be stored as JSON, or its op_id belongs to another kind or rater.
        StoreError
            If the store cannot be written now; nothing was stored, and the same call may be made
            again.
        """
        if not drafts:
            return []
        with self.writing() as writer:
            return writer.append(drafts)

    @contextlib.contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Let one read and add while no one else adds; if the block raises, nothing is added.

        Yields
        ------
        Writer
            What reads and adds, until the block ends.
        """
        if self._owner == threading.get_ident():
            raise RuntimeError("use the writer that writing() gave; a second one would wait for it")
        if not self._lock.acquire(timeout=self._database.busy_s):
            raise StoreError(
                f"the journal {self.place} must be free within {self._database.busy_s:g} s, but "
                "another thread holds it; try again."
            )
        try:
            self._owner = threading.get_ident()
            with self._transaction(write=True) as connection:
                writer = Writer(self._database, connection, self.store_id)
                yield writer
        finally:
            self._owner = 0
            self._lock.release()

    def events(
        self, *, after: int = 0, kinds: Collection[str] = (), rater: str | None = None
    ) -> list[Event]:
        """Return events in their order.

        Parameters
        ----------
        after : int
            Only those behind this place.
        kinds : collection of str
            Only those of these kinds; empty for all.
        rater : str, optional
            Only those about this rater; those about nobody have the rater "".
        """
        with self._transaction() as connection:
            return _events(self._database, connection, after, kinds, rater)

    def head(self) -> Head:
        """Return the last event's place and hash; `Head(0, "000…")` when there is none."""
        with self._transaction() as connection, self._database.told():
            return _head(self._database, self._database.said(connection), self.store_id)

    def verify(self, *, head: Head | None = None) -> list[Broken]:
        """Return where the chain of events is broken, first first; an empty list when it is whole.

        Parameters
        ----------
        head : Head, optional
            The head as it was noted elsewhere; a chain that was cut or made anew is found by it.
        """
        from workbench.ratings.journal.verifying import verify

        return verify(self._database.source, head=head)

    def merge(self, *others: "Journal") -> int:
        """Add the events of other journals, as of other machines, that are not here.

        Each keeps its `at`; a `note` says which came from where, for `origins`.

        Parameters
        ----------
        *others : Journal
            Whence to take; they are not changed.

        Returns
        -------
        int
            How many events came, without the notes.

        Raises
        ------
        BadValue
            If another journal's chain is broken, holds another study, or has another act under
            the same op_id.
        """
        taken = [(other.store_id, _whole(other)) for other in others]
        with self.writing() as writer:
            mine = {event.op_id: event for event in writer.events()}
            here, came = set(mine), 0
            for store_id, events in taken:
                _refuse_another_study(mine, events)
                fresh = [event for event in events if event.op_id not in here]
                notes = _origin_notes(store_id, fresh)
                # two journals that take from each other would otherwise never come to rest
                if all(_is_origin(event) for event in fresh):
                    events, notes = [event for event in events if event.op_id in here], []
                # those that are here are compared
                receipts = writer.append([*events, *notes])
                stored = zip(events, receipts, strict=False)
                came += sum(receipt.new and not _is_origin(event) for event, receipt in stored)
            return came

    def origins(self) -> dict[str, Origin]:
        """Return by op_id whence merged events came, where they are as they were there."""
        events = {event.op_id: event for event in self.events()}
        found: dict[str, Origin] = {}
        for store_id, op_id, seq, previous, digest in _said_origins(events.values()):
            if op_id in events and chained(events[op_id], seq, previous).hash == digest:
                found.setdefault(op_id, Origin(store_id, seq, digest))
        return found

    def close(self) -> None:
        """Close it; closing twice is harmless."""
        self._end()

    @contextlib.contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator["Connection"]:
        if not self._end.alive:
            raise StoreError(f"the journal {self.place} must be open, but it was closed; open it.")
        with self._database.transaction(write=write) as connection:
            yield connection

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Journal({self.place!r}, store_id={self.store_id!r})"


class Writer:
    """What reads and adds events while no one else adds, as `Journal.writing` gives it."""

    def __init__(self, database: Database, connection: "Connection", store_id: str) -> None:
        self._database = database
        self._connection = connection
        with database.told():
            # the lock first, and then whatever is read is the last word
            said = database.said(connection, lock=True)
        self._head = _head(database, said, store_id)

    def events(
        self, *, after: int = 0, kinds: Collection[str] = (), rater: str | None = None
    ) -> list[Event]:
        """Return events in their order, like `Journal.events`, with those just added."""
        return _events(self._database, self._connection, after, kinds, rater)

    def append(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """Add events, like `Journal.append`; they are durable when the block has ended."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        drafts = [_storable(draft, now) for draft in drafts]
        with self._database.told():
            known = self._known([draft.op_id for draft in drafts])
            receipts, added, head = [], [], self._head
            for draft in drafts:
                if draft.op_id in known:
                    receipts.append(Receipt(draft.op_id, _same(draft, *known[draft.op_id]), False))
                    continue
                event = chained(draft, head.seq + 1, head.hash)
                head = Head(event.seq, event.hash)
                known[event.op_id] = (event.seq, event.kind, event.rater)
                receipts.append(Receipt(event.op_id, event.seq, True))
                added.append(event)
            self._store(added, head)
        return receipts

    def _known(self, op_ids: Sequence[str]) -> dict[str, tuple[int, str, str]]:
        from sqlalchemy import select

        table, _ = databases.table_pair()
        columns = select(table.c.op_id, table.c.seq, table.c.kind, table.c.rater)
        return {
            op_id: (seq, kind, rater)
            for start in range(0, len(op_ids), _AT_ONCE)
            for op_id, seq, kind, rater in self._connection.execute(
                columns.where(table.c.op_id.in_(op_ids[start : start + _AT_ONCE]))
            )
        }

    def _store(self, added: Sequence[Event], head: Head) -> None:
        if not added:
            return
        table, _ = databases.table_pair()
        rows = [
            {name: getattr(event, name) for name in databases.COLUMNS}
            | {"body": canonical(event.body)}
            for event in added
        ]
        self._connection.execute(table.insert(), rows)
        databases.say(self._connection, {"head_seq": str(head.seq), "head_hash": head.hash})
        self._head = head


# --- drafts and events ---------------------------------------------------------------------------


def _storable(draft: Draft, now: str) -> Draft:
    """Return a draft as it will be read, so that the hash is of what is stored."""
    for name in _TEXTS:
        text = getattr(draft, name)
        if not isinstance(text, str):
            raise BadKind(f"an event's {name} must be a text, but {text!r} came.")
        if "\0" in text or not _is_utf8(text):
            raise BadValue(
                f"an event's {name} must be characters that UTF-8 holds, and no NUL, but "
                f"{text!r} came."
            )
    try:
        text = canonical(dict(draft.body))
        body = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadValue(
            f"an event's body must be JSON, but that of {draft.op_id!r} is not: {error}."
        ) from None
    if not _is_utf8(text):
        raise BadValue(
            f"an event's body must hold whole characters, but that of {draft.op_id!r} has half of "
            "one."
        )
    at = draft.at or now
    return Draft(draft.op_id, draft.kind, body, draft.rater, draft.item_id, draft.session, at)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _same(draft: Draft, seq: int, kind: str, rater: str) -> int:
    if (draft.kind, draft.rater) != (kind, rater):
        raise BadValue(
            f"an op_id must name one act, but {draft.op_id!r} came as {draft.kind!r} of "
            f"{draft.rater!r} and is event {seq}, {kind!r} of {rater!r}; give each act its own."
        )
    return seq


def _head(database: Database, said: dict[str, str], store_id: str) -> Head:
    if said.get("schema_version") != str(databases.VERSION) or said.get("store_id") != store_id:
        raise StoreError(
            f"the journal {database.place} must stay the one that was opened, but another one "
            "stands there; open it anew."
        )
    try:
        return Head(int(said["head_seq"]), said["head_hash"])
    except (KeyError, ValueError):
        raise _damaged(database) from None


def _damaged(database: Database) -> StoreError:
    return StoreError(
        f"the journal {database.place} must be whole, but it is damaged; look at it with "
        "`workbench rate verify`."
    )


def _events(
    database: Database,
    connection: "Connection",
    after: int,
    kinds: Collection[str],
    rater: str | None,
) -> list[Event]:
    from sqlalchemy import select

    table, _ = databases.table_pair()
    statement = select(*(table.c[name] for name in databases.COLUMNS)).order_by(table.c.seq)
    statement = statement.where(table.c.seq > after)
    if kinds:
        statement = statement.where(table.c.kind.in_(kinds))
    if rater is not None:
        statement = statement.where(table.c.rater == rater)
    with database.told():
        rows = connection.execute(statement).all()
    try:
        return [
            Event(op_id, kind, json.loads(body), of, item_id, session, at, seq, previous, digest)
            for seq, op_id, kind, of, item_id, session, at, body, previous, digest in rows
        ]
    except (TypeError, ValueError, RecursionError):
        raise _damaged(database) from None


# --- where merged events came from ---------------------------------------------------------------


def _whole(journal: Journal) -> list[Event]:
    broken = journal.verify()
    if broken:
        raise BadValue(
            f"a journal to merge must be whole, but {journal.place} is broken at event "
            f"{broken[0].seq}: {broken[0].reason}; find out why before you use it."
        )
    return journal.events()


def _refuse_another_study(mine: Mapping[str, Event], events: Sequence[Event]) -> None:
    """Refuse to mix studies: what is asked and shown must be the same under the same name."""
    for event in events:
        told = mine.get(event.op_id)
        if event.kind in {"task", "item"} and told is not None and told.body != event.body:
            raise BadValue(
                f"journals must hold one study to be merged, but {event.kind} "
                f"{event.item_id or event.body.get('task', {}).get('name')!r} differs between them; "
                "merge only what began with the same items."
            )


def _origin_notes(store_id: str, events: Sequence[Event]) -> list[Draft]:
    """Return notes of where events come from, which have the same op_ids whoever writes them."""
    notes = []
    for start in range(0, len(events), _AT_ONCE):
        rows = [
            [event.op_id, event.seq, event.previous, event.hash]
            for event in events[start : start + _AT_ONCE]
        ]
        body = {"merged": {"store_id": store_id, "events": rows}}
        name = hashlib.sha256(canonical(body).encode("utf-8")).hexdigest()[:32]
        notes.append(Draft(f"merged:{name}", "note", body))
    return notes


def _is_origin(event: Event) -> bool:
    return event.kind == "note" and "merged" in event.body


def _said_origins(events: Iterable[Event]) -> Iterator[tuple[str, str, int, str, str]]:
    """Yield what merges have noted; a note that only looks like one of theirs says nothing."""
    for note in filter(_is_origin, events):
        with contextlib.suppress(TypeError, ValueError, KeyError):
            said = note.body["merged"]
            rows = [
                (str(op_id), int(seq), str(before), str(own))
                for op_id, seq, before, own in said["events"]
            ]
            yield from ((str(said["store_id"]), *row) for row in rows)
