"""sacrebleu's paired bootstrap test on BLEU alone, from statistics to p-values."""

PEER = "sacrebleu"
SIZE = 2_000
UNIT = "3 systems × {n}, 1000 samples"
GOAL = 1.0


def ours(n):
    from sides import our_resampling

    return our_resampling(n, test="bootstrap", compat="sacrebleu")


def theirs(n):
    from sides import sacrebleu_resampling

    return sacrebleu_resampling(n, "bs")
