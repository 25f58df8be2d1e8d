"""The events of a journal as a file: the whole chain, one event per line, its head at the end.

Another machine can verify it without a database, and put the events into a journal of its own.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench import formats, store
from workbench.errors import BadValue
from workbench.ratings.events import GENESIS, Draft, Event, breaks, canonical
from workbench.ratings.exchange import sources

if TYPE_CHECKING:
    from workbench.ratings.journal import Journal

_FORMAT = "workbench journal 1"
_NAMES = tuple(field.name for field in fields(Event))
_WHOLE = ("seq",)


class Chain(NamedTuple):
    """A journal's events in their order, and the name of the store they come from."""

    events: list[Event]
    store_id: str


def write_chain(events: Sequence[Event], path: str | Path, *, store_id: str = "") -> None:
    """Write the whole chain of a journal, whole or not at all.

    Parameters
    ----------
    events : sequence of Event
        All of them, in the order of `seq`.
    path : str or Path
        The file to write.
    store_id : str
        The name of the store.

    Raises
    ------
    BadValue
        If the chain is broken.
    """
    _whole(events, "the journal")
    last = events[-1] if events else None
    head = {"seq": last.seq if last else 0, "hash": last.hash if last else GENESIS}
    with store.replacing(path) as stream:
        for event in events:
            stream.write(f"{canonical({n: getattr(event, n) for n in _NAMES})}\n".encode())
        end = {"format": _FORMAT, "head": head, "store_id": store_id}
        stream.write(f"{canonical(end)}\n".encode())


def read_chain(path: str | Path) -> Chain:
    """Read a file of events and verify it.

    Parameters
    ----------
    path : str or Path
        A file that `write_chain` wrote, or one with `.gz`.

    Raises
    ------
    BadValue
        If an event was changed, removed, moved or added, or the end of the file is missing.
    """
    place, events, end = Path(path), list[Event](), None
    with formats.readable(place):
        for at, line in sources.lines(place):
            if end is not None:
                raise BadValue(
                    f"{place} must end with the line of its head, but line {at} follows."
                )
            record = _record(line, place, at)
            if "head" in record:
                end = record
            else:
                events.append(_event(record, place, at))
    last = events[-1] if events else None
    head = {"seq": last.seq if last else 0, "hash": last.hash if last else GENESIS}
    _whole(events, str(place))
    if end is None or end.get("head") != head:
        raise BadValue(
            f"{place} must end with the head of its chain, but {'another' if end else 'none'} "
            f"stands after event {head['seq']}; events are missing at its end: fetch it again."
        )
    return Chain(events, sources.name(end.get("store_id")))


def restore(path: str | Path, place: str | Path) -> "Journal":
    """Make a new journal of a file of events; `Journal.merge` takes it into another.

    Parameters
    ----------
    path : str or Path
        A file that `write_chain` wrote.
    place : str or Path
        Where the journal shall be: a path or a URL at which there is none yet.

    Returns
    -------
    Journal
        With the same events, the same hashes and the same head.
    """
    from workbench.ratings.journal import Journal

    chain = read_chain(path)
    journal = Journal.open(place)
    if journal.head().seq:
        journal.close()
        raise BadValue(
            f"a journal must be restored where there is none, but {place} has events; restore it "
            "elsewhere, and merge the two."
        )
    names = tuple(field.name for field in fields(Draft))
    journal.append([Draft(**{n: getattr(e, n) for n in names}) for e in chain.events])
    return journal


def _whole(events: Sequence[Event], source: str) -> None:
    for seq, reason in breaks(events):
        raise BadValue(
            f"{source} must be an unbroken chain of events, but event {seq} is not in order "
            f"({reason}); fetch it again from where it was made."
        )


def _record(line: str, path: Path, at: int) -> dict[str, Any]:
    try:
        record = sources.parse(line)
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise BadValue(
            f"{path} must hold one event per line, but line {at} holds none ({reason}); fetch it "
            "again from where it was made."
        ) from None
    if not isinstance(record, dict):
        raise BadValue(
            f"{path} must hold one event per line, but line {at} is a {type(record).__name__}; "
            "fetch it again from where it was made."
        )
    return record


def _event(record: dict[str, Any], path: Path, at: int) -> Event:
    kinds = {name: int if name in _WHOLE else dict if name == "body" else str for name in _NAMES}
    wrong = [n for n, kind in kinds.items() if type(record.get(n)) is not kind]
    if wrong or len(record) != len(kinds):
        which = wrong or sorted(record.keys() - kinds.keys())
        raise BadValue(
            f"{path} must hold one event per line, but in line {at} {which[0]!r} is wrong; fetch "
            "it again from where it was made."
        )
    return Event(**record)
