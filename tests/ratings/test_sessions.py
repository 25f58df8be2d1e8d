"""A sitting takes what a browser says, keeps what is valid, and tells nothing that blinds."""

import datetime
import json
import math
import sqlite3
import threading
import uuid
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as hooks

from workbench.errors import BadValue, UnknownName
from workbench.ratings.adjudication import adjudicator, disagreements
from workbench.ratings.assignment import order
from workbench.ratings.events import ACTS
from workbench.ratings.journal import Journal
from workbench.ratings.reading import read
from workbench.ratings.replay import State
from workbench.ratings.scripted import Scripted
from workbench.ratings.sessions import Session, Study
from workbench.ratings.tasks import Scale, Task

HELLO = {"type": "hello", "view_id": "v1"}
NOT_NOW = (
    "the store must take what you do, but it cannot just now; keep this page open, and it is tried "
    "again."
)
PAGE = "a message must be hello, act, fetch or bye; reload the page."


class Clock:
    def __init__(self):
        self.at = datetime.datetime(2026, 1, 5, 9, tzinfo=datetime.UTC)

    def __call__(self):
        return self.at

    def pass_minutes(self, minutes):
        self.at += datetime.timedelta(minutes=minutes)


@pytest.fixture
def journal(quick):
    return quick


@pytest.fixture
def study(journal, kit):
    return Study.start(journal, kit.items(kit.one))


@pytest.fixture
def session(study):
    return Session(study, "ana", session_id="s1")


def said(session, message):
    (reply,) = session.receive(message)
    return reply


def fluency(kit, n, value, at=0, **parts):
    return kit.answer(f"i{at:012x}", n, "fluency", value, "A", **parts)


def acts_in(journal):
    return [each for each in journal.events() if each.kind in ACTS or each.kind == "adjudicate"]


# --- the protocol ----------------------------------------------------------------------------


def test_a_hello_is_answered_with_all_that_a_page_shows(session, kit, journal):
    state = said(session, HELLO)
    names = [f"i{at:012x}" for at in range(4)]
    assert state == {
        "type": "state",
        "store": journal.store_id,
        "rater": "ana",
        "task": kit.one.shown(),
        "items": [{"item": each, "status": "open", "purpose": "rate"} for each in names],
        "contents": {
            each: {
                "item": each,
                "source": f"source {at}",
                "reference": "",
                "outputs": [{"letter": "A", "text": f"The text 0 of {at} is here."}],
                "images": [],
            }
            for at, each in enumerate(names[:3])
        },
        "answers": [],
        "n": 0,
        "position": 0,
        "saved": 0,
        "pool": False,
        "views": 1,
        "notice": "",
    }


def test_an_act_is_acknowledged_once_it_is_in_the_journal(session, kit, journal):
    message = fluency(kit, 1, 4)
    reply = said(session, message)
    event = journal.events()[-1]
    assert reply == {
        "type": "saved",
        "op_id": message["op_id"],
        "seq": event.seq,
        "saved": 1,
        "item": message["item"],
        "status": "open",
    }
    assert (event.op_id, event.kind, event.rater) == (message["op_id"], "answer", "ana")
    assert (event.item_id, event.session) == (message["item"], "s1")
    assert event.body == {
        "question": "fluency",
        "target": "A",
        "value": 4,
        "order": ["canary-output-0-0"],
        "n": 1,
        "view_id": "v1",
        "client_time": message["client_time"],
        "shown_at": message["shown_at"],
        "visible_s": 1.5,
    }


def test_the_same_act_sent_again_is_stored_once_and_acknowledged_again(session, kit, journal):
    message = fluency(kit, 1, 4)
    assert said(session, message) == said(session, dict(message))
    assert len(acts_in(journal)) == 1


def test_the_page_finds_what_stands_and_where_the_rater_was(session, kit, journal):
    task = Task("t", [Scale("fluency", 1, 5)])
    journal_items = kit.items(task)
    study = Study.start(Journal.open(f"{journal.place}.2"), journal_items)
    ana = Session(study, "ana")
    first, second = fluency(kit, 1, 4), fluency(kit, 2, 2, 1)
    changed = fluency(kit, 3, 5)
    skip = kit.act("skip", "i000000000002", 4, reason=task.skip_reasons[0], text="too long")
    comment = kit.act("comment", "i000000000002", 5, text="hm")
    for message in (first, second, changed, skip, comment):
        assert said(ana, message)["type"] == "saved"
    state = said(Session(Study(study.journal), "ana"), HELLO)
    assert [each["status"] for each in state["items"]] == [
        "answered", "answered", "skipped", "open",
    ]  # fmt: skip
    assert (state["position"], state["n"], state["saved"]) == (3, 5, 5)
    assert list(state["contents"]) == ["i000000000002", "i000000000003"]
    assert state["answers"] == [
        told("answer", changed, question="fluency", target="A", value=5),
        told("answer", second, question="fluency", target="A", value=2),
        told("skip", skip, reason=task.skip_reasons[0], text="too long"),
        told("comment", comment, text="hm"),
    ]
    study.journal.close()


def told(kind, message, **parts):
    return {key: message[key] for key in ("item", "op_id", "n")} | {"kind": kind} | parts


def test_at_the_end_the_position_is_the_number_of_items(session, kit):
    for at in range(4):
        message = kit.act("skip", f"i{at:012x}", at + 1, reason=kit.one.skip_reasons[0])
        assert said(session, message)["status"] == "skipped"
    assert said(session, HELLO)["position"] == 4


def test_contents_are_given_of_ones_own_items_each_once(session):
    name = "i000000000003"
    reply = said(session, {"type": "fetch", "items": [name, "other", name, 3, [name], None]})
    assert (reply["type"], list(reply["contents"])) == ("contents", [name])


def test_a_markdown_task_gives_trees(journal, kit):
    session = Session(Study.start(journal, kit.items(kit.three)), "ana")
    content = said(session, HELLO)["contents"]["i000000000000"]
    assert content["source_tree"] == [["p", ["source 0"]]]
    assert content["reference"] == "reference 0"
    assert [each["tree"] for each in content["outputs"]] == [
        [["p", [each["text"]]]] for each in content["outputs"]
    ]


def test_a_second_view_is_told_and_leaves_with_bye(session):
    assert said(session, HELLO)["notice"] == ""
    second = said(session, {"type": "hello", "view_id": "v2"})
    assert second["views"] == 2
    assert second["notice"] == (
        "You have this page open twice. That is safe: both show and save the same work."
    )
    assert session.receive({"type": "bye", "view_id": "v1"}) == []
    assert said(session, {"type": "hello", "view_id": "v2"})["views"] == 1


def test_pages_without_end_are_not_remembered_without_end(session):
    for at in range(200):
        views = said(session, {"type": "hello", "view_id": str(at)})["views"]
    assert views == 50


def test_two_studies_on_one_journal_see_each_others_acts_on_hello(journal, place, kit):
    one = Session(Study.start(journal, kit.items(kit.one)), "ana")
    with Journal.open(place) as other:
        two = Session(Study(other), "ana")
        message = fluency(kit, 1, 4)
        said(one, message)
        assert [each["op_id"] for each in said(two, HELLO)["answers"]] == [message["op_id"]]
        again = said(two, fluency(kit, 2, 5))
        assert again["saved"] == 2
        state = said(one, HELLO)
        assert (state["n"], state["saved"], state["answers"][0]["value"]) == (2, 2, 5)


def test_an_undo_leads_back_to_the_earlier_answer_and_the_page_is_told(session, kit):
    first, second = fluency(kit, 1, 4), fluency(kit, 2, 5)
    undo = kit.act("undo", first["item"], 3, undoes=second["op_id"])
    for message in (first, second, undo):
        assert said(session, message)["type"] == "saved"
    assert [each["value"] for each in said(session, HELLO)["answers"]] == [4]


def test_an_undo_may_come_before_its_act(session, kit):
    late = fluency(kit, 1, 4)
    assert said(session, kit.act("undo", late["item"], 2, undoes=late["op_id"]))["type"] == "saved"
    assert said(session, late)["type"] == "saved"
    assert said(session, HELLO)["answers"] == []


def test_a_view_that_comes_late_with_an_older_act_overrides_nothing(session, kit):
    said(session, fluency(kit, 7, 5))
    assert said(session, fluency(kit, 3, 1))["type"] == "saved"
    assert [each["value"] for each in said(session, HELLO)["answers"]] == [5]


# --- a study ---------------------------------------------------------------------------------


def test_a_study_that_is_started_again_is_the_same_study(journal, kit):
    Study.start(journal, kit.items(kit.one))
    head = journal.head()
    study = Study.start(journal, kit.items(kit.one))
    assert journal.head() == head
    assert repr(study) == "Study: 'one', 4 items, 2 raters, 0 acts"


def test_a_study_may_grow(journal, kit):
    Study.start(journal, kit.items(kit.one, 2, raters=["ana"]))
    study = Study.start(journal, kit.items(kit.one, 3, raters=["ana", "carl"]))
    assert len(study.items_of("ana")) == len(study.items_of("carl")) == 3


@pytest.mark.parametrize("change", [{"seed": 8}, {"overlap": 2}, "task"])
def test_another_study_in_the_same_journal_is_refused(journal, kit, change):
    Study.start(journal, kit.items(kit.one))
    other = kit.items(kit.two) if change == "task" else kit.items(kit.one, **change)
    with pytest.raises(BadValue) as caught:
        Study.start(journal, other)
    assert str(caught.value) == (
        f"a journal must hold one study, but {journal.place} holds Study: 'one', 4 items, 2 raters, "
        f"0 acts with another task or assignment than {other.task.name!r}; open a new journal."
    )


def test_an_item_that_shows_something_else_now_is_refused(journal, kit):
    Study.start(journal, kit.items(kit.one))
    changed = kit.item(kit.one, 0, purpose="gold")
    with pytest.raises(BadValue) as caught:
        Study.start(journal, kit.items(kit.one, special=[changed]))
    assert str(caught.value) == (
        f"an item must stay what was rated, but 'i000000000000' in {journal.place} show other "
        "texts; give changed outputs another output_id, or open a new journal."
    )


def test_what_was_done_on_an_item_of_an_older_plan_is_still_taken(journal, kit):
    items = kit.items(kit.one)
    session = Session(Study.start(journal, items), "ana")
    fewer = type(items)(items.task, items.items, {"ana": ("i000000000001",)}, 1, items.seed)
    grown = Study.start(
        journal, fewer, now=lambda: datetime.datetime.max.replace(tzinfo=datetime.UTC)
    )
    session = Session(grown, "ana")
    assert [each["item"] for each in said(session, HELLO)["items"]] == ["i000000000001"]
    assert said(session, fluency(kit, 1, 4))["type"] == "saved"


def test_a_session_needs_a_study_that_has_begun(journal):
    with pytest.raises(BadValue) as caught:
        Session(Study(journal), "ana")
    assert str(caught.value) == (
        f"a journal must hold a study before it is rated, but {journal.place} holds none; put items "
        "into it."
    )


def test_a_session_needs_a_rater_of_the_plan(study):
    with pytest.raises(UnknownName) as caught:
        Session(study, "anna")
    assert str(caught.value) == (
        "rater must be one of 'ana', 'ben', but 'anna' came; did you mean 'ana'?"
    )


def test_a_sessions_repr_says_how_far_it_is(session, kit):
    assert repr(session) == "Session: 0 of 4 items rated by ana, saved 0 acts"
    said(session, fluency(kit, 1, 4))
    assert repr(session) == "Session: 0 of 4 items rated by ana, saved 1 act"


# --- what is refused -------------------------------------------------------------------------


def bad_acts(kit):
    good = fluency(kit, 1, 4)
    a_uuid = "an act must have a UUID as its op_id, but it has none; reload the page."
    undo = "an undo must name the op_id of an act, but it names none; act once more."
    return {
        "kind": (good | {"kind": "task"}, (
            "an act must be one of answer, comment, skip, undo, but 'task' came; reload the page."
        )),
        "a kind that no set holds": (good | {"kind": []}, (
            "an act must be one of answer, comment, skip, undo, but [] came; reload the page."
        )),
        "op_id": (good | {"op_id": "task"}, a_uuid),
        "op_id in capitals": (good | {"op_id": good["op_id"].upper() + "A"}, a_uuid),
        "item": (good | {"item": "i000000000009"}, (
            "an item must be one of yours, but 'i000000000009' is not; reload the page."
        )),
        "n": (good | {"n": 0}, "n must be a whole number from 1, but 0 came; reload the page."),
        "n true": (good | {"n": True}, (
            "n must be a whole number from 1, but True came; reload the page."
        )),
        "question": (good | {"question": "colour"}, (
            "an answer must be to a question of the task, but 'colour' about 'A' is none; reload "
            "the page."
        )),
        "target": (good | {"target": "B"}, (
            "an answer must be to a question of the task, but 'fluency' about 'B' is none; reload "
            "the page."
        )),
        "no target": (good | {"target": None}, (
            "an answer must be to a question of the task, but 'fluency' about 'the item' is none; "
            "reload the page."
        )),
        "view": (good | {"view_id": 3}, (
            "view_id must be text, but 3 came; put it in quotes if it is meant as text."
        )),
        "undo": (kit.act("undo", good["item"], 1), undo),
        "undo of an event that is no act": (
            kit.act("undo", good["item"], 1, undoes="item-i000000000000"), undo
        ),
        "skip": (kit.act("skip", good["item"], 1, reason="no"), (
            "a reason to skip must be one of 'I cannot judge this', 'The text is broken', but 'no' "
            "came; choose one."
        )),
        "comment": (kit.act("comment", good["item"], 1, text="x" * 10_001), (
            "text must have at most 10,000 characters, but 10,001 came; shorten it."
        )),
        "half": (kit.act("comment", good["item"], 1, text="\ud83d"), (
            "text must hold whole characters only, but half of one ('\\ud83d') stands at character "
            "1; remove it."
        )),
    }  # fmt: skip


def test_what_is_not_valid_is_refused_in_one_sentence_and_not_stored(session, kit, journal):
    for what, (message, reason) in bad_acts(kit).items():
        reply = said(session, message)
        assert reply == {"type": "refused", "op_id": message["op_id"], "reason": reason}, what
    assert acts_in(journal) == []


def test_a_task_without_reasons_cannot_be_skipped_nor_one_without_comments_commented(journal, kit):
    task = Task("t", [Scale("fluency", 1, 5)], skip_reasons=(), comments=False)
    session = Session(Study.start(journal, kit.items(task)), "ana")
    item = "i000000000000"
    assert said(session, kit.act("skip", item, 1, reason="x"))["reason"] == (
        "a reason to skip must be one of none, but 'x' came; choose one."
    )
    assert said(session, kit.act("comment", item, 1, text="x"))["reason"] == (
        "a comment must be wanted, but this task takes none; leave it out."
    )
    assert acts_in(journal) == []


def test_nobody_takes_the_name_of_anothers_act_nor_undoes_it(study, kit, journal):
    ana, ben = Session(study, "ana"), Session(study, "ben")
    message = fluency(kit, 1, 4)
    said(ana, message)
    assert said(ben, message)["reason"] == (
        "an op_id must name one act, but this one names another; act once more."
    )
    undo = kit.act("undo", message["item"], 1, undoes=message["op_id"])
    assert said(ben, undo)["reason"] == (
        "an undo must name an act of yours, but it names none; reload the page."
    )
    assert len(acts_in(journal)) == 1


def test_nobody_rates_or_sees_the_items_of_others(journal, kit):
    items = kit.items(kit.one)
    plan = {"ana": ("i000000000000",), "ben": ("i000000000001",)}
    study = Study.start(journal, type(items)(items.task, items.items, plan, 1, items.seed))
    ana = Session(study, "ana")
    assert said(ana, fluency(kit, 1, 4, 1))["type"] == "refused"
    assert said(ana, {"type": "fetch", "items": ["i000000000001"]})["contents"] == {}
    assert acts_in(journal) == []


@pytest.mark.parametrize(
    "message",
    [None, 3, "hello", [], [HELLO], {}, {"type": None}, {"type": []}, {"type": "saved"}, {"a": 1}],
    ids=repr,
)
def test_what_is_no_message_is_refused(session, message):
    assert said(session, message) == {"type": "refused", "op_id": "", "reason": PAGE}


def nested(depth):
    value = []
    for at in range(depth):
        value = [value] if at % 2 else {"A": value}
    return value


HOSTILE = [
    None, True, False, 0, -1, 1.5, 10**400, 10**5000, -(10**5000), 2**53, math.nan, math.inf, "",
    "x" * 100_000, "two words " * 20_000, "\ud83d", "a\0b", "\u202egnp", "<script>", "A",
    "Z", "AA", "answer", [], [[]], {}, {"A": 1}, {"A": math.nan}, {"": {}}, {1: 2},
    {"best": "A", "worst": "A"}, {"best": [], "worst": {}}, {"choice": "A", "strength": 10**5000},
    {"choice": []}, {"choice": "Q"}, {"A": True}, {"A": 10**400, "B": 1, "C": 1}, nested(50),
    nested(20_000), [None] * 1000, [{"side": "output", "start": 0, "end": 10**5000}],
    [{"side": "output", "start": math.nan, "end": 1, "category": "grammar", "severity": "minor"}],
    [{"side": "\ud83d", "start": 0, "end": 1, "category": [], "severity": {}}], ["rude", "\ud83d"],
    "task", "item-i000000000000", "i000000000000", "other-output", "__proto__", "_draft",
]  # fmt: skip
FIELDS = (
    "type", "op_id", "view_id", "kind", "item", "question", "target", "value", "n", "client_time",
    "shown_at", "visible_s", "undoes", "reason", "text", "items",
)  # fmt: skip
# What a kind of message has for itself, or means something else in it.
OWN = {
    "type",
    "kind",
    "question",
    "target",
    "value",
    "undoes",
    "reason",
    "text",
    "items",
    "view_id",
}


def starts(kit, task):
    item = kit.item(task, 0)
    asked = [(question.name, "" if question.comparative else "A") for question in task.questions]
    return [
        HELLO,
        {"type": "bye", "view_id": "v1"},
        {"type": "fetch", "items": [item.item_id]},
        *(kit.answer(item, 1, question, None, target) for question, target in asked),
        kit.act("undo", item, 1, undoes=str(uuid.uuid4())),
        kit.act("skip", item, 1, reason=task.skip_reasons[0]),
        kit.act("comment", item, 1, text="x"),
    ]


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_no_field_of_no_message_makes_a_sitting_raise_or_store_what_is_not_valid(
    journal, kit, name
):
    task = kit.tasks[name]
    study = Study.start(journal, kit.items(task))
    session = Session(study, "ana")
    for at, start in enumerate(starts(kit, task)):
        # what all acts have in common is tried once
        for field in FIELDS if at == 3 else [each for each in start if each in OWN]:
            for value in HOSTILE:
                check_reply(session.receive({**start, "op_id": str(uuid.uuid4()), field: value}))
    check_journal(journal, task)


def check_reply(replies):
    for reply in replies:
        assert reply["type"] in {"state", "saved", "refused", "contents"}
        text = json.dumps(reply | {"op_id": ""}, allow_nan=False)
        assert len(reply.get("op_id", "")) <= 100
        assert "canary-" not in text
        if reply["type"] == "refused":
            assert reply["reason"].endswith(".")
            assert "\n" not in reply["reason"]
            assert len(reply["reason"]) < 600


def check_journal(journal, task):
    """All that was stored is what this very task takes."""
    assert journal.verify() == []
    state = State.of(journal.events())
    questions = {each.name: each for each in task.questions}
    for event in acts_in(journal):
        body, item = event.body, state.items[event.item_id]
        assert 0 < body["n"] < 2**53
        assert 0 <= body["visible_s"] <= 86_400
        assert len(body["view_id"]) <= 100
        for time in (body["client_time"], body["shown_at"]):
            assert time == "" or datetime.datetime.fromisoformat(time)
        if event.kind == "answer":
            shown = {chr(65 + at): name for at, name in enumerate(body["order"])}
            texts = {each.output_id: each.text for each in item.outputs}
            about = {
                letter: texts[output]
                for letter, output in shown.items()
                if body["target"] in ("", letter)
            }
            question = questions[body["question"]]
            assert bool(body["target"]) != question.comparative
            checked = question.check(body["value"], texts=about, source=item.source)
            assert checked == body["value"]
        elif event.kind == "skip":
            assert body["reason"] in task.skip_reasons


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) |
    st.sampled_from([*"ABC", "best", "worst", "choice", "i000000000000", "fluency", "better"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(
    deadline=None, derandomize=True, max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), at=st.integers(0, 7))
def test_nor_do_several_fields_at_once(journal, kit, changes, at):
    session = Session(Study.start(journal, kit.items(kit.two)), "ana")
    check_reply(session.receive({**starts(kit, kit.two)[at], **changes}))
    check_journal(journal, kit.two)


@pytest.mark.parametrize("seconds", [None, "3", True, -1, math.nan, math.inf, 10**400, 86_401])
def test_seconds_that_cannot_be_are_no_reason_to_lose_an_act(session, kit, journal, seconds):
    assert said(session, fluency(kit, 1, 4, visible_s=seconds))["type"] == "saved"
    assert acts_in(journal)[0].body["visible_s"] == 0.0


@pytest.mark.parametrize("time", [None, 3, "yesterday", "+012026-01-01T00:00:00Z", "2" * 50, {}])
def test_a_time_that_cannot_be_is_no_reason_to_lose_an_act(session, kit, journal, time):
    reply = said(session, fluency(kit, 1, 4, client_time=time, shown_at=time))
    body = acts_in(journal)[0].body
    assert (reply["type"], body["client_time"], body["shown_at"]) == ("saved", "", "")


# --- the store ------------------------------------------------------------------------------


def stuck(journal, pragma):
    """Make a journal's store refuse, until the function that is returned is called."""
    engine = journal._database.engine

    @hooks.listens_for(engine, "checkout")
    def _refuse(connection, *_):
        connection.execute(pragma)

    def mend():
        hooks.remove(engine, "checkout", _refuse)
        engine.dispose()

    return mend


def check_failed_then_saved_once(session, kit, journal, mend):
    message = fluency(kit, 1, 4)
    failed = {"type": "failed", "op_id": message["op_id"], "reason": NOT_NOW}
    assert said(session, message) == failed
    assert said(session, message) == failed
    assert journal.place in session.study.trouble
    mend()
    assert acts_in(journal) == []
    assert [said(session, message)["saved"] for _ in range(2)] == [1, 1]
    assert session.study.trouble == ""
    assert len(acts_in(journal)) == 1


def test_an_act_that_a_locked_store_did_not_take_is_saved_once_later(place, kit):
    with Journal.open(place, busy_s=0.05) as journal:
        session = Session(Study.start(journal, kit.items(kit.one)), "ana")
        with closing(sqlite3.connect(place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            check_failed_then_saved_once(
                session, kit, journal, mend=lambda: other.execute("ROLLBACK")
            )


def test_an_act_that_a_store_that_may_only_be_read_did_not_take_is_saved_once_later(
    session, kit, journal
):
    mend = stuck(journal, "PRAGMA query_only = 1")
    check_failed_then_saved_once(session, kit, journal, mend)


def test_an_act_that_a_closed_store_did_not_take_is_told_as_failed(session, kit, journal):
    journal.close()
    for message in (HELLO, fluency(kit, 1, 4)):
        assert said(session, message) == {
            "type": "failed", "op_id": message.get("op_id", ""), "reason": NOT_NOW,
        }  # fmt: skip


# --- blinding -------------------------------------------------------------------------------


def strings(value):
    """Every text in a JSON value, keys too."""
    if isinstance(value, dict):
        return [each for pair in value.items() for part in pair for each in strings(part)]
    if isinstance(value, list):
        return [each for part in value for each in strings(part)]
    return [value] if isinstance(value, str) else []


class Listening(Session):
    """A sitting whose replies are kept."""

    def receive(self, message):
        replies = super().receive(message)
        self.heard = [*getattr(self, "heard", []), *replies]
        return replies


def worked_through(session, name, **traits):
    Scripted(name, lambda text, _: len(text) % 7 / 7, noise=0.4, **traits).work(session)
    return session


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_no_reply_to_a_rater_or_adjudicator_names_what_must_not_be_known(journal, kit, name):
    task = kit.tasks[name]
    items = kit.items(task)
    study = Study.start(journal, items)
    sessions = [Listening(study, rater) for rater in kit.raters]
    for session in sessions:
        worked_through(session, session.rater)
        act = kit.act("skip", "i000000000000", 99, reason=task.skip_reasons[0])
        undo = kit.act("undo", "i000000000000", 100, undoes=act["op_id"])
        for message in (
            act,
            undo,
            act | {"op_id": "x"},
            {"type": "fetch", "items": list(study.state.items)},
        ):
            session.receive(message)
        session.receive(HELLO)
    found = disagreements(read(journal))
    referee = adjudicator(journal, by="referee", disputed=found)
    referee.__class__ = Listening
    worked_through(referee, "referee")
    for session in (*sessions, referee):
        heard = strings(session.heard)
        assert len(session.heard) > 10
        assert not [each for each in heard if "canary" in each]
    assert not [each for each in strings(referee.heard) if each in kit.raters]


def test_an_adjudicator_who_is_not_blinded_sees_names_of_raters_and_still_no_systems(journal, kit):
    study = Study.start(journal, kit.items(kit.two))
    for rater in kit.raters:
        worked_through(Session(study, rater), rater)
    referee = adjudicator(
        journal, by="referee", disputed=disagreements(read(journal)), blinded=False
    )
    heard = strings(referee.receive(HELLO))
    assert set(kit.raters) <= set(heard)
    assert not [each for each in heard if "canary" in each]


def test_gold_and_check_items_look_like_any_other_and_only_training_is_named(journal, kit):
    purposes = ["training", "gold", "check"]
    special = [
        kit.item(
            kit.one, at, purpose=purpose, expected={"fluency": {"low": 5, "high": 5}}, explanation="x"
        )
        for at, purpose in enumerate(purposes)
    ]  # fmt: skip
    study = Study.start(journal, kit.items(kit.one, special=special))
    session = Session(study, "ana")
    state = said(session, HELLO)
    assert [each["purpose"] for each in state["items"]] == ["training", "rate", "rate", "rate"]
    contents = said(session, {"type": "fetch", "items": [f"i{at:012x}" for at in range(4)]})
    assert len({tuple(each) for each in contents["contents"].values()}) == 1
    assert not {"gold", "check", "expected"} & {*strings(contents), *strings(state)}
    Scripted("ana", lambda *_: 0.0).work(Session(study, "ana"))
    replies = [said(session, fluency(kit, 900 + at, 5, at)) for at in range(4)]
    assert replies[0]["feedback"] == {"right": True, "text": "x"}
    assert len({tuple(each) for each in replies[1:]}) == 1


def test_feedback_comes_when_all_is_answered_and_says_whether_all_is_right(journal, kit):
    task = Task("t", [Scale("fluency", 1, 5), Scale("score", 1, 5)], outputs=2)
    expected = {"fluency": {"A": {"low": 4, "high": 5}}, "score": {"B": {"low": 1, "high": 1}}}
    item = kit.item(task, 0, purpose="training", expected=expected, explanation="Look again.")
    items = kit.items(task, special=[item])
    session = Session(Study.start(journal, items), "ana")
    letters = dict(zip(order(7, "ana", item), "AB", strict=True))
    replies = [
        said(session, kit.answer(item, at, question, value, letters[output]))
        for at, (question, output, value) in enumerate(
            [
                ("fluency", 0, 4),
                ("fluency", 1, 1),
                ("score", 0, 3),
                ("score", 1, 2),
                ("score", 1, 1),
            ],
            1,
        )
    ]
    assert [each.get("feedback") for each in replies] == [
        None, None, None,
        {"right": False, "text": "Look again."}, {"right": True, "text": "Look again."},
    ]  # fmt: skip


# --- order ----------------------------------------------------------------------------------


def test_each_answer_keeps_the_order_in_which_its_outputs_were_shown(journal, kit):
    items = kit.items(kit.three, 8)
    study = Study.start(journal, items)
    for rater in kit.raters:
        session = worked_through(Session(study, rater), rater)
        fetched = said(session, {"type": "fetch", "items": [each.item_id for each in items.items]})
        for item in items.items:
            texts = [each["text"] for each in fetched["contents"][item.item_id]["outputs"]]
            assert texts == [item.outputs[at].text for at in order(7, rater, item)]
    by_name = {each.item_id: each for each in items.items}
    answers = [each for each in journal.events() if each.kind == "answer"]
    assert len(answers) > 100
    for event in answers:
        item = by_name[event.item_id]
        shown = [item.outputs[at].output_id for at in order(7, event.rater, item)]
        assert event.body["order"] == shown
    assert len({tuple(each.body["order"][k][-1] for k in range(3)) for each in answers}) == 6


# --- pools ----------------------------------------------------------------------------------


SHORT = Task("short", [Scale("fluency", 1, 5)])


def pool(kit, journal, n=6, overlap=2, now=None, task=SHORT, **parts):
    items = kit.items(task, n, raters=(), overlap=overlap, **parts)
    return Study.start(journal, items, now=now or Clock())


def test_a_pool_gives_an_item_at_a_time_and_the_next_with_the_acknowledgement(journal, kit):
    session = Session(pool(kit, journal), "eve")
    state = said(session, HELLO)
    assert (len(state["items"]), state["position"], state["pool"]) == (1, 0, True)
    assert len(said(session, HELLO)["items"]) == 1
    first = state["items"][0]["item"]
    reply = said(session, kit.answer(first, 1, "fluency", 4, "A"))
    (more,) = reply["more"]
    assert list(reply["contents"]) == [more["item"]]
    assert more["item"] != first
    assert [each["item"] for each in said(session, HELLO)["items"]] == [first, more["item"]]


def test_an_acknowledgement_that_was_lost_tells_the_next_item_again(journal, kit):
    session = Session(pool(kit, journal), "eve")
    message = kit.answer(said(session, HELLO)["items"][0]["item"], 1, "fluency", 4, "A")
    first, again = said(session, message), said(session, message)
    assert first["more"] == again["more"]


def test_a_skipped_item_goes_to_another_rater_at_once_and_never_back(journal, kit):
    study = pool(kit, journal, n=1, overlap=1)
    eve, dan = Session(study, "eve"), Session(study, "dan")
    (entry,) = said(eve, HELLO)["items"]
    assert said(dan, HELLO)["items"] == []
    reply = said(eve, kit.act("skip", entry["item"], 1, reason=SHORT.skip_reasons[0]))
    assert "more" not in reply
    assert said(dan, HELLO)["items"] == [entry]
    assert [each["status"] for each in said(eve, HELLO)["items"]] == ["skipped"]


def test_a_lease_that_ran_out_goes_to_another_and_what_was_done_late_is_kept(journal, kit):
    clock = Clock()
    study = pool(kit, journal, n=1, overlap=1, now=clock)
    eve, dan = Session(study, "eve"), Session(study, "dan")
    (entry,) = said(eve, HELLO)["items"]
    clock.pass_minutes(29)
    assert said(dan, HELLO)["items"] == []
    clock.pass_minutes(2)
    assert said(dan, HELLO)["items"] == [entry]
    assert said(eve, HELLO)["items"] == []
    late = said(eve, kit.answer(entry["item"], 1, "fluency", 4, "A"))
    assert (late["type"], late["status"]) == ("saved", "answered")


def test_a_lease_that_ran_out_is_resumed_by_its_rater_if_nobody_else_took_it(journal, kit):
    clock = Clock()
    study = pool(kit, journal, n=1, overlap=1, now=clock)
    eve, dan = Session(study, "eve"), Session(study, "dan")
    (entry,) = said(eve, HELLO)["items"]
    clock.pass_minutes(60)
    assert said(eve, HELLO)["items"] == [entry]
    assert said(dan, HELLO)["items"] == []


def test_training_comes_first_for_everybody_in_a_pool(journal, kit):
    training = [kit.item(SHORT, at, purpose="training") for at in (0, 1)]
    study = pool(kit, journal, n=4, overlap=1, special=training)
    for rater in ("eve", "dan", "fay"):
        session = Session(study, rater)
        Scripted(rater, lambda *_: 0.5).work(session, most=2)
        told = said(session, HELLO)["items"]
        assert [(each["item"], each["purpose"]) for each in told[:2]] == [
            ("i000000000000", "training"), ("i000000000001", "training"),
        ]  # fmt: skip


def test_items_that_others_have_are_completed_first(journal, kit):
    study = pool(kit, journal, n=20, overlap=3)
    started = study.take("eve")
    assert study.take("dan") == started
    assert study.take("fay") == started
    assert study.take("gus") != started


def test_eight_raters_at_once_bring_every_item_to_the_overlap_and_none_beyond(place, journal, kit):
    n_items, overlap = 14, 3
    pool(kit, journal, n=n_items, overlap=overlap)
    errors = []

    def work(name):
        try:
            # each a process of its own, as far as the store can tell
            with kit.hasty(place) as own:
                Scripted(name, lambda *_: 0.5).work(Session(Study(own), name))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"r{at}",)) for at in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    state = State.of(journal.events())
    leases = [(each.item_id, each.rater) for each in journal.events(kinds=["lease"])]
    assert len(leases) == len(set(leases)) == n_items * overlap
    assert [len(state.done_by[each]) for each in state.items] == [overlap] * n_items
    assert journal.verify() == []


def test_eight_threads_of_one_study_never_hold_an_item_twice(journal, kit):
    study = pool(kit, journal, n=10, overlap=2)
    taken = [[] for _ in range(8)]

    def take(at):
        while (item := study.take(f"r{at}")) is not None:
            taken[at].append(item)

    threads = [threading.Thread(target=take, args=(at,)) for at in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert all(len(each) == len(set(each)) for each in taken)
    counts = [sum(item in each for each in taken) for item in study.state.items]
    assert counts == [2] * 10


# --- several tabs ----------------------------------------------------------------------------


@st.composite
def tabs(draw):
    """Acts on two items from two tabs, and two orders in which they arrive, some of them twice."""
    acts, ops = [], []
    for n in range(1, draw(st.integers(2, 7)) + 1):
        kind = draw(st.sampled_from(["answer", "answer", "skip", "undo"]))
        parts = {"view_id": draw(st.sampled_from(["v1", "v2"]))}
        if kind == "answer":
            parts |= {"question": "fluency", "target": "A", "value": draw(st.integers(1, 5))}
        elif kind == "skip":
            parts |= {"reason": SHORT.skip_reasons[0]}
        else:
            parts |= {"undoes": draw(st.sampled_from(ops)) if ops else str(uuid.UUID(int=0))}
        ops.append(str(uuid.UUID(int=n)))
        item = f"i{draw(st.integers(0, 1)):012x}"
        acts.append((kind, item, max(1, n - draw(st.integers(0, 1))), parts | {"op_id": ops[-1]}))
    again = draw(st.lists(st.sampled_from(acts), max_size=2))
    return draw(st.permutations([*acts, *again])), draw(st.permutations([*acts, *again]))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(orders=tabs())
def test_in_whatever_order_the_acts_of_tabs_arrive_the_page_is_the_same(
    kit, tmp_path_factory, orders
):
    states = []
    for arriving in orders:
        with kit.hasty(tmp_path_factory.mktemp("tabs") / "ratings.db") as journal:
            session = Session(Study.start(journal, kit.items(SHORT, 2)), "ana")
            for kind, item, n, parts in arriving:
                assert said(session, kit.act(kind, item, n, **parts))["type"] == "saved"
            states.append(said(session, HELLO) | {"store": ""})
            assert states[-1] == said(Session(Study(journal), "ana"), HELLO) | {"store": ""}
    assert states[0] == states[1]
