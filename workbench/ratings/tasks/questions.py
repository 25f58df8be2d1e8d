"""The questions a task can ask, and what counts as an answer to each.

A question is a frozen dataclass whose fields are what its author chooses. `check` turns an answer
from a browser into the one form in which it is kept, or refuses it with a sentence for the rater.
"""

import dataclasses
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from workbench.display import plain
from workbench.errors import BadValue, UnknownName, some, unknown_name
from workbench.ratings.tasks import entries
from workbench.ratings.tasks.entries import seen

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What the outputs of an item are called on the screen, in the order shown."""

# As many buttons as a row can hold, and keys 0 to 9 and one more can press.
_MOST_BUTTONS = 11
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?(e-?[0-9]{1,2})?")
# A larger correction than this is another text.
_LONGEST_CORRECTION = 100_000


class Shown(NamedTuple):
    """What a rater saw: the texts that an answer is about, by letter, and their source."""

    texts: Mapping[str, str]
    source: str


@dataclass(frozen=True)
class Question(ABC):
    """One question: what every kind has.

    Parameters
    ----------
    name : str
        What the question is called in RATINGS: a letter, then letters, digits, "_", "-" and ".".
    text : str
        What is asked, as plain text.
    required : bool
        Whether an item counts as answered only with an answer to this question.
    help : str
        More about it, shown on demand.
    """

    kind: ClassVar[str] = ""
    comparative: ClassVar[bool] = False
    """Whether one answer compares all outputs of an item, or each output has its own."""
    n_outputs: ClassVar[range] = range(1, len(LETTERS) + 1)
    """How many outputs an item may have for this question to make sense."""

    name: str
    text: str = field(default="", kw_only=True)
    required: bool = field(default=True, kw_only=True)
    help: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        entries.name(self.name, "the name of a question")
        self._set("text", entries.prose(self.text, self._of("text"), 5_000))
        self._set("help", entries.prose(self.help, self._of("help"), 20_000))
        entries.flag(self.required, self._of("required"))

    def check(
        self,
        value: object,
        *,
        texts: Mapping[str, str],
        source: str = "",
    ) -> Any:  # noqa: ANN401 - each kind of question has its own kind of answer
        """Return an answer in the form in which it is kept.

        Parameters
        ----------
        value : object
            What came, as JSON.
        texts : mapping of str to str
            Letter to text of the outputs the answer is about: all of the item for a comparative
            question, one for any other.
        source : str
            The text that the outputs were made from.

        Raises
        ------
        BadValue
            If it is no answer to this question.
        """
        try:
            return self._checked(value, Shown(texts, source))
        except UnknownName as error:
            raise BadValue(str(error)) from None

    @abstractmethod
    def _checked(self, value: object, shown: Shown, /) -> Any:  # noqa: ANN401
        """Return an answer in the form that is stored: see `check`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the question as JSON; what is at its default is left out."""
        # so that a field that a later version adds does not change what a task is
        given = {
            each.name: entries.to_json(getattr(self, each.name))
            for each in dataclasses.fields(self)
            if each.default is dataclasses.MISSING or getattr(self, each.name) != each.default
        }
        usual = {
            each.name: entries.to_json(each.default_factory())
            for each in dataclasses.fields(self)
            if each.default_factory is not dataclasses.MISSING
        }
        kept = {key: part for key, part in given.items() if key not in usual or part != usual[key]}
        return {"kind": self.kind, **kept}

    def shown(self) -> dict[str, Any]:
        """Return what the browser gets: every field, and the kind."""
        parts = {
            each.name: entries.to_json(getattr(self, each.name))
            for each in dataclasses.fields(self)
        }
        return {"kind": self.kind, "comparative": self.comparative, **parts}

    def summary(self) -> str:
        """Return in a few words what is chosen from."""
        return self.kind

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _of(self, part: str) -> str:
        return f"{part!r} of question {self.name!r}"

    @property
    def _answer(self) -> str:
        return f"the answer to {self.name!r}"


@dataclass(frozen=True)
class Scale(Question):
    """A number from `low` to `high`: a Likert scale, or 0 to 100.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.
    low, high : float
        The ends, both of which may be chosen; from −1,000,000 to 1,000,000.
    step : float
        The distance of neighbours, at least 0.001; it divides `high - low`.
    labels : mapping of number to str
        What some of the numbers mean: anchors.

    Notes
    -----
    With up to eleven steps it is shown as buttons, with more as a slider with a box for the number.

    Examples
    --------
    >>> fluency = Scale("fluency", 1, 5, labels={1: "unreadable", 5: "flawless"})
    >>> fluency.check(4.0, texts={"A": "A text."})
    4
    >>> fluency.buttons
    True
    """

    kind: ClassVar[str] = "scale"

    low: float
    high: float
    step: float = field(default=1, kw_only=True)
    labels: Mapping[float, str] = field(default_factory=dict, kw_only=True, hash=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        for part in ("low", "high", "step"):
            self._set(part, entries.number(getattr(self, part), self._of(part)))
        if not -1_000_000 <= self.low < self.high <= 1_000_000:
            raise BadValue(
                f"'low' of question {self.name!r} must be below 'high', both within ±1,000,000, but "
                f"{self.low} and {self.high} came; change them."
            )
        if self.step < 0.001 or (_exact(self.high) - _exact(self.low)) % _exact(self.step):
            raise BadValue(
                f"{self._of('step')} must be 0.001 or more and divide {self.low} to {self.high} into "
                f"whole steps, but {self.step} came; change it."
            )
        self._set("labels", self._anchors())

    @property
    def n_values(self) -> int:
        """How many numbers there are to choose from."""
        return int((_exact(self.high) - _exact(self.low)) / _exact(self.step)) + 1

    @property
    def buttons(self) -> bool:
        """Whether it is shown as buttons rather than as a slider."""
        return self.n_values <= _MOST_BUTTONS

    def _checked(self, value: object, _: Shown, /) -> int | float:
        """Return a number of the scale; a rounding error of floating point is mended."""
        nearest = self._nearest(entries.number(value, self._answer))
        if nearest is None:
            raise BadValue(
                f"{self._answer} must be {self.summary()}, but {seen(value)} came; choose one of these."
            )
        return nearest

    def shown(self) -> dict[str, Any]:
        """Return what the browser gets; `buttons` tells how to show the scale."""
        return {**super().shown(), "buttons": self.buttons}

    def summary(self) -> str:
        """Return the range."""
        steps = "" if self.step == 1 else f" in steps of {self.step}"
        return f"a number from {self.low} to {self.high}{steps}"

    def _nearest(self, value: float) -> int | float | None:
        at = (_exact(value) - _exact(self.low)) / _exact(self.step)
        if not -1 < at < self.n_values or abs(at - round(at)) > Decimal("1e-6"):
            return None
        exact = _exact(self.low) + round(at) * _exact(self.step)
        return (
            entries.number(float(exact), self._answer) if 0 <= round(at) < self.n_values else None
        )

    def _anchors(self) -> dict[float, str]:
        what = self._of("labels")
        if not isinstance(self.labels, Mapping):
            raise BadValue(
                f"{what} must map numbers to texts, but {seen(self.labels)} came; write a mapping."
            )
        if len(self.labels) > 200:
            raise BadValue(
                f"{what} must have at most 200 entries, but {len(self.labels):,} came; leave some out."
            )
        anchors: dict[float, str] = {}
        for key, text in self.labels.items():
            at = self._nearest(_figure(key, f"each key of {what}"))
            if at is None or at in anchors:
                raise BadValue(
                    f"each key of {what} must be {self.summary()}, and come once, but {seen(key)} "
                    "came; change it."
                )
            anchors[at] = entries.line(text, f"label {at} of question {self.name!r}")
        return dict(sorted(anchors.items()))


@dataclass(frozen=True)
class Labels(Question):
    """Which of some options hold: flags, or one category.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.
    options : sequence of str
        What can be chosen.
    several : bool
        Whether any number of them can be chosen, none among them, or exactly one.

    Examples
    --------
    >>> flags = Labels("flags", ["rude", "wrong", "off topic"])
    >>> flags.check(["off topic", "rude"], texts={"A": "A text."})
    ['rude', 'off topic']
    >>> Labels("language", ["German", "other"], several=False).check("other", texts={"A": "…"})
    'other'
    """

    kind: ClassVar[str] = "labels"

    options: Sequence[str]
    several: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        entries.flag(self.several, self._of("several"))
        least = 1 if self.several else 2
        self._set("options", entries.lines(self.options, self._of("options"), least=least))

    def _checked(self, value: object, _: Shown, /) -> list[str] | str:
        """Return the options chosen in the order of `options`, or the one chosen."""
        if not self.several:
            return self._option(value)
        chosen = [
            self._option(each)
            for each in entries.several(value, self._answer, 2 * len(self.options))
        ]
        return [option for option in self.options if option in chosen]

    def summary(self) -> str:
        """Return the options."""
        return ("any of " if self.several else "one of ") + some(self.options, 4)

    def _option(self, value: object) -> str:
        if not isinstance(value, str):
            raise BadValue(
                f"{self._answer} must name options, but {seen(value)} came; choose from them."
            )
        if value not in self.options:
            raise unknown_name(self._answer, plain(value, width=80), self.options)
        return value


@dataclass(frozen=True)
class Text(Question):
    """A text in the rater's own words.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.
    lines : int
        How high the box is, 1 to 40.
    longest : int
        The most characters it takes, up to 100,000.

    Examples
    --------
    >>> Text("critique").check("The date is wrong.", texts={"A": "A text."})
    'The date is wrong.'
    """

    kind: ClassVar[str] = "text"

    lines: int = field(default=4, kw_only=True)
    longest: int = field(default=10_000, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("lines", entries.whole(self.lines, self._of("lines"), 1, 40))
        self._set("longest", entries.whole(self.longest, self._of("longest"), 1, 100_000))

    def _checked(self, value: object, _: Shown, /) -> str:
        """Return the text as it is; a required one says something."""
        text = entries.prose(value, self._answer, self.longest)
        if self.required and not text.strip():
            raise BadValue(
                f"{self._answer} must say something, but only white space came; write it."
            )
        return text

    def summary(self) -> str:
        """Return how long it may be."""
        return f"text of up to {self.longest:,} characters"


@dataclass(frozen=True)
class Correction(Question):
    """The output as it should be; the box begins with the output's text.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.

    Examples
    --------
    >>> Correction("corrected").check("A good text.", texts={"A": "A god text."})
    'A good text.'
    """

    kind: ClassVar[str] = "correction"

    def _checked(self, value: object, shown: Shown, /) -> str:
        """Return the text as it is."""
        longest = max([_LONGEST_CORRECTION, *(2 * len(text) for text in shown.texts.values())])
        return entries.prose(value, self._answer, longest)

    def summary(self) -> str:
        """Return what is to be written."""
        return "the text corrected"


def _exact(value: float) -> Decimal:
    """Return the decimal number that was written, so that 0.3 is three steps of 0.1."""
    return Decimal(str(value))


def _figure(key: object, what: str) -> float:
    """Return a number that JSON may have made a text of."""
    if isinstance(key, str) and _NUMBER.fullmatch(key):
        key = float(key)
    return entries.number(key, what)
