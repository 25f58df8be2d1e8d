"""Code judged by a command: real processes, killed with all their children, told nothing of ours."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName

PYTHON = [sys.executable, "-I", "-S"]


def run_alone(text, **options):
    return wb.Executed([*PYTHON, "{folder}/answer.py"], **options).verdict(text)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("x = 1", "passed"),
        ("raise SystemExit(3)", "failed"),
        ("syntax error", "failed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "failed"),
        ("import sys; assert sys.stdin.read() == ''", "passed"),
        ("raise SystemExit(125)", "no sandbox"),
        ("Here:\n```python\nx = 1\n```\nand\n```python\nassert x == 1\n```\n", "passed"),
        ("Here:\r\n```python\r\nx = 1\r\n```\r\nDone.", "passed"),
        ("# -*- coding: utf-8 -*-\nassert len('é😀\ud800') == 4", "failed"),
    ],
)
def test_the_exit_status_decides(code, verdict):
    assert run_alone(code) == verdict


def test_fences_count_unless_all_is_code():
    assert run_alone("```\nx = 1\n```", code="text") == "failed"


def test_tests_stand_beside_the_code_and_the_counts_are_told():
    tests = "from answer import f\nassert f(2) == 4\n"
    rows = wb.read([{"input": "double", "tests": tests}] * 5)
    answers = [
        "def f(x): return 2 * x",
        "```python\ndef f(x): return x\n```",
        "def f(x):\n    while True: pass",
        "import os; os._exit(126)",
        None,
    ]
    metric = wb.Executed([sys.executable, "tests.py"], tests="tests", timeout_s=2.0)
    scores = wb.score(wb.outputs(rows, {"a": answers}), rows, metric)
    assert np.array_equal(scores.values("executed"), [1, 0, 0, np.nan, np.nan], equal_nan=True)
    assert scores.noted[["note", "n", "n_outputs"]].to_numpy().tolist() == [
        ["timeout", 1, 4],
        ["no sandbox", 1, 4],
    ]


def test_a_timeout_kills_children_and_grandchildren(tmp_path):
    beat = tmp_path / "beat"
    code = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", '''
import time
while True:
    open({str(beat)!r}, "a").write(".")
    time.sleep(0.01)
'''])
time.sleep(60)
"""
    began = time.monotonic()
    assert run_alone(code, timeout_s=2.0) == "timeout"
    assert time.monotonic() - began < 20
    size = beat.stat().st_size
    time.sleep(0.1)
    assert size > 0
    assert beat.stat().st_size == size


def test_what_is_left_running_by_code_that_ended_is_killed(tmp_path):
    beat = tmp_path / "beat"
    child = (
        f"import time\nwhile True:\n    open({str(beat)!r}, 'a').write('.')\n    time.sleep(0.01)"
    )
    code = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        f"while not os.path.exists({str(beat)!r}): time.sleep(0.01)"
    )
    assert run_alone(code) == "passed"
    size = beat.stat().st_size
    time.sleep(0.1)
    assert beat.stat().st_size == size


def test_endless_output_fills_nothing():
    assert run_alone("while True: print('x' * 10_000)", timeout_s=0.5) == "timeout"


def test_the_environment_holds_no_secrets(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    code = """
import os
assert sorted(os.environ) == ["HOME", "LANG", "MORE", "PATH", "TMPDIR"] or sorted(os.environ) == [
    "HOME", "LANG", "LC_CTYPE", "MORE", "PATH", "TMPDIR"], sorted(os.environ)
assert os.environ["HOME"] == os.getcwd() == os.environ["TMPDIR"]
assert "canary" not in str(os.environ)
"""
    assert run_alone(code, environment={"MORE": "1"}) == "passed"


def test_the_variables_that_are_given_are_not_shown():
    metric = wb.Executed(["true"], environment={"TOKEN": "sk-canary"})
    assert "canary" not in repr(metric) + metric.signature
    assert hash(metric) == hash(wb.Executed(("true",), environment=(("TOKEN", "sk-canary"),)))


def test_a_folder_is_gone_when_its_code_has_run(tmp_path):
    told = tmp_path / "told"
    run_alone(f"import os; open({str(told)!r}, 'w').write(os.getcwd())")
    assert not Path(told.read_text()).exists()


def test_the_same_code_gives_the_same_whatever_the_number_of_threads():
    rows = wb.read([{"input": ""}] * 12)
    codes = [f"raise SystemExit({at % 3})" for at in range(12)]
    outputs = wb.outputs(rows, {"a": codes})
    found = [
        wb.score(outputs, rows, wb.Executed([*PYTHON, "answer.py"], workers=n)).values("executed")
        for n in (1, 4)
    ]
    assert found[0].tolist() == found[1].tolist() == [float(at % 3 == 0) for at in range(12)]


def test_pass_at_k_runs_each_code_once(tmp_path):
    log = tmp_path / "log"
    code = f"open({str(log)!r}, 'a').write('x')"
    rows = wb.read([{"input": ""}])
    of = wb.Executed([*PYTHON, "answer.py"], workers=1)
    metrics = [of, wb.PassAtK(of, 1), wb.PassAtK(of, 2), wb.PassHatK(of, 2)]
    scores = wb.score(wb.outputs(rows, {"a": [[code, code + ";1/0"]]}), rows, metrics)
    assert log.read_text() == "xx"
    assert scores.frame.groupby("metric")["value"].first().to_dict() == {
        "executed": 1.0, "pass@1": 0.5, "pass@2": 1.0, "pass^2": 0.0,
    }  # fmt: skip


def test_a_command_that_cannot_be_started_is_no_failure_of_the_code():
    metric = wb.Executed(["no-such-program", "x"])
    with pytest.raises(BadValue) as caught:
        metric.verdict("x = 1")
    assert str(caught.value) == (
        "the command of executed must be one that can be started, but 'no-such-program' cannot "
        "([Errno 2] No such file or directory: 'no-such-program'); install it, or name another."
    )


def test_what_code_says_never_reaches_the_command_line(hostiles):
    metric = wb.Executed(["true"], tests="tests")
    for text in hostiles.values():
        assert metric.verdict(text, text) == "passed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"command": "python x.py"},
            "a command must be a list of its words, for no shell reads it, but 'python x.py' came; "
            "write ['podman', 'run', …].",
        ),
        (
            {"command": []},
            "a command must be a list of its words, for no shell reads it, but [] came; write "
            "['podman', 'run', …].",
        ),
        (
            {"command": ["x"], "code_file": "../a.py"},
            "code_file and tests_file must be two plain names, but '../a.py', 'tests.py' came; use "
            "'answer.py' and 'tests.py'.",
        ),
        (
            {"command": ["x"], "code_file": "tests.py"},
            "code_file and tests_file must be two plain names, but 'tests.py', 'tests.py' came; use "
            "'answer.py' and 'tests.py'.",
        ),
        (
            {"command": ["x"], "timeout_s": 0},
            "timeout_s must be above 0 and workers at least 1, but 0 and None came; use 10.0 and "
            "None.",
        ),
    ],
)
def test_options_that_cannot_be_right_are_refused(options, message):
    with pytest.raises(BadValue) as caught:
        wb.Executed(**options)
    assert str(caught.value) == message


def test_an_unknown_way_to_find_code_is_refused():
    with pytest.raises(UnknownName):
        wb.Executed(["x"], code="block")


def test_a_row_without_tests_is_refused():
    rows = wb.read([{"input": "", "tests": None}, {"input": "", "tests": "1"}])
    with pytest.raises(
        BadValue, match=r"^executed needs tests for every row, but column 'tests' of"
    ):
        wb.score(wb.outputs(rows, {"a": ["1", "1"]}), rows, wb.Executed(["true"], tests="tests"))


def test_tests_that_a_file_of_numbers_holds_are_texts():
    rows = wb.read([{"input": "", "tests": 1}, {"input": "", "tests": 2}])
    outputs = wb.outputs(rows, {"a": ["x = 1", "x = 1"]})
    metric = wb.Executed([*PYTHON, "-c", "assert open('tests.py').read() == '2'"], tests="tests")
    assert wb.score(outputs, rows, metric).frame["value"].tolist() == [0, 1]


def test_tests_that_are_no_text_are_refused():
    rows = wb.read([{"input": "", "tests": ["assert f(1) == 1"]}])
    with pytest.raises(BadValue) as caught:
        wb.score(wb.outputs(rows, {"a": ["1"]}), rows, wb.Executed(["true"], tests="tests"))
    assert str(caught.value) == (
        "executed needs tests as text, but column 'tests' of row '1' holds ['assert f(1) == 1']; "
        "write it as text."
    )


def test_no_cache_keeps_what_depends_on_the_machine(tmp_path):
    rows = wb.read([{"input": ""}])
    outputs = wb.outputs(rows, {"a": ["x"]})
    for _ in range(2):
        assert wb.score(outputs, rows, wb.Executed(["true"]), cache=tmp_path).reused == {
            "executed": 0
        }
