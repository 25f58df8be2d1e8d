"""Calibration: how often tests reject and intervals cover, in worlds of which the truth is known."""

import math
import os
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

# One core: threads of a matrix product would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy.special import bdtr
from worlds import WORLDS, Family, World, clustered_rows

import workbench as wb
from workbench.families import Claim, max_t
from workbench.pairing import Panel
from workbench.stats import Exact, Units, adjusted, bca, jackknife_t, likelihood, small_sample
from workbench.stats.intervals import percentiles
from workbench.stats.paired import MAX_EXACT
from workbench.stats.sacrebleu_tests import PeerUnits

ALPHA = 0.05
SAMPLES = 499
POPULATION = 1_000_000
METHODS = {"t": jackknife_t, "likelihood": likelihood, "small-sample": small_sample}


class Cell(NamedTuple):
    """What happened in many worlds of a kind; shares, but for `world` and `n`."""

    world: str
    n: int
    size: float
    attainable: float
    power: float
    equal: float
    differ: float
    score: float


class Rate(NamedTuple):
    """How often a test rejects two equal systems."""

    what: str
    n: int
    size: float


@cache
def figures(name: str, effect: float) -> tuple[float, float]:
    """Return the two systems' figures over a whole population."""
    world = WORLDS[name]
    drawn = world.draw(np.random.default_rng(7), POPULATION, effect)
    first, second = world.aggregate(drawn.sum(axis=0)).tolist()
    return first, (second if effect else first)


def cell(name: str, n: int, n_worlds: int) -> Cell:
    """Test and cover in many worlds: two equal systems, and two that differ."""
    world = WORLDS[name]
    effect = min(world.strength / math.sqrt(n), world.most)
    told: dict[str, list[float]] = {field: [] for field in Cell._fields[2:]}
    for seed in range(n_worlds):
        null = world.units(seed, n, 0.0, samples=SAMPLES)
        found, score = null.difference(0, 1), null.interval(0)
        told["size"].append(found.p <= ALPHA)
        told["attainable"].append(attainable(null))
        told["equal"].append(covers(found.ci_low, found.ci_high, 0.0))
        told["score"].append(covers(score.low, score.high, figures(name, 0.0)[0]))
        found = world.units(seed, n, effect, samples=SAMPLES).difference(0, 1)
        first, second = figures(name, effect)
        told["power"].append(found.p <= ALPHA)
        told["differ"].append(covers(found.ci_low, found.ci_high, first - second))
    return Cell(name, n, **{field: float(np.mean(each)) for field, each in told.items()})


def covers(low: float, high: float, truth: float) -> bool:
    """Tell whether an interval holds the truth, whose last bits may be rounded."""
    room = 1e-9 * max(abs(low), abs(high))
    return low - room <= truth <= high + room


def attainable(units: Units) -> float:
    """Return the size that an exact test can have, given the sizes of the units' differences.

    A test of few changed units has few p-values; it rejects at the largest that is at most α.
    Drawn exchanges reject when at most α(R + 1) − 1 of R are as large.
    """
    values = units.statistics.value()
    gaps = values[:, 0] - values[:, 1]
    n_changed = int((gaps != 0).any(axis=1).sum())
    if units.hits(0, 1) is not None:
        return _attainable_mcnemar(n_changed)
    steps = np.abs(gaps[:, 0]).astype(int)
    if gaps.shape[1] == 2 and not gaps[:, 1].any() and steps.max(initial=0) <= 10:
        return _attainable_lattice(tuple(np.bincount(steps).tolist()), n_changed <= MAX_EXACT)
    if n_changed > MAX_EXACT:
        return math.floor(ALPHA * (SAMPLES + 1)) / (SAMPLES + 1)
    pairs = 2 ** max(0, n_changed - 1)
    return math.floor(ALPHA * pairs) / pairs


@cache
def _attainable_mcnemar(n: int) -> float:
    tails = np.minimum(1.0, 2 * bdtr(np.arange(n // 2 + 1), n, 0.5)) if n else np.ones(1)
    return float(max(tails[tails <= ALPHA], default=0.0))


@cache
def _attainable_lattice(counts: tuple[int, ...], exact: bool) -> float:
    chances = np.ones(1)
    for step, count in enumerate(counts[1:], start=1):
        for _ in range(count):
            moved = np.zeros(len(chances) + 2 * step)
            moved[: len(chances)] += chances / 2
            moved[2 * step :] += chances / 2
            chances = moved
    middle = len(chances) // 2
    both = chances[middle:] + chances[middle::-1]
    both[0] /= 2
    tails = np.minimum(1.0, np.cumsum(both[::-1])[::-1])
    if exact:
        return float(tails[tails <= ALPHA + 1e-12].max(initial=0.0))
    return float(both @ bdtr(math.floor(ALPHA * (SAMPLES + 1)) - 1, SAMPLES, tails))


def by_method(name: str, n: int, n_worlds: int, *, differ: bool) -> dict[str, float]:
    """Return how often each kind of interval covers a difference."""
    world = WORLDS[name]
    effect = min(world.strength / math.sqrt(n), world.most) if differ else 0.0
    first, second = figures(name, effect)
    told: dict[str, list[bool]] = {}
    for seed in range(n_worlds):
        units = world.units(seed, n, effect, samples=SAMPLES)
        resampled = units._resampled[0] - units._resampled[1]
        left_out = units._left_out(0) - units._left_out(1)
        delta = float(units.scores[0] - units.scores[1])
        ends = {"percentile": percentiles(resampled[None], 0.95)[0]}
        ends["BCa"] = bca(resampled, delta, left_out, 0.95)
        ends |= {each: made(delta, left_out, 0.95) for each, made in METHODS.items()}
        for method, (low, high) in ends.items():
            told.setdefault(method, []).append(covers(low, high, first - second))
    return {method: float(np.mean(each)) for method, each in told.items()}


def family_wise(family: Family, n: int, n_worlds: int) -> dict[str, float]:
    """Return how often some equal prompt is told apart, by correction."""
    wrong = {"none": 0, "holm": 0, "max-t": 0}
    metric = wb.Column("mark")
    for seed in range(n_worlds):
        statistics = family.statistics(seed, n)
        n_systems = statistics.shape[1]
        pairs = [(at, n_systems - 1) for at in range(n_systems - 1)]
        units = Units(Exact.of(statistics), metric.aggregate, samples=SAMPLES, seed=seed)
        changed = units._changed(pairs)
        p_values = np.array([p for p, _ in units._tested(pairs, changed, "randomisation")])
        systems = tuple(map(str, range(n_systems)))
        there = np.ones((n, n_systems), bool)
        panel = Panel(units.statistics, there, np.arange(n), systems, 1, np.arange(n), False)
        claims = [Claim(metric, panel, (systems[a], systems[b]), there[:, 0]) for a, b in pairs]
        together = np.maximum(max_t(claims, samples=SAMPLES, seed=seed), p_values)
        for correction, values in (
            ("none", p_values),
            ("holm", adjusted(p_values, "holm")),
            ("max-t", together),
        ):
            wrong[correction] += bool((values[family.n_better :] <= ALPHA).any())
    return {correction: count / n_worlds for correction, count in wrong.items()}


def bad_tests(n_worlds: int) -> Iterator[Rate]:
    """Yield how often tests reject that are known to be wrong: the suite must see it."""
    for name in ("independent", "BLEU"):
        hits = [_peer_rejects(WORLDS[name], seed) for seed in range(n_worlds)]
        yield Rate(f"sacrebleu's bs, {name}", 100, float(np.mean(hits)))
    hits = [_rejects_by_row(seed) for seed in range(n_worlds)]
    yield Rate("rows of 100 clusters taken for themselves", 100, float(np.mean(hits)))


def _peer_rejects(world: World, seed: int) -> bool:
    units = world.units(seed, 100, 0.0)
    peer = PeerUnits(units.statistics, world.aggregate, samples=SAMPLES, seed=seed)
    return peer._bootstrap_p([(0, 1)])[0] <= ALPHA


def _rejects_by_row(seed: int) -> bool:
    rows, _ = clustered_rows(np.random.default_rng([seed, 100]), 100, 0.0)
    units = Units(Exact.of(rows), WORLDS["clustered"].aggregate, samples=SAMPLES, seed=seed)
    return units._randomisation(0, 1, len(rows))[0] <= ALPHA
