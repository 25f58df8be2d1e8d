"""A state is what the events add up to, in whatever order they come."""

import datetime
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.ratings.events import Event
from workbench.ratings.replay import Asked, State, letters_of, utc
from workbench.ratings.tasks import Scale, Task, Text

TASK = Task("t", [Scale("fluency", 1, 5), Text("why", required=False)])
PAIRS = Task("t", [Scale("fluency", 1, 5)], outputs=2)
_SEQ = itertools.count(1)


def event(kind, body=None, *, op_id="", rater="", item_id="", at="2026-01-01T00:00:00.000Z"):
    seq = next(_SEQ)
    return Event(op_id or f"op{seq}", kind, body or {}, rater, item_id, "", at, seq)


def beginning(kit, task=TASK, n=2, raters=("ana",), overlap=1):
    body = {"task": task.to_dict(), "seed": 0, "overlap": overlap}
    items = [kit.item(task, at) for at in range(n)]
    names = [each.item_id for each in items]
    return [
        event("task", body),
        *(event("item", each.to_dict(), item_id=each.item_id) for each in items),
        *(event("plan", {"items": names}, rater=rater) for rater in raters),
    ], names


def answer(item_id, n, value, question="fluency", target="A", *, client_time="", **parts):
    body = {"question": question, "target": target, "value": value, "n": n, "order": ["x"]}
    body["client_time"] = client_time
    return event("answer", body, rater=parts.pop("rater", "ana"), item_id=item_id, **parts)


def undo(item_id, n, undoes, rater="ana"):
    return event("undo", {"undoes": undoes, "n": n}, rater=rater, item_id=item_id)


def skip(item_id, n, rater="ana"):
    return event("skip", {"reason": "r", "n": n}, rater=rater, item_id=item_id)


def value(state, item_id):
    found = state.desks["ana"].answer(item_id, Asked("fluency", "A"))
    return found and found.body["value"]


def test_the_answer_with_the_largest_n_stands_whatever_came_last(kit):
    begun, (first, _) = beginning(kit)
    acts = [answer(first, 1, 2), answer(first, 3, 4), answer(first, 2, 3)]
    for order in itertools.permutations(acts):
        assert value(State.of([*begun, *order]), first) == 4


def test_of_two_acts_with_one_n_the_later_by_the_clock_stands_and_then_the_larger_name(kit):
    begun, (first, _) = beginning(kit)
    clock = [answer(first, 1, 2, client_time="b"), answer(first, 1, 3, client_time="a")]
    names = [answer(first, 1, 2, op_id="z"), answer(first, 1, 3, op_id="y")]
    for acts in (clock, names):
        assert value(State.of([*begun, *acts]), first) == 2
        assert value(State.of([*begun, *reversed(acts)]), first) == 2


def test_an_undo_leads_back_to_the_earlier_answer_and_then_to_none(kit):
    begun, (first, _) = beginning(kit)
    acts = [answer(first, 1, 2, op_id="a"), answer(first, 2, 5, op_id="b")]
    state = State.of([*begun, *acts, undo(first, 3, "b")])
    assert (value(state, first), state.desks["ana"].status[first]) == (2, "answered")
    state = State.of([*begun, *acts, undo(first, 3, "b"), undo(first, 4, "a")])
    assert (value(state, first), state.desks["ana"].status[first]) == (None, "open")


def test_an_act_that_comes_after_its_undo_is_undone(kit):
    begun, (first, second) = beginning(kit)
    state = State.of([*begun, undo(second, 2, "late"), answer(first, 1, 5, op_id="late")])
    assert state.desks["ana"].status == {first: "open", second: "open"}
    assert state.done_by[first] == set()


def test_an_undo_on_another_item_opens_the_item_of_what_it_undoes(kit):
    begun, (first, second) = beginning(kit)
    state = State.of([*begun, answer(first, 1, 5, op_id="a"), undo(second, 2, "a")])
    assert state.desks["ana"].status == {first: "open", second: "open"}


def test_an_undo_of_what_another_rater_did_does_nothing(kit):
    begun, (first, _) = beginning(kit, raters=("ana", "ben"))
    state = State.of([*begun, answer(first, 1, 5, op_id="a"), undo(first, 1, "a", rater="ben")])
    assert value(state, first) == 5
    assert state.desks["ana"].status[first] == "answered"


def test_the_later_of_skip_and_answer_counts(kit):
    begun, (first, second) = beginning(kit)
    acts = [skip(first, 1), answer(first, 2, 3), answer(second, 1, 3), skip(second, 2)]
    for order in itertools.permutations(acts):
        state = State.of([*begun, *order])
        assert state.desks["ana"].status == {first: "answered", second: "skipped"}
        assert state.done_by[first] == {"ana"}
        assert state.done_by[second] == set()


def test_when_the_answer_after_a_skip_is_undone_the_skip_stands_again(kit):
    begun, (first, _) = beginning(kit)
    state = State.of([*begun, skip(first, 1), answer(first, 2, 3, op_id="a"), undo(first, 3, "a")])
    assert state.desks["ana"].status[first] == "skipped"


def test_an_item_is_answered_when_all_that_is_required_is_for_each_output(kit):
    begun, (first, _) = beginning(kit, PAIRS)
    state = State.of([*begun, answer(first, 1, 3)])
    assert state.desks["ana"].status[first] == "open"
    state.apply(answer(first, 2, 3, target="B"))
    assert state.desks["ana"].status[first] == "answered"


def test_what_is_not_required_is_not_waited_for(kit):
    begun, (first, _) = beginning(kit)
    state = State.of([*begun, answer(first, 1, "well", "why")])
    assert state.desks["ana"].status[first] == "open"
    assert state.asked(first) == [Asked("fluency", "A")]
    assert state.asked(first, required=False) == [Asked("fluency", "A"), Asked("why", "A")]


def test_a_comparison_is_asked_once_and_anything_else_for_each_output(kit):
    begun, (first, _) = beginning(kit, kit.two)
    asked = State.of(begun).asked(first)
    assert asked == [("better", ""), ("fluency", "A"), ("fluency", "B")]


def test_the_last_comment_stands_and_can_be_undone(kit):
    begun, (first, _) = beginning(kit)
    said = [
        event("comment", {"text": text, "n": n}, rater="ana", item_id=first, op_id=text)
        for n, text in enumerate(["one", "two"], 1)
    ]
    state = State.of([*begun, *reversed(said)])
    assert state.desks["ana"].comment(first).body["text"] == "two"
    state.apply(undo(first, 3, "two"))
    assert state.desks["ana"].comment(first).body["text"] == "one"


def test_rulings_are_kept_apart_from_ratings(kit):
    begun, (first, _) = beginning(kit)
    body = {"act": "answer", "question": "fluency", "target": "A", "value": 4, "n": 1}
    state = State.of([*begun, event("adjudicate", body, rater="ana", item_id=first)])
    assert state.desks == {}
    assert state.rulings["ana"].status == {first: "answered"}
    assert state.done_by == {}


def test_what_an_item_is_may_be_told_after_the_acts_on_it(kit):
    begun, (first, _) = beginning(kit)
    acts = [answer(first, 1, 3)]
    late = [
        [*begun, *acts],
        [*acts, *begun],
        [*acts, *reversed(begun)],
        [begun[0], *acts, *begun[1:]],
    ]
    for state in map(State.of, late):
        assert state.desks["ana"].status == {first: "answered"}
        assert state.done_by[first] == {"ana"}


def test_the_youngest_plan_counts_in_whatever_order_plans_come(kit):
    begun, (first, second) = beginning(kit, raters=())
    old = event("plan", {"items": [first]}, rater="ana", at="2026-01-01T00:00:00.000Z")
    new = event("plan", {"items": [second]}, rater="ana", at="2026-01-02T00:00:00.000Z")
    for plans in ([old, new], [new, old]):
        state = State.of([*begun, *plans])
        assert state.plans == {"ana": (second,)}
        assert set(state.given["ana"]) == {first, second}


@pytest.mark.parametrize(("now", "held"), [("1", {"ana", "ben"}), ("3", {"ben"}), ("5", set())])
def test_an_item_is_held_until_its_lease_ends(kit, now, held):
    begun, (first, _) = beginning(kit, raters=())
    leases = [
        event("lease", {"until": until}, rater=rater, item_id=first)
        for rater, until in [("ana", "3"), ("ben", "4"), ("ana", "2")]
    ]
    assert State.of([*begun, *leases]).held(first, now) == held


def test_an_item_stays_held_by_who_is_done_and_not_by_who_skipped(kit):
    begun, (first, _) = beginning(kit, raters=())
    leases = [
        event("lease", {"until": "3"}, rater=rater, item_id=first) for rater in ("ana", "ben")
    ]
    state = State.of([*begun, *leases, answer(first, 1, 3), skip(first, 1, rater="ben")])
    assert state.held(first, "1") == state.held(first, "9") == {"ana"}


def test_a_lease_that_is_given_back_is_nobodys(kit):
    begun, (first, _) = beginning(kit, raters=())
    lease = event("lease", {"until": "9"}, rater="ana", item_id=first)
    state = State.of([*begun, lease, event("release", rater="ana", item_id=first)])
    assert state.held(first, "1") == set()
    assert state.given["ana"] == {}


def test_looking_does_not_make_a_rater(kit):
    begun, (first, _) = beginning(kit, raters=())
    state = State.of(begun)
    assert (state.worked("eve"), state.held(first, "1")) == ({}, set())
    assert (state.desks, state.leases, state.raters) == ({}, {}, [])


def test_a_revoked_rater_has_no_grants_left():
    grants = [event("grant", {"until": "9"}, rater=rater, op_id=rater) for rater in ("ana", "ben")]
    assert set(State.of([*grants, event("revoke", rater="ana")]).grants) == {"ben"}


def test_kinds_that_say_nothing_of_the_state_are_passed_over():
    kinds = ("note", "open", "feedback", "unblind")
    state = State.of([event(kind, {"text": "x"}) for kind in kinds])
    assert state == State(seq=state.seq)


def test_letters_and_times_are_written_as_the_protocol_says():
    assert letters_of(26)[-1] == "Z"
    east = datetime.timezone(datetime.timedelta(hours=2))
    there = datetime.datetime(2026, 1, 1, 1, 2, 3, 456_789, tzinfo=east)
    assert utc(there) == "2025-12-31T23:02:03.456Z"


# --- the same acts in any order --------------------------------------------------------------


def naive(task, names, acts):
    """What stands, by sorting all acts of a rater and going through them once."""
    acts = {each.op_id: each for each in acts}.values()
    undone = {each.body["undoes"] for each in acts if each.kind == "undo"}
    kept = sorted(
        (each for each in acts if each.op_id not in undone and each.kind != "undo"),
        key=lambda each: (each.body["n"], each.body.get("client_time", ""), each.op_id),
    )
    answers, status = {}, {}
    touched = {each.item_id for each in acts}
    for item_id in touched:
        skipped = False
        for each in kept:
            if each.item_id == item_id:
                skipped = each.kind == "skip"
                if each.kind == "answer":
                    asked = Asked(each.body["question"], each.body["target"])
                    answers[item_id, asked] = each.body["value"]
        full = (item_id, Asked("fluency", "A")) in answers
        status[item_id] = "skipped" if skipped else "answered" if full else "open"
    return answers, status


ITEMS = ("i000000000000", "i000000000001")


@st.composite
def doings(draw):
    """Acts of one rater from several tabs: n may tie, undos may name anything, also later acts."""
    n_acts = draw(st.integers(1, 9))
    acts = []
    for at in range(n_acts):
        kind = draw(st.sampled_from(["answer", "answer", "answer", "skip", "undo"]))
        body = {"n": draw(st.integers(1, 5)), "client_time": draw(st.sampled_from("ab"))}
        if kind == "answer":
            question = draw(st.sampled_from(["fluency", "why"]))
            body |= {"question": question, "target": "A", "value": at, "order": ["x"]}
        elif kind == "undo":
            body["undoes"] = f"act{draw(st.integers(0, n_acts))}"
        item_id = draw(st.sampled_from(ITEMS))
        acts.append(event(kind, body, op_id=f"act{at}", rater="ana", item_id=item_id))
    again = draw(st.lists(st.sampled_from(acts), max_size=3))
    return acts, draw(st.permutations([*acts, *again]))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(data=doings())
def test_any_order_of_the_same_acts_gives_the_state_of_a_naive_reading(kit, data):
    acts, shuffled = data
    begun, names = beginning(kit)
    assert tuple(names) == ITEMS
    answers, status = naive(TASK, names, acts)
    for order in (acts, shuffled):
        state = State.of([*begun, *order])
        desk = state.desks["ana"]
        standing = {
            (item_id, asked): found.body["value"]
            for item_id in names
            for asked, found in desk.answered(item_id)
        }
        assert standing == answers
        assert desk.status == status
        done = {item_id for item_id, raters in state.done_by.items() if raters}
        assert done == {item_id for item_id, each in status.items() if each == "answered"}
