"""The seven tables that everything moves in, and the check at the door.

A table is a pandas DataFrame whose columns mean what is said here. `Table.check` runs once, where
data comes in; inside the package a table is trusted.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.errors import BadValue, some

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Kind = Literal["key", "text", "texts", "number", "count", "any"]
"""What a cell may hold: "key" (an identifier), "text", "texts" (a list of text), "number" (finite),
"count" (a whole number, not negative) or "any". A cell may be missing unless it is a required key."""


@dataclass(frozen=True)
class Field:
    """One column of a table: its name, what a cell may hold, and what it means."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One of the seven tables: its columns, and which of them identify a row.

    Parameters
    ----------
    name : str
        The table's name in documentation and messages, in capitals.
    one_row_per : str
        What a row stands for.
    keys : tuple of tuple of str
        Sets of columns whose values together must be unique, where the table has them.
    columns : tuple of Field
        The known columns; any other column is kept as it is.
    rule : callable, optional
        What must hold beyond single cells; it gets the frame and its source, and raises.
    advice : str
        What to do where columns are missing.
    """

    name: str
    one_row_per: str
    keys: tuple[tuple[str, ...], ...]
    columns: tuple[Field, ...]
    rule: "Callable[[pd.DataFrame, str], None] | None" = None
    advice: str = "add them, or rename yours"

    def check(self, frame: "pd.DataFrame", *, source: str) -> "pd.DataFrame":
        """Return the frame with its cells in their kinds, or say what is wrong with it.

        Parameters
        ----------
        frame : DataFrame
            Any frame that should be this table.
        source : str
            Where it came from, for the message: a file, or the name of an argument.

        Returns
        -------
        DataFrame
            A new frame with a fresh index; identifiers are text, numbers are float64 or Int64.

        Raises
        ------
        BadValue
            If a required column is missing, a cell is of the wrong kind, or a key is not unique.
        """
        self._require(frame, source)
        checked = frame.reset_index(drop=True)
        for column in self.columns:
            if column.name in checked:
                cells = checked[column.name]
                checked[column.name] = _cast(cells, column, f"{self.name} ({source})")
        self._unique(checked, source)
        if self.rule:
            self.rule(checked, source)
        return checked

    def _require(self, frame: "pd.DataFrame", source: str) -> None:
        names = [str(name) for name in frame.columns]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise BadValue(
                f"{self.name} ({source}) must have each column once, but {some(doubled)} came twice; "
                "rename one of them."
            )
        missing = [c.name for c in self.columns if c.required and c.name not in names]
        if missing:
            raise BadValue(
                f"{self.name} ({source}) must have the columns {some(missing, 9)}, but only "
                f"{some(names, 9) or 'none'} came; {self.advice}."
            )

    def _unique(self, frame: "pd.DataFrame", source: str) -> None:
        for key in self.keys:
            present = [name for name in key if name in frame]
            doubled = frame[frame.duplicated(present)] if present == list(key) else frame[:0]
            if len(doubled):
                first = {name: plain_value(doubled.iloc[0][name]) for name in key}
                raise BadValue(
                    f"{self.name} ({source}) must have one row per {' × '.join(key)}, but "
                    f"{first} comes again in row {doubled.index[0] + 1} "
                    f"({len(doubled)} such rows); remove the copies or name them apart."
                )


def is_missing(value: Any) -> bool:  # noqa: ANN401 - a cell may hold anything
    """Tell whether a cell holds nothing: None, NaN or NA; a list is something even when empty.

    Examples
    --------
    >>> [is_missing(value) for value in (None, float("nan"), "", [])]
    [True, True, False, False]
    """
    if value is None:
        return True
    if isinstance(value, str):
        return False
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in {"NAType", "NaTType"}


def plain_value(cell: Any) -> Any:  # noqa: ANN401 - a cell holds anything
    """Return a cell as JSON knows it: missing ones as None, what JSON does not know as text.

    Examples
    --------
    >>> plain_value((1, float("nan")))
    [1, None]
    """
    if isinstance(cell, (str, bool, int)) or cell is None:
        return cell
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if is_missing(cell):
        return None
    if isinstance(cell, Mapping):
        return {str(key): plain_value(value) for key, value in cell.items()}
    if isinstance(cell, (list, tuple)):
        return [plain_value(value) for value in cell]
    return cell if isinstance(cell, (bool, int, float)) else str(cell)


class Coded(NamedTuple):
    """Names as numbers: the place of each among the different ones, and these.

    Examples
    --------
    >>> import pandas as pd
    >>> coded = Coded.of(pd.Series(["b", "a", "b"]), sort=True)
    >>> coded.codes.tolist(), coded.names, coded.counted().tolist()
    ([1, 0, 1], ['a', 'b'], [1, 2])
    """

    codes: "NDArray[np.int64]"
    names: list[str]

    @classmethod
    def of(cls, names: "pd.Series[str]", *, sort: bool = False) -> "Coded":
        """Give numbers to names as they come first, or as they are sorted."""
        import pandas as pd

        codes, found = pd.factorize(names, sort=sort)
        return cls(codes, found.tolist())

    def counted(self, chosen: "NDArray[np.bool_] | None" = None) -> "NDArray[np.int64]":
        """Count how often each name comes, in all or among those chosen."""
        import numpy as np

        codes = self.codes if chosen is None else self.codes[chosen]
        return np.bincount(codes, minlength=len(self.names))


def each_row(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return the rows of a frame as dicts, in their order."""
    names = [str(name) for name in frame.columns]
    columns = [column.tolist() for _, column in frame.items()]  # to_dict takes ten times as long
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _as_key(value: object) -> str:
    if isinstance(value, str):
        return _as_text(value)
    # beyond 2**53 a float stands for several whole numbers, and two names would become one
    if isinstance(value, float) and abs(value) > 2**53:
        raise ValueError
    return str(_as_whole(value))


def _as_whole(value: object) -> int:
    # numpy integers have __index__ too; a spreadsheet makes floats of integers
    whole = hasattr(value, "__index__") or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise TypeError
    return int(value)  # type: ignore[call-overload, no-any-return]


def _as_count(value: object) -> int:
    if not 0 <= (count := _as_whole(value)) < 2**63:
        raise ValueError
    return count


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    if not value.isascii():
        value.encode("utf-8")  # half of a surrogate pair is no text; it raises a ValueError
    return value


def _as_texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [_as_text(value)]
    # a set has no order, and what is computed from it would differ from run to run
    if isinstance(value, (Mapping, Set)) or not isinstance(value, Iterable):
        raise TypeError
    return [_as_text(each) for each in value if not is_missing(each)]


def _as_number(value: object) -> float:
    if isinstance(value, str) or not math.isfinite(number := float(value)):  # type: ignore[arg-type]
        raise ValueError
    return number


_NOTHING = (type(None),)

_CASTS: Mapping[Kind, tuple[Callable[[object], object], str, str]] = {
    "key": (_as_key, "text or a whole number", "str"),
    "text": (_as_text, "text", "str"),
    "texts": (_as_texts, "text or a list of text", "object"),
    "number": (_as_number, "a finite number", "float64"),
    "count": (_as_count, "a whole number, not negative", "Int64"),
}


def _cast(cells: "pd.Series[Any]", column: Field, where: str) -> "pd.Series[Any]":
    """Cast each cell that holds something, or name the first that cannot be."""
    import pandas as pd

    ready = column.kind in {"key", "text"} and cells.dtype == "str"
    if column.kind == "any" or (ready and not (column.required and cells.isna().any())):
        return cells
    cast, must, dtype = _CASTS[column.kind]
    values: list[Any] = cells.tolist()
    if (usual := _usual(values, column)) is not None:
        return pd.Series(usual, index=cells.index, dtype=dtype)
    found, values = values, []
    for row, value in enumerate(found):
        missing = is_missing(value)
        try:
            if missing and column.required and column.kind == "key":
                raise ValueError
            values.append(([] if dtype == "object" else None) if missing else cast(value))
        except (ValueError, TypeError, OverflowError):
            came = "nothing" if missing else repr(str(value)[:60])
            raise BadValue(
                f"{column.name} in {where} must be {must}, but {came} came in row {row + 1}; "
                "correct that cell."
            ) from None
    return pd.Series(values, index=cells.index, dtype=dtype)


def _usual(values: list[Any], column: Field) -> Any:  # noqa: ANN401 - what a Series is made of
    """Return cells that are as they must be, looked at together; None where each needs a look."""
    kinds = set(map(type, values))
    if column.kind in {"key", "text"}:
        return _texts(values) if kinds <= {str, *(() if column.required else _NOTHING)} else None
    if column.kind == "texts":
        texts = kinds == {list} and _are_texts(list(chain.from_iterable(values)))
        return list(map(list, values)) if texts else None
    if column.kind == "count" and kinds == {int} and min(values) >= 0 and max(values) < 2**63:
        return values
    return None


def _texts(values: list[str | None]) -> Any:  # noqa: ANN401 - an array of pandas
    """Return texts as pandas holds them, None if one has half of a surrogate pair."""
    import pandas as pd
    import pyarrow as pa

    try:
        # Arrow's own pool takes as long as the work when it first grows
        found = pa.array(values, pa.large_string(), memory_pool=pa.system_memory_pool())
    except UnicodeEncodeError:
        return None
    return pd.array(found, dtype="str")


def _are_texts(values: list[Any]) -> bool:
    """Tell whether all values are text, without half of a surrogate pair."""
    return set(map(type, values)) <= {str} and _texts(values) is not None


def _sides_are_known(ratings: "pd.DataFrame", source: str) -> None:
    """Refuse preferences that do not say which system was shown first.

    Without it a liking for a system and a liking for a side look the same (position bias;
    Zheng et al. 2023, section 3.3).
    """
    if "system_a" not in ratings:
        return
    preferences = ratings[ratings["system_a"].notna()]
    silent = preferences[preferences["side"].isna()] if "side" in preferences else preferences
    if len(silent):
        raise BadValue(
            f"RATINGS ({source}) must say in `side` which system was shown first, but the "
            f"preferences on items {some(silent['item_id'])} do not; ask in both orders and "
            "record the side."
        )


ROWS = Table(
    "ROWS",
    "dataset row",
    (("row_id",),),
    (
        Field("row_id", "key", "the row's name, unique in the dataset", required=True),
        Field("input", "any", "text, or a list of chat messages", required=True),
        Field("references", "texts", "right answers, any number of them"),
        Field("cluster", "key", "rows that share a source; they are resampled together"),
    ),
    advice="add them, or say which they are (columns={'YOURS': 'input'}, or --columns YOURS=input in "
    "a shell)",
)

OUTPUTS = Table(
    "OUTPUTS",
    "row × system × repeat",
    (("output_id",), ("row_id", "system", "repeat")),
    (
        Field("output_id", "key", "the output's name, unique", required=True),
        Field("row_id", "key", "the row of ROWS that it answers", required=True),
        Field("system", "key", "model × prompt × parameters", required=True),
        Field("text", "text", "what the system wrote; missing when it failed", required=True),
        Field("model", "key", "the model's name"),
        Field("prompt", "key", "the prompt's name and version"),
        Field("repeat", "count", "which of several answers to the same row, from 0"),
        Field("input_tokens", "count", "tokens read, cached ones included"),
        Field("cached_tokens", "count", "tokens read from a cache"),
        Field("output_tokens", "count", "tokens written"),
        Field("latency_s", "number", "seconds from request to last token"),
        Field("cost_usd", "number", "US dollars"),
        Field("finish_reason", "text", "why the model stopped"),
        Field("error", "text", "what went wrong; missing when nothing did"),
        Field("run_id", "key", "the trajectory behind the output"),
    ),
    advice="add them, rename yours, or, with a column per system, name these columns "
    "(wb.outputs(rows, ['NAME', …]), or --systems NAME … in a shell)",
)

SCORES = Table(
    "SCORES",
    "output × metric",
    (("output_id", "metric"),),
    (
        Field("output_id", "key", "the output that is scored", required=True),
        Field("row_id", "key", "its row", required=True),
        Field("system", "key", "its system", required=True),
        Field("metric", "key", "the metric's name", required=True),
        Field("value", "number", "the metric of this output alone", required=True),
        Field("signature", "text", "how the value was made", required=True),
        Field("repeat", "count", "which of several answers to the same row"),
    ),
)

RATINGS = Table(
    "RATINGS",
    "current answer of one rater",
    (("rating_id",),),
    (
        Field("item_id", "key", "the item that was rated", required=True),
        Field("rater", "key", "who answered", required=True),
        Field("question", "key", "which question of the task", required=True),
        Field("value", "any", "number, label, ranking or spans, by the question", required=True),
        Field("rating_id", "key", "the answer's name, unique"),
        Field("session", "key", "the sitting in which it was given"),
        Field("row_id", "key", "the row behind the item"),
        Field("output_ids", "texts", "the outputs, in the order shown"),
        Field("system", "key", "the system, for a rating of one output"),
        Field("system_a", "key", "the first system of a preference"),
        Field("system_b", "key", "the second system of a preference"),
        Field("side", "key", "the system that was shown first (left)"),
        Field("run_id", "key", "the trajectory that was rated"),
        Field("step", "count", "its step"),
        Field("started_at", "any", "when the item was shown"),
        Field("duration_s", "number", "seconds of attention"),
    ),
    rule=_sides_are_known,
)

RUNS = Table(
    "RUNS",
    "trajectory",
    (("run_id",),),
    (
        Field("run_id", "key", "the run's name, unique", required=True),
        Field("format", "key", "the format it was read from"),
        Field("task_id", "key", "what was to be done"),
        Field("trial", "count", "which attempt at the task, from 0"),
        Field("output_id", "key", "the output it led to"),
        Field("agent", "key", "the agent's name"),
        Field("agent_version", "key", "the agent's version"),
        Field("model", "key", "the model's name"),
        Field("status", "key", "how the run ended"),
        Field("outcome", "any", "whether, or how well, the task was done"),
        Field("n_steps", "count", "number of steps but demos and copied context"),
        Field("input_tokens", "count", "tokens read, over leaves only"),
        Field("cached_tokens", "count", "of these, read from a cache"),
        Field("output_tokens", "count", "tokens written, over leaves only"),
        Field("cost_usd", "number", "US dollars, over leaves only"),
        Field("cost_source", "key", "recorded or recomputed"),
        Field("start_ns", "count", "nanoseconds since 1970, UTC"),
        Field("end_ns", "count", "nanoseconds since 1970, UTC"),
        Field("source", "text", "file and place"),
    ),
)

STEPS = Table(
    "STEPS",
    "trajectory × step",
    (("run_id", "step"),),
    (
        Field("run_id", "key", "the trajectory", required=True),
        Field("step", "count", "position in it, from 0", required=True),
        Field("kind", "key", "gen_ai.operation.name, or one of ours", required=True),
        Field("parent", "count", "the step that encloses it"),
        Field("call_step", "count", "the call that this step answers"),
        Field("agent", "key", "who acted"),
        Field("model", "key", "the model's name"),
        Field("tool", "key", "the tool's name"),
        Field("status", "key", "how the step ended"),
        Field("error_type", "key", "the kind of error"),
        Field("start_ns", "count", "nanoseconds since 1970, UTC"),
        Field("end_ns", "count", "nanoseconds since 1970, UTC"),
        Field("input_tokens", "count", "tokens read"),
        Field("cached_tokens", "count", "of these, read from a cache"),
        Field("cache_written_tokens", "count", "tokens of the input written to a cache"),
        Field("output_tokens", "count", "tokens written"),
        Field("reasoning_tokens", "count", "of these, reasoning"),
        Field("cost_usd", "number", "US dollars"),
        Field("uncounted", "any", "true of a demo or copied context, paid for elsewhere"),
        Field("source", "text", "where in the file"),
    ),
)

FINDINGS = Table(
    "FINDINGS",
    "one thing a check says",
    (),
    (
        Field("check", "key", "the check that speaks", required=True),
        Field("subject", "key", "what it speaks of", required=True),
        Field("severity", "key", "info, warning or error", required=True),
        Field("value", "number", "the figure"),
        Field("ci_low", "number", "lower end of its interval"),
        Field("ci_high", "number", "upper end of its interval"),
        Field("limit", "number", "the figure that must not be passed"),
        Field("evidence", "any", "what it rests on"),
        Field("n", "count", "number of things looked at"),
    ),
)

TABLES: Sequence[Table] = (ROWS, OUTPUTS, SCORES, RATINGS, RUNS, STEPS, FINDINGS)
