"""ATIF: calls with their results, sub-agents counted once, copied context not at all."""

import json
from pathlib import Path

import pytest

from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import atif
from workbench.trajectories.sources.documents import Document


def read(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=content)
    return list(atif.runs(document)), document.notices


def one(*steps, **members):
    value = {"schema_version": "ATIF-v1.8", "agent": {"name": "a", "version": "1"}, "steps": steps}
    (run,), _ = read(value | members)
    return run


def agent_step(*calls, results=(), **members):
    asked = [
        {"tool_call_id": each, "function_name": "f", "arguments": {"n": n}}
        for n, each in enumerate(calls)
    ]
    value = {"source": "agent", "message": "", "tool_calls": asked}
    return value | ({"observation": {"results": list(results)}} if results else {}) | members


@pytest.fixture(scope="module")
def delegation(fixtures):
    document = Document(fixtures / "atif" / "delegation.json", "delegation.json")
    assert atif.recognises(document.first)
    (run,) = atif.runs(document)
    assert document.notices == []
    return run


def test_a_step_of_the_format_becomes_a_models_step_and_one_for_each_call(delegation):
    assert [(step.kind, step.source) for step in delegation.steps[3:5]] == [
        ("chat", "/steps/3"), ("execute_tool", "/steps/3/observation/results/0"),
    ]  # fmt: skip
    first, second = delegation.calls
    assert (first.tool, first.arguments, first.result) == (
        "ask_policy", {"claim": "C-17"}, "It is covered.",
    )  # fmt: skip
    assert (first.call_step, second.call_step) == (3, 3)
    assert (second.source, second.flags) == ("/steps/3/tool_calls/1", {"unanswered"})


def test_usage_is_counted_once_with_sub_agents_and_without_copied_context(delegation):
    # steps 4 and 5: 100 + 50 read, 20 + 3 written, 0.01; the policy reader's step: 40, 5, 0.001
    # (its totals repeat that); the payer has totals only: 10, 2, 0.0005. The copied step's 900, 90
    # and 0.9 were counted where they were copied from.
    counted = counted_usage(delegation)
    assert counted == Usage(200, 60, None, 30, None, pytest.approx(0.0115))
    assert delegation.recorded == Usage(200, 60, None, 30, None, 0.0115)
    assert delegation.steps[2].flags == {"copied_context"}


def test_sub_agents_lie_below_the_call_that_they_answer(delegation):
    names = [(at, step.agent, step.parent) for at, step in enumerate(delegation.steps)
             if step.kind == "invoke_agent"]  # fmt: skip
    assert names == [(5, "policy-reader", 4), (13, "payer", 12)]
    assert [step.parent for step in delegation.steps[6:8]] == [5, 5]
    assert delegation.steps[7].model == "small"


def test_a_sub_agent_that_nobody_refers_to_is_there_and_one_referred_to_twice_is_there_once():
    sub = {
        "trajectory_id": "s",
        "agent": {"name": "b"},
        "steps": [{"source": "user", "message": "x"}],
    }
    result = {"source_call_id": "c", "subagent_trajectory_ref": [{"trajectory_id": "s"}] * 2}
    run = one(agent_step("c", results=[result]), subagent_trajectories=[sub])
    assert [(step.kind, step.parent) for step in run.steps] == [
        ("chat", None), ("execute_tool", None), ("invoke_agent", 1), ("wb.input", 2),
    ]  # fmt: skip
    run = one(agent_step(), subagent_trajectories=[sub, sub])
    assert [step.kind for step in run.steps] == [
        "chat", "invoke_agent", "wb.input", "invoke_agent", "wb.input",
    ]  # fmt: skip


def test_a_step_without_an_inference_is_no_models_step(delegation):
    assert [step.kind for step in delegation.steps][14] == "wb.other"
    assert delegation.steps[3].extra["llm_call_count"] == 3


def test_results_are_joined_within_their_step_by_id_in_order():
    results = [{"source_call_id": "x", "content": "one"}, {"source_call_id": "x", "content": "two"}]
    run = one(agent_step("x", "x", results=results), agent_step("x", results=results[:1]))
    assert [(call.call_step, call.arguments, call.result) for call in run.calls] == [
        (0, {"n": 0}, "one"), (0, {"n": 1}, "two"), (3, {"n": 0}, "one"),
    ]  # fmt: skip


def test_the_only_result_without_an_id_answers_the_only_call(fixtures):
    (run,), _ = read((fixtures / "atif" / "old.json").read_bytes())
    assert [step.kind for step in run.steps] == ["wb.input", "chat", "execute_tool"]
    assert run.calls[0].result == "a.txt"
    two = one(agent_step("a", "b", results=[{"content": "which?"}]))
    assert [(step.kind, step.call_step) for step in two.steps] == [
        ("chat", None), ("execute_tool", 0), ("execute_tool", 0), ("wb.input", 0),
    ]  # fmt: skip


def test_what_a_terminal_shows_after_an_action_in_words_is_read_next(delegation):
    shown = delegation.steps[10]
    assert (shown.kind, shown.text, shown.call_step) == ("wb.input", "total 0", 9)


def test_pictures_are_paths_that_nobody_opens(delegation):
    parts = [(part.type, part.text, part.mime_type) for part in delegation.steps[1].parts]
    assert parts == [
        ("text", "Settle C-17.", None), ("file", "images/dent.png", "image/png"),
        ("uri", "https://example.org/call.wav", "audio/wav"),
    ]  # fmt: skip


def test_a_model_that_is_not_named_is_the_agents(delegation):
    assert [step.model for step in delegation.steps if step.kind == "chat"] == [
        "large", "large", "small", "larger",
    ]  # fmt: skip


def test_an_unknown_agent_has_no_name():
    run = one(agent_step(), agent={"name": "unknown", "version": "unknown"})
    assert (run.agent, run.agent_version, run.steps[0].agent) == (None, None, None)


def test_times_are_nanoseconds(delegation):
    assert delegation.steps[3].start_ns - delegation.steps[0].start_ns == 2_250_000_000
    assert delegation.time_source == "recorded"


def test_unknown_members_stay():
    run = one(agent_step(colour="red", step_id=9), shape="round")
    assert run.steps[0].extra == {"colour": "red", "step_id": 9}
    assert run.extra == {"shape": "round"}


def test_what_harbor_made_of_swe_agent_is_read(fixtures):
    (run,), _ = read((fixtures / "atif" / "swe_agent.json").read_bytes())
    assert (run.format_version, run.agent, run.conversation_id) == ("1.5", "swe-agent", "session-1")
    assert len(run.calls) == 5
    assert {call.tool for call in run.calls} == {"swe_agent_action"}
    assert all(call.call_step is not None and call.result is not None for call in run.calls)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"schema_version": "ATIF-v1.0"}, True), ([{"schema_version": "ATIF-v1.8"}], True),
        ({"schema_version": "1.8"}, False), ({"schema_version": 1.8}, False), ([], False),
        ("ATIF-v1.0", False), (None, False),
    ],
)  # fmt: skip
def test_the_format_is_told_by_the_version_of_its_schema(first, expected):
    assert atif.recognises(first) is expected


def test_nothing_of_the_fixtures_is_lost(fixtures, missing_leaves):
    for path in sorted((fixtures / "atif").glob("*.json")):
        source = json.loads(path.read_text(encoding="utf-8"))
        (run,), _ = read(source)
        lost = {leaf for leaf, _ in missing_leaves(source, [run])}
        # numbers of steps that are as they must be, and words that became kinds of steps and parts
        numbers = {str(number) for number in range(1, len(source["steps"]) + 1)}
        known = {"agent", "user", "system", "text", "unknown", source["schema_version"]}
        assert lost <= numbers | known, path.name


def test_what_is_no_trajectory_is_told():
    runs, notices = read([{"schema_version": "ATIF-v1.0", "steps": [3]}, 7])
    assert runs[0].steps[0].extra == {"value": 3}
    assert [(each.place, each.reason) for each in notices] == [
        ("/1", "a trajectory must be an object: 7")
    ]


def test_twisted_values_never_crash(fixtures, twists):
    source = json.loads((fixtures / "atif" / "delegation.json").read_text(encoding="utf-8"))
    for value in twists(source, 300):
        read(value)


def test_broken_files_never_crash(fixtures, mutations):
    for content in mutations((fixtures / "atif" / "delegation.json").read_bytes(), 300):
        read(content)
