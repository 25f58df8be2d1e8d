"""ATIF as Harbor's models accept it: the rules that they enforce, on runs of every format.

The models themselves accepted all that was written of every fixture: see fixtures/atif/check.py.
"""

import json

import pytest

from workbench.trajectories.conversations.messages import call_part
from workbench.trajectories.model import Part, Run, Step, Usage
from workbench.trajectories.readers import atif as reader
from workbench.trajectories.readers import reader_of
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers import atif

# Harbor's models forbid any other member (v1.8).
TRAJECTORY = {
    "schema_version", "session_id", "trajectory_id", "agent", "steps", "notes", "final_metrics",
    "continued_trajectory_ref", "extra", "subagent_trajectories",
}  # fmt: skip
STEP = {
    "step_id", "timestamp", "source", "model_name", "reasoning_effort", "message",
    "reasoning_content", "tool_calls", "observation", "metrics", "is_copied_context",
    "llm_call_count", "extra",
}  # fmt: skip
OF_AGENTS = {"model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics"}


def check(value):
    """The rules of Harbor's models that a writer can break."""
    assert value.keys() <= TRAJECTORY
    assert {"name", "version"} <= value["agent"].keys()
    assert value["steps"]
    for at, step in enumerate(value["steps"]):
        assert step.keys() <= STEP
        assert step["step_id"] == at + 1
        assert isinstance(step["message"], (str, list))
        if step["source"] != "agent":
            assert not OF_AGENTS & step.keys()
        if step.get("llm_call_count") == 0:
            assert not {"metrics", "reasoning_content"} & step.keys()
        ids = {call["tool_call_id"] for call in step.get("tool_calls", [])}
        assert all(isinstance(call["arguments"], dict) for call in step.get("tool_calls", []))
        for result in step.get("observation", {}).get("results", []):
            assert result.get("source_call_id") in {*ids, None}
    subs = value.get("subagent_trajectories", [])
    assert len({sub["trajectory_id"] for sub in subs}) == len(subs)
    for sub in subs:
        check(sub)


def written(*steps, **members):
    value = json.loads(atif.line(Run("mine", "", list(steps), **members)))
    check(value)
    return value


def test_a_models_step_takes_the_answers_of_its_tools_with_it():
    call = call_part("f", {"a": 1}, "c1")
    response = Part("out", "tool", "tool_call_response", "done", call_id="c1")
    value = written(
        Step("wb.input", "", [Part("in", "user", "text", "Hi")]),
        Step("chat", "", [Part("out", "assistant", "text", "So."), call], model="m",
             usage=Usage(7, 2, None, 3, 1, 0.5), start_ns=1_760_000_000_250_000_000),
        Step("execute_tool", "", [response], call_step=1, tool="f", tool_call_id="c1"),
        agent="a", agent_version="2",
    )  # fmt: skip
    assert value["agent"] == {"name": "a", "version": "2"}
    assert value["steps"][1:] == [{
        "step_id": 2, "source": "agent", "message": "So.", "model_name": "m",
        "metrics": {"prompt_tokens": 7, "completion_tokens": 3, "cached_tokens": 2, "cost_usd": 0.5},
        "tool_calls": [{"tool_call_id": "c1", "function_name": "f", "arguments": {"a": 1}}],
        "timestamp": "2025-10-09T08:53:20.25Z",
        "observation": {"results": [{"source_call_id": "c1", "content": "done"}]},
    }]  # fmt: skip


def test_an_agent_that_a_tool_called_is_a_sub_agents_trajectory():
    call = call_part("ask", {}, "c1")
    value = written(
        Step("chat", "", [call]),
        Step("execute_tool", "", [Part("out", "tool", "tool_call_response", "42")], call_step=0,
             tool_call_id="c1"),
        Step("invoke_agent", "", parent=1, agent="helper", usage=Usage(5)),
        Step("chat", "", [Part("out", "assistant", "text", "42")], parent=2),
    )  # fmt: skip
    (sub,) = value["subagent_trajectories"]
    assert (sub["agent"]["name"], sub["steps"][0]["message"]) == ("helper", "42")
    assert sub["final_metrics"] == {"total_prompt_tokens": 5}
    (result,) = value["steps"][0]["observation"]["results"]
    assert result["subagent_trajectory_ref"] == [{"trajectory_id": sub["trajectory_id"]}]


def test_an_agent_around_everything_is_the_run_itself():
    value = written(
        Step("invoke_agent", "", agent="root"),
        Step("chat", "", [call_part("f", {}, "c")], parent=0),
    )
    assert "subagent_trajectories" not in value
    assert len(value["steps"]) == 1


def test_arguments_that_are_no_object_stand_beside():
    value = written(Step("chat", "", [call_part("f", "{broken", None), call_part("g", "[1]", "x")]))
    assert value["steps"][0]["tool_calls"] == [
        {"tool_call_id": "call_0_0", "function_name": "f", "arguments": {}},
        {"tool_call_id": "x", "function_name": "g", "arguments": {}},
    ]
    assert "{broken" in json.dumps(value["extra"]["wb"])


def test_a_tool_that_no_step_asked_for_is_a_dispatch():
    value = written(
        Step("execute_tool", "", [Part("out", "tool", "tool_call_response", "1")], tool="f")
    )
    (step,) = value["steps"]
    assert (step["source"], step["llm_call_count"]) == ("agent", 0)
    assert step["tool_calls"][0]["function_name"] == "f"


def test_a_run_without_steps_has_one_that_says_nothing():
    assert written()["steps"] == [{"step_id": 1, "source": "system", "message": ""}]


def test_every_fixture_is_written_as_harbor_accepts_it(fixtures):
    seen = 0
    for path in sorted(fixtures.glob("*/*.json*")):
        document = Document(path, path.name)
        found = reader_of(document)
        for run in found.runs(document) if found else []:
            check(json.loads(atif.line(run)))
            seen += 1
    assert seen > 12


@pytest.mark.parametrize("name", ["delegation.json", "old.json", "swe_agent.json"])
def test_a_file_of_harbors_is_written_as_it_was(name, fixtures):
    source = json.loads((fixtures / "atif" / name).read_text(encoding="utf-8"))
    document = Document(fixtures / "atif" / name, name)
    (run,) = reader.runs(document)
    value = json.loads(atif.line(run))
    assert value.keys() == {name for name in source if source[name] != {}}
    for was, now in zip(source["steps"], value["steps"], strict=True):
        differing = {key for key in was | now if was.get(key) != now.get(key)}
        # times are written in UTC, and the agent's own model need not be named
        assert differing <= {"timestamp", "model_name"}
