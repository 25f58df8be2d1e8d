"""ROUGE-1, -2, -L and -Lsum of every output, from texts in memory to figures."""

PEER = "rouge-score"
SIZE = 1_400
UNIT = "{n} outputs of some 60 words"
GOAL = 8.0


def ours(n):
    from summaries import our_rouge

    return our_rouge(n, ["1", "2", "L", "Lsum"])


def theirs(n):
    from summaries import their_rouge

    return their_rouge(n, ["1", "2", "L", "Lsum"])
