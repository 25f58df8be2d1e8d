"""The benchmarks: their rows, what makes figures equal, and what a shell is told."""

import importlib
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import __version__, cli
from workbench.ratings import Journal
from workbench.ratings.events import Draft

ROOT = Path(__file__).resolve().parents[2]
HARNESS = runpy.run_path(str(ROOT / "tests" / "bench" / "harness.py"))
TASKS = sorted(path.stem for path in (ROOT / "tests" / "bench" / "tasks").glob("*.py"))
APART = {
    "inspect_eval", "inspect_json", "phoenix", "bleu_torchmetrics", "chrf_torchmetrics",
    "ter_torchmetrics",
}  # fmt: skip
# the same work as a task without the last word, at a size or with an option of its own
VARIANTS = {
    "bleu_cached",
    "bleu_large",
    "rouge_long",
    "rouge_long_stemmed",
    "resampling_growth",
    "scoring_growth",
    "million_outputs",
}
COLUMNS = [
    "task", "peer", "size", "ratio", "goal", "equal", "spread", "memory_mb", "machine", "runs",
    "version", "seconds", "peer_seconds", "peer_memory_mb", "peer_version", "note",
]  # fmt: skip
MEASURED = ["ratio", "seconds", "peer_seconds", "memory_mb", "peer_memory_mb"]


def run(capsys, *arguments):
    """Run the command; return its status and what it wrote."""
    status = cli.main(["bench", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def task(tmp_path):
    """Write a task of one number on either side; return the file."""

    def write(ours="1.0", theirs="1.0", peer="numpy", extra=""):
        path = tmp_path / "sum.py"
        path.write_text(
            f'PEER, SIZE, UNIT = "{peer}", 100, "{{n}} numbers"\n{extra}\n'
            f'def ours(n):\n    return lambda: {{"p:a": {ours}}}\n'
            f'def theirs(n):\n    return lambda: {{"p:a": {theirs}}}\n'
        )
        return path

    return write


def rows_of(capsys, *arguments, tmp_path):
    status, out, err = run(capsys, *arguments, "--json", tmp_path / "out" / "rows.json")
    assert err == ""
    rows = json.loads((tmp_path / "out" / "rows.json").read_text())["rows"]
    assert all(list(row) == COLUMNS for row in rows)
    return status, out, rows


def test_a_metric_and_a_test_equal_their_peer(capsys, tmp_path):
    options = ["--task", "bleu", "paired_bootstrap", "--runs", 1, "--size-factor", 0.001]
    status, out, rows = rows_of(capsys, *options, tmp_path=tmp_path)
    assert status == 0
    assert [(row["task"], row["equal"], row["note"]) for row in rows] == [
        ("bleu", True, None),
        ("paired_bootstrap", True, None),
    ]
    assert all(row[name] > 0 for row in rows for name in MEASURED)
    assert rows[0]["size"] == "10 systems × 24"
    caption, header, *lines = out.strip().split("\n")
    assert caption.endswith(f"workbench {__version__}; {rows[0]['machine']}")
    assert header.split()[:3] == ["task", "size", "peer"]
    assert [line.split()[0] for line in lines] == ["bleu", "paired_bootstrap"]


@pytest.mark.slow
def test_every_task_equals_its_peer(capsys, tmp_path):
    chosen = [name for name in TASKS if name not in VARIANTS]
    options = ["--task", *chosen, "--runs", 1, "--size-factor", 0.02]
    status, _, rows = rows_of(capsys, *options, tmp_path=tmp_path)
    # these peers have too many dependencies for a checkout
    ran = [row for row in rows if row["task"] not in APART or not row["note"]]
    assert [(row["task"], row["equal"], row["note"]) for row in ran] == [
        (name, True, None) for name in chosen if name in {row["task"] for row in ran}
    ]
    assert len(ran) >= len(chosen) - len(APART)
    assert status == 0


def test_runs_are_summed_up_by_their_spread(capsys, tmp_path, task):
    path = task(extra="GOAL = 2.0")
    status, out, (row,) = rows_of(capsys, "--task", path, "--runs", 3, tmp_path=tmp_path)
    assert (status, row["runs"], row["goal"], row["equal"]) == (0, 3, 2.0, True)
    assert row["size"] == "100 numbers"
    assert row["spread"] >= 0
    assert "medians of 3 interleaved runs" in out


def test_only_what_a_peer_does_is_measured(capsys, tmp_path, task):
    path = task()
    chosen = ["--task", "bleu", path, "--peer", "numpy", "--runs", 1]
    status, _, (row,) = rows_of(capsys, *chosen, tmp_path=tmp_path)
    assert (status, row["peer"], row["equal"]) == (0, "numpy", True)
    status, out, err = run(capsys, "--task", "bleu", path, "--peer", "nunpy")
    assert (status, out) == (2, "")
    assert "'nunpy'" in err
    assert "numpy" in err.replace("nunpy", "")
    assert "sacrebleu" in err


def test_the_page_says_what_the_table_says(capsys, tmp_path, task):
    page = tmp_path / "docs" / "benchmarks.md"
    status, out, err = run(capsys, "--task", task(), "--runs", 1, "--write", page)
    assert (status, err) == (0, "")
    caption, _, line = out.strip().split("\n")
    title, _, told, *_, columns, rule, row = page.read_text().strip().split("\n")
    assert (title, told) == ("# Benchmarks", f"{caption}.")
    assert columns.strip("| ").split(" | ")[:4] == ["task", "size", "peer", "ours, s"]
    assert set(rule) <= set("|- ")
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert " ".join(cells).split() == line.split()


def test_an_absent_peer_is_not_run(capsys, tmp_path, task):
    path = task(peer="no-such-peer")
    status, out, (row,) = rows_of(capsys, "--task", path, tmp_path=tmp_path)
    assert status == 1  # nothing was compared
    assert row["note"] == "not run: no-such-peer is not installed (pip install -e .[test])"
    assert [row[name] for name in ("equal", "spread", *MEASURED)] == [None] * 7
    assert "not run: no-such-peer is not installed" in out


def test_a_peer_may_live_in_a_python_of_its_own(capsys, tmp_path, task, monkeypatch):
    path = task(
        peer="no-such-peer", theirs="float(__import__('os').environ['P'])", extra="PYTHON = 'Q'"
    )
    python = tmp_path / "python"
    version = 'if [ "$1" = -c ]; then echo 1.2; else'
    python.write_text(f'#!/bin/sh\n{version} P=1.0 exec {sys.executable} "$@"; fi\n')
    python.chmod(0o755)
    monkeypatch.setenv("Q", str(python))
    _, _, (row,) = rows_of(capsys, "--task", path, "--runs", 1, tmp_path=tmp_path)
    assert (row["equal"], row["peer_version"], row["note"]) == (True, "1.2", None)


@pytest.mark.parametrize(
    ("theirs", "extra", "equal"),
    [
        ("1.1", "", False),
        ("1.1", "TOLERANCE = {'p': 0.2}", True),
        ("1.1", "TOLERANCE = {'score': 0.2}", False),
        ("1.0000000000000002", "", False),
        ("[1.0]", "", False),
    ],
)
def test_unequal_figures_fail(capsys, tmp_path, task, theirs, extra, equal):
    path = task(theirs=theirs, extra=extra)
    status, out, (row,) = rows_of(capsys, "--task", path, "--runs", 1, tmp_path=tmp_path)
    assert (status, row["equal"]) == (0 if equal else 1, equal)
    assert ("yes" if equal else "no") in out.split("\n")[2].split()


def test_a_side_that_breaks_fails_and_says_why(capsys, tmp_path, task):
    path = task(ours="1 / 0")
    status, _, (row,) = rows_of(capsys, "--task", path, tmp_path=tmp_path)
    assert (status, row["equal"], row["ratio"]) == (1, False, None)
    assert row["note"] == "failed: ours: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(("figure", "equal"), [("1.0", True), ("0.9", False)])
def test_a_task_without_a_peer_says_what_must_come_out(capsys, tmp_path, figure, equal):
    path = tmp_path / "sum.py"
    path.write_text(
        'PEER, SIZE, UNIT, EXPECTED = "none: a promise", 30, "{n} sums", {"p": 1.0}\n'
        f'def ours(n):\n    return lambda: {{"p": {figure}}}\n'
    )
    status, _, (row,) = rows_of(capsys, "--task", path, "--runs", 2, tmp_path=tmp_path)
    assert (status, row["equal"]) == (0 if equal else 1, equal)
    assert (row["peer"], row["peer_version"], row["note"]) == (
        "none: a promise",
        None,
        None if equal else 'came: {"p": 0.9}',
    )
    assert [row[name] for name in ("ratio", "spread", "peer_seconds", "peer_memory_mb")] == [
        None
    ] * 4
    assert row["memory_mb"] > 0


def test_acts_that_are_lost_doubled_or_changed_are_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tests" / "bench")
    faults = importlib.import_module("rating_faults")
    place = str(tmp_path / "ratings.sqlite")
    with Journal.open(place) as journal:
        drafts = [("a", "ana", 1), ("b", "ana", 2), ("x", "ben", 3), ("c", "cy", 4)]
        journal.append([Draft(name, "answer", {"value": v}, who) for name, who, v in drafts])
    made = {"ana": {"a": 1, "b": 2, "lost": 5}, "ben": {}, "cy": {"c": 5}, "dee": {}}
    cases = []
    for name, values in made.items():
        page = faults.Page("", "", faults.Tally(), 1.0, 0, values=values)
        cases.append(faults.Case(name, [page]))
    assert faults.compared(place, cases) == {
        "n_broken": 0,
        "n_lost": 1,
        "n_doubled": 1,
        "n_changed": 2,
        "share_equal": 0.25,
        "enough_acts": 0.0,
    }


def test_figures_that_change_from_run_to_run_are_unequal(capsys, tmp_path, task):
    path = task(ours="__import__('os').getpid()", theirs="__import__('os').getpid()")
    status, _, (row,) = rows_of(capsys, "--task", path, "--runs", 2, tmp_path=tmp_path)
    assert (status, row["equal"]) == (1, False)


@pytest.mark.parametrize(
    ("ours", "theirs", "equal"),
    [
        ({"s": 1.0}, {"s": 1.0}, True),
        ({"s": float("nan")}, {"s": float("nan")}, True),
        ({"s": [1.0, 2.0]}, {"s": [1.0, 2.0]}, True),
        ({"s": [1.0, 2.0]}, {"s": [1.0]}, False),
        ({"s": [1.0, 2.0]}, {"s": [1.0, 2.5]}, False),
        ({"s": None}, {"s": 0.0}, False),
        ({"s": 1.0, "t": 1.0}, {"s": 1.0}, False),
        ({"s": 1.0}, {"t": 1.0}, False),
        ({}, {}, False),
    ],
)
def test_figures_agree_when_names_and_values_do(ours, theirs, equal):
    assert HARNESS["agree"](ours, theirs, {}) is equal
    assert HARNESS["agree"](theirs, ours, {}) is equal


@pytest.mark.parametrize(
    ("values", "expected"), [([3.0], None), ([1.0, 2.0], 0.5), ([5.0, 1.0, 3.0, 2.0, 4.0], 2.0)]
)
def test_the_interquartile_range_is_the_distance_of_the_quartiles(values, expected):
    assert HARNESS["interquartile_range"](values) == expected


def test_a_file_that_is_no_task_is_told(capsys, tmp_path):
    path = tmp_path / "half.py"
    path.write_text("PEER, SIZE = 'numpy', 3\n")
    assert run(capsys, "--task", path) == (
        2,
        "",
        f"workbench: a task must define 'UNIT', 'ours', 'theirs', but {path} does not; add it.\n",
    )


def test_the_texts_are_the_same_on_every_run_and_others_in_every_size():
    texts = runpy.run_path(str(ROOT / "tests" / "bench" / "texts.py"))["texts"]
    references, systems = texts(50)
    assert (references, systems) == texts(50)
    assert not set(references) & set(texts(60)[0])
    assert {len(lines) for lines in [references, *systems.values()]} == {50}
    assert all(lines != references for lines in systems.values())


def test_without_a_checkout_the_command_says_so(tmp_path):
    shutil.copytree(
        ROOT / "workbench", tmp_path / "workbench", ignore=shutil.ignore_patterns("__pycache__")
    )
    code = "import sys; from workbench import cli; sys.exit(cli.main(['bench']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"workbench: the benchmarks live in tests/bench of a checkout, but {tmp_path} has no such "
        "folder; install the package from a clone with pip install -e .\n",
    )
