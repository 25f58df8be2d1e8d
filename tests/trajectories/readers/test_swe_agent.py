"""SWE-agent's trajectories: figures of real ones, nothing lost, each shape, and what is broken."""

import json
import random
from pathlib import Path

import pytest

from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import reader_of, swe_agent
from workbench.trajectories.reading import read
from workbench.trajectories.sources.documents import Document

# entries, messages of the history, steps: two openings, and two steps for each entry
GIVEN = {
    "6e44b9__sweagenttestrepo-1c2844.traj": (5, 10, 12),
    "function_calling_simple.traj": (0, 12, 12),
    "humanevalfix-python-0.traj": (5, 11, 12),
    "marshmallow-1867.default_sys-env_window100.traj": (11, 23, 24),
    "marshmallow-1867.function_calling.traj": (11, 24, 24),
    "marshmallow-1867.function_calling_replace.traj": (11, 24, 24),
    "marshmallow-1867.xml_sys-env_cursors_window100.traj": (12, 25, 26),
}
ODD = (
    None,
    [],
    {},
    "odd",
    -7,
    1e308,
    float("nan"),
    10**400,
    True,
    ["odd", 5],
    {"odd": {"deep": [3]}},
)


def read_run(source):
    runs = read(source, format="swe-agent")
    assert len(runs.findings) == 0
    (run,) = runs
    return run


def given(shared, name):
    return shared / "trajectories" / "swe-agent" / name


def document(content):
    return Document(Path("x.traj"), "x.traj", data=content)


def entry(action, observation="done", *, thought="I think.", **other):
    return {
        "action": action,
        "observation": observation,
        "response": thought,
        "thought": thought,
        **other,
    }


def said(role, content, **other):
    return {"role": role, "content": content, "agent": "main", **other}


def trajectory(*entries, history=(), **other):
    return {"environment": "e", "trajectory": list(entries), "history": list(history), **other}


# --- figures of real files


@pytest.mark.shared
@pytest.mark.parametrize("name", GIVEN)
def test_entries_messages_and_steps_are_those_of_the_files(name, shared):
    n_entries, n_messages, n_steps = GIVEN[name]
    run = read_run(given(shared, name))
    assert (run.extra["n_entries"], len(run.extra["history"])) == (n_entries, n_messages)
    assert len(run.steps) == n_steps
    assert [step.kind for step in run.steps] == [
        "wb.system",
        "wb.input",
        *["chat", "execute_tool"] * ((n_steps - 2) // 2),
    ]
    for at, step in enumerate(run.steps):
        if step.kind == "execute_tool":
            assert step.call_step == at - 1
            assert step.flags == frozenset()


@pytest.mark.shared
def test_the_test_repo_cost_two_cents_for_five_calls(shared):
    run = read_run(given(shared, "6e44b9__sweagenttestrepo-1c2844.traj"))
    usage = counted_usage(run)
    assert usage == Usage(7_141, output_tokens=243, cost_usd=0.019520000000000006)
    assert round(usage.cost_usd, 5) == 0.01952
    assert run.extra["info"]["model_stats"]["api_calls"] == 5
    assert (run.status, run.termination, run.model) == ("ok", "submitted", "gpt-4o")
    assert (run.task_id, run.agent) == ("SWE-agent__test-repo-i1", "main")
    assert [step.tool for step in run.calls] == ["find_file", "open", "edit", "bash", "submit"]
    assert run.calls[0].arguments == {"file_name": "missing_colon.py"}
    assert run.calls[0].extra["state"] == {
        "open_file": "n/a",
        "working_dir": "/SWE-agent__test-repo",
    }
    assert run.calls[0].extra["execution_time"] == 0.2814128329991945
    assert run.calls[0].source == "/trajectory/0"


@pytest.mark.shared
def test_state_may_be_a_text_and_commands_may_be_texts(shared):
    run = read_run(given(shared, "humanevalfix-python-0.traj"))
    assert [step.tool for step in run.calls] == ["ls", "open", "edit", "python", "submit"]
    assert run.calls[0].arguments == {"command": "ls -a\n"}
    assert json.loads(run.calls[0].extra["state"])["open_file"] == "n/a"


@pytest.mark.shared
def test_an_answer_reads_what_was_shown_of_the_observation_before(shared):
    run = read_run(given(shared, "6e44b9__sweagenttestrepo-1c2844.traj"))
    shown = run.steps[4].parts[0]
    assert shown.direction == "in"
    # the template adds the open file and the folder
    assert shown.text.startswith(run.calls[0].result)
    assert "(Open file: n/a)" in shown.text


@pytest.mark.shared
@pytest.mark.parametrize("name", GIVEN)
def test_nothing_of_a_given_file_is_lost(name, shared, missing_leaves):
    path = given(shared, name)
    assert missing_leaves(json.loads(path.read_text()), [read_run(path)]) == []


@pytest.mark.shared
@pytest.mark.parametrize("name", GIVEN)
def test_given_files_are_recognised_by_what_they_hold(name, shared):
    path = given(shared, name)
    assert reader_of(Document(path, name)).NAME == "swe-agent"


# --- single rules


def test_demonstrations_are_flagged_and_call_nothing():
    call = {"id": "c", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    history = [
        said("system", "Fix it."),
        said("user", "Watch this.", is_demo=True),
        said("assistant", "I look.", is_demo=True, tool_calls=[call]),
        said("tool", "a file", is_demo=True, tool_call_ids=["c"]),
        said("user", "Now you."),
        said("assistant", "I think.", action="pwd", thought="I think."),
    ]
    run = read_run(trajectory(entry("pwd"), history=history))
    assert [(step.kind, "demo" in step.flags) for step in run.steps] == [
        ("wb.system", False), ("wb.input", True), ("chat", True), ("execute_tool", True), ("wb.input", False),
        ("chat", False), ("execute_tool", False),
    ]  # fmt: skip
    assert [step.source for step in run.steps[-2:]] == ["/trajectory/0", "/trajectory/0"]


def test_contents_may_be_lists_of_parts():
    history = [
        said(
            "user",
            [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "data:x"}},
            ],
        ),
        said("assistant", [{"type": "text", "text": "I see."}], action="ls", thought="I see."),
        said("tool", [{"type": "text", "text": "a file", "cache_control": {"type": "ephemeral"}}]),
    ]
    run = read_run({"history": history})
    assert [[(part.type, part.text) for part in step.parts] for step in run.steps] == [
        [("text", "Look:"), ("uri", "data:x")],
        [("text", "I see."), ("tool_call", "ls")],
        [("tool_call", "ls"), ("tool_call_response", "a file")],
    ]


def test_prompts_of_each_step_are_kept_once():
    first, second = said("user", "Fix it."), said("assistant", "I think.")
    run = read_run(trajectory(entry("ls", query=[first]), entry("pwd", query=[first, second])))
    assert run.extra["message_pool"] == [first, second]
    chats = [step for step in run.steps if step.kind == "chat"]
    assert [step.extra["input_refs"] for step in chats] == [[[0, 1]], [[0, 2]]]
    # without a history the prompt alone tells what was read
    assert [part.text for part in chats[0].parts] == ["Fix it.", "I think.", "ls"]


def test_messages_before_version_1_1_are_the_prompt_of_the_next_step():
    run = read_run(trajectory(entry("ls", messages=[said("user", "Fix it.")])))
    assert run.steps[0].extra["next_input_refs"] == [[0, 1]]
    assert "input_refs" not in run.steps[0].extra


def test_an_entry_without_an_action_runs_nothing():
    run = read_run(trajectory(entry("", "your answer has no command"), entry("", "")))
    assert [(step.kind, step.text) for step in run.steps] == [
        ("chat", "I think."), ("wb.other", "your answer has no command"), ("chat", "I think."),
    ]  # fmt: skip


def test_images_in_an_observation_are_parts_of_their_own():
    run = read_run(
        trajectory(entry("view", "here: ![image](data:image/png;base64,iVBORw0KGgo=) done"))
    )
    assert [(part.type, part.text, part.mime_type) for part in run.calls[0].parts[2:]] == [
        ("blob", "data:image/png;base64,iVBORw0KGgo=", "image/png")
    ]


def test_thinking_becomes_reasoning():
    history = [
        said("user", "Fix it."),
        said("assistant", "I think.", action="ls", thought="I think.", thinking_blocks=[{"thinking": "hm", "signature": "s"}]),
    ]  # fmt: skip
    run = read_run(trajectory(entry("ls"), history=history))
    assert [(part.type, part.text) for part in run.steps[1].parts] == [
        ("reasoning", "hm"), ("text", "I think."), ("tool_call", "ls"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stats", "cost"),
    [
        ({"total_cost": 9.0, "instance_cost": 0.5}, 0.5),
        ({"instance_cost": 0.5}, 0.5),
        ({"total_cost": 9.0}, 9.0),
    ],
)
def test_the_cost_of_the_instance_comes_before_that_of_the_batch(stats, cost):
    run = read_run(trajectory(entry("ls"), info={"model_stats": stats}))
    assert counted_usage(run) == Usage(cost_usd=cost)


@pytest.mark.parametrize(
    ("exit_status", "status"),
    [
        ("submitted", "ok"),
        ("submitted (exit_cost)", "ok"),
        ("exit_format", "error"),
        (None, "unset"),
    ],
)
def test_the_exit_status_tells_how_a_run_ended(exit_status, status):
    run = read_run(trajectory(entry("ls"), info={"exit_status": exit_status}))
    assert (run.status, run.termination) == (status, exit_status)


def test_a_configuration_may_be_a_text():
    config = json.dumps({"agent": {"model": {"name": "gpt-4o"}}, "problem_statement": {"id": "i"}})
    run = read_run(trajectory(entry("ls"), replay_config=config))
    assert (run.model, run.task_id, run.extra["replay_config"]) == ("gpt-4o", "i", config)
    assert read_run(trajectory(entry("ls"), replay_config="{")).model is None


def test_a_history_that_is_another_ones_lends_nothing():
    history = [
        said("user", "Fix it."),
        *[said("assistant", f"other {at}", action="rm") for at in range(20)],
    ]
    run = read_run(trajectory(entry("ls"), entry("pwd"), history=history))
    assert [step.tool for step in run.calls] == ["ls", "pwd"]


def test_an_entry_that_is_no_object_is_told():
    runs = read(trajectory(entry("ls"), "x"), format="swe-agent")
    assert runs.findings["evidence"].tolist() == ["an entry must be an object: 'x'"]
    assert len(runs[0].steps) == 2


@pytest.mark.parametrize(
    "value", [None, [], {"trajectory": "x"}, {"history": []}, {"trajectory": [1]}, {"steps": []}]
)
def test_other_values_are_not_recognised(value):
    assert not swe_agent.recognises(value)


# --- broken and hostile files


def places(value):
    found, stack = [], [value]
    while stack:
        one = stack.pop()
        for key, each in one.items() if isinstance(one, dict) else enumerate(one):
            found.append((one, key))
            stack += [each] if isinstance(each, (dict, list)) else []
    return found


@pytest.mark.shared
@pytest.mark.parametrize("name", list(GIVEN)[:3])
def test_values_of_a_wrong_kind_are_kept_or_told(name, shared, missing_leaves):
    text = given(shared, name).read_text()
    for seed in range(100):
        chance, value = random.Random(seed), json.loads(text)
        for _ in range(chance.choice([1, 3, 10])):
            holder, key = chance.choice(places(value))
            holder[key] = chance.choice(ODD)
        content = json.dumps(value).encode()
        opened = document(content)
        runs = list(swe_agent.runs(opened))
        assert opened.notices or missing_leaves(json.loads(content), runs) == []


@pytest.mark.shared
@pytest.mark.parametrize("name", list(GIVEN)[:3])
def test_broken_files_never_raise_and_are_told(name, shared, mutations):
    for broken in mutations(given(shared, name).read_bytes(), 200):
        opened = document(broken)
        swe_agent.recognises(opened.first)
        assert list(swe_agent.runs(opened)) or opened.notices
