"""The served page and its overview in a real browser, before a real server."""

import importlib.util
import json
import re
import runpy
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from workbench.ratings import Preference, Scale, Task, Text

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
SERVER = runpy.run_path(str(ROOT / "tests" / "serving" / "server.py"))
Server = SERVER["Server"]
_found = importlib.util.spec_from_file_location("tests_table", ROOT / "tests" / "conftest.py")
_table = importlib.util.module_from_spec(_found)
sys.modules[_found.name] = _table
_found.loader.exec_module(_table)
HOSTILE = {
    name: text
    for name, text in _table.HOSTILE.items()
    if len(text) < 1_000 and not re.search("[\0\ud800-\udfff]", text)
}
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI));
"""


class Guest:
    """A person's browser: one context, with everything that it was sent and said."""

    def __init__(self, chromium, **options):
        self.context = chromium.new_context(**options)
        self.context.add_init_script(VIOLATIONS)
        self.requests, self.frames, self.console = [], [], []

    def open(self, url):
        page = self.context.new_page()
        page.on("request", lambda asked: self.requests.append((asked.url, asked.headers)))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.console.append(said.text))
        page.on("websocket", self._socket)
        page.goto(url)
        return page

    def _socket(self, socket):
        socket.on("framesent", lambda data: self.frames.append(str(data)))
        socket.on("framereceived", lambda data: self.frames.append(str(data)))


@pytest.fixture
def guest(chromium):
    guests = []

    def made(**options):
        guests.append(Guest(chromium, **options))
        return guests[-1]

    yield made
    for each in guests:
        each.context.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("page")) as running:
        yield running


def rating(page):
    page.locator(".wr-item h2").wait_for()
    return page


def saved(page, n):
    expect(page.locator(".wr-saved")).to_have_text(f"saved {n} of {n}", timeout=20_000)


def violations(page):
    return page.evaluate("window.violations")


def axe(page):
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]


def test_a_link_opens_the_page_and_stays_nowhere(server, guest):
    ana = guest()
    page = rating(ana.open(server.link("Ana")))
    token = server.token("Ana")
    assert page.url == f"{server.base}/"
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("history.length") <= 2
    assert not [url for url, _ in ana.requests if token in url]
    assert not [1 for _, headers in ana.requests if headers.get("referer")]
    assert {url.split("/")[2] for url, _ in ana.requests} - {""} == {server.base.split("/")[2]}
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert token not in stored + page.content()
    assert (ana.console, violations(page)) == ([], [])


def test_a_rater_works_by_keyboard_reloads_and_goes_on(tmp_path, guest):
    with Server(tmp_path) as running:
        ana = guest()
        page = rating(ana.open(running.link("Ana")))
        page.keyboard.press("4")
        saved(page, 1)
        page.keyboard.press("Enter")
        page.keyboard.press("2")
        saved(page, 2)
        page.reload()
        saved(rating(page), 2)
        values = sorted(event.body["value"] for event in running.events("answer"))
        told = " ".join(
            [*ana.frames, page.content(), page.evaluate("JSON.stringify(localStorage)")]
        )
        assert values == [2, 4]
        assert "canary" not in told
        assert (ana.console, violations(page)) == ([], [])


def test_a_page_outlives_its_server(tmp_path, guest):
    with Server(tmp_path) as running:
        page = rating(guest().open(running.link("Ana")))
        page.keyboard.press("4")
        saved(page, 1)
        running.kill()
        page.keyboard.press("Enter")
        page.keyboard.press("5")
        expect(page.locator(".wr-saved")).to_contain_text("not saved yet", timeout=20_000)
        running.start()
        saved(page, 2)
        assert [event.body["value"] for event in running.events("answer")] == [4, 5]


def test_what_a_page_holds_is_sent_when_it_is_opened_again(tmp_path, guest):
    with Server(tmp_path) as running:
        ana = guest()
        page = rating(ana.open(running.link("Ana")))
        running.kill()
        page.keyboard.press("5")
        expect(page.locator(".wr-saved")).to_contain_text("saved 0 of 1", timeout=20_000)
        page.close()
        running.start()
        saved(rating(ana.open(running.link("Ana"))), 1)
        assert [event.body["value"] for event in running.events("answer")] == [5]


def test_an_open_page_closes_when_its_link_is_taken_back(tmp_path, guest):
    with Server(tmp_path) as running:
        page = rating(guest().open(running.link("Ana")))
        cookie = running.enter(running.token("", "admin"))[0]
        running.ask("POST", "/admin/revoke", {"rater": "Ana"}, Cookie=cookie)
        expect(page.locator("body")).to_contain_text("This link was taken back", timeout=10_000)
        page.keyboard.press("4")
        page.reload()
        expect(page.locator("#said")).to_have_text("This link was taken back; ask for another one.")
        assert running.events("answer") == []


def test_two_raters_in_one_browser_never_become_each_other(tmp_path, guest):
    with Server(tmp_path) as running:
        both = guest()
        ana = rating(both.open(running.link("Ana")))
        ben = rating(both.open(running.link("Ben")))
        ana.keyboard.press("4")
        saved(ana, 1)
        running.kill()
        running.start()
        # now the cookie is Ben's
        expect(ana.locator("body")).to_contain_text("Another link was opened", timeout=20_000)
        ben.keyboard.press("2")
        saved(ben, 1)
        acts = [(event.rater, event.body["value"]) for event in running.events("answer")]
    assert acts == [("Ana", 4), ("Ben", 2)]


@pytest.mark.parametrize("token", ["", "x", "a.b"])
def test_a_link_that_is_none_says_so(server, guest, token):
    page = guest().open(f"{server.base}/#{token}")
    expect(page.locator("#said")).to_contain_text("was sent to you")
    assert axe(page) == []


def test_nothing_hostile_runs(tmp_path, guest):
    texts = list(HOSTILE.values())
    name = "<script>window.hit=1</script><img src=x onerror=window.hit=1>"
    items = [
        {
            "item_id": f"i{at:012x}",
            "row_id": str(at),
            "source": text,
            "reference": text,
            "outputs": [
                {"output_id": f"a{at}", "system": "a", "text": text},
                {"output_id": f"b{at}", "system": "b", "text": f"{text} "},
            ],
        }
        for at, text in enumerate(texts)
    ]
    task = Task(
        "hostile",
        [Preference("better", text=texts[1]), Text("why", text=texts[0], required=False)],
        title=texts[1], instructions=texts[0], outputs=2, reference=True, diff=True,
        format="markdown", skip_reasons=(texts[1],),
    )  # fmt: skip
    with Server(tmp_path, raters=(name,), items=items, task=task) as running:
        ana = guest()
        page = rating(ana.open(running.link(name)))
        for at in range(len(items)):
            # a key that comes before its item is nobody's
            expect(page.locator(".wr-item input[type=radio]").first).to_be_attached()
            expect(page.locator(".wr-item input[type=radio]:checked")).to_have_count(0)
            page.keyboard.press("A")
            saved(page, at + 1)
            page.keyboard.press("Enter")
        assert page.evaluate("window.hit") is None
        assert page.title() == "Rating"
        assert (ana.console, violations(page)) == ([], [])
        assert {url.split("/")[2] for url, _ in ana.requests} - {""} == {running.base[7:]}
        admin = guest()
        seen = admin.open(running.link("", "admin"))
        expect(seen.locator("td.name")).to_have_text(name)
        assert seen.evaluate("window.hit") is None
        assert (admin.console, violations(seen)) == ([], [])


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A study in which some have begun, some are done, and nobody's name is short."""
    raters = ("Ana", "Ben " + "long" * 30, "Zoë <b>", "عمر")
    task = Task("quality", [Scale("fluency", 1, 5)], title="News summaries")
    folder = tmp_path_factory.mktemp("watched")
    with Server(folder, raters=raters, overlap=4, task=task) as running:
        for name, n_items in zip(raters, (6, 3, 1, 0), strict=True):
            with running.rater(name) as rater:
                for each in rater.state["items"][:n_items]:
                    rater.say(rater.act(item=each["item"], value=1 + int(each["item"][-1]) % 5))
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_overview_is_for_everybody(watched, guest, scheme, width):
    admin = guest(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = admin.open(watched.link("", "admin"))
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_role("table", name="Agreement so far")).to_be_visible(timeout=60_000)
    assert page.url == f"{watched.base}/admin"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
    assert (admin.console, violations(page)) == ([], [])
    shown = page.locator("body").inner_text()
    assert "10 of 24 items answered" in shown
    assert "canary" not in shown
    (ROOT / "screenshots").mkdir(exist_ok=True)
    page.screenshot(
        path=ROOT / "screenshots" / f"rating-overview-{scheme}-{width}.png", full_page=True
    )


def test_links_are_taken_back_from_the_overview_by_keyboard(tmp_path, guest):
    with Server(tmp_path) as running:
        admin = guest()
        page = admin.open(running.link("", "admin"))
        page.on("dialog", lambda dialog: dialog.accept())
        button = page.get_by_role("button", name="Take back the links of Ana")
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_count(0)
        expect(page.locator("#said")).to_have_text("The links were taken back.")
        assert [event.rater for event in running.events("revoke")] == ["Ana"]


def test_the_overview_keeps_up_by_itself(tmp_path, guest):
    with Server(tmp_path) as running:
        page = guest().open(running.link("", "admin"))
        expect(page.locator("body")).to_contain_text("0 of 6 items answered")
        with running.rater() as ana:
            ana.say(ana.act())
        expect(page.locator("body")).to_contain_text("1 of 6 items answered", timeout=15_000)
        running.stop()
        expect(page.locator("#said")).to_contain_text("does not answer", timeout=15_000)
        began = time.monotonic()
        running.start()
        expect(page.locator("#said")).to_be_empty(timeout=20_000)
        assert time.monotonic() - began < 60


class Empty(BaseHTTPRequestHandler):
    """A page of somebody else on the same machine."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_page_of_another_port_gets_no_socket_though_it_has_the_cookie(server, guest):
    ana = guest()
    rating(ana.open(server.link("Ana")))
    _, who = server.enter(server.token("Ana"))
    page = ana.context.new_page()
    site = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    other = f"http://127.0.0.1:{site.server_port}"
    page.goto(f"{other}/")
    told = page.evaluate(
        """url => new Promise((done) => {
            const socket = new WebSocket(url);
            socket.onopen = () => done("open");
            socket.onerror = () => done("refused");
        })""",
        f"ws://{server.base[7:]}/live?who={who}",
    )
    site.shutdown()
    site.server_close()
    assert told == "refused"
    assert f"a page of {other} was refused" in server.log


def test_a_frame_of_another_site_stays_empty(server, guest):
    page = guest().context.new_page()
    page.route(
        "http://example.org/",
        lambda route: route.fulfill(
            body=f"<iframe src='{server.base}/'></iframe>", content_type="text/html"
        ),
    )
    page.goto("http://example.org/")
    page.wait_for_timeout(500)
    texts = [frame.evaluate("document.body?.innerText ?? ''") for frame in page.frames[1:]]
    assert not [text for text in texts if "Connecting" in text or "link" in text]


def test_what_the_page_says_is_json_and_no_more(server, guest):
    ana = guest()
    rating(ana.open(server.link("Ana")))
    assert ana.frames
    for frame in ana.frames:
        assert "type" in json.loads(frame)
