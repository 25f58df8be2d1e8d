"""Whole sessions in a real JupyterLab, on the served page and in Voila: blind, by keyboard, for all."""

import hashlib
import json
import math
import re
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import workbench as wb
from workbench.ratings.assignment import order

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots"
Server = runpy.run_path(str(ROOT / "tests" / "serving" / "server.py"))["Server"]
OF_JUPYTERLAB = runpy.run_path(str(ROOT / "tests" / "browser" / "conftest.py"))["OF_JUPYTERLAB"]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
PANEL = ".workbench-rating"
R = wb.ratings

# ------------------------------------------------------------------------------ a place to rate


class Place:
    """A page with a panel on it, and everything that went in and out of it."""

    def __init__(self, chromium, url, panel=PANEL, **options):
        self.context = chromium.new_context(**options)
        # all that is ever put into storage: what is saved is taken out again at once
        self.context.add_init_script(
            "window.kept = []; const put = Storage.prototype.setItem;"
            "Storage.prototype.setItem = function (name, value) {"
            " kept.push(name + ' ' + value); return put.call(this, name, value); };"
        )
        self.page = self.context.new_page()
        self.frames, self.asked, self.console, self.errors = [], [], [], []
        self.page.on("websocket", self._socket)
        self.page.on("request", self._request)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self._wrong(str(error)))
        self.page.goto(url)
        self.panel = self.page.locator(panel)

    def _socket(self, socket):
        self.asked.append(socket.url)
        for event in ("framesent", "framereceived"):
            socket.on(event, lambda data: self.frames.append(text_of(data)))

    def _request(self, request):
        self.asked.append(f"{request.url} {text_of(request.post_data_buffer or b'')}")

    def _said(self, said):
        self.console.append(said.text)
        if said.type == "error":
            self._wrong(said.text)

    def _wrong(self, said):
        if not any(each in said for each in OF_JUPYTERLAB):
            self.errors.append(said)

    def enter(self, part=""):
        """Go into the panel, or a part of it, as people without a mouse do."""
        expect(self.panel.locator(".wr-item :is(h1, h2, h3)").first).to_be_visible(timeout=60_000)
        for _ in range(80):
            if self.page.evaluate(
                "where => document.activeElement.closest(where)", f"{PANEL} {part}"
            ):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError("the panel cannot be reached by Tab")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def heading(self, text):
        expect(self.panel.locator(".wr-item > :is(h2, h3)")).to_have_text(text, timeout=20_000)

    def saved(self, n):
        expect(self.panel.locator(".wr-saved")).to_have_text(f"saved {n} of {n}", timeout=20_000)

    def texts(self):
        """Return the outputs that are shown, by letter."""
        return self.panel.evaluate(
            """panel => Object.fromEntries([...panel.querySelectorAll("[aria-label^='Output'].wr-card")]
              .map((each) => [each.ariaLabel.slice(7) || "A", each.querySelector(".wr-text").textContent]))"""
        )

    def axe(self, context=None):
        found = Axe().run(self.page, context=context).response
        assert "color-contrast" in {each["id"] for each in found["passes"]}
        return [
            (each["id"], [n["html"][:300] for n in each["nodes"]]) for each in found["violations"]
        ]

    def screenshot(self, name, part=None):
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"rating-{name}.png"
        part.screenshot(path=path) if part else self.page.screenshot(path=path, full_page=True)


def text_of(data):
    return data if isinstance(data, str) else bytes(data).decode("utf-8", "replace")


@pytest.fixture
def place(chromium):
    """Open a place in a context of its own."""
    opened = []

    def made(url, *more, **options):
        opened.append(Place(chromium, url, *more, **options))
        return opened[-1]

    yield made
    for each in opened:
        each.context.close()


def notebook(folder, name, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    return f"{name}.ipynb"


def menu(page, *names):
    """Choose from the menu of JupyterLab."""
    for at, name in enumerate(names):
        labels = page.locator(".lm-Menu-itemLabel" if at else ".lm-MenuBar-itemLabel")
        labels.filter(has_text=re.compile(f"^{name}$")).last.click()


def run_all(place, n_cells):
    """Run a notebook in JupyterLab; a kernel that is just starting takes no orders."""
    prompts = place.page.locator(".jp-CodeCell .jp-InputPrompt")
    prompts.first.wait_for(timeout=60_000)
    status = place.page.locator("#jp-main-statusbar")
    expect(status).to_contain_text(re.compile(r"Python[^|]*\| Idle"), timeout=120_000)
    for _ in range(4):
        menu(place.page, "Run", "Run All Cells")
        try:
            expect(prompts.first).not_to_have_text("[ ]:", timeout=8_000)
        except AssertionError:
            continue
        break
    expect(prompts.nth(n_cells - 1)).to_have_text(re.compile(r"\[\d+\]:"), timeout=120_000)


def cells(place):
    """Return what the cells say: their prompts and their code."""
    return place.page.locator(".jp-Cell").evaluate_all(
        """all => all.map((each) => each.querySelector(".jp-InputPrompt").textContent
          + each.querySelector(".cm-content").textContent)"""
    )


# ---------------------------------------------------------------------------------- blindness

CANARY = "canary"
N_ROWS = 22
SEED = 20


def secret(system, row):
    """Make a text that does not say whose it is."""
    return f"Words {hashlib.sha256(f'{system} {row}'.encode()).hexdigest()[:12]}."


def blind_items():
    """Return pairs of three systems in which everything that may not be told is a canary."""
    names = [f"{CANARY}-row-{at}" for at in range(N_ROWS)]
    rows = wb.read([{"row_id": name, "input": f"Question {at}"} for at, name in enumerate(names)])
    outputs = wb.outputs(
        rows,
        pd.DataFrame(
            {
                "output_id": f"{CANARY}-output-{system}-{row}",
                "row_id": row,
                "system": f"{CANARY}-system-{system}",
                "text": secret(system, row),
                "model": f"{CANARY}-model-{system}",
                "prompt": f"{CANARY}-prompt-{system}",
            }
            for system in ("one", "two", "three")
            for row in names
        ),
    )
    task = R.Task("quality", [R.Preference("better")], instructions="*Read.*", outputs=2, diff=True)
    items = R.items(outputs, rows, task, raters=["ana"], seed=SEED)
    # no trajectory stands behind two systems at once; what the journal holds of one is secret too
    runs = [replace(each, run_id=f"{CANARY}-run-{at}") for at, each in enumerate(items.items)]
    return replace(items, items=tuple(runs))


@pytest.fixture(scope="module")
def blind():
    items = blind_items()
    assert len(items) >= 60
    return items


LOOK = """word => {
  const places = {
    page: document.documentElement.outerHTML,
    boxes: [...document.querySelectorAll("input, textarea, select")].map((each) => each.value).join("\\n"),
    storage: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]) + kept.join("\\n"),
    address: [document.title, location.href, document.cookie, JSON.stringify(history.state), window.name].join("\\n"),
  };
  return Object.entries(places).flatMap(([name, text]) => {
    const at = text.toLowerCase().indexOf(word);
    return at < 0 ? [] : [`${name}: ${text.slice(Math.max(0, at - 60), at + 60)}`];
  });
}"""


def told(place, word=CANARY):
    """Return where a word can be read now: in the page, its storage, its address."""
    return [found for frame in place.page.frames for found in frame.evaluate(LOOK, word)]


def traffic(place, word=CANARY):
    """Return where a word went over the wire or into the console."""
    everything = {"frame": place.frames, "asked": place.asked, "console": place.console}
    return [
        f"{name}: {text[max(0, at - 60) : at + 60]}"
        for name, texts in everything.items()
        for text in texts
        if (at := text.lower().find(word)) >= 0
    ]


def work_blind(place, n_items):
    """Rate to the end by keyboard; return what each item showed. One is skipped, one commented on."""
    shown, n_acts = [], 0
    place.enter()
    for at in range(n_items):
        place.heading(f"Item {at + 1} of {n_items}")
        expect(place.panel.locator("input[type=radio]").first).to_be_attached()
        shown.append(place.texts())
        assert told(place) == []
        if at == 5:
            place.press("s", "1")
            n_acts += 1
        else:
            place.press("abt"[at % 3])
            n_acts += 1
            if at == 6:
                place.press("u", "b", "c", *"Both say so", "Escape", "Escape")
                n_acts += 3
            place.saved(n_acts)
            assert told(place) == []
            place.press("Enter")
    place.heading("Thank you")
    place.saved(n_acts)
    assert told(place) == []
    return shown


def assert_blind_and_replayed(place, shown, journal):
    """Hold what was seen and told against the journal that knows everything."""
    study = R.Study(journal)
    mine = study.items_of("ana")
    sides, n_stored = [], 0
    for item_id, texts in zip(mine, shown, strict=True):
        item = study.state.items[item_id]
        replayed = [item.outputs[at] for at in order(SEED, "ana", item)]
        assert list(texts.values()) == [each.text for each in replayed]
        assert list(texts) == ["A", "B"]
        sides.append(replayed[0] is item.outputs[0])
        stored = [event.body["order"] for event in answers_of(journal, item_id)]
        assert stored == [[each.output_id for each in replayed]] * len(stored)
        n_stored += bool(stored)
    assert n_stored == len(mine) - 1 >= 60  # one was skipped
    low, high = band(len(sides))
    assert low <= sum(sides) <= high
    assert traffic(place) == []
    # the search finds what there is
    word = shown[0]["A"].lower()
    assert any(each.startswith("frame") for each in traffic(place, word))
    assert any(each.startswith("storage") for each in told(place, "visible_s"))
    assert any(each.startswith("page") for each in told(place, "thank you"))
    secrets = json.dumps([item.to_dict() for item in study.state.items.values()])
    for kind in ("system", "output", "run", "row"):
        assert f"{CANARY}-{kind}" in secrets
    assert place.errors == []


def answers_of(journal, item_id):
    return [each for each in journal.events(kinds=["answer"]) if each.item_id == item_id]


def band(n):
    """Return the counts between which a fair coin falls in 99 % of cases, by its binomial."""
    chances = [math.comb(n, k) / 2**n for k in range(n + 1)]
    low = next(k for k in range(n + 1) if sum(chances[: k + 1]) > 0.005)
    return low, n - low


def begun(folder, name, items):
    with R.Journal.open(folder / f"{name}.sqlite") as journal:
        R.Study.start(journal, items)
    return folder / f"{name}.sqlite"


BLIND_CELLS = ("import workbench as wb", 'wb.rate(rater="ana", journal="blind.sqlite")')


def test_a_session_in_jupyterlab_tells_nobody_whose_the_outputs_are(lab, place, blind):
    file = begun(lab.folder, "blind", blind)
    name = notebook(lab.folder, "blind", *BLIND_CELLS)
    lab.setting("@jupyter-widgets/jupyterlab-manager:plugin", {"saveState": True})
    with lab.session(name) as url:
        here = place(url, viewport={"width": 1400, "height": 1000})
        run_all(here, 2)
        shown = work_blind(here, len(blind))
        with here.page.expect_response(
            lambda answer: answer.request.method == "PUT" and name in answer.url
        ):
            menu(here.page, "File", "Save Notebook")
        stored = (lab.folder / name).read_text(encoding="utf-8")
        # what is saved of the panel, its state too, says how far the rater is and no more
        assert "of 66 items rated by ana" in stored
        assert "application/vnd.jupyter.widget-state+json" in stored
        assert CANARY not in stored.lower()
        with R.Journal.open(file) as journal:
            assert_blind_and_replayed(here, shown, journal)


def test_a_session_on_the_served_page_tells_nobody_whose_the_outputs_are(tmp_path, place, blind):
    records = [item.to_dict() for item in blind.items]
    with Server(
        tmp_path, raters=("ana",), items=records, task=blind.task, more=("--seed", str(SEED))
    ) as server:
        here = place(server.link("ana"))
        shown = work_blind(here, len(blind))
        with R.Journal.open(server.place) as journal:
            assert_blind_and_replayed(here, shown, journal)


def test_a_session_in_voila_tells_nobody_whose_the_outputs_are(voila, place, blind):
    file = begun(voila.folder, "blind", blind)
    here = place(voila.page(notebook(voila.folder, "blind", *BLIND_CELLS)))
    shown = work_blind(here, len(blind))
    with R.Journal.open(file) as journal:
        assert_blind_and_replayed(here, shown, journal)


# ----------------------------------------------------------------------- every kind of question

SOURCE = (
    "Der Stadtrat hat am Dienstag beschlossen, die alte Brücke über die Elbe für ein Jahr zu "
    "sperren. Die Sanierung kostet 4,2 Millionen Euro; Fußgänger dürfen sie weiter benutzen."
)
FIRST = (
    "The city council decided on Tuesday to close the old bridge across the Elbe for a year. The "
    "repairs cost 4.2 million euros; pedestrians may still use it."
)
SECOND = (
    "On Tuesday the town council has decided to block the old bridge over the Elbe for one year. "
    "The renovation costs 42 million euros, pedestrians may go on to use it."
)
THIRD = "The bridge is closed for repairs, which cost 4.2 million euros."

TEXTS = [FIRST, SECOND, THIRD]


def task(*questions, title="Translations of the news", **more):
    instructions = (
        "Read the **source** first.\n\n- Judge what it *says*, then how it reads.\n"
        "- Length does not matter."
    )
    return R.Task("quality", questions, title=title, **{"instructions": instructions} | more)


# By kind: the task, the keys that answer an item (words in angle brackets are typed), its answer.
KINDS = {
    "scale": (
        task(
            R.Scale(
                "fluency",
                1,
                5,
                text="How well does it read?",
                labels={1: "unreadable", 3: "with effort", 5: "flawless"},
                help="Do not look at the source for this one.",
            ),
            R.Scale("adequacy", 0, 10, text="How much of the source does it say?"),
            reference=True,
        ),
        ["4", "7"],
        {"fluency A": 4, "adequacy A": 7},
    ),
    "slider": (
        task(R.Scale("quality", 0, 100, text="How good is it?", labels={0: "useless", 50: "of some use", 100: "perfect"})),
        ["End", "ArrowLeft", "ArrowLeft"],
        {"quality A": 98},
    ),
    "esa": (
        R.Task.esa("quality"),
        # Enter goes on to what is still open
        ["0", "Enter", "6", "7"],
        {"errors A": [], "score A": 67},
    ),
    "preference": (
        task(R.Preference("better", text="Which is better?", strength=3, both_bad=True), outputs=2, diff=True),
        ["b", "2"],
        {"better": {"choice": "B", "strength": 2}},
    ),
    "ranking": (
        task(R.Ranking("order", text="Which is better than which?"), outputs=3, diff=True),
        ["3", "1", "3"],
        {"order": {"A": 2, "B": 1, "C": 2}},
    ),
    "best-worst": (
        task(R.BestWorst("ends", text="Which is the best, and which the worst?"), outputs=3),
        ["2", "1"],
        {"ends": {"best": "B", "worst": "A"}},
    ),
    "labels": (
        task(
            R.Labels("flags", ["rude", "wrong number", "off topic", "copied from the source"], text="What is wrong with it?")
        ),
        ["3", "1", "2", "2"],
        {"flags A": ["rude", "off topic"]},
    ),
    "one label": (
        task(R.Labels("language", ["German", "English", "a mixture"], text="Which language is it?", several=False)),
        ["2"],
        {"language A": "English"},
    ),
    "spans": (
        task(
            R.Spans("errors", ["grammar", "meaning", "style"], text="Mark every error.", sides=("source", "output"))
        ),
        [*["Shift+ArrowRight"] * 3, "2", "v", *["Shift+Control+ArrowRight"] * 2, "3", "o"],
        {
            "errors A": [
                {"side": "output", "start": 0, "end": 0, "category": "style", "severity": "major", "whole": True},
                {"side": "output", "start": 0, "end": 3, "category": "meaning", "severity": "minor"},
                {"side": "output", "start": 3, "end": 16, "category": "style", "severity": "major"},
            ]
        },
    ),
    "mqm": (
        R.Task.mqm("quality"),
        [*["Shift+ArrowRight"] * 3, "v", "Enter", "<Fluency/Sp>", "Enter"],
        {"errors A": [{"side": "output", "start": 0, "end": 3, "category": "Fluency/Spelling", "severity": "minor"}]},
    ),
    "text": (
        task(
            R.Text("critique", text="What would you say to its author?"),
            R.Correction("corrected", text="Make it right.", required=False),
        ),
        ["<Too 5 long.>", "Tab", "Control+Home", "<X >"],
        {"critique A": "Too 5 long.", "corrected A": "X {A}"},
    ),
    "mixed": (
        task(
            R.Scale("fluency", 1, 5, text="How well does it read?"),
            R.Labels("flags", ["rude", "wrong"], text="What is wrong with it?"),
            R.Preference("better", text="Which is better?", strength=2),
            R.Text("why", text="Why?", required=False),
            outputs=2,
        ),
        ["4", "1", *["Tab"] * 3, "<So.>", "Control+Enter", "2", "2", "1", "Enter", "a", "1"],
        {"fluency A": 4, "flags A": ["rude"], "fluency B": 2, "flags B": ["rude", "wrong"],
         "better": {"choice": "A", "strength": 1}, "why A": "So."},
    ),
}  # fmt: skip
N_ITEMS = 2


def items_of(kind, raters=("ana",)):
    asked = KINDS[kind][0]
    rows = wb.read(
        [{"row_id": f"r{at}", "input": SOURCE, "references": [FIRST]} for at in range(N_ITEMS)]
    )
    texts = {f"s{at}": [TEXTS[at]] * N_ITEMS for at in range(asked.outputs)}
    outputs = wb.outputs(rows, texts)
    return R.items(outputs, rows, asked, raters=list(raters), overlap=len(raters), seed=1)


def expected(kind, texts):
    """Return the answer to an item, by question and target."""
    answer = KINDS[kind][2]
    return {
        name: value.replace("{A}", texts.get("A", "")) if isinstance(value, str) else value
        for name, value in answer.items()
    }


def do(place, keys):
    """Press keys, and type the words in angle brackets."""
    for key in keys:
        if key.startswith("<"):
            place.page.keyboard.type(key[1:-1])
        else:
            place.press(key)


def finish(place, kind):
    """Rate to the thank-you by keyboard alone; return what each item showed."""
    keys, shown = KINDS[kind][1], []
    place.enter("[aria-label^='Output:']" if kind in ("spans", "mqm") else ".wr-item")
    for at in range(N_ITEMS):
        place.heading(f"Item {at + 1} of {N_ITEMS}")
        place.panel.locator("fieldset").first.wait_for()
        shown.append(place.texts())
        do(place, keys)
        place.press("Control+Enter" if kind == "text" else "Enter")
    place.heading("Thank you")
    expect(place.panel.locator(".wr-total")).to_have_text(re.compile(r"^saved (\d+) of \1$"))
    assert place.panel.evaluate("panel => panel.contains(document.activeElement)")
    return shown


def assert_stored(journal, kind, shown):
    """Hold the journal against what was pressed."""
    study = R.Study(journal)
    session = R.Session(study, "ana")
    answers = [
        {
            f"{asked.question} {asked.target}".strip(): event.body["value"]
            for asked, event in session.desk.answered(item)
        }
        for item in session.items
    ]
    assert answers == [expected(kind, texts) for texts in shown]
    assert session.progress() == (N_ITEMS, N_ITEMS)


# ------------------------------------------------------------------------- on the served page


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    """Serve a task to Ana, who finishes it, and to Ben, who looks at it."""
    items = items_of(request.param, ("ana", "ben"))
    records = [item.to_dict() for item in items.items]
    with Server(
        tmp_path_factory.mktemp("page"),
        raters=("ana", "ben"),
        items=records,
        task=items.task,
        overlap=2,
    ) as running:
        running.kind = request.param
        yield running


every_kind_served = pytest.mark.parametrize("server", KINDS, indirect=True)


@every_kind_served
def test_every_task_is_finished_by_keyboard_alone_on_the_served_page(server, place):
    here = place(server.link("ana"))
    shown = finish(here, server.kind)
    with R.Journal.open(server.place) as journal:
        assert_stored(journal, server.kind, shown)
    assert here.errors == []


@every_kind_served
def test_every_task_is_for_everybody_on_the_served_page(server, place):
    here = place(server.link("ben"), viewport={"width": 1400, "height": 900})
    here.enter()
    do(here, KINDS[server.kind][1])
    for scheme in THEMES:
        here.page.emulate_media(color_scheme=scheme)
        for width in (360, 900, 1400, 1920):
            here.page.set_viewport_size({"width": width, "height": 900})
            assert overflow(here) == []
            if width in (360, 1400):
                assert here.axe() == []
                here.screenshot(f"page-{server.kind.replace(' ', '-')}-{scheme}-{width}")
    assert here.errors == []


def overflow(place):
    """Return what is wider than the page, or than the panel in JupyterLab."""
    return place.panel.evaluate(
        """panel => {
          const wide = panel.getBoundingClientRect().right + 0.5;
          const root = document.documentElement;
          const parts = [...panel.querySelectorAll("*")].filter((each) => {
            const box = each.getBoundingClientRect();
            return box.width > 1 && box.right > wide && !each.closest("pre, dialog:not([open])");
          });
          const scrolled = root.scrollWidth > root.clientWidth ? ["the page scrolls sideways"] : [];
          return [...scrolled, ...parts.map((each) => each.outerHTML.slice(0, 200))];
        }"""
    )


# --------------------------------------------------------------------------------- in JupyterLab


@pytest.fixture(scope="module")
def desk(lab, chromium):
    """A notebook with a panel for every task, run in JupyterLab."""
    sources = ["import workbench as wb"]
    for kind in KINDS:
        begun(lab.folder, f"kind-{kind}", items_of(kind))
        sources.append(f'wb.rate(rater="ana", journal="kind-{kind}.sqlite")')
    lab.setting("@jupyterlab/apputils-extension:themes", {"theme": THEMES["light"]})
    with lab.session(notebook(lab.folder, "kinds", *sources)) as url:
        place = Place(chromium, url, viewport={"width": 1400, "height": 1300})
        run_all(place, len(sources))
        yield place
        place.context.close()


def panel_of(desk, kind):
    """Go to the cell of a task."""
    cell = desk.page.locator(".jp-Cell").nth(1 + list(KINDS).index(kind))
    desk.panel = cell.locator(PANEL)
    desk.panel.wait_for(timeout=60_000)
    # a mouse may choose the cell; the panel itself is left to the keys
    cell.locator(".jp-InputPrompt").click()
    return desk


# what cuts, deletes, adds, changes and runs cells everywhere else in JupyterLab
STRAY = (*"zmyrdd", "Shift+m", "Shift+Enter")


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_is_finished_by_keyboard_alone_in_jupyterlab(lab, desk, kind):
    here = panel_of(desk, kind)
    before = cells(here)
    here.enter()
    here.press(*STRAY)
    shown = finish(here, kind)
    with R.Journal.open(lab.folder / f"kind-{kind}.sqlite") as journal:
        assert_stored(journal, kind, shown)
    here.press(*STRAY, *"abxvii00", "Alt+Enter", "Control+s", "Escape")
    here.page.wait_for_timeout(100)
    assert cells(here) == before
    assert here.page.locator(".jp-Dialog").count() == 0
    assert here.errors == []


@pytest.mark.parametrize(("theme", "kind"), [(each, kind) for each in THEMES for kind in KINDS])
def test_every_task_is_for_everybody_in_jupyterlab(desk, theme, kind):
    if desk.page.evaluate("document.body.dataset.jpThemeName") != THEMES[theme]:
        menu(desk.page, "Settings", "Theme", THEMES[theme])
        desk.page.locator(f"body[data-jp-theme-name='{THEMES[theme]}']").wait_for(state="attached")
    here = panel_of(desk, kind)
    here.enter()
    if here.panel.get_by_role("heading", name="Thank you").count():
        here.press("Backspace")
    here.panel.locator("fieldset").first.wait_for()
    here.panel.evaluate("panel => { panel.id = 'looked-at'; panel.scrollIntoView(); }")
    assert here.axe("#looked-at") == []
    assert overflow(here) == []
    here.panel.evaluate("panel => { panel.removeAttribute('id'); }")
    here.screenshot(f"lab-{kind.replace(' ', '-')}-{theme}", here.panel)
    assert here.errors == []


def test_panels_of_one_notebook_share_no_group_of_buttons(desk):
    names = desk.page.locator(PANEL).evaluate_all(
        """panels => panels.map((panel) =>
          [...new Set([...panel.querySelectorAll("input[type=radio]")].map((each) => each.name))])"""
    )
    every = [name for each in names for name in each]
    assert len(set(every)) == len(every) > 0


# ------------------------------------------------------------------------------ in Voila


@pytest.mark.parametrize("theme", THEMES)
def test_the_page_for_raters_is_a_page_in_voila(voila, place, theme):
    """The notebook that ships for raters, copied with the session that it opens."""
    name, data = "06_rate_as_a_rater.ipynb", "datasets/news-summaries/ratings"
    shutil.copytree(ROOT / data, voila.folder / data, dirs_exist_ok=True)
    (voila.folder / "notebooks").mkdir(exist_ok=True)
    shutil.copy(ROOT / "notebooks" / name, voila.folder / "notebooks" / name)
    here = place(voila.page(f"notebooks/{name}", theme), viewport={"width": 1400, "height": 900})
    here.heading("Thank you")
    expect(here.panel.locator(".wr-saved")).to_have_text(re.compile(r"^saved (\d+) of \1$"))
    here.enter()
    here.press("Backspace")
    expect(here.panel.locator("input[type=radio]:checked").first).to_be_attached()
    here.panel.evaluate("panel => { panel.id = 'looked-at'; }")
    assert here.axe("#looked-at") == []
    assert overflow(here) == []
    here.screenshot(f"voila-{theme}")
    assert here.errors == []
