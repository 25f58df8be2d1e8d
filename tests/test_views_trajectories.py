"""Figures of trajectories: their claims, their intervals, their limits, and hostile names."""

import json

import pandas as pd
import pytest

from workbench.errors import BadValue, UnknownName
from workbench.trajectories import Run, Runs, Step, Usage, read
from workbench.trajectories.analysis import (
    completion,
    critical_path,
    over_time,
    step_times,
    tool_links,
)
from workbench.views.trajectories import (
    MAX_BARS,
    MAX_NODES,
    dashboard,
    latency_over_time,
    pass_hat_k,
    steps_by_outcome,
    timeline,
    tool_sankey,
)

S = 10**9


def claim(figure):
    return figure.layout.title.text.replace("<br>", " ")


def stored(figure):
    return json.loads(figure.to_json())


def call(tool, start=None, end=None, **more):
    times = {"start_ns": start, "end_ns": end}
    times = {name: None if at is None else round(at * S) for name, at in times.items()}
    return Step("execute_tool", "", tool=tool, **times, **more)


def paths(*ways):
    return Runs.of(
        Run("t", name=str(at), steps=[call(tool) for tool in way]) for at, way in enumerate(ways)
    )


def one(*steps):
    return Runs.of([Run("t", name="a", steps=[*steps])])


@pytest.fixture(scope="module")
def airline(shared):
    path = shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz"
    return read(path, format="tau-bench")


@pytest.mark.shared
def test_the_figures_of_tau_bench_say_what_it_published(airline):
    figure = pass_hat_k(completion(airline))
    assert claim(figure) == "pass^4 is 0.20 [0.10, 0.32], pass^1 0.42 [0.32, 0.52]"
    assert list(figure.data[0].y) == [0.42, 0.2733, 0.22, 0.2]
    assert list(figure.data[1].y) == [0.42, 0.5667, 0.66, 0.72]
    assert figure.data[0].y[3] + figure.data[0].error_y.array[3] == pytest.approx(0.32)
    assert claim(tool_sankey(tool_links(airline))) == (
        "54 [47, 61] % of runs with calls begin with get_user_details (98 of 182)"
    )
    assert claim(steps_by_outcome(airline)).startswith("Median steps: ")


def test_a_sankey_says_where_most_runs_begin_and_draws_every_way():
    figure = tool_sankey(tool_links(paths("fg", "fg", "f", "g")))
    assert claim(figure) == "75 [30, 95] % of runs with calls begin with f (3 of 4)"
    (drawn,) = stored(figure)["data"]
    names = drawn["node"]["label"]
    ways = {
        (names[source], names[target]): n
        for source, target, n in zip(
            *(drawn["link"][each] for each in ("source", "target", "value")), strict=True
        )
        if (names[source], names[target]) != ("g", "(end)")
    }
    assert ways == {("f", "g"): 2, ("f", "(end)"): 1}
    assert sum(drawn["link"]["value"]) == 6


def test_a_sankey_has_few_nodes_however_long_the_runs():
    chance = "abcdefghijklmnop"
    ways = [chance[at:] + chance[:at] for at in range(len(chance))]
    figure = tool_sankey(tool_links(paths(*ways), n_calls=15, n_tools=20))
    assert len(figure.data[0].node.label) <= MAX_NODES
    assert max(figure.data[0].link.source) < len(figure.data[0].node.label)


def test_a_sankey_of_nothing_is_refused():
    with pytest.raises(BadValue) as caught:
        tool_sankey(tool_links(paths("")))
    assert str(caught.value) == (
        "a Sankey diagram needs calls of tools, but no run has any; nothing to draw."
    )


def test_a_timeline_says_what_took_longest_and_outlines_the_critical_path():
    runs = one(Step("chat", "", start_ns=0, end_ns=S), call("f", 1, 4), call("g", 1, 2))
    figure = timeline(step_times(runs), critical=critical_path(runs))
    assert claim(figure) == "f takes 60 % of the work: 3.00 of 5.00 s"
    (bars,) = stored(figure)["data"]
    assert (bars["base"], bars["x"]) == ([0, 1, 1], [1, 3, 1])
    assert bars["marker"]["line"]["width"] == [1.5, 1.5, 0]
    assert bars["marker"]["pattern"]["shape"] == ["", "/", "/"]
    assert figure.layout.yaxis.ticktext == ("0 chat", "1 f", "2 g")


def test_a_long_timeline_has_a_row_per_tool_and_its_longest_steps():
    runs = one(*(call("fg"[at % 2], at, at + 1 + at % 3) for at in range(600)))
    figure = timeline(step_times(runs))
    assert len(figure.data[0].x) == MAX_BARS
    assert set(figure.layout.yaxis.ticktext) == {"f", "g"}
    assert figure.layout.xaxis.title.text.endswith("the 500 longest of 600 steps")


@pytest.mark.parametrize(("n", "runs"), [(0, one(call("f"))), (2, None)])
def test_a_timeline_of_no_run_or_several_is_refused(n, runs):
    runs = runs or Runs.of([Run("t", name=name, steps=[call("f", 0, 1)]) for name in "ab"])
    with pytest.raises(BadValue) as caught:
        timeline(step_times(runs))
    assert str(caught.value) == (
        f"a timeline needs the timed steps of one run, but those of {n} came; choose one, such as "
        "runs.only([run_id])."
    )


def windows(**more):
    steps = [
        call("f", hour * 3_600 + at, hour * 3_600 + at + 1 + hour + at / 10, **more)
        for hour in range(2)
        for at in range(10)
    ]
    return over_time(one(*steps))


def test_latency_over_time_compares_the_first_window_and_the_last():
    figure = latency_over_time(windows())
    assert claim(figure) == (
        "Latency (p50): 1.45 [1.10, 1.80] s in the first window, 2.45 [2.10, 2.80] s in the last (n = 10)"
    )
    p50, p95 = figure.data
    assert list(p50.x) == ["1970-01-01T00:00:00", "1970-01-01T01:00:00"]
    assert list(p50.error_y.array) == [0.35, 0.35]
    # ten values give no upper end to the 95th percentile, and none is drawn
    assert list(p95.error_y.array) == [None, None]
    assert [trace.line.dash for trace in figure.data] == ["solid", "dash"]


def test_a_dashboard_shows_steps_latency_errors_and_cost():
    figure = dashboard(windows(status="ok", usage=Usage(cost_usd=0.25)))
    assert claim(figure) == (
        "Errors: 0.0 [0.0, 27.8] % in the first window, 0.0 [0.0, 27.8] % in the last (n = 10)"
    )
    assert [trace.name for trace in figure.data] == ["n", "p50", "p95", "errors", "cost_usd"]
    assert list(figure.data[4].y) == [2.5, 2.5]
    assert claim(dashboard(windows())).startswith("Latency (p50): 1.45")


def test_a_figure_over_time_without_times_is_refused():
    with pytest.raises(BadValue) as caught:
        latency_over_time(over_time(one(call("f"))))
    assert str(caught.value) == (
        "a figure over time needs windows with timed steps, but none came; the source records no "
        "times, or over_time chose other kinds of steps."
    )


def attempts(*outcomes):
    return Runs.of(
        Run(
            "t",
            name=str(at),
            task_id=str(at // 2),
            outcome=done,
            model=f"m{at % 2}",
            steps=[Step("chat", "")] * n,
        )
        for at, (done, n) in enumerate(outcomes)
    )


def test_steps_by_outcome_tells_both_medians_and_draws_what_there_is():
    figure = steps_by_outcome(
        attempts(*[(True, n) for n in range(1, 10)], *[(False, 20)] * 3, (None, 99))
    )
    assert (
        claim(figure)
        == "Median steps: 5 [2, 8] where runs did the task, 20 [–, –] where runs did not"
    )
    assert figure.layout.yaxis.ticktext == ("did the task (n = 9)", "did not (n = 3)")
    assert figure.data[1].error_x.array == (0,)
    assert len(steps_by_outcome(attempts((True, 1))).data) == 1
    with pytest.raises(UnknownName):
        steps_by_outcome(attempts((True, 1)), "n_step")
    with pytest.raises(BadValue) as caught:
        steps_by_outcome(attempts((True, 1)), "cost_usd")
    assert str(caught.value) == (
        "the figure needs runs with an outcome and cost_usd, but none came; read logs that state both."
    )


def test_completion_of_several_groups_is_no_single_figure():
    sheet = completion(attempts((True, 1), (False, 1), (True, 1), (True, 1)), by="model")
    with pytest.raises(BadValue) as caught:
        pass_hat_k(sheet)
    assert str(caught.value) == (
        "the figure of pass^k needs the completion of one group, but the sheet holds several; call "
        "completion without `by`, or of some runs."
    )


def figures(name):
    runs = one(call(name, 0, 1), call(name, 1, 3))
    yield tool_sankey(tool_links(runs))
    yield timeline(step_times(runs), critical=critical_path(runs))


def test_names_of_tools_are_shown_harmlessly(storable):
    for figure, plain in zip(figures(storable), figures("f"), strict=True):
        text, usual = (json.dumps(stored(each), ensure_ascii=False) for each in (figure, plain))
        assert text.count("%{") == usual.count("%{")
        assert text.count("<") - text.count("<br>") == usual.count("<") - usual.count("<br>")
        for mark in ("\x1b", "\u202e", "\x00", "$x"):
            assert mark not in text


def test_figures_hold_short_lists_of_rounded_numbers():
    kept = [
        *figures("f"),
        latency_over_time(windows()),
        dashboard(windows()),
        pass_hat_k(completion(attempts((True, 1), (False, 2), (True, 3), (True, 1)))),
    ]
    for figure in kept:
        assert "bdata" not in figure.to_json()
        assert len(figure.to_json()) < 20_000


def test_frames_are_left_as_they_were():
    frame = windows()
    before = frame.copy()
    dashboard(frame)
    pd.testing.assert_frame_equal(frame, before)
