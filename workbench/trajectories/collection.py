"""`Runs`: many trajectories, as tables at once and one by one in full."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from workbench.errors import BadKind, BadValue, UnknownName, unknown_name
from workbench.trajectories.blinding import unjudged
from workbench.trajectories.ledger import Ledger, frame_of
from workbench.trajectories.model import Annotation, Notice, Run, Step

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from workbench.trajectories.sources.documents import Document

Loader = Callable[[str], Run]
"""Reads one run in full by its id."""

_COUNTS = (
    "trial",
    "n_steps",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "start_ns",
    "end_ns",
)


@runtime_checkable
class Documents(Protocol):
    """Knows in which file each run stands."""

    def document(self, run_id: str) -> "Document":
        """Return the file of a run."""


@runtime_checkable
class Pieces(Protocol):
    """Knows which bytes of a file are those of a run, and of its steps."""

    def pieces(self, run_id: str) -> "Iterator[bytes] | None":
        """Return the bytes that all texts of a run stand in; None where these are not known."""

    def glance(self, run_id: str, start: int, stop: int) -> list[Step] | None:
        """Return some steps of a run, not joined to others; None where that takes the whole run."""


def each_run(runs: object, what: str) -> Iterator[Run]:
    """Yield the runs that came; a single one may come by itself.

    Parameters
    ----------
    runs : object
        What should be a Run or an iterable of them.
    what : str
        What is done with them, such as "loops are found in".

    Raises
    ------
    BadKind
        If something is no run.

    Examples
    --------
    >>> [run.run_id for run in each_run(Run("mine", run_id="a"), "it is of")]
    ['a']
    """
    listed = runs if isinstance(runs, Iterable) else [runs]
    for run in listed:
        if not isinstance(run, Run):
            raise BadKind(
                f"{what} runs, but a {type(run).__name__} came; give Runs, a list of Run, or a Run."
            )
        yield run


class Runs(Sequence[Run]):
    """Trajectories that were read.

    The tables are here; texts stay where they are until a run is asked for.

    Parameters
    ----------
    ledger : Ledger
        The columns of all runs.
    load : callable
        Reads one run in full by its id.
    notices : dict
        What the readers had to say, by document.
    annotations : list of (str, Annotation)
        Judgements that the sources hold, each with its run.

    Examples
    --------
    >>> from workbench.trajectories.model import Step
    >>> runs = Runs.of([Run("mine", name="a", steps=[Step("chat", "/0")])])
    >>> runs
    1 run, 1 step: mine
    >>> runs["a"].step(0).kind, len(runs.steps)
    ('chat', 1)
    """

    def __init__(
        self,
        ledger: Ledger,
        load: Loader,
        notices: Mapping[str, Sequence[Notice]] | None = None,
        annotations: Sequence[tuple[str, Any]] = (),
    ) -> None:
        self._ledger, self._load = ledger, load
        # some are found when they are asked for
        self._notices: Mapping[str, Sequence[Notice]] = {} if notices is None else notices
        self._annotations = list(annotations)
        self.ids: list[str] = [record["run_id"] for record in ledger.records]
        self._at = {run_id: at for at, run_id in enumerate(self.ids)}

    @classmethod
    def of(cls, runs: Iterable[Run]) -> "Runs":
        """Collect runs that are in memory; a run without an id takes its name.

        Raises
        ------
        BadKind
            If something is no run.
        BadValue
            If two runs have one id.
        """
        ledger, kept = Ledger(), dict[str, Run]()
        annotations = []
        for at, run in enumerate(each_run(runs, "Runs are made of")):
            run.run_id = run.run_id or run.name or f"run-{at}"
            if run.run_id in kept:
                raise BadValue(
                    f"each run must have an id of its own, but {run.run_id!r} came twice; rename one."
                )
            kept[run.run_id] = run
            ledger.add(run)
            annotations += [(run.run_id, each) for each in run.annotations]
        return cls(ledger, kept.__getitem__, annotations=annotations)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Run]:
        return (self._load(run_id) for run_id in self.ids)

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - an id, a position, or a slice of positions
        if isinstance(key, slice):
            return self.only(self.ids[key])
        if hasattr(key, "__index__"):
            return self._load(self._id_at(operator.index(key)))
        if key not in self._at:
            raise unknown_name("a run", key, self.ids)
        return self._load(key)

    def _id_at(self, at: int) -> str:
        if not -len(self) <= at < len(self):
            raise UnknownName(
                f"the number of a run must be from 0 to {len(self) - 1}, but {at} came; len(runs) "
                "says how many there are."
            )
        return self.ids[at]

    def document(self, run_id: str) -> "Document | None":
        """Return the file in which a run stands; None where it is in memory only.

        Raises
        ------
        BadValue
            If the file is no longer as it was read.
        """
        shelf = getattr(self._load, "__self__", None)
        return shelf.document(run_id) if isinstance(shelf, Documents) else None

    def pieces(self, run_id: str) -> Iterator[bytes] | None:
        """Return the bytes that all texts of a run stand in, without reading it in full.

        None where they are not known: of runs in memory, and of most formats.

        Raises
        ------
        BadValue
            If the file is no longer as it was read.
        """
        shelf = getattr(self._load, "__self__", None)
        return shelf.pieces(run_id) if isinstance(shelf, Pieces) else None

    def glance(self, run_id: str, start: int, stop: int) -> list[Step] | None:
        """Return some steps of a run without reading all of it.

        Each is what its own place in the file says, and its agent; parents, calls and flags, which
        other steps tell, are not there. None where a part cannot be read alone: of runs in memory,
        and of most formats.

        Parameters
        ----------
        run_id : str
            The run.
        start, stop : int
            The first step, and the one after the last.

        Raises
        ------
        BadValue
            If the file is no longer as it was read.
        """
        shelf = getattr(self._load, "__self__", None)
        found = shelf.glance(run_id, start, stop) if isinstance(shelf, Pieces) else None
        if found:
            agents = self.only([run_id]).table["agent"].slice(start, len(found)).to_pylist()
            for step, agent in zip(found, agents, strict=True):
                step.agent = agent
        return found

    def __repr__(self) -> str:
        n, n_steps = len(self), sum(self._ledger.n_steps)
        formats = sorted({record["format"] for record in self._ledger.records})
        n_notices = sum(map(len, self._notices.values()))
        told = f"; {n_notices} findings of the readers" if n_notices else ""
        return (
            f"{n} run{'s' * (n != 1)}, {n_steps} step{'s' * (n_steps != 1)}: "
            f"{', '.join(formats) or 'none'}{told}"
        )

    @property
    def lengths(self) -> list[int]:
        """How many steps each run has in STEPS, demos and copied context too."""
        return list(self._ledger.n_steps)

    def only(self, run_ids: Iterable[str]) -> "Runs":
        """Return some of the runs, in the order of their ids given."""
        ids = list(run_ids)
        for run_id in ids:
            if run_id not in self._at:
                raise unknown_name("a run", run_id, self.ids)
        chosen = set(ids)
        told = [(run_id, each) for run_id, each in self._annotations if run_id in chosen]
        return Runs(
            self._ledger.only(self._at[run_id] for run_id in ids), self._load, self._notices, told
        )

    def notes(self) -> list[tuple[str, Annotation]]:
        """Return the annotations of all runs, each with its run."""
        return list(self._annotations)

    def noting(
        self,
        annotations: Mapping[str, Sequence[Annotation]],
        *,
        hide_sources: bool = False,
        hide_verdicts: bool = False,
    ) -> "Runs":
        """Return the runs with other annotations; a run that is not named keeps its own.

        Parameters
        ----------
        annotations : mapping of str to sequence of Annotation
            By run.
        hide_sources : bool
            Whether the files that the runs stand in are out of reach, for these hold what their own
            annotations said.
        hide_verdicts : bool
            Whether outcomes, scores, and what the steps that judge a run say are out of reach too.
        """
        noted = _Noted(self, annotations, hide_sources, hide_verdicts)
        kept = [(run_id, each) for run_id, each in self._annotations if run_id not in annotations]
        told = [(run_id, each) for run_id in self.ids for each in annotations.get(run_id, ())]
        # a reader may have told of a label that names no step
        notices = {} if hide_sources else self._notices
        ledger = self._ledger.unjudged() if hide_verdicts else self._ledger
        return Runs(ledger, noted.load, notices, [*kept, *told])

    def where(self, **cells: object) -> "Runs":
        """Return the runs whose cells in RUNS are these.

        Parameters
        ----------
        **cells : object
            A column of RUNS and its value, or a list of values.

        Raises
        ------
        UnknownName
            If RUNS has no such column.

        Examples
        --------
        >>> runs = Runs.of([Run("x", name=name, agent=name[0]) for name in ("a1", "a2", "b1")])
        >>> runs.where(agent="a").ids
        ['a1', 'a2']
        """
        kept = set(self.ids)
        for name, value in cells.items():
            if name not in self.frame:
                raise unknown_name("a column of RUNS", name, self.frame.columns)
            fits = self.frame[name].isin(
                value if isinstance(value, (list, tuple, set)) else [value]
            )
            kept &= set(self.frame.loc[fits, "run_id"])
        return self.only(run_id for run_id in self.ids if run_id in kept)

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """RUNS."""
        import pandas as pd

        records = self._ledger.records
        frame = pd.DataFrame(records, columns=_RUN_COLUMNS)
        for name in _COUNTS:
            # with a gap it came as floats, which hold no whole numbers beyond 2**53
            frame[name] = pd.array([record.get(name) for record in records], dtype="Int64")
        frame["cost_usd"] = frame["cost_usd"].astype("float64")
        for name in set(_RUN_COLUMNS) - {*_COUNTS, "cost_usd", "outcome"}:
            frame[name] = frame[name].astype("str")
        return frame

    @cached_property
    def table(self) -> "pa.Table":
        """STEPS as an Arrow table, names as dictionaries."""
        return self._ledger.steps()

    @cached_property
    def steps(self) -> "pd.DataFrame":
        """STEPS."""
        return frame_of(self.table)

    @property
    def findings(self) -> "pd.DataFrame":
        """FINDINGS: what could not be read, or had to be mended."""
        import pandas as pd

        rows = [
            {
                "check": f"trajectories.{notice.check}",
                "subject": f"{name}#{notice.place}",
                "severity": notice.severity,
                "evidence": notice.reason,
                "n": 1,
            }
            for name, notices in self._notices.items()
            for notice in notices
        ]
        return pd.DataFrame(rows, columns=["check", "subject", "severity", "evidence", "n"])

    @property
    def annotations(self) -> "pd.DataFrame":
        """Judgements that the sources hold: run_id step name label score explanation …"""
        import pandas as pd

        columns = [
            "run_id",
            "step",
            "name",
            "label",
            "score",
            "explanation",
            "annotator_kind",
            "identifier",
        ]
        rows = [
            {"run_id": run_id} | {name: getattr(each, name) for name in columns[1:]}
            for run_id, each in self._annotations
        ]
        return pd.DataFrame(rows, columns=columns).astype({"step": "Int64", "score": "float64"})


class _Noted:
    """Reads runs, and gives them other annotations."""

    def __init__(
        self,
        runs: Runs,
        annotations: Mapping[str, Sequence[Annotation]],
        hides: bool,
        blinds: bool,
    ) -> None:
        self._runs, self._annotations = runs, annotations
        self._hides, self._blinds = hides, blinds

    def load(self, run_id: str) -> Run:
        """Return a run."""
        run: Run = unjudged(self._runs[run_id]) if self._blinds else self._runs[run_id]
        if run_id not in self._annotations:
            return run
        return replace(run, annotations=list(self._annotations[run_id]))

    def pieces(self, run_id: str) -> Iterator[bytes] | None:
        """Return the bytes of a run, if nothing in them is hidden."""
        return None if self._hides or self._blinds else self._runs.pieces(run_id)

    def glance(self, run_id: str, start: int, stop: int) -> list[Step] | None:
        """Return some steps of a run, if nothing in them is hidden."""
        hidden = self._hides or self._blinds
        return None if hidden else self._runs.glance(run_id, start, stop)

    def document(self, run_id: str) -> "Document | None":
        """Return the file in which a run stands."""
        if self._hides:
            raise BadValue(
                "what a run was read from must be hidden from whoever codes, but was asked for: it may "
                "hold labels; inspect the runs without an annotator."
            )
        return self._runs.document(run_id)


_RUN_COLUMNS = [
    "run_id", "format", "task_id", "trial", "output_id", "agent", "agent_version", "model", "status",
    "outcome", "n_steps", "input_tokens", "cached_tokens", "output_tokens", "cost_usd", "cost_source",
    "start_ns", "end_ns", "source",
]  # fmt: skip
