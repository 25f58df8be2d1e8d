"""Rating sittings before a real server that is killed, locked and full, by simulated raters.

There is no peer to compare with: what must come out is known. A case is one rater's sitting of
about ten acts with troubles of its own; see `rating_faults.py`. The rows are equal when each case's
acts are in the journal, once and unchanged, and its chain is whole; each run has other moments.
"""

import time

PEER = "none: simulated raters"
SIZE = 500
UNIT = "{n} sittings with faults"
EXPECTED = {
    "share_equal": 1.0,
    "enough_acts": 1.0,
    "n_broken": 0,
    "n_lost": 0,
    "n_doubled": 0,
    "n_changed": 0,
}


def ours(n):
    from rating_faults import run

    return lambda: run(n, seed=time.time_ns() % 1_000_000)
