"""ROUGE-L alone of long outputs, from texts in memory to figures."""

PEER = "rouge-score"
SIZE = 350
UNIT = "{n} outputs of some 500 words"
GOAL = 100.0


def ours(n):
    from summaries import our_rouge

    return our_rouge(n, ["L"], longer=8)


def theirs(n):
    from summaries import their_rouge

    return their_rouge(n, ["L"], longer=8)
