"""Which signature explains a published figure: every one is tried, and all that fit are shown."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np

from workbench import tables
from workbench.display import Sheet, number, plain
from workbench.errors import BadKind, BadValue, Unreadable, some, unknown_name
from workbench.metrics.base import Array, Metric
from workbench.metrics.bleu import BLEU, Smoothing, Tokenizer
from workbench.metrics.chrf import ChrF
from workbench.metrics.grouping import Groups
from workbench.metrics.rouge import ROUGE
from workbench.metrics.scoring import bounded
from workbench.metrics.ter import TER

if TYPE_CHECKING:
    import pandas as pd

    Published: TypeAlias = float | str | Mapping[str, float | str]

# With more references than this not every choice of them is tried.
_MOST_CHOSEN = 3
_BOTH = (False, True)
# The last bit of a figure does not decide whether it was rounded up or down.
_SLACK = 1e-9


@dataclass(frozen=True)
class _Figure:
    """A published figure, and half a unit of its last decimal place."""

    told: str
    value: float
    half: float


@dataclass(frozen=True)
class _Tried:
    """One way to score: the metric, which references, and the figure of each system."""

    metric: Metric
    references: str
    n_references: str
    figures: Array


@dataclass(frozen=True)
class _Texts:
    """What is scored: outputs in the order of their systems, and the choices of references."""

    frame: "pd.DataFrame"
    starts: Sequence[int]
    choices: Mapping[str, "pd.Series[Any]"]

    def sums(self, statistics: Array) -> Array:
        """Add statistics up by system."""
        return np.add.reduceat(statistics, self.starts, axis=0)


def find_signature(
    published: "Published",
    outputs: "pd.DataFrame",
    rows: "pd.DataFrame",
    *,
    metric: str = "bleu",
    n: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> Sheet:
    """Find which options of a metric explain a published figure.

    Parameters
    ----------
    published : float, str, or mapping of system to these
        The figure as it was published. Write "40.20" as a text where its last place is a nought.
        The figures of several systems tell more options apart than that of one.
    outputs : DataFrame
        OUTPUTS, one output per row and system; of one system unless `published` names several.
    rows : DataFrame
        ROWS with references.
    metric : {"bleu", "chrf", "ter", "rouge1", "rouge2", "rougeL", "rougeLsum"}
        Which metric the figure is of.
    n : int
        How many different figures to show where none matches.
    progress : callable, optional
        Called with the units of work done and in all.

    Returns
    -------
    Sheet
        Its frame has a row for each combination of options that gives the published figures,
        rounded as they are; where there is none, the `n` nearest. Columns: the options of the
        metric that were varied, `references` (which ones of each row, from 1), `scale` (100 where
        a figure between 0 and 1 was published in percent, 0.01 the other way round), `system`
        (the one that fits worst), `published`, `score`, `difference`, `matches`, `n` (outputs) and
        `signature`. Options that make no difference share a line as it is shown.

    Raises
    ------
    BadKind
        If a published figure is neither a number nor the text of one.
    BadValue
        If a figure is not finite, a system has no text or several outputs for a row, or a row has
        no references.
    UnknownName
        If the metric or a system is unknown.

    Notes
    -----
    Tried are all tokenizers that are installed, case, smoothing with its usual value, and each
    choice of up to three references (of more: each alone, and the first two, three, …). A match
    shows that a signature could have made the figure, not that it did.

    References
    ----------
    Post (2018), section 3, for how far these options move BLEU.

    Examples
    --------
    >>> import workbench as wb
    >>> rows = wb.read([{"input": "", "references": ["The cat sat, as ever, on the mat"]}])
    >>> outputs = wb.outputs(rows, {"a": ["the cat sat, as always, on the mat"]})
    >>> find_signature(50.0, outputs, rows).frame[["tokenize", "lowercase", "smooth_method"]]
      tokenize  lowercase smooth_method
    0     none       True           exp
    1     none       True         floor
    2     none       True          none
    """
    if metric not in _TRIED:
        raise unknown_name("metric", metric, _TRIED)
    texts, figures = _prepared(published, outputs, rows)
    if n < 1:
        raise BadValue(f"n must be at least 1, but {n} came; ask for a line or more.")
    left_out: list[str] = []
    tried = list(_TRIED[metric](texts, left_out, progress or (lambda _done, _total: None)))
    frame = _compared(tried, figures, texts)
    return _sheet(frame, figures, metric, left_out, n)


# --- what came ------------------------------------------------------------------------------


def _prepared(
    published: "Published", outputs: "pd.DataFrame", rows: "pd.DataFrame"
) -> tuple[_Texts, dict[str, _Figure]]:
    """Check what came, and arrange it by system."""
    import pandas as pd

    given = tables.OUTPUTS.check(outputs, source="outputs")
    known = tables.ROWS.check(rows, source="rows")
    if "references" not in known:
        raise BadValue(
            "a signature is found against references, but ROWS came without the column "
            "'references'; add it."
        )
    systems = sorted(given["system"].unique())
    figures = _figures(published, systems)
    failed = given["text"].isna() | (given["error"].notna() if "error" in given else False)
    kept = given[given["system"].isin(figures) & ~failed].sort_values("system", kind="stable")
    _require_one_each(kept, figures)
    strange = kept.loc[~kept["row_id"].isin(known["row_id"]), "row_id"]
    if len(strange):
        raise unknown_name("row_id in OUTPUTS", strange.iloc[0], known["row_id"])
    references = dict(zip(known["row_id"], known["references"], strict=True))
    lists = pd.Series([references[row] for row in kept["row_id"]], index=kept.index, dtype=object)
    if len(bare := kept.loc[lists.map(len) == 0, "row_id"]):
        raise BadValue(
            f"a signature is found against references, but row {bare.iloc[0]!r} has none; add them."
        )
    frame = pd.DataFrame({"row_id": kept["row_id"], "text": kept["text"], "references": lists})
    order = kept["system"].tolist()
    starts = [at for at, name in enumerate(order) if not at or order[at - 1] != name]
    return _Texts(frame, starts, _choices(lists)), dict(sorted(figures.items()))


def _figures(published: "Published", systems: Sequence[str]) -> dict[str, _Figure]:
    """Return the figure of each system that has one."""
    if isinstance(published, Mapping):
        if not published:
            raise BadValue("published must name a system or more, but no figure came; give one.")
        if strange := [name for name in published if name not in systems]:
            raise unknown_name("a system of published", strange[0], systems)
        return {name: _figure(told) for name, told in published.items()}
    if len(systems) != 1:
        raise BadValue(
            f"one published figure needs the outputs of one system, but those of {some(systems)} "
            "came; write published={system: figure}."
        )
    return {systems[0]: _figure(published)}


def _figure(told: float | str) -> _Figure:
    if isinstance(told, bool) or not isinstance(told, (int, float, str)):
        raise BadKind(
            f"a published figure must be a number or the text of one, but a {type(told).__name__} "
            "came; write it as it was published."
        )
    text = told.strip() if isinstance(told, str) else repr(float(told))
    if isinstance(told, int):
        text = str(told)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or not math.isfinite(float(exact)):
        raise BadValue(
            f"a published figure must be a finite number such as 40.23, but {text!r} came; write it "
            "so, without a sign of percent."
        )
    return _Figure(text, float(exact), 0.5 * 10.0 ** int(exact.as_tuple().exponent))


def _require_one_each(kept: "pd.DataFrame", figures: Mapping[str, _Figure]) -> None:
    there = set(kept["system"])
    if silent := [name for name in figures if name not in there]:
        raise BadValue(
            f"a system must have texts to be scored, but all outputs of {some(silent)} failed; look "
            "at the column 'error'."
        )
    if len(doubled := kept[kept.duplicated(["row_id", "system"])]):
        raise BadValue(
            "a published figure is of one output per row and system, but row "
            f"{doubled['row_id'].iloc[0]!r} has several; keep one repeat."
        )


def _choices(references: "pd.Series[Any]") -> "dict[str, pd.Series[Any]]":
    """Return choices of references by name; where rows have unequal numbers, of those that all have."""
    fewest, most = int(references.map(len).min()), int(references.map(len).max())
    if fewest <= _MOST_CHOSEN:
        chosen = [each for k in range(1, fewest + 1) for each in combinations(range(fewest), k)]
    else:
        chosen = [(at,) for at in range(fewest)] + [tuple(range(k)) for k in range(2, fewest + 1)]
    named = {
        "+".join(str(at + 1) for at in places): references.map(
            lambda each, places=places: [each[at] for at in places]
        )
        for places in chosen
    }
    return named | ({"all": references} if most > fewest else {})


# --- what is tried --------------------------------------------------------------------------

Report: TypeAlias = Callable[[int, int], None]
Trier: TypeAlias = Callable[[_Texts, list[str], Report], Iterator[_Tried]]


def _bleu(texts: _Texts, left_out: list[str], report: Report) -> Iterator[_Tried]:
    """Try BLEU: texts are tokenised once for all references, and counted once for all smoothings."""
    groups = {name: Groups.of(each) for name, each in texts.choices.items()}
    known = list(dict.fromkeys(text for each in texts.frame["references"] for text in each))
    place = {text: at for at, text in enumerate(known)}
    counted = list(product(get_args(Tokenizer), _BOTH))
    for done, (tokenize, lowercase) in enumerate(counted, start=1):
        metric = BLEU(tokenize, lowercase)
        try:
            outputs, references, span = metric.tokens(texts.frame["text"].tolist(), known)
        except Unreadable:
            if tokenize not in left_out:
                left_out.append(tokenize)
            report(done, len(counted))
            continue
        for name, group in groups.items():
            own = references.take(np.array([place[text] for text in group.references]))
            sums = texts.sums(metric.counted(outputs, own, group, span=span))
            for smoothing in get_args(Smoothing):
                each = BLEU(tokenize, lowercase, smoothing)
                yield _tried(each, name, texts, sums)
        report(done, len(counted))


def _each(variants: Sequence[Metric]) -> Trier:
    """Return what tries variants of a metric one by one."""

    def tried(texts: _Texts, _left_out: list[str], report: Report) -> Iterator[_Tried]:
        work = list(product(variants, texts.choices))
        for done, (metric, name) in enumerate(work, start=1):
            frame = texts.frame.assign(references=texts.choices[name])
            statistics = np.asarray(metric.statistics(frame), dtype=np.float64)
            yield _tried(metric, name, texts, texts.sums(statistics))
            report(done, len(work))

    return tried


def _tried(metric: Metric, references: str, texts: _Texts, sums: Array) -> _Tried:
    sizes = texts.choices[references].map(len).unique()
    n_references = str(sizes[0]) if len(sizes) == 1 else "var"
    return _Tried(metric, references, n_references, bounded(metric, metric.aggregate(sums)))


_CHRF = [
    ChrF(word_order, beta=beta, lowercase=lower, whitespace=space, eps_smoothing=eps)
    for word_order, beta, lower, space, eps in product((0, 2), (2, 1, 3), _BOTH, _BOTH, _BOTH)
]
_TER = [
    TER(normalized=norm, no_punct=bare, asian_support=asian, case_sensitive=case)
    for norm, bare, asian, case in product(_BOTH, _BOTH, _BOTH, _BOTH)
    if norm or bare or not asian  # else it changes nothing
]


def _rouge(variant: Any) -> list[Metric]:  # noqa: ANN401 - its options are a Literal
    splits: tuple[Any, ...] = ("newline", "sentence") if variant == "Lsum" else ("newline",)
    kinds: tuple[Any, ...] = ("fmeasure", "precision", "recall")
    tokenizers: tuple[Any, ...] = ("rouge_score", "unicode")
    return [
        ROUGE(variant, measure, stemmer, tokenizer, split, strict=False)
        for measure, stemmer, tokenizer, split in product(kinds, _BOTH, tokenizers, splits)
    ]


_TRIED: dict[str, Trier] = {
    "bleu": _bleu,
    "chrf": _each(_CHRF),
    "ter": _each(_TER),
    **{f"rouge{each}": _each(_rouge(each)) for each in ("1", "2", "L", "Lsum")},
}

# --- what came of it ------------------------------------------------------------------------


def _scales(metric: Metric, figures: Mapping[str, _Figure]) -> tuple[float, ...]:
    """Return by what a figure may have been multiplied before it was published."""
    largest = max(abs(figure.value) for figure in figures.values())
    if metric.bounds[1] == 1.0:
        return (1.0,) if largest <= 1 and max(f.half for f in figures.values()) < 0.5 else (100.0,)
    return (1.0, 0.01) if largest <= 1 else (1.0,)


def _compared(
    tried: Sequence[_Tried], figures: Mapping[str, _Figure], texts: _Texts
) -> "pd.DataFrame":
    """Put each way to score beside the figures that were published."""
    import pandas as pd

    names = _varied([each.metric for each in tried])
    records = []
    for each, scale in [(t, s) for t in tried for s in _scales(t.metric, figures)]:
        gaps = [
            (abs(scale * score - figure.value) - figure.half, system, scale * score)
            for score, (system, figure) in zip(each.figures.tolist(), figures.items(), strict=True)
        ]
        worst, system, score = max(gaps, key=lambda gap: gap[0])
        records.append(
            {name: getattr(each.metric, name) for name in names}
            | {"references": each.references, "scale": scale, "system": system}
            | {"published": figures[system].value, "score": score}
            | {"difference": score - figures[system].value, "matches": worst <= _SLACK}
            | {"n": len(texts.frame)}
            | {"signature": each.metric.signature.replace("nrefs:?", f"nrefs:{each.n_references}")}
        )
    return pd.DataFrame(records)


def _varied(metrics: Sequence[Metric]) -> list[str]:
    """Name the options in which metrics differ."""
    names = [each.name for each in fields(metrics[0]) if each.name != "name"]  # type: ignore[arg-type]
    return [name for name in names if len({getattr(each, name) for each in metrics}) > 1]


def _sheet(
    frame: "pd.DataFrame",
    figures: Mapping[str, _Figure],
    metric: str,
    left_out: Sequence[str],
    n: int,
) -> Sheet:
    """Show what matches, or what comes nearest."""
    options = frame.columns[: frame.columns.get_loc("system")].tolist()
    shown = [name for name in options if len(frame[name].unique()) > 1]
    found = frame[frame["matches"]]
    told = ", ".join(f"{figure.told} for {name}" for name, figure in figures.items())
    counted = f"{len(found) or 'none'} of {len(frame)} combinations of options give {told}"
    said = f"Which {metric}? {counted} (n = {frame['n'].iloc[0]} outputs)"
    if len(found):
        said += _agreement(found, shown)
    else:
        size = frame["difference"].abs()
        near = frame.assign(size=size).sort_values("size", kind="stable")
        found = near[near["score"].isin(near["score"].drop_duplicates()[:n])].drop(columns="size")
        said += "; below are the nearest, which explain nothing"
    if left_out:
        said += f"; not tried, since a package or a model is not here: {', '.join(left_out)}"
    found = found.reset_index(drop=True)
    header = [*shown, "system", "published", "score", "difference", "matches"]
    return Sheet(found, f"{said}.", header, _body(found, shown, figures))


def _agreement(found: "pd.DataFrame", options: Sequence[str]) -> str:
    """Say in what all that match agree, and what they leave open."""
    if len(found) == 1:
        return ""
    open_ = [name for name in options if len(found[name].unique()) > 1]
    settled = [f"{name}={_word(found[name].iloc[0])}" for name in options if name not in open_]
    return (
        f"; the figure cannot tell these apart: they differ in {' and '.join(open_)}, and agree in "
        f"{', '.join(settled) or 'nothing'}"
    )


def _word(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _body(
    found: "pd.DataFrame", shown: Sequence[str], figures: Mapping[str, _Figure]
) -> list[list[str]]:
    """Write the lines, those that differ in one option only, and not in the score, as one."""
    cells = [([_word(row[name]) for name in shown], row) for row in tables.each_row(found)]
    for at in range(len(shown) - 1, -1, -1):
        merged: dict[tuple[Any, ...], tuple[list[str], dict[str, Any]]] = {}
        for words, row in cells:
            key = (*words[:at], *words[at + 1 :], row["score"])
            if key in merged:
                merged[key][0][at] += f", {words[at]}"
            else:
                merged[key] = (words, row)
        cells = list(merged.values())
    return [
        [
            *words,
            plain(row["system"]),
            figures[row["system"]].told,
            number(row["score"], _places(figures[row["system"]])),
            number(row["difference"], _places(figures[row["system"]])),
            "yes" if row["matches"] else "no",
        ]
        for words, row in cells
    ]


def _places(figure: _Figure) -> int:
    """Return two places more than were published."""
    return max(0, round(-math.log10(2 * figure.half))) + 2
