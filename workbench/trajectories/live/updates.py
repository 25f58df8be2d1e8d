"""`Update`: what one poll of a watch found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.trajectories.collection import Runs
from workbench.trajectories.ledger import Ledger, frame_of
from workbench.trajectories.live.alerts import Alarm
from workbench.trajectories.model import Notice, Run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Told = tuple[str, Notice]
"""The name of a file, and what is to be said of it."""


@dataclass(frozen=True, eq=False)
class Update:
    """What a poll found.

    Parameters
    ----------
    now : float
        When it was made, in seconds since 1970.
    new, changed, gone : tuple of str
        Ids of runs. A run whose place only has moved is not changed.
    table : pyarrow Table
        STEPS that were not there before.
    told : sequence of (str, Notice)
        What is to be said of files.
    alarms : tuple of Alarm
        Alerts that started or ended.
    n_bytes : int
        How much was read from files.
    """

    now: float
    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    table: "pa.Table"
    told: Sequence[Told]
    alarms: tuple[Alarm, ...]
    n_bytes: int

    def __bool__(self) -> bool:
        """Tell whether anything happened."""
        return bool(self.new or self.changed or self.gone or self.told or self.alarms)

    @cached_property
    def steps(self) -> "pd.DataFrame":
        """STEPS that were not there before."""
        return frame_of(self.table)

    @cached_property
    def findings(self) -> "pd.DataFrame":
        """FINDINGS that were not told before."""
        return findings_of(self.told)

    def __repr__(self) -> str:
        counts = {
            ("new run", "new runs"): len(self.new),
            ("changed run", "changed runs"): len(self.changed),
            ("run gone", "runs gone"): len(self.gone),
            ("new step", "new steps"): self.table.num_rows,
            ("finding", "findings"): len(self.told),
            ("alert", "alerts"): len(self.alarms),
        }
        shown = [counted(n, *names) for names, n in counts.items() if n]
        return f"Update: {', '.join(shown) or 'nothing new'}"


def counted(n: int, one: str, many: str = "") -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "step"), counted(2, "step"), counted(2, "run gone", "runs gone")
    ('1 step', '2 steps', '2 runs gone')
    """
    return f"{n} {one if n == 1 else many or f'{one}s'}"


def findings_of(told: Iterable[Told]) -> "pd.DataFrame":
    """Return FINDINGS of what is to be said of files."""
    grouped: dict[str, list[Notice]] = {}
    for name, notice in told:
        grouped.setdefault(name, []).append(notice)
    return Runs(Ledger(), _nothing, grouped).findings


def _nothing(run_id: str) -> Run:
    raise AssertionError(run_id)  # of no runs none is asked for
