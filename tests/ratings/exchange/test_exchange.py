"""What a file is, what cannot be read at all, and that nothing escapes as another kind of error."""

import contextlib
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadKind, BadValue, InputError, UnknownName, Unreadable
from workbench.ratings.exchange import from_file, write
from workbench.ratings.exchange.marks import penalty, point, unit

FORMATS = ["plain", "appraise", "mqm", "label studio", "potato", "argilla"]


def test_a_file_of_nothing_that_is_known_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadValue) as caught:
        from_file(path)
    assert str(caught.value) == (
        f"{path} must be ratings in a format that is known, but its beginning shows none of "
        "'plain', 'appraise', 'mqm', 'label studio', 'potato', 'argilla'; say which by format=."
    )


def test_an_unknown_format_is_told_with_the_near_one(tmp_path):
    (tmp_path / "a.csv").write_text("a")
    with pytest.raises(UnknownName) as caught:
        from_file(tmp_path / "a.csv", format="Potatoe")
    assert str(caught.value) == (
        "the format must be one of 'plain', 'appraise', 'mqm', 'label studio', 'potato', 'argilla', "
        "but 'Potatoe' came; did you mean 'potato'?"
    )


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unreadable) as caught:
        from_file(tmp_path / "none.csv")
    assert str(caught.value) == (
        f"{tmp_path}/none.csv must be a readable file, but there is no such file; check the path."
    )


def test_a_suffix_that_tells_no_format_is_refused(tmp_path):
    frame = pd.DataFrame({"item_id": ["i"], "rater": ["r"], "question": ["q"], "value": [1]})
    with pytest.raises(UnknownName) as caught:
        write(frame, tmp_path / "a.xlsx")
    assert str(caught.value) == (
        "the suffix of 'a.xlsx' must be one of '.jsonl', '.csv', '.parquet', '.tsv', but '.xlsx' "
        "came."
    )


def test_what_is_no_ratings_is_refused(tmp_path):
    with pytest.raises(BadKind) as caught:
        write([1], tmp_path / "a.csv")
    assert str(caught.value) == (
        "ratings must be a DataFrame or a Journal, but a list came; read them first."
    )


json_value = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-5, 300), st.floats(), st.text(max_size=5),
        st.sampled_from(["left", "choices", "labels", "1", "\ud800", "missing"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from([
                "id", "data", "annotations", "predictions", "result", "type", "value", "from_name",
                "completed_by", "start", "end", "text", "labels", "choices", "ranker", "rating",
                "instance_id", "user_id", "spans", "q", "selection", "rank_order", "best", "worst",
                "scale_value", "fields", "responses", "suggestions", "rank", "q.responses",
                "q.responses.users", "instance_id_to_label_to_value",
                "instance_id_to_span_to_value", "item_id", "rater", "question",
            ]),
            inner, max_size=6,
        ),
    ),
    max_leaves=25,
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=150)
@given(format=st.sampled_from(FORMATS), content=st.lists(json_value, max_size=3))
def test_whatever_json_holds_is_read_or_refused_in_one_sentence(tmp_path_factory, format, content):
    path = tmp_path_factory.mktemp("hostile") / "a.json"
    path.write_text(json.dumps(content))
    # any other kind of error would fail the test
    with contextlib.suppress(InputError):
        repr(from_file(path, format=format).report)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    format=st.sampled_from(FORMATS),
    suffix=st.sampled_from(["csv", "tsv", "jsonl", "json"]),
    content=st.one_of(
        st.binary(max_size=60),
        st.text('a,"\t\n<v>/{}[]:TGT1.', max_size=60).map(lambda text: text.encode()),
    ),
)
def test_whatever_bytes_come_are_read_or_refused_in_one_sentence(
    tmp_path_factory, format, suffix, content
):
    path = tmp_path_factory.mktemp("hostile") / f"a.{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        repr(from_file(path, format=format).report)


def test_a_report_shows_hostile_text_as_it_is_and_inert(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"item_id": "i", "rater": "r", "question": "q", "value": 1}\n<script>\x1b[31m\n'
    )
    report = from_file(path).report
    assert "\x1b" not in repr(report)
    assert "<script>" not in report._repr_html_()


@given(text=st.text(max_size=12), at=st.integers(0, 12))
def test_code_units_and_code_points_are_inverse(text, at):
    if at <= len(text):
        assert point(text, unit(text, at)) == at


@pytest.mark.parametrize(
    ("category", "severity", "score"),
    [
        ("Fluency/Punctuation", "minor", -0.1),
        ("Fluency/Punctuation", "major", -5.0),
        ("Non-translation!", "major", -25.0),
        ("Source error/-", "major", 0.0),
        ("Accuracy/Omission", "critical", -25.0),
        ("Style", "neutral", 0.0),
        ("Style", "undecided", 0.0),
    ],
)
def test_the_weights_are_those_of_freitag_et_al(category, severity, score):
    assert penalty([{"category": category, "severity": severity}]) == score
