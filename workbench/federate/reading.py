"""A site's file to its summary, of which nothing is believed that was not looked at."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench import formats
from workbench.errors import BadValue, some
from workbench.federate.sums import FORMAT, WHOLE, Cell, Summary

_ARRAYS = ("sums", "resampled", "exchanged", "n_changed")

# What a file holds: a kind of value, a list of them in brackets, a mapping to them in braces.
_KINDS: Mapping[str, Any] = {
    "site": str,
    "systems": [str],
    "metrics": {str: dict},
    "signatures": {str: str},
    "cells": [dict],
    "least": int,
    "samples": int,
    "key": str,
    "units": [str],
    "clustered": bool,
    "n_left_out": {str: int},
    "n_failed": {str: {str: int}},
    "withheld": {str: int},
}
_CELL_KINDS: Mapping[str, Any] = {
    "metric": str,
    "slice": str,
    "value": str,
    "n": int,
    "n_units": int,
    **dict.fromkeys(_ARRAYS, list),
}


def read(path: str | Path) -> Summary:
    """Read a summary that a site wrote.

    Raises
    ------
    BadValue
        If the file holds something else, or what does not fit together.
    Unreadable
        If it cannot be read.
    """
    place = Path(path)
    told = formats.parsed_json(formats.decoded(formats.whole(place), place), place, 1)
    if not isinstance(told, dict) or told.pop("format", None) != FORMAT:
        raise BadValue(
            f"{place} must hold a summary written by wb.federate ({FORMAT!r}), but holds something "
            "else; ask the site for the file that Summary.write made."
        )
    try:
        _require_kinds(told, _KINDS, "the summary")
        told |= {name: tuple(told[name]) for name in ("systems", "units")}
        found = Summary(**told | {"cells": tuple(map(_cell, told["cells"]))})
        _require_whole(found)
    except ValueError as error:
        raise BadValue(
            f"{place} must hold a whole summary, but {error}; ask the site for it again."
        ) from None
    return found


def _require_kinds(told: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> None:
    """Raise ValueError where something lacks, is too much, or is of another kind."""
    if lacking := kinds.keys() - told.keys():
        raise ValueError(f"{where} lacks {some(sorted(lacking))}")
    if strange := told.keys() - kinds.keys():
        raise ValueError(f"{where} holds {some(sorted(strange))} too")
    if wrong := [name for name, kind in kinds.items() if not _is(told[name], kind)]:
        raise ValueError(f"{some(wrong)} of {where} cannot be {told[wrong[0]]!r:.40}")


def _is(value: object, kind: Any) -> bool:  # noqa: ANN401 - as in _KINDS
    if isinstance(kind, list):
        return isinstance(value, list) and all(_is(each, kind[0]) for each in value)
    if isinstance(kind, dict):
        return isinstance(value, dict) and all(_is(each, kind[str]) for each in value.values())
    return type(value) is kind  # True is no 1


def _cell(told: Mapping[str, Any]) -> Cell:
    _require_kinds(told, _CELL_KINDS, "a cell")
    return Cell(**dict(told) | {name: np.array(told[name]) for name in _ARRAYS})


def _require_whole(found: Summary) -> None:
    """Raise ValueError where names or numbers do not fit together."""
    metrics = set(found.signatures)
    if not found.systems or found.samples < 1 or found.least < 2:
        raise ValueError("it has no system, no sample or no least number of units")
    if any(set(each) != metrics for each in (found.metrics, found.n_left_out, found.n_failed)):
        raise ValueError("it does not tell the same of all metrics")
    if any(set(each) != set(found.systems) for each in found.n_failed.values()):
        raise ValueError("it does not count the failures of all systems")
    places = [(cell.metric, cell.slice, cell.value) for cell in found.cells]
    columns = {*found.withheld, WHOLE[0]}
    if (
        len(set(places)) < len(places)
        or not {(name, *WHOLE) for name in metrics} <= set(places)
        or not all(metric in metrics and column in columns for metric, column, _ in places)
    ):
        raise ValueError("its cells are not one for all rows and one for each value, by metric")
    for cell in found.cells:
        _require_numbers(cell, found)


def _require_numbers(cell: Cell, found: Summary) -> None:
    n, k = len(found.systems), cell.sums.shape[-1] if cell.sums.ndim else 0
    shapes = [(n, k), (found.samples, n, k), (found.samples, n, k), (n, n)]
    for name, shape in zip(_ARRAYS, shapes, strict=True):
        array = getattr(cell, name)
        if array.shape != shape or array.dtype.kind not in "if" or not np.isfinite(array).all():
            raise ValueError(f"{name} of {cell.metric} is no finite array of shape {shape}")
    if not found.least <= cell.n_units <= cell.n:
        raise ValueError(f"a cell of {cell.metric} holds {cell.n_units} units of {cell.n} rows")
