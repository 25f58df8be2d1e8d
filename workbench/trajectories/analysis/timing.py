"""How long steps take and how often they fail: by tool, model or agent, and window by window."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from workbench.errors import BadValue, unknown_name
from workbench.trajectories.analysis.columns import (
    NONE,
    Floats,
    Groups,
    Ints,
    Mask,
    Steps,
    covered_rows,
    exact_sums,
    summed,
    tallied,
)
from workbench.trajectories.analysis.spending import whole
from workbench.trajectories.analysis.spread import part_quantile, quantile_ranks, wilson
from workbench.trajectories.model import KINDS, MODEL_KINDS

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.analysis.columns import Source

By = Literal["tool", "kind", "model", "agent", "run_id"]

_SECOND = 1e9


def latency(
    source: "Source",
    *,
    by: By = "tool",
    quantiles: Sequence[float] = (0.5, 0.95),
    level: float = 0.95,
) -> "pd.DataFrame":
    """Tell how long steps took and how often they failed.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS. Demos and copied context are left out.
    by : {"tool", "kind", "model", "agent", "run_id"}
        What a row stands for: tools as they were called, models as they answered.
    quantiles : sequence of float
        Which quantiles of the durations.
    level : float
        Confidence of the intervals.

    Returns
    -------
    DataFrame
        The most frequent first: `n`, `n_errors`, `error_rate` with Wilson's `error_low` and
        `error_high`, `n_timed` (steps whose times are recorded), `total_s`, and for each quantile
        `p50_s`, `p50_low`, `p50_high`: distribution-free, NA where there are too few. Rates are NA
        where no step says how it ended.

    Raises
    ------
    UnknownName
        If there is no such `by`.
    BadValue
        If a quantile or the level is not between 0 and 1.

    Examples
    --------
    >>> from workbench.trajectories.collection import Runs
    >>> from workbench.trajectories.model import Run, Step
    >>> calls = [Step("execute_tool", f"/{n}", tool="f", start_ns=0, end_ns=n * 10**9) for n in (1, 3)]
    >>> latency(Runs.of([Run("mine", steps=calls)]))[["tool", "n", "total_s", "p50_s"]]
      tool  n  total_s  p50_s
    0    f  2      4.0    2.0
    """
    import pandas as pd

    steps = Steps.of(source)
    if by not in get_args(By):
        raise unknown_name("by", by, get_args(By))
    named = steps.names(by)
    codes = np.where(_about(steps, by), named.codes, NONE)
    columns: dict[str, Any] = {by: pd.array(np.array(named.known, object), dtype="str")}
    columns |= _figures(steps, codes, len(named.known), quantiles, level)
    frame = pd.DataFrame(columns)
    frame = frame[frame["n"] > 0].sort_values(["n", by], ascending=[False, True], kind="stable")
    return frame.reset_index(drop=True)


def _about(steps: Steps, by: str) -> Mask:
    """Tell which steps a row of `by` is about: a span around calls has the model's name too."""
    if by == "model":
        return _answers(steps)
    return steps.calls() if by == "tool" else steps.counted()


def _answers(steps: Steps) -> Mask:
    """Tell which steps are answers of a model, those that wrap another left out."""
    answers = steps.names("kind").mask(*MODEL_KINDS) & steps.counted()
    return answers & ~covered_rows(answers, steps.above())


def _figures(
    steps: Steps, codes: Ints, n_groups: int, quantiles: Sequence[float], level: float
) -> dict[str, Any]:
    """Return counts, error rates, seconds and quantiles of each group."""
    n = tallied(codes, n_groups, codes >= 0)
    columns: dict[str, Any] = {"n": n} | _rates(steps, codes, n, level)
    durations = steps.durations()
    columns["n_timed"] = tallied(codes, n_groups, durations >= 0)
    columns["total_s"] = _seconds(summed(codes, n_groups, durations))
    return columns | _quantiles(
        np.where(durations >= 0, codes, NONE), durations, n_groups, quantiles, level
    )


def _seconds(nanoseconds: Ints) -> Floats:
    return np.where(nanoseconds >= 0, nanoseconds / _SECOND, np.nan)


def _rates(steps: Steps, codes: Ints, n: Ints, level: float) -> dict[str, Any]:
    failed = steps.errors()
    if failed is None:
        nothing = np.full(len(n), np.nan)
        errors = whole(np.full(len(n), NONE))
        return {"n_errors": errors} | dict.fromkeys(
            ("error_rate", "error_low", "error_high"), nothing
        )
    hits = tallied(codes, len(n), failed)
    low, high = wilson(hits, n, level=level)
    rate = np.where(n > 0, hits / np.maximum(n, 1), np.nan)
    return {"n_errors": whole(hits), "error_rate": rate, "error_low": low, "error_high": high}


def _quantiles(
    codes: Ints, durations: Ints, n_groups: int, quantiles: Sequence[float], level: float
) -> dict[str, Floats]:
    groups = Groups(codes, n_groups)
    wanted = [(q, quantile_ranks(groups.sizes, q, level)) for q in quantiles]
    rows = np.full((len(quantiles), n_groups, 3), np.nan)
    for group, part in enumerate(groups.parts(durations)):
        for at, (q, ranks) in enumerate(wanted):
            rows[at, group] = part_quantile(part, q, int(ranks.low[group]), int(ranks.high[group]))
    return {
        f"p{100 * q:g}_{end}": rows[at, :, column] / _SECOND
        for at, q in enumerate(quantiles)
        for column, end in enumerate(("s", "low", "high"))
    }


def over_time(
    source: "Source",
    *,
    every: str = "1h",
    kinds: Sequence[str] | None = None,
    quantiles: Sequence[float] = (0.5, 0.95),
    level: float = 0.95,
) -> "pd.DataFrame":
    """Tell how many steps there were, how slow, how often failing and how dear, window by window.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.
    every : str
        The length of a window, such as "1h", "15min" or "1D"; windows begin at multiples of it
        since 1970, UTC.
    kinds : sequence of str, optional
        Of which steps; by default answers of models and calls of tools.
    quantiles : sequence of float
        Which quantiles of the durations.
    level : float
        Confidence of the intervals.

    Returns
    -------
    DataFrame
        A row per window that has steps, in their order: `window` (its start, UTC), the columns of
        `latency`, `input_tokens`, `output_tokens` and `cost_usd` over leaves. A step is in the
        window in which it begins; steps without a time are in none.

    Raises
    ------
    BadValue
        If `every` is no length of time, or an option cannot be right.
    UnknownName
        If there is no such kind of steps.
    """
    import pandas as pd

    for kind in kinds or ():
        if kind not in KINDS:
            raise unknown_name("a kind of steps", kind, KINDS, limit=len(KINDS))
    steps = Steps.of(source)
    start = steps.counts("start_ns")
    of_kind = steps.names("kind").mask
    of_kinds = of_kind(*kinds) if kinds else _answers(steps) | steps.calls()
    wanted = of_kinds & steps.counted() & (start >= 0)
    length = _length(every)
    windows, found = np.unique(start[wanted] // length, return_inverse=True)
    codes = np.full(len(steps), NONE, np.int64)
    codes[wanted] = found
    columns: dict[str, Any] = {"window": pd.to_datetime(windows * length, unit="ns", utc=True)}
    columns |= _figures(steps, codes, len(windows), quantiles, level)
    above = steps.above()
    for figure in ("input_tokens", "output_tokens"):
        counts = steps.counts(figure)
        counts = np.where(covered_rows(counts >= 0, above), NONE, counts)
        columns[figure] = whole(summed(codes, len(windows), counts))
    costs = np.where(covered_rows(~np.isnan(steps.costs), above), np.nan, steps.costs)
    columns["cost_usd"] = exact_sums(codes, len(windows), costs)
    return pd.DataFrame(columns)


def _length(every: str) -> int:
    import pandas as pd

    try:
        length = pd.Timedelta(every).as_unit("ns").value
    except (ValueError, OverflowError):
        length = 0
    if length <= 0:
        raise BadValue(
            f"every must be a length of time above 0, but {every!r} came; use '1h', '15min' or '1D'."
        )
    return int(length)
