"""What a metric is: a row of statistics for each output, and a figure made of their sum.

Everything else follows from these two: the corpus score, the score of a slice, of a bootstrap
resample or of a permutation is `aggregate` of a weighted sum of `statistics`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, unknown_name

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.floating[Any]]
Direction = Literal["up", "down"] | None


class Metric(ABC):
    """A figure that is a function of summed statistics.

    A metric is a frozen dataclass whose fields are its options. A new one needs a `name`, a
    `direction` and `statistics`; without an `aggregate` of its own its figure is the sum of the
    first column, values, over that of the second, their weights.

    Attributes
    ----------
    name : str
        The metric's name, unique within one call of `score`.
    direction : {"up", "down"} or None
        Which end is better; None when neither is, and then there is no verdict.
    bounds : tuple of float or None
        The lowest and the highest value that the metric can take.
    notes : tuple of str
        What the last columns of `statistics` say about each output beside the figure, 1 or 0:
        ``notes = ("unparsed",)``. `score` takes them off and counts them; an output with a note may
        have NaN for its other statistics, and then it counts as failed for this metric.

    Examples
    --------
    >>> import workbench as wb
    >>> class Exclamations(wb.Metric):
    ...     name, direction = "exclamations", "down"
    ...     def statistics(self, outputs):
    ...         return [[text.count("!"), 1] for text in outputs["text"]]
    >>> rows = wb.read([{"input": "Hi"}, {"input": "Bye"}])
    >>> outputs = wb.outputs(rows, {"calm": ["Hello", "Bye"], "loud": ["Hello!!", "Bye!"]})
    >>> wb.score(outputs, rows, [Exclamations()]).frame[["output_id", "metric", "value"]]
      output_id        metric  value
    0  calm:1:0  exclamations    0.0
    1  loud:1:0  exclamations    2.0
    2  calm:2:0  exclamations    0.0
    3  loud:2:0  exclamations    1.0
    """

    name: str
    direction: Direction
    bounds: tuple[float | None, float | None] = (None, None)
    notes: ClassVar[tuple[str, ...]] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made when needed: a peer's tokenizer need not bear the journey."""
        made = {
            name
            for name in vars(self)
            if isinstance(getattr(type(self), name, None), cached_property)
        }
        return {name: value for name, value in vars(self).items() if name not in made}

    @property
    def signature(self) -> str:
        """How the figure is made, `key:value` joined by `|`; "nrefs:?" is filled in by `score`."""
        return f"metric:{self.name}"

    shipped: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Note whether the metric is one of this package: those are known to have no other effect."""
        cls.shipped = cls.__module__.startswith("workbench.")

    @property
    def movable(self) -> bool:
        """Whether other processes may do the work without being asked for it."""
        return self.shipped

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The columns that `statistics` looks at: ``reads = ("text", "references")``.

        None if nobody says; then it gets all of them, and no cache keeps what it returns.
        """
        return None

    @abstractmethod
    def statistics(self, outputs: "pd.DataFrame") -> Array | Sequence[Sequence[float]]:
        """Return the statistics of each output.

        Parameters
        ----------
        outputs : DataFrame
            OUTPUTS joined with ROWS, of outputs for which `scorable` holds.

        Returns
        -------
        array of float, shape (n_outputs, k + n_notes)
            Summable statistics in their natural units, and the notes.
        """

    def aggregate(self, sums: Array) -> Array:
        """Return the figure for each sum of statistics.

        Parameters
        ----------
        sums : array of float, shape (..., k)
            Sums over outputs.

        Returns
        -------
        array of float, shape (...)
            NaN where there is nothing to make a figure of.
        """
        value, weight = sums[..., 0], sums[..., 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(weight == 0, np.nan, value / weight)

    def approximate(self, sums: Array) -> Array:
        """Return the figures to 2⁻⁴⁰ of each, where that is faster than `aggregate`.

        Resampling takes them for intervals, and in tests wherever they decide. Sums may come in
        single precision; figures in single precision must be right to 2⁻²⁰.
        """
        return self.aggregate(sums.astype(np.float64, copy=False))

    def scorable(self, outputs: "pd.DataFrame") -> NDArray[np.bool_]:
        """Tell for each output whether there is something to score: a text, and no error."""
        there: NDArray[np.bool_] = outputs["text"].notna().to_numpy()
        if "error" in outputs:
            there = there & outputs["error"].isna().to_numpy()  # pandas lends it read-only
        return there

    def answers(self, outputs: "pd.DataFrame") -> list[Any]:
        """Return what counts as each output's answer where repeats are compared, None for none.

        Any values that can be equal and hashed; the text itself unless a metric knows better.
        """
        return list(outputs["text"])

    def columns_read(self) -> tuple[str, ...] | None:
        """Return `reads`, unless `statistics` was replaced by a class that does not say it anew."""
        told = next(
            kind for kind in type(self).__mro__ if {"reads", "statistics"} & vars(kind).keys()
        )
        return self.reads if "reads" in vars(told) else None

    def refuse(self, outputs: "pd.DataFrame") -> None:  # noqa: B027 - a hook
        """Raise BadValue for texts on which the figure would mislead; by default for none."""

    def worst(self, outputs: "pd.DataFrame") -> Array:  # noqa: ARG002 - subclasses use it
        """Return the statistics of the worst possible outputs, for ``failures="worst"``.

        Raises
        ------
        BadValue
            If the metric has no worst value.
        """
        raise BadValue(
            f"failures='worst' needs metrics with a worst value, but {self.name} is unbounded; "
            "drop it, or use failures='exclude'."
        )

    def best(self, outputs: "pd.DataFrame") -> Array:  # noqa: ARG002 - subclasses use it
        """Return the statistics of the best possible outputs: what failures may have hidden.

        Raises
        ------
        BadValue
            If the metric has no best value.
        """
        raise BadValue(
            f"a bound needs metrics with a best value, but {self.name} has none; define `best`."
        )


class Mean(Metric):
    """The mean over outputs of a value between bounds, by default from 0 to 1, the more the better."""

    direction: Direction = "up"
    bounds: tuple[float | None, float | None] = (0.0, 1.0)

    def worst(self, outputs: "pd.DataFrame") -> Array:
        """Return outputs at the worse bound."""
        bound = self._ends()[0]
        return super().worst(outputs) if bound is None else np.tile([bound, 1.0], (len(outputs), 1))

    def best(self, outputs: "pd.DataFrame") -> Array:
        """Return outputs at the better bound."""
        bound = self._ends()[1]
        return super().best(outputs) if bound is None else np.tile([bound, 1.0], (len(outputs), 1))

    def _ends(self) -> tuple[float | None, float | None]:
        """Return the worse and the better bound."""
        low, high = self.bounds
        ends = {"up": (low, high), "down": (high, low)}
        return ends[self.direction] if self.direction else (None, None)


def parted(metric: Metric, statistics: Array) -> tuple[Array, Array]:
    """Part what `statistics` returned into statistics and notes."""
    k = statistics.shape[-1] - len(metric.notes)
    return statistics[..., :k], statistics[..., k:]


def option(what: str, value: str, known: Sequence[str]) -> None:
    """Refuse the value of an option that is none of the known ones."""
    if value not in known:
        raise unknown_name(what, value, known)


def require_references(metric: Metric, outputs: "pd.DataFrame") -> None:
    """Refuse outputs whose row has no reference."""
    if "references" not in outputs:
        raise BadValue(
            f"{metric.name} needs references, but ROWS came without the column 'references'; "
            "name yours 'reference' or 'references' as it is read (columns={'YOURS': 'reference'}, "
            "or --columns YOURS=reference in a shell), or use a metric without references."
        )
    if not all(map(len, outputs["references"])):
        bare = outputs.loc[outputs["references"].map(len) == 0, "row_id"].unique()
        raise BadValue(
            f"{metric.name} needs at least one reference per row, but row {str(bare[0])!r} has none "
            f"({len(bare)} such rows); add references or leave these rows out."
        )


def complete(statistics: Array) -> NDArray[np.bool_]:
    """Tell which outputs have all of their statistics."""
    lost = np.isnan(statistics)
    # along axes of ten NumPy is slow
    return np.asarray(~lost.any(axis=1)) if lost.any() else np.ones(len(lost), dtype=bool)
