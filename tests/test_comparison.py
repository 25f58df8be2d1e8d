"""Comparisons end to end: the frame, and all that follows from the same scores."""

import gzip
import html
import json
import os
import pickle
import subprocess
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.comparison import Comparison
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.stats import paired

COLUMNS = [
    *["metric", "system", "baseline", "score", "baseline_score", "delta", "ci_low", "ci_high"],
    *["p", "p_adjusted", "n", "n_changed", "n_clusters", "verdict", "method", "signature"],
]
METRICS = [wb.BLEU(), wb.ROUGE("L"), wb.ExactMatch()]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "ran"]
HOSTILE = "<img src=x onerror=alert(1)>"


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return file.read().rstrip("\n").split("\n")


def texts(n_rows, seed=0):
    """References, and systems that garble a growing share of their words."""
    rng = np.random.default_rng(seed)

    def garbled(text, share):
        return " ".join(str(rng.choice(WORDS)) if rng.random() < share else w for w in text.split())

    references = [" ".join(rng.choice(WORDS, rng.integers(4, 9))) for _ in range(n_rows)]
    shares = {"good": 0.1, "fair": 0.35, "poor": 0.8}
    systems = {name: [garbled(t, share) for t in references] for name, share in shares.items()}
    return references, systems | {"twin": systems["fair"]}


def small(n_rows=30, metrics=METRICS, **columns):
    references, systems = texts(n_rows)
    rows = wb.read(
        [
            {"row_id": f"r{at:02}", "input": str(at), "references": [text]}
            | {name: values[at] for name, values in columns.items()}
            for at, text in enumerate(references)
        ]
    )
    return wb.score(wb.outputs(rows, systems), rows, metrics)


def marked(metrics=None, **marks):
    rows = wb.read([{"row_id": f"r{at:03}", "input": ""} for at in range(len(marks["a"]))])
    table = pd.DataFrame(
        [
            {"row_id": f"r{at:03}", "system": system, "text": "x", "mark": mark}
            for system, column in marks.items()
            for at, mark in enumerate(column)
        ]
    )
    return wb.score(wb.outputs(rows, table), rows, metrics or [wb.Column("mark")])


def record(scores, **options):
    options = {"samples": 100} | options
    (row,) = wb.compare(scores, **options).frame.to_dict("records")
    return row


@pytest.fixture(scope="module")
def topics():
    values = [["news", "chat", "law"][at % 3] for at in range(30)]
    return small(topic=values, year=[1999 + at % 2 for at in range(30)])


@pytest.fixture(scope="module")
def comparison(topics):
    return wb.compare(topics, baseline="fair", samples=400)


# Golden figures


@pytest.mark.shared
def test_wmt23_online_g_against_online_a_is_undecided_by_bleu_and_worse_by_chrf(shared):
    # BLEU p ≈ .144 by randomisation, chrF p ≤ .001; the published
    # scores are 43.69 and 43.20
    folder = shared / "mt" / "wmt23.en-de"
    rows = wb.read(None, references=[lines(folder / "refA.txt.gz")])
    systems = {
        name: lines(folder / "systems" / f"{name}.txt.gz") for name in ("ONLINE-A", "ONLINE-G")
    }
    scores = wb.score(wb.outputs(rows, systems), rows, [wb.BLEU(), wb.ChrF()])
    frame = wb.compare(scores, baseline="ONLINE-A").frame.set_index("metric")
    assert frame["baseline_score"].round(2).tolist() == [43.69, 69.73]
    assert frame["score"].round(2).tolist() == [43.20, 68.96]
    assert frame.loc["bleu", "p"] == pytest.approx(0.144, abs=0.02)
    assert frame.loc["chrf", "p"] <= 0.001
    assert frame["verdict"].tolist() == ["undecided", "worse"]
    assert frame.loc["bleu", "ci_low"] < 0 < frame.loc["bleu", "ci_high"]


@pytest.mark.parametrize(("n_better", "p"), [(1, 1.0), (2, 0.5), (3, 0.25)])
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_one_two_or_three_better_outputs_of_1000_are_no_discovery(metric, n_better, p):
    right, wrong = "the cat sat on the old mat", "the cat ran on the old mat"
    rows = wb.read([{"input": "", "references": [right]} for _ in range(1000)])
    systems = {"a": [wrong] * 1000, "b": [right] * n_better + [wrong] * (1000 - n_better)}
    row = record(wb.score(wb.outputs(rows, systems), rows, [metric]), baseline="a")
    assert (row["p"], row["n_changed"], row["n"]) == (p, n_better, 1000)
    assert row["verdict"] == "undecided"


@pytest.mark.parametrize(("n_better", "p"), [(1, 1.0), (2, 0.5), (3, 0.25)])
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_few_better_among_rows_that_all_differ_are_no_discovery_either(metric, n_better, p):
    # every row has another reference, so no two rows give the same statistics
    right = [f"row {at} says the cat sat on mat {at % 7}" for at in range(1000)]
    wrong = [text.replace("cat sat", "dog sat") for text in right]
    rows = wb.read([{"input": "", "references": [text]} for text in right])
    systems = {"a": wrong, "b": right[:n_better] + wrong[n_better:]}
    row = record(wb.score(wb.outputs(rows, systems), rows, [metric]), baseline="a")
    assert row["p"] == p


@pytest.mark.parametrize("metric", [*METRICS, wb.ChrF(), wb.TER()], ids=lambda m: m.name)
def test_a_system_against_itself_is_identical(metric):
    frame = wb.compare(small(metrics=[metric]), baseline="fair", samples=100).frame
    row = frame.set_index("system").loc["twin"]
    told = ["delta", "ci_low", "ci_high", "p", "n_changed", "verdict", "method"]
    assert row[told].tolist() == [0.0, 0.0, 0.0, 1.0, 0, "identical", "identical"]


@pytest.mark.parametrize(("test", "kind"), [("randomisation", "ar"), ("bootstrap", "bs")])
def test_a_system_against_itself_is_significant_only_to_sacrebleu(test, kind):
    frame = wb.compare(
        small(metrics=[wb.BLEU()]), baseline="fair", test=test, compat="sacrebleu", samples=1000
    ).frame
    row = frame.set_index("system").loc["twin"]
    assert (row["p"], row["method"]) == (1 / 1001, f"sacrebleu {kind}, 1000 samples")
    assert (row["delta"], row["verdict"]) == (0.0, "identical")


def test_sacrebleus_defaults_are_taken_with_its_tests():
    scores = small(metrics=[wb.BLEU()])
    for test, samples in (("randomisation", 10_000), ("bootstrap", 1000)):
        found = wb.compare(scores, test=test, compat="sacrebleu").settings
        assert (found.samples, found.seed, found.correction) == (samples, 12345, "none")


def test_the_table_of_clusters_is_not_used_in_sacrebleus_tests():
    clustered = small(metrics=[wb.BLEU()], cluster=["x", "y"] * 15)
    plain = small(metrics=[wb.BLEU()])
    frames = [wb.compare(each, compat="sacrebleu", samples=50).frame for each in (clustered, plain)]
    assert frames[0].to_json() == frames[1].to_json()


# The frame, recomputed


def naive_p(values, others):
    """The exact two-sided p-value of a difference of means, over rows that differ."""
    gaps = [b - a for a, b in zip(others, values, strict=True) if a != b]
    sizes = [
        abs(sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)))
        for signs in product([1, -1], repeat=len(gaps))
    ]
    return sum(size >= sizes[0] for size in sizes) / len(sizes)


@pytest.mark.parametrize("n_changed", [1, 5, 10, 16])
def test_up_to_16_changed_rows_are_enumerated(n_changed):
    rng = np.random.default_rng(n_changed)
    a = rng.integers(0, 5, 40)
    b = a.copy()
    b[:n_changed] += rng.choice([-3, -1, 1, 2, 4], n_changed)
    row = record(marked(a=a.tolist(), b=b.tolist()))
    assert row["method"] == f"exact randomisation, {2**n_changed} exchanges; small-sample interval"
    assert row["p"] == naive_p(b.tolist(), a.tolist())


def test_17_changed_rows_are_drawn():
    row = record(marked(a=[0] * 20, b=[2] * 17 + [0] * 3), interval="percentile")
    method = "randomisation, 100 exchanges; percentile interval"
    assert (row["method"], row["p"]) == (method, 1 / 101)


def test_the_bootstrap_test_says_how_its_p_was_found():
    row = record(marked(a=[0] * 20, b=[1] * 10 + [0] * 10), test="bootstrap")
    assert (row["method"], row["p"]) == ("bootstrap, 100 samples; Newcombe interval", 2 / 101)


def test_the_frame_has_its_columns_and_systems_in_order(comparison):
    frame = comparison.frame
    assert frame.columns.tolist() == COLUMNS
    assert frame["metric"].tolist() == ["bleu"] * 3 + ["rougeL"] * 3 + ["exact_match"] * 3
    for _, part in frame.groupby("metric"):
        assert part["score"].tolist() == sorted(part["score"], reverse=True)
        assert set(part["system"]) == {"good", "poor", "twin"}
    assert set(frame["baseline"]) == {"fair"}
    assert (frame["delta"] == frame["score"] - frame["baseline_score"]).all()


def test_the_frame_holds_plain_numbers_and_text(comparison):
    kinds = comparison.frame.dtypes.astype(str)
    assert set(kinds[COLUMNS[3:10]]) == {"float64"}
    assert set(kinds[COLUMNS[10:13]]) == {"int64"}
    assert {name for name in COLUMNS if kinds[name] == "str"} == {
        *["metric", "system", "baseline", "verdict", "method", "signature"]
    }


def test_a_metric_that_is_better_low_puts_the_lowest_first():
    metrics = [wb.Column("mark", direction="down")]
    frame = wb.compare(marked(metrics, a=[2] * 9, b=[3] * 9, c=[1] * 9), samples=50).frame
    assert frame["system"].tolist() == ["c", "b"]
    assert frame["verdict"].tolist() == ["better", "worse"]


@pytest.mark.parametrize("direction", ["up", "down", None])
def test_equal_systems_stand_in_the_order_of_their_names(direction):
    metrics = [wb.Column("mark", direction=direction)]
    frame = wb.compare(marked(metrics, c=[2, 3], b=[3, 2], a=[1, 1], d=[2, 3]), samples=20).frame
    assert frame["system"].tolist() == ["b", "c", "d"]


def test_a_metric_without_a_direction_gives_no_verdict():
    metrics = [wb.Column("mark", direction=None)]
    row = record(marked(metrics, a=[2] * 9, b=[3] * 9))
    assert pd.isna(row["verdict"])
    assert row["p"] == 2 / 2**9


def test_the_family_is_every_system_and_metric_of_the_call(comparison):
    ordered = sorted(comparison.frame["p"])
    naive = [max(q * (9 - i) for i, q in enumerate(ordered[: at + 1])) for at in range(9)]
    assert sorted(comparison.frame["p_adjusted"]) == [min(1.0, p) for p in naive]


def test_the_first_system_by_name_is_the_baseline_by_default():
    assert wb.compare(marked(b=[1, 2], a=[2, 1], c=[3, 3]), samples=9).settings.baseline == "a"


def test_a_lone_system_has_nothing_to_be_compared_with():
    found = wb.compare(marked(a=[1, 2, 3]), samples=50)
    assert found.frame.columns.tolist() == COLUMNS
    assert (len(found.frame), found.sentences()) == (0, ())
    assert found.leaderboard().frame["system"].tolist() == ["a"]


def test_seeds_decide_and_zero_is_the_default(topics):
    def frame(**options):
        return wb.compare(topics, samples=100, interval="percentile", **options).frame.to_json()

    assert frame() == frame(seed=0) == frame(seed=0)
    assert frame(seed=1) != frame()


def test_the_environment_changes_nothing(topics, monkeypatch):
    before = wb.compare(topics, samples=100).frame.to_json()
    monkeypatch.setenv("SACREBLEU_SEED", "0")
    assert wb.compare(topics, samples=100).frame.to_json() == before


def test_progress_is_told_metric_by_metric(topics):
    told = []
    wb.compare(topics, samples=20, progress=lambda *step: told.append(step))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_margins_add_two_columns(topics):
    frame = wb.compare(topics, baseline="fair", samples=100, margins={"rougeL": 0.05}).frame
    assert frame.columns.tolist() == [*COLUMNS, "margin", "not_worse"]
    told = frame[frame["metric"] == "rougeL"].set_index("system")["not_worse"].to_dict()
    assert told == {"good": "yes", "twin": "yes", "poor": "no"}
    assert frame["not_worse"].isna().sum() == 6


def test_a_metric_without_a_margin_shows_a_dash(topics):
    found = wb.compare(topics, baseline="fair", samples=50, margins={"rougeL": 0.05})
    assert [line[-1] for line in found.sheet.body if line[0] == "bleu"] == ["–"] * 3


# Pairs, matrix, leaderboard


def test_a_pair_mirrors_the_other_way_round(comparison):
    there = comparison.pair("good", "poor").frame
    back = comparison.pair("poor", "good").frame
    assert back["delta"].tolist() == [-delta for delta in there["delta"]]
    assert back["ci_low"].tolist() == pytest.approx([-high for high in there["ci_high"]])
    assert back["ci_high"].tolist() == pytest.approx([-low for low in there["ci_low"]])
    for name in ("p", "p_adjusted", "n", "n_changed", "n_clusters"):
        assert back[name].tolist() == there[name].tolist()
    turned = {"better": "worse", "worse": "better"}
    assert back["verdict"].tolist() == [turned.get(v, v) for v in there["verdict"]]


def test_a_pair_with_the_baseline_is_that_of_the_frame(comparison):
    pair = comparison.pair("good", "fair").frame.drop(columns=["p_adjusted", "verdict"])
    frame = comparison.frame[comparison.frame["system"] == "good"]
    frame = frame.drop(columns=["p_adjusted", "verdict"])
    assert pair.to_json(orient="records") == frame.to_json(orient="records")


def test_all_pairs_are_those_of_the_matrix(comparison):
    found = comparison.pairs("rougeL")
    assert len(found.frame) == len(found.body) == 6
    matrix = comparison.matrix("rougeL", "p_adjusted")
    for row, line in zip(found.frame.to_dict("records"), found.body, strict=True):
        assert matrix.loc[row["system"], row["baseline"]] == row["p_adjusted"]
        assert (line[0], line[2]) == (row["baseline"], row["system"])


@pytest.mark.parametrize(("direction", "order"), [("up", "cba"), ("down", "bca")])
def test_a_system_without_a_score_comes_last(direction, order):
    marks = {
        "base": [0.5] * 6 + [None] * 6,
        "a": [None] * 6 + [0.5] * 6,
        "b": [0.1] * 12,
        "c": [0.9] * 12,
    }
    c = wb.compare(
        marked([wb.Column("mark", direction=direction)], **marks), baseline="base", most_failed=1
    )
    assert "".join(c.frame["system"]) == order
    assert c.frame["score"].isna().tolist() == [False, False, True]


def test_what_is_asked_later_is_resampled_once(monkeypatch):
    scores = small(150, [wb.BLEU(), wb.ROUGE("L")])
    drawn = []
    for name in ("bootstrap_sums", "exchanged_sums"):
        work = getattr(paired, name)

        def counted(*units, name=name, work=work, **options):
            drawn.append(name)
            return work(*units, **options)

        monkeypatch.setattr(paired, name, counted)
    c = wb.compare(scores, baseline="fair", samples=500, executor="serial")
    later = c.leaderboard().frame, c.pairs("bleu").frame, c.pair("good", "poor").frame
    assert sorted(drawn) == ["bootstrap_sums"] * 2 + ["exchanged_sums"] * 2
    alone = Comparison(c.scores, c.settings, c.frame)
    for one, other in zip(
        later,
        (alone.leaderboard().frame, alone.pairs("bleu").frame, alone.pair("good", "poor").frame),
        strict=True,
    ):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert len(drawn) == 8
    copied = pickle.loads(pickle.dumps(c))
    pd.testing.assert_frame_equal(copied.pairs("bleu").frame, later[1], check_exact=True)


def test_the_matrix_of_differences_is_antisymmetric(comparison):
    found = comparison.matrix("rougeL")
    assert found.index.tolist() == found.columns.tolist()
    values = found.to_numpy()
    assert np.isnan(np.diag(values)).all()
    assert (np.nan_to_num(values) == -np.nan_to_num(values).T).all()
    direct = comparison.pair("good", "poor").frame.set_index("metric").loc["rougeL", "delta"]
    assert found.loc["good", "poor"] == direct


@pytest.mark.parametrize("values", ["p", "p_adjusted", "n_changed"])
def test_the_matrix_of_p_and_counts_is_symmetric(comparison, values):
    found = comparison.matrix("bleu", values).to_numpy()
    assert (np.nan_to_num(found, nan=-1) == np.nan_to_num(found, nan=-1).T).all()


def test_the_matrix_of_verdicts_turns_with_the_pair(comparison):
    found = comparison.matrix("bleu", "verdict")
    assert found.index[0] == "good"
    assert (found.loc["good", "poor"], found.loc["poor", "good"]) == ("better", "worse")
    assert found.loc["fair", "twin"] == found.loc["twin", "fair"] == "identical"


def test_the_pairs_of_a_matrix_are_a_family_of_their_own(comparison):
    names = comparison.matrix("rougeL").index
    above = np.triu_indices(len(names), 1)
    p = np.sort(comparison.matrix("rougeL", "p").to_numpy()[above])
    naive = np.minimum(np.maximum.accumulate(p * np.arange(6, 0, -1)), 1)
    assert np.sort(comparison.matrix("rougeL", "p_adjusted").to_numpy()[above]).tolist() == (
        naive.tolist()
    )


def test_the_leaderboard_ranks_under_each_metric_and_names_the_ties(comparison):
    frame = comparison.leaderboard().frame
    assert frame.columns.tolist() == [
        *["metric", "system", "rank", "score", "ci_low", "ci_high", "group", "n", "n_failed"],
        *["n_empty", "n_clusters", "method", "signature"],
    ]
    bleu = frame[frame["metric"] == "bleu"]
    assert bleu["system"].tolist() == ["good", "fair", "twin", "poor"]
    assert bleu["rank"].tolist() == [1, 2, 2, 4]
    assert bleu["group"].tolist() == ["a", "b", "b", "c"]
    assert ((bleu["ci_low"] <= bleu["score"]) & (bleu["score"] <= bleu["ci_high"])).all()


@pytest.mark.parametrize("metric", ["bleu", "rougeL", "exact_match"])
def test_systems_share_a_letter_exactly_where_the_matrix_says_so(comparison, metric):
    frame = comparison.leaderboard().frame
    letters = frame[frame["metric"] == metric].set_index("system")["group"]
    p = comparison.matrix(metric, "p_adjusted")
    for one, other in product(letters.index, repeat=2):
        if one != other:
            assert bool(set(letters[one]) & set(letters[other])) == (p.loc[one, other] > 0.05)


def test_systems_are_apart_on_the_leaderboard_by_the_adjusted_p_only():
    scores = marked(a=[0] * 8, b=[1] * 6 + [0] * 2, c=[1] * 6 + [0] * 2)
    frame = wb.compare(scores, samples=20).leaderboard().frame
    assert frame["group"].tolist() == ["a", "a", "a"]
    frame = wb.compare(scores, samples=20, correction="none").leaderboard().frame
    assert frame["group"].tolist() == ["a", "a", "b"]


def test_the_leaderboard_counts_all_rows_of_a_system_and_its_failures():
    scores = marked(a=[1, 2, None, 4], b=[1, None, None, 2])
    frame = wb.compare(scores, samples=20).leaderboard().frame
    assert frame[["system", "score", "n", "n_failed"]].to_numpy().tolist() == [
        ["a", 7 / 3, 3, 1],
        ["b", 1.5, 2, 2],
    ]


def test_the_leaderboard_of_a_metric_that_is_better_low_has_the_lowest_on_top():
    scores = marked([wb.Column("mark", direction="down")], a=[5] * 9, b=[1] * 9)
    frame = wb.compare(scores, samples=20).leaderboard().frame
    assert frame[["system", "rank", "group"]].to_numpy().tolist() == [["b", 1, "a"], ["a", 2, "b"]]


# Slices


def test_each_slice_is_the_comparison_of_its_rows(topics, comparison):
    frame = comparison.slices(by="topic").frame
    assert frame.columns.tolist() == ["slice", "value", *COLUMNS, "row_ids"]
    assert frame["value"].drop_duplicates().tolist() == ["chat", "law", "news"]
    outputs = topics.outputs
    for value, part in frame.groupby("value"):
        chosen = outputs[outputs["topic"] == value]
        rows = wb.read(chosen.drop_duplicates("row_id")[["row_id", "input", "references"]])
        alone = wb.score(
            wb.outputs(rows, chosen[["row_id", "system", "repeat", "text"]]), rows, METRICS
        )
        expected = wb.compare(alone, baseline="fair", samples=400, correction="none").frame
        key = ["metric", "system"]
        drop = ["p_adjusted", "verdict"]
        assert set(map(tuple, part["row_ids"])) == {tuple(rows["row_id"])}
        assert part.drop(columns=["slice", "value", "row_ids", *drop]).sort_values(key).to_json(
            orient="records"
        ) == expected.drop(columns=drop).sort_values(key).to_json(orient="records")


def test_slices_are_adjusted_as_one_family_by_benjamini_and_hochberg(comparison):
    frame = comparison.slices(
        by=["topic", "year"], metrics=["bleu"], correction="benjamini-hochberg"
    ).frame
    assert len(frame) == (3 + 2) * 3
    assert frame["slice"].drop_duplicates().tolist() == ["topic", "year"]
    p, n = sorted(frame["p"]), len(frame)
    naive = [
        min(min(q * n / (i + 1) for i, q in enumerate(p) if q >= own), 1.0) for own in frame["p"]
    ]
    assert frame["p_adjusted"].tolist() == pytest.approx(naive, abs=1e-15)
    plain = comparison.slices(by="topic", metrics=["bleu"], correction="none").frame
    assert plain["p_adjusted"].tolist() == plain["p"].tolist()


def test_a_sheet_of_slices_says_which_and_how(comparison):
    sheet = comparison.slices(by="topic", metrics=["bleu"])
    assert list(sheet.header)[:4] == ["slice", "value", "metric", "system"]
    assert sheet.caption == (
        "Differences from fair by topic. the list given, 30 rows; paired randomisation, 400 "
        "samples, seed 0, correction benjamini-hochberg over 9 differences, 95 % intervals; every "
        "output has a text."
    )


def test_a_slice_of_too_many_values_is_refused():
    found = wb.compare(
        small(60, [wb.ExactMatch()], year=list(range(1900, 1960))), baseline="fair", samples=20
    )
    with pytest.raises(BadValue) as caught:
        found.slices(by="year")
    assert str(caught.value) == (
        "a slice must have at most 50 values, but 'year' has 60 ('1900', '1901', '1902' and 57 "
        "more); group its values in a new column."
    )


def test_an_unknown_slice_is_refused_with_the_nearest_name(comparison):
    with pytest.raises(UnknownName) as caught:
        comparison.slices(by="topics")
    assert str(caught.value) == (
        "slice must be one of 'topic', 'year', 'reference_length', 'source_length', "
        "'length_ratio', 'lexical_rarity', 'edit_distance', but 'topics' came; did you mean 'topic'?"
    )


# Examples


@pytest.mark.parametrize("sort", ["gain", "loss", "size"])
@pytest.mark.parametrize("metric", ["rougeL", "exact_match"])
def test_examples_stand_in_the_order_asked_for(comparison, sort, metric):
    frame = comparison.examples("poor", metric=metric, sort=sort, n=30).frame
    key = {"gain": -frame["delta"], "loss": frame["delta"], "size": -frame["delta"].abs()}[sort]
    everything = comparison.by_row("poor", metric=metric)["delta"]
    n_expected = {"gain": everything > 0, "loss": everything < 0, "size": everything != 0}[sort]
    assert key.is_monotonic_increasing
    assert len(frame) == min(30, n_expected.sum())
    assert (frame["delta"] != 0).all()
    for _, tied in frame.groupby(key):
        assert tied["row_id"].tolist() == sorted(tied["row_id"])


def test_examples_show_the_texts_and_values_of_both(topics, comparison):
    frame = comparison.examples("good", "poor", metric="rougeL", n=3).frame
    assert frame.columns.tolist() == [
        *["row_id", "input", "references", "text", "other_text", "value", "other_value", "delta"]
    ]
    texts = topics.outputs.set_index(["row_id", "system"])["text"]
    values = topics.frame[topics.frame["metric"] == "rougeL"].set_index(["row_id", "system"])
    for row in frame.to_dict("records"):
        keys = (row["row_id"], "good"), (row["row_id"], "poor")
        assert [texts.loc[key] for key in keys] == [row["text"], row["other_text"]]
        assert [values["value"].loc[key] for key in keys] == [row["value"], row["other_value"]]
        assert row["delta"] == row["value"] - row["other_value"]


def test_where_low_is_better_a_gain_is_a_fall():
    scores = marked([wb.Column("mark", direction="down")], a=[1, 1, 1], b=[3, 0, 1])
    found = wb.compare(scores, samples=20)
    assert found.examples("b", sort="gain").frame["row_id"].tolist() == ["r001"]
    assert found.examples("b", sort="loss").frame["row_id"].tolist() == ["r000"]


def test_examples_leave_out_rows_that_one_side_lost():
    found = wb.compare(marked(a=[1, None, 1, 2], b=[3, 0, None, 1]), samples=20)
    assert found.examples("b", sort="size").frame["row_id"].tolist() == ["r000", "r003"]


def test_examples_of_repeats_show_the_first_text_and_the_mean_value():
    rows = wb.read([{"input": "", "references": ["yes"]}])
    outputs = wb.outputs(rows, {"a": [["no", "yes", "yes", "yes"]], "b": ["yes"]})
    found = wb.compare(wb.score(outputs, rows, [wb.ExactMatch()]), samples=20)
    (row,) = found.examples("a", "b", sort="loss").frame.to_dict("records")
    assert (row["text"], row["value"], row["other_value"]) == ("no", 0.75, 1.0)


@pytest.mark.parametrize(
    ("sort", "told"),
    [
        ("gain", "good gains most over poor"),
        ("loss", "good loses most to poor"),
        ("size", "good and poor differ most"),
    ],
)
def test_examples_say_in_which_order_they_stand(comparison, sort, told):
    caption = comparison.examples("good", "poor", metric="bleu", sort=sort, n=1).caption
    assert caption == f"1 row on which {told} in bleu"


def test_an_unknown_order_of_examples_is_refused(comparison):
    with pytest.raises(UnknownName) as caught:
        comparison.examples("good", sort="delta")
    assert str(caught.value) == "sort must be one of 'gain', 'loss', 'size', but 'delta' came."


# A part of it


def test_a_part_is_the_comparison_of_the_scores_of_that_part(topics, comparison):
    part = comparison.only(systems=["good"], metrics=["bleu"], where={"topic": "chat"})
    rows = topics.outputs.loc[topics.outputs["topic"] == "chat", "row_id"].unique()
    told = comparison.slices(by="topic", metrics=["bleu"]).frame
    told = told[(told["value"] == "chat") & (told["system"] == "good")]
    columns = ["score", "baseline_score", "delta", "ci_low", "ci_high", "p", "n"]
    assert part.frame[columns].to_json(orient="values") == told[columns].to_json(orient="values")
    assert part.scores.systems == sorted(["good", comparison.settings.baseline])
    assert part.frame["n"].tolist() == [len(rows)]
    assert [metric.name for metric in part.scores.metrics] == ["bleu"]


def test_a_part_may_have_another_baseline(comparison):
    part = comparison.only(baseline="good")
    assert set(part.frame["baseline"]) == {"good"}
    mirrored = part.frame.set_index(["metric", "system"])["delta"]
    for row in comparison.frame.query("system == 'good'").to_dict("records"):
        assert mirrored[row["metric"], row["baseline"]] == -row["delta"]


def test_an_empty_part_is_refused(comparison):
    with pytest.raises(BadValue) as caught:
        comparison.only(where={"topic": "none"})
    assert str(caught.value).endswith("where {'topic': 'none'}; choose other values.")


def test_rows_without_a_value_are_a_slice_of_their_own():
    scores = marked(a=[1, 2, 3, 4], b=[2, 2, 3, 5])
    scores.outputs["kind"] = ["x", "x", "x", "x", None, None, "y", "y"]
    found = wb.compare(scores, samples=20).slices("kind").frame
    assert found["value"].tolist() == ["(missing)", "x", "y"]


def test_a_slice_without_a_shared_row_has_no_figures_and_no_verdict():
    scores = marked(a=[1, 2, None], b=[2, 3, 5])
    scores.outputs["kind"] = ["x", "x", "x", "x", "y", "y"]
    found = wb.compare(scores, samples=20).slices("kind")
    alone = found.frame.iloc[1]
    assert (alone["value"], alone["n"]) == ("y", 0)
    assert pd.isna(alone["verdict"])
    assert alone[["score", "delta", "p", "p_adjusted"]].isna().all()
    assert "no row that both answered" in alone["method"]
    assert "–" in repr(found)


def test_a_system_that_failed_everywhere_stays_on_the_leaderboard():
    scores = marked(a=[1, 2, 3], b=[2, 3, 5], c=[None, None, None])
    frame = wb.compare(scores, samples=20).leaderboard().frame.set_index("system")
    assert frame.loc["c", "n"] == 0
    assert frame.loc["c", "n_failed"] == 3
    assert pd.isna(frame.loc["c", "score"])
    assert pd.isna(frame.loc["c", "rank"])


# Not worse


def test_assert_not_worse_passes_where_every_interval_keeps_its_margin(topics):
    found = wb.compare(topics, baseline="fair", samples=200)
    found.assert_not_worse({"rougeL": 0.02}, systems=["good", "twin"])
    found.assert_not_worse({"rougeL": 0.0, "bleu": 0.0}, systems=["twin"])
    found.assert_not_worse({"bleu": 100.0})


def test_a_name_alone_is_a_list_of_one(comparison):
    one, listed = (
        comparison.only(systems=systems, metrics=metrics).frame
        for systems, metrics in [("good", "bleu"), (["good"], ["bleu"])]
    )
    assert one.to_json() == listed.to_json()
    comparison.assert_not_worse({"bleu": 100.0}, systems="good")
    with pytest.raises(BadKind) as caught:
        comparison.only(systems=5)
    assert str(caught.value) == (
        "systems must be a name or a list of names, but 5 came; write them as text."
    )


def test_assert_not_worse_names_every_comparison_that_does_not_show_it():
    a = [1, 2, 1, 3, 2, 2, 3, 1]
    found = wb.compare(
        marked(a=a, b=[v - 1 for v in a], c=[v + [-1, 1][at % 2] for at, v in enumerate(a)]),
        samples=200,
    )
    with pytest.raises(AssertionError) as caught:
        found.assert_not_worse({"mark": 0.25})
    assert str(caught.value) == (
        "2 of 2 comparisons do not show that a system is not worse than a: c in mark: undecided, "
        "difference 0.000 [−0.894, 0.894] against a margin of 0.250; b in mark: no, difference "
        "−1.0000 [−1.0000, −1.0000] against a margin of 0.2500."
    )


@pytest.mark.parametrize(
    ("margins", "systems", "came"),
    [
        ({}, None, "margins for nothing and the systems 'b'"),
        ({"mark": 1.0}, ["a"], "margins for 'mark' and the systems 'a'"),
        ({"mark": 1.0}, [], "margins for 'mark' and the systems none"),
    ],
)
def test_assert_not_worse_does_not_pass_for_want_of_something_to_compare(margins, systems, came):
    found = wb.compare(marked(a=[1, 2], b=[1, 3]), samples=20)
    with pytest.raises(BadValue) as caught:
        found.assert_not_worse(margins, systems=systems)
    assert str(caught.value) == (
        f"assert_not_worse must have a margin and a system other than the baseline, but {came} "
        "came, with 'a' the baseline; name what to compare."
    )


# What it shows


SCRIPT = """
import workbench as wb
hostile = {hostile!r}
rows = wb.read(
    [{{"input": "", "references": ["a b c d"], "kind": "xyz"[i % 3]}} for i in range(12)]
)
systems = {{name: ["a b c d" if (i * k) % 4 else "a b" for i in range(12)]
           for k, name in enumerate([hostile, "fair", "good", "poor"], start=1)}}
scores = wb.score(wb.outputs(rows, systems), rows, [wb.BLEU(), wb.ExactMatch()])
c = wb.compare(scores, baseline="fair", samples=300)
sheets = [c.sheet, c.leaderboard(), c.pair("good", hostile), c.slices(by="kind"),
          c.examples(hostile)]
print(repr(c), c._repr_html_(), c.frame.to_json(), c.sentences())
print([(repr(s), s._repr_html_(), s.frame.to_json()) for s in sheets])
print([c.matrix("bleu", v).to_json() for v in ("delta", "p", "p_adjusted", "verdict")])
"""


def test_everything_shown_is_the_same_bytes_whatever_the_hash_seed():
    shown = []
    for seed in ("0", "1", "1"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT.format(hostile=HOSTILE)],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        shown.append(done.stdout)
    assert shown[0] == shown[1] == shown[2]
    assert len(shown[0]) > 10_000


def test_names_and_texts_are_escaped_wherever_html_shows_them():
    rows = wb.read(
        [{"input": "", "references": ["a b"], HOSTILE: HOSTILE + str(at % 2)} for at in range(4)]
    )
    systems = {HOSTILE: [HOSTILE] * 4, "fair": ["a b"] * 4, HOSTILE + "2": ["a"] * 4}
    scores = wb.score(wb.outputs(rows, systems), rows, [wb.ExactMatch(name=HOSTILE)])
    found = wb.compare(scores, baseline="fair", samples=20)
    sheets = [
        *[found, found.leaderboard(), found.pair(HOSTILE, "fair"), found.slices(by=HOSTILE)],
        *[found.examples(HOSTILE), found.sentences(), scores],
    ]
    for sheet in sheets:
        shown = sheet._repr_html_()
        assert "<img" not in shown
        assert html.escape(HOSTILE) in shown


def test_a_comparison_shows_itself_as_a_table_with_a_caption():
    found = wb.compare(marked(a=[0] * 8, b=[1] * 8), samples=100)
    assert repr(found) == (
        "Differences from a. the list given, 8 rows; paired randomisation, 100 samples, seed 0, "
        "correction holm over 1 difference, 95 % intervals; every output has a text.\n"
        "metric  system  score  difference [interval]      p  adjusted p  changed  verdict\n"
        "mark    b       1.000   1.000 [0.541, 1.000]  0.008       0.008   8 of 8  ▲ better\n"
        f"mark: {found.scores.signatures['mark']}"
    )


def test_sentences_are_told_of_one_metric_or_of_all(comparison):
    assert len(comparison.sentences()) == 9
    assert comparison.sentences("bleu") == comparison.sentences()[:3]
    assert comparison.sentences("bleu")[1] == "twin and fair are identical under bleu (n = 30)."


def test_sentences_are_told_of_one_system(comparison):
    assert comparison.sentences("bleu", system="twin") == comparison.sentences("bleu")[1:2]
    with pytest.raises(UnknownName) as caught:
        comparison.sentences(system="pour")
    assert str(caught.value) == (
        "system must be one of 'fair', 'good', 'poor', 'twin', but 'pour' came; did you mean "
        "'poor'?"
    )


def test_differences_are_shown_under_one_metric_or_under_all(comparison):
    assert repr(comparison.differences()) == repr(comparison)
    part = comparison.differences("bleu")
    assert part.frame["p_adjusted"].tolist() == comparison.frame["p_adjusted"].tolist()[:3]
    assert list(part.body) == list(comparison.sheet.body)[:3]


def test_the_json_of_a_frame_keeps_every_bit(comparison):
    told = json.loads(comparison.frame.to_json(orient="records", double_precision=15))
    deltas = comparison.frame["delta"].tolist()
    assert [row["delta"] for row in told] == pytest.approx(deltas, abs=1e-14)


def test_small_differences_of_large_figures_keep_their_digits():
    scores = marked(
        [wb.Column("mark", direction="down")],
        a=[1234.5 + at for at in range(20)],
        b=[1234.7 + at for at in range(20)],
    )
    (said,) = wb.compare(scores, samples=200).sentences()
    assert said.startswith("b is worse than a by 0.200 mark (95 % CI 0.200 to 0.200; adjusted p")


def test_of_a_metric_without_a_direction_only_a_sure_difference_is_one():
    rng = np.random.default_rng(0)
    values = rng.random(40)
    metric = [wb.Column("mark", direction=None)]
    close = wb.compare(marked(metric, a=values, b=rng.random(40)), samples=300)
    far = wb.compare(marked(metric, a=values, b=values + 1 + rng.random(40)), samples=300)
    assert close.sentences()[0].startswith("b cannot be told apart from a: ")
    assert far.sentences()[0].startswith("b differs from a: ")


def test_sacrebleus_own_tests_do_not_tell_identical_systems_apart():
    scores = small(40, [wb.BLEU()])
    board = wb.compare(scores, baseline="fair", compat="sacrebleu", samples=300).leaderboard()
    groups = board.frame.set_index("system")["group"]
    assert groups["fair"] == groups["twin"]


# Failures


def test_an_unknown_baseline_is_refused_with_the_nearest_name(topics):
    with pytest.raises(UnknownName) as caught:
        wb.compare(topics, baseline="fare")
    assert str(caught.value) == (
        "baseline must be one of 'fair', 'good', 'poor', 'twin', but 'fare' came; did you mean "
        "'fair'?"
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.pair("good", "pour"),
        lambda c: c.pair("pour", "good"),
        lambda c: c.examples("pour"),
        lambda c: c.assert_not_worse({"bleu": 1.0}, systems=["pour"]),
    ],
    ids=["other", "system", "examples", "assert_not_worse"],
)
def test_an_unknown_system_is_refused_with_the_nearest_name(comparison, call):
    with pytest.raises(UnknownName) as caught:
        call(comparison)
    assert str(caught.value) == (
        "system must be one of 'fair', 'good', 'poor', 'twin', but 'pour' came; did you mean "
        "'poor'?"
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.matrix("blue"),
        lambda c: c.sentences("blue"),
        lambda c: c.slices(by="topic", metrics=["blue"]),
        lambda c: c.examples("good", metric="blue"),
        lambda c: c.assert_not_worse({"blue": 1.0}),
        lambda c: wb.compare(c.scores, margins={"blue": 1.0}, samples=9),
    ],
    ids=["matrix", "sentences", "slices", "examples", "assert_not_worse", "margins"],
)
def test_an_unknown_metric_is_refused_with_the_nearest_name(comparison, call):
    with pytest.raises(UnknownName) as caught:
        call(comparison)
    assert str(caught.value) == (
        "metric must be one of 'bleu', 'rougeL', 'exact_match', but 'blue' came; did you mean "
        "'bleu'?"
    )


def test_a_matrix_of_something_else_is_refused(comparison):
    with pytest.raises(UnknownName) as caught:
        comparison.matrix("bleu", "ci_low")
    assert str(caught.value) == (
        "values must be one of 'delta', 'p', 'p_adjusted', 'verdict', 'n_changed', but 'ci_low' "
        "came."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"test": "bootstrp", "compat": "sacrebleu"},
            "test must be one of 'randomisation', 'bootstrap', 'mcnemar', but 'bootstrp' came; did "
            "you mean 'bootstrap'?",
        ),
        (
            {"samples": 0},
            "level must be between 0 and 1, samples at least 1 and seed at least 0, but 0.95, 0 "
            "and 0 came; use 0.95, 10000 and 0.",
        ),
    ],
)
def test_settings_that_cannot_be_right_are_refused(topics, options, message):
    with pytest.raises((BadValue, UnknownName)) as caught:
        wb.compare(topics, **options)
    assert str(caught.value) == message
