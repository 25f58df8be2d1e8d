"""Tokens and dollars of runs: over leaves only, as recorded and as recomputed from prices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from workbench.errors import BadKind, BadValue, unknown_name
from workbench.pricing import Prices
from workbench.trajectories.analysis.charges import TOKENS, Leaves, charged
from workbench.trajectories.analysis.columns import (
    NONE,
    Ints,
    Names,
    Steps,
    exact_sums,
    summed,
    tallied,
)
from workbench.trajectories.collection import Runs
from workbench.trajectories.model import Usage, counted_usage

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.analysis.columns import Source

By = Literal["run_id", "model", "agent", "kind", "tool"]


def usage(source: "Source", *, prices: Prices | None = None, by: By = "run_id") -> "pd.DataFrame":
    """Count tokens and dollars, what was recorded beside what prices give.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.
    prices : Prices, optional
        To recompute costs; without them there is only what was recorded.
    by : {"run_id", "model", "agent", "kind", "tool"}
        What a row stands for. Steps that do not name theirs are in a row without a name.

    Returns
    -------
    DataFrame
        A row per run (or model, …): `n_calls` (steps that record tokens), `n_silent` (answers of a
        model that record none), five counts of tokens, `cost_usd` (recorded), `recomputed_usd`,
        `difference_usd` (recomputed minus recorded), `basis` ("steps", or "stated": the totals
        that a source states for a run whose steps record nothing) and `unpriced` (why there is no
        recomputed cost, in words). What nothing records is NA.

    Raises
    ------
    UnknownName
        If there is no such `by`.
    BadKind
        If `prices` is no table of prices.

    Notes
    -----
    A figure of a step counts where no step below it has that figure: a span that wraps another
    repeats its tokens. Each call is priced by its model's rule: fresh input, input from a cache,
    input written to it, output and reasoning each at its own price, and the whole call at the price
    for long inputs where it passes a threshold. A call that names no model is of its run's, where
    runs come and theirs is the only one. Sums are exact and rounded once.

    A cost is not recomputed where it would be wrong: for a call whose model has no price, that does
    not say both input and output, or whose parts are larger than their whole.

    Examples
    --------
    >>> from workbench.trajectories.model import Run, Step
    >>> runs = Runs.of([Run("mine", name="a", steps=[
    ...     Step("invoke_agent", "/0", usage=Usage(input_tokens=30, output_tokens=3)),
    ...     Step("chat", "/1", parent=0, usage=Usage(input_tokens=10, output_tokens=1)),
    ...     Step("chat", "/2", parent=0, usage=Usage(input_tokens=20, output_tokens=2)),
    ... ])])
    >>> usage(runs)[["run_id", "n_calls", "input_tokens", "output_tokens"]]
      run_id  n_calls  input_tokens  output_tokens
    0      a        2            30              3
    """
    if by not in get_args(By):
        raise unknown_name("by", by, get_args(By))
    if not isinstance(prices, Prices | None):
        raise BadKind(
            f"prices must be a table of prices, but a {type(prices).__name__} came; read one with "
            "wb.pricing.Prices.read."
        )
    steps = Steps.of(source)
    models = _models(steps, source)
    groups, names = _with_nameless(models if by == "model" else steps.names(by))
    leaves = Leaves.of(steps, groups, len(names), models)
    frame = _recorded(leaves, names, by)
    frame["recomputed_usd"], frame["unpriced"] = _recomputed(leaves, prices)
    if by == "run_id" and isinstance(source, Runs):
        _add_stated(frame, source, prices)
    else:
        some = (frame["n_calls"] > 0) | (frame["n_silent"] > 0) | frame["cost_usd"].notna()
        frame = frame[frame[by].notna() | some]
    frame["difference_usd"] = frame["recomputed_usd"] - frame["cost_usd"]
    return frame[[by, *_COLUMNS]].reset_index(drop=True)


_COLUMNS = [
    "n_calls", "n_silent", *TOKENS, "cost_usd", "recomputed_usd", "difference_usd", "basis", "unpriced",
]  # fmt: skip


def _models(steps: Steps, source: "Source") -> Names:
    """Return each step's model; one that a step does not name is its run's."""
    models = steps.names("model")
    if not isinstance(source, Runs) or not (models.codes == NONE).any():
        return models
    known = {name: code for code, name in enumerate(models.known)}
    of_run = source.frame["model"]
    codes = np.array(
        [NONE if name is None else known.setdefault(name, len(known)) for name in _plain(of_run)] + [NONE],
        np.int32,
    )  # fmt: skip
    # the dictionary of `run_id` is RUNS in its order
    filled = np.where(models.codes == NONE, codes[steps.runs.codes], models.codes)
    return Names(filled, list(known))


def _plain(column: "pd.Series[Any]") -> list[Any]:
    return [None if missing else cell for cell, missing in zip(column, column.isna(), strict=True)]


def _with_nameless(named: Names) -> tuple[Ints, list[str | None]]:
    """Put rows without a name into a group of their own, the last; it may be empty."""
    if (named.codes != NONE).all():
        return named.codes, [*named.known]
    return np.where(named.codes == NONE, len(named.known), named.codes), [*named.known, None]


def _recorded(leaves: Leaves, names: Sequence[str | None], by: str) -> "pd.DataFrame":
    import pandas as pd

    groups, n_groups = leaves.groups, leaves.n_groups
    n_calls = tallied(groups, n_groups, leaves.calls)
    columns: dict[str, Any] = {
        by: pd.array(np.array(names, object), dtype="str"),
        "n_calls": n_calls,
        "n_silent": leaves.n_silent,
    }
    for figure, counts in leaves.tokens.items():
        columns[figure] = whole(summed(groups, n_groups, counts))
    columns["cost_usd"] = exact_sums(groups, n_groups, leaves.costs)
    basis = ["steps" if n else None for n in n_calls.tolist()]
    columns["basis"] = pd.array(basis, dtype="str")
    return pd.DataFrame(columns)


def _recomputed(leaves: Leaves, prices: Prices | None) -> tuple[Any, Any]:
    """Return each group's cost, and why it has none."""
    import pandas as pd

    if prices is None:
        return np.nan, pd.array([None] * leaves.n_groups, dtype="str")
    costs, told = charged(leaves, prices)
    why = ["; ".join(told[group]) if group in told else None for group in range(leaves.n_groups)]
    return costs, pd.array(why, dtype="str")


def whole(counts: Ints) -> "pd.api.extensions.ExtensionArray":
    """Return counts as whole numbers that may be missing; −1 is missing."""
    import pandas as pd

    return pd.arrays.IntegerArray(np.maximum(counts, 0).astype(np.int64), counts == NONE)


def _add_stated(frame: "pd.DataFrame", runs: Runs, prices: Prices | None) -> None:
    """Fill in the totals that sources state for runs whose steps record nothing."""
    stated = runs.frame
    for name in ("input_tokens", "cached_tokens", "output_tokens"):
        frame[name] = frame[name].fillna(stated[name])
    frame["cost_usd"] = frame["cost_usd"].fillna(stated["cost_usd"])
    tokens = stated["input_tokens"].notna() | stated["output_tokens"].notna()
    for row in np.flatnonzero((frame["n_calls"] == 0) & tokens).tolist():
        run = runs[runs.ids[row]]
        totals = counted_usage(run)
        for name in TOKENS:
            value = getattr(totals, name)
            frame.loc[row, name] = value
        frame.loc[row, "basis"] = "stated"
        if prices is not None:
            model = stated["model"].iloc[row]
            cost, why = _stated_cost(totals, model if isinstance(model, str) else None, prices)
            frame.loc[row, ["recomputed_usd", "unpriced"]] = [cost, why]


def _stated_cost(totals: Usage, model: str | None, prices: Prices) -> tuple[float, str | None]:
    if model is None:
        return np.nan, "the run names no single model"
    if (price := prices.get(model)) is None:
        return np.nan, f"the run is of {model[:80]!r}, which {prices.name} has no price for"
    if totals.input_tokens is None or totals.output_tokens is None:
        return np.nan, "the run does not say both input and output"
    if price.of_call(totals.input_tokens) is not price:
        return np.nan, "the price depends on the length of each call, and only totals are stated"
    counts = {name: getattr(totals, name) or 0 for name in TOKENS}
    try:
        return price.cost(**counts), None
    except BadValue:
        return np.nan, "the run has parts that are larger than their whole"
