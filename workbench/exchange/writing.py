"""`write`: tables, sheets and comparisons to files; the name's end tells the format."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import store
from workbench.comparison import Comparison
from workbench.display import Sheet
from workbench.errors import BadKind, BadValue, UnknownName, some, unknown_name
from workbench.exchange import latex, llm_comparator
from workbench.exchange.plain_tables import as_json_lines, as_parquet, as_separated
from workbench.exchange.workbooks import workbook
from workbench.metrics.scoring import Scores
from workbench.tables import each_row, plain_value

if TYPE_CHECKING:
    import pandas as pd

WHOLE = frozenset((".xlsx", ".tex", ".json"))
"""Formats that take more of a Comparison than one sheet."""

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".tex", ".json")


def write(
    thing: "pd.DataFrame | Sheet | Scores | Comparison",
    path: str | Path,
    *,
    systems: Sequence[str] | None = None,
) -> None:
    """Write a table, a sheet, scores or a comparison to a file, whole or not at all.

    Parameters
    ----------
    thing : DataFrame, Sheet, Scores or Comparison
        * a table (ROWS, OUTPUTS, SCORES): every cell comes back, by `read` and `outputs`;
        * a `Sheet`: its frame; as `.csv` for people, where no text is a formula;
        * `Scores`: its frame, SCORES;
        * a `Comparison`: its differences, as `.xlsx` beside the leaderboard, as `.tex` the
          leaderboard with marks of significance.
    path : str or Path
        `.csv`, `.tsv`, `.jsonl`, `.parquet` or `.xlsx` for everything; `.tex` for a Comparison;
        `.json` is LLM Comparator's, for Scores and a Comparison.
    systems : sequence of two str, optional
        For LLM Comparator: which is A and which is B. By default the only two; of a Comparison the
        first challenger against the baseline.

    Raises
    ------
    BadKind
        If the thing is none of these.
    BadValue
        If the format cannot hold a cell as it is, or two systems cannot be chosen.
    UnknownName
        If the name's end tells no format, or a system does not exist.

    Notes
    -----
    In an Excel workbook no text is a formula, and a text longer than 32,767 letters is cut. A LaTeX
    table needs the package booktabs.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> rows = wb.read([{"input": "Guten Tag", "references": ["Good day"]}])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(rows, f"{folder}/rows.parquet")
    ...     wb.read(f"{folder}/rows.parquet").equals(rows)
    True
    """
    store.write_bytes(path, content(thing, path, systems=systems))


def content(
    thing: "pd.DataFrame | Sheet | Scores | Comparison",
    path: str | Path,
    *,
    systems: Sequence[str] | None = None,
) -> bytes:
    """Return what `write` would write to a file; the parameters and errors are its own."""
    kind = kind_of(path)
    if kind == ".tex":
        if not isinstance(thing, Comparison):
            raise _wrong(thing, "a LaTeX table", "a Comparison (wb.compare)")
        return latex.table(thing).encode("utf-8")
    if kind == ".json":
        if not isinstance(thing, (Comparison, Scores)):
            raise _wrong(thing, "a file of LLM Comparator", "Scores or a Comparison")
        return _side_by_side(thing, systems)
    if systems is not None:
        raise BadValue(
            f"systems= is for LLM Comparator's .json, but a {kind} file was asked for; leave it out."
        )
    return _tabular(thing, kind)


def kind_of(path: str | Path) -> str:
    """Return the end of a file's name that tells its format.

    Raises
    ------
    UnknownName
        If it tells none.
    """
    kind = Path(path).suffix.lower()
    if kind not in SUFFIXES:
        raise UnknownName(
            f"a file to write must end in {', '.join(SUFFIXES)}, but {Path(path).name!r} came; rename "
            "it."
        )
    return kind


def _tabular(thing: object, kind: str) -> bytes:
    if kind == ".xlsx":
        return workbook(_sheets(thing))
    if kind == ".csv" and isinstance(thing, (Sheet, Comparison)):
        return (thing.sheet if isinstance(thing, Comparison) else thing).csv().encode("utf-8")
    frame = _frame(thing)
    if kind in {".csv", ".tsv"}:
        return as_separated(frame, "," if kind == ".csv" else "\t")
    return as_parquet(frame) if kind == ".parquet" else as_json_lines(frame)


def _frame(thing: object) -> "pd.DataFrame":
    import pandas as pd

    if isinstance(thing, pd.DataFrame):
        return thing
    if isinstance(thing, (Sheet, Scores, Comparison)):
        return thing.frame
    raise _wrong(thing, "a file", "a DataFrame, a Sheet, Scores or a Comparison")


def _wrong(thing: object, what: str, must: str) -> BadKind:
    return BadKind(
        f"{what} is made of {must}, but a {type(thing).__name__} came; pass one of these."
    )


def _sheets(thing: object) -> "dict[str, pd.DataFrame]":
    """Return the sheets of a workbook, with how they were made beside them."""
    import pandas as pd

    if isinstance(thing, Comparison):
        board, sheet = thing.leaderboard(), thing.sheet
        told = pd.DataFrame({"about": [board.caption, sheet.caption]})
        return {"leaderboard": board.frame, "differences": sheet.frame, "about": told}
    if isinstance(thing, Sheet):
        return {"sheet": thing.frame, "about": pd.DataFrame({"about": [thing.caption]})}
    return {"scores" if isinstance(thing, Scores) else "table": _frame(thing)}


# --- LLM Comparator -------------------------------------------------------------------------


def _side_by_side(thing: "Scores | Comparison", systems: Sequence[str] | None) -> bytes:
    scores = thing.scores if isinstance(thing, Comparison) else thing
    chosen, own = _two(thing, scores, systems), _own_fields(scores)
    told = {
        "metadata": {"source_path": scores.dataset, "custom_fields_schema": _schema(scores, own)},
        "models": [{"name": name} for name in chosen],
        "examples": _examples(scores, chosen, list(own)),
    }
    return json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False).encode("utf-8")


def _two(
    thing: "Scores | Comparison", scores: Scores, systems: Sequence[str] | None
) -> tuple[str, str]:
    names = list(scores.systems) if systems is None else list(systems)
    if systems is None and isinstance(thing, Comparison) and len(names) > 1:
        base = thing.settings.baseline
        names = [next(each for each in names if each != base), base]
    for name in names:
        if name not in scores.systems:
            raise unknown_name("system", name, scores.systems)
    if len(set(names)) != 2 or len(names) != 2:
        raise BadValue(
            f"LLM Comparator shows two systems side by side, but {len(names)} came ({names}); name "
            "them, such as systems=('a', 'b')."
        )
    repeats = scores.outputs[scores.outputs["system"].isin(names)]
    if repeats.duplicated(["row_id", "system"]).any():
        raise BadValue(
            "LLM Comparator holds one output per row and system, but some rows have repeats; keep "
            "one of them before scoring."
        )
    return names[0], names[1]


def _schema(scores: Scores, own: Mapping[str, str]) -> list[dict[str, str]]:
    figures = {metric.name: "per_model_number" for metric in scores.metrics}
    columns = dict.fromkeys(scores.slice_columns, "category")
    twice = {*own, *llm_comparator.OWN} & {*figures, *columns} | figures.keys() & columns.keys()
    if twice:
        raise BadValue(
            "a file of LLM Comparator has one field for a name, but a metric or a column of the "
            f"dataset has the name of another, or of a field of its own: {some(sorted(twice))}; "
            "rename it."
        )
    return [{"name": name, "type": kind} for name, kind in {**own, **figures, **columns}.items()]


def _own_fields(scores: Scores) -> dict[str, str]:
    """Return the names and types of the fields for what the format has no place for."""
    there, asked = scores.outputs.columns, scores.outputs["input"]
    told = {
        llm_comparator.ROW_ID: ("string", True),
        llm_comparator.REFERENCES: ("text", "references" in there),
        llm_comparator.FAILED: ("per_model_boolean", True),
        llm_comparator.CLUSTER: ("string", "cluster" in there),
        llm_comparator.INPUT: ("text", not all(isinstance(each, str) for each in asked)),
    }
    return {name: kind for name, (kind, needed) in told.items() if needed}


def _examples(scores: Scores, systems: tuple[str, str], own: Sequence[str]) -> list[dict[str, Any]]:
    """Return an example for each row that both systems have, in the dataset's order."""
    values = {
        (row["output_id"], row["metric"]): plain_value(row["value"])
        for row in each_row(scores.frame)
    }
    outputs: dict[str, dict[str, dict[str, Any]]] = {}
    for row in each_row(scores.outputs):
        outputs.setdefault(row["row_id"], {})[row["system"]] = row
    examples, first = [], scores.metrics[0]
    for row_id, answers in outputs.items():
        if not all(system in answers for system in systems):
            continue
        pair = [answers[system] for system in systems]
        figures = {
            metric.name: [values[each["output_id"], metric.name] for each in pair]
            for metric in scores.metrics
        }
        fields = {name: cell for name, cell in _own_cells(row_id, pair).items() if name in own}
        columns = {name: plain_value(pair[0][name]) for name in scores.slice_columns}
        score = _preference(figures[first.name], first.direction)
        examples.append(_example(pair, score, fields | figures | columns))
    return examples


def _own_cells(row_id: str, pair: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        llm_comparator.ROW_ID: row_id,
        llm_comparator.REFERENCES: _as_json(pair[0].get("references")),
        llm_comparator.FAILED: [plain_value(each["text"]) is None for each in pair],
        llm_comparator.CLUSTER: str(pair[0].get("cluster")),
        llm_comparator.INPUT: _as_json(pair[0]["input"]),
    }


def _example(
    pair: Sequence[Mapping[str, Any]], score: float | None, fields: Mapping[str, Any]
) -> dict[str, Any]:
    texts = [plain_value(each["text"]) or "" for each in pair]
    asked = plain_value(pair[0]["input"])
    return {
        "input_text": asked if isinstance(asked, str) else _as_json(asked),
        "tags": [],
        "output_text_a": texts[0],
        "output_text_b": texts[1],
        "score": score,
        "individual_rater_scores": [],
        "custom_fields": fields,
    }


def _as_json(cell: object) -> str:
    return json.dumps(plain_value(cell), ensure_ascii=False)


def _preference(values: Sequence[float | None], direction: str | None) -> float | None:
    """Return 1 where A is better under the first metric, −1 where B is, None where nothing tells."""
    a, b = values
    if a is None or b is None or direction is None:
        return None
    sign = float((a > b) - (a < b))
    return -sign if direction == "down" else sign
