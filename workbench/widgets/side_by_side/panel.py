"""Systems side by side, row by row: who wrote what, where it differs, and what each metric says of it.

The kernel filters and sorts, and the browser asks for the pages that it shows, of at most 64 KB each;
the traits hold the first page, so that neither a page nor a saved notebook grows with the rows.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

import traitlets

from workbench import store
from workbench.comparison import Comparison
from workbench.display import plain
from workbench.errors import BadValue, unknown_name
from workbench.views.theme import markers
from workbench.widgets.base import AskedPanel
from workbench.widgets.inspector.scripts import STYLE
from workbench.widgets.modules import joined
from workbench.widgets.side_by_side.grid import Grid, Question, question_of
from workbench.widgets.side_by_side.table import MOST_REFERENCES, page_of, table_of

if TYPE_CHECKING:
    import pandas as pd

Order = Literal["order", "gain", "loss", "size"]

_HERE = Path(__file__).parent
_PAGE_BYTES = 60_000  # and 64 KB with what is said around it
_MOST_ROWS = 25
_LEAST_EXCERPT = 240  # bytes: three lines of a column
_NAME = 80  # characters of a name, which may be a whole text
_SHOWN = 5  # rows where no kernel runs
_GLYPHS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "star": "★", "cross": "✚", "x": "✖", "hexagon": "⬢"}  # fmt: skip


class SideBySide(AskedPanel):
    """A panel of what systems wrote, row by row.

    Parameters
    ----------
    comparison : Comparison
        What is looked at.
    system, other : str, optional
        The two whose difference sorts and filters; by default the first of the comparison and its
        baseline.
    metric : str, optional
        Under which; the first by default.
    sort : {"order", "gain", "loss", "size"}
        As in the dataset, or first where the system gains most, loses most, or either.
    where : mapping of str to str, optional
        A column and the value of the rows to show.
    row_ids : str or iterable of str, optional
        The rows to show; all by default.

    Attributes
    ----------
    comparison : Comparison
        As given.
    question : Question
        What is shown, or was last.

    Raises
    ------
    BadValue
        If `where` names several columns.
    UnknownName
        If there is no such system, metric, order, column, value or row.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "Guten Tag", "references": ["Good day"]}])
    >>> outputs = wb.outputs(rows, {"a": ["Good day"], "b": ["Hello"]})
    >>> wb.compare(wb.score(outputs, rows, [wb.ExactMatch()]), baseline="a").side_by_side()
    SideBySide: 1 of 1 row, b − a in exact_match, in the dataset's order
    """

    _esm = joined(_HERE / "panel.js")
    _css = STYLE + _HERE.joinpath("side_by_side.css").read_text(encoding="utf-8")
    first = traitlets.Dict().tag(sync=True)
    opening = traitlets.Dict().tag(sync=True)  # the question with which a panel begins

    def __init__(
        self,
        comparison: Comparison,
        *,
        system: str | None = None,
        other: str | None = None,
        metric: str | None = None,
        sort: Order = "order",
        where: Mapping[str, str] | None = None,
        row_ids: Iterable[str] | None = None,
    ) -> None:
        self.comparison, self.grid = comparison, Grid(comparison)
        self._lock, self._at = RLock(), 0
        self._page_rows, self._excerpt = _page_size(self.grid)
        self.question = self._asked(system, other, metric, sort, where, row_ids)
        super().__init__(first=self._first(), opening=_sent(self.question))

    def __repr__(self) -> str:
        n, all_rows = len(self.grid.rows(self.question)), len(self.grid)
        told = f"{n:,} of {all_rows:,} row{'s' * (all_rows != 1)}"
        return f"SideBySide: {told}, {self._difference}, {self._order}"

    def _repr_html_(self) -> str:
        """Show the first rows, where no kernel runs."""
        return table_of(self.grid, self.question, caption=repr(self), n=_SHOWN)

    def to_html(self, path: str | Path, *, n: int = 50) -> None:
        """Write the first rows as a page without scripts, the same bytes each time.

        Parameters
        ----------
        path : str or Path
            The file to write, whole or not at all; its folder is made when it is missing.
        n : int
            Number of rows.
        """
        table = table_of(self.grid, self.question, caption=repr(self), n=n, whole=True)
        store.write_text(path, page_of(table, title=f"Side by side: {self._difference}"))

    @property
    def rows(self) -> "pd.DataFrame":
        """What is shown, in its order: `row_id`, and `delta`, the system's value minus the other's."""
        import pandas as pd

        kept = self.grid.rows(self.question)
        deltas = self.grid.deltas(self.question)[kept]
        return pd.DataFrame({"row_id": self.grid.row_ids[kept], "delta": deltas})

    @property
    def at(self) -> str | None:
        """The row that somebody reads, or read last; None where there are none."""
        return str(self.grid.row_ids[self._at]) if len(self.grid) else None

    def show(
        self,
        row_ids: Iterable[str] | None = None,
        *,
        system: str | None = None,
        other: str | None = None,
        metric: str | None = None,
        sort: Order = "order",
        where: Mapping[str, str] | None = None,
    ) -> None:
        """Show other rows in each open panel; the parameters are those of the panel.

        Parameters
        ----------
        row_ids : str or iterable of str, optional
            The rows to show; all by default.
        system, other, metric, sort, where
            As for the panel.
        """
        self.question = self._asked(system, other, metric, sort, where, row_ids)
        self.opening = _sent(self.question)
        self.send({"type": "show", "opening": self.opening})

    def _asked(
        self,
        system: str | None,
        other: str | None,
        metric: str | None,
        sort: Order,
        where: Mapping[str, str] | None,
        row_ids: Iterable[str] | None,
    ) -> Question:
        """Put names into a question, which has places."""
        grid, baseline = self.grid, self.comparison.settings.baseline
        other = baseline if other is None else other
        rivals = self.comparison.frame["system"]  # the best under the first metric leads
        if system is None:
            system = next((name for name in [*rivals, *grid.systems] if name != other), other)
        names = [each.name for each in grid.metrics]
        orders = {"order": "order", "gain": "delta", "loss": "delta", "size": "size"}
        if sort not in orders:
            raise unknown_name("sort", sort, orders)
        at = 0 if metric is None else _place("metric", metric, names)
        falls = grid.metrics[at].direction == "down"
        return Question(
            a=_place("system", system, grid.systems),
            b=_place("system", other, grid.systems),
            metric=at,
            sort=orders[sort],  # type: ignore[arg-type]
            down=(sort == "loss") == falls if orders[sort] == "delta" else True,
            where=self._slice(where or {}),
            picked=None if row_ids is None else grid.pick(row_ids),
        )

    def _slice(self, where: Mapping[str, str]) -> tuple[int, int] | None:
        if not where:
            return None
        if len(where) > 1:
            raise BadValue(
                f"where must name one column, but {len(where)} came; take the `row_ids` of both."
            )
        ((column, value),) = where.items()
        at = _place("slice", column, self.grid.columns)
        values = [name for name, _ in self.grid.slice_values(at)]
        told = self.comparison.scores.in_words(value)
        return at, _place(f"value of {column}", told, values)

    @property
    def _difference(self) -> str:
        """What is compared, in words."""
        a, b = (
            plain(self.grid.systems[at], width=_NAME) for at in (self.question.a, self.question.b)
        )
        return f"{a} − {b} in {plain(self.grid.metrics[self.question.metric].name, width=_NAME)}"

    @property
    def _order(self) -> str:
        first = "largest" if self.question.down else "smallest"
        if self.question.sort == "order":
            return (
                "in the dataset's order"
                if self.question.down
                else "in the dataset's order, last first"
            )
        of = {"delta": "difference", "size": "size of the difference"}.get(
            self.question.sort,
            f"value of {plain(self.grid.systems[self.question.by], width=_NAME)}",
        )
        return f"{first} {of} first"

    # ------------------------------------------------------------------------------ the browser

    def _first(self) -> dict[str, Any]:
        """Return what shows before the kernel is asked for anything."""
        grid, looks = self.grid, markers(self.comparison)
        found = self.answer({"type": "find", "question": _sent(self.question)})
        return {
            "n_rows": len(grid),
            "page": self._page_rows,
            "n_references": grid.n_references,
            "baseline": grid.systems.index(self.comparison.settings.baseline),
            "systems": [
                {
                    "name": plain(name, width=_NAME),
                    "colour": looks[name]["color"],
                    "glyph": _GLYPHS[looks[name]["symbol"]],
                }
                for name in grid.systems
            ],
            "metrics": [self._told(at) for at in range(len(grid.metrics))],
            "columns": [plain(name, width=_NAME) for name in grid.columns],
            "found": found,
        }

    def _told(self, metric: int) -> dict[str, Any]:
        low, high, places = self.grid.scale(metric)
        about = self.grid.metrics[metric]
        signature = self.comparison.scores.signatures[about.name]
        return {
            "name": plain(about.name, width=_NAME),
            "signature": plain(signature, width=400),
            "direction": about.direction,
            "low": low,
            "high": high,
            "digits": places,
        }

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the page that a request asks for; an empty one where it asks for nothing known.

        Parameters
        ----------
        message : dict
            `type`, and with it: "find" a `question`, and the `row` whose place is wanted; "rows" a
            `question` and a place `from`; "row" a `row`; "text" a `row`, the number of a `text` of
            it and a place `from` in it; "values" a `column`.
        """
        kind, given = message.get("type"), message.get("question")
        question = question_of(self.grid, given if isinstance(given, dict) else {})
        row, start = _whole(message.get("row")), max(0, _whole(message.get("from")))
        if kind == "find":
            self.question = question
            return self._found(question, row)
        if kind == "rows":
            return self._rows_from(self.grid.rows(question), start)
        if kind == "values" and 0 <= (column := _whole(message.get("column"))) < len(
            self.grid.columns
        ):
            values = self.grid.slice_values(column)
            return {"values": [[plain(name, width=_NAME), n] for name, n in values]}
        if not 0 <= row < len(self.grid):
            return {}
        if kind == "row":
            self._at = row
            return {"texts": self._whole_texts(row), "row": row}
        return self._more(row, _whole(message.get("text")), start) if kind == "text" else {}

    def _found(self, question: Question, row: int) -> dict[str, Any]:
        kept = self.grid.rows(question)
        places = (kept == row).nonzero()[0]
        at = int(places[0]) if len(places) else -1
        start = max(0, at) // self._page_rows * self._page_rows
        return {"n": len(kept), "at": at, **self._rows_from(kept, start)}

    def _rows_from(self, kept: Any, start: int) -> dict[str, Any]:  # noqa: ANN401 - of numpy
        rows = kept[start : start + self._page_rows].tolist()
        return {"from": start, "rows": [self._row(row) for row in rows]}

    def _row(self, row: int) -> dict[str, Any]:
        """Return a row of the list: excerpts, and the values of every system under every metric."""
        grid = self.grid
        texts = [grid.text(row, system) for system in range(len(grid.systems))]
        references = grid.references(row)
        return {
            "row": row,
            "id": plain(grid.row_ids[row], width=_NAME),
            "input": self._excerpted(grid.input(row)),
            "references": [self._excerpted(each) for each in references[:MOST_REFERENCES]],
            "texts": [None if each is None else self._excerpted(each) for each in texts],
            "values": [
                [_figure(value) for value in grid.figures[metric, row]]
                for metric in range(len(grid.metrics))
            ],
        }

    def _excerpted(self, text: str) -> list[Any]:
        """Return the beginning of a text, and whether it goes on."""
        # of a long text the white space is not put in order to its end
        line = plain(text[: 4 * self._excerpt])
        kept = _fitting(line, self._excerpt)
        return [kept, len(kept) < len(line) or len(text) > 4 * self._excerpt]

    def _texts_of(self, row: int) -> list[str | None]:
        """Return all texts of a row: its input, its references, and each system's."""
        grid = self.grid
        outputs = [grid.text(row, system) for system in range(len(grid.systems))]
        return [grid.input(row), *grid.references(row), *outputs]

    def _whole_texts(self, row: int) -> list[dict[str, Any]]:
        texts, grid = self._texts_of(row), self.grid
        budget, n_before = _PAGE_BYTES // len(texts) - 100, len(texts) - len(grid.systems)
        found = []
        for at, text in enumerate(texts):
            kept = _fitting(text or "", max(100, budget))
            told: dict[str, Any] = {"text": None if text is None else kept, "n": len(text or "")}
            if at >= n_before and (system := at - n_before) >= 0:
                told |= {"repeats": int(grid.n_repeats[row, system])}
                told |= (
                    {} if text is not None else {"error": plain(grid.error(row, system), width=300)}
                )
            found.append(told)
        return found

    def _more(self, row: int, number: int, start: int) -> dict[str, Any]:
        texts = self._texts_of(row)
        text = (texts[number] or "") if 0 <= number < len(texts) else ""
        return {"text": _fitting(text[start : start + _PAGE_BYTES], _PAGE_BYTES), "from": start}


def _place(what: str, name: str, known: list[str]) -> int:
    if name not in known:
        raise unknown_name(what, name, known)
    return known.index(name)


def _page_size(grid: Grid) -> tuple[int, int]:
    """Return the rows of a page, and the bytes of each text in it."""
    n_texts = len(grid.systems) + 1 + min(grid.n_references, MOST_REFERENCES)
    figures = 12 * len(grid.systems) * len(grid.metrics)
    for n_rows in range(_MOST_ROWS, 0, -1):
        left = _PAGE_BYTES // n_rows - figures - 4 * _NAME - 100
        if (excerpt := left // n_texts - 10) >= _LEAST_EXCERPT or n_rows == 1:
            return n_rows, max(20, min(2 * _LEAST_EXCERPT, excerpt))
    raise AssertionError("a page has a row")


def _fitting(text: str, n_bytes: int) -> str:
    """Return the beginning of a text that takes at most so many bytes of JSON."""
    kept = text[:n_bytes].encode("utf-8", "replace").decode("utf-8")
    while (size := len(json.dumps(kept, ensure_ascii=False).encode()) - 2) > n_bytes:
        kept = kept[: len(kept) * n_bytes // size]
    return kept


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")


def _sent(question: Question) -> dict[str, Any]:
    """Return a question as JSON."""
    return {**asdict(question), "where": list(question.where) if question.where else None}


def _whole(value: object) -> int:
    return value if type(value) is int else -1
