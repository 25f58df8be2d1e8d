"""Steps in a row that are alike and say little, such as the ticks of a voice call: one row for all of them."""

import json
from collections.abc import Sequence
from math import inf
from time import perf_counter

from workbench.display import plain
from workbench.trajectories.model import Json, Step
from workbench.widgets.inspector.pages import cut

LEAST = 4
"""So many steps in a row are folded."""

_SLICE_S = 0.05
_BYTES = 48_000  # of an answer
_PIECE = 80  # characters of a piece of a streamed text
_WIDTH, _LINE_BYTES = 120, 360
_TELLING = frozenset({"execute_tool", "wb.error", "wb.evaluation", "invoke_agent", "wb.system"})


def folds(
    steps: Sequence[Step], start: int = 0, *, seconds: float = _SLICE_S, n_bytes: int = _BYTES
) -> tuple[list[Json], int]:
    """Return stretches of like steps, from one on, and where to go on; -1 is nowhere.

    Parameters
    ----------
    steps : sequence of Step
        All steps of a run.
    start : int
        The step to begin at.
    seconds, n_bytes : float, int
        After so long, or so much as JSON, the rest is for the next time.

    Returns
    -------
    list of (int, int, str), and int
        The first step of each stretch, how many there are, and what they say together.

    Examples
    --------
    >>> folds([*[Step("wb.state", "", name="tick")] * 5, Step("execute_tool", "")])
    ([[0, 5, '']], -1)
    """
    found, at, until = list[Json](), max(0, start), perf_counter() + seconds
    while at < len(steps):
        end = _end(steps, at)
        if end - at >= LEAST:
            said = "".join(_text(step) for step in steps[at : min(end, at + 40 * LEAST)])
            fold: list[Json] = [at, end - at, cut(plain(said, width=_WIDTH), _LINE_BYTES)]
            found.append(fold)
            n_bytes -= len(json.dumps(fold, ensure_ascii=False).encode()) + 2
        at = end
        if perf_counter() > until or n_bytes < 0:
            break
    return found, at if at < len(steps) else -1


def folds_in_all(steps: Sequence[Step]) -> list[Json]:
    """Return all such stretches of a run, however many: for a file."""
    return folds(steps, seconds=inf, n_bytes=2**62)[0]


def _end(steps: Sequence[Step], start: int) -> int:
    """Return the step after those that are like one."""
    look, at = _look(steps[start]), start + 1
    while look is not None and at < len(steps) and _look(steps[at]) == look:
        at += 1
    return at


def _look(step: Step) -> tuple[str | int | None, ...] | None:
    """Return what a row would show of a step that says little; None of one that says more."""
    if step.status == "error" or step.kind in _TELLING or step.usage:
        return None
    if any(part.type != "text" for part in step.parts):
        return None
    said = sum(len(part.text or "") for part in step.parts)
    if said > _PIECE or (said and "streamed" not in step.flags):
        return None
    return step.kind, step.agent or step.name, step.parent, step.status


def _text(step: Step) -> str:
    return "".join(part.text or "" for part in step.parts)
