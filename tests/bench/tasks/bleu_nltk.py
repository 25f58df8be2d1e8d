"""Corpus BLEU of ten systems, from words to figures, so without a tokenizer.

The peer counts one n-gram of each output that is too short to have any: its figures are a little lower.
"""

PEER = "nltk"
SIZE = 2_017
UNIT = "10 systems × {n}"
CLOCK = "cpu"
GOAL = 1.0
TOLERANCE = {"score": 0.1}


def ours(n):
    from campaigns import campaign
    from sides import our_scored_corpus

    import workbench as wb

    return our_scored_corpus(wb.BLEU(tokenize="none"), *campaign(n, 10))


def theirs(n):
    from campaigns import campaign
    from sides import nltk_corpus

    return nltk_corpus(*campaign(n, 10))
