"""Potato's states and exports; answers of our own in the shape its documentation shows."""

import json

import pytest

from workbench.errors import BadValue
from workbench.ratings.exchange import from_file
from workbench.tables import each_row, is_missing


def state(folder, user, labels, spans=None):
    place = folder / user
    place.mkdir()
    content = {
        "user_id": user, "instance_id_to_label_to_value": labels,
        "instance_id_to_span_to_value": spans or {},
    }  # fmt: skip
    (place / "user_state.json").write_text(json.dumps(content), encoding="utf-8")
    return place / "user_state.json"


ANSWERS = [
    ({"good": True}, "good"),
    ({"good": "good"}, "good"),
    ({"good": "true", "bad": "false"}, "good"),
    ({"a": True, "b": True}, ["a", "b"]),
    ({"scale_3": "3"}, 3),
    ({"text_box": "too long"}, "too long"),
    ({"selection": "B"}, "b"),
    ({"selection": "tie"}, "tie"),
    ({"scale_value": "0"}, "tie"),
    ({"best": "B", "worst": "D"}, {"best": "B", "worst": "D"}),
]


@pytest.mark.parametrize(("labels", "expected"), ANSWERS)
def test_each_kind_of_answer_is_read_by_its_shape(tmp_path, labels, expected):
    state(tmp_path, "ann", {"item1": {"q": labels}})
    ratings, others, report = from_file(tmp_path)
    assert ratings["value"].tolist() == [expected]
    assert ratings[["item_id", "rater", "question"]].to_numpy().tolist() == [["item1", "ann", "q"]]
    assert (len(others), report["broken"]) == (0, 0)


def test_labels_as_a_list_of_pairs_are_the_same(tmp_path):
    pairs = [[{"schema": "q", "name": "scale_3"}, "3"], [{"schema": "why", "name": "text"}, "x"]]
    path = state(tmp_path, "ann", {"item1": pairs})
    found = from_file(path)
    assert found.ratings[["question", "value"]].to_numpy().tolist() == [["q", 3], ["why", "x"]]


def test_a_strength_of_preference_is_a_place_on_a_line(tmp_path):
    state(tmp_path, "ann", {"item1": {"q": {"scale_value": "-2"}}})
    row = each_row(from_file(tmp_path).ratings)[0]
    assert (row["value"], row["strength"]) == ("a", 2)


def test_a_ranking_keeps_its_ties(tmp_path):
    state(tmp_path, "ann", {"item1": {"q": {"rank_order": "B,D=A,C"}}})
    row = each_row(from_file(tmp_path).ratings)[0]
    assert (row["value"], row["output_ids"]) == ([2, 1, 3, 2], ["A", "B", "C", "D"])


def test_several_figures_of_one_schema_are_questions_of_their_own(tmp_path):
    state(tmp_path, "ann", {"item1": {"budget": {"A": "40", "B": "60"}}})
    found = from_file(tmp_path)
    assert found.ratings[["question", "value"]].to_numpy().tolist() == [
        ["budget.A", 40],
        ["budget.B", 60],
    ]


SPAN = {"schema": "ner", "name": "PERSON", "start": 0, "end": 5, "target_field": "text"}


@pytest.mark.parametrize("spans", [{"ner": [SPAN]}, {"ner": {"id1": SPAN}}, [[SPAN, True]], [SPAN]])
def test_spans_are_read_however_they_were_stored(tmp_path, spans):
    state(tmp_path, "ann", {}, {"item1": spans})
    assert from_file(tmp_path).ratings["value"].tolist() == [
        [{"side": "output", "start": 0, "end": 5, "category": "PERSON", "severity": "",
          "field": "text"}]
    ]  # fmt: skip


def test_lines_of_the_json_export_are_read(tmp_path):
    path = tmp_path / "annotations.jsonl"
    lines = [
        {"instance_id": "1", "user_id": "ann", "labels": {"q": {"good": True}}, "spans": {},
         "links": {}},
        {"user_id": "ann", "labels": {}},
        {"instance_id": "2", "user_id": "", "labels": {"q": {"good": True}}},
    ]  # fmt: skip
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = from_file(path)
    assert found.ratings["value"].tolist() == ["good"]
    assert found.report.findings[["subject", "evidence"]].to_numpy().tolist()[:2] == [
        ["line 2", "it names no instance_id"],
        ["line 3", "it names no rater"],
    ]


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t")])
def test_columns_of_the_tables_are_schema_and_label(tmp_path, suffix, separator):
    path = tmp_path / f"annotations.{suffix}"
    span = json.dumps([{"start": 2, "end": 4, "label": "X", "text": "ab"}]).replace('"', '""')
    rows = [
        ["instance_id", "user_id", "q.good", "q.bad", "rate.scale", "ner._spans", "q._room_id"],
        ["1", "ann", "True", "", "4", f'"{span}"', "room7"],
        ["2", "ann", "", "True", "", "", ""],
        ["3", "ann"],
    ]
    path.write_text("".join(f"{separator.join(row)}\n" for row in rows))
    found = from_file(path)
    assert [[row["item_id"], row["question"], row["value"]] for row in each_row(found.ratings)] == [
        ["1", "q", "good"],
        ["1", "rate", 4],
        ["1", "ner", [{"side": "output", "start": 2, "end": 4, "category": "X", "severity": ""}]],
        ["2", "q", "bad"],
    ]
    assert each_row(found.ratings)[0]["q._room_id"] == "room7"
    assert is_missing(each_row(found.ratings)[3]["q._room_id"])
    assert found.report.findings["evidence"].tolist()[0] == "it has 2 cells under 7 names"


def test_a_folder_without_states_is_refused(tmp_path):
    with pytest.raises(BadValue) as caught:
        from_file(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} must hold folders of raters with a user_state.json in each, but it holds none; "
        "name the folder that is called output_annotation_dir."
    )
