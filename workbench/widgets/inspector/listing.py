"""The list of runs: what each took, what came of it, and what other tables say of it."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.display import number, plain
from workbench.store import digest
from workbench.trajectories.model import Json
from workbench.widgets.inspector.joins import Names, frame_of_table, marks_of, require_some
from workbench.widgets.inspector.pages import clean, cut, is_missing

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from workbench.trajectories.collection import Runs

ROWS = 100
"""Runs of a page, if so many fit."""

_PAGE_BYTES = 56_000
_NAME_WIDTH, _NAME_BYTES, _ID_WIDTH = 40, 120, 80
_MOST_TOOLS = 60  # that runs are filtered by
_MOST_TOLD = 6  # scores, or questions, of a run
_MOST_LABELS = 3


class Listing:
    """What the list of runs shows, counted once.

    Parameters
    ----------
    runs : Runs
        The runs.
    names : Names, optional
        By which other tables know the runs.
    findings : mapping of int to list, optional
        What is said of each run, by its place.
    scores, ratings : DataFrame, optional
        SCORES and RATINGS of their outputs.

    Examples
    --------
    >>> from workbench.trajectories import Run, Runs
    >>> Listing(Runs.of([Run("mine", name="a", status="ok")])).rows(0)
    [{'id': 'a', 'format': 'mine', 'status': 'ok', 'n_steps': 0, 'n_errors': 0}]
    """

    def __init__(
        self,
        runs: "Runs",
        names: Names | None = None,
        *,
        findings: Mapping[int, list[Json]] | None = None,
        scores: "pd.DataFrame | None" = None,
        ratings: "pd.DataFrame | None" = None,
    ) -> None:
        self.runs, self.names = runs, names or Names(runs)
        self._lengths = runs.lengths
        self.findings = findings or {}
        self._scores = {} if scores is None else _scores(self.names, scores)
        self._ratings = {} if ratings is None else _ratings(self.names, ratings)

    @property
    def counts(self) -> Mapping[str, Mapping[int, Any]]:
        """What was found of each table, by run."""
        return {"findings": self.findings, "scores": self._scores, "ratings": self._ratings}

    @property
    def is_scored(self) -> bool:
        """Whether some run has scores or ratings."""
        return bool(self._scores or self._ratings)

    @cached_property
    def n_errors(self) -> Counter[int]:
        """The steps of each run, by its place, that ended in an error."""
        import numpy as np
        import pyarrow.compute as pc

        runs, _ = _codes(self.runs.table, "run_id")
        failed = pc.fill_null(pc.equal(self.runs.table["status"], "error"), False).to_numpy()
        places, counts = np.unique(runs[failed], return_counts=True)
        return Counter(dict(zip(places.tolist(), counts.tolist(), strict=True)))

    @cached_property
    def _calls(self) -> dict[int, Counter[str]]:
        """How often each run, by its place, called each tool."""
        import numpy as np
        import pyarrow.compute as pc

        table = self.runs.table
        is_call = pc.equal(table["kind"], "execute_tool")
        table = table.filter(pc.and_(is_call, pc.is_valid(table["tool"])))
        (runs, _), (tools, names) = _codes(table, "run_id"), _codes(table, "tool")
        n_names = max(1, len(names))
        pairs, counts = np.unique(runs.astype(np.int64) * n_names + tools, return_counts=True)
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for pair, n in zip(pairs.tolist(), counts.tolist(), strict=True):
            found[pair // n_names][names[pair % n_names]] = n
        return found

    @cached_property
    def _tools(self) -> list[str]:
        """The tools that are called most in all runs."""
        total: Counter[str] = Counter()
        for calls in self._calls.values():
            total.update(calls)
        return sorted(total, key=lambda tool: (-total[tool], tool))[:_MOST_TOOLS]

    @property
    def tools(self) -> list[str]:
        """Their names, as they are shown."""
        return [_name(tool) or "" for tool in self._tools]

    @cached_property
    def _n_notes(self) -> Counter[str]:
        return Counter(self.runs.annotations["run_id"])

    def rows(
        self, start: int, end: int | None = None, *, n_bytes: int | None = _PAGE_BYTES
    ) -> list[dict[str, Json]]:
        """Return what is shown of some runs: as many as fit, but one.

        Parameters
        ----------
        start, end : int
            Their places; by default a page of them.
        n_bytes : int or None
            How large they may be as JSON; None for any size.
        """
        end = start + ROWS if end is None else end
        rows, left = list[dict[str, Json]](), n_bytes or 0
        records = self.runs.frame.iloc[start:end].to_dict("records")
        for at, record in enumerate(records, start):
            row = self._row(at, record)
            left -= len(json.dumps(row, ensure_ascii=False).encode()) + 2
            if n_bytes is not None and left < 0 and rows:
                break
            rows.append(row)
        return rows

    def _row(self, at: int, row: Mapping[Any, Any]) -> dict[str, Json]:
        run_id = row["run_id"]
        n_tokens = [
            row[name] for name in ("input_tokens", "output_tokens") if not is_missing(row[name])
        ]
        times = row["start_ns"], row["end_ns"]
        own = self.names.output[at]
        told = {
            "id": short_id(run_id),
            "long_id": long_id(run_id),
            "format": _name(row["format"]),
            "row": None if self.names.row[at] == row["task_id"] else _name(self.names.row[at]),
            "output": None if own is None else plain(own[:400], width=_ID_WIDTH),
            "task": _name(row["task_id"]),
            "trial": _whole(row["trial"]),
            "agent": _name(row["agent"]),
            "model": _name(row["model"]),
            "status": _name(row["status"]),
            "outcome": None if is_missing(row["outcome"]) else float(row["outcome"]),
            "n_steps": self._lengths[at],
            "n_errors": self.n_errors[at],
            "tokens": int(sum(n_tokens)) if n_tokens else None,
            "cost_usd": None if is_missing(row["cost_usd"]) else float(row["cost_usd"]),
            "ms": None if any(map(is_missing, times)) else (times[1] - times[0]) // 1_000_000,
            **self._beside(at, run_id),
        }
        return {name: value for name, value in told.items() if value is not None}

    def _beside(self, at: int, run_id: str) -> dict[str, Json]:
        """Return what else is told of a run, where there is some."""
        called = self._calls.get(at, Counter())
        told = {
            "tools": [number for number, tool in enumerate(self._tools) if tool in called],
            "n_tools": len(called),
            "n_notes": self._n_notes[run_id],
            "n_findings": len(self.findings.get(at, ())),
            "scores": self._scores.get(at),
            "ratings": self._ratings.get(at),
        }
        return {name: value for name, value in told.items() if value}


def short_id(run_id: str) -> str:
    """Return the beginning of a run's id, as a page shows it."""
    return cut(clean(run_id[:_ID_WIDTH]), 4 * _ID_WIDTH)


def long_id(run_id: str) -> str | None:
    """Return what tells a long id from others that begin alike; None where the id is short."""
    return digest(clean(run_id))[:16] if len(run_id) > _ID_WIDTH else None


def _codes(table: "pa.Table", name: str) -> tuple["np.ndarray[Any, Any]", list[str]]:
    """Return a column of names as numbers, and the names: one of a megabyte is there once."""
    import numpy as np

    chunks = table[name].unify_dictionaries().chunks
    if not chunks:
        return np.zeros(0, dtype=np.int64), []
    return np.concatenate([chunk.indices.to_numpy() for chunk in chunks]), chunks[
        0
    ].dictionary.to_pylist()


def _name(value: object) -> str | None:
    if is_missing(value):
        return None
    return cut(plain(str(value)[:400], width=_NAME_WIDTH), _NAME_BYTES)


def _whole(value: Any) -> int | None:  # noqa: ANN401 - a cell
    return None if is_missing(value) else int(value)


def _by_run(names: Names, frame: "pd.DataFrame") -> dict[int, list[dict[Any, Any]]]:
    found: dict[int, list[dict[Any, Any]]] = defaultdict(list)
    for row in frame.to_dict("records"):
        for at in names.places(row):
            found[at].append(row)
    return found


def _scores(names: Names, frame: "pd.DataFrame") -> dict[int, list[str]]:
    """Return the scores of each run as texts: metric and value."""
    return {
        at: [f"{_name(row['metric'])} {_figure(row['value'])}" for row in rows[:_MOST_TOLD]]
        for at, rows in _by_run(names, frame).items()
    }


def _ratings(names: Names, frame: "pd.DataFrame") -> dict[int, list[str]]:
    """Return what people say of each run, by question: the mean and how many, or labels."""
    return {
        at: [
            f"{_name(question)} {_answers([r['value'] for r in rows if r['question'] == question])}"
            for question in list(dict.fromkeys(row["question"] for row in rows))[:_MOST_TOLD]
        ]
        for at, rows in _by_run(names, frame).items()
    }


def _answers(values: list[Any]) -> str:
    figures = [each for each in values if isinstance(each, int | float)]
    if len(figures) == len(values):
        return f"{_figure(sum(figures) / len(figures))} (n = {len(values)})"
    labels = Counter(each for each in values if isinstance(each, str))
    if labels.total() < len(values):
        return f"{len(values)} answers"
    told = [f"{n} × {_name(label)}" for label, n in labels.most_common(_MOST_LABELS)]
    return ", ".join([*told, "…"] if len(labels) > _MOST_LABELS else told)


def _figure(value: Any) -> str:  # noqa: ANN401 - a cell
    return number(None if is_missing(value) else float(value))


def listing_of(
    runs: "Runs",
    *,
    findings: object = None,
    scores: object = None,
    ratings: object = None,
    hints: bool = True,
) -> Listing:
    """Return the list of runs with what other tables say of them.

    Parameters
    ----------
    runs : Runs
        The runs.
    findings, scores, ratings : DataFrame, optional
        FINDINGS, SCORES and RATINGS, or an object that holds such a table as `frame`; where it holds
        OUTPUTS as `outputs` too, these tell which run led to an output.
    hints : bool
        Whether the list shows what they say; without, they only tell the names of runs and outputs.

    Raises
    ------
    BadKind
        If one is no table.
    BadValue
        If one lacks a column, or speaks of none of the runs.
    """
    import pandas as pd

    given = {"findings": findings, "scores": scores, "ratings": ratings}
    tables = {name: frame_of_table(given[name], name, _NEEDED[name]) for name in given}
    outputs = getattr(scores, "outputs", None)
    beside = outputs if isinstance(outputs, pd.DataFrame) else None
    names = Names(runs, [each for each in (beside, *tables.values()) if each is not None])
    told = tables["findings"]
    found = Listing(
        runs, names, findings={} if told is None else marks_of(names, told),
        scores=tables["scores"], ratings=tables["ratings"],
    )  # fmt: skip
    for name, frame in tables.items():
        require_some(name, frame, found.counts[name])
    return found if hints else Listing(runs, names)


_NEEDED = {
    "findings": ["check"],
    "scores": ["metric", "value"],
    "ratings": ["question", "value"],
}
