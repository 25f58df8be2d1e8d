"""Lots drawn from names: the same name draws the same lot on every machine and Python."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def _digest(names: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()


def draw(*names: object) -> float:
    """Return a number from 0 up to 1."""
    return (int.from_bytes(_digest(names)[:8], "big") >> 11) / 2**53


def whole(low: int, high: int, *names: object) -> int:
    """Return a whole number from `low` to `high`, both included."""
    return low + int(draw(*names) * (high - low + 1))


def pick(choices: Sequence[T], *names: object) -> T:
    """Return one of the choices."""
    return choices[whole(0, len(choices) - 1, *names)]


def hex_id(n_bytes: int, *names: object) -> str:
    """Return an id in hexadecimal, as spans and traces bear."""
    return _digest(names)[:n_bytes].hex()
