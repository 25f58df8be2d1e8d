"""`workbench agreement` and `workbench rank`: what ratings are worth, and what they say."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.terminal import DONE, command, say, say_json
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

    from workbench.display import Sheet

_COEFFICIENTS = ["percent", "alpha", "gwet", "fleiss", "brennan-prediger"]


def add_agreement(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the type private
    """Declare `workbench agreement`."""
    parser = command(
        commands,
        "agreement",
        _agreement,
        "Measure how far raters agree, with intervals.",
        example="workbench agreement ratings.sqlite --question fluency --scale ordinal",
    )
    _add_ratings(parser)
    parser.add_argument(
        "--scale", default="nominal", help="nominal (default), ordinal, interval or ratio"
    )
    parser.add_argument(
        "--coefficients",
        nargs="+",
        default=["percent", "alpha"],
        help=f"of {', '.join(_COEFFICIENTS)} (default: percent alpha)",
    )
    parser.add_argument("--values", nargs="+", help="all values that could be chosen, in order")
    parser.add_argument("--by", metavar="COLUMN", help="measure within each group of a column")
    parser.add_argument("--samples", type=int, default=2_000, help="resamples (default: 2000)")


def add_rank(commands: Any) -> None:  # noqa: ANN401
    """Declare `workbench rank`."""
    parser = command(
        commands,
        "rank",
        _rank,
        "Rank systems by preferences, rankings, or best and worst.",
        example="workbench rank ratings.sqlite --question better --ties davidson",
    )
    _add_ratings(parser)
    parser.add_argument("--ties", default="davidson", help="davidson (default), half or drop")
    parser.add_argument(
        "--cluster", default="item_id", help="column of answers that belong together, or none"
    )
    parser.add_argument("--weights", metavar="COLUMN", help="weigh answers, such as by strength")
    parser.add_argument("--prior", type=float, default=0.0, help="wins and losses added to each")
    parser.add_argument("--unit", default="log", help="log (default) or elo")
    parser.add_argument("--method", default="sandwich", help="sandwich (default) or bootstrap")
    parser.add_argument("--samples", type=int, default=1_000, help="resamples (default: 1000)")


def _add_ratings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ratings", help="a journal, or a file of ratings that `rate export` wrote")
    parser.add_argument("--question", help="which question (default: each, or the only one)")
    parser.add_argument("--level", type=float, default=0.95, help="confidence (default: 0.95)")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default: 0)")
    parser.add_argument("--json", action="store_true", help="write JSON for machines")


def _agreement(options: argparse.Namespace) -> int:
    import workbench as wb

    sheet = wb.ratings.agreement(
        _ratings(options.ratings, adjudicated="ignore"),
        question=options.question,
        scale=options.scale,
        coefficients=options.coefficients,
        values=options.values,
        by=options.by,
        level=options.level,
        samples=options.samples,
        seed=options.seed,
    )
    return _show(sheet, options)


def _rank(options: argparse.Namespace) -> int:
    import workbench as wb

    sheet = wb.ratings.rank(
        _ratings(options.ratings, adjudicated="keep"),
        question=options.question,
        ties=options.ties,
        cluster=None if options.cluster == "none" else options.cluster,
        weights=options.weights,
        prior=options.prior,
        unit=options.unit,
        method=options.method,
        level=options.level,
        samples=options.samples,
        seed=options.seed,
    )
    return _show(sheet, options)


def _ratings(place: str, *, adjudicated: str) -> "pd.DataFrame":
    """Read a journal, or a file of ratings in any format that is known."""
    import workbench as wb

    if "://" in place or Path(place).suffix in {".sqlite", ".db", ".sqlite3"}:
        return wb.ratings.read(place, adjudicated=adjudicated)
    return wb.ratings.from_file(place).ratings


def _show(sheet: "Sheet", options: argparse.Namespace) -> int:
    if options.json:
        say_json({"caption": sheet.caption, "rows": each_row(sheet.frame)})
    else:
        say(repr(sheet))
    return DONE
