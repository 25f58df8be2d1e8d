"""Where alerts go: a callback, a log, and one address, all of them named by the user.

Nothing here raises while a watch polls: what fails is told as a finding at the next poll.
"""

import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from workbench.display import plain
from workbench.errors import BadValue
from workbench.trajectories.live.alerts import Alarm
from workbench.trajectories.model import Notice

# So many alarms wait for an address that does not answer; later ones are dropped, and told.
_WAITING = 1000
_TRY_AGAIN = {408, 425, 429}


@dataclass(frozen=True)
class Webhook:
    """An address to which alerts are sent, as JSON by POST.

    Parameters
    ----------
    url : str
        With http or https. No other address is ever asked: redirections are failures, and no proxy
        is used.
    timeout_s : float
        How long an answer may take.
    retries : int
        How often it is tried again after a time-out, a refused connection, or an answer of 408,
        425, 429 or 5xx. As a time-out does not tell whether the alert came, receivers should drop
        those whose `id` they know.
    wait_s : float
        How long before the first retry; each further wait is twice as long.

    Raises
    ------
    BadValue
        If the URL is none, or an option cannot be right.

    Examples
    --------
    >>> Webhook("https://hooks.example.org/services/secret")
    Webhook to https://hooks.example.org
    """

    url: str
    timeout_s: float = 5.0
    retries: int = 3
    wait_s: float = 1.0

    def __post_init__(self) -> None:
        split = _split(self.url)
        if split is None or split.scheme not in {"http", "https"} or not split.hostname:
            raise BadValue(
                "a webhook's URL must begin with http:// or https:// and name a host, but another "
                "came; it is not shown, since it may hold a secret."
            )
        if self.timeout_s <= 0 or self.retries < 0 or self.wait_s < 0:
            raise BadValue(
                "timeout_s must be above 0, retries and wait_s not negative, but "
                f"{self.timeout_s}, {self.retries} and {self.wait_s} came."
            )

    @property
    def host(self) -> str:
        """The address without what may be secret: user, path and query."""
        split = urlsplit(self.url)
        port = f":{split.port}" if split.port else ""
        return plain(f"{split.scheme}://{split.hostname}{port}", width=200)

    def __repr__(self) -> str:
        return f"Webhook to {self.host}"

    def post(self, record: dict[str, Any]) -> str:
        """Send a record once.

        Returns
        -------
        str
            What went wrong, empty if nothing did.

        Raises
        ------
        _TryAgain
            If it may go well another time.
        """
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.url,
            data=json.dumps(record).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "workbench"},
            method="POST",
        )
        try:
            _OPENER.open(request, timeout=self.timeout_s).close()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _TRY_AGAIN or error.code >= 500:
                raise _TryAgain(f"it answered {error.code}") from None
            return f"it answered {error.code}"
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise _TryAgain(type(reason).__name__) from None
        return ""


class _TryAgain(Exception):
    """A failure that may pass."""


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as it is called
        """Follow nothing: the user named one address."""


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
        _NoRedirection,
    ):
        opener.add_handler(handler())
    return opener


_OPENER = _opener()


def _split(url: str) -> SplitResult | None:
    if not isinstance(url, str) or any(mark <= " " or mark == "\x7f" for mark in url):
        return None
    try:
        split = urlsplit(url)
        split.port  # noqa: B018 - refuses what is no port
    except ValueError:
        return None
    return split


class Outlets:
    """Hands alarms on.

    Parameters
    ----------
    callback : callable, optional
        Called with each alarm.
    log : str or Path, optional
        A file to which each alarm is appended as a line of JSON.
    webhook : Webhook or str, optional
        Where each is sent, by a thread of its own.
    """

    def __init__(
        self,
        callback: Callable[[Alarm], object] | None = None,
        log: str | Path | None = None,
        webhook: Webhook | str | None = None,
    ) -> None:
        self._callback = callback
        self._log = None if log is None else Path(log)
        self._webhook = Webhook(webhook) if isinstance(webhook, str) else webhook
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(_WAITING)
        self._failures: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, alarm: Alarm) -> None:
        """Hand an alarm on to all; failures are told by `failures`."""
        if self._callback is not None:
            try:
                self._callback(alarm)
            except Exception as error:
                self.fail("callback", f"the callback raised {type(error).__name__}")
        if self._log is not None:
            try:
                with self._log.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(alarm.record) + "\n")
            except OSError as error:
                self.fail("log", f"the log of alerts cannot be written ({error.strerror})")
        if self._webhook is not None:
            self._enqueue(alarm.record)

    def failures(self) -> list[Notice]:
        """Return what failed since this was last asked."""
        found = []
        while not self._failures.empty():
            found.append(self._failures.get())
        return found

    def fail(self, check: str, reason: str) -> None:
        """Note a failure, to be told at the next poll."""
        self._failures.put(Notice(check, "", plain(reason, width=300), "error"))

    def flush(self, within_s: float) -> bool:
        """Wait until everything is sent; return whether it was."""
        deadline = time.monotonic() + within_s
        while self._waiting.unfinished_tasks:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _enqueue(self, record: dict[str, Any]) -> None:
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.fail("webhook", f"{_WAITING} alerts wait already; {record['id']} is not sent")
            return
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._deliver, name="workbench-webhook", daemon=True
            )
            self._thread.start()

    def _deliver(self) -> None:
        while True:
            record = self._waiting.get()
            try:
                self._try(record)
            finally:
                self._waiting.task_done()

    def _try(self, record: dict[str, Any]) -> None:
        hook = self._webhook
        assert hook is not None
        reason = ""
        for attempt in range(hook.retries + 1):
            try:
                reason = hook.post(record)
                break
            except _TryAgain as again:
                reason = str(again)
            if attempt < hook.retries:
                self._leaving.wait(hook.wait_s * 2**attempt)
        if reason:
            self.fail("webhook", f"{hook.host} did not take {record['id']}: {reason}")


__all__ = ["Outlets", "Webhook"]
