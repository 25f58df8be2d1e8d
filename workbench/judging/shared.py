"""What a judge and people said of the same outputs, subject by subject."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue
from workbench.judging.said import exchanges
from workbench.ratings.estimation.classes import require_resampling
from workbench.stats import Exact, Units
from workbench.stats.exact import Array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: over rows, by so many resamples."""

    level: float
    samples: int
    seed: int

    def __post_init__(self) -> None:
        require_resampling(self.level, self.samples, self.seed)

    @property
    def signature(self) -> str:
        """Level, resamples and seed, and the version of this definition."""
        return f"level:{self.level:g}|samples:{self.samples}|seed:{self.seed}|version:wb1"

    def units(
        self,
        statistics: Array,
        aggregate: Callable[[Array], Array],
        bounds: tuple[float | None, float | None] = (None, None),
    ) -> Units:
        """Return rows that resample as those of a comparison do.

        Parameters
        ----------
        statistics : array of float, shape (n_rows, n_figures, k)
            Of each row, for one figure or for several that are compared.
        aggregate : callable
            Sums of statistics, shape (..., k), to figures, shape (...).
        bounds : (float or None, float or None)
            Between which the figures lie.
        """
        return Units(
            Exact.of(statistics),
            aggregate,
            samples=self.samples,
            seed=self.seed,
            level=self.level,
            bounds=bounds,
        )


def mean_of(sums: Array) -> Array:
    """Return a sum of values over their number; NaN of none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], np.nan)


@dataclass(frozen=True, eq=False)
class Both:
    """What judge and people said of the same subjects: pairs of systems, or outputs, on rows.

    `judge` has one label per subject; `subject`, `rater` and `label` are people's answers.
    """

    subjects: "pd.Index[Any]"
    row: NDArray[np.int64]
    rows: tuple[str, ...]
    judge: Array
    subject: NDArray[np.int64]
    rater: NDArray[np.int64]
    label: Array
    prefers: bool

    @classmethod
    def of(cls, judged: "pd.DataFrame", people: "pd.DataFrame", prefers: bool) -> "Both":
        """Find the subjects that both judged."""
        keys = ["row", "system", "other"] if prefers else ["row", "system"]
        value = "preference" if prefers else "mark"
        judge, each = (
            _by_rater(told, keys, value) for told in (judged.assign(rater="judge"), people)
        )
        said = judge.set_index(keys)[value].sort_index()
        said = said[said.index.isin(each.set_index(keys).index)]
        if said.empty:
            raise BadValue(
                "judge and people must have judged the same outputs, but there are none that both "
                "did; let people rate some of the rows that were judged."
            )
        places = said.index.get_indexer(each.set_index(keys).index)
        each = each.assign(subject=places)[places >= 0].sort_values(["subject", "rater"])
        rows, row = np.unique(said.index.get_level_values("row").to_numpy(), return_inverse=True)
        labels = [
            _label(part[value].to_numpy(dtype=np.float64), prefers)
            for part in (said.reset_index(), each)
        ]
        raters = np.unique(each["rater"].to_numpy(), return_inverse=True)[1]
        subject = each["subject"].to_numpy(dtype=np.int64)
        names = tuple(str(name) for name in rows)
        return cls(said.index, row, names, labels[0], subject, raters, labels[1], prefers)

    @property
    def n(self) -> int:
        """Number of subjects."""
        return len(self.judge)

    @cached_property
    def most(self) -> Array:
        """What most people said of each subject; NaN where no preference has most voices."""
        import pandas as pd

        if not self.prefers:
            return pd.Series(self.label).groupby(self.subject).median().to_numpy()
        voices = np.zeros((self.n, 3))
        np.add.at(voices, (self.subject, (2 * self.label).astype(np.int64)), 1)
        alone = (voices == voices.max(axis=1, keepdims=True)).sum(axis=1) == 1
        return np.where(alone, voices.argmax(axis=1) / 2, np.nan)

    def added(self, values: Array, chosen: NDArray[np.bool_] | None = None) -> Array:
        """Add the figures of subjects, shape (n, k), by row; rows without any are left out."""
        row = self.row if chosen is None else self.row[chosen]
        kept, codes = np.unique(row, return_inverse=True)
        table = np.zeros((len(kept), values.shape[1]))
        np.add.at(table, codes, values)
        return table


def _by_rater(said: "pd.DataFrame", keys: list[str], value: str) -> "pd.DataFrame":
    """Return the mean answer of each rater to each subject."""
    told = exchanges(said) if value == "preference" else said
    told = told.dropna(subset=value)
    return told.groupby(["rater", *keys])[value].mean().reset_index()


def _label(values: Array, prefers: bool) -> Array:
    return np.asarray(0.5 + 0.5 * np.sign(values - 0.5)) if prefers else values
