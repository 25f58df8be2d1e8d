"""One rater's sitting: what the browser says, what is stored of it, and what it gets back.

The widget and the served page speak the same messages, so there is one place where an act is
checked, put into the journal and acknowledged. A rater learns letters, never outputs or systems.
"""

import contextlib
import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from workbench.display import counted
from workbench.errors import BadValue, InputError, some, unknown_name
from workbench.ratings.assignment import Item, order
from workbench.ratings.events import ACTS, Draft, Kind
from workbench.ratings.known import moved, verdicts
from workbench.ratings.replay import Asked, Desk, letters_of, utc
from workbench.ratings.studies import Study
from workbench.ratings.tasks import markdown_tree
from workbench.ratings.tasks.entries import prose, seen
from workbench.store import digest

__all__ = ["Message", "Reply", "Session", "Study"]

Message = Mapping[str, Any]
Reply = dict[str, Any]

_OP_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LONGEST = {"op_id": 100, "view_id": 100, "text": 10_000}
_LONGEST_TIME = 40
_MOST_VISIBLE_S = 86_400.0
_LARGEST_N = 2**53
# How many items to come go with the state, so that the next one is there at once.
_AHEAD = 3
# Pages that were closed without a word are forgotten in the end.
_MOST_VIEWS = 50
NOT_NOW = (
    "the store must take what you do, but it cannot just now; keep this page open, and it is tried "
    "again."
)
"""What a rater is told when an act could not be stored; the details are none of theirs."""


class Session:
    """One rater at work, in any number of views (tabs) at once.

    Parameters
    ----------
    study : Study
        What is rated.
    rater : str
        Who rates; with a plan, one of its raters.
    session_id : str, optional
        The name of the sitting, kept with each act.
    ruling : sequence of str, optional
        The items to decide, for an adjudicator; their acts are rulings, not ratings.
    blinded : bool
        Whether an adjudicator sees numbers in place of the raters' names.

    Raises
    ------
    UnknownName
        If the plan does not know the rater.
    BadValue
        If the study has not begun.
    """

    def __init__(
        self,
        study: Study,
        rater: str,
        *,
        session_id: str = "",
        ruling: Iterable[str] | None = None,
        blinded: bool = True,
    ) -> None:
        self.study, self.rater, self.session_id = study, rater, session_id
        self.ruling = None if ruling is None else list(ruling)
        self.blinded = blinded
        self._views: dict[str, None] = {}
        if study.state.task is None:
            raise BadValue(
                f"a journal must hold a study before it is rated, but {study.journal.place} holds "
                "none; put items into it."
            )
        if self.ruling is None and not study.is_pool and rater not in study.state.plans:
            raise unknown_name("rater", rater, study.state.plans)

    def __repr__(self) -> str:
        answered, total = self.progress()
        acts = counted(len(self.desk.op_ids), "act")
        return (
            f"Session: {answered} of {counted(total, 'item')} rated by {self.rater}, saved {acts}"
        )

    @property
    def desk(self) -> Desk:
        """What the rater did so far."""
        state = self.study.state
        return (state.desks if self.ruling is None else state.rulings)[self.rater]

    @property
    def items(self) -> list[str]:
        """The names of the rater's items."""
        return self.study.items_of(self.rater) if self.ruling is None else self.ruling

    def progress(self) -> tuple[int, int]:
        """Return how many items are answered, and how many there are to do."""
        status = self.desk.status
        return sum(status.get(each) == "answered" for each in self.items), len(self.items)

    def receive(self, message: Message) -> list[Reply]:
        """Answer a message of the browser; it never raises, whatever comes.

        Parameters
        ----------
        message : mapping
            A message of the protocol: hello, act, fetch or bye.

        Returns
        -------
        list of dict
            The replies, for the view that asked.
        """
        kind = message.get("type") if isinstance(message, Mapping) else None
        try:
            with self.study.lock:
                if kind == "act":
                    return [self._act(message)]
                if kind == "hello":
                    return [self._hello(message)]
                if kind == "fetch":
                    return [{"type": "contents", "contents": self._contents(message.get("items"))}]
                if kind == "bye":
                    self._views.pop(_text(message, "view_id"), None)
                    return []
        except OSError as error:
            # the sentence may say where the store is, and its place what is rated
            self.study.trouble = str(error)
            return [{"type": "failed", "op_id": _op_id(message), "reason": NOT_NOW}]
        except InputError as error:
            return [_refused(message, str(error))]
        return [_refused(message, "a message must be hello, act, fetch or bye; reload the page.")]

    def _hello(self, message: Message) -> Reply:
        view = _text(message, "view_id")
        self.study.refresh()
        if self._takes:
            self.study.resume(self.rater)
            if not self._open_items():
                self.study.take(self.rater)
        self.study.trouble = ""
        self._views = dict.fromkeys([*self._views, view][-_MOST_VIEWS:])
        notice = ""
        if len(self._views) > 1:
            notice = (
                "You have this page open twice. That is safe: both show and save the same work."
            )
        return {"type": "state", **self._state(), "views": len(self._views), "notice": notice}

    def _state(self) -> Reply:
        study, items, status = self.study, self.items, self.desk.status
        assert study.state.task is not None
        opened = self._open_items()
        at = items.index(opened[0]) if opened else len(items)
        return {
            "store": study.journal.store_id,
            "rater": self.rater,
            "task": study.state.task.shown(),
            "items": [
                {
                    "item": each,
                    "status": status.get(each, "open"),
                    "purpose": self._purpose(each),
                }
                for each in items
            ],
            "contents": self._contents(items[max(at - 1, 0) : at + _AHEAD]),
            "answers": [told for each in items for told in self._told(each)],
            "n": self.desk.n,
            "position": at,
            "saved": len(self.desk.op_ids),
            "pool": self._takes,
        }

    @property
    def _takes(self) -> bool:
        """Whether the rater takes items from a pool."""
        return self.study.is_pool and self.ruling is None

    def _open_items(self) -> list[str]:
        return [each for each in self.items if self.desk.status.get(each, "open") == "open"]

    def _purpose(self, item_id: str) -> str:
        """Name only training: who knows a check from an item rates it otherwise."""
        return "training" if self.study.state.items[item_id].purpose == "training" else "rate"

    def _told(self, item_id: str) -> list[Reply]:
        """Return the acts that stand on an item, as the browser needs them to show it again."""
        desk = self.desk
        acts = [event for _, event in desk.answered(item_id)]
        acts += [each for each in (desk.skip(item_id), desk.comment(item_id)) if each]
        kept = ("question", "target", "value", "reason", "text", "n")
        return [
            {"item": item_id, "op_id": each.op_id, "kind": each.body.get("act", each.kind)}
            | {name: each.body[name] for name in kept if name in each.body}
            | ({"text": each.body["note"]} if each.body.get("note") else {})
            for each in acts
        ]

    def _contents(self, wanted: object) -> dict[str, Reply]:
        # a name that came in may be anything, also what no set can hold, and come a million times
        names = wanted if isinstance(wanted, list) else []
        named = {each for each in names if isinstance(each, str)}
        return {each: self._content(each) for each in self.items if each in named}

    def _content(self, item_id: str) -> Reply:
        state, item = self.study.state, self.study.state.items[item_id]
        assert state.task is not None
        shown = [item.outputs[at] for at in self._order(item)]
        content: Reply = {
            "item": item_id,
            "source": item.source if state.task.source else "",
            "reference": item.reference if state.task.reference else "",
            "outputs": [
                {"letter": letter, "text": each.text}
                for letter, each in zip(letters_of(len(shown)), shown, strict=True)
            ],
            "images": list(item.images),
        }
        if state.task.format == "markdown":
            content["source_tree"] = markdown_tree(content["source"])
            for each in content["outputs"]:
                each["tree"] = markdown_tree(each["text"])
        if self.ruling is not None:
            content["others"] = self._others(item_id)
        return content

    def _others(self, item_id: str) -> list[Reply]:
        """Return what the raters answered, in the letters that this adjudicator sees."""
        state, item = self.study.state, self.study.state.items[item_id]
        # as in what is read: who skipped an item in the end has not answered it
        desks = [
            (rater, desk)
            for rater, desk in state.desks.items()
            if item_id in desk.answers and not desk.skip(item_id)
        ]
        # numbered by a keyed order, so that the same number is not the same person on each item
        desks.sort(key=lambda named: digest(f"{state.seed}/{item_id}/{named[0]}"))
        mine = [item.outputs[at].output_id for at in self._order(item)]
        return [
            {
                "who": f"rater {at}" if self.blinded else rater,
                "question": asked.question,
                "target": moved(Asked("", ""), asked.target, event.body["order"], mine),
                "value": moved(asked, event.body["value"], event.body["order"], mine),
                "op_id": event.op_id,
            }
            for at, (rater, desk) in enumerate(desks, start=1)
            for asked, event in desk.answered(item_id)
        ]

    def _order(self, item: Item) -> tuple[int, ...]:
        return order(self.study.state.seed, self.rater, item)

    def _act(self, message: Message) -> Reply:
        """Store an act and acknowledge it, or say why not."""
        draft = self.draft(message)
        if not isinstance(draft, Draft):
            return draft
        try:
            receipt = self.study.journal.append([draft])[0]
        except BadValue:  # whose the name is, is nobody's business here
            return _refused(
                message, "an op_id must name one act, but this one names another; act once more."
            )
        self.study.trouble = ""
        with contextlib.suppress(OSError):  # it is stored; the next message catches up
            self.study.refresh()
        return self.saved(draft, receipt.seq)

    def draft(self, message: Message) -> Draft | Reply:
        """Return what is to be stored of an act, or the reply that refuses it.

        Parameters
        ----------
        message : mapping
            An act, as `receive` takes it; whoever stores many acts at once asks here first.
        """
        try:
            return self._draft(message)
        except InputError as error:
            return _refused(message, str(error))

    def saved(self, draft: Draft, seq: int) -> Reply:
        """Return the reply to an act that is on disk, and in the study.

        Parameters
        ----------
        draft : Draft
            What was stored.
        seq : int
            Its place in the journal.
        """
        status = self.desk.status.get(draft.item_id, "open")
        reply: Reply = {
            "type": "saved",
            "op_id": draft.op_id,
            "seq": seq,
            "saved": len(self.desk.op_ids),
            "item": draft.item_id,
            "status": status,
        }
        return reply | self._feedback(draft.item_id) | self._more(status)

    def _draft(self, message: Message) -> Draft:
        kind, op_id = message.get("kind"), message.get("op_id")
        if not isinstance(kind, str) or kind not in ACTS:
            raise BadValue(
                f"an act must be one of {', '.join(sorted(ACTS))}, but {seen(kind)} came; reload "
                "the page."
            )
        if not isinstance(op_id, str) or not _OP_ID.fullmatch(op_id):
            raise BadValue(
                "an act must have a UUID as its op_id, but it has none; reload the page."
            )
        item_id = message.get("item")
        if not isinstance(item_id, str) or not self._has(item_id):
            raise BadValue(
                f"an item must be one of yours, but {seen(item_id)} is not; reload the page."
            )
        body = {
            "n": _count(message.get("n")),
            "view_id": _text(message, "view_id"),
            "client_time": _time(message.get("client_time")),
            "shown_at": _time(message.get("shown_at")),
            "visible_s": _seconds(message.get("visible_s")),
            **getattr(self, f"_{kind}")(message, self.study.state.items[item_id]),
        }
        if self.ruling is not None:
            looked_at = [each["op_id"] for each in self._others(item_id)]
            body |= {"act": kind, "seen": looked_at, "blinded": self.blinded}
            kind = "adjudicate"
        at = utc(self.study.now())
        return Draft(op_id, cast(Kind, kind), body, self.rater, item_id, self.session_id, at)

    def _has(self, item_id: str) -> bool:
        if self.ruling is None:
            return self.study.was_given(self.rater, item_id)
        return item_id in self.ruling

    def _answer(self, message: Message, item: Item) -> dict[str, Any]:
        state = self.study.state
        assert state.task is not None
        question, target = message.get("question"), message.get("target")
        asked = Asked(cast(str, question), "" if target is None else cast(str, target))
        if asked not in state.asked(item.item_id, required=False):
            raise BadValue(
                f"an answer must be to a question of the task, but {seen(question)} about "
                f"{seen(target or 'the item')} is none; reload the page."
            )
        shown = [item.outputs[at] for at in self._order(item)]
        letters = letters_of(len(shown))
        texts = {
            letter: each.text
            for letter, each in zip(letters, shown, strict=True)
            if asked.target in ("", letter)
        }
        found = next(each for each in state.task.questions if each.name == asked.question)
        value = found.check(message.get("value"), texts=texts, source=item.source)
        outputs = [each.output_id for each in shown]
        return {**asked._asdict(), "value": value, "order": outputs}

    def _undo(self, message: Message, _: Item) -> dict[str, Any]:
        undoes = message.get("undoes")
        if not isinstance(undoes, str) or not _OP_ID.fullmatch(undoes):
            raise BadValue(
                "an undo must name the op_id of an act, but it names none; act once more."
            )
        state = self.study.state
        # it may come before the act itself, but never for what somebody else did
        everybody = [*state.desks.values(), *state.rulings.values()]
        if any(undoes in desk.op_ids for desk in everybody if desk is not self.desk):
            raise BadValue("an undo must name an act of yours, but it names none; reload the page.")
        return {"undoes": undoes}

    def _skip(self, message: Message, _: Item) -> dict[str, Any]:
        assert self.study.state.task is not None
        reason, reasons = message.get("reason"), self.study.state.task.skip_reasons
        if reason not in reasons:
            raise BadValue(
                f"a reason to skip must be one of {some(reasons, 20) or 'none'}, but "
                f"{seen(reason)} came; choose one."
            )
        return {"reason": reason, "note": _text(message, "text")}

    def _comment(self, message: Message, _: Item) -> dict[str, Any]:
        assert self.study.state.task is not None
        if not self.study.state.task.comments:
            raise BadValue("a comment must be wanted, but this task takes none; leave it out.")
        return {"text": _text(message, "text")}

    def _feedback(self, item_id: str) -> Reply:
        """Tell after a training item whether it was right."""
        item, desk = self.study.state.items[item_id], self.desk
        if item.purpose != "training" or desk.status.get(item_id) != "answered":
            return {}
        right = all(verdicts(self.study.state, desk, item_id))
        return {"feedback": {"right": right, "text": item.explanation}}

    def _more(self, status: str) -> Reply:
        """Tell what to do next in a pool once an item is done; take the next when all are."""
        if not self._takes or status == "open":
            return {}
        try:
            if not self._open_items():
                self.study.take(self.rater)
        except OSError:
            return {}  # the act is stored; the next hello takes one
        # another page, or an acknowledgement that was lost, may have taken it already
        opened = self._open_items()
        told = [{"item": each, "status": "open", "purpose": self._purpose(each)} for each in opened]
        return {"more": told, "contents": self._contents(opened)} if told else {}


def _op_id(message: Message) -> str:
    op_id = message.get("op_id") if isinstance(message, Mapping) else None
    return op_id if isinstance(op_id, str) and len(op_id) <= _LONGEST["op_id"] else ""


def _refused(message: Message, reason: str) -> Reply:
    return {"type": "refused", "op_id": _op_id(message), "reason": reason}


def _text(message: Message, name: str) -> str:
    return prose(message.get(name, ""), name, _LONGEST[name])


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _LARGEST_N:
        raise BadValue(f"n must be a whole number from 1, but {seen(value)} came; reload the page.")
    return value


def _time(value: object) -> str:
    """Return a time as it came; what is none is left out, and no reason to lose an act."""
    if not isinstance(value, str) or len(value) > _LONGEST_TIME:
        return ""
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return ""
    return value


def _seconds(value: object) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= _MOST_VISIBLE_S:  # type: ignore[operator]
        return 0.0
    return round(float(value), 3)  # type: ignore[arg-type]
