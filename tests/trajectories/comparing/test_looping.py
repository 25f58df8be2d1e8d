"""Loops: what brings a run no further is told, what only looks like it is not."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench.trajectories as trajectories
from workbench.display import COMMANDS
from workbench.tables import FINDINGS
from workbench.trajectories.comparing.looping import loops, loops_of
from workbench.trajectories.conversations.answering import pair_calls
from workbench.trajectories.conversations.messages import message_step
from workbench.trajectories.model import Run, Step

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


def run_of(calls, name="r"):
    """A run of (tool, arguments, result), each call with its answer."""
    steps = []
    for tool, arguments, result in calls:
        function = {"name": tool, "arguments": json.dumps(arguments)}
        steps.append(
            message_step(
                {"role": "assistant", "tool_calls": [{"id": "c", "function": function}]}, ""
            )
        )
        steps.append(message_step({"role": "tool", "tool_call_id": "c", "content": result}, ""))
    pair_calls(steps)
    return Run("mine", run_id=name, steps=steps)


def told(calls):
    """Loops as (first call, length, times, repeats, others in between)."""
    return [
        (loop.step // 2, loop.length, loop.times, loop.n_repeats, loop.n_between)
        for loop in loops_of(run_of(calls))
    ]


F, G, H = ("f", {"a": 1}, "x"), ("g", {}, "y"), ("h", {}, "")


def new(at):
    return ("think", {"about": at}, "")


# Golden.


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([F, F], [(0, 1, 2, 1, 0)]),
        ([F, F, F], [(0, 1, 3, 2, 0)]),
        ([F, G, F, G], [(0, 2, 2, 2, 0)]),
        ([F, G, F, G, F], [(0, 2, 2, 3, 0)]),
        ([G, F, H, F, H, F, H], [(1, 2, 3, 4, 0)]),
        ([F, F, G, F, F, G], [(0, 1, 2, 1, 0), (0, 3, 2, 3, 0)]),
        ([F, new(1), F], [(0, 1, 2, 1, 1)]),
        ([F, new(1), F, new(2), F], [(0, 1, 3, 2, 2)]),
        ([F, F, new(1), F], [(0, 1, 2, 1, 0), (1, 1, 2, 1, 1)]),
        ([F, ("f", {"a": 1.0}, "x")], [(0, 1, 2, 1, 0)]),
        ([F, ("f", {"a": 1}, "z"), ("f", {"a": 1}, "z")], [(1, 1, 2, 1, 0)]),
        ([F], []),
        ([], []),
    ],
)
def test_loops_are_those_written_out(calls, expected):
    assert told(calls) == expected


def pages(n):
    return [("list", {"page": at}, f"items of page {at}") for at in range(n)]


def polled(results, between=()):
    return [call for result in results for call in (("status", {"job": 7}, result), *between)]


SLEEP = ("sleep", {"seconds": 5}, "")
NEGATIVES = {
    "similar calls with other arguments": [("search", {"q": q}, "nothing") for q in "abcde"],
    "pagination": pages(6),
    "pages without arguments": [("next_page", {}, f"items {at}") for at in range(6)],
    "polling whose result changes": polled(["10 %", "20 %", "60 %", "done"]),
    "polling with a wait in between": polled(["10 %", "20 %", "60 %", "done"], [SLEEP]),
    "waiting until the result changes": polled(["pending", "pending", "pending", "done"]),
    "waiting with a wait in between": polled(["pending", "pending", "pending"], [SLEEP])
    + polled(["done"]),
    "a call after a change in between": [
        ("get_order", {"id": 1}, "open"),
        ("cancel_order", {"id": 1}, "ok"),
        ("get_order", {"id": 1}, "cancelled"),
    ],
    "a test after each of several edits": [
        call
        for at in range(4)
        for call in (("edit", {"line": at}, "ok"), ("run_tests", {}, f"{4 - at} failed"))
    ],
    "a retry that works": [("book", {"id": 1}, "Error: busy")] * 2
    + [("book", {"id": 1}, "booked")],
    "arguments that were corrected": [
        ("book", {"id": at}, "Error: no such id") for at in (1, 11, 111)
    ],
    "one tool on and off": [("toggle", {}, state) for state in ["on", "off"] * 4],
}


@pytest.mark.parametrize("name", NEGATIVES)
def test_what_only_looks_like_a_loop_is_silent(name):
    assert told(NEGATIVES[name]) == []


def test_a_call_repeated_after_an_edit_that_changed_nothing_is_only_information():
    run = run_of(
        [("run_tests", {}, "1 failed"), ("edit", {"line": 1}, "ok"), ("run_tests", {}, "1 failed")]
    )
    sheet = loops(run)
    assert sheet.frame["severity"].tolist() == ["info"]
    assert sheet.frame["evidence"].tolist() == [
        "run_tests was called 2 times from step 1 to 5 with the same arguments and the same result, "
        "with 1 other call in between"
    ]


# A labelled set.


def some_calls(rng, n):
    """Calls that are new each time."""
    return [
        (rng.choice(["look", "find", "note"]), {"x": rng.random()}, f"found {rng.random()}")
        for _ in range(n)
    ]


def looping(rng):
    """A cycle, whole or cut short, or one call again and again between new thoughts."""
    length, times = rng.choice([1, 1, 2, 3, 4]), rng.randint(2, 6)
    turn = [
        (f"tool{at}", {"x": rng.random()}, rng.choice(["", "no", "Error: 500"]))
        for at in range(length)
    ]
    if length == 1 and rng.random() < 0.4:
        return [
            call for _ in range(times) for call in (turn[0], *some_calls(rng, rng.randint(1, 2)))
        ]
    return turn * times + turn[: rng.randrange(length)]


def harmless(rng):
    name = rng.choice(sorted(NEGATIVES))
    calls = NEGATIVES[name]
    # the same in other words, so that no two runs of one kind are equal
    return [
        (tool, {**arguments, "run": rng.random()} if name == "pagination" else arguments, result)
        for tool, arguments, result in calls
    ]


def labelled(n=600, seed=0):
    rng = random.Random(seed)
    for _ in range(n):
        loops_here = rng.random() < 0.5
        middle = looping(rng) if loops_here else harmless(rng)
        calls = [*some_calls(rng, rng.randint(0, 5)), *middle, *some_calls(rng, rng.randint(0, 5))]
        yield loops_here, calls


def test_precision_and_recall_on_a_labelled_set():
    found = [(is_loop, bool(told(calls))) for is_loop, calls in labelled()]
    n_told = sum(flagged for _, flagged in found)
    n_right = sum(is_loop and flagged for is_loop, flagged in found)
    assert n_told > 200
    assert n_right / n_told >= 0.95
    assert n_right / sum(is_loop for is_loop, _ in found) >= 0.95


# tau-bench, gpt-4o on airline tasks.


@pytest.fixture(scope="module")
def airline(request):
    folder = request.getfixturevalue("shared") / "trajectories" / "tau-bench"
    return trajectories.read(folder / "gpt-4o-airline.json.gz", format="tau-bench")


@pytest.mark.shared
def test_the_airline_runs_hold_31_repeats_without_progress(airline):
    sheet = loops(airline)
    assert sheet.frame["n_repeats"].sum() == 31
    assert sheet.frame["value"].sum() == 31
    assert sheet.caption == (
        "24 loops in 16 of 200 runs: 31 calls that were made before and answered the same"
    )
    assert sheet.frame["severity"].value_counts().to_dict() == {"info": 17, "warning": 7}


@pytest.mark.shared
def test_repeats_are_those_of_a_naive_search(airline):
    expected = {}
    for run in airline:
        last, n = {}, 0
        for step in run.calls:
            call = (step.tool, json.dumps(step.arguments, sort_keys=True))
            n += last.get(call) == step.result
            last[call] = step.result
        if n:
            expected[run.run_id] = n
    assert sum(expected.values()) == 31
    assert loops(airline).frame.groupby("run_id")["n_repeats"].sum().to_dict() == expected


# Properties.

CALLS = st.lists(st.tuples(st.sampled_from("fg"), st.just({}), st.sampled_from("xy")), max_size=14)


@repeatable
@given(CALLS)
def test_each_repeat_has_the_answer_of_the_time_before_and_no_progress_in_between(calls):
    n = 0
    for at, (tool, _, result) in enumerate(calls):
        earlier = [to for to in range(at) if calls[to][0] == tool]
        if not earlier or calls[earlier[-1]][2] != result:
            continue
        between = range(earlier[-1] + 1, at)
        fresh = [to for to in between if any(calls[to][0] == c[0] for c in calls[:to])]
        answers = [[c[2] for c in calls[:to] if c[0] == calls[to][0]][-1] for to in fresh]
        n += all(calls[to][2] == answer for to, answer in zip(fresh, answers, strict=True))
    waited = n - sum(loop[3] for loop in told(calls))
    assert waited >= 0
    assert waited == 0 or len({result for _, _, result in calls}) > 1


@repeatable
@given(CALLS, st.integers(2, 4))
def test_anything_done_twice_in_a_row_is_found(calls, times):
    marked = [(tool, {"at": at}, result) for at, (tool, _, result) in enumerate(calls)]
    if marked:
        assert told(marked * times) == [(0, len(marked), times, len(marked) * (times - 1), 0)]
    assert told(marked) == []


# What the log holds, and how it is shown.


def test_calls_without_recorded_arguments_or_results_are_no_repeats():
    bare = [Step("execute_tool", "", tool="f") for _ in range(5)]
    unanswered = run_of([F, F])
    unanswered.steps[3].parts.pop()
    assert loops_of(Run("mine", steps=bare)) == []
    assert loops_of(unanswered) == []


def test_demos_are_no_loops():
    run = run_of([F, F])
    run.steps[1].flags |= {"demo"}
    assert loops_of(run) == []


def test_what_always_changes_can_be_left_out_of_an_observation():
    run = run_of([("f", {}, f"no results (request {at})") for at in range(3)])
    assert loops_of(run) == []
    assert loops_of(run, observe=lambda step: step.result.split("(")[0])[0].times == 3


def test_arguments_that_are_no_json_are_compared_as_texts():
    run = run_of([F, F])
    for step in (run.steps[1], run.steps[3]):
        step.parts[0].text, step.parts[0].arguments, step.parts[0].arguments_valid = (
            "{",
            None,
            False,
        )
    assert len(loops_of(run)) == 1


def test_loops_are_findings_and_say_why():
    sheet = loops([run_of([F, G] * 3, "one"), run_of([F], "two")])
    assert sheet.frame.to_dict("records") == [
        {
            "check": "trajectories.loop",
            "subject": "one#1",
            "severity": "warning",
            "value": 4.0,
            "evidence": "f, g were called in turn 3 times from step 1 to 11 with the same arguments "
            "and the same result, with no other call in between",
            "n": 6,
            "run_id": "one",
            "step": 1,
            "length": 2,
            "times": 3,
            "n_repeats": 4,
            "n_between": 0,
        }
    ]
    assert len(FINDINGS.check(sheet.frame, source="loops")) == 1
    assert repr(sheet).splitlines()[0] == (
        "1 loop in 1 of 2 runs: 4 calls that were made before and answered the same"
    )


def test_no_loops_are_an_empty_table_of_findings():
    frame = loops(run_of([F])).frame
    assert len(frame) == 0
    assert len(FINDINGS.check(frame, source="loops")) == 0


def test_names_of_tools_are_inert_where_loops_are_shown(storable):
    sheet = loops(run_of([(storable, {}, "x")] * 2))
    assert "<script" not in sheet._repr_html_()
    assert not COMMANDS.search(repr(sheet).replace("\n", ""))


def test_a_long_run_is_searched_at_once():
    calls = [("f", {"a": at % 500}, "x") for at in range(5_000)]
    found = loops_of(run_of(calls))
    assert sum(loop.n_repeats for loop in found) == 4_500
