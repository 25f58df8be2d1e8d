"""Tools, paths, hand-offs, repeats, bottlenecks and anomalies: tau-bench's figures and by hand."""

import collections
import itertools
import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, UnknownName
from workbench.trajectories import Part, Run, Runs, Step, Usage, read
from workbench.trajectories.analysis import (
    anomalies,
    bigrams,
    bottlenecks,
    handoffs,
    repeated_calls,
    tool_links,
    tools,
    transitions,
)
from workbench.trajectories.conversations.messages import call_part

repeatable = settings(deadline=None, derandomize=True, max_examples=50)
# where an example takes many tables
seldom = settings(repeatable, max_examples=15)


def call(tool="f", arguments=None, answer=None, **more):
    parts = [call_part(tool, {} if arguments is None else arguments, None)]
    if answer is not None:
        parts.append(Part("out", "tool", "tool_call_response", answer, tool))
    return Step("execute_tool", "", parts, tool=tool, **more)


def paths(*ways, **more):
    """Runs that call tools named by letters."""
    return Runs.of(
        Run("t", name=f"{at}", steps=[call(tool) for tool in way], **more)
        for at, way in enumerate(ways)
    )


@pytest.mark.parametrize("flag", ["demo", "copied_context"])
def test_what_a_demo_shows_was_not_called(flag):
    shown = [call("g", answer="x", flags=frozenset({flag}), status="error") for _ in range(3)]
    runs = Runs.of([Run("t", name="a", steps=[*shown, call("f", status="ok"), call("h")])])
    for source in (runs, runs.table, runs.steps, runs.only(["a"])):
        assert tools(source)[["tool", "n", "n_errors"]].to_numpy().tolist() == [
            ["f", 1, 0], ["h", 1, 0],
        ]  # fmt: skip
        assert bigrams(source)[["before", "after"]].to_numpy().tolist() == [["f", "h"]]
    assert runs.steps["uncounted"].tolist() == [True, True, True, False, False]
    assert repeated_calls(runs).empty


def test_a_table_that_does_not_tell_demos_has_none():
    steps = paths("fg").steps.drop(columns="uncounted")
    assert tools(steps)["n"].tolist() == [1, 1]


@pytest.fixture(scope="module")
def airline(shared):
    path = shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz"
    return read(path, format="tau-bench")


@pytest.mark.shared
def test_tau_benchs_tools_are_counted(airline):
    frame = tools(airline)
    assert len(frame) == 14
    assert frame["n"].sum() == 1_164
    assert frame[["tool", "n"]].head(3).to_numpy().tolist() == [
        ["get_reservation_details", 377],
        ["search_direct_flight", 141],
        ["get_user_details", 120],
    ]


@pytest.mark.shared
def test_tau_benchs_repeats_without_progress_are_found(airline):
    frame = repeated_calls(airline)
    assert frame["n_no_progress"].sum() == 31
    assert frame["contradictory"].sum() == 1
    sheet = bottlenecks(airline)
    assert sheet.frame["n_repeats"].sum() == 31
    assert sheet.caption.startswith("31 of 1164 calls repeat one whose answer was known")
    # nothing is timed there, and no saving is claimed
    assert (
        sheet.frame.loc[sheet.frame["n_repeats"] > 0, ["saving_s", "saving_usd"]]
        .isna()
        .all(axis=None)
    )


@pytest.mark.shared
def test_tau_benchs_paths_add_up(airline):
    n_runs = int(
        (tools(airline)["n_runs"].max()),
    )
    frame = bigrams(airline)
    calling = sum(any(step.tool for step in run.calls) for run in airline)
    assert frame["n"].sum() == 1_164 - calling
    assert n_runs <= calling
    links = tool_links(airline)
    assert links.loc[links["call"] == 0, "n"].sum() == calling
    matrix = transitions(airline)
    assert matrix.sum(axis=1).to_numpy() == pytest.approx(np.ones(15))
    assert matrix.shape == (15, 15)


ways = st.lists(st.text("fgh", max_size=5), min_size=1, max_size=4)


@seldom
@given(ways, st.integers(1, 3), st.integers(1, 4))
def test_bigrams_transitions_and_links_are_the_naive_ones(words, n_tools, n_calls):
    runs = paths(*words)
    pairs = collections.Counter(pair for way in words for pair in itertools.pairwise(way))
    found = {(row.before, row.after): row.n for row in bigrams(runs).itertuples()}
    assert found == dict(pairs)
    steps = collections.Counter()
    for way in words:
        if way:
            steps.update(itertools.pairwise(["(start)", *way, "(end)"]))
    matrix = transitions(runs)
    for before, after in itertools.product(matrix.index, matrix.columns):
        total = sum(n for (one, _), n in steps.items() if one == before)
        assert matrix.loc[before, after] == steps[before, after] / max(total, 1)
    kept = [
        tool
        for tool, _ in sorted(
            collections.Counter("".join(words)).items(), key=lambda e: (-e[1], e[0])
        )
    ]
    lump = {tool: tool if tool in kept[:n_tools] else "(other)" for tool in "fgh"}
    links = collections.Counter()
    for way in words:
        names = [*(lump[tool] for tool in way), "(end)"]
        links.update(
            (at, *pair) for at, pair in enumerate(itertools.pairwise(names)) if at < n_calls
        )
    frame = tool_links(runs, n_calls=n_calls, n_tools=n_tools)
    assert {(r.call, r.tool, r.next_tool): r.n for r in frame.itertuples()} == dict(links)


@seldom
@given(ways, st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_no_table(words, chance):
    runs = list(paths(*words))
    before = Runs.of(runs)
    chance.shuffle(runs)
    after = Runs.of(runs)
    for table in (tools, bigrams, handoffs, tool_links):
        found = [
            frame.sort_values(list(frame.columns[:3]), ignore_index=True)
            for frame in (table(before), table(after))
        ]
        pd.testing.assert_frame_equal(*found)


def test_tools_tell_shares_and_runs():
    frame = tools(paths("ffg", "f", ""))
    assert frame[["tool", "n", "share", "n_runs"]].to_numpy().tolist() == [
        ["f", 3, 0.75, 2],
        ["g", 1, 0.25, 1],
    ]
    assert len(tools(paths(""))) == 0


def test_handoffs_are_changes_of_the_agent():
    steps = [Step("chat", "", agent=agent) for agent in ("a", "b", None, "b", "a", "c", "a")]
    frame = handoffs(
        Runs.of([Run("t", steps=steps), Run("t", steps=[Step("chat", "", agent="b")])])
    )
    assert frame[["agent", "next_agent", "n"]].to_numpy().tolist() == [
        ["a", "b", 1], ["a", "c", 1], ["b", "a", 1], ["c", "a", 1],
    ]  # fmt: skip
    assert frame["share"].tolist() == [0.5, 0.5, 1, 1]


def test_links_of_nothing_and_too_many_tools_for_a_matrix_are_refused():
    with pytest.raises(BadValue) as caught:
        tool_links(paths("f"), n_calls=0)
    assert str(caught.value) == (
        "n_calls and n_tools must be at least 1, but 0 and 8 came; use 5 and 8."
    )
    with pytest.raises(BadValue) as caught:
        transitions(paths([str(at) for at in range(2_001)]))
    assert str(caught.value) == (
        "a matrix of transitions must have at most 2000 tools, but 2001 came; see bigrams."
    )


def test_a_repeat_is_the_same_call_with_its_keys_in_any_order():
    steps = [
        Step("chat", "", agent="planner"),
        call("f", {"a": 1, "b": [2]}, "x", call_step=0, start_ns=0, end_ns=10**9, usage=Usage(cost_usd=0.5)),
        Step("chat", "", agent="worker"),
        call("f", '{"b": [2], "a": 1}', "x", call_step=2, start_ns=0, end_ns=3 * 10**9, usage=Usage(cost_usd=0.25)),
        call("f", {"a": 1, "b": [3]}, "x"),
        call("g", {"a": 1, "b": [2]}, "x"),
    ]  # fmt: skip
    row = repeated_calls(Runs.of([Run("t", name="r", steps=steps)])).loc[0]
    assert row["arguments"] == '{"a": 1, "b": [2]}'
    assert (row["steps"], row["agents"]) == ([1, 3], ["planner", "worker"])
    assert row[["n", "n_answers", "n_no_progress", "contradictory"]].tolist() == [2, 1, 1, False]
    assert row[["repeat_s", "repeat_usd"]].tolist() == [3.0, 0.25]


def test_polling_pagination_and_silence_are_no_repeats_without_progress():
    polling = [call("status", {"id": 1}, state) for state in ("waiting", "running", "done")]
    pages = [call("list", {"page": at}, "same") for at in range(3)]
    silent = [call("lost"), call("lost")]
    frame = repeated_calls(Runs.of([Run("t", steps=polling + pages + silent)])).set_index("tool")
    assert frame["n_no_progress"].tolist() == [0, 0]
    assert frame["contradictory"].to_dict() == {"status": True, "lost": False}


def test_broken_arguments_are_compared_as_they_stand():
    steps = [call("f", '{"a": ', "x"), call("f", '{"a": ', "x"), call("f", '{"a":', "x")]
    frame = repeated_calls(Runs.of([Run("t", steps=steps)]))
    assert frame[["arguments", "n"]].to_numpy().tolist() == [['{"a": ', 2]]


def test_a_bottleneck_tells_what_a_cache_would_have_saved():
    def timed(tool, seconds, answer):
        return call(
            tool, None, answer, start_ns=0, end_ns=seconds * 10**9, usage=Usage(cost_usd=0.5)
        )

    runs = Runs.of(
        [
            Run("t", name="a", steps=[timed("f", 2, "x"), timed("f", 4, "x"), timed("g", 60, "y")]),
            Run("t", name="b", steps=[timed("f", 3, "x"), timed("g", 1, "z")]),
        ]
    )
    figures = ["tool", "n", "n_runs", "total_s", "longest_s", "n_repeats", "saving_s", "saving_usd"]
    frame = bottlenecks(runs).frame
    assert frame[figures].to_numpy().tolist() == [
        ["f", 3, 2, 9.0, 4.0, 1, 4.0, 0.5],
        ["g", 2, 2, 61.0, 60.0, 0, 0.0, 0.0],
    ]
    # with the answers of all runs kept b's call of f would have been spared too; g's answers differ
    assert bottlenecks(runs, scope="all").frame["saving_s"].tolist() == [7.0, 0.0]
    assert repr(bottlenecks(runs, top=1)).splitlines()[0] == (
        "1 of 5 calls repeat one whose answer was known, if a run had kept its own answers; 1 of 2 "
        "different calls"
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"top": 0}, BadValue, "top must be at least 1, but 0 came; use 20."),
        ({"scope": "runs"}, UnknownName, "scope must be one of 'run', 'all', but 'runs' came; did you mean 'run'?"),
    ],
)  # fmt: skip
def test_bottlenecks_that_cannot_be_are_refused(options, error, message):
    with pytest.raises(error) as caught:
        bottlenecks(paths("f"), **options)
    assert str(caught.value) == message


# Anomalies.


def lengths(*numbers, **more):
    return Runs.of(
        Run("t", name=f"{at:02}", steps=[Step("chat", "")] * n, **more)
        for at, n in enumerate(numbers)
    )


def test_a_long_run_stands_out_with_its_reason():
    frame = anomalies(lengths(8, 9, 10, 10, 11, 12, 10, 9, 11, 40, 1))
    assert frame[["run_id", "figure", "value", "median"]].to_numpy().tolist() == [
        ["09", "steps", 40, 10], ["10", "steps", 1, 10],
    ]  # fmt: skip
    # 30 and 9 away; the median absolute deviation is 1, which is 1.4826 sigma
    assert frame["z"].tolist() == pytest.approx([30 / 1.4826022185, -9 / 1.4826022185])
    assert (
        frame["reason"][1] == "1 step, where the median is 10: 6.1 robust standard deviations below"
    )


def test_where_most_runs_agree_exactly_nothing_is_said():
    assert len(anomalies(lengths(*[10] * 10, 500))) == 0


def test_few_runs_say_too_little():
    assert len(anomalies(lengths(1, 2, 3, 4, 5, 6, 900))) == 0
    assert len(anomalies(lengths(1, 2, 3, 4, 5, 6, 7, 900))) == 1


def test_two_rules_need_no_comparison():
    runs = Runs.of(
        [
            Run("t", name="empty"),
            Run("t", name="late", start_ns=5 * 10**9, end_ns=2 * 10**9, steps=[Step("chat", "")]),
        ]
    )
    frame = anomalies(runs)
    assert frame[["run_id", "figure", "reason"]].to_numpy().tolist() == [
        ["empty", "empty", "the run has no steps"],
        ["late", "clock", "the run ends 3.00 s before it begins"],
    ]


def test_runs_are_compared_within_their_groups():
    runs = Runs.of(
        Run(
            "t",
            name=f"{task}{at}",
            task_id=task,
            steps=[Step("chat", "")] * (base + at % 3 + extra),
        )
        for task, base in (("a", 5), ("b", 50))
        for at, extra in enumerate([0] * 11 + [40 if task == "a" else 0])
    )
    assert "a11" not in anomalies(runs)["run_id"].tolist()
    assert anomalies(runs, by="task_id")["run_id"].tolist() == ["a11"]


def test_an_unusual_path_is_told_with_its_strangest_step():
    usual = ["fgh", "fgh", "fggh", "fgh", "fh", "fgh", "fggh", "fgh", "fgggh", "fghh"]
    frame = anomalies(paths(*usual, "hhgfhf"))
    row = frame[frame["figure"] == "path"].iloc[0]
    assert row["run_id"] == "10"
    assert row["reason"].endswith("strangest: from 'g' to 'f' (never in other runs)")


def naive_surprise(words, at, smoothing):
    """The mean bits per step of a run under the transitions of the others."""
    counts = collections.Counter()
    for other, way in enumerate(words):
        if other != at and way:
            counts.update(itertools.pairwise(["(start)", *way, "(end)"]))
    size = len(set("".join(words))) + 1
    bits = []
    for before, after in itertools.pairwise(["(start)", *words[at], "(end)"]):
        total = sum(n for (one, _), n in counts.items() if one == before)
        bits.append(-math.log2((counts[before, after] + smoothing) / (total + smoothing * size)))
    return sum(bits) / len(bits)


@repeatable
@given(st.lists(st.text("fgh", max_size=6), min_size=1, max_size=12))
def test_the_surprise_of_a_path_is_the_naive_one(words):
    from workbench.trajectories.analysis.oddities import _Paths

    found = _Paths.of(paths(*words), np.zeros(len(words), np.int64), 0.5).surprise
    for at, way in enumerate(words):
        if way:
            assert found[at] == pytest.approx(naive_surprise(words, at, 0.5))
        else:
            assert math.isnan(found[at])


def test_the_order_of_runs_changes_no_anomaly():
    chance = random.Random(1)
    runs = list(
        paths(
            *["".join(chance.choices("fgh", k=chance.randrange(1, 9))) for _ in range(30)],
            "fff" * 20,
        )
    )
    frame = anomalies(Runs.of(runs))
    assert len(frame)
    chance.shuffle(runs)
    pd.testing.assert_frame_equal(anomalies(Runs.of(runs)), frame)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"limit": 0},
            BadValue,
            "limit and smoothing must be above 0, but 0 and 1.0 came; use 3.5 and 1.",
        ),
        ({"by": "task"}, UnknownName, None),
    ],
)
def test_anomalies_that_cannot_be_are_refused(options, error, message):
    with pytest.raises(error) as caught:
        anomalies(paths("f"), **options)
    assert message is None or str(caught.value) == message
