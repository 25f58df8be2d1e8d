"""Whether answers to items of known answer (gold, checks, training) are right."""

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.ratings.replay import Asked, Desk, State, letters_of


def verdicts(state: State, desk: Desk, item_id: str) -> Iterator[bool]:
    """Go through a rater's answers on an item: was each what is expected?

    Parameters
    ----------
    state : State
        What the journal says.
    desk : Desk
        What the rater did.
    item_id : str
        The item; nothing comes of one without known answers, nor of an answer that must be worse
        than one that the rater has not given.
    """
    for asked, event in desk.answered(item_id):
        expected = _expected(state, item_id, asked, event.body["order"])
        given = _canonical(state, item_id, asked, event.body)
        right = _is_right(state, desk, asked, event.body["order"], given, expected)
        if right is not None:
            yield right


def moved(asked: Asked, value: Any, before: list[str], after: list[str]) -> Any:  # noqa: ANN401
    """Return an answer given in letters for the order `before`, in those for the order `after`.

    Parameters
    ----------
    asked : Asked
        What was asked; an answer about one output holds no letters.
    value : JSON
        The answer.
    before, after : list of str
        The same outputs in two orders.

    Examples
    --------
    >>> moved(Asked("better", ""), {"choice": "A", "strength": 2}, ["x", "y"], ["y", "x"])
    {'choice': 'B', 'strength': 2}
    """
    if asked.target:
        return value
    new = {
        letter: letters_of(len(after))[after.index(output)]
        for letter, output in zip(letters_of(len(before)), before, strict=True)
    }
    if isinstance(value, str):
        return new.get(value, value)
    if not isinstance(value, Mapping):
        return value
    return {
        new.get(key, key): new.get(cell, cell) if isinstance(cell, str) else cell
        for key, cell in value.items()
    }


def _canonical(state: State, item_id: str, asked: Asked, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
    outputs = [each.output_id for each in state.items[item_id].outputs]
    return moved(asked, body["value"], body["order"], outputs)


def _expected(state: State, item_id: str, asked: Asked, shown: list[str]) -> Any:  # noqa: ANN401
    """Return what is expected for a question, and for the output that it is about."""
    item = state.items[item_id]
    expected = item.expected.get(asked.question)
    if not asked.target or len(item.outputs) == 1 or expected is None:
        return expected
    outputs = [each.output_id for each in item.outputs]
    return expected.get(moved(Asked(asked.question, ""), asked.target, shown, outputs))


def _is_right(
    state: State,
    desk: Desk,
    asked: Asked,
    shown: list[str],
    given: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
) -> bool | None:
    """Compare an answer with what is expected; None where that cannot be told."""
    if expected is None:
        return None
    if not isinstance(expected, Mapping):
        return bool(given == expected)
    if "worse_than" in expected:
        better = _same_system(state, desk, asked, shown, expected["worse_than"])
        return None if better is None else _badness(given) > _badness(better)
    if expected.keys() <= {"low", "high"}:
        return bool(expected.get("low", given) <= given <= expected.get("high", given))
    return all(given.get(name) == value for name, value in expected.items())


def _same_system(state: State, desk: Desk, asked: Asked, shown: list[str], original: str) -> Any:  # noqa: ANN401 - any answer
    """Return the rater's answer about the output of the original that was made worse.

    It is the one output of the original that the check does not show, or the only one.
    """
    there = state.items.get(original)
    if there is None:
        return None
    gone = [each.output_id for each in there.outputs if each.output_id not in shown]
    for about, event in desk.answered(original):
        at = letters_of(len(event.body["order"])).index(about.target or "A")
        if about.question == asked.question and event.body["order"][at] in gone:
            return event.body["value"]
    return None


def _badness(value: Any) -> float:  # noqa: ANN401 - a number, or spans
    return float(len(value)) if isinstance(value, list) else -float(value)
