"""A first look at many runs: per agent how often it succeeded, what it took, what went wrong."""

import math
from typing import TYPE_CHECKING

from workbench import display
from workbench.display import Sheet
from workbench.errors import BadKind
from workbench.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.collection import Runs

_HEADER = [
    "agent", "format", "runs", "succeeded", "steps", "tool calls", "failed calls", "input tokens",
    "output tokens", "USD",
]  # fmt: skip


def summary(runs: "Runs", *, level: float = 0.95) -> Sheet:
    """Summarise runs by agent and version.

    Parameters
    ----------
    runs : Runs
        What was read.
    level : float
        Confidence of the intervals (Wilson's, of the shares).

    Returns
    -------
    Sheet
        A row per agent, version and format: `n_runs`, `n_judged` (runs whose outcome is known),
        `success` with `success_low` and `success_high`, `n_steps`, `n_calls`, `n_errors`,
        `error_rate` with its interval, tokens and dollars over leaves with the number of runs that
        record them (`n_input`, `n_output`, `n_costed`). NA where nothing is known.

    Raises
    ------
    BadKind
        If something else than Runs came.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    Examples
    --------
    >>> from workbench.trajectories.model import Run, Step
    >>> from workbench.trajectories.collection import Runs
    >>> done = Run("x", name="a", agent="ann", outcome=1, steps=[Step("execute_tool", "/0")])
    >>> print(summary(Runs.of([done])).frame[["agent", "n_runs", "success", "n_calls"]].to_string())
      agent  n_runs  success  n_calls
    0   ann       1      1.0        1
    """
    import pandas as pd

    from workbench.trajectories.collection import Runs

    if not isinstance(runs, Runs):
        raise BadKind(
            f"a summary must be of Runs, but {type(runs).__name__} came; a single run is in "
            "Runs.of([run])."
        )
    frame = _joined(runs)
    rows = [
        {**dict(zip(_KEYS, key, strict=True)), **_figures(group, level)}
        for key, group in frame.groupby(_KEYS, dropna=False, sort=True)
    ]
    found = pd.DataFrame(rows, columns=None if rows else [*_KEYS, "n_runs"])
    return Sheet(found, _caption(runs, level), _HEADER, [_cells(row) for row in rows])


_KEYS = ["agent", "agent_version", "format"]
_SUMS = {"input_tokens": "n_input", "output_tokens": "n_output", "cost_usd": "n_costed"}


def _joined(runs: "Runs") -> "pd.DataFrame":
    """Return RUNS with what their steps add up to, and whether each succeeded."""
    from workbench.trajectories.analysis import succeeded

    calls = runs.steps[(runs.steps["kind"] == "execute_tool") & ~runs.steps["uncounted"]]
    n_calls = calls.groupby("run_id", observed=True).size()
    n_errors = calls[calls["status"] == "error"].groupby("run_id", observed=True).size()
    frame = runs.frame.copy()
    known = frame["outcome"].map(lambda outcome: not is_missing(outcome)).to_numpy(bool)
    good = succeeded(runs).fillna(False).to_numpy(bool)
    return frame.assign(
        n_calls=frame["run_id"].map(n_calls).fillna(0).astype(int),
        n_errors=frame["run_id"].map(n_errors).fillna(0).astype(int),
        known=known,
        good=good,
    )


def _figures(group: "pd.DataFrame", level: float) -> dict[str, object]:
    n_calls, n_errors = int(group["n_calls"].sum()), int(group["n_errors"].sum())
    success = _share(int(group["good"].sum()), int(group["known"].sum()), level)
    errors = _share(n_errors, n_calls, level)
    # a sum of nothing is not nought, and one of a part says how many it adds
    sums = {name: group[name].sum(min_count=1) for name in _SUMS}
    counts = {n_name: int(group[name].notna().sum()) for name, n_name in _SUMS.items()}
    return {
        "n_runs": len(group),
        "n_judged": int(group["known"].sum()),
        "success": success[0], "success_low": success[1], "success_high": success[2],
        "n_steps": int(group["n_steps"].sum()),
        "n_calls": n_calls,
        "n_errors": n_errors,
        "error_rate": errors[0], "error_low": errors[1], "error_high": errors[2],
        **sums, **counts,
    }  # fmt: skip


def _share(hits: int, n: int, level: float) -> tuple[float, float, float]:
    import numpy as np

    from workbench.trajectories.analysis import wilson

    if not n:
        return math.nan, math.nan, math.nan
    low, high = wilson(np.array([hits]), np.array([n]), level=level)
    return hits / n, float(low[0]), float(high[0])


def _cells(row: dict[str, object]) -> list[str]:
    version = row["agent_version"]
    agent = "–" if is_missing(row["agent"]) else display.plain(row["agent"], width=32)
    return [
        agent if is_missing(version) else f"{agent} {display.plain(version, width=12)}",
        display.plain(row["format"]),
        str(row["n_runs"]),
        display.interval(row["success"], row["success_low"], row["success_high"]),
        str(row["n_steps"]),
        str(row["n_calls"]),
        display.interval(row["error_rate"], row["error_low"], row["error_high"], 3),
        *(_sum(row, name, 4 if name == "cost_usd" else 0) for name in _SUMS),
    ]


def _sum(row: dict[str, object], name: str, digits: int) -> str:
    """Write a sum, with the number of runs that it adds where that is not all of them."""
    value, n = row[name], row[_SUMS[name]]
    shown = display.number(value if is_missing(value) else float(value), digits)  # type: ignore[arg-type]
    return shown if n in {0, row["n_runs"]} else f"{shown} ({n} of {row['n_runs']} runs)"


def _caption(runs: "Runs", level: float) -> str:
    n = len(runs.findings)
    told = f"; {n} findings of the readers, see .findings" if n else ""
    return f"{repr(runs).split(';')[0]}; shares with {level * 100:g} % intervals (Wilson){told}"
