"""Rules of what a run may do: which tools, with which arguments, in which order, and approved by whom."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from workbench.trajectories.auditing.demands import (
    MEMBERS,
    NUMBER,
    ORIGIN,
    PATTERN,
    REQUEST,
    TEXT,
    TEXTS,
    VALUES,
    demand,
    demand_one,
    maybe,
)
from workbench.trajectories.auditing.rule import Breach, Rule
from workbench.trajectories.auditing.trails import Call, Trail, member, number_of, same
from workbench.trajectories.model import Json


@dataclass(frozen=True, kw_only=True)
class AllowedTools(Rule):
    """Only some tools may be called.

    Parameters
    ----------
    tools : sequence of str
        Their names.
    """

    kind: ClassVar[str] = "allowed_tools"
    tools: Sequence[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(self, tools=TEXTS)

    def breaches(self, trail: Trail) -> Iterator[Breach]:
        """Yield each call of another tool."""
        for call in trail.calls:
            if call.tool not in self.tools:
                yield Breach(call.number, f"{call.tool!r} is not an allowed tool")


@dataclass(frozen=True, kw_only=True)
class AllowedArguments(Rule):
    """An argument of a tool must be within limits.

    Parameters
    ----------
    tool, argument : str
        Which; dots lead into an object.
    at_least, at_most : float, optional
        The limits of a number.
    one_of : sequence, optional
        The values that are allowed.
    matches : str, optional
        A regular expression that the whole text must match.
    at_most_result : dict, optional
        ``{"tool", "member", "same"}``: the limit is a member of the last answer of another tool in
        which each member named in `same` equals the argument of that name. Where no answer states
        one, `at_most` alone counts, and without it the call is a breach.
    """

    kind: ClassVar[str] = "allowed_arguments"
    tool: str
    argument: str
    at_least: float | None = None
    at_most: float | None = None
    one_of: Sequence[Json] | None = None
    matches: str | None = None
    at_most_result: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(
            self, tool=TEXT, argument=TEXT, at_least=maybe(NUMBER), at_most=maybe(NUMBER),
            one_of=maybe(VALUES), matches=maybe(PATTERN), at_most_result=maybe(ORIGIN),
        )  # fmt: skip
        if self.one_of is None:
            demand_one(self, "at_least", "at_most", "one_of", "matches", "at_most_result")

    def breaches(self, trail: Trail) -> Iterator[Breach]:
        """Yield each call with a value out of bounds."""
        for at, call in enumerate(trail.calls):
            if call.tool != self.tool:
                continue
            value = member(call.arguments, self.argument)
            shown = f"{self.argument}={json.dumps(value, ensure_ascii=False)[:80]}"
            if self.one_of is not None and not any(same(value, each) for each in self.one_of):
                yield Breach(call.number, f"{shown} is none of the allowed values")
            if self.matches is not None and not re.fullmatch(self.matches, _written(value)):
                yield Breach(call.number, f"{shown} does not match {self.matches}")
            yield from self._limits(call, number_of(value), shown, trail.calls[:at])

    def _limits(
        self, call: Call, number: float | None, shown: str, before: Sequence[Call]
    ) -> Iterator[Breach]:
        told = self._told(call, before) if self.at_most_result else None
        if self.at_most_result and told is None and self.at_most is None:
            yield Breach(call.number, f"no answer states the limit of {shown}", number)
        most = min((each for each in (told, self.at_most) if each is not None), default=None)
        if self.at_least is not None and (number is None or number < self.at_least):
            yield Breach(call.number, f"{shown} is below the limit", number, self.at_least)
        if most is not None and (number is None or number > most):
            yield Breach(call.number, f"{shown} is above the limit", number, most)

    def _told(self, call: Call, before: Sequence[Call]) -> float | None:
        """Return the limit that the last fitting answer of another tool states."""
        origin = self.at_most_result or {}
        for each in reversed(before):
            if (
                each.tool == origin["tool"]
                and each.answered
                and _joined(origin.get("same", ()), call.arguments, each.result)
            ):
                return number_of(member(each.result, origin["member"]))
        return None


def _written(value: Json) -> str:
    """Return a value as the text that a pattern is held against; nothing for what has no one text."""
    if value is None or isinstance(value, (dict, list)):
        return "\0"
    return value if isinstance(value, str) else json.dumps(value)


def _joined(names: Iterable[str], one: Json, *others: Json) -> bool:
    """Tell whether each of some members is there, and equal in one value and the first that has it."""
    for name in names:
        wanted = member(one, name)
        found = next(
            (each for each in (member(other, name) for other in others) if each is not None), None
        )
        if wanted is None or not same(wanted, found):
            return False
    return True


@dataclass(frozen=True, kw_only=True)
class RequiredOrder(Rule):
    """A tool may be called only after others were answered.

    Parameters
    ----------
    tool : str
        The tool that must wait.
    after : sequence of str
        All of these must have been answered before.
    after_any : sequence of str
        At least one of these must have been.
    """

    kind: ClassVar[str] = "required_order"
    tool: str
    after: Sequence[str] = ()
    after_any: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(self, tool=TEXT, after=TEXTS, after_any=TEXTS)
        demand_one(self, "after", "after_any")

    def breaches(self, trail: Trail) -> Iterator[Breach]:
        """Yield each call that came too early."""
        answered: set[str] = set()
        for call in trail.calls:
            if call.tool == self.tool:
                missing = [each for each in self.after if each not in answered]
                if missing:
                    yield Breach(call.number, f"{self.tool} came before {', '.join(missing)}")
                if self.after_any and not answered & set(self.after_any):
                    yield Breach(
                        call.number, f"{self.tool} came before any of {', '.join(self.after_any)}"
                    )
            if call.answered:
                answered.add(call.tool)


@dataclass(frozen=True, kw_only=True)
class Approval(Rule):
    """A call must be approved before it is made.

    Parameters
    ----------
    tool : str
        What must be approved.
    by : str
        The tool whose answer grants it.
    granted : dict
        Members that this answer must have, such as ``{"status": "granted"}``.
    argument : str, optional
        A number among the arguments: only calls above `above` need approval.
    above : float
        Up to here none is needed.
    up_to : str, optional
        The member of the answer that says up to which number it is granted.
    same : sequence of str
        Arguments of the call that must equal the members of these names in the answer, or else in
        the question it answers, or else in the request. Without them one approval serves all.
    request : dict, optional
        ``{"tool", "same"}``: where the approval was requested by another tool, that tool, and the
        members by which its last call and the question are joined, such as ``["approval_id"]``.
    """

    kind: ClassVar[str] = "approval"
    tool: str
    by: str
    granted: Mapping[str, Json] = field(default_factory=dict)
    argument: str | None = None
    above: float = 0
    up_to: str | None = None
    same: Sequence[str] = ()
    request: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(
            self, tool=TEXT, by=TEXT, granted=MEMBERS, argument=maybe(TEXT), above=NUMBER,
            up_to=maybe(TEXT), same=TEXTS, request=maybe(REQUEST),
        )  # fmt: skip
        if self.up_to and not self.argument:
            demand_one(self, "argument")

    def breaches(self, trail: Trail) -> Iterator[Breach]:
        """Yield each call that was not approved."""
        approvals = self._approvals(trail.calls)
        for at, call in enumerate(trail.calls):
            number = number_of(member(call.arguments, self.argument)) if self.argument else None
            small = self.argument and number is not None and number <= self.above
            if call.tool == self.tool and not small:
                earlier = [each for each in approvals if each.at < at]
                yield from self._judged(call, number, earlier)

    def _judged(
        self, call: Call, number: float | None, approvals: Sequence["_Approved"]
    ) -> Iterator[Breach]:
        grants = [each for each in approvals if _joined(self.same, call.arguments, *each.told)]
        most = max((each.most for each in grants), default=0.0)
        if not grants:
            reason = f"{self.tool} without an approval by {self.by}"
            yield Breach(call.number, reason, number, self.above)
        elif self.up_to and (number is None or number > most):
            yield Breach(call.number, f"{self.tool} beyond what {self.by} approved", number, most)

    def _approvals(self, calls: Sequence[Call]) -> list["_Approved"]:
        """Return the answers that approve something, with all that is told of it."""
        return [
            _Approved(
                at,
                number_of(member(each.result, self.up_to or "")) or 0.0,
                (each.result, each.arguments, *self._request(each, calls[:at])),
            )
            for at, each in enumerate(calls)
            if each.tool == self.by
            and each.answered
            and all(same(member(each.result, name), value) for name, value in self.granted.items())
        ]

    def _request(self, approval: Call, before: Sequence[Call]) -> tuple[Json, ...]:
        """Return the answer and the question of the request to which an approval belongs."""
        wanted = self.request or {"tool": None, "same": ()}
        for each in reversed(before):
            if each.tool == wanted["tool"] and _joined(
                wanted["same"], approval.arguments, each.result, each.arguments
            ):
                return each.result, each.arguments
        return ()


class _Approved(NamedTuple):
    """An approval: its place among the calls, up to which number, and what is told of it."""

    at: int
    most: float
    told: tuple[Json, ...]
