"""Lists that come as files: who rates, and what is rated."""

import csv
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import formats
from workbench.display import COMMANDS
from workbench.errors import BadValue, InputError, some
from workbench.ratings.assignment.assigning import Item, Items
from workbench.ratings.assignment.blocks import block_design
from workbench.ratings.assignment.sides import shuffled

if TYPE_CHECKING:
    from workbench.ratings.tasks import Task

_LONGEST_NAME = 200


def raters_of(path: str | Path) -> list[str]:
    r"""Read raters' names: the column `rater` of a CSV file, or a file with one name per line.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    BadValue
        If a name is empty, too long, there twice, or not fit to be shown.
    Unreadable
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "raters.csv")
    ...     _ = path.write_text("rater,team\nAna,1\nBen,2\n")
    ...     raters_of(path)
    ['Ana', 'Ben']
    """
    place = Path(path)
    lines = formats.read_lines(place)
    # a spreadsheet begins its files with a byte order mark
    text = "\n".join(lines).removeprefix("\ufeff")
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if any(row)]
    except csv.Error as error:
        raise BadValue(f"{path} must be CSV, but it is not ({error}); correct it.") from None
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    if "rater" in header:
        at = header.index("rater")
        return checked_names(
            [row[at] if len(row) > at else "" for row in rows[1:]], source=str(path)
        )
    if any(len(row) > 1 for row in rows):
        raise BadValue(
            f"{path} must have a column 'rater', but it has {some(header)}; name the column so."
        )
    return checked_names([row[0] for row in rows], source=str(path))


def checked_names(names: Sequence[str], *, source: str) -> list[str]:
    """Return raters' names, each of them once and fit to be shown.

    Parameters
    ----------
    names : sequence of str
        What came.
    source : str
        Where it came from, for the errors.

    Examples
    --------
    >>> checked_names([" Ana ", "Ben"], source="raters.csv")
    ['Ana', 'Ben']
    """
    found = [unicodedata.normalize("NFC", name).strip() for name in names]
    bad = [name for name in found if not 1 <= len(name) <= _LONGEST_NAME or COMMANDS.search(name)]
    if bad:
        raise BadValue(
            f"a rater's name must be 1 to {_LONGEST_NAME} characters on one line, but {source} "
            f"has {some(bad, 3)}; correct it."
        )
    twice = [name for name in dict.fromkeys(found) if found.count(name) > 1]
    if twice or not found:
        came = f"{some(twice)} more than once" if twice else "nobody"
        raise BadValue(f"raters must be named once each, but {source} has {came}; correct it.")
    return found


def items_of(
    path: str | Path, task: "Task", *, raters: Sequence[str], overlap: int = 1, seed: int = 0
) -> Items:
    """Read items, one JSON object per line as `Item.to_dict` writes it, and share them out.

    Parameters
    ----------
    path : str or Path
        The file.
    task : Task
        What is asked about them.
    raters : sequence of str
        Who rates; nobody for a pool, from which each takes items as they come.
    overlap : int
        How many raters rate each item; training, items of known answer and checks are for all.
    seed : int
        Of the order in which each rater gets them.

    Raises
    ------
    BadValue
        If a line is no item, an item is there twice, or there are fewer raters than `overlap`.
    """
    items = _items(path)
    if overlap < 1 or (raters and overlap > len(raters)):
        raise BadValue(
            f"overlap must be from 1 to the number of raters, {len(raters)}, but {overlap} came; "
            "name more raters, or lower it."
        )
    training = [item.item_id for item in items if item.purpose == "training"]
    known = [item.item_id for item in items if item.purpose in ("gold", "check")]
    rated = [item.item_id for item in items if item.purpose == "rate"]
    shares: dict[str, list[str]] = {rater: [] for rater in raters}
    blocks = block_design(len(raters), overlap, len(rated)) if raters else []
    for item_id, block in zip(rated if raters else [], blocks, strict=True):
        for at in block:
            shares[raters[at]].append(item_id)
    plan = {
        rater: (*training, *shuffled(seed, [*share, *known], "list", rater))
        for rater, share in shares.items()
    }
    return Items(task, tuple(items), plan, overlap, seed)


def _items(path: str | Path) -> list[Item]:
    place = Path(path)
    found: dict[str, Item] = {}
    with formats.readable(place):
        frame_lines = formats.read_lines(place)
    for at, line in enumerate(frame_lines, start=1):
        if not line.strip():
            continue
        item = _item(line, place, at)
        if item.item_id in found:
            raise BadValue(
                f"items must have distinct names, but {path} has {item.item_id!r} twice, last in "
                f"line {at}; drop one."
            )
        found[item.item_id] = item
    if not found:
        raise BadValue(f"{path} must hold items, but it is empty; name another file.")
    return list(found.values())


def _item(line: str, path: Path, at: int) -> Item:
    import json

    try:
        content = json.loads(line)
        if not isinstance(content, dict):
            raise BadValue(f"an item must be a JSON object, but a {type(content).__name__} came.")
        return Item.from_dict(content)
    except (InputError, ValueError, RecursionError) as error:
        raise BadValue(
            f"{path} must have an item in each line, but line {at} is none: {error}"
        ) from None
