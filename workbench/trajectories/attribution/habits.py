"""What runs of one kind have in common: what comes before what, and what it was then.

Found by counting over other runs, without anybody saying which of them are right.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workbench.trajectories.attribution.acting_rules import commits, tells
from workbench.trajectories.attribution.clues import AGENT, Clue, pair, shown
from workbench.trajectories.attribution.ground import day_of, figure, matches
from workbench.trajectories.attribution.tracing import Call, Trace
from workbench.trajectories.attribution.transcript import Transcript
from workbench.trajectories.model import Json, Run

# A habit needs so many runs that had the occasion, and holds in this share of them.
_N_RUNS = 5
_SHARE = 0.75
# An argument that is nearly always the same comes from nowhere.
_N_VALUES = 3
# What follows a failure follows from it.
_AFTER_TROUBLE = 0.3
# Looking something up out of order does less harm than acting.
_HARMLESS = 0.5
_LATER_ITEM = re.compile(r"(?:^|\.)[1-9]\d*(?:\.|$)")
_HEAVIEST = 3.0

Place = tuple[str, str]
"""A tool, and an argument or a field of its answer."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What had happened when a tool was first called in a run.

    Parameters
    ----------
    tried : frozenset of str
        The tools called before.
    given : dict
        The last value of each field that they answered.
    numbers : dict
        The call's own numbers.
    troubled : bool
        Whether some call had failed and not been mended.
    """

    tried: frozenset[str]
    given: dict[Place, Json]
    numbers: dict[str, float]
    troubled: bool


@dataclass(frozen=True, eq=False)
class Habits:
    """What is usual among runs.

    Parameters
    ----------
    n_runs : int
        Number of runs.
    moments : dict
        Of each tool, what had happened at its first call, run by run.
    flows : dict
        Of each argument and each field of an answer: how often the argument was the field's value,
        of how many occasions.
    values : dict
        Of each argument, how many values it took.
    answers : dict
        Of each field of an answer, how often each value came; None where there are too many.

    Examples
    --------
    >>> Habits.of([])
    Habits(n_runs=0)
    """

    n_runs: int
    moments: dict[str, list[Moment]] = field(repr=False)
    flows: dict[Place, dict[Place, tuple[int, int]]] = field(repr=False)
    values: dict[Place, int] = field(repr=False)
    answers: dict[Place, Counter[str]] = field(repr=False)

    @classmethod
    def of(cls, runs: Iterable[Run]) -> "Habits":
        """Count over runs."""
        moments: dict[str, list[Moment]] = defaultdict(list)
        same: Counter[tuple[Place, Place]] = Counter()
        asked: Counter[tuple[Place, Place]] = Counter()
        values: dict[Place, set[str]] = defaultdict(set)
        answers: dict[Place, Counter[str]] = defaultdict(Counter)
        n_runs = 0
        for run in runs:
            n_runs += 1
            calls = Trace(Transcript.of(run)).calls
            for call, moment in first_calls(calls):
                moments[call.tool].append(moment)
                for path, value in call.result.items():
                    answers[call.tool, path][str(value)] += 1
            for _, argument, origin, value, given in _flows(calls):
                asked[argument, origin] += 1
                same[argument, origin] += value == given
                values[argument].add(str(value))
        flows: dict[Place, dict[Place, tuple[int, int]]] = defaultdict(dict)
        for (argument, origin), n in asked.items():
            flows[argument][origin] = (same[argument, origin], n)
        counts = {key: len(each) for key, each in values.items()}
        return cls(n_runs, dict(moments), dict(flows), counts, dict(answers))

    def clues(self, trace: Trace) -> Iterator[Clue]:
        """Yield where a run departs from what is usual."""
        for call, moment in first_calls(trace.calls):
            if tells(call.tool):
                # letters are written at the end of whatever happened
                continue
            share = _AFTER_TROUBLE if moment.troubled else 1.0
            if not commits(call.tool):
                share *= _HARMLESS
            for weight, told in (
                *self._omissions(call, moment),
                *self._unusual_moments(call, moment),
            ):
                yield Clue(call.asked_at, AGENT, share * weight, told)
        yield from self._strange_arguments(trace.calls)
        yield from self._rare_answers(trace.calls)

    def _omissions(self, call: Call, moment: Moment) -> Iterator[tuple[float, str]]:
        """Yield the tools that others call before this one, where this run did not."""
        others = self.moments.get(call.tool, [])
        for tool in sorted({each for other in others for each in other.tried} - moment.tried):
            n, total, when = _usual(tool, others, moment.numbers)
            if total:
                told = (
                    f"calls {shown(call.tool)} without {shown(tool)} before it, as {n} of {total} runs "
                    f"did{when}"
                )
                yield _weight(n, total), told

    def _unusual_moments(self, call: Call, moment: Moment) -> Iterator[tuple[float, str]]:
        """Yield answers that others had when they acted, and that were different here."""
        if not commits(call.tool):
            return
        others = self.moments.get(call.tool, [])
        for place, value in moment.given.items():
            if (
                not isinstance(value, (str, bool))
                or day_of(value)
                or len(self.answers.get(place, ())) > 10
            ):
                continue
            had = [other.given[place] for other in others if place in other.given]
            usual, n = Counter(map(str, had)).most_common(1)[0] if had else ("", 0)
            if str(value) != usual and len(had) >= _N_RUNS and n >= 0.9 * len(had):
                told = (
                    f"calls {shown(call.tool)} when {shown(place[0])} had said {shown(place[1])}="
                    f"{shown(value)}, where {n} of {len(had)} runs had {shown(usual)}"
                )
                yield _weight(n, len(had)), told

    def _strange_arguments(self, calls: list[Call]) -> Iterator[Clue]:
        for call, argument, origin, value, given in _flows(calls):
            n, total = self.flows.get(argument, {}).get(origin, (0, 0))
            usual = total >= _N_RUNS and n >= _SHARE * total
            if usual and value != given and self.values[argument] >= _N_VALUES:
                told = (
                    f"passes {pair(argument[1], value)} to {shown(call.tool)}, where {n} of {total} "
                    f"times it was what {shown(origin[0])} gave, here {shown(given)}"
                )
                yield Clue(call.asked_at, AGENT, _weight(n, total), told)

    def _rare_answers(self, calls: list[Call]) -> Iterator[Clue]:
        """Yield who commits to something after an answer was rarely so: exceptions are overlooked."""
        rare: dict[str, str] = {}
        for call in calls:
            if commits(call.tool):
                for told in rare.values():
                    yield Clue(call.asked_at, AGENT, 1.5, f"acts after {told}")
                rare.clear()
            for path, value in call.result.items():
                if exception := self._rare(call.tool, path, value):
                    rare[path] = exception

    def _rare(self, tool: str, path: str, value: Json) -> str | None:
        counts = self.answers.get((tool, path))
        if not counts or day_of(value):
            return None
        total = counts.total()
        usual, n = counts.most_common(1)[0]
        if str(value) == usual or total < _N_RUNS or n < 0.8 * total:
            return None
        return f"{shown(tool)} said {pair(path, value)}, which is {shown(usual)} in {n} of {total} runs"


def _weight(n: int, total: int) -> float:
    """Return the log-odds of a habit, halves added, at most 3."""
    return min(_HEAVIEST, math.log((n + 0.5) / (total - n + 0.5)))


def _usual(tool: str, others: list[Moment], numbers: dict[str, float]) -> tuple[int, int, str]:
    """Count who called a tool before: all others, else those whose numbers are as large or larger.

    What is asked for above an amount only is a habit of those above it.
    """
    groups = [("", others)]
    for name, value in numbers.items():
        as_large = [other for other in others if other.numbers.get(name, -math.inf) >= value]
        groups.append((f" that passed {shown(name)} of {value:g} or more", as_large))
    for when, group in groups:
        n = sum(tool in other.tried for other in group)
        if len(group) >= _N_RUNS and n >= _SHARE * len(group):
            return n, len(group), when
    return 0, 0, ""


def first_calls(calls: list[Call]) -> Iterator[tuple[Call, Moment]]:
    """Yield the first call of each tool with what had happened by then."""
    tried: set[str] = set()
    open_troubles: set[str] = set()
    given: dict[Place, Json] = {}
    for call in calls:
        if call.tool not in tried:
            yield call, Moment(frozenset(tried), dict(given), _numbers(call), bool(open_troubles))
        tried.add(call.tool)
        if call.trouble:
            open_troubles.add(call.tool)
        else:
            open_troubles.discard(call.tool)
        given |= {(call.tool, path): value for path, value in call.result.items()}


def _numbers(call: Call) -> dict[str, float]:
    found = {name: figure(value) for name, value in call.arguments.items()}
    return {name: number for name, number in found.items() if number is not None}


def _flows(calls: list[Call]) -> Iterator[tuple[Call, Place, Place, Json, Json]]:
    """Yield each argument beside each value that an answer had given last, of the same type."""
    given: dict[Place, Json] = {}
    for call in calls:
        for name, value in call.arguments.items():
            for origin, last in given.items():
                if (
                    origin[0] != call.tool
                    and type(last) is type(value)
                    and not isinstance(value, bool)
                ):
                    yield call, (call.tool, name), origin, value, last
        given |= {
            (call.tool, path): value
            for path, value in call.result.items()
            # of lists the first: their length, and with it the places, has no bound
            if value is not None and not matches(_LATER_ITEM, path)
        }
