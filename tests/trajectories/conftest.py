"""What tests of readers share: whether anything is lost, and files that are broken on purpose."""

import json
import random
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.trajectories.ledger import Ledger

# scripts that made the fixtures; they need what is no dependency
collect_ignore_glob = ["fixtures/*"]

_LEAVES = runpy.run_path(str(Path(__file__).with_name("leaves.py")))


@pytest.fixture(scope="session")
def missing_leaves():
    """`leaves.missing_leaves`: the texts and numbers of a source that no run holds."""
    return _LEAVES["missing_leaves"]


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of files that foreign tools have made."""
    return Path(__file__).with_name("fixtures")


@pytest.fixture(scope="session")
def mutations(at_most):
    """A function that yields broken versions of bytes: cut, flipped, with pieces doubled or gone."""
    return lambda content, n: _mutations(content, at_most(n))


def _mutations(content: bytes, n: int) -> Iterator[bytes]:
    for seed in range(n):
        chance = random.Random(seed)
        data = bytearray(content)
        if chance.random() < 0.4:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.choice([0, 1, 1, 4, 40])):
            if data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        if data and chance.random() < 0.3:
            at, length = chance.randrange(len(data)), chance.randrange(1, 400)
            data[at : at + length] = chance.choice([b"", data[at : at + length] * 2, b"[" * length])
        yield bytes(data)


@pytest.fixture(scope="session")
def tabled():
    """A function that makes tables of runs, whatever they hold."""

    def tabled(runs):
        ledger = Ledger()
        for run in runs:
            ledger.add(run)
        return ledger.steps()

    return tabled


@pytest.fixture(scope="session")
def twists(at_most):
    """A function that yields a JSON value with some of its members made something else."""
    return lambda value, n: _twists(value, at_most(n))


_ODD = (
    None, True, -1, 0, 2**63, 1e308, float("nan"), "", "x", "\u0000<b>", "2026-13-45T99:00:00", [], {},
    [None], [[]], ["x"], {"a": {}}, {"type": []}, {"role": {}}, [{"type": None, "id": []}],
)  # fmt: skip


def _twists(value, n: int) -> Iterator:
    for seed in range(n):
        chance = random.Random(seed)
        twisted = json.loads(json.dumps(value))
        places = list(_places(twisted))
        for parent, key in chance.sample(places, min(len(places), chance.choice([1, 2, 8]))):
            parent[key] = chance.choice(_ODD)
        yield twisted


def _places(value) -> Iterator:
    """Yield each member of a JSON value as its parent and its key."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in members:
        yield value, key
        if isinstance(each, (dict, list)):
            yield from _places(each)
