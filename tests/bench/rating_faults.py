"""Simulated raters before a real server that dies and stalls: is every act stored, and once?

A case is one rater's sitting, with troubles of its own: a connection that breaks, answers that do
not arrive, acts that are sent twice or late and out of order, a page that is reloaded, two tabs.
Cases sit in waves, and in each wave something happens to the server as well: it is killed and
started again, its database is locked again and again, or its disk is full.
"""

import asyncio
import contextlib
import resource
import runpy
import sqlite3
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rating_clients import Client, Tally
from websockets.asyncio.client import ClientConnection

ROOT = Path(__file__).resolve().parent.parent.parent
ACTS = {"answer", "undo", "skip", "comment"}
TROUBLES = ["cut", "deaf", "twice", "disorder", "reload", "two tabs"]
EVENTS = ["kill"] * 4 + ["two kills", "lock", "full disk"]
WAVE = 50
# After so many seconds whatever is not saved yet never will be.
PATIENCE_S = 180.0


@dataclass
class Page(Client):
    """A rater's page in trouble; what it holds is what a browser's storage keeps."""

    troubles: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    delayed: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def fall(self) -> None:
        """Break things at moments that nobody chose, until cancelled."""
        while {"cut", "reload"} & {*self.troubles}:
            await asyncio.sleep(self.dice.uniform(0.05, 0.6))
            socket, self.socket = self.socket, None
            if socket and "reload" in self.troubles:
                self.view, self.n, self.state = str(uuid.uuid4()), 0, {}
            if socket:
                socket.transport.abort()

    async def _act_until(self, until: float, first: float) -> None:
        todo = self._todo()
        for _ in range(self.dice.randint(6, 14)):
            await asyncio.sleep(self.dice.uniform(0, 2 * self.period_s))
            while not self.state:
                await asyncio.sleep(0.02)
            await self._act(next(todo))

    async def _act(self, todo: tuple[str, dict, str]) -> None:
        item, made = todo[0], self.tally.made
        kind = self.dice.choice(["answer"] * 6 + ["undo", "skip", "comment"])
        if kind == "undo" and made:
            await self._do({"kind": kind, "item": item, "undoes": self.dice.choice(made)})
        elif kind == "skip":
            reason = self.dice.choice(self.state["task"]["skip_reasons"])
            await self._do({"kind": kind, "item": item, "reason": reason})
        elif kind == "comment":
            await self._do({"kind": kind, "item": item, "text": f"remark {self.dice.random()}"})
        else:
            await super()._act(todo)

    async def _send(self, message: dict) -> None:
        if message["type"] != "act":
            await super()._send(message)
            return
        self.values[message["op_id"]] = message.get("value")
        for _ in range(self.dice.randint(1, 3) if "twice" in self.troubles else 1):
            wait = self.dice.uniform(0, 0.4) if "disorder" in self.troubles else 0
            task = asyncio.create_task(self._late(message, wait))
            self.delayed.add(task)
            task.add_done_callback(self.delayed.discard)

    async def _late(self, message: dict, wait: float) -> None:
        await asyncio.sleep(wait)
        await super()._send(message)

    async def _heard(self, socket: ClientConnection, message: dict) -> None:
        saved = message["type"] == "saved"
        # a page that has just been reloaded knows nothing yet
        if saved and (not self.state or ("deaf" in self.troubles and self.dice.random() < 0.5)):
            return
        if message["type"] == "state":
            self.n = max([self.n, *(act["n"] for act in self.held.values())])
        await super()._heard(socket, message)


@dataclass
class Case:
    """One rater's sitting, in one or two tabs."""

    name: str
    pages: list[Page]

    @classmethod
    def of(cls, link: dict[str, str], seed: int) -> "Case":
        """Begin a case with troubles of its own."""
        dice, tally = Random(seed), Tally()
        base, _, token = link["url"].partition("/#")
        troubles = tuple(dice.sample(TROUBLES, dice.randint(1, 3)))
        values: dict[str, Any] = {}
        tabs = range(2 if "two tabs" in troubles else 1)
        pages = [
            Page(
                base, token, tally, dice.uniform(0.03, 0.2), 2 * seed + at, patience_s=0.4,
                troubles=troubles, values=values,
            )
            for at in tabs
        ]  # fmt: skip
        return cls(link["name"], pages)

    async def live(self, until: float) -> None:
        """Rate until a moment, and until everything is saved."""
        falling = [asyncio.create_task(page.fall()) for page in self.pages]
        await asyncio.gather(*(page.live(until) for page in self.pages))
        for each in falling:
            each.cancel()


async def storm(server: Any, pages: list[Page], dice: Random) -> None:
    """Let something happen to the server once pages are at work."""
    event = dice.choice(EVENTS)
    while not any(page.tally.saved for page in pages):
        await asyncio.sleep(0.02)
    await asyncio.sleep(dice.uniform(0, 1))
    for _ in range({"kill": 1, "two kills": 2}.get(event, 0)):
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(dice.uniform(0, 0.3))
        await asyncio.to_thread(server.start)
        await asyncio.sleep(dice.uniform(0, 0.3))
    for _ in range(5 if event == "lock" else 0):
        with contextlib.closing(sqlite3.connect(server.place, timeout=60)) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(dice.uniform(0.05, 0.5))
            other.execute("ROLLBACK")
    if event == "full disk":
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(
            server.process.pid, resource.RLIMIT_FSIZE, (dice.randrange(1, 4_000), hard)
        )
        await asyncio.sleep(dice.uniform(0.3, 1))
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


async def waves(server: Any, n: int, seed: int) -> list[Case]:
    """Let so many cases go through the storms."""
    links = [link for link in server.links if link["role"] == "rater"][:n]
    done: list[Case] = []
    for start in range(0, n, WAVE):
        cases = [Case.of(link, seed + start + at) for at, link in enumerate(links[start:][:WAVE])]
        until = time.monotonic() + PATIENCE_S
        pages = [page for case in cases for page in case.pages]
        storming = storm(server, pages, Random(f"{seed} {start}"))
        await asyncio.gather(storming, *(case.live(until) for case in cases))
        done += cases
    return done


def compared(place: str, cases: list[Case]) -> dict[str, float]:
    """Return what the journal lacks of what the pages made, and what it has too much."""
    from workbench.ratings import Journal

    stored: dict[str, list[Any]] = {}
    with Journal.open(place, create=False) as journal:
        for event in journal.events(kinds=ACTS):
            stored.setdefault(event.rater, []).append((event.op_id, event.body.get("value")))
        found = {"n_broken": len(journal.verify()), "n_lost": 0, "n_doubled": 0, "n_changed": 0}
    n_equal = n_acts = 0
    for case in cases:
        made = case.pages[0].values
        acts = stored.get(case.name, [])
        names = [op_id for op_id, _ in acts]
        lost, doubled = len(made.keys() - {*names}), len(names) - len(made.keys() & {*names})
        changed = sum(value != made.get(op_id) for op_id, value in acts)
        n_equal += lost == doubled == changed == 0
        n_acts += len(made)
        for name, more in (("n_lost", lost), ("n_doubled", doubled), ("n_changed", changed)):
            found[name] += more
    # that nothing was done would also be without loss
    acts_per_case = n_acts / len(cases)
    return found | {"share_equal": n_equal / len(cases), "enough_acts": float(acts_per_case > 5)}


def run(n: int, seed: int) -> dict[str, float]:
    """Let so many raters rate through faults, and return what came of it."""
    server_of = runpy.run_path(str(ROOT / "tests" / "serving" / "server.py"))["Server"]
    names = tuple(f"rater {at}" for at in range(n))
    with tempfile.TemporaryDirectory() as folder:
        with server_of(Path(folder), raters=names, overlap=n) as server:
            cases = asyncio.run(waves(server, n, seed))
        return compared(server.place, cases)
