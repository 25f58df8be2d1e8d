"""What happens in a rating session, as events in a chain that shows every later change.

Events are only added. Each carries the hash of the one before, so that one which is edited,
deleted, moved or put in is found.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from workbench.errors import BadValue

Kind = Literal[
    "task", "item", "plan", "lease", "release", "open", "answer", "undo", "skip", "comment",
    "feedback", "adjudicate", "unblind", "grant", "revoke", "note", "code",
]  # fmt: skip
"""What an event says: the study's content (task, item, plan), who works on what (lease, release,
open), a rater's acts (answer, undo, skip, comment), what a rater was told (feedback), and what the
people in charge did (adjudicate, unblind, grant, revoke, note); and what coders say of runs (code),
whose body holds the act."""

ACTS = frozenset({"answer", "undo", "skip", "comment"})
"""The kinds that are a rater's own doing."""

GENESIS = "0" * 64
"""The hash before the first event."""


@dataclass(frozen=True)
class Draft:
    """An event before it is stored.

    Parameters
    ----------
    op_id : str
        Its name, unique for ever and chosen by whoever acts: the same act sent twice is stored once.
    kind : str
        One of `Kind`.
    body : mapping
        What it says, as JSON.
    rater, item_id, session : str
        Whom and what it is about; empty where that means nothing.
    at : str
        When, as ISO 8601 in UTC; the store sets it when empty.
    """

    op_id: str
    kind: Kind
    body: Mapping[str, Any] = field(default_factory=dict)
    rater: str = ""
    item_id: str = ""
    session: str = ""
    at: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise BadValue(
                f"an event must be one of {', '.join(get_args(Kind))}, but {self.kind!r} came."
            )
        if not 1 <= len(self.op_id) <= 200:
            raise BadValue(
                f"an op_id must have 1 to 200 characters, but one of {len(self.op_id)} came."
            )


@dataclass(frozen=True)
class Event(Draft):
    """An event as it is stored: its place, and the hashes that hold it there.

    Parameters
    ----------
    seq : int
        Its place, from 1, without gaps.
    previous, hash : str
        SHA-256 of the event before and of this one, in hexadecimal.
    """

    seq: int = 0
    previous: str = GENESIS
    hash: str = ""


class Broken(NamedTuple):
    """The place where a chain is broken, and how one sees it."""

    seq: int
    reason: str


def canonical(value: object) -> str:
    """Return a value as JSON that is the same for the same content.

    Examples
    --------
    >>> canonical({"b": 1, "a": "é"})
    '{"a":"é","b":1}'
    """
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def chained(draft: Draft, seq: int, previous: str) -> Event:
    """Return the draft as the event that follows the one with the hash `previous`."""
    parts = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    return Event(**parts, seq=seq, previous=previous, hash=_hash(draft, seq, previous))


def breaks(events: Iterable[Event]) -> list[Broken]:
    """Return where a chain is broken, in its order; an empty list when it is whole.

    Parameters
    ----------
    events : iterable of Event
        The whole chain, in the order of `seq`.

    Examples
    --------
    >>> first = chained(Draft("a", "note", {"text": "hello"}, at="2026-01-01T00:00:00.000Z"), 1, GENESIS)
    >>> breaks([first])
    []
    >>> import dataclasses
    >>> breaks([dataclasses.replace(first, rater="eve")])
    [Broken(seq=1, reason='its content is not what was stored')]
    """
    found, previous, seq = [], GENESIS, 1
    for event in events:
        if event.seq != seq:
            found.append(Broken(seq, f"event {seq} is missing; {event.seq} follows"))
        elif event.previous != previous:
            found.append(Broken(seq, "it does not follow the event before it"))
        elif event.hash != _hash(event, event.seq, event.previous):
            found.append(Broken(seq, "its content is not what was stored"))
        previous, seq = event.hash, event.seq + 1
    return found


def _hash(draft: Draft, seq: int, previous: str) -> str:
    content = [
        seq, previous, draft.op_id, draft.kind, draft.rater, draft.item_id, draft.session, draft.at,
        draft.body,
    ]  # fmt: skip
    return hashlib.sha256(canonical(content).encode("utf-8")).hexdigest()
