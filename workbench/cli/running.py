"""`workbench run` and `workbench runs …`: ask models, and see what was asked before."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.terminal import DONE, GATE_FAILED, command, say, say_json, tell
from workbench.errors import BadValue, unknown_name
from workbench.tables import each_row

if TYPE_CHECKING:
    from workbench.runs import Progress, Run


def add_run(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench run`."""
    parser = command(
        commands,
        "run",
        _run,
        "Ask models by prompts about rows, resumably.",
        example="workbench run experiment.yaml --estimate",
    )
    parser.add_argument("experiment", help="a file of .yaml or .py (which is executed)")
    parser.add_argument(
        "--estimate", action="store_true", help="say what it would take; ask nobody"
    )
    parser.add_argument(
        "--retry-failures", action="store_true", help="ask again what failed before"
    )
    parser.add_argument("--store", help="folder of runs (default: that of the file, or runs)")
    parser.add_argument("--name", help="the run's folder (default: that of the file, or its stem)")
    parser.add_argument("--dollars", type=float, help="the most that this start may spend")
    parser.add_argument("--calls", type=int, help="the most calls that it may send")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="when it is to end")
    parser.add_argument(
        "--most-failed",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="exit 1 if more cells have no text (default: 1)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def add_runs(commands: Any) -> None:  # noqa: ANN401
    """Declare `workbench runs`."""
    parser = command(
        commands,
        "runs",
        _runs,
        "List, show, resume and export runs.",
        example="workbench runs show summaries",
    )
    parser.add_argument(
        "what", choices=["list", "show", "resume", "export", "diff"], help="what to do"
    )
    parser.add_argument("name", nargs="*", help="the run's name; to diff, two of them")
    parser.add_argument("--store", default="runs", help="folder of runs (default: runs)")
    parser.add_argument("--to", metavar="FILE", help="where to export: .parquet .csv .jsonl .xlsx")
    parser.add_argument(
        "--mlflow", metavar="ADDRESS", help="where MLflow keeps runs, to export to it"
    )
    parser.add_argument(
        "--retry-failures", action="store_true", help="resume: ask again what failed"
    )
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _run(options: argparse.Namespace) -> int:
    import workbench as wb
    from workbench.runs.experiments import read_experiment
    from workbench.runs.running import run

    made = read_experiment(options.experiment)
    told = dict(made.options)
    told["store"] = options.store or told.get("store", "runs")
    told["name"] = options.name or told.get("name", made.path.stem)
    if options.dollars is not None or options.calls is not None:
        told["budget"] = wb.Budget(dollars=options.dollars, calls=options.calls)
    if options.time_limit is not None:
        told["time_limit_s"] = options.time_limit
    if options.estimate:
        say(repr(run(made.rows, estimate=True, retry_failures=options.retry_failures, **told)))
        return DONE
    outputs = run(
        made.rows,
        retry_failures=options.retry_failures,
        progress=_progress(),
        source=made.path,
        **told,
    )
    sheet = wb.runs.summary(outputs)
    if options.json:
        say_json({"run": outputs.attrs["run"], "systems": each_row(sheet.frame)})
    else:
        say(f"{sheet!r}\nRun: {outputs.attrs['run']}")
    return _gate(outputs["text"].isna().mean(), options.most_failed)


def _gate(share: float, most: float) -> int:
    if share <= most:
        return DONE
    tell(f"gate failed: {share:.1%} of the cells have no text, and at most {most:.1%} may.")
    return GATE_FAILED


def _progress() -> "Callable[[Progress], None] | None":
    """Return a line that a terminal shows again and again."""
    if not sys.stderr.isatty():
        return None

    def report(state: "Progress") -> None:
        end = "\n" if state.n_done >= state.n_cells and not state.in_flight else ""
        sys.stderr.write(f"\r\x1b[K{state}{end}")
        sys.stderr.flush()

    return report


def _runs(options: argparse.Namespace) -> int:
    import workbench as wb

    if options.what == "list":
        sheet = wb.runs.list(options.store)
        say_json(each_row(sheet.frame)) if options.json else say(repr(sheet))
        return DONE
    n_needed = 2 if options.what == "diff" else 1
    if len(options.name) != n_needed:
        raise BadValue(
            f"`workbench runs {options.what}` must be given {n_needed} name{'s' * (n_needed > 1)}, but "
            f"{len(options.name)} came; see `workbench runs list`."
        )
    folders = [_folder(options.store, name) for name in options.name]
    if options.what == "diff":
        sheet = wb.runs.compare_manifests(*folders)
        say_json(each_row(sheet.frame)) if options.json else say(repr(sheet))
        return DONE
    if options.what == "resume":
        return _resume(folders[0], options)
    run = wb.runs.read(folders[0])
    return _export(run, options) if options.what == "export" else _show(run, as_json=options.json)


def _folder(store: str, name: str) -> Path:
    from workbench.runs.reading import folders

    known = {each.name: each for each in folders(store)}
    if name not in known:
        raise unknown_name(f"a run in {store}", name, known)
    return known[name]


def _show(run: "Run", *, as_json: bool) -> int:
    if as_json:
        say_json({"manifest": dict(run.manifest), "systems": each_row(run.summary.frame)})
    else:
        say(f"{run!r}\n\n{run.summary!r}")
    return DONE


def _resume(folder: Path, options: argparse.Namespace) -> int:
    from workbench.runs import manifests

    path = manifests.read(folder).get("source")
    if not path:
        raise BadValue(
            f"a run must have been started from a file to be resumed here, but {folder.name!r} was started by "
            "Python; call wb.run again with the same arguments, store and name."
        )
    wanted = ["run", str(path), "--store", options.store, "--name", folder.name]
    from workbench.cli import main

    return main(
        [*wanted, *["--retry-failures"] * options.retry_failures, *["--json"] * options.json]
    )


def _export(run: "Run", options: argparse.Namespace) -> int:
    import workbench as wb

    if not (options.to or options.mlflow):
        raise BadValue(
            "an export must know where to, but neither --to nor --mlflow came; name a file such as outputs.parquet."
        )
    if options.to:
        wb.exchange.write(run.outputs, options.to)
    if options.mlflow:
        say(wb.runs.to_mlflow(run, tracking_uri=options.mlflow))
    return DONE
