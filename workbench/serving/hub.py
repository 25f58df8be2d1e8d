"""Who is connected, each rater's sitting, and the beat that keeps up with other servers."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Collection
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from workbench.display import plain
from workbench.errors import InputError
from workbench.ratings.sessions import Reply, Session
from workbench.serving.access import Access, Grant, NotAdmitted
from workbench.serving.clerk import Clerk
from workbench.serving.limits import Bucket

log = logging.getLogger("workbench.serving")

# A page that comes back sends what it holds at once, and then as fast as a person acts.
_RATE, _BURST = 20.0, 200
# More pages than anybody keeps open.
_MOST_CONNECTIONS = 20
_BEAT_S = 1.0
_PATIENCE_S = 5.0
# Close codes of our own: not let in, and let in no longer.
NOT_ADMITTED, TOO_MANY = 4401, 4429


class Connection:
    """One open page of a rater.

    Parameters
    ----------
    socket : WebSocket
        What it speaks through.
    grant : Grant
        What it was let in with.
    """

    def __init__(self, socket: WebSocket, grant: Grant) -> None:
        self.socket, self.grant = socket, grant
        self.bucket = Bucket(_RATE, _BURST)
        self.view = ""

    async def send(self, reply: Reply) -> None:
        """Send a reply."""
        await self.socket.send_text(json.dumps(reply, separators=(",", ":")))

    async def close(self, reason: str, code: int = NOT_ADMITTED) -> None:
        """Say why and close; a page that does not listen is not waited for."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self.send({"type": "closed", "reason": reason})
                await self.socket.close(code)


class Hub:
    """All that is open on this server.

    Parameters
    ----------
    clerk : Clerk
        Who speaks with the store.
    access : Access
        Who may come in.
    tolerance : float
        How far answers may be apart before they go to an adjudicator.
    """

    def __init__(self, clerk: Clerk, access: Access, *, tolerance: float = 0.0) -> None:
        self.clerk, self.access, self.tolerance = clerk, access, tolerance
        self.connections: dict[tuple[str, str], list[Connection]] = {}
        self.healthy = True
        self._sessions: dict[tuple[str, str], Session] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def joined(self, socket: WebSocket, grant: Grant) -> AsyncIterator[Connection]:
        """Count a page as open while the block runs.

        Raises
        ------
        NotAdmitted
            If there is nothing for this person, or too many pages are open.
        """
        person = (grant.role, grant.rater)
        if len(self.connections.get(person, [])) >= _MOST_CONNECTIONS:
            raise NotAdmitted("You have too many pages open; close some and reload this one.")
        connection = Connection(socket, grant)
        self.connections.setdefault(person, []).append(connection)
        try:
            if person not in self._sessions:
                self._sessions[person] = await self._session(grant)
            yield connection
        finally:
            self.connections[person].remove(connection)
            session = self._sessions.get(person)
            if session and connection.view:
                await self._left(session, connection)
            if not self.connections[person]:
                del self.connections[person]
                self._sessions.pop(person, None)

    async def answer(self, connection: Connection, message: Reply) -> list[Reply]:
        """Return the replies to a message of a page."""
        session = self._sessions[connection.grant.role, connection.grant.rater]
        if message.get("type") == "bye":
            return []  # a page leaves by closing, and only for itself
        replies = await self.clerk.answer(session, message)
        if replies and replies[0]["type"] == "state":
            await self._arrived(session, connection, message["view_id"])
            replies[0]["views"] = self._views(connection.grant)
        return replies

    async def beat(self) -> None:
        """Keep up with other servers, and close what may no longer be open, for ever."""
        while True:
            try:
                await self.clerk.call(self.clerk.study.refresh)
                self._note(healthy=True)
            except (InputError, OSError) as error:
                self._note(healthy=False, why=str(error))
            for connection in [each for some in self.connections.values() for each in some]:
                try:
                    self.access.check(connection.grant.op_id)
                except NotAdmitted as error:
                    self.close(connection, str(error))
            await asyncio.sleep(_BEAT_S)

    def close(self, connection: Connection, reason: str) -> None:
        """Close a page without waiting for it."""
        task = asyncio.create_task(connection.close(reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _note(self, *, healthy: bool, why: str = "") -> None:
        if healthy != self.healthy:
            log.warning(
                "the store answers again" if healthy else "the store does not answer: %s",
                *[why][healthy:],
            )
        self.healthy = healthy

    async def _session(self, grant: Grant) -> Session:
        """Open a sitting; that of an adjudicator over what raters disagree on now."""
        study = self.clerk.study
        try:
            if grant.role == "adjudicator":
                ruling = await asyncio.to_thread(self._disputed)
                ruled = study.state.rulings[grant.rater].status
                return Session(study, grant.rater, ruling=[*dict.fromkeys([*ruled, *ruling])])
            return Session(study, grant.rater)
        except InputError as error:
            log.warning("no sitting for %s: %s", plain(grant.rater, width=60), error)
            raise NotAdmitted("There is nothing for you to rate here.") from None

    def _disputed(self) -> Collection[str]:
        from workbench.ratings.adjudication import disagreements
        from workbench.ratings.reading import read

        ratings = read(self.clerk.study.journal, adjudicated="ignore")
        found: list[str] = disagreements(ratings, tolerance=self.tolerance)["item_id"].tolist()
        return found

    async def _arrived(self, session: Session, connection: Connection, view: str) -> None:
        """Count a view, and one per page whatever it calls itself."""
        if connection.view not in ("", view):
            await self._bye(session, connection.view)
        connection.view = view
        await self._tell(connection)

    async def _left(self, session: Session, connection: Connection) -> None:
        await self._bye(session, connection.view)
        await self._tell(connection)

    async def _bye(self, session: Session, view: str) -> None:
        await self.clerk.answer(session, {"type": "bye", "view_id": view})

    def _views(self, grant: Grant) -> int:
        return len({each.view for each in self._pages(grant) if each.view})

    def _pages(self, grant: Grant) -> list[Connection]:
        return self.connections.get((grant.role, grant.rater), [])

    async def _tell(self, connection: Connection) -> None:
        """Tell a person's other pages how many there are."""
        told: dict[str, Any] = {"type": "views", "views": self._views(connection.grant)}
        for other in self._pages(connection.grant):
            if other is not connection:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                    async with asyncio.timeout(_PATIENCE_S):
                        await other.send(told)
