"""Counts of n-grams against references, recomputed with counters."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from workbench.explaining.phrases import Texts, usages
from workbench.metrics.ngrams import Tokens, Vocabulary

repeatable = budget(deadline=None, derandomize=True, max_examples=50)
TEXT = st.lists(st.sampled_from("abc"), max_size=6)
ROW = st.tuples(
    st.lists(TEXT, min_size=1, max_size=2), st.lists(TEXT, min_size=1, max_size=2),
    st.lists(TEXT, min_size=1, max_size=3),
)  # fmt: skip


def numbered(rows, references=True):
    words, row, weight = [], [], []
    for at, (ones, others, truths) in enumerate(rows):
        sides = [(ones, 2 // len(ones)), (others, -2 // len(others))]
        for texts, each in [*sides, (truths if references else [], 0)]:
            words += texts
            row += [at] * len(texts)
            weight += [each] * len(texts)
    vocabulary = Vocabulary()
    tokens = Tokens.of_words(words, vocabulary)
    return Texts(tokens, np.array(row), np.array(weight), 2, list(vocabulary))


def grams(text, order):
    return Counter(tuple(text[at : at + order]) for at in range(len(text) - order + 1))


def naive(rows, order, kind):
    """Return gaps by row and n-gram, and both systems' counts, times two."""
    gaps, counts = Counter(), [Counter(), Counter()]
    for at, (*sides, truths) in enumerate(rows):
        found = [grams(truth, order) for truth in truths]
        for side, texts in enumerate(sides):
            for text in texts:
                own = grams(text, order)
                for gram in {*own, *(gram for each in found for gram in each)}:
                    most = max(each[gram] for each in found)
                    least = min(each[gram] for each in found)
                    amount = {
                        "extra": max(own[gram] - most, 0),
                        "missed": max(least - own[gram], 0),
                        "produced": own[gram],
                    }[kind] * (2 // len(texts))
                    gaps[at, gram] += (1, -1)[side] * amount
                    counts[side][gram] += amount
    return {cell: gap for cell, gap in gaps.items() if gap}, counts


def told(texts, usage):
    def words(gram):
        first = usage.first[gram]
        return tuple(texts.words[each] for each in texts.tokens.ids[first : first + usage.order])

    gaps = {
        (int(row), words(gram)): int(gap)
        for row, gram, gap in zip(usage.row, usage.gram, usage.gap, strict=True)
    }
    counts = [{words(gram): int(n) for gram, n in enumerate(side) if n} for side in usage.counts]
    return gaps, counts


@repeatable
@given(st.lists(ROW, min_size=1, max_size=5))
def test_uses_are_those_of_counters(rows):
    texts = numbered(rows)
    found = list(usages(texts, 3))
    assert [(each.order, each.kind) for each in found] == [
        (order, kind) for order in (1, 2, 3) for kind in ("extra", "missed")
    ]
    for usage in found:
        gaps, counts = naive(rows, usage.order, usage.kind)
        assert told(texts, usage) == (gaps, [{g: n for g, n in c.items() if n} for c in counts])


@repeatable
@given(st.lists(ROW, min_size=1, max_size=4))
def test_without_references_everything_is_produced(rows):
    texts = numbered(rows, references=False)
    bare = [(one, other, [[]]) for one, other, _ in rows]
    for usage in usages(texts, 2):
        assert usage.kind == "produced"
        gaps, counts = naive(bare, usage.order, "produced")
        assert told(texts, usage) == (gaps, [{g: n for g, n in c.items() if n} for c in counts])


@repeatable
@given(st.lists(ROW, min_size=1, max_size=4))
def test_chances_are_the_n_grams_that_there_are(rows):
    for usage in usages(numbered(rows), 3):
        if usage.kind == "extra":
            naive_chances = [
                sum(
                    max(len(text) - usage.order + 1, 0) * (2 // len(row[side]))
                    for row in rows
                    for text in row[side]
                )
                for side in (0, 1)
            ]
        else:
            needed = [
                sum(
                    min(grams(truth, usage.order)[gram] for truth in row[2])
                    for gram in grams(row[2][0], usage.order)
                )
                for row in rows
            ]
            naive_chances = [2 * sum(needed)] * 2
        assert usage.chances.tolist() == naive_chances
        assert (usage.counts.sum(axis=1) <= usage.chances).all()
