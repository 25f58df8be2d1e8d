"""Trails: every call once, whether a step ran it or a model only asked for it."""

import time

import pytest

from workbench.trajectories.auditing.trails import trail_of
from workbench.trajectories.model import Part, Run, Step
from workbench.trajectories.reading import read


def asked(name, call_id=None, type="tool_call", **arguments):
    return Part("out", "assistant", type, name=name, call_id=call_id, arguments=arguments)


def ran(name, call_id=None, result="ok", **arguments):
    call = Part("in", "assistant", "tool_call", name=name, call_id=call_id, arguments=arguments)
    answer = Part("out", "tool", "tool_call_response", result, name, call_id)
    return Step("execute_tool", "", [call, answer], tool=name, tool_call_id=call_id)


def chat(*parts, parent=None):
    return Step("chat", "", list(parts), parent=parent)


def told(*steps):
    calls = trail_of(Run("x", steps=list(steps))).calls
    return [(call.number, call.tool, call.answered) for call in calls]


@pytest.mark.parametrize("call_id", ["1", None])
def test_a_call_that_ran_is_not_told_again_as_asked_for(call_id):
    assert told(chat(asked("a", call_id, n=1)), ran("a", call_id, n=1)) == [(1, "a", True)]


def test_a_call_that_never_ran_is_told_in_its_place():
    steps = [
        chat(asked("a", "1"), asked("b", "2")),
        ran("a", "1"),
        chat(asked("c", "3")),
        ran("d", "4"),
    ]
    assert told(*steps) == [(0, "b", False), (1, "a", True), (2, "c", False), (3, "d", True)]


def test_an_id_that_is_used_again_hides_no_call():
    steps = [chat(asked("a", "1")), ran("a", "1"), chat(asked("a", "1"))]
    assert told(*steps) == [(1, "a", True), (2, "a", False)]
    assert told(chat(asked("pay", "1")), ran("look", "1")) == [(0, "pay", False), (1, "look", True)]


def test_a_span_around_others_repeats_their_calls():
    around = Step("invoke_agent", "", [asked("a", "1"), asked("b"), asked("b"), asked("c", "9")])
    inner = [
        chat(asked("a", "1"), parent=0),
        chat(asked("b"), parent=0),
        chat(asked("b"), parent=0),
    ]
    assert [each[:2] for each in told(around, *inner)] == [(0, "c"), (1, "a"), (2, "b"), (3, "b")]
    assert [each[:2] for each in told(Step("invoke_workflow", "", around.parts), around)][:1] == [
        (0, "a")
    ]


def test_arguments_that_the_span_of_a_tool_leaves_out_are_those_asked_for():
    span = Step("execute_tool", "", tool="pay")
    calls = trail_of(Run("x", steps=[chat(asked("pay", "1", amount=5)), span])).calls
    assert [(call.number, call.arguments) for call in calls] == [(1, {"amount": 5})]


def test_a_span_without_arguments_accounts_for_one_call_and_never_for_another_id():
    assert told(chat(asked("pay", None, amount=5)), ran("pay", "1")) == [(1, "pay", True)]
    steps = [chat(asked("pay", "1", amount=5), asked("pay", "2", amount=6)), ran("pay", "1")]
    assert told(*steps) == [(0, "pay", False), (1, "pay", True)]


def test_the_answer_to_a_call_that_no_step_ran_is_what_the_next_question_repeats():
    answer = Part("in", "tool", "tool_call_response", '{"n": 1}', call_id="1")
    run = Run("x", steps=[chat(asked("a", "1")), chat(answer)])
    assert [(call.result, call.answered) for call in trail_of(run).calls] == [({"n": 1}, True)]
    early = Run("x", steps=[chat(answer), chat(asked("a", "1"))])
    assert not trail_of(early).calls[0].answered
    server = Part("out", "assistant", "server_tool_call_response", "found")
    assert told(chat(asked("search", None, "server_tool_call"), server)) == [(0, "search", True)]


def test_the_tools_of_a_provider_are_calls():
    items = [
        {"type": "message", "role": "user", "content": "x"},
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"query": "q"}},
        {"type": "mcp_call", "id": "m", "name": "remove", "arguments": "{}", "output": "done"},
    ]
    assert [call.tool for call in trail_of(read(items)[0]).calls] == ["web_search", "remove"]


def test_each_call_of_the_claims_agent_is_told_once(root):
    for run in read(root / "datasets" / "claims-agent" / "runs.jsonl.gz")[:20]:
        assert [call.number for call in trail_of(run).calls] == [
            number for number, step in enumerate(run.steps) if step.kind == "execute_tool"
        ]


def test_many_equal_calls_take_no_time_in_their_square():
    begin = time.process_time()
    steps = [each for at in range(5000) for each in (chat(asked("a", "1")), ran("a", "1"))]
    assert len(told(*steps)) == 5000
    assert time.process_time() - begin < 5
