"""How the time of the tables of tools and costs grows from n steps to 4 n and 16 n.

There is no peer: the rows are equal when the exponent is at most 1.1.
"""

PEER = "none: ours at n, 4 n and 16 n"
SIZE = 500_000
UNIT = "{n}, 4 and 16 times as many steps"
EXPECTED = {"exponent_at_most_1.1": True}


def ours(n):
    import runpy
    from pathlib import Path

    from growing import TIMES, in_line

    prepare = runpy.run_path(str(Path(__file__).with_name("trajectory_tables.py")))["ours"]
    # below some thousands of steps the time is that of making frames, which does not grow
    works = [prepare(times * n) for times in TIMES]
    return lambda: in_line(works, runs=9)
