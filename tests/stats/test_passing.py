"""pass@k and pass^k against published figures and a count of all choices."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.stats import pass_at_k, pass_hat_k


def test_chens_and_yaos_estimators():
    assert pass_at_k(10, 3, 1) == 0.3
    assert pass_at_k(10, 3, 5) == pytest.approx(0.9166667, abs=5e-8)
    assert pass_hat_k(10, 3, 2) == pytest.approx(0.0666667, abs=5e-8)


@given(
    st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_both_are_the_share_of_all_choices_of_attempts(case):
    n, c, k = case
    done = [True] * c + [False] * (n - c)
    choices = list(itertools.combinations(done, k))
    assert pass_at_k(n, c, k) == sum(map(any, choices)) / len(choices)
    assert pass_hat_k(n, c, k) == sum(map(all, choices)) / len(choices)


@pytest.mark.parametrize("measure", [pass_at_k, pass_hat_k])
@pytest.mark.parametrize(("n", "c", "k"), [(2, 1, 3), (2, 3, 1), (2, 1, 0), (0, 0, 1)])
def test_more_attempts_than_there_were_are_refused(measure, n, c, k):
    with pytest.raises(BadValue) as caught:
        measure(n, c, k)
    assert str(caught.value) == (
        "k must be from 1 to the number of attempts and successes among them, but "
        f"k = {k}, {n} attempts and {c} successes came; choose a smaller k or run the task more often."
    )
