"""OUTPUTS to SCORES: every output scored by every metric, with nothing lost on the way."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench import contents, tables
from workbench.categories import CATEGORIES
from workbench.display import counted, html_table, plain
from workbench.errors import BadValue, names_of, some, unknown_name
from workbench.metrics.base import Array, Metric, complete
from workbench.metrics.choosing import named_apart
from workbench.metrics.measuring import measured
from workbench.workers import Where

if TYPE_CHECKING:
    import pandas as pd

MOST_SLICES = 50
"""A column with more values than this is no slice."""

_MISSING = "(missing)"


@dataclass(frozen=True, eq=False)
class Scores:
    """The statistics of every output under every metric, and where they came from.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS joined with ROWS, row by row in the dataset's order.
    metrics : tuple of Metric
        The metrics, in the order asked for.
    statistics : mapping of str to array of float, shape (n_outputs, k)
        By metric name; NaN where an output cannot be scored.
    signatures : mapping of str to str
        By metric name, with the number of references filled in.
    digest : str
        SHA-256 of the dataset.
    dataset : str
        The dataset's name.
    whole : tuple of str
        The systems of what these scores are a part of; empty where they are no part. Figures of a
        part keep the colours of the whole.
    reused : mapping of str to int
        By metric name, how many outputs' statistics `score` found in its cache; the others were
        computed.
    notes : mapping of str to array of float, shape (n_outputs, n_notes)
        By metric name, whether each of the metric's notes holds of an output; NaN where it cannot
        be scored.
    """

    outputs: "pd.DataFrame"
    metrics: tuple[Metric, ...]
    statistics: Mapping[str, Array]
    signatures: Mapping[str, str]
    digest: str
    dataset: str
    whole: tuple[str, ...] = ()
    reused: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, Array] = field(default_factory=dict)

    @property
    def systems(self) -> list[str]:
        """The systems' names, sorted."""
        return list(self.by_system.names)

    @cached_property
    def by_system(self) -> tables.Coded:
        """The system of each output; names are sorted."""
        return tables.Coded.of(self.outputs["system"], sort=True)

    @cached_property
    def by_row(self) -> tables.Coded:
        """The row of each output; names are in the dataset's order."""
        return tables.Coded.of(self.outputs["row_id"])

    def metric(self, name: str) -> Metric:
        """Return the metric of a name.

        Raises
        ------
        UnknownName
            If no metric bears it.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise unknown_name("metric", name, [metric.name for metric in self.metrics])

    def scored(self, name: str) -> NDArray[np.bool_]:
        """Tell for each output whether the metric of that name could score it."""
        return complete(self.statistics[name])

    def values(self, name: str) -> Array:
        """Return the value of each output by itself under a metric; NaN where there is none."""
        metric = self.metric(name)
        values = bounded(metric, metric.aggregate(self.statistics[name]))
        return np.where(self.scored(name), values, np.nan)

    def only(
        self,
        *,
        systems: Iterable[str] | None = None,
        metrics: Iterable[str] | None = None,
        where: Mapping[str, object] | None = None,
    ) -> "Scores":
        """Return a part of the scores; nothing is computed anew.

        Parameters
        ----------
        systems, metrics : str or iterable of str, optional
            Names to keep; all by default.
        where : mapping of str to value, optional
            By column, the value of the rows to keep, as in `slice_rows`: with a row all of its
            outputs stay, even where only one of them has the value.

        Raises
        ------
        BadValue
            If nothing is left, or nothing of a system that was named.
        UnknownName
            If a system, a metric or a column does not exist.
        """
        wanted = None if metrics is None else names_of("metrics", metrics)
        chosen = self.metrics if wanted is None else tuple(map(self.metric, wanted))
        named = self.systems if systems is None else names_of("systems", systems)
        if strange := [name for name in named if name not in self.systems]:
            raise unknown_name("system", strange[0], self.systems)
        kept = self.outputs["system"].isin(named).to_numpy() & self._within(where or {})
        if not kept.any() or not chosen:
            raise BadValue(
                f"a part of the scores must hold a row and a metric, but nothing is left of "
                f"{self.dataset} where {dict(where or {})}; choose other values."
            )
        left = set(self.outputs.loc[kept, "system"])
        if systems is not None and (lost := [name for name in named if name not in left]):
            raise BadValue(
                f"a part of the scores must hold an output of each system named, but none of "
                f"{some(lost)} is left of {self.dataset} where {dict(where or {})}; choose other "
                "values."
            )
        told = ", ".join(
            f"{name} = {self.in_words(value)}" for name, value in (where or {}).items()
        )
        return replace(
            self,
            dataset=f"{self.dataset} where {told}" if told else self.dataset,
            outputs=self.outputs[kept].reset_index(drop=True),
            metrics=chosen,
            statistics={each.name: self.statistics[each.name][kept] for each in chosen},
            notes={each.name: self.notes[each.name][kept] for each in chosen if self.notes},
            signatures={each.name: self.signatures[each.name] for each in chosen},
            whole=self.whole or tuple(self.systems),
        )

    def without_outputs(self) -> "Scores":
        """Return metrics and signatures alone: what another process needs beside statistics."""
        return replace(
            self,
            outputs=self.outputs.iloc[:0],
            statistics={},
            notes={},
            whole=tuple(self.systems),
        )

    def _within(self, where: Mapping[str, object]) -> NDArray[np.bool_]:
        """Tell for each output whether its row has these values."""
        rows = self.outputs["row_id"]
        kept = np.ones(len(rows), dtype=bool)
        for column, value in where.items():
            found = rows[self.slice_values(column) == self.in_words(value)]
            kept &= rows.isin(found).to_numpy()
        return kept

    @staticmethod
    def in_words(cell: object) -> str:
        """Say a value of a column in words; one missing value makes floats of whole numbers."""
        if isinstance(cell, float | np.floating) and abs(number := float(cell)) < 2**53:
            cell = int(number) if number.is_integer() else cell
        return _MISSING if tables.is_missing(cell) else str(cell)

    @property
    def slice_columns(self) -> list[str]:
        """Columns of the dataset with 2 to 50 different values and no meaning of their own."""
        known = {field.name for table in (tables.ROWS, tables.OUTPUTS) for field in table.columns}
        known |= set(self.systems)  # of a file that has a column per system
        return [
            str(name)
            for name in self.outputs.columns
            if name not in known
            and not (name == "category" and self.categories)
            and _may_be_slice(self.outputs[name])
            and 2 <= self.slice_values(name).nunique() <= MOST_SLICES
        ]

    def slice_values(self, column: str) -> "pd.Series[str]":
        """Return the value of a column for each output, in words: "(missing)" where there is none.

        Raises
        ------
        UnknownName
            If there is no such column.
        """
        if column not in self.outputs:
            raise unknown_name("slice", column, self.slice_columns)
        import pandas as pd

        cells = self.outputs[column]
        if cells.dtype == object:  # lists have no hash, and True is no 1
            return cells.map(self.in_words).astype("str")
        codes, values = pd.factorize(cells)
        words = np.array([*map(self.in_words, values), _MISSING], dtype=object)
        return pd.Series(words[codes], index=cells.index, name=column, dtype="str")

    def slice_rows(self, column: str) -> list[tuple[str, list[str]]]:
        """Return the rows of each value of a column, values in order.

        Raises
        ------
        BadValue
            If the column has more than 50 values.
        UnknownName
            If there is no such column.
        """
        values = self.slice_values(column)
        if (n_values := values.nunique()) > MOST_SLICES:
            raise BadValue(
                f"a slice must have at most {MOST_SLICES} values, but {column!r} has {n_values} "
                f"({some(values.unique(), 3)}); group its values in a new column."
            )
        return [
            (value, self.outputs.loc[values == value, "row_id"].unique().tolist())
            for value in sorted(values.unique())
        ]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """SCORES: one row per output and metric; `value` is missing where there is none."""
        import pandas as pd

        columns = ["output_id", "row_id", "system", "repeat"]
        parts = []
        for metric in self.metrics:
            part = self.outputs[columns].assign(metric=metric.name, value=self.values(metric.name))
            parts.append(part.assign(signature=self.signatures[metric.name]))
        order = [field.name for field in tables.SCORES.columns]
        return pd.concat(parts, ignore_index=True)[order]

    @cached_property
    def failures(self) -> "pd.DataFrame":
        """What each system did not deliver.

        Columns: `system`; `n_rows`, the rows that any system answered; `n_absent`, those without
        an output; `n_failed`, outputs without a text or with an error; `n_empty`, outputs of
        white space only, which are scored as the texts they are. Where the outputs say what became
        of them (`category`, see `workbench.categories`) also `n_outputs` and, of each other category
        that occurs, such as `n_timeout` or `n_refusal`, how many: those with a text are scored.
        """
        import pandas as pd

        lost = failed(self.outputs).to_numpy()
        texts = self.outputs["text"]
        blank = (texts.eq("") | texts.str.isspace()).to_numpy(dtype=bool, na_value=False) & ~lost
        (system, names), (row, rows) = self.by_system, self.by_row
        cells = np.bincount(row * len(names) + system, minlength=len(rows) * len(names))
        counts = {
            "n_rows": len(rows),
            "n_absent": (cells.reshape(len(rows), len(names)) == 0).sum(axis=0),
            "n_failed": self.by_system.counted(lost),
            "n_empty": self.by_system.counted(blank),
        }
        frame = pd.DataFrame(counts, index=pd.Index(names, name="system", dtype="str"))
        if categories := self.categories:
            frame["n_outputs"] = self.by_system.counted()
            told = pd.crosstab(self.outputs["system"], self.outputs["category"])
            told = told[categories].reindex(frame.index, fill_value=0)
            frame = frame.join(told.add_prefix("n_"))
        return frame.reset_index()

    @cached_property
    def categories(self) -> list[str]:
        """What became of outputs that are neither ok nor empty, where it is said and occurs."""
        if "category" not in self.outputs:
            return []
        found = set(self.outputs["category"].dropna().map(str))
        if not found <= set(CATEGORIES):  # a column of the dataset that has this name
            return []
        return [each for each in CATEGORIES if each in found - {"ok", "empty"}]

    @cached_property
    def noted(self) -> "pd.DataFrame":
        """What metrics note beside their figures, such as how many answers a rule did not find.

        Columns: `metric`, `system`, `note`, `n` outputs of which it holds, `n_outputs` that were
        looked at.
        """
        import pandas as pd

        records = [
            (metric.name, system, note, int(np.nansum(flags)), int((~np.isnan(flags)).sum()))
            for metric in self.metrics
            for at, note in enumerate(metric.notes if self.notes else ())
            for system in self.systems
            for flags in [self.notes[metric.name][(self.outputs["system"] == system), at]]
        ]
        return pd.DataFrame(records, columns=["metric", "system", "note", "n", "n_outputs"])

    def __repr__(self) -> str:
        systems = counted(len(self.systems), "system")
        rows = counted(self.outputs["row_id"].nunique(), "row")
        names = ", ".join(metric.name for metric in self.metrics)
        return plain(
            f"Scores: {systems} × {rows} of {self.dataset} by {names}; {self.failure_note}"
        )

    @property
    def failure_note(self) -> str:
        """One sentence on what is missing, and on what else became of outputs."""
        counts = self.failures.drop(columns=["system", "n_rows"]).sum()
        told = "every output has a text"
        if counts[["n_absent", "n_failed", "n_empty"]].sum():
            told = (
                f"{counted(counts['n_absent'], 'output')} absent, {counts['n_failed']} failed, "
                f"{counts['n_empty']} empty"
            )
        if self.categories:
            named = ", ".join(f"{counts[f'n_{each}']} {each}" for each in self.categories)
            told += f" (of {counted(counts['n_outputs'], 'output')} {named})"
        for (metric, note), part in self.noted.groupby(["metric", "note"], sort=False):
            if part["n"].any():
                told += f"; {metric}: {part['n'].sum()} of {part['n_outputs'].sum()} {note}"
        return told

    def _repr_html_(self) -> str:
        body = [[plain(name), plain(signature)] for name, signature in self.signatures.items()]
        return html_table(["metric", "signature"], body, caption=repr(self))


def _may_be_slice(cells: "pd.Series[Any]") -> bool:
    """Tell fast whether a column may have few values; of mixed cells one does not know."""
    return cells.dtype == object or cells.nunique() <= MOST_SLICES


def failed(outputs: "pd.DataFrame") -> "pd.Series[bool]":
    """Tell which outputs have no text, or an error."""
    lost = outputs["text"].isna()
    return lost | outputs["error"].notna() if "error" in outputs else lost


def bounded(metric: Metric, values: Array) -> Array:
    """Keep figures inside the metric's bounds: a perfect BLEU is 100, not 100.00000000000004."""
    low, high = metric.bounds
    return np.asarray(np.clip(values, low, high)) if (low, high) != (None, None) else values


def score(
    outputs: "pd.DataFrame",
    rows: "pd.DataFrame",
    metrics: Iterable[Metric],
    *,
    executor: Where = "auto",
    cache: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Score every output by every metric.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS.
    rows : DataFrame
        ROWS. `input` and `references` are always theirs; any other column that OUTPUTS has too is
        called `…_row` in the join.
    metrics : iterable of Metric
        The metrics, with distinct names.
    executor : executor or {"auto", "processes", "serial"}
        Where outputs are scored, in chunks: by what has the methods of `concurrent.futures`, such
        as ``dask.distributed.Client(...).get_executor()``; by a worker process per processor; or
        here. "auto" does it here unless that would take more than ten seconds, and then lets
        worker processes do the rest, if all metrics are of this package. The scores are the same.
    cache : str or Path, optional
        A folder that keeps the statistics of outputs: what was scored before, by the same metric
        with the same options and code, is not scored again.
    progress : callable, optional
        Called with the units of work done and in all.

    Returns
    -------
    Scores
        Its `frame` is SCORES. Outputs without a text, or with an error, stay in it without a
        value; rows that no system answered are left out.

    Raises
    ------
    BadValue
        If a table breaks its rules, two metrics share a name, one does not say which end is better,
        a row lacks references, or a metric would mislead on these texts.
    Unreadable
        If the cache cannot be used.

    Warns
    -----
    RuntimeWarning
        If the executor failed at chunks, which were then scored here.

    Notes
    -----
    The cache knows what a metric of one's own depends on only if its class has an attribute
    `reads`, a tuple of the columns that `statistics` looks at; else it is computed every time.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "Guten Tag", "references": ["Good day"]}])
    >>> outputs = wb.outputs(rows, {"a": ["Good day"], "b": [None]})
    >>> wb.score(outputs, rows, [wb.ExactMatch()])
    Scores: 2 systems × 1 row of the list given by exact_match; 0 outputs absent, 1 failed, 0 empty
    """
    chosen = named_apart(metrics)
    dataset = str(rows.attrs.get("name", "the rows given"))
    checked = tables.ROWS.check(rows, source="rows")
    joined = _joined(tables.OUTPUTS.check(outputs, source="outputs"), checked)
    found = measured(chosen, joined, executor=executor, cache=cache, progress=progress)
    return Scores(
        outputs=joined,
        metrics=chosen,
        statistics=found.statistics,
        signatures={metric.name: _signed(metric, joined) for metric in chosen},
        digest=contents.digest(checked),
        dataset=dataset,
        reused=found.reused,
        notes=found.notes,
    )


def _joined(outputs: "pd.DataFrame", rows: "pd.DataFrame") -> "pd.DataFrame":
    """Join in the dataset's order, so that a row's outputs stand together."""
    import pandas as pd

    known = dict.fromkeys(rows["row_id"].tolist())  # pandas takes ten times as long to look
    if strange := [each for each in outputs["row_id"].tolist() if each not in known]:
        raise unknown_name("row_id in OUTPUTS", strange[0], known)
    if "repeat" not in outputs:
        outputs = outputs.assign(repeat=outputs.groupby(["row_id", "system"]).cumcount())
    ordered = in_order(outputs, known).reset_index(drop=True)
    # One file may be read as both tables, and only ROWS has checked its references.
    twice = [name for name in ("input", "references") if name in ordered]
    ordered = ordered.drop(columns=twice)
    of_row = rows.iloc[_places(ordered["row_id"], known)].drop(columns="row_id")
    both = {name: f"{name}_row" for name in of_row.columns if name in ordered}
    return pd.concat([ordered, of_row.rename(columns=both).reset_index(drop=True)], axis=1)


def in_order(outputs: "pd.DataFrame", row_ids: Iterable[str]) -> "pd.DataFrame":
    """Sort by row, then system, then repeat; the index stays."""
    import pandas as pd

    systems, _ = pd.factorize(outputs["system"], sort=True)
    repeats = outputs["repeat"].to_numpy(dtype=np.float64, na_value=np.nan)
    return outputs.iloc[np.lexsort([repeats, systems, _places(outputs["row_id"], row_ids)])]


def _places(names: "pd.Series[str]", known: Iterable[str]) -> NDArray[np.int64]:
    """Return the place of each name among those known, after all of them where it is none."""
    place = {name: at for at, name in enumerate(known)}
    return np.array([place.get(name, len(place)) for name in names.tolist()], dtype=np.int64)


def _signed(metric: Metric, joined: "pd.DataFrame") -> str:
    """Fill the number of references into the signature."""
    if "references" not in joined:
        return metric.signature
    counts = set(map(len, joined.loc[metric.scorable(joined), "references"]))
    n_references = str(*counts) if len(counts) == 1 else "var"
    return metric.signature.replace("nrefs:?", f"nrefs:{n_references}")
