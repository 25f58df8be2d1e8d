"""Where the time of a run went: work, waiting, what ran side by side, and the critical path."""

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.trajectories.analysis.columns import (
    NONE,
    Floats,
    Groups,
    Ints,
    Mask,
    Names,
    Steps,
    covered_rows,
    summed,
    tallied,
)

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.analysis.columns import Source

_SECOND = 1e9


def step_times(source: "Source") -> "pd.DataFrame":
    """Tell of each step when it began in its run, how long it took, and whether it is leaf work.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.

    Returns
    -------
    DataFrame
        `run_id`, `step`, `kind`, `tool`, `agent`, `begins_s` (since the first step of its run),
        `duration_s` (NA where its times are not recorded, or it ends before it begins), `leaf`
        (timed, and no step below it is).
    """
    import pandas as pd

    steps = Steps.of(source)
    durations, runs = steps.durations(), steps.runs
    starts = _starts(steps, durations)
    first = _first(runs, starts)[runs.codes]
    columns: dict[str, Any] = {
        name: pd.Categorical.from_codes(named.codes, pd.Index(named.known, dtype="str"))
        for name in ("run_id", "kind", "tool", "agent")
        for named in [steps.names(name)]
    }
    columns["step"] = steps.counts("step")
    columns["begins_s"] = np.where(starts >= 0, (starts - first) / _SECOND, np.nan)
    columns["duration_s"] = _seconds(durations)
    columns["leaf"] = _leaf_work(steps, durations)
    order = ["run_id", "step", "kind", "tool", "agent", "begins_s", "duration_s", "leaf"]
    return pd.DataFrame(columns)[order]


def _leaf_work(steps: Steps, durations: Ints) -> Mask:
    timed = durations >= 0
    return timed & ~covered_rows(timed, steps.above())


def _starts(steps: Steps, durations: Ints) -> Ints:
    """Return when each timed step began, −1 for the others."""
    return np.where(durations >= 0, steps.counts("start_ns"), NONE)


def _first(runs: Names, starts: Ints) -> Ints:
    """Return the earliest start in each run."""
    first = np.full(len(runs.known), np.iinfo(np.int64).max)
    timed = starts >= 0
    np.minimum.at(first, runs.codes[timed], starts[timed])
    return first


def run_times(source: "Source") -> "pd.DataFrame":
    """Tell how long runs took, how much of it was work, and how much ran side by side.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.

    Returns
    -------
    DataFrame
        A row per run: `n_timed`, `wall_s` (first beginning to last end), `work_s` (sum of all leaf
        work), `busy_s` (time in which any leaf worked), `waiting_s` (wall minus busy),
        `busy_share` (busy over wall), `concurrency` (work over busy: how many leaves worked at once,
        on average), `critical_s` (the critical path) and `parallelism` (work over critical path: no
        number of workers makes the run quicker than by this). NA where no times are recorded.

    Notes
    -----
    Leaf work is a timed step with no timed step below it. The critical path is the longest chain of
    leaf work, by the sum of durations, in which each step begins no earlier than the one before it
    ended: what keeps the order that was seen cannot be quicker. It is at most `busy_s`, and below it
    where the steps of a chain overlapped others. Times alone do not tell causes: a chain may hold
    steps that merely came one after another. CRISP walks from the last end to the step that ended
    last before; the longest chain is at least as long.

    References
    ----------
    Blumofe and Leiserson (1999), "Scheduling multithreaded computations by work stealing", section 2
    (work, critical path, parallelism); Kleinberg and Tardos (2005), section 6.1 (the longest chain);
    Zhang et al. (2022), "CRISP: critical path analysis of large-scale microservice architectures".

    Examples
    --------
    >>> from workbench.trajectories.collection import Runs
    >>> from workbench.trajectories.model import Run, Step
    >>> steps = [Step("execute_tool", "", start_ns=a * 10**9, end_ns=b * 10**9)
    ...          for a, b in [(0, 4), (1, 3), (3, 5), (7, 8)]]
    >>> run_times(Runs.of([Run("mine", steps=steps)])).loc[0, ["wall_s", "busy_s", "critical_s"]].tolist()
    [8.0, 6.0, 5.0]
    """
    import pandas as pd

    steps = Steps.of(source)
    work = _Work.of(steps)
    runs, n_runs = work.runs, len(work.runs.known)
    wall = np.full(n_runs, NONE, np.int64)
    first = _first(runs, _starts(steps, work.durations))
    timed = work.durations >= 0
    np.maximum.at(wall, runs.codes[timed], steps.counts("end_ns")[timed] - first[runs.codes[timed]])
    busy, critical = _busy_and_critical(work)
    frame = pd.DataFrame(
        {
            "run_id": pd.array(np.array(runs.known, object), dtype="str"),
            "n_timed": tallied(runs.codes, n_runs, timed),
            "wall_s": _seconds(wall),
            "work_s": _seconds(
                summed(runs.codes, n_runs, np.where(work.leaf, work.durations, NONE))
            ),
            "busy_s": _seconds(busy),
            "waiting_s": _seconds(np.where(busy >= 0, wall - busy, NONE)),
            "critical_s": _seconds(critical),
        }
    )
    frame["busy_share"] = frame["busy_s"] / frame["wall_s"].where(frame["wall_s"] > 0)
    frame["concurrency"] = frame["work_s"] / frame["busy_s"].where(frame["busy_s"] > 0)
    frame["parallelism"] = frame["work_s"] / frame["critical_s"].where(frame["critical_s"] > 0)
    return frame


def critical_path(source: "Source") -> "pd.DataFrame":
    """Return the steps on the critical path of each run; `run_times` says what it is.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.

    Returns
    -------
    DataFrame
        The rows of `step_times` that are on it.
    """
    work = _Work.of(Steps.of(source))
    order, bounds = work.by_start()
    on_path = np.zeros(len(work.leaf), bool)
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        rows = order[low:high]
        on_path[rows[longest_chain(work.starts[rows], work.ends[rows])]] = True
    return step_times(source)[on_path].reset_index(drop=True)


class _Work(NamedTuple):
    """Leaf work: timed steps with no timed step below them."""

    runs: Names
    starts: Ints
    ends: Ints
    durations: Ints
    leaf: Mask

    @classmethod
    def of(cls, steps: Steps) -> "_Work":
        durations = steps.durations()
        leaf = _leaf_work(steps, durations)
        return cls(steps.runs, steps.counts("start_ns"), steps.counts("end_ns"), durations, leaf)

    def by_start(self) -> tuple[Ints, Ints]:
        """Return the rows of leaf work by run and beginning, and where each run begins there."""
        rows = np.flatnonzero(self.leaf)
        rows = rows[np.lexsort((self.ends[rows], self.starts[rows], self.runs.codes[rows]))]
        groups = Groups(self.runs.codes[rows], len(self.runs.known))
        return rows, groups.bounds


def _busy_and_critical(work: _Work) -> tuple[Ints, Ints]:
    """Return the nanoseconds in which any leaf of a run worked, and those of its longest chain."""
    import pandas as pd

    rows, bounds = work.by_start()
    runs, starts, ends = work.runs.codes[rows], work.starts[rows], work.ends[rows]
    reached = pd.Series(ends).groupby(runs).cummax().to_numpy()
    opens = np.diff(runs, prepend=-1) != 0
    before = np.where(opens, starts, np.concatenate([[0], reached[:-1]]))
    busy = summed(runs, len(work.runs.known), np.maximum(ends - np.maximum(starts, before), 0))
    critical = busy.copy()
    # where nothing overlaps the one chain holds all the work
    for run in np.unique(runs[starts < before]).tolist():
        part = slice(int(bounds[run]), int(bounds[run + 1]))
        chain = longest_chain(starts[part], ends[part])
        critical[run] = int((ends[part][chain] - starts[part][chain]).sum())
    return busy, critical


def longest_chain(starts: Ints, ends: Ints) -> list[int]:
    """Return the positions of intervals that follow one another and add to the most.

    Parameters
    ----------
    starts, ends : array of int, shape (n,)
        Intervals; one may begin when another ends.

    Examples
    --------
    >>> longest_chain(np.array([0, 1, 3, 7]), np.array([4, 3, 5, 8]))
    [0, 3]
    """
    order = np.lexsort((starts, ends)).tolist()
    begin, end = starts.tolist(), ends.tolist()
    finished = [end[at] for at in order]
    best, took = [0], list[int]()
    for n, at in enumerate(order):
        # what an instant in time follows is not itself
        before = min(bisect_right(finished, begin[at]), n)
        taken = best[before] + end[at] - begin[at]
        took.append(before if taken > best[n] else -1)
        best.append(max(best[n], taken))
    chain, n = list[int](), len(order)
    while n:
        before = took[n - 1]
        if before >= 0:
            chain.append(order[n - 1])
        n = before if before >= 0 else n - 1
    return sorted(chain, key=lambda at: (begin[at], end[at]))


def _seconds(nanoseconds: Ints) -> Floats:
    return np.where(nanoseconds >= 0, nanoseconds / _SECOND, np.nan)
