"""Argilla's records; records of our own in the shape its code writes."""

import json

import pytest

from workbench.ratings.exchange import from_file
from workbench.tables import each_row

TEXT = "Ein 😀 Hund"


def record(number=1, suggestions=None, **responses):
    return {
        "id": f"rec{number}", "fields": {"text": TEXT}, "metadata": {"model": "m1"},
        "suggestions": suggestions or {},
        "responses": {
            question: [{"value": value, "user_id": "u1"}] for question, value in responses.items()
        },
        "vectors": {}, "_server_id": "s",
    }  # fmt: skip


def read(tmp_path, records, settings=None, **options):
    path = tmp_path / "records.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    if settings:
        (tmp_path / ".argilla").mkdir()
        questions = [{"name": name, "settings": each} for name, each in settings.items()]
        (tmp_path / ".argilla" / "settings.json").write_text(json.dumps({"questions": questions}))
    return from_file(path, **options)


@pytest.mark.parametrize("value", ["good", 4, "a longer text", ["only"]])
def test_labels_ratings_and_texts_stay_as_they_are(tmp_path, value):
    ratings, others, report = read(tmp_path, [record(q=value)], columns={"model": "system"})
    row = each_row(ratings)[0]
    assert (row["value"], row["item_id"], row["rater"]) == (value, "rec1", "u1")
    assert row["system"] == "m1"
    assert (len(others), report["read"], report["broken"]) == (0, 1, 0)


def test_a_list_of_names_is_labels_unless_the_settings_say_a_ranking(tmp_path):
    found = read(tmp_path, [record(q=["b", "a"])])
    assert found.ratings["value"].tolist() == [["b", "a"]]
    assert "labels" in found.report.findings["check"].tolist()


def test_a_ranking_is_parallel_to_the_options_of_its_question(tmp_path):
    options = {"type": "ranking", "options": [{"value": "a"}, {"value": "b"}]}
    row = each_row(read(tmp_path, [record(q=["b", "a"])], {"q": options}).ratings)[0]
    assert (row["value"], row["output_ids"]) == ([2, 1], ["a", "b"])


def test_ranks_of_the_server_keep_their_ties(tmp_path):
    value = [{"value": "a", "rank": 2}, {"value": "b", "rank": 1}, {"value": "c", "rank": 2}]
    row = each_row(read(tmp_path, [record(q=value)]).ratings)[0]
    assert (row["value"], row["output_ids"]) == ([2, 1, 2], ["a", "b", "c"])


def test_places_of_spans_become_code_points(tmp_path):
    found = read(tmp_path, [record(q=[{"start": 7, "end": 11, "label": "noun"}])])
    span = found.ratings["value"][0][0]
    assert TEXT[span["start"] : span["end"]] == "Hund"
    assert "offsets" not in set(found.report.findings["check"])


def test_places_in_an_unknown_field_are_told(tmp_path):
    two = record(q=[{"start": 7, "end": 9, "label": "noun"}])
    two["fields"]["other"] = "plain text"
    found = read(tmp_path, [two])
    assert (found.ratings["value"][0][0]["start"], found.ratings["value"][0][0]["end"]) == (7, 9)
    assert "offsets" in set(found.report.findings["check"])


def test_the_settings_name_the_field_of_a_span(tmp_path):
    two = record(q=[{"start": 7, "end": 9, "label": "noun"}])
    two["fields"]["other"] = "plain text"
    found = read(tmp_path, [two], {"q": {"type": "span", "field": "text"}})
    assert found.ratings["value"][0][0]["start"] == 6


def test_suggestions_are_kept_beside_the_ratings(tmp_path):
    suggestion = {"q": {"value": "bad", "score": 0.5, "agent": "model9"}}
    ratings, others, _ = read(tmp_path, [record(q="good", suggestions=suggestion)])
    assert ratings["value"].tolist() == ["good"]
    assert others[["value", "rater", "reason"]].to_numpy().tolist() == [
        ["bad", "model9", "suggestion"]
    ]


def test_the_flat_shape_tells_drafts_from_answers(tmp_path):
    flat = {
        "id": "rec1", "text": TEXT, "q.responses": ["good", "bad", "odd"],
        "q.responses.users": ["u1", "u2", "u3"],
        "q.responses.status": ["submitted", "draft", "discarded"],
        "q.suggestion": "fine", "q.suggestion.score": None, "q.suggestion.agent": None,
    }  # fmt: skip
    ratings, others, report = read(tmp_path, [flat])
    assert ratings[["rater", "value"]].to_numpy().tolist() == [["u1", "good"]]
    assert others["reason"].tolist() == ["draft", "discarded", "suggestion"]
    assert len(report.findings) == 0


def test_the_nested_shape_does_not_tell_and_this_is_said(tmp_path):
    report = read(tmp_path, [record(q="good")]).report
    assert report.findings["evidence"].tolist() == [
        "responses that may be drafts: this file does not tell"
    ]


def test_what_is_no_record_is_told(tmp_path):
    found = read(tmp_path, [record(q="good"), 3, record(2, q=None)])
    told = found.report.findings[found.report.findings["severity"] == "error"]
    assert told[["subject", "evidence"]].to_numpy().tolist() == [
        ["element 2", "it is no record"],
        ["element 3", "it holds no answer"],
    ]
