"""Corpus TER, from texts in memory to figures."""

PEER = "sacrebleu"
SIZE = 400
UNIT = "3 systems × {n}"


def ours(n):
    from sides import our_corpus

    import workbench as wb

    return our_corpus(wb.TER(), n)


def theirs(n):
    from sacrebleu.metrics import TER
    from sides import sacrebleu_corpus

    return sacrebleu_corpus(TER, n)
