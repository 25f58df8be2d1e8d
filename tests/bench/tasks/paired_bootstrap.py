"""sacrebleu's paired bootstrap test on BLEU, from texts in memory to p-values."""

PEER = "sacrebleu"
SIZE = 2_000
UNIT = "3 systems × {n}, 1000 samples"


def ours(n):
    from sides import our_test

    return our_test(n, test="bootstrap", compat="sacrebleu")


def theirs(n):
    from sides import sacrebleu_test

    return sacrebleu_test(n, "bs")
