"""The seven tables: their columns, kinds, keys and rules, and what is said when one is broken."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import tables
from workbench.errors import BadValue
from workbench.tables import (
    FINDINGS,
    OUTPUTS,
    RATINGS,
    ROWS,
    RUNS,
    SCORES,
    STEPS,
    TABLES,
    each_row,
    is_missing,
)

repeatable = settings(deadline=None, derandomize=True)

# The bold columns of the plan's table of tables.
REQUIRED = {
    "ROWS": ["row_id", "input"],
    "OUTPUTS": ["output_id", "row_id", "system", "text"],
    "SCORES": ["output_id", "row_id", "system", "metric", "value", "signature"],
    "RATINGS": ["item_id", "rater", "question", "value"],
    "RUNS": ["run_id"],
    "STEPS": ["run_id", "step", "kind"],
    "FINDINGS": ["check", "subject", "severity"],
}
OPTIONAL = {
    "ROWS": ["references", "cluster"],
    "OUTPUTS": [
        *("model", "prompt", "repeat", "input_tokens", "cached_tokens", "output_tokens"),
        *("latency_s", "cost_usd", "finish_reason", "error", "run_id"),
    ],
    "SCORES": ["repeat"],
    "RATINGS": [
        *("rating_id", "session", "row_id", "output_ids", "system", "system_a", "system_b"),
        *("side", "run_id", "step", "started_at", "duration_s"),
    ],
    "RUNS": [
        *("format", "task_id", "trial", "output_id", "agent", "agent_version", "model", "status"),
        *("outcome", "n_steps", "input_tokens", "cached_tokens", "output_tokens", "cost_usd"),
        *("cost_source", "start_ns", "end_ns", "source"),
    ],
    "STEPS": [
        *("parent", "call_step", "agent", "model", "tool", "status", "error_type", "start_ns"),
        *("end_ns", "input_tokens", "cached_tokens", "cache_written_tokens", "output_tokens"),
        *("reasoning_tokens", "cost_usd", "uncounted", "source"),
    ],
    "FINDINGS": ["value", "ci_low", "ci_high", "limit", "evidence", "n"],
}

GOOD = {
    "key": "a",
    "text": "some text",
    "texts": ["one", "two"],
    "number": 0.5,
    "count": 3,
    "any": "x",
}
MUST = {
    "key": "text or a whole number",
    "text": "text",
    "texts": "text or a list of text",
    "number": "a finite number",
    "count": "a whole number, not negative",
}
WRONG = {
    "key": [
        1.5,
        True,
        ["a"],
        {"a": 1},
        b"a",
        float("inf"),
        2.0**60,
        "\ud800",
        datetime.date(2026, 1, 2),
    ],
    "text": [1, 1.5, True, ["a"], {"a": 1}, b"a", "half \udc00"],
    "texts": [1, 1.5, True, {"a": "b"}, [1], ["a", ["b"]], b"ab", {"a"}, "\ud800", ["a", "\ud800"]],
    "number": ["1.5", "", float("inf"), -float("inf"), ["1"], 1j, 10**400],
    "count": [-1, 1.5, True, "1", [1], float("inf"), 2**63],
}


def _frame(table, n=2, /, **cells):
    """Make the smallest right frame of a table, with some columns replaced."""
    made = {
        c.name: [f"{c.name}-{at}" if c.kind == "key" else GOOD[c.kind] for at in range(n)]
        for c in table.columns
        if c.required
    }
    if table.name == "STEPS":
        made["step"] = list(range(n))
    return pd.DataFrame({**made, **{k: pd.Series(v, dtype=object) for k, v in cells.items()}})


def _cases(values):
    return [
        pytest.param(table, column, value, id=f"{table.name}.{column.name}-{value!r:.20}")
        for table in TABLES
        for column in table.columns
        for value in values.get(column.kind, [])
        if value is not None
    ]


# --- columns --------------------------------------------------------------------------------


def test_there_are_seven_tables_with_the_columns_of_the_plan():
    assert [table.name for table in TABLES] == list(REQUIRED)
    for table in TABLES:
        names = {True: [], False: []}
        for column in table.columns:
            names[column.required].append(column.name)
        assert names == {True: REQUIRED[table.name], False: OPTIONAL[table.name]}, table.name
        assert all(column.meaning and column.kind in GOOD for column in table.columns)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_required_columns_are_enough(table):
    frame = _frame(table)
    checked = table.check(frame, source="x")
    assert list(checked.columns) == REQUIRED[table.name]
    assert len(checked) == 2


@pytest.mark.parametrize(
    ("table", "missing"), [(t, name) for t in TABLES for name in REQUIRED[t.name]]
)
def test_a_missing_column_is_named_beside_those_that_came(table, missing):
    frame = _frame(table).drop(columns=missing)
    came = ", ".join(repr(name) for name in REQUIRED[table.name] if name != missing) or "none"
    with pytest.raises(BadValue) as caught:
        table.check(frame, source="file.csv")
    assert str(caught.value) == (
        f"{table.name} (file.csv) must have the columns {missing!r}, but only {came} came; "
        f"{table.advice}."
    )


def test_many_columns_that_came_are_counted():
    frame = pd.DataFrame({name: ["x"] for name in "abcdefghijkl"})
    with pytest.raises(BadValue) as caught:
        ROWS.check(frame, source="x")
    assert str(caught.value) == (
        "ROWS (x) must have the columns 'row_id', 'input', but only 'a', 'b', 'c', 'd', 'e', 'f', "
        "'g', 'h', 'i' and 3 more came; add them, or say which they are (columns={'YOURS': 'input'}, or "
        "--columns YOURS=input in a shell)."
    )


def test_a_column_that_came_twice_is_refused():
    frame = pd.DataFrame([["1", "a", "x", "y"]], columns=["row_id", "input", "topic", "topic"])
    with pytest.raises(BadValue) as caught:
        ROWS.check(frame, source="x")
    assert str(caught.value) == (
        "ROWS (x) must have each column once, but 'topic' came twice; rename one of them."
    )


def test_other_columns_and_their_order_are_kept():
    frame = pd.DataFrame({"topic": [{"a": 1}], "input": ["x"], 7: [None], "row_id": [1]})
    checked = ROWS.check(frame, source="x")
    assert list(checked.columns) == ["topic", "input", 7, "row_id"]
    assert checked.loc[0, "topic"] == {"a": 1}


def test_a_check_leaves_the_frame_that_came_as_it_was():
    frame = pd.DataFrame({"row_id": [2, 1], "input": ["a", "b"]}, index=[7, 7])
    before = frame.copy()
    checked = ROWS.check(frame, source="x")
    pd.testing.assert_frame_equal(frame, before)
    assert checked.index.tolist() == [0, 1]
    assert checked["row_id"].tolist() == ["2", "1"]


# --- cells ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "column", "value"), _cases(WRONG))
def test_a_cell_of_the_wrong_kind_is_named_with_its_place(table, column, value):
    good = [0, 1] if column.kind == "count" else [GOOD[column.kind]] * 2
    with pytest.raises(BadValue) as caught:
        table.check(_frame(table, 3, **{column.name: [good[0], value, good[1]]}), source="file.csv")
    assert str(caught.value) == (
        f"{column.name} in {table.name} (file.csv) must be {MUST[column.kind]}, but "
        f"{str(value)[:60]!r} came in row 2; correct that cell."
    )


@pytest.mark.parametrize(("table", "name"), [(t, n) for t in TABLES for n in REQUIRED[t.name]])
@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT])
def test_only_a_required_key_must_not_be_missing(table, name, nothing):
    column = next(c for c in table.columns if c.name == name)
    good = _frame(table)[name].tolist()
    frame = _frame(table, **{name: [good[0], nothing]})
    if column.kind != "key":
        assert is_missing(table.check(frame, source="x")[name].iloc[1])
        return
    with pytest.raises(BadValue) as caught:
        table.check(frame, source="x")
    assert str(caught.value) == (
        f"{name} in {table.name} (x) must be text or a whole number, but nothing came in row 2; "
        "correct that cell."
    )


@pytest.mark.parametrize(
    ("table", "name"), [(t, n) for t in TABLES for n in OPTIONAL[t.name] if n != "system_a"]
)
def test_an_optional_cell_may_be_missing(table, name):
    column = next(c for c in table.columns if c.name == name)
    frame = _frame(table, **{name: [GOOD[column.kind], None]})
    cells = table.check(frame, source="x")[name].tolist()
    assert cells[0] == GOOD[column.kind]
    assert cells[1] == [] if column.kind == "texts" else is_missing(cells[1])


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("key", "str"),
        ("text", "str"),
        ("texts", "object"),
        ("number", "float64"),
        ("count", "Int64"),
    ],
)
def test_a_column_has_the_type_of_its_kind_even_without_rows(kind, dtype):
    for table in TABLES:
        for column in table.columns:
            if column.kind == kind:
                cells = [GOOD[kind]] if column.name != "system_a" else [None]
                for frame in (_frame(table, 1, **{column.name: cells}), _frame(table)[:0]):
                    checked = table.check(frame, source="x")
                    if column.name in checked:
                        assert str(checked[column.name].dtype) == dtype, (table.name, column.name)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("007", "007"),
        ("", ""),
        (" a ", " a "),
        (7, "7"),
        (-7, "-7"),
        (7.0, "7"),
        (2.0**53, "9007199254740992"),
        (10**30, "1" + "0" * 30),
        (np.int8(7), "7"),
        (np.float64(7.0), "7"),
        ("日本", "日本"),
        ("😀", "😀"),
    ],
)
def test_a_key_is_text_and_a_spreadsheets_float_of_an_integer_is_that_integer(value, key):
    assert ROWS.check(_frame(ROWS, 1, row_id=[value]), source="x")["row_id"].tolist() == [key]


def test_whole_numbers_beside_a_gap_are_the_same_keys_as_without_it():
    frame = pd.DataFrame({"row_id": ["a", "b"], "input": ["x", "y"], "cluster": [12, None]})
    assert frame["cluster"].dtype == "float64"
    assert ROWS.check(frame, source="x")["cluster"].iloc[0] == "12"


def test_identifiers_that_a_float_has_rounded_are_refused_not_merged():
    frame = pd.DataFrame({"row_id": [1, 2], "input": ["x", "y"], "cluster": [2**60 + 1, None]})
    with pytest.raises(BadValue) as caught:
        ROWS.check(frame, source="x")
    assert str(caught.value) == (
        "cluster in ROWS (x) must be text or a whole number, but '1.152921504606847e+18' came in "
        "row 1; correct that cell."
    )


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("one", ["one"]),
        ("", [""]),
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        (np.array(["a", None], dtype=object), ["a"]),
        (["a", None, float("nan"), pd.NA, ""], ["a", ""]),
        ([], []),
        (None, []),
    ],
)
def test_references_are_a_list_of_texts_without_gaps(value, texts):
    frame = pd.DataFrame({"row_id": ["1"], "input": ["x"]}).assign(
        references=pd.Series([value], dtype=object)
    )
    assert ROWS.check(frame, source="x")["references"].tolist() == [texts]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        (decimal.Decimal("0.5"), 0.5),
        (-1e300, -1e300),
    ],
)
def test_a_number_becomes_a_float(value, number):
    frame = _frame(FINDINGS, 1, value=[value])
    assert FINDINGS.check(frame, source="x")["value"].tolist() == [number]


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (5.0, 5), (np.int64(5), 5), (2**63 - 1, 2**63 - 1)]
)
def test_a_count_becomes_a_whole_number(value, count):
    frame = _frame(FINDINGS, 1, n=[value])
    assert FINDINGS.check(frame, source="x")["n"].tolist() == [count]


def test_a_hostile_cell_is_quoted_short_and_without_commands():
    with pytest.raises(BadValue) as caught:
        SCORES.check(_frame(SCORES, 1, value=["\x1b[31m" + "x" * 100]), source="x")
    assert str(caught.value) == (
        "value in SCORES (x) must be a finite number, but '\\x1b[31m"
        + "x" * 55
        + "' came in row 1; "
        "correct that cell."
    )


# --- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "key", "frame", "first"),
    [
        (ROWS, "row_id", _frame(ROWS, 3, row_id=["a", "b", "a"]), {"row_id": "a"}),
        (ROWS, "row_id", _frame(ROWS, 3, row_id=["1", 2, 1.0]), {"row_id": "1"}),
        (OUTPUTS, "output_id", _frame(OUTPUTS, 3, output_id=[*"aba"]), {"output_id": "a"}),
        (
            OUTPUTS,
            "row_id × system × repeat",
            _frame(OUTPUTS, 3, row_id=[*"aba"], system=["s"] * 3, repeat=[0, 0, 0]),
            {"row_id": "a", "system": "s", "repeat": 0},
        ),
        (
            OUTPUTS,
            "row_id × system × repeat",
            _frame(OUTPUTS, 3, row_id=[*"aba"], system=["s"] * 3, repeat=[None] * 3),
            {"row_id": "a", "system": "s", "repeat": None},
        ),
        (
            SCORES,
            "output_id × metric",
            _frame(SCORES, 3, output_id=[*"aba"], metric=["m"] * 3),
            {"output_id": "a", "metric": "m"},
        ),
        (RATINGS, "rating_id", _frame(RATINGS, 3, rating_id=[*"aba"]), {"rating_id": "a"}),
        (RUNS, "run_id", _frame(RUNS, 3, run_id=[*"aba"]), {"run_id": "a"}),
        (
            STEPS,
            "run_id × step",
            _frame(STEPS, 3, run_id=[*"aba"], step=[4, 4, 4]),
            {"run_id": "a", "step": 4},
        ),
    ],
)
def test_a_key_that_comes_twice_is_named_with_its_place(table, key, frame, first):
    with pytest.raises(BadValue) as caught:
        table.check(frame, source="x")
    assert str(caught.value) == (
        f"{table.name} (x) must have one row per {key}, but {first} comes again in row 3 "
        "(1 such rows); remove the copies or name them apart."
    )


def test_parts_of_a_key_may_come_twice():
    OUTPUTS.check(
        _frame(OUTPUTS, 3, row_id=[*"aab"], system=[*"sts"], repeat=[0, 0, 0]), source="x"
    )
    OUTPUTS.check(_frame(OUTPUTS, 3, row_id=[*"aaa"], system=[*"sss"]), source="x")
    SCORES.check(_frame(SCORES, 3, output_id=[*"aab"], metric=[*"mnm"]), source="x")
    FINDINGS.check(_frame(FINDINGS, 3, check=[*"aaa"], subject=[*"sss"]), source="x")


@repeatable
@given(st.lists(st.sampled_from("abcdef"), max_size=8))
def test_a_frame_is_refused_exactly_when_a_key_comes_twice(names):
    frame = pd.DataFrame({"row_id": pd.Series(names, dtype=object), "input": "x"})
    if len(set(names)) == len(names):
        assert ROWS.check(frame, source="x")["row_id"].tolist() == names
    else:
        with pytest.raises(BadValue):
            ROWS.check(frame, source="x")


# --- the trap "position bias" ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("sides", "items"),
    [
        ({}, "'item_id-0', 'item_id-1', 'item_id-2'"),
        ({"side": [None, None, None]}, "'item_id-0', 'item_id-1', 'item_id-2'"),
        ({"side": ["a", None, "b"]}, "'item_id-1'"),
    ],
)
def test_a_preference_must_say_which_side_was_first(sides, items):
    frame = _frame(RATINGS, 3, system_a=["a"] * 3, system_b=["b"] * 3, **sides)
    with pytest.raises(BadValue) as caught:
        RATINGS.check(frame, source="ratings.csv")
    assert str(caught.value) == (
        "RATINGS (ratings.csv) must say in `side` which system was shown first, but the "
        f"preferences on items {items} do not; ask in both orders and record the side."
    )


def test_a_preference_with_its_side_and_a_rating_of_one_output_are_good():
    frame = _frame(
        RATINGS,
        3,
        system=[None, None, "c"],
        system_a=["a", "a", None],
        system_b=["b", "b", None],
        side=["a", "b", None],
    )
    assert len(RATINGS.check(frame, source="x")) == 3


# --- helpers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        (None, True),
        (float("nan"), True),
        (np.float64("nan"), True),
        (pd.NA, True),
        (pd.NaT, True),
        ("", False),
        ("nan", False),
        ("None", False),
        (0, False),
        (False, False),
        ([], False),
        ({}, False),
        (np.array([float("nan")]), False),
    ],
)
def test_a_cell_is_missing_when_it_holds_nothing(value, missing):
    assert is_missing(value) is missing


def test_rows_come_as_dicts_with_pythons_own_numbers():
    frame = pd.DataFrame({"a": [1], 2: [0.5], "c": ["x"]})
    rows = each_row(frame)
    assert rows == [{"a": 1, "2": 0.5, "c": "x"}]
    assert [type(cell) for cell in rows[0].values()] == [int, float, str]


def test_the_module_says_which_kinds_there_are():
    assert set(tables._CASTS) | {"any"} == set(GOOD)
