"""From a journal to a table of annotations, and from there to files."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import store
from workbench.display import Sheet
from workbench.errors import unknown_name
from workbench.ratings.coding.deeds import Deeds, Pile, Standing
from workbench.ratings.journal import Journal
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    "annotation_id", "annotator", "run_id", "target", "step", "part", "start", "end", "quote",
    "label", "severity", "comment", "scheme", "created_at", "changed_at", "supersedes",
    "adjudicated",
]  # fmt: skip
_WHOLE = ("step", "part", "start", "end")
_SUFFIXES = (".csv", ".jsonl")


def codes(journal: Journal | str | Path, *, final: bool = False) -> "pd.DataFrame":
    """Read what people coded out of a journal.

    Parameters
    ----------
    journal : Journal, str or Path
        A journal, its file or its URL.
    final : bool
        Whether to return one verdict per run: what an adjudicator said of the runs that he marked as
        coded; of the others, what all who marked them agree on. What is in dispute is left out, and
        so are runs that nobody finished.

    Returns
    -------
    DataFrame
        One row per annotation that stands, and per label where it has several: `annotation_id`
        (the op_id of the act that made it), `annotator`, `run_id`, `target` (run, step, range,
        omission; the omission is after the step), `step`, `part`, `start` and `end` (code points of
        the text of that part of the step), `quote` (at most 2,000 characters of it), `label` (missing
        where only a comment was made), `severity`, `comment`, `scheme`, `created_at`, `changed_at`,
        `supersedes` (the op_id of the act before the last), `adjudicated`. A row with the target
        "done" says that its annotator marked the run as coded: what has no row there was not looked
        at.

    Raises
    ------
    StoreError
        If the journal cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal.open(f"{folder}/codes.sqlite") as journal:
    ...         len(codes(journal))
    0
    """
    import pandas as pd

    with contextlib.ExitStack() as closing:
        opened = (
            journal
            if isinstance(journal, Journal)
            else closing.enter_context(Journal.open(journal, create=False))
        )
        deeds = Deeds.of(opened.events(kinds=("code",)))
    if final:
        records = [each for run_id in _runs(deeds) for each in _final(deeds, run_id)]
    else:
        records = [
            each
            for name, ruling, pile in deeds.piles()
            for run_id in pile.runs
            for each in _records(name, ruling, pile, run_id)
        ]
    frame = pd.DataFrame.from_records(records, columns=COLUMNS)
    return frame.astype({name: "Int64" for name in _WHOLE} | {"adjudicated": "bool"})


def write_codes(codes: "pd.DataFrame", path: str | Path) -> None:
    """Write a table of annotations as a file, whole or not at all.

    Parameters
    ----------
    codes : DataFrame
        What `codes` returns.
    path : str or Path
        A .csv for a spreadsheet, in which no text is a formula, or a .jsonl, which loses nothing.

    Raises
    ------
    UnknownName
        If the suffix is another.
    """
    place = Path(path)
    if place.suffix.lower() not in _SUFFIXES:
        raise unknown_name(f"the suffix of {place.name!r}", place.suffix, _SUFFIXES)
    if place.suffix.lower() == ".csv":
        Sheet(codes, "", [], []).to_csv(place)
        return
    lines = (
        json.dumps(
            {name: None if is_missing(cell) else cell for name, cell in row.items()},
            ensure_ascii=False,
            default=int,
        )
        for row in each_row(codes)
    )
    store.write_text(place, "".join(f"{line}\n" for line in lines))


def _runs(deeds: Deeds) -> list[str]:
    return sorted({run_id for _, _, pile in deeds.piles() for run_id in pile.runs})


def _records(name: str, ruling: bool, pile: Pile, run_id: str) -> Iterator[dict[str, Any]]:
    head = {"annotator": name, "run_id": run_id, "adjudicated": ruling}
    for found in pile.standing(run_id):
        for label in found.last.body["labels"] or [None]:
            yield head | _record(found) | {"label": label}
    if (end := pile.end(run_id)) is not None:
        yield head | {
            "annotation_id": end.op_id,
            "target": "done",
            "created_at": end.at,
            "changed_at": end.at,
        }


def _record(found: Standing) -> dict[str, Any]:
    body, target = found.last.body, found.last.body["target"]
    return {
        "annotation_id": found.annotation,
        "target": target["kind"],
        **{name: target.get(name) for name in (*_WHOLE, "quote")},
        "severity": body["severity"] or None,
        "comment": body["comment"] or None,
        "scheme": body["scheme"],
        "created_at": found.first.at,
        "changed_at": found.last.at,
        "supersedes": found.before.op_id if found.before else None,
    }


def _final(deeds: Deeds, run_id: str) -> list[dict[str, Any]]:
    """Return the verdict on a run; nothing where nobody has finished it."""
    judged = [
        (end.at, name)
        for name, pile in deeds.judges.items()
        if (end := pile.end(run_id)) is not None
    ]
    if judged:
        name = max(judged)[1]
        return list(_records(name, True, deeds.judges[name], run_id))
    done = [name for name in sorted(deeds.coders) if deeds.coders[name].is_done(run_id)]
    told = [list(_records(name, False, deeds.coders[name], run_id)) for name in done]
    if not told:
        return []
    given = [{unit_of(each) for each in rows} for rows in told]
    return [each for each in told[0] if all(unit_of(each) in units for units in given)]


def unit_of(row: Mapping[str, Any]) -> tuple[str, int, str | None]:
    """Return what a row says of which place: a range counts for its step.

    Examples
    --------
    >>> unit_of({"target": "range", "step": 3, "label": "loop"})
    ('step', 3, 'loop')
    """
    target = "step" if row["target"] == "range" else str(row["target"])
    step: Any = row.get("step")  # Any: a cell
    label = row.get("label")
    return (
        target,
        -1 if is_missing(step) else int(step),
        None if is_missing(label) else str(label),
    )
