"""Families adjusted together: the procedure written out, and how often it errs."""

import os
from itertools import product

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.contrasts import Settings, panels_of
from workbench.families import Claim, max_t

SETTINGS = Settings(baseline="a", samples=200, seed=3)
DRAWN = {"samples": 200, "seed": 3}


def marked(clusters=None, **marks):
    n_rows = len(marks["a"])
    rows = pd.DataFrame({"row_id": [f"r{at:03}" for at in range(n_rows)], "input": ""})
    rows = wb.read(rows if clusters is None else rows.assign(cluster=clusters))
    table = pd.DataFrame(
        [
            {"row_id": row, "system": system, "text": "x", "mark": mark}
            for system, column in marks.items()
            for row, mark in zip(rows["row_id"], column, strict=True)
        ]
    )
    return wb.score(wb.outputs(rows, table), rows, [wb.Column("mark", direction="up")])


def claims_of(scores, masks, pair=("b", "a")):
    panel = panels_of(scores, SETTINGS, ["mark"])["mark"]
    return [Claim(scores.metrics[0], panel, pair, np.asarray(mask)) for mask in masks]


def world(seed, n_rows=40):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (2, n_rows)).astype(float)
    return a, b, np.arange(n_rows) % 2 == 0, rng.random(n_rows) < 0.6


def test_max_t_is_the_step_down_procedure_written_out():
    a, b, even, some = world(1)
    masks = [np.ones(40, bool), even, some, ~even, even & some]
    found = max_t(claims_of(marked(a=a.tolist(), b=b.tolist()), masks), **DRAWN)
    coins = np.random.default_rng([3, 2]).integers(2, size=(200, 40), dtype=np.uint8)
    signs = 1 - 2 * np.vstack([np.zeros((1, 40), int), coins.astype(int)])
    sizes = np.array([[abs((sign * (b - a))[m].mean()) for m in masks] for sign in signs])
    t = sizes / np.sqrt((sizes**2).mean(axis=0))
    order = np.argsort(-t[0])
    naive, before = {}, 0.0
    for at, claim in enumerate(order):
        p = np.mean([max(row[order[at:]]) >= t[0, claim] - 1e-9 for row in t])
        naive[claim] = before = max(before, p)
    assert found.tolist() == pytest.approx([naive[at] for at in range(len(masks))])


def test_one_claim_alone_has_the_exact_p_of_a_randomisation_test():
    a, b = [0.0] * 9, [1.0, 2.0, -1.0, 3.0, 1.0, 2.0, 1.0, -2.0, 4.0]
    settings = Settings(baseline="a", samples=40_000)
    panel = panels_of(marked(a=a, b=b), settings, ["mark"])["mark"]
    claim = Claim(wb.Column("mark"), panel, ("b", "a"), np.ones(9, bool))
    (found,) = max_t([claim], samples=40_000, seed=0)
    gaps = np.array(b)
    exact = np.mean([abs(gaps @ s) >= abs(gaps.sum()) for s in product([1, -1], repeat=9)])
    assert found == pytest.approx(exact, abs=0.006)  # 4 standard errors


def test_equal_systems_and_empty_claims():
    scores = marked(a=[1.0, 2.0, 3.0], b=[1.0, 2.0, 3.0])
    found = max_t(claims_of(scores, [[True] * 3, [False] * 3]), **DRAWN)
    assert found[0] == 1.0
    assert np.isnan(found[1])
    assert max_t([], **DRAWN).tolist() == []


def test_rows_of_a_cluster_are_exchanged_together():
    a, b = [0.0] * 8, [1.0] * 8
    one = max_t(claims_of(marked(list("wwwwzzzz"), a=a, b=b), [[True] * 8]), **DRAWN)
    each = max_t(claims_of(marked(a=a, b=b), [[True] * 8]), **DRAWN)
    assert one[0] == pytest.approx(0.5, abs=0.15)
    assert each[0] < 0.05


def test_what_is_sure_does_not_weigh_on_the_rest():
    rng = np.random.default_rng(5)
    a = rng.normal(size=60)
    b = a + np.where(np.arange(60) < 30, 3.0, 0.4) + rng.normal(size=60) * 0.5
    first, second = np.arange(60) < 30, np.arange(60) >= 30
    found = max_t(claims_of(marked(a=a.tolist(), b=b.tolist()), [first, second]), **DRAWN)
    alone = max_t(claims_of(marked(a=a.tolist(), b=b.tolist()), [second]), **DRAWN)
    assert found[0] <= found[1]
    assert found[1] == pytest.approx(alone[0], abs=0.02)


@pytest.mark.slow
def test_the_family_wise_error_of_overlapping_claims_is_the_level():
    n_worlds, hits = 1000 if os.environ.get("WORKBENCH_SCALE") == "full" else 400, 0
    for seed in range(n_worlds):
        a, b, even, some = world(seed)
        masks = [even, ~even, some, ~some, even & some, ~even & ~some]
        found = max_t(claims_of(marked(a=a.tolist(), b=b.tolist()), masks), **DRAWN)
        hits += found.min() <= 0.05
    assert 0.03 <= hits / n_worlds <= 0.05 + 3 * (0.05 * 0.95 / n_worlds) ** 0.5
