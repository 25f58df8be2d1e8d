"""sacrebleu's paired bootstrap test on BLEU, near-tied systems among them, from statistics to p-values."""

PEER = "sacrebleu"
SIZE = 2_017
UNIT = "10 systems × {n}, 1000 samples"
CLOCK = "cpu"
GOAL = 50.0


def ours(n):
    from campaigns import our_inference

    return our_inference(n, "bootstrap", scored=True)


def theirs(n):
    from campaigns import sacrebleu_inference

    return sacrebleu_inference(n, "bootstrap", scored=True)
