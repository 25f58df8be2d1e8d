"""An OTLP file of 100 spans a run into the columns of STEPS, from the file to an Arrow table.

The peer is Phoenix's own `decode_otlp_span`, which its server calls on each span that comes; JSON is
first made protobuf of, by protobuf's own parser. It makes an object of each span and no table.
Phoenix's other loaders read no OTLP: `TraceDataset.load` takes the Parquet files that it wrote itself,
`json_lines_to_df` JSON Lines of its own spans, and the client's frames come from a server.
"""

PEER = "arize-phoenix"
PYTHON = "WORKBENCH_PHOENIX_PYTHON"
SIZE = 100
UNIT = "{n} runs × 100 spans"
GOAL = 5.0
# it makes a float of each time on the way
TOLERANCE = {"time": 100_000}


def ours(n):
    from otlp_files import otlp_file

    from workbench import trajectories

    path = otlp_file(n)

    def work():
        steps = trajectories.read(path).table.to_pandas()
        return {
            "n:runs": int(steps["run_id"].nunique()),
            "n:spans": len(steps),
            "n:roots": int(steps["parent"].isna().sum()),
            "n:error": int((steps["status"] == "error").sum()),
            "tokens:in": int(steps["input_tokens"].sum()),
            "tokens:out": int(steps["output_tokens"].sum()),
            "time:µs": int(
                ((steps["end_ns"] + 500) // 1000 - (steps["start_ns"] + 500) // 1000).sum()
            ),
        }

    return work


def theirs(n):
    from otlp_files import otlp_file

    path = otlp_file(n)
    return lambda: summed(decoded(path))


def decoded(path):
    from google.protobuf.json_format import Parse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from phoenix.trace.otel import decode_otlp_span

    with path.open(encoding="utf-8") as stream:
        return [
            decode_otlp_span(span)
            for line in stream
            for resource in Parse(line, ExportTraceServiceRequest()).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def summed(spans):
    from datetime import timedelta

    usages = [span.attributes.get("gen_ai", {}).get("usage", {}) for span in spans]
    tick = timedelta(microseconds=1)
    return {
        "n:runs": len({span.context.trace_id for span in spans}),
        "n:spans": len(spans),
        "n:roots": sum(span.parent_id is None for span in spans),
        "n:error": sum(span.status_code.name == "ERROR" for span in spans),
        "tokens:in": int(sum(usage.get("input_tokens", 0) for usage in usages)),
        "tokens:out": int(sum(usage.get("output_tokens", 0) for usage in usages)),
        "time:µs": sum((span.end_time - span.start_time) // tick for span in spans),
    }
