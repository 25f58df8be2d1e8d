"""Runs as OUTPUTS: what they hold, that they can be compared, and what is refused."""

import math

import pytest

import workbench as wb
import workbench.trajectories as trajectories
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.tables import OUTPUTS
from workbench.trajectories.conversations.answering import pair_calls
from workbench.trajectories.conversations.messages import message_step
from workbench.trajectories.joining import final_text, outputs_of, rows_of
from workbench.trajectories.model import Run, Step, Usage


def message(role, text=None, *, calls=(), answers=None):
    value = {"role": role, "content": text}
    if calls:
        value["tool_calls"] = [
            {"id": "c", "function": {"name": f, "arguments": "{}"}} for f in calls
        ]
    if answers:
        value["tool_call_id"] = answers
    return message_step(value, "")


def run_of(
    task, *, name=None, trial=None, outcome=None, agent="bot", n_calls=2, steps=None, **rest
):
    made = steps or [
        message("user", f"Please do {task}."),
        *(
            step
            for at in range(n_calls)
            for step in (message("assistant", calls=["f"]), message("tool", f"{at}", answers="c"))
        ),
        message("assistant", f"{task} is done."),
        message("user", "###STOP###"),
    ]
    pair_calls(made)
    return Run(
        "mine", run_id=name or f"{agent}/{task}/{trial}", task_id=task, trial=trial, outcome=outcome,
        agent=agent, steps=made, **rest,
    )  # fmt: skip


# Golden.


def test_a_run_becomes_an_output_with_its_figures():
    run = run_of(
        "a", trial=1, outcome=1.0, name="x", start_ns=10**18, end_ns=10**18 + 1_500_000_000
    )
    run.steps[1].usage = Usage(input_tokens=10, output_tokens=4, cost_usd=0.25)
    run.steps[5].usage = Usage(input_tokens=20, output_tokens=3, cost_usd=0.5)
    run.steps[4].status = "error"
    outputs = outputs_of([run])
    assert {name: outputs[name].tolist() for name in outputs} == {
        "output_id": ["bot:a:1"],
        "row_id": ["a"],
        "system": ["bot"],
        "repeat": [1],
        "text": ["a is done."],
        "model": outputs["model"].tolist(),
        "input_tokens": [30],
        "cached_tokens": outputs["cached_tokens"].tolist(),
        "output_tokens": [7],
        "cost_usd": [0.75],
        "run_id": ["x"],
        "latency_s": [1.5],
        "outcome": [1.0],
        "success": [True],
        "n_steps": [7],
        "n_calls": [2],
        "n_errors": [1],
        "n_failed_steps": [1],
        "n_loops": [0],
    }
    assert outputs[["model", "cached_tokens"]].isna().all(axis=None)
    assert len(OUTPUTS.check(outputs, source="again")) == 1


def test_failed_calls_are_counted_as_in_a_summary_and_failed_steps_by_themselves():
    steps = [
        Step("execute_tool", "", tool="f", status="error", flags=frozenset({"demo"})),
        Step("execute_tool", "", tool="f", status="error", flags=frozenset({"copied_context"})),
        Step("chat", "", status="error"),
        Step("execute_tool", "", tool="f", status="error"),
        Step("execute_tool", "", tool="f", status="ok"),
    ]
    run = run_of("a", name="a", steps=steps)
    own = outputs_of([run])[["n_calls", "n_errors", "n_failed_steps"]]
    assert own.to_numpy().tolist() == [[2, 1, 2]]
    runs = trajectories.Runs.of([run])
    whole = trajectories.summary(runs).frame
    assert whole[["n_calls", "n_errors"]].to_numpy().tolist() == [[2, 1]]
    # RUNS counts steps by the same rule, while STEPS holds them all
    assert runs.frame["n_steps"].tolist() == outputs_of([run])["n_steps"].tolist() == [3]
    assert (runs.lengths, len(runs.steps), repr(runs)) == ([5], 5, "1 run, 5 steps: mine")


def test_what_a_run_does_not_say_is_missing_and_not_nought():
    outputs = outputs_of([run_of("a", steps=[Step("execute_tool", "", tool="f")])])
    silent = ["text", "success", "outcome", "latency_s", "cost_usd", "input_tokens", "n_loops"]
    assert outputs[silent].isna().all(axis=None)
    assert outputs_of([run_of("a", n_calls=0)])["n_loops"].tolist() == [0]


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ([(0, 10), (20, None)], 20.0),
        ([(0, None), (20, None)], 20.0),
        ([(0, 30), (20, None)], 30.0),
        ([(5, 5)], 0.0),
        ([(5, None)], None),
        ([(5, None), (5, None)], None),
        ([(None, 5)], None),
    ],
)
def test_a_run_lasts_until_the_last_moment_that_is_known(times, seconds):
    ns = [[at and at * 10**9 for at in each] for each in times]
    steps = [Step("chat", "", start_ns=start, end_ns=end) for start, end in ns]
    told = outputs_of([run_of("a", steps=steps)])["latency_s"]
    assert told.dropna().tolist() == [seconds] * (seconds is not None)


@pytest.mark.parametrize(
    ("outcome", "success"),
    [(True, True), (False, False), (1.0, True), (0.9999999, True), (0.99, False), (0.0, False)],
)
def test_success_is_an_outcome_of_one(outcome, success):
    assert outputs_of([run_of("a", outcome=outcome)])["success"].tolist() == [success]


def test_the_text_is_the_last_that_a_model_wrote():
    asked = message("assistant", calls=["f"])
    assert final_text(run_of("a", steps=[message("assistant", "One."), asked])) == "One."
    assert final_text(run_of("a", steps=[message("user", "Hello"), asked])) is None
    assert (
        final_text(run_of("a", steps=[message("critic", "Fine."), message("user", "x")])) == "Fine."
    )
    assert outputs_of([run_of("a")], text=lambda run: run.task_id)["text"].tolist() == ["a"]


def test_systems_are_a_column_a_function_or_the_names_of_a_mapping():
    runs = [run_of("a", agent="x", model="m"), run_of("a", agent="y", model="m", trial=1)]
    assert outputs_of(runs)["system"].tolist() == ["x", "y"]
    assert outputs_of(runs, system="model")["system"].tolist() == ["m", "m"]
    assert outputs_of(runs, system=lambda run: run.agent * 2)["system"].tolist() == ["xx", "yy"]
    assert outputs_of({"old": runs[:1], "new": runs[1:]})["system"].tolist() == ["old", "new"]


def test_trials_that_are_missing_or_come_twice_are_numbered():
    def repeats(*trials):
        runs = [run_of("a", trial=trial, name=f"r{at}") for at, trial in enumerate(trials)]
        return outputs_of(runs)["repeat"].tolist()

    assert repeats(3, 1) == [3, 1]
    assert repeats(None, None) == [0, 1]
    assert repeats(2, 2, 5) == [0, 1, 2]


def test_a_run_that_led_to_an_output_bears_its_name():
    runs = [run_of("a", trial=0, output_id="mine"), run_of("b", trial=0)]
    assert outputs_of(runs)["output_id"].tolist() == ["mine", "bot:b:0"]


def test_figures_and_reference_scores_are_columns():
    runs = [run_of("a"), run_of("b", n_calls=1)]
    outputs = outputs_of(
        runs,
        reference={"a": [("f", {})], "b": [("f", {}), ("g", {})]},
        figures={"n_words": lambda run: len(final_text(run).split())},
    )
    assert outputs["exact"].tolist() == [False, False]
    assert outputs["any_order"].tolist() == [True, False]
    assert outputs["precision"].tolist() == [0.5, 1.0]
    assert outputs["recall"].tolist() == [1.0, 0.5]
    assert outputs["n_words"].tolist() == [3, 3]


def test_rows_are_the_tasks_with_what_was_first_asked():
    runs = [run_of("a"), run_of("b"), run_of("a", trial=1)]
    rows = rows_of(runs)
    assert rows[["row_id", "input"]].to_numpy().tolist() == [
        ["a", "Please do a."],
        ["b", "Please do b."],
    ]
    assert rows_of(runs, text=lambda run: "x")["input"].tolist() == ["x", "x"]


# tau-bench: trials as systems, and one agent in two halves.


@pytest.fixture(scope="module")
def airline(request):
    folder = request.getfixturevalue("shared") / "trajectories" / "tau-bench"
    return trajectories.read(folder / "gpt-4o-airline.json.gz", format="tau-bench")


METRICS = [
    wb.Column("success", bounds=(0, 1)),
    wb.Column("n_calls", direction="down"),
    wb.Column("recall", bounds=(0, 1)),
]


def actions(run):
    return run.extra["info"]["task"]["actions"]


@pytest.mark.shared
def test_trials_of_the_airline_tasks_are_compared_as_systems(airline):
    outputs = outputs_of(airline, system=lambda run: f"trial {run.trial}", reference=actions)
    assert outputs["success"].sum() == 84
    assert outputs["n_calls"].sum() == 1164
    assert outputs["n_steps"].sum() == 5308
    assert outputs["n_loops"].sum() == 24
    assert round(outputs["recall"].mean(), 6) == 0.570019
    scores = wb.score(outputs, rows_of(airline), METRICS)
    frame = wb.compare(scores, baseline="trial 0").frame
    assert len(frame) == 9
    assert set(frame["n"]) == {50}
    for row in frame.to_dict("records"):
        by_system = outputs.groupby("system")[row["metric"]].mean()
        expected = by_system[row["system"]] - by_system["trial 0"]
        assert row["delta"] == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.shared
def test_trials_of_one_task_are_averaged_within_their_row(airline):
    runs = {
        "early": [r for r in airline if r.trial < 2],
        "late": [r for r in airline if r.trial > 1],
    }
    outputs = outputs_of(runs, reference=actions)
    assert outputs.groupby(["row_id", "system"])["repeat"].nunique().eq(2).all()
    frame = wb.compare(wb.score(outputs, rows_of(airline), METRICS), baseline="early").frame
    assert set(frame["n"]) == {50}
    success = frame[frame["metric"] == "success"].iloc[0]
    means = outputs.groupby("system")["success"].mean()
    assert success["delta"] == pytest.approx(float(means["late"] - means["early"]), abs=1e-12)
    assert math.isfinite(success["ci_low"])
    assert success["ci_low"] <= success["delta"] <= success["ci_high"]


# Failures.


@pytest.mark.parametrize(
    ("attempt", "kind", "message"),
    [
        (
            lambda: outputs_of([]),
            BadValue,
            "outputs must come of a run or more, but none came; read some first.",
        ),
        (
            lambda: rows_of([]),
            BadValue,
            "rows must come of a run or more, but none came; read some first.",
        ),
        (
            lambda: outputs_of(["r"]),
            BadKind,
            "outputs come of runs, but a str came; give Runs, a list of Run, or a mapping from system "
            "to these.",
        ),
        (
            lambda: outputs_of([run_of("a", agent=None, name="r")]),
            BadValue,
            "each run must have a system, but its agent is missing in run 'r'; name another column, "
            "or give a function, such as system=lambda run: …",
        ),
        (
            lambda: outputs_of([run_of(None, name="r")]),
            BadValue,
            "each run must have a row_id, but its task_id is missing in run 'r'; name another "
            "column, or give a function, such as row_id=lambda run: …",
        ),
        (
            lambda: outputs_of([run_of("a", name="r")], system=lambda run: None),
            BadValue,
            "each run must have a system, but the function returned nothing in run 'r'; name another "
            "column, or give a function, such as system=lambda run: …",
        ),
        (
            lambda: outputs_of([run_of("a")], figures={"text": len}),
            BadValue,
            "a figure must have a name of its own, but 'text' came, which is a column already; "
            "rename it.",
        ),
    ],
)
def test_what_cannot_be_joined_is_refused_in_one_sentence(attempt, kind, message):
    with pytest.raises(kind) as failure:
        attempt()
    assert str(failure.value) == message


def test_a_column_that_runs_do_not_have_is_refused_with_the_near_ones():
    with pytest.raises(UnknownName, match="did you mean 'agent'"):
        outputs_of([run_of("a")], system="agnet")
