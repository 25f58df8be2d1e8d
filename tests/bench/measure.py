"""Measure one side of one task in this process: `python measure.py TASK.py SIDE SIZE`.

The clock (of the wall; of the processor where the task's CLOCK is "cpu") covers the side's work
alone. Imports, texts and whatever the side prepares come before it, and so does one run of the work
on a few other texts, which loads what libraries import late. The peak of memory is that of the whole process. The last line written is JSON:
`seconds`, `memory_mb`, `figures`.
"""

import json
import re
import runpy
import sys
import time
from pathlib import Path

_WARM_UP = 16


def main(task: str, side: str, size: str) -> None:
    found = runpy.run_path(task)
    prepare = found[side]
    clock = time.process_time if found.get("CLOCK") == "cpu" else time.perf_counter
    prepare(_WARM_UP)()
    work = prepare(int(size))
    begin = clock()
    figures = work()
    seconds = clock() - begin
    told = {"seconds": seconds, "memory_mb": _peak_memory_mb(), "figures": figures}
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def _peak_memory_mb() -> float:
    """Return the peak of resident memory; on Linux rusage would hold that of our parent too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main(*sys.argv[1:])
