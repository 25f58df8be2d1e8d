"""A crowd of simulated raters for the served page: they act, wait for the word that it is saved,
hold what is not, come back when the server does, and send it again, as a browser would.

    workbench rate serve … --json > links.json
    python tests/bench/rating_clients.py links.json --seconds 180 --period 2 --report report.json

The report holds the time from an act to "saved" (seconds: p50, p95, p99, largest), what went wrong,
and the op_ids that were made; whoever has the journal compares these with what is stored.
"""

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from workbench.ratings.scripted import answer

# After so many seconds without a word a browser sends an act again.
PATIENCE_S = 3.0


@dataclass
class Tally:
    """What a crowd did, and what came of it."""

    made: list[str] = field(default_factory=list)
    saved: set[str] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)


@dataclass
class Client:
    """One rater with one page."""

    base: str
    token: str
    tally: Tally
    period_s: float
    seed: int
    view: str = field(default_factory=lambda: str(uuid.uuid4()))
    n: int = 0
    n_made: int = 0
    cookie: str = ""
    who: str = ""
    held: dict[str, dict] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    contents: dict[str, dict] = field(default_factory=dict)
    ended: bool = False
    patience_s: float = PATIENCE_S
    most: float = float("inf")
    stop: Path | None = None
    socket: ClientConnection | None = None

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    async def enter(self) -> None:
        """Take the link's token for a cookie."""
        status, headers, body = await post(self.base, "/enter", {"token": self.token})
        assert status == 200, (status, body)
        self.cookie = headers["set-cookie"].partition(";")[0]
        self.who = json.loads(body)["who"]

    async def live(self, until: float) -> None:
        """Rate until a moment, coming back whenever the connection breaks."""
        wait, began = 0.1, self.dice.uniform(0, self.period_s)
        acting = asyncio.create_task(self._act_until(until, began))
        while not (acting.done() and (not self.held or time.monotonic() > until + 60)):
            try:
                if not self.cookie:
                    await self.enter()
                async with connect(
                    f"{self.base.replace('http', 'ws', 1)}/live?who={self.who}",
                    origin=self.base, compression=None, max_size=None,
                    additional_headers={"Cookie": self.cookie}, ping_interval=None,
                ) as socket:  # fmt: skip
                    wait = 0.1
                    await self._speak(socket, acting)
            except (
                OSError,
                WebSocketException,
                TimeoutError,
                EOFError,
                ValueError,
                AssertionError,
            ):
                self.tally.counts["breaks"] += 1
            self.socket = None
            if self.ended:
                break
            await asyncio.sleep(wait * self.dice.uniform(0.5, 1.5))
            wait = min(wait * 2, 2.0)
        await acting

    async def _speak(self, socket: ClientConnection, acting: "asyncio.Task[None]") -> None:
        await socket.send(json.dumps({"type": "hello", "view_id": self.view}))
        while not (acting.done() and not self.held):
            try:
                async with asyncio.timeout(0.5):
                    message = json.loads(await socket.recv())
            except TimeoutError:
                await self._again(socket)
                continue
            await self._heard(socket, message)

    async def _heard(self, socket: ClientConnection, message: dict) -> None:
        kind = message["type"]
        self.contents |= message.get("contents", {})
        if kind == "state":
            self.state, self.socket, self.n = message, socket, max(self.n, message["n"])
            for act in list(self.held.values()):
                await socket.send(json.dumps(act))
        elif kind == "saved":
            self._saved(message)
        elif kind in ("refused", "failed"):
            self.tally.counts[kind] += 1
            self.tally.said[message["reason"]] += 1
            if kind == "refused":
                self.held.pop(message["op_id"], None)
        elif kind == "closed":
            self.tally.counts["closed"] += 1
            self.tally.said[message["reason"]] += 1
            self.ended = True

    def _saved(self, message: dict) -> None:
        op_id = message["op_id"]
        if self.held.pop(op_id, None) is not None:
            self.tally.waits.append(time.monotonic() - self.sent[op_id])
            self.tally.saved.add(op_id)
        self.state["items"] += message.get("more", [])

    async def _again(self, socket: ClientConnection) -> None:
        late = time.monotonic() - self.patience_s
        for op_id, act in list(self.held.items()):
            if self.sent[op_id] < late and self.socket is socket:
                self.tally.counts["sent again"] += 1
                await socket.send(json.dumps(act))

    async def _act_until(self, until: float, first: float) -> None:
        await asyncio.sleep(first)
        todo = self._todo()
        due = time.monotonic()
        while time.monotonic() < until and self.n_made < self.most and not self.ended:
            if self.stop and self.stop.exists():
                break
            if self.state:
                await self._act(next(todo))
            due = max(due + self.period_s, time.monotonic())
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _todo(self) -> Iterator[tuple[str, dict, str]]:
        """Go through items, questions and outputs, and then change one's mind."""
        while True:
            for entry in list(self.state["items"]):
                outputs = self.contents.get(entry["item"], {}).get("outputs", [{"letter": "A"}])
                for question in self.state["task"]["questions"]:
                    for target in [""] if question["comparative"] else outputs:
                        yield entry["item"], question, target and target["letter"]

    async def _act(self, todo: tuple[str, dict, str]) -> None:
        item, question, target = todo
        if item not in self.contents:
            await self._send({"type": "fetch", "items": [item]})
            for _ in range(500):
                if item in self.contents:
                    break
                await asyncio.sleep(0.01)
            else:
                return
        content = self.contents[item]
        letters = target or "".join(each["letter"] for each in content["outputs"])
        qualities = {letter: self.dice.random() for letter in letters}
        value = answer(question, qualities, content, self.dice)
        parts = {"question": question["name"], "target": target, "value": value}
        await self._do({"kind": "answer", "item": item} | parts)

    async def _do(self, parts: dict) -> None:
        """Make an act, hold it, and send it."""
        self.n += 1
        self.n_made += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        act = {
            "type": "act", "op_id": str(uuid.uuid4()), "view_id": self.view, "n": self.n,
            "client_time": now, "shown_at": now, "visible_s": self.period_s, **parts,
        }  # fmt: skip
        self.tally.made.append(act["op_id"])
        self.held[act["op_id"]] = act
        self.sent[act["op_id"]] = time.monotonic()
        await self._send(act)

    async def _send(self, message: dict) -> None:
        if self.socket is None:
            return
        try:
            await self.socket.send(json.dumps(message))
        except (OSError, WebSocketException):
            self.socket = None


async def post(base: str, path: str, content: dict) -> tuple[int, dict[str, str], str]:
    """Send JSON, and return status, headers and body; no thread and no library."""
    place = urlsplit(base)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    body = json.dumps(content).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {base}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answered = (await reader.read()).decode()
    writer.close()
    top, whole, rest = answered.partition("\r\n\r\n")
    if not whole:
        raise ConnectionError("the server went away")
    first, *lines = top.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): text for name, text in headers.items()}, rest


async def crowd(
    links: Sequence[dict[str, str]],
    *,
    seconds: float,
    period_s: float,
    bases: Sequence[str] = (),
    most: float = float("inf"),
    stop: Path | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Let everybody with a link rate for so many seconds, or so often, or until a file is there."""
    tally = Tally() if tally is None else tally
    clients = []
    for at, link in enumerate(links):
        base, _, token = link["url"].partition("/#")
        clients.append(
            Client(
                bases[at % len(bases)] if bases else base,
                token,
                tally,
                period_s,
                at,
                most=most,
                stop=stop,
            )
        )
    until = time.monotonic() + seconds
    await asyncio.gather(*(client.live(until) for client in clients))
    tally.counts["held at the end"] = sum(len(client.held) for client in clients)
    return tally


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that is not below this share of them."""
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 4) if ordered else None


def report(tally: Tally) -> dict:
    """Return the figures of a crowd."""
    return {
        "n_acts": len(tally.made),
        "n_saved": len(tally.saved),
        "p50_s": quantile(tally.waits, 0.5),
        "p95_s": quantile(tally.waits, 0.95),
        "p99_s": quantile(tally.waits, 0.99),
        "largest_s": quantile(tally.waits, 1.0),
        "counts": dict(tally.counts),
        "said": dict(tally.said),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("links", type=Path)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--period", type=float, default=2)
    parser.add_argument("--raters", type=int, default=10_000)
    parser.add_argument("--base", action="append", default=[], help="servers that share the crowd")
    parser.add_argument("--stop", type=Path, help="end as soon as this file is there")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    links = json.loads(options.links.read_text())["links"]
    people = [link for link in links if link["role"] == "rater"][: options.raters]
    tally = asyncio.run(
        crowd(
            people,
            seconds=options.seconds,
            period_s=options.period,
            bases=options.base,
            stop=options.stop,
        )
    )
    found = report(tally)
    if options.report:
        content = found | {"made": tally.made, "saved": sorted(tally.saved)}
        options.report.write_text(json.dumps(content))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
