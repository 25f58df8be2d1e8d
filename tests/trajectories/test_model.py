"""The model: what lies below what, and what is said of a step."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import UnknownName
from workbench.trajectories.model import Part, Run, Step, Usage, leaves, resolve_parents

repeatable = settings(deadline=None, derandomize=True, max_examples=100)


def test_parents_are_found_by_the_ids_of_spans():
    steps = [
        Step("chat", "/", span_id="b", parent_span_id="a"),
        Step("chat", "/", span_id="a"),
        Step("chat", "/", span_id="c", parent_span_id="gone"),
        Step("chat", "/", span_id="d", parent_span_id="d"),
    ]
    resolve_parents(steps)
    assert [step.parent for step in steps] == [1, None, None, None]
    assert [set(step.flags) for step in steps] == [set(), set(), {"orphan"}, {"orphan"}]


@pytest.mark.parametrize("name", Usage.__slots__)
def test_a_usage_with_any_figure_is_one_though_the_figure_be_nought(name):
    assert Usage(**{name: 0})
    assert not Usage()


@repeatable
@given(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 9)), max_size=10))
def test_a_leaf_has_a_figure_and_nothing_below_it_has(plan):
    has = [owns for owns, _ in plan]
    above = [None if up is None or up >= at else up for at, (_, up) in enumerate(plan)]
    covered = set()
    for at, owns in enumerate(has):
        up = above[at]
        while owns and up is not None:
            covered.add(up)
            up = above[up]
    assert leaves(has, above) == [owns and at not in covered for at, owns in enumerate(has)]


def test_a_step_says_what_it_wrote_and_else_what_it_read():
    step = Step(
        "chat", "/", [Part("in", "user", "text", "read"), Part("system", "system", "text", "s")]
    )
    assert step.text == "read"
    step.parts.append(Part("out", "assistant", "text", "wrote"))
    assert step.text == "wrote"
    assert Step("chat", "/").text == ""


def test_usage_tells_whether_anything_was_recorded():
    assert not Usage()
    assert all(Usage(**{name: 0}) for name in ("input_tokens", "output_tokens", "cost_usd"))


def test_a_step_that_a_run_does_not_have_is_told():
    with pytest.raises(UnknownName) as caught:
        Run("mine", run_id="a", steps=[Step("chat", "/")]).step(1)
    assert str(caught.value) == (
        "a step of run 'a' must be from 0 to 0, but 1 came; len(run.steps) says how many there are."
    )
