"""Where a step leads to beside its call and its result: to its agent's caller, and to other agents."""

from collections.abc import Sequence

from workbench.display import plain
from workbench.trajectories.model import Json, Step

_NEAR = 200  # steps in which another agent, or the end of one's work, is looked for
_WIDTH = 40


def links_of(steps: Sequence[Step], at: int) -> dict[str, Json]:
    """Return who called the agent of a step, the first and last steps inside it, and who comes next.

    Parameters
    ----------
    steps : sequence of Step
        All steps of a run.
    at : int
        The step.

    Returns
    -------
    dict
        Empty, or `links` with `caller`, the name of the step around it, and `others`: the number of
        a step and what it is, each.

    Examples
    --------
    >>> steps = [Step("invoke_agent", "", agent="boss"), Step("chat", "", agent="clerk", parent=0)]
    >>> links_of(steps, 0)
    {'links': {'others': [[1, 'first step inside']]}}
    >>> links_of(steps, 1)["links"]["caller"]
    'boss'
    """
    told: dict[str, Json] = {}
    parent = steps[at].parent
    if parent is not None and 0 <= parent < len(steps):
        told["caller"] = _named(steps[parent])
    if others := [*_inside(steps, at), *_handed_over(steps, at)]:
        told["others"] = others
    return {"links": told} if told else {}


def _named(step: Step) -> str:
    return plain((step.agent or step.tool or step.name or step.kind)[:400], width=_WIDTH)


def _inside(steps: Sequence[Step], at: int) -> list[list[Json]]:
    """Return the first and the last step inside one, of those near."""
    inside = [
        place
        for place in range(at + 1, min(len(steps), at + 1 + _NEAR))
        if steps[place].parent == at
    ]
    if not inside:
        return []
    found: list[list[Json]] = [[inside[0], "first step inside"]]
    return found if len(inside) == 1 else [*found, [inside[-1], "last step inside"]]


def _handed_over(steps: Sequence[Step], at: int) -> list[list[Json]]:
    """Return the steps next to one in which another agent acts, outside what it encloses."""
    agent, found = steps[at].agent, list[list[Json]]()
    if agent is None:
        return found
    for places, words in (
        (range(at - 1, max(-1, at - 1 - _NEAR), -1), "after"),
        (range(at + 1, min(len(steps), at + 1 + _NEAR)), "then"),
    ):
        acting = (each for each in places if steps[each].agent is not None)
        other = next((each for each in acting if steps[each].parent != at), None)
        if other is not None and steps[other].agent != agent:
            found.append([other, f"{words} {_named(steps[other])}"])
    return found
