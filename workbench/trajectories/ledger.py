"""The columns that are kept of every run and step: RUNS, STEPS and what readers had to say.

Texts stay in their files. A step takes some hundred bytes here, whatever it read and wrote; names
that repeat (kinds, agents, models, tools) are kept once and numbered.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from workbench.trajectories.model import UNCOUNTED, Run, counted_usage

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NAMES = ("kind", "agent", "model", "tool", "status", "error_type")
COUNTS = (
    "parent",
    "call_step",
    "start_ns",
    "end_ns",
    "input_tokens",
    "cached_tokens",
    "cache_written_tokens",
    "output_tokens",
    "reasoning_tokens",
)
# What a step says itself; the rest is its usage.
_OWN = (*NAMES, *COUNTS[:4], "source")
_READ = attrgetter(*_OWN)
# A count is never negative; this one stands for "not recorded".
_NONE = -1


class Ledger:
    """Collects the columns of steps, run by run.

    Examples
    --------
    >>> from workbench.trajectories.model import Step
    >>> ledger = Ledger()
    >>> ledger.add(Run("mine", run_id="a", steps=[Step("chat", "/0", model="m")]))
    >>> ledger.steps().num_rows, ledger.n_steps
    (1, [1])
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.n_steps: list[int] = []
        self._names = {name: (array("i"), dict[str, int]()) for name in NAMES}
        self._counts = {name: array("q") for name in COUNTS}
        self._cost = array("d")
        self._uncounted = array("b")
        # a text for each step would take twice the room
        self._sources, self._ends = bytearray(), array("q")
        self._lent = False

    def add(self, run: Run) -> None:
        """Add a run with its steps."""
        self.add_record(record_of(run), len(run.steps))
        self.add_columns(columns_of(run))

    def add_record(self, record: dict[str, Any], n_steps: int) -> None:
        """Add a run whose steps come by `add_columns`."""
        self.records.append(record)
        self.n_steps.append(n_steps)

    def _part(self) -> None:
        """Part with the arrays that a table looks into: they can grow no more."""
        if not self._lent:
            return
        self._names = {name: (codes[:], known) for name, (codes, known) in self._names.items()}
        self._counts = {name: values[:] for name, values in self._counts.items()}
        self._cost, self._uncounted, self._lent = self._cost[:], self._uncounted[:], False

    def add_columns(
        self, columns: Mapping[str, Sequence[Any]], names: Sequence[str | None] = ()
    ) -> None:
        """Add steps as columns, in the order of their runs; a missing column is all missing.

        Parameters
        ----------
        columns : mapping of sequence
            `source`, and any of `NAMES`, `COUNTS`, `cost_usd` and `uncounted` (true or false, false
            by default); None for "not recorded". An
            `array` is taken for numbers: counts, dollars, or places in `names`; there -1 is "not
            recorded", of dollars NaN.
        names : sequence of str, optional
            What the arrays of names refer to.
        """
        self._part()
        none = (None,) * len(columns["source"])
        for name, (codes, known) in self._names.items():
            given = columns.get(name, none)
            if isinstance(given, array):
                new = {
                    at: _NONE if at < 0 else _code(names[at], known) for at in dict.fromkeys(given)
                }
                codes.extend(map(new.__getitem__, given))
            else:
                new = {each: _code(each, known) for each in dict.fromkeys(given)}
                codes.fromlist([new[each] for each in given])
        for name, values in self._counts.items():
            given = columns.get(name, none)
            if isinstance(given, array):
                values.extend(given)
            else:
                values.fromlist([_NONE if each is None else each for each in given])
        costs = columns.get("cost_usd", none)
        if not isinstance(costs, array):
            costs = [float("nan") if cost is None else cost for cost in costs]
        self._cost.extend(costs)
        self._uncounted.extend(columns.get("uncounted", array("b", bytes(len(none)))))
        self._add_sources(columns["source"])

    def _add_sources(self, sources: Sequence[str]) -> None:
        packed = [source.encode() for source in sources]
        ends = accumulate(map(len, packed), initial=len(self._sources))
        next(ends)
        self._ends.extend(ends)
        self._sources += b"".join(packed)

    def only(self, positions: Iterable[int]) -> "Ledger":
        """Return the columns of some runs, by their positions, in that order."""
        part, starts = Ledger(), list(accumulate(self.n_steps, initial=0))
        part._names = {name: (array("i"), dict(known)) for name, (_, known) in self._names.items()}
        for at in positions:
            steps = slice(starts[at], starts[at + 1])
            part.add_record(self.records[at], self.n_steps[at])
            for name, (codes, _) in self._names.items():
                part._names[name][0].extend(codes[steps])
            for name, values in self._counts.items():
                part._counts[name].extend(values[steps])
            part._cost.extend(self._cost[steps])
            part._uncounted.extend(self._uncounted[steps])
            before = self._ends[steps.start - 1] if steps.start else 0
            shift = len(part._sources) - before
            ends = self._ends[steps]
            part._ends.extend(end + shift for end in ends)
            part._sources += self._sources[before : ends[-1] if ends else before]
        return part

    def unjudged(self) -> "Ledger":
        """Return the columns without the outcomes of the runs."""
        part = self.only(range(len(self.records)))
        part.records = [{**record, "outcome": None} for record in part.records]
        return part

    def steps(self) -> "pa.Table":
        """Return STEPS as an Arrow table, with `run_id` first."""
        import numpy as np
        import pyarrow as pa

        self._lent = True
        runs = np.repeat(np.arange(len(self.n_steps), dtype=np.int32), self.n_steps)
        starts = np.cumsum([0, *self.n_steps[:-1]]) if self.n_steps else np.zeros(0, np.int64)
        ids = pa.array([record["run_id"] for record in self.records], pa.string())
        columns: dict[str, Any] = {
            "run_id": pa.DictionaryArray.from_arrays(pa.array(runs), ids),
            "step": pa.array(np.arange(len(runs), dtype=np.int64) - starts[runs]),
        }
        for name, (codes, known) in self._names.items():
            values = np.frombuffer(codes, np.int32) if codes else np.zeros(0, np.int32)
            columns[name] = pa.DictionaryArray.from_arrays(
                pa.array(values, mask=values == _NONE), pa.array(list(known), pa.string())
            )
        for name, numbers in self._counts.items():
            values = np.frombuffer(numbers, np.int64) if numbers else np.zeros(0, np.int64)
            columns[name] = pa.array(values, mask=values == _NONE)
        costs = np.frombuffer(self._cost, np.float64) if self._cost else np.zeros(0)
        columns["cost_usd"] = pa.array(costs, mask=np.isnan(costs))
        columns["uncounted"] = pa.array(np.array(self._uncounted, bool))
        ends = np.array(self._ends, np.int64)
        columns["source"] = pa.LargeStringArray.from_buffers(
            len(ends), pa.py_buffer(np.append(0, ends)), pa.py_buffer(bytes(self._sources))
        ).cast(pa.string())
        order = [
            "run_id",
            "step",
            "kind",
            "parent",
            "call_step",
            "agent",
            "model",
            "tool",
            "status",
        ]
        order += ["error_type", *COUNTS[2:], "cost_usd", "uncounted", "source"]
        return pa.table({name: columns[name] for name in order})


def _code(value: str | None, known: dict[str, int]) -> int:
    return _NONE if value is None else known.setdefault(value, len(known))


def columns_of(run: Run) -> dict[str, Sequence[Any]]:
    """Return the steps of a run as columns, for `Ledger.add_columns`."""
    columns = zip(*map(_READ, run.steps), strict=True) if run.steps else [()] * len(_OWN)
    found: dict[str, Sequence[Any]] = dict(zip(_OWN, columns, strict=True))
    # what a demo or copied context took is another run's usage
    uncounted = [bool(step.flags & UNCOUNTED) for step in run.steps]
    used = [
        (at, step.usage)
        for at, step in enumerate(run.steps)
        if step.usage is not None and not uncounted[at]
    ]
    found["uncounted"] = uncounted
    for name in (*COUNTS[4:], "cost_usd"):
        column: list[Any] = [None] * len(run.steps)
        for at, usage in used:
            column[at] = getattr(usage, name)
        found[name] = column
    return found


def record_of(run: Run) -> dict[str, Any]:
    """Return the row of RUNS that tells of a run."""
    usage = counted_usage(run)
    start_ns, end_ns = _times(run)
    return {
        "run_id": run.run_id,
        "format": run.format,
        "task_id": run.task_id,
        "trial": run.trial,
        "output_id": run.output_id,
        "agent": run.agent,
        "agent_version": run.agent_version,
        "model": run.model or _only(step.model for step in run.steps),
        "status": run.status,
        "outcome": run.outcome,
        "n_steps": sum(not step.flags & UNCOUNTED for step in run.steps),
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "cost_source": None if usage.cost_usd is None else "recorded",
        "start_ns": start_ns,
        "end_ns": end_ns,
        "source": f"{run.source}#{run.pointer}",
    }


def _times(run: Run) -> tuple[int | None, int | None]:
    starts = [each for step in run.steps if (each := step.start_ns) is not None]
    ends = [each for step in run.steps if (each := step.end_ns) is not None]
    if run.start_ns is not None:
        starts.append(run.start_ns)
    start, end = extent(starts, ends)
    return (
        start if run.start_ns is None else run.start_ns,
        end if run.end_ns is None else run.end_ns,
    )


def extent(starts: Sequence[int], ends: Sequence[int]) -> tuple[int | None, int | None]:
    """Return the first start and the last moment; a start alone is no end.

    Parameters
    ----------
    starts, ends : sequence of int
        Those that are known.

    Examples
    --------
    >>> extent([0, 9], [2]), extent([4, 4], []), extent([4], [4])
    ((0, 9), (4, None), (4, 4))
    """
    start, end = min(starts, default=None), max([*starts, *ends], default=None)
    return start, end if ends or end != start else None


def _only(values: Iterable[str | None]) -> str | None:
    """Return what all that say something say, or nothing where they differ."""
    found = {value for value in values if value is not None}
    return found.pop() if len(found) == 1 else None


def frame_of(table: "pa.Table") -> "pd.DataFrame":
    """Turn an Arrow table of steps into the frame that people use: names as categories."""
    import pandas as pd
    import pyarrow as pa

    kinds = {pa.int64(): pd.Int64Dtype(), pa.string(): pd.StringDtype(na_value=float("nan"))}
    frame: pd.DataFrame = table.to_pandas(types_mapper=kinds.get)
    return frame


def step_frame(run: Run) -> "pd.DataFrame":
    """Return the STEPS of one run."""
    ledger = Ledger()
    ledger.add(run)
    return frame_of(ledger.steps())
