"""Corpus TER of three systems, from texts in memory to figures; the peer counts in 32 bits.

Of longer texts it tries other shifts than sacrebleu, whose figures are ours; those are left out.
"""

PEER = "torchmetrics"
PYTHON = "WORKBENCH_TORCHMETRICS_PYTHON"
SIZE = 500
UNIT = "3 systems × {n}, references of 15 words or fewer"
CLOCK = "cpu"
GOAL = 1.0
TOLERANCE = {"score": 1e-3}


def texts_of(n):
    from campaigns import HEBREW, campaign, rows_where

    short = lambda reference, *_: len(reference.split()) <= 15  # noqa: E731
    return rows_where(short, *campaign(n, 3, HEBREW))


def ours(n):
    from sides import our_scored_corpus

    import workbench as wb

    return our_scored_corpus(wb.TER(), *texts_of(n))


def theirs(n):
    from sides import torchmetrics_corpus

    return torchmetrics_corpus("TranslationEditRate", *texts_of(n))
