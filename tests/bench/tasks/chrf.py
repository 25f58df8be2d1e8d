"""Corpus chrF, from texts in memory to figures."""

PEER = "sacrebleu"
SIZE = 1_000
UNIT = "3 systems × {n}"


def ours(n):
    from sides import our_corpus

    import workbench as wb

    return our_corpus(wb.ChrF(), n)


def theirs(n):
    from sacrebleu.metrics import CHRF
    from sides import sacrebleu_corpus

    return sacrebleu_corpus(CHRF, n)
