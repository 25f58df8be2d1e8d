"""OUTPUTS to SCORES: the metrics, and `score`."""

from workbench.metrics.base import Metric
from workbench.metrics.bleu import BLEU
from workbench.metrics.chrf import ChrF
from workbench.metrics.columns import Column
from workbench.metrics.embedding import EmbeddingSimilarity
from workbench.metrics.executing import Executed
from workbench.metrics.extracting import LabelMatch, NumericMatch
from workbench.metrics.joining import join
from workbench.metrics.json_texts import JSONValid
from workbench.metrics.matching import ExactMatch, LengthRatio, TokenF1
from workbench.metrics.patterns import RegexMatch
from workbench.metrics.repeats import MajorityVote, PassAtK, PassHatK, SelfConsistency
from workbench.metrics.rouge import ROUGE
from workbench.metrics.scoring import Scores, score
from workbench.metrics.signatures import find_signature
from workbench.metrics.ter import TER

__all__ = [
    "BLEU",
    "ROUGE",
    "TER",
    "ChrF",
    "Column",
    "EmbeddingSimilarity",
    "ExactMatch",
    "Executed",
    "JSONValid",
    "LabelMatch",
    "LengthRatio",
    "MajorityVote",
    "Metric",
    "NumericMatch",
    "PassAtK",
    "PassHatK",
    "RegexMatch",
    "Scores",
    "SelfConsistency",
    "TokenF1",
    "find_signature",
    "join",
    "score",
]
