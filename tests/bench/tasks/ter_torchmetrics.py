"""Corpus TER of three systems, from texts in memory to figures.

The peer's shifts are not all those of sacrebleu, whose figures are ours: it is some hundredths beside them.
"""

PEER = "torchmetrics"
PYTHON = "WORKBENCH_TORCHMETRICS_PYTHON"
SIZE = 100
UNIT = "3 systems × {n}"
CLOCK = "cpu"
GOAL = 1.0
TOLERANCE = {"score": 0.1}


def ours(n):
    from campaigns import HEBREW, campaign
    from sides import our_scored_corpus

    import workbench as wb

    return our_scored_corpus(wb.TER(), *campaign(n, 3, HEBREW))


def theirs(n):
    from campaigns import HEBREW, campaign
    from sides import torchmetrics_corpus

    return torchmetrics_corpus("TranslationEditRate", *campaign(n, 3, HEBREW))
