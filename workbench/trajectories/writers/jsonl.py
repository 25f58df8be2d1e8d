"""Our own runs: JSON Lines with every field of the model, read by `readers.workbench_runs`."""

from workbench.trajectories.model import Run
from workbench.trajectories.readers.workbench_runs import KEY
from workbench.trajectories.writers.encoding import ESCAPE, SCHEMA, dumped, escaped, plain

NAME = "jsonl"


def line(run: Run) -> bytes:
    """Return a run as one line of JSON; fields at their defaults are left out.

    Examples
    --------
    >>> from workbench.trajectories.model import Step
    >>> line(Run("mine", "/0", [Step("chat", "/0/0")], output_id="o1")).decode()
    '{"workbench_run":1,"format":"mine","pointer":"/0","steps":[{"kind":"chat","source":"/0/0"}],"output_id":"o1"}'
    """
    value = {KEY: SCHEMA, **plain(run)}
    try:
        found = dumped(value)
    except ValueError:
        return dumped(escaped(value))
    return dumped(escaped(value)) if ESCAPE in found else found
