"""What goes wrong on purpose, and a rater who goes on through it: for the tests of faults.

Everything here is real: connections are cut by a proxy, locks are held by this process, disks are
full because the kernel refuses to write. Only clocks and the order of what arrives are changed in
the page itself, by `SCRIPT`.
"""

import asyncio
import contextlib
import re
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from playwright.sync_api import Page, expect

from workbench.ratings import Journal, read
from workbench.ratings.coding.deeds import Deeds
from workbench.ratings.sessions import Study

# An act counts from the moment the page has it: it tells its other tabs in the same breath.
SCRIPT = """
(() => {
  const faults = window.faults = { clock: 0, shuffles: false, forbids: false, hurries: false };
  const post = BroadcastChannel.prototype.postMessage;
  BroadcastChannel.prototype.postMessage = function (news) {
    if (/^workbench-(rating|coding):/.test(this.name) && news?.act) window.took(this.name, news.act);
    return post.call(this, news);
  };

  window.Date = new Proxy(Date, {
    construct: (real, given, made) => Reflect.construct(real, given.length ? given : [real.now() + faults.clock], made),
    apply: (real) => new Date().toString(),
    get: (real, name) => name === "now" ? () => real.now() + faults.clock : Reflect.get(real, name),
  });

  // JupyterLab waits for 10 to 30 seconds before it asks for a kernel that it could not reach, and
  // the served page for 20 before it takes a silent connection for lost.
  const later = window.setTimeout;
  window.setTimeout = (work, ms, ...given) => later(work, faults.hurries && ms >= 10_000 ? ms / 30 : ms, ...given);

  const storage = window.localStorage;
  Object.defineProperty(window, "localStorage", { configurable: true, get() {
    if (faults.forbids) throw new DOMException("Access is denied for this document.", "SecurityError");
    return storage;
  } });
  faults.fill = () => {
    for (let size = 2 ** 20; size >= 1; size /= 2) {
      for (let at = 0; ; at += 1) {
        try { storage.setItem(`pad:${size}:${at}`, "x".repeat(size)); } catch { break; }
      }
    }
  };
  faults.empty = () => Object.keys(storage).filter((each) => each.startsWith("pad:")).forEach((each) => storage.removeItem(each));

  // JupyterLab tells of a kernel that died, or of no connection; a rater reads it and goes on.
  faults.restarts = faults.dialogs = 0;
  const told = new WeakSet();
  const telling = () => [...document.querySelectorAll(".jp-Dialog")].filter((each) => /Kernel Restarting|Server Connection Error/.test(each.textContent));
  // counted as it opens: a key of the rater's may close it at once
  new MutationObserver(() => telling().filter((each) => !told.has(each)).forEach((dialog) => {
    told.add(dialog);
    faults.dialogs += 1;
    faults.restarts += dialog.textContent.includes("Kernel Restarting") ? 1 : 0;
  })).observe(document, { childList: true, subtree: true });
  setInterval(() => telling().forEach((dialog) => dialog.querySelector(".jp-Dialog-footer button")?.click()), 100);

  let seed = 1;
  const dice = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const read = (data) => typeof data === "string" ? data : data instanceof ArrayBuffer ? new TextDecoder("latin1").decode(data) : "";
  const kept = [];
  const release = () => kept.splice(Math.floor(dice() * kept.length), 1).forEach((deliver) => deliver());
  const { get, set, ...more } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
  Object.defineProperty(WebSocket.prototype, "onmessage", { ...more, get, set(handler) {
    set.call(this, handler && ((event) => {
      if (!faults.shuffles || !/"type":\\s*"(saved|failed|state)"|"(saved|failed|coded)":/.test(read(event.data))) return handler.call(this, event);
      for (let times = dice() < 0.5 ? 2 : 1; times > 0; times -= 1) {
        kept.push(() => handler.call(this, event));
        setTimeout(release, 50 + dice() * 600);
      }
      faults.shuffled = (faults.shuffled ?? 0) + 1;
    }));
  } });
})();
"""


class Proxy:
    """A way to a port of this machine that can be cut, frozen, and lost without a word."""

    def __init__(self, port: int) -> None:
        self.target = port
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._ways: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._lost: set[asyncio.StreamWriter] = set()
        self._refuses = False
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._server = self._soon(asyncio.start_server(self._join, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._call(self._flows.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._server.close)
        self.mend()
        self._soon(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._refuses = True
        self._call(self._abort)

    def freeze(self) -> None:
        """Let nothing through, but keep connections."""
        self._call(self._flows.clear)

    def lose(self) -> None:
        """Forget the connections there are: neither end is told, and nothing comes through."""
        self._call(lambda: self._lost.update(each for way in self._ways for each in way))

    def forget(self) -> None:
        """Break what was lost, so that both ends are told."""
        self._call(lambda: [each.transport.abort() for each in self._lost])
        self._call(self._lost.clear)

    def mend(self) -> None:
        """Let everything through again, but for what was cut or lost."""
        self._refuses = False
        self._call(self._flows.set)

    def _soon(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _call(self, work: Callable[[], object]) -> None:
        async def called() -> None:
            work()

        self._soon(called())

    async def _end(self) -> None:
        self._abort()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _abort(self) -> None:
        for each in [each for way in self._ways for each in way]:
            each.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        way = (writer, there[1])
        self._ways.add(way)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))
        self._ways.discard(way)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(2**16):
                await self._flows.wait()
                if writer not in self._lost:
                    writer.write(data)
                    await writer.drain()
        if writer not in self._lost:
            writer.close()


@contextlib.contextmanager
def locked(place: str) -> Iterator[None]:
    """Hold the lock of a SQLite journal until the block ends, as another program may."""
    with contextlib.closing(sqlite3.connect(place, timeout=60, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def slow(place: str, dice: Random) -> Iterator[None]:
    """Hold the lock in bursts until the block ends."""
    ended = threading.Event()

    def hold() -> None:
        bursts = Random(dice.random())
        while not ended.is_set():
            with locked(place):
                ended.wait(bursts.uniform(0.1, 0.9))
            ended.wait(0.02)

    thread = threading.Thread(target=hold)
    thread.start()
    yield
    ended.set()
    thread.join()


@contextlib.contextmanager
def full(place: str, pid: int, dice: Random) -> Iterator[None]:
    """Let a process write no file longer than it is: as on a full disk, a write may end half way."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    log = Path(f"{place}-wal").stat().st_size
    # a frame of SQLite's log takes more than 4,000 bytes; a long log may begin anew at its start
    room = (log if log < 2_000_000 and dice.random() < 0.5 else 1) + dice.randrange(4_000)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


LOOK = """() => {
  const root = document.querySelector(".workbench-rating");
  const inputs = [...root.querySelectorAll(".wr-item input[type=radio]")];
  if (!root.contains(document.activeElement)) root.focus();
  return {
    heading: root.querySelector(".wr-item > :first-child")?.firstChild?.textContent ?? "",
    ready: inputs.length > 0,
    value: inputs.findIndex((each) => each.checked) + 1,
    skipped: root.querySelector(".wr-item .wr-badge")?.textContent.startsWith("skipped") ?? false,
    dialogs: faults.dialogs,
    hint: root.querySelector(".wr-hint").textContent,
  };
}"""


CODING = """() => {
  const root = document.querySelector(".workbench-inspector");
  if (!root.contains(document.activeElement)) root.querySelector(".wi-steps").focus();
  const list = root.querySelector(".wi-codes");
  return {
    ready: root.querySelector(".wi-saved").textContent !== "",
    form: !root.querySelector(".wi-form").hidden,
    coded: root.querySelector("[aria-keyshortcuts=D]").getAttribute("aria-pressed") === "true",
    here: [...list.children].map((each) => each.dataset.op),
    marks: root.querySelectorAll(".wi-mark-note").length,
    dialogs: faults.dialogs,
    hint: root.querySelector(".wi-status").textContent,
  };
}"""


class Rater:
    """Somebody who rates by keyboard, at a page that may be in trouble.

    Parameters
    ----------
    page : Page
        Where the panel is.
    taken : dict
        The acts that pages of this rater took, by their op_ids; all tabs fill the same.
    dice : Random
        What is done, and when.
    """

    def __init__(self, page: Page, taken: dict[str, dict], dice: Random) -> None:
        self.page, self.taken, self.dice, self.dialogs = page, taken, dice, 0

    def look(self) -> dict[str, Any]:
        """Return what is to be seen, with the focus in the panel."""
        return self.page.evaluate(LOOK)

    def act(self, n: int = 1) -> None:
        """Do so many things; each is one act, and the page must take it at once."""
        for _ in range(n):
            before = len(self.taken)
            while len(self.taken) == before:
                seen = self._gesture()
                assert len(self.taken) > before or seen["blocked"], (seen, self.taken)
                if seen["blocked"]:
                    # a remark that was cut short is taken by itself, not with the next act
                    time.sleep(1.6)
            assert len(self.taken) == before + 1, self.taken

    def _gesture(self) -> dict[str, Any]:
        """Do one thing, and return what is to be seen then; `blocked` if something took the keys."""
        dialogs = self._free()["dialogs"]
        # texts far ahead are not here while there is no connection
        while not (seen := self.look())["ready"]:
            self._press("Backspace")
        kinds = ["answer"] * 7 + ["skip", "comment", "change"] + ["undo"] * bool(self._standing())
        kind = self.dice.choice(kinds)
        if kind == "undo":
            self._press("u")
        elif kind == "skip":
            self._press("s", str(self.dice.randint(1, 2)))
        elif kind == "comment":
            self._press("c")
            self.page.keyboard.type(f"remark {self.dice.random()}")
            self._press("Escape", "Enter")
        else:
            if kind == "change" and not seen["heading"].startswith("Item 1 "):
                self._press("Backspace")
            self._answer(self.look()["value"])
            if kind == "answer":
                self._press("Enter")
        seen = self.look()
        # what an undo brings back is known when the store has told
        nothing = kind == "undo" and seen["hint"] == "There is nothing to undo."
        return seen | {"blocked": seen["dialogs"] > dialogs or nothing}

    def _free(self) -> dict[str, Any]:
        """Wait until no dialog is in the way, and close what one may have left half done."""
        while True:
            expect(self.page.locator(".jp-Dialog")).to_have_count(0)
            seen = self.look()
            if seen["dialogs"] == self.dialogs:
                return seen
            # one may have opened since it was looked for
            self._press("Escape")
            self.dialogs = seen["dialogs"]

    def _standing(self) -> list[dict]:
        undone = {each.get("undoes") for each in self.taken.values()}
        acts = [each for op_id, each in self.taken.items() if op_id not in undone]
        return [each for each in acts if each["kind"] != "undo"]

    def _answer(self, before: int) -> None:
        n, value = len(self.taken), self.dice.choice(sorted({1, 2, 3, 4, 5} - {before}))
        self._press(str(value))
        seen = self.look()
        # what was taken is shown at once
        assert seen["value"] == value or len(self.taken) == n, seen

    def _press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def pause(self, least: float, most: float) -> None:
        """Wait a moment that nobody chose."""
        time.sleep(self.dice.uniform(least, most))

    def finish(self) -> None:
        """Answer what is open still."""
        while self._free()["heading"] != "Thank you":
            expect(self.page.locator(".wr-item input").first).to_be_visible(timeout=30_000)
            if not (seen := self.look())["value"] and not seen["skipped"]:
                self._answer(0)
            self._press("Enter")

    def saved(self, timeout: float = 30_000) -> None:
        """Wait until the page says that everything is saved."""
        n = len(self.taken)
        expect(self.page.locator(".wr-saved")).to_have_text(f"saved {n} of {n}", timeout=timeout)

    def says(self, text: str, timeout: float = 30_000) -> None:
        """Wait until the page tells of a trouble."""
        expect(self.page.locator(".wr-notices")).to_contain_text(text, timeout=timeout)

    def compare(self, place: str, name: str, shown: list[int | None]) -> None:
        """Demand that the journal holds what was taken, and says what is shown."""
        compared(place, name, self.taken, shown)

    def shown(self) -> list[int | None]:
        """Go back through all items from the end; return the answers shown, None for a skip."""
        found, seen = [], {"heading": ""}
        while not re.match(r"Item 1\b", seen["heading"]):
            self._press("Backspace")
            expect(self.page.locator(".wr-item input").first).to_be_visible(timeout=30_000)
            seen = self.look()
            found.append(None if seen["skipped"] else seen["value"])
        return found[::-1]


def compared(place: str, name: str, taken: dict[str, dict], shown: list[int | None]) -> None:
    """Demand that the journal holds what the pages of a rater took, and says what they show."""
    with Journal.open(place, create=False) as journal:
        events = [
            event
            for event in journal.events(rater=name)
            if event.kind in {"answer", "undo", "skip", "comment"}
        ]
        stored = [event.op_id for event in events]
        assert {"lost": set(taken) - set(stored), "never made": set(stored) - set(taken)} == {
            "lost": set(),
            "never made": set(),
        }
        assert len(stored) == len(set(stored))
        assert journal.verify() == []
        table = read(journal)
        rows = table[table["rater"] == name]
        told = dict(zip(rows["item_id"], rows["value"], strict=True))
        stands = [told.get(each) for each in Study(journal).items_of(name)]
        assert stands == shown, (stands, shown, list(taken.values()))


class Annotator(Rater):
    """Somebody who codes runs in the inspector by keyboard, at a page that may be in trouble."""

    def look(self) -> dict[str, Any]:
        """Return what is to be seen, with the focus in the panel."""
        return self.page.evaluate(CODING)

    def _gesture(self) -> dict[str, Any]:
        dialogs = self._free()["dialogs"]
        kinds = ["step"] * 5 + ["omission", "run", "done"] + ["undo"] * bool(self._standing())
        kinds += ["change", "delete"] * bool(self.look()["here"])
        kind = self.dice.choice(kinds)
        if kind not in ("change", "delete"):
            self._press(self.dice.choice("jjk"))
        if kind in ("undo", "done"):
            self._press({"undo": "u", "done": "D"}[kind])
        elif kind == "delete":
            self._button("Delete")
        else:
            self._begin(kind)
            self._press(self.dice.choice("123"), "H", "/")
            self.page.keyboard.type(f"remark {self.dice.random()}")
            self._press("Enter")
        seen = self.look()
        if seen["form"]:
            self._press("Escape", "Escape")
        nothing = kind == "undo" and seen["hint"].startswith("There is nothing to undo")
        return seen | {"kind": kind, "blocked": seen["dialogs"] > dialogs or nothing}

    def _begin(self, kind: str) -> None:
        if kind == "change":
            self._button("Change")
        else:
            self._press({"step": "a", "omission": "o", "run": "A"}[kind])

    def _button(self, words: str) -> None:
        self.page.locator(".wi-codes button", has_text=words).first.click()

    def finish(self) -> None:
        """Mark the run as coded, if it is not."""
        if not self._free()["coded"]:
            before = len(self.taken)
            self._press("D")
            self.look()
            assert len(self.taken) == before + 1

    def saved(self, timeout: float = 30_000) -> None:
        """Wait until the page says that everything is saved."""
        n = len(self.taken)
        expect(self.page.locator(".wi-saved")).to_have_text(f"saved {n} of {n}", timeout=timeout)

    def says(self, text: str, timeout: float = 30_000) -> None:
        """Wait until the page tells of a trouble."""
        expect(self.page.locator(".wi-trouble")).to_contain_text(text, timeout=timeout)

    def shown(self) -> list[Any]:
        """Return the acts that stand, as the page shows them at each step of the run."""
        found: dict[str, None] = {}
        self._press("Home")
        for at in range(4):
            self.page.locator(f".wi-steps .wi-row[aria-selected=true][data-at='{at}']").wait_for()
            found |= dict.fromkeys(self.look()["here"])
            self._press("j")
        return [*sorted(found), self.look()["coded"]]

    def compare(self, place: str, name: str, shown: list[Any]) -> None:
        """Demand that the journal holds what was taken, once, and says what is shown."""
        with Journal.open(place, create=False) as journal:
            stored = [event.op_id for event in journal.events(rater=name, kinds=["code"])]
            assert {
                "lost": set(self.taken) - set(stored),
                "never made": set(stored) - set(self.taken),
            } == {
                "lost": set(),
                "never made": set(),
            }
            assert len(stored) == len(set(stored))
            assert journal.verify() == []
            pile = Deeds.of(journal.events()).coders[name]
        stands = [each.last.op_id for each in pile.standing("a")]
        assert [*sorted(stands), pile.is_done("a")] == shown, (stands, shown)
