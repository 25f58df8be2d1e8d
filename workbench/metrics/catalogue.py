"""Metrics by name, for the shell and for files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from workbench.errors import BadValue, unknown_name
from workbench.metrics.base import Metric
from workbench.metrics.bleu import BLEU
from workbench.metrics.chrf import ChrF
from workbench.metrics.columns import Column
from workbench.metrics.extracting import LabelMatch, NumericMatch
from workbench.metrics.json_texts import JSONValid
from workbench.metrics.matching import ExactMatch, LengthRatio, TokenF1
from workbench.metrics.patterns import RegexMatch
from workbench.metrics.repeats import MajorityVote, PassAtK, PassHatK, SelfConsistency
from workbench.metrics.rouge import ROUGE
from workbench.metrics.ter import TER

_FIXED: dict[str, tuple[Callable[..., Metric], dict[str, Any]]] = {
    "bleu": (BLEU, {}),
    "chrf": (ChrF, {}),
    "chrf++": (ChrF, {"word_order": 2}),
    "ter": (TER, {}),
    **{f"rouge{v}": (ROUGE, {"variant": v}) for v in ("1", "2", "L", "Lsum")},
    "exact_match": (ExactMatch, {}),
    "token_f1": (TokenF1, {}),
    "length_ratio": (LengthRatio, {}),
    "column": (Column, {}),
    "regex_match": (RegexMatch, {}),
    "json_valid": (JSONValid, {}),
    "label_match": (LabelMatch, {}),
    "numeric_match": (NumericMatch, {}),
    "pass_at_k": (PassAtK, {}),
    "pass_hat_k": (PassHatK, {}),
    "majority_vote": (MajorityVote, {}),
    "self_consistency": (SelfConsistency, {}),
}
_WORDS = {"yes": True, "true": True, "no": False, "false": False}

NAMES = tuple(_FIXED)
"""The names that `named` knows."""


def named(text: str) -> Metric:
    """Return the metric that a short text asks for.

    Parameters
    ----------
    text : str
        A name, with options after a colon: "bleu", "bleu:tokenize=char,lowercase=yes",
        "column:column=latency_s,direction=down", "label_match:labels=yes/no/unsure",
        "pass_at_k:k=5,of=numeric_match".

    Raises
    ------
    UnknownName
        If there is no such metric or option.
    BadValue
        If an option has no value, or one of the wrong kind.

    Examples
    --------
    >>> named("rougeL:stemmer=yes")
    ROUGE(variant='L', measure='fmeasure', stemmer=True, tokenizer='rouge_score', split='newline', strict=True, name='rougeL')
    """
    name, _, rest = text.partition(":")
    if name not in _FIXED:
        raise unknown_name("metric", name, _FIXED, limit=len(_FIXED))
    maker, given = _FIXED[name]
    # what the name says is no option: rouge1:variant=2 would be rouge2
    fixed = {"bounds", *given}
    known = {each.name: each.type for each in fields(maker) if each.name not in fixed}  # type: ignore[arg-type]
    options = dict(given)
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if key not in known:
            raise unknown_name(f"option of {name}", key, sorted(known))
        if not equals or not value:
            raise BadValue(
                f"an option must be written as option=value, but {part!r} came in {text!r}."
            )
        options[key] = _value(value, known[key], f"{key} of {name}")
    if name == "column" and "column" not in options:
        raise BadValue(f"a column must be named, but {text!r} came; write column:column=NAME.")
    return maker(**options)


def described(metric: Metric) -> dict[str, Any]:
    """Return what makes a shipped metric anew, as plain data; nothing for one of somebody's own.

    Examples
    --------
    >>> described(ExactMatch())["kind"], described(ExactMatch()) == described(ExactMatch())
    ('ExactMatch', True)
    """
    kind = type(metric)
    if kind not in {maker for maker, _ in _FIXED.values()}:
        return {}
    values = {each.name: getattr(metric, each.name) for each in fields(metric) if each.init}  # type: ignore[arg-type]
    if "of" in values and not (inner := described(values["of"])):
        return {}
    return {"kind": kind.__name__, "options": values | ({"of": inner} if "of" in values else {})}


def restored(description: Mapping[str, Any]) -> Metric:
    """Return the metric that `described` described.

    Raises
    ------
    BadValue
        If it describes none.

    Examples
    --------
    >>> restored(described(ChrF(word_order=2))) == ChrF(word_order=2)
    True
    """
    makers = {getattr(maker, "__name__", ""): maker for maker, _ in _FIXED.values()}
    try:
        options = dict(description["options"])
        if "of" in options:
            options["of"] = restored(options["of"])
        return makers[description["kind"]](**options)
    except (KeyError, TypeError, ValueError):
        raise BadValue(
            f"a description of a metric must be one made by this package, but {str(description)!r:.200} "
            "came; create the metric itself."
        ) from None


_READERS: dict[object, tuple[str, Callable[[str], object]]] = {
    bool: ("yes or no", _WORDS.__getitem__),
    int: ("a whole number", int),
    float: ("a number", float),
    float | None: ("a number", float),
    Sequence[str]: ("texts with / between them", lambda text: text.split("/")),
    Metric: ("a metric without options", named),
}


def _value(text: str, kind: object, what: str) -> object:
    """Read the value of an option as what its field holds."""
    must, read = _READERS.get(kind, ("a text", str))
    try:
        return read(text)
    except (KeyError, ValueError):
        raise BadValue(f"{what} must be {must}, but {text!r} came; write it so.") from None
