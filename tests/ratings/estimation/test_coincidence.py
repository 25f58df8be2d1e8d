"""Patterns and coefficients as sums: counting, resampling, and whether intervals keep their word."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.ratings.estimation.classes import multisets, resamples
from workbench.ratings.estimation.coincidence import estimate, patterns, sums

repeatable = settings(deadline=None, derandomize=True, max_examples=200)


@st.composite
def grouped_codes(draw):
    """Codes in up to six groups, every group there."""
    groups = draw(
        st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5), min_size=1, max_size=6)
    )
    pairs = [(at, code) for at, codes in enumerate(groups) for code in codes]
    pairs = draw(st.permutations(pairs))
    return groups, *(np.array(column) for column in zip(*pairs, strict=True))


@repeatable
@given(grouped_codes())
def test_multisets_are_those_that_a_dictionary_counts(found):
    lists, groups, codes = found
    classes = multisets(groups, codes, 5)
    rows = classes.counts.toarray()
    for at, members in enumerate(lists):
        assert rows[classes.of_group[at]].tolist() == np.bincount(members, minlength=5).tolist()
    tally = collections.Counter(tuple(sorted(members)) for members in lists)
    assert sorted(tally.values()) == sorted(classes.frequency.tolist())
    assert len({tuple(row) for row in rows.tolist()}) == len(rows)


def test_long_rows_and_wide_codes_are_told_apart():
    for size, n_codes in ((70, 3), (9, 10**6)):
        codes = np.tile(np.arange(size) % n_codes, 3)
        codes[size] = n_codes - 1
        groups = np.repeat(np.arange(3), size)
        classes = multisets(groups, codes, n_codes)
        assert sorted(classes.frequency.tolist()) == [1, 2]
        assert classes.of_group[0] == classes.of_group[2] != classes.of_group[1]


@pytest.mark.parametrize("frequency", [[3, 1, 2], [400, 100, 300]])
def test_resamples_draw_as_many_as_there_are_and_each_as_often_as_it_is(frequency):
    frequency = np.array(frequency)
    drawn = np.concatenate(list(resamples(frequency, 4_000, 10, 0)))
    assert drawn.shape == (4_000, 3)
    assert (drawn.sum(axis=1) == frequency.sum()).all()
    assert drawn.mean(axis=0) == pytest.approx(frequency, rel=0.05)
    share = frequency / frequency.sum()
    assert drawn.var(axis=0) == pytest.approx(frequency.sum() * share * (1 - share), rel=0.1)


def test_resamples_do_not_depend_on_the_size_of_blocks():
    frequency = np.array([1, 1, 1, 2])
    one, many = (
        np.concatenate(list(resamples(frequency, 100, width, 7))) for width in (1, 4_000_000)
    )
    assert (one == many).all()


def drawn_ratings(rng, kind, n):
    """Three ratings of n items: names that depend on the item, steps of a scale, or mere guesses."""
    if kind == "guesses":
        return rng.choice(3, p=[0.5, 0.3, 0.2], size=(n, 3))
    if kind == "names":
        truth = rng.choice(3, p=[0.7, 0.2, 0.1], size=(n, 1))
        guess = rng.choice(3, p=[0.7, 0.2, 0.1], size=(n, 3))
        return np.where(rng.random((n, 3)) < 0.8, truth, guess)
    steps = np.round(2 + 1.2 * (rng.normal(size=(n, 1)) + rng.normal(0, 0.8, (n, 3))))
    return np.clip(steps, 0, 4).astype(int)


def estimated(rng, kind, n, scale, coefficient, samples):
    values = drawn_ratings(rng, kind, n)
    items = np.repeat(np.arange(n), 3)
    found = patterns(items, items, values.ravel(), 5 if kind == "steps" else 3)
    points = np.arange(1.0, found.counts.shape[1] + 1)
    of = sums(coefficient, found, scale, points)
    return estimate(found, of, level=0.95, samples=samples, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "scale", "coefficient", "n", "least"),
    [
        ("names", "nominal", "alpha", 50, 0.935),
        ("steps", "ordinal", "alpha", 50, 0.93),
        ("steps", "interval", "alpha", 50, 0.93),
        ("guesses", "nominal", "alpha", 50, 0.93),
        ("guesses", "nominal", "alpha", 20, 0.90),
        ("names", "nominal", "percent", 50, 0.93),
        ("names", "nominal", "gwet", 50, 0.925),
        ("names", "nominal", "fleiss", 200, 0.93),
    ],
)
def test_intervals_cover_the_truth_as_often_as_they_say(kind, scale, coefficient, n, least):
    truth = estimated(np.random.default_rng(1), kind, 400_000, scale, coefficient, 2).value
    hits = []
    for seed in range(1_500):
        found = estimated(np.random.default_rng([7, seed]), kind, n, scale, coefficient, 1_000)
        hits.append(found.low <= truth <= found.high)
    # 1,500 experiments have a standard error of 0.006
    assert least <= np.mean(hits) <= 0.97
