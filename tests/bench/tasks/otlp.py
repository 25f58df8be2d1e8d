"""An OTLP file of 100 spans a run into the columns of STEPS, from the file to an Arrow table.

The peer is what one writes with orjson: each line parsed, its spans sorted, their attributes as
dicts, the columns as lists. It checks nothing: no keys that come twice, no broken text, no ids.
"""

PEER = "orjson"
SIZE = 1_000
UNIT = "{n} runs × 100 spans"
GOAL = 1.3

_COUNTS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_written_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
_NAMES = ("run_id", "kind", "agent", "model", "tool", "status", "error_type")
_STATUSES = ("unset", "ok", "error")


def ours(n):
    from otlp_files import otlp_file

    from workbench import trajectories

    path = otlp_file(n)
    # what is parsed by hand has no demos
    return lambda: figures(trajectories.read(path).table.drop_columns(["uncounted"]))


def theirs(n):
    from otlp_files import otlp_file

    path = otlp_file(n)
    return lambda: figures(parsed(path))


def parsed(path):
    import orjson
    import pyarrow as pa

    columns = {}
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            for i, resource in enumerate(orjson.loads(line)["resourceSpans"]):
                for j, scope in enumerate(resource["scopeSpans"]):
                    place = f"L{number}/resourceSpans/{i}/scopeSpans/{j}/spans"
                    add_run(columns, place, scope["spans"], orjson.loads)
    kinds = {"cost_usd": pa.float64(), "source": pa.string()}
    arrays = {
        name: pa.array(values, kinds.get(name, pa.int64()))
        for name, values in columns.items()
        if name not in _NAMES
    }
    names = {name: pa.array(columns[name], pa.string()).dictionary_encode() for name in _NAMES}
    return pa.table(arrays | names)


def add_run(columns, place, spans, loads):
    numbered = sorted(enumerate(spans), key=lambda each: int(each[1]["startTimeUnixNano"]))
    at = {span["spanId"]: step for step, (_, span) in enumerate(numbered)}
    open_calls, rows = {}, []
    for step, (number, span) in enumerate(numbered):
        said = {each["key"]: plain(each["value"]) for each in span["attributes"]}
        row = {
            "run_id": span["traceId"],
            "step": step,
            "kind": said.get("gen_ai.operation.name", "wb.other"),
            "parent": at.get(span.get("parentSpanId")),
            "call_step": call_step(said, step, open_calls, loads),
            "agent": said.get("gen_ai.agent.name"),
            "model": said.get("gen_ai.response.model") or said.get("gen_ai.request.model"),
            "tool": said.get("gen_ai.tool.name"),
            "status": _STATUSES[span["status"].get("code", 0)],
            "error_type": said.get("error.type"),
            "start_ns": int(span["startTimeUnixNano"]),
            "end_ns": int(span["endTimeUnixNano"]),
            "cost_usd": said.get("wb.cost_usd"),
            "source": f"{place}/{number}",
        }
        for name, key in _COUNTS.items():
            row[name] = said.get(key)
        rows.append(row)
    for name in rows[0]:
        columns.setdefault(name, []).extend(row[name] for row in rows)


def call_step(said, step, open_calls, loads):
    if said["gen_ai.operation.name"] == "execute_tool":
        return open_calls.pop(said["gen_ai.tool.call.id"], None)
    for message in loads(said.get("gen_ai.output.messages", "[]")):
        for part in message["parts"]:
            if part["type"] == "tool_call":
                open_calls[part["id"]] = step
    return None


def plain(value):
    if "stringValue" in value:
        return value["stringValue"]
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [plain(each) for each in value["arrayValue"].get("values", [])]
    return value.get("doubleValue", value.get("boolValue"))


def figures(table):
    """Return sums over each column that change with any value and with any order."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    place = np.arange(1, len(table) + 1) % 9_973
    found = {"n": len(table)}
    for name in sorted(table.column_names):
        column = table[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            lengths = np.append(pc.binary_length(column.dictionary).to_numpy(False), 0)
            values = lengths[column.indices.fill_null(0).to_numpy()] * column.is_valid().to_numpy(
                False
            )
        elif pa.types.is_string(column.type):
            values = pc.binary_length(column).to_numpy()
        else:
            values = pc.fill_null(column, -1).to_numpy().astype(np.int64) % 1_000_003
        found[f"column:{name}"] = int((values.astype(np.int64) * place).sum())
    return found
