"""Preferences, rankings and best-worst: one answer for all outputs of an item."""

import pytest

from workbench.errors import BadValue
from workbench.ratings.tasks.comparative import BestWorst, Preference, Ranking

AB = {"A": "one", "B": "two"}
ABC = {**AB, "C": "three"}


def refused(question, value, texts):
    with pytest.raises(BadValue) as caught:
        question.check(value, texts=texts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "value", "kept"),
    [
        ({}, {"choice": "A"}, {"choice": "A", "strength": 1}),
        ({}, {"choice": "B", "strength": 1.0}, {"choice": "B", "strength": 1}),
        ({"strength": 3}, {"strength": 3, "choice": "B"}, {"choice": "B", "strength": 3}),
        ({}, {"choice": "tie"}, {"choice": "tie"}),
        ({}, {"choice": "tie", "strength": None}, {"choice": "tie"}),
        ({"both_bad": True}, {"choice": "both bad"}, {"choice": "both bad"}),
    ],
)
def test_a_preference_is_kept_with_its_strength(fields, value, kept):
    assert Preference("q", **fields).check(value, texts=AB) == kept


@pytest.mark.parametrize(
    ("fields", "value", "message"),
    [
        ({}, {"choice": "C"}, "the answer to 'q' must choose one of 'A', 'B', 'tie', but 'C' came; choose anew."),
        ({}, {"choice": "both bad"}, "the answer to 'q' must choose one of 'A', 'B', 'tie', but 'both bad' came; choose anew."),
        ({"tie": False}, {"choice": "tie"}, "the answer to 'q' must choose one of 'A', 'B', but 'tie' came; choose anew."),
        ({}, {}, "the answer to 'q' must choose one of 'A', 'B', 'tie', but None came; choose anew."),
        ({}, {"choice": ["A"]}, "the answer to 'q' must choose one of 'A', 'B', 'tie', but ['A'] came; choose anew."),
        ({}, "A", "the answer to 'q' must be a mapping of keys to values, but 'A' came; write one."),
        ({}, {"choise": "A"}, "a key of the answer to 'q' must be one of 'choice', 'strength', but 'choise' came; did you mean 'choice'?"),
        ({"strength": 2}, {"choice": "A"}, "the strength of the answer to 'q' must be a finite number, but None came; write it in digits."),
        ({"strength": 2}, {"choice": "A", "strength": 3}, "the strength of the answer to 'q' must be a whole number from 1 to 2, but 3 came; change it."),
        ({"strength": 2}, {"choice": "A", "strength": True}, "the strength of the answer to 'q' must be a finite number, but True came; write it in digits."),
        ({}, {"choice": "tie", "strength": 1}, "the answer to 'q' must have no strength beside 'tie', but 1 came; leave it out."),
    ],
)  # fmt: skip
def test_what_is_no_preference_is_refused(fields, value, message):
    assert refused(Preference("q", **fields), value, AB) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strength": 0}, "'strength' of question 'q' must be a whole number from 1 to 5, but 0 came; change it."),
        ({"strength": True}, "'strength' of question 'q' must be a finite number, but True came; write it in digits."),
        ({"tie": "no"}, "'tie' of question 'q' must be true or false, but 'no' came; write one of them."),
        ({"both_bad": 0}, "'both_bad' of question 'q' must be true or false, but 0 came; write one of them."),
    ],
)  # fmt: skip
def test_a_preference_is_refused_unless_its_fields_fit(fields, message):
    with pytest.raises(BadValue) as caught:
        Preference("q", **fields)
    assert str(caught.value) == message


def test_a_ranking_is_kept_in_the_order_of_the_letters():
    kept = Ranking("q").check({"C": 2, "B": 1.0, "A": 2}, texts=ABC)
    assert list(kept.items()) == [("A", 2), ("B", 1), ("C", 2)]
    assert all(type(rank) is int for rank in kept.values())


@pytest.mark.parametrize(
    ("ties", "value", "message"),
    [
        (True, {"A": 1}, "the answer to 'q' must rank every output, but 'B', 'C' came without a rank; rank them too."),
        (True, {**dict.fromkeys("ABC", 1), "D": 1}, "a key of the answer to 'q' must be one of 'A', 'B', 'C', but 'D' came."),
        (True, {"A": 1, "B": 3, "C": 3}, "the answer to 'q' must use the ranks 1, 2, … without gaps, but [1, 3] came; close the gaps."),
        (True, {"A": 2, "B": 3, "C": 3}, "the answer to 'q' must use the ranks 1, 2, … without gaps, but [2, 3] came; close the gaps."),
        (True, {"A": 1, "B": 2, "C": 4}, "the rank of C must be a whole number from 1 to 3, but 4 came; change it."),
        (True, {"A": 0, "B": 1, "C": 2}, "the rank of A must be a whole number from 1 to 3, but 0 came; change it."),
        (True, {"A": True, "B": 2, "C": 3}, "the rank of A must be a finite number, but True came; write it in digits."),
        (True, [1, 2, 3], "the answer to 'q' must be a mapping of keys to values, but [1, 2, 3] came; write one."),
        (False, {"A": 1, "B": 1, "C": 2}, "the answer to 'q' must give each output a rank of its own, but {'A': 1, 'B': 1, 'C': 2} came; part those that share one."),
    ],
)  # fmt: skip
def test_what_is_no_ranking_is_refused(ties, value, message):
    assert refused(Ranking("q", ties=ties), value, ABC) == message


def test_the_best_comes_before_the_worst():
    kept = BestWorst("q").check({"worst": "A", "best": "C"}, texts=ABC)
    assert list(kept.items()) == [("best", "C"), ("worst", "A")]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"best": "A", "worst": "A"}, "the answer to 'q' must name two different outputs, but 'A' came as best and as worst; change one of them."),
        ({"best": "A"}, "'worst' in the answer to 'q' must be one of 'A', 'B', 'C', but None came; choose an output that is shown."),
        ({"best": "D", "worst": "A"}, "'best' in the answer to 'q' must be one of 'A', 'B', 'C', but 'D' came; choose an output that is shown."),
        ({"best": "A", "worst": "B", "x": 1}, "a key of the answer to 'q' must be one of 'best', 'worst', but 'x' came."),
        (None, "the answer to 'q' must be a mapping of keys to values, but None came; write one."),
    ],
)  # fmt: skip
def test_what_names_no_best_and_worst_is_refused(value, message):
    assert refused(BestWorst("q"), value, ABC) == message


def test_only_these_kinds_compare():
    assert Preference.comparative
    assert Ranking.comparative
    assert BestWorst.comparative
