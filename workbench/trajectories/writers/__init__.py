"""Runs as files: one module per format, each with a `NAME` and `line(run)`.

Every format is written as lines, one per run; a file of one run is a JSON document too. What a
format cannot hold stands at its own place for such things, so that reading gives the same runs.
"""

import gzip
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Protocol, cast

from workbench import store
from workbench.errors import BadValue, unknown_name
from workbench.trajectories.collection import each_run
from workbench.trajectories.model import Run

FORMATS = ("jsonl", "otlp", "atif", "openai_chat")
"""The modules of the writers."""


class Writer(Protocol):
    """What the module of a format offers."""

    NAME: str

    def line(self, run: Run) -> bytes:
        """Return a run as one line of JSON."""


def names() -> list[str]:
    """Return the names of all formats that can be written.

    Examples
    --------
    >>> names()
    ['jsonl', 'otlp', 'atif', 'openai-chat']
    """
    return [module.replace("_", "-") for module in FORMATS]


def write(runs: Run | Iterable[Run], path: str | Path, *, format: str = "jsonl") -> None:
    """Write runs to a file, whole or not at all.

    Parameters
    ----------
    runs : Run or iterable of Run
        Such as `Runs`; one is in memory at a time.
    path : str or Path
        The file; with `.gz` at its end it is packed.
    format : {"jsonl", "otlp", "atif", "openai-chat"}
        `jsonl` holds every field of the model as it is. The others are written as their
        conventions say, and what they cannot hold stands in an extension that `read` understands.

    Raises
    ------
    UnknownName
        If there is no such format.
    BadKind
        If something is no run.
    BadValue
        If there are no runs, since nobody could tell the file's format, or two with one id.
    OSError
        If the file cannot be written; then it stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> from workbench.trajectories.model import Step
    >>> from workbench.trajectories.reading import read
    >>> run = Run("mine", "/0", [Step("chat", "/0/0")], run_id="a", outcome=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write([run], f"{folder}/runs.jsonl")
    ...     read(f"{folder}/runs.jsonl")["a"].outcome
    True
    """
    if format not in names():
        raise unknown_name("a format of trajectories to write", format, names())
    writer = importlib.import_module(f"{__name__}.{format.replace('-', '_')}")
    with store.replacing(path) as stream:
        if not str(path).endswith(".gz"):
            _write(runs, cast(Writer, writer), stream)
            return
        # no name and no time, so that the same runs give the same bytes
        with gzip.GzipFile("", "wb", mtime=0, fileobj=stream) as packed:
            _write(runs, cast(Writer, writer), cast(IO[bytes], packed))


def _write(runs: Run | Iterable[Run], writer: Writer, stream: IO[bytes]) -> None:
    ids: set[str] = set()
    n_runs = 0
    for run in each_run(runs, "a file is written of"):
        n_runs += 1
        if (run_id := run.run_id or run.name) is not None:
            if run_id in ids:
                raise BadValue(
                    f"runs that are written must each have an id of their own, but {run_id!r} came "
                    "twice; rename one."
                )
            ids.add(run_id)
        stream.write(writer.line(run) + b"\n")
    if not n_runs:
        raise BadValue("a file of runs must hold some, but there are none to write; write no file.")
