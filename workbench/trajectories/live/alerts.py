"""Alerts: a figure of the last minutes passes a threshold, and later comes back from it.

A figure is counted over the steps that ended within the window, each once: a span that wraps others
repeats their figures. An alert fires once when it starts and once when it ends. To end, the figure
must come back by a margin, so that one that hovers at its threshold does not ring again and again.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from workbench import display
from workbench.display import plain
from workbench.errors import BadKind, BadValue, unknown_name
from workbench.trajectories.analysis import quantile_interval, wilson
from workbench.trajectories.analysis.columns import Floats, Ints, Mask, Steps, covered_rows
from workbench.trajectories.model import MODEL_KINDS

if TYPE_CHECKING:
    import pyarrow as pa

FIGURES = (
    "error_rate",
    "latency_p50_s",
    "latency_p90_s",
    "latency_p95_s",
    "latency_p99_s",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "tokens",
    "steps_per_run",
    "steps",
    "runs",
    "calls",
)
"""What an alert can watch."""

_SECOND = 10**9
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_LENGTH = re.compile(r"([0-9]{1,6})(s|min|m|h|d)")
_OF_TOOLS = {"error_rate", "steps", "calls"}
_NAME = 80


class Figure(NamedTuple):
    """A figure of a window: its value, how many it was counted from, and its interval if it has one.

    NaN stands for a value, or an end, that so few cannot give.
    """

    value: float
    n: int
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """What an alert says when it starts or ends: figures, and names that are made inert.

    Parameters
    ----------
    alert, figure, tool : str
        Which alert, of what; `tool` is empty for all tools.
    state : {"started", "ended"}
        Which of the two.
    value, low, high : float, optional
        The figure and its 95 % interval.
    n : int
        How many it was counted from.
    side : {"above", "below"}
        On which side of the threshold it is bad.
    threshold : float
        As in the alert.
    window : str
        As in the alert.
    now : float
        When, in seconds since 1970.
    """

    alert: str
    figure: str
    tool: str
    state: Literal["started", "ended"]
    value: float | None
    n: int
    low: float | None
    high: float | None
    side: Literal["above", "below"]
    threshold: float
    window: str
    now: float

    @property
    def record(self) -> dict[str, Any]:
        """What goes to a log or a webhook; `id` is the same whenever it is sent again."""
        at = datetime.fromtimestamp(self.now, UTC).isoformat(timespec="milliseconds")
        fields = ("alert", "figure", "tool", "state", "value", "n", "low", "high")
        found = {name: getattr(self, name) for name in fields}
        found |= {self.side: self.threshold, "window": self.window, "time": at}
        return {"id": f"{self.alert} {self.state} {at}", **found}

    def __str__(self) -> str:
        of = f" of {self.tool}" if self.tool else ""
        if self.value is None:
            told = f"{self.figure}{of} can no longer be told"
        else:
            bare = self.low is None and self.high is None
            shown = display.interval(self.value, self.low, self.high, 3)
            told = f"{self.figure}{of} is {display.number(self.value, 3) if bare else shown}"
        return (
            f"{self.alert} {self.state}: {told} over {self.window} (n = {self.n}; alert when "
            f"{self.side} {self.threshold:g})"
        )


@dataclass(frozen=True)
class Alert:
    """A threshold for a figure of the last minutes.

    Parameters
    ----------
    figure : str
        One of `FIGURES`. Of answers of models and calls of tools: `error_rate`, `latency_p95_s`
        (and p50, p90, p99), `steps`. Over leaves: `cost_usd`, `input_tokens`, `output_tokens`,
        `tokens` (both). Of runs with a step in the window: `runs`, and `steps_per_run` (mean, of
        all their steps so far). `calls`: of tools.
    above, below : float
        The alert starts when the figure is above, or below; one of the two.
    window : str
        How far back: a number with s, m (or min), h or d.
    tool : str, optional
        Only calls of this tool; for error rates, latencies, `steps` and `calls`.
    at_least : int, optional
        From how many the figure must be counted; by default 20 for rates, quantiles and means, 1
        for sums, 0 for counts. With fewer nothing is judged; with none an alert ends.
    margin : float
        By which share of the threshold the figure must come back for the alert to end.
    name : str, optional
        What the alert is called; by default what it watches.

    Raises
    ------
    UnknownName
        If there is no such figure.
    BadValue
        If there is not one threshold, or an option cannot be right.

    Examples
    --------
    >>> Alert("error_rate", above=0.2)
    Alert: error_rate above 0.2 over 5m
    >>> Alert("calls", tool="search", below=1, window="1h", name="nobody searches")
    Alert: nobody searches
    """

    figure: str
    above: float | None = None
    below: float | None = None
    window: str = "5m"
    tool: str = ""
    at_least: int | None = None
    margin: float = 0.1
    name: str = ""

    def __post_init__(self) -> None:
        if self.figure not in FIGURES:
            raise unknown_name("figure", self.figure, FIGURES)
        thresholds = [each for each in (self.above, self.below) if each is not None]
        if len(thresholds) != 1 or not math.isfinite(thresholds[0]):
            raise BadValue(
                f"an alert must have one finite threshold, but above={self.above} and "
                f"below={self.below} came; give one of the two."
            )
        if self.tool and not (self.figure in _OF_TOOLS or self.figure.startswith("latency")):
            raise BadValue(
                f"a tool can be chosen for error rates, latencies, steps and calls, but not for "
                f"{self.figure}; leave it out."
            )
        if not 0 <= self.margin < 1 or (self.at_least is not None and self.at_least < 0):
            raise BadValue(
                "margin must be from 0 to below 1 and at_least not negative, but "
                f"{self.margin} and {self.at_least} came; use 0.1 and 20."
            )
        self.window_s  # noqa: B018 - refuses what is no length

    @property
    def window_s(self) -> int:
        """The length of the window in seconds."""
        found = _LENGTH.fullmatch(self.window)
        if not found or not int(found[1]):
            raise BadValue(
                f"window must be a whole number above 0 with s, m, h or d, but {self.window!r} came; "
                "use '5m'."
            )
        return int(found[1]) * _UNITS[found[2]]

    @property
    def title(self) -> str:
        """What the alert is called, inert."""
        of = f" of {self.tool}" if self.tool else ""
        own = f"{self.figure}{of} {self.side} {self.threshold:g} over {self.window}"
        return plain(self.name or own, width=_NAME)

    @property
    def side(self) -> Literal["above", "below"]:
        """On which side of the threshold the figure is bad."""
        return "below" if self.above is None else "above"

    @property
    def threshold(self) -> float:
        """The threshold."""
        return float(self.below if self.above is None else self.above)  # type: ignore[arg-type]

    @property
    def least(self) -> int:
        """From how many the figure must be counted."""
        if self.at_least is not None:
            return self.at_least
        if self.figure in {"steps", "runs", "calls"}:
            return 0
        return 1 if self.figure in {"cost_usd", "input_tokens", "output_tokens", "tokens"} else 20

    def __repr__(self) -> str:
        return f"Alert: {self.title}"

    def starts(self, value: float) -> bool:
        """Tell whether a value is beyond the threshold."""
        return value > self.threshold if self.side == "above" else value < self.threshold

    def stays(self, value: float) -> bool:
        """Tell whether a value has not come back by the margin.

        Examples
        --------
        >>> alert = Alert("error_rate", above=0.2)
        >>> alert.starts(0.19), alert.stays(0.19), alert.stays(0.18)
        (False, True, False)
        """
        back = self.margin * abs(self.threshold)
        if self.side == "above":
            return value > self.threshold - back
        return value < self.threshold + back

    def over(self, window: "Window") -> Figure:
        """Return the figure of a window."""
        return window.figure(self.figure, self.tool)


class Window:
    """The steps that ended within a window.

    Parameters
    ----------
    table : pyarrow Table
        STEPS of whole runs, at least of those that were at work in the window.
    since_ns, until_ns : int
        The window, the first moment not in it. A step without an end is in the window in which it
        began; one without times is in none.

    Examples
    --------
    >>> from workbench.trajectories.collection import Runs
    >>> from workbench.trajectories.model import Run, Step
    >>> runs = Runs.of([Run("mine", steps=[
    ...     Step("execute_tool", "/0", tool="f", start_ns=n, end_ns=n + 1, status=status)
    ...     for n, status in enumerate(["ok", "error", "ok", "ok"])])])
    >>> Window(runs.table, 1, 4).figure("calls")
    Figure(value=3.0, n=3, low=nan, high=nan)
    >>> Window(runs.table, 1, 4).figure("error_rate").value
    0.3333333333333333
    """

    def __init__(self, table: "pa.Table", since_ns: int, until_ns: int) -> None:
        self._steps = steps = Steps.of(table)
        start, end = steps.counts("start_ns"), steps.counts("end_ns")
        moment = np.where(end >= 0, end, start)
        self._inside: Mask = (moment > since_ns) & (moment <= until_ns)
        self._above = steps.above()

    def figure(self, name: str, tool: str = "") -> Figure:
        """Return a figure, one of `FIGURES`, of all tools or one."""
        if name.startswith("latency_p"):
            return self._latency(int(name[len("latency_p") : -len("_s")]) / 100, tool)
        if name in {"cost_usd", "input_tokens", "output_tokens", "tokens"}:
            return self._sum(name)
        if name in {"runs", "steps_per_run"}:
            return self._of_runs(name)
        if name == "error_rate":
            return self._error_rate(tool)
        return _count(self._calls(tool) if name == "calls" else self._work(tool))

    def _calls(self, tool: str) -> Mask:
        called = self._inside & self._steps.calls()
        return called & self._steps.names("tool").mask(tool) if tool else called

    def _work(self, tool: str) -> Mask:
        """Tell which steps are calls of tools, or answers of models that wrap no other."""
        if tool:
            return self._calls(tool)
        answers = self._steps.names("kind").mask(*MODEL_KINDS)
        answers &= ~covered_rows(answers, self._above)
        return (answers & self._inside) | self._calls("")

    def _error_rate(self, tool: str) -> Figure:
        work = self._work(tool)
        n = int(work.sum())
        failed = self._steps.errors()
        if failed is None or not n:
            return Figure(math.nan, n if failed is not None else 0)
        hits = int((failed & work).sum())
        low, high = wilson(np.array([hits]), np.array([n]))
        return Figure(hits / n, n, float(low[0]), float(high[0]))

    def _latency(self, q: float, tool: str) -> Figure:
        durations = self._steps.durations()
        taken = durations[self._work(tool) & (durations >= 0)]
        if not len(taken):
            return Figure(math.nan, 0)
        return Figure(*_reordered(quantile_interval((taken / _SECOND).tolist(), q), len(taken)))

    def _sum(self, name: str) -> Figure:
        if name == "tokens":
            parts = [self._leaves(each) for each in ("input_tokens", "output_tokens")]
            known = np.any([~np.isnan(part) for part in parts], axis=0)
            figures: Floats = np.where(known, np.nansum(parts, axis=0), np.nan)
        else:
            figures = self._leaves(name)
        figures = figures[self._inside & ~np.isnan(figures)]
        return Figure(math.fsum(figures) if len(figures) else math.nan, len(figures))

    def _leaves(self, name: str) -> Floats:
        """Return what each step took, NaN where it is not recorded or a step below repeats it."""
        counts: Ints | Floats
        if name == "cost_usd":
            counts = self._steps.costs
        else:
            counts = self._steps.counts(name).astype(np.float64)
            counts[counts < 0] = np.nan
        covered = covered_rows(~np.isnan(counts), self._above)
        return np.where(covered, np.nan, counts)

    def _of_runs(self, name: str) -> Figure:
        codes = self._steps.runs.codes
        at_work = np.unique(codes[self._inside])
        if name == "runs" or not len(at_work):
            return Figure(float(len(at_work)) if name == "runs" else math.nan, len(at_work))
        sizes = np.bincount(codes)[at_work]
        return Figure(float(sizes.mean()), len(at_work))


def _count(mask: Mask) -> Figure:
    return Figure(float(mask.sum()), int(mask.sum()))


def _reordered(interval: Sequence[float], n: int) -> tuple[float, int, float, float]:
    value, low, high = (float(each) for each in interval)
    return value, n, low, high


class Alerts:
    """Alerts, and which of them have started.

    Parameters
    ----------
    alerts : iterable of Alert
        Each with a name of its own.

    Raises
    ------
    BadKind
        If one is no alert.
    BadValue
        If two have one name.
    """

    def __init__(self, alerts: Iterable[Alert] = ()) -> None:
        self._alerts, self._started = list(alerts), set[str]()
        for alert in self._alerts:
            if not isinstance(alert, Alert):
                raise BadKind(
                    f"alerts must be Alerts, but {type(alert).__name__} came; write "
                    "[Alert('error_rate', above=0.2)]."
                )
        titles = [alert.title for alert in self._alerts]
        if twice := {title for title in titles if titles.count(title) > 1}:
            raise BadValue(
                f"each alert must have a name of its own, but {min(twice)!r} came twice; pass name=."
            )

    @property
    def started(self) -> list[str]:
        """The names of those that have started and not ended."""
        return [alert.title for alert in self._alerts if alert.title in self._started]

    def judge(self, recent: "Callable[[int], pa.Table]", now: float) -> list[Alarm]:
        """Return what starts or ends now.

        Parameters
        ----------
        recent : callable
            Returns STEPS of the runs that were at work since a moment, in nanoseconds since 1970.
        now : float
            Seconds since 1970.
        """
        if not self._alerts:
            return []
        until = round(now * _SECOND)
        longest = max(alert.window_s for alert in self._alerts)
        table = recent(until - longest * _SECOND)
        windows: dict[int, Window] = {}
        found = []
        for alert in self._alerts:
            length = alert.window_s
            if length not in windows:
                windows[length] = Window(table, until - length * _SECOND, until)
            if alarm := self._judged(alert, alert.over(windows[length]), now):
                found.append(alarm)
        return found

    def _judged(self, alert: Alert, figure: Figure, now: float) -> Alarm | None:
        name, known = alert.title, not math.isnan(figure.value)
        started = name in self._started
        if known and figure.n >= alert.least:
            stays = alert.stays(figure.value) if started else alert.starts(figure.value)
        else:
            # too few to judge leave it as it is, none at all end it
            stays = started and figure.n > 0
        if stays == started:
            return None
        (self._started.add if stays else self._started.discard)(name)
        return _alarm(alert, figure, "started" if stays else "ended", now)


def _alarm(alert: Alert, figure: Figure, state: Literal["started", "ended"], now: float) -> Alarm:
    value, low, high = (
        None if math.isnan(each) else each for each in (figure.value, figure.low, figure.high)
    )
    return Alarm(
        alert=alert.title,
        figure=alert.figure,
        tool=plain(alert.tool, width=_NAME),
        state=state,
        value=value,
        n=figure.n,
        low=low,
        high=high,
        side=alert.side,
        threshold=alert.threshold,
        window=alert.window,
        now=now,
    )
