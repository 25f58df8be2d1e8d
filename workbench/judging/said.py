"""What raters, people or judges, said: preferences between two systems, and marks of one output."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench import display
from workbench.errors import BadValue, some, unknown_name
from workbench.tables import RATINGS, is_missing

if TYPE_CHECKING:
    import pandas as pd

# A column of mixed objects may hold numpy's own numbers.
_NUMBERS = (int, float, np.integer, np.floating)

_SHARES = {"a": 1.0, "b": 0.0, "tie": 0.5, "both bad": 0.5}


def preferences_said(
    ratings: "pd.DataFrame", *, question: str | None, baseline: str | None = None
) -> "pd.DataFrame":
    """Return the preferences in RATINGS, one row per time that two outputs were compared.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS with `system_a` and `system_b`; the answer is the number in `preference` where that
        column has one, else `value`.
    question : str, optional
        Which question; it may be left out where only one compares.
    baseline : str, optional
        Keep comparisons with this system, as `other`; by default all, `system` before `other` by
        name.

    Returns
    -------
    DataFrame
        `rater`, `question`, `row` (row_id, or item_id where there is none), `system`, `other`,
        `preference` (1 for `system`, 0 for `other`, between for neither; NaN for no answer), `first`
        (1 where `system` was shown first, 0 where `other` was, NaN where nobody knows), `exchange`
        (a code that both orders of the same two outputs share), and `signature` where there is one.

    Raises
    ------
    BadValue
        If nothing compares two different systems, several questions do and none is named, or an
        answer is none.
    UnknownName
        If there is no such question or system.
    """
    import pandas as pd

    frame = _between_two(_of_raters(RATINGS.check(ratings, source="ratings")), question)
    frame, turned = _oriented(frame, baseline)
    a, b, side = (frame[name].to_numpy() for name in ("system_a", "system_b", "side"))
    share = _shares(frame)
    first = np.where(side == a, 1.0, np.where(side == b, 0.0, np.nan))
    said = pd.DataFrame(
        {
            "rater": frame["rater"].to_numpy(),
            "question": frame["question"].to_numpy(),
            "row": _rows(frame),
            "system": np.where(turned, b, a),
            "other": np.where(turned, a, b),
            "preference": np.where(turned, 1 - share, share),
            "first": np.where(turned, 1 - first, first),
        }
    )
    keys = said[["rater", "row", "system", "other"]].assign(
        item=frame["item_id"].to_numpy(),
        repeat=frame["repeat"].fillna(0).to_numpy() if "repeat" in frame else 0,
    )
    said["exchange"] = keys.groupby(list(keys)).ngroup()
    if "signature" in frame:
        said["signature"] = frame["signature"].to_numpy()
    return said


def _between_two(frame: "pd.DataFrame", question: str | None) -> "pd.DataFrame":
    """Return the answers to a question that compare two different systems."""
    named = frame[frame["system_a"].notna()] if "system_a" in frame else frame[:0]
    frame = asked(named, question, "compare two systems (`system_a` and `system_b`)")
    if "system_b" not in frame or frame["system_b"].isna().any():
        raise BadValue(
            "a preference must name both systems, but some rows with a `system_a` have no "
            "`system_b`; fill in the column."
        )
    different = frame[frame["system_a"] != frame["system_b"]]
    if different.empty:
        raise BadValue(
            "preferences must compare different systems, but all "
            f"{display.counted(len(frame), 'answer')} to {frame['question'].iloc[0]!r} compare a "
            "system with itself; correct `system_a` and `system_b`."
        )
    return different


def _oriented(
    frame: "pd.DataFrame", baseline: str | None
) -> "tuple[pd.DataFrame, NDArray[np.bool_]]":
    """Return the answers about a baseline, or all, and which of them are to be turned round."""
    if baseline is None:
        return frame, (frame["system_a"] > frame["system_b"]).to_numpy()
    systems = sorted({*frame["system_a"], *frame["system_b"]})
    if baseline not in systems:
        raise unknown_name("baseline", baseline, systems)
    frame = frame[(frame["system_a"] == baseline) | (frame["system_b"] == baseline)]
    return frame, (frame["system_a"] == baseline).to_numpy()


def marks_said(ratings: "pd.DataFrame", *, question: str | None) -> "pd.DataFrame":
    """Return the marks in RATINGS, one row per mark of one output.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS with `system` and numbers as values.
    question : str, optional
        Which question; it may be left out where only one asks for marks.

    Returns
    -------
    DataFrame
        `rater`, `question`, `row`, `system`, `mark` (NaN for no answer), `output_id` (missing where
        nobody says), and `signature` where there is one.

    Raises
    ------
    BadValue
        If nothing rates one system's output, several questions do and none is named, or a mark is
        no number.
    UnknownName
        If there is no such question.
    """
    import pandas as pd

    frame = _of_raters(RATINGS.check(ratings, source="ratings"))
    named = frame[frame["system"].notna()] if "system" in frame else frame[:0]
    frame = asked(named, question, "rate one system's output (`system`)")
    shown = frame["output_ids"].tolist() if "output_ids" in frame else [[]] * len(frame)
    said = pd.DataFrame(
        {
            "rater": frame["rater"].to_numpy(),
            "question": frame["question"].to_numpy(),
            "row": _rows(frame),
            "system": frame["system"].to_numpy(),
            "mark": [_mark(*each) for each in zip(frame["value"], frame["item_id"], strict=True)],
            "output_id": [each[0] if len(each) == 1 else None for each in shown],
        }
    )
    if "signature" in frame:
        said["signature"] = frame["signature"].to_numpy()
    return said


def exchanges(said: "pd.DataFrame") -> "pd.DataFrame":
    """Return the mean preference for each two outputs that a rater compared.

    Parameters
    ----------
    said : DataFrame
        From `preferences_said`.

    Returns
    -------
    DataFrame
        One row per exchange: `rater`, `row`, `system`, `other`, `preference`, and `as_first` and
        `as_second`, the preference when `system` was shown so. Of a rater who was asked in both
        orders, `preference` is missing where an order is: it would be a liking for a position.
        `absent` tells where that order has no row at all.
    """
    shown = said.assign(
        as_first=said["preference"].where(said["first"] == 1),
        as_second=said["preference"].where(said["first"] == 0),
    ).groupby("exchange")
    named = said.drop_duplicates("exchange").set_index("exchange").sort_index()
    found = named[["rater", "row", "system", "other"]].join(
        shown[["preference", "as_first", "as_second"]].mean()
    )
    least, most = shown["first"].min(), shown["first"].max()
    careful = named["rater"].isin(named["rater"][least < most])
    mean = (found["as_first"] + found["as_second"]) / 2
    return found.assign(
        preference=found["preference"].where(~careful, mean), absent=careful & (least == most)
    )


def settled(said: "pd.DataFrame") -> "pd.Series[float]":
    """Return the mean of what was said of each row and pair of systems, or of each row and system."""
    if "mark" in said:
        return said.dropna(subset="mark").groupby(["row", "system"])["mark"].mean()
    found = exchanges(said).dropna(subset="preference")
    return found.groupby(["row", "system", "other"])["preference"].mean()


def compares(ratings: "pd.DataFrame", question: str | None) -> bool:
    """Tell whether the answers to a question, or most answers, compare two systems."""
    if question is not None and "question" in ratings:
        names = sorted(map(str, set(ratings["question"])))
        if question not in names:
            raise unknown_name("question", question, names)
        ratings = ratings[ratings["question"] == question]
    return "system_a" in ratings and bool(ratings["system_a"].notna().mean() > 0.5)


def one_judge(judgements: "pd.DataFrame") -> None:
    """Refuse judgements of several judges."""
    names = sorted(set(judgements["rater"])) if "rater" in judgements else []
    if len(names) > 1:
        raise BadValue(
            f"judgements must be of one judge, but {len(names)} raters came, such as {names[0]!r} "
            f"and {names[1]!r}; choose one by the column 'rater'."
        )


def asked(frame: "pd.DataFrame", question: str | None, what: str) -> "pd.DataFrame":
    """Return the answers to one question, the named one or the only one."""
    names = sorted(set(frame["question"]))
    if not names:
        raise BadValue(f"ratings must hold answers that {what}, but none came; ask for some first.")
    if question is None and len(names) > 1:
        raise BadValue(
            f"one question must be chosen, but {some(names, 9)} came; give one as `question`."
        )
    if question is not None and question not in names:
        raise unknown_name("question", question, names)
    return frame[frame["question"] == (question or names[0])]


def _of_raters(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Leave out the rulings of adjudicators, who have seen what raters said."""
    return frame[frame["adjudicated"].ne(True)] if "adjudicated" in frame else frame


def _rows(frame: "pd.DataFrame") -> Any:  # noqa: ANN401 - an array of texts
    items = frame["item_id"]
    return (frame["row_id"].fillna(items) if "row_id" in frame else items).to_numpy()


def _shares(frame: "pd.DataFrame") -> Any:  # noqa: ANN401 - an array of floats
    """Return how far each answer is for `system_a`, from 0 to 1; NaN for no answer."""
    numbers = frame["preference"].tolist() if "preference" in frame else [None] * len(frame)
    told = zip(frame["value"].tolist(), numbers, frame["item_id"], strict=True)
    return np.array([_share(*each) for each in told], dtype=np.float64)


def _share(value: object, number: object, item: str) -> float:
    if not is_missing(number):
        if isinstance(number, _NUMBERS) and 0 <= float(number) <= 1:
            return float(number)
        raise BadValue(
            f"a preference must be from 0 to 1, but {str(number)[:40]!r} came on item {item!r}; "
            "1 is for system_a."
        )
    if is_missing(value):
        return np.nan
    if isinstance(value, str) and value in _SHARES:
        return _SHARES[value]
    raise BadValue(
        f"a preference must be 'a', 'b', 'tie' or 'both bad', but {str(value)[:40]!r} came on item "
        f"{item!r}; choose another question."
    )


def _mark(value: object, item: str) -> float:
    if is_missing(value):
        return np.nan
    if isinstance(value, _NUMBERS) and math.isfinite(value):
        return float(value)
    raise BadValue(
        f"a mark must be a finite number, but {str(value)[:40]!r} came on item {item!r}; choose "
        "another question."
    )
