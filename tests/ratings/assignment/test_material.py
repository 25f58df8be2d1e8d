"""What items are made of: readable inputs, drawn repeats, failures counted."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.ratings import Scale, Task
from workbench.ratings.assignment.material import gathered, readable, slice_cell

LIKERT = Task("t", [Scale("fluency", 1, 5)], reference=True)
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image_url"}]},
]
READABLE = {
    "a text": ("  as it is\n", "  as it is\n"),
    "nothing": (None, ""),
    "messages": (MESSAGES, "system:\nBe brief.\n\nuser:\nLook:\n[image_url]"),
    "an array of messages": (np.array(MESSAGES[:1], dtype=object), "system:\nBe brief."),
    "a record": ({"question": "é?"}, '{\n "question": "é?"\n}'),
    "a call": (
        [{"role": "assistant", "content": None, "tool_calls": [1]}],
        "assistant:\n[\n 1\n]",
    ),
    "texts": (["a", "b"], "a\n\nb"),
    "half a character": ("a\ud83d", "a�"),
}


@pytest.mark.parametrize(("content", "text"), READABLE.values(), ids=READABLE)
def test_an_input_is_readable(content, text):
    assert readable(content) == text


def test_any_hostile_input_becomes_text_that_can_be_stored(hostile):
    for content in (hostile, [{"role": hostile, "content": hostile}], {hostile: hostile}):
        readable(content).encode("utf-8")


@pytest.mark.parametrize(
    ("cell", "name"), [(3.0, "3"), (2.5, "2.5"), (True, "True"), (np.nan, "–"), ("x", "x")]
)
def test_a_slice_has_one_name(cell, name):
    assert slice_cell(cell) == name


def test_an_item_has_its_rows_source_reference_and_slices():
    rows = wb.read(
        [{"row_id": "r", "input": "Gut.", "references": ["Good.", "Fine."], "year": 1999.0,
          "cluster": "c", "topic": None, "note": "long" * 100}]
    )  # fmt: skip
    made = gathered(wb.outputs(rows, {"a": ["OK."]}), rows, LIKERT, 0)
    item = made.item("r", [made.outputs["r"]["a"]])
    assert (item.source, item.reference) == ("Gut.", "Good.")
    assert item.where == {"cluster": "c", "year": "1999"}


def test_a_task_that_shows_neither_source_nor_reference_has_neither_in_its_items():
    rows = wb.read([{"row_id": "r", "input": "Gut.", "references": ["Good."]}])
    task = Task("t", [Scale("fluency", 1, 5)], source=False)
    made = gathered(wb.outputs(rows, {"a": ["OK."]}), rows, task, 0)
    item = made.item("r", [made.outputs["r"]["a"]])
    assert (item.source, item.reference) == ("", "")


def test_failures_are_left_out_and_counted_and_empty_answers_are_not():
    rows = wb.read([{"input": "a"}, {"input": "b"}, {"input": "c"}])
    outputs = wb.outputs(rows, {"a": ["", None, "text"]}).assign(error=[None, None, "timeout"])
    made = gathered(outputs, rows, LIKERT, 0)
    assert {row: [*shown] for row, shown in made.outputs.items()} == {"1": ["a"]}
    assert made.left_out == {"an error": 1, "no text": 1}


def test_one_of_several_answers_is_drawn_whatever_their_order():
    rows = wb.read([{"row_id": f"r{at}", "input": "a"} for at in range(50)])
    outputs = wb.outputs(rows, {"a": [["one", "two", "three"]] * 50})
    made = gathered(outputs, rows, LIKERT, 0)
    again = gathered(outputs[::-1], rows[::-1], LIKERT, 0)
    assert made.outputs == again.outputs
    drawn = [shown["a"] for shown in made.outputs.values()]
    assert {each.text for each in drawn} == {"one", "two", "three"}
    assert {each.n_repeats for each in drawn} == {3}
    assert made.outputs != gathered(outputs, rows, LIKERT, 1).outputs


def test_an_item_names_the_trajectory_behind_its_outputs():
    rows = wb.read([{"row_id": "r", "input": "a"}])
    outputs = wb.outputs(rows, {"a": ["x"], "b": ["y"]}).assign(run_id=["run1", "run2"])
    made = gathered(outputs, rows, LIKERT, 0)
    shown = made.outputs["r"]
    assert made.item("r", [shown["a"]]).run_id == "run1"
    assert made.item("r", [shown["a"], shown["b"]]).run_id == ""


def test_images_are_looked_for_beside_the_dataset(tmp_path):
    (tmp_path / "cat.gif").write_bytes(b"GIF89a")
    (tmp_path / "rows.csv").write_text("row_id,input,image\nr,Which animal?,cat.gif\n")
    rows = wb.read(tmp_path / "rows.csv")
    made = gathered(wb.outputs(rows, {"a": ["x"]}), rows, LIKERT, 0)
    assert made.item("r", [made.outputs["r"]["a"]]).images == ("data:image/gif;base64,R0lGODlh",)


def test_an_output_of_an_unknown_row_is_refused():
    rows = wb.read([{"row_id": "r1", "input": "a"}])
    outputs = pd.DataFrame({"output_id": ["o"], "row_id": ["r2"], "system": ["a"], "text": ["x"]})
    with pytest.raises(InputError) as caught:
        gathered(outputs, rows, LIKERT, 0)
    assert str(caught.value) == (
        "row_id in OUTPUTS (the outputs given) must be one of 'r1', but 'r2' came."
    )
