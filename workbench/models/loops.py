"""Coroutines run from anywhere: a script, a cell of a notebook, the callback of a widget."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_apart(work: Coroutine[Any, Any, T], *, on_stop: Callable[[], None] | None = None) -> T:
    """Run a coroutine in a thread with a loop of its own, and wait for it.

    A notebook's loop runs already, and another cannot run in its thread.

    Parameters
    ----------
    work : coroutine
        What to run.
    on_stop : callable, optional
        Called, in the thread's loop, when somebody interrupts the wait; the coroutine should then
        end soon. By default it is cancelled.

    Raises
    ------
    KeyboardInterrupt
        Once the coroutine has ended, if the wait was interrupted. What it raises passes as it is.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    state: dict[str, Any] = {}
    begun = threading.Event()

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

    worker = threading.Thread(target=thread, name="workbench-loop", daemon=True)
    worker.start()
    try:
        worker.join()
    except KeyboardInterrupt:
        begun.wait()
        if state and worker.is_alive():
            state["loop"].call_soon_threadsafe(on_stop or state["task"].cancel)
        worker.join()
        raise
    if errors:
        raise errors[0]
    return results[0]
