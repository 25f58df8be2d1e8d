"""The same verbs from a shell: `workbench tour | lab | score | compare | notebooks | report | bench`.

Exit status 0 means done, 1 that a gate failed, 2 that the input was bad.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import __version__
from workbench.display import COMMANDS, plain, visible
from workbench.errors import BadValue, InputError, Unreadable, some
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

    from workbench.comparison import Comparison
    from workbench.metrics.scoring import Scores

DONE, GATE_FAILED, BAD_INPUT = 0, 1, 2

_EXAMPLES = {
    "tour": "workbench tour",
    "lab": "workbench lab",
    "score": "workbench score ref.txt a.txt b.txt --metric bleu rougeL",
    "compare": "workbench compare ref.txt a.txt b.txt --metric bleu rougeL --baseline a",
    "notebooks": "workbench notebooks --check",
    "report": "workbench report notebooks/01_compare_models.ipynb --folder reports",
    "bench": "workbench bench --task bleu rouge --json out.json",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _options(arguments)
    try:
        status: int = options.run(options)
    except InputError as error:
        _tell(str(error))
        return BAD_INPUT
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; Python would complain again at exit.
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123
        return DONE
    except OSError as error:
        _tell(
            f"{error.filename or 'every file'} must be readable and writable, but that failed "
            f"({error.strerror or error}); check the path, its permissions and the room on the disk."
        )
        return BAD_INPUT
    except KeyboardInterrupt:
        _tell("stopped.")
        return 130
    return status


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments; what `lab` does not know is for JupyterLab."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not _lab:
        parser.error(plain(f"unrecognized arguments: {' '.join(rest)}"))
    options.rest = rest
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workbench",
        description="Compare models and prompts, with figures that say how sure they are.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_tour(commands)
    _add_lab(commands)
    _add_score(commands)
    _add_compare(commands)
    _add_notebooks(commands)
    _add_report(commands)
    _add_bench(commands)
    return parser


def _command(
    commands: Any,  # noqa: ANN401 - argparse keeps the type private
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary, epilog=f"example: {_EXAMPLES[name]}"
    )
    parser.set_defaults(run=run)
    return parser


def _add_tour(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "tour", _tour, "Compare the shipped systems and build the reports.")
    parser.add_argument("--folder", default="reports", help="where to write (default: reports)")


def _add_lab(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "lab", _lab, "Open JupyterLab on the notebooks.")
    parser.usage = "workbench lab [-h] [options for JupyterLab, such as --no-browser]"


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add what `score` and `compare` read."""
    parser.add_argument("reference", nargs="?", help="text file with one reference per line")
    parser.add_argument("system", nargs="*", help="text files with one output per line")
    parser.add_argument("--also", nargs="+", default=[], metavar="REF", help="further references")
    parser.add_argument("--rows", help="dataset: a file, a folder or the name of a shipped set")
    parser.add_argument("--outputs", help="table of outputs (default: those of the dataset)")
    parser.add_argument(
        "--systems", nargs="+", default=[], help="columns of --rows, one per system's outputs"
    )
    parser.add_argument(
        "--columns", nargs="+", default=[], metavar="YOURS=OURS", help="rename columns of --rows"
    )
    parser.add_argument(
        "--metric", nargs="+", default=["bleu", "chrf"], help="metrics, such as bleu:tokenize=char"
    )
    parser.add_argument("--json", action="store_true", help="write JSON for machines")
    parser.add_argument("--samples", type=int, help="exchanges and resamples (default: 10000)")
    parser.add_argument("--seed", type=int, help="of the random numbers (default: 0)")
    parser.add_argument("--level", type=float, default=0.95, help="confidence (default: 0.95)")
    parser.add_argument("--cluster", help="column of rows that belong together")
    parser.add_argument("--failures", default="exclude", help="exclude (default) or worst")


def _add_score(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "score", _score, "Score systems, with intervals and tie groups.")
    _add_inputs(parser)


def _add_compare(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "compare", _compare, "Compare systems with a baseline.")
    _add_inputs(parser)
    parser.add_argument("--baseline", help="the system to compare with (default: the first)")
    parser.add_argument("--test", default="randomisation", help="randomisation or bootstrap")
    parser.add_argument("--correction", help="holm (default), benjamini-hochberg or none")
    parser.add_argument("--compat", help="sacrebleu: its own p-values, bit for bit")
    parser.add_argument(
        "--margin",
        nargs="+",
        default=[],
        metavar="METRIC=LOSS",
        help="fail (exit 1) unless every loss is shown to be smaller",
    )


def _add_notebooks(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "notebooks", _notebooks, "Run notebooks and store or check them.")
    parser.add_argument("path", nargs="*", help="notebooks or folders (default: notebooks)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="run, make canonical and store")
    what.add_argument("--check", action="store_true", help="run and compare; exit 1 on a fault")


def _add_report(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "report", _report, "Turn notebooks into HTML that opens offline.")
    parser.add_argument("path", nargs="*", help="notebooks or folders (default: notebooks)")
    parser.add_argument("--folder", default="reports", help="where to write (default: reports)")
    parser.add_argument("--execute", action="store_true", help="run the notebooks first")


def _add_bench(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "bench", _bench, "Measure our work beside that of its peers.")
    parser.add_argument("--task", nargs="+", default=[], help="which ones (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="of each side (default: 5)")
    parser.add_argument(
        "--size-factor", type=float, default=1.0, help="multiply every size (default: 1)"
    )
    parser.add_argument("--json", metavar="PATH", help="write the rows to a file for machines too")


def _tour(options: argparse.Namespace) -> int:
    import workbench as wb

    rows = wb.read("news-summaries")
    outputs = wb.outputs(rows, "news-summaries")
    metrics = [wb.ROUGE("1"), wb.ROUGE("L"), wb.ChrF()]
    scores = wb.score(outputs, rows, metrics, progress=_progress("scoring"))
    comparison = wb.compare(scores, baseline="lead", progress=_progress("comparing"))
    _say(repr(comparison.leaderboard()))
    _say("")
    _say(repr(comparison.sentences("rouge1")))
    _say("")
    _say("Building the reports from the notebooks …")
    index = wb.reports.build(folder=options.folder, run=True, progress=_progress("building"))
    _say(f"Open {index} in a browser, or the notebooks themselves with: workbench lab")
    return DONE


def _lab(options: argparse.Namespace) -> int:
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


def _score(options: argparse.Namespace) -> int:
    import workbench as wb

    comparison = wb.compare(
        _scored(options),
        samples=options.samples,
        seed=options.seed,
        level=options.level,
        cluster=options.cluster,
        failures=options.failures,
        progress=_progress("comparing"),
    )
    sheet = comparison.leaderboard()
    _say(_json(comparison, sheet.frame) if options.json else repr(sheet))
    return DONE


def _compare(options: argparse.Namespace) -> int:
    import workbench as wb

    scores = _scored(options)
    if len(scores.systems) < 2:
        raise BadValue(
            f"a comparison must have at least two systems, but only {some(scores.systems)} came; "
            "add the outputs of another."
        )
    comparison = wb.compare(
        scores,
        baseline=options.baseline or _first_system(options),
        test=options.test,
        samples=options.samples,
        seed=options.seed,
        level=options.level,
        correction=options.correction,
        cluster=options.cluster,
        failures=options.failures,
        margins=_margins(options.margin),
        compat=options.compat,
        progress=_progress("comparing"),
    )
    if options.json:
        _say(_json(comparison, comparison.frame))
    else:
        _say(f"{comparison!r}\n\n{comparison.sentences()!r}")
    return _gate(comparison) if options.margin else DONE


def _gate(comparison: "Comparison") -> int:
    """Say on standard error which losses are not shown to be small enough."""
    told = comparison.frame.dropna(subset="margin")
    failed = told[told["not_worse"] != "yes"]
    if not len(failed):
        return DONE
    names = ", ".join(f"{row['system']} in {row['metric']}" for row in each_row(failed))
    _tell(f"gate failed: not shown to lose less than the margin: {names}.")
    return GATE_FAILED


def _scored(options: argparse.Namespace) -> "Scores":
    """Read rows and outputs in either of the two ways, and score them."""
    import workbench as wb
    from workbench.metrics.catalogue import named

    _refuse_mixtures(options)
    if options.rows:
        rows = wb.read(options.rows, columns=_renames(options.columns))
        outputs = wb.outputs(rows, options.systems or options.outputs or options.rows)
    else:
        rows = wb.read(references=[options.reference, *options.also])
        rows.attrs["name"] = Path(options.reference).name
        outputs = wb.outputs(rows, _by_stem(options.system))
    metrics = [named(each) for each in options.metric]
    return wb.score(outputs, rows, metrics, progress=_progress("scoring"))


def _refuse_mixtures(options: argparse.Namespace) -> None:
    """Refuse what would otherwise be passed over in silence."""
    if bool(options.rows) == bool(options.reference):
        raise BadValue(
            "the input must be either text files (REFERENCE SYSTEM …) or --rows, but "
            f"{'both' if options.rows else 'neither'} came; see --help for an example."
        )
    if options.reference and not options.system:
        raise BadValue(
            f"a reference must be followed by outputs, but only {options.reference} came; add "
            "a text file per system."
        )
    if options.rows and options.also:
        raise BadValue(
            f"--also must stand beside text files, but it came beside --rows {options.rows}; put "
            "the references into the dataset."
        )
    for name in ("outputs", "systems", "columns"):
        if options.reference and getattr(options, name):
            raise BadValue(
                f"--{name} must stand beside --rows, but it came beside {options.reference}; name "
                "the outputs as text files."
            )
    if options.systems and options.outputs:
        raise BadValue(
            "outputs must come as columns (--systems) or as a table (--outputs), but both came; "
            "leave one out."
        )


def _by_stem(paths: Sequence[str]) -> dict[str, Path]:
    systems = {_stem(path): Path(path) for path in paths}
    if len(systems) != len(paths):
        raise BadValue(
            f"system files must have distinct names, but {len(paths)} files have {len(systems)} "
            "names; rename one."
        )
    return systems


def _stem(path: str) -> str:
    return Path(path).name.removesuffix(".gz").removesuffix(".txt")


def _first_system(options: argparse.Namespace) -> str | None:
    return next(iter([*map(_stem, options.system), *options.systems]), None)


def _renames(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in texts]
    if wrong := [
        text for text, (name, _, ours) in zip(texts, pairs, strict=True) if not name or not ours
    ]:
        raise BadValue(
            f"a renamed column must be written as YOURS=OURS, such as source=input, but {wrong[0]!r} "
            "came."
        )
    return {name: ours for name, _, ours in pairs}


def _margins(texts: Sequence[str]) -> dict[str, float]:
    margins = {}
    for text in texts:
        metric, _, loss = text.partition("=")
        if metric in margins:
            raise BadValue(
                f"a margin must be given once per metric, but {metric} has two; drop one."
            )
        try:
            margins[metric] = float(loss)
        except ValueError:
            raise BadValue(
                f"a margin must be written as METRIC=LOSS, such as bleu=0.5, but {text!r} came."
            ) from None
    return margins


def _notebooks(options: argparse.Namespace) -> int:
    from workbench import reports

    if options.write:
        changed = reports.write(options.path, progress=_progress("running"))
        _say("\n".join(f"changed {path}" for path in changed) or "nothing changed")
        return DONE
    faults = reports.check(options.path, progress=_progress("running"))
    _say(
        "\n".join(map(str, faults)) or "every notebook is canonical and says what a fresh run says"
    )
    return GATE_FAILED if faults else DONE


def _report(options: argparse.Namespace) -> int:
    from workbench import reports

    index = reports.build(
        options.path, folder=options.folder, run=options.execute, progress=_progress("building")
    )
    _say(str(index))
    return DONE


def _bench(options: argparse.Namespace) -> int:
    """Run the benchmarks, which are files of the checkout and no part of the package."""
    import runpy

    from workbench import store

    checkout = Path(__file__).resolve().parent.parent
    harness = checkout / "tests" / "bench" / "harness.py"
    if not harness.is_file():
        raise Unreadable(
            f"the benchmarks live in tests/bench of a checkout, but {checkout} has no such folder; "
            "install the package from a clone with pip install -e ."
        )
    found = runpy.run_path(str(harness))
    rows = found["bench"](
        options.task,
        runs=options.runs,
        size_factor=options.size_factor,
        progress=_progress("measuring"),
    )
    _say(found["table"](rows))
    if options.json:
        text = json.dumps({"rows": rows}, indent=1, ensure_ascii=False)
        store.write_text(options.json, f"{text}\n")
    judged = [row["equal"] for row in rows]
    return DONE if any(judged) and False not in judged else GATE_FAILED


def _json(comparison: "Comparison", frame: "pd.DataFrame") -> str:
    records = [
        {key: _plain_value(value) for key, value in record.items()} for record in each_row(frame)
    ]
    text = json.dumps(
        {
            "dataset": comparison.scores.dataset,
            "digest": comparison.scores.digest,
            "settings": str(comparison.settings),
            "failures": comparison.scores.failures.to_dict("records"),
            "rows": records,
        },
        indent=1,
        ensure_ascii=False,
    )
    # JSON lets most of these stand in a text; the line ends are those between the cells
    return COMMANDS.sub(lambda c: "\n" if c[0] == "\n" else f"\\u{ord(c[0]):04x}", text)


def _plain_value(value: object) -> object:
    """JSON knows no NaN: what is missing is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _progress(doing: str) -> Callable[[int, int], None] | None:
    """Return a progress line for a terminal, shown once the work takes more than two seconds."""
    if not sys.stderr.isatty():
        return None
    begin = time.monotonic()

    def report(done: int, total: int) -> None:
        if time.monotonic() - begin > 2:
            end = "\r\x1b[K" if done >= total else ""
            sys.stderr.write(f"\r{doing} {done / total:.0%}{end}")
            sys.stderr.flush()

    return report


def _say(text: str) -> None:
    """Write to standard output, where no text may command a terminal."""
    try:
        sys.stdout.write(visible(f"{text}\n", but="\n"))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is {sys.stdout.encoding}"
        # what was not written would be tried again, in vain, when Python ends
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123
        raise Unreadable(
            f"standard output must take UTF-8 text of any length, but it does not ({reason}); "
            "make room, or send it elsewhere."
        ) from None


def _tell(text: str) -> None:
    sys.stderr.write(f"workbench: {plain(text)}\n")
