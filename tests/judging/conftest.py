"""RATINGS as a judge or people would make them."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def said():
    """A function that makes RATINGS of one rater's preferences, one per row, on lead and random."""

    def make(rater, values, *, first="lead", rows=None, question="better", **columns):
        n = len(values)
        rows = [str(at) for at in range(n)] if rows is None else [str(each) for each in rows]
        return pd.DataFrame(
            {
                "item_id": rows,
                "row_id": rows,
                "rater": rater,
                "question": question,
                "value": pd.Series(list(values), dtype=object),
                "system_a": "lead",
                "system_b": "random",
                "side": first,
            }
            | columns
        )

    return make


@pytest.fixture
def in_both_orders(said):
    """A function that makes RATINGS from a row's verdicts when lead is shown first, and second."""

    def make(as_first, as_second, rater="judge", **columns):
        parts = [
            said(rater, as_first, first="lead", **columns),
            said(rater, as_second, first="random", **columns),
        ]
        return pd.concat(parts, ignore_index=True)

    return make


@pytest.fixture
def biased(in_both_orders):
    """A function that simulates a judge of known bias for the first place.

    On each question it takes whatever is first with probability `bias`, and otherwise lead with a
    chance of its own for each row, whose mean is `quality`.
    """

    def make(n, *, bias, quality=0.6, seed=0):
        rng = np.random.default_rng(seed)
        chance = np.clip(quality + rng.uniform(-0.3, 0.3, n), 0, 1)
        verdicts = []
        for first in (True, False):
            by_place, by_content = rng.random(n) < bias, rng.random(n) < chance
            chosen = np.where(by_place, first, by_content)
            verdicts.append(np.where(chosen, "a", "b").tolist())
        return in_both_orders(*verdicts)

    return make
