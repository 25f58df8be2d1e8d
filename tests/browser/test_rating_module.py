"""The rater's module alone in a real browser, before a real session in a journal, with every fault.

The page is the one that raters get: no script or style of its own, and only what is on the server.
"""

import itertools
import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

import workbench as wb
from workbench.ratings.sessions import Session, Study

pytestmark = pytest.mark.browser

WIDGETS = Path(wb.__file__).parent / "widgets"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; "
    "require-trusted-types-for 'script'"
)
PAGE = """<!doctype html><html lang="en"><head><title>Rating</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/rating.css"><link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script></head><body><main id="page"></main></body></html>"""
PAGE_STYLE = """
:root { color-scheme: light dark; background: #ffffff; } body { margin: 0; }
@media (prefers-color-scheme: dark) { :root { background: #16171a; } }"""
# A connection with faults: lost (nothing arrives), mute (no answer arrives), late (answers wait).
PAGE_SCRIPT = """
import * as rating from "/rating.js";
const heard = [], opened = [], shut = [], kept = [];
const faults = { down: false, lost: false, mute: false, late: false };
const tell = (reply) => { traffic.push(reply); heard.forEach((each) => each(reply)); };
const traffic = [];
const transport = {
  send(message) {
    if (faults.down) throw new Error("there is no connection");
    traffic.push(structuredClone(message));
    if (faults.lost) return;
    receive(message).then((replies) => {
      if (faults.mute) return;
      faults.late ? kept.push(...replies) : replies.forEach(tell);
    });
  },
  onMessage: (each) => heard.push(each), onOpen: (each) => opened.push(each), onClose: (each) => shut.push(each),
};
Object.assign(window, {
  rating, faults, traffic, tell, kept,
  release() { faults.late = false; kept.splice(0).reverse().forEach(tell); },
  cut() { faults.down = true; shut.forEach((each) => each()); },
  mend() { faults.down = false; opened.forEach((each) => each()); },
  quit: rating.mount(document.getElementById("page"), transport, { page: true, patience: 400 }),
});
opened.forEach((each) => each());
"""
FILES = {
    "/": (PAGE, "text/html"),
    "/page.css": (PAGE_STYLE, "text/css"),
    "/page.js": (PAGE_SCRIPT, "text/javascript"),
    "/rating.js": ((WIDGETS / "rating.js").read_text("utf-8"), "text/javascript"),
    "/rating.css": ((WIDGETS / "rating.css").read_text("utf-8"), "text/css"),
}


class Sitting:
    """A rater at a page, and the journal behind it."""

    def __init__(self, chromium, study, *, host="localhost", **options):
        self.study, self.host = study, host
        self.session = Session(study, "ana")
        self.context = chromium.new_context(**options)
        self.context.expose_binding("receive", lambda _, message: self.receive(message))
        self.context.route("**/*", self._answer)
        self.console, self.requests = [], []
        self.refuse = {}  # by kind of act, what is said instead of storing it
        self.page = self.open()

    def open(self):
        page = self.context.new_page()
        page.on("console", lambda said: said.type == "error" and self.console.append(said.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.goto(f"http://{self.host}/")
        page.locator(".wr-item h2").wait_for()
        return page

    def _answer(self, route):
        path = re.sub(r"^http://[^/]+", "", route.request.url)
        self.requests.append(route.request.url)
        text, kind = FILES.get(path, ("", "text/plain"))
        route.fulfill(
            status=200 if text else 404,
            body=text,
            content_type=kind,
            headers={"Content-Security-Policy": POLICY},
        )

    def receive(self, message):
        if message.get("type") == "act" and (how := self.refuse.get(message["kind"])):
            return [{**how, "op_id": message["op_id"]}]
        # as over a comm or a socket
        return json.loads(json.dumps(self.session.receive(message)))

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text):
        self.page.keyboard.type(text)

    def saved(self, n):
        """Wait until so many acts are said to be saved, none more."""
        self.page.wait_for_function(
            "n => document.querySelector('.wr-saved').textContent === `saved ${n} of ${n}`",
            arg=n,
            timeout=10_000,
        )
        return self

    def text(self, selector=".workbench-rating"):
        return self.page.locator(selector).first.inner_text()

    @property
    def acts(self):
        return [
            event
            for event in self.study.journal.events()
            if event.kind in {"answer", "undo", "skip", "comment"}
        ]

    def answers(self):
        """Return the answers that stand, by question and target, item by item."""
        self.study.refresh()
        return [
            {
                f"{asked.question} {asked.target}".strip(): event.body["value"]
                for asked, event in self.session.desk.answered(item)
            }
            for item in self.session.items
        ]

    def screenshot(self, name):
        folder = Path(__file__).resolve().parents[2] / "screenshots"
        folder.mkdir(exist_ok=True)
        self.page.screenshot(path=folder / f"rating-{name}.png", full_page=True)


@pytest.fixture
def sit(chromium, tmp_path):
    """Open a sitting on a task, its texts by system and its sources."""
    open_ones, numbers = [], itertools.count()

    def sitting(task, texts, sources=None, *, host="localhost", change=None, **options):
        n = len(next(iter(texts.values())))
        rows = wb.read(
            [
                {"row_id": f"r{at}", "input": source, "references": ["The reference."]}
                for at, source in enumerate(sources or [f"Source {i}." for i in range(n)])
            ]
        )
        outputs = wb.outputs(rows, texts)
        items = wb.ratings.items(outputs, rows, task, raters=["ana"], seed=1)
        if change:
            items = change(items)
        journal = wb.ratings.Journal.open(tmp_path / f"{next(numbers)}.sqlite")
        opened = Sitting(chromium, Study.start(journal, items), host=host, **options)
        open_ones.append((opened, journal))
        return opened

    yield sitting
    for opened, journal in open_ones:
        opened.context.close()
        journal.close()
        assert opened.console == []


LEAD = "The council voted on Tuesday to close the old bridge for repairs."
OTHER = "The council decided on Tuesday to close the bridge."
SHORT = "Bridge closed."


def task(*questions, **more):
    return wb.ratings.Task("quality", questions, **more)


R = wb.ratings
# By kind of question: the task, the outputs, the keys that answer an item, and the answer.
KINDS = {
    "scale": (
        task(
            R.Scale("fluency", 1, 5, labels={1: "unreadable", 5: "flawless"}, help="How it reads."),
            R.Scale("adequacy", 0, 10),
            instructions="Read the **source** first.\n\n- then rate",
            reference=True,
        ),
        [LEAD],
        ["4", "7"],
        {"fluency A": 4, "adequacy A": 7},
    ),
    "scale below zero": (
        task(R.Scale("change", -2, 2, text="Is it better?"), R.Scale("share", 0, 0.3, step=0.1)),
        [LEAD],
        ["1", "4"],
        {"change A": -2, "share A": 0.3},
    ),
    "slider": (
        task(R.Scale("quality", 0, 100, labels={0: "useless", 100: "perfect"})),
        [LEAD],
        ["6", "7"],
        {"quality A": 67},
    ),
    "preference": (
        task(R.Preference("better", both_bad=True), outputs=2, diff=True),
        [LEAD, OTHER],
        ["x"],
        {"better": {"choice": "both bad"}},
    ),
    "preference with strength": (
        task(R.Preference("better", strength=3), outputs=2),
        [LEAD, OTHER],
        ["b", "2"],
        {"better": {"choice": "B", "strength": 2}},
    ),
    "ranking": (
        task(R.Ranking("order"), outputs=3, diff=True),
        [LEAD, OTHER, SHORT],
        ["3", "1", "3"],
        {"order": {"A": 2, "B": 1, "C": 2}},
    ),
    "best-worst": (
        task(R.BestWorst("ends"), R.Scale("fluency", 1, 3), outputs=3),
        [LEAD, OTHER, SHORT],
        ["3", "2", "1", "2", "1"],
        {"fluency A": 3, "fluency B": 2, "fluency C": 1, "ends": {"best": "B", "worst": "A"}},
    ),
    "labels": (
        task(R.Labels("flags", ["rude", "wrong", "off topic"])),
        [LEAD],
        ["3", "1", "2", "2"],
        {"flags A": ["rude", "off topic"]},
    ),
    "no labels": (task(R.Labels("flags", ["rude", "wrong"])), [LEAD], ["0"], {"flags A": []}),
    "one label": (
        task(R.Labels("language", ["German", "English"], several=False)),
        [LEAD],
        ["2"],
        {"language A": "English"},
    ),
    "spans": (
        task(R.Spans("errors", ["grammar", "meaning"], sides=("source", "output"))),
        [LEAD],
        [*["Shift+ArrowRight"] * 3, "2", "v", *["Shift+Control+ArrowRight"] * 2, "1", "o"],
        {
            "errors A": [
                {"side": "output", "start": 0, "end": 0, "category": "grammar", "severity": "major", "whole": True},
                {"side": "output", "start": 0, "end": 3, "category": "meaning", "severity": "minor"},
                {"side": "output", "start": 3, "end": 17, "category": "grammar", "severity": "major"},
            ]
        },
    ),
    "spans of many categories": (
        R.Task.mqm("quality"),
        [LEAD],
        [*["Shift+ArrowRight"] * 3, "Enter", *"Fluency/Sp", "Enter", "v", "o", *"Non", "Enter"],
        None,
    ),
    "no spans": (task(R.Spans("errors", ["error"])), [LEAD], ["0"], {"errors A": []}),
    "text": (
        task(R.Text("critique"), R.Correction("corrected", required=False)),
        [LEAD],
        [*"Too 5 long.", "Tab", "Control+Home", "X"],
        {"critique A": "Too 5 long.", "corrected A": f"X{LEAD}"},
    ),
}  # fmt: skip


def texts_of(kind, n=2):
    return {f"s{at}": [text] * n for at, text in enumerate(KINDS[kind][1])}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_question_is_answered_by_keyboard_alone_to_the_end(sit, kind):
    asked, _, keys, expected = KINDS[kind]
    sitting = sit(asked, texts_of(kind))
    for at in range(len(sitting.session.items)):
        sitting.page.get_by_role("heading", name=f"Item {at + 1} of").wait_for()
        sitting.press(*keys)
        sitting.press("Control+Enter" if kind == "text" else "Enter")
    sitting.page.get_by_role("heading", name="Thank you").wait_for()
    sitting.saved(len(sitting.acts))
    assert f"saved {len(sitting.acts)} of {len(sitting.acts)}" in sitting.text(".wr-total")
    if expected is not None:
        assert sitting.answers() == [expected] * len(sitting.session.items)
    assert sitting.session.progress() == (len(sitting.session.items),) * 2
    assert {event.body["visible_s"] >= 0 for event in sitting.acts} == {True}
    sitting.press("Backspace")
    sitting.page.get_by_role("heading", name=f"Item {len(sitting.session.items)} of").wait_for()


def test_many_categories_are_chosen_by_their_names(sit):
    asked, _, keys, _ = KINDS["spans of many categories"]
    sitting = sit(asked, texts_of("spans of many categories"))
    sitting.press(*keys)
    sitting.saved(2)
    assert sitting.answers()[0] == {
        "errors A": [
            {"side": "output", "start": 0, "end": 0, "category": "Non-translation", "severity": "minor", "whole": True},
            {"side": "output", "start": 0, "end": 3, "category": "Fluency/Spelling", "severity": "neutral"},
        ]
    }  # fmt: skip


@pytest.mark.parametrize("kind", [each for each in KINDS if not each.startswith("no ")])
def test_no_kind_of_question_breaks_a_rule_of_accessibility(sit, kind):
    asked, _, keys, _ = KINDS[kind]
    sitting = sit(asked, texts_of(kind))
    for answered in (False, True):
        if answered:
            sitting.press(*keys)
        looks = [("light", 1400), ("dark", 360), ("light", 360), ("dark", 1400)]
        for scheme, width in looks if answered else looks[:2]:
            sitting.page.emulate_media(color_scheme=scheme)
            sitting.page.set_viewport_size({"width": width, "height": 800})
            if answered:
                sitting.screenshot(f"{kind.replace(' ', '-')}-{scheme}-{width}")
            assert_accessible(sitting)


def assert_accessible(sitting):
    found = Axe().run(sitting.page)
    assert found.violations_count == 0, found.generate_report()
    width = sitting.page.viewport_size["width"]
    assert sitting.page.evaluate("document.documentElement.scrollWidth") <= width
    small = sitting.page.evaluate(
        """() => [...document.querySelectorAll("button, label:has(input), select, summary, textarea")]
          .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 24)
          .map((each) => each.outerHTML)"""
    )
    assert small == []


# ------------------------------------------------------------------------- nothing is lost


def likert(sit, n=4, **more):
    return sit(task(R.Scale("fluency", 1, 5)), {"s": [LEAD] * n}, **more)


def held(page):
    return page.evaluate(
        "Object.keys(localStorage).filter((key) => key.startsWith('workbench-rating:'))"
    )


def answer_all(sitting, n):
    for at in range(n):
        # keys say nothing to an item that has not arrived
        sitting.page.locator(f".wr-item:has-text('Item {at + 1} of') input").first.wait_for()
        sitting.press(str(at % 5 + 1), "Enter")


def test_an_answer_shows_at_once_and_is_kept_until_it_is_saved(sit):
    sitting = likert(sit)
    sitting.page.evaluate("faults.lost = true")
    sitting.press("3")
    assert sitting.page.get_by_role("radio", name="3").is_checked()
    assert sitting.text(".wr-saved") == "saved 0 of 1"
    assert len(held(sitting.page)) == 1
    sitting.page.get_by_text("saved 0 of 1 · not saved yet").wait_for()
    sitting.page.evaluate("faults.lost = false")
    sitting.saved(1)
    assert held(sitting.page) == []
    assert len(sitting.acts) == 1


def test_acts_that_were_not_saved_survive_a_reload(sit):
    sitting = likert(sit)
    sitting.page.evaluate("faults.lost = true")
    answer_all(sitting, 3)
    assert len(held(sitting.page)) == 3
    assert sitting.acts == []
    sitting.page.reload()
    sitting.saved(3)
    sitting.page.get_by_role("heading", name="Item 4 of 4").wait_for()
    assert held(sitting.page) == []
    assert [event.body["value"] for event in sitting.acts] == [1, 2, 3]


def test_what_is_typed_when_the_page_is_closed_is_kept(sit):
    sitting = sit(task(R.Text("critique")), {"s": [LEAD]})
    sitting.page.evaluate("faults.lost = true")
    sitting.type("Half a sent")
    sitting.page.reload()
    sitting.saved(1)
    assert sitting.answers() == [{"critique A": "Half a sent"}]
    sitting.press("Backspace")
    assert sitting.page.get_by_role("textbox").input_value() == "Half a sent"


def test_acts_whose_acknowledgement_is_lost_are_sent_again_and_stored_once(sit):
    sitting = likert(sit)
    sitting.page.evaluate("faults.mute = true")
    answer_all(sitting, 3)
    sitting.page.wait_for_function(
        "() => traffic.filter((each) => each.type === 'act').length >= 6"
    )
    assert len(sitting.acts) == 3
    sitting.page.evaluate("faults.mute = false")
    sitting.saved(3)
    assert len({event.op_id for event in sitting.acts}) == len(sitting.acts) == 3


def test_a_text_that_comes_late_leaves_the_focus_in_the_panel(sit):
    sitting = likert(sit, n=6)
    sitting.page.evaluate("faults.late = true")
    answer_all(sitting, 3)
    sitting.page.get_by_text("Loading …").wait_for()
    sitting.page.evaluate("release()")
    sitting.page.locator(".wr-item input[type=radio]").first.wait_for()
    assert sitting.page.evaluate("Boolean(document.activeElement.closest('.wr-item'))")
    sitting.press("5")
    sitting.saved(4)


def test_acknowledgements_may_come_late_twice_and_in_any_order(sit):
    sitting = likert(sit)
    sitting.page.evaluate("faults.late = true")
    answer_all(sitting, 3)
    sitting.page.wait_for_function("() => kept.length >= 3")
    sitting.page.evaluate("kept.push(...kept)")
    sitting.page.evaluate("release()")
    sitting.saved(3)
    assert sitting.answers() == [{"fluency A": at} for at in (1, 2, 3)] + [{}]
    assert sitting.page.evaluate("traffic.filter((each) => each.type === 'refused')") == []


def test_a_connection_that_breaks_is_told_and_what_was_done_meanwhile_is_sent(sit):
    sitting = likert(sit)
    sitting.press("1", "Enter")
    sitting.saved(1)
    sitting.page.evaluate("cut()")
    assert sitting.text(".wr-notices") == (
        "The connection to the server is gone. Nothing is lost: all you did is saved. It goes on by "
        "itself when the server is back; you can also close this page and open your link again "
        "later, in this browser."
    )
    sitting.press("2", "Enter", "3", "Enter")
    assert "This browser holds 2 acts that are not saved yet, and keeps them." in sitting.text(
        ".wr-notices"
    )
    sitting.page.evaluate("mend()")
    sitting.saved(3)
    assert sitting.text(".wr-notices") == ""
    assert sitting.answers() == [{"fluency A": at} for at in (1, 2, 3)] + [{}]
    sitting.page.get_by_role("heading", name="Item 4 of 4").wait_for()


def test_a_server_that_says_nothing_is_told_to_be_gone(sit):
    sitting = likert(sit)
    sitting.page.evaluate("faults.lost = true")
    sitting.press("1")
    sitting.page.get_by_text("This browser holds 1 act that is not saved yet").wait_for()
    sitting.page.evaluate("faults.lost = false")
    sitting.saved(1)


def test_a_store_that_fails_is_told_in_its_words_and_tried_again(sit):
    sitting = likert(sit)
    sitting.refuse["answer"] = {"type": "failed", "reason": "the disk is full."}
    sitting.press("1")
    sitting.page.get_by_text("Not saved yet: the disk is full.").wait_for()
    assert len(held(sitting.page)) == 1
    sitting.refuse.clear()
    sitting.saved(1)
    assert sitting.text(".wr-notices") == ""


def test_an_act_that_is_refused_is_told_and_taken_back(sit):
    sitting = likert(sit)
    sitting.refuse["answer"] = {"type": "refused", "reason": "<b>no</b> such item."}
    sitting.press("1")
    sitting.page.get_by_text("This was not accepted: <b>no</b> such item.").wait_for()
    assert not sitting.page.get_by_role("radio", name="1").is_checked()
    assert held(sitting.page) == []
    assert sitting.text(".wr-saved") == "saved 0 of 0"


def test_a_text_that_is_refused_stays_in_its_box(sit):
    sitting = sit(task(R.Text("critique")), {"s": [LEAD]})
    sitting.refuse["answer"] = {"type": "refused", "reason": "no."}
    sitting.type("Many words")
    sitting.page.get_by_text("This was not accepted: no.").wait_for()
    assert sitting.page.get_by_role("textbox").input_value() == "Many words"


@pytest.mark.parametrize(
    "broken",
    [
        "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }",
        "() => { Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } }); }",
    ],
    ids=["full", "forbidden"],
)
def test_a_storage_that_keeps_nothing_is_told_and_asks_before_the_page_is_closed(sit, broken):
    sitting = likert(sit)
    sitting.page.evaluate(broken)
    sitting.page.evaluate("faults.lost = true")
    answer_all(sitting, 2)
    assert "storage is full or forbidden" in sitting.text(".wr-notices")
    asked = []
    sitting.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    sitting.page.close(run_before_unload=True)
    sitting.context.pages[0].wait_for_timeout(300)
    assert asked == ["beforeunload"]
    sitting.page.evaluate("faults.lost = false")
    sitting.saved(2)
    assert sitting.answers()[:2] == [{"fluency A": 1}, {"fluency A": 2}]


def test_two_tabs_know_of_each_other_and_show_the_same_work(sit):
    first = likert(sit)
    first.press("1")
    first.saved(1)
    other = first.open()
    told = "You have this page open twice. That is safe: both show and save the same work."
    other.get_by_text(told).wait_for()
    first.page.locator(".wr-notices").get_by_text("open in more than one place").wait_for()
    other.keyboard.press("Backspace")
    other.get_by_role("radio", name="1", checked=True).wait_for()
    other.keyboard.press("4")
    first.page.get_by_role("radio", name="4", checked=True).wait_for()
    first.press("5")
    other.get_by_role("radio", name="5", checked=True).wait_for()
    other.close()
    first.page.get_by_text("open in more than one place").wait_for(state="detached")
    first.page.wait_for_timeout(200)
    assert [event.body["value"] for event in first.acts] == [1, 4, 5]
    assert first.answers()[0] == {"fluency A": 5}
    assert [event.body["n"] for event in first.acts] == [1, 2, 3]


def test_acts_of_one_store_never_reach_another(sit):
    sitting = likert(sit)
    sitting.page.evaluate("faults.lost = true")
    sitting.press("3")
    sitting.page.evaluate("faults.lost = false; cut()")
    other = likert(sit)
    sitting.session, sitting.study = other.session, other.study
    sitting.page.evaluate("mend()")
    sitting.saved(0)
    sitting.press("2")
    sitting.saved(1)
    assert [event.body["value"] for event in other.acts] == [2]
    assert len(held(sitting.page)) == 1


def test_a_page_that_is_not_secure_makes_names_of_its_own(sit):
    sitting = likert(sit, host="rating.example")
    assert sitting.page.evaluate("typeof crypto.randomUUID") == "undefined"
    answer_all(sitting, 4)
    sitting.saved(4)
    assert len({event.op_id for event in sitting.acts}) == 4
    assert all(
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", e.op_id) for e in sitting.acts
    )


def test_only_the_time_in_sight_counts(sit):
    sitting = likert(sit)
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange")); }"""
    sitting.page.evaluate(hide, True)
    sitting.page.wait_for_timeout(1500)
    sitting.page.evaluate(hide, False)
    sitting.press("1")
    sitting.saved(1)
    (event,) = sitting.acts
    assert 0 < event.body["visible_s"] < 1.4
    assert event.body["shown_at"] < event.body["client_time"]


def test_a_session_that_is_closed_says_so_and_takes_nothing_more(sit):
    sitting = likert(sit)
    sitting.page.evaluate("tell({ type: 'closed', reason: 'Your link was taken back.' })")
    assert sitting.text(".wr-notices") == "Your link was taken back. Everything is saved."
    sitting.press("1")
    assert not sitting.page.get_by_role("button", name="Next").is_visible()
    assert sitting.text(".wr-saved") == "saved 0 of 0"


# ------------------------------------------------------------------------- a rater at work


def test_undo_takes_back_the_last_act_wherever_it_was(sit):
    sitting = likert(sit)
    sitting.press("1", "2", "Enter", "4", "Enter")
    sitting.saved(3)
    sitting.press("u")
    sitting.page.get_by_role("heading", name="Item 2 of 4").wait_for()
    assert sitting.page.get_by_role("radio", checked=True).count() == 0
    sitting.press("Control+z")
    sitting.page.get_by_role("heading", name="Item 1 of 4").wait_for()
    assert sitting.page.get_by_role("radio", name="1").is_checked()
    sitting.press("u", "u")
    assert "There is nothing to undo." in sitting.text(".wr-hint")
    sitting.saved(6)
    assert sitting.answers() == [{}] * 4


def test_undo_brings_back_an_answer_from_before_a_reload(sit):
    sitting = likert(sit)
    sitting.press("1", "2")
    sitting.saved(2)
    sitting.page.reload()
    sitting.page.get_by_role("heading", name="Item 2 of 4").wait_for()
    sitting.press("u")
    sitting.page.get_by_role("radio", name="1", checked=True).wait_for()
    assert sitting.answers()[0] == {"fluency A": 1}


def test_a_skip_has_a_reason_and_an_answer_ends_it(sit):
    sitting = likert(sit)
    sitting.press("s")
    assert sitting.page.evaluate("document.activeElement.textContent").startswith("I cannot judge")
    sitting.press("Shift+Tab")
    sitting.type("cut at 2")
    sitting.press("Tab", "2")
    sitting.page.get_by_role("heading", name="Item 2 of 4").wait_for()
    sitting.saved(1)
    assert sitting.acts[0].body["reason"] == "The text is broken"
    assert sitting.acts[0].body["note"] == "cut at 2"
    sitting.press("Escape", "Backspace")
    sitting.page.get_by_text("skipped: The text is broken").wait_for()
    sitting.press("Enter")
    sitting.page.get_by_role("heading", name="Item 2 of 4").wait_for()
    sitting.press("Backspace", "5")
    sitting.page.get_by_text("skipped: The text is broken").wait_for(state="detached")
    sitting.saved(2)
    sitting.study.refresh()
    assert sitting.session.progress() == (1, 4)


def test_a_menu_closes_without_doing_anything(sit):
    sitting = likert(sit)
    sitting.press("s", "Escape", "c", "Escape", "?")
    sitting.page.get_by_role("dialog", name="Keys").wait_for()
    assert_accessible(sitting)
    sitting.screenshot("keys")
    sitting.press("5", "Escape", "3")
    sitting.saved(1)
    assert [event.body["value"] for event in sitting.acts] == [3]


def test_a_comment_is_kept_and_shown_again(sit):
    sitting = likert(sit)
    sitting.press("c")
    sitting.type("Is 2 meant? skip")
    sitting.press("Escape", "2", "Enter")
    sitting.saved(2)
    assert [event.kind for event in sitting.acts] == ["comment", "answer"] or [
        event.kind for event in sitting.acts
    ] == ["answer", "comment"]
    sitting.press("Backspace", "c")
    assert sitting.page.get_by_role("textbox", name="Comment").input_value() == "Is 2 meant? skip"


def test_next_waits_for_what_must_be_answered(sit):
    sitting = sit(
        task(R.Scale("fluency", 1, 5), R.Scale("adequacy", 1, 5), R.Text("why", required=False)),
        {"s": [LEAD] * 2},
    )
    sitting.press("3", "Enter")
    sitting.page.get_by_text("Please answer what is still open").wait_for()
    assert sitting.page.evaluate(
        "document.activeElement.closest('.wr-question').textContent"
    ).startswith("adequacy")
    sitting.press("4")
    assert sitting.text(".wr-hint") == ""
    sitting.press("Enter")
    sitting.page.get_by_role("heading", name="Item 2 of 2").wait_for()
    assert sitting.page.evaluate(
        "document.activeElement.closest('.wr-question').textContent"
    ).startswith("fluency")


def test_keys_are_letters_in_a_box_of_text(sit):
    sitting = sit(
        task(R.Text("critique"), R.Preference("better"), outputs=2), {"a": [LEAD], "b": [OTHER]}
    )
    boxes = sitting.page.get_by_role("textbox")
    boxes.nth(0).click()
    sitting.type("sucab 123?t")
    sitting.press("Backspace", "ArrowLeft", "Control+Enter")
    assert boxes.nth(0).input_value() == "sucab 123?"
    boxes.nth(1).click()
    sitting.type("x")
    sitting.press("Escape", "b")
    sitting.saved(3)
    assert sitting.answers() == [
        {"critique A": "sucab 123?", "critique B": "x", "better": {"choice": "B", "strength": 1}}
    ]


def test_a_slider_begins_unset_and_can_be_put_to_its_end_by_mouse(sit):
    sitting = sit(task(R.Scale("quality", 0, 100)), {"s": [LEAD]})
    slider, box = sitting.page.get_by_role("slider"), sitting.page.get_by_role("spinbutton")
    assert slider.get_attribute("aria-valuetext") == "not set"
    assert box.input_value() == ""
    sitting.press("Enter")
    assert sitting.acts == []
    slider.click(position={"x": 1, "y": 10})
    sitting.saved(1)
    assert sitting.answers() == [{"quality A": 0}]
    box.fill("101")
    sitting.page.get_by_text("A number from 0 to 100, please.").wait_for()
    sitting.press("Enter")
    sitting.page.get_by_text("Please answer").wait_for()
    box.fill("50")
    sitting.saved(2)
    slider.focus()
    sitting.press("ArrowRight", "u")
    sitting.saved(4)
    assert box.input_value() == "50"
    assert sitting.answers() == [{"quality A": 50}]


def test_half_an_answer_is_none(sit):
    sitting = sit(task(R.Preference("better", strength=2), outputs=2), {"a": [LEAD], "b": [OTHER]})
    sitting.press("t")
    sitting.saved(1)
    sitting.press("a", "Enter")
    sitting.page.get_by_text("Please answer").wait_for()
    sitting.press("1")
    sitting.saved(2)
    assert sitting.answers() == [{"better": {"choice": "A", "strength": 1}}]


def test_ranks_without_ties_change_places(sit):
    sitting = sit(
        task(R.Ranking("order", ties=False), outputs=3), {"a": [LEAD], "b": [OTHER], "c": [SHORT]}
    )
    sitting.press("1", "2", "3")
    sitting.saved(1)
    sitting.page.get_by_role("group", name="Output A").get_by_role("radio", name="3rd").check()
    sitting.saved(2)
    assert sitting.answers() == [{"order": {"A": 3, "B": 2, "C": 1}}]
    assert "Best first: C, then B, then A" in sitting.text()


def test_training_tells_what_is_right(sit):
    def train(items):
        from dataclasses import replace

        first, *others = items.items
        taught = replace(
            first, purpose="training", expected={"fluency": 5}, explanation="It is <b>fine</b>."
        )
        return replace(
            items,
            items=(taught, *others),
            plan={"ana": tuple(each.item_id for each in items.items)},
        )

    sitting = likert(sit, change=train)
    assert "training" in sitting.text(".wr-item h2")
    sitting.press("1")
    sitting.page.get_by_text("Not quite. It is <b>fine</b>.").wait_for()
    sitting.press("5")
    sitting.page.get_by_text("Right. It is <b>fine</b>.").wait_for()
    assert_accessible(sitting)


def test_an_adjudicator_sees_what_the_raters_answered(sit):
    sitting = likert(sit)
    answer_all(sitting, 2)
    sitting.saved(2)
    sitting.session = Session(sitting.study, "eve", ruling=sitting.session.items[:2])
    sitting.page.reload()
    table = sitting.page.get_by_role("table", name="What the raters answered")
    assert table.get_by_role("cell").all_inner_texts() == ["rater 1", "fluency", "A", "1"]
    assert_accessible(sitting)
    sitting.press("5", "Enter")
    sitting.saved(1)
    assert [
        event.body["value"] for event in sitting.study.journal.events(kinds=["adjudicate"])
    ] == [5]


def test_time_left_is_said_once_it_can_be_guessed(sit):
    sitting = likert(sit, n=6)
    answer_all(sitting, 3)
    assert "about 1 min left" in sitting.text(".wr-place")


def test_the_panel_can_be_taken_away(sit):
    sitting = likert(sit)
    sitting.page.evaluate("quit()")
    assert sitting.page.locator(".workbench-rating").count() == 0
    sitting.press("1")
    assert sitting.page.evaluate("traffic.filter((each) => each.type === 'act').length") == 0
    assert sitting.page.evaluate("traffic.at(-1).type") == "bye"


# ---------------------------------------------------------------------- what others wrote

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"An {FAMILY} emoji \U0001f600 here", "emoji \U0001f600"),
        (f"{FAMILY}{FAMILY} two", f"{FAMILY} two"),
        ("e\u0301te\u0301 a\u0300 Paris", "a\u0300 Par"),
        ("a\r\nb\tc \x1b[31m d", "[31m"),
        ("x\u202eabc\u202c y\u2066z\u2069 w", "z"),
        (
            "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd, 3.5 \u05db\u05df",
            "\u05e2\u05d5\u05dc\u05dd",
        ),
        ("\u6771\u4eac\u306f\U00020bb7\u91ce\u5bb6\u3067\u3059", "\U00020bb7\u91ce"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f a\U000e0041b", "b"),
    ],
)
def test_offsets_count_code_points(sit, text, part):
    sitting = sit(task(R.Spans("errors", ["error"])), {"s": [text]})
    sitting.page.evaluate(
        SELECT,
        [
            len(text[: text.index(part)].encode("utf-16-le")) // 2,
            len(part.encode("utf-16-le")) // 2,
        ],
    )
    sitting.press("1")
    sitting.saved(1)
    ((span,),) = sitting.answers()[0].values()
    assert text[span["start"] : span["end"]] == part
    assert (
        sitting.page.evaluate("document.querySelector('.wr-marking').textContent.length")
        == len(text.encode("utf-16-le")) // 2
    )


SELECT = """([start, length]) => {
  const region = document.querySelector(".wr-marking"), walker = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
  const place = (units) => {
    walker.currentNode = region;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (units <= node.length) return [node, units];
      units -= node.length;
    }
  };
  region.focus();
  getSelection().setBaseAndExtent(...place(start), ...place(start + length));
}"""


def test_spans_overlap_change_and_go(sit):
    sitting = sit(task(R.Spans("errors", ["grammar", "meaning"])), {"s": [LEAD]})
    for start, length, key in ((0, 11, "1"), (4, 20, "2"), (4, 7, "1")):
        sitting.page.evaluate(SELECT, [start, length])
        sitting.press(key)
    sitting.saved(3)
    (spans,) = sitting.answers()[0].values()
    assert [(each["start"], each["end"]) for each in spans] == [(0, 11), (4, 11), (4, 24)]
    assert sitting.text(".wr-marking").replace("\n", "") == LEAD
    sitting.page.get_by_label("severity of mark 2").select_option("major")
    sitting.saved(4)
    sitting.page.get_by_role("button", name="Delete mark 1").click()
    sitting.saved(5)
    (spans,) = sitting.answers()[0].values()
    assert [(each["start"], each["severity"]) for each in spans] == [(4, "major"), (4, "minor")]
    sitting.press("u", "u")
    sitting.saved(7)
    (spans,) = sitting.answers()[0].values()
    assert [each["severity"] for each in spans] == ["minor"] * 3


def test_spans_are_marked_by_mouse(sit):
    sitting = sit(task(R.Spans("errors", ["grammar", "meaning"])), {"s": [LEAD]})
    box = sitting.page.locator(".wr-marking").bounding_box()
    sitting.page.mouse.dblclick(box["x"] + 60, box["y"] + 24)
    sitting.page.get_by_role("radio", name="meaning").check()
    sitting.saved(1)
    ((span,),) = sitting.answers()[0].values()
    assert LEAD[span["start"] : span["end"]].strip() == "council"
    assert span["category"] == "meaning"


def test_the_text_that_is_marked_cannot_be_changed(sit):
    sitting = sit(task(R.Spans("errors", ["grammar", "meaning"])), {"s": [LEAD]})
    sitting.page.locator(".wr-marking").click()
    sitting.press("q", "Enter", "Delete", "Backspace", "Control+v", "Control+x", "Control+b", "z")
    sitting.page.keyboard.insert_text("\u3042")
    assert sitting.text(".wr-marking") == LEAD
    sitting.page.evaluate("document.querySelector('.wr-marking').firstChild.data += 'x'")
    sitting.page.evaluate("document.querySelector('.wr-marking').dispatchEvent(new Event('input'))")
    assert sitting.text(".wr-marking") == LEAD


def test_hostile_texts_are_text_everywhere(sit, hostiles):
    texts = [text for text in hostiles.values() if len(text) < 1_000 and text.strip()]
    lines = [" ".join(text.split()) for text in texts]
    lines = [line for line in lines if line and line.isprintable()][:30]
    questions = [
        R.Preference("better", text="\n".join(texts[:20]), help="\n".join(texts)),
        R.Labels("flags", lines[:20]),
        R.Spans("errors", lines[:9], severities=dict.fromkeys(lines[:3], 1)),
        R.Text("critique", text=texts[0]),
        R.Correction("corrected"),
        R.Scale("scale", 1, 5, labels={1: lines[0], 5: lines[1]}),
    ]
    asked = task(
        *questions, outputs=2, diff=True, title=lines[0], instructions="\n\n".join(texts),
        skip_reasons=lines[:5], reference=True,
        examples=[{"outputs": texts[:3], "source": texts[0], "explanation": "\n".join(texts[:20])}],
    )  # fmt: skip
    sitting = sit(asked, {"a": texts, "b": texts[1:] + texts[:1]}, texts)
    for at, text in enumerate(texts):
        sitting.page.get_by_role("heading", name=f"Item {at + 1} of").wait_for()
        first = sitting.page.get_by_role("textbox", name="The text, to be corrected").first
        if at % 8 == 0:
            sitting.page.evaluate(SELECT, [0, 1])
            sitting.press("1")
            first.fill(text[:5])
        sitting.press("Escape", "c")
        sitting.page.keyboard.insert_text(text)
        sitting.press("Escape", "s", "1")
    sitting.page.get_by_role("heading", name="Thank you").wait_for()
    sitting.page.wait_for_function(
        "() => /saved (\\d+) of \\1$/.test(document.querySelector('.wr-saved').textContent)"
    )
    assert sitting.page.evaluate("window.hit") is None
    assert sitting.page.title() == "Rating"
    assert {url.split("/")[2] for url in sitting.requests} == {"localhost"}
    refused = sitting.page.evaluate("traffic.filter((each) => each.type === 'refused')")
    assert refused == []
    assert (
        sitting.page.locator(
            ":is(script, iframe, form, style, link, meta, svg, a):not(head *)"
        ).count()
        == 0
    )


def test_a_hostile_rater_and_refusal_are_text(sit, hostiles):
    sitting = likert(sit)
    for text in hostiles.values():
        sitting.page.evaluate("(reason) => tell({ type: 'refused', reason })", text)
        sitting.page.evaluate("(reason) => tell({ type: 'failed', reason })", text)
    for name in ("__proto__", "constructor", "act", "go", "hasOwnProperty", 7, None):
        sitting.page.evaluate("(type) => tell({ type, op_id: 'x', at: 3 })", name)
    sitting.page.evaluate("tell(null)")
    assert sitting.page.evaluate("window.hit") is None
    sitting.page.get_by_role("heading", name="Item 1 of 4").wait_for()


def test_markdown_is_shown_and_its_html_is_text(sit):
    text = "# Title\n\n**bold** and `code` <b>html</b> [x](http://example.org/)\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|\n\n```\n<i>pre</i>\n```"
    sitting = sit(task(R.Scale("fluency", 1, 5), format="markdown"), {"s": [text]}, [text])
    shown = sitting.page.locator(".wr-card .wr-markdown").last
    assert shown.locator("strong").inner_text() == "bold"
    assert shown.locator("li").all_inner_texts() == ["one", "two"]
    assert shown.locator("td").all_inner_texts() == ["1", "2"]
    assert shown.locator("pre").inner_text().strip() == "<i>pre</i>"
    assert "<b>html</b> x (http://example.org/)" in shown.inner_text()
    assert shown.locator("a, b, i").count() == 0
    assert_accessible(sitting)
    sitting.screenshot("markdown")


def test_code_is_shown_as_it_is(sit):
    code = "def f(x):\n\treturn x  # " + "long " * 60
    sitting = sit(
        task(R.Scale("works", 0, 1), format="code"),
        {"s": [code]},
        viewport={"width": 360, "height": 800},
    )
    assert sitting.page.locator("pre.wr-text").last.text_content() == code
    assert_accessible(sitting)


def test_long_texts_are_folded_and_right_to_left_ones_run_so(sit):
    hebrew = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd. " * 400
    sitting = sit(task(R.Scale("fluency", 1, 5)), {"s": [hebrew]}, ["\u6771\u4eac" * 2000])
    button = sitting.page.get_by_role(
        "button", name=f"Show all {len(hebrew):,} characters of Output"
    )
    folded = sitting.page.locator(".wr-text").last
    assert (
        sitting.page.evaluate(
            "getComputedStyle([...document.querySelectorAll('.wr-text')].at(-1)).direction"
        )
        == "rtl"
    )
    height = folded.bounding_box()["height"]
    assert_accessible(sitting)
    sitting.screenshot("folded")
    button.click()
    assert folded.bounding_box()["height"] > 1.5 * height
    sitting.page.get_by_role("button", name="Show less of Output").wait_for()


def test_images_are_shown_by_their_content_only(sit):
    pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    sitting = likert(sit)
    sitting.page.evaluate(
        """(images) => {
          const state = structuredClone(traffic.find((each) => each.type === "state"));
          state.contents[state.items[0].item].images = images;
          state.task.title = "another";
          tell(state);
        }""",
        [
            pixel,
            "http://example.org/x.png",
            "data:image/svg+xml,<svg onload='window.hit=1'/>",
            "javascript:window.hit=1",
        ],
    )
    assert sitting.page.locator("img").evaluate_all(
        "all => all.map((each) => each.getAttribute('src'))"
    ) == [pixel]
    assert sitting.page.get_by_text("(an image that cannot be shown)").count() == 3
    assert sitting.page.evaluate("window.hit") is None


def test_the_words_that_differ_are_marked_on_demand(sit):
    sitting = sit(task(R.Preference("better"), outputs=2, diff=True), {"a": [LEAD], "b": [OTHER]})
    shown = set(sitting.page.locator("mark").all_inner_texts())
    assert {"voted", "decided"} <= shown
    ground = "getComputedStyle(document.querySelector('mark')).textDecorationLine"
    assert sitting.page.evaluate(ground) == "underline"
    sitting.press("d")
    assert sitting.page.evaluate(ground) == "none"


# ---------------------------------------------------------------- the functions without a page


@pytest.fixture
def module(sit):
    return likert(sit).page


def test_a_difference_gives_back_both_texts(module):
    pairs = [
        ["", ""], ["a", ""], ["", "b c"], [LEAD, OTHER], ["a a b", "a b b"], ["\u6771\u4eac\u306f", "\u4eac\u90fd\u306f"],
        ["x\n\ny", "x y"], ["\U0001f600 a", "\U0001f601 a"], ["e\u0301a b", "ea b"],
    ]  # fmt: skip
    for one, two in pairs:
        steps = module.evaluate("([one, two]) => rating.wordDiff(one, two)", [one, two])
        assert "".join(words for how, words in steps if how != "more") == one
        assert "".join(words for how, words in steps if how != "less") == two
    assert module.evaluate("rating.wordDiff('a b c d', 'a x c d')") == [
        ["same", "a "], ["less", "b"], ["more", "x"], ["same", " c d"],
    ]  # fmt: skip
    assert module.evaluate("rating.wordDiff('a '.repeat(3000), 'b '.repeat(3000))") is None
    assert (
        module.evaluate("rating.wordDiff('a '.repeat(90000), 'a '.repeat(90000) + 'b').length") == 2
    )


@pytest.mark.parametrize(
    "text", ["", "abc", "a\U0001f600b", f"{FAMILY}x{FAMILY}", "e\u0301\U00020bb7"]
)
def test_places_in_units_and_in_points_are_those_of_python(module, text):
    for points in range(len(text) + 1):
        units = len(text[:points].encode("utf-16-le")) // 2
        assert module.evaluate("([text, at]) => rating.toUnits(text, at)", [text, points]) == units
        assert module.evaluate("([text, at]) => rating.toPoints(text, at)", [text, units]) == points


def test_what_commands_becomes_visible_and_keeps_its_length(module, hostiles):
    for text in hostiles.values():
        shown = module.evaluate("(text) => rating.visible(text)", text)
        assert len(shown.encode("utf-16-le")) == len(text.encode("utf-16-le"))
        assert not re.search(
            "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown
        )
    for kept in (
        FAMILY,
        "\U0001f3f4\U000e0067\U000e0062\U000e007f",
        "\u0646\u200c\u0645",
        "a\r\nb\tc",
    ):
        assert module.evaluate("(text) => rating.visible(text)", kept) == kept


def test_ranks_become_dense(module):
    assert module.evaluate("rating.dense({ A: 4, B: 2, C: 4 })") == {"A": 2, "B": 1, "C": 2}


def test_pieces_are_cut_at_every_end(module):
    found = module.evaluate("rating.pieces(10, [{ start: 2, end: 6 }, { start: 4, end: 10 }])")
    assert [(each["start"], each["end"], each["covering"]) for each in found] == [
        (0, 2, []), (2, 4, [0]), (4, 6, [0, 1]), (6, 10, [1]),
    ]  # fmt: skip


def test_acts_in_any_order_add_up_to_the_same(module):
    assert (
        module.evaluate(
            """() => {
          const act = (op_id, n, value, more = {}) => ({ op_id, n, kind: "answer", item: "i", question: "q", target: "A", value, ...more });
          const acts = [act("a", 1, 1), act("b", 2, 2), act("c", 3, 3), act("d", 4, 0, { kind: "undo", undoes: "c" }), act("e", 2, 5, { target: "B" })];
          const orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 2, 1], [2, 3, 1, 4, 0]];
          return orders.map((order) => {
            let state = rating.initial("v", 1000);
            const before = JSON.stringify(state);
            const first = state;
            for (const at of order) state = rating.reduce(state, { type: "act", act: acts[at], now: 1 });
            if (JSON.stringify(first) !== before) throw new Error("a state was changed");
            return [...rating.current(state).values()].map((each) => each.op_id).sort().join() + state.n;
          });
        }"""
        )
        == ["b,e4"] * 4
    )
