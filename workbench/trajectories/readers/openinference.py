"""OpenInference and other spans as plain objects: JavaScript's dumps, Phoenix's exports, Python's SDK.

Attributes are one object with flattened names, or nested, or a column for each of a table of spans;
ids stand in `spanContext` or `context`, times are pairs of seconds and nanoseconds, ISO texts, or
numbers. OTLP files with OpenInference's attributes are `otlp`'s. Some dumps give each span a trace
of its own and no parent; a span that calls a model is then joined to the one around it.
"""

from collections.abc import Iterator

from workbench.trajectories.model import Json, Run, Status
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.documents import Document, Fields, nanoseconds
from workbench.trajectories.spans.openinference_spans import flat
from workbench.trajectories.spans.spans import Event, Span
from workbench.trajectories.spans.traces import run_of
from workbench.trajectories.spans.vercel_spans import wrapper_of

NAME = "openinference"

_CONTEXTS = ("spanContext", "context")
_STATUSES: dict[str, Status] = {"OK": "ok", "ERROR": "error", "UNSET": "unset"}
_CAMEL = {
    f"{kind}_value": f"{kind}Value"
    for kind in ("string", "int", "double", "bool", "array", "kvlist", "bytes")
}


def recognises(first: Json) -> bool:
    """Tell whether the first value is a span, or a list or an object of lists of them."""
    if isinstance(first, dict) and {"captureDate", "attributeSummary"} <= first.keys():
        return True
    return any(_is_span(value) for _, value in _candidates(first, ""))


def _is_span(value: Json) -> bool:
    if not isinstance(value, dict):
        return False
    named = any(isinstance(value.get(name), dict) for name in _CONTEXTS)
    said = "attributes" in value or any(name.startswith("attributes.") for name in value)
    flat = (value.get("context.span_id"), value.get("span_id"))
    return said and (named or any(isinstance(each, (str, int)) for each in flat))


def _candidates(value: Json, pointer: str) -> Iterator[tuple[str, Json]]:
    """Yield what may be spans, with where they stand."""
    if isinstance(value, list):
        for at, each in enumerate(value):
            yield f"{pointer}/{at}", each
    elif isinstance(value, dict) and not _is_span(value):
        columns = value.get("context.span_id")
        if isinstance(columns, dict):
            yield from _rows(value, columns, pointer)
            return
        for name, each in value.items():
            if isinstance(each, list):
                key = name.replace("~", "~0").replace("/", "~1")
                yield from _candidates(each, f"{pointer}/{key}")
    elif value is not None:
        yield pointer, value


def _rows(
    table: dict[str, Json], index: dict[str, Json], pointer: str
) -> Iterator[tuple[str, Json]]:
    """Yield the rows of a table that was written column by column, as pandas does."""
    for row in index:
        yield (
            f"{pointer}/context.span_id/{row}",
            {
                name: column[row]
                for name, column in table.items()
                if isinstance(column, dict) and row in column
            },
        )


def runs(document: Document) -> Iterator[Run]:
    """Yield the runs, one per trace, in the order in which their first spans come."""
    traces: dict[str | None, list[Span]] = {}
    for place, value in document.values():
        candidates = list(_candidates(value, place))
        found = [span_of(each, pointer) for pointer, each in candidates if _is_span(each)]
        for span in found:
            traces.setdefault(span.trace_id, []).append(span)
        for pointer, each in candidates if found else ():
            if not _is_span(each):
                document.notice("unreadable", pointer, f"it is no span: {each!r:.2000}", "error")
        _tell_rest(document, place, value, len(found))
    for spans in _joined(traces, document):
        yield run_of(NAME, spans, document.notice)


def _tell_rest(document: Document, place: str, value: Json, n_spans: int) -> None:
    """Tell what stands beside lists of spans, or that there are none."""
    if not n_spans and value is not None:
        document.notice("no_spans", place, f"it holds no spans: {value!r:.4000}", "error")
    elif isinstance(value, dict) and not _is_span(value) and "context.span_id" not in value:
        rest = {name: each for name, each in value.items() if not isinstance(each, list)}
        if rest:
            document.notice(
                "unknown_member", place, f"beside spans it says: {rest!r:.2000}", "info"
            )


def span_of(value: dict[str, Json], source: str) -> Span:
    """Return a span from any of the shapes that its object may have.

    Examples
    --------
    >>> span = span_of({"spanContext": {"traceId": "AB", "spanId": "CD"}, "startTime": [1, 5],
    ...     "attributes": {"llm": {"model_name": "m"}}}, "/0")
    >>> span.trace_id, span.start_ns, span.attributes
    ('ab', 1000000005, {'llm.model_name': 'm'})
    """
    fields = Fields(value)
    span = Span(source, fields.text("name"))
    for name in _CONTEXTS:
        inner = fields.inner(name)
        span.trace_id = span.trace_id or _id(inner, "traceId", "trace_id")
        span.span_id = span.span_id or _id(inner, "spanId", "span_id")
    span.trace_id = span.trace_id or _id(fields, "context.trace_id", "trace_id", "traceId")
    span.span_id = span.span_id or _id(fields, "context.span_id", "span_id", "spanId")
    span.parent_id = _id(fields, "parent_id", "parent_span_id", "parentSpanId", "parentId")
    if span.parent_id is None:
        span.parent_id = _id(fields.inner("parentSpanContext"), "spanId")
    span.start_ns = _time(fields, "startTime", "start_time", "start_time_unix_nano")
    span.end_ns = _time(fields, "endTime", "end_time", "end_time_unix_nano")
    span.status, span.message = _status(fields)
    span.attributes = _attributes(fields)
    span.events = [_event(each) for each in fields.items("events")]
    span.context = _context(fields)
    span.extra = {name: each for name, each in fields.rest().items() if each is not None}
    return span


def _id(fields: Fields, *names: str) -> str | None:
    raw = fields.key(*names)
    return otlp.as_id(raw) if raw is not None else None


def _attributes(fields: Fields) -> dict[str, Json]:
    """Take the attributes: an object, a list of keys and values, or columns."""
    found: dict[str, Json] = {}
    if isinstance(fields.peek("attributes"), dict):
        found |= fields.take("attributes")
    elif isinstance(fields.peek("attributes"), list):
        read = otlp.attributes_of([_camel(each) for each in fields.items("attributes")])
        found |= read.known
        if read.unread:
            found["attributes_unread"] = read.unread
    for name, value in fields.rest().items():
        own = name.removeprefix("attributes.")
        if own != name and own not in found:
            fields.take(name)
            if value is not None:
                found[own] = value
    kind = fields.peek("span_kind")
    if isinstance(kind, str) and "openinference.span.kind" not in found:
        found["openinference.span.kind"] = fields.take("span_kind")
    return flat(found)


def _camel(value: Json) -> Json:
    """Return an attribute as OTLP spells it; Phoenix writes `string_value` and nulls beside it."""
    if isinstance(value, list):
        return [_camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        _CAMEL.get(name, name): _camel(each) for name, each in value.items() if each is not None
    }


def _context(fields: Fields) -> dict[str, Json]:
    found = {}
    for name, called in (("resource", "resource"), ("instrumentationScope", "scope")):
        if isinstance(fields.peek(name), dict):
            found[called] = fields.take(name)
    return found


def _event(value: Json) -> Event:
    fields = Fields(value)
    event = Event(
        fields.text("name") or "", _time(fields, "time", "timestamp", "time_unix_nano"), {}
    )
    if isinstance(fields.peek("attributes"), dict):
        event.attributes = fields.take("attributes")
    event.extra = fields.rest()
    return event


def _status(fields: Fields) -> tuple[Status, str | None]:
    inner = fields.inner("status")
    status: Status = "unset"
    for of, name in ((fields, "status_code"), (inner, "status_code"), (inner, "code")):
        code = of.peek(name)
        if isinstance(code, str) and code.upper().removeprefix("STATUS_CODE_") in _STATUSES:
            status = _STATUSES[of.take(name).upper().removeprefix("STATUS_CODE_")]
        elif isinstance(code, int) and not isinstance(code, bool) and code in otlp.STATUSES:
            status = otlp.STATUSES[of.take(name)]
    message = fields.text("status_message") or inner.text("message", "description")
    return status, message or None


def _time(fields: Fields, *names: str) -> int | None:
    for name in names:
        found = time_of(fields.peek(name))
        if found is not None and 0 <= found < 2**63:
            fields.take(name)
            return found
    return None


def time_of(value: Json) -> int | None:
    """Return a time as nanoseconds since 1970, UTC; None where it is none.

    Parameters
    ----------
    value : JSON value
        Seconds and nanoseconds as a pair, an ISO text, or a number: seconds, or by their size
        milli-, micro- or nanoseconds.

    Examples
    --------
    >>> time_of([1, 5]), time_of("1970-01-01T00:00:01.000000005Z")
    (1000000005, 1000000005)
    >>> time_of(1_770_132_000_598), time_of("soon")
    (1770132000598000000, None)
    """
    if isinstance(value, list):
        pair = [each for each in value if isinstance(each, int) and not isinstance(each, bool)]
        if len(pair) != len(value) or len(pair) != 2 or not 0 <= pair[1] < 10**9:
            return None
        return pair[0] * 10**9 + pair[1]
    if isinstance(value, str) and not value.isdecimal():
        return nanoseconds(value)
    return _of_number(otlp.whole(value)) if not isinstance(value, float) else _of_float(value)


def _of_number(value: int | None) -> int | None:
    if value is None:
        return None
    for below, factor in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)):
        if value < below:
            return value * factor
    return value


def _of_float(value: float) -> int | None:
    if not 0 <= value < 1e18:
        return None
    return round(value * 1e9) if value < 1e11 else _of_number(round(value))


def _joined(traces: dict[str | None, list[Span]], document: Document) -> list[list[Span]]:
    """Join spans that call a model to the spans around them, where no span names its parent.

    The Vercel AI SDK's `ai.generateText` encloses `ai.generateText.doGenerate` and states the same
    tokens; a dump without parents would count them twice.
    """
    groups = list(traces.values())
    if any(span.parent_id for spans in groups for span in spans):
        return groups
    alone = [spans for spans in groups if len(spans) == 1]
    for spans in alone:
        inner = spans[0]
        outer = _around(inner, [each for each in alone if each is not spans])
        if outer is not None:
            inner.extra["trace_id"], inner.trace_id = inner.trace_id, outer[0].trace_id
            inner.parent_id = outer[0].span_id
            outer.append(inner)
            spans.clear()
            document.notice(
                "derived_parent",
                inner.source,
                "the span around it is found by name and time",
                "info",
            )
    return [spans for spans in groups if spans]


def _around(inner: Span, others: list[list[Span]]) -> list[Span] | None:
    """Return the shortest of the spans that may enclose one."""
    wrapper = wrapper_of(inner.attributes.get("ai.operationId"))
    if wrapper is None or inner.start_ns is None or inner.end_ns is None:
        return None
    function = inner.attributes.get("ai.telemetry.functionId")
    fits = [
        spans
        for spans in others
        if spans
        and spans[0].attributes.get("ai.operationId") == wrapper
        and spans[0].attributes.get("ai.telemetry.functionId") == function
        and spans[0].span_id
        and (spans[0].start_ns or inner.start_ns + 1) <= inner.start_ns
        and (spans[0].end_ns or 0) >= inner.end_ns
    ]
    return min(fits, key=lambda spans: _length(spans[0]), default=None)


def _length(span: Span) -> int:
    return (span.end_ns or 0) - (span.start_ns or 0)
