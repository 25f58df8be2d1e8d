"""Many judgements and a few people: the difference people would see, and how sure that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import display
from workbench.display import Lines, percent
from workbench.errors import BadValue, some, unknown_name
from workbench.judging.said import compares, marks_said, one_judge, preferences_said, settled
from workbench.ratings.estimation.noted import NotedSheet
from workbench.stats import adjusted, powered_mean
from workbench.stats.corrections import Correction, alpha_of
from workbench.stats.prediction_powered import require_trust
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20
"""Rows that people must have judged: of fewer, labels that all agree hide how much they vary."""

_COLUMNS = [
    "question", "system", "baseline", "delta", "ci_low", "ci_high", "p", "p_adjusted", "judge_delta",
    "people_delta", "n_human", "n_judged", "lambda", "n_effective", "verdict", "method", "signature",
]  # fmt: skip


@dataclass(frozen=True)
class _Settings:
    """How differences are made; `corrected` says what each field means."""

    tuning: float | None
    correction: Correction
    level: float

    def __post_init__(self) -> None:
        require_trust(self.level, self.tuning)

    @property
    def method(self) -> str:
        """The estimator and its interval."""
        made = "PPI++, tuned λ" if self.tuning is None else f"PPI, λ = {self.tuning:g}"
        return f"{made}; rows; Welch's t, squared and added {percent(self.level)} interval"


def corrected(
    judgements: "pd.DataFrame",
    ratings: "pd.DataFrame",
    *,
    baseline: str | None = None,
    judge_question: str | None = None,
    question: str | None = None,
    tuning: float | None = None,
    correction: Correction = "holm",
    level: float = 0.95,
) -> NotedSheet:
    """Return the differences that people would see, from many judgements and a few ratings.

    Parameters
    ----------
    judgements : DataFrame
        RATINGS of one judge: preferences, or marks of outputs, on all rows.
    ratings : DataFrame
        RATINGS of people, of the same kind, on some rows. **These rows must be drawn at random**,
        as `wb.ratings.items` draws them: rows that were chosen because they are hard, short or in
        doubt make the correction wrong, and no figure can show it.
    baseline : str, optional
        The system to compare with; by default each two systems.
    judge_question, question : str, optional
        The judge's question and people's; each may be left out where there is only one.
    tuning : float, optional
        λ, how far the judge is trusted: 0 people alone, 1 PPI without tuning; by default the one
        of the smallest variance (PPI++).
    correction : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "none"}
        Over the pairs of systems.
    level : float
        Confidence of the intervals.

    Returns
    -------
    NotedSheet
        Its frame, one row per pair of systems: `question`, `system`, `baseline`, `delta` (of
        preferences the win rate less the rate of losses, −1 to 1; of marks the mean difference, in
        marks) with `ci_low` and `ci_high`, `p`, `p_adjusted`, `judge_delta` (the judge alone, all
        rows), `people_delta` (people alone, their rows), `n_human` (rows that both saw), `n_judged`
        (rows that the judge alone saw), `lambda`, `n_effective` (how many rows of people alone
        would be as sure), `verdict` ("better", "worse", "undecided"), `method`, `signature`. Pairs
        with fewer than 20 rows of people have no figures.

    Raises
    ------
    BadValue
        If no row was seen by both, people saw fewer than 20 rows of every pair, the judgements are
        of several judges, or one side holds marks and the other preferences.
    UnknownName
        If there is no such question or baseline.

    Notes
    -----
    A row counts once on either side, with the mean of its raters, orders and repeats. The judge's
    mean over all rows is corrected by how far it was from people on the rows that both saw; see
    `workbench.stats.powered_mean`. The judge's marks need not be on people's scale.

    References
    ----------
    Angelopoulos, Bates, Fannjiang, Jordan and Zrnic (2023), "Prediction-powered inference";
    Angelopoulos, Duchi and Zrnic (2023), "PPI++"; Boyeau et al. (2024), "AutoEval done right".

    Examples
    --------
    >>> import pandas as pd
    >>> def said(rows, wins):
    ...     return pd.DataFrame({"item_id": rows, "rater": "x", "question": "better", "side": "a",
    ...         "system_a": "a", "system_b": "b", "value": ["a" if win else "b" for win in wins]})
    >>> judged = said(range(200), [row % 5 > 0 for row in range(200)])
    >>> people = said(range(40), [row % 5 > 1 for row in range(40)])
    >>> corrected(judged, people).frame[["delta", "judge_delta", "people_delta"]].round(2)
       delta  judge_delta  people_delta
    0    0.2          0.6           0.2
    """
    import pandas as pd

    settings = _Settings(tuning, correction, level)
    one_judge(judgements)
    prefers = compares(judgements, judge_question)
    if prefers != compares(ratings, question):
        raise BadValue(
            "judgements and ratings must be of one kind, but one holds preferences and the other "
            "marks; choose questions of one kind."
        )
    judged, people = (
        _said(table, asked, baseline, prefers)
        for table, asked in ((judgements, judge_question), (ratings, question))
    )
    head = {"question": people["question"].iloc[0], "signature": _signature(judged, settings)}
    parts = [_by_pair(each, baseline) for each in (judged, people)]
    records = [head | each for each in _estimated(parts[0], parts[1], settings)]
    frame = pd.DataFrame.from_records(records, columns=_COLUMNS)
    return _shown(_decided(frame, settings), settings)


def _said(
    ratings: "pd.DataFrame", question: str | None, baseline: str | None, prefers: bool
) -> "pd.DataFrame":
    if prefers:
        return preferences_said(ratings, question=question, baseline=baseline)
    return marks_said(ratings, question=question)


_Pair = tuple[str, str]


def _by_pair(said: "pd.DataFrame", baseline: str | None) -> "dict[_Pair, pd.Series[float]]":
    """Return by pair of systems the difference on each row."""
    values = settled(said).reset_index()
    if "preference" in values:
        values["preference"] = 2 * values["preference"] - 1
        return {
            (str(one), str(other)): part.set_index("row")["preference"].sort_index()
            for (one, other), part in values.groupby(["system", "other"])
        }
    of = {
        str(system): part.set_index("row")["mark"].sort_index()
        for system, part in values.groupby("system")
    }
    if baseline is not None and baseline not in of:
        raise unknown_name("baseline", baseline, sorted(of))
    pairs = list(combinations(sorted(of), 2))
    if baseline is not None:
        pairs = [(each, baseline) for each in sorted(of) if each != baseline]
    if not pairs:
        raise BadValue(f"marks must be of two systems, but only {some(of)} came; rate several.")
    return {pair: (of[pair[0]] - of[pair[1]]).dropna() for pair in pairs}


def _estimated(
    judged: "dict[_Pair, pd.Series[float]]",
    people: "dict[_Pair, pd.Series[float]]",
    settings: _Settings,
) -> list[dict[str, Any]]:
    records = [
        {"system": pair[0], "baseline": pair[1]}
        | _corrected(values, people.get(pair, values.iloc[:0]), settings)
        for pair, values in sorted(judged.items())
    ]
    most = max(each["n_human"] for each in records)
    if not most:
        raise BadValue(
            "a correction must have rows that both the judge and people saw, but there are none; "
            "let people rate some of the rows that were judged, drawn at random."
        )
    if most < FEWEST:
        raise BadValue(
            f"a correction must have at least {FEWEST} rows that people rated, but {most} came; let "
            "people rate more, drawn at random."
        )
    return records


def _corrected(
    judged: "pd.Series[float]", people: "pd.Series[float]", settings: _Settings
) -> dict[str, Any]:
    both = people.index.intersection(judged.index, sort=True)
    alone = judged.drop(both).to_numpy()
    record: dict[str, Any] = {
        "judge_delta": float(judged.mean()),
        "people_delta": float(people[both].mean()),
        "n_human": len(both),
        "n_judged": len(alone),
    }
    if len(both) < FEWEST or len(alone) < 2:
        return record
    found = powered_mean(
        people[both].to_numpy(),
        judged[both].to_numpy(),
        alone,
        level=settings.level,
        tuning=settings.tuning,
    )
    figures = {"delta": found.value, "ci_low": found.ci_low, "ci_high": found.ci_high, "p": found.p}
    trust = {"lambda": found.tuning, "n_effective": found.n_effective}
    return record | figures | trust


def _decided(frame: "pd.DataFrame", settings: _Settings) -> "pd.DataFrame":
    """Add adjusted p-values and verdicts."""
    import pandas as pd

    numbers = ["delta", "ci_low", "ci_high", "p", "lambda", "n_effective"]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    frame["p_adjusted"] = adjusted(frame["p"].to_numpy(), settings.correction)
    sure = frame["p_adjusted"] <= alpha_of(settings.level)
    told = np.where(sure, np.where(frame["delta"] > 0, "better", "worse"), "undecided")
    frame["verdict"] = pd.Series(told, index=frame.index, dtype=object).where(
        frame["p"].notna(), None
    )
    return frame.assign(method=settings.method)


def _signature(judged: "pd.DataFrame", settings: _Settings) -> str:
    named = sorted(set(judged["signature"].dropna())) if "signature" in judged else []
    trust = "tuned" if settings.tuning is None else f"{settings.tuning:g}"
    return "|".join([*named, f"ppi:rows|lambda:{trust}|level:{settings.level:g}|version:wb1"])


def _interval(delta: float, low: float, high: float) -> str:
    places = display.telling(3, delta, low, high, least=2**-40)
    return display.interval(delta, low, high, places)


def _shown(frame: "pd.DataFrame", settings: _Settings) -> NotedSheet:
    body = [
        [
            row["system"],
            row["baseline"],
            _interval(row["delta"], row["ci_low"], row["ci_high"]),
            display.p_value(row["p_adjusted"], alpha_of(settings.level)),
            display.number(row["people_delta"], 3),
            display.number(row["judge_delta"], 3),
            str(row["n_human"]),
            str(row["n_judged"]),
            display.number(row["lambda"], 2),
            display.number(row["n_effective"], 0),
            row["verdict"] or "–",
        ]
        for row in each_row(frame)
    ]
    header = ["system", "against", "difference [interval]", "adjusted p", "people alone"]
    header += ["judge alone", "rows of people", "of the judge alone", "λ", "worth rows", "verdict"]
    caption = (
        f"{frame['question'].iloc[0]}, as people would judge: {settings.method}; correction "
        f"{settings.correction}; right only if the rows of people were drawn at random"
    )
    return NotedSheet(frame, caption, header, body, Lines(_notes(frame)))


def _notes(frame: "pd.DataFrame") -> Iterator[str]:
    few = frame[frame["n_human"] < FEWEST]
    if len(few):
        yield (
            f"{len(few)} of {len(frame)} pairs have no figures: people rated fewer than {FEWEST} of "
            "their rows."
        )
    if (frame["n_judged"] < 2).any():
        yield (
            "Where people rated every row that was judged, there is nothing to correct; compare "
            "their ratings alone."
        )
    if ((frame["n_human"] >= FEWEST) & (frame["n_judged"] > 1) & frame["p"].isna()).any():
        yield "Where people never differ, the rows cannot say how far others would."
