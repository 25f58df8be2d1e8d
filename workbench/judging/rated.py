"""RATINGS as a metric: what people or judges say of an output, compared like any other figure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue
from workbench.judging.said import compares, marks_said, preferences_said, settled
from workbench.metrics.base import Array, Direction, Metric, option

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rated(Metric):
    """The mean mark of outputs, or how often they are preferred, as raters said it.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS: marks of outputs, or preferences, which make the share of the other systems'
        outputs on the row to which this one is preferred (ties half). An output counts once,
        whatever the number of its raters, repeats and orders.
    question : str, optional
        Which question; it may be left out where there is only one.
    direction : {"up", "down"} or None
        Which end is better.
    bounds : tuple of float or None
        The lowest and the highest mark; ``failures="worst"`` needs the worse one. Preferences are
        between 0 and 1.
    name : str
        The name in tables; "rating:" and the question by default.

    Notes
    -----
    Preferences over one baseline make win rates over it; then compare systems with each other, for
    the baseline itself has none.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "a"}, {"input": "b"}])
    >>> outputs = wb.outputs(rows, {"one": ["x", "y"], "two": ["u", "v"]})
    >>> ratings = outputs[["row_id", "system"]].assign(
    ...     item_id=outputs["output_id"], rater="ana", question="fluency", value=[3, 4, 5, 5])
    >>> wb.score(outputs, rows, [Rated(ratings)]).frame[["output_id", "metric", "value"]]
      output_id          metric  value
    0   one:1:0  rating:fluency    3.0
    1   two:1:0  rating:fluency    5.0
    2   one:2:0  rating:fluency    4.0
    3   two:2:0  rating:fluency    5.0
    """

    ratings: "pd.DataFrame" = field(repr=False, compare=False)
    question: str | None = None
    direction: Direction = "up"
    bounds: tuple[float | None, float | None] = (None, None)
    name: str = ""
    told: str = field(init=False, repr=False, default="")
    _values: Mapping[tuple[str, str], float] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        if self.direction is not None:
            option("direction", self.direction, ("up", "down"))
        prefers = compares(self.ratings, self.question)
        said = (preferences_said if prefers else marks_said)(self.ratings, question=self.question)
        asked = str(said["question"].iloc[0])
        made = {
            "_values": _preferred(said) if prefers else _marked(said),
            "bounds": (0.0, 1.0) if prefers else self.bounds,
            "name": self.name or f"rating:{asked}",
            "told": _told(said, "preferred" if prefers else "mean", asked),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def signature(self) -> str:
        """Which question, and how judges were asked, or how many raters there were."""
        return self.told

    def scorable(self, outputs: "pd.DataFrame") -> NDArray[np.bool_]:
        """Tell for each output whether anybody rated it."""
        return ~np.isnan(self._of(outputs))

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return value and count of each output."""
        values = self._of(outputs)
        return np.column_stack([values, np.ones(len(values))])

    def worst(self, outputs: "pd.DataFrame") -> Array:
        """Return the worse bound."""
        bound = {"up": self.bounds[0], "down": self.bounds[1], None: None}[self.direction]
        if bound is None:
            return super().worst(outputs)
        return np.tile([bound, 1.0], (len(outputs), 1))

    def _of(self, outputs: "pd.DataFrame") -> NDArray[np.float64]:
        """Return the value of each output: its own, or that of its row and system."""
        nothing = float("nan")
        keys = zip(outputs["output_id"], outputs["row_id"], outputs["system"], strict=True)
        found = [
            self._values.get((output, ""), self._values.get((row, system), nothing))
            for output, row, system in keys
        ]
        return np.array(found, dtype=np.float64)


def _marked(said: "pd.DataFrame") -> dict[tuple[str, str], float]:
    """Return mean marks by output where all say which they rate, else by row and system."""
    if said["output_id"].isna().any():
        return _by_pair(settled(said))
    means = said.dropna(subset="mark").groupby("output_id")["mark"].mean()
    return {(str(output), ""): float(mark) for output, mark in means.items()}


def _preferred(said: "pd.DataFrame") -> dict[tuple[str, str], float]:
    """Return by row and system the mean preference over those it was compared with."""
    found: dict[tuple[str, str], list[float]] = {}
    for (row, system, other), share in _by_pair(settled(said)).items():
        found.setdefault((row, system), []).append(share)
        found.setdefault((row, other), []).append(1 - share)
    return {key: sum(values) / len(values) for key, values in found.items()}


def _by_pair(values: "pd.Series[float]") -> dict[Any, float]:
    return {key: float(value) for key, value in values.items()}


def _told(said: "pd.DataFrame", how: str, asked: str) -> str:
    named = sorted(set(said["signature"].dropna())) if "signature" in said else []
    if len(named) > 1:
        raise BadValue(
            "ratings that make one metric must be asked for alike, but they have "
            f"{len(named)} signatures, such as {named[0]!r} and {named[1]!r}; choose one judge."
        )
    who = named[0] if named else f"raters:{said['rater'].nunique()}"
    return f"rating:{asked}|value:{how}|{who}|version:wb1"
