"""Runs without what judged them, for people whose own judgement must not lean on it."""

from dataclasses import replace

from workbench.trajectories.model import Run, Step

HIDDEN = "(a judgement, hidden)"
"""What stands in the place of a judgement."""

_SCORING = ("scorer", "scorers")  # what Inspect calls the spans in which a run is scored


def unjudged(run: Run) -> Run:
    """Return a run without its outcome and scores; steps that judge it stay as empty places.

    Steps keep their positions, for annotations are about these. What a judgement encloses (the calls
    of a judge) is hidden as it is.

    Examples
    --------
    >>> run = Run("mine", outcome=1.0, steps=[Step("chat", ""), Step("wb.evaluation", "", name="good")])
    >>> hidden = unjudged(run)
    >>> hidden.outcome, [step.name for step in hidden.steps]
    (None, [None, '(a judgement, hidden)'])
    """
    judging = _judging(run.steps)
    steps = [
        _emptied(step) if hides else step for step, hides in zip(run.steps, judging, strict=True)
    ]
    # the extra holds what the source says of the whole run, an account of its reward for one
    return replace(run, steps=steps, outcome=None, scores={}, extra={})


def _judging(steps: list[Step]) -> list[bool]:
    """Tell of each step whether it judges, or stands in one that does."""
    known = {
        at: True
        for at, step in enumerate(steps)
        if step.kind == "wb.evaluation" or step.extra.get("type") in _SCORING
    }
    for at in range(len(steps)):
        way, place = list[int](), at
        while place not in known and place not in way:
            way.append(place)
            parent = steps[place].parent
            if parent is None or not 0 <= parent < len(steps):
                break
            place = parent
        judged = known.get(place, False)
        known.update((each, judged) for each in way)
    return [known[at] for at in range(len(steps))]


def _emptied(step: Step) -> Step:
    """Return a step that says only that it was there, and when."""
    kept = {
        name: getattr(step, name)
        for name in ("parent", "start_ns", "end_ns", "span_id", "parent_span_id", "usage")
    }
    return Step(step.kind, step.source, name=HIDDEN, **kept)
