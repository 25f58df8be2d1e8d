"""Cost conformance: what each habit of logs must come to, with the arithmetic written out.

Each fixture holds one habit by which other tools count twice, or too little. They were written from
the formats' documentation; what each teaches stands in `fixtures/costs/README.md`.
"""

from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.ledger import record_of
from workbench.trajectories.model import Run, Step, Usage, counted_usage

FOLDER = Path(__file__).with_name("fixtures") / "costs"

# file: input, cached, cache written, output, reasoning, dollars; None where nothing is recorded
EXPECTED = {
    # the spans that wrap two calls repeat their sum
    "wrapper_spans.json": (100 + 200, None, None, 10 + 20, None, None),
    # a refused attempt has no tokens, a broken one has, the last one has
    "retries.json": (100 + 100, None, None, 7 + 20, None, None),
    # each line tells what its message took so far: the last line of each counts
    "growing_usage.jsonl": ((10 + 90) + (20 + 100), 90 + 100, 0, 25 + 5, None, None),
    # totals so far: what they grew by adds up to the last
    "cumulative_metrics.json": (
        100 + 150 + 250,
        0 + 90 + 210,
        None,
        10 + 15 + 35,
        None,
        0.1 + 0.2 + 0.4,
    ),
    # the first count comes twice, with the same total
    "repeated_counts.jsonl": (100 + 150, 0 + 90, None, 40 + 20, 30 + 10, None),
    # one provider's input holds what came from the cache, another's stands beside it
    "cache_in_input.json": (1000, 700, None, 50, 30, None),
    "cache_beside_input.jsonl": (200 + 700 + 100, 700, 100, 50, None, None),
    # every state repeats all messages; reasoning is a part of the output
    "repeated_states.json": (100 + 150, None, None, 40 + 10, 25, None),
    # the answer to the call that starts a sub-agent repeats its total
    "sub_agent.jsonl": (100 + 60 + 120, 0, 0, 10 + 6 + 4, None, None),
    # the total of all holds the sub-agent's, which has a total of its own
    "sub_agent_atif.json": (100 + 60 + 120, None, None, 10 + 6 + 4, None, 0.01 + 0.006 + 0.012),
    # the second answer came from the tool's own cache and cost nothing
    "cached_answer.json": (100 + 150, None, None, 10 + 15, None, None),
    # what the simulated user takes is no cost of the agent
    "simulated_user.json": (900, None, None, 9, None, 0.05),
}


def figures(usage):
    return tuple(getattr(usage, name) for name in Usage.__slots__)


@pytest.mark.parametrize("name", EXPECTED)
def test_each_habit_of_logs_comes_to_its_sum(name):
    runs = trajectories.read(FOLDER / name)
    assert len(runs) == 1
    assert figures(counted_usage(runs[0])) == pytest.approx(EXPECTED[name])


@pytest.mark.parametrize("name", EXPECTED)
def test_runs_tell_what_was_counted(name):
    runs = trajectories.read(FOLDER / name)
    row = record_of(runs[0])
    told = (row["input_tokens"], row["cached_tokens"], row["output_tokens"], row["cost_usd"])
    tokens, cached, _, written, _, dollars = EXPECTED[name]
    assert told == pytest.approx((tokens, cached, written, dollars))


@pytest.mark.parametrize("name", EXPECTED)
def test_what_the_source_states_is_what_was_counted(name):
    run = trajectories.read(FOLDER / name)[0]
    counted = counted_usage(run)
    stated = (
        []
        if run.recorded is None
        else list(zip(Usage.__slots__, figures(run.recorded), strict=True))
    )
    assert [
        (each, value) for each, value in stated
        if value is not None and getattr(counted, each) != pytest.approx(value)
    ] == []  # fmt: skip


def test_every_fixture_is_expected():
    files = {path.name for path in FOLDER.iterdir()} - {"README.md"}
    assert files == EXPECTED.keys()


@pytest.mark.shared
def test_real_wrapper_spans_repeat_what_lies_below_them(shared):
    folder = shared / "trajectories" / "openinference"
    wrapper = trajectories.read(folder / "ai-generateText.json")[0]
    inner = trajectories.read(folder / "ai-generateText-doGenerate.json")[0]
    once = counted_usage(inner)
    assert figures(counted_usage(wrapper)) == figures(once)
    inner.steps[0].parent = 0
    both = Run("both", steps=[wrapper.steps[0], inner.steps[0]])
    assert figures(counted_usage(both)) == figures(once)


def step(tokens=None, parent=None, *, kind="chat", flags=(), **usage):
    found = Step(kind, "/", parent=parent, flags=frozenset(flags))
    found.usage = Usage(input_tokens=tokens, **usage) if tokens is not None or usage else None
    return found


def counted(*steps, recorded=None):
    return counted_usage(Run("mine", steps=list(steps), recorded=recorded))


def test_a_wrapper_three_levels_up_repeats_too():
    assert (
        counted(step(30), step(30, 0), step(None, 1), step(10, 2), step(20, 2)).input_tokens == 30
    )


def test_a_figure_that_only_the_wrapper_has_is_the_wrappers():
    found = counted(step(30, cost_usd=0.5), step(10, 0), step(20, 0))
    assert (found.input_tokens, found.cost_usd) == (30, 0.5)


def test_a_child_that_stands_before_its_parent_counts_as_a_child():
    assert counted(step(10, 2), step(20, 2), step(30)).input_tokens == 30


def test_demonstrations_and_copied_context_were_paid_for_elsewhere():
    steps = step(5, flags=["demo"]), step(7, flags=["copied_context"]), step(11)
    assert counted(*steps).input_tokens == 11


def test_where_no_step_tells_the_runs_own_total_stands():
    found = counted(step(), recorded=Usage(input_tokens=40, cost_usd=0.2))
    assert (found.input_tokens, found.cost_usd, found.output_tokens) == (40, 0.2, None)


def test_what_nobody_recorded_is_missing_and_not_nought():
    assert figures(counted(step(), step())) == (None,) * 6
    assert counted(step(0)).input_tokens == 0


def test_dollars_are_added_without_the_loss_of_small_ones():
    steps = [step(cost_usd=0.1) for _ in range(10)]
    assert counted(*steps).cost_usd == 1.0


def test_a_sum_that_no_column_holds_is_missing():
    assert counted(step(2**62), step(2**62)).input_tokens is None


def test_parents_in_a_circle_end_the_count():
    assert counted(step(10, 1), step(20, 0)).input_tokens in {10, 20, 30, None}
    assert counted(step(10, 0)).input_tokens == 10
