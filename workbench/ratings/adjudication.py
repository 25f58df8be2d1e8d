"""Where raters disagree, and the sitting of the person who decides."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench import tables
from workbench.errors import BadValue, is_number, some, unknown_name
from workbench.ratings.estimation.answers import targets_of
from workbench.ratings.estimation.comparisons import turned
from workbench.ratings.exchange.marks import are_spans
from workbench.ratings.sessions import Session, Study

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings.journal import Journal


def disagreements(
    ratings: "pd.DataFrame",
    *,
    question: str | None = None,
    tolerance: float | Mapping[str, float] = 0.0,
) -> "pd.DataFrame":
    """Find what raters do not agree on.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS.
    question : str, optional
        Only this question; all of them when it is left out.
    tolerance : float or mapping of str to float
        How far apart answers may be and still agree, for all questions or by question: in the
        question's own units for numbers, and as a share from 0 to 1 for everything else.

    Returns
    -------
    DataFrame
        One row per item × question × output (or pair of systems) on which at least two raters
        differ by more, the widest first: item_id, question, output_ids, n_ratings, spread, raters,
        values. Rulings of adjudicators are left out.

    Raises
    ------
    BadValue
        If a tolerance is no number.
    UnknownName
        If nothing answers a question that is named.

    Notes
    -----
    Of a preference "a" is the system whose name comes first, however it was shown; the order in
    which labels were chosen, or outputs shown, does not count. The spread of numbers is their
    range; of spans, one less the mean over pairs of raters of the F1 of the characters that they
    mark, where an error of the whole text counts as one character of its own; of everything else,
    the share of pairs of raters whose answers differ.

    Examples
    --------
    >>> import pandas as pd
    >>> ratings = pd.DataFrame({"item_id": ["1", "1"], "rater": ["ana", "ben"],
    ...                         "question": ["fluency"] * 2, "value": [2, 5]})
    >>> disagreements(ratings)[["item_id", "n_ratings", "spread"]]
      item_id  n_ratings  spread
    0       1          2     3.0
    """
    import pandas as pd

    checked = turned(tables.RATINGS.check(ratings, source="ratings"))
    _require(question, tolerance, sorted(set(checked["question"])))
    subjects: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row, target in zip(tables.each_row(checked), targets_of(checked), strict=True):
        # a ruling ends a disagreement, and is no party to it
        counts = row.get("adjudicated") is not True and not tables.is_missing(row["value"])
        if counts and question in (None, row["question"]):
            # which outputs, whatever the order in which a rater saw them
            about = target or tuple(sorted(row.get("output_ids", ())))
            subjects.setdefault((row["item_id"], row["question"], about), []).append(row)
    records = [
        _record(subject, answers)
        for subject, answers in subjects.items()
        if len({each["rater"] for each in answers}) > 1
    ]
    apart = [each for each in records if each["spread"] > _allowed(tolerance, each["question"])]
    apart.sort(key=lambda each: (-each["spread"], each["item_id"], each["question"]))
    columns = ["item_id", "question", "output_ids", "n_ratings", "spread", "raters", "values"]
    return pd.DataFrame.from_records(apart, columns=columns)


def adjudicator(
    journal: "Journal",
    *,
    by: str,
    disputed: "pd.DataFrame",
    blinded: bool = True,
) -> Session:
    """Open the sitting of whoever decides where raters disagree.

    Parameters
    ----------
    journal : Journal
        The store of the study.
    by : str
        The adjudicator's name.
    disputed : DataFrame
        What `disagreements` found; its items come in this order.
    blinded : bool
        Whether the raters stand under numbers instead of their names.

    Returns
    -------
    Session
        For the widget or the served page: each item comes with what the raters answered, and
        what the adjudicator answers is stored as a ruling.

    Raises
    ------
    BadValue
        If there is nothing to decide, or an item is not in the journal.
    """
    if "item_id" not in disputed:
        raise BadValue(
            f"disputed must be what `disagreements` found, but its columns are "
            f"{some(disputed.columns, 9) or 'none'}; give that."
        )
    study = Study(journal)
    items = list(dict.fromkeys(disputed["item_id"]))
    if unknown := [each for each in items if each not in study.state.items]:
        raise BadValue(
            f"disputed items must be those of {journal.place}, but {unknown[0]!r} is not in it "
            f"({len(unknown)} such items); find the disagreements in what was read from it."
        )
    if not items:
        raise BadValue("an adjudicator must have items to decide, but the raters agree on all.")
    return Session(study, by, ruling=items, blinded=blinded)


def _record(subject: tuple[object, ...], answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    item_id, question, _ = subject
    values = [_comparable(each) for each in answers]
    return {
        "item_id": item_id,
        "question": question,
        "output_ids": sorted(answers[0].get("output_ids", ())),
        "n_ratings": len(answers),
        "spread": _spread(values),
        "raters": [each["rater"] for each in answers],
        "values": values,
    }


def _comparable(answer: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any kind of answer
    """Return an answer that depends on no order of outputs or clicks, and on no kind of list."""
    value = tables.plain_value(answer["value"])
    if not isinstance(value, list) or not value:
        return value
    if all(isinstance(each, str) for each in value):
        return sorted(value)
    if all(map(is_number, value)):
        for column in ("output_ids", "systems"):
            about: Any = answer.get(column)
            if not tables.is_missing(about) and len(set(about)) == len(value) == len(about):
                return dict(sorted(zip(about, value, strict=True)))
    return value


def _spread(values: Sequence[Any]) -> float:
    if all(isinstance(each, (int, float)) for each in values):
        return float(max(values) - min(values))
    pairs = list(itertools.combinations(values, 2))
    return sum(map(_difference, *zip(*pairs, strict=True))) / len(pairs)


def _difference(a: Any, b: Any) -> float:  # noqa: ANN401 - any kind of answer
    if a != b and are_spans(a) and are_spans(b):
        return 1.0 - _character_f1(a, b)
    return float(a != b)


def _character_f1(a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]]) -> float:
    marked = [
        {(s.get("side"), at) for s in spans for at in range(s["start"], s["end"]) or (-1,)}
        for spans in (a, b)
    ]
    total = len(marked[0]) + len(marked[1])
    return 2 * len(marked[0] & marked[1]) / total if total else 0.0


def _allowed(tolerance: float | Mapping[str, float], question: str) -> float:
    return tolerance.get(question, 0.0) if isinstance(tolerance, Mapping) else tolerance


def _require(
    question: str | None, tolerance: float | Mapping[str, float], known: Sequence[str]
) -> None:
    """Refuse a question that nobody answers, and a tolerance that is no number."""
    by_question = tolerance if isinstance(tolerance, Mapping) else {}
    for name in (*([] if question is None else [question]), *by_question):
        if name not in known:
            raise unknown_name("question", name, known)
    for allowed in by_question.values() if by_question else [tolerance]:
        if not isinstance(allowed, Mapping) and not is_number(allowed):
            raise BadValue(
                f"tolerance must be a number, or one by question, but {allowed!r} came; leave it "
                "out for none."
            )
