"""N-grams that one system writes or misses more: the test, the effect, the family, the rows."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.explaining.ngram_habits import COLUMNS, log_odds, sign_p
from workbench.stats import adjusted

repeatable = budget(deadline=None, derandomize=True, max_examples=60)
PLAIN = [
    f"the {noun} {verb}" for noun in ("cat", "dog", "cow") for verb in ("sat", "ran", "ate", "hid")
]


def compared(systems, references=PLAIN, **columns):
    n_rows = len(next(iter(systems.values())))
    rows = pd.DataFrame({"row_id": [f"r{at:02}" for at in range(n_rows)], "input": "i"})
    if references is not None:
        rows["references"] = [[text] if text else [] for text in references]
    rows = wb.read(rows.assign(**columns))
    outputs = wb.outputs(rows, systems)
    outputs["mark"] = 1.0
    scores = wb.score(outputs, rows, [wb.Column("mark")])
    return wb.compare(scores, baseline="plain", samples=20, most_failed=0.5)


def habitual(habit, n_rows, text="{habit} {plain}"):
    return [
        text.format(habit=habit, plain=plain) if at < n_rows else plain
        for at, plain in enumerate(PLAIN)
    ]


@pytest.mark.parametrize(
    ("counts", "p"),
    # the exact McNemar test of the same counts
    [((10, 2), 0.03857421875), ((25, 10), 0.0166738478), ((1, 0), 1.0), ((0, 0), 1.0)],
)
def test_the_sign_test_has_its_published_values(counts, p):
    assert float(sign_p(*map(np.array, counts))) == pytest.approx(p, abs=1e-10)
    assert float(sign_p(*map(np.array, counts[::-1]))) == pytest.approx(p, abs=1e-10)


@repeatable
@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_is_twice_the_smaller_tail(more, fewer):
    n = more + fewer
    tail = sum(math.comb(n, k) for k in range(min(more, fewer) + 1)) / 2**n
    assert float(sign_p(np.array(more), np.array(fewer))) == pytest.approx(min(1, 2 * tail))


@repeatable
@given(st.integers(0, 50), st.integers(0, 50), st.integers(50, 500), st.integers(50, 500))
def test_log_odds_turn_with_the_systems_and_grow_with_the_count(count, other, n, m):
    value, deviation = log_odds((count, other), (n, m))
    turned, same = log_odds((other, count), (m, n))
    assert (value, deviation) == (pytest.approx(-turned), pytest.approx(same))
    assert log_odds((count + 1, other), (n + 1, m))[0] > value
    naive = math.log((count + 0.5) / (n - count + 0.5)) - math.log(
        (other + 0.5) / (m - other + 0.5)
    )
    assert value == pytest.approx(naive)


def test_a_habit_is_on_top_with_its_counts_and_rows():
    systems = {"plain": PLAIN, "wordy": habitual("in order to", 10)}
    sheet = compared(systems).ngrams("wordy")
    frame = sheet.frame
    assert tuple(frame.columns) == COLUMNS
    first = frame.iloc[0].to_dict()
    assert first["ngram"] == "in order to the"  # which begins every reference
    assert frame["ngram"].tolist() == ["in order to the"]
    assert {name: first[name] for name in COLUMNS[1:7]} == {
        "kind": "extra", "more": "wordy", "count": 10, "other_count": 0, "n_more": 10, "n_fewer": 0,
    }  # fmt: skip
    assert first["p"] == first["p_adjusted"] == 2 / 2**10
    assert first["verdict"] == "more"
    assert first["ci_low"] < first["log_odds"] < first["ci_high"]
    assert first["row_ids"] == [f"r{at:02}" for at in range(10)]
    assert "1 of 1 tested are told apart" in sheet.caption
    assert "▲ more" in repr(sheet)


def test_turned_round_everything_is_turned():
    systems = {"plain": PLAIN, "wordy": habitual("in order to", 9), "x": habitual("so", 11)}
    c = compared(systems)
    one, other = c.ngrams("wordy", "x").frame, c.ngrams("x", "wordy").frame
    assert len(one) >= 2
    same = ["ngram", "kind", "more", "p", "p_adjusted", "row_ids"]
    assert one[same].to_json() == other[same].to_json()
    assert one["log_odds"].tolist() == pytest.approx((-other["log_odds"]).tolist())
    assert (one["n_more"] == other["n_fewer"]).all()
    turned = other["verdict"].map({"more": "fewer", "fewer": "more", "undecided": "undecided"})
    assert one["verdict"].tolist() == turned.tolist()


def test_what_a_system_leaves_out_is_missed():
    short = [text.replace("the ", "") for text in PLAIN]
    frame = compared({"plain": PLAIN, "short": short}).ngrams("short").frame
    first = frame.iloc[0]
    assert (first["ngram"], first["kind"], first["more"]) == ("the", "missed", "short")
    assert (first["count"], first["other_count"]) == (12, 0)


def test_a_row_that_repeats_itself_counts_once():
    loud = ["very " * 50 + PLAIN[0], *PLAIN[1:]]
    frame = compared({"plain": PLAIN, "loud": loud}).ngrams("loud").frame
    assert len(frame) == 0


def test_clusters_count_once_too():
    systems = {"plain": PLAIN, "wordy": habitual("so", 12)}
    sheet = compared(systems, cluster=["a", "b"] * 6).ngrams("wordy")
    assert len(sheet.frame) == 0
    assert "sign test over clusters" in sheet.caption
    each = compared(systems, cluster=list("abcdefghijkl")).ngrams("wordy")
    assert each.frame["n_more"].tolist()[0] == 12
    assert each.header[4] == "clusters more"


def test_repeats_are_averaged_within_their_row():
    wordy = [[f"so {text}", text, f"so {text}"] for text in PLAIN]
    frame = compared({"plain": [[text] for text in PLAIN], "wordy": wordy}).ngrams("wordy").frame
    first = frame[frame["ngram"] == "so the"].iloc[0]
    assert (first["n_more"], first["n_fewer"]) == (12, 0)
    assert first["count"] == pytest.approx(8)
    (shown,) = [line for line in compared(
        {"plain": [[text] for text in PLAIN], "wordy": [[f"so {t}", t] for t in PLAIN[:11]] + [[PLAIN[11]]]}
    ).ngrams("wordy").body if line[0] == "so the"]  # fmt: skip
    assert shown[2] == "5.50"


def test_without_references_what_is_produced_is_compared():
    frame = compared({"plain": PLAIN, "wordy": habitual("so", 12)}, None).ngrams("wordy").frame
    assert set(frame["kind"]) == {"produced"}
    assert frame.iloc[0]["ngram"] == "so the"


def test_rows_without_references_are_left_out_where_others_have_them():
    wordy = habitual("so", 12)
    bare = compared({"plain": PLAIN * 2, "wordy": wordy * 2}, PLAIN + [None] * 12)
    c = compared({"plain": PLAIN, "wordy": wordy})
    sheet, expected = (each.ngrams("wordy") for each in (bare, c))
    assert sheet.frame.to_json() == expected.frame.to_json()
    assert sheet.caption.endswith("; 12 rows without references left out.")
    assert "without references" not in expected.caption


def test_an_n_gram_inside_a_longer_one_used_alike_is_left_out():
    mixed = [f"{'so' if at % 2 else 'well'} then {text}" for at, text in enumerate(PLAIN)]
    frame = compared({"plain": PLAIN, "mixed": mixed}).ngrams("mixed").frame
    assert "then the" in frame["ngram"].tolist()
    assert "then" not in frame["ngram"].tolist()


def test_the_family_is_what_could_be_told_apart():
    # ten habits of twelve rows, and one of six: p = 1/32, which ten tests more make hopeless
    rng = np.random.default_rng(0)
    words = [f"w{at}" for at in range(10)]
    wordy = [" ".join([*rng.permutation(words), *(["rare"] if at < 6 else [])]) for at in range(12)]
    sheet = compared({"plain": PLAIN, "wordy": wordy}, PLAIN).ngrams("wordy", longest=1)
    extra = sheet.frame[sheet.frame["kind"] == "extra"]
    assert set(extra["ngram"]) == set(words)
    assert "in at least" in sheet.caption
    assert sheet.frame["p_adjusted"].tolist() == pytest.approx(
        adjusted(sheet.frame["p"].to_numpy(), "benjamini-hochberg").tolist()
    )


@pytest.mark.parametrize("correction", ["holm", "benjamini-yekutieli", "none"])
def test_the_correction_can_be_chosen(correction):
    systems = {"plain": PLAIN, "wordy": habitual("so", 12)}
    sheet = compared(systems).ngrams("wordy", correction=correction)
    assert f"correction {correction}" in sheet.caption


def test_lines_shown_are_limited_and_the_frame_is_not():
    wordy = [f"{text} {' '.join('abcdefgh')}" for text in PLAIN]
    sheet = compared({"plain": PLAIN, "wordy": wordy}).ngrams("wordy", longest=2, n=3)
    assert len(sheet.body) == 3
    assert len(sheet.frame) > 3


@pytest.mark.parametrize("longest", [0, 9, 2.5, "3"])
def test_a_length_that_is_none_is_refused(longest):
    with pytest.raises(BadValue) as caught:
        compared({"plain": PLAIN, "wordy": PLAIN}).ngrams("wordy", longest=longest)
    assert str(caught.value) == (
        f"longest must be a whole number from 1 to 8, but {longest!r} came; use 4."
    )


def test_max_t_and_unknown_names_are_refused():
    c = compared({"plain": PLAIN, "wordy": PLAIN})
    with pytest.raises(BadValue) as caught:
        c.ngrams("wordy", correction="max-t")
    assert str(caught.value) == (
        "n-grams are tested one by one, but correction='max-t' came; use 'benjamini-hochberg', "
        "'benjamini-yekutieli' or 'holm'."
    )
    for options in ({"system": "wordly"}, {"system": "wordy", "correction": "bonferroni"}):
        with pytest.raises(UnknownName):
            c.ngrams(**options)


@pytest.mark.parametrize("ask", ["ngrams", "influence", "examples", "by_row", "disagreements"])
def test_a_system_is_not_compared_with_itself(ask):
    c = compared({"plain": PLAIN, "wordy": PLAIN})
    for names in (["plain"], ["wordy", "wordy"]):
        with pytest.raises(BadValue) as caught:
            getattr(c, ask)(*names)
        assert str(caught.value) == (
            f"two systems must be named that are not the same, but {names[0]!r} came against itself; "
            "name another one."
        )


def test_systems_without_a_shared_row_are_refused():
    c = compared({"plain": [PLAIN[0], None], "wordy": [None, PLAIN[1]]}, PLAIN[:2])
    with pytest.raises(BadValue) as caught:
        c.ngrams("wordy")
    assert str(caught.value) == (
        "n-grams need a row that both answered with a text, but wordy and plain share none; choose "
        "another system."
    )


def test_empty_outputs_have_no_n_grams():
    c = compared({"plain": [""] * 12, "wordy": [""] * 12})
    assert len(c.ngrams("wordy").frame) == 0
    assert "0 of 0 tested" in c.ngrams("wordy").caption
