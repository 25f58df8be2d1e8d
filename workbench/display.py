"""How results show themselves: rounded for people, the same bytes on every run, and inert.

What a model, a rater or an agent wrote is hostile text: it is escaped for HTML, and stripped of
control characters for a terminal.
"""

import csv
import html
import io
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench import store
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

# Longer cells are broken into lines.
_LONG_CELL = 60

# Numbers with more decimal places are written with a power of ten.
_MOST_PLACES = 12
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

COMMANDS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What a text must not hold where it is shown: controls, which a terminal obeys; bidirectional ones,
which reorder a whole line (CVE-2021-42574); halves of characters, which cannot be written; and what
is no character, without which no figure that holds it could be saved as a picture (XML 1.0)."""

# What a spreadsheet takes for the beginning of a formula, and after which marks it may begin: a
# spreadsheet that separates by semicolons cuts a cell at each of them, whatever the quotes say.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+\-@\t\r\n＝＋－＠])")

# What MathJax 3 and 2 leave alone: the price of two things is no formula.
_NO_MATHS = 'class="mathjax_ignore tex2jax_ignore"'


@dataclass(frozen=True, eq=False)
class Sheet:
    """A frame, and how it is shown to people: rounded, in words, with a caption.

    Parameters
    ----------
    frame : DataFrame
        The figures in full, one per cell.
    caption : str
        What the sheet shows and how it was made.
    header : sequence of str
        The columns' names as shown.
    body : sequence of sequence of str
        The cells as shown.
    notes : sequence of str
        What stands below the cells, such as the metrics' signatures.
    """

    frame: "pd.DataFrame"
    caption: str
    header: Sequence[str]
    body: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __repr__(self) -> str:
        lines = [plain(self.caption), text_table(self.header, self.body), *map(plain, self.notes)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_table(self.header, self.body, caption=self.caption, notes=self.notes)

    def to_csv(self, path: str | Path) -> None:
        """Write the frame as a CSV file for a spreadsheet, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file to write; its folder is made when it is missing.

        Notes
        -----
        For people: numbers are in full, but in texts an apostrophe stands before whatever a
        spreadsheet would run as a formula, and control characters are visible marks. What is to be
        read again is in `frame`, whose own ``to_parquet`` and ``to_json`` lose nothing.

        References
        ----------
        OWASP, "CSV Injection"; OWASP ASVS 5.0, requirement 1.2.10; CWE-1236; RFC 4180.
        """
        store.write_text(path, self.csv())

    def csv(self) -> str:
        """Return what `to_csv` writes."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(spreadsheet_cell(str(name)) for name in self.frame.columns)
        writer.writerows(map(spreadsheet_cell, row.values()) for row in each_row(self.frame))
        # with a byte order mark, or Excel takes the letters for those of the local code page
        return f"\ufeff{stream.getvalue()}"


class Lines(tuple[str, ...]):
    """Sentences, shown one per line.

    Examples
    --------
    >>> Lines(["One.", "Two."])
    One.
    Two.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(plain, self))

    def _repr_html_(self) -> str:
        items = "\n".join(f"<li>{_escaped(plain(line))}</li>" for line in self)
        return f"<ul {_NO_MATHS}>\n{items}\n</ul>"


def plain(text: object, *, width: int | None = None) -> str:
    r"""Return a text fit for one line of a terminal.

    Control characters (ANSI escapes among them) and bidirectional controls become visible marks,
    white space becomes one space, and a long text is cut.

    Parameters
    ----------
    text : object
        What to show.
    width : int, optional
        The largest number of characters; longer texts end in "…".

    Examples
    --------
    >>> plain("a\x1b[31mred\nline")
    'a�[31mred line'
    """
    clean = visible(" ".join(str(text).split()))
    if width is not None and len(clean) > width:
        return clean[: width - 1] + "…"
    return clean


def visible(text: str, *, but: str = "") -> str:
    r"""Return a text with a visible mark for each control, bidirectional or half character.

    Parameters
    ----------
    text : str
        What to show.
    but : str
        Characters that stay as they are.

    Examples
    --------
    >>> visible("two  words\x1b\n", but="\n")
    'two  words�\n'
    """
    return COMMANDS.sub(lambda found: found[0] if found[0] in but else "�", text)


def spreadsheet_cell(cell: object) -> str | Real:
    """Return a cell fit for a spreadsheet, where no text is a formula.

    Parameters
    ----------
    cell : object
        A number stays one; a missing cell is empty; lists and records are written as JSON.

    Examples
    --------
    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("a;-1"), spreadsheet_cell(-1)
    ("'=1+1", "a;'-1", -1)
    """
    if is_missing(cell):
        return ""
    if isinstance(cell, Real) and not isinstance(cell, bool) and math.isfinite(cell):
        return cell
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
    return _FORMULA.sub(r"\1'", visible(text, but="\t\r\n"))


def number(value: object, digits: int = 2) -> str:
    """Write a number for people; "–" stands for nothing.

    Parameters
    ----------
    value : float or missing
        What to write.
    digits : int
        Decimal places; where they are more than twelve, a power of ten says it shorter.

    Examples
    --------
    >>> number(-0.001), number(12.345), number(float("nan")), number(1e-14, 17)
    ('0.00', '12.35', '–', '1.000 × 10⁻¹⁴')
    """
    if is_missing(value) or not isinstance(value, Real):
        return "–"
    figure = float(value)
    if math.isinf(figure):
        return "∞" if figure > 0 else "−∞"
    if digits > _MOST_PLACES:
        return _in_powers_of_ten(figure)
    # adding zero turns −0.0 into 0.0
    return f"{round(figure, digits) + 0.0:.{digits}f}".replace("-", "−")


def _in_powers_of_ten(figure: float) -> str:
    mantissa, exponent = f"{figure + 0.0:.3e}".split("e")
    power = str(int(exponent)).translate(_RAISED)
    return f"{mantissa} × 10{power}".replace("-", "−") if figure else "0"


def telling(places: int, *sizes: object, least: float = 0.0) -> int:
    """Return the decimal places, or as many more as let no size but nought be shown as nought.

    Parameters
    ----------
    places : int
        What is enough for the scale.
    *sizes : float or missing
        What is to be written.
    least : float
        Sizes that are not larger count as nought.

    Examples
    --------
    >>> telling(3, 0.2, -0.0004, None), telling(3, 0.0, 1e-17, least=1e-12)
    (4, 3)
    """
    for size in sizes:
        if not is_missing(size) and least < abs(float(size)) < math.inf:  # type: ignore[arg-type]
            while not round(float(size), places):  # type: ignore[arg-type]
                places += 1
    return places


def apart(places: int, size: float, limit: float, least: float = 1e-12) -> int:
    """Return the decimal places, or as many more as tell a size from a limit.

    Parameters
    ----------
    places : int
        What is enough for the scale.
    size, limit : float
        What is to be written.
    least : float
        A difference that is not larger counts as none.

    Examples
    --------
    >>> apart(3, 0.0499, 0.05), apart(3, 0.05, 0.05)
    (4, 3)
    """
    if math.isfinite(size) and abs(size - limit) > least:
        while round(size, places) == round(limit, places):
            places += 1
    return places


def interval(value: object, low: object, high: object, digits: int = 2) -> str:
    """Write a figure with its interval.

    Examples
    --------
    >>> interval(1.234, -0.5, 2.0)
    '1.23 [−0.50, 2.00]'
    """
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def p_value(value: object, limit: float | None = None) -> str:
    """Write a p-value to three places, or as many as tell on which side of a limit it lies.

    Examples
    --------
    >>> p_value(0.04321), p_value(0.00002), p_value(0.050095), p_value(0.050095, 0.05)
    ('0.043', '< 0.001', '0.050', '0.0501')
    """
    if not isinstance(value, float) or is_missing(value):
        return number(value, 3)
    places = 3
    while limit is not None and limit < 10**-places and places < _MOST_PLACES:
        places += 1
    if value < 10**-places:
        return f"< {10**-places:.{places}f}"
    return number(value, places if limit is None else apart(places, value, limit))


def digits(bounds: tuple[float | None, float | None], largest: float) -> int:
    """Return the decimal places for a figure: fixed by its scale, else four significant digits.

    Examples
    --------
    >>> digits((0, 100), 41.3), digits((0, 1), 0.3), digits((None, None), 1234.5)
    (2, 3, 0)
    """
    fixed = {100.0: 2, 1.0: 3}.get(bounds[1] or 0.0)
    if fixed is not None:
        return fixed
    return max(0, 3 - math.floor(math.log10(largest))) if largest > 0 else 2


def counted(n: int, what: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "difference"), counted(2, "difference")
    ('1 difference', '2 differences')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def percent(share: float) -> str:
    """Write a share in percent, without places that say nothing.

    Examples
    --------
    >>> percent(0.95), percent(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * share:.6g} %"


def html_table(
    header: Sequence[str],
    body: Sequence[Sequence[object]],
    *,
    caption: str,
    notes: Sequence[str] = (),
) -> str:
    """Return an HTML table of texts, every one of them escaped and inert.

    Parameters
    ----------
    header : sequence of str
        The columns' names.
    body : sequence of sequences
        The cells, row by row.
    caption : str
        What the table says; it stands above it.
    notes : sequence of str
        What stands below it, small.

    Examples
    --------
    >>> "&lt;script&gt;" in html_table(["text"], [["<script>"]], caption="hostile")
    True
    """
    styles = [_style(column) for column in _columns(header, body)]
    head = _html_row("th", header, styles)
    rows = "\n".join(_html_row("td", row, styles) for row in body)
    below = "<br>".join(f"\n<small>{_escaped(plain(each))}</small>" for each in notes)
    return (
        f'<figure {_NO_MATHS} style="margin:0"><figcaption>{_escaped(plain(caption))}</figcaption>\n'
        '<div style="overflow-x:auto">'
        f"<table>\n<thead>{head}</thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>{below}</figure>"
    )


def _escaped(text: object) -> str:
    """Return a text fit for HTML: what would command or reorder it is a mark, white space stays."""
    return html.escape(visible(str(text), but="\t\r\n"))


def _html_row(tag: Literal["td", "th"], cells: Sequence[object], styles: Sequence[str]) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    shown = "".join(
        f'<{tag}{scope} style="{style}">{_escaped(cell)}</{tag}>'
        for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{shown}</tr>"


def _style(column: Sequence[str]) -> str:
    """Return the style of a column: figures to the right, long texts broken into lines."""
    if _numeric(column):
        return "text-align:right;white-space:nowrap"
    if max(map(len, column), default=0) > _LONG_CELL:
        return "text-align:left;white-space:normal;min-width:13em"
    return "text-align:left"


def text_table(header: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """Return a table for a terminal, columns aligned; numbers stand to the right.

    Examples
    --------
    >>> print(text_table(["system", "n"], [["lead", "40"], ["lexrank", "7"]]))
    system    n
    lead     40
    lexrank   7
    """
    cells = [[plain(cell, width=60) for cell in row] for row in [header, *body]]
    columns = _columns(cells[0], cells[1:])
    right = [_numeric(column) for column in columns]
    widths = [
        max(_width(cell) for cell in (name, *column))
        for name, column in zip(cells[0], columns, strict=True)
    ]
    lines = []
    for row in cells:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        padded = [
            gap + cell if to_right else cell + gap
            for cell, gap, to_right in zip(row, gaps, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _columns(header: Sequence[str], body: Sequence[Sequence[object]]) -> list[list[str]]:
    """Turn rows of cells into columns of texts."""
    return [[str(row[at]) for row in body] for at in range(len(header))]


def _numeric(column: Sequence[str]) -> bool:
    """Tell whether a column shows figures, which stand to the right."""
    return all(cell[:1].isdigit() or cell[:1] in {"−", "–", "<"} for cell in column)


def _width(text: str) -> int:
    """Count the terminal columns of a text: wide characters take two, combining marks none."""
    return sum(
        2 if unicodedata.east_asian_width(mark) in "WF" else 1
        for mark in text
        if unicodedata.category(mark) not in {"Mn", "Me", "Cf"}
    )
