"""The server's addresses, and what each of them answers."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from workbench.display import plain
from workbench.errors import InputError
from workbench.ratings.sessions import Reply
from workbench.serving import pages
from workbench.serving.access import Access, Grant, NotAdmitted, Use
from workbench.serving.clerk import Clerk
from workbench.serving.hub import NOT_ADMITTED, Connection, Hub
from workbench.serving.limits import Buckets
from workbench.serving.overview import Overview

log = logging.getLogger("workbench.serving")

LARGEST_MESSAGE = 1_000_000
"""Of what a page may send at once, in bytes."""

_LARGEST_BODY = 10_000
# Wrong links per address: some at once, then one each six seconds. Right ones are never held up.
_RATE, _BURST = 1 / 6, 10


@dataclass(frozen=True)
class Site:
    """The parts of a server.

    Parameters
    ----------
    hub : Hub
        Who is connected.
    public_url : str
        Where people find it; empty where that is what they ask it by.
    """

    hub: Hub
    public_url: str = ""
    wrong: Buckets = field(default_factory=lambda: Buckets(_RATE, _BURST))

    @property
    def access(self) -> Access:
        """Who may come in."""
        return self.hub.access

    @property
    def clerk(self) -> Clerk:
        """Who speaks with the store."""
        return self.hub.clerk

    def app(self) -> Starlette:
        """Return the application."""
        overview = Overview(self.hub)
        files = pages.assets()

        async def file(request: Request) -> Response:
            return pages.file_response(files[request.url.path], request)

        async def admin(request: Request) -> Response:
            return await self._admin(request, overview)

        async def revoke(request: Request) -> Response:
            answer = await self._revoke(request)
            overview.forget()
            return answer

        routes = [
            *(Route(address, file, methods=["GET"]) for address in files),
            Route("/health", self._health, methods=["GET"]),
            Route("/enter", self._enter, methods=["POST"]),
            Route("/me", self._me, methods=["GET"]),
            Route("/admin/state", admin, methods=["GET"]),
            Route("/admin/revoke", revoke, methods=["POST"]),
            WebSocketRoute("/live", self._live),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(pages.Headed)],
            exception_handlers={
                HTTPException: pages.refused, NotAdmitted: pages.refused, Exception: pages.broken,
            },
            lifespan=self._lifespan,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.clerk.start()
        beat = asyncio.create_task(self.hub.beat())
        try:
            yield
        finally:
            beat.cancel()
            # what was asked for is stored before the server ends
            await asyncio.to_thread(self.clerk.stop)

    # --- coming in -------------------------------------------------------------------------------

    async def _enter(self, request: Request) -> Response:
        """Take a link's token for a cookie that no script can read."""
        self._demand_own_origin(request)
        body = await _json(request)
        try:
            grant = await self._granted(str(body.get("token")), "link")
        except NotAdmitted as error:
            return self._wrong(request, error)
        log.info("%s %s came in", grant.role, plain(grant.rater, width=60))
        response = JSONResponse({"who": self.access.who(grant), "role": grant.role})
        response.set_cookie(
            self._cookie(grant.role == "admin"),
            self.access.token(grant, "cookie"),
            max_age=self.access.seconds_left(grant),
            httponly=True,
            samesite="strict",
            secure=self._is_secure,
            path="/",
        )
        return response

    async def _me(self, request: Request) -> Response:
        """Tell a page for whom it is, by a name that says nothing."""
        try:
            grant = await self._admitted(request)
        except NotAdmitted as error:
            return self._wrong(request, error)
        return JSONResponse({"who": self.access.who(grant), "role": grant.role})

    def _wrong(self, request: Request, error: NotAdmitted) -> Response:
        bucket = self.wrong.of(pages.address(request))
        if bucket.is_empty():
            raise HTTPException(429)
        bucket.take()
        log.warning("not let in, from %s: %s", pages.address(request), error)
        return JSONResponse({"reason": str(error)}, 403)

    @property
    def _is_secure(self) -> bool:
        return self.public_url.startswith("https:")

    def _cookie(self, admin: bool) -> str:
        """Return the name of a cookie; ports share cookies, and servers of two studies must not."""
        prefix = "__Host-" if self._is_secure else ""
        kind = "admin" if admin else "rating"
        return f"{prefix}{kind}-{self.clerk.study.journal.store_id[:12]}"

    async def _admitted(self, connection: HTTPConnection, *, admin: bool = False) -> Grant:
        token = connection.cookies.get(self._cookie(admin))
        if token is None:
            raise NotAdmitted("Open this page by the link that was sent to you.")
        grant = await self._granted(token, "cookie")
        if (grant.role == "admin") != admin:
            raise NotAdmitted("This link is for another page.")
        return grant

    async def _granted(self, token: str, use: Use) -> Grant:
        """Return the leave behind a token, also one that was given by another process just now."""
        op_id = self.access.name_in(token, use)
        if not self.access.knows(op_id):
            with contextlib.suppress(InputError, OSError):
                await self.clerk.call(self.clerk.study.refresh)
        return self.access.check(op_id)

    def _demand_own_origin(self, request: Request) -> None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not pages.is_own_origin(request, self.public_url) or kind != "application/json":
            raise HTTPException(403)

    # --- rating ----------------------------------------------------------------------------------

    async def _live(self, socket: WebSocket) -> None:
        """Speak with one page until it closes."""
        if not pages.is_own_origin(socket, self.public_url):
            origin = plain(socket.headers.get("origin"), width=100)
            log.warning("a page of %s was refused, from %s", origin, pages.address(socket))
            await socket.send_denial_response(Response(pages.sentence(403), 403))
            return
        try:
            grant = await self._admitted(socket)
            if socket.query_params.get("who") != self.access.who(grant):
                raise NotAdmitted("Another link was opened in this browser; reload this page.")
            await socket.accept()
            async with self.hub.joined(socket, grant) as connection:
                await self._speak(connection)
        except NotAdmitted as error:
            await self._turn_away(socket, str(error))
        except (WebSocketDisconnect, OSError):
            pass  # it is gone, and comes back when it can

    async def _turn_away(self, socket: WebSocket, reason: str) -> None:
        """Say why to a page that may not speak, unless its like came too often."""
        if socket.client_state.name == "CONNECTING":
            bucket = self.wrong.of(pages.address(socket))
            log.warning("not let in, from %s: %s", pages.address(socket), reason)
            if bucket.is_empty():
                await socket.send_denial_response(Response(pages.sentence(429), 429))
                return
            bucket.take()
            await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_json({"type": "closed", "reason": reason})
            await socket.close(NOT_ADMITTED)

    async def _speak(self, connection: Connection) -> None:
        while True:
            got = await connection.socket.receive()
            if got["type"] == "websocket.disconnect":
                return
            if got.get("text") is None:
                log.warning("bytes came from %s", plain(connection.grant.rater, width=60))
                await connection.socket.close(1003)
                return
            # the next message is not read before, so that nothing piles up
            await asyncio.sleep(connection.bucket.take())
            self.access.check(connection.grant.op_id)
            message = parsed(got["text"])
            if message is None:
                log.warning("no message of ours from %s", plain(connection.grant.rater, width=60))
                reason = "A message must be a JSON object."
                replies: list[Reply] = [{"type": "refused", "op_id": "", "reason": reason}]
            else:
                replies = await self.hub.answer(connection, message)
            for reply in replies:
                self._log(connection, reply)
                await connection.send(reply)

    def _log(self, connection: Connection, reply: Reply) -> None:
        if reply["type"] == "refused":
            name, reason = connection.grant.rater, reply["reason"]
            log.warning("refused to %s: %s", plain(name, width=60), plain(reason, width=300))

    # --- looking after it ------------------------------------------------------------------------

    async def _health(self, _: Request) -> Response:
        if not self.hub.healthy:
            raise HTTPException(503)
        return JSONResponse({"status": "ok"})

    async def _admin(self, request: Request, overview: Overview) -> Response:
        try:
            await self._admitted(request, admin=True)
        except NotAdmitted as error:
            return self._wrong(request, error)
        return JSONResponse(await overview.state())

    async def _revoke(self, request: Request) -> Response:
        """Take back a rater's links; a page of another site can neither ask nor see."""
        self._demand_own_origin(request)
        try:
            await self._admitted(request, admin=True)
        except NotAdmitted as error:
            return self._wrong(request, error)
        rater = (await _json(request)).get("rater")
        if not isinstance(rater, str) or not rater:
            raise HTTPException(400)
        try:
            ended = await self.clerk.call(lambda: self.access.take_back(rater))
        except (InputError, OSError) as error:
            log.warning("a link could not be taken back: %s", error)
            raise HTTPException(503) from None
        log.info("the links of %s were taken back", plain(rater, width=60))
        return JSONResponse({"ended": ended})


async def _json(request: Request) -> dict[str, Any]:
    """Return the object in the body of a request."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            raise HTTPException(413)
    try:
        found = parsed(body.decode("utf-8"))
    except UnicodeDecodeError:
        found = None
    if found is None:
        raise HTTPException(400)
    return found


def parsed(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text holds; None where it holds anything else.

    Parameters
    ----------
    text : str
        What came, of any depth.

    Examples
    --------
    >>> parsed('{"type": "hello"}'), parsed('[NaN]'), parsed("[" * 100_000)
    ({'type': 'hello'}, None, None)
    """
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(name: str) -> None:
    raise ValueError(name)
