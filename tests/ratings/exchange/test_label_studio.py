"""Label Studio's JSON export; tasks of our own in the shape its documentation shows."""

import json

import pytest

from workbench.ratings.exchange import from_file
from workbench.tables import each_row

TEXT = "Ein 😀 alter Hund."


def task(*results, number=1, data=None, **annotation):
    given = {"id": 10 * number, "completed_by": 3, "lead_time": 4.5, "result": list(results)}
    return {
        "id": number, "data": data or {"text": TEXT}, "annotations": [{**given, **annotation}],
        "predictions": [],
    }  # fmt: skip


def result(kind, value, name="q", **more):
    return {"id": "r1", "from_name": name, "to_name": "text", "type": kind, "value": value, **more}


def read(tmp_path, *tasks, **options):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(list(tasks)), encoding="utf-8")
    return from_file(path, **options)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("choices", {"choices": ["good", "short"]}, ["good", "short"]),
        ("choices", {"choices": ["good"]}, "good"),
        ("rating", {"rating": 4}, 4),
        ("number", {"number": 2.5}, 2.5),
        ("textarea", {"text": ["one", "two"]}, "one\ntwo"),
        ("taxonomy", {"taxonomy": [["Style", "Awkward"], ["Style"]]}, ["Style/Awkward", "Style"]),
        ("pairwise", {"selected": "right"}, "b"),
        ("ranker", {"ranker": {"best": ["x"], "rest": ["y"]}}, {"best": ["x"], "rest": ["y"]}),
    ],
)
def test_each_kind_of_answer_is_read(tmp_path, kind, value, expected):
    ratings, others, report = read(tmp_path, task(result(kind, value)))
    row = each_row(ratings)[0]
    assert row["value"] == expected
    assert (row["item_id"], row["rater"], row["question"], row["duration_s"]) == (
        "1",
        "3",
        "q",
        4.5,
    )
    assert (len(others), report["broken"], report["read"]) == (0, 0, 1)


def test_a_question_that_once_got_two_choices_has_lists_throughout(tmp_path):
    one, two = ({"choices": choices} for choices in (["a"], ["a", "b"]))
    found = read(tmp_path, task(result("choices", one)), task(result("choices", two), number=2))
    assert found.ratings["value"].tolist() == [["a"], ["a", "b"]]


def test_a_ranking_is_parallel_to_the_items_as_they_were_shown(tmp_path):
    data = {"items": [{"id": "x"}, {"id": "y"}, {"id": "z"}]}
    found = read(tmp_path, task(result("ranker", {"ranker": ["z", "x", "y"]}), data=data))
    row = each_row(found.ratings)[0]
    assert (row["value"], row["output_ids"]) == ([2, 3, 1], ["x", "y", "z"])


def test_the_systems_of_a_preference_come_in_the_order_of_names(tmp_path):
    data = {"text": "", "left": "zeta", "right": "alpha"}
    found = read(
        tmp_path,
        task(
            result("pairwise", {"selected": "left"}),
            result("rating", {"rating": 2}, "r"),
            data=data,
        ),
        columns={"left": "system_a", "right": "system_b"},
    )
    row, other = each_row(found.ratings)
    assert [row[n] for n in ("system_a", "system_b", "side", "value")] == [
        "alpha", "zeta", "zeta", "b",
    ]  # fmt: skip
    assert other["systems"] == ["zeta", "alpha"]
    assert other["system_a"] is None or other["system_a"] != other["system_a"]


@pytest.mark.parametrize(
    ("start", "end"), [(12, 16), (13, 17)], ids=["code points", "UTF-16 code units"]
)
def test_the_marked_text_tells_how_places_were_counted(tmp_path, start, end):
    marked = {"start": start, "end": end, "text": "Hund", "labels": ["Noun"]}
    found = read(tmp_path, task(result("labels", marked)))
    span = found.ratings["value"][0][0]
    assert TEXT[span["start"] : span["end"]] == "Hund"
    assert span["category"] == "Noun"
    assert len(found.report.findings) == (start == 13)


def test_places_that_fit_no_text_are_told(tmp_path):
    marked = {"start": 3, "end": 5, "text": "Katze", "labels": ["Noun"]}
    report = read(tmp_path, task(result("labels", marked))).report
    assert report.findings["evidence"].tolist() == [
        "places that neither way of counting finds in a text; taken as they are"
    ]


def test_what_is_said_of_a_region_goes_to_its_span(tmp_path):
    place = {"start": 0, "end": 3, "text": "Ein"}
    found = read(
        tmp_path,
        task(
            result("labels", {**place, "labels": ["Style"]}),
            result("choices", {**place, "choices": ["Major"]}, "severity"),
            result("textarea", {**place, "text": ["too short"]}, "why"),
            result("rating", {**place, "rating": 2}, "sure"),
        ),
    )
    assert found.ratings["value"].tolist() == [
        [{"side": "output", "start": 0, "end": 3, "category": "Style", "severity": "major",
          "note": "too short", "sure": 2}]
    ]  # fmt: skip


def test_a_skipped_preference_keeps_its_pair_beside_the_ratings(tmp_path):
    data, choice = {"left": "zeta", "right": "alpha"}, result("pairwise", {"selected": "left"})
    found = read(
        tmp_path,
        task(choice, data=data),
        task(number=2, data=data, was_cancelled=True),
        columns={"left": "system_a", "right": "system_b"},
    )
    assert found.ratings["value"].tolist() == ["b"]
    assert each_row(found.others)[0]["systems"] == ["zeta", "alpha"]


def test_annotations_predictions_and_drafts_may_have_the_same_numbers(tmp_path):
    said = [result("rating", {"rating": 1})]
    one = task(*said, number=0)
    one["predictions"] = [{"id": 0, "model_version": "m", "result": said}]
    one["predictions"] += [{"model_version": model, "result": said} for model in ("m2", "m3")]
    one["drafts"] = [{"id": 0, "created_username": "ana", "result": said}]
    found = read(tmp_path, one)
    assert found.ratings["rating_id"].tolist() == ["export:0:0:0"]
    assert found.others["rating_id"].tolist() == [
        "export:0:prediction:0:0", "export:0:prediction:#2:0", "export:0:prediction:#3:0",
        "export:0:draft:0:0",
    ]  # fmt: skip


def test_skipped_tasks_predictions_and_other_media_are_kept_beside_the_ratings(tmp_path):
    skipped = task(number=2, was_cancelled=True)
    predicted = task(result("rating", {"rating": 4}), number=3)
    predicted["predictions"] = [
        {"model_version": "m1", "result": [result("rating", {"rating": 1})]},
        77,
    ]
    box = task(result("rectanglelabels", {"x": 1, "rectanglelabels": ["dog"]}), number=4)
    ratings, others, report = read(tmp_path, skipped, predicted, box)
    assert ratings["value"].tolist() == [4]
    assert others["reason"].tolist() == ["skipped", "prediction", "unmapped"]
    assert others["rater"].tolist() == ["3", "m1", "3"]
    assert report["left_out"] == 2


def test_who_annotated_may_be_an_object(tmp_path):
    by = {"id": 7, "email": "ann@example.org"}
    found = read(tmp_path, task(result("rating", {"rating": 4}), completed_by=by))
    assert found.ratings["rater"].tolist() == ["ann@example.org"]


def test_what_is_no_task_is_told(tmp_path):
    found = read(
        tmp_path,
        task(result("rating", {"rating": 4})),
        5,
        task(result("rating", {"rating": 1}), completed_by=None),
    )
    told = found.report.findings
    assert told[["subject", "evidence"]].to_numpy().tolist() == [
        ["element 2", "it is no task"],
        ["element 3", "it names no rater"],
    ]
    assert len(found.ratings) == 1


def test_a_preference_between_systems_without_names_is_told(tmp_path):
    found = read(tmp_path, task(result("pairwise", {"selected": "left"})))
    assert found.ratings["value"].tolist() == ["a"]
    assert found.report.findings["evidence"].tolist() == [
        "preferences between two that the file does not name: 'a' is the one shown first"
    ]
