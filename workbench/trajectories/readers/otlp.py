"""OTLP as JSON or JSON Lines: what OpenTelemetry's exporters and collectors write.

A trace is a run, a span a step; the spans of a trace may stand on many lines, in any order, with
parents that are nowhere. Ids are hexadecimal in either case (base64 where protobuf's own JSON was
written), times are whole numbers of nanoseconds in texts. What attributes mean is the matter of
`spans`. `index` fills the columns of large files without making steps: see `bulk`.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from workbench.trajectories.model import Json, Run, Status
from workbench.trajectories.sources.documents import Document, Fields
from workbench.trajectories.spans import typed_spans
from workbench.trajectories.spans.spans import Event, Span
from workbench.trajectories.spans.traces import run_of

if TYPE_CHECKING:
    from workbench.trajectories.ledger import Ledger
    from workbench.trajectories.spans.bulk import Indexed

NAME = "otlp"

STATUSES: dict[Json, Status] = {
    0: "unset", 1: "ok", 2: "error",
    "STATUS_CODE_UNSET": "unset", "STATUS_CODE_OK": "ok", "STATUS_CODE_ERROR": "error",
}  # fmt: skip
_SCOPES = {"scopeSpans": "scope", "instrumentationLibrarySpans": "instrumentationLibrary"}


def recognises(first: Json) -> bool:
    """Tell whether the first value is a request to export spans, or a list of them."""
    one = first[0] if isinstance(first, list) and first else first
    return isinstance(one, dict) and isinstance(one.get("resourceSpans"), list)


def runs(document: Document) -> Iterator[Run]:
    """Yield the runs, one per trace, in the order in which their first spans come."""
    traces: dict[str | None, list[Span]] = {}
    for place, value in document.values():
        for span in spans_of(document, place, value):
            traces.setdefault(span.trace_id, []).append(span)
    for spans in traces.values():
        yield run_of(NAME, spans, document.notice)


def index(document: Document, ledger: "Ledger", name: Callable[[Run], str]) -> "Iterator[Indexed]":
    """Fill a ledger with the runs of a document; see `bulk.index`."""
    from workbench.trajectories.spans import bulk

    return bulk.index(document, ledger, name)


def spans_of(document: Document, place: str, value: Json) -> Iterator[Span]:
    """Yield the spans of one JSON value: a request to export spans, or a list of them."""
    many = isinstance(value, list)
    for at, request in enumerate(value if many else [value]):
        pointer = f"{place}/{at}" if many else place
        n_spans = 0
        for span in _spans_of_request(document, pointer, request):
            n_spans += 1
            yield span
        if not n_spans and request is not None:
            document.notice("no_spans", pointer, f"it holds no spans: {request!r:.2000}", "error")


def _spans_of_request(document: Document, pointer: str, request: Json) -> Iterator[Span]:
    fields = Fields(request)
    resources = fields.items("resourceSpans")
    shared = {"request": rest} if (rest := fields.rest()) else {}
    for at, each in enumerate(resources):
        place = f"{pointer}/resourceSpans/{at}"
        resource = Fields(each)
        groups = {name: resource.items(name) for name in _SCOPES}
        context = shared | _described(resource, "resource")
        n_spans = 0
        for name, items in groups.items():
            for number, group in enumerate(items):
                inner = Fields(group)
                spans = inner.items("spans")
                whole = context | _described(inner, _SCOPES[name], "scope")
                n_spans += len(spans)
                yield from _spans(document, f"{place}/{name}/{number}/spans", spans, whole)
                if not spans and group:
                    _tell_empty(document, f"{place}/{name}/{number}", group)
        if not n_spans and each and not any(groups.values()):
            _tell_empty(document, place, each)


def _tell_empty(document: Document, place: str, value: Json) -> None:
    document.notice("no_spans", place, f"it holds no spans: {value!r:.2000}", "info")


def _described(fields: Fields, name: str, called: str | None = None) -> dict[str, Json]:
    """Return what a resource or a scope, and what lies around it, says of all its spans."""
    called = called or name
    found: dict[str, Json] = {}
    inner = fields.peek(name)
    if isinstance(inner, dict):
        fields.take(name)
        described = Fields(inner)
        attributes = described_attributes(described)
        found[called] = attributes | described.rest()
    if rest := fields.rest():
        found[f"{called}_spans"] = rest
    return found


def described_attributes(fields: Fields) -> dict[str, Json]:
    """Take the list of attributes that an object has."""
    if not isinstance(fields.peek("attributes"), list):
        return {}
    read = attributes_of(fields.items("attributes"))
    unread = {"attributes_unread": read.unread} if read.unread else {}
    return {"attributes": read.known} | unread


def _spans(
    document: Document, place: str, values: list[Json], context: dict[str, Json]
) -> Iterator[Span]:
    for at, value in enumerate(values):
        if isinstance(value, dict):
            yield span_of(value, f"{place}/{at}", context)
        else:
            document.notice(
                "unreadable", f"{place}/{at}", f"a span must be an object: {value!r:.500}", "error"
            )


def span_of(value: Json, source: str, context: dict[str, Json]) -> Span:
    """Return a span as it stands in a request.

    Parameters
    ----------
    value : dict
        The span.
    source : str
        Where it stands.
    context : dict
        Its resource and scope.
    """
    left = dict(value) if isinstance(value, dict) else Fields(value).rest()
    read = Attributes({}, [])
    if isinstance(left.get("attributes"), list):
        read = attributes_of(left.pop("attributes"))
    return _span(left, read, source, context)


def span_of_bytes(
    raw: bytes, parsed: Callable[[bytes], Json], source: str, context: dict[str, Json]
) -> Span:
    """Return a span as `span_of` does, from its JSON, in which no key comes twice.

    Parameters
    ----------
    raw : bytes
        The span.
    parsed : callable
        Reads JSON of any kind.
    source, context : str and dict
        As in `span_of`.
    """
    found = typed_spans.decoded(raw)
    if found is None:
        return span_of(parsed(raw), source, context)
    return _span(found.left, Attributes(found.attributes, []), source, context)


def _span(left: dict[str, Json], read: "Attributes", source: str, context: dict[str, Json]) -> Span:
    """Take a span out of its members; the others stay in its extra."""
    name = left.pop("name") if isinstance(left.get("name"), str) else None
    span = Span(source, name, context=context, attributes=read.known)
    span.trace_id, span.span_id = _taken_id(left, "traceId"), _taken_id(left, "spanId")
    span.parent_id = _taken_id(left, "parentSpanId")
    span.start_ns = _taken_time(left, "startTimeUnixNano")
    span.end_ns = _taken_time(left, "endTimeUnixNano")
    span.status, span.message = _taken_status(left)
    if isinstance(left.get("events"), list):
        span.events = [_event(each) for each in left.pop("events")]
    if read.unread:
        left["attributes_unread"] = read.unread
    span.extra = left
    return span


def _taken_id(left: dict[str, Json], name: str) -> str | None:
    raw = left.get(name)
    if not isinstance(raw, str):
        return None
    found = as_id(raw)
    if found is not None or not raw:
        del left[name]
    return found


def as_id(raw: str) -> str | None:
    """Return an id as it is compared; None where it is none, as noughts alone are.

    Examples
    --------
    >>> as_id("5B8EFFF798038103"), as_id("0x5b8efff798038103"), as_id("W47/95gDgQM="), as_id("")
    ('5b8efff798038103', '5b8efff798038103', '5b8efff798038103', None)
    """
    text = raw.removeprefix("0x")
    try:
        binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        if raw.endswith("=") and len(raw) in {12, 24}:
            try:
                return base64.b64decode(raw, validate=True).hex()
            except (binascii.Error, ValueError):
                pass
        return raw or None
    return text.lower() if text.strip("0") else None


def _taken_time(left: dict[str, Json], name: str) -> int | None:
    found = whole(left.get(name))
    # protobuf writes 0 where nothing was set
    if found is None or found <= 0:
        return None
    del left[name]
    return found


def _taken_status(left: dict[str, Json]) -> tuple[Status, str | None]:
    if not isinstance(left.get("status"), dict):
        return "unset", None
    inner = dict(left.pop("status"))
    status: Status = "unset"
    code, told = inner.get("code"), inner.get("message")
    if isinstance(code, (int, str)) and not isinstance(code, bool) and code in STATUSES:
        status = STATUSES[inner.pop("code")]
    message = inner.pop("message") if isinstance(told, str) and told else None
    if inner:
        left["status"] = inner
    return status, message


def _event(value: Json) -> Event:
    left = dict(value) if isinstance(value, dict) else Fields(value).rest()
    name = left.pop("name") if isinstance(left.get("name"), str) else ""
    event = Event(name, _taken_time(left, "timeUnixNano"), {})
    unread: list[Json] = []
    if isinstance(left.get("attributes"), list):
        event.attributes, unread = attributes_of(left.pop("attributes"))
    if unread:
        left["attributes_unread"] = unread
    event.extra = left
    return event


class Attributes(NamedTuple):
    """Attributes by name, and what of their list could not be read so."""

    known: dict[str, Json]
    unread: list[Json]


def attributes_of(values: list[Json]) -> Attributes:
    """Return the attributes of a list of keys and values; of a key that comes twice the last.

    Examples
    --------
    >>> attributes_of([{"key": "n", "value": {"intValue": "3"}}, {"key": "x", "value": 1}])
    Attributes(known={'n': 3}, unread=[{'key': 'x', 'value': 1}])
    """
    known: dict[str, Json] = {}
    for each in values:
        # most are of one form
        if isinstance(each, dict) and len(each) == 2 and "key" in each and "value" in each:
            key, value = each["key"], each["value"]
            if isinstance(key, str) and isinstance(value, dict):
                text = value.get("stringValue") if len(value) == 1 else None
                known[key] = text if isinstance(text, str) else plain(value)
                continue
        break
    if len(known) == len(values):
        return Attributes(known, [])
    return _odd_attributes(values)


def _odd_attributes(values: list[Json]) -> Attributes:
    known: dict[str, Json] = {}
    raw: dict[str, Json] = {}
    unread = []
    for each in values:
        if _is_attribute(each):
            key = each["key"]
            if key in raw:
                unread.append(raw[key])
            known[key], raw[key] = plain(each["value"]), each
        else:
            unread.append(each)
    return Attributes(known, unread)


def _is_attribute(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"key", "value"}
        and isinstance(value["key"], str)
        and isinstance(value["value"], dict)
    )


def plain(value: Json) -> Json:
    """Return an OTLP value as a plain one; what has no plain form comes back as it is.

    Examples
    --------
    >>> plain({"arrayValue": {"values": [{"intValue": "1"}, {"boolValue": True}]}})
    [1, True]
    >>> plain({"doubleValue": "NaN"}), plain({"bytesValue": "AAE="})
    ({'doubleValue': 'NaN'}, {'bytesValue': 'AAE='})
    """
    if not isinstance(value, dict) or len(value) > 1:
        return value
    if not value:
        return None
    ((kind, inner),) = value.items()
    if isinstance(inner, dict):
        return _collection(kind, inner, value)
    if kind == "intValue":
        number = whole(inner)
        return value if number is None else number
    if kind == "doubleValue" and isinstance(inner, (int, float)) and not isinstance(inner, bool):
        return _double(inner, value)
    return inner if isinstance(inner, _SCALARS.get(kind, ())) else value


_SCALARS: dict[str, type] = {"stringValue": str, "boolValue": bool}


def _collection(kind: str, inner: dict[str, Json], value: Json) -> Json:
    values = inner.get("values") if inner.keys() <= {"values"} else None
    if kind == "arrayValue" and isinstance(values, list):
        return [plain(each) for each in values]
    if kind == "kvlistValue" and isinstance(values, list):
        read = attributes_of(values)
        return value if read.unread else read.known
    return value


def whole(value: Json) -> int | None:
    """Return a whole number of 64 bits, which protobuf's JSON writes as a text; None for others.

    Examples
    --------
    >>> whole("12"), whole(-3), whole("twelve"), whole(True)
    (12, -3, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        found = msgspec.convert(value, int, strict=False)
    except msgspec.ValidationError:
        return None
    return found if -(2**63) <= found < 2**63 else None


def _double(inner: float, value: Json) -> Json:
    try:
        return float(inner)
    except OverflowError:
        return value
