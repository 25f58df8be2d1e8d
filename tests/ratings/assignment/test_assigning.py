"""From outputs to items and lists: balanced, blind, and the same bytes again."""

import json
import random
import re
from collections import Counter
from itertools import pairwise
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import InputError
from workbench.ratings import Item, Items, Preference, Scale, Task, items
from workbench.ratings.assignment.content import Shown

COMMON = settings(deadline=None, derandomize=True, max_examples=30)
LIKERT = Task("likert", [Scale("fluency", 1, 5)])
PAIRS = Task("pairs", [Preference("better")], outputs=2)


def study(n_rows=12, systems="abc"):
    topics = ["news", "sport", "law"]
    rows = wb.read(
        [
            {"row_id": f"row{at:02}", "input": f"Satz {at}", "topic": topics[at % 3]}
            for at in range(n_rows)
        ]
    )
    texts = {
        system: [f"The {system} wrote {'very ' * at}much on {at}" for at in range(n_rows)]
        for system in systems
    }
    return wb.outputs(rows, texts), rows


def written(made):
    return json.dumps([[item.to_dict() for item in made.items], dict(made.plan)])


def loads(made, purpose="rate"):
    names = {item.item_id for item in made.items if item.purpose == purpose}
    return [sum(each in names for each in planned) for planned in made.plan.values()]


def test_each_output_is_an_item_of_a_task_that_shows_one():
    made = items(*study(), LIKERT)
    assert len(made) == 36
    assert {item.systems for item in made.items} == {("a",), ("b",), ("c",)}
    assert [*made.plan] == ["r1"]
    assert sorted(made.plan["r1"]) == [item.item_id for item in made.items]


def test_each_pair_of_systems_on_each_row_is_an_item_of_a_task_that_shows_two():
    made = items(*study(), PAIRS)
    assert Counter(item.systems for item in made.items) == dict.fromkeys(
        [("a", "b"), ("a", "c"), ("b", "c")], 12
    )


def test_best_worst_shows_balanced_tuples():
    made = items(*study(20, "abcdef"), Task.best_worst(outputs=4))
    systems = Counter(each for item in made.items for each in item.systems)
    assert len(made) == 40
    assert max(systems.values()) - min(systems.values()) <= 1
    assert {len(item.outputs) for item in made.items} == {4}


@COMMON
@given(
    n_raters=st.integers(1, 8), data=st.data(), seed=st.integers(0, 99), n_rows=st.integers(1, 12)
)
def test_every_item_has_its_raters_and_every_rater_as_many_items(n_raters, data, seed, n_rows):
    overlap = data.draw(st.integers(1, n_raters))
    made = items(*study(n_rows), PAIRS, raters=n_raters, overlap=overlap, seed=seed)
    had = Counter(each for planned in made.plan.values() for each in planned)
    assert had == {item.item_id: overlap for item in made.items}
    assert max(loads(made)) - min(loads(made)) <= 1
    assert all(len(set(planned)) == len(planned) for planned in made.plan.values())


def test_pairs_of_raters_share_as_many_items_and_each_sees_systems_as_often():
    made = items(*study(40, "abcde"), PAIRS, raters=4, overlap=2, seed=5)
    frame = made.frame
    together = Counter(frame["raters"])
    assert len(together) == comb(4, 2)
    assert max(together.values()) - min(together.values()) <= 1
    systems = {item.item_id: item.systems for item in made.items}
    for planned in made.plan.values():
        seen = Counter(each for item_id in planned for each in systems[item_id])
        assert max(seen.values()) - min(seen.values()) <= 8  # of 80


def test_the_same_inputs_in_any_order_give_the_same_bytes():
    outputs, rows = study()
    options = {
        "raters": ["zoe", "ana", "ben"], "overlap": 2, "sample": 20, "checks": 4, "seed": 3,
        "gold": [{"output_ids": ["b:row01:0", "a:row01:0"], "value": "A"}],
    }  # fmt: skip
    first = written(items(outputs, rows, PAIRS, **options))
    for at in range(3):
        mixed = outputs.sample(frac=1, random_state=at), rows.sample(frac=1, random_state=at)
        assert written(items(*mixed, PAIRS, **options)) == first


def test_nothing_depends_on_the_global_generators():
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    first = written(items(*study(), PAIRS, sample=10, raters=3))
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    assert written(items(*study(), PAIRS, sample=10, raters=3)) == first
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_other_seeds_give_other_names_and_orders():
    made = [items(*study(), PAIRS, raters=2, seed=seed) for seed in (0, 1)]
    assert not {e.item_id for e in made[0].items} & {e.item_id for e in made[1].items}
    rows = [[e.row_id for e in each.items] for each in made]
    assert rows[0] != rows[1]


def test_each_rater_has_an_order_of_their_own():
    made = items(*study(), PAIRS, raters=3, overlap=3)
    assert len(set(made.plan.values())) == 3
    assert len({frozenset(planned) for planned in made.plan.values()}) == 1


def test_names_of_items_say_nothing():
    outputs, rows = study(systems=["canary", "parrot"])
    for item in items(outputs, rows, PAIRS, checks=2, raters=2).items:
        assert re.fullmatch("i[0-9a-f]{12}", item.item_id)
        made_up = [each for each in item.output_ids if each not in {*outputs["output_id"]}]
        assert len(made_up) == {"rate": 0}.get(item.purpose, len(made_up))
        assert all(re.fullmatch("c[0-9a-f]{12}", each) for each in made_up)


def test_what_is_printed_names_no_system_and_shows_no_text():
    outputs, rows = study(systems=["canary", "parrot"])
    made = items(outputs, rows, PAIRS, raters=2)
    shown = [repr(made), made._repr_html_(), repr(made.items[0]), repr(made.items[0].outputs[0])]
    for each in shown:
        assert not re.search("canary|parrot|wrote|Satz", each)


def test_the_repr_says_how_the_work_is_shared():
    outputs, rows = study()
    outputs.loc[[0, 5], "text"] = None
    made = items(outputs, rows, PAIRS, raters=3, overlap=2)
    # each row that lacks an output has one pair instead of three
    assert repr(made) == (
        "32 items for 3 raters, 2 raters each, 21–22 items a rater; 2 outputs left out (no text)"
    )


REPRS = [
    ({}, "36 items for 1 rater, 1 rater each, 36 items a rater"),
    ({"pool": True, "overlap": 2}, "36 items in a pool, 2 raters each"),
    (
        {"checks": 3, "raters": 2},
        "36 items for 2 raters, 1 rater each, 18 items a rater; besides, 5 as checks",
    ),
    (
        {"gold": [{"output_id": f"a:row0{at}:0", "value": 3} for at in range(3)], "training": 2},
        "33 items for 1 rater, 1 rater each, 33 items a rater; besides, 2 for training and 1 of "
        "known answer",
    ),
]


@pytest.mark.parametrize(("options", "said"), REPRS)
def test_the_repr_counts_what_there_is(options, said):
    made = items(*study(), LIKERT, **options)
    assert repr(made) == said
    assert said in made._repr_html_()


def test_repeats_and_several_reasons_are_counted():
    rows = wb.read([{"input": "a"}, {"input": "b"}])
    outputs = wb.outputs(rows, {"a": [["x", "y"], "z"], "b": [None, "w"]})
    outputs = outputs.assign(error=[None, None, None, None, "timeout"])
    assert repr(items(outputs, rows, LIKERT)) == (
        "2 items for 1 rater, 1 rater each, 2 items a rater; 1 output drawn from several; 2 outputs "
        "left out (1 an error, 1 no text)"
    )


def test_a_hostile_rater_is_inert(storable):
    if storable.strip() and len(storable) <= 200:
        made = items(*study(2), LIKERT, raters=[storable])
        assert "<script" not in made._repr_html_()
        assert "<img" not in made._repr_html_()


def test_the_frame_says_who_rates_what():
    frame = items(*study(), PAIRS, raters=["ana", "ben"], overlap=2).frame
    assert [*frame.columns] == [
        "item_id", "row_id", "systems", "purpose", "raters", "output_ids", "propensity", "topic",
    ]  # fmt: skip
    assert set(frame["raters"]) == {("ana", "ben")}
    assert frame["propensity"].isna().all()


def test_an_item_survives_json():
    made = items(
        *study(), PAIRS, checks=2, gold=[{"output_ids": ["a:row01:0", "b:row01:0"], "value": "tie"}]
    )
    for item in made.items:
        assert Item.from_dict(json.loads(json.dumps(item.to_dict()))) == item


def test_an_item_of_unknown_fields_or_without_outputs_is_refused():
    with pytest.raises(InputError) as caught:
        Item.from_dict({"item_id": "i", "row": "r"})
    assert str(caught.value).startswith("a field of an item must be one of 'item_id', 'row_id'")
    with pytest.raises(InputError) as caught:
        Item.from_dict({"item_id": "i", "row_id": "r"})
    assert str(caught.value) == (
        "an item must have item_id, row_id and outputs, each with output_id, system and text, but "
        "['item_id', 'row_id'] came ('outputs'); write it with Item.to_dict."
    )
    good = Item("i", "r", (Shown("o", "s", "t"),)).to_dict()
    with pytest.raises(InputError) as caught:
        Item.from_dict(good | {"purpose": "fun"})
    assert str(caught.value) == (
        "the purpose of an item must be one of 'rate', 'training', 'gold', 'check', but 'fun' came."
    )


# --- gold, checks, training ------------------------------------------------------------------


def gold(n):
    return [{"output_id": f"a:row{at:02}:0", "value": 3} for at in range(n)]


def test_training_comes_first_in_its_order_and_gold_is_not_rated_again():
    made = items(*study(), LIKERT, raters=3, overlap=2, gold=gold(5), training=2)
    taught = [item.item_id for item in made.items[:2]]
    assert [item.purpose for item in made.items[:2]] == ["training"] * 2
    assert [item.row_id for item in made.items[:2]] == ["row00", "row01"]
    assert all(list(planned[:2]) == taught for planned in made.plan.values())
    assert sum(item.purpose == "rate" for item in made.items) == 31
    assert len({item.output_ids for item in made.items}) == 36
    assert loads(made, "gold") == [3, 3, 3]


@COMMON
@given(
    n_raters=st.integers(1, 4), silent=st.integers(0, 4), loud=st.integers(0, 4),
    n_gold=st.integers(0, 4), seed=st.integers(0, 99),
)  # fmt: skip
def test_controls_are_spread_evenly_and_never_first(n_raters, silent, loud, n_gold, seed):
    checks = {"silent": silent, "loud": loud}
    made = items(*study(16), LIKERT, raters=n_raters, gold=gold(n_gold), checks=checks, seed=seed)
    purpose = {item.item_id: item.purpose for item in made.items}
    n_controls = silent + loud + n_gold
    for planned in made.plan.values():
        shown = [purpose[each] for each in planned]
        assert shown[0] == "rate"
        assert Counter(shown)["check"] == silent + loud
        assert Counter(shown)["gold"] == n_gold
        # one in each stretch of the list, so none touches the next
        places = [at for at, each in enumerate(shown) if each != "rate"]
        stretch = (len(shown) - n_controls) // max(1, n_controls)
        assert all(1 < later - earlier <= 2 * stretch + 3 for earlier, later in pairwise(places))
    assert max(loads(made)) - min(loads(made)) <= 1


def test_a_silent_check_is_made_of_an_item_of_the_same_rater_that_is_not_near():
    made = items(*study(40), LIKERT, raters=3, overlap=2, checks={"silent": 4})
    by_name = {item.item_id: item for item in made.items}
    for planned in made.plan.values():
        checks = [each for each in planned if by_name[each].purpose == "check"]
        assert len(checks) == 4
        originals = [by_name[each].expected["fluency"]["worse_than"] for each in checks]
        assert len(set(originals)) == 4
        for check, original in zip(checks, originals, strict=True):
            apart = abs(planned.index(check) - planned.index(original))
            assert apart > len(planned) / 4
            assert by_name[check].systems == by_name[original].systems


def test_loud_checks_are_for_all_raters():
    made = items(*study(), LIKERT, raters=3, checks={"loud": 2})
    assert loads(made, "check") == [2, 2, 2]
    assert sum(item.purpose == "check" for item in made.items) == 2


def test_a_pool_has_no_plan_and_all_its_checks():
    made = items(*study(), PAIRS, pool=True, overlap=5, checks=5, gold=None)
    assert made.plan == {}
    assert sum(item.purpose == "check" for item in made.items) == 5
    assert made.overlap == 5


# --- sampling --------------------------------------------------------------------------------


def test_a_stratified_sample_has_its_slices():
    made = items(*study(30), PAIRS, sample=30, by="stratified", slices="topic")
    assert Counter(item.where["topic"] for item in made.items) == {
        "news": 10, "sport": 10, "law": 10,
    }  # fmt: skip


def test_a_sample_by_disagreement_takes_the_scores_of_a_metric():
    outputs, rows = study(6, "ab")
    values = {"row03": (0, 9), "row01": (1, 3)}
    cells = [
        (output.output_id, output.row_id, output.system, "m", float(value), "s")
        for output in outputs.itertuples()
        for value in [values.get(output.row_id, (1, 1))["ab".index(output.system)]]
    ]
    columns = ["output_id", "row_id", "system", "metric", "value", "signature"]
    frame = pd.DataFrame(cells, columns=columns)
    made = items(outputs, rows, PAIRS, sample=2, by="disagreement", scores=frame)
    assert {item.row_id for item in made.items} == {"row01", "row03"}


def test_a_sample_by_disagreement_takes_scores_as_they_come_from_score():
    rows = wb.read([{"input": "x", "references": ["the cat sat"]} for _ in range(3)])
    outputs = wb.outputs(
        rows, {"a": ["the cat sat"] * 3, "b": ["the cat sat", "dogs ran off", "the cat ran"]}
    )
    scores = wb.score(outputs, rows, [wb.ChrF()])
    made = items(outputs, rows, PAIRS, sample=1, by="disagreement", scores=scores)
    assert made.items[0].row_id == "2"
    assert items(outputs, rows, PAIRS, sample=1, by="disagreement").items[0].row_id == "2"


def test_a_sample_by_information_logs_its_propensities():
    given = [("a", "b", "a")] * 20 + [("a", "c", "b"), ("b", "c", "tie")]
    ratings = pd.DataFrame(
        [
            {"item_id": f"i{at}", "rater": "r", "question": "better", "value": value,
             "system_a": one, "system_b": other, "side": one}
            for at, (one, other, value) in enumerate(given)
        ]
    )  # fmt: skip
    made = items(*study(), PAIRS, sample=12, by="information", ratings=ratings)
    frame = made.frame
    assert len(made) == 12
    share = frame.groupby("systems")["propensity"].first()
    assert share["a", "b"] < share["a", "c"]
    assert frame["propensity"].between(0, 1, inclusive="right").all()


# --- what is refused -------------------------------------------------------------------------

REFUSED = {
    "overlap": (
        {"raters": 2, "overlap": 3},
        "overlap must be at most the number of raters, 2, but 3 came; name more raters, or lower "
        "it.",
    ),
    "no raters": (
        {"raters": 0},
        "raters must be a whole number, at least 1, but 0 came; correct it.",
    ),
    "a name": (
        {"raters": "anna"},
        "raters must be a number or a list of names, but 'anna' came; write a list.",
    ),
    "no names": (
        {"raters": []},
        "raters must be at least one, each once, but none came; name each rater once.",
    ),
    "twice": (
        {"raters": ["anna", "ben", "anna"]},
        "raters must be at least one, each once, but 'anna' came twice; name each rater once.",
    ),
    "empty name": (
        {"raters": ["anna", " "]},
        "a rater's name must be text of 1 to 200 characters, but ' ' came; correct it.",
    ),
    "half a name": (
        {"raters": ["\ud83d"]},
        "a rater's name must be text, but '\\ud83d' holds half a character.",
    ),
    "sample": (
        {"sample": 37},
        "sample must be at most the number of items there are, 36, but 37 came; take fewer, or "
        "leave it out.",
    ),
    "sample of nothing": (
        {"sample": 0},
        "sample must be a whole number, at least 1, but 0 came; correct it.",
    ),
    "by": (
        {"sample": 3, "by": "rand"},
        "by must be one of 'random', 'stratified', 'disagreement', 'information', but 'rand' came; "
        "did you mean 'random'?",
    ),
    "no sample": (
        {"by": "disagreement"},
        "by='disagreement' must come with sample=, the number of items to take; give it.",
    ),
    "no slices": (
        {"by": "stratified", "sample": 3},
        "by='stratified' must come with slices=, but none came; give it.",
    ),
    "slice": (
        {"by": "stratified", "sample": 3, "slices": ["topics"]},
        "a column in slices must be one of 'input', 'row_id', 'topic', but 'topics' came; did you "
        "mean 'topic'?",
    ),
    "idle": (
        {"slices": ["topic"], "sample": 3},
        "slices must come with by='stratified', but by='random' came; drop slices, or change by.",
    ),
    "training": (
        {"training": 1},
        "training must be at most the number of gold items, 0, but 1 came; give more gold items, "
        "or lower it.",
    ),
    "checks": (
        {"checks": {"silent": 37}},
        "each silent check must have an item of its own to be made of, but rater 'r1' has only 36 "
        "items for it; ask for fewer checks, or give more items.",
    ),
    "kind of check": (
        {"checks": {"quiet": 1}},
        "a kind of check must be one of 'silent', 'loud', but 'quiet' came.",
    ),
    "number of checks": (
        {"checks": -1},
        "checks must be a whole number, at least 0, but -1 came; correct it.",
    ),
    "seed": (
        {"seed": True},
        "seed must be a whole number, at least 0, but True came; correct it.",
    ),
    "information": (
        {"by": "information", "sample": 2, "ratings": pd.DataFrame({"x": []})},
        "by='information' must have a task with a preference between two outputs, but 'likert' "
        "shows 1 and asks for 'scale'; sample otherwise.",
    ),
}


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(options, said):
    with pytest.raises(InputError) as caught:
        items(*study(), LIKERT, **options)
    assert str(caught.value) == said


def test_rows_with_one_system_have_no_pairs():
    with pytest.raises(InputError) as caught:
        items(*study(systems="a"), PAIRS)
    assert str(caught.value) == (
        "task 'pairs' shows 2 outputs of different systems, so a row must have as many, but none "
        "of 12 rows has more than 1; give outputs of more systems."
    )


def test_gold_items_alone_are_no_study():
    with pytest.raises(InputError) as caught:
        items(*study(1, "a"), LIKERT, gold=gold(1))
    assert str(caught.value) == (
        "there must be outputs to rate besides the gold items, but none is left; give more."
    )


def test_information_needs_preferences_between_these_systems():
    columns = ["item_id", "rater", "question", "value", "system_a", "system_b", "side"]
    empty = pd.DataFrame([("i", "r", "better", "a", "x", "y", "x")], columns=columns)
    with pytest.raises(InputError) as caught:
        items(*study(), PAIRS, sample=3, by="information", ratings=empty)
    assert str(caught.value) == (
        "by='information' must know preferences between these systems, but the ratings given hold "
        "none for 'better'; begin with by='random'."
    )


def test_items_is_what_it_says():
    made = items(*study(), LIKERT)
    assert isinstance(made, Items)
    assert made.task is LIKERT
