"""Asking judges through the runner: both orders, the cache, failures, and what a judge may know."""

import json
import re
from decimal import Decimal

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.judging import Pairwise, Pointwise, judge, preferences
from workbench.pricing import Price

ROWS = wb.read(
    [
        {"row_id": "r1", "input": "Say hello.", "references": ["Hello"]},
        {"row_id": "r2", "input": [{"role": "user", "content": "Say bye."}], "references": ["Bye"]},
    ]
)
OUTPUTS = wb.outputs(
    ROWS,
    {"brief": ["Hi", "Bye"], "polite": ["Good morning", "Good bye to you"], "odd": ["Ho", "By"]},
)
PAIR = OUTPUTS[OUTPUTS["system"] != "odd"]


def materials(messages):
    """The texts that a request holds between marks, in their order."""
    found = re.findall(
        r"\[\[material (\w+) begins\]\]\n(.*?)\n\[\[material \1 ends\]\]",
        messages[-1]["content"],
        re.DOTALL,
    )
    return [text for _, text in found]


class Model:
    """A judge that prefers the shorter answer, counts what it is asked, and remembers it."""

    def __init__(self, answer=None):
        self.asked = []
        self.answer = answer

    def __call__(self, messages, **parameters):
        self.asked.append((messages, parameters))
        if self.answer:
            return self.answer
        _, *texts = materials(messages)
        if len(texts) == 1:
            return json.dumps({"reasoning": "By length.", "score": min(5, len(texts[0]))})
        better = "first" if len(texts[0]) < len(texts[1]) else "second"
        return json.dumps({"reasoning": "It is shorter.", "better": better})


def pairwise(model, **options):
    return Pairwise(wb.Function(model, name="toy"), criterion="which is shorter", **options)


def pointwise(model, **options):
    anchors = {1: "short", 5: "long"}
    return Pointwise(
        model=wb.Function(model, name="toy"), criterion="how long it is", question="length",
        anchors=anchors, **options,
    )  # fmt: skip


def test_each_two_outputs_are_asked_about_in_both_orders():
    model = Model()
    found = judge(PAIR, ROWS, by=pairwise(model))
    columns = ["row_id", "system_a", "system_b", "side", "value", "category", "repeat"]
    assert found[columns].to_numpy().tolist() == [
        ["r1", "brief", "polite", "brief", "a", "ok", 0],
        ["r1", "brief", "polite", "polite", "a", "ok", 0],
        ["r2", "brief", "polite", "brief", "a", "ok", 0],
        ["r2", "brief", "polite", "polite", "a", "ok", 0],
    ]
    assert found["output_ids"].tolist()[:2] == [
        ["brief:r1:0", "polite:r1:0"],
        ["polite:r1:0", "brief:r1:0"],
    ]
    assert set(found["rater"]) == {"toy"}
    assert sorted(map(materials, [each for each, _ in model.asked])) == [
        ["Say hello.", "Good morning", "Hi"], ["Say hello.", "Hi", "Good morning"],
        ["user: Say bye.", "Bye", "Good bye to you"], ["user: Say bye.", "Good bye to you", "Bye"],
    ]  # fmt: skip
    # with four answers that agree no flip is seen, and nothing can be told of two rows
    shown = preferences(found, samples=100).frame.iloc[0]
    assert (shown["win_rate"], shown["flip_rate"], shown["verdict"]) == (1, 0, "undecided")


def test_a_judge_is_asked_by_its_prompt_and_parameters():
    model = Model()
    by = pairwise(model)
    judge(PAIR, ROWS, by=by)
    assert all(parameters == dict(by.asks.parameters) for _, parameters in model.asked)


def test_every_pair_of_systems_is_compared_or_each_with_the_baseline():
    pairs = {
        tuple(each)
        for each in judge(OUTPUTS, ROWS, by=pairwise(Model()))[["system_a", "system_b"]].to_numpy()
    }
    assert pairs == {("brief", "odd"), ("brief", "polite"), ("odd", "polite")}
    found = judge(OUTPUTS, ROWS, by=pairwise(Model()), baseline="brief")
    assert {tuple(each) for each in found[["system_a", "system_b"]].to_numpy()} == {
        ("odd", "brief"), ("polite", "brief"),
    }  # fmt: skip
    assert set(found.loc[found["system_a"] == "polite", "value"]) == {"b"}


def test_marks_are_numbers_beside_the_output_they_are_of():
    found = judge(PAIR, ROWS, by=pointwise(Model()))
    assert found[["row_id", "system", "question", "value"]].to_numpy().tolist() == [
        ["r1", "brief", "length", 2], ["r2", "brief", "length", 3],
        ["r1", "polite", "length", 5], ["r2", "polite", "length", 5],
    ]  # fmt: skip
    assert "system_a" not in found
    scores = wb.score(PAIR, ROWS, [wb.judging.Rated(found, bounds=(1, 5))])
    assert wb.compare(scores, baseline="brief").frame["delta"].tolist() == [2.5]
    assert scores.signatures["rating:length"] == (
        f"rating:length|value:mean|{pointwise(Model()).signature}|version:wb1"
    )


def test_repeats_are_asked_again_and_kept_apart():
    model = Model()
    found = judge(PAIR, ROWS, by=pairwise(model), repeats=3)
    assert len(model.asked) == len(found) == 12
    assert found["rating_id"].is_unique
    assert found.groupby("item_id")["repeat"].agg(list).tolist() == [[0, 1, 2, 0, 1, 2]] * 2


def test_repeats_of_systems_meet_their_like_and_the_fewer_come_again():
    outputs = wb.outputs(
        ROWS, {"brief": ["Hi", "Bye"], "polite": [["Hello", "Hello you"], ["Good bye", "Bye now"]]}
    )
    found = judge(outputs, ROWS, by=pairwise(Model()))
    assert found["output_ids"].map(sorted).drop_duplicates().tolist() == [
        ["brief:r1:0", "polite:r1:0"], ["brief:r1:0", "polite:r1:1"],
        ["brief:r2:0", "polite:r2:0"], ["brief:r2:0", "polite:r2:1"],
    ]  # fmt: skip
    assert preferences(found, samples=100).frame["n"].tolist() == [2]


def test_a_second_run_asks_nothing_again_and_says_the_same(tmp_path):
    model = Model()
    first = judge(PAIR, ROWS, by=pairwise(model), store=tmp_path)
    again = judge(PAIR, ROWS, by=pairwise(model), store=tmp_path)
    assert len(model.asked) == 4
    pd.testing.assert_frame_equal(first, again)
    assert str(tmp_path) in again.attrs["run"]
    judge(PAIR, ROWS, by=pairwise(model, ties=False), store=tmp_path)
    assert len(model.asked) == 8


def test_an_estimate_asks_nobody():
    model = Model()
    assert judge(PAIR, ROWS, by=pairwise(model), repeats=2, estimate=True).n_calls == 8
    assert model.asked == []


def test_what_is_no_answer_is_counted_by_its_reason():
    found = judge(PAIR, ROWS, by=pairwise(Model("The first one, surely.")))
    assert set(found["category"]) == {"parse_failure"}
    assert found["value"].isna().all()
    shown = preferences(found, samples=100).frame.iloc[0]
    assert (shown["n_failed"], shown["n_asked"], shown["n"]) == (4, 4, 0)
    refused = judge(
        PAIR, ROWS, by=pairwise(Model("I'm sorry, but I can't help with that."), answers="text")
    )
    assert set(refused["category"]) == {"refusal"}


def test_what_a_budget_left_out_is_said_and_missing():
    found = judge(PAIR, ROWS, by=pairwise(Model()), budget=wb.Budget(calls=3))
    assert found["category"].tolist().count("skipped") == 1
    shown = preferences(found, samples=100).frame.iloc[0]
    assert (shown["n"], shown["n_failed"], shown["lowest"], shown["highest"]) == (1, 1, 0.5, 1)


def test_json_in_a_block_of_markdown_is_read_whatever_the_endpoint_was_asked():
    model = Model('```json\n{"reasoning": "", "better": "tie"}\n```')
    assert set(judge(PAIR, ROWS, by=pairwise(model))["value"]) == {"tie"}


def test_an_output_that_failed_is_not_asked_about_and_counts_as_missing():
    outputs = wb.outputs(ROWS, {"brief": ["Hi", None], "polite": ["Hello", "Good bye"]})
    model = Model()
    found = judge(outputs, ROWS, by=pairwise(model))
    assert found["category"].tolist() == ["ok", "ok", "no output", "no output"]
    assert len(model.asked) == 2
    assert preferences(found, samples=100).frame[
        ["n", "n_asked", "n_failed"]
    ].to_numpy().tolist() == [[1, 4, 2]]


def test_a_judge_learns_no_name_of_a_system_and_no_place_in_the_dataset():
    outputs = wb.outputs(ROWS, {"zyzzyva-large": ["Hi", "Bye"], "quokka-mini": ["Hello", "Ciao"]})
    model = Model()
    judge(outputs, ROWS, by=pairwise(model))
    sent = json.dumps(model.asked)
    assert not any(name in sent for name in ("zyzzyva", "quokka", "r1", "r2"))


def test_a_hostile_output_breaks_neither_the_request_nor_the_answer(storable):
    if not storable.strip():
        return
    outputs = wb.outputs(ROWS, {"brief": [storable, "Bye"], "polite": ["Hello", "Good bye"]})
    model = Model()
    found = judge(outputs, ROWS, by=pairwise(model))
    assert set(found["category"]) == {"ok"}
    told = [materials(each) for each, _ in model.asked]
    assert [storable in each for each in told].count(True) == 2


def test_a_reference_reaches_the_judge_and_must_be_there():
    model = Model()
    judge(PAIR, ROWS, by=pairwise(model, reference=True))
    assert all("A right answer" in each[-1]["content"] for each, _ in model.asked)
    with pytest.raises(BadValue) as caught:
        judge(PAIR, ROWS.drop(columns="references"), by=pairwise(Model(), reference=True))
    assert str(caught.value) == (
        "a judge that compares with a reference must have one for each row, but row 'r1' has none; "
        "add it, or use reference=False."
    )


def test_a_recorded_judge_answers_as_it_did():
    live = judge(PAIR, ROWS, by=pairwise(Model()))
    text = [json.dumps({"reasoning": "", "better": "first"})] * 4
    names = [f"{item} | {side} first" for item, side in live[["item_id", "side"]].to_numpy()]
    record = pd.DataFrame({"output_id": names, "row_id": names, "system": "old", "text": text})
    by = Pairwise(wb.Recorded(record))
    assert judge(PAIR, ROWS, by=by)["value"].tolist() == ["a", "b", "a", "b"]


def test_what_cannot_be_is_refused():
    with pytest.raises(
        BadKind, match=r"^`by` must be a Pairwise or a Pointwise judge, but a Function"
    ):
        judge(PAIR, ROWS, by=wb.Function(len))
    with pytest.raises(
        UnknownName, match=r"^baseline must be one of 'brief', 'polite', but 'brif'"
    ):
        judge(PAIR, ROWS, by=pairwise(Model()), baseline="brif")
    with pytest.raises(BadValue) as caught:
        judge(PAIR[PAIR["system"] == "brief"], ROWS, by=pairwise(Model()))
    assert str(caught.value) == (
        "a judge must be asked about something, but of 0 questions none has its outputs; give "
        "outputs with texts, of two systems for a pairwise judge."
    )
    with pytest.raises(BadValue) as caught:
        judge(PAIR, ROWS.iloc[:1], by=pairwise(Model()))
    assert str(caught.value) == (
        "outputs must answer rows that there are, but 'r2' are not among the 1 rows; give the "
        "dataset that was answered."
    )


def test_a_judge_behind_http_says_the_same_as_the_function_itself(tmp_path):
    toy = Model()
    alone = judge(PAIR, ROWS, by=pairwise(Model()))
    with wb.models.serve({"toy": toy}) as server:
        model = wb.Endpoint(
            "toy", base_url=server.url, api_key_env=None, price=Price(Decimal(0), Decimal(0))
        )
        by = Pairwise(model, criterion="which is shorter")
        served = judge(PAIR, ROWS, by=by, store=tmp_path)
        again = judge(PAIR, ROWS, by=by, store=tmp_path)
    assert served["value"].tolist() == alone["value"].tolist()
    assert again["value"].tolist() == alone["value"].tolist()
    # both orders of two rows, once
    assert len(toy.asked) == 4
    assert all(told["response_format"]["type"] == "json_schema" for _, told in toy.asked)
