"""Judgements corrected by people: the parts by hand, what must not matter, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, UnknownName
from workbench.judging import corrected
from workbench.stats import powered_mean

repeatable = settings(
    deadline=None, derandomize=True, max_examples=3,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.fixture
def world(said, in_both_orders):
    """A function that makes a judge's answers to all rows and people's to some, drawn at random."""

    def make(n=120, n_people=40, *, seed=0, win=0.6, right=0.8, lenient=0.2):
        rng = np.random.default_rng(seed)
        truth = rng.random(n) < win
        judge = np.where(rng.random(n) < right, truth, ~truth) | (rng.random(n) < lenient)
        rows = rng.choice(n, n_people, replace=False)
        words = {True: "a", False: "b"}
        verdicts = [words[bool(each)] for each in judge]
        people = said("ana", [words[bool(truth[at])] for at in rows], rows=rows)
        return in_both_orders(verdicts, verdicts), people

    return make


def only(*tables, **options):
    frame = corrected(*tables, **options).frame
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_correction_is_the_prediction_powered_mean_of_rows(world):
    judged, people = world()
    found = only(judged, people)
    by_row = judged.groupby("row_id")["value"].first().map({"a": 1.0, "b": -1.0})
    labels = people.set_index("row_id")["value"].map({"a": 1.0, "b": -1.0}).sort_index()
    naive = powered_mean(
        labels.to_numpy(float),
        by_row[labels.index].to_numpy(float),
        by_row.drop(labels.index).to_numpy(float),
    )
    figures = ["delta", "ci_low", "ci_high", "p", "lambda", "n_effective"]
    assert found[figures].tolist() == pytest.approx(
        [naive.value, naive.ci_low, naive.ci_high, naive.p, naive.tuning, naive.n_effective]
    )
    assert found["judge_delta"] == pytest.approx(by_row.mean())
    assert found["people_delta"] == pytest.approx(labels.mean())
    assert found[["n_human", "n_judged"]].tolist() == [40, 80]


def test_a_lenient_judge_is_corrected_and_worth_many_labels(world):
    judged, people = world(n=2_000, n_people=200, right=0.95, lenient=0.5)
    found = only(judged, people)
    assert found["judge_delta"] > 0.5
    assert found["ci_low"] <= 0.2 <= found["ci_high"]
    assert found["n_effective"] > 210
    assert 0 < found["lambda"] < 1


def test_without_trust_people_stand_alone(world):
    found = only(*world(), tuning=0.0)
    assert found["delta"] == found["people_delta"]
    assert found["n_effective"] == pytest.approx(40)


def marks(systems, seed, rows, bias=0.0):
    rng = np.random.default_rng(seed)
    records = [
        (
            f"{row}-{name}",
            str(row),
            name,
            float(np.round(value + bias * (name == "b") + rng.normal())),
        )
        for row in rows
        for name, value in systems.items()
    ]
    frame = pd.DataFrame(records, columns=["item_id", "row_id", "system", "value"])
    return frame.assign(rater="x", question="quality")


def test_marks_are_compared_within_the_row():
    judged = marks({"a": 4.0, "b": 3.0, "c": 3.0}, 1, range(200), bias=0.8)
    people = marks({"a": 4.0, "b": 3.0}, 2, range(0, 200, 4))
    sheet = corrected(judged, people, baseline="b")
    found = sheet.frame.set_index("system")
    assert sorted(found.index) == ["a", "c"]
    table = judged.pivot_table("value", "row_id", "system")
    assert found.loc["a", "judge_delta"] == pytest.approx((table["a"] - table["b"]).mean())
    assert found.loc["a", ["n_human", "n_judged"]].tolist() == [50, 150]
    assert found.loc["a", "verdict"] == "better"
    # people saw nothing of c: no figure, and that is said
    assert np.isnan(found.loc["c", "delta"])
    assert sheet.notes == (
        "1 of 2 pairs have no figures: people rated fewer than 20 of their rows.",
    )


def test_a_judge_on_another_scale_tells_the_same():
    judged = marks({"a": 4.0, "b": 3.0}, 1, range(100))
    people = marks({"a": 4.0, "b": 3.0}, 2, range(30))
    figures = ["delta", "ci_low", "p"]
    one = only(judged, people)[figures].tolist()
    tenfold = only(judged.assign(value=judged["value"] / 4), people)[figures].tolist()
    # λ is four times as large, unless it would pass 1
    assert one == pytest.approx(tenfold, abs=0.05)


def test_holm_spreads_the_level_over_the_pairs_that_have_figures():
    judged = marks({"a": 4.0, "b": 3.0, "c": 3.5, "d": 1.0}, 1, range(200))
    people = marks({"a": 4.0, "b": 3.0, "c": 3.5}, 2, range(60))
    frame = corrected(judged, people, baseline="b").frame.set_index("system")
    p = frame["p"].dropna().sort_values()
    assert frame.loc[p.index[0], "p_adjusted"] == pytest.approx(min(1, 2 * p.iloc[0]))


@repeatable
@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_and_the_other_way_round_is_mirrored(world, seed, random):
    judged, people = world(n=60, n_people=25, seed=seed)
    found = only(judged, people, baseline="random")
    shuffled = [each.iloc[random.sample(range(len(each)), len(each))] for each in (judged, people)]
    pd.testing.assert_series_equal(only(*shuffled, baseline="random"), found)
    other = only(judged, people, baseline="lead")
    assert [other["delta"], other["ci_low"], other["p"]] == pytest.approx(
        [-found["delta"], -found["ci_high"], found["p"]], abs=1e-9, nan_ok=True
    )


def test_what_cannot_be_is_refused(world, said):
    judged, people = world()
    with pytest.raises(BadValue) as caught:
        corrected(judged, people.iloc[:12])
    assert str(caught.value) == (
        "a correction must have at least 20 rows that people rated, but 12 came; let people rate "
        "more, drawn at random."
    )
    with pytest.raises(BadValue) as caught:
        corrected(judged, people.assign(row_id="elsewhere"))
    assert str(caught.value) == (
        "a correction must have rows that both the judge and people saw, but there are none; let "
        "people rate some of the rows that were judged, drawn at random."
    )
    with pytest.raises(BadValue, match=r"^judgements must be of one judge, but 2 raters came"):
        corrected(pd.concat([judged, judged.assign(rater="z")]), people)
    with pytest.raises(
        BadValue, match=r"^level must be .* and tuning from 0 to 1, but 0.95 and '1'"
    ):
        corrected(judged, people, tuning="1")
    with pytest.raises(BadValue, match=r"^judgements and ratings must be of one kind"):
        corrected(judged, marks({"a": 1.0}, 0, range(30)))
    with pytest.raises(UnknownName, match=r"^baseline must be one of 'a', 'b', but 'c' came"):
        corrected(
            marks({"a": 1.0, "b": 1.0}, 0, range(30)), marks({"a": 1.0}, 0, range(30)), baseline="c"
        )


def test_where_people_rated_every_row_there_is_nothing_to_correct(world):
    sheet = corrected(*world(n=30, n_people=30))
    assert sheet.frame["p"].isna().all()
    assert sheet.notes == (
        "Where people rated every row that was judged, there is nothing to correct; compare their "
        "ratings alone.",
    )


def test_people_who_never_differ_give_no_verdict():
    judged = marks({"a": 4.0, "b": 3.0}, 1, range(100))
    people = marks({"a": 0.0, "b": 0.0}, 2, range(30))
    people["value"] = people["system"].map({"a": 2 / 3, "b": 0.0})
    sheet = corrected(judged, people)
    assert sheet.frame[["ci_low", "ci_high", "p", "verdict"]].isna().all(axis=None)
    assert list(sheet.notes) == [
        "Where people never differ, the rows cannot say how far others would."
    ]


def test_a_sheet_is_the_same_bytes_on_every_run(world):
    sheets = [corrected(*world()) for _ in range(2)]
    assert sheets[0]._repr_html_() == sheets[1]._repr_html_()
    assert "right only if the rows of people were drawn at random" in repr(sheets[0])


def test_a_p_value_near_the_level_tells_on_which_side_it_lies(world):
    judged, people = world(win=0.4)
    p = only(judged, people)["p_adjusted"]
    sheets = [corrected(judged, people, level=1 - p + shift) for shift in (-1e-6, 1e-6)]
    shown = [sheet.body[0][3] for sheet in sheets]
    assert p - 1e-6 < float(shown[0]) < p + 1e-6
    assert p - 1e-6 < float(shown[1]) < p + 1e-6
