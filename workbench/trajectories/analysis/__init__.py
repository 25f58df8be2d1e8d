"""Trajectories counted: tokens and dollars, time, completion, tools, oddities and what slows."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.stats import pass_at_k, pass_hat_k
    from workbench.trajectories.analysis.calls import (
        bigrams,
        handoffs,
        tool_links,
        tools,
        transitions,
    )
    from workbench.trajectories.analysis.durations import critical_path, run_times, step_times
    from workbench.trajectories.analysis.oddities import anomalies
    from workbench.trajectories.analysis.outcomes import completion, succeeded
    from workbench.trajectories.analysis.repeats import bottlenecks, repeated_calls
    from workbench.trajectories.analysis.spending import usage
    from workbench.trajectories.analysis.spread import quantile_interval, wilson
    from workbench.trajectories.analysis.timing import latency, over_time

_HOMES = {
    "anomalies": "oddities",
    "bigrams": "calls",
    "bottlenecks": "repeats",
    "completion": "outcomes",
    "critical_path": "durations",
    "handoffs": "calls",
    "latency": "timing",
    "over_time": "timing",
    "pass_at_k": "outcomes",
    "pass_hat_k": "outcomes",
    "quantile_interval": "spread",
    "repeated_calls": "repeats",
    "run_times": "durations",
    "step_times": "durations",
    "succeeded": "outcomes",
    "tool_links": "calls",
    "tools": "calls",
    "transitions": "calls",
    "usage": "spending",
    "wilson": "spread",
}

__all__ = [
    "anomalies",
    "bigrams",
    "bottlenecks",
    "completion",
    "critical_path",
    "handoffs",
    "latency",
    "over_time",
    "pass_at_k",
    "pass_hat_k",
    "quantile_interval",
    "repeated_calls",
    "run_times",
    "step_times",
    "succeeded",
    "tool_links",
    "tools",
    "transitions",
    "usage",
    "wilson",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
