"""Corpus BLEU of ten systems, from texts in memory to figures; the peer counts in 32 bits."""

PEER = "torchmetrics"
PYTHON = "WORKBENCH_TORCHMETRICS_PYTHON"
SIZE = 2_017
UNIT = "10 systems × {n}"
CLOCK = "cpu"
GOAL = 1.0
TOLERANCE = {"score": 1e-3}


def ours(n):
    from campaigns import campaign
    from sides import our_scored_corpus

    import workbench as wb

    return our_scored_corpus(wb.BLEU(), *campaign(n, 10))


def theirs(n):
    from campaigns import campaign
    from sides import torchmetrics_corpus

    return torchmetrics_corpus("SacreBLEUScore", *campaign(n, 10))
