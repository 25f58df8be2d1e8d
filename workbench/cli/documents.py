"""`workbench tour | lab | notebooks | report | bench`: what the project itself is made of."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from workbench.cli.terminal import DONE, GATE_FAILED, command, progress, say
from workbench.errors import Unreadable


def add_tour(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench tour`."""
    parser = command(
        commands,
        "tour",
        _tour,
        "Compare the shipped systems and build the reports.",
        example="workbench tour",
    )
    parser.add_argument("--folder", default="reports", help="where to write (default: reports)")


def add_lab(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench lab`."""
    parser = command(
        commands, "lab", lab, "Open JupyterLab on the notebooks.", example="workbench lab"
    )
    parser.usage = "workbench lab [-h] [options for JupyterLab, such as --no-browser]"


def add_notebooks(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench notebooks`."""
    parser = command(
        commands,
        "notebooks",
        _notebooks,
        "Run notebooks and store or check them.",
        example="workbench notebooks --check",
    )
    parser.add_argument("path", nargs="*", help="notebooks or folders (default: notebooks)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="run, make canonical and store")
    what.add_argument("--check", action="store_true", help="run and compare; exit 1 on a fault")


def add_report(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench report`."""
    parser = command(
        commands,
        "report",
        _report,
        "Turn notebooks into HTML that opens offline.",
        example="workbench report notebooks/01_compare_models.ipynb --folder reports",
    )
    parser.add_argument("path", nargs="*", help="notebooks or folders (default: notebooks)")
    parser.add_argument("--folder", default="reports", help="where to write (default: reports)")
    parser.add_argument("--execute", action="store_true", help="run the notebooks first")


def add_bench(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench bench`."""
    parser = command(
        commands,
        "bench",
        _bench,
        "Measure our work beside that of its peers.",
        example="workbench bench --task bleu rouge --json out.json",
    )
    parser.add_argument("--task", nargs="+", default=[], help="which ones (default: all)")
    parser.add_argument(
        "--peer", nargs="+", default=[], help="only beside these (default: all peers)"
    )
    parser.add_argument("--runs", type=int, default=5, help="of each side (default: 5)")
    parser.add_argument(
        "--size-factor", type=float, default=1.0, help="multiply every size (default: 1)"
    )
    parser.add_argument("--json", metavar="PATH", help="write the rows to a file for machines too")
    parser.add_argument("--write", metavar="PATH", help="write them to a page in Markdown too")


def _tour(options: argparse.Namespace) -> int:
    import workbench as wb

    rows = wb.read("news-summaries")
    outputs = wb.outputs(rows, "news-summaries")
    metrics = [wb.ROUGE("1"), wb.ROUGE("L"), wb.ChrF()]
    scores = wb.score(outputs, rows, metrics, progress=progress("scoring"))
    comparison = wb.compare(scores, baseline="lead", progress=progress("comparing"))
    say(repr(comparison.leaderboard()))
    say("")
    say(repr(comparison.sentences("rouge1")))
    say("")
    say("Building the reports from the notebooks …")
    index = wb.reports.build(folder=options.folder, run=True, progress=progress("building"))
    say(f"Open {index} in a browser, or the notebooks themselves with: workbench lab")
    return DONE


def lab(options: argparse.Namespace) -> int:
    """Open JupyterLab; what we do not know of the options is for it."""
    from workbench import store

    places = store.homes("notebooks")
    if not places:
        raise Unreadable(
            "the lab opens a folder called notebooks, but there is none from here upwards; start "
            "in the project's folder."
        )
    rest = [each for each in options.rest if each != "--"]
    return subprocess.run(  # noqa: S603 - the user's own words, and no shell
        [sys.executable, "-m", "jupyterlab", places[0], *rest], check=False
    ).returncode


def _notebooks(options: argparse.Namespace) -> int:
    from workbench import reports

    if options.write:
        changed = reports.write(options.path, progress=progress("running"))
        say("\n".join(f"changed {path}" for path in changed) or "nothing changed")
        return DONE
    faults = reports.check(options.path, progress=progress("running"))
    say("\n".join(map(str, faults)) or "every notebook is canonical and says what a fresh run says")
    return GATE_FAILED if faults else DONE


def _report(options: argparse.Namespace) -> int:
    from workbench import reports

    index = reports.build(
        options.path, folder=options.folder, run=options.execute, progress=progress("building")
    )
    say(str(index))
    return DONE


def _bench(options: argparse.Namespace) -> int:
    """Run the benchmarks, which are files of the checkout and no part of the package."""
    import runpy

    from workbench import store

    checkout = Path(__file__).resolve().parent.parent.parent
    harness = checkout / "tests" / "bench" / "harness.py"
    if not harness.is_file():
        raise Unreadable(
            f"the benchmarks live in tests/bench of a checkout, but {checkout} has no such folder; "
            "install the package from a clone with pip install -e ."
        )
    found = runpy.run_path(str(harness))
    rows = found["bench"](
        options.task,
        peers=options.peer,
        runs=options.runs,
        size_factor=options.size_factor,
        progress=progress("measuring"),
    )
    say(found["table"](rows))
    if options.json:
        text = json.dumps({"rows": rows}, indent=1, ensure_ascii=False)
        store.write_text(options.json, f"{text}\n")
    if options.write:
        store.write_text(options.write, found["page"](rows))
    judged = [row["equal"] for row in rows]
    return DONE if any(judged) and False not in judged else GATE_FAILED
