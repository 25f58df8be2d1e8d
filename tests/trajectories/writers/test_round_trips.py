"""The law of every writer: what it wrote is read as the same runs, whatever format they came from."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.trajectories import readers
from workbench.trajectories.model import KINDS, Annotation, Part, Run, Step, Usage
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers import names, write
from workbench.trajectories.writers.encoding import plain

FORMATS = names()
READERS = {"jsonl": "workbench-runs"}
# Where a run stands differs from file to file; the rest must not.
PLACES = ("pointer", "source", "format", "format_version")
repeatable = settings(
    deadline=None, derandomize=True, max_examples=40, suppress_health_check=list(HealthCheck)
)


def loaded(content, name=None):
    document = Document(Path("memory"), "memory", data=content)
    reader = readers.reader_named(name) if name else readers.reader_of(document)
    return list(reader.runs(document)), document.notices


def read_file(path):
    found, _ = loaded(path.read_bytes())
    return found


def content_of(run, *, places=False):
    """A run as text, for comparison: 1, 1.0 and True are not the same."""
    value = plain(run)
    if not places:
        value = {name: each for name, each in value.items() if name not in PLACES}
        for step in value.get("steps", []):
            del step["source"]
    return json.dumps(value, sort_keys=True)


def written_and_read(runs, format, folder, **options):
    path = folder / "runs.jsonl"
    write(runs, path, format=format)
    found, notices = loaded(path.read_bytes(), READERS.get(format, format))
    assert [each for each in notices if each.check == "unfit"] == []
    assert len(found) == len(runs)
    for was, now in zip(runs, found, strict=True):
        # readers leave this to `read` where a file does not say it
        was.run_id, now.run_id = was.run_id or "", now.run_id or was.run_id
        assert content_of(now, **options) == content_of(was, **options)
    return path


names_of_members = st.sampled_from(
    ["extra", "agent", "attributes", "events", "contexts", "context", "messages", "trajectory",
     "structured", "message", "wb", "role", "content", "metrics", "llm_call_count", "type", "id",
     "final_metrics", "subagent_trajectory_ref", "$number", "resource", "trajectory_id", "key"]
) | st.text(max_size=3)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
    | st.sampled_from(["NaN", "{", '{"a": 1}', "unknown"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names_of_members, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
extras = st.dictionaries(names_of_members, values, max_size=3)
maybe_text = st.none() | st.text(max_size=8) | st.just("unknown")
counts = st.none() | st.integers(0, 2**63 - 1)
usages = st.none() | st.builds(
    Usage, counts, counts, counts, counts, counts, st.none() | st.floats(0, 1e6)
)
parts = st.builds(
    Part,
    st.sampled_from(["in", "out", "system"]),
    st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "critic", ""]),
    st.sampled_from(
        ["text", "reasoning", "tool_call", "tool_call_response", "server_tool_call",
         "server_tool_call_response", "blob", "file", "uri", "opaque"]
    ),
    maybe_text, maybe_text, maybe_text, values, st.booleans(),
    st.none() | st.sampled_from(["image/png", "audio/wav", "text/x"]),
    extras,
)  # fmt: skip
statuses = st.sampled_from(["ok", "error", "unset", "cancelled"])
flags = st.frozensets(
    st.sampled_from(["demo", "copied_context", "streamed", "orphan", "unanswered"]), max_size=2
)


@st.composite
def any_step(draw, number, order):
    # parents may come later, but no step lies within itself
    above = order[: order.index(number)]
    enclosing = st.none() | st.sampled_from(above or [None])
    asking = st.none() | st.sampled_from([each for each in order if each != number] or [None])
    return Step(
        draw(st.sampled_from(KINDS)), draw(st.text(max_size=4)),
        draw(st.lists(parts, max_size=3)), draw(enclosing), draw(asking),
        *(draw(maybe_text) for _ in range(6)),
        status=draw(statuses), error_type=draw(maybe_text), error_message=draw(maybe_text),
        start_ns=draw(counts), end_ns=draw(counts), usage=draw(usages),
        finish_reason=draw(maybe_text), response_id=draw(maybe_text), span_id=draw(maybe_text),
        parent_span_id=draw(maybe_text), flags=draw(flags), extra=draw(extras),
    )  # fmt: skip


@st.composite
def any_run(draw):
    order = draw(st.permutations(range(draw(st.integers(0, 4)))))
    judged = st.builds(
        Annotation, st.text(max_size=4), maybe_text, st.none() | st.floats(-9, 9), maybe_text,
        counts, st.none() | st.sampled_from(["HUMAN", "LLM", "CODE"]), maybe_text, extras,
    )  # fmt: skip
    return Run(
        draw(st.sampled_from(["mine", "otlp", "atif", "openai-chat"])), draw(st.text(max_size=3)),
        [draw(any_step(number, order)) for number in range(len(order))],
        *(draw(maybe_text), draw(st.text(max_size=4)), draw(st.text(max_size=4))),
        format_version=draw(maybe_text), conversation_id=draw(maybe_text), task_id=draw(maybe_text),
        trial=draw(counts), output_id=draw(maybe_text), agent=draw(maybe_text),
        agent_version=draw(maybe_text), provider=draw(maybe_text), model=draw(maybe_text),
        status=draw(statuses), termination=draw(maybe_text),
        outcome=draw(st.none() | st.booleans() | st.floats(-1, 1)),
        scores=draw(st.dictionaries(st.text(max_size=3), st.floats(-9, 9), max_size=2)),
        recorded=draw(usages), start_ns=draw(counts), end_ns=draw(counts),
        time_source=draw(st.sampled_from(["recorded", "derived", "none"])),
        annotations=draw(st.lists(judged, max_size=2)), extra=draw(extras),
    )  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
@repeatable
@given(run=any_run())
def test_any_run_comes_back(format, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    written_and_read([run], format, folder)


@repeatable
@given(run=any_run())
def test_our_own_format_keeps_every_place_too(run, tmp_path_factory):
    written_and_read([run], "jsonl", tmp_path_factory.mktemp("written"), places=True)


FILES = ["atif/delegation.json", "atif/old.json", "atif/swe_agent.json", "openai/pairs.jsonl",
         "openai/batch.jsonl", "openai/chunks.jsonl", "openai/finetuning.jsonl",
         "openai/response.json"]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", FILES)
def test_files_of_real_tools_come_back(format, name, fixtures, tmp_path):
    written_and_read(read_file(fixtures / name), format, tmp_path)


@pytest.mark.parametrize("format", FORMATS)
def test_every_other_fixture_comes_back(format, fixtures, tmp_path):
    seen = 0
    for path in sorted(fixtures.glob("*/*.json*")):
        document = Document(path, path.name)
        if readers.reader_of(document) is not None and (runs := read_file(path)):
            written_and_read(runs, format, tmp_path)
            seen += 1
    assert seen >= len(FILES)


SHARED = ["tau-bench/gpt-4o-airline.json.gz", "who_and_when/Algorithm-Generated.jsonl.gz",
          "inspect/2025-05-12T20-27-36-04-00_browser.json",
          "inspect/log_message_deduplication.eval",
          "swe-agent/6e44b9__sweagenttestrepo-1c2844.traj",
          "swe-agent/marshmallow-1867.function_calling.traj"]  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", SHARED)
def test_the_real_files_come_back(format, name, shared, tmp_path):
    runs = read_file(shared / "trajectories" / name)
    written_and_read(runs[:25], format, tmp_path)


@pytest.mark.parametrize(
    ("format", "name"),
    [("atif", "atif/delegation.json"), ("atif", "atif/old.json"), ("atif", "atif/swe_agent.json"),
     ("openai-chat", "openai/finetuning.jsonl")],
)  # fmt: skip
def test_a_file_of_the_same_format_needs_no_more_than_its_id_beside(
    format, name, fixtures, tmp_path
):
    runs = read_file(fixtures / name)
    for at, run in enumerate(runs):
        run.run_id = f"r{at}"
    path = written_and_read(runs, format, tmp_path)
    for at, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        value = json.loads(line)
        lacking = value["wb"] if format == "openai-chat" else value["extra"]["wb"]
        assert lacking == {"run": {"run_id": f"r{at}"}}


@pytest.mark.parametrize("format", FORMATS)
def test_writing_twice_gives_the_same_bytes(format, fixtures, tmp_path):
    runs = read_file(fixtures / "atif/delegation.json")
    write(runs, tmp_path / "a", format=format)
    once = (tmp_path / "a").read_bytes()
    write(runs, tmp_path / "a", format=format)
    assert (tmp_path / "a").read_bytes() == once


def _said(run):
    return [
        (step.kind, step.tool, step.text, json.dumps(step.arguments, sort_keys=True), step.result)
        for step in run.steps
    ]


@pytest.mark.shared
@pytest.mark.parametrize("format", ["otlp", "atif", "openai-chat"])
def test_what_was_said_and_done_is_there_without_our_extension(format, shared, tmp_path):
    runs = read_file(shared / "trajectories" / "tau-bench/gpt-4o-airline.json.gz")[:40]
    write(runs, tmp_path / "a.jsonl", format=format)
    bare = []
    for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
        value = json.loads(line)
        value.pop("wb", None)
        value.pop("extra", None)
        for each in value.get("resourceSpans", []):
            (group,) = each["scopeSpans"]
            for span in group["spans"]:
                span["attributes"] = [
                    one for one in span["attributes"] if one["key"] != "wb.extension"
                ]
        bare.append(json.dumps(value))
    found, _ = loaded("\n".join(bare).encode(), format)
    for was, now in zip(runs, found, strict=True):
        assert len(now.steps) == len(was.steps)
        for one, other in zip(was.steps, now.steps, strict=True):
            assert (one.kind, one.tool, one.arguments) == (other.kind, other.tool, other.arguments)
            assert one.result == other.result
            assert one.call_step == other.call_step
            texts = [[p.text for p in s.parts if p.type == "text"] for s in (one, other)]
            assert texts[0] == texts[1]
