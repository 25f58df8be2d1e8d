"""tau-bench's results: a list of runs, each with its messages, reward and reference actions.

Ids of tool calls are used again and again within one run, so answers are joined to calls by
`pair_calls`, which looks at the position too. A run without a reward's account (`reward_info` is
null) was cut off at the limit of steps: it is `cancelled`, and its reward of nought stands.
"""

from collections.abc import Iterator

from workbench.trajectories.conversations.answering import add_unanswered, pair_calls
from workbench.trajectories.conversations.messages import message_step
from workbench.trajectories.model import Json, Run, Step
from workbench.trajectories.sources.documents import Document, Fields

NAME = "tau-bench"


def recognises(first: Json) -> bool:
    """Tell whether the first value is a run, or a list of runs, with `task_id` and `traj`."""
    one = first[0] if isinstance(first, list) and first else first
    return isinstance(one, dict) and {"task_id", "traj"} <= one.keys()


def runs(document: Document) -> Iterator[Run]:
    """Yield the runs; one that is no object is told and left out."""
    for pointer, value in document.objects("a run"):
        yield _run(value, pointer)


def succeeded(reward: float) -> bool:
    """Tell whether a reward is that of a task done, as tau-bench counts it.

    Examples
    --------
    >>> succeeded(0.9999999), succeeded(0.99)
    (True, False)
    """
    return abs(reward - 1) <= 1e-6


def reference_calls(run: Run) -> list[tuple[str, Json]]:
    """Return the calls that the task's author would make, which stay in the run's `extra`.

    Parameters
    ----------
    run : Run
        Of tau-bench.

    Returns
    -------
    list of (str, JSON value)
        Each tool's name and its arguments; empty where the source holds none.

    Examples
    --------
    >>> action = {"name": "cancel", "kwargs": {"id": 7}}
    >>> reference_calls(Run("tau-bench", extra={"info": {"task": {"actions": [action]}}}))
    [('cancel', {'id': 7})]
    """
    actions = Fields(run.extra).inner("info").inner("task").items("actions")
    return [
        (each["name"], each.get("kwargs"))
        for each in actions
        if isinstance(each, dict) and isinstance(each.get("name"), str)
    ]


def _run(value: Json, pointer: str) -> Run:
    fields = Fields(value)
    info = fields.inner("info")
    run = Run(
        NAME,
        pointer,
        task_id=fields.key("task_id"),
        trial=fields.count("trial"),
        outcome=fields.number("reward"),
    )
    if run.outcome is not None:
        run.scores["reward"] = run.outcome
    if (cost := info.number("user_cost")) is not None:
        # of the simulated user: no part of what the agent took
        run.scores["user_cost"] = cost
    messages = fields.items("traj")
    run.steps = [message_step(each, f"{pointer}/traj/{at}") for at, each in enumerate(messages)]
    pair_calls(run.steps)
    for step in run.calls:
        _judge(step)
    _end(run, info)
    add_unanswered(run.steps)
    run.extra = fields.rest()
    return run


def _judge(step: Step) -> None:
    """Set how a tool's answer ended: its tools begin what went wrong with "Error"."""
    result = step.result
    if result is None:
        return
    step.status = "error" if result.startswith("Error") else "ok"
    if step.status == "error":
        step.error_type, step.error_message = "tool_error", result


def _end(run: Run, info: Fields) -> None:
    if isinstance(info.peek("error"), str):
        run.status, run.termination = "error", "error"
    elif "reward_info" in info and info.peek("reward_info") is None:
        run.status, run.termination = "cancelled", "max_steps"
    elif run.outcome is not None:
        run.status, run.termination = "ok", _ended_by(run.steps)


def _ended_by(steps: list[Step]) -> str | None:
    """Return who ended a conversation: the user's last word, or the agent's last tool."""
    if not steps:
        return None
    if steps[-1].kind == "wb.input" and "###STOP###" in steps[-1].text:
        return "user_stop"
    return steps[-1].tool
