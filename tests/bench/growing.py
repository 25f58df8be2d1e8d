"""Whether the time of the processor grows in line with the work."""

import math
import statistics
import time
from collections.abc import Callable, Sequence

from sides import Figures

TIMES = (1, 4, 16)


def in_line(works: Sequence[Callable[[], object]], *, runs: int) -> Figures:
    """Return whether the exponent of the line through three sizes, 1 : 4 : 16, is at most 1.1.

    Each time is the best of several runs, which a busy machine disturbs least; from one size to the
    next alone it tells of the processor's caches.
    """
    seconds = [min(_taken(work) for _ in range(runs)) for work in works]
    line = statistics.linear_regression(*(list(map(math.log, of)) for of in (TIMES, seconds)))
    return {"exponent_at_most_1.1": line.slope <= 1.1}


def _taken(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
