"""Texts as numbered words in lines."""

import tracemalloc
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.metrics import lines
from workbench.metrics.lines import Lines, numbered
from workbench.metrics.splitting import LINE_END, stem, words

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=150)
texts = st.lists(st.text(alphabet="ab cB.\n", max_size=12), max_size=5)


def listed(found: Lines):
    """Return the numbers of each line of each text."""
    each = in_parts(found.words)
    return [each[first:last] for first, last in pairwise(found.starts.tolist())]


def in_parts(tokens):
    return [tokens.ids[first:last].tolist() for first, last in pairwise(tokens.starts.tolist())]


def in_words(text):
    """Return the words of each line."""
    return [words(line) for line in text.split("\n")]


@REPEATABLE
@given(left=texts, right=texts)
def test_equal_words_have_equal_numbers_and_lines_are_kept(left, right):
    (one, other), span = numbered([left, right], "rouge_score", stemmer=False)
    names = {}
    for found, side in ((one, left), (other, right)):
        assert [[len(line) for line in text] for text in listed(found)] == [
            [len(line) for line in in_words(text)] for text in side
        ]
        numbers = [number for text in listed(found) for line in text for number in line]
        expected = [word for text in side for line in in_words(text) for word in line]
        for number, word in zip(numbers, expected, strict=True):
            assert names.setdefault(number, word) == word
    assert sorted(names) == list(range(span)) == list(range(len(set(names.values()))))


@REPEATABLE
@given(side=texts, dice=st.randoms())
def test_parts_of_texts_are_taken_with_their_lines(side, dice):
    (found,), _ = numbered([side], "rouge_score", stemmer=False)
    whole = listed(found)
    first, last = sorted(dice.choices(range(len(side) + 1), k=2))
    assert listed(found.between(first, last)) == whole[first:last]
    if side:
        chosen = dice.choices(range(len(side)), k=4)
        assert listed(found.take(np.array(chosen))) == [whole[at] for at in chosen]
    n_lines = sum(map(len, whole))
    kept = [at for at in range(n_lines) if dice.random() < 0.5]
    each = iter(range(n_lines))
    assert listed(found.only(np.array(kept, dtype=np.int64))) == [
        [line for line in text if next(each) in kept] for text in whole
    ]
    assert in_parts(found.texts) == [list(chain.from_iterable(text)) for text in whole]


def test_words_of_one_stem_have_one_number():
    (found,), span = numbered([["Running runs\nran"]], "rouge_score", stemmer=True)
    assert (listed(found), span) == ([[[0, 0], [1]]], 2)
    assert stem("running") == stem("runs") != stem("ran")


def test_words_of_other_scripts_are_numbered_too():
    (found,), span = numbered([["猫 кошка|猫\nКОШКА"]], "unicode", stemmer=False)
    assert (listed(found), span) == ([[[0, 1, 0], [1]]], 2)


def test_the_words_of_the_last_texts_are_kept_and_cannot_be_changed():
    table = [["The cats sat"], ["a cat"]]
    (first, _), _ = numbered(table, "rouge_score", stemmer=False)
    (again, _), _ = numbered([list(each) for each in table], "rouge_score", stemmer=False)
    assert again is first
    for each in (first.starts, first.words.ids, first.words.starts):
        with pytest.raises(ValueError, match="read-only"):
            each[:] = 0
    numbered([["others"]], "rouge_score", stemmer=False)
    assert numbered(table, "rouge_score", stemmer=False)[0][0] is not first


def test_large_tables_are_not_kept(monkeypatch):
    monkeypatch.setattr(lines, "_KEPT", 20)
    lines._numbered.cache_clear()
    numbered([["a" * 11], ["b" * 10]], "rouge_score", stemmer=False)
    assert lines._numbered.cache_info().currsize == 0
    numbered([["a" * 10], ["b" * 10]], "rouge_score", stemmer=False)
    assert lines._numbered.cache_info().currsize == 1


@pytest.mark.parametrize(
    ("text", "tokenizer"),
    [("the cats sat on mats\n" * 50, "rouge_score"), ("猫坐在垫子上" * 200, "unicode")],
)
def test_what_is_kept_takes_fifteen_bytes_a_character(text, tokenizer, monkeypatch):
    table = [[f"{at} {text}" for at in range(200)]]
    lines._numbered.cache_clear()
    tracemalloc.start()
    try:
        numbered(table, tokenizer, stemmer=False)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines._numbered.cache_info().currsize == 1
    assert held < 15 * sum(map(len, table[0]))


def test_the_mark_of_a_line_end_is_no_word():
    (found,), span = numbered([["|", f"a{LINE_END}b"]], "rouge_score", stemmer=False)
    assert (listed(found), span) == ([[[]], [[0, 1]]], 2)
