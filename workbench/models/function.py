"""A callable as a model: the workbench's own systems, a library's client, a test's stand-in."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import BadKind, is_number
from workbench.models.base import Answer, Ask, Call, CallFailed, Model, require_pace
from workbench.pricing import Price


@dataclass(frozen=True)
class Function(Model):
    """A callable that is given the chat and returns the answer.

    Parameters
    ----------
    function : callable
        Called as ``function(messages, **parameters)`` with a list of `role` and `content`; returns
        a text or an `Answer`. It may be a coroutine function; others run in threads.
    name : str, optional
        The model's name; the function's by default.
    version : str
        A part of the answers' key: change it when the function changes.
    parameters : mapping
        Passed with every call, unless the prompt says otherwise.
    concurrency : int
        The most calls at a time.
    price : Price, optional
        What its tokens cost; a function costs nothing by default, unless its answers say what
        they cost (`Answer.cost_usd`).

    Examples
    --------
    >>> shout = Function(lambda messages: messages[-1]["content"].upper(), name="shout")
    >>> shout
    Function 'shout'
    """

    function: Callable[..., Any]  # any callable: what it returns is checked
    name: str = ""
    version: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    concurrency: int = 8
    price: Price | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise BadKind(
                f"a Function must be given a callable, but {type(self.function).__name__} came; pass a "
                "function of messages."
            )
        require_pace("a Function", self.concurrency)
        if not self.name:
            told = getattr(self.function, "__name__", type(self.function).__name__)
            object.__setattr__(self, "name", told)

    def __repr__(self) -> str:
        return f"Function {self.name!r}"

    @property
    def identity(self) -> Mapping[str, object]:
        """Its name and version: what a function computes cannot be told from its bytes."""
        return {"kind": "function", "name": self.name, "version": self.version}

    @property
    def is_billed(self) -> bool:
        """Whether a price was given."""
        return self.price is not None

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Ask]:
        """Start the threads that it runs in, unless it is a coroutine function."""
        if inspect.iscoroutinefunction(self.function):
            yield self._await
            return
        threads = ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.name[:20])
        try:

            async def ask(call: Call) -> Answer:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, self._call, call)

            yield ask
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _call(self, call: Call) -> Answer:
        try:
            result = self.function([dict(each) for each in call.messages], **call.parameters)
        except Exception as error:
            raise _raised(error) from error
        return _answer(result)

    async def _await(self, call: Call) -> Answer:
        try:
            result = await self.function([dict(each) for each in call.messages], **call.parameters)
        except Exception as error:
            raise _raised(error) from error
        return _answer(result)


def _raised(error: Exception) -> CallFailed:
    if isinstance(error, CallFailed):
        return error
    if isinstance(error, TimeoutError):
        return CallFailed("timeout", f"timeout in the function: {error}")
    return CallFailed("raised", f"{type(error).__name__}: {error}")


def _answer(result: object) -> Answer:
    if isinstance(result, Answer):
        told = result.cost_usd
        if told is not None and not (is_number(told) and told >= 0):
            reason = f"an Answer's cost_usd must be a number of at least 0, but {told!r} came"
            raise CallFailed("raised", reason, may_be_billed=True)
        return result
    if result is None or isinstance(result, str):
        return Answer(result)
    raise CallFailed(
        "raised", f"a function must return a text or an Answer, but {type(result).__name__} came"
    )
