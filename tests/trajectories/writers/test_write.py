"""Writing: whole or not at all, packed where asked, and never two runs that a reader would mix."""

import gzip
import json

import pytest

from workbench.errors import BadValue, UnknownName
from workbench.trajectories.model import Part, Run, Step
from workbench.trajectories.writers import names, write


def run(run_id="a", **members):
    steps = [Step("wb.input", "/0", [Part("in", "user", "text", "Hi")])]
    return Run("mine", "/0", steps, run_id=run_id, **members)


@pytest.mark.parametrize("format", names())
def test_each_run_is_one_line_and_one_json_value(format, tmp_path):
    write([run("a"), run("b")], tmp_path / "runs", format=format)
    lines = (tmp_path / "runs").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert [type(json.loads(line)) for line in lines] == [dict, dict]


@pytest.mark.parametrize("format", names())
def test_a_file_is_packed_where_its_name_says_so_with_the_same_bytes_each_time(format, tmp_path):
    write([run()], tmp_path / "runs", format=format)
    write([run()], tmp_path / "runs.jsonl.gz", format=format)
    write([run()], tmp_path / "again.jsonl.gz", format=format)
    packed = (tmp_path / "runs.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "runs").read_bytes()
    assert packed == (tmp_path / "again.jsonl.gz").read_bytes()


@pytest.mark.parametrize("format", names())
def test_numbers_that_json_lacks_are_in_no_file_as_such(format, tmp_path):
    write(
        [run(extra={"x": float("nan")}, scores={"s": float("inf")})], tmp_path / "r", format=format
    )
    json.loads((tmp_path / "r").read_bytes(), parse_constant=pytest.fail)


def test_an_unknown_format_is_refused():
    with pytest.raises(UnknownName) as caught:
        write([], "x", format="otlb")
    assert str(caught.value) == (
        "a format of trajectories to write must be one of 'jsonl', 'otlp', 'atif', 'openai-chat', "
        "but 'otlb' came; did you mean 'otlp'?"
    )


@pytest.mark.parametrize("format", names())
def test_two_runs_with_one_id_are_refused_and_the_old_file_stays(format, tmp_path):
    (tmp_path / "runs").write_text("old", encoding="utf-8")
    with pytest.raises(BadValue) as caught:
        write([run("a"), run("a")], tmp_path / "runs", format=format)
    assert str(caught.value) == (
        "runs that are written must each have an id of their own, but 'a' came twice; rename one."
    )
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "old"


def test_no_runs_are_refused(tmp_path):
    with pytest.raises(BadValue) as caught:
        write([], tmp_path / "runs")
    assert str(caught.value) == (
        "a file of runs must hold some, but there are none to write; write no file."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", names())
def test_hostile_texts_are_written_as_they_are(format, hostile, tmp_path):
    step = Step("chat", "/0", [Part("out", "assistant", "text", hostile)], model=hostile)
    write([Run("mine", "/0", [step], run_id="a", task_id=hostile)], tmp_path / "r", format=format)
    text = (tmp_path / "r").read_text(encoding="utf-8")
    assert text.count("\n") == 1
    assert json.loads(text)
