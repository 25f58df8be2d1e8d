"""Coding: what is stored of acts, what stands, and what is read back."""

import random
import uuid

import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.ratings import Journal, Scheme
from workbench.ratings.coding.coder import Coder
from workbench.ratings.coding.deeds import Deeds
from workbench.ratings.coding.schemes import scheme_of
from workbench.ratings.exchange.chain import restore, write_chain

LOOPS = Scheme("mine", {"loop": "It does the same again.", "gave up": "It stops.", "other": ""})
RUNS = {"a": 5, "b": 3}


class Texts:
    """Runs of which every part says its place."""

    def n_steps(self, run_id):
        return RUNS[run_id]

    def n_parts(self, run_id, step):
        return 2

    def text(self, run_id, step, part):
        return f"Step {step} of {run_id} \U0001f600 says it, and says it." if part == 0 else None


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "codes.sqlite") as opened:
        yield opened


def coder(journal, name="ann", **more):
    return Coder(journal, name, LOOPS, Texts(), **more)


def said(who, run="a", kind="annotate", **more):
    """Let somebody do something, and return its name."""
    act = {"kind": kind, "op_id": str(uuid.uuid4()), "n": who.pile.n + 1, **more}
    if kind == "annotate":
        act = {"labels": ["loop"], "target": {"kind": "step", "step": 1}} | act
    reply = who.act(run, act)
    assert "saved" in reply, reply
    return act["op_id"]


def refused(who, run="a", **act):
    reply = who.act(run, {"op_id": str(uuid.uuid4()), "n": 1, **act})
    return reply["refused"]


def rows(journal, *columns, **more):
    frame = wb.ratings.codes(journal, **more)
    return [
        tuple(row)
        for row in frame[list(columns)].astype(object).where(frame.notna(), None).to_numpy()
    ]


# ------------------------------------------------------------------------------------ schemes


def test_the_published_schemes_are_there_with_definitions():
    assert len(scheme_of("mast").labels) == 14
    assert {each.group for each in scheme_of("trail").labels} == {
        "reasoning", "system execution", "planning",
    }  # fmt: skip
    assert scheme_of("owners").names == [
        "agent's reasoning", "external API or tool", "data quality",
    ]  # fmt: skip
    for name in ("mast", "trail", "owners"):
        shown = scheme_of(name).shown()
        assert all(each["text"] for each in shown["labels"])
        keys = [each["key"] for each in shown["labels"] + shown["severities"]]
        assert len(set(keys)) == len(keys)


def test_a_scheme_may_be_a_file_or_a_list_of_names(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nlabels:\n  - loop\n  - name: gave up\n    text: It stops.\nseverities: [bad, worse]\n"
    )
    read = scheme_of(tmp_path / "mine.yaml")
    assert read == Scheme("mine", ["loop", ("gave up", "It stops.")], ["bad", "worse"])
    assert [each["key"] for each in read.shown()["severities"]] == ["B", "W"]
    assert [e["key"] for e in Scheme("x", ["a"], ["ä", "äh"]).shown()["severities"]] == ["A", "B"]
    with pytest.raises(UnknownName, match=r"a scheme .*'mst'.*mast"):
        scheme_of("mst")
    for labels in ([], ["a", "A "], [f"l{at}" for at in range(36)], [""], ["a\n"]):
        with pytest.raises(BadValue):
            Scheme("x", labels)


def test_a_journal_keeps_the_scheme_and_refuses_another_of_its_name(journal):
    coder(journal)
    coder(journal, "ben")
    assert [each.body["act"] for each in journal.events()] == ["scheme"]
    with pytest.raises(
        BadValue, match="holds another scheme 'mine'; give the changed one another name"
    ):
        Coder(journal, "ann", Scheme("mine", ["loop"]), Texts())
    Coder(journal, "ann", Scheme("other", ["loop"]), Texts())
    assert set(Deeds.of(journal.events()).schemes) == {"mine", "other"}


# --------------------------------------------------------------------------------------- acts


def test_every_kind_of_target_is_stored_and_read_back(journal):
    ann = coder(journal)
    quote = "Step 2 of a \U0001f600"
    said(ann, target={"kind": "run"}, severity="high", comment="all of it")
    said(ann, target={"kind": "range", "step": 2, "part": 0, "start": 0, "end": 13, "quote": quote})
    said(ann, target={"kind": "omission", "step": 4}, labels=["gave up", "loop"])
    said(ann, labels=[], comment="=1+1")
    assert rows(journal, "target", "step", "part", "start", "end", "quote", "label") == [
        ("run", None, None, None, None, None, "loop"),
        ("range", 2, 0, 0, 13, quote, "loop"),
        ("omission", 4, None, None, None, None, "loop"),
        ("omission", 4, None, None, None, None, "gave up"),
        ("step", 1, None, None, None, None, None),
    ]
    assert rows(journal, "severity", "comment", "scheme", "annotator")[0] == (
        "high", "all of it", "mine", "ann",
    )  # fmt: skip


def test_an_edit_supersedes_a_deletion_takes_away_and_an_undo_brings_back(journal):
    ann = coder(journal)
    first = said(ann)
    second = said(ann, annotation=first, labels=["gave up"])
    assert rows(journal, "annotation_id", "label", "supersedes") == [(first, "gave up", first)]
    third = said(ann, annotation=first, labels=["other"])
    assert rows(journal, "label", "supersedes") == [("other", second)]
    said(ann, kind="undo", undoes=third)
    assert rows(journal, "label", "supersedes") == [("gave up", first)]
    gone = said(ann, kind="delete", annotation=first)
    assert rows(journal, "label") == []
    said(ann, kind="undo", undoes=gone)
    assert rows(journal, "label") == [("gave up",)]
    assert len(journal.events(rater="ann")) == 6
    assert journal.verify() == []


def test_acts_count_by_the_counter_in_whatever_order_they_arrive(journal, tmp_path):
    ann = coder(journal)
    first = said(ann)
    said(ann, annotation=first, labels=["gave up"])
    last = said(ann, annotation=first, labels=["other"])
    said(ann, kind="undo", undoes=last)
    said(ann, kind="done", done=True)
    events = journal.events()
    for seed in range(20):
        shuffled = random.Random(seed).sample(events, len(events))
        pile = Deeds.of(shuffled).coders["ann"]
        (found,) = pile.standing("a")
        assert found.last.body["labels"] == ["gave up"]
        assert pile.is_done("a")


def test_an_act_that_comes_twice_is_stored_once(journal):
    ann = coder(journal)
    act = {"kind": "done", "done": True, "op_id": str(uuid.uuid4()), "n": 1}
    assert ann.act("a", act) == ann.act("a", act) == {"saved": {"seq": 2, "saved": 1}}
    assert len(journal.events(rater="ann")) == 1


def test_what_makes_no_sense_is_refused_in_a_sentence(journal):
    ann = coder(journal)
    step = {"kind": "step", "step": 1}
    text = {"kind": "range", "step": 1, "part": 0, "start": 0, "end": 4, "quote": "Step"}
    one = {"kind": "annotate", "labels": ["loop"]}
    for act, words in [
        ({"kind": "steal"}, "an act must be one of annotate, delete, undo, done"),
        (one | {"target": step, "n": 0}, "n must be a whole number"),
        (one | {"target": step, "op_id": "x"}, "op_id must be a UUID"),
        (one | {"target": step, "labels": ["x"]}, "a label must be one of scheme 'mine'"),
        (one | {"target": step, "labels": []}, "must have a label or a comment"),
        (one | {"target": step, "severity": "x"}, "a severity must be one of scheme 'mine'"),
        (
            one | {"target": {"kind": "step", "step": 5}},
            "a step must be a whole number from 0 to 4",
        ),
        (one | {"target": {"kind": "world"}}, "a target must be run, step, range or omission"),
        (one | {"target": step, "comment": "x" * 4_001}, "at most 4,000 characters"),
        (one | {"target": text | {"quote": "step"}}, "must hold the text that was marked"),
        (one | {"target": text | {"end": 99}}, "the end of a range must be a whole number"),
        (one | {"target": text | {"part": 1}}, "part 1 holds none"),
        ({"kind": "done", "done": 1}, "done must be true or false"),
        ({"kind": "undo"}, "undoes must be a UUID"),
        ({"kind": "annotate"}, "must have a label"),
    ]:
        assert words in refused(ann, **act)
    assert "name of up to" in refused(ann, "x" * 1_001, kind="done", done=True)
    assert journal.events(rater="ann") == []


def test_a_control_that_a_page_shows_as_a_mark_is_the_same_text(journal, monkeypatch):
    monkeypatch.setattr(Texts, "text", lambda *_: "a\x1b[31mb")
    ann = coder(journal)
    target = {"kind": "range", "step": 1, "part": 0, "start": 0, "end": 3, "quote": "a�["}
    said(ann, target=target)
    assert rows(journal, "quote") == [("a\x1b[",)]


def test_nobody_touches_what_somebody_else_did(journal):
    ann, ben = coder(journal), coder(journal, "ben")
    mine = said(ann)
    ben.refresh()
    for act in ({"kind": "undo", "undoes": mine}, {"kind": "delete", "annotation": mine}):
        assert "of yours" in refused(ben, **act)
    assert rows(journal, "annotator") == [("ann",)]


def test_words_are_found_where_they_stand_in_the_text_as_it_was_read(journal, monkeypatch):
    ann = coder(journal)

    def act(quote, **find):
        target = {"kind": "range", "step": 2, "quote": quote, "find": {"part": 0} | find}
        return {"kind": "annotate", "labels": ["loop"], "target": target}

    said(ann, **act("says it", nth=1, of=2))
    said(ann, **act("of a", part=-1))
    assert rows(journal, "part", "start", "end", "quote") == [
        (0, 27, 34, "says it"), (0, 7, 11, "of a"),
    ]  # fmt: skip
    assert "stand 2 times" in refused(ann, **act("says it", nth=0, of=3))
    assert "these do not" in refused(ann, **act("xyz"))
    assert "1 to 20,000 characters" in refused(ann, **act(""))
    monkeypatch.setattr(Texts, "text", lambda *_: r'{"say": "one\ntwo"}')
    said(ann, **act("one\ntwo"))
    assert rows(journal, "quote")[-1] == (r"one\ntwo",)


# ----------------------------------------------------------------------------------- blinding


def test_a_coder_gets_only_his_own_and_who_decides_gets_letters(journal):
    ann, ben = coder(journal), coder(journal, "ben")
    said(ann, comment="by ann")
    said(ben, labels=["gave up"], comment="by the other one")
    ann.refresh()
    assert [each["comment"] for each in ann.own("a")] == ["by ann"]
    assert ann.others("a") == []
    assert ann.finished("a") == {}
    judge = coder(journal, "judge", ruling=True)
    others = judge.others("a")
    assert sorted(each.who for each in others) == ["A", "B"]
    assert sorted(each.annotation["comment"] for each in others) == ["by ann", "by the other one"]
    assert "ben" not in repr(others)
    assert judge.own("a") == []


def test_the_same_person_may_code_and_decide_and_these_are_two(journal):
    ann, judge = coder(journal), coder(journal, "ann", ruling=True)
    said(ann)
    said(judge, labels=["other"])
    assert rows(journal, "label", "adjudicated") == [("loop", False), ("other", True)]


# --------------------------------------------------------------------------------- reading back


def test_what_is_final_is_the_ruling_or_what_all_who_finished_agree_on(journal):
    ann, ben, judge = coder(journal), coder(journal, "ben"), coder(journal, "judge", ruling=True)
    for who in (ann, ben):
        said(who, "b")
        said(
            who, "b", target={"kind": "step", "step": 2}, labels=["other" if who is ann else "loop"]
        )
        said(who, "b", kind="done", done=True)
        said(who)
    assert rows(journal, "run_id", "target", "step", "label", final=True) == [
        ("b", "step", 1, "loop"), ("b", "done", None, None),
    ]  # fmt: skip
    said(judge, "b", labels=["gave up"])
    assert len(rows(journal, "label", final=True)) == 2
    said(judge, "b", kind="done", done=True)
    assert rows(journal, "annotator", "label", final=True) == [
        ("judge", "gave up"),
        ("judge", None),
    ]


def test_codes_are_written_for_a_spreadsheet_and_for_machines(journal, tmp_path):
    ann = coder(journal)
    said(ann, comment="=HYPERLINK(1)")
    codes = wb.ratings.codes(journal)
    wb.ratings.write_codes(codes, tmp_path / "codes.csv")
    assert '"\'=HYPERLINK(1)"' in (tmp_path / "codes.csv").read_text(encoding="utf-8-sig")
    wb.ratings.write_codes(codes, tmp_path / "codes.jsonl")
    assert '"comment": "=HYPERLINK(1)"' in (tmp_path / "codes.jsonl").read_text()
    with pytest.raises(UnknownName, match=r"the suffix of 'codes.xls'"):
        wb.ratings.write_codes(codes, tmp_path / "codes.xls")


def test_the_journal_stays_a_journal(journal, tmp_path):
    """Verified, merged both ways, written as a chain and restored; ratings beside it are read."""
    ann = coder(journal)
    said(ann)
    assert journal.verify() == []
    with Journal.open(tmp_path / "other.sqlite") as other:
        said(coder(other, "ben"), labels=["other"])
        assert other.merge(journal) == 1
        assert journal.merge(other) == 1
        assert journal.merge(other) == 0
        assert rows(journal, "annotator", "label") == rows(other, "annotator", "label")
        assert other.verify() == journal.verify() == []
    write_chain(journal.events(), tmp_path / "chain.jsonl", store_id=journal.store_id)
    with restore(tmp_path / "chain.jsonl", tmp_path / "new.sqlite") as new:
        assert new.head() == journal.head()
    with pytest.raises(BadValue, match="a journal must hold a study"):
        wb.ratings.read(journal)


def test_ratings_and_codes_share_a_journal(journal):
    data = wb.read([{"input": "What is it?"}])
    outputs = wb.outputs(data, {"short": ["A cat."]})
    task = wb.ratings.Task("quality", [wb.ratings.Scale("fluency", 1, 5)])
    study = wb.ratings.Study.start(journal, wb.ratings.items(outputs, data, task, raters=["ana"]))
    said(coder(journal, "ana"))
    wb.ratings.Scripted("ana", lambda *_: 1.0).work(wb.ratings.Session(study, "ana"))
    assert len(wb.ratings.read(journal)) == 1
    assert rows(journal, "label") == [("loop",)]
    assert wb.ratings.progress(journal).frame["n_acts"].tolist() == [1]


def test_the_command_exports_codes_and_verifies_their_journal(journal, tmp_path, capsys):
    from workbench.cli import main

    said(coder(journal), comment="=1+1")
    place = str(tmp_path / "codes.sqlite")
    assert main(["rate", "export", "--codes", place, str(tmp_path / "codes.csv")]) == 0
    assert capsys.readouterr().out.startswith("1 row of codes in ")
    assert "'=1+1" in (tmp_path / "codes.csv").read_text(encoding="utf-8-sig")
    assert main(["rate", "verify", place]) == 0
