"""Runs: many trajectories as tables, parts of them, and one by one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadKind, UnknownName
from workbench.trajectories import attribute, loops, read, seal, summary, write
from workbench.trajectories.auditing.policy import Policy
from workbench.trajectories.collection import Runs
from workbench.trajectories.model import Annotation, Run, Step, Usage

LENGTHS = (3, 0, 2, 4)


def some_runs():
    return Runs.of(
        Run(
            "x", name=f"r{at}", agent="ab"[at % 2], outcome=at % 2, annotations=[Annotation("note")],
            steps=[
                Step("chat", f"/r{at}/ü{k}", model=f"m{k}", usage=Usage(k, cost_usd=k / 4))
                for k in range(n)
            ],
        )
        for at, n in enumerate(LENGTHS)
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(4)).flatmap(lambda order: st.integers(0, 4).map(lambda n: order[:n])))
def test_a_part_has_the_rows_of_its_runs_in_its_order(order):
    runs = some_runs()
    ids = [runs.ids[at] for at in order]
    part = runs.only(ids)
    whole = runs.steps.astype({"run_id": str})
    wanted = [whole[whole["run_id"] == run_id] for run_id in ids] or [whole[:0]]
    pd.testing.assert_frame_equal(
        part.steps.astype(str), pd.concat(wanted, ignore_index=True).astype(str)
    )
    assert sorted(ids) == sorted(part.annotations["run_id"])
    assert [run.run_id for run in part] == ids


def test_a_part_of_a_part_and_what_runs_have_in_common():
    runs = some_runs()
    assert runs.where(agent="a").ids == ["r0", "r2"]
    assert runs.where(agent="b", outcome=[1]).where(n_steps=4).ids == ["r3"]
    assert runs[1:3].ids == ["r1", "r2"]
    assert repr(runs.where(agent="a")) == "2 runs, 5 steps: x"


def test_a_number_of_a_run_may_be_numpys_and_one_too_many_is_told():
    runs = some_runs()
    assert runs[np.int64(-1)].run_id == "r3"
    with pytest.raises(UnknownName) as caught:
        runs[9]
    assert str(caught.value) == (
        "the number of a run must be from 0 to 3, but 9 came; len(runs) says how many there are."
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (summary, "a summary must be of Runs, but int came; a single run is in Runs.of([run])."),
        (attribute, "suspects are named in a Run, but int came; take one out of Runs, such as runs[0]."),
        (read, "trajectories must be a path, a list or a dict, but int came; pass one of these."),
    ],
)  # fmt: skip
def test_a_thing_of_another_kind_is_refused(call, message):
    with pytest.raises(BadKind) as caught:
        call(5)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (loops, "loops are found in"),
        (Policy("p", ()).check, "a policy is checked on"),
        (Runs.of, "Runs are made of"),
        (lambda runs: seal(runs, "log"), "an audit log is made of"),
        (lambda runs: write(runs, "runs.jsonl"), "a file is written of"),
    ],
)
@pytest.mark.parametrize(("value", "kind"), [(["x"], "str"), (None, "NoneType"), ([1], "int")])
def test_what_is_no_run_is_refused_and_nothing_written(
    call, what, value, kind, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadKind) as caught:
        call(value)
    assert str(caught.value) == (
        f"{what} runs, but a {kind} came; give Runs, a list of Run, or a Run."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_run_may_come_by_itself(tmp_path):
    (run, *_) = some_runs()
    seal(run, tmp_path / "one", secret=b"s")
    seal([run], tmp_path / "list", secret=b"s")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "list").read_bytes()
    write(run, tmp_path / "run.jsonl")
    assert read(tmp_path / "run.jsonl").ids == ["r0"]


def test_a_forced_format_that_does_not_fit_is_told():
    runs = read([{"role": "user", "content": "a"}], format="atif")
    assert "atif" in runs.findings["evidence"].str.cat()


def test_an_unknown_column_or_run_is_named():
    with pytest.raises(UnknownName) as caught:
        some_runs().where(agnet="a")
    assert str(caught.value).endswith("but 'agnet' came; did you mean 'agent'?")
    with pytest.raises(UnknownName):
        some_runs()["r9"]


def test_a_count_is_kept_to_its_last_digit_beside_a_run_that_has_none():
    counts = [2**62 + 1, None, 2**63 - 1]
    runs = Runs.of([Run("x", name=str(at), trial=trial) for at, trial in enumerate(counts)])
    assert runs.frame["trial"].tolist() == [2**62 + 1, pd.NA, 2**63 - 1]
    assert runs.frame["trial"].dtype == "Int64"
