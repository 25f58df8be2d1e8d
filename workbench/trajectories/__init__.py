"""What agents did: read from any log, counted, compared, explained, replayed and audited."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.trajectories import analysis
    from workbench.trajectories.annotating import with_annotations, without_annotations
    from workbench.trajectories.attribution import (
        Attribution,
        Habits,
        attribute,
        evaluate,
        fit,
    )
    from workbench.trajectories.auditing.audit import redact, seal, verify
    from workbench.trajectories.auditing.policy import Policy
    from workbench.trajectories.collection import Runs
    from workbench.trajectories.comparing.alignment import Alignment, align
    from workbench.trajectories.comparing.looping import loops
    from workbench.trajectories.comparing.majority import consensus
    from workbench.trajectories.comparing.matching import match, matches, reference_scores
    from workbench.trajectories.joining import outputs_of, rows_of
    from workbench.trajectories.live.alerts import Alert
    from workbench.trajectories.live.following import follow
    from workbench.trajectories.live.sending import Webhook
    from workbench.trajectories.model import Annotation, Part, Run, Step, Usage
    from workbench.trajectories.reading import read
    from workbench.trajectories.replays.recording import Recorder, Recording, record
    from workbench.trajectories.replays.replaying import Divergence, Player, fork, prove, replay
    from workbench.trajectories.sources.documents import Limits
    from workbench.trajectories.summarising import summary
    from workbench.trajectories.writers import write

_HOMES = {
    "Alert": "live.alerts",
    "Alignment": "comparing.alignment",
    "Annotation": "model",
    "Attribution": "attribution",
    "Divergence": "replays.replaying",
    "Habits": "attribution",
    "Limits": "sources.documents",
    "Part": "model",
    "Player": "replays.replaying",
    "Policy": "auditing.policy",
    "Recorder": "replays.recording",
    "Recording": "replays.recording",
    "Run": "model",
    "Runs": "collection",
    "Step": "model",
    "Usage": "model",
    "Webhook": "live.sending",
    "align": "comparing.alignment",
    "attribute": "attribution",
    "consensus": "comparing.majority",
    "evaluate": "attribution",
    "fit": "attribution",
    "follow": "live.following",
    "fork": "replays.replaying",
    "loops": "comparing.looping",
    "match": "comparing.matching",
    "matches": "comparing.matching",
    "outputs_of": "joining",
    "prove": "replays.replaying",
    "read": "reading",
    "record": "replays.recording",
    "redact": "auditing.audit",
    "reference_scores": "comparing.matching",
    "replay": "replays.replaying",
    "rows_of": "joining",
    "seal": "auditing.audit",
    "summary": "summarising",
    "verify": "auditing.audit",
    "with_annotations": "annotating",
    "without_annotations": "annotating",
    "write": "writers",
}
_MODULES = ("analysis",)

__all__ = [
    "Alert",
    "Alignment",
    "Annotation",
    "Attribution",
    "Divergence",
    "Habits",
    "Limits",
    "Part",
    "Player",
    "Policy",
    "Recorder",
    "Recording",
    "Run",
    "Runs",
    "Step",
    "Usage",
    "Webhook",
    "align",
    "analysis",
    "attribute",
    "consensus",
    "evaluate",
    "fit",
    "follow",
    "fork",
    "loops",
    "match",
    "matches",
    "outputs_of",
    "prove",
    "read",
    "record",
    "redact",
    "reference_scores",
    "replay",
    "rows_of",
    "seal",
    "summary",
    "verify",
    "with_annotations",
    "without_annotations",
    "write",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"workbench.trajectories.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"workbench.trajectories.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'workbench.trajectories' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
