"""The trajectory inspector in a real browser: alone before real pages, as a file, and in JupyterLab."""

import json
import runpy
from pathlib import Path

import nbformat
import pytest

from workbench import trajectories
from workbench.trajectories import Runs, Step
from workbench.trajectories.model import Part
from workbench.widgets.inspector import inspect

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
a_run, assert_accessible, at, called, long_run, said = (
    SHARED[name] for name in ("a_run", "assert_accessible", "at", "called", "long_run", "said")
)


# --------------------------------------------------------------------------------- many steps


def test_a_hundred_thousand_steps_are_some_rows_in_the_page(read):
    reading = read(long_run(100_000), viewport={"width": 1600, "height": 2_000})
    reading.at(0)
    reading.page.locator(".wi-steps").focus()
    for key, step in (("End", 99_999), ("k", 99_998), ("Home", 0), ("PageDown", None)):
        reading.press(key)
        if step is not None:
            reading.at(step)
        reading.page.wait_for_timeout(150)
        assert 10 < reading.page.locator(".wi-steps .wi-row").count() <= 60
    waits = reading.page.evaluate(
        """async () => {
          const list = document.querySelector(".wi-steps"), waits = [];
          for (let at = 0; at < 40; at++) {
            list.scrollTop = ((at * 7919) % 100000) * 28;
            const since = performance.now();
            await new Promise((done) => { const look = () => {
              const top = list.getBoundingClientRect(), row = document.elementFromPoint(top.x + 90, top.y + 100)?.closest(".wi-row");
              const shown = row && Math.abs(row.dataset.at - list.scrollTop / 28) < 10 && row.querySelector(".wi-kind");
              shown ? done() : requestAnimationFrame(look);
            }; look(); });
            waits.push(performance.now() - since);
          }
          return waits.sort((a, b) => a - b);
        }"""
    )
    assert waits[20] < 200, waits
    assert reading.page.locator(".wi-steps .wi-row").count() <= 60


def test_a_step_is_shown_before_its_run_is_read_and_joined_afterwards(read, root):
    made = runpy.run_path(str(root / "tests" / "bench" / "otlp_files.py"))
    reading = read(trajectories.read(made["otlp_file"](3, n_spans=300)))
    page = reading.page
    reading.at(0)
    page.evaluate("tell({ type: 'show', opening: [2, 7] })")
    reading.at(7)
    page.locator(".wi-raw summary").click()
    page.locator(".wi-links", has_text="inside step 1").wait_for()
    page.get_by_text("asked for by step").or_(page.get_by_text("answered by step")).wait_for()
    assert page.locator(".wi-raw[open]").count() == 1
    asked = [each["type"] for each in page.evaluate("traffic") if each.get("run") == 2]
    first, last = asked.index("step"), len(asked) - 1 - asked[::-1].index("step")
    assert first < asked.index("folds") < asked.index("marks") < last
    assert asked.count("rows") == 2


def test_keys_go_to_errors_tools_and_what_was_found(read):
    reading = read(long_run(10_000))
    reading.at(0)
    reading.press("n")
    reading.at(1_001)
    reading.press("n")
    reading.at(4_004)
    reading.press("N")
    reading.at(1_001)
    reading.press("t")
    reading.at(1_004)
    reading.press("T")
    reading.at(1_001)
    reading.press("T")
    reading.at(998)
    reading.press("/")
    reading.page.keyboard.type("NUMBER 99")
    n = sum("number 99" in f"number {at}." for at in range(10_000) if at % 3 != 2)
    reading.page.wait_for_function(
        f"document.querySelector('.wi-found').textContent === '{n} in this run, {n} in 1 run'"
    )
    reading.press("Enter")
    reading.at(999)
    reading.press("Shift+Enter")
    reading.at(997)
    reading.press("Escape", "?")
    reading.page.get_by_text("search; Enter").wait_for()
    reading.press("Escape")
    assert not reading.page.locator(".wi-help").is_visible()


def test_a_suspect_is_two_keys_away(read):
    wanted = Step("wb.input", "", [Part("in", "user", "text", "Book flight BA1234 for me.")])
    wrong = called('{"seats": 3}', status="ok")
    wrong.parts[0].arguments = {"flight": "BA1243"}
    wrong.parts[0].text = '{"flight": "BA1243"}'
    runs = Runs.of([a_run(said("Hi"), outcome=1.0), a_run(wanted, wrong, name="b", outcome=0.0)])
    reading = read(runs)
    reading.at(0)
    reading.press("s")
    reading.page.get_by_text("This run succeeded: there is nothing to suspect.").wait_for()
    reading.page.locator(".wi-runs").focus()
    reading.press("j", "s")
    reading.at(1)
    reading.page.locator(".wi-status", has_text="Suspect 1 of").wait_for()


def test_runs_are_filtered_and_sorted(read):
    runs = Runs.of(
        [
            a_run(*[said("x")] * (at + 1), name=f"r{at}", task_id=str(at), outcome=float(at % 2))
            for at in range(250)
        ]
    )
    reading = read(runs)
    reading.page.get_by_text("250 of 250", exact=True).wait_for()
    reading.page.get_by_label("Runs sorted by").select_option("steps")
    assert reading.page.locator(".wi-run-name").first.inner_text() == "task 249"
    reading.page.locator(".wi-filters summary").click()
    reading.page.get_by_role("button", name="failed 125", exact=True).click()
    reading.page.get_by_text("125 of 250", exact=True).wait_for()
    reading.page.get_by_label("Filter runs").fill("r24")
    reading.page.get_by_text("6 of 250", exact=True).wait_for()
    reading.page.locator(".wi-runs .wi-row").first.click()
    assert reading.page.locator(".wi-link").inner_text() == 'runs["r248"].step(0)'


def test_a_busy_kernel_is_said_and_what_was_fetched_can_be_read(read):
    reading = read(long_run(1_000))
    reading.at(0)
    reading.page.evaluate("window.busy = true")
    reading.page.locator(".wi-steps").focus()
    reading.press("j")
    reading.page.get_by_text("The kernel is busy").wait_for()
    assert "number 1." in reading.page.locator(".wi-row[aria-selected=true]").last.inner_text()
    reading.page.evaluate("answer()")
    reading.at(1)
    reading.page.get_by_text("The kernel is busy").wait_for(state="hidden")


# ----------------------------------------------------------------------- what others wrote


def test_hostile_texts_are_inert(read, hostiles):
    kept = {name: text for name, text in hostiles.items() if "\ud83d" not in text}
    steps = [
        called(text, json.dumps({text[:2_000]: [text[:2_000]]}), error_message=text, status="error")
        for text in kept.values()
        if "\udcff" not in text
    ]
    reading = read(a_run(*steps))
    for step in range(len(steps)):
        detail = reading.at(step)
        assert detail.locator(".wi-part").count() == 2
        reading.press("j")
    assert reading.page.evaluate("window.hit") is None
    assert reading.page.title() == "Trajectories"
    assert (
        reading.page.locator(
            "main :is(script, iframe, form, style, link, meta, svg, a, img)"
        ).count()
        == 0
    )
    shown = reading.page.evaluate("document.body.textContent")
    assert not any(mark in shown for mark in "\u202e\u2066\x1b\x00")


def test_a_line_of_5_mb_and_100_000_levels_do_not_freeze_the_page(read):
    deep = "[" * 100_000 + "]" * 100_000
    reading = read(a_run(said("start"), said("x" * 5_000_000), called(deep)))
    reading.at(0)
    reading.page.evaluate(
        """() => { window.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration))).observe({ type: "longtask" }); }"""
    )
    reading.press("j")
    detail = reading.at(1)
    detail.get_by_role("button", name="Load more (4,995,904 of 5,000,000 characters left)").click()
    detail.get_by_role(
        "button", name="Load more (4,955,904 of 5,000,000 characters left)"
    ).wait_for()
    reading.press("j")
    detail = reading.at(2)
    for _ in range(5):
        button = detail.get_by_role("button", name="Load more")
        before = button.inner_text()
        button.click()
        reading.page.wait_for_function(
            "before => ![...document.querySelectorAll('.wi-detail button')].some((each) => each.textContent === before)",
            arg=before,
        )
    longest = max(reading.page.evaluate("tasks"), default=0)
    assert longest < 200


def test_json_is_a_tree_and_numbers_are_those_of_the_source(read):
    text = '{"id": 12345678901234567890, "price": 1.10, "list": [1, {"a": null}], "__proto__": {"x": 1}}'
    reading = read(a_run(called(text)))
    tree = reading.at(0).locator(".wi-tree").last
    shown = tree.inner_text()
    assert "id: 12345678901234567890" in shown
    assert "price: 1.10" in shown
    assert "__proto__" in shown
    many = read(a_run(called(json.dumps(list(range(350))))))
    tree = many.at(0).locator(".wi-tree").last
    tree.locator("summary").first.click()
    tree.get_by_role("button", name="Show more (250 left)").click()
    assert tree.locator(".wi-leaf").count() == 200


# ------------------------------------------------------------------------------- how it looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [900, 1600])
def test_everybody_can_use_it(read, scheme, width):
    run = long_run(300)
    run.steps[1].status = "error"
    reading = read(run, color_scheme=scheme, viewport={"width": width, "height": 900})
    reading.press("n", "?")
    reading.at(1)
    assert_accessible(reading.page)
    reading.press("t", "Enter")
    reading.at(2)
    reading.page.get_by_label("Search all steps").fill("number")
    reading.page.locator(".wi-row.wi-hit").first.wait_for()
    assert_accessible(reading.page)


def test_nothing_stays_when_it_is_taken_away(read):
    reading = read(long_run(10))
    reading.at(0)
    reading.page.evaluate("quit()")
    assert reading.page.locator(".workbench-inspector").count() == 0
    n = reading.page.evaluate("traffic.length")
    reading.press("j", "n")
    assert reading.page.evaluate("traffic.length") == n


# ---------------------------------------------------------------- the functions without a page


@pytest.fixture
def module(read):
    return read(long_run(3)).page


@pytest.mark.parametrize("n", [0, 1, 59, 100_000, 1_500_000])
def test_every_row_can_be_scrolled_to(module, n):
    seen = module.evaluate(
        """(n) => {
          const view = 700, last = n - 1;
          return [0, Math.floor(n / 3), last].filter((at) => at >= 0 && n).map((at) => {
            const top = inspector.topFor({ n, view, top: 0, at }), seen = inspector.windowOf({ n, view, top });
            const y = at * 28 + seen.shift - top;
            return { at, ...seen, top, inView: y >= -1 && y + 28 <= view + 1 };
          });
        }""",
        n,
    )
    for each in seen:
        assert each["from"] <= each["at"] < each["to"]
        assert each["to"] - each["from"] <= 60
        assert each["height"] <= 15_000_000
        assert each["inView"]


def test_the_pure_functions(module):
    assert module.evaluate("[inspector.nextPlace([2, 5, 9], 5), inspector.nextPlace([2, 5], 5), inspector.nextPlace([2, 5], 2, -1)]") == [9, 2, 5]  # fmt: skip
    assert module.evaluate("inspector.nextPlace([], 5) === undefined")
    assert module.evaluate("[inspector.depthOf('[[\"[[[\"],{}]'), inspector.depthOf('')]") == [2, 0]
    assert module.evaluate("['x', '[1', '3', '[NaN]'].map((each) => inspector.parsed(each) === undefined)") == [True] * 4  # fmt: skip
    link = module.evaluate("inspector.permalink({ id: 'a\"\\u202e\\\\\\ud83d\\ude00' }, 3, 17)")
    name = 'a"\u202e\\\U0001f600'
    seen = []
    runs = {name: type("R", (), {"step": lambda _, n: seen.append(n)})()}
    assert link.isascii()
    key = json.loads(link[len("runs[") : link.rindex("]")])
    runs[key].step(int(link[link.rindex("(") + 1 : -1]))
    assert seen == [17]
    assert module.evaluate("inspector.permalink({ id: 'x', long_id: true }, 3, 17)") == "runs[3].step(17)"  # fmt: skip


def test_a_state_is_never_changed(module):
    assert module.evaluate(
        """() => {
          const events = [
            { type: "runs", from: 0, runs: [{ id: "a", n_steps: 5, n_errors: 0 }], n_runs: 1 }, { type: "open", run: 0 }, { type: "go", at: 9 },
            { type: "query", query: "x" }, { type: "hits", run: 0, query: "x", hits: [1], more: false }, { type: "hits", run: 0, query: "old", hits: [2] },
            { type: "counts", query: "x", counts: [[0, 1, 1, 1, [1]]], more: false }, { type: "__proto__" }, { type: "constructor" },
          ];
          let state = inspector.initial();
          for (const event of events) {
            const before = JSON.stringify(state), next = inspector.reduce(state, event);
            if (JSON.stringify(state) !== before) return event.type;
            state = next;
          }
          return [state.at, state.hits, state.counts];
        }"""
    ) == [4, [1], {"0": {"n": 1, "first": 1, "last": 1, "some": [1]}}]


# ------------------------------------------------------------------------------------- a file


def test_a_file_opens_from_disk_and_asks_nobody_for_anything(visit, tmp_path, hostiles):
    texts = [text for text in hostiles.values() if text.isprintable() and len(text) < 5_000]
    runs = Runs.of([long_run(5_000), a_run(*map(called, texts), name="b"), a_run(name="c")])
    inspect(runs).to_html(tmp_path / "runs.html")
    seen = visit((tmp_path / "runs.html").as_uri())
    page = seen.page
    at(page, 0)
    page.keyboard.press("n")
    at(page, 1_001)
    page.keyboard.press("N")
    page.get_by_text("There is no error before this step.").wait_for()
    page.keyboard.press("End")
    at(page, 4_999)
    page.keyboard.press("/")
    page.keyboard.type("number 4998")
    page.get_by_text("1 in this run, 1 in 1 run").wait_for()
    page.keyboard.press("Enter")
    at(page, 4_998)
    page.locator(".wi-raw summary").click()
    page.locator(".wi-raw pre", has_text='"kind": "chat"').wait_for()
    page.locator(".wi-runs .wi-row").nth(1).click()
    page.keyboard.press("Enter")
    for step in range(len(texts)):
        at(page, step)
        page.keyboard.press("j")
    page.locator(".wi-runs .wi-row").nth(2).click()
    page.get_by_text("this run has none").wait_for()
    assert page.evaluate("window.hit") is None
    assert_accessible(page)
    assert (seen.console, seen.requests) == ([], [page.url.split("#")[0]])


# without it JupyterLab may ask which kernel is wanted
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
CODE = """\
import workbench as wb
from workbench.widgets.inspector import inspect
inspect(wb.trajectories.read("claims-agent"))
"""


def test_it_works_in_jupyterlab(visit, lab):
    cells = [nbformat.v4.new_code_cell(CODE)]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), lab.folder / "inspector.ipynb"
    )
    with lab.session("inspector.ipynb") as url:
        seen = visit(url, viewport={"width": 1600, "height": 1000})
        seen.run_all(1)
        seen.page.locator(".workbench-inspector .wi-steps").click(timeout=60_000)
        at(
            seen.page,
            int(seen.page.locator(".wi-row[aria-selected=true]").last.get_attribute("data-at")),
        )
        seen.page.keyboard.press("Home")
        at(seen.page, 0)
        # two d delete a cell of a notebook
        for key in ("d", "d", "j", "t"):
            seen.page.keyboard.press(key)
        seen.page.locator(".workbench-inspector").wait_for()
        assert seen.page.locator(".jp-CodeCell").count() == 1
        seen.screenshot("inspector-lab")
        assert [url for url in seen.requests if not url.startswith((lab.url, "data:", "blob:", lab.url.replace("http", "ws")))] == []  # fmt: skip
