"""Broken logs of each format, read: none may crash, hang, take much memory, or lose a word in silence.

There is no peer to compare with: what must come out is known. What is done to the files stands in
`tests/trajectories/mutating.py` and `breaking.py`, what must hold in `demands.py` and `losses.py`.
All cores share the work. Each run breaks the files in other ways; the seeds of those that fail are in the figures.
"""

PEER = "none: broken files"
SIZE = 10_000
UNIT = "{n} broken files of each format"
EXPECTED = {"n_crashes": 0, "n_slow": 0, "n_large": 0, "n_lost": 0, "n_wrong": 0, "failed": []}

_FIGURES = {"crash": "n_crashes", "slow": "n_slow", "large": "n_large", "lost": "n_lost"}


def ours(n):
    import time

    from fuzzing import faults

    first = time.time_ns() % 10**9

    def work():
        figures = EXPECTED | {"failed": []}
        for format, seed, found in faults(first, n):
            for fault in found:
                figures[_FIGURES.get(fault.partition(":")[0], "n_wrong")] += 1
            figures["failed"].append([format, seed])
        return figures

    return work
