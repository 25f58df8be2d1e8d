"""All 120 pairs of 16 systems by our own randomisation test, beside the 15 with one baseline, from texts to p-values.

The "peer" is this package with 15 pairs: 0.95 is five percent more time for all.
"""

PEER = "evaluation-workbench"
SIZE = 2_074
UNIT = "120 pairs of 16 systems × {n}, 15 for the peer, from texts"
CLOCK = "cpu"
GOAL = 0.95


def ours(n):
    from campaigns import our_pairs

    return our_pairs(n, "randomisation", every=True, scored=False)


def theirs(n):
    from campaigns import our_pairs

    return our_pairs(n, "randomisation", every=False, scored=False)
