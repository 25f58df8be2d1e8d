"""Figures: what they claim, what they show, and that stored ones stay small and equal."""

import json

import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.views import THEME, colours


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
    assert figure.layout.title.text == "good leads in exact_match: 0.917 [0.850, 0.983]"


def test_a_leaderboard_says_that_the_top_is_tied():
    rows = wb.read([{"input": str(i), "references": ["yes"]} for i in range(40)])
    texts = {"a": ["yes"] * 20 + ["no"] * 20, "b": ["yes"] * 21 + ["no"] * 19}
    c = wb.compare(wb.score(wb.outputs(rows, texts), rows, [wb.ExactMatch()]), samples=200)
    title = wb.views.leaderboard(c).layout.title.text.replace("<br>", " ")
    assert title.startswith(
        "2 of 2 systems cannot be told apart at the top in exact_match; first b:"
    )


def test_a_leaderboard_draws_every_system_with_its_interval_and_marks_the_baseline():
    c = comparison()
    figure = shown(wb.views.leaderboard(c))
    frame = c.leaderboard().frame.query("metric == 'exact_match'")
    assert [trace["y"][0] for trace in figure["data"]] == ["good", "base", "bad"]
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
    assert figure.layout.title.text == "1 better and 1 worse against base in exact_match"
    assert figure.layout.shapes[0].x0 == 0


@pytest.mark.parametrize(("margin", "edge"), [(0.1, -0.1)])
def test_a_forest_shades_the_loss_that_does_not_matter(margin, edge):
    figure = wb.views.forest(comparison(margins={"exact_match": margin}))
    assert figure.layout.shapes[1].x1 == edge


def test_a_forest_of_a_metric_without_a_direction_gives_no_verdict():
    figure = wb.views.forest(comparison(), "length_ratio")
    assert figure.layout.title.text == "2 identical against base in length_ratio"


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
    assert "a: 1 better, 1 worse; b: 1 better, 1 worse" in figure.layout.title.text.replace(
        "<br>", " "
    )
    assert len(figure.data) == 4


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
            assert trace.marker.color == chosen[trace.y[0]]


def test_markers_tell_systems_apart_without_colour():
    figure = wb.views.leaderboard(comparison())
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)


def test_a_hostile_system_name_is_text():
    c = comparison(systems=("base", "<a href='javascript:alert(1)'>x</a>", "\x1b[31mred"))
    figure = wb.views.leaderboard(c)
    labels = [trace.y[0] for trace in figure.data]
    assert "&lt;a href='javascript:alert(1)'&gt;x…" in labels
    assert "�[31mred" in labels
    assert "<a" not in figure.to_json()
