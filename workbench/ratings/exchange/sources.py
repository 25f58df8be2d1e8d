"""Files of others, read line by line: a broken line is told, and the rest is read on."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench import formats
from workbench.errors import BadValue
from workbench.ratings.exchange.tally import Tally

Json = Any  # what JSON holds


def lines(path: Path, tally: Tally | None = None) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines without their ends; what is not UTF-8 is noted and skipped."""
    for at, line in enumerate(formats.physical_lines(path), start=1):
        try:
            text = line.decode("utf-8-sig" if at == 1 else "utf-8")
        except UnicodeDecodeError as error:
            if tally is None:
                raise BadValue(f"{path} must be UTF-8 text, but line {at} is not.") from None
            tally.counts["rows"] += 1
            tally.broken(at, f"the byte 0x{line[error.start]:02x} is not UTF-8")
            continue
        yield at, text


def cells(path: Path, tally: Tally, *, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a separated file, each with the number of its first line."""
    # One setting for the whole process, but it only ever allows more.
    csv.field_size_limit(max(csv.field_size_limit(), formats.LIMIT_LINE_BYTES))
    at = [0]

    def physical() -> Iterator[str]:
        for number, line in lines(path, tally):
            at[0] = number
            yield f"{line}\n"

    reader = csv.reader(physical(), delimiter=separator)
    while True:
        first = at[0] + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            tally.counts["rows"] += 1
            tally.broken(first, str(error))
            continue
        if row:
            yield first, row


def records(path: Path, tally: Tally) -> Iterator[tuple[int | str, Json]]:
    """Yield what a JSON Lines file, or a JSON file that is a list, holds; with its place."""
    if formats.suffix(path) == ".json":
        whole = whole_json(path)
        if not isinstance(whole, list):
            raise BadValue(
                f"{path} must be a JSON list of objects, but a {type(whole).__name__} came; wrap "
                "the records in a list."
            )
        yield from ((f"element {at}", each) for at, each in enumerate(whole, start=1))
        return
    for at, line in lines(path, tally):
        if not line.strip():
            continue
        try:
            yield at, parse(line)
        except ValueError as error:
            tally.counts["rows"] += 1
            tally.broken(at, f"it is not JSON ({error})")


def parse(text: str) -> Json:
    """Parse JSON, neither too deep nor with numbers that are none, or raise a ValueError."""
    try:
        value = json.loads(text, parse_constant=_no_number)
        if formats.too_deep(value):
            raise RecursionError
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def whole_json(path: Path) -> Json:
    """Return what a JSON file holds."""
    return formats.parsed_json(formats.decoded(formats.whole(path), path), path, 1)


def mapping(value: Json) -> Mapping[str, Json]:
    """Return a JSON object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: Json) -> list[Json]:
    """Return a JSON list, an empty one for anything else."""
    return value if isinstance(value, list) else []


def name(value: Json) -> str:
    """Return a name: text, or a whole number as text; "" for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def is_number(value: Json) -> bool:
    """Tell whether a value is a number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number(text: str) -> int | float:
    """Return the number a text says, whole if it is written so, or raise a ValueError."""
    stripped = text.strip()
    return int(stripped) if stripped.lstrip("+-").isdecimal() else float(stripped)
