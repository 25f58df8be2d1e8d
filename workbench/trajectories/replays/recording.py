"""Record what an agent asks of its model and its tools, and what it is answered.

An agent is a function of the answers it gets. A `Recorder` stands between the two and keeps each
exchange. A clock or a random number is an answer too: wrap `time.time` like any other function.
"""

import inspect
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench import store
from workbench.errors import BadKind, BadValue, Unreadable
from workbench.trajectories.model import MODEL_KINDS, Json, Part, Run, Step
from workbench.trajectories.replays.asking import Agent, Asks, Call, Kind
from workbench.trajectories.replays.values import canonical, encoded

VERSION = 1
"""Of the files that recordings are kept in."""


@dataclass(frozen=True)
class Exchange:
    """One question to a model or a tool, and its answer.

    Parameters
    ----------
    name : str
        Who was asked.
    kind : {"chat", "execute_tool", "wb.other"}
        What it is.
    request : JSON value
        ``{"args": […], "kwargs": {…}}`` as they were passed.
    answer : JSON value
        What came back; of a stream the list of its pieces.
    error : dict, optional
        ``{"type", "message", "args"}`` of what was raised instead; of a stream, after its pieces.
    streamed : bool
        Whether the answer came in pieces.
    cut : bool
        Whether the agent stopped listening before the stream ended.
    """

    name: str
    kind: Kind
    request: Json
    answer: Json = None
    error: dict[str, Json] | None = None
    streamed: bool = False
    cut: bool = False

    @property
    def asked(self) -> bytes:
        """Who was asked what, in a form that is the same for equal questions."""
        return canonical([self.name, self.request])

    @property
    def said(self) -> bytes:
        """The answer in the same form."""
        heard = [self.answer, self.error, self.streamed]
        return canonical([*heard, self.cut] if self.cut else heard)

    @property
    def whole(self) -> tuple[bytes, str, bytes]:
        """Question, kind and answer: equal for equal exchanges."""
        return self.asked, self.kind, self.said

    def settled(self) -> "Exchange":
        """Return the exchange as it stands now, while pieces of its answer may still come."""
        return replace(self, answer=[*self.answer]) if self.streamed else self


@dataclass(frozen=True)
class Recording:
    """The exchanges of one session, in the order in which they were asked.

    Parameters
    ----------
    exchanges : tuple of Exchange
        Question and answer.
    result : JSON value
        What the agent returned.

    Examples
    --------
    >>> def agent(asks):
    ...     look_up = asks.wrap(lambda key: {"a": 1}[key], name="look_up")
    ...     return look_up("a") + 1
    >>> recording = record(agent)
    >>> recording
    Recording: 1 exchange, a70ff9118bf7
    """

    exchanges: tuple[Exchange, ...]
    result: Json = None

    def __repr__(self) -> str:
        n = len(self.exchanges)
        return f"Recording: {n} exchange{'s' * (n != 1)}, {self.digest[:12]}"

    def __len__(self) -> int:
        return len(self.exchanges)

    @property
    def digest(self) -> str:
        """The SHA-256 of all questions and answers and of the result; it does not tell kinds."""
        lines = [each.asked + b"\n" + each.said for each in self.exchanges]
        return store.digest(b"\n".join([*lines, canonical(self.result)]))

    def save(self, path: str | Path) -> None:
        """Write the recording as JSON Lines, whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file.
        """
        head = {"workbench": "recording", "version": VERSION, "result": self.result}
        lines = [head, *({k: v for k, v in vars(each).items()} for each in self.exchanges)]
        store.write_text(
            path, "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in lines)
        )

    @classmethod
    def read(cls, path: str | Path) -> "Recording":
        """Read a recording that `save` wrote.

        Raises
        ------
        Unreadable
            If there is no such file.
        BadValue
            If it holds something else.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").split("\n")
            head, *rest = [json.loads(line) for line in lines if line]
            if head["workbench"] != "recording" or head["version"] != VERSION:
                raise ValueError
            return cls(tuple(Exchange(**each) for each in rest), head["result"])
        except OSError as error:
            raise Unreadable(
                f"a recording must be readable, but {path} is not ({error.strerror}); check the path."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise BadValue(
                f"a recording must be a file that Recording.save wrote, of version {VERSION}, but "
                f"{path} is none; record the session again."
            ) from None

    @classmethod
    def of(cls, run: Run) -> "Recording":
        """Make a recording of a trajectory that was read: its model's and its tools' answers.

        Parameters
        ----------
        run : Run
            Steps in which a model answered (`MODEL_KINDS`) become exchanges with `model`, its
            `execute_tool` steps exchanges with the tool; what was asked of a tool are its arguments.
        """
        kinds = {*MODEL_KINDS, "execute_tool"}
        return cls(tuple(_exchange(step) for step in run.steps if step.kind in kinds))

    def run(self, run_id: str = "recording") -> Run:
        """Return the recording as a trajectory, to be inspected, aligned or exported."""
        steps = [_step(at, each) for at, each in enumerate(self.exchanges)]
        return Run("workbench-recording", steps=steps, name=run_id, run_id=run_id)

    def first_difference(self, other: "Recording") -> int | None:
        """Return the first exchange in which two recordings differ, None where they are equal.

        Where one goes on longer, or only the results differ, it is the number of exchanges that
        both have.
        """
        pairs = zip(self.exchanges, other.exchanges, strict=False)
        for at, (one, two) in enumerate(pairs):
            if one.whole != two.whole:
                return at
        ends = [(len(each), canonical(each.result)) for each in (self, other)]
        return None if ends[0] == ends[1] else min(len(self), len(other))


def _exchange(step: Step) -> Exchange:
    if step.kind == "execute_tool":
        error: dict[str, Json] | None = None
        if step.status == "error":
            message = step.error_message or ""
            error = {"type": step.error_type or "ToolError", "message": message, "args": [message]}
        request: Json = {"args": [], "kwargs": step.arguments or {}}
        return Exchange(step.tool or "tool", "execute_tool", request, step.result, error)
    heard = [[part.role, part.text] for part in step.parts if part.direction == "in"]
    return Exchange("model", "chat", {"args": [heard], "kwargs": {}}, step.text)


def _step(at: int, exchange: Exchange) -> Step:
    tool = exchange.name if exchange.kind == "execute_tool" else None
    asked = json.dumps(exchange.request, ensure_ascii=False)
    said = json.dumps(exchange.answer, ensure_ascii=False)
    if tool:
        parts = [Part("in", "assistant", "tool_call", asked, tool, arguments=exchange.request)]
        parts.append(Part("out", "tool", "tool_call_response", said, tool))
    else:
        parts = [Part("in", "user", "text", asked), Part("out", "assistant", "text", said)]
    step = Step(exchange.kind, f"/{at}", parts, name=exchange.name, tool=tool, status="ok")
    if exchange.error:
        step.status, step.error_type = "error", str(exchange.error["type"])
        step.error_message = str(exchange.error["message"])
    return step


class Recorder(Asks):
    """Keeps every question and answer of a session.

    Thread-safe: an exchange takes its place when it is asked.

    Examples
    --------
    >>> recorder = Recorder()
    >>> double = recorder.wrap(lambda n: 2 * n, name="double")
    >>> double(4), len(recorder.recording())
    (8, 1)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Exchange] = []

    def recording(self, result: object = None) -> Recording:
        """Return what was recorded so far, with what the agent returned."""
        with self._lock:
            kept = tuple(each.settled() for each in self._kept)
        return Recording(kept, encoded(result, "the result"))

    def answer(self, call: Call) -> Any:  # noqa: ANN401
        """Ask, and keep question and answer."""
        with self._lock:
            at = len(self._kept)
            self._kept.append(Exchange(call.name, call.kind, call.request))
        try:
            answer = call.ask()
        except Exception as error:
            self._keep(at, error=told(error))
            raise
        if inspect.isawaitable(answer):
            return self._awaited(at, answer)
        return self._taken(at, answer)

    async def _awaited(self, at: int, answer: Any) -> Any:  # noqa: ANN401
        try:
            found = await answer
        except Exception as error:
            self._keep(at, error=told(error))
            raise
        return self._taken(at, found)

    def _taken(self, at: int, answer: Any) -> Any:  # noqa: ANN401
        if isinstance(answer, (AsyncIterator, Iterator)):
            # before the first piece: nobody may ask for it
            self._keep(at, answer=[], streamed=True, cut=True)
        if isinstance(answer, AsyncIterator):
            return self._pieces_later(at, answer)
        if isinstance(answer, Iterator):
            return self._pieces(at, answer)
        self._keep(at, answer=encoded(answer, f"the answer of {self._kept[at].name}"))
        return answer

    def _pieces(self, at: int, answer: Iterator[Any]) -> Iterator[Any]:
        # kept as they come: who stops listening half way hears as much in a replay
        while True:
            try:
                piece = next(answer)
            except StopIteration:
                self._keep(at, cut=False)
                return
            except Exception as error:
                self._keep(at, error=told(error), cut=False)
                raise
            self._piece(at, piece)
            yield piece

    async def _pieces_later(self, at: int, answer: AsyncIterator[Any]) -> AsyncIterator[Any]:
        while True:
            try:
                piece = await anext(answer)
            except StopAsyncIteration:
                self._keep(at, cut=False)
                return
            except Exception as error:
                self._keep(at, error=told(error), cut=False)
                raise
            self._piece(at, piece)
            yield piece

    def _piece(self, at: int, piece: Any) -> None:  # noqa: ANN401
        kept = encoded(piece, f"an answer of {self._kept[at].name}")
        with self._lock:
            self._kept[at].answer.append(kept)

    def _keep(self, at: int, **what: Any) -> None:  # noqa: ANN401
        with self._lock:
            self._kept[at] = replace(self._kept[at], **what)


def told(error: Exception) -> dict[str, Json]:
    """Return an error as it is kept; what it was made of only where that is JSON."""
    try:
        made_of = encoded(list(error.args), "an error")
    except BadKind:
        made_of = [str(error)]
    return {"type": type(error).__name__, "message": str(error), "args": made_of}


def record(agent: Agent) -> Recording:
    """Run an agent once and return the recording.

    Parameters
    ----------
    agent : callable
        Takes a `Recorder` and gets its model and tools from it by `wrap`.
    """
    recorder = Recorder()
    return recorder.recording(agent(recorder))
