"""Chat completions as they come over the wire: whole, in pieces, and with usage by several customs."""

import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from workbench.models.base import Answer, CallFailed, Usage

if TYPE_CHECKING:
    import aiohttp

# No call uses more; a larger count is a fault of the server's.
_MOST_TOKENS = 10**9


def _garbled(reason: str) -> CallFailed:
    return CallFailed("garbled", reason, may_be_billed=True)


def _parsed(content: bytes | str, secrets: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON value
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    for secret in secrets:
        # a key has no letter that JSON would escape, except by custom
        text = text.replace(secret, "[key]")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _garbled(f"an answer that is no JSON: {' '.join(text[:80].split())!r}") from None


def read_answer(content: bytes, secrets: Sequence[str] = ()) -> Answer:
    """Read a whole chat completion.

    Raises
    ------
    CallFailed
        If it is none.

    Examples
    --------
    >>> read_answer(b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}').text
    'Hi'
    """
    told = _parsed(content, secrets)
    choices = told.get("choices") if isinstance(told, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _garbled(f"an answer without choices: {json.dumps(told)[:80]}")
    message = choices[0].get("message")
    message = message if isinstance(message, dict) else {"content": choices[0].get("text")}
    text, refused = _text(message.get("content")), _text(message.get("refusal"))
    return Answer(
        text if text or not refused else refused,
        "refusal" if refused and not text else _name(choices[0].get("finish_reason")),
        read_usage(told.get("usage")),
        model=_name(told.get("model")),
    )


def _text(content: object) -> str | None:
    """Return a content's text; parts of other kinds have none."""
    if isinstance(content, list):
        parts = [each.get("text") for each in content if isinstance(each, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _name(value: object) -> str | None:
    return value[:200] if isinstance(value, str) else None


def read_usage(told: object) -> Usage | None:
    """Read what an endpoint says of tokens; None if that cannot be right.

    Notes
    -----
    Of OpenAI, `completion_tokens` includes those of reasoning; others add them beside it, which
    shows in `total_tokens`. DeepSeek names what it read from a cache `prompt_cache_hit_tokens`.

    Examples
    --------
    >>> read_usage({"prompt_tokens": 9, "completion_tokens": 4})
    Usage(input_tokens=9, output_tokens=4, cached_tokens=0, reasoning_tokens=0, source='reported')
    """
    if not isinstance(told, Mapping):
        return None
    read = _count(told.get("prompt_tokens", told.get("input_tokens")))
    written = _count(told.get("completion_tokens", told.get("output_tokens")))
    if read is None or written is None:
        return None
    cached = _part(told, ("prompt_tokens_details", "input_tokens_details"), "cached_tokens")
    cached = cached or _count(told.get("prompt_cache_hit_tokens")) or 0
    reasoning = _part(
        told, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens"
    )
    total = _count(told.get("total_tokens"))
    if reasoning and (reasoning > written or total == read + written + reasoning):
        written += reasoning
    return Usage(read, written, min(cached, read), reasoning)


def _count(value: object) -> int | None:
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS
    return value if right else None  # type: ignore[return-value]


def _part(told: Mapping[str, Any], places: Sequence[str], name: str) -> int:
    for place in places:
        if isinstance(details := told.get(place), Mapping):
            return _count(details.get(name)) or 0
    return 0


async def read_stream(
    stream: "aiohttp.StreamReader", since: float, most_bytes: int, secrets: Sequence[str] = ()
) -> Answer:
    """Read a completion that comes in server-sent events.

    Parameters
    ----------
    stream : StreamReader
        The body.
    since : float
        `time.perf_counter()` when the call was made.
    most_bytes : int
        How long the body may be.
    secrets : sequence of str
        What must not stand in the answer.

    Raises
    ------
    CallFailed
        If it ends without `[DONE]` or a reason to finish: half an answer is none.
    """
    pieces = _Pieces(since)
    size, rest = 0, b""
    async for part in stream.iter_any():
        size += len(part)
        if size > most_bytes:
            raise CallFailed(
                "refused", f"an answer of more than {most_bytes >> 20} MB", may_be_billed=True
            )
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            pieces.add(line, secrets)
        if size > 65_536:  # a server that never pauses must not keep others waiting
            await asyncio.sleep(0)
    pieces.add(rest, secrets)
    return pieces.answer(secrets)


class _Pieces:
    """The pieces of one answer so far."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.texts: dict[Literal["content", "refusal"], list[str]] = {"content": [], "refusal": []}
        self.first_token_s: float | None = None
        self.reason: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.is_done = False

    def add(self, line: bytes, secrets: Sequence[str]) -> None:
        """Add a line; comments and other fields of events say nothing."""
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if data == b"[DONE]":
            self.is_done = True
            return
        event = _parsed(data, secrets)
        if not isinstance(event, dict):
            return
        if event.get("error"):
            told = json.dumps(event["error"], ensure_ascii=False)[:200]
            raise CallFailed("overloaded", f"an error in the answer: {told}", may_be_billed=True)
        self.model = self.model or _name(event.get("model"))
        self.usage = read_usage(event.get("usage")) or self.usage
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            self._choose(choice)

    def _choose(self, choice: object) -> None:
        if not isinstance(choice, dict) or choice.get("index") not in {0, None}:
            return
        self.reason = _name(choice.get("finish_reason")) or self.reason
        delta = choice.get("delta")
        for name, texts in self.texts.items():
            if isinstance(delta, dict) and (text := _text(delta.get(name))):
                texts.append(text)
                if self.first_token_s is None:
                    self.first_token_s = time.perf_counter() - self.since

    def answer(self, secrets: Sequence[str]) -> Answer:
        """Return the whole, if it is one."""
        if not self.is_done and self.reason is None:
            n = sum(map(len, self.texts["content"]))
            raise _garbled(f"half an answer: the stream ended after {n} characters")
        text, refused = ("".join(self.texts[name]) for name in ("content", "refusal"))
        for secret in secrets:  # one that came in two pieces
            text, refused = text.replace(secret, "[key]"), refused.replace(secret, "[key]")
        reason = "refusal" if refused and not text else self.reason
        return Answer(text or refused or None, reason, self.usage, self.first_token_s, self.model)


def read_embeddings(content: bytes) -> list[list[float]]:
    """Read the vectors of `/embeddings` in the order of their texts.

    Raises
    ------
    CallFailed
        If there are none, or one holds what is no number.
    """
    told = _parsed(content, ())
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise _garbled("an answer without embeddings")
    ordered = sorted(
        data, key=lambda each: each["index"] if isinstance(each.get("index"), int) else 0
    )
    vectors = [each.get("embedding") for each in ordered]
    for vector in vectors:
        if not isinstance(vector, list) or not all(isinstance(x, int | float) for x in vector):
            raise _garbled("an embedding that is no list of numbers")
    return vectors
