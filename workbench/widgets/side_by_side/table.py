"""Rows side by side as a table that stands still: for reports, and where no kernel runs.

The same rows give the same bytes, every text is escaped, and nothing in it runs or asks for anything.
"""

import difflib
import html
import math
from collections.abc import Sequence

from workbench.display import number, plain, visible
from workbench.widgets.side_by_side.grid import Grid, Question

MOST_REFERENCES = 4
"""So many references of a row are looked at; words are marked that the nearest one lacks."""

_EXCERPT = 280  # characters
_WHOLE = 2_000
_NAME = 80
# Works on light and on dark pages: a tint on whatever is behind it.
_TINT = "background:rgba(66,133,204,{:.2f});white-space:nowrap"
_CELL = "text-align:left;vertical-align:top;white-space:normal;min-width:11em;max-width:26em;overflow-wrap:anywhere"
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }}
body {{ margin: 1.5rem; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid rgba(128,128,128,0.5); padding: 0.3rem 0.6rem; }}
figcaption {{ font-weight: 600; margin-bottom: 0.6rem; }}
</style></head>
<body><main>
{table}
</main></body></html>
"""


def page_of(table: str, *, title: str) -> str:
    """Return a page that holds a table."""
    return _PAGE.format(table=table, title=_escaped(title))


def table_of(grid: Grid, question: Question, *, caption: str, n: int, whole: bool = False) -> str:
    """Return the first rows of a question as an HTML table.

    Parameters
    ----------
    grid : Grid
        Which is asked.
    question : Question
        Which rows, and in what order; its systems stand first.
    caption : str
        What the table says.
    n : int
        Number of rows.
    whole : bool
        Whether texts stand there to their 2,000th character, not to their 280th.
    """
    systems = list(dict.fromkeys([question.a, question.b, *range(len(grid.systems))]))
    rows = grid.rows(question)[:n].tolist()
    shown = f"; the first {len(rows)}" if len(rows) < len(grid.rows(question)) else ""
    lacks = "the nearest reference" if grid.n_references > 1 else "the reference"
    note = f". Underlined: words that {lacks} lacks" if grid.n_references else ""
    header = ["row", *(["reference"] if grid.n_references else [])]
    header += [plain(grid.systems[at], width=_NAME) for at in systems]
    head = "".join(f'<th scope="col" style="{_CELL}">{_escaped(name)}</th>' for name in header)
    body = "\n".join(
        _row(grid, question, row, systems, _WHOLE if whole else _EXCERPT) for row in rows
    )
    return (
        '<figure class="mathjax_ignore tex2jax_ignore" style="margin:0">'
        f"<figcaption>{_escaped(plain(caption))}{shown}{note}</figcaption>\n"
        f'<div style="overflow-x:auto"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div></figure>"
    )


def _row(grid: Grid, question: Question, row: int, systems: Sequence[int], longest: int) -> str:
    references = grid.references(row)[:MOST_REFERENCES]
    named = f'<div style="font-weight:600">{_escaped(plain(grid.row_ids[row], width=_NAME))}</div>'
    cells = [named + _lines(_delta(grid, question, row), _escaped(_cut(grid.input(row), _EXCERPT)))]
    if grid.n_references:
        told = [_escaped(_cut(each, longest)) for each in references] or ["–"]
        cells.append(
            _lines(*(f"{n}. {each}" if told[1:] else each for n, each in enumerate(told, 1)))
        )
    for system in systems:
        text = grid.text(row, system)
        if text is None:
            written = _escaped(plain(grid.error(row, system), width=_NAME))
        else:
            written = _marked(references, _cut(text, longest))
        cells.append(_lines(_values(grid, row, system), written))
    shown = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
    return f"<tr>{shown}</tr>"


def _lines(*lines: str) -> str:
    return "".join(f"<div>{line}</div>" for line in lines)


def _delta(grid: Grid, question: Question, row: int) -> str:
    *_, places = grid.scale(question.metric)
    value = float(grid.deltas(question)[row])
    return f"Δ {'+' * (value > 0)}{number(value, places)}"


def _values(grid: Grid, row: int, system: int) -> str:
    """Return a system's values, each on a ground the deeper the better it is."""
    found = []
    for at, metric in enumerate(grid.metrics):
        *ends, places = grid.scale(at)
        value = float(grid.figures[at, row, system])
        share = _share(value, *ends, falls=metric.direction == "down")
        told = _escaped(f"{plain(metric.name, width=_NAME)} {number(value, places)}")
        found.append(f'<span style="{_TINT.format(0.45 * share)}">{told}</span>')
    return " ".join(found)


def _share(value: float, low: float, high: float, *, falls: bool) -> float:
    """Return how far a value is up its scale, where better is more; 0 where that is unknown."""
    if math.isnan(value) or low >= high:
        return 0.0
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return 1 - share if falls else share


def _marked(references: Sequence[str], text: str) -> str:
    """Return a text, underlined what the nearest reference does not have at that place."""
    words, found = text.split(" "), []
    matchers = [
        difflib.SequenceMatcher(None, _cut(each, _WHOLE).split(" "), words, autojunk=False)
        for each in references
    ]
    if not matchers:
        return _escaped(text)
    for kind, _, _, start, end in max(matchers, key=lambda each: each.ratio()).get_opcodes():
        if part := _escaped(" ".join(words[start:end])):
            found.append(part if kind == "equal" else f"<ins>{part}</ins>")
    return " ".join(found)


def _cut(text: str, longest: int) -> str:
    """Return the beginning of a text on one line; of what is long the rest is not looked at."""
    return plain(text[: 4 * longest], width=longest)


def _escaped(text: str) -> str:
    """Return a text fit for HTML that can be stored."""
    return html.escape(visible(text).encode("utf-8", "replace").decode("utf-8"))
