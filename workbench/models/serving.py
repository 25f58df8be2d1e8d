"""Functions as a server of chat completions on this machine: to try prompts, runs and agents against."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.errors import BadKind, BadValue, some
from workbench.models.base import Answer, Call, CallFailed, Usage
from workbench.models.function import Function

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# No question is so long.
_MOST_BYTES = 8 * 2**20
_TOKEN = re.compile(r"\w+|[^\w\s]")
_START_S = 20


@dataclass
class Served:
    """A running server; it ends with `stop`, with a `with` block, or with the process.

    Attributes
    ----------
    url : str
        What an `Endpoint` takes as `base_url`.
    names : tuple of str
        The models that it serves.
    """

    url: str
    names: tuple[str, ...]
    _server: "uvicorn.Server" = field(repr=False)
    _thread: threading.Thread = field(repr=False)

    def __repr__(self) -> str:
        # without the port, which differs each time
        return f"Served on 127.0.0.1: {', '.join(self.names)}"

    def stop(self) -> None:
        """End the server, once the calls under way are answered."""
        self._server.should_exit = True
        self._thread.join(_START_S)

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(functions: Mapping[str, Callable[..., Any]], *, port: int = 0) -> Served:
    """Serve functions as models that speak chat completions, on this machine alone.

    Parameters
    ----------
    functions : mapping of str to callable
        By the model's name; called as ``function(messages, **parameters)``, each with what the
        request holds (temperature, seed, max_tokens …); returns a text or an `Answer`.
    port : int
        A port of 127.0.0.1; a free one by default.

    Returns
    -------
    Served
        The running server, for `Endpoint(name, base_url=server.url, api_key_env=None)`.

    Raises
    ------
    BadKind
        If a function cannot be called.
    BadValue
        If the port is taken.

    Notes
    -----
    Tokens are counted as words and marks, and said to be used. There are no keys: it listens on
    the loopback alone.

    Examples
    --------
    >>> import workbench as wb
    >>> with wb.models.serve({"echo": lambda messages, **_: messages[-1]["content"]}) as server:
    ...     model = wb.Endpoint("echo", base_url=server.url, api_key_env=None)
    ...     free = wb.pricing.Price(0, 0)
    ...     rows = wb.read([{"input": "Good morning!"}])
    ...     outputs = wb.run(rows, models=wb.Endpoint("echo", base_url=server.url, api_key_env=None, price=free))
    >>> outputs[["text", "input_tokens"]]
                text  input_tokens
    0  Good morning!             3
    """
    import uvicorn

    models = {name: Function(each, name=name) for name, each in _checked(functions).items()}
    listening = _listening(port)
    app = _app(models)
    settings = uvicorn.Config(
        app, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(
        target=server.run, args=([listening],), name="workbench-models", daemon=True
    )
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    return Served(url, tuple(models), server, thread)


def _checked(functions: Mapping[str, Callable[..., Any]]) -> Mapping[str, Callable[..., Any]]:
    if not isinstance(functions, Mapping) or not functions:
        raise BadKind(
            'functions must be a mapping such as {"echo": echo}, but none came; name at least one model.'
        )
    if strange := [name for name, each in functions.items() if not callable(each)]:
        raise BadKind(
            f"functions must be callables, but {some(strange)} is none; pass functions of messages."
        )
    return functions


def _listening(port: int) -> socket.socket:
    """Return a socket that listens already, so that a call made at once waits instead of failing."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise BadValue(
            f"port must be a free one of 127.0.0.1, but {port} is not ({error}); leave it out for any."
        ) from None
    listening.listen(1024)
    return listening


def _app(models: Mapping[str, Function]) -> "Starlette":
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    @contextlib.asynccontextmanager
    async def connected(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with contextlib.AsyncExitStack() as stack:
            asks = {
                name: await stack.enter_async_context(model.connect())
                for name, model in models.items()
            }
            yield {"asks": asks}

    async def listed(_: "Request") -> "Response":
        return JSONResponse(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in models]}
        )

    async def complete(request: "Request") -> "Response":
        body = await _body(request)
        if isinstance(body, str):
            return _failure(400, body)
        if (name := body.pop("model", None)) not in models:
            return _failure(404, f"the model {str(name)[:80]!r} does not exist")
        stream, messages = body.pop("stream", False), tuple(body.pop("messages"))
        body.pop("stream_options", None)
        try:
            answer = await request.state.asks[name](Call(messages, body))
        except CallFailed as failed:
            return _failure(500, failed.reason)
        told = _completion(str(name), messages, answer)
        return _streamed(told) if stream else JSONResponse(told)

    routes = [
        Route("/v1/models", listed),
        Route("/v1/chat/completions", complete, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=connected)


async def _body(request: "Request") -> dict[str, Any] | str:
    """Return what a request asks, or what is wrong with it."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            return f"a request must have at most {_MOST_BYTES >> 20} MB"
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return "a request must be JSON"
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        return "a request must hold `messages`, a list of objects"
    right: dict[str, Any] = body
    return right


def _failure(status: int, message: str) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse({"error": {"message": message}}, status_code=status)


def _completion(name: str, messages: tuple[Any, ...], answer: Answer) -> dict[str, Any]:
    read = sum(len(_TOKEN.findall(str(each.get("content") or ""))) for each in messages)
    usage = answer.usage or Usage(read, len(_TOKEN.findall(answer.text or "")))
    return {
        "object": "chat.completion",
        "model": answer.model or name,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text},
                "finish_reason": answer.finish_reason or "stop",
            }
        ],
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        },
    }


def _streamed(told: Mapping[str, Any]) -> "Response":
    from starlette.responses import Response

    (choice,) = told["choices"]
    pieces = re.findall(r"\S*\s*", choice["message"]["content"] or "")
    events = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces if piece]
    events.append(
        {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    )
    events.append({"choices": [], "usage": told["usage"]})
    lines = [f"data: {json.dumps({'model': told['model'], **each})}\n\n" for each in events]
    return Response("".join([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")
