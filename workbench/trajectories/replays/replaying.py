"""Replay an agent on recorded answers, byte for byte; fork it at a step; prove it repeats itself.

A `Player` gives recorded answers again, so that the agent must do the same again; the first thing it
does otherwise is a `Divergence`. The player keeps it, for an agent may catch what it is raised.
"""

import builtins
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from workbench.errors import BadKind, BadValue, InputError
from workbench.trajectories.model import Json, Run
from workbench.trajectories.replays.asking import Agent, Asks, Call
from workbench.trajectories.replays.recording import Exchange, Recorder, Recording
from workbench.trajectories.replays.values import canonical, decoded, encoded, first_difference

Errors = Sequence[type[Exception]]
"""Kinds of errors of one's own, which a replay raises as they were; others but Python's own are
raised as `RecordedError`, for a recording never says what is imported."""

Order = Literal["sequence", "content"]
Then = Literal["live", "recorded"]


class Divergence(InputError):
    """An agent that is replayed asks something else than it did.

    Parameters
    ----------
    at : int
        The exchange, from 0.
    expected, came : JSON value
        What was asked then, and now; None for nothing.
    """

    def __init__(self, at: int, expected: Json, came: Json) -> None:
        self.at, self.expected, self.came = at, expected, came
        place, before, now = first_difference(expected, came)
        super().__init__(
            f"a replayed agent must ask what it asked before, but question {at} differs at "
            f"{place or 'its root'}: {_short(before)} before, {_short(now)} now; fork the recording "
            "there, or mend the agent."
        )


class RecordedError(Exception):
    """What a model or a tool raised when it was recorded, of a type that is not built in."""


def _short(value: Json) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:119] + "…"


class Player(Asks):
    """Answers from a recording.

    Parameters
    ----------
    recording : Recording
        What was recorded.
    order : {"sequence", "content"}
        Whether questions must come in the recorded order, or are found by what they ask (for agents
        that ask several things at once): the n-th equal question gets the n-th answer.
    errors : sequence of exception types
        See `Errors`.

    Attributes
    ----------
    divergence : Divergence or None
        The first, whether or not the agent caught it; it is raised at each later question too.
    """

    def __init__(
        self, recording: Recording, *, order: Order = "sequence", errors: Errors = ()
    ) -> None:
        _one_of("order", order, ("sequence", "content"))
        self.recording, self.order = recording, order
        self._errors = {each.__name__: each for each in errors}
        self._lock = threading.Lock()
        self._left = list(range(len(recording)))
        self._heard: list[Exchange] = []
        self.divergence: Divergence | None = None

    def heard(self, result: object = None) -> Recording:
        """Return what was asked and answered in this replay, with what the agent returned."""
        with self._lock:
            heard = tuple(each.settled() for each in self._heard)
        return Recording(heard, encoded(result, "the result"))

    @property
    def unasked(self) -> tuple[int, ...]:
        """The recorded exchanges that were not asked for."""
        return tuple(self._left)

    def answer(self, call: Call) -> Any:  # noqa: ANN401
        """Answer as it was recorded.

        Raises
        ------
        Divergence
            If that was not asked.
        """
        with self._lock:
            exchange = self._found(Exchange(call.name, call.kind, call.request))
            at = len(self._heard)
            self._heard.append(replace(exchange, kind=call.kind))
        return self._given(exchange, at, later=call.later)

    def _found(self, asked: Exchange) -> Exchange:
        """Take the recorded exchange in which the same was asked."""
        if self.divergence:
            raise self.divergence
        candidates = self._left[:1] if self.order == "sequence" else self._left
        for at in candidates:
            if self.recording.exchanges[at].asked == asked.asked:
                self._left.remove(at)
                return self.recording.exchanges[at]
        before = self.recording.exchanges[self._left[0]] if self._left else None
        expected = [before.name, before.request] if before else None
        raise self._diverged(len(self._heard), expected, [asked.name, asked.request])

    def _diverged(self, at: int, expected: Json, came: Json) -> Divergence:
        """Keep the first divergence, and return it."""
        self.divergence = self.divergence or Divergence(at, expected, came)
        return self.divergence

    def _given(self, exchange: Exchange, at: int, *, later: bool) -> Any:  # noqa: ANN401
        """Return a recorded answer as it was given: a value, pieces, or an error."""
        if exchange.streamed:
            pieces = self._pieces(exchange, at)
            return _in_pieces(pieces) if later else pieces
        if exchange.error:
            raise self._error(exchange.error)
        return decoded(exchange.answer)

    def _pieces(self, exchange: Exchange, at: int) -> Iterator[Any]:
        """Return the pieces of a stream; what is listened to is what was heard."""
        heard = replace(self._heard[at], answer=[], error=None, cut=True)
        self._heard[at] = heard

        def pieces() -> Iterator[Any]:
            for piece in exchange.answer:
                heard.answer.append(piece)
                yield decoded(piece)
            if exchange.cut:
                n = len(exchange.answer)
                counts = [[exchange.name, {"pieces": each}] for each in (n, n + 1)]
                raise self._diverged(at, *counts)
            self._heard[at] = replace(heard, error=exchange.error, cut=False)
            if exchange.error:
                raise self._error(exchange.error)

        return pieces()

    def _error(self, told: Mapping[str, Any]) -> Exception:
        kind = self._errors.get(told["type"], getattr(builtins, told["type"], None))
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                return kind(*decoded(told["args"]))
            except TypeError:  # made of something else than it keeps in `args`
                pass
        return RecordedError(f"{told['type']}: {told['message']}")


def _one_of(what: str, value: str, known: tuple[str, str]) -> None:
    if value not in known:
        raise BadValue(
            f"{what} must be {known[0]!r} or {known[1]!r}, but {value!r} came; choose one."
        )


async def _in_pieces(pieces: Iterator[Any]) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece


@dataclass(frozen=True)
class Replay:
    """How a replay went.

    Parameters
    ----------
    recording : Recording
        What was replayed.
    heard : Recording
        What was asked and answered this time.
    divergence : Divergence, optional
        The first difference.
    unasked : tuple of int
        Recorded exchanges that were not asked for.
    """

    recording: Recording
    heard: Recording
    divergence: Divergence | None = None
    unasked: tuple[int, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every question, its kind, what was heard of its answer and the result are the same."""
        return (
            self.divergence is None
            and not self.unasked
            and not self._n_otherwise
            and canonical(self.heard.result) == canonical(self.recording.result)
        )

    @property
    def _n_otherwise(self) -> int:
        """How many exchanges differ in kind, or in how much of a stream was heard."""
        before = Counter(each.whole for each in self.recording.exchanges)
        return (before - Counter(each.whole for each in self.heard.exchanges)).total()

    def __repr__(self) -> str:
        n = len(self.recording)
        if self.identical:
            return f"Replay: identical in all {n} exchanges, {self.heard.digest[:12]}"
        if self.divergence:
            return f"Replay: {self.divergence}"
        if self.unasked:
            return f"Replay: {len(self.unasked)} of {n} exchanges were not asked for"
        if self._n_otherwise:
            return (
                f"Replay: all {n} questions are the same, but {self._n_otherwise} differ in kind or in "
                "how much of a stream was read"
            )
        return f"Replay: all {n} exchanges are the same, but the result differs"


def replay(
    recording: Recording | Run,
    agent: Agent,
    *,
    order: Order = "sequence",
    errors: Errors = (),
) -> Replay:
    """Run an agent on recorded answers; tell where it first asks something else.

    Parameters
    ----------
    recording : Recording or Run
        What was recorded, or a trajectory (see `Recording.of`).
    agent : callable
        Takes a `Player` and gets its model and tools from it by `wrap`.
    order : {"sequence", "content"}
        See `Player`.
    errors : sequence of exception types
        See `Errors`.

    Returns
    -------
    Replay
        With the first divergence, if there is one.
    """
    kept = _recording(recording)
    player = Player(kept, order=order, errors=errors)
    try:
        result = agent(player)
    except Exception:
        # of whatever kind: an agent may wrap what it is raised
        if player.divergence is None:
            raise
        result = None
    if player.divergence:
        return Replay(kept, player.heard(), player.divergence, player.unasked)
    if isinstance(recording, Run):
        # a trajectory does not say what its agent returned
        kept = replace(kept, result=encoded(result, "the result"))
    return Replay(kept, player.heard(result), None, player.unasked)


def _recording(recording: Recording | Run) -> Recording:
    if isinstance(recording, Run):
        return Recording.of(recording)
    if not isinstance(recording, Recording):
        raise BadKind(
            f"what is replayed must be a Recording or a Run, but {type(recording).__name__} came; "
            "pass what record() gave, Recording.read(path), or one run of runs, such as runs[0]."
        )
    return recording


class _Fork(Player):
    """Answers from a recording up to an exchange, changes that one, and goes on."""

    def __init__(
        self,
        recording: Recording,
        at: int,
        change: Mapping[str, Any],
        then: Then,
        errors: Errors,
    ) -> None:
        super().__init__(recording, errors=errors)
        self._at, self._change, self._then = at, change, then
        self._live, self._live_at = Recorder(), list[int]()

    def heard(self, result: object = None) -> Recording:
        heard = [each.settled() for each in self._heard]
        for at, exchange in zip(self._live_at, self._live.recording().exchanges, strict=True):
            heard[at] = exchange
        return Recording(tuple(heard), encoded(result, "the result"))

    def answer(self, call: Call) -> Any:  # noqa: ANN401
        at = len(self._heard)
        if at < self._at:
            return super().answer(call)
        if at > self._at or "request" in self._change:
            return self._beyond(call)
        with self._lock:
            # as it was asked: a fork that was not reached is a divergence
            before = self._found(Exchange(call.name, call.kind, call.request))
            answer = encoded(self._change["answer"], "the answer of a fork")
            changed = replace(before, answer=answer, error=None, streamed=False, cut=False)
            self._heard.append(replace(changed, kind=call.kind))
        return self._given(changed, at, later=call.later)

    def _beyond(self, call: Call) -> Any:  # noqa: ANN401
        if "request" in self._change and not self._live_at:
            args, kwargs = self._change["request"]
            call = replace(call, args=args, kwargs=kwargs)
        elif self._then == "recorded":
            self.order = "content"
            return super().answer(call)
        with self._lock:
            # its place; what was asked and answered there is the live recorder's
            self._live_at.append(len(self._heard))
            self._heard.append(Exchange(call.name, call.kind, None))
        return self._live.answer(call)


def fork(
    recording: Recording,
    agent: Agent,
    *,
    at: int,
    answer: object = ...,
    request: tuple[tuple[Any, ...], dict[str, Any]] | None = None,
    then: Then = "live",
    errors: Errors = (),
) -> Recording:
    """Replay a session up to an exchange, change that one, and go on.

    Parameters
    ----------
    recording : Recording
        What was recorded.
    agent : callable
        Takes its model and tools by `wrap`; they are asked when the fork goes on live.
    at : int
        The exchange that is changed, from 0.
    answer : object, optional
        What is answered there instead.
    request : (args, kwargs), optional
        What is asked there instead, live: another prompt.
    then : {"live", "recorded"}
        Whether later answers come from the functions themselves, or from the record where the same
        is asked.
    errors : sequence of exception types
        See `Errors`.

    Returns
    -------
    Recording
        Of the session as it went on; equal to `recording` before `at`.

    Raises
    ------
    BadValue
        If neither or both of `answer` and `request` are given, or there is no such exchange.
    Divergence
        If the agent asks something else before `at`, or with ``then="recorded"`` after it.
    """
    if (answer is ...) == (request is None):
        raise BadValue("a fork must change either the answer or the request; pass one of the two.")
    if not 0 <= at < len(recording):
        raise BadValue(
            f"a fork must be at an exchange from 0 to {len(recording) - 1}, but {at} came; "
            "len(recording) says how many there are."
        )
    _one_of("then", then, ("live", "recorded"))
    change = {"request": request} if answer is ... else {"answer": answer}
    player = _Fork(recording, at, change, then, errors)
    try:
        result = agent(player)
    except Exception:
        if player.divergence is None:
            raise
    if player.divergence:
        raise player.divergence
    return player.heard(result)


@dataclass(frozen=True)
class Proof:
    """Many replays of one session.

    Parameters
    ----------
    digests : tuple of str
        Of each replay; the recording's own is the first.
    same : tuple of bool
        Whether each replay was identical (`Replay.identical`): equal digests do not show that an
        agent asked for more than it was answered.
    """

    digests: tuple[str, ...]
    same: tuple[bool, ...]

    @property
    def identical(self) -> int:
        """How many replays were identical."""
        return sum(self.same)

    def __repr__(self) -> str:
        n = len(self.same)
        return f"Proof: {self.identical} of {n} replays identical to {self.digests[0][:12]}"


def prove(
    recording: Recording | Run, agent: Agent, *, times: int = 100, errors: Errors = ()
) -> Proof:
    """Replay a session many times, and count how often everything was the same.

    Parameters
    ----------
    recording : Recording or Run
        What was recorded, or a trajectory (see `Recording.of`): that does not say what its agent
        returned, so all replays must return what the first does.
    agent : callable
        The agent.
    times : int
        How often.
    errors : sequence of exception types
        See `Errors`.
    """
    kept, told = recording, list[tuple[str, bool]]()
    for _ in range(times):
        found = replay(kept, agent, errors=errors)
        kept = found.recording
        told.append((found.heard.digest, found.identical))
    first = _recording(kept).digest
    return Proof((first, *(digest for digest, _ in told)), tuple(same for _, same in told))
