"""Documents: broken files give what stands before the break, and tell of the rest."""

import gzip
import json
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, Unreadable
from workbench.trajectories.sources.documents import Document, Fields, Limits, nanoseconds

repeatable = settings(deadline=None, derandomize=True, max_examples=60)
NAMES = st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def document(data, **limits):
    return Document(Path("memory"), "memory", Limits(**limits), data=data)


def parsed(data, **limits):
    """The value and the checks of the notices."""
    found = document(data, **limits)
    return found.json(), [notice.check for notice in found.notices]


@repeatable
@given(VALUES)
def test_whole_json_is_read_as_python_reads_it(value):
    text = json.dumps(value)
    assert parsed(text.encode()) == (json.loads(text), [])


@repeatable
@given(VALUES, st.integers(0, 200))
def test_a_value_cut_anywhere_is_read_up_to_the_cut(value, at):
    text = json.dumps([value, 1], ensure_ascii=False)
    found, checks = parsed(text[: at % len(text)].encode())
    assert found is None or isinstance(found, list)
    assert checks == ["unreadable"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('[1, 2, {"a": 3, "b', [1, 2, {"a": 3}]),
        ('[1, 2, {"a": 3, "b":', [1, 2, {"a": 3}]),
        ('{"a": [1, "x', {"a": [1]}),
        ('{"a": tru', {}),
        ('{"a": 1} trailing', {"a": 1}),
        ("[1, 2 3]", [1, 2]),
        ('[{"a": 1}}', [{"a": 1}]),
        ("", None),
        ("x", None),
    ],
)
def test_what_stands_before_a_break_is_kept(text, value):
    found, checks = parsed(text.encode())
    assert (found, checks) == (value, ["unreadable"])


def test_a_break_is_told_with_its_place_and_size():
    found = document(b'{"a": 1, "b": \xc3\xa9')
    found.json()
    assert found.notices[0].reason == (
        "9 bytes from character 7 on cannot be read (Expecting value)"
    )
    assert found.notices[0].severity == "error"


def test_numbers_that_are_none_are_read():
    value, checks = parsed(b"[NaN, Infinity, -Infinity]")
    assert value[0] != value[0]
    assert value[1:] == [float("inf"), float("-inf")]
    assert checks == []


def test_a_number_of_many_digits_stays_a_text():
    digits = "9" * 5000
    assert parsed(f"[{digits}]".encode()) == ([digits], [])


def test_of_a_doubled_key_the_last_value_counts_and_the_others_are_told():
    found = document(b'{"a": 1, "b": 2, "a": [3], "a": 4}')
    assert found.json() == {"b": 2, "a": 4}
    assert [notice.reason for notice in found.notices] == [
        "the key 'a' comes twice; before: 1",
        "the key 'a' comes twice; before: [3]",
    ]


def test_what_is_read_twice_is_told_once():
    assert parsed(b'[{"a": 1, "a": 2}, "x\ny", {"b"')[1] == [
        "control_character", "unreadable", "duplicate_key",
    ]  # fmt: skip


def test_halves_of_characters_become_marks():
    found = document(rb'["\ud800a", "\udc00", "\ud83d\ude00"]')
    assert found.json() == [
        "\N{REPLACEMENT CHARACTER}a",
        "\N{REPLACEMENT CHARACTER}",
        "\N{GRINNING FACE}",
    ]
    assert [notice.reason for notice in found.notices] == ["2 texts hold halves of characters"]


def test_line_ends_inside_texts_are_read():
    assert parsed(b'["a\nb\x00", 1]') == (["a\nb\x00", 1], ["control_character"])


def test_bytes_that_are_no_utf_8_become_marks():
    assert parsed(b'["\xff", 1]') == (["\N{REPLACEMENT CHARACTER}", 1], ["encoding"])


def test_a_byte_order_mark_is_no_content():
    assert parsed(b"\xef\xbb\xbf[1]") == ([1], [])


@pytest.mark.parametrize("depth", [250, 600, 5_000, 100_000])
def test_what_is_too_deep_is_left_out_and_told(depth):
    found, checks = parsed(b"[" * depth + rb'"\ud800"' + b"]" * depth)
    levels = 0
    while isinstance(found, list) and found:
        found, levels = found[0], levels + 1
    assert levels <= 201
    assert checks in (["too_deep"], ["unreadable"])


@pytest.mark.parametrize(
    "data",
    [
        b'{"' + b'\\"' * 100_000,
        b'{"' + b'\\"' * 100_000 + b'\\x": 1}',
        b'{"a": "' + b'\\"' * 100_000 + b"\\x",
        b"[" * 500_000,
        b"[]" * 500_000,
        b'[{"a":' * 100_000,
        b"[1, " + b"x " * 500_000,
        b"9" * 500_000,
    ],
    ids=range(8),
)
def test_hostile_texts_are_read_in_linear_time(data):
    start = time.process_time()
    parsed(data)
    assert time.process_time() - start < 5


def test_json_lines_are_values_with_their_lines():
    found = document(b'{"a": 1}\n\n{"a": 2}\n  \n{"a": 3}')
    assert list(found.values()) == [("L1", {"a": 1}), ("L3", {"a": 2}), ("L5", {"a": 3})]
    assert found.first == {"a": 1}


def test_lines_know_where_their_first_byte_stands():
    data = b'{"a": 1}\n\n{"b": 2}\r\n{"c": 3}'
    lines = list(document(data).lines())
    assert [line.number for line in lines] == [1, 3, 4]
    for line in lines:
        assert data[line.offset :].startswith(line.data)


def test_a_broken_line_costs_no_other():
    found = document(b'{"a": 1}\n{"a": \n{"a": 3}')
    assert list(found.values()) == [("L1", {"a": 1}), ("L2", {}), ("L3", {"a": 3})]
    assert [(notice.check, notice.place) for notice in found.notices] == [("unreadable", "L2")]


def test_a_broken_first_line_hides_no_format():
    found = document(b'{"a": "x\n{"a": 2}\n{"a": 3}')
    assert found.first == {"a": 2}
    assert len(list(found.values())) == 3


@pytest.mark.parametrize(
    "data",
    [b'[\n{"a": 1},\n{"b": 2}\n]', b'[\n{"a": 1}\n]', b'[{"a": 1},\n{"b": 2}]', b'{\n"a": 1\n}'],
)
def test_one_value_over_several_lines_is_no_json_lines(data):
    assert list(document(data).values()) == [("", json.loads(data))]


def test_lines_longer_than_what_is_looked_at_are_lines():
    line = json.dumps({"a": "x" * 2**21}).encode()
    found = document(line + b"\n" + line)
    assert [place for place, _ in found.values()] == ["L1", "L2"]
    assert found.notices == []
    assert found.first.keys() == {"a"} or found.first == {}
    assert [place for place, _ in document(line + b"\n").values()] == [""]


def test_gzipped_files_are_unpacked(tmp_path):
    path = tmp_path / "log.json.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}'))
    found = Document(path, path.name)
    assert (found.json(), found.is_gzip) == ({"a": 1}, True)


def test_a_gzip_file_cut_short_gives_what_could_be_unpacked():
    rows = b"".join(
        json.dumps({"n": n, "x": hash(str(n)) % 10**9}).encode() + b"\n" for n in range(20_000)
    )
    packed = gzip.compress(rows, mtime=0)
    found = document(packed[: len(packed) // 2])
    values = list(found.values())
    assert 1_000 < len(values) < 20_000
    assert [value.get("n") for _, value in values[:-1]] == list(range(len(values) - 1))
    assert "unreadable" in {notice.check for notice in found.notices}


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused():
    packed = gzip.compress(b"[" + b" " * 10**6 + b"]")
    with pytest.raises(BadValue) as caught:
        document(packed, file_bytes=10**5).json()
    assert str(caught.value) == (
        "a file of trajectories must hold at most 100,000 bytes unpacked, but memory holds more; "
        "split it, or pass larger limits."
    )


def test_a_zip_file_is_known_by_its_entries(tmp_path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", "{}")
    assert Document(path, path.name).first == {"zip": ["header.json"]}
    path.write_bytes(path.read_bytes()[:10])
    assert Document(path, path.name).first == {"zip": []}


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unreadable) as caught:
        Document(tmp_path / "gone.json", "gone.json").json()
    assert str(caught.value) == (
        "a file of trajectories must be readable, but gone.json is not (No such file or directory); "
        "check the path and its permissions."
    )


def test_objects_are_found_in_lists_and_lines_and_all_else_is_told():
    found = document(b'[{"a": 1}, 7, null, {"b": 2}]')
    assert list(found.objects("a run")) == [("/0", {"a": 1}), ("/3", {"b": 2})]
    assert [(each.place, each.reason) for each in found.notices] == [
        ("/1", "a run must be an object: 7")
    ]
    lines = document(b'{"a": 1}\n[{"b": 2}]')
    assert [place for place, _ in lines.objects()] == ["L1", "L2/0"]


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.5+01:00", 500_000_000),
        ("1970-01-01 00:00:01", 1_000_000_000),
        ("2026-03-02T10:00:00.123456Z", 1_772_445_600_123_456_000),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("soon", None),
        ("", None),
        (1_772_445_600, None),
        (None, None),
        ([], None),
    ],
)
def test_times_are_nanoseconds_since_1970(text, ns):
    assert nanoseconds(text) == ns


@repeatable
@given(st.dictionaries(st.sampled_from("abcd"), VALUES))
def test_what_is_not_taken_stays(value):
    fields = Fields(value)
    taken = {
        "a": fields.text("a"), "b": fields.count("b"), "c": fields.number("c"), "d": fields.items("d"),
    }  # fmt: skip
    rest = fields.rest()
    for name, each in value.items():
        # a whole number may be written as a text, an empty list is as good as none
        kept = rest[name] if name in rest else taken[name]
        assert kept == each or str(kept) == str(each) or float(kept) == float(each)


@pytest.mark.parametrize(
    ("value", "count"),
    [(7, 7), ("7", 7), (7.0, 7), (2**63 - 1, 2**63 - 1), (2**63, None), (-1, None), (True, None),
     (7.5, None), ("7.5", None), ("٧", None), ("", None), (None, None), ([], None), (1e300, None)],
)  # fmt: skip
def test_a_count_is_a_whole_number_that_a_column_holds(value, count):
    fields = Fields({"n": value})
    assert fields.count("n") == count
    assert ("n" in fields) == (count is None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "1", None, {}])
def test_what_is_no_finite_number_is_no_number(value):
    assert Fields({"x": value}).number("x") is None


def test_members_of_members_are_taken_and_the_rest_of_them_stays():
    fields = Fields({"usage": {"a": 1, "b": 2}, "other": {}, "flat": 3})
    assert fields.inner("usage").count("a") == 1
    assert fields.inner("usage").count("a") is None
    assert fields.inner("flat").rest() == {}
    assert fields.rest() == {"usage": {"b": 2}, "other": {}, "flat": 3}


def test_what_is_no_object_stays_under_value():
    assert Fields([1]).rest() == {"value": [1]}
    assert Fields(None).rest() == {}
