"""Corpus TER of all systems from texts in memory to figures."""

PEER = "sacrebleu"
SIZE = 300
UNIT = "12 systems × {n}"
CLOCK = "cpu"
GOAL = 5.0


def ours(n):
    from campaigns import HEBREW, campaign
    from sides import our_corpus

    import workbench as wb

    return our_corpus(wb.TER(), *campaign(n, 12, HEBREW))


def theirs(n):
    from campaigns import HEBREW, campaign
    from sacrebleu.metrics import TER
    from sides import sacrebleu_corpus

    return sacrebleu_corpus(TER, *campaign(n, 12, HEBREW))
