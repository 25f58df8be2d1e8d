"""How the time of scoring by BLEU, chrF, TER and ROUGE-L grows from n outputs to 4 n and 16 n.

There is no peer: the rows are equal when the exponent is at most 1.1.
"""

PEER = "none: ours at n, 4 n and 16 n"
SIZE = 1_500
UNIT = "{n}, 4 and 16 times as many outputs"
EXPECTED = {"exponent_at_most_1.1": True}


def ours(n):
    from functools import partial

    from campaigns import HEBREW, one_system
    from growing import TIMES, in_line
    from sides import our_scores

    import workbench as wb

    metrics = [wb.BLEU(), wb.ChrF(), wb.TER(), wb.ROUGE("L")]
    texts = [one_system(times * n, [HEBREW]) for times in TIMES]  # the outputs are English
    works = [partial(our_scores, *each, metrics) for each in texts]
    return lambda: in_line(works, runs=3)
