"""Work for several processes: an executor of one's own, or worker processes of ours.

Nothing here decides a figure: whoever does a job, its result is the same, and results come in the
order of the jobs.
"""

import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any, Literal, Protocol, TypeVar

from workbench.errors import BadKind, unknown_name

Result = TypeVar("Result")
Job = tuple[Any, ...]  # the arguments of one call


class Submits(Protocol):
    """What does calls elsewhere: a `concurrent.futures.Executor`, or one of dask's."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Any:  # noqa: ANN401
        """Begin a call; the future returned has a method `result`."""


Where = Submits | Literal["auto", "processes", "serial"]
"""Where jobs are done: by an executor, by processes of ours, here, or by processes if that pays."""

# Seconds that work must still take here for processes to pay: two of them begin within one or two.
_PAYS_S = 10.0
# Jobs given out before the first result is taken: enough for a cluster, and no whole table.
_AHEAD = 256
_MOST_PROCESSES = 16
# What is raised where a process is no more.
_GONE = (EOFError, OSError, pickle.UnpicklingError)
# What a worker runs: it takes over the places of modules, and nothing of the caller's script; several
# processes with several threads each would only wait for each other.
_SERVE = """
import os, sys
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
sys.path[:] = sys.argv[1:]
from workbench.workers import serve
serve()
"""


def spread(
    work: Callable[..., Result],
    jobs: Iterable[Job],
    n_jobs: int,
    *,
    executor: Where = "auto",
    movable: bool = True,
) -> Generator[Result]:
    """Do jobs and yield their results, in the order of the jobs.

    Parameters
    ----------
    work : callable
        What is called with the parts of each job; a function that others can import.
    jobs : iterable of tuple
        Arguments for `work`.
    n_jobs : int
        How many there are.
    executor : executor or {"auto", "processes", "serial"}
        Where they are done. "auto" does them here, until what is left would take more than ten
        seconds and several processors are at hand; then worker processes do the rest.
    movable : bool
        Whether "auto" may move the work to other processes.

    Yields
    ------
    Result
        What `work` returns; what it raises is raised here.

    Raises
    ------
    BadKind
        If the executor can submit nothing.
    UnknownName
        If it is a name that means nothing.

    Warns
    -----
    RuntimeWarning
        If the executor failed at jobs (a worker that died and died again, something that cannot
        be sent): those are done here.

    Examples
    --------
    >>> list(spread(divmod, [(7, 2), (9, 4)], 2))
    [(3, 1), (2, 1)]
    """
    jobs = iter(jobs)
    if executor in {"auto", "serial"}:
        moves = executor == "auto" and movable and n_processes() > 1
        yield from _here(work, jobs, n_jobs, patience_s=_PAYS_S if moves else float("inf"))
        executor = "processes"  # does what is left, if anything is
    elif isinstance(executor, str) and executor != "processes":
        raise unknown_name("executor", executor, ("auto", "processes", "serial"))
    if executor != "processes":
        if not callable(getattr(executor, "submit", None)):
            raise BadKind(
                "executor must have a method submit, as those of concurrent.futures have, but "
                f"{type(executor).__name__} came; pass an executor, or a name such as 'processes'."
            )
        yield from _elsewhere(work, jobs, executor)
    elif first := next(jobs, None):
        pool = Processes(min(n_jobs, n_processes()))
        try:
            yield from _elsewhere(work, chain([first], jobs), pool)
        finally:
            pool.shutdown(cancel_futures=True)


def n_processes() -> int:
    """Return how many processes can work at once, 16 at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(_MOST_PROCESSES, usable or 1)


def _here(
    work: Callable[..., Result], jobs: Iterator[Job], n_jobs: int, *, patience_s: float
) -> Iterator[Result]:
    """Do jobs until the others would take longer than one has patience for."""
    spent = 0.0
    for at, job in enumerate(jobs, start=1):
        begin = time.perf_counter()
        result = work(*job)
        spent += time.perf_counter() - begin
        yield result
        if spent / at * (n_jobs - at) > patience_s:
            return


def _elsewhere(
    work: Callable[..., Result], jobs: Iterable[Job], executor: Submits
) -> Iterator[Result]:
    """Give jobs to an executor, some ahead of those whose results are taken."""
    waiting: deque[tuple[Any, Job]] = deque()
    lost: list[Exception] = []
    n_jobs = 0
    try:
        for job in jobs:
            n_jobs += 1
            waiting.append((_submitted(executor, work, job), job))
            if len(waiting) == _AHEAD:
                yield _taken(work, *waiting.popleft(), lost)
        while waiting:
            yield _taken(work, *waiting.popleft(), lost)
    finally:
        for future, _ in waiting:
            future.cancel()
    if lost:
        warnings.warn(
            f"{len(lost)} of {n_jobs} jobs were done here, for the executor failed at them: "
            f"{type(lost[0]).__name__}: {lost[0]}",
            RuntimeWarning,
            stacklevel=2,
        )


def _submitted(executor: Submits, work: Callable[..., Any], job: Job) -> Any:  # noqa: ANN401
    try:
        return executor.submit(_attempt, work, job)
    except Exception as error:
        failed: Future[Any] = Future()
        failed.set_exception(error)
        return failed


def _attempt(work: Callable[..., Result], job: Job) -> tuple[bool, Any]:
    """Return what is raised instead of raising it: what raises then is the executor."""
    try:
        return True, work(*job)
    except Exception as error:
        error.add_note(f"In a worker:\n{traceback.format_exc()}")
        return False, error


def _taken(
    work: Callable[..., Result],
    future: Any,  # noqa: ANN401 - of any executor
    job: Job,
    lost: list[Exception],
) -> Result:
    """Return the result of a job; do it here where the executor could not."""
    try:
        fine, value = future.result()
    except Exception as error:
        lost.append(error)
        return work(*job)
    if not fine:
        raise value
    return value  # type: ignore[no-any-return]


class Processes(Executor):
    """Worker processes that import this package, and nothing of the caller's script.

    `multiprocessing` either forks, which is unsafe beside the threads of a notebook, or imports the
    caller's script anew, which a script without ``if __name__ == "__main__":`` does not survive.
    Here each thread of a pool asks a process of its own, which reads calls from its standard input.
    A process that dies takes only its own call with it, which another one tries once more.

    Parameters
    ----------
    n_processes : int
        How many, at least 1; each begins when it is first needed.

    Examples
    --------
    >>> with Processes(1) as pool:
    ...     pool.submit(divmod, 7, 2).result()
    (3, 1)
    """

    def __init__(self, n_processes: int) -> None:
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="workbench-worker")
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._all: list[_Process] = []
        self._closed = False

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":  # noqa: ANN401
        """Begin a call in a process."""
        return self._threads.submit(self._asked, partial(call, *arguments, **named))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes; they have nothing to lose but calls whose results nobody takes."""
        if not cancel_futures and wait:
            self._threads.shutdown()
        with self._lock:
            self._closed = True
            for process in self._all:
                process.kill()
        # who waits for an answer of a dead process has none at once, and reads no more of its pipe
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            process.close()

    def _asked(self, call: Callable[[], Result]) -> Result:
        written = pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            answer = self._answer(written)
        except _GONE:
            try:
                answer = self._answer(written)
            except _GONE:
                raise BrokenExecutor("two worker processes died of one job") from None
        fine, value = pickle.loads(answer)  # noqa: S301 - from a process of ours
        if not fine:
            raise value
        return value  # type: ignore[no-any-return]

    def _answer(self, call: bytes) -> bytes:
        """Ask a process that is idle, or a new one; one that dies is not asked again."""
        with self._lock:
            if self._closed:
                raise BrokenExecutor("the worker processes were ended")
            if not self._idle:
                self._idle.append(_Process())
                self._all.append(self._idle[-1])
            process = self._idle.pop()
        answer = process.ask(call)
        self._idle.append(process)
        return answer


class _Process:
    """A process that answers calls."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own Python
            [sys.executable, "-c", _SERVE, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for the caller, who ends the processes
        )

    def ask(self, call: bytes) -> bytes:
        """Return the answer to a call.

        Raises
        ------
        EOFError, OSError, UnpicklingError
            If the process is no more.
        """
        calls, answers = self._process.stdin, self._process.stdout
        assert calls is not None
        assert answers is not None
        pickle.dump(call, calls)
        calls.flush()
        return pickle.load(answers)  # type: ignore[no-any-return]  # noqa: S301 - from a process of ours

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Close the pipes of a process that was killed; nobody may be reading them."""
        self._process.communicate()


def serve() -> None:
    """Answer calls from the standard input until it ends; what is printed goes to standard error."""
    with os.fdopen(os.dup(0), "rb") as calls, os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        while True:
            try:
                call = pickle.load(calls)  # noqa: S301 - from the process that began this one
            except EOFError:
                return
            pickle.dump(_answer(call), answers)
            answers.flush()


def _answer(call: bytes) -> bytes:
    try:
        found = True, pickle.loads(call)()  # noqa: S301 - from the process that began this one
        return pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        try:
            return pickle.dumps((False, error))
        except Exception:
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
