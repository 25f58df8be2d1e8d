"""Hostile texts in a real browser: in a report with the network cut, and in JupyterLab."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workbench import reports

pytestmark = pytest.mark.browser

# Every system, row, text and slice is called by a hostile text. A column may have 50 values, so two
# share them; and two systems are enough for them.
SOURCES = [
    """
    import json
    from pathlib import Path
    import workbench as wb
    texts = list(json.loads(Path("hostile.json").read_text()).values())
    """,
    """
    column, other = texts[:2]
    pairs = [(t, "x")[:: 1 - n % 2 * 2] for n, t in enumerate(texts)]
    rows = wb.read([{"row_id": t, "input": t, "references": [t]} for t in texts])
    rows = rows.assign(**dict(zip([column, other], zip(*pairs))))
    answers = {t: texts[n:] + texts[:n] for n, t in enumerate(texts)}
    outputs = wb.outputs(rows, answers)
    price = {t: float(n) for n, t in enumerate(texts)}
    outputs = outputs.assign(**{column + "s": outputs["system"].map(price)})
    rows.attrs["name"] = column
    scores = wb.score(outputs, rows, [wb.ExactMatch(), wb.Column(column + "s")])
    c = wb.compare(scores, baseline=column, samples=20)
    few = c.only(systems=texts[1:2])
    scores
    """,
    "c",
    "c.leaderboard()",
    "c.sentences()",
    "c.pair(texts[1], texts[0])",
    "few.slices([column, other])",
    "c.examples(texts[0], texts[1], n=60)",
    "c.examples(texts[1], texts[0], n=60)",
    "wb.data.diff(rows, rows.assign(input=rows['input'] + 'x')[1:])",
    "wb.views.leaderboard(c)",
    "wb.views.leaderboard(c, column + 's')",
    "wb.views.forest(c)",
    "wb.views.matrix(c)",
    "wb.views.metrics(c, 'exact_match', column + 's')",
    "wb.views.rows(c, texts[0], texts[1])",
    "wb.views.slices(few, column)",
    "wb.views.slices(few, other)",
    "few.explore()",
]
N_FIGURES = sum(source.startswith("wb.views.") for source in SOURCES)


def stored(folder, hostiles):
    """Store the notebook and its texts in a folder."""
    # without what is only long: the page is looked at as a whole
    texts = {name: text for name, text in hostiles.items() if len(text) < 1_000}
    (folder / "hostile.json").write_text(json.dumps(texts))
    cells = [new_markdown_cell("# Is anything executed?", id="question")]
    for at, source in enumerate(SOURCES):
        lines = [line.strip() for line in source.strip().splitlines()]
        cells.append(new_code_cell("\n".join(lines), id=f"cell-{at}"))
    path = folder / "hostile.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def watched(visit, **options):
    """Open an empty page, and listen to its dialogs before anything else is opened."""
    seen = visit("about:blank", **options)
    seen.dialogs = []
    seen.page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    return seen


def assert_nothing_ran(seen, ours):
    for frame in seen.page.frames:
        assert frame.evaluate("window.hit") is None
    assert "hit" not in seen.page.title().split()
    assert seen.dialogs == []
    assert len(seen.page.context.pages) == 1
    assert [url for url in seen.requests if not url.startswith(ours)] == []
    assert seen.console == []


def click_every_link(page, places):
    """A link that a text brought in would run, or lead away."""
    for link in page.locator(places).all():
        link.click(timeout=2000, no_wait_after=True, force=True)
    page.wait_for_timeout(500)


def test_nothing_runs_in_a_report(tmp_path, visit, hostiles):
    path = stored(tmp_path, hostiles)
    reports.build([path], folder=tmp_path / "out", run=True)
    seen = watched(visit, offline=True, viewport={"width": 1000, "height": 900})
    seen.page.goto((tmp_path / "out" / "hostile.html").as_uri())
    seen.page.wait_for_function(
        "n => document.querySelectorAll('.figure .main-svg:first-child').length === n",
        arg=N_FIGURES,
    )
    for text in ("<script>", '"><img src=x onerror=', "[x](javascript:", "=HYPERLINK("):
        assert seen.page.locator("td", has_text=text).first.is_visible()
        assert seen.page.locator("li", has_text=text).first.is_visible()
    labels = seen.page.locator(".figure .ytick text").all_text_contents()
    for start in ("<script>window.hit=1", "<b>bold</b><br>", "it costs $5 and $", "%{x} %{custom"):
        assert any(label.startswith(start) for label in labels), start
    assert seen.page.locator(".figure a, .output_html a, table script, table img").count() == 0
    click_every_link(seen.page, "main a:not([href^='#'])")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert seen.page.title() == "Is anything executed?"
    assert_nothing_ran(seen, ("about:", "file:", "data:", "blob:"))
    seen.screenshot("hostile-report")


def test_a_report_of_the_longest_texts_fits_the_page(tmp_path, visit, hostiles):
    (tmp_path / "long.txt").write_text(hostiles["long word"])
    source = "from pathlib import Path\nimport workbench as wb\nt = Path('long.txt').read_text()"
    shown = (
        "rows = wb.read([{'row_id': t, 'input': t, 'references': [t]}, {'row_id': 'b', 'input': t, "
        "'references': ['b']}])\n"
        "scores = wb.score(wb.outputs(rows, {t: ['b', 'b'], t + 'b': [t, t]}), rows, "
        "[wb.ExactMatch()])\n"
        "c = wb.compare(scores, samples=20)\nc"
    )
    sources = [source, shown, "c.sentences()", "c.examples(t + 'b')", "wb.views.leaderboard(c)"]
    cells = [new_code_cell(each, id=f"cell-{at}") for at, each in enumerate(sources)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "long.ipynb")
    reports.build([tmp_path / "long.ipynb"], folder=tmp_path / "out", run=True)
    seen = watched(visit, offline=True, viewport={"width": 1000, "height": 900})
    seen.page.goto((tmp_path / "out" / "long.html").as_uri())
    seen.page.wait_for_selector(".figure .main-svg")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert_nothing_ran(seen, ("about:", "file:", "data:", "blob:"))


def test_nothing_runs_in_jupyterlab(lab, visit, hostiles):
    """The outputs of cells that were just run are trusted, so nothing cleans them for us."""
    path = stored(lab.folder, hostiles)
    with lab.session(path.name) as url:
        seen = watched(visit, viewport={"width": 1400, "height": 1000})
        seen.page.goto(url)
        page = seen.page
        seen.run_all(len(SOURCES), timeout=300_000)
        page.wait_for_function(
            "n => document.querySelectorAll('.jp-OutputArea .js-plotly-plot .main-svg:first-child')"
            ".length >= n",
            arg=N_FIGURES + 1,  # and that of the panel
        )
        assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
        assert page.locator(".workbench-explorer label", has_text="<script>").first.is_visible()
        assert page.locator(".jp-OutputArea td", has_text="<script>").first.is_visible()
        assert page.locator(".jp-OutputArea li", has_text="<script>").first.is_visible()
        assert page.locator(".jp-OutputArea td", has_text="$x^2$").first.is_visible()
        assert page.locator(".jp-OutputArea mjx-container").count() == 0
        assert page.locator(".jp-OutputArea .js-plotly-plot .ytick a").count() == 0
        click_every_link(page, ".jp-OutputArea-output a:visible:not(.modebar a)")
        assert_nothing_ran(seen, (lab.url, "about:", "data:", "blob:"))
