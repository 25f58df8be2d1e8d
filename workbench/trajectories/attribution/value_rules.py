"""Rules over values: arguments that nothing read holds, records that disagree, are old or empty."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from workbench.trajectories.attribution.acting_rules import commits, name_parts
from workbench.trajectories.attribution.clues import AGENT, DATA, USER, Clue, Rule, pair, shown
from workbench.trajectories.attribution.ground import day_of, figure, is_identifier, matches
from workbench.trajectories.attribution.tracing import Call, Standing, Trace
from workbench.trajectories.model import Json

_FRESHNESS = re.compile(
    r"(?:^|[._])(?:as_?of|(?:last_)?(?:updated|modified|synced|refreshed)(?:_at|_on)?|"
    r"retrieved(?:_at)?|snapshot(?:_date)?)$",
    re.IGNORECASE,
)
_AHEAD = re.compile(
    r"end|expir|until|due|valid|renew|next|deadline|departure|return", re.IGNORECASE
)
# What changes by itself, or is counted: that two answers differ in it is no contradiction.
_VOLATILE = re.compile(
    r"status|state|position|page|count|time|score|balance|queue|progress|token|remaining|next|cursor|"
    r"total|fresh|request|trace|session",
    re.IGNORECASE,
)
# And what stands in a list has its place by chance.
_CHANGING = (_VOLATILE, _FRESHNESS, re.compile(r"(?:^|\.)\d+(?:\.|$)"))
_END_NS = 253_402_300_800 * 10**9
_NOTHING = (None, "")
# Tools that are called for their answer.
_ASKING = frozenset(
    {"check", "describe", "fetch", "find", "get", "list", "load", "lookup", "query", "read", "retrieve",
     "search", "show", "view"}
)  # fmt: skip
_LIFE = re.compile(r"birth|\bdob\b|born", re.IGNORECASE)


def arguments_without_source(trace: Trace) -> Iterator[Clue]:
    """Find identifiers that stand in nothing read before, above all slips of one that was read."""
    for standing in trace.standings:
        for source in standing.sources:
            if source.near is None or day_of(source.value):
                continue
            told = f"passes {pair(source.path, source.value)}, which stands in nothing read before"
            if source.near:
                yield Clue(standing.call.asked_at, AGENT, 4.0, f"{told}; {source.near} does")
            else:
                yield Clue(standing.call.asked_at, AGENT, 1.0, told)


def one_of_two(trace: Trace) -> Iterator[Clue]:
    """Find identifiers taken from a text that gives one other of the same form, never used."""
    passed = {each.joined for standing in trace.standings for each in standing.sources}
    for standing in trace.standings:
        for source in standing.sources:
            if (
                len(source.alike) == 1
                and source.alike[0] not in passed
                and not day_of(source.value)
            ):
                told = (
                    f"passes {pair(source.path, source.value)}, where step {source.origin} gives "
                    f"{source.alike[0]} too"
                )
                yield Clue(standing.call.asked_at, AGENT, 2.0, told)


def answers_about_another(trace: Trace) -> Iterator[Clue]:
    """Find records that are not the one asked for, or belong to nobody read of before."""
    for standing in trace.standings:
        call = standing.call
        for path, value in call.arguments.items():
            given = call.result.get(path)
            if is_identifier(value) and isinstance(given, str) and _plain(value) != _plain(given):
                told = f"asks for {pair(path, value)} and takes {shown(given)} for an answer"
                yield Clue(call.asked_at, AGENT, 2.5, told)
        if standing.strangers:
            yield from _of_nobody(standing, standing.strangers[0])


def _of_nobody(standing: Standing, path: str) -> Iterator[Clue]:
    """Blame who gave the identifier: whoever wrote it, where it was copied right."""
    told = f"gets a record whose {shown(path)} is nobody's that was read of before"
    yield Clue(standing.call.asked_at, AGENT, 1.0, told)
    for name, origin in standing.origins.items():
        value = standing.call.arguments[name]
        if not day_of(value):
            told = f"brings {shown(value)}, whose record has a {shown(path)} that is nobody's it speaks of"
            yield Clue(origin, USER, 3.0, told)
            return


def _plain(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def figures_against_records(trace: Trace) -> Iterator[Clue]:
    """Find figures that differ from the only one read under their name, where nothing is changed."""
    read: dict[str, set[float]] = defaultdict(set)
    for call in trace.calls:
        for name, number in () if commits(call.tool) else _figures(call.arguments):
            if len(read[name]) == 1 and number not in read[name]:
                told = f"passes {name}={number:g}, where {next(iter(read[name])):g} was read"
                yield Clue(call.asked_at, AGENT, 2.5, told)
        for name, number in _figures(call.result):
            read[name].add(number)


def _figures(values: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    for path, value in values.items():
        number, name = figure(value), path.rsplit(".", 1)[-1]
        if number is not None and not matches(_VOLATILE, name):
            yield shown(name), number


def void_answers(trace: Trace) -> Iterator[Clue]:
    """Find answers that hold nothing, and records with a gap where others of the tool have none."""
    filled: dict[str, set[str]] = defaultdict(set)
    for call in trace.calls:
        filled[call.tool] |= {path for path, value in call.result.items() if value not in _NOTHING}
    for call in trace.calls:
        if call.trouble or call.step.result is None:
            continue
        gaps = [path for path, value in call.result.items() if value in _NOTHING]
        missed = [
            path for path in gaps if path in filled[call.tool] and not matches(_VOLATILE, path)
        ]
        if len(gaps) == len(call.result) <= 1 and name_parts(call.tool) & _ASKING:
            yield Clue(call.at, DATA, 2.0, f"gets an empty answer from {shown(call.tool)}")
        elif missed:
            yield Clue(call.at, DATA, 1.5, f"gets a record without {shown(missed[0])}")


def years_mistaken(trace: Trace) -> Iterator[Clue]:
    """Find days that are near others but for their year: a slip of who wrote or copied them."""
    known: set[date] = set()
    for standing in trace.standings:
        for path, value in standing.call.arguments.items():
            day = day_of(value)
            if day is None or day in known or matches(_LIFE, path) or matches(_AHEAD, path):
                continue
            known.add(day)
            others = [each for each in standing.days if each != day]
            near = min((each for each in others if _same_season(each, day)), default=None)
            if near is None or any(each.year == day.year for each in others):
                continue
            told = (
                f"has {shown(path)}={day}, where all other days are of other years, such as {near}"
            )
            origin = standing.days.get(day)
            blamed, owner = (standing.call.asked_at, AGENT) if origin is None else (origin, USER)
            yield Clue(blamed, owner, 2.0, told)


def _same_season(one: date, other: date) -> bool:
    """Tell whether two days are within two months of each other, but for a year or two."""
    apart = abs((one - other).days)
    return apart < 800 and min(apart % 365, 365 - apart % 365) <= 60


def stale_answers(trace: Trace) -> Iterator[Clue]:
    """Find records that say they are older than what had been read about, or than the run's day."""
    newest: date | None = None
    for call in trace.calls:
        for path, value in call.result.items():
            day = day_of(value) if matches(_FRESHNESS, path) else None
            if day is None:
                continue
            told = f"works with a record of {day} ({shown(path)})"
            if newest and (n_days := (newest - day).days) >= 1:
                words = f"{told}, {n_days} days older than what had been read"
                yield Clue(call.at, DATA, min(3.5, 1.5 + n_days / 10), words)
            elif (today := _today(call)) and (n_days := (today - day).days) > 1:
                yield Clue(call.at, DATA, min(2.0, n_days / 10), f"{told}, {n_days} days old")
        newest = max([*_past_days(call), *([newest] if newest else [])], default=None)


def _past_days(call: Call) -> Iterator[date]:
    for values in (call.arguments, call.result):
        for path, value in values.items():
            if (day := day_of(value)) and not matches(_AHEAD, path):
                yield day


def _today(call: Call) -> date | None:
    started = call.step.start_ns
    # a clock that says the year 10000 or later is none
    if started is None or not 0 <= started < _END_NS:
        return None
    return datetime.fromtimestamp(started / 1e9, UTC).date()


def contradicting_answers(trace: Trace) -> Iterator[Clue]:
    """Find two answers about one thing that differ in what does not change by itself."""
    facts: dict[tuple[str, str, str], tuple[Call, Json]] = {}
    for call in trace.calls:
        if commits(call.tool):
            # what the agent changes may differ afterwards
            facts.clear()
        named = sorted(str(value) for value in call.arguments.values() if is_identifier(value))
        if not named or call.trouble:
            continue
        for path, value in call.result.items():
            if value is None or any(matches(pattern, path) for pattern in _CHANGING):
                continue
            earlier, before = facts.setdefault((call.tool, named[0], path), (call, value))
            if before != value and earlier.arguments.keys() <= call.arguments.keys():
                told = f"is told {pair(path, before)}, and step {call.at} says {shown(value)}"
                yield Clue(earlier.at, DATA, 1.5, told)
                break


VALUE_RULES: tuple[Rule, ...] = (
    arguments_without_source, one_of_two, answers_about_another, figures_against_records,
    void_answers, years_mistaken, stale_answers, contradicting_answers,
)  # fmt: skip
