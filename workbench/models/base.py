"""What a model is to the runner: a name, an identity, and a connection that answers calls."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from workbench.errors import BadValue
from workbench.pricing import Price

Message = Mapping[str, object]
"""One turn of a chat: `role` and `content`."""

NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call.

    Parameters
    ----------
    input_tokens, output_tokens : int
        Read, cached ones included; written, reasoning included.
    cached_tokens, reasoning_tokens : int
        Of those read, from a cache; of those written, before the answer.
    source : {"reported", "estimated"}
        Who counted them: the endpoint, or we by the length of the texts.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    source: Literal["reported", "estimated"] = "reported"


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model.

    Parameters
    ----------
    messages : tuple of mapping
        The chat, `role` and `content` each.
    parameters : mapping
        What else is asked for: temperature, max_tokens, response_format …
    row_id, prompt : str
        Which row is asked about, by which prompt.
    repeat : int
        Which of several answers this is, from 0.
    """

    messages: tuple[Message, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    row_id: str = ""
    prompt: str = ""
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Parameters
    ----------
    text : str or None
        What the model wrote; None if it wrote nothing, as with a filter.
    finish_reason : str, optional
        Why it stopped.
    usage : Usage, optional
        Its tokens, where they are known.
    first_token_s : float, optional
        Seconds until the first token, where the answer was streamed.
    model : str, optional
        The name that the endpoint gave, such as a dated release.
    latency_s, cost_usd : float, optional
        Where the model knows them better than a clock and a price table, as a recorded one does.
    """

    text: str | None
    finish_reason: str | None = None
    usage: Usage | None = None
    first_token_s: float | None = None
    model: str | None = None
    latency_s: float | None = None
    cost_usd: float | None = None


Fault = Literal[
    "throttled", "timeout", "overloaded", "dropped", "garbled", "denied", "refused", "raised"
]
"""Why a call failed: too many calls (429), no answer in time, a fault of the server (5xx), a lost
connection, an answer that is none, a key or address that is not accepted (401, 403, 404), a call
that the server will not take (other 4xx), or an exception of a function."""

# What another try may mend.
PASSING: frozenset[Fault] = frozenset({"throttled", "timeout", "overloaded", "dropped", "garbled"})


class CallFailed(Exception):
    """A call that got no answer.

    Parameters
    ----------
    fault : str
        The kind of failure, see `Fault`.
    reason : str
        One sentence without secrets.
    retry_after_s : float, optional
        How long the server asks to wait.
    may_be_billed : bool
        Whether the server may have done the work all the same.
    """

    def __init__(
        self,
        fault: Fault,
        reason: str,
        *,
        retry_after_s: float | None = None,
        may_be_billed: bool = False,
    ) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.may_be_billed = may_be_billed


Ask = Callable[[Call], Awaitable[Answer]]
"""Answers a call, or raises `CallFailed`."""


class Model(ABC):
    """What generates text.

    Attributes
    ----------
    name : str
        How the model is called in OUTPUTS.
    parameters : mapping
        What every call asks for, unless its prompt says otherwise.
    concurrency : int
        The most calls at a time.
    price : Price, optional
        What its tokens cost; by default the price table is asked for `priced_as`.
    """

    name: str
    parameters: Mapping[str, object] = NOTHING
    concurrency: int = 64
    price: Price | None = None

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, object]:
        """What makes its answers its own, as JSON and without secrets; a part of each answer's key."""

    @abstractmethod
    def connect(self) -> AbstractAsyncContextManager[Ask]:
        """Open what is needed to ask, in the running event loop."""

    @property
    def priced_as(self) -> str:
        """The name under which a price table has the model."""
        return self.name

    @property
    def is_billed(self) -> bool:
        """Whether calls cost money at all."""
        return True

    def key_of(self, call: Call) -> object:
        """Return what a call's answer depends on, beside identity and repeat, as JSON."""
        return [list(call.messages), dict(call.parameters)]


def require_pace(model: str, concurrency: int, timeout_s: float | None = None) -> None:
    """Refuse a model that would never ask, or never wait for an answer.

    Parameters
    ----------
    model : str
        What it is, for the message: "an Endpoint".
    concurrency : int
        The most calls at a time.
    timeout_s : float, optional
        Seconds for one call, where it has a limit of its own.
    """
    if concurrency < 1 or not (timeout_s is None or timeout_s > 0):
        limited, came = (
            ("", f"{concurrency}")
            if timeout_s is None
            else (" and a timeout_s above 0", f"{concurrency} and {timeout_s}")
        )
        raise BadValue(
            f"{model} must have a concurrency of at least 1{limited}, but {came} came; leave out what is "
            "wrong for the usual."
        )
