"""chrF and chrF++: golden figures, a naive recomputation, and sacrebleu's in the last bit."""

import itertools
import random
import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF as PeerCHRF

import workbench as wb
from workbench.errors import BadValue

REPEATABLE = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.data_too_large]
)
SWITCHES = (False, True)


def peer_of(metric):
    return PeerCHRF(
        char_order=metric.char_order,
        word_order=metric.word_order,
        beta=metric.beta,
        lowercase=metric.lowercase,
        whitespace=metric.whitespace,
        eps_smoothing=metric.eps_smoothing,
    )


def any_chrf(dice):
    return wb.ChrF(
        word_order=dice.randint(0, 2),
        char_order=dice.choice((1, 2, 3, 6, 6, 8)),
        beta=dice.choice((1, 2, 2, 3)),
        lowercase=dice.choice(SWITCHES),
        whitespace=dice.choice(SWITCHES),
        eps_smoothing=dice.choice(SWITCHES),
    )


@pytest.mark.parametrize(
    ("eps_smoothing", "texts", "references", "expected"),
    # sacrebleu's own test/test_chrf.py: beta 3, to four digits
    [
        (False, ["a"], ["a"], 100.0),
        (False, [""], ["reference"], 0.0),
        (False, ["a b c"], ["abc"], 100.0),
        (False, ["a", "b"], ["a", "c"], 50.0),
        (False, ["aa"], ["ab"], 25.0),
        (True, ["abcdefg"], ["hijklmnop"], 0.0),
        (True, [""], ["b"], 0.0),
        (True, ["aa"], ["ab"], 8.3333),
        (True, ["a", "b"], ["a", "c"], 8.3333),
        (True, ["a"], ["a"], 16.6667),
        (True, ["a b c"], ["abc"], 50.0),
    ],
)
def test_chrf_gives_the_figures_of_sacrebleus_own_tests(
    table, eps_smoothing, texts, references, expected
):
    metric = wb.ChrF(beta=3, eps_smoothing=eps_smoothing)
    pairs = [(text, [each]) for text, each in zip(texts, references, strict=True)]
    statistics = metric.statistics(table(pairs))
    assert float(metric.aggregate(statistics.sum(axis=0))) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "text", "references", "expected"),
    [
        # one order: P = 2/2, R = 2/4
        ({"char_order": 1}, "ab", ["abcd"], 100 * 5 * 1 * 0.5 / (4 * 1 + 0.5)),
        ({"char_order": 1, "beta": 1}, "ab", ["abcd"], 100 * 2 * 0.5 / 1.5),
        # two orders: P = (3/4 + 1/3)/2, R the same
        ({"char_order": 2}, "abcx", ["abyc"], 100 * (3 / 4 + 1 / 3) / 2),
        # of two references the better: P = R = 1
        ({"char_order": 1}, "ab", ["xy", "ba"], 100.0),
        # orders longer than a text are left out, or count as almost zero
        ({"char_order": 6}, "ab", ["ab"], 100.0),
        ({"char_order": 4, "eps_smoothing": True}, "ab", ["ab"], 50.0),
        # spaces count only with whitespace=True
        ({"char_order": 1}, "a b", ["ab"], 100.0),
        ({"char_order": 1, "beta": 1, "whitespace": True}, "a b", ["ab"], 80.0),
        ({"char_order": 1, "lowercase": True}, "AB", ["ab"], 100.0),
        ({"char_order": 1, "lowercase": False}, "AB", ["ab"], 0.0),
        # chrF+: P = R = (4/4 + 1/2)/2, "hi." is two words
        ({"char_order": 1, "word_order": 1}, "abc.", ["cba."], 100 * (1 + 1 / 2) / 2),
    ],
)
def test_chrf_worked_by_hand(table, options, text, references, expected):
    metric = wb.ChrF(**options)
    statistics = metric.statistics(table([(text, references)]))
    assert float(metric.aggregate(statistics[0])) == pytest.approx(expected, rel=1e-12)


def test_chrf_statistics_are_counts_and_matches_of_each_order(table):
    statistics = wb.ChrF(char_order=2, word_order=1).statistics(table([("abcx d", ["abyc d"])]))
    assert statistics.tolist() == [[5, 5, 4, 4, 4, 1, 2, 2, 1]]


def words_of(text):
    """Split punctuation off a word's end, or else its beginning (Popović's chrF++.py)."""
    for word in text.split():
        if len(word) > 1 and word[-1] in string.punctuation:
            yield from (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in string.punctuation:
            yield from (word[0], word[1:])
        else:
            yield word


def naive_counts(text, reference, char_order, word_order):
    """Return for each order the n-grams of the text, of the reference, and those shared."""
    for units, longest in ((lambda t: "".join(t.split()), char_order), (words_of, word_order)):
        for n in range(1, longest + 1):
            grams, others = (
                [tuple(each[at : at + n]) for at in range(len(each) - n + 1)]
                for each in (list(units(text)), list(units(reference)))
            )
            shared = sum(min(grams.count(gram), others.count(gram)) for gram in set(grams))
            yield (len(grams) if others else 0), len(others), shared


def naive_chrf(counts, beta):
    ratios = [(m / h, m / r) for h, r, m in counts if h and r]
    if not ratios:
        return 0.0
    precision, recall = (sum(each) / len(ratios) for each in zip(*ratios, strict=True))
    if not precision + recall:
        return 0.0
    return 100 * (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


@settings(REPEATABLE, max_examples=60)
@given(data=st.data(), word_order=st.integers(0, 2), beta=st.integers(1, 3))
def test_chrf_equals_a_naive_recomputation(batches, table, data, word_order, beta):
    _, pairs = data.draw(batches(6, longest=2))
    metric = wb.ChrF(word_order=word_order, char_order=4, beta=beta)
    statistics = metric.statistics(table(pairs))
    chosen = []
    for text, references in pairs:
        counts = [list(naive_counts(text, each, 4, word_order)) for each in references]
        chosen.append(max(counts, key=lambda each: naive_chrf(each, beta)))
    singles = [naive_chrf(each, beta) for each in chosen]
    assert metric.aggregate(statistics).tolist() == pytest.approx(singles, rel=1e-12)
    corpus = naive_chrf(np.sum(chosen, axis=0).tolist(), beta)
    assert float(metric.aggregate(statistics.sum(axis=0))) == pytest.approx(corpus, rel=1e-12)


# 140 batches of 80 pairs, more than 10,000 of them distinct.
@settings(REPEATABLE, max_examples=140)
@given(data=st.data())
def test_chrf_equals_sacrebleu_bit_for_bit(batches, scored, streams, summed, data):
    dice, pairs = data.draw(batches(most=8, longest=6))
    metric = any_chrf(dice)
    peer = peer_of(metric)
    scores = scored(pairs, metric)
    statistics = scores.statistics[metric.name]
    corpus = peer.corpus_score([text for text, _ in pairs], streams(pairs))
    assert scores.signatures[metric.name] == str(peer.get_signature())
    assert float(metric.aggregate(summed(statistics))) == corpus.score
    single = [peer.sentence_score(text, references).score for text, references in pairs]
    assert metric.aggregate(statistics).tolist() == single


@pytest.mark.parametrize("word_order", [0, 1, 2])
def test_every_option_of_chrf_equals_sacrebleu(table, streams, summed, word_order):
    pairs = [
        ("The dog bit the man.", ["The dog bit the man.", "The dog had bit the man."]),
        ("It wasn't surprising.", ["It was not unexpected."]),
        ("猫がマットの上に座った。", ["猫はマットの上に座っていた。", "the cat"]),
        ("(hi) &quot;e\u0301\u00a0é", ["é hi (", ""]),
        ("", ["x"]),
        ("x", [""]),
    ]
    frame, texts = table(pairs), [text for text, _ in pairs]
    for char_order, beta, *switches in itertools.product(
        (1, 2, 6, 9), (1, 2, 3), SWITCHES, SWITCHES, SWITCHES
    ):
        metric = wb.ChrF(word_order, char_order, beta, *switches)
        peer = peer_of(metric)
        statistics = metric.statistics(frame)
        single = [peer.sentence_score(*pair).score for pair in pairs]
        assert metric.aggregate(statistics).tolist() == single
        corpus = peer.corpus_score(texts, streams(pairs)).score
        assert float(metric.aggregate(summed(statistics))) == corpus
        assert metric.signature == str(peer.get_signature()).replace("nrefs:var", "nrefs:?")


def random_sums(rng, n_orders, size):
    """Draw sums that texts can have, with many zeros among them."""
    lengths = rng.integers(0, rng.choice([2, 10, 1000]), (size, 2, 1))
    counts = np.maximum(lengths - rng.integers(0, 4) * np.arange(n_orders), 0)
    matches = (counts.min(axis=1) * rng.random((size, n_orders))).astype(int)
    counts[:, 0] *= counts[:, 1] > 0
    return np.stack([counts[:, 0], counts[:, 1], matches], axis=2).reshape(size, -1)


@settings(REPEATABLE, max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_chrf_of_any_sums_equals_sacrebleu_in_double_and_single_precision(seed):
    metric = any_chrf(random.Random(seed))
    n_orders = metric.char_order + metric.word_order
    sums = random_sums(np.random.default_rng(seed), n_orders, 60)
    peer = peer_of(metric)
    double = [peer._compute_score_from_stats(each).score for each in sums.tolist()]
    assert metric.aggregate(sums.astype(np.float64)).tolist() == double
    # without a match sacrebleu computes in Python's doubles whatever comes
    halved = sums[sums[:, 2] > 0].astype(np.float32)
    single = [float(peer._compute_score_from_stats(each).score) for each in halved]
    assert metric.aggregate(halved).tolist() == single


@settings(REPEATABLE, max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_chrf_does_not_depend_on_the_shape_of_its_sums(seed):
    metric = any_chrf(random.Random(seed))
    n_orders = metric.char_order + metric.word_order
    sums = random_sums(np.random.default_rng(seed), n_orders, 12).astype(np.float64)
    before = sums.copy()
    rows = metric.aggregate(sums)
    assert rows.shape == (12,)
    assert metric.aggregate(sums.reshape(3, 4, -1)).tolist() == rows.reshape(3, 4).tolist()
    assert [metric.aggregate(each).shape for each in sums] == [()] * 12
    assert [float(metric.aggregate(each)) for each in sums] == rows.tolist()
    assert metric.aggregate(sums[:0]).shape == (0,)
    assert (sums == before).all()


@settings(REPEATABLE, max_examples=60)
@given(data=st.data())
def test_chrf_stays_between_0_and_100_and_does_not_mind_the_order(batches, table, data):
    dice, pairs = data.draw(batches(10, longest=2))
    metric = any_chrf(dice)
    figures = metric.aggregate(metric.statistics(table(pairs)))
    backwards = table([(text, references[::-1]) for text, references in pairs[::-1]])
    assert metric.aggregate(metric.statistics(backwards))[::-1].tolist() == figures.tolist()
    assert ((figures >= 0) & (figures <= 100.0000000001)).all()


def test_of_no_ngrams_at_all_chrf_is_zero():
    assert wb.ChrF().aggregate(np.zeros(18)) == 0.0


def test_the_worst_output_is_an_empty_one(table):
    metric = wb.ChrF(char_order=1)
    worst = metric.worst(table([("anything", ["abc", "ab"]), ("else", ["a"])]))
    assert worst.tolist() == [[0, 3, 0], [0, 1, 0]]
    assert metric.aggregate(worst.sum(axis=0)) == 0.0


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "chrf"),
        ({"word_order": 1}, "chrf+"),
        ({"word_order": 2}, "chrf++"),
        ({"word_order": 2, "name": "mine"}, "mine"),
    ],
)
def test_the_name_says_how_many_words(options, name):
    assert wb.ChrF(**options).name == name


@pytest.mark.parametrize(
    ("options", "came"),
    [
        ({"char_order": 0}, "0, 0 and 2"),
        ({"word_order": -1}, "6, -1 and 2"),
        ({"beta": 0}, "6, 0 and 0"),
    ],
)
def test_chrf_refuses_an_option_that_cannot_be_right(options, came):
    with pytest.raises(BadValue) as caught:
        wb.ChrF(**options)
    assert str(caught.value) == (
        "char_order must be at least 1, word_order at least 0 and beta above 0, but "
        f"{came} came; use 6, 0 and 2."
    )


SIGNATURE = "nrefs:{}|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"
PAIRS = ("en-de", "he-en", "cs-uk", "en-ja")


def assert_published(wmt, totals, oracle, published, pair, systems=None):
    scores = wmt(pair, wb.ChrF(), systems=systems)
    assert scores.signatures["chrf"] == SIGNATURE.format(1)
    for system, sums in totals(scores, "chrf").items():
        figure = float(wb.ChrF().aggregate(sums))
        assert figure == pytest.approx(published[pair, system, "chrf-refA"], abs=1e-12)
        assert figure == pytest.approx(published[pair, system, "chrf-all"], abs=1e-12)
        known = oracle(pair)["systems"][system]
        expected = known.get("per_reference", {}).get("refA", {}).get("chrf")
        assert figure == pytest.approx(expected or known["chrf"]["score"], abs=1e-9)
    return scores


def assert_two_references(wmt, totals, oracle, systems=None):
    scores = wmt("he-en", wb.ChrF(), references=["refA", "refB"], systems=systems)
    assert scores.signatures["chrf"] == SIGNATURE.format(2)
    for system, sums in totals(scores, "chrf").items():
        expected = oracle("he-en")["systems"][system]["chrf"]["score"]
        assert float(wb.ChrF().aggregate(sums)) == pytest.approx(expected, abs=1e-9)
    return scores


@pytest.mark.shared
@pytest.mark.parametrize("pair", PAIRS)
def test_chrf_of_one_real_system(wmt, totals, oracle, published, pair):
    assert_published(wmt, totals, oracle, published, pair, ["GPT4-5shot"])


@pytest.mark.shared
def test_chrf_of_one_real_system_against_two_references(wmt, totals, oracle):
    assert_two_references(wmt, totals, oracle, ["GPT4-5shot"])


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_chrf_of_every_published_system(wmt, totals, oracle, published, pair):
    scores = assert_published(wmt, totals, oracle, published, pair)
    assert set(scores.systems) == {
        system for where, system, metric in published if where == pair and metric == "chrf-all"
    }


@pytest.mark.shared
@pytest.mark.slow
def test_chrf_of_every_system_against_two_references(wmt, totals, oracle):
    scores = assert_two_references(wmt, totals, oracle)
    assert set(scores.systems) == set(oracle("he-en")["systems"])


@pytest.mark.shared
@pytest.mark.slow
def test_chrf_against_the_second_reference(wmt, totals, oracle):
    scores = wmt("he-en", wb.ChrF(), references=["refB"])
    for system, sums in totals(scores, "chrf").items():
        expected = oracle("he-en")["systems"][system]["per_reference"]["refB"]["chrf"]
        assert float(wb.ChrF().aggregate(sums)) == pytest.approx(expected, abs=1e-9)
