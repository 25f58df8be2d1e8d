"""A comparison tells where its variance comes from, of rows that all systems answered."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.stats import variance_components

N = 12
VALUES = np.random.default_rng(0).normal(size=(N, 2, 3, 2)).round(3) + np.arange(3)[:, None]
ROWS = wb.read([{"row_id": f"r{at:02}", "input": "", "cluster": f"c{at // 2}"} for at in range(N)])


def outputs():
    return pd.DataFrame(
        [
            {"row_id": f"r{row:02}", "system": f"{model} · {prompt}", "model": model, "prompt": prompt,
             "repeat": repeat, "text": "", "mark": VALUES[row, m, p, repeat]}
            for row in range(N)
            for m, model in enumerate("ab")
            for p, prompt in enumerate("xyz")
            for repeat in range(2)
        ]
    )  # fmt: skip


def compared(frame, **options):
    scores = wb.score(wb.outputs(ROWS, frame), ROWS, [wb.Column("mark")])
    return wb.compare(scores, samples=50, **options)


def test_a_comparison_splits_the_values_that_it_scored():
    sheet = compared(outputs()).variance(by=["model", "prompt"])
    clusters = np.arange(N) // 2
    found = variance_components(VALUES, factors=["model", "prompt"], clusters=clusters)
    for each, (_, row) in zip(found.components, sheet.frame.iterrows(), strict=True):
        assert row["source"] == each.source
        told = row[["value", "share", "ci_low", "ci_high"]].tolist()
        assert told == pytest.approx(list(each[3:]), nan_ok=True)
    assert set(sheet.frame["n"]) == {N}
    assert set(sheet.frame["n_repeats"]) == {2}


def test_the_order_of_the_outputs_says_nothing():
    mixed = outputs().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        compared(mixed).variance().frame, compared(outputs()).variance().frame
    )


def test_rows_belong_together_as_the_comparison_says():
    by_cluster, by_row = (
        compared(outputs(), cluster=each).variance().frame for each in (None, "row_id")
    )
    assert by_cluster["value"].tolist() == pytest.approx(by_row["value"].tolist())
    assert by_cluster["ci_high"].tolist() != pytest.approx(by_row["ci_high"].tolist())


def test_rows_that_a_system_did_not_answer_as_often_are_left_out_and_counted():
    frame = outputs()
    frame.loc[5, "mark"] = None
    sheet = compared(frame, cluster="row_id").variance(by=["model", "prompt"])
    found = variance_components(VALUES[1:], factors=["model", "prompt"])
    assert sheet.frame["value"].tolist() == pytest.approx([each.value for each in found.components])
    assert (
        "11 of 12 rows, those that every system answered × 6 systems × 2 repeats;" in sheet.caption
    )


def test_the_repeats_that_keep_most_outputs_are_taken():
    frame = outputs()
    most = frame["row_id"] > "r03"
    once = frame[~most | (frame["repeat"] == 0)]
    sheet = compared(once).variance()
    assert set(sheet.frame["n_repeats"]) == {1}
    assert "12 rows in 6 clusters × 6 systems × 1 repeat;" in sheet.caption
    assert "what repeats add cannot be told from the rows." in sheet.caption
    assert sheet.body[-1] == ["repeat", "–", "–", "–", "–", "0"]


def test_the_caption_says_what_more_of_each_would_buy():
    comparison = compared(outputs(), cluster="row_id")
    found = variance_components(VALUES.reshape(N, 6, 2))
    more = (found.error, found.error_with(rows=2), found.error_with(repeats=2))
    figures = [f"{each:.4f}" for each in (*more, found.error_with(repeats=float("inf")))]
    assert comparison.variance().caption == (
        "Where the variance of mark over single outputs comes from. the list given, 12 rows × 6 systems × 2 "
        "repeats; analysis of variance, 95 % intervals by leaving out. The difference of two systems has a "
        f"standard error of {figures[0]}; with twice the rows it would be {figures[1]}, with twice the "
        f"repeats, as many calls, {figures[2]}, and with endless repeats {figures[3]}."
    )


def test_a_component_below_nought_is_shown_as_nought_and_marked():
    frame = outputs()
    flat = np.random.default_rng(4).permutation(np.repeat(np.arange(12.0), 12))
    sheet = compared(frame.assign(mark=flat)).variance()
    below = sheet.frame["value"] < 0
    assert below.any()
    for is_below, share, line in zip(below, sheet.frame["share"], sheet.body, strict=True):
        assert line[0].endswith(" *") == is_below
        if is_below:
            assert (share, float(line[1]), line[2]) == (0, 0, "0.0 %")
    assert " * Estimated below 0: none of it is seen." in sheet.caption


def test_one_system_has_a_mean_instead_of_a_difference():
    alone = compared(outputs().query("system == 'a · x'")).variance()
    assert alone.frame["source"].tolist() == ["row", "repeat"]
    assert "The system's mean has a standard error of" in alone.caption


def test_columns_that_do_not_cross_the_systems_are_refused():
    message = (
        "by must name columns that cross the {} systems in full, one for each combination of their values, "
        "but {} came; leave it out, or take a part by only()."
    )
    comparison = compared(outputs())
    for by, told in ((["model"], "'model'"), ([], "nothing"), (["repeat"], "'repeat'")):
        with pytest.raises(BadValue) as caught:
            comparison.variance(by=by)
        assert str(caught.value) == message.format(6, told)
    part = comparison.only(systems=["a · y", "b · x"], baseline="a · x")
    with pytest.raises(BadValue) as caught:
        part.variance(by=["model", "prompt"])
    assert str(caught.value) == message.format(3, "'model', 'prompt'")


def test_what_is_not_there_is_refused():
    comparison = compared(outputs())
    with pytest.raises(
        UnknownName, match=r"by must be one of .* but 'modle' came; did you mean 'model'"
    ):
        comparison.variance(by=["modle"])
    with pytest.raises(UnknownName, match=r"metric must be one of 'mark', but 'bleu' came"):
        comparison.variance("bleu")
    few = compared(outputs().query("row_id < 'r02'"))
    with pytest.raises(BadValue) as caught:
        few.variance()
    assert str(caught.value) == (
        "a variance needs three rows that every system answered, but 2 of 2 have a value of mark for all; "
        "take systems that answered, by only()."
    )
