"""Whether tasks get done: success, pass@k and pass^k over tasks, and the price of a task done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import display
from workbench.display import Sheet, percent
from workbench.errors import BadValue, require_level, some, unknown_name
from workbench.pricing import Prices
from workbench.stats import Exact, Interval, bootstrap_sums, pass_at_k, pass_hat_k
from workbench.tables import each_row, is_missing
from workbench.trajectories.analysis.columns import Floats
from workbench.trajectories.analysis.spending import usage
from workbench.trajectories.collection import Runs

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-6
"""A reward this close to 1, or above, is a success, as in tau-bench."""


def succeeded(runs: Runs) -> "pd.Series[bool]":
    """Tell which runs did their task; NA where a run does not say.

    Parameters
    ----------
    runs : Runs
        Each with an outcome: true or false, or a reward, of which 1 is success.

    Returns
    -------
    Series of boolean
        By `run_id`.

    Examples
    --------
    >>> from workbench.trajectories.model import Run
    >>> runs = Runs.of([Run("mine", name=n, outcome=o) for n, o in [("a", 1.0), ("b", 0.5), ("c", None)]])
    >>> succeeded(runs).tolist()
    [True, False, <NA>]
    """
    import pandas as pd

    outcomes = runs.frame["outcome"].tolist()
    done = [None if is_missing(each) else float(each) >= 1 - TOLERANCE for each in outcomes]
    return pd.Series(
        done, index=pd.Index(runs.ids, name="run_id", dtype="str"), dtype="boolean", name="done"
    )


@dataclass(frozen=True)
class _Settings:
    """How completion is measured; `completion` says what each field means."""

    k: tuple[int, ...] | None
    level: float
    samples: int
    seed: int

    def __post_init__(self) -> None:
        require_level(self.level)
        if self.samples < 1 or self.seed < 0:
            raise BadValue(
                "samples must be at least 1 and seed at least 0, but "
                f"{self.samples} and {self.seed} came; use 2000 and 0."
            )
        if self.k is not None and any(k < 1 for k in self.k):
            raise BadValue(f"k must be at least 1, but {min(self.k)} came; use 1 and more.")


def completion(
    runs: Runs,
    *,
    k: Sequence[int] | None = None,
    by: str | None = None,
    prices: Prices | None = None,
    level: float = 0.95,
    samples: int = 2_000,
    seed: int = 0,
) -> Sheet:
    """Tell how many tasks get done, how dependably, and what a task done costs.

    Parameters
    ----------
    runs : Runs
        With outcomes; runs of one task are attempts at it. A run without a task is one by itself.
    k : sequence of int, optional
        Numbers of attempts; by default from 1 to the fewest attempts that a task had, at most 8.
    by : str, optional
        A column of RUNS, such as "model" or "agent_version": figures within each of its groups;
        runs in which it is missing are a group too, the last.
    prices : Prices, optional
        Costs are recomputed from them; else they are those that were recorded.
    level : float
        Confidence of the intervals.
    samples, seed : int
        Number of resamples of the bootstrap, and the seed of their random numbers.

    Returns
    -------
    Sheet
        Its frame: `figure` ("pass@k", "pass^k", "cost per completed task"), `k`, `value`, `ci_low`,
        `ci_high`, `n_tasks`, `n_runs`, `n_unknown` (runs that do not say how they ended), `note`;
        with `by` that column first. The cost counts the runs that do not say how they ended among
        its tasks and runs, for they were paid for too; the other figures do not.

    Raises
    ------
    BadValue
        If no run has an outcome, or a task has fewer attempts than `k`.
    UnknownName
        If there is no such column.

    Notes
    -----
    pass@k (at least one of k attempts succeeds) and pass^k (all do) are means over tasks, each with
    its own number of attempts; for k = 1 both are the share of successes. The cost is that of all
    runs, failed ones too, by the number of runs that succeeded; NA where none did, or where a run's
    cost is not known. Intervals are for other tasks: tasks are drawn with replacement,
    with all their runs, and the interval's ends are percentiles. A resample in which no run succeeds
    has an infinite cost.

    References
    ----------
    Chen et al. (2021), equation 1; Yao et al. (2024); Efron and Tibshirani (1993), section 13.3.

    Examples
    --------
    >>> from workbench.trajectories.model import Run
    >>> runs = Runs.of([Run("mine", name=f"{task}{trial}", task_id=str(task), outcome=task >= trial)
    ...                 for task in range(4) for trial in range(3)])
    >>> completion(runs, k=[1, 3], samples=200)
    Completion of 4 tasks in 12 runs; 95 % intervals (percentile bootstrap over tasks, 200 resamples)
    figure                   k      value [interval]  tasks  runs
    pass@k                   1  0.750 [0.500, 1.000]      4    12
    pass@k                   3  1.000 [1.000, 1.000]      4    12
    pass^k                   1  0.750 [0.500, 1.000]      4    12
    pass^k                   3  0.500 [0.000, 1.000]      4    12
    cost per completed task  –              – [–, –]      4    12
    """
    import pandas as pd

    settings = _Settings(None if k is None else tuple(k), level, samples, seed)
    if by is not None and by not in runs.frame:
        raise unknown_name("by", by, runs.frame.columns)
    table = _attempts(runs, prices)
    groups: list[tuple[dict[str, Any], pd.DataFrame]] = [({}, table)]
    if by is not None:
        table[by] = runs.frame[by].to_numpy()
        groups = [({by: name}, part) for name, part in table.groupby(by, sort=True, dropna=False)]
    records = [head | each for head, part in groups for each in _figures(part, settings)]
    frame = pd.DataFrame(records, columns=[*([by] if by else []), *_COLUMNS])
    return _shown(frame.astype({"k": "Int64"}), settings, by)


_COLUMNS = ["figure", "k", "value", "ci_low", "ci_high", "n_tasks", "n_runs", "n_unknown", "note"]
_MOST_K = 8


def _attempts(runs: Runs, prices: Prices | None) -> "pd.DataFrame":
    """Return a row per run: its task, whether it was done, and its cost."""
    import pandas as pd

    done = succeeded(runs)
    if done.isna().all():
        raise BadValue(
            f"completion needs runs with an outcome, but none of these {len(runs)} has one; read logs "
            "that state a reward or a success, or set run.outcome."
        )
    column = "cost_usd" if prices is None else "recomputed_usd"
    tasks = runs.frame["task_id"].astype(object)
    alone = [f"\0{run_id}" for run_id in runs.ids]
    return pd.DataFrame(
        {
            "task": np.where(tasks.isna(), alone, tasks),
            "done": done.to_numpy(),
            "cost": usage(runs, prices=prices)[column].to_numpy(),
        }
    )


def _figures(table: "pd.DataFrame", settings: _Settings) -> Iterator[dict[str, Any]]:
    known = table[table["done"].notna()]
    tasks = known.assign(done=known["done"].astype(int)).groupby("task", sort=True)["done"]
    n, c = tasks.size(), tasks.sum()
    counts = {"n_tasks": len(n), "n_runs": len(known), "n_unknown": len(table) - len(known)}
    if not len(n):
        yield {"figure": "pass^k", "note": "no run says how it ended"} | counts
        return
    wanted = settings.k or range(1, min(int(n.min()), _MOST_K) + 1)
    _require_k(n, max(wanted))
    pairs = list(zip(n.tolist(), c.tolist(), strict=True))
    for name, measure in (("pass@k", pass_at_k), ("pass^k", pass_hat_k)):
        for k in wanted:
            values = [measure(n, c, k) for n, c in pairs]
            yield {"figure": name, "k": k} | _mean(values, settings) | counts
    summed = counts | {"n_tasks": table["task"].nunique(), "n_runs": len(table)}
    yield {"figure": "cost per completed task"} | _cost(table, settings) | summed


def _require_k(n: "pd.Series[int]", k: int) -> None:
    if len(few := n[n < k]):
        tasks = [str(task).lstrip("\0") for task in few.index]
        raise BadValue(
            f"every task must be attempted at least k = {k} times, but {some(tasks)} "
            f"had only {int(few.min())}; choose a smaller k or run them more often."
        )


def _mean(values: Sequence[float], settings: _Settings) -> dict[str, Any]:
    exact = Exact.of(np.array(values)[:, None])
    return _told(_interval(exact, lambda sums: sums[:, 0] / len(values), settings), len(values))


def _told(found: Interval, n_tasks: int) -> dict[str, Any]:
    note = "one task cannot say how others would differ" if n_tasks < 2 else None
    return {"value": found.value, "ci_low": found.low, "ci_high": found.high, "note": note}


def _cost(table: "pd.DataFrame", settings: _Settings) -> dict[str, Any]:
    """Return the cost of all runs by the number of successes."""
    nothing = dict.fromkeys(("value", "ci_low", "ci_high"), np.nan)
    done = table["done"].fillna(value=False).astype(float)
    if n_silent := int(table["cost"].isna().sum()):
        return nothing | {"note": f"the cost of {n_silent} of {len(table)} runs is not known"}
    if not done.any():
        return nothing | {"note": "no run succeeded"}
    codes, tasks = table["task"].factorize(sort=True)
    each = Exact.of(np.stack([table["cost"].to_numpy(float), done.to_numpy()], axis=1))
    return _told(_interval(each.grouped(codes, len(tasks)), _per_success, settings), len(tasks))


def _per_success(sums: Floats) -> Floats:
    costs, successes = sums[:, 0], sums[:, 1]
    return np.where(successes > 0, costs / np.where(successes > 0, successes, 1), np.inf)


def _interval(exact: Exact, figure: Callable[[Floats], Floats], settings: _Settings) -> Interval:
    """Return a function of sums over tasks with its percentile interval; NaN ends for one task."""
    value = float(figure(exact.sum(axis=0).value()[None])[0])
    if exact.limbs.shape[1] < 2:
        return Interval(value, np.nan, np.nan)
    drawn = figure(bootstrap_sums(exact, samples=settings.samples, seed=settings.seed))
    shares = [(1 - settings.level) / 2, (1 + settings.level) / 2]
    # a resample without a success is beyond all others: no number lies between it and them
    if np.isfinite(drawn).all():
        low, high = np.quantile(drawn, shares)
    else:
        low, high = np.quantile(drawn, shares, method="nearest")
    return Interval(value, float(low), float(high))


def _shown(frame: "pd.DataFrame", settings: _Settings, by: str | None) -> Sheet:
    head = [by] if by else []
    body = [
        [
            *(
                "–" if is_missing(row[name]) else display.plain(row[name], width=40)
                for name in head
            ),
            row["figure"],
            "–" if is_missing(row["k"]) else str(row["k"]),
            display.interval(row["value"], row["ci_low"], row["ci_high"], _places(row)),
            str(row["n_tasks"]),
            str(row["n_runs"]),
        ]
        for row in each_row(frame)
    ]
    first = frame.groupby(by, dropna=False).first() if by else frame.head(1)
    n_tasks, n_runs, n_unknown = (
        int(first[name].sum()) for name in ("n_tasks", "n_runs", "n_unknown")
    )
    unknown = f"; {n_unknown} runs that do not say how they ended left out" if n_unknown else ""
    caption = (
        f"Completion of {display.counted(n_tasks, 'task')} in {display.counted(n_runs, 'run')}; "
        f"{percent(settings.level)} intervals (percentile bootstrap over tasks, {settings.samples} "
        f"resamples){unknown}"
    )
    return Sheet(frame, caption, [*head, "figure", "k", "value [interval]", "tasks", "runs"], body)


def _places(row: dict[str, Any]) -> int:
    value = row["value"]
    if not row["figure"].startswith("cost") or is_missing(value):
        return 3
    return display.digits((None, None), abs(value))
