"""Jobs done here, by an executor, or by processes of ours: the same results, whoever fails."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from workbench import workers
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.workers import Processes, spread

JOBS = [(number, 3) for number in range(20)]
QUOTIENTS = [divmod(number, 3) for number in range(20)]


@pytest.fixture(autouse=True)
def _jobs_of_this_file(monkeypatch, root):
    """Let other processes import what is defined here."""
    monkeypatch.syspath_prepend(root)


class Unreliable:
    """An executor that fails at each third job, and never does what it is given twice."""

    def __init__(self):
        self.n_calls = 0

    def submit(self, call, *arguments):
        self.n_calls += 1
        future = Future()
        if self.n_calls % 3 == 0:
            future.set_exception(ConnectionError("the worker went away"))
        else:
            future.set_result(call(*arguments))
        return future


@pytest.mark.parametrize("executor", ["auto", "serial", "processes"])
def test_jobs_are_done_in_order(executor):
    assert list(spread(divmod, JOBS, len(JOBS), executor=executor)) == QUOTIENTS


def test_any_executor_serves():
    with ThreadPoolExecutor(3) as threads:
        assert list(spread(divmod, JOBS, len(JOBS), executor=threads)) == QUOTIENTS


def test_no_jobs_begin_no_process(monkeypatch):
    monkeypatch.setattr(workers, "Processes", None)
    assert list(spread(divmod, [], 0, executor="processes")) == []


def test_work_that_would_take_long_moves_to_processes(monkeypatch):
    monkeypatch.setattr(workers, "_PAYS_S", 0.0)
    monkeypatch.setattr(workers, "n_processes", lambda: 2)
    jobs = [()] * 4
    found = list(spread(os.getpid, jobs, 4))
    assert found[0] == os.getpid()
    assert os.getpid() not in found[1:]
    assert list(spread(os.getpid, jobs, 4, movable=False)) == [os.getpid()] * 4
    assert list(spread(os.getpid, jobs, 4, executor="serial")) == [os.getpid()] * 4
    monkeypatch.setattr(workers, "n_processes", lambda: 1)
    assert list(spread(os.getpid, jobs, 4)) == [os.getpid()] * 4


def test_what_an_executor_fails_at_is_done_here_and_said():
    with pytest.warns(RuntimeWarning) as caught:
        assert list(spread(divmod, JOBS, len(JOBS), executor=Unreliable())) == QUOTIENTS
    assert [str(each.message) for each in caught] == [
        "6 of 20 jobs were done here, for the executor failed at them: ConnectionError: the worker "
        "went away"
    ]


def test_what_cannot_be_sent_is_done_here():
    with pytest.warns(RuntimeWarning, match=r"2 of 2 jobs were done here"):
        found = list(spread(lambda x: x + 1, [(1,), (2,)], 2, executor="processes"))
    assert found == [2, 3]


def test_an_executor_that_was_shut_down_leaves_the_work_here():
    with ThreadPoolExecutor(1) as threads:
        pass
    with pytest.warns(RuntimeWarning, match="cannot schedule new futures after shutdown"):
        assert list(spread(divmod, JOBS[:2], 2, executor=threads)) == QUOTIENTS[:2]


def test_jobs_are_given_out_only_some_ahead(monkeypatch):
    monkeypatch.setattr(workers, "_AHEAD", 4)
    taken = []

    def jobs():
        for job in JOBS:
            taken.append(job)
            yield job

    with ThreadPoolExecutor(1) as threads:
        found = spread(divmod, jobs(), len(JOBS), executor=threads)
        assert next(found) == QUOTIENTS[0]
        assert len(taken) == 4
        assert [QUOTIENTS[0], *found] == QUOTIENTS


def refuse(number):
    raise BadValue(f"a number must be small, but {number} came; take another.")


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_what_the_work_raises_is_raised_as_it_is(executor):
    with pytest.raises(BadValue) as caught:
        list(spread(refuse, [(7,)], 1, executor=executor))
    assert str(caught.value) == "a number must be small, but 7 came; take another."
    notes = getattr(caught.value, "__notes__", [])
    assert ["In a worker" in note and "in refuse" in note for note in notes] == [
        True for _ in notes
    ]
    assert len(notes) == (executor == "processes")


def test_what_is_no_executor_is_refused():
    with pytest.raises(BadKind) as caught:
        list(spread(divmod, JOBS, len(JOBS), executor=4))
    assert str(caught.value) == (
        "executor must have a method submit, as those of concurrent.futures have, but int came; "
        "pass an executor, or a name such as 'processes'."
    )
    with pytest.raises(UnknownName) as unknown:
        list(spread(divmod, JOBS, len(JOBS), executor="process"))
    assert str(unknown.value) == (
        "executor must be one of 'auto', 'processes', 'serial', but 'process' came; did you mean "
        "'processes'?"
    )


def die_once(place):
    """Kill the process at the first call."""
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return "done"
    return os.kill(os.getpid(), signal.SIGKILL)


def die_elsewhere(caller):
    """Kill every process but the caller's."""
    if os.getpid() != caller:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done here"


def test_a_job_whose_process_is_killed_is_done_by_another(tmp_path):
    with Processes(1) as pool:
        assert pool.submit(die_once, str(tmp_path / "dead")).result() == "done"
        assert pool.submit(divmod, 7, 2).result() == (3, 1)


def test_a_job_that_kills_two_processes_is_done_here():
    with pytest.warns(RuntimeWarning, match="two worker processes died of one job"):
        found = list(spread(die_elsewhere, [(os.getpid(),)], 1, executor="processes"))
    assert found == ["done here"]


def report(text):
    for descriptor in (1, 2):
        os.write(descriptor, text)
    return sys.argv[0], os.environ["OPENBLAS_NUM_THREADS"]


def test_what_a_job_prints_does_not_stand_among_the_answers():
    with Processes(1) as pool:
        assert pool.submit(report, b"hello\n").result() == ("-c", "1")


def fail_oddly():
    error = ValueError("odd")
    error.cause = threading.Lock()
    raise error


def test_an_error_that_cannot_be_sent_is_told():
    with Processes(1) as pool, pytest.raises(RuntimeError, match=r"^ValueError: odd$"):
        pool.submit(fail_oddly).result()


def test_ended_processes_leave_nothing_behind():
    pool = Processes(2)
    pids = {pool.submit(os.getpid).result() for _ in range(4)}
    waiting = pool.submit(time.sleep, 60)
    while not waiting.running():  # what has not begun is cancelled instead
        time.sleep(0.01)
    pool.shutdown(cancel_futures=True)
    with pytest.raises(Exception, match=r"processes (were ended|died)"):
        waiting.result()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_script_without_a_guard_may_use_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import workbench as wb\n"
        "rows = wb.read([{'input': '', 'references': ['a b c d']}] * 3)\n"
        "outputs = wb.outputs(rows, {'x': ['a b c d', 'a b', 'b'], 'y': ['a', 'b', 'c']})\n"
        "scores = wb.score(outputs, rows, [wb.BLEU(), wb.TER()], executor='processes')\n"
        "print(scores.frame['value'].sum() == wb.score(outputs, rows, [wb.BLEU(), wb.TER()]).frame['value'].sum())\n"
    )
    command = [sys.executable, "-W", "error", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
