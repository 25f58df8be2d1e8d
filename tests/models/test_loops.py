"""Coroutines in a thread of their own, and what an interruption leaves of them."""

import asyncio
import os
import signal
import threading
import time

import pytest

from workbench.models import loops
from workbench.models.loops import run_apart


async def answer():
    await asyncio.sleep(0)
    return 7


def test_a_result_comes_back_also_inside_a_running_loop():
    async def cell():
        return run_apart(answer())

    assert run_apart(answer()) == asyncio.run(cell()) == 7


def test_what_is_raised_passes_as_it_is():
    async def fail():
        raise LookupError("none")

    with pytest.raises(LookupError, match=r"^none$"):
        run_apart(fail())


@pytest.mark.parametrize("n_interrupts", [1, 3])
def test_an_interrupted_wait_ends_after_the_coroutine(n_interrupts):
    ended, begun = [], threading.Event()

    async def linger():
        try:
            begun.set()
            await asyncio.sleep(30)
        finally:
            time.sleep(0.4)  # such as a transaction
            ended.append(threading.current_thread().name)

    def interrupt():
        begun.wait()
        for _ in range(n_interrupts):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run_apart(linger())
    assert ended == ["workbench-loop"]


@pytest.mark.parametrize("starts", [True, False])
def test_an_interruption_while_the_thread_starts_leaves_nothing_running(starts, monkeypatch):
    ended, start = [], threading.Thread.start

    async def linger():
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(threading.current_thread().name)

    def interrupted_start(thread):
        if starts:
            start(thread)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    monkeypatch.setattr(loops, "_BEGINS_S", 10 if starts else 0.05)
    with pytest.raises(KeyboardInterrupt):
        run_apart(linger())
    assert ended == ["workbench-loop"] * starts
