"""Gold items and attention checks: what they show, and what they expect."""

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.ratings import BestWorst, Labels, Preference, Ranking, Scale, Spans, Task, Text
from workbench.ratings.assignment.controls import (
    gold_items,
    loud_checks,
    refuse_silent,
    silent_check,
)
from workbench.ratings.assignment.material import gathered

FLUENCY = Scale("fluency", 1, 5)
BETTER = Preference("better")


def material(*questions, outputs=1, n_rows=4, systems="ab", seed=0, **fields):
    rows = wb.read([{"row_id": f"row{at}", "input": f"Satz {at}"} for at in range(n_rows)])
    texts = {
        system: [f"{system} says these seven words of row {at}" for at in range(n_rows)]
        for system in systems
    }
    task = Task("t", questions, outputs=outputs, **fields)
    return gathered(wb.outputs(rows, texts), rows, task, seed)


def test_gold_of_a_scale_expects_a_range_within_the_scale():
    record = {
        "row_id": "row1", "system": "b", "question": "fluency", "value": 5, "tolerance": 1,
        "explanation": "It has no fault.",
    }  # fmt: skip
    (item,) = gold_items([record], material(FLUENCY))
    assert item.purpose == "gold"
    assert item.output_ids == ("b:row1:0",)
    assert item.source == "Satz 1"
    assert item.expected == {"fluency": {"low": 4, "high": 5}}
    assert item.explanation == "It has no fault."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A", {"choice": "B"}),
        ({"choice": "B"}, {"choice": "A"}),
        ({"choice": "A", "strength": 3}, {"choice": "B", "strength": 3}),
        ({"choice": "tie"}, {"choice": "tie"}),
    ],
)
def test_letters_of_gold_are_turned_into_the_order_of_the_item(value, expected):
    record = {"row_id": "row1", "systems": ["b", "a"], "question": "better", "value": value}
    (item,) = gold_items([record], material(Preference("better", strength=3), outputs=2))
    assert item.systems == ("a", "b")
    assert item.expected == {"better": expected}


def test_a_gold_ranking_and_best_worst_follow_their_outputs():
    asked = material(Ranking("order"), BestWorst("ends"), outputs=3, systems="abc")
    named = {"output_ids": ["c:row0:0", "a:row0:0", "b:row0:0"]}
    records = [
        named | {"question": "order", "value": {"A": 1, "B": 2, "C": 3}},
        named | {"question": "ends", "value": {"best": "A", "worst": "C"}},
    ]
    (item,) = gold_items(records, asked)
    assert item.expected == {
        "order": {"A": 2, "B": 3, "C": 1},
        "ends": {"best": "C", "worst": "B"},
    }


def test_gold_about_one_of_two_outputs_names_it_by_a_letter():
    asked = material(FLUENCY, outputs=2)
    named = {"row_id": "row0", "systems": ["b", "a"], "question": "fluency"}
    records = [named | {"target": "A", "value": 5}, named | {"target": "B", "value": 1}]
    (item,) = gold_items(records, asked)
    assert item.expected == {"fluency": {"B": {"low": 5, "high": 5}, "A": {"low": 1, "high": 1}}}


def test_gold_may_bring_its_own_texts_and_come_as_a_frame():
    frame = pd.DataFrame(
        {"text": ["Good.", "Bad."], "source": ["Gut.", None], "value": [5, 1], "row_id": None}
    )
    good, bad = gold_items(frame, material(FLUENCY))
    assert [good.outputs[0].text, good.source, good.row_id] == ["Good.", "Gut.", ""]
    assert bad.source == ""
    assert good.item_id != bad.item_id


GOLD_ERRORS = {
    "row": (
        {"row_id": "row9", "value": 1},
        "row_id of gold item 1 must be one of 'row0', 'row1', 'row2', 'row3', but 'row9' came; did "
        "you mean 'row3'?",
    ),
    "system": (
        {"row_id": "row1", "system": "c", "value": 1},
        "system of gold item 1 (row 'row1') must be one of 'a', 'b', but 'c' came.",
    ),
    "output": (
        {"output_id": "a:row1", "value": 1},
        "output_id of gold item 1 must be one of 'a:row0:0', 'a:row1:0', 'a:row2:0', 'a:row3:0', "
        "'b:row0:0', 'b:row1:0', 'b:row2:0', 'b:row3:0', but 'a:row1' came; did you mean "
        "'a:row1:0'?",
    ),
    "too many": (
        {"row_id": "row1", "value": 1},
        "gold item 1 must name as many outputs as the task shows, 1, but it names 2; name them by "
        "row_id and systems, or by output_ids.",
    ),
    "no value": (
        {"output_id": "a:row1:0"},
        "gold item 1 must have the value that is expected, but it has none; add it.",
    ),
    "question": (
        {"output_id": "a:row1:0", "question": "flow", "value": 1},
        "question of gold item 1 must be one of 'fluency', but 'flow' came.",
    ),
    "tolerance": (
        {"output_id": "a:row1:0", "value": 1, "tolerance": -1},
        "tolerance of gold item 1 must be a number, not negative, but -1 came; correct it.",
    ),
    "field": (
        {"output": "a:row1:0", "value": 1},
        "a field of gold item 1 must be one of 'row_id', 'system', 'systems', 'output_id', "
        "'output_ids', 'text', 'texts', 'source', 'reference', 'question', 'target', 'value' …, "
        "but 'output' came; did you mean 'output_id'?",
    ),
}


@pytest.mark.parametrize(("record", "said"), GOLD_ERRORS.values(), ids=GOLD_ERRORS)
def test_gold_that_cannot_be_is_refused(record, said):
    with pytest.raises(InputError) as caught:
        gold_items([record], material(FLUENCY))
    assert str(caught.value) == said


def test_gold_with_an_answer_that_cannot_be_given_says_why():
    with pytest.raises(InputError) as caught:
        gold_items([{"output_id": "a:row1:0", "value": 9}], material(FLUENCY))
    assert str(caught.value) == (
        "gold item 1 must expect an answer that can be given: the answer to 'fluency' must be a "
        "number from 1 to 5, but 9 came; choose one of these."
    )


def test_gold_that_answers_twice_is_refused():
    record = {"output_id": "a:row1:0", "value": 3}
    with pytest.raises(InputError) as caught:
        gold_items([record, record | {"value": 4}], material(FLUENCY))
    assert str(caught.value) == (
        "gold item 2 must be the only one that answers 'fluency' for its outputs, but another "
        "does; remove one."
    )


@pytest.mark.parametrize("gold", ["gold.csv", 3, {"row_id": "row1"}])
def test_gold_that_is_no_list_is_refused(gold):
    with pytest.raises(InputError) as caught:
        gold_items(gold, material(FLUENCY))
    assert str(caught.value) == (
        f"gold must be a DataFrame or a list of dicts, but a {type(gold).__name__} came; write one "
        "dict per answer."
    )


def original(made, row="row0", systems="a"):
    return made.item(row, [made.outputs[row][system] for system in systems])


def test_a_silent_check_is_worse_than_its_original_to_which_it_is_linked():
    made = material(FLUENCY)
    first = original(made)
    check = silent_check(first, made)
    assert check.purpose == "check"
    assert check.expected == {"fluency": {"worse_than": first.item_id}}
    assert (check.row_id, check.systems, check.source) == ("row0", ("a",), "Satz 0")
    assert check.output_ids != first.output_ids
    assert check.item_id != first.item_id


def test_silent_checks_show_another_rows_text_or_lack_words():
    seen = set()
    for seed in range(20):
        made = material(FLUENCY, seed=seed)
        text = silent_check(original(made), made).outputs[0].text
        others = {made.outputs[f"row{at}"]["a"].text for at in (1, 2, 3)}
        words = made.outputs["row0"]["a"].text.split()
        # of nine words four are dropped, in one place (Graham et al. 2017)
        gaps = {" ".join(words[:at] + words[at + n :]) for n in (3, 4) for at in range(len(words))}
        assert text in others | gaps
        seen.add(text in others)
    assert seen == {True, False}


def test_a_silent_check_of_a_comparison_expects_the_worse_text_to_lose():
    made = material(BETTER, outputs=2)
    first = original(made, systems="ab")
    check = silent_check(first, made)
    (worse,) = [
        at
        for at, (one, other) in enumerate(zip(first.outputs, check.outputs, strict=True))
        if one != other
    ]
    assert check.expected == {"better": {"choice": "BA"[worse]}}


def test_a_silent_check_needs_a_text_that_can_become_worse():
    rows = wb.read([{"input": "x"}])
    made = gathered(wb.outputs(rows, {"a": ["w"]}), rows, Task("t", [FLUENCY]), 0)
    assert silent_check(made.item("1", [made.outputs["1"]["a"]]), made) is None


def test_a_task_in_which_nothing_can_be_worse_has_no_silent_checks():
    with pytest.raises(InputError) as caught:
        refuse_silent(material(Text("critique")))
    assert str(caught.value) == (
        "a silent check must be judged worse than its original, but the task has no scale, spans "
        "or comparison to show it; use loud checks or gold items."
    )
    refuse_silent(material(Spans("errors", ["accuracy"])))


def test_loud_checks_say_the_answer_that_they_expect():
    made = material(FLUENCY, Labels("flags", ["rude", "wrong"]))
    checks = loud_checks(made, 40)
    assert len({check.item_id for check in checks}) == 40
    for check in checks:
        ((name, answer),) = check.expected.items()
        wanted = f"answer {answer['low']} to" if name == "fluency" else f"choose {answer[0]!r} and"
        assert wanted in check.outputs[0].text
    assert {check.expected["fluency"]["low"] for check in checks[::2]} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("question", [BETTER, Ranking("better")])
def test_loud_checks_of_a_comparison_name_no_side(question):
    for check in loud_checks(material(question, outputs=2), 10):
        answer = check.expected["better"]
        best = answer["choice"] if "choice" in answer else min(answer, key=answer.get)
        texts = [output.text for output in check.outputs]
        said = ("choose this text for", "rank 1 for")
        assert [
            any(each in text and "not choose" not in text for each in said) for text in texts
        ] == [
            best == "A",
            best == "B",
        ]


def test_loud_checks_of_best_worst_name_both_ends():
    (check,) = loud_checks(material(BestWorst("ends"), outputs=4, systems="abcd"), 1)
    texts = dict(zip("ABCD", [output.text for output in check.outputs], strict=True))
    assert "as the best" in texts.pop(check.expected["ends"]["best"])
    assert "as the worst" in texts.pop(check.expected["ends"]["worst"])
    assert all("neither as the best nor as the worst" in text for text in texts.values())


def test_loud_checks_of_free_text_are_refused():
    with pytest.raises(InputError) as caught:
        loud_checks(material(Text("critique")), 1)
    assert str(caught.value) == (
        "a loud check must name an answer, but the task has no scale, labels or comparison to name "
        "it for; use gold items."
    )
