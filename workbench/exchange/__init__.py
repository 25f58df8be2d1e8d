"""Evaluations of other tools come in; tables and figures go out."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.exchange.evaluation import Evaluation
    from workbench.exchange.recognising import read
    from workbench.exchange.writing import write

_HOMES = {"Evaluation": "evaluation", "read": "recognising", "write": "writing"}

__all__ = ["Evaluation", "read", "write"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"workbench.exchange.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'workbench.exchange' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
