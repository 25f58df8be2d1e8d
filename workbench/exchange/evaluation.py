"""What an evaluation by another tool comes to: rows, outputs, scores, and what was left out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench import formats
from workbench.display import Lines, counted, plain
from workbench.errors import BadValue
from workbench.metrics.base import Direction
from workbench.metrics.columns import Column
from workbench.tables import OUTPUTS, RATINGS, ROWS, SCORES, is_missing

if TYPE_CHECKING:
    import pandas as pd

_KNOWN = {column.name for table in (ROWS, OUTPUTS, SCORES) for column in table.columns}
_NUMBERS = (bool, int, float)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """An evaluation made by another tool, in our tables.

    Parameters
    ----------
    format : str
        The tool: "inspect", "lm-eval", "promptfoo", "helm" or "llm-comparator".
    source : str
        The file or folder.
    rows, outputs, scores : DataFrame
        ROWS, OUTPUTS and SCORES. The tool's figures are in SCORES, and each is a column of OUTPUTS
        too.
    ratings : DataFrame or None
        RATINGS, where the file holds preferences.
    metrics : tuple of Column
        A metric for each figure, to score and compare it here.
    notes : Lines
        What was left out or read in a way that is not plain to see.
    """

    format: str
    source: str
    rows: "pd.DataFrame"
    outputs: "pd.DataFrame"
    scores: "pd.DataFrame"
    ratings: "pd.DataFrame | None"
    metrics: tuple[Column, ...]
    notes: Lines

    def __repr__(self) -> str:
        rows, outputs = counted(len(self.rows), "row"), counted(len(self.outputs), "output")
        systems = counted(self.outputs["system"].nunique(), "system")
        found = [rows, f"{outputs} of {systems}", counted(len(self.scores), "score")]
        found += [] if self.ratings is None else [counted(len(self.ratings), "rating")]
        told = plain(f"{self.format}: {', '.join(found)} ({self.source})")
        return "\n".join([told, *([repr(self.notes)] if self.notes else [])])


@dataclass
class Found:
    """What a reader has found so far.

    Parameters
    ----------
    rows : dict of str to dict
        The rows by `row_id`; the first to come is kept.
    outputs : list of dict
        Records of OUTPUTS without `output_id`; a reader may leave `repeat` out.
    figures : list of dict
        For each output the tool's figures: by metric, value and signature.
    directions : dict of str to {"up", "down", None}
        Which end of a figure is better, where that is told.
    ratings : list of dict
        Records of RATINGS.
    notes : list of str
        Sentences.
    n_differ : int
        Rows that came again and were not the same.
    """

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, tuple[float, str]]] = field(default_factory=list)
    directions: dict[str, Direction] = field(default_factory=dict)
    ratings: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_differ: int = 0

    def add_row(self, row_id: str, record: Mapping[str, Any]) -> None:
        """Add a row, unless it is there."""
        kept = self.rows.setdefault(row_id, {"row_id": row_id, **record})
        self.n_differ += any(kept.get(name) != record[name] for name in record)

    def add(self, record: Mapping[str, Any], figures: Mapping[str, tuple[object, str]]) -> None:
        """Add an output with the figures that are numbers; true counts as 1."""
        self.outputs.append(dict(record))
        self.figures.append(
            {
                name: (float(value), signature)
                for name, (value, signature) in figures.items()
                if isinstance(value, _NUMBERS) and value == value and abs(value) != float("inf")
            }
        )

    def extend(self, other: "Found") -> None:
        """Add what another file holds."""
        for row_id, record in other.rows.items():
            self.add_row(row_id, {name: cell for name, cell in record.items() if name != "row_id"})
        self.outputs += other.outputs
        self.figures += other.figures
        self.directions |= other.directions
        self.ratings += other.ratings
        self.notes += [note for note in other.notes if note not in self.notes]
        self.n_differ += other.n_differ

    def finished(self, format: str, source: str) -> Evaluation:
        """Check the tables and put them together.

        Raises
        ------
        BadValue
            If there is no output, or a cell breaks a rule of its table.
        """
        import pandas as pd

        if not self.outputs:
            raise BadValue(
                f"an evaluation must hold an output or more, but {source} ({format}) holds none; it "
                "may be a run that did not end."
            )
        columns = self._columns()
        outputs = [
            record | {columns[name]: value for name, (value, _) in figures.items()}
            for record, figures in zip(_numbered(self.outputs), self.figures, strict=True)
        ]
        scores = [
            {name: record[name] for name in ("output_id", "row_id", "system", "repeat")}
            | {"metric": columns[name], "value": value, "signature": signature}
            for record, figures in zip(outputs, self.figures, strict=True)
            for name, (value, signature) in figures.items()
        ]
        order = [column.name for column in SCORES.columns]
        rows = ROWS.check(formats.from_records(list(self.rows.values()), source), source=source)
        rows.attrs = {"name": source.rsplit("/", 1)[-1], "source": source}
        return Evaluation(
            format=format,
            source=source,
            rows=rows,
            outputs=OUTPUTS.check(formats.from_records(outputs, source), source=source),
            scores=SCORES.check(pd.DataFrame(scores, columns=order), source=source),
            ratings=RATINGS.check(formats.from_records(self.ratings, source), source=source)
            if self.ratings
            else None,
            metrics=tuple(
                Column(column, direction=self.directions.get(name, "up"))
                for name, column in columns.items()
            ),
            notes=Lines(self._told()),
        )

    def _columns(self) -> dict[str, str]:
        """Name a column of OUTPUTS for each figure, apart from those that are there."""
        taken = _KNOWN | {name for each in self.outputs for name in each}
        taken |= {name for each in self.rows.values() for name in each}
        names = dict.fromkeys(name for figures in self.figures for name in figures)
        found = {}
        for name in names:
            column = name
            while column in taken:
                column += "_score"
            found[name] = column
            taken.add(column)
        return found

    def _told(self) -> list[str]:
        if not self.n_differ:
            return self.notes
        return [
            *self.notes,
            f"{counted(self.n_differ, 'row')} came again with another input or references (as other "
            "prompts make them); the first is kept.",
        ]


def _numbered(outputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fill in repeats where none is told, and names of outputs."""
    counts: Counter[tuple[str, str]] = Counter()
    numbered = []
    for record in outputs:
        key = (record["system"], record["row_id"])
        told = record.get("repeat")
        repeat = counts[key] if is_missing(told) else told
        counts[key] += 1
        name = f"{record['system']}:{record['row_id']}:{repeat}"
        numbered.append({"output_id": name, **record, "repeat": repeat})
    return numbered


def as_text(value: object) -> str:
    """Return a value as text: a text as it is, anything else as JSON.

    Examples
    --------
    >>> as_text("a"), as_text({"a": 1})
    ('a', '{"a": 1}')
    """
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def slices(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells that may be slices: texts, numbers, true and false under names not ours.

    Examples
    --------
    >>> slices({"topic": "a", "input": "x", "tags": ["b"]})
    {'topic': 'a'}
    """
    return {
        name: cell
        for name, cell in record.items()
        if name not in _KNOWN
        and isinstance(cell, (str, *_NUMBERS))
        and not name.startswith("reference")
    }


def broken(source: object, where: str, must: str) -> BadValue:
    """Build the error for a file that is not as its tool writes it."""
    return BadValue(
        f"{source} must be as its tool writes it, but {where} {must}; write it again with the tool."
    )
