"""Corpus chrF of ten systems, from texts in memory to figures; the peer makes a metric for each system."""

PEER = "sacrebleu"
SIZE = 2_017
UNIT = "10 systems × {n}"
CLOCK = "cpu"
GOAL = 10.0


def ours(n):
    from campaigns import campaign
    from sides import our_corpus

    import workbench as wb

    return our_corpus(wb.ChrF(), *campaign(n, 10))


def theirs(n):
    from campaigns import campaign
    from sacrebleu.metrics import CHRF
    from sides import sacrebleu_corpus

    return sacrebleu_corpus(CHRF, *campaign(n, 10))
