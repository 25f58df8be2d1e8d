"""The same; the peer reads the references once."""

PEER = "sacrebleu"
SIZE = 2_017
UNIT = "10 systems × {n}"
CLOCK = "cpu"
GOAL = 4.5


def ours(n):
    from campaigns import campaign
    from sides import our_corpus

    import workbench as wb

    return our_corpus(wb.BLEU(), *campaign(n, 10))


def theirs(n):
    from campaigns import campaign
    from sacrebleu.metrics import BLEU
    from sides import sacrebleu_corpus

    return sacrebleu_corpus(BLEU, *campaign(n, 10), cached=True)
