"""Broken files of every format, read on all cores; what the task `fuzz` counts."""

import os
import runpy
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "trajectories"
# So many files are broken by one worker before it takes the next lot.
_LOT = 250

Lot = tuple[str, int, int]
"""A format, and the first seed and that after the last."""


@cache
def _files() -> dict[str, list[bytes]]:
    return runpy.run_path(str(FOLDER / "seeds.py"))["seeds"](FOLDER / "fixtures", most=16_000)


@cache
def _demands() -> dict[str, Any]:
    return runpy.run_path(str(FOLDER / "demands.py"))


def faults_of(lot: Lot) -> list[tuple[str, int, list[str]]]:
    """Break and read the files of a lot; return format, seed and faults of those that fail."""
    format, first, end = lot
    trials = _demands()["trials"](format, _files()[format], range(first, end))
    return [(format, trial.seed, trial.faults) for trial in trials if trial.faults]


def lots(first: int, n: int) -> Iterator[Lot]:
    """Yield lots of n files of each format, the formats in turn."""
    for at in range(first, first + n, _LOT):
        for format in _files():
            yield format, at, min(at + _LOT, first + n)


def faults(first: int, n: int) -> list[tuple[str, int, list[str]]]:
    """Return the faults of n files of each format, from a first seed on."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return [each for found in pool.map(faults_of, lots(first, n)) for each in found]
