"""Files to frames: every format, plain and gzipped, and every way in which a file can be broken."""

import csv
import gzip
import json
import math
import subprocess
import sys
import tracemalloc

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import formats
from workbench.errors import BadValue, UnknownName, Unreadable
from workbench.formats import from_records, read_frame, read_lines, suffix

repeatable = settings(deadline=None, derandomize=True)

# What str.splitlines splits at and a segment may hold.
BREAKS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
RECORDS = [
    {"row_id": "007", "input": "a, \"b\"\nc\t'd'", "n": 1, "share": 0.5},
    {"row_id": "008", "input": "ä\u2028日本😀\x85\x0b", "n": -2, "share": 1e-9},
    {"row_id": "009", "input": "NA", "n": 30, "share": 2.25},
]


def _jsonl(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def _separated(separator):
    def write(records):
        return (
            pd.DataFrame(records).to_csv(sep=separator, index=False, lineterminator="\n").encode()
        )

    return write


def _parquet(records):
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), sink)
    return sink.getvalue().to_pybytes()


WRITERS = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": lambda records: json.dumps(records, indent=1).encode(),
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".parquet": _parquet,
}


def _file(folder, name, content):
    """Write a file as it is named: text as UTF-8, packed when it ends in .gz."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def _frame(folder, name, content):
    return read_frame(_file(folder, name, content))


def _told(read, path):
    """Return what reading a broken file says."""
    with pytest.raises((BadValue, Unreadable)) as caught:
        read(path)
    return str(caught.value)


# --- every format ---------------------------------------------------------------------------


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_cells(tmp_path, kind, packed):
    frame = _frame(tmp_path, f"rows{kind}{packed}", WRITERS[kind](RECORDS))
    assert frame.to_dict("records") == RECORDS
    assert [type(cell) for cell in frame.to_dict("records")[0].values()] == [str, str, int, float]


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_text_file_gives_its_lines(tmp_path, packed):
    path = _file(tmp_path, f"ref.txt{packed}", "one\n two \n\nä日本😀\n")
    assert read_lines(path) == ["one", " two ", "", "ä日本😀"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", ".jsonl"),
        ("a.JSONL", ".jsonl"),
        ("a.b.csv.gz", ".csv"),
        ("a.gz", ""),
        ("a", ""),
        ("a.txt", ".txt"),
        (".csv", ""),
    ],
)
def test_the_suffix_tells_the_format(tmp_path, name, kind):
    assert suffix(tmp_path / name) == kind


@pytest.mark.parametrize(
    "name", ["rows.xlsx", "rows", "rows.gz", "rows.txt", "rows.pkl", "rows.csv.zip"]
)
def test_an_unknown_suffix_is_refused_with_those_that_are_known(tmp_path, name):
    with pytest.raises(UnknownName) as caught:
        read_frame(_file(tmp_path, name, "x"))
    assert str(caught.value) == (
        "a file of records must end in .jsonl, .ndjson, .json, .csv, .tsv, .parquet (or one of "
        f"these and .gz), but {name!r} came; rename it, or read it with pandas and pass the frame."
    )


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_an_empty_file_has_no_rows(tmp_path, name, packed):
    path = _file(tmp_path, name + packed, "[]" if name == "a.json" else "")
    assert len(read_lines(path) if name == "a.txt" else read_frame(path)) == 0


def test_a_gzip_file_of_no_bytes_at_all_has_no_lines(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(b"")
    assert read_lines(tmp_path / "a.txt.gz") == []


# --- the trap: splitlines() -----------------------------------------------------------------


@pytest.mark.parametrize("mark", BREAKS)
def test_only_a_newline_ends_a_line(tmp_path, mark):
    text = f"one{mark}still one\ntwo\n"
    assert len(text.splitlines()) == 3
    assert read_lines(_file(tmp_path, "a.txt", text)) == [f"one{mark}still one", "two"]


@pytest.mark.parametrize("mark", BREAKS)
@pytest.mark.parametrize("kind", WRITERS)
def test_no_other_mark_shifts_the_rows_of_a_table(tmp_path, kind, mark):
    records = [{"row_id": "a", "input": f"one{mark}still one"}, {"row_id": "b", "input": "two"}]
    assert _frame(tmp_path, f"a{kind}", WRITERS[kind](records)).to_dict("records") == records


@repeatable
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"))))
def test_lines_come_back_as_they_were_written(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("lines", numbered=True)
    text = "".join(f"{line}\n" for line in lines)
    assert read_lines(_file(folder, "a.txt", text)) == lines
    assert read_lines(_file(folder, "a.txt.gz", text)) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\n\n", ["a", ""]),
        ("\n", [""]),
        ("\n\n", ["", ""]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\r\n\r\n", ["a", ""]),
        ("a\r\nb\n", ["a\r", "b"]),
        ("a\rb\n", ["a\rb"]),
        ("a\r\r\nb\r\n", ["a\r", "b"]),
    ],
)
def test_where_lines_end(tmp_path, text, lines):
    assert read_lines(_file(tmp_path, "a.txt", text)) == lines


def test_a_byte_order_mark_stays_in_text_as_it_does_in_sacrebleu(tmp_path):
    assert read_lines(_file(tmp_path, "a.txt", "\ufeffone\ntwo\n")) == ["\ufeffone", "two"]


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv", ".tsv"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_byte_order_mark_is_no_part_of_a_table(tmp_path, kind, packed):
    content = b"\xef\xbb\xbf" + WRITERS[kind](RECORDS)
    assert _frame(tmp_path, f"a{kind}{packed}", content).to_dict("records") == RECORDS


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv", ".tsv"])
def test_a_file_from_windows_gives_the_same_cells(tmp_path, kind):
    records = [{"row_id": "a", "input": "one", "n": 1}, {"row_id": "b", "input": "two", "n": 2}]
    content = WRITERS[kind](records).replace(b"\n", b"\r\n")
    assert _frame(tmp_path, f"a{kind}", content).to_dict("records") == records


@pytest.mark.shared
def test_a_published_test_set_has_its_segments_and_not_those_of_splitlines(shared):
    counts = {"wmt23.en-de": 557, "wmt23.he-en": 1910, "wmt23.en-ja": 2074, "wmt23.cs-uk": 2017}
    for name, n_segments in counts.items():
        for path in sorted((shared / "mt" / name).glob("**/*.txt.gz")):
            assert len(read_lines(path)) == n_segments, path.name


# --- JSON -----------------------------------------------------------------------------------


def test_blank_lines_between_objects_are_no_rows(tmp_path):
    frame = _frame(tmp_path, "a.jsonl", '\n{"a": 1}\n  \n\n{"a": 2}')
    assert frame["a"].tolist() == [1, 2]


def test_objects_need_not_have_the_same_names(tmp_path):
    frame = _frame(tmp_path, "a.jsonl", '{"a": "x"}\n{"b": "y"}\n')
    assert frame.astype(object).where(frame.notna(), None).to_dict("records") == [
        {"a": "x", "b": None},
        {"a": None, "b": "y"},
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name enclosed in double quotes at character 2"),
        ('{"a": 1', "Expecting ',' delimiter at character 8"),
        ("{'a': 1}", "Expecting property name enclosed in double quotes at character 2"),
        ('{"a": "\t"}', "Invalid control character at at character 8"),
        ('{"a": 1} {"a": 2}', "Extra data at character 10"),
        ("no json", "Expecting value at character 1"),
        ('{"a":' * 199 + "[0]" + "}" * 199, None),
        ('{"a":' * 200 + "[0]" + "}" * 200, "it is nested too deeply"),
        ('{"a":' + "[" * 99_999 + "]" * 99_999 + "}", "it is nested too deeply"),
        ('{"a":' * 99_999 + "1" + "}" * 99_999, "it is nested too deeply"),
    ],
)
def test_a_broken_line_of_json_lines_is_named(tmp_path, line, reason):
    path = _file(tmp_path, "a.jsonl", f'{{"a": 0}}\n\n{line}\n')
    if reason is None:
        assert len(read_frame(path)) == 2
    else:
        assert _told(read_frame, path) == (
            f"{path} must be JSON, but line 3 is not ({reason}); correct that line."
        )


def test_a_number_without_end_is_refused(tmp_path):
    path = _file(tmp_path, "a.jsonl", '{"a": ' + "9" * 5000 + "}\n")
    assert _told(read_frame, path) == (
        f"{path} must be JSON, but line 1 is not (Exceeds the limit (4300 digits) for integer "
        "string conversion: value has 5000 digits; use sys.set_int_max_str_digits() to increase "
        "the limit); correct that line."
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [("[1]", "list"), ("1", "int"), ('"a"', "str"), ("null", "NoneType"), ("true", "bool")],
)
def test_a_line_that_is_no_object_is_named(tmp_path, value, kind):
    path = _file(tmp_path, "a.jsonl", f'{{"a": 0}}\n{value}\n')
    assert _told(read_frame, path) == (
        f"{path} must hold one JSON object per row, but line 2 is a {kind}; write each row as an "
        "object of column names and cells."
    )


def test_an_element_that_is_no_object_is_named(tmp_path):
    path = _file(tmp_path, "a.json", '[{"a": 0}, "b"]')
    assert _told(read_frame, path) == (
        f"{path} must hold one JSON object per row, but element 2 is a str; write each row as an "
        "object of column names and cells."
    )


@pytest.mark.parametrize(
    ("text", "kind"), [('{"rows": []}', "dict"), ("1", "int"), ("null", "NoneType")]
)
def test_a_json_file_must_be_a_list(tmp_path, text, kind):
    path = _file(tmp_path, "a.json", text)
    assert _told(read_frame, path) == (
        f"{path} must be a JSON list of objects, but a {kind} came; wrap the rows in a list, or "
        "write one object a line as .jsonl."
    )


def test_a_broken_json_file_is_told_by_its_line(tmp_path):
    path = _file(tmp_path, "a.json", '[{"a": 0},\n {"a": 1}\n {"a": 2}]\n')
    assert _told(read_frame, path) == (
        f"{path} must be JSON, but line 3 is not (Expecting ',' delimiter at character 2); "
        "correct that line."
    )


def test_an_empty_json_file_is_told(tmp_path):
    path = _file(tmp_path, "a.json", "")
    assert _told(read_frame, path) == (
        f"{path} must be JSON, but line 1 is not (Expecting value at character 1); correct that line."
    )


def test_a_json_list_may_be_a_depth_bomb(tmp_path):
    path = _file(tmp_path, "a.json", "[" * 100_000 + "]" * 100_000)
    assert _told(read_frame, path) == (
        f"{path} must be JSON, but line 1 is not (it is nested too deeply); correct that line."
    )


@pytest.mark.parametrize("line", ['{"a": "x\\ud800"}', '{"x\\ud800": 1}'])
@pytest.mark.parametrize("kind", [".jsonl", ".json"])
def test_half_a_surrogate_pair_in_json_is_named(tmp_path, kind, line):
    good = '{"a": "\\ud83d\\ude00"}'
    content = f"{good}\n{line}\n" if kind == ".jsonl" else f"[{good}, {line}]"
    path = _file(tmp_path, f"a{kind}", content)
    assert _told(read_frame, path) == (
        f"{path} must hold whole characters, but row 2 has '\\ud800', half of a surrogate pair; "
        "write U+FFFD in its place."
    )


def test_a_whole_surrogate_pair_is_one_character(tmp_path):
    assert _frame(tmp_path, "a.jsonl", '{"a": "\\ud83d\\ude00"}\n')["a"].tolist() == ["😀"]


def test_records_in_memory_obey_the_same_rule():
    with pytest.raises(BadValue) as caught:
        from_records([{"a": 1}, {"a": "\udfff"}], "the list given")
    assert str(caught.value) == (
        "the list given must hold whole characters, but row 2 has '\\udfff', half of a surrogate "
        "pair; write U+FFFD in its place."
    )


# --- CSV and TSV ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["NaN", "nan", "NA", "N/A", "None", "null", "NULL", "<NA>", "#N/A", "-nan", "inf", "True"],
)
@pytest.mark.parametrize("kind", [".csv", ".tsv"])
def test_no_text_is_taken_for_nothing(tmp_path, kind, text):
    separator = "," if kind == ".csv" else "\t"
    frame = _frame(tmp_path, f"a{kind}", f"input{separator}s\n{text}{separator}{text}\n")
    assert frame.to_dict("records") == [{"input": text, "s": text}]


def test_an_empty_cell_is_nothing_and_a_space_is_text(tmp_path):
    frame = _frame(tmp_path, "a.csv", 'a,b,c\n,"", \nx,y,z\n')
    assert frame["a"].isna().tolist() == frame["b"].isna().tolist() == [True, False]
    assert frame["c"].tolist() == [" ", "z"]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2"], [1, 2]),
        (["1", "-2"], [1, -2]),
        (["1", "2.5"], [1.0, 2.5]),
        (["1e3", "-2E-2"], [1000.0, -0.02]),
        (["007", "12"], ["007", "12"]),
        (["00", "0"], ["00", "0"]),
        (["+1", "2"], ["+1", "2"]),
        (["1,000", "2"], ["1,000", "2"]),
        (["1_000", "2"], ["1_000", "2"]),
        ([" 1", "2"], [" 1", "2"]),
        (["1.", "2"], ["1.", "2"]),
        ([".5", "2"], [".5", "2"]),
        (["0x10", "2"], ["0x10", "2"]),
        (["٣", "2"], ["٣", "2"]),
        (["1e999", "2"], ["1e999", "2"]),
        (["9" * 5000, "2"], ["9" * 5000, "2"]),
        (["-", "2"], ["-", "2"]),
        (["1", "a"], ["1", "a"]),
        (["12345678901234567890123", "1"], [12345678901234567890123, 1]),
    ],
)
def test_a_column_is_numeric_when_every_cell_is_a_plain_number(tmp_path, cells, values):
    content = "n\n" + "".join(f'"{cell}"\n' for cell in cells)
    found = _frame(tmp_path, "a.csv", content)["n"].tolist()
    assert found == values
    assert [type(each) for each in found] == [type(each) for each in values]


def test_numbers_beside_a_gap_stay_numbers(tmp_path):
    numbers = _frame(tmp_path, "a.csv", "n,s\n1,x\n,x\n3,x\n")["n"].tolist()
    assert [numbers[0], numbers[2]] == [1, 3]
    assert math.isnan(numbers[1])


@pytest.mark.parametrize(
    "name",
    [
        *("row_id", "output_id", "run_id", "system", "input", "text", "cluster", "prompt", "model"),
        *("reference", "references", "reference_1"),
    ],
)
def test_texts_and_identifiers_stay_as_they_are_written(tmp_path, name):
    assert _frame(tmp_path, "a.csv", f"{name},n\n12,12\n")[name].tolist() == ["12"]


def test_quotes_hold_separators_quotes_and_line_ends(tmp_path):
    frame = _frame(tmp_path, "a.csv", 'a,b\n"x, ""y""\r\nz",2\n\'q\',3\n')
    assert frame["a"].tolist() == ['x, "y"\r\nz', "'q'"]
    assert frame["b"].tolist() == [2, 3]


def test_blank_lines_are_no_rows_and_a_header_alone_is_none(tmp_path):
    assert _frame(tmp_path, "a.csv", "a,b\n\nx,y\n\n")["a"].tolist() == ["x"]
    frame = _frame(tmp_path, "b.csv", "a,b\n")
    assert (len(frame), list(frame.columns)) == (0, ["a", "b"])


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("a,b\n1,2\n3\n", 3, "it has 1 cells under 2 names"),
        ("a,b\n1,2,3\n", 2, "it has 3 cells under 2 names"),
        ('a,b\n"x\ny",1\n2\n', 4, "it has 1 cells under 2 names"),
        ("a,b\n1,2,\n", 2, "it has 3 cells under 2 names"),
        ('a,b\n"x"y,2\n', 2, "',' expected after '\"'"),
        ('a,b\n"x,2\n', 2, "unexpected end of data"),
    ],
)
def test_an_uneven_line_of_a_csv_is_named(tmp_path, content, line, reason):
    path = _file(tmp_path, "a.csv", content)
    assert _told(read_frame, path) == (
        f"{path} must have as many cells in each line as its header has names, but line {line} "
        f"does not ({reason}); put cells that hold ',', quotes or line ends in double quotes."
    )


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "a.csv",
            "row_id;input\n1;a, b\n",
            "',' between its names, but its header seems to have ';'; save it with commas as .csv.",
        ),
        (
            "a.csv",
            '"row_id";"input"\r\n"1";"a"\r\n',
            "',' between its names, but its header seems to have ';'; save it with commas as .csv.",
        ),
        (
            "a.csv",
            "row_id\tinput\n1\ta\n",
            "',' between its names, but its header seems to have '\\t'; rename it to end in .tsv.",
        ),
        (
            "a.tsv",
            "row_id;input\n1;a\n",
            "'\\t' between its names, but its header seems to have ';'; save it with commas as .csv.",
        ),
    ],
)
def test_another_separator_is_told(tmp_path, name, content, told):
    path = _file(tmp_path, name, content)
    assert _told(read_frame, path) == f"{path} must have {told}"


@pytest.mark.parametrize(
    "content", ['"a;b"\n1\n', "a;b,c\n1,2\n", '"a;b\nc;d",e\n1,2\n', '"a\tb"\n1\n', "a\n1;2\n"]
)
def test_a_name_may_hold_what_separates_elsewhere(tmp_path, content):
    (header, *_) = csv.reader(content.splitlines(keepends=True))
    assert list(read_frame(_file(tmp_path, "a.csv", content))) == header


def test_an_uneven_line_of_a_tsv_is_named(tmp_path):
    path = _file(tmp_path, "a.tsv", "a\tb\n1\t2\t3\n")
    assert _told(read_frame, path) == (
        f"{path} must have as many cells in each line as its header has names, but line 2 does "
        "not (it has 3 cells under 2 names); put cells that hold '\\t', quotes or line ends in "
        "double quotes."
    )


def test_quotes_of_a_tsv_that_was_written_without_quoting_are_letters(tmp_path):
    lines = ["a\tb", '1\t"Hello," she said', "", "2\t", '3\t"', '4\tso "he" "did']
    frame = _frame(tmp_path, "a.tsv", "\r\n".join(lines))
    assert frame["a"].tolist() == [1, 2, 3, 4]
    assert frame["b"].tolist()[0::2] == ['"Hello," she said', '"']
    assert frame["b"].isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize("other", ['"x"', "x\ty", "x\n2"])
def test_a_tsv_whose_quotes_may_be_more_than_letters_is_refused(tmp_path, other):
    path = _file(tmp_path, "a.tsv", f'a\tb\n1\t"Hello," she said\n2\t{other}\n')
    assert "but line 2 does not ('\t' expected after '\"')" in _told(read_frame, path)


def test_a_tsv_that_ends_within_quotes_may_be_cut_short_and_is_refused(tmp_path):
    path = _file(tmp_path, "a.tsv", 'a\tb\n1\t"Hello\n')
    assert "(unexpected end of data)" in _told(read_frame, path)


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_blank_line_of_one_column_is_refused_unless_nothing_follows(tmp_path, kind):
    path = _file(tmp_path, f"a.{kind}", "input\na\n\nb\n")
    assert _told(read_frame, path) == (
        f"{path} must have a cell in each line, but line 3 is blank, and it has one column; write "
        '"" for an empty cell, or take the line out.'
    )
    frame = _frame(tmp_path, f"b.{kind}", 'input\na\n""\nb\n\n')
    assert frame["input"].isna().tolist() == [False, True, False]


def test_a_cell_may_be_longer_than_pythons_own_limit(tmp_path):
    long = "x" * 200_000
    csv.field_size_limit(131_072)
    assert _frame(tmp_path, "a.csv", f"input,n\n{long},1\n")["input"].tolist() == [long]


# CR within quotes is kept; a lone CR without quotes ends a line for Python's reader.
csv_cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@repeatable
@given(st.lists(st.tuples(csv_cells, csv_cells), max_size=5), st.sampled_from([".csv", ".tsv"]))
def test_any_text_comes_back_from_a_table_that_pythons_writer_made(tmp_path_factory, rows, kind):
    path = tmp_path_factory.mktemp("table", numbered=True) / f"a{kind}"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(
            stream, delimiter="," if kind == ".csv" else "\t", quoting=csv.QUOTE_ALL
        )
        writer.writerows([("input", "text"), *rows])
    frame = read_frame(path)
    found = [
        tuple(cell if isinstance(cell, str) else "" for cell in row) for row in frame.to_numpy()
    ]
    assert found == rows


# --- Parquet --------------------------------------------------------------------------------


def test_a_parquet_file_keeps_lists_and_whole_numbers(tmp_path):
    content = _parquet([{"input": "x", "references": ["a", "b"], "n": 3}])
    frame = _frame(tmp_path, "a.parquet", content)
    assert [list(cell) for cell in frame["references"]] == [["a", "b"]]
    assert frame["n"].tolist() == [3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Parquet file size is 0 bytes"),
        (b"PAR1", "Parquet file size is 4 bytes, smaller than the minimum file footer (8 bytes)"),
        (
            b"a,b\n1,2\n",
            "Parquet magic bytes not found in footer. Either the file is corrupted or this is not "
            "a parquet file.",
        ),
    ],
)
def test_a_file_that_is_no_parquet_is_told(tmp_path, content, reason):
    path = _file(tmp_path, "a.parquet", content)
    assert _told(read_frame, path) == (
        f"{path} must be a Parquet file, but it is not ({reason}); write it again."
    )


def test_a_parquet_file_with_a_broken_page_is_told(tmp_path):
    content = bytearray(_parquet(RECORDS))
    content[4:12] = b"\xff" * 8
    path = _file(tmp_path, "a.parquet", bytes(content))
    assert _told(read_frame, path) == (
        f"{path} must be a Parquet file, but it is not (Couldn't deserialize thrift: don't know "
        "what type: Deserializing page header failed.); write it again."
    )


# --- broken and hostile files ---------------------------------------------------------------


def _reader(name):
    return read_lines if ".txt" in name else read_frame


NAMES = ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "a.txt"]


def _content(name):
    return (
        WRITERS[f".{name.split('.')[1]}"](RECORDS * 99) if ".txt" not in name else b"line\n" * 999
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_gzip_file_is_told(tmp_path, name):
    path = _file(tmp_path, f"{name}.gz", _content(name))
    path.write_bytes(path.read_bytes()[:-20])
    assert _told(_reader(name), path) == (
        f"{path} must be a whole gzip file, but it is broken (Compressed file ended before the "
        "end-of-stream marker was reached); fetch or pack it again."
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_only_called_gz_is_told(tmp_path, name):
    path = tmp_path / f"{name}.gz"
    path.write_bytes(b"{}" + _content(name))
    assert _told(_reader(name), path) == (
        f"{path} must be a whole gzip file, but it is broken (Not a gzipped file (b'{{}}')); fetch "
        "or pack it again."
    )


def test_a_gzip_file_with_a_changed_byte_is_told(tmp_path):
    path = _file(tmp_path, "a.txt.gz", "line\n" * 999)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(bytes(content))
    assert _told(read_lines, path).startswith(
        f"{path} must be a whole gzip file, but it is broken (CRC check failed "
    )
    content[12] ^= 0xFF
    path.write_bytes(bytes(content))
    assert _told(read_lines, path).startswith(
        f"{path} must be a whole gzip file, but it is broken (Error -3 while decompressing data"
    )


def test_two_packed_files_one_behind_the_other_are_one_text(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert read_lines(path) == ["one", "two"]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"one\ntwo\n\xe4\n"),
        ("a.jsonl", b'{"a": 1}\n\n{"a": "\xe4"}\n'),
        ("a.json", b'[{"a": 1},\n\n{"a": "\xe4"}]\n'),
        ("a.csv", b"a,b\n1,2\n\xe4,3\n"),
        ("a.tsv", b"a\tb\n1\t2\n\xe4\t3\n"),
    ],
)
def test_a_byte_that_is_no_utf_8_is_named_with_its_line(tmp_path, name, content, packed):
    path = _file(tmp_path, name + packed, content)
    assert _told(_reader(name), path) == (
        f"{path} must be UTF-8 text, but line 3 has the byte 0xe4; save it as UTF-8."
    )


def test_a_text_in_utf_16_is_told(tmp_path):
    path = _file(tmp_path, "a.csv", "a,b\n1,2\n".encode("utf-16"))
    assert _told(read_frame, path) == (
        f"{path} must be UTF-8 text, but line 1 has the byte 0xff; save it as UTF-8."
    )


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_a_line_that_is_too_long_is_refused(tmp_path, monkeypatch, name, packed):
    monkeypatch.setattr(formats, "LIMIT_LINE_BYTES", 1024**2)
    path = _file(tmp_path, name + packed, b"x" * (1024**2 + 1))
    assert _told(_reader(name), path) == (
        f"{path} must hold at most 1 MiB in a line, but line 1 holds more; split it."
    )


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_may_be_as_long_as_the_limit(tmp_path, monkeypatch, end):
    monkeypatch.setattr(formats, "LIMIT_LINE_BYTES", 10)
    line = b"x" * (10 - len(end))
    assert read_lines(_file(tmp_path, "a.txt", line + end)) == [line.decode()]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_too_large_is_refused_even_when_packed_small(
    tmp_path, monkeypatch, name, packed
):
    path = _file(tmp_path, name + packed, _content(name))
    monkeypatch.setattr(formats, "LIMIT_BYTES", len(_content(name)) - 1)
    assert _told(_reader(name), path) == (
        f"{path} must hold at most 0 GiB unpacked, but it holds more; split it."
    )
    monkeypatch.setattr(formats, "LIMIT_BYTES", len(_content(name)))
    assert len(_reader(name)(path)) > 0


def test_a_gzip_bomb_stops_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "LIMIT_BYTES", 1024**2)
    bomb = gzip.compress(gzip.compress(b"\0" * 64 * 1024**2))
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.decompress(bomb))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        told = _told(read_frame, path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024**2
    assert told == (f"{path} must hold at most 0 GiB unpacked, but it holds more; split it.")


@pytest.mark.parametrize("name", [*NAMES, "a.txt.gz"])
def test_a_folder_in_the_place_of_a_file_is_told(tmp_path, name):
    (tmp_path / name).mkdir()
    assert _told(_reader(name), tmp_path / name) == (
        f"{tmp_path / name} must be a readable file, but opening it failed (Is a directory); "
        "check the path."
    )


@pytest.mark.parametrize("name", [*NAMES, "a.txt.gz"])
def test_a_missing_file_is_told(tmp_path, name):
    assert _told(_reader(name), tmp_path / name) == (
        f"{tmp_path / name} must be a readable file, but there is no such file; check the path."
    )


def test_a_missing_file_is_told_with_the_nearest_in_its_folder(tmp_path):
    for name in ["mine.csv", "notes.md", "outputs.jsonl"]:
        _file(tmp_path, name, "input\n")
    assert _told(read_frame, tmp_path / "Mien.csv") == (
        f"{tmp_path}/Mien.csv must be a readable file, but there is no such file; did you mean "
        f"'{tmp_path}/mine.csv'?"
    )


def test_a_file_in_a_missing_folder_is_told(tmp_path):
    assert _told(read_frame, tmp_path / "none" / "mine.csv") == (
        f"{tmp_path}/none/mine.csv must be a readable file, but there is no such file; check the path."
    )


def test_a_link_to_nowhere_is_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "mine.csv").symlink_to(tmp_path / "gone.csv")
    assert _told(read_frame, tmp_path / "mine.csv") == (
        f"{tmp_path}/mine.csv must be a readable file, but opening it failed (No such file or "
        "directory); check the path."
    )


_READS_AS_NOBODY = """
import os, pathlib, sys
import pandas, pyarrow.parquet
from workbench import data, errors, formats
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    readers = [formats.read_lines if ".txt" in name else formats.read_frame, data.read]
    for read in readers:
        try:
            read(path)
            print("read")
        except errors.Unreadable as error:
            print(error)
"""


def test_a_file_without_permission_is_told(tmp_path, root):
    paths = [_file(tmp_path, name, _content(name)) for name in [*NAMES, "a.txt.gz"]]
    locked = tmp_path / "locked"
    locked.mkdir()
    inside = _file(locked, "b.csv", "input\nx\n")
    for path in [*paths, locked]:
        path.chmod(0)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _READS_AS_NOBODY, *map(str, [*paths, inside])],
            capture_output=True,
            text=True,
            check=False,
            cwd=root,
        )
    finally:
        locked.chmod(0o700)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"{path} must be a readable file, but opening it failed (Permission denied); check the path."
        for path in [*paths, inside]
        for _ in range(2)
    ]


def test_a_parquet_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"input": [f"{n} " + "a" * 1000 for n in range(1000)]}).to_parquet(path)
    monkeypatch.setattr(formats, "LIMIT_BYTES", path.stat().st_size + 10_000)
    with pytest.raises(BadValue, match="must hold at most"):
        formats.read_frame(path)
