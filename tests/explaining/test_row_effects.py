"""Influence of rows, recomputed without each of them; and rows on which metrics disagree."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName

repeatable = budget(deadline=None, derandomize=True, max_examples=10)
METRICS = [wb.BLEU(), wb.ChrF(), wb.TER(), wb.ROUGE("L")]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "ran"]
LAST = ["contribution", "share", "influence", "delta_without", "delta_rest"]


def compared(n_rows=12, metrics=METRICS, seed=0):
    rng = np.random.default_rng(seed)

    def garbled(text, share):
        return " ".join(str(rng.choice(WORDS)) if rng.random() < share else w for w in text.split())

    texts = [" ".join(rng.choice(WORDS, rng.integers(5, 12))) for _ in range(n_rows)]
    rows = wb.read(
        [
            {"row_id": f"r{at:02}", "input": "", "references": [text]}
            for at, text in enumerate(texts)
        ]
    )
    systems = {
        name: [garbled(t, s) for t in texts] for name, s in {"good": 0.2, "poor": 0.6}.items()
    }
    return wb.compare(
        wb.score(wb.outputs(rows, systems), rows, metrics), baseline="poor", samples=20
    )


def marked(a, b, direction="up"):
    rows = wb.read([{"row_id": f"r{at:02}", "input": ""} for at in range(len(a))])
    table = pd.DataFrame(
        [
            {"row_id": f"r{at:02}", "system": system, "text": "x", "mark": mark}
            for system, column in (("a", a), ("b", b))
            for at, mark in enumerate(column)
        ]
    )
    scores = wb.score(wb.outputs(rows, table), rows, [wb.Column("mark", direction=direction)])
    return wb.compare(scores, baseline="a", samples=20)


def difference(scores, metric, keep, swap=None):
    """Return the difference of good and poor on some rows, one of them exchanged one way."""
    outputs = scores.outputs
    figures = []
    for system in ("good", "poor"):
        total = 0
        for row in keep:
            source = swap[1] if swap and row == swap[0] else system
            at = outputs.index[(outputs["row_id"] == row) & (outputs["system"] == source)][0]
            total = total + scores.statistics[metric.name][at]
        figures.append(float(metric.aggregate(np.asarray(total, dtype=float))))
    return figures[0] - figures[1]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_influence_is_what_scoring_without_the_row_says(metric):
    c = compared()
    frame = c.influence("good", metric=metric.name).frame
    rows = sorted(frame["row_id"])
    total = difference(c.scores, metric, rows)
    left = list(rows)
    for row in frame.to_dict("records"):
        without = difference(c.scores, metric, [each for each in rows if each != row["row_id"]])
        assert row["delta_without"] == pytest.approx(without, abs=1e-9)
        assert row["influence"] == pytest.approx(total - without, abs=1e-9)
        ties = [difference(c.scores, metric, rows, (row["row_id"], s)) for s in ("good", "poor")]
        assert row["contribution"] == pytest.approx(total - np.mean(ties), abs=1e-9)
        assert row["share"] == pytest.approx(row["contribution"] / total)
        left.remove(row["row_id"])
        if left:
            assert row["delta_rest"] == pytest.approx(difference(c.scores, metric, left), abs=1e-9)
    assert np.isnan(frame["delta_rest"].iloc[-1])
    made = frame["contribution"] * np.sign(total)
    assert made.tolist() == sorted(made, reverse=True)


def test_the_columns_are_those_of_by_row_and_the_effects():
    c = compared()
    frame = c.influence("good").frame
    by_row = c.by_row("good")
    assert frame.columns.tolist() == [*by_row.columns, *LAST]
    same = frame.drop(columns=LAST).sort_values("row_id", ignore_index=True)
    assert same.to_json() == by_row.sort_values("row_id", ignore_index=True).to_json()


@repeatable
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=20))
def test_contributions_to_a_mean_add_up_to_the_difference(pairs):
    a, b = (list(map(float, each)) for each in zip(*pairs, strict=True))
    frame = marked(a, b).influence("b").frame.sort_values("row_id")
    assert frame["contribution"].tolist() == pytest.approx(
        ((np.array(b) - a) / len(a)).tolist(), abs=1e-12
    )
    if sum(a) != sum(b):
        assert frame["share"].sum() == pytest.approx(1)
    else:
        assert frame["share"].isna().all()


def test_a_single_row_that_makes_the_difference_is_first():
    sheet = marked([1.0] * 20, [*[1.0] * 12, 9.0, *[1.0] * 7]).influence("b")
    assert sheet.frame["row_id"].iloc[0] == "r12"
    assert sheet.frame["share"].iloc[0] == 1.0
    assert sheet.frame["delta_without"].iloc[0] == 0.0
    assert sheet.caption == (
        "10 of 20 rows, those that make most of b − a = 0.4000 mark; without the first 1 it is undone"
    )
    assert len(sheet.body) == 10


def test_systems_that_do_not_differ_have_no_shares():
    sheet = marked([1.0, 2.0], [2.0, 1.0]).influence("b")
    assert sheet.caption.endswith("there is no difference")
    assert sheet.frame["share"].isna().all()


def test_the_difference_of_a_single_row_is_told():
    sheet = marked([2.0], [1.0]).influence("b")
    assert sheet.caption == (
        "1 of 1 rows, those that make most of b − a = −1.000 mark; no number of them undoes it"
    )
    assert sheet.frame["share"].tolist() == [1.0]


def test_a_failure_that_counts_is_told_as_any_row():
    rows = wb.read(
        [{"row_id": f"r{at}", "input": f"in {at}", "references": ["a b"]} for at in range(4)]
    )
    outputs = wb.outputs(rows, {"a": ["a"] * 4, "b": [*["a b"] * 3, None]})
    lone = outputs[(outputs["row_id"] != "r2") | (outputs["system"] != "b")]
    scores = wb.score(lone, rows, [wb.ROUGE("1")])
    c = wb.compare(scores, baseline="a", failures="worst", samples=20)
    frame = c.influence("b").frame.set_index("row_id")
    for row in ("r2", "r3"):
        found = frame.loc[row]
        assert [found["input"], found["references"], found["other_text"]] == [
            f"in {row[1]}",
            ["a b"],
            "a",
        ]
        assert found.isna()["text"]
        assert found["value"] == 0
        assert found["delta"] == -found["other_value"] == pytest.approx(-2 / 3)
    assert (frame["delta"] / 4).tolist() == pytest.approx(frame["contribution"].tolist())
    assert c.by_row("b")["row_id"].tolist() == ["r0", "r1"]


def test_a_row_without_a_value_of_its_own_keeps_its_texts():
    rows = wb.read(
        [{"row_id": f"r{at}", "input": "i", "references": ["a b" * at]} for at in range(3)]
    )
    scores = wb.score(
        wb.outputs(rows, {"a": ["a"] * 3, "b": ["b c"] * 3}), rows, [wb.LengthRatio()]
    )
    c = wb.compare(scores, baseline="a", samples=20)
    frame = c.influence("b").frame.set_index("row_id")
    assert frame.loc["r0", ["input", "text", "other_text"]].tolist() == ["i", "b c", "a"]
    assert np.isnan(frame.loc["r0", "delta"])
    assert c.by_row("b")["row_id"].tolist() == ["r1", "r2"]


def test_rows_may_be_named():
    c = compared()
    rows = ["r03", "r05", "r07"]
    frame = c.influence("good", rows=rows).frame
    assert sorted(frame["row_id"]) == rows
    total = difference(c.scores, METRICS[0], rows)
    assert (frame["influence"] + frame["delta_without"]).tolist() == pytest.approx([total] * 3)
    with pytest.raises(UnknownName):
        c.influence("good", rows=["r99"])


@pytest.mark.parametrize("n", [-1, "a", 2.5])
@pytest.mark.parametrize(
    ("ask", "usual"), [("ngrams", 20), ("influence", 10), ("disagreements", 10), ("examples", 5)]
)
def test_a_number_of_lines_that_is_none_is_refused(ask, usual, n):
    with pytest.raises(BadValue) as caught:
        getattr(compared(2), ask)("good", n=n)
    assert str(caught.value) == (
        f"n must be a whole number of at least 0, but {n!r} came; use {usual}."
    )


def test_a_name_alone_is_a_list_of_one():
    c = compared(12)
    frame = c.influence("good", rows="r11").frame
    assert frame["row_id"].tolist() == ["r11"]
    with pytest.raises(UnknownName):
        c.influence("good", rows="r1")
    with pytest.raises(BadValue) as caught:
        c.disagreements(metrics="bleu")
    assert "needs two metrics with a direction, but bleu came" in str(caught.value)


def test_rows_named_by_digits_are_not_their_digits():
    rows = wb.read([{"row_id": str(at), "input": ""} for at in range(1, 13)])
    table = {name: [str(at % step) for at in range(12)] for name, step in {"a": 5, "b": 7}.items()}
    outputs = wb.outputs(rows, table)
    scores = wb.score(outputs.assign(mark=outputs["text"].astype(float)), rows, [wb.Column("mark")])
    c = wb.compare(scores, samples=20)
    assert c.influence("b", rows="12").frame["row_id"].tolist() == ["12"]


def test_influence_without_a_shared_row_is_refused():
    c = marked([1.0, None, 2.0], [None, 1.0, 3.0])
    with pytest.raises(BadValue) as caught:
        c.influence("b", rows=["r00", "r01"])
    assert str(caught.value) == (
        "influence needs a row that both answered, but b and a share none in mark; choose another "
        "system or other rows."
    )


def marked_repeats(a, b):
    """Return what two systems did on rows that each answered several times."""
    rows = wb.read([{"row_id": f"r{at}", "input": ""} for at in range(len(a))])
    table = pd.DataFrame(
        [
            {"row_id": f"r{at}", "system": system, "repeat": repeat, "text": "x", "mark": mark}
            for system, column in (("a", a), ("b", b))
            for at, marks in enumerate(column)
            for repeat, mark in enumerate(marks)
        ]
    )
    scores = wb.score(wb.outputs(rows, table), rows, [wb.Column("mark", direction="up")])
    return wb.compare(scores, baseline="a", samples=20).by_row("b")


def test_repeats_are_averaged():
    rows = wb.read([{"row_id": "x", "input": ""}, {"row_id": "y", "input": ""}])
    table = pd.DataFrame(
        [
            *[("x", "a", 0, 1.0), ("x", "a", 1, 3.0), ("x", "b", 0, 5.0)],
            *[("y", "a", 0, 1.0), ("y", "b", 0, 1.0)],
        ],
        columns=["row_id", "system", "repeat", "mark"],
    ).assign(text="t")
    scores = wb.score(wb.outputs(rows, table), rows, [wb.Column("mark", direction="up")])
    frame = wb.compare(scores, baseline="a", samples=20).influence("b").frame
    assert frame["row_id"].tolist() == ["x", "y"]
    assert frame["contribution"].tolist() == [1.5, 0.0]


def test_disagreements_are_told_in_units_of_each_metric():
    c = compared(20)
    frame = c.disagreements().frame
    steps = {}
    for metric in METRICS:
        deltas = c.by_row("good", metric=metric.name).set_index("row_id")["delta"]
        gains = deltas * (-1 if metric.direction == "down" else 1)
        steps[metric.name] = gains / np.sqrt((gains**2).mean())
    steps = pd.DataFrame(steps)
    naive = (steps.max(axis=1) - steps.min(axis=1)).sort_values(ascending=False, kind="stable")
    assert frame["spread"].tolist() == pytest.approx(naive.tolist())
    for row in frame.to_dict("records"):
        own = steps.loc[row["row_id"]]
        assert own[row["favours"]] == own.max()
        assert own[row["opposes"]] == own.min()
        assert row["opposite"] == ((own > 0).any() and (own < 0).any())
        assert (
            row["delta_ter"]
            == c.by_row("good", metric="ter").set_index("row_id").loc[row["row_id"], "delta"]
        )


def test_repeats_in_another_order_are_ties():
    rng = np.random.default_rng(0)
    texts = [[" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(3)] for _ in range(60)]
    rows = wb.read([{"input": "", "references": ["the cat sat on a mat"]}] * 60)
    turned = [each[::-1] for each in texts[:50]] + texts[:-11:-1]
    metrics = [wb.ROUGE("1"), wb.ROUGE("L"), wb.ChrF()]
    scores = wb.score(wb.outputs(rows, {"a": texts, "b": turned}), rows, metrics)
    c = wb.compare(scores, baseline="a", samples=20)
    changed = c.frame.set_index("metric")["n_changed"]
    for metric in metrics:
        assert (c.by_row("b", metric=metric.name)["delta"] != 0).sum() == changed[metric.name]
    frame = c.disagreements().frame.set_index("row_id").loc[rows["row_id"][:50]]
    assert not frame[["spread", "opposite"]].any(axis=None)
    assert len(c.examples("b", sort="size", n=60).frame) == changed["rouge1"]


def test_equal_means_of_other_repeats_are_ties():
    frame = marked_repeats([(0.1, 0.2, 0.3), (0.1, 0.2, -0.3)], [(0.6, 0.0, 0.0), (-0.3, 0.2, 0.1)])
    assert frame["delta"].tolist() == [0.0, 0.0]


def test_disagreements_of_a_pair_and_of_some_metrics():
    c = compared(20)
    sheet = c.disagreements("poor", "good", metrics=["bleu", "ter"], n=3)
    assert set(sheet.frame["system"]) == {"poor"}
    assert [name for name in sheet.frame if name.startswith("delta_")] == [
        "delta_bleu",
        "delta_ter",
    ]
    assert len(sheet.body) == 3
    assert sheet.header[4:6] == ["Δ bleu", "Δ ter"]
    assert sheet.header[-1] == "spread (rms)"
    n_opposite = int(sheet.frame["opposite"].sum())
    assert f"they put different systems ahead on {n_opposite} of 20, from good" in sheet.caption


def test_a_metric_does_not_disagree_with_itself():
    with pytest.raises(BadValue) as caught:
        compared().disagreements(metrics=["bleu", "bleu", "ter"])
    assert str(caught.value) == (
        "disagreement needs metrics that are named once, but 'bleu' came twice; name another."
    )


def test_disagreement_needs_two_metrics_with_a_direction_and_two_systems():
    with pytest.raises(BadValue) as caught:
        compared(metrics=[wb.BLEU(), wb.LengthRatio()]).disagreements()
    assert str(caught.value) == (
        "disagreement needs two metrics with a direction, but bleu came; score by another."
    )
    with pytest.raises(BadValue) as caught:
        compared().only(systems=[]).disagreements()
    assert str(caught.value) == (
        "disagreement needs at least two systems, but one came; score another."
    )
