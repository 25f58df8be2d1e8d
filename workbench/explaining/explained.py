"""The questions that a comparison answers about where and why two systems differ."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from workbench import wording
from workbench.contrasts import Settings
from workbench.display import Sheet
from workbench.errors import BadValue, names_of, require_whole, unknown_name
from workbench.explaining import slicing
from workbench.explaining.ngram_habits import habits
from workbench.explaining.row_effects import disagreements, influences
from workbench.explaining.variation import variance_sheet
from workbench.metrics.base import Metric
from workbench.metrics.scoring import Scores
from workbench.pairing import side_by_side
from workbench.stats.corrections import FamilyCorrection

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Explained:
    """Scores that were compared, and what explains their differences.

    Parameters
    ----------
    scores : Scores
        What is compared.
    settings : Settings
        How.
    """

    scores: Scores
    settings: Settings

    def slices(
        self,
        by: str | Sequence[str] | None = None,
        *,
        metrics: Sequence[str] | None = None,
        correction: FamilyCorrection | None = None,
        combine: Literal[1, 2] = 1,
        n_buckets: int = 4,
        least: int = 20,
    ) -> Sheet:
        """Compare within slices of the rows: where is a system better?

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns of the dataset, at most 50 values each, and built-in buckets: "reference_length",
            "source_length" (words), "length_ratio" (mean length of both outputs over that of the
            references), "lexical_rarity" (mean bits per word of the input), "edit_distance" (share
            of words not common to both outputs). By default all of them that are the same for every
            output of a row.
        metrics : str or sequence of str, optional
            All by default.
        correction : str, optional
            Over all slices, systems and metrics of this call. "benjamini-hochberg", the default for
            one column, bounds the share of false discoveries; "benjamini-yekutieli", the default
            where slices overlap (of several columns, or of one whose values differ within a row),
            does so under any dependence; "holm" and "max-t"
            bound the chance of any. "max-t" is the default, and the only one, where slices are
            combined. "none" does nothing.
        combine : {1, 2}
            2 adds what slices of two columns have in common.
        n_buckets : int
            Of each built-in measure, by its quantiles.
        least : int
            The fewest rows of a combination, at least 1.

        Returns
        -------
        Sheet
            Its frame has `slice` (the column) and `value` before the columns of `frame`, and
            `row_ids`, the rows of the slice, after them.

        Raises
        ------
        BadValue
            If a column has more than 50 values, combined slices are to be corrected otherwise,
            there is nothing to slice by or to measure for a bucket, or a number is out of range.
        UnknownName
            If there is no such column, metric or correction.

        Notes
        -----
        Every built-in measure stays the same when two systems exchange an output; slices by what
        one system alone wrote would find differences where there are none.

        References
        ----------
        Benjamini and Hochberg (1995); Benjamini and Yekutieli (2001); Westfall and Young (1993),
        algorithm 4.1 (max-T, step-down).
        """
        if combine not in (1, 2):
            raise unknown_name("combine", combine, (1, 2))
        if combine == 2 and correction not in {None, "max-t"}:
            raise BadValue(
                "combined slices are found by looking at many, and must be corrected by 'max-t', but "
                f"correction={correction!r} came; leave it out."
            )
        pairs = [(system, self.settings.baseline) for system in self._challengers]
        require_whole("least", least, 1, usual=20)
        columns = None if by is None else names_of("by", by)
        wanted = None if metrics is None else names_of("metrics", metrics)
        slices = slicing.slices_by(self.scores, columns, pairs, n_buckets)
        names = list(dict.fromkeys(each.column for each in slices))
        slices += slicing.combined(slices, least) if combine == 2 else []
        chosen = correction or slicing.fitting(self.scores, names, combine)
        frame = slicing.compared(
            self.scores, self.settings, slices, metrics=wanted, correction=chosen
        )
        title = f"Differences from {self.settings.baseline} by {' and '.join(names)}"
        return wording.differences_sheet(
            frame,
            self.scores,
            replace(self.settings, compat=None),
            title + (", and two at a time" if combine == 2 else ""),
            lead=["slice", "value"],
            correction=chosen,
        )

    def ngrams(
        self,
        system: str,
        other: str | None = None,
        *,
        longest: int = 4,
        correction: FamilyCorrection = "benjamini-hochberg",
        n: int = 20,
    ) -> Sheet:
        """Show the n-grams that one system writes, or misses, more than another.

        Parameters
        ----------
        system, other : str
            The systems; the other is the baseline by default.
        longest : int
            The most words of an n-gram, 1 to 8.
        correction : {"benjamini-hochberg", "benjamini-yekutieli", "holm", "none"}
            Over all n-grams that are tested.
        n : int
            Number of lines shown; the frame holds all.

        Returns
        -------
        Sheet
            Its frame, the surest first: `ngram`; `kind` ("extra": beyond what any reference of the
            row has; "missed": what all of them have and the output lacks; "produced" where there
            are no references); `more`, the system that has more of it; `count` and `other_count` of
            the two systems; `n_more` and `n_fewer`, rows (or clusters) where the system has more or
            fewer than the other; `log_odds` with `ci_low` and `ci_high`; `p`; `p_adjusted`;
            `verdict` ("more", "fewer", "undecided", of the system); `row_ids`, the rows where
            `more` has more.

        Raises
        ------
        BadValue
            If the systems are one or share no row, or `longest` is out of range.

        Notes
        -----
        Rows without references are left out where others have them, and counted in the caption.
        The sign test counts rows, so that a row that repeats itself counts once. Tested are the
        n-grams on which the systems differ in so many rows that they could be told apart among as
        many (Tarone); one inside a longer one used alike is left out. The interval of the log odds
        takes occurrences as independent; the p-value does not.

        References
        ----------
        Dixon and Mood (1946); Tarone (1990); Monroe, Colaresi and Quinn (2008).
        """
        require_whole("n", n, 0, usual=20)
        pair = self._pair(system, other)
        found = habits(self.scores, self.settings, pair, longest=longest, correction=correction)
        return wording.ngrams_sheet(
            found.frame, self.scores, self.settings, pair,
            n=n, correction=correction, n_found=found.n_found, least=found.least,
            n_left_out=found.n_left_out,
        )  # fmt: skip

    def influence(
        self,
        system: str,
        other: str | None = None,
        metric: str | None = None,
        *,
        rows: Sequence[str] | None = None,
        n: int = 10,
    ) -> Sheet:
        """Show the rows that make the difference of two systems.

        Parameters
        ----------
        system, other : str
            The systems; the other is the baseline by default.
        metric : str, optional
            The first by default.
        rows : str or sequence of str, optional
            The rows to look at, such as the `row_ids` of a slice; all by default.
        n : int
            Number of lines shown; the frame holds all rows.

        Returns
        -------
        Sheet
            Its frame has the columns of `by_row`, also of failures that count, and, the row that
            makes most first: `contribution`, what the difference loses when the row is made a tie; `share` of the
            difference; `influence`, what it loses without the row, exactly; `delta_without` the
            row; `delta_rest` without the row and all above it.

        Raises
        ------
        BadValue
            If the systems are one, or there is no row that both answered.

        References
        ----------
        Cook and Weisberg (1982), section 3.4, for influence by leaving out one.
        """
        require_whole("n", n, 0, usual=10)
        chosen = self._metric(metric)
        pair = self._pair(system, other)
        frame, total = influences(self.scores, self.settings, chosen, pair, rows)
        return wording.influence_sheet(frame, total, chosen, pair, n)

    def disagreements(
        self,
        system: str | None = None,
        other: str | None = None,
        *,
        metrics: Sequence[str] | None = None,
        n: int = 10,
    ) -> Sheet:
        """Show the rows on which the metrics disagree most about two systems.

        Parameters
        ----------
        system, other : str, optional
            The systems; by default all, and the baseline.
        metrics : str or sequence of str, optional
            At least two with a direction, each once; all by default.
        n : int
            Number of lines shown; the frame holds all rows.

        Returns
        -------
        Sheet
            Its frame: `row_id`, `system`, `baseline`, the texts; `favours` and `opposes`, the
            metrics that see most and least in the system; `spread`, how far they are apart, each
            in units of the root mean square of its differences; `opposite`, whether metrics put
            different systems ahead; `delta_…` of each metric.

        Raises
        ------
        BadValue
            If fewer than two metrics have a direction, one is named twice, or there are
            no two systems.
        """
        require_whole("n", n, 0, usual=10)
        systems = [s for s in self._challengers if s != other] if system is None else [system]
        pairs = [self._pair(each, other) for each in systems]
        wanted = None if metrics is None else names_of("metrics", metrics)
        chosen = self.scores.metrics if wanted is None else [*map(self.scores.metric, wanted)]
        return wording.disagreements_sheet(disagreements(self.scores, chosen, pairs), n)

    def variance(self, metric: str | None = None, *, by: Sequence[str] | None = None) -> Sheet:
        """Show how much of the variance of single outputs is due to rows, systems and repeats.

        Parameters
        ----------
        metric : str, optional
            The first by default.
        by : str or sequence of str, optional
            Columns of OUTPUTS that cross the systems in full, such as ``["model", "prompt"]``: then
            each is a source of its own. By default the systems are one.

        Returns
        -------
        Sheet
            Its frame, a line for each source ("row", "system", "row × system", "repeat"): `metric`,
            `source`, `df`, `mean_square`, `value` (the component; chance may put it below 0), `share`
            with `ci_low` and `ci_high`, `n` rows, `n_repeats`, `signature`. Its caption says what
            twice the rows, and more repeats, would make of the standard error of a difference.

        Raises
        ------
        BadValue
            If `by` does not tell the systems apart, or fewer than three rows, or clusters, are complete.
        UnknownName
            If a column does not exist.

        Notes
        -----
        Rows that not all systems answered equally often are left out, and counted. Values are those of
        each output by itself, also under a metric that is no mean. See `workbench.stats.variance`.

        References
        ----------
        Searle, Casella and McCulloch (1992), chapter 4; Miller (2024), section 3.
        """
        return variance_sheet(self.scores, self.settings, self._metric(metric), by)

    def examples(
        self,
        system: str,
        other: str | None = None,
        *,
        metric: str | None = None,
        sort: Literal["gain", "loss", "size"] = "gain",
        n: int = 5,
    ) -> Sheet:
        """Show the rows on which two systems differ most.

        Parameters
        ----------
        system, other : str
            The systems; the other is the baseline by default.
        metric : str, optional
            The first by default.
        sort : {"gain", "loss", "size"}
            Rows where the system gains most, loses most, or either.
        n : int
            Number of rows.

        Returns
        -------
        Sheet
            Its frame: `row_id`, `input`, `references`, `text`, `other_text`, `value`,
            `other_value`, `delta`; of repeats the first text and the mean value.

        Raises
        ------
        BadValue
            If the systems are one.
        """
        require_whole("n", n, 0, usual=5)
        system, other = self._pair(system, other)
        chosen = self._metric(metric)
        frame = self.by_row(system, other, metric=chosen.name)
        gain = frame["delta"] * (-1 if chosen.direction == "down" else 1)
        sizes = {"gain": gain, "loss": -gain, "size": gain.abs()}
        if sort not in sizes:
            raise unknown_name("sort", sort, sizes)
        size = sizes[sort][sizes[sort] > 0]
        order = size.sort_values(ascending=False, kind="stable").index[:n]
        frame = frame.loc[order].reset_index(drop=True)
        return wording.examples_sheet(frame, chosen, system, other, sort)

    def by_row(
        self, system: str, other: str | None = None, *, metric: str | None = None
    ) -> "pd.DataFrame":
        """Return the rows that two systems answered, with the texts and the values of both.

        Parameters
        ----------
        system, other : str
            The systems; the other is the baseline by default.
        metric : str, optional
            The first by default.

        Returns
        -------
        DataFrame
            `row_id`, `input`, `references`, `text`, `other_text`, `value`, `other_value`, `delta`,
            in the dataset's order; of repeats the first text and the mean value.

        Raises
        ------
        BadValue
            If the systems are one.
        """
        return side_by_side(self.scores, self._metric(metric).name, *self._pair(system, other))

    @property
    def _challengers(self) -> list[str]:
        return [s for s in self.scores.systems if s != self.settings.baseline]

    def _metric(self, name: str | None) -> Metric:
        return self.scores.metrics[0] if name is None else self.scores.metric(name)

    def _pair(self, system: str, other: str | None) -> tuple[str, str]:
        other = other or self.settings.baseline
        self._require(system, other)
        if system == other:
            raise BadValue(
                f"two systems must be named that are not the same, but {system!r} came against itself; "
                "name another one."
            )
        return system, other

    def _require(self, *systems: str) -> None:
        for system in systems:
            if system not in self.scores.systems:
                raise unknown_name("system", system, self.scores.systems)
