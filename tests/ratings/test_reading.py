"""What is read from a journal is what raters said, whatever side it was shown on."""

import itertools
import random

import pytest

from workbench.errors import BadValue, UnknownName
from workbench.ratings.adjudication import adjudicator, disagreements
from workbench.ratings.assignment import order
from workbench.ratings.journal import Journal
from workbench.ratings.reading import progress, read, unblind
from workbench.ratings.scripted import Scripted
from workbench.ratings.sessions import Session, Study
from workbench.ratings.tasks import Scale, Task
from workbench.tables import RATINGS


@pytest.fixture
def journal(quick):
    return quick


def send(session, message):
    (reply,) = session.receive(message)
    assert reply["type"] == "saved", reply
    return message["op_id"]


def shown_to(items, rater, item):
    return [item.outputs[at] for at in order(items.seed, rater, item)]


def plain(value):
    """A cell as JSON has it, so that frames can be compared with ==; nothing is None."""
    return None if value is None or value != value or type(value).__name__ == "NAType" else value


def rows(frame):
    return [{k: plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def work(journal, kit, task, n=6, *, raters=("ana", "ben"), noise=0.4):
    items = kit.items(task, n, raters=raters)
    study = Study.start(journal, items)
    for at, rater in enumerate(raters):
        Scripted(rater, lambda text, _: len(text) % 7 / 7, noise=noise, seed=at).work(
            Session(study, rater)
        )
    return items


# --- letters to systems ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_letters_are_read_as_the_outputs_that_stood_behind_them(journal, kit, name):
    task = kit.tasks[name]
    items = work(journal, kit, task)
    kinds = {each.name: each.kind for each in task.questions}
    by_name = {each.item_id: each for each in items.items}
    events = {each.op_id: each for each in journal.events() if each.kind == "answer"}
    found = rows(read(journal))
    assert len(found) == len(events) > 20
    for row in found:
        event, item = events[row["rating_id"]], by_name[row["item_id"]]
        shown = shown_to(items, row["rater"], item)
        value, letters = event.body["value"], dict(zip("ABC", shown, strict=False))
        kind = kinds[row["question"]]
        if kind in {"preference", "ranking", "best-worst"}:
            assert row["system"] is None
            assert row["output_ids"] == [each.output_id for each in shown]
            assert row["systems"] == [each.system for each in shown]
        else:
            one = letters[event.body["target"]]
            assert (row["system"], row["output_ids"]) == (one.system, [one.output_id])
            assert row["value"] == value
        if kind == "preference":
            assert (row["system_a"], row["system_b"]) == ("canary-system-0", "canary-system-1")
            assert row["side"] == shown[0].system
            assert row["strength"] == value.get("strength")
            if value["choice"] in letters:
                assert row[f"system_{row['value']}"] == letters[value["choice"]].system
            else:
                assert row["value"] == value["choice"]
        elif kind == "ranking":
            named = dict(zip(row["output_ids"], row["value"], strict=True))
            assert named == {letters[letter].output_id: rank for letter, rank in value.items()}
        elif kind == "best-worst":
            assert row["value"] == {end: letters[letter].output_id for end, letter in value.items()}
        assert (row["row_id"], row["purpose"]) == (item.row_id, "rate")
        assert (row["started_at"], row["duration_s"]) == (
            event.body["shown_at"], event.body["visible_s"],
        )  # fmt: skip


def test_who_always_likes_one_system_is_read_so_whatever_the_side(journal, kit):
    items = kit.items(kit.two, 30, raters=["ana"])
    session = Session(Study.start(journal, items), "ana")
    for n, item in enumerate(items.items, 1):
        letter = "AB"[
            [each.system for each in shown_to(items, "ana", item)].index("canary-system-1")
        ]
        send(session, kit.answer(item, n, "better", {"choice": letter, "strength": 2}))
    frame = read(journal)
    assert set(frame["value"]) == {"b"}
    assert set(frame["side"]) == {"canary-system-0", "canary-system-1"}
    assert set(frame["strength"]) == {2}


@pytest.mark.parametrize("choice", ["tie", "both bad"])
def test_a_choice_of_neither_has_a_side_and_no_strength(journal, kit, choice):
    items = kit.items(kit.two, 1, raters=["ana"])
    send(
        Session(Study.start(journal, items), "ana"),
        kit.answer(items.items[0], 1, "better", {"choice": choice}),
    )
    (row,) = rows(read(journal))
    assert (row["value"], row["strength"]) == (choice, None)
    assert row["side"] == shown_to(items, "ana", items.items[0])[0].system


# --- which answers stand ---------------------------------------------------------------------


def test_a_changed_answer_is_read_once_an_undone_or_skipped_one_not_at_all(journal, kit):
    task = Task("t", [Scale("fluency", 1, 5)])
    items = kit.items(task, 4, raters=["ana"])
    session = Session(Study.start(journal, items), "ana")
    first, second, third, fourth = items.items
    n = itertools.count(1)
    send(session, kit.answer(first, next(n), "fluency", 1, "A"))
    stands = send(session, kit.answer(first, next(n), "fluency", 2, "A"))
    undone = send(session, kit.answer(second, next(n), "fluency", 3, "A"))
    send(session, kit.act("undo", second, next(n), undoes=undone))
    send(session, kit.answer(third, next(n), "fluency", 4, "A"))
    send(session, kit.act("skip", third, next(n), reason=task.skip_reasons[0]))
    send(session, kit.act("skip", fourth, next(n), reason=task.skip_reasons[0]))
    after = send(session, kit.answer(fourth, next(n), "fluency", 5, "A"))
    found = [(each["rating_id"], each["value"]) for each in rows(read(journal))]
    assert found == [(stands, 2), (after, 5)]


def test_only_the_purposes_that_are_asked_for_are_read(journal, kit):
    purposes = ["rate", "training", "gold", "check"]
    special = [kit.item(kit.one, at, purpose=each) for at, each in enumerate(purposes)]
    study = Study.start(journal, kit.items(kit.one, special=special, raters=["ana"]))
    Scripted("ana", lambda *_: 0.5).work(Session(study, "ana"))
    assert set(read(journal)["purpose"]) == {"rate"}
    assert set(read(journal, purposes=["gold", "check"])["purpose"]) == {"gold", "check"}
    assert set(read(journal, purposes=purposes)["purpose"]) == set(purposes)
    assert set(read(journal, purposes="gold")["purpose"]) == {"gold"}
    with pytest.raises(UnknownName) as caught:
        read(journal, purposes=["rated"])
    assert str(caught.value) == (
        "a purpose must be one of 'rate', 'training', 'gold', 'check', but 'rated' came; did you "
        "mean 'rate'?"
    )


def test_what_is_read_is_a_ratings_table_also_when_nothing_was_answered(journal, kit):
    Study.start(journal, kit.items(kit.two))
    frame = read(journal)
    assert len(frame) == 0
    assert RATINGS.check(frame, source="again").columns.tolist() == frame.columns.tolist()


def test_a_journal_is_read_by_its_path_too(place, journal, kit):
    work(journal, kit, kit.two)
    assert rows(read(place)) == rows(read(journal))
    RATINGS.check(read(place), source="again")


def test_a_journal_without_a_study_is_refused(journal):
    for act in (read, progress):
        with pytest.raises(BadValue) as caught:
            act(journal)
        assert str(caught.value) == (
            f"a journal must hold a study, but {journal.place} holds none; begin one."
        )


def test_a_word_for_rulings_that_is_not_known_is_refused(journal):
    with pytest.raises(BadValue) as caught:
        read(journal, adjudicated="drop")
    assert str(caught.value) == (
        "adjudicated must be keep, replace or ignore, but 'drop' came; choose one."
    )


# --- two machines ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_two_machines_merge_to_the_same_ratings_in_either_order(kit, tmp_path, name):
    task = kit.tasks[name]
    items = kit.items(task, 5)
    places = [tmp_path / f"machine{at}.db" for at in (0, 1)]
    with kit.hasty(places[0]) as left, kit.hasty(places[1]) as right:
        studies = [Study.start(each, items) for each in (left, right)]
        # ana works on both machines, ben on one; what ana does later counts, wherever
        for at, (study, most) in enumerate(zip(studies, (3, 5), strict=True)):
            Scripted("ana", lambda *_: 0.5, seed=at).work(Session(study, "ana"), most=most)
        Scripted("ben", lambda *_: 0.5).work(Session(studies[1], "ben"))
        with kit.hasty(tmp_path / "one.db") as one, kit.hasty(tmp_path / "other.db") as other:
            one.merge(left, right)
            other.merge(right, left)
            assert one.verify() == other.verify() == []
            assert rows(read(one)) == rows(read(other))
            assert len(read(one)) == len(read(right))
            assert rows(read(one)) != rows(read(right))
            states = [Session(Study(each), "ana").receive({"type": "hello", "view_id": ""})[0]
                      for each in (one, other)]  # fmt: skip
        assert states[0] | {"store": ""} == states[1] | {"store": ""}


# --- rulings ---------------------------------------------------------------------------------


def test_rulings_are_kept_beside_ratings_or_replace_them_or_are_left_out(journal, kit):
    work(journal, kit, kit.two)
    before = rows(read(journal))
    disputed = disagreements(read(journal))
    assert len(disputed)
    Scripted("referee", lambda *_: 0.5, seed=9).work(
        adjudicator(journal, by="referee", disputed=disputed), most=2
    )
    assert rows(read(journal, adjudicated="ignore")) == before
    kept = rows(read(journal))
    rulings = [each for each in kept if each["adjudicated"]]
    assert [each for each in kept if not each["adjudicated"]] == before
    assert {each["rater"] for each in rulings} == {"referee"}
    items = disputed["item_id"].drop_duplicates().tolist()[:2]
    assert {each["item_id"] for each in rulings} == set(items)
    replaced = rows(read(journal, adjudicated="replace"))

    def subject(row):
        return row["item_id"], row["question"], row["system"]

    ruled = {subject(each) for each in rulings}
    assert replaced == [each for each in before if subject(each) not in ruled] + rulings
    assert len(replaced) == len(before) - len(rulings)


# --- progress and unblinding -----------------------------------------------------------------


def test_progress_counts(journal, kit):
    expected = {"fluency": {"low": 5, "high": 5}}
    special = [
        kit.item(Task("t", [Scale("fluency", 1, 5)]), at, purpose=purpose, expected=expected)
        for at, purpose in enumerate(["training", "gold", "check", "gold"])
    ]
    task = Task("t", [Scale("fluency", 1, 5)])
    items = kit.items(task, 6, special=special)
    session = Session(Study.start(journal, items), "ana")
    for n, (value, seconds) in enumerate([(1, 2.0), (5, 4.0), (4, 9.0)], 1):
        send(
            session,
            kit.answer(items.items[n - 1], n, "fluency", value, "A", visible_s=seconds),
        )
    send(session, kit.answer(items.items[3], 4, "fluency", 5, "A"))
    send(session, kit.act("skip", items.items[3], 5, reason=task.skip_reasons[0]))
    sheet = progress(journal)
    ana, ben = rows(sheet.frame)
    last = max(each.at for each in journal.events() if each.rater == "ana")
    assert ana == {
        "rater": "ana", "n_items": 6, "n_answered": 3, "n_skipped": 1, "n_acts": 5,
        "seconds_per_item": 4.0, "n_known": 2, "n_right": 1, "last_at": last,
    }  # fmt: skip
    assert ben == {
        "rater": "ben", "n_items": 6, "n_answered": 0, "n_skipped": 0, "n_acts": 0,
        "seconds_per_item": None, "n_known": 0, "n_right": 0, "last_at": None,
    }  # fmt: skip
    text = repr(sheet)
    assert "t: 3 of 12 items answered (25" in text
    assert "1 of 2" in text
    assert "None" not in text
    assert "canary" not in text + sheet._repr_html_()


def test_progress_of_a_check_that_must_be_worse_than_its_original(journal, kit):
    task = Task("t", [Scale("fluency", 1, 5)])
    check = kit.item(
        task, 1, purpose="check", expected={"fluency": {"worse_than": "i000000000000"}}
    )
    items = kit.items(task, 2, special=[check])
    study = Study.start(journal, items)
    for rater, values in {"ana": (4, 2), "ben": (2, 2)}.items():
        session = Session(study, rater)
        for n, value in reversed([*enumerate(values)]):
            send(session, kit.answer(items.items[n], n + 1, "fluency", value, "A"))
            if n:
                assert progress(journal).frame.set_index("rater").loc[rater, "n_known"] == 0
    frame = progress(journal).frame
    assert frame[["n_known", "n_right"]].to_numpy().tolist() == [[1, 1], [1, 0]]


def test_unblinding_is_on_record_before_anything_is_told(journal, kit):
    items = work(journal, kit, kit.two, raters=("ana",))
    told = unblind(journal, by="lead", reason="the study is over")
    last = journal.events()[-1]
    assert (last.kind, last.body) == ("unblind", {"by": "lead", "reason": "the study is over"})
    expected = [
        (item.item_id, "ana", letter, each.output_id, each.system)
        for item in items.items
        for letter, each in zip("AB", shown_to(items, "ana", item), strict=True)
    ]
    assert [tuple(row) for row in told.to_numpy()] == expected


def test_nothing_is_told_when_the_unblinding_cannot_be_recorded(place, kit):
    from contextlib import closing
    from sqlite3 import connect

    with Journal.open(place, busy_s=0.05) as journal:
        Study.start(journal, kit.items(kit.two))
        with closing(connect(place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OSError, match="another process holds it"):
                unblind(journal, by="lead", reason="why not")


@pytest.mark.parametrize("said", [{"by": "", "reason": "x"}, {"by": "x", "reason": ""}])
def test_an_unblinding_without_a_name_or_a_reason_is_refused(journal, kit, said):
    Study.start(journal, kit.items(kit.two))
    with pytest.raises(BadValue) as caught:
        unblind(journal, **said)
    assert str(caught.value) == (
        "an unblinding must say by whom and why, but one of them is empty; give both."
    )
    assert journal.events(kinds=["unblind"]) == []


def test_what_is_read_does_not_depend_on_the_order_in_which_acts_arrived(kit, tmp_path):
    items = kit.items(kit.two, 3, raters=["ana"])
    dice = random.Random(0)
    acts = []
    for n in range(1, 25):
        item = dice.choice(items.items)
        value = {"choice": dice.choice("AB"), "strength": dice.randint(1, 3)}
        acts.append(kit.answer(item, n, "better", value))
        if n % 5 == 0:
            undone = dice.choice(acts)["op_id"]
            acts.append(kit.act("undo", item, n, undoes=undone))
    found = []
    for at in range(4):
        with kit.hasty(tmp_path / f"{at}.db") as journal:
            session = Session(Study.start(journal, items), "ana")
            for act in acts:
                send(session, act)
            found.append(rows(read(journal)))
        dice.shuffle(acts)
    assert found[0] == found[1] == found[2] == found[3] != []
