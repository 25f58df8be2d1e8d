"""A notebook-first evaluation workbench: is this better, by how much, and how sure?

`import workbench as wb` is all that a notebook needs. Nothing heavy is imported before it is used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench import (
        comparison,
        data,
        exchange,
        federate,
        metrics,
        pricing,
        ratings,
        reports,
        stats,
        tables,
        trajectories,
        views,
    )
    from workbench.comparison import Comparison, compare
    from workbench.data import outputs, read
    from workbench.metrics import (
        BLEU,
        ROUGE,
        TER,
        ChrF,
        Column,
        ExactMatch,
        LengthRatio,
        Metric,
        Scores,
        TokenF1,
        find_signature,
        score,
    )
    from workbench.planning import plan
    from workbench.widgets.inspector import inspect
    from workbench.widgets.rating import rate

__version__ = "0.1.0"

_HOMES = {
    "BLEU": "metrics",
    "ChrF": "metrics",
    "Column": "metrics",
    "Comparison": "comparison",
    "ExactMatch": "metrics",
    "LengthRatio": "metrics",
    "Metric": "metrics",
    "ROUGE": "metrics",
    "Scores": "metrics",
    "TER": "metrics",
    "TokenF1": "metrics",
    "compare": "comparison",
    "find_signature": "metrics",
    "inspect": "widgets.inspector",
    "outputs": "data",
    "plan": "planning",
    "rate": "widgets.rating",
    "read": "data",
    "score": "metrics",
}
_MODULES = (
    "comparison",
    "data",
    "exchange",
    "federate",
    "metrics",
    "pricing",
    "ratings",
    "reports",
    "stats",
    "tables",
    "trajectories",
    "views",
)

__all__ = [
    "BLEU",
    "ROUGE",
    "TER",
    "ChrF",
    "Column",
    "Comparison",
    "ExactMatch",
    "LengthRatio",
    "Metric",
    "Scores",
    "TokenF1",
    "compare",
    "comparison",
    "data",
    "exchange",
    "federate",
    "find_signature",
    "inspect",
    "metrics",
    "outputs",
    "plan",
    "pricing",
    "rate",
    "ratings",
    "read",
    "reports",
    "score",
    "stats",
    "tables",
    "trajectories",
    "views",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"workbench.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"workbench.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
