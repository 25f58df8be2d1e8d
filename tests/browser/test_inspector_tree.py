"""The tree of a run in a real browser: opened by keys, a few rows at a time, and out of a file."""

import runpy
from pathlib import Path

import pytest

from workbench.trajectories import Run, Step, Usage
from workbench.widgets.inspector import inspect

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
a_run, assert_accessible, called, long_run, said = (
    SHARED[name] for name in ("a_run", "assert_accessible", "called", "long_run", "said")
)

# What the rows say, once all of them say something: between two looks they may be drawn anew.
ROWS = """() => {
  const rows = [...document.querySelectorAll(".wi-nodes .wi-row")], at = (row) => row.querySelector(".wi-at")?.textContent;
  return rows.length > 0 && rows.every(at) && rows.map((row) => [
    Number(row.ariaLevel), row.ariaExpanded, `${row.ariaPosInSet} of ${row.ariaSetSize}`, at(row)]);
}"""


@pytest.fixture
def tree(read):
    def reads(run, **options):
        reading = read(run, **options)
        reading.at(0)
        reading.press("2")
        chosen(reading.page).wait_for()
        reading.page.locator(".wi-nodes").focus()
        return reading

    return reads


def chosen(page):
    return page.locator(".wi-nodes .wi-row[aria-selected=true] .wi-kind")


def shows(page, step):
    """Wait until the node of a step is chosen and in sight."""
    page.wait_for_function(
        """step => {
          const row = document.querySelector(".wi-nodes .wi-row[aria-selected=true]"), list = document.querySelector(".wi-nodes").getBoundingClientRect();
          const box = row?.getBoundingClientRect();
          return box && row.querySelector(".wi-at")?.textContent === String(step) && box.top >= list.top - 1 && box.bottom <= list.bottom + 1;
        }""",
        arg=step,
    )


def rows(page):
    """Return level, whether it is open, place and step of each row, once all are there."""
    return page.wait_for_function(ROWS).json_value()


def nested():
    return a_run(
        Step("invoke_agent", "", agent="planner"),
        said("Which?", parent=0, agent="planner", usage=Usage(100, output_tokens=20, cost_usd=0.5)),
        called("no", parent=0, call_step=1, status="error"),
        Step("invoke_agent", "", agent="booker", parent=0),
        said("Done", parent=3, usage=Usage(50)),
        said("Bye"),
    )


def test_keys_open_and_close_what_is_inside(tree):
    reading = tree(nested())
    page = reading.page
    assert rows(page) == [
        [1, "true", "1 of 2", "0"],
        [2, None, "1 of 3", "1"],
        [2, None, "2 of 3", "2"],
        [2, "false", "3 of 3", "3"],
        [1, None, "2 of 2", "5"],
    ]
    first = page.locator(".wi-nodes .wi-row").first.inner_text()
    assert "4 inside · 170 tok · $0.50" in first
    assert "✕ 1 inside" in first
    reading.press("ArrowLeft")
    assert len(rows(page)) == 2
    reading.press("ArrowRight", "ArrowRight")
    shows(page, 1)
    reading.press("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight")
    shows(page, 4)
    reading.press("Enter")
    reading.page.wait_for_function(
        "document.querySelector('.wi-link')?.textContent.endsWith('.step(4)')"
    )
    reading.press("ArrowLeft", "ArrowLeft")
    shows(page, 3)
    assert len(rows(page)) == 5
    reading.press("ArrowLeft")
    shows(page, 0)
    reading.press("End")
    shows(page, 5)
    reading.press("Home", "ArrowLeft", "*")
    assert [row[1] for row in rows(page)] == ["true", None, None, "false", None]
    page.locator(".wi-nodes .wi-row").nth(3).locator(".wi-twist").click()
    assert len(rows(page)) == 6
    page.locator(".wi-nodes .wi-row").nth(4).click()
    reading.page.wait_for_function(
        "document.querySelector('.wi-link')?.textContent.endsWith('.step(4)')"
    )


def test_it_follows_the_step_that_is_read(tree):
    reading = tree(nested())
    reading.press("n")
    shows(reading.page, 2)
    reading.press("j", "j")
    shows(reading.page, 4)
    assert len(rows(reading.page)) == 6


def test_a_hundred_thousand_children_are_some_rows_in_the_page(tree):
    run = long_run(100_000)
    for at, step in enumerate(run.steps):
        step.parent = 0 if at else None
    reading = tree(run, viewport={"width": 1600, "height": 2_000})
    page = reading.page
    reading.press("End")
    shows(page, 99_999)
    assert 10 < page.locator(".wi-nodes .wi-row").count() <= 60
    page.locator(".wi-nodes .wi-row", has_text="99999").wait_for()
    reading.press("ArrowLeft")
    shows(page, 0)
    reading.press("1", "End", "2")
    shows(page, 99_999)
    assert page.locator(".wi-nodes .wi-row").count() <= 60


def test_a_chain_5_000_deep_opens_to_its_end(tree):
    run = a_run(*(said(f"{at}", parent=at - 1 if at else None) for at in range(5_000)))
    reading = tree(run)
    reading.press("1", "End")
    reading.at(4_999)
    reading.press("2")
    shows(reading.page, 4_999)
    last = reading.page.locator(".wi-nodes .wi-row[aria-selected=true]")
    assert last.get_attribute("aria-level") == "5000"
    assert reading.page.locator(".wi-nodes .wi-row").count() <= 60
    reading.page.locator(".wi-nodes").focus()
    reading.press("ArrowLeft")
    shows(reading.page, 4_998)


def test_agents_that_take_turns_are_nodes(tree):
    run = a_run(*(said("x", agent=agent) for agent in "aabbba"))
    reading = tree(run)
    texts = reading.page.locator(".wi-nodes .wi-line").all_inner_texts()
    assert [text for text in texts if text.startswith("step")] == [
        "steps 0–1",
        "steps 2–4",
        "step 5",
    ]
    shows(reading.page, 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 900, 1600])
def test_everybody_can_use_it(tree, scheme, width):
    reading = tree(nested(), color_scheme=scheme, viewport={"width": width, "height": 1_000})
    reading.press("ArrowDown")
    assert_accessible(reading.page)


def test_hostile_texts_are_inert(tree, hostiles):
    kept = [text for text in hostiles.values() if text.isprintable()]
    reading = tree(a_run(*(called(text, agent=text, name=text) for text in kept)))
    reading.press("End")
    assert reading.page.evaluate("window.hit") is None
    assert reading.page.locator(".wi-nodes :is(script, iframe, svg, a, img)").count() == 0


def test_a_file_holds_the_tree(visit, tmp_path):
    run = Run(
        "mine",
        name="a",
        steps=[
            said(f"This is number {at}. " * 9, parent=at % 7 if at > 7 else None)
            for at in range(9_000)
        ],
    )
    inspect(run).to_html(tmp_path / "run.html")
    seen = visit((tmp_path / "run.html").as_uri())
    page = seen.page
    page.locator(".wi-steps .wi-row").first.wait_for()
    page.keyboard.press("End")
    page.keyboard.press("2")
    shows(page, 8_999)
    page.locator(".wi-nodes").focus()
    page.keyboard.press("ArrowLeft")
    shows(page, 8_999 % 7)
    page.keyboard.press("Home")
    shows(page, 0)
    assert (seen.console, seen.requests) == ([], [(tmp_path / "run.html").as_uri()])
