"""Krippendorff's alpha on four scales, from a table of raters × items with gaps to figures."""

PEER = "krippendorff"
SIZE = 300_000
UNIT = "3 of 5 raters × {n} items, 5 values"
GOAL = 3.0
TOLERANCE = {"alpha": 1e-9}

SCALES = ["nominal", "ordinal", "interval", "ratio"]


def table(n):
    import numpy as np

    rng = np.random.default_rng(n)
    truth = rng.integers(1, 6, n)
    values = np.clip(np.round(truth + rng.normal(0, 0.7, (5, n))), 1, 5)
    # each item was seen by three of the five
    absent = rng.random((5, n)).argsort(axis=0) >= 3
    return np.where(absent, np.nan, values)


def ours(n):
    import numpy as np

    from workbench.ratings.estimation.coincidence import patterns, sums

    ratings = table(n)

    def work():
        items, raters = np.nonzero(~np.isnan(ratings.T))
        points, values = np.unique(ratings[raters, items], return_inverse=True)
        found = patterns(items, items, values, len(points))
        figures = {}
        for scale in SCALES:
            statistics, figure = sums("alpha", found, scale, points)
            total = statistics.T @ (found.classes.T @ found.frequency.astype(float))
            figures[f"alpha:{scale}"] = float(figure(total[None])[0])
        return figures

    return work


def theirs(n):
    import krippendorff

    ratings = table(n)

    def work():
        return {
            f"alpha:{scale}": krippendorff.alpha(ratings, level_of_measurement=scale)
            for scale in SCALES
        }

    return work
