"""N-grams in common, against counting them one by one, and against sacrebleu."""

import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

import workbench as wb
from workbench.metrics import ngrams
from workbench.metrics.grouping import Groups
from workbench.metrics.ngrams import ReferenceNGrams, Tokens, Vocabulary

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=150)
TEXTS = st.lists(st.sampled_from("aab c"), max_size=9)
# All that 13a looks at, and what only looks alike: other spaces, digits and marks.
LINES = st.text(
    st.sampled_from("ab1²٣.,-'\"&;<>?!/~ \u00a0\u2003\t\n\x1c。、ßΣσ\U0001f600"), max_size=14
)
SCRAPS = st.lists(
    LINES
    | st.sampled_from(["<skipped>", "-\n", "&quot;", "&amp;", "&amp;quot;", "&lt;", "1.5", "x"])
).map("".join)


def counted_one_by_one(outputs, references, order):
    def grams(words, n):
        return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))

    table = []
    for output, group in zip(outputs, references, strict=True):
        most = [Counter() for _ in range(order)]
        for n in range(order):
            for reference in group:
                most[n] |= grams(reference, n + 1)
        table.append([(grams(output, n + 1) & most[n]).total() for n in range(order)])
    return table


@REPEATABLE
@given(
    st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=5),
    st.integers(1, 4),
    st.sampled_from([0, 2, 10_000]),  # a table, or a search after some probes
    st.sampled_from([1, 100]),
)
def test_matches_are_those_of_counting_one_by_one(pairs, order, table, block):
    words = Vocabulary()
    outputs = [output for output, _ in pairs]
    references = [each for _, group in pairs for each in group]
    groups = np.repeat(np.arange(len(pairs)), [len(group) for _, group in pairs])
    ours, theirs = Tokens.of_words(outputs, words), Tokens.of_words(references, words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "_TABLE", table)
        patch.setattr(ngrams, "_PROBES", 1)
        patch.setattr(ngrams, "_BLOCK", block)
        known = ReferenceNGrams(theirs, groups, order=order, span=len(words))
        found = known.matches(ours, np.arange(len(pairs)))
    assert found.tolist() == counted_one_by_one(outputs, [group for _, group in pairs], order)


@REPEATABLE
@given(st.lists(st.tuples(SCRAPS, st.lists(SCRAPS, min_size=1, max_size=3)), max_size=4), st.data())
def test_every_statistic_is_sacrebleus(table, segment_statistics, pairs, data):
    pairs = [*pairs, ("a cat.", ["a cat"])]
    lowercase = data.draw(st.booleans())
    metrics = [
        (wb.BLEU(lowercase=lowercase), BLEU(lowercase=lowercase)),
        (wb.BLEU("none", max_ngram_order=2), BLEU(tokenize="none", max_ngram_order=2)),
        (wb.BLEU("intl"), BLEU(tokenize="intl")),
        (wb.ChrF(lowercase=lowercase), CHRF(lowercase=lowercase)),
        (wb.ChrF(2, whitespace=True), CHRF(word_order=2, whitespace=True)),
        (wb.ChrF(1, 3, eps_smoothing=True), CHRF(word_order=1, char_order=3, eps_smoothing=True)),
    ]
    outputs = table(pairs)
    for ours, peer in metrics:
        assert ours.statistics(outputs).tolist() == segment_statistics(peer, outputs).tolist()


def test_a_reference_text_of_two_rows_is_in_both_groups():
    groups = Groups.of([["x", "y"], ["x"]])
    assert groups.references == ["x", "y", "x"]
    assert groups.group_of.tolist() == [0, 0, 1]


def test_the_order_of_outputs_does_not_matter(table):
    pairs = [("a b c", ["a b"]), ("b c", ["b c d", "c"]), ("", ["a"]), ("a b c", ["c b a"])]
    metric = wb.BLEU()
    there = metric.statistics(table(pairs))
    assert metric.statistics(table(pairs[::-1])).tolist() == there[::-1].tolist()


def test_what_is_white_space_for_arrow_is_so_for_python():
    whole = [at for at in range(sys.maxunicode + 1) if not 0xD800 <= at < 0xE000]
    texts = [f"a{chr(at)}b" for at in whole]
    found, words = Tokens.of_lines(texts)
    assert found.lengths.tolist() == [len(text.split()) for text in texts]
    assert words == list(dict.fromkeys(word for text in texts for word in text.split()))


@settings(max_examples=50)
@given(
    st.lists(st.text(st.sampled_from("ab \t\n\x1c\x85\u2028\u3000\ud800"), max_size=8), max_size=5)
)
def test_lines_are_split_as_python_splits_them(texts):
    found, words = Tokens.of_lines(texts)
    split = [text.split() for text in texts]
    assert found.lengths.tolist() == list(map(len, split))
    assert [words[at] for at in found.ids] == [word for text in split for word in text]
