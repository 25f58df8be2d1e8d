"""wb.score and wb.metrics.join: nothing is lost, nothing is silent, nothing depends on order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU as PeerBLEU

import workbench as wb
from workbench import contents, tables
from workbench.errors import BadKind, BadValue, UnknownName

ROWS = wb.read(
    [
        {"row_id": "r2", "input": "b", "references": ["hello there my old friend"]},
        {"row_id": "r10", "input": "c", "references": ["the cat sat down", "a cat sat down"]},
        {"row_id": "r1", "input": "a", "references": ["it rained all day long"]},
    ]
)
TEXTS = {
    "zeta": ["hello there my friend", "the cat sat down", "it rained"],
    "alpha": ["hello there my old friend", "a dog", "it rained all day"],
}
OUTPUTS = wb.outputs(ROWS, TEXTS)
EVERY = [
    wb.BLEU(),
    wb.ChrF(),
    wb.TER(),
    wb.ROUGE("L"),
    wb.ExactMatch(),
    wb.TokenF1(),
    wb.LengthRatio(),
]
PERFECT = 100.00000000000004


class Exclamations(wb.Metric):
    name, direction = "exclamations", "down"

    def statistics(self, outputs):
        return [[text.count("!"), 1] for text in outputs["text"]]


def returning(statistics):
    """Make a metric whose statistics are these, whatever comes."""
    kind = type("Fixed", (wb.Metric,), {"statistics": lambda self, outputs: statistics})
    metric = kind()
    metric.name, metric.direction = "fixed", "up"
    return metric


def by_output(scores, metric):
    ids = scores.outputs["output_id"]
    rows = scores.statistics[metric]
    return {name: row.tobytes() for name, row in zip(ids, rows, strict=True)}


# What the frame says.


def test_outputs_stand_in_the_datasets_order_then_by_system():
    scores = wb.score(OUTPUTS, ROWS, EVERY)
    assert scores.outputs["output_id"].tolist() == [
        "alpha:r2:0", "zeta:r2:0", "alpha:r10:0", "zeta:r10:0", "alpha:r1:0", "zeta:r1:0",
    ]  # fmt: skip
    assert scores.outputs["input"].tolist() == ["b", "b", "c", "c", "a", "a"]
    assert scores.systems == ["alpha", "zeta"]


def test_the_frame_is_a_checked_table_of_scores():
    frame = wb.score(OUTPUTS, ROWS, EVERY).frame
    assert len(frame) == len(OUTPUTS) * len(EVERY)
    assert frame.columns.tolist() == [field.name for field in tables.SCORES.columns]
    assert tables.SCORES.check(frame, source="the frame").shape == frame.shape
    assert frame["metric"].unique().tolist() == [metric.name for metric in EVERY]


def test_each_value_is_the_metric_of_that_output_alone():
    frame = wb.score(OUTPUTS, ROWS, EVERY).frame.set_index(["output_id", "metric"])["value"]
    peer = PeerBLEU()
    expected = peer.corpus_score(["it rained all day"], [["it rained all day long"]]).score
    assert frame["alpha:r1:0", "bleu"] == expected
    assert frame["zeta:r10:0", "exact_match"] == 1
    assert frame["alpha:r10:0", "exact_match"] == 0
    assert frame["zeta:r1:0", "length_ratio"] == 2 / 5
    assert frame["zeta:r2:0", "ter"] == 100 / 5


def test_numbers_of_references_stand_in_the_signature():
    signatures = wb.score(OUTPUTS, ROWS, [wb.BLEU(), wb.ROUGE("L")]).signatures
    assert signatures["bleu"] == "nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
    assert signatures["rougeL"].startswith("nrefs:var|case:lc|")
    one = OUTPUTS[OUTPUTS["row_id"] == "r1"]
    assert wb.score(one, ROWS, [wb.TokenF1()]).signatures["token_f1"].startswith("nrefs:1|")


def test_scores_remember_the_dataset_and_its_digest():
    scores = wb.score(OUTPUTS, ROWS, [wb.BLEU()])
    assert scores.dataset == "the list given"
    assert scores.digest == contents.digest(ROWS)
    plain = pd.DataFrame(ROWS.to_dict("list"))
    assert wb.score(OUTPUTS, plain, [wb.BLEU()]).dataset == "the rows given"


def test_a_metric_is_found_by_its_name():
    scores = wb.score(OUTPUTS, ROWS, EVERY)
    assert scores.metric("ter") == wb.TER()
    with pytest.raises(UnknownName) as caught:
        scores.metric("blue")
    assert str(caught.value) == (
        "metric must be one of 'bleu', 'chrf', 'ter', 'rougeL', 'exact_match', 'token_f1', "
        "'length_ratio', but 'blue' came; did you mean 'bleu'?"
    )


def test_a_single_metric_needs_no_list():
    assert wb.score(OUTPUTS, ROWS, wb.BLEU()).metrics == (wb.BLEU(),)


def test_a_metric_of_ones_own_is_scored_like_any_other():
    outputs = wb.outputs(ROWS, {"a": ["Hey!!", "Hey", "Hey!"]})
    scores = wb.score(outputs, ROWS, [Exclamations(), wb.BLEU()])
    frame = scores.frame[scores.frame["metric"] == "exclamations"]
    assert frame["value"].tolist() == [2.0, 0.0, 1.0]
    assert scores.signatures["exclamations"] == "metric:exclamations"


def test_input_and_references_are_always_the_datasets():
    told = OUTPUTS.assign(references="not, these", input="nor this", topic="kept")
    rows = ROWS.assign(topic="of the row")
    scores = wb.score(told, rows, EVERY)
    plain = wb.score(OUTPUTS, ROWS, EVERY)
    assert scores.frame.equals(plain.frame)
    assert scores.outputs["references"].tolist() == plain.outputs["references"].tolist()
    assert scores.outputs["input"].tolist() == plain.outputs["input"].tolist()
    assert set(scores.outputs["topic"]) == {"kept"}
    assert set(scores.outputs["topic_row"]) == {"of the row"}


def test_references_beside_the_outputs_do_not_stand_in_for_the_datasets():
    with pytest.raises(BadValue) as caught:
        wb.score(OUTPUTS.assign(references="x"), ROWS.drop(columns="references"), [wb.BLEU()])
    assert str(caught.value) == (
        "bleu needs references, but ROWS came without the column 'references'; name yours "
        "'reference' or 'references' as it is read (columns={'YOURS': 'reference'}, or --columns "
        "YOURS=reference in a shell), or use a metric without references."
    )


# Order, chunks and progress.


@settings(deadline=None, derandomize=True, max_examples=10)
@given(order=st.permutations(range(6)), rows_order=st.permutations(range(3)))
def test_shuffled_input_gives_the_same_bytes_for_each_output(order, rows_order):
    straight = wb.score(OUTPUTS, ROWS, EVERY)
    shuffled = wb.score(OUTPUTS.iloc[list(order)], ROWS, EVERY)
    assert shuffled.frame.equals(straight.frame)
    rearranged = wb.score(OUTPUTS.iloc[list(order)], ROWS.iloc[list(rows_order)], EVERY)
    for metric in EVERY:
        assert by_output(shuffled, metric.name) == by_output(straight, metric.name)
        assert by_output(rearranged, metric.name) == by_output(straight, metric.name)
    assert rearranged.digest == straight.digest
    assert rearranged.signatures == straight.signatures


def many(n):
    rows = wb.read([{"input": "", "references": [f"word {i % 7}"]} for i in range(n)])
    return rows, wb.outputs(rows, {"a": [f"word {i % 5}" if i % 9 else None for i in range(n)]})


def test_more_outputs_than_a_step_of_work_are_scored_as_one_by_one():
    rows, outputs = many(4_500)
    metrics = [wb.ExactMatch(), wb.ROUGE("1")]
    scores = wb.score(outputs, rows, metrics)
    expected = [i % 5 == i % 7 if i % 9 else None for i in range(4_500)]
    found = scores.frame.loc[scores.frame["metric"] == "exact_match", "value"]
    assert [None if np.isnan(each) else bool(each) for each in found] == expected
    assert scores.failures["n_failed"].tolist() == [500]


def test_progress_never_goes_back_and_ends_at_the_total():
    rows, outputs = many(4_500)
    calls = []
    metrics = [wb.ExactMatch(), wb.TokenF1(), wb.LengthRatio()]
    wb.score(outputs, rows, metrics, progress=lambda done, total: calls.append((done, total)))
    done = [each for each, _ in calls]
    assert done == sorted(done)
    assert len(calls) == 2  # for the 4,000 that have a text
    assert calls[-1] == (13_500, 13_500)
    assert {total for _, total in calls} == {13_500}


# Failures: counted, shown, and never a zero.


@pytest.fixture
def failing():
    texts = {
        "a": [None, "the cat sat down", float("nan")],
        "b": ["", " \n\u00a0\u2028\u3000\x1c\x85", "it rained"],
    }
    outputs = wb.outputs(ROWS, texts)
    outputs = outputs[outputs["output_id"] != "b:r1:0"]
    late = {"output_id": "c", "row_id": "r1", "system": "c", "text": "it", "repeat": 0}
    outputs = pd.concat([outputs, pd.DataFrame([late])], ignore_index=True)
    return outputs.assign(error=[None, "refused", *[None] * (len(outputs) - 2)])


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_a_failed_output_has_no_value_and_an_empty_one_has(failing, metric):
    frame = wb.score(failing, ROWS, [metric]).frame.set_index("output_id")["value"]
    missing = {"a:r2:0", "a:r10:0", "a:r1:0"}
    assert set(frame[frame.isna()].index) == missing
    assert set(frame.index) == {*missing, "b:r2:0", "b:r10:0", "c"}
    worst = 100 if metric.name == "ter" else 0
    assert frame[["b:r2:0", "b:r10:0"]].tolist() == [worst, worst]


def test_failures_are_counted_by_system(failing):
    scores = wb.score(failing, ROWS, [wb.BLEU()])
    assert scores.failures.to_dict("list") == {
        "system": ["a", "b", "c"],
        "n_rows": [3, 3, 3],
        "n_absent": [0, 1, 2],
        "n_failed": [3, 0, 0],
        "n_empty": [0, 2, 0],
    }
    assert scores.failure_note == "3 outputs absent, 3 failed, 2 empty"
    assert repr(scores) == (
        "Scores: 3 systems × 3 rows of the list given by bleu; 3 outputs absent, 3 failed, 2 empty"
    )
    assert "3 outputs absent, 3 failed, 2 empty" in scores._repr_html_()


def test_scores_without_failures_say_so():
    scores = wb.score(OUTPUTS, ROWS, [wb.BLEU(), wb.TER()])
    assert repr(scores) == (
        "Scores: 2 systems × 3 rows of the list given by bleu, ter; every output has a text"
    )


def test_html_shows_each_signature_and_escapes_what_others_wrote():
    scores = wb.score(OUTPUTS, ROWS, [wb.BLEU(name="<b>")])
    assert "&lt;b&gt;" in scores._repr_html_()
    assert "<b>" not in scores._repr_html_()
    assert "nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0" in scores._repr_html_()


def test_rows_that_nobody_answered_are_left_out_and_absent_ones_counted():
    outputs = OUTPUTS[OUTPUTS["output_id"].isin(["alpha:r2:0", "alpha:r1:0", "zeta:r1:0"])]
    scores = wb.score(outputs, ROWS, [wb.BLEU()])
    assert set(scores.outputs["row_id"]) == {"r1", "r2"}
    assert scores.failures["n_rows"].tolist() == [2, 2]
    assert scores.failures["n_absent"].tolist() == [0, 1]


def test_failures_differ_by_metric_where_a_column_has_gaps():
    outputs = OUTPUTS.assign(cost_usd=[0.1, None, 0.3, None, 0.5, 0.6])
    outputs.loc[0, "text"] = None
    scores = wb.score(outputs, ROWS, [wb.BLEU(), wb.Column("cost_usd", "down")])
    assert scores.scored("bleu").sum() == 5
    assert scores.scored("cost_usd").sum() == 4


def test_when_every_output_failed_there_is_no_score():
    outputs = wb.outputs(ROWS, {"a": [None] * 3})
    with pytest.raises(BadValue) as caught:
        wb.score(outputs, ROWS, [wb.BLEU()])
    assert str(caught.value) == (
        "bleu needs at least one output to score, but all 3 failed; look at the column 'error'."
    )


def test_repeats_are_numbered_where_nobody_did():
    outputs = pd.DataFrame(
        {
            "output_id": ["x", "y", "z"],
            "row_id": ["r1", "r1", "r2"],
            "system": "a",
            "text": ["one", "two", "three"],
        }
    )
    assert wb.score(outputs, ROWS, [wb.BLEU()]).outputs["repeat"].tolist() == [0, 0, 1]


# Input that cannot be right.


@pytest.mark.parametrize(
    ("metrics", "kind", "message"),
    [
        (
            [wb.BLEU(), wb.BLEU("char")],
            BadValue,
            "metrics must have distinct names, but 'bleu' came twice; name one apart, such as "
            "name='bleu-2'.",
        ),
        (
            [],
            BadKind,
            "metrics must be a list such as [wb.BLEU(), wb.ROUGE('L')], but none came; create "
            "them.",
        ),
        (
            [wb.BLEU],
            BadKind,
            "metrics must be a list such as [wb.BLEU(), wb.ROUGE('L')], but 'ABCMeta' came; create "
            "them.",
        ),
        (
            ["bleu"],
            BadKind,
            "metrics must be a list such as [wb.BLEU(), wb.ROUGE('L')], but 'str' came; create "
            "them.",
        ),
    ],
)
def test_metrics_that_cannot_be_told_apart_or_used_are_refused(metrics, kind, message):
    with pytest.raises(kind) as caught:
        wb.score(OUTPUTS, ROWS, metrics)
    assert str(caught.value) == message


@pytest.mark.parametrize("direction", ["higher", "max", "Up", True, 1, []])
def test_a_direction_that_is_none_of_the_three_is_refused(direction):
    metric = Exclamations()
    metric.direction = direction
    with pytest.raises(BadValue) as caught:
        wb.score(OUTPUTS, ROWS, [wb.BLEU(), metric])
    assert str(caught.value) == (
        "the direction of a metric must be 'up', 'down' or None, but that of 'exclamations' is "
        f"{direction!r}; write which end is better, or None where neither is."
    )


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"name": "bare"},
            "the direction of a metric must be 'up', 'down' or None, but that of 'bare' is "
            "missing; write which end is better, or None where neither is.",
        ),
        (
            {"direction": "up"},
            "a metric must have a text for its name, but that of Bare is None; write name = 'bare' "
            "into its class.",
        ),
        (
            {"direction": "up", "name": 3},
            "a metric must have a text for its name, but that of Bare is 3; write name = 'bare' into "
            "its class.",
        ),
    ],
)
def test_a_metric_that_does_not_say_what_it_is_is_refused(told, message):
    kind = type("Bare", (wb.Metric,), {"statistics": Exclamations.statistics} | told)
    with pytest.raises(BadValue) as caught:
        wb.score(OUTPUTS, ROWS, kind())
    assert str(caught.value) == message


def test_two_tokenizers_stand_side_by_side_under_two_names():
    scores = wb.score(OUTPUTS, ROWS, [wb.BLEU(), wb.BLEU("char", name="bleu-char")])
    assert set(scores.frame["metric"]) == {"bleu", "bleu-char"}


def test_an_output_of_a_row_that_does_not_exist_is_refused():
    strange = OUTPUTS.assign(row_id=OUTPUTS["row_id"].replace("r2", "r3"))
    with pytest.raises(UnknownName) as caught:
        wb.score(strange, ROWS, [wb.ExactMatch()])
    assert str(caught.value) == (
        "row_id in OUTPUTS must be one of 'r2', 'r10', 'r1', but 'r3' came."
    )


def test_a_row_without_references_is_refused():
    rows = wb.read([{"input": "a", "references": ["x"]}, {"input": "b", "references": []}])
    with pytest.raises(BadValue) as caught:
        wb.score(wb.outputs(rows, {"a": ["x", "y"]}), rows, [wb.BLEU()])
    assert str(caught.value) == (
        "bleu needs at least one reference per row, but row '2' has none (1 such rows); add "
        "references or leave these rows out."
    )


@pytest.mark.parametrize(
    ("statistics", "came"),
    [
        ([1, 2, 3, 4, 5, 6], "an array of shape (6,)"),
        ([[1, 1]], "an array of shape (1, 2)"),
        ([["yes", 1]] * 6, "texts or rows of unequal length"),
        ([[1, 1]] * 5 + [[1]], "texts or rows of unequal length"),
        ({"a": 1}, "texts or rows of unequal length"),
    ],
)
def test_statistics_of_ones_own_are_one_row_of_numbers_per_output(statistics, came):
    with pytest.raises(BadValue) as caught:
        wb.score(OUTPUTS, ROWS, [returning(statistics)])
    assert str(caught.value) == (
        f"fixed.statistics must return finite numbers of shape (6, k), but {came} came; return one "
        "row per output."
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_statistics_of_ones_own_are_finite(value):
    with pytest.raises(BadValue) as caught:
        wb.score(OUTPUTS, ROWS, [returning([[1, 1]] * 4 + [[value, 1], [1, 1]])])
    assert str(caught.value) == (
        f"fixed.statistics must return finite numbers, but {value or 'nan'} came for output "
        "'alpha:r1:0'; return a number, or NaN beside a note."
    )


@pytest.mark.parametrize(("notes", "k"), [((), 1), (("unparsed",), 2), (("unparsed",), 0)])
def test_a_mean_takes_a_value_and_its_weight(notes, k):
    metric = returning(np.ones((6, k)))
    metric.notes = notes
    with pytest.raises(BadValue) as caught:
        wb.score(OUTPUTS, ROWS, [metric])
    assert str(caught.value) == (
        "fixed.statistics must return a value, its weight and any notes of each output, but an array "
        f"of shape (6, {k}) came; return [value, 1] and the notes, or define `aggregate`."
    )


def test_one_column_is_enough_for_an_aggregate_of_ones_own():
    class Total(wb.Metric):
        name, direction = "total", "up"

        def statistics(self, outputs):
            return [[len(text)] for text in outputs["text"]]

        def aggregate(self, sums):
            return sums[..., 0]

    scores = wb.score(OUTPUTS, ROWS, [Total()])
    assert scores.values("total").tolist() == scores.outputs["text"].str.len().tolist()


# Joining.


def part(system, *metrics, rows=ROWS):
    outputs = wb.outputs(rows, {system: ["x"] * len(rows)})
    return wb.score(outputs, rows, metrics or [wb.BLEU()])


def test_joined_scores_are_the_scores_of_all():
    halves = [
        wb.score(OUTPUTS[OUTPUTS["system"] == system], ROWS, EVERY) for system in ("zeta", "alpha")
    ]
    joined, whole = wb.metrics.join(halves), wb.score(OUTPUTS, ROWS, EVERY)
    assert joined.systems == whole.systems
    for metric in EVERY:
        assert by_output(joined, metric.name) == by_output(whole, metric.name)
    assert joined.signatures == whole.signatures
    assert joined.frame.equals(whole.frame)
    assert joined.outputs.equals(whole.outputs)


@pytest.mark.parametrize(
    ("kept", "order"),
    [
        (([2], [0, 1, 2]), [0, 1, 2]),
        (([0, 2, 3], [1, 2]), [1, 0, 2, 3]),
        (([0, 3], [0, 1, 2, 3]), [0, 1, 2, 3]),
        (([0, 1, 3], [1, 2], [3, 4]), [0, 1, 2, 3, 4]),
        (([3], [0, 1]), [0, 1, 3]),
    ],
)
def test_joined_rows_stand_in_the_datasets_order_whichever_part_has_them(kept, order):
    rows = wb.read([{"row_id": f"r{9 - at}", "references": ["x"]} for at in range(5)])
    ids = rows["row_id"].tolist()
    parts = []
    for system, places in zip("cab", kept, strict=False):
        outputs = wb.outputs(rows, {system: [f"x{system}{at}" for at in range(5)]})
        outputs = outputs[outputs["row_id"].isin([ids[at] for at in places])]
        parts.append(wb.score(outputs, rows, [wb.LengthRatio(), wb.ChrF()]))
    joined = wb.metrics.join(parts)
    assert joined.outputs["row_id"].unique().tolist() == [ids[at] for at in order]
    assert joined.outputs.index.tolist() == list(range(len(joined.outputs)))
    for _, same in joined.outputs.groupby("row_id"):
        assert same["system"].tolist() == sorted(same["system"])
    apart = {key: row for each in parts for key, row in by_output(each, "chrf").items()}
    assert by_output(joined, "chrf") == apart


def named_alike():
    outputs = [wb.outputs(ROWS, {name: ["x"] * 3}) for name in "ab"]
    ids = ["1", "2", "3"]
    return [wb.score(each.assign(output_id=ids), ROWS, [wb.BLEU()]) for each in outputs]


def halved(system, half=None):
    rows = ROWS.assign(half=["a", "b", "a"])
    scores = part(system, rows=rows)
    return scores.only(where={"half": half}) if half else scores


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            lambda: [part("a"), part("b"), part("a")],
            "each system must come once, but 'a' came in several scores; rename one.",
        ),
        (
            lambda: [part("a"), part("b", wb.BLEU("char"))],
            "figures to be compared must have equal signatures, but bleu came as "
            "'nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0' and as "
            "'nrefs:var|case:mixed|eff:no|tok:char|smooth:exp|version:2.6.0'; score both with one "
            "metric.",
        ),
        (
            lambda: [part("a"), part("b", wb.BLEU(), wb.TER())],
            "scores to be joined must have the same metrics, but 'ter' came on one side only; "
            "score both with the same list.",
        ),
        (
            # sacrebleu's signatures say neither the order of BLEU nor the beta of chrF
            lambda: [part("a", wb.ChrF()), part("b", wb.ChrF(beta=3))],
            "figures to be compared must be made alike, but chrf came as "
            "ChrF(word_order=0, char_order=6, beta=2, lowercase=False, whitespace=False, "
            "eps_smoothing=False, name='chrf') and as "
            "ChrF(word_order=0, char_order=6, beta=3, lowercase=False, whitespace=False, "
            "eps_smoothing=False, name='chrf'); score both with one metric.",
        ),
        (
            named_alike,
            "each output_id must come once, but '1', '2', '3' came in several scores; rename them "
            "before scoring, such as to system:row_id:repeat.",
        ),
        (
            lambda: [halved("x"), halved("y", "a")],
            "scores to be joined must be of the same rows, but 'the list given' and 'the list "
            "given where half = a' came; join the whole scores, then take a part of them with "
            "only.",
        ),
        (
            lambda: [halved("x", "b"), halved("y", "a")],
            "scores to be joined must be of the same rows, but 'the list given where half = b' and "
            "'the list given where half = a' came; join the whole scores, then take a part of them "
            "with only.",
        ),
        (
            lambda: [wb.metrics.join([halved("x", "a"), halved("y", "a")]), halved("z")],
            "scores to be joined must be of the same rows, but 'the list given where half = a' and "
            "'the list given' came; join the whole scores, then take a part of them with only.",
        ),
        (
            lambda: [],
            "join needs at least one result of wb.score, but none came; pass a list.",
        ),
    ],
)
def test_scores_that_do_not_belong_together_are_not_joined(parts, message):
    with pytest.raises(BadValue) as caught:
        wb.metrics.join(parts())
    assert str(caught.value) == message


def test_parts_of_the_same_rows_are_joined_and_stay_parts():
    joined = wb.metrics.join([halved("x", "a"), halved("y", "a")])
    assert joined.dataset == "the list given where half = a"
    assert joined.outputs["row_id"].tolist() == ["r2", "r2", "r1", "r1"]
    assert joined.whole == ("x", "y")
    scores = wb.score(OUTPUTS, ROWS, [wb.BLEU()])
    again = wb.metrics.join([scores.only(systems=["zeta"]), scores.only(systems=["alpha"])])
    assert again.frame.equals(scores.frame)
    assert again.whole == ("alpha", "zeta")
    assert wb.metrics.join([halved("x"), halved("y")]).whole == ()


def test_the_name_of_a_dataset_makes_no_part_of_it():
    rows = ROWS.copy()
    rows.attrs["name"] = "a copy where all is well"
    assert wb.metrics.join([part("x"), part("y", rows=rows)]).systems == ["x", "y"]


def test_metrics_of_ones_own_are_joined_by_their_signature():
    parts = [part("a", Exclamations()), part("b", Exclamations())]
    assert wb.metrics.join(parts).systems == ["a", "b"]


def test_scores_of_different_datasets_are_not_joined():
    other = ROWS.assign(input=["b", "c", "changed"])
    with pytest.raises(BadValue) as caught:
        wb.metrics.join([part("a"), part("b", rows=other)])
    digests = [contents.digest(each)[:12] for each in (ROWS, other)]
    assert str(caught.value) == (
        f"figures to be compared must be of one dataset, but the list given ({digests[0]}) and the "
        f"list given ({digests[1]}) came; score both on one."
    )


# A part.


@pytest.fixture
def mixed():
    # the two outputs of r2 differ in `style`; r1 lacks an output of zeta
    outputs = OUTPUTS[OUTPUTS["output_id"] != "zeta:r1:0"]
    style = {"alpha:r2:0": "long", "zeta:r2:0": "short", "zeta:r10:0": "short"}
    outputs = outputs.assign(style=outputs["output_id"].map(style))
    return wb.score(outputs, ROWS.assign(year=[2020, 2021, 2020]), EVERY)


@pytest.mark.parametrize("column", ["style", "year"])
def test_a_part_has_every_output_of_the_rows_of_its_slice(mixed, column):
    for value, rows in mixed.slice_rows(column):
        found = mixed.only(where={column: value})
        expected = mixed.outputs[mixed.outputs["row_id"].isin(rows)]
        assert found.outputs["output_id"].tolist() == expected["output_id"].tolist()
        for metric in EVERY:
            kept, every = by_output(found, metric.name), by_output(mixed, metric.name)
            assert kept == {name: every[name] for name in expected["output_id"]}


def test_a_part_of_an_output_is_the_row_with_all_of_its_outputs(mixed):
    found = mixed.only(where={"style": "long"})
    assert found.outputs["output_id"].tolist() == ["alpha:r2:0", "zeta:r2:0"]
    assert found.dataset == "the list given where style = long"


@pytest.mark.parametrize("value", [2020, "2020", np.int64(2020)])
def test_a_value_need_not_be_a_text(mixed, value):
    found = mixed.only(where={"year": value})
    assert found.outputs["row_id"].unique().tolist() == ["r2", "r1"]
    assert found.dataset == "the list given where year = 2020"


@pytest.mark.parametrize("value", [2020, "2020", 2020.0, np.float32(2020)])
@pytest.mark.parametrize("years", [[2020, None, 2021], [2020.0, 2020.5, None], [2020, "?", 2021.0]])
def test_a_gap_in_a_column_makes_no_other_words_of_its_whole_numbers(years, value):
    scores = wb.score(OUTPUTS, ROWS.assign(year=years), EVERY)
    assert "2020" in dict(scores.slice_rows("year"))
    assert not any(name.endswith(".0") for name, _ in scores.slice_rows("year"))
    found = scores.only(where={"year": value})
    assert found.outputs["row_id"].unique().tolist() == ["r2"]
    assert found.dataset == "the list given where year = 2020"


def test_rows_without_a_value_are_a_part_by_either_name(mixed):
    for value in ("(missing)", None, float("nan")):
        found = mixed.only(where={"style": value})
        assert found.outputs["row_id"].unique().tolist() == ["r10", "r1"]
        assert found.dataset == "the list given where style = (missing)"


def test_of_several_columns_a_row_must_have_every_value(mixed):
    found = mixed.only(where={"style": "short", "year": 2020})
    assert found.outputs["output_id"].tolist() == ["alpha:r2:0", "zeta:r2:0"]


def test_systems_that_were_not_named_may_be_absent_from_a_part(mixed):
    rows = ROWS.assign(year=[2020, 2021, 2022])
    scores = wb.score(mixed.outputs[["output_id", "row_id", "system", "text"]], rows, [wb.TER()])
    assert scores.only(where={"year": 2022}).systems == ["alpha"]
    with pytest.raises(BadValue) as caught:
        scores.only(systems=["alpha", "zeta"], where={"year": 2022})
    assert str(caught.value) == (
        "a part of the scores must hold an output of each system named, but none of 'zeta' is left "
        "of the list given where {'year': 2022}; choose other values."
    )


def test_a_part_without_a_row_is_refused(mixed):
    with pytest.raises(BadValue) as caught:
        mixed.only(systems=["alpha"], where={"year": 1999})
    assert str(caught.value) == (
        "a part of the scores must hold a row and a metric, but nothing is left of the list given "
        "where {'year': 1999}; choose other values."
    )


@pytest.mark.parametrize(
    ("part_of", "message"),
    [
        (
            {"systems": ["alpha", "zetta"]},
            "system must be one of 'alpha', 'zeta', but 'zetta' came; did you mean 'zeta'?",
        ),
        (
            {"metrics": ["blue"]},
            "metric must be one of 'bleu', 'chrf', 'ter', 'rougeL', 'exact_match', 'token_f1', "
            "'length_ratio', but 'blue' came; did you mean 'bleu'?",
        ),
        (
            {"where": {"yeer": 2020}},
            "slice must be one of 'style', 'year', but 'yeer' came; did you mean 'year'?",
        ),
    ],
)
def test_a_part_of_what_does_not_exist_is_refused(mixed, part_of, message):
    with pytest.raises(UnknownName) as caught:
        mixed.only(**part_of)
    assert str(caught.value) == message


# The traps of the field's tools, one test each.


def test_trap_a_perfect_match_is_100_in_the_frame(scored):
    scores = scored([("a b c d e", ["a b c d e"])], wb.BLEU())
    assert wb.BLEU().aggregate(scores.statistics["bleu"]).tolist() == [PERFECT]
    assert scores.frame["value"].tolist() == [100.0]


def test_trap_identical_chinese_texts_do_not_score_zero(scored):
    pairs = [("猫坐在垫子上。", ["猫坐在垫子上。"])]
    with pytest.raises(BadValue) as caught:
        scored(pairs, wb.ROUGE("L"))
    assert str(caught.value) == (
        "rougeL with rouge_score's tokenizer reads only a–z and 0–9, but 100% of the letters are "
        "others; use tokenizer='unicode', or strict=False for rouge_score's own figure."
    )
    assert scored(pairs, wb.ROUGE("L", tokenizer="unicode")).frame["value"].tolist() == [1.0]
    assert scored(pairs, wb.ROUGE("L", strict=False)).frame["value"].tolist() == [0.0]


def test_trap_uneven_references_are_each_rows_own(scored, streams):
    pairs = [
        ("the dog bit the man", ["the dog bit a man", "a dog bit the man", "dogs bite men"]),
        ("it was not a surprise", ["no surprise it was"]),
        ("he had bitten him first", ["he bit him first", "first he had bitten him"]),
    ]
    scores, peer = scored(pairs, wb.BLEU()), PeerBLEU()
    expected = peer.corpus_score([text for text, _ in pairs], streams(pairs)).score
    sums = scores.statistics["bleu"].sum(axis=0)
    assert float(wb.BLEU().aggregate(sums)) == expected
    assert scores.signatures["bleu"] == str(peer.get_signature())
    assert scores.signatures["bleu"].startswith("nrefs:var|")
    shortened = peer.corpus_score([text for text, _ in pairs], streams(pairs)[:1]).score
    assert expected != shortened


@pytest.mark.parametrize("text", [None, float("nan"), pd.NA])
def test_trap_a_missing_output_neither_vanishes_nor_scores_zero(text):
    rows = wb.read([{"input": "", "references": ["a b c d"]}] * 2)
    scores = wb.score(wb.outputs(rows, {"s": ["a b c d", text]}), rows, EVERY)
    values = scores.frame["value"].to_numpy().reshape(len(EVERY), 2)
    assert np.isnan(values).tolist() == [[False, True]] * len(EVERY)
    assert scores.failures.iloc[0].to_dict() == {
        "system": "s", "n_rows": 2, "n_absent": 0, "n_failed": 1, "n_empty": 0,
    }  # fmt: skip
    assert repr(scores).endswith("0 outputs absent, 1 failed, 0 empty")


def test_trap_an_empty_output_is_scored_and_said():
    rows = wb.read([{"input": "", "references": ["a b c d"]}] * 2)
    scores = wb.score(wb.outputs(rows, {"s": ["a b c d", ""]}), rows, [wb.BLEU()])
    assert scores.frame["value"].tolist() == [100.0, 0.0]
    assert scores.failures["n_empty"].tolist() == [1]
    assert repr(scores).endswith("0 outputs absent, 0 failed, 1 empty")


@pytest.mark.shared
def test_trap_one_japanese_output_has_five_bleus_that_do_not_mix(wmt, totals):
    figures = {"char": 40.23, "ja-mecab": 25.29, "zh": 24.48, "13a": 17.01, "intl": 11.35}
    scores = {name: wmt("en-ja", wb.BLEU(name), systems=["ONLINE-B"]) for name in figures}
    for name, each in scores.items():
        sums = totals(each, "bleu")["ONLINE-B"]
        assert float(wb.BLEU(name).aggregate(sums)) == pytest.approx(figures[name], abs=0.005)
    template = "nrefs:1|case:mixed|eff:no|tok:{}|smooth:exp|version:2.6.0"
    for name in ("ja-mecab", "zh", "13a", "intl"):
        with pytest.raises(BadValue) as caught:
            wb.metrics.join([scores["char"], scores[name]])
        tokenizer = "ja-mecab-0.996-IPA" if name == "ja-mecab" else name
        assert str(caught.value) == (
            "figures to be compared must have equal signatures, but bleu came as "
            f"{template.format('char')!r} and as {template.format(tokenizer)!r}; score both with "
            "one metric."
        )


@pytest.mark.shared
def test_trap_bleu_all_of_hebrew_is_of_one_reference(wmt, totals, published):
    one, two = (
        wmt("he-en", wb.BLEU(), references=names, systems=["GPT4-5shot"])
        for names in (["refA"], ["refA", "refB"])
    )
    figures = [
        float(wb.BLEU().aggregate(totals(each, "bleu")["GPT4-5shot"])) for each in (one, two)
    ]
    assert figures == pytest.approx([51.16, 67.43], abs=0.005)
    assert published["he-en", "GPT4-5shot", "bleu-all"] == pytest.approx(figures[0], abs=1e-12)
    with pytest.raises(BadValue) as caught:
        wb.metrics.join([one, two])
    assert str(caught.value) == (
        "figures to be compared must have equal signatures, but bleu came as "
        "'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0' and as "
        "'nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0'; score both with one metric."
    )


def test_the_columns_of_systems_are_no_slices():
    rows = wb.read(
        [{"references": ["x"], "a": "x", "b": "y", "half": "pq"[at % 2]} for at in range(4)]
    )
    rows["a"] = ["x", "y", "x", "y"]
    scores = wb.score(wb.outputs(rows, ["a", "b"]), rows, [wb.ExactMatch()])
    assert scores.slice_columns == ["half"]
