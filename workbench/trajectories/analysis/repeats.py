"""Work done twice: the same call again, with the same answer or another, and what it took."""

import hashlib
import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from workbench import display
from workbench.display import Sheet
from workbench.errors import BadValue, unknown_name
from workbench.tables import each_row
from workbench.trajectories.collection import Runs
from workbench.trajectories.model import UNCOUNTED, Run, Step

if TYPE_CHECKING:
    import pandas as pd

Scope = Literal["run", "all"]


class _Call(NamedTuple):
    """A call of a tool: what was asked, by whom, and what came."""

    run_id: str
    step: int
    tool: str
    arguments: str
    answer: bytes | None
    agent: str | None
    seconds: float
    cost_usd: float


def repeated_calls(runs: Runs) -> "pd.DataFrame":
    """Find calls that a run made more than once with the same arguments.

    Parameters
    ----------
    runs : Runs
        Each is read in full.

    Returns
    -------
    DataFrame
        A row per run and call: `run_id`, `tool`, `arguments` (JSON, keys in order), `n` (calls),
        `n_answers` (different ones), `n_no_progress` (calls whose answer the run had already got
        from the same call), `contradictory` (there are several answers), `steps`, `agents` (who
        asked, in order of appearance), `repeat_s` and `repeat_usd` (what the calls without progress
        took; NA where that is not recorded).

    Notes
    -----
    Several answers to one call need not be wrong: what is polled changes. Calls that got no answer
    are counted in `n` alone.

    Examples
    --------
    >>> from workbench.trajectories.conversations.messages import call_part
    >>> from workbench.trajectories.model import Part
    >>> def call(answer):
    ...     parts = [call_part("f", {"x": 1}, None), Part("out", "tool", "tool_call_response", answer)]
    ...     return Step("execute_tool", "", parts, tool="f")
    >>> runs = Runs.of([Run("mine", name="a", steps=[call("1"), call("1"), call("2")])])
    >>> repeated_calls(runs)[["arguments", "n", "n_answers", "n_no_progress", "contradictory"]]
      arguments  n  n_answers  n_no_progress  contradictory
    0  {"x": 1}  3          2              1           True
    """
    import pandas as pd

    rows = [
        _repeated(calls) for run in runs for calls in _alike(_calls(run)).values() if len(calls) > 1
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    numbers = {"n": "int64", "n_answers": "int64", "n_no_progress": "int64"}
    return frame.astype(
        numbers | {"contradictory": "bool", "repeat_s": "float64", "repeat_usd": "float64"}
    )


_COLUMNS = [
    "run_id", "tool", "arguments", "n", "n_answers", "n_no_progress", "contradictory", "steps", "agents",
    "repeat_s", "repeat_usd",
]  # fmt: skip


def _calls(run: Run) -> Iterator[_Call]:
    for at, step in enumerate(run.steps):
        if step.kind != "execute_tool" or step.tool is None or step.flags & UNCOUNTED:
            continue
        usage = step.usage.cost_usd if step.usage else None
        yield _Call(
            run.run_id,
            at,
            step.tool,
            asked(step),
            None if step.result is None else hashlib.sha256(_bytes(step.result)).digest(),
            _asker(run, step),
            _seconds(step),
            np.nan if usage is None else usage,
        )


def asked(step: Step) -> str:
    """Return the arguments of a call as JSON with keys in order; as they stand where they are none.

    Parameters
    ----------
    step : Step
        In which a tool was called.
    """
    for part in step.parts:
        if part.type == "tool_call":
            if not part.arguments_valid:
                return part.text or ""
            return json.dumps(part.arguments, sort_keys=True, ensure_ascii=False)
    return ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _asker(run: Run, step: Step) -> str | None:
    """Return the agent that asked: of the call if it says so, else of the step that holds it."""
    if step.call_step is not None and 0 <= step.call_step < len(run.steps):
        return run.steps[step.call_step].agent or step.agent
    return step.agent


def _seconds(step: Step) -> float:
    if step.start_ns is None or step.end_ns is None or step.end_ns < step.start_ns:
        return np.nan
    return (step.end_ns - step.start_ns) / 1e9


def _alike(calls: Iterator[_Call]) -> dict[tuple[str, str], list[_Call]]:
    found: dict[tuple[str, str], list[_Call]] = {}
    for call in calls:
        found.setdefault((call.tool, call.arguments), []).append(call)
    return found


def _without_progress(calls: list[_Call]) -> list[_Call]:
    """Return the calls whose answer had come before."""
    seen: set[bytes] = set()
    again = []
    for call in calls:
        if call.answer is None:
            continue
        if call.answer in seen:
            again.append(call)
        seen.add(call.answer)
    return again


def _repeated(calls: list[_Call]) -> tuple[Any, ...]:
    again = _without_progress(calls)
    n_answers = len({call.answer for call in calls if call.answer is not None})
    agents = list(dict.fromkeys(call.agent for call in calls if call.agent is not None))
    first, took = calls[0], _taken(again)
    head = (first.run_id, first.tool, first.arguments, len(calls), n_answers, len(again))
    return (*head, n_answers > 1, [call.step for call in calls], agents, took[0], took[1])


def _taken(calls: list[_Call]) -> tuple[float, float]:
    """Return the seconds and dollars of calls; NaN where one does not say."""
    return math.fsum(call.seconds for call in calls), math.fsum(call.cost_usd for call in calls)


def bottlenecks(runs: Runs, *, scope: Scope = "run", top: int = 20) -> Sheet:
    """Find the calls that took longest and those made again and again, with the saving they hide.

    Parameters
    ----------
    runs : Runs
        Each is read in full.
    scope : {"run", "all"}
        Whether a run could have kept its own answers only, or those of runs before it too.
    top : int
        How many are shown; the frame holds all.

    Returns
    -------
    Sheet
        Its frame, the largest saving and then the longest time first: `tool`, `arguments`, `n`
        (calls), `n_runs`, `total_s`, `longest_s`, `n_repeats` (calls whose answer the same call had
        already got), `saving_s`, `saving_usd`: what these took, and a cache would at most have saved.
        NA where no call, or a repeat, does not say what it took.

    Raises
    ------
    UnknownName
        If there is no such scope.
    BadValue
        If `top` is below 1.

    Notes
    -----
    A repeat with another answer than before is no saving: a cache would have been wrong. The time
    saved is that of the calls, not of the run: others may have run beside them.
    """
    import pandas as pd

    if scope not in get_args(Scope):
        raise unknown_name("scope", scope, get_args(Scope))
    if top < 1:
        raise BadValue(f"top must be at least 1, but {top} came; use 20.")
    found: dict[tuple[str, str], list[_Call]] = {}
    for run in runs:
        for key, calls in _alike(_calls(run)).items():
            found.setdefault(key, []).extend(calls)
    frame = pd.DataFrame([_bottleneck(calls, scope) for calls in found.values()], columns=_FIGURES)
    frame = frame.astype(
        dict.fromkeys(("total_s", "longest_s", "saving_s", "saving_usd"), "float64")
    )
    sizes = frame[["saving_s", "saving_usd", "n_repeats", "total_s", "n"]].fillna(0)
    frame = frame.assign(**{f"_{name}": -sizes[name] for name in sizes})
    order = [*(f"_{name}" for name in sizes), "tool", "arguments"]
    return _shown(frame.sort_values(order, ignore_index=True)[_FIGURES], scope, top)


_FIGURES = [
    "tool", "arguments", "n", "n_runs", "total_s", "longest_s", "n_repeats", "saving_s", "saving_usd",
]  # fmt: skip


def _bottleneck(calls: list[_Call], scope: Scope) -> tuple[Any, ...]:
    if scope == "all":
        again = _without_progress(calls)
    else:
        of_run: dict[str, list[_Call]] = {}
        for call in calls:
            of_run.setdefault(call.run_id, []).append(call)
        again = [call for part in of_run.values() for call in _without_progress(part)]
    timed = [call.seconds for call in calls if not np.isnan(call.seconds)]
    total, longest = (math.fsum(timed), max(timed)) if timed else (np.nan, np.nan)
    head = (calls[0].tool, calls[0].arguments, len(calls), len({call.run_id for call in calls}))
    return (*head, total, longest, len(again), *_taken(again))


def _shown(frame: "pd.DataFrame", scope: Scope, top: int) -> Sheet:
    body = [
        [
            display.plain(row["tool"], width=40),
            display.plain(row["arguments"], width=60),
            str(row["n"]),
            display.number(row["total_s"]),
            display.number(row["longest_s"]),
            str(row["n_repeats"]),
            display.number(row["saving_s"]),
            display.number(row["saving_usd"], 4),
        ]
        for row in each_row(frame.head(top))
    ]
    kept = "its own answers" if scope == "run" else "the answers of all runs"
    n_repeats, n_calls = int(frame["n_repeats"].sum()), int(frame["n"].sum())
    caption = (
        f"{n_repeats} of {n_calls} calls repeat one whose answer was known, if a run had kept {kept}; "
        f"{min(top, len(frame))} of {len(frame)} different calls"
    )
    header = [
        "tool",
        "arguments",
        "calls",
        "total, s",
        "longest, s",
        "repeats",
        "saving, s",
        "saving, USD",
    ]
    return Sheet(frame, caption, header, body)
