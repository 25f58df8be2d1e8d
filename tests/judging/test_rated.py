"""Ratings as a metric: what an output's value is, and what it may be compared with."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.judging import Rated

ROWS = wb.read([{"input": "a"}, {"input": "b"}, {"input": "c"}])
OUTPUTS = wb.outputs(ROWS, {"lead": ["x", "y", "z"], "random": ["u", "v", "w"]})


def marks(values, **columns):
    """RATINGS of one mark for each output, in the order of OUTPUTS."""
    frame = OUTPUTS[["row_id", "system"]].assign(
        item_id=OUTPUTS["output_id"], rater="ana", question="fluency", value=values
    )
    return frame.assign(**columns)


def values(metric, outputs=OUTPUTS):
    scores = wb.score(outputs, ROWS, [metric])
    return dict(zip(scores.outputs["output_id"], scores.values(metric.name), strict=True))


def test_an_output_has_the_mean_of_its_marks():
    ratings = pd.concat([marks([1, 2, 3, 4, 5, 1]), marks([3, 2, 5, 4, 5, 2], rater="ben")])
    assert list(values(Rated(ratings)).values()) == [2, 4, 2, 5, 4, 1.5]


def test_numbers_of_numpy_are_numbers():
    found = marks(
        pd.Series([np.int64(3), np.float32(2.5), 3, True, None, 1], dtype=object).tolist()
    )
    assert [each for each in values(Rated(found)).values() if each == each] == [3, 1, 2.5, 3, 1]


def test_a_comparison_of_ratings_is_that_of_a_column():
    ratings = marks([1, 2, 3, 4, 5, 1])
    outputs = OUTPUTS.assign(fluency=[1, 2, 3, 4, 5, 1])
    metrics = [Rated(ratings), wb.Column("fluency")]
    frame = wb.compare(wb.score(outputs, ROWS, metrics), baseline="lead").frame
    assert frame["delta"].tolist() == pytest.approx([4 / 3, 4 / 3])
    assert frame["p"].tolist()[0] == frame["p"].tolist()[1]


def test_repeats_have_marks_of_their_own_where_ratings_name_the_output():
    outputs = wb.outputs(ROWS, {"lead": [["x", "xx"], ["y", "yy"], ["z", "zz"]]})
    ratings = pd.DataFrame(
        {
            "item_id": outputs["output_id"], "rater": "ana", "question": "q", "system": "lead",
            "row_id": outputs["row_id"], "value": [1, 2, 3, 4, 5, 6],
            "output_ids": [[each] for each in outputs["output_id"]],
        }
    )  # fmt: skip
    assert sorted(values(Rated(ratings), outputs).values()) == [1, 2, 3, 4, 5, 6]
    unnamed = ratings.drop(columns="output_ids").assign(item_id=range(6))
    assert sorted(values(Rated(unnamed), outputs).values()) == [1.5, 1.5, 3.5, 3.5, 5.5, 5.5]


def test_a_preference_is_a_value_of_both_outputs(in_both_orders):
    ratings = in_both_orders(["a", "a", "b"], ["a", "b", "b"]).assign(
        row_id=["1", "2", "3"] * 2, item_id=["1", "2", "3"] * 2
    )
    metric = Rated(ratings)
    assert metric.bounds == (0.0, 1.0)
    found = values(metric)
    assert [found[f"{system}:{row}:0"] for system in ("lead", "random") for row in "123"] == [
        1, 0.5, 0, 0, 0.5, 1,
    ]  # fmt: skip


def test_an_output_that_nobody_rated_is_counted_as_failed():
    scores = wb.score(OUTPUTS, ROWS, [Rated(marks([1, None, 3, 4, 5, 1]))])
    c = wb.compare(scores, baseline="lead")
    assert c.frame["n"].tolist() == [2]
    with pytest.raises(BadValue, match=r"rating:fluency is unbounded"):
        wb.compare(scores, baseline="lead", failures="worst")
    bounded = wb.score(OUTPUTS, ROWS, [Rated(marks([1, None, 3, 4, 5, 1]), bounds=(1, 5))])
    assert wb.compare(bounded, baseline="lead", failures="worst").frame["n"].tolist() == [3]


def test_the_signature_tells_who_rated_and_judges_are_not_mixed():
    assert Rated(marks([1] * 6)).signature == "rating:fluency|value:mean|raters:1|version:wb1"
    judged = marks([1] * 6, signature="judge:x|prompt:p@1")
    assert Rated(judged).signature == "rating:fluency|value:mean|judge:x|prompt:p@1|version:wb1"
    both = pd.concat([judged, marks([1] * 6, rater="ben", signature="judge:y|prompt:p@1")])
    with pytest.raises(BadValue) as caught:
        Rated(both)
    assert str(caught.value) == (
        "ratings that make one metric must be asked for alike, but they have 2 signatures, such as "
        "'judge:x|prompt:p@1' and 'judge:y|prompt:p@1'; choose one judge."
    )


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownName, match=r"^question must be one of 'fluency', but 'fluent' came"):
        Rated(marks([1] * 6), question="fluent")
    with pytest.raises(BadValue) as caught:
        Rated(marks(["good"] * 6))
    assert str(caught.value) == (
        "a mark must be a finite number, but 'good' came on item 'lead:1:0'; choose another question."
    )


def test_a_system_compared_with_itself_alone_is_refused(said):
    with pytest.raises(BadValue) as caught:
        Rated(said("ana", ["a", "b"], system_b="lead"))
    assert str(caught.value) == (
        "preferences must compare different systems, but all 2 answers to 'better' compare a system "
        "with itself; correct `system_a` and `system_b`."
    )
