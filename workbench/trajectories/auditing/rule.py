"""What a rule of a policy is, and what it yields where a run breaks it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from workbench.trajectories.auditing.demands import ANY_TEXT, demand
from workbench.trajectories.auditing.trails import Trail


class Breach(NamedTuple):
    """Where a rule was broken: the step, why in words, and the figures if there are some.

    A warning says that the rule cannot be checked.
    """

    step: int | None
    reason: str
    value: float | None = None
    limit: float | None = None
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """Something a run must hold to.

    Parameters
    ----------
    name : str
        The rule's name in findings; its kind by default.
    """

    name: str = ""
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        demand(self, name=ANY_TEXT)

    @property
    def check(self) -> str:
        """The name in findings."""
        return self.name or self.kind

    @abstractmethod
    def breaches(self, trail: Trail) -> Iterator[Breach]:
        """Yield where a run breaks the rule."""
