"""A run as attribution reads it: who said what, what an environment answered, and what failed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from workbench.trajectories.model import MODEL_KINDS, UNCOUNTED, Run, Step

# What happens around a run rather than in it; nobody errs there.
_SCENERY = {"wb.system", "wb.state", "wb.evaluation", "wb.compaction", "create_agent"}

_CODE = re.compile(r"```.*?```", re.DOTALL)
_WORD = re.compile(r"[a-z][a-z']{2,40}")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]{0,30}(?:\.\d{1,30})?(?!\w)")
_COMMON = frozenset(
    {
        "the", "and", "for", "are", "was", "were", "with", "that", "this", "from", "have", "has", "not",
        "you", "your", "our", "can", "will", "its", "which", "into", "been", "also", "let", "need", "use",
        "using", "any", "all", "how", "what", "who",
    }
)  # fmt: skip
_IDLE = re.compile(r"there is no code|no code (?:from|in) the last", re.IGNORECASE)
_TROUBLE = re.compile(
    r"traceback|\berrors?\b|exception|timed? ?out|execution failed|not found|\b(?:40\d|50\d|429)\b|"
    r"denied|forbidden|unauthori[sz]ed|unavailable",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"(?:output:\s*)?(?:\[\]|\{\}|none|null|nan|0(?:\.0+)?%?)?\s*$|.*(?:not found|no results|no data|"
    r"could not|unable)",
    re.IGNORECASE | re.DOTALL,
)
# An answer of so few characters holds next to nothing.
_SCANT = 60
# How much of a long text is looked at for what it is.
_HEAD = 2_000
# And for what it says: a dump of a page tells no more of a mistake than its beginning.
_LONGEST = 50_000


def words(text: str) -> set[str]:
    """Return the words of a text that are not the commonest.

    Examples
    --------
    >>> sorted(words("The list of clients, and the plan"))
    ['clients', 'list', 'plan']
    """
    return set(_WORD.findall(text.lower())) - _COMMON


def numbers(text: str) -> set[str]:
    """Return the numbers in a text, written one way.

    Examples
    --------
    >>> sorted(numbers("737,015 people paid $20.00 for A4 in 2020."))
    ['20', '2020', '737015']
    """
    return {_canonical(each) for each in _NUMBER.findall(text)}


def _canonical(number: str) -> str:
    plain = number.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


@dataclass(frozen=True, eq=False)
class Transcript:
    """The steps of a run in which a mistake can lie.

    Parameters
    ----------
    run : Run
        The run.
    positions : list of int
        The numbers of those steps; spans that only wrap others, instructions and bookkeeping are
        left out.

    Examples
    --------
    >>> run = Run("mine", steps=[Step("wb.system", "/0"), Step("chat", "/1", agent="solver")])
    >>> found = Transcript.of(run)
    >>> found.positions, found.speakers
    ([1], ['solver'])
    """

    run: Run
    positions: list[int]

    @classmethod
    def of(cls, run: Run) -> "Transcript":
        """Read a run; one that is all scenery is taken as a whole."""
        above = {step.parent for step in run.steps} - {None}
        kept = [at for at, step in enumerate(run.steps) if _can_err(step, at in above)]
        return cls(run, kept or list(range(len(run.steps))))

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def steps(self) -> list[Step]:
        """The steps themselves."""
        return [self.run.steps[at] for at in self.positions]

    @cached_property
    def texts(self) -> list[str]:
        """What each says, of long ones the beginning."""
        return [step.text[:_LONGEST] for step in self.steps]

    @cached_property
    def prose(self) -> list[str]:
        """What each says outside blocks of code."""
        return [_CODE.sub(" ", text) for text in self.texts]

    @cached_property
    def speakers(self) -> list[str]:
        """Who acts in each: the agent, else the tool, else the kind of step."""
        return [step.agent or step.tool or step.kind for step in self.steps]

    @cached_property
    def idle(self) -> list[bool]:
        """Where an environment says that it has nothing to do."""
        return [bool(_IDLE.search(text[:200])) for text in self.texts]

    @cached_property
    def observed(self) -> list[bool]:
        """Where an environment speaks: a tool, a terminal, or whoever only ever says such things."""
        own = [
            step.kind in {"execute_tool", "retrieval", "embeddings"} or idle
            for step, idle in zip(self.steps, self.idle, strict=True)
        ]
        people = {who for who, each in zip(self.speakers, own, strict=True) if not each}
        return [each or who not in people for who, each in zip(self.speakers, own, strict=True)]

    @cached_property
    def failed(self) -> list[bool]:
        """Where what an environment says is a failure."""
        return [
            observed and not idle and _is_failure(step, text)
            for step, text, observed, idle in zip(
                self.steps, self.texts, self.observed, self.idle, strict=True
            )
        ]

    @cached_property
    def void(self) -> list[bool]:
        """Where what an environment says holds nothing."""
        return [
            observed and not idle and (len(text) < _SCANT or bool(_NOTHING.match(text[:_HEAD])))
            for text, observed, idle in zip(self.texts, self.observed, self.idle, strict=True)
        ]

    @cached_property
    def speech(self) -> list[bool]:
        """Where somebody says more than a few words."""
        return [
            not observed and len(text.split()) > 6
            for text, observed in zip(self.texts, self.observed, strict=True)
        ]

    @cached_property
    def has_code(self) -> list[bool]:
        """Where somebody writes code."""
        return ["```" in text and said for text, said in zip(self.texts, self.speech, strict=True)]

    @cached_property
    def task(self) -> str:
        """What was asked: the question that the source keeps, else the first input or step."""
        question = self.run.extra.get("question")
        if isinstance(question, str):
            return question
        asked = (step.text for step in self.run.steps if step.kind == "wb.input")
        return next(asked, self.texts[0] if self.texts else "")[:_LONGEST]

    @cached_property
    def calls_are_structured(self) -> bool:
        """Whether some tool was called with arguments, rather than by code in a text."""
        return any(part.type == "tool_call" for step in self.run.steps for part in step.parts)


def _can_err(step: Step, wraps: bool) -> bool:
    if step.kind in _SCENERY or step.flags & UNCOUNTED:
        return False
    return not wraps or step.kind in MODEL_KINDS or step.kind == "execute_tool"


def _is_failure(step: Step, text: str) -> bool:
    if step.status != "unset":
        return step.status == "error"
    return bool(step.error_type) or bool(_TROUBLE.search(text[:_HEAD]))


def overlap(part: set[str], whole: set[str]) -> float:
    """Return the share of the first set that is in the second; 0 of nothing."""
    return len(part & whole) / len(part) if part else 0.0


def likeness(one: set[str], other: set[str]) -> float:
    """Return the Jaccard index of two sets; 0 where both are empty."""
    return len(one & other) / len(one | other) if one or other else 0.0


def peak(values: Sequence[float]) -> list[float]:
    """Mark the largest of some values, where one is positive."""
    top = max(values, default=0.0)
    return [float(value == top and value > 0) for value in values]
