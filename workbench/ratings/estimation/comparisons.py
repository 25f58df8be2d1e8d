"""From RATINGS to comparisons of two systems: preferences, rankings, best and worst."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.display import plain
from workbench.errors import BadValue, unknown_name
from workbench.ratings.estimation.classes import Array, Codes
from workbench.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

WINS, LOSES, TIES = 0, 1, 2
"""Outcomes, as seen from the first system of a pair."""

# The rank of what is neither best nor worst: better than the worst, and not compared with its like.
_BETWEEN = float(2**60)

_TURNED = {"a": "b", "b": "a"}

_CHOICES = {"a": WINS, "b": LOSES, "tie": TIES, "both bad": TIES}


class Comparisons(NamedTuple):
    """What was compared with what, and how it ended; the systems of a pair in their order.

    Attributes
    ----------
    systems : tuple of str
        Sorted by name.
    first, second : array of int, shape (n,)
        Positions of the systems, first < second.
    outcome : array of int, shape (n,)
        0 when the first wins, 1 when the second does, 2 for a tie.
    row : array of int, shape (n,)
        Which row of the ratings said so; a ranking of k outputs says k(k − 1)/2 things.
    n_both_bad, n_same : int
        Ties that were called "both bad", and comparisons of a system with itself, left out.
    """

    systems: tuple[str, ...]
    first: Codes
    second: Codes
    outcome: Codes
    row: Codes
    n_both_bad: int
    n_same: int

    def where(self, chosen: NDArray[np.bool_]) -> "Comparisons":
        """Return the comparisons that a mask chooses."""
        return self._replace(
            first=self.first[chosen],
            second=self.second[chosen],
            outcome=self.outcome[chosen],
            row=self.row[chosen],
        )


def compares(rows: "pd.DataFrame") -> NDArray[np.bool_]:
    """Tell which rows compare outputs: they name two systems, rank outputs, or say best and worst."""
    named = np.zeros(len(rows), dtype=bool)
    if "system_a" in rows:
        named = rows["system_a"].notna().to_numpy()
    if rows["value"].dtype != object:
        return named
    return np.array(
        [
            known or isinstance(value, Mapping) or _is_ranking(value)
            for known, value in zip(named, rows["value"].tolist(), strict=True)
        ]
    )


def _is_ranking(value: Any) -> bool:  # noqa: ANN401 - whatever a rater's answer holds
    return (
        isinstance(value, (list, tuple, np.ndarray))
        and len(value) > 1
        and all(_is_number(each) for each in value)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def turned(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return RATINGS in which `system_a` comes before `system_b` by name, the answers turned along.

    Examples
    --------
    >>> import pandas as pd
    >>> said = pd.DataFrame({"system_a": ["A", "B"], "system_b": ["B", "A"], "value": ["a", "b"]})
    >>> turned(said)["value"].tolist()
    ['a', 'a']
    """
    import pandas as pd

    if "system_a" not in rows or "system_b" not in rows:
        return rows
    one, other = rows["system_a"], rows["system_b"]
    wrong = (one.fillna("") > other.fillna("")).to_numpy(dtype=bool) & other.notna().to_numpy()
    if not wrong.any():
        return rows
    values = [
        _TURNED.get(value, value) if turn and isinstance(value, str) else value
        for turn, value in zip(wrong, rows["value"].tolist(), strict=True)
    ]
    return rows.assign(
        system_a=one.mask(wrong, other),
        system_b=other.mask(wrong, one),
        value=pd.Series(values, index=rows.index, dtype=rows["value"].dtype),
    )


def compared(rows: "pd.DataFrame") -> Comparisons:
    """Return the comparisons that answers to one question make.

    Parameters
    ----------
    rows : DataFrame
        RATINGS of one question, none of them missing: `system_a`, `system_b` and a value "a", "b",
        "tie" or "both bad"; or `systems` and `output_ids` with a list of ranks (1 is best) or
        {"best": output_id, "worst": output_id}.

    Raises
    ------
    BadValue
        If an answer does not compare systems.
    """
    import pandas as pd

    named = np.zeros(len(rows), dtype=bool)
    if "system_a" in rows:
        named = rows["system_a"].notna().to_numpy()
    places = np.arange(len(rows))
    parts = []
    if named.any():
        parts.append(_preferences(rows[named], places[named]))
    if not named.all():
        parts.append(_rankings(rows[~named], places[~named]))
    names = [part.first for part in parts] + [part.second for part in parts]
    codes, found = pd.factorize(pd.concat(names), sort=True)
    one, other = codes.reshape(2, -1)
    outcome = np.concatenate([part.outcome for part in parts])
    row = np.concatenate([part.row for part in parts])
    different = one != other
    turned = one > other
    outcome = np.where(turned & (outcome != TIES), 1 - outcome, outcome)
    first, second = np.where(turned, other, one), np.where(turned, one, other)
    systems = tuple(str(each) for each in found)
    # a ranking may be an array, which is compared element by element
    bad = sum(isinstance(each, str) and each == "both bad" for each in rows["value"])
    every = Comparisons(systems, first, second, outcome, row, bad, int((~different).sum()))
    return every if different.all() else every.where(different)


class _Part(NamedTuple):
    """Comparisons whose systems are names, in any order."""

    first: "pd.Series[str]"
    second: "pd.Series[str]"
    outcome: Codes
    row: Codes


def _preferences(rows: "pd.DataFrame", places: Codes) -> _Part:
    import pandas as pd

    codes, found = pd.factorize(rows["value"].astype(object))
    for value in found:
        if not isinstance(value, str) or value not in _CHOICES:
            item = rows["item_id"].to_numpy()[codes == found.tolist().index(value)][0]
            raise _refused(rows, value, item, "'a', 'b', 'tie' or 'both bad'")
    if "system_b" not in rows or rows["system_b"].isna().any():
        raise BadValue(
            "a preference must name both systems, but some rows with a `system_a` have no "
            "`system_b`; fill in the column."
        )
    outcome = np.array([_CHOICES[value] for value in found], dtype=np.int64)[codes]
    return _Part(rows["system_a"], rows["system_b"], outcome, places)


def _rankings(rows: "pd.DataFrame", places: Codes) -> _Part:
    """Turn rankings and best–worst answers into pairs, all rows of one length at once."""
    import pandas as pd

    if "systems" not in rows:
        raise BadValue(
            "answers that compare outputs must name their systems, but the ratings have neither "
            "`system_a` and `system_b` nor `systems`; read them from a journal, or add the column."
        )
    ranked = [_ranked(rows, row) for row in rows.to_dict("records")]
    lengths = np.array([len(ranks) for _, ranks in ranked])
    found: list[tuple[Any, Any, Codes, Codes]] = []
    for length in np.unique(lengths).tolist():
        members = np.flatnonzero(lengths == length)
        systems = np.array([ranked[at][0] for at in members], dtype=object)
        ranks = np.array([ranked[at][1] for at in members], dtype=np.float64)
        one, other = np.triu_indices(length, 1)
        low, high = ranks[:, one], ranks[:, other]
        outcome = np.where(low < high, WINS, np.where(low > high, LOSES, TIES)).ravel()
        told = ~((low == _BETWEEN) & (high == _BETWEEN)).ravel()
        of_row = np.repeat(places[members], len(one))
        ends = (systems[:, one].ravel()[told], systems[:, other].ravel()[told])
        found.append((*ends, outcome[told], of_row[told]))
    one, other, outcome, row = (np.concatenate(each) for each in zip(*found, strict=True))
    return _Part(pd.Series(one, dtype=str), pd.Series(other, dtype=str), outcome, row)


def _ranked(rows: "pd.DataFrame", row: Mapping[Any, Any]) -> tuple[Sequence[str], Sequence[float]]:
    """Return the systems of an answer and their ranks."""
    value, item = row["value"], row["item_id"]
    systems = [] if is_missing(row["systems"]) else [str(each) for each in row["systems"]]
    if isinstance(value, Mapping):
        shown = list(row.get("output_ids", ()))
        ends = value.get("best"), value.get("worst")
        if len(shown) != len(systems) or ends[0] == ends[1] or not set(ends) <= set(shown):
            raise _refused(rows, value, item, "two different outputs of the item as best and worst")
        return systems, [_end(each, *ends) for each in shown]
    if not _is_ranking(value) or len(value) != len(systems):
        raise _refused(rows, value, item, "a preference, or a rank for each of the systems")
    return systems, [float(each) for each in value]


def _end(output: str, best: object, worst: object) -> float:
    return 1.0 if output == best else np.inf if output == worst else _BETWEEN


def _refused(rows: "pd.DataFrame", value: object, item: object, must: str) -> BadValue:
    return BadValue(
        f"a value of question {rows.iloc[0]['question']!r} must be {must}, but "
        f"{plain(repr(value), width=60)} came on item {item!r}; correct that rating."
    )


def weights_of(rows: "pd.DataFrame", column: str) -> Array:
    """Return the weight of each row: what the column says, 1 where it says nothing."""
    if column not in rows:
        raise unknown_name("weights", column, rows.columns)
    given = [1.0 if is_missing(each) else each for each in rows[column].tolist()]
    for item, weight in zip(rows["item_id"], given, strict=True):
        if not _is_number(weight) or not 0 < weight < np.inf:
            raise BadValue(
                f"weights must be numbers above 0, but {plain(repr(weight), width=60)} came in "
                f"{column!r} on item {item!r}; correct that rating."
            )
    return np.array(given, dtype=np.float64)
