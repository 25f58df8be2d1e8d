"""Our own runs: every field comes back; what is none of ours is kept and told."""

import json
import math
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import Annotation, Part, Run, Step, Usage
from workbench.trajectories.readers import workbench_runs
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers import jsonl, write


def read(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=content)
    return list(workbench_runs.runs(document)), document.notices


def full_run(**members):
    steps = [
        Step("chat", "/0/a", [Part("out", "assistant", "tool_call", "{}", "f", "c", {})],
             model="m", usage=Usage(7, 2, 1, 3, 1, 0.5), flags=frozenset({"demo", "streamed"})),
        Step("execute_tool", "/0/b", [Part("out", "tool", "tool_call_response", "1", extra={"x": [1.0]})],
             parent=0, call_step=0, start_ns=1, end_ns=2, status="error", error_type="e"),
    ]  # fmt: skip
    said = {
        "source": "other.json", "run_id": "r1", "output_id": "o7", "task_id": "t", "trial": 3,
        "outcome": True, "scores": {"reward": 1.0}, "recorded": Usage(cost_usd=0.1),
        "annotations": [Annotation("mistake", step=1, annotator_kind="HUMAN", score=0.5)],
    }  # fmt: skip
    return Run("tau-bench", "/0", steps, **said | members)


def test_every_field_comes_back():
    (found,), notices = read(jsonl.line(full_run()))
    assert found == full_run()
    assert notices == []


def test_a_file_of_runs_keeps_their_ids_formats_places_and_outputs(tmp_path):
    write([full_run(), full_run(run_id="r2")], tmp_path / "runs.jsonl")
    runs = trajectories.read(tmp_path / "runs.jsonl")
    assert runs.ids == ["r1", "r2"]
    row = runs.frame.iloc[1]
    assert (row["output_id"], row["format"], row["source"]) == ("o7", "tau-bench", "other.json#/0")
    assert runs["r2"] == full_run(run_id="r2")
    assert runs.annotations["name"].tolist() == ["mistake", "mistake"]


def test_two_files_with_one_id_are_told_apart(tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        write([full_run()], tmp_path / name)
    runs = trajectories.read(tmp_path)
    assert runs.ids[0] == "r1"
    assert runs.findings["evidence"].tolist() == [
        f"a run named 'r1' was read before; this is {runs.ids[1]}"
    ]
    assert runs[runs.ids[1]].steps == full_run().steps


def test_numbers_that_json_lacks_come_back():
    extra = {"nan": float("nan"), "inf": [float("-inf")], "$number": "NaN", "a": {"$number": 1}}
    line = jsonl.line(full_run(extra=extra))
    (found,), _ = read(line)
    assert repr(found.extra) == repr(extra)
    assert json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize("written", ["1e999", "NaN", '{"$number": "-Infinity"}'])
def test_a_cost_without_end_is_no_cost(tmp_path, written):
    line = jsonl.line(full_run()).replace(b'"cost_usd":0.5', b'"cost_usd":' + written.encode())
    (tmp_path / "runs.jsonl").write_bytes(line)
    runs = trajectories.read(tmp_path)
    step = runs[0].steps[0]
    assert step.usage == Usage(7, 2, 1, 3, 1)
    assert not math.isfinite(step.extra["unread"]["usage"]["cost_usd"])
    assert runs.findings["check"].tolist() == ["trajectories.unfit"]
    assert runs.steps["cost_usd"].isna().all()
    assert runs.frame["cost_usd"].tolist() == [0.1]


def test_halves_of_characters_are_told_and_break_nothing_else():
    (found,), notices = read(jsonl.line(full_run(task_id="a\ud800")))
    assert found.task_id == "a�"
    assert [each.check for each in notices] == ["half_character"]
    assert found.steps == full_run().steps


def test_what_lies_as_deep_as_may_be_read_comes_back():
    value = 0
    for _ in range(195):
        value = [value]
    run = full_run()
    run.steps[0].parts[0].extra = {"deep": value}
    (found,), notices = read(jsonl.line(run))
    assert found == run
    assert notices == []


def test_fields_that_do_not_fit_are_kept_and_told():
    value = {
        "workbench_run": 1, "format": "f", "trial": -1, "colour": "red", "status": "fine",
        "recorded": {"input_tokens": "many", "output_tokens": 2},
        "steps": [{"kind": 7, "start_ns": 2**63, "call_step": 9, "parts": [5, {"type": "sound"}]}, 3],
    }  # fmt: skip
    (run,), notices = read(value)
    assert run.extra["unread"] == {
        "trial": -1, "colour": "red", "status": "fine", "recorded": {"input_tokens": "many"},
    }  # fmt: skip
    assert run.recorded == Usage(output_tokens=2)
    assert [step.kind for step in run.steps] == ["wb.other", "wb.other"]
    assert run.steps[0].extra["unread"] == {"kind": 7, "start_ns": 2**63}
    assert run.steps[0].parts[0].extra["unread"] == {"value": 5}
    assert run.steps[1].extra["unread"] == {"value": 3}
    assert (run.steps[0].call_step, run.steps[0].flags) == (None, {"orphan"})
    assert {each.check for each in notices} == {"unfit"}
    assert notices[-1].reason == "its call_step is step 9, which is none"


def test_another_version_is_told():
    _, notices = read({"workbench_run": 9, "format": "f"})
    assert [each.reason for each in notices] == [
        "its schema is 9, and 1 is known; it is read as that"
    ]


def test_twisted_values_never_crash_and_lose_no_step(twists):
    value = json.loads(jsonl.line(full_run()))
    for twisted in twists(value, 300):
        read(twisted)


def test_broken_files_never_crash(mutations):
    for content in mutations(jsonl.line(full_run()) + b"\n" + jsonl.line(full_run()), 300):
        read(content)
