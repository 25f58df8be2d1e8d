"""The questions that compare the outputs of an item: one answer for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from workbench.errors import BadValue, some
from workbench.ratings.tasks import entries
from workbench.ratings.tasks.entries import seen
from workbench.ratings.tasks.questions import LETTERS, Question, Shown


@dataclass(frozen=True)
class Preference(Question):
    """Which of two outputs is better.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.
    strength : int
        How many degrees of "better" there are, 1 to 5; 1 is better or not.
    tie, both_bad : bool
        Whether "tie" and "both bad" can be chosen.

    Examples
    --------
    >>> better = Preference("better", strength=2)
    >>> better.check({"choice": "A", "strength": 2}, texts={"A": "one", "B": "two"})
    {'choice': 'A', 'strength': 2}
    >>> better.check({"choice": "tie"}, texts={"A": "one", "B": "two"})
    {'choice': 'tie'}
    """

    kind: ClassVar[str] = "preference"
    comparative: ClassVar[bool] = True
    n_outputs: ClassVar[range] = range(2, 3)

    strength: int = field(default=1, kw_only=True)
    tie: bool = field(default=True, kw_only=True)
    both_bad: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("strength", entries.whole(self.strength, self._of("strength"), 1, 5))
        entries.flag(self.tie, self._of("tie"))
        entries.flag(self.both_bad, self._of("both_bad"))

    @property
    def neither(self) -> tuple[str, ...]:
        """The choices beside the two outputs."""
        return ("tie",) * self.tie + ("both bad",) * self.both_bad

    def _checked(self, value: object, shown: Shown, /) -> dict[str, Any]:
        """Return `choice`, and `strength` where one output was chosen."""
        given = entries.record(value, self._answer, ("choice", "strength"))
        choices = [*shown.texts, *self.neither]
        choice = given.get("choice")
        if not isinstance(choice, str) or choice not in choices:
            raise BadValue(
                f"{self._answer} must choose one of {some(choices, 30)}, but {seen(choice)} came; choose anew."
            )
        if choice in shown.texts:
            usual = 1 if self.strength == 1 else None
            what = f"the strength of {self._answer}"
            return {
                "choice": choice,
                "strength": entries.whole(given.get("strength", usual), what, 1, self.strength),
            }
        if given.get("strength") is not None:
            raise BadValue(
                f"{self._answer} must have no strength beside {choice!r}, but "
                f"{seen(given['strength'])} came; leave it out."
            )
        return {"choice": choice}

    def summary(self) -> str:
        """Return the choices."""
        degrees = "" if self.strength == 1 else f", {self.strength} degrees"
        return " / ".join(["A", "B", *self.neither]) + degrees


@dataclass(frozen=True)
class Ranking(Question):
    """The outputs in order, 1 the best.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.
    ties : bool
        Whether outputs may share a rank.

    Examples
    --------
    >>> order = Ranking("order")
    >>> order.check({"B": 1, "A": 2, "C": 2}, texts={"A": "one", "B": "two", "C": "three"})
    {'A': 2, 'B': 1, 'C': 2}
    """

    kind: ClassVar[str] = "ranking"
    comparative: ClassVar[bool] = True
    n_outputs: ClassVar[range] = range(2, len(LETTERS) + 1)

    ties: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        entries.flag(self.ties, self._of("ties"))

    def _checked(self, value: object, shown: Shown, /) -> dict[str, int]:
        """Return the rank of each letter; ranks are 1, 2, … without gaps."""
        given = entries.record(value, self._answer, shown.texts)
        if missing := [letter for letter in shown.texts if letter not in given]:
            raise BadValue(
                f"{self._answer} must rank every output, but {some(missing, 26)} came without a "
                "rank; rank them too."
            )
        ranks = {
            letter: entries.whole(given[letter], f"the rank of {letter}", 1, len(shown.texts))
            for letter in sorted(shown.texts)
        }
        used = sorted(set(ranks.values()))
        if used != list(range(1, len(used) + 1)):
            raise BadValue(
                f"{self._answer} must use the ranks 1, 2, … without gaps, but {used} came; close "
                "the gaps."
            )
        if not self.ties and len(used) < len(ranks):
            raise BadValue(
                f"{self._answer} must give each output a rank of its own, but {ranks} came; part "
                "those that share one."
            )
        return ranks

    def summary(self) -> str:
        """Return whether outputs may share a rank."""
        return "ranks from 1 (best)" + ("" if self.ties else ", no ties")


@dataclass(frozen=True)
class BestWorst(Question):
    """The best and the worst of three or more outputs.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.

    Examples
    --------
    >>> texts = {"A": "one", "B": "two", "C": "three"}
    >>> BestWorst("ends").check({"worst": "C", "best": "A"}, texts=texts)
    {'best': 'A', 'worst': 'C'}
    """

    kind: ClassVar[str] = "best-worst"
    comparative: ClassVar[bool] = True
    n_outputs: ClassVar[range] = range(3, len(LETTERS) + 1)

    def _checked(self, value: object, shown: Shown, /) -> dict[str, str]:
        """Return two different letters as `best` and `worst`."""
        given = entries.record(value, self._answer, ("best", "worst"))
        ends = {
            end: _letter(shown.texts, given.get(end), f"{end!r} in {self._answer}")
            for end in ("best", "worst")
        }
        if ends["best"] == ends["worst"]:
            raise BadValue(
                f"{self._answer} must name two different outputs, but {ends['best']!r} came as best "
                "and as worst; change one of them."
            )
        return ends

    def summary(self) -> str:
        """Return what is chosen."""
        return "the best and the worst"


def _letter(texts: Mapping[str, str], value: object, what: str) -> str:
    """Return one of the letters shown."""
    if not isinstance(value, str) or value not in texts:
        raise BadValue(
            f"{what} must be one of {some(texts, 26)}, but {seen(value)} came; choose an output that "
            "is shown."
        )
    return value
