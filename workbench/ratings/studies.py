"""A journal and the state that its events add up to: what is rated, by whom, and who is next."""

import datetime
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from workbench.display import counted
from workbench.errors import BadValue, some
from workbench.ratings.assignment import Item, Items
from workbench.ratings.events import Draft, canonical
from workbench.ratings.replay import State, utc
from workbench.store import digest

if TYPE_CHECKING:
    from workbench.ratings.journal import Journal, Writer

_LEASE = datetime.timedelta(minutes=30)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Study:
    """A journal, and the state that its events add up to, kept up with it.

    Parameters
    ----------
    journal : Journal
        The store.
    now : callable, optional
        Gives the time, for leases.

    Attributes
    ----------
    trouble : str
        Why the store could not be read or written for the last message, for the people in charge:
        it may name a place, which is nothing for raters. Empty when it could.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> rows = wb.read([{"input": "What is it?"}])
    >>> outputs = wb.outputs(rows, {"short": ["A cat."]})
    >>> task = wb.ratings.Task("quality", [wb.ratings.Scale("fluency", 1, 5)])
    >>> items = wb.ratings.items(outputs, rows, task, raters=["ana"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with wb.ratings.Journal.open(f"{folder}/ratings.sqlite") as journal:
    ...         Study.start(journal, items)
    Study: 'quality', 1 item, 1 rater, 0 acts
    """

    def __init__(self, journal: "Journal", *, now: Callable[[], datetime.datetime] = _now) -> None:
        self.journal, self.now = journal, now
        self.state = State()
        self.lock = threading.RLock()
        self.trouble = ""
        self._orders: dict[str, tuple[int, list[str]]] = {}
        self.refresh()

    @classmethod
    def start(
        cls, journal: "Journal", items: Items, *, now: Callable[[], datetime.datetime] = _now
    ) -> "Study":
        """Put a task, its items and its plan into a journal, once; another study is refused.

        A study may grow: further items and raters are added, and a rater's new plan counts.

        Parameters
        ----------
        journal : Journal
            The store; new, or one that holds this study already.
        items : Items
            What is to be rated, and by whom.
        now : callable, optional
            Gives the time.

        Raises
        ------
        BadValue
            If the journal holds another task or assignment, or an item of the same name that
            shows something else.
        """
        body = {"task": items.task.to_dict(), "seed": items.seed, "overlap": items.overlap}
        study, at = cls(journal, now=now), utc(now())
        study._refuse_another(body, items)
        drafts = [Draft("task", "task", body, at=at)]
        drafts += [
            Draft(f"item-{each.item_id}", "item", each.to_dict(), item_id=each.item_id, at=at)
            for each in items.items
        ]
        drafts += [
            Draft(study._plan_id(rater, planned), "plan", {"items": list(planned)}, rater, at=at)
            for rater, planned in items.plan.items()
            if study.state.plans.get(rater) != tuple(planned)
        ]
        journal.append(drafts)
        study.refresh()
        return study

    def _plan_id(self, rater: str, planned: Iterable[str]) -> str:
        """Name a plan by what it says and when, so that a plan may come back after another."""
        return f"plan-{digest(canonical([rater, self.state.seq, *planned]))[:32]}"

    def __repr__(self) -> str:
        name = repr(self.state.task.name) if self.state.task else "not begun"
        n_raters = len(self.state.raters)
        n_acts = sum(len(desk.op_ids) for desk in self.state.desks.values())
        counts = [counted(len(self.state.items), "item"), counted(n_raters, "rater")]
        return f"Study: {name}, {', '.join(counts)}, {counted(n_acts, 'act')}"

    def refresh(self) -> None:
        """Take in what was stored since."""
        with self.lock:
            for event in self.journal.events(after=self.state.seq):
                self.state.apply(event)

    def items_of(self, rater: str) -> list[str]:
        """Return the names of a rater's items, in their order.

        In a pool these are the items that the rater took, without those untouched ones whose lease
        ran out and which others have taken since.
        """
        if rater in self.state.plans:
            return list(self.state.plans[rater])
        worked = self.state.worked(rater)
        now = utc(self.now())
        mine = dict.fromkeys([*self.state.given.get(rater, ()), *worked])
        return [each for each in mine if each in worked or not self._gone(rater, each, now)]

    def was_given(self, rater: str, item_id: str) -> bool:
        """Tell whether a rater ever got an item: what was done on it meanwhile is not lost."""
        return item_id in self.state.given.get(rater, ()) or item_id in self.items_of(rater)

    @property
    def is_pool(self) -> bool:
        """Whether raters take items as they come."""
        return not self.state.plans

    def take(self, rater: str) -> str | None:
        """Lease the next item of a pool to a rater, in one transaction; None when none is left.

        Training comes first, for everybody. Then items that others have rated already come first,
        so that items are completed; among equals the order is the rater's own, so that two raters
        seldom want the same.
        """
        with self.lock, self.journal.writing() as writer:
            for event in writer.events(after=self.state.seq):
                self.state.apply(event)
            chosen = self._free(rater, utc(self.now()))
            if chosen is None:
                return None
            self._lease(writer, rater, [chosen])
        self.refresh()
        return chosen

    def resume(self, rater: str) -> None:
        """Lease once more what a rater took from a pool and did not finish in time."""
        with self.lock:
            if not self._lapsed(rater):
                return
            with self.journal.writing() as writer:
                for event in writer.events(after=self.state.seq):
                    self.state.apply(event)
                self._lease(writer, rater, self._lapsed(rater))
            self.refresh()

    def _lease(self, writer: "Writer", rater: str, item_ids: Iterable[str]) -> None:
        body = {"until": utc(self.now() + _LEASE)}
        for each in item_ids:
            name = digest(canonical([rater, each, body["until"], self.state.seq]))
            writer.append([Draft(f"lease-{name[:32]}", "lease", body, rater, each)])

    def _free(self, rater: str, now: str) -> str | None:
        state = self.state
        mine = {*state.given.get(rater, ()), *state.worked(rater)}
        for each, item in state.items.items():
            if item.purpose == "training" and each not in mine:
                return each
        n_held = {
            each: len(state.held(each, now))
            for each in self._own_order(rater)
            if each not in mine and len(state.done_by.get(each, ())) < state.overlap
        }
        free = [each for each, n in n_held.items() if n < state.overlap]
        # the first of those that most others have begun
        return max(free, key=n_held.__getitem__, default=None)

    def _own_order(self, rater: str) -> list[str]:
        """Return all items in the order in which this rater would take them, made once."""
        n_items, ordered = self._orders.get(rater, (0, []))
        if n_items != len(self.state.items):
            key = f"{self.state.seed}/{rater}"
            ordered = sorted(self.state.items, key=lambda each: digest(f"{key}/{each}"))
            self._orders[rater] = len(self.state.items), ordered
        return ordered

    def _lapsed(self, rater: str) -> list[str]:
        now, status = utc(self.now()), self.state.worked(rater)
        return [
            each
            for each in self.items_of(rater)
            if status.get(each, "open") == "open"
            and self.state.leases.get(each, {}).get(rater, now) <= now
        ]

    def _gone(self, rater: str, item_id: str, now: str) -> bool:
        """Tell whether an item of a pool is fully held by others, and no longer by this rater."""
        item = self.state.items.get(item_id)
        if item is None or item.purpose == "training":
            return item is None
        held = self.state.held(item_id, now)
        return rater not in held and len(held) >= self.state.overlap

    def _refuse_another(self, body: dict[str, Any], items: Items) -> None:
        """Refuse to put another study into the journal."""
        state = self.state
        if state.task is None:
            return
        begun = {"task": state.task.to_dict(), "seed": state.seed, "overlap": state.overlap}
        if canonical(body) != canonical(begun):
            raise BadValue(
                f"a journal must hold one study, but {self.journal.place} holds {self!r} with "
                f"another task or assignment than {items.task.name!r}; open a new journal."
            )
        changed = [
            each.item_id
            for each in items.items
            if _shown(each) != _shown(state.items.get(each.item_id, each))
        ]
        if changed:
            raise BadValue(
                f"an item must stay what was rated, but {some(changed, 3)} in {self.journal.place} "
                "show other texts; give changed outputs another output_id, or open a new journal."
            )


def _shown(item: Item) -> tuple[object, ...]:
    """Return what an item is to raters."""
    return item.outputs, item.source, item.reference, item.images, item.purpose
