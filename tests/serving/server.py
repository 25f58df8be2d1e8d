"""The real server in a process of its own, and a rater without a browser."""

import contextlib
import http.client
import json
import runpy
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from workbench.ratings import Scale, Task
from workbench.ratings.events import Event
from workbench.ratings.journal import Journal

free_port = runpy.run_path(str(Path(__file__).parents[1] / "ports.py"))["free_port"]

_MAIN = "import sys; from workbench.cli import main; sys.exit(main())"

ITEMS = [
    {
        "item_id": f"i{at:012x}",
        "row_id": f"row {at}",
        "source": f"Frage {at}",
        "outputs": [{"output_id": f"canary:{at}", "system": "canary", "text": f"Answer {at}."}],
    }
    for at in range(6)
]


@dataclass
class Server:
    """`workbench rate serve` on a journal; it can be killed and started again."""

    folder: Path
    place: str = ""
    raters: tuple[str, ...] = ("Ana", "Ben")
    items: list[dict[str, Any]] = field(default_factory=lambda: ITEMS)
    task: Task = field(default_factory=lambda: Task("quality", [Scale("fluency", 1, 5)]))
    more: tuple[str, ...] = ()
    overlap: int = 1
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None
    # where the next request comes from; all of 127/8 is this machine
    source: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.place = self.place or str(self.folder / "ratings.sqlite")
        self.task.write(self.folder / "task.yaml")
        names = "\n".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in self.raters)
        (self.folder / "raters.csv").write_text(f"rater\n{names}\n", encoding="utf-8")
        lines = [json.dumps(item, ensure_ascii=False) + "\n" for item in self.items]
        (self.folder / "items.jsonl").write_text("".join(lines), encoding="utf-8")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / f"log-{self.port}").read_text(encoding="utf-8")

    def start(self, *more: str) -> "Server":
        command = [
            sys.executable, "-c", _MAIN, "rate", "serve", "task.yaml", "--journal", self.place,
            "--raters", "raters.csv", "--items", "items.jsonl", "--overlap", str(self.overlap),
            "--port", str(self.port), "--json", *self.more, *more,
        ]  # fmt: skip
        links, log = self.folder / f"links-{self.port}", self.folder / f"log-{self.port}"
        with links.open("wb") as out, log.open("ab") as errors:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=errors)
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        self.links = json.loads(links.read_text(encoding="utf-8"))["links"]
        return self

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self) -> int:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60) if self.process else 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def link(self, name: str = "Ana", role: str = "rater") -> str:
        return next(
            each["url"] for each in self.links if (each["name"], each["role"]) == (name, role)
        )

    def token(self, name: str = "Ana", role: str = "rater") -> str:
        return self.link(name, role).partition("#")[2]

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Ask over HTTP as a page of ours would, but for the headers named here; "" leaves one out."""
        own = {"Origin": self.base, "Content-Type": "application/json"} if body is not None else {}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(self.source, 0)
        )
        with contextlib.closing(connection):
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            sent = {name: value for name, value in own.items() if value}
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read().decode("utf-8", "replace")

    def enter(self, token: str) -> tuple[str, str]:
        """Take a link's token for a cookie; return it with the name that says nothing."""
        status, headers, body = self.ask("POST", "/enter", {"token": token})
        assert status == 200, body
        return headers["set-cookie"].partition(";")[0], json.loads(body)["who"]

    @contextlib.contextmanager
    def socket(
        self, name: str = "Ana", role: str = "rater", **changed: Any
    ) -> Iterator[ClientConnection]:
        """Open a rater's connection; `cookie`, `who`, `origin` may be others."""
        if "cookie" not in changed:
            changed["cookie"], who = self.enter(self.token(name, role))
            changed.setdefault("who", who)
        url = f"ws://127.0.0.1:{self.port}/live?who={changed.get('who', '')}"
        headers = {"Cookie": changed["cookie"]} if changed["cookie"] else {}
        origin = changed.get("origin", self.base)
        with connect(
            url, origin=origin, additional_headers=headers, max_size=None, compression=None,
            source_address=(self.source, 0),
        ) as opened:  # fmt: skip
            yield opened

    @contextlib.contextmanager
    def rater(self, name: str = "Ana", role: str = "rater") -> Iterator["Rater"]:
        with self.socket(name, role) as opened:
            yield Rater(opened)

    def events(self, *kinds: str) -> list[Event]:
        with Journal.open(self.place, create=False) as journal:
            return journal.events(kinds=kinds)

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Rater:
    """Somebody who says hello and acts."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.view = str(uuid.uuid4())
        self.state = self.say({"type": "hello", "view_id": self.view})
        self.n = self.state.get("n", 0)

    def hear(self) -> dict[str, Any]:
        return json.loads(self.socket.recv(timeout=30))

    def say(self, message: object) -> dict[str, Any]:
        self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
        # word of other pages comes when it comes
        while (reply := self.hear())["type"] == "views":
            pass
        return reply

    def act(self, **changed: Any) -> dict[str, Any]:
        """Make an act; by default the next answer to the first item."""
        self.n += 1
        item = self.state["items"][0]["item"] if self.state.get("items") else ""
        return {
            "type": "act", "kind": "answer", "op_id": str(uuid.uuid4()), "view_id": self.view,
            "n": self.n, "item": item, "question": "fluency", "target": "A", "value": 3,
            "client_time": "2026-01-01T00:00:00.000Z", "shown_at": "2026-01-01T00:00:00.000Z",
            "visible_s": 1.0,
        } | changed  # fmt: skip


def parts(url: str) -> tuple[str, str]:
    """Return address and fragment of a link."""
    found = urlsplit(url)
    return found.path, found.fragment
