"""Words and sentences: rouge_score's tokenizer to the letter, and every other script."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer

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
    assert words(text, "unicode") == found


def test_the_unicode_tokenizer_stems_english_only():
    found = words("running кошками was the", "unicode", stemmer=True)
    assert found == ["run", "кошками", "was", "the"]


@settings(REPEATABLE, max_examples=500)
@given(
    text=st.text() | st.text(alphabet="aAbcdefgiIİnstſK0 -'\n", max_size=60), stemmer=st.booleans()
)
def test_the_default_tokenizer_is_rouge_scores(text, stemmer):
    assert words(text, stemmer=stemmer) == DefaultTokenizer(stemmer).tokenize(text)


def test_the_words_of_a_long_text_are_those_of_a_short_one():
    assert words("The cats " * 1_000) == ["the", "cats"] * 1_000
