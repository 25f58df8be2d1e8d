"""Code that systems wrote, judged by running it: by a command of the user's, never by us."""

import os
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from workbench.errors import BadValue, some
from workbench.metrics.base import Array, Mean, option
from workbench.metrics.fences import fenced
from workbench.metrics.patterns import texts_of
from workbench.workers import n_processes

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["passed", "failed", "timeout", "no sandbox"]

# How docker and podman say that they could not run a container: the code is not to blame.
_NO_SANDBOX = (125, 126, 127)
# Seconds that a process that was killed may take to be gone.
_DYING_S = 10.0


@dataclass(frozen=True)
class Executed(Mean):
    """Executed: the share of outputs whose code passes its row's tests, 0 to 1.

    **Safety is that of the command.** What models write is hostile: a command such as
    ``["python", "tests.py"]`` lets it read and delete your files. Name one that shuts it in: a container
    without network, a virtual machine, a sandbox with limits of memory and processes.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments, without a shell. Of each argument ``{folder}`` is replaced by
        the path of a new folder that holds the code and the tests, and is the working folder;
        exit status 0 means passed.
    tests : str, optional
        The column of ROWS whose text is written beside the code; by default there is none.
    code_file, tests_file : str
        The names of the files in the folder.
    code : {"fence", "text"}
        What is code: the fenced blocks of an output, one after another, or all of it where there
        are none; or always all of it.
    timeout_s : float
        Seconds until the command and its group of processes are killed.
    environment : mapping of str to str, optional
        Variables that the command gets beside PATH, HOME and TMPDIR (the new folder) and LANG; none of
        yours, so no keys.
    workers : int, optional
        Commands that run at once, as threads wait for them; one per processor by default.
    name : str
        The name in tables.

    Raises
    ------
    BadValue
        If an option cannot be right. When scoring: if the command cannot be started, or a row has no
        tests.

    Notes
    -----
    What the command prints is thrown away, however much it is, and its standard input is empty.
    Exit statuses 125, 126 and 127 are how docker and podman say that they could not run a container:
    such an output has no value, and is counted as "no sandbox". Timeouts are failures that are
    counted apart. Results may depend on the load of the machine, so no cache keeps them. Processes
    that leave their group are not killed, nor are containers whose client is: let the command do
    that (``timeout 10 …`` inside it).

    References
    ----------
    Chen et al. (2021), section 2.

    Examples
    --------
    >>> podman = ["podman", "run", "--rm", "--network=none", "--memory=512m", "--pids-limit=64"]
    >>> podman += ["--volume={folder}:/code:ro", "--workdir=/code", "python:3.13", "python", "tests.py"]
    >>> Executed(podman, tests="tests").signature.partition("|tests")[2]
    ':tests|code:fence|files:answer.py,tests.py|timeout:10|version:wb2'
    """

    command: Sequence[str]
    tests: str | None = None
    code_file: str = "answer.py"
    tests_file: str = "tests.py"
    code: Literal["fence", "text"] = "fence"
    timeout_s: float = 10.0
    environment: Sequence[tuple[str, str]] | dict[str, str] = field(default=(), repr=False)
    workers: int | None = None
    name: str = "executed"
    notes: ClassVar[tuple[str, ...]] = ("timeout", "no sandbox")

    def __post_init__(self) -> None:
        option("code", self.code, ("fence", "text"))
        if isinstance(self.command, str) or not self.command:
            raise BadValue(
                "a command must be a list of its words, for no shell reads it, but "
                f"{self.command!r} came; write ['podman', 'run', …]."
            )
        names = (self.code_file, self.tests_file)
        if len(set(names)) < 2 or any(Path(each).name != each for each in names):
            raise BadValue(
                f"code_file and tests_file must be two plain names, but {some(names)} came; use "
                "'answer.py' and 'tests.py'."
            )
        if not 0 < self.timeout_s < np.inf or (self.workers is not None and self.workers < 1):
            raise BadValue(
                "timeout_s must be above 0 and workers at least 1, but "
                f"{self.timeout_s} and {self.workers} came; use 10.0 and None."
            )
        object.__setattr__(self, "command", tuple(map(str, self.command)))
        object.__setattr__(self, "environment", tuple(sorted(dict(self.environment).items())))

    @property
    def signature(self) -> str:
        """The command, what it is given and the version of this definition."""
        return (
            f"run:{' '.join(self.command)}|tests:{self.tests or 'none'}|code:{self.code}"
            f"|files:{self.code_file},{self.tests_file}|timeout:{self.timeout_s:g}|version:wb2"
        )

    @property
    def movable(self) -> bool:
        """Never: the command may be at hand here only."""
        return False

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return hit, count and notes of each output."""
        tests = [""] * len(outputs)
        if self.tests is not None:
            tests = texts_of(self, outputs, self.tests, "tests")
        with ThreadPoolExecutor(self.workers or n_processes()) as pool:
            try:
                verdicts = list(pool.map(self.verdict, outputs["text"], tests))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        marks: dict[Verdict, tuple[float, ...]] = {
            "passed": (1, 1, 0, 0),
            "failed": (0, 1, 0, 0),
            "timeout": (0, 1, 1, 0),
            "no sandbox": (np.nan, np.nan, 0, 1),
        }
        return np.array([marks[each] for each in verdicts], dtype=np.float64).reshape(-1, 4)

    def verdict(self, text: str, tests: str = "") -> Verdict:
        """Run the code of one output.

        Parameters
        ----------
        text : str
            What a system wrote.
        tests : str
            Its row's tests.

        Returns
        -------
        {"passed", "failed", "timeout", "no sandbox"}
        """
        blocks = fenced(text) if self.code == "fence" else []
        # what the sandbox leaves there under another user's name stays, and is no fault of ours
        with TemporaryDirectory(prefix="executed-", ignore_cleanup_errors=True) as folder:
            home = Path(folder)
            written = ((self.code_file, "\n".join(blocks) or text), (self.tests_file, tests))
            for name, content in written if self.tests is not None else written[:1]:
                (home / name).write_text(content, encoding="utf-8", errors="replace", newline="")
            return self._run(folder)

    def _run(self, folder: str) -> Verdict:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's command
                [each.replace("{folder}", folder) for each in self.command],
                cwd=folder,
                env=self._environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a group of its own, to be killed as one
            )
        except (OSError, ValueError) as error:
            raise BadValue(
                f"the command of {self.name} must be one that can be started, but "
                f"{self.command[0]!r} cannot ({error}); install it, or name another."
            ) from None
        try:
            status = process.wait(self.timeout_s)
        except subprocess.TimeoutExpired:
            return "timeout"
        finally:
            self._end(process)
        if status in _NO_SANDBOX:
            return "no sandbox"
        return "failed" if status else "passed"

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill what is left of a command, and of what it has begun."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        try:
            process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            raise BadValue(
                f"the command of {self.name} must be one that we may kill, but {self.command[0]!r} "
                f"still runs as process {process.pid}; end it, and name one that runs as you do."
            ) from None

    def _environment(self, folder: str) -> dict[str, str]:
        """Return all that the command gets to know of where it runs."""
        fixed = {"PATH": os.pathsep.join(os.get_exec_path()), "LANG": "C.UTF-8"}
        return fixed | {"HOME": folder, "TMPDIR": folder} | dict(self.environment)
