"""Any numeric column as a metric: a latency, a price, a rating, a judge's mark."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, is_number, unknown_name
from workbench.metrics.base import Array, Direction, Mean, option
from workbench.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

# A column of mixed objects may hold numpy's own numbers.
_NUMBERS = (int, float, np.integer, np.floating, np.bool_)


@dataclass(frozen=True)
class Column(Mean):
    """The mean of a numeric column of OUTPUTS or ROWS.

    Parameters
    ----------
    column : str
        The column's name; true and false count as 1 and 0.
    direction : {"up", "down"} or None
        Which end is better; "down" for costs and latencies, None for neither.
    bounds : tuple of float or None
        The lowest and the highest value it can take, others being refused; ``failures="worst"``
        needs the worse one.
    name : str
        The name in tables; the column's own by default.

    Notes
    -----
    An output whose cell is missing cannot be scored and counts as failed for this metric. A
    failed output that has a value, such as its cost, is scored.

    Examples
    --------
    >>> Column("latency_s", direction="down").signature
    'column:latency_s|version:wb1'
    """

    column: str
    direction: Direction = "up"
    bounds: tuple[float | None, float | None] = (None, None)
    name: str = ""

    def __post_init__(self) -> None:
        if self.direction is not None:
            option("direction", self.direction, ("up", "down"))
        bounds = tuple(self.bounds) if isinstance(self.bounds, tuple | list) else ()
        ends = [each for each in bounds if each is not None]
        if len(bounds) != 2 or not all(map(is_number, ends)) or ends != sorted(ends):
            raise BadValue(
                "bounds must be the lowest and the highest value, None where there is none, but "
                f"{self.bounds!r} came; write (0, 1) or (0, None)."
            )
        object.__setattr__(self, "bounds", bounds)
        object.__setattr__(self, "name", self.name or self.column)

    @property
    def signature(self) -> str:
        """The column and the version of this definition."""
        return f"column:{self.column}|version:wb1"

    @property
    def reads(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def scorable(self, outputs: "pd.DataFrame") -> NDArray[np.bool_]:
        """Tell for each output whether its cell holds something."""
        if self.column not in outputs:
            raise unknown_name("the column of a metric", self.column, outputs.columns)
        return ~np.array([is_missing(value) for value in outputs[self.column].tolist()], dtype=bool)

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return value and count of each output."""
        values = outputs[self.column].tolist()
        for output_id, value in zip(outputs["output_id"], values, strict=True):
            if not isinstance(value, _NUMBERS) or not _is_finite(value):
                raise BadValue(
                    f"column {self.column!r} must be numeric, but {str(value)[:40]!r} came for "
                    f"output {output_id!r}; turn it into a number, or leave the cell empty."
                )
        numbers = np.array(values, dtype=np.float64)
        self._require_inside(outputs, numbers)
        return np.column_stack([numbers, np.ones(len(numbers))])

    def _require_inside(self, outputs: "pd.DataFrame", numbers: Array) -> None:
        low, high = (
            end if each is None else each
            for each, end in zip(self.bounds, (-np.inf, np.inf), strict=True)
        )
        # a mean of ones may be 1.0000000000000002
        outside = ~np.isclose(numbers, np.clip(numbers, low, high), rtol=1e-9, atol=1e-9)
        if outside.any():
            at = outside.argmax()
            raise BadValue(
                f"column {self.column!r} must hold values from {low:g} to {high:g}, its bounds, but "
                f"{numbers[at]:g} came for output {outputs['output_id'].iloc[at]!r}; correct the "
                "value or the bounds."
            )


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - a number of any kind
    """Tell whether a number is one of double precision too; a whole one may have any digits."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
