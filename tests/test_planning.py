"""Plans: from numbers, from a pilot, and what must not be asked."""

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.stats import cr1, detectable_difference, sample_size

RNG = np.random.default_rng(0)
N = 120
CLUSTERS = np.repeat(np.arange(30), 4)
MARKS = {
    "base": RNG.normal(size=N),
    "near": RNG.normal(size=N) + RNG.normal(size=30)[CLUSTERS] + 0.3,
    "same": np.zeros(N),
}
MARKS["same"] = MARKS["base"]


def scored(*, clusters=None, **marks):
    """Scores of a column of numbers; None where a system failed."""
    n = len(next(iter(marks.values())))
    rows = pd.DataFrame({"row_id": [f"r{at:03}" for at in range(n)], "input": ""})
    rows = wb.read(rows if clusters is None else rows.assign(cluster=clusters.astype(str)))
    table = pd.DataFrame(
        [
            {"row_id": row, "system": system, "text": "x", "mark": mark}
            for system, column in marks.items()
            for row, mark in zip(rows["row_id"], column, strict=True)
        ]
    )
    return wb.score(wb.outputs(rows, table), rows, [wb.Column("mark", direction="up")])


def pilot(*, clusters=None, **options):
    scores = scored(clusters=clusters, **MARKS)
    return wb.compare(scores, baseline="base", samples=4_000, **options)


def test_numbers_alone_make_a_plan():
    sheet = wb.plan(delta=0.03, sd=1 / 3, sd_repeat=(1 / 6) ** 0.5, repeats=10)
    (record,) = sheet.frame.to_dict("records")
    assert record["n_needed"] == 1260  # Miller (2024), section 5
    assert pd.isna(record["n"])
    assert math.isnan(record["detectable"])
    assert record["sd"] == pytest.approx((1 / 9 + 1 / 30) ** 0.5)
    assert repr(sheet) == (
        "Rows that a difference takes, and the difference that rows find: power 80 %, two-sided tests "
        "at 5 %.\n"
        "to find  rows needed  rows  they find      sd  design effect\n"
        " 0.0300        1,300     –          –  0.3801           1.00"
    )


def test_clusters_and_families_cost_rows():
    options = {"sd": 1.0, "icc": 0.2, "cluster_size": 6, "comparisons": 9, "power": 0.9}
    (record,) = wb.plan(delta=0.2, n=400, **options).frame.to_dict("records")
    assert record["n_needed"] == sample_size(0.2, **options)
    assert record["detectable"] == detectable_difference(400, **options)
    assert record["design_effect"] == 2.0


def test_a_pilot_tells_what_its_rows_can_find():
    found = pilot()
    frame = wb.plan(found, delta=0.2, n=1000).frame.set_index("system")
    gaps = MARKS["near"] - MARKS["base"]
    spread = gaps.std(ddof=1)
    near = frame.loc["near"]
    assert near["sd"] == pytest.approx(spread, rel=0.05)
    assert near["design_effect"] == 1.0
    assert near["n_needed"] == pytest.approx(sample_size(0.2, sd=spread, comparisons=2), rel=0.1)
    assert near["detectable"] == pytest.approx(
        detectable_difference(1000, sd=spread, comparisons=2), rel=0.05
    )
    # nothing changed, so that nothing is known of the variance
    assert pd.isna(frame.loc["same", "n_needed"])


def test_a_plan_agrees_with_the_sentence():
    found = pilot()
    (needed,) = wb.plan(found).frame.query("system == 'near'")["n_needed"]
    undecided = [each for each in found.sentences() if each.startswith("near cannot")]
    for told in undecided:
        assert f"About {wb.plan(found).body[0][3]} rows" in told
    assert (needed > N) == bool(undecided)


def test_the_design_effect_of_a_pilot_is_that_of_its_clusters():
    found = pilot(clusters=CLUSTERS)
    (effect,) = wb.plan(found).frame.query("system == 'near'")["design_effect"]
    gaps = MARKS["near"] - MARKS["base"]
    naive = (cr1(gaps, CLUSTERS) / (gaps.std(ddof=1) / math.sqrt(N))) ** 2
    assert effect == pytest.approx(naive, rel=1e-9)
    assert effect > 1.5


def test_without_a_correction_each_test_has_the_whole_level():
    plain, holm = pilot(correction="none"), pilot()
    rows = [wb.plan(each, delta=0.2).frame["n_needed"].dropna().item() for each in (plain, holm)]
    assert rows[0] < rows[1]
    again = wb.plan(holm, delta=0.2, comparisons=1).frame["n_needed"].dropna().item()
    assert again == rows[0]


def test_each_metric_may_have_a_difference_of_its_own():
    found = pilot()
    mapped = wb.plan(found, delta={"mark": 0.2}).frame
    pd.testing.assert_frame_equal(mapped, wb.plan(found, delta=0.2).frame)
    with pytest.raises(UnknownName):
        wb.plan(found, delta={"bleu": 1.0})


ONE = "plan must have either a comparison or sd, but "


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wb.plan(delta=0.1), ONE + "neither came; give a pilot, or numbers."),
        (lambda: wb.plan(pilot(), sd=1.0), ONE + "both came; give a pilot, or numbers."),
        (
            lambda: wb.plan(sd=1.0),
            "without a comparison plan must have delta (a number) or n, but None and None came; say "
            "what to find, or how many rows there are.",
        ),
        (
            lambda: wb.plan(sd=1.0, delta={"bleu": 1.0}, n=9),
            "without a comparison plan must have delta (a number) or n, but {'bleu': 1.0} and 9 came; "
            "say what to find, or how many rows there are.",
        ),
        (
            lambda: wb.plan(pilot(), power=2.0),
            "alpha and power must be between 0 and 1 and comparisons at least 1, but 0.05, 2.0 and 2 "
            "came; use 0.05, 0.8 and 1.",
        ),
        (
            lambda: wb.plan(pilot(), n=0),
            "n must be a number of rows of at least 1, but 0 came; count rows.",
        ),
        (
            lambda: wb.plan(sd=0.5, n=10, comparisons=0),
            "alpha and power must be between 0 and 1 and comparisons at least 1, but 0.05, 0.8 and 0 "
            "came; use 0.05, 0.8 and 1.",
        ),
        (
            lambda: wb.plan(sd=0.5, n=10, repeats=0),
            "sd and sd_repeat must be at least 0 and repeats at least 1, but 0.5, 0.0 and 0 came; "
            "take them from a pilot.",
        ),
        (lambda: wb.plan(sd=0.5, n=2.5), "n must be a whole number, but 2.5 came; give one."),
        (lambda: wb.plan(sd=0.5, n="3"), "n must be a whole number, but '3' came; give one."),
        (
            lambda: wb.plan(pilot(), delta={"mark": math.nan}),
            "mark must be a finite number, but nan came; give one.",
        ),
        (
            lambda: wb.plan(pilot(), icc=0.5),
            "sd_repeat, repeats, cluster_size and icc must be left out where there is a comparison, "
            "which has its own, but 0.0, 1, 1.0 and 0.5 came; use sd= in place of the comparison to "
            "choose them.",
        ),
        (
            lambda: wb.plan(wb.compare(scored(a=[1, 0, 1]))),
            "a pilot must compare at least two systems, but only 'a' is in it; add the outputs of "
            "another, or use sd= in its place.",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused(call, message):
    with pytest.raises(BadValue) as caught:
        call()
    assert str(caught.value) == message


def test_systems_that_share_no_row_or_never_differ_tell_no_variance():
    marks = {"a": [1.0, 2.0, 3.0, None], "b": [1.0, 2.0, 3.0, None], "c": [None] * 3 + [1.0]}
    found = wb.plan(wb.compare(scored(**marks), baseline="a", most_failed=1), delta=0.1).frame
    assert found["system"].tolist() == ["b", "c"]
    assert found["n"].tolist() == [3, 0]
    assert found[["sd", "n_needed", "detectable"]].isna().all(axis=None)
