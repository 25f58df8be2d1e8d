"""OpenHands: events as the SDK itself writes them, and those of the first generation."""

import json
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import openhands
from workbench.trajectories.sources.documents import Document, nanoseconds

FILES = ["v1.jsonl", "v0_trajectory.json", "v0_output.jsonl"]


@pytest.fixture
def folder(fixtures):
    return fixtures / "openhands"


def read(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=data)
    return list(openhands.runs(document)), document.notices


def event(number, source="agent", **members):
    return {"id": number, "timestamp": "2025-09-01T12:00:00", "source": source} | members


def spent(cost, prompt, completion):
    tokens = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"accumulated_cost": cost, "accumulated_token_usage": tokens}


def test_several_calls_of_one_response_are_one_step(folder):
    (run,) = trajectories.read(folder / "v1.jsonl")
    assert [step.kind for step in run.steps] == [
        "wb.system", "wb.input", "chat", "execute_tool", "execute_tool", "chat", "execute_tool",
        "execute_tool", "chat", "wb.state",
    ]  # fmt: skip
    assert [len(step.calls) for step in run.steps if step.kind == "chat"] == [2, 2, 0]
    assert [event["source"] for event in run.steps[2].extra["events"]] == ["L4"]


def test_answers_join_their_action_wherever_they_stand(folder):
    (run,) = trajectories.read(folder / "v1.jsonl")
    assert [(step.tool, step.arguments, step.status, step.call_step) for step in run.calls] == [
        ("stock", {"item": "bolts"}, "ok", 2),
        ("stock", {"item": "nuts"}, "ok", 2),
        ("no_such_tool", {"x": 1}, "error", 5),
        ("stock", {"item": "washers"}, "error", 5),
    ]
    assert [step.error_type for step in run.calls[2:]] == ["agent_error", "tool_error"]


def test_the_sdk_tells_tokens_by_response(folder):
    (run,) = trajectories.read(folder / "v1.jsonl")
    assert [step.usage for step in run.steps if step.kind == "chat"] == [
        Usage(1000, 0, 800, 60, 20, 0.0040),
        Usage(1200, 800, 100, 15, 0, 0.0015),
        Usage(1300, 900, 0, 25, 5, 0.0012),
    ]
    total = counted_usage(run)
    assert (total.input_tokens, total.output_tokens) == (3500, 100)
    assert (run.recorded.input_tokens, run.recorded.output_tokens) == (3500, 100)
    assert total.cost_usd == pytest.approx(run.recorded.cost_usd)


def test_totals_of_several_models_are_added():
    bills = {"agent": spent(0.2, 10, 2), "condenser": spent(0.1, 5, 1)}
    stats = {
        "kind": "ConversationStateUpdateEvent",
        "key": "stats",
        "value": {"usage_to_metrics": bills},
    }
    (run,), _ = read([event(1, "environment", **stats)])
    assert run.recorded == Usage(15, None, None, 3, None, 0.3)


def test_the_first_generation_tells_totals_so_far_and_steps_have_what_they_grew_by(folder):
    (run,) = trajectories.read(folder / "v0_trajectory.json")
    assert [step.usage for step in run.steps if step.kind == "chat"] == [
        Usage(1000, 0, 0, 50, None, 0.0035),
        Usage(1200, 1000, 0, 20, None, 0.002),
        Usage(1300, 1200, 0, 10, None, 0.0016),
    ]
    assert counted_usage(run) == run.recorded == Usage(3500, 2200, 0, 80, None, 0.0071)


def test_the_first_generation_joins_by_cause(folder):
    (run,) = trajectories.read(folder / "v0_trajectory.json")
    assert [(step.tool, step.status, step.call_step) for step in run.calls] == [
        ("execute_bash", "ok", 5),
        ("str_replace_editor", "ok", 5),
        ("execute_bash", "error", 8),
    ]
    assert run.calls[1].arguments == {"command": "view", "path": "/w/a.py"}
    assert run.calls[2].error_type == "exit_code_1"
    assert (run.status, run.termination) == ("ok", "finished")
    assert (run.agent, run.agent_version) == ("CodeActAgent", "0.54.0")
    assert run.calls[0].start_ns == nanoseconds("2025-09-01T12:00:05.000001")
    assert run.time_source == "derived"


def test_an_observation_before_its_neighbours_takes_its_own_action():
    run = (
        event(1, action="run", args={"command": "a"}),
        event(2, action="run", args={"command": "b"}),
    )
    seen = [
        event(3, observation="run", cause=2, content="B"),
        event(4, observation="run", cause=1, content="A"),
    ]
    (found,), _ = read([*run, *seen])
    assert [(step.arguments, step.result) for step in found.calls] == [
        ({"command": "b"}, "B"),
        ({"command": "a"}, "A"),
    ]


def test_an_observation_without_its_action_is_an_orphan():
    (run,), _ = read([event(4, observation="run", cause=1, content="A")])
    assert (run.steps[0].kind, run.steps[0].flags) == ("execute_tool", {"orphan"})


def test_totals_that_shrink_have_begun_anew_and_are_told():
    said = {"action": "message", "args": {"content": "x"}}
    (run,), notices = read(
        [
            event(at, llm_metrics=spent(*each), **said)
            for at, each in enumerate([(0.5, 50, 5), (0.2, 20, 2)])
        ]
    )
    assert counted_usage(run) == Usage(70, None, None, 7, None, 0.7)
    assert run.recorded is None
    assert [each.check for each in notices] == ["totals_shrank"]


def test_without_totals_each_response_counts_once():
    response = {"id": "r", "model": "m", "usage": {"prompt_tokens": 10, "completion_tokens": 2}}
    acts = [
        event(
            at,
            action="run",
            args={"command": "ls"},
            tool_call_metadata={
                "function_name": "f",
                "tool_call_id": f"c{at}",
                "model_response": response,
            },
        )
        for at in (1, 2)
    ]
    (run,), _ = read(acts)
    assert counted_usage(run) == Usage(10, None, None, 2, None, None)
    assert [len(step.calls) for step in run.steps if step.kind == "chat"] == [2]


def test_lines_of_evaluation_output_are_runs_of_a_task(folder):
    runs = trajectories.read(folder / "v0_output.jsonl")
    assert runs.frame["task_id"].tolist() == ["shop__1", "shop__2"]
    assert runs.frame["status"].tolist() == ["unset", "error"]
    assert runs[1].termination == "AgentStuckInLoopError: stuck"
    assert [step.source for step in runs[1].steps] == ["L2/history/0/0", "L2/history/0/1"]
    assert runs[0].recorded.cost_usd == 0.01
    assert [(step.tool, set(step.flags)) for step in runs[0].calls] == [
        ("run", set()),
        ("run_ipython", {"unanswered"}),
    ]


def test_a_folder_with_a_file_for_each_event_is_one_run(folder, tmp_path):
    lines = (folder / "v1.jsonl").read_text().splitlines()
    files = tmp_path / "4f0c" / "events"
    files.mkdir(parents=True)
    for at, one in enumerate(lines):
        (files / f"event-{at:05}-{json.loads(one)['id']}.json").write_text(one)
    runs = trajectories.read(tmp_path)
    (run,) = runs
    (whole,) = trajectories.read(folder / "v1.jsonl")
    assert [(s.kind, s.text, s.usage) for s in run.steps] == [
        (s.kind, s.text, s.usage) for s in whole.steps
    ]
    assert run.steps[1].source.endswith(".json!")
    assert run.conversation_id == "4f0c"
    assert set(runs.findings["check"]) == {"trajectories.joined"}
    assert len(runs.findings) == len(lines) - 1


def test_files_of_events_are_put_in_the_order_of_their_numbers(tmp_path):
    files = tmp_path / "events"
    files.mkdir()
    for at in (0, 2, 10):
        said = event(at, action="message", args={"content": f"{at}"})
        (files / f"{at}.json").write_text(json.dumps(said))
    (run,) = trajectories.read(tmp_path)
    assert [step.text for step in run.steps] == ["0", "2", "10"]


@pytest.mark.parametrize("state", ["finished", "error", "stopped"])
def test_the_agents_last_state_is_how_a_run_ended(state):
    ends = {"finished": "ok", "error": "error", "stopped": "cancelled"}
    (run,), _ = read(
        [event(1, observation="agent_state_changed", content="", extras={"agent_state": state})]
    )
    assert (run.status, run.termination) == (ends[state], state)


@pytest.mark.parametrize(
    "value", [{"id": 1, "action": "run"}, {"source": [], "action": "run"}, [{"source": "web"}], {}]
)
def test_other_objects_are_left_to_others(value):
    assert not openhands.recognises(value)


# events of one response name it each
MAPPED = {"test-response-1", "test-response-2"}


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_lost(folder, name, missing_leaves):
    text = (folder / name).read_text()
    value = (
        [json.loads(line) for line in text.splitlines()] if name.endswith("l") else json.loads(text)
    )
    missing = {leaf for leaf, _ in missing_leaves(value, trajectories.read(folder / name))}
    assert missing - MAPPED == set()


@pytest.mark.parametrize("name", FILES)
def test_broken_files_are_read_as_far_as_they_go(folder, name, mutations, twists, tabled):
    content = (folder / name).read_bytes()
    for data in mutations(content, 200):
        tabled(read(data)[0])
    value = (
        [json.loads(line) for line in content.splitlines()]
        if name.endswith("l")
        else json.loads(content)
    )
    for twisted in twists(value, 200):
        tabled(read(twisted)[0])
        openhands.recognises(twisted)
