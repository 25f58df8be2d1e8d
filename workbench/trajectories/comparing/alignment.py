"""`align`: the steps of two or more runs side by side, where they part, and what came of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.display import Sheet, counted, number, plain
from workbench.errors import BadKind
from workbench.trajectories.comparing.editing import Place, star
from workbench.trajectories.comparing.stepcosts import UNIT, Costs, StepTable, calls_in, ended
from workbench.trajectories.comparing.toolcalls import same_json_text
from workbench.trajectories.model import Run, Step

if TYPE_CHECKING:
    import pandas as pd

Operation = Literal["match", "change", "insert", "delete"]
OPERATIONS = ("match", "change", "insert", "delete")

_WIDTH = 60
# A sheet for people ends somewhere; the frame has everything.
_MOST_ROWS = 200


@dataclass(frozen=True, eq=False)
class Alignment:
    """Runs side by side, place by place.

    Parameters
    ----------
    runs : tuple of Run
        In the order given; the first is the one that the others are compared with.
    places : tuple of tuple of (int or None)
        At each place the number of each run's step, None where it has none.
    frame : DataFrame
        One row per place: `place`; `operation` ("match", "change", "insert" where the first run has
        no step, "delete" where only others lack one); `kind`, `tool` of the first step there;
        `cost`; `moved_to`, of a step that was left out here and put in unchanged there, or the
        other way round; `note`, what differs, in words; and `step_1`, `step_2`, …: the steps.
    outcomes : tuple of (bool or None)
        Whether each run did its task.
    """

    runs: tuple[Run, ...]
    places: tuple[Place, ...]
    frame: "pd.DataFrame"
    outcomes: tuple[bool | None, ...]

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs' ids."""
        return tuple(run.run_id for run in self.runs)

    @property
    def cost(self) -> float:
        """The sum of all prices: of two runs the edit distance, of more each beside the first."""
        return float(np.round(self.frame["cost"].to_numpy(float).sum() * UNIT)) / UNIT

    @property
    def common_prefix(self) -> int:
        """How many places match before the runs part."""
        return len(self.places) if self.first_divergence is None else self.first_divergence

    @property
    def first_divergence(self) -> int | None:
        """The first place where the runs differ; None where they never do."""
        differ = np.flatnonzero((self.frame["operation"] != "match").to_numpy())
        return int(differ[0]) if len(differ) else None

    @property
    def operations(self) -> dict[str, int]:
        """How many places match, change, insert and delete."""
        found = Counter(self.frame["operation"])
        return {name: found[name] for name in OPERATIONS}

    @cached_property
    def splits(self) -> "pd.DataFrame":
        """Where the runs take different ways, and what came of each.

        One row per place and way: place branch n n_known n_done done gain. `branch` is the step
        (its kind, tool and arguments) or "no step"; `done` the share of `n_known` runs with an
        outcome that did their task; `gain` the bits that the place tells of the outcome.
        """
        import pandas as pd

        columns = ["place", "branch", "n", "n_known", "n_done", "done", "gain"]
        rows = [row for at in range(len(self.places)) for row in self._ways(at)]
        return pd.DataFrame(rows, columns=columns).astype({"done": "float64", "gain": "float64"})

    @property
    def outcome_split(self) -> int | None:
        """The first of the places that tell most of the outcome; None where none tells anything."""
        gains = self.splits.groupby("place")["gain"].first()
        known = gains[gains > 0]
        return None if known.empty else int(known.index[int(known.argmax())])

    def _ways(self, at: int) -> Iterator[dict[str, Any]]:
        ways: dict[str, list[bool | None]] = {}
        for run, step, outcome in zip(self.runs, self.places[at], self.outcomes, strict=True):
            name = "no step" if step is None else in_full(run.steps[step])
            ways.setdefault(name, []).append(outcome)
        if len(ways) < 2:
            return
        gain = _gain(list(ways.values()))
        for name, outcomes in ways.items():
            known = [each for each in outcomes if each is not None]
            n, done = len(known), sum(known)
            share = done / n if n else None
            counts = {"n": len(outcomes), "n_known": n, "n_done": done, "done": share, "gain": gain}
            yield {"place": at, "branch": name} | counts

    @property
    def sheet(self) -> Sheet:
        """The places as they are shown: stretches that match in one line."""
        body = list(_shown(self.frame))
        if len(body) > _MOST_ROWS:
            left = len(body) - _MOST_ROWS
            body = [*body[:_MOST_ROWS], ["…", f"and {left} more", "", "", ""]]
        return Sheet(
            self.frame, repr(self), ["place", "operation", "steps", "step", "difference"], body
        )

    def __repr__(self) -> str:
        done = self.operations
        counts = ", ".join(f"{done[name]} {word}" for name, word in _WORDS.items() if done[name])
        first = self.first_divergence
        if first is None:
            parted = "they never part"
        else:
            row = self.frame.iloc[first]
            parted = f"they part at place {first} ({plain(row['note'], width=_WIDTH)})"
        return (
            f"{counted(len(self.runs), 'run')} aligned, {counted(len(self.places), 'place')}: {counts or 'no steps'}; "
            f"cost {number(self.cost, 3)}; {parted}"
        )

    def _repr_html_(self) -> str:
        return self.sheet._repr_html_()


_WORDS = {"match": "match", "change": "changed", "insert": "inserted", "delete": "deleted"}


def align(a: Run, b: Run, *more: Run, costs: Costs | None = None) -> Alignment:
    """Put the steps of two or more runs side by side at the least cost.

    Parameters
    ----------
    a, b, *more : Run
        The runs; the first is the one that the others are compared with. Demos and copied context
        are left out.
    costs : Costs, optional
        The prices of a gap and of differences in kind, tool, agent, arguments, text and status. A
        model hardly writes the same text twice: with ``costs=PATH`` (of `stepcosts`) only who called
        which tool counts, and with ``Costs(text=0)`` the arguments, and whether it failed, too.

    Returns
    -------
    Alignment
        With the operations, the first divergence, and where outcomes split.

    Raises
    ------
    BadKind
        If something is no run.
    BadValue
        If two runs are so long that the table of their prices has more than 10⁸ cells, beyond what
        begins and ends alike.

    Notes
    -----
    Of two runs it is the cheapest alignment there is (Wagner and Fischer, 1974), and of several
    such one with the most matches. More runs are each aligned with a centre, the run from which the
    others are least far (a star; Gusfield, 1993), chosen among at most 16 of them. A step that
    changed its place is left out here and put in there: `moved_to` joins the two.

    Examples
    --------
    >>> from workbench.trajectories.model import Part
    >>> def run(name, *texts):
    ...     steps = [Step("chat", f"/{at}", [Part("out", "assistant", "text", text)])
    ...              for at, text in enumerate(texts)]
    ...     return Run("mine", run_id=name, steps=steps)
    >>> found = align(run("x", "Hello.", "Which flight?"), run("y", "Hello.", "Which hotel?"))
    >>> found
    2 runs aligned, 2 places: 1 match, 1 changed; cost 0.250; they part at place 1 (text differs)
    >>> found.first_divergence, found.places[1]
    (1, (1, 1))
    """
    runs = (a, b, *more)
    for run in runs:
        if not isinstance(run, Run):
            raise BadKind(
                f"what is aligned must be runs, but a {type(run).__name__} came; "
                "take them out of Runs by their ids."
            )
    prices = costs or Costs()
    table = StepTable(runs)
    positions, _ = star(table, prices)
    places = tuple(
        tuple(None if at is None else table.steps[run][at] for run, at in enumerate(place))
        for place in positions
    )
    frame = _frame(runs, table, positions, prices)
    return Alignment(runs, places, frame, tuple(map(was_done, runs)))


def was_done(run: Run) -> bool | None:
    """Tell whether a run did its task; None where it does not say."""
    from workbench.trajectories.analysis.outcomes import TOLERANCE

    outcome = run.outcome
    if outcome is None or outcome != outcome:
        return None
    return float(outcome) >= 1 - TOLERANCE


def _frame(
    runs: Sequence[Run], table: StepTable, positions: Sequence[Place], costs: Costs
) -> "pd.DataFrame":
    import pandas as pd

    moved = _moved(table, positions) if len(runs) == 2 else {}
    records = []
    for at, place in enumerate(positions):
        steps = [
            None if to is None else runs[run].steps[table.steps[run][to]]
            for run, to in enumerate(place)
        ]
        rows = [None if to is None else int(table.rows[run][to]) for run, to in enumerate(place)]
        cost = _cost(table, rows, costs)
        operation = _operation(rows, cost)
        shown = next(step for step in steps if step is not None)
        note = "" if operation == "match" else difference(steps)
        numbers = {
            f"step_{run + 1}": None if to is None else table.steps[run][to]
            for run, to in enumerate(place)
        }
        head = {
            "place": at,
            "operation": operation,
            "kind": shown.kind,
            "tool": _tools(shown) or None,
        }
        rest = {"cost": cost, "moved_to": moved.get(at), "note": note}
        records.append(head | rest | numbers)
    names = ["place", "operation", "kind", "tool", "cost", "moved_to", "note"]
    names += [f"step_{at + 1}" for at in range(len(runs))]
    whole = dict.fromkeys(["place", "moved_to", *names[7:]], "Int64")
    texts = dict.fromkeys(["operation", "kind", "tool", "note"], "str")
    return pd.DataFrame(records, columns=names).astype({**whole, **texts, "cost": "float64"})


def _cost(table: StepTable, rows: Sequence[int | None], costs: Costs) -> float:
    """Sum the prices of the first run's step beside each other run's."""
    first, *others = rows
    there = [row for row in others if row is not None]
    units = costs.gap_units * (len(there) if first is None else len(others) - len(there))
    if first is None:
        return units / UNIT
    other = [row for row in there if table.whole[row] != table.whole[first]]
    if other:
        units += int(table.prices(np.array([first]), np.array(other), costs).sum())
    return units / UNIT


def _operation(rows: Sequence[int | None], cost: float) -> Operation:
    if rows[0] is None:
        return "insert"
    if None in rows:
        return "delete"
    return "change" if cost else "match"


def _moved(table: StepTable, positions: Sequence[Place]) -> dict[int, int]:
    """Join each step that was left out with an equal one that was put in, in their order."""
    put_in: dict[int, list[int]] = {}
    for at, place in enumerate(positions):
        one, other = place
        if one is None and other is not None:
            put_in.setdefault(int(table.whole[table.rows[1][other]]), []).append(at)
    moved: dict[int, int] = {}
    for at, place in enumerate(positions):
        one, other = place
        if other is None and one is not None:
            found = put_in.get(int(table.whole[table.rows[0][one]]))
            if found:
                moved[at] = found.pop(0)
                moved[moved[at]] = at
    return moved


def difference(steps: Sequence[Step | None]) -> str:
    """Say in words how the steps at one place differ."""
    present = [step for step in steps if step is not None]
    labels = Counter(label(step) for step in present)
    if len(labels) > 1:
        told = (
            [f"{name} × {n}" for name, n in labels.most_common()]
            if len(steps) > 2
            else list(labels)
        )
        return (" against " if len(steps) == 2 else ", ").join(told)
    if len(present) < len(steps):
        name = next(iter(labels))
        return (
            f"only one has {name}"
            if len(steps) == 2
            else f"{len(present)} of {len(steps)} have {name}"
        )
    what = _what_differs(present)
    return f"{what} differ" if what == "arguments" else f"{what} differs"


def _what_differs(steps: Sequence[Step]) -> str:
    if len({step.agent for step in steps}) > 1:
        return "agent"
    members = [[call.members or {} for call in calls_in(step)] for step in steps]
    names: dict[str, None] = {}
    for calls in zip(*members, strict=False):
        for name in dict.fromkeys(name for call in calls for name in call):
            if len({call.get(name) for call in calls}) > 1:
                names[name] = None
    if names:
        return f"argument {', '.join(list(names)[:3])}"
    whole = {tuple(call.written for call in calls_in(step)) for step in steps}
    if len(whole) > 1:
        return "arguments"
    return "status" if len({ended(step) for step in steps}) > 1 else "text"


def label(step: Step) -> str:
    """Name a step by its kind and the tools that it calls.

    Examples
    --------
    >>> label(Step("execute_tool", "/0", tool="book"))
    'execute_tool book'
    """
    tools = _tools(step)
    return f"{step.kind} {tools}" if tools else step.kind


def in_full(step: Step) -> str:
    """Name a step by its kind, agent, tools and arguments."""
    calls = [
        f"{call.tool}({', '.join(f'{k}={same_json_text(v)}' for k, v in call.arguments.items())})"
        if isinstance(call.arguments, dict)
        else f"{call.tool}({call.written if call.recorded else ''})"
        for call in calls_in(step)
    ]
    return " ".join([step.kind, *([f"by {step.agent}"] if step.agent else []), *calls])


def _tools(step: Step) -> str:
    return ", ".join(call.tool for call in calls_in(step) if call.tool)


def _gain(ways: Sequence[Sequence[bool | None]]) -> float:
    """Return the bits that the way tells of the outcome (mutual information)."""
    known = [[each for each in way if each is not None] for way in ways]
    everything = [each for way in known for each in way]
    n = len(everything)
    if not n:
        return 0.0
    rest = sum(len(way) / n * _entropy(way) for way in known if way)
    return max(0.0, round(_entropy(everything) - rest, 12))


def _entropy(outcomes: Sequence[bool]) -> float:
    share = sum(outcomes) / len(outcomes)
    return float(-sum(each * np.log2(each) for each in (share, 1 - share) if each > 0))


def _shown(frame: "pd.DataFrame") -> Iterator[list[str]]:
    """Yield a line per stretch that matches, and per place that does not."""
    columns = [name for name in frame.columns if name.startswith("step_")]
    matching = (frame["operation"] == "match").to_numpy()
    at = 0
    while at < len(frame):
        end = at + 1
        while matching[at] and end < len(frame) and matching[end]:
            end += 1
        row = frame.iloc[at]
        steps = " | ".join("–" if row.isna()[name] else str(row[name]) for name in columns)
        if end - at > 1:
            yield [f"{at}–{end - 1}", "match", f"from {steps}", f"{end - at} steps", ""]
        else:
            moved = "" if row.isna()["moved_to"] else f"moved: see place {row['moved_to']}; "
            name = row["kind"] if row.isna()["tool"] else f"{row['kind']} {row['tool']}"
            yield [
                str(at),
                row["operation"],
                steps,
                plain(name, width=_WIDTH),
                plain(moved + row["note"]),
            ]
        at = end


__all__ = ["OPERATIONS", "Alignment", "Costs", "align"]
