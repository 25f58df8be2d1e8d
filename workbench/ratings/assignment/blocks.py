"""Balanced incomplete blocks: who does what, and with whom, as equally often as possible."""

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

# A difference of one in how often outweighs any difference in how often together, and one in how
# often in the same row any in how often; sums stay below 2**62.
_LOAD = 1 << 26
_HERE = 1 << 50
# Designs of all blocks are ordered in time that grows with the square of their number.
_MOST_BLOCKS = 5_000
# How many of the last blocks are evened out, in how many steps, and how much work that may be.
_WINDOW = 2_000
_STEPS = 4_000
_WORK = 100_000_000


class Balance:
    """Chooses members so that each, and then each pair of them, is chosen equally often.

    Parameters
    ----------
    n : int
        Number of members.

    Notes
    -----
    Greedy: a block is filled one by one with the member that was chosen least often; of several,
    with that which met those already in the block least often. As long as all are free to be
    chosen, numbers of choices differ by at most one at any time.

    Examples
    --------
    >>> balance = Balance(4)
    >>> [balance.take(2) for _ in range(6)]
    [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2)]
    """

    def __init__(self, n: int) -> None:
        self.loads: Counts = np.zeros(n, dtype=np.int64)
        self.pairs: Counts = np.zeros((n, n), dtype=np.int64)

    def propose(
        self, k: int, among: Counts | None = None, here: Counts | None = None
    ) -> tuple[int, ...]:
        """Return the block of k members whose turn it is.

        Parameters
        ----------
        k : int
            Members in the block.
        among : array of int, optional
            The members to choose from; all by default.
        here : array of int, shape (n,), optional
            How often each was chosen where it should come evenly first of all, such as in a row.
        """
        everyone = self._cost(here)
        cost = everyone if among is None else everyone[among]
        pairs = self.pairs if among is None else self.pairs[:, among]
        chosen = []
        for _ in range(k):
            at = int(cost.argmin())
            member = at if among is None else int(among[at])
            chosen.append(member)
            cost += pairs[member]
            cost[at] = np.iinfo(np.int64).max // 2
        return tuple(sorted(chosen))

    def _cost(self, here: Counts | None) -> Counts:
        return self.loads * _LOAD + (0 if here is None else here * _HERE)

    def add(self, block: tuple[int, ...]) -> tuple[int, ...]:
        """Count a block as chosen, and return it."""
        for at, member in enumerate(block):
            self.loads[member] += 1
            for other in block[at + 1 :]:
                self.pairs[member, other] += 1
                self.pairs[other, member] += 1
        return block

    def take(self, k: int, among: Counts | None = None) -> tuple[int, ...]:
        """Choose the block of k members whose turn it is."""
        return self.add(self.propose(k, among))

    def price(self, blocks: Counts, here: Counts | None = None) -> Counts:
        """Return how little it is the turn of each block, shape (n_blocks, k) → (n_blocks,)."""
        cost = self._cost(here)[blocks].sum(axis=1)
        for one, other in combinations(range(blocks.shape[1]), 2):
            cost += self.pairs[blocks[:, one], blocks[:, other]]
        return np.asarray(cost)


def block_design(n: int, k: int, n_blocks: int) -> list[tuple[int, ...]]:
    """Return blocks of k of n members in which each, and each pair, is equally often.

    Parameters
    ----------
    n : int
        Number of members, such as raters.
    k : int
        Members in a block, from 1 to n.
    n_blocks : int
        Number of blocks, such as items.

    Returns
    -------
    list of tuple of int
        Members from 0 to n − 1.

    Notes
    -----
    All C(n, k) blocks are gone through as often as they fit in (where they are 5,000 or fewer),
    which is exact: then all numbers are equal. The rest is filled greedily (`Balance`), and evened
    by exchanges. Members are in numbers of blocks that differ by at most one, always. Pairs of
    members meet in numbers that differ, for up to 13 members and 60 blocks, by at most 1 for k = 2
    (which is the least there is), 3 for k = 3, and 5 for any k.

    References
    ----------
    Cochran and Cox (1957), chapter 11.

    Examples
    --------
    >>> block_design(4, 2, 6)
    [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2)]
    """
    if 2 * k > n:
        # who is absent together is counted as who is there together, and is less work
        everyone = set(range(n))
        return [tuple(sorted(everyone - set(block))) for block in block_design(n, n - k, n_blocks)]
    if k == 0:
        return [()] * n_blocks
    cycle = math.comb(n, k)
    n_cycles = n_blocks // cycle if cycle <= _MOST_BLOCKS else 0
    design = _all_blocks(n, k) * n_cycles if n_cycles else []
    balance = Balance(n)
    rest = [balance.take(k) for _ in range(n_blocks - len(design))]
    return design + (_evened(rest, balance) if k > 1 else rest)


def _all_blocks(n: int, k: int) -> list[tuple[int, ...]]:
    """Return every block once, in an order in which all members come as evenly as possible."""
    blocks = np.array(list(combinations(range(n), k)), dtype=np.int64)
    balance, ordered = Balance(n), []
    while len(blocks):
        at = int(balance.price(blocks).argmin())
        ordered.append(balance.add(tuple(int(member) for member in blocks[at])))
        blocks = np.delete(blocks, at, axis=0)
    return ordered


def _evened(design: list[tuple[int, ...]], balance: Balance) -> list[tuple[int, ...]]:
    """Exchange members of blocks, so that the pairs that met most often meet less often.

    An exchange between two blocks leaves numbers of blocks as they are. Only the last blocks are
    touched, which bounds the time.
    """
    blocks = np.array(design[-_WINDOW:], dtype=np.int64).reshape(
        -1, len(design[0]) if design else 1
    )
    pairs = balance.pairs
    n = len(pairs)
    upper = np.triu(np.ones((n, n), dtype=bool), 1)
    stuck = np.zeros((n, n), dtype=bool)
    for _ in range(min(_STEPS, _WORK // max(1, blocks.size * blocks.shape[1]))):
        open_pairs = np.where(upper & ~stuck, pairs, -1)
        one, other = map(int, np.unravel_index(open_pairs.argmax(), pairs.shape))
        if open_pairs[one, other] - pairs[upper].min() <= 1:
            break
        if _exchanged(blocks, pairs, one, other) or _exchanged(blocks, pairs, other, one):
            stuck[:] = False
        else:
            stuck[one, other] = True
    last = [tuple(sorted(block)) for block in blocks.tolist()]
    return design[: len(design) - len(last)] + last


def _exchanged(blocks: Counts, pairs: Counts, stays: int, goes: int) -> bool:
    """Part two members by the exchange that evens the pairs most; tell whether there is one."""
    has = (blocks == goes).any(axis=1)
    together = np.flatnonzero(has & (blocks == stays).any(axis=1))
    if not len(together):
        return False
    # the block whose members have met `goes` most often
    at = int(together[pairs[goes][blocks[together]].sum(axis=1).argmax()])
    rest = blocks[at][blocks[at] != goes]
    gain_here = pairs[:, rest].sum(axis=1) - pairs[goes, rest].sum()
    there = pairs[goes][blocks]
    gain_there = (
        there.sum(axis=1, keepdims=True)
        - there
        - pairs[blocks[:, :, None], blocks[:, None, :]].sum(axis=2)
    )
    # half the change of the sum of squares over pairs
    change = gain_here[blocks] + gain_there + 2 * len(rest)
    change[has] = 1
    change[np.isin(blocks, blocks[at])] = 1
    block, place = map(int, np.unravel_index(change.argmin(), change.shape))
    if change[block, place] >= 0:
        return False
    comes = int(blocks[block, place])
    others = np.delete(blocks[block], place)
    for member, mates, by in (
        (goes, rest, -1), (comes, rest, 1), (comes, others, -1), (goes, others, 1),
    ):  # fmt: skip
        pairs[member, mates] += by
        pairs[mates, member] += by
    blocks[at, blocks[at] == goes] = comes
    blocks[block, place] = goes
    return True
