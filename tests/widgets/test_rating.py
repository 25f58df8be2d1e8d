"""The rater's widget as far as Python goes: messages in, acknowledgements out, nothing blinded."""

import json
import threading
import uuid

import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.ratings.journal.databases import StoreError
from workbench.ratings.sessions import Session
from workbench.ratings.studies import Study
from workbench.widgets.rating import Rate

R = wb.ratings


def made(n=3, raters=("ana",), **more):
    rows = wb.read([{"row_id": f"r{at}", "input": f"Source {at}."} for at in range(n)])
    outputs = wb.outputs(rows, {"canary-system": [f"Output {at}." for at in range(n)]})
    task = R.Task("quality", [R.Scale("fluency", 1, 5)])
    return R.items(outputs, rows, task, raters=list(raters), **more)


@pytest.fixture
def journal(tmp_path):
    with R.Journal.open(tmp_path / "ratings.sqlite") as opened:
        yield opened


@pytest.fixture
def widget(journal):
    return heard(wb.rate(made(), rater="ana", journal=journal))


def heard(widget):
    """Collect what the widget says to the browser."""
    widget.said = []
    widget.send = lambda message, buffers=None: widget.said.append(message)
    return widget


def receive(widget, message):
    """Let a message come as it comes over the comm."""
    before = len(widget.said)
    widget._handle_custom_msg(json.loads(json.dumps(message)), [])
    return widget.said[before:]


def hello(widget, view="v1"):
    return receive(widget, {"type": "hello", "view_id": view})


def act(widget, n, value=3, at=0, **more):
    return {
        "type": "act",
        "op_id": str(uuid.UUID(int=n)),
        "view_id": "v1",
        "n": n,
        "kind": "answer",
        "item": widget.session.items[at],
        "question": "fluency",
        "target": "A",
        "value": value,
        "client_time": "2026-01-01T00:00:00.000Z",
        "shown_at": "2026-01-01T00:00:00.000Z",
        "visible_s": 1.5,
        **more,
    }


def test_a_hello_is_answered_by_the_state(widget):
    state, views = hello(widget)
    assert (state["type"], state["position"], state["saved"]) == ("state", 0, 0)
    assert views == {"type": "views", "views": 1}


def test_an_act_is_stored_before_it_is_acknowledged(widget, journal):
    (reply,) = receive(widget, act(widget, 1))
    assert (reply["type"], reply["saved"], reply["status"]) == ("saved", 1, "answered")
    (event,) = journal.events(kinds=["answer"])
    assert (event.seq, event.body["value"], event.rater) == (reply["seq"], 3, "ana")
    assert event.session == widget.session.session_id != ""


def test_the_same_act_twice_is_stored_once(widget, journal):
    first, second = (receive(widget, act(widget, 1))[0] for _ in range(2))
    assert first == second
    assert len(journal.events(kinds=["answer"])) == 1


def test_the_views_are_told_how_many_they_are(widget):
    hello(widget)
    state, views = hello(widget, "v2")
    assert (state["views"], views["views"]) == (2, 2)
    assert hello(widget, "v2")[1:] == []
    assert receive(widget, {"type": "bye", "view_id": "v2"}) == [{"type": "views", "views": 1}]
    assert receive(widget, {"type": "bye", "view_id": "v2"}) == []


@pytest.mark.parametrize("message", [None, 1, "hello", [], {}, {"type": "state"}, {"type": []}])
def test_a_message_that_is_none_is_refused_and_breaks_nothing(widget, message):
    (reply,) = receive(widget, message)
    assert reply["type"] == "refused"
    assert hello(widget)[0]["type"] == "state"


def test_what_breaks_in_the_kernel_reaches_the_screen(widget, monkeypatch):
    def broken(_):
        raise RuntimeError("a fault")

    monkeypatch.setattr(widget.session, "receive", broken)
    with pytest.raises(RuntimeError):
        widget._received(widget, act(widget, 1), [])
    assert widget.said == [
        {
            "type": "failed",
            "op_id": str(uuid.UUID(int=1)),
            "reason": "something in the kernel broke, and its log says what; tell whoever asked you.",
        }
    ]


def test_acts_from_several_threads_are_all_stored(widget, journal):
    acts = [act(widget, n, value=1 + n % 5, at=n % 3) for n in range(1, 25)]
    threads = [threading.Thread(target=receive, args=(widget, each)) for each in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each["type"] for each in widget.said} == {"saved"}
    assert {event.op_id for event in journal.events(kinds=["answer"])} == {
        each["op_id"] for each in acts
    }


def test_the_widget_tells_its_progress_and_nothing_blinded(widget):
    assert repr(widget) == "Rate: 0 of 3 items rated by ana, saved 0 acts"
    receive(widget, act(widget, 1))
    receive(widget, act(widget, 2, value=4))
    told = "Rate: 1 of 3 items rated by ana, saved 2 acts"
    assert repr(widget) == told
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == told
    assert data["text/html"] == f"<p>{told}</p>"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id


def test_no_trait_and_no_message_names_a_system(widget):
    hello(widget)
    for at in range(3):
        receive(widget, act(widget, at + 1, at=at))
    receive(widget, {"type": "fetch", "items": widget.session.items})
    assert "canary-system" not in json.dumps(widget.said)
    state = widget.get_state()
    assert "canary-system" not in json.dumps(state, default=str)
    assert not {"items", "answers", "task", "rater"} & set(state)


def test_a_raters_name_is_inert(journal, hostile):
    study = Study.start(journal, made(pool=True))
    data, _ = Rate(Session(study, hostile))._repr_mimebundle_()
    assert "<script" not in data["text/html"]
    assert "<img" not in data["text/html"]
    assert "\x1b" not in data["text/plain"]
    assert "\n" not in data["text/plain"]


def test_rating_goes_on_where_it_was_and_without_naming_the_items(tmp_path):
    place = tmp_path / "ratings.sqlite"
    first = heard(wb.rate(made(), rater="ana", journal=place))
    receive(first, act(first, 1))
    again = wb.rate(rater="ana", journal=str(place))
    assert repr(again) == "Rate: 1 of 3 items rated by ana, saved 1 act"
    assert repr(wb.rate(made(), rater="ana", journal=place)) == repr(again)
    receive(first, act(first, 2, at=1))
    assert repr(again) == "Rate: 2 of 3 items rated by ana, saved 2 acts"
    for widget in (first, again):
        widget.session.study.journal.close()


def test_an_adjudicators_sitting_is_shown_alike(journal):
    items = made(raters=["ana"])
    study = Study.start(journal, items)
    ruling = Rate(Session(study, "eve", ruling=list(items.plan["ana"])[:1]))
    assert repr(ruling) == "Rate: 0 of 1 item rated by eve, saved 0 acts"


def test_items_must_be_items(tmp_path):
    with pytest.raises(BadKind) as caught:
        wb.rate([1], rater="ana", journal=tmp_path / "ratings.sqlite")
    assert str(caught.value) == (
        "items must be what wb.ratings.items makes, but list came; make them of outputs, rows and a "
        "task first."
    )


def test_a_sitting_that_is_there_already_gets_a_panel(journal):
    session = wb.rate(made(), rater="ana", journal=journal).session
    assert wb.rate(session).session is session


def test_a_panel_without_a_rater_or_a_journal_is_refused():
    with pytest.raises(BadValue) as caught:
        wb.rate(rater="ana")
    assert str(caught.value) == (
        "a panel must have a rater and a journal, but rater='ana' and journal=None came; name both."
    )


def test_an_unknown_rater_is_named(journal):
    with pytest.raises(UnknownName) as caught:
        wb.rate(made(), rater="anna", journal=journal)
    assert str(caught.value) == "rater must be one of 'ana', but 'anna' came; did you mean 'ana'?"


def test_a_journal_must_be_there_when_nothing_is_put_into_it(tmp_path):
    with pytest.raises(StoreError):
        wb.rate(rater="ana", journal=tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_the_script_makes_no_html_of_texts():
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "import(",
    ):
        assert word not in Rate._esm
