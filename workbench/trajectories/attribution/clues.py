"""What evidence is: a step, whose fault it would be, how much it weighs, and words for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from workbench import display
from workbench.trajectories.attribution.tracing import Trace

Owner = Literal["agent reasoning", "external API or tool", "data quality", "user"]

AGENT: Owner = "agent reasoning"
TOOL: Owner = "external API or tool"
DATA: Owner = "data quality"
USER: Owner = "user"
OWNERS: tuple[Owner, ...] = (AGENT, TOOL, DATA, USER)
"""Who a failure can belong to."""


@dataclass(frozen=True)
class Clue:
    """Evidence that a step went wrong.

    Parameters
    ----------
    step : int
        The step, by its number in the run.
    owner : str
        Whose fault it would be.
    weight : float
        In log-odds: 1 is a hint, 2 makes a step suspect, 4 all but settles it.
    words : str
        What speaks, as the end of a sentence that begins with the step.
    """

    step: int
    owner: Owner
    weight: float
    words: str


Rule = Callable[[Trace], Iterator[Clue]]
"""Looks at a run's tool calls and yields what it finds."""


def shown(value: object, width: int = 40) -> str:
    """Write a value from a log so that it fits into a sentence."""
    return display.plain(value, width=width)


def pair(name: object, value: object) -> str:
    """Write a named value from a log so that it fits into a sentence.

    Examples
    --------
    >>> pair("page", 1)
    'page=1'
    """
    return f"{shown(name)}={shown(value)}"
