"""RATINGS to ranking: how strong each system is by people's comparisons, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench import display
from workbench.display import Lines, percent
from workbench.errors import BadValue, some, unknown_name
from workbench.ratings.estimation.answers import Answers, answered
from workbench.ratings.estimation.bradley_terry import Fit, fit, halved, require_finite
from workbench.ratings.estimation.classes import Array, Codes
from workbench.ratings.estimation.coincidence import estimate, sums
from workbench.ratings.estimation.comparisons import (
    LOSES,
    TIES,
    WINS,
    Comparisons,
    compared,
    compares,
    weights_of,
)
from workbench.ratings.estimation.noted import NotedSheet
from workbench.ratings.estimation.strengths import (
    Counted,
    Method,
    Settings,
    Spread,
    Ties,
    Unit,
    counted_by,
    no_spread,
    spread_of,
)
from workbench.ratings.reliability import interval_note
from workbench.tables import RATINGS, each_row

if TYPE_CHECKING:
    import pandas as pd

_MODELS = {
    "davidson": "Bradley–Terry with ties (Davidson)",
    "half": "Bradley–Terry, ties half a win each",
    "drop": "Bradley–Terry, ties left out",
}
# From log odds to Elo's points: 400 points are odds of ten to one.
_ELO = 400 / np.log(10)
# With fewer clusters a sandwich or a bootstrap is rough (Cameron and Miller 2015, section VI).
_FEW_CLUSTERS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Standings(NotedSheet):
    """Systems by their strength.

    Parameters
    ----------
    nu : float
        How much more often than not equal systems tie: the weight ν of Davidson's model; NaN under
        a model without it.
    """

    nu: float = float("nan")


def rank(
    ratings: "pd.DataFrame",
    *,
    question: str | None = None,
    ties: Ties = "davidson",
    cluster: str | None = "item_id",
    weights: str | None = None,
    prior: float = 0.0,
    unit: Unit = "log",
    method: Method = "sandwich",
    level: float = 0.95,
    samples: int = 1_000,
    seed: int = 0,
) -> Standings:
    """Rank systems by the comparisons that people made of their outputs.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS with answers that compare: preferences, rankings, or best and worst.
    question : str, optional
        Which question; it may be left out where only one compares.
    ties : {"davidson", "half", "drop"}
        Ties tell that two systems are close (Davidson's model), are half a win for each, or are
        left out. "Both bad" is a tie.
    cluster : str, optional
        The column that says which answers belong together: "item_id" for these raters and other
        items, "rater" for these items and other raters. None takes each answer for itself.
    weights : str, optional
        A column of weights, such as "strength"; 1 where it is empty. By default answers count once.
    prior : float
        So many wins and as many losses are added to each system, against one of strength 0: it
        makes every strength finite, and all of them smaller.
    unit : {"log", "elo"}
        Log strengths with mean 0: a system wins with odds e^d over one that is d weaker, ties
        aside. Or the same in Elo's points with mean 1000: odds of ten are 400 points.
    method : {"sandwich", "bootstrap"}
        Intervals from the variance between clusters, or from drawing clusters with replacement.
    level : float
        Confidence of the intervals.
    samples, seed : int
        Number of bootstrap resamples, and the seed of random numbers.

    Returns
    -------
    Standings
        Its frame, the best first: `system`, `strength`, `ci_low`, `ci_high`, `rank`, `rank_low`,
        `rank_high`, `wins`, `losses`, `ties`, `n` (comparisons), `method`, `signature`.

    Raises
    ------
    BadValue
        If nothing compares, an answer is malformed, systems were never linked by comparisons, or a
        strength is infinite because a system never lost.
    UnknownName
        If there is no such question, column or option.

    Notes
    -----
    A ranking of k outputs makes k(k − 1)/2 comparisons, best and worst 2k − 3; they are one answer
    to the intervals, of which there are none where all clusters say the same. Ranks run from 1 +
    the number of systems shown to be better to the number not shown to be worse, by simultaneous
    tests of all pairs (the largest standardised difference), so that all ranks hold together at the
    level. Before systems are ranked, Krippendorff's alpha of the same comparisons tells whether
    they carry a signal.

    References
    ----------
    Bradley and Terry (1952); Davidson (1970); White (1982) and Liang and Zeger (1986) for the
    sandwich; Mogstad, Romano, Shaikh and Wilhelm (2024), section 3, for ranks.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = ["a"] * 6 + ["b"] * 3 + ["tie"] * 4
    >>> ratings = pd.DataFrame({
    ...     "item_id": range(13), "rater": "x", "question": "better", "value": answers,
    ...     "system_a": "lead", "system_b": "random", "side": "lead",
    ... })
    >>> found = rank(ratings)
    >>> found.frame[["system", "strength", "wins", "losses", "ties"]].round(4)
       system  strength  wins  losses  ties
    0    lead    0.3466     6       3     4
    1  random   -0.3466     3       6     4
    """
    settings = Settings(ties, cluster, weights, prior, unit, method, level, samples, seed)
    rows = _rows(RATINGS.check(ratings, source="ratings"), question)
    found = compared(rows)
    counted = _tallied(found, rows, settings)
    weighted = halved(counted.weighted) if ties == "half" else counted.weighted
    require_finite(counted.pairs, weighted, found.systems, prior)
    decided = counted.outcomes[:, :TIES].any()
    fitted = (
        fit(counted.pairs, weighted[None], prior=prior)
        if decided
        else Fit(np.zeros((1, len(found.systems))), np.array([np.inf]))
    )
    spread = spread_of(counted, weighted, fitted, settings) if decided else no_spread(fitted)
    notes = [*_notes(found, counted, spread, settings), *_signal(found, rows, settings)]
    return _shown(found, counted, fitted, spread, settings, notes)


def _rows(ratings: "pd.DataFrame", question: str | None) -> "pd.DataFrame":
    """Return the answers that compare, to one question; rulings only where no rater's stands."""
    frame = answered(ratings, question)
    comparing = frame[compares(frame)]
    if question is not None and len(comparing) < len(frame):
        comparing = frame  # so that the first that does not compare is told
    names = sorted(set(comparing["question"]))
    if not names:
        raise BadValue(
            "ratings must hold answers that compare systems, but only the questions "
            f"{some(sorted(set(frame['question'])))} came, which do not; ask for a preference, "
            "a ranking, or best and worst."
        )
    if len(names) > 1:
        raise BadValue(
            f"systems must be ranked by one question, but {some(names, 9)} all compare them; give "
            "one as `question`."
        )
    if "adjudicated" in comparing:
        ruled = comparing["adjudicated"].eq(True).to_numpy()
        own = set(comparing["item_id"][~ruled])
        comparing = comparing[~(ruled & comparing["item_id"].isin(own).to_numpy())]
    return comparing


def _tallied(found: Comparisons, rows: "pd.DataFrame", settings: Settings) -> Counted:
    import pandas as pd

    if settings.ties == "drop":
        found = found.where(found.outcome != TIES)
    if not len(found.outcome):
        kind = "decided" if settings.ties == "drop" else "of different systems"
        raise BadValue(
            f"ratings must hold a comparison that is {kind}, but none came in {len(rows)} answers; "
            "collect more before ranking."
        )
    column = settings.cluster
    if column is not None and column not in rows:
        raise unknown_name("cluster", column, rows.columns)
    of_row = np.arange(len(rows))
    if column is not None:
        of_row = pd.factorize(rows[column], use_na_sentinel=False)[0]
    row_weights = None if settings.weights is None else weights_of(rows, settings.weights)
    return counted_by(found, of_row, row_weights)


# What is said besides the figures.


def _notes(
    found: Comparisons, counted: Counted, spread: Spread, settings: Settings
) -> Iterator[str]:
    what = "answers" if settings.cluster is None else f"values of {settings.cluster}"
    if not counted.outcomes[:, :TIES].any():
        yield "Every comparison is a tie: nothing tells the systems apart, nor how sure that is."
    elif counted.n_clusters < 2:
        yield f"There are no intervals: the {what} are one only; choose another `cluster`."
    elif np.isnan(spread.low).all() and spread.undefined:
        yield (
            f"There are no intervals: in {percent(round(spread.undefined, 3))} of the resamples a "
            "strength is infinite; use method='sandwich' or prior=0.5."
        )
    elif np.isnan(spread.low).all():
        yield (
            f"There are no intervals: all {counted.n_clusters} {what} say the same, so they cannot "
            "say how far others would differ."
        )
    elif counted.n_clusters < _FEW_CLUSTERS:
        yield f"The intervals are rough: they come from {counted.n_clusters} {what}."
    if found.n_both_bad:
        yield f"{found.n_both_bad} answers say that both are bad; they count as ties."
    if found.n_same:
        yield f"{found.n_same} comparisons of a system with itself are left out."


def _signal(found: Comparisons, rows: "pd.DataFrame", settings: Settings) -> Iterator[str]:
    """Say whether raters who compared the same outputs agree more than chance would make them."""
    import pandas as pd

    n = len(found.systems)
    items, raters = (pd.factorize(rows[name])[0][found.row] for name in ("item_id", "rater"))
    units = pd.factorize((items * n + found.first) * n + found.second)[0]
    # a rater who answered again does not agree with another
    once = ~pd.Series(units * (int(raters.max()) + 1) + raters).duplicated().to_numpy()
    said = Answers(items[once], units[once], raters[once], found.outcome[once], np.arange(3.0))
    if not said.shared.any():
        yield (
            "No two raters compared the same outputs, so their agreement cannot show whether the "
            "answers carry a signal; let several rate the same items (overlap)."
        )
        return
    patterns = said.patterns(said.shared)
    alpha = estimate(
        patterns,
        sums("alpha", patterns, "nominal", said.points),
        level=settings.level,
        samples=settings.samples,
        seed=settings.seed,
    )
    # raters who always agree need no interval
    if alpha.value < 1 and (note := interval_note("alpha", alpha, settings.level)):
        yield note


def _shown(
    found: Comparisons,
    counted: Counted,
    fitted: Fit,
    spread: Spread,
    settings: Settings,
    notes: Sequence[str],
) -> Standings:
    frame = _frame(found, counted, fitted, spread, settings)
    places = 3 if settings.unit == "log" else 0
    body = [
        [
            row["system"],
            display.interval(row["strength"], row["ci_low"], row["ci_high"], places),
            str(row["rank"]),
            f"{row['rank_low']}–{row['rank_high']}",
            *(str(row[name]) for name in ("wins", "losses", "ties", "n")),
        ]
        for row in each_row(frame)
    ]
    strength = "log strength, mean 0" if settings.unit == "log" else "Elo points, mean 1000"
    nu = float(np.exp(fitted.log_nu[0])) if settings.ties == "davidson" else float("nan")
    weight = f"; ν = {display.number(nu, 3)}" if settings.ties == "davidson" else ""
    caption = f"{len(found.systems)} systems by {_method(counted, settings)}{weight}"
    header = ["system", f"{strength} [interval]", "rank", "ranks", "wins", "losses", "ties", "n"]
    return Standings(frame, caption, header, body, Lines(notes), nu)


def _frame(
    found: Comparisons, counted: Counted, fitted: Fit, spread: Spread, settings: Settings
) -> "pd.DataFrame":
    import pandas as pd

    n = len(found.systems)
    scale, origin = (1.0, 0.0) if settings.unit == "log" else (_ELO, 1000.0)
    strengths = fitted.strengths[0]
    # strengths that differ by rounding are one rank
    ranks = 1 + (strengths[None] > strengths[:, None] + 1e-9).sum(axis=1)
    figures = {
        name: origin + scale * values + 0.0
        for name, values in (
            ("strength", strengths), ("ci_low", spread.low), ("ci_high", spread.high)
        )
    }  # fmt: skip
    ends = {
        "rank": ranks,
        "rank_low": 1 + spread.above.sum(axis=0),
        "rank_high": n - spread.above.sum(axis=1),
    }
    tallies = _tallies(counted)
    frame = pd.DataFrame({"system": found.systems} | figures | ends | tallies)
    if np.isnan(spread.low).any():
        frame[["rank_low", "rank_high"]] = 1, n
    frame["method"], frame["signature"] = _method(counted, settings), _signature(settings)
    order = np.lexsort([np.arange(n), ranks])
    return frame.iloc[order].reset_index(drop=True)


def _tallies(counted: Counted) -> dict[str, Codes]:
    """Return each system's wins, losses, ties and comparisons."""
    first, second, n = counted.pairs
    outcomes = counted.outcomes

    def total(ends: Codes, values: Array) -> Codes:
        return np.bincount(ends, weights=values, minlength=n).astype(np.int64)

    wins = total(first, outcomes[:, WINS]) + total(second, outcomes[:, LOSES])
    losses = total(first, outcomes[:, LOSES]) + total(second, outcomes[:, WINS])
    ties = total(first, outcomes[:, TIES]) + total(second, outcomes[:, TIES])
    return {"wins": wins, "losses": losses, "ties": ties, "n": wins + losses + ties}


def _method(counted: Counted, settings: Settings) -> str:
    of = "answers" if settings.cluster is None else f"clusters of {settings.cluster}"
    how = f"sandwich over {counted.n_clusters} {of}"
    if settings.method == "bootstrap":
        how = f"{settings.samples} bootstrap resamples of {counted.n_clusters} {of}"
    prior = f", prior {settings.prior:g}" if settings.prior else ""
    weights = f", weighted by {settings.weights}" if settings.weights else ""
    return (
        f"{_MODELS[settings.ties]}{prior}{weights}; {percent(settings.level)} intervals: {how}; "
        "ranks by simultaneous tests of all pairs"
    )


def _signature(settings: Settings) -> str:
    parts = {
        "model": "bradley-terry",
        "ties": settings.ties,
        "prior": f"{settings.prior:g}",
        "weights": settings.weights or "none",
        "interval": settings.method,
        "cluster": settings.cluster or "none",
        "level": f"{settings.level:g}",
        "samples": str(settings.samples) if settings.method == "bootstrap" else "none",
        "seed": str(settings.seed),
        "version": "wb1",
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())
