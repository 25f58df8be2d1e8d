"""BLEU: golden figures, a naive recomputation, and sacrebleu's figures in the last bit."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU as PeerBLEU

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.metrics.bleu import _by_arrow, _parted

REPEATABLE = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.data_too_large]
)

OFFLINE = ("13a", "none", "intl", "char", "zh", "ja-mecab", "ko-mecab")
SMOOTHINGS = (
    ("exp", None),
    ("floor", None),
    ("floor", 0.5),
    ("floor", 0.0),
    ("add-k", None),
    ("add-k", 0.5),
    ("add-k", 3),
    ("none", None),
)

# The example of sacrebleu's README.
README_SYSTEM = [
    "The dog bit the man.",
    "It wasn't surprising.",
    "The man had just bitten him.",
]
README_REFERENCES = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
]
README = list(zip(README_SYSTEM, README_REFERENCES, strict=True))


def peer_of(metric):
    return PeerBLEU(
        lowercase=metric.lowercase,
        tokenize=metric.tokenize,
        smooth_method=metric.smooth_method,
        smooth_value=metric.smooth_value,
        max_ngram_order=metric.max_ngram_order,
        effective_order=metric.effective_order,
    )


def any_bleu(dice, tokenizers=OFFLINE):
    smoothing = dice.choice(SMOOTHINGS)
    switches = (False, True)
    return wb.BLEU(
        dice.choice(tokenizers),
        dice.choice(switches),
        *smoothing,
        dice.randint(1, 6),
        dice.choice(switches),
    )


@pytest.mark.parametrize(
    ("tokenize", "expected"), [("13a", 48.530827), ("none", 49.1919566), ("intl", 43.91623493)]
)
def test_bleu_of_sacrebleus_readme_example(scored, tokenize, expected):
    # sacrebleu's own tests hold the same three figures
    statistics = scored(README, wb.BLEU(tokenize)).statistics["bleu"]
    assert float(wb.BLEU(tokenize).aggregate(statistics.sum(axis=0))) == pytest.approx(
        expected, abs=5e-7
    )


@pytest.mark.parametrize(
    ("options", "text", "references", "expected"),
    [
        # all n-grams match, c = 4, r = 5
        ({}, "a b c d", ["a b c d e"], 100 * math.exp(1 - 5 / 4)),
        # 3/4 words, 2/3 pairs, 1/2 triples, and half of 1/1 for the missing quadruple
        ({}, "a b c x", ["a b c d"], 100 * (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** 0.25),
        ({"max_ngram_order": 1}, "a b x y", ["a b c d"], 50.0),
        ({"max_ngram_order": 2}, "a b x y", ["a b c d"], 100 * (1 / 2 * 1 / 3) ** 0.5),
        ({"max_ngram_order": 2, "smooth_method": "none"}, "a x b", ["a b c"], 0.0),
        (
            {"max_ngram_order": 2, "smooth_method": "floor"},
            "a x b",
            ["a b c"],
            100 * (2 / 3 * 0.1 / 2) ** 0.5,
        ),
        (
            {"max_ngram_order": 2, "smooth_method": "add-k"},
            "a x b",
            ["a b c"],
            100 * (2 / 3 * 1 / 3) ** 0.5,
        ),
        # two words have no triples: these orders are left out, or BLEU is zero
        ({"effective_order": True}, "a b", ["a b"], 100.0),
        ({"effective_order": False}, "a b", ["a b"], 0.0),
        # "the" counts twice at most, as in one reference (Papineni et al. 2002, section 2.1.1)
        (
            {"max_ngram_order": 1},
            "the the the the the the the",
            ["the cat is on the mat", "there is a cat on the mat"],
            100 * 2 / 7,
        ),
        # references of 3 and 5 words are equally near to 4: the shorter counts
        ({"max_ngram_order": 1}, "a b c d", ["a b c", "a b c d e"], 100.0),
        ({"max_ngram_order": 1, "lowercase": True}, "A b", ["a B"], 100.0),
        ({"max_ngram_order": 1, "lowercase": False}, "A b", ["a B"], 0.0),
    ],
)
def test_bleu_worked_by_hand(table, options, text, references, expected):
    metric = wb.BLEU("none", **options)
    statistics = metric.statistics(table([(text, references)]))
    assert float(metric.aggregate(statistics[0])) == pytest.approx(expected, rel=1e-12)


def test_bleu_statistics_are_lengths_matches_and_ngrams(table):
    statistics = wb.BLEU("none").statistics(table([("a b c x", ["a b c d e", "x"])]))
    assert statistics.tolist() == [[4, 5, 4, 2, 1, 0, 4, 3, 2, 1]]


@pytest.mark.parametrize("text", ["", " ", "\n", "\u00a0\u2028"])
def test_bleu_of_an_empty_output_is_zero_not_an_error(table, text):
    metric = wb.BLEU()
    statistics = metric.statistics(table([(text, ["a b c d e"])]))
    assert statistics.tolist() == [[0, 5, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert metric.aggregate(statistics).tolist() == [0.0]


def test_the_metric_keeps_sacrebleus_100_00000000000004(table):
    metric = wb.BLEU()
    statistics = metric.statistics(table([("a b c d e", ["a b c d e"])]))
    assert metric.aggregate(statistics).tolist() == [100.00000000000004]
    assert PeerBLEU().corpus_score(["a b c d e"], [["a b c d e"]]).score == 100.00000000000004


def naive_bleu(pairs, order):
    """BLEU as Papineni et al. (2002) write it, without smoothing."""
    matches, totals = [0] * order, [0] * order
    hyp_length = ref_length = 0
    for text, references in pairs:
        words, others = text.split(), [each.split() for each in references]
        hyp_length += len(words)
        ref_length += min((abs(len(each) - len(words)), len(each)) for each in others)[1]
        for n in range(1, order + 1):
            grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
            totals[n - 1] += len(grams)
            for gram in set(grams):
                most = max(
                    sum(tuple(each[at : at + n]) == gram for at in range(len(each)))
                    for each in others
                )
                matches[n - 1] += min(grams.count(gram), most)
    if min(matches) == 0:
        return 0.0
    penalty = 1.0 if hyp_length >= ref_length else math.exp(1 - ref_length / hyp_length)
    logs = [math.log(m / t) for m, t in zip(matches, totals, strict=True)]
    return 100 * penalty * math.exp(sum(logs) / order)


@settings(REPEATABLE, max_examples=60)
@given(data=st.data(), order=st.integers(1, 4))
def test_bleu_equals_a_naive_recomputation(batches, table, data, order):
    _, pairs = data.draw(batches(8, longest=4))
    metric = wb.BLEU("none", smooth_method="none", max_ngram_order=order)
    statistics = metric.statistics(table(pairs))
    assert float(metric.aggregate(statistics.sum(axis=0))) == pytest.approx(
        naive_bleu(pairs, order), rel=1e-12
    )


# 140 batches of 80 pairs, more than 10,000 of them distinct.
@settings(REPEATABLE, max_examples=140)
@given(data=st.data())
def test_bleu_equals_sacrebleu_bit_for_bit(batches, scored, streams, summed, data):
    dice, pairs = data.draw(batches(most=14))
    metric = any_bleu(dice)
    peer = peer_of(metric)
    scores = scored(pairs, metric)
    statistics = scores.statistics["bleu"]
    corpus = peer.corpus_score([text for text, _ in pairs], streams(pairs))
    assert scores.signatures["bleu"] == str(peer.get_signature())
    assert float(metric.aggregate(summed(statistics))) == corpus.score
    single = [peer.sentence_score(text, references).score for text, references in pairs]
    assert metric.aggregate(statistics).tolist() == single


@pytest.mark.parametrize("tokenize", OFFLINE)
def test_every_option_of_bleu_equals_sacrebleu(table, streams, summed, tokenize):
    pairs = [
        *README,
        ("猫がマットの上に座った。 The Cat", ["猫はマットの上に座っていた。", "the cat"]),
        ("고양이가 매트 위에 앉았다.", ["고양이는 매트 위에 앉아 있었다."]),
        ("A&quot;b&quot; <skipped> 3.14-5", ['a "b" 3.14 - 5']),
        ("", ["x"]),
        ("x", [""]),
    ]
    frame, texts = table(pairs), [text for text, _ in pairs]
    switches = (False, True)
    for lowercase, smoothing, order, effective in itertools.product(
        switches, SMOOTHINGS, range(1, 7), switches
    ):
        metric = wb.BLEU(tokenize, lowercase, *smoothing, order, effective)
        peer = peer_of(metric)
        statistics = metric.statistics(frame)
        single = [peer.sentence_score(*pair).score for pair in pairs]
        assert metric.aggregate(statistics).tolist() == single
        corpus = peer.corpus_score(texts, streams(pairs)).score
        assert float(metric.aggregate(summed(statistics))) == corpus
        assert metric.signature == str(peer.get_signature()).replace("nrefs:var", "nrefs:?")


def random_sums(rng, order, size):
    """Draw sums that texts can have, with many zeros among them."""
    hyp = rng.integers(0, rng.choice([3, 10, 1000]), size)
    ref = rng.integers(0, rng.choice([3, 10, 1000]), size)
    totals = np.maximum(hyp[:, None] - rng.integers(0, 4) * np.arange(order), 0)
    matches = (totals * rng.random((size, order)) * rng.integers(0, 2, (size, 1))).astype(int)
    return np.column_stack([hyp, ref, matches, totals])


@settings(REPEATABLE, max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_bleu_of_any_sums_equals_sacrebleu_in_double_and_single_precision(seed):
    metric = any_bleu(random.Random(seed), ["none"])
    sums = random_sums(np.random.default_rng(seed), metric.max_ngram_order, 60)
    peer = peer_of(metric)
    double = [peer._compute_score_from_stats(each).score for each in sums.tolist()]
    assert metric.aggregate(sums.astype(np.float64)).tolist() == double
    single = [
        float(peer._compute_score_from_stats(each.copy()).score) for each in sums.astype(np.float32)
    ]
    assert metric.aggregate(sums.astype(np.float32)).tolist() == single


@settings(REPEATABLE, max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_bleu_does_not_depend_on_the_shape_of_its_sums(seed):
    metric = any_bleu(random.Random(seed), ["none"])
    sums = random_sums(np.random.default_rng(seed), metric.max_ngram_order, 12).astype(np.float64)
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
def test_bleu_stays_between_0_and_100_and_does_not_mind_the_order(batches, table, data):
    dice, pairs = data.draw(batches(10, longest=4))
    metric = any_bleu(dice, ["13a"])
    statistics = metric.statistics(table(pairs))
    backwards = metric.statistics(table([(t, refs[::-1]) for t, refs in pairs[::-1]]))
    assert (backwards[::-1] == statistics).all()
    figures = metric.aggregate(statistics)
    assert ((figures >= 0) & (figures <= 100.0000000001)).all()


def test_the_worst_output_is_an_empty_one(table):
    metric = wb.BLEU()
    frame = table([("anything", ["a b c", "a b"]), ("else", ["a"])])
    worst = metric.worst(frame)
    assert worst.tolist() == [[0, 2] + [0] * 8, [0, 1] + [0] * 8]
    assert metric.aggregate(worst.sum(axis=0)) == 0.0


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"tokenize": "13b"},
            UnknownName,
            "tokenize must be one of '13a', 'none', 'intl', 'char', 'zh', 'ja-mecab', 'ko-mecab', "
            "'spm', 'flores101', 'flores200', 'spBLEU-1K', but '13b' came; did you mean '13a'?",
        ),
        (
            {"smooth_method": "add-1"},
            UnknownName,
            "smooth_method must be one of 'exp', 'floor', 'add-k', 'none', but 'add-1' came; did "
            "you mean 'add-k'?",
        ),
        (
            {"max_ngram_order": 0},
            BadValue,
            "max_ngram_order must be at least 1, but 0 came; use 4.",
        ),
        (
            {"smooth_value": -1},
            BadValue,
            "smooth_value must be a number of at least 0, but -1 came; use 0.1 for 'floor' and 1 "
            "for 'add-k'.",
        ),
        (
            {"smooth_value": math.nan},
            BadValue,
            "smooth_value must be a number of at least 0, but nan came; use 0.1 for 'floor' and 1 "
            "for 'add-k'.",
        ),
    ],
)
def test_bleu_refuses_an_option_that_cannot_be_right(options, kind, message):
    with pytest.raises(kind) as caught:
        wb.BLEU(**options)
    assert str(caught.value) == message


# Of each pair the tokenizer of the published table, and the references of the oracle's details.
SETS = {"en-de": "13a", "he-en": "13a", "cs-uk": "13a", "en-ja": "char"}
SIGNATURE = "nrefs:{}|case:mixed|eff:no|tok:{}|smooth:exp|version:2.6.0"


def assert_published(wmt, totals, oracle, published, pair, systems=None):
    metric = wb.BLEU(SETS[pair])
    scores = wmt(pair, metric, systems=systems)
    assert scores.signatures["bleu"] == SIGNATURE.format(1, SETS[pair])
    for system, sums in totals(scores, "bleu").items():
        figure = float(metric.aggregate(sums))
        assert figure == pytest.approx(published[pair, system, "bleu-refA"], abs=1e-12)
        assert figure == pytest.approx(published[pair, system, "bleu-all"], abs=1e-12)
        found = oracle(pair)["systems"][system]
        assert figure == pytest.approx(found["published_wmt23"]["bleu-all"], abs=1e-9)
        if "per_reference" in found:
            assert figure == pytest.approx(found["per_reference"]["refA"]["bleu"], abs=1e-9)
        if "bleu_tok_char" in found:
            assert figure == pytest.approx(found["bleu_tok_char"], abs=1e-9)
    return scores


def assert_details(wmt, totals, oracle, pair, systems=None):
    known = oracle(pair)
    metric, references = wb.BLEU(known["tokenize"]), known["references"]
    scores = wmt(pair, metric, references=references, systems=systems)
    tokenizer = {"ja-mecab": "ja-mecab-0.996-IPA"}.get(known["tokenize"], known["tokenize"])
    assert scores.signatures["bleu"] == SIGNATURE.format(len(references), tokenizer)
    for system, sums in totals(scores, "bleu").items():
        detail = known["systems"][system]["bleu"]
        assert sums.tolist() == [
            detail["sys_len"], detail["ref_len"], *detail["counts"], *detail["totals"]
        ]  # fmt: skip
        assert float(metric.aggregate(sums)) == pytest.approx(detail["score"], abs=1e-9)
    return scores


@pytest.mark.shared
@pytest.mark.parametrize("pair", SETS)
def test_bleu_of_one_real_system(wmt, totals, oracle, published, pair):
    assert_published(wmt, totals, oracle, published, pair, ["GPT4-5shot"])
    assert_details(wmt, totals, oracle, pair, ["GPT4-5shot"])


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("pair", SETS)
def test_bleu_of_every_published_system(wmt, totals, oracle, published, pair):
    scores = assert_published(wmt, totals, oracle, published, pair)
    assert set(scores.systems) == {
        system for where, system, metric in published if where == pair and metric == "bleu-all"
    }


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("pair", ["he-en", "en-ja", "en-de", "cs-uk"])
def test_the_details_of_bleu_of_every_system(wmt, totals, oracle, pair):
    scores = assert_details(wmt, totals, oracle, pair)
    assert set(scores.systems) == set(oracle(pair)["systems"])


@pytest.mark.shared
@pytest.mark.slow
def test_bleu_against_the_second_reference(wmt, totals, oracle):
    scores = wmt("he-en", wb.BLEU(), references=["refB"])
    for system, sums in totals(scores, "bleu").items():
        expected = oracle("he-en")["systems"][system]["per_reference"]["refB"]["bleu"]
        assert float(wb.BLEU().aggregate(sums)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("smooth_method", ["exp", "floor", "add-k", "none"])
@pytest.mark.parametrize("order", [1, 3, 4, 9])
@pytest.mark.parametrize("size", [3, 10**6])
@pytest.mark.parametrize(("kind", "error"), [(np.float64, 2.0**-40), (np.float32, 2.0**-20)])
def test_approximate_figures_are_right_in_the_precision_of_their_sums(
    smooth_method, order, size, kind, error
):
    metric = wb.BLEU(smooth_method=smooth_method, max_ngram_order=order)
    rng = np.random.default_rng(order)
    total = rng.integers(0, size, size=(300, order))
    correct = rng.integers(0, total, endpoint=True)
    lengths = rng.integers(0, size, size=(300, 2))
    sums = np.concatenate([lengths, correct, total], axis=1).astype(float)
    exact, found = metric.aggregate(sums), metric.approximate(sums.astype(kind))
    np.testing.assert_allclose(found, exact, rtol=error, atol=np.finfo(kind).tiny)


@REPEATABLE
@given(st.text(st.sampled_from("aя19'-.,!\"«_…"), min_size=1, max_size=9))
def test_a_word_is_parted_as_by_the_expressions_of_13a(word):
    peer = PeerBLEU().tokenizer._post_tokenizer
    assert _parted.__wrapped__(word) == peer(f" {word} ").split()


@pytest.mark.parametrize(("name", "function"), [("exp", math.exp), ("ln", math.log)])
def test_exponentials_and_logarithms_are_those_of_math_to_the_last_bit(name, function):
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.normal(size=(500, 100)))
    values = sizes if name == "ln" else np.concatenate([-sizes, sizes])
    values = np.concatenate([values, values.astype(np.float32)])
    found = _by_arrow(name, values)
    assert found.shape == values.shape
    assert found.tolist() == [[function(value) for value in row] for row in values.tolist()]
    assert _by_arrow(name, np.float64(1.5)).shape == ()
