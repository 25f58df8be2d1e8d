"""Error spans between formats: offsets in code points, and what a severity weighs."""

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.errors import is_number
from workbench.ratings.tasks.presets import MQM_SEVERITIES, MQM_WEIGHTS
from workbench.tables import plain_value

Span = dict[str, Any]

# Appraise's critical errors weigh as much as a text that is no translation.
_WEIGHTS = {**MQM_SEVERITIES, "critical": 25}
# By the last part of a name: what is "Fluency/Punctuation" to one has another family with another.
_EXCEPTIONS = {name.rpartition("/")[2].casefold(): own for name, own in MQM_WEIGHTS.items()}


def mark(
    start: int, end: int, category: str, severity: str, *, side: str = "output", note: str = ""
) -> Span:
    """Return a span; start = end = 0 stands for the whole text, or what is missing from it."""
    span: Span = {
        "side": side, "start": start, "end": end, "category": category, "severity": severity,
    }  # fmt: skip
    if start == end == 0:
        span["whole"] = True
    if note:
        span["note"] = note
    return span


def are_spans(value: object) -> bool:
    """Tell whether an answer is a list of spans; the empty one marks nothing."""
    return isinstance(value, list) and all(
        isinstance(each, Mapping)
        and all(is_number(each.get(end), whole=True) for end in ("start", "end"))
        for each in value
    )


def filled(value: object) -> Any:  # noqa: ANN401 - whatever an answer holds
    """Return spans with all the parts that a format asks for; any other answer as it is.

    Examples
    --------
    >>> filled([{"start": 0, "end": 2}])
    [{'side': 'output', 'category': '', 'severity': '', 'start': 0, 'end': 2}]
    """
    listed = plain_value(value)
    if not are_spans(listed):
        return value
    usual = {"side": "output", "category": "", "severity": ""}
    return [
        usual | {name: part for name, part in span.items() if part is not None} for span in listed
    ]


def in_order(spans: Iterable[Span]) -> list[Span]:
    """Return spans by side and place; those at one place keep their order."""
    return sorted(spans, key=lambda span: (span["side"], span["start"], span["end"]))


def point(text: str, unit: int) -> int | None:
    """Return the code point at which a UTF-16 code unit begins; None where none does.

    Examples
    --------
    >>> [point("a😀b", unit) for unit in (0, 1, 2, 3, 4, 5)]
    [0, 1, None, 2, 3, None]
    """
    if text.isascii():
        return unit if 0 <= unit <= len(text) else None
    units = text.encode("utf-16-le", "surrogatepass")
    if not 0 <= 2 * unit <= len(units):
        return None
    try:
        return len(units[: 2 * unit].decode("utf-16-le"))
    except UnicodeDecodeError:
        return None


def unit(text: str, at: int) -> int:
    """Return the UTF-16 code unit at which a code point begins."""
    return len(text[:at].encode("utf-16-le", "surrogatepass")) // 2


def penalty(spans: Iterable[Mapping[str, Any]]) -> float:
    """Return the MQM score of an answer: 0 without errors, the lower the worse.

    Notes
    -----
    Minor errors weigh 1, major ones 5, critical ones 25, neutral and undecided ones nothing, errors
    of the source neither; minor errors of punctuation 0.1, and what is no translation at all 25.

    References
    ----------
    Freitag et al. (2021), "Experts, Errors, and Context", table 5.

    Examples
    --------
    >>> penalty([{"category": "Fluency/Punctuation", "severity": "minor"},
    ...          {"category": "Accuracy/Omission", "severity": "major"}])
    -5.1
    """
    total = sum(map(_weight, spans))
    return -round(total, 6) if total else 0.0


def _weight(span: Mapping[str, Any]) -> float:
    severity = str(span["severity"]).casefold()
    for part in str(span["category"]).casefold().removesuffix("!").split("/"):
        if severity in _EXCEPTIONS.get(part, {}):
            return _EXCEPTIONS[part][severity]
    return _WEIGHTS.get(severity, 0.0)
