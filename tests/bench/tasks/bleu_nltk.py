"""Corpus BLEU of ten systems, from words to figures, so without a tokenizer.

The peer counts one n-gram of each output that is too short to have any: rows with such a one are left out.
"""

PEER = "nltk"
SIZE = 2_017
UNIT = "10 systems × {n}, outputs of four words or more"
CLOCK = "cpu"
GOAL = 1.0
TOLERANCE = {"score": 1e-9}


def texts_of(n):
    from campaigns import campaign, rows_where

    long = lambda _, *outputs: all(len(output.split()) >= 4 for output in outputs)  # noqa: E731
    return rows_where(long, *campaign(n, 10))


def ours(n):
    from sides import our_scored_corpus

    import workbench as wb

    return our_scored_corpus(wb.BLEU(tokenize="none"), *texts_of(n))


def theirs(n):
    from sides import nltk_corpus

    return nltk_corpus(*texts_of(n))
