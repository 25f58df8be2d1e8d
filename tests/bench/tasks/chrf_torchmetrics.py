"""Corpus chrF++ of three systems, from texts in memory to figures; the peer counts in 32 bits.

It takes the mean of each order's F-score, as the first script of chrF++ did: our `eps_smoothing`.
"""

PEER = "torchmetrics"
PYTHON = "WORKBENCH_TORCHMETRICS_PYTHON"
SIZE = 500
UNIT = "3 systems × {n}"
CLOCK = "cpu"
GOAL = 1.0
TOLERANCE = {"score": 1e-4}


def ours(n):
    from campaigns import campaign
    from sides import our_scored_corpus

    import workbench as wb

    return our_scored_corpus(wb.ChrF(word_order=2, eps_smoothing=True), *campaign(n, 3))


def theirs(n):
    from campaigns import campaign
    from sides import torchmetrics_corpus

    return torchmetrics_corpus("CHRFScore", *campaign(n, 3))
