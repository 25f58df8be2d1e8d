"""Whether outputs are JSON and meet a JSON schema, with the reason where they do not."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from workbench.errors import BadValue
from workbench.metrics.base import Array, Mean, option
from workbench.metrics.fences import fenced
from workbench.metrics.patterns import cells_of

if TYPE_CHECKING:
    import pandas as pd

# RFC 8259, section 9, lets a reader set limits; these hold wherever the reader is called from.
_MOST_LEVELS = 64
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_LEVELS = {"[": 1, "{": 1, "]": -1, "}": -1}
# Seconds that a pattern of a schema may take for one text.
_PATIENCE_S = 1.0

# Characters of a reason: it may quote the whole text.
_LONGEST = 200

_NOT_JSON, _OFF = "not JSON", "off schema"


@dataclass(frozen=True)
class JSONValid(Mean):
    """JSON valid: the share of outputs that are JSON and meet a JSON schema, 0 to 1.

    Parameters
    ----------
    schema : mapping or str, optional
        The schema, or its JSON; by default any JSON will do. It must hold all that it refers to:
        nothing is fetched. Its `$schema` says its draft, 2020-12 by default; `format` is a comment.
    column : str, optional
        Instead, the column of ROWS that holds each row's own schema.
    fences : {"refuse", "allow"}
        Whether the JSON may stand in a fenced block (```json), the only one of the text, with
        words around it.
    name : str
        The name in tables.

    Raises
    ------
    BadValue
        If both a schema and a column are given, or a schema is none. When scoring: if a row has
        none, or a pattern in it takes too long for a text.

    Notes
    -----
    NaN and Infinity are no JSON. More than 64 levels, or numbers of more than 4,300 digits, are not
    read and count as no JSON (RFC 8259, section 9). A number is a multiple of another
    (`multipleOf`) if the decimals that are written are: 0.07 is one of 0.01. How many outputs are
    not JSON and how many are off the schema is told apart.

    Examples
    --------
    >>> metric = JSONValid({"type": "object", "required": ["answer"]})
    >>> metric.problem('{"answer": 4}'), metric.problem('{"reply": 4}')
    (None, "off schema: 'answer' is a required property")
    >>> metric.problem("{answer: 4}")
    'not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'
    """

    schema: Mapping[str, Any] | str | None = None
    column: str | None = None
    fences: Literal["refuse", "allow"] = "refuse"
    name: str = "json_valid"
    notes: ClassVar[tuple[str, ...]] = (_NOT_JSON, _OFF)

    def __post_init__(self) -> None:
        option("fences", self.fences, ("refuse", "allow"))
        if self.schema is not None and self.column is not None:
            raise BadValue(
                "json_valid must have a schema or a column of schemas, but both came; pass one."
            )
        if self.schema is not None:
            object.__setattr__(self, "schema", _canonical(self.schema))
            _checker(str(self.schema))

    @property
    def signature(self) -> str:
        """The schema or its column, what may stand around and the version of this definition."""
        what = f"schema:{self.schema or 'none'}"
        if self.column is not None:
            what = f"column:{self.column}"
        return f"{what}|fences:{self.fences}|version:wb2"

    @property
    def reads(self) -> tuple[str, ...]:
        """The text, and the column of schemas where there is one."""
        return ("text",) if self.column is None else ("text", self.column)

    def problem(self, text: str, schema: Mapping[str, Any] | str | None = None) -> str | None:
        """Return why a text is not valid; None where it is.

        Parameters
        ----------
        text : str
            What a system wrote.
        schema : mapping or str, optional
            The schema, in place of the metric's.
        """
        if self.fences == "allow" and len(blocks := fenced(text)) == 1:
            text = blocks[0]
        try:
            value = _parsed(text)
        except ValueError as error:
            return f"{_NOT_JSON}: {error}"
        wanted = self.schema if schema is None else _canonical(schema)
        broken = None if wanted is None else _checker(str(wanted))(value)
        return None if broken is None else f"{_OFF}: {broken}"

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return hit, count and notes of each output."""
        schemas: list[Any] = [None] * len(outputs)
        if self.column is not None:
            schemas = cells_of(self, outputs, self.column, "a schema")
        found = [
            self.problem(text, schema)
            for text, schema in zip(outputs["text"], schemas, strict=True)
        ]
        marks = [
            (problem is None, 1, *((problem or "").startswith(note) for note in self.notes))
            for problem in found
        ]
        return np.array(marks, dtype=np.float64).reshape(-1, 4)


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON as RFC 8259 has it, or raise ValueError."""
    if text.count("[") + text.count("{") > _MOST_LEVELS:
        brackets = re.findall(r"[\[\]{}]", _STRING.sub("", text))
        if max(accumulate(_LEVELS[each] for each in brackets), default=0) > _MOST_LEVELS:
            raise ValueError(f"more than {_MOST_LEVELS} levels")
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _canonical(schema: object) -> str:
    """Return a schema as JSON, keys in order, so that equal ones are equal texts."""
    try:
        read = json.loads(schema) if isinstance(schema, str) else schema
        if not isinstance(read, Mapping | bool):
            raise TypeError("it is no object")
        return json.dumps(dict(read) if isinstance(read, Mapping) else read, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise BadValue(
            f"a JSON schema must be an object of JSON, but {str(schema)!r:.120} came ({error}); "
            "pass a dictionary or its JSON."
        ) from None


@lru_cache(maxsize=1_000)
def _checker(schema: str) -> Callable[[Any], str | None]:
    """Return what says how a value breaks a schema, None where it meets it."""
    import jsonschema
    from jsonschema.validators import extend, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    wanted = json.loads(schema)
    plain = validator_for(wanted, default=jsonschema.Draft202012Validator)
    try:
        plain.check_schema(wanted)
    except (jsonschema.SchemaError, RecursionError) as error:
        told = getattr(error, "message", "it never ends")
        raise BadValue(
            f"a JSON schema must meet its draft, but {schema!r:.120} does not ({told}); correct it."
        ) from None
    if isinstance(wanted, dict):
        wanted.pop("$schema", None)  # a reference to the whole would fall back on the plain kind
    # an empty registry: what a schema does not hold is not fetched
    ours = {keyword: check for keyword, check in _OURS.items() if keyword in plain.VALIDATORS}
    validator = extend(plain, ours)(wanted, registry=Registry())

    def broken(value: Any) -> str | None:  # noqa: ANN401 - any JSON
        try:
            error = next(validator.iter_errors(value), None)
        except (Unresolvable, RecursionError) as failure:
            told = "it never ends" if isinstance(failure, RecursionError) else str(failure)
            raise BadValue(
                f"a JSON schema must hold all that it refers to, but {schema!r:.120} does not "
                f"({told}); put it into '$defs'."
            ) from None
        return None if error is None else str(error.message)[:_LONGEST]

    return broken


def _found(pattern: str, text: str) -> bool:
    import regex

    try:
        return regex.search(pattern, text, timeout=_PATIENCE_S) is not None
    except TimeoutError:
        raise BadValue(
            f"a pattern of a JSON schema must match a text in {_PATIENCE_S:g} s, but {pattern!r} "
            f"took longer for {text!r:.60}; write it without nested repetitions, such as (a+)+."
        ) from None


# jsonschema searches with `re`, which may search for years.
def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:  # noqa: ANN401
    from jsonschema import ValidationError

    if validator.is_type(value, "string") and not _found(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _: Any) -> Iterator[Any]:  # noqa: ANN401
    if validator.is_type(value, "object"):
        for pattern, schema in patterns.items():
            for name, each in value.items():
                if _found(pattern, name):
                    yield from validator.descend(each, schema, path=name, schema_path=pattern)


def _additional(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:  # noqa: ANN401
    from jsonschema import ValidationError

    if not validator.is_type(value, "object"):
        return
    for name, each in value.items():
        patterns = schema.get("patternProperties", {})
        if name in schema.get("properties", {}) or any(_found(p, name) for p in patterns):
            continue
        if allowed is False:
            yield ValidationError(f"{name!r} is no property that is allowed")
        else:
            yield from validator.descend(each, allowed, path=name)


# jsonschema divides binary numbers, by which 0.07 is no multiple of 0.01.
def _multiple_of(validator: Any, step: Any, value: Any, _: Any) -> Iterator[Any]:  # noqa: ANN401
    from jsonschema import ValidationError

    if validator.is_type(value, "number") and not _divides(step, value):
        yield ValidationError(f"{value!r} is not a multiple of {step}")


def _divides(step: float, value: float) -> bool:
    """Tell whether a number is a multiple of another, as both are written."""
    if math.inf in (abs(step), abs(value)):  # 1e999
        return False
    # str gives the shortest decimal that is the float: what was typed
    return Fraction(str(value)) % Fraction(str(step)) == 0


_OURS = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "multipleOf": _multiple_of,
    "divisibleBy": _multiple_of,
}
