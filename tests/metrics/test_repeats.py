"""pass@k, pass^k, majority vote and self-consistency: published figures, naive counts, properties."""

import gzip
import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName


def scored(answers, *metrics, references=None, **options):
    """Score systems whose rows have several answers each."""
    n_rows = len(next(iter(answers.values())))
    rows = wb.read([{"input": "", "references": ["yes"]}] * n_rows)
    rows["row_id"] = [f"r{at}" for at in range(n_rows)]
    return wb.score(wb.outputs(rows, answers), rows, metrics, **options)


def value_of(scores, metric):
    """Return a system's figure as `compare` has it."""
    board = wb.compare(scores, samples=20).leaderboard().frame
    return board[board["metric"] == metric].set_index("system")["score"].to_dict()


@pytest.mark.shared
def test_the_published_figures_of_tau_bench(shared):
    path = shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz"
    tasks = {}
    for run in json.loads(gzip.decompress(path.read_bytes())):
        tasks.setdefault(run["task_id"], []).append("yes" if run["reward"] == 1 else "no")
    metrics = [wb.PassHatK(k=k) for k in (1, 2, 3, 4)]
    board = (
        wb.compare(scored({"gpt-4o": list(tasks.values())}, *metrics), samples=20)
        .leaderboard()
        .frame
    )
    assert board["score"].round(3).tolist() == [0.42, 0.273, 0.22, 0.2]
    assert (board["n"] == 50).all()


def by_row(metric, texts):
    """Return the value of each row, its outputs in any order."""
    cells = [(f"r{at}", text) for at, row in enumerate(texts) for text in row]
    order = sorted(range(len(cells)), key=lambda at: at * 7919 % 101)
    frame = pd.DataFrame([cells[at] for at in order], columns=["row_id", "text"])
    frame = frame.assign(output_id=frame.index, system="a")
    frame["references"] = [["yes"]] * len(frame)
    values = pd.Series(metric.statistics(frame)[:, 0]).groupby(frame["row_id"]).unique()
    assert values.map(len).eq(1).all()
    return [float(values[f"r{at}"][0]) for at in range(len(texts))]


texts_of_rows = st.lists(
    st.lists(st.sampled_from(["yes", "no", "?"]), min_size=1, max_size=6), min_size=1, max_size=4
)


@given(texts_of_rows, st.integers(1, 4))
def test_a_row_has_the_share_of_all_choices_of_its_attempts(texts, k):
    choices = [list(combinations([text == "yes" for text in row], k)) for row in texts]
    for metric, whole in ((wb.PassAtK(k=k), any), (wb.PassHatK(k=k), all)):
        expected = [mean(map(whole, each)) if each else np.nan for each in choices]
        assert by_row(metric, texts) == pytest.approx(expected, nan_ok=True)


def test_a_row_weighs_one_however_often_it_was_tried():
    texts = [["yes", "no"], ["no"] * 6, ["yes"] * 4]
    assert value_of(scored({"a": texts}, wb.PassAtK(k=2)), "pass@2") == {
        "a": pytest.approx((1 + 0 + 1) / 3)
    }


def test_rows_are_resampled_whole():
    texts = {
        "a": [["yes", "no"] if at % 3 else ["yes", "yes"] for at in range(120)],
        "b": [["no", "no"] if at % 4 else ["yes", "no"] for at in range(120)],
    }
    scores = scored(texts, wb.PassHatK(k=2), wb.ExactMatch())
    row = wb.compare(scores, baseline="b", interval="percentile").frame.iloc[0]
    a = np.array([all(t == "yes" for t in row) for row in texts["a"]], dtype=float)
    b = np.array([all(t == "yes" for t in row) for row in texts["b"]], dtype=float)
    dice = np.random.default_rng(1)
    drawn = (a - b)[dice.integers(0, 120, (4000, 120))].mean(axis=1)
    assert row["delta"] == pytest.approx((a - b).mean(), rel=1e-12)
    assert (row["n"], row["n_changed"]) == (120, 40)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(
        np.quantile(drawn, [0.025, 0.975]), abs=0.01
    )


def test_rows_with_too_few_attempts_have_no_value_and_are_counted():
    scores = scored({"a": [["yes", "no"], ["yes", None]]}, wb.PassAtK(k=2))
    assert scores.noted.to_dict("records") == [
        {"metric": "pass@2", "system": "a", "note": "too few repeats", "n": 1, "n_outputs": 3}
    ]
    assert scores.failure_note == (
        "0 outputs absent, 1 failed, 0 empty; pass@2: 1 of 3 too few repeats"
    )
    board = wb.compare(scores, most_failed=0.25).leaderboard().frame
    assert board[["score", "n", "n_failed"]].to_numpy().tolist() == [[1.0, 1, 2]]


def test_failed_outputs_may_count_as_attempts_that_went_wrong():
    texts = {"a": [["yes", None, None]]}
    metrics = [wb.PassAtK(k=2, failed="wrong"), wb.PassHatK(failed="wrong")]
    assert scored(texts, *metrics).frame["value"].tolist() == pytest.approx(
        [2 / 3] * 3 + [1 / 3] * 3
    )


def test_attempts_that_are_neither_right_nor_wrong_are_refused():
    with pytest.raises(BadValue) as caught:
        scored({"a": [["yes sir"]]}, wb.PassAtK(wb.TokenF1()))
    assert str(caught.value) == (
        "pass@1 needs outputs that are right or wrong, but token_f1 gave 0.666667 to output "
        "'a:r0:0'; make it of a metric such as wb.ExactMatch()."
    )


@pytest.mark.parametrize("k", [0, 1.5])
def test_k_is_a_whole_number_of_at_least_one(k):
    with pytest.raises(BadValue) as caught:
        wb.PassAtK(k=k)
    assert str(caught.value) == f"k must be a whole number of at least 1, but {k} came; use 1."


def test_options_that_nothing_knows_are_refused():
    for make in (lambda: wb.PassHatK(failed="no"), lambda: wb.SelfConsistency(measure="no")):
        with pytest.raises(UnknownName):
            make()


def naive_vote(row):
    votes = Counter(text for text in row if text != "?")
    most = max(votes.values(), default=0)
    chosen = [text for text, n in votes.items() if n == most]
    return mean(text == "yes" for text in chosen) if chosen else 0.0


def naive_pairs(row):
    pairs = list(combinations(row, 2))
    return mean(a == b != "?" for a, b in pairs) if pairs else np.nan


def naive_majority(row):
    votes = Counter(text for text in row if text != "?")
    return max(votes.values(), default=0) / len(row) if len(row) > 1 else np.nan


@settings(max_examples=10)
@given(texts_of_rows)
def test_votes_and_agreement_counted_by_hand(texts):
    of = wb.LabelMatch()
    for metric, naive in (
        (wb.MajorityVote(of), naive_vote),
        (wb.SelfConsistency(of), naive_pairs),
        (wb.SelfConsistency(of, "majority"), naive_majority),
    ):
        assert by_row(metric, texts) == pytest.approx([naive(row) for row in texts], nan_ok=True)


def test_agreement_needs_no_references():
    rows = wb.read([{"input": "?"}])
    scores = wb.score(
        wb.outputs(rows, {"a": [["The cat", "cat!", "dog"]]}), rows, wb.SelfConsistency()
    )
    assert scores.frame["value"].tolist() == pytest.approx([1 / 3] * 3)


def test_what_repeats_are_judged_by_is_computed_once(tmp_path):
    calls = str(tmp_path / "calls")

    class Yes(wb.Metric):
        name, direction = "yes", "up"
        reads = ("text",)

        def statistics(self, outputs):
            with Path(calls).open("a", encoding="utf-8") as file:
                file.write(f"{len(outputs)} ")
            return [[text == "yes", 1] for text in outputs["text"]]

    of = Yes()
    texts = {"a": [["yes", "no"]] * 3}
    metrics = [wb.PassAtK(of), of, wb.PassHatK(of, 2), wb.MajorityVote(of)]
    scores = scored(texts, *metrics, cache=tmp_path)
    assert Path(calls).read_text("utf-8") == "6 "
    assert scores.frame.groupby("metric")["value"].first().to_dict() == {
        "pass@1": 0.5, "yes": 1.0, "pass^2": 0.0, "majority_vote": 0.5,
    }  # fmt: skip
    again = scored(texts, *metrics, cache=tmp_path)
    assert Path(calls).read_text("utf-8") == "6 "
    assert again.reused == {"pass@1": 6, "yes": 6, "pass^2": 6, "majority_vote": 6}


def test_statistics_by_themselves_are_those_of_the_road():
    scores = scored({"a": [["yes", "no", "yes"]] * 2}, wb.PassAtK(k=2), wb.SelfConsistency())
    for metric in scores.metrics:
        alone = metric.statistics(scores.outputs)
        assert alone[:, :2].tolist() == scores.statistics[metric.name].tolist()


def test_notes_stay_beside_their_outputs_in_parts_and_joins():
    first = scored({"a": [["yes", "no"], ["yes"]]}, wb.PassAtK(k=2))
    other = scored({"b": [["yes"], ["yes"]]}, wb.PassHatK(k=1), wb.PassAtK(k=2))
    both = wb.metrics.join([first, other.only(metrics=["pass@2"])])
    assert both.noted["n"].tolist() == [1, 2]
    assert both.only(systems=["b"]).noted["n"].tolist() == [2]


def test_failures_as_the_worst_weigh_their_share_of_the_row():
    scores = scored({"a": [["yes", None]], "b": [["yes", "yes"]]}, wb.PassAtK())
    row = wb.compare(scores, baseline="b", failures="worst").frame.iloc[0]
    assert (row["score"], row["baseline_score"]) == (0.5, 1.0)
