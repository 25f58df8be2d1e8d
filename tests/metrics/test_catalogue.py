"""Metrics by name."""

import json
import pickle

import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.metrics.catalogue import NAMES, described, named, restored


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
        ("regex_match:pattern=^a.c$,ignore_case=yes", wb.RegexMatch("^a.c$", ignore_case=True)),
        ("json_valid:column=schema,fences=allow", wb.JSONValid(column="schema", fences="allow")),
        ("label_match:labels=a/b/c,take=only", wb.LabelMatch(("a", "b", "c"), "only")),
        ("numeric_match:relative=0.01", wb.NumericMatch(relative=0.01)),
        ("pass_at_k:k=3,of=numeric_match", wb.PassAtK(wb.NumericMatch(), 3)),
        ("pass_hat_k:k=2,failed=wrong", wb.PassHatK(k=2, failed="wrong")),
        ("majority_vote:of=label_match", wb.MajorityVote(wb.LabelMatch())),
        ("self_consistency:measure=majority", wb.SelfConsistency(measure="majority")),
    ],
)
def test_a_name_gives_its_metric(text, metric):
    assert named(text) == metric
    assert repr(named(text)) == repr(metric)


def test_every_listed_name_gives_a_metric_of_that_name():
    bare = [each for each in NAMES if each not in {"column", "regex_match"}]
    own = {"pass_at_k": "pass@1", "pass_hat_k": "pass^1"}
    assert [named(each).name for each in bare] == [own.get(each, each) for each in bare]


@pytest.mark.parametrize(
    "metric",
    [
        wb.RegexMatch("a|b", timeout_s=2),
        wb.JSONValid({"type": "object"}),
        wb.LabelMatch(("x", "y"), "only"),
        wb.NumericMatch(0.1, percent="hundredth"),
        wb.PassAtK(wb.LabelMatch(("x", "y")), 3),
        wb.PassHatK(k=2, failed="wrong", name="all"),
        wb.MajorityVote(wb.NumericMatch()),
        wb.SelfConsistency(measure="majority"),
        wb.Column("x", bounds=(0, 1)),
    ],
    ids=lambda metric: metric.name,
)
def test_a_metric_survives_json_and_a_journey(metric):
    assert restored(json.loads(json.dumps(described(metric)))) == metric
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert hash(pickle.loads(pickle.dumps(metric))) == hash(metric)


def test_what_only_its_owner_can_make_anew_is_not_described():
    command = wb.Executed(["true"])
    assert described(command) == described(wb.PassAtK(command)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "blue",
            "metric must be one of 'bleu', 'chrf', 'chrf++', 'ter', 'rouge1', 'rouge2', 'rougeL', "
            "'rougeLsum', 'exact_match', 'token_f1', 'length_ratio', 'column', "
            "'regex_match', 'json_valid', 'label_match', 'numeric_match', 'pass_at_k', 'pass_hat_k', "
            "'majority_vote', 'self_consistency', but 'blue' came; did you mean 'bleu'?",
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
