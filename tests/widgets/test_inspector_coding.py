"""Coding in the inspector as far as Python goes: stored, blind, and read-only in a file."""

import json
import re
import runpy
import uuid
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.trajectories import Annotation, Part, Run, Runs, Step
from workbench.widgets.inspector import inspect

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
asked, data_of = SHARED["asked"], SHARED["data_of"]

SECRET = "THE-SOURCE-SAYS"


def said(text, **more):
    return Step("chat", "/0", [Part("out", "assistant", "text", text)], agent="bot", **more)


def some_runs():
    told = [
        Annotation("mistake", SECRET, step=1, explanation=SECRET),
        Annotation("note", SECRET),
    ]
    steps = [said("Please book."), said("I took the first one."), said('{"seat": "1\\nA"}')]
    return Runs.of(
        [
            Run("mine", name="a", steps=steps, annotations=told, outcome=0.0),
            Run("mine", name="b" * 100, steps=steps, outcome=0.0),
        ]
    )


@pytest.fixture
def opened(tmp_path):
    def opens(annotator="ann", runs=None, **more):
        return inspect(
            runs or some_runs(), annotator=annotator, journal=tmp_path / "codes.sqlite", **more
        )

    return opens


def coded(widget, at=0, **more):
    """Let a page send an act."""
    row = widget.first["runs"][at]
    act = {
        "op_id": str(uuid.uuid4()), "n": 1, "kind": "annotate", "labels": ["2.3 task derailment"],
        "run": row["id"] + row.get("long_id", ""), "target": {"kind": "step", "step": 1}, **more,
    }  # fmt: skip
    return asked(widget, type="code", run=at, act=act)


def everything(widget):
    """Return all that a browser could ever get of a panel."""
    told = [
        {n: v for n, v in widget.get_state().items() if n not in ("_esm", "_css")},
        widget._repr_html_(), repr(widget),
    ]  # fmt: skip
    for run in range(len(widget.runs)):
        for kind in ("marks", "suspects", "codes", "coded", "rows", "runs"):
            told.append(asked(widget, type=kind, run=run, to=100, **{"from": 0}))
        for step in range(3):
            told.append(asked(widget, type="step", run=run, step=step))
            told.append(asked(widget, type="source", run=run, step=step, **{"from": 0}))
            for part in (-1, 0, -2):
                told.append(asked(widget, type="text", run=run, step=step, part=part))
        for query in (SECRET, "mistake"):
            told.append(asked(widget, type="search", run=run, query=query, **{"from": 0}))
    return json.dumps(told, ensure_ascii=False, default=str)


def test_an_act_is_stored_once_and_told_to_the_next_page(opened, tmp_path):
    widget = opened()
    act = {"op_id": str(uuid.uuid4())}
    first = coded(widget, **act)
    assert first == coded(widget, **act) == {"saved": {"seq": 2, "saved": 1}}
    again = opened()
    (told,) = asked(again, type="codes", run=0)["codes"]
    assert (told["who"], told["labels"]) == ("", ["2.3 task derailment"])
    assert asked(again, type="coded") == {"coded": [[0, 1, False]], "next": -1, "saved": 1, "n": 1}
    assert len(wb.ratings.codes(tmp_path / "codes.sqlite")) == 1


def test_a_run_is_known_by_its_name_wherever_it_stands_now(opened, tmp_path):
    runs = some_runs()
    widget = opened(runs=runs)
    row = widget.first["runs"][1]
    assert len(row["id"]) == 80
    later = opened(runs=Runs.of([runs[1], runs[0]]))
    assert "saved" in coded(later, 1, run=row["id"] + row["long_id"])
    assert "saved" in coded(later, 1, run="a")
    assert "not among those" in coded(later, 1, run="c")["refused"]
    found = wb.ratings.codes(tmp_path / "codes.sqlite")
    assert found["run_id"].tolist() == ["a", "b" * 100]


def test_what_a_coder_gets_holds_nothing_of_the_source_nor_of_others(opened):
    ben, name = opened("BENEDICT"), "BENS-COMMENT"
    coded(ben, comment=name)
    coded(ben, kind="done", done=True)
    told = everything(opened())
    for word in (SECRET, 'mistake"', "BENEDICT", name, 'derailment","severity'):
        assert word not in told.replace(": ", ":").replace('"query":"mistake"', ""), word
    shown = everything(opened(show_source_labels=True))
    assert SECRET in shown
    assert name not in shown
    assert SECRET in everything(inspect(some_runs()))


def test_who_decides_sees_letters_and_no_names(opened, tmp_path):
    coded(opened("BENEDICT"), comment="by one")
    coded(opened("CLARA"), comment="by two")
    judge = opened("judge", adjudicate=True)
    told = asked(judge, type="codes", run=0)
    assert sorted((e["who"], e["comment"]) for e in told["codes"]) in (
        [("A", "by one"), ("B", "by two")], [("A", "by two"), ("B", "by one")],
    )  # fmt: skip
    assert told["state"]["finished"] == {"A": False, "B": False}
    assert not re.search("BENEDICT|CLARA|" + SECRET, everything(judge))
    coded(judge, labels=["1.3 step repetition"])
    coded(judge, kind="done", done=True, n=2)
    final = wb.ratings.codes(tmp_path / "codes.sqlite", final=True)
    assert final["label"].dropna().tolist() == ["1.3 step repetition"]


def test_many_annotations_come_page_by_page(opened):
    widget = opened()
    for at in range(40):
        coded(widget, comment=f"{at} " + "ü\x01" * 1_500, n=at + 1)
    found, start = [], 0
    while start >= 0:
        page = asked(widget, type="codes", run=0, **{"from": start})
        found += page["codes"]
        start = page["next"]
    assert [each["comment"].split()[0] for each in found] == [str(at) for at in range(40)]


def test_a_range_is_checked_against_the_text_and_words_are_located(opened):
    widget = opened()
    target = {"kind": "range", "step": 1, "part": 0, "start": 2, "end": 6, "quote": "took"}
    assert "saved" in coded(widget, target=target)
    assert "mark it again" in coded(widget, target=target | {"quote": "book"})["refused"]
    for quote, step, told in (("first one", 1, (0, 11, 20)), ("1\nA", 2, (0, 10, 14))):
        target = {"kind": "range", "step": step, "quote": quote, "find": {"part": -1}}
        assert "saved" in coded(widget, target=target, n=step + 1)
        found = asked(widget, type="codes", run=0)["codes"][-1]["target"]
        assert (found["part"], found["start"], found["end"]) == told
    assert "these do not" in coded(widget, target=target | {"quote": "x"})["refused"]


def test_an_annotator_needs_a_journal_and_the_other_way_round(tmp_path):
    with pytest.raises(BadValue, match=r"^who codes must have a journal, .*annotator='ann' and journal=None"):  # fmt: skip
        inspect(some_runs(), annotator="ann")
    with pytest.raises(
        BadValue, match=r"annotator=None and journal='codes.sqlite' came; give both"
    ):
        inspect(some_runs(), journal="codes.sqlite")
    with pytest.raises(BadValue, match=r"^who decides must have a name and a journal"):
        inspect(some_runs(), adjudicate=True)
    with pytest.raises(UnknownName, match="a scheme"):
        inspect(some_runs(), annotator="ann", journal=tmp_path / "c.sqlite", scheme="x")
    assert not (tmp_path / "c.sqlite").exists()


def test_without_a_journal_the_annotations_of_the_source_can_be_read(tmp_path):
    widget = inspect(some_runs())
    told = asked(widget, type="codes", run=0)["codes"]
    assert [each["told"]["name"] for each in told] == ["mistake", "note"]
    assert "nothing can be written here" in coded(widget)["refused"]


def test_requests_that_make_no_sense_get_an_empty_answer(opened):
    widget = opened()
    for message in (
        {"type": "codes", "run": 9}, {"type": "codes", "run": "x"}, {"type": "codes", "run": -1},
        {"type": "codes", "run": 0, "from": 10**9},
    ):  # fmt: skip
        assert not any(asked(widget, **message).get(name) for name in ("codes", "start"))
    for act in (None, 7, [], {}, {"run": 0}, {"run": "a"}, {"run": "a", "kind": []}):
        assert "refused" in asked(widget, type="code", run=0, act=act)


def test_a_file_of_who_codes_holds_no_annotation_and_others_hold_them(opened, tmp_path):
    coded(opened("ben"), comment="BENS-COMMENT")

    def pieces(widget):
        widget.to_html(tmp_path / "page.html")
        return json.dumps(data_of((tmp_path / "page.html").read_text()))

    blind = pieces(opened())
    assert SECRET not in blind
    assert "BENS-COMMENT" not in blind
    judged = pieces(opened("judge", adjudicate=True))
    assert "BENS-COMMENT" in judged
    assert SECRET not in judged
    plain = pieces(inspect(some_runs()))
    assert SECRET in plain
    assert "BENS-COMMENT" not in plain


def test_a_store_that_cannot_be_written_is_told_without_its_place(opened, tmp_path, monkeypatch):
    widget = opened()
    monkeypatch.setattr(widget._notes.coder.journal, "append", lambda _: (_ for _ in ()).throw(OSError(str(tmp_path))))  # fmt: skip
    reply = coded(widget)
    assert "cannot just now" in reply["failed"]
    assert str(tmp_path) not in reply["failed"]


@pytest.mark.shared
def test_the_labels_of_who_and_when_are_hidden_from_who_codes(shared, tmp_path):
    from workbench.trajectories import read

    runs = read(shared / "trajectories" / "who_and_when")
    some = runs.only(runs.ids[:10])
    reasons = [e.explanation for run in some for e in run.annotations if e.explanation]
    assert reasons
    blind = inspect(some, annotator="ann", journal=tmp_path / "codes.sqlite")
    told, shown = everything(blind), everything(inspect(some))
    for reason in reasons:
        text = json.dumps(reason, ensure_ascii=False)[1:-1][:60]
        assert text in shown
        assert text not in told
