"""The path that most of several runs take, how many follow it at each place, and who leaves it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.display import Sheet, number, percent, plain
from workbench.errors import BadValue
from workbench.trajectories.comparing.alignment import label, was_done
from workbench.trajectories.comparing.editing import star
from workbench.trajectories.comparing.stepcosts import PATH, StepTable
from workbench.trajectories.model import Run

if TYPE_CHECKING:
    import pandas as pd

_Named: TypeAlias = tuple[str, str]

_NOTHING: _Named = ("no step", "")


@dataclass(frozen=True, eq=False)
class Consensus:
    """What most runs do, place by place.

    Parameters
    ----------
    frame : DataFrame
        One row per place of the path: `place`, `step` (its kind and tools), `agent`, `n` (runs that
        do it there), `share` (of all runs), `instead` (what most of the others do) and `n_instead`;
        `done` and `done_others`, the share of those that do it, and of those that do not, that did
        their task.
    runs : DataFrame
        One row per run: `run_id`, `task_id`, `followed` (the share of the path's places at which it
        does the same), `n_beside` (steps that are not on the path), `leaves_at` (the first place at
        which it does not) and `done`.
    """

    frame: "pd.DataFrame"
    runs: "pd.DataFrame"

    @property
    def path(self) -> list[str]:
        """The steps of the path."""
        return self.frame["step"].tolist()

    @property
    def sheet(self) -> Sheet:
        """The path as it is shown."""
        body = [
            [
                str(row["place"]),
                plain(row["step"], width=60),
                percent(round(row["share"], 3)),
                ""
                if row["n_instead"] == 0
                else f"{plain(row['instead'], width=60)} × {row['n_instead']}",
                number(row["done"], 2),
                number(row["done_others"], 2),
            ]
            for row in self.frame.to_dict("records")
        ]
        header = ["place", "step", "runs", "instead", "done", "done by others"]
        return Sheet(self.frame, repr(self), header, body)

    def __repr__(self) -> str:
        n, followed = len(self.runs), int((self.runs["followed"] == 1).sum())
        return (
            f"The path that most of {n} runs take has {len(self.frame)} places; {followed} runs "
            f"follow all of it, and on average a run follows {percent(round(self._mean(), 3))}"
        )

    def _mean(self) -> float:
        return float(self.runs["followed"].mean()) if len(self.frame) else 1.0

    def _repr_html_(self) -> str:
        return self.sheet._repr_html_()


def consensus(runs: Iterable[Run]) -> Consensus:
    """Find the path that most of several runs take, as a rule runs of one task.

    Parameters
    ----------
    runs : Runs or iterable of Run
        Two or more.

    Returns
    -------
    Consensus
        `.path` and, at each place, the share of runs that follow it.

    Raises
    ------
    BadValue
        If there are fewer than two runs.

    Notes
    -----
    The runs are aligned by kind, agent and tools alone (`PATH` of `stepcosts`), as in `align`. A
    place is on the path where more than half of all runs have a step, and the step there is the one
    that most of them have.

    Examples
    --------
    >>> from workbench.trajectories.model import Step
    >>> def run(name, *tools):
    ...     return Run("mine", run_id=name, steps=[Step("execute_tool", "", tool=t) for t in tools])
    >>> found = consensus([run("a", "look", "book"), run("b", "look", "book"), run("c", "look")])
    >>> found.path, found.frame["n"].tolist()
    (['execute_tool look', 'execute_tool book'], [3, 2])
    """
    everything = list(runs)
    if len(everything) < 2:
        raise BadValue(
            f"a consensus must be of two runs or more, but {len(everything)} came; add some."
        )
    table = StepTable(everything)
    places, _ = star(table, PATH)
    names = _names(everything, table)
    done = [was_done(run) for run in everything]
    rows: list[dict[str, Any]] = []
    on_path: list[list[bool]] = []
    for place in places:
        here = [_NOTHING if at is None else names[run][at] for run, at in enumerate(place)]
        if 2 * here.count(_NOTHING) >= len(here):
            continue
        name = Counter(each for each in here if each != _NOTHING).most_common(1)[0][0]
        on_path.append([each == name for each in here])
        rows.append({"place": len(rows)} | _row(here, name, done))
    return Consensus(_frame(rows), _run_frame(everything, table, on_path))


def _names(runs: Sequence[Run], table: StepTable) -> list[list[_Named]]:
    return [
        [_name(run, at) for at in numbers] for run, numbers in zip(runs, table.steps, strict=True)
    ]


def _name(run: Run, at: int) -> _Named:
    step = run.steps[at]
    return label(step), step.agent or ""


def _row(here: Sequence[_Named], name: _Named, done: Sequence[bool | None]) -> dict[str, Any]:
    others = Counter(each for each in here if each != name)
    instead, n_instead = others.most_common(1)[0] if others else (("", ""), 0)
    step, agent = name
    n = sum(each == name for each in here)
    return {
        "step": step,
        "agent": agent or None,
        "n": n,
        "share": n / len(here),
        "instead": instead[0] or None,
        "n_instead": n_instead,
        "done": _share(each for each, what in zip(done, here, strict=True) if what == name),
        "done_others": _share(each for each, what in zip(done, here, strict=True) if what != name),
    }


def _share(outcomes: Iterable[bool | None]) -> float | None:
    known = [each for each in outcomes if each is not None]
    return sum(known) / len(known) if known else None


def _frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    names = ["place", "step", "agent", "n", "share", "instead", "n_instead", "done", "done_others"]
    kinds = {"place": "Int64", "n": "Int64", "n_instead": "Int64", "share": "float64"}
    shares = {"done": "float64", "done_others": "float64"}
    texts = dict.fromkeys(["step", "agent", "instead"], "str")
    return pd.DataFrame(rows, columns=names).astype({**kinds, **shares, **texts})


def _run_frame(
    runs: Sequence[Run], table: StepTable, on_path: Sequence[Sequence[bool]]
) -> "pd.DataFrame":
    import pandas as pd

    records = []
    for at, run in enumerate(runs):
        follows = [row[at] for row in on_path]
        n = sum(follows)
        records.append(
            {
                "run_id": run.run_id,
                "task_id": run.task_id,
                "followed": n / len(follows) if follows else None,
                "n_beside": len(table.steps[at]) - n,
                "leaves_at": follows.index(False) if n < len(follows) else None,
                "done": was_done(run),
            }
        )
    frame = pd.DataFrame(records)
    kinds = {"followed": "float64", "n_beside": "Int64", "leaves_at": "Int64", "done": "boolean"}
    return frame.astype({**kinds, "run_id": "str", "task_id": "str"})
