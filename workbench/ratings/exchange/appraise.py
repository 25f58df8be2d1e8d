"""Appraise: the CSV of `manage.py ExportSystemScoresToCSV`, in and out.

Read from AppraiseDev/Appraise: `EvalData/models/direct_assessment_document.py` (@054e27c,
`get_system_data`), `ExportSystemScoresToCSV.py` (@03446da) and the page that makes the spans,
`direct-assessment-document-mqm-esa.js` (@00c1d4a); and from eight real exports of 2024 (ESA, MQM and
ESA with a model's spans; wmt-conference/ErrorSpanAnnotation @e7f88b5). There is no header:

    user, system, segment, type, source language, target language, score, document,
    whole document?, spans (JSON), start, end (seconds since 1970) [, batch, item]

An older file has no spans, one of single segments neither spans nor document.

* `segment` is a place in a rater's batch, not in the document: it names no row of a dataset, and two
  parts of a document that stand at one place of two batches come under one name.
* Spans are {start_i, end_i, severity, error_type}; the last character is *in* the span, and places
  count UTF-16 code units of the text without white space at its ends (the page splits it with
  `split("")`). "missing" stands for what the translation leaves out. "undecided" is a severity
  that the rater had not yet chosen; it weighs nothing.
* In an MQM campaign all scores are 0, and the score is what the spans weigh.
* Type BAD is an attention check, REF a reference in disguise; the tutorial has its name in `system`
  and `document`. A document whose name ends in `#duplicate1` fills up a batch: judged again.
* A changed answer is one more row. Newer rows stand first.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench import store
from workbench.errors import BadValue, is_number, some
from workbench.ratings.exchange import marks, sources
from workbench.ratings.exchange.tally import Imported, Tally, choose, stem
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

_BAD = {"BAD", "REF"}
_TYPES = {"TGT", "CHK", *_BAD}
_DUPLICATE = re.compile(r"#duplicate\d+")
_MOST_SECONDS = 4e9  # the year 2096


class _Row(NamedTuple):
    line: int
    user: str
    system: str
    segment: str
    kind: str
    languages: tuple[str, str]
    score: int | float | None
    document: str
    whole: bool
    spans: list[marks.Span] | None
    start: float
    end: float
    batch: tuple[str, ...]


def is_appraise(cells: Sequence[str]) -> bool:
    """Tell whether the cells of a first line are Appraise's."""
    return len(cells) in {9, 11, 12, 13, 14} and cells[3] in _TYPES


def load(
    path: Path, tally: Tally, *, texts: Mapping[str, str], raters: Mapping[str, str]
) -> Imported:
    """Read an export; `texts` by item_id set the places of spans in code points."""
    rows = list(_rows(path, tally, texts))
    tally.counts["read"] += len(rows)
    tally.counts["items"] = len({_item(row) for row in rows})
    derived = any(row.spans for row in rows) and not any(row.score for row in rows)
    latest = _latest(rows)
    tally.counts["repeats"] = len(rows) - len(latest)
    for row in rows:
        reason = _reason(row, latest)
        tally.counts["checks"] += reason == "check"
        tally.counts["tutorial"] += reason == "tutorial"
        tally.counts["duplicates"] += reason == "duplicate"
        tally.counts["documents"] += row.whole
        for record in _ratings(row, derived, stem(path), raters):
            tally.add(record, line=row.line, reason=reason)
    if derived:
        tally.say(
            "scores", "all scores are 0, as in an MQM campaign: the score is what the spans weigh",
            severity="info",
        )  # fmt: skip
    return tally.imported()


def _rows(path: Path, tally: Tally, texts: Mapping[str, str]) -> Iterator[_Row]:
    for at, cells in sources.cells(path, tally):
        tally.counts["rows"] += 1
        try:
            yield _row(at, cells, tally, texts)
        except ValueError as error:
            tally.broken(at, str(error))


def _row(at: int, cells: list[str], tally: Tally, texts: Mapping[str, str]) -> _Row:
    """Sort the cells of a line, whichever of the shapes it has."""
    if not is_appraise(cells):
        raise ValueError(f"it has {len(cells)} cells, or no type such as TGT or BAD in the fourth")
    user, system, segment, kind, source, target, score = cells[:7]
    rest = cells[7:]
    documents = len(cells) != 9 and rest[1] in {"True", "False"}
    document, whole = (rest[0], rest[1] == "True") if documents else ("", False)
    rest = rest[2:] if documents else rest
    spans = rest.pop(0) if len(rest) % 2 else ""
    start, end = (_seconds(cell) for cell in rest[:2])
    item = _named(document, segment, system)
    return _Row(
        at, user, system, segment, kind, (source, target), _score(score), document, whole,
        _spans(spans, tally, texts.get(item)) if spans.strip() else None, start, end,
        tuple(rest[2:]),
    )  # fmt: skip


def _score(cell: str) -> int | float | None:
    if cell in {"", "None"}:
        return None
    try:
        value = sources.number(cell)
    except ValueError:
        raise ValueError(f"its score is {cell[:20]!r}, which is no number") from None
    if value != value or abs(value) > 1e9:
        raise ValueError(f"its score is {cell[:20]!r}, which cannot be")
    return value


def _seconds(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"its time is {cell[:20]!r}, which is no number") from None
    if not 0 <= value < _MOST_SECONDS:
        raise ValueError(f"its time is {cell[:20]!r}, which cannot be")
    return value


def _spans(cell: str, tally: Tally, text: str | None) -> list[marks.Span]:
    try:
        listed = sources.parse(cell)
        # as JSON in JSON, in exports of another version
        listed = sources.parse(listed) if isinstance(listed, str) else listed
    except ValueError as error:
        raise ValueError(f"its spans are not JSON ({error})") from None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ValueError("its spans are no list of objects")
    spans = [_span(each, tally, text) for each in listed]
    tally.counts["spans"] += len(spans)
    tally.counts["missing_spans"] += sum("whole" in span for span in spans)
    return marks.in_order(spans)


def _span(each: Mapping[str, Any], tally: Tally, text: str | None) -> marks.Span:
    kind = each.get("error_type")
    category = "/".join(map(str, kind)) if isinstance(kind, list) else sources.name(kind)
    severity = sources.name(each.get("severity"))
    if severity == "undecided":
        tally.say("severity", "spans whose severity was left undecided; they weigh nothing")
    first, last = each.get("start_i"), each.get("end_i")
    if first == last == "missing":
        return marks.mark(0, 0, category, severity)
    if type(first) is not int or type(last) is not int or not 0 <= first <= last:
        raise ValueError(f"a span goes from {first!r} to {last!r}")
    start, end = _points(first, last + 1, tally, text)
    return marks.mark(start, end, category, severity)


def _points(start: int, end: int, tally: Tally, text: str | None) -> tuple[int, int]:
    """Turn code units of the trimmed text into code points of the text."""
    if text is None:
        tally.say(
            "offsets", "places count UTF-16 code units, and the file holds no texts: after a "
            "character such as an emoji they are too large; give the texts", severity="info",
        )  # fmt: skip
        return start, end
    trimmed, before = text.strip(), len(text) - len(text.lstrip())
    found = marks.point(trimmed, start), marks.point(trimmed, end)
    if found[0] is None or found[1] is None:
        tally.say("offsets", "spans that end outside of the text given, or inside a character")
        return start, end
    return before + found[0], before + found[1]


def _item(row: _Row) -> str:
    return _named(row.document, row.segment, row.system)


def _named(document: str, segment: str, system: str) -> str:
    """Name an item; Appraise counts segments from 1, so with 0 we say that the name is our own."""
    return document if segment == "0" else f"{document}:{segment}:{system}"


def _key(row: _Row) -> tuple[str, str, str, str, bool]:
    return row.user, row.system, row.segment, row.document, row.whole


def _latest(rows: Iterable[_Row]) -> dict[tuple[str, str, str, str, bool], int]:
    """Return the line of each item's last answer; of two at one time the upper is the later."""
    latest: dict[tuple[str, str, str, str, bool], _Row] = {}
    for row in rows:
        if (other := latest.get(_key(row))) is None or row.end > other.end:
            latest[_key(row)] = row
    return {key: row.line for key, row in latest.items()}


def _reason(row: _Row, latest: Mapping[tuple[str, str, str, str, bool], int]) -> str:
    """Say why a row is no answer that stands; "" when it is one."""
    if "tutorial" in f"{row.system} {row.document}".casefold():
        return "tutorial"
    if row.kind in _BAD:
        return "check"
    if latest[_key(row)] != row.line:
        return "repeat"
    return "duplicate" if _DUPLICATE.search(row.document) else ""


_PURPOSES = {"tutorial": "training", "check": "check"}


def _ratings(
    row: _Row, derived: bool, source: str, raters: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Make the answers of a row: its score, and its spans."""
    reason = _reason(row, {_key(row): row.line})
    shared = {
        "item_id": _item(row), "rater": raters.get(row.user, row.user), "login": row.user,
        "system": row.system, "purpose": _PURPOSES.get(reason, "rate"), "item_type": row.kind,
        "document": row.document, "segment": row.segment, "source_language": row.languages[0],
        "target_language": row.languages[1], "started_at": _iso(row.start),
        "duration_s": round(row.end - row.start, 3),
        **dict(zip(("batch", "batch_item"), row.batch, strict=False)),
    }  # fmt: skip
    score, question = row.score, "document" if row.whole else "score"
    if derived:
        score, question = marks.penalty(row.spans or ()), "mqm"
    for name, value in ((question, score), ("spans", row.spans)):
        if value is not None:
            made = {"question": name, "value": value, "rating_id": f"{source}:{row.line}:{name}"}
            yield {**shared, **made}


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(round(seconds, 3), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def export(ratings: "pd.DataFrame", path: Path, tally: Tally) -> None:
    """Write numbers and spans as Appraise's CSV; the rest is told and left out."""
    rows = [row | {"value": marks.filled(row["value"])} for row in each_row(ratings)]
    held = [row for row in rows if _holds(row, tally)]
    scores, spans = _questions(held)
    choose(ratings, "a number", [name for name in scores if name != "document"])
    span_question = choose(ratings, "spans", spans)
    grouped: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in held:
        group = grouped.setdefault(_group(row), {"row": row, "seconds": 0.0})
        # of two answers on one item the later took the longer
        group["seconds"] = max(group["seconds"], _duration(row))
        part = "spans" if row["question"] == span_question else "score"
        if part in group:
            raise BadValue(
                f"Appraise holds one answer of a rater to an item at a time, but "
                f"{row['rater']!r} on {row['item_id']!r} has two; keep the one that stands."
            )
        group[part] = row["value"]
        group["derived"] = group.get("derived") or row["question"] == "mqm"
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows(_cells(group, bool(scores), bool(span_question)) for group in grouped.values())
    store.write_text(path, text.getvalue())
    tally.counts.update(rows=len(rows), read=len(held), ratings=len(held))


def _questions(rows: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    scores: Counter[str] = Counter()
    spans: Counter[str] = Counter()
    for row in rows:
        (spans if isinstance(row["value"], list) else scores)[row["question"]] += 1
    return list(scores), list(spans)


def _holds(row: Mapping[str, Any], tally: Tally) -> bool:
    """Tell whether Appraise has a place for an answer."""
    value = row["value"]
    spans = marks.are_spans(value)
    held = (spans or is_number(value)) and not is_missing(row.get("system"))
    if not held:
        tally.counts["left_out"] += 1
        tally.say(
            "left out", "Appraise holds a score or spans of one system; these answers are neither",
            subject=row["question"],
        )  # fmt: skip
        return False
    if spans and any(each["side"] != "output" for each in value):
        tally.say("left out", "Appraise holds no spans in the source", subject=row["item_id"])
    if _epoch(row.get("started_at")) is None:
        tally.say("times", "answers that say no time since 1970; they stand as begun in 1970")
    if is_missing(row.get("duration_s")):
        tally.say("times", "answers that say no duration; they stand as of no seconds")
    return True


def _group(row: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("item_id", "rater", "system", "login", "item_type")
    parts = tuple(None if is_missing(row.get(name)) else str(row[name]) for name in names)
    return *parts, row["question"] == "document"


def _cells(group: Mapping[str, Any], with_scores: bool, with_spans: bool) -> list[str]:
    row = group["row"]
    have = {name: cell for name, cell in row.items() if not is_missing(cell)}
    start = _epoch(have.get("started_at")) or 0.0
    end = round(start + group["seconds"], 3)
    kind = have.get("item_type") or {"check": "BAD"}.get(str(have.get("purpose")), "TGT")
    # in an MQM campaign a score is what the spans weigh, and stands as 0
    score = 0 if group["derived"] or not with_scores else group.get("score", "")
    cells = [
        have.get("login", have["rater"]), have["system"], have.get("segment", "0"), kind,
        have.get("source_language", ""), have.get("target_language", ""),
        score,
        have.get("document", have["item_id"]), row["question"] == "document",
    ]  # fmt: skip
    if with_spans:
        text = have.get("target", "")
        cells.append(_span_cell(group["spans"], text) if "spans" in group else "")
    return [str(cell) for cell in (*cells, start, end)]


def _duration(row: Mapping[str, Any]) -> float:
    return 0.0 if is_missing(row.get("duration_s")) else float(row["duration_s"])


def _epoch(moment: object) -> float | None:
    """Return the seconds since 1970; None of what is no such time."""
    try:
        told = datetime.fromisoformat(str(moment).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
    return round(told, 3) if 0 <= told < _MOST_SECONDS else None


def _span_cell(spans: Iterable[marks.Span], text: str) -> str:
    before = len(text) - len(text.lstrip())
    trimmed = text.strip()

    def units(at: int) -> int:
        return marks.unit(trimmed, at - before) if before <= at <= before + len(trimmed) else at

    listed = [
        {
            "start_i": "missing" if span.get("whole") else units(span["start"]),
            "end_i": "missing" if span.get("whole") else units(span["end"]) - 1,
            "severity": span["severity"],
            "error_type": span["category"].split("/", 1) if span["category"] else None,
        }
        for span in spans
        if span["side"] == "output"
    ]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))


def logins(path: Path) -> dict[str, str]:
    """Read who stands behind a login: a CSV with the columns `login` and `AnnotatorID`.

    The mapping of a real campaign begins with a byte order mark, and ends each line in commas.
    """
    rows = sources.cells(path, Tally(str(path), "logins"))
    _, header = next(rows, (0, []))
    if missing := [name for name in ("login", "AnnotatorID") if name not in header]:
        raise BadValue(
            f"{path} must have the columns 'login' and 'AnnotatorID', but {some(missing)} is "
            "missing; add it."
        )
    login, rater = header.index("login"), header.index("AnnotatorID")
    return {row[login]: row[rater] for _, row in rows if len(row) > max(login, rater)}
