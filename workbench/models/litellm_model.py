"""Models that litellm speaks to: some hundred providers under one name each."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import Unreadable
from workbench.models.base import Answer, Ask, Call, CallFailed, Model, require_pace
from workbench.models.completions import read_answer
from workbench.models.endpoint import fault_of, hidden, retry_after, seeded
from workbench.pricing import Price


@dataclass(frozen=True)
class LiteLLM(Model):
    """A model of any provider that litellm knows; needs the extra `[litellm]`.

    Parameters
    ----------
    model : str
        The provider and the model, such as ``anthropic/claude-sonnet-4-5``; litellm finds the key
        in the environment.
    name : str, optional
        How the model is called in OUTPUTS; `model` by default.
    parameters : mapping
        Sent with every call, unless the prompt says otherwise; `api_base` among them.
    concurrency : int
        The most calls at a time.
    timeout_s : float
        Seconds that one call may take.
    price : Price, optional
        What its tokens cost; by default the price table says it.

    Notes
    -----
    Retries, limits and budgets are the runner's; those of litellm are switched off, and so is its
    fetching of a price map when it is imported. Prefer `Endpoint` where the provider speaks chat
    completions: it takes a fraction of the processor's time.

    Examples
    --------
    >>> LiteLLM("anthropic/claude-sonnet-4-5")
    LiteLLM 'anthropic/claude-sonnet-4-5'
    """

    model: str
    name: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    concurrency: int = 32
    timeout_s: float = 120.0
    price: Price | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.model)
        require_pace("a LiteLLM model", self.concurrency, self.timeout_s)

    def __repr__(self) -> str:
        return f"LiteLLM {self.name!r}"

    @property
    def identity(self) -> Mapping[str, object]:
        """The provider and the model; an address is a parameter."""
        return {"kind": "litellm", "model": self.model}

    @property
    def priced_as(self) -> str:
        """The name by which litellm's price map and others have it."""
        return self.model

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Ask]:
        """Import litellm.

        Raises
        ------
        Unreadable
            If it is not installed.
        """
        litellm = _litellm()

        async def ask(call: Call) -> Answer:
            asked = seeded(dict(call.parameters), call.repeat)
            with _telling(self.timeout_s):
                told = await litellm.acompletion(
                    model=self.model,
                    messages=[dict(each) for each in call.messages],
                    timeout=self.timeout_s,
                    num_retries=0,
                    max_retries=0,
                    **asked,
                )
            return read_answer(told.model_dump_json().encode(), _keys())

        yield ask


def _litellm() -> Any:  # noqa: ANN401 - a module
    # read once, when it is imported: without it the price map would be fetched
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm
    except ImportError:
        raise Unreadable(
            "litellm must be installed, but it is not; install the extra [litellm]: "
            "pip install 'evaluation-workbench[litellm]'."
        ) from None
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _keys() -> list[str]:
    """Return what of the environment must not be repeated: litellm takes its keys from there."""
    return [
        value
        for name, value in os.environ.items()
        if name.endswith(("_KEY", "_TOKEN", "_SECRET")) and len(value) >= 8
    ]


@contextlib.contextmanager
def _telling(timeout_s: float) -> Iterator[None]:
    """Turn what litellm raises into a failed call."""
    try:
        yield
    except Exception as error:
        status = getattr(error, "status_code", None)
        told = " ".join(hidden(str(error), _keys()).split())[:300]
        if isinstance(error, TimeoutError) or status == 408:
            raise CallFailed(
                "timeout", f"timeout: no answer in {timeout_s:g} s", may_be_billed=True
            ) from None
        if not isinstance(status, int):
            raise CallFailed("raised", f"{type(error).__name__}: {told}") from None
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        raise CallFailed(
            fault_of(status), f"HTTP {status}: {told}", retry_after_s=retry_after(headers)
        ) from None
