"""The panel of a watch in a real JupyterLab: a file grows, and the figure moves by itself."""

import json

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

# without it JupyterLab may ask which kernel is wanted
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
CODE = """\
import workbench as wb
watch = wb.trajectories.follow("live", alerts=[wb.trajectories.Alert("error_rate", above=0.5)])
watch.dashboard(every_s=0.2)
"""
PANEL = ".workbench-dashboard"
SECOND = 10**9


def append(path, numbers, status):
    with path.open("a") as stream:
        for number in numbers:
            start = 1_790_000_000 * SECOND + number * 20 * SECOND
            span = {
                "traceId": "a" * 32, "spanId": f"{number + 1:016x}", "name": "execute_tool search",
                "startTimeUnixNano": str(start), "status": {"code": status},
                "endTimeUnixNano": str(start + (number % 5 + 1) * SECOND),
            }  # fmt: skip
            request = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
            stream.write(json.dumps(request) + "\n")


def drawn(panel):
    return panel.locator(".workbench-figure .main-svg").first.inner_html()


def test_a_growing_file_changes_the_figure_in_jupyterlab(lab, visit):
    folder = lab.folder / "live"
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell(CODE)]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), lab.folder / "dashboard.ipynb"
    )
    with lab.session("dashboard.ipynb") as url:
        seen = visit(url, viewport={"width": 1400, "height": 1400})
        seen.run_all(1)
        panel = seen.page.locator(PANEL)
        panel.locator("[role=alert]", has_text="none has come yet").wait_for()
        assert not panel.locator(".workbench-figure").is_visible()

        append(folder / "spans.jsonl", range(30), status=1)
        title = panel.locator(".workbench-title")
        title.filter(has_text="Errors: 0.0 [0.0").wait_for()
        panel.locator("[role=status]", has_text="1 file, 1 run, 30 steps in live").wait_for()
        first = drawn(panel)
        seen.screenshot("dashboard-before")

        append(folder / "spans.jsonl", range(30, 60), status=2)
        title.filter(has_text="100.0 [").wait_for()
        panel.locator("[role=status]", has_text="60 steps").wait_for()
        assert drawn(panel) != first
        assert panel.locator("table").locator("tbody tr").count() == 10
        assert panel.locator(".workbench-figure").bounding_box()["width"] > 250
        seen.screenshot("dashboard-after")

        found = Axe().run(seen.page, context=PANEL)
        assert found.violations_count == 0, found.generate_report()
        assert seen.console == []
