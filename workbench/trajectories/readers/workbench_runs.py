"""Our own runs: JSON Lines with every field of the model, one line per run.

A run comes back as it was written, with its id, the format and the place that it was first read
from; `output_id` joins it to OUTPUTS.
"""

from collections.abc import Iterator
from dataclasses import replace

from workbench.trajectories.model import Json, Run
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers.encoding import ESCAPE, SCHEMA, revived, run_from

NAME = "workbench-runs"
KEY = "workbench_run"
"""The member that holds the version of the schema."""

# How much deeper a value may lie here than in the file it comes from: run, steps, parts, extra.
_DEEPER = 16


def recognises(first: Json) -> bool:
    """Tell whether the first value bears the version of our schema."""
    return isinstance(first, dict) and KEY in first


def runs(document: Document) -> Iterator[Run]:
    """Yield the runs; what is none of our fields is kept in `extra`, and told."""
    limits = replace(document.limits, depth=document.limits.depth + _DEEPER)
    roomy = replace(document, limits=limits, notices=document.notices)
    for line in roomy.lines():
        place = f"L{line.number}"
        value = roomy.parsed(line.data, place)
        if isinstance(value, dict):
            yield _run(revived(value) if ESCAPE in line.data else value, place, document)
        elif value is not None:
            document.notice(
                "unreadable", place, f"a run must be an object: {value!r:.500}", "error"
            )


def _run(value: Json, place: str, document: Document) -> Run:
    fields = dict(value)
    version = fields.get(KEY)
    if version is None or (isinstance(version, int) and abs(version) < 10**9):
        # anything else is no version, and is kept as what is no field
        fields.pop(KEY, None)
    if version != SCHEMA:
        document.notice(
            "version",
            place,
            f"its schema is {version!r:.80}, and {SCHEMA} is known; it is read as that",
        )
    return run_from(fields, place, lambda at, reason: document.notice("unfit", at, reason))
