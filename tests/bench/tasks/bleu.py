"""Corpus BLEU, from texts in memory to figures."""

PEER = "sacrebleu"
SIZE = 2_000
UNIT = "3 systems × {n}"


def ours(n):
    from sides import our_corpus

    import workbench as wb

    return our_corpus(wb.BLEU(), n)


def theirs(n):
    from sacrebleu.metrics import BLEU
    from sides import sacrebleu_corpus

    return sacrebleu_corpus(BLEU, n)
