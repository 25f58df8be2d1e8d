"""A judge beside people: coefficients by hand, slopes by least squares, biases that were put in."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.judging import likings
from workbench.ratings import agreement

FEW = {"samples": 100}
repeatable = settings(
    deadline=None, derandomize=True, max_examples=3,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def table(*args, **options):
    """Figures by name and by whom."""
    frame = wb.judge_alignment(*args, **FEW | options).frame
    return frame.set_index(["figure", "of"])


def people(said, answers, names="xyz"):
    """RATINGS of as many people as there are lines."""
    return pd.concat(
        [said(name, line) for name, line in zip(names, answers, strict=False)], ignore_index=True
    )


def test_coefficients_are_those_of_a_naive_recomputation(said):
    judge = "aabbabab" * 6
    answers = ["aabbaabb" * 6, "aabbabba" * 6, "abbbabab" * 6]
    found = table(said("judge", judge), people(said, answers))["value"]
    majority = [max("ab", key=[line[at] for line in answers].count) for at in range(48)]
    agreed = np.mean([x == y for x, y in zip(judge, majority, strict=True)])
    mine, theirs = (np.mean([each == "a" for each in labels]) for labels in (judge, majority))
    chance = mine * theirs + (1 - mine) * (1 - theirs)
    assert found["accuracy", "judge and majority"] == pytest.approx(agreed)
    assert found["kappa", "judge and majority"] == pytest.approx((agreed - chance) / (1 - chance))
    percent = np.mean([x == line[at] for at, x in enumerate(judge) for line in answers])
    assert found["percent", "judge and people"] == pytest.approx(percent)


def test_cohens_kappa_is_that_of_his_example(said):
    # Cohen (1960) by way of [[20, 5], [10, 15]]: κ = .40
    judge, person = "a" * 25 + "b" * 25, "a" * 20 + "b" * 5 + "a" * 10 + "b" * 15
    assert table(said("judge", judge), said("x", person))["value"][
        "kappa", "judge and majority"
    ] == (pytest.approx(0.4))


def test_peoples_own_agreement_is_that_of_the_ratings_they_share(said):
    answers = people(said, ["aabbab" * 5, "aababb" * 5])
    found = table(said("judge", "aabbab" * 5), answers)["value"]
    own = agreement(answers, samples=50).frame.set_index("coefficient")["value"]
    assert found["alpha", "people"] == pytest.approx(own["alpha"])
    assert found["percent", "people"] == pytest.approx(own["percent"])


def test_alpha_with_one_person_is_that_of_two_raters(said):
    judge, person = said("judge", "aabbab" * 5), said("x", "aababb" * 5)
    own = agreement(pd.concat([judge, person]), coefficients=("alpha",), samples=50).frame["value"][
        0
    ]
    sheet = wb.judge_alignment(judge, person, **FEW)
    assert sheet.frame.set_index(["figure", "of"])["value"][
        "alpha", "judge and people"
    ] == pytest.approx(own)
    assert sheet.notes == (
        "No two people rated the same, so nothing tells how far people would agree.",
    )


def test_a_judge_who_contradicts_himself_said_a_tie(said, in_both_orders):
    judge = in_both_orders("aab", "abb")
    found = wb.judge_alignment(judge, people(said, ["aab", "aab"]), **FEW)
    assert found.confusion.frame.to_numpy().tolist() == [
        ["lead", 1, 1, 0],
        ["tie", 0, 0, 0],
        ["random", 0, 0, 1],
    ]


def test_rows_on_which_people_are_split_are_left_out_and_told(said):
    sheet = wb.judge_alignment(said("judge", "aab"), people(said, ["aab", "bab"]), **FEW)
    assert sheet.frame.set_index("figure").loc["accuracy", "n"] == 2
    assert (
        sheet.notes[0]
        == "Of 1 of 3 pairs no answer has most voices; accuracy and kappa leave them out."
    )


def marks(name, values, systems=("s",)):
    n = len(values) // len(systems)
    rows = [str(at) for at in range(n) for _ in systems]
    return pd.DataFrame(
        {"item_id": [f"{name} {at}" for at in range(len(values))], "row_id": rows, "rater": name,
         "question": "quality", "system": list(systems) * n, "value": values}
    )  # fmt: skip


def test_kappa_of_marks_has_quadratic_weights():
    rng = np.random.default_rng(0)
    judge = rng.integers(1, 6, 60)
    person = np.clip(judge + rng.integers(-1, 2, 60), 1, 5)
    found = table(marks("judge", judge), marks("x", person))["value"]
    counts = np.zeros((5, 5))
    np.add.at(counts, (judge - 1, person - 1), 1)
    weights = (np.arange(5)[:, None] - np.arange(5)) ** 2
    expected = np.outer(counts.sum(1), counts.sum(0)) / 60
    assert found["kappa", "judge and majority"] == pytest.approx(
        1 - (weights * counts).sum() / (weights * expected).sum()
    )
    assert found["accuracy", "judge and majority"] == pytest.approx((judge == person).mean())


def test_most_people_of_marks_are_their_median():
    judge = marks("judge", [3, 3])
    three = pd.concat([marks("x", [1, 3]), marks("y", [3, 3]), marks("z", [5, 2])])
    assert table(judge, three)["value"]["accuracy", "judge and majority"] == 1


def worded(n, seed, longer=1.3):
    """ROWS and OUTPUTS of lead and random, whose lengths differ from row to row."""
    rng = np.random.default_rng(seed)
    rows = wb.read([{"row_id": str(at), "input": "q"} for at in range(n)])
    sizes = np.exp(rng.normal(4, 0.6, (2, n)))
    texts = {
        "lead": ["x" * int(longer * each) for each in sizes[0]],
        "random": ["y" * int(each) for each in sizes[1]],
    }
    outputs = wb.outputs(rows, texts)
    by = outputs.pivot_table(
        "text", "row_id", "system", aggfunc=lambda each: each.str.len().iloc[0]
    )
    ratio = np.log2(by["lead"].astype(float) / by["random"].astype(float))
    return outputs, ratio.reindex([str(at) for at in range(n)]).to_numpy()


def drawn(said, rater, ratio, *, length, position, first, seed):
    """Preferences whose chances are 0.5 + length · ratio + position · (±½)."""
    rng = np.random.default_rng(seed)
    shown = np.array([0.5 if each == "lead" else -0.5 for each in first])
    chance = np.clip(0.5 + length * ratio + position * shown, 0, 1)
    return said(
        rater, np.where(rng.random(len(ratio)) < chance, "a", "b").tolist(), first=list(first)
    )


def experiment(said, seed=0, n=300, length=(0.15, 0.03), position=(0.25, 0.0)):
    outputs, ratio = worded(n, seed)
    make = lambda who, first, at, rater: drawn(  # noqa: E731
        said, rater, ratio, length=length[who], position=position[who], first=first, seed=[seed, at]
    )
    judge = pd.concat([make(0, ["lead"] * n, 1, "judge"), make(0, ["random"] * n, 2, "judge")])
    sides = np.random.default_rng([seed, 9]).choice(["lead", "random"], n)
    return judge, make(1, sides, 3, "ana"), outputs, ratio


def test_likings_that_were_put_in_are_found_and_told(said):
    judge, ana, outputs, _ = experiment(said)
    sheet = wb.judge_alignment(judge, ana, outputs=outputs, **FEW)
    found = sheet.frame.set_index(["figure", "of"])
    for figure, truths in (("length slope", (0.15, 0.03)), ("position slope", (0.25, 0.0))):
        for of, truth in zip(("judge", "people"), truths, strict=True):
            assert found.loc[(figure, of), "ci_low"] < truth < found.loc[(figure, of), "ci_high"]
        assert found.loc[(figure, "judge − people"), "p"] < 0.05
    assert sheet.notes[1:] == (
        "The judge likes longer answers more than people do.",
        "The judge likes what is shown first more than people do.",
    )


def test_slopes_are_those_of_least_squares(said):
    judge, ana, outputs, ratio = experiment(said, n=60)
    found = table(judge, ana, outputs=outputs)["value"]
    for of, ratings, times in (("judge", judge, 2), ("people", ana, 1)):
        columns = [
            np.ones(60 * times),
            np.tile(ratio, times),
            np.where(ratings["side"] == "lead", 0.5, -0.5),
        ]
        naive = np.linalg.lstsq(
            np.column_stack(columns), (ratings["value"] == "a").to_numpy(float)
        )[0]
        assert found["length slope", of] == pytest.approx(naive[1])
        assert found["position slope", of] == pytest.approx(naive[2])
    gap = found["length slope", "judge"] - found["length slope", "people"]
    assert found["length slope", "judge − people"] == pytest.approx(gap)


@pytest.mark.slow
def test_intervals_of_slopes_cover_at_their_rate(said):
    outputs, ratio = worded(80, 0)
    judges = [
        drawn(
            said,
            f"judge {seed}",
            ratio,
            length=0.15,
            position=0.25,
            first=[first] * 80,
            seed=[seed, at],
        )
        for seed in range(50)
        for at, first in enumerate(("lead", "random"))
    ]
    found = likings(pd.concat(judges, ignore_index=True), outputs=outputs, **FEW).frame
    # a preference that cannot be as sure as its slope says pulls the slope towards zero
    chance = np.clip(0.5 + 0.15 * ratio[:, None] + [0.125, -0.125], 0, 1)
    truths = {"length slope": np.polyfit(ratio, chance.mean(axis=1), 1)[0]}
    truths["position slope"] = (chance[:, 0] - chance[:, 1]).mean()
    for figure, truth in truths.items():
        part = found[found["figure"] == figure]
        assert 0.86 <= ((part["ci_low"] <= truth) & (truth <= part["ci_high"])).mean() <= 1


def test_each_pair_of_systems_has_an_intercept_of_its_own(said):
    # within each pair the judge does not care for length; between them the longer wins
    outputs, _ = worded(40, 1)
    other = outputs[outputs["system"] == "lead"].assign(
        system="long", text=lambda made: made["text"] * 9
    )
    other["output_id"] = "long:" + other["row_id"]
    every = pd.concat([outputs, other])
    judge = pd.concat(
        [said("judge", "ab" * 20), said("judge", "aaab" * 10, system_a="long", first="long")]
    )
    slope = (
        likings(judge, outputs=every, **FEW).frame.set_index("figure").loc["length slope", "value"]
    )
    texts = every.set_index(["system", "row_id"])["text"].str.len()
    parts = []
    for name, values in (("lead", "ab" * 20), ("long", "aaab" * 10)):
        x = np.array([np.log2(texts[name, str(at)] / texts["random", str(at)]) for at in range(40)])
        y = np.array([each == "a" for each in values], dtype=float)
        parts.append((x - x.mean(), y - y.mean()))
    naive = sum((x * y).sum() for x, y in parts) / sum((x * x).sum() for x, _ in parts)
    assert slope == pytest.approx(naive)


def test_a_rater_who_said_nothing_has_no_line(said, in_both_orders):
    ratings = pd.concat([in_both_orders("aab", "bba"), said("mute", [None] * 3)])
    found = likings(ratings, **FEW).frame
    assert found[["figure", "of", "n"]].to_numpy().tolist() == [["position slope", "judge", 3]]
    assert found["value"][0] == pytest.approx(1 / 3)


def test_marks_have_a_length_slope_within_the_row():
    rows = wb.read([{"row_id": str(at), "input": "q"} for at in range(30)])
    rng = np.random.default_rng(2)
    sizes = rng.integers(4, 200, (2, 30))
    outputs = wb.outputs(
        rows, {"a": ["x" * each for each in sizes[0]], "b": ["x" * each for each in sizes[1]]}
    )
    hard = rng.normal(0, 3, 30)
    values = (hard[:, None] + 0.5 * np.log2(sizes.T)).ravel()
    found = likings(marks("judge", values, systems=("a", "b")), outputs=outputs, **FEW).frame
    assert found["figure"].tolist() == ["length slope"]
    assert found["value"][0] == pytest.approx(0.5)


def test_a_judges_liking_for_its_own_model_is_told_beside_peoples(said, in_both_orders):
    judge = in_both_orders("a" * 30 + "b" * 10, "a" * 30 + "b" * 10)
    found = table(
        judge, said("x", "a" * 15 + "b" * 25, first=["lead", "random"] * 20), own=["lead"]
    )
    own = found.loc["liking for its own"]
    assert own["value"].tolist() == pytest.approx([0.75, 0.375, 0.375])
    assert own.loc["judge − people", "p"] < 0.01
    turned = table(
        judge, said("x", "a" * 15 + "b" * 25, first=["lead", "random"] * 20), own=["random"]
    )
    assert turned.loc["liking for its own"]["value"].tolist() == pytest.approx(
        [0.25, 0.625, -0.375]
    )


@repeatable
@given(
    st.lists(st.tuples(*3 * [st.sampled_from(["a", "b", "tie"])]), min_size=3, max_size=15),
    st.randoms(use_true_random=False),
)
def test_order_and_names_do_not_matter(said, lines, random):
    judge, *answers = zip(*lines, strict=True)
    tables = said("judge", judge), people(said, answers)
    mixed = [
        each.assign(
            rater=each["rater"].map({"judge": "j", "x": "p", "y": "q"}),
            system_a="random",
            system_b="lead",
            value=each["value"].replace({"a": "b", "b": "a"}),
        ).iloc[random.sample(range(len(each)), len(each))]
        for each in tables
    ]
    pd.testing.assert_frame_equal(table(*mixed), table(*tables))


def test_a_judge_who_says_what_all_people_say_is_right(said):
    found = table(said("judge", "aabb" * 5), people(said, ["aabb" * 5] * 2))["value"]
    assert found.tolist() == pytest.approx([1] * 6)


def test_a_sheet_is_the_same_bytes_on_every_run_and_inert(said):
    tables = said("<script>", "aabb" * 5), people(said, ["abab" * 5] * 2, names=["<b>", "y"])
    sheets = [wb.judge_alignment(*tables, **FEW) for _ in range(2)]
    assert repr(sheets[0]) == repr(sheets[1])
    assert sheets[0]._repr_html_() == sheets[1]._repr_html_()
    assert "<script>" not in sheets[0]._repr_html_()


def test_what_cannot_be_is_refused(said):
    judge, ana = said("judge", "aabb"), said("ana", "abab")
    with pytest.raises(BadValue) as caught:
        wb.judge_alignment(judge, ana.assign(row_id="elsewhere"))
    assert str(caught.value) == (
        "judge and people must have judged the same outputs, but there are none that both did; let "
        "people rate some of the rows that were judged."
    )
    with pytest.raises(BadValue, match=r"^judgements and ratings must be of one kind"):
        wb.judge_alignment(judge, marks("x", [1, 2]))
    with pytest.raises(BadValue, match=r"^judgements must be of one judge, but 2 raters came"):
        wb.judge_alignment(pd.concat([judge, ana]), ana)
    with pytest.raises(UnknownName, match=r"^question must be one of 'better', but 'worse' came"):
        wb.judge_alignment(judge, ana, question="worse")
    outputs, _ = worded(3, 0)
    with pytest.raises(BadValue) as caught:
        wb.judge_alignment(judge, ana, outputs=outputs)
    assert str(caught.value) == (
        "outputs must hold the texts that were judged, but that of 'lead' on row '3' is missing "
        "(1 such answers); give all outputs."
    )
