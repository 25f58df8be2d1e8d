"""Label Studio: its JSON export, in.

Read from HumanSignal/label-studio: `docs/source/guide/export.md` (@05f6d2d, "Label Studio JSON format
of annotated tasks"), the pages of its tags, `docs/source/tags/ranker.md` (@0151c4c), `pairwise.md`
(@13a2ed5), and labelstud.io/tags/text and /rating. A list of tasks {id, data, annotations, predictions};
an annotation {id, completed_by, was_cancelled, ground_truth, lead_time, created_at, result}; a result
{id, from_name, to_name, type, value}. Before version 1 annotations were called completions.

Places in texts: versions up to 1.4 count UTF-16 code units, later ones code points (issue #1347,
pull requests #1559 and label-studio-frontend #308), and no file tells its version. The marked text
stands beside the places (`value.text`), and decides.

A pairwise answer says "left" or "right", not which system that was: `columns` names the fields of
`data` that do.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.ratings.exchange import marks, sources
from workbench.ratings.exchange.shapes import UNNAMED, one_or_several, ranks, sided
from workbench.ratings.exchange.sources import Json, listed, mapping, name
from workbench.ratings.exchange.tally import Imported, Tally, stem

_SPANS = {"labels", "hypertextlabels", "paragraphlabels"}


def load(path: Path, tally: Tally, *, columns: Mapping[str, str]) -> Imported:
    """Read an export; predictions, skipped tasks and other media are kept beside the ratings."""
    for at, task in sources.records(path, tally):
        if not isinstance(task, dict) or not isinstance(task.get("data", {}), dict):
            tally.counts["rows"] += 1
            tally.broken(at, "it is no task")
            continue
        for number, (annotation, reason) in enumerate(_annotations(task)):
            tally.counts["rows"] += 1
            _annotation(task, annotation, reason, (at, number, stem(path)), columns, tally)
    tally.counts["items"] = len({each["item_id"] for each in tally.ratings})
    one_or_several(tally, "choices")
    return tally.imported()


def _annotations(task: Mapping[str, Json]) -> Iterator[tuple[Json, str]]:
    for each in listed(task.get("annotations")) or listed(task.get("completions")):
        yield each, "skipped" if mapping(each).get("was_cancelled") else ""
    for each in listed(task.get("predictions")):
        # an export may name predictions and drafts by their number only
        yield each, "prediction"
    for each in listed(task.get("drafts")):
        yield each, "draft"


def _annotation(
    task: Mapping[str, Json], annotation: Json, reason: str, place: tuple[int | str, int, str],
    columns: Mapping[str, str], tally: Tally,
) -> None:  # fmt: skip
    at, number, source = place
    if not isinstance(annotation, dict):
        tally.counts["left_out"] += 1
        tally.say("left out", f"a {reason or 'annotation'} of which only the number stands here")
        return
    data = mapping(task.get("data"))
    shared: dict[str, Any] = {
        "item_id": name(task.get("id")) or f"{source}:{at}", "row_id": name(task.get("id")) or None,
        "rater": _rater(annotation, reason), "submitted_at": annotation.get("created_at"),
        "duration_s": _number(annotation.get("lead_time")), "purpose": "rate",
        **{ours: name(data.get(theirs)) or None for theirs, ours in columns.items()},
    }  # fmt: skip
    if annotation.get("ground_truth"):
        shared["ground_truth"] = True
    # annotations, predictions and drafts are numbered each for itself
    kind = f"{reason}:" if reason in {"prediction", "draft"} else ""
    own = name(annotation.get("id")) or f"#{number}"
    prefix = f"{source}:{name(task.get('id')) or at}:{kind}{own}"
    if reason == "skipped":
        shared["question"], shared["value"] = "skipped", listed(annotation.get("result"))
        tally.counts["read"] += tally.add(
            sided({**shared, "rating_id": f"{prefix}:skipped"}), line=at, reason=reason
        )
        return
    kept = True
    for part, (answer, why) in enumerate(_answers(annotation, data, tally)):
        made = {**shared, **answer, "rating_id": f"{prefix}:{part}"}
        made = {key: cell for key, cell in made.items() if cell is not None}
        if "side" in made and not {"system_a", "system_b"} <= made.keys():
            tally.say("systems", UNNAMED, subject=made["question"])
        kept &= tally.add(sided(made), line=at, reason=reason or why)
    tally.counts["read"] += kept


def _rater(annotation: Mapping[str, Json], reason: str) -> str:
    """Name who answered: a number, or with user details an object."""
    by = annotation.get("completed_by", annotation.get("created_username"))
    if isinstance(by, dict):
        by = by.get("email") or by.get("username") or by.get("id")
    version = name(annotation.get("model_version")) if reason == "prediction" else ""
    return version or name(by) or ("model" if reason == "prediction" else "")


def _number(value: Json) -> float | None:
    return float(value) if sources.is_number(value) else None


def _answers(
    annotation: Mapping[str, Json], data: Mapping[str, Json], tally: Tally
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the answers of an annotation: what is said of a region goes to its span."""
    results = [each for each in listed(annotation.get("result")) if isinstance(each, dict)]
    spans: dict[str, list[marks.Span]] = {}
    regions: dict[str, list[marks.Span]] = {}
    for result in (each for each in results if each.get("type") in _SPANS):
        made = _spans(result, data, tally)
        spans.setdefault(name(result.get("from_name")), []).extend(made)
        regions.setdefault(name(result.get("id")), []).extend(made)
    for result in (each for each in results if each.get("type") not in _SPANS):
        kind, value = result.get("type"), mapping(result.get("value"))
        region = regions.get(name(result.get("id")))
        if region and "start" in value:
            key = "text" if kind == "textarea" else str(kind)
            _attribute(region, result, value.get(key))
            continue
        answer = _answer(str(kind), value, data)
        asked = {"question": name(result.get("from_name")), "target": result.get("to_name")}
        if answer is None:
            tally.counts["left_out"] += 1
            tally.say("left out", f"results of type {kind!r} have no place in RATINGS")
            yield {**asked, "value": result}, "unmapped"
            continue
        yield {**asked, **answer}, ""
    for question, each in spans.items():
        yield {"question": question, "value": marks.in_order(each)}, ""


def _answer(
    kind: str, value: Mapping[str, Json], data: Mapping[str, Json]
) -> dict[str, Any] | None:
    """Return what a result says; None for what is no answer about texts."""
    if kind == "ranker":
        return _ranker(value, data)
    return _READERS[kind](value) if kind in _READERS else None


def _attribute(region: list[marks.Span], result: Mapping[str, Json], value: Json) -> None:
    """Put an answer about a region into its spans."""
    question = name(result.get("from_name"))
    first = value[0] if isinstance(value, list) and len(value) == 1 else value
    for span in region:
        if question.casefold() == "severity" and isinstance(first, str):
            span["severity"] = first.casefold()
        elif result.get("type") == "textarea" and isinstance(first, str) and "note" not in span:
            span["note"] = first
        else:
            span[question] = first


def _spans(result: Mapping[str, Json], data: Mapping[str, Json], tally: Tally) -> list[marks.Span]:
    value = mapping(result.get("value"))
    labels = [str(label) for label in listed(value.get(str(result.get("type"))))] or [""]
    offsets = mapping(value.get("globalOffsets")) or value
    start, end = offsets.get("start"), offsets.get("end")
    if type(start) is not int or type(end) is not int or not 0 <= start <= end:
        tally.say("offsets", "spans whose place is a path in a page; they count as of the whole")
        made = [marks.mark(0, 0, label, "") for label in labels]
        return [{**span, "place": dict(value)} for span in made]
    start, end = _points(start, end, value.get("text"), _texts(result, data), tally)
    tally.counts["spans"] += len(labels)
    return [marks.mark(start, end, label, "") for label in labels]


def _texts(result: Mapping[str, Json], data: Mapping[str, Json]) -> list[str]:
    """Return the texts that may be marked, the likeliest first."""
    first = [data.get(name(result.get("to_name"))), data.get("text")]
    return [text for text in (*first, *data.values()) if isinstance(text, str)]


def _points(start: int, end: int, marked: Json, texts: list[str], tally: Tally) -> tuple[int, int]:
    """Return the places in code points, whichever way they were counted."""
    if all(text.isascii() for text in texts) and texts:
        return start, end
    for text in texts:
        if isinstance(marked, str) and text[start:end] == marked:
            return start, end
        first, last = marks.point(text, start), marks.point(text, end)
        if first is not None and last is not None and text[first:last] == marked:
            if (first, last) != (start, end):
                tally.say("offsets", "places counted in UTF-16 code units, and turned into code "
                          "points", severity="info")  # fmt: skip
            return first, last
    tally.say("offsets", "places that neither way of counting finds in a text; taken as they are")
    return start, end


def _choices(value: Mapping[str, Json]) -> dict[str, Any] | None:
    return {"value": [str(each) for each in listed(value.get("choices"))]}


def _taxonomy(value: Mapping[str, Json]) -> dict[str, Any] | None:
    return {"value": ["/".join(map(str, listed(path))) for path in listed(value.get("taxonomy"))]}


def _textarea(value: Mapping[str, Json]) -> dict[str, Any] | None:
    text = value.get("text")
    lines = [text] if isinstance(text, str) else [str(each) for each in listed(text)]
    return {"value": "\n".join(lines)} if lines else None


def _figure(kind: str) -> Any:  # noqa: ANN401 - a reader as the others
    def read(value: Mapping[str, Json]) -> dict[str, Any] | None:
        figure = value.get(kind)
        return {"value": figure} if sources.is_number(figure) else None

    return read


def _pairwise(value: Mapping[str, Json]) -> dict[str, Any] | None:
    selected = value.get("selected")
    return {"value": {"left": "a", "right": "b"}.get(str(selected), "tie"), "side": "left"}


def _ranker(value: Mapping[str, Json], data: Mapping[str, Json]) -> dict[str, Any] | None:
    order = value.get("ranker")
    if isinstance(order, dict):
        return {"value": order}  # buckets: which outputs lie in which
    names = [name(each) for each in listed(order)]
    if not names or not all(names):
        return None
    shown = next((ids for ids in map(_ids, data.values()) if sorted(ids) == sorted(names)), names)
    return ranks([[each] for each in names], shown)


def _ids(items: Json) -> list[str]:
    return [name(mapping(each).get("id")) for each in listed(items)]


_READERS = {
    "choices": _choices,
    "taxonomy": _taxonomy,
    "textarea": _textarea,
    "rating": _figure("rating"),
    "number": _figure("number"),
    "pairwise": _pairwise,
}
