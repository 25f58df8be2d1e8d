r"""Files to frames: JSON Lines, JSON, CSV, TSV, Parquet and plain text, each also gzipped.

Text is UTF-8 and lines end at `\n` alone: `str.splitlines` would also split at U+2028, U+0085 and
U+000B, which occur inside real segments, and shift everything after them.
"""

import contextlib
import csv
import gzip
import io
import json
import math
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import methodcaller
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from workbench.errors import BadValue, InputError, UnknownName, Unreadable, nearest

if TYPE_CHECKING:
    import pandas as pd

LIMIT_BYTES = 4 * 1024**3
"""The largest content of one file, unpacked; a gzip bomb stops here."""

LIMIT_LINE_BYTES = 64 * 1024**2
"""The longest line."""

LIMIT_DEPTH = 200
"""The deepest JSON; what walks through a value calls itself once or twice for each level."""

JSON_COLUMNS = b"workbench.cells"
"""What names, in the metadata of a Parquet file, its columns of mixed cells: they hold JSON."""

TABLE_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
TEXT_SUFFIXES = (".txt",)


def suffix(path: Path) -> str:
    """Return the suffix that tells the format, without `.gz`.

    Examples
    --------
    >>> suffix(Path("rows.jsonl.gz"))
    '.jsonl'
    """
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def stays_text(name: str) -> bool:
    """Tell whether the cells of a column of a CSV file are texts whatever they look like."""
    return name in _TEXT_COLUMNS or name.startswith("reference")


def read_frame(path: Path, is_text: Callable[[str], bool] = stays_text) -> "pd.DataFrame":
    """Read a file of records into a frame, one row per record, cells as the file has them.

    Parameters
    ----------
    path : Path
        A `.jsonl`, `.json`, `.csv`, `.tsv` or `.parquet` file, or one of these with `.gz`.
    is_text : callable
        Tells by its name which column holds texts, whatever they look like: a CSV or TSV file does
        not say.

    Returns
    -------
    DataFrame
        In the file's order.

    Raises
    ------
    UnknownName
        If the suffix tells no known format.
    BadValue
        If the content is not what the suffix says, not UTF-8, cut short or too large.
    """
    kind = suffix(path)
    if kind in {".jsonl", ".ndjson"}:
        return from_records(list(_json_lines(path)), str(path))
    if kind == ".json":
        return from_records(_json_list(path), str(path))
    if kind in {".csv", ".tsv"}:
        return _separated(path, "," if kind == ".csv" else "\t", is_text)
    if kind == ".parquet":
        return _parquet(path)
    raise UnknownName(
        f"a file of records must end in {', '.join(TABLE_SUFFIXES)} (or one of these and .gz), but "
        f"{path.name!r} came; rename it, or read it with pandas and pass the frame."
    )


_HALF = re.compile("[\ud800-\udfff]")


def from_records(records: "Sequence[Mapping[str, Any]]", source: str) -> "pd.DataFrame":
    """Make a frame of records, one row per record.

    Raises
    ------
    BadValue
        If a text holds half of a surrogate pair, which JSON can write and no file can hold.
    """
    import pandas as pd

    names, values = set().union(*records), map(methodcaller("values"), records)
    refuse_halves(
        lambda: ((*record, *record.values()) for record in records),
        source,
        chain(names, chain.from_iterable(values)),
    )
    frame = pd.DataFrame.from_records(records)
    for name in cast("list[str]", list(frame.select_dtypes("float64"))):
        if (frame[name].abs() >= _BLURS).any():
            frame[name] = _series([record.get(name) for record in records])
    return frame


# From here on a float stands for several whole numbers.
_BLURS = 2**53


def _series(cells: list[Any]) -> "pd.Series[Any]":
    """Return cells as pandas keeps them, or as they are where it would blur whole numbers.

    It makes floats of whole numbers beside a missing cell.
    """
    import pandas as pd

    found = pd.Series(cells)
    blurred = found.dtype == "float64" and bool((found.abs() >= _BLURS).any())
    return pd.Series(cells, dtype=object) if blurred and int in set(map(type, cells)) else found


def refuse_halves(
    rows: "Callable[[], Iterable[Iterable[object]]]",
    source: str,
    cells: "Iterable[object] | None" = None,
) -> None:
    """Raise BadValue, which names the row, if a text of the rows holds half of a surrogate pair.

    `cells` are those of all rows, in any order and each once, where that is faster to go through.
    """
    import pyarrow as pa

    try:  # all at once, as long as nothing is wrong
        cells = chain.from_iterable(rows()) if cells is None else cells
        pa.array([text for text in cells if isinstance(text, str)], pa.large_string())
    except UnicodeEncodeError:
        for at, row in enumerate(rows(), start=1):
            if half := _HALF.search("".join(text for text in row if isinstance(text, str))):
                raise BadValue(
                    f"{source} must hold whole characters, but row {at} has {half[0]!r}, half of "
                    "a surrogate pair; write U+FFFD in its place."
                ) from None


def read_lines(path: Path) -> list[str]:
    r"""Read a plain text file into its lines, one segment each.

    Only `\n` ends a line. One newline at the end of the file adds no segment, and when every line
    ends in `\r\n` the `\r` is no part of the segments. A byte order mark stays, as it does in
    sacrebleu: published figures count it.

    Raises
    ------
    BadValue
        If the file is not UTF-8, cut short or too large.
    """
    lines = [
        decoded(line, path, at, "utf-8") for at, line in enumerate(physical_lines(path), start=1)
    ]
    if lines and all(line.endswith("\r") for line in lines):
        return [line[:-1] for line in lines]
    return lines


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Tell in one sentence why a path cannot be looked at or opened.

    Raises
    ------
    Unreadable
        If the block raises an OSError.
    """
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        reason = f"opening it failed ({error.strerror or error})"
        advice = "; check the path."
        if isinstance(error, FileNotFoundError) and not os.path.lexists(path):
            reason, near = "there is no such file", _neighbour(path)
            advice = advice if near is None else f"; did you mean {str(near)!r}?"
        raise Unreadable(f"{path} must be a readable file, but {reason}{advice}") from None


def _neighbour(path: Path) -> Path | None:
    """Return what stands in the same folder under the most similar name, if any is similar."""
    try:  # of a folder with very many files only some, as a message must not take long
        names = sorted(each.name for each in islice(path.parent.iterdir(), 1000))
    except OSError:
        return None
    near = nearest(path.name, names, likeness=0.75)  # as an ending in common alone says little
    return None if near is None else path.with_name(near)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked, with the faults of the content told in one sentence."""
    with readable(path), path.open("rb") as raw:
        packed = path.name.endswith(".gz")
        try:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if packed else raw)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadValue(
                f"{path} must be a whole gzip file, but it is broken ({error}); fetch or pack it "
                "again."
            ) from None


def physical_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines without their newline, never holding more than one."""
    room, at = LIMIT_BYTES, 0
    with _opened(path) as stream:
        while line := stream.readline(min(LIMIT_LINE_BYTES, room) + 1):
            room, at = room - len(line), at + 1
            if room < 0:
                raise _too_large(path)
            if len(line) > LIMIT_LINE_BYTES:
                raise BadValue(
                    f"{path} must hold at most {LIMIT_LINE_BYTES // 1024**2} MiB in a line, but "
                    f"line {at} holds more; split it."
                )
            yield line.removesuffix(b"\n")


def _too_large(path: Path) -> BadValue:
    return BadValue(
        f"{path} must hold at most {LIMIT_BYTES // 1024**3} GiB unpacked, but it holds more; split "
        "it."
    )


def decoded(content: bytes, path: Path, line: int = 1, encoding: str = "utf-8-sig") -> str:
    """Decode the lines of a file from number `line` on; "utf-8-sig" drops a byte order mark."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
        raise BadValue(
            f"{path} must be UTF-8 text, but line {line} has the byte "
            f"0x{content[error.start]:02x}; save it as UTF-8."
        ) from None


def whole(path: Path) -> bytes:
    """Read a file, unpacked, unless it is too large."""
    with _opened(path) as stream:
        content = stream.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise _too_large(path)
    return content


def parsed_json(text: str, path: Path, at: int) -> Any:  # noqa: ANN401 - JSON holds anything
    """Parse JSON that begins in line `at` of a file."""
    try:
        value = json.loads(text)
        if too_deep(value):
            raise RecursionError
    except RecursionError:
        reason = "it is nested too deeply"
    except json.JSONDecodeError as error:
        at += error.lineno - 1
        reason = f"{error.msg} at character {error.colno}"
    except ValueError as error:
        reason = str(error)
    else:
        return value
    raise BadValue(f"{path} must be JSON, but line {at} is not ({reason}); correct that line.")


def too_deep(value: object) -> bool:
    """Tell whether a JSON value is nested too deep; level by level, without a call for each."""
    level: list[Any] = [[value]]
    for _ in range(LIMIT_DEPTH + 1):
        nested = [each.values() if isinstance(each, dict) else each for each in level]
        level = [cell for cells in nested for cell in cells if isinstance(cell, (dict, list))]
        if not level:
            return False
    return True


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for at, line in enumerate(physical_lines(path), start=1):
        text = decoded(line, path, at)
        if text.strip():
            yield _record(parsed_json(text, path, at), path, f"line {at}")


def _json_list(path: Path) -> list[dict[str, Any]]:
    content = decoded(whole(path), path)
    records = parsed_json(content, path, 1)
    if not isinstance(records, list):
        raise BadValue(
            f"{path} must be a JSON list of objects, but a {type(records).__name__} came; "
            "wrap the rows in a list, or write one object a line as .jsonl."
        )
    return [_record(each, path, f"element {at}") for at, each in enumerate(records, start=1)]


def _record(value: object, path: Path, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadValue(
            f"{path} must hold one JSON object per row, but {where} is a {type(value).__name__}; "
            "write each row as an object of column names and cells."
        )
    return value


# Cells that stay as they are written: the identifier 007, the answer "12", the output "None".
_TEXT_COLUMNS = frozenset(
    ("row_id", "output_id", "run_id", "system", "input", "text", "cluster", "prompt", "model")
)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _separated(path: Path, separator: str, is_text: Callable[[str], bool]) -> "pd.DataFrame":
    """Read a table; an empty cell is missing, and no text ("NA", "null") is taken for nothing."""
    import pandas as pd

    header, records = _cells(path, separator)
    columns = list(zip(*records, strict=True)) if records else [()] * len(header)
    typed = [
        _series(_typed(cells, is_text=is_text(name)))
        for cells, name in zip(columns, header, strict=True)
    ]
    frame = pd.concat(typed, axis=1) if typed else pd.DataFrame()
    return frame.set_axis(header, axis=1)


def _cells(path: Path, separator: str) -> tuple[list[str], list[list[str]]]:
    """Return the names and the cells of a table."""
    # One setting for the whole process, but it only ever allows more.
    csv.field_size_limit(max(csv.field_size_limit(), LIMIT_LINE_BYTES))
    lines = _text_lines(path)
    first = next(lines, "")
    _refuse_other_separators(first, separator, path)
    reader = csv.reader(chain([first], lines), delimiter=separator, strict=True)
    records: list[list[str]] = []
    blank = 0
    try:
        header = next(reader, [])
        for cells in reader:
            if cells and len(cells) != len(header):
                raise csv.Error(f"it has {len(cells)} cells under {len(header)} names")
            if cells and blank and len(header) == 1:
                raise _blank(path, blank)
            blank = blank if cells else reader.line_num
            records.extend([cells] if cells else [])
    except csv.Error as error:
        # a cell that never ends may be that of a file that was cut short
        cut = str(error) == "unexpected end of data"
        if separator == "\t" and not cut and (found := _unquoted(path)):
            return found
        raise BadValue(
            f"{path} must have as many cells in each line as its header has names, but line "
            f"{reader.line_num} does not ({error}); put cells that hold {separator!r}, quotes or "
            "line ends in double quotes."
        ) from None
    return header, records


def _blank(path: Path, line: int) -> BadValue:
    # with several columns it has no cell at all; with one it may be an empty cell, or nothing
    return BadValue(
        f"{path} must have a cell in each line, but line {line} is blank, and it has one column; "
        'write "" for an empty cell, or take the line out.'
    )


def _unquoted(path: Path) -> tuple[list[str], list[list[str]]] | None:
    """Return the names and the cells of a TSV file whose quotes are letters, as IANA has them.

    None is returned where some quotes may be more than that.
    """
    lines = (line.rstrip("\r\n").split("\t") for line in _text_lines(path))
    header, *records = [cells for cells in lines if cells != [""]]
    if any(len(cells) != len(header) for cells in records):
        return None
    enclosed = any(
        len(cell) > 1 and cell[0] == cell[-1] == '"' for cells in records for cell in cells
    )
    return None if enclosed else (header, records)


_SEPARATED = {";": "save it with commas as .csv", "\t": "rename it to end in .tsv"}


def _refuse_other_separators(header: str, separator: str, path: Path) -> None:
    """Refuse a header of one name that would be several with another separator."""
    for other, advice in _SEPARATED.items():
        if separator not in header and len(next(csv.reader([header], delimiter=other), [])) > 1:
            raise BadValue(
                f"{path} must have {separator!r} between its names, but its header seems to have "
                f"{other!r}; {advice}."
            )


def _text_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a table with their ends; a lone CR ends one too, as it does for Excel."""
    for at, line in enumerate(physical_lines(path), start=1):
        text = decoded(line, path, at, "utf-8-sig" if at == 1 else "utf-8")
        yield from io.StringIO(f"{text}\n", newline="") if "\r" in text else [f"{text}\n"]


def look_numeric(cells: Sequence[str]) -> bool:
    """Tell whether all cells of a column read as numbers."""
    return all(_NUMBER.fullmatch(cell) and math.isfinite(float(cell)) for cell in cells)


def _typed(cells: Sequence[str], *, is_text: bool) -> list[Any]:
    """Turn the cells of one column into numbers when all of them are, and "" into None."""
    filled = [cell for cell in cells if cell]
    if not filled or is_text or not look_numeric(filled):
        return [cell or None for cell in cells]
    whole = all(cell.lstrip("-").isdigit() for cell in filled)
    return [(int(cell) if whole else float(cell)) if cell else None for cell in cells]


def _parquet(path: Path) -> "pd.DataFrame":
    import pyarrow
    import pyarrow.parquet

    content = io.BytesIO(whole(path))
    try:
        packed = pyarrow.parquet.ParquetFile(content)
        groups = map(packed.metadata.row_group, range(packed.num_row_groups))
        if sum(group.total_byte_size for group in groups) > LIMIT_BYTES:
            raise _too_large(path)
        table = packed.read()
        blurred = any(map(_blurs, table.columns))
        frame = cast("pd.DataFrame", table.to_pandas(integer_object_nulls=blurred))
    except (pyarrow.ArrowException, OSError) as error:
        told = str(error).rpartition("'<Buffer>': ")[2]
        reason = " ".join("".join(c if c.isprintable() else " " for c in told).split())
        raise BadValue(
            f"{path} must be a Parquet file, but it is not ({reason}); write it again."
        ) from None
    named = (table.schema.metadata or {}).get(JSON_COLUMNS)
    return frame if named is None else _with_json(frame, named, path)


def _blurs(column: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """Tell whether pandas would blur whole numbers of a column, as beside missing cells it does."""
    import pyarrow.compute

    if not pyarrow.types.is_integer(column.type) or not column.null_count:
        return False
    ends = pyarrow.compute.min_max(column).as_py()
    return any(end is not None and abs(end) >= _BLURS for end in ends.values())


def _with_json(frame: "pd.DataFrame", named: bytes, path: Path) -> "pd.DataFrame":
    """Read the columns that a Parquet file of ours holds as JSON."""
    import pandas as pd

    names = parsed_json(decoded(named, path), path, 1)
    for name in [each for each in names if each in frame] if isinstance(names, list) else []:
        cells = [
            parsed_json(cell, path, at) if isinstance(cell, str) else None
            for at, cell in enumerate(frame[name].tolist(), start=1)
        ]
        frame[name] = pd.Series(cells, index=frame.index, dtype=object)
    return frame
