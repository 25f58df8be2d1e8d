"""TER: golden figures, naive bounds, and sacrebleu's figures in the last bit."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import TER as PeerTER

import workbench as wb
from workbench.errors import BadValue
from workbench.stats.exact import Exact

REPEATABLE = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.data_too_large]
)
SWITCHES = (False, True)
ALL_OPTIONS = [wb.TER(*each) for each in itertools.product(SWITCHES, repeat=4)]


def peer_of(metric):
    return PeerTER(
        normalized=metric.normalized,
        no_punct=metric.no_punct,
        asian_support=metric.asian_support,
        case_sensitive=metric.case_sensitive,
    )


@pytest.mark.parametrize(
    ("text", "references", "edits", "length"),
    [
        # sacrebleu's own test/test_ter.py
        ("aaaa bbbb cccc dddd", ["aaaa bbbb cccc dddd"], 0, 4),
        ("dddd eeee ffff", ["aaaa bbbb cccc"], 3, 3),
        ("", ["a"], 1, 1),
        ("d e f g h a b c", ["a b c d e f g h"], 1, 8),
        # one word too many, too few, and another
        ("a b x c", ["a b c"], 1, 3),
        ("a c", ["a b c"], 1, 3),
        ("a x c", ["a b c"], 1, 3),
        # the nearest reference gives the edits, all of them the length
        ("a b", ["a b c d", "a b c"], 1, 3.5),
        ("a b", ["x y z", "a b", "a b"], 0, 7 / 3),
        # every word against an empty reference is an edit
        ("a b c", [""], 3, 0),
        ("", [""], 0, 0),
        ("The Cat", ["the cat"], 0, 2),
    ],
)
def test_ter_statistics_are_edits_and_mean_reference_length(table, text, references, edits, length):
    statistics = wb.TER().statistics(table([(text, references)]))
    assert statistics.tolist() == [[edits, length]]


@pytest.mark.parametrize(
    ("options", "text", "reference", "edits"),
    [
        ({"case_sensitive": True}, "The Cat", "the cat", 2),
        ({"no_punct": True}, "a, b!", "a b", 0),
        ({}, "a, b!", "a b", 2),
        ({"normalized": True}, "a, b", "a , b", 0),
        ({"normalized": True}, "&quot;", '"', 0),
        ({"normalized": True, "asian_support": True}, "猫犬", "猫 犬", 0),
        ({"no_punct": True, "asian_support": True}, "猫。", "猫", 0),
    ],
)
def test_ter_options_level_what_they_say(table, options, text, reference, edits):
    statistics = wb.TER(**options).statistics(table([(text, [reference])]))
    assert statistics[0, 0] == edits


@pytest.mark.parametrize(
    ("sums", "expected"),
    [([3, 4], 75.0), ([6, 4], 150.0), ([0, 4], 0.0), ([3, 0], 100.0), ([0, 0], 0.0)],
)
def test_ter_is_edits_per_hundred_words(sums, expected):
    assert wb.TER().aggregate(np.array(sums, dtype=np.float64)) == expected


def levenshtein(words, others):
    row = list(range(len(others) + 1))
    for at, word in enumerate(words, 1):
        above, row = row, [at]
        for across, other in enumerate(others, 1):
            row.append(min(above[across] + 1, row[-1] + 1, above[across - 1] + (word != other)))
    return row[-1]


def naive_bounds(words, others):
    """Return the fewest edits that word counts allow, and those without a shift."""
    shared = (Counter(words) & Counter(others)).total()
    return max(len(words), len(others)) - shared, levenshtein(words, others)


@settings(REPEATABLE, max_examples=60)
@given(data=st.data())
def test_ter_lies_between_unmatched_words_and_plain_edits(batches, table, data):
    _, pairs = data.draw(batches(12, most=12, longest=1))
    statistics = wb.TER().statistics(table(pairs))
    for (text, references), (edits, length) in zip(pairs, statistics, strict=True):
        others = [each.lower().split() for each in references]
        bounds = [naive_bounds(text.lower().split(), each) for each in others]
        assert min(low for low, _ in bounds) <= edits <= min(high for _, high in bounds)
        assert length == sum(map(len, others)) / len(others)


@settings(REPEATABLE, max_examples=100)
@given(
    words=st.lists(st.sampled_from("abc"), max_size=6),
    others=st.lists(st.sampled_from("xyz"), max_size=6),
)
def test_ter_of_texts_without_a_common_word_is_the_longer_length(table, words, others):
    statistics = wb.TER().statistics(table([(" ".join(words), [" ".join(others)])]))
    assert statistics[0].tolist() == [max(len(words), len(others)), len(others)]


def assert_ter_equals_sacrebleu(dice, pairs, scored, streams, summed):
    metric = dice.choice(ALL_OPTIONS)
    peer = peer_of(metric)
    scores = scored(pairs, metric)
    statistics = scores.statistics["ter"]
    texts = [text for text, _ in pairs]
    expected = peer._extract_corpus_statistics(texts, streams(pairs))
    assert scores.signatures["ter"] == str(peer.get_signature())
    assert statistics.tolist() == expected
    single = [peer._compute_score_from_stats(each).score for each in expected]
    assert metric.aggregate(statistics).tolist() == single
    corpus = peer._aggregate_and_compute(expected).score
    assert float(metric.aggregate(summed(statistics))) == corpus


# 140 batches of 80 pairs, more than 10,000 of them distinct.
@settings(REPEATABLE, max_examples=140)
@given(data=st.data())
def test_ter_equals_sacrebleu_bit_for_bit(batches, scored, streams, summed, data):
    dice, pairs = data.draw(batches(most=8, longest=2))
    assert_ter_equals_sacrebleu(dice, pairs, scored, streams, summed)


@pytest.mark.slow
@settings(REPEATABLE, max_examples=60)
@given(data=st.data())
def test_ter_of_long_texts_equals_sacrebleu_bit_for_bit(batches, scored, streams, summed, data):
    dice, pairs = data.draw(batches(most=20, longest=6))
    assert_ter_equals_sacrebleu(dice, pairs, scored, streams, summed)


@pytest.mark.parametrize("metric", ALL_OPTIONS, ids=lambda metric: metric.signature[8:-14])
def test_every_option_of_ter_equals_sacrebleu(table, streams, summed, metric):
    pairs = [
        ("The man, it wasn't &quot;surprising&quot;.", ['the man it was "surprising"', "No one."]),
        ("猫は、マットの上に座った。 Ａ！", ["猫がマットの上に座っていた。", "the cat", "猫"]),
        ("3.14 1,000 5-6 -\nx it's", ["3 . 14 1 000 x"]),
        ("word " * 30, ["other word " * 20]),
        ("b c a d " * 3, ["a b c d " * 3]),
        ("", ["x"]),
        ("x", [""]),
    ]
    peer = peer_of(metric)
    statistics = metric.statistics(table(pairs))
    single = [peer.sentence_score(*pair).score for pair in pairs]
    assert metric.aggregate(statistics).tolist() == single
    corpus = peer.corpus_score([text for text, _ in pairs], streams(pairs)).score
    assert float(metric.aggregate(summed(statistics))) == corpus
    assert metric.signature == str(peer.get_signature()).replace("nrefs:var", "nrefs:?")


def random_sums(seed, size):
    """Draw sums that texts can have: thirds from three references, and many zeros."""
    dice = random.Random(seed)
    top = dice.choice((2, 20, 100_000))
    return [[dice.randint(0, top), dice.randint(0, 3 * top) / 3] for _ in range(size)]


@settings(REPEATABLE, max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_ter_of_any_sums_equals_sacrebleu_in_double_and_single_precision(seed):
    metric, peer, sums = wb.TER(), PeerTER(), random_sums(seed, 60)
    double = [peer._compute_score_from_stats(each).score for each in sums]
    assert metric.aggregate(np.array(sums)).tolist() == double
    halved = np.array(sums, dtype=np.float32)
    single = [float(peer._compute_score_from_stats(each).score) for each in halved]
    assert metric.aggregate(halved).tolist() == single


@settings(REPEATABLE, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_ter_does_not_depend_on_the_shape_of_its_sums(seed):
    metric, sums = wb.TER(), np.array(random_sums(seed, 12))
    rows = metric.aggregate(sums)
    assert rows.shape == (12,)
    assert metric.aggregate(sums.reshape(3, 4, 2)).tolist() == rows.reshape(3, 4).tolist()
    assert [metric.aggregate(each).shape for each in sums] == [()] * 12
    assert [float(metric.aggregate(each)) for each in sums] == rows.tolist()
    assert metric.aggregate(sums[:0]).shape == (0,)


@settings(REPEATABLE, max_examples=30)
@given(data=st.data())
def test_the_exact_sum_of_thirds_does_not_depend_on_the_order(batches, table, summed, data):
    _, pairs = data.draw(batches(30, most=6, longest=1))
    metric = wb.TER()
    statistics = metric.statistics(table(pairs))
    forwards = Exact.of(statistics).sum(axis=0).value()
    backwards = Exact.of(statistics[::-1]).sum(axis=0).value()
    assert forwards.tolist() == backwards.tolist()
    in_order = float(metric.aggregate(summed(statistics)))
    assert float(metric.aggregate(forwards)) == pytest.approx(in_order, rel=1e-14)


def test_ter_has_no_worst_output(table):
    with pytest.raises(BadValue) as caught:
        wb.TER().worst(table([("a", ["b"])]))
    assert str(caught.value) == (
        "failures='worst' needs metrics with a worst value, but ter is unbounded; drop it, or use "
        "failures='exclude'."
    )


def assert_oracle(wmt, totals, oracle, pair, systems=None):
    known = oracle(pair, "oracle_ter.json")
    scores = wmt(pair, wb.TER(), systems=systems)
    assert scores.signatures["ter"] == known["signature"]
    for system, sums in totals(scores, "ter").items():
        expected = known["systems"][system]
        assert sums.tolist() == [expected["num_edits"], expected["ref_length"]]
        assert float(wb.TER().aggregate(sums)) == pytest.approx(expected["ter"], abs=1e-9)
    return scores


@pytest.mark.shared
def test_ter_of_one_real_system(wmt, totals, oracle):
    assert_oracle(wmt, totals, oracle, "cs-uk", ["GPT4-5shot"])


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("pair", ["cs-uk", "he-en", "en-de"])
def test_ter_of_every_system(wmt, totals, oracle, pair):
    scores = assert_oracle(wmt, totals, oracle, pair)
    assert set(scores.systems) == set(oracle(pair, "oracle_ter.json")["systems"])
