"""Items to lists: each rater's share by balanced blocks, in an order of their own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.display import counted
from workbench.errors import BadValue
from workbench.ratings.assignment.blocks import block_design
from workbench.ratings.assignment.content import Item
from workbench.ratings.assignment.controls import loud_checks, refuse_silent, silent_check
from workbench.ratings.assignment.sides import drawn, shuffled

if TYPE_CHECKING:
    from workbench.ratings.assignment.material import Material


def planned(
    material: "Material",
    rated: list[Item],
    known: list[Item],
    raters: Sequence[str],
    overlap: int,
    checks: Mapping[str, int],
) -> tuple[tuple[Item, ...], dict[str, tuple[str, ...]]]:
    """Return all items, checks among them, and each rater's list.

    Parameters
    ----------
    material : Material
        What checks are made of.
    rated : list of Item
        The items to share.
    known : list of Item
        Training and gold items, for all raters.
    raters : sequence of str
        Their names; none for a pool.
    overlap : int
        How many raters rate each item.
    checks : mapping of str to int
        How many "silent" and "loud" checks each rater gets.

    Returns
    -------
    items : tuple of Item
        Training first, in its order; the others in the order of their names.
    plan : dict of str to tuple of str
        By rater, the names of the items in the order to come.
    """
    training = [item for item in known if item.purpose == "training"]
    fixed = [item for item in known if item.purpose == "gold"]
    fixed += loud_checks(material, checks["loud"])
    if checks["silent"]:
        refuse_silent(material)
    every = {item.item_id: item for item in [*rated, *fixed]}
    plan: dict[str, tuple[str, ...]] = {}
    shares = _shares(rated, len(raters), overlap, material.seed)
    for rater, share in zip(raters, shares, strict=True):
        listed = _listed(material, rater, share, every, fixed, checks["silent"])
        plan[rater] = tuple([*(item.item_id for item in training), *listed])
    if not raters:
        mine = shuffled(material.seed, [item.item_id for item in rated], "pool")
        _listed(material, "", mine, every, fixed, checks["silent"])
    return (*training, *(every[name] for name in sorted(every))), plan


def _shares(rated: list[Item], n_raters: int, overlap: int, seed: int) -> list[list[str]]:
    """Share items among raters by blocks, those of the same systems one after the other.

    So each rater has about as many of each system as the others.
    """
    shares: list[list[str]] = [[] for _ in range(n_raters)]
    if not n_raters:
        return shares
    ordered = sorted(rated, key=lambda item: (item.systems, item.item_id))
    # so that nobody gets the odd item for having been named first
    turn = [int(at) for at in shuffled(seed, map(str, range(n_raters)), "blocks")]
    for item, block in zip(ordered, block_design(n_raters, overlap, len(ordered)), strict=True):
        for at in block:
            shares[turn[at]].append(item.item_id)
    return shares


def _listed(
    material: "Material",
    rater: str,
    share: list[str],
    every: dict[str, Item],
    fixed: list[Item],
    n_silent: int,
) -> list[str]:
    """Return a rater's list: items in an order of their own, and controls spread among them.

    A control stands at a random place in its stretch of the list, after at least one item. A
    silent check is made of an item half the list away. New checks are added to `every`.
    """
    mine = shuffled(material.seed, share, "order", rater)
    controls = shuffled(
        material.seed,
        [*(item.item_id for item in fixed), *(f"silent {at}" for at in range(n_silent))],
        "controls",
        rater,
    )
    after: dict[int, list[str]] = {}
    originals: set[str] = set()
    for at, control in enumerate(controls):
        first, end = (len(mine) * each // len(controls) for each in (at, at + 1))
        place = first + drawn(material.seed, max(1, end - first), "place", rater, str(at))
        if control.startswith("silent "):
            check = _silent(material, mine, place, every, originals, rater)
            every[check.item_id] = check
            control = check.item_id
        after.setdefault(place, []).append(control)
    if not mine:
        return controls
    return [name for at, each in enumerate(mine) for name in [each, *after.get(at, ())]]


def _silent(
    material: "Material",
    mine: list[str],
    place: int,
    every: Mapping[str, Item],
    originals: set[str],
    rater: str,
) -> Item:
    """Make a silent check for a place in a list, of an item far from it that has none yet."""
    for step in range(len(mine)):
        name = mine[(place + len(mine) // 2 + step) % len(mine)]
        check = None if name in originals else silent_check(every[name], material)
        if check is not None:
            originals.add(name)
            return check
    who = f"rater {rater!r}" if rater else "the pool"
    raise BadValue(
        f"each silent check must have an item of its own to be made of, but {who} has only "
        f"{counted(len(originals), 'item')} for it; ask for fewer checks, or give more items."
    )
