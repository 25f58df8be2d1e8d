"""Runs side by side in a real browser: where they part, what differs, and all runs of a task."""

import json
import random
import runpy
from pathlib import Path

import pytest

from workbench.trajectories import Runs, Step, align
from workbench.trajectories.model import Part
from workbench.widgets.inspector import aligned, inspect

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
a_run, assert_accessible, called, said = (
    SHARED[name] for name in ("a_run", "assert_accessible", "called", "said")
)
GRID = ".wi-aligned-grid"
# the selected place, if all of its row is in sight
IN_VIEW = """() => {
  const row = document.querySelector(".wi-aligned-grid [aria-selected=true]"), box = row.getBoundingClientRect();
  const grid = row.closest("[role=grid]").getBoundingClientRect(), head = document.querySelector(".wi-aligned-top").getBoundingClientRect();
  return box.top >= head.bottom - 1 && box.bottom <= grid.bottom + 1 ? Number(row.dataset.place) : null;
}"""


def tool(name, arguments, result="done", **more):
    text = json.dumps(arguments)
    parts = [
        Part("in", "assistant", "tool_call", text, name, arguments=arguments),
        Part("out", "tool", "tool_call_response", result, name),
    ]
    return Step("execute_tool", "/1", parts, tool=name, **more)


def a_pair(at, first, second, **more):
    return [
        a_run(*steps, name=f"{at}{letter}", task_id=f"t{at}", trial=trial, **more)
        for trial, (letter, steps) in enumerate((("a", first), ("b", second)))
    ]


def planted(luck):
    """Steps, the same with one to three edits, and the first place that differs."""
    n = luck.randrange(4, 30)
    first = [
        said(f"Say {at} {luck.randrange(10**9)}.")
        if luck.random() < 0.5
        else tool(luck.choice("fgh"), {"id": at, "x": luck.randrange(10**9)})
        for at in range(n)
    ]
    second, places = list(first), []
    # from the end, so that a place stays what it was
    for at in sorted(luck.sample(range(n - 1), luck.randrange(1, 4)), reverse=True):
        edit = luck.choice(["insert", "delete", "change", "reorder"])
        if edit == "insert":
            second.insert(at, said(f"New {luck.randrange(10**9)}."))
        elif edit == "delete":
            del second[at]
        elif edit == "change":
            second[at] = said(f"Other {luck.randrange(10**9)}.")
        else:
            second[at], second[at + 1] = second[at + 1], second[at]
        places.append(at)
    return first, second, min(places)


def compared(page, runs):
    """Wait until runs stand side by side, and the place that is shown is drawn."""
    page.locator(f"{GRID}[data-runs='{runs}']").wait_for()
    return page.locator(f"{GRID} [aria-selected=true]")


def choose(reading, run):
    """Open a run, and compare it with the others of its task."""
    reading.page.locator(".wi-runs .wi-row").nth(run).click()
    reading.page.locator(".wi-runs").focus()
    reading.press("c")


# -------------------------------------------------------------------------------- where they part


def test_the_first_divergence_is_the_planted_one_in_two_hundred_random_pairs(read):
    luck = random.Random(7)
    cases = [planted(luck) for _ in range(200)]
    runs = [run for at, (one, other, _) in enumerate(cases) for run in a_pair(at, one, other)]
    reading = read(Runs.of(runs))
    page = reading.page
    page.get_by_text("400 of 400").wait_for()
    shown = []
    for at in range(200):
        page.locator(".wi-runs").focus()
        if at:
            reading.press("j", "j")
        reading.press("c")
        compared(page, f"{2 * at},{2 * at + 1}")
        shown.append(page.evaluate(IN_VIEW))
    assert shown == [first for _, _, first in cases]


@pytest.fixture
def pair(read):
    """Twenty steps with a change, a move, and something put in."""
    first = [tool("book", {"flight": f"HAT{at:03}", "seat": at}) for at in range(20)]
    second = list(first)
    second[8] = tool("book", {"flight": "HAT999", "seat": 8, "bags": 1}, "no seats left")
    second.append(second.pop(10))
    second.insert(9, said("One moment, please."))
    return read(Runs.of([*a_pair(0, first, second, outcome=1.0), *a_pair(1, [], [])]))


def test_keys_go_from_difference_to_difference(pair):
    page = pair.page
    choose(pair, 0)
    chosen = compared(page, "0,1")
    for key, place in (
        ("n", 9), ("n", 11), ("m", 21), ("m", 11), ("N", 9), ("N", 8), ("Home", 0), ("d", 8), ("End", 21),
    ):  # fmt: skip
        pair.press(key)
        at = chosen.get_attribute("data-place") or chosen.get_attribute("data-fold")
        assert (key, int(at)) == (key, place)
    pair.press("n")
    page.get_by_text("There is no difference after this place.").wait_for()
    pair.press("Home")
    assert "8 equal places (0 to 7)" in chosen.inner_text()
    rows = int(page.locator(GRID).get_attribute("aria-rowcount"))
    pair.press("Enter")
    assert chosen.get_attribute("data-place") == "0"
    assert int(page.locator(GRID).get_attribute("aria-rowcount")) == rows + 7
    page.locator(f"{GRID} [data-place='8']").click()
    page.locator(".wi-difference[data-place='8']").wait_for()
    # the first run's step, and then the second's
    for key, link in (("Enter", 'runs["0a"].step(8)'), ("ArrowRight", None), ("Enter", 'runs["0b"].step(8)')):  # fmt: skip
        page.locator(GRID).focus()
        pair.press(key)
        if link:
            page.locator(".wi-link", has_text=link).wait_for()
    page.locator(".wi-difference").focus()
    pair.press("Escape")
    assert page.evaluate("document.activeElement.classList.contains('wi-aligned-grid')")
    pair.press("Escape")
    assert page.evaluate("document.activeElement.classList.contains('wi-steps')")


def test_what_differs_is_marked_in_arguments_and_in_texts(pair):
    choose(pair, 0)
    shown = pair.page.locator(".wi-difference[data-place='8']")
    shown.wait_for()
    assert shown.locator("h2").inner_text() == "Place 8: ≠ change; argument flight, bags differs"
    rows = [row.inner_text().split("\t") for row in shown.locator("tbody tr").all()]
    assert [row[0].strip() for row in rows] == ["≠ flight", "≠ bags", "= seat"]
    assert [each.strip() for each in rows[1][1:]] == ["not given", "not given1"]
    assert shown.locator("del").all_inner_texts() == ["HAT008", "not given", "done"]
    assert shown.locator("ins").all_inner_texts() == ["HAT999", "1", "no seats left"]


def test_each_run_is_compared_with_the_first(read):
    runs = Runs.of(
        [
            a_run(*[said(str(at)) for at in range(n)], name=str(n), task_id="t", outcome=done)
            for n, done in ((7, 0.0), (5, 1.0), (12, 0.0))
        ]
    )
    reading = read(runs)
    choose(reading, 0)
    compared(reading.page, "0,1,2")
    heads = reading.page.locator(f"{GRID} [role=columnheader]").all_inner_texts()
    told = [" ".join(head.split()) for head in heads[1:]]
    assert told[0].endswith("✗ failed 7 steps")
    assert told[1].endswith("✓ succeeded 5 (−2) steps")
    assert told[2].endswith("✗ failed 12 (+5) steps")
    # another one becomes the first
    reading.page.locator(".wi-pick").nth(1).get_by_role("button").first.click()
    compared(reading.page, "1,0,2")
    reading.page.get_by_role("button", name="Take task t (").nth(2).click()
    compared(reading.page, "1,0")


def test_runs_are_chosen_by_key_and_by_mark(read):
    reading = read(Runs.of([a_run(said(str(at)), name=f"r{at}") for at in range(9)]))
    page = reading.page
    marks = page.locator(".wi-runs .wi-choose")
    box = marks.first.bounding_box()
    assert box["width"] >= 24
    assert box["height"] >= 24
    page.keyboard.press("4")
    page.get_by_text("Choose two to 6 runs").wait_for()
    page.get_by_text("This run does not say which task it is of.").wait_for()
    marks.nth(3).click()
    page.locator(".wi-runs").focus()
    reading.press("x", "j", "x")
    compared(page, "3,0,1")
    assert page.locator(".wi-link").inner_text() == 'runs["r1"].step(0)'
    for at in (4, 5, 6, 7):
        # a list that scrolls draws its rows anew
        marks.nth(at).scroll_into_view_if_needed()
        page.wait_for_timeout(100)
        marks.nth(at).click()
    page.get_by_text("Up to 6 runs can stand side by side; take one out first.").wait_for()
    compared(page, "3,0,1,4,5,6")
    reading.press("c")
    page.get_by_text("There is no other run of this task").wait_for()


def test_ten_thousand_places_are_some_rows_in_the_page(read):
    steps = [said(f"This is {at}.") for at in range(10_000)]
    other = list(steps)
    for at in range(4_000, 6_000, 2):
        other[at] = said(f"Something else {at}.")
    reading = read(Runs.of(a_pair(0, steps, other)), viewport={"width": 1600, "height": 2_000})
    page = reading.page
    choose(reading, 0)
    chosen = compared(page, "0,1")
    assert chosen.get_attribute("data-place") == "4000"
    grid = page.locator(GRID)
    assert int(grid.get_attribute("aria-rowcount")) == 2_000 + 2
    for key, place in (("End", "5999"), ("ArrowUp", "5998"), ("PageUp", None), ("d", "4000")):
        reading.press(key)
        assert place in (
            None,
            chosen.get_attribute("data-place") or chosen.get_attribute("data-fold"),
        )
        assert page.locator(f"{GRID} [role=row]").count() <= 60
    page.locator(".wi-difference[data-place='4000']").wait_for()


# ------------------------------------------------------------------------- all runs of a task


@pytest.fixture
def task(read):
    def run(name, done, *tools):
        return a_run(*(tool(each, {}) for each in tools), name=name, task_id="t", outcome=done)

    return read(
        Runs.of(
            [
                run("a", 1.0, "look", "check", "book"),
                run("b", 0.0, "look", "book"),
                run("c", 1.0, "look", "check", "book"),
                run("d", 0.0, "look", "book"),
                run("e", 0.0, "look", "book"),
            ]
        )
    )


def test_the_runs_of_a_task_are_stacked_by_path(task):
    page = task.page
    choose(task, 0)
    compared(page, "0,1,2,3,4")
    task.press("p")
    stack = page.locator(".wi-stack")
    stack.get_by_text("Task t: 5 runs, 2 succeeded, 3 failed.").wait_for()
    stack.get_by_text(
        "part at place 1: with check 2 of 2 succeeded; with nothing there 0 of 3"
    ).wait_for()
    assert stack.locator(".wi-stack-path").all_inner_texts() == [
        "Path 1: 3 runs, 3 failed", "Path 2: 2 runs, 2 succeeded",
    ]  # fmt: skip
    assert stack.locator(".wi-stack-head .wi-split").inner_text() == "▼ 1 part"
    # the open run is where the keys begin; its second call is the step that opens
    task.press("ArrowRight", "ArrowRight", "Enter")
    page.locator(".wi-link", has_text='runs["a"].step(1)').wait_for()
    page.locator(".wi-stack-grid").focus()
    task.press("x")
    assert page.locator(".wi-pick").count() == 4
    stack.locator(".wi-choose").first.click()
    assert page.locator(".wi-pick").count() == 3
    task.press("p")
    compared(page, "2,3,4")


def test_a_run_is_compared_with_others_of_both_outcomes(task):
    page = task.page
    stacked = "[[0,true,0],[1,false,1],[2,true,0],[3,false,1],[4,null,1]]"
    assert page.evaluate(f"inspector.mixed(2, {stacked})") == [2, 1, 0, 3, 4]
    assert page.evaluate(f"inspector.mixed(2, {stacked}, 3)") == [2, 1, 0]
    assert page.evaluate("inspector.mixed(7, [[7, true, 0]])") == [7]


# -------------------------------------------------------------------------------------- a file


def some_steps(luck):
    def step():
        if luck.random() < 0.5:
            return said(luck.choice("abcd"), agent=luck.choice([None, "bot"]))
        arguments = {"x": luck.randrange(2), "y": luck.randrange(2)}
        status = luck.choice(["ok", "error"])
        return tool(luck.choice(["look", "book"]), arguments, status=status)

    return [step() for _ in range(luck.randrange(14))]


def test_a_file_derives_the_alignment_that_python_makes(read):
    page = read(Runs.of([a_run(said("x"))])).page
    for seed in range(60):
        luck = random.Random(seed)
        runs = [a_run(*some_steps(luck), name=str(at)) for at in range(6)]
        numbers = luck.sample(range(6), luck.randrange(2, 7))
        found = align(*(runs[at] for at in numbers))
        told = aligned.summary(found, 0)
        shown = page.evaluate(
            """([held, runs]) => {
              const found = inspector.derived(held, runs), all = [...found.operations].map((_, at) => at);
              return [found.operations, found.first, all.map(found.steps), all.map(found.note), all.map(found.moved)];
            }""",
            [json.loads(json.dumps(aligned.pairs(runs))), numbers],
        )
        moved = found.frame["moved_to"].astype(object)
        assert shown == [
            told["operations"],
            told["first"],
            [list(place) for place in found.places],
            found.frame["note"].tolist(),
            moved.where(moved.notna(), None).tolist(),
        ], seed


def test_a_file_compares_the_runs_of_a_task(visit, tmp_path):
    luck = random.Random(3)
    runs = []
    for at in range(3):
        first, second, _ = planted(luck)
        runs += a_pair(at, first, second, outcome=float(at % 2))
    inspect(Runs.of(runs)).to_html(tmp_path / "runs.html")
    seen = visit((tmp_path / "runs.html").as_uri(), viewport={"width": 1600, "height": 900})
    page = seen.page
    page.locator(".wi-runs .wi-row").nth(2).click()
    page.locator(".wi-runs").focus()
    page.keyboard.press("c")
    chosen = compared(page, "2,3")
    first = align(runs[2], runs[3]).first_divergence
    assert int(chosen.get_attribute("data-place")) == first
    page.locator(f".wi-difference[data-place='{first}']").wait_for()
    assert_accessible(page)
    page.keyboard.press("p")
    page.get_by_text("Task t1: 2 runs, 2 succeeded.").wait_for()
    assert_accessible(page)
    page.keyboard.press("p")
    page.locator(".wi-runs .wi-choose").first.click()
    page.get_by_text(
        "Only runs of one task can be compared in a file; in a notebook any can."
    ).wait_for()
    assert (seen.console, seen.requests) == ([], [page.url.split("#")[0]])


# --------------------------------------------------------------------- what others wrote, and how


def test_hostile_texts_are_inert(read, hostiles):
    texts = [
        text for text in hostiles.values() if not any("\ud800" <= mark <= "\udfff" for mark in text)
    ]
    first = [
        called(text, json.dumps({text[:500]: text[:500]}), error_message=text, status="error")
        for text in texts
    ]
    second = [
        called(f"{text}!", json.dumps({text[:500]: 1}), agent=text, status="error")
        for text in texts
    ]
    names = ["<img src=x onerror=hit()>", "javascript:hit()"]
    runs = [
        a_run(*steps, name=name, task_id=names[0], agent=names[1])
        for name, steps in zip(names, (first, second), strict=True)
    ]
    reading = read(Runs.of(runs))
    choose(reading, 0)
    compared(reading.page, "0,1")
    for at in range(len(texts)):
        reading.page.locator(f".wi-difference[data-place='{at}']").wait_for()
        reading.press("j")
    reading.press("p")
    reading.page.locator(".wi-stack-run").first.wait_for()
    assert reading.page.evaluate("window.hit") is None
    bad = "main :is(script, iframe, form, style, link, meta, svg, a, img)"
    assert reading.page.locator(bad).count() == 0
    shown = reading.page.evaluate("document.body.textContent")
    assert not any(mark in shown for mark in "\u202e\u2066\x1b\x00")


def test_long_texts_that_differ_do_not_freeze_the_page(read):
    luck = random.Random(1)
    words = [" ".join(str(luck.randrange(50)) for _ in range(400_000)) for _ in range(3)]
    rows = json.dumps({"rows": [[luck.randrange(9) for _ in range(9)] for _ in range(9_000)]})
    runs = [
        a_run(
            said(words[at]),
            said(rows.replace("7", str(at))),
            called("x", words[at]),
            name=str(at),
            task_id="t",
        )
        for at in range(3)
    ]
    reading = read(Runs.of(runs))
    choose(reading, 0)
    compared(reading.page, "0,1,2")
    reading.page.locator(".wi-difference[data-place='0']").wait_for()
    reading.page.evaluate(
        """() => { window.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration))).observe({ type: "longtask" }); }"""
    )
    for at, key in ((1, "ArrowDown"), (2, "ArrowDown"), (1, "ArrowUp"), (0, "ArrowUp")):
        reading.press(key)
        reading.page.locator(f".wi-difference[data-place='{at}']").wait_for()
    assert reading.page.get_by_text("Only the first 10,000 characters are compared").count() >= 2
    assert max(reading.page.evaluate("tasks"), default=0) < 200


@pytest.mark.parametrize(("scheme", "width"), [("light", 1600), ("dark", 900), ("light", 400)])
def test_everybody_can_use_it(task, scheme, width):
    page = task.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    choose(task, 0)
    compared(page, "0,1,2,3,4")
    page.locator(".wi-difference[data-place='1']").wait_for()
    assert_accessible(page)
    task.press("p")
    page.locator(".wi-stack-run").first.wait_for()
    assert_accessible(page)
    small = "main .wi-view-aligned :is(button, .wi-choose)"
    sizes = page.locator(small).evaluate_all(
        "(all) => all.map((each) => each.getBoundingClientRect()).filter((box) => box.width).map((box) => Math.min(box.width, box.height))"
    )
    assert min(sizes) >= 24


def test_the_difference_of_two_texts_is_the_smallest_and_loses_nothing(task):
    wrong = task.page.evaluate(
        """() => {
          let seed = 1;
          const luck = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };
          const words = ["a", "b", "c", " ", "\\n", "dé", ",", "😀"], text = () => Array.from({ length: luck(12) }, () => words[luck(8)]).join("");
          const wordsOf = (text) => text.match(/\\s+|[\\p{L}\\p{M}\\p{N}_]+|[^]/gu) ?? [];
          const common = (a, b) => {
            const table = [Array(b.length + 1).fill(0)];
            for (let i = 1; i <= a.length; i++) { table.push([0]); for (let j = 1; j <= b.length; j++) table[i].push(a[i - 1] === b[j - 1] ? table[i - 1][j - 1] + 1 : Math.max(table[i - 1][j], table[i][j - 1])); }
            return table[a.length][b.length];
          };
          for (let n = 0; n < 3000; n++) {
            const [one, other] = [text(), text()], { pieces } = inspector.wordDiff(one, other), join = (left) => pieces.filter(([op]) => op !== left).map(([, text]) => text).join("");
            if (join("+") !== one || join("-") !== other) return [one, other, pieces];
            // the spaces between two changes count as changed
            const kept = wordsOf(pieces.filter(([op]) => op === "=").map(([, text]) => text).join("")).filter((word) => word.trim()).length;
            const most = common(wordsOf(one), wordsOf(other));
            if (kept > most) return [one, other, pieces, most];
          }
          return null;
        }"""
    )
    assert wrong is None
    assert task.page.evaluate("inspector.wordDiff('Book HAT001 for me', 'Book HAT 22 for you').pieces") == [
        ["=", "Book "], ["-", "HAT001 "], ["+", "HAT 22 "], ["=", "for "], ["-", "me"], ["+", "you"],
    ]  # fmt: skip
    cut = task.page.evaluate(
        "[inspector.wordDiff('x'.repeat(30000), 'x').cut, inspector.wordDiff('a '.repeat(9000), 'b '.repeat(9000)).rough]"
    )
    assert cut == [True, True]
