"""How a comparison speaks: sentences for every verdict, sheets and their captions, in full."""

import pandas as pd
import pytest

import workbench as wb
from workbench import wording
from workbench.contrasts import Settings
from workbench.display import counted, number, p_value

SETTINGS = Settings(baseline="base", samples=100)
NAN = float("nan")


def scores_of(metrics, **texts):
    texts = texts or {"base": ["no"] * 4, "sys": ["yes"] * 4}
    rows = wb.read([{"input": "", "references": ["yes"]} for _ in range(4)])
    table = wb.outputs(rows, texts).assign(latency_s=0.5)
    return wb.score(table, rows, metrics)


SCORES = scores_of([wb.ExactMatch(), wb.LengthRatio(), wb.Column("latency_s", direction="down")])


def row(metric="exact_match", **cells):
    return {
        "metric": metric,
        "system": "sys",
        "baseline": "base",
        "signature": f"{metric}|version:1",
        "score": 0.7,
        "baseline_score": 0.5,
        "delta": 0.2,
        "ci_low": 0.1,
        "ci_high": 0.3,
        "p": 0.004,
        "p_adjusted": 0.012,
        "n": 40,
        "n_changed": 20,
        "n_clusters": 40,
        "verdict": "better",
    } | cells


SENTENCES = {
    "better": (
        row(),
        "sys is better than base by 0.200 exact_match (95 % CI 0.100 to 0.300; "
        "adjusted p = 0.012; n = 40).",
    ),
    "worse": (
        row(delta=-0.2, ci_low=-0.3, ci_high=-0.1, verdict="worse", p_adjusted=0.0001),
        "sys is worse than base by 0.200 exact_match (95 % CI 0.100 to 0.300; "
        "adjusted p < 0.001; n = 40).",
    ),
    "better where low is better": (
        row("latency_s", score=0.7, delta=-0.25, ci_low=-0.5, ci_high=-0.125),
        "sys is better than base by 0.2500 latency_s (95 % CI 0.1250 to 0.5000; "
        "adjusted p = 0.012; n = 40).",
    ),
    "identical": (
        row(delta=0.0, verdict="identical"),
        "sys and base are identical under exact_match (n = 40).",
    ),
    "undecided, above": (
        row(ci_low=-0.1, verdict="undecided", p_adjusted=0.4321),
        "sys cannot be told apart from base: 0.200 exact_match above it (95 % CI −0.100 to 0.300; "
        "adjusted p = 0.432; n = 40). About 82 rows would settle a difference of this size (power "
        "80 %).",
    ),
    "undecided, below": (
        row(delta=-0.2, ci_low=-0.3, ci_high=0.1, verdict="undecided", p_adjusted=1.0),
        "sys cannot be told apart from base: 0.200 exact_match below it (95 % CI −0.100 to 0.300; "
        "adjusted p = 1.000; n = 40). About 82 rows would settle a difference of this size (power "
        "80 %).",
    ),
    "undecided, level": (
        row(delta=0.0, ci_low=-0.1, ci_high=0.1, verdict="undecided", p_adjusted=1.0),
        "sys cannot be told apart from base: no difference (95 % CI −0.100 to 0.100; "
        "adjusted p = 1.000; n = 40).",
    ),
    "better, though the interval holds zero": (
        row(ci_low=-0.001),
        "sys is better than base by 0.200 exact_match (95 % CI −0.001 to 0.300; adjusted p = 0.012; "
        "n = 40). The interval holds zero all the same: test and interval are made differently, and "
        "need not agree near the limit.",
    ),
    "undecided, though the interval leaves zero out": (
        row(verdict="undecided", p=0.0501, p_adjusted=0.050095),
        "sys cannot be told apart from base: 0.200 exact_match above it (95 % CI 0.100 to 0.300; "
        "adjusted p = 0.0501; n = 40). The interval leaves zero out all the same: test and interval "
        "are made differently, and need not agree near the limit.",
    ),
    "undecided among several, though the interval leaves zero out": (
        row(verdict="undecided", p_adjusted=0.4321),
        "sys cannot be told apart from base: 0.200 exact_match above it (95 % CI 0.100 to 0.300; "
        "adjusted p = 0.432; n = 40). The interval leaves zero out all the same: it is not adjusted "
        "for what else was tested.",
    ),
    "a difference smaller than the places of its metric": (
        row(delta=0.0004, ci_low=0.00013, ci_high=0.0007, n=20_000),
        "sys is better than base by 0.0004 exact_match (95 % CI 0.0001 to 0.0007; "
        "adjusted p = 0.012; n = 20000).",
    ),
    "an end that is nought but for rounding": (
        row(ci_low=1e-17, verdict="undecided", p=0.1, p_adjusted=0.4321, n=4000),
        "sys cannot be told apart from base: 0.200 exact_match above it (95 % CI 0.000 to 0.300; "
        "adjusted p = 0.432; n = 4000). About 4,600 rows would settle a difference of this size "
        "(power 80 %).",
    ),
    "tiny figures": (
        row("latency_s", score=2e-14, delta=-1e-14, ci_low=-1.5e-14, ci_high=-0.5e-14),
        "sys is better than base by 1.000 × 10⁻¹⁴ latency_s (95 % CI 5.000 × 10⁻¹⁵ to "
        "1.500 × 10⁻¹⁴; adjusted p = 0.012; n = 40).",
    ),
    "neither end is better": (
        row("length_ratio", score=1.25, delta=0.5, ci_low=0.25, ci_high=0.75, verdict=None),
        "sys differs from base: 0.500 length_ratio above it (95 % CI 0.250 to 0.750; "
        "adjusted p = 0.012; n = 40).",
    ),
    "a missing verdict of a frame": (
        row("length_ratio", score=1.25, delta=-0.5, ci_low=-0.75, ci_high=-0.25, verdict=NAN),
        "sys differs from base: 0.500 length_ratio below it (95 % CI 0.250 to 0.750; "
        "adjusted p = 0.012; n = 40).",
    ),
    "no interval": (
        row(ci_low=NAN, ci_high=NAN, verdict="undecided", p_adjusted=1.0, n=1),
        "sys cannot be told apart from base: 0.200 exact_match above it (95 % CI – to –; "
        "adjusted p = 1.000; n = 1).",
    ),
    "no figure": (
        row(score=NAN, delta=NAN, p_adjusted=NAN, verdict="undecided"),
        "sys and base have no figures to compare under exact_match (n = 40).",
    ),
}


@pytest.mark.parametrize(("cells", "told"), SENTENCES.values(), ids=SENTENCES)
def test_a_difference_is_told_in_one_sentence(cells, told):
    assert wording.sentence(SCORES, SETTINGS, cells) == told


UNDECIDED = {"ci_low": -0.1, "verdict": "undecided", "p_adjusted": 0.4321}


def test_a_family_takes_more_rows():
    told = wording.sentence(SCORES, SETTINGS, row(**UNDECIDED), n_tests=9)
    # (z of 1 − .05/18 and of .8) and a half width of 0.2: 40 · ((2.773 + 0.842)/1.96)²
    assert told.endswith(" About 140 rows would settle a difference of this size (power 80 %).")


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param({"delta": 0.0, "ci_low": -0.1, "ci_high": 0.1}, id="no difference"),
        pytest.param({"ci_low": NAN, "ci_high": NAN}, id="no interval"),
        pytest.param({"ci_low": 0.19, "ci_high": 0.21}, id="too few samples to tell"),
    ],
)
def test_where_nothing_is_known_no_rows_are_asked_for(cells):
    told = wording.sentence(SCORES, SETTINGS, row(**UNDECIDED) | cells)
    assert "rows would settle" not in told


@pytest.mark.parametrize(
    ("n", "told"),
    [(3.2, "4"), (99.5, "100"), (100.1, "110"), (1234, "1,300"), (43_210_000.0, "44,000,000")],
)
def test_rows_are_rounded_up_to_two_digits(n, told):
    assert wording.about(n) == told


def test_a_sentence_names_the_level_of_its_interval():
    told = wording.sentence(SCORES, Settings(baseline="base", level=0.9), row())
    assert "(90 % CI 0.100 to 0.300;" in told


@pytest.mark.parametrize("outcome", ["no", "undecided"])
def test_a_margin_that_is_not_kept_is_told_with_its_figures(outcome):
    cells = row(delta=-0.2, ci_low=-0.3, ci_high=-0.1, not_worse=outcome, margin=0.05)
    assert wording.margin_words(SCORES, cells) == (
        f"sys in exact_match: {outcome}, difference −0.200 [−0.300, −0.100] against a margin of "
        "0.050"
    )


@pytest.mark.parametrize(
    ("metric", "cells", "told"),
    [
        (
            "exact_match",
            {"delta": -0.0002, "ci_low": -0.003, "ci_high": 0.001, "margin": 0.0004},
            "difference −0.0002 [−0.0030, 0.0010] against a margin of 0.0004",
        ),
        (
            "exact_match",
            {"delta": -0.001, "ci_low": -0.00304, "ci_high": 0.003, "margin": 0.003},
            "difference −0.00100 [−0.00304, 0.00300] against a margin of 0.00300",
        ),
        (
            "exact_match",
            {"delta": -0.1, "ci_low": -0.2, "ci_high": -0.1, "margin": 0.1},
            "difference −0.100 [−0.200, −0.100] against a margin of 0.100",
        ),
    ],
)
def test_a_margin_is_told_from_the_ends_of_the_interval(metric, cells, told):
    words = wording.margin_words(SCORES, row(metric, not_worse="undecided", **cells))
    assert words == f"sys in {metric}: undecided, {told}"


# Captions


def test_a_caption_says_what_of_which_data_and_how():
    assert wording.caption(SCORES, SETTINGS, "Title", correction="holm") == (
        "Title. the list given, 4 rows; paired randomisation, 100 samples, seed 0, correction "
        "holm, 95 % intervals; every output has a text."
    )


def test_a_caption_counts_what_failed_and_says_what_became_of_it():
    scores = scores_of(
        [wb.ExactMatch()], base=["no", None, "", "yes"], sys=["yes", "yes", None, None]
    )
    for failures in ("exclude", "worst"):
        told = wording.caption(
            scores, Settings(baseline="base", failures=failures), "Title", correction="holm"
        )
        assert told == (
            "Title. the list given, 4 rows; paired randomisation, 10000 samples, seed 0, "
            "correction holm, 95 % intervals; 0 outputs absent, 3 failed, 1 empty "
            f"(failures='{failures}')."
        )


def test_one_is_counted_as_one():
    rows = wb.read([{"input": "", "references": ["yes"], "cluster": "x"}] * 2)
    outputs = wb.outputs(rows, {"a": ["yes", "no"], "b": {"1": "yes"}})
    scores = wb.score(outputs, rows, [wb.ExactMatch()])
    told = wording.caption(scores, SETTINGS, "Title", correction="holm")
    assert told.startswith("Title. the list given, 2 rows in 1 cluster (cluster); ")
    assert told.endswith("; 1 output absent, 0 failed, 0 empty (failures='exclude').")
    rows = rows.head(1)
    scores = wb.score(wb.outputs(rows, {"a": ["yes"]}), rows, [wb.ExactMatch()])
    assert repr(scores).startswith("Scores: 1 system × 1 row of the list given by exact_match;")


def clustered():
    rows = wb.read(
        [{"input": "", "references": ["yes"], "cluster": name} for name in ("x", "y", "x")]
    )
    return wb.score(wb.outputs(rows, {"base": ["yes"] * 3}), rows, [wb.ExactMatch()])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "3 rows in 2 clusters (cluster); paired randomisation"),
        ({"cluster": "row_id"}, "3 rows; paired randomisation"),
        ({"compat": "sacrebleu"}, "3 rows; sacrebleu's ar"),
    ],
)
def test_a_caption_names_the_clusters_where_they_are_used(options, told):
    caption = wording.caption(
        clustered(), Settings(baseline="base", **options), "Title", correction="holm"
    )
    assert caption.startswith(f"Title. the list given, {told}")


# Sheets


def test_a_sheet_of_differences_shows_figures_rounded_and_verdicts_marked():
    cells = [
        row(),
        row(delta=-0.2, verdict="worse", p=0.0001),
        row(delta=0.0, verdict="identical", n_changed=0),
        row(verdict="undecided", p=NAN, p_adjusted=NAN),
        row("length_ratio", verdict=None),
    ]
    sheet = wording.differences_sheet(pd.DataFrame(cells), SCORES, SETTINGS, "Title")
    header = ["metric", "system", "score", "difference [interval]", "p", "adjusted p", "changed"]
    assert list(sheet.header) == [*header, "verdict"]
    assert [[*line[:2], *line[4:]] for line in sheet.body] == [
        ["exact_match", "sys", "0.004", "0.012", "20 of 40", "▲ better"],
        ["exact_match", "sys", "< 0.001", "0.012", "20 of 40", "▼ worse"],
        ["exact_match", "sys", "0.004", "0.012", "0 of 40", "= identical"],
        ["exact_match", "sys", "–", "–", "20 of 40", "? undecided"],
        ["length_ratio", "sys", "0.004", "0.012", "20 of 40", "–"],
    ]
    assert sheet.body[0][2:4] == ["0.700", "0.200 [0.100, 0.300]"]
    assert "correction holm over 4 differences," in sheet.caption  # one was not tested
    assert sheet.notes == [
        "exact_match: exact_match|version:1",
        "length_ratio: length_ratio|version:1",
    ]


def test_a_sheet_shows_no_figure_as_nought_that_is_not():
    cells = row(delta=0.0004, ci_low=0.00013, ci_high=0.0007, p=0.0496, p_adjusted=0.050095)
    failed = row(n_failed=1, baseline_n_failed=0, delta_worst_low=-0.00004, delta_worst_high=0.2)
    sheet = wording.differences_sheet(pd.DataFrame([cells, failed]), SCORES, SETTINGS, "Title")
    assert list(sheet.body[0][3:6]) == ["0.0004 [0.0001, 0.0007]", "0.0496", "0.0501"]
    assert sheet.body[1][-1] == "−0.00004 to 0.20000"


def test_a_sheet_of_differences_shows_margins_where_there_are_any():
    frame = pd.DataFrame([row(not_worse="yes"), row(not_worse=None)])
    sheet = wording.differences_sheet(frame, SCORES, SETTINGS, "Title", lead=["n"])
    assert (sheet.header[0], sheet.header[-1]) == ("n", "not worse")
    assert [(line[0], line[-1]) for line in sheet.body] == [("40", "yes"), ("40", "–")]


def test_a_leaderboard_has_a_line_per_system_and_a_column_per_metric():
    scores = scores_of(
        [wb.ExactMatch(), wb.LengthRatio()],
        base=["no", "", "no", "no"],
        sys=["yes", "yes", None, "yes so"],
    )
    sheet = wb.compare(
        scores, baseline="base", samples=50, level=0.8, most_failed=0.25
    ).leaderboard()
    header = ["system", "exact_match", "group", "length_ratio", "group", "rows", "failed", "empty"]
    assert list(sheet.header) == header
    assert [[line[0], line[2], *line[4:]] for line in sheet.body] == [
        ["sys", "a", "a", "3", "1", "0"],
        ["base", "a", "a", "4", "0", "1"],
    ]
    assert sheet.caption == (
        "Leaderboard; systems that share a letter cannot be told apart. the list given, 4 rows; "
        "paired randomisation, 50 samples, seed 0, correction holm over 1 pair of each metric, "
        "80 % intervals; 0 outputs absent, 1 failed, 1 empty (failures='exclude')."
    )
    assert sheet.notes == [f"{name}: {scores.signatures[name]}" for name in scores.signatures]


@pytest.mark.parametrize(
    ("correction", "n", "told"),
    [("holm", 1, "holm over 1 pair"), ("max-t", 3, "max-t over 3 pairs"), ("none", 3, "none")],
)
def test_a_correction_names_what_it_was_made_over(correction, n, told):
    assert wording.corrected(correction, counted(n, "pair")) == told


def test_a_part_of_a_family_is_told_as_one():
    scores = scores_of([wb.ExactMatch(), wb.LengthRatio()], base=["no"] * 4, sys=["yes"] * 4)
    found = wb.compare(scores, baseline="base", samples=50)
    assert "correction holm over 2 differences," in found.differences("exact_match").caption
    assert "correction holm over 2 differences," in found.pair("sys", "base").caption
    assert "correction holm over 1 difference," in found.pairs("exact_match").caption


def test_a_sheet_of_examples_cuts_long_texts_and_strips_what_could_act():
    frame = pd.DataFrame(
        [
            {
                "row_id": "1",
                "text": "\x1b[31m" + "a" * 200,
                "other_text": "two\nlines",
                "value": 1.0,
                "other_value": 0.25,
                "delta": 0.75,
            }
        ]
    )
    sheet = wording.examples_sheet(frame, wb.ExactMatch(), "sys", "base", "gain")
    assert sheet.caption == "1 row on which sys gains most over base in exact_match"
    assert list(sheet.header) == [
        *["row_id", "difference", "sys", "base", "sys wrote", "base wrote"]
    ]
    ((row_id, *figures, text, other),) = sheet.body
    assert (row_id, other, figures) == ("1", "two lines", ["0.750", "1.000", "0.250"])
    assert text == "�[31m" + "a" * 154 + "…"


def test_the_sentence_of_a_comparison_agrees_with_its_frame():
    comparison = wb.compare(SCORES, baseline="base", samples=50, correction="none")
    record = comparison.frame.iloc[0]
    assert comparison.sentences("exact_match")[0] == (
        f"sys cannot be told apart from base: {number(record['delta'], 3)} exact_match above it "
        f"(95 % CI {number(record['ci_low'], 3)} to {number(record['ci_high'], 3)}; adjusted p = "
        f"{p_value(record['p_adjusted'])}; n = 4). The interval leaves zero out all the same: test and "
        "interval are made differently, and need not agree near the limit. About 6 rows would settle a "
        "difference of this size (power 80 %)."
    )
    assert (record["delta"], record["p"]) == (1.0, 0.125)
