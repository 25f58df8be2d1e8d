"""Answers of others in the shapes of RATINGS."""

from collections.abc import Iterable, Sequence
from typing import Any

from workbench.ratings.exchange.tally import Tally

UNNAMED = "preferences between two that the file does not name: 'a' is the one shown first"

_TURNED = {"a": "b", "b": "a"}


def sided(record: dict[str, Any]) -> dict[str, Any]:
    """Bring a preference into the order of names; `system_a` came as the one shown first.

    A preference is what has a `side`; without the names of both systems its "a" is the first, and
    no system. Of any other answer the pair is kept as `systems`.
    """
    pair = [record[name] for name in ("system_a", "system_b") if record.get(name)]
    if "side" not in record or len(pair) < 2:
        made = {n: c for n, c in record.items() if n not in {"system_a", "system_b", "side"}}
        return {**made, "systems": pair} if pair else made
    first, second = pair
    made = {**record, "side": first}
    if first <= second:
        return made
    turned = _TURNED.get(record["value"], record["value"])
    return {**made, "system_a": second, "system_b": first, "value": turned}


def ranks(order: Iterable[Sequence[str]], shown: Sequence[str]) -> dict[str, Any]:
    """Return a ranking, best first and equals together, as ranks parallel to the outputs.

    Examples
    --------
    >>> ranks([["b"], ["a", "c"]], ["a", "b", "c"])
    {'value': [2, 1, 2], 'output_ids': ['a', 'b', 'c']}
    """
    places = {name: rank for rank, names in enumerate(order, start=1) for name in names}
    return {"value": [places[name] for name in shown], "output_ids": list(shown)}


def one_or_several(tally: Tally, what: str) -> None:
    """Make a text of the labels of each question that never got more or fewer than one.

    The files tell no question that allows one label from one that allows several.
    """
    answers: dict[str, list[dict[str, Any]]] = {}
    for record in tally.ratings + tally.others:
        value = record["value"]
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            answers.setdefault(record["question"], []).append(record)
    for question, records in answers.items():
        if all(len(record["value"]) == 1 for record in records):
            for record in records:
                record["value"] = record["value"][0]
            tally.say(
                "labels", f"questions whose {what} are one in every answer became one label each",
                subject=question, severity="info",
            )  # fmt: skip
