"""tau-bench: the published run of an airline, figure by figure, and what no reader may do."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.readers import tau_bench
from workbench.trajectories.readers.tau_bench import reference_calls, succeeded
from workbench.trajectories.sources.documents import Document


@pytest.fixture(scope="module")
def airline(shared):
    return trajectories.read(shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz")


@pytest.fixture(scope="module")
def source(shared):
    path = shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))


def read(value):
    document = Document(Path("memory"), "memory", data=json.dumps(value).encode())
    return list(tau_bench.runs(document)), document.notices


def run(*messages, **members):
    value = {"task_id": 1, "trial": 0, "reward": 1.0, "info": {}, "traj": list(messages)} | members
    (found,), _ = read([value])
    return found


@pytest.mark.shared
def test_each_message_is_one_step_of_its_role(airline):
    counts = airline.steps["kind"].value_counts().to_dict()
    assert counts == {"chat": 2454, "wb.input": 1490, "execute_tool": 1164, "wb.system": 200}
    assert len(airline) == 200
    assert (airline.frame["n_steps"].min(), airline.frame["n_steps"].max()) == (6, 62)


@pytest.mark.shared
def test_calls_are_counted_by_tool(airline, source):
    tools = airline.steps.loc[airline.steps["kind"] == "execute_tool", "tool"].value_counts()
    naive = Counter(
        call["function"]["name"]
        for each in source
        for message in each["traj"]
        for call in message.get("tool_calls") or []
    )
    assert tools.to_dict() == naive
    assert len(tools) == 14
    assert tools.head(3).to_dict() == {
        "get_reservation_details": 377,
        "search_direct_flight": 141,
        "get_user_details": 120,
    }


@pytest.mark.shared
def test_every_answer_is_joined_to_the_call_right_before_it(airline, source):
    right = wrong_by_id = 0
    for found, each in zip(airline, source, strict=True):
        answers = [message for message in each["traj"] if message["role"] == "tool"]
        by_id = {message["tool_call_id"]: message["content"] for message in answers}
        for at, message in enumerate(each["traj"]):
            if message["role"] == "tool":
                right += found.steps[at].call_step == at - 1
                wrong_by_id += by_id[message["tool_call_id"]] != message["content"]
    assert (right, wrong_by_id) == (1164, 70)


@pytest.mark.shared
def test_ids_of_calls_are_used_again_within_a_run(airline):
    ids = [[step.tool_call_id for step in each.calls] for each in airline]
    assert len({one for each in ids for one in each}) == 134
    assert sum(len(set(each)) < len(each) for each in ids) == 49


@pytest.mark.shared
def test_answers_that_begin_with_error_are_errors(airline):
    wrong = [each for each in airline for step in each.calls if step.status == "error"]
    assert len(wrong) == 73
    runs = {each.run_id: each for each in wrong}
    assert len(runs) == 36
    assert sum(not succeeded(each.outcome) for each in runs.values()) == 27


@pytest.mark.shared
def test_runs_without_an_account_of_their_reward_were_cut_off(airline):
    cut = [each for each in airline if each.status == "cancelled"]
    assert {(each.task_id, each.trial) for each in cut} == {
        ("33", 0), ("2", 1), ("9", 2), ("9", 3), ("46", 3),
    }  # fmt: skip
    assert {(each.termination, len(each.steps), each.outcome) for each in cut} == {
        ("max_steps", 62, 0.0)
    }
    assert all("user_cost" not in each.scores for each in cut)
    assert Counter(each.termination for each in airline) == {
        "user_stop": 147,
        "transfer_to_human_agents": 48,
        "max_steps": 5,
    }


@pytest.mark.shared
def test_rewards_add_up_to_the_published_pass_rate(airline):
    assert sum(succeeded(each) for each in airline.frame["outcome"]) == 84
    assert airline.frame["outcome"].mean() == pytest.approx(0.42)


@pytest.mark.shared
def test_reference_calls_are_those_of_the_task(airline, source):
    for found, each in zip(airline, source, strict=True):
        actions = each["info"]["task"]["actions"]
        assert reference_calls(found) == [(one["name"], one["kwargs"]) for one in actions]


@pytest.mark.shared
def test_nothing_of_the_airline_is_lost(airline, source, missing_leaves):
    # the type of a call, which is all that is mapped without a trace
    assert missing_leaves(source, airline) == [("function", 1164)]


def test_a_run_that_broke_is_an_error():
    found = run(reward=0.0, info={"error": "timed out", "traceback": "…"})
    assert (found.status, found.termination, found.outcome) == ("error", "error", 0.0)


def test_a_run_without_a_reward_is_neither_done_nor_failed():
    found = run({"role": "user", "content": "Hi"}, reward=None)
    assert (found.status, found.outcome, found.scores) == ("unset", None, {})


def test_what_the_simulated_user_costs_is_no_cost_of_the_run():
    found = run(info={"user_cost": 0.25})
    assert found.scores["user_cost"] == 0.25
    assert found.recorded is None


def test_a_call_that_nothing_answers_gets_a_step_that_says_so():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    found = run({"role": "assistant", "content": None, "tool_calls": [call]})
    assert [(step.kind, set(step.flags)) for step in found.steps] == [
        ("chat", set()),
        ("execute_tool", {"unanswered"}),
    ]


def test_a_run_that_is_no_object_is_told():
    runs, notices = read([7, {"task_id": 1, "traj": [7, None, "x"]}])
    assert [notice.reason for notice in notices] == ["a run must be an object: 7"]
    assert [step.kind for step in runs[0].steps] == ["wb.other"] * 3


@pytest.mark.shared
def test_broken_files_are_read_as_far_as_they_go(source, mutations, twists, tabled):
    content = json.dumps(source[:2]).encode()
    for data in mutations(content, 200):
        tabled(tau_bench.runs(Document(Path("memory"), "memory", data=data)))
    for value in twists(source[:2], 200):
        tabled(read(value)[0])
        tau_bench.recognises(value)
