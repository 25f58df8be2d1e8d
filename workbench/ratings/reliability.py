"""RATINGS to agreement: how far raters say the same of the same, and how sure that is."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from workbench import display
from workbench.display import Lines, percent
from workbench.errors import BadValue, unknown_name
from workbench.ratings.estimation.answers import (
    Answers,
    NotOfScale,
    Where,
    answered,
    by_label,
    coded,
)
from workbench.ratings.estimation.classes import require_resampling
from workbench.ratings.estimation.coincidence import Coefficient, Estimate, Scale, estimate, sums
from workbench.ratings.estimation.noted import NotedSheet
from workbench.tables import RATINGS, each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = [
    "question", "coefficient", "scale", "value", "ci_low", "ci_high", "n_items", "n_raters",
    "n_ratings", "method", "signature", "note",
]  # fmt: skip

_FORMULAS = {
    "percent": "share of agreeing pairs of raters, mean over items",
    "alpha": "Krippendorff's alpha",
    "gwet": "Gwet's AC1 (AC2 where the scale weighs)",
    "fleiss": "Fleiss' kappa as Gwet generalises it",
    "brennan-prediger": "Brennan and Prediger's kappa",
}


@dataclass(frozen=True)
class _Settings:
    """How agreement is measured; `agreement` says what each field means."""

    scale: Scale
    coefficients: Sequence[Coefficient]
    values: tuple[Hashable, ...] | None
    level: float
    samples: int
    seed: int

    def __post_init__(self) -> None:
        if self.scale not in get_args(Scale):
            raise unknown_name("scale", self.scale, get_args(Scale))
        for each in self.coefficients:
            if each not in get_args(Coefficient):
                raise unknown_name("a coefficient", each, get_args(Coefficient))
        require_resampling(self.level, self.samples, self.seed)


def agreement(
    ratings: "pd.DataFrame",
    *,
    question: str | None = None,
    scale: Scale = "nominal",
    coefficients: Sequence[Coefficient] = ("percent", "alpha"),
    values: Sequence[Hashable] | None = None,
    by: str | None = None,
    level: float = 0.95,
    samples: int = 2_000,
    seed: int = 0,
) -> NotedSheet:
    """Measure how far raters agree, each question for itself.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS. Any pattern of missing ratings will do; rulings of adjudicators are left out.
    question : str, optional
        The question; by default each question that can be measured, and a note on any other.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        What the values are: names, an order, numbers with a unit, numbers with a zero.
    coefficients : sequence of {"percent", "alpha", "gwet", "fleiss", "brennan-prediger"}
        "percent" is the share of agreeing pairs of raters, whatever the scale; the others allow
        for chance, and weigh disagreements by the scale.
    values : sequence, optional
        All values that a rater could choose, in their order; those that came by default. The
        number of them counts for "gwet" and "brennan-prediger", and texts need an order to be
        ordinal.
    by : str, optional
        A column of `ratings`, such as "system": agreement within each of its groups, "(missing)"
        being that of the rows where it is empty.
    level : float
        Confidence of the intervals.
    samples, seed : int
        Number of resamples of the bootstrap, and the seed of their random numbers.

    Returns
    -------
    NotedSheet
        Its frame: `question`, `coefficient`, `scale`, `value`, `ci_low`, `ci_high`, `n_items`
        (with at least two ratings), `n_raters` and `n_ratings` (of those items), `method`,
        `signature`, `note` (why a figure is missing, or worth little); with `by` that column first.
        The notes are shown below the sheet.

    Raises
    ------
    BadValue
        If there is nothing to measure, a rater answered twice, a value is not of the scale, or `by`
        makes no groups.
    UnknownName
        If there is no such question, column, scale or coefficient.

    Notes
    -----
    What is rated is an output of an item, two systems on an item (whichever of them is a), or a
    whole item that ranks outputs. Intervals are
    for these raters and other items: items are drawn with replacement, with all their ratings, and
    the interval is bias-corrected and accelerated (BCa). A question that asks for several labels
    becomes one question per label, given or not.

    References
    ----------
    Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability"; Gwet (2014), chapters 2 to
    5; Efron (1987) for the interval.

    Examples
    --------
    >>> import pandas as pd
    >>> ratings = pd.DataFrame(
    ...     [(item, rater, "fluent", value) for item, values in enumerate(["yy", "nn", "yn"] * 20)
    ...      for rater, value in zip("ab", values)],
    ...     columns=["item_id", "rater", "question", "value"],
    ... )
    >>> agreement(ratings)
    Agreement of 2 raters; nominal, 95 % intervals (BCa bootstrap over items, 2000 resamples)
    question  coefficient      value [interval]  items  raters  ratings
    fluent    percent      0.667 [0.533, 0.783]     60       2      120
    fluent    alpha        0.339 [0.107, 0.599]     60       2      120
    """
    named, known = _listed(coefficients), None if values is None else tuple(values)
    settings = _Settings(scale, named, known, level, samples, seed)
    frame = answered(RATINGS.check(ratings, source="ratings"), question)
    if by is not None:
        _require_groups(frame, by)
    return _shown(_records(frame, settings, by), settings, by)


def interval_note(name: str, found: Estimate, level: float) -> str | None:
    """Say why an interval is missing, or that it leaves no signal; None where nothing is to say."""
    if found.n_items < 2:
        return f"{name} has no interval: all comes from a single item, and items are resampled."
    if not found.varied:
        return (
            f"{name} has no interval: every resample gives the same figure, so these "
            f"{found.n_items} items cannot say how far others would differ."
        )
    if np.isnan(found.low):
        return (
            f"{name} has no interval: {percent(round(found.undefined, 3))} of the resamples have no "
            "figure, for they hold a single value or no two ratings of an item; rate more items."
        )
    if name != "alpha" or found.low > 0:
        return None
    ends = f"alpha's {percent(level)} interval, {_ends(found)},"
    if found.high < 0:
        return (
            f"Raters disagree more than chance would make them: {ends} lies below 0; look for "
            "a scale read upside down."
        )
    return (
        f"These ratings carry no signal that was shown: {ends} includes 0; rank nothing by them "
        "before the instructions are clearer or more items are rated."
    )


def _ends(found: Estimate) -> str:
    return f"{display.number(found.low, 3)} to {display.number(found.high, 3)}"


def _listed(coefficients: Sequence[Coefficient]) -> Sequence[Coefficient]:
    """Return the coefficients, or refuse a text, whose letters are none, and an empty list."""
    named = () if isinstance(coefficients, str) else tuple(coefficients)
    if not named:
        raise BadValue(
            f"coefficients must be a list of at least one name, but {coefficients!r} came; use "
            "['alpha']."
        )
    return named


def _require_groups(frame: "pd.DataFrame", by: str) -> None:
    """Refuse a column that makes no groups of answers to one question."""
    if by not in frame:
        raise unknown_name("by", by, frame.columns)
    if by in {"question", "value"}:
        raise BadValue(
            f"by must be a column that groups the answers to a question, but {by!r} came; each "
            "question is measured for itself, so leave it out or choose another column."
        )
    if any(isinstance(each, (list, tuple, dict, np.ndarray)) for each in frame[by].tolist()):
        raise BadValue(
            f"by must be a column of single values, but {by!r} holds lists or records; make a "
            "column of texts of it."
        )


def _records(frame: "pd.DataFrame", settings: _Settings, by: str | None) -> "list[dict[str, Any]]":
    parts: list[tuple[dict[str, Any], pd.DataFrame]] = [({}, frame)]
    if by is not None:
        parts = [
            ({by: "(missing)" if is_missing(name) else name}, part)
            for name, part in frame.groupby(by, sort=True, dropna=False)
        ]
    named = [
        (group | {"question": name}, rows)
        for group, part in parts
        for question, asked in part.groupby("question", sort=True)
        for name, rows in by_label(str(question), asked)
    ]
    records: list[dict[str, Any]] = []
    for head, rows in named:
        try:
            records += [head | each for each in _measured(rows, settings)]
        except NotOfScale as refused:
            # one question was meant, or one of many that happens to be of another kind
            if len(set(frame["question"])) == 1:
                raise
            records += [head | each for each in _unmeasured(settings, str(refused))]
    return records


def _measured(rows: "pd.DataFrame", settings: _Settings) -> Iterator[dict[str, Any]]:
    """Yield a record per coefficient, of the answers to one question."""
    found = coded(rows, settings.scale, settings.values)
    shared = found.shared
    counts = {
        "n_items": len(np.unique(found.units[shared])),
        "n_raters": len(np.unique(found.raters[shared])),
        "n_ratings": int(shared.sum()),
    }
    for coefficient in settings.coefficients:
        record = _record(coefficient, settings, len(found.points)) | counts
        if not shared.any():
            yield record | {"note": _nobody_shares(coefficient, found)}
            continue
        figures = _estimated(found, shared, coefficient, settings)
        if np.isnan(figures.value):
            note: str | None = _no_variation(coefficient, found, shared)
        else:
            note = interval_note(coefficient, figures, settings.level)
        ends = {"value": figures.value, "ci_low": figures.low, "ci_high": figures.high}
        yield record | ends | {"note": note}


def _estimated(
    found: Answers, shared: Where, coefficient: Coefficient, settings: _Settings
) -> Estimate:
    # an item that one rater saw tells nothing of agreement, but something of the values' shares
    alone_counts = coefficient not in {"percent", "alpha"}
    counted = found.patterns(None if alone_counts else shared)
    return estimate(
        counted,
        sums(coefficient, counted, settings.scale, found.points),
        level=settings.level,
        samples=settings.samples,
        seed=settings.seed,
    )


def _nobody_shares(coefficient: str, found: Answers) -> str:
    n_pairs = len(np.unique(np.stack([found.items, found.raters]), axis=1).T)
    if n_pairs > len(np.unique(found.items)):
        return (
            f"{coefficient} has no figure: no two raters of an item rated the same output of it, "
            "or compared the same systems; let several rate the same outputs, and name them alike."
        )
    return (
        f"{coefficient} has no figure: no item has ratings of two raters; let several rate the "
        "same items (overlap)."
    )


def _no_variation(coefficient: str, found: Answers, shared: Where) -> str:
    n_values = len(np.unique(found.codes[shared]))
    return (
        f"{coefficient} has no figure: the {int(shared.sum())} ratings that can be compared hold "
        f"{'a single value' if n_values == 1 else 'no variation'}, so nothing tells agreement from "
        "habit."
    )


def _record(coefficient: str, settings: _Settings, n_values: int) -> dict[str, Any]:
    nothing = float("nan")
    scale = "nominal" if coefficient == "percent" else settings.scale
    method = (
        f"{_FORMULAS[coefficient]}; BCa bootstrap over items, {settings.samples} resamples, "
        f"{percent(settings.level)}"
    )
    signature = (
        f"coefficient:{coefficient}|scale:{scale}|values:{n_values}|interval:bca-items|"
        f"level:{settings.level:g}|samples:{settings.samples}|seed:{settings.seed}|version:wb1"
    )
    figures = {"value": nothing, "ci_low": nothing, "ci_high": nothing}
    counts = {"n_items": 0, "n_raters": 0, "n_ratings": 0}
    head = {"coefficient": coefficient, "scale": settings.scale}
    return head | figures | counts | {"method": method, "signature": signature, "note": None}


def _unmeasured(settings: _Settings, reason: str) -> Iterator[dict[str, Any]]:
    for coefficient in settings.coefficients:
        yield _record(coefficient, settings, 0) | {"note": f"{coefficient} has no figure: {reason}"}


def _shown(records: "list[dict[str, Any]]", settings: _Settings, by: str | None) -> NotedSheet:
    import pandas as pd

    columns = [*([by] if by is not None else []), *_COLUMNS]
    frame = pd.DataFrame.from_records(records, columns=columns)
    frame = frame.astype({"value": "float64", "ci_low": "float64", "ci_high": "float64"})
    head = [*([by] if by is not None else []), "question"]
    body = [
        [
            *(str(row[name]) for name in head),
            row["coefficient"],
            display.interval(row["value"], row["ci_low"], row["ci_high"], 3),
            *(str(row[name]) for name in ("n_items", "n_raters", "n_ratings")),
        ]
        for row in each_row(frame)
    ]
    n_raters = max((record["n_raters"] for record in records), default=0)
    caption = (
        f"Agreement of {display.counted(n_raters, 'rater')}; {settings.scale}, "
        f"{percent(settings.level)} intervals "
        f"(BCa bootstrap over items, {settings.samples} resamples)"
    )
    header = [*head, "coefficient", "value [interval]", "items", "raters", "ratings"]
    return NotedSheet(frame, caption, header, body, Lines(_notes(records, head)))


def _notes(records: "list[dict[str, Any]]", head: Sequence[str]) -> Iterator[str]:
    several = len({tuple(str(record[name]) for name in head) for record in records}) > 1
    for record in records:
        if record["note"]:
            where = ", ".join(display.plain(record[name], width=40) for name in head)
            yield f"{where}: {record['note']}" if several else record["note"]
