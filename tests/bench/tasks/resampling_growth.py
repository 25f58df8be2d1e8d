"""How the time of a comparison grows from n rows to 4 n and 16 n, statistics given.

There is no peer: the rows are equal when the exponent is at most 1.1.
"""

PEER = "none: ours at n, 4 n and 16 n"
SIZE = 2_000
UNIT = "4 systems × {n}, 4 and 16 times as many, 10000 samples"
EXPECTED = {"exponent_at_most_1.1": True}


def ours(n):
    from functools import partial

    from campaigns import campaign, our_scored
    from growing import TIMES, in_line

    import workbench as wb

    works = [partial(wb.compare, our_scored(*campaign(times * n, 4))) for times in TIMES]
    return lambda: in_line(works, runs=3)
