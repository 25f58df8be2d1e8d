"""The questions of well-known tasks, with the categories, weights and anchors of their authors."""

from collections.abc import Mapping, Sequence

from workbench.ratings.tasks.questions import Question, Scale
from workbench.ratings.tasks.spans import Spans

MQM_CATEGORIES = (
    "Accuracy/Addition", "Accuracy/Omission", "Accuracy/Mistranslation",
    "Accuracy/Untranslated text", "Accuracy/Creative reinterpretation",
    "Fluency/Punctuation", "Fluency/Spelling", "Fluency/Grammar", "Fluency/Register",
    "Fluency/Inconsistency", "Fluency/Character encoding",
    "Style/Awkward", "Style/Bad sentence structure",
    "Terminology/Inappropriate for context", "Terminology/Inconsistent use",
    "Locale convention/Address format", "Locale convention/Currency format",
    "Locale convention/Date format", "Locale convention/Name format",
    "Locale convention/Telephone format", "Locale convention/Time format",
    "Non-translation", "Source error", "Other",
)  # fmt: skip
"""What an error can be: Freitag et al. (2021), table 2, and two kinds that later campaigns added."""

MQM_SEVERITIES: Mapping[str, float] = {"neutral": 0, "minor": 1, "major": 5}
"""How much an error weighs."""

MQM_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "Accuracy/Creative reinterpretation": {"minor": 0, "major": 0},
    "Fluency/Punctuation": {"minor": 0.1},
    "Non-translation": {"major": 25},
    "Source error": {"minor": 0, "major": 0},
}
"""Where it weighs something else."""

_ESA_ANCHORS: Mapping[float, str] = {
    0: "No meaning preserved",
    33: "Some meaning preserved",
    66: "Most meaning preserved and few grammar mistakes",
    100: "Perfect meaning and grammar",
}
_LIKERT_ANCHORS: Mapping[float, str] = {
    1: "very bad",
    2: "bad",
    3: "fair",
    4: "good",
    5: "very good",
}


def likert(
    criteria: Sequence[str] | Mapping[str, str],
    low: float,
    high: float,
    labels: Mapping[float, str] | None,
) -> list[Question]:
    """Return a scale for each criterion; from 1 to 5 it has anchors of its own."""
    if labels is None:
        labels = _LIKERT_ANCHORS if (low, high) == (1, 5) else {}
    names = [criteria] if isinstance(criteria, str) else list(criteria)
    asked = criteria if isinstance(criteria, Mapping) else {}
    return [Scale(each, low, high, text=asked.get(each, ""), labels=labels) for each in names]


def mqm() -> list[Question]:
    """Return the marking of errors as in MQM at WMT."""
    errors = Spans(
        "errors",
        MQM_CATEGORIES,
        text="Mark every error.",
        severities=MQM_SEVERITIES,
        weights=MQM_WEIGHTS,
        sides=("output", "source"),
    )
    return [errors]


def esa() -> list[Question]:
    """Return the marking of errors without categories, and a score of the whole."""
    errors = Spans("errors", ("error",), text="Mark every error.")
    return [errors, Scale("score", 0, 100, text="How good is the whole?", labels=_ESA_ANCHORS)]
