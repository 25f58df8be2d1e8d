"""Which sums are of enough units to leave a site, alone and beside the others that leave it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import numpy as np

from workbench.errors import BadValue
from workbench.metrics.scoring import Scores
from workbench.pairing import Codes, Mask, Panel
from workbench.stats.exact import Array


@dataclass(frozen=True, eq=False)
class Part:
    """A cell before it is resampled: what may be told, its rows, and its units in order of names."""

    told: dict[str, Any]
    rows: Mask
    clusters: Codes
    units: Array

    @property
    def places(self) -> Codes:
        """Where its units stand among all names."""
        return np.unique(self.clusters[self.rows])

    @property
    def n_units(self) -> int:
        """How many units it holds."""
        return int(self.told["n_units"])

    def lies_in(self, other: "Part") -> bool:
        """Tell whether another holds all of its rows."""
        return not bool((self.rows & ~other.rows).any())

    def differs_little(self, rows: Mask, least: int) -> bool:
        """Tell whether some units, but too few, lie in its rows alone or in the others alone."""
        units = np.bincount(self.clusters[self.rows ^ rows])
        return 0 < int(np.count_nonzero(units)) < least


def parts_of(
    scores: Scores,
    arranged: Panel,
    metric: str,
    wanted: Sequence[tuple[tuple[str, str], list[str]]],
) -> list[Part]:
    """Return the sums of the rows that every system answered, for each set of rows wanted."""
    rows = np.unique(scores.outputs["row_id"].to_numpy(dtype=object))
    shared = arranged.rows_of(*arranged.systems)
    parts = []
    for (name, value), chosen in wanted:
        mask = shared & np.isin(rows, chosen)
        units = arranged.units(mask)
        different = units.limbs[:, :, :, None] != units.limbs[:, :, None]
        told = {
            "metric": metric,
            "slice": name,
            "value": value,
            "n": int(mask.sum()),
            "n_units": arranged.n_clusters(mask),
            "sums": units.sum(axis=0).value() / arranged.scale,
            "n_changed": different.any(axis=(0, 4)).sum(axis=0),
        }
        parts.append(Part(told, mask, arranged.clusters, units.value() / arranged.scale))
    return parts


def without_telling(parts: Sequence[Part], site: str, least: int) -> list[Part]:
    """Leave out what holds too few units, and what would tell so few by subtraction.

    Parameters
    ----------
    parts : sequence of Part
        Of one metric, that of all rows first.
    site : str
        The site's name.
    least : int
        The fewest units that may be told.

    Raises
    ------
    BadValue
        If all rows together are too few.
    """
    whole, *values = parts
    if whole.n_units < least:
        raise BadValue(
            f"a site must have at least {least} units that every system answered, but "
            f"{site!r} has {whole.n_units} for {whole.told['metric']}; pool it with another site "
            "before it leaves."
        )
    kept = [part for part in values if part.n_units >= least]
    while telling := _telling(whole, kept, least):
        kept.remove(telling)
    return [whole, *kept]


def _telling(whole: Part, kept: Sequence[Part], least: int) -> Part | None:
    """Return a part that would tell too few units together with others: the smallest of them."""
    for outer in (whole, *kept):
        inside = [part for part in kept if part is not outer and part.lies_in(outer)]
        for _, same in groupby(inside, key=lambda part: part.told["slice"]):
            members = list(same)
            if outer.differs_little(np.any([part.rows for part in members], axis=0), least):
                return min(members, key=lambda part: part.n_units)
    for one, other in combinations(kept, 2):
        # what is in neither or in both is left of the whole without the one and the other
        if one.differs_little(other.rows, least) or whole.differs_little(
            one.rows ^ other.rows, least
        ):
            return min(one, other, key=lambda part: part.n_units)
    return None
