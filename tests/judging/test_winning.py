"""Win rates: an injected bias is found, a naive recomputation, what must not matter, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from workbench.errors import BadValue, UnknownName
from workbench.judging import preferences
from workbench.ratings import rank

repeatable = settings(
    deadline=None,
    derandomize=True,
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FEW = {"samples": 200}
verdicts = st.lists(
    st.tuples(*2 * [st.sampled_from(["a", "b", "tie", None])]), min_size=2, max_size=30
)


def only(ratings, **options):
    """The figures of the one pair of systems that was judged."""
    frame = preferences(ratings, **FEW | options).frame
    assert len(frame) == 1
    return frame.iloc[0]


def covering(biased, n, bias, seeds):
    """How often the intervals hold the bias that was put in, the flips it makes, and the win rate.

    Every seed is a judge of its own.
    """
    judges = [biased(n, bias=bias, seed=seed).assign(rater=f"judge {seed}") for seed in seeds]
    found = preferences(pd.concat(judges, ignore_index=True), **FEW).frame
    chance = np.clip(0.6 + np.linspace(-0.3, 0.3, 20_001), 0, 1)
    as_first, as_second = bias + (1 - bias) * chance, (1 - bias) * chance
    truths = {
        "first": 0.5 + bias / 2,
        "flip": (as_first * (1 - as_second) + (1 - as_first) * as_second).mean(),
        "ci": bias / 2 + (1 - bias) * 0.6,
    }
    held = {
        name: (found[f"{name}_low"] <= truth) & (truth <= found[f"{name}_high"])
        for name, truth in truths.items()
    }
    return pd.DataFrame(held).mean()


def test_an_injected_bias_for_the_first_place_lies_in_its_interval(biased):
    # of 25 intervals 24 should hold it, and fewer than 21 would in one of a hundred such tests
    assert (covering(biased, 60, 0.3, range(25)) >= 21 / 25).all()


@pytest.mark.slow
@pytest.mark.parametrize(("n", "bias"), [(40, 0.0), (40, 0.2), (100, 0.6)])
def test_intervals_of_an_injected_bias_cover_at_their_rate(biased, n, bias):
    rates = covering(biased, n, bias, range(120))
    assert (rates >= 0.89).all()
    assert (rates <= 0.995).all()


def test_a_naive_recomputation_gives_the_same(biased):
    ratings = biased(60, bias=0.3, seed=3)
    found = only(ratings)
    first, second = (ratings["value"][:60].tolist(), ratings["value"][60:].tolist())
    share = [((x == "a") + (y == "a")) / 2 for x, y in zip(first, second, strict=True)]
    flips = sum(x != y for x, y in zip(first, second, strict=True))
    for_first = sum(x == "a" for x in first) + sum(y == "b" for y in second)
    assert found["win_rate"] == pytest.approx(sum(share) / 60)
    assert found["standard_error"] == pytest.approx(np.std(share, ddof=1) / 60**0.5)
    assert (found["flip_rate"], found["first_rate"]) == pytest.approx((flips / 60, for_first / 120))
    wilson = binomtest(flips, 60).proportion_ci(method="wilson")
    assert (found["flip_low"], found["flip_high"]) == pytest.approx((wilson.low, wilson.high))
    assert [found[name] for name in ("wins", "losses", "ties", "n", "n_asked", "n_pairs")] == [
        share.count(1), share.count(0), share.count(0.5), 60, 120, 60,
    ]  # fmt: skip


def test_a_judge_without_a_bias_decides_and_one_with_it_does_not(in_both_orders):
    # the same 30 wins of lead; a judge who also likes the first place flips on the rest
    steady = only(in_both_orders("a" * 30 + "b" * 10, "a" * 30 + "b" * 10))
    assert steady["verdict"] == "better"
    assert (steady["flip_rate"], steady["first_rate"]) == (0, 0.5)
    swayed = only(in_both_orders("a" * 40, "a" * 20 + "b" * 20))
    assert swayed["verdict"] == "unreliable judge: 50 % flip, more than 40 %"
    assert swayed["p_adjusted"] < 0.05
    assert (
        only(in_both_orders("a" * 40, "a" * 20 + "b" * 20), most_flips=0.5)["verdict"] == "better"
    )


def test_a_judge_who_always_takes_the_first_finds_both_equal(in_both_orders):
    found = only(in_both_orders("a" * 25, "b" * 25))
    assert (found["win_rate"], found["flip_rate"], found["first_rate"]) == (0.5, 1, 1)
    assert found["verdict"].startswith("unreliable judge: 100 % flip")


def test_ties_in_both_orders_are_identical_systems(in_both_orders):
    found = only(in_both_orders(["tie"] * 9, ["tie"] * 9))
    assert (found["win_rate"], found["verdict"], found["flip_rate"]) == (0.5, "identical", 0)
    assert np.isnan(found["first_rate"])
    assert preferences(in_both_orders(["tie"] * 9, ["tie"] * 9), **FEW).notes == ()


def test_a_verdict_that_becomes_a_tie_has_changed(in_both_orders):
    assert only(in_both_orders(["a", "a"], ["tie", "a"]))["flip_rate"] == 0.5


def test_a_pair_that_failed_in_one_order_is_left_out_and_bounds_tell_what_it_could_be(
    in_both_orders,
):
    # the second row was answered in one order only, which would favour whoever was first
    ratings = in_both_orders(["a", "a", "b", "a"] * 5, ["a", None, "b", "a"] * 5)
    found = only(ratings)
    assert [found[name] for name in ("n", "n_asked", "n_failed", "n_pairs")] == [15, 40, 5, 15]
    assert found["win_rate"] == pytest.approx(2 / 3)
    assert (found["lowest"], found["highest"]) == (0.5, 0.75)
    sheet = preferences(ratings, **FEW)
    assert sheet.notes == (
        "5 of 40 answers of judge on lead and random are missing; whatever they were, the win rate "
        "is from 0.500 to 0.750.",
    )
    # an answer whose row is absent is missing no less
    absent = preferences(ratings.dropna(subset="value"), **FEW)
    pd.testing.assert_frame_equal(absent.frame, sheet.frame)
    assert absent.notes == sheet.notes


def test_a_judge_who_fails_too_often_decides_nothing(in_both_orders):
    ratings = in_both_orders(["a", None] * 20, ["a", None] * 20)
    assert only(ratings)["verdict"] == "unreliable judge: 40 of 80 answers failed, more than 20 %"
    assert only(ratings, most_failed=0.5)["verdict"] == "better"


def test_a_judge_who_failed_always_has_no_figure_rather_than_nought(in_both_orders):
    found = only(in_both_orders([None] * 4, [None] * 4))
    assert np.isnan([found[name] for name in ("win_rate", "p", "flip_rate", "first_rate")]).all()
    assert (found["n"], found["lowest"], found["highest"]) == (0, 0, 1)
    assert found["verdict"] == "unreliable judge: 8 of 8 answers failed, more than 20 %"


def test_one_order_only_is_no_evidence(said):
    found = preferences(said("judge", "a" * 30), **FEW)
    assert found.frame["verdict"][0] == "unreliable judge: one system was always shown first"
    assert found.notes == (
        "Of 1 of 1 pair of systems no output was judged in both orders, so no flip rate is known.",
    )


def test_sides_drawn_by_lot_are_evidence_without_a_flip_rate(said):
    sides = ["lead", "random"] * 15
    found = only(said("ana", "a" * 24 + "b" * 6, first=sides))
    assert found["verdict"] == "better"
    assert np.isnan(found["flip_rate"])
    assert found["first_rate"] == 0.5


def test_repeats_are_averaged_within_the_row(in_both_orders):
    parts = [
        in_both_orders("aab", "aab").assign(repeat=0),
        in_both_orders("bab", "bab").assign(repeat=1),
    ]
    found = only(pd.concat(parts, ignore_index=True))
    assert (found["n"], found["n_pairs"], found["win_rate"]) == (3, 6, 0.5)
    assert (found["wins"], found["losses"], found["ties"]) == (1, 1, 1)


def test_each_judge_and_each_pair_of_systems_has_a_line_and_holm_its_family(in_both_orders):
    one = in_both_orders("a" * 12, "a" * 12)
    other = one.assign(system_a="best", side=one["side"].replace("lead", "best"))
    third = in_both_orders("b" * 12, "b" * 12, rater="second judge")
    ratings = pd.concat([one, other, third], ignore_index=True)
    frame = preferences(ratings, baseline="random", **FEW).frame
    assert frame[["judge", "system", "baseline", "verdict"]].to_numpy().tolist() == [
        ["judge", "best", "random", "better"],
        ["judge", "lead", "random", "better"],
        ["second judge", "lead", "random", "worse"],
    ]
    p = 2 * 0.5**12
    assert frame["p"].tolist() == pytest.approx([p, p, p])
    assert frame["p_adjusted"].tolist() == pytest.approx([2 * p, 2 * p, p])


def test_the_same_ratings_rank_the_systems(biased):
    ratings = biased(80, bias=0.2)
    standings = rank(ratings).frame
    assert standings["system"].tolist() == ["lead", "random"]
    assert standings["n"].tolist() == [160, 160]


@repeatable
@given(verdicts, st.randoms(use_true_random=False))
def test_order_of_rows_names_and_sides_of_the_table_do_not_matter(in_both_orders, pairs, random):
    ratings = in_both_orders(*zip(*pairs, strict=True))
    swapped = ratings.assign(
        system_a="random", system_b="lead", value=ratings["value"].replace({"a": "b", "b": "a"})
    ).iloc[random.sample(range(len(ratings)), len(ratings))]
    pd.testing.assert_series_equal(
        only(swapped, baseline="random"), only(ratings, baseline="random")
    )


@repeatable
@given(verdicts)
def test_the_other_way_round_all_figures_are_mirrored(in_both_orders, pairs):
    ratings = in_both_orders(*zip(*pairs, strict=True))
    one, other = only(ratings, baseline="random"), only(ratings, baseline="lead")
    for mine, its in (("win_rate", "win_rate"), ("ci_low", "ci_high"), ("lowest", "highest")):
        assert one[mine] == pytest.approx(1 - other[its], abs=1e-9, nan_ok=True)
    for same in ("p", "flip_rate", "flip_low", "first_rate", "n_pairs", "n_failed"):
        assert one[same] == pytest.approx(other[same], nan_ok=True)
    assert (one["wins"], one["ties"]) == (other["losses"], other["ties"])


def test_a_sheet_is_the_same_bytes_on_every_run_and_inert(in_both_orders):
    ratings = in_both_orders("aabb" * 4, "abab" * 4, rater="<script>")
    sheets = [preferences(ratings, **FEW) for _ in range(2)]
    assert repr(sheets[0]) == repr(sheets[1])
    assert sheets[0]._repr_html_() == sheets[1]._repr_html_()
    assert "<script>" not in sheets[0]._repr_html_()


def test_what_cannot_be_is_refused(said):
    marks = pd.DataFrame(
        {"item_id": ["1"], "rater": "x", "question": "q", "value": 3, "system": "a"}
    )
    with pytest.raises(BadValue) as caught:
        preferences(marks)
    assert str(caught.value) == (
        "ratings must hold answers that compare two systems (`system_a` and `system_b`), but none "
        "came; ask for some first."
    )
    ratings = said("x", ["a", "b"])
    with pytest.raises(UnknownName, match=r"^baseline must be one of 'lead', 'random', but 'led'"):
        preferences(ratings, baseline="led")
    two = pd.concat([ratings, ratings.assign(question="other")])
    with pytest.raises(BadValue, match=r"^one question must be chosen, but 'better', 'other' came"):
        preferences(two)
    assert len(preferences(two, question="other", **FEW).frame) == 1
    with pytest.raises(BadValue) as caught:
        preferences(said("x", ["a", "left"]))
    assert str(caught.value) == (
        "a preference must be 'a', 'b', 'tie' or 'both bad', but 'left' came on item '1'; choose "
        "another question."
    )
    with pytest.raises(
        BadValue, match=r"^a preference must be from 0 to 1, but '1.5' came on item"
    ):
        preferences(ratings.assign(preference=1.5))
    with pytest.raises(
        BadValue, match=r"^most_flips and most_failed must be from 0 to 1, but 2 and 0\.2"
    ):
        preferences(ratings, most_flips=2)
    with pytest.raises(
        BadValue, match=r"^most_flips and most_failed must be .* but '0\.4' and 0\.2"
    ):
        preferences(ratings, most_flips="0.4")


def test_a_p_value_near_the_level_tells_on_which_side_it_lies(said):
    ratings = said("x", ["a", "b", "a", "a", "a"] * 4)
    p = only(ratings)["p_adjusted"]
    sheet = preferences(ratings, level=1 - p + 1e-6, **FEW)
    assert len(sheet.body[0][3]) > len("0.050")
    assert float(sheet.body[0][3]) > p - 1e-6
