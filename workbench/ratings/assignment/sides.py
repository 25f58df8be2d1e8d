"""The order in which things are shown: drawn by a keyed hash, so that it can be replayed.

Nothing is remembered: whoever knows the seed, the rater and the item knows the sides.
"""

import hmac
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.ratings.assignment.content import Item


def order(seed: int, rater: str, item: "Item") -> tuple[int, ...]:
    """Return the order in which a rater sees the outputs of an item.

    Parameters
    ----------
    seed : int
        The study's seed.
    rater : str
        Who sees the item.
    item : Item
        What is seen; only its name and its number of outputs matter.

    Returns
    -------
    tuple of int
        A permutation: the letter at place k ("A" is place 0) shows ``item.outputs[order[k]]``.

    Notes
    -----
    HMAC-SHA256 of rater and item under the seed, modulo k!, numbers the permutations of k outputs.
    All are equally likely, and independent between items and between raters.

    Examples
    --------
    >>> from workbench.ratings.assignment.content import Item, Shown
    >>> pair = Item("i1", "r", (Shown("a:r", "a", "one"), Shown("b:r", "b", "two")))
    >>> [order(0, rater, pair) for rater in ("ana", "ben", "eva")]
    [(0, 1), (1, 0), (0, 1)]
    """
    left = list(range(len(item.outputs)))
    rest = drawn(seed, math.factorial(len(left)), "sides", rater, item.item_id)
    shown = []
    while left:
        rest, place = divmod(rest, len(left))
        shown.append(left.pop(place))
    return tuple(shown)


def keyed(seed: int, *parts: str) -> bytes:
    """Return HMAC-SHA256 of the parts under the seed.

    Parameters
    ----------
    seed : int
        The key.
    *parts : str
        What is hashed; each with its length before it, so that ("a", "bc") is not ("ab", "c").
    """
    message = "".join([f"{len(part)}:{part}" for part in parts])
    # half a surrogate pair is no text, but must not stop a draw
    return hmac.digest(b"%d" % seed, message.encode("utf-8", "surrogatepass"), "sha256")


def drawn(seed: int, n: int, *parts: str) -> int:
    """Draw a whole number from 0 to n − 1.

    Examples
    --------
    >>> drawn(0, 6, "a die"), drawn(1, 6, "a die")
    (4, 5)
    """
    return int.from_bytes(keyed(seed, *parts), "big") % n


def shuffled(seed: int, names: Iterable[str], *parts: str) -> list[str]:
    """Return names in an order that depends on nothing but the seed, the parts and the names.

    Examples
    --------
    >>> shuffled(0, ["a", "b", "c"], "rater") == shuffled(0, ["c", "a", "b"], "rater")
    True
    """
    return sorted(names, key=lambda name: (keyed(seed, "shuffled", *parts, name), name))


def identifier(letter: str, seed: int, *parts: str) -> str:
    """Return a name that says nothing about the parts: a letter and 12 hexadecimal digits.

    Examples
    --------
    >>> len(identifier("i", 0, "row", "system"))
    13
    """
    return letter + keyed(seed, "identifier", *parts).hex()[:12]
