"""Whatever breaks while somebody rates, nothing is lost and nothing is doubled.

Each fault, in JupyterLab with its messages in threads beside the cells and without, and on the
served page, at a moment that the seed chooses. What is compared are the acts that the pages took,
as they told their other tabs of each, and the journal; and the answers shown in the end with what
RATINGS say.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from urllib.error import HTTPError

import pytest
from playwright.sync_api import expect

import workbench as wb
from workbench.ratings.sessions import Study

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
FAULTS = runpy.run_path(str(ROOT / "tests" / "browser" / "faults.py"))
SERVER = runpy.run_path(str(ROOT / "tests" / "serving" / "server.py"))
Rater, Proxy = FAULTS["Rater"], FAULTS["Proxy"]
locked, slow, full = FAULTS["locked"], FAULTS["slow"], FAULTS["full"]

SEED = 2  # another one is another run of everything
PLACES = ["lab-on", "lab-off", "page"]  # on, off: messages in subshells, or among the cells
N_ITEMS = 8
TASK = wb.ratings.Task("quality", [wb.ratings.Scale("fluency", 1, 5)])
NOT_NOW = "cannot just now"
KERNELS = "@jupyterlab/apputils-extension:kernels-settings"

CELL = """
import json, os, threading
from pathlib import Path
import workbench as wb

now = json.loads(Path("faults.json").read_text())
panel = wb.rate(rater="ana", journal=wb.ratings.Journal.open(now["place"], create=False))
heard = Path(now["heard"])
panel.on_msg(lambda *_: print(threading.current_thread().name, file=heard.open("a")))
Path(now["ran"]).write_text(str(os.getpid()))
panel
"""
# Another rater of the same items, in another process, who waits for nobody until told to stop.
OTHER = """
import random, sys, threading, time, uuid
from workbench.ratings import Journal
from workbench.ratings.sessions import Session, Study

session = Session(Study(Journal.open(sys.argv[1], create=False)), "ben")
items = session.receive({"type": "hello", "view_id": "other"})[0]["items"]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
while not ended.wait(random.uniform(0, 0.05)):
    act = {
        "type": "act", "kind": "answer", "op_id": str(uuid.uuid4()), "view_id": "other",
        "n": session.desk.n + 1, "item": random.choice(items)["item"], "question": "fluency",
        "target": "A", "value": random.randint(1, 5),
    }
    assert session.receive(act)[0]["type"] == "saved"
    print(act["op_id"], flush=True)
"""


def wait_for(found, seconds=60):
    """Wait until a function returns something, and return it."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return value


class Place:
    """Where people rate: pages of one browser, and what stores their acts."""

    person, sign = Rater, ".wr-item > :first-child"

    def __init__(self, chromium):
        self.context = chromium.new_context()
        self.context.set_default_timeout(20_000)
        self.taken, self.errors = {}, []
        self.context.expose_binding("took", lambda _, *told: self._took(*told))
        self.context.add_init_script(FAULTS["SCRIPT"])

    def _took(self, channel, act):
        mine = self.taken.setdefault(channel.rpartition(":")[2], {})
        assert act["op_id"] not in mine
        mine[act["op_id"]] = act

    def tab(self):
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def sitting(self, name, dice, page):
        page.locator(self.sign).wait_for(timeout=40_000)
        return self.person(page, self.taken.setdefault(name, {}), dice)


class LabPlace(Place):
    """A notebook of one cell, which shows the journal that a file names."""

    source = CELL

    def __init__(self, chromium, lab, folder, *, subshells):
        super().__init__(chromium)
        self.lab, self.folder, self.subshells, self.n_ran = lab, folder, subshells, 0
        cell = {
            "cell_type": "code",
            "id": "c",
            "metadata": {},
            "outputs": [],
            "source": self.source,
        }
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        book = {"cells": [cell | {"execution_count": None}], "metadata": kernel}
        self.book = lab.folder / "faults.ipynb"
        self.book.write_text(json.dumps(book | {"nbformat": 4, "nbformat_minor": 5}))

    @contextmanager
    def opened(self, proxy):
        """Open the notebook, with a kernel and behind a proxy."""
        self.proxy = proxy
        self.lab.setting(
            KERNELS, {"commsOverSubshells": "perCommTarget" if self.subshells else "disabled"}
        )
        # a kernel that was killed may have taken its session along
        with suppress(HTTPError), self.lab.session(self.book.name) as url:
            self.url = url.replace(self.lab.url, f"http://127.0.0.1:{proxy.port}")
            self.page = self.tab()
            self.page.goto(self.url)
            self.page.wait_for_selector(".jp-CodeCell")
            yield self
            self.context.close()
        self.lab.setting(KERNELS, {})

    @contextmanager
    def rater(self, dice, raters=("ana",)):
        """Begin a study, and show it to its first rater."""
        self.taken.clear()
        self.name, self.journal = "ana", str(self.folder / f"{time.monotonic_ns()}.sqlite")
        rows = wb.read([{"row_id": f"r{at}", "input": f"Frage {at}"} for at in range(N_ITEMS)])
        outputs = wb.outputs(rows, {"canary": [f"Answer {at}." for at in range(N_ITEMS)]})
        items = wb.ratings.items(outputs, rows, TASK, raters=raters, overlap=len(raters))
        with wb.ratings.Journal.open(self.journal) as journal:
            Study.start(journal, items)
        self.run()
        yield self.sitting("ana", dice, self.page)
        assert ("subshell" in self.heard.read_text()) == self.subshells

    def run(self):
        """Run the cell; again where a kernel that is just starting takes no orders."""
        self.n_ran += 1
        self.ran, self.heard = (self.folder / f"{what} {self.n_ran}" for what in ("ran", "heard"))
        now = {"place": self.journal, "ran": str(self.ran), "heard": str(self.heard)}
        (self.lab.folder / "faults.json").write_text(json.dumps(now))
        for _ in range(5):
            self.page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
            self.page.keyboard.press("Control+Enter")
            with suppress(AssertionError):
                self.pid = int(wait_for(lambda: self.ran.exists() and self.ran.read_text(), 12))
                break
        self.page.locator(self.sign).wait_for()

    def kill(self):
        self.n_restarts = self.page.evaluate("faults.restarts")
        os.kill(self.pid, signal.SIGKILL)

    def revive(self):
        """Wait until JupyterLab has started another kernel, and run the cell again."""
        self.page.wait_for_function("n => faults.restarts > n", arg=self.n_restarts, timeout=60_000)
        self.run()

    def reload(self, *, saved):
        self.page.reload()
        self.page.wait_for_selector(".jp-CodeCell")
        if not saved:
            self.run()
        self.page.locator(self.sign).wait_for(timeout=20_000)

    def second(self, dice):
        self.save()
        page = self.tab()
        page.goto(self.url.replace("&reset", ""))
        return self.sitting("ana", dice, page)

    def save(self):
        """Save the notebook, with the panel in it."""
        before = self.book.stat().st_mtime_ns
        self.page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
        self.page.keyboard.press("Control+s")
        wait_for(lambda: self.book.stat().st_mtime_ns > before)

    @contextmanager
    def another(self, dice):
        """Let somebody else rate the same items meanwhile, from another process."""
        command = [sys.executable, "-c", OTHER, self.journal]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            made = [process.stdout.readline().strip()]
            yield lambda: None
            made += process.communicate()[0].split()
        assert process.returncode == 0
        with wb.ratings.Journal.open(self.journal, create=False) as journal:
            assert [event.op_id for event in journal.events(rater="ben", kinds=["answer"])] == made


class ServedPlace(Place):
    """The served page; one server for all."""

    def __init__(self, chromium, server, free):
        super().__init__(chromium)
        self.chromium, self.server, self.free = chromium, server, free
        self.journal = server.place

    @contextmanager
    def opened(self, proxy):
        self.proxy = proxy
        yield self
        self.context.close()
        assert self.errors == []

    @contextmanager
    def rater(self, dice, raters=("ana",)):
        """Let somebody rate who has not yet."""
        self.name, self.page = self.free.pop(), self.tab()
        self._visit(self.page)
        yield self.sitting(self.name, dice, self.page)
        self.page.close()

    def _visit(self, page):
        link = self.server.link(self.name)
        page.goto(link.replace(self.server.base, f"http://127.0.0.1:{self.proxy.port}"))

    @property
    def pid(self):
        return self.server.process.pid

    def kill(self):
        self.server.kill()

    def revive(self):
        self.server.start()

    def save(self):
        """There is nothing to save."""

    def reload(self, *, saved):
        self.page.reload()

    def second(self, dice):
        page = self.tab()
        self._visit(page)
        return self.sitting(self.name, dice, page)

    @contextmanager
    def another(self, dice):
        """Let somebody else rate the same items meanwhile, in another browser."""
        place = ServedPlace(self.chromium, self.server, self.free)
        with place.opened(self.proxy), place.rater(dice) as rater:
            yield rater.act
            settle(place, rater)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    names = tuple(f"rater {at}" for at in range(40))
    items = SERVER["ITEMS"]
    folder = tmp_path_factory.mktemp("faults")
    with SERVER["Server"](folder, raters=names, items=items, overlap=len(names)) as running:
        running.free = list(names)
        yield running


@pytest.fixture(scope="module", params=PLACES)
def place(request, chromium, tmp_path_factory):
    if request.param == "page":
        server = request.getfixturevalue("server")
        found, port = ServedPlace(chromium, server, server.free), server.port
    else:
        lab, folder = request.getfixturevalue("lab"), tmp_path_factory.mktemp("journals")
        found = LabPlace(chromium, lab, folder, subshells=request.param == "lab-on")
        port = int(lab.url.rpartition(":")[2])
    with Proxy(port) as proxy, found.opened(proxy):
        yield found


@pytest.fixture
def dice(request, place):
    yield Random(f"{request.node.originalname} {SEED}")
    place.proxy.mend()


def settle(place, rater):
    """Let a rater come to the end, and demand that all is there, once."""
    rater.act(2)
    rater.finish()
    rater.saved()
    shown = rater.shown()
    rater.compare(place.journal, place.name, shown)
    return shown


@contextmanager
def hurrying(page):
    """Let nobody wait for long before connecting again."""
    page.evaluate("faults.hurries = true")
    yield
    page.evaluate("faults.hurries = false")


def test_a_kill(place, dice):
    with place.rater(dice) as rater:
        rater.act(dice.randint(2, 6))
        rater.pause(0, 0.03)
        place.kill()
        rater.act(dice.randint(1, 4))
        place.revive()
        settle(place, rater)


@pytest.mark.parametrize("how", ["cut", "freeze"])
def test_a_network_that_drops(place, dice, how):
    with place.rater(dice) as rater, hurrying(rater.page):
        rater.act(dice.randint(2, 6))
        rater.pause(0, 0.03)
        getattr(place.proxy, how)()
        rater.act(dice.randint(2, 5))
        rater.pause(0.5, 2)
        place.proxy.mend()
        settle(place, rater)


# JupyterLab waits for ever on a connection that is gone without a word: a rater reloads the page.
@pytest.mark.parametrize("place", ["page"], indirect=True)
def test_a_connection_that_is_gone_without_a_word(place, dice):
    with place.rater(dice) as rater, hurrying(rater.page):
        rater.act(dice.randint(2, 6))
        rater.pause(0, 0.03)
        place.proxy.lose()
        rater.act(dice.randint(2, 5))
        settle(place, rater)
        place.proxy.forget()


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "unsaved"])
def test_a_reload(place, dice, saved):
    with place.rater(dice) as rater:
        rater.act(dice.randint(2, 5))
        if saved:
            place.save()
        place.proxy.freeze()
        rater.act(dice.randint(1, 4))
        place.proxy.cut()
        place.proxy.mend()
        place.reload(saved=saved)
        place.sitting(place.name, dice, rater.page)
        settle(place, rater)


def test_two_tabs(place, dice):
    with place.rater(dice) as one:
        one.act(2)
        two = place.second(dice)
        for _ in range(10):
            dice.choice([one, two]).act()
        two.says("open")
        shown = settle(place, one)
        two.finish()
        two.saved()
        assert two.shown() == shown
        two.page.close()


def test_two_raters_on_one_item(place, dice):
    with place.rater(dice, raters=("ana", "ben")) as rater, place.another(dice) as act:
        for _ in range(10):
            rater.act()
            act()
        settle(place, rater)


def test_a_clock_that_jumps(place, dice):
    with place.rater(dice) as rater:
        begin = time.monotonic()
        for hours in (7, -9, 0):
            rater.act(dice.randint(2, 4))
            rater.page.evaluate("ms => { faults.clock = ms; }", hours * 3_600_000)
        settle(place, rater)
        passed = time.monotonic() - begin
        assert all(0 <= act["visible_s"] <= passed for act in rater.taken.values())
        assert len({act["client_time"][:13] for act in rater.taken.values()}) >= 3


def test_a_full_disk(place, dice):
    with place.rater(dice) as rater:
        rater.act(dice.randint(2, 6))
        rater.saved()
        with full(place.journal, place.pid, dice):
            rater.act(dice.randint(1, 5))
            rater.says(NOT_NOW)
        settle(place, rater)


def test_a_locked_database(place, dice):
    with place.rater(dice) as rater:
        rater.act(dice.randint(2, 6))
        with locked(place.journal):
            rater.act(dice.randint(1, 5))
            rater.says(NOT_NOW)
        settle(place, rater)


def test_a_slow_database(place, dice):
    with place.rater(dice) as rater:
        rater.act(1)
        with slow(place.journal, dice):
            for _ in range(8):
                rater.act()
                rater.pause(0, 0.4)
        settle(place, rater)


@pytest.mark.parametrize("how", ["fill", "forbid"])
def test_a_browser_that_keeps_nothing(place, dice, how):
    with place.rater(dice) as rater, hurrying(rater.page):
        rater.act(dice.randint(2, 4))
        rater.page.evaluate("faults.fill()" if how == "fill" else "faults.forbids = true")
        place.proxy.freeze()
        rater.act(dice.randint(2, 5))
        rater.says("storage is full or forbidden")
        place.proxy.cut()
        rater.pause(0, 0.5)
        place.proxy.mend()
        settle(place, rater)
        rater.page.evaluate("faults.empty(), faults.forbids = false")


def test_acknowledgements_out_of_order_late_and_twice(place, dice):
    with place.rater(dice) as rater:
        rater.act(1)
        rater.page.evaluate("faults.shuffles = true")
        rater.act(dice.randint(6, 10))
        settle(place, rater)
        assert rater.page.evaluate("faults.shuffled") >= 6
        rater.page.evaluate("faults.shuffles = false")
        expect(rater.page.locator(".wr-notices")).to_be_empty()
