"""Does a judge say what people say, and what does it like that they do not?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import display
from workbench.display import Lines, Sheet, percent
from workbench.errors import BadValue
from workbench.judging.agreeing import against_most, agreements
from workbench.judging.liking import (
    LENGTH,
    OWN,
    POSITION,
    lengths_of,
    liking_for_own,
    observed,
    slopes_of,
)
from workbench.judging.said import compares, marks_said, one_judge, preferences_said, settled
from workbench.judging.shared import Both, Resampling
from workbench.ratings.estimation.noted import NotedSheet
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = [
    "figure", "of", "value", "ci_low", "ci_high", "p", "n", "n_rows", "method", "signature",
]  # fmt: skip

_MOST_LABELS = 12
"""More marks make no table that could be read."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Alignment(NotedSheet):
    """How far a judge says what people say.

    Parameters
    ----------
    confusion : Sheet
        How often the judge said what, by what most people said.
    """

    confusion: Sheet

    def __repr__(self) -> str:
        return f"{super().__repr__()}\n{self.confusion!r}"

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}\n{self.confusion._repr_html_()}"


def judge_alignment(
    judgements: "pd.DataFrame",
    ratings: "pd.DataFrame",
    *,
    outputs: "pd.DataFrame | None" = None,
    judge_question: str | None = None,
    question: str | None = None,
    own: Sequence[str] = (),
    level: float = 0.95,
    samples: int = 2_000,
    seed: int = 0,
) -> Alignment:
    """Measure how far a judge agrees with people, and what it likes more than they do.

    Parameters
    ----------
    judgements : DataFrame
        RATINGS of one judge: preferences, or marks of outputs.
    ratings : DataFrame
        RATINGS of people, of the same kind, on the same rows or some of them.
    outputs : DataFrame, optional
        OUTPUTS, for the lengths of what was judged.
    judge_question, question : str, optional
        The judge's question and people's; each may be left out where there is only one.
    own : sequence of str
        Systems whose outputs the judge's own model wrote.
    level : float
        Confidence of the intervals.
    samples, seed : int
        Number of resamples, and the seed of their random numbers.

    Returns
    -------
    Alignment
        Its frame: `figure`, `of` (whose), `value`, `ci_low`, `ci_high`, `p` (of differences
        between judge and people), `n` (outputs or pairs judged by both), `n_rows`, `method`,
        `signature`. Figures: "percent" and "alpha" of judge and people, beside those of people
        among themselves; "accuracy" and "kappa" of the judge against what most people said;
        "length slope" and "position slope" of judge, people and their difference; and the "liking
        for its own". `confusion` is a sheet too.

    Raises
    ------
    BadValue
        If nothing was judged by both, there are several judges, or one side holds marks and the
        other preferences.
    UnknownName
        If there is no such question.

    Notes
    -----
    What both orders of a pair say together is the judge's answer, a tie where they contradict each
    other. Most people's answer is the plurality of their preferences (pairs without one are left
    out and counted), or the median of their marks. Alpha is nominal for preferences and interval
    for marks; kappa is Cohen's for preferences, for marks with quadratic weights (which is Lin's
    concordance). Slopes are least squares with an intercept for each pair of systems: preference
    (0 to 1) on the base-2 logarithm of the ratio of lengths in characters, and on being shown
    first; or mark on the logarithm of the length, within the row. So a length slope of 0.05 means
    that twice the length is worth 5 points in a hundred preferences. Longer answers may be better:
    the difference from people tells what is the judge's own. Intervals are over rows.

    References
    ----------
    Zheng et al. (2023), "Judging LLM-as-a-judge with MT-bench and Chatbot Arena", sections 3.3 and
    4.2; Dubois et al. (2024), "Length-controlled AlpacaEval"; Cohen (1960); Lin (1989).

    Examples
    --------
    >>> import pandas as pd
    >>> def said(rater, answers):
    ...     return pd.DataFrame({"item_id": range(len(answers)), "rater": rater, "side": "lead",
    ...         "question": "better", "value": list(answers), "system_a": "lead", "system_b": "random"})
    >>> people = pd.concat([said("ana", "aabb" * 9), said("ben", "aaba" * 9)])
    >>> judge_alignment(said("judge", "aabb" * 9), people, samples=200).frame[["figure", "of", "value"]].round(3)
         figure                  of  value
    0   percent    judge and people  0.875
    1   percent              people  0.750
    2     alpha    judge and people  0.748
    3     alpha              people  0.474
    4  accuracy  judge and majority  1.000
    5     kappa  judge and majority  1.000
    """
    resampling = Resampling(level, samples, seed)
    one_judge(judgements)
    prefers = compares(judgements, judge_question)
    if prefers != compares(ratings, question):
        raise BadValue(
            "judgements and ratings must be of one kind, but one holds preferences and the other "
            "marks; choose questions of one kind."
        )
    read = preferences_said if prefers else marks_said
    judged, people = read(judgements, question=judge_question), read(ratings, question=question)
    both = Both.of(judged, people, prefers)
    records = [*agreements(both, resampling), *against_most(both, resampling)]
    lengths = lengths_of(outputs)
    seen = {
        of: observed(said, both, lengths) for of, said in (("judge", judged), ("people", people))
    }
    records += [*slopes_of(seen, both, resampling), *liking_for_own(seen, both, own, resampling)]
    return _shown(records, both, judged, resampling)


def likings(
    ratings: "pd.DataFrame",
    *,
    outputs: "pd.DataFrame | None" = None,
    question: str | None = None,
    level: float = 0.95,
    samples: int = 2_000,
    seed: int = 0,
) -> Sheet:
    """Measure what length and position are worth to each rater, a judge or a person.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS: preferences, or marks of outputs.
    outputs : DataFrame, optional
        OUTPUTS, for the lengths of what was rated.
    question : str, optional
        Which question; it may be left out where there is only one.
    level : float
        Confidence of the intervals.
    samples, seed : int
        Number of resamples, and the seed of their random numbers.

    Returns
    -------
    Sheet
        Its frame: `figure` ("length slope", "position slope"), `of` (the rater), `value`, `ci_low`,
        `ci_high`, `n` (pairs or outputs), `n_rows`, `method`; none where neither is known or varies.

    Raises
    ------
    BadValue
        If there is no such answer, or a text that was rated is missing.
    UnknownName
        If there is no such question.

    Notes
    -----
    The slopes are those of `judge_alignment`, which tells how far they are a judge's own: longer
    answers may be better.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": str(at)} for at in range(40)])
    >>> texts = {"a": ["x" * 2 ** (at % 4) for at in range(40)], "b": ["xx"] * 40}
    >>> outputs = wb.outputs(rows, texts)
    >>> judged = wb.judging.recorded(
    ...     outputs.assign(share=[0.2 + 0.1 * (at % 4) for at in range(40)] + [0.0] * 40), "share",
    ...     baseline="b")
    >>> likings(judged, outputs=outputs).frame[["figure", "of", "value"]].round(3)
             figure     of  value
    0  length slope  judge    0.1
    """
    import pandas as pd

    resampling = Resampling(level, samples, seed)
    prefers = compares(ratings, question)
    said = (preferences_said if prefers else marks_said)(ratings, question=question)
    lengths, records = lengths_of(outputs), list[dict[str, Any]]()
    for rater, part in said.groupby("rater", sort=True):
        if settled(part).empty:
            continue
        both = Both.of(part, part, prefers)
        records += slopes_of({str(rater): observed(part, both, lengths)}, both, resampling)
    columns = [name for name in _COLUMNS if name not in {"p", "signature"}]
    frame = pd.DataFrame.from_records(records, columns=columns)
    body = [[row["figure"], row["of"], _interval(row), str(row["n"])] for row in each_row(frame)]
    unit = "preference (0 to 1)" if prefers else "marks"
    caption = (
        f"What twice the length, and the first place, are worth in {unit}: least squares within "
        f"{'pairs of systems' if prefers else 'rows'}; {percent(level)} intervals over rows"
    )
    return Sheet(frame, caption, ["figure", "of", "value [interval]", "n"], body)


def _interval(row: "dict[str, Any]") -> str:
    return display.interval(row["value"], row["ci_low"], row["ci_high"], 3)


def _shown(
    records: "list[dict[str, Any]]", both: Both, judged: "pd.DataFrame", resampling: Resampling
) -> Alignment:
    import pandas as pd

    named = sorted(set(judged["signature"].dropna())) if "signature" in judged else []
    signature = "|".join([*named, "alignment:rows", resampling.signature])
    frame = pd.DataFrame.from_records(records, columns=_COLUMNS).assign(signature=signature)
    figures = ["value", "ci_low", "ci_high", "p"]
    frame = frame.astype(dict.fromkeys(figures, "float64"))
    body = [
        [
            row["figure"],
            row["of"],
            _interval(row),
            display.p_value(row["p"]),
            str(row["n"]),
        ]
        for row in each_row(frame)
    ]
    what = "preferences" if both.prefers else "marks"
    caption = (
        f"A judge beside people: {what} of {both.n} {'pairs' if both.prefers else 'outputs'} on "
        f"{len(both.rows)} rows that both judged; {percent(resampling.level)} intervals over rows"
    )
    header = ["figure", "of", "value [interval]", "p", "n"]
    notes = Lines(_notes(frame, both))
    return Alignment(frame, caption, header, body, notes, confusion=_confusion(both))


def _confusion(both: Both) -> Sheet:
    """Count what the judge said by what most people said."""
    import pandas as pd

    most = both.most
    told = ~np.isnan(most)
    counts = pd.crosstab(
        pd.Series(most[told], name="people"), pd.Series(both.judge[told], name="judge")
    )
    levels = sorted({*counts.index, *counts.columns}, reverse=both.prefers)
    counts = counts.reindex(index=levels, columns=levels, fill_value=0)
    counts.index = counts.columns = [_level(each, both) for each in levels]
    frame = counts.rename_axis("people").reset_index()
    caption = f"What the judge said (columns) of what most people said (rows), {int(told.sum())} of {both.n}"
    if len(levels) > _MOST_LABELS:
        caption = f"{caption}; {len(levels)} marks, see the frame"
        return Sheet(frame, caption, ["people"], [])
    body = [[str(cell) for cell in row.values()] for row in each_row(frame)]
    return Sheet(frame, caption, [str(name) for name in frame.columns], body)


def _level(label: float, both: Both) -> str:
    if not both.prefers:
        return f"{label:g}"
    if label == 0.5:
        return "tie"
    pairs = {each[1:] for each in both.subjects}
    if len(pairs) > 1:
        return "first by name" if label else "second by name"
    return str(next(iter(pairs))[0 if label else 1])


_LIKINGS = {
    LENGTH: "longer answers",
    POSITION: "what is shown first",
    OWN: "what its own model wrote",
}


def _notes(frame: "pd.DataFrame", both: Both) -> Iterator[str]:
    split = int(np.isnan(both.most).sum())
    if split:
        yield f"Of {split} of {both.n} pairs no answer has most voices; accuracy and kappa leave them out."
    if not (frame["figure"].eq("alpha") & frame["of"].eq("people") & frame["value"].notna()).any():
        yield "No two people rated the same, so nothing tells how far people would agree."
    for row in each_row(frame[frame["of"] == "judge − people"]):
        low, high = row["ci_low"], row["ci_high"]
        if low > 0 or high < 0:
            told = "more" if low > 0 else "less"
            yield f"The judge likes {_LIKINGS[row['figure']]} {told} than people do."
