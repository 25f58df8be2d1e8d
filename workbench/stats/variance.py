"""Where a variance comes from: rows, systems, what they do together, and repeats.

Every answer is a cell of a crossed layout, row × system × repeat, where systems may be crossed
themselves, such as model × prompt. Mean squares are made of sums over rows, as means are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadValue, require_level, some
from workbench.stats.exact import Array, Exact
from workbench.stats.intervals import small_sample

Source = tuple[str, ...]

_ROW, _REPEAT = "row", "repeat"


class Component(NamedTuple):
    """What one source adds to the variance of single answers.

    Attributes
    ----------
    source : str
        "row", a factor, what some of them do together ("row × system"), or "repeat".
    df : int
        Degrees of freedom of its mean square.
    mean_square : float
        In the values' unit, squared.
    value : float
        The component, in the values' unit, squared; chance may put it below 0. NaN of repeats where
        each row was answered once: then what they add is in the sources that hold rows.
    share, low, high : float
        Its share of the sum of all components, those below 0 taken for 0, and the interval of the
        share; NaN where nothing varies.
    """

    source: str
    df: int
    mean_square: float
    value: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Variance:
    """A variance by its sources, and what that means for a comparison.

    Parameters
    ----------
    components : tuple of Component
        One per source, "repeat" last.
    n, n_clusters, n_systems, n_repeats : int
        Rows, clusters of them, systems, and answers of each system to a row.
    error : float
        Standard error of the difference of two systems' means, as the root mean square over all
        pairs; of the mean itself where there is one system. Over clusters.
    repeat_error : float
        The part of `error` that repeats make: errors add by their squares.
    """

    components: tuple[Component, ...]
    n: int
    n_clusters: int
    n_systems: int
    n_repeats: int
    error: float
    repeat_error: float

    def error_with(self, *, rows: float = 1.0, repeats: float = 1.0) -> float:
        """Return what `error` would be with so many times the rows, or the repeats.

        Parameters
        ----------
        rows, repeats : float
            Above 0; 2 is twice as many, `math.inf` as many as one likes.

        Raises
        ------
        BadValue
            If one is not above 0.
        """
        if not rows > 0 or not repeats > 0:
            raise BadValue(
                f"rows and repeats must be above 0, but {rows} and {repeats} came; 2 is twice as many."
            )
        saved = 0.0 if repeats == 1 else self.repeat_error**2 * (1 - 1 / repeats)
        # what repeats make is an estimate, and may exceed what it is a part of
        return math.sqrt(float(np.maximum(self.error**2 - saved, 0.0)) / rows)


def variance_components(
    values: ArrayLike,
    *,
    factors: Sequence[str] = ("system",),
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Variance:
    """Split the variance of single answers by what it comes from.

    Parameters
    ----------
    values : array of float, shape (n_rows, n_levels of each factor, …, n_repeats)
        One per row, system and repeat; none is missing.
    factors : sequence of str
        The names of the axes between rows and repeats.
    clusters : array, shape (n_rows,), optional
        Which rows belong together, for the intervals and the error; by default each stands for itself.
    level : float
        Confidence of the shares' intervals, between 0 and 1.

    Returns
    -------
    Variance

    Raises
    ------
    BadValue
        If the values are of another shape, one is no number, there are fewer than three rows, or
        three clusters, or the level is out of range.

    Notes
    -----
    An answer is that of one of these systems, drawn evenly, to a row, drawn from as many as there may
    be; its variance is a sum over what is due to the row on the average of all systems, to a system
    on the average of all rows, to what the two do together, and to asking again. Mean squares are
    equated to their expectations (analysis of variance of rows at random and systems as they are,
    method of moments): with s systems, n rows and k repeats σ²_repeat = MS_repeat,
    σ²_row = (MS_row − MS_repeat)/(sk), σ²_row×system = (MS_row×system − MS_repeat)(s − 1)/(sk) and
    σ²_system = (MS_system − MS_row×system)(s − 1)/(nsk). No distribution is assumed.

    Intervals come from the shares without each row, or cluster, in turn (`small_sample`); of 30, 88
    and 300 rows of normal and of exponential effects (200 worlds each) they held the truth in 86 to
    100 %, mostly 93 to 97 %; percentiles of resampled rows, and BCa, in 78 to 99 %, mostly 87 to 94 %.

    References
    ----------
    Searle, Casella and McCulloch (1992), "Variance components", chapter 4, with interactions that add
    to 0 over the fixed factor; Miller (2024), section 3, for what repeats take off a standard error.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(0, 2, (200, 1, 1)) + rng.normal(0, 1, (200, 3, 4))
    >>> found = variance_components(values)
    >>> {each.source: round(each.share, 2) for each in found.components}
    {'row': 0.79, 'system': 0.0, 'row × system': 0.0, 'repeat': 0.21}
    """
    require_level(level)
    numbers, codes = _checked(np.asarray(values, dtype=np.float64), factors, clusters)
    n, *sizes, n_repeats = numbers.shape
    # a factor of one level has no effect to speak of
    levels = {name: size for name, size in zip(factors, sizes, strict=True) if size > 1}
    layout = _Layout(levels, n_repeats)
    # from a value at hand, not the mean: then values that are all the same differ by nothing
    scale = float(np.ptp(numbers)) or 1.0
    flat = ((numbers - numbers.flat[0]) / scale).reshape(n, layout.n_systems, n_repeats)
    units = Exact.of(layout.statistics(flat)).grouped(codes, codes.max() + 1)
    whole = units.sum(axis=0)[None]
    found = layout.components(whole.value())
    shares, left_out = _shares(found)[0], _shares(layout.components((whole - units).value()))
    components = tuple(
        Component(
            " × ".join(source),
            int(layout.freedom(source, np.array(n))),
            float(square[0]) * scale**2,
            float(found[0, at]) * scale**2,
            float(np.maximum(shares[at], 0.0)),
            *np.clip(small_sample(float(shares[at]), left_out[:, at], level), 0.0, 1.0).tolist(),
        )
        for at, (source, square) in enumerate(layout.mean_squares(whole.value()).items())
    )
    n_sides = min(2, layout.n_systems)
    return Variance(
        components,
        n,
        int(codes.max()) + 1,
        layout.n_systems,
        n_repeats,
        error=scale * _error(flat.mean(axis=-1), codes),
        repeat_error=math.sqrt(n_sides * components[-1].value / (n * n_repeats)),
    )


@dataclass(frozen=True)
class _Layout:
    """A crossed layout of rows, factors and repeats."""

    levels: Mapping[str, int]
    n_repeats: int

    @property
    def n_systems(self) -> int:
        """The number of combinations of all factors."""
        return math.prod(self.levels.values())

    @cached_property
    def sources(self) -> list[Source]:
        """Rows, factors, and what some of them do together: single ones first."""
        names = (_ROW, *self.levels)
        return [each for size in range(len(names)) for each in combinations(names, size + 1)]

    @cached_property
    def sets(self) -> list[Source]:
        """The sets of factors, rows left out, the empty one first."""
        return [source[1:] for source in self.sources if source[0] == _ROW]

    def projector(self, chosen: Source) -> Array:
        """Return the matrix that takes, of the figures of all systems, what the chosen factors do."""
        found = np.ones((1, 1))
        for name, size in self.levels.items():
            mean = np.full((size, size), 1 / size)
            found = np.kron(found, np.eye(size) - mean if name in chosen else mean)
        return found

    def freedom(self, source: Source, n: Array) -> Array:
        """Return the degrees of freedom of a source over n rows."""
        if source == (_REPEAT,):
            return n * self.n_systems * (self.n_repeats - 1)
        levels = math.prod(self.levels[name] - 1 for name in source if name != _ROW)
        return levels * (n - 1 if _ROW in source else np.ones_like(n))

    def statistics(self, values: Array) -> Array:
        """Return what is summed over rows: 1, means, their squares by set of factors, squares within."""
        means = values.mean(axis=-1)
        within = ((values - means[..., None]) ** 2).sum(axis=(1, 2))
        squares = [((means @ self.projector(each)) * means).sum(axis=1) for each in self.sets]
        return np.column_stack([np.ones(len(means)), means, *squares, within])

    def mean_squares(self, sums: Array) -> dict[Source, Array]:
        """Return the mean squares of each source, shape (n_sums,), that of repeats last."""
        n, means = sums[:, 0], sums[:, 1 : 1 + self.n_systems]
        whole = dict(zip(self.sets, sums[:, 1 + self.n_systems : -1].T, strict=True))
        found = {}
        for source in self.sources:
            chosen = source[1:] if source[0] == _ROW else source
            square = ((means @ self.projector(chosen)) * means).sum(axis=1) / n
            square = whole[chosen] - square if source[0] == _ROW else square
            found[source] = self.n_repeats * square / self.freedom(source, n)
        with np.errstate(invalid="ignore"):  # of one repeat: 0 / 0
            found[_REPEAT,] = sums[:, -1] / self.freedom((_REPEAT,), n)
        return found

    def components(self, sums: Array) -> Array:
        """Return the components of each source, shape (n_sums, n_sources), that of repeats last."""
        squares = self.mean_squares(sums)
        noise = squares[_REPEAT,] if self.n_repeats > 1 else 0.0
        found = []
        for source in self.sources:
            with_row = source[0] == _ROW
            chosen = source[1:] if with_row else source
            # of what factors do, chance over rows is taken off; of what rows do, that of repeats
            gap = squares[source] - (noise if with_row else squares[_ROW, *source])
            weight = self.freedom(chosen, sums[:, 0]) / (self.n_systems * self.n_repeats)
            found.append(gap * weight / (1.0 if with_row else sums[:, 0]))
        return np.column_stack([*found, squares[_REPEAT,]])


def _checked(
    values: Array, factors: Sequence[str], clusters: ArrayLike | None
) -> tuple[Array, NDArray[np.integer[Any]]]:
    """Return the values, and the number of each row's cluster."""
    if strange := [name for name in factors if name in {_ROW, _REPEAT}]:
        raise BadValue(
            f"factors must have names of their own, but {some(strange)} came; rename it."
        )
    if values.ndim != len(factors) + 2 or len(set(factors)) < len(factors) or 0 in values.shape:
        raise BadValue(
            f"values must have an axis for rows, one for each factor ({some(factors) or 'none'}) and one "
            f"for repeats, but an array of shape {values.shape} came; name its other axes."
        )
    if lost := int((~np.isfinite(values)).sum()):
        raise BadValue(
            f"values must be numbers, but {lost} of {values.size} are not; leave such rows out, and say so."
        )
    names = np.arange(len(values)) if clusters is None else np.asarray(clusters)
    if names.shape != (len(values),):
        raise BadValue(
            f"each row must have a cluster, but {len(values)} rows and clusters of shape {names.shape} "
            "came; give one per row."
        )
    found, codes = np.unique(names, return_inverse=True)
    if len(found) < 3:
        raise BadValue(
            f"a variance over rows needs at least three of them, in three clusters, but {len(values)} in "
            f"{len(found)} came; answer more rows."
        )
    return values, codes


def _shares(components: Array) -> Array:
    """Return components over the sum of those above 0; one below 0 keeps its sign, for its interval."""
    total = np.nansum(np.maximum(components, 0.0), axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # where nothing varies: 0 / 0
        return np.asarray(components / total)


def _error(means: Array, codes: NDArray[np.integer[Any]]) -> float:
    """Return the standard error of a difference over clusters (CR1), root mean square over pairs."""
    n, n_systems = means.shape
    gaps = means - means.mean(axis=0)
    if n_systems > 1:
        gaps = gaps - gaps.mean(axis=1, keepdims=True)
    sums = np.zeros((codes.max() + 1, n_systems))
    np.add.at(sums, codes, gaps)
    share = 2 / (n_systems - 1) if n_systems > 1 else 1.0
    spread = len(sums) / (len(sums) - 1) * float((sums**2).sum())
    return float(math.sqrt(share * spread) / n)
