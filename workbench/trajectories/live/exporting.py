"""An exporter for OpenTelemetry's SDK that writes files which `read` and `follow` read.

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from workbench.trajectories.live.exporting import FileExporter

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(FileExporter("runs.jsonl")))

It needs the SDK: `pip install evaluation-workbench[otel]`. The file is OTLP as JSON Lines: each line
is one request to export spans, whole, and on the disk when `export` returns. Nothing is sent.
"""

import contextlib
import importlib
import json
import math
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import BadValue, Unreadable

_SDK = "opentelemetry.sdk.trace.export"

ReadableSpan = Any
"""A span of the SDK that has ended."""


class FileExporter:
    """Appends spans to a file of OTLP as JSON Lines.

    Parameters
    ----------
    path : str or Path
        The file; it is made if need be, with its folder, and what is in it stays.

    Raises
    ------
    BadValue
        If OpenTelemetry's SDK is not installed.
    Unreadable
        If the file cannot be written.

    Notes
    -----
    It has the methods of the SDK's `SpanExporter` and does not inherit from it, so that this module
    is there without the SDK. Several processes may write to one file as long as each line is below the size up to which the
    file system appends in one piece; threads of one process always may. A line that cannot be
    written, on a full disk, is taken back, and `export` says that it failed.

    Examples
    --------
    >>> import tempfile
    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    >>> from workbench.trajectories import read
    >>> path = Path(tempfile.mkdtemp()) / "runs.jsonl"
    >>> provider = TracerProvider()
    >>> provider.add_span_processor(SimpleSpanProcessor(FileExporter(path)))
    >>> with provider.get_tracer("mine").start_as_current_span("chat m") as span:
    ...     span.set_attribute("gen_ai.operation.name", "chat")
    >>> provider.shutdown()
    >>> read(path).steps["kind"].tolist()
    ['chat']
    """

    def __init__(self, path: str | Path) -> None:
        try:
            self._results = importlib.import_module(_SDK).SpanExportResult
        except ImportError:
            raise BadValue(
                "OpenTelemetry's SDK must be installed to export spans, but it is not; "
                "pip install evaluation-workbench[otel]."
            ) from None
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # unbuffered: a line is one write
            self._stream = self.path.open("ab", buffering=0)
        except OSError as error:
            raise Unreadable(
                f"a file for spans must be writable, but {self.path} is not ({error.strerror}); "
                "check the path and its permissions."
            ) from None

    def export(self, spans: Sequence[ReadableSpan]) -> Any:  # noqa: ANN401 - the SDK's SpanExportResult
        """Write spans as one line.

        Parameters
        ----------
        spans : sequence of ReadableSpan
            Spans that have ended.

        Returns
        -------
        SpanExportResult
            SUCCESS once they are on the disk.
        """
        if not spans:
            return self._results.SUCCESS
        line = json.dumps(request(spans), ensure_ascii=False, separators=(",", ":"))
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            done = not self._stream.closed and self._written(data)
        return self._results.SUCCESS if done else self._results.FAILURE

    def _written(self, data: bytes) -> bool:
        end = self._stream.seek(0, os.SEEK_END)
        try:
            if self._stream.write(data) == len(data):
                return True
        except OSError:
            pass
        # half a line would spoil the next one
        with contextlib.suppress(OSError):
            self._stream.truncate(end)
        return False

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK passes it
        """Make sure that what was exported outlives a crash of the machine."""
        with self._lock:
            if not self._stream.closed:
                os.fsync(self._stream.fileno())
        return True

    def shutdown(self) -> None:
        """Close the file; what comes later is refused."""
        with self._lock:
            self._stream.close()


def request(spans: Iterable[ReadableSpan]) -> dict[str, Any]:
    """Return spans as one request in OTLP's JSON, by resource and scope.

    Parameters
    ----------
    spans : iterable of ReadableSpan
        Spans of the SDK.
    """
    resources: dict[str, dict[str, Any]] = {}
    for span in spans:
        resource, scope = _resource(span), _scope(span)
        outer = resources.setdefault(_key(resource), resource | {"scopes": {}})
        inner = outer["scopes"].setdefault(_key(scope), scope | {"spans": []})
        inner["spans"].append(_span(span))
    return {
        "resourceSpans": [
            {name: each for name, each in resource.items() if name != "scopes"}
            | {"scopeSpans": list(resource["scopes"].values())}
            for resource in resources.values()
        ]
    }


def _key(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)


def _resource(span: ReadableSpan) -> dict[str, Any]:
    resource = span.resource
    found: dict[str, Any] = {"resource": {"attributes": _attributes(resource.attributes)}}
    return found | ({"schemaUrl": resource.schema_url} if resource.schema_url else {})


def _scope(span: ReadableSpan) -> dict[str, Any]:
    scope = span.instrumentation_scope
    if scope is None:
        return {"scope": {}}
    found: dict[str, Any] = {"name": scope.name}
    if scope.version:
        found["version"] = scope.version
    if scope.attributes:
        found["attributes"] = _attributes(scope.attributes)
    return {"scope": found} | ({"schemaUrl": scope.schema_url} if scope.schema_url else {})


def _span(span: ReadableSpan) -> dict[str, Any]:
    context, parent = span.get_span_context(), span.parent
    found: dict[str, Any] = _ids(context)
    if parent is not None:
        found["parentSpanId"] = f"{parent.span_id:016x}"
    # the SDK counts kinds from 0, OTLP from 1
    found |= {"name": span.name, "kind": span.kind.value + 1}
    found |= {"startTimeUnixNano": str(span.start_time), "endTimeUnixNano": str(span.end_time)}
    found["attributes"] = _attributes(span.attributes)
    if span.events:
        found["events"] = [_event(each) for each in span.events]
    if span.links:
        found["links"] = [
            _ids(each.context) | {"attributes": _attributes(each.attributes)} for each in span.links
        ]
    status: dict[str, Any] = {"code": span.status.status_code.value}
    if span.status.description:
        status["message"] = span.status.description
    dropped = {
        "droppedAttributesCount": span.dropped_attributes,
        "droppedEventsCount": span.dropped_events,
        "droppedLinksCount": span.dropped_links,
    }
    return found | {"status": status} | {name: n for name, n in dropped.items() if n}


def _ids(context: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's SpanContext, None before it began
    found = {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}"}
    state = context.trace_state.to_header() if context.trace_state else ""
    return found | ({"traceState": state} if state else {})


def _event(event: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's Event
    return {
        "timeUnixNano": str(event.timestamp),
        "name": event.name,
        "attributes": _attributes(event.attributes),
    }


def _attributes(attributes: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in (attributes or {}).items()]


def _value(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any attribute
    """Return a value as OTLP has it.

    Examples
    --------
    >>> _value(3), _value(["a"])
    ({'intValue': '3'}, {'arrayValue': {'values': [{'stringValue': 'a'}]}})
    """
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _infinite(value)}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(value)}}
    if isinstance(value, bytes):
        return {"bytesValue": _base64(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": str(value)}


def _infinite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _base64(value: bytes) -> str:
    import base64

    return base64.b64encode(value).decode()
