"""How a comparison is made: its settings, intervals, differences, verdicts and margins."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

import workbench as wb
from workbench import contrasts
from workbench.contrasts import (
    COLUMNS,
    Resampled,
    Settings,
    differences,
    intervals,
    judged,
    panels_of,
    with_margins,
    within,
)
from workbench.errors import BadValue, UnknownName
from workbench.families import Claim, max_t
from workbench.stats import Exact, Units, adjusted

repeatable = budget(deadline=None, derandomize=True, max_examples=40)
BASE = Settings(baseline="a", samples=200)


def marked(*metrics, **marks):
    """Scores of a column `mark`, whose numbers are given by system; None where one failed."""
    rows = wb.read([{"row_id": f"r{at:02}", "input": ""} for at in range(len(marks["a"]))])
    table = pd.DataFrame(
        [
            {"row_id": f"r{at:02}", "system": system, "text": "x", "mark": mark}
            for system, column in marks.items()
            for at, mark in enumerate(column)
        ]
    )
    return wb.score(wb.outputs(rows, table), rows, metrics or [wb.Column("mark")])


UP, DOWN = wb.Column("mark"), wb.Column("mark", direction="down")
NEITHER = wb.Column("mark", direction=None)
LOW, HIGH = [1.0, 2.0, 1.0, 3.0, 2.0] * 3, [5.0, 6.0, 7.0, 6.0, 5.0] * 3
EQUAL = [2.0, 1.0, 3.0, 1.0, 2.0] * 3


# Settings


def test_the_defaults_are_those_of_the_design():
    assert Settings(baseline="a") == Settings(
        baseline="a",
        test="randomisation",
        samples=10_000,
        level=0.95,
        correction="holm",
        interval="auto",
        cluster=None,
        failures="exclude",
        margins={},
        compat=None,
        seed=0,
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {},
            "paired randomisation, 10000 samples, seed 0, correction holm, 95 % intervals",
        ),
        (
            {"test": "bootstrap", "samples": 99, "seed": 7, "correction": "none", "level": 0.999},
            "paired bootstrap, 99 samples, seed 7, correction none, 99.9 % intervals",
        ),
        (
            {"compat": "sacrebleu", "seed": 12345},
            "sacrebleu's ar, 10000 samples, seed 12345, correction holm, 95 % intervals",
        ),
        (
            {"test": "mcnemar", "correction": "max-t"},
            "McNemar's exact test, 10000 samples, seed 0, correction max-t, 95 % intervals",
        ),
        (
            {"compat": "sacrebleu", "test": "bootstrap", "samples": 1000},
            "sacrebleu's bs, 1000 samples, seed 0, correction holm, 95 % intervals",
        ),
    ],
)
def test_settings_say_how_a_comparison_is_made(options, words):
    assert str(Settings(baseline="a", **options)) == words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"test": "t-test"},
            "test must be one of 'randomisation', 'bootstrap', 'mcnemar', but 't-test' came.",
        ),
        (
            {"test": "randomization"},
            "test must be one of 'randomisation', 'bootstrap', 'mcnemar', but 'randomization' came; "
            "did you mean 'randomisation'?",
        ),
        (
            {"correction": "bonferroni"},
            "correction must be one of 'holm', 'max-t', 'benjamini-hochberg', "
            "'benjamini-yekutieli', 'none', but 'bonferroni' came.",
        ),
        (
            {"interval": "wald"},
            "interval must be one of 'auto', 'small-sample', 'bca', 'percentile', but 'wald' came.",
        ),
        (
            {"failures": "drop"},
            "failures must be one of 'exclude', 'worst', but 'drop' came.",
        ),
        (
            {"compat": "moses"},
            "compat must be one of 'None', 'sacrebleu', but 'moses' came.",
        ),
    ],
)
def test_an_unknown_choice_is_refused(options, message):
    with pytest.raises(UnknownName) as caught:
        Settings(baseline="a", **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "came"),
    [
        ({"level": 0.0}, "0.0, 10000 and 0"),
        ({"level": 1.0}, "1.0, 10000 and 0"),
        ({"level": 95}, "95, 10000 and 0"),
        ({"level": float("nan")}, "nan, 10000 and 0"),
        ({"samples": 0}, "0.95, 0 and 0"),
        ({"seed": -1}, "0.95, 10000 and -1"),
        ({"level": "0.95"}, "'0.95', 10000 and 0"),
        ({"samples": True}, "0.95, True and 0"),
        ({"seed": 1.5}, "0.95, 10000 and 1.5"),
    ],
)
def test_a_number_out_of_range_is_refused(options, came):
    with pytest.raises(BadValue) as caught:
        Settings(baseline="a", **options)
    assert str(caught.value) == (
        "level must be between 0 and 1, samples at least 1 and seed at least 0, but "
        f"{came} came; use 0.95, 10000 and 0."
    )


@pytest.mark.parametrize(
    ("options", "came"),
    [
        ({"cluster": "story"}, "cluster='story' and failures='exclude'"),
        ({"failures": "worst"}, "cluster=None and failures='worst'"),
    ],
)
def test_sacrebleus_tests_know_neither_clusters_nor_failures(options, came):
    with pytest.raises(BadValue) as caught:
        Settings(baseline="a", compat="sacrebleu", **options)
    assert str(caught.value) == (
        f"compat='sacrebleu' knows neither clusters nor failures='worst', but {came} came; leave "
        "them out."
    )


def test_sacrebleus_tests_are_not_mcnemars():
    with pytest.raises(BadValue) as caught:
        Settings(baseline="a", compat="sacrebleu", test="mcnemar")
    assert str(caught.value) == (
        "compat='sacrebleu' knows 'randomisation' and 'bootstrap', but test='mcnemar' came; leave one "
        "of them out."
    )


@pytest.mark.parametrize(
    ("options", "came"),
    [
        ({"test": "bootstrap"}, "test='bootstrap' and compat=None"),
        ({"compat": "sacrebleu"}, "test='randomisation' and compat='sacrebleu'"),
    ],
)
def test_max_t_is_made_of_exchanges(options, came):
    with pytest.raises(BadValue) as caught:
        Settings(baseline="a", correction="max-t", **options)
    assert str(caught.value) == (
        f"correction='max-t' is made of exchanges, but {came} came; use test='randomisation'."
    )


def test_sacrebleus_tests_take_each_row_for_itself_when_asked():
    assert Settings(baseline="a", compat="sacrebleu", cluster="row_id").cluster == "row_id"


# Intervals of systems


def test_intervals_stand_best_first_with_what_is_missing():
    scores = marked(a=[1, 2, 3, 2], b=[9, None, 7, 8], c=[4, 4, 4, 4])
    frame = intervals(scores, BASE, UP)
    columns = ["metric", "system", "score", "ci_low", "ci_high", "n", "n_failed", "n_empty"]
    assert frame.columns.tolist() == [*columns, "n_clusters", "method", "signature"]
    assert frame[["system", "score", "n", "n_failed", "n_clusters"]].to_numpy().tolist() == [
        ["b", 8.0, 3, 1, 3],
        ["c", 4.0, 4, 0, 4],
        ["a", 2.0, 4, 0, 4],
    ]
    assert frame.loc[1, ["ci_low", "ci_high", "method"]].tolist() == [
        *[4.0, 4.0, "small-sample interval"]
    ]


def test_for_a_metric_that_is_better_low_the_lowest_stands_first():
    frame = intervals(marked(DOWN, a=LOW, b=HIGH), BASE, DOWN)
    assert frame["system"].tolist() == ["a", "b"]


def test_equal_scores_stand_in_the_order_of_the_names():
    frame = intervals(marked(b=LOW, c=LOW, a=LOW), BASE, UP)
    assert frame["system"].tolist() == ["a", "b", "c"]


def test_an_interval_is_that_of_the_units():
    row = intervals(marked(a=LOW, b=HIGH), BASE, UP).iloc[0]
    statistics = np.array([[[mark, 1.0]] for mark in HIGH])
    units = Units(Exact.of(statistics), lambda sums: sums[..., 0] / sums[..., 1], samples=200)
    assert tuple(row[["score", "ci_low", "ci_high", "method"]]) == units.interval(0)


def test_intervals_and_differences_are_at_the_level_asked_for():
    scores = marked(a=LOW, b=HIGH)
    for level in (0.5, 0.99):
        chosen = replace(BASE, level=level)
        units = Units(
            Exact.of(np.array([[[b, 1.0], [a, 1.0]] for a, b in zip(LOW, HIGH, strict=True)])),
            lambda sums: sums[..., 0] / sums[..., 1],
            samples=200,
            level=level,
        )
        row = intervals(scores, chosen, UP).iloc[0]
        assert tuple(row[["score", "ci_low", "ci_high", "method"]]) == units.interval(0)
        (pair,) = differences(scores, chosen, [("b", "a")])
        assert (pair["ci_low"], pair["ci_high"]) == units.difference(0, 1)[3:5]


def test_a_figure_stays_within_the_bounds_of_its_metric():
    rows = wb.read([{"input": "", "references": ["a b c d e"]} for _ in range(4)])
    outputs = wb.outputs(rows, {"a": ["a b c d e"] * 4})
    frame = intervals(wb.score(outputs, rows, [wb.BLEU()]), BASE, wb.BLEU())
    assert frame[["score", "ci_low", "ci_high"]].to_numpy().tolist() == [[100.0, 100.0, 100.0]]


# Differences of pairs


def test_differences_come_by_metric_then_by_pair_as_asked():
    scores = marked(UP, wb.Column("mark", name="again"), a=LOW, b=HIGH, c=EQUAL)
    pairs = [("c", "a"), ("b", "a"), ("a", "b")]
    found = differences(scores, BASE, pairs)
    assert [(r["metric"], r["system"], r["baseline"]) for r in found] == [
        (metric, *pair) for metric in ("mark", "again") for pair in pairs
    ]
    assert differences(scores, BASE, pairs, metrics=["again"]) == found[3:]


def test_a_difference_is_the_naive_one_with_its_counts():
    (row,) = differences(marked(a=LOW, b=[*HIGH[:-1], 2.0]), BASE, [("b", "a")])
    naive = (sum(HIGH[:-1]) + 2.0) / 15 - sum(LOW) / 15
    assert row["delta"] == pytest.approx(naive, abs=1e-12)
    assert (row["n"], row["n_changed"], row["n_clusters"]) == (15, 14, 15)
    assert row["p"] == 2 / 2**14
    assert row["method"] == "exact randomisation, 16384 exchanges; small-sample interval"
    assert row["signature"] == "column:mark|version:wb1"


def test_rows_outside_those_named_do_not_count():
    scores = marked(a=LOW, b=HIGH)
    panels = panels_of(scores, BASE, ["mark"])
    inside = np.isin(np.arange(15), [0, 3])
    (row,) = within(scores, BASE, panels, [("b", "a")], inside)
    assert (row["n"], row["delta"]) == (2, 3.5)


@pytest.mark.parametrize(("test", "kind"), [("randomisation", "ar"), ("bootstrap", "bs")])
def test_sacrebleus_tests_leave_out_rows_that_one_side_lost(test, kind):
    whole = marked(a=[1, 2, 3, 4, None, 6, 7], b=[2, 1, None, 6, 1, 5, 9])
    kept = marked(a=[1, 2, 4, 6, 7], b=[2, 1, 6, 5, 9])
    chosen = replace(BASE, compat="sacrebleu", test=test)
    first, second = (differences(each, chosen, [("b", "a")])[0] for each in (whole, kept))
    assert first["method"] == f"sacrebleu {kind}, 200 samples; percentile interval"
    assert (first["p"], first["n"]) == (second["p"], 5)
    assert first["p"] > 0.05


def test_sacrebleus_tests_refuse_repeats():
    rows = wb.read([{"input": "", "references": ["x"]}])
    scores = wb.score(wb.outputs(rows, {"a": [["x", "y"]], "b": ["x"]}), rows, [wb.ExactMatch()])
    with pytest.raises(BadValue) as caught:
        differences(scores, replace(BASE, compat="sacrebleu"), [("b", "a")])
    assert str(caught.value) == (
        "compat='sacrebleu' knows no repeats, but some rows have several outputs of one system; "
        "keep one of them."
    )


# Verdicts of a family


@pytest.mark.parametrize(
    ("metric", "verdicts"),
    [
        (UP, ["better", "worse", "undecided", "identical"]),
        (DOWN, ["worse", "better", "undecided", "identical"]),
        (NEITHER, [None, None, None, "identical"]),
    ],
    ids=["up", "down", "neither"],
)
def test_verdicts_follow_the_direction_of_the_metric(metric, verdicts):
    scores = marked(metric, a=LOW, high=HIGH, low=[-v for v in HIGH], equal=EQUAL, same=LOW)
    pairs = [(system, "a") for system in ("high", "low", "equal", "same")]
    frame = judged(scores, BASE, differences(scores, BASE, pairs))
    assert [None if pd.isna(v) else v for v in frame["verdict"]] == verdicts


def test_the_verdict_comes_from_the_adjusted_p():
    # five better of five: p = 2/2⁵ = .0625; six of six: .03125, twice that in a family of two
    scores = marked(a=[0] * 8, b=[1] * 6 + [0] * 2, c=[0] * 2 + [1] * 6)
    found = differences(scores, BASE, [("b", "a"), ("c", "a")])
    frame = judged(scores, BASE, found)
    assert frame["p"].tolist() == [0.03125, 0.03125]
    assert frame["p_adjusted"].tolist() == [0.0625, 0.0625]
    assert frame["verdict"].tolist() == ["undecided", "undecided"]
    plain = judged(scores, replace(BASE, correction="none"), found)
    assert plain["verdict"].tolist() == ["better", "better"]
    assert judged(scores, BASE, found[:1])["verdict"].tolist() == ["better"]


def test_mcnemars_test_is_for_rows_that_are_right_or_wrong():
    chosen = replace(BASE, test="mcnemar")
    (row,) = differences(marked(a=[0] * 9 + [1], b=[1] * 8 + [0] * 2), chosen, [("b", "a")])
    assert row["p"] == 2 * 10 / 2**9
    assert row["method"] == "exact McNemar, 8 against 1; Newcombe interval"
    with pytest.raises(BadValue) as caught:
        differences(marked(a=LOW, b=HIGH), chosen, [("b", "a")])
    assert str(caught.value) == (
        "McNemar's test must have rows that are right or wrong, each for itself, but mark has other "
        "values, repeats or clusters; use test='randomisation'."
    )


def test_max_t_adjusts_systems_and_metrics_together():
    scores = marked(UP, wb.Column("mark", name="again"), a=LOW, b=HIGH, c=EQUAL)
    found = differences(scores, BASE, [("b", "a"), ("c", "a")])
    frame = judged(scores, replace(BASE, correction="max-t"), found)
    claims = [
        Claim(scores.metric(row["metric"]), panel, (row["system"], "a"), panel.rows_of("a"))
        for row in found
        for panel in [panels_of(scores, BASE, [row["metric"]])[row["metric"]]]
    ]
    together = max_t(claims, samples=200, seed=0)
    single = [row["p"] for row in found]
    assert frame["p_adjusted"].tolist() == np.maximum(together, single).tolist()
    # the same metric twice is one look, not two
    assert frame["p_adjusted"].iloc[0] == frame["p_adjusted"].iloc[2]
    assert frame["p_adjusted"].iloc[0] < 4 * frame["p"].iloc[0] + 0.02
    assert frame["method"].str.endswith("interval, max-T over 4").all()
    assert frame["verdict"].tolist() == ["better", "undecided"] * 2


def test_rows_that_one_system_lost_count_for_the_others_all_the_same():
    whole = marked(a=LOW, b=HIGH, c=EQUAL)
    lost = marked(a=LOW, b=HIGH, c=[None, *EQUAL[1:]])
    chosen = replace(BASE, correction="max-t")
    frames = [
        judged(each, chosen, differences(each, chosen, [("b", "a"), ("c", "a")]))
        for each in (whole, lost)
    ]
    assert [frame["n"].tolist() for frame in frames] == [[15, 15], [15, 14]]
    # b is first of two in both, and its coins are those of all of its rows
    assert frames[0]["p_adjusted"].iloc[0] == pytest.approx(
        frames[1]["p_adjusted"].iloc[0], abs=0.02
    )


def test_a_family_may_be_adjusted_by_any_function():
    scores = marked(a=[0] * 8, b=[1] * 8)
    frame = judged(scores, BASE, differences(scores, BASE, [("b", "a")]), adjust=lambda p: p * 10)
    assert frame["p_adjusted"].tolist() == [20 / 2**8]
    assert frame["verdict"].tolist() == ["undecided"]


def test_the_level_of_the_test_is_one_minus_that_of_the_intervals():
    scores = marked(a=[0] * 8, b=[1] * 6 + [0] * 2)
    found = differences(scores, BASE, [("b", "a")])
    by_level = {
        level: judged(scores, replace(BASE, level=level), found)["verdict"].item()
        for level in (0.9, 0.95, 0.99)
    }
    assert by_level == {0.9: "better", 0.95: "better", 0.99: "undecided"}


def test_a_difference_of_zero_is_never_a_claim():
    scores = marked(a=[0.0, 1.0] * 4, b=[1.0, 0.0] * 4)
    (row,) = judged(scores, BASE, differences(scores, BASE, [("b", "a")])).to_dict("records")
    assert (row["delta"], row["p"], row["verdict"]) == (0.0, 1.0, "undecided")
    # sacrebleu's tests can call a difference of zero significant
    (told,) = judged(scores, BASE, [row | {"p": 0.001}])["verdict"]
    assert told == "undecided"


class Share(wb.Metric):
    """A share of what was counted, of which a text may have nothing."""

    name, direction = "share", "up"

    def statistics(self, outputs):
        return [[text.count("y"), text.count("y") + text.count("n")] for text in outputs["text"]]


def test_where_there_is_no_figure_there_is_no_claim_and_the_family_is_smaller():
    rows = wb.read([{"input": ""} for _ in range(8)])
    texts = {"a": ["n"] * 8, "b": ["y"] * 6 + ["n"] * 2, "c": ["?"] * 8}
    scores = wb.score(wb.outputs(rows, texts), rows, [Share()])
    frame = judged(scores, BASE, differences(scores, BASE, [("b", "a"), ("c", "a")]))
    assert frame["p_adjusted"].tolist()[0] == 0.03125
    assert frame[["p", "p_adjusted", "delta"]].iloc[1].isna().all()
    assert frame["verdict"].tolist() == ["better", "undecided"]
    assert frame["method"].tolist()[1] == "no figure to test; small-sample interval"


def test_a_family_keeps_what_else_its_records_hold_in_front():
    scores = marked(a=LOW, b=HIGH)
    records = [{"slice": "topic"} | r for r in differences(scores, BASE, [("b", "a")])]
    assert judged(scores, BASE, records).columns.tolist() == ["slice", *COLUMNS]


def test_an_empty_family_is_an_empty_frame():
    frame = judged(marked(a=LOW), BASE, [])
    assert frame.columns.tolist() == list(COLUMNS)
    assert frame.empty


@repeatable
@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=2, max_size=4))
def test_the_adjusted_p_of_a_frame_is_that_of_its_family(columns):
    scores = marked(**{"abcd"[at]: column for at, column in enumerate(columns)})
    pairs = [(system, "a") for system in scores.systems if system != "a"]
    found = differences(scores, replace(BASE, samples=20), pairs)
    for correction in ("holm", "benjamini-hochberg", "benjamini-yekutieli", "none"):
        frame = judged(scores, replace(BASE, correction=correction), found)
        expected = adjusted(frame["p"].to_numpy(float), correction)
        assert frame["p_adjusted"].tolist() == expected.tolist()


# Margins


def not_worse(metric, margin, other):
    scores = marked(metric, a=LOW, b=other)
    frame = judged(scores, BASE, differences(scores, BASE, [("b", "a")]))
    (row,) = with_margins(scores, frame, {"mark": margin}).to_dict("records")
    assert row["margin"] == margin
    return row["not_worse"], -row["ci_low"], -row["ci_high"]


WORSE = [v - d for v, d in zip(LOW, [0.5, 1.0, 1.5] * 5, strict=True)]


def test_not_worse_is_yes_no_or_undecided_as_the_interval_lies_to_the_margin():
    _, most, least = not_worse(UP, 1.0, WORSE)
    assert 0 < least < 1 < most
    assert not_worse(UP, most * 1.01, WORSE)[0] == "yes"
    assert not_worse(UP, most, WORSE)[0] == "undecided"
    assert not_worse(UP, least, WORSE)[0] == "undecided"
    assert not_worse(UP, least * 0.99, WORSE)[0] == "no"
    assert not_worse(UP, 0, WORSE)[0] == "no"


def test_where_low_is_better_more_is_the_loss():
    more = [2 * v - w for v, w in zip(LOW, WORSE, strict=True)]
    answers = [
        (not_worse(UP, margin, WORSE)[0], not_worse(DOWN, margin, more)[0])
        for margin in (0.0, 0.5, 1.0, 1.5)
    ]
    assert answers == [("no", "no"), ("no", "no"), ("undecided", "undecided"), ("yes", "yes")]
    assert not_worse(DOWN, 0.0, WORSE)[0] == "yes"


def test_identical_systems_are_not_worse_at_any_margin():
    assert not_worse(UP, 0.0, LOW)[0] == "yes"
    assert not_worse(DOWN, 0.0, LOW)[0] == "yes"


def test_one_gain_among_many_ties_does_not_show_a_margin_of_zero():
    assert not_worse(UP, 0.0, [LOW[0] + 1, *LOW[1:]])[0] == "undecided"


def test_a_metric_without_a_margin_has_no_answer():
    again = wb.Column("mark", name="again")
    scores = marked(UP, again, a=LOW, b=HIGH)
    frame = judged(scores, BASE, differences(scores, BASE, [("b", "a")]))
    found = with_margins(scores, frame, {"again": 0.5})
    assert found.columns.tolist() == [*COLUMNS, "margin", "not_worse"]
    assert found["margin"].isna().tolist() == [True, False]
    assert [None if pd.isna(v) else v for v in found["not_worse"]] == [None, "yes"]


@pytest.mark.parametrize(
    ("metric", "margin"), [(UP, -0.1), (UP, float("nan")), (NEITHER, 1.0)], ids=str
)
def test_a_margin_that_means_nothing_is_refused(metric, margin):
    scores = marked(metric, a=LOW, b=HIGH)
    frame = judged(scores, BASE, differences(scores, BASE, [("b", "a")]))
    with pytest.raises(BadValue) as caught:
        with_margins(scores, frame, {"mark": margin})
    assert str(caught.value) == (
        f"a margin must be a number of at least 0 and of a metric with a direction, but {margin} came for "
        "mark; say how large a loss does not matter."
    )


def test_a_margin_of_an_unknown_metric_is_refused():
    scores = marked(a=LOW, b=HIGH)
    frame = judged(scores, BASE, differences(scores, BASE, [("b", "a")]))
    with pytest.raises(UnknownName) as caught:
        with_margins(scores, frame, {"marc": 1.0})
    assert (
        str(caught.value) == "metric must be one of 'mark', but 'marc' came; did you mean 'mark'?"
    )


def resampled_units(resampled, scores, *names):
    """Ask for the units of some metrics in turn."""
    panels = panels_of(scores, BASE, names)
    return [
        resampled.units(panels[name], panels[name].rows_of("a", "b"), scores.metric(name), BASE)
        for name in names
    ]


def test_what_was_resampled_is_kept_for_the_same_rows_and_metric():
    scores = marked(a=[1, 2, 3, 4], b=[2, 2, 5, None])
    panels = panels_of(scores, BASE, ["mark"])
    kept = Resampled()
    ask = [("a",), ("b",), ("a", "b"), ("a",)]
    units = [
        kept.units(panels["mark"], panels["mark"].rows_of(*who), scores.metric("mark"), BASE)
        for who in ask
    ]
    assert units[0] is units[3]
    assert units[1] is units[2]
    assert [each.n_units for each in units] == [4, 3, 3, 4]


def test_the_oldest_is_let_go_where_memory_ends(monkeypatch):
    metrics = [wb.Column("mark", name=name) for name in "xy"]
    scores = marked(*metrics, a=[1, 2, 3, 4], b=[2, 2, 5, 0])
    kept = Resampled()
    one, other = resampled_units(kept, scores, "x", "y")
    assert 0 < one.n_bytes == other.n_bytes
    monkeypatch.setattr(contrasts, "_MOST_BYTES", one.n_bytes + 1)
    assert resampled_units(kept, scores, "x")[0] is one
    fresh = resampled_units(kept, scores, "y")[0]
    assert fresh is not other
    assert resampled_units(kept, scores, "y")[0] is fresh
    monkeypatch.setattr(contrasts, "_MOST_BYTES", 0)
    assert resampled_units(kept, scores, "y", "y")[1] is not fresh
