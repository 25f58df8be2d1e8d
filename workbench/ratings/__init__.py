"""People's ratings: tasks, items, sessions that lose nothing, agreement and ranking."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.ratings.adjudication import adjudicator, disagreements
    from workbench.ratings.assignment import Item, Items, items
    from workbench.ratings.coding.concord import code_agreement, code_disagreements
    from workbench.ratings.coding.frames import codes, write_codes
    from workbench.ratings.coding.schemes import Label, Scheme
    from workbench.ratings.exchange import from_file, write
    from workbench.ratings.exchange.chain import restore
    from workbench.ratings.journal import Journal
    from workbench.ratings.ranking import rank
    from workbench.ratings.reading import progress, read, unblind
    from workbench.ratings.reliability import agreement
    from workbench.ratings.scripted import Scripted, word_overlap
    from workbench.ratings.sessions import Session
    from workbench.ratings.studies import Study
    from workbench.ratings.tasks import (
        BestWorst,
        Correction,
        Labels,
        Preference,
        Ranking,
        Scale,
        Spans,
        Task,
        Text,
    )

_HOMES = {
    "BestWorst": "tasks",
    "Correction": "tasks",
    "Item": "assignment",
    "Items": "assignment",
    "Journal": "journal",
    "Label": "coding.schemes",
    "Labels": "tasks",
    "Preference": "tasks",
    "Ranking": "tasks",
    "Scale": "tasks",
    "Scheme": "coding.schemes",
    "Scripted": "scripted",
    "Session": "sessions",
    "Spans": "tasks",
    "Study": "studies",
    "Task": "tasks",
    "Text": "tasks",
    "adjudicator": "adjudication",
    "agreement": "reliability",
    "code_agreement": "coding.concord",
    "code_disagreements": "coding.concord",
    "codes": "coding.frames",
    "disagreements": "adjudication",
    "from_file": "exchange",
    "items": "assignment",
    "progress": "reading",
    "rank": "ranking",
    "read": "reading",
    "restore": "exchange.chain",
    "unblind": "reading",
    "word_overlap": "scripted",
    "write": "exchange",
    "write_codes": "coding.frames",
}

__all__ = [
    "BestWorst",
    "Correction",
    "Item",
    "Items",
    "Journal",
    "Label",
    "Labels",
    "Preference",
    "Ranking",
    "Scale",
    "Scheme",
    "Scripted",
    "Session",
    "Spans",
    "Study",
    "Task",
    "Text",
    "adjudicator",
    "agreement",
    "code_agreement",
    "code_disagreements",
    "codes",
    "disagreements",
    "from_file",
    "items",
    "progress",
    "rank",
    "read",
    "restore",
    "unblind",
    "word_overlap",
    "write",
    "write_codes",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"workbench.ratings.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'workbench.ratings' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
