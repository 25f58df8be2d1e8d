"""The explorer's choices, words and tables; browsers see that the panel moves."""

import threading
from dataclasses import replace

import pytest

import workbench as wb
from workbench.widgets.explorer import VIEWS, Explorer

HOSTILE = "<img src=x onerror=alert(1)>"


METRICS = (wb.ExactMatch(), wb.LengthRatio())


def compared(systems=("base", "good", "bad"), metrics=METRICS, **more):
    rows = wb.read(
        [
            {"row_id": f"r{i:02}", "input": str(i), "references": ["yes"], **_columns(i, more)}
            for i in range(60)
        ]
    )
    hits = dict(zip(systems, (30, 55, 5), strict=False))
    texts = {name: ["yes"] * n + ["no way"] * (60 - n) for name, n in hits.items()}
    scores = wb.score(wb.outputs(rows, texts), rows, list(metrics))
    return wb.compare(scores, baseline=systems[0], samples=200)


def _columns(i, more):
    return {name: values[i % len(values)] for name, values in more.items()}


@pytest.fixture
def comparison():
    return compared(half=["a", "b"], third=["x", "y", "z"])


@pytest.fixture
def explorer(comparison):
    return comparison.explore()


def choose(explorer, **values):
    for name, value in values.items():
        explorer._controls[name].value = value


def tick(explorer, **boxes):
    for name, value in boxes.items():
        explorer._boxes[name].value = value


def drawn(explorer):
    return explorer._figure.figure


def title(explorer):
    return drawn(explorer)["layout"]["title"]["text"].replace("<br>", " ")


def test_the_panel_opens_on_the_whole(explorer, comparison):
    assert isinstance(explorer, Explorer)
    assert explorer.part is comparison
    assert (
        repr(explorer)
        == f"Explorer: scores in exact_match against base\n{comparison.leaderboard()!r}"
    )
    assert title(explorer) == wb.views.leaderboard(comparison).layout.title.text


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_a_figure_and_a_table_of_the_whole(explorer, view):
    choose(explorer, view=view)
    assert explorer.refusal == ""
    assert drawn(explorer)["data"]
    assert explorer._table.value == explorer.sheet._repr_html_()
    assert "<table>" in explorer._table.value
    told = explorer._told.value
    assert told == (explorer.sentences._repr_html_() if explorer.sentences else "")


def test_a_metric_changes_the_figure_and_leaves_the_family_as_it_was(explorer, comparison):
    choose(explorer, view="differences", metric="length_ratio")
    assert explorer.part is comparison
    assert title(explorer) == wb.views.forest(comparison, "length_ratio").layout.title.text
    adjusted = comparison.frame.query("metric == 'length_ratio'")["p_adjusted"]
    assert explorer.sheet.frame["p_adjusted"].tolist() == adjusted.tolist()


def test_a_slice_shows_its_rows_and_says_what_its_p_values_are_worth(explorer, comparison):
    choose(explorer, where=("half", "b"), view="differences")
    part = comparison.only(where={"half": "b"})
    assert explorer.part.frame.to_json() == part.frame.to_json()
    assert explorer.sheet.frame["n"].tolist() == [30, 30]
    assert "the list given where half = b, 30 rows" in explorer.sheet.caption
    assert "not for having looked at 1 part so far" in explorer._told.value
    choose(explorer, where=("third", "x"))
    assert "not for having looked at 2 parts so far" in explorer._told.value
    choose(explorer, where=())
    assert "having looked" not in explorer._told.value


def test_another_baseline_turns_the_differences(explorer):
    choose(explorer, view="differences", baseline="good")
    assert set(explorer.sheet.frame["baseline"]) == {"good"}
    assert explorer._boxes["good"].disabled
    assert not explorer._boxes["base"].disabled


def test_an_unticked_system_leaves_figure_and_table(explorer):
    tick(explorer, bad=False)
    assert [trace["name"] for trace in drawn(explorer)["data"]] == ["good", "base"]
    assert explorer.sheet.frame["system"].unique().tolist() == ["good", "base"]


def test_the_new_baseline_is_ticked_again(explorer):
    tick(explorer, bad=False)
    choose(explorer, baseline="bad")
    assert explorer.choice.systems == ("bad", "base", "good")


def test_row_by_row_keeps_its_system_while_it_can(explorer):
    choose(explorer, view="row by row", system="good")
    choose(explorer, baseline="bad")
    assert explorer.choice.system == "good"
    choose(explorer, baseline="good")
    assert explorer.choice.system == "bad"
    assert "bad does better than good on 0 rows, worse on 50" in title(explorer)
    assert explorer.sheet.frame["delta"].tolist() == [-1.0] * 5


def test_only_the_controls_of_a_view_are_seen(explorer):
    seen = {}
    for view in VIEWS:
        choose(explorer, view=view)
        seen[view] = {
            name
            for name in ("second", "system", "by")
            if explorer._controls[name].layout.display != "none"
        }
    assert seen == {
        "scores": set(),
        "differences": set(),
        "all pairs": set(),
        "two metrics": {"second"},
        "row by row": {"system"},
        "slices": {"by"},
    }


def test_what_cannot_be_shown_is_said_and_no_older_figure_stays(explorer):
    choose(explorer, view="differences")
    tick(explorer, good=False, bad=False)
    sentence = "two systems are needed, but only the baseline is ticked; tick another."
    assert explorer.refusal == sentence
    assert repr(explorer) == f"Explorer: differences in exact_match against base\n{sentence}"
    assert explorer._told.value == f'<p role="alert">{sentence}</p>'
    assert explorer._table.value == ""
    assert explorer._figure.layout.visibility == "hidden"
    assert explorer._repr_html_() == explorer._told.value
    tick(explorer, good=True)
    assert explorer.refusal == ""
    assert explorer._figure.layout.visibility == "visible"


def test_only_what_the_data_allow_is_offered():
    plain = compared(metrics=[wb.ExactMatch()]).explore()
    assert list(plain._controls["view"].options) == [
        (view, view) for view in VIEWS if view not in {"two metrics", "slices"}
    ]
    rows = wb.read([{"input": "a", "references": ["a"]}])
    alone = wb.compare(wb.score(wb.outputs(rows, {"a": ["a"]}), rows, [wb.ExactMatch()])).explore()
    assert list(alone._controls["view"].options) == [("scores", "scores")]


def test_the_fallback_is_the_panel_as_it_stands(explorer):
    choose(explorer, view="differences", baseline="good")
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer)
    assert bundle["text/html"] == explorer._told.value + explorer._table.value
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id


def test_hostile_names_and_values_are_text():
    explorer = compared(systems=("base", HOSTILE, "bad"), half=[HOSTILE, "b"]).explore()
    for view in VIEWS:
        choose(explorer, view=view)
        assert explorer.refusal == ""
        for shown in (explorer._told.value, explorer._table.value, explorer._repr_html_()):
            assert "<img" not in shown
    assert not explorer._boxes[HOSTILE].description_allow_html
    choose(explorer, where=("half", HOSTILE), view="scores")
    assert "<img" not in explorer._table.value


def test_changes_from_several_threads_end_on_the_last_choice(explorer):
    def click(view):
        choose(explorer, view=view)

    threads = [threading.Thread(target=click, args=[view]) for view in VIEWS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    view = explorer.choice.view
    expected = VIEWS[view].figure(explorer.part, explorer.choice)
    assert title(explorer) == expected.layout.title.text.replace("<br>", " ")


def test_what_breaks_leaves_no_older_figure(explorer, monkeypatch):
    def broken(*_):
        raise RuntimeError("a fault")

    monkeypatch.setitem(VIEWS, "differences", replace(VIEWS["differences"], sheet=broken))
    with pytest.raises(RuntimeError):
        choose(explorer, view="differences")
    assert explorer._table.value == ""
    assert explorer._figure.layout.visibility == "hidden"
    assert "could not be shown" in explorer._told.value
    choose(explorer, view="scores")
    assert explorer._figure.layout.visibility == "visible"
    assert explorer._table.value == explorer.sheet._repr_html_()


def test_names_cannot_command_a_terminal():
    explorer = compared(systems=("\x1b[31mred", "good", "bad")).explore()
    assert "\x1b" not in repr(explorer)
    assert "\x1b" not in explorer._repr_mimebundle_()["text/plain"]


def test_the_second_metric_is_another_one(explorer):
    choose(explorer, view="two metrics", metric="length_ratio")
    assert explorer.choice.second == "exact_match"
    assert explorer._controls["second"].options == (("exact_match", "exact_match"),)


# ------------------------------------------------------------------------ from a figure to its rows


def pointed(explorer, trace, *place):
    """Click a point, and return who is compared with whom on which rows."""
    explorer._figure._handle_custom_msg({"type": "point", "trace": trace, "point": [*place]}, [])
    panel = explorer.side_by_side
    names = panel.grid.systems
    return names[panel.question.a], names[panel.question.b], panel.rows["row_id"].tolist()


EVERY_ROW = {f"r{i:02}" for i in range(60)}


@pytest.mark.parametrize("view", ["scores", "differences", "two metrics"])
def test_a_systems_dot_leads_to_its_rows_against_the_baseline(explorer, view):
    choose(explorer, view=view)
    for trace, drawn_ in enumerate(drawn(explorer)["data"]):
        system, other, rows = pointed(explorer, trace, 0)
        assert system == ("good" if drawn_["name"] == "base" else drawn_["name"])
        assert (other, set(rows)) == ("base", EVERY_ROW)


def test_a_cell_of_the_pairs_leads_to_row_against_column(explorer):
    choose(explorer, view="all pairs")
    names = explorer.part.matrix("exact_match").index
    assert pointed(explorer, 0, 2, 1)[:2] == (names[2], names[1])


def test_a_dot_of_a_row_leads_to_that_row(explorer):
    choose(explorer, view="row by row", system="bad")
    for at in (0, 17):
        assert pointed(explorer, 0, at) == ("bad", "base", [drawn(explorer)["data"][0]["text"][at]])


def test_a_dot_of_a_slice_leads_to_the_rows_of_its_value(explorer):
    choose(explorer, view="slices", by="half")
    assert pointed(explorer, 0, 0)[:2] == ("good", "base")
    assert set(pointed(explorer, 3, 0)[2]) == {f"r{i:02}" for i in range(1, 60, 2)}  # bad, in b


def test_rows_that_are_chosen_stay_chosen(explorer):
    choose(explorer, where=("third", "y"), view="differences")
    _, _, rows = pointed(explorer, 0, 0)
    assert set(rows) == {f"r{i:02}" for i in range(1, 60, 3)}
    deltas = explorer.side_by_side.rows["delta"].abs()
    assert deltas.is_monotonic_decreasing


def test_the_button_opens_the_rows_and_a_point_uses_the_same_panel(explorer):
    assert explorer.side_by_side is None
    explorer._opener.click()
    panel = explorer.side_by_side
    assert explorer._beside.children == (panel,)
    assert repr(panel).startswith("SideBySide: 60 of 60 rows, good − base in exact_match")
    choose(explorer, view="row by row", system="bad")
    pointed(explorer, 0, 3)
    assert explorer.side_by_side is panel


@pytest.mark.parametrize("point", [(9, 0), (0, 99), (0, 0, 0, 0), (0,)])
def test_a_point_of_a_figure_that_is_gone_opens_nothing(explorer, point):
    for view in ("all pairs", "row by row"):
        choose(explorer, view=view)
        trace, *place = point
        if view == "row by row" and place[:1] == [0]:
            continue
        explorer._figure._handle_custom_msg({"type": "point", "trace": trace, "point": place}, [])
    assert explorer.side_by_side is None
