"""Words and sentences: rouge_score's tokenizer to the letter, and every other script."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer

from workbench.metrics.splitting import LINE_END, stem, words

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


def test_longer_words_of_english_are_stemmed_and_no_others():
    found = [stem(word) for word in words("running кошками was the naïvely", "unicode")]
    assert found == ["run", "кошками", "was", "the", "naïvely"]


@settings(REPEATABLE, max_examples=500)
@given(
    text=st.text() | st.text(alphabet="aAbcdefgiIİnstſK0 -'|\n\r\u2028", max_size=60),
    stemmer=st.booleans(),
)
def test_the_default_tokenizer_is_rouge_scores(text, stemmer):
    found = [word for word in words(text) if word != LINE_END]
    expected = DefaultTokenizer(stemmer).tokenize(text)
    assert ([stem(word) for word in found] if stemmer else found) == expected


@settings(REPEATABLE, max_examples=500)
@given(
    text=st.text() | st.text(alphabet="aB ΣİẞÅﷺ猫|｜\n\r\u0301\u2028", max_size=30),
    tokenizer=st.sampled_from(["rouge_score", "unicode"]),
)
def test_the_words_of_a_text_are_those_of_its_lines(text, tokenizer):
    lines = [words(line, tokenizer) for line in text.split("\n")]
    expected = lines[0]
    for line in lines[1:]:
        expected = [*expected, LINE_END, *line]
    assert words(text, tokenizer) == expected


@REPEATABLE
@given(text=st.text() | st.text(alphabet="ﷺ㌀ﬁÅİ é", max_size=30))
def test_a_text_and_its_normal_form_have_the_same_words(text):
    assert words(text, "unicode") == words(unicodedata.normalize("NFKC", text), "unicode")
