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
        judging,
        metrics,
        models,
        pricing,
        prompts,
        ratings,
        reports,
        runs,
        stats,
        tables,
        trajectories,
        views,
    )
    from workbench.comparison import Comparison, compare
    from workbench.data import outputs, read
    from workbench.judging import judge_alignment
    from workbench.metrics import (
        BLEU,
        ROUGE,
        TER,
        ChrF,
        Column,
        EmbeddingSimilarity,
        ExactMatch,
        Executed,
        JSONValid,
        LabelMatch,
        LengthRatio,
        MajorityVote,
        Metric,
        NumericMatch,
        PassAtK,
        PassHatK,
        RegexMatch,
        Scores,
        SelfConsistency,
        TokenF1,
        find_signature,
        score,
    )
    from workbench.models import Endpoint, Function, LiteLLM, Recorded
    from workbench.planning import plan
    from workbench.prompts import Prompt
    from workbench.runs import Budget, run
    from workbench.widgets.inspector import inspect
    from workbench.widgets.rating import rate

__version__ = "0.1.0"

_HOMES = {
    "BLEU": "metrics",
    "Budget": "runs",
    "ChrF": "metrics",
    "Column": "metrics",
    "Comparison": "comparison",
    "EmbeddingSimilarity": "metrics",
    "Endpoint": "models",
    "ExactMatch": "metrics",
    "Executed": "metrics",
    "Function": "models",
    "JSONValid": "metrics",
    "LabelMatch": "metrics",
    "LengthRatio": "metrics",
    "LiteLLM": "models",
    "MajorityVote": "metrics",
    "Metric": "metrics",
    "NumericMatch": "metrics",
    "PassAtK": "metrics",
    "PassHatK": "metrics",
    "Prompt": "prompts",
    "ROUGE": "metrics",
    "Recorded": "models",
    "RegexMatch": "metrics",
    "Scores": "metrics",
    "SelfConsistency": "metrics",
    "TER": "metrics",
    "TokenF1": "metrics",
    "compare": "comparison",
    "find_signature": "metrics",
    "inspect": "widgets.inspector",
    "judge_alignment": "judging",
    "outputs": "data",
    "plan": "planning",
    "rate": "widgets.rating",
    "read": "data",
    "run": "runs",
    "score": "metrics",
}
_MODULES = (
    "comparison",
    "data",
    "exchange",
    "federate",
    "judging",
    "metrics",
    "models",
    "pricing",
    "prompts",
    "ratings",
    "reports",
    "runs",
    "stats",
    "tables",
    "trajectories",
    "views",
)

__all__ = [
    "BLEU",
    "ROUGE",
    "TER",
    "Budget",
    "ChrF",
    "Column",
    "Comparison",
    "EmbeddingSimilarity",
    "Endpoint",
    "ExactMatch",
    "Executed",
    "Function",
    "JSONValid",
    "LabelMatch",
    "LengthRatio",
    "LiteLLM",
    "MajorityVote",
    "Metric",
    "NumericMatch",
    "PassAtK",
    "PassHatK",
    "Prompt",
    "Recorded",
    "RegexMatch",
    "Scores",
    "SelfConsistency",
    "TokenF1",
    "compare",
    "comparison",
    "data",
    "exchange",
    "federate",
    "find_signature",
    "inspect",
    "judge_alignment",
    "judging",
    "metrics",
    "models",
    "outputs",
    "plan",
    "pricing",
    "prompts",
    "rate",
    "ratings",
    "read",
    "reports",
    "run",
    "runs",
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
    from workbench.errors import nearest

    told = f"module 'workbench' has no attribute {name!r}"
    if (near := nearest(name, __all__, likeness=0.75)) is None:
        raise AttributeError(told)
    # notebooks show no guess of Python's own; without an object to look in it adds none to ours
    raise AttributeError(f"{told}; did you mean {near!r}?", name=name, obj=None)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
