r"""RATINGS as a file of our own: JSON Lines, CSV for machines, CSV for spreadsheets, Parquet.

All but the spreadsheet's read back equal, cell by cell. In the machine's CSV an empty cell is
missing. In a column of names or texts a text stands as it is, unless it is empty or begins with a
quote: then it stands as JSON. In any other column a cell is JSON, except texts that no reader could
take for JSON, which stand as they are: `good`, but `"12"` for the text 12.

Parquet knows one kind per column: a column of mixed cells is stored as JSON, and named in the
file's metadata under `workbench.json`.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from workbench import formats, store
from workbench.display import Sheet
from workbench.errors import BadValue, some
from workbench.ratings.exchange import sources
from workbench.ratings.exchange.tally import Imported, Tally, as_ratings
from workbench.tables import RATINGS, each_row, is_missing, plain_value

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["jsonl", "csv", "spreadsheet", "parquet"]

_KINDS = {column.name: column.kind for column in RATINGS.columns}
_META = b"workbench.json"


def export(ratings: "pd.DataFrame", path: Path, kind: Kind) -> None:
    """Write RATINGS as one of our own files, whole or not at all."""
    if kind == "spreadsheet":
        Sheet(ratings, "", [], []).to_csv(path)
        return
    with store.replacing(path) as stream:
        {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[kind](ratings, stream)


def load(path: Path, tally: Tally) -> Imported:
    """Read one of our own files; a broken line is told, and the rest is read."""
    kind = formats.suffix(path)
    if kind == ".parquet":
        from_parquet = RATINGS.check(_from_parquet(path), source=tally.source)
        tally.counts.update(rows=len(from_parquet), read=len(from_parquet))
        tally.counts["ratings"] = len(from_parquet)
        return Imported(
            from_parquet, as_ratings([], tally.source, more=("reason",)), tally.report()
        )
    for at, record in _from_csv(path, tally) if kind == ".csv" else _from_jsonl(path, tally):
        tally.counts["rows"] += 1
        tally.counts["read"] += tally.add(record, line=at)
    return tally.imported()


def _json(cell: object, where: str) -> str:
    try:
        text = json.dumps(plain_value(cell), ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except ValueError as error:
        raise BadValue(
            f"RATINGS must hold finite numbers and whole characters, but {where} does not "
            f"({error}); correct that cell."
        ) from None
    return text


def _jsonl(ratings: "pd.DataFrame", stream: IO[bytes]) -> None:
    for at, row in enumerate(each_row(ratings), start=1):
        stream.write(f"{_json(row, f'row {at}')}\n".encode())


def _from_jsonl(path: Path, tally: Tally) -> Iterator[tuple[int | str, dict[str, Any]]]:
    for at, record in sources.records(path, tally):
        if isinstance(record, dict):
            yield at, record
        else:
            tally.counts["rows"] += 1
            tally.broken(at, "it is no JSON object")


def _csv(ratings: "pd.DataFrame", stream: IO[bytes]) -> None:
    names = [str(name) for name in ratings.columns]
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    # ends of lines as in RFC 4180, with which alone a lone CR in a cell is quoted
    writer = csv.writer(text)
    writer.writerow(names)
    for at, row in enumerate(each_row(ratings), start=1):
        writer.writerow([_cell(row[name], name, at) for name in names])
    text.flush()
    text.detach()


def _cell(cell: object, name: str, at: int) -> str:
    value, where = plain_value(cell), f"{name} in row {at}"
    if value is None:
        return ""
    if not isinstance(value, str):
        return _json(value, where)
    text = _json(value, where)
    if _KINDS.get(name) in {"key", "text"}:
        return text if not value or value.startswith('"') else value
    return value if value and _as_json(value) is _NOT_JSON else text


_NOT_JSON = object()


def _as_json(text: str) -> object:
    try:
        return sources.parse(text)
    except ValueError:
        return _NOT_JSON


def _from_csv(path: Path, tally: Tally) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = sources.cells(path, tally)
    _, header = next(rows, (0, []))
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        raise BadValue(f"{path} must name each column once, but {some(doubled)} came; rename one.")
    for at, row in rows:
        if len(row) != len(header):
            tally.counts["rows"] += 1
            tally.broken(at, f"it has {len(row)} cells under {len(header)} names")
            continue
        yield at, {name: _read(cell, name) for name, cell in zip(header, row, strict=True)}


def _read(cell: str, name: str) -> object:
    if not cell:
        return None
    if _KINDS.get(name) in {"key", "text"} and not cell.startswith('"'):
        return cell
    value = _as_json(cell)
    return cell if value is _NOT_JSON else value


def _parquet(ratings: "pd.DataFrame", stream: IO[bytes]) -> None:
    import pyarrow
    import pyarrow.parquet

    columns, mixed = {}, []
    for name in map(str, ratings.columns):
        kind = _KINDS.get(name)
        cells = [plain_value(cell) for cell in ratings[name].tolist()]
        if _one_kind(cells, kind):
            columns[name] = pyarrow.array(cells, type=_arrow_type(kind))
        else:
            mixed.append(name)
            texts = [None if c is None else _json(c, f"{name} in row {n}") for n, c in _rows(cells)]
            columns[name] = pyarrow.array(texts, type=pyarrow.string())
    table = pyarrow.table(columns).replace_schema_metadata({_META: json.dumps(mixed)})
    pyarrow.parquet.write_table(table, stream)


def _rows(cells: list[Any]) -> Iterator[tuple[int, Any]]:
    return enumerate(cells, start=1)


def _one_kind(cells: list[Any], kind: str | None) -> bool:
    """Tell whether Arrow keeps the cells of a column as they are."""
    if kind not in {None, "any"}:
        return True
    kinds = {type(cell) for cell in cells if cell is not None}
    return kinds <= {str} or kinds <= {bool} or kinds <= {float}


def _arrow_type(kind: str | None) -> Any:  # noqa: ANN401 - pyarrow is not typed
    import pyarrow

    makers: dict[str | None, Callable[[], Any]] = {
        "key": pyarrow.string,
        "text": pyarrow.string,
        "number": pyarrow.float64,
        "count": pyarrow.int64,
        "texts": lambda: pyarrow.list_(pyarrow.string()),
    }
    return makers[kind]() if kind in makers else None


def _from_parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow.parquet

    frame = formats.read_frame(path)
    content = io.BytesIO(formats.whole(path))
    metadata = pyarrow.parquet.read_schema(content).metadata or {}
    try:
        for name in json.loads(metadata.get(_META, b"[]")):
            cells = [None if is_missing(cell) else sources.parse(cell) for cell in frame[name]]
            frame[name] = pd.Series(cells, index=frame.index, dtype=object)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadValue(
            f"{path} must hold JSON in the columns that its metadata names, but it does not "
            f"({error}); write it again."
        ) from None
    return frame
