"""Traps met in the field's own tools: here each raises, or is right. One test for each.

Where a peer answers wrongly its answer is shown too, so that a mended peer makes itself known.
"""

import math

import numpy as np
import pandas as pd
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

import workbench as wb
from workbench import tables
from workbench.errors import BadValue
from workbench.metrics import join
from workbench.stats import Exact
from workbench.stats.paired import Units
from workbench.stats.sacrebleu_tests import paired_bootstrap, paired_randomisation

# the example of sacrebleu's README
SYSTEM = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
FIRST = ["The dog bit the man.", "It was not unexpected.", "The man bit him first."]
SECOND = ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."]
MEAN = wb.Column("mark").aggregate


def bleu_of(texts, references):
    rows = wb.read([{"input": "", "references": each} for each in references])
    board = wb.compare(wb.score(wb.outputs(rows, {"a": texts}), rows, [wb.BLEU()]), samples=20)
    return board.leaderboard().frame["score"].item()


def by_mark(marks, **options):
    """Compare systems by a mark per row."""
    n_rows = len(next(iter(marks.values())))
    clusters = options.pop("clusters", None)
    rows = pd.DataFrame({"row_id": [f"r{at:04}" for at in range(n_rows)], "input": ""})
    rows = wb.read(rows if clusters is None else rows.assign(cluster=clusters))
    table = pd.DataFrame(
        [
            {"row_id": row_id, "system": system, "text": "x", "mark": mark}
            for system, column in marks.items()
            for row_id, mark in zip(rows["row_id"], column, strict=True)
        ]
    )
    scores = wb.score(wb.outputs(rows, table), rows, [wb.Column("mark", direction="up")])
    return wb.compare(scores, **options)


def sums(*columns):
    return [np.column_stack([each, np.ones(len(each))]) for each in columns]


def units(*columns):
    return Units(Exact.of(np.stack(sums(*columns), axis=1)), MEAN, samples=200)


def rejected(p_values):
    return np.mean(np.array(p_values) <= 0.05)


def refused(call):
    with pytest.raises(BadValue) as caught:
        call()
    return str(caught.value)


def test_a_reference_stream_that_is_shorter():
    assert sacrebleu.corpus_bleu(SYSTEM, [FIRST[:1]]).score == pytest.approx(100)
    assert bleu_of(SYSTEM, zip(FIRST, SECOND, strict=True)) == pytest.approx(48.53, abs=0.005)
    assert refused(lambda: wb.read(references=[FIRST, SECOND[:1]])) == (
        "each reference stream must have one line per row, 3 of them, but stream #2 has 1; give "
        "whole streams (not one list per row), of equal length."
    )


def test_references_that_are_transposed():
    streams = [FIRST, SECOND]
    turned = [list(each) for each in zip(*streams, strict=True)]
    assert sacrebleu.corpus_bleu(SYSTEM, turned).score == pytest.approx(61.88, abs=0.005)
    rows = wb.read(references=turned)
    assert refused(lambda: wb.outputs(rows, {"a": SYSTEM})) == (
        "system 'a' must have 2 texts, one per row, but 3 came; put None where it failed."
    )


def test_uneven_numbers_of_references_per_row():
    uneven = [[FIRST[0], SECOND[0]], [FIRST[1]], [FIRST[2], SECOND[2]]]
    dropped = [list(stream) for stream in zip(*uneven, strict=False)]
    assert len(dropped) == 1
    kept = bleu_of(SYSTEM, uneven)
    assert kept != pytest.approx(sacrebleu.corpus_bleu(SYSTEM, dropped).score)
    padded = [FIRST, [SECOND[0], None, SECOND[2]]]
    assert kept == pytest.approx(sacrebleu.corpus_bleu(SYSTEM, padded).score)


def test_a_perfect_match_is_100():
    assert sacrebleu.corpus_bleu(FIRST, [FIRST]).score == 100.00000000000004
    assert bleu_of(FIRST, [[text] for text in FIRST]) == 100.0


@pytest.mark.parametrize("text", ["猫坐在垫子上", "Кошка сидит на коврике"])
def test_texts_that_rouge_scores_tokenizer_does_not_read(text):
    assert RougeScorer(["rouge1"]).score(text, text)["rouge1"].fmeasure == 0
    rows = wb.read([{"input": "", "references": [text]}])
    outputs = wb.outputs(rows, {"a": [text]})
    assert refused(lambda: wb.score(outputs, rows, [wb.ROUGE("1")])) == (
        "rouge1 with rouge_score's tokenizer reads only a–z and 0–9, but 100% of the letters are "
        "others; use tokenizer='unicode', or strict=False for rouge_score's own figure."
    )
    scores = wb.score(outputs, rows, [wb.ROUGE("1", tokenizer="unicode")])
    assert scores.frame["value"].item() == 1


def test_rouge_lsum_without_line_ends():
    reference, text = "It rained. We left.", "We left. It rained."
    assert RougeScorer(["rougeLsum"]).score(reference, text)["rougeLsum"].fmeasure < 1
    rows = wb.read([{"input": "", "references": [reference]}])
    outputs = wb.outputs(rows, {"a": [text]})
    assert refused(lambda: wb.score(outputs, rows, [wb.ROUGE("Lsum")])) == (
        "rougeLsum needs one sentence per line, but none of 2 texts has a line end and 2 have "
        "several sentences; use split='sentence', put line ends in, or strict=False for "
        "rouge_score's own figure."
    )
    scores = wb.score(outputs, rows, [wb.ROUGE("Lsum", split="sentence")])
    assert scores.frame["value"].item() == 1


def test_figures_with_unequal_signatures_are_not_compared():
    rows = wb.read([{"input": "", "references": [text]} for text in FIRST])
    scores = [
        wb.score(wb.outputs(rows, {name: SYSTEM}), rows, [wb.BLEU(tokenize=tokenize)])
        for name, tokenize in (("a", "13a"), ("b", "char"))
    ]
    assert refused(lambda: join(scores)) == (
        "figures to be compared must have equal signatures, but bleu came as "
        "'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0' and as "
        "'nrefs:1|case:mixed|eff:no|tok:char|smooth:exp|version:2.6.0'; score both with one metric."
    )


def test_the_number_of_references_is_in_the_signature():
    rows = wb.read(references=[FIRST, SECOND])
    one = rows.assign(references=rows["references"].str[:1])
    told = [wb.score(wb.outputs(r, {"a": SYSTEM}), r, [wb.BLEU()]) for r in (rows, one)]
    assert [each.signatures["bleu"].split("|")[0] for each in told] == ["nrefs:2", "nrefs:1"]


@pytest.mark.parametrize("lost", [None, float("nan")])
def test_a_missing_output_is_a_failure_with_a_denominator(lost):
    rows = wb.read([{"input": "", "references": ["yes"]} for _ in range(4)])
    outputs = wb.outputs(rows, {"a": ["yes", "yes", lost, ""], "b": ["yes"] * 4})
    scores = wb.score(outputs, rows, [wb.ExactMatch()])
    with pytest.raises(
        BadValue, match=r"^at most 10 % of a system's outputs may have failed, but 1 of 4"
    ):
        wb.compare(scores)
    board = wb.compare(scores, samples=20, most_failed=0.25).leaderboard()
    a = board.frame.set_index("system").loc["a"]
    assert (a["n"], a["n_failed"], a["n_empty"]) == (3, 1, 1)
    assert a["score"] == pytest.approx(2 / 3)
    worst = wb.compare(scores, failures="worst", samples=20).leaderboard().frame
    assert worst.set_index("system").loc["a", "score"] == 0.5
    assert "0 outputs absent, 1 failed, 1 empty" in board.caption


def test_line_ends_that_only_python_sees(tmp_path):
    lines = ["one\u2028two", "three\x85four", "five\x0bsix"]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert len((tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()) == 6
    rows = wb.read(references=[tmp_path / "a.txt"])
    assert [texts[0] for texts in rows["references"]] == lines


def test_a_system_compared_with_itself():
    rng = np.random.default_rng(0)
    marks = rng.random(1000)
    found = by_mark({"a": marks, "b": marks}, samples=1000).frame.iloc[0]
    assert (found["p"], found["delta"], found["verdict"]) == (1.0, 0.0, "identical")
    for peer in (paired_randomisation, paired_bootstrap):
        assert peer(*sums(marks, marks), MEAN, samples=1000, seed=12345) == 1 / 1001


@pytest.mark.parametrize(("n_better", "p"), [(1, 1.0), (2, 0.5), (3, 0.25)])
def test_a_few_better_outputs_of_a_thousand(n_better, p):
    marks = np.zeros(1000)
    better = marks.copy()
    better[:n_better] = 1
    assert by_mark({"a": marks, "b": better}).frame["p"].item() == p


def test_the_size_of_the_test_is_what_it_says():
    """sacrebleu's bootstrap test rejects more than 10 % of true nulls at a level of 5 %."""
    rng = np.random.default_rng(1)
    ours, theirs = [], []
    for _ in range(400):
        first, second = rng.standard_normal((2, 60))
        ours.append(units(first, second).difference(0, 1).p)
        theirs.append(paired_bootstrap(*sums(first, second), MEAN, samples=200, seed=7))
    assert 0.03 <= rejected(ours) <= 0.07
    assert rejected(theirs) >= 0.09


def test_seed_zero_is_a_seed(monkeypatch):
    """sacrebleu takes SACREBLEU_SEED=0 as unseeded although its signature prints seed:0."""
    rng = np.random.default_rng(2)
    marks = {"a": rng.random(50), "b": rng.random(50)}
    frames = []
    for value in ("0", "1"):
        monkeypatch.setenv("SACREBLEU_SEED", value)
        frames.append(by_mark(marks, samples=300, seed=0, compat="sacrebleu").frame.to_json())
    assert frames[0] == frames[1]


def test_the_bootstrap_draws_as_many_as_there_are():
    """compare-mt and MT-Telescope draw half as many, which widens intervals by 1.41."""
    values = np.random.default_rng(3).standard_normal(400)
    found = by_mark({"a": values}, samples=5000).leaderboard().frame.iloc[0]
    width = (found["ci_high"] - found["ci_low"]) / (2 * 1.959964)
    assert width == pytest.approx(values.std() / np.sqrt(400), rel=0.04)


@pytest.mark.slow
def test_nine_equal_prompts_against_a_baseline():
    """Uncorrected, some prompt wins in 36.8 % of experiments, were their tests independent."""
    rng = np.random.default_rng(4)
    smallest, corrected = [], []
    for _ in range(200):
        frame = by_mark(
            {f"prompt {at}": rng.random(40) for at in range(10)}, samples=200, baseline="prompt 0"
        ).frame
        smallest.append(frame["p"].min())
        corrected.append(frame["p_adjusted"].min())
    assert rejected(smallest) >= 0.2
    assert rejected(corrected) <= 0.09


def test_clusters_are_exchanged_whole():
    """Items of a cluster taken as independent reject half of true nulls."""
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(50), 10)
    naive, robust = [], []
    for _ in range(200):
        first, second = (
            rng.standard_normal(50)[clusters] + 0.3 * rng.standard_normal(500) for _ in "ab"
        )
        naive.append(units(first, second).difference(0, 1).p)
        by_cluster = [np.bincount(clusters, each) / 10 for each in (first, second)]
        robust.append(units(*by_cluster).difference(0, 1).p)
    assert rejected(naive) >= 0.4
    assert rejected(robust) <= 0.09


def test_a_column_called_cluster_is_heeded():
    rng = np.random.default_rng(6)
    marks = {name: np.repeat(rng.random(20), 10) for name in "ab"}
    clusters = [f"c{at // 10}" for at in range(200)]
    found = by_mark(marks, clusters=clusters, samples=500).frame.iloc[0]
    alone = by_mark(marks, clusters=clusters, samples=500, cluster="row_id").frame.iloc[0]
    assert (found["n"], found["n_clusters"], alone["n_clusters"]) == (200, 20, 200)
    assert found["ci_high"] - found["ci_low"] > 2 * (alone["ci_high"] - alone["ci_low"])


def test_paired_data_are_tested_paired():
    """A difference that an unpaired test cannot see beside that of the rows."""
    rng = np.random.default_rng(7)
    rows = 10 * rng.standard_normal(60)
    better = rows + 0.5 + 0.3 * rng.standard_normal(60)
    z = (better.mean() - rows.mean()) / np.sqrt((better.var() + rows.var()) / 60)
    assert math.erfc(abs(z) / math.sqrt(2)) > 0.5
    assert by_mark({"a": rows, "b": better}, samples=2000).frame["p"].item() < 0.001


def test_repeats_are_no_further_rows():
    rng = np.random.default_rng(8)
    rows = wb.read([{"input": str(at), "references": ["yes"]} for at in range(30)])
    said = {name: rng.integers(0, 2, 30) for name in "ab"}
    once = {name: [["yes"] if hit else ["no"] for hit in hits] for name, hits in said.items()}
    often = {name: [texts * 20 for texts in answers] for name, answers in once.items()}
    frames = [
        wb.compare(wb.score(wb.outputs(rows, each), rows, [wb.ExactMatch()]), samples=500).frame
        for each in (once, often)
    ]
    columns = ["n", "score", "delta", "ci_low", "ci_high", "p"]
    pd.testing.assert_frame_equal(frames[0][columns], frames[1][columns])


def test_a_preference_without_a_side_is_refused():
    """Nobody reports position bias; it cannot be found in ratings that do not tell the side."""
    rating = {"item_id": "i1", "rater": "r1", "question": "better", "value": "a"}
    ratings = pd.DataFrame([rating | {"system_a": "a", "system_b": "b"}])
    assert refused(lambda: tables.RATINGS.check(ratings, source="ratings.csv")) == (
        "RATINGS (ratings.csv) must say in `side` which system was shown first, but the "
        "preferences on items 'i1' do not; ask in both orders and record the side."
    )
