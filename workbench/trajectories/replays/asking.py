"""Functions that stand for an agent's model and tools: what recorders and players share."""

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from workbench.errors import BadValue
from workbench.trajectories.model import Json
from workbench.trajectories.replays.values import encoded

Kind = Literal["chat", "execute_tool", "wb.other"]
Agent = Callable[[Any], object]
"""A session: it takes a recorder or a player, and its model and its tools from it by `wrap`."""


@dataclass(frozen=True)
class Call:
    """A question on its way.

    Parameters
    ----------
    function : callable or None
        What would answer.
    name, kind : str
        Who is asked, and what it is.
    args, kwargs : tuple, dict
        With what.
    """

    function: Callable[..., Any] | None
    name: str
    kind: Kind
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def request(self) -> Json:
        """The arguments as JSON."""
        what = f"an argument of {self.name}"
        return {"args": encoded(list(self.args), what), "kwargs": encoded(self.kwargs, what)}

    @property
    def later(self) -> bool:
        """Whether the answer, or each piece of it, is awaited."""
        return inspect.iscoroutinefunction(self.function) or inspect.isasyncgenfunction(
            self.function
        )

    def ask(self) -> Any:  # noqa: ANN401 - any function may answer
        """Ask the function itself."""
        if self.function is None:
            raise BadValue(
                f"what is asked live must have a function, but {self.name!r} has none; wrap one."
            )
        return self.function(*self.args, **self.kwargs)


class Asks(ABC):
    """What an agent takes its model and its tools from."""

    @abstractmethod
    def answer(self, call: Call) -> Any:  # noqa: ANN401
        """Return the answer to a call; of a coroutine function something that can be awaited."""

    def wrap(
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str = "",
        kind: Kind = "execute_tool",
    ) -> Callable[..., Any]:
        """Return a function that stands for a model or a tool.

        Parameters
        ----------
        function : callable, optional
            What is asked; a player asks it only when a fork goes on live. A coroutine function
            gives a coroutine function; an iterator as an answer is kept piece by piece.
        name : str
            Under which name; the function's own by default.
        kind : {"chat", "execute_tool", "wb.other"}
            What it is.
        """
        called = name or getattr(function, "__name__", "")
        if not called:
            raise BadValue("what is wrapped must have a name, but none came; pass name=….")

        def asked(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            return self.answer(Call(function, called, kind, args, kwargs))

        async def asked_later(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            found = self.answer(Call(function, called, kind, args, kwargs))
            return await found if inspect.isawaitable(found) else found

        if function is None:
            return asked
        stand_in = asked_later if inspect.iscoroutinefunction(function) else asked
        return functools.wraps(function)(stand_in)

    def client(self, client: Any) -> "Client":  # noqa: ANN401 - any client of that shape
        """Return a stand-in for an `openai` client: its `chat.completions` and its `responses`.

        Parameters
        ----------
        client : object
            The client, or None for a replay that never goes on live.
        """
        return Client(self, client)


class Client:
    """A stand-in for a client: `client.chat.completions.create(…)` is one exchange."""

    def __init__(self, asks: Asks, client: Any, path: str = "") -> None:  # noqa: ANN401
        self._asks, self._client, self._path = asks, client, path

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self._path}.{name}".lstrip(".")
        inner = getattr(self._client, name, None) if self._client is not None else None
        if name in {"create", "parse"} or (callable(inner) and not hasattr(inner, "create")):
            return self._asks.wrap(inner, name=path, kind="chat")
        return Client(self._asks, inner, path)
