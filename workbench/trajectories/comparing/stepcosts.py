"""What it costs to take one step for another: kind, tool, agent, arguments, text and status.

All steps of some runs are numbered once, so that a whole table of prices is a few operations of
numpy. Prices are whole thousandths: sums are exact, and the same from either side.
"""

import json
import re
import zlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue
from workbench.trajectories.comparing.toolcalls import Call, same_json_text
from workbench.trajectories.model import UNCOUNTED, Part, Run, Step

Integers = NDArray[np.int64]
Shares = NDArray[np.float32]

UNIT = 1000
"""Prices are counted in 1 / UNIT."""

# Words are hashed to so many places: the product of two tables of them is then quick and exact.
_N_PLACES = 1024
# A text is told from others whole, but only so many of its characters are looked at for likeness.
_READ_CHARACTERS = 20_000
_WORD = re.compile(r"\w+")

_T = TypeVar("_T", bound=Hashable)


@dataclass(frozen=True)
class Costs:
    """The prices of an alignment.

    Parameters
    ----------
    gap : float
        A step that the other run does not have.
    kind : float
        Taking a step for one of another kind; with two gaps or more it never happens.
    tool : float
        … for one that calls, or asks for, other tools.
    agent : float
        … for one of another agent.
    arguments : float
        … for one with entirely other arguments; less, the more of them are equal.
    text : float
        … for one with an entirely other text (what was said, or what a tool answered); less, the
        more words they share.
    status : float
        … for one that ended otherwise: one failed, or was cancelled, and the other was not. That a
        log says of one that it went well and of the other nothing is no difference.

    Notes
    -----
    The likeness of two sets of words, or of arguments, is the cosine |A ∩ B| / √(|A| |B|). A
    difference that has a price costs at least 0.001. Another kind or another tool costs that price
    alone; agent, arguments, text and status add up.

    Examples
    --------
    >>> Costs(text=0).text
    0
    """

    gap: float = 1.0
    kind: float = 2.0
    tool: float = 1.5
    agent: float = 0.5
    arguments: float = 0.5
    text: float = 0.5
    status: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1000 or (field.name == "gap" and value < 1 / UNIT):
                least = "0.001" if field.name == "gap" else "0"
                raise BadValue(
                    f"the price {field.name} must be from {least} to 1000, but {value} came; "
                    "choose another."
                )

    @property
    def gap_units(self) -> int:
        """The price of a gap in thousandths."""
        return round(self.gap * UNIT)


PATH = Costs(agent=1.5, arguments=0, text=0, status=0)
"""Prices that look at who called which tool, and at nothing else."""


class StepTable:
    """The steps of some runs, numbered by what they are.

    Parameters
    ----------
    runs : sequence of Run
        Their demos and copied context are left out.

    Attributes
    ----------
    steps : list of list of int
        Of each run, the numbers of its steps in the run.
    rows : list of array of int
        Of each run, the rows of its steps here.
    branch : array of int
        A number per row: equal where kind, agent, tools and arguments are.
    whole : array of int
        … and the text, and how the step ended.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.steps = [_own(run) for run in runs]
        bounds = np.cumsum([0, *map(len, self.steps)])
        self.rows = [np.arange(*each) for each in pairwise(bounds)]
        chosen = [
            run.steps[at] for run, numbers in zip(runs, self.steps, strict=True) for at in numbers
        ]
        calls = [calls_in(step) for step in chosen]
        texts = [text for each in zip(runs, self.steps, strict=True) for text in _texts(*each)]
        self.kind = _numbered(step.kind for step in chosen)[0]
        self.agent = _numbered(step.agent for step in chosen)[0]
        self.tool = _numbered(tuple(call.tool for call in each) for each in calls)[0]
        members = _numbered(_members(each) for each in calls)
        self.members, self._members = members[0], _presence(map(_pairs, members[1]))
        text = _numbered(texts)
        self.text, self._texts = text[0], _presence(map(_words, text[1]))
        columns = [self.kind, self.agent, self.tool, self.members]
        self.branch = _numbered(zip(*(each.tolist() for each in columns), strict=True))[0]
        self.status = _numbered(ended(step) for step in chosen)[0]
        columns = [self.branch, self.text, self.status]
        self.whole = _numbered(zip(*(each.tolist() for each in columns), strict=True))[0]

    def prices(self, one: Integers, other: Integers, costs: Costs) -> Integers:
        """Return the price, in thousandths, of each of these rows for each of those."""
        parts = np.zeros((len(one), len(other)), dtype=np.float64)
        differ = np.zeros(parts.shape, dtype=bool)
        for codes, words, price in (
            (self.members, self._members, costs.arguments),
            (self.text, self._texts, costs.text),
        ):
            if price:
                parts += price * _distances(codes[one], codes[other], words)
                differ |= codes[one][:, None] != codes[other]
        for codes, price in ((self.agent, costs.agent), (self.status, costs.status)):
            if price:
                parts += price * (codes[one][:, None] != codes[other])
        units = np.maximum(np.rint(parts * UNIT).astype(np.int64), differ)
        units[self.tool[one][:, None] != self.tool[other]] = round(costs.tool * UNIT)
        units[self.kind[one][:, None] != self.kind[other]] = round(costs.kind * UNIT)
        return units


def _own(run: Run) -> list[int]:
    """Return the numbers of the steps that are the run's own."""
    return [at for at, step in enumerate(run.steps) if not step.flags & UNCOUNTED]


def _texts(run: Run, numbers: Sequence[int]) -> list[str]:
    """Return what steps say; one that encloses others only repeats them."""
    enclosing = {step.parent for step in run.steps}
    return ["" if at in enclosing else said(run.steps[at]) for at in numbers]


def calls_in(step: Step) -> list[Call]:
    """Return the calls that a step makes or asks for."""
    if step.kind != "execute_tool":
        return [_call(part.name, part) for part in step.calls]
    parts = [part for part in step.parts if part.type == "tool_call"]
    return [_call(step.tool, parts[0] if parts else None)]


def _call(tool: str | None, part: Part | None) -> Call:
    if part is None:
        return Call(tool or "", recorded=False)
    return Call(tool or part.name or "", part.arguments if part.arguments_valid else part.text)


def ended(step: Step) -> str:
    """Return how a step ended; what does not say so has not failed."""
    return "ok" if step.status == "unset" else step.status


def said(step: Step) -> str:
    """Return what a step wrote beside its calls; what it read where it wrote nothing."""
    wrote = [part for part in step.parts if part.direction == "out"]
    parts = wrote or step.parts
    return "\n".join(part.text for part in parts if part.text and part.type != "tool_call")


def _members(calls: Iterable[Call]) -> tuple[str, ...]:
    return tuple(call.written if call.recorded else "" for call in calls)


def _pairs(written: Sequence[str]) -> Iterable[str]:
    """Yield a word per argument; arguments that are no object are one."""
    for at, text in enumerate(written):
        value = None
        if len(text) <= _READ_CHARACTERS:
            try:
                value = json.loads(text) if text else {}
            except (ValueError, RecursionError):
                value = None
        if isinstance(value, dict):
            yield from (f"{at} {name} {same_json_text(each)}" for name, each in value.items())
        else:
            yield f"{at} {text}"


def _words(text: str) -> Iterable[str]:
    return _WORD.findall(text[:_READ_CHARACTERS].lower())


def _numbered(values: Iterable[_T]) -> tuple[Integers, list[_T]]:
    """Return a number per value, by first appearance, and the values."""
    known: dict[_T, int] = {}
    codes = [known.setdefault(value, len(known)) for value in values]
    return np.array(codes, dtype=np.int64), list(known)


def _presence(sets: Iterable[Iterable[str]]) -> Shares:
    """Return a row per set with a 1 at the place of each of its words."""
    places = [
        np.unique([zlib.crc32(word.encode("utf-8", "replace")) % _N_PLACES for word in words])
        for words in sets
    ]
    found = np.zeros((len(places), _N_PLACES), dtype=np.float32)
    for row, at in enumerate(places):
        found[row, at.astype(np.int64)] = 1
    return found


def _distances(one: Integers, other: Integers, words: Shares) -> Shares:
    """Return one less the cosine of each set with each; nought for equal numbers."""
    rows, row = np.unique(one, return_inverse=True)
    columns, column = np.unique(other, return_inverse=True)
    a, b = words[rows], words[columns]
    # sums of ones: exact in single precision whatever their order
    sizes = np.outer(a.sum(axis=1), b.sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        likeness = np.where(sizes > 0, (a @ b.T) / np.sqrt(sizes), 0)
    distance = np.where(rows[:, None] == columns, 0, np.maximum(1 - likeness, 0))
    found: Shares = distance[np.ix_(row, column)].astype(np.float32)
    return found
