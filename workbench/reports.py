"""Notebooks to golden files and to reports: executed, canonical, and as HTML that opens offline.

A notebook's stored outputs are its golden file. In canonical form a second run changes no byte,
so a difference in git is a difference in what the notebook says.
"""

import base64
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from workbench import store
from workbench.display import plain
from workbench.errors import BadValue, Unreadable, some

if TYPE_CHECKING:
    from nbformat import NotebookNode

Progress = Callable[[int, int], None]

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"

LIMIT_NOTEBOOK_BYTES = 150_000
"""The largest stored notebook: a figure of 100 KB does not belong in git."""

# An entry of an index, as `_index` writes it.
_ITEM = re.compile(r'<li><a href="([^"]*)">([^<]*)</a><p>([^<]*)</p></li>')

_CELL_TIMEOUT_S = 120
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a stored notebook, and where."""

    path: Path
    cell: int | None
    message: str

    def __str__(self) -> str:
        place = f", cell {self.cell}" if self.cell is not None else ""
        return f"{self.path}{place}: {self.message}"


def find(paths: Sequence[str | Path] = ()) -> list[Path]:
    """Return the notebooks asked for, or those of the `notebooks` folder, in order.

    Raises
    ------
    Unreadable
        If a path is no notebook and no folder of notebooks.
    """
    found: list[Path] = []
    for path in map(Path, paths or store.homes("notebooks")[:1] or ["notebooks"]):
        inside = sorted(path.glob("*.ipynb")) if path.is_dir() else [path] * path.is_file()
        if not inside or any(each.suffix != ".ipynb" for each in inside):
            raise Unreadable(
                f"a report is made of notebooks (.ipynb) or a folder of them, but {path} is "
                "neither; start in the project's folder, or name a notebook."
            )
        found += inside
    return found


def read(path: Path) -> "NotebookNode":
    """Read a notebook of format 4.

    Raises
    ------
    BadValue
        If the file is no notebook.
    """
    import nbformat

    try:
        # nbformat.reads would only log that a notebook breaks the format.
        notebook = nbformat.reader.reads(path.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]
        notebook = nbformat.convert(notebook, 4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        reason = " ".join(str(error).split())[:120]
        raise BadValue(
            f"{path} must be a notebook, but it is not ({reason}); save it again."
        ) from None
    return notebook  # type: ignore[no-any-return]


def execute(path: Path) -> "NotebookNode":
    """Run a notebook from top to bottom in a fresh kernel, in its own folder.

    Raises
    ------
    BadValue
        If a cell raises or does not finish in two minutes.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = read(path)
    started: list[int] = []
    client = NotebookClient(
        notebook,
        timeout=_CELL_TIMEOUT_S,
        on_cell_start=lambda cell, cell_index: started.append(cell_index),  # noqa: ARG005
        kernel_name="python3",
        resources={"metadata": {"path": str(path.resolve().parent)}},
        # No history file; and no word about plain TCP, which stays on this machine's loopback.
        extra_arguments=["--HistoryManager.enabled=False", "--log-level=40"],
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        # The name and the message of what the cell raised, without the coloured traceback.
        parts = (getattr(error, "ename", type(error).__name__), getattr(error, "evalue", ""))
        reason = plain(": ".join(filter(None, parts)), width=200)
        raise BadValue(
            f"{path} must run from top to bottom, but {_place(notebook, started)} does not "
            f"({reason}); mend it."
        ) from None
    return notebook


def _place(notebook: "NotebookNode", started: Sequence[int]) -> str:
    """Name the code cell that was started last, counted as a fault counts them."""
    if not started:  # the kernel itself did not start
        return "it"
    before = notebook.cells[: started[-1] + 1]
    return f"code cell {sum(cell.cell_type == 'code' for cell in before)}"


def canonical(notebook: "NotebookNode") -> str:
    """Return a notebook's text in the one form in which it is stored.

    Kept: sources, cell ids, tags, counts 1 to n, outputs. Dropped: what changes from run to run or
    from machine to machine (widget state, execution times, language versions).
    """
    import nbformat

    kept = _canonical_node(notebook)
    return str(nbformat.writes(kept)).rstrip("\n") + "\n"  # type: ignore[no-untyped-call]


def _canonical_node(notebook: "NotebookNode") -> "NotebookNode":
    import nbformat

    kept = nbformat.from_dict(json.loads(json.dumps(notebook)))  # type: ignore[no-untyped-call]
    kept.metadata = nbformat.from_dict({"kernelspec": _KERNEL})  # type: ignore[no-untyped-call]
    kept.nbformat, kept.nbformat_minor = 4, 5
    count = 0
    for cell in kept.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})  # type: ignore[no-untyped-call]
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = [_canonical_output(output, count) for output in cell.outputs]
    return kept  # type: ignore[no-any-return]


def _canonical_output(output: Any, count: int) -> Any:  # noqa: ANN401 - nbformat is untyped
    output.pop("transient", None)
    if "metadata" in output:
        output["metadata"] = {}
    if output.output_type == "execute_result":
        output.execution_count = count
    data = output.get("data", {})
    data.pop(WIDGET, None)
    if PLOTLY in data:
        # The address of a server for sharing figures, which nothing here talks to.
        data[PLOTLY].pop("config", None)
    return output


def write(paths: Sequence[str | Path] = (), *, progress: Progress | None = None) -> list[Path]:
    """Execute notebooks and store them in canonical form.

    Parameters
    ----------
    paths : sequence of path
        Notebooks or folders of them; the folder `notebooks` by default.
    progress : callable, optional
        Called with the notebooks done and in all.

    Returns
    -------
    list of Path
        The notebooks whose text changed.
    """
    changed = []
    found = find(paths)
    for at, path in enumerate(found, start=1):
        text = canonical(execute(path))
        if text != path.read_text(encoding="utf-8"):
            store.write_text(path, text)
            changed.append(path)
        if progress:
            progress(at, len(found))
    return changed


def check(
    paths: Sequence[str | Path] = (), *, run: bool = True, progress: Progress | None = None
) -> list[Fault]:
    """Find what is wrong with stored notebooks.

    Parameters
    ----------
    paths : sequence of path
        Notebooks or folders of them; the folder `notebooks` by default.
    run : bool
        Whether to execute each notebook and compare its outputs with the stored ones.
    progress : callable, optional
        Called with the notebooks done and in all.

    Returns
    -------
    list of Fault
        Empty when all is well.
    """
    faults: list[Fault] = []
    found = find(paths)
    for at, path in enumerate(found, start=1):
        own = list(_faults(path))
        faults += own or (list(_differences(path)) if run else [])
        if progress:
            progress(at, len(found))
    return faults


# What must not stand in a stored output: it differs on the next machine or the next run.
_UNSTABLE = (
    (re.compile(r"\b0x[0-9a-f]{6,}"), "an address in memory"),
    (re.compile(r"(?<![\w.])/(home|root|Users|tmp|work)/\w"), "an absolute path"),
)


def _faults(path: Path) -> Iterator[Fault]:
    """Look at a stored notebook without running it."""
    notebook = read(path)
    text = path.read_text(encoding="utf-8")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if len(text.encode()) > LIMIT_NOTEBOOK_BYTES:
        yield Fault(path, None, f"it is larger than {LIMIT_NOTEBOOK_BYTES} bytes")
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        # A notebook without counts passes nbval without a single comparison.
        yield Fault(path, None, "its cells were not run once, in order")
    if sum(bool(cell.outputs) for cell in code) < 0.8 * len(code):
        yield Fault(path, None, "fewer than 80 % of its code cells show something")
    if text != canonical(notebook):
        yield Fault(path, None, "it is not in canonical form")
    for at, cell in enumerate(code, start=1):
        yield from (Fault(path, at, message) for message in _unstable(cell.outputs))


def _unstable(outputs: Sequence[Any]) -> Iterator[str]:
    """Say what in a cell's outputs would differ on the next machine, or should not be stored."""
    if any(output.output_type in {"error", "stream"} for output in outputs):
        yield "it shows an error or printed text"
    shown = json.dumps(outputs)
    for pattern, what in _UNSTABLE:
        if pattern.search(shown):
            yield f"its output holds {what}"


def _differences(path: Path) -> Iterator[Fault]:
    """Compare the stored outputs with those of a fresh run, cell by cell."""
    stored, fresh = (
        [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        for text in (path.read_text(encoding="utf-8"), canonical(execute(path)))
    )
    for at, (old, new) in enumerate(zip(stored, fresh, strict=True), start=1):
        if old["outputs"] != new["outputs"]:
            yield Fault(path, at, "its stored output differs from that of a fresh run")


def build(
    paths: Sequence[str | Path] = (),
    *,
    folder: str | Path = "reports",
    run: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Turn notebooks into HTML files that open offline, and an index of them.

    Parameters
    ----------
    paths : sequence of path
        Notebooks or folders of them; the folder `notebooks` by default.
    folder : path
        Where to write. Pages that its index names already stay in the index.
    run : bool
        Whether to execute the notebooks first; the stored ones are not touched.
    progress : callable, optional
        Called with the pages done and in all.

    Returns
    -------
    Path
        The index page. Every page holds all it needs and talks to nothing; what is in an output
        cannot run as a script.

    Raises
    ------
    BadValue
        If a notebook is broken or shows nothing, or two would become the same page; then no page
        is written.
    Unreadable
        If a path is no notebook and no folder of notebooks.
    """
    found = find(paths)
    _refuse_shared_names(found)
    pages: dict[str, str] = {}
    entries = []
    for at, path in enumerate(found, start=1):
        notebook = execute(path) if run else read(path)
        _refuse_silence(notebook, path)
        name, title = f"{path.stem}.html", _title(notebook, path)
        pages[name] = page(notebook, title=title)
        entries.append((name, title, _abstract(notebook)))
        if progress:
            progress(at, len(found))
    for name, text in pages.items():
        store.write_text(Path(folder) / name, text)
    index = Path(folder) / "index.html"
    store.write_text(index, _index(sorted([*entries, *_others(index, pages)])))
    return index


def _refuse_shared_names(paths: Sequence[Path]) -> None:
    """Refuse notebooks whose pages would overwrite each other or the index."""
    names = Counter(path.stem for path in paths) + Counter(["index"])
    if doubled := [str(path) for path in paths if names[path.stem] > 1]:
        raise BadValue(
            "notebooks of one report must have names of their own, other than index, but "
            f"{some(doubled)} share one; rename one of them."
        )


def _refuse_silence(notebook: "NotebookNode", path: Path) -> None:
    """Refuse a notebook that was never run: its report would look whole and say nothing."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if code and not any(cell.outputs for cell in code):
        raise BadValue(
            f"{path} must have outputs to report, but none of its {len(code)} code cells has any; "
            "run it first (workbench report --execute)."
        )


def page(notebook: "NotebookNode", *, title: str) -> str:
    """Return one notebook as an HTML page, the same bytes for the same notebook."""
    from nbconvert import HTMLExporter

    figures: list[dict[str, Any]] = []
    kept = _with_placeholders(notebook, figures)
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic", require_js_url="", mathjax_url="", mermaid_js_url="", jquery_url=""
    )
    exporter.exclude_output_prompt = exporter.exclude_input_prompt = True
    body, _ = exporter.from_notebook_node(kept)
    # The corner of a pandas table is no header: a screen reader would announce an empty one.
    body = body.replace("<th></th>", "<td></td>")
    data = json.dumps(figures, sort_keys=True).replace("<", "\\u003c")
    scripts = [_plotly(), _asset("report.js")] if figures else []
    blocks = f'<script type="application/json" id="figures">{data}</script>\n' if figures else ""
    return _html(title, f'<main class="notebook">\n{body}\n</main>\n{blocks}', scripts)


def _with_placeholders(notebook: "NotebookNode", figures: list[dict[str, Any]]) -> "NotebookNode":
    """Put an empty box in the place of each figure, and collect the figures."""
    kept = _canonical_node(notebook)
    for cell in kept.cells:
        for output in cell.get("outputs", []):
            figure = output.get("data", {}).get(PLOTLY)
            if figure is None:
                continue
            title = html.escape(_figure_title(figure))
            height = int(figure.get("layout", {}).get("height", 400))
            box = f'<div class="figure" role="img" aria-label="{title}" style="height:{height}px">'
            output["data"] = {"text/html": f'<p class="figure-title">{title}</p>{box}</div>'}
            figures.append({"data": figure["data"], "layout": figure["layout"]})
    return kept


def _figure_title(figure: dict[str, Any]) -> str:
    title = str(figure.get("layout", {}).get("title", {}).get("text", "Figure"))
    return html.unescape(re.sub(r"<[^>]*>", " ", title))


def _asset(name: str) -> str:
    return (Path(__file__).parent / "assets" / name).read_text(encoding="utf-8")


def _html(title: str, body: str, drawing: Sequence[str]) -> str:
    """Wrap a page, with a policy under which only our own scripts run."""
    from pygments.formatters import HtmlFormatter

    scripts = [*drawing, _asset("reach.js")]
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
        for script in scripts
    ]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    styles = f"{_asset('report.css')}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    tags = "".join(f"<script>{script}</script>\n" for script in scripts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{styles}\n</style>\n</head>\n"
        f"<body>\n{body}{tags}</body>\n</html>\n"
    )


def _title(notebook: "NotebookNode", path: Path) -> str:
    found = re.search(r"^# +(.+)$", _prose(notebook), flags=re.MULTILINE)
    return found[1].strip() if found else path.stem


def _abstract(notebook: "NotebookNode") -> str:
    """Return the first paragraph after the title."""
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", _prose(notebook))]
    return next((" ".join(p.split()) for p in paragraphs if p and not p.startswith("#")), "")


def _prose(notebook: "NotebookNode") -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def _index(entries: Sequence[tuple[str, str, str]]) -> str:
    items = "\n".join(
        f'<li><a href="{quote(name)}">{html.escape(title)}</a><p>{html.escape(abstract)}</p></li>'
        for name, title, abstract in entries
    )
    body = f'<main class="index">\n<h1>Reports</h1>\n<ol>\n{items}\n</ol>\n</main>\n'
    return _html("Reports", body, [])


def _others(index: Path, pages: Container[str]) -> list[tuple[str, str, str]]:
    """Return the entries of an index that was there, of other pages that still are."""
    if not index.is_file():
        return []
    items = _ITEM.findall(index.read_text(encoding="utf-8", errors="replace"))
    return [
        (name, html.unescape(title), html.unescape(abstract))
        for name, title, abstract in ((unquote(href), *told) for href, *told in items)
        if name not in pages and name == Path(name).name and (index.parent / name).is_file()
    ]


def _plotly() -> str:
    from workbench.views.script import plotly_script

    return plotly_script()
