"""A million outputs scored by BLEU and compared, by default, in less than 2 GB.

There is no peer: the rows are equal when the peak of memory stays below.
"""

PEER = "none: the memory is counted"
SIZE = 1_000_000
UNIT = "{n} outputs of 10 systems, 10000 samples"
EXPECTED = {"below_2_gb": True}


def ours(n):
    from campaigns import campaign, our_scored
    from measure import _peak_memory_mb

    import workbench as wb

    references, systems = campaign(n // 10, 10)

    def work():
        wb.compare(our_scored(references, systems))
        return {"below_2_gb": _peak_memory_mb() < 2_000}

    return work
