"""Corpus BLEU of a hundred thousand outputs, from texts in memory to figures."""

PEER = "sacrebleu"
SIZE = 100_000
UNIT = "1 system × {n}"
CLOCK = "cpu"
GOAL = 3.5


def ours(n):
    from campaigns import one_system
    from sides import our_corpus

    import workbench as wb

    return our_corpus(wb.BLEU(), *one_system(n))


def theirs(n):
    from campaigns import one_system
    from sacrebleu.metrics import BLEU
    from sides import sacrebleu_corpus

    return sacrebleu_corpus(BLEU, *one_system(n))
