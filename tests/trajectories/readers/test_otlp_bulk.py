"""The fast road through large OTLP files gives what the careful one gives, whatever the file."""

import gzip
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.trajectories.ledger import Ledger
from workbench.trajectories.model import KINDS
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.documents import Document, Limits
from workbench.trajectories.spans import bulk, shapes
from workbench.trajectories.spans.fast_spans import _HARMLESS

FIXTURES = Path(__file__).parents[1] / "fixtures" / "otlp"
BENCH = Path(__file__).parents[2] / "bench"


def document(data):
    return Document(Path("memory"), "memory", data=data)


def carefully(data, limits=None):
    given = replace(document(data), limits=limits or Limits())
    ledger, runs, ids = Ledger(), list(otlp.runs(given)), set()
    for run in runs:
        run.source, run.run_id = "memory", name_of(run)
        assert run.run_id not in ids
        ids.add(run.run_id)
        ledger.add(run)
    return given, ledger, runs


def in_bulk(data, limits=None):
    given = replace(document(data), limits=limits or Limits())
    ledger = Ledger()
    return given, ledger, list(otlp.index(given, ledger, name_of))


def name_of(run):
    return run.name or f"memory{run.pointer}"


def assert_both_roads_agree(data, limits=None):
    careful, own, runs = carefully(data, limits)
    fast, filled, indexed = in_bulk(data, limits)
    assert filled.records == own.records
    assert filled.steps().to_pydict() == own.steps().to_pydict()
    assert fast.notices == careful.notices
    assert [each.run_id for each in indexed] == [run.run_id for run in runs]
    assert [each.annotations for each in indexed] == [run.annotations for run in runs]
    # as dicts: Python 3.13 takes a field that is NaN for unequal to itself
    loaded = [asdict(each.load(each.run_id)) for each in indexed]
    assert loaded == [asdict(run) for run in runs]
    return runs


def value(plain):
    if isinstance(plain, bool):
        return {"boolValue": plain}
    if isinstance(plain, int):
        return {"intValue": str(plain)}
    if isinstance(plain, float):
        return {"doubleValue": plain}
    if isinstance(plain, list):
        return {"arrayValue": {"values": [value(each) for each in plain]}}
    return {"stringValue": plain}


def listed(attributes):
    return [{"key": key, "value": value(each)} for key, each in attributes.items()]


def request(*found, resource=None, scope=None):
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": listed(resource or {})},
                "scopeSpans": [{"scope": scope or {"name": "s"}, "spans": list(found)}],
            }
        ]
    }


def span(span_id="1", parent="", start=1, end=2, trace="a", **more):
    found = {"traceId": trace * 32, "spanId": span_id.rjust(16, "0"), "name": "chat m"}
    found |= {"startTimeUnixNano": str(start), "endTimeUnixNano": str(end)}
    if parent:
        found["parentSpanId"] = parent.rjust(16, "0")
    attributes = {"gen_ai.operation.name": "chat"} | more.pop("attributes", {})
    return found | {"attributes": listed(attributes)} | more


def lines(*requests):
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in requests)


TEXTS = st.sampled_from(
    ["", "m", "a b", ":", "a\":", "\\", "Straße", "😀", "\ud83d", "7", "-1", " call_1", "x\\\":y", "[", "{}"]
)  # fmt: skip
MESSAGES = st.sampled_from(
    [
        '[{"role":"assistant","parts":[{"type":"tool_call","id":" c1","name":"f","arguments":{}}]}]',
        '[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"g"},'
        '{"type":"tool_call","id":"c1","name":"f"},{"type":"text","content":"x"}]}]',
        '[{"role":"assistant","parts":[{"type":"tool_call","id":7,"name":"f"}]}]',
        '[{"role":"assistant","content":null,"tool_calls":[{"id":"c2","function":{"name":"f","arguments":"{"}}]}]',
        '[{"role":"system","parts":[{"type":"tool_call","id":"c1","name":"f"}]}]',
        '{"parts":[{"type":"tool_call","name":"f"}]}',
        '[{"parts":[{"type":"tool\\u005fcall","name":"f"}]}]',
        '[{"role":"assistant","role":"user","parts":[{"type":"tool_call","id":"c1"}]}]',
        '[{"parts":[{"type":"tool_call","id":"c2","name":"f","arguments":NaN}]}]',
        "[{",
        "the tool_call failed",
    ]
)
SCALARS = st.one_of(
    TEXTS, st.integers(-3, 5), st.sampled_from([2**63 - 1, 2**63, -(2**63)]), st.booleans(),
    st.sampled_from([0.5, -0.5, 1e305, 3.0]),
)  # fmt: skip
RAW_VALUES = st.one_of(
    SCALARS.map(value),
    st.lists(SCALARS, max_size=2).map(value),
    st.sampled_from(
        [
            {}, {"intValue": 3}, {"intValue": "1.0"}, {"intValue": "x"}, {"intValue": 5.0},
            {"intValue": True}, {"doubleValue": "NaN"}, {"doubleValue": 3}, {"stringValue": 3},
            {"boolValue": "true"}, {"stringValue": "a", "intValue": "1"}, {"bytesValue": "AAE="},
            {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}}, None, "x",
            {"arrayValue": {}}, {"arrayValue": {"values": [{"arrayValue": {"values": []}}]}},
            {"unknownValue": 1},
        ]
    ),
)  # fmt: skip
NAMES = sorted(
    {
        *shapes.AGENT, *shapes.MODEL, *shapes.PROVIDER, *shapes.TOOL, *shapes.CALL_ID, *shapes.ERROR,
        *shapes.COST, *(each for names in shapes.COUNTS.values() for each in names),
        *(each for names in shapes.FACTS.values() for each in names), *_HARMLESS,
        "gen_ai.operation.name", "gen_ai.prompt", "gen_ai.completion", "llm.request.type",
        "gen_ai.prompt.0.content", "gen_ai.completion.0.content", "traceloop.span.kind",
        "openinference.span.kind", "llm.output_messages.0.message.content", "input.value",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "output.value",
        "annotations.0.annotation.name", "ai.operationId", "ai.response.toolCalls", "colour",
        "ai.toolCall.name", "service.name", "gen_ai.request.stream", "llm.finish_reason", "a\":",
    }
)  # fmt: skip
PAIRS = st.one_of(
    st.tuples(st.sampled_from(NAMES), RAW_VALUES),
    st.tuples(st.just("gen_ai.operation.name"), st.sampled_from(KINDS).map(value)),
    st.tuples(st.just("openinference.span.kind"), st.sampled_from(["LLM", "TOOL"]).map(value)),
    st.tuples(st.just("gen_ai.output.messages"), MESSAGES.map(value)),
    st.tuples(
        st.just("gen_ai.tool.call.id"), st.sampled_from(["c1", " c1", "c2", "", " "]).map(value)
    ),
    st.tuples(st.just("gen_ai.tool.name"), st.sampled_from(["f", "g"]).map(value)),
    st.tuples(
        st.sampled_from([names[0] for names in shapes.COUNTS.values()]),
        st.integers(0, 9).map(value),
    ),
)
ATTRIBUTES = st.lists(PAIRS.map(lambda pair: {"key": pair[0], "value": pair[1]}), max_size=6)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(
                ["exception", "gen_ai.choice", "gen_ai.evaluation.result", "gen_ai.user.message", "x"]
            )
        },
        optional={
            "timeUnixNano": st.sampled_from(["5", 7]),
            "attributes": st.lists(
                st.sampled_from(
                    listed(
                        {
                            "exception.type": "E", "exception.message": "m", "content": "c",
                            "gen_ai.evaluation.name": "n", "gen_ai.evaluation.score.value": 0.5,
                            "tool_calls": '[{"id":"c1","function":{"name":"f","arguments":"{}"}}]',
                        }
                    )
                ),
                max_size=3,
            ),
        },
    ),
    max_size=2,
)  # fmt: skip
TIMES = st.sampled_from(["1", "2", "3", 4, "0", 0, "-1", -2, "1e3", "x", 5.0, None, 2**63, "007"])
SPAN_IDS = st.sampled_from(
    [
        *(f"{at:016x}" for at in range(6)),
        "00000000000000AB",
        "00000000000000ab",
        "zz",
        "",
        "W47/95gDgQM=",
    ]
)
SPANS = st.fixed_dictionaries(
    {
        "traceId": st.sampled_from(["a" * 32, "A" * 32, "b" * 32, "", "t"]),
        "spanId": SPAN_IDS,
        "attributes": ATTRIBUTES,
    },
    optional={
        "parentSpanId": SPAN_IDS,
        "name": st.sampled_from(["chat m", "invoke_agent", "é"]),
        "kind": st.sampled_from([1, "SPAN_KIND_CLIENT", {}]),
        "startTimeUnixNano": TIMES,
        "endTimeUnixNano": TIMES,
        "status": st.sampled_from(
            [{}, {"code": 1}, {"code": 2, "message": "no"}, {"code": "STATUS_CODE_OK"}, {"code": []},
             {"code": True}, {"code": 1.0}, None, {"code": 2, "more": 1}]
        ),
        "events": EVENTS,
        "links": st.sampled_from([[], [{"traceId": "a"}]]),
        "flags": st.sampled_from([1, None]),
        "more": st.just({"a": 1}),
    },
)  # fmt: skip
ODD_SPANS = st.one_of(SPANS, SPANS, SPANS, SPANS, st.sampled_from([None, 1, {}, {"traceId": 3}]))
SCOPES = st.fixed_dictionaries(
    {"spans": st.lists(ODD_SPANS, min_size=1, max_size=6)},
    optional={"scope": st.sampled_from([{"name": "s"}, {}, None]), "schemaUrl": st.just("u")},
)
RESOURCES = st.fixed_dictionaries(
    {"scopeSpans": st.lists(SCOPES, max_size=2)},
    optional={
        "resource": st.sampled_from(
            [
                {"attributes": listed({"service.name": "app", "wb.task_id": "9"})},
                {},
                {"attributes": 3},
            ]
        ),
        "schemaUrl": st.just("u"),
        "more": st.just(1),
    },
)
REQUESTS = st.fixed_dictionaries({"resourceSpans": st.lists(RESOURCES, min_size=1, max_size=2)})
SPACES = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")])


@st.composite
def files(draw):
    """OTLP files of one to three lines, some with what no JSON has."""
    found = []
    for each in draw(st.lists(REQUESTS, min_size=1, max_size=3)):
        text = json.dumps(each, separators=draw(SPACES), ensure_ascii=draw(st.booleans()))
        found.append(text.encode("utf-8", "surrogatepass"))
    data = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + b"\n".join(found)
    if draw(st.integers(0, 3)) == 0:
        # a change at one place: a byte is lost, another comes, or a piece comes twice
        at = draw(st.integers(0, len(data) - 1))
        new = draw(st.sampled_from([b"", b'"', b"\xff", b"NaN", b"\n", b"0", b"\\ud800"]))
        data = data[:at] + new + data[at + draw(st.integers(0, 2)) :]
    if draw(st.integers(0, 3)) == 0:
        twice = draw(
            st.sampled_from([b'"spanId"', b'"key"', b'"stringValue"', b'"spans"', b'"name"'])
        )
        data = data.replace(twice, twice + b":0," + twice, 1)
    return data


@settings(max_examples=100, deadline=None)
@given(files())
def test_any_file_gives_the_same_on_both_roads(data):
    assert_both_roads_agree(data)


@settings(max_examples=30, deadline=None)
@given(files(), st.integers(1, 40))
def test_so_it_does_under_a_small_limit_of_depth(data, depth):
    assert_both_roads_agree(data, Limits(depth=depth))


def test_fixtures_give_the_same_on_both_roads():
    paths = sorted([*FIXTURES.glob("*.json"), *FIXTURES.glob("*.jsonl")])
    assert len(paths) >= 3
    for path in paths:
        assert_both_roads_agree(path.read_bytes())


def many(n_runs, n_spans):
    found = []
    for at in range(n_runs):
        trace = "0123456789abcdef"[at % 16]
        spans = [span("f" * 16, start=1, end=10**6, trace=trace)]
        spans += [
            span(f"{number + 1:x}", "f" * 16, number + 1, number + 2, trace=trace)
            for number in range(n_spans - 1)
        ]
        found.append(request(*spans))
    return lines(*found)


def test_the_index_takes_at_most_32_bytes_per_step():
    # a scope takes 12 bytes, so the most where each span is alone
    for n_runs, n_spans, most in ((10, 100, 17), (16, 1, 28)):
        *_, indexed = in_bulk(many(n_runs, n_spans))
        located = indexed[0].load.located
        assert located.n_spans == n_runs * n_spans
        assert located.nbytes / located.n_spans <= most


def test_a_step_is_read_again_without_the_rest_of_its_file(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(many(3, 5))
    ledger = Ledger()
    indexed = list(otlp.index(Document(path, "runs"), ledger, name_of))
    located = indexed[0].load.located
    for number, source in enumerate(ledger.steps()["source"].to_pylist()):
        line, *pointer = source.split("/")
        value = json.loads(path.read_bytes().splitlines()[int(line[1:]) - 1])
        for each in pointer:
            value = value[int(each)] if isinstance(value, list) else value[each]
        assert json.loads(located.raw(number)) == value


def test_runs_are_loaded_from_plain_and_gzipped_files_alike(tmp_path):
    data = many(3, 5)
    path = tmp_path / "runs.jsonl.gz"
    path.write_bytes(gzip.compress(data))
    indexed = list(otlp.index(Document(path, "memory"), Ledger(), name_of))
    *_, runs = carefully(data)
    assert [each.load(each.run_id) for each in indexed] == runs


def test_one_bad_line_leaves_the_others_on_the_fast_road(monkeypatch):
    data = many(4, 3).splitlines(keepends=True)
    data[2] = data[2].replace(b'"flags"', b"").replace(b'"end', b'"x":NaN,"end', 1)
    assert_both_roads_agree(b"".join(data))
    slow = []
    monkeypatch.setattr(bulk, "_add_slowly", lambda *arguments: slow.append(arguments[2].number))
    in_bulk(b"".join(data))
    assert slow == [3]


@pytest.mark.slow
@pytest.mark.parametrize(("n_runs", "n_spans", "times"), [(1_000, 100, 0.5), (1, 100_000, 3)])
def test_memory_stays_a_share_of_the_file(n_runs, n_spans, times):
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(BENCH), str(n_runs), str(n_spans)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    size, peak = map(int, done.stdout.split())
    assert size > 100e6
    assert peak < times * size


_PEAK = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from otlp_files import otlp_file
from workbench import trajectories

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

trajectories.read(otlp_file(2)).table
path = otlp_file(int(sys.argv[2]), n_spans=int(sys.argv[3]))
before = peak()
trajectories.read(path).table
print(path.stat().st_size, peak() - before)
"""
