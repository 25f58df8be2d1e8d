"""Coroutines run from anywhere: a script, a cell of a notebook, the callback of a widget."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

# A thread that has not begun after so long was never started.
_BEGINS_S = 10.0


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread with a loop of its own, and wait for it.

    A notebook's loop runs already, and another cannot run in its thread.

    Parameters
    ----------
    work : coroutine
        What to run; it is cancelled when somebody interrupts the wait.

    Raises
    ------
    KeyboardInterrupt
        Once the coroutine has ended, if the wait was interrupted. What it raises passes as it is.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    state = _State()

    async def main() -> None:
        state.loop, state.task = asyncio.get_running_loop(), asyncio.current_task()
        state.begun.set()
        results.append(await work)

    def run() -> None:
        try:
            if not state.given_up:
                asyncio.run(main())
        except BaseException as error:
            errors.append(error)
        finally:
            state.begun.set()
            state.ended.set()

    thread = threading.Thread(target=run, name="workbench-loop", daemon=True)
    if _finished(thread, state):
        work.close()  # which never began, if the thread did not
        raise KeyboardInterrupt
    if errors:
        raise errors[0]
    return results[0]


class _State:
    """How far the coroutine has come, and how to stop it."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()
        self.given_up = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self.task: asyncio.Task[Any] | None = None

    def cancel(self) -> None:
        """Cancel the coroutine; where no thread has begun by now, none will run it."""
        if not self.begun.wait(_BEGINS_S):
            self.given_up = True
            self.ended.set()
        if self.loop and self.task:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                self.loop.call_soon_threadsafe(self.task.cancel)


def _finished(thread: threading.Thread, state: _State) -> bool:
    """Start a thread and wait for its end, however often that is interrupted; tell whether it was.

    An interruption may come anywhere: while the thread is started, too, or while another is dealt
    with. `Thread.join` cannot wait so: before Python 3.13 an interrupted one takes the thread for
    ended, and who goes on then closes what the thread still writes to (CPython, issue 90882).
    """
    started = interrupted = False
    while not state.ended.is_set():
        try:
            if interrupted:
                state.cancel()
            if not started:
                started = True
                thread.start()
            state.ended.wait()
        except KeyboardInterrupt:
            interrupted = True
    return interrupted
