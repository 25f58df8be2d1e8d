"""The trajectory inspector as far as Python goes: small pages, nothing lost, nothing obeyed."""

import json
import re
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadKind
from workbench.trajectories import Policy, Run, Runs, Step, read
from workbench.trajectories.model import Annotation, Part, Usage
from workbench.widgets.inspector import inspect, pages, searching
from workbench.widgets.inspector.links import links_of
from workbench.widgets.inspector.listing import Listing
from workbench.widgets.inspector.searching import Query

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
asked, data_of = SHARED["asked"], SHARED["data_of"]
OTLP = runpy.run_path(str(Path(__file__).parents[1] / "bench" / "otlp_files.py"))


def said(text, direction="out", **more):
    return Step("chat", "/0", [Part(direction, "assistant", "text", text)], **more)


def tool(result, *, arguments=None, text=None, **more):
    parts = [
        Part("in", "assistant", "tool_call", text, "find", arguments=arguments),
        Part("out", "tool", "tool_call_response", result, "find"),
    ]
    return Step("execute_tool", "/1", parts, tool="find", **more)


def a_run(*steps, name="a", **more):
    return Run("mine", name=name, steps=list(steps), **more)


# --------------------------------------------------------------------------------------- pages


def test_the_list_of_runs_says_how_each_ended_and_what_it_took():
    usage = Usage(100, output_tokens=20, cost_usd=0.5)
    steps = [said("Hi", usage=usage, start_ns=0, end_ns=5_000_000), tool("no", status="error")]
    runs = Runs.of([a_run(*steps, task_id="t", trial=1, outcome=0.0), a_run(name="b")])
    first, second = Listing(runs).rows(0, 9)
    assert (first["id"], first["task"], first["trial"], first["outcome"]) == ("a", "t", 1, 0.0)
    assert (first["n_steps"], first["n_errors"], first["tokens"], first["cost_usd"]) == (
        2,
        1,
        120,
        0.5,
    )
    assert set(second) == {"id", "format", "status", "n_steps", "n_errors"}


def test_a_line_says_the_error_or_what_was_said_or_which_tools_were_asked_for():
    assert pages.step_row(tool("no", status="error", error_message="Error: none left")) == [
        "execute_tool", "find", "Error: none left", "error", None, None,
    ]  # fmt: skip
    call = Part("out", "assistant", "tool_call", None, "find", arguments={"x": 1})
    assert pages.step_row(Step("chat", "", [call]))[2] == 'find({"x": 1})'
    timed = said("one\n\n two", start_ns=1_000_000, end_ns=4_000_000, usage=Usage(3))
    assert pages.step_row(timed)[2:] == ["one two", "unset", 3, 3]
    assert len(pages.step_row(said("x" * 5_000_000))[2]) == 120


def test_a_text_that_is_cut_comes_whole_piece_by_piece():
    text = "é\x01\U0001f600" * 50_000
    widget = inspect(a_run(said(text)))
    part = asked(widget, type="step", run=0, step=0)["step"]["parts"][0]
    assert part["n_chars"] == len(text)
    got = part["text"]
    assert 0 < len(got) <= 4_096
    while len(got) < len(text):
        piece = asked(widget, type="text", run=0, step=0, part=0, **{"from": len(got)})
        assert piece["n_chars"] == len(text)
        got += piece["text"]
    assert got == text


def test_the_raw_step_holds_what_no_reader_mapped():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    step = said("Hi", extra={"odd": float("nan")})
    step.parts[0].extra = {"deep": deep}
    text = asked(inspect(a_run(step)), type="text", run=0, step=0, part=-1)["text"]
    raw = json.loads(text)
    assert raw["extra"] == '{"odd": NaN}'
    assert raw["parts"][0]["extra"] == "(nested too deeply to be shown)"
    deep.clear()


@pytest.mark.parametrize(("n_parts", "n_steps"), [(1, 150), (5_000, 1)])
def test_no_page_is_larger_than_64_kb_whatever_a_step_holds(hostiles, n_parts, n_steps):
    named, long = "\x01\u202e" * 3_000, "\x01\ud800\u202e" * 3_000
    parts = [
        Part("out", long, "tool_call", long, long, long, mime_type=long) for _ in range(n_parts)
    ]
    step = Step(
        "chat", "/x" * 30_000, parts, agent=named, error_message=long, status="error", name=long
    )
    widget = inspect(Runs.of([a_run(*[step] * n_steps, name="x" * 100_000, agent=named)]))
    assert len(json.dumps(widget.first).encode()) <= 120_000
    reply = asked(widget, type="step", run=0, step=0)["step"]
    assert reply["n_parts"] == n_parts
    assert len(reply["parts"]) >= min(n_parts, 3)
    last = asked(widget, type="step", run=0, step=0, **{"from": n_parts - 1})["step"]
    assert (last["from"], len(last["parts"])) == (n_parts - 1, 1)
    for kind in ("runs", "rows", "marks"):
        asked(widget, type=kind, run=0, **{"from": 0, "to": 100})
    for text in hostiles.values():
        asked(inspect(a_run(said(text), tool(text))), type="rows", run=0, to=100)
        asked(inspect(a_run(said(text), tool(text))), type="step", run=0, step=0)


@given(st.text(), st.integers(0, 30))
def test_a_cut_text_is_the_longest_beginning_that_fits(text, n_bytes):
    def size(head):
        return len(json.dumps(head, ensure_ascii=False).encode("utf-8", "replace")) - 2

    fitting = [n for n in range(len(text) + 1) if size(text[:n]) <= n_bytes]
    assert pages.cut(text, n_bytes) == text[: max(fitting)]


@given(st.lists(st.sampled_from(["ok", "error"]), max_size=12), st.integers(0, 12))
def test_the_next_error_is_the_nearest_on_that_side(statuses, at):
    steps = [said("x", status=status) for status in statuses]
    errors = [place for place, status in enumerate(statuses) if status == "error"]
    after, before = [e for e in errors if e > at], [e for e in errors if e < at]
    assert pages.find_next(steps, "error", at) == min(after, default=-1)
    assert pages.find_next(steps, "error", at, way=-1) == max(before, default=-1)


# -------------------------------------------------------------------------------------- search


def test_a_search_looks_at_texts_arguments_results_and_names_whatever_their_case():
    widget = inspect(
        a_run(
            said("A NEEDLE"),
            tool("none"),
            tool("needle"),
            tool("", arguments={"q": "Needle"}),
            said("x", agent="needle"),
        )
    )
    assert asked(widget, type="search", run=0, query="needle") == {"hits": [0, 2, 3, 4], "next": -1}
    assert asked(widget, type="search", run=0, query="needle", **{"from": 3})["hits"] == [3, 4]


def test_a_search_over_all_runs_counts_each():
    runs = Runs.of([a_run(said("cat"), said("dog"), said("cat"), name=f"r{at}") for at in range(5)])
    assert asked(inspect(runs), type="count", query="cat") == {
        "counts": [[at, 2, 0, 2, [0, 2]] for at in range(5)],
        "next": None,
    }


def test_a_search_that_takes_long_says_where_it_goes_on():
    texts = [f"text {at}" for at in range(1_000)]
    hits, reached = [], 0
    while reached < len(texts):
        found, reached = searching.search(texts[reached:], Query("7"), start=reached, seconds=0.0)
        hits += found
    assert hits == [at for at in range(1_000) if "7" in str(at)]


def test_an_answer_to_a_search_holds_only_so_many_hits():
    hits, reached = searching.search(["a"] * 20_000, Query("a"), seconds=60)
    assert (len(hits), reached) == (5_000, 5_000)


# ------------------------------------------------------------------------------------- outline


def test_the_outline_marks_errors_loops_breaches_and_notes(tmp_path):
    (tmp_path / "p.yaml").write_text(
        "name: p\nrules:\n  - rule: allowed_tools\n    tools: [other]\n"
    )
    calls = [tool("no", arguments={"x": 1}) for _ in range(3)]
    run = a_run(said("Hi"), *calls, tool("Error", status="error"))
    run.annotations = [Annotation("mistake", "wrong tool", step=2), Annotation("whole")]
    marks = pages.outline(run)
    assert [(mark["type"], mark["step"]) for mark in marks] == [
        ("loop", 1),
        ("note", 2),
        ("error", 4),
    ]
    assert "find was called 3 times" in marks[0]["text"]
    policy = Policy.read(tmp_path / "p.yaml")
    broken = [mark for mark in pages.outline(run, policy) if mark["type"] == "policy"]
    assert [mark["step"] for mark in broken] == [1, 2, 3, 4]
    assert asked(inspect(run, policy=policy), type="marks", run=0)["marks"] == pages.outline(
        run, policy
    )


def test_suspects_are_told_of_a_failed_run_only():
    asked_for = Step("wb.input", "", [Part("in", "user", "text", "Book flight BA1234 for me.")])
    wrong = tool('{"seats": 3}', arguments={"flight": "BA1243"})
    found = pages.suspects(a_run(asked_for, wrong, outcome=0.0))
    assert (found["suspects"][0]["step"], found["reason"]) == (1, "")
    assert "BA1243" in found["suspects"][0]["text"]
    unsure = pages.suspects(a_run(asked_for, wrong))
    assert unsure["suspects"] == found["suspects"]
    assert unsure["reason"].startswith("This run does not say that it failed")
    assert pages.suspects(a_run(asked_for, wrong, outcome=1.0))["suspects"] == []
    assert pages.suspects(a_run())["reason"] == "This run has no steps."
    many = pages.suspects(a_run(*[said("x")] * 5_001))
    assert many["reason"].startswith("Only runs of up to 5,000 steps")


# -------------------------------------------------------------------------------------- widget


def test_the_traits_hold_the_first_page_only():
    widget = inspect(a_run(*(said("word " * 100) for _ in range(20_000))))
    state = widget.get_state()
    told = {name: value for name, value in state.items() if name not in ("_esm", "_css")}
    assert len(json.dumps(told)) < 30_000
    assert len(state["first"]["steps"]) == 100


def test_a_long_run_is_listed_before_it_is_read(monkeypatch):
    runs = read(OTLP["otlp_file"](1, n_spans=2_050))
    load, whole = type(runs).__getitem__, runs[0]
    opened = []
    monkeypatch.setattr(
        type(runs), "__getitem__", lambda self, at: opened.append(at) or load(self, at)
    )
    widget = inspect(runs)
    listed = asked(widget, type="rows", run=0, **{"from": 2_000, "to": 2_100})
    assert listed["rows"] == [pages.step_row(step) for step in whole.steps[2_000:]]
    assert widget.first["steps"] == [pages.step_row(step) for step in whole.steps[:100]]
    hasty = asked(widget, type="step", run=0, step=7, here=True)
    joined = pages.step_page(whole.steps[7])
    assert hasty["step"] | {"parent": 1} == joined
    assert widget.at == (whole.run_id, 7)
    assert listed["hasty"] is hasty["hasty"] is widget.first["hasty"] is True
    assert opened == []
    assert asked(widget, type="step", run=0, step=2_050, here=True) == {}

    asked(widget, type="marks", run=0)
    assert opened == [0]
    settled = asked(widget, type="step", run=0, step=7)
    assert settled["step"] == joined | {"answers": [8]} | links_of(whole.steps, 7)
    assert "hasty" not in settled


def test_a_request_that_makes_no_sense_gets_an_empty_page():
    widget = inspect(a_run(said("x")))
    for message in (
        {"type": "rows", "run": 5},
        {"type": "rows", "run": "0", "from": None, "to": {}},
        {"type": "step", "run": 0, "step": -1},
        {"type": "step", "run": 0, "step": 10**30},
        {"type": "text", "run": 0, "step": 0, "part": 99},
        {"type": "__class__"},
        {"type": ["rows"]},
        {},
    ):
        assert not any(asked(widget, **message).get(name) for name in ("rows", "step", "text"))
    widget.send = None
    for message in (None, 7, "x", [], {"id": "x"}, {"type": "rows"}):
        widget._handle_custom_msg(message, [])


def test_it_says_what_it_shows_and_the_fallback_says_the_same():
    runs = Runs.of([a_run(said("x", status="error"), name=f"r{at}") for at in range(25)])
    assert repr(inspect(runs)) == "Inspector: 25 runs, 25 steps: mine; 25 errors"
    data, _ = inspect(runs)._repr_mimebundle_()
    assert "the first 20 runs" in data["text/html"]
    assert data["text/html"] == inspect(runs)._repr_html_()
    hostile = inspect(a_run(name="<script>"))
    assert "<script>" not in hostile._repr_html_()


def test_a_few_runs_or_one_can_be_inspected():
    assert len(inspect([a_run(name="a"), a_run(name="b")]).runs) == 2
    assert repr(inspect([])) == "Inspector: 0 runs, 0 steps: none; 0 errors"
    for wrong in ("trace.json", [1], None):
        with pytest.raises(BadKind, match=r"^runs must be what wb.trajectories.read returns, but "):
            inspect(wrong)


# ---------------------------------------------------------------------------------------- file


def test_the_file_holds_all_of_it_and_is_the_same_twice(tmp_path, hostiles):
    steps = [said(text) for text in hostiles.values()]
    for name in ("one.html", "two.html"):
        inspect(Runs.of([a_run(*steps, outcome=1.0), a_run(name="b")])).to_html(tmp_path / name)
    page = (tmp_path / "one.html").read_bytes()
    assert page == (tmp_path / "two.html").read_bytes()
    data = data_of(page.decode())
    assert data["index"]["chunks"] == [[0], [0]]
    texts = [step["parts"][0]["text"] for step in data["r0-0"]["steps"]]
    assert texts == [re.sub("[\ud800-\udfff]", "�", text) for text in hostiles.values()]
    script = page.decode().split('<script type="module">')[1]
    assert script.count("</script") == 1
    assert re.findall(r"https?:", page.decode()) == []


def test_a_long_run_is_cut_into_pieces_without_a_gap():
    run = a_run(*(said(f"{at} " * 50) for at in range(300)))
    pieces = list(pages.chunks(run, n_bytes=5_000))
    assert len(pieces) > 5
    assert [piece["from"] for piece in pieces[1:]] == [
        piece["from"] + len(piece["steps"]) for piece in pieces[:-1]
    ]
    assert sum(len(piece["rows"]) for piece in pieces) == 300


@pytest.mark.shared
def test_every_format_of_the_real_logs_can_be_inspected(shared, tmp_path):
    from workbench.trajectories import read

    for name in ("swe-agent", "inspect", "openinference", "otel", "who_and_when"):
        runs = read(shared / "trajectories" / name)
        widget = inspect(runs)
        for run in range(min(len(runs), 20)):
            assert asked(widget, type="rows", run=run, to=100)["rows"] or not len(runs[run].steps)
            asked(widget, type="step", run=run, step=0)
            asked(widget, type="marks", run=run)


def test_a_log_that_nobody_could_read_says_why(tmp_path):
    for name in ("a.json", "b.json"):
        tmp_path.joinpath(name).write_text('{"what": "is this"}')
    widget = inspect(read(tmp_path))
    told = widget.first["nothing"]
    assert told.startswith("There are no runs. a.json#: it is of no known format")
    assert told.endswith(" (1 more in .findings)")
    widget.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert data_of(page)["index"]["nothing"] == told
