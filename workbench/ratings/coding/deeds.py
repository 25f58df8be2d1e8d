"""What a journal's events add up to: which annotations stand, and who has finished which run.

An annotation bears the op_id of the act that made it. Changing it, deleting it and undoing either
are further acts; they count in the order of the coder's own counter, `n`, however they arrive.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from workbench.ratings.coding.schemes import Scheme
from workbench.ratings.events import Draft, Event, canonical

Act = Literal["annotate", "delete", "undo", "done"]
"""What a coder does; an event of the kind "code" says it in its body."""

ACTS = ("annotate", "delete", "undo", "done")


class Standing(NamedTuple):
    """An annotation that stands: its first act, its last, and the one before that."""

    annotation: str
    first: Event
    last: Event
    before: Event | None


@dataclass
class Pile:
    """What one coder did, run by run."""

    acts: dict[str, Event] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    annotations: dict[str, dict[str, list[Event]]] = field(default_factory=dict)
    ends: dict[str, list[Event]] = field(default_factory=dict)
    n: int = 0

    def add(self, event: Event) -> None:
        """Take in one act."""
        body, run = event.body, event.item_id
        self.acts[event.op_id] = event
        self.n = max(self.n, body["n"])
        if body["act"] == "undo":
            self.undone.add(body["undoes"])
        elif body["act"] == "done":
            self.ends.setdefault(run, []).append(event)
        else:
            named = self.annotations.setdefault(run, {})
            named.setdefault(body.get("annotation") or event.op_id, []).append(event)

    @property
    def runs(self) -> list[str]:
        """The runs on which anything was done."""
        return sorted({*self.annotations, *self.ends})

    def standing(self, run_id: str) -> list[Standing]:
        """Return the annotations of a run that stand, in the order in which they were made."""
        found = []
        for name, events in self.annotations.get(run_id, {}).items():
            kept = self._kept(events)
            if kept and kept[-1].body["act"] == "annotate":
                before = kept[-2] if len(kept) > 1 else None
                found.append(Standing(name, kept[0], kept[-1], before))
        return sorted(found, key=lambda each: place(each.first))

    def is_done(self, run_id: str) -> bool:
        """Tell whether the coder marked a run as coded."""
        return self.end(run_id) is not None

    def end(self, run_id: str) -> Event | None:
        """Return the act that marked a run as coded, if it stands."""
        kept = self._kept(self.ends.get(run_id, []))
        return kept[-1] if kept and kept[-1].body["done"] else None

    def latest(self, run_id: str, most: int) -> list[Event]:
        """Return the last acts on a run that can be undone, last first."""
        acts = [
            event
            for events in (*self.annotations.get(run_id, {}).values(), self.ends.get(run_id, []))
            for event in self._kept(events)
        ]
        return sorted(acts, key=place, reverse=True)[:most]

    def _kept(self, events: Iterable[Event]) -> list[Event]:
        return sorted((each for each in events if each.op_id not in self.undone), key=place)


@dataclass
class Deeds:
    """Everything that coders did, as far as a journal says.

    Attributes
    ----------
    seq : int
        The last event that is in it.
    schemes : dict
        The schemes by their names.
    coders, judges : dict
        By name, what was done: coding, and deciding where coders disagree.
    """

    seq: int = 0
    schemes: dict[str, Scheme] = field(default_factory=dict)
    coders: defaultdict[str, Pile] = field(default_factory=lambda: defaultdict(Pile))
    judges: defaultdict[str, Pile] = field(default_factory=lambda: defaultdict(Pile))

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Deeds":
        """Return what events add up to; those of other kinds say nothing here."""
        found = cls()
        found.take(events)
        return found

    def take(self, events: Iterable[Event]) -> None:
        """Take in the next events."""
        for event in events:
            self.seq = event.seq
            if event.kind != "code":
                continue
            if event.body["act"] == "scheme":
                scheme = Scheme.from_dict(event.body["scheme"])
                self.schemes[scheme.name] = scheme
            else:
                self.pile(event.rater, ruling=event.body["ruling"]).add(event)

    def pile(self, name: str, *, ruling: bool) -> Pile:
        """Return what somebody did, as a coder or as the one who decides."""
        return (self.judges if ruling else self.coders)[name]

    def piles(self) -> Iterator[tuple[str, bool, Pile]]:
        """Go through everybody: the name, whether it is the one who decides, and what was done."""
        for piles, ruling in ((self.coders, False), (self.judges, True)):
            for name in sorted(piles):
                yield name, ruling, piles[name]


def scheme_draft(scheme: Scheme) -> Draft:
    """Return the event that puts a scheme into a journal; the same one for the same scheme."""
    body: dict[str, Any] = {"act": "scheme", "scheme": scheme.to_dict()}
    return Draft(f"scheme-{scheme.name}-{scheme.version}", "code", body)


def differs(one: Scheme, other: Scheme) -> bool:
    """Tell whether two schemes offer different things."""
    return canonical(one.to_dict()) != canonical(other.to_dict())


def place(event: Event) -> tuple[Any, ...]:
    """Return where an act stands among those of its coder."""
    return event.body["n"], event.body.get("client_time", ""), event.op_id
