"""Scores to paired units: repeats, clusters, failures, and an order that does not matter."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.pairing import panel

repeatable = settings(deadline=None, derandomize=True, max_examples=40)
METRICS = [wb.BLEU(), wb.ROUGE("L"), wb.ExactMatch()]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "ran"]


def sentences(rng, n):
    return [" ".join(rng.choice(WORDS, rng.integers(4, 9))) for _ in range(n)]


def noisy(rng, text):
    return " ".join(str(rng.choice(WORDS)) if rng.random() < 0.3 else w for w in text.split())


def dataset(n_rows, seed=0, **columns):
    rng = np.random.default_rng(seed)
    texts = sentences(rng, n_rows)
    records = [
        {"row_id": f"r{at:02}", "input": str(at), "references": [text]}
        | {name: values[at] for name, values in columns.items()}
        for at, text in enumerate(texts)
    ]
    return wb.read(records)


def answers(rows, systems=("a", "b", "c"), seed=1, repeats=1):
    """Noisy copies of the references, one record per output."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {"row_id": row_id, "system": system, "repeat": repeat, "text": noisy(rng, texts[0])}
            for (row_id, texts), system, repeat in product(
                zip(rows["row_id"], rows["references"], strict=True), systems, range(repeats)
            )
        ]
    )


def scored(rows, table, metrics=None):
    return wb.score(wb.outputs(rows, table), rows, metrics or METRICS)


def compared(rows, table, metrics=None, **options):
    options = {"baseline": "a", "samples": 200} | options
    return wb.compare(scored(rows, table, metrics), **options).frame


def numbered(values, systems=("a", "b"), **columns):
    """ROWS, OUTPUTS with a column `mark` of numbers, and that column as the metric."""
    n_rows = len(values[0])
    records = [
        {"row_id": f"r{row:02}", "system": system, "repeat": repeat, "text": "x", "mark": mark}
        for system, column in zip(systems, values, strict=True)
        for row, cell in enumerate(column)
        for repeat, mark in enumerate(cell if isinstance(cell, (list, tuple)) else [cell])
    ]
    return dataset(n_rows, **columns), pd.DataFrame(records), [wb.Column("mark")]


# What a panel holds


def test_a_panel_has_rows_and_systems_in_the_order_of_their_names():
    rows, table, metrics = numbered([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], systems=("z", "b"))
    found = panel(scored(rows, table, metrics), "mark")
    assert (found.systems, found.scale) == (("b", "z"), 1)
    assert found.statistics.value().tolist() == [
        [[4.0, 1.0], [1.0, 1.0]],
        [[5.0, 1.0], [2.0, 1.0]],
        [[6.0, 1.0], [3.0, 1.0]],
    ]
    assert found.there.all()


def test_rows_are_told_in_the_order_of_the_dataset_too():
    rows = wb.read([{"row_id": name, "input": ""} for name in ("r9", "r1", "r5")])
    marks = {"r9": 9.0, "r1": 1.0, "r5": 5.0}
    table = pd.DataFrame(
        [
            {"row_id": name, "system": system, "text": "x", "mark": marks[name]}
            for system in ("a", "b")
            for name in ("r5", "r9", "r1")
        ]
    )
    found = panel(scored(rows, table, [wb.Column("mark")]), "mark")
    assert found.statistics.value()[:, 0, 0].tolist() == [1.0, 5.0, 9.0]
    assert found.in_order(found.rows_of("a")).value()[:, 0, 0].tolist() == [9.0, 1.0, 5.0]
    few = np.array([True, False, True])
    assert found.in_order(few).value()[:, 0, 0].tolist() == [9.0, 1.0]


@pytest.mark.parametrize(("marks", "repeated"), [([1, 2], False), ([[1, 2], 3], True)])
def test_repeats_are_told(marks, repeated):
    rows, table, metrics = numbered([marks, [5, 6]])
    assert panel(scored(rows, table, metrics), "mark").repeated is repeated


def test_repeats_weigh_by_the_least_common_multiple_of_their_numbers():
    rows, table, metrics = numbered([[[1, 2], [6, 6, 9]], [[5], [1, 1, 1, 1]]])
    found = panel(scored(rows, table, metrics), "mark")
    assert found.scale == 12
    averages = found.statistics.value() / found.scale
    assert averages.tolist() == [[[1.5, 1.0], [5.0, 1.0]], [[7.0, 1.0], [1.0, 1.0]]]


@repeatable
@given(
    st.lists(
        st.tuples(*[st.lists(st.integers(-9, 9), min_size=1, max_size=4)] * 2),
        min_size=1,
        max_size=8,
    )
)
def test_a_score_is_the_mean_over_rows_of_the_mean_over_repeats(cells):
    a, b = (list(column) for column in zip(*cells, strict=True))
    rows, table, metrics = numbered([a, b])
    (row,) = compared(rows, table, metrics, samples=20).to_dict("records")
    for score, column in ((row["baseline_score"], a), (row["score"], b)):
        naive = sum(sum(cell) / len(cell) for cell in column) / len(column)
        assert score == pytest.approx(naive, abs=1e-12)
    same = sum(sum(x) * len(y) == sum(y) * len(x) for x, y in cells)
    assert row["n_changed"] == len(cells) - same


def test_the_statistics_of_a_cluster_are_added():
    rows, table, metrics = numbered(
        [[1.0, 2.0, 3.0, 4.0], [0.5, 0.0, 0.25, 1.0]], cluster=["y", "x", "y", "x"]
    )
    found = panel(scored(rows, table, metrics), "mark")
    units = found.units(found.rows_of("a", "b"))
    assert units.value().tolist() == [[[6.0, 2.0], [1.0, 2.0]], [[4.0, 2.0], [0.75, 2.0]]]


def test_some_rows_alone_are_taken_where_they_are_named():
    rows, table, metrics = numbered([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    found = panel(scored(rows, table, metrics), "mark", rows=["r02", "r00"])
    assert found.statistics.value()[:, 0, 0].tolist() == [1.0, 3.0]


# Repeats


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("test", ["randomisation", "bootstrap"])
def test_a_row_answered_k_times_alike_counts_once_and_is_no_more_certain(k, test):
    rows = dataset(25)
    once = answers(rows)
    often = pd.concat([once.assign(repeat=repeat) for repeat in range(k)])
    first, pooled = compared(rows, once, test=test), compared(rows, often, test=test)
    for name in ("score", "baseline_score", "delta", "ci_low", "ci_high"):
        assert pooled[name].tolist() == pytest.approx(first[name].tolist(), abs=1e-12)
    same = ["metric", "system", "p", "p_adjusted", "n", "n_changed", "verdict", "method"]
    assert pooled[same].to_json() == first[same].to_json()


def test_repeats_of_one_system_alone_count_once_too():
    rows = dataset(25)
    once = answers(rows)
    thrice = [once[once["system"] == "b"].assign(repeat=repeat) for repeat in (1, 2)]
    first, uneven = compared(rows, once), compared(rows, pd.concat([once, *thrice]))
    assert uneven["p"].tolist() == first["p"].tolist()
    assert uneven["ci_low"].tolist() == pytest.approx(first["ci_low"].tolist(), abs=1e-12)


def test_a_row_is_resampled_with_all_its_repeats():
    # two rows of ten unlike repeats: pooled as 20 units the interval would be narrow
    rows, table, metrics = numbered([[[0] * 10, [0] * 10], [[0, 1] * 5, [9, 11] * 5]])
    (row,) = compared(rows, table, metrics, interval="percentile").to_dict("records")
    assert (row["n"], row["n_clusters"], row["n_changed"]) == (2, 2, 2)
    assert (row["delta"], row["ci_low"], row["ci_high"]) == (5.25, 0.5, 10.0)


def test_a_failed_repeat_leaves_the_mean_of_the_others():
    rows, table, metrics = numbered([[[1, None, 3], [4]], [[1, 1, 1], [1]]])
    (row,) = compared(rows, table, metrics, samples=20).to_dict("records")
    assert (row["baseline_score"], row["n"]) == (3.0, 2)


# Clusters


def test_a_cluster_is_exchanged_whole():
    a, b = [5, 4, 3, 2, 1, 7], [1, 2, 3, 4, 2, 3]
    rows, table, metrics = numbered([a, b], cluster=["x", "x", "y", "y", "z", "z"])
    (row,) = compared(rows, table, metrics, samples=20).to_dict("records")
    deltas = [sum(b[at : at + 2]) - sum(a[at : at + 2]) for at in (0, 2, 4)]
    sizes = [
        abs(sum(s * d for s, d in zip(signs, deltas, strict=True)))
        for signs in product([1, -1], repeat=3)
    ]
    assert row["p"] == np.mean([size >= abs(sum(deltas)) for size in sizes])
    assert (row["n"], row["n_clusters"], row["n_changed"]) == (6, 3, 3)
    assert row["method"] == "exact randomisation, 8 exchanges; small-sample interval"


def test_rows_that_differ_but_not_in_the_sum_of_their_cluster_are_unchanged():
    rows, table, metrics = numbered([[0.5, 0.5, 1], [1, 0, 1]], cluster=["x", "x", "y"])
    (row,) = compared(rows, table, metrics, samples=20).to_dict("records")
    assert (row["n_changed"], row["p"], row["verdict"]) == (0, 1.0, "identical")


def test_clusters_of_one_row_each_are_rows():
    rows = dataset(20, story=[f"s{at}" for at in range(20)])
    table = answers(rows)
    assert compared(rows, table, cluster="story").to_json() == compared(rows, table).to_json()


def test_the_column_cluster_is_used_unless_row_id_is_asked_for():
    rows, table, metrics = numbered([[0, 0, 0, 0], [1, 1, 1, 1]], cluster=list("xxyy"))
    by = {
        cluster: compared(rows, table, metrics, cluster=cluster)["n_clusters"].tolist()
        for cluster in (None, "cluster", "row_id")
    }
    assert by == {None: [2], "cluster": [2], "row_id": [4]}


def test_any_column_can_say_which_rows_belong_together():
    rows, table, metrics = numbered([[0, 0, 0], [1, 1, 1]], year=[1999, 2000, 1999])
    assert compared(rows, table, metrics, cluster="year")["n_clusters"].tolist() == [2]


def test_the_names_of_clusters_do_not_matter_as_long_as_their_order_is_kept():
    rows = dataset(20, story=[f"s{at // 4}" for at in range(20)])
    named = dataset(20, story=["kmpxz"[at // 4] for at in range(20)])
    table = answers(rows)
    first, other = (compared(each, table, cluster="story") for each in (rows, named))
    assert first.to_json() == other.to_json()


def test_a_row_without_a_cluster_is_refused():
    rows, table, metrics = numbered([[0, 0, 0], [1, 1, 1]], cluster=["x", None, None])
    with pytest.raises(BadValue) as caught:
        compared(rows, table, metrics)
    assert str(caught.value) == (
        "every row must have a cluster, but rows 'r01', 'r02' have none; fill it in, or pass "
        "cluster='row_id'."
    )


def test_outputs_of_a_row_in_two_clusters_are_refused():
    rows, table, metrics = numbered([[0, 0], [1, 1]])
    table["batch"] = ["x", "x", "y", "x"]
    with pytest.raises(BadValue) as caught:
        compared(rows, table, metrics, cluster="batch")
    assert str(caught.value) == (
        "all outputs of a row must have the same batch, but some differ; use a column of the "
        "dataset."
    )


def test_an_unknown_cluster_is_refused_with_the_nearest_name():
    rows, table, metrics = numbered([[0, 0], [1, 1]], story=["x", "y"])
    with pytest.raises(UnknownName) as caught:
        compared(rows, table, metrics, cluster="storey")
    assert str(caught.value) == (
        "cluster must be one of 'output_id', 'row_id', 'system', 'repeat', 'text', 'mark', "
        "'input', 'references', 'story', but 'storey' came; did you mean 'story'?"
    )


# Failures and absences


def failing():
    """20 rows; a fails on two, b on one of these and another, c has no output on three."""
    rows = dataset(20)
    table = answers(rows)
    lost = {("a", "r03"), ("a", "r07"), ("b", "r07"), ("b", "r11")}
    keys = list(zip(table["system"], table["row_id"], strict=True))
    table["text"] = [None if k in lost else t for k, t in zip(keys, table["text"], strict=True)]
    absent = {("c", "r00"), ("c", "r03"), ("c", "r19")}
    return rows, table[[key not in absent for key in keys]]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_rows_that_one_of_two_lost_are_left_out_of_both(metric):
    rows, table = failing()
    frame = compared(rows, table, [metric]).set_index("system")
    lost = {"b": ["r03", "r07", "r11"], "c": ["r00", "r03", "r07", "r19"]}
    for system, gone in lost.items():
        kept = rows[~rows["row_id"].isin(gone)]
        pair = table[table["system"].isin(["a", system]) & table["row_id"].isin(kept["row_id"])]
        (alone,) = compared(kept, pair, [metric]).to_dict("records")
        row = frame.loc[system]
        assert row["n"] == alone["n"] == 20 - len(gone)
        for name in ("score", "baseline_score", "delta", "ci_low", "ci_high", "p", "n_changed"):
            assert row[name] == alone[name]


def test_two_systems_neither_of_which_is_the_baseline_share_their_own_rows():
    rows, table = failing()
    comparison = wb.compare(scored(rows, table), baseline="a", samples=50)
    assert comparison.pair("b", "c").frame["n"].tolist() == [15, 15, 15]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_failures_as_the_worst_count_as_empty_outputs(metric):
    rows, table = failing()
    full = pd.MultiIndex.from_product([rows["row_id"], ["a", "b", "c"]], names=["row_id", "system"])
    filled = table.set_index(["row_id", "system"]).reindex(full).reset_index()
    filled = filled.assign(text=filled["text"].fillna(""), repeat=0)
    worst = compared(rows, table, [metric], failures="worst")
    empty = compared(rows, filled, [metric])
    assert worst["n"].tolist() == [20, 20]
    assert worst[list(empty)].to_json() == empty.to_json()


def test_failures_as_the_worst_take_the_worse_bound_of_a_column():
    rows, table, _ = numbered([[1, None, 3, 2], [4, 4, 5, None]])
    up = wb.Column("mark", bounds=(0, 5))
    down = wb.Column("mark", direction="down", bounds=(0, 5))
    found = [
        compared(rows, table, [metric], failures="worst")[["baseline_score", "score"]].to_numpy()
        for metric in (up, down)
    ]
    assert [each.tolist() for each in found] == [[[1.5, 3.25]], [[2.75, 4.5]]]


def test_a_failed_repeat_counts_as_the_worst_of_its_row_only_in_its_share():
    rows, table, _ = numbered([[[4, None], [2]], [[1, 1], [1]]])
    (row,) = compared(
        rows, table, [wb.Column("mark", bounds=(0, 5))], failures="worst", samples=20
    ).to_dict("records")
    assert row["baseline_score"] == (4 / 2 + 2) / 2


def test_a_metric_without_a_worst_value_cannot_take_failures_as_the_worst():
    rows, table = failing()
    with pytest.raises(BadValue) as caught:
        compared(rows, table, [wb.TER()], failures="worst")
    assert str(caught.value) == (
        "failures='worst' needs metrics with a worst value, but ter is unbounded; drop it, or use "
        "failures='exclude'."
    )


def test_a_metric_without_a_worst_value_is_no_trouble_where_nothing_failed():
    rows = dataset(6)
    frame = compared(rows, answers(rows), [wb.TER()], failures="worst", samples=20)
    assert frame["n"].tolist() == [6, 6]


def test_two_systems_without_a_common_row_are_refused():
    rows, table, metrics = numbered([[1, None, 2], [None, 1, None]])
    with pytest.raises(BadValue) as caught:
        compared(rows, table, metrics)
    assert str(caught.value) == (
        "two systems must have a row that both answered, but a shares none with any other; look "
        "at the column 'error', or use failures='worst'."
    )


# What must not matter


@pytest.mark.parametrize("options", [{}, {"cluster": "story"}, {"failures": "worst"}])
@pytest.mark.parametrize("seed", [0, 1])
def test_shuffled_rows_and_outputs_give_the_same_bytes(options, seed):
    rows = dataset(30, story=[f"s{at % 7}" for at in range(30)])
    table = answers(rows, repeats=2).iloc[:-5]
    shuffled = rows.sample(frac=1, random_state=seed)
    mixed = table.sample(frac=1, random_state=seed)
    straight = compared(rows, table, **options)
    assert compared(shuffled, mixed, **options).to_json() == straight.to_json()


def test_shuffled_columns_of_fractions_give_the_same_bytes():
    values = np.random.default_rng(0).normal(size=(2, 40)) / 3
    rows, table, metrics = numbered(values.tolist(), story=[f"s{at % 5}" for at in range(40)])
    straight = compared(rows, table, metrics, cluster="story").to_json()
    for seed in range(3):
        mixed = table.sample(frac=1, random_state=seed)
        assert compared(rows, mixed, metrics, cluster="story").to_json() == straight


def test_other_names_of_systems_change_nothing_but_the_names():
    rows = dataset(30)
    table = answers(rows)
    names = {"a": "zeta", "b": "<b>", "c": "alpha"}
    first = compared(rows, table)
    other = compared(rows, table.assign(system=table["system"].map(names)), baseline="zeta")
    key = ["metric", "system"]
    renamed = first.replace({"system": names, "baseline": names}).sort_values(key)
    assert other.sort_values(key).to_json(orient="split", index=False) == renamed.to_json(
        orient="split", index=False
    )


def test_other_names_of_rows_in_the_same_order_change_nothing():
    rows = dataset(30)
    table = answers(rows)
    renamed = [each.assign(row_id="item-" + each["row_id"].astype("str")) for each in (rows, table)]
    assert compared(*renamed).to_json() == compared(rows, table).to_json()


def test_names_of_rows_in_another_order_change_neither_figures_nor_exact_p():
    rows = dataset(12)
    table = answers(rows)
    names = {row_id: f"n{len(rows) - at}" for at, row_id in enumerate(rows["row_id"])}
    renamed = [each.assign(row_id=each["row_id"].map(names)) for each in (rows, table)]
    fixed = ["score", "baseline_score", "delta", "p", "n_changed", "verdict", "method"]
    assert compared(*renamed)[fixed].to_json() == compared(rows, table)[fixed].to_json()


def test_a_further_system_does_not_change_the_others():
    rows = dataset(30)
    table = answers(rows)
    fewer = compared(rows, table[table["system"] != "c"], correction="none")
    more = compared(rows, table, correction="none")
    assert more[more["system"] == "b"].to_json(orient="records") == fewer.to_json(orient="records")


def test_a_further_metric_does_not_change_the_others():
    rows = dataset(30)
    table = answers(rows)
    alone = compared(rows, table, [wb.ROUGE("L")], correction="none")
    beside = compared(rows, table, correction="none")
    assert beside[beside["metric"] == "rougeL"].to_json(orient="records") == alone.to_json(
        orient="records"
    )


@pytest.mark.parametrize("failures", ["exclude", "worst"])
def test_a_mask_tells_on_which_rows_all_of_some_systems_are_there(failures):
    rows, table = failing()
    found = panel(scored(rows, table), "rougeL", failures=failures)
    there = {system: int(found.rows_of(system).sum()) for system in "abc"}
    if failures == "worst":
        assert there == {"a": 20, "b": 20, "c": 20}
    else:
        assert there == {"a": 18, "b": 18, "c": 17}
        assert int(found.rows_of("a", "b", "c").sum()) == 15
        assert found.n_clusters(found.rows_of("a", "b")) == 17


def test_sums_over_repeats_are_divided_only_at_the_end():
    rows, table, metrics = numbered([[[0.1, 0.2, 0.3]], [[0.2, 0.2, 0.2]]])
    (row,) = compared(rows, table, metrics, samples=20).to_dict("records")
    assert row["baseline_score"] == math.fsum([0.1, 0.2, 0.3]) / 3
