"""Models as judges: preferences in both orders, marks by a rubric, and what people say of both."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.judging.alignment import Alignment, judge_alignment, likings
    from workbench.judging.asking import judge
    from workbench.judging.correcting import corrected
    from workbench.judging.judges import Pairwise, Pointwise, shipped
    from workbench.judging.rated import Rated
    from workbench.judging.records import recorded
    from workbench.judging.winning import preferences

_HOMES = {
    "Alignment": "alignment",
    "Pairwise": "judges",
    "Pointwise": "judges",
    "Rated": "rated",
    "corrected": "correcting",
    "judge": "asking",
    "judge_alignment": "alignment",
    "likings": "alignment",
    "preferences": "winning",
    "recorded": "records",
    "shipped": "judges",
}

__all__ = [
    "Alignment",
    "Pairwise",
    "Pointwise",
    "Rated",
    "corrected",
    "judge",
    "judge_alignment",
    "likings",
    "preferences",
    "recorded",
    "shipped",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"workbench.judging.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'workbench.judging' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
