"""Disagreements by hand, and the sitting of who decides."""

import numpy as np
import pandas as pd
import pytest

from workbench.errors import BadValue, UnknownName
from workbench.ratings.adjudication import adjudicator, disagreements
from workbench.ratings.assignment import order
from workbench.ratings.reading import read
from workbench.ratings.replay import Asked
from workbench.ratings.scripted import Scripted
from workbench.ratings.sessions import Session, Study


@pytest.fixture
def journal(quick):
    return quick


def table(values, **columns):
    n = len(values)
    frame = {
        "item_id": ["i"] * n,
        "rater": [f"r{at}" for at in range(n)],
        "question": ["q"] * n,
        "value": pd.Series(values, dtype=object),
    }
    return pd.DataFrame(frame | columns)


def spread(values, **columns):
    found = disagreements(table(values, **columns))
    return found["spread"].tolist()


def span(start, end, severity="minor", **parts):
    return {
        "side": "output", "start": start, "end": end, "category": "c", "severity": severity,
    } | parts  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2, 5, 3], 3.0),
        ([2.5, 2.5], None),
        (["news", "other", "news"], 2 / 3),
        (["news", "news"], None),
        ([["rude"], ["rude"]], None),
        ([["rude"], []], 1.0),
        ([[], []], None),
        ([["rude", "wrong"], ["wrong", "rude"]], None),
        ([3, 3.0, "3"], 2 / 3),
        ([np.int64(1), np.float32(3)], 2.0),
        ([[{"start": 1}], [{"start": 2}]], 1.0),
        # 2 × 3 common characters of 5 and 5 marked: F1 = .6
        ([[span(0, 5)], [span(2, 7)]], 0.4),
        # the same characters, otherwise marked
        ([[span(0, 5)], [span(0, 2), span(2, 5)]], None),
        ([[span(0, 5)], [span(0, 5, "major")]], None),
        ([[span(0, 5)], []], 1.0),
        ([[span(0, 5)], [span(0, 5, side="source")]], 1.0),
        # an error of the whole text is one place of its own: F1 = 2 × 1 / (1 + 2)
        ([[span(0, 0, whole=True)], [span(0, 0, "major", whole=True)]], None),
        ([[span(0, 0, whole=True)], [span(0, 0, whole=True), span(3, 4)]], 1 / 3),
        # pairs: .4, 1 and 1
        ([[span(0, 5)], [span(2, 7)], []], 2.4 / 3),
        (["a", "b", "tie"], 1.0),
        ([{"best": "x", "worst": "y"}, {"worst": "y", "best": "x"}], None),
        ([{"best": "x", "worst": "y"}, {"best": "x", "worst": "z"}], 1.0),
    ],
)
def test_how_far_answers_are_apart(values, expected):
    assert spread(values) == ([] if expected is None else [pytest.approx(expected)])


def test_rankings_in_different_orders_are_compared_output_by_output():
    shown = [["x", "y", "z"], ["z", "x", "y"]]
    assert spread([[1, 2, 3], [3, 1, 2]], output_ids=shown) == []
    assert spread([[1, 2, 3], [1, 2, 3]], output_ids=shown) == [1.0]
    assert spread([[1.0, 2.0, 3.0], (3, 1, 2)], output_ids=shown) == []
    assert spread([[1, 2, 3], np.array([3.0, 1.0, 2.0])], systems=shown) == []
    assert spread([[1, 2, 3], [1, 2, 3]], systems=shown) == [1.0]
    assert spread([[1, 2, 3], [1, 2, 3]]) == []


def test_one_rater_and_no_answer_and_a_ruling_disagree_with_nobody():
    assert spread([2]) == []
    assert spread([2, None]) == []
    assert spread([2, 5], adjudicated=[False, True]) == []
    assert spread([2, 5, 4], adjudicated=[False, True, False]) == [2.0]


def test_answers_about_different_outputs_are_not_compared():
    assert spread([2, 5], output_ids=[["x"], ["y"]], system=["x", "y"]) == []
    assert spread([2, 5], output_ids=[["x"], None], system=["s", "s"]) == [3.0]


def test_preferences_are_for_systems_whichever_is_a():
    systems = {"system_a": ["x", "y"], "system_b": ["y", "x"], "side": "x"}
    assert spread(["a", "b"], **systems) == []
    assert spread(["tie", "tie"], **systems) == []
    assert spread(["a", "a"], **systems) == [1.0]
    assert disagreements(table(["b", "b"], **systems))["values"].tolist() == [["b", "a"]]
    assert spread(["a", "b"], **systems | {"system_b": ["y", "z"]}) == []


def test_a_tolerance_is_for_all_questions_or_by_question():
    one, two = table([2, 4]), table(["a", "b"])
    both = pd.concat([one.assign(question="score"), two.assign(question="better")])
    assert disagreements(both)["question"].tolist() == ["score", "better"]
    assert disagreements(both, tolerance=1)["question"].tolist() == ["score"]
    assert disagreements(both, tolerance={"score": 2})["question"].tolist() == ["better"]
    assert disagreements(both, question="better")["question"].tolist() == ["better"]


@pytest.mark.parametrize("options", [{"question": "p"}, {"tolerance": {"p": 1}}])
def test_a_question_that_nobody_answers_is_refused(options):
    with pytest.raises(UnknownName, match=r"^question must be one of 'q', but 'p' came\.$"):
        disagreements(table([2, 4]), **options)


@pytest.mark.parametrize("tolerance", ["1", {"q": "1"}, None])
def test_a_tolerance_that_is_no_number_is_refused(tolerance):
    with pytest.raises(BadValue, match=r"^tolerance must be a number, or one by question, but"):
        disagreements(table([2, 4]), tolerance=tolerance)
    assert disagreements(table([2, 4]), tolerance={})["spread"].tolist() == [2.0]


def test_the_widest_comes_first_with_who_said_what():
    frame = pd.concat([table([2, 4]).assign(item_id="b"), table([1, 5]).assign(item_id="a")])
    found = disagreements(frame)
    assert found.to_dict("records") == [
        {
            "item_id": item, "question": "q", "output_ids": [], "n_ratings": 2, "spread": spread,
            "raters": ["r0", "r1"], "values": values,
        }
        for item, spread, values in [("a", 4.0, [1, 5]), ("b", 2.0, [2, 4])]
    ]  # fmt: skip


def test_the_same_opinion_shown_on_different_sides_is_no_disagreement(journal, kit):
    items = kit.items(kit.choice, 12, raters=("ana", "ben", "carl"))
    study = Study.start(journal, items)
    # all three like the same system, and one of them its rival on one item
    for rater in items.plan:
        session = Session(study, rater)
        for n, item in enumerate(items.items, 1):
            liked = 1 if (rater, n) == ("carl", 5) else 0
            letter = "AB"[order(items.seed, rater, item).index(liked)]
            message = kit.answer(item, n, "better", {"choice": letter})
            assert session.receive(message)[0]["type"] == "saved"
    sides = {tuple(order(items.seed, rater, item)) for rater in items.plan for item in items.items}
    assert len(sides) == 2
    found = disagreements(read(journal))
    assert found[["item_id", "spread"]].to_numpy().tolist() == [
        [items.items[4].item_id, pytest.approx(2 / 3)]
    ]


@pytest.fixture
def disputed(journal, kit):
    study = Study.start(journal, kit.items(kit.two, 6))
    for at, rater in enumerate(kit.raters):
        Scripted(rater, lambda *_: 0.5, noise=0.5, seed=at).work(Session(study, rater))
    return disagreements(read(journal))


def test_the_items_come_in_the_order_of_the_disagreements_with_all_answers(journal, kit, disputed):
    referee = adjudicator(journal, by="referee", disputed=disputed)
    (state,) = referee.receive({"type": "hello", "view_id": "v"})
    names = list(dict.fromkeys(disputed["item_id"]))
    assert [each["item"] for each in state["items"]] == names
    assert (state["position"], state["pool"], state["rater"]) == (0, False, "referee")
    others = state["contents"][names[0]]["others"]
    assert {each["who"] for each in others} == {"rater 1", "rater 2"}
    answers = [
        each for each in journal.events() if each.kind == "answer" and each.item_id == names[0]
    ]
    assert {each["op_id"] for each in others} == {each.op_id for each in answers}


def test_the_answers_of_others_stand_in_the_letters_that_the_adjudicator_sees(
    journal, kit, disputed
):
    referee = adjudicator(journal, by="referee", disputed=disputed, blinded=False)
    state = referee.study.state
    fetched = referee.receive({"type": "fetch", "items": referee.items})[0]["contents"]
    n_moved = 0
    for name, content in fetched.items():
        item = state.items[name]
        mine = [item.outputs[at].output_id for at in order(7, "referee", item)]
        for other in content["others"]:
            question = other["question"]
            events = [
                event
                for asked, event in state.desks[other["who"]].answered(name)
                if event.op_id == other["op_id"]
            ]
            (event,) = events
            theirs = event.body["order"]
            n_moved += theirs != mine
            if question == "better":
                choice = event.body["value"]["choice"]
                if choice in "AB":
                    chosen = theirs["AB".index(choice)]
                    assert other["value"]["choice"] == "AB"[mine.index(chosen)]
                else:
                    assert other["value"] == event.body["value"]
            else:
                about = theirs["AB".index(event.body["target"])]
                assert mine["AB".index(other["target"])] == about
                assert other["value"] == event.body["value"]
    assert n_moved > 5


def test_who_skipped_an_item_is_not_among_the_others(journal, kit, disputed):
    item = disputed["item_id"][0]
    skip = kit.act("skip", item, 999, reason=kit.two.skip_reasons[0])
    assert Session(Study(journal), "ana").receive(skip)[0]["type"] == "saved"
    referee = adjudicator(journal, by="referee", disputed=disputed, blinded=False)
    content = referee.receive({"type": "fetch", "items": [item]})[0]["contents"][item]
    assert {each["who"] for each in content["others"]} == {"ben"}


def test_a_ruling_is_an_event_that_says_what_was_seen_and_can_be_undone(journal, kit, disputed):
    referee = adjudicator(journal, by="referee", disputed=disputed)
    item = disputed["item_id"][0]
    ruling = kit.answer(item, 1, "better", {"choice": "A", "strength": 3})
    assert referee.receive(ruling)[0]["type"] == "saved"
    event = journal.events()[-1]
    assert (event.kind, event.rater, event.op_id) == ("adjudicate", "referee", ruling["op_id"])
    seen = {
        each.op_id
        for each in journal.events()
        if each.kind == "answer" and each.item_id == item
    }  # fmt: skip
    assert set(event.body["seen"]) == seen
    assert (event.body["act"], event.body["blinded"]) == ("answer", True)
    (state,) = adjudicator(journal, by="referee", disputed=disputed).receive(
        {"type": "hello", "view_id": "v"}
    )
    assert [(each["op_id"], each["kind"]) for each in state["answers"]] == [
        (ruling["op_id"], "answer")
    ]
    undo = kit.act("undo", item, 2, undoes=ruling["op_id"])
    assert referee.receive(undo)[0]["type"] == "saved"
    assert referee.study.state.rulings["referee"].answer(item, Asked("better", "")) is None


def test_an_adjudicator_decides_only_what_is_disputed(journal, kit, disputed):
    referee = adjudicator(journal, by="referee", disputed=disputed[:1])
    other = next(each for each in referee.study.state.items if each != disputed["item_id"][0])
    ruling = kit.answer(other, 1, "better", {"choice": "A", "strength": 3})
    assert referee.receive(ruling)[0]["type"] == "refused"
    assert journal.events(kinds=["adjudicate"]) == []


def test_what_cannot_be_decided_is_refused(journal, disputed):
    for given, reason in [
        (disputed[:0], "an adjudicator must have items to decide, but the raters agree on all."),
        (
            disputed.assign(item_id="x"),
            f"disputed items must be those of {journal.place}, but 'x' is not in it (1 such items); "
            "find the disagreements in what was read from it.",
        ),
        (
            pd.DataFrame({"item": ["x"]}),
            "disputed must be what `disagreements` found, but its columns are 'item'; give that.",
        ),
    ]:
        with pytest.raises(BadValue) as caught:
            adjudicator(journal, by="referee", disputed=given)
        assert str(caught.value) == reason
