"""What a judge likes more than people do: length, a position, and what its own model wrote."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import BadValue
from workbench.judging.regression import slopes
from workbench.judging.said import exchanges
from workbench.judging.shared import Both, Resampling, mean_of
from workbench.stats import Units
from workbench.tables import OUTPUTS

if TYPE_CHECKING:
    import pandas as pd

OWN, LENGTH, POSITION = "liking for its own", "length slope", "position slope"

_FEATURES = {"length": LENGTH, "position": POSITION}


def observed(
    said: "pd.DataFrame", both: Both, lengths: "pd.Series[float] | None"
) -> "pd.DataFrame":
    """Return what was said of the shared subjects, with the features of what was shown.

    Parameters
    ----------
    said : DataFrame
        From `preferences_said` or `marks_said`.
    both : Both
        The subjects.
    lengths : Series, optional
        From `lengths_of`.

    Returns
    -------
    DataFrame
        One row per answer: `row` and `group` (codes), `weight` (those of a subject sum to 1),
        `value`, `length`, `position` (½ for first, −½ for second); the last two NaN where unknown.
    """
    keys = list(both.subjects.names)
    if both.prefers:
        whole = exchanges(said)
        said = said[said["exchange"].isin(whole.index[whole["preference"].notna()])]
        said = said.assign(value=said["preference"], position=said["first"] - 0.5)
    else:
        said = said.assign(value=said["mark"], position=np.nan)
    places = both.subjects.get_indexer(said.set_index(keys).index)
    seen = said.assign(subject=places)[(places >= 0) & said["value"].notna().to_numpy()]
    seen = seen.assign(row=both.row[seen["subject"]], length=_lengths(seen, lengths))
    seen["weight"] = 1 / seen.groupby("subject")["value"].transform("size")
    seen = seen.sort_values(["subject", "rater", "position", "value"]).reset_index(drop=True)
    if both.prefers:
        return seen.assign(group=seen.groupby(["system", "other"]).ngroup())
    for name in ("value", "length"):
        weighed = seen.assign(weighed=seen[name] * seen["weight"]).groupby("row")
        seen[name] -= weighed["weighed"].transform("sum") / weighed["weight"].transform("sum")
    return seen.assign(group=0)


def lengths_of(outputs: "pd.DataFrame | None") -> "pd.Series[float] | None":
    """Return log₂ of the length in characters by row and system, the mean over repeats."""
    if outputs is None:
        return None
    texts = OUTPUTS.check(outputs, source="outputs").dropna(subset="text")
    texts["size"] = np.log2([max(1, len(text)) for text in texts["text"]])
    return texts.groupby(["row_id", "system"])["size"].mean()


def _lengths(seen: "pd.DataFrame", lengths: "pd.Series[float] | None") -> Any:  # noqa: ANN401
    """Return the length of what was shown, or the ratio of both; NaN where unknown."""
    if lengths is None:
        return np.nan
    found = []
    for name in ("system", "other") if "other" in seen else ("system",):
        of = lengths.reindex(list(zip(seen["row"], seen[name], strict=True)))
        if of.isna().any():
            row, system = of.index[of.isna()][0]
            raise BadValue(
                f"outputs must hold the texts that were judged, but that of {system!r} on row "
                f"{row!r} is missing ({int(of.isna().sum())} such answers); give all outputs."
            )
        found.append(of.to_numpy())
    return found[0] - found[1] if len(found) == 2 else found[0]


def slopes_of(
    seen: "Mapping[str, pd.DataFrame]", both: Both, resampling: Resampling
) -> Iterator[dict[str, Any]]:
    """Yield the slopes of judge and people, and their difference, where a feature is known.

    Parameters
    ----------
    seen : mapping of str to DataFrame
        From `observed`, of "judge" and "people".
    both : Both
        The subjects.
    resampling : Resampling
        How intervals are made.
    """
    known = {of: [name for name in _FEATURES if _varies(each, name)] for of, each in seen.items()}
    for feature, figure in _FEATURES.items():
        having = {of: each for of, each in seen.items() if feature in known[of]}
        features = [name for name in _FEATURES if all(name in known[of] for of in having)]
        if having:
            n_groups = 1 + max(int(each["group"].max()) for each in having.values())
            fits = [slopes(each, features, len(both.rows), n_groups) for each in having.values()]
            statistics = np.stack([each.statistics for each in fits], axis=1)
            units = resampling.units(statistics, fits[0].of(features.index(feature)))
            yield from _figures(units, list(having), figure, both)


def _varies(seen: "pd.DataFrame", name: str) -> bool:
    gaps = seen[name] - seen.groupby("group")[name].transform("mean")
    return bool(seen[name].notna().all() and gaps.abs().max() > 1e-9)


def liking_for_own(
    seen: "Mapping[str, pd.DataFrame]", both: Both, own: Sequence[str], resampling: Resampling
) -> Iterator[dict[str, Any]]:
    """Yield how far judge and people prefer what the judge's own model wrote, of shared pairs.

    Parameters
    ----------
    seen, both, resampling
        As in `slopes_of`.
    own : sequence of str
        The systems whose outputs the judge's model wrote.
    """
    named = {own} if isinstance(own, str) else set(own)
    if not named or not both.prefers:
        return
    tables = []
    for each in seen.values():
        mine, theirs = (each[name].isin(named).to_numpy() for name in ("system", "other"))
        share = np.where(mine, each["value"], 1 - each["value"])
        weight = np.where(mine != theirs, each["weight"], 0.0)
        table = np.zeros((len(both.rows), 2))
        np.add.at(table, each["row"].to_numpy(), np.stack([share * weight, weight], axis=-1))
        tables.append(table)
    told = tables[0][:, 1] > 0
    if told.any():
        units = resampling.units(np.stack([each[told] for each in tables], axis=1), mean_of)
        yield from _figures(units, list(seen), OWN, both)


def _figures(units: Units, names: list[str], figure: str, both: Both) -> Iterator[dict[str, Any]]:
    """Yield a figure of each, and the difference of two."""
    base = {"figure": figure, "n": both.n, "n_rows": units.n_units}
    for at, of in enumerate(names):
        found = units.interval(at)
        ends = {"value": found.value, "ci_low": found.low, "ci_high": found.high}
        yield base | {"of": of, "method": f"{found.method}, rows"} | ends
    if len(names) == 2:
        gap = units.difference(0, 1)
        ends = {"value": gap.delta, "ci_low": gap.ci_low, "ci_high": gap.ci_high, "p": gap.p}
        method = f"{gap.interval or 'identical'}, rows; {gap.method}"
        yield base | {"of": " − ".join(names), "method": method} | ends
