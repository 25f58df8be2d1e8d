"""What an import found: ratings, what is kept beside them, and a count of everything."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.display import html_table, plain, text_table
from workbench.errors import BadValue
from workbench.ratings.events import canonical
from workbench.tables import FINDINGS, RATINGS, each_row

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["info", "warning", "error"]

# Each broken line is told by its number, up to here; of more only the number is told.
_MOST_LINES = 100

_COUNTS = {
    "rows": "rows came",
    "read": "rows read",
    "items": "distinct items",
    "checks": "attention checks",
    "tutorial": "tutorial rows",
    "repeats": "repeated judgements",
    "duplicates": "judgements of duplicated documents",
    "documents": "document scores",
    "spans": "spans",
    "missing_spans": "spans of what is missing",
    "broken": "broken lines",
    "left_out": "left out",
    "ratings": "ratings",
}


@dataclass(frozen=True, eq=False)
class Report:
    """How an import or an export went: counts, and what a person should know.

    Parameters
    ----------
    source : str
        The file.
    format : str
        Its format.
    counts : mapping of str to int
        `rows` came, `read` of them, `items` that are distinct, attention `checks`, `tutorial` rows,
        `repeats` (the same item by the same rater again), `duplicates` (of documents that fill up
        a batch), `documents` (scores of whole ones),
        `spans`, `missing_spans` (of what the output leaves out), `broken` lines, rows `left_out`,
        and `ratings`. Of what no count stands in the mapping there is none.
    findings : DataFrame
        FINDINGS: one row per broken line, and one per thing that could not be carried over.
    """

    source: str
    format: str
    counts: Mapping[str, int]
    findings: "pd.DataFrame"

    def __getitem__(self, name: str) -> int:
        return self.counts.get(name, 0)

    def _body(self) -> list[list[str]]:
        shown = [[label, f"{self[name]:,}"] for name, label in _COUNTS.items() if self[name]]
        said = [[row["subject"], str(row["evidence"])] for row in each_row(self.findings)]
        return shown + [[plain(cell, width=200) for cell in line] for line in said]

    def __repr__(self) -> str:
        return f"{plain(self.source)} ({self.format})\n{text_table(['what', 'n'], self._body())}"

    def _repr_html_(self) -> str:
        caption = f"{self.source} ({self.format})"
        return html_table(["what", "n"], self._body(), caption=caption)


class Imported(NamedTuple):
    """What a file held.

    `ratings` is RATINGS: the answers that stand. `others`, of the same shape with a column `reason`,
    keeps what is no such answer: attention checks, tutorials, earlier judgements of the same item,
    drafts, predictions, and what has no place in RATINGS. `report` counts.
    """

    ratings: "pd.DataFrame"
    others: "pd.DataFrame"
    report: Report


@dataclass
class Tally:
    """Counts while a file is read or written.

    Parameters
    ----------
    source : str
        The file, for messages.
    format : str
        Its format.
    """

    source: str
    format: str
    counts: "Counter[str]" = field(default_factory=Counter)
    ratings: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    _said: dict[tuple[str, str, Severity], list[Any]] = field(default_factory=dict)
    _lines: list[tuple[str, str]] = field(default_factory=list)

    def broken(self, line: int | str, reason: str) -> None:
        """Note a line that cannot be read, and why."""
        self.counts["broken"] += 1
        if len(self._lines) < _MOST_LINES:
            self._lines.append((f"line {line}" if isinstance(line, int) else line, reason))

    def say(
        self, check: str, evidence: str, *, subject: object = "", severity: Severity = "warning"
    ) -> None:
        """Note what a person should know; the same again is counted."""
        said = self._said.setdefault((check, evidence, severity), [str(subject or self.source), 0])
        said[1] += 1

    def add(self, record: dict[str, Any], *, line: int | str, reason: str = "") -> bool:
        """Take a rating, or keep it beside them for a reason; False when it cannot be one."""
        if problem := _problem(record, own=self.format == "plain"):
            self.broken(line, problem)
            return False
        if reason:
            self.others.append({**record, "reason": reason})
        else:
            self.ratings.append(record)
        return True

    def report(self) -> Report:
        """Return the counts and what was said."""
        import pandas as pd

        rows = [
            ("broken line", where, "error", reason, None)
            for where, reason in self._lines
        ] + [
            (check, subject, severity, evidence, n)
            for (check, evidence, severity), (subject, n) in self._said.items()
        ]  # fmt: skip
        if (more := self.counts["broken"] - len(self._lines)) > 0:
            rows.append(("broken line", "more", "error", f"{more} more broken lines", more))
        names = ["check", "subject", "severity", "evidence", "n"]
        findings = FINDINGS.check(pd.DataFrame(rows, columns=names), source=self.source)
        counts = {name: n for name, n in self.counts.items() if n}
        return Report(self.source, self.format, counts, findings)

    def imported(self) -> Imported:
        """Return RATINGS, what is kept beside them, and the report."""
        self.counts["ratings"] = len(self.ratings)
        ratings = as_ratings(self.ratings, self.source, as_they_came=self.format == "plain")
        others = as_ratings(self.others, self.source, more=("reason",))
        return Imported(ratings, others, self.report())


def as_ratings(
    records: Sequence[Mapping[str, Any]],
    source: str,
    *,
    more: Iterable[str] = (),
    as_they_came: bool = False,
) -> "pd.DataFrame":
    """Make RATINGS of records: each column that a record has, the known ones first or as they came."""
    import pandas as pd

    names = dict.fromkeys(name for record in records for name in record)
    required = [column.name for column in RATINGS.columns if column.required]
    known = [c.name for c in RATINGS.columns if c.name in names or c.name in required]
    known = [name for name in required if name not in names] if as_they_came else known
    columns = [*known, *(n for n in names if n not in known), *(n for n in more if n not in names)]
    cells = {name: [record.get(name) for record in records] for name in columns}
    # as objects, or pandas would make a float of a whole number beside a missing one
    frame = pd.DataFrame({name: pd.Series(c, dtype=object) for name, c in cells.items()})
    return RATINGS.check(frame, source=source)


def _problem(record: Mapping[str, Any], *, own: bool) -> str:
    """Say why a record cannot be a rating; "" when it can. Our own may hold empty cells."""
    for name in ("item_id", "rater", "question"):
        if record.get(name) is None or (not own and record[name] == ""):
            return f"it names no {name.replace('item_id', 'item')}"
    if record.get("value") is None and not own:
        return "it holds no answer"
    try:
        canonical(record).encode("utf-8")
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair"
    except (ValueError, TypeError, RecursionError) as error:
        return f"it holds what is no answer ({error})"
    return ""


def choose(rows: "pd.DataFrame", kind: str, names: Sequence[str]) -> str | None:
    """Return the one question of a kind, None without any; several are too many for a format."""
    if len(names) > 1:
        raise BadValue(
            f"this format must hold one question that is answered by {kind}, but "
            f"{', '.join(map(repr, names))} came; choose the rows of one of them."
        )
    return names[0] if names and len(rows) else None


def stem(path: Path) -> str:
    """Return a file's name without what says its format."""
    name = path.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] or name
