"""An agent's tool calls against those of a reference, each call used once.

Whether calls can be matched is an assignment problem: taking the first call that fits, as others
do, calls some pairs different although each call has a partner. Here it is solved exactly.

References
----------
Berge (1957), "Two theorems in graph theory": a matching is largest when no path augments it.
LangChain's agentevals and Google's Agent Development Kit, whose modes these are.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from workbench import display
from workbench.errors import BadKind, BadValue, unknown_name
from workbench.trajectories.comparing.toolcalls import Call, Called, Turn, calls_of, turns_of
from workbench.trajectories.model import Json, Run

if TYPE_CHECKING:
    from workbench.trajectories.collection import Runs

Mode = Literal["exact", "in-order", "any-order", "strict", "unordered", "subset", "superset"]
MODES = ("exact", "in-order", "any-order", "strict", "unordered", "subset", "superset")

ArgumentMode = Literal["exact", "ignore", "subset", "superset"]
ARGUMENT_MODES = ("exact", "ignore", "subset", "superset")

Rule: TypeAlias = ArgumentMode | Callable[[Json, Json], bool] | Sequence[str]
"""When arguments fit: a mode, a function of both, or the fields that must be equal."""

Rules: TypeAlias = Mapping[str, Rule] | None
"""By tool, a rule of its own."""

Reference: TypeAlias = Mapping[str, Called] | Callable[[Run], Called]
"""The reference calls by `task_id`, or a function that finds those of a run."""

FIGURES = ("exact", "in_order", "any_order", "precision", "recall")


def matches(
    actual: Called,
    reference: Called,
    *,
    mode: Mode = "strict",
    arguments: ArgumentMode = "exact",
    rules: Rules = None,
) -> bool:
    """Tell whether the calls of a run match those of a reference.

    Parameters
    ----------
    actual, reference : Run, or iterable of Step, Call or mapping
        What `calls_of` takes. Without messages (a bare list of calls) "strict" means "exact".
    mode : str
        Of ADK: "exact" (the same calls in the same order), "in-order" (the reference's calls in
        their order, others may stand between) and "any-order" (all of them, others may come too).
        Of agentevals: "strict" (step by step the same roles, and the same calls within a step, in
        any order), "unordered", "subset" (no call beyond the reference's) and "superset" (all of the
        reference's).
    arguments : {"exact", "ignore", "subset", "superset"}
        Whether arguments must be equal, may differ, or must lie within, or hold, the reference's.
    rules : mapping of str to rule, optional
        For single tools another mode, a function of (actual, reference) arguments, or a list of the
        fields that must be equal, a dotted path each; a field that is missing equals null.

    Returns
    -------
    bool

    Raises
    ------
    BadValue
        If arguments are to be compared that a log does not have, or a rule is none.
    UnknownName
        If a mode does not exist.

    Notes
    -----
    As in agentevals the two sides change places in "subset", and "unordered" asks both ways round:
    with ``arguments="superset"``, a "subset" needs calls of the reference that hold the agent's
    arguments. Where each agent's call is to hold its reference's and none may be left over, see
    `match`, which never changes sides.

    An empty reference is matched by no calls in every mode, and by any calls in "in-order",
    "any-order" and "superset".

    Examples
    --------
    >>> done = [{"name": "f", "args": {"a": 1, "b": 2}}, {"name": "f", "args": {"a": 1}}]
    >>> asked = [{"name": "f", "args": {"a": 1}}, {"name": "f", "args": {"a": 1, "b": 2}}]
    >>> matches(done, asked), matches(done, asked, mode="superset", arguments="superset")
    (False, True)
    """
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    rule = _Ruling(arguments, rules)
    if mode == "strict":
        return _strictly(turns_of(actual), turns_of(reference), rule)
    ours, theirs = calls_of(actual), calls_of(reference)
    if mode == "exact":
        return _exactly(ours, theirs, rule)
    if mode == "in-order":
        return _in_order(ours, theirs, rule) == len(theirs)
    both = {"unordered": (True, True), "subset": (False, True)}
    covers, is_covered = both.get(mode, (True, False))
    return (not covers or _covers(ours, theirs, rule)) and (
        not is_covered or _covers(theirs, ours, rule)
    )


@dataclass(frozen=True)
class Match:
    """The calls of a run beside those of a reference.

    Parameters
    ----------
    actual, reference : tuple of Call
        The calls.
    pairs : tuple of (int, int)
        A largest set of calls that fit each other: positions in `actual` and in `reference`.
    n_in_order : int
        The length of the longest sequence of reference calls that was made in order.
    exact : bool
        Whether the same calls were made in the same order.
    """

    actual: tuple[Call, ...]
    reference: tuple[Call, ...]
    pairs: tuple[tuple[int, int], ...]
    n_in_order: int
    exact: bool

    @property
    def in_order(self) -> bool:
        """Whether all of the reference's calls were made in their order."""
        return self.n_in_order == len(self.reference)

    @property
    def any_order(self) -> bool:
        """Whether all of the reference's calls were made."""
        return len(self.pairs) == len(self.reference)

    @property
    def precision(self) -> float:
        """The share of calls that the reference has; without calls 1 if it has none, else 0."""
        if not self.actual:
            return float(not self.reference)
        return len(self.pairs) / len(self.actual)

    @property
    def recall(self) -> float:
        """The share of the reference's calls that were made; 1 where it has none."""
        return len(self.pairs) / len(self.reference) if self.reference else 1.0

    @property
    def missing(self) -> tuple[Call, ...]:
        """The reference's calls that were not made."""
        found = {to for _, to in self.pairs}
        return tuple(call for at, call in enumerate(self.reference) if at not in found)

    @property
    def extra(self) -> tuple[Call, ...]:
        """The calls that the reference does not have."""
        found = {at for at, _ in self.pairs}
        return tuple(call for at, call in enumerate(self.actual) if at not in found)

    def __repr__(self) -> str:
        n, of = len(self.pairs), len(self.reference)
        order = "in order" if self.in_order else f"{self.n_in_order} in order"
        return (
            f"{n} of {of} reference calls made ({order}); {len(self.extra)} of "
            f"{len(self.actual)} calls beyond it"
        )


def match(
    actual: Called,
    reference: Called,
    *,
    arguments: ArgumentMode = "exact",
    rules: Rules = None,
) -> Match:
    """Find which calls of a reference were made.

    Parameters
    ----------
    actual, reference, arguments, rules
        As in `matches`; the sides never change places.

    Returns
    -------
    Match
        With precision and recall, and which calls are missing or beyond the reference.

    Examples
    --------
    >>> found = match([{"name": "look"}, {"name": "book"}], [{"name": "book"}, {"name": "pay"}])
    >>> found
    1 of 2 reference calls made (1 in order); 1 of 2 calls beyond it
    >>> found.precision, found.recall, [call.tool for call in found.missing]
    (0.5, 0.5, ['pay'])
    """
    rule = _Ruling(arguments, rules)
    ours, theirs = calls_of(actual), calls_of(reference)
    partners = assignment(_fitting(ours, theirs, rule), len(ours))
    return Match(
        tuple(ours),
        tuple(theirs),
        tuple(sorted((at, to) for to, at in enumerate(partners) if at is not None)),
        _in_order(ours, theirs, rule),
        _exactly(ours, theirs, rule),
    )


def reference_scores(
    runs: "Runs | Sequence[Run]",
    reference: Reference,
    *,
    arguments: ArgumentMode = "exact",
    rules: Rules = None,
) -> display.Sheet:
    """Score each run against the reference calls of its task.

    Parameters
    ----------
    runs : Runs or sequence of Run
        What was done.
    reference : mapping or callable
        The reference calls by `task_id`, or a function that finds those of a run.
    arguments, rules
        As in `matches`.

    Returns
    -------
    Sheet
        `.frame` has one row per run: run_id task_id n_calls n_reference exact in_order any_order
        precision recall. It shows the sums and means.

    Raises
    ------
    BadValue
        If there are no runs, or a task has no reference (an empty one is a reference).

    Examples
    --------
    >>> from workbench.trajectories.model import Step
    >>> run = Run("mine", run_id="a", task_id="1", steps=[Step("chat", "/0")])
    >>> reference_scores([run], {"1": []}).frame[["exact", "precision", "recall"]].values.tolist()
    [[True, 1.0, 1.0]]
    """
    import pandas as pd

    records = []
    for run in runs:
        found = match(run, reference_of(run, reference), arguments=arguments, rules=rules)
        head = {"run_id": run.run_id, "task_id": run.task_id, "n_calls": len(found.actual)}
        figures = {name: getattr(found, name) for name in FIGURES}
        records.append(head | {"n_reference": len(found.reference)} | figures)
    if not records:
        raise BadValue("there must be a run to score, but none came; read some first.")
    return _sheet(pd.DataFrame(records), arguments)


def _sheet(frame: Any, arguments: str) -> display.Sheet:  # noqa: ANN401 - pandas is not imported here
    n, n_empty = len(frame), int((frame["n_reference"] == 0).sum())
    body = [
        [name, str(int(frame[name].sum())), display.number(frame[name].mean(), 3)]
        for name in FIGURES[:3]
    ]
    body += [[name, "–", display.number(frame[name].mean(), 3)] for name in FIGURES[3:]]
    caption = (
        f"Calls of {display.counted(n, 'run')} against their references ({n_empty} of them empty), arguments "
        f"{arguments}; largest matching"
    )
    return display.Sheet(frame, caption, ["figure", "runs", "mean"], body)


def reference_of(run: Run, reference: Reference) -> Called:
    """Return the reference calls of a run.

    Raises
    ------
    BadValue
        If its task has none.
    """
    if callable(reference):
        return reference(run)
    if run.task_id is None or run.task_id not in reference:
        raise BadValue(
            f"each run's task must have a reference, but task {run.task_id!r} of run "
            f"{run.run_id!r} has none; add it (an empty list asks for no calls)."
        )
    return reference[run.task_id]


class _Ruling:
    """Tells whether the arguments of two calls of one tool fit."""

    def __init__(self, arguments: str, rules: Rules) -> None:
        if arguments not in ARGUMENT_MODES:
            raise unknown_name("arguments", arguments, ARGUMENT_MODES)
        self._default: Rule = arguments
        self._rules = {tool: _rule(tool, rule) for tool, rule in (rules or {}).items()}

    def fits(self, ours: Call, theirs: Call) -> bool:
        """Tell whether a call fits one of the reference's."""
        if ours.tool != theirs.tool:
            return False
        rule = self._rules.get(ours.tool, self._default)
        if rule == "ignore":
            return True
        for call in (ours, theirs):
            _require_arguments(call)
        if isinstance(rule, str):
            return _by_mode(rule, ours, theirs)
        if callable(rule):
            return bool(rule(ours.arguments, theirs.arguments))
        return all(ours.at(path) == theirs.at(path) for path in rule)


def _rule(tool: str, rule: Rule) -> Rule:
    if isinstance(rule, str):
        if rule not in ARGUMENT_MODES:
            raise unknown_name(f"the rule for tool {tool!r}", rule, ARGUMENT_MODES)
        return rule
    if callable(rule):
        return rule
    if not isinstance(rule, Sequence) or not all(isinstance(path, str) for path in rule):
        raise BadKind(
            f"the rule for tool {tool!r} must be a mode, a function or a list of fields, but a "
            f"{type(rule).__name__} came; write one of these."
        )
    if not rule:
        raise BadValue(
            f"the rule for tool {tool!r} must name the fields that matter, but an empty list came; "
            "name one, or write 'ignore'."
        )
    return rule


def _require_arguments(call: Call) -> None:
    if not call.recorded:
        raise BadValue(
            f"arguments must be recorded to be compared, but a call of {call.tool!r} has none; "
            "write arguments='ignore' to compare names only."
        )


def _by_mode(mode: str, ours: Call, theirs: Call) -> bool:
    if mode == "exact" or ours.members is None or theirs.members is None:
        return ours.written == theirs.written
    if mode == "subset":
        return ours.members.items() <= theirs.members.items()
    return theirs.members.items() <= ours.members.items()


def _strictly(ours: list[Turn], theirs: list[Turn], rule: _Ruling) -> bool:
    if any(who is None for who, _ in (*ours, *theirs)):
        flat = [[call for _, calls in turns for call in calls] for turns in (ours, theirs)]
        return _exactly(flat[0], flat[1], rule)
    return len(ours) == len(theirs) and all(
        who == other and len(calls) == len(asked) and _covers(calls, asked, rule)
        for (who, calls), (other, asked) in zip(ours, theirs, strict=True)
    )


def _exactly(ours: Sequence[Call], theirs: Sequence[Call], rule: _Ruling) -> bool:
    return len(ours) == len(theirs) and all(map(rule.fits, ours, theirs))


def _covers(ours: Sequence[Call], theirs: Sequence[Call], rule: _Ruling) -> bool:
    """Tell whether each of their calls has one of ours to itself."""
    if len(theirs) > len(ours):
        return False
    return None not in assignment(_fitting(ours, theirs, rule), len(ours))


def _fitting(ours: Sequence[Call], theirs: Sequence[Call], rule: _Ruling) -> list[list[int]]:
    """List for each of their calls which of ours fit; equal calls are looked at once."""
    places: dict[Call, list[int]] = {}
    for at, call in enumerate(ours):
        places.setdefault(call, []).append(at)
    found: dict[Call, list[int]] = {}
    for call in theirs:
        if call not in found:
            fitting = (at for own, at in places.items() if rule.fits(own, call))
            found[call] = sorted(place for each in fitting for place in each)
    return [found[call] for call in theirs]


def _in_order(ours: Sequence[Call], theirs: Sequence[Call], rule: _Ruling) -> int:
    """Return the length of the longest sequence of their calls that fits ours in order.

    Hyyrö's recurrence, as in `workbench.metrics.subsequence`; it asks only which calls fit.
    """
    full = row = (1 << len(ours)) - 1
    for places in _fitting(ours, theirs, rule):
        common = row & sum(1 << at for at in places)
        row = (row + common | row - common) & full
    return len(ours) - row.bit_count()


def assignment(fits: Sequence[Sequence[int]], n: int) -> list[int | None]:
    """Give as many as can be a partner of their own.

    Parameters
    ----------
    fits : sequence of sequence of int
        Of each, the partners that fit it.
    n : int
        How many partners there are.

    Returns
    -------
    list of int or None
        The partner of each.

    Notes
    -----
    A path that begins at one without a partner, ends at a free partner, and on its way goes back
    from each partner to whom it was given, gives one more a partner when each step is turned round.

    Examples
    --------
    >>> assignment([[0, 1], [0]], 2)
    [1, 0]
    """
    partner: list[int | None] = [None] * len(fits)
    given: list[int | None] = [None] * n
    for start in range(len(fits)):
        reached, free = _path(start, fits, given)
        while free is not None:
            at = reached[free]
            given[free], partner[at], free = at, free, partner[at]
    return partner


def _path(
    start: int, fits: Sequence[Sequence[int]], given: Sequence[int | None]
) -> tuple[dict[int, int], int | None]:
    """Search breadth first for a free partner; say from where each partner was reached."""
    reached: dict[int, int] = {}
    queue = deque([start])
    while queue:
        at = queue.popleft()
        for to in fits[at]:
            if to in reached:
                continue
            reached[to] = at
            holder = given[to]
            if holder is None:
                return reached, to
            queue.append(holder)
    return reached, None
