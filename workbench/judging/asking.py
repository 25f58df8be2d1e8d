"""OUTPUTS to RATINGS: a judge asked about every output, or every two, through the runner."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from workbench import tables
from workbench.errors import BadKind, BadValue, some, unknown_name
from workbench.judging.answers import Verdict, parsed
from workbench.judging.judges import Judge, Pointwise, delimited
from workbench.runs import run
from workbench.tables import OUTPUTS, RATINGS, ROWS, is_missing

if TYPE_CHECKING:
    import pandas as pd

    from workbench.runs import Estimate

# What the runner calls an answer that may be JSON: its own check knows no block of Markdown.
_READABLE = {"ok", "parse_failure"}

_COLUMNS = [
    "rating_id", "item_id", "rater", "question", "value", "row_id", "output_ids", "system",
    "system_a", "system_b", "side", "repeat", "category", "reasoning", "cost_usd", "signature",
]  # fmt: skip


@overload
def judge(
    outputs: "pd.DataFrame",
    rows: "pd.DataFrame",
    *,
    by: Judge,
    baseline: str | None = ...,
    repeats: int = ...,
    estimate: Literal[True],
    **running: Any,  # noqa: ANN401 - see wb.run
) -> "Estimate": ...
@overload
def judge(
    outputs: "pd.DataFrame",
    rows: "pd.DataFrame",
    *,
    by: Judge,
    baseline: str | None = ...,
    repeats: int = ...,
    estimate: Literal[False] = ...,
    **running: Any,  # noqa: ANN401 - see wb.run
) -> "pd.DataFrame": ...
def judge(
    outputs: "pd.DataFrame",
    rows: "pd.DataFrame",
    *,
    by: Judge,
    baseline: str | None = None,
    repeats: int = 1,
    estimate: bool = False,
    **running: Any,
) -> "pd.DataFrame | Estimate":
    """Ask a judge about outputs: marks of each, or preferences between each two in both orders.

    Parameters
    ----------
    outputs : DataFrame
        OUTPUTS. What has no text or an error is not asked about, and counts as missing.
    rows : DataFrame
        ROWS: what was asked, and references where the judge is to see them.
    by : Pairwise or Pointwise
        The judge.
    baseline : str, optional
        Of a pairwise judge: compare each system with this one; by default each two systems.
    repeats : int
        How often each question is asked.
    estimate : bool
        Say how many calls, tokens and dollars it would take instead of asking.
    **running
        What `wb.run` takes: `store`, `name`, `budget`, `prices`, `retries`, `retry_failures`,
        `time_limit_s`, `progress`.

    Returns
    -------
    DataFrame
        RATINGS, one row per question asked, and further `repeat`, `category` (what became of the
        answer, as of any run; "no output" where nothing was asked), `reasoning`, `cost_usd` and
        `signature`. A value is a mark, or "a", "b" or "tie" for `system_a` or `system_b`, which was
        shown first as `side` says; it is missing where the answer is no JSON of the schema.
        `attrs["run"]` is the folder of the run.

    Raises
    ------
    BadValue
        If there is nothing to judge, an output is of no row, a row has no reference that the judge
        is to see, or the run cannot begin.
    UnknownName
        If there is no such baseline.

    Notes
    -----
    The judge learns no system's name. What it judges stands between marks that no author of a text
    could know, and never becomes a part of the template; its answer is read as JSON or not at all.

    References
    ----------
    Zheng et al. (2023), "Judging LLM-as-a-judge with MT-bench and Chatbot Arena", section 3.4, for
    both orders and the reference.

    Examples
    --------
    >>> import workbench as wb
    >>> from workbench.judging import Pairwise
    >>> def shorter(messages, **parameters):
    ...     texts = messages[-1]["content"].split(" begins]]")
    ...     better = "first" if len(texts[2]) < len(texts[3]) else "second"
    ...     return f'{{"reasoning": "It is shorter.", "better": "{better}"}}'
    >>> rows = wb.read([{"input": "Say hello."}])
    >>> outputs = wb.outputs(rows, {"polite": ["Good morning to you"], "brief": ["Hi"]})
    >>> by = Pairwise(wb.Function(shorter), criterion="which is shorter")
    >>> judge(outputs, rows, by=by)[["system_a", "system_b", "side", "value"]]
      system_a system_b    side value
    0    brief   polite   brief     a
    1    brief   polite  polite     a
    """
    if not isinstance(by, Judge):
        raise BadKind(
            f"`by` must be a Pairwise or a Pointwise judge, but a {type(by).__name__} came; make one "
            "with wb.judging.Pairwise(model, …)."
        )
    questions = list(_questions(OUTPUTS.check(outputs, source="outputs"), by, baseline))
    asked = [each for each in questions if each.is_whole]
    if not asked:
        raise BadValue(
            f"a judge must be asked about something, but of {len(questions)} questions none has its "
            "outputs; give outputs with texts, of two systems for a pairwise judge."
        )
    calls = _calls(asked, ROWS.check(rows, source="rows"), by)
    calls.attrs["name"] = f"{rows.attrs.get('name', 'rows')} judged by {by.rater}"
    options = {"models": [by.model], "prompts": [by.asks], "repeats": repeats, **running}
    if estimate:
        return run(calls, estimate=True, **options)
    answers = run(calls, **options)
    return _ratings(questions, answers, by, repeats)


class _Question(NamedTuple):
    """What a judge is asked: one output to mark, or two in the order shown."""

    name: str
    item: str
    shown: tuple[Mapping[str, Any], ...]
    pair: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every output has a text and no error."""
        return all(
            not is_missing(each["text"]) and is_missing(each.get("error")) for each in self.shown
        )


def _questions(outputs: "pd.DataFrame", by: Judge, baseline: str | None) -> Iterator[_Question]:
    records = tables.each_row(outputs)
    if isinstance(by, Pointwise):
        for each in records:
            yield _Question(each["output_id"], each["output_id"], (each,), ())
        return
    systems = sorted({each["system"] for each in records})
    if baseline is not None and baseline not in systems:
        raise unknown_name("baseline", baseline, systems)
    pairs = list(combinations(systems, 2))
    if baseline is not None:
        pairs = [(each, baseline) for each in systems if each != baseline]
    answers: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in sorted(records, key=lambda each: (each.get("repeat") or 0, each["output_id"])):
        answers.setdefault((each["row_id"], each["system"]), []).append(each)
    for row_id in dict.fromkeys(each["row_id"] for each in records):
        for pair in pairs:
            yield from _both_orders(pair, *(answers.get((row_id, each), []) for each in pair))


def _both_orders(
    pair: tuple[str, str], first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> Iterator[_Question]:
    """Yield both orders of each two outputs; who answered less often is compared again."""
    for at in range(max(len(first), len(second)) if first and second else 0):
        one, other = first[at % len(first)], second[at % len(second)]
        item = f"{one['output_id']} | {other['output_id']}"
        for shown in ((one, other), (other, one)):
            yield _Question(f"{item} | {shown[0]['system']} first", item, shown, pair)


def _calls(asked: Sequence[_Question], rows: "pd.DataFrame", by: Judge) -> "pd.DataFrame":
    """Return what the runner asks: one row per question, its texts between their marks."""
    import pandas as pd

    known = {row["row_id"]: row for row in tables.each_row(rows)}
    if lost := sorted({row for each in asked if (row := each.shown[0]["row_id"]) not in known}):
        raise BadValue(
            f"outputs must answer rows that there are, but {some(lost)} are not among the "
            f"{len(known)} rows; give the dataset that was answered."
        )
    records = []
    for each in asked:
        row = known[each.shown[0]["row_id"]]
        texts = {"input": _told(row["input"])}
        texts |= dict(zip(by.texts[1:], (shown["text"] for shown in each.shown), strict=True))
        if by.reference:
            texts["reference"] = _reference(row)
        records.append({"row_id": each.name, **delimited(texts)})
    return pd.DataFrame.from_records(records)


def _told(content: object) -> str:
    """Return what was asked as one text, a chat turn by turn."""
    if isinstance(content, str) or not isinstance(content, (list, tuple)):
        return str(content)
    turns = [each if isinstance(each, Mapping) else {"content": each} for each in content]
    return "\n\n".join(f"{each.get('role', 'user')}: {each.get('content', '')}" for each in turns)


def _reference(row: Mapping[str, Any]) -> str:
    references = row.get("references")
    if is_missing(references) or references is None or not len(references):
        raise BadValue(
            "a judge that compares with a reference must have one for each row, but row "
            f"{row['row_id']!r} has none; add it, or use reference=False."
        )
    return str(references[0])


def _ratings(
    questions: Sequence[_Question], answers: "pd.DataFrame", by: Judge, repeats: int
) -> "pd.DataFrame":
    import pandas as pd

    found = {(each["row_id"], int(each["repeat"])): each for each in tables.each_row(answers)}
    records = [
        _rating(question, found.get((question.name, repeat)), by, repeat)
        for question in questions
        for repeat in range(repeats)
    ]
    frame = pd.DataFrame.from_records(records, columns=_COLUMNS)
    if isinstance(by, Pointwise):
        frame = frame.drop(columns=["system_a", "system_b", "side"])
    else:
        frame = frame.drop(columns="system")
    checked = RATINGS.check(frame, source="the judge's answers")
    checked.attrs |= {"run": answers.attrs.get("run")}
    return checked


def _rating(
    question: _Question, answer: Mapping[str, Any] | None, by: Judge, repeat: int
) -> dict[str, Any]:
    category, verdict = "no output", None
    if answer is not None:
        category = answer["category"]
        if category in _READABLE and not is_missing(answer["text"]):
            verdict = parsed(answer["text"], by.member, by.choices)
            category = "ok" if verdict else "parse_failure"
    record = {
        "rating_id": f"{question.name} | {by.rater} | {by.question} | {repeat}",
        "item_id": question.item,
        "rater": by.rater,
        "question": by.question,
        "value": _value(question, verdict),
        "row_id": question.shown[0]["row_id"],
        "output_ids": [each["output_id"] for each in question.shown],
        "repeat": repeat,
        "category": category,
        "reasoning": verdict.reasoning if verdict else None,
        "cost_usd": answer["cost_usd"] if answer else None,
        "signature": by.signature,
    }
    if not question.pair:
        return record | {"system": question.shown[0]["system"]}
    a, b = question.pair
    return record | {"system_a": a, "system_b": b, "side": question.shown[0]["system"]}


def _value(question: _Question, verdict: Verdict | None) -> str | int | None:
    """Return the verdict in the terms of RATINGS: a place becomes a system."""
    if verdict is None or not question.pair:
        return verdict.choice if verdict else None
    if verdict.choice == "tie":
        return "tie"
    chosen = question.shown[verdict.choice == "second"]["system"]
    return "a" if chosen == question.pair[0] else "b"
