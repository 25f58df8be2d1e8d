"""What every metric owes: statistics that add, and a figure of their sum."""

import pickle

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue
from workbench.metrics.base import complete

METRICS = [
    wb.BLEU(),
    wb.BLEU("ja-mecab", smooth_method="add-k", effective_order=True, name="bleu-ja"),
    wb.ChrF(),
    wb.ChrF(word_order=2, eps_smoothing=True),
    wb.TER(),
    wb.ROUGE("2"),
    wb.ROUGE("Lsum", strict=False),
    wb.ExactMatch(),
    wb.TokenF1(),
    wb.LengthRatio(),
]
PAIRS = [
    ("The dog bit the man.", ["The dog had bit the man.", "The dog bit a man"]),
    ("A cat", ["The cat sat down"]),
    ("", ["nothing"]),
    ("So it goes, said he.", ["So it goes", "said he", "he said so"]),
]
each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


class Exclamations(wb.Metric):
    name, direction = "exclamations", "down"

    def statistics(self, outputs):
        return [[text.count("!"), 1] for text in outputs["text"]]


@each_metric
def test_statistics_are_one_row_of_doubles_per_output(table, metric):
    statistics = metric.statistics(table(PAIRS))
    assert statistics.dtype == np.float64
    assert statistics.shape[0] == len(PAIRS)
    assert np.isfinite(statistics).all()


@each_metric
def test_statistics_do_not_depend_on_the_company(table, metric):
    together = metric.statistics(table(PAIRS))
    alone = np.concatenate([metric.statistics(table([pair])) for pair in PAIRS])
    assert together.tolist() == alone.tolist()


@each_metric
def test_a_figure_is_made_for_any_shape_of_sums(table, metric):
    statistics = metric.statistics(table(PAIRS))
    rows = metric.aggregate(statistics)
    assert rows.shape == (4,)
    assert metric.aggregate(statistics.reshape(2, 2, -1)).tolist() == rows.reshape(2, 2).tolist()
    assert metric.aggregate(statistics[0]).shape == ()
    assert metric.aggregate(statistics.sum(axis=0)[None, None]).shape == (1, 1)
    assert metric.aggregate(statistics[:0]).shape == (0,)


@each_metric
def test_making_a_figure_leaves_the_sums_alone(table, metric):
    statistics = metric.statistics(table(PAIRS))
    before = statistics.copy()
    statistics.setflags(write=False)
    metric.aggregate(statistics)
    assert (statistics == before).all()


@each_metric
def test_a_figure_of_single_precision_sums_is_nearly_the_same(table, metric):
    sums = metric.statistics(table(PAIRS)).sum(axis=0)
    single = metric.aggregate(sums.astype(np.float32))
    assert float(single) == pytest.approx(float(metric.aggregate(sums)), rel=1e-6)


@each_metric
def test_of_nothing_a_figure_is_zero_as_the_peers_or_missing(metric):
    k = metric.statistics(pd.DataFrame({"row_id": ["1"], "text": ["a"], "references": [["a"]]}))
    figure = float(metric.aggregate(np.zeros(k.shape[1])))
    if isinstance(metric, (wb.BLEU, wb.ChrF, wb.TER)):
        assert figure == pytest.approx(0.0, abs=1e-13)
    else:
        assert np.isnan(figure)


@each_metric
def test_a_metric_is_its_options(metric):
    copy = type(metric)(**{name: getattr(metric, name) for name in metric.__dataclass_fields__})
    assert copy == metric
    assert hash(copy) == hash(metric)
    with pytest.raises(AttributeError):
        metric.name = "other"


@each_metric
def test_an_unused_metric_can_be_sent_to_another_process(metric):
    fresh = type(metric)(**{name: getattr(metric, name) for name in metric.__dataclass_fields__})
    assert pickle.loads(pickle.dumps(fresh)) == metric


@each_metric
def test_a_row_without_references_is_refused(table, metric):
    frame = table([*PAIRS, ("a", []), ("b", [])])
    with pytest.raises(BadValue) as caught:
        metric.statistics(frame)
    assert str(caught.value) == (
        f"{metric.name} needs at least one reference per row, but row '4' has none (2 such rows); "
        "add references or leave these rows out."
    )


@each_metric
def test_rows_without_the_column_of_references_are_refused(metric):
    rows = wb.read([{"input": "a"}])
    with pytest.raises(BadValue) as caught:
        wb.score(wb.outputs(rows, {"s": ["text"]}), rows, [metric])
    assert str(caught.value) == (
        f"{metric.name} needs references, but ROWS came without the column 'references'; name yours "
        "'reference' or 'references' as it is read (columns={'YOURS': 'reference'}, or --columns "
        "YOURS=reference in a shell), or use a metric without references."
    )


def test_strict_rouge_without_references_says_so_too():
    rows = wb.read([{"input": "a"}])
    with pytest.raises(BadValue) as caught:
        wb.score(wb.outputs(rows, {"s": ["text"]}), rows, [wb.ROUGE("Lsum")])
    assert str(caught.value) == (
        "rougeLsum needs references, but ROWS came without the column 'references'; name yours "
        "'reference' or 'references' as it is read (columns={'YOURS': 'reference'}, or --columns "
        "YOURS=reference in a shell), or use a metric without references."
    )


def test_a_metric_of_ones_own_is_a_mean_with_a_signature(table):
    metric = Exclamations()
    assert metric.signature == "metric:exclamations"
    assert metric.bounds == (None, None)
    statistics = np.array(metric.statistics(table([("Hey!!", ["x"]), ("Hey", ["x"])])))
    assert metric.aggregate(statistics).tolist() == [2.0, 0.0]
    assert metric.aggregate(statistics.sum(axis=0)) == 1.0
    assert np.isnan(metric.aggregate(np.array([3.0, 0.0])))


def test_a_metric_of_ones_own_has_no_worst_value_unless_it_says(table):
    with pytest.raises(BadValue) as caught:
        Exclamations().worst(table(PAIRS))
    assert str(caught.value) == (
        "failures='worst' needs metrics with a worst value, but exclamations is unbounded; drop "
        "it, or use failures='exclude'."
    )


def test_a_metric_without_statistics_cannot_be_made():
    class Idle(wb.Metric):
        name, direction = "idle", "up"

    with pytest.raises(TypeError):
        Idle()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"text": ["a", None, ""]}, [True, False, True]),
        ({"text": ["a", "b", None], "error": [None, "refused", None]}, [True, False, False]),
    ],
)
def test_an_output_can_be_scored_that_has_a_text_and_no_error(columns, expected):
    assert wb.BLEU().scorable(pd.DataFrame(columns)).tolist() == expected


@pytest.mark.parametrize("n_lost", [0, 1, 3])
def test_an_output_is_complete_when_no_statistic_is_missing(n_lost):
    statistics = np.ones((5, 3))
    statistics[range(n_lost), range(n_lost)] = np.nan
    assert complete(statistics).tolist() == [at >= n_lost for at in range(5)]
