import sys

import pytest

import workbench as wb
from workbench.errors import BadValue, Unreadable

HOSTILE = '<script>alert(1)</script> "\\ 名前'


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture
def run(tmp_path):
    rows = wb.read([{"row_id": f"r{i}", "input": f"{i} ⟨é⟩"} for i in range(3)])
    echo = wb.Function(lambda messages, **_: messages[-1]["content"], name="echo")
    prompts = [wb.Prompt.of("{{ input }}", name=HOSTILE), wb.Prompt.of("!{{ input }}", name="loud")]
    wb.run(rows, models=echo, prompts=prompts, repeats=2, store=tmp_path, name="a")
    return wb.runs.read(tmp_path / "a")


@pytest.mark.parametrize("kind", ["file:{}/mlruns"])
def test_a_run_goes_to_mlflow_and_comes_back(run, tmp_path, kind):
    place = kind.format(tmp_path)
    run_id = wb.runs.to_mlflow(run, tracking_uri=place)
    back = wb.runs.from_mlflow(run_id, tracking_uri=place)
    assert back.outputs.equals(run.outputs)
    assert back.manifest == run.manifest
    assert not len(wb.runs.compare_manifests(run, back).frame)

    from mlflow import MlflowClient

    told = MlflowClient(tracking_uri=place).get_run(run_id).data
    assert told.params["repeats"] == "2"
    assert told.params["prompt/loud"] == next(
        each["digest"] for each in run.manifest["prompts"] if each["name"] == "loud"
    )
    assert told.metrics["n_ok/echo - loud"] == 6


def test_what_mlflow_does_not_have_is_said(run, tmp_path):
    place = f"file:{tmp_path}/mlruns"
    wb.runs.to_mlflow(run, tracking_uri=place)
    with pytest.raises(Unreadable, match="must be readable and writable, but it says"):
        wb.runs.from_mlflow("0" * 32, tracking_uri=place)


def test_a_run_of_others_is_refused(tmp_path):
    from mlflow import MlflowClient

    place = f"file:{tmp_path}/mlruns"
    client = MlflowClient(tracking_uri=place)
    theirs = client.create_run(client.create_experiment("theirs")).info.run_id
    with pytest.raises(BadValue, match="must be one that to_mlflow wrote"):
        wb.runs.from_mlflow(theirs, tracking_uri=place)


def test_without_mlflow_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(Unreadable, match=r"install the extra \[tracking\]"):
        wb.runs.to_mlflow(run, tracking_uri="file:nowhere")
