"""How many rows a comparison takes, and what the rows at hand can find."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench import display
from workbench.comparison import Comparison
from workbench.contrasts import shown_error, standard_error
from workbench.display import Sheet
from workbench.errors import BadValue, is_number
from workbench.stats.power import (
    design_effect,
    detectable_difference,
    reach,
    rows_needed,
    sample_size,
)
from workbench.tables import each_row, is_missing
from workbench.wording import about

Record = dict[str, Any]


def plan(
    comparison: Comparison | None = None,
    *,
    delta: float | Mapping[str, float] | None = None,
    n: int | None = None,
    sd: float | None = None,
    sd_repeat: float = 0.0,
    repeats: int = 1,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    alpha: float | None = None,
    power: float = 0.8,
    comparisons: int | None = None,
) -> Sheet:
    """Plan a paired comparison: the rows that a difference takes, the difference that rows find.

    Parameters
    ----------
    comparison : Comparison, optional
        A pilot, from which variances, clusters, level and family are taken; without it `sd` must be
        there.
    delta : float or mapping of metric to float, optional
        The true difference to find, in the metric's unit; those observed in the pilot by default.
    n : int, optional
        The rows there will be; those of the pilot by default.
    sd : float, optional
        Without a pilot: standard deviation, over rows, of a row's difference between two systems.
    sd_repeat : float
        Without a pilot: standard deviation of a system's score when it answers a row again.
    repeats : int
        Without a pilot: outputs of each system per row.
    cluster_size : float
        Without a pilot: rows per cluster.
    icc : float
        Without a pilot: intraclass correlation ρ of the rows of a cluster, 0 to 1.
    alpha : float, optional
        Level of the two-sided tests; the pilot's by default, or 0.05.
    power : float
        The chance to find the difference, between 0 and 1.
    comparisons : int, optional
        Number of tests over which the level is spread evenly; the pilot's family by default, or 1.

    Returns
    -------
    Sheet
        Its frame: `metric`, `system`, `baseline` (of a pilot), `delta`, `n`, `sd` (of a row's
        difference, without clusters), `design_effect` (by how much clusters multiply the rows),
        `n_needed` (rows to find delta), `detectable` (the least difference that n rows find).
        Missing where nothing was asked, or delta is 0.

    Raises
    ------
    BadValue
        If there is neither a pilot nor `sd`, or both; nothing is asked; or a number is out of range.

    Notes
    -----
    n = (z₁₋α/₂ₘ + z_power)² · variance · design effect / δ², over m comparisons (Bonferroni, on the
    safe side of Holm and max-T). A pilot's standard errors come from its intervals, its design
    effects from the jackknife over clusters and over rows. A difference that was merely observed is
    a poor guide: name the smallest that matters.

    References
    ----------
    Miller (2024), section 5; Kish (1965), section 5.4.

    Examples
    --------
    >>> import workbench as wb
    >>> wb.plan(delta=0.03, sd=0.5, n=1000, icc=0.2, cluster_size=5).frame.round(3)
       delta     n   sd  design_effect  n_needed  detectable
    0   0.03  1000  0.5            1.8      3925       0.059
    """
    if (comparison is None) == (sd is None):
        raise BadValue(
            "plan must have either a comparison or sd, but "
            f"{'neither' if sd is None else 'both'} came; give a pilot, or numbers."
        )
    deltas = dict(delta) if isinstance(delta, Mapping) else {"delta": delta}
    _require_numbers(
        deltas | {"n": n, "sd": sd, "sd_repeat": sd_repeat, "repeats": repeats, "icc": icc}
        | {"cluster_size": cluster_size, "alpha": alpha, "power": power, "comparisons": comparisons}
    )  # fmt: skip
    if comparison is not None:
        if (sd_repeat, repeats, cluster_size, icc) != (0, 1, 1, 0):
            raise BadValue(
                "sd_repeat, repeats, cluster_size and icc must be left out where there is a "
                f"comparison, which has its own, but {sd_repeat}, {repeats}, {cluster_size} and "
                f"{icc} came; use sd= in place of the comparison to choose them."
            )
        return _from_pilot(comparison, delta, n, alpha, power, comparisons)
    if isinstance(delta, Mapping) or (delta is None and n is None):
        raise BadValue(
            f"without a comparison plan must have delta (a number) or n, but {delta} and {n} came; "
            "say what to find, or how many rows there are."
        )
    assert sd is not None
    options: Record = {
        "sd": sd, "sd_repeat": sd_repeat, "repeats": repeats, "cluster_size": cluster_size,
        "icc": icc, "alpha": 0.05 if alpha is None else alpha, "power": power,
        "comparisons": 1 if comparisons is None else comparisons,
    }  # fmt: skip
    found = {
        "n_needed": None if delta is None else sample_size(delta, **options),
        "detectable": None if n is None else detectable_difference(n, **options),
    }
    record = {
        "delta": delta,
        "n": n,
        "sd": math.sqrt(sd**2 + 2 * sd_repeat**2 / repeats),
        "design_effect": design_effect(cluster_size, icc),
    } | found
    return _sheet([record], options["alpha"], power, options["comparisons"])


def _from_pilot(
    pilot: Comparison,
    delta: float | Mapping[str, float] | None,
    n: int | None,
    alpha: float | None,
    power: float,
    comparisons: int | None,
) -> Sheet:
    alpha = pilot.settings.alpha if alpha is None else alpha
    n_tests = pilot.n_tests if comparisons is None else comparisons
    # refuses numbers out of range
    detectable_difference(
        1 if n is None else n, sd=1.0, alpha=alpha, power=power, comparisons=n_tests
    )
    if not len(pilot.frame):
        raise BadValue(
            f"a pilot must compare at least two systems, but only {pilot.settings.baseline!r} is in "
            "it; add the outputs of another, or use sd= in its place."
        )
    if isinstance(delta, Mapping):
        for name in delta:
            pilot.scores.metric(name)
    options = {"alpha": alpha, "power": power, "comparisons": n_tests}
    records = []
    for row in each_row(pilot.frame):
        asked = delta.get(row["metric"]) if isinstance(delta, Mapping) else delta
        records.append(_of_pair(pilot, row, row["delta"] if asked is None else asked, n, options))
    return _sheet(records, alpha, power, n_tests)


def _of_pair(
    pilot: Comparison, row: Record, size: float, n: int | None, options: Mapping[str, Any]
) -> Record:
    """Plan for a difference of the pilot; identical systems tell nothing of how they vary."""
    n_rows = row["n"] if n is None else n
    error = shown_error(row, pilot.settings.level) if row["n_changed"] else math.nan
    spread, effect = error * math.sqrt(row["n"]), _design_effect(pilot, row)
    needed = rows_needed(size, error, n=row["n"], n_changed=row["n_changed"], **options)
    found = reach(options["alpha"] / options["comparisons"], options["power"]) * spread
    return {name: row[name] for name in ("metric", "system", "baseline")} | {
        "delta": size,
        "n": n_rows,
        "sd": spread / math.sqrt(effect),
        "design_effect": effect,
        "n_needed": math.ceil(needed) if math.isfinite(needed) else None,
        "detectable": found / math.sqrt(n_rows) if n_rows else math.nan,
    }


def _require_numbers(told: Mapping[str, object]) -> None:
    """Refuse what is no number, or no whole number where things are counted."""
    for name, value in told.items():
        whole = name in {"n", "repeats", "comparisons"}
        if value is not None and not is_number(value, whole=whole):
            must = "a whole number" if whole else "a finite number"
            raise BadValue(f"{name} must be {must}, but {value!r} came; give one.")


def _design_effect(pilot: Comparison, row: Mapping[str, Any]) -> float:
    """Return the variance of a difference over clusters, by that over rows."""
    if row["n_clusters"] == row["n"] or pilot.settings.compat:
        return 1.0
    metric, pair = pilot.scores.metric(row["metric"]), (row["system"], row["baseline"])
    alone = replace(pilot.settings, cluster="row_id")
    by_cluster, by_row = (
        standard_error(pilot.scores, each, metric, pair) for each in (pilot.settings, alone)
    )
    return (by_cluster / by_row) ** 2 if by_row else 1.0


def _sheet(records: list[Record], alpha: float, power: float, n_tests: int) -> Sheet:
    import pandas as pd

    frame = pd.DataFrame(records).astype(
        {"n": "Int64", "n_needed": "Int64", "delta": "float64", "detectable": "float64"}
    )
    lead = [name for name in ("metric", "system") if name in frame]
    body = [
        [
            *(row[name] for name in lead),
            display.number(row["delta"], _places(row)),
            "–" if is_missing(row["n_needed"]) else about(row["n_needed"]),
            "–" if is_missing(row["n"]) else f"{row['n']:,}",
            display.number(row["detectable"], _places(row)),
            display.number(row["sd"], _places(row)),
            display.number(row["design_effect"], 2),
        ]
        for row in each_row(frame)
    ]
    shared = f" over {n_tests} comparisons" if n_tests > 1 else ""
    caption = (
        f"Rows that a difference takes, and the difference that rows find: power "
        f"{display.percent(power)}, two-sided tests at {display.percent(alpha)}{shared}."
    )
    header = [*lead, "to find", "rows needed", "rows", "they find", "sd", "design effect"]
    return Sheet(frame, caption, header, body)


def _places(row: Mapping[str, Any]) -> int:
    return display.digits((None, None), row["sd"])
