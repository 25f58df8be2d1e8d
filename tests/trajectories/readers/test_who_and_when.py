"""Who&When: the figures of the paper's logs, what becomes of an entry, and what is told."""

import gzip
import json
from pathlib import Path

import pytest

from workbench.trajectories import read as read_file
from workbench.trajectories.readers import who_and_when
from workbench.trajectories.sources.documents import Document

LOG = {
    "file": "1.json", "question": "How many?", "question_ID": "q-1", "level": "2",
    "is_correct": False, "ground_truth": "8", "system_prompt": {"A_Expert": "You count."},
    "mistake_agent": "A_Expert", "mistake_step": "0", "mistake_reason": "It was not counted.",
    "history": [
        {"name": "A_Expert", "role": "assistant", "content": "Run this.\n```python\nprint(4)\n```"},
        {"name": "Terminal", "role": "user", "content": "exitcode: 0 (execution succeeded)\n4"},
        {"name": "Terminal", "role": "user", "content": "exitcode: 1 (execution failed)\noh"},
        {"role": "Orchestrator (thought)", "content": "Go on."},
        {"role": "human", "content": "How many?"},
    ],
}  # fmt: skip


def read(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=content)
    return list(who_and_when.runs(document)), document.notices


@pytest.fixture(scope="module")
def real(shared):
    return read_file(shared / "trajectories" / "who_and_when" / "Algorithm-Generated.jsonl.gz")


@pytest.mark.shared
def test_the_papers_logs_have_126_runs_of_1099_steps_and_no_findings(real):
    assert repr(real) == "126 runs, 1099 steps: who-and-when"
    assert len(real.findings) == 0
    # entries that begin with an exit code, counted with zgrep
    assert real.steps["kind"].value_counts().to_dict() == {"chat": 863, "execute_tool": 236}
    assert (real.steps["status"] == "error").sum() == 90


@pytest.mark.shared
def test_every_mistake_of_the_papers_logs_is_a_persons_note_on_a_step(real):
    notes = real.annotations
    assert len(notes) == 126
    assert set(notes["name"]) == {"mistake"}
    assert set(notes["annotator_kind"]) == {"HUMAN"}
    assert (notes["step"] == 1).sum() == 34
    assert notes["step"].notna().all()
    steps = real.steps.set_index(["run_id", "step"])["agent"].astype(str)
    agents = [
        steps[run_id, step] for run_id, step in zip(notes["run_id"], notes["step"], strict=True)
    ]
    # in three logs the agent named is not the one whose step it is
    assert sum(agent != label for agent, label in zip(agents, notes["label"], strict=True)) == 3


@pytest.mark.shared
def test_nothing_of_the_papers_logs_is_lost(shared, missing_leaves, real):
    path = shared / "trajectories" / "who_and_when" / "Algorithm-Generated.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line, run in zip(lines, real, strict=True):
            assert missing_leaves(json.loads(line), [run]) == []


def test_an_entry_becomes_a_step_of_its_name_or_else_its_role():
    (run,), notices = read(LOG)
    assert notices == []
    assert [(step.kind, step.agent, step.status) for step in run.steps] == [
        ("chat", "A_Expert", "unset"), ("execute_tool", "Terminal", "ok"),
        ("execute_tool", "Terminal", "error"), ("chat", "Orchestrator (thought)", "unset"),
        ("wb.input", "human", "unset"),
    ]  # fmt: skip
    assert [step.source for step in run.steps[:2]] == ["/history/0", "/history/1"]


def test_a_terminal_answers_the_code_in_the_entry_before_it():
    (run,), _ = read(LOG)
    answer, failure = run.steps[1:3]
    assert (answer.call_step, answer.tool, answer.error_type) == (0, "Terminal", None)
    assert answer.result == "exitcode: 0 (execution succeeded)\n4"
    assert (failure.call_step, failure.error_type) == (None, "exit code 1")


def test_the_question_names_the_task_and_is_kept():
    (run,), _ = read(LOG)
    assert (run.task_id, run.outcome) == ("q-1", False)
    assert run.extra["question_ID"] == "q-1"
    assert run.extra["ground_truth"] == "8"


def test_the_mistake_is_a_note_with_step_agent_and_reason():
    (run,), _ = read(LOG)
    (note,) = run.annotations
    assert (note.name, note.step, note.label, note.explanation, note.annotator_kind) == (
        "mistake", 0, "A_Expert", "It was not counted.", "HUMAN",
    )  # fmt: skip


def test_a_mistake_in_a_step_that_is_not_there_is_told_and_kept():
    (run,), notices = read(LOG | {"mistake_step": "5"})
    assert [(each.place, each.reason) for each in notices] == [
        ("/mistake_step", "the mistake is in step 5 of 5; it is kept for the run as a whole")
    ]
    assert (run.annotations[0].step, run.annotations[0].extra) == (None, {"mistake_step": 5})


@pytest.mark.parametrize("wrap", [lambda log: log, lambda log: [log, log]], ids=["object", "list"])
def test_a_log_is_found_by_its_members_alone_or_in_a_list(wrap):
    value = wrap(LOG)
    assert who_and_when.recognises(value)
    runs, _ = read(value)
    assert {run.annotations[0].step for run in runs} == {0}


def test_json_lines_are_read_too():
    runs, _ = read("\n".join(json.dumps(LOG) for _ in range(3)).encode())
    assert [run.pointer for run in runs] == ["L1", "L2", "L3"]
    assert runs[2].steps[0].source == "L3/history/0"


@pytest.mark.parametrize("first", [None, [], {}, {"history": []}, [3], "history mistake_step"])
def test_what_has_no_history_and_mistake_is_another_format(first):
    assert not who_and_when.recognises(first)


def test_what_is_no_log_is_told():
    runs, notices = read([LOG, 7])
    assert len(runs) == 1
    assert [(each.place, each.reason) for each in notices] == [("/1", "a log must be an object: 7")]


def test_an_entry_that_is_no_object_is_kept():
    (run,), _ = read(LOG | {"history": ["only words", {"role": "human", "content": {"a": [1]}}]})
    assert run.steps[0].extra == {"value": "only words"}
    assert run.steps[1].text == '{"a": [1]}'


def test_nothing_of_twisted_values_is_lost_or_crashes(twists, missing_leaves):
    for value in twists(LOG, 300):
        if isinstance(value, dict):
            runs, _ = read(value)
            assert missing_leaves(json.loads(json.dumps(value)), runs) == []


def test_broken_files_never_crash(mutations):
    for content in mutations(json.dumps(LOG).encode(), 300):
        read(content)
