"""The one thread that speaks with the store, so that no wait for a disk stops the server.

Acts that arrive while others are being written are written together: the disk is asked once for
all of them, and each is acknowledged only when it is on the disk.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from workbench.errors import BadValue, InputError
from workbench.ratings.events import Draft
from workbench.ratings.sessions import NOT_NOW, Reply, Session, Study

log = logging.getLogger("workbench.serving")

Result = TypeVar("Result")
Task = tuple["Job", Draft]

# So many acts go into one transaction at most.
_MOST = 200
_NOT_EVER = (
    "a message must be one of the page's, but the server could not use this one; reload the page."
)


@dataclass(eq=False)
class Job:
    """Something to do, and who waits for it."""

    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"
    work: Callable[[], Any]
    session: Session | None = None
    message: Reply = field(default_factory=dict)
    result: Any = None
    error: BaseException | None = None


class Clerk:
    """Does what has to do with the store, in a thread of its own, one thing after the other.

    Parameters
    ----------
    study : Study
        The study; after `start` only the clerk's thread touches it.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Do what was asked for so far, and end."""
        self._jobs.put(None)
        self._thread.join()

    async def answer(self, session: Session, message: Reply) -> list[Reply]:
        """Return the replies to a rater's message.

        Parameters
        ----------
        session : Session
            Whose message it is.
        message : dict
            What came.
        """
        work = lambda: session.receive(message)  # noqa: E731 - done later, elsewhere
        replies: list[Reply] = await self._asked(work, session, message)
        if any(reply["type"] == "failed" for reply in replies):
            log.warning("a message must wait: %s", self.study.trouble)
        return replies

    async def call(self, work: Callable[[], Result]) -> Result:
        """Return what a function returns that touches the study."""
        result: Result = await self._asked(work)
        return result

    def _asked(
        self, work: Callable[[], Any], session: Session | None = None, message: Reply | None = None
    ) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        job = Job(loop, loop.create_future(), work, session, message or {})
        self._jobs.put(job)
        return job.done

    def _run(self) -> None:
        ending = False
        while not ending:
            jobs = self._waiting()
            ending = None in jobs
            self._do([job for job in jobs if job is not None])

    def _waiting(self) -> list[Job | None]:
        """Wait for something to do, and return all that there is."""
        jobs = [self._jobs.get()]
        with contextlib.suppress(queue.Empty):
            while len(jobs) < _MOST and jobs[-1] is not None:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _do(self, jobs: Sequence[Job]) -> None:
        # each connection waits for its reply, so that none of these is behind another of its own
        acts = [job for job in jobs if job.message.get("type") == "act"]
        if acts:
            self._write(acts)
            _settle(acts)
        for job in jobs:
            if job.message.get("type") != "act":
                _attempt(job)
                _settle([job])

    def _write(self, jobs: Sequence[Job]) -> None:
        """Store acts, all in one transaction, and find what to reply to each."""
        with self.study.lock:
            tasks = [task for task in map(_drafted, jobs) if task]
            try:
                receipts = self.study.journal.append([draft for _, draft in tasks])
            except BadValue:
                # one of them has a name that is taken; each for itself, then
                for job, _ in tasks:
                    _attempt(job)
                return
            except (InputError, OSError) as error:
                # where the store is, is nobody's business in a browser
                self.study.trouble = str(error)
                for job, draft in tasks:
                    job.result = [{"type": "failed", "op_id": draft.op_id, "reason": NOT_NOW}]
                return
            self.study.trouble = ""
            with contextlib.suppress(OSError):  # they are stored; the next message catches up
                self.study.refresh()
            for (job, draft), receipt in zip(tasks, receipts, strict=True):
                _acknowledge(job, draft, receipt.seq)


def _drafted(job: Job) -> Task | None:
    """Return an act with what is to be stored of it; None where it is answered already."""
    assert job.session is not None
    try:
        draft = job.session.draft(job.message)
    except Exception:
        log.exception("a message could not be used")
        job.result = [{"type": "refused", "op_id": _name(job), "reason": _NOT_EVER}]
        return None
    if isinstance(draft, Draft):
        return job, draft
    job.result = [draft]
    return None


def _acknowledge(job: Job, draft: Draft, seq: int) -> None:
    assert job.session is not None
    try:
        job.result = [job.session.saved(draft, seq)]
    except Exception:
        # it is on the disk, whatever else cannot be told about it
        log.exception("an act that was stored could not be acknowledged")
        job.result = [{"type": "failed", "op_id": draft.op_id, "reason": NOT_NOW}]


def _attempt(job: Job) -> None:
    try:
        job.result = job.work()
    except InputError as error:
        job.error = error
    except Exception as error:
        log.exception("a message could not be answered")
        job.error = error
        if job.session is not None:
            job.error = None
            job.result = [{"type": "refused", "op_id": _name(job), "reason": _NOT_EVER}]


def _name(job: Job) -> str:
    name = job.message.get("op_id")
    return name if isinstance(name, str) else ""


def _settle(jobs: Sequence[Job]) -> None:
    """Hand over results, to all that wait in one loop at once."""

    def hand_over() -> None:
        for job in jobs:
            if job.done.done():
                continue
            if job.error is not None:
                job.done.set_exception(job.error)
            else:
                job.done.set_result(job.result)

    with contextlib.suppress(RuntimeError):  # the server has ended, and nobody waits
        jobs[0].loop.call_soon_threadsafe(hand_over)
