"""MQM's tab-separated files, in and out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.ratings.exchange import from_file, write
from workbench.ratings.exchange.tally import as_ratings

NEW = "system\tdoc\tdocSegId\tglobalSegId\trater\tsource\ttarget\tcategory\tseverity\tmetadata"
OLD = "system\tdoc\tdoc_id\tseg_id\trater\tsource\ttarget\tcategory\tseverity\tcomment"
ERROR = "A\tnews.1\t2\t7\trater1\tA dog.\tEin <v>Hund</v> .\tFluency/Punctuation\tMinor\t"
NONE = "B\tnews.1\t2\t7\trater1\tA dog.\tEin Hund.\tNo-error\tNo-error\t"


def saved(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("header", [[NEW], [OLD], []], ids=["new", "old", "without a header"])
def test_each_header_is_read(tmp_path, header):
    found = from_file(saved(tmp_path / "a.tsv", *header, ERROR, NONE))
    assert found.ratings["value"].tolist() == [
        [{"side": "output", "start": 4, "end": 8, "category": "Fluency/Punctuation",
          "severity": "minor"}],
        [],
    ]  # fmt: skip
    assert found.ratings["target"].tolist() == ["Ein Hund .", "Ein Hund."]
    assert found.ratings["item_id"].tolist() == ["news.1:2:A", "news.1:2:B"]


def test_a_header_may_be_in_another_case_and_order(tmp_path):
    def swapped(line):
        first, second, *rest = line.split("\t")
        return "\t".join([second, first, *rest])

    expected = from_file(saved(tmp_path / "a.tsv", NEW, ERROR, NONE)).ratings
    headers = {NEW.title(): (ERROR, NONE), OLD.upper(): (ERROR, NONE)}
    headers[swapped(NEW)] = swapped(ERROR), swapped(NONE)
    for header, lines in headers.items():
        found = from_file(saved(tmp_path / "a.tsv", header, *lines))
        assert found.ratings.to_numpy().tolist() == expected.to_numpy().tolist()
        assert found.report["rows"] == 2


def test_a_header_without_a_column_is_refused(tmp_path):
    path = saved(tmp_path / "a.tsv", NEW.replace("docSegId", "place"), ERROR)
    with pytest.raises(BadValue) as caught:
        from_file(path)
    assert str(caught.value) == (
        f"{path} must have the columns 'system', 'doc', 'docSegId', 'globalSegId', 'rater', "
        "'source', 'target', 'category', 'severity', but 'docSegId' is missing; add it, or rename "
        "yours."
    )


def test_errors_of_one_rater_on_one_segment_are_one_answer(tmp_path):
    second = ERROR.replace("<v>Hund</v>", "Hund").replace("Ein", "<v>Ein</v>")
    found = from_file(saved(tmp_path / "a.tsv", NEW, ERROR, second))
    assert [(span["start"], span["end"]) for span in found.ratings["value"][0]] == [(0, 3), (4, 8)]
    assert found.report["rows"] == found.report["read"] == 2


def test_a_mark_in_the_source_is_a_span_of_the_source(tmp_path):
    line = "A\td\t1\t1\tr\tA <v>dgo</v>.\tEin Hund.\tSource error\tMinor\t"
    value = from_file(saved(tmp_path / "a.tsv", NEW, line)).ratings["value"][0]
    assert [(span["side"], span["start"], span["end"]) for span in value] == [("source", 2, 5)]


def test_an_error_without_a_mark_is_of_the_whole_text(tmp_path):
    line = "A\td\t1\t1\tr\tA dog.\tHund.\tAccuracy/Omission\tMajor\t"
    found = from_file(saved(tmp_path / "a.tsv", NEW, line))
    assert found.ratings["value"][0][0]["whole"] is True
    assert found.report["missing_spans"] == 1


def test_places_are_code_points(tmp_path):
    line = "A\td\t1\t1\tr\tA dog.\t😀 ein <v>Hund</v>\tStyle\tMinor\t"
    span = from_file(saved(tmp_path / "a.tsv", NEW, line)).ratings["value"][0][0]
    assert (span["start"], span["end"]) == (6, 10)


def test_quotes_are_read_as_the_whole_file_shows_them(tmp_path):
    raw = 'A\td\t1\t1\tr\tHe said "no".\t"Nein"\tNo-error\tNo-error\t'
    quoted = 'A\td\t1\t1\tr\t"He said ""no""."\t"""Nein"""\tNo-error\tNo-error\t'
    texts = [
        from_file(saved(tmp_path / f"{name}.tsv", NEW, line)).ratings[["source", "target"]]
        for name, line in (("raw", raw), ("quoted", quoted))
    ]
    assert texts[0].to_numpy().tolist() == [['He said "no".', '"Nein"']]
    assert texts[1].to_numpy().tolist() == texts[0].to_numpy().tolist()


def test_metadata_is_a_note_a_time_and_the_rest(tmp_path):
    line = ERROR + '{"note": "odd", "timestamp": 1000, "marked_text": "Hund"}'
    ratings = from_file(saved(tmp_path / "a.tsv", NEW, line)).ratings
    span = ratings["value"][0][0]
    assert span["note"] == "odd"
    assert span["metadata"] == {"timestamp": 1000, "marked_text": "Hund"}
    assert ratings["started_at"][0] == "1970-01-01T00:00:01.000Z"


def test_lines_without_a_rater_and_attention_checks_are_told_apart(tmp_path):
    bare = "A\td\t1\t1\t\tA dog.\tEin Hund.\t\t\t{}"
    check = "A\td\t9\t9\tr\tA dog.\tEin Hund.\tFound\tHOTW-test\t"
    ratings, others, report = from_file(saved(tmp_path / "a.tsv", NEW, bare, check, ERROR))
    assert (len(ratings), len(others), report["left_out"], report["checks"]) == (1, 1, 1, 1)
    assert others["reason"].tolist() == ["check"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A\td\t1", "it has 3 cells, not 10"),
        (ERROR.replace("</v>", ""), "<v> is not closed"),
        (ERROR.replace("<v>", "</v>"), "</v> stands where it opens or closes nothing"),
        (ERROR.replace("<v>", "<v><v>"), "<v> stands where it opens or closes nothing"),
    ],
)
def test_a_broken_line_is_told_with_its_number(tmp_path, line, reason):
    found = from_file(saved(tmp_path / "a.tsv", NEW, ERROR, line, NONE))
    told = found.report.findings[found.report.findings["check"] == "broken line"]
    assert told[["subject", "evidence"]].to_numpy().tolist() == [["line 3", reason]]
    assert len(found.ratings) == 2


texts = st.text("ab 😀é\"'<>v/", min_size=9, max_size=20).filter(
    lambda text: "<v>" not in text and "</v>" not in text
)
marks = st.lists(
    st.builds(
        lambda side, start, size, category, severity, note: {
            "side": side, "start": start, "end": start + size, "category": category,
            "severity": severity, **({"note": note} if note else {}),
        },
        st.sampled_from(["output", "source"]), st.integers(0, 4), st.integers(1, 5),
        st.sampled_from(["Accuracy/Omission", "Style"]), st.sampled_from(["minor", "major"]),
        st.sampled_from(["", "why: \"x\"\ty"]),
    ),
    max_size=3,
).map(lambda found: sorted(found, key=lambda span: (span["side"], span["start"], span["end"])))  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    answers=st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from(["r1", "r 2"]), texts, texts, marks),
        min_size=1, max_size=5, unique_by=lambda each: each[:2],
    )
)  # fmt: skip
def test_what_an_mqm_file_can_hold_comes_back_equal(tmp_path_factory, answers):
    records = [
        {
            "item_id": f"d:1:{system}", "rater": rater, "question": "spans", "value": value,
            "row_id": "d:1", "system": system, "document": "d", "segment": "1",
            "global_segment": "5", "source": source, "target": target,
        }
        for system, rater, source, target, value in answers
    ]  # fmt: skip
    ratings = as_ratings(records, "test")
    path = tmp_path_factory.mktemp("mqm") / "a.tsv"
    write(ratings, path)
    back = from_file(path).ratings[list(ratings.columns)]
    assert back.to_numpy().tolist() == ratings.to_numpy().tolist()


def test_texts_come_from_outputs_and_rows(tmp_path):
    import workbench as wb

    rows = wb.read([{"input": "A\tdog"}])
    outputs = wb.outputs(rows, {"A": ["Ein\nHund"]})
    record = {
        "item_id": "i", "rater": "r", "question": "e", "row_id": "1", "system": "A",
        "output_ids": [outputs["output_id"][0]],
        "value": [{"side": "output", "start": 4, "end": 8, "category": "Style", "severity": "minor"}],
    }  # fmt: skip
    report = write(as_ratings([record], "test"), tmp_path / "a.tsv", outputs=outputs, rows=rows)
    assert (tmp_path / "a.tsv").read_text(encoding="utf-8").splitlines()[1] == (
        "A\t1\t1\t0\tr\tA dog\tEin <v>Hund</v>\tStyle\tMinor\t"
    )
    assert report.findings["evidence"].tolist() == [
        "line ends and tabs in texts became spaces, one for one"
    ]


def test_without_texts_there_is_no_mqm_file(tmp_path):
    record = {"item_id": "i", "rater": "r", "question": "e", "system": "A", "value": []}
    with pytest.raises(BadValue) as caught:
        write(as_ratings([record], "test"), tmp_path / "a.tsv")
    assert str(caught.value) == (
        "an MQM file must hold the texts, but that of item 'i' is not known; pass outputs= and rows=."
    )
    assert not (tmp_path / "a.tsv").exists()


def test_spans_without_a_category_are_written(tmp_path):
    record = {"item_id": "i", "rater": "r", "question": "e", "system": "A", "target": "Hund"}
    records = [record | {"value": [{"start": 1, "end": 3}]}]
    records.append(record | {"item_id": "j", "value": [{"start": 1}]})
    report = write(as_ratings(records, "test"), tmp_path / "a.tsv")
    assert from_file(tmp_path / "a.tsv").ratings["value"].tolist() == [
        [{"side": "output", "start": 1, "end": 3, "category": "", "severity": ""}]
    ]
    assert report["left_out"] == 1


def test_two_items_of_a_row_are_kept_apart(tmp_path):
    record = {
        "row_id": "d", "rater": "r", "question": "e", "system": "A", "target": "Hund", "value": [],
    }  # fmt: skip
    records = [record | {"item_id": item, "rater": rater} for rater in "rs" for item in "ij"]
    report = write(as_ratings(records, "test"), tmp_path / "a.tsv")
    assert from_file(tmp_path / "a.tsv").ratings["item_id"].tolist() == ["d:1:A", "d:2:A"] * 2
    assert report.findings.empty
    merged = as_ratings([each | {"segment": "7"} for each in records], "test")
    report = write(merged, tmp_path / "a.tsv")
    assert report.findings[["check", "subject", "n"]].to_numpy().tolist() == [["merged", "j", 2]]


def test_answers_that_are_no_spans_are_told_and_left_out(tmp_path):
    records = [
        {"item_id": "i", "rater": "r", "question": "q", "system": "A", "value": 5, "target": "x"},
        {
            "item_id": "j",
            "rater": "r",
            "question": "e",
            "system": "A",
            "value": [],
            "target": "<v>",
        },
    ]
    report = write(as_ratings(records, "test"), tmp_path / "a.tsv")
    assert report["left_out"] == 2
    assert report.findings["evidence"].tolist() == [
        "MQM files hold the error spans of one system; these answers are none",
        "the text itself holds <v> or </v>, which the format takes for its marks",
    ]
