"""Every notebook in a real JupyterLab: run from top to bottom, looked at, all outputs shown."""

from pathlib import Path

import pytest

from workbench import reports

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


LOOKS = [("light", 900), ("dark", 1400), ("light", 1400), ("dark", 900)]


# a minute of a machine each, so the looks take turns
@pytest.mark.parametrize(
    ("path", "theme", "width"),
    [
        pytest.param(path, *LOOKS[at % 4], id=f"{path.stem}-{'-'.join(map(str, LOOKS[at % 4]))}")
        for at, path in enumerate(NOTEBOOKS)
    ],
)
def test_a_notebook_runs_in_jupyterlab_with_all_outputs_shown(lab, visit, path, theme, width):
    code = [cell for cell in reports.read(path).cells if cell.cell_type == "code"]
    n_panels = sum("wb.rate(" in cell.source for cell in code)
    n_figures = sum(reports.PLOTLY in o.get("data", {}) for cell in code for o in cell.outputs)
    lab.setting("@jupyterlab/apputils-extension:themes", {"theme": THEMES[theme]})
    with lab.session(path.name) as url:
        seen = visit(url, viewport={"width": width, "height": 1000})
        seen.run_all(len(code))
        seen.page.wait_for_function(
            "n => [...document.querySelectorAll('.jp-OutputArea .js-plotly-plot')]"
            ".filter(plot => !plot.matches('.workbench-figure')).length === n",
            arg=n_figures,
        )
        # a panel says what is saved once it has heard from its session
        seen.page.wait_for_function(
            "n => document.querySelectorAll('.workbench-rating .wr-saved:not(:empty)').length === n",
            arg=n_panels,
        )
        shown = seen.page.locator(".jp-CodeCell:has(.jp-OutputArea-output)").count()
        assert shown == sum(bool(cell.outputs) for cell in code)
        assert seen.page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        assert seen.page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
        outside = [u for u in seen.requests if not u.startswith((lab.url, "data:", "blob:"))]
        assert outside == []
        cells = seen.page.locator(".jp-CodeCell:has(.jp-OutputArea-output)")
        for at in range(cells.count()):
            cells.nth(at).scroll_into_view_if_needed()
            folder = ROOT / "screenshots"
            folder.mkdir(exist_ok=True)
            cells.nth(at).screenshot(
                path=folder / f"lab-{path.stem}-{theme}-{width}-{at + 1:02}.png"
            )
