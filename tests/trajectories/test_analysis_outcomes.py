"""Completion: tau-bench's published figures, pass@k and pass^k by enumeration, and cost per task."""

import itertools
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, UnknownName
from workbench.trajectories import Run, Runs, Step, Usage, read
from workbench.trajectories.analysis import completion, succeeded

repeatable = settings(deadline=None, derandomize=True, max_examples=40)


def attempts(tasks, costs=None):
    """Runs of tasks, each a list of outcomes."""
    return Runs.of(
        Run(
            "t", name=f"{task}.{trial}", task_id=str(task), trial=trial, outcome=outcome, model=f"m{trial % 2}",
            steps=[Step("chat", "", usage=Usage(cost_usd=costs))] if costs is not None else [],
        )
        for task, outcomes in enumerate(tasks)
        for trial, outcome in enumerate(outcomes)
    )  # fmt: skip


def figures(sheet, name):
    frame = sheet.frame
    return frame.loc[frame["figure"] == name, "value"].tolist()


@pytest.mark.shared
def test_tau_benchs_airline_is_as_published(shared):
    runs = read(
        shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz", format="tau-bench"
    )
    assert sum(succeeded(runs)) == 84
    sheet = completion(runs)
    assert figures(sheet, "pass^k") == pytest.approx([0.42, 0.27333, 0.22, 0.2], abs=5e-6)
    assert figures(sheet, "pass@k") == pytest.approx([0.42, 0.56667, 0.66, 0.72], abs=5e-6)
    assert sheet.frame[
        ["n_tasks", "n_runs", "n_unknown"]
    ].drop_duplicates().to_numpy().tolist() == [[50, 200, 0]]
    row = sheet.frame.iloc[-1]
    assert (row["figure"], row["note"]) == (
        "cost per completed task",
        "the cost of 200 of 200 runs is not known",
    )


def test_success_is_true_or_a_reward_of_one():
    runs = attempts([[True, False, 1.0, 1 - 1e-7, 1 - 1e-5, 1.5, 0, None]])
    assert succeeded(runs).astype(object).where(succeeded(runs).notna(), None).tolist() == [
        True, False, True, True, False, True, False, None,
    ]  # fmt: skip


def test_tasks_count_alike_however_often_they_were_tried():
    sheet = completion(attempts([[1, 0], [1, 1, 1, 0], [0, 0]]), k=[2])
    # C(1,2)/C(2,2) = 0, C(3,2)/C(4,2) = 1/2, 0
    assert figures(sheet, "pass^k") == pytest.approx([0.5 / 3])
    assert figures(sheet, "pass@k") == pytest.approx([2 / 3])
    assert figures(completion(attempts([[1, 0], [1, 1, 1]])), "pass^k") == [0.75, 0.5]


def test_a_task_tried_too_rarely_is_named():
    with pytest.raises(BadValue) as caught:
        completion(attempts([[1], [1, 1]]), k=[1, 2])
    assert str(caught.value) == (
        "every task must be attempted at least k = 2 times, but '0' had only 1; choose a smaller k or "
        "run them more often."
    )


def test_runs_that_do_not_say_how_they_ended_are_left_out_and_told():
    sheet = completion(attempts([[1, None], [0, 0]]))
    assert figures(sheet, "pass^k") == [0.5]
    assert sheet.frame["n_unknown"].tolist() == [1, 1, 1]
    assert "1 runs that do not say how they ended left out" in sheet.caption
    with pytest.raises(BadValue) as caught:
        completion(attempts([[None]]))
    assert str(caught.value) == (
        "completion needs runs with an outcome, but none of these 1 has one; read logs that state a "
        "reward or a success, or set run.outcome."
    )


def test_a_completed_task_costs_what_all_runs_cost():
    row = completion(attempts([[1, 0], [1, 0], [0, 0]], costs=0.1)).frame.iloc[-1]
    assert row["value"] == math.fsum([0.1] * 6) / 2
    # of three tasks one may be drawn three times: all of it without a success
    assert row["ci_low"] <= row["value"] <= row["ci_high"] == math.inf
    row = completion(attempts([[1, 0]] * 3, costs=0.125)).frame.iloc[-1]
    assert row[["value", "ci_low", "ci_high"]].tolist() == [0.25, 0.25, 0.25]


def test_where_nothing_was_completed_there_is_no_cost_of_it():
    row = completion(attempts([[0], [0]], costs=0.1)).frame.iloc[-1]
    assert math.isnan(row["value"])
    assert row["note"] == "no run succeeded"
    runs = Runs.of([*attempts([[1], [1]], costs=0.1), Run("t", name="x", task_id="0", outcome=1.0)])
    row = completion(runs).frame.iloc[-1]
    assert math.isnan(row["value"])
    assert row["note"] == "the cost of 1 of 3 runs is not known"


def test_one_task_has_no_interval():
    row = completion(attempts([[1, 0]])).frame.iloc[0]
    assert math.isnan(row["ci_low"])
    assert row["note"] == "one task cannot say how others would differ"


def test_runs_without_a_task_are_tasks_by_themselves():
    runs = Runs.of([Run("t", name=name, outcome=name == "a") for name in "ab"])
    frame = completion(runs).frame
    assert frame["n_tasks"].tolist() == [2, 2, 2]
    assert frame["value"].tolist()[:2] == [0.5, 0.5]


def test_runs_that_lack_what_they_are_grouped_by_are_a_group_of_their_own():
    outcomes = [("a", "m", 1), ("b", "m", 0), ("c", None, 1), ("d", None, 1)]
    runs = Runs.of(
        Run("t", name=name, task_id=name, outcome=outcome, model=model)
        for name, model, outcome in outcomes
    )
    sheet = completion(runs, by="model", samples=20)
    found = sheet.frame[sheet.frame["figure"] == "pass^k"]
    assert found["model"].isna().tolist() == [False, True]
    assert found[["value", "n_runs"]].to_numpy().tolist() == [[0.5, 2], [1.0, 2]]
    assert repr(sheet).startswith("Completion of 4 tasks in 4 runs;")
    assert "nan" not in repr(sheet)


def test_the_cost_says_how_many_runs_its_sum_adds():
    runs = Runs.of(
        Run(
            "t", name=f"{at}", task_id=f"{at}", outcome=outcome,
            steps=[Step("chat", "", usage=Usage(cost_usd=cost))],
        )
        for at, (outcome, cost) in enumerate([(1, 1.0), (None, 9.0)])
    )  # fmt: skip
    sheet = completion(runs, samples=20)
    counts = sheet.frame.set_index("figure")[["value", "n_tasks", "n_runs", "n_unknown"]]
    assert counts.loc["pass^k"].tolist() == [1.0, 1, 1, 1]
    assert counts.loc["cost per completed task"].tolist() == [10.0, 2, 2, 1]
    assert repr(sheet).startswith("Completion of 1 task in 1 run;")


def test_groups_stand_side_by_side():
    sheet = completion(attempts([[1, 0], [1, 1]]), by="model")
    wanted = sheet.frame["figure"] == "pass^k"
    assert sheet.frame.loc[wanted, ["model", "value"]].to_numpy().tolist() == [
        ["m0", 1.0],
        ["m1", 0.5],
    ]
    with pytest.raises(UnknownName):
        completion(attempts([[1]]), by="modell")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": [0]}, "k must be at least 1, but 0 came; use 1 and more."),
        (
            {"samples": 0},
            "samples must be at least 1 and seed at least 0, but 0 and 0 came; use 2000 and 0.",
        ),
        ({"level": 2}, "level must be between 0 and 1, but 2 came; use 0.95."),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(BadValue) as caught:
        completion(attempts([[1]]), **options)
    assert str(caught.value) == message


tasks = st.lists(st.lists(st.booleans(), min_size=1, max_size=4), min_size=1, max_size=5)


@settings(repeatable, max_examples=12)
@given(tasks, st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_nothing(outcomes, random):
    runs = list(attempts(outcomes, costs=0.1))
    sheet = completion(Runs.of(runs), samples=50)
    random.shuffle(runs)
    again = completion(Runs.of(runs), samples=50)
    pd.testing.assert_frame_equal(sheet.frame, again.frame)
    assert repr(sheet) == repr(again)


@repeatable
@given(tasks)
def test_all_succeed_at_most_as_often_as_one_and_any_at_least(outcomes):
    sheet = completion(attempts(outcomes), samples=20)
    hats, ats = figures(sheet, "pass^k"), figures(sheet, "pass@k")
    assert hats[0] == pytest.approx(ats[0])
    assert all(one >= other - 1e-12 for one, other in itertools.pairwise(hats))
    assert all(one <= other + 1e-12 for one, other in itertools.pairwise(ats))
