"""From RATINGS to codes that can be counted: who said which value about what."""

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.display import plain
from workbench.errors import BadValue, some, unknown_name
from workbench.ratings.estimation.classes import Array, Codes
from workbench.ratings.estimation.coincidence import Patterns, Scale, patterns
from workbench.ratings.estimation.comparisons import turned
from workbench.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

Where = NDArray[np.bool_]


class NotOfScale(BadValue):
    """A value that a scale cannot hold."""


class Answers(NamedTuple):
    """The answers to one question, as codes from 0.

    Attributes
    ----------
    items, units, raters, codes : array of int, shape (n_ratings,)
        A unit is what is rated: an output of an item, two systems on an item, or an item that
        compares its outputs.
    points : array of float, shape (n_values,)
        The values as numbers, in their order.
    """

    items: Codes
    units: Codes
    raters: Codes
    codes: Codes
    points: Array

    @property
    def shared(self) -> Where:
        """Whether each rating is of a unit that two raters or more rated."""
        return np.asarray(np.bincount(self.units)[self.units] > 1)

    def patterns(self, chosen: Where | None = None) -> Patterns:
        """Count the patterns of chosen answers, or of all."""
        units, items, codes = self.units, self.items, self.codes
        if chosen is not None:
            units, items, codes = units[chosen], items[chosen], codes[chosen]
            units, items = (np.unique(each, return_inverse=True)[1] for each in (units, items))
        return patterns(items, units, codes, len(self.points))


def answered(ratings: "pd.DataFrame", question: str | None) -> "pd.DataFrame":
    """Return the rows that hold an answer, to one question or to all.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS, checked.
    question : str, optional
        Which question.

    Raises
    ------
    UnknownName
        If nothing answers that question.
    BadValue
        If nothing answers anything.
    """
    if question is not None:
        known = sorted(set(ratings["question"]))
        if question not in known:
            raise unknown_name("question", question, known)
        ratings = ratings[ratings["question"] == question]
    frame = ratings[[not is_missing(value) for value in ratings["value"].tolist()]]
    if frame.empty:
        raise BadValue(
            f"ratings must hold an answer, but none came in {len(ratings)} rows; read the journal "
            "after somebody has rated."
        )
    return frame


def by_label(question: str, rows: "pd.DataFrame") -> "Iterator[tuple[str, pd.DataFrame]]":
    """Yield the question, or one question per label where the answers are lists of labels."""
    values = [each.tolist() if isinstance(each, np.ndarray) else each for each in rows["value"]]
    if not all(_are_labels(value) for value in values):
        yield question, rows
        return
    seen = sorted({label for value in values for label in value})
    if not seen:
        yield question, rows.assign(value="no label")
    for label in seen:
        given = ["given" if label in value else "not given" for value in values]
        yield f"{question}: {label}", rows.assign(value=given)


def _are_labels(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)


def coded(rows: "pd.DataFrame", scale: Scale, order: tuple[Hashable, ...] | None) -> Answers:
    """Return the answers to one question as codes.

    Parameters
    ----------
    rows : DataFrame
        RATINGS of one question, none of them missing.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        What the values are.
    order : tuple, optional
        All values there are, in their order.

    Raises
    ------
    BadValue
        If a rater answered twice, or a value cannot be of that scale (`NotOfScale`).
    """
    import pandas as pd

    if "adjudicated" in rows:
        rows = rows[rows["adjudicated"].ne(True).to_numpy()]
    if rows.empty:
        raise BadValue(
            "ratings must hold answers of raters, but only rulings of adjudicators came; read the "
            "journal with adjudicated='ignore'."
        )
    rows = turned(rows)
    codes, points = _coded(rows, scale, order)
    items, targets, raters = (
        pd.factorize(each)[0] for each in (rows["item_id"], targets_of(rows), rows["rater"])
    )
    units = pd.factorize(items * (int(targets.max()) + 1) + targets)[0]
    _refuse_repeats(rows, units * (int(raters.max()) + 1) + raters)
    return Answers(items, units, raters, codes, points)


def _refuse_repeats(rows: "pd.DataFrame", keys: Codes) -> None:
    import pandas as pd

    twice = pd.Series(keys).duplicated().to_numpy()
    if twice.any():
        first = rows[twice].iloc[0]
        raise BadValue(
            f"a rater must answer a question once per item, but {first['rater']!r} answered "
            f"{first['question']!r} on item {first['item_id']!r} again ({int(twice.sum())} such "
            "ratings); keep one of them, or give repeats an item_id of their own."
        )


def targets_of(rows: "pd.DataFrame") -> "pd.Series[Any]":
    """Return which output of its item each row rates, or which two systems; "" where it ranks them.

    An output is named by its own name, or by its system where that is all that is known.

    Parameters
    ----------
    rows : DataFrame
        RATINGS, the systems of a pair in one order (`turned`).
    """
    import pandas as pd

    found = pd.Series(_named(rows), index=rows.index, dtype=object)
    if "system_a" in rows and "system_b" in rows:
        pairs = rows[["system_a", "system_b"]].dropna()
        found[pairs.index] = pd.Series([*pairs.itertuples(index=False, name=None)], pairs.index)
    return found


def _named(rows: "pd.DataFrame") -> list[str]:
    """Return the output that each row rates, by its name or else its system; "" of several."""
    nothing = [None] * len(rows)
    items = rows["item_id"].tolist()
    systems = rows["system"].tolist() if "system" in rows else nothing
    systems = [None if is_missing(each) else each for each in systems]
    shown = rows["output_ids"].tolist() if "output_ids" in rows else nothing
    outputs = [each[0] if each is not None and len(each) == 1 else None for each in shown]
    # who names a system alone means its output, if others name one
    named: dict[tuple[str, str | None], set[str]] = {}
    for item, system, output in zip(items, systems, outputs, strict=True):
        if output is not None:
            named.setdefault((item, system), set()).add(output)
    only = {about: next(iter(each)) for about, each in named.items() if len(each) == 1}
    return [
        output or (only.get((item, system), system) if system else "")
        for item, system, output in zip(items, systems, outputs, strict=True)
    ]


def _coded(
    rows: "pd.DataFrame", scale: Scale, order: tuple[Hashable, ...] | None
) -> tuple[Codes, Array]:
    """Return the values as codes in the order of the scale, and the values of the codes."""
    import pandas as pd

    _refuse_records(rows)
    codes, found = pd.factorize(rows["value"].astype(object))
    seen = [_plain(value) for value in found]
    known = sorted(seen, key=_place) if order is None else [_plain(value) for value in order]
    at = {value: place for place, value in enumerate(known)}
    if len(at) < len(known):
        raise BadValue(f"values must differ, but {some(known, 9)} came; name each once.")
    if strange := [value for value in seen if value not in at]:
        raise _refused(rows, strange[0], f"one of {some(known, 9)}", "add it to `values`")
    places = np.array([at[value] for value in seen], dtype=np.int64)[codes]
    if scale == "nominal" or (scale == "ordinal" and order is not None):
        return places, np.arange(len(known), dtype=np.float64)
    return places, _points(rows, scale, known)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a rater may choose
    """Return a number of numpy as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _place(value: object) -> tuple[bool, float, str]:
    """Sort numbers by size, before texts by their letters."""
    if isinstance(value, (int, float)):
        return False, float(value), ""
    return True, 0.0, str(value)


def _points(rows: "pd.DataFrame", scale: Scale, known: list[Any]) -> Array:
    for value in known:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not np.isfinite(value):
            advice = (
                "give their order in `values`, or use scale='nominal'"
                if scale == "ordinal"
                else "use scale='nominal'"
            )
            raise _refused(rows, value, "a finite number", advice, scale)
        if scale == "ratio" and value < 0:
            raise _refused(rows, value, "at least 0", "use scale='interval'", scale)
    points = np.array(known, dtype=np.float64)
    if scale != "ordinal" and (np.diff(points) < 0).any():
        raise BadValue(
            f"values must rise on a scale of numbers, but {some(known, 9)} came; sort them."
        )
    return points


def _refused(
    rows: "pd.DataFrame", value: object, must: str, advice: str, scale: str | None = None
) -> NotOfScale:
    where = [each == value for each in rows["value"].tolist()]
    item = f" on item {rows[where].iloc[0]['item_id']!r}" if any(where) else ""
    kind = f" on the {scale} scale" if scale else ""
    return NotOfScale(
        f"a value of question {rows.iloc[0]['question']!r} must be {must}{kind}, but "
        f"{plain(repr(value), width=60)} came{item}; {advice}."
    )


def _refuse_records(rows: "pd.DataFrame") -> None:
    """Refuse what is no single value: spans, rankings, best and worst."""
    if rows["value"].dtype != object:
        return
    for item, value in zip(rows["item_id"], rows["value"], strict=True):
        if isinstance(value, (dict, list, tuple, np.ndarray)):
            raise NotOfScale(
                f"a value of question {rows.iloc[0]['question']!r} must be a single number or text, "
                f"but {plain(repr(value), width=60)} came on item {item!r}; "
                f"{_advice(value)}."
            )


def _advice(value: Any) -> str:  # noqa: ANN401 - whatever a rater's answer holds
    if isinstance(value, dict):
        return "rank systems by best and worst with wb.ratings.rank"
    if len(value) and not isinstance(value[0], dict):
        return "rank systems by rankings with wb.ratings.rank"
    return "make numbers of spans first, such as their weighted count per output"
