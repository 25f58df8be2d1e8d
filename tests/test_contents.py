"""What a dataset holds: its digest, and what changed between versions."""

import hashlib
import json
import random
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.contents import diff, digest, records
from workbench.tables import each_row, is_missing

repeatable = settings(deadline=None, derandomize=True)

# --- digest ---------------------------------------------------------------------------------


def test_the_digest_of_a_known_dataset_is_known():
    # computed here by hand from the rule: sorted JSON lines of the cells that hold something
    rows = wb.read([{"row_id": "b", "input": "ä"}, {"row_id": "a", "input": "x", "n": 1.0}])
    lines = ['{"input": "\\u00e4", "row_id": "b"}', '{"input": "x", "n": 1, "row_id": "a"}']
    assert digest(rows) == hashlib.sha256("\n".join(lines).encode()).hexdigest()


cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(-9, 9),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.lists(st.integers(-9, 9) | st.text("ab", max_size=2), max_size=3),
)


@st.composite
def datasets(draw):
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True))
    made = [
        {
            "row_id": name,
            "input": draw(st.text("xyz", max_size=3)),
            "s": draw(cells),
            "t": draw(cells),
        }
        for name in names
    ]
    return pd.DataFrame(made, dtype=object)


def _naive_digest(frame):
    lines = []
    for row in frame.to_dict("records"):
        kept = {}
        for name, cell in row.items():
            if cell is not None:
                whole = isinstance(cell, float) and cell == int(cell)
                kept[name] = int(cell) if whole else cell
        lines.append(json.dumps(kept, sort_keys=True))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


@repeatable
@given(datasets(), st.randoms(use_true_random=False))
def test_a_digest_is_the_same_for_any_order_of_rows_and_columns(frame, chance):
    columns = list(frame.columns)
    chance.shuffle(columns)
    other = frame.sample(frac=1, random_state=chance.randrange(99))[columns]
    assert digest(frame) == digest(other) == _naive_digest(frame)


@repeatable
@given(datasets(), st.data())
def test_a_digest_is_changed_by_one_cell(frame, data):
    row = data.draw(st.integers(0, len(frame) - 1))
    column = data.draw(st.sampled_from(["input", "s", "t"]))
    other = frame.copy()
    other.iat[row, frame.columns.get_loc(column)] = "something else"
    assert digest(other) != digest(frame)


def test_a_missing_cell_and_no_column_have_one_digest():
    rows = [{"row_id": "1", "input": "a"}, {"row_id": "2", "input": "b"}]
    assert digest(pd.DataFrame(rows)) == digest(pd.DataFrame(rows).assign(topic=None))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        ([1.0], [1], True),
        ({"a": 1, "b": None}, {"a": 1}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ((1, 2), [1, 2], True),
        (np.array([1, 2]), [1, 2], True),
        ([float("nan")], [None], True),
        (1, True, False),
        (1, "1", False),
        ([1, 2], [2, 1], False),
        ([None, 1], [1], False),
        ("", None, False),
        ([], None, False),
        (1, 1.5, False),
    ],
)
def test_what_counts_as_the_same_content(one, other, same):
    frames = [
        pd.DataFrame({"row_id": ["1"], "input": ["x"]}).assign(s=pd.Series([cell], dtype=object))
        for cell in (one, other)
    ]
    assert (digest(frames[0]) == digest(frames[1])) is same
    assert (records(frames[0]) == records(frames[1])) is (same or other is True)


def test_two_rows_do_not_have_the_digest_of_one_that_holds_both():
    one = pd.DataFrame({"row_id": ["1"], "input": ['a"}\n{"input": "b']})
    two = pd.DataFrame({"row_id": ["1", "2"], "input": ["a", "b"]})
    assert digest(one) != digest(two)


def test_records_are_plain_json_whatever_the_frame_holds():
    frame = pd.DataFrame(
        {
            "row_id": ["1"],
            "input": [[{"role": "user", "content": "x", "name": None}]],
            "references": [np.array(["a", "b"], dtype=object)],
            "when": [pd.Timestamp("2026-01-02")],
            "n": pd.array([3], dtype="Int64"),
            "share": np.array([0.5], dtype="float32"),
            "gap": [pd.NA],
        }
    )
    found = records(frame)
    assert found == {
        "1": {
            "row_id": "1",
            "input": [{"role": "user", "content": "x"}],
            "references": ["a", "b"],
            "when": "2026-01-02 00:00:00",
            "n": 3,
            "share": 0.5,
        }
    }
    assert json.loads(json.dumps(found)) == found


@pytest.mark.shared
def test_the_digest_of_a_published_test_set_does_not_depend_on_its_order(shared):
    folder = shared / "mt" / "wmt23.en-de"
    rows = wb.read(folder / "source.txt.gz", references=[folder / "refA.txt.gz"])
    order = list(range(len(rows)))
    random.Random(0).shuffle(order)
    assert len(rows) == 557
    assert digest(rows) == digest(rows.iloc[order])
    changed = rows.copy()
    changed.at[500, "input"] += " "
    assert digest(changed) != digest(rows)


# --- versions -------------------------------------------------------------------------------

few_cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.5, 1.0, "", "a", "1"]),
    st.lists(st.sampled_from(["a", "b", 1, None]), max_size=2),
)


@st.composite
def versions(draw):
    names = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True))
    columns = draw(st.sets(st.sampled_from(["s", "t"])))
    made = [
        {
            **{"row_id": name, "input": draw(st.sampled_from(["x", "y"]))},
            **{column: draw(few_cells) for column in sorted(columns)},
        }
        for name in names
    ]
    return wb.read(pd.DataFrame(made, dtype=object))


def _cells(change):
    return [tuple(json.dumps(cell) for cell in line) for line in change.cells.to_numpy().tolist()]


@repeatable
@given(versions())
def test_a_dataset_does_not_differ_from_itself(rows):
    for other in (rows, rows.copy(), rows[::-1], rows[rows.columns[::-1]]):
        change = diff(rows, other)
        assert (change.added, change.removed, change.changed) == ((), (), ())
        assert (len(change.cells), change.n_same) == (0, len(rows))


@repeatable
@given(versions(), versions())
def test_what_one_way_adds_the_other_way_removes(old, new):
    there, back = diff(old, new), diff(new, old)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert sorted(_cells(there)) == sorted((row, c, new, old) for row, c, old, new in _cells(back))
    assert sorted(there.changed) == sorted(back.changed)
    assert there.n_same == back.n_same


@repeatable
@given(versions(), versions())
def test_nothing_differs_exactly_when_the_digests_are_equal(old, new):
    change = diff(old, new)
    same = not (change.added or change.removed or len(change.cells))
    assert same == (digest(old) == digest(new))


@repeatable
@given(versions(), versions())
def test_a_difference_is_that_of_a_plain_comparison(old, new):
    def table(frame):
        found = {}
        for row in each_row(frame):
            for column, cell in row.items():
                cell = None if is_missing(cell) else cell
                whole = isinstance(cell, float) and cell.is_integer()
                found[row["row_id"], column] = json.dumps(int(cell) if whole else cell)
        return found

    before, after = table(old), table(new)
    shared = set(old["row_id"]) & set(new["row_id"])
    expected = {
        (
            json.dumps(row),
            json.dumps(column),
            before.get((row, column), "null"),
            after.get((row, column), "null"),
        )
        for row, column in [*before, *after]
        if row in shared and before.get((row, column), "null") != after.get((row, column), "null")
    }
    change = diff(old, new)
    assert set(_cells(change)) == expected
    assert len(change.cells) == len(expected)
    assert set(change.added) == set(new["row_id"]) - shared
    assert set(change.removed) == set(old["row_id"]) - shared
    assert change.n_same == len(shared) - len({row for row, *_ in expected})


@pytest.fixture
def change():
    old = [
        {"row_id": "1", "input": "a", "n": 1, "topic": "x"},
        {"row_id": "2", "input": "b", "n": 2},
        {"row_id": "3", "input": "c", "n": 3},
    ]
    new = [
        {"row_id": "4", "input": "d", "n": 4},
        {"row_id": "2", "input": "b", "n": 2},
        {"row_id": "1", "input": "A<b>", "n": None, "references": ["r"]},
    ]
    return diff(wb.read(old), wb.read(new))


def test_a_difference_names_rows_and_cells(change):
    assert (change.added, change.removed, change.changed) == (("4",), ("3",), ("1",))
    assert change.n_same == 1
    assert sorted(change.cells.to_numpy().tolist(), key=str) == [
        ["1", "input", "a", "A<b>"],
        ["1", "n", 1, None],
        ["1", "references", None, ["r"]],
        ["1", "topic", "x", None],
    ]


def test_rows_without_references_are_the_same_however_that_is_written():
    ways = [{}, {"references": None}, {"references": []}, {"reference_1": None}]
    assert len({digest(wb.read([{"input": "b", **way}])) for way in ways}) == 1


def test_a_difference_shows_itself(change):
    assert repr(change) == "1 row added, 1 removed, 1 changed (4 cells), 1 the same"
    html = change._repr_html_()
    shown = re.sub("<[^>]+>", "|", html)
    assert "|4||row||–||added|" in shown
    assert "|3||row||removed||–|" in shown
    assert "|1||topic||x||–|" in shown
    assert "|1||input||a||A&lt;b&gt;|" in shown
    assert html == change._repr_html_()


def test_a_whole_number_beside_a_missing_cell_stays_whole():
    change = diff(wb.read([{"input": "a", "n": 1}]), wb.read([{"input": "a", "n": None}]))
    (line,) = change.cells.to_dict("records")
    assert line == {"row_id": "1", "column": "n", "old": 1, "new": None}
    assert type(line["old"]) is int


def test_true_is_not_one():
    change = diff(wb.read([{"input": "a", "ok": True}]), wb.read([{"input": "a", "ok": 1}]))
    assert change.cells.to_numpy().tolist() == [["1", "ok", True, 1]]


@pytest.mark.shared
def test_two_versions_of_a_published_test_set_differ_where_a_reference_was_mended(shared):
    place = shared / "mt" / "wmt23.he-en"
    old = wb.read(place / "source.txt.gz", references=[place / "refA.txt.gz"])
    new = wb.read(place / "source.txt.gz", references=[place / "refB.txt.gz"])
    change = diff(old, new)
    naive = sum(a != b for a, b in zip(old["references"], new["references"], strict=True))
    assert len(change.cells) == naive > 0
    assert change.n_same == 1910 - naive
    assert set(change.cells["column"]) == {"references"}
