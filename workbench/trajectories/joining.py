"""Runs as OUTPUTS, so that any figure of a trajectory is a metric of `workbench.compare`."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.errors import BadKind, BadValue, some, unknown_name
from workbench.tables import OUTPUTS, is_missing
from workbench.trajectories.comparing.alignment import was_done
from workbench.trajectories.comparing.looping import known_calls, loops_of
from workbench.trajectories.comparing.matching import FIGURES, Reference, match, reference_of
from workbench.trajectories.comparing.stepcosts import said
from workbench.trajectories.ledger import record_of
from workbench.trajectories.model import MODEL_KINDS, UNCOUNTED, Run

if TYPE_CHECKING:
    import pandas as pd

Told: TypeAlias = str | Callable[[Run], Any]
"""A column of RUNS, or a function of a run."""

_NS_PER_S = 1_000_000_000


def outputs_of(
    runs: Iterable[Run] | Mapping[str, Iterable[Run]],
    *,
    system: Told = "agent",
    row_id: Told = "task_id",
    text: Callable[[Run], str | None] | None = None,
    reference: Reference | None = None,
    figures: Mapping[str, Callable[[Run], Any]] | None = None,
) -> "pd.DataFrame":
    """Turn runs into OUTPUTS: a task is a row, an agent a system, a trial a repeat.

    Parameters
    ----------
    runs : Runs, iterable of Run, or mapping of str to them
        What was done; a mapping names the system of its runs.
    system, row_id : str or callable
        The column of RUNS that tells the system, or the row; or a function of a run.
    text : callable, optional
        What a run answered; by default the last text that a model, or else anybody, wrote.
    reference : mapping or callable, optional
        The reference calls, as in `reference_scores`; adds its figures as columns.
    figures : mapping of str to callable, optional
        Further columns, each a function of a run that returns a number, true, false or None.

    Returns
    -------
    DataFrame
        OUTPUTS with the columns `success` (missing where the run does not say), `outcome`,
        `n_steps`, `n_calls`, `n_errors` (failed calls), `n_failed_steps` (of any kind), `n_loops`
        (missing where the log holds no results), and those asked for; demos and copied context
        count nowhere. `repeat` is the trial; where trials are missing or come twice, the runs of
        a row and system are numbered in their order.

    Raises
    ------
    BadKind
        If something is no run.
    BadValue
        If there are no runs, a run has no row or system, or a figure has the name of a column.
    UnknownName
        If RUNS has no such column.

    Examples
    --------
    >>> import workbench as wb
    >>> from workbench.trajectories.model import Step
    >>> def run(task, outcome, n):
    ...     steps = [Step("execute_tool", "", tool="f")] * n
    ...     return Run("mine", run_id=f"{task}{n}", task_id=task, outcome=outcome, steps=steps)
    >>> old, new = [run("a", 0.0, 5), run("b", 1.0, 4)], [run("a", 1.0, 2), run("b", 1.0, 3)]
    >>> outputs = outputs_of({"old": old, "new": new})
    >>> outputs[["row_id", "system", "success", "n_calls"]].values.tolist()
    [['a', 'old', False, 5], ['b', 'old', True, 4], ['a', 'new', True, 2], ['b', 'new', True, 3]]
    >>> metrics = [wb.Column("success"), wb.Column("n_calls", direction="down")]
    >>> scores = wb.score(outputs, rows_of(old), metrics)
    """
    import pandas as pd

    records = []
    for name, run in _named(runs):
        told = record_of(run)
        who = _told(run, told, system, "system") if name is None else name
        record = _identity(run, _told(run, told, row_id, "row_id"), who)
        answer = (text or final_text)(run)
        record |= {"text": answer} | _recorded(run, told) | _counted(run)
        if reference is not None:
            record |= _matched(run, reference)
        records.append(record | _asked(run, record, figures or {}))
    if not records:
        raise BadValue("outputs must come of a run or more, but none came; read some first.")
    frame = numbered(pd.DataFrame(records))
    return OUTPUTS.check(_typed(frame), source="the runs given")


def rows_of(
    runs: Iterable[Run], *, row_id: Told = "task_id", text: Callable[[Run], str] | None = None
) -> "pd.DataFrame":
    """Turn the tasks of runs into ROWS.

    Parameters
    ----------
    runs : Runs or iterable of Run
        Several runs of one task make one row.
    row_id : str or callable
        The column of RUNS that tells the row, or a function of a run.
    text : callable, optional
        What was asked; by default the first text of a user in the first run of the task.

    Returns
    -------
    DataFrame
        ROWS, in the order in which tasks come first.

    Raises
    ------
    BadValue
        If there are no runs, or a run has no row.

    Examples
    --------
    >>> from workbench.trajectories.conversations.messages import message_step
    >>> steps = [message_step({"role": "user", "content": "Book a flight."}, "/0")]
    >>> rows_of([Run("mine", run_id="a", task_id="7", steps=steps)]).values.tolist()
    [['7', 'Book a flight.']]
    """
    from workbench.data import read

    tasks: dict[str, str] = {}
    for run in runs:
        key = _told(run, record_of(run), row_id, "row_id")
        if key not in tasks:
            tasks[key] = (text or first_text)(run)
    if not tasks:
        raise BadValue("rows must come of a run or more, but none came; read some first.")
    return read([{"row_id": key, "input": asked} for key, asked in tasks.items()])


def final_text(run: Run) -> str | None:
    """Return the last text that a model wrote; where none did, that anybody but the user did."""
    speakers = [step for step in run.steps if step.kind in MODEL_KINDS]
    others = [step for step in run.steps if step.kind not in {"wb.input", "wb.system"}]
    for steps in (speakers, others):
        for step in reversed(steps):
            if any(part.direction == "out" and part.type == "text" for part in step.parts):
                return said(step) or None
    return None


def first_text(run: Run) -> str:
    """Return the first text of a user; an empty one where there is none."""
    asked = (step.text for step in run.steps if step.kind == "wb.input")
    return next((text for text in asked if text), "")


def _named(
    runs: Iterable[Run] | Mapping[str, Iterable[Run]],
) -> Iterator[tuple[str | None, Run]]:
    groups = runs.items() if isinstance(runs, Mapping) else [(None, runs)]
    for name, group in groups:
        for run in [group] if isinstance(group, Run) else group:
            if not isinstance(run, Run):
                raise BadKind(
                    f"outputs come of runs, but a {type(run).__name__} came; give Runs, a list of "
                    "Run, or a mapping from system to these."
                )
            yield name, run


def _identity(run: Run, row_id: str, system: str) -> dict[str, Any]:
    head = {"output_id": run.output_id, "row_id": row_id}
    return head | {"system": system, "repeat": run.trial}


def _told(run: Run, told: Mapping[str, Any], how: Told, what: str) -> str:
    if isinstance(how, str) and how not in told:
        raise unknown_name(f"the column of RUNS for {what}", how, told)
    value = told[how] if isinstance(how, str) else how(run)
    if is_missing(value):
        where = f"its {how} is missing" if isinstance(how, str) else "the function returned nothing"
        raise BadValue(
            f"each run must have a {what}, but {where} in run {run.run_id!r}; name another column, "
            f"or give a function, such as {what}=lambda run: …"
        )
    return str(value)


def _recorded(run: Run, told: Mapping[str, Any]) -> dict[str, Any]:
    start, end = told["start_ns"], told["end_ns"]
    names = ["model", "input_tokens", "cached_tokens", "output_tokens", "cost_usd", "run_id"]
    known = start is not None and end is not None and end >= start
    seconds = (end - start) / _NS_PER_S if known else None
    return {name: told[name] for name in names} | {
        "latency_s": seconds,
        "outcome": _number(run.outcome),
    }


def _number(outcome: bool | float | None) -> float | None:
    return None if outcome is None else float(outcome)


def _counted(run: Run) -> dict[str, Any]:
    own = [step for step in run.steps if not step.flags & UNCOUNTED]
    calls = [step for step in own if step.kind == "execute_tool"]
    known = not calls or known_calls(run)
    return {
        "success": was_done(run),
        "n_steps": len(own),
        "n_calls": len(calls),
        "n_errors": sum(step.status == "error" for step in calls),
        "n_failed_steps": sum(step.status == "error" for step in own),
        "n_loops": len(loops_of(run)) if known else None,
    }


def _matched(run: Run, reference: Reference) -> dict[str, Any]:
    found = match(run, reference_of(run, reference))
    return {name: getattr(found, name) for name in FIGURES}


def _asked(
    run: Run, record: Mapping[str, Any], figures: Mapping[str, Callable[[Run], Any]]
) -> dict[str, Any]:
    if taken := [name for name in figures if name in record]:
        raise BadValue(
            f"a figure must have a name of its own, but {some(taken)} came, which is a column "
            "already; rename it."
        )
    return {name: figure(run) for name, figure in figures.items()}


def numbered(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Fill in the repeats and the names of outputs, as `outputs_of` does.

    Parameters
    ----------
    frame : DataFrame
        With `output_id`, `row_id`, `system` and `repeat`, of which the first and the last may be
        missing.
    """
    key = ["row_id", "system"]
    numbers = frame.groupby(key, sort=False).cumcount()
    trials = frame["repeat"]
    broken = trials.isna() | frame.assign(repeat=trials.fillna(-1)).duplicated([*key, "repeat"])
    groups = list(zip(frame["row_id"], frame["system"], strict=True))
    mend = {group for group, is_broken in zip(groups, broken, strict=True) if is_broken}
    repeats = [
        int(number if group in mend else trial)
        for group, number, trial in zip(groups, numbers, trials, strict=True)
    ]
    ids = [
        own if isinstance(own, str) else f"{system}:{row}:{repeat}"
        for own, (row, system), repeat in zip(frame["output_id"], groups, repeats, strict=True)
    ]
    twice = {name for name, n in Counter(ids).items() if n > 1}
    ids = [
        f"{name}:{repeat}" if name in twice else name
        for name, repeat in zip(ids, repeats, strict=True)
    ]
    return frame.assign(output_id=ids, repeat=repeats)


def _typed(frame: "pd.DataFrame") -> "pd.DataFrame":
    kinds = dict.fromkeys(["n_steps", "n_calls", "n_errors", "n_failed_steps", "n_loops"], "Int64")
    kinds |= {"success": "boolean", "outcome": "float64"}
    return frame.astype(kinds)


__all__ = ["outputs_of", "rows_of"]
