"""Stored answers as OUTPUTS, and their summary by system."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench import tables
from workbench.categories import CATEGORIES
from workbench.data import output_ids
from workbench.display import Sheet, number
from workbench.models.base import Usage
from workbench.runs.budgets import cost
from workbench.runs.rates import Rates
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

_COUNTS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "attempts")
_COLUMNS = (
    "output_id", "row_id", "system", "text", "category", "model", "prompt", "repeat", "input_tokens", "cached_tokens",
    "output_tokens", "reasoning_tokens", "usage_source", "latency_s", "first_token_s", "cost_usd", "finish_reason",
    "error", "attempts",
)  # fmt: skip


def outputs_of(
    records: Iterable[Mapping[str, Any]], rates: Rates, *, skipped: str
) -> "pd.DataFrame":
    """Return OUTPUTS of the cells of a run.

    Parameters
    ----------
    records : iterable of mapping
        Cells with their answers, see `Store.records`.
    rates : Rates
        What tokens cost.
    skipped : str
        Why cells have no answer.
    """
    import pandas as pd

    frame = pd.DataFrame(
        [_output(dict(each), rates, skipped) for each in records], columns=list(_COLUMNS)
    )
    frame["output_id"] = output_ids(frame)
    for name in _COUNTS:
        frame[name] = frame[name].astype("Int64")
    frame["category"] = frame["category"].astype("str")
    return tables.OUTPUTS.check(frame, source="the run's answers")


def _output(told: dict[str, Any], rates: Rates, skipped: str) -> dict[str, Any]:
    if told["category"] is None:
        told |= {"category": "skipped", "error": f"not asked: {skipped}"}
    told["cost_usd"] = told["recorded_cost_usd"]
    price = rates.prices.get(told["model"])
    if told["cost_usd"] is None and price is not None and told["input_tokens"] is not None:
        counts = [
            told[name]
            for name in ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
        ]
        told["cost_usd"] = cost(price, Usage(*counts))
    return told


def summary(outputs: "pd.DataFrame", *, timings: bool = True) -> Sheet:
    """Return what each system delivered, took and cost.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS of `run`, or any with a column `category`.
    timings : bool
        Whether latencies are shown, which differ each time; the frame has them in any case.

    Returns
    -------
    Sheet
        One row per system; its frame has a count for each category, tokens, US dollars (missing
        where the price of an answer is not known), and median and 95 % quantile of latency.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "a"}, {"input": "b"}])
    >>> same = wb.Prompt.of("{{ input }}", name="same")
    >>> outputs = wb.run(rows, models=wb.Function(lambda messages: "b", name="b"), prompts=same)
    >>> wb.runs.summary(outputs).frame[["system", "n_outputs", "n_ok", "n_error"]]
         system  n_outputs  n_ok  n_error
    0  b · same          2     2        0
    """
    import pandas as pd

    records = [_summed(str(system), part) for system, part in outputs.groupby("system", sort=False)]
    frame = pd.DataFrame(records)
    shown = [
        "system",
        "n_outputs",
        *(f"n_{each}" for each in CATEGORIES if frame[f"n_{each}"].any()),
    ]
    header = [each.removeprefix("n_").replace("_", " ") for each in shown]
    header += ["tokens read", "written", "dollars", *(["median s", "95 % s"] if timings else [])]
    body = [
        [*(str(each[name]) for name in shown), *_figures(each)][: len(header)]
        for each in each_row(frame)
    ]
    caption = "What each system delivered, what it took, and what it cost"
    return Sheet(frame, caption, header, body)


def _summed(system: str, part: "pd.DataFrame") -> dict[str, Any]:
    told: dict[str, Any] = {"system": system, "n_outputs": len(part)}
    told |= {f"n_{name}": int((part["category"] == name).sum()) for name in CATEGORIES}
    answered = part[part["error"].isna()] if "error" in part else part
    for name in ("input_tokens", "output_tokens"):
        told[name] = int(part[name].sum()) if name in part and part[name].notna().any() else None
    known = "cost_usd" in part and len(answered) and answered["cost_usd"].notna().all()
    told["cost_usd"] = float(answered["cost_usd"].sum()) if known else None
    for name, share in (("latency_p50_s", 0.5), ("latency_p95_s", 0.95)):
        told[name] = float(answered["latency_s"].quantile(share)) if len(answered) else None
    return told


def _figures(told: Mapping[str, Any]) -> list[str]:
    counts = [
        "" if is_missing(told[name]) else f"{int(told[name]):,}"
        for name in ("input_tokens", "output_tokens")
    ]
    return [
        *counts,
        number(told["cost_usd"], 4),
        number(told["latency_p50_s"], 3),
        number(told["latency_p95_s"], 3),
    ]
