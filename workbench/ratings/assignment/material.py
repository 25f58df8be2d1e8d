"""What items are made of: the rows, and of each system the output that stands for it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.errors import unknown_name
from workbench.ratings.assignment.content import Item, Purpose, Shown, writable
from workbench.ratings.assignment.pictures import images_of
from workbench.ratings.assignment.sides import drawn, identifier
from workbench.tables import OUTPUTS, ROWS, each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings.tasks import Task

# The columns of a row that are its content; any other is a slice.
_CONTENT = {*(each.name for each in ROWS.columns if each.name != "cluster"), "image", "images"}
# Longer cells describe one row, not a slice.
_LONGEST_SLICE = 200


class Content(NamedTuple):
    """What a row gives to each of its items."""

    source: str
    reference: str
    images: tuple[str, ...]
    where: dict[str, str]


@dataclass
class Material:
    """The rows and the outputs that items are made of.

    Parameters
    ----------
    rows : mapping of str to mapping
        By `row_id`, the row's cells.
    outputs : mapping of str to mapping of str to Shown
        By row and system, in the order of their names, the output that stands for the system.
    every : mapping of str to (row_id, Shown)
        By `output_id`, each output that has a text, drawn or not.
    run_ids : mapping of str to str
        By `output_id`, the trajectory behind it.
    left_out : mapping of str to int
        By reason, how many outputs have no place.
    task : Task
        What is asked.
    seed : int
        Of the names of items.
    folder : Path
        Where relative paths of images begin.
    """

    rows: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Shown]]
    every: Mapping[str, tuple[str, Shown]]
    run_ids: Mapping[str, str]
    left_out: Mapping[str, int]
    task: "Task"
    seed: int
    folder: Path
    _contents: dict[str, Content] = field(default_factory=dict)

    def rows_of(self, system: str) -> list[str]:
        """Return the rows that a system answered, in the order of their names."""
        return self._rows_by_system[system]

    @cached_property
    def _rows_by_system(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row_id, shown in self.outputs.items():
            for system in shown:
                found.setdefault(system, []).append(row_id)
        return found

    def item(
        self,
        row_id: str,
        outputs: Sequence[Shown],
        purpose: Purpose = "rate",
        **more: Any,  # noqa: ANN401 - further fields of an item
    ) -> Item:
        """Make an item of some outputs of a row.

        Parameters
        ----------
        row_id : str
            The row.
        outputs : sequence of Shown
            The outputs; they are put in the order of their systems.
        purpose : {"rate", "training", "gold", "check"}
            Why it is shown.
        **more
            Further fields of the item.
        """
        shown = tuple(sorted(outputs, key=lambda output: (output.system, output.output_id)))
        names = [output.output_id for output in shown]
        runs = {run for name in names if (run := self.run_ids.get(name))}
        content = self.content(row_id)
        return Item(
            item_id=identifier("i", self.seed, row_id, *names),
            row_id=row_id,
            outputs=shown,
            purpose=purpose,
            # several trajectories have no one name
            run_id=runs.pop() if len(runs) == 1 else "",
            **{**content._asdict(), **more},
        )

    def content(self, row_id: str) -> Content:
        """Return what the row gives to its items."""
        if row_id not in self._contents:
            record, task = self.rows[row_id], self.task
            references = record.get("references") if task.reference else None
            self._contents[row_id] = Content(
                source=readable(record["input"]) if task.source else "",
                reference=writable(references[0]) if references else "",
                images=images_of(record, self.folder),
                where=_slices(record),
            )
        return self._contents[row_id]


def gathered(outputs: "pd.DataFrame", rows: "pd.DataFrame", task: "Task", seed: int) -> Material:
    """Gather what items are made of; failed outputs are left out and counted.

    Parameters
    ----------
    outputs, rows : DataFrame
        OUTPUTS and ROWS.
    task : Task
        What is asked.
    seed : int
        Of the draw among several answers of a system to a row.

    Raises
    ------
    UnknownName
        If an output answers a row that `rows` does not have.
    """
    known = ROWS.check(rows, source="the rows given")
    table = OUTPUTS.check(outputs, source="the outputs given").sort_values("output_id")
    records = {str(record["row_id"]): record for record in each_row(known)}
    answers: dict[tuple[str, str], list[Shown]] = {}
    left_out: Counter[str] = Counter()
    columns = [table[name].tolist() for name in ("row_id", "system", "output_id", "text")]
    errors = table["error"].tolist() if "error" in table else [None] * len(table)
    for row_id, system, output_id, text, error in zip(*columns, errors, strict=True):
        if row_id not in records:
            raise unknown_name("row_id in OUTPUTS (the outputs given)", row_id, records)
        if is_missing(text):
            left_out["no text"] += 1
        elif not is_missing(error) and error:
            left_out["an error"] += 1
        else:
            answers.setdefault((row_id, system), []).append(Shown(output_id, system, text))
    chosen: dict[str, dict[str, Shown]] = {}
    for (row_id, system), repeats in sorted(answers.items()):
        chosen.setdefault(row_id, {})[system] = _one_of(repeats, seed, row_id, system)
    runs = table["run_id"].tolist() if "run_id" in table else []
    return Material(
        rows=records,
        outputs=chosen,
        every={
            each.output_id: (row_id, each)
            for (row_id, _), repeats in answers.items()
            for each in repeats
        },
        run_ids={
            name: run for name, run in zip(columns[2], runs, strict=False) if not is_missing(run)
        },
        left_out=dict(sorted(left_out.items())),
        task=task,
        seed=seed,
        folder=_folder(rows),
    )


def readable(content: object) -> str:
    r"""Return the input of a row as text: chat messages as a conversation.

    Parameters
    ----------
    content : object
        A text, or a list of messages with `role` and `content`.

    Examples
    --------
    >>> print(readable([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]))
    system:
    Be brief.
    <BLANKLINE>
    user:
    Hi
    """
    if hasattr(content, "tolist"):
        content = content.tolist()
    if is_missing(content):
        return ""
    if isinstance(content, str):
        return writable(content)
    if isinstance(content, (list, tuple)):
        return "\n\n".join(_message(each) for each in content)
    return _as_json(content)


def _message(message: object) -> str:
    if not isinstance(message, Mapping) or "content" not in message:
        return readable(message)
    parts = message["content"]
    if hasattr(parts, "tolist"):
        parts = parts.tolist()
    text = "\n".join(map(_part, parts)) if isinstance(parts, (list, tuple)) else readable(parts)
    if calls := message.get("tool_calls"):
        text = "\n".join(filter(None, [text, _as_json(calls)]))
    return f"{writable(str(message.get('role', 'message')))}:\n{text}"


def _part(part: object) -> str:
    """Write one part of a message; what is not text is named."""
    if isinstance(part, Mapping):
        if isinstance(part.get("text"), str):
            return writable(part["text"])
        return f"[{writable(str(part.get('type', 'part')))}]"
    return readable(part)


def _as_json(content: object) -> str:
    return writable(json.dumps(content, ensure_ascii=False, indent=1, default=str))


def _one_of(repeats: list[Shown], seed: int, row_id: str, system: str) -> Shown:
    """Draw one of several answers, and say from how many it was drawn."""
    if len(repeats) == 1:
        return repeats[0]
    found = repeats[drawn(seed, len(repeats), "repeat", row_id, system)]
    return Shown(found.output_id, found.system, found.text, len(repeats))


def slice_cell(cell: object) -> str:
    """Return a cell as the name of a slice; a missing one is "–".

    Examples
    --------
    >>> slice_cell(3.0), slice_cell("news"), slice_cell(None)
    ('3', 'news', '–')
    """
    if is_missing(cell):
        return "–"
    # a column with gaps makes floats of whole numbers
    whole = isinstance(cell, float) and cell.is_integer()
    return writable(str(int(cell) if whole else cell))  # type: ignore[call-overload]


def _slices(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells that say what kind of row it is."""
    return {
        str(name): slice_cell(cell)
        for name, cell in sorted(record.items(), key=lambda pair: str(pair[0]))
        if name not in _CONTENT
        and isinstance(cell, (str, int, float))
        and not is_missing(cell)
        and len(str(cell)) <= _LONGEST_SLICE
    }


def _folder(rows: "pd.DataFrame") -> Path:
    """Return where relative paths begin: beside the file that the rows were read from."""
    source = Path(str(rows.attrs.get("source", "")))
    if source.is_dir():
        return source
    return source.parent if source.is_file() else Path()
