"""Errors marked in a text: where, of which category, how severe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from workbench.display import plain
from workbench.errors import BadValue, some, unknown_name
from workbench.ratings.tasks import entries
from workbench.ratings.tasks.entries import seen
from workbench.ratings.tasks.questions import Question, Shown

_MOST_SPANS = 500
_LONGEST_NOTE = 2_000
_KEYS = ("side", "start", "end", "category", "severity", "note", "whole")


@dataclass(frozen=True)
class Spans(Question):
    """Errors marked in the output or the source, as in MQM and ESA.

    Parameters
    ----------
    name, text, required, help
        As in every `Question`.
    categories : sequence of str
        What an error can be; with a single one nothing has to be chosen.
    severities : mapping of str to float
        How severe it can be, and how much such an error weighs; kept from light to heavy.
    weights : mapping of str to mapping of str to float
        Weights that are others in some categories: category to severity to weight.
    sides : sequence of "output" and "source"
        Where errors can be marked.
    whole : bool
        Whether an error can be about the whole text: an omission, or a text beyond repair.

    Notes
    -----
    An answer is a list of spans, each ``{"side", "start", "end", "category", "severity"}`` and
    perhaps a ``"note"``. Offsets count code points from 0, the end is exclusive, and spans may
    overlap. An error of the whole text is from 0 to 0 and has ``"whole": true``.

    Examples
    --------
    >>> errors = Spans("errors", ["grammar", "meaning"])
    >>> marked = [{"side": "output", "start": 2, "end": 5, "category": "grammar", "severity": "minor"}]
    >>> errors.check(marked, texts={"A": "A god text."}) == marked
    True
    >>> errors.penalty(marked)
    1
    """

    kind: ClassVar[str] = "spans"

    categories: Sequence[str]
    severities: Mapping[str, float] = field(
        default_factory=lambda: {"minor": 1, "major": 5}, kw_only=True, hash=False
    )
    weights: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict, kw_only=True, hash=False
    )
    sides: Sequence[Literal["output", "source"]] = field(default=("output",), kw_only=True)
    whole: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("categories", entries.lines(self.categories, self._of("categories")))
        self._set("severities", self._severities())
        self._set("weights", self._exceptions())
        self._set("sides", self._places())
        entries.flag(self.whole, self._of("whole"))

    def _checked(self, value: object, shown: Shown, /) -> list[dict[str, Any]]:
        """Return the spans in the order of side, start and end; one marked twice is kept once."""
        lengths = {"output": len(next(iter(shown.texts.values()), "")), "source": len(shown.source)}
        spans: list[dict[str, Any]] = []
        for at, each in enumerate(entries.several(value, self._answer, _MOST_SPANS), 1):
            span = self._span(each, f"span {at} of {self._answer}", lengths)
            # two omissions may look the same; two marks in one place are one
            if "whole" in span or span not in spans:
                spans.append(span)
        return sorted(spans, key=_place)

    def penalty(self, spans: Sequence[Mapping[str, Any]]) -> float:
        """Return the sum of the weights of the errors: 0 is a text without any.

        Parameters
        ----------
        spans : sequence of mapping
            A checked answer.
        """
        return sum(self.weight(span["category"], span["severity"]) for span in spans)

    def weight(self, category: str, severity: str) -> float:
        """Return how much an error of a category and a severity weighs."""
        return self.weights.get(category, {}).get(severity, self.severities[severity])

    def summary(self) -> str:
        """Return what can be marked."""
        return f"errors ({some(self.categories, 3)}; {', '.join(self.severities)})"

    def _span(self, value: object, what: str, lengths: Mapping[str, int]) -> dict[str, Any]:
        given = entries.record(value, what, _KEYS)
        side = _one_of(given.get("side"), f"the side of {what}", self.sides)
        span = {
            "side": side,
            **self._extent(given, what, lengths[side]),
            "category": _one_of(given.get("category"), f"the category of {what}", self.categories),
            "severity": _one_of(given.get("severity"), f"the severity of {what}", self.severities),
        }
        note = entries.prose(given.get("note", ""), f"the note of {what}", _LONGEST_NOTE)
        if note.strip():
            span["note"] = note
        if span["end"] == 0:
            span["whole"] = True
        return span

    def _extent(self, given: Mapping[str, Any], what: str, length: int) -> dict[str, int]:
        start = entries.whole(given.get("start"), f"the start of {what}", 0, length)
        end = entries.whole(given.get("end"), f"the end of {what}", 0, length)
        whole = entries.flag(given.get("whole", False), f"'whole' in {what}")
        if whole and not self.whole:
            raise BadValue(f"{what} must mark a part of the text, but the whole came; mark a part.")
        if whole != (start == end == 0) or (start >= end and not whole):
            raise BadValue(
                f"{what} must end after its start, or be from 0 to 0 with 'whole' as true, but "
                f"{start} to {end} came{' as whole' if whole else ''}; mark it anew."
            )
        return {"start": start, "end": end}

    def _severities(self) -> dict[str, float]:
        what = self._of("severities")
        if not isinstance(self.severities, Mapping):
            raise BadValue(
                f"{what} must map names to weights, but {seen(self.severities)} came; write a mapping."
            )
        entries.lines(list(self.severities), what, most=20)
        weights = {each: _weight(part, what, each) for each, part in self.severities.items()}
        # JSON may lose an order; the weights keep it
        return dict(sorted(weights.items(), key=lambda pair: (pair[1], pair[0])))

    def _exceptions(self) -> dict[str, dict[str, float]]:
        what = self._of("weights")
        given = entries.record(self.weights, what, self.categories)
        return {
            category: {
                severity: _weight(weight, what, severity)
                for severity, weight in sorted(
                    entries.record(
                        given[category], f"{category!r} in {what}", self.severities
                    ).items()
                )
            }
            for category in self.categories
            if category in given
        }

    def _places(self) -> tuple[str, ...]:
        sides = entries.lines(self.sides, self._of("sides"), most=2)
        return tuple(
            _one_of(each, f"each of {self._of('sides')}", ("output", "source")) for each in sides
        )


def _place(span: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what spans are sorted by, so that the same marks are the same answer."""
    return (*(span[key] for key in _KEYS[:5]), span.get("note", ""))


def _weight(value: object, what: str, name: str) -> float:
    weight = entries.number(value, f"the weight of {name!r} in {what}")
    if not 0 <= weight <= 1_000_000:
        raise BadValue(
            f"the weight of {name!r} in {what} must be from 0 to 1,000,000, but {weight} came; "
            "change it."
        )
    return weight


def _one_of(value: object, what: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise BadValue(
            f"{what} must be one of {some(known, 12)}, but {seen(value)} came; choose one."
        )
    if value not in known:
        raise unknown_name(what, plain(value, width=80), known)
    return value
