"""Any numeric column as a metric."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadValue, UnknownName

ROWS = wb.read([{"input": "a", "stars": 3}, {"input": "b", "stars": 5}])


def outputs(values, **kinds):
    frame = pd.DataFrame(
        {"row_id": ["1", "2"], "system": "a", "text": ["x", "y"], "value": values}
    ).astype(kinds)
    return wb.outputs(ROWS, frame)


def figures(values, metric=None, **kinds):
    scores = wb.score(outputs(values, **kinds), ROWS, [metric or wb.Column("value")])
    return scores.frame["value"].tolist()


@pytest.mark.parametrize(
    ("values", "kinds", "expected"),
    [
        ([1, 2], {}, [1.0, 2.0]),
        ([0.5, -3.25], {}, [0.5, -3.25]),
        ([True, False], {}, [1.0, 0.0]),
        ([True, None], {"value": "boolean"}, [1.0, None]),
        ([1, None], {"value": "Int64"}, [1.0, None]),
        ([1.5, math.nan], {}, [1.5, None]),
        ([1.5, 2.5], {"value": "float32"}, [1.5, 2.5]),
        ([np.int64(3), None], {"value": "object"}, [3.0, None]),
        ([np.bool_(True), 0.5], {"value": "object"}, [1.0, 0.5]),
        ([np.float32(0.5), 2], {"value": "object"}, [0.5, 2.0]),
        ([2**70, -(10**30)], {"value": "object"}, [2.0**70, -1e30]),
    ],
)
def test_numbers_of_every_kind_are_scored_and_gaps_stay_gaps(values, kinds, expected):
    found = figures(values, **kinds)
    assert [None if math.isnan(each) else each for each in found] == expected


def test_a_column_of_the_dataset_can_be_a_metric():
    scores = wb.score(outputs([0, 0]), ROWS, [wb.Column("stars")])
    assert scores.frame["value"].tolist() == [3.0, 5.0]


def test_a_failed_output_that_has_a_value_is_scored():
    table = outputs([0.25, 0.5]).assign(text=[None, "y"], error=["refused", None])
    scores = wb.score(table, ROWS, [wb.Column("value")])
    assert scores.frame["value"].tolist() == [0.25, 0.5]
    assert scores.failures["n_failed"].tolist() == [1]


@pytest.mark.parametrize(
    ("values", "came", "output_id"),
    [
        (["3", "4"], "3", "a:1:0"),
        ([1.0, math.inf], "inf", "a:2:0"),
        ([-math.inf, 1.0], "-inf", "a:1:0"),
        ([None, "high"], "high", "a:2:0"),
        ([[1], 2], "[1]", "a:1:0"),
        ([1 + 2j, 3], "(1+2j)", "a:1:0"),
        ([1, 10**400], "1" + "0" * 39, "a:2:0"),
        (["x" * 50, 1], "x" * 40, "a:1:0"),
    ],
)
def test_a_cell_that_is_no_number_is_refused(values, came, output_id):
    with pytest.raises(BadValue) as caught:
        figures(values, value="object")
    assert str(caught.value) == (
        f"column 'value' must be numeric, but {came!r} came for output {output_id!r}; turn it into "
        "a number, or leave the cell empty."
    )


def test_a_column_that_is_empty_throughout_is_refused():
    with pytest.raises(BadValue) as caught:
        figures([math.nan, math.nan])
    assert str(caught.value) == (
        "value needs at least one output to score, but all 2 failed; look at the column 'error'."
    )


def test_a_column_that_does_not_exist_is_refused():
    with pytest.raises(UnknownName) as caught:
        figures([1, 2], wb.Column("values"))
    assert str(caught.value) == (
        "the column of a metric must be one of 'output_id', 'row_id', 'system', 'text', 'value', "
        "'repeat', 'input', 'stars', but 'values' came; did you mean 'value'?"
    )


def test_a_direction_that_is_none_of_the_two_is_refused():
    with pytest.raises(UnknownName) as caught:
        wb.Column("latency_s", direction="lower")
    assert str(caught.value) == "direction must be one of 'up', 'down', but 'lower' came."
    assert wb.Column("latency_s", direction=None).direction is None


@pytest.mark.parametrize(
    ("direction", "bounds", "worst"),
    [("up", (0, 5), 0), ("down", (0, 5), 5), ("up", (1, None), 1), ("down", (None, 9), 9)],
)
def test_the_worst_value_is_the_worse_bound(direction, bounds, worst):
    metric = wb.Column("value", direction=direction, bounds=bounds)
    assert metric.worst(outputs([1, 2])).tolist() == [[worst, 1], [worst, 1]]


@pytest.mark.parametrize(
    ("direction", "bounds"),
    [("up", (None, 5)), ("down", (0, None)), (None, (0, 5)), ("up", (None, None))],
)
def test_without_a_worse_bound_there_is_no_worst_value(direction, bounds):
    with pytest.raises(BadValue) as caught:
        wb.Column("value", direction=direction, bounds=bounds).worst(outputs([1, 2]))
    assert str(caught.value) == (
        "failures='worst' needs metrics with a worst value, but value is unbounded; drop it, or "
        "use failures='exclude'."
    )


@pytest.mark.parametrize(
    "bounds", [5, (1, 0), (0,), (0, 1, 2), "01", None, ("0", "1"), (0, math.inf), (False, True)]
)
def test_bounds_are_two_ends_in_order(bounds):
    with pytest.raises(BadValue) as caught:
        wb.Column("value", bounds=bounds)
    assert str(caught.value) == (
        "bounds must be the lowest and the highest value, None where there is none, but "
        f"{bounds!r} came; write (0, 1) or (0, None)."
    )


@pytest.mark.parametrize(
    ("bounds", "ends", "values", "came", "output_id"),
    [
        ((0, 1), "0 to 1", [0.5, 5], "5", "a:2:0"),
        ((0, None), "0 to inf", [-0.5, 5], "-0.5", "a:1:0"),
        ((None, 1), "-inf to 1", [1.001, -5], "1.001", "a:1:0"),
    ],
)
def test_a_value_outside_the_bounds_is_refused(bounds, ends, values, came, output_id):
    with pytest.raises(BadValue) as caught:
        figures(values, wb.Column("value", bounds=bounds))
    assert str(caught.value) == (
        f"column 'value' must hold values from {ends}, its bounds, but {came} came for output "
        f"{output_id!r}; correct the value or the bounds."
    )


def test_rounding_is_within_the_bounds():
    metric = wb.Column("value", bounds=[0, 1])
    assert figures([1.0000000000000002, -1e-17], metric) == [1.0, 0.0]
    assert metric == wb.Column("value", bounds=(0, 1))


def test_name_and_signature():
    metric = wb.Column("latency_s", direction="down", name="seconds")
    assert (metric.name, metric.signature) == ("seconds", "column:latency_s|version:wb1")
    assert wb.Column("latency_s").name == "latency_s"


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=2, max_size=2).filter(any))
def test_the_figure_is_the_mean_of_the_cells_that_are_there(values):
    metric = wb.Column("value")
    scores = wb.score(outputs(values, value="float64"), ROWS, [metric])
    there = [each for each in values if each is not None]
    found = metric.aggregate(np.nansum(scores.statistics["value"], axis=0))
    assert float(found) == pytest.approx(sum(there) / len(there), rel=1e-12, abs=1e-300)
