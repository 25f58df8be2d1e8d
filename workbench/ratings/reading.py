"""From a journal to RATINGS, to how far everybody is, and to who was shown what."""

import statistics
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from workbench import tables
from workbench.display import Sheet, number, percent, plain
from workbench.errors import BadValue, unknown_name
from workbench.ratings.assignment.content import Purpose
from workbench.ratings.events import Draft, Event
from workbench.ratings.journal import Journal
from workbench.ratings.known import moved, verdicts
from workbench.ratings.replay import Asked, Desk, State, letters_of
from workbench.ratings.sessions import Study

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = [
    "rating_id", "session", "item_id", "rater", "question", "value", "strength", "row_id",
    "output_ids", "systems", "system", "system_a", "system_b", "side", "run_id", "step",
    "started_at", "duration_s", "purpose", "adjudicated",
]  # fmt: skip


def read(
    journal: "Journal | str | Path",
    *,
    purposes: Collection[str] = ("rate",),
    adjudicated: str = "keep",
) -> "pd.DataFrame":
    """Read the current answers out of a journal.

    Parameters
    ----------
    journal : Journal, str or Path
        A journal, its file or its URL.
    purposes : collection of str
        The items to read, by what they are for: "rate", "gold", "check", "training".
    adjudicated : {"keep", "replace", "ignore"}
        What to do with rulings: keep them beside the raters' answers (the column `adjudicated`
        tells), let each replace the answers it rules on, or leave them out.

    Returns
    -------
    DataFrame
        RATINGS, one row per answer that stands: undone answers and skipped items are left out.
        Besides its columns: `strength` of a preference, `systems` beside `output_ids`, `purpose`
        of the item, and `adjudicated`.

    Raises
    ------
    BadValue
        If the journal holds no study.
    StoreError
        If it cannot be read.
    UnknownName
        If items have no such purpose.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> from workbench.ratings.scripted import Scripted
    >>> rows = wb.read([{"input": "What is it?"}])
    >>> outputs = wb.outputs(rows, {"short": ["A cat."]})
    >>> task = wb.ratings.Task("quality", [wb.ratings.Scale("fluency", 1, 5)])
    >>> items = wb.ratings.items(outputs, rows, task, raters=["ana"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with wb.ratings.Journal.open(f"{folder}/ratings.sqlite") as journal:
    ...         study = wb.ratings.Study.start(journal, items)
    ...         n = Scripted("ana", lambda *_: 1.0).work(wb.ratings.Session(study, "ana"))
    ...         read(journal)[["rater", "question", "value", "system"]]
      rater question  value system
    0   ana  fluency      5  short
    """
    import pandas as pd

    if adjudicated not in {"keep", "replace", "ignore"}:
        raise BadValue(
            f"adjudicated must be keep, replace or ignore, but {adjudicated!r} came; choose one."
        )
    purposes = [purposes] if isinstance(purposes, str) else purposes
    for purpose in purposes:
        if purpose not in get_args(Purpose):
            raise unknown_name("a purpose", purpose, get_args(Purpose))
    with _opened(journal) as opened:
        state = _begun(opened)
    records = [*_records(state, purposes, state.desks, ruling=False)]
    if adjudicated != "ignore":
        rulings = [*_records(state, purposes, state.rulings, ruling=True)]
        ruled = {_subject(each) for each in rulings} if adjudicated == "replace" else set()
        records = [each for each in records if _subject(each) not in ruled] + rulings
    frame = pd.DataFrame.from_records(records, columns=_COLUMNS)
    # an URL as it was given may hold a password
    return tables.RATINGS.check(frame, source=opened.place)


def progress(journal: "Journal | str | Path") -> Sheet:
    """Show how far everybody is: one row per rater, nothing that would unblind.

    Parameters
    ----------
    journal : Journal, str or Path
        A journal, its file or its URL.

    Returns
    -------
    Sheet
        Columns rater, n_items, n_answered, n_skipped, n_acts, seconds_per_item (median of those
        answered), n_known, n_right (gold and attention checks), last_at.
    """
    import pandas as pd

    with _opened(journal) as opened:
        study = Study(opened)
    _begun(opened, study)
    records = [progress_of(study, rater) for rater in study.state.raters]
    body = [
        [
            plain(each["rater"], width=40),
            f"{each['n_answered']} of {each['n_items']}",
            str(each["n_skipped"]),
            str(each["n_acts"]),
            number(each["seconds_per_item"], 1),
            f"{each['n_right']} of {each['n_known']}" if each["n_known"] else "–",
            str(each["last_at"] or "–")[:19].replace("T", " "),
        ]
        for each in records
    ]
    done = sum(each["n_answered"] for each in records)
    total = sum(each["n_items"] for each in records)
    share = f" ({percent(done / total)})" if total else ""
    header = [
        "rater",
        "answered",
        "skipped",
        "acts",
        "s per item",
        "checks right",
        "last act (UTC)",
    ]
    caption = f"{study.state.task.name}: {done} of {total} items answered{share}."  # type: ignore[union-attr]
    return Sheet(pd.DataFrame(records), caption, header, body)


def unblind(journal: Journal, *, by: str, reason: str) -> "pd.DataFrame":
    """Tell which system stood behind which letter, and put on record that it was told.

    Parameters
    ----------
    journal : Journal
        The store; the unblinding becomes an event of it before anything is told.
    by : str
        Who wants to know.
    reason : str
        Why.

    Returns
    -------
    DataFrame
        One row per answer that stands × output shown: item_id, rater, letter, output_id, system.
    """
    import pandas as pd

    if not by or not reason:
        raise BadValue(
            "an unblinding must say by whom and why, but one of them is empty; give both."
        )
    state = _begun(journal)
    journal.append([Draft(str(uuid.uuid4()), "unblind", {"by": by, "reason": reason})])
    records = []
    for rater, desk in sorted(state.desks.items()):
        for item_id in sorted(desk.answers):
            event = next((each for _, each in desk.answered(item_id)), None)
            shown = event.body["order"] if event else []
            systems = {each.output_id: each.system for each in state.items[item_id].outputs}
            records += [
                (item_id, rater, letter, output, systems[output])
                for letter, output in zip(letters_of(len(shown)), shown, strict=True)
            ]
    columns = ["item_id", "rater", "letter", "output_id", "system"]
    return pd.DataFrame.from_records(records, columns=columns)


@contextmanager
def _opened(journal: "Journal | str | Path") -> Iterator[Journal]:
    if isinstance(journal, Journal):
        yield journal
        return
    with Journal.open(journal, create=False) as opened:
        yield opened


def _begun(journal: Journal, study: Study | None = None) -> State:
    state = (study or Study(journal)).state
    if state.task is None:
        raise BadValue(f"a journal must hold a study, but {journal.place} holds none; begin one.")
    return state


def _records(
    state: State, purposes: Collection[str], desks: dict[str, Desk], *, ruling: bool
) -> Iterator[dict[str, Any]]:
    for _, desk in sorted(desks.items()):
        for item_id in sorted(desk.answers):
            item = state.items.get(item_id)
            if item is None or item.purpose not in purposes or desk.skip(item_id):
                continue
            for asked, event in sorted(desk.answered(item_id)):
                yield _record(state, asked, event) | {"adjudicated": ruling}


def _record(state: State, asked: Asked, event: Event) -> dict[str, Any]:
    """Return an answer as a row of RATINGS, its letters turned into outputs and systems."""
    item, body = state.items[event.item_id], event.body
    systems = {each.output_id: each.system for each in item.outputs}
    shown = body["order"]
    if asked.target:
        shown = [shown[letters_of(len(shown)).index(asked.target)]]
    record = {
        "rating_id": event.op_id,
        "session": event.session or None,
        "item_id": item.item_id,
        "rater": event.rater,
        "question": asked.question,
        "value": body["value"],
        "row_id": item.row_id,
        "output_ids": shown,
        "systems": [systems[each] for each in shown],
        "system": systems[shown[0]] if asked.target else None,
        "run_id": item.run_id or None,
        "step": item.step,
        "started_at": body.get("shown_at") or None,
        "duration_s": body.get("visible_s"),
        "purpose": item.purpose,
    }
    return record if asked.target else record | _compared(item_outputs(item), asked, body)


def item_outputs(item: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Item, or what looks like it
    """Return the names of an item's outputs and systems in canonical order."""
    return [(each.output_id, each.system) for each in item.outputs]


def _compared(
    outputs: list[tuple[str, str]], asked: Asked, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what an answer that compares outputs says, whatever the order they were shown in."""
    shown, value = body["order"], body["value"]
    letters = dict(zip(letters_of(len(shown)), shown, strict=True))
    if "best" in value:
        return {"value": {end: letters[letter] for end, letter in value.items()}}
    if "choice" not in value:
        return {"value": [value[letter] for letter in letters]}
    names = [name for name, _ in outputs]
    choice = moved(asked, value, shown, names)["choice"]
    systems = [system for _, system in outputs]
    return {
        "value": choice.lower(),
        "strength": value.get("strength"),
        "system_a": systems[0],
        "system_b": systems[1],
        "side": dict(outputs)[shown[0]],
    }


def _subject(record: dict[str, Any]) -> tuple[object, ...]:
    about = tuple(record["output_ids"]) if record["system"] else ()
    return record["item_id"], record["question"], about


def progress_of(study: Study, rater: str) -> dict[str, Any]:
    """Return how far one rater is, as a row of what `progress` shows.

    Parameters
    ----------
    study : Study
        The study.
    rater : str
        The rater's name.
    """
    state, items = study.state, study.items_of(rater)
    desk = state.desks.get(rater, Desk())
    statuses = [desk.status.get(each, "open") for each in items]
    seconds = [
        max((event.body.get("visible_s", 0.0) for _, event in desk.answered(each)), default=0.0)
        for each, status in zip(items, statuses, strict=True)
        if status == "answered"
    ]
    known = [
        right
        for each, status in zip(items, statuses, strict=True)
        # whoever trains is being told, and whoever skips has not answered
        if state.items[each].purpose in {"gold", "check"} and status != "skipped"
        for right in verdicts(state, desk, each)
    ]
    return {
        "rater": rater,
        "n_items": len(items),
        "n_answered": statuses.count("answered"),
        "n_skipped": statuses.count("skipped"),
        "n_acts": len(desk.op_ids),
        "seconds_per_item": statistics.median(seconds) if seconds else None,
        "n_known": len(known),
        "n_right": sum(known),
        "last_at": desk.last_at or None,
    }
