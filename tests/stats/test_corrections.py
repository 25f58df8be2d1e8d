"""Adjusted p-values: published examples, plain recomputations, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import UnknownName
from workbench.stats import adjusted, step_down
from workbench.stats.corrections import require

repeatable = settings(deadline=None, derandomize=True)
families = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.04, 0.05, 1.0])), max_size=12
)
corrections = st.sampled_from(["holm", "benjamini-hochberg", "benjamini-yekutieli", "none"])

# Benjamini and Hochberg (1995), section 4.1: 15 endpoints of a trial of thrombolysis
ENDPOINTS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
ENDPOINTS += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]

# statsmodels 0.15.0, multipletests
STATSMODELS = {
    "holm": [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213, 1, 1, 1, 1, 1, 1],
    "benjamini-hochberg": [
        *[0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714285714286, 0.06385714285714286],
        *[0.0645, 0.0765, 0.486, 0.5811818181818182, 0.714875, 0.7532307692307693],
        *[0.8132142857142857, 1.0],
    ],
}


def test_the_published_example_rejects_four_by_benjamini_and_hochberg():
    assert (adjusted(np.array(ENDPOINTS), "benjamini-hochberg") <= 0.05).sum() == 4


def test_the_published_example_rejects_three_by_holm_as_by_bonferroni():
    assert (adjusted(np.array(ENDPOINTS), "holm") <= 0.05).sum() == 3


@pytest.mark.parametrize("correction", STATSMODELS)
def test_adjusted_values_are_those_of_statsmodels(correction):
    found = adjusted(np.array(ENDPOINTS), correction)
    assert found.tolist() == pytest.approx(STATSMODELS[correction], abs=1e-15)


def test_yekutieli_of_five_p_values_is_that_of_r():
    # R's p.adjust(c(.01, .02, .03, .04, .05), "BY")
    found = adjusted(np.array([0.01, 0.02, 0.03, 0.04, 0.05]), "benjamini-yekutieli")
    assert found == pytest.approx([0.1141667] * 5, abs=1e-7)


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("holm", [0.05, 0.12, 0.12, 0.12, 0.5]),
        ("benjamini-hochberg", [0.05, 0.05, 0.05, 0.05, 0.5]),
        ("none", [0.01, 0.04, 0.03, 0.03, 0.5]),
    ],
)
def test_ties_are_adjusted_alike(correction, expected):
    found = adjusted(np.array([0.01, 0.04, 0.03, 0.03, 0.5]), correction)
    assert found.tolist() == pytest.approx(expected, abs=1e-15)


def naive_holm(p_values):
    """Walk down from the smallest: each is multiplied by the number of those not yet passed."""
    result, running = [0.0] * len(p_values), 0.0
    for place, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, p_values[at] * (len(p_values) - place))
        result[at] = min(running, 1.0)
    return result


def naive_benjamini_hochberg(p_values):
    """The smallest rate at which a test is still among the discoveries."""
    ordered, n = sorted(p_values), len(p_values)
    return [min(min(q * n / (i + 1) for i, q in enumerate(ordered) if q >= p), 1) for p in p_values]


def naive_benjamini_yekutieli(p_values):
    """Each is multiplied by the number of tests over its rank and by 1 + 1/2 + … + 1/n."""
    n, harmonic = len(p_values), sum(1 / k for k in range(1, len(p_values) + 1))
    return [
        min(
            [1.0, *(n * p * harmonic / sum(q <= p for q in p_values) for p in p_values if p >= own)]
        )
        for own in p_values
    ]


NAIVE = {
    "holm": naive_holm,
    "benjamini-hochberg": naive_benjamini_hochberg,
    "benjamini-yekutieli": naive_benjamini_yekutieli,
    "none": list,
}


@repeatable
@given(families, corrections)
def test_adjusted_values_are_those_of_a_plain_loop(p_values, correction):
    found = adjusted(np.array(p_values, dtype=float), correction)
    assert found.tolist() == pytest.approx(NAIVE[correction](p_values), abs=1e-15)


@repeatable
@given(families, corrections, st.data())
def test_tests_that_were_not_made_stay_missing_and_do_not_count(p_values, correction, data):
    there = data.draw(st.lists(st.booleans(), min_size=len(p_values), max_size=len(p_values)))
    family = np.where(there, np.array(p_values, dtype=float), np.nan)
    found = adjusted(family, correction)
    assert np.isnan(found).tolist() == np.isnan(family).tolist()
    alone = adjusted(family[np.array(there, dtype=bool)], correction)
    assert found[np.array(there, dtype=bool)].tolist() == alone.tolist()


@repeatable
@given(families, corrections, st.randoms(use_true_random=False))
def test_the_order_of_the_family_does_not_matter(p_values, correction, random):
    order = random.sample(range(len(p_values)), len(p_values))
    straight = adjusted(np.array(p_values, dtype=float), correction)
    mixed = adjusted(np.array([p_values[at] for at in order], dtype=float), correction)
    assert mixed.tolist() == [straight[at] for at in order]


@repeatable
@given(families)
def test_holm_is_never_below_benjamini_and_hochberg_nor_that_below_p(p_values):
    family = np.array(p_values, dtype=float)
    holm, bh = adjusted(family, "holm"), adjusted(family, "benjamini-hochberg")
    assert (holm >= bh - 1e-15).all()
    assert (bh >= family - 1e-15).all()
    assert (holm <= 1).all()


@pytest.mark.parametrize("correction", NAIVE)
def test_one_test_needs_no_correction_and_none_gives_none(correction):
    assert adjusted(np.array([0.03]), correction).tolist() == [0.03]
    assert adjusted(np.array([]), correction).tolist() == []


def test_the_family_given_is_left_as_it_was():
    family = np.array([0.01, 0.02])
    adjusted(family, "holm")
    assert family.tolist() == [0.01, 0.02]


def test_an_unknown_correction_is_refused():
    with pytest.raises(UnknownName) as caught:
        adjusted(np.array([0.1]), "bonferroni")
    assert str(caught.value) == (
        "correction must be one of 'holm', 'benjamini-hochberg', 'benjamini-yekutieli', 'none', but "
        "'bonferroni' came."
    )


def test_an_unknown_correction_of_a_family_is_refused():
    require("max-t")
    with pytest.raises(UnknownName) as caught:
        require("max_t")
    assert str(caught.value) == (
        "correction must be one of 'holm', 'max-t', 'benjamini-hochberg', 'benjamini-yekutieli', "
        "'none', but 'max_t' came; did you mean 'max-t'?"
    )


tables = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 5), min_size=n, max_size=n), min_size=2, max_size=9)
)


@repeatable
@given(tables)
def test_stepping_down_is_the_procedure_written_out(table):
    observed, *exchanged = np.array(table, dtype=float)
    order = np.argsort(-observed, kind="stable")
    naive, before = {}, 0.0
    for at, test in enumerate(order):
        rest = order[at:]
        hits = sum(max(row[rest]) >= observed[test] for row in [observed, *exchanged])
        naive[test] = before = max(before, hits / len(table))
    found = step_down(observed, np.array(exchanged))
    assert found.tolist() == [naive[at] for at in range(len(observed))]


def test_a_test_that_was_not_made_stays_missing_and_one_without_a_figure_counts_as_large():
    found = step_down(np.array([np.nan, 2.0]), np.array([[9.0, 1.0], [9.0, np.nan], [0.0, 1.0]]))
    assert np.isnan(found[0])
    assert found[1] == 0.5
