"""Our own defaults on BLEU, from texts in memory to scores, intervals and p-values.

The peer's nearest work is its randomisation test with bootstrap intervals. The two draw other
random numbers, so p-values agree within their error only: 0.07 is four standard errors.
"""

PEER = "sacrebleu"
SIZE = 2_000
UNIT = "3 systems × {n}, 2000 samples"
GOAL = 1.0
TOLERANCE = {"p": 0.07}


def ours(n):
    from sides import our_test

    return our_test(n, samples=2_000)


def theirs(n):
    from sides import sacrebleu_test

    return sacrebleu_test(n, "ar", 2_000, 2_000)
