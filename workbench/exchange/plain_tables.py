"""Tables as CSV, TSV, Parquet and JSON Lines that `read` and `outputs` give back cell by cell.

CSV knows neither an empty text nor a text that looks like a number, a list or true: a table that holds
one is refused, with the cell and a format that keeps it. (`Sheet.to_csv` is the CSV for people.)
"""

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from workbench import formats
from workbench.errors import BadValue
from workbench.tables import each_row, plain_value

if TYPE_CHECKING:
    import pandas as pd

_REFERENCE = re.compile(r"reference(_[0-9]+)?")


def as_json_lines(table: "pd.DataFrame") -> bytes:
    """Write a table as JSON Lines."""
    lines = [_json(plain_value(row), f"row {at}") for at, row in enumerate(each_row(table), 1)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _json(value: object, where: str) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except ValueError as error:
        raise BadValue(
            f"a table must hold finite numbers and whole characters, but {where} does not ({error}); "
            "correct that cell."
        ) from None
    return text


def as_separated(table: "pd.DataFrame", separator: str) -> bytes:
    """Write a table as CSV or TSV, or refuse what would not come back."""
    columns: dict[str, list[str]] = {}
    for name in map(str, table.columns):
        cells = [plain_value(cell) for cell in table[name].tolist()]
        if name == "references":
            columns |= _references(cells)
        elif _REFERENCE.fullmatch(name):
            _refuse(name, 1, "would be read as a reference")
        else:
            columns[name] = _column(cells, name)
    stream = io.StringIO(newline="")
    # ends of lines as in RFC 4180, with which alone a lone CR in a cell is quoted
    writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    try:
        return stream.getvalue().encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadValue(
            f"a table must hold whole characters, but it has {error.object[error.start]!r}; write "
            "U+FFFD in its place."
        ) from None


def _refuse(name: str, row: int, why: str) -> NoReturn:
    raise BadValue(
        f"a CSV file must give each cell back as it was, but {name!r} in row {row} {why}; write "
        ".jsonl or .parquet, or use Sheet.to_csv for people."
    )


def _references(lists: Sequence[Any]) -> dict[str, list[str]]:
    """Spread lists of references over columns."""
    texts = [[each] if isinstance(each, str) else each or [] for each in lists]
    for at, each in enumerate(texts, start=1):
        if not all(isinstance(text, str) and text for text in each):
            _refuse("references", at, "holds an empty text")
    most = max(map(len, texts), default=0)
    names = [f"reference_{n}" for n in range(1, most + 1)] or ["reference"]
    return {
        name: [each[at] if at < len(each) else "" for each in texts]
        for at, name in enumerate(names)
    }


def _column(cells: Sequence[Any], name: str) -> list[str]:
    """Write the cells of a column so that `formats` reads the same from them."""
    filled = [cell for cell in cells if cell is not None]
    numeric = all(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in filled)
    for at, cell in enumerate(cells, start=1):
        if cell is None:
            continue
        if cell == "":
            _refuse(name, at, "is an empty text, which reads as nothing")
        if isinstance(cell, (list, dict, bool)) or not (numeric or isinstance(cell, str)):
            _refuse(name, at, f"is {type(cell).__name__} ({str(cell)[:40]!r})")
        if numeric and (not math.isfinite(cell) or formats.stays_text(name)):
            _refuse(name, at, f"is the number {cell!r}")
    if filled and not numeric and not formats.stays_text(name) and formats.look_numeric(filled):
        _refuse(
            name, cells.index(filled[0]) + 1, f"is the text {filled[0]!r}, which reads as a number"
        )
    return ["" if cell is None else cell if isinstance(cell, str) else repr(cell) for cell in cells]


def as_parquet(table: "pd.DataFrame") -> bytes:
    """Write a table as Parquet; a column of mixed cells as JSON, named in the file's metadata."""
    import pyarrow
    import pyarrow.parquet

    columns, mixed = {}, []
    for name in map(str, table.columns):
        cells = [plain_value(cell) for cell in table[name].tolist()]
        if name == "references":
            columns[name] = pyarrow.array(cells, type=pyarrow.list_(pyarrow.string()))
        elif _one_kind(cells):
            columns[name] = pyarrow.array(cells, from_pandas=False)
        else:
            mixed.append(name)
            texts = [
                None if cell is None else _json(cell, f"{name} in row {at}")
                for at, cell in enumerate(cells, start=1)
            ]
            columns[name] = pyarrow.array(texts, type=pyarrow.string())
    told = {formats.JSON_COLUMNS: json.dumps(mixed)}
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns).replace_schema_metadata(told), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _one_kind(cells: Sequence[Any]) -> bool:
    """Tell whether Arrow, and pandas after it, keep the cells of a column as they are."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int}:
        return all(abs(cell) < 2**63 for cell in cells if cell is not None)
    return kinds <= {str} or kinds == {float} or (kinds == {bool} and None not in cells)
