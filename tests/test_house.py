"""The rules of the house: layers, names, import cost, sizes, and what must not be committed."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import workbench as wb

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "workbench"
MODULES = sorted(PACKAGE.rglob("*.py"))
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
]

# Who may import whom; a family stands for its modules, which may import each other.
LAYERS = {
    "errors": set(),
    "store": {"errors"},
    "tables": {"errors"},
    "display": {"errors", "store", "tables"},
    "formats": {"errors"},
    "plain_yaml": {"errors", "display"},
    "contents": {"tables", "display"},
    "data": {"errors", "store", "tables", "display", "formats", "contents"},
    "workers": {"errors"},
    "metrics": {"errors", "tables", "display", "contents", "workers", "stats", "categories"},
    "stats": {"errors"},
    "pairing": {"errors", "tables", "metrics", "stats"},
    "families": {"metrics", "stats", "pairing"},
    "contrasts": {"errors", "tables", "display", "metrics", "stats", "pairing", "families"},
    "failing": {"errors", "tables", "display", "metrics", "pairing", "contrasts"},
    "wording": {"tables", "display", "metrics", "stats", "pairing", "contrasts", "failing"},
    "explaining": {"errors", "tables", "display", "metrics", "stats", "pairing", "contrasts", "wording"},
    "comparison": {
        "errors", "tables", "display", "workers", "metrics", "stats", "pairing", "contrasts", "failing",
        "wording", "explaining",
    },
    "planning": {"errors", "tables", "display", "stats", "contrasts", "wording", "comparison"},
    "federate": {
        "errors", "store", "tables", "display", "formats", "metrics", "stats", "pairing", "contrasts",
        "failing", "wording",
    },
    "prompts": {"errors", "store", "tables", "display", "formats", "plain_yaml", "data"},
    "ratings": {"errors", "store", "tables", "display", "formats", "plain_yaml", "data", "metrics", "stats"},
    "pricing": {"errors", "store", "formats", "tables"},
    "categories": set(),
    "models": {"errors", "store", "tables", "contents", "pricing"},
    "runs": {"errors", "store", "tables", "display", "contents", "plain_yaml", "data", "categories", "pricing", "prompts", "models"},
    "trajectories": {"errors", "store", "tables", "display", "formats", "data", "metrics", "stats", "pricing"},
    "exchange": {
        "errors", "store", "tables", "display", "formats", "metrics", "comparison", "trajectories",
    },
    "judging": {
        "errors", "store", "tables", "display", "metrics", "stats", "ratings", "prompts", "models", "runs",
    },
    "views": {"errors", "tables", "display", "comparison", "trajectories"},
    "widgets": {"errors", "store", "display", "explaining", "comparison", "ratings", "trajectories", "views"},
    "serving": {"errors", "store", "display", "ratings", "widgets"},
    "reports": {"errors", "store", "display", "views"},
    "cli": {
        "errors", "store", "tables", "display", "data", "metrics", "comparison", "ratings", "reports",
        "serving", "trajectories", "views", "exchange", "prompts", "models", "runs", "pricing",
    },
}  # fmt: skip

# Why an import may go upwards all the same.
UPWARDS = {
    ("data", "exchange"): "wb.read and wb.outputs take other tools' files, which exchange reads",
    ("comparison", "widgets"): "explore() and side_by_side() open a panel, and import it only then",
    ("trajectories", "widgets"): "watch.dashboard() opens a panel, and imports it only then",
}

# Where a library may be imported, and nowhere else.
HOMES = {
    "plotly": {"views", "reports"},
    "anywidget": {"widgets"},
    "ipywidgets": {"widgets"},
    "aiohttp": {"models"},
    "litellm": {"models"},
    "mlflow": {"runs"},
    "sacrebleu": {"metrics"},
    "nltk": {"metrics"},
    "cryptography": {"trajectories"},
    "msgspec": {"trajectories"},
    "opentelemetry": {"trajectories"},
    "zstandard": {"trajectories"},
    "sqlalchemy": {"ratings"},
    "markdown_it": {"ratings"},
    "yaml": {"plain_yaml", "pricing", "ratings", "trajectories"},
    "jinja2": {"prompts"},
    "itsdangerous": {"serving"},
    "jsonschema": {"metrics"},
    "starlette": {"models", "serving"},
    "uvicorn": {"models", "serving"},
    "rouge_score": set(),  # a peer of the tests and benchmarks
    "nbclient": {"reports"},
    "nbconvert": {"reports"},
}


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def nodes_of(tree: ast.AST, *, running: bool) -> Iterator[ast.AST]:
    """Yield all of a tree, at will without what only a checker of types reads."""
    if running and isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    yield tree
    for node in ast.iter_child_nodes(tree):
        yield from nodes_of(node, running=running)


def imports(path: Path, *, running: bool = False) -> set[str]:
    """Return what a module imports, `from workbench import x` as `workbench.x`."""
    found = set()
    for node in nodes_of(tree_of(path), running=running):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            found |= (
                {f"{base}.{alias.name}" for alias in node.names} if base == "workbench" else {base}
            )
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_stands_below_it(path):
    own = layer(path)
    if own == "__init__":
        return
    used = {each.split(".")[1] for each in imports(path) if each.startswith("workbench.")}
    allowed = LAYERS[own] | {upper for lower, upper in UPWARDS if lower == own}
    assert used - {own} <= allowed | ({"__version__"} if own == "cli" else set())


def test_an_import_upwards_is_made_only_when_it_is_needed():
    for lower, upper in UPWARDS:
        for path in MODULES:
            if layer(path) == lower:
                body = tree_of(path).body
                assert upper not in {
                    (node.module or "").split(".")[1]
                    for node in body
                    if isinstance(node, ast.ImportFrom) and "." in (node.module or "")
                }


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_library_is_imported_only_at_home(path):
    used = {each.split(".")[0] for each in imports(path, running=True)}
    strange = {each for each in used & HOMES.keys() if layer(path) not in HOMES[each]}
    assert not strange


def test_every_layer_exists():
    assert {layer(path) for path in MODULES} - {"__init__"} == set(LAYERS)


def test_the_public_names_are_sorted_and_there():
    assert wb.__all__ == sorted(wb.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    for name in wb.__all__:
        assert getattr(wb, name) is not None
    assert set(dir(wb)) >= set(wb.__all__)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Rouge", "; did you mean 'ROUGE'?"),
        ("blue", "; did you mean 'BLEU'?"),
        ("BERTScore", ""),
    ],
)
def test_an_unknown_public_name_is_an_attribute_error_with_the_nearest(name, advice):
    with pytest.raises(AttributeError) as caught:
        getattr(wb, name)
    assert str(caught.value) == f"module 'workbench' has no attribute {name!r}{advice}"


def test_an_unknown_public_name_is_guessed_once():
    done = subprocess.run(
        [sys.executable, "-c", "import workbench as wb; wb.Rouge"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stderr.splitlines()[-1] == (
        "AttributeError: module 'workbench' has no attribute 'Rouge'; did you mean 'ROUGE'?"
    )


@pytest.mark.parametrize(
    "folder", [PACKAGE, *(p for p in PACKAGE.iterdir() if p.is_dir())], ids=name_of
)
def test_no_module_bears_the_name_of_a_public_function(folder):
    modules = {path.stem for path in folder.glob("*.py")}
    functions = {
        node.name
        for path in folder.rglob("*.py")
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert not modules & functions


def test_importing_the_workbench_imports_nothing_heavy():
    heavy = (
        "pandas numpy sacrebleu rouge_score nltk datasets pyarrow plotly IPython nbconvert scipy "
        "sqlalchemy yaml starlette uvicorn"
    )
    code = (
        "import sys; before = set(sys.modules); import workbench; "
        f"print(*(set({heavy.split()!r}) & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_comparing_imports_no_figures_and_no_notebooks():
    code = (
        "import sys; import workbench as wb\n"
        "rows = wb.read([{'input': 'a', 'references': ['a']}])\n"
        "c = wb.compare(wb.score(wb.outputs(rows, {'a': ['a'], 'b': ['b']}), rows, [wb.BLEU()]))\n"
        "repr(c.leaderboard())\n"
        "print(*({'plotly', 'nbconvert', 'datasets', 'nltk', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def functions(path: Path) -> list[tuple[str, int]]:
    """Return each function with its lines, docstring left out."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            document = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            skipped = first.end_lineno - first.lineno + 1 if document else 0
            found.append((node.name, node.end_lineno - node.lineno + 1 - skipped))
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_and_modules_stay_small(path):
    assert len(text_of(path).splitlines()) <= 500
    assert not [(name, lines) for name, lines in functions(path) if lines > 60]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_package_prints_nothing_and_reads_no_environment(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print"
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
            # MLflow can only be silenced there, before it is imported
            assert layer(path) == "models" or name_of(path) == "workbench/runs/tracking.py"


PUBLIC = [
    (f"{name}.{member}" if member else name, thing)
    for name in wb.__all__
    if not inspect.ismodule(getattr(wb, name))
    for member, thing in [
        ("", getattr(wb, name)),
        *(
            (each, function)
            for each, function in inspect.getmembers(getattr(wb, name), inspect.isfunction)
            if not each.startswith("_")
        ),
    ]
]


@pytest.mark.parametrize(("name", "thing"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_every_parameter_of_a_public_name_is_documented(name, thing):
    document = inspect.getdoc(thing) or ""
    assert document, f"{name} has no docstring"
    overrides = {"statistics", "aggregate", "worst", "scorable", "refuse"}
    if name.split(".")[-1] in overrides and not name.startswith("Metric."):
        return
    parameters = [
        p for p in inspect.signature(thing).parameters if p not in {"self", "args", "kwargs"}
    ]
    if len(parameters) > 2:
        section = document.split("Parameters\n----------", 1)[-1]
        assert [
            p for p in parameters if not p.startswith("_") and not re.search(rf"\b{p}\b", section)
        ] == []


@pytest.mark.parametrize(
    "name", ["compare", "outputs", "plan", "read", "score", "BLEU", "ROUGE", "Column"]
)
def test_every_way_in_has_an_example_that_runs(name):
    assert ">>> " in inspect.getdoc(getattr(wb, name))


def test_the_folder_of_datasets_is_no_package():
    folder = ROOT / "datasets"
    assert not list(folder.rglob("__init__.py"))
    assert not (folder / "datasets.py").exists()
    for place in (p for p in folder.iterdir() if p.is_dir()):
        assert (place / "README.md").exists(), f"{place.name} has no card"
        assert sum(path.stat().st_size for path in place.rglob("*")) < 3_000_000


@pytest.mark.slow
def test_the_library_called_datasets_is_found_beside_our_folder():
    code = "import datasets; assert datasets.load_dataset"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# Put together here, so that this file does not hold what it looks for.
FORBIDDEN = {
    "the address of a package registry": re.compile(
        r"files\.python" + r"hosted|py" + r"pi\.org/simple|registry\.npm" + r"js"
    ),
    "a path of one machine": re.compile(r"/(?:ro" + r"ot|wo" + r"rk|opt/py" + r"pi)/"),
    "a hash of a download": re.compile(r"--ha" + r"sh="),
    "a private key": re.compile(r"BEGIN [A-Z ]*PRIVATE " + r"KEY"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what):
    texts = {".py", ".md", ".toml", ".txt", ".ipynb", ".json", ".jsonl", ".js", ".css", ".sh", ""}
    found = [
        name_of(path)
        for path in TRACKED
        if path.suffix in texts and path.exists() and FORBIDDEN[what].search(text_of(path))
    ]
    assert found == []


def test_the_constraints_pin_every_requirement_exactly():
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, version = re.fullmatch(r"([a-z0-9_-]+)==([^ ;]+)(?: ; .+)?", line).groups()
        pinned.setdefault(name, set()).add(version)
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    for requirement in project["dependencies"] + extras:
        name = re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower()
        if name != project["name"]:
            assert name in pinned, requirement
            assert re.search(r"[>=]=", requirement), f"{requirement} has no lower bound"


def test_every_script_is_checked_javascript():
    scripts = list(PACKAGE.rglob("*.js"))
    assert len(scripts) >= 2
    for path in scripts:
        assert text_of(path).startswith("// @ts-check")
