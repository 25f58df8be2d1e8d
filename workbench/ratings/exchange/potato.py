"""Potato: what it writes while people annotate, and its CSV, TSV and JSON Lines exports, in.

Read from davidjurgens/potato: `docs/data-export/export_formats.md` (@156f929), `potato/export/cli.py`
(@050a818, which reads `user_state.json`), `potato/export/tabular_exporter.py` (@156f929), and
`docs/annotation-types/comparison/{pairwise_annotation,bws,ranking}.md` (@0a85a01, @0db99ec, @2efb56b).

* `FOLDER/USER/user_state.json`: {user_id, instance_id_to_label_to_value, instance_id_to_span_to_value},
  labels as {schema: {label: value}} or as a list of [{schema, name}, value]; one file, or the folder.
* `annotations.jsonl`: one {instance_id, user_id, labels, spans, links} per line.
* `annotations.csv`, `.tsv`: instance_id, user_id, then columns `schema.label`, and `schema._spans` with
  JSON.

No file says the type of a question, so the answers do: {selection} is a choice between two, {scale_value}
one with a strength, {best, worst}, {rank_order: "B,D=A"}; one number is a number; names with a value such
as true, or their own name, are labels; else it is text. Places of spans are taken as code points, as
Potato's own exporter takes them.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench import formats
from workbench.errors import BadValue
from workbench.ratings.exchange import marks, sources
from workbench.ratings.exchange.shapes import UNNAMED, one_or_several, ranks
from workbench.ratings.exchange.sources import Json, listed, mapping, name
from workbench.ratings.exchange.tally import Imported, Tally

_STATE = "user_state.json"
_LABELS = "instance_id_to_label_to_value"
_SPANS = "instance_id_to_span_to_value"
_OWN = ("instance_id", "user_id", "annotator_origin", "annotator_origin_detail")
_YES = {"true", "on", "yes", "1"}

_Record = tuple[int | str, dict[str, Json]]


def load(path: Path, tally: Tally) -> Imported:
    """Read a folder of states, one state, or an export."""
    for at, record in _records(path, tally):
        tally.counts["rows"] += 1
        kept = True
        for number, answer in enumerate(_answers(record, tally)):
            made = {**answer, "rating_id": f"{record['user']}:{record['item']}:{number}"}
            made |= {"item_id": record["item"], "rater": record["user"], "purpose": "rate"}
            made |= {"row_id": record["item"], **record.get("more", {})}
            kept &= tally.add(made, line=at, reason="unmapped" if answer["question"] == "" else "")
        tally.counts["read"] += kept
    tally.counts["items"] = len({each["item_id"] for each in tally.ratings})
    one_or_several(tally, "labels")
    return tally.imported()


def _records(path: Path, tally: Tally) -> Iterator[_Record]:
    if path.is_dir():
        found = sorted(path.glob(f"*/{_STATE}")) or sorted(path.glob(_STATE))
        if not found:
            raise BadValue(
                f"{path} must hold folders of raters with a {_STATE} in each, but it holds none; "
                "name the folder that is called output_annotation_dir."
            )
        for place in found:
            yield from _state(place)
    elif formats.suffix(path) == ".json":
        yield from _state(path)
    elif formats.suffix(path) in {".csv", ".tsv"}:
        yield from _table(path, tally)
    else:
        yield from _lines(path, tally)


def _state(path: Path) -> Iterator[_Record]:
    """Read all of one rater's answers."""
    state = sources.whole_json(path)
    if not isinstance(state, dict) or not (_LABELS in state or _SPANS in state):
        raise BadValue(f"{path} must hold a rater's state, but {_LABELS!r} is not in it; check it.")
    labels, spans = mapping(state.get(_LABELS)), mapping(state.get(_SPANS))
    user = name(state.get("user_id")) or path.parent.name
    for item in dict.fromkeys([*labels, *spans]):
        yield f"{user}: {item}", {
            "item": item, "user": user, "labels": _by_schema(labels.get(item)),
            "spans": _spans_by_schema(spans.get(item)),
        }  # fmt: skip


def _by_schema(labels: Json) -> dict[str, Json]:
    """Return labels as {schema: {label: value}}, in whichever of two ways they were stored."""
    if isinstance(labels, dict):
        return labels
    found: dict[str, Json] = {}
    for entry in listed(labels):
        if isinstance(entry, list) and len(entry) == 2:
            label = entry[0] if isinstance(entry[0], dict) else {"schema": str(entry[0])}
            schema = found.setdefault(name(label.get("schema")), {})
            schema[name(label.get("name"))] = entry[1]
    return found


def _spans_by_schema(spans: Json) -> dict[str, Json]:
    if isinstance(spans, dict):
        return {
            schema: list(each.values()) if isinstance(each, dict) else each
            for schema, each in spans.items()
        }
    found: dict[str, Json] = {}
    for entry in listed(spans):
        span = entry[0] if isinstance(entry, list) and entry else entry
        if isinstance(span, dict):
            found.setdefault(name(span.get("schema")), []).append(span)
    return found


def _lines(path: Path, tally: Tally) -> Iterator[_Record]:
    for at, record in sources.records(path, tally):
        if not isinstance(record, dict) or "instance_id" not in record:
            tally.counts["rows"] += 1
            tally.broken(at, "it names no instance_id")
            continue
        more = {"annotator_origin": record.get("annotator_origin"), "links": record.get("links")}
        yield at, {
            "item": name(record["instance_id"]), "user": name(record.get("user_id")),
            "labels": mapping(record.get("labels")), "spans": mapping(record.get("spans")),
            "more": {key: cell for key, cell in more.items() if cell},
        }  # fmt: skip


def _table(path: Path, tally: Tally) -> Iterator[_Record]:
    separator = "\t" if formats.suffix(path) == ".tsv" else ","
    rows = sources.cells(path, tally, separator=separator)
    _, header = next(rows, (0, []))
    for at, cells in rows:
        if len(cells) != len(header):
            tally.counts["rows"] += 1
            tally.broken(at, f"it has {len(cells)} cells under {len(header)} names")
            continue
        row = {key: cell for key, cell in zip(header, cells, strict=True) if cell}
        yield at, _from_row(row)


def _from_row(row: Mapping[str, str]) -> dict[str, Json]:
    """Sort the columns of a row: labels, spans, and what stands beside them."""
    labels: dict[str, Json] = {}
    spans: dict[str, Json] = {}
    more = {key: row[key] for key in _OWN[2:] if key in row}
    for column, cell in row.items():
        schema, dot, label = column.partition(".")
        if column in _OWN:
            continue
        if label == "_spans":
            spans[schema] = _parsed(cell)
        elif label.startswith("_"):
            more[column] = cell
        elif dot:
            labels.setdefault(schema, {})[label] = cell
        else:
            # a final answer stands beside the several that an older version had stored
            labels[schema] = {cell: True}
    return {
        "item": row.get("instance_id", ""), "user": row.get("user_id", ""), "labels": labels,
        "spans": spans, "more": more,
    }  # fmt: skip


def _parsed(cell: str) -> Json:
    try:
        return sources.parse(cell)
    except ValueError:
        return cell


def _answers(record: Mapping[str, Json], tally: Tally) -> Iterator[dict[str, Any]]:
    for schema, labels in record["labels"].items():
        for question, answer in _read(schema, labels, tally):
            yield {"question": question, **answer}
    for schema, spans in record["spans"].items():
        made = [_span(each, tally) for each in listed(spans) if isinstance(each, dict)]
        tally.counts["spans"] += len(made)
        yield {"question": schema, "value": marks.in_order(made)}


def _read(schema: str, labels: Json, tally: Tally) -> Iterable[tuple[str, dict[str, Any]]]:
    """Tell what kind of answer it is by its names and values."""
    if not isinstance(labels, dict):
        return [(schema, {"value": labels})]
    if labels.keys() == {"selection"}:
        tally.say("systems", UNNAMED, subject=schema)
        return [(schema, _selection(str(labels["selection"])))]
    if labels.keys() == {"scale_value"}:
        tally.say("systems", UNNAMED, subject=schema)
        return [(schema, _strength(labels["scale_value"]))]
    if labels.keys() == {"best", "worst"}:
        return [(schema, {"value": {key: str(labels[key]) for key in ("best", "worst")}})]
    if labels.keys() == {"rank_order"}:
        return [(schema, _ranking(str(labels["rank_order"])))]
    if all(_is_chosen(key, value) for key, value in labels.items()):
        return [(schema, {"value": [key for key, value in labels.items() if _true(key, value)]})]
    if len(labels) == 1:
        return [(schema, {"value": _figure(value)}) for value in labels.values()]
    return [(f"{schema}.{key}", {"value": _figure(value)}) for key, value in labels.items()]


def _selection(selected: str) -> dict[str, Any]:
    return {"value": {"A": "a", "B": "b"}.get(selected, "tie" if selected == "tie" else selected)}


def _strength(value: Json) -> dict[str, Any]:
    """Read a place on a line from A (negative) to B."""
    figure = _figure(value)
    if not sources.is_number(figure):
        return {"value": figure}
    if not figure:
        return {"value": "tie"}
    return {"value": "a" if figure < 0 else "b", "strength": abs(figure)}


def _ranking(order: str) -> dict[str, Any]:
    groups = [[each.strip() for each in group.split("=")] for group in order.split(",")]
    return ranks(groups, sorted(each for group in groups for each in group))


def _true(label: str, value: Json) -> bool:
    return value is True or str(value) == label or str(value).casefold() in _YES


def _is_chosen(label: str, value: Json) -> bool:
    """Tell whether a value says that a label was chosen, or not, and not how much of it."""
    if isinstance(value, bool) or str(value) == label:
        return True
    return isinstance(value, str) and value.casefold() in (_YES - {"1"}) | {"false"}


def _figure(value: Json) -> Json:
    if isinstance(value, str):
        try:
            figure = sources.number(value)
        except ValueError:
            return value
        # "nan" and "infinity" are words
        return figure if abs(figure) < float("inf") else value
    return value


def _span(span: Mapping[str, Json], tally: Tally) -> marks.Span:
    start, end = span.get("start"), span.get("end")
    label = name(span.get("label")) or name(span.get("name")) or name(span.get("annotation"))
    if type(start) is not int or type(end) is not int or not 0 <= start <= end:
        tally.say("offsets", "spans without a place in the text; they count as of the whole")
        return {**marks.mark(0, 0, label, ""), "place": dict(span)}
    field = name(span.get("target_field"))
    made = marks.mark(start, end, label, "")
    return {**made, "field": field} if field else made
