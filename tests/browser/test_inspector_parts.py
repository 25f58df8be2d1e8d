"""The parts of the panel that come after its first screen: at once where the kernel answers, and
later where it is busy, or a message is lost."""

import runpy
from pathlib import Path

import pytest

from workbench.widgets.inspector import inspect
from workbench.widgets.inspector.scripts import PARTS

pytestmark = pytest.mark.browser

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
a_run, assert_accessible, called, said = (
    SHARED[name] for name in ("a_run", "assert_accessible", "called", "said")
)
VIEWS = {
    "2": (".wi-view-tree", ".wi-nodes .wi-row .wi-kind", "Tree"),
    "3": (".wi-view-timeline", ".wi-block", "Timeline"),
    "4": (".wi-view-aligned", ".wi-hint:has-text('Choose two to 6 runs')", "Side by side"),
}


def a_few():
    return [a_run(said("Hello."), called("yes"), name=name) for name in "abc"]


def asked(reading):
    """Return the parts that the panel asked for, in order."""
    return [m["name"] for m in reading.page.evaluate("traffic") if m["type"] == "part"]


def wait_for_parts(reading, n):
    reading.page.wait_for_function(
        "n => traffic.filter((each) => each.type === 'part').length >= n", arg=n
    )


def test_the_parts_are_asked_for_once_after_what_the_first_screen_shows(read):
    reading = read(a_few())
    reading.at(0)
    wait_for_parts(reading, len(PARTS))
    traffic = [each["type"] for each in reading.page.evaluate("traffic")]
    first = traffic.index("part")
    assert {"step", "marks"} <= set(traffic[:first])
    assert asked(reading) == [*PARTS]
    for key, (view, inside, _) in VIEWS.items():
        reading.press(key)
        reading.page.locator(f"{view}:not([hidden]) {inside}").first.wait_for()
    assert asked(reading) == [*PARTS]
    assert [url for url in reading.requests if not url.startswith("blob:")] == []


def test_where_the_kernel_is_busy_a_view_says_that_it_waits_and_comes_when_it_answers(read):
    reading = read(a_few(), busy=True)
    page = reading.page
    assert page.locator(".wi-steps .wi-row .wi-kind").count() == 2
    for key, (view, _, label) in VIEWS.items():
        reading.press(key)
        page.locator(view).get_by_text(f"{label}: this part of the panel is on its way").wait_for()
    assert_accessible(page)
    reading.press("1", "c")  # the other runs of the task, as soon as that is possible
    page.locator(".wi-view-aligned:not([hidden]) .wi-hint").wait_for()
    page.locator(".wi-runs").first.focus()
    reading.press("x", "j", "x")
    page.get_by_text("2 runs in the comparison.").wait_for()
    page.evaluate("answer()")
    page.locator(".wi-aligned-grid[data-runs='0,1']").wait_for()
    for key, (view, inside, _) in [*VIEWS.items()][:2]:
        reading.press(key)
        page.locator(f"{view}:not([hidden]) {inside}").first.wait_for()
    assert page.get_by_text("this part of the panel").count() == 0


def test_a_part_whose_message_was_lost_is_asked_for_again(read):
    reading = read(a_few(), busy=True)
    wait_for_parts(reading, len(PARTS))
    reading.page.evaluate("lose()")
    wait_for_parts(reading, 2 * len(PARTS))
    reading.press("2")
    reading.page.locator(".wi-view-tree:not([hidden]) .wi-nodes").wait_for()
    reading.page.evaluate("quit()")
    reading.page.wait_for_timeout(100)
    assert asked(reading) == [*PARTS] * 2


def test_a_panel_that_is_taken_away_asks_for_no_parts(read):
    reading = read(a_few(), busy=True)
    wait_for_parts(reading, len(PARTS))
    reading.page.evaluate("quit(); lose()")
    reading.page.wait_for_timeout(3_500)
    assert asked(reading) == [*PARTS]


def test_who_codes_is_told_that_the_annotations_wait(read, tmp_path):
    widget = inspect(a_few(), annotator="ann", journal=tmp_path / "codes.sqlite")
    reading = read(widget, busy=True)
    page = reading.page
    page.locator(".wi-right").get_by_text("Annotations: this part").wait_for()
    reading.press("a")
    page.evaluate("answer()")
    page.locator(".wi-saved", has_text="saved 0 of 0").wait_for()
    reading.press("a")
    page.locator(".wi-coding form, .wi-coding fieldset, .wi-coding textarea").first.wait_for()
    assert page.get_by_text("this part of the panel").count() == 0
