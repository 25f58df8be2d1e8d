"""Columns of spans from their bytes, as long as all is as usual.

Spans are decoded into typed structs; what a text says is looked at only where a column needs it.
Whatever is not of the usual form raises `Odd`, and goes another road: see `bulk`.
"""

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from workbench.trajectories.model import KINDS, MODEL_KINDS
from workbench.trajectories.readers import otlp
from workbench.trajectories.spans import shapes, traces
from workbench.trajectories.spans.span_columns import COLUMNS, Block, Calls, Names, Odd, hashed

# The slots into which attributes are put: texts, then values.
_TEXTS = (_KIND, _AGENT, _MODEL, _REQUESTED, _TOOL, _CALL_ID, _ERROR, _OUTPUT) = range(8)
_COST = len(_TEXTS)
_COUNT = _COST + 1
_FACT = _COUNT + len(shapes.COUNTS)
_FACTS = list(shapes.FACTS)
_EMPTY: list[Any] = [None] * (_FACT + len(_FACTS))
_IGNORED, _ODD = -1, -2

_SLOTS = {
    "gen_ai.operation.name": _KIND,
    "gen_ai.agent.name": _AGENT,
    "gen_ai.response.model": _MODEL,
    "gen_ai.request.model": _REQUESTED,
    "gen_ai.tool.name": _TOOL,
    "gen_ai.tool.call.id": _CALL_ID,
    "error.type": _ERROR,
    "gen_ai.output.messages": _OUTPUT,
    "wb.cost_usd": _COST,
    **{
        key: _COUNT + at
        for at, keys in enumerate(shapes.COUNTS.values())
        for key in keys
        if key.startswith("gen_ai.")
    },
    **{key: _FACT + at for at, keys in enumerate(shapes.FACTS.values()) for key in keys},
}
# None of these has a say in any column.
_HARMLESS = frozenset(
    {
        "gen_ai.provider.name", "gen_ai.system", "gen_ai.response.id", "gen_ai.input.messages",
        "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
        "gen_ai.tool.type", "gen_ai.tool.description", "gen_ai.tool.definitions",
        "gen_ai.response.finish_reasons", "gen_ai.agent.id", "gen_ai.agent.description",
        "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents", "gen_ai.output.type",
    }
)  # fmt: skip
_HARMLESS_PREFIXES = ("gen_ai.request.", "gen_ai.workflow.")
# Of names that begin so some have a say, in ways that only `spans.step_of` knows.
_ODD_PREFIXES = (
    "gen_ai.", "openinference.", "llm.", "ai.", "input.", "output.", "tool.", "tool_call.",
    "embedding.", "retrieval.", "reranker.", "session.", "agent.", "trace.", "annotations.",
    "evaluations.", "traceloop.", "wb.",
)  # fmt: skip


class _Roles(dict[str, int]):
    """The slot of each attribute's name, found when the name first comes."""

    def __missing__(self, name: str) -> int:
        if len(self) > 10_000:
            self.clear()
        self[name] = role = _role(name)
        return role


def _role(name: str) -> int:
    if name in _SLOTS:
        return _SLOTS[name]
    if name in _HARMLESS or name.startswith(_HARMLESS_PREFIXES):
        return _IGNORED
    return _ODD if name.startswith(_ODD_PREFIXES) else _IGNORED


_ROLES = _Roles()


# Where there is no object, there are no keys that nobody counts; a text stays one beside a number.
_Plain = int | float | str | bool | None


class _Scalar(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    stringValue: str | UnsetType = UNSET  # noqa: N815 - the format's names
    intValue: int | UnsetType = UNSET  # noqa: N815
    doubleValue: _Plain | UnsetType = UNSET  # noqa: N815
    boolValue: _Plain | UnsetType = UNSET  # noqa: N815


class _Array(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    values: list[_Scalar]


class _Value(_Scalar, gc=False, forbid_unknown_fields=True):
    arrayValue: _Array | UnsetType = UNSET  # noqa: N815


class _Attribute(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    key: str
    value: _Value


class _Status(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    code: _Plain | UnsetType = UNSET
    message: _Plain | UnsetType = UNSET


class _Span(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    traceId: str  # noqa: N815
    spanId: str  # noqa: N815
    attributes: list[_Attribute]
    parentSpanId: str | UnsetType = UNSET  # noqa: N815
    name: str | UnsetType = UNSET
    startTimeUnixNano: int | UnsetType = UNSET  # noqa: N815
    endTimeUnixNano: int | UnsetType = UNSET  # noqa: N815
    status: _Status | UnsetType = UNSET
    events: list[Any] | UnsetType = UNSET
    links: list[Any] | UnsetType = UNSET
    kind: _Plain | UnsetType = UNSET
    flags: _Plain | UnsetType = UNSET
    traceState: _Plain | UnsetType = UNSET  # noqa: N815
    droppedAttributesCount: _Plain | UnsetType = UNSET  # noqa: N815
    droppedEventsCount: _Plain | UnsetType = UNSET  # noqa: N815
    droppedLinksCount: _Plain | UnsetType = UNSET  # noqa: N815


class _Piece(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    name: str | None = None


class _Message(msgspec.Struct, gc=False):
    parts: list[_Piece]
    role: str = "assistant"


# Whole numbers of 64 bits stand in texts; `otlp.whole` reads them by the same rule.
_SPAN = msgspec.json.Decoder(_Span, strict=False)
_MESSAGES = msgspec.json.Decoder(list[_Message])
_KINDS = frozenset(KINDS)
_CODES = {int, str, type(None), UnsetType}
# More keys than a line has.
_TOO_MANY = 2**40
_N_FIELDS = len(_Span.__struct_fields__)


class Fast(NamedTuple):
    """A span that may take the fast road: its fields, its slots, and how many keys it holds."""

    span: _Span
    slots: list[Any]
    n_keys: int


def decoded(raw: msgspec.Raw) -> Fast | None:
    """Return a span if it may take the fast road, by its attributes' names; else None."""
    try:
        span = _SPAN.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    slots, roles = _EMPTY.copy(), _ROLES
    n_keys = _N_FIELDS + 3 * len(span.attributes) - astuple(span).count(UNSET)
    if span.status is not UNSET:
        n_keys += 2 - astuple(span.status).count(UNSET)
    for attribute in span.attributes:
        value, role = attribute.value, roles[attribute.key]
        if value.stringValue is UNSET and value.intValue is UNSET:
            n_keys += _n_keys(value)
        if role < 0:
            if role == _ODD:
                return None
        elif slots[role] is not None:
            return None
        else:
            slots[role] = value.stringValue if role < _COST else value
    is_odd = span.events or span.links or slots[_KIND] not in _KINDS
    return None if is_odd else Fast(span, slots, n_keys)


def _n_keys(value: _Value) -> int:
    """Return how many keys a value has beyond its own that is neither text nor whole number.

    Far too many where some value is missing, lest a key that comes twice make up for it.
    """
    if value.arrayValue is UNSET:
        return _TOO_MANY * _is_empty(value)
    values = value.arrayValue.values
    return 1 + len(values) + _TOO_MANY * sum(map(_is_empty, values))


def _is_empty(value: _Scalar) -> bool:
    return value.stringValue is value.intValue is value.doubleValue is value.boolValue is UNSET


def block_of(fast: Sequence[Fast], names: Names) -> Block:
    """Return the columns of spans.

    Parameters
    ----------
    fast : sequence of Fast
        The spans.
    names : Names
        Numbers names.

    Raises
    ------
    Odd
        If a value of some span is not of the usual type.
    """
    found = [each.span for each in fast]
    slots: list[tuple[Any, ...]] = list(zip(*[each.slots for each in fast], strict=True))
    models = tuple(
        asked if model is None else model
        for asked, model in zip(slots[_REQUESTED], slots[_MODEL], strict=True)
    )
    statuses = _statuses(found, slots[_ERROR])
    texts = (slots[_KIND], slots[_AGENT], models, slots[_TOOL], statuses, slots[_ERROR])
    values: list[array[Any]] = [
        _times([span.startTimeUnixNano for span in found]),
        _times([span.endTimeUnixNano for span in found]),
        *[array("i", map(names.__getitem__, each)) for each in texts],
        *[_counts(each) for each in slots[_COUNT:_FACT]],
        array("d", [_NAN if value is None else _number(value) for value in slots[_COST]]),
        array("q", [0 if call_id is None else _hashed(call_id) for call_id in slots[_CALL_ID]]),
    ]
    known: dict[str, str] = {}
    block = Block(
        dict(zip(COLUMNS, values, strict=True)),
        [known.setdefault(span.traceId, span.traceId) for span in found],
        [span.spanId for span in found],
        ["" if span.parentSpanId is UNSET else span.parentSpanId for span in found],
    )
    for at, (kind, text) in enumerate(zip(slots[_KIND], slots[_OUTPUT], strict=True)):
        if text is not None and kind in MODEL_KINDS and (calls := _calls(text)):
            block.calls[at] = calls
    for name, each in zip(_FACTS, slots[_FACT:], strict=True):
        if each.count(None) < len(each):
            _add_facts(block.facts, name, each)
    return block


_NAN = float("nan")


def _times(values: list[Any]) -> "array[int]":
    # protobuf writes 0 where nothing was set
    return _checked([-1 if value is UNSET else value or -1 for value in values])


def _counts(values: Sequence[Any]) -> "array[int]":
    return _checked([-1 if value is None else value.intValue for value in values])


def _checked(values: list[Any]) -> "array[int]":
    try:
        found = array("q", values)
    except (TypeError, OverflowError):
        # no whole number, or of more than 64 bits
        raise Odd from None
    if min(values) < -1:
        raise Odd
    return found


def _number(value: _Value) -> float:
    number = value.doubleValue
    if not isinstance(number, float) or not abs(number) < 1e300:
        raise Odd
    return number


def _hashed(call_id: Any) -> int:  # noqa: ANN401 - a text, None or unset
    if call_id is UNSET:
        raise Odd
    return hashed(call_id.strip() or None)


def _statuses(found: Sequence[_Span], errors: Sequence[Any]) -> Sequence[str]:
    codes = [None if span.status is UNSET else span.status.code for span in found]
    if not {type(code) for code in codes} <= _CODES:
        raise Odd
    statuses = [otlp.STATUSES.get(code, "unset") for code in codes]
    if errors.count(None) == len(errors):
        return statuses
    return [
        "error" if error is not None and status == "unset" else status
        for status, error in zip(statuses, errors, strict=True)
    ]


def _calls(text: Any) -> Calls:  # noqa: ANN401 - a text or unset
    """Return the tool calls that output messages hold."""
    if text is UNSET:
        raise Odd
    if "_call" not in text and "\\u" not in text:
        return ()
    try:
        messages = _MESSAGES.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        # of another form, or broken
        raise Odd from None
    found = []
    for message in messages:
        if message.role in {"system", "developer"}:
            raise Odd
        for piece in message.parts:
            if piece.type == "tool_call":
                found.append((piece.id and (piece.id.strip() or None), piece.name))
    return found


def _add_facts(facts: dict[int, dict[str, Any]], name: str, values: Sequence[Any]) -> None:
    """Keep what spans say of their run, as `traces.fact` reads it."""
    for at, value in enumerate(values):
        if value is not None:
            found = traces.fact({shapes.FACTS[name][0]: _scalar(value)}, name)
            if found is not None:
                facts.setdefault(at, {})[name] = found


def _scalar(value: _Value) -> str | int | float | bool:
    given = [each for each in astuple(value) if each is not UNSET]
    if len(given) != 1 or not isinstance(given[0], (str, int, float)):
        raise Odd
    if value.boolValue is not UNSET and not isinstance(given[0], bool):
        raise Odd
    if value.doubleValue is not UNSET and not isinstance(given[0], float):
        raise Odd
    return given[0]
