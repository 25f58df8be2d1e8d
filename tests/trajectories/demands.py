"""What must hold of any file, however broken: it is refused in a sentence, or read and accounted for."""

import re
import resource
import runpy
import signal
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from workbench import tables
from workbench.errors import InputError
from workbench.trajectories import readers
from workbench.trajectories.collection import Runs
from workbench.trajectories.ledger import Ledger
from workbench.trajectories.model import Run
from workbench.trajectories.reading import read
from workbench.trajectories.sources.documents import Document, Limits

mutation = runpy.run_path(str(Path(__file__).with_name("mutating.py")))["mutation"]
lost = runpy.run_path(str(Path(__file__).with_name("losses.py")))["lost"]

LIMITS = Limits(file_bytes=8 * 2**20, entry_bytes=4 * 2**20)
"""Small enough for bombs to be small."""

SLOW_S = 5.0
"""Seconds of the processor that no file may take."""

LARGE_MB = 300
"""Megabytes that no file may take."""


class Verdict(NamedTuple):
    """What was wrong, each with its kind first, and the seconds that reading took."""

    faults: list[str]
    seconds: float
    refused: bool


class _TooLong(BaseException):
    """Reading takes far too long."""


def judge(path: Path, format: str, *, with_tables: bool = True) -> Verdict:
    """Read a file that was of a format before it was broken, and say what does not hold.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        What it was.
    with_tables : bool
        Whether the frames are made and checked, which takes longer than all the rest.
    """
    begin, refused = time.process_time(), False
    faults: list[str] = []
    runs: Runs | None = None
    loaded: list[Run] = []
    for named in (None, format):
        try:
            with _limited():
                runs = read(path, format=named, limits=LIMITS)
                loaded = [runs[run_id] for run_id in runs.ids]
        except InputError as error:
            refused = True
            faults += _wording(str(error))
            continue
        except _TooLong:
            faults.append(f"slow: more than {4 * SLOW_S} s")
        except Exception as error:
            faults.append(f"crash: {_told(error)}")
        break
    seconds = time.process_time() - begin
    if seconds > SLOW_S:
        faults.append(f"slow: {seconds:.1f} s")
    if runs is not None and not faults:
        refused = False
        try:
            faults += _of_runs(runs, loaded, with_tables=with_tables)
            faults += lost(path, runs, loaded, reader=named or _reader(path), limits=LIMITS)
        except Exception as error:
            faults.append(f"crash: {_told(error)}")
    return Verdict(faults, seconds, refused)


def _reader(path: Path) -> str:
    found = readers.reader_of(Document(path, path.name, LIMITS))
    return found.NAME if found else ""


def _told(error: Exception) -> str:
    """Return an error with the place in our own code that it comes from."""
    frames = [
        each for each in traceback.extract_tb(error.__traceback__) if "workbench" in each.filename
    ]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}: {error!s:.200}"


@contextmanager
def _limited() -> Iterator[None]:
    """Break off what takes far too much of the processor."""

    def too_long(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, 4 * SLOW_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _wording(message: str) -> list[str]:
    one = message.endswith(("?", ".")) and "\n" not in message and len(message) < 1_500
    return [] if one else [f"wording: {message!r:.300}"]


class Trial(NamedTuple):
    """What came of one broken file: the seed that it can be made from again, and what was done."""

    seed: int
    what: str
    faults: list[str]
    seconds: float
    refused: bool


def trials(
    format: str, files: list[bytes], numbers: Iterable[int], *, tables_of: int = 8
) -> Iterator[Trial]:
    """Break files of a format and judge what comes of each.

    Parameters
    ----------
    format : str
        Its name.
    files : list of bytes
        Whole files of it.
    numbers : iterable of int
        Seeds, one for each trial.
    tables_of : int
        One file of so many has its frames checked too, which takes longer than all the rest.
    """
    most_mb = _peak_mb() + LARGE_MB
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "broken"
        for number in numbers:
            broken = mutation(files, Random(f"{format} {number}"))
            path.write_bytes(broken.data)
            verdict = judge(path, format, with_tables=number % tables_of == 0)
            faults = verdict.faults
            if (peak := _peak_mb()) > most_mb:
                faults.append(f"large: a peak of {peak:.0f} MB")
                most_mb = peak + LARGE_MB
            yield Trial(number, broken.what, faults, verdict.seconds, verdict.refused)


def _peak_mb() -> float:
    """Return the peak of this process's memory; on Linux rusage would hold that of our parent too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


# --- runs and tables


def _of_runs(runs: Runs, loaded: list[Run], *, with_tables: bool) -> Iterator[str]:
    ledger = Ledger()
    for run in loaded:
        ledger.add(run)
        yield from _links(run)
    table = runs.table
    if table.to_pydict() != ledger.steps().to_pydict():
        yield f"steps: {_difference(table.to_pydict(), ledger.steps().to_pydict())}"
    # what no column of a frame holds; -1 stands for what was not recorded, so it must not come in
    for record in ledger.records:
        for name, value in record.items():
            if isinstance(value, int) and not 0 <= value < 2**63:
                yield f"tables: {name} of a run is {value}"
    if with_tables:
        yield from _of_tables(runs, ledger)


def _of_tables(runs: Runs, ledger: Ledger) -> Iterator[str]:
    again = Runs(ledger, runs.__getitem__).frame
    if not runs.frame.equals(again):
        yield f"runs: {_difference(runs.frame.to_dict('list'), again.to_dict('list'))}"
    try:
        tables.RUNS.check(runs.frame, source="read")
        tables.STEPS.check(runs.steps, source="read")
        tables.FINDINGS.check(runs.findings, source="read")
        assert list(runs.annotations)
    except InputError as error:
        yield f"tables: {error}"


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    for name in one:
        if repr(one[name]) != repr(other[name]):
            return f"{name} is {one[name]!r:.150}, in full {other[name]!r:.150}"
    return "the columns differ"


def _links(run: Run) -> Iterator[str]:
    for name in ("parent", "call_step"):
        above = [getattr(step, name) for step in run.steps]
        if any(each is not None and not 0 <= each < len(above) for each in above):
            yield f"links: {name} is {above!r:.200}"
        elif name == "parent" and (round_ := circle_in(above)) is not None:
            yield f"links: {name} goes round at step {round_}"


def circle_in(above: list[int | None]) -> int | None:
    """Return a step that encloses itself; None where there is none.

    Examples
    --------
    >>> circle_in([None, 2, 3, 1]), circle_in([None, 0, 1])
    (1, None)
    """
    ended: set[int] = set()
    for start in range(len(above)):
        path: list[int] = []
        on_path: set[int] = set()
        at: int | None = start
        while at is not None and at not in ended:
            if at in on_path:
                return at
            path.append(at)
            on_path.add(at)
            at = above[at]
        ended.update(path)
    return None
