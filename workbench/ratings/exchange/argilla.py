"""Argilla 2: the records of a dataset as JSON, in.

Read from argilla-io/argilla: `argilla/src/argilla/records/_resource.py` (@0991739, `Record.to_dict`),
`records/_io/_generic.py` (@02e0d37, the nested and the flat shape), `records/_io/_json.py` (@1617a0f,
`to_json`) and `responses.py` (@1617a0f). A record, nested:

    {id, fields, metadata, suggestions: {question: {value, score, agent}},
     responses: {question: [{value, user_id}]}, vectors, _server_id}

and flat: its fields and metadata beside `QUESTION.responses`, `.responses.users`, `.responses.status`
and `QUESTION.suggestion`, `.suggestion.score`, `.suggestion.agent`.

* The nested shape does not say which responses were drafts or discarded.
* A ranking is a list of names, best first, as is an answer with several labels: `.argilla/settings.json`,
  which `Dataset.to_disk` puts beside the records, tells them apart when it is there.
* Spans are {start, end, label}; their places count UTF-16 code units (issue #5729, seen in 2.4.1).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.ratings.exchange import marks, sources
from workbench.ratings.exchange.shapes import ranks, sided
from workbench.ratings.exchange.sources import Json, listed, mapping, name
from workbench.ratings.exchange.tally import Imported, Tally, stem

_KEPT = {"", "submitted"}
_RESPONSES, _SUGGESTION = ".responses", ".suggestion"

Settings = Mapping[str, Mapping[str, Json]]


def load(path: Path, tally: Tally, *, columns: Mapping[str, str]) -> Imported:
    """Read records; suggestions, drafts and what was discarded are kept beside the ratings."""
    settings = _settings(path)
    for at, record in sources.records(path, tally):
        tally.counts["rows"] += 1
        if not isinstance(record, dict):
            tally.broken(at, "it is no record")
            continue
        _record(record, (at, stem(path)), settings, columns, tally)
    tally.counts["items"] = len({each["item_id"] for each in tally.ratings})
    return tally.imported()


def _settings(path: Path) -> Settings:
    """Return the settings of the questions, by name, where they stand beside the records."""
    place = path.parent / ".argilla" / "settings.json"
    if not place.is_file():
        return {}
    questions = listed(mapping(sources.whole_json(place)).get("questions"))
    named = {name(mapping(each).get("name")): mapping(each) for each in questions}
    return {key: mapping(question.get("settings")) for key, question in named.items()}


def _record(
    record: dict[str, Json], place: tuple[int | str, str], settings: Settings,
    columns: Mapping[str, str], tally: Tally,
) -> None:  # fmt: skip
    at, source = place
    item = name(record.get("id")) or name(record.get("_server_id")) or f"{source}:{at}"
    fields = {**mapping(record.get("metadata")), **mapping(record.get("fields"))} or record
    shared = {
        "item_id": item, "row_id": item, "purpose": "rate",
        **{ours: name(fields.get(theirs)) or None for theirs, ours in columns.items()},
    }  # fmt: skip
    texts = mapping(record.get("fields")) or record
    kept = True
    for number, (question, rater, value, reason) in enumerate(_given(record, tally)):
        answer = _answer(value, settings.get(question, {}), texts, tally, question)
        made = {**shared, "question": question, "rater": rater, **answer}
        made["rating_id"] = f"{source}:{item}:{number}"
        kept &= tally.add(sided(made), line=at, reason=reason)
    tally.counts["read"] += kept


def _given(record: Mapping[str, Json], tally: Tally) -> Iterator[tuple[str, str, Json, str]]:
    """Yield question, rater, value, and why it is no rating, of either shape."""
    if "responses" in record or "suggestions" in record:
        yield from _nested(record, tally)
        return
    for key, values in record.items():
        if key.endswith(_RESPONSES):
            users = listed(record.get(f"{key}.users"))
            statuses = listed(record.get(f"{key}.status"))
            for at, value in enumerate(listed(values)):
                status = name(statuses[at]) if at < len(statuses) else ""
                user = name(users[at]) if at < len(users) else ""
                yield key.removesuffix(_RESPONSES), user, value, _reason(status)
        elif key.endswith(_SUGGESTION) and values is not None:
            agent = name(record.get(f"{key}.agent")) or "suggestion"
            yield key.removesuffix(_SUGGESTION), agent, values, "suggestion"


def _nested(record: Mapping[str, Json], tally: Tally) -> Iterator[tuple[str, str, Json, str]]:
    for question, responses in mapping(record.get("responses")).items():
        for response in map(mapping, listed(responses)):
            status = name(response.get("status"))
            if not status:
                tally.say("status", "responses that may be drafts: this file does not tell")
            yield question, name(response.get("user_id")), response.get("value"), _reason(status)
    for question, suggestion in mapping(record.get("suggestions")).items():
        agent = name(mapping(suggestion).get("agent")) or "suggestion"
        yield question, agent, mapping(suggestion).get("value"), "suggestion"


def _reason(status: str) -> str:
    return "" if status in _KEPT else status


def _answer(
    value: Json, settings: Mapping[str, Json], fields: Mapping[str, Json], tally: Tally,
    question: str,
) -> dict[str, Any]:  # fmt: skip
    kind, cells = settings.get("type"), listed(value)
    if cells and all(isinstance(each, dict) and "rank" in each for each in cells):
        return _by_rank(cells)
    if kind == "span" or (cells and all(isinstance(e, dict) and "start" in e for e in cells)):
        texts = [fields.get(name(settings.get("field")))] if settings.get("field") else fields
        chosen = texts if isinstance(texts, list) else list(texts.values())
        spans = [_span(mapping(each), chosen, tally) for each in cells]
        tally.counts["spans"] += len(spans)
        return {"value": marks.in_order(spans)}
    if kind == "ranking":
        options = [name(mapping(each).get("value")) for each in listed(settings.get("options"))]
        names = [name(each) for each in cells]
        return ranks([[each] for each in names], options if set(options) == set(names) else names)
    if not kind and len(cells) > 1 and all(isinstance(each, str) for each in cells):
        tally.say(
            "labels", "lists of names: labels, or a ranking with the best first; the settings tell, "
            "but .argilla/settings.json is not beside the file", subject=question,
        )  # fmt: skip
    return {"value": value}


def _by_rank(cells: list[Json]) -> dict[str, Any]:
    """Read a ranking with ties, as the server stores it."""
    groups: dict[Any, list[str]] = {}
    for each in sorted(cells, key=lambda cell: (str(type(cell["rank"])), cell["rank"] or 0)):
        groups.setdefault(each["rank"], []).append(name(each.get("value")))
    return ranks(groups.values(), [name(each.get("value")) for each in cells])


def _span(span: Mapping[str, Json], texts: list[Json], tally: Tally) -> marks.Span:
    start, end, label = span.get("start"), span.get("end"), name(span.get("label"))
    if type(start) is not int or type(end) is not int or not 0 <= start <= end:
        tally.say("offsets", "spans without a place in the text; they count as of the whole")
        return {**marks.mark(0, 0, label, ""), "place": dict(span)}
    strings = [text for text in texts if isinstance(text, str)]
    points = {(marks.point(text, start), marks.point(text, end)) for text in strings}
    # a text that is too short, or has half a character there, is not the one
    whole = [(first, last) for first, last in points if first is not None and last is not None]
    if len(whole) == 1:
        return marks.mark(*whole[0], label, "")
    tally.say("offsets", "places that may count UTF-16 code units: which field they are in is not "
              "told; taken as code points")  # fmt: skip
    return marks.mark(start, end, label, "")
