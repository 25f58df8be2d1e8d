"""tau2: users who call tools too, and calls by voice."""

import json
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import counted_usage
from workbench.trajectories.readers import tau2
from workbench.trajectories.sources.documents import Document, nanoseconds


@pytest.fixture
def results(fixtures):
    return json.loads((fixtures / "tau2" / "results.json").read_text())


@pytest.fixture
def voice(fixtures):
    return json.loads((fixtures / "tau2" / "voice.json").read_text())


def read(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=data)
    return list(tau2.runs(document)), document.notices


def lost(missing_leaves, value, runs):
    """What is missing but for roles, which the kinds of steps and the keys of chunks tell."""
    return {leaf for leaf, _ in missing_leaves(value, runs)} - {"assistant", "user", "tool"}


def simulation(**members):
    return {"id": "s", "task_id": "7", "messages": []} | members


@pytest.mark.shared
def test_each_tick_of_a_call_is_one_step(shared):
    runs = trajectories.read(shared / "trajectories" / "tau2-voice" / "experiment")
    found = {run.task_id: (len(run.steps), round(run.scores["duration_s"], 2)) for run in runs}
    assert found == {"40": (973, 352.87), "20": (1340, 493.77), "98": (1810, 743.0)}
    assert set(runs.frame["format"]) == {"tau2"}


@pytest.mark.shared
def test_a_folder_of_simulations_borrows_names_from_the_results_beside_it(shared):
    runs = trajectories.read(shared / "trajectories" / "tau2-voice" / "experiment")
    assert {(run.agent, run.model) for run in runs} == {
        ("discrete_time_audio_native_agent", "openai:gpt-realtime-2")
    }
    assert runs[0].extra["results"]["info"]["seed"] == 300
    assert runs.findings["check"].tolist() == ["trajectories.no_simulations"]
    assert runs.findings["severity"].tolist() == ["info"]


@pytest.mark.shared
def test_who_speaks_in_a_tick_is_who_the_source_says(shared):
    folder = shared / "trajectories" / "tau2-voice" / "experiment" / "simulations"
    path = next(folder.glob("49b22f0c*"))
    (run,) = trajectories.read(path)
    ticks = json.loads(path.read_text())["ticks"]
    agent = [tick["agent_chunk"]["contains_speech"] for tick in ticks]
    user = [tick["user_chunk"]["contains_speech"] for tick in ticks]
    kinds = [step.kind for step in run.steps]
    assert kinds == [
        "chat" if a else "wb.input" if u else "wb.state" for a, u in zip(agent, user, strict=True)
    ]


@pytest.mark.shared
def test_nothing_of_a_call_is_lost(shared, missing_leaves):
    folder = shared / "trajectories" / "tau2-voice" / "experiment" / "simulations"
    for path in folder.iterdir():
        assert lost(missing_leaves, json.loads(path.read_text()), trajectories.read(path)) == set()


def test_the_user_calls_tools_too(results):
    (run, _), _ = read(results)
    assert [(step.agent, step.tool, step.status) for step in run.calls] == [
        ("assistant", "get_customer", "ok"),
        ("assistant", "get_line", "error"),
        ("user", "check_status_bar", "ok"),
    ]
    assert [step.call_step for step in run.calls] == [2, 2, 6]
    assert run.calls[2].parts[0].role == "user"
    assert run.calls[0].arguments == {"phone": "555-0101"}


def test_answers_of_several_tools_in_one_message_are_steps_of_their_own(results):
    (run, _), _ = read(results)
    assert [step.source for step in run.calls[:2]] == [
        "/simulations/0/messages/3/tool_messages/0",
        "/simulations/0/messages/3/tool_messages/1",
    ]


def test_a_runs_cost_is_its_agents(results):
    (run, _), _ = read(results)
    assert counted_usage(run).cost_usd == pytest.approx(0.0 + 0.01 + 0.02)
    assert run.recorded.cost_usd == 0.03
    assert run.scores == {"reward": 1.0, "duration_s": 11.75, "user_cost": 0.004}
    assert (counted_usage(run).input_tokens, counted_usage(run).cached_tokens) == (4100, 1800)


def test_times_without_a_zone_are_taken_as_utc_and_said_to_be_derived(results):
    (run, _), _ = read(results)
    assert run.start_ns == nanoseconds("2026-06-30T11:00:00Z")
    assert run.time_source == "derived"
    (zoned,), _ = read(simulation(start_time="2026-06-30T11:00:00+02:00"))
    assert (zoned.start_ns, zoned.time_source) == (nanoseconds("2026-06-30T09:00:00Z"), "recorded")


def test_a_tools_answer_lasts_from_its_call(results):
    (run, _), _ = read(results)
    first = run.calls[0]
    assert first.start_ns == nanoseconds("2026-06-30T11:00:02.5Z")
    assert first.end_ns == nanoseconds("2026-06-30T11:00:03.5Z")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("user_stop", "ok"),
        ("agent_stop", "ok"),
        ("max_steps", "cancelled"),
        ("timeout", "cancelled"),
        ("too_many_errors", "error"),
        ("infrastructure_error", "error"),
        (None, "unset"),
    ],
)
def test_how_a_run_ended_follows_from_its_reason(reason, status):
    (run,), _ = read(simulation(termination_reason=reason))
    assert (run.status, run.termination) == (status, reason)


def test_tasks_are_joined_and_those_that_nobody_tried_are_told(results):
    runs, notices = read(results)
    assert runs[0].extra["task"]["user_scenario"]["instructions"] == "You have no signal."
    assert [(each.place, each.severity) for each in notices] == [("/tasks/1", "info")]


def test_sound_is_kept_but_is_no_text(voice):
    (run,), _ = read(voice)
    assert [step.text for step in run.steps[:3]] == ["Hel", "", ""]
    sounds = [part for step in run.steps for part in step.parts if part.type == "blob"]
    assert [part.extra for part in sounds] == [{"audio_content": "UklGRg=="}, {"content": "AAAA"}]
    assert all(part.text is None for part in sounds)


def test_a_tick_in_which_the_agent_calls_a_tool_asks_for_its_answer(voice):
    (run,), _ = read(voice)
    assert [step.kind for step in run.steps] == [
        "wb.input", "wb.input", "wb.state", "chat", "execute_tool",
    ]  # fmt: skip
    assert (run.steps[4].call_step, run.steps[4].result) == (3, "active")
    assert run.steps[3].flags == {"streamed"}


def test_calls_that_the_chunk_repeats_count_once(voice):
    tick = voice["ticks"][3]
    tick["agent_chunk"]["tool_calls"] = tick["agent_tool_calls"]
    (run,), _ = read(voice)
    assert len(run.steps[3].calls) == 1


@pytest.mark.parametrize("name", ["results.json", "voice.json"])
def test_nothing_is_lost(fixtures, name, missing_leaves):
    value = json.loads((fixtures / "tau2" / name).read_text())
    runs, _ = read(value)
    # of a results file all runs know all, and an unused task is told
    value["tasks"] = value.get("tasks", [])[:1]
    assert lost(missing_leaves, value, runs) == set()


@pytest.mark.parametrize("name", ["results.json", "voice.json"])
def test_broken_files_are_read_as_far_as_they_go(fixtures, name, mutations, twists, tabled):
    content = (fixtures / "tau2" / name).read_bytes()
    for data in mutations(content, 200):
        tabled(read(data)[0])
    for value in twists(json.loads(content), 200):
        tabled(read(value)[0])
        tau2.recognises(value)
