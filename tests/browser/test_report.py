"""The report in a real browser with the network cut."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_code_cell, new_notebook, new_output

from workbench import reports

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("reports")
    reports.build(folder=place)
    return place


def names(folder):
    return sorted(path.name for path in folder.glob("*.html"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_every_page_opens_offline_draws_every_figure_and_fits(folder, visit, scheme, width):
    for name in names(folder):
        options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
        seen = visit((folder / name).as_uri(), offline=True, **options)
        boxes = seen.page.locator(".figure").count()
        seen.page.wait_for_function(
            "n => document.querySelectorAll('.figure .main-svg:first-child').length >= n", arg=boxes
        )
        seen.screenshot(f"report-{name.removesuffix('.html')}-{scheme}-{width}")
        assert seen.console == []
        assert [
            url for url in seen.requests if not url.startswith(("file:", "data:", "blob:"))
        ] == []
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        drawn = seen.page.locator(".figure .main-svg .errorbars, .figure .main-svg .points path")
        assert drawn.count() >= boxes


def luminance(colour):
    parts = [float(each) / 255 for each in colour.removeprefix("rgb(").rstrip(")").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_in_figures_stands_out_from_the_page(folder, visit, scheme):
    seen = visit((folder / "01_compare_models.html").as_uri(), color_scheme=scheme)
    page = luminance(
        seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    )
    fills = seen.page.evaluate(
        "[...document.querySelectorAll('.figure text')].filter(t => t.textContent.trim())"
        ".map(t => getComputedStyle(t).fill)"
    )
    assert len(fills) > 20
    for fill in set(fills):
        bright, dim = sorted((luminance(fill), page), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_no_page_breaks_a_rule_of_accessibility(folder, visit, scheme, width):
    for name in names(folder):
        options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
        seen = visit((folder / name).as_uri(), **options)
        found = Axe().run(seen.page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()


def test_figures_follow_the_page_when_it_turns_dark(folder, visit):
    seen = visit((folder / "01_compare_models.html").as_uri(), color_scheme="light")
    fill = "getComputedStyle(document.querySelector('.figure .ytick text')).fill"
    light = seen.page.evaluate(fill)
    seen.page.emulate_media(color_scheme="dark")
    seen.page.wait_for_function(f"light => {fill} !== light", arg=light)


HOSTILE = (
    "<script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit = 1">',
    "<svg onload='window.hit = 1'>",
    "<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "<a href='javascript:window.hit = 1'>x</a>",
)


def test_nothing_that_an_output_holds_is_executed(tmp_path, visit):
    """Even raw HTML in an output, which our own tables never write, is inert in a report."""
    outputs = [new_output("display_data", data={"text/html": text}) for text in HOSTILE]
    outputs += [new_output("display_data", data={"application/javascript": "window.hit = 1"})]
    figure = {
        "data": [{"x": [1], "y": list(HOSTILE)}],
        "layout": {"title": {"text": HOSTILE[0]}, "template": {"layout": {"font": {}}}},
    }
    outputs += [new_output("display_data", data={reports.PLOTLY: figure})]
    notebook = new_notebook(cells=[new_code_cell("x", outputs=outputs)])
    path = tmp_path / "hostile.html"
    path.write_text(reports.page(notebook, title=HOSTILE[0]), encoding="utf-8")
    seen = visit(path.as_uri())
    for link in seen.page.locator("a").all():
        link.click(timeout=2000, no_wait_after=True, force=True)
    seen.page.wait_for_timeout(500)
    assert seen.page.evaluate("window.hit") is None
    assert seen.page.locator(".figure .main-svg").count() > 0
