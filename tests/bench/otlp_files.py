"""OTLP files for benchmarks, the same on every machine: runs of an agent that searches."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np

N_SPANS = 100
_WORDS = [f"word{at}" for at in range(400)] + ["Straße", '"quoted"', "line\n", "C:\\temp", "…"]


def otlp_file(n: int, *, n_spans: int = N_SPANS) -> Path:
    """Return a JSON Lines file of n runs, a run a line, written once.

    Parameters
    ----------
    n : int
        Number of runs; it is the seed too.
    n_spans : int
        Spans of each, about 1.1 kB long.
    """
    path = Path(tempfile.gettempdir()) / f"workbench-bench-{n}-{n_spans}.jsonl"
    if not path.exists():
        rng = np.random.default_rng([n, n_spans])
        text = " ".join(rng.choice(_WORDS, 20_000))
        part = path.with_suffix(f".{os.getpid()}")
        with part.open("w", encoding="utf-8") as stream:
            for _ in range(n):
                _write_run(stream, rng, text, n_spans)
        part.replace(path)
    return path


def _write_run(stream, rng, text, n_spans):
    resource = {"attributes": _listed({"service.name": "claims", "service.version": "3"})}
    head = json.dumps({"resource": resource}, separators=(",", ":"))[:-1]
    stream.write('{"resourceSpans":[' + head + ',"scopeSpans":[{"scope":{"name":"wb"},"spans":[')
    trace_id, root = rng.bytes(16).hex(), rng.bytes(8).hex()
    start = now = 1_760_000_000_000_000_000 + int(rng.integers(10**15))
    call_id = ""
    for at in range(n_spans - 1):
        if at % 2 == 0:
            call_id = f"call_{rng.bytes(12).hex()}"
        name, attributes = (_tool if at % 2 else _chat)(rng, text, call_id)
        now, begin = now + int(rng.integers(10**6, 10**9)), now
        status = {"code": 1} if rng.random() < 0.97 else {"code": 2, "message": "it failed"}
        span = {"traceId": trace_id, "spanId": rng.bytes(8).hex(), "parentSpanId": root}
        span |= {"flags": 257, "name": name, "kind": 3, "startTimeUnixNano": str(begin)}
        span |= {"endTimeUnixNano": str(now), "attributes": _listed(attributes), "status": status}
        stream.write(json.dumps(span, ensure_ascii=False, separators=(",", ":")) + ",")
    run = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "claims"}
    run |= {"gen_ai.agent.version": "1.2", "wb.task_id": "7", "wb.trial": 1, "wb.outcome": True}
    span = {"traceId": trace_id, "spanId": root, "name": "invoke_agent claims", "kind": 1}
    span |= {"startTimeUnixNano": str(start), "endTimeUnixNano": str(now)}
    span |= {"attributes": _listed(run), "status": {"code": 1}}
    stream.write(json.dumps(span, separators=(",", ":")) + "]}]}]}\n")


def _cut(rng, text, length):
    at = int(rng.integers(len(text) - length))
    return text[at : at + length]


def _chat(rng, text, call_id):
    asked = [{"role": "user", "parts": [{"type": "text", "content": _cut(rng, text, 60)}]}]
    call = {"type": "tool_call", "id": call_id, "name": "search"}
    call["arguments"] = {"query": _cut(rng, text, 30)}
    said = {"type": "text", "content": _cut(rng, text, 40)}
    answer = {"role": "assistant", "parts": [said, call], "finish_reason": "tool_call"}
    return "chat m-1", {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m-1",
        "gen_ai.response.model": "m-1-2026",
        "gen_ai.agent.name": "claims",
        "gen_ai.usage.input_tokens": int(rng.integers(5_000)),
        "gen_ai.usage.output_tokens": int(rng.integers(500)),
        "gen_ai.usage.cache_read.input_tokens": int(rng.integers(100)),
        "gen_ai.response.finish_reasons": ["tool_call"],
        "gen_ai.input.messages": json.dumps(asked, ensure_ascii=False),
        "gen_ai.output.messages": json.dumps([answer], ensure_ascii=False),
    }


def _tool(rng, text, call_id):
    return "execute_tool search", {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": call_id,
        "gen_ai.agent.name": "claims",
        "gen_ai.tool.call.arguments": json.dumps({"query": _cut(rng, text, 30)}),
        "gen_ai.tool.call.result": _cut(rng, text, 120),
    }


def _listed(attributes):
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": value}
