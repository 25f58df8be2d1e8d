"""The limiter before a server of known capacity, in simulated time: no machine is too busy for it."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.runs.limiting import Limiter


class Simulated(asyncio.SelectorEventLoop):
    """A loop whose clock stands still while it works and jumps while it waits."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        select = self._selector.select

        def jump(timeout):
            self.now += timeout or 0.0
            return select(0)

        self._selector.select = jump

    def time(self):
        return self.now


class Sent:
    """What a run of calls came to."""

    def __init__(self):
        self.limits, self.in_flight, self.n_refused = [], [], 0

    @property
    def settled(self):
        """The mean limit in the second half."""
        later = self.limits[len(self.limits) // 2 :]
        return sum(later) / len(later)


def sent(capacity_at, *, n=2_000, most=256, latency_s=0.05, retry_after_s=None, seed=0):
    """Send calls to a server that takes so many at a time, whatever time it is."""
    luck, told = Random(seed), Sent()
    here = 0

    async def call(limiter):
        nonlocal here
        loop = asyncio.get_running_loop()
        await limiter.acquire()
        while True:
            since, here = loop.time(), here + 1
            told.in_flight.append(limiter.in_flight)
            is_full = here > capacity_at(since)
            await asyncio.sleep(0.002 if is_full else latency_s * luck.uniform(0.5, 1.5))
            here -= 1
            if not is_full:
                break
            told.n_refused += 1
            limiter.turned_away(since, retry_after_s=retry_after_s)
            limiter.release()
            await asyncio.sleep(luck.uniform(0, 0.1))
            await limiter.acquire(again=True)
        limiter.answered()
        told.limits.append(int(limiter.limit))
        limiter.release()

    async def main():
        limiter = Limiter(most)
        await asyncio.gather(*(call(limiter) for _ in range(n)))
        assert limiter.in_flight == 0

    with asyncio.Runner(loop_factory=Simulated) as runner:
        runner.run(main())
    return told


@given(st.integers(1, 120), st.sampled_from([None, 0.02, 1.0]), st.integers(0, 99))
def test_the_limit_settles_within_a_quarter_of_the_capacity(capacity, retry_after_s, seed):
    told = sent(lambda now: capacity, n=40 * capacity + 400, retry_after_s=retry_after_s, seed=seed)
    assert 0.75 * capacity <= told.settled <= 1.25 * capacity
    assert told.n_refused < 0.15 * len(told.limits) + 20


@pytest.mark.parametrize(("before", "after"), [(10, 40), (40, 10)])
def test_the_limit_follows_a_capacity_that_changes(before, after):
    told = sent(lambda now: before if now < 5 else after, n=12_000)
    assert 0.75 * after <= told.settled <= 1.25 * after


def test_no_more_are_sent_than_the_most():
    told = sent(lambda now: 10**9, most=30)
    assert max(told.in_flight) == 30
    assert told.n_refused == 0


def test_one_wave_of_refusals_halves_once():
    async def main():
        limiter = Limiter(100, start=40)
        for _ in range(40):
            await limiter.acquire()
        sent_at = asyncio.get_running_loop().time()
        for _ in range(40):
            limiter.turned_away(sent_at)
        return limiter.limit

    with asyncio.Runner(loop_factory=Simulated) as runner:
        assert runner.run(main()) == 20


def test_nobody_is_sent_before_a_server_wants_it():
    async def main():
        limiter, loop = Limiter(8), asyncio.get_running_loop()
        await limiter.acquire()
        limiter.turned_away(loop.time(), retry_after_s=3.0)
        limiter.release()
        await limiter.acquire()
        return loop.time()

    with asyncio.Runner(loop_factory=Simulated) as runner:
        assert runner.run(main()) == pytest.approx(3.0)


def test_a_wait_that_is_given_up_takes_no_place():
    async def main():
        limiter = Limiter(1)
        await limiter.acquire()
        waiting = asyncio.ensure_future(limiter.acquire())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        limiter.release()
        await asyncio.wait_for(limiter.acquire(), 1)
        return limiter.in_flight

    with asyncio.Runner(loop_factory=Simulated) as runner:
        assert runner.run(main()) == 1
