"""RATINGS as files of our own: what goes out comes back equal."""

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue
from workbench.ratings.exchange import from_file, write
from workbench.ratings.exchange.tally import as_ratings
from workbench.tables import each_row, is_missing, plain_value

# what a spreadsheet, a CSV reader or a JSON reader may take for something else
AWKWARD = [
    "\r",
    "a\nb",
    "",
    "12",
    "1e5",
    "NaN",
    "null",
    "true",
    '"x"',
    '"',
    "[1]",
    "{}",
    "=1+1",
    "a,b",
    " ",
    "-1",
]
whole_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
text = st.one_of(st.sampled_from(AWKWARD), whole_text)
key = st.one_of(text, st.sampled_from(["r1", "007"]))
number = st.one_of(st.integers(-(2**50), 2**50), st.floats(allow_nan=False, allow_infinity=False))
value = st.recursive(
    st.one_of(text, number, st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=5,
)
record = st.fixed_dictionaries(
    {"item_id": key, "rater": key, "question": key, "value": value},
    optional={
        "session": st.one_of(key, st.none()),
        "output_ids": st.lists(key, max_size=3),
        "duration_s": st.one_of(st.floats(0, 1e6), st.none()),
        "step": st.one_of(st.integers(0, 2**40), st.none()),
        "started_at": st.one_of(text, st.none()),
        "purpose": text,
        "strength": st.one_of(st.integers(1, 3), st.none()),
        "extra": value,
    },
)


def cells(frame):
    return [
        {name: None if is_missing(cell) else plain_value(cell) for name, cell in row.items()}
        for row in each_row(frame)
    ]


def written(rows):
    """Write cells so that True is not 1 and 1.0 is not 1."""
    return [json.dumps(row, sort_keys=True) for row in rows]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@settings(deadline=None, derandomize=True, max_examples=60)
@given(records=st.lists(record, min_size=1, max_size=4))
def test_what_goes_out_comes_back_equal(tmp_path_factory, suffix, records):
    ratings = as_ratings(records, "test")
    path = tmp_path_factory.mktemp("plain") / f"ratings.{suffix}"
    write(ratings, path)
    back, others, report = from_file(path)
    assert list(back.columns) == list(ratings.columns)
    assert written(cells(back)) == written(cells(ratings))
    assert (report["broken"], len(others)) == (0, 0)


def test_the_machines_csv_holds_lists_as_json_and_words_as_they_are(tmp_path):
    records = [
        {"item_id": "i", "rater": "r", "question": "q", "value": each, "output_ids": ["a", "b"]}
        for each in (4, "good", "4", ["x"], None)
    ]
    path = tmp_path / "ratings.csv"
    write(as_ratings(records, "test"), path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["value"] for row in rows] == ["4", "good", '"4"', '["x"]', ""]
    assert rows[0]["output_ids"] == '["a", "b"]'


def test_no_text_is_a_formula_in_the_spreadsheet(tmp_path):
    record = {"item_id": "i", "rater": "=cmd()", "question": "q", "value": "@SUM(A1)"}
    path = tmp_path / "people.csv"
    write(as_ratings([record], "test"), path, format="spreadsheet")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        row = next(csv.DictReader(stream))
    assert (row["rater"], row["value"]) == ("'=cmd()", "'@SUM(A1)")


@pytest.mark.parametrize(
    ("name", "lines", "broken"),
    [
        ("a.csv", ["item_id,rater,question,value", "i,r,q,4", "i,r", "j,r,q,5"],
         ["line 3", "it has 2 cells under 4 names"]),
        ("a.jsonl", ['{"item_id": "i", "rater": "r", "question": "q", "value": 4}', "{",
                     '{"item_id": "j", "rater": "r", "question": "q", "value": 5}'],
         ["line 2", "it is not JSON (Expecting property name enclosed in double quotes: line 1 "
          "column 2 (char 1))"]),
        ("a.jsonl", ['{"item_id": "i", "rater": "r", "question": "q", "value": 4}', "[1]",
                     '{"item_id": "j", "rater": "r", "question": "q", "value": 5}'],
         ["line 2", "it is no JSON object"]),
        ("a.jsonl", ['{"item_id": "i", "rater": "r", "question": "q", "value": 4}',
                     '{"item_id": "i", "rater": null, "question": "q", "value": 4}',
                     '{"item_id": "j", "rater": "r", "question": "q", "value": 5}'],
         ["line 2", "it names no rater"]),
        ("a.jsonl", ['{"item_id": "i", "rater": "r", "question": "q", "value": 4}',
                     '{"item_id": "i", "rater": "r", "question": "q", "value": "\\ud800"}',
                     '{"item_id": "j", "rater": "r", "question": "q", "value": 5}'],
         ["line 2", "it holds half of a surrogate pair"]),
        ("a.jsonl", ['{"item_id": "i", "rater": "r", "question": "q", "value": 4}',
                     '{"item_id": "i", "rater": "r", "question": "q", "value": NaN}',
                     '{"item_id": "j", "rater": "r", "question": "q", "value": 5}'],
         ["line 2", "it is not JSON (NaN is no number)"]),
        ("a.jsonl", ['{"item_id": "i", "rater": "r", "question": "q", "value": 4}',
                     '{"item_id": "i", "value": ' + "[" * 5000 + "]" * 5000 + "}",
                     '{"item_id": "j", "rater": "r", "question": "q", "value": 5}'],
         ["line 2", "it is not JSON (it is nested too deeply)"]),
    ],
)  # fmt: skip
def test_a_broken_line_is_told_and_the_rest_is_read(tmp_path, name, lines, broken):
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = from_file(tmp_path / name)
    assert found.report.findings[["subject", "evidence"]].to_numpy().tolist() == [broken]
    assert found.ratings["value"].tolist() == [4, 5]


def test_of_very_many_broken_lines_the_rest_is_counted(tmp_path):
    path = tmp_path / "a.jsonl"
    good = '{"item_id": "i", "rater": "r", "question": "q", "value": 4}\n'
    path.write_text(good + "x\n" * 250)
    report = from_file(path).report
    assert report["broken"] == 250
    assert len(report.findings) == 101
    assert report.findings["evidence"].tolist()[-1] == "150 more broken lines"


@pytest.mark.parametrize("bad", [float("inf"), "half \ud800"])
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_what_no_file_can_hold_is_refused_and_the_old_file_stays(tmp_path, suffix, bad):
    path = tmp_path / f"a.{suffix}"
    good = [{"item_id": "i", "rater": "r", "question": "q", "value": 1}]
    write(as_ratings(good, "test"), path)
    before = path.read_bytes()
    ratings = as_ratings(good * 2, "test").assign(value=[[1], [bad]])
    with pytest.raises(BadValue) as caught:
        write(ratings, path)
    assert str(caught.value).startswith(
        "RATINGS must hold finite numbers and whole characters, but value in row 2 does not ("
        if suffix != "jsonl"
        else "RATINGS must hold finite numbers and whole characters, but row 2 does not ("
    )
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_column_that_comes_twice_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("item_id,rater,question,value,value\n")
    with pytest.raises(BadValue) as caught:
        from_file(path)
    assert str(caught.value) == (
        f"{path} must name each column once, but 'value', 'value' came; rename one."
    )


def test_metadata_of_a_hostile_parquet_file_is_refused(tmp_path):
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"item_id": ["i"], "rater": ["r"], "question": ["q"], "value": ["{"]})
    table = table.replace_schema_metadata({b"workbench.json": b'["value"]'})
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(BadValue) as caught:
        from_file(path)
    assert str(caught.value) == (
        f"{path} must hold JSON in the columns that its metadata names, but it does not (Expecting "
        "property name enclosed in double quotes: line 1 column 2 (char 1)); write it again."
    )
