"""SCORES to Comparison: which system is better, by how much, and how sure."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

from workbench import wording
from workbench.contrasts import (
    Resampled,
    Settings,
    differences,
    intervals,
    judged,
    panels_of,
    turned,
    with_margins,
    within,
)
from workbench.display import Lines, Sheet
from workbench.errors import BadValue, names_of, some, unknown_name
from workbench.explaining.explained import Explained
from workbench.failing import require_answers, with_worst_case
from workbench.metrics.scoring import Scores
from workbench.pairing import Failures
from workbench.stats import sacrebleu_tests
from workbench.stats.corrections import FamilyCorrection
from workbench.stats.paired import IntervalMethod, Test
from workbench.stats.ties import tie_letters
from workbench.tables import each_row
from workbench.workers import Where, spread

if TYPE_CHECKING:
    import pandas as pd

    from workbench.widgets.explorer import Explorer
    from workbench.widgets.side_by_side import SideBySide

_MATRIX_VALUES = ("delta", "p", "p_adjusted", "verdict", "n_changed")


@dataclass(frozen=True, eq=False)
class Comparison(Explained):
    """Systems compared with a baseline, and whatever else follows from the same scores.

    Parameters
    ----------
    scores : Scores
        What is compared.
    settings : Settings
        How.
    frame : DataFrame
        One row per metric and system: `metric`, `system`, `baseline`, `score`, `baseline_score`,
        `delta` (score − baseline_score), `ci_low`, `ci_high`, `p`, `p_adjusted`, `n` (rows that
        both systems answered), `n_changed` (rows or clusters that differ), `n_clusters`,
        `verdict` ("better", "worse", "identical", "undecided"; missing for a metric without a
        direction), `method`, `signature`; where outputs failed or are said to be other than ok also
        `n_failed`, `baseline_n_failed`, `delta_worst_low` and `delta_worst_high` (the difference if
        failures had been the worst for the one and the best for the other, and the other way
        round); with margins also `margin` and `not_worse`.
    """

    frame: "pd.DataFrame"
    _all_pairs: "dict[str, pd.DataFrame]" = field(default_factory=dict, repr=False)
    _rankings: "dict[str, pd.DataFrame]" = field(default_factory=dict, repr=False)
    _resampled: Resampled = field(default_factory=Resampled, repr=False)

    @property
    def sheet(self) -> Sheet:
        """The frame as it is shown."""
        return self.differences()

    def __repr__(self) -> str:
        return repr(self.sheet)

    def _repr_html_(self) -> str:
        return self.sheet._repr_html_()

    def explore(self) -> "Explorer":
        """Open a panel to look at systems, metrics, slices and baselines by choosing them."""
        # An import upwards: a panel is asked for where the comparison is at hand.
        from workbench.widgets.explorer import Explorer

        return Explorer(self)

    def side_by_side(
        self,
        system: str | None = None,
        other: str | None = None,
        *,
        metric: str | None = None,
        sort: Literal["order", "gain", "loss", "size"] = "order",
        where: Mapping[str, str] | None = None,
        row_ids: Iterable[str] | None = None,
    ) -> "SideBySide":
        """Open a panel of what every system wrote, row by row, with the words that differ.

        Parameters
        ----------
        system, other : str, optional
            The two whose difference sorts and filters; the first of the comparison and its baseline
            by default.
        metric : str, optional
            Under which; the first by default.
        sort : {"order", "gain", "loss", "size"}
            As in the dataset, or first where the system gains most, loses most, or either.
        where : mapping of str to str, optional
            A column and the value of the rows to show.
        row_ids : str or iterable of str, optional
            The rows to show, such as the `row_ids` of a slice; all by default.

        Returns
        -------
        SideBySide
            The panel; a line that ends in it shows it, and where no kernel runs its first rows.
        """
        from workbench.widgets.side_by_side import SideBySide

        return SideBySide(
            self, system=system, other=other, metric=metric, sort=sort, where=where, row_ids=row_ids
        )

    @property
    def n_tests(self) -> int:
        """How many tests the correction spreads its level over."""
        n_made = int(self.frame["p"].notna().sum())
        return 1 if self.settings.correction == "none" else max(1, n_made)

    def differences(self, metric: str | None = None) -> Sheet:
        """Show each difference from the baseline, under one metric or under all."""
        title = f"Differences from {self.settings.baseline}"
        return wording.differences_sheet(
            self._under(metric), self.scores, self.settings, title, whole=self.frame
        )

    def sentences(self, metric: str | None = None, *, system: str | None = None) -> Lines:
        """Say each difference in plain words, under one metric or all, of one system or all."""
        frame = self._under(metric)
        if system is not None:
            self._require(system)
            frame = frame[frame["system"] == system]
        return Lines(
            wording.sentence(self.scores, self.settings, row, n_tests=self.n_tests)
            for row in each_row(frame)
        )

    def leaderboard(self) -> Sheet:
        """Rank the systems under each metric, with intervals and groups that cannot be told apart.

        Returns
        -------
        Sheet
            Its frame: `metric`, `system`, `rank`, `score`, `ci_low`, `ci_high`, `group` (systems
            that share a letter are not told apart by the adjusted tests of all pairs), `n` rows,
            `n_failed` outputs that could not be scored, `n_empty`, `n_clusters`, `method` (of the
            interval), `signature`; and `n_outputs` with a number for each category that occurs.

        Notes
        -----
        A score is over all rows that the system answered; differences elsewhere are over the rows
        that both systems answered, so they need not be the differences of these scores.
        """
        import pandas as pd

        frame = pd.concat([self._ranking(m.name) for m in self.scores.metrics], ignore_index=True)
        return wording.leaderboard_sheet(frame, self.scores, self.settings)

    def pair(self, system: str, other: str) -> Sheet:
        """Compare two systems under every metric; the metrics are the family of the correction."""
        self._require(system, other)
        found = self._judged([(system, other)])
        title = f"{system} against {other}"
        return wording.differences_sheet(found, self.scores, self.settings, title)

    def pairs(self, metric: str) -> Sheet:
        """Compare all pairs of systems under one metric, which are the family of the correction."""
        frame = self._pairs(self.scores.metric(metric).name)
        title = f"All pairs under {metric}, each against the baseline beside it"
        return wording.differences_sheet(
            frame, self.scores, self.settings, title, lead=["baseline"]
        )

    def matrix(
        self,
        metric: str,
        values: Literal["delta", "p", "p_adjusted", "verdict", "n_changed"] = "delta",
    ) -> "pd.DataFrame":
        """Compare all pairs of systems under one metric, which are the family of the correction.

        Parameters
        ----------
        metric : str
            Its name.
        values : {"delta", "p", "p_adjusted", "verdict", "n_changed"}
            What to show.

        Returns
        -------
        DataFrame, shape (n_systems, n_systems)
            The row's system against the column's, best first; missing on the diagonal.
        """
        import pandas as pd

        if values not in _MATRIX_VALUES:
            raise unknown_name("values", values, _MATRIX_VALUES)
        order = self._ranking(self.scores.metric(metric).name)["system"]
        result = pd.DataFrame(index=order.tolist(), columns=order.tolist(), dtype=object)
        for row in each_row(self._pairs(metric)):
            result.loc[row["system"], row["baseline"]] = row[values]
            result.loc[row["baseline"], row["system"]] = turned(row[values], values)
        return result if values == "verdict" else result.astype("float64")

    def only(
        self,
        *,
        systems: Iterable[str] | None = None,
        metrics: Iterable[str] | None = None,
        where: Mapping[str, str] | None = None,
        baseline: str | None = None,
    ) -> "Comparison":
        """Make the same comparison of a part of the same scores.

        Parameters
        ----------
        systems : str or iterable of str, optional
            The systems to keep; the baseline stays.
        metrics : str or iterable of str, optional
            The metrics to keep.
        where : mapping of str to str, optional
            By column, the value of the rows to keep: ``{"style": "feature"}``.
        baseline : str, optional
            Another system to compare with.

        Returns
        -------
        Comparison
            With a family, and so adjusted p-values, of its own.

        Raises
        ------
        BadValue
            If no row is left.
        UnknownName
            If a system, a metric or a column does not exist.
        """
        baseline = baseline or self.settings.baseline
        chosen = None if systems is None else [baseline, *names_of("systems", systems)]
        self._require(baseline, *(chosen or ()))
        scores = self.scores.only(systems=chosen, metrics=metrics, where=where)
        if baseline not in scores.systems:
            raise BadValue(
                f"a part must hold an output of its baseline, but none of {baseline!r} is left of "
                f"{scores.dataset}; choose other values, or another baseline."
            )
        kept = [metric.name for metric in scores.metrics]
        margins = {name: loss for name, loss in self.settings.margins.items() if name in kept}
        return _compared(scores, replace(self.settings, baseline=baseline, margins=margins))

    def assert_not_worse(
        self, margins: Mapping[str, float], *, systems: Iterable[str] | None = None
    ) -> None:
        """Raise unless each system is shown to be at most a margin worse than the baseline.

        Parameters
        ----------
        margins : mapping of str to float
            By metric, the largest loss that does not matter, in the metric's unit, at least 0.
        systems : str or iterable of str, optional
            The systems to look at; all but the baseline by default.

        Raises
        ------
        AssertionError
            If one is worse, or the interval leaves it open.
        BadValue
            If there is nothing to compare: a gate must not pass for want of a system or a margin.
        """
        chosen = self._challengers if systems is None else names_of("systems", systems)
        self._require(*chosen)
        frame = with_margins(self.scores, self.frame, margins)
        frame = frame[frame["system"].isin(chosen) & frame["metric"].isin(margins)]
        if frame.empty:
            raise BadValue(
                "assert_not_worse must have a margin and a system other than the baseline, but "
                f"margins for {some(margins) or 'nothing'} and the systems {some(chosen) or 'none'} "
                f"came, with {self.settings.baseline!r} the baseline; name what to compare."
            )
        failed = each_row(frame[frame["not_worse"] != "yes"])
        if failed:
            told = "; ".join(wording.margin_words(self.scores, row) for row in failed)
            raise AssertionError(
                f"{len(failed)} of {len(frame)} comparisons do not show that a system is not worse "
                f"than {self.settings.baseline}: {told}."
            )

    def _judged(
        self, pairs: list[tuple[str, str]], metrics: list[str] | None = None
    ) -> "pd.DataFrame":
        """Compare pairs of systems, which are a family, under some metrics or under all."""
        records = differences(
            self.scores, self.settings, pairs, metrics=metrics, resampled=self._resampled
        )
        frame = judged(self.scores, self.settings, records)
        return with_worst_case(self.scores, self.settings, frame)

    def _under(self, metric: str | None) -> "pd.DataFrame":
        """Return the differences under one metric, or all."""
        if metric is None:
            return self.frame
        return self.frame[self.frame["metric"] == self.scores.metric(metric).name]

    def _pairs(self, metric: str) -> "pd.DataFrame":
        """Return all pairs under a metric, adjusted among themselves; they are found once."""
        if metric not in self._all_pairs:
            pairs = list(combinations(self.scores.systems, 2))
            self._all_pairs[metric] = self._judged(pairs, [metric])
        return self._all_pairs[metric]

    def _ranking(self, metric: str) -> "pd.DataFrame":
        """Return one metric's part of the leaderboard; it is made once."""
        if metric not in self._rankings:
            self._rankings[metric] = self._ranked(metric)
        return self._rankings[metric]

    def _ranked(self, metric: str) -> "pd.DataFrame":
        found = self.scores.metric(metric)
        frame = intervals(self.scores, self.settings, found, self._resampled)
        pairs = self._pairs(metric)
        # sacrebleu's own tests may reject for identical systems
        changed = (pairs["n_changed"] > 0) & (pairs["delta"] != 0)
        told = pairs[changed & (pairs["p_adjusted"] <= self.settings.alpha)]
        apart = [frozenset(pair) for pair in zip(told["system"], told["baseline"], strict=True)]
        letters = tie_letters(frame["system"].tolist(), apart)
        up = found.direction != "down"
        ranks = frame["score"].rank(method="min", ascending=not up).astype("Int64")
        frame.insert(2, "rank", ranks)
        frame.insert(6, "group", frame["system"].map(letters))
        return frame


def compare(
    scores: Scores,
    *,
    baseline: str | None = None,
    test: Test = "randomisation",
    samples: int | None = None,
    level: float = 0.95,
    correction: FamilyCorrection | None = None,
    interval: IntervalMethod = "auto",
    cluster: str | None = None,
    failures: Failures = "exclude",
    most_failed: float = 0.1,
    margins: Mapping[str, float] | None = None,
    compat: Literal["sacrebleu"] | None = None,
    seed: int | None = None,
    executor: Where = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare every system with a baseline, under every metric.

    Parameters
    ----------
    scores : Scores
        From `score`.
    baseline : str, optional
        The system that the others are compared with; the first by name by default.
    test : {"randomisation", "bootstrap", "mcnemar"}
        Paired approximate randomisation, exact when at most 16 rows changed, and where rows are
        right or wrong; the inverted percentile interval; or McNemar's exact test, which for rows
        that are right or wrong is the randomisation test, and refuses all others.
    samples : int, optional
        Exchanges and resamples, 10,000 by default.
    level : float
        Confidence of the intervals; 1 − level is the level of the tests.
    correction : str, optional
        Over all systems and metrics of this call. "holm", the default, and "max-t" bound the chance
        of any false claim; "max-t" takes the largest statistic of exchanges that all differences
        share, and loses less where they go together. "benjamini-hochberg" and, under any
        dependence, "benjamini-yekutieli" bound the share of false claims; "none" does nothing.
    interval : {"auto", "small-sample", "bca", "percentile"}
        How intervals are found. "auto" takes Wilson's and Newcombe's where rows are right or wrong;
        else, for up to 100 rows or clusters (of a difference: those that changed), Student's t with
        the jackknife's standard error or the empirical likelihood, whichever is wider at an end;
        and percentiles of resamples for more.
    cluster : str, optional
        The column that says which rows belong together and are resampled and exchanged whole. By
        default the column `cluster` where there is one; "row_id" takes each row for itself.
    failures : {"exclude", "worst"}
        Whether rows on which one of two systems failed are left out, or failures count as the
        worst possible output. Either way the result says how far they could matter.
    most_failed : float
        The share of a system's outputs that may have failed under ``failures="exclude"``, 0 to 1: what
        is left of a system that failed more often tells little about it.
    margins : mapping of str to float, optional
        By metric, the largest loss that does not matter; adds `margin` and `not_worse`.
    compat : "sacrebleu", optional
        Compute p-values as sacrebleu 2.6.0 does, bit for bit, with its own defaults: seed 12345,
        10,000 exchanges or 1,000 resamples, no correction, no clusters. Intervals come from its
        resamples, 1,000 at most; those of the leaderboard are the mean and half width it prints.
    seed : int, optional
        Of the random numbers, 0 by default.
    executor : executor or {"auto", "processes", "serial"}
        Where metrics are compared, as in `score`; what is asked later is found here.
    progress : callable, optional
        Called with the metrics done and in all.

    Returns
    -------
    Comparison

    Raises
    ------
    BadValue
        If two systems share no row that both answered, more than `most_failed` of a system's outputs
        failed, or an option cannot be right.
    UnknownName
        If the baseline, the cluster column or a metric with a margin does not exist.

    Notes
    -----
    Resamples draw as many rows, or clusters, as there are, each with all of its repeats: a row's
    outputs of one system are averaged first, so that they never count as rows. The verdict comes
    from the adjusted p-value; the interval is at the same level, without adjustment. How often tests
    reject and intervals cover is measured in `docs/calibration.md`.

    References
    ----------
    Riezler and Maxwell (2005); Phipson and Smyth (2010); Koehn (2004); Newcombe (1998), method 10;
    Efron and Tibshirani (1993), section 11.5; Owen (1990); Holm (1979); Westfall and Young (1993),
    algorithm 4.1; Miller (2024) for clusters.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": str(i), "references": ["yes"]} for i in range(20)])
    >>> outputs = wb.outputs(rows, {"a": ["no"] * 20, "b": ["yes"] * 12 + ["no"] * 8})
    >>> c = wb.compare(wb.score(outputs, rows, [wb.ExactMatch()]), baseline="a")
    >>> print(c.sentences()[0])
    b is better than a by 0.600 exact_match (95 % CI 0.333 to 0.781; adjusted p < 0.001; n = 20).
    """
    if baseline is not None and baseline not in scores.systems:
        raise unknown_name("baseline", baseline, scores.systems)
    if failures == "exclude":
        require_answers(scores, most_failed)
    peer = compat == "sacrebleu"
    settings = Settings(
        baseline=scores.systems[0] if baseline is None else baseline,
        test=test,
        samples=(sacrebleu_tests.SAMPLES.get(test, 0) if peer else 10_000)
        if samples is None
        else samples,
        level=level,
        correction=("none" if peer else "holm") if correction is None else correction,
        interval=interval,
        cluster=cluster,
        failures=failures,
        margins=dict(margins or {}),
        compat=compat,
        seed=(sacrebleu_tests.SEED if peer else 0) if seed is None else seed,
    )
    return _compared(scores, settings, executor, progress)


def _compared(
    scores: Scores,
    settings: Settings,
    executor: Where = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare as the settings say; within a metric the best system comes first."""
    pairs = [(each, settings.baseline) for each in scores.systems if each != settings.baseline]
    metrics, bare, resampled = scores.metrics, scores.without_outputs(), Resampled()
    jobs = (
        (bare, settings, panels_of(scores, settings, [each.name]), pairs, None, resampled)
        for each in metrics
    )
    records: list[dict[str, Any]] = []
    movable = all(metric.movable for metric in metrics)
    with closing(
        spread(within, jobs, len(metrics), executor=executor, movable=movable)
    ) as compared:
        for at, (metric, found) in enumerate(zip(metrics, compared, strict=True), start=1):
            sign = 1 if metric.direction == "down" else -1
            # a system without a score comes last
            records += sorted(found, key=lambda each: (isnan(each["score"]), sign * each["score"]))
            if progress:
                progress(at, len(metrics))
    frame = with_worst_case(scores, settings, judged(scores, settings, records))
    if len(frame) and not frame["n"].any():
        raise BadValue(
            f"two systems must have a row that both answered, but {settings.baseline} shares none "
            "with any other; look at the column 'error', or use failures='worst'."
        )
    if settings.margins:
        frame = with_margins(scores, frame, settings.margins)
    return Comparison(scores, settings, frame, _resampled=resampled)
