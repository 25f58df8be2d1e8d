"""Notebooks as golden files, and reports that open offline and run nothing but our scripts."""

import base64
import hashlib
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench import reports
from workbench.errors import BadValue, Unreadable

FIGURE = {
    "data": [{"type": "scatter", "x": [1], "y": ["</script><script>alert(1)</script>"]}],
    "layout": {"title": {"text": "A <b>claim</b> &amp; more"}, "height": 300, "template": {}},
    "config": {"plotlyServerURL": "https://plot.ly"},
}


def shows(data):
    return new_output("execute_result", data=data, execution_count=7)


def stored(path, *cells):
    notebook = new_notebook(cells=list(cells))
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return path


@pytest.fixture
def notebook(tmp_path):
    """A notebook as it comes out of JupyterLab: counts, widget state, language versions."""
    cell = new_code_cell("1 + 1", execution_count=41, outputs=[shows({"text/plain": "2"})])
    cell.metadata = {"tags": ["keep"], "execution": {"iopub": "2026-01-01T00:00:00"}}
    widget = {"text/plain": "Rate", reports.WIDGET: {"model_id": "a1b2"}}
    path = stored(
        tmp_path / "01_first.ipynb",
        new_markdown_cell("# Is one and one two?\n\nA first <paragraph>."),
        cell,
        new_code_cell("figure", execution_count=43, outputs=[shows({reports.PLOTLY: FIGURE})]),
        new_code_cell("widget", execution_count=44, outputs=[shows(widget)]),
    )
    loaded = nbformat.read(path, as_version=4)
    loaded.metadata = {
        "widgets": {"state": {}},
        "language_info": {"name": "python", "version": "3.11.2"},
    }
    path.write_text(nbformat.writes(loaded), encoding="utf-8")
    return path


def test_the_canonical_form_drops_what_changes_from_run_to_run(notebook):
    text = reports.canonical(reports.read(notebook))
    kept = json.loads(text)
    assert [cell.get("execution_count") for cell in kept["cells"]] == [None, 1, 2, 3]
    assert kept["cells"][1]["outputs"][0]["execution_count"] == 1
    assert kept["cells"][1]["metadata"] == {"tags": ["keep"]}
    assert list(kept["metadata"]) == ["kernelspec"]
    for gone in ("widgets", "language_info", "widget-view", "plot.ly", "2026-01-01", "3.11.2"):
        assert gone not in text
    assert text.endswith("}\n")


def test_the_canonical_form_keeps_sources_ids_and_outputs(notebook):
    before = reports.read(notebook)
    after = json.loads(reports.canonical(before))
    assert [cell["id"] for cell in after["cells"]] == [cell.id for cell in before.cells]
    assert ["".join(cell["source"]) for cell in after["cells"]] == [c.source for c in before.cells]
    assert after["cells"][2]["outputs"][0]["data"][reports.PLOTLY]["data"] == FIGURE["data"]


def test_the_canonical_form_of_a_canonical_form_is_itself(notebook):
    once = reports.canonical(reports.read(notebook))
    notebook.write_text(once, encoding="utf-8")
    assert reports.canonical(reports.read(notebook)) == once


def faults(path):
    return [str(fault).replace(str(path), "NB") for fault in reports.check([path], run=False)]


def test_a_stored_notebook_that_is_not_canonical_is_a_fault(notebook):
    assert faults(notebook) == [
        "NB: its cells were not run once, in order",
        "NB: it is not in canonical form",
    ]


def canonical(path, *cells):
    stored(path, *cells)
    path.write_text(reports.canonical(reports.read(path)), encoding="utf-8")
    return path


def test_a_canonical_notebook_has_no_fault(tmp_path):
    path = canonical(tmp_path / "a.ipynb", new_code_cell("1", outputs=[shows({"text/plain": "1"})]))
    assert faults(path) == []


def test_cleared_outputs_are_a_fault_though_nbval_lets_them_pass(tmp_path):
    path = canonical(tmp_path / "a.ipynb", new_code_cell("1"))
    assert faults(path) == ["NB: fewer than 80 % of its code cells show something"]


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (
            shows({"text/plain": "<object at 0x7f00deadbeef>"}),
            "its output holds an address in memory",
        ),
        (shows({"text/plain": "/home/me/rows.jsonl"}), "its output holds an absolute path"),
        (new_output("stream", text="printed\n"), "it shows an error or printed text"),
        (new_output("error", ename="E", evalue="e"), "it shows an error or printed text"),
    ],
)
def test_an_output_that_will_not_come_again_is_a_fault(tmp_path, output, fault):
    path = canonical(tmp_path / "a.ipynb", new_code_cell("1", outputs=[output]))
    assert faults(path) == [f"NB, cell 1: {fault}"]


def test_a_notebook_that_is_too_large_is_a_fault(tmp_path):
    large = shows({"text/plain": "x" * 150_000})
    path = canonical(tmp_path / "a.ipynb", new_code_cell("1", outputs=[large]))
    assert faults(path) == ["NB: it is larger than 150000 bytes"]


def test_a_stored_output_that_a_fresh_run_does_not_give_is_a_fault(tmp_path):
    path = canonical(
        tmp_path / "a.ipynb",
        new_code_cell("1 + 1", outputs=[shows({"text/plain": "2"})]),
        new_code_cell("2 + 2", outputs=[shows({"text/plain": "5"})]),
    )
    told = [str(fault) for fault in reports.check([path])]
    assert told == [f"{path}, cell 2: its stored output differs from that of a fresh run"]
    assert reports.write([path]) == [path]
    assert reports.check([path]) == []
    assert reports.write([path]) == []


def test_a_notebook_that_raises_is_refused_and_left_as_it_was(tmp_path):
    path = stored(
        tmp_path / "a.ipynb",
        new_code_cell("1"),
        new_markdown_cell("It breaks:"),
        new_code_cell("raise ValueError('no')"),
        new_code_cell("2"),
    )
    before = path.read_bytes()
    with pytest.raises(BadValue) as caught:
        reports.write([path])
    assert str(caught.value) == (
        f"{path} must run from top to bottom, but code cell 2 does not (ValueError: no); mend it."
    )
    assert path.read_bytes() == before


def test_a_notebook_whose_kernel_dies_is_told_with_the_cell(tmp_path):
    path = stored(tmp_path / "a.ipynb", new_code_cell("import os; os._exit(1)"))
    with pytest.raises(BadValue) as caught:
        reports.write([path])
    assert str(caught.value) == (
        f"{path} must run from top to bottom, but code cell 1 does not (DeadKernelError); mend it."
    )


BROKEN = ["", "[]", "{}", "not json", '{"cells": 1, "nbformat": 4, "nbformat_minor": 5}']


@pytest.mark.parametrize("content", BROKEN)
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    with pytest.raises(BadValue, match=r"must be a notebook, but it is not .*; save it again\."):
        reports.build([path], folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["missing.ipynb", "missing", "rows.csv"])
def test_a_path_without_notebooks_is_refused(tmp_path, name):
    if name == "rows.csv":
        (tmp_path / name).write_text("a\n")
    with pytest.raises(Unreadable) as caught:
        reports.find([tmp_path / name])
    assert str(caught.value) == (
        f"a report is made of notebooks (.ipynb) or a folder of them, but {tmp_path / name} is "
        "neither; start in the project's folder, or name a notebook."
    )


def test_the_notebooks_of_the_project_are_found_from_a_folder_inside_it(monkeypatch, root):
    monkeypatch.chdir(root / "tests")
    assert reports.find()[0].name == "01_compare_models.ipynb"


@pytest.fixture
def page(notebook, tmp_path):
    index = reports.build([notebook], folder=tmp_path / "reports")
    assert index == tmp_path / "reports" / "index.html"
    return (tmp_path / "reports" / "01_first.html").read_text(encoding="utf-8")


def without_scripts(html):
    return re.sub(r"<script[ >].*?</script>", "", html, flags=re.DOTALL)


def test_a_page_holds_plotly_once_and_every_figure(page):
    assert page.count("plotly.js v") == 1
    data = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page)[1]
    assert json.loads(data)[0]["data"] == FIGURE["data"]
    assert page.count('class="figure"') == 1
    assert '<p class="figure-title">A  claim  &amp; more</p>' in page


def test_only_the_scripts_of_the_report_may_run(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    assert len(scripts) == 3
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    assert f"script-src {allowed};" in policy
    assert policy.startswith("default-src 'none';")


def test_what_is_in_a_figure_cannot_close_the_script_that_holds_it(page):
    assert "</script><script>alert(1)" not in page


def test_a_page_asks_for_nothing_from_outside(page):
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", without_scripts(page))
    assert "@import" not in without_scripts(page)


def test_a_page_says_its_language_title_and_width(page):
    assert '<html lang="en">' in page
    assert "<title>Is one and one two?</title>" in page
    assert 'name="viewport"' in page


def test_building_twice_gives_the_same_bytes(notebook, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        reports.build([notebook], folder=folder)
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == ["01_first.html", "index.html"]
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_index_keeps_the_pages_that_were_there(notebook, tmp_path):
    folder = tmp_path / "reports"
    reports.build([notebook], folder=folder)
    (other := tmp_path / "0 & other.ipynb").write_bytes(notebook.read_bytes())
    index = reports.build([other], folder=folder)
    text = index.read_text(encoding="utf-8")
    assert re.findall('<li><a href="([^"]*)">', text) == ["0%20%26%20other.html", "01_first.html"]
    assert text.count("<p>A first &lt;paragraph&gt;.</p>") == 2
    assert reports.build([notebook], folder=folder).read_text(encoding="utf-8") == text
    (folder / "01_first.html").unlink()
    reports.build([other], folder=folder)
    assert "01_first" not in index.read_text(encoding="utf-8")


def test_an_index_by_somebody_else_gives_no_entry(notebook, tmp_path):
    (folder := tmp_path / "reports").mkdir()
    (tmp_path / "secret.html").write_text("")
    (folder / "index.html").write_text('<li><a href="../secret.html">a</a><p>b</p></li>\xff')
    index = reports.build([notebook], folder=folder).read_text(encoding="utf-8")
    assert "secret" not in index


def test_the_index_names_each_notebook_and_escapes_what_it_says(notebook, tmp_path):
    index = reports.build([notebook], folder=tmp_path / "reports").read_text(encoding="utf-8")
    assert '<a href="01_first.html">Is one and one two?</a>' in index
    assert "<p>A first &lt;paragraph&gt;.</p>" in index
    assert index.count("<script") == 1  # our own, of what scrolls


def test_progress_is_told_once_per_notebook(notebook, tmp_path):
    told = []
    reports.build([notebook], folder=tmp_path, progress=lambda *each: told.append(each))
    assert told == [(1, 1)]
