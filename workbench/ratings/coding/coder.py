"""One coder at work: what the browser says, what is stored of it, and what it gets back.

A coder gets his own annotations and nobody else's; only who decides in the end sees the others',
under letters that mean somebody else in each run.
"""

import contextlib
import datetime
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from workbench.errors import BadValue, InputError
from workbench.ratings.coding.deeds import ACTS, Deeds, Pile, Standing, differs, scheme_draft
from workbench.ratings.coding.schemes import Scheme
from workbench.ratings.events import Draft
from workbench.ratings.replay import utc
from workbench.ratings.sessions import NOT_NOW
from workbench.ratings.tasks.entries import flag, prose, seen, several, whole
from workbench.store import digest

if TYPE_CHECKING:
    from workbench.ratings.journal import Journal

LONGEST_QUOTE = 2_000
"""Characters of a quoted text that are kept."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LONGEST_COMMENT, _LONGEST_NAME, _LONGEST_RUN = 4_000, 200, 1_000
_LONGEST_SOUGHT = 20_000
_LARGEST = 2**53
_LATEST = 10  # acts of a run that a page can undo at once

Reply = dict[str, Any]


class Material(Protocol):
    """What is coded, as far as a coder's acts are checked against it."""

    def n_steps(self, run_id: str) -> int:
        """Return how many steps a run has."""

    def n_parts(self, run_id: str, step: int) -> int:
        """Return how many parts a step has."""

    def text(self, run_id: str, step: int, part: int) -> str | None:
        """Return the text of a part of a step; None where there is none."""


class Other(NamedTuple):
    """An annotation of somebody else, under a letter."""

    who: str
    annotation: Reply


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Coder:
    """One coder, in any number of views at once.

    Parameters
    ----------
    journal : Journal
        Where each act is stored.
    name : str
        Who codes.
    scheme : Scheme
        What can be chosen; it is put into the journal, once.
    material : Material
        The runs.
    ruling : bool
        Whether this one decides, and sees what the others said.
    now : callable, optional
        Gives the time.

    Raises
    ------
    BadValue
        If the journal holds another scheme of this name, or the name is no name.
    """

    def __init__(
        self,
        journal: "Journal",
        name: str,
        scheme: Scheme,
        material: Material,
        *,
        ruling: bool = False,
        now: Callable[[], datetime.datetime] = _now,
    ) -> None:
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= _LONGEST_NAME:
            raise BadValue(
                f"an annotator must have a name of 1 to {_LONGEST_NAME} characters, but "
                f"{seen(name)} came; name who codes."
            )
        self.journal, self.name, self.scheme, self.ruling = journal, name, scheme, ruling
        self.deeds, self.lock, self.now = Deeds(), threading.RLock(), now
        self._material = material
        self.refresh()
        known = self.deeds.schemes.get(scheme.name)
        if known is not None and differs(known, scheme):
            raise BadValue(
                f"a scheme must stay what was coded by, but {journal.place} holds another scheme "
                f"{scheme.name!r}; give the changed one another name, or open a new journal."
            )
        if known is None:
            journal.append([scheme_draft(scheme)])
            self.refresh()

    def __repr__(self) -> str:
        return f"Coder: {self.name}, {self.scheme.name}, saved {len(self.pile.acts)}"

    @property
    def pile(self) -> Pile:
        """What this coder did so far."""
        return self.deeds.pile(self.name, ruling=self.ruling)

    def refresh(self) -> None:
        """Take in what was stored since."""
        with self.lock:
            self.deeds.take(self.journal.events(after=self.deeds.seq, kinds=("code",)))

    def counts(self) -> Iterator[tuple[str, int, bool]]:
        """Go through the runs that this coder touched: how many annotations, and whether done."""
        pile = self.pile
        for run_id in pile.runs:
            yield run_id, len(pile.standing(run_id)), pile.is_done(run_id)

    def state(self, run_id: str) -> Reply:
        """Return how far this coder is with a run, and how much is stored."""
        pile = self.pile
        last = [
            {"op_id": each.op_id, "kind": each.body["act"]}
            | {name: each.body[name] for name in ("n", "done") if name in each.body}
            for each in pile.latest(run_id, _LATEST)
        ]
        saved = len(pile.acts)
        return {"n": pile.n, "saved": saved, "done": pile.is_done(run_id), "last": last}

    def own(self, run_id: str) -> list[Reply]:
        """Return this coder's annotations of a run."""
        return [_told(each) for each in self.pile.standing(run_id)]

    def others(self, run_id: str) -> list[Other]:
        """Return what the coders said of a run; nothing unless this one decides."""
        return [
            Other(letter, _told(each))
            for letter, pile in self._lettered(run_id)
            for each in pile.standing(run_id)
        ]

    def finished(self, run_id: str) -> dict[str, bool]:
        """Return by letter whether each coder marked a run as coded; empty unless this one decides."""
        return {letter: pile.is_done(run_id) for letter, pile in self._lettered(run_id)}

    def _lettered(self, run_id: str) -> list[tuple[str, Pile]]:
        """Return the coders of a run under letters, in an order that is another in each run."""
        if not self.ruling:
            return []
        piles = {name: pile for name, pile in self.deeds.coders.items() if run_id in pile.runs}
        names = sorted(piles, key=lambda name: digest(f"{self.journal.store_id}/{run_id}/{name}"))
        return [(_letter(at), piles[name]) for at, name in enumerate(names)]

    def act(self, run_id: str, message: Mapping[str, Any]) -> Reply:
        """Store an act and acknowledge it, or say why not; it never raises, whatever comes.

        Parameters
        ----------
        run_id : str
            The run that it is about.
        message : mapping
            The act.

        Returns
        -------
        dict
            With `saved` (its place and the number of acts), `refused` or `failed` (the reason).
        """
        try:
            # without our lock: who reads must not wait for a store that is busy
            receipt = self.journal.append([self._draft(run_id, message)])[0]
            with self.lock:
                with contextlib.suppress(OSError):  # it is stored; the next act catches up
                    self.refresh()
                return {"saved": {"seq": receipt.seq, "saved": len(self.pile.acts)}}
        except OSError:
            return {"failed": NOT_NOW}
        except InputError as error:
            return {"refused": str(error)}

    def _draft(self, run_id: str, message: Mapping[str, Any]) -> Draft:
        act, op_id = message.get("kind"), message.get("op_id")
        if act not in ACTS:
            raise BadValue(
                f"an act must be one of {', '.join(ACTS)}, but {seen(act)} came; reload the page."
            )
        if len(run_id) > _LONGEST_RUN:
            raise BadValue(
                f"a run must have a name of up to {_LONGEST_RUN:,} characters to be coded, but this "
                f"one has {len(run_id):,}; rename it."
            )
        body = {
            "act": act,
            "n": whole(message.get("n"), "n", 1, _LARGEST),
            "ruling": self.ruling,
            "client_time": _time(message.get("client_time")),
            **getattr(self, f"_{act}")(run_id, message),
        }
        return Draft(_uuid(op_id, "op_id"), "code", body, self.name, run_id, at=utc(self.now()))

    def _annotate(self, run_id: str, message: Mapping[str, Any]) -> dict[str, Any]:
        chosen = several(message.get("labels", []), "labels", len(self.scheme.labels))
        if strange := [each for each in chosen if each not in self.scheme.names]:
            raise BadValue(
                f"a label must be one of scheme {self.scheme.name!r}, but {seen(strange[0])} came; "
                "choose one that is shown."
            )
        severity = message.get("severity") or ""
        if severity and severity not in self.scheme.severities:
            raise BadValue(
                f"a severity must be one of scheme {self.scheme.name!r}, but {seen(severity)} came; "
                "choose one that is shown."
            )
        comment = prose(message.get("comment", ""), "a comment", _LONGEST_COMMENT)
        if not chosen and not comment.strip():
            raise BadValue("an annotation must have a label or a comment, but it has neither.")
        return {
            "scheme": self.scheme.name,
            "target": self._target(run_id, message.get("target")),
            "labels": [each for each in self.scheme.names if each in chosen],
            "severity": severity,
            "comment": comment,
            **self._about(message),
        }

    def _about(self, message: Mapping[str, Any]) -> dict[str, Any]:
        named = message.get("annotation")
        if named is None:
            return {}
        self._refuse_others(_uuid(named, "annotation"))
        return {"annotation": named}

    def _delete(self, _: str, message: Mapping[str, Any]) -> dict[str, Any]:
        return {"annotation": _uuid(message.get("annotation"), "annotation")} | self._about(message)

    def _undo(self, _: str, message: Mapping[str, Any]) -> dict[str, Any]:
        undoes = _uuid(message.get("undoes"), "undoes")
        self._refuse_others(undoes)
        return {"undoes": undoes}

    def _done(self, _: str, message: Mapping[str, Any]) -> dict[str, Any]:
        return {"done": flag(message.get("done"), "done")}

    def _refuse_others(self, op_id: str) -> None:
        """Refuse what is about somebody else's act; one's own may come before it."""
        mine = self.pile
        if any(op_id in pile.acts for _, _, pile in self.deeds.piles() if pile is not mine):
            raise BadValue("an act must be about an annotation of yours, but it is not; reload.")

    def _target(self, run_id: str, given: object) -> dict[str, Any]:
        target = given if isinstance(given, Mapping) else {}
        kind = target.get("kind")
        if kind == "run":
            return {"kind": "run"}
        if kind not in ("step", "range", "omission"):
            raise BadValue(
                f"a target must be run, step, range or omission, but {seen(kind)} came; reload."
            )
        last = self._material.n_steps(run_id) - 1
        if last < 0:
            raise BadValue("a step must be there to be annotated, but this run has none.")
        found = {"kind": kind, "step": whole(target.get("step"), "a step", 0, last)}
        return found | self._range(run_id, found["step"], target) if kind == "range" else found

    def _range(self, run_id: str, step: int, target: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(find := target.get("find"), Mapping):
            return self._located(run_id, step, target.get("quote"), find)
        part = whole(target.get("part"), "a part", 0, _LARGEST)
        text = self._material.text(run_id, step, part)
        if not text:
            raise BadValue(f"a part must hold a text to be marked, but part {part} holds none.")
        start = whole(target.get("start"), "the start of a range", 0, len(text) - 1)
        end = whole(target.get("end"), "the end of a range", start + 1, len(text))
        quote, said = text[start:end][:LONGEST_QUOTE], target.get("quote")
        # a page shows a mark for each control; what differs otherwise is another text
        shown = said if isinstance(said, str) and len(said) == len(quote) else ""
        if not shown or any(a not in (b, "�") for a, b in zip(shown, quote, strict=True)):
            raise BadValue(
                f"a range must hold the text that was marked, but characters {start} to {end} of part "
                f"{part} say {seen(quote)}; mark it again."
            )
        return {"part": part, "start": start, "end": end, "quote": quote}

    def _located(
        self, run_id: str, step: int, quote: object, find: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return where words stand that are shown otherwise than they were read, or were typed."""
        if not isinstance(quote, str) or not 0 < len(quote) <= _LONGEST_SOUGHT:
            raise BadValue(
                f"marked words must have 1 to {_LONGEST_SOUGHT:,} characters, but others came; mark "
                "fewer."
            )
        part = whole(find.get("part"), "a part", -1, _LARGEST)
        n_parts = self._material.n_parts(run_id, step)
        places = [
            (at, start, start + len(form))
            for at in (range(n_parts) if part < 0 else [part])
            for form, starts in [_places(self._material.text(run_id, step, at) or "", quote)]
            for start in starts
        ]
        if not places:
            raise BadValue(
                "marked words must stand in the text as it was read, but these do not; mark others."
            )
        if len(places) > 1 and len(places) != find.get("of"):
            raise BadValue(
                f"marked words must mean one place, but these stand {len(places)} times in the text "
                "as it was read; mark more of them."
            )
        nth = whole(find.get("nth"), "nth", 0, len(places) - 1) if len(places) > 1 else 0
        at, start, end = places[nth]
        text = self._material.text(run_id, step, at) or ""
        return {"part": at, "start": start, "end": end, "quote": text[start:end][:LONGEST_QUOTE]}


def _places(text: str, sought: str) -> tuple[str, list[int]]:
    """Return how a text holds words, and where, also where they overlap.

    A text within JSON is shown without its escapes.
    """
    for form in (sought, json.dumps(sought, ensure_ascii=False)[1:-1]):
        if starts := [found.start() for found in re.finditer(f"(?={re.escape(form)})", text)]:
            return form, starts
    return sought, []


def _told(found: Standing) -> Reply:
    """Return an annotation as a browser needs it."""
    body = found.last.body
    kept = {name: body[name] for name in ("target", "labels", "severity", "comment", "n")}
    return {"annotation": found.annotation, "op_id": found.last.op_id, **kept}


def _letter(at: int) -> str:
    return chr(ord("A") + at) if at < 26 else f"Z{at - 25}"


def _uuid(value: object, what: str) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise BadValue(f"{what} must be a UUID, but {seen(value)} came; reload the page.")
    return value


def _time(value: object) -> str:
    """Return a time as it came; what is none is left out, and no reason to lose an act."""
    if isinstance(value, str) and len(value) <= 40:
        with contextlib.suppress(ValueError):
            datetime.datetime.fromisoformat(value)
            return value
    return ""
