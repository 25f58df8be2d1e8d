"""How a comparison speaks: sentences, and sheets of rounded figures with a caption."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import display, failing
from workbench.contrasts import Settings, shown_error
from workbench.display import Sheet
from workbench.metrics.base import Metric
from workbench.metrics.scoring import Scores
from workbench.pairing import cluster_column
from workbench.stats.corrections import alpha_of
from workbench.stats.power import rows_needed
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

Record = Mapping[str, Any]

_DIFFERENTLY = "test and interval are made differently, and need not agree near the limit"

_MARKS = {
    "better": "▲ better",
    "worse": "▼ worse",
    "identical": "= identical",
    "undecided": "? undecided",
}


def caption(scores: Scores, settings: Settings, title: str, *, correction: str) -> str:
    """Say what a sheet shows, of which data, and how it was made."""
    n_rows = scores.outputs["row_id"].nunique()
    column = cluster_column(scores.outputs, settings.cluster)
    clusters = ""
    if column != "row_id" and not settings.compat:
        n_clusters = scores.outputs[column].astype("str").nunique()
        clusters = f" in {display.counted(n_clusters, 'cluster')} ({column})"
    failures = scores.failure_note
    if failures[:1].isdigit():
        failures += f" (failures={settings.failures!r})"
    how = settings.told(correction)
    return (
        f"{title}. {scores.dataset}, {display.counted(n_rows, 'row')}{clusters}; {how}; {failures}."
    )


def corrected(correction: str, family: str) -> str:
    """Say what a correction was made over, which decides as much as the correction does."""
    return correction if correction == "none" else f"{correction} over {family}"


def family(frame: "pd.DataFrame") -> str:
    """Count the differences of a frame that were tested, which are corrected together."""
    return display.counted(int(frame["p"].notna().sum()), "difference")


def _signatures(frame: "pd.DataFrame") -> list[str]:
    told = zip(frame["metric"], frame["signature"], strict=True)
    return [f"{name}: {signature}" for name, signature in dict.fromkeys(told)]


def differences_sheet(
    frame: "pd.DataFrame",
    scores: Scores,
    settings: Settings,
    title: str,
    *,
    lead: Sequence[str] = (),
    correction: str | None = None,
    whole: "pd.DataFrame | None" = None,
) -> Sheet:
    """Show differences, one line each; the columns `lead` come first.

    They are corrected together, or as a part of a whole.
    """
    made = corrected(correction or settings.correction, family(frame if whole is None else whole))
    told = caption(scores, settings, title, correction=made)
    return differences_table(frame, scores.metric, told, alpha=settings.alpha, lead=lead)


def differences_table(
    frame: "pd.DataFrame",
    metric_of: Callable[[str], Metric],
    told: str,
    *,
    alpha: float,
    lead: Sequence[str] = (),
) -> Sheet:
    """Show differences under a caption, wherever they come from."""
    header = [*lead, "metric", "system", "score", "difference [interval]", "p", "adjusted p"]
    header += ["changed", "verdict"]
    some_failed = "delta_worst_low" in frame and bool(
        frame[["n_failed", "baseline_n_failed"]].any(axis=None)
    )
    body = []
    for row in each_row(frame):
        places = _places(metric_of(row["metric"]), row["score"])
        places_of_difference = _difference_places(metric_of(row["metric"]), row)
        cells = [
            *(str(row[name]) for name in lead),
            row["metric"],
            row["system"],
            display.number(row["score"], places),
            display.interval(
                row["delta"],
                row["ci_low"],
                row["ci_high"],
                places_of_difference,
            ),
            display.p_value(row["p"], alpha),
            display.p_value(row["p_adjusted"], alpha),
            f"{row['n_changed']} of {row['n_clusters']}",
            _MARKS.get(row["verdict"], "–"),
        ]
        if some_failed:
            cells.append(_worst_case(row, places_of_difference))
        if "not_worse" in row:
            cells.append("–" if is_missing(row["not_worse"]) else row["not_worse"])
        body.append(cells)
    header += ["failures at worst, best"] if some_failed else []
    header += ["not worse"] if "not_worse" in frame else []
    return Sheet(frame, told, header, body, _signatures(frame))


def leaderboard_sheet(frame: "pd.DataFrame", scores: Scores, settings: Settings) -> Sheet:
    """Show a leaderboard: a line per system, a column per metric, in the first metric's order."""
    names = [metric.name for metric in scores.metrics]
    others = scores.categories
    body = []
    for system in frame.loc[frame["metric"] == names[0], "system"]:
        rows = {row["metric"]: row for row in each_row(frame[frame["system"] == system])}
        cells = [
            each for name in names for each in (_figure(scores, rows[name]), rows[name]["group"])
        ]
        first = rows[names[0]]
        n_failed = max(row["n_failed"] for row in rows.values())
        counts = (first["n"], n_failed, first["n_empty"])
        told = [f"{first[f'n_{each}']} of {first['n_outputs']}" for each in others]
        body.append([system, *cells, *map(str, counts), *told])
    title = "Leaderboard; systems that share a letter cannot be told apart"
    n_pairs = display.counted(math.comb(len(scores.systems), 2), "pair")
    correction = corrected(settings.correction, f"{n_pairs} of each metric")
    header = ["system", *(each for name in names for each in (name, "group"))]
    header += ["rows", "failed", "empty", *(each.replace("_", " ") for each in others)]
    said = caption(scores, settings, title, correction=correction)
    return Sheet(frame, said, header, body, _signatures(frame))


_USES = {"more": "▲ more", "fewer": "▼ fewer", "undecided": "? undecided"}
_WIDE_NGRAM = 60

_SORTS = {
    "gain": "{system} gains most over {other}",
    "loss": "{system} loses most to {other}",
    "size": "{system} and {other} differ most",
}


def examples_sheet(
    frame: "pd.DataFrame", metric: Metric, system: str, other: str, sort: str
) -> Sheet:
    """Show rows with the texts and the values of two systems."""
    places = _places(metric, float(frame["value"].abs().max()))
    body = [
        [
            row["row_id"],
            *(display.number(row[name], places) for name in ("delta", "value", "other_value")),
            display.plain(row["text"], width=160),
            display.plain(row["other_text"], width=160),
        ]
        for row in each_row(frame)
    ]
    header = ["row_id", "difference", system, other, f"{system} wrote", f"{other} wrote"]
    told = _SORTS[sort].format(system=system, other=other)
    title = f"{display.counted(len(frame), 'row')} on which {told} in {metric.name}"
    return Sheet(frame, title, header, body)


def ngrams_sheet(
    frame: "pd.DataFrame",
    scores: Scores,
    settings: Settings,
    pair: tuple[str, str],
    *,
    n: int,
    correction: str,
    n_found: int,
    least: int,
    n_left_out: int,
) -> Sheet:
    """Show n-grams with the counts of two systems, the surest first."""
    body = [
        [
            display.plain(row["ngram"], width=_WIDE_NGRAM),
            row["kind"],
            *(_count(row[name]) for name in ("count", "other_count", "n_more", "n_fewer")),
            display.interval(row["log_odds"], row["ci_low"], row["ci_high"]),
            display.p_value(row["p"], settings.alpha),
            display.p_value(row["p_adjusted"], settings.alpha),
            _USES[row["verdict"]],
        ]
        for row in each_row(frame.head(n))
    ]
    column = "row_id" if settings.compat else cluster_column(scores.outputs, settings.cluster)
    units = "rows" if column == "row_id" else "clusters"
    told = int((frame["verdict"] != "undecided").sum())
    title = (
        f"N-grams that {pair[0]} writes or misses more, or less, than {pair[1]}: {told} of "
        f"{len(frame)} tested are told apart. {scores.dataset}; sign test over {units}, correction "
        f"{correction}, {display.percent(settings.level)} intervals of log odds; {n_found} differ in "
        f"enough {units} to be told apart alone, {len(frame)} distinct ones in at least {least}"
    )
    if n_left_out:
        title += f"; {display.counted(n_left_out, 'row')} without references left out"
    header = ["n-gram", "kind", *pair, f"{units} more", "fewer", "log odds [interval]", "p"]
    return Sheet(frame, f"{title}.", [*header, "adjusted p", pair[0]], body)


def influence_sheet(
    frame: "pd.DataFrame", total: float, metric: Metric, pair: tuple[str, str], n: int
) -> Sheet:
    """Show the rows that make a difference, with what is left of it without them."""
    places = max(_places(metric, float(frame["value"].abs().max())), _places(metric, total))
    body = [
        [
            row["row_id"],
            *(_text(row[name]) for name in ("text", "other_text")),
            *(display.number(row[name], places) for name in ("value", "other_value")),
            _share(row["share"]),
            *(display.number(row[name], places) for name in ("delta_without", "delta_rest")),
        ]
        for row in each_row(frame.head(n))
    ]
    title = (
        f"{len(body)} of {len(frame)} rows, those that make most of {pair[0]} − {pair[1]} = "
        f"{display.number(total, places)} {metric.name}; {_undone(frame, total)}"
    )
    header = ["row_id", f"{pair[0]} wrote", f"{pair[1]} wrote", *pair, "share"]
    return Sheet(frame, title, [*header, "without it", "without it and those above"], body)


def disagreements_sheet(frame: "pd.DataFrame", n: int) -> Sheet:
    """Show the rows on which metrics disagree, and which they are."""
    names = [str(name) for name in frame if str(name).startswith("delta_")]
    body = [
        [
            row["row_id"],
            row["system"],
            *(_text(row[name]) for name in ("text", "other_text")),
            *(display.number(row[name], 2) for name in names),
            row["favours"],
            row["opposes"],
            display.number(row["spread"], 2),
        ]
        for row in each_row(frame.head(n))
    ]
    title = (
        f"{display.counted(len(body), 'row')} on which metrics disagree most; they put different "
        f"systems ahead on {int(frame['opposite'].sum())} of {len(frame)}, from "
        f"{', '.join(frame['baseline'].unique())}"
    )
    deltas = [f"Δ {name.removeprefix('delta_')}" for name in names]
    header = ["row_id", "system", "it wrote", "the baseline wrote", *deltas]
    return Sheet(frame, title, [*header, "favours it most", "least", "spread (rms)"], body)


def _undone(frame: "pd.DataFrame", total: float) -> str:
    """Say how many rows, left out one after another, undo a difference."""
    if not total:
        return "there is no difference"
    undone = np.flatnonzero(frame["delta_rest"].to_numpy() * total <= 0)
    if not len(undone):
        return "no number of them undoes it"
    return f"without the first {undone[0] + 1} it is undone"


def _count(value: float) -> str:
    """Write a number of times; of repeats it may be a fraction."""
    return display.number(value, 0 if float(value).is_integer() else 2)


def _share(share: float) -> str:
    return "–" if is_missing(share) else f"{display.number(100 * share, 1)} %"


def _text(cell: object) -> str:
    return "–" if is_missing(cell) else display.plain(cell, width=160)


def _worst_case(row: Record, places: int) -> str:
    """Write between what a difference could be for all that failures say."""
    if is_missing(row["delta_worst_low"]):
        return "–" if row["n_failed"] or row["baseline_n_failed"] else "none failed"
    low, high = (display.number(row[f"delta_worst_{end}"], places) for end in ("low", "high"))
    return f"{low} to {high}"


def sentence(scores: Scores, settings: Settings, row: Record, *, n_tests: int = 1) -> str:
    """Say one difference in plain words, and what became of the outputs behind it.

    Where it is undecided, it says how many rows would settle it; where outputs have no value, how
    far they could matter.

    Parameters
    ----------
    scores, settings
        Those of the comparison.
    row : mapping
        A row of its frame.
    n_tests : int
        Of the family that is corrected together.
    """

    def number(value: float) -> str:
        return display.number(value, _difference_places(scores.metric(row["metric"]), row))

    return _difference(scores, settings, row, n_tests) + failing.words(scores, row, number)


def _difference(scores: Scores, settings: Settings, row: Record, n_tests: int) -> str:
    system, baseline, metric = row["system"], row["baseline"], row["metric"]
    if row["verdict"] == "identical":
        return f"{system} and {baseline} are identical under {metric} (n = {row['n']})."
    if is_missing(row["delta"]):
        return (
            f"{system} and {baseline} have no figures to compare under {metric} (n = {row['n']})."
        )
    places = _difference_places(scores.metric(metric), row)
    size = f"{display.number(abs(row['delta']), places)} {metric}"
    ends = (row["ci_low"], row["ci_high"])
    low, high = ends if row["delta"] >= 0 else (-ends[1], -ends[0])
    p = display.p_value(row["p_adjusted"], settings.alpha)
    sure = (
        f"({display.percent(settings.level)} CI {display.number(low, places)} to "
        f"{display.number(high, places)}; adjusted p {p if p.startswith('<') else f'= {p}'}; "
        f"n = {row['n']})"
    )
    if row["verdict"] in {"better", "worse"}:
        return f"{system} is {row['verdict']} than {baseline} by {size} {sure}.{_near(low)}"
    apart = row["p_adjusted"] <= settings.alpha and row["delta"] != 0 and is_missing(row["verdict"])
    told = "differs from" if apart else "cannot be told apart from"
    if row["delta"] == 0:
        return f"{system} {told} {baseline}: no difference {sure}."
    side = "above" if row["delta"] > 0 else "below"
    ask = "" if apart else _beyond(low, row, settings) + _ask(row, settings.level, n_tests)
    return f"{system} {told} {baseline}: {size} {side} it {sure}.{ask}"


def _near(low: float) -> str:
    """Say that an interval holds zero where the test found a difference."""
    if not low <= 0:
        return ""
    return f" The interval holds zero all the same: {_DIFFERENTLY}."


def _beyond(low: float, row: Record, settings: Settings) -> str:
    """Say that an interval leaves zero out where the test found nothing."""
    if not low > _noise(row):
        return ""
    adjusted = not is_missing(row["p"]) and row["p"] <= settings.alpha
    why = "it is not adjusted for what else was tested" if adjusted else _DIFFERENTLY
    return f" The interval leaves zero out all the same: {why}."


def _ask(row: Record, level: float, n_tests: int) -> str:
    """Say how many rows would settle a difference, or nothing where that is not known."""
    n_rows = rows_needed(
        row["delta"],
        shown_error(row, level),
        n=row["n"],
        n_changed=row["n_changed"],
        alpha=alpha_of(level),
        comparisons=n_tests,
    )
    if not row["n"] < n_rows < math.inf:  # fewer: the test had too few samples to say
        return ""
    return f" About {about(n_rows)} rows would settle a difference of this size (power 80 %)."


def about(n: float) -> str:
    """Write a number rounded up to two digits, which is as much as a variance can say.

    Examples
    --------
    >>> about(3312), about(17.2), about(8)
    ('3,400', '18', '8')
    """
    step = 10 ** max(0, len(str(math.ceil(n))) - 2)
    return f"{math.ceil(n / step) * step:,}"


def margin_words(scores: Scores, row: Record) -> str:
    """Say one outcome of a test of non-inferiority."""
    metric = scores.metric(row["metric"])
    places = display.telling(_difference_places(metric, row), row["margin"])
    sign = -1 if metric.direction == "up" else 1
    for end in ("ci_low", "ci_high"):  # whether a loss is beyond the margin must be seen
        places = display.apart(places, sign * row[end], row["margin"], _noise(row))
    difference = display.interval(row["delta"], row["ci_low"], row["ci_high"], places)
    return (
        f"{row['system']} in {row['metric']}: {row['not_worse']}, difference {difference} against "
        f"a margin of {display.number(row['margin'], places)}"
    )


def _figure(scores: Scores, row: Record) -> str:
    places = _places(scores.metric(row["metric"]), row["score"])
    return display.interval(row["score"], row["ci_low"], row["ci_high"], places)


def _places(metric: Metric, size: float) -> int:
    return display.digits(metric.bounds, abs(size))


def _difference_places(metric: Metric, row: Record) -> int:
    """Return the places of the scores, or more: a difference may be far smaller than they are."""
    sizes = [abs(row[name]) for name in ("delta", "ci_low", "ci_high") if not is_missing(row[name])]
    largest = max(sizes, default=0.0)
    places = _places(metric, row["score"])
    if metric.bounds == (None, None) and largest:
        places = max(places, display.digits(metric.bounds, largest) - 1)
    sizes += [row.get("delta_worst_low"), row.get("delta_worst_high")]
    return display.telling(places, *sizes, least=_noise(row))


def _noise(row: Record) -> float:
    """Return what a difference may be of rounding alone, as the tests take it."""
    return float(2**-40 * max(abs(row["score"]), abs(row["score"] - row["delta"])))
