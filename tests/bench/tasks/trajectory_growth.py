"""How the time of the tables of tools and costs grows from n steps to 16 n.

There is no peer: the rows are equal when the exponent of the line through three sizes is at most 1.1.
Time is that of the processor, the best of several runs, which a busy machine disturbs least; from one size
to the next alone it tells of the processor's caches.
"""

PEER = "none: ours at n, 4 n and 16 n"
SIZE = 500_000
UNIT = "{n}, 4 and 16 times as many steps"
EXPECTED = {"exponent_at_most_1.1": True}

_TIMES = (1, 4, 16)
_RUNS = 9


def ours(n):
    import math
    import runpy
    import statistics
    import time
    from pathlib import Path

    prepare = runpy.run_path(str(Path(__file__).with_name("trajectory_tables.py")))["ours"]
    # below some thousands of steps the time is that of making frames, which does not grow
    works = [prepare(n * times) for times in _TIMES]

    def work():
        seconds = []
        for each in works:
            taken = []
            for _ in range(_RUNS):
                begin = time.process_time()
                each()
                taken.append(time.process_time() - begin)
            seconds.append(min(taken))
        line = statistics.linear_regression(*(list(map(math.log, of)) for of in (_TIMES, seconds)))
        return {"exponent_at_most_1.1": line.slope <= 1.1}

    return work
