"""Reading: files and folders become tables; runs are read in full when they are asked for."""

import gzip
import json

import pandas as pd
import pytest

import workbench.trajectories as trajectories
from workbench.errors import BadKind, BadValue, UnknownName, Unreadable
from workbench.trajectories import Annotation, Limits, Run, Runs, Step, Usage
from workbench.trajectories.ledger import Ledger, record_of, step_frame


def talk(task=1, trial=0, *words, reward=1.0):
    messages = [{"role": "user", "content": word} for word in words or ("Hi",)]
    return {"task_id": task, "trial": trial, "reward": reward, "info": {}, "traj": messages}


def write(folder, name, value):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_file_a_gzipped_file_and_a_value_are_read_alike(tmp_path):
    value = [talk(1), talk(2, 0, "a", "b")]
    path = write(tmp_path, "runs.json", value)
    packed = tmp_path / "runs.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    found = [trajectories.read(source) for source in (path, str(path), packed, value)]
    assert [str(runs) for runs in found] == ["2 runs, 3 steps: tau-bench"] * 4
    tables = [runs.steps.drop(columns="run_id") for runs in found]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


def test_a_folder_is_read_file_by_file_in_the_order_of_names(tmp_path):
    write(tmp_path, "b/two.json", [talk(2)])
    write(tmp_path, "a.json", [talk(1)])
    write(tmp_path, "notes.txt", "[]")
    runs = trajectories.read(tmp_path)
    assert runs.frame["task_id"].tolist() == ["1", "2"]
    assert runs.frame["source"].tolist() == ["a.json#/0", "b/two.json#/0"]


def test_files_of_no_known_format_in_a_folder_are_told(tmp_path):
    write(tmp_path, "a.json", [talk()])
    write(tmp_path, "b.json", {"x": 1})
    findings = trajectories.read(tmp_path).findings
    assert findings["subject"].tolist() == ["b.json#"]
    assert findings["check"].tolist() == ["trajectories.unknown_format"]
    assert findings["severity"].tolist() == ["error"]


def test_a_file_of_no_known_format_is_refused(tmp_path):
    with pytest.raises(BadValue) as caught:
        trajectories.read(write(tmp_path, "b.json", {"x": 1}))
    assert str(caught.value).startswith(
        "a file of trajectories must be of a known format, but b.json is not; the formats are "
    )


def test_a_folder_without_trajectories_is_refused(tmp_path):
    with pytest.raises(
        BadValue, match=r"^a folder of trajectories must hold some, but .* holds none"
    ):
        trajectories.read(tmp_path)


def test_a_path_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "gone"
    with pytest.raises(Unreadable) as caught:
        trajectories.read(path)
    assert str(caught.value) == (
        f"trajectories must be in a file or a folder, but there is no {path}; check the path."
    )


def test_a_value_that_is_no_json_is_refused():
    with pytest.raises(BadKind) as caught:
        trajectories.read([{"task_id": 1, "traj": [{1, 2}]}])
    assert str(caught.value) == (
        "trajectories must be a path or a JSON value, but what came holds something else (Object of "
        "type set is not JSON serializable); pass what json.loads gives."
    )


def test_a_format_can_be_named_and_a_wrong_name_is_told(tmp_path):
    path = write(tmp_path, "a.json", [talk()])
    assert len(trajectories.read(path, format="tau-bench")) == 1
    with pytest.raises(
        UnknownName,
        match=r"format must be one of .*, but 'tau-bank' came; did you mean 'tau-bench'\?",
    ):
        trajectories.read(path, format="tau-bank")


def test_larger_files_than_the_limit_are_refused(tmp_path):
    path = write(tmp_path, "a.json", [talk(1, 0, "x" * 1000)])
    with pytest.raises(
        BadValue, match=r"must hold at most 500 bytes unpacked, but a\.json holds more"
    ):
        trajectories.read(path, limits=Limits(file_bytes=500))


def test_a_broken_file_gives_what_could_be_read_and_findings(tmp_path):
    text = json.dumps([talk(1), talk(2), talk(3)])
    runs = trajectories.read(write(tmp_path, "a.json", text[: text.index('"task_id": 3') + 5]))
    assert runs.frame["task_id"].tolist() == ["1", "2"] or len(runs) == 3
    assert runs.findings["check"].tolist() == ["trajectories.unreadable"]
    assert "1 findings of the readers" in repr(runs)


def test_a_run_is_found_by_its_id_its_position_and_in_slices(tmp_path):
    runs = trajectories.read(write(tmp_path, "a.json", [talk(n) for n in range(4)]))
    assert runs[runs.ids[2]].task_id == runs[2].task_id == "2"
    assert [run.task_id for run in runs[1:3]] == ["1", "2"]
    assert [run.task_id for run in runs.only([runs.ids[3], runs.ids[0]])] == ["3", "0"]
    assert runs[-1].task_id == "3"
    with pytest.raises(UnknownName, match=r"a run must be one of .*, but 'nobody' came"):
        runs["nobody"]
    with pytest.raises(UnknownName):
        runs.only(["nobody"])


def test_ids_of_runs_are_those_of_the_file_and_the_place(tmp_path):
    first = trajectories.read(write(tmp_path, "a.json", [talk(1), talk(2)]))
    again = trajectories.read(write(tmp_path, "b.json", [talk(1), talk(2)]))
    assert first.ids == again.ids
    assert first.ids[0].endswith("/0")


def test_runs_that_bear_one_name_are_told_apart(tmp_path):
    line = {"type": "user", "uuid": "u", "sessionId": "s", "message": {"content": "Hi"}}
    write(tmp_path, "a.json", [line])
    write(tmp_path, "b.json", [line | {"uuid": "v"}])
    runs = trajectories.read(tmp_path)
    assert len(set(runs.ids)) == 2
    assert runs.ids[0] == "s"
    assert runs.findings["check"].tolist() == ["trajectories.same_name"]
    assert [run.steps[0].span_id for run in runs] == ["u", "v"]


def test_two_equal_files_in_a_folder_are_runs_of_their_own(tmp_path):
    for name in ("a.json", "b.json"):
        write(tmp_path, name, [talk()])
    runs = trajectories.read(tmp_path)
    assert len(set(runs.ids)) == len(runs) == 2
    assert [run.source for run in runs] == ["a.json", "b.json"]


def test_a_file_that_changes_after_it_was_read_is_refused(tmp_path):
    path = write(tmp_path, "a.json", [talk()])
    runs = trajectories.read(path)
    path.write_text(json.dumps([talk(), talk()]))
    with pytest.raises(BadValue) as caught:
        runs[0]
    assert str(caught.value) == (
        "a file of trajectories must stay as it was read, but a.json has changed; read it again."
    )


def test_runs_in_memory_take_their_names_or_numbers():
    runs = Runs.of([Run("mine", name="a"), Run("mine"), Run("mine", run_id="c")])
    assert runs.ids == ["a", "run-1", "c"]
    with pytest.raises(BadValue) as caught:
        Runs.of([Run("mine", name="a"), Run("mine", name="a")])
    assert str(caught.value) == (
        "each run must have an id of its own, but 'a' came twice; rename one."
    )


def test_judgements_of_the_sources_stand_in_a_table():
    notes = [Annotation("mistake", label="yes", step=3), Annotation("quality", score=0.5)]
    table = Runs.of([Run("mine", name="a", annotations=notes)]).annotations
    assert table["run_id"].tolist() == ["a", "a"]
    assert table["step"].tolist() == [3, pd.NA]
    assert table["score"].tolist()[1] == 0.5


def test_no_runs_make_empty_tables_with_their_columns():
    runs = Runs.of([])
    assert (len(runs), len(runs.frame), len(runs.steps), len(runs.findings)) == (0, 0, 0, 0)
    assert repr(runs) == "0 runs, 0 steps: none"
    assert {"run_id", "task_id", "input_tokens"} <= set(runs.frame.columns)
    assert {"run_id", "step", "kind", "tool"} <= set(runs.steps.columns)


def steps():
    usage = Usage(input_tokens=7, output_tokens=0, cost_usd=0.5)
    return [
        Step("chat", "/0", agent="lead", model="m", usage=usage, start_ns=0, end_ns=5),
        Step("execute_tool", "/1", tool="f", call_step=0, parent=0, status="error", error_type="x"),
    ]


def test_steps_are_rows_and_what_is_not_recorded_is_missing_and_not_nought():
    table = step_frame(Run("mine", run_id="a", steps=steps()))
    assert table["step"].tolist() == [0, 1]
    assert table["kind"].tolist() == ["chat", "execute_tool"]
    assert table["tool"].isna().tolist() == [True, False]
    assert table["input_tokens"].tolist() == [7, pd.NA]
    assert table["output_tokens"].tolist() == [0, pd.NA]
    assert table["start_ns"].tolist() == [0, pd.NA]
    assert table["cost_usd"].isna().tolist() == [False, True]
    assert table["parent"].tolist() == [pd.NA, 0]
    assert table["source"].tolist() == ["/0", "/1"]


def test_steps_are_numbered_within_their_run():
    runs = Runs.of(
        [Run("mine", name=name, steps=steps()[:n]) for name, n in (("a", 2), ("b", 0), ("c", 1))]
    )
    assert runs.steps["run_id"].tolist() == ["a", "a", "c"]
    assert runs.steps["step"].tolist() == [0, 1, 0]
    assert runs.frame["n_steps"].tolist() == [2, 0, 1]


def test_columns_that_come_without_steps_make_the_same_table():
    own, given = Ledger(), Ledger()
    run = Run("mine", run_id="a", steps=steps())
    own.add(run)
    given.add_record(record_of(run), 2)
    names = ("kind", "agent", "model", "tool", "status", "error_type", "source")
    columns = {name: [getattr(step, name) for step in run.steps] for name in names}
    columns |= {
        name: [getattr(step, name) for step in run.steps]
        for name in ("parent", "call_step", "start_ns", "end_ns")
    }
    columns |= {
        name: [getattr(step.usage, name, None) for step in run.steps]
        for name in ("input_tokens", "cached_tokens", "output_tokens", "cost_usd")
    }
    given.add_columns(columns)
    assert given.steps().equals(own.steps())


def test_a_ledger_goes_on_after_its_table_was_looked_at():
    ledger = Ledger()
    ledger.add(Run("mine", run_id="a", steps=steps()))
    before = ledger.steps()
    ledger.add(Run("mine", run_id="b", steps=steps()))
    assert (before.num_rows, ledger.steps().num_rows) == (2, 4)


def test_a_run_lasts_from_its_first_step_to_its_last():
    row = record_of(Run("mine", run_id="a", steps=[*steps(), Step("chat", "/2", start_ns=9)]))
    assert (row["start_ns"], row["end_ns"]) == (0, 5) or row["end_ns"] == 9


def test_a_run_has_a_model_of_its_own_or_the_one_that_all_its_steps_name():
    def model(*names):
        return record_of(Run("mine", steps=[Step("chat", "/", model=name) for name in names]))[
            "model"
        ]

    assert model("m", None, "m") == "m"
    assert model("m", "n") is None
    assert record_of(Run("mine", model="own", steps=steps()))["model"] == "own"
