"""sacrebleu's paired randomisation test on BLEU, from texts in memory to p-values."""

PEER = "sacrebleu"
SIZE = 1_000
UNIT = "3 systems × {n}, 10000 samples"


def ours(n):
    from sides import our_test

    return our_test(n, test="randomisation", compat="sacrebleu")


def theirs(n):
    from sides import sacrebleu_test

    return sacrebleu_test(n, "ar")
