"""MQM: the tab-separated files of the WMT campaigns, in and out.

Read from the format's description, google-research `mqm_viewer/README.md` (@10f4b98), and published
files of google/wmt-mqm-human-evaluation (`ted/ende/mqm_ted_ende.tsv` @b957b78 and
`newstest2020/ende/mqm_newstest2020_ende.source-errors.tsv` @196b7c8). One line per error:

    system, doc, docSegId, globalSegId, rater, source, target, category, severity [, metadata]

(`doc_id` and `seg_id` in older headers; the header may be left out). `<v>` and `</v>` stand around
what is marked, in `source` or in `target`; without them the error is of the whole text, or of what is
missing from it. A text without errors has one line, "No-error". `metadata` is JSON (note, timestamp in
milliseconds, …), in older files a plain note. A line without a rater carries only such data; the
severity "HOTW-test" is an attention check. Files of 2020 quote as CSV does, so do ours; others hold
quotes as they are, which is seen from the whole file.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import store
from workbench.errors import BadValue, some
from workbench.ratings.exchange import marks, sources
from workbench.ratings.exchange.tally import Imported, Tally, choose, stem
from workbench.tables import each_row, is_missing

if TYPE_CHECKING:
    import pandas as pd

_HEADER = (
    "system", "doc", "docSegId", "globalSegId", "rater", "source", "target", "category", "severity",
    "metadata",
)  # fmt: skip
_OLDER = {"doc_id": "docSegId", "seg_id": "globalSegId", "comment": "metadata", "note": "metadata"}
_NAMES = {name.casefold(): name for name in _HEADER} | _OLDER
# What every header names.
_SIGN = {"system", "doc", "rater", "source", "target", "category", "severity"}
_SEVERITIES = {"minor", "major", "critical", "neutral"}
_NO_ERROR = "no-error"
_MARK = re.compile("<v>|</v>")
_QUOTED = re.compile('"(?:[^"]|"")*"')
# What would end a cell or a line; each becomes one space, so that places stay.
_BREAKS = re.compile("[\t\n\r]")

_Key = tuple[str, str, str, str]


def load(path: Path, tally: Tally) -> Imported:
    """Read a file, one answer per rater and segment: the list of its errors."""
    answers: dict[_Key, dict[str, Any]] = {}
    quoted = _is_quoted(path)
    names = list(_HEADER)
    for at, line in sources.lines(path, tally):
        cells = [
            _unquoted(cell) if quoted else cell for cell in line.removesuffix("\r").split("\t")
        ]
        if header := _named(cells):
            names = _complete(header, path)
            continue
        if not line.strip():
            continue
        tally.counts["rows"] += 1
        if not 9 <= len(cells) <= len(names) or len(cells) < len(names) - 1:
            tally.broken(at, f"it has {len(cells)} cells, not {len(names)}")
            continue
        _take(dict(zip(names, cells, strict=False)), at, answers, tally)
    return _imported(answers, path, tally)


def _named(cells: Iterable[str]) -> list[str]:
    """Return our names of the columns where the cells are a header, whatever its case and order."""
    names = [_NAMES.get(cell.strip().casefold(), cell) for cell in cells]
    return names if set(names) >= _SIGN else []


def _complete(names: list[str], path: Path) -> list[str]:
    """Return a header, or say what is missing from it."""
    if missing := [name for name in _HEADER[:-1] if name not in names]:
        raise BadValue(
            f"{path} must have the columns {some(_HEADER[:-1], 9)}, but {some(missing)} is missing; "
            "add it, or rename yours."
        )
    return names


def _is_quoted(path: Path) -> bool:
    """Tell whether every cell with a quote is quoted as in CSV, and one shows it by doubled ones."""
    doubled = False
    for _, line in sources.lines(path, Tally(str(path), "")):
        for cell in line.removesuffix("\r").split("\t") if '"' in line else ():
            if '"' in cell and not _QUOTED.fullmatch(cell):
                return False
            doubled |= '""' in cell[1:-1]
    return doubled


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def _take(row: dict[str, str], at: int, answers: dict[_Key, dict[str, Any]], tally: Tally) -> None:
    """Add the error of a line to the answer it belongs to."""
    if not row["rater"]:
        tally.counts["left_out"] += 1
        tally.say("metadata", "lines without a rater, which carry no judgement", severity="info")
        return
    try:
        source, in_source = _marked(row["source"])
        target, in_target = _marked(row["target"])
    except ValueError as error:
        tally.broken(at, str(error))
        return
    tally.counts["read"] += 1
    key = (row["rater"], row["system"], row["doc"], row["docSegId"])
    answer = answers.setdefault(
        key, {"row": row, "line": at, "spans": [], "source": source, "target": target,
              "metadata": [], "check": False},
    )  # fmt: skip
    if (source, target) != (answer["source"], answer["target"]):
        tally.say(
            "texts", "a segment has another text than in the line before; its spans count in that",
            subject=f"line {at}",
        )  # fmt: skip
    metadata = _metadata(row.get("metadata", ""))
    if row["severity"].casefold() == "hotw-test":
        answer["check"] = True
        tally.counts["checks"] += 1
    if row["severity"].casefold() == _NO_ERROR and row["category"].casefold() == _NO_ERROR:
        answer["metadata"].extend([metadata] if metadata else [])
        return
    places = [("source", *p) for p in in_source] + [("output", *p) for p in in_target]
    for side, start, end in places or [("output", 0, 0)]:
        answer["spans"].append(_span(row, side, start, end, metadata))
        tally.counts["spans"] += 1
        tally.counts["missing_spans"] += not places


def _marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Take the markers out of a text, and return where they stood, in code points."""
    plain, places, opened, at = "", list[tuple[int, int]](), None, 0
    for found in _MARK.finditer(text):
        plain += text[at : found.start()]
        at = found.end()
        if (found[0] == "<v>") == (opened is not None):
            raise ValueError(f"{found[0]} stands where it opens or closes nothing")
        if opened is None:
            opened = len(plain)
        else:
            places.append((opened, len(plain)))
            opened = None
    if opened is not None:
        raise ValueError("<v> is not closed")
    return plain + text[at:], places


def _metadata(cell: str) -> dict[str, Any]:
    """Read the last cell: an object, or a plain note."""
    if not cell:
        return {}
    try:
        value = sources.parse(cell)
    except ValueError:
        return {"note": cell}
    return value if isinstance(value, dict) else {"note": cell}


def _span(
    row: Mapping[str, str], side: str, start: int, end: int, metadata: Mapping[str, Any]
) -> marks.Span:
    severity = row["severity"]
    known = severity.casefold() in _SEVERITIES
    note = metadata.get("note")
    text = note if isinstance(note, str) else ""
    span = marks.mark(
        start, end, row["category"], severity.casefold() if known else severity, side=side,
        note=text,
    )  # fmt: skip
    more = {name: value for name, value in metadata.items() if name != "note" or not text}
    return {**span, "metadata": more} if more else span


def _imported(answers: Mapping[_Key, dict[str, Any]], path: Path, tally: Tally) -> Imported:
    tally.counts["items"] = len({key[1:] for key in answers})
    for (rater, system, document, segment), answer in answers.items():
        row_id, line = f"{document}:{segment}", answer["line"]
        record = {
            "item_id": f"{row_id}:{system}", "rater": rater, "question": "spans",
            "value": marks.in_order(answer["spans"]), "rating_id": f"{stem(path)}:{line}",
            "row_id": row_id, "system": system, "purpose": "check" if answer["check"] else "rate",
            "document": document, "segment": segment, "global_segment": answer["row"]["globalSegId"],
            "source": answer["source"], "target": answer["target"],
            "started_at": _moment(answer), "metadata": answer["metadata"] or None,
        }  # fmt: skip
        tally.add(record, line=line, reason="check" if answer["check"] else "")
    return tally.imported()


def _moment(answer: Mapping[str, Any]) -> str | None:
    """Return the first of an answer's timestamps as text."""
    metadata = [*answer["metadata"], *(span.get("metadata", {}) for span in answer["spans"])]
    times = [each["timestamp"] for each in metadata if sources.is_number(each.get("timestamp"))]
    if not times or not 0 <= min(times) < 4e12:
        return None
    moment = datetime.fromtimestamp(min(times) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def export(ratings: "pd.DataFrame", path: Path, tally: Tally) -> None:
    """Write answers with spans, one line per error; the rest is told and left out."""
    rows = [row | {"value": marks.filled(row["value"])} for row in each_row(ratings)]
    held = [row for row in rows if _holds(row, tally)]
    choose(ratings, "spans", sorted({row["question"] for row in held}))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(_HEADER)
    for row, place in zip(held, _placed(held, tally), strict=True):
        writer.writerows(_lines(row, place, tally))
    store.write_text(path, text.getvalue())
    tally.counts.update(rows=len(rows), read=len(held), ratings=len(held))


def _holds(row: Mapping[str, Any], tally: Tally) -> bool:
    """Tell whether the format has a place for an answer."""
    if not marks.are_spans(row["value"]) or is_missing(row.get("system")):
        reason = "MQM files hold the error spans of one system; these answers are none"
    elif is_missing(row.get("target")):
        raise BadValue(
            f"an MQM file must hold the texts, but that of item {row['item_id']!r} is not known; "
            "pass outputs= and rows=."
        )
    elif _MARK.search(f"{row['target']}{row.get('source')}"):
        reason = "the text itself holds <v> or </v>, which the format takes for its marks"
    else:
        return True
    tally.counts["left_out"] += 1
    tally.say("left out", reason, subject=row["question"])
    return False


def _placed(rows: Iterable[Mapping[str, Any]], tally: Tally) -> Iterator[tuple[str, str]]:
    """Yield the document and the segment of each answer; items without their own are counted."""
    items: dict[tuple[str, str], list[str]] = {}
    taken: set[tuple[str, str, str, str]] = set()
    for row in rows:
        have = {name: str(cell) for name, cell in row.items() if not is_missing(cell)}
        system, item = have["system"], have["item_id"]
        document = have.get("document", have.get("row_id", item))
        known = items.setdefault((system, document), [])
        if item not in known:
            known.append(item)
        segment = have.get("segment", str(known.index(item) + 1))
        if (key := (have["rater"], system, document, segment)) in taken:
            tally.say(
                "merged", "several answers of a rater to one segment of a document, which readers "
                "of the file take for one", subject=item,
            )  # fmt: skip
        taken.add(key)
        yield document, segment


def _lines(row: Mapping[str, Any], place: tuple[str, str], tally: Tally) -> Iterator[list[str]]:
    have = {name: cell for name, cell in row.items() if not is_missing(cell)}
    texts = {"source": str(have.get("source", "")), "output": str(have["target"])}
    if any(_BREAKS.search(text) for text in texts.values()):
        tally.say(
            "texts", "line ends and tabs in texts became spaces, one for one", severity="info"
        )
    texts = {side: _BREAKS.sub(" ", text) for side, text in texts.items()}
    first = [have["system"], *place, have.get("global_segment", "0")]
    for span in have["value"] or [None]:
        side = span["side"] if span else ""
        marked = {name: _mark(t, span) if name == side else t for name, t in texts.items()}
        yield [
            *map(_flat, (*first, have["rater"])), marked["source"], marked["output"],
            _flat(span["category"]) if span else "No-error",
            _severity(span["severity"]) if span else "No-error", _extra(span, have),
        ]  # fmt: skip


def _flat(cell: object) -> str:
    return _BREAKS.sub(" ", str(cell))


def _mark(text: str, span: marks.Span) -> str:
    start, end = span["start"], span["end"]
    if start == end == 0:
        return text
    return f"{text[:start]}<v>{text[start:end]}</v>{text[end:]}"


def _severity(severity: str) -> str:
    return severity.capitalize() if severity in _SEVERITIES else _flat(severity)


def _extra(span: marks.Span | None, have: Mapping[str, Any]) -> str:
    if span is None:
        metadata: Iterable[Any] = have.get("metadata") or [{}]
        return _json(next(iter(metadata)))
    note = {"note": span["note"]} if span.get("note") else {}
    return _json({**note, **span.get("metadata", {})})


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
