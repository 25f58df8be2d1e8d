"""Items that show how a rater works: with known answers (gold), or made to be judged so (checks).

What is expected stands in `Item.expected` by question, letters in the order of `Item.outputs`
("A" is the first). It is the answer itself; for a scale ``{"low": …, "high": …}``, both included,
or ``{"worse_than": item_id}``: less than the same rater gave to that item (for spans: more errors).
Of an answer with parts, only the parts that are named are expected. Where an item has several
outputs, a question about each of them maps letters to such answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import BadKind, BadValue, unknown_name
from workbench.ratings.assignment.content import Item, Shown, writable
from workbench.ratings.assignment.sides import drawn, identifier, shuffled
from workbench.ratings.tasks.questions import LETTERS, Question
from workbench.tables import is_missing

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings.assignment.material import Material

_FIELDS = (
    "row_id", "system", "systems", "output_id", "output_ids", "text", "texts", "source",
    "reference", "question", "target", "value", "tolerance", "explanation",
)  # fmt: skip
# How many words make a text bad: (longest text, words), Graham et al. (2017), section 3.2; of a
# longer text it is a quarter.
_BAD_WORDS = ((1, 1), (5, 2), (8, 3), (15, 4), (20, 5))
# How many other rows are looked at for a text that differs.
_TRIES = 20
_SURE = ("scale", "preference", "best-worst", "ranking", "labels")


def gold_items(
    gold: "pd.DataFrame | Iterable[Mapping[str, Any]]", material: "Material"
) -> list[Item]:
    """Make items of known answer, in the order in which their author wrote them.

    Parameters
    ----------
    gold : DataFrame or iterable of mapping
        One record per answer. Which outputs: `output_id` or `output_ids`; or `row_id`, with
        `system` or `systems` unless the row has just as many outputs as the task shows; or the
        texts themselves, `text` or `texts`, with `source` and `reference`. Which answer:
        `question`, `value`, for a scale perhaps `tolerance`, for a question about one of several
        outputs its letter as `target`. A preference may be a letter alone. Letters are by the order in which the record names the
        outputs. `explanation` is said after a training item. Records about the same outputs are
        one item.
    material : Material
        What there is to show.

    Returns
    -------
    list of Item
        With purpose "gold".
    """
    made: dict[tuple[str, ...], Item] = {}
    for at, record in enumerate(_records(gold)):
        where = f"gold item {at + 1}"
        row_id, outputs = _outputs(record, material, where)
        item = _bare(record, row_id, outputs, material)
        item = made.setdefault((row_id, *item.output_ids), item)
        expected = _merged(item.expected, _expected(record, item, outputs, material, where), where)
        told = writable(str(record.get("explanation", "")))
        said = item.explanation if told in item.explanation else f"{item.explanation}\n{told}"
        made[(row_id, *item.output_ids)] = replace(
            item, expected=expected, explanation=said.strip()
        )
    return list(made.values())


def loud_checks(material: "Material", n: int) -> list[Item]:
    """Make items whose texts say which answer to give; whoever reads them gives it.

    Parameters
    ----------
    material : Material
        What there is to show; the source is that of a row.
    n : int
        How many.
    """
    asked = [each for each in material.task.questions if each.kind in _SURE]
    if n and not asked:
        raise BadValue(
            "a loud check must name an answer, but the task has no scale, labels or comparison to "
            "name it for; use gold items."
        )
    rows = shuffled(material.seed, material.outputs, "loud rows")
    return [_loud(material, rows[at % len(rows)], asked[at % len(asked)], at) for at in range(n)]


def silent_check(original: Item, material: "Material") -> Item | None:
    """Make a copy of an item in which one output is made worse, as in Direct Assessment.

    Its text becomes that of the same system for another row, or loses words in one place.

    Parameters
    ----------
    original : Item
        The item to copy.
    material : Material
        Where other texts come from.

    Returns
    -------
    Item or None
        None where no text can be made worse.

    References
    ----------
    Graham, Baldwin, Moffat and Zobel (2017), "Can machine translation systems be evaluated by the
    crowd alone", section 3.2.
    """
    at = drawn(material.seed, len(original.outputs), "worse", original.item_id)
    output = original.outputs[at]
    text = _worse(original, output, material)
    if text is None:
        return None
    name = identifier("c", material.seed, "silent", original.item_id)
    outputs = list(original.outputs)
    outputs[at] = Shown(name, output.system, text)
    expected = {
        question.name: answer
        for question in material.task.questions
        if (answer := _judged_worse(question, original, at)) is not None
    }
    return material.item(original.row_id, outputs, "check", expected=expected)


def refuse_silent(material: "Material") -> None:
    """Refuse silent checks of a task in which no answer could show that one was seen."""
    task = material.task
    blank = Item("", "", tuple(Shown("", "", "") for _ in range(task.outputs)))
    if all(_judged_worse(question, blank, 0) is None for question in task.questions):
        raise BadValue(
            "a silent check must be judged worse than its original, but the task has no scale, "
            "spans or comparison to show it; use loud checks or gold items."
        )


def _records(gold: object) -> list[dict[str, Any]]:
    if hasattr(gold, "to_dict"):
        gold = gold.to_dict("records")
    if isinstance(gold, (str, bytes, Mapping)) or not isinstance(gold, Iterable):
        raise BadKind(
            f"gold must be a DataFrame or a list of dicts, but a {type(gold).__name__} came; "
            "write one dict per answer."
        )
    records = []
    for at, record in enumerate(gold):
        if not isinstance(record, Mapping):
            raise BadKind(
                f"gold must be a DataFrame or a list of dicts, but its entry {at + 1} is a "
                f"{type(record).__name__}; write one dict per answer."
            )
        if unknown := [name for name in record if name not in _FIELDS]:
            raise unknown_name(f"a field of gold item {at + 1}", unknown[0], _FIELDS)
        records.append({name: cell for name, cell in record.items() if not is_missing(cell)})
    return records


def _several(record: Mapping[str, Any], one: str, many: str) -> list[str]:
    """Return what a record names singly or as a list."""
    cell = record.get(many, record.get(one, []))
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    return [str(each) for each in ([cell] if isinstance(cell, (str, int)) else cell)]


def _outputs(
    record: Mapping[str, Any], material: "Material", where: str
) -> tuple[str, list[Shown]]:
    """Return the row and the outputs that a record names, in its own order."""
    row_id, texts = str(record.get("row_id", "")), _several(record, "text", "texts")
    if row_id and row_id not in material.rows:
        raise unknown_name(f"row_id of {where}", row_id, material.rows)
    if texts:
        names = [
            identifier("g", material.seed, row_id, str(at), *texts) for at in range(len(texts))
        ]
        shown = [
            Shown(name, f"text {at + 1:02}", writable(text))
            for at, (name, text) in enumerate(zip(names, texts, strict=True))
        ]
    elif names := _several(record, "output_id", "output_ids"):
        row_id, shown = _by_name(names, material, where)
    else:
        shown = _by_system(row_id, _several(record, "system", "systems"), material, where)
    if len(shown) != material.task.outputs:
        raise BadValue(
            f"{where} must name as many outputs as the task shows, {material.task.outputs}, but it "
            f"names {len(shown)}; name them by row_id and systems, or by output_ids."
        )
    return row_id, shown


def _by_name(names: list[str], material: "Material", where: str) -> tuple[str, list[Shown]]:
    for name in names:
        if name not in material.every:
            raise unknown_name(f"output_id of {where}", name, material.every)
    found = [material.every[name] for name in names]
    if len({row_id for row_id, _ in found}) > 1:
        raise BadValue(
            f"{where} must show outputs of one row, but those of several came: "
            f"{', '.join(map(repr, names))}; compare within a row."
        )
    return found[0][0], [shown for _, shown in found]


def _by_system(row_id: str, systems: list[str], material: "Material", where: str) -> list[Shown]:
    there = material.outputs.get(row_id, {})
    for system in systems:
        if system not in there:
            raise unknown_name(f"system of {where} (row {row_id!r})", system, there)
    return [there[system] for system in systems or there]


def _bare(
    record: Mapping[str, Any], row_id: str, outputs: Sequence[Shown], material: "Material"
) -> Item:
    """Return the item without its answers; what a record says of the row comes before the row."""
    said: dict[str, Any] = {
        name: writable(str(record[name]))
        for name, shown in (
            ("source", material.task.source),
            ("reference", material.task.reference),
        )
        if name in record and shown
    }
    if row_id:
        return material.item(row_id, outputs, "gold", **said)
    names = [output.output_id for output in outputs]
    return Item(
        identifier("i", material.seed, "", *names), "", tuple(outputs), purpose="gold", **said
    )


def _expected(
    record: Mapping[str, Any],
    item: Item,
    outputs: Sequence[Shown],
    material: "Material",
    where: str,
) -> dict[str, Any]:
    """Return the answer that a record expects, checked, and in the letters of the item."""
    questions = {question.name: question for question in material.task.questions}
    name = record.get("question", next(iter(questions)) if len(questions) == 1 else "")
    if name not in questions:
        raise unknown_name(f"question of {where}", name, questions)
    if "value" not in record:
        raise BadValue(f"{where} must have the value that is expected, but it has none; add it.")
    question = questions[name]
    letters = {
        LETTERS[at]: LETTERS[item.outputs.index(output)] for at, output in enumerate(outputs)
    }
    texts = {letter: output.text for letter, output in zip(letters, outputs, strict=True)}
    target = str(record.get("target", "A"))
    if not question.comparative:
        if target not in letters:
            raise unknown_name(f"target of {where}", target, letters)
        texts = {target: texts[target]}
    try:
        value = _checked(question, record["value"], texts, item.source)
    except BadValue as error:
        raise BadValue(f"{where} must expect an answer that can be given: {error}") from None
    if question.kind == "scale":
        value = _range(question, value, record.get("tolerance", 0), where)
    if question.comparative:
        return {name: relabelled(question, value, letters)}
    return {name: value if len(outputs) == 1 else {letters[target]: value}}


def _checked(question: Question, value: Any, texts: Mapping[str, str], source: str) -> Any:  # noqa: ANN401 - any answer
    """Return an answer as it is kept; of a preference without a strength, any strength will do."""
    if question.kind != "preference":
        return question.check(value, texts=texts, source=source)
    given = {"choice": value} if isinstance(value, str) else value
    full = given
    if isinstance(given, Mapping) and given.get("choice") in texts:
        full = {"strength": 1, **given}
    kept = question.check(full, texts=texts, source=source)
    return {part: kept[part] for part in given if part in kept}


def _range(question: Question, value: float, tolerance: object, where: str) -> dict[str, float]:
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not tolerance >= 0:
        raise BadValue(
            f"tolerance of {where} must be a number, not negative, but {tolerance!r} came; "
            "correct it."
        )
    low, high = question.low, question.high  # type: ignore[attr-defined]
    return {"low": max(low, value - tolerance), "high": min(high, value + tolerance)}


def _merged(one: Mapping[str, Any], other: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Put answers to several questions, or about several outputs, together."""
    merged = dict(one)
    for name, value in other.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        if name in merged and not (both and not merged[name].keys() & value.keys()):
            raise BadValue(
                f"{where} must be the only one that answers {name!r} for its outputs, but another "
                "does; remove one."
            )
        merged[name] = {**merged[name], **value} if name in merged else value
    return merged


def relabelled(question: Question, value: Any, letters: Mapping[str, str]) -> Any:  # noqa: ANN401
    """Return a comparison in other letters.

    Parameters
    ----------
    question : Question
        What was asked.
    value : JSON
        The answer.
    letters : mapping of str to str
        From the letters it is in to those it should be in.
    """
    if question.kind == "ranking":
        return {new: value[new_of] for new_of, new in sorted(letters.items(), key=lambda p: p[1])}
    return {
        part: letters.get(each, each) if isinstance(each, str) else each
        for part, each in value.items()
    }


def _loud(material: "Material", row_id: str, question: Question, at: int) -> Item:
    """Make one loud check that asks for one answer to one question."""
    systems = list(material.outputs[row_id])
    while len(systems) < material.task.outputs:  # a row with failures
        systems.append(f"check {len(systems)}")
    seed, k = material.seed, material.task.outputs
    draw = drawn(seed, 2**64, "loud", str(at))
    answer, orders = _orders(question, k, draw)
    outputs = tuple(
        Shown(
            identifier("c", seed, "loud", str(at), str(place)),
            system,
            f"This is a check that texts are read. Please {order} “{question.text or question.name}”."
            " To any other question, answer what you like.",
        )
        for place, (system, order) in enumerate(zip(sorted(systems[:k]), orders, strict=True))
    )
    return material.item(row_id, outputs, "check", expected={question.name: answer})


def _orders(question: Question, k: int, draw: int) -> tuple[Any, list[str]]:
    """Return an answer, and what each text says so that together they ask for it."""
    if question.comparative:
        return _comparison(question, k, draw)
    if question.kind == "scale":
        n_values = question.n_values  # type: ignore[attr-defined]
        low, step = question.low, question.step  # type: ignore[attr-defined]
        value = question.check(low + draw % n_values * step, texts={"A": ""})
        answer: Any = {"low": value, "high": value}
        order = f"answer {value} to"
    else:
        option = question.options[draw % len(question.options)]  # type: ignore[attr-defined]
        answer = [option] if question.several else option  # type: ignore[attr-defined]
        order = f"choose {option!r} and nothing else for"
    return answer if k == 1 else {LETTERS[at]: answer for at in range(k)}, [order] * k


def _comparison(question: Question, k: int, draw: int) -> tuple[Any, list[str]]:
    """Return a comparison, and what each text says; none may speak of a letter or a side."""
    first = draw % k
    places = [(at - first) % k for at in range(k)]
    if question.kind == "preference":
        return {"choice": LETTERS[first]}, [
            "choose this text for" if not place else "do not choose this text for"
            for place in places
        ]
    if question.kind == "ranking":
        return {LETTERS[at]: place + 1 for at, place in enumerate(places)}, [
            f"give this text rank {place + 1} for" for place in places
        ]
    orders = {0: "choose this text as the best for", k - 1: "choose this text as the worst for"}
    return {"best": LETTERS[first], "worst": LETTERS[(first + k - 1) % k]}, [
        orders.get(place, "choose this text neither as the best nor as the worst for")
        for place in places
    ]


def _judged_worse(question: Question, original: Item, at: int) -> Any:  # noqa: ANN401 - any answer
    """Return the answer expected where output `at` was made worse; None where there is none."""
    k, letter = len(original.outputs), LETTERS[at]
    if question.kind in {"scale", "spans"}:
        worse = {"worse_than": original.item_id}
        return worse if k == 1 else {letter: worse}
    if question.kind == "preference":
        return {"choice": LETTERS[1 - at]}
    if question.kind == "best-worst":
        return {"worst": letter}
    # where others may share a rank, the last rank has no fixed number
    if question.kind == "ranking" and (k == 2 or not question.ties):  # type: ignore[attr-defined]
        return {letter: k}
    return None


def _worse(original: Item, output: Shown, material: "Material") -> str | None:
    """Return a worse text in place of an output's."""
    ways = [_of_another_row(original, output, material), _with_gap(original, output, material)]
    if drawn(material.seed, 2, "way", original.item_id):
        ways.reverse()
    return next((text for text in ways if text is not None), None)


def _of_another_row(original: Item, output: Shown, material: "Material") -> str | None:
    rows = material.rows_of(output.system)
    start = drawn(material.seed, max(1, len(rows)), "other row", original.item_id)
    for step in range(min(_TRIES, len(rows))):
        row_id = rows[(start + step) % len(rows)]
        other = material.outputs[row_id][output.system].text
        if row_id != original.row_id and other.strip() and other != output.text:
            return other
    return None


def _with_gap(original: Item, output: Shown, material: "Material") -> str | None:
    """Return the text without some words that follow each other, or letters where it has no words."""
    words, glue = output.text.split(), " "
    if len(words) == 1:
        words, glue = list(words[0]), ""
    n = len(words)
    n_gone = next((bad for longest, bad in _BAD_WORDS if n <= longest), n // 4)
    if n_gone >= n:
        return None
    start = drawn(material.seed, n - n_gone + 1, "gap", original.item_id)
    return glue.join(words[:start] + words[start + n_gone :])
