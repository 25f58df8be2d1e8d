"""Excel workbooks, written as the few XML files that they are: no text is a formula.

Every text is an inline string, which Excel never evaluates, and bears the mark of a text that was
typed with an apostrophe, so that it stays a text when somebody edits the cell. The same sheets give
the same bytes.

References
----------
ECMA-376, part 1, sections 18.3.1.4 (c), 18.18.11 (ST_CellType) and 22.9.2.19 (escapes in ST_Xstring).
"""

import io
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from workbench.display import visible
from workbench.errors import BadValue
from workbench.tables import each_row, is_missing, plain_value

if TYPE_CHECKING:
    import pandas as pd

MOST_LETTERS = 32_767
"""A cell of Excel holds no more, an emoji being two of them; longer texts end in "…"."""

_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
# Excel reads _x000D_ as the character of that number.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_XMLNS = "http://schemas.openxmlformats.org"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = f"{_XMLNS}/spreadsheetml/2006/main"
_RELATIONS = f"{_XMLNS}/officeDocument/2006/relationships"
_FONT = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
_XF = '<xf numFmtId="0" fontId="{}" fillId="0" borderId="0"{}/>'
_QUOTED = ' quotePrefix="1" applyFont="1"'
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font>{_FONT}</font><font><b/>{_FONT}'
    '</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill>'
    '<patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/>'
    "<top/><bottom/><diagonal/></border></borders>"
    f'<cellStyleXfs count="1">{_XF.format(0, "")}</cellStyleXfs><cellXfs count="3">'
    f"{_XF.format(0, '')}{_XF.format(0, _QUOTED)}{_XF.format(1, _QUOTED)}</cellXfs>"
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_TEXT, _BOLD = 1, 2


def workbook(sheets: "Mapping[str, pd.DataFrame]") -> bytes:
    """Return a workbook of frames.

    Parameters
    ----------
    sheets : mapping of str to DataFrame
        By the sheet's name.

    Returns
    -------
    bytes
        The content of an `.xlsx` file.

    Raises
    ------
    BadValue
        If a frame is larger than a sheet can be.
    """
    names = _named(list(sheets))
    parts = {
        "[Content_Types].xml": _content_types(len(names)),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _contents(names),
        "xl/_rels/workbook.xml.rels": _relations(
            [("worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(names) + 1)]
            + [("styles", "styles.xml")]
        ),
        "xl/styles.xml": _STYLES,
    } | {
        f"xl/worksheets/sheet{at}.xml": _sheet(frame, name)
        for at, (name, frame) in enumerate(sheets.items(), start=1)
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, content in parts.items():
            entry = zipfile.ZipInfo(place, date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, content.encode("utf-8"), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _named(names: Sequence[str]) -> list[str]:
    """Return names that Excel takes, each once."""
    found: list[str] = []
    for name in names:
        clean = _SHEET_NAME.sub(" ", visible(name)).strip(" '")[:31] or "sheet"
        while clean.casefold() in {each.casefold() for each in found}:
            clean = f"{clean[:27]} {len(found) + 1}"
        found.append(clean)
    return found


def _content_types(n_sheets: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
    parts += [(f"/xl/worksheets/sheet{at}.xml", "worksheet") for at in range(1, n_sheets + 1)]
    told = "".join(f'<Override PartName="{at}" ContentType="{kind}.{of}+xml"/>' for at, of in parts)
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'{_HEAD}<Types xmlns="{_XMLNS}/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="{relations}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{told}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    told = "".join(
        f'<Relationship Id="rId{at}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets, start=1)
    )
    return (
        f'{_HEAD}<Relationships xmlns="{_XMLNS}/package/2006/relationships">{told}</Relationships>'
    )


def _contents(names: Sequence[str]) -> str:
    told = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"/>'
        for at, name in enumerate(names, start=1)
    )
    return f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{told}</sheets></workbook>'


def _sheet(frame: "pd.DataFrame", name: str) -> str:
    rows = each_row(frame)
    if len(rows) >= _MOST_ROWS or len(frame.columns) > _MOST_COLUMNS:
        raise BadValue(
            f"a sheet of Excel must have at most {_MOST_ROWS:,} rows and {_MOST_COLUMNS:,} columns, "
            f"but {name!r} has {len(rows):,} and {len(frame.columns):,}; write .parquet or .csv."
        )
    letters = [_letters(at) for at in range(len(frame.columns))]
    cells = [[_text(str(each), _BOLD) for each in frame.columns]]
    cells += [[_cell(cell) for cell in row.values()] for row in rows]
    lines = [_row(each, letters, at) for at, each in enumerate(cells, start=1)]
    pane = '<pane ySplit="1" topLeftCell="A2" state="frozen"/>'
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">{pane}'
        f"</sheetView></sheetViews><sheetData>{''.join(lines)}</sheetData></worksheet>"
    )


def _row(cells: Sequence[str], letters: Sequence[str], at: int) -> str:
    """Return a row of cells, each with its place; a missing cell is left out."""
    placed = (
        f'<c r="{letter}{at}"{cell}' for cell, letter in zip(cells, letters, strict=True) if cell
    )
    return f'<row r="{at}">{"".join(placed)}</row>'


def _letters(at: int) -> str:
    """Name a column as Excel does.

    Examples
    --------
    >>> [_letters(at) for at in (0, 25, 26, 16_383)]
    ['A', 'Z', 'AA', 'XFD']
    """
    found = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        found = chr(65 + rest) + found
    return found


def _cell(cell: object) -> str:
    if is_missing(cell):
        return ""
    if isinstance(cell, bool) or type(cell).__name__ == "bool":
        return f' t="b"><v>{int(bool(cell))}</v></c>'
    if isinstance(cell, Real):
        if math.isfinite(cell):
            return f"><v>{plain_value(cell)!r}</v></c>"
        return _text(str(plain_value(cell)), _TEXT)
    value = plain_value(cell)
    if not isinstance(value, str):
        import json

        value = json.dumps(value, ensure_ascii=False, default=str)
    return _text(value, _TEXT)


def _text(text: str, style: int) -> str:
    """Return a cell that is a text whatever it says."""
    clean = visible(text.replace("\r\n", "\n").replace("\r", "\n"), but="\t\n")
    letters = clean.encode("utf-16-le")
    if len(letters) > 2 * MOST_LETTERS:
        clean = letters[: 2 * (MOST_LETTERS - 1)].decode("utf-16-le", "ignore") + "…"
    written = escape(_ESCAPE.sub("_x005F_", clean))
    return f' t="inlineStr" s="{style}"><is><t xml:space="preserve">{written}</t></is></c>'
