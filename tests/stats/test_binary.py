"""Rows that are right or wrong: published intervals and tests, and plain recomputations."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from workbench.errors import BadValue
from workbench.stats import mcnemar, newcombe, wilson

repeatable = settings(deadline=None, derandomize=True)
counts = st.integers(0, 40)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe (1998), "Interval estimation for the difference …", and statsmodels 0.15.0
        (17, 20, 0.6395811353, 0.9476312541),
        (5, 5, 0.5655175352, 1.0),
        (0, 10, 0.0, 0.2775327999),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_wilsons_interval_is_the_published_one(hits, n, low, high):
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@repeatable
@given(counts, counts, st.floats(0.5, 0.999))
def test_wilsons_interval_is_scipys(hits, misses, level):
    n = hits + misses
    if n:
        peer = binomtest(hits, n).proportion_ci(level, method="wilson")
        assert wilson(hits, n, level=level) == pytest.approx((peer.low, peer.high), abs=1e-12)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Fagerland, Lydersen and Laake (2014): Bentur et al. (2009), Cavo et al. (2012)
        ((1, 1, 7, 12), -0.507, -0.026),
        ((59, 6, 16, 80), -0.1186, -0.0046),
    ],
)
def test_newcombes_interval_is_the_published_one(table, low, high):
    assert newcombe(*table) == pytest.approx((low, high), abs=5e-4)


def test_newcombes_interval_without_correlation_is_that_of_two_samples():
    # both · neither − first · second lies between 0 and half a row: φ is 0
    found = newcombe(5, 5, 5, 5)
    low, high = wilson(10, 20)
    reach = math.hypot(0.5 - low, high - 0.5)
    assert found == pytest.approx((-reach, reach), abs=1e-12)


@repeatable
@given(counts, counts, counts, counts)
def test_newcombes_interval_holds_the_difference_and_mirrors(both, first, second, neither):
    n = both + first + second + neither
    if n:
        low, high = newcombe(both, first, second, neither)
        assert -1 - 1e-12 <= low <= (first - second) / n <= high <= 1 + 1e-12
        turned = newcombe(both, second, first, neither)
        assert turned == pytest.approx((-high, -low), abs=1e-12)
        widened = newcombe(both, first, second, neither, level=0.99)
        assert widened.low <= low + 1e-12
        assert widened.high >= high - 1e-12


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(10, 2, 0.03857421875), (25, 10, 0.0166738478), (1, 0, 1.0), (0, 0, 1.0), (4, 4, 1.0)],
)
def test_mcnemars_exact_p_is_the_published_one(first, second, p):
    # statsmodels 0.15.0, mcnemar(exact=True)
    assert mcnemar(first, second).p == pytest.approx(p, abs=5e-11)


def test_mid_p_is_the_published_one():
    # Fagerland, Lydersen and Laake (2013), table 1: Bentur et al. (2009), 1 against 7
    assert mcnemar(1, 7).p == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(1, 7).mid_p == pytest.approx(0.0391, abs=5e-5)


@repeatable
@given(st.integers(0, 6), st.integers(0, 5))
def test_mcnemars_test_tries_every_exchange(first, second):
    gaps = np.array([1] * first + [-1] * second)
    signs = np.array(list(itertools.product([1, -1], repeat=len(gaps))))
    sizes, observed = np.abs(signs @ gaps), abs(first - second)
    found = mcnemar(first, second)
    assert found.p == np.mean(sizes >= observed)
    assert found.mid_p == pytest.approx(found.p - np.mean(sizes == observed) / 2, abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(501, 500), (560, 441), (4000, 3800)])
def test_of_many_rows_the_p_is_scipys(first, second):
    peer = binomtest(first, first + second).pvalue
    assert mcnemar(first, second).p == pytest.approx(peer, rel=1e-9)
    assert mcnemar(first, second).mid_p < peer


def test_numbers_of_numpy_are_counts_without_an_end():
    counts = [200_000, 100_000, 150_000, 300_000]
    assert newcombe(*np.array(counts)) == newcombe(*counts)
    assert mcnemar(*np.array([40, 60])) == mcnemar(40, 60)


def test_of_no_row_there_is_no_interval():
    assert all(math.isnan(end) for end in (*wilson(0, 0), *newcombe(0, 0, 0, 0)))


@pytest.mark.parametrize(
    ("call", "came"),
    [
        (lambda: wilson(3, 2), "0.95 and 3, -1"),
        (lambda: wilson(1, 2, level=95), "95 and 1, 2"),
        (lambda: newcombe(1, -1, 2, 3), "0.95 and 1, -1, 2, 3"),
        (lambda: mcnemar(-1, 2), "0.5 and -1, 2"),
        (lambda: wilson(math.nan, 3), "0.95 and nan, 3"),
        (lambda: wilson(1.5, 3), "0.95 and 1.5, 3"),
        (lambda: wilson("1", 3), "0.95 and 1, 3"),
        (lambda: wilson(1, 2, level="0.9"), "'0.9' and 1, 2"),
        (lambda: newcombe(1, 2, 3, math.nan), "0.95 and 1, 2, 3, nan"),
    ],
)
def test_numbers_out_of_range_are_refused(call, came):
    with pytest.raises(BadValue) as caught:
        call()
    assert str(caught.value) == (
        "level must be between 0 and 1 and numbers of rows whole and at least 0, but "
        f"{came} came; count rows, and use 0.95."
    )
