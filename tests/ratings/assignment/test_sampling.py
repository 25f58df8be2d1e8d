"""Sampling: shares that come out, balance over systems, and probabilities that are true."""

from collections import Counter
from itertools import combinations
from math import comb, log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.ratings.assignment.sampling import (
    Apart,
    Draw,
    disagreeing,
    inclusion,
    information_gains,
    informative,
    largest_remainders,
    stratified,
    systematic,
)

COMMON = settings(deadline=None, derandomize=True, max_examples=60)
SYSTEMS = ("a", "b", "c", "d", "e")


def groups(n_rows, systems=SYSTEMS):
    return {f"row{at:03}": tuple(systems) for at in range(n_rows)}


def counts(chosen, k):
    systems = Counter(each for found in chosen for each in found.systems)
    pairs = Counter(pair for found in chosen for pair in combinations(found.systems, 2))
    return [systems[each] for each in SYSTEMS], [pairs[each] for each in combinations(SYSTEMS, 2)]


def test_all_outputs_and_all_pairs_come_once():
    for k in (1, 2):
        chosen = Draw(groups(4), k, 0).every()
        assert len(set(chosen)) == len(chosen) == 4 * comb(5, k)


def test_tuples_show_each_output_of_a_row_and_are_balanced_over_systems_and_pairs():
    chosen = Draw(groups(30), 3, 0).every()
    assert Counter(found.row_id for found in chosen) == dict.fromkeys(groups(30), 2)
    for row in groups(30):
        assert {e for found in chosen if found.row_id == row for e in found.systems} == {*SYSTEMS}
    systems, pairs = counts(chosen, 3)
    assert systems == [36] * 5
    assert max(pairs) - min(pairs) <= 2


@COMMON
@given(
    n_rows=st.integers(1, 12), k=st.integers(1, 4), share=st.floats(0, 1), seed=st.integers(0, 99)
)
def test_a_random_sample_has_no_item_twice_and_every_system_as_often(n_rows, k, share, seed):
    draw = Draw(groups(n_rows), k, seed)
    n = max(1, round(share * draw.size()))
    chosen = draw.fill(draw.rows(), n, whole=k == 1)
    assert len(chosen) == len(set(chosen)) == n
    systems, _ = counts(chosen, k)
    # towards the end a row may have left only what is not due
    assert max(systems) - min(systems) <= (1 if share <= 0.5 else 2)


def test_a_sample_of_pairs_spreads_over_rows_and_balances_pairs():
    draw = Draw(groups(100), 2, 3)
    chosen = draw.fill(draw.rows(), 100, whole=False)
    assert len({found.row_id for found in chosen}) == 100
    assert counts(chosen, 2) == ([40] * 5, [10] * 10)


def test_a_sample_of_single_outputs_takes_rows_whole():
    draw = Draw(groups(100), 1, 3)
    chosen = draw.fill(draw.rows(), 50, whole=True)
    assert set(Counter(found.row_id for found in chosen).values()) == {5}


def test_what_is_taken_is_not_drawn():
    draw = Draw(groups(2), 2, 0, {("row000", ("a", "b"))})
    assert draw.size() == 19
    assert ("row000", ("a", "b"), None) not in draw.fill(draw.rows(), 19, whole=False)
    assert ("row000", ("a", "b"), None) not in draw.every()


def test_systems_that_are_missing_on_some_rows_are_drawn_more_on_the_others():
    some = groups(20, ("a", "b")) | {f"x{at:02}": SYSTEMS for at in range(20)}
    draw = Draw(some, 2, 0)
    systems, _ = counts(draw.fill(draw.rows(), 60, whole=False), 2)
    assert sum(systems) == 120
    assert max(systems[2:]) - min(systems[2:]) <= 1


@COMMON
@given(st.dictionaries(st.text(max_size=3), st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_shares_are_those_of_largest_remainders_with_at_least_one_each(sizes, data):
    total = sum(sizes.values())
    n = data.draw(st.integers(1, total))
    quotas = largest_remainders(sizes, n)
    assert sum(quotas.values()) == n
    assert all(0 <= quotas[name] <= size for name, size in sizes.items())
    if n >= len(sizes):
        assert min(quotas.values()) >= 1
    exact = {name: n * size / total for name, size in sizes.items()}
    if all(share >= 1 for share in exact.values()):
        assert all(abs(quotas[name] - share) < 1 for name, share in exact.items())


def test_largest_remainders_are_those_of_hamilton():
    # 1791 House of Representatives by Hamilton's method: Balinski and Young (1982), table 1.1 rule
    # on a small example: populations 41, 32, 27 and 10 seats
    assert largest_remainders({"x": 41, "y": 32, "z": 27}, 10) == {"x": 4, "y": 3, "z": 3}


def test_a_stratified_sample_has_each_stratum_by_its_share():
    strata = {row: "rare" if row < "row004" else "common" for row in groups(100)}
    chosen = stratified(Draw(groups(100), 2, 0), strata, 50)
    assert Counter(strata[found.row_id] for found in chosen) == {"common": 48, "rare": 2}
    systems, pairs = counts(chosen, 2)
    assert systems == [20] * 5
    assert max(pairs) - min(pairs) <= 1


def test_texts_that_share_nothing_are_furthest_apart():
    texts = {"r1": {"a": "the cat", "b": "the cat"}, "r2": {"a": "the cat", "b": "xyz"}}
    texts["r3"] = {"a": "the cat", "b": "the cats"}
    apart = Apart(texts)
    assert apart("r1", ("a", "b")) == 0
    assert apart("r2", ("a", "b")) == 1
    # trigrams of ␂the cat␃ (7 of them) and ␂the cats␃ (8), 6 in common
    assert apart("r3", ("a", "b")) == pytest.approx(1 - 2 * 6 / 15)
    draw = Draw({row: ("a", "b") for row in texts}, 2, 0)
    assert [found.row_id for found in disagreeing(draw, apart, 3)] == ["r2", "r3", "r1"]


def scores(cells):
    columns = ["row_id", "system", "metric", "value"]
    return pd.DataFrame(cells, columns=columns)


def test_scores_that_differ_most_come_first_and_errors_are_turned_round():
    values = {"r1": (1, 1), "r2": (0, 4), "r3": (1, 2)}
    cells = [
        (row, system, metric, sign * value)
        for row, pair in values.items()
        for system, value in zip("ab", pair, strict=True)
        for metric, sign in (("bleu", 1), ("ter", -10))
    ]
    apart = Apart({}, scores(cells))
    deviation = np.std([1, 1, 0, 4, 1, 2])
    assert apart("r1", ("a", "b")) == pytest.approx(0)
    # naive: turned round, both metrics have the same standardised scores
    assert apart("r2", ("a", "b")) == pytest.approx(2 / deviation)
    draw = Draw(dict.fromkeys(values, ("a", "b")), 1, 0)
    chosen = disagreeing(draw, apart, 4)
    assert [found.row_id for found in chosen] == ["r2", "r2", "r3", "r3"]


def test_information_falls_with_what_is_known_and_with_one_sidedness():
    even = np.array([[0, 8, 1], [8, 0, 1], [1, 1, 0]], dtype=float)
    gains = information_gains(even)
    assert gains[0, 2] > gains[0, 1] > 0
    assert gains == pytest.approx(gains.T)
    sided = np.array([[0, 5, 9], [5, 0, 9], [0, 0, 0]], dtype=float)
    assert np.isfinite(information_gains(sided)).all()


def test_information_of_two_systems_is_that_of_the_formula():
    # w wins of n = 2w: p = 1/2, so the information of the difference is n/4 beside the prior's
    # 1/4 on each; the variance of the difference is that of the inverse matrix
    n = 12
    matrix = np.array([[n / 4 + 1 / 4, -n / 4], [-n / 4, n / 4 + 1 / 4]])
    inverse = np.linalg.inv(matrix)
    variance = inverse[0, 0] + inverse[1, 1] - 2 * inverse[0, 1]
    gains = information_gains(np.array([[0, n / 2], [n / 2, 0]]))
    assert gains[0, 1] == pytest.approx(0.5 * log(1 + variance / 4))


@COMMON
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30), st.data())
def test_probabilities_add_up_and_every_draw_has_its_size(weights, data):
    n = data.draw(st.integers(1, len(weights)))
    found = inclusion(np.array(weights), n)
    assert found.sum() == pytest.approx(n)
    assert ((found > 0) & (found <= 1)).all()
    start = data.draw(st.floats(0, 1, exclude_max=True))
    drawn = systematic(found, start)
    assert len(drawn) == len(set(drawn)) == n


def test_systematic_sampling_has_the_probabilities_it_says():
    probabilities = inclusion(np.array([5.0, 1.0, 1.0, 2.0, 0.5, 3.0]), 3)
    drawn = Counter(
        each for at in range(10_000) for each in systematic(probabilities, (at + 0.5) / 10_000)
    )
    assert [drawn[at] / 10_000 for at in range(6)] == pytest.approx(probabilities, abs=2e-4)


def ratings(cells):
    columns = ["item_id", "rater", "question", "value", "system_a", "system_b", "side"]
    filled = [
        (f"i{at}", "r", "better", value, one, other, one)
        for at, (one, other, value) in enumerate(cells)
    ]
    return pd.DataFrame(filled, columns=columns)


KNOWN = ratings([("a", "b", "a")] * 20 + [("a", "c", "tie"), ("b", "c", "b"), ("d", "e", "a")])


def test_an_estimate_by_inverse_propensities_is_unbiased():
    # Horvitz and Thompson (1952): the mean over samples of Σ yᵢ/πᵢ is Σ yᵢ, though what is worth
    # knowing is drawn more often
    population = groups(12)
    worth = {
        (row, pair): (at % 7) + (3 if "a" in pair else 0)
        for row in population
        for at, pair in enumerate(combinations(SYSTEMS, 2))
    }
    truth = sum(worth.values()) / len(worth)
    estimates, plain = [], []
    for seed in range(400):
        chosen = informative(Draw(population, 2, seed), KNOWN, ["better"], 20)
        assert len(chosen) == 20
        values = [worth[found.row_id, found.systems] for found in chosen]
        estimates.append(
            sum(v / found.propensity for v, found in zip(values, chosen, strict=True)) / len(worth)
        )
        plain.append(np.mean(values))
    error = np.std(estimates, ddof=1) / len(estimates) ** 0.5
    assert abs(np.mean(estimates) - truth) < 3 * error
    # without the weights the mean is wrong, so the test above says something
    assert abs(np.mean(plain) - truth) > 5 * np.std(plain, ddof=1) / len(plain) ** 0.5


def test_each_item_is_drawn_as_often_as_its_propensity_says():
    population, drawn, said = groups(4, "abc"), Counter(), {}
    for seed in range(800):
        for found in informative(Draw(population, 2, seed), KNOWN, ["better"], 5):
            drawn[found[:2]] += 1
            said[found[:2]] = found.propensity
    assert len(said) == 12
    for each, propensity in said.items():
        deviation = (propensity * (1 - propensity) / 800) ** 0.5
        assert abs(drawn[each] / 800 - propensity) < 4.5 * deviation


def test_pairs_that_are_well_known_are_drawn_less_but_never_not_at_all():
    chosen = informative(Draw(groups(40), 2, 0), KNOWN, ["better"], 100)
    share = {found.systems: found.propensity for found in chosen}
    assert share["a", "b"] == min(share.values())
    assert share["a", "b"] > 0.1 * 100 / 400
