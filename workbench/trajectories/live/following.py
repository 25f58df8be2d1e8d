"""`follow`: files of trajectories that grow, as `Runs` at any time, with alerts on their figures.

A watch polls; nothing happens between polls. Whoever polls, one thread does at a time, and what it
finds goes to all who subscribed. Each poll reads what was appended (see `growing`).
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from workbench.display import plain
from workbench.errors import BadValue, Unreadable
from workbench.trajectories import readers
from workbench.trajectories.collection import Runs
from workbench.trajectories.live.alerts import Alarm, Alert, Alerts
from workbench.trajectories.live.growing import Known
from workbench.trajectories.live.logs import Logs
from workbench.trajectories.live.sending import Outlets, Webhook
from workbench.trajectories.live.updates import Told, Update, counted, findings_of
from workbench.trajectories.model import Run
from workbench.trajectories.sources.documents import Limits

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from workbench.widgets.dashboard import Dashboard

# So many findings are kept of all that polls told.
_MOST_TOLD = 10_000


def follow(
    path: str | Path,
    *,
    alerts: Iterable[Alert] = (),
    callback: Callable[[Alarm], object] | None = None,
    log: str | Path | None = None,
    webhook: Webhook | str | None = None,
    format: str | None = None,
    limits: Limits | None = None,
) -> "Watch":
    """Follow a file or folder of logs that grow.

    Parameters
    ----------
    path : str or Path
        Of any known format. It need not be there yet, but its folder must be.
    alerts : iterable of Alert
        Figures to look after; they are judged at each poll.
    callback : callable, optional
        Called with each `Alarm`, in the thread that polls.
    log : str or Path, optional
        A file, outside `path`, to which each alarm is appended as a line of JSON.
    webhook : str or Webhook, optional
        A URL to which each alarm is sent as JSON; the only address that is ever asked.
    format : str, optional
        One of `readers.names()`; found by content when not given.
    limits : Limits, optional
        How much of a file is read at most.

    Returns
    -------
    Watch
        Nothing is read before its first poll.

    Raises
    ------
    Unreadable
        If neither the path nor the folder it should be in is there.
    UnknownName
        If there is no such format.
    BadValue
        If the log stands in the folder that is followed, or the webhook is no URL.

    Notes
    -----
    Lines of OTLP are read once, as they are appended; a poll takes what these bytes take, and some
    80 µs for each step of the runs to which they belong. Other logs are read anew when they change.
    A line, or a JSON value, that has begun and not ended waits; `poll(last=True)` reads it as it is.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> watch = follow(folder.name)
    >>> watch.poll()
    Update: nothing new
    >>> line = '{"task_id": 1, "reward": 1.0, "trial": 0, "info": {}, "traj": [{"role": "user", "content": "Hi"}]}'
    >>> file = Path(folder.name, "runs.json")
    >>> _ = file.write_text(f"[{line}, {line[:40]}")
    >>> watch.poll()
    Update: nothing new
    >>> _ = file.write_text(f"[{line}, {line}]")
    >>> watch.poll()
    Update: 2 new runs, 2 new steps
    >>> watch.runs
    2 runs, 2 steps: tau-bench
    >>> folder.cleanup()
    """
    place = Path(path)
    if not place.exists() and not place.absolute().parent.is_dir():
        raise Unreadable(
            f"what is followed must be there, or its folder, but there is neither {place} nor a "
            "folder for it; check the path."
        )
    if format is not None:
        readers.reader_named(format)
    if log is not None and place.resolve() in (Path(log).resolve(), *Path(log).resolve().parents):
        raise BadValue(
            f"the log of alerts must be outside what is followed, but {log} is in {place}; put it "
            "elsewhere."
        )
    return Watch(place, Alerts(alerts), Outlets(callback, log, webhook), format, limits or Limits())


class Watch:
    """Files that are followed; `follow` makes one.

    Its methods may be called from any thread, and inside a running event loop.

    Parameters
    ----------
    path : Path
        A file or folder.
    alerts : Alerts
        What is looked after.
    outlets : Outlets
        Where alarms go.
    format : str, optional
        Of all files.
    limits : Limits
        How much is read at most.
    """

    def __init__(
        self, path: Path, alerts: Alerts, outlets: Outlets, format: str | None, limits: Limits
    ) -> None:
        self.path = path
        self._alerts, self._outlets = alerts, outlets
        self._lock = threading.RLock()
        self._logs = Logs(path, format, limits)
        self._runs: Runs | None = None
        self._told: list[Told] = []
        self._subscribers: list[Callable[[Update], object]] = []
        self._halt = threading.Event()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        with self._lock:
            n_files, n_runs, n_steps = self._logs.counts
            started = self._alerts.started
        shown = [counted(n_files, "file"), counted(n_runs, "run"), counted(n_steps, "step")]
        state = "polled by a thread" if self.is_running else "polled by hand"
        rung = f"; started: {', '.join(started)}" if started else ""
        return f"Watch: {plain(self.path.name, width=80)}: {', '.join(shown)}; {state}{rung}"

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def started(self) -> list[str]:
        """The names of alerts that have started and not ended."""
        with self._lock:
            return self._alerts.started

    @property
    def is_running(self) -> bool:
        """Whether a thread polls."""
        return self._thread is not None and self._thread.is_alive()

    def poll(self, *, now: float | None = None, last: bool = False) -> Update:
        """Read what is new, and judge the alerts.

        Parameters
        ----------
        now : float, optional
            Seconds since 1970, to which the windows of alerts reach; by default the clock's.
        last : bool
            Whether the files have ended, so that a line or value that waits is read as it is.

        Returns
        -------
        Update
            What was not there before.
        """
        moment = time.time() if now is None else now
        with self._lock:
            update = self._poll(moment, last=last)
        for alarm in update.alarms:
            self._outlets.send(alarm)
        if update:
            self._publish(update)
        return update

    @property
    def runs(self) -> Runs:
        """All runs as they were at the last poll, as `read` would give them."""
        with self._lock:
            if self._runs is None:
                self._runs = self._logs.collected(self._load)
            return self._runs

    @property
    def findings(self) -> "pd.DataFrame":
        """FINDINGS that polls told, the last ten thousand of them."""
        with self._lock:
            return findings_of(self._told)

    def recent(self, since_ns: int) -> "pa.Table":
        """Return STEPS of the runs that were at work since a moment.

        Parameters
        ----------
        since_ns : int
            Nanoseconds since 1970. A run without times was never at work.
        """
        with self._lock:
            return self._logs.recent(since_ns)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many files, runs and steps there were at the last poll."""
        with self._lock:
            return self._logs.counts

    @property
    def last_ns(self) -> int | None:
        """The last moment that any run tells, in nanoseconds since 1970."""
        with self._lock:
            return self._logs.last_ns

    def subscribe(self, callback: Callable[[Update], object]) -> Callable[[], None]:
        """Have a function called with each update that is not empty.

        Parameters
        ----------
        callback : callable
            Called in the thread that polled. What it raises becomes a finding.

        Returns
        -------
        callable
            Ends the subscription.
        """
        with self._lock:
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._subscribers:
                    self._subscribers.remove(callback)

        return unsubscribe

    def updates(
        self, *, every_s: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[Update]:
        """Poll again and again, and yield each update that is not empty.

        Parameters
        ----------
        every_s : float
            How long to wait between polls.
        stop : threading.Event, optional
            Ends the loop, after one more poll; `Watch.stop` does too.
        """
        with self._lock:
            if self._halt.is_set():
                self._halt = threading.Event()
            own = self._halt
        while True:
            ended = own.is_set() or (stop is not None and stop.is_set())
            if update := self.poll():
                yield update
            if ended:
                return
            (stop or own).wait(every_s)

    def start(self, *, every_s: float = 1.0) -> "Watch":
        """Let a thread poll; what it finds goes to those who subscribed.

        Parameters
        ----------
        every_s : float
            How long to wait between polls.

        Returns
        -------
        Watch
            Itself. If a thread polls already, nothing changes.
        """
        with self._lock:
            if not self.is_running:
                self._halt = threading.Event()
                self._thread = threading.Thread(
                    target=self._keep_polling,
                    args=(self._halt, every_s),
                    name="workbench-follow",
                    daemon=True,
                )
                self._thread.start()
        return self

    def stop(self, *, within_s: float = 10.0) -> None:
        """End the polling, and wait until alarms are sent.

        Parameters
        ----------
        within_s : float
            How long to wait at most.
        """
        self._halt.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(within_s)
        if not self._outlets.flush(within_s):
            self._outlets.fail("webhook", f"some alerts were not sent within {within_s:g} s")

    def dashboard(self, *, every: str = "1min", every_s: float = 1.0) -> "Dashboard":
        """Show the figures of the last windows in a panel that changes as files grow.

        Parameters
        ----------
        every : str
            The length of a window, as in `analysis.over_time`.
        every_s : float
            How long the thread that polls waits; 0 for none, so that whoever polls moves the panel.

        Returns
        -------
        Dashboard
            A widget.
        """
        # an import upwards: the panel is asked for where the watch is at hand
        from workbench.widgets.dashboard import Dashboard

        panel = Dashboard(self, every=every)
        if every_s:
            self.start(every_s=every_s)
        return panel

    def _keep_polling(self, halt: threading.Event, every_s: float) -> None:
        while not halt.is_set():
            self.poll()
            halt.wait(every_s)

    def _publish(self, update: Update) -> None:
        for subscriber in list(self._subscribers):
            try:
                subscriber(update)
            except Exception as error:
                self._outlets.fail("subscriber", f"a subscriber raised {type(error).__name__}")

    def _poll(self, now: float, *, last: bool) -> Update:
        changes, ids, told = self._logs.look(last=last)
        if any(changes.values()):
            self._runs = None
        told += [("alerts", notice) for notice in self._outlets.failures()]
        self._told = (self._told + told)[-_MOST_TOLD:]
        return Update(
            now,
            *ids,
            self._logs.new_steps(changes),
            tuple(told),
            tuple(self._alerts.judge(self._logs.recent, now)),
            sum(change.n_bytes for change in changes.values()),
        )

    def _load(self, known: Known, run_id: str) -> Run:
        with self._lock:
            return known.load(run_id)
