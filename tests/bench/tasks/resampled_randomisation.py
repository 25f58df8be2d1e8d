"""sacrebleu's paired randomisation test on BLEU alone, from statistics to p-values."""

PEER = "sacrebleu"
SIZE = 1_000
UNIT = "3 systems × {n}, 10000 samples"


def ours(n):
    from sides import our_resampling

    return our_resampling(n, test="randomisation", compat="sacrebleu")


def theirs(n):
    from sides import sacrebleu_resampling

    return sacrebleu_resampling(n, "ar")
