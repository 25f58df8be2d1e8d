"""How the time of a comparison grows from n rows to 4 n and 16 n, statistics given.

There is no peer: the rows are equal when the exponent, log₁₆ of the ratio of the times, is at most
1.1. Time is that of the processor, the best of several runs, which a busy machine disturbs least.
"""

PEER = "none: ours at n, 4 n and 16 n"
SIZE = 2_000
UNIT = "4 systems × {n}, 4 and 16 times as many, 10000 samples"
EXPECTED = {"exponent_at_most_1.1": True}

_RUNS = 3


def ours(n):
    import math
    import time

    from campaigns import campaign, our_scored

    import workbench as wb

    sizes = [our_scored(*campaign(factor * n, 4)) for factor in (1, 4, 16)]

    def work():
        seconds = []
        for scores in sizes:
            taken = []
            for _ in range(_RUNS):
                begin = time.process_time()
                wb.compare(scores)
                taken.append(time.process_time() - begin)
            seconds.append(min(taken))
        return {"exponent_at_most_1.1": math.log(seconds[-1] / seconds[0], 16) <= 1.1}

    return work
