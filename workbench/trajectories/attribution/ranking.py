"""`attribute`: the steps of a failed run, ranked by how likely each is the mistake."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from workbench import display
from workbench.display import Sheet
from workbench.errors import BadKind, BadValue
from workbench.trajectories.attribution.acting_rules import ACTING_RULES
from workbench.trajectories.attribution.call_rules import CALL_RULES
from workbench.trajectories.attribution.clues import AGENT, DATA, TOOL, USER, Clue, Owner
from workbench.trajectories.attribution.features import FEATURES, Matrix, feature_matrix
from workbench.trajectories.attribution.ground import figure
from workbench.trajectories.attribution.habits import Habits
from workbench.trajectories.attribution.model import (
    AttributionModel,
    Vector,
    default_model,
    softmax,
)
from workbench.trajectories.attribution.text_rules import TEXT_RULES
from workbench.trajectories.attribution.tracing import Trace
from workbench.trajectories.attribution.transcript import Transcript
from workbench.trajectories.attribution.value_rules import VALUE_RULES
from workbench.trajectories.model import Run

if TYPE_CHECKING:
    import pandas as pd

Judge = Callable[[Run], Mapping[int, float]]
"""Gives scores of at least 0 to steps by their numbers; what it does not name scores 0."""

RULES = (*CALL_RULES, *VALUE_RULES, *ACTING_RULES, *TEXT_RULES)
"""What looks for clues in any run; `Habits` looks for more where there are other runs."""

# The model learned from agents that talk; where tools are called with arguments, rules see more.
_SHARE_OF_MODEL = 0.25
# What a judge gives to a step that it does not name: nobody is certain.
_DOUBT = 0.02
# Rules hear most of what goes wrong in tool calls: where they hear nothing, it is less likely, and
# least in what people say.
# A clue of this weight makes what follows a consequence, which counts for less.
_SILENCE = -1.5
_DECISIVE = 2.0
_CONSEQUENCE = 0.6
# Of many clues on one step the lightest no longer count.
_N_CLUES = 8
_N_SHOWN = 5
_N_WORDS = 3
_COLUMNS = ["run_id", "step", "agent", "owner", "confidence", "evidence"]


@dataclass(frozen=True)
class Suspect:
    """A step that may be the mistake.

    Parameters
    ----------
    step : int
        Its number in the run.
    agent : str
        Who acted.
    owner : {"agent reasoning", "external API or tool", "data quality", "user"}
        Whose fault it would be.
    confidence : float
        Probability that this is the step.
    evidence : tuple of str
        What speaks for it, the weightiest first; each ends a sentence that begins with the step.
    """

    step: int
    agent: str
    owner: Owner
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Which step of a run is most likely its mistake, and whose fault it would be.

    Parameters
    ----------
    run_id : str
        The run.
    suspects : tuple of Suspect
        Every step that can be at fault, the likeliest first.
    method : str
        What was asked: model, rules, other runs, a judge.
    """

    run_id: str
    suspects: tuple[Suspect, ...]
    method: str
    _sheet: Sheet = field(repr=False)

    @property
    def first(self) -> Suspect:
        """The likeliest step."""
        return self.suspects[0]

    @property
    def frame(self) -> "pd.DataFrame":
        """The suspects as a table: `run_id`, `step`, `agent`, `owner`, `confidence`, `evidence`."""
        return self._sheet.frame

    def __repr__(self) -> str:
        return repr(self._sheet)

    def _repr_html_(self) -> str:
        return self._sheet._repr_html_()


def attribute(
    run: Run,
    *,
    model: AttributionModel | None = None,
    judge: Judge | None = None,
    peers: Iterable[Run] | Habits | None = None,
) -> Attribution:
    """Rank the steps of a failed run by how likely each is the mistake that made it fail.

    Parameters
    ----------
    run : Run
        A run that failed; of one that did not the ranking means nothing.
    model : AttributionModel, optional
        Weighs surface features of steps; by default the one that comes with the package.
    judge : callable, optional
        Gets the run and returns scores of at least 0 by step number, such as a language model's
        opinion. They are made shares, and multiply the rest.
    peers : iterable of Run or Habits, optional
        Runs of the same kind, right or wrong: what nearly all of them do and this one does not
        is evidence. `Habits.of(runs)` counts them once for many calls.

    Returns
    -------
    Attribution

    Raises
    ------
    BadKind
        If something else than a run came.
    BadValue
        If the run has no steps, or the judge names a step that is not there or scores below 0.

    Notes
    -----
    The log-odds of a step are what the model gives it, plus the weights of the clues that rules
    find. Where tools are called with arguments the model counts a quarter, for it learned from
    agents that talk, and a step without a clue loses 1.5 (what people say, 3). Each further clue
    on a step counts a quarter of the one before, and what comes after a clue of 2 or more counts
    0.6. Confidence is the softmax, and errs on the cautious side: in cross-validation on Who&When
    it was 0.50 on average where 0.56 were right; where rules decide, whose weights are set by hand,
    by more.

    References
    ----------
    Zhang et al. (2025), "Which agent causes task failures and when?".

    Examples
    --------
    >>> from workbench.trajectories.model import Part, Step
    >>> def tool(name, arguments, answer, **more):
    ...     return Step("execute_tool", "", [
    ...         Part("in", "assistant", "tool_call", "", name, arguments=arguments),
    ...         Part("out", "tool", "tool_call_response", answer, name)], tool=name, **more)
    >>> asked = Step("wb.input", "", [Part("in", "user", "text", "Book flight BA1234 for me.")])
    >>> run = Run("mine", run_id="r", steps=[asked, tool("find", {"flight": "BA1243"}, '{"seats": 3}')])
    >>> found = attribute(run)
    >>> found.first.step, found.first.owner, found.first.evidence[0]
    (1, 'agent reasoning', 'passes flight=BA1243, which stands in nothing read before; BA1234 does')
    """
    if not isinstance(run, Run):
        raise BadKind(
            f"suspects are named in a Run, but {type(run).__name__} came; take one out of Runs, "
            "such as runs[0]."
        )
    if not run.steps:
        raise BadValue(
            f"a run must have steps for one of them to be the mistake, but run {run.run_id!r} has none; "
            "read its log again."
        )
    model = model or default_model()
    transcript = Transcript.of(run)
    matrix = feature_matrix(transcript)
    contributions = model.contributions(matrix)
    share = _SHARE_OF_MODEL if transcript.calls_are_structured else 1.0
    clues = _clues(transcript, peers)
    utilities = share * contributions.sum(axis=1) + _weights(transcript, clues)
    if judge is not None:
        utilities = utilities + _judged(transcript, judge)
    confidence = softmax(utilities)
    suspects = [
        _suspect(
            transcript, number, float(confidence[number]), clues, matrix, share * contributions
        )
        for number in np.argsort(-confidence, kind="stable")
    ]
    return _shown(run, suspects, _method(model, judge, peers))


def _clues(transcript: Transcript, peers: Iterable[Run] | Habits | None) -> dict[int, list[Clue]]:
    """Return what the rules find, by step, the weightiest first."""
    trace = Trace(transcript)
    found = [clue for rule in RULES for clue in rule(trace)]
    if peers is not None:
        habits = peers if isinstance(peers, Habits) else Habits.of(_others(transcript.run, peers))
        found += habits.clues(trace)
    by_step: dict[int, list[Clue]] = defaultdict(list)
    for clue in sorted(found, key=lambda clue: -clue.weight):
        if len(by_step[clue.step]) < _N_CLUES:
            by_step[clue.step].append(clue)
    return by_step


def _others(run: Run, peers: Iterable[Run]) -> Iterable[Run]:
    return (each for each in peers if each is not run and each.run_id != run.run_id)


def _weights(transcript: Transcript, clues: Mapping[int, list[Clue]]) -> Vector:
    """Return the weight of the clues on each step.

    Clues on one step overlap, so that each further one counts a quarter of the one before. What
    comes after a decisive clue is rather its consequence.
    """
    found = np.zeros(len(transcript))
    decided = False
    for at, step in enumerate(transcript.positions):
        here = clues.get(step, [])
        share = _CONSEQUENCE if decided else 1.0
        if not here and transcript.calls_are_structured:
            found[at] = _SILENCE * (2 if transcript.steps[at].kind == "wb.input" else 1)
        found[at] += share * math.fsum(clue.weight * 0.25**n for n, clue in enumerate(here))
        decided = decided or any(clue.weight >= _DECISIVE for clue in here)
    return found


def _judged(transcript: Transcript, judge: Judge) -> Vector:
    scores = judge(transcript.run)
    if not isinstance(scores, Mapping):
        raise BadKind(
            f"a judge must return scores by step number, but a {type(scores).__name__} came; return a "
            "dict such as {3: 0.8}."
        )
    n_steps = len(transcript.run.steps)
    for step, score in scores.items():
        number = figure(float(score)) if isinstance(score, Real) else None
        if step not in range(n_steps) or number is None or not number >= 0:
            raise BadValue(
                f"a judge must give finite scores of at least 0 to steps from 0 to {n_steps - 1}, but "
                f"step {step!r} got {score!r}; mend the judge."
            )
    given = np.array([float(scores.get(step, 0.0)) for step in transcript.positions])
    total = given.sum() or 1.0
    found: Vector = np.log(given / total + _DOUBT)
    return found


def _suspect(
    transcript: Transcript,
    number: int,
    confidence: float,
    clues: Mapping[int, list[Clue]],
    matrix: Matrix,
    contributions: Matrix,
) -> Suspect:
    step = transcript.positions[number]
    here = clues.get(step, [])
    return Suspect(
        step,
        transcript.speakers[number],
        _owner(transcript, number, here),
        confidence,
        _words(here, matrix[number], contributions[number]),
    )


def _owner(transcript: Transcript, at: int, clues: list[Clue]) -> Owner:
    if clues:
        weights: dict[Owner, float] = {}
        for clue in clues:
            weights[clue.owner] = weights.get(clue.owner, 0.0) + clue.weight
        return max(weights, key=lambda owner: weights[owner])
    if transcript.steps[at].kind == "wb.input":
        return USER
    if transcript.observed[at] and not transcript.idle[at]:
        return TOOL if transcript.failed[at] else DATA
    return AGENT


def _words(clues: list[Clue], values: Vector, contributions: Vector) -> tuple[str, ...]:
    """Return what speaks for a step: its clues, then the features that raise it most."""
    said = list(dict.fromkeys(clue.words for clue in clues))
    names = list(FEATURES.values())
    order = np.argsort(-contributions, kind="stable")
    raised = [names[at] for at in order if contributions[at] > 0.05 and values[at] > 0]
    return tuple([*said, *raised][: max(_N_WORDS, len(said))])


def _method(
    model: AttributionModel, judge: Judge | None, peers: Iterable[Run] | Habits | None
) -> str:
    others = (
        f", habits of {peers.n_runs} runs"
        if isinstance(peers, Habits)
        else ", habits of other runs"
    )
    return (
        f"features weighed over {model.n_runs} runs, rules over tool calls"
        f"{others if peers is not None else ''}{', a judge' if judge is not None else ''}"
    )


def _shown(run: Run, suspects: list[Suspect], method: str) -> Attribution:
    import pandas as pd

    records = [
        [run.run_id, each.step, each.agent, each.owner, each.confidence, "; ".join(each.evidence)]
        for each in suspects
    ]
    frame = pd.DataFrame(records, columns=_COLUMNS)
    body = [
        [
            str(each.step), display.plain(each.agent, width=30), each.owner,
            display.number(each.confidence),
            display.plain("; ".join(each.evidence)) or "nothing in particular",
        ]
        for each in suspects[:_N_SHOWN]
    ]  # fmt: skip
    more = len(suspects) - len(body)
    caption = (
        f"Suspect steps of run {display.plain(run.run_id, width=60)}, the likeliest first ({method})"
        f"{f'; {more} more in .frame' if more > 0 else ''}"
    )
    header = ["step", "agent", "owner", "confidence", "evidence"]
    return Attribution(run.run_id, tuple(suspects), method, Sheet(frame, caption, header, body))
