"""`workbench run` and `workbench runs …` from a shell: what they say, what they write, and how they end."""

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest

from workbench import cli

FAULTY = runpy.run_path(str(Path(__file__).parent / "runs" / "faulty.py"))


def run(capsys, *arguments):
    """Run the command; return its status and what it wrote."""
    status = cli.main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text(
        "".join(
            json.dumps({"row_id": f"r{at}", "input": f"question {at}"}) + "\n" for at in range(4)
        )
    )
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "say.md").write_text("---\nname: say\n---\nAnswer: {{ input }}\n")
    return tmp_path


@pytest.fixture
def served(place):
    """An experiment in YAML before a real server, one question of which fails."""
    with FAULTY["Server"](
        lambda body, nth: "500" if " 3" in str(body["messages"]) else ""
    ) as server:
        write_yaml(place, server.url)
        yield server


def write_yaml(place, url, more=""):
    (place / "try.yaml").write_text(
        f"""rows: rows.jsonl
models:
  - endpoint: gpt-4o
    base_url: {url}
    api_key_env: null
    parameters: {{max_tokens: 20}}
prompts: prompts
repeats: 2
{more}"""
    )


SCRIPT = """
import workbench as wb
rows = wb.read("rows.jsonl")
models = [wb.Function(lambda messages, **_: messages[-1]["content"], name="echo")]
"""


def test_an_experiment_in_yaml_is_estimated_run_shown_and_exported(capsys, place, served):
    status, told, _ = run(capsys, "run", "try.yaml", "--estimate")
    assert (status, served.n_requests) == (0, 0)
    assert told.startswith(
        "Estimate: 8 calls for 8 cells (0 answered already); about 40 tokens read, at most "
    )

    status, told, _ = run(capsys, "run", "try.yaml", "--json")
    (system,) = json.loads(told)["systems"]
    assert status == 0
    assert [system[name] for name in ("system", "n_ok", "n_error", "cost_usd")] == [
        "gpt-4o · say", 6, 2, pytest.approx(6 * (4 * 2.5 + 10 * 10) / 10**6)
    ]  # fmt: skip

    status, told, _ = run(capsys, "runs", "list")
    assert [word for word in told.splitlines()[2].split() if word in {"try", "8", "6", "2"}] == [
        "try",
        "2",
        "8",
        "6",
        "2",
    ]
    status, told, _ = run(capsys, "runs", "show", "try")
    assert "4 rows of rows × 1 models × 1 prompts × 2 repeats; 6 ok, 2 error" in told

    status, _, _ = run(capsys, "runs", "export", "try", "--to", "out.parquet")
    assert pd.read_parquet("out.parquet")["category"].tolist() == ["ok"] * 6 + ["error"] * 2


def test_a_run_is_resumed_from_where_it_was_started(capsys, place, served):
    run(capsys, "run", "try.yaml", "--calls", "2")
    n_before = served.n_requests
    assert n_before == 2
    status, told, _ = run(capsys, "runs", "resume", "try", "--json")
    (system,) = json.loads(told)["systems"]
    assert (status, system["n_ok"], system["n_skipped"]) == (0, 6, 0)


def test_too_many_failures_fail_a_gate(capsys, place, served):
    status, _, told = run(capsys, "run", "try.yaml", "--most-failed", "0.1")
    assert status == 1
    assert (
        told == "workbench: gate failed: 25.0% of the cells have no text, and at most 10.0% may.\n"
    )


def test_an_experiment_in_python_may_hold_functions(capsys, place):
    (place / "try.py").write_text(SCRIPT)
    status, told, _ = run(capsys, "run", "try.py", "--name", "a")
    assert status == 0
    assert told.endswith("Run: runs/a\n")
    (place / "try.py").write_text(SCRIPT + "repeats = 2\n")
    run(capsys, "run", "try.py", "--name", "b")
    _, told, _ = run(capsys, "runs", "diff", "a", "b", "--json")
    assert json.loads(told) == [{"what": "repeats", "a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "an experiment must be a file that can be read, but try.yaml cannot (No such file or directory); check the path."),
        ("rows: rows.jsonl\n", "an experiment must say its rows and models, but try.yaml lacks 'models'; add them."),
        ("rows: rows.jsonl\nmodel: []\n", "a name in try.yaml must be one of 'rows', 'models', 'prompts', 'repeats', 'store', 'name', 'budget', 'prices', 'time_limit_s', but 'model' came; did you mean 'models'?"),
        ("rows: rows.jsonl\nmodels: [{endpoint: 3}]\n", "a model in try.yaml must say `endpoint` or `recorded`, a text, but it does not; add it."),
        ("rows: rows.jsonl\nmodels: {endpoint: m}\n", "models in try.yaml must be a list, but dict came; begin each with '- '."),
        ("rows: rows.jsonl\nmodels: [{endpoint: m, key: sk-1}]\n", "a name in a model in try.yaml must be one of 'endpoint', 'base_url', 'api_key_env', 'name', 'parameters', 'stream', 'concurrency', 'timeout_s', but 'key' came."),
        ("- rows\n", "try.yaml must be a mapping of names to values, but list came; see --help."),
    ],
)  # fmt: skip
def test_an_experiment_that_cannot_be_run_is_told(capsys, place, content, message):
    if content is not None:
        (place / "try.yaml").write_text(content)
    status, out, told = run(capsys, "run", "try.yaml")
    assert (status, out, told) == (2, "", f"workbench: {message}\n")
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list"], "a store of runs must be a folder, but runs is none; check the path."),
        (["show"], "`workbench runs show` must be given 1 name, but 0 came; see `workbench runs list`."),
    ],
)  # fmt: skip
def test_runs_that_are_not_there_are_told(capsys, place, arguments, message):
    assert run(capsys, "runs", *arguments) == (2, "", f"workbench: {message}\n")


def test_what_runs_cannot_do_is_told(capsys, place):
    (place / "try.py").write_text(SCRIPT)
    run(capsys, "run", "try.py")
    told = {
        ("show", "tri"): "a run in runs must be one of 'try', but 'tri' came; did you mean 'try'?",
        ("export", "try"): "an export must know where to, but neither --to nor --mlflow came; name a file such as outputs.parquet.",
    }  # fmt: skip
    for arguments, message in told.items():
        assert run(capsys, "runs", *arguments) == (2, "", f"workbench: {message}\n")
