"""The benchmarks behind `workbench bench`: our work beside a peer's, figures compared on the way.

A task is a file in `tasks/`, named after it:

    PEER       the distribution to compare with; a task is "not run" where it is not installed
    SIZE       how many segments
    UNIT       what they are, such as "3 systems × {n}"
    GOAL       the ratio to reach; leave it out where there is none
    TOLERANCE  by kind of figure (the word before ":") how far the two may differ; else not at all
    CLOCK      "cpu" where the seconds are to be the processor's; else those of the wall
    PYTHON     the environment variable that names a Python where the peer is installed, of a peer with
               too many dependencies for ours; without it the peer is looked for here
    EXPECTED   in place of `theirs` where there is no peer: the figures that must come out;
               PEER then says so, and the row has no seconds of a peer and no ratio
    ours(n)    prepares n segments and returns the work to measure, a function without arguments;
    theirs(n)  the same for the peer; both return their figures as a dict of numbers or of lists

The two sides run in turn (ours, the peer's, ours, …), each time in a process of its own, where
`measure.py` says what is timed. A row holds

    ratio      the peer's median seconds by ours: above 1 we are faster
    spread     the interquartile range of the ratios of the single pairs of runs
    equal      whether the figures of both sides agreed in every pair of runs
    memory_mb  the largest peak of memory of our process, with imports; `peer_memory_mb` likewise

Ratios are told, not judged: a busy machine must not fail a gate. Unequal figures do fail.
"""

import json
import math
import os
import platform
import re
import runpy
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench import __version__
from workbench.display import number, plain, text_table
from workbench.errors import BadValue, Unreadable, some, unknown_name

FOLDER = Path(__file__).resolve().parent
SIDES = ("ours", "theirs")

# Below this a paired test has few ways to exchange, and engines differ in what they try.
_FEWEST = 24


@dataclass(frozen=True)
class Task:
    """What is measured; the module says what each field means."""

    name: str
    path: Path
    peer: str
    size: int
    unit: str
    goal: float | None
    tolerance: Mapping[str, float]
    expected: Mapping[str, Any] | None = None
    python: str = sys.executable

    @classmethod
    def read(cls, path: Path) -> "Task":
        """Read a task from its file."""
        if not path.is_file():
            raise Unreadable(f"a task must be a file, but {path} is none; check the path.")
        found = runpy.run_path(str(path))
        expected = found.get("EXPECTED")
        needed = ("PEER", "SIZE", "UNIT", *SIDES[: 1 if expected else 2])
        if lost := [name for name in needed if name not in found]:
            raise BadValue(f"a task must define {some(lost)}, but {path} does not; add it.")
        goal, tolerance = found.get("GOAL"), found.get("TOLERANCE", {})
        peer, size, unit = found["PEER"], found["SIZE"], found["UNIT"]
        python = os.environ.get(found.get("PYTHON", ""), sys.executable)
        return cls(path.stem, path, peer, size, unit, goal, tolerance, expected, python)

    def peer_version(self) -> str | None:
        """Return the version of the peer, None where it is not installed."""
        if self.python == sys.executable:
            try:
                return metadata.version(self.peer)
            except metadata.PackageNotFoundError:
                return None
        asked = f"from importlib import metadata; print(metadata.version({self.peer!r}))"
        done = subprocess.run(
            [self.python, "-c", asked], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() or None


class Failed(Exception):
    """A side that broke; its words are the last line of its error."""


def bench(
    names: Sequence[str] = (),
    *,
    peers: Sequence[str] = (),
    runs: int = 5,
    size_factor: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Measure tasks and return their rows.

    Parameters
    ----------
    names : sequence of str
        Names of tasks, or paths of files that define one (`.py`); all of ours by default.
    peers : sequence of str
        Of these tasks only those with one of these peers; by default all.
    runs : int
        How often each side of a task runs, at least 1.
    size_factor : float
        By what every size is multiplied, above 0; sizes stay at least 24.
    progress : callable, optional
        Called with the processes done and in all.

    Raises
    ------
    BadValue
        If an option cannot be right, or a file is no task.
    UnknownName
        If no task has that name, or none of them that peer.
    """
    if runs < 1 or not 0 < size_factor < math.inf:
        raise BadValue(
            "runs must be at least 1 and the size factor above 0, but "
            f"{runs} and {size_factor} came; use 5 and 1."
        )
    tasks = _beside(peers, [Task.read(path) for path in _paths(names)])
    total = 2 * runs * len(tasks)
    rows = []
    for at, task in enumerate(tasks):
        size = max(_FEWEST, round(task.size * size_factor))
        start = 2 * runs * at
        report = (lambda n, start=start: progress(start + n, total)) if progress else None
        rows.append(_row(task, size, runs, report))
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the rows for people."""
    return f"{plain(_caption(rows))}\n{text_table(_HEADER, [_cells(row) for row in rows])}"


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the rows as a page in Markdown."""
    lines = [_HEADER, ["---"] * len(_HEADER), *map(_cells, rows)]
    told = "\n".join(f"| {' | '.join(plain(each) for each in line)} |" for line in lines)
    return f"""# Benchmarks

{plain(_caption(rows))}.

A ratio above 1 says that we are faster; "goal" is the ratio to reach. "equal" says that the figures of
both sides agreed in every run, to the last bit unless the task in `tests/bench/tasks/` names a
tolerance. Imports, and what a task prepares, come before the clock runs. Written by
`workbench bench --write docs/benchmarks.md`.

{told}
"""


_HEADER = ["task", "size", "peer", "ours, s", "peer, s", "ratio", "spread", "goal", "equal"]
_HEADER += ["ours, MB", "peer, MB", "note"]


def _caption(rows: Sequence[Mapping[str, Any]]) -> str:
    return (
        f"Ratios of a peer's seconds to ours, medians of {rows[0]['runs']} interleaved runs each; "
        f"workbench {__version__}; {rows[0]['machine']}"
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        row["task"],
        row["size"],
        f"{row['peer']} {row['peer_version'] or ''}".strip(),
        number(row["seconds"], 3),
        number(row["peer_seconds"], 3),
        number(row["ratio"]),
        number(row["spread"]),
        number(row["goal"], 1),
        {True: "yes", False: "no", None: "–"}[row["equal"]],
        number(row["memory_mb"], 0),
        number(row["peer_memory_mb"], 0),
        row["note"] or "",
    ]


def _paths(names: Sequence[str]) -> list[Path]:
    ours = {path.stem: path for path in sorted((FOLDER / "tasks").glob("*.py"))}
    for name in names:
        if not name.endswith(".py") and name not in ours:
            raise unknown_name("task", name, ours)
    return [Path(name) if name.endswith(".py") else ours[name] for name in names or ours]


def _beside(peers: Sequence[str], tasks: Sequence[Task]) -> list[Task]:
    known = {task.peer for task in tasks}
    if strange := [peer for peer in peers if peer not in known]:
        raise unknown_name("peer", strange[0], known)
    return [task for task in tasks if not peers or task.peer in peers]


def _row(task: Task, size: int, runs: int, report: Callable[[int], None] | None) -> dict[str, Any]:
    """Run both sides of a task in turn and compare them."""
    row = {"task": task.name, "peer": task.peer, "size": task.unit.format(n=size)}
    row |= dict.fromkeys(("ratio", "goal", "equal", "spread", "memory_mb"))
    row |= {"machine": machine(), "goal": task.goal, "runs": runs, "version": __version__}
    row |= dict.fromkeys(("seconds", "peer_seconds", "peer_memory_mb", "peer_version", "note"))
    row["peer_version"] = None if task.expected else task.peer_version()
    if row["peer_version"] is None and not task.expected:
        return row | {"note": f"not run: {task.peer} is not installed (pip install -e .[test])"}
    pairs = []
    try:
        for at in range(runs):
            pairs.append([_measured(task, side, size) for side in SIDES])
            if report:
                report(2 * at + 2)
    except Failed as error:
        return row | {"equal": False, "note": f"failed: {error}"}
    return row | _summary(task, pairs)


def _measured(task: Task, side: str, size: int) -> dict[str, Any]:
    """Run one side in a process of its own; what is expected needs no run."""
    if side == "theirs" and task.expected:
        return {"seconds": None, "memory_mb": None, "figures": task.expected}
    python = task.python if side == "theirs" else sys.executable
    command = [python, FOLDER / "measure.py", task.path.resolve(), side, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise Failed(f"{side}: {plain(lines[-1], width=200)}")
    return json.loads(done.stdout.splitlines()[-1])


def _summary(task: Task, pairs: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    ours, theirs = zip(*pairs, strict=True)
    agreed = [agree(own["figures"], peer["figures"], task.tolerance) for own, peer in pairs]
    seconds = statistics.median(run["seconds"] for run in ours)
    found = {
        "equal": all(agreed),
        "memory_mb": round(max(run["memory_mb"] for run in ours), 1),
        "seconds": round(seconds, 5),
    }
    if task.expected:
        # what came out instead is the only trace of a fault that chance has found
        odd = [
            run["figures"]
            for run in ours
            if not agree(run["figures"], task.expected, task.tolerance)
        ]
        return found | ({"note": plain(f"came: {json.dumps(odd[0])}", width=300)} if odd else {})
    peer_seconds = statistics.median(run["seconds"] for run in theirs)
    spread = interquartile_range([peer["seconds"] / own["seconds"] for own, peer in pairs])
    return found | {
        "ratio": round(peer_seconds / seconds, 3),
        "spread": None if spread is None else round(spread, 3),
        "peer_memory_mb": round(max(run["memory_mb"] for run in theirs), 1),
        "peer_seconds": round(peer_seconds, 5),
    }


def agree(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], tolerance: Mapping[str, float]
) -> bool:
    """Tell whether two sets of figures have the same names and the same values.

    Parameters
    ----------
    ours, theirs : mapping of str to float or list of float
        The figures; NaN equals NaN.
    tolerance : mapping of str to float
        By the word before ":" in a name, how far two values may differ; 0 by default.

    Examples
    --------
    >>> agree({"p:a": 0.51}, {"p:a": 0.5}, {"p": 0.02}), agree({"p:a": 0.51}, {"p:a": 0.5}, {})
    (True, False)
    """
    if not ours or ours.keys() != theirs.keys():
        return False
    return all(
        _near(ours[name], theirs[name], tolerance.get(name.split(":")[0], 0)) for name in ours
    )


def _near(own: Any, peer: Any, tolerance: float) -> bool:
    if isinstance(own, list) or isinstance(peer, list):
        both = isinstance(own, list) and isinstance(peer, list) and len(own) == len(peer)
        return both and all(_near(*pair, tolerance) for pair in zip(own, peer, strict=True))
    if own is None or peer is None:
        return own is peer
    return own == peer or (own != own and peer != peer) or abs(own - peer) <= tolerance


def interquartile_range(values: Sequence[float]) -> float | None:
    """Return the distance of the quartiles; None for a single value.

    Examples
    --------
    >>> interquartile_range([1.0, 2.0, 3.0, 4.0, 5.0])
    2.0
    """
    if len(values) < 2:
        return None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return high - low


def machine() -> str:
    """Name the processor, its cores, and Python."""
    place = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", place.read_text()) if place.exists() else None
    model = found[1].strip() if found else platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
