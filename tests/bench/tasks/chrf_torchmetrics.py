"""Corpus chrF++ of three systems, from texts in memory to figures.

The peer counts in 32 bits: of few texts its figures are some thousandths beside sacrebleu's, which are ours.
"""

PEER = "torchmetrics"
PYTHON = "WORKBENCH_TORCHMETRICS_PYTHON"
SIZE = 500
UNIT = "3 systems × {n}"
CLOCK = "cpu"
GOAL = 1.0
TOLERANCE = {"score": 5e-3}


def ours(n):
    from campaigns import campaign
    from sides import our_scored_corpus

    import workbench as wb

    return our_scored_corpus(wb.ChrF(word_order=2), *campaign(n, 3))


def theirs(n):
    from campaigns import campaign
    from sides import torchmetrics_corpus

    return torchmetrics_corpus("CHRFScore", *campaign(n, 3))
