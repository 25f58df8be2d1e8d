"""What may leave a site: sums over many rows, and nothing of any one of them."""

import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import store
from workbench.contrasts import missing
from workbench.display import counted, plain
from workbench.errors import BadValue, is_number, names_of
from workbench.failing import require_answers
from workbench.federate.weights import key_digest, name_digests, weighted_sums
from workbench.federate.withholding import parts_of, without_telling
from workbench.metrics.catalogue import described
from workbench.metrics.scoring import Scores
from workbench.pairing import cluster_column, panel
from workbench.stats.exact import Array

WHOLE = ("", "")
"""The cell of all rows, beside those of a column's values."""


@dataclass(frozen=True, eq=False)
class Cell:
    """Sums of one metric's statistics over one site's rows, or those with one value of a column.

    Parameters
    ----------
    metric : str
        The metric's name.
    slice, value : str
        The column and its value; empty for all rows.
    n, n_units : int
        Rows that every system answered, and clusters of them.
    sums : array of float, shape (n_systems, k)
        Over these rows; repeats averaged.
    resampled, exchanged : array of float, shape (samples, n_systems, k)
        Sums over Poisson resamples, and over a random half of the units.
    n_changed : array of int, shape (n_systems, n_systems)
        Units on which two systems differ.
    """

    metric: str
    slice: str
    value: str
    n: int
    n_units: int
    sums: Array
    resampled: Array
    exchanged: Array
    n_changed: NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Summary:
    """A site's sums, to be sent to whoever merges them.

    Parameters
    ----------
    site : str
        The site's name.
    systems : tuple of str
        Names, sorted.
    metrics : mapping of str to dict
        By name, what makes the metric anew; nothing for a metric of one's own.
    signatures : mapping of str to str
        By metric name.
    cells : tuple of Cell
        The sums.
    least : int
        The least number of units of a cell.
    samples : int
        Number of resamples.
    key : str
        A digest that is the same for sites with the same seed and key.
    units : tuple of str
        Digests of the units' names, which nobody can tell from them without the key.
    clustered : bool
        Whether the units are clusters that a column names, the same at all sites; else they are rows.
    n_left_out : mapping of str to int
        By metric name, rows that some system did not answer.
    n_failed : mapping of str to mapping of str to int
        By metric name and system, outputs that have no value or are absent.
    withheld : mapping of str to int
        By column, cells that held too few units, or would have told those that did.
    """

    site: str
    systems: tuple[str, ...]
    metrics: Mapping[str, dict[str, Any]]
    signatures: Mapping[str, str]
    cells: tuple[Cell, ...]
    least: int
    samples: int
    key: str
    units: tuple[str, ...]
    clustered: bool
    n_left_out: Mapping[str, int]
    n_failed: Mapping[str, Mapping[str, int]]
    withheld: Mapping[str, int]

    @property
    def n_withheld(self) -> int:
        """Withheld cells of all columns."""
        return sum(self.withheld.values())

    def __repr__(self) -> str:
        whole = [cell for cell in self.cells if not cell.slice]
        counts = ", ".join(f"{cell.metric} over {counted(cell.n, 'row')}" for cell in whole)
        systems, cells = counted(len(self.systems), "system"), counted(len(self.cells), "cell")
        return plain(
            f"Summary of {self.site}: {systems}, {counts}; {cells} of at least {self.least} units, "
            f"{self.n_withheld} withheld"
        )

    def write(self, path: str | Path) -> None:
        """Write the summary as JSON that people can read, compressed where the path ends in .gz."""
        told = (
            json.dumps({"format": FORMAT} | asdict(self), default=_listed, allow_nan=False) + "\n"
        )
        packed = str(path).endswith(".gz")
        store.write_bytes(path, gzip.compress(told.encode(), mtime=0) if packed else told.encode())


FORMAT = "workbench federated summary 2"
"""What the file of a summary says it is."""


def _listed(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in a summary")


def summary(
    scores: Scores,
    site: str,
    *,
    by: Sequence[str] = (),
    least: int = 10,
    cluster: str | None = None,
    most_failed: float = 0.1,
    samples: int = 1_000,
    seed: int = 0,
    key: str = "",
) -> Summary:
    """Sum the statistics of a site's outputs, so that they can be merged with those of other sites.

    Parameters
    ----------
    scores : Scores
        What the site scored.
    site : str
        The site's name.
    by : str or sequence of str, optional
        Columns whose values get sums of their own.
    least : int
        The least number of units (rows, or clusters of rows) that a cell may hold, at least 2.
    cluster : str, optional
        The column that says which rows belong together; as in `compare`. A cluster's name means the
        same at all sites, while rows of two sites are different ones whatever they are called.
    most_failed : float
        The share of a system's outputs that may have failed, 0 to 1; as in `compare`.
    samples : int
        Number of resamples; the same at all sites.
    seed : int
        Of the random numbers; the same at all sites.
    key : str, optional
        A secret of the sites, the same at all of them, which whoever merges need not know.

    Returns
    -------
    Summary
        It holds no text, no row and no row's name, but keyed digests of the names.

    Raises
    ------
    BadValue
        If the site has fewer units than `least`, more than `most_failed` of a system's outputs failed,
        or an argument is out of its range.
    UnknownName
        If a column does not exist.

    Notes
    -----
    Only rows that every system answered are summed, one set for all pairs of systems: the difference
    of two sets would tell the few rows between them. Failures are counted; how far they could move a
    difference is not told, for that takes sums over the few rows on which they fell.

    A value with fewer units than `least` is withheld, and with it whatever would tell so few by
    subtraction: the smallest value of a column where all the others leave too little of the whole or
    of another column's value, and the smaller of two that are nearly the same rows, or nearly those
    that the other leaves. What more values of several columns tell together is not looked for: ask by
    few columns, and always by the same.

    Resampled sums are linear in the rows. Who knows the names of the rows, the seed and the key knows
    the weights, and could solve for the rows; who knows seed and key can ask whether a name is there.
    Where names can be guessed, give a key.

    References
    ----------
    Chamandy et al. (2012), section 3, for the resampling; Hundepool et al. (2012), "Statistical
    Disclosure Control", section 4.2, for withholding cells.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": str(n), "references": [f"word {n}"]} for n in range(20)])
    >>> outputs = wb.outputs(rows, {"a": [f"word {n}" for n in range(20)], "b": ["word 3"] * 20})
    >>> wb.federate.summary(wb.score(outputs, rows, [wb.ExactMatch()]), "Basel")
    Summary of Basel: 2 systems, exact_match over 20 rows; 1 cell of at least 10 units, 0 withheld
    """
    _check(site, key, samples, seed, least)
    require_answers(scores, most_failed, worst=False)
    columns = list(dict.fromkeys(names_of("by", by)))
    wanted = [(WHOLE, scores.outputs["row_id"].unique().tolist())]
    wanted += [((name, value), rows) for name in columns for value, rows in scores.slice_rows(name)]
    kept, n_left_out, withheld = [], {}, Counter({name: 0 for name in columns})
    for metric in scores.metrics:
        arranged = panel(scores, metric.name, cluster=cluster)
        n_left_out[metric.name] = int((~arranged.rows_of(*arranged.systems)).sum())
        parts = parts_of(scores, arranged, metric.name, wanted)
        told = without_telling(parts, site, least)
        kept += told
        withheld.update(part.told["slice"] for part in parts if part not in told)
    column = cluster_column(scores.outputs, cluster)
    names = np.unique(scores.outputs[column].astype("str")).tolist()
    sums = weighted_sums(
        [(part.places, part.units) for part in kept], names, samples, seed=seed, key=key
    )
    return Summary(
        site=site,
        systems=tuple(scores.systems),
        metrics={metric.name: described(metric) for metric in scores.metrics},
        signatures=dict(scores.signatures),
        cells=tuple(
            Cell(**part.told, resampled=r, exchanged=e)
            for part, (r, e) in zip(kept, sums, strict=True)
        ),
        least=least,
        samples=samples,
        key=key_digest(seed, key),
        units=name_digests(names, seed=seed, key=key),
        clustered=column != "row_id",
        n_left_out=n_left_out,
        n_failed={
            metric.name: {
                system: lost["n_failed"] for system, lost in missing(scores, metric).items()
            }
            for metric in scores.metrics
        },
        withheld=dict(withheld),
    )


def _check(site: str, key: str, samples: int, seed: int, least: int) -> None:
    if not isinstance(site, str) or not isinstance(key, str) or not site:
        kinds = f"{type(site).__name__} and {type(key).__name__}" if site != "" else "no site"
        raise BadValue(f"site and key must be texts, but {kinds} came; write site='Basel'.")
    ends = ((samples, 1), (seed, 0), (least, 2))
    if not all(is_number(each, whole=True) and each >= end for each, end in ends):
        raise BadValue(
            "samples, seed and least must be whole numbers of at least 1, 0 and 2, but "
            f"{samples!r}, {seed!r} and {least!r} came; use 1000, 0 and 10."
        )
