"""What every answer of the server has in common: the files there are, headers, plain errors."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.display import plain

log = logging.getLogger("workbench.serving")

_PACKAGE = Path(__file__).resolve().parent.parent

_POLICY = "; ".join(
    [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
        "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    ]
)  # fmt: skip

HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""What stands above every answer: nothing from elsewhere, nothing inline, nothing kept."""


class Asset(NamedTuple):
    """A file that anybody may have."""

    content: bytes
    media_type: str
    etag: str


_SCRIPT, _STYLE, _PAGE = "text/javascript", "text/css", "text/html"
_FILES = {
    "/": ("assets/rate.html", _PAGE),
    "/admin": ("assets/admin.html", _PAGE),
    "/static/page.js": ("assets/rate.js", _SCRIPT),
    "/static/page.css": ("assets/rate.css", _STYLE),
    "/static/admin.js": ("assets/admin.js", _SCRIPT),
    "/static/rating.js": ("widgets/rating.js", _SCRIPT),
    "/static/rating.css": ("widgets/rating.css", _STYLE),
}


def assets() -> dict[str, Asset]:
    """Return all files that there are, by their address; no address is ever made into a path."""
    found = {}
    for address, (name, media_type) in _FILES.items():
        content = (_PACKAGE / name).read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        found[address] = Asset(content, media_type, etag)
    return found


def file_response(asset: Asset, request: Request) -> Response:
    """Return a file, or say that the browser has it already."""
    headers = {"ETag": asset.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


class Headed:
    """Puts the headers above every answer.

    Parameters
    ----------
    app : ASGI application
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""

        async def headed(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, headed)


_WORDS = {
    400: "The server could not understand this.",
    403: "You may not do this.",
    404: "There is no such page.",
    405: "This cannot be done here.",
    413: "This is too large.",
    429: "Too many attempts; wait a minute.",
    503: "The server is not ready; try again.",
}


def sentence(status: int) -> str:
    """Return what people are told of a status, and nothing else of what happened.

    Examples
    --------
    >>> sentence(404)
    'There is no such page.'
    """
    return _WORDS.get(status, "Something went wrong; try again.")


async def refused(request: Request, error: Exception) -> Response:
    """Answer an error of whoever asked."""
    status = error.status_code if isinstance(error, HTTPException) else 400
    log.info(
        "refused %s %s of %s (%d)",
        plain(request.method, width=20),
        plain(request.url.path, width=100),
        address(request),
        status,
    )
    headers: Mapping[str, str] | None = getattr(error, "headers", None)
    return PlainTextResponse(sentence(status), status, headers)


async def broken(request: Request, error: Exception) -> Response:
    """Answer an error of our own; what it was stands in the log only."""
    log.error(
        "%s %s failed",
        plain(request.method, width=20),
        plain(request.url.path, width=100),
        exc_info=error,
    )
    return PlainTextResponse(sentence(500), 500)


def address(connection: HTTPConnection) -> str:
    """Return where somebody comes from."""
    return connection.client.host if connection.client else "nowhere"


def is_own_origin(connection: HTTPConnection, public_url: str) -> bool:
    """Tell whether a page of ours asks, not one of another site in the same browser.

    Parameters
    ----------
    connection : HTTPConnection
        What came. Browsers say the origin of each socket and of each POST.
    public_url : str
        Where people find this server; empty where that is what they ask it by.
    """
    origins = connection.headers.getlist("origin")
    if len(origins) != 1:
        return False
    if public_url:
        parts = urlsplit(public_url)
        return origins[0].lower() == f"{parts.scheme}://{parts.netloc}".lower()
    return origins[0].lower() == f"http://{connection.headers.get('host', '')}".lower()
