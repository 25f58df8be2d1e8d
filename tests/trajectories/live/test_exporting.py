"""The exporter, with the real SDK: whole lines that are read again, in threads and after failures."""

import importlib
import json
import threading

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

import workbench.trajectories as trajectories
from workbench.errors import BadValue, Unreadable
from workbench.trajectories.live import exporting
from workbench.trajectories.live.exporting import FileExporter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new folder" / "runs.jsonl"


@pytest.fixture
def provider(path):
    made = TracerProvider(resource=Resource({"service.name": "claims", "wb.task_id": "7"}))
    made.add_span_processor(SimpleSpanProcessor(FileExporter(path)))
    yield made
    made.shutdown()


def test_what_was_recorded_is_read(provider, path):
    tracer = provider.get_tracer("mine", "1.0")
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}
    with tracer.start_as_current_span("invoke_agent a") as agent:
        agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "wb.outcome": True})
        with tracer.start_as_current_span("chat m", kind=SpanKind.CLIENT) as chat:
            chat.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7})
            said = json.dumps([{"role": "assistant", "parts": [call]}])
            chat.set_attribute("gen_ai.output.messages", said)
        with tracer.start_as_current_span("execute_tool f") as tool:
            tool.set_attributes(
                {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": "c"}
            )
            tool.record_exception(KeyError("a"))
            tool.set_status(Status(StatusCode.ERROR, "it broke"))
    (run,) = trajectories.read(path)
    assert [step.kind for step in run.steps] == ["invoke_agent", "chat", "execute_tool"]
    assert [step.parent for step in run.steps] == [None, 0, 0]
    assert (run.agent, run.task_id, run.outcome) == ("claims", "7", True)
    assert run.steps[1].usage.input_tokens == 7
    failed = run.steps[2]
    assert (failed.call_step, failed.arguments, failed.status) == (1, {"a": 1}, "error")
    assert (failed.error_type, failed.error_message) == ("KeyError", "it broke")
    assert run.name == f"{agent.get_span_context().trace_id:032x}"
    assert run.steps[0].start_ns == agent.start_time


def test_every_kind_of_value_is_written_as_otlp_has_it(provider, path):
    values = {
        "text": "Straße", "whole": 2**40, "half": 0.5, "yes": True, "list": ["a", "b"],
        "nan": float("nan"), "infinite": float("-inf"), "bytes": b"\x00\x01",
    }  # fmt: skip
    far = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    tracer = provider.get_tracer("mine")
    with tracer.start_as_current_span("s", links=[Link(far, {"why": "so"})]) as span:
        span.set_attributes(values)
    (line,) = path.read_text(encoding="utf-8").splitlines()
    scope = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]
    (written,) = scope["spans"]
    found = {each["key"]: each["value"] for each in written["attributes"]}
    assert found == {
        "text": {"stringValue": "Straße"},
        "whole": {"intValue": "1099511627776"},
        "half": {"doubleValue": 0.5},
        "yes": {"boolValue": True},
        "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}},
        "nan": {"doubleValue": "NaN"},
        "infinite": {"doubleValue": "-Infinity"},
        "bytes": {"bytesValue": "AAE="},
    }
    assert written["links"] == [
        {
            "traceId": "0" * 31 + "1",
            "spanId": "0" * 15 + "2",
            "attributes": [{"key": "why", "value": {"stringValue": "so"}}],
        }
    ]
    assert (written["kind"], written["status"], scope["scope"]) == (
        1,
        {"code": 0},
        {"name": "mine"},
    )


def test_lines_of_many_threads_are_whole(path):
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(FileExporter(path), schedule_delay_millis=1))
    tracer = provider.get_tracer("mine")

    def work():
        for _ in range(50):
            with tracer.start_as_current_span("chat m") as span:
                span.set_attribute("gen_ai.operation.name", "chat")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert provider.force_flush()
    provider.shutdown()
    runs = trajectories.read(path)
    assert (len(runs), len(runs.steps)) == (200, 200)
    assert runs.findings.empty


def test_a_file_goes_on_where_it_ended(path):
    for _ in range(2):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(FileExporter(path)))
        provider.get_tracer("mine").start_span("s").end()
        provider.shutdown()
    assert len(trajectories.read(path)) == 2


def test_what_comes_after_the_end_is_refused(path):
    exporter = FileExporter(path)
    assert exporter.export([]) is SpanExportResult.SUCCESS
    exporter.shutdown()
    exporter.shutdown()
    span = TracerProvider().get_tracer("mine").start_span("s")
    span.end()
    assert exporter.export([span]) is SpanExportResult.FAILURE
    assert path.read_bytes() == b""


def test_a_full_disk_leaves_no_half_line():
    exporter = FileExporter("/dev/full")
    span = TracerProvider().get_tracer("mine").start_span("s")
    span.end()
    assert exporter.export([span]) is SpanExportResult.FAILURE
    exporter.shutdown()


def test_without_the_sdk_the_reason_is_told(monkeypatch, path):
    monkeypatch.setattr(exporting, "_SDK", "opentelemetry.no_such_module")
    with pytest.raises(BadValue) as raised:
        FileExporter(path)
    assert str(raised.value) == (
        "OpenTelemetry's SDK must be installed to export spans, but it is not; "
        "pip install evaluation-workbench[otel]."
    )


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(Unreadable) as raised:
        FileExporter(tmp_path)
    assert str(raised.value) == (
        f"a file for spans must be writable, but {tmp_path} is not (Is a directory); "
        "check the path and its permissions."
    )


def test_the_module_is_there_without_the_sdk():
    assert importlib.import_module("workbench.trajectories.live.exporting").__doc__.startswith(
        "An exporter for OpenTelemetry's SDK"
    )
