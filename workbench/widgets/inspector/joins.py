"""Which run other tables speak of: findings, scores, ratings, and where a reader is to begin."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.display import plain
from workbench.errors import BadKind, BadValue
from workbench.trajectories.joining import numbered
from workbench.trajectories.model import Json
from workbench.widgets.inspector.pages import is_missing, mark

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.collection import Runs

_MOST_MARKS = 100  # of findings, of one run
_TYPES = {"policy": "policy", "trajectories.loop": "loop"}


class Names:
    """By which names runs are known: their own, and those of their rows and outputs.

    Parameters
    ----------
    runs : Runs
        The runs.
    tables : iterable of DataFrame
        Tables that hold `run_id` and `output_id`, such as OUTPUTS.

    Notes
    -----
    Where neither a run nor a table says what output it led to, it is the one that
    `wb.trajectories.outputs_of` names: agent, task and trial.

    Examples
    --------
    >>> from workbench.trajectories import Run, Runs
    >>> names = Names(Runs.of([Run("mine", name="a", agent="bot", task_id="7", trial=0)]))
    >>> names.output, names.find("bot:7:0"), names.find("a")
    (['bot:7:0'], 0, 0)
    """

    def __init__(self, runs: "Runs", tables: "Iterable[pd.DataFrame]" = ()) -> None:
        self._runs = {run_id: at for at, run_id in enumerate(runs.ids)}
        frame = runs.frame
        self.row = [_known(value) for value in frame["task_id"]]
        self.output = [_known(value) for value in frame["output_id"]]
        self._learn(tables)
        self._name(frame)
        self._outputs = {name: at for at, name in enumerate(self.output) if name is not None}

    def _learn(self, tables: "Iterable[pd.DataFrame]") -> None:
        """Take the rows and outputs of runs from tables that know both."""
        for table in tables:
            if not {"run_id", "output_id"} <= set(table):
                continue
            for row in table.to_dict("records"):
                at = self._runs.get(row["run_id"])
                if at is not None:
                    self.output[at] = _known(row["output_id"]) or self.output[at]
                    self.row[at] = _known(row.get("row_id")) or self.row[at]

    def _name(self, frame: "pd.DataFrame") -> None:
        import pandas as pd

        own = {"output_id": pd.Series(self.output), "row_id": pd.Series(self.row)}
        told = frame.assign(**own, system=frame["agent"])
        told = told.assign(repeat=frame["trial"])[["output_id", "row_id", "system", "repeat"]]
        told = told.dropna(subset=["row_id", "system"])
        for at, name in zip(told.index, numbered(told)["output_id"], strict=True):
            self.output[at] = self.output[at] or name

    def places(self, row: Mapping[Any, Any]) -> list[int]:
        """Return the runs that a row of a table speaks of; by `run_id`, or else by its outputs."""
        if (at := self._runs.get(row.get("run_id", ""))) is not None:
            return [at]
        outputs = row.get("output_ids")
        ids = list(outputs) if isinstance(outputs, list | tuple) else [row.get("output_id")]
        return [self._outputs[each] for each in ids if each in self._outputs]

    def find(self, name: object) -> int:
        """Return the place of the run with a name, or of the run that led to an output.

        Raises
        ------
        BadValue
            If there is none.
        """
        if isinstance(name, str):
            for known in (self._runs, self._outputs):
                if name in known:
                    return known[name]
        raise BadValue(
            "what is to be shown must be the id of a run, or of its output, but none of the "
            f"{len(self._runs)} runs bears {plain(repr(name), width=80)}; runs.ids lists them."
        )


def _known(value: Any) -> str | None:  # noqa: ANN401 - a cell
    return None if is_missing(value) else str(value)


def place_of(names: Names, runs: "Runs", at: object) -> tuple[int, int]:
    """Return the run and the step that a reader is to begin at.

    Parameters
    ----------
    names : Names
        Of the runs.
    runs : Runs
        The runs.
    at : str, (str, int) or None
        A run or an output, and a step of it; None is the beginning.

    Raises
    ------
    BadValue
        If there is no such run, or it has no such step.
    """
    if at is None:
        return 0, 0
    name, step = at if isinstance(at, tuple) and len(at) == 2 else (at, 0)
    place = names.find(name)
    n_steps = runs.lengths[place]
    if type(step) is not int or not 0 <= step < max(1, n_steps):
        raise BadValue(
            f"a step of run {plain(repr(runs.ids[place]), width=80)} must be from 0 to "
            f"{max(0, n_steps - 1)}, but {plain(repr(step), width=40)} came; "
            "runs[…].steps holds them all."
        )
    return place, step


def marks_of(names: Names, findings: "pd.DataFrame") -> dict[int, list[dict[str, Json]]]:
    """Return the marks that FINDINGS make, by the place of the run that they speak of.

    A row names its run by `run_id`, or in its subject, as `run` or `run#step`.
    """
    found: dict[int, list[dict[str, Json]]] = defaultdict(list)
    for row in findings.to_dict("records"):
        run, step = _subject(row)
        for at in names.places({**row, "run_id": run}):
            if len(found[at]) < _MOST_MARKS:
                found[at].append(_marked(row, step))
    return dict(found)


def _subject(row: Mapping[Any, Any]) -> tuple[str, int | None]:
    if "run_id" in row and not is_missing(row["run_id"]):
        step: Any = row.get("step")
        return str(row["run_id"]), None if step is None or is_missing(step) else int(step)
    name, mark, step = str(row.get("subject", "")).rpartition("#")
    return (name, int(step) if step.isdecimal() else None) if mark else (step, None)


def _marked(row: Mapping[Any, Any], step: int | None) -> dict[str, Json]:
    check = str(row["check"])
    kind = _TYPES.get(check) or _TYPES.get(check.split(".")[0], "finding")
    where = "" if step is not None else "the whole run: "
    said = row.get("evidence")
    why = "" if isinstance(said, float) and is_missing(said) else f": {said}"
    return mark(kind, step or 0, f"{where}{check}{why}")


def frame_of_table(value: Any, name: str, needed: Iterable[str]) -> "pd.DataFrame | None":  # noqa: ANN401 - a table, or what holds one
    """Return a table that came, or the one that an object of ours holds as `frame`.

    Raises
    ------
    BadKind
        If it is no table.
    BadValue
        If it lacks a column.
    """
    import pandas as pd

    if value is None:
        return None
    frame = value if isinstance(value, pd.DataFrame) else getattr(value, "frame", None)
    if not isinstance(frame, pd.DataFrame):
        raise BadKind(
            f"{name} must be a DataFrame, but {type(value).__name__} came; give the table {name.upper()}."
        )
    for column in needed:
        if column not in frame:
            raise BadValue(
                f"{name} must have the column {column!r}, but it has "
                f"{', '.join(map(repr, list(frame)[:12])) or 'none'}; give the table {name.upper()}."
            )
    return frame


def require_some(name: str, frame: "pd.DataFrame | None", found: Mapping[int, Any]) -> None:
    """Refuse a table that speaks of none of the runs.

    Raises
    ------
    BadValue
        If no row of it does.
    """
    if frame is not None and len(frame) and not found:
        raise BadValue(
            f"{name} must speak of these runs, but none of its {len(frame)} rows names one by run_id, "
            "by output_id or in its subject; add a column run_id."
        )
