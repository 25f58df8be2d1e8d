"""What is written as CSV, Parquet or JSON Lines comes back cell by cell, or is refused."""

import math
import re

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.exchange import write
from workbench.tables import is_missing

REPEATABLE = settings(
    deadline=None, derandomize=True, max_examples=40, suppress_health_check=list(HealthCheck)
)
KINDS = ("csv", "tsv", "parquet", "jsonl")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FULL = TEXT.filter(bool)
NAMES = st.sampled_from(["topic", "année", "=1", "a,b", 'q"', " x"])
NUMBER = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))


def columns(n, text):
    """Draw further columns of texts, of whole numbers, of fractions; some cells are missing."""
    kinds = st.sampled_from(["text", "int", "float"])
    cells = {
        "text": st.one_of(st.none(), text),
        "int": st.integers(-(2**53), 2**53),
        "float": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    }
    column = kinds.flatmap(lambda kind: st.lists(cells[kind], min_size=n, max_size=n))
    return st.dictionaries(NAMES, column, max_size=3)


@st.composite
def evaluations(draw, empty):
    """Draw rows with outputs of two systems; with `empty`, texts may be empty too."""
    text = TEXT if empty else FULL
    n = draw(st.integers(1, 5))
    ids = draw(st.lists(FULL, min_size=n, max_size=n, unique=True))
    rows = [
        {"row_id": name, "input": draw(text), "references": draw(st.lists(text, max_size=3))}
        for name in ids
    ]
    more = draw(columns(n, text))
    rows = pd.DataFrame(rows).assign(**more)
    answer = st.one_of(st.none(), text)
    outputs = {system: draw(st.lists(answer, min_size=n, max_size=n)) for system in ("a", "=b")}
    rows = wb.read(rows)
    return rows, wb.outputs(rows, outputs)


def same(one, other):
    """Compare by value: a gap makes a float of a whole number in every frame of pandas."""
    assert set(one.columns) == set(other.columns)
    assert len(one) == len(other)
    for name in one.columns:
        for a, b in zip(one[name].tolist(), other[name].tolist(), strict=True):
            a, b = ([*x] if hasattr(x, "tolist") else x for x in (a, b))
            assert (is_missing(a) and is_missing(b)) or a == b, (name, a, b)


def looks_numeric(cells):
    """Tell whether all texts are numbers as JSON writes them."""
    number = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
    texts = [cell for cell in cells if isinstance(cell, str)]
    return bool(texts) and all(number.fullmatch(c) and math.isfinite(float(c)) for c in texts)


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_parquet_and_json_lines_give_every_table_back(tmp_path, kind):
    @REPEATABLE
    @given(evaluations(empty=True))
    def holds(drawn):
        rows, outputs = drawn
        write(rows, tmp_path / f"rows.{kind}")
        write(outputs, tmp_path / f"outputs.{kind}")
        back = wb.read(tmp_path / f"rows.{kind}")
        same(rows, back)
        same(outputs, wb.outputs(back, tmp_path / f"outputs.{kind}"))

    holds()


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_csv_gives_every_table_back_or_refuses_it(tmp_path, kind):
    written = []

    @REPEATABLE
    @given(evaluations(empty=False))
    def holds(drawn):
        rows, outputs = drawn
        numeric = [
            name
            for name in rows.columns.difference(["row_id", "input", "references"])
            if looks_numeric(rows[name].dropna().tolist())
        ]
        if numeric:
            with pytest.raises(BadValue, match="which reads as a number"):
                write(rows, tmp_path / f"rows.{kind}")
            return
        write(rows, tmp_path / f"rows.{kind}")
        written.append(rows)
        write(outputs, tmp_path / f"outputs.{kind}")
        back = wb.read(tmp_path / f"rows.{kind}")
        same(rows, back)
        same(outputs, wb.outputs(back, tmp_path / f"outputs.{kind}"))

    holds()
    assert len(written) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_scores_come_back(tmp_path, kind):
    rows = wb.read([{"input": "x", "references": ["a b c"]}, {"input": "y", "references": ["d"]}])
    outputs = wb.outputs(rows, {"a": ["a b", None], "b": ["a b c", "e"]})
    scores = wb.score(outputs, rows, [wb.ChrF(), wb.ExactMatch()])
    write(scores, tmp_path / f"scores.{kind}")
    same(scores.frame, wb.tables.SCORES.check(
        wb.data.formats.read_frame(tmp_path / f"scores.{kind}"), source="a file"
    ))  # fmt: skip


MIXED = {
    "chat": [[{"role": "user", "content": "hi"}], [{"role": "user", "name": "x"}]],
    "mixed": ["text", 1],
    "flags": [True, None],
    "large": [2**60 + 1, None],
    "empty": ["", None],
    "lists": [["a"], []],
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_cells_of_every_kind_come_back(tmp_path, name, kind):
    rows = wb.read(
        pd.DataFrame({"input": ["x", "y"], "more": pd.Series(MIXED[name], dtype=object)})
    )
    write(rows, tmp_path / f"rows.{kind}")
    back = wb.read(tmp_path / f"rows.{kind}")
    if name == "large" and kind == "jsonl":
        # pandas makes floats of whole numbers beside a gap; Parquet keeps these as JSON
        assert float(back["more"][0]) == float(2**60 + 1)
        return
    same(rows, back)


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("more", ["", None], "'more' in row 1 is an empty text, which reads as nothing"),
        ("more", ["12", "3.5"], "'more' in row 1 is the text '12', which reads as a number"),
        ("more", [None, True], "'more' in row 2 is bool ('True')"),
        ("more", [["a"], None], "'more' in row 1 is list (\"['a']\")"),
        ("more", ["a", 1], "'more' in row 2 is int ('1')"),
        ("more", [1.0, math.inf], "'more' in row 2 is the number inf"),
        ("text", [5, 6], "'text' in row 1 is the number 5"),
        ("references", [["a", ""], []], "'references' in row 1 holds an empty text"),
        ("reference_7", ["a", "b"], "'reference_7' in row 1 would be read as a reference"),
    ],
)
def test_csv_refuses_what_would_not_come_back(tmp_path, name, cells, why):
    frame = pd.DataFrame({"row_id": ["1", "2"], "input": ["x", "y"]})
    frame[name] = pd.Series(cells, dtype=object)
    with pytest.raises(BadValue) as caught:
        write(frame, tmp_path / "a.csv")
    assert str(caught.value) == (
        f"a CSV file must give each cell back as it was, but {why}; write .jsonl or .parquet, or use "
        "Sheet.to_csv for people."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_half_a_character_is_refused(tmp_path, kind):
    half = pd.DataFrame({"row_id": ["1"], "input": pd.Series(["\ud83d"], dtype=object)})
    with pytest.raises(BadValue, match="whole characters, but"):
        write(half, tmp_path / f"a.{kind}")
    assert list(tmp_path.iterdir()) == []


def test_json_lines_refuse_a_number_that_is_none(tmp_path):
    with pytest.raises(
        BadValue, match="a table must hold finite numbers and whole characters, but"
    ):
        write(pd.DataFrame({"row_id": ["1"], "x": [math.inf]}), tmp_path / "a.jsonl")


def test_a_name_that_tells_no_format_and_a_thing_that_is_no_table_are_refused(tmp_path):
    with pytest.raises(UnknownName) as caught:
        write(pd.DataFrame(), tmp_path / "a.xls")
    assert str(caught.value) == (
        "a file to write must end in .csv, .tsv, .jsonl, .parquet, .xlsx, .tex, .json, but 'a.xls' "
        "came; rename it."
    )
    for kind, what in ((".csv", "a file"), (".tex", "a LaTeX table"), (".json", "a file of LLM")):
        with pytest.raises(BadKind, match=f"{what}.* is made of .*, but a list came; pass one"):
            write([], tmp_path / f"a{kind}")
