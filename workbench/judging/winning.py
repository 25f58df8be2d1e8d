"""RATINGS to win rates: who is preferred, how sure that is, and whether the judge can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench import display
from workbench.display import Lines, percent
from workbench.errors import BadValue, is_number
from workbench.judging.said import exchanges, preferences_said
from workbench.judging.shared import Resampling, mean_of
from workbench.ratings.estimation.noted import NotedSheet
from workbench.stats import Units, adjusted
from workbench.stats.corrections import Correction, alpha_of
from workbench.stats.exact import Array
from workbench.stats.paired import Estimate
from workbench.tables import each_row

if TYPE_CHECKING:
    import pandas as pd

Names = NDArray[Any]

_COLUMNS = [
    "judge", "question", "system", "baseline", "win_rate", "ci_low", "ci_high", "standard_error",
    "p", "p_adjusted", "wins", "losses", "ties", "n", "n_asked", "n_failed", "lowest", "highest",
    "flip_rate", "flip_low", "flip_high", "n_pairs", "first_rate", "first_low", "first_high",
    "verdict", "method", "signature",
]  # fmt: skip

_NAMES = ("judge", "system", "baseline")


@dataclass(frozen=True)
class _Settings:
    """How win rates are made; `preferences` says what each field means."""

    most_flips: float
    most_failed: float
    correction: Correction
    resampling: Resampling

    def __post_init__(self) -> None:
        if not all(is_number(n) and 0 <= n <= 1 for n in (self.most_flips, self.most_failed)):
            raise BadValue(
                "most_flips and most_failed must be from 0 to 1, but "
                f"{self.most_flips!r} and {self.most_failed!r} came; use 0.4 and 0.2."
            )

    def units(self, statistics: Array) -> Units:
        """Return rows of sums and counts, shape (n_rows, n_systems, 2), whose figures are shares."""
        return self.resampling.units(statistics, mean_of, (0.0, 1.0))


def preferences(
    ratings: "pd.DataFrame",
    *,
    baseline: str | None = None,
    question: str | None = None,
    most_flips: float = 0.4,
    most_failed: float = 0.2,
    correction: Correction = "holm",
    level: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> NotedSheet:
    """Return how often each system is preferred, and how far the judge's verdicts follow the order.

    Parameters
    ----------
    ratings : DataFrame
        RATINGS with preferences, as `judge` makes them; each rater for itself.
    baseline : str, optional
        Compare with this system alone; by default each two systems that were compared.
    question : str, optional
        Which question; it may be left out where only one compares.
    most_flips : float
        The largest share of verdicts that may change with the order; beyond it no system is called
        better. A judge that tosses a coin flips half, and GPT-4 flipped 35 % of pairs that are
        nearly alike (Zheng et al. 2023, table 2).
    most_failed : float
        The largest share of answers that may be missing; beyond it no system is called better.
    correction : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "none"}
        Over the pairs of systems of one rater.
    level : float
        Confidence of the intervals.
    samples, seed : int
        Number of resamples and exchanges, and the seed of their random numbers.

    Returns
    -------
    NotedSheet
        Its frame, one row per rater and pair of systems: `judge`, `question`, `system`, `baseline`,
        `win_rate` (mean preference for `system` over rows, ties half) with `ci_low` and `ci_high`,
        `standard_error`, `p` (of a win rate of ½), `p_adjusted`, `wins`, `losses`, `ties` (rows),
        `n` (rows), `n_asked` and `n_failed` (answers, with those that have a row in the other order
        only), `lowest` and `highest` (the win rate if what failed were lost, or won), `flip_rate`
        (pairs whose verdict changes with the order) with `flip_low` and `flip_high`, `n_pairs`
        (asked and answered in both orders), `first_rate` (verdicts for whichever was shown first,
        of those for either) with `first_low` and `first_high`, `verdict` ("better", "worse",
        "identical", "undecided", or "unreliable judge: …"), `method`, `signature`.

    Raises
    ------
    BadValue
        If nothing compares two systems, or an option is out of range.
    UnknownName
        If there is no such question or baseline.

    Notes
    -----
    A row counts once, with the mean of its answers, so that both orders weigh the same and a bias
    for a position takes from both systems alike. Of a rater who was asked in both orders, a pair
    answered in one is left out and counted. Intervals and tests are those of `wb.compare`: rows
    resampled, or Wilson's where each row is won or lost; the randomisation test exchanges the two
    systems on a row.

    References
    ----------
    Zheng et al. (2023), "Judging LLM-as-a-judge with MT-bench and Chatbot Arena", sections 3.3 and
    3.4; Wang et al. (2023), "Large language models are not fair evaluators".

    Examples
    --------
    >>> import pandas as pd
    >>> ratings = pd.DataFrame(
    ...     [(row, "lead", "b" if row % 5 else "a") for row in range(30)]
    ...     + [(row, "random", "b") for row in range(30)],
    ...     columns=["row_id", "side", "value"],
    ... ).assign(item_id=lambda made: made["row_id"], rater="judge", question="better",
    ...          system_a="lead", system_b="random")
    >>> preferences(ratings, baseline="lead").frame[["system", "win_rate", "flip_rate", "verdict"]]
       system  win_rate  flip_rate verdict
    0  random       0.9        0.2  better
    """
    import pandas as pd

    settings = _Settings(most_flips, most_failed, correction, Resampling(level, samples, seed))
    said = preferences_said(ratings, question=question, baseline=baseline)
    records: list[dict[str, Any]] = []
    pairs = exchanges(said).groupby(["rater", "system", "other"])
    for rater, of_rater in said.groupby("rater", sort=True):
        found = [
            {"judge": rater, "question": part["question"].iloc[0], "system": one, "baseline": other}
            | _measured(part, pairs.get_group((rater, one, other)), settings)
            for (one, other), part in of_rater.groupby(["system", "other"], sort=True)
        ]
        records += _judged(found, settings)
    frame = pd.DataFrame.from_records(records, columns=_COLUMNS)
    return _shown(frame, Lines(_notes(records)), settings)


def _measured(part: "pd.DataFrame", pairs: "pd.DataFrame", settings: _Settings) -> dict[str, Any]:
    """Return the figures of one rater on one pair of systems."""
    share, rows = pairs["preference"].to_numpy(), pairs["row"].to_numpy()
    won = _means(share, rows)
    nothing = Estimate(np.nan, np.nan, np.nan, "no row was answered")
    rate, p, how = nothing, np.nan, nothing.method
    if len(won):
        values = np.stack([won, 1 - won], axis=1)
        units = settings.units(np.stack([values, np.ones_like(values)], axis=-1))
        rate, test = units.interval(0), units.difference(0, 1)
        p, how = test.p, f"{test.method}; {rate.method}"
    # an answer that has no row is missing like one that failed
    absent = int(pairs["absent"].sum())
    error = float(won.std(ddof=1)) / len(won) ** 0.5 if len(won) > 1 else np.nan
    lowest, highest = (_means(np.where(np.isnan(share), end, share), rows) for end in (0.0, 1.0))
    return {
        "win_rate": float(won.mean()) if len(won) else np.nan,
        "ci_low": rate.low,
        "ci_high": rate.high,
        "standard_error": error,
        "p": p,
        "wins": int((won > 0.5).sum()),
        "losses": int((won < 0.5).sum()),
        "ties": int((won == 0.5).sum()),
        "n": len(won),
        "n_asked": len(part) + absent,
        "n_failed": int(part["preference"].isna().sum()) + absent,
        "lowest": float(lowest.mean()),
        "highest": float(highest.mean()),
        "method": how,
        "signature": _signature(part, settings),
    } | _order_effects(part, pairs, settings)


def _order_effects(
    part: "pd.DataFrame", pairs: "pd.DataFrame", settings: _Settings
) -> dict[str, Any]:
    """Return how often verdicts follow the order, of all pairs that were judged in both."""
    shown = pairs[["as_first", "as_second"]].to_numpy()
    both = ~np.isnan(shown).any(axis=1)
    one, other = np.sign(shown[both] - 0.5).T
    flips = _rate(one != other, pairs["row"].to_numpy()[both], settings)
    share, first = part["preference"].to_numpy(), part["first"].to_numpy()
    # what was judged in one order only would take the better system for a position
    chosen = np.isin(part["exchange"].to_numpy(), pairs.index[both]) | ~both.any()
    chosen &= ~np.isnan(share) & ~np.isnan(first) & (share != 0.5)
    for_first = (share[chosen] > 0.5) == (first[chosen] == 1)
    firsts = _rate(for_first, part["row"].to_numpy()[chosen], settings)
    return {
        "flip_rate": flips.value,
        "flip_low": flips.low,
        "flip_high": flips.high,
        "n_pairs": int(both.sum()),
        "first_rate": firsts.value,
        "first_low": firsts.low,
        "first_high": firsts.high,
        "order_known": not np.isnan(first).all(),
        "one_sided": not both.any() and len(np.unique(first[chosen])) == 1,
    }


def _means(values: Array, rows: Names) -> Array:
    """Return the mean of each row that has a value, in the order of rows."""
    known = ~np.isnan(values)
    codes = np.unique(rows[known], return_inverse=True)[1]
    return np.asarray(np.bincount(codes, values[known]) / np.bincount(codes))


def _rate(hits: NDArray[np.bool_], rows: Names, settings: _Settings) -> Estimate:
    """Return a share of all cases with its interval, rows being what is resampled."""
    if not len(hits):
        return Estimate(np.nan, np.nan, np.nan, "")
    codes = np.unique(rows, return_inverse=True)[1]
    counts = np.stack([np.bincount(codes, hits), np.bincount(codes)], axis=-1)
    return settings.units(counts[:, None, :].astype(np.float64)).interval(0)


def _judged(records: list[dict[str, Any]], settings: _Settings) -> Iterator[dict[str, Any]]:
    """Yield one rater's records with adjusted p-values and verdicts."""
    ps = adjusted(np.array([each["p"] for each in records]), settings.correction)
    for record, p in zip(records, ps.tolist(), strict=True):
        record["p_adjusted"] = p
        record["verdict"] = _unreliable(record, settings) or _verdict(record, settings)
        yield record


def _verdict(record: dict[str, Any], settings: _Settings) -> str | None:
    if not record["n"]:
        return None
    if record["ties"] == record["n"]:
        return "identical"
    if record["p_adjusted"] > alpha_of(settings.resampling.level):
        return "undecided"
    return "better" if record["win_rate"] > 0.5 else "worse"


def _unreliable(record: dict[str, Any], settings: _Settings) -> str | None:
    """Say why a judge's win rate decides nothing; None where it may."""
    if record["flip_rate"] > settings.most_flips:
        told = f"{percent(round(record['flip_rate'], 3))} flip"
        return f"unreliable judge: {told}, more than {percent(settings.most_flips)}"
    if record["n_failed"] > settings.most_failed * record["n_asked"]:
        told = f"{record['n_failed']} of {record['n_asked']} answers failed"
        return f"unreliable judge: {told}, more than {percent(settings.most_failed)}"
    if record["one_sided"]:
        return "unreliable judge: one system was always shown first"
    return None


def _signature(part: "pd.DataFrame", settings: _Settings) -> str:
    named = sorted(set(part["signature"].dropna())) if "signature" in part else []
    limits = f"most-flips:{settings.most_flips:g}|most-failed:{settings.most_failed:g}"
    return "|".join([*named, "win-rate:rows", limits, settings.resampling.signature])


def _shown(frame: "pd.DataFrame", notes: Lines, settings: _Settings) -> NotedSheet:
    several = len(set(frame["judge"])) > 1
    body = [
        [
            *([row["judge"]] if several else []),
            row["system"],
            row["baseline"],
            display.interval(row["win_rate"], row["ci_low"], row["ci_high"], 3),
            display.p_value(row["p_adjusted"], alpha_of(settings.resampling.level)),
            f"{row['wins']}–{row['losses']}–{row['ties']}",
            display.interval(row["flip_rate"], row["flip_low"], row["flip_high"], 3),
            display.interval(row["first_rate"], row["first_low"], row["first_high"], 3),
            f"{row['n_failed']} of {row['n_asked']}",
            row["verdict"] or "–",
        ]
        for row in each_row(frame)
    ]
    header = [*(["judge"] if several else []), "system", "against", "win rate [interval]"]
    header += ["adjusted p", "won–lost–tied", "verdicts that flip", "first shown wins", "failed"]
    who = "raters" if several else str(frame["judge"].iloc[0])
    caption = (
        f"Preferences of {who}: {frame['question'].iloc[0]}; rows count once, "
        f"{percent(settings.resampling.level)} intervals, correction {settings.correction}"
    )
    return NotedSheet(frame, caption, [*header, "verdict"], body, notes)


def _notes(records: list[dict[str, Any]]) -> Iterator[str]:
    answered = [each for each in records if each["n"]]
    of = f"of {display.counted(len(records), 'pair')} of systems"
    if unknown := [each for each in answered if not each["order_known"]]:
        yield (
            f"Of {len(unknown)} {of} nobody says which output was shown first, so a liking for a "
            "position cannot be told from one for a system."
        )
    if alone := [each for each in answered if each["order_known"] and not each["n_pairs"]]:
        yield f"Of {len(alone)} {of} no output was judged in both orders, so no flip rate is known."
    for row in (each for each in records if each["n_failed"]):
        judge, system, other = (display.plain(row[name], width=40) for name in _NAMES)
        ends = f"{display.number(row['lowest'], 3)} to {display.number(row['highest'], 3)}"
        yield (
            f"{row['n_failed']} of {row['n_asked']} answers of {judge} on {system} and {other} are "
            f"missing; whatever they were, the win rate is from {ends}."
        )
