"""Whether outputs match a regular expression, under a limit of time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import BadValue, unknown_name
from workbench.metrics.base import Array, Mean, Metric, option
from workbench.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

_METHODS = {"search": "search", "full": "fullmatch"}


@dataclass(frozen=True)
class RegexMatch(Mean):
    r"""Regex match: the share of outputs that a regular expression matches, 0 to 1.

    Parameters
    ----------
    pattern : str, optional
        The expression, in the syntax of the package `regex`, which takes that of `re`.
    column : str, optional
        Instead, the column of ROWS that holds each row's own expression.
    mode : {"search", "full"}
        Whether it must match anywhere in the text, or the whole text.
    ignore_case : bool
        Whether upper and lower case are one.
    timeout_s : float
        Seconds that one text may take: some expressions take years for some texts.
    name : str
        The name in tables.

    Raises
    ------
    BadValue
        If not one of `pattern` and `column` is given, or an expression is none. When scoring: if a
        row has none, or a text takes too long.

    Examples
    --------
    >>> RegexMatch(r"\bparis\b", ignore_case=True).signature
    'regex:\\bparis\\b|mode:search|case:lc|version:wb1'
    """

    pattern: str | None = None
    column: str | None = None
    mode: Literal["search", "full"] = "search"
    ignore_case: bool = False
    timeout_s: float = 1.0
    name: str = "regex_match"

    def __post_init__(self) -> None:
        option("mode", self.mode, ("search", "full"))
        if (self.pattern is None) == (self.column is None):
            raise BadValue(
                "regex_match must have either a pattern or a column of patterns, but "
                f"{self.pattern!r} and {self.column!r} came; pass one of them."
            )
        if not self.timeout_s > 0:
            raise BadValue(f"timeout_s must be above 0, but {self.timeout_s} came; use 1.0.")
        if self.pattern is not None:
            self._matcher(self.pattern)

    @property
    def signature(self) -> str:
        """The pattern or its column, how it is applied and the version of this definition."""
        what = f"regex:{self.pattern}" if self.column is None else f"column:{self.column}"
        case = "lc" if self.ignore_case else "mixed"
        return f"{what}|mode:{self.mode}|case:{case}|version:wb1"

    @property
    def reads(self) -> tuple[str, ...]:
        """The text, and the column of patterns where there is one."""
        return ("text",) if self.column is None else ("text", self.column)

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return hit and count of each output."""
        patterns: Sequence[str | None] = [self.pattern] * len(outputs)
        if self.column is not None:
            patterns = texts_of(self, outputs, self.column, "a pattern")
        matchers = {each: self._matcher(each) for each in set(patterns)}
        hits = []
        for output_id, text, pattern in zip(
            outputs["output_id"], outputs["text"], patterns, strict=True
        ):
            try:
                hits.append(matchers[pattern](text, timeout=self.timeout_s) is not None)
            except TimeoutError:
                raise BadValue(
                    f"a pattern must match a text in {self.timeout_s:g} s, but {pattern!r} took "
                    f"longer for output {output_id!r}; write it without nested repetitions, such as "
                    "(a+)+, or pass a larger timeout_s."
                ) from None
        return np.column_stack([np.array(hits, dtype=np.float64), np.ones(len(hits))])

    def _matcher(self, pattern: str | None) -> Callable[..., Any]:
        import regex

        try:
            compiled = regex.compile(pattern, regex.IGNORECASE if self.ignore_case else 0)
        except (regex.error, TypeError) as error:
            raise BadValue(
                f"a pattern must be a regular expression, but {pattern!r} came ({error}); correct it."
            ) from None
        matcher: Callable[..., Any] = getattr(compiled, _METHODS[self.mode])
        return matcher


def cells_of(metric: Metric, outputs: "pd.DataFrame", column: str, what: str) -> list[Any]:
    """Return the cells of a column that a metric needs of every row."""
    if column not in outputs:
        raise unknown_name(f"the column of {metric.name}", column, outputs.columns)
    cells = outputs[column].tolist()
    for row_id, cell in zip(outputs["row_id"], cells, strict=True):
        if is_missing(cell):
            raise BadValue(
                f"{metric.name} needs {what} for every row, but column {column!r} of row "
                f"{row_id!r} is empty; fill it in, or leave the row out."
            )
    return cells


def texts_of(metric: Metric, outputs: "pd.DataFrame", column: str, what: str) -> list[str]:
    """Return the texts of a column that a metric needs of every row; CSV makes 42 a number."""
    cells = cells_of(metric, outputs, column, what)
    texts = [str(cell) if type(cell) is int else cell for cell in cells]
    for row_id, text in zip(outputs["row_id"], texts, strict=True):
        if not isinstance(text, str):
            raise BadValue(
                f"{metric.name} needs {what} as text, but column {column!r} of row {row_id!r} holds "
                f"{text!r:.40}; write it as text."
            )
    return texts
