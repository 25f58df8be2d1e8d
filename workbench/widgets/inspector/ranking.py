"""What we find in runs ourselves: the likeliest mistake, the loops, and the marks of an outline.

Whoever codes must not be led by these; without hints none of them leaves the kernel.
"""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING

from workbench.trajectories.model import Json, Run
from workbench.widgets.inspector.pages import first_of, outline, suspects

if TYPE_CHECKING:
    from workbench.trajectories.auditing.policy import Policy

UNRANKED: dict[str, Json] = {"ranked": [], "loops": [], "next": -1}
"""What `Ranking` answers where nothing may be ranked."""

_HIDDEN = "While you code, what others or machines found is hidden."
_FACTS = ("error", "note")  # marks that say what the log says
_SLICE_S = 0.1
_MOST = 1_000  # runs of one answer


class Ranking:
    """What is found in all runs but is too slow to find at once.

    Parameters
    ----------
    run : callable
        Returns a run by its place.
    n_runs : int
        How many there are.
    """

    def __init__(self, run: Callable[[int], Run], n_runs: int) -> None:
        self._run, self._n_runs = run, n_runs
        self._found: dict[int, tuple[list[Json] | None, int]] = {}

    def answer(self, start: int) -> dict[str, Json]:
        """Look into runs from one on for a while, and say where to go on; -1 is nowhere.

        Parameters
        ----------
        start : int
            The place of a run.
        """
        until, at = perf_counter() + _SLICE_S, max(0, start)
        end = min(self._n_runs, at + _MOST)
        ranked, looping = list[Json](), list[Json]()
        while at < end and perf_counter() < until:
            first, n_loops = self._of(at)
            if first:
                ranked.append([at, *first])
            if n_loops:
                looping.append([at, n_loops])
            at += 1
        return {"ranked": ranked, "loops": looping, "next": at if at < self._n_runs else -1}

    def _of(self, at: int) -> tuple[list[Json] | None, int]:
        if at not in self._found:
            self._found[at] = first_suspect(run := self._run(at)), n_loops(run)
        return self._found[at]


def first_suspect(run: Run) -> list[Json] | None:
    """Return the likeliest mistake of a run that did not succeed: step, owner and confidence."""
    return first_of(suspects(run, top=1)["suspects"])


def n_loops(run: Run) -> int:
    """Count the loops of a run."""
    from workbench.trajectories.comparing.looping import loops_of

    return len(loops_of(run))


def suspects_of(run: Run, *, hints: bool) -> dict[str, Json]:
    """Return the suspects of a run; without hints why there are none."""
    return suspects(run) if hints else {"suspects": [], "reason": _HIDDEN}


def outline_of(
    run: Run, policy: "Policy | None", findings: Iterable[dict[str, Json]], *, hints: bool
) -> list[dict[str, Json]]:
    """Return the marks of a run; without hints those only that its log holds."""
    if hints:
        return outline(run, policy, findings)
    return [each for each in outline(run) if each["type"] in _FACTS]
