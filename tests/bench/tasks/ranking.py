"""Bradley–Terry strengths with ties as half wins, from names and answers in memory to figures.

The peer stops at a change of 1e-8 where we go on to 1e-11; strengths are log, mean 0.
"""

PEER = "evalica"
SIZE = 1_000_000
UNIT = "{n} comparisons × up to 50 systems"
GOAL = 3.0
TOLERANCE = {"strength": 1e-4}


def answers(n):
    import numpy as np

    rng = np.random.default_rng(n)
    systems = min(50, max(3, n // 60))
    strengths = rng.normal(0, 0.5, systems)
    first = rng.integers(systems, size=n)
    second = (first + rng.integers(1, systems, n)) % systems
    half = (strengths[first] - strengths[second]) / 2
    chances = np.stack([np.exp(half), np.exp(-half), np.full(n, 0.4)], axis=1)
    chances /= chances.sum(axis=1, keepdims=True)
    outcome = (rng.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    names = np.array([f"system {at:02}" for at in range(systems)])
    return names[first], names[second], outcome


def ours(n):
    import numpy as np
    import pandas as pd

    from workbench.ratings.estimation.bradley_terry import fit, halved
    from workbench.ratings.estimation.comparisons import compared
    from workbench.ratings.estimation.strengths import counted_by

    first, second, outcome = answers(n)
    values = np.array(["a", "b", "tie"], dtype=object)[outcome]
    rows = pd.DataFrame({"system_a": first, "system_b": second, "value": values})

    def work():
        found = compared(rows)
        counted = counted_by(found, found.row, None)
        strengths = fit(counted.pairs, halved(counted.weighted)[None]).strengths[0]
        return dict(zip(map("strength:{}".format, found.systems), strengths.tolist(), strict=True))

    return work


def theirs(n):
    import numpy as np
    from evalica import Winner, bradley_terry

    first, second, outcome = answers(n)
    first, second = first.tolist(), second.tolist()
    winners = [[Winner.X, Winner.Y, Winner.Draw][each] for each in outcome]

    def work():
        found = bradley_terry(first, second, winners, tolerance=1e-8, limit=1_000)
        scores = found.scores.sort_index()
        strengths = np.log(scores.to_numpy())
        strengths -= strengths.mean()
        return dict(zip(map("strength:{}".format, scores.index), strengths.tolist(), strict=True))

    return work
