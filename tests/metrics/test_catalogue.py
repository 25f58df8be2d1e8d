"""Metrics by name."""

import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.metrics.catalogue import NAMES, named


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("bleu", wb.BLEU()),
        ("chrf", wb.ChrF()),
        ("chrf++", wb.ChrF(word_order=2)),
        ("ter", wb.TER()),
        ("rouge1", wb.ROUGE("1")),
        ("rouge2", wb.ROUGE("2")),
        ("rougeL", wb.ROUGE("L")),
        ("rougeLsum", wb.ROUGE("Lsum")),
        ("exact_match", wb.ExactMatch()),
        ("token_f1", wb.TokenF1()),
        ("length_ratio", wb.LengthRatio()),
        ("bleu:", wb.BLEU()),
        (
            "bleu:tokenize=char,lowercase=yes,max_ngram_order=2,smooth_value=0.5",
            wb.BLEU("char", True, smooth_value=0.5, max_ngram_order=2),
        ),
        (
            "bleu:smooth_method=add-k,smooth_value=1",
            wb.BLEU(smooth_method="add-k", smooth_value=1.0),
        ),
        ("bleu:lowercase=no,effective_order=true", wb.BLEU(effective_order=True)),
        ("bleu:name=13", wb.BLEU(name="13")),
        ("rougeL:stemmer=yes,measure=recall", wb.ROUGE("L", "recall", True)),
        ("ter:normalized=false", wb.TER()),
        ("column:column=latency_s,direction=down", wb.Column("latency_s", "down")),
        ("column:column=2024", wb.Column("2024")),
        ("exact_match:normalize=strip", wb.ExactMatch("strip")),
    ],
)
def test_a_name_gives_its_metric(text, metric):
    assert named(text) == metric
    assert repr(named(text)) == repr(metric)


def test_every_listed_name_gives_a_metric_of_that_name():
    names = [named(each).name for each in NAMES if each != "column"]
    assert names == [each for each in NAMES if each != "column"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "blue",
            "metric must be one of 'bleu', 'chrf', 'chrf++', 'ter', 'rouge1', 'rouge2', 'rougeL', "
            "'rougeLsum', 'exact_match', 'token_f1', 'length_ratio', 'column', but 'blue' came; "
            "did you mean 'bleu'?",
        ),
        (
            "bleu:tokenizer=char",
            "option of bleu must be one of 'effective_order', 'lowercase', 'max_ngram_order', "
            "'name', 'smooth_method', 'smooth_value', 'tokenize', but 'tokenizer' came; did you "
            "mean 'tokenize'?",
        ),
        (
            "rouge1:variant=2",
            "option of rouge1 must be one of 'measure', 'name', 'split', 'stemmer', 'strict', "
            "'tokenizer', but 'variant' came.",
        ),
        (
            "chrf++:word_order=0",
            "option of chrf++ must be one of 'beta', 'char_order', 'eps_smoothing', 'lowercase', "
            "'name', 'whitespace', but 'word_order' came; did you mean 'char_order'?",
        ),
        (
            "column:bounds=1",
            "option of column must be one of 'column', 'direction', 'name', but 'bounds' came.",
        ),
        (
            "bleu:tokenize=chars",
            "tokenize must be one of '13a', 'none', 'intl', 'char', 'zh', 'ja-mecab', 'ko-mecab', "
            "'spm', 'flores101', 'flores200', 'spBLEU-1K', but 'chars' came; did you mean 'char'?",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_the_near_ones(text, message):
    with pytest.raises(UnknownName) as caught:
        named(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "bleu:tokenize",
            "an option must be written as option=value, but 'tokenize' came in 'bleu:tokenize'.",
        ),
        (
            "bleu:tokenize=",
            "an option must be written as option=value, but 'tokenize=' came in 'bleu:tokenize='.",
        ),
        ("column", "a column must be named, but 'column' came; write column:column=NAME."),
        (
            "bleu:lowercase=1",
            "lowercase of bleu must be yes or no, but '1' came; write it so.",
        ),
        (
            "bleu:max_ngram_order=four",
            "max_ngram_order of bleu must be a whole number, but 'four' came; write it so.",
        ),
        (
            "chrf:beta=0.5",
            "beta of chrf must be a whole number, but '0.5' came; write it so.",
        ),
        (
            "bleu:smooth_value=x",
            "smooth_value of bleu must be a number, but 'x' came; write it so.",
        ),
        ("bleu:max_ngram_order=0", "max_ngram_order must be at least 1, but 0 came; use 4."),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused(text, message):
    with pytest.raises(BadValue) as caught:
        named(text)
    assert str(caught.value) == message
