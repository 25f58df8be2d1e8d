"""Runs of a large OTLP file into the ledger, from columns of spans."""

import math
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.trajectories.ledger import NAMES, Ledger, extent, record_of
from workbench.trajectories.model import Run, Usage, circular, leaves
from workbench.trajectories.spans.shapes import COUNTS, FACTS
from workbench.trajectories.spans.traces import (
    Asked,
    Tell,
    inherited,
    matched,
    of_resource,
    overall,
    tell_parents,
)

if TYPE_CHECKING:
    from workbench.trajectories.spans.bulk import Columns

Numbers = npt.NDArray[Any]
Gathered = dict[str, Sequence[Any]]
"""Columns of the steps of one run; in arrays -1 is "not recorded"."""


class RunAdder:
    """Adds runs to a ledger.

    Parameters
    ----------
    columns : Columns
        Of all spans of the document.
    ledger : Ledger
        Takes the runs.
    tell : callable
        Takes notices.
    """

    def __init__(self, columns: "Columns", ledger: Ledger, tell: Tell) -> None:
        self._columns, self._ledger, self._tell = columns, ledger, tell
        self._values: dict[str, Numbers] = {
            name: np.frombuffer(values, values.typecode) for name, values in columns.values.items()
        }
        self._ids = np.frombuffer(columns.span_ids, ">u8")
        self._parents = np.frombuffer(columns.parent_ids, ">u8")
        self._resources: dict[tuple[int, ...], dict[str, Any]] = {}
        self._calls = np.frombuffer(columns.calls, np.int64).reshape(-1, 3)
        recorded = [name for name in COUNTS if (self._values[name] >= 0).any()]
        self._recorded = [*recorded, "cost_usd"]
        self._tool_kind = columns.names["execute_tool"]
        self._names = columns.names.listed()

    def add(
        self, trace: int, spans: npt.NDArray[np.int32], run: Run, name: Callable[[Run], str]
    ) -> bool:
        """Add a run, unless an id comes twice in it or is none.

        Parameters
        ----------
        trace : int
            The number of its trace.
        spans : array of int
            Its spans in the order of steps.
        run : Run
            Without steps; it is filled in.
        name : callable
            Gives it its id.
        """
        at = {span_id: number for number, span_id in enumerate(self._ids[spans].tolist())}
        if len(at) < len(spans) or 0 in at:
            return False
        above = self._parents[spans].tolist()
        parents = [at.get(each) if each else None for each in above]
        for number in circular(parents):
            parents[number] = None
        n_orphans = sum(1 for each, up in zip(above, parents, strict=True) if each and up is None)
        columns = self._gathered(spans, parents)
        tell_parents(run.pointer, n_orphans, self._n_skewed(spans, parents), self._tell)
        self._describe(run, trace, spans, columns, [not each for each in above])
        run.run_id = name(run)
        models = {model for model in columns["model"] if model >= 0}
        run.model = self._names[models.pop()] if len(models) == 1 else None
        self._ledger.add_record(_record(run, columns, self._recorded), len(spans))
        self._ledger.add_columns(columns, self._names)
        return True

    def _gathered(self, spans: npt.NDArray[np.int32], parents: list[int | None]) -> Gathered:
        """Return the columns of STEPS for the spans of a run."""
        found: Gathered = {"parent": parents}
        for name in (*NAMES, "start_ns", "end_ns", *COUNTS, "cost_usd"):
            values = self._columns.values[name]
            found[name] = array(values.typecode, self._values[name][spans].tobytes())
        if -1 in found["agent"]:
            agents = inherited([None if code < 0 else code for code in found["agent"]], parents)
            found["agent"] = array("i", [-1 if code is None else code for code in agents])
        found["source"] = self._columns.located.source_list(spans)
        found["call_step"] = self._call_steps(spans, found["kind"], found["tool"])
        return found

    def _call_steps(
        self, spans: npt.NDArray[np.int32], kinds: Sequence[int], tools: Sequence[int]
    ) -> list[int | None]:
        ids = self._values["answers"][spans].tolist()
        calls, answers = self._calls_of(spans), {}
        for number, kind in enumerate(kinds):
            if kind == self._tool_kind:
                tool = tools[number]
                answers[number] = (ids[number] or None, None if tool < 0 else tool)
        found = matched(calls, answers)
        return [found[number][0] if number in found else None for number in range(len(spans))]

    def _calls_of(self, spans: npt.NDArray[np.int32]) -> dict[int, list[Asked]]:
        """Return the tool calls that the spans of a run ask for."""
        askers = self._calls[:, 0]
        first, last = (np.searchsorted(askers, spans, side) for side in ("left", "right"))
        found = {}
        for number in np.flatnonzero(first < last).tolist():
            calls = self._calls[first[number] : last[number], 1:].tolist()
            found[number] = [
                (call_id or None, None if tool < 0 else tool) for call_id, tool in calls
            ]
        return found

    def _n_skewed(self, spans: npt.NDArray[np.int32], parents: list[int | None]) -> int:
        """Count as `traces.skewed` judges."""
        up = np.array([-1 if each is None else each for each in parents])
        inner, outer = spans[up >= 0], spans[up[up >= 0]]
        starts, ends = self._values["start_ns"], self._values["end_ns"]
        early = (starts[inner] >= 0) & (starts[inner] < starts[outer])
        late = (ends[outer] >= 0) & (ends[inner] > ends[outer])
        return int(np.count_nonzero(early | late))

    def _describe(
        self,
        run: Run,
        trace: int,
        spans: npt.NDArray[np.int32],
        columns: Gathered,
        is_root: list[bool],
    ) -> None:
        """Fill in what the spans, and then their resources, say of the run."""
        facts = self._columns.facts.get(trace, {})
        codes = tuple(self._columns.located.context_codes(spans))
        if codes not in self._resources:
            contexts = [self._columns.located.context_of_code(code) for code in codes]
            self._resources[codes] = of_resource(contexts)
        resource = self._resources[codes]
        for name in FACTS:
            setattr(run, name, facts[name][2] if name in facts else resource.get(name))
        roots = [number for number, root in enumerate(is_root) if root]
        agents = [columns["agent"][at] for at in roots]
        code = next((code for code in (*agents, *columns["agent"]) if code >= 0), -1)
        run.agent = resource.get("agent") if code < 0 else self._names[code]
        run.status = overall([self._names[columns["status"][at]] for at in roots])  # type: ignore[misc]
        if self._columns.annotations:
            self._annotate(run, spans)

    def _annotate(self, run: Run, spans: npt.NDArray[np.int32]) -> None:
        for number, span in enumerate(spans.tolist()):
            for annotation in self._columns.annotations.get(span, ()):
                annotation.step = None if "target" in annotation.extra else number
                run.annotations.append(annotation)


def _record(run: Run, columns: Gathered, recorded: Sequence[str]) -> dict[str, Any]:
    """Return the row of RUNS; of figures only some are recorded anywhere."""
    run.recorded = Usage(**_counted(columns, recorded))
    starts = [each for each in columns["start_ns"] if each >= 0]
    ends = [each for each in columns["end_ns"] if each >= 0]
    run.start_ns, run.end_ns = extent(starts, ends)
    return record_of(run) | {"model": run.model, "n_steps": len(columns["source"])}


def _counted(columns: Gathered, recorded: Sequence[str]) -> dict[str, Any]:
    """Return each figure over the leaves that record it, as `counted_usage` does."""
    found: dict[str, Any] = {}
    masks: dict[bytes, list[bool]] = {}
    for name in recorded:
        is_cost = name == "cost_usd"
        has = [value == value if is_cost else value >= 0 for value in columns[name]]
        if any(has):
            counted = _of_leaves(columns[name], has, columns["parent"], masks)
            total = math.fsum(counted) if is_cost else sum(counted)
            found[name] = total if is_cost or total < 2**63 else None
    return found


def _of_leaves(
    values: Sequence[Any],
    has: list[bool],
    parents: Sequence[int | None],
    masks: dict[bytes, list[bool]],
) -> list[Any]:
    # figures are mostly recorded together, so a mask serves several
    key = bytes(has)
    if key not in masks:
        masks[key] = leaves(has, parents)
    return [value for value, leaf in zip(values, masks[key], strict=True) if leaf]
