"""Calls priced by their models' rules: which tokens count, at which price, and which have none."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.pricing import Price, Prices
from workbench.trajectories.analysis.columns import (
    NONE,
    Floats,
    Ints,
    Mask,
    Names,
    Steps,
    covered_rows,
    summed,
    tallied,
)
from workbench.trajectories.model import MODEL_KINDS

TOKENS = (
    "input_tokens",
    "cached_tokens",
    "cache_written_tokens",
    "output_tokens",
    "reasoning_tokens",
)

# Up to so many pairs of a group and a price have a place each; more are sorted.
_DENSE = 2**23


@dataclass(frozen=True, eq=False)
class Leaves:
    """The steps whose tokens or dollars count: those below them record none.

    Parameters
    ----------
    groups : array of int, shape (n,)
        The group of each such step.
    n_groups : int
        How many groups there are.
    models : Names
        Its model.
    tokens : dict of array of int
        Its counts by name, −1 for none.
    costs : array of float
        Its recorded dollars, NaN for none.
    calls : array of bool
        Whether it is a call: it records input or output.
    embeds : array of bool
        Whether it has no output by its nature.
    n_silent : array of int, shape (n_groups,)
        In each group the answers of models that record no tokens.
    """

    groups: Ints
    n_groups: int
    models: Names
    tokens: dict[str, Ints]
    costs: Floats
    calls: Mask
    embeds: Mask
    n_silent: Ints

    @classmethod
    def of(cls, steps: Steps, groups: Ints, n_groups: int, models: Names) -> "Leaves":
        """Take the leaves out of steps."""
        covered, kinds = _Covered(steps.above()), steps.names("kind")
        leaf = {name: covered.leaves(steps.has(name)) for name in (*TOKENS, "cost_usd")}
        has = steps.has("input_tokens") | steps.has("output_tokens")
        silent = kinds.mask(*MODEL_KINDS) & steps.counted() & ~has & ~covered.rows(has)
        rows = np.flatnonzero(np.logical_or.reduce([*leaf.values()]))
        # one column after the other: each is large
        tokens = {name: _kept(steps.raw(name), leaf[name], rows, NONE) for name in TOKENS}
        return cls(
            groups[rows],
            n_groups,
            Names(models.codes[rows], models.known),
            tokens,
            _kept(steps.raw("cost_usd"), leaf["cost_usd"], rows, np.nan),
            covered.leaves(has)[rows],
            kinds.mask("embeddings")[rows],
            tallied(groups, n_groups, silent),
        )


def _kept(figures: Any, leaf: Mask, rows: Ints, absent: float) -> Any:  # noqa: ANN401 - whole numbers or floats
    """Return the figures of some rows, `absent` where they are another step's or none."""
    found, counted = figures[rows], leaf[rows]
    return found if counted.all() else np.where(counted, found, absent)


class _Covered:
    """Remembers what is covered: most steps that record one figure record the others too."""

    def __init__(self, above: Ints | None) -> None:
        self._above = above
        self._known: list[tuple[Mask, Mask]] = []

    def rows(self, has: Mask) -> Mask:
        """Tell which steps have one with the figure below them."""
        for known, covered in self._known:
            if np.array_equal(known, has):
                return covered
        self._known.append((has, covered_rows(has, self._above)))
        return self._known[-1][1]

    def leaves(self, has: Mask) -> Mask:
        """Tell which steps have the figure while none below them has."""
        return has & ~self.rows(has)


def charged(leaves: Leaves, prices: Prices) -> tuple[Floats, dict[int, list[str]]]:
    """Return the dollars of each group, NaN where they would be wrong, and for those groups why.

    Parameters
    ----------
    leaves : Leaves
        What counts.
    prices : Prices
        The price table.
    """
    tariffs = _Tariffs.of(leaves, prices)
    told: dict[int, list[str]] = defaultdict(list)
    for group, n, says in [
        *_without_price(leaves, tariffs, prices.name),
        *_counted(leaves, _incomplete(leaves), "do not say both input and output"),
        *_counted(leaves, _too_large_parts(leaves), "have parts that are larger than their whole"),
    ]:
        told[group].append(f"{n} of the calls {says}")
    priced = np.ones(leaves.n_groups, bool)
    priced[list(told)] = False
    sure = priced & (tallied(leaves.groups, leaves.n_groups, leaves.calls) > 0)
    return np.where(sure, _priced(leaves, tariffs), np.nan), told


@dataclass(frozen=True, eq=False)
class _Tariffs:
    """The price of each call: of its model, or of its model's long inputs."""

    codes: Ints
    prices: list[Price | None]
    names: list[str | None]

    @classmethod
    def of(cls, leaves: Leaves, prices: Prices) -> "_Tariffs":
        models, inputs = leaves.models, leaves.tokens["input_tokens"]
        names: list[str | None] = [*models.known, None]
        codes = np.where(models.codes == NONE, len(models.known), models.codes)
        found = [None if name is None else prices.get(name) for name in names]
        for code, price in enumerate([*found]):
            for threshold, dearer in price.above if price else ():
                codes[(models.codes == code) & (inputs > threshold)] = len(found)
                found.append(dearer)
                names.append(names[code])
        return cls(codes, found, names)


def _counted(leaves: Leaves, mask: Mask, says: str) -> Iterator[tuple[int, int, str]]:
    numbers = tallied(leaves.groups, leaves.n_groups, mask)
    return ((group, int(numbers[group]), says) for group in np.flatnonzero(numbers).tolist())


def _without_price(leaves: Leaves, tariffs: _Tariffs, table: str) -> Iterator[tuple[int, int, str]]:
    without = np.array([price is None for price in tariffs.prices])
    calls = leaves.calls & without[tariffs.codes]
    keys = leaves.groups[calls].astype(np.int64) * len(without) + tariffs.codes[calls]
    pairs, numbers = np.unique(keys, return_counts=True)
    for pair, n in zip(pairs.tolist(), numbers.tolist(), strict=True):
        group, code = divmod(pair, len(without))
        name = tariffs.names[code]
        says = f"are of {name[:80]!r}, which {table} has no price for" if name else "name no model"
        yield group, n, says


def _incomplete(leaves: Leaves) -> Mask:
    read, wrote = (leaves.tokens[name] >= 0 for name in ("input_tokens", "output_tokens"))
    return leaves.calls & ~(read & (wrote | leaves.embeds))


def _too_large_parts(leaves: Leaves) -> Mask:
    inputs, cached, written, outputs, reasoning = (
        np.maximum(leaves.tokens[name], 0) for name in TOKENS
    )
    # compared one by one: two hostile counts may add to more than a number holds
    large = (cached > inputs) | (written > inputs - np.minimum(cached, inputs))
    return large | (reasoning > outputs)


def _priced(leaves: Leaves, tariffs: _Tariffs) -> Floats:
    """Return each group's dollars: whole tokens times whole parts of a dollar, divided once."""
    n_tariffs = len(tariffs.prices)
    keys = leaves.groups.astype(np.int64) * n_tariffs + tariffs.codes
    if leaves.n_groups * n_tariffs <= _DENSE:
        pairs = np.arange(leaves.n_groups * n_tariffs)
    else:
        pairs, keys = np.unique(keys, return_inverse=True)
    inputs, cached, written, outputs, reasoning = (
        np.maximum(summed(keys, len(pairs), leaves.tokens[name]), 0) for name in TOKENS
    )
    parts = [inputs - cached - written, cached, written, outputs - reasoning, reasoning]
    scale, rates = _whole_rates(tariffs.prices)
    units = _units(parts, pairs // n_tariffs, rates, pairs % n_tariffs, leaves.n_groups)
    return np.array([each / 10**scale for each in units], np.float64)


def _whole_rates(prices: Sequence[Price | None]) -> tuple[int, list[list[int]]]:
    """Return prices as whole numbers of 10**−scale dollars."""
    rates = [price.rates if price else () for price in prices]
    scale = max([0, *(-int(rate.as_tuple().exponent) for each in rates for rate in each)])
    return scale, [[int(rate.scaleb(scale)) for rate in each] or [0] * 5 for each in rates]


def _units(
    parts: list[Ints], groups: Ints, rates: list[list[int]], tariffs: Ints, n_groups: int
) -> list[int]:
    """Add tokens times their rates, as Python's whole numbers, which do not overflow."""
    units = [0] * n_groups
    for at, part in enumerate(parts):
        some: Any = np.flatnonzero(part)
        triples = (each[some].tolist() for each in (groups, tariffs, part))
        for group, tariff, n in zip(*triples, strict=True):
            units[group] += n * rates[tariff][at]
    return units
