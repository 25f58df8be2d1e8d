"""Datasets: read them from anything into ROWS, put outputs beside them, tell versions apart."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from workbench import formats, store
from workbench.contents import Diff, diff, digest
from workbench.errors import (
    BadKind,
    BadValue,
    UnknownName,
    Unreadable,
    is_number,
    some,
    unknown_name,
)
from workbench.tables import OUTPUTS, ROWS, is_missing

if TYPE_CHECKING:
    import pandas as pd

    Source: TypeAlias = str | Path | pd.DataFrame | Iterable[Mapping[str, Any]]
    Answers: TypeAlias = str | Sequence[str | None] | None
    Texts: TypeAlias = str | Path | Sequence[Answers] | Mapping[str, Answers]

__all__ = ["Diff", "diff", "digest", "folder", "outputs", "read"]


def read(
    source: "Source | None" = None,
    *,
    references: "Sequence[str | Path | Sequence[str]] | None" = None,
    columns: Mapping[str, str] | None = None,
    systems: Sequence[str] = (),
) -> "pd.DataFrame":
    r"""Read a dataset into ROWS, from a file, a folder, a shipped set or objects in memory.

    Parameters
    ----------
    source : str, Path, DataFrame, iterable of dict, or Hugging Face Dataset, optional
        * a bare name ("news-summaries"): the set in `datasets/NAME/`, looked for from the working
          folder upwards;
        * a `.jsonl`, `.json`, `.csv`, `.tsv`, `.parquet` or `.txt` file, also with `.gz` (a `.tsv`
          file whose quotes enclose no cell is taken for one written without quoting);
        * a folder that holds `rows.*` beside its card, or a saved Hugging Face dataset;
        * an evaluation by Inspect, lm-evaluation-harness, promptfoo, HELM or LLM Comparator, found
          by content (`workbench.exchange.read` gives its outputs and scores too);
        * rows in memory, or a list of texts.

        Left out when there are only references.
    references : sequence of path or of list of str, optional
        Parallel texts, one stream per reference, each with one line per row.
    columns : mapping of str to str, optional
        Your column names to ours, such as ``{"article": "input", "highlights": "references"}``.
    systems : sequence of str, optional
        The columns that hold the texts of a system each, which `outputs` then takes; a CSV file
        does not say whether 12 is a text or a number.

    Returns
    -------
    DataFrame
        ROWS. A missing `row_id` becomes "1", "2", …; beside references `input` may be left out; columns called `reference`, `reference_1`,
        `reference_2`, … become the list `references`; every column without a meaning of its own
        is a slice. `attrs` holds the set's `name` and `source`.

    Raises
    ------
    BadValue
        If the content breaks a rule of ROWS, there are no rows, or streams are of unequal length.
    UnknownName
        If no shipped set, or no column, has that name, or the suffix tells no format.
    Unreadable
        If the file cannot be opened.

    Examples
    --------
    >>> import workbench as wb
    >>> wb.read([{"input": "Guten Tag", "references": ["Good day", "Hello"]}])
      row_id      input         references
    0      1  Guten Tag  [Good day, Hello]
    """
    frame, name = _frame(source, is_text=_texts_under(columns, systems))
    frame = _renamed(frame, columns, name)
    if references is not None:
        frame = _with_streams(frame if source is not None else None, references, name)
    frame = _gathered(frame)
    if "references" in frame and "input" not in frame:
        frame = frame.assign(input=None)
    if not len(frame):
        raise BadValue(f"a dataset must have at least one row, but {name} has none; check it.")
    if "row_id" not in frame:
        frame.insert(0, "row_id", [str(at + 1) for at in range(len(frame))])
    rows = ROWS.check(frame, source=name)
    if "references" in rows:
        _refuse_lists_in_text(frame["references"], rows["row_id"], name)
    _require(rows, systems)
    rows.attrs = {"name": _short(name), "source": name}
    return rows


def outputs(
    rows: "pd.DataFrame",
    source: "Source | Mapping[str, Texts] | Sequence[str]",
    *,
    columns: Mapping[str, str] | None = None,
) -> "pd.DataFrame":
    """Put what systems wrote beside the rows they answer, as OUTPUTS.

    Parameters
    ----------
    rows : DataFrame
        ROWS.
    source : mapping, DataFrame, str or Path
        * a mapping from system to its texts: one per row in the order of `rows` (None where it
          failed, a list of texts for repeats), a mapping from `row_id` to text, or the path of a
          text file with one line per row;
        * a list of the columns of `rows` that hold the texts of a system each, such as
          ``["gpt", "mistral"]``; an empty cell of a CSV file is a failure, as None is (where its
          texts may look like numbers, name the columns to `read` too);
        * a table with the columns `row_id`, `system` and `text`, or a file of it;
        * an evaluation by another tool, as `read` takes it;
        * the bare name of a shipped set: the outputs recorded in its folder.
    columns : mapping of str to str, optional
        Your column names to ours, for a table.

    Returns
    -------
    DataFrame
        OUTPUTS, with `output_id` and `repeat` filled in where they are missing.

    Raises
    ------
    BadValue
        If a system has not one text per row, or the table breaks a rule of OUTPUTS.
    UnknownName
        If an output answers a row that `rows` does not have.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "Guten Tag"}, {"input": "Danke"}])
    >>> wb.outputs(rows, {"a": ["Good day", "Thanks"]})[["output_id", "system", "text"]]
      output_id system      text
    0     a:1:0      a  Good day
    1     a:2:0      a    Thanks
    """
    if isinstance(source, (list, tuple)) and source and all(isinstance(s, str) for s in source):
        _require(rows, source)
        source = {name: _column(rows, name) for name in source}
    if isinstance(source, Mapping):
        frame, name = _answered(rows, source), "the texts given"
    else:
        frame, name = _frame(cast("Source", source), "outputs", _texts_under(columns))
        frame = _renamed(frame, columns, name)
    if not len(frame):
        raise BadValue(f"OUTPUTS must have at least one output, but {name} has none; check it.")
    return _identified(frame, rows, name)


def folder(name: str) -> Path:
    """Return the folder of a shipped set, looked for from the working folder upwards.

    Raises
    ------
    UnknownName
        If no set has that name.
    """
    homes = store.homes("datasets")
    for home in homes:
        if (home / name).is_dir():
            return home / name
    known = {card.parent.name for home in homes for card in home.glob("*/README.md")}
    raise unknown_name("the name of a shipped dataset", name, sorted(known))


def _texts_under(
    columns: Mapping[str, str] | None, systems: Sequence[str] = ()
) -> Callable[[str], bool]:
    """Return what tells by its name in a file whether a column holds texts under its later one."""

    def is_text(name: str) -> bool:
        ours = (columns or {}).get(name, name)
        return ours in systems or formats.stays_text(ours)

    return is_text


def _frame(
    source: object, stem: str = "rows", is_text: Callable[[str], bool] = formats.stays_text
) -> "tuple[pd.DataFrame, str]":
    """Turn any source into a frame as it stands, and a name for it."""
    import pandas as pd

    if source is None:
        return pd.DataFrame(), "the references given"
    if isinstance(source, pd.DataFrame):
        named = source.index.name is not None and source.index.name not in source
        return source.reset_index(drop=not named), "the frame given"
    if isinstance(source, (str, Path)):
        with formats.readable(Path(source)):
            return _from_path(source, stem, is_text)
    if hasattr(source, "to_pandas") and hasattr(source, "features"):
        return cast("pd.DataFrame", source.to_pandas()), "the Hugging Face dataset given"
    if isinstance(source, Mapping) and source and hasattr(source, "column_names"):
        raise BadValue(
            f"a dataset must be one split, but a mapping of {some(source)} came; choose one, "
            f"such as source[{next(iter(source))!r}]."
        )
    if isinstance(source, Iterable) and not isinstance(source, (bytes, Mapping)):
        return _from_list(list(source)), "the list given"
    raise BadKind(
        "a dataset must be a path, a name, a DataFrame, a list of dicts or a Hugging Face Dataset, "
        f"but a {type(source).__name__} came; turn it into one of these."
    )


def _from_list(items: list[Any]) -> "pd.DataFrame":
    if all(isinstance(item, Mapping) for item in items):
        return formats.from_records([dict(item) for item in items], "the list given")
    if all(isinstance(item, str) for item in items):
        return formats.from_records([{"input": item} for item in items], "the list given")
    kinds = sorted({type(item).__name__ for item in items})
    raise BadKind(f"rows must all be dicts, or all be texts, but {some(kinds)} came; make them so.")


def _from_path(
    source: str | Path, stem: str, is_text: Callable[[str], bool]
) -> "tuple[pd.DataFrame, str]":
    import pandas as pd

    path = Path(source)
    # "set" and "set-1.2" are names, "set.xlsx" is a file
    bare = path.name == source and (not path.suffix or path.suffix[1:].isdigit())
    if bare and not path.exists():
        path = folder(path.name)
    if (path / "dataset_dict.json").exists() or (path / "state.json").exists():
        return _saved(path), str(path)
    if (found := _of_another_tool(path, stem)) is not None:
        return found, str(source)
    if path.is_dir():
        path, source = _inside(path, stem), path
    if formats.suffix(path) in formats.TEXT_SUFFIXES:
        return pd.DataFrame({"input": formats.read_lines(path)}), str(source)
    return formats.read_frame(path, is_text), str(source)


def _of_another_tool(path: Path, stem: str) -> "pd.DataFrame | None":
    """Return a table of an evaluation that another tool made, if that is what stands at the path."""
    if path.is_dir() and any(each.name.split(".")[0] == stem for each in path.iterdir()):
        return None
    if path.is_file() and formats.suffix(path) not in {".json", ".jsonl", ".ndjson", ".eval"}:
        return None
    # The one import upwards: evaluations are read by readers that stand on this module.
    from workbench.exchange.recognising import evaluation_of

    found = evaluation_of(path)
    return None if found is None else cast("pd.DataFrame", getattr(found, stem))


def _inside(place: Path, stem: str) -> Path:
    """Find the table called `stem` in a folder, whatever its format."""
    found = sorted(
        path
        for path in place.iterdir()
        if path.name.split(".")[0] == stem and formats.suffix(path) in formats.TABLE_SUFFIXES
    )
    if len(found) != 1:
        raise Unreadable(
            f"a dataset folder must hold one table called {stem} ({stem}.jsonl, {stem}.csv, …), but "
            f"{place} holds {some([p.name for p in found or sorted(place.iterdir())]) or 'nothing'}"
            "; name the file itself."
        )
    return found[0]


def _saved(path: Path) -> "pd.DataFrame":
    import datasets

    loaded = datasets.load_from_disk(str(path))
    return _frame(loaded)[0]


_REFERENCE = re.compile(r"reference(_[0-9]+)?")
_OF_ROWS = frozenset(column.name for column in ROWS.columns)


def _gathered(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Gather `reference`, `reference_1`, … into `references`, and drop their gaps."""
    import pandas as pd

    named = [bool(_REFERENCE.fullmatch(str(name))) for name in frame.columns]
    names = frame.columns[named].tolist()
    if not names:
        return frame
    if "references" in frame:
        raise BadValue(
            f"a dataset must give its references once, but the columns 'references' and "
            f"{some(names)} came; drop one of them."
        )
    gathered = [
        [cell for cell in cells if not is_missing(cell)]
        for cells in frame.loc[:, named].itertuples(index=False, name=None)
    ]
    references = pd.Series(gathered, index=frame.index, dtype=object)
    return frame.drop(columns=names).assign(references=references)


def _with_streams(
    frame: "pd.DataFrame | None",
    references: "Sequence[str | Path | Sequence[str]]",
    name: str,
) -> "pd.DataFrame":
    """Put parallel reference texts beside the rows."""
    import pandas as pd

    if isinstance(references, (str, Path)) or not references:
        raise BadKind(
            "references must be a list of streams, one per reference, but "
            f"{references!r} came; write references=[…]."
        )
    streams = [
        formats.read_lines(Path(each)) if isinstance(each, (str, Path)) else list(each)
        for each in references
    ]
    names = [
        str(e) if isinstance(e, (str, Path)) else f"#{i + 1}" for i, e in enumerate(references)
    ]
    if frame is None and not streams[0]:
        raise BadValue(
            f"a reference stream must have at least one line, but {names[0]} has none; check it."
        )
    n_rows = len(streams[0] if frame is None else frame)
    for stream, label in zip(streams, names, strict=True):
        if len(stream) != n_rows:
            raise BadValue(
                f"each reference stream must have one line per row, {n_rows} of them, but stream "
                f"{label} has {len(stream)}; give whole streams (not one list per row), of equal "
                "length."
            )
    frame = pd.DataFrame({"input": [None] * n_rows}) if frame is None else frame
    if "references" in frame:
        raise BadValue(f"a dataset must give its references once, but {name} has them already.")
    texts = [list(each) for each in zip(*streams, strict=True)]
    return frame.assign(references=pd.Series(texts, index=frame.index, dtype=object))


def _short(name: str) -> str:
    """Shorten a path to what people call the dataset."""
    last = name.rsplit("/", 1)[-1].removesuffix(".gz")
    known = (*formats.TABLE_SUFFIXES, *formats.TEXT_SUFFIXES)
    return last[: -len(Path(last).suffix)] if formats.suffix(Path(last)) in known else last


def _refuse_lists_in_text(
    references: "pd.Series[Any]", row_ids: "pd.Series[Any]", name: str
) -> None:
    """Refuse references that a CSV turned from a list into the text of a list."""
    if str not in set(map(type, references)):
        return
    for row_id, text in zip(row_ids, references, strict=True):
        if isinstance(text, str) and text[:2] in {"['", '["'} and text[-1] == "]":
            raise BadValue(
                f"references must be text or a list of text, but row {row_id!r} of {name} has a "
                f"list written as text ({text[:30]!r}); use columns reference_1, reference_2, …, "
                "or JSON Lines."
            )


def _require(rows: "pd.DataFrame", systems: Sequence[str]) -> None:
    if strange := [name for name in systems if name not in rows]:
        # what was asked and what is right are columns too, but no system wrote them
        free = [each for each in rows.columns if each not in _OF_ROWS]
        raise unknown_name("a column of texts (--systems in a shell)", strange[0], free)


def _column(rows: "pd.DataFrame", name: str) -> list[Any]:
    cells: list[Any] = rows[name].tolist()
    if numbers := [cell for cell in cells if is_number(cell)]:
        raise BadValue(
            f"the column of a system must hold texts, but {name!r} holds the number {numbers[0]}; "
            f"name it when a CSV file is read (wb.read(…, systems=[{name!r}])), or make texts of "
            "its numbers."
        )
    return cells


def _renamed(
    frame: "pd.DataFrame", columns: Mapping[str, str] | None, source: str
) -> "pd.DataFrame":
    for name, ours in (columns or {}).items():
        if name not in frame and ours in frame and _is_ours(name):
            raise UnknownName(
                f"columns must name yours first and ours second, but {name!r} to {ours!r} came, "
                f"and it is {ours!r} that {source} has; turn it round: {{{ours!r}: {name!r}}}, or "
                f"--columns {ours}={name} in a shell."
            )
        if name not in frame:
            raise unknown_name("a name in columns (--columns in a shell)", name, frame.columns)
    return frame.rename(columns=dict(columns or {}))


def _is_ours(name: str) -> bool:
    known = (column.name for table in (ROWS, OUTPUTS) for column in table.columns)
    return name in known or _REFERENCE.fullmatch(str(name)) is not None


def _answered(rows: "pd.DataFrame", source: "Mapping[str, Texts]") -> "pd.DataFrame":
    """Put the answers of all systems one under the other."""
    import pandas as pd

    columns: tuple[list[Any], ...] = ([], [], [], [])
    row_ids, systems, repeats, found = columns
    known = rows["row_id"].tolist()
    for system, texts in source.items():
        ids, answers = _answers(known, system, texts)
        if set(map(type, answers)) <= {str, type(None)}:  # one answer each, many at once
            numbers, singles = [0] * len(ids), answers
        else:
            each = [list(_repeats(answer)) for answer in answers]
            ids = [row_id for row_id, texts in zip(ids, each, strict=True) for _ in texts]
            numbers = [number for texts in each for number in range(len(texts))]
            singles = list(chain.from_iterable(each))
        row_ids += ids
        systems += [system] * len(ids)
        repeats += numbers
        found += singles
    formats.refuse_halves(
        lambda: zip(*columns, strict=True),
        "the texts given",
        chain(set(row_ids), set(systems), found),
    )
    names = ("row_id", "system", "repeat", "text")
    cells = (pd.Series(each, dtype=object) for each in columns)
    return pd.DataFrame(dict(zip(names, cells, strict=True)))


def _answers(row_ids: list[str], system: str, texts: "Texts") -> "tuple[list[str], list[Any]]":
    """Return the rows that one system answers, and the answer or answers of each."""
    if isinstance(texts, Mapping):
        return list(texts), list(texts.values())
    listed = _listed(texts, system)
    if len(listed) != len(row_ids):
        raise BadValue(
            f"system {system!r} must have {len(row_ids)} texts, one per row, but {len(listed)} "
            "came; put None where it failed."
        )
    return row_ids, listed


def _listed(texts: object, system: str) -> list[Any]:
    if isinstance(texts, (str, Path)):
        return list(formats.read_lines(Path(texts)))
    if isinstance(texts, (bytes, Set)) or not isinstance(texts, Iterable):
        raise BadKind(
            f"the texts of system {system!r} must be a list in the order of the rows, a mapping "
            f"from row_id or a path, but a {type(texts).__name__} came; turn it into one of these."
        )
    return list(texts)


def _repeats(answers: "Answers") -> Sequence[str | None]:
    if isinstance(answers, (str, bytes, Mapping)) or not isinstance(answers, Iterable):
        return (answers,)
    return answers


def output_ids(frame: "pd.DataFrame") -> list[str]:
    """Return a name for each output, of its system, row and repeat.

    Colons may make one name of two outputs, such as "x:1" by "m" and "1" by "m:x"; these get JSON.
    """
    names = [[*map(str, frame[name].tolist())] for name in ("system", "row_id", "repeat")]
    ids = [":".join(parts) for parts in zip(*names, strict=True)]
    if len(set(ids)) == len(ids):
        return ids
    bearers = Counter(map(":".join, set(zip(*names, strict=True))))
    return [
        json.dumps(each, ensure_ascii=False) if bearers[name] > 1 else name
        for name, each in zip(ids, zip(*names, strict=True), strict=True)
    ]


def _identified(frame: "pd.DataFrame", rows: "pd.DataFrame", name: str) -> "pd.DataFrame":
    """Fill in `repeat` and `output_id`, check OUTPUTS, and that each row is known."""
    known = {"row_id", "system"} <= set(frame.columns)
    if known and "repeat" not in frame:
        frame = frame.assign(repeat=0)
    if "output_id" not in frame and known:
        frame = frame.assign(output_id=output_ids(frame))
        frame.insert(0, "output_id", frame.pop("output_id"))
    table = OUTPUTS.check(frame, source=name)
    rows_known = set(rows["row_id"].tolist())  # pandas takes ten times as long to look
    if strange := [each for each in table["row_id"].tolist() if each not in rows_known]:
        raise unknown_name(f"row_id in OUTPUTS ({name})", strange[0], rows["row_id"])
    return table
