"""Figures: what they claim, what they show, and that stored ones stay small and equal."""

import json

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.views import THEME, colours, pairs


def comparison(systems=("base", "good", "bad"), **options):
    rows = wb.read(
        [{"input": str(i), "references": ["yes"], "half": "ab"[i % 2]} for i in range(60)]
    )
    hits = dict(zip(systems, (30, 55, 5), strict=False))
    texts = {name: ["yes"] * n + ["no"] * (60 - n) for name, n in hits.items()}
    scores = wb.score(wb.outputs(rows, texts), rows, [wb.ExactMatch(), wb.LengthRatio()])
    return wb.compare(scores, baseline=systems[0], samples=500, **options)


def shown(figure):
    return figure.to_plotly_json()


def test_a_leaderboard_claims_who_leads():
    figure = wb.views.leaderboard(comparison())
    assert figure.layout.title.text == "good leads in exact_match: 0.917 [0.819, 0.964]"


def test_a_leaderboard_says_that_the_top_is_tied():
    rows = wb.read([{"input": str(i), "references": ["yes"]} for i in range(40)])
    texts = {"a": ["yes"] * 20 + ["no"] * 20, "b": ["yes"] * 21 + ["no"] * 19}
    c = wb.compare(wb.score(wb.outputs(rows, texts), rows, [wb.ExactMatch()]), samples=200)
    title = wb.views.leaderboard(c).layout.title.text.replace("<br>", " ")
    assert title == (
        "b is first in exact_match: 0.525 [0.375, 0.671], but the other cannot be told apart from it"
    )


def test_a_leaderboard_draws_every_system_with_its_interval_and_marks_the_baseline():
    c = comparison()
    figure = shown(wb.views.leaderboard(c))
    frame = c.leaderboard().frame.query("metric == 'exact_match'")
    assert [trace["name"] for trace in figure["data"]] == ["good", "base", "bad"]
    for trace, row in zip(figure["data"], frame.to_dict("records"), strict=True):
        assert trace["x"][0] == pytest.approx(row["score"], rel=1e-3)
        assert trace["x"][0] + trace["error_x"]["array"][0] == pytest.approx(
            row["ci_high"], rel=1e-3
        )
        low = trace["x"][0] - trace["error_x"]["arrayminus"][0]
        assert low == pytest.approx(row["ci_low"], rel=1e-3)
    assert figure["layout"]["yaxis"]["ticktext"] == ["good", "<b>base</b>", "bad"]
    assert figure["layout"]["shapes"][0]["x0"] == 0.5


def test_a_forest_counts_the_verdicts_and_draws_zero():
    figure = wb.views.forest(comparison())
    assert figure.layout.title.text == "Against base in exact_match: 1 better and 1 worse"
    assert figure.layout.shapes[0].x0 == 0


@pytest.mark.parametrize(("margin", "edge"), [(0.1, -0.1)])
def test_a_forest_shades_the_loss_that_does_not_matter(margin, edge):
    figure = wb.views.forest(comparison(margins={"exact_match": margin}))
    assert figure.layout.shapes[1].x1 == edge


def test_a_forest_of_a_metric_without_a_direction_gives_no_verdict():
    figure = wb.views.forest(comparison(), "length_ratio")
    assert figure.layout.title.text == "Against base in length_ratio: 2 identical"


def test_a_forest_of_one_system_is_refused():
    rows = wb.read([{"input": "a", "references": ["a"]}])
    c = wb.compare(wb.score(wb.outputs(rows, {"a": ["a"]}), rows, [wb.ExactMatch()]))
    with pytest.raises(BadValue) as caught:
        wb.views.forest(c)
    assert str(caught.value) == (
        "a forest needs at least two systems, but one came; score another."
    )


def test_slices_draw_a_panel_per_value():
    figure = wb.views.slices(comparison(), "half")
    assert [note.text for note in figure.layout.annotations] == [
        "half: a (n = 30)",
        "half: b (n = 30)",
    ]
    assert "a: 1 better and 1 worse; b: 1 better and 1 worse" in figure.layout.title.text.replace(
        "<br>", " "
    )
    assert len(figure.data) == 4


def test_a_matrix_writes_each_difference_and_marks_the_verdict():
    c = comparison()
    figure = wb.views.matrix(c)
    assert (
        figure.layout.title.text.replace("<br>", " ")
        == "3 of 3 pairs are told apart in exact_match (row minus column)"
    )
    deltas = c.matrix("exact_match")
    assert list(figure.layout.xaxis.ticktext) == list(deltas.index) == ["good", "base", "bad"]
    drawn = shown(figure)["data"][0]
    assert drawn["text"] == [
        ["", "0.417 ▲", "0.833 ▲"],
        ["−0.417 ▼", "", "0.417 ▲"],
        ["−0.833 ▼", "−0.417 ▼", ""],
    ]
    assert drawn["z"][0] == [None, 1.0, 1.0]


def test_a_matrix_shows_no_difference_as_nought_that_is_not():
    rows = wb.read([{"input": str(i), "references": ["yes"]} for i in range(20_000)])
    texts = {"a": ["yes"] * 20_000, "b": ["no"] * 8 + ["yes"] * 19_992}
    c = wb.compare(wb.score(wb.outputs(rows, texts), rows, [wb.ExactMatch()]), samples=100)
    assert wb.views.matrix(c).data[0].text[0] == ["", "0.0004 ▲"]
    assert c.sentences()[0].startswith(
        "b is worse than a by 0.0004 exact_match (95 % CI 0.0001 to 0.0008; adjusted p = 0.008;"
    )


def test_a_matrix_of_a_metric_without_a_direction_marks_no_verdict():
    rows = wb.read([{"input": str(i), "references": ["a b"]} for i in range(20)])
    texts = {"long": ["a b c"] * 20, "short": ["a"] * 20}
    c = wb.compare(wb.score(wb.outputs(rows, texts), rows, [wb.LengthRatio()]), samples=100)
    assert wb.views.matrix(c).data[0].text[0][1].split()[1:] == []


def test_a_matrix_of_one_system_is_refused():
    rows = wb.read([{"input": "a", "references": ["a"]}])
    c = wb.compare(wb.score(wb.outputs(rows, {"a": ["a"]}), rows, [wb.ExactMatch()]))
    with pytest.raises(BadValue) as caught:
        wb.views.matrix(c)
    assert str(caught.value) == (
        "a matrix needs at least two systems, but one came; score another."
    )


def test_two_metrics_stand_against_each_other_with_both_intervals():
    c = comparison()
    figure = wb.views.metrics(c, "exact_match", "length_ratio")
    assert figure.layout.title.text == "exact_match puts good first"
    assert figure.layout.xaxis.title.text == "exact_match, 95 % intervals, n = 60"
    board = c.leaderboard().frame.set_index(["metric", "system"])
    for trace in figure.data:
        for axis, metric in (("x", "exact_match"), ("y", "length_ratio")):
            row = board.loc[metric, trace.name]
            assert trace[axis][0] == pytest.approx(row["score"], rel=1e-3)
            high = trace[axis][0] + trace[f"error_{axis}"].array[0]
            assert high == pytest.approx(row["ci_high"], rel=1e-3)


def test_two_metrics_say_whom_each_puts_first_and_which_end_is_better():
    rows = wb.read([{"input": str(i)} for i in range(20)])
    table = pd.DataFrame(
        [
            {"row_id": str(i + 1), "system": system, "text": "x", "edits": a + i % 2, "hits": b}
            for i in range(20)
            for system, a, b in (("a", 1, 5), ("b", 3, 9))
        ]
    )
    scores = wb.score(
        wb.outputs(rows, table),
        rows,
        [
            wb.Column("edits", direction="down"),
            wb.Column("hits", direction="up"),
            wb.Column("edits", name="plain", direction=None),
        ],
    )
    c = wb.compare(scores, samples=50)
    figure = wb.views.metrics(c, "edits", "hits")
    assert figure.layout.title.text == "edits puts a first, hits puts b first"
    assert figure.layout.xaxis.title.text == "edits (lower is better), 95 % intervals, n = 20"
    assert figure.layout.yaxis.title.text == "hits"
    assert [trace.textposition for trace in figure.data] == ["top right", "top left"]
    assert wb.views.metrics(c, "plain", "plain").layout.title.text == "plain against plain"


def test_rows_are_drawn_one_dot_each_and_counted_on_either_side():
    figure = wb.views.rows(comparison(), "good")
    assert figure.layout.title.text.replace("<br>", " ") == (
        "good does better than base on 25 rows, worse on 0 and as well on 35 in exact_match (above "
        "the line: better)"
    )
    assert len(figure.data[0].x) == 60
    assert sum(y > x for x, y in zip(figure.data[0].x, figure.data[0].y, strict=True)) == 25


def test_so_many_rows_are_thinned_out_and_the_title_says_so(monkeypatch):
    monkeypatch.setattr(pairs, "MOST_POINTS", 25)
    figure = wb.views.rows(comparison(), "bad")
    assert len(figure.data[0].x) == 20
    assert figure.layout.title.text.replace("<br>", " ").endswith("(20 drawn)")
    assert "on 0 rows, worse on 25 and as well on 35" in figure.layout.title.text.replace(
        "<br>", " "
    )


def test_slices_of_one_system_name_it_and_its_verdicts():
    c = comparison(systems=("base", "good"))
    figure = wb.views.slices(c, "half")
    assert figure.layout.title.text.replace("<br>", " ") == (
        "good against base in exact_match: a: better; b: better"
    )
    assert wb.views.forest(c).layout.title.text == "good against base in exact_match: better"


def test_slices_of_a_metric_without_a_direction_claim_nothing():
    rows = wb.read(
        [{"input": str(i), "references": ["a b"], "half": "ab"[i % 2]} for i in range(8)]
    )
    texts = {"a": ["a b"] * 8, "b": ["a b c"] * 8}
    c = wb.compare(wb.score(wb.outputs(rows, texts), rows, [wb.LengthRatio()]), samples=20)
    title = "b against a in length_ratio"
    assert wb.views.slices(c, "half").layout.title.text == title
    assert wb.views.forest(c).layout.title.text == title


def test_an_unknown_metric_is_named():
    with pytest.raises(UnknownName) as caught:
        wb.views.forest(comparison(), "exact")
    assert str(caught.value) == (
        "metric must be one of 'exact_match', 'length_ratio', but 'exact' came; "
        "did you mean 'exact_match'?"
    )


@pytest.mark.parametrize("draw", [wb.views.leaderboard, wb.views.forest])
def test_the_same_comparison_draws_the_same_bytes(draw):
    assert draw(comparison()).to_json() == draw(comparison()).to_json()


def test_figures_hold_lists_of_rounded_numbers():
    text = wb.views.leaderboard(comparison()).to_json()
    assert "bdata" not in text
    numbers = []
    json.loads(text, parse_float=numbers.append)
    assert max(len(number.lstrip("-0.").replace(".", "")) for number in numbers) <= 4


def test_the_theme_stays_small():
    assert len(json.dumps(THEME.to_plotly_json())) <= 600


def test_a_system_keeps_its_colour_in_every_figure():
    chosen = colours(["good", "base", "bad"])
    for figure in (wb.views.leaderboard(comparison()), wb.views.forest(comparison())):
        for trace in figure.data:
            assert trace.marker.color == chosen[trace.name]


def test_a_part_keeps_the_colours_of_the_whole():
    whole = comparison()
    for part in (whole.only(systems=["good"]), whole.only(systems=["good"]).only()):
        for trace in wb.views.leaderboard(part).data:
            assert trace.marker.color == colours(["good", "base", "bad"])[trace.name]


def test_markers_tell_systems_apart_without_colour():
    figure = wb.views.leaderboard(comparison())
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)


def test_a_hostile_system_name_is_text():
    c = comparison(systems=("base", "<a href='javascript:alert(1)'>x</a>", "\x1b[31mred"))
    figure = wb.views.leaderboard(c)
    labels = [trace.name for trace in figure.data]
    assert "&lt;a href='javascript:alert(1)'&gt;x…" in labels
    assert "�[31mred" in labels
    assert "<a" not in figure.to_json()


def test_ties_are_counted_against_the_first_alone():
    c = comparison()
    c._all_pairs["exact_match"] = c.pairs("exact_match").frame.assign(
        p_adjusted=[0.5, 0.01, 0.5], n_changed=9
    )
    pairs = c._all_pairs["exact_match"][["system", "baseline", "p_adjusted"]].to_numpy().tolist()
    tied = sum(p > 0.05 for a, b, p in pairs if "good" in (a, b))
    title = wb.views.leaderboard(c).layout.title.text.replace("<br>", " ")
    assert f"but {tied} of 2 others cannot be told apart from it" in title


def test_figures_of_a_metric_without_a_direction_claim_no_merit():
    rows = wb.read([{"input": str(i), "references": ["a b"]} for i in range(20)])
    texts = {"long": ["a b c"] * 20, "base": ["a"] * 20}
    c = wb.compare(
        wb.score(wb.outputs(rows, texts), rows, [wb.LengthRatio()]), baseline="base", samples=100
    )
    assert wb.views.rows(c, "long").layout.title.text.replace("<br>", " ") == (
        "long is higher than base on 20 rows, lower on 0 and equal on 0 in length_ratio"
    )
    assert wb.views.matrix(c).layout.title.text.startswith("1 of 1 pairs are told apart")
    assert wb.views.leaderboard(c).layout.title.text.startswith("long is highest in length_ratio")


def test_rows_that_nobody_shares_are_refused():
    rows = wb.read([{"input": str(i), "references": ["a"]} for i in range(4)])
    outputs = wb.outputs(rows, {"a": ["a"] * 4, "b": ["a"] * 3 + [None], "c": [None] * 3 + ["a"]})
    scores = wb.score(outputs, rows, [wb.ExactMatch()])
    c = wb.compare(scores, baseline="b", samples=20, most_failed=0.75)
    with pytest.raises(BadValue) as caught:
        wb.views.rows(c, "c")
    assert str(caught.value) == (
        "a figure of rows needs a row that both answered, but c and b share none in exact_match; "
        "choose another system."
    )


def test_slices_of_one_system_are_refused():
    rows = wb.read([{"input": "a", "references": ["a"], "half": "a"}])
    c = wb.compare(wb.score(wb.outputs(rows, {"a": ["a"]}), rows, [wb.ExactMatch()]))
    with pytest.raises(BadValue) as caught:
        wb.views.slices(c, "half")
    assert str(caught.value) == "slices need at least two systems, but one came; score another."
