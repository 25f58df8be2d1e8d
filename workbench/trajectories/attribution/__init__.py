"""Which step made a run fail, and whose fault it was, with or without a language model as judge."""

from workbench.trajectories.attribution.clues import Clue, Owner
from workbench.trajectories.attribution.features import FEATURES
from workbench.trajectories.attribution.habits import Habits
from workbench.trajectories.attribution.model import AttributionModel, default_model, fit
from workbench.trajectories.attribution.ranking import Attribution, Suspect, attribute
from workbench.trajectories.attribution.scores import AttributionScores
from workbench.trajectories.attribution.validation import evaluate

__all__ = [
    "FEATURES",
    "Attribution",
    "AttributionModel",
    "AttributionScores",
    "Clue",
    "Habits",
    "Owner",
    "Suspect",
    "attribute",
    "default_model",
    "evaluate",
    "fit",
]
