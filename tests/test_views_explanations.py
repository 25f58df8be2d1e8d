"""Figures of why systems differ: what they claim, and that they show what the tables say."""

import pytest

import workbench as wb
from workbench.errors import BadValue

PLAIN = [
    f"the {noun} {verb}" for noun in ("cat", "dog", "cow") for verb in ("sat", "ran", "ate", "hid")
]


def comparison(wordy="so {}", marks=None):
    rows = wb.read([{"input": "", "references": [text]} for text in PLAIN])
    outputs = wb.outputs(rows, {"plain": PLAIN, "wordy": [wordy.format(text) for text in PLAIN]})
    own = dict(zip(rows["row_id"], marks or [1.0] * 12, strict=True))
    outputs["mark"] = outputs["row_id"].map(own) * outputs["system"].eq("wordy")
    scores = wb.score(outputs, rows, [wb.Column("mark", direction="up"), wb.BLEU()])
    return wb.compare(scores, baseline="plain", samples=50)


def test_n_grams_are_drawn_with_their_intervals_and_counted():
    c = comparison()
    figure = wb.views.ngrams(c, "wordy")
    frame = c.ngrams("wordy").frame
    assert figure.layout.title.text.replace("<br>", " ") == (
        "1 n-grams are told apart: 1 more in wordy"
    )
    assert list(figure.layout.yaxis.ticktext) == ["so the (extra)"]
    (trace,), row = figure.data, frame.iloc[0]
    assert (trace.name, trace.x[0]) == ("wordy", pytest.approx(row["log_odds"], rel=1e-3))
    assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(row["ci_low"], rel=1e-3)
    assert figure.layout.xaxis.title.text == "log odds of wordy against plain, 95 % interval"


def test_the_surest_n_grams_are_drawn():
    figure = wb.views.ngrams(comparison("{} on a big red mat now"), "plain", "wordy", n=2)
    assert len(figure.data) == 2
    assert "(2 drawn)" in figure.layout.title.text
    assert {trace.name for trace in figure.data} == {"wordy"}


def test_a_figure_of_no_n_grams_is_refused():
    with pytest.raises(BadValue) as caught:
        wb.views.ngrams(comparison("{}"), "wordy")
    assert str(caught.value) == (
        "a figure of n-grams needs one that is told apart, but of 0 tested between wordy and plain "
        "none is; look at the table of ngrams."
    )


def test_influence_falls_from_the_difference_to_nothing():
    c = comparison(marks=[1.0, 5.0, -2.0, 0.5, *[0.0] * 8])
    figure = wb.views.influence(c, "wordy", metric="mark")
    frame = c.influence("wordy", metric="mark").frame
    (trace,) = figure.data
    assert list(trace.x) == list(range(12))
    left = [4.5 / 12, *frame["delta_rest"].iloc[:-1]]
    assert list(trace.y) == pytest.approx(left, rel=1e-3)
    assert figure.layout.title.text.replace("<br>", " ") == (
        "wordy minus plain in mark is 0.375; it takes 1 of 12 rows to undo it"
    )


def test_what_no_rows_undo_is_said():
    title = wb.views.influence(comparison(), "wordy", metric="mark").layout.title.text
    assert title.replace("<br>", " ") == "wordy minus plain in mark is 1.000; no rows undo it"
