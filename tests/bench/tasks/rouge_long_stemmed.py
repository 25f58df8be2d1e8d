"""The same as `rouge_long` with stemmed words."""

PEER = "rouge-score"
SIZE = 126
UNIT = "{n} outputs of some 500 words"
GOAL = 18.0


def ours(n):
    from summaries import our_rouge

    return our_rouge(n, ["1", "2", "L", "Lsum"], longer=8, stemmer=True)


def theirs(n):
    from summaries import their_rouge

    return their_rouge(n, ["1", "2", "L", "Lsum"], longer=8, stemmer=True)
