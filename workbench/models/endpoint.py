"""Any server that speaks OpenAI's chat completions, over one connection pool."""

import contextlib
import email.utils
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workbench.errors import BadValue
from workbench.models.base import Answer, Ask, Call, CallFailed, Fault, Model, require_pace
from workbench.models.completions import read_answer, read_embeddings, read_stream
from workbench.pricing import Price

if TYPE_CHECKING:
    import aiohttp
    import numpy as np
    from numpy.typing import NDArray

# No answer of a model is so long; a server gone wrong could fill the memory.
MOST_BYTES = 32 * 2**20
_TOLD = 300
_JSON = json.JSONEncoder(ensure_ascii=False)
_BATCH = 256


@dataclass(frozen=True)
class Endpoint(Model):
    """A model behind an OpenAI-compatible server: OpenAI, vLLM, Ollama, llama.cpp, a LiteLLM proxy.

    Parameters
    ----------
    model : str
        The model's name as the server knows it.
    base_url : str
        Where the server is, without `/chat/completions`.
    api_key_env : str, optional
        The environment variable that holds the key; it is read when calls are made and kept
        nowhere. None for a server without keys.
    name : str, optional
        How the model is called in OUTPUTS; `model` by default.
    parameters : mapping
        Sent with every call, unless the prompt says otherwise: temperature, max_tokens, seed …
        With a seed, each repeat is asked with a seed of its own.
    stream : bool
        Ask for the answer in pieces, which tells the time to the first token.
    concurrency : int
        The most calls at a time; the runner finds out how many the server takes.
    timeout_s : float
        Seconds that one call may take.
    price : Price, optional
        What its tokens cost; by default the price table says it.

    Raises
    ------
    BadValue
        If the address is none, or holds a secret.

    Examples
    --------
    >>> Endpoint("llama3.2", base_url="http://127.0.0.1:11434/v1", api_key_env=None)
    Endpoint 'llama3.2' at http://127.0.0.1:11434/v1
    """

    model: str
    base_url: str = "https://api.openai.com/v1"
    api_key_env: str | None = "OPENAI_API_KEY"
    name: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    stream: bool = False
    concurrency: int = 64
    timeout_s: float = 120.0
    price: Price | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _address(self.base_url))
        object.__setattr__(self, "name", self.name or self.model)
        require_pace("an Endpoint", self.concurrency, self.timeout_s)

    def __repr__(self) -> str:
        return f"Endpoint {self.name!r} at {self.base_url}"

    @property
    def identity(self) -> Mapping[str, object]:
        """The address and the model's name there."""
        return {"kind": "endpoint", "base_url": self.base_url, "model": self.model}

    @property
    def priced_as(self) -> str:
        """The model's name at the server."""
        return self.model

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Ask]:
        """Open a pool of connections.

        Raises
        ------
        BadValue
            If the environment holds no key.
        """
        async with self._session() as post:

            async def ask(call: Call) -> Answer:
                body = {"model": self.model, "messages": list(call.messages), **call.parameters}
                body = seeded(body, call.repeat)
                if self.stream:
                    body |= {"stream": True, "stream_options": {"include_usage": True}}
                answer: Answer = await post("/chat/completions", body)
                return answer

            yield ask

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:  # a coroutine function of path and body
        import aiohttp

        key = self._key()
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        secrets = [key] if key else []
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        async with aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:

            async def post(path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401
                with _telling(self.timeout_s, secrets):
                    return await self._post(session, path, body, secrets)

            yield post

    async def _post(
        self,
        session: "aiohttp.ClientSession",
        path: str,
        body: Mapping[str, object],
        secrets: Sequence[str],
    ) -> Any:  # noqa: ANN401 - an Answer, or vectors
        since = time.perf_counter()
        content = _JSON.encode(body).encode("utf-8", "replace")
        # a redirect could carry the key to a stranger
        async with session.post(
            self.base_url + path, data=content, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise _refused(response.status, response.headers, await _content(response), secrets)
            if path == "/embeddings":
                return read_embeddings(await _content(response))
            if response.content_type == "text/event-stream":
                return await read_stream(response.content, since, MOST_BYTES, secrets)
            return read_answer(await _content(response), secrets)

    def _key(self) -> str | None:
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise BadValue(
                f"the environment must hold the key of {self.name!r}, but {self.api_key_env} is not "
                "set; set it, or pass api_key_env=None for a server without keys."
            )
        return key

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float64]":
        """Return the embeddings of texts, from `/embeddings`.

        Parameters
        ----------
        texts : sequence of str
            The texts; they are sent 256 at a time.

        Returns
        -------
        array of float, shape (n_texts, n_dimensions)

        Raises
        ------
        BadValue
            If the server does not give a vector of the same length for each text.
        """
        from workbench.models.loops import run_apart

        return run_apart(self._embed(list(texts)))

    async def _embed(self, texts: list[str]) -> "NDArray[np.float64]":
        import numpy as np

        parts: list[list[float]] = []
        async with self._session() as post:
            for start in range(0, len(texts), _BATCH):
                batch = texts[start : start + _BATCH]
                try:
                    found = await post("/embeddings", {"model": self.model, "input": batch})
                except CallFailed as failed:
                    raise BadValue(
                        f"{self!r} must embed texts, but a call failed ({failed.reason}); look at the server."
                    ) from None
                parts += found
                if len(parts) != start + len(batch) or len({*map(len, parts)}) != 1:
                    raise BadValue(
                        f"{self!r} must return one vector for each text, all of one length, but "
                        f"{len(found)} came for {len(batch)} texts; look at the server."
                    )
        return np.array(parts, dtype=np.float64).reshape(len(texts), -1 if texts else 0)


def _address(url: str) -> str:
    """Return an address without a last stroke, if it is one that may be shown."""
    try:
        parts = urlsplit(url.strip())
        told = parts.port, parts.username, parts.password
    except ValueError:
        parts, told = urlsplit(""), (None, None, None)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadValue(
            f"base_url must be an address such as https://api.openai.com/v1, but {url[:80]!r} came; correct it."
        )
    if told[1] is not None or told[2] is not None or parts.query or parts.fragment:
        raise BadValue(
            "base_url must hold no user, password or query, for addresses are shown and stored, but one "
            f"came for {parts.hostname}; put the key into the environment and name it by api_key_env."
        )
    return url.strip().rstrip("/")


async def _content(response: "aiohttp.ClientResponse") -> bytes:
    """Return the body, of which no more than the most is kept."""
    # the length of what is packed says nothing of what it holds
    length = None if "Content-Encoding" in response.headers else response.content_length
    if length is not None and length <= MOST_BYTES:
        return await response.read()
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > MOST_BYTES:
            raise CallFailed(
                "refused", f"an answer of more than {MOST_BYTES >> 20} MB", may_be_billed=True
            )
        parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def _telling(timeout_s: float, secrets: Sequence[str]) -> Iterator[None]:
    """Turn what a client raises into a failed call."""
    import aiohttp

    try:
        yield
    except CallFailed:
        raise
    except TimeoutError:
        raise CallFailed(
            "timeout", f"timeout: no answer in {timeout_s:g} s", may_be_billed=True
        ) from None
    except aiohttp.ClientConnectorError as error:
        raise CallFailed(
            "dropped", f"no connection: {hidden(str(error), secrets)}"[:_TOLD]
        ) from None
    except (aiohttp.ClientError, OSError) as error:
        told = hidden(str(error) or type(error).__name__, secrets)
        raise CallFailed(
            "dropped", f"connection lost: {told}"[:_TOLD], may_be_billed=True
        ) from None


_FAULTS: Mapping[int, Fault] = {
    401: "denied",
    403: "denied",
    404: "denied",
    408: "timeout",
    425: "throttled",
    429: "throttled",
}


def fault_of(status: int) -> Fault:
    """Return the kind of failure that a status of HTTP means."""
    return _FAULTS.get(status, "overloaded" if status >= 500 else "refused")


def seeded(body: dict[str, object], repeat: int) -> dict[str, object]:
    """Return what is sent, in which each repeat has a seed of its own, if there is a seed."""
    seed = body.get("seed")
    return {**body, "seed": seed + repeat} if isinstance(seed, int) else body


def _refused(
    status: int, headers: Mapping[str, str], content: bytes, secrets: Sequence[str]
) -> CallFailed:
    text = " ".join(_message(content).split())
    return CallFailed(
        fault_of(status),
        f"HTTP {status}: {hidden(text, secrets)}"[:_TOLD],
        retry_after_s=retry_after(headers),
    )


def _message(content: bytes) -> str:
    """Return what a server says went wrong, from the shapes in which servers say it."""
    text = content[:10_000].decode("utf-8", "replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for member in ("error", "message", "detail"):
        if isinstance(told, dict) and member in told:
            told = told[member]
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, from a number, or from a date by the server's own clock."""
    for name, unit in (("retry-after-ms", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value) * unit
        except ValueError:
            continue
        if 0 <= seconds < 86_400:
            return seconds
    try:
        until = email.utils.parsedate_to_datetime(headers["Retry-After"])
        now = email.utils.parsedate_to_datetime(headers["Date"])
        return max(0.0, (until - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def hidden(text: str, secrets: Sequence[str]) -> str:
    """Return a text in which no secret stands, in whatever way a server repeats it."""
    for secret in secrets:
        text = text.replace(secret, "[key]")
    return text
