"""Words and sentences: rouge_score's tokenizer to the letter, and every other script."""

import gc
import tracemalloc
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer

from workbench.metrics import splitting
from workbench.metrics.splitting import words

REPEATABLE = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Cat's 2nd", ["the", "cat", "s", "2nd"]),
        ("Кошка сидит", ["кошка", "сидит"]),
        ("猫坐在Mat上", ["猫", "坐", "在", "mat", "上"]),
        ("ネコとねこ", ["ネ", "コ", "と", "ね", "こ"]),
        ("고양이가 앉았다", ["고양이가", "앉았다"]),
        ("แมว", ["แ", "ม", "ว"]),
        ("बिल्ली बैठी", ["बिल्ली", "बैठी"]),
        ("e\u0301te\u0301", ["été"]),
        ("Ａ１ ﬁn ｶﾞ", ["a1", "fin", "ガ"]),
        ("snake_case — 3.5 %", ["snake", "case", "3", "5"]),
        ("…!?", []),
    ],
)
def test_the_unicode_tokenizer_reads_every_script(text, found):
    assert words(text, "unicode") == tuple(found)


def test_the_unicode_tokenizer_stems_english_only():
    found = words("running кошками was the", "unicode", stemmer=True)
    assert found == ("run", "кошками", "was", "the")


@settings(REPEATABLE, max_examples=500)
@given(
    text=st.text() | st.text(alphabet="aAbcdefgiIİnstſK0 -'\n", max_size=60), stemmer=st.booleans()
)
def test_the_default_tokenizer_is_rouge_scores(text, stemmer):
    assert words(text, stemmer=stemmer) == tuple(DefaultTokenizer(stemmer).tokenize(text))


def test_the_words_of_a_long_text_are_those_of_a_short_one():
    assert words("The cats " * 1_000) == ("the", "cats") * 1_000


# Of each kind the longest texts that are kept, with as many and as long words as can be.
FULL = {
    # one character of four bytes each, such as rare Chinese names have
    "rare": lambda at, n: "".join(chr(0x20000 + (at * (n + 1) + i) % 42_000) for i in range(n)),
    # a letter and a mark each, all different
    "marked": lambda at, n: "".join(
        chr(0x20000 + (at * n + i) // 90) + chr(0x302A + i % 4) for i in range(n // 2)
    ),
    "short": lambda at, n: " ".join(f"{(at * n + i) % 99_999:x}" for i in range(n // 6)),
}


@pytest.mark.parametrize("kind", FULL)
def test_the_words_that_are_kept_take_less_than_100_mb(kind):
    splitting._kept.cache_clear()
    gc.collect()
    tracemalloc.start()
    try:
        for at in range(splitting._KEPT_TEXTS + 100):
            words(FULL[kind](at, splitting._LONG_TEXT), "unicode")
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        found = splitting._kept.cache_info()
        splitting._kept.cache_clear()
    assert found.currsize == splitting._KEPT_TEXTS
    assert held < 100e6


def test_a_text_is_long_by_its_normal_form():
    # NFKC makes eighteen characters of this one
    text = "\ufdfa" * (splitting._LONG_TEXT // 18 + 1)
    splitting._kept.cache_clear()
    assert len(words(text, "unicode")) > 3
    assert splitting._kept.cache_info().currsize == 0
    assert words(text[:-1], "unicode")
    assert splitting._kept.cache_info().currsize == 1


def test_words_that_are_kept_cannot_be_changed_by_who_asked_for_them():
    text = "The cats"
    assert words(text) is words(text)
    assert isinstance(words(text), tuple)
    assert isinstance(words(text * 1_000), tuple)


@REPEATABLE
@given(text=st.text() | st.text(alphabet="ﷺ㌀ﬁÅİ é", max_size=30))
def test_a_text_and_its_normal_form_have_the_same_words(text):
    assert words(text, "unicode") == words(unicodedata.normalize("NFKC", text), "unicode")
