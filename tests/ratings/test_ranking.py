"""Ranking by comparisons: published figures, a naive fit, what must not matter, and what is refused."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, UnknownName
from workbench.ratings.estimation.bradley_terry import Pairs, fit, require_finite
from workbench.ratings.ranking import rank

repeatable = settings(deadline=None, derandomize=True, max_examples=30)

# Wikipedia, "Bradley–Terry model", the worked example: 22 games of four players.
WIKIPEDIA = {"AB": 2, "AD": 1, "BA": 3, "BC": 5, "CB": 3, "CD": 1, "DA": 4, "DC": 3}
LOOP = {"AB": 6, "BC": 4, "CA": 3, "BA": 2}


def preferences(wins, ties=None, **columns):
    """RATINGS of so many wins of the first letter over the second, and ties, an item each."""
    rows = [(pair, "a") for pair, n in wins.items() for _ in range(n)]
    rows += [(pair, "tie") for pair, n in (ties or {}).items() for _ in range(n)]
    return pd.DataFrame(
        {
            "item_id": [f"i{at}" for at in range(len(rows))],
            "rater": "x",
            "question": "better",
            "value": [value for _, value in rows],
            "system_a": [pair[0] for pair, _ in rows],
            "system_b": [pair[1] for pair, _ in rows],
            "side": [pair[0] for pair, _ in rows],
        }
        | columns
    )


def strengths(ratings, **options):
    frame = rank(ratings, **options).frame
    return dict(zip(frame["system"], frame["strength"], strict=True))


def row(ratings, system, **options):
    frame = rank(ratings, **options).frame
    return frame.set_index("system").loc[system]


def test_four_players_are_as_strong_as_in_wikipedia():
    found = strengths(preferences(WIKIPEDIA))
    assert [round(float(np.exp(found[player])), 6) for player in "ABCD"] == [
        0.639835, 1.043314, 0.659810, 2.270377,
    ]  # fmt: skip
    assert sum(found.values()) == pytest.approx(0)


def test_two_systems_with_ties_are_as_davidson_solves_them():
    # 6 wins, 3 losses, 4 ties: the model is saturated, so odds are 6 : 3 and ν = 4 / √18
    found = rank(preferences({"AB": 6, "BA": 3}, {"AB": 4}))
    assert np.ptp(found.frame["strength"]) == pytest.approx(np.log(2), abs=1e-12)
    assert found.nu == pytest.approx(4 / np.sqrt(18), abs=1e-12)
    assert "ν = 0.943" in repr(found)


@pytest.mark.parametrize(("ties", "odds"), [("half", 8 / 5), ("drop", 2)])
def test_ties_are_half_a_win_or_nothing(ties, odds):
    found = rank(preferences({"AB": 6, "BA": 3}, {"AB": 4}), ties=ties)
    assert np.ptp(found.frame["strength"]) == pytest.approx(np.log(odds), abs=1e-12)
    assert found.frame["ties"].tolist() == ([4, 4] if ties == "half" else [0, 0])
    assert np.isnan(found.nu)


@pytest.mark.shared
@pytest.mark.parametrize("pair", ["fin-eng", "tur-eng", "eng-tur", "deu-eng"])
def test_wmt16_systems_are_as_strong_as_in_the_oracle(shared, pair):
    folder = shared / "preferences" / "wmt16"
    oracle = json.loads((folder / "oracle.json").read_text())[pair]
    rows = pd.read_csv(folder / f"wmt16.{pair}.csv.gz")
    apart = rows["system1rank"] - rows["system2rank"]
    ratings = pd.DataFrame(
        {
            "item_id": rows["segmentId"],
            "rater": rows["judgeID"],
            "question": "better",
            "value": np.select([apart < 0, apart > 0], ["a", "b"], "tie"),
            "system_a": rows["system1Id"],
            "system_b": rows["system2Id"],
            "side": rows["system1Id"],
        }
    )
    found = rank(ratings, ties="drop")
    expected = oracle["bradley_terry_log_strength(MM, ties dropped, mean 0)"]
    assert dict(zip(found.frame["system"], found.frame["strength"], strict=True)) == pytest.approx(
        expected, abs=1e-9
    )
    if pair == "fin-eng":
        # the published ranges of TrueSkill's ranks begin with four systems of rank 1 to 4
        ends = found.frame[["rank_low", "rank_high"]].to_numpy().tolist()
        assert ends[:4] == [[1, 4]] * 4
        assert ends[-1] == [9, 9]


# A naive recomputation.


def naive_strengths(wins, ties, systems):
    """Zermelo's iteration, ties being half a win for each."""
    won = {(a, b): 0.0 for a in systems for b in systems}
    for (a, b), n in wins.items():
        won[a, b] += n
    for (a, b), n in ties.items():
        won[a, b] += n / 2
        won[b, a] += n / 2
    strength = dict.fromkeys(systems, 1.0)
    for _ in range(5_000):
        for a in systems:
            total = sum(won[a, b] for b in systems)
            rate = sum(
                (won[a, b] + won[b, a]) / (strength[a] + strength[b]) for b in systems if a != b
            )
            strength[a] = total / rate
    logs = {a: np.log(value) for a, value in strength.items()}
    mean = np.mean(list(logs.values()))
    return {a: value - mean for a, value in logs.items()}


@st.composite
def tournaments(draw):
    """Wins and ties of up to four systems, every pair met and won in both directions."""
    systems = "ABCD"[: draw(st.integers(2, 4))]
    pairs = ["".join(pair) for pair in itertools.permutations(systems, 2)]
    wins = {pair: draw(st.integers(1, 4)) for pair in pairs}
    ties = {pair: draw(st.integers(0, 3)) for pair in pairs if pair[0] < pair[1]}
    return systems, wins, ties


@repeatable
@given(tournaments())
def test_strengths_are_the_naive_ones(tournament):
    systems, wins, ties = tournament
    expected = naive_strengths(wins, ties, systems)
    assert strengths(preferences(wins, ties), ties="half") == pytest.approx(expected, abs=1e-8)


@repeatable
@given(tournaments())
def test_davidsons_model_expects_the_points_and_the_ties_that_were_seen(tournament):
    systems, wins, ties = tournament
    found = rank(preferences(wins, ties))
    strength = dict(zip(found.frame["system"], found.frame["strength"], strict=True))
    expected, tied = dict.fromkeys(systems, 0.0), 0.0
    seen = dict.fromkeys(systems, 0.0)
    for a, b in itertools.combinations(systems, 2):
        n = wins[a + b] + wins[b + a] + ties[a + b]
        parts = [np.exp(strength[a]), np.exp(strength[b])]
        parts.append(found.nu * np.sqrt(parts[0] * parts[1]))
        chances = np.array(parts) / sum(parts)
        expected[a] += n * (chances[0] + chances[2] / 2)
        expected[b] += n * (chances[1] + chances[2] / 2)
        tied += n * chances[2]
        seen[a] += wins[a + b] + ties[a + b] / 2
        seen[b] += wins[b + a] + ties[a + b] / 2
    assert expected == pytest.approx(seen, abs=1e-8)
    assert tied == pytest.approx(sum(ties.values()), abs=1e-8)


@st.composite
def sparse_tables(draw):
    """Counts of up to four systems, many of them zero."""
    n = draw(st.integers(2, 4))
    first, second = np.triu_indices(n, 1)
    cells = st.sampled_from([0, 0, 0, 1, 2])
    counts = draw(
        st.lists(st.tuples(cells, cells, cells), min_size=len(first), max_size=len(first))
    )
    counts = np.array(counts, dtype=float)
    met = counts.any(axis=1)
    return Pairs(first[met], second[met], n), counts[met]


@settings(deadline=None, derandomize=True, max_examples=600)
@given(sparse_tables())
def test_strengths_are_refused_exactly_when_they_run_away(table):
    pairs, counts = table
    if not counts[:, :2].any():
        return
    try:
        require_finite(pairs, counts, tuple("ABCD"[: pairs.n_systems]), 0)
    except BadValue as refused:
        if "parts that were never compared" in str(refused):
            return
        try:
            found = fit(pairs, counts[None])
        except np.linalg.LinAlgError:
            return
        assert np.abs(found.strengths).max() > 8
    else:
        assert np.abs(fit(pairs, counts[None]).strengths).max() < 8


def test_many_tables_are_fitted_as_each_alone():
    rng = np.random.default_rng(0)
    first, second = np.triu_indices(5, 1)
    pairs = Pairs(first, second, 5)
    counts = rng.integers(1, 9, (40, 10, 3)).astype(float)
    counts[::3, :, 2] = 0
    together = fit(pairs, counts)
    for at in range(40):
        alone = fit(pairs, counts[[at]])
        assert together.strengths[at] == pytest.approx(alone.strengths[0], abs=1e-10)
        assert together.log_nu[at] == pytest.approx(alone.log_nu[0], abs=1e-9)


# What must not matter.


@repeatable
@given(tournaments(), st.randoms(use_true_random=False), st.sampled_from(["sandwich", "bootstrap"]))
def test_sides_order_and_names_of_raters_and_items_change_nothing(tournament, random, method):
    _, wins, ties = tournament
    ratings = preferences(wins, ties)
    other = ratings.sample(frac=1, random_state=random.randrange(1000))
    turned = np.array([random.random() < 0.5 for _ in range(len(other))])
    other.loc[turned, ["system_a", "system_b"]] = other.loc[turned, ["system_b", "system_a"]].values
    other.loc[turned, "value"] = other.loc[turned, "value"].map({"a": "b", "tie": "tie"})
    other = other.assign(item_id=other["item_id"].map("z{}".format), rater="y")
    one, two = (rank(each, method=method, samples=20).frame for each in (ratings, other))
    pd.testing.assert_frame_equal(one, two)


def test_names_of_systems_change_no_strength():
    renamed = {"A": "zeta", "B": "beta", "C": "alpha", "D": "eta"}
    ratings = preferences(WIKIPEDIA)
    other = ratings.assign(
        **{name: ratings[name].map(renamed) for name in ("system_a", "system_b", "side")}
    )
    assert strengths(other) == pytest.approx(
        {renamed[name]: value for name, value in strengths(ratings).items()}, abs=1e-10
    )


def test_swapping_wins_and_losses_turns_the_ranking_around():
    ratings = preferences(WIKIPEDIA)
    turned = ratings.assign(value="b")
    assert strengths(turned) == pytest.approx(
        {name: -value for name, value in strengths(ratings).items()}, abs=1e-10
    )


# Intervals.


def test_the_interval_of_two_systems_is_that_of_a_log_odds_ratio():
    from scipy.stats import t

    low, high = row(preferences({"AB": 30, "BA": 20}), "A")[["ci_low", "ci_high"]]
    # a strength is half the log odds; its variance by n/(n − 1), its quantile with n − 1 degrees
    reach = t.ppf(0.975, 49) * np.sqrt((1 / 30 + 1 / 20) * 50 / 49) / 2
    assert (low, high) == pytest.approx(
        (np.log(1.5) / 2 - reach, np.log(1.5) / 2 + reach), abs=1e-10
    )


def test_answers_copied_within_their_items_narrow_nothing():
    once = preferences(WIKIPEDIA, {"AC": 3})
    twice = pd.concat([once, once.assign(rater="y")], ignore_index=True)
    columns = ["system", "strength", "ci_low", "ci_high", "rank_low", "rank_high"]
    pd.testing.assert_frame_equal(rank(once).frame[columns], rank(twice).frame[columns])
    widths = [
        row(twice, "A", cluster=cluster)[["ci_low", "ci_high"]].diff().iloc[-1]
        for cluster in ("item_id", None)
    ]
    assert widths[1] < 0.75 * widths[0]


def test_the_bootstrap_agrees_with_the_sandwich_where_answers_are_many():
    wins = {pair: 40 + 10 * at for at, pair in enumerate(["AB", "BA", "BC", "CB", "CA", "AC"])}
    ratings = preferences(wins, {"AB": 60, "BC": 30, "AC": 40})
    for ties in ("davidson", "half", "drop"):
        frames = [
            rank(ratings, ties=ties, method=method).frame for method in ("sandwich", "bootstrap")
        ]
        widths = [(frame["ci_high"] - frame["ci_low"]).to_numpy() for frame in frames]
        assert widths[1] == pytest.approx(widths[0], rel=0.1)
        assert frames[0]["strength"].tolist() == frames[1]["strength"].tolist()


def test_ranks_are_ranges_of_what_is_told_apart():
    wins = {"AB": 500, "BA": 500, "AC": 900, "CA": 100, "BC": 900, "CB": 100}
    frame = rank(preferences(wins)).frame
    assert frame["rank"].tolist() == [1, 1, 3]
    assert frame[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2], [3, 3]]


def test_elo_points_are_log_strengths_on_another_scale():
    log, elo = (rank(preferences(WIKIPEDIA), unit=unit).frame for unit in ("log", "elo"))
    for name in ("strength", "ci_low", "ci_high"):
        assert elo[name].tolist() == pytest.approx(
            (1000 + 400 / np.log(10) * log[name]).tolist(), abs=1e-9
        )
    assert (log["rank_low"] == elo["rank_low"]).all()


# Rankings, best and worst, weights.


def compared_lists(values, systems, **columns):
    """RATINGS of answers over the same systems, shown in that order."""
    n = len(values)
    return pd.DataFrame(
        {
            "item_id": [f"i{at}" for at in range(n)],
            "rater": "x",
            "question": "order",
            "value": pd.Series(values, dtype=object),
            "output_ids": [[f"o{s}" for s in systems] for _ in range(n)],
            "systems": [list(systems) for _ in range(n)],
        }
        | columns
    )


def test_a_ranking_is_its_pairs():
    ranks = [[1, 2, 2], [2, 1, 3], [3, 2, 1], [1, 3, 2], [2, 3, 1]]
    wins, ties = {}, {}
    for one in ranks:
        for a, b in itertools.permutations(range(3), 2):
            if one[a] < one[b]:
                wins["ABC"[a] + "ABC"[b]] = wins.get("ABC"[a] + "ABC"[b], 0) + 1
            elif one[a] == one[b] and a < b:
                ties["ABC"[a] + "ABC"[b]] = ties.get("ABC"[a] + "ABC"[b], 0) + 1
    found = rank(compared_lists(ranks, "ABC"))
    columns = ["system", "strength", "wins", "losses", "ties", "n"]
    pd.testing.assert_frame_equal(
        found.frame[columns], rank(preferences(wins, ties)).frame[columns]
    )
    assert "sandwich over 5 clusters of item_id" in repr(found)


def test_rankings_read_from_parquet_rank_alike(tmp_path):
    ratings = compared_lists([[1, 2, 2], [2, 1, 3], [3, 2, 1]], "ABC")
    ratings.to_parquet(tmp_path / "ratings.parquet")
    found = rank(pd.read_parquet(tmp_path / "ratings.parquet"))
    pd.testing.assert_frame_equal(found.frame, rank(ratings).frame)


def test_rankings_of_different_lengths_go_together():
    short = compared_lists([[1, 2], [2, 1]], "AB")
    long = compared_lists([[1, 2, 3], [3, 2, 1]], "ABC")
    frame = rank(pd.concat([short, long.assign(rater="y")], ignore_index=True)).frame
    assert frame.set_index("system")["n"].to_dict() == {"A": 6, "B": 6, "C": 4}


def test_the_best_beats_all_and_all_beat_the_worst():
    answers = [("A", "D"), ("B", "A"), ("C", "B"), ("D", "C")]
    values = [{"best": f"o{best}", "worst": f"o{worst}"} for best, worst in answers]
    wins = {}
    for best, worst in answers:
        others = set("ABCD") - {best, worst}
        for pair in [best + worst, *(best + o for o in others), *(o + worst for o in others)]:
            wins[pair] = wins.get(pair, 0) + 1
    columns = ["system", "strength", "wins", "losses", "ties", "n"]
    one, two = rank(compared_lists(values, "ABCD")).frame, rank(preferences(wins)).frame
    one, two = (each[columns].sort_values("system", ignore_index=True) for each in (one, two))
    pd.testing.assert_frame_equal(one, two)
    assert one["n"].sum() == 2 * 4 * 5


def test_a_weight_of_two_counts_like_two_answers():
    ratings = preferences(WIKIPEDIA, {"AC": 2})
    strong = ratings.index % 3 == 0
    weighted = ratings.assign(strength=np.where(strong, 2.0, np.nan))
    doubled = pd.concat([ratings, ratings[strong]])
    one, two = rank(weighted, weights="strength").frame, rank(doubled).frame
    for name in ("strength", "ci_low", "ci_high"):
        assert one[name].tolist() == pytest.approx(two[name].tolist(), abs=1e-9)
    assert one["n"].sum() == 2 * 24
    assert strengths(weighted) == strengths(ratings)
    drawn = [rank(weighted, weights="strength", method="bootstrap", samples=20, prior=1.0)]
    assert drawn[0].frame["ci_low"].notna().all()


def test_both_bad_is_a_tie_and_is_told():
    ratings = preferences(WIKIPEDIA, {"AC": 2})
    bad = ratings.replace({"value": {"tie": "both bad"}})
    assert strengths(bad) == strengths(ratings)
    assert "2 answers say that both are bad; they count as ties." in rank(bad).notes


def test_a_system_compared_with_itself_is_left_out_and_told():
    ratings = pd.concat([preferences(WIKIPEDIA), preferences({"AA": 3})], ignore_index=True)
    found = rank(ratings.assign(item_id=[f"i{at}" for at in range(25)]))
    assert (
        found.frame["strength"].tolist() == rank(preferences(WIKIPEDIA)).frame["strength"].tolist()
    )
    assert "3 comparisons of a system with itself are left out." in found.notes


def test_a_ruling_stands_only_where_no_raters_answer_does():
    ratings = preferences(LOOP).assign(adjudicated=False)
    ruling = ratings.iloc[[0]].assign(value="b", adjudicated=True)
    assert strengths(pd.concat([ratings, ruling])) == strengths(ratings)
    replaced = pd.concat([ratings.iloc[1:], ruling])
    assert strengths(replaced) == strengths(replaced.drop(columns="adjudicated"))


# Answers to edge cases.


def test_all_ties_leave_strengths_at_zero_and_no_interval():
    for ties in ("davidson", "half"):
        found = rank(preferences({}, {"AB": 5, "BC": 5}), ties=ties)
        assert found.frame["strength"].tolist() == [0.0, 0.0, 0.0]
        assert found.frame[["ci_low", "ci_high"]].isna().all(axis=None)
        assert found.frame["rank"].tolist() == [1, 1, 1]
        assert found.frame[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 3]] * 3
        assert found.notes[0] == (
            "Every comparison is a tie: nothing tells the systems apart, nor how sure that is."
        )


def test_a_single_cluster_leaves_no_interval():
    found = rank(preferences(WIKIPEDIA), cluster="rater")
    assert found.frame["ci_low"].isna().all()
    assert found.frame["rank_high"].tolist() == [4, 4, 4, 4]
    assert found.notes[0] == (
        "There are no intervals: the values of rater are one only; choose another `cluster`."
    )


def test_few_clusters_are_told():
    ratings = preferences(WIKIPEDIA)
    found = rank(ratings.assign(rater=[f"r{at % 3}" for at in ratings.index]), cluster="rater")
    assert found.notes[0] == "The intervals are rough: they come from 3 values of rater."


ALIKE = {
    "one system always won": (preferences({"AB": 30}), {"prior": 0.5}),
    "whoever is first always won": (
        preferences({"AB": 12, "BA": 12}, item_id=[f"i{at % 12}" for at in range(24)]), {},
    ),
    "two of three for one": (
        preferences({"AB": 8, "BA": 4}, item_id=[f"i{at % 4}" for at in range(12)]), {},
    ),
    "a win and a loss, or a tie": (
        preferences({"AB": 5, "BA": 5}, {"AB": 5}, item_id=[*range(5), *range(5), *range(5, 10)]),
        {"ties": "half"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
@pytest.mark.parametrize("case", ALIKE)
def test_clusters_that_say_the_same_leave_no_interval(case, method):
    ratings, options = ALIKE[case]
    found = rank(ratings, method=method, **options)
    assert found.frame[["ci_low", "ci_high"]].isna().all(axis=None)
    assert found.frame[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2]] * 2
    assert found.notes[0] == (
        f"There are no intervals: all {ratings['item_id'].nunique()} values of item_id say the "
        "same, so they cannot say how far others would differ."
    )
    assert not any("rough" in each for each in found.notes)


def test_weights_of_any_size_leave_the_same_intervals():
    ratings = preferences(LOOP)
    for weight in (1e-6, 1e6):
        found = rank(ratings.assign(weight=weight), weights="weight").frame
        assert found["ci_low"].tolist() == pytest.approx(rank(ratings).frame["ci_low"].tolist())


def test_resamples_with_infinite_strengths_leave_no_interval():
    found = rank(preferences(WIKIPEDIA), method="bootstrap")
    assert found.frame["ci_low"].isna().all()
    assert found.notes[0] == (
        "There are no intervals: in 15.4 % of the resamples a strength is infinite; use "
        "method='sandwich' or prior=0.5."
    )
    assert rank(preferences(WIKIPEDIA), method="bootstrap", prior=0.5).frame["ci_low"].notna().all()


def test_a_prior_makes_an_undefeated_system_finite():
    found = strengths(preferences({"AB": 3}), prior=0.5)
    # the slope of 3 ln σ(2b) + ½ · 2 · (ln σ(b) + ln σ(−b)) is zero
    b = found["A"]
    sigma = 1 / (1 + np.exp(-np.array([b, 2 * b])))
    assert 3 * 2 * (1 - sigma[1]) + (1 - 2 * sigma[0]) == pytest.approx(0, abs=1e-9)
    assert found["B"] == pytest.approx(-b)
    ratings = preferences({"AB": 3}).assign(rater="x")
    assert "|prior:0.5|" in rank(ratings, prior=0.5).frame["signature"][0]
    assert "prior 0.5" in repr(rank(ratings, prior=0.5))


def test_raters_who_guess_are_told_before_their_ranking_is_believed():
    rng = np.random.default_rng(2)
    ratings = preferences({"AB": 60}).assign(rater="x")
    three = pd.concat([ratings.assign(rater=name) for name in "xyz"], ignore_index=True)
    three["value"] = rng.choice(["a", "b", "tie"], len(three))
    (note,) = rank(three).notes
    assert note.startswith("These ratings carry no signal that was shown: alpha's 95 % interval, ")
    agreeing = three.assign(value=np.tile(np.where(np.arange(60) % 3, "a", "b"), 3))
    assert not rank(agreeing).notes
    agreeing.loc[::7, "value"] = "tie"
    assert not rank(agreeing).notes


def test_without_overlap_nothing_shows_a_signal_and_that_is_told():
    assert list(rank(preferences(WIKIPEDIA)).notes) == [
        "No two raters compared the same outputs, so their agreement cannot show whether the "
        "answers carry a signal; let several rate the same items (overlap)."
    ]


def test_a_rater_who_answers_again_does_not_agree_with_another():
    ratings = preferences(WIKIPEDIA)
    (note,) = rank(pd.concat([ratings, ratings])).notes
    assert note.startswith("No two raters compared the same outputs")


# Failures.


def refused(ratings, **options):
    with pytest.raises(BadValue) as caught:
        rank(ratings, **options)
    return str(caught.value)


def test_an_undefeated_system_is_refused_by_name():
    assert refused(preferences({"AB": 3, "BC": 2, "CB": 1})) == (
        "every system must have won and lost against the others, or tied, but 'A' never lost to "
        "another, which makes its strength infinite; compare more, or use prior=0.5, half a win and "
        "half a loss more for each system."
    )


def test_an_undefeated_group_is_refused_by_name():
    assert refused(preferences({"AB": 3, "BA": 1, "BC": 2, "CD": 1, "DC": 1})).startswith(
        "every system must have won and lost against the others, or tied, but 'A', 'B' never lost "
        "to the others, which makes their strengths infinite;"
    )


def test_ties_do_not_hold_a_system_that_never_lost():
    # the tie's weight and the strength would grow together without end
    assert refused(preferences({"AB": 6}, {"AB": 4})) == (
        "Davidson's model must have a pair of systems that beat each other or a circle of wins, but "
        "every pair with a winner went one way; use ties='half', or prior=0.5."
    )
    assert np.ptp(list(strengths(preferences({"AB": 6}, {"AB": 4}), ties="half").values())) > 1
    circle = strengths(preferences({"AB": 1, "BC": 1, "CA": 1}, {"AB": 1}))
    assert max(circle.values()) < 1


def test_parts_that_were_never_compared_are_named():
    expected = (
        "all systems must be linked by comparisons, but they fall into 2 parts that were never "
        "compared: 'A', 'B' | 'C', 'D'; compare across them, or rank each part alone."
    )
    ratings = preferences({"AB": 1, "BA": 1, "CD": 1, "DC": 1})
    assert refused(ratings) == refused(ratings, prior=0.5) == expected


def test_ties_left_out_may_leave_nothing():
    assert refused(preferences({}, {"AB": 3}), ties="drop") == (
        "ratings must hold a comparison that is decided, but none came in 3 answers; collect more "
        "before ranking."
    )
    assert refused(preferences({"AA": 3})) == (
        "ratings must hold a comparison that is of different systems, but none came in 3 answers; "
        "collect more before ranking."
    )


def test_answers_that_do_not_compare_are_refused():
    ratings = preferences(WIKIPEDIA)[["item_id", "rater", "question"]].assign(value=3.0)
    assert refused(ratings) == (
        "ratings must hold answers that compare systems, but only the questions 'better' came, "
        "which do not; ask for a preference, a ranking, or best and worst."
    )
    assert refused(ratings, question="better") == (
        "answers that compare outputs must name their systems, but the ratings have neither "
        "`system_a` and `system_b` nor `systems`; read them from a journal, or add the column."
    )


def test_one_of_two_questions_must_be_chosen():
    ratings = preferences(LOOP)
    both = pd.concat([ratings, ratings.assign(question="shorter")])
    assert refused(both) == (
        "systems must be ranked by one question, but 'better', 'shorter' all compare them; give one "
        "as `question`."
    )
    assert strengths(both, question="shorter") == strengths(ratings)
    scale = ratings.assign(question="fluency", value=3.0, system_a=None, system_b=None)
    assert strengths(pd.concat([ratings, scale])) == strengths(ratings)


@pytest.mark.parametrize(
    ("value", "came"), [("A", "'A'"), (1.0, "1.0"), ("x" * 100, "'" + "x" * 58 + "…")]
)
def test_a_preference_that_is_none_is_refused(value, came):
    ratings = preferences(LOOP).astype({"value": object})
    ratings.at[2, "value"] = value
    assert refused(ratings) == (
        f"a value of question 'better' must be 'a', 'b', 'tie' or 'both bad', but {came} came on "
        "item 'i2'; correct that rating."
    )


def test_a_preference_without_its_second_system_is_refused():
    assert refused(preferences(LOOP).drop(columns="system_b")) == (
        "a preference must name both systems, but some rows with a `system_a` have no `system_b`; "
        "fill in the column."
    )


@pytest.mark.parametrize(
    ("value", "must"),
    [
        ([1, 2], "a preference, or a rank for each of the systems"),
        ({"best": "oA", "worst": "oA"}, "two different outputs of the item as best and worst"),
        ({"best": "oA", "worst": "oX"}, "two different outputs of the item as best and worst"),
        ({"best": "oA"}, "two different outputs of the item as best and worst"),
    ],
)
def test_an_answer_over_many_that_does_not_fit_is_refused(value, must):
    assert refused(compared_lists([[1, 2, 3], value], "ABC")) == (
        f"a value of question 'order' must be {must}, but {value!r} came on item 'i1'; correct that "
        "rating."
    )


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), "2", True])
def test_a_weight_that_is_none_is_refused(weight):
    ratings = preferences(LOOP).assign(strength=1.0).astype({"strength": object})
    ratings.at[1, "strength"] = weight
    assert refused(ratings, weights="strength") == (
        f"weights must be numbers above 0, but {weight!r} came in 'strength' on item 'i1'; correct "
        "that rating."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ties": "davidsen"}, "ties must be one of 'davidson', 'half', 'drop', but 'davidsen' came; "
         "did you mean 'davidson'?"),
        ({"method": "jackknife"}, "method must be one of 'sandwich', 'bootstrap', but 'jackknife' "
         "came."),
        ({"unit": "points"}, "unit must be one of 'log', 'elo', but 'points' came."),
        ({"cluster": "raters"}, "cluster must be one of 'item_id', 'rater', 'question', 'value', "
         "'system_a', 'system_b', 'side', but 'raters' came; did you mean 'rater'?"),
        ({"weights": "w"}, "weights must be one of 'item_id', 'rater', 'question', 'value', "
         "'system_a', 'system_b', 'side', but 'w' came."),
        ({"question": "bette"}, "question must be one of 'better', but 'bette' came; did you mean "
         "'better'?"),
    ],
)  # fmt: skip
def test_a_name_that_nothing_bears_is_refused(options, message):
    with pytest.raises(UnknownName) as caught:
        rank(preferences(LOOP), **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("prior", [-1.0, float("nan"), float("inf"), "1"])
def test_a_prior_below_zero_or_without_end_is_refused(prior):
    assert refused(preferences(LOOP), prior=prior) == (
        f"prior must be 0 or more, but {prior!r} came; use 0 or 0.5."
    )


def test_hostile_names_are_shown_harmlessly(hostiles):
    for text in hostiles.values():
        name = text[:300]
        ratings = preferences(LOOP).replace({"system_a": {"A": name}, "system_b": {"A": name}})
        found = rank(ratings)
        assert "\x1b" not in repr(found)
        assert "<script" not in found._repr_html_()


# Whether intervals keep their word.


def campaign(rng, strengths, n_items, n_raters):
    """Answers on items that have likings of their own, which their raters share."""
    n = len(strengths)
    first, second = np.triu_indices(n, 1)
    at = rng.integers(len(first), size=n_items)
    own = rng.normal(0, 0.8, n_items)
    half = ((strengths[first[at]] - strengths[second[at]] + own) / 2)[:, None]
    chances = np.exp(np.concatenate([half, -half, np.full_like(half, -0.7)], axis=1))
    ends = (chances / chances.sum(axis=1, keepdims=True)).cumsum(axis=1)
    outcome = (rng.random((n_items, n_raters, 1)) > ends[:, None]).sum(axis=2)
    values = np.array(["a", "b", "tie"])[outcome]
    names = np.array(list("ABCDEFGH")[:n])
    items = np.repeat(np.arange(n_items), n_raters)
    return pd.DataFrame(
        {
            "item_id": items.astype(str),
            "rater": np.tile(np.arange(n_raters).astype(str), n_items),
            "question": "better",
            "value": values.ravel(),
            "system_a": names[first[at]][items],
            "system_b": names[second[at]][items],
            "side": names[first[at]][items],
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
@pytest.mark.parametrize("true", [(0.6, 0.2, -0.3, -0.5), (0.0, 0.0, 0.0, 0.0)])
def test_intervals_cover_the_truth_and_ranks_hold_together(method, true):
    true = np.array(true)
    # what the model finds with the likings of items averaged out
    much = strengths(campaign(np.random.default_rng(1), true, 60_000, 3), samples=2)
    goal = np.array([much[name] for name in "ABCD"]) if true.any() else true
    best, last = (
        1 + (over(goal, goal[:, None])).sum(axis=1) for over in (np.greater, np.greater_equal)
    )
    covered, held = [], []
    for seed in range(250):
        ratings = campaign(np.random.default_rng([5, seed]), true, 120, 3)
        frame = rank(ratings, method=method, samples=300).frame.sort_values("system")
        covered += ((frame["ci_low"] <= goal) & (goal <= frame["ci_high"])).tolist()
        # a system that ties with others has all their ranks
        held.append(bool(((frame["rank_low"] <= best) & (last - 1 <= frame["rank_high"])).all()))
    # 250 experiments of four systems have a standard error of about 0.01
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(held) >= 0.92
