"""What the inspector shows and stores of what people say: annotations of runs, steps and texts.

A coder must not be led: while somebody codes, neither other coders' annotations nor the labels that
the source holds leave the kernel, and no outcome, score, finding or suspect unless hints are wanted.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.display import plain
from workbench.errors import BadValue
from workbench.ratings.coding.coder import Coder
from workbench.ratings.coding.schemes import Scheme, scheme_of
from workbench.ratings.journal import Journal
from workbench.trajectories.annotating import without_annotations, without_verdicts
from workbench.trajectories.model import Annotation, Json, Run
from workbench.widgets.inspector import listing, pages

if TYPE_CHECKING:
    from workbench.trajectories.collection import Runs

_BYTES = 50_000  # of all annotations in one answer
_MOST_COUNTED = 1_500  # runs of one answer
_LONGEST = 4_000  # characters of a text of the source
_HALVES = re.compile("[\ud800-\udfff]")


REQUESTS = frozenset({"coded", "codes", "code"})
"""What a panel asks for here."""


class Notes:
    """The annotations behind a panel.

    Parameters
    ----------
    runs : Runs
        What is read; without annotations where who codes must not see those of the source.
    blind : bool
        Whether a file must hold no annotations.
    hints : bool
        Whether a page may hold what else judges the runs: outcomes, scores, findings and suspects.

    Attributes
    ----------
    runs : Runs
        As given.
    run : callable
        Returns a run in full by its place.
    coder : Coder or None
        Who codes; without one annotations can only be read.
    hints : bool
        As given.
    """

    def __init__(self, runs: "Runs", *, blind: bool = False, hints: bool = True) -> None:
        self.runs, self._blind, self.hints = runs, blind, hints
        self.run: Callable[[int], Run] = runs.__getitem__
        self.coder: Coder | None = None
        self._places = {run_id: at for at, run_id in enumerate(runs.ids)}
        # known without reading a run: whoever passes through runs asks for those of each
        self._of_source = defaultdict[str, list[Annotation]](list)
        for run_id, each in runs.notes():
            self._of_source[run_id].append(each)

    def n_steps(self, run_id: str) -> int:
        """Return how many steps a run has."""
        return len(self.run(self._places[run_id]).steps)

    def n_parts(self, run_id: str, step: int) -> int:
        """Return how many parts a step has."""
        return len(self.run(self._places[run_id]).steps[step].parts)

    def text(self, run_id: str, step: int, part: int) -> str | None:
        """Return the text of a part, as it is shown and counted."""
        steps = self.run(self._places[run_id]).steps
        if not 0 <= step < len(steps) or not 0 <= part < len(steps[step].parts):
            return None
        return _HALVES.sub("�", pages.part_text(steps[step].parts[part]))

    def first(self) -> dict[str, Json]:
        """Return what the panel must know before it asks: who codes, by which scheme, and where."""
        coder = self.coder
        if coder is None:
            return {}
        return {
            "annotator": coder.name,
            "store": coder.journal.store_id,
            "scheme": coder.scheme.shown(),
            "rules": coder.ruling,
            "hints": self.hints,
        }

    def answer(self, kind: object, message: Mapping[str, Json]) -> dict[str, Json]:
        """Return the answer to a request about annotations."""
        place = _whole(message.get("run"))
        if kind == "coded":
            return self._counted(max(0, _whole(message.get("from"))))
        if kind == "code":
            return self._act(place, message.get("act"))
        if not 0 <= place < len(self.runs):
            return {}
        return self.of_run(place, max(0, _whole(message.get("from"))))

    def of_run(self, place: int, start: int = 0) -> dict[str, Json]:
        """Return the annotations of a run that may be shown, as many as a page holds."""
        run_id, coder = self.runs.ids[place], self.coder
        found: list[dict[str, Json]] = []
        state: dict[str, Json] = {}
        if coder is not None:
            _catch_up(coder)
            state = coder.state(run_id) | {"finished": coder.finished(run_id)}
            found += [{"who": ""} | each for each in coder.own(run_id)]
            found += [{"who": each.who} | each.annotation for each in coder.others(run_id)]
        found += [{"who": "source", "told": _told(e)} for e in self._of_source.get(run_id, ())]
        page = _fitting(found[start:])
        ended = start + len(page) >= len(found)
        return {"codes": page, "next": -1 if ended else start + len(page), "state": state}

    def for_file(self, place: int) -> dict[str, Json]:
        """Return the annotations of a run that a file holds, which may come to anybody."""
        found: list[dict[str, Json]] = []
        start = -1 if self._blind else 0
        while start >= 0:
            page = self.of_run(place, start)
            found += page["codes"]
            start = page["next"]
        if self.coder is not None:
            found = [each | {"who": each["who"] or self._own_name()} for each in found]
        return {"codes": found}

    def _own_name(self) -> str:
        return "decided" if self.coder and self.coder.ruling else "coded"

    def _counted(self, start: int) -> dict[str, Json]:
        """Count what this coder did, run by run: place, annotations, and whether it is done."""
        if self.coder is None:
            return {"coded": [], "next": -1}
        _catch_up(self.coder)
        known = [each for each in self.coder.counts() if each[0] in self._places]
        rows = [
            [self._places[run_id], n, done]
            for run_id, n, done in known[start : start + _MOST_COUNTED]
        ]
        ended = start + len(rows) >= len(known)
        pile = self.coder.pile
        return {
            "coded": rows, "next": -1 if ended else start + len(rows),
            "saved": len(pile.acts), "n": pile.n,
        }  # fmt: skip

    def _act(self, place: int, act: Json) -> dict[str, Json]:
        if self.coder is None or not isinstance(act, Mapping):
            return {"refused": "nothing can be written here: open the panel with a journal."}
        run_id = self._named(place, act.get("run"))
        if run_id is None:
            return {"refused": "this run is not among those that are shown; open them all."}
        return self.coder.act(run_id, act)

    def _named(self, place: int, key: Json) -> str | None:
        """Return the run that a page means: the name counts, for other runs may be shown now."""
        ids = self.runs.ids
        if 0 <= place < len(ids) and run_key(ids[place]) == key:
            return ids[place]
        return next((each for each in ids if run_key(each) == key), None)


def notes_for(
    runs: "Runs",
    *,
    annotator: str | None,
    journal: str | Path | Journal | None,
    scheme: Scheme | str | Path,
    adjudicate: bool,
    show_source_labels: bool,
    hints: bool,
) -> Notes:
    """Return the annotations behind a panel; `inspect` says what each parameter means."""
    if (annotator is None) != (journal is None):
        raise BadValue(
            "who codes must have a journal, and a journal somebody who codes, but annotator="
            f"{annotator!r} and journal={journal if journal is None else str(journal)!r} came; give "
            "both, or neither."
        )
    if annotator is None or journal is None:
        if adjudicate:
            raise BadValue(
                "who decides must have a name and a journal, but none came; give annotator and "
                "journal."
            )
        return Notes(runs)
    offered = scheme_of(scheme)
    if not hints:
        runs = without_verdicts(runs, annotations=show_source_labels)
    elif not show_source_labels:
        runs = without_annotations(runs)
    notes = Notes(runs, blind=not (show_source_labels or adjudicate), hints=hints)
    opened = journal if isinstance(journal, Journal) else Journal.open(journal)
    try:
        notes.coder = Coder(opened, annotator, offered, notes, ruling=adjudicate)
    except Exception:
        if opened is not journal:
            opened.close()
        raise
    return notes


def run_key(run_id: str) -> str:
    """Return the name by which a page knows a run: what its row shows, and a digest if it is long."""
    return f"{listing.short_id(run_id)}{listing.long_id(run_id) or ''}"


def _catch_up(coder: Coder) -> None:
    """Take in what others stored; where the store is away, what is known can be read."""
    with suppress(OSError):
        coder.refresh()


def _told(note: Annotation) -> dict[str, Json]:
    """Return what a source says, shortened where it is long."""
    said = {
        "name": note.name, "label": note.label, "explanation": note.explanation,
        "by": note.identifier or note.annotator_kind,
    }  # fmt: skip
    told: dict[str, Json] = {
        name: plain(value[:_LONGEST], width=_LONGEST) for name, value in said.items() if value
    }
    if note.score is not None:
        told["score"] = plain(note.score, width=40)
    extra = note.extra if isinstance(note.extra, dict) else {}
    told |= {"omission": True} if extra.get("target") == "omission" else {}
    return told if note.step is None else told | {"step": note.step}


def _fitting(found: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Return as many of the first as fit into a page; one at least."""
    left, page = _BYTES, list[dict[str, Json]]()
    for each in found:
        left -= len(json.dumps(each, ensure_ascii=False).encode("utf-8", "replace"))
        if left < 0 and page:
            break
        page.append(each)
    return page


def _whole(value: object) -> int:
    return value if type(value) is int else -1
