"""What whoever looks after a study sees: how far everybody is, who is stuck, how far they agree."""

import asyncio
import datetime
import logging
import time
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.ratings.replay import utc
from workbench.ratings.sessions import Study
from workbench.serving.access import read
from workbench.serving.hub import Hub

if TYPE_CHECKING:
    from workbench.ratings.tasks import Task

log = logging.getLogger("workbench.serving")

STUCK_MIN = 15
"""After so many minutes without an act, with items open, a rater is stuck."""

# How long figures are shown before they are found anew, in seconds.
_FRESH_S, _AGREED_S = 2.0, 60.0
# So many raters are looked at in one go, and acts are stored between.
_AT_ONCE = 10
# Fewer than the 2,000 of a report, since these are only looked at in passing.
_SAMPLES = 200


class Overview:
    """The figures of the page for whoever looks after a study.

    Parameters
    ----------
    hub : Hub
        Who is connected.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._lock = asyncio.Lock()
        self._state: dict[str, Any] = {}
        self._at = self._agreed_at = float("-inf")
        self._agreed_seq = -1
        self._agreement: dict[str, Any] = {"note": "not yet", "rows": []}
        self._counting: asyncio.Task[None] | None = None

    async def state(self) -> dict[str, Any]:
        """Return all figures; whoever asks often gets the same ones again."""
        async with self._lock:
            if time.monotonic() - self._at > _FRESH_S:
                self._state = await self._found()
                self._at = time.monotonic()
        self._count()
        return {**self._state, "agreement": self._agreement}

    def forget(self) -> None:
        """Find the figures anew for whoever asks next, since something was changed."""
        self._at = float("-inf")

    async def _found(self) -> dict[str, Any]:
        study, call = self.hub.clerk.study, self.hub.clerk.call
        names = await call(lambda: sorted(study.state.plans.keys() | study.state.desks.keys()))
        rows: list[dict[str, Any]] = []
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            rows += await call(lambda some=some: [row(study, name) for name in some])  # type: ignore[misc]
        for each in rows:
            each["pages"] = len(self.hub.connections.get(("rater", each["rater"]), []))
        task = study.state.task
        return {
            "title": (task.title or task.name) if task else "",
            "healthy": self.hub.healthy,
            "stuck_min": STUCK_MIN,
            "raters": rows,
            "n_answered": sum(each["n_answered"] for each in rows),
            "n_items": sum(each["n_items"] for each in rows),
            "n_acts": sum(each["n_acts"] for each in rows),
        }

    def _count(self) -> None:
        """Have agreement counted in the background, when something is new, and not too often."""
        study = self.hub.clerk.study
        busy = self._counting is not None and not self._counting.done()
        late = time.monotonic() - self._agreed_at > _AGREED_S
        if not busy and late and study.state.seq != self._agreed_seq:
            self._counting = asyncio.create_task(self._counted(study))

    async def _counted(self, study: Study) -> None:
        seq = study.state.seq
        try:
            self._agreement = await asyncio.to_thread(agreement, study)
        except Exception:
            log.exception("agreement could not be counted")
            self._agreement = {"note": "it could not be counted; the log says why", "rows": []}
        self._agreed_at, self._agreed_seq = time.monotonic(), seq


def row(study: Study, rater: str) -> dict[str, Any]:
    """Return how far one rater is, and whether they seem to be stuck.

    Parameters
    ----------
    study : Study
        The study.
    rater : str
        The rater's name.
    """
    from workbench.ratings.reading import progress_of

    found = progress_of(study, rater)
    grants = [read(each) for each in study.state.grants.values() if each.rater == rater]
    until = [each.until for each in grants if each and each.role == "rater"]
    now = study.now()
    found["until"] = max((each for each in until if each > utc(now)), default=None)
    found["idle_min"] = _idle(found["last_at"], now)
    todo = found["n_items"] > found["n_answered"] + found["n_skipped"]
    found["stuck"] = bool(todo and found["idle_min"] is not None and found["idle_min"] >= STUCK_MIN)
    return found


def _idle(last_at: str | None, now: datetime.datetime) -> int | None:
    """Return how many whole minutes ago somebody acted last."""
    if not last_at:
        return None
    return max(0, int((now - datetime.datetime.fromisoformat(last_at)).total_seconds() // 60))


def agreement(study: Study) -> dict[str, Any]:
    """Return percent agreement and alpha of each question so far.

    Parameters
    ----------
    study : Study
        The study; only its journal is read.
    """
    from workbench.ratings import reliability
    from workbench.ratings.reading import read as read_ratings

    task = study.state.task
    assert task is not None
    ratings = read_ratings(study.journal, adjudicated="ignore")
    rows, notes = [], []
    for question in task.questions:
        try:
            sheet = reliability.agreement(
                ratings, question=question.name, scale=scale_of(task, question.name),
                samples=_SAMPLES,
            )  # fmt: skip
        except InputError:
            notes.append(question.name)
            continue
        rows += [
            {name: _plain(each[name]) for name in _SHOWN} for each in sheet.frame.to_dict("records")
        ]
    return {"note": f"not yet: {', '.join(notes)}" if notes else "", "rows": rows}


_SHOWN = ("question", "coefficient", "scale", "value", "ci_low", "ci_high", "n_items", "n_ratings")


def scale_of(task: "Task", question: str) -> Any:  # noqa: ANN401 - a literal of another module
    """Return the scale on which answers to a question are compared.

    Parameters
    ----------
    task : Task
        The task.
    question : str
        The name of its question.
    """
    kind = next(each.kind for each in task.questions if each.name == question)
    return "interval" if kind == "scale" else "nominal"


def _plain(value: object) -> object:
    """JSON knows no NaN: what is missing is null."""
    is_missing = value is None or value != value
    return None if is_missing else getattr(value, "item", lambda: value)()
