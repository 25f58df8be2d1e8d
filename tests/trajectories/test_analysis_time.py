"""Durations, error rates, windows, what ran side by side, and the critical path."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, UnknownName
from workbench.trajectories import Run, Runs, Step, Usage
from workbench.trajectories.analysis import (
    critical_path,
    latency,
    over_time,
    quantile_interval,
    run_times,
    step_times,
    wilson,
)
from workbench.trajectories.analysis.durations import longest_chain
from workbench.trajectories.analysis.spread import quantile_ranks

repeatable = settings(deadline=None, derandomize=True, max_examples=80)
S = 10**9


def call(start=None, end=None, tool="f", **more):
    times = {
        name: None if at is None else round(at * S)
        for name, at in (("start_ns", start), ("end_ns", end))
    }
    return Step("execute_tool", "", tool=tool, **times, **more)


def runs(*steps):
    return Runs.of([Run("t", name="a", steps=[*steps])])


# Brown, Cai and DasGupta (2001) give the formula; the figures are scipy's binomtest(...).proportion_ci
@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 10, 0, 0.277533),
        (5, 10, 0.236593, 0.763407),
        (84, 200, 0.353736, 0.489279),
        (10, 10, 0.722467, 1),
    ],
)
def test_wilsons_interval_is_that_of_scipy(hits, n, low, high):
    from scipy.stats import binomtest

    found = [float(end[0]) for end in wilson(np.array([hits]), np.array([n]))]
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    assert found == pytest.approx([expected.low, expected.high], abs=1e-12)
    assert found == pytest.approx([low, high], abs=1e-6)


def test_nothing_counted_has_no_interval():
    assert all(np.isnan(end[0]) for end in wilson(np.array([0]), np.array([0])))


def test_a_medians_interval_is_between_two_values_that_were_seen():
    # n = 20: the 6th and the 15th, with a confidence of 95.9 %
    assert quantile_interval(range(1, 21), 0.5) == (10.5, 6, 15)
    assert math.isnan(quantile_interval([1, 2, 3, 4, 5], 0.5).low)
    assert quantile_interval([1, 2, 3, 4, 5, 6], 0.5)[1:] == (1, 6)


@pytest.mark.parametrize(("n", "q"), [(6, 0.5), (50, 0.5), (200, 0.95), (1_000, 0.99)])
def test_an_interval_of_order_statistics_covers_at_least_its_level(n, q):
    from scipy.stats import binom

    ranks = quantile_ranks(np.array([n]), q, 0.95)
    low, high = int(ranks.low[0]), int(ranks.high[0])
    covered = binom.cdf(high, n, q) - binom.cdf(low, n, q)
    assert covered >= 0.95
    # no narrower one at either end
    assert binom.cdf(low + 1, n, q) > 0.025
    assert 1 - binom.cdf(high - 1, n, q) > 0.025


@pytest.mark.parametrize(
    ("call_it", "message"),
    [
        (lambda: wilson(np.array([1]), np.array([2]), level=1), "level must be between 0 and 1, but 1 came; use 0.95."),
        (
            lambda: quantile_interval([1], 1.5),
            "a quantile must be between 0 and 1, but 1.5 came; use 0.5 for the median.",
        ),
        (
            lambda: quantile_interval([], 0.5),
            "a quantile needs at least one value, but none came; pass some.",
        ),
        (
            lambda: over_time(runs(), every="soon"),
            "every must be a length of time above 0, but 'soon' came; use '1h', '15min' or '1D'.",
        ),
        (
            lambda: over_time(runs(), every="-1h"),
            "every must be a length of time above 0, but '-1h' came; use '1h', '15min' or '1D'.",
        ),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(call_it, message):
    with pytest.raises(BadValue) as caught:
        call_it()
    assert str(caught.value) == message


def test_latency_by_an_unknown_column_is_refused():
    with pytest.raises(UnknownName):
        latency(runs(), by="tools")


@pytest.mark.parametrize("kinds", [["chats"], "chat"])
def test_windows_of_an_unknown_kind_of_steps_are_refused(kinds):
    with pytest.raises(UnknownName) as caught:
        over_time(runs(), kinds=kinds)
    assert str(caught.value).startswith("a kind of steps must be one of 'chat', ")


def test_latency_is_that_of_numpy_and_errors_have_an_interval():
    seconds = [0.5 * at for at in range(1, 31)]
    steps = [call(1, 1 + each, status="error" if each > 13 else "ok") for each in seconds]
    row = latency(runs(*steps, call(3, 2), call())).loc[0]
    assert row[["n", "n_errors", "n_timed"]].tolist() == [32, 4, 30]
    assert row["total_s"] == sum(seconds)
    assert row[["p50_s", "p95_s"]].tolist() == pytest.approx(
        np.quantile(seconds, [0.5, 0.95]).tolist()
    )
    assert row[["p50_low", "p50_high"]].tolist() == [5.0, 10.5]
    low, high = wilson(np.array([4]), np.array([32]))
    assert row[["error_rate", "error_low", "error_high"]].tolist() == [4 / 32, low[0], high[0]]


def test_where_no_step_says_how_it_ended_no_rate_is_told():
    row = latency(runs(call(0, 1), call(0, 1))).loc[0]
    assert row[["n_errors", "error_rate", "error_low"]].isna().all()
    row = latency(runs(call(0, 1), call(0, 1, error_type="timeout"))).loc[0]
    assert (row["n_errors"], row["error_rate"]) == (1, 0.5)


def test_a_span_around_a_models_call_is_no_call_of_it():
    wrapper = Step("chat", "", model="m", start_ns=0, end_ns=9 * S)
    inner = Step("chat", "", model="m", parent=0, start_ns=S, end_ns=3 * S)
    agent = Step("invoke_agent", "", model="m", start_ns=0, end_ns=9 * S)
    frame = latency(runs(wrapper, inner, agent), by="model")
    assert frame.loc[0, ["n", "total_s"]].tolist() == [1, 2.0]


def test_windows_hold_what_begins_in_them():
    hour = 3_600
    steps = [
        call(0, 1, status="ok"),
        call(hour - 1, hour + 5, status="error"),
        Step("chat", "", start_ns=3 * hour * S, end_ns=3 * hour * S + S, usage=Usage(7, output_tokens=2, cost_usd=0.5)),
        Step("wb.input", "", start_ns=3 * hour * S),
        call(),
    ]  # fmt: skip
    frame = over_time(runs(*steps))
    assert [f"{each:%d %H:%M}" for each in frame["window"]] == ["01 00:00", "01 03:00"]
    assert frame[["n", "n_errors", "n_timed"]].to_numpy().tolist() == [[2, 1, 2], [1, 0, 1]]
    assert frame["input_tokens"].isna().tolist() == [True, False]
    assert frame.loc[1, ["input_tokens", "output_tokens", "cost_usd"]].tolist() == [7, 2, 0.5]
    assert math.isnan(frame.loc[0, "cost_usd"])
    assert len(over_time(runs(*steps), every="1D")) == 1
    assert over_time(runs(*steps), kinds=["wb.input"])["n"].tolist() == [1]
    assert len(over_time(runs(call()))) == 0


def test_work_waiting_and_side_by_side():
    row = run_times(
        runs(
            Step("invoke_agent", "", start_ns=0, end_ns=10 * S),
            call(1, 5, parent=0),
            call(2, 4, parent=0),
            call(6, 8, parent=0),
        )
    ).loc[0]
    # leaves work in [1, 5] and [6, 8]; the longest chain is 4 + 2
    assert row[["wall_s", "work_s", "busy_s", "waiting_s", "critical_s"]].tolist() == [
        10,
        8,
        6,
        4,
        6,
    ]
    assert row[["busy_share", "concurrency", "parallelism"]].tolist() == [0.6, 8 / 6, 8 / 6]


def test_a_run_without_times_has_no_figures():
    row = run_times(runs(call(), call(5, 3))).loc[0]
    assert row["n_timed"] == 0
    assert row.drop(["run_id", "n_timed"]).isna().all()
    assert len(run_times(Runs.of([]))) == 0


def test_the_critical_path_names_its_steps():
    found = runs(call(0, 4), call(1, 3, "g"), call(3, 5, "h"), call(7, 8))
    path = critical_path(found)
    assert path["step"].tolist() == [0, 3]
    times = step_times(found)
    assert times["begins_s"].tolist() == [0, 1, 3, 7]
    assert times["duration_s"].tolist() == [4, 2, 2, 1]
    assert times["leaf"].all()


# A naive recomputation.

spans = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 8)), max_size=7).map(
    lambda pairs: [(start, start + length) for start, length in pairs]
)


def naive_chain(intervals):
    """The most that any set of intervals, each beginning when the one before has ended, adds to."""
    best = 0
    for size in range(1, len(intervals) + 1):
        for chosen in itertools.combinations(
            sorted(intervals, key=lambda each: (each[1], each[0])), size
        ):
            if all(one[1] <= other[0] for one, other in itertools.pairwise(chosen)):
                best = max(best, sum(end - start for start, end in chosen))
    return best


@repeatable
@given(spans)
def test_the_longest_chain_is_the_naive_one(intervals):
    starts, ends = (np.array([each[at] for each in intervals], np.int64) for at in range(2))
    chain = longest_chain(starts, ends)
    assert sum(ends[at] - starts[at] for at in chain) == naive_chain(intervals)
    assert all(ends[one] <= starts[other] for one, other in itertools.pairwise(chain))


@repeatable
@given(spans, spans)
def test_busy_work_and_critical_seconds_are_the_naive_ones(one, other):
    both = [one, other]
    found = Runs.of([Run("t", steps=[call(*each) for each in part]) for part in both])
    for row, part in zip(run_times(found).itertuples(), both, strict=True):
        if not part:
            assert math.isnan(row.busy_s)
            continue
        instants = {at for start, end in part for at in range(start, end)}
        assert row.busy_s == len(instants)
        assert row.work_s == sum(end - start for start, end in part)
        assert row.critical_s == naive_chain(part)
        assert row.wall_s == max(end for _, end in part) - min(start for start, _ in part)
        assert row.critical_s <= row.busy_s <= row.wall_s
    for run_id, path in critical_path(found).groupby("run_id", observed=True):
        row = run_times(found).set_index("run_id").loc[run_id]
        assert path["duration_s"].sum() == row["critical_s"]


@repeatable
@given(
    st.lists(
        st.tuples(st.sampled_from("fgh"), st.integers(0, 50), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_tables_by_tool_are_those_of_pandas(calls):
    steps = [
        call(0, seconds, tool, status="error" if bad else "ok") for tool, seconds, bad in calls
    ]
    found = latency(runs(*steps)).set_index("tool")
    frame = pd.DataFrame(calls, columns=["tool", "s", "bad"])
    for tool, part in frame.groupby("tool"):
        row = found.loc[tool]
        assert row[["n", "n_errors"]].tolist() == [len(part), part["bad"].sum()]
        assert row["total_s"] == part["s"].sum()
        assert row[["p50_s", "p95_s"]].tolist() == pytest.approx(
            part["s"].quantile([0.5, 0.95]).tolist()
        )
