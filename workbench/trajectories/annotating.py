"""Runs with other annotations: what people coded, and which step that makes the mistake."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from workbench.errors import BadKind, BadValue, some, unknown_name
from workbench.trajectories.attribution.transcript import Transcript
from workbench.trajectories.collection import Runs
from workbench.trajectories.model import Annotation, Run

if TYPE_CHECKING:
    import pandas as pd

Target = Literal["step", "range", "omission"]
"""What an annotation can be about that has a place in a run."""

_NEEDED = ("run_id", "target", "step", "label")
_KEPT = (
    "annotation_id", "target", "part", "start", "end", "quote", "severity", "scheme", "adjudicated",
)  # fmt: skip


def with_annotations(
    runs: Runs,
    codes: "pd.DataFrame",
    *,
    mistake: Collection[str] | Literal["any"] | None = None,
    targets: Collection[Target] = ("step", "range", "omission"),
    keep: bool = True,
) -> Runs:
    """Return the runs with what people coded among their annotations.

    Parameters
    ----------
    runs : Runs
        The runs.
    codes : DataFrame
        What `wb.ratings.codes` returns: run_id, target, step, label, and what else it holds. Rows
        about runs that are not here, and rows that only say that a run is done, are left out.
    mistake : collection of str, or "any", optional
        The labels that name the mistake of a run: the earliest such step becomes its annotation
        "mistake", in place of others of that name, so that `fit` and `evaluate` work with it. "any"
        is any label. Without it no mistake is named.
    targets : collection of {"step", "range", "omission"}
        The kinds of targets that count for the mistake.
    keep : bool
        Whether annotations that the runs have already stay.

    Returns
    -------
    Runs
        Each code as an annotation "code"; texts stay where they are until a run is asked for.

    Raises
    ------
    BadValue
        If the codes lack a column, or name a step that is not there.
    UnknownName
        If nothing is coded with a label of `mistake`, or there is no such target.

    Notes
    -----
    A mistake must be a step in which somebody acts. A code on another step (an instruction, a span
    that wraps others) means the last one before it that acts; an omission after a step means the
    next one, which did something else instead, or the last if none comes.

    Examples
    --------
    >>> import pandas as pd
    >>> from workbench.trajectories.model import Step
    >>> runs = Runs.of([Run("mine", name="a", steps=[Step("chat", "", agent="bot")] * 3)])
    >>> codes = pd.DataFrame([{"run_id": "a", "target": "omission", "step": 1, "label": "did not ask"}])
    >>> run = with_annotations(runs, codes, mistake=["did not ask"])["a"]
    >>> [(each.name, each.label, each.step) for each in run.annotations]
    [('mistake', 'bot', 2), ('code', 'did not ask', 1)]
    """
    _check(runs, codes, targets)
    told: defaultdict[str, list[Annotation]] = defaultdict(list)
    known = set(runs.ids)
    for row in codes.to_dict("records"):
        if row["run_id"] in known and row["target"] != "done":
            told[row["run_id"]].append(_annotation(row))
    named = set[str]() if mistake is None else _named(told, mistake)
    mistakes = {
        run_id: _mistake(runs[run_id], steps)
        for run_id, notes in told.items()
        if (steps := _places(notes, named, targets))
    }
    return _with(runs, told, mistakes, keep=keep)


def without_annotations(runs: Runs) -> Runs:
    """Return the runs without what their sources say of them, for whoever is to judge them.

    Examples
    --------
    >>> run = Run("mine", name="a", annotations=[Annotation("mistake", step=0)])
    >>> without_annotations(Runs.of([run]))["a"].annotations
    []
    """
    return runs.noting({run_id: [] for run_id in runs.ids}, hide_sources=True)


def without_verdicts(runs: Runs, *, annotations: bool = False) -> Runs:
    """Return the runs without what judged them: outcomes, scores, and the words of evaluations.

    Parameters
    ----------
    runs : Runs
        The runs.
    annotations : bool
        Whether the annotations of their sources stay.

    Examples
    --------
    >>> run = Run("mine", name="a", outcome=0.0, annotations=[Annotation("mistake", step=0)])
    >>> blind = without_verdicts(Runs.of([run]))
    >>> blind["a"].outcome, blind["a"].annotations, blind.frame["outcome"].tolist()
    (None, [], [None])
    """
    told = {} if annotations else {run_id: list[Annotation]() for run_id in runs.ids}
    return runs.noting(told, hide_sources=True, hide_verdicts=True)


def _check(runs: object, codes: "pd.DataFrame", targets: Collection[str]) -> None:
    if not isinstance(runs, Runs):
        raise BadKind(
            f"runs must be what wb.trajectories.read returns, but {type(runs).__name__} came; "
            "collect them with wb.trajectories.Runs.of."
        )
    if missing := [name for name in _NEEDED if name not in codes]:
        raise BadValue(
            f"codes must have {some(missing)}, but have not; read them out of a journal."
        )
    for each in targets:
        if each not in get_args(Target):
            raise unknown_name("a target", each, get_args(Target))


def _annotation(row: Mapping[Any, Any]) -> Annotation:
    """Return a row of codes as an annotation."""
    extra = {name: row[name] for name in _KEPT if name in row and not _missing(row[name])}
    return Annotation(
        "code",
        _text(row["label"]),
        None,
        _text(row.get("comment")),
        None if _missing(row["step"]) else int(row["step"]),
        "HUMAN",
        _text(row.get("annotator")),
        {
            name: value if isinstance(value, str | bool) else int(value)
            for name, value in extra.items()
        },
    )


def _missing(value: Any) -> bool:  # noqa: ANN401 - a cell
    import pandas as pd

    return value is None or bool(pd.isna(value))


def _text(value: Any) -> str | None:  # noqa: ANN401 - a cell
    return None if _missing(value) or value == "" else str(value)


def _named(
    told: Mapping[str, Sequence[Annotation]], mistake: Collection[str] | Literal["any"]
) -> set[str]:
    """Return the labels that name a mistake."""
    given = Counter(each.label for notes in told.values() for each in notes if each.label)
    if mistake == "any":
        return set(given)
    wanted = {mistake} if isinstance(mistake, str) else set(mistake)
    if not wanted & given.keys():
        raise unknown_name("a label of the mistake", next(iter(sorted(wanted)), ""), sorted(given))
    return wanted


def _places(
    notes: Sequence[Annotation], labels: set[str], targets: Collection[str]
) -> list[tuple[int, bool]]:
    """Return the steps that a run's codes hold for the mistake, and whether each is an omission."""
    return [
        (each.step, each.extra["target"] == "omission")
        for each in notes
        if each.step is not None and each.label in labels and each.extra["target"] in targets
    ]


def _mistake(run: Run, steps: Sequence[tuple[int, bool]]) -> Annotation:
    """Return the earliest of some steps as the mistake of a run."""
    if beyond := [step for step, _ in steps if not 0 <= step < len(run.steps)]:
        raise BadValue(
            f"codes must be about the runs that came, but run {run.run_id!r} of {len(run.steps)} "
            f"steps has one on step {beyond[0]}; read the runs that were coded."
        )
    acting = Transcript.of(run).positions
    step = min(_acting(acting, step, omitted=omitted) for step, omitted in steps)
    who = run.steps[step]
    return Annotation(
        "mistake", who.agent or who.tool or who.kind, step=step, annotator_kind="HUMAN"
    )


def _acting(acting: Sequence[int], step: int, *, omitted: bool) -> int:
    """Return the step in which somebody acted that a code means."""
    before = [each for each in acting if each <= step]
    after = [each for each in acting if each > step]
    if omitted:
        return after[0] if after else before[-1]
    return before[-1] if before else after[0]


def _with(
    runs: Runs,
    told: Mapping[str, Sequence[Annotation]],
    mistakes: Mapping[str, Annotation],
    *,
    keep: bool,
) -> Runs:
    kept: defaultdict[str, list[Annotation]] = defaultdict(list)
    for run_id, each in runs.notes() if keep else ():
        # who codes the mistake anew replaces it everywhere
        if not (each.name == "mistake" and run_id in mistakes):
            kept[run_id].append(each)
    return runs.noting(
        {
            run_id: [*filter(None, [mistakes.get(run_id)]), *kept[run_id], *told.get(run_id, ())]
            for run_id in runs.ids
        }
    )
