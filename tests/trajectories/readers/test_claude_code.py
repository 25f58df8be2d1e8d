"""Claude Code: tokens that grow line by line, sub-agents, and what no reader may do."""

import json
import time
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import claude_code
from workbench.trajectories.sources.documents import Document, nanoseconds

FILES = ["session.jsonl", "stream_json.jsonl"]


@pytest.fixture
def folder(fixtures):
    return fixtures / "claude_code"


@pytest.fixture
def session(folder):
    return trajectories.read(folder / "session.jsonl")[0]


def read(*lines):
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    document = Document(Path("memory"), "memory", data=data)
    return list(claude_code.runs(document)), document.notices


def line(type_, uuid="u", session="s", **members):
    return {"type": type_, "uuid": uuid, "sessionId": session} | members


def answer(uuid, key, block, **usage):
    message = {"id": key, "role": "assistant", "model": "m", "content": [block], "usage": usage}
    return line("assistant", uuid, message=message)


def text(words):
    return {"type": "text", "text": words}


def test_the_lines_of_one_message_are_one_step(session):
    step = session.steps[3]
    assert (step.kind, step.source, step.response_id) == ("chat", "L4", "msg_1")
    assert [part.type for part in step.parts] == ["reasoning", "text", "tool_call", "tool_call"]
    assert [each["source"] for each in step.extra["lines"]] == ["L5", "L6", "L7"]
    assert step.finish_reason == "tool_use"
    assert step.end_ns == nanoseconds("2026-03-02T10:00:05Z")


def test_the_last_usage_of_a_message_counts_and_the_cache_is_in_the_input(session):
    assert [step.usage for step in session.steps if step.kind == "chat"] == [
        Usage(10 + 0 + 2000, 0, 2000, 120),
        Usage(5 + 0 + 300, 0, 300, 40),
        Usage(6 + 300 + 20, 300, 20, 5),
        Usage(40, None, None, 30),
        Usage(50 + 2000 + 0, 2000, 0, 12),
    ]
    total = counted_usage(session)
    assert (total.input_tokens, total.output_tokens) == (4731, 207)


def test_tokens_that_are_null_are_not_nought():
    (run,), _ = read(answer("u", "a", text("x"), input_tokens=None, cache_read_input_tokens=7))
    assert run.steps[0].usage == Usage(None, 7, None, None)
    (run,), _ = read(answer("u", "a", text("x"), input_tokens=None, output_tokens=None))
    assert run.steps[0].usage is None


def test_a_usage_that_is_missing_on_the_last_line_leaves_the_one_before():
    (run,), _ = read(
        answer("u1", "a", text("x"), input_tokens=3, output_tokens=1), answer("u2", "a", text("y"))
    )
    assert run.steps[0].usage == Usage(3, None, None, 1)


def test_answers_of_tools_are_lines_of_the_user(session):
    assert [(step.tool, step.status, step.call_step) for step in session.calls] == [
        ("Read", "ok", 3),
        ("Grep", "error", 6),
        ("Task", "ok", 3),
        ("Bash", "cancelled", 12),
    ]
    assert session.calls[2].result == "None do."
    assert session.calls[0].start_ns == nanoseconds("2026-03-02T10:00:05Z")
    assert session.calls[0].end_ns == nanoseconds("2026-03-02T10:00:06Z")
    assert session.time_source == "recorded"


def test_what_a_sub_agent_did_lies_under_its_task(session):
    task = next(at for at, step in enumerate(session.steps) if step.tool == "Task")
    under = [at for at, step in enumerate(session.steps) if step.parent == task]
    assert [session.steps[at].agent for at in under] == ["a91c"] * 4
    assert [session.steps[at].kind for at in under] == ["wb.input", "chat", "execute_tool", "chat"]
    assert sum(step.parent is not None for step in session.steps) == 4


def test_older_sidechains_are_found_by_the_chain_of_their_lines_and_their_prompt():
    use = {"type": "tool_use", "id": "t", "name": "Task", "input": {"prompt": "Count."}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "3"}
    side = {"isSidechain": True}
    (run,), _ = read(
        answer("u1", "a", use),
        line("user", "u2", parentUuid=None, message={"role": "user", "content": "Count."}, **side),
        answer("u3", "b", text("3")) | side | {"parentUuid": "u2"},
        line("user", "u4", message={"role": "user", "content": [result]}),
    )
    assert [step.parent for step in run.steps] == [None, 3, 3, None]


def test_stream_json_names_the_call_of_a_sub_agent_and_the_cost_of_all(folder):
    (run,) = trajectories.read(folder / "stream_json.jsonl")
    assert [step.parent for step in run.steps] == [None, None, 4, 4, None, None]
    assert run.recorded == Usage(8 + 100 + 100, 100, 100, 23, None, 0.0123)
    assert counted_usage(run).cost_usd == 0.0123
    assert (run.status, run.termination, run.model) == ("ok", "success", "claude-sonnet-4-5")


def test_a_sub_agent_that_nobody_started_is_an_orphan():
    side = line("user", "u", isSidechain=True, agentId="a", message={"content": "Hi"})
    (run,), _ = read(side, line("user", "v", message={"content": "Hello"}))
    assert [set(step.flags) for step in run.steps] == [{"orphan"}, set()]


def test_a_file_of_one_sub_agent_bears_its_name_beside_the_sessions():
    (run,), _ = read(line("user", "u", isSidechain=True, agentId="a", message={"content": "Hi"}))
    assert (run.name, run.conversation_id) == ("s/a", "s")
    assert run.steps[0].flags == set()


def test_chains_of_many_lines_are_followed_in_linear_time():
    side = {"isSidechain": True, "message": {"content": "x"}}
    n = 10_000
    lines = [line("user", f"{at}", parentUuid=f"{at - 1}", **side) for at in range(n)]
    start = time.process_time()
    (run,), _ = read(*lines, line("user", "main", message={"content": "x"}))
    assert time.process_time() - start < 5
    assert len(run.steps) == n + 1


def test_sub_agents_that_start_each_other_in_a_circle_end_nothing():
    def task(agent, other):
        use = {"type": "tool_use", "id": other, "name": "Task", "input": {}}
        result = {"type": "tool_result", "tool_use_id": other, "content": "x"}
        yield answer(f"{agent}1", agent, use, input_tokens=1) | {
            "isSidechain": True,
            "agentId": agent,
        }
        told = {"toolUseResult": {"agentId": other}, "isSidechain": True, "agentId": agent}
        yield line("user", f"{agent}2", message={"content": [result]}, **told)

    (run,), _ = read(*task("a", "b"), *task("b", "a"))
    assert counted_usage(run).input_tokens in {1, 2}


def test_summaries_and_compactions_are_steps_of_their_kind(session):
    assert [step.source for step in session.steps if step.kind == "wb.compaction"] == [
        "L1",
        "L14",
        "L15",
    ]


def test_an_error_of_the_api_is_no_answer_of_a_model(session):
    step = next(step for step in session.steps if step.kind == "wb.error")
    assert (step.status, step.error_type, step.usage) == ("error", "api_error", None)
    assert step.error_message == "API Error: 529 overloaded"


def test_each_session_is_a_run():
    runs, _ = read(
        line("user", "u1", "one", message={"content": "a"}),
        line("user", "u2", "two", message={"content": "b"}),
        {"type": "summary", "summary": "A", "leafUuid": "u1"},
    )
    assert [(run.name, len(run.steps)) for run in runs] == [("one", 2), ("two", 1)]


def test_a_line_that_is_repeated_word_for_word_counts_once():
    one = answer("u", "a", text("x"), input_tokens=3, output_tokens=1)
    (run,), _ = read(one, one)
    assert [part.text for part in run.steps[0].parts] == ["x"]


def test_lines_that_repeat_the_blocks_before_them_add_only_what_is_new():
    first = answer("u1", "a", text("x"))
    second = answer("u2", "a", text("x"))
    second["message"]["content"].append(text("y"))
    (run,), _ = read(first, second)
    assert [part.text for part in run.steps[0].parts] == ["x", "y"]


def test_an_answer_to_a_call_that_is_not_there_is_an_orphan():
    use = {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "gone", "content": "x"}
    (run,), _ = read(answer("u1", "a", use), line("user", "u2", message={"content": [result]}))
    assert [(step.tool, set(step.flags)) for step in run.calls] == [
        (None, {"orphan"}),
        ("Bash", {"unanswered"}),
    ]


# what became the kind of a step or part
MAPPED = {"text", "thinking", "tool_use", "tool_result", "user", "assistant", "system", "summary"}
MAPPED |= {"claude-sonnet-4-5", "claude-haiku-4-5", "2.0.14", "queue-operation"}


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_lost_but_what_lines_repeat(folder, name, missing_leaves):
    value = [json.loads(one) for one in (folder / name).read_text().splitlines()]
    runs = trajectories.read(folder / name)
    repeated = MAPPED | {run.name for run in runs}
    repeated |= {step.response_id for step in runs[0].steps}
    missing = {leaf for leaf, _ in missing_leaves(value, runs)}
    assert missing - repeated == set()


@pytest.mark.parametrize("name", FILES)
def test_broken_files_are_read_as_far_as_they_go(folder, name, mutations, twists, tabled):
    content = (folder / name).read_bytes()
    for data in mutations(content, 200):
        tabled(claude_code.runs(Document(Path("memory"), "memory", data=data)))
    for twisted in twists([json.loads(one) for one in content.splitlines()], 200):
        tabled(read(*twisted)[0])
        claude_code.recognises(twisted)


def test_every_end_of_a_session_that_was_resumed_is_kept():
    ends = [
        line("result", "r1", subtype="error_max_turns", is_error=True, total_cost_usd=1.5),
        line("result", "r2", subtype="success", is_error=False, total_cost_usd=2.0),
    ]
    ((run,), _) = read(answer("a", "m1", text("Hi"), output_tokens=1), *ends)
    assert (run.termination, run.status, run.recorded.cost_usd) == ("success", "ok", 2.0)
    told = [(each["subtype"], each["total_cost_usd"]) for each in run.extra["results"]]
    assert told == [("error_max_turns", 1.5), ("success", 2.0)]


def test_totals_that_fall_are_those_of_another_process_and_are_added():
    def result(name, usd, n):
        return line("result", name, total_cost_usd=usd, usage={"input_tokens": n})

    (run,), notices = read(result("r1", 0.25, 5), result("r2", 0.5, 9), result("r3", 0.125, 2),
                           result("r4", None, 3))  # fmt: skip
    assert run.recorded == Usage(12, cost_usd=0.625)
    assert counted_usage(run).cost_usd == 0.625
    assert [(each.check, each.place) for each in notices] == [("totals_shrank", "L3")]
