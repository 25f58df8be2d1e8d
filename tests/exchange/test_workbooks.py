"""Excel workbooks: valid parts, every cell in full, and no text a formula."""

import io
import math
import re
import xml.etree.ElementTree as ET
import zipfile

import pandas as pd
import pytest

import workbench as wb
from workbench.display import visible
from workbench.errors import BadValue
from workbench.exchange import workbooks, write
from workbench.exchange.workbooks import MOST_LETTERS, workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def parts(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: ET.fromstring(archive.read(name)) for name in archive.namelist()}


def cells(content, sheet=1):
    """Return what stands in a sheet, by place: kind, style and content."""
    found = {}
    for cell in parts(content)[f"xl/worksheets/sheet{sheet}.xml"].iter(f"{MAIN}c"):
        assert {child.tag for child in cell} <= {f"{MAIN}v", f"{MAIN}is"}
        found[cell.get("r")] = (cell.get("t", "n"), cell.get("s"), "".join(cell.itertext()))
    return found


def test_numbers_are_numbers_texts_are_texts_and_gaps_are_gaps():
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "x": [0.1, math.nan],
            "yes": [True, False],
            "text": ["=1+1", None],
            "list": [["a"], []],
            "far": [math.inf, -1.5],
        }
    )
    assert cells(workbook({"all": frame})) == {
        "A1": ("inlineStr", "2", "n"), "B1": ("inlineStr", "2", "x"), "C1": ("inlineStr", "2", "yes"),
        "D1": ("inlineStr", "2", "text"), "E1": ("inlineStr", "2", "list"),
        "F1": ("inlineStr", "2", "far"),
        "A2": ("n", None, "1"), "B2": ("n", None, "0.1"), "C2": ("b", None, "1"),
        "D2": ("inlineStr", "1", "=1+1"), "E2": ("inlineStr", "1", '["a"]'),
        "F2": ("inlineStr", "1", "inf"),
        "C3": ("b", None, "0"), "E3": ("inlineStr", "1", "[]"), "F3": ("n", None, "-1.5"),
    }  # fmt: skip


def test_no_text_is_a_formula_and_each_is_whole(storable):
    content = workbook({storable: pd.DataFrame({storable: [storable]})})
    found = cells(content)
    assert set(found) == {"A1", "A2"}
    for kind, style, text in found.values():
        assert kind == "inlineStr"
        assert style in {"1", "2"}
        whole = visible("\n".join(re.split("\r\n|\r", storable)), but="\t\n")
        assert text == (whole if len(whole) <= MOST_LETTERS else whole[: MOST_LETTERS - 1] + "…")
    for name, part in parts(content).items():
        assert not [each for each in part.iter() if each.tag == f"{MAIN}f"], name


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 32_767, "x" * 32_767),
        ("x" * 32_768, "x" * 32_766 + "…"),
        ("😀" * 16_383 + "x", "😀" * 16_383 + "x"),
        ("😀" * 16_384, "😀" * 16_383 + "…"),
        ("x" + "😀" * 20_000, "x" + "😀" * 16_382 + "…"),
    ],
    ids=len,
)
def test_a_cell_ends_where_excel_counts_its_letters(text, kept):
    found = cells(workbook({"a": pd.DataFrame({"a": [text]})}))["A2"][2]
    assert found == kept
    assert len(found.encode("utf-16-le")) <= 2 * MOST_LETTERS


def test_a_text_style_is_one_that_excel_keeps_as_text():
    styles = parts(workbook({"a": pd.DataFrame({"a": ["b"]})}))["xl/styles.xml"]
    formats = styles.find(f"{MAIN}cellXfs")
    assert [each.get("quotePrefix") for each in formats] == [None, "1", "1"]


def test_what_looks_like_an_escape_of_excel_is_escaped():
    assert (
        cells(workbook({"a": pd.DataFrame({"a": ["_x000D_ _x_"]})}))["A2"][2] == "_x005F_x000D_ _x_"
    )


def test_sheets_have_names_that_excel_takes():
    frame = pd.DataFrame({"a": [1]})
    names = ["a/b*?[x]:\\", "A B", "'", "x" * 40, "X" * 40]
    book = parts(workbook(dict.fromkeys(names, frame)))["xl/workbook.xml"]
    told = [each.get("name") for each in book.iter(f"{MAIN}sheet")]
    assert told == ["a b   x", "A B", "sheet", "x" * 31, "X" * 27 + " 5"]
    assert len({each.casefold() for each in told}) == len(told)


def test_the_same_sheets_give_the_same_bytes():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert workbook({"a": frame}) == workbook({"a": frame.copy()})


def test_every_part_is_declared_and_every_relation_leads_somewhere():
    found = parts(workbook({"a": pd.DataFrame({"a": [1]}), "b": pd.DataFrame({"b": [1]})}))
    declared = {
        each.get("PartName") for each in found["[Content_Types].xml"] if each.get("PartName")
    }
    assert declared == {
        f"/{name}" for name in found if name.startswith("xl/") and "rels" not in name
    }
    targets = {f"xl/{each.get('Target')}" for each in found["xl/_rels/workbook.xml.rels"]}
    assert targets == {name.removeprefix("/") for name in declared} - {"xl/workbook.xml"}


def test_a_frame_larger_than_a_sheet_is_refused(monkeypatch):
    monkeypatch.setattr(workbooks, "_MOST_ROWS", 2)
    with pytest.raises(BadValue) as caught:
        workbook({"big": pd.DataFrame({"a": [1, 2]})})
    assert str(caught.value) == (
        "a sheet of Excel must have at most 2 rows and 16,384 columns, but 'big' has 2 and 1; write "
        ".parquet or .csv."
    )


def test_a_comparison_fills_three_sheets(tmp_path):
    rows = wb.read([{"input": "x", "references": ["a"]}] * 3)
    outputs = wb.outputs(rows, {"a": ["a", "b", "a"], "b": ["a", "a", "a"]})
    c = wb.compare(wb.score(outputs, rows, [wb.ExactMatch()]), samples=50)
    write(c, tmp_path / "c.xlsx")
    content = (tmp_path / "c.xlsx").read_bytes()
    book = parts(content)["xl/workbook.xml"]
    assert [each.get("name") for each in book.iter(f"{MAIN}sheet")] == [
        "leaderboard", "differences", "about",
    ]  # fmt: skip
    names = list(c.frame.columns)
    body = cells(content, 2)
    assert float(body[f"{chr(65 + names.index('delta'))}2"][2]) == c.frame["delta"][0]
    assert cells(content, 3)["A3"][2] == c.sheet.caption
    for thing, n_sheets in ((c.sheet, 2), (c.scores, 1), (outputs, 1)):
        write(thing, tmp_path / "t.xlsx")
        told = parts((tmp_path / "t.xlsx").read_bytes())["xl/workbook.xml"]
        assert len(list(told.iter(f"{MAIN}sheet"))) == n_sheets
