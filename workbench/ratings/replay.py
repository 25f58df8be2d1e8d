"""What a journal's events add up to: the study, who has what to do, and each current answer.

Nothing is kept but what the events say, so that a reload, another tab, a new process and another
machine all find the same state. A rater's acts count in the order of the rater's own counter, `n`,
in whatever order they arrive.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from workbench.ratings.assignment import Item
from workbench.ratings.events import ACTS, Event
from workbench.ratings.tasks import Task

Status = Literal["open", "answered", "skipped"]


class Asked(NamedTuple):
    """One thing that a rater answers on an item: a question, and the output it is about.

    `target` is the letter of the output as shown, or empty when the question compares them all.
    """

    question: str
    target: str


@dataclass
class Desk:
    """What one rater did, item by item."""

    answers: dict[str, dict[Asked, list[Event]]] = field(default_factory=dict)
    skips: dict[str, list[Event]] = field(default_factory=dict)
    comments: dict[str, list[Event]] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    status: dict[str, Status] = field(default_factory=dict)
    op_ids: dict[str, str] = field(default_factory=dict)  # to the item that each is about
    n: int = 0
    last_at: str = ""

    def add(self, event: Event) -> None:
        """Take in one act."""
        self.op_ids[event.op_id] = event.item_id
        self.n = max(self.n, event.body["n"])
        self.last_at = max(self.last_at, event.at)
        act = event.body.get("act", event.kind)  # what an adjudicator did stands in the body
        if act == "undo":
            self.undone.add(event.body["undoes"])
        elif act == "skip":
            self.skips.setdefault(event.item_id, []).append(event)
        elif act == "comment":
            self.comments.setdefault(event.item_id, []).append(event)
        else:
            asked = Asked(event.body["question"], event.body["target"])
            self.answers.setdefault(event.item_id, {}).setdefault(asked, []).append(event)

    def answer(self, item_id: str, asked: Asked) -> Event | None:
        """Return the answer that stands."""
        return self._last(self.answers.get(item_id, {}).get(asked, []))

    def answered(self, item_id: str) -> Iterator[tuple[Asked, Event]]:
        """Go through the answers that stand on an item."""
        for asked in self.answers.get(item_id, {}):
            if event := self.answer(item_id, asked):
                yield asked, event

    def skip(self, item_id: str) -> Event | None:
        """Return the skip that stands: the last one, if no answer came after it."""
        skip = self._last(self.skips.get(item_id, []))
        later = skip and any(_place(each) > _place(skip) for _, each in self.answered(item_id))
        return None if later else skip

    def comment(self, item_id: str) -> Event | None:
        """Return the last comment."""
        return self._last(self.comments.get(item_id, []))

    def _last(self, events: Iterable[Event]) -> Event | None:
        kept = (each for each in events if each.op_id not in self.undone)
        return max(kept, key=_place, default=None)


@dataclass
class State:
    """Everything that the events so far add up to.

    Attributes
    ----------
    seq : int
        The last event that is in it.
    task : Task or None
        The task; None before the study has begun.
    seed, overlap : int
        Of the assignment.
    items : dict
        The items by their names.
    plans : dict
        By rater, the names of the items in their order; empty for a pool.
    desks : dict
        By rater, what was done.
    rulings : dict
        By adjudicator, what was decided, in the same form.
    leases : dict
        By item of a pool, who holds it, and until when.
    done_by : dict
        By item, the raters who answered all that is required.
    given : dict
        By rater, the items of every plan and lease so far, in their order.
    grants : dict
        By its op_id, each leave to come in that was given and not taken back.
    """

    seq: int = 0
    task: Task | None = None
    seed: int = 0
    overlap: int = 1
    items: dict[str, Item] = field(default_factory=dict)
    plans: dict[str, tuple[str, ...]] = field(default_factory=dict)
    desks: defaultdict[str, Desk] = field(default_factory=lambda: defaultdict(Desk))
    rulings: defaultdict[str, Desk] = field(default_factory=lambda: defaultdict(Desk))
    leases: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    done_by: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    given: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    grants: dict[str, Event] = field(default_factory=dict)
    _planned: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "State":
        """Return the state that events add up to."""
        state = cls()
        for event in events:
            state.apply(event)
        return state

    def apply(self, event: Event) -> None:
        """Take in the next event."""
        self.seq = event.seq
        if event.kind in ACTS:
            for item_id, status in self._act(self.desks[event.rater], event):
                done = self.done_by[item_id]
                (done.add if status == "answered" else done.discard)(event.rater)
        elif event.kind == "adjudicate":
            self._act(self.rulings[event.rater], event)
        elif take := getattr(self, f"_{event.kind}", None):
            take(event)

    def _act(self, desk: Desk, event: Event) -> list[tuple[str, Status]]:
        """Take in an act, and find anew how far the rater is with the items that it is about."""
        desk.add(event)
        undone = desk.op_ids.get(event.body.get("undoes", ""), event.item_id)
        return [(each, self._settle(desk, each)) for each in {event.item_id, undone}]

    def _settle(self, desk: Desk, item_id: str) -> Status:
        if desk.skip(item_id):
            status: Status = "skipped"
        elif self.task is None or item_id not in self.items:  # what it is comes later, or never
            status = "open"
        else:
            missing = any(desk.answer(item_id, asked) is None for asked in self.asked(item_id))
            status = "open" if missing else "answered"
        desk.status[item_id] = status
        return status

    def asked(self, item_id: str, *, required: bool = True) -> list[Asked]:
        """Return what must be answered on an item, or everything that may be."""
        assert self.task is not None
        letters = letters_of(len(self.items[item_id].outputs))
        return [
            Asked(question.name, target)
            for question in self.task.questions
            if question.required or not required
            for target in ([""] if question.comparative else letters)
        ]

    @property
    def raters(self) -> list[str]:
        """Everybody who is to rate, or did."""
        return sorted({*self.plans, *(name for name, desk in self.desks.items() if desk.op_ids)})

    def worked(self, rater: str) -> dict[str, Status]:
        """Return how far a rater is with the items on which anything was done."""
        return self.desks[rater].status if rater in self.desks else {}

    def held(self, item_id: str, now: str) -> set[str]:
        """Return who holds an item of a pool now, or is done with it; who skipped it is neither."""
        done, leases = self.done_by.get(item_id, set()), self.leases.get(item_id)
        if not leases:
            return done
        leased = {
            rater
            for rater, until in leases.items()
            if until > now and self.worked(rater).get(item_id) != "skipped"
        }
        return leased | done

    def _task(self, event: Event) -> None:
        self.task = Task.from_dict(event.body["task"])
        self.seed, self.overlap = event.body["seed"], event.body["overlap"]
        self._settle_again(set(self.items))

    def _item(self, event: Event) -> None:
        self.items[event.item_id] = Item.from_dict(event.body)
        self._settle_again({event.item_id})

    def _settle_again(self, item_ids: set[str]) -> None:
        """Find anew how far everybody is: journals that were merged may tell of the acts first."""
        for desks in (self.desks, self.rulings):
            for rater, desk in desks.items():
                for each in item_ids & desk.status.keys():
                    status = self._settle(desk, each)
                    if desks is self.desks and status == "answered":
                        self.done_by[each].add(rater)

    def _plan(self, event: Event) -> None:
        self.given[event.rater].update(dict.fromkeys(event.body["items"]))
        # the youngest counts, also where merged journals tell of it before an older one
        if (event.at, event.op_id) >= self._planned.get(event.rater, ("", "")):
            self._planned[event.rater] = event.at, event.op_id
            self.plans[event.rater] = tuple(event.body["items"])

    def _lease(self, event: Event) -> None:
        self.given[event.rater].setdefault(event.item_id)
        held = self.leases[event.item_id]
        held[event.rater] = max(held.get(event.rater, ""), event.body["until"])

    def _release(self, event: Event) -> None:
        self.leases[event.item_id].pop(event.rater, None)
        self.given[event.rater].pop(event.item_id, None)

    def _grant(self, event: Event) -> None:
        self.grants[event.op_id] = event

    def _revoke(self, event: Event) -> None:
        for op_id in [name for name, grant in self.grants.items() if grant.rater == event.rater]:
            del self.grants[op_id]


def letters_of(n_outputs: int) -> list[str]:
    """Return the letters under which an item's outputs are shown.

    Examples
    --------
    >>> letters_of(3)
    ['A', 'B', 'C']
    """
    return [chr(ord("A") + at) for at in range(n_outputs)]


def utc(when: datetime.datetime) -> str:
    """Return a time as events write it.

    Examples
    --------
    >>> utc(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    '2026-01-01T00:00:00.000Z'
    """
    return when.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _place(event: Event) -> tuple[Any, ...]:
    """Return where an act stands among those of its rater."""
    return event.body["n"], event.body.get("client_time", ""), event.op_id
