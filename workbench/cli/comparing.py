"""`workbench score` and `workbench compare`: texts or tables in, figures and a gate out."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import store
from workbench.cli.terminal import DONE, GATE_FAILED, command, progress, say, say_json, tell
from workbench.display import counted
from workbench.errors import BadValue, some
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

    from workbench.comparison import Comparison
    from workbench.display import Sheet
    from workbench.metrics.scoring import Scores

# Written out, as to import the metrics for a help that nobody may ask for takes a third of a second.
_METRICS = (
    "bleu chrf chrf++ ter rouge1 rouge2 rougeL rougeLsum exact_match token_f1 length_ratio column "
    "regex_match json_valid label_match numeric_match pass_at_k pass_hat_k majority_vote "
    "self_consistency"
)


def add_score(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench score`."""
    parser = command(
        commands,
        "score",
        _score,
        "Score systems, with intervals and tie groups.",
        example="workbench score ref.txt a.txt b.txt --metric bleu rougeL",
    )
    _add_inputs(parser)


def add_compare(commands: Any) -> None:  # noqa: ANN401
    """Declare `workbench compare`."""
    parser = command(
        commands,
        "compare",
        _compare,
        "Compare systems with a baseline.",
        example="workbench compare ref.txt a.txt b.txt --metric bleu rougeL --baseline a",
    )
    _add_inputs(parser)
    parser.add_argument("--baseline", help="the system to compare with (default: the first)")
    parser.add_argument(
        "--test", default="randomisation", help="randomisation, mcnemar or bootstrap"
    )
    parser.add_argument(
        "--correction",
        help="holm (default), max-t, benjamini-hochberg, benjamini-yekutieli or none",
    )
    parser.add_argument("--compat", help="sacrebleu: its own p-values, bit for bit")
    parser.add_argument(
        "--margin",
        nargs="+",
        default=[],
        metavar="METRIC=LOSS",
        help="fail (exit 1) unless every loss is shown to be smaller",
    )


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
        "--metric",
        nargs="+",
        default=["bleu", "chrf"],
        help=f"metrics, such as bleu:tokenize=char (default: bleu chrf); all of them: {_METRICS}",
    )
    parser.add_argument("--json", action="store_true", help="write JSON for machines")
    parser.add_argument(
        "--write",
        nargs="+",
        default=[],
        metavar="FILE",
        help="write the figures to files too: .csv .xlsx .parquet .jsonl .tex (leaderboard with "
        "marks), .json (LLM Comparator)",
    )
    parser.add_argument("--samples", type=int, help="exchanges and resamples (default: 10000)")
    parser.add_argument("--seed", type=int, help="of the random numbers (default: 0)")
    parser.add_argument("--level", type=float, default=0.95, help="confidence (default: 0.95)")
    parser.add_argument("--cluster", help="column of rows that belong together")
    parser.add_argument("--failures", default="exclude", help="exclude (default) or worst")
    parser.add_argument(
        "--most-failed",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="refuse where more of a system's outputs failed (default: 0.1)",
    )


def _score(options: argparse.Namespace) -> int:
    import workbench as wb

    comparison = wb.compare(
        _scored(options),
        samples=options.samples,
        seed=options.seed,
        level=options.level,
        cluster=options.cluster,
        failures=options.failures,
        most_failed=options.most_failed,
        progress=progress("comparing"),
    )
    sheet = comparison.leaderboard()
    _write(comparison, sheet, options.write)
    if options.json:
        _say_json(comparison, sheet.frame)
    else:
        say(repr(sheet))
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
        most_failed=options.most_failed,
        margins=_margins(options.margin),
        compat=options.compat,
        progress=progress("comparing"),
    )
    _write(comparison, comparison.sheet, options.write)
    if options.json:
        _say_json(comparison, comparison.frame)
    else:
        say(f"{comparison!r}\n\n{comparison.sentences()!r}")
    return _gate(comparison) if options.margin else DONE


def _write(comparison: "Comparison", sheet: "Sheet", paths: Sequence[str]) -> None:
    """Write the figures to files, to all of them or to none."""
    from workbench.exchange.writing import WHOLE, content, kind_of

    made = [content(comparison if kind_of(path) in WHOLE else sheet, path) for path in paths]
    for path, each in zip(paths, made, strict=True):
        store.write_bytes(path, each)


def _gate(comparison: "Comparison") -> int:
    """Say on standard error which losses are not shown to be small enough."""
    told = comparison.frame.dropna(subset="margin")
    failed = told[told["not_worse"] != "yes"]
    if not len(failed):
        return DONE
    names = ", ".join(f"{row['system']} in {row['metric']}" for row in each_row(failed))
    tell(f"gate failed: not shown to lose less than the margin: {names}.")
    return GATE_FAILED


def _scored(options: argparse.Namespace) -> "Scores":
    """Read rows and outputs in either of the two ways, and score them."""
    import workbench as wb
    from workbench.metrics.catalogue import named

    _refuse_mixtures(options)
    if options.write:
        from workbench.exchange.writing import kind_of

        for path in options.write:  # before hours of work
            kind_of(path)
    if options.rows:
        rows = wb.read(options.rows, columns=_renames(options.columns), systems=options.systems)
        outputs = wb.outputs(rows, options.systems or options.outputs or options.rows)
    else:
        rows = wb.read(references=[options.reference, *options.also])
        rows.attrs["name"] = Path(options.reference).name
        outputs = wb.outputs(rows, _by_stem(options.system))
    metrics = [named(each) for each in options.metric]
    return wb.score(outputs, rows, metrics, progress=progress("scoring"))


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
            f"system files must have distinct names, but {counted(len(paths), 'file')} have "
            f"{counted(len(systems), 'name')}; rename one."
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


def _say_json(comparison: "Comparison", frame: "pd.DataFrame") -> None:
    say_json(
        {
            "dataset": comparison.scores.dataset,
            "digest": comparison.scores.digest,
            "settings": str(comparison.settings),
            "failures": each_row(comparison.scores.failures),
            "rows": each_row(frame),
        }
    )
