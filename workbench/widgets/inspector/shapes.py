"""The trees and timelines of the runs that were looked at last: each is made once."""

from collections.abc import Callable
from typing import Generic, TypeVar

from workbench.trajectories.model import Json, Run
from workbench.widgets.inspector.timeline import Timeline
from workbench.widgets.inspector.tree import Tree

Shape = TypeVar("Shape")
_KEPT = 4


class _Kept(Generic[Shape]):
    """Makes something of a run, and keeps the last few."""

    def __init__(self, run: Callable[[int], Run], make: Callable[[Run], Shape]) -> None:
        self._run, self._make = run, make
        self._made: dict[tuple[int, int], Shape] = {}

    def __call__(self, at: int) -> Shape:
        run = self._run(at)
        key = at, len(run.steps)  # a run may grow
        found = self._made.pop(key) if key in self._made else self._make(run)
        self._made[key] = found
        while len(self._made) > _KEPT:
            self._made.pop(next(iter(self._made)))
        return found


class Shapes:
    """Answers what a browser asks of trees and timelines.

    Parameters
    ----------
    run : callable
        Gives a run by its position.
    """

    def __init__(self, run: Callable[[int], Run]) -> None:
        self._tree = _Kept(run, Tree.of)
        self._timeline = _Kept(run, Timeline.of)

    def answers(
        self, at: int, numbers: dict[str, int]
    ) -> dict[object, Callable[[], dict[str, Json]]]:
        """Return what answers each type of request.

        Parameters
        ----------
        at : int
            The run.
        numbers : dict of int
            For `tree` the node as `step`, and `from`; for `path` the node as `step`, and `from`; for
            `timeline` the power of two as `part`, and the tile as `from`.
        """
        step, start = numbers["step"], numbers["from"]
        return {
            "tree": lambda: self._tree(at).page(step, start),
            "path": lambda: self._tree(at).path(step, start),
            "timeline": lambda: self._timeline(at).page(numbers["part"], start),
        }
