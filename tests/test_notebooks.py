"""What nbval cannot see in the stored notebooks, and proof that it sees a changed figure."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import reports

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path, kind):
    return [cell for cell in reports.read(path).cells if cell.cell_type == kind]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_a_notebook_is_named_by_two_digits_and_a_verb(path):
    assert re.fullmatch(r"\d\d_[a-z]+(_[a-z]+)+", path.stem)


def test_a_stored_notebook_has_no_fault(path):
    assert [str(fault) for fault in reports.check([path], run=False)] == []


def test_a_notebook_tells_a_short_story(path):
    assert cells(path, "markdown")[0].source.startswith("# ")
    assert "## Answer" in cells(path, "markdown")[-1].source
    assert len(cells(path, "code")) <= 25
    for cell in cells(path, "code"):
        assert len(cell.source.splitlines()) <= 10
        assert max(map(len, cell.source.splitlines())) <= 88


def test_a_notebook_defines_nothing_and_loops_over_nothing(path):
    for cell in cells(path, "code"):
        assert not cell.source.lstrip().startswith(("%", "!"))
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.For | ast.While)


def test_a_notebook_ignores_no_output(path):
    ignored = [cell for cell in cells(path, "code") if "tags" in cell.metadata]
    assert len(ignored) <= 1


def nbval(path):
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval",
            "--nbval-current-env", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(path.parent),
            "-W", "default", str(path),
        ],
        cwd=path.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip


def mutated(source, target, change, *, n_cells=None):
    """Copy a notebook, or its first cells, with one stored output changed and its sources as they are."""
    notebook = json.loads(source.read_text(encoding="utf-8"))
    notebook["cells"] = notebook["cells"][:n_cells]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    change(code)
    target.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    return target


def change_a_number(code):
    """Add one to the last digit of a number in a stored output, text or figure."""
    for cell in reversed(code):
        data = cell["outputs"][0].get("data", {})
        for mime in ("application/vnd.plotly.v1+json", "text/html", "text/plain"):
            text = json.dumps(data.get(mime, ""))
            found = re.search(r"(0\.\d*?)([0-8])(?=[\],<\"])", text)
            if found:
                digit = str(int(found[2]) + 1)
                data[mime] = json.loads(text[: found.start(2)] + digit + text[found.end(2) :])
                return
    raise AssertionError("no number to change")


def test_a_changed_stored_number_fails_nbval(tmp_path):
    """The gate can fail: one digit of one stored output, sources untouched."""
    good = mutated(NOTEBOOKS[0], tmp_path / "good.ipynb", lambda code: None, n_cells=8)
    bad = mutated(NOTEBOOKS[0], tmp_path / "bad.ipynb", change_a_number, n_cells=8)
    assert nbval(good).returncode == 0
    done = nbval(bad)
    assert done.returncode == 1
    assert "Cell outputs differ" in done.stdout


def test_cleared_outputs_pass_nbval_but_not_the_guard(tmp_path):
    def clear(code):
        for cell in code:
            cell["outputs"], cell["execution_count"] = [], None

    path = mutated(NOTEBOOKS[0], tmp_path / "cleared.ipynb", clear)
    assert [fault.message for fault in reports.check([path], run=False)][:2] == [
        "its cells were not run once, in order",
        "fewer than 80 % of its code cells show something",
    ]
