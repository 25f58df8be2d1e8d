"""Figures of all answers that a system gave to a row: pass@k, pass^k, majority and agreement."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadValue, require_whole
from workbench.metrics.base import Array, Mean, Metric, option, parted
from workbench.metrics.matching import ExactMatch
from workbench.stats.passing import pass_at_k, pass_hat_k

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]

_ESTIMATES = {"@": pass_at_k, "^": pass_hat_k}


class OfRepeats(Mean):
    """A figure of all outputs that a system has of a row, made with another metric.

    Each of them bears the row's value, so that a row weighs one, whatever the number of its
    repeats, and rows are resampled whole. A row without a value is marked by a note.
    """

    of: Metric
    notes: ClassVar[tuple[str, ...]] = ("too few repeats",)

    @property
    def inner(self) -> Metric | None:
        """The metric whose values `over` needs, if any."""
        return self.of

    @property
    def movable(self) -> bool:
        """As the other metric."""
        return self.of.movable

    def _ends(self) -> tuple[float | None, float | None]:
        """Return no bounds: a row's value with other answers is not to be had from one of them."""
        return None, None

    def scorable(self, outputs: "pd.DataFrame") -> NDArray[np.bool_]:
        """Tell for each output whether the other metric can score it."""
        return self.of.scorable(outputs)

    def statistics(self, outputs: "pd.DataFrame") -> Array:
        """Return value, count and note of each output, of rows with all of their outputs."""
        if self.inner is None:
            return self.over(outputs, np.ones(len(outputs)))
        found, _ = parted(self.inner, np.asarray(self.inner.statistics(outputs)))
        return self.over(outputs, self.inner.aggregate(found))

    def over(self, outputs: "pd.DataFrame", values: Array) -> Array:
        """Return value, count and note of each output.

        Parameters
        ----------
        outputs : DataFrame
            OUTPUTS joined with ROWS, those that cannot be scored too.
        values : array of float, shape (n_outputs,)
            The value of each output under `inner`, or 1 where that is None; NaN where the output
            cannot be scored.
        """
        found = np.full((len(outputs), 3), np.nan)
        counted = ~np.isnan(values)
        measure = self._measure(outputs, values)
        for places in _groups(outputs, counted):
            value = measure(places)
            found[places] = (np.nan, np.nan, 1.0) if value is None else (value, 1.0, 0.0)
        return found

    @abstractmethod
    def _measure(self, outputs: "pd.DataFrame", values: Array) -> Callable[[Ints], float | None]:
        """Return what gives a row's value from the places of its outputs, None if they are too few."""


def _groups(outputs: "pd.DataFrame", counted: NDArray[np.bool_]) -> Iterator[Ints]:
    """Yield the places of the outputs that count, those of a row and a system together."""
    codes = outputs.groupby(["row_id", "system"], sort=False).ngroup().to_numpy()
    places = np.flatnonzero(counted)
    places = places[np.argsort(codes[places], kind="stable")]
    if len(places):
        yield from np.split(places, np.flatnonzero(np.diff(codes[places])) + 1)


def _inside(signature: str) -> str:
    """Write a signature so that it can stand within another."""
    return f"({signature.replace('|', ',')})"


class _Passed(OfRepeats):
    """What `PassAtK` and `PassHatK` share."""

    k: int
    failed: Literal["exclude", "wrong"]
    sign: ClassVar[str]

    def __post_init__(self) -> None:
        option("failed", self.failed, ("exclude", "wrong"))
        require_whole("k", self.k, 1, usual=1)
        object.__setattr__(self, "name", self.name or f"pass{self.sign}{self.k}")

    @property
    def signature(self) -> str:
        """k, the metric that says what has passed, and what failed outputs count as."""
        return (
            f"pass{self.sign}k|k:{self.k}|of:{self.of.name}{_inside(self.of.signature)}"
            f"|failed:{self.failed}|version:wb1"
        )

    def _ends(self) -> tuple[float | None, float | None]:
        """Return the bounds where a row's value is the mean of its answers."""
        return self.bounds if self.k == 1 else (None, None)

    def over(self, outputs: "pd.DataFrame", values: Array) -> Array:
        """Return value, count and note of each output."""
        strange = ~np.isnan(values) & (values != 0) & (values != 1)
        if strange.any():
            at = int(np.flatnonzero(strange)[0])
            raise BadValue(
                f"{self.name} needs outputs that are right or wrong, but {self.of.name} gave "
                f"{values[at]:g} to output {outputs['output_id'].iloc[at]!r}; make it of a metric "
                "such as wb.ExactMatch()."
            )
        return super().over(outputs, np.nan_to_num(values) if self.failed == "wrong" else values)

    def _measure(
        self,
        outputs: "pd.DataFrame",  # noqa: ARG002 - the values say it all
        values: Array,
    ) -> Callable[[Ints], float | None]:
        estimate = cache(_ESTIMATES[self.sign])

        def measure(places: Ints) -> float | None:
            n, c = len(places), int(values[places].sum())
            return None if n < self.k else estimate(n, c, self.k)

        return measure


@dataclass(frozen=True)
class PassAtK(_Passed):
    """pass@k: the chance that at least one of k answers to a row is right, unbiased, 0 to 1.

    Parameters
    ----------
    of : Metric
        What says whether an answer is right: a metric that gives each output 1 or 0.
    k : int
        How many answers one may give.
    failed : {"exclude", "wrong"}
        Whether an output that `of` cannot score is no attempt, or one that went wrong.
    name : str
        The name in tables; "pass@k" with the number by default.

    Notes
    -----
    A row with n attempts of which c are right has 1 − C(n − c, k) / C(n, k). A row with fewer than k
    attempts has no value and is counted. For k above 1 there is no ``failures="worst"``:
    ``failed="wrong"`` says it rightly.

    References
    ----------
    Chen et al. (2021), equation 1.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "2 + 2", "references": ["4"]}])
    >>> outputs = wb.outputs(rows, {"a": [["4", "5", "4", "22"]]})
    >>> scores = wb.score(outputs, rows, [PassAtK(k=1), PassAtK(k=2), PassHatK(k=2)])
    >>> scores.frame.groupby("metric")["value"].mean().round(3).to_dict()
    {'pass@1': 0.5, 'pass@2': 0.833, 'pass^2': 0.167}
    """

    of: Metric = field(default_factory=ExactMatch)
    k: int = 1
    failed: Literal["exclude", "wrong"] = "exclude"
    name: str = ""
    sign = "@"


@dataclass(frozen=True)
class PassHatK(_Passed):
    """pass^k: the chance that all of k answers to a row are right, unbiased, 0 to 1.

    Parameters
    ----------
    of : Metric
        What says whether an answer is right: a metric that gives each output 1 or 0.
    k : int
        How many answers must be right.
    failed : {"exclude", "wrong"}
        Whether an output that `of` cannot score is no attempt, or one that went wrong.
    name : str
        The name in tables; "pass^k" with the number by default.

    Notes
    -----
    A row with n attempts of which c are right has C(c, k) / C(n, k); of rows with fewer than k
    attempts, see `PassAtK`.

    References
    ----------
    Yao et al. (2024).

    Examples
    --------
    >>> PassHatK(k=3).signature
    'pass^k|k:3|of:exact_match(nrefs:?,norm:squad,version:wb1)|failed:exclude|version:wb1'
    """

    of: Metric = field(default_factory=ExactMatch)
    k: int = 1
    failed: Literal["exclude", "wrong"] = "exclude"
    name: str = ""
    sign = "^"


@dataclass(frozen=True)
class MajorityVote(OfRepeats):
    """Majority vote: the share of rows whose most frequent answer is right, 0 to 1.

    Parameters
    ----------
    of : Metric
        What says which answer an output gives (`answers`) and whether it is right.
    name : str
        The name in tables.

    Notes
    -----
    Of several answers that are equally frequent one is drawn: the value is the share of them that
    is right. An output without an answer has no vote; where none has one, the value is the mean of
    `of`. A row with one output is that output.

    References
    ----------
    Wang et al. (2023), "Self-consistency improves chain of thought reasoning in language models",
    section 2.

    Examples
    --------
    >>> MajorityVote().signature
    'vote:majority|of:exact_match(nrefs:?,norm:squad,version:wb1)|version:wb1'
    """

    of: Metric = field(default_factory=ExactMatch)
    name: str = "majority_vote"

    @property
    def signature(self) -> str:
        """The metric that says which answers are equal and which are right."""
        return f"vote:majority|of:{self.of.name}{_inside(self.of.signature)}|version:wb1"

    def _measure(self, outputs: "pd.DataFrame", values: Array) -> Callable[[Ints], float | None]:
        answers = _answers(self.of, outputs, values)

        def measure(places: Ints) -> float:
            votes = Counter(answers[at] for at in places if answers[at] is not None)
            most = max(votes.values(), default=0)
            chosen = [at for at in places if votes[answers[at]] == most]
            return float(values[chosen].mean())

        return measure


@dataclass(frozen=True)
class SelfConsistency(OfRepeats):
    """Self-consistency: how far a system's answers to a row agree with each other, 0 to 1.

    Parameters
    ----------
    of : Metric
        What says which answer an output gives (`answers`); references are not needed.
    measure : {"pairs", "majority"}
        The share of pairs of answers that are equal, or the share of the most frequent answer. The
        first does not depend on how often one asked; the second falls with it.
    name : str
        The name in tables.

    Notes
    -----
    A row with fewer than two answers has no value and is counted. An output without an answer, such
    as an unparsed one, agrees with none.

    References
    ----------
    Wang et al. (2023), section 3.4 for the share of the majority.

    Examples
    --------
    >>> SelfConsistency().signature
    'agree:pairs|of:exact_match(norm:squad,version:wb1)|version:wb1'
    """

    of: Metric = field(default_factory=ExactMatch)
    measure: Literal["pairs", "majority"] = "pairs"
    name: str = "self_consistency"
    inner = None

    def __post_init__(self) -> None:
        option("measure", self.measure, ("pairs", "majority"))

    @property
    def signature(self) -> str:
        """The measure, and the metric that says which answers are equal."""
        told = self.of.signature.replace("nrefs:?|", "")
        return f"agree:{self.measure}|of:{self.of.name}{_inside(told)}|version:wb1"

    def _measure(self, outputs: "pd.DataFrame", values: Array) -> Callable[[Ints], float | None]:
        answers = _answers(self.of, outputs, values)
        share = _equal_pairs if self.measure == "pairs" else _of_majority

        def measure(places: Ints) -> float | None:
            n_equal = Counter(answers[at] for at in places if answers[at] is not None)
            return None if len(places) < 2 else share(len(places), n_equal.values())

        return measure


def _equal_pairs(n: int, n_equal: Collection[int]) -> float:
    return sum(each * (each - 1) for each in n_equal) / (n * (n - 1))


def _of_majority(n: int, n_equal: Collection[int]) -> float:
    return max(n_equal, default=0) / n


def _answers(of: Metric, outputs: "pd.DataFrame", values: Array) -> dict[int, Hashable]:
    """Return the answers of outputs that have a value, by place."""
    places = np.flatnonzero(~np.isnan(values)).tolist()
    return dict(zip(places, of.answers(outputs.iloc[places]), strict=True))
