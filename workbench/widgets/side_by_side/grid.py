"""Systems × rows: their texts and values, which rows a question keeps, and in what order.

Columns of numbers and Arrow texts are made once, so that a question about 100,000 rows of six systems
takes some milliseconds; only the rows of a page become Python objects.
"""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.display import digits
from workbench.errors import names_of, unknown_name
from workbench.explaining.texts import text_of

if TYPE_CHECKING:
    from workbench.comparison import Comparison

Flags = NDArray[np.bool_]
Places = NDArray[np.integer[Any]]
Values = NDArray[np.floating[Any]]
Sort = Literal["order", "delta", "size", "value"]

_KEPT_ANSWERS = 16
_LONGEST = 1_000  # characters that are searched for
_N_THREADS = min(4, os.cpu_count() or 1)
# Percentiles at which the colours of a metric end: one odd value must not stretch the scale.
_ENDS = (2, 98)


@dataclass(frozen=True)
class Question:
    """Which rows to show, and in what order.

    Parameters
    ----------
    a, b : int
        The two systems whose difference, a − b, is looked at: places among the systems.
    metric : int
        Under which it is looked at: a place among the metrics.
    sort : {"order", "delta", "size", "value"}
        As in the dataset, by a − b, by its size, or by the value of one system.
    by : int
        The system of "value".
    down : bool
        Whether the largest comes first; what has no value comes last in any case.
    text : str
        What a row must hold in its name, input, references or outputs, whatever the case.
    where : tuple of (int, int), optional
        A slice: a place among the columns, and one among the values of that column.
    low, high : float, optional
        The least and the largest a − b.
    differing : bool
        Only rows on which the texts of a and b differ.
    picked : int, optional
        The number of a choice of rows, from `Grid.pick`.
    """

    a: int = 0
    b: int = 0
    metric: int = 0
    sort: Sort = "order"
    by: int = 0
    down: bool = True
    text: str = ""
    where: tuple[int, int] | None = None
    low: float | None = None
    high: float | None = None
    differing: bool = False
    picked: int | None = None


class Grid:
    """The texts and values of every system on every row that any of them answered.

    Parameters
    ----------
    comparison : Comparison
        Whose rows; of repeats the first text and the mean value, as in `by_row`.

    Attributes
    ----------
    systems, columns : list of str
        The systems, and the columns by which rows can be chosen.
    metrics : list of Metric
        As in the scores.
    row_ids : array of str, shape (n_rows,)
        In the dataset's order.
    figures : array of float, shape (n_metrics, n_rows, n_systems)
        NaN where there is none.
    n_repeats : array of int, shape (n_rows, n_systems)
        Outputs of each system on each row.
    n_references : int
        The most references of a row.
    """

    def __init__(self, comparison: "Comparison") -> None:
        scores = self._scores = comparison.scores
        outputs = self._outputs = scores.outputs
        self.systems, self.columns = scores.systems, scores.slice_columns
        self.metrics = list(scores.metrics)
        self._row_of, names = scores.by_row
        self.row_ids = np.asarray(names, dtype=object)
        cells = self._row_of * len(self.systems) + scores.by_system.codes
        self.n_repeats = self._by_cell(np.bincount(cells, minlength=self._n_cells))
        self.figures = np.stack([self._means(scores.values(m.name), cells) for m in self.metrics])
        self._texts = _arrow(outputs["text"])
        self._places = self._by_cell(_first_texts(self._texts, cells, self._n_cells))
        self._is_shown = np.zeros(len(outputs), dtype=bool)
        self._is_shown[self._places[self._places >= 0]] = True  # of repeats only the first
        self._first_of = np.unique(self._row_of, return_index=True)[1]
        self._references = self._of_rows("references")
        self.n_references = max((len(each) for each in self._references), default=0)
        self._beside = self._searched_beside()
        self._picked: list[Flags] = []
        self._sliced: dict[int, dict[str, Flags]] = {}
        self.scale = cache(self._scale)
        self.rows = lru_cache(_KEPT_ANSWERS)(self._rows)
        self._holding = lru_cache(_KEPT_ANSWERS)(self._rows_holding)

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def _n_cells(self) -> int:
        return len(self) * len(self.systems)

    def _by_cell(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(len(self), len(self.systems))

    def _means(self, values: Values, cells: Places) -> Values:
        """Return the mean value of each system on each row, NaN where it has none."""
        known = ~np.isnan(values)
        sums = np.bincount(cells[known], values[known], minlength=self._n_cells)
        counts = np.bincount(cells[known], minlength=self._n_cells)
        return self._by_cell(np.divide(sums, counts, np.full_like(sums, np.nan), where=counts > 0))

    # ---------------------------------------------------------------------------------- questions

    def pick(self, row_ids: Iterable[str]) -> int:
        """Keep a choice of rows, and return the number by which a question names it.

        Raises
        ------
        UnknownName
            If there is no such row.
        """
        chosen, known = names_of("row_ids", row_ids), set(self.row_ids)
        if strange := [name for name in chosen if name not in known]:
            raise unknown_name("row_id", strange[0], self.row_ids.tolist())
        self._picked.append(np.isin(self.row_ids, np.asarray(chosen, dtype=object)))
        return len(self._picked) - 1

    @property
    def n_picked(self) -> int:
        """How many choices of rows there are."""
        return len(self._picked)

    def _rows(self, question: Question) -> Places:
        """Return the rows that a question keeps, in its order."""
        kept, keys = np.flatnonzero(self._kept(question)), self._keys(question)
        if keys is None:
            return kept if question.down else kept[::-1]
        keys = -keys[kept] if question.down else keys[kept]
        return np.asarray(kept[np.argsort(keys, kind="stable")])  # NaN stands last

    def _keys(self, question: Question) -> Values | None:
        if question.sort == "order":
            return None
        if question.sort == "value":
            return np.asarray(self.figures[question.metric, :, question.by])
        deltas = self.deltas(question)
        return np.abs(deltas) if question.sort == "size" else deltas

    def deltas(self, question: Question) -> Values:
        """Return the difference that a question looks at, shape (n_rows,)."""
        figures = self.figures[question.metric]
        return np.asarray(figures[:, question.a] - figures[:, question.b])

    def _kept(self, question: Question) -> Flags:
        kept = np.ones(len(self), dtype=bool)
        if question.picked is not None:
            kept &= self._picked[question.picked]
        if question.where is not None:
            kept &= [*self._slices(question.where[0]).values()][question.where[1]]
        if question.low is not None:
            kept &= self.deltas(question) >= question.low
        if question.high is not None:
            kept &= self.deltas(question) <= question.high
        if question.differing:
            kept &= self._differing(question.a, question.b)
        return kept & self._holding(question.text) if question.text else kept

    def _rows_holding(self, text: str) -> Flags:
        """Tell which rows hold a text in what is shown of them."""
        found = np.zeros(len(self), dtype=bool)
        found[self._row_of[_holding(self._texts, text) & self._is_shown]] = True
        for texts in self._beside:
            found |= _holding(texts, text)
        return found

    def _differing(self, a: int, b: int) -> Flags:
        """Tell on which rows two systems wrote something else, or only one of them anything."""
        import pyarrow as pa
        import pyarrow.compute as pc

        one, other = (
            self._texts.take(pa.array(places, mask=places < 0))
            for places in (self._places[:, a], self._places[:, b])
        )
        unequal = pc.fill_null(pc.not_equal(one, other), False)
        lone = pc.xor(one.is_null(), other.is_null())
        return np.asarray(pc.or_(unequal, lone).to_numpy(zero_copy_only=False))

    # ------------------------------------------------------------------------------ slices, scales

    def slice_values(self, column: int) -> list[tuple[str, int]]:
        """Return the values of a column, in order, with the number of their rows."""
        return [(name, int(rows.sum())) for name, rows in self._slices(column).items()]

    def _slices(self, column: int) -> dict[str, Flags]:
        """Return by value which rows have it: a row has the values of all of its outputs."""
        import pandas as pd

        if column not in self._sliced:
            codes, names = pd.factorize(self._scores.slice_values(self.columns[column]), sort=True)
            found = {str(name): np.zeros(len(self), dtype=bool) for name in names}
            for code, rows in enumerate(found.values()):
                rows[self._row_of[codes == code]] = True
            self._sliced[column] = found
        return self._sliced[column]

    def _scale(self, metric: int) -> tuple[float, float, int]:
        """Return where the colours of a metric begin and end, and its decimal places."""
        known = self.figures[metric][~np.isnan(self.figures[metric])]
        if not known.size:
            return 0.0, 0.0, 2
        low, high = (float(each) for each in np.percentile(known, _ENDS))
        return low, high, digits(self.metrics[metric].bounds, float(np.abs(known).max()))

    # -------------------------------------------------------------------------------------- texts

    def text(self, row: int, system: int) -> str | None:
        """Return what a system wrote for a row; None where it did not."""
        place = int(self._places[row, system])
        return self._texts[place].as_py() if place >= 0 else None

    def error(self, row: int, system: int) -> str:
        """Say why there is no text, as far as that is known."""
        place = int(self._places[row, system])
        if place < 0:
            return "no output"
        told = self._outputs["error"].iloc[place] if "error" in self._outputs else None
        return f"failed: {told}" if isinstance(told, str) and told else "failed: no text"

    def input(self, row: int) -> str:
        """Return the text of a row's input; empty where there is none."""
        if "input" not in self._outputs:
            return ""
        return text_of(self._outputs["input"].iloc[int(self._first_of[row])]) or ""

    def references(self, row: int) -> list[str]:
        """Return the references of a row; none where rows have none."""
        return list(self._references[row]) if self._references else []

    def _of_rows(self, column: str) -> list[Any]:
        if column not in self._outputs:
            return []
        return self._outputs[column].take(self._first_of).tolist()

    def _searched_beside(self) -> list[Any]:
        """Return what is searched beside the outputs: texts, one per row."""
        inputs = self._of_rows("input")
        texts = [text_of(each) or "" for each in inputs]
        lines = ["\n".join(each) for each in self._references]
        return [_arrow(each) for each in (self.row_ids, texts, lines) if len(each)]


def _first_texts(texts: Any, cells: Places, n_cells: int) -> Places:  # noqa: ANN401 - of Arrow
    """Return where the first output of each cell stands, one with a text if there is any; or −1."""
    places = np.arange(len(cells))
    there = np.asarray(texts.is_valid().to_numpy(zero_copy_only=False))
    order = np.concatenate([places[~there][::-1], places[there][::-1]])
    found = np.full(n_cells, -1)
    found[cells[order]] = order  # of several the last one stays
    return found


def _arrow(texts: Any) -> Any:  # noqa: ANN401 - Arrow is untyped
    import pyarrow as pa

    try:
        return pa.array(texts, type=pa.large_string(), from_pandas=True)
    except UnicodeEncodeError:  # halves of characters, which nobody can search for
        clean = [each.encode("utf-8", "replace").decode() for each in texts]
        return pa.array(clean, type=pa.large_string())


def _holding(texts: Any, text: str) -> Flags:  # noqa: ANN401 - of Arrow
    """Tell which texts hold another, whatever the case; Arrow leaves the other threads alone."""
    import pyarrow.compute as pc

    size = -(-len(texts) // _N_THREADS) or 1
    parts = [texts.slice(start, size) for start in range(0, len(texts), size)]
    sought = partial(pc.match_substring, pattern=text, ignore_case=True)
    with ThreadPoolExecutor(_N_THREADS) as pool:
        found = [
            each.fill_null(False).to_numpy(zero_copy_only=False) for each in pool.map(sought, parts)
        ]
    return np.concatenate([np.zeros(0, dtype=bool), *found])


def question_of(grid: Grid, given: Mapping[str, Any]) -> Question:
    """Read a question that came from a browser; what is not valid in it asks for nothing.

    Parameters
    ----------
    grid : Grid
        Which is asked.
    given : mapping
        JSON with the fields of `Question`.
    """

    def place(name: str, n: int) -> int:
        value = given.get(name)
        return value if type(value) is int and 0 <= value < n else 0

    def limit(name: str) -> float | None:
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value)

    n_systems, text, picked = len(grid.systems), given.get("text"), given.get("picked")
    return Question(
        a=place("a", n_systems),
        b=place("b", n_systems),
        metric=place("metric", len(grid.metrics)),
        sort=given["sort"] if given.get("sort") in get_args(Sort) else "order",
        by=place("by", n_systems),
        down=given.get("down") is not False,
        text=text[:_LONGEST].encode("utf-8", "ignore").decode() if isinstance(text, str) else "",
        where=_slice_of(grid, given.get("where")),
        low=limit("low"),
        high=limit("high"),
        differing=given.get("differing") is True,
        picked=picked if type(picked) is int and 0 <= picked < grid.n_picked else None,
    )


def _slice_of(grid: Grid, given: object) -> tuple[int, int] | None:
    """Read a column and a value of it, if there are such."""
    if not isinstance(given, list) or [type(each) for each in given] != [int, int]:
        return None
    column, value = given
    if not 0 <= column < len(grid.columns) or not 0 <= value < len(grid.slice_values(column)):
        return None
    return column, value
