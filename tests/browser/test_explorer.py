"""The explorer in a real JupyterLab and in Voila: a change of a control changes what is shown."""

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

CODE = """\
import workbench as wb
rows = wb.read("phrasebook-en-es")
outputs = wb.outputs(rows, "phrasebook-en-es")
scores = wb.score(outputs, rows, [wb.ChrF(), wb.BLEU(), wb.TER()])
comparison = wb.compare(scores, baseline="apertium", samples=1000)
comparison.explore()
"""
PANEL = ".workbench-explorer"


THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def placed(folder):
    cells = [nbformat.v4.new_code_cell(CODE)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "explorer.ipynb")
    return "explorer.ipynb"


def panel_of(seen):
    panel = seen.page.locator(PANEL)
    panel.locator(".workbench-figure .main-svg").first.wait_for(timeout=120_000)
    return panel


def choose(panel, label, option):
    panel.get_by_label(label, exact=True).select_option(option)


def wait_for_title(panel, text):
    panel.locator(".workbench-title", has_text=text).wait_for()


def walk_through(seen, name):
    """Go through every control, and look at the figure, the words and the table each time."""
    panel = panel_of(seen)
    wait_for_title(panel, "leads in chrf")
    first = panel.locator(".main-svg").first.inner_html()
    seen.screenshot(f"{name}-scores")

    choose(panel, "metric", "ter")
    wait_for_title(panel, "in ter")
    assert panel.locator(".main-svg").first.inner_html() != first

    choose(panel, "show", "differences")
    wait_for_title(panel, "against apertium in ter")
    choose(panel, "baseline", "memory")
    wait_for_title(panel, "against memory in ter")
    assert "worse than memory" in panel.inner_text() or "better than memory" in panel.inner_text()
    seen.screenshot(f"{name}-differences")

    choose(panel, "rows", "register: formal (81 rows)")
    panel.get_by_text("where register = formal, 81 rows", exact=False).wait_for()
    panel.get_by_label("copy", exact=True).uncheck()
    panel.locator("table", has_text="repaired").wait_for()
    panel.locator("table", has_text="copy").wait_for(state="detached")

    for view, title in {
        "all pairs": "pairs are told apart in ter",
        "two metrics": "ter and bleu both put",
        "row by row": "does better than memory on",
        "slices": "Against memory in ter",
    }.items():
        choose(panel, "show", view)
        wait_for_title(panel, title)
        seen.screenshot(f"{name}-{view.replace(' ', '-')}")
        assert panel.locator(".workbench-figure .main-svg").first.bounding_box()["width"] > 250

    for box in ("apertium", "memory_edit", "repaired", "word_for_word"):
        panel.get_by_label(box, exact=True).uncheck()
    panel.locator("[role=alert]", has_text="tick another").wait_for(timeout=60_000)
    assert not panel.locator(".workbench-figure").is_visible()
    assert panel.locator("table").count() == 0
    # Voila asks for two style sheets of icons, which no panel needs
    assert seen.console == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 900), ("light", 400)])
def test_the_explorer_answers_in_jupyterlab(lab, visit, theme, width):
    name = placed(lab.folder)
    lab.setting("@jupyterlab/apputils-extension:themes", {"theme": THEMES[theme]})
    with lab.session(name) as url:
        seen = visit(url, viewport={"width": width, "height": 1400})
        seen.run_all(1)
        if width == 400:
            seen.page.keyboard.press("Control+b")  # away with the list of files
        walk_through(seen, f"explorer-lab-{theme}-{width}")


@pytest.mark.parametrize(("theme", "width"), [("light", 400), ("dark", 1400)])
def test_the_explorer_answers_in_voila(voila, visit, theme, width):
    url = voila.page(placed(voila.folder), theme)
    seen = visit(url, viewport={"width": width, "height": 900})
    walk_through(seen, f"explorer-voila-{theme}-{width}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_explorer_breaks_no_rule_of_accessibility(voila, visit, theme):
    seen = visit(voila.page(placed(voila.folder), theme))
    panel_of(seen)
    found = Axe().run(seen.page, context=PANEL)
    assert found.violations_count == 0, found.generate_report()
