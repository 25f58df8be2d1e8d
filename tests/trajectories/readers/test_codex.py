"""Codex: calls of the API that `token_count` closes, and what no reader may do."""

import json
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import codex
from workbench.trajectories.sources.documents import Document, nanoseconds

FILES = ["rollout.jsonl", "old.jsonl"]


@pytest.fixture
def folder(fixtures):
    return fixtures / "codex"


@pytest.fixture
def rollout(folder):
    return trajectories.read(folder / "rollout.jsonl")[0]


def read(*lines):
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    document = Document(Path("memory"), "memory", data=data)
    return list(codex.runs(document)), document.notices


def line(kind, **payload):
    return {"timestamp": "2026-04-16T08:00:00Z", "type": kind, "payload": payload}


def item(kind, **payload):
    return line("response_item", type=kind, **payload)


def said(words):
    return item("message", role="assistant", content=[{"type": "output_text", "text": words}])


def tokens(total=None, last=None):
    def usage(each):
        return each and dict(zip(("input_tokens", "output_tokens"), each, strict=True))

    info = {"total_token_usage": usage(total), "last_token_usage": usage(last)}
    return line("event_msg", type="token_count", info=info)


def spent(run):
    return [(s.usage.input_tokens, s.usage.output_tokens) if s.usage else None for s in run.steps]


def test_what_one_call_of_the_api_wrote_is_one_step(rollout):
    chats = [step for step in rollout.steps if step.kind == "chat"]
    assert [[part.type for part in step.parts] for step in chats] == [
        ["reasoning", "tool_call", "tool_call"],
        ["tool_call"],
        ["server_tool_call", "text"],
        ["tool_call"],
    ]
    assert {step.model for step in chats} == {"gpt-5.5-codex"}
    assert chats[0].start_ns == nanoseconds("2026-04-16T08:00:04Z")
    assert chats[0].end_ns == nanoseconds("2026-04-16T08:00:05Z")


def test_each_call_has_its_own_tokens_and_a_count_that_comes_again_is_not_added(rollout):
    assert [step.usage for step in rollout.steps if step.kind == "chat"] == [
        Usage(1000, 0, None, 120, 80),
        Usage(1200, 900, None, 60, 0),
        Usage(1300, 1100, None, 40, 10),
        None,
    ]
    assert counted_usage(rollout) == rollout.recorded == Usage(3500, 2000, None, 220, 90)


def test_totals_serve_where_no_call_tells_its_own():
    (run,), _ = read(said("a"), tokens((10, 2)), said("b"), tokens((30, 5)))
    assert spent(run) == [(10, 2), (20, 3)]


def test_a_call_that_wrote_nothing_still_costs():
    (run,), _ = read(said("a"), tokens((10, 2), (10, 2)), tokens((17, 3), (7, 1)))
    assert [step.kind for step in run.steps] == ["chat", "wb.other"]
    assert spent(run) == [(10, 2), (7, 1)]


def test_a_count_of_nothing_is_no_call():
    (run,), _ = read(said("a"), tokens(), tokens((0, 0), (0, 0)), tokens((10, 2), (10, 2)))
    assert spent(run) == [(10, 2)]


def test_an_answer_of_a_tool_ends_a_call_where_no_tokens_are_counted():
    (run,), _ = read(
        item("function_call", name="f", arguments="{}", call_id="c"),
        item("function_call_output", call_id="c", output="x"),
        said("b"),
    )
    assert [step.kind for step in run.steps] == ["chat", "execute_tool", "chat"]


def test_totals_that_shrink_are_told():
    _, notices = read(said("a"), tokens((10, 2), (10, 2)), said("b"), tokens((4, 1), (4, 1)))
    assert [(each.check, each.place) for each in notices] == [("totals_shrank", "L4")]


def test_commands_end_as_their_output_says(rollout):
    assert [(step.tool, step.status, step.error_type) for step in rollout.calls] == [
        ("shell", "ok", None),
        ("shell", "error", "exit_code_1"),
        ("apply_patch", "ok", None),
        ("local_shell", "unset", None),
    ]
    assert rollout.calls[1].end_ns == nanoseconds("2026-04-16T08:00:08Z")


def test_an_event_tells_how_a_command_ended_where_its_output_does_not():
    (run,), _ = read(
        item("function_call", name="shell", arguments="{}", call_id="c"),
        item("function_call_output", call_id="c", output="no such file"),
        line("event_msg", type="exec_command_end", call_id="c", exit_code=2),
    )
    assert (run.calls[0].status, run.calls[0].error_type) == ("error", "exit_code_2")


def test_a_patch_is_a_call_whose_argument_is_a_text(rollout):
    call = rollout.calls[2]
    assert call.arguments.startswith("*** Begin Patch")
    assert call.parts[0].arguments_valid


def test_reasoning_that_is_encrypted_is_kept(rollout):
    part = next(part for step in rollout.steps for part in step.parts if part.type == "reasoning")
    assert part.text == "**Reading the code**"
    assert part.extra["line"]["payload"]["encrypted_content"] == "gAAAA1"


def test_events_that_repeat_an_item_are_no_steps(rollout):
    assert sum("The sum skipped" in step.text for step in rollout.steps) == 1
    kinds = [each["payload"]["type"] for each in rollout.extra["events"]]
    assert kinds.count("agent_message") == kinds.count("user_message") == 1


def test_the_session_names_the_run(rollout):
    assert rollout.name == rollout.run_id == "019d9845-45f6-70d2-86e8-53d8a44a830f"
    assert (rollout.agent, rollout.agent_version, rollout.provider) == ("codex", "0.98.0", "openai")
    assert (rollout.status, rollout.termination) == ("cancelled", "interrupted")


def test_a_fork_keeps_its_own_name():
    (run,), _ = read(line("session_meta", id="own"), line("session_meta", id="parents"))
    assert run.name == "own"
    assert run.steps[1].extra["payload"]["id"] == "parents"


def test_errors_are_steps():
    (run,), _ = read(said("a"), line("event_msg", type="error", message="quota"))
    assert (run.steps[1].kind, run.steps[1].error_message) == ("wb.error", "quota")
    assert run.status == "error"


def test_rollouts_from_before_lines_had_a_payload_are_read(folder):
    (run,) = trajectories.read(folder / "old.jsonl")
    assert [step.kind for step in run.steps] == [
        "wb.system", "wb.other", "wb.input", "chat", "execute_tool", "chat",
    ]  # fmt: skip
    assert (run.calls[0].status, run.calls[0].result) == ("ok", "a.py")


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_lost(folder, name, missing_leaves):
    value = [json.loads(one) for one in (folder / name).read_text().splitlines()]
    missing = {leaf for leaf, _ in missing_leaves(value, trajectories.read(folder / name))}
    # the type of a text, which became the type of its part
    assert missing - {"assistant"} == set()


@pytest.mark.parametrize("name", FILES)
def test_broken_files_are_read_as_far_as_they_go(folder, name, mutations, twists, tabled):
    content = (folder / name).read_bytes()
    for data in mutations(content, 200):
        tabled(codex.runs(Document(Path("memory"), "memory", data=data)))
    for twisted in twists([json.loads(one) for one in content.splitlines()], 200):
        tabled(read(*twisted)[0])
        codex.recognises(twisted)
