"""How the time of the tables of tools and costs grows from n steps to 4 n.

There is no peer: the rows are equal when the exponent, log₄ of the ratio of the times, is at most
1.1. Time is that of the processor, the best of several runs, which a busy machine disturbs least.
"""

PEER = "none: ours at n and 4 n"
SIZE = 500_000
UNIT = "{n} and 4 times as many steps"
EXPECTED = {"exponent_at_most_1.1": True}

_RUNS = 5


def ours(n):
    import math
    import runpy
    import time
    from pathlib import Path

    prepare = runpy.run_path(str(Path(__file__).with_name("trajectory_tables.py")))["ours"]
    # below some thousands of steps the time is that of making frames, which does not grow
    works = [prepare(size) for size in (n, 4 * n)]

    def work():
        seconds = []
        for each in works:
            taken = []
            for _ in range(_RUNS):
                begin = time.process_time()
                each()
                taken.append(time.process_time() - begin)
            seconds.append(min(taken))
        return {"exponent_at_most_1.1": math.log(seconds[1] / seconds[0], 4) <= 1.1}

    return work
