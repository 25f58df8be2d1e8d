"""Agreement: published figures, a naive recomputation, what must not matter, and what is refused."""

import gzip
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, UnknownName
from workbench.ratings.reliability import agreement

repeatable = settings(deadline=None, derandomize=True, max_examples=30)

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", data C and D; "." is missing.
KRIPPENDORFF = ["1233214 12...", "1233224 125.3", ".333234 2251.", "1233244 1251."]
KRIPPENDORFF = [line.replace(" ", "") for line in KRIPPENDORFF]
SCALES = ["nominal", "ordinal", "interval", "ratio"]
ALL = ("percent", "alpha", "gwet", "fleiss", "brennan-prediger")


def table(lines, *, number=True, question="q"):
    """RATINGS of one line per rater and one character per item."""
    records = [
        {"item_id": f"i{at}", "rater": f"r{who}", "question": question, "value": value}
        for who, line in enumerate(lines)
        for at, value in enumerate(line)
        if value != "."
    ]
    frame = pd.DataFrame(records, columns=["item_id", "rater", "question", "value"])
    return frame.astype({"value": float}) if number else frame


def figures(ratings, *coefficients, **options):
    options = {"samples": 50} | options
    frame = agreement(ratings, coefficients=coefficients or ("alpha",), **options).frame
    values = frame["value"].tolist()
    return values if len(values) > 1 else values[0]


@pytest.mark.parametrize(
    ("scale", "expected"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_alpha_is_that_of_krippendorffs_paper(scale, expected):
    assert round(figures(table(KRIPPENDORFF), scale=scale), 6) == expected


# Gwet (2014), four raters and the same data; irrCAC's raw4raters.
@pytest.mark.parametrize(
    ("coefficient", "scale", "expected"),
    [
        ("percent", "nominal", 0.81818),
        ("gwet", "nominal", 0.77544),
        ("fleiss", "nominal", 0.76117),
        ("brennan-prediger", "nominal", 0.77273),
        ("gwet", "interval", 0.91400),
        ("gwet", "ordinal", 0.89894),
    ],
)
def test_coefficients_are_those_of_gwets_book(coefficient, scale, expected):
    assert round(figures(table(KRIPPENDORFF), coefficient, scale=scale), 5) == expected


def test_two_raters_of_a_rare_value_have_a_high_ac1():
    # Gwet's example of a paradox of kappa: [[118, 5], [2, 0]]
    lines = ["1" * 123 + "2" * 2, "1" * 118 + "2" * 5 + "1" * 2]
    assert round(figures(table(lines), "gwet"), 6) == 0.940776


def test_percent_takes_each_item_once_whatever_its_raters():
    # one pair of three agrees on the first item, all on the second
    assert figures(table(["11", "11", "2."]), "percent") == pytest.approx((1 / 3 + 1) / 2)


@pytest.mark.shared
def test_alpha_and_kappa_of_hatecheck_are_those_of_its_oracle(shared):
    folder = shared / "ratings" / "hatecheck"
    oracle = json.loads((folder / "oracle.json").read_text())
    rows = pd.read_csv(folder / "all_annotations.csv.gz")
    labels = [f"label_{at}" for at in range(1, 11)]
    ratings = rows.melt("case_id", labels, "rater", "value").dropna()
    ratings = ratings.rename(columns={"case_id": "item_id"}).assign(question="hateful")
    frame = agreement(ratings, coefficients=("alpha", "fleiss")).frame
    assert frame["value"].tolist() == pytest.approx(
        [oracle["alpha_nominal"], oracle["fleiss_kappa(items with 5 ratings)"]], abs=1e-12
    )
    assert frame[["n_items", "n_raters", "n_ratings"]].drop_duplicates().to_numpy().tolist() == [
        [3901, 10, 19505]
    ]
    assert round(frame["value"][0], 4) == 0.9285


@pytest.mark.shared
@pytest.mark.parametrize("pair", ["ESA-1|ESA-2", "ESA-1|ESA-IAA", "MQM-1|MQM-IAA"])
def test_interval_alpha_of_scores_is_that_of_the_oracle(shared, pair):
    folder = shared / "ratings" / "esa-campaign.en-de"
    oracle = json.loads((folder / "oracle.json").read_text())["pairs"][pair]
    parts = []
    for name in pair.split("|"):
        with gzip.open(folder / f"en-de.{name}.seg.score.gz", "rt") as lines:
            scores = [line.split()[-1] for line in lines]
        parts += [
            {"item_id": str(at), "rater": name, "question": "q", "value": float(score)}
            for at, score in enumerate(scores)
            if score != "None"
        ]
    ratings = pd.DataFrame(parts)
    found = agreement(ratings, scale="interval", coefficients=("alpha",), samples=50).frame.loc[0]
    assert found["n_items"] == oracle["n_both"]
    assert found["value"] == pytest.approx(oracle["alpha_interval(both present)"], abs=1e-9)


# A naive recomputation.


def naive_distance(scale, one, other, counts):
    if scale == "nominal":
        return float(one != other)
    if scale == "interval":
        return (one - other) ** 2
    if scale == "ratio":
        return ((one - other) / (one + other)) ** 2 if one + other else 0.0
    low, high = sorted([one, other])
    between = sum(n for value, n in counts.items() if low <= value <= high)
    return (between - (counts[low] + counts[high]) / 2) ** 2


def naive_alpha(units, scale):
    """1 − observed / expected disagreement, over all pairs of values."""
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    counts = {value: values.count(value) for value in set(values)}
    n = len(values)
    observed = sum(
        naive_distance(scale, one, other, counts) / (len(unit) - 1)
        for unit in units
        for one, other in itertools.permutations(unit, 2)
    )
    expected = sum(
        naive_distance(scale, one, other, counts)
        for one, other in itertools.permutations(values, 2)
    )
    return 1 - (n - 1) * observed / expected if expected else float("nan")


@st.composite
def ratings_tables(draw, values="01245", fewest=2):
    """Lines of up to four raters on up to eight items, with gaps."""
    n = draw(st.integers(2, 8))
    cell = st.sampled_from(values + "..")
    lines = draw(st.lists(st.text(cell, min_size=n, max_size=n), min_size=fewest, max_size=4))
    columns = ["".join(column).replace(".", "") for column in zip(*lines, strict=True)]
    assume(any(len(column) > 1 for column in columns))
    return lines


def units_of(lines):
    return [[float(v) for v in column if v != "."] for column in zip(*lines, strict=True)]


@repeatable
@given(ratings_tables(), st.sampled_from(SCALES))
def test_alpha_is_the_naive_one(lines, scale):
    expected = naive_alpha(units_of(lines), scale)
    assert figures(table(lines), scale=scale, samples=2) == pytest.approx(expected, nan_ok=True)


@repeatable
@given(ratings_tables())
def test_percent_is_the_naive_one(lines):
    shares = [
        np.mean([one == other for one, other in itertools.combinations(unit, 2)])
        for unit in units_of(lines)
        if len(unit) > 1
    ]
    assert figures(table(lines), "percent", samples=2) == pytest.approx(np.mean(shares))


# What must hold, and what must not matter.


@repeatable
@given(ratings_tables(), st.sampled_from(SCALES))
def test_perfect_agreement_under_any_overlap_is_one(lines, scale):
    truth = "".join(str(at % 3) for at in range(len(lines[0])))
    lines = [
        "".join(v if cell != "." else "." for cell, v in zip(line, truth, strict=True))
        for line in lines
    ]
    assume(len({v for unit in units_of(lines) if len(unit) > 1 for v in unit}) > 1)
    found = agreement(table(lines), scale=scale, coefficients=ALL, samples=20).frame
    assert found["value"].tolist() == [1.0] * 5


def test_three_raters_of_whom_two_see_each_item_agree_perfectly():
    # a peer pairs the raters' values without aligning their items, and finds 0.006
    truth = "1223" * 6
    lines = [
        "".join("." if at % 3 == rater else value for at, value in enumerate(truth))
        for rater in range(3)
    ]
    assert figures(table(lines), *ALL) == [1.0] * 5


@repeatable
@given(ratings_tables(), st.sampled_from(SCALES), st.randoms(use_true_random=False))
def test_names_and_order_change_nothing(lines, scale, random):
    ratings = table(lines)
    other = ratings.sample(frac=1, random_state=random.randrange(1000))
    for name in ("item_id", "rater"):
        names = sorted(set(other[name]))
        other[name] = other[name].map(
            dict(zip(names, random.sample("zyxwvutsrq", len(names)), strict=True))
        )
    one, two = (
        agreement(each, scale=scale, coefficients=ALL, samples=50).frame
        for each in (ratings, other)
    )
    pd.testing.assert_frame_equal(one, two)


@repeatable
@given(ratings_tables(), st.permutations("vwxyz"))
def test_names_of_nominal_values_change_no_value(lines, letters):
    new = str.maketrans("01245", "".join(letters))
    renamed = [line.translate(new) for line in lines]
    assert figures(table(renamed, number=False), *ALL) == pytest.approx(
        figures(table(lines), *ALL), nan_ok=True
    )


@repeatable
@given(ratings_tables(), st.sampled_from([1e-200, 0.1, 3.0, 1e200]))
def test_the_unit_of_numbers_changes_no_value(lines, unit):
    ratings = table(lines)
    scaled = ratings.assign(value=ratings["value"] * unit)
    for scale in ("interval", "ratio"):
        assert figures(scaled, scale=scale, samples=2) == pytest.approx(
            figures(ratings, scale=scale, samples=2), nan_ok=True
        )


def test_items_seen_twice_leave_the_value_and_narrow_the_interval():
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 4, 30)
    lines = [
        "".join(str(v) for v in np.where(rng.random(30) < 0.7, truth, rng.integers(1, 4, 30)))
        for _ in range(3)
    ]
    once, twice = (
        agreement(table([line * times for line in lines]), coefficients=ALL).frame
        for times in (1, 2)
    )
    fleiss, alpha = 3, 1
    assert twice["value"].drop(alpha).tolist() == pytest.approx(once["value"].drop(alpha).tolist())
    # alpha draws its chance pairs without replacement: of n ratings, n − 1 are left
    lack = (1 - once["value"][alpha]) * (2 * 90 - 1) / (2 * (90 - 1))
    assert twice["value"][alpha] == pytest.approx(1 - lack)
    widths = [frame["ci_high"] - frame["ci_low"] for frame in (once, twice)]
    assert (widths[1] < 0.85 * widths[0]).all()
    assert once["value"][fleiss] < once["value"][alpha]


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    ratings = table(["123451234512345123", "123452234413344123"])
    one, same, other = (
        agreement(ratings, scale="interval", samples=200, seed=seed).frame.loc[1, "ci_low"]
        for seed in (0, 0, 1)
    )
    assert one == same != other


def test_a_higher_level_has_a_wider_interval():
    ratings = table(["1212121122" * 3, "1211121222" * 3])
    narrow, wide = (agreement(ratings, level=level).frame.loc[1] for level in (0.8, 0.99))
    assert wide["ci_low"] < narrow["ci_low"] < narrow["ci_high"] < wide["ci_high"]


def test_a_rater_with_one_item_counts_on_that_item():
    frame = agreement(table(["1122", "1122", "2..."])).frame
    assert frame["n_raters"].tolist() == [3, 3]
    assert frame["value"].tolist() == pytest.approx(
        [(1 / 3 + 3) / 4, naive_alpha([[1, 1, 2], [1, 1], [2, 2], [2, 2]], "nominal")]
    )


def test_items_of_one_rater_change_neither_percent_nor_alpha():
    frames = [
        agreement(table(lines)).frame for lines in (["1212..", "1112.."], ["121212", "1112.."])
    ]
    pd.testing.assert_frame_equal(*frames)


def test_values_nobody_chose_make_chance_agreement_rarer():
    ratings = table(["1122", "1222"])
    seen = figures(ratings, *ALL)
    known = figures(ratings, *ALL, values=[1, 2, 3, 4])
    assert known[4] == pytest.approx((0.75 - 0.25) / 0.75)
    assert seen[4] == pytest.approx((0.75 - 0.5) / 0.5)
    assert (known[:2], known[3]) == (seen[:2], seen[3])


def test_texts_with_an_order_are_ordinal():
    words = {"1": "poor", "2": "fair", "3": "good"}
    lines = ["11223312", "11233323"]
    texts = table(lines, number=False).replace({"value": words})
    found = figures(texts, scale="ordinal", values=["poor", "fair", "good"])
    assert found == pytest.approx(figures(table(lines), scale="ordinal"))


def test_two_outputs_of_an_item_are_two_units_and_one_draw():
    shown = [
        {"item_id": f"i{at}", "rater": rater, "question": "q", "value": value, "system": system,
         "output_ids": [f"{system}{at}"]}
        for at, values in enumerate(["1112", "2222", "1212", "1122", "2211"])
        for (rater, system), value in zip(itertools.product("xy", "ab"), values, strict=True)
    ]  # fmt: skip
    ratings = pd.DataFrame(shown).astype({"value": float})
    apart = ratings.assign(item_id=ratings["item_id"] + ratings["system"])
    together, alone = (agreement(each).frame for each in (ratings, apart))
    assert together["value"].tolist() == alone["value"].tolist()
    assert together["n_items"].tolist() == [10, 10]
    assert together["ci_low"].tolist() != alone["ci_low"].tolist()
    pd.testing.assert_frame_equal(together, agreement(ratings.drop(columns="output_ids")).frame)


def named(ratings, rater, **columns):
    """The ratings of a rater, whose outputs are named otherwise."""
    return ratings[ratings["rater"] == rater].assign(**columns)


def test_an_output_may_be_named_by_its_system():
    ratings = table(["1122", "1222"]).assign(system="s")
    by_output = named(ratings, "r0", output_ids=[[f"o{at}"] for at in range(4)])
    both = pd.concat([by_output, named(ratings, "r1", output_ids=None)])
    pd.testing.assert_frame_equal(agreement(both).frame, agreement(ratings).frame)


def test_a_system_of_two_outputs_names_neither():
    ratings = table(["11", "12"]).assign(system="s")
    twice = [named(ratings, "r0", output_ids=[[f"{name}{at}"] for at in range(2)]) for name in "op"]
    found = agreement(pd.concat([*twice, named(ratings, "r1", output_ids=None)]))
    assert found.frame["n_items"].tolist() == [0, 0]
    assert found.notes[0] == (
        "percent has no figure: no two raters of an item rated the same output of it, or compared "
        "the same systems; let several rate the same outputs, and name them alike."
    )


def test_agreement_within_groups_is_that_of_each():
    ratings = table(["112212", "121212"])
    ratings["system"] = np.where(ratings["item_id"] < "i3", "a", "b")
    frame = agreement(ratings, by="system").frame
    assert frame.columns[0] == "system"
    assert frame["system"].tolist() == ["a", "a", "b", "b"]
    for name in "ab":
        part = frame[frame["system"] == name].drop(columns="system").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, agreement(ratings[ratings["system"] == name]).frame)


def test_rows_without_a_value_of_the_column_are_a_group():
    ratings = table(["1122", "1212"])
    ratings["system"] = ["s", "s", None, None] * 2
    frame = agreement(ratings, by="system", coefficients=("percent",)).frame
    assert frame[["system", "value"]].to_numpy().tolist() == [["s", 0.5], ["(missing)", 0.5]]
    ratings["step"] = pd.Series([1, 2, None, None] * 2, dtype="Int64")
    frame = agreement(ratings, by="step", coefficients=("percent",)).frame
    assert frame["step"].tolist() == [1, 2, "(missing)"]


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.int8])
def test_numbers_of_numpy_are_numbers(kind):
    ratings = table(KRIPPENDORFF)
    own = pd.Series([kind(each) for each in ratings["value"]], dtype=object)
    for scale in SCALES:
        expected = figures(ratings, *ALL, scale=scale)
        assert figures(ratings.assign(value=own), *ALL, scale=scale) == expected
        assert figures(ratings, *ALL, scale=scale, values=np.arange(1, 6, dtype=kind)) == expected


@pytest.mark.parametrize("by", ["question", "value", "output_ids"])
def test_a_column_that_makes_no_groups_is_refused(by):
    ratings = table(["12", "12"]).assign(output_ids=[["a", "b"]] * 4)
    assert refused(ratings, by=by) == {
        "output_ids": "by must be a column of single values, but 'output_ids' holds lists or "
        "records; make a column of texts of it.",
    }.get(
        by,
        f"by must be a column that groups the answers to a question, but {by!r} came; each "
        "question is measured for itself, so leave it out or choose another column.",
    )


def test_rulings_of_adjudicators_are_no_ratings():
    ratings = table(["1122", "1222"]).assign(adjudicated=False)
    ruling = ratings.iloc[[1]].assign(rater="chief", value=2.0, adjudicated=True)
    pd.testing.assert_frame_equal(
        agreement(pd.concat([ratings, ruling])).frame, agreement(ratings).frame
    )


# Answers to edge cases.


def test_unanimous_raters_have_a_share_but_no_alpha():
    found = agreement(table(["111", "111"]), coefficients=ALL)
    assert found.frame["value"].tolist()[0] == 1.0
    assert found.frame["value"][1:].isna().all()
    assert found.frame[["ci_low", "ci_high"]].isna().all(axis=None)
    assert found.frame["note"].tolist()[:2] == [
        "percent has no interval: every resample gives the same figure, so these 3 items cannot say "
        "how far others would differ.",
        "alpha has no figure: the 6 ratings that can be compared hold a single value, so nothing "
        "tells agreement from habit.",
    ]


def test_one_rater_per_item_is_told():
    found = agreement(table(["11...", "..222"]))
    assert found.frame["value"].isna().all()
    assert found.frame["n_items"].tolist() == [0, 0]
    assert found.notes[1] == (
        "alpha has no figure: no item has ratings of two raters; let several rate the same items "
        "(overlap)."
    )


def test_a_single_item_has_no_interval():
    found = agreement(table(["1", "2", "1"]), coefficients=("percent",))
    assert found.frame["value"].tolist() == pytest.approx([1 / 3])
    assert found.frame["note"][0] == (
        "percent has no interval: all comes from a single item, and items are resampled."
    )


def test_resamples_without_a_figure_leave_no_interval():
    found = agreement(table(["1112", "1122"]), coefficients=("alpha",))
    assert found.frame["value"].notna().all()
    assert found.frame["ci_low"].isna().all()
    assert found.frame["note"][0] == (
        "alpha has no interval: 6.5 % of the resamples have no figure, for they hold a single value "
        "or no two ratings of an item; rate more items."
    )


def test_ratings_without_a_signal_are_told():
    rng = np.random.default_rng(3)
    found = agreement(table(["".join(rng.choice(list("123"), 60)) for _ in range(3)]))
    low, high = found.frame.loc[1, ["ci_low", "ci_high"]]
    assert low < 0 < high
    assert list(found.notes) == [
        f"These ratings carry no signal that was shown: alpha's 95 % interval, −{-low:.3f} to "
        f"{high:.3f}, includes 0; rank nothing by them before the instructions are clearer or more "
        "items are rated."
    ]
    assert repr(found).endswith(found.notes[0])
    for shown in (repr(found), found._repr_html_()):
        assert shown.count("no signal that was shown") == 1


def test_raters_of_opposite_scales_are_told():
    found = agreement(table(["12" * 20, "21" * 20]), coefficients=("alpha",))
    assert found.frame["note"][0] == (
        "alpha has no interval: every resample gives the same figure, so these 40 items cannot say "
        "how far others would differ."
    ) or found.frame["note"][0].startswith("Raters disagree more than chance would make them")
    assert found.frame["value"][0] < -0.9


def test_ratings_with_a_signal_have_no_notes():
    found = agreement(table(["1212121122" * 4, "1211121222" * 4]))
    assert found.frame["note"].isna().all()
    assert not found.notes
    assert "<small" not in found._repr_html_()


def preferences(*rows):
    """RATINGS of item, rater, answer, and the systems that are a and b."""
    names = ["item_id", "rater", "value", "system_a", "system_b"]
    return pd.DataFrame(rows, columns=names).assign(question="better", side="A")


def test_a_preference_is_for_a_system_whichever_is_a():
    ratings = preferences(
        *((at, "x", "ab"[at % 2], "A", "B") for at in range(20)),
        *((at, "y", "ba"[at % 2], "B", "A") for at in range(20)),
    )
    assert figures(ratings, "percent", "alpha") == [1.0, 1.0]
    ties = ratings.assign(value=["tie" if at % 20 else "b" for at in range(40)])
    assert figures(ties, "percent") == pytest.approx(19 / 20)


def test_preferences_between_other_systems_are_other_units():
    ratings = preferences(
        ("i", "x", "a", "A", "B"),
        ("i", "y", "b", "A", "C"),
        ("i", "z", "b", "C", "A"),
        ("i", "y", "b", "C", "B"),
    )
    frame = agreement(ratings, coefficients=("percent",)).frame
    assert frame[["value", "n_items", "n_raters", "n_ratings"]].to_numpy().tolist() == [
        [0, 1, 2, 2]
    ]


def test_each_label_of_a_list_is_a_question():
    ratings = table(["1122", "1222"], number=False)
    words = {"1": ["rude"], "2": ["rude", "wrong"]}
    lists = ratings.assign(value=ratings["value"].map(words))
    frame = agreement(lists).frame
    assert frame["question"].tolist() == ["q: rude", "q: rude", "q: wrong", "q: wrong"]
    assert frame["value"].tolist()[:1] == [1.0]
    assert frame["value"].tolist()[2:] == figures(ratings, "percent", "alpha")


def test_lists_without_any_label_are_unanimous():
    ratings = table(["11", "11"], number=False)
    frame = agreement(ratings.assign(value=[[] for _ in range(4)])).frame
    assert frame["question"].tolist() == ["q", "q"]
    assert frame["value"].tolist()[0] == 1.0


def test_a_question_that_cannot_be_measured_is_told_beside_those_that_can():
    spans = table(["1212", "1222"], number=False, question="spans")
    spans["value"] = [[{"start": 0, "end": 2}] for _ in range(8)]
    both = pd.concat([table(["1212", "1222"]), spans], ignore_index=True)
    found = agreement(both, coefficients=("alpha",))
    assert found.frame["question"].tolist() == ["q", "spans"]
    assert found.frame["value"].isna().tolist() == [False, True]
    assert found.notes[-1] == (
        "spans: alpha has no figure: a value of question 'spans' must be a single number or text, "
        "but [{'start': 0, 'end': 2}] came on item 'i0'; make numbers of spans first, such as their "
        "weighted count per output."
    )


# Failures.


def refused(ratings, **options):
    with pytest.raises(BadValue) as caught:
        agreement(ratings, **options)
    return str(caught.value)


def test_no_ratings_are_refused():
    assert refused(table(["", ""])) == (
        "ratings must hold an answer, but none came in 0 rows; read the journal after somebody has "
        "rated."
    )


def test_rulings_alone_are_refused():
    assert refused(table(["11", "12"]).assign(adjudicated=True)) == (
        "ratings must hold answers of raters, but only rulings of adjudicators came; read the "
        "journal with adjudicated='ignore'."
    )


def test_a_rater_who_answered_twice_is_refused():
    ratings = table(["12", "12"])
    assert refused(pd.concat([ratings, ratings[:1]])) == (
        "a rater must answer a question once per item, but 'r0' answered 'q' on item 'i0' again (1 "
        "such ratings); keep one of them, or give repeats an item_id of their own."
    )


@pytest.mark.parametrize(
    ("scale", "values", "advice"),
    [
        ("interval", ["x", 1.0], "a finite number on the interval scale, but 'x' came on item 'i0'; "
         "use scale='nominal'."),
        ("ratio", [1.0, -2.0], "at least 0 on the ratio scale, but -2.0 came on item 'i1'; "
         "use scale='interval'."),
        ("ordinal", ["good", 1.0], "a finite number on the ordinal scale, but 'good' came on item "
         "'i0'; give their order in `values`, or use scale='nominal'."),
        ("interval", [True, False], "a finite number on the interval scale, but False came on item "
         "'i1'; use scale='nominal'."),
        ("interval", [1.0, float("inf")], "a finite number on the interval scale, but inf came on "
         "item 'i1'; use scale='nominal'."),
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_the_scale_is_refused(scale, values, advice):
    ratings = table(["12", "12"], number=False).assign(
        value=pd.Series([*values, *values], dtype=object)
    )
    assert refused(ratings, scale=scale) == f"a value of question 'q' must be {advice}"


def test_a_value_that_nobody_could_choose_is_refused():
    assert refused(table(["12", "12"]), values=[1, 3]) == (
        "a value of question 'q' must be one of 1, 3, but 2.0 came on item 'i1'; add it to `values`."
    )


@pytest.mark.parametrize(
    ("value", "came", "advice"),
    [
        ([2, 1], "[2, 1]", "rank systems by rankings with wb.ratings.rank"),
        ({"best": "o1", "worst": "o2"}, "{'best': 'o1', 'worst': 'o2'}",
         "rank systems by best and worst with wb.ratings.rank"),
    ],
)  # fmt: skip
def test_answers_that_compare_are_sent_to_rank(value, came, advice):
    ratings = table(["1", "1"], number=False).assign(value=[value, value])
    assert refused(ratings) == (
        f"a value of question 'q' must be a single number or text, but {came} came on item 'i0'; "
        f"{advice}."
    )


def test_too_many_values_for_a_table_of_distances_are_refused():
    lines = [np.arange(2001.0), np.arange(2001.0)]
    ratings = pd.DataFrame(
        {"item_id": np.tile(np.arange(2001), 2), "rater": np.repeat(["x", "y"], 2001),
         "question": "q", "value": np.concatenate(lines)}
    )  # fmt: skip
    assert refused(ratings, scale="ratio", coefficients=("alpha",)) == (
        "this coefficient must have at most 2000 different values, but 2001 came; round them, or "
        "use alpha on an interval scale."
    )
    assert figures(ratings, scale="ordinal", samples=2) == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"question": "p"}, "question must be one of 'q', but 'p' came."),
        ({"scale": "nominel"}, "scale must be one of 'nominal', 'ordinal', 'interval', 'ratio', but "
         "'nominel' came; did you mean 'nominal'?"),
        ({"coefficients": ("kappa",)}, "a coefficient must be one of 'percent', 'alpha', 'gwet', "
         "'fleiss', 'brennan-prediger', but 'kappa' came; did you mean 'alpha'?"),
        ({"by": "items"}, "by must be one of 'item_id', 'rater', 'question', 'value', but 'items' "
         "came; did you mean 'item_id'?"),
    ],
)  # fmt: skip
def test_a_name_that_nothing_bears_is_refused(options, message):
    with pytest.raises(UnknownName) as caught:
        agreement(table(["12", "12"]), **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "options",
    [{"level": 1.0}, {"samples": 0}, {"seed": -1}, {"samples": 1.5}, {"level": "0.9"}],
)
def test_an_option_that_cannot_be_right_is_refused(options):
    level, samples, seed = ({"level": 0.95, "samples": 2000, "seed": 0} | options).values()
    assert refused(table(["12", "12"]), **options) == (
        "level must be between 0 and 1, samples at least 1 and seed at least 0, but "
        f"{level!r}, {samples} and {seed} came; use 0.95, 2000 and 0."
    )


@pytest.mark.parametrize("coefficients", ["alpha", [], ()])
def test_coefficients_that_are_no_list_are_refused(coefficients):
    assert refused(table(["12", "12"]), coefficients=coefficients) == (
        f"coefficients must be a list of at least one name, but {coefficients!r} came; use "
        "['alpha']."
    )


def test_hostile_values_are_shown_harmlessly(hostiles):
    for text in hostiles.values():
        ratings = table(["12", "12"], number=False, question=text[:300] or "q")
        ratings["value"] = [text, "x", text, "y"]
        found = agreement(ratings, samples=2)
        assert "\x1b" not in repr(found)
        assert "<script" not in found._repr_html_()
        with pytest.raises(BadValue) as caught:
            agreement(ratings, scale="interval")
        assert len(str(caught.value)) < 1_000
