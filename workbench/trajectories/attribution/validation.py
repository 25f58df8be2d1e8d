"""How often the failing step is found: nested cross-validation over whole groups of runs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from workbench.errors import BadValue
from workbench.trajectories.attribution.features import Matrix, feature_matrix
from workbench.trajectories.attribution.model import (
    AttributionModel,
    Vector,
    fit_matrices,
    mistake,
)
from workbench.trajectories.attribution.scores import AttributionScores, Prediction, scored
from workbench.trajectories.attribution.transcript import Transcript
from workbench.trajectories.model import Run

PENALTIES = (10.0, 20.0, 40.0, 80.0)
"""The ridges among which the inner folds choose."""

PUBLISHED = {"GPT-4o at its best, published": {"step": 0.2551, "agent": 0.5433}}
"""What Zhang et al. (2025) found on the 126 algorithm-generated logs of Who&When, by the best of three
ways to ask for each figure."""


class _Case(NamedTuple):
    """A run whose mistake is known, as the model sees it."""

    run: Run
    group: str
    transcript: Transcript
    matrix: Matrix
    choice: int


@dataclass(frozen=True)
class _Plan:
    """How runs are divided; `evaluate` says what each field means."""

    folds: int
    inner_folds: int
    penalties: tuple[float, ...]
    seed: int

    def check(self, n_groups: int) -> None:
        if min(self.folds, self.inner_folds) < 2 or n_groups < max(self.folds, 3):
            raise BadValue(
                "cross-validation needs two folds or more, inner ones too, and a group for each, but "
                f"{n_groups} groups with a known mistake came for {self.folds} folds and "
                f"{self.inner_folds} inner ones; annotate more runs, or ask for fewer folds."
            )
        if not self.penalties or not min(self.penalties) > 0:
            raise BadValue(
                f"penalties to choose among must be above 0, but {list(self.penalties)} came; leave "
                "them out, or pass some."
            )

    def __str__(self) -> str:
        return (
            f"conditional logit; {self.folds} outer and {self.inner_folds} inner folds of whole groups, "
            f"penalty of {', '.join(f'{each:g}' for each in self.penalties)} by inner likelihood, "
            f"seed {self.seed}"
        )


def evaluate(
    runs: Iterable[Run],
    *,
    folds: int = 10,
    inner_folds: int = 5,
    penalties: Sequence[float] = PENALTIES,
    group: Callable[[Run], str | None] | None = None,
    seed: int = 0,
) -> AttributionScores:
    """Measure how well a model learned from some of the runs finds the mistake in the others.

    Parameters
    ----------
    runs : iterable of Run
        Runs with an annotation "mistake" that names a step; others are left out.
    folds : int
        Outer folds. Their runs are only ever scored.
    inner_folds : int
        Folds within what is learned from, by which the penalty is chosen.
    penalties : sequence of float
        The penalties among which to choose, by likelihood.
    group : callable, optional
        Names the group of a run, which no fold divides; by default its `task_id`, so that no
        question is learned from and asked.
    seed : int
        Of the order in which groups are dealt to folds.

    Returns
    -------
    AttributionScores

    Raises
    ------
    BadValue
        If there are fewer groups than folds, or a penalty is not above 0.

    Notes
    -----
    A step is found if it is that very step, an agent if it is that very name; the agent predicted
    is the one over whose steps the probabilities add to most.

    References
    ----------
    Varma and Simon (2006) on nested cross-validation; Zhang et al. (2025), "Which agent causes task
    failures and when?".

    Examples
    --------
    >>> from workbench.trajectories.model import Annotation, Part, Step
    >>> def run(at, mistake):
    ...     texts = [f"What does ticket {at} cost, on the evening train to Lund?",
    ...              "I shall look into that first of all, and then tell you.",
    ...              "It is approximately 31 crowns, I assume, for most people."]
    ...     steps = [Step("chat", "", [Part("out", "", "text", text)], agent="a") for text in texts]
    ...     return Run("mine", run_id=f"r{at}", task_id=f"q{at}", steps=steps,
    ...                annotations=[Annotation("mistake", "a", step=mistake)])
    >>> found = evaluate([run(at, 2 if at % 4 else 1) for at in range(12)], folds=4, inner_folds=2)
    >>> float(found.frame.query("method == 'features' and target == 'step'")["value"].iloc[0])
    0.75
    """
    cases = [case for run in runs if (case := _case(run, group))]
    plan = _Plan(folds, inner_folds, tuple(penalties), seed)
    plan.check(len({case.group for case in cases}))
    published = PUBLISHED if _is_benchmark(cases) else {}
    return scored(list(_predictions(cases, plan)), str(plan), published=published, seed=seed)


def _is_benchmark(cases: list[_Case]) -> bool:
    return len(cases) == 126 and {case.run.format for case in cases} == {"who-and-when"}


def _case(run: Run, group: Callable[[Run], str | None] | None) -> _Case | None:
    step = mistake(run)
    if step is None:
        return None
    named = run.task_id if group is None else group(run)
    transcript = Transcript.of(run)
    choice = transcript.positions.index(step)
    # a run of no task is a group of its own
    return _Case(run, named or run.run_id, transcript, feature_matrix(transcript), choice)


def _predictions(cases: list[_Case], plan: _Plan) -> Iterator[Prediction]:
    """Yield what is said of each run by a model that knows none of its group, in the runs' order."""
    dealt = _dealt(cases, plan.folds, plan.seed)
    found: dict[int, Prediction] = {}
    for fold in range(plan.folds):
        learned = [case for case, its in zip(cases, dealt, strict=True) if its != fold]
        held = [at for at, its in enumerate(dealt) if its == fold]
        penalty = _chosen(learned, plan)
        model = _fitted(learned, penalty)
        for at in held:
            shares = model.probabilities(cases[at].matrix)
            found[at] = _prediction(cases[at], shares, fold, penalty)
    yield from (found[at] for at in range(len(cases)))


def _dealt(cases: list[_Case], folds: int, seed: int) -> list[int]:
    """Deal groups to folds like cards, in a random order."""
    names = sorted({case.group for case in cases})
    order = np.random.default_rng(seed).permutation(len(names))
    fold = {names[name]: at % folds for at, name in enumerate(order)}
    return [fold[case.group] for case in cases]


def _fitted(cases: list[_Case], penalty: float) -> AttributionModel:
    return fit_matrices([case.matrix for case in cases], [case.choice for case in cases], penalty)


def _chosen(cases: list[_Case], plan: _Plan) -> float:
    """Return the penalty under which held-out groups of the inner folds are likeliest."""
    folds = min(plan.inner_folds, len({case.group for case in cases}))
    dealt = _dealt(cases, folds, plan.seed + 1)
    likelihood = dict.fromkeys(plan.penalties, 0.0)
    for fold in range(folds):
        learned = [case for case, its in zip(cases, dealt, strict=True) if its != fold]
        held = [case for case, its in zip(cases, dealt, strict=True) if its == fold]
        for penalty in plan.penalties:
            model = _fitted(learned, penalty)
            shares = [model.probabilities(case.matrix)[case.choice] for case in held]
            likelihood[penalty] += float(np.log(np.maximum(shares, 1e-12)).sum())
    return max(likelihood, key=lambda penalty: likelihood[penalty])


def _prediction(case: _Case, shares: Vector, fold: int, penalty: float) -> Prediction:
    ranked = np.argsort(-shares, kind="stable")
    speakers = case.transcript.speakers
    blamed = next(each for each in case.run.annotations if each.name == "mistake").label
    of_agent: dict[str, float] = {}
    for who, share in zip(speakers, shares, strict=True):
        of_agent[who] = of_agent.get(who, 0.0) + float(share)
    return Prediction(
        run_id=case.run.run_id,
        group=case.group,
        fold=fold,
        penalty=penalty,
        step=case.transcript.positions[case.choice],
        predicted=case.transcript.positions[ranked[0]],
        confidence=float(shares[ranked[0]]),
        rank=int(np.flatnonzero(ranked == case.choice)[0]) + 1,
        agent=blamed or speakers[case.choice],
        predicted_agent=max(of_agent, key=lambda who: of_agent[who]),
        n_steps=len(shares),
        second_agent=speakers[1] if len(speakers) > 1 else "",
        n_agents=len(set(speakers)),
    )
