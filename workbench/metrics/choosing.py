"""The metrics of a call: each says what it is called and which end is better, and no two are one."""

from collections import Counter
from collections.abc import Iterable

from workbench.errors import BadKind, BadValue, some
from workbench.metrics.base import Metric


def named_apart(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """Return one metric or many as a tuple.

    Raises
    ------
    BadKind
        If there is none, or something that is none.
    BadValue
        If one has no name or no direction, or two share a name.
    """
    chosen = tuple([metrics] if isinstance(metrics, Metric) else metrics)
    strange = [type(each).__name__ for each in chosen if not isinstance(each, Metric)]
    if strange or not chosen:
        raise BadKind(
            f"metrics must be a list such as [wb.BLEU(), wb.ROUGE('L')], but {some(strange) or 'none'}"
            " came; create them."
        )
    for metric in chosen:
        _require_told(metric)
    names = Counter(metric.name for metric in chosen)
    if doubled := [name for name, n in names.items() if n > 1]:
        raise BadValue(
            f"metrics must have distinct names, but {some(doubled)} came twice; name one apart, "
            f"such as name='{doubled[0]}-2'."
        )
    return chosen


def _require_told(metric: Metric) -> None:
    """Refuse a metric that does not say its name, or which end is better: verdicts hang on it."""
    kind, name = type(metric).__name__, getattr(metric, "name", None)
    if not isinstance(name, str):
        raise BadValue(
            f"a metric must have a text for its name, but that of {kind} is {name!r}; write "
            f"name = {kind.lower()!r} into its class."
        )
    told = repr(metric.direction) if hasattr(metric, "direction") else "missing"
    if told not in ("'up'", "'down'", "None"):
        raise BadValue(
            f"the direction of a metric must be 'up', 'down' or None, but that of {name!r} is {told}; "
            "write which end is better, or None where neither is."
        )
