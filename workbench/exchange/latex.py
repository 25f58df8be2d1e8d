"""A leaderboard as a LaTeX table, whose caption says what its marks mean."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench import display
from workbench.display import plain
from workbench.metrics.base import Metric
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    from workbench.comparison import Comparison

_BETTER, _WORSE, _OTHER = r"\uparrow", r"\downarrow", r"\ast"
_LONGEST_NAME = 60

# What TeX obeys, also at the beginning of a line (the star and the option of the line's end before
# it), what its fonts make of pairs (?` and --), and marks that pdfTeX lacks.
_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\symbol{34}",
    "`": r"\textasciigrave{}", "'": r"\textquotesingle{}", "-": "{-}",
    "[": "{[}", "*": "{*}",
    "−": "$-$", "–": r"\textendash{}", "—": r"\textemdash{}", "…": r"\ldots{}", "≤": r"$\leq$",
    "≥": r"$\geq$", "×": r"$\times$", "∞": r"$\infty$", "·": r"\textperiodcentered{}", "�": "?",
}  # fmt: skip
_ESCAPED |= {raised: rf"\textsuperscript{{{n}}}" for n, raised in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_ESCAPED["⁻"] = r"\textsuperscript{$-$}"
_SPECIAL = re.compile("[" + re.escape("".join(_ESCAPED)) + "]")


def escaped(text: object) -> str:
    r"""Return a text for LaTeX, in which nothing is a command.

    Parameters
    ----------
    text : object
        What to show; controls become marks, and white space one space.

    Examples
    --------
    >>> print(escaped("50 % of $x_1$"))
    50 \% of \$x\_1\$
    """
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], plain(text))


def table(comparison: "Comparison", *, label: str = "tab:leaderboard") -> str:
    r"""Return the leaderboard of a comparison as a LaTeX table.

    Parameters
    ----------
    comparison : Comparison
        Its systems are the lines, its metrics the columns.
    label : str
        For ``\ref``; letters, digits and ``:-.`` of it are kept.

    Returns
    -------
    str
        A ``table`` that needs the package booktabs.
    """
    c = comparison
    names = [metric.name for metric in c.scores.metrics]
    told = {(row["metric"], row["system"]): row for row in each_row(c.frame)}
    frame = c.leaderboard().frame
    board = {(row["metric"], row["system"]): row for row in each_row(frame)}
    best = {
        name: frame.loc[(frame["metric"] == name) & (frame["rank"] == 1), "system"].tolist()
        for name in names
    }
    lines = []
    for system in frame.loc[frame["metric"] == names[0], "system"]:
        cells = [escaped(plain(system, width=_LONGEST_NAME))]
        for name in names:
            metric = c.scores.metric(name)
            mark = _mark(told.get((name, system)), metric, c.settings.alpha)
            strong = system in best[name] and metric.direction is not None
            cells.append(_figure(board[name, system], metric, mark, bold=strong))
        lines.append(" & ".join([*cells, str(board[names[0], system]["n"])]) + r" \\")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_caption(c)}}}",
            rf"\label{{{re.sub(r'[^A-Za-z0-9:.-]', '', label)}}}",
            rf"\begin{{tabular}}{{l{'c' * len(names)}r}}",
            r"\toprule",
            " & ".join(["system", *map(escaped, names), "rows"]) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _mark(row: Mapping[str, Any] | None, metric: Metric, alpha: float) -> str:
    """Return the mark of a difference from the baseline that is told apart."""
    if row is None or is_missing(row["p_adjusted"]) or row["delta"] == 0:
        return ""
    if metric.direction is None:
        return _OTHER if row["p_adjusted"] <= alpha else ""
    return {"better": _BETTER, "worse": _WORSE}.get(str(row["verdict"]), "")


def _figure(row: Mapping[str, Any], metric: Metric, mark: str, *, bold: bool) -> str:
    if is_missing(row["score"]):
        return escaped("–")
    places = display.digits(metric.bounds, abs(row["score"]))
    score = escaped(display.number(row["score"], places))
    shown = rf"\textbf{{{score}}}" if bold else score
    ends = [escaped(display.number(row[name], places)) for name in ("ci_low", "ci_high")]
    raised = f"$^{{{mark}}}$" if mark else ""
    return f"{shown}{raised} [{ends[0]}, {ends[1]}]"


def _caption(c: "Comparison") -> str:
    """Say what the figures and the marks are."""
    base, settings = escaped(plain(c.settings.baseline, width=_LONGEST_NAME)), c.settings
    tests = display.counted(int(c.frame["p_adjusted"].notna().sum()), "test")
    alpha = f"{settings.alpha:g}"
    marks = [rf"${_BETTER}$ better and ${_WORSE}$ worse than {base}"]
    if any(metric.direction is None for metric in c.scores.metrics):
        marks.append(rf"${_OTHER}$ other than {base}, under a metric without a better end")
    signatures = "; ".join(f"{name} {told}" for name, told in c.scores.signatures.items())
    return (
        f"Scores on {escaped(plain(c.scores.dataset, width=_LONGEST_NAME))} with "
        f"{escaped(display.percent(settings.level))} intervals; the best of each metric is bold. "
        rf"{'; '.join(marks)}: adjusted $p \leq {alpha}$ of {tests}. No mark: not told apart "
        f"from {base}. {escaped(str(settings))}; {escaped(c.scores.failure_note)}. Signatures: "
        f"{escaped(signatures)}."
    )
