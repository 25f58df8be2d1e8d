"""Steps that are alike are one row, and whatever leads to one of them opens it."""

import runpy
from pathlib import Path
from random import Random

import pytest

from workbench.trajectories import Runs, Step
from workbench.trajectories.model import Part
from workbench.widgets.inspector import inspect

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
a_run, assert_accessible, called, said = (
    SHARED[name] for name in ("a_run", "assert_accessible", "called", "said")
)


def ticks(n, text=""):
    return [Step("wb.state", "", [Part("in", "user", "text", text)], name="tick", flags=frozenset({"streamed"}))] * n  # fmt: skip


def a_call():
    steps = [said("Hello."), *ticks(300), said("Yes?"), *ticks(3), *ticks(1, "needle"), *ticks(120)]
    return a_run(*steps, called("{}", status="error"), said("Bye."))


def shown(reading):
    return [int(each) for each in reading.page.locator(".wi-steps .wi-at").all_inner_texts()]


def here(reading, step):
    reading.page.wait_for_function(
        "step => document.querySelector('.wi-link')?.textContent.endsWith(`.step(${step})`)"
        " && document.querySelector('.wi-steps [aria-selected=true] .wi-at')?.textContent === String(step)",
        arg=step,
    )


def test_places_of_folded_steps_are_right_whatever_is_folded(read):
    page, random = read(a_run(said("x"))).page, Random(4)
    for _ in range(30):
        folds, at = [], 0
        for _ in range(random.randint(0, 8)):
            at += random.randint(0, 5)
            folds.append([at, random.randint(1, 9)])
            at += folds[-1][1]
        inside = {step: start for start, n in folds for step in range(start, start + n)}
        rows = sorted({inside.get(step, step) for step in range(at + 6)})
        told = page.evaluate(
            """([folds, n, rows]) => {
              const { hidden, stepAt, placeOf } = inspector.foldedPlaces(folds);
              return [hidden, [...Array(rows).keys()].map(stepAt), [...Array(n).keys()].map(placeOf)];
            }""",
            [folds, at + 6, len(rows)],
        )
        places = [rows.index(inside.get(step, step)) for step in range(at + 6)]
        assert told == [at + 6 - len(rows), rows, places]


def test_like_steps_are_one_row_that_keys_and_clicks_open_and_close(read):
    reading = read(a_call())
    reading.page.locator(".wi-folded", has_text="300 ×").wait_for()
    assert shown(reading) == [0, 1, 301, 302, 426, 427]
    reading.press("j")
    here(reading, 1)
    reading.press("j")
    here(reading, 301)
    reading.press("k", "ArrowRight")
    here(reading, 1)
    reading.page.locator(".wi-steps .wi-at", has_text="20").first.wait_for()
    assert reading.page.locator(".wi-steps .wi-row").count() <= 60
    reading.press("j", "j")
    here(reading, 3)
    reading.press("ArrowLeft")
    here(reading, 1)
    assert shown(reading) == [0, 1, 301, 302, 426, 427]
    reading.page.locator(".wi-row", has_text="▸ 300 ×").click()
    reading.page.locator(".wi-folded", has_text="▾ 300 ×").click()
    reading.page.locator(".wi-folded", has_text="▸ 300 ×").wait_for()
    reading.press("End")
    here(reading, 427)
    reading.page.get_by_role("button", name="fold like steps").click()
    reading.page.locator(".wi-steps .wi-at", has_text="410").wait_for()
    reading.page.get_by_role("button", name="fold like steps").click()
    reading.page.locator(".wi-folded").first.wait_for()
    assert_accessible(reading.page)


def test_what_leads_to_a_folded_step_opens_its_row(read):
    reading = read(a_call())
    reading.page.locator(".wi-folded", has_text="124 ×").wait_for()
    reading.press("/")
    reading.page.keyboard.type("needle")
    reading.page.locator(".wi-found", has_text="1 in this run").wait_for()
    assert "wi-hit" in reading.page.locator(".wi-row", has_text="124 ×").get_attribute("class")
    reading.press("Enter")
    here(reading, 305)
    reading.page.locator(".wi-folded", has_text="▾ 124 ×").wait_for()
    assert reading.page.locator(".wi-folded", has_text="▸ 300 ×").count() == 1
    reading.press("Escape", "n")
    here(reading, 426)
    reading.widget.show("a", 200)
    reading.page.evaluate("tell({ type: 'show', opening: [0, 200] })")
    here(reading, 200)


def test_a_file_folds_the_same_and_runs_keep_their_own(visit, tmp_path):
    runs = Runs.of([a_call(), a_run(*ticks(9), name="b")])
    inspect(runs).to_html(tmp_path / "page.html")
    page = visit(f"file://{tmp_path / 'page.html'}").page
    page.locator(".wi-folded", has_text="300 ×").wait_for()
    page.locator(".wi-runs .wi-row").nth(1).click()
    page.locator(".wi-folded", has_text="9 ×").wait_for()
    assert page.locator(".wi-steps .wi-row").count() == 1
    page.locator(".wi-runs .wi-row").first.click()
    page.locator(".wi-folded", has_text="300 ×").wait_for()
    assert page.locator(".wi-steps .wi-row").count() == 6


def test_a_step_without_a_text_shows_what_its_log_says_of_it(read):
    steps = [said("Hello."), Step("wb.state", "", extra={"changes": {"path": "/seat"}})]
    reading = read(a_run(*steps))
    reading.press("j")
    here(reading, 1)
    shown = reading.page.locator(".wi-extra", has_text="what the log says of it")
    shown.locator(".wi-leaf", has_text="path: /seat").wait_for()
    reading.press("k")
    here(reading, 0)
    assert not reading.page.locator(".wi-extra").count()


def test_escape_closes_the_keys_first(read):
    reading = read(Runs.of([a_run(said("Hi"), name=name, task_id="t") for name in "ab"]))
    reading.press("c")
    reading.page.locator(".wi-aligned-row").first.wait_for()
    reading.press("?", "Escape")
    reading.page.locator(".wi-help").wait_for(state="hidden")
    assert reading.page.locator(".wi-view-aligned").is_visible()
