"""What a dataset holds, whatever its format and order: its digest, and what changed between versions."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from workbench.display import counted, html_table, plain
from workbench.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

_JSON = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True)
class Diff:
    """What changed between two versions of a dataset.

    Parameters
    ----------
    added, removed : tuple of str
        `row_id` of rows that only the new, or only the old, version has.
    cells : DataFrame
        One line per changed cell of a row that both have: `row_id`, `column`, `old`, `new`.
    n_same : int
        Rows that both have, unchanged.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    cells: "pd.DataFrame"
    n_same: int

    @property
    def changed(self) -> tuple[str, ...]:
        """`row_id` of rows that both have with at least one changed cell."""
        return tuple(dict.fromkeys(self.cells["row_id"]))

    def __repr__(self) -> str:
        return (
            f"{counted(len(self.added), 'row')} added, {len(self.removed)} removed, "
            f"{len(self.changed)} changed ({counted(len(self.cells), 'cell')}), {self.n_same} the same"
        )

    def _repr_html_(self) -> str:
        body = [[row, "row", "–", "added"] for row in self.added]
        body += [[row, "row", "removed", "–"] for row in self.removed]
        body += [
            ["–" if cell is None else plain(cell, width=80) for cell in line]
            for line in self.cells.to_numpy()
        ]
        return html_table(["row_id", "column", "old", "new"], body, caption=repr(self))


def diff(old: "pd.DataFrame", new: "pd.DataFrame") -> Diff:
    """Say which rows and cells changed between two versions of a dataset.

    Parameters
    ----------
    old, new : DataFrame
        ROWS; rows are matched by `row_id`.

    Examples
    --------
    >>> import workbench as wb
    >>> old = wb.read([{"input": "a"}, {"input": "b"}])
    >>> diff(old, wb.read([{"input": "a"}, {"input": "B"}, {"input": "c"}]))
    1 row added, 0 removed, 1 changed (1 cell), 1 the same
    """
    import pandas as pd

    before, after = records(old), records(new)
    shared = [row for row in before if row in after]
    changes = [
        (row, column, before[row].get(column), after[row].get(column))
        for row in shared
        for column in dict.fromkeys([*before[row], *after[row]])
        if _written(before[row].get(column)) != _written(after[row].get(column))
    ]
    # as objects, or pandas would make a float of a whole number beside a missing one
    cells = pd.DataFrame(changes, columns=["row_id", "column", "old", "new"], dtype=object)
    return Diff(
        added=tuple(row for row in after if row not in before),
        removed=tuple(row for row in before if row not in after),
        cells=cells,
        n_same=len(shared) - cells["row_id"].nunique(),
    )


def _written(cell: object) -> str:
    """Write a cell as the digest does, which tells True from 1."""
    return json.dumps(cell, sort_keys=True)


def digest(rows: "pd.DataFrame") -> str:
    """Return the SHA-256 of a dataset's content, whatever its file format and order.

    Parameters
    ----------
    rows : DataFrame
        ROWS.

    Returns
    -------
    str
        64 hexadecimal digits over the rows in `row_id` order; missing cells do not count.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "a"}, {"input": "b"}])
    >>> digest(rows) == digest(rows[::-1])
    True
    """
    columns = []
    for name in sorted(rows.columns, key=str):
        key, cells = f"{_JSON.encode(str(name))}: ", rows[name].tolist()
        encoded = (_encoded(str(name), cell) for cell in cells)
        columns.append([key + cell if cell else "" for cell in encoded])
    lines = sorted(f"{{{', '.join(filter(None, cells))}}}" for cells in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def _encoded(name: str, cell: object) -> str:
    """Return a cell as JSON, nothing where it is missing; the usual ones without asking what they are."""
    if type(cell) is str:
        return encode_basestring_ascii(cell)
    if type(cell) is list and cell and set(map(type, cell)) == {str}:
        return f"[{', '.join(map(encode_basestring_ascii, cell))}]"
    return "" if _is_absent(name, cell) else _JSON.encode(_value(cell))


def _is_absent(name: str, cell: Any) -> bool:  # noqa: ANN401 - a cell may hold anything
    # the check makes an empty list of references that are missing
    return is_missing(cell) or (name == "references" and len(cell) == 0)


def records(rows: "pd.DataFrame") -> dict[str, dict[str, Any]]:
    """Map each `row_id` to its cells as plain JSON values, missing ones left out."""
    return dict(_records(rows))


def _records(rows: "pd.DataFrame") -> Iterator[tuple[str, dict[str, Any]]]:
    names = [str(name) for name in rows.columns]
    columns = [rows[name].tolist() for name in ("row_id", *rows.columns)]
    for row_id, *cells in zip(*columns, strict=True):
        yield (
            str(row_id),
            {
                name: _value(cell)
                for name, cell in zip(names, cells, strict=True)
                if not _is_absent(name, cell)
            },
        )


def _value(cell: object) -> object:
    """Turn a cell into what JSON knows, the same for every file format.

    A file makes floats of the whole numbers in a column with gaps, and fills the gaps of records
    inside a cell; neither is a difference in content.
    """
    if isinstance(cell, str):
        return cell
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if is_missing(cell):
        return None
    if isinstance(cell, Mapping):
        return {str(key): _value(value) for key, value in cell.items() if not is_missing(value)}
    if isinstance(cell, (list, tuple)):
        return [_value(value) for value in cell]
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell if isinstance(cell, (str, int, float, bool, type(None))) else str(cell)
