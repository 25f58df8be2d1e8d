"""Coroutines run from anywhere: a script, a cell of a notebook, the callback of a widget."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


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
    state: dict[str, Any] = {}
    begun, ended = threading.Event(), threading.Event()

    async def main() -> None:
        state["loop"], state["task"] = asyncio.get_running_loop(), asyncio.current_task()
        begun.set()
        results.append(await work)

    def thread() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            errors.append(error)
        finally:
            begun.set()
            ended.set()

    threading.Thread(target=thread, name="workbench-loop", daemon=True).start()
    interrupted = _wait(ended, lambda: _cancel(begun, state))
    if interrupted:
        raise KeyboardInterrupt
    if errors:
        raise errors[0]
    return results[0]


def _wait(ended: threading.Event, stop: Callable[[], None]) -> bool:
    """Wait for the end, however often that is interrupted; tell whether it was.

    `Thread.join` cannot: before Python 3.13 an interrupted one takes the thread for ended, and who
    goes on then closes what the thread still writes to (CPython, issue 90882).
    """
    interrupted = False
    while not ended.is_set():
        try:
            ended.wait()
        except KeyboardInterrupt:
            interrupted = True
            stop()
    return interrupted


def _cancel(begun: threading.Event, state: dict[str, Any]) -> None:
    begun.wait()
    with suppress(RuntimeError, KeyError):  # the loop has been closed meanwhile, or never began
        state["loop"].call_soon_threadsafe(state["task"].cancel)
