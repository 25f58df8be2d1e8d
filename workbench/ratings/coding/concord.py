"""How far coders say the same: agreement label by label, and where they differ."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import display
from workbench.display import Lines, percent
from workbench.errors import BadKind, BadValue, some
from workbench.ratings.coding.frames import unit_of
from workbench.ratings.estimation.classes import Array, Codes, require_resampling
from workbench.ratings.estimation.coincidence import (
    Estimate,
    Patterns,
    Sums,
    estimate,
    patterns,
    sums,
)
from workbench.ratings.estimation.noted import NotedSheet

if TYPE_CHECKING:
    import pandas as pd

ANY = "(any label)"
"""Stands for whatever was said of a place."""

_NEEDED = ("annotator", "run_id", "target", "step", "label")
_COLUMNS = [
    "label", "coefficient", "value", "ci_low", "ci_high", "n_runs", "n_units", "n_annotators",
    "n_given", "n_agreed", "n_disputed", "method", "note",
]  # fmt: skip
_FORMULAS = {
    "percent": "share of agreeing pairs of coders, mean over units",
    "positive": "positive specific agreement, 2a / (2a + b + c)",
    "alpha": "Krippendorff's alpha, nominal",
}


@dataclass(frozen=True)
class _Grid:
    """Who looked at which units: a rating for each coder and unit, given or not."""

    runs: Codes
    units: Codes
    at: Mapping[tuple[str, str], int]
    sizes: Mapping[str, int]
    coders: Mapping[str, list[str]]

    @property
    def n_units(self) -> int:
        """The number of units."""
        return sum(self.sizes.values())

    def given(self, rows: list[dict[str, Any]]) -> Codes:
        """Return for each rating whether one of some rows gives a label there."""
        values = np.zeros(len(self.units), dtype=np.int64)
        for row in rows:
            target, step, _ = unit_of(row)
            place = 0 if target == "run" else 1 + 2 * step + (target == "omission")
            values[self.at[row["run_id"], row["annotator"]] + place] = 1
        return values


def code_agreement(
    codes: "pd.DataFrame",
    *,
    units: Any,  # noqa: ANN401 - Runs, which this family must not know, or a mapping
    annotators: Collection[str] | None = None,
    labels: Collection[str] | None = None,
    level: float = 0.95,
    samples: int = 2_000,
    seed: int = 0,
) -> NotedSheet:
    """Measure how far coders agree, each label for itself: given or not, at each place.

    Parameters
    ----------
    codes : DataFrame
        What `codes` returns; rulings of adjudicators are left out.
    units : Runs, or mapping of str to int
        The runs, or how many steps each has.
    annotators : collection of str, optional
        Who is compared; everybody by default.
    labels : collection of str, optional
        The labels; those that were given by default. A range counts for its step.
    level : float
        Confidence of the intervals.
    samples, seed : int
        Number of resamples of the bootstrap, and the seed of their random numbers.

    Returns
    -------
    NotedSheet
        Its frame: `label` (and "(any label)"), `coefficient` (percent, positive, alpha), `value`,
        `ci_low`, `ci_high`, `n_runs`, `n_units`, `n_annotators`, `n_given` (coders × units),
        `n_agreed` (units where all gave it), `n_disputed` (some, not all), `method`, `note`. Its
        notes say what was left out.

    Raises
    ------
    BadValue
        If no run was marked as coded by two coders, or a code is on a step that is not there.

    Notes
    -----
    The units of a run are the run, each of its steps, and what is missing after each step. They
    count where at least two coders marked the run as coded, for those coders: only then does no
    annotation mean that there is nothing. Runs are drawn with replacement, with all their units, and
    the interval is bias-corrected and accelerated (BCa).

    With m coders of whom k give a label, positive specific agreement is Σ k(k − 1) / Σ k(m − 1).

    References
    ----------
    Krippendorff (2011); Cicchetti and Feinstein (1990) and Fleiss (1981) on specific agreement;
    Efron (1987) for the interval.

    Examples
    --------
    >>> import pandas as pd
    >>> done = [("r", who, "done", None, None) for who in "ab"]
    >>> said = [("r", "a", "step", 0, "loop"), ("r", "b", "step", 0, "loop"), ("r", "b", "step", 1, "loop")]
    >>> codes = pd.DataFrame(done + said, columns=["run_id", "annotator", "target", "step", "label"])
    >>> found = code_agreement(codes, units={"r": 2}).frame
    >>> found.query("label == 'loop'")[["coefficient", "value", "n_agreed", "n_disputed"]].round(3)
      coefficient  value  n_agreed  n_disputed
    0     percent  0.800         1           1
    1    positive  0.667         1           1
    2       alpha  0.571         1           1
    """
    require_resampling(level, samples, seed)
    rows = _checked(codes, annotators)
    steps = _steps(units)
    coders, left_out = _finished(rows, steps)
    _refuse_beyond(rows, steps)
    grid = _grid(coders, steps)
    counted = [
        each for each in rows
        if each["target"] != "done" and each["annotator"] in coders.get(each["run_id"], ())
    ]  # fmt: skip
    names = sorted({str(r["label"]) for r in counted if r["label"]} if labels is None else labels)
    records: list[dict[str, Any]] = []
    for name in [*names, ANY]:
        values = grid.given([r for r in counted if r["label"] and name in (ANY, r["label"])])
        for record in _measured(grid, values, level, samples, seed):
            records.append({"label": name} | record)
    caption = (
        f"Agreement of {len({who for each in coders.values() for who in each})} coders on "
        f"{len(coders)} runs ({grid.n_units} units: each run, each step, and what is missing after "
        f"it); {percent(level)} intervals (BCa bootstrap over runs, {samples} resamples)"
    )
    return _shown(records, caption, left_out)


def code_disagreements(
    codes: "pd.DataFrame", *, annotators: Collection[str] | None = None
) -> "pd.DataFrame":
    """Find where coders differ on runs that they marked as coded.

    Parameters
    ----------
    codes : DataFrame
        What `codes` returns; rulings of adjudicators are left out.
    annotators : collection of str, optional
        Who is compared; everybody by default.

    Returns
    -------
    DataFrame
        One row per place and label that some gave and others did not: run_id, target (run, step,
        omission; a range counts for its step), step, label, n_annotators, given_by, not_by,
        annotation_ids.
    """
    import pandas as pd

    rows = _checked(codes, annotators)
    coders, _ = _finished(rows, None)
    places: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["target"] != "done" and row["annotator"] in coders.get(row["run_id"], ()):
            places[row["run_id"], *unit_of(row)].append(row)
    records = []
    for (run_id, target, step, label), given in places.items():
        by = sorted({row["annotator"] for row in given})
        missing = [each for each in coders[run_id] if each not in by]
        if missing and label is not None:
            ids = [str(row.get("annotation_id")) for row in given]
            records.append(
                [
                    run_id,
                    target,
                    step if step >= 0 else None,
                    label,
                    len(coders[run_id]),
                    by,
                    missing,
                    ids,
                ]
            )
    columns = [
        "run_id", "target", "step", "label", "n_annotators", "given_by", "not_by", "annotation_ids",
    ]  # fmt: skip
    records.sort(key=lambda each: (each[0], -1 if each[2] is None else each[2], each[1], each[3]))
    return pd.DataFrame(records, columns=columns).astype({"step": "Int64"})


def _checked(codes: "pd.DataFrame", annotators: Collection[str] | None) -> list[dict[str, Any]]:
    """Return the rows of coders."""
    if missing := [name for name in _NEEDED if name not in codes]:
        raise BadValue(
            f"codes must have {some(missing)}, but have not; read them out of a journal."
        )
    rows = codes.astype(object).where(codes.notna(), None).to_dict("records")
    return [
        {str(name): cell for name, cell in row.items()}
        for row in rows
        if not row.get("adjudicated") and (annotators is None or row["annotator"] in annotators)
    ]


def _steps(units: Any) -> dict[str, int]:  # noqa: ANN401 - Runs or a mapping
    """Return how many steps each run has."""
    if hasattr(units, "ids") and hasattr(units, "lengths"):
        # RUNS leaves demonstrations out, which can be coded all the same
        return dict(zip(units.ids, units.lengths, strict=True))
    if isinstance(units, Mapping):
        return {str(run_id): int(n) for run_id, n in units.items()}
    raise BadKind(
        f"units must be runs, or how many steps each run has, but {type(units).__name__} came; pass "
        "what wb.trajectories.read returns."
    )


def _finished(
    rows: list[dict[str, Any]], steps: Mapping[str, int] | None
) -> tuple[dict[str, list[str]], list[str]]:
    """Return who finished each run, where at least two did, and sentences on what is left out."""
    done: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["target"] == "done":
            done[row["run_id"]].add(row["annotator"])
    begun = {row["run_id"] for row in rows}
    known = {each for each in done if steps is None or each in steps}
    coders = {each: sorted(done[each]) for each in sorted(known) if len(done[each]) > 1}
    loose = [
        row for row in rows
        if row["target"] != "done" and row["annotator"] not in done.get(row["run_id"], ())
    ]  # fmt: skip
    said = [
        (sum(len(done[each]) == 1 for each in known), "marked as coded by one coder only"),
        (sum(not done.get(each) for each in begun), "begun, and marked as coded by nobody"),
        (len(begun & done.keys()) - len(known), "not among `units`"),
    ]
    notes = [f"{n} run{'s' * (n != 1)} left out: {why}." for n, why in said if n]
    if loose:
        notes.append(
            f"{len(loose)} codes do not count: their coder has not marked the run as coded."
        )
    return coders, notes


def _refuse_beyond(rows: list[dict[str, Any]], steps: Mapping[str, int]) -> None:
    for row in rows:
        step = unit_of(row)[1]
        if row["run_id"] in steps and step >= steps[row["run_id"]]:
            raise BadValue(
                f"codes must be on steps of their runs, but run {row['run_id']!r} of "
                f"{steps[row['run_id']]} steps has one on step {step}; pass the runs that were coded."
            )


def _grid(coders: Mapping[str, list[str]], steps: Mapping[str, int]) -> _Grid:
    if not coders:
        raise BadValue(
            "agreement must be of two coders or more, but no run was marked as coded by two; let "
            "each press D when a run is coded."
        )
    runs, units, at, sizes = [], [], {}, {}
    n_ratings = n_units = 0
    for number, (run_id, names) in enumerate(coders.items()):
        size = sizes[run_id] = 1 + 2 * steps[run_id]
        for name in names:
            at[run_id, name] = n_ratings
            runs.append(np.full(size, number, dtype=np.int64))
            units.append(np.arange(n_units, n_units + size, dtype=np.int64))
            n_ratings += size
        n_units += size
    return _Grid(np.concatenate(runs), np.concatenate(units), at, sizes, coders)


def _measured(
    grid: _Grid, values: Codes, level: float, samples: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield a record per coefficient, of one label."""
    found = patterns(grid.runs, grid.units, values, 2)
    n_given, n_coders = (np.bincount(grid.units, weights=each) for each in (values, values * 0 + 1))
    counts = {
        "n_runs": len(grid.coders),
        "n_units": grid.n_units,
        "n_annotators": len({who for names in grid.coders.values() for who in names}),
        "n_given": int(values.sum()),
        "n_agreed": int((n_given == n_coders).sum()),
        "n_disputed": int(((n_given > 0) & (n_given < n_coders)).sum()),
    }
    points = np.arange(2, dtype=np.float64)
    for name, formula in _FORMULAS.items():
        statistics = (
            _positive(found)
            if name == "positive"
            else sums("alpha" if name == "alpha" else "percent", found, "nominal", points)
        )
        figures = estimate(found, statistics, level=level, samples=samples, seed=seed)
        method = f"{formula}; BCa bootstrap over runs, {samples} resamples, {percent(level)}"
        ends = {"value": figures.value, "ci_low": figures.low, "ci_high": figures.high}
        yield (
            {"coefficient": name} | ends | counts | {"method": method, "note": _note(figures, name)}
        )


def _positive(found: Patterns) -> Sums:
    """Return what positive specific agreement is made of."""
    from scipy.sparse import csr_array

    given = found.counts[:, [1]].toarray().ravel()
    both = np.stack([given * (given - 1), given * (found.sizes - 1)], axis=1)

    def figure(total: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(total[:, 1] > 0, total[:, 0] / total[:, 1], np.nan)

    return Sums(csr_array(both), figure)


def _note(figures: Estimate, name: str) -> str | None:
    """Say why a figure, or its interval, is missing."""
    if np.isnan(figures.value):
        return f"{name} has no figure: nobody gave the label, or everybody everywhere."
    if figures.n_items < 2:
        return f"{name} has no interval: all comes from a single run, and runs are resampled."
    if not np.isnan(figures.low):
        return None
    if not figures.varied:
        return f"{name} has no interval: every resample gives the same figure."
    share = percent(round(figures.undefined, 3))
    return f"{name} has no interval: {share} of the resamples have no figure; code more runs."


def _shown(records: list[dict[str, Any]], caption: str, left_out: list[str]) -> NotedSheet:
    import pandas as pd

    frame = pd.DataFrame.from_records(records, columns=_COLUMNS)
    frame = frame.astype({"value": "float64", "ci_low": "float64", "ci_high": "float64"})
    header = ["label", "coefficient", "value [interval]", "agreed", "disputed"]
    body = [
        [
            display.plain(row["label"], width=50),
            row["coefficient"],
            display.interval(row["value"], row["ci_low"], row["ci_high"], 3),
            str(row["n_agreed"]),
            str(row["n_disputed"]),
        ]
        for row in records
    ]
    said = [
        f"{display.plain(row['label'], width=50)}: {row['note']}" for row in records if row["note"]
    ]
    return NotedSheet(frame, caption, header, body, Lines([*left_out, *said]))
