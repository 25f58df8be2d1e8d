"""Answers and calls: which belongs to which, when ids are reused, wrong or missing."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.trajectories.conversations.answering import add_unanswered, pair_calls, unanswered
from workbench.trajectories.model import Part, Step

repeatable = settings(deadline=None, derandomize=True, max_examples=100)
IDS = st.sampled_from([None, "a", "b"])


def asks(*ids, role="assistant"):
    parts = [Part("out", role, "tool_call", f"{n}", "f", each, n) for n, each in enumerate(ids)]
    return Step("chat", "/", parts)


def answers(call_id):
    parts = [Part("out", "tool", "tool_call_response", "x", call_id=call_id)]
    return Step("execute_tool", "/", parts, tool_call_id=call_id)


def paired(*steps, **options):
    pair_calls(list(steps), **options)
    return [(step.call_step, step.arguments) for step in steps if step.kind == "execute_tool"]


def test_an_answer_takes_the_nearest_call_with_its_id():
    assert paired(asks("a"), asks("a"), answers("a"), answers("a")) == [(1, 0), (0, 0)]


def test_of_calls_with_one_id_in_one_message_the_first_is_answered_first():
    assert paired(asks("a", "a"), answers("a"), answers("a")) == [(0, 0), (0, 1)]


def test_answers_in_another_order_find_their_calls_by_id():
    assert paired(asks("a", "b"), answers("b"), answers("a")) == [(0, 1), (0, 0)]


def test_an_answer_without_an_id_takes_the_oldest_call():
    assert paired(asks("a"), asks(None), answers(None), answers(None)) == [(0, 0), (1, 0)]


def test_an_id_that_no_call_bears_is_a_mistake_unless_ids_are_known_to_be_right():
    assert paired(asks("a"), answers("z")) == [(0, 0)]
    lost = answers("z")
    assert paired(asks("a"), lost, by_position=False) == [(None, None)]
    assert lost.flags == {"orphan"}


def test_an_answer_with_a_wrong_id_leaves_a_call_to_the_later_answer_that_bears_its_id():
    assert paired(asks("a", "b"), answers("z"), answers("a")) == [(0, 1), (0, 0)]
    assert paired(asks("a", "b"), answers(None), answers("a")) == [(0, 1), (0, 0)]
    assert paired(asks("a"), answers("z"), asks("b"), answers("a")) == [(None, None), (0, 0)]


def test_an_answer_before_every_call_is_an_orphan():
    early = answers("a")
    assert paired(early, asks("a")) == [(None, None)]
    assert early.flags == {"orphan"}


def test_the_call_of_another_than_the_agent_keeps_its_role():
    answer = answers("a")
    paired(asks("a", role="user"), answer)
    assert answer.parts[0].role == "user"


def naive(steps):
    """The same as the docstring says it, word for word."""
    calls = [(at, part) for at, step in enumerate(steps) for part in step.calls]
    found = {at: None for at, step in enumerate(steps) if step.kind == "execute_tool"}
    for by_id in (True, False):
        for at in [at for at, taken in found.items() if taken is None]:
            fit = [each for each in calls if each[0] < at and each not in found.values()]
            if by_id:
                fit = [
                    each for each in fit if each[1].call_id == steps[at].tool_call_id is not None
                ]
                fit = [each for each in fit if each[0] == fit[-1][0]]
            found[at] = fit[0] if fit else None
    return [taken and (taken[0], taken[1].arguments) for taken in found.values()]


@repeatable
@given(
    st.lists(
        st.one_of(
            st.lists(IDS, max_size=3).map(lambda ids: ("asks", ids)),
            IDS.map(lambda one: ("answers", one)),
        ),
        max_size=12,
    )
)
def test_pairing_is_what_its_description_says(plan):
    steps = [asks(*ids) if what == "asks" else answers(ids) for what, ids in plan]
    expected = naive(steps)
    pair_calls(steps)
    found = [step for step in steps if step.kind == "execute_tool"]
    assert [None if s.call_step is None else (s.call_step, s.arguments) for s in found] == expected


@repeatable
@given(
    st.lists(
        st.one_of(
            st.lists(IDS, max_size=3).map(lambda ids: ("asks", ids)),
            IDS.map(lambda one: ("answers", one)),
        ),
        max_size=12,
    )
)
def test_every_call_has_one_answer_or_is_told_to_have_none(plan):
    steps = [asks(*ids) if what == "asks" else answers(ids) for what, ids in plan]
    pair_calls(steps)
    n_calls = sum(len(step.calls) for step in steps)
    n_answered = sum(step.call_step is not None for step in steps)
    assert len(unanswered(steps)) == n_calls - n_answered
    add_unanswered(steps)
    assert sum(step.call_step is not None for step in steps) == n_calls
    assert sum("unanswered" in step.flags for step in steps) == n_calls - n_answered


def test_many_calls_are_joined_in_linear_time():
    n = 20_000
    start = time.process_time()
    for ids, said in (
        (["a"] * n, ["a"] * n),
        ([f"{i}" for i in range(n)], ["z"] * n),
        ([f"{i}" for i in range(n)], [f"{i}" for i in reversed(range(n))]),
    ):
        steps = [asks(*ids), *(answers(each) for each in said)]
        pair_calls(steps)
        add_unanswered(steps)
        assert len(steps) == n + 1
    assert time.process_time() - start < 10
