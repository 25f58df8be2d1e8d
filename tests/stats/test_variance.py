"""Components of variance: a published study, plain loops, worlds whose truth is known."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.stats import cr1, variance_components

repeatable = settings(deadline=None, derandomize=True)

# Montgomery, "Design and Analysis of Experiments", the study of a gauge: 20 parts, 3 operators, 2 readings
GAUGE = """
    21 20 20 20 19 21   24 23 24 24 23 24   20 21 19 21 20 22   27 27 28 26 27 28   19 18 19 18 18 21
    23 21 24 21 23 22   22 21 22 24 22 20   19 17 18 20 19 18   24 23 25 23 24 24   25 23 26 25 24 25
    21 20 20 20 21 20   18 19 17 19 18 19   23 25 25 25 25 25   24 24 23 25 24 25   29 30 30 28 31 30
    26 26 25 26 25 27   20 20 19 20 20 20   19 21 19 19 21 23   25 26 25 24 25 25   19 19 18 17 19 17
"""
GAUGE = np.array(GAUGE.split(), dtype=float).reshape(20, 3, 2)


def by_source(values, **options):
    return {each.source: each for each in variance_components(values, **options).components}


def drawn(n=12, levels=(3,), repeats=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *levels, repeats))


layouts = st.builds(
    drawn, st.integers(3, 8), st.sampled_from([(2,), (3,), (2, 3)]), st.integers(2, 3), st.integers(0, 99)
)  # fmt: skip


def factors_of(values):
    return ("model", "prompt")[: values.ndim - 2]


def test_the_published_study_of_a_gauge():
    found = by_source(GAUGE, factors=["operator"])
    squares = {name: each.df * each.mean_square for name, each in found.items()}
    assert squares == pytest.approx(
        {"row": 1185.425, "operator": 2.617, "row × operator": 27.050, "repeat": 59.500}, abs=5e-4
    )
    # parts at random and operators as they are; its interaction is scaled so that its variance is 2/3
    assert found["row"].value == pytest.approx(10.23, abs=5e-3)
    assert 3 / 2 * found["row × operator"].value == pytest.approx(-0.14, abs=5e-3)
    assert found["repeat"].value == pytest.approx(0.99, abs=5e-3)
    assert found["row × operator"].share == found["row × operator"].low == 0
    assert sum(each.share for each in found.values()) == pytest.approx(1)


def naive(values):
    """Split by loops over one factor, with divisors that make each part unbiased."""
    n, s, k = values.shape
    mean = values.mean()
    cell, row, system = values.mean(2), values.mean((1, 2)), values.mean((0, 2))
    within = sum(
        (values[i, j, r] - cell[i, j]) ** 2 for i in range(n) for j in range(s) for r in range(k)
    )
    both = sum((cell[i, j] - row[i] - system[j] + mean) ** 2 for i in range(n) for j in range(s))
    noise = within / (n * s * (k - 1))
    together = both / ((n - 1) * (s - 1))
    return {
        "row": sum((each - mean) ** 2 for each in row) / (n - 1) - noise / (s * k),
        "system": sum((each - mean) ** 2 for each in system) / s - together * (s - 1) / s / n,
        "row × system": both / ((n - 1) * s) - noise * (s - 1) / (s * k),
        "repeat": noise,
    }  # fmt: skip


@pytest.mark.parametrize("values", [GAUGE, drawn(), drawn(5, (2,), 4, 1)])
def test_components_are_what_loops_find(values):
    found = {name: each.value for name, each in by_source(values).items()}
    assert found == pytest.approx(naive(values), abs=1e-10)


@repeatable
@given(st.integers(0, 99))
def test_two_factors_split_what_their_systems_make(seed):
    values = drawn(9, (2, 3), 2, seed)
    apart = by_source(values, factors=["model", "prompt"])
    whole = by_source(values.reshape(9, 6, 2))
    for lead, name in (("", "system"), ("row × ", "row × system")):
        parts = [apart[lead + each].value for each in ("model", "prompt", "model × prompt")]
        assert sum(parts) == pytest.approx(whole[name].value, abs=1e-10)
    for name in ("row", "repeat"):
        assert apart[name].value == pytest.approx(whole[name].value, abs=1e-10)


@repeatable
@given(layouts, st.integers(0, 99), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_names_order_origin_and_unit_change_nothing_else(values, seed, origin, unit):
    rng = np.random.default_rng(seed)
    moved = origin + unit * values
    for axis in range(values.ndim):
        moved = moved.take(rng.permutation(values.shape[axis]), axis=axis)
    before, after = (variance_components(v, factors=factors_of(v)) for v in (values, moved))
    for one, other in zip(before.components, after.components, strict=True):
        assert other.value == pytest.approx(one.value * unit**2, abs=1e-6 * unit**2)
        assert other[4:] == pytest.approx(one[4:], abs=1e-6)
    assert after.error == pytest.approx(before.error * unit, rel=1e-6)


@repeatable
@given(layouts)
def test_shares_are_shares_within_their_intervals(values):
    found = variance_components(values, factors=factors_of(values)).components
    assert sum(each.share for each in found) == pytest.approx(1)
    assert all(0 <= each.low <= each.share <= each.high <= 1 for each in found)
    assert sum(each.df for each in found) == values.size - 1


def test_known_components_are_found():
    rng = np.random.default_rng(1)
    n, effects = 3_000, np.array([-0.5, 0.0, 0.5])
    values = rng.normal(0, 0.7, (n, 1, 1)) + effects[:, None] + rng.normal(0, 0.4, (n, 3, 1))
    found = by_source(values + rng.exponential(0.6, (n, 3, 4)))
    # of an effect of its own, a third goes with what all systems share
    truth = {
        "row": 0.49 + 0.16 / 3,
        "system": 0.5 / 3,
        "row × system": 0.16 * 2 / 3,
        "repeat": 0.36,
    }
    for name, value in truth.items():
        assert found[name].value == pytest.approx(value, rel=0.1)
        assert found[name].low < value / sum(truth.values()) < found[name].high


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    truth = np.array([0.5 + 0.2 / 6, 0.0, 0.2 * 5 / 6, 0.3])
    hits = np.zeros(4)
    for _ in range(100):
        values = rng.normal(0, 0.5**0.5, (40, 1, 1)) + rng.normal(0, 0.2**0.5, (40, 6, 1))
        found = variance_components(values + rng.normal(0, 0.3**0.5, (40, 6, 3))).components
        hits += [each.low <= true <= each.high for each, true in zip(found, truth, strict=True)]
    assert (hits >= 88).all()


@repeatable
@given(st.integers(0, 99), st.integers(1, 3))
def test_the_error_of_a_difference_is_that_of_all_pairs(seed, n_repeats):
    values = drawn(12, (4,), n_repeats, seed)
    clusters = np.arange(12) // 3
    means = values.mean(axis=2)
    errors = [cr1(means[:, a] - means[:, b], clusters) for a, b in combinations(range(4), 2)]
    found = variance_components(values, clusters=clusters)
    assert found.error == pytest.approx(math.sqrt(np.mean(np.square(errors))))
    assert (found.n, found.n_clusters, found.n_systems, found.n_repeats) == (12, 4, 4, n_repeats)


def test_more_rows_and_more_repeats_do_to_an_error_what_they_did_in_a_larger_study():
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, (4_000, 2, 1)) + rng.normal(0, 2, (4_000, 2, 8))
    few = variance_components(values[:, :, :2])
    assert few.error_with(repeats=4) == pytest.approx(variance_components(values).error, rel=0.05)
    assert few.error_with(repeats=math.inf) == pytest.approx(math.sqrt(2 / 4_000), rel=0.1)
    assert few.error_with(rows=4) == few.error / 2
    assert few.error_with() == few.error


def test_what_repeats_make_may_seem_more_than_all_and_then_nothing_is_left():
    found = variance_components(GAUGE)
    assert found.repeat_error > found.error
    assert found.error_with(repeats=math.inf) == 0


def test_rows_that_were_answered_once_tell_nothing_of_repeats():
    found = variance_components(drawn(repeats=1))
    row, system, both, repeat = found.components
    assert (repeat.source, repeat.df) == ("repeat", 0)
    assert all(map(math.isnan, repeat[2:]))
    assert row.share + system.share + both.share == pytest.approx(1)
    assert math.isnan(found.error_with(repeats=2))
    assert found.error_with(rows=4) == found.error / 2


def test_one_system_has_rows_and_repeats():
    values = drawn(levels=(1,))
    found = variance_components(values)
    assert [each.source for each in found.components] == ["row", "repeat"]
    assert found.error == pytest.approx(cr1(values.mean((1, 2)), range(12)))
    assert found.repeat_error == pytest.approx(math.sqrt(found.components[1].value / 24))


def test_where_nothing_varies_nothing_has_a_share():
    for each in variance_components(np.full((4, 2, 3), 0.1)).components:
        assert each.value == 0
        assert all(map(math.isnan, each[4:]))


REFUSED = {
    "no axis for repeats": (
        lambda: variance_components(np.zeros((4, 2))),
        "values must have an axis for rows, one for each factor ('system') and one for repeats, but an "
        "array of shape (4, 2) came; name its other axes.",
    ),
    "a missing value": (
        lambda: variance_components([[[1.0, math.nan]], [[2.0, 3.0]], [[2.0, 3.0]]]),
        "values must be numbers, but 1 of 6 are not; leave such rows out, and say so.",
    ),
    "two clusters": (
        lambda: variance_components(drawn(4), clusters=["a", "a", "b", "b"]),
        "a variance over rows needs at least three of them, in three clusters, but 4 in 2 came; answer "
        "more rows.",
    ),
    "clusters of other rows": (
        lambda: variance_components(drawn(4), clusters=["a"]),
        "each row must have a cluster, but 4 rows and clusters of shape (1,) came; give one per row.",
    ),
    "a name that is taken": (
        lambda: variance_components(drawn(4), factors=["row"]),
        "factors must have names of their own, but 'row' came; rename it.",
    ),
    "a level in percent": (
        lambda: variance_components(drawn(4), level=95),
        "level must be between 0 and 1, but 95 came; use 0.95.",
    ),
    "a level in letters": (
        lambda: variance_components(drawn(4), level="0.9"),
        "level must be between 0 and 1, but '0.9' came; use 0.95.",
    ),
    "nought rows": (
        lambda: variance_components(drawn(4)) .error_with(rows=0),
        "rows and repeats must be above 0, but 0 and 1.0 came; 2 is twice as many.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_split_is_refused(case):
    call, message = REFUSED[case]
    with pytest.raises(BadValue) as caught:
        call()
    assert str(caught.value) == message
