"""LLM Comparator's JSON: two systems side by side, with raters' preferences.

An example is a row. The preferences of its raters are RATINGS (question "better"); a positive score says
that A is better. A score without raters is one rating, by "average". Custom fields per model are figures
of the outputs, others are slices of the row. Files written here come back as they were: their own cells
stand in the fields `row_id`, `references`, `failed`, `cluster` and, where it is no text, `input`, and
their scores are no ratings.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.exchange.evaluation import Found, as_text, broken, slices

NAME = "llm-comparator"

ROW_ID, REFERENCES, FAILED = "row_id", "references", "failed"
CLUSTER, INPUT = "cluster", "input"
OWN = (ROW_ID, REFERENCES, FAILED, CLUSTER, INPUT)
QUESTION = "better"
AVERAGE = "average"
"""The rater of an example that has a score and no raters."""
UNKNOWN = "unknown"
"""The side of an average, which may be of both orders."""
_PER_MODEL = "per_model_"


def recognises(value: object) -> bool:
    """Tell whether a value is LLM Comparator's."""
    return isinstance(value, dict) and {"models", "examples"} <= value.keys()


def read(path: Path, value: object) -> Found:
    """Read a comparison of two systems."""
    told: Mapping[str, Any] = value if isinstance(value, dict) else {}
    models, examples = told["models"], told["examples"]
    names = (
        [str(each.get("name")) for each in models if isinstance(each, dict)]
        if isinstance(models, list)
        else []
    )
    if len(names) != 2 or names[0] == names[1]:
        raise broken(path, "models", "must hold two names that differ")
    if not isinstance(examples, list):
        raise broken(path, "examples", "is no list")
    kinds = _kinds(told)
    found = Found()
    for at, example in enumerate(examples, start=1):
        if not isinstance(example, dict) or "output_text_a" not in example:
            raise broken(path, f"example {at}", "has no output_text_a")
        _add(found, example, at, names, kinds)
    return found


def _kinds(told: Mapping[str, Any]) -> dict[str, str]:
    metadata = told.get("metadata")
    schema = metadata.get("custom_fields_schema") if isinstance(metadata, dict) else None
    return {
        str(each.get("name")): str(each.get("type"))
        for each in (schema if isinstance(schema, list) else [])
        if isinstance(each, dict)
    }


def _add(
    found: Found,
    example: Mapping[str, Any],
    at: int,
    names: Sequence[str],
    kinds: Mapping[str, str],
) -> None:
    fields = example.get("custom_fields")
    fields = fields if isinstance(fields, dict) else {}
    row_id = fields[ROW_ID] if isinstance(fields.get(ROW_ID), str) else str(at)
    found.add_row(row_id, _row(example, fields, kinds))
    for side, system in enumerate(names):
        found.add(*_output(example, fields, kinds, side, row_id, system))
    found.ratings += _ratings(example, row_id, names)


def _row(
    example: Mapping[str, Any], fields: Mapping[str, Any], kinds: Mapping[str, str]
) -> dict[str, Any]:
    record: dict[str, Any] = {"input": _flat(example.get("input_text"))}
    if isinstance(fields.get(REFERENCES), str):
        record["references"] = json.loads(fields[REFERENCES])
    if {ROW_ID, FAILED} <= kinds.keys():  # written here
        record |= {CLUSTER: fields[CLUSTER]} if CLUSTER in fields else {}
        record |= {INPUT: json.loads(fields[INPUT])} if INPUT in fields else {}
    tags = example.get("tags")
    own = {
        name: cell
        for name, cell in fields.items()
        if name != ROW_ID and not kinds.get(name, "").startswith(_PER_MODEL)
    }
    joined = ", ".join(map(str, tags)) if isinstance(tags, list) and tags else None
    return record | ({"tags": joined} if joined else {}) | slices(own)


def _output(
    example: Mapping[str, Any],
    fields: Mapping[str, Any],
    kinds: Mapping[str, str],
    side: int,
    row_id: str,
    system: str,
) -> tuple[dict[str, Any], dict[str, tuple[object, str]]]:
    own = {
        name: cell[side]
        for name, cell in fields.items()
        if isinstance(cell, list) and len(cell) == 2 and kinds.get(name, "").startswith(_PER_MODEL)
    }
    text: str | None = _flat(example.get(f"output_text_{'ab'[side]}"))
    if own.pop(FAILED, False) is True:
        text = None
    figures: dict[str, tuple[object, str]] = {
        name: (cell, f"llm-comparator|field:{name}")
        for name, cell in own.items()
        if isinstance(cell, (bool, int, float))
    }
    labels = {name: cell for name, cell in own.items() if isinstance(cell, str)}
    return {"row_id": row_id, "system": system, "text": text, **slices(labels)}, figures


def _flat(told: object) -> str:
    """Return a text; of a sequence of chunks the texts."""
    if isinstance(told, list):
        chunks = [each for each in told if isinstance(each, dict)]
        return "".join(str(each.get("data")) for each in chunks if each.get("type") == "text")
    return as_text(told if told is not None else "")


def _ratings(example: Mapping[str, Any], row_id: str, names: Sequence[str]) -> list[dict[str, Any]]:
    told = example.get("individual_rater_scores")
    ratings = [
        _rating(row_id, names, f"rater {at}", each["score"], names[each["is_flipped"]])
        for at, each in enumerate(told if isinstance(told, list) else [], start=1)
        if isinstance(each, dict)
        and isinstance(each.get("score"), (int, float))
        and isinstance(each.get("is_flipped"), bool)
    ]
    average = example.get("score")
    if ratings or _is_ours(example) or not isinstance(average, (int, float)):
        return ratings
    return [_rating(row_id, names, AVERAGE, average, UNKNOWN)]


def _is_ours(example: Mapping[str, Any]) -> bool:
    """Tell whether an example was written here, where its score is no rating but a metric's sign."""
    fields = example.get("custom_fields")
    return isinstance(fields, dict) and fields.keys() >= {ROW_ID, FAILED}


def _rating(
    row_id: str, names: Sequence[str], rater: str, score: float, side: str
) -> dict[str, Any]:
    return {
        "item_id": row_id,
        "rater": rater,
        "question": QUESTION,
        "value": "a" if score > 0 else "b" if score < 0 else "tie",
        "row_id": row_id,
        "system_a": names[0],
        "system_b": names[1],
        "side": side,
        "strength": abs(float(score)),
    }
