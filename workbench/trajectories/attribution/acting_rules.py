"""Rules over what changes the world: acting against limits, refusals and instructions."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from workbench.trajectories.attribution.clues import AGENT, Clue, Rule, pair, shown
from workbench.trajectories.attribution.ground import figure, matches
from workbench.trajectories.attribution.tracing import Call, Trace
from workbench.trajectories.model import Json

_TELLING = frozenset(
    {
        "answer", "email", "letter", "mail", "message", "notify", "post", "publish", "reply", "send",
        "share", "tell", "tweet",
    }
)  # fmt: skip
_COMMITTING = frozenset(
    {
        "approve", "book", "buy", "cancel", "charge", "close", "create", "delete", "deploy", "disburse",
        "execute", "export", "grant", "issue", "merge", "modify", "order", "pay", "purchase", "refund",
        "remove", "settle", "submit", "transfer", "update", "upload", "withdraw", "write",
    }
)  # fmt: skip
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@lru_cache(maxsize=4096)
def name_parts(tool: str) -> frozenset[str]:
    """Return the words in a tool's name, in snake or camel case.

    Examples
    --------
    >>> sorted(name_parts("sendLetter")), sorted(name_parts("compute_payout"))
    (['letter', 'send'], ['compute', 'payout'])
    """
    return frozenset(part.lower() for part in _NAME_PART.findall(tool[:200]))


def commits(tool: str) -> bool:
    """Tell whether a tool, by its name, changes something or gives something away."""
    return bool(name_parts(tool) & _COMMITTING)


def tells(tool: str) -> bool:
    """Tell whether a tool, by its name, says something to somebody."""
    return bool(name_parts(tool) & _TELLING)


_WAITING = re.compile(
    r"^(?:pending|waiting|in.?review|open|queued|denied|rejected|refused|declined|not.?approved|blocked|"
    r"on.?hold|expired|cancelled|inactive)$",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"(?:^|[._])(?:status|state|decision|verdict|approved|granted|allowed|eligible|covered|valid)$",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"limit|maxim|\bmax|max_|_max|ceiling|(?:^|_)cap(?:_|$)|allowance", re.IGNORECASE
)
_THRESHOLD = re.compile(
    r"(\w{4,20}) (?:for (?:anything |amounts? |sums? )?)?"
    r"(?:above|over|of more than|exceeding|beyond|if more than)\s"
    r"(?:(?:[£$€]|usd |eur |gbp )(\d[\d,]*(?:\.\d+)?)|(\d[\d,]*(?:\.\d+)?) ?(?:[£$€]|usd|eur|gbp))",
    re.IGNORECASE,
)
# What a sum is, and not what it needs.
_SUMS = frozenset(
    {"amount", "amounts", "anything", "claims", "cost", "costs", "orders", "payment", "payments",
     "payouts", "price", "prices", "purchases", "refunds", "sums", "total", "transfers", "value"}
)  # fmt: skip


def acts_against_answers(trace: Trace) -> Iterator[Clue]:
    """Find what is done although the last word of some tool was no, or not yet."""
    last: dict[str, tuple[Call, str, Json]] = {}
    warned: set[str] = set()
    for call in trace.calls:
        if _acts(call) and call.tool not in warned:
            for tool, (earlier, path, value) in last.items():
                if tool != call.tool and _is_no(tool, value):
                    warned.add(call.tool)
                    told = (
                        f"calls {shown(call.tool)} although {shown(tool)} said {pair(path, value)} in "
                        f"step {earlier.at}"
                    )
                    yield Clue(call.asked_at, AGENT, 2.0, told)
        for path, value in call.result.items():
            if matches(_VERDICT, path) and not call.trouble:
                last[call.tool] = (call, path, value)


def _acts(call: Call) -> bool:
    return commits(call.tool) and not call.trouble


def _is_no(tool: str, value: Json) -> bool:
    """Tell whether an answer is a no, or not yet; that cancelling says "cancelled" is none."""
    if not isinstance(value, str):
        return value is False
    meant = any(value.casefold().startswith(part[:5]) for part in name_parts(tool))
    return bool(_WAITING.match(value)) and not meant


def exceeds_limits(trace: Trace) -> Iterator[Clue]:
    """Find amounts above a limit in the same unit: who worked them out, and who used them."""
    limits: dict[str, tuple[Call, float]] = {}
    given: dict[float, Call] = {}
    for call in trace.calls:
        for path, value in _amounts(call.arguments) if _acts(call) else ():
            for name, (earlier, limit) in limits.items():
                if _unit(name) != _unit(path) or not value > limit > 0:
                    continue
                told = (
                    f"{shown(path)}={value:g}, above {shown(name)}={limit:g} of step {earlier.at}"
                )
                worked_out = given.get(value)
                yield Clue(call.asked_at, AGENT, 2.5 if worked_out else 3.0, f"passes {told}")
                if worked_out and worked_out.at > earlier.at:
                    yield Clue(worked_out.asked_at, AGENT, 3.0, f"works out {told}")
        found = dict(_amounts(call.result))
        limits |= {path: (call, value) for path, value in found.items() if matches(_LIMIT, path)}
        given |= {value: call for value in found.values() if value not in given}


def _amounts(values: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    for path, value in values.items():
        if (number := figure(value)) is not None:
            yield path, number


def _unit(path: str) -> str:
    found = re.search(
        r"pence|cents|usd|eur|gbp|pct|percent|kg|km|days|hours|seconds|_s$|_ms$",
        path,
        re.IGNORECASE,
    )
    return found[0].casefold() if found else ""


def ignores_thresholds(trace: Trace) -> Iterator[Clue]:
    """Find sums moved without what the instructions ask for above an amount, such as approval."""
    for noun, amount in sorted(_thresholds(trace)):
        stem = noun[:6].casefold()
        asked = False
        for call in trace.calls:
            asked = asked or stem in call.tool.casefold()
            largest = max(
                (value / _parts(path) for path, value in _amounts(call.arguments)), default=0.0
            )
            if _acts(call) and not asked and largest > amount:
                told = (
                    f"calls {shown(call.tool)} for {largest:g}, where the instructions ask for "
                    f"{shown(noun)} above {amount:g}"
                )
                yield Clue(call.asked_at, AGENT, 3.0, told)
                break


def _parts(path: str) -> int:
    return 100 if re.search(r"pence|cents", path, re.IGNORECASE) else 1


def _thresholds(trace: Trace) -> set[tuple[str, float]]:
    instructions = {
        part.text
        for step in trace.run.steps[:50]
        for part in step.parts
        if part.direction == "system" and part.text
    }
    return {
        (found[1], float((found[2] or found[3]).replace(",", "")))
        for text in instructions
        for found in _THRESHOLD.finditer(text[:20_000])
        if found[1].casefold() not in _SUMS
    }


ACTING_RULES: tuple[Rule, ...] = (acts_against_answers, exceeds_limits, ignores_thresholds)
