"""Reading runs: the list and what stands beside it, searching, and the way from other tables."""

import json
import runpy
from pathlib import Path
from time import process_time

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue
from workbench.trajectories import Policy, Run, Runs, Step, outputs_of, rows_of
from workbench.trajectories.model import Annotation, Part, Usage
from workbench.widgets.inspector import Inspector
from workbench.widgets.inspector.listing import Listing
from workbench.widgets.inspector.ranking import Ranking
from workbench.widgets.inspector.searching import Query, WrongQuery, haystack, search, snippet

SHARED = runpy.run_path(str(Path(__file__).with_name("inspecting.py")))
asked, data_of = SHARED["asked"], SHARED["data_of"]


def said(text, **more):
    return Step("chat", "/0", [Part("out", "assistant", "text", text)], **more)


def tool(result="ok", *, name="find", arguments=None, **more):
    parts = [
        Part("in", "assistant", "tool_call", None, name, arguments=arguments),
        Part("out", "tool", "tool_call_response", result, name),
    ]
    return Step("execute_tool", "/1", parts, tool=name, **more)


def a_run(*steps, name="a", **more):
    return Run("mine", name=name, steps=list(steps), **more)


def failing(name="b", **more):
    """A run whose second step passes on what nobody gave."""
    wanted = Step("wb.input", "", [Part("in", "user", "text", "Book flight BA1234 for me.")])
    wrong = tool('{"seats": 3}', arguments={"flight": "BA1243"})
    return a_run(wanted, wrong, name=name, outcome=0.0, **more)


def all_places(widget, **message):
    """Ask for all pieces of an answer."""
    found, start = [], 0
    while start >= 0:
        reply = asked(widget, type="places", **message, **{"from": start})
        found += reply["places"]
        start = reply["next"]
    return found


# ---------------------------------------------------------------------------- the list of runs


@pytest.mark.parametrize("name", ["\x01\u202e", "\U0001f600"])
def test_no_page_of_runs_is_larger_than_64_kb_whatever_they_are_called(name):
    long = name * (1_000_000 // len(name.encode()))
    steps = [tool(name=f"{long[:5_000]}{at}", agent=long[:5_000]) for at in range(80)]
    runs = [
        a_run(*steps, name=f"{long}{at}", task_id=f"{at}{long[:9_000]}", agent=long[:9_000], model=long[:9_000])
        for at in range(100)
    ]  # fmt: skip
    widget = wb.inspect(runs)
    told = {"first": widget.first, "opening": widget.opening}
    assert len(json.dumps(told, ensure_ascii=False).encode()) <= 65_536
    assert len(json.dumps(told).encode()) <= 131_072  # however JSON is written
    seen = 0
    while seen < len(runs):
        page = asked(widget, type="runs", **{"from": seen})["runs"]
        assert page
        seen += len(page)
    assert seen == 100
    for kind in ("rows", "marks"):
        asked(widget, type=kind, run=0, to=100)


def test_a_page_of_steps_is_small_whatever_their_lines_are():
    step = said("\U0001f600" * 500, agent="\U0001f600" * 500, status="error")
    step.error_message = "\U0001f600" * 500
    step.kind = "\U0001f600" * 500
    widget = wb.inspect(a_run(*[step] * 300))
    assert widget.first["steps"] == []  # not half a page
    assert len(asked(widget, type="rows", run=0, to=100)["rows"]) == 100
    assert len(asked(widget, type="marks", run=0)["marks"]) == 100
    few = asked(widget, type="rows", run=0, steps=[5, 299, 300, -1, "x", None, 0])["rows"]
    assert len(few) == 3


def test_a_run_says_which_tools_it_called_and_what_is_noted_of_it():
    run = a_run(tool(name="b"), tool(name="a"), tool(name="b"), said("Hi"))
    run.annotations = [Annotation("mistake", step=1), Annotation("quality")]
    listing = Listing(Runs.of([run, a_run(tool(name="a"), name="c"), a_run(name="d")]))
    assert listing.tools == ["a", "b"]
    first, second, third = listing.rows(0)
    assert (first["tools"], first["n_tools"], first["n_notes"]) == ([0, 1], 2, 2)
    assert second["tools"] == [0]
    assert not {"tools", "n_tools", "n_notes", "n_findings"} & set(third)


def test_suspects_of_all_runs_are_ranked_a_slice_at_a_time():
    looping = a_run(*[tool("no", arguments={"x": 1}) for _ in range(4)], name="l", outcome=1.0)
    runs = [a_run(said("Hi"), name="a", outcome=1.0), failing(), looping, a_run(name="d")]
    runs += [failing(f"f{at}") for at in range(40)]
    widget, ranked, loops, at, n = wb.inspect(runs), [], [], 0, 0
    while at >= 0:
        since = process_time()
        reply = asked(widget, type="suspect_counts", run=at)
        assert process_time() - since < 2
        ranked += reply["ranked"]
        loops += reply["loops"]
        at, n = reply["next"], n + 1
    assert [each[0] for each in ranked] == [1, *range(4, 44)]
    assert ranked[0][1:3] == [1, "agent reasoning"]
    assert 0 < ranked[0][3] <= 1
    assert loops == [[2, 1]]
    assert asked(widget, type="suspect_counts", run=0)["next"] == -1  # known by now


def test_ranking_goes_on_after_any_run():
    assert Ranking(lambda _: a_run(), 3).answer(3) == {"ranked": [], "loops": [], "next": -1}


# --------------------------------------------------------------------------- which steps


def test_steps_of_one_sort_come_in_pages():
    steps = [tool() if at % 2 else said("x") for at in range(40_000)]
    steps[7].status = "error"
    widget = wb.inspect(a_run(*steps))
    assert all_places(widget, run=0, what="tool") == list(range(1, 40_000, 2))
    assert all_places(widget, run=0, what="model") == list(range(0, 40_000, 2))
    assert all_places(widget, run=0, what="error") == [7]


def test_agents_are_named_by_their_number_and_followed():
    names = ["a", "a", None, "b", "\x1b" * 9_000, "a"]
    widget = wb.inspect(a_run(*(said("x", agent=name) for name in names)))
    agents = asked(widget, type="marks", run=0)["agents"]
    assert agents[:2] == ["a", "b"]
    assert len(agents[2]) <= 40
    assert asked(widget, type="places", run=0, what="agent", agent=1)["places"] == [3]
    assert asked(widget, type="places", run=0, what="agent", agent=2)["places"] == [4]
    assert asked(widget, type="places", run=0, what="agent", agent=99)["places"] == [2]
    steps = [asked(widget, type="next", run=0, what="agent", way=1, **{"from": at})["step"] for at in (0, 2, 3, 5)]  # fmt: skip
    assert steps == [3, 3, 4, -1]
    assert asked(widget, type="next", run=0, what="agent", way=-1, **{"from": 3})["step"] == 1
    assert asked(wb.inspect(a_run(said("x", agent="a"))), type="marks", run=0)["agents"] == []


# --------------------------------------------------------------------------------- searching


STEP = Step(
    "execute_tool", "", [
        Part("in", "assistant", "tool_call", None, "find", arguments={"q": "red"}),
        Part("out", "tool", "tool_call_response", "Green", "find"),
    ], tool="find", status="error", error_type="Timeout", error_message="after 3 s",
)  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("everywhere", "execute_tool find Timeout red Green"),
        ("arguments", "red"),
        ("results", "Green"),
        ("errors", "Timeout after Green"),
        ("tools", "find"),
        ("said", ""),
    ],
)
def test_a_search_looks_where_it_is_told(scope, words):
    text = haystack(STEP, scope)
    for word in ("execute_tool", "find", "Timeout", "after", "red", "Green"):
        if word in words.split():
            assert word in text
        elif scope != "everywhere":
            assert word not in text
    assert "Hello" in haystack(said("Hello"), "said")


def test_a_search_heeds_capitals_and_expressions_when_it_is_told():
    widget = wb.inspect(a_run(said("a Cat"), said("a cat"), said("cut")))
    for given, hits in (
        ({"query": "CAT"}, [0, 1]),
        ({"query": "Cat", "exact": True}, [0]),
        ({"query": "c[au]t", "regex": True}, [0, 1, 2]),
        ({"query": "C.t$", "regex": True, "exact": True}, [0]),
        ({"query": "c.t"}, []),
        ({"query": "cat", "scope": "results"}, []),
        ({"query": "cat", "scope": ["said"]}, [0, 1]),
    ):
        assert asked(widget, type="search", run=0, **given)["hits"] == hits, given


def test_what_is_no_expression_says_what_is_wrong_with_it():
    widget = wb.inspect(a_run(said("x")))
    for query, reason in (
        ("(a", "This is no regular expression: missing ) at position 2."),
        ("*", "This is no regular expression: nothing to repeat at position 0."),
        ("(?:(?:a{1000}){1000}){1000}", "The counts in { } of an expression may multiply to 10,000 at most."),
        ("a" * 501, "What is sought may have up to 500 characters."),
    ):  # fmt: skip
        for kind in ("search", "count", "snippets"):
            assert asked(widget, type=kind, run=0, query=query, regex=True, steps=[0]) == {"wrong": reason}  # fmt: skip


def test_an_expression_that_explodes_is_stopped():
    widget = wb.inspect(a_run(said("a" * 60 + "b")))
    since = process_time()
    reply = asked(widget, type="search", run=0, query="(a|aa)+$", regex=True)
    assert process_time() - since < 5
    assert reply["wrong"].startswith("This expression takes longer than 0.5 s for a single step; ")


def test_a_snippet_is_what_stands_around_a_hit():
    text = "minus zero one two three four five six seven eight nine"
    assert snippet(said(text), Query("FIVE", scope="said")) == [
        "…one two three four ", "five", " six seven eight nine",
    ]  # fmt: skip
    assert snippet(said("x" * 500), Query("x+", regex=True, scope="said"))[1:] == [
        "x" * 60, f"{'x' * 100}…",
    ]  # fmt: skip
    assert snippet(said("\x1b\u202e" * 300), Query("\u202e", scope="said"))[1] == "�"
    hostile = wb.inspect(a_run(*[said("\U0001f600" * 999)] * 99))
    reply = asked(hostile, type="snippets", run=0, query="\U0001f600", steps=[*range(99), "x", -1])
    assert len(reply["snippets"]) == 60


def test_many_hits_of_an_expression_come_slice_by_slice():
    with pytest.raises(WrongQuery):
        search(["x"], Query("(", regex=True))
    hits, reached = search(["ab", "b", "ba"], Query("^b", regex=True))
    assert (hits, reached) == ([1, 2], 3)


def test_the_first_hits_in_100_000_steps_come_at_once():
    widget = wb.inspect(a_run(*(said(f"This is number {at}.") for at in range(100_000))))
    for given in ({}, {"regex": True}, {"exact": True, "scope": "said"}):
        since = process_time()
        assert asked(widget, type="search", run=0, query="number 1", **given)["hits"][0] == 1
        assert asked(widget, type="count", query="number 1", **given)["counts"][0][2] == 1
        assert process_time() - since < 0.5 + 0.3  # of a busy machine


# ------------------------------------------------------------------------------------ joining


def two():
    steps = [said("Hi", usage=Usage(1)), tool(arguments={"x": 1}), tool(arguments={"x": 2})]
    return Runs.of(
        [
            a_run(*steps, name="r0", task_id="t", trial=0, agent="bot", outcome=0.0),
            a_run(*steps, name="r1", task_id="t", trial=1, agent="bot", output_id="mine", outcome=1.0),
        ]
    )  # fmt: skip


def test_a_panel_begins_where_it_is_told():
    for at, place in (
        (None, ("r0", 0)), ("r1", ("r1", 0)), (("r1", 2), ("r1", 2)), ("mine", ("r1", 0)),
        (("bot:t:0", 1), ("r0", 1)),
    ):  # fmt: skip
        widget = wb.inspect(two(), at=at)
        assert widget.at == place
        assert widget.opening == [int(place[0][1]), place[1]]
    assert wb.inspect([]).at is None
    for wrong in ("r2", 3, ("r1", 3), ("r1", -1), ("r1", "2"), ("r1", True), ("mine", 1, 2)):
        with pytest.raises(BadValue):
            wb.inspect(two(), at=wrong)
    with pytest.raises(BadValue) as caught:
        wb.inspect(two(), at="r2")
    assert str(caught.value) == (
        "what is to be shown must be the id of a run, or of its output, but none of the 2 runs bears "
        "'r2'; runs.ids lists them."
    )


def test_show_moves_every_open_panel_and_at_tells_where_it_is_read():
    widget, sent = wb.inspect(two()), []
    widget.send = lambda message, buffers=None: sent.append(message)
    widget.show("r1", 2)
    assert sent == [{"type": "show", "opening": [1, 2]}]
    assert (widget.at, widget.opening) == (("r1", 2), [1, 2])
    widget.show("mine")  # it is there
    assert widget.at == ("r1", 2)
    widget.show("r0")
    assert widget.at == ("r0", 0)
    asked(widget, type="step", run=1, step=1)
    assert widget.at == ("r0", 0)  # somebody only looked at a step beside
    asked(widget, type="step", run=1, step=1, here=True)
    assert widget.at == ("r1", 1)
    with pytest.raises(BadValue, match=r"^a step of run 'r1' must be from 0 to 2, but 3 came; "):
        widget.show("r1", 3)


def test_the_rows_of_an_inspector_lead_from_an_example_to_its_run():
    rows = wb.inspect(two()).rows
    assert rows.values.tolist() == [["r0", "t", "bot:t:0"], ["r1", "t", "mine"]]


def test_findings_are_marked_in_the_run_and_the_step_that_they_name(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("name: p\nrules:\n  - rule: allowed_tools\n    tools: [other]\n")
    found = Policy.read(path).check(two())
    widget = wb.inspect(two(), findings=found)
    marks = asked(widget, type="marks", run=1)["marks"]
    assert [(mark["type"], mark["step"]) for mark in marks] == [("policy", 1), ("policy", 2)]
    assert widget.first["runs"][0]["n_findings"] == 2
    # the same from two sides is told once
    both = wb.inspect(two(), findings=found, policy=Policy.read(path))
    assert asked(both, type="marks", run=1)["marks"] == marks
    table = pd.DataFrame(
        {
            "check": ["mine", "mine", "mine", "other"],
            "subject": ["r0#2", "r1", "elsewhere#1", "r0#99"],
            "severity": "error",
            "evidence": ["<b>", None, "x", "y"],
        }
    )
    widget = wb.inspect(two(), findings=table)
    assert [(m["type"], m["step"], m["text"]) for m in asked(widget, type="marks", run=0)["marks"]] == [("finding", 2, "mine: <b>")]  # fmt: skip
    assert [m["text"] for m in asked(widget, type="marks", run=1)["marks"]] == [
        "the whole run: mine"
    ]


def test_scores_and_ratings_stand_beside_the_run_that_led_to_the_output():
    runs = two()
    outputs, rows = outputs_of(runs), rows_of(runs)
    scores = wb.score(outputs, rows, [wb.Column("n_calls", direction="down")])
    for given in (scores, scores.frame):
        widget = wb.inspect(runs, scores=given)
        assert [row["scores"] for row in widget.first["runs"]] == [["n_calls 2.00"]] * 2
        assert widget.first["scored"]
    ratings = pd.DataFrame(
        [
            {"item_id": "1", "rater": "x", "question": "quality", "value": 4, "run_id": "r0"},
            {"item_id": "1", "rater": "y", "question": "quality", "value": 5, "run_id": "r0"},
            {"item_id": "2", "rater": "x", "question": "kind", "value": "bad", "output_ids": ["mine"]},
            {"item_id": "2", "rater": "y", "question": "kind", "value": "bad", "output_ids": ["mine", "z"]},
            {"item_id": "2", "rater": "z", "question": "where", "value": [1, 2], "output_ids": ["mine"]},
        ]
    )  # fmt: skip
    told = [row["ratings"] for row in wb.inspect(runs, ratings=ratings).first["runs"]]
    assert told == [["quality 4.50 (n = 2)"], ["kind 2 × bad", "where 1 answers"]]


def test_outputs_of_a_system_that_only_scores_know_lead_to_their_runs():
    runs = Runs.of([a_run(tool(), name=f"r{at}", task_id=str(at), outcome=1.0) for at in range(3)])
    scores = wb.score(outputs_of({"gpt": runs}), rows_of(runs), [wb.Column("n_calls")])
    widget = wb.inspect(runs, scores=scores, at="gpt:2:0")
    assert widget.at == ("r2", 0)
    assert widget.rows["output_id"].tolist() == ["gpt:0:0", "gpt:1:0", "gpt:2:0"]


def test_a_table_that_cannot_be_joined_says_why():
    scores = pd.DataFrame({"output_id": ["x"], "metric": ["m"], "value": [1.0]})
    with pytest.raises(BadValue) as caught:
        wb.inspect(two(), scores=scores)
    assert str(caught.value) == (
        "scores must speak of these runs, but none of its 1 rows names one by run_id, by output_id or "
        "in its subject; add a column run_id."
    )
    with pytest.raises(BadValue, match=r"^ratings must have the column 'question', but it has "):
        wb.inspect(two(), ratings=scores)
    with pytest.raises(BadKind, match=r"^findings must be a DataFrame, but list came; "):
        wb.inspect(two(), findings=[1])
    assert isinstance(wb.inspect(two(), findings=scores.assign(check="x").iloc[:0]), Inspector)


# --------------------------------------------------------------------------------------- file


def test_a_file_knows_the_suspects_the_loops_and_the_agents(tmp_path):
    looping = a_run(*[tool("no", arguments={"x": 1}, agent=name) for name in "aabb"], name="l", outcome=1.0)  # fmt: skip
    widget = wb.inspect([failing(), looping], at=("l", 2))
    widget.to_html(tmp_path / "a.html")
    widget.to_html(tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    data = data_of((tmp_path / "a.html").read_text())
    index = data["index"]
    assert index["at"] == [1, 2]
    assert [each[:3] for each in index["ranked"]] == [[0, 1, "agent reasoning"]]
    assert index["loops"] == [[1, 1]]
    assert index["tools"] == ["find"]
    assert (data["r1"]["agents"], data["r1"]["acting"]) == (["a", "b"], ["a", "b"])
    assert index["runs"] == json.loads(json.dumps(widget.first["runs"]))


@pytest.mark.shared
def test_the_real_runs_of_tau_bench_are_ranked_and_searched(shared):
    path = shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz"
    runs = wb.trajectories.read(path, format="tau-bench")
    widget = wb.inspect(runs)
    assert len(widget.first["tools"]) == 14
    reply = asked(widget, type="count", query=r"reservation \w{6}\b", regex=True, scope="said")
    assert reply["counts"]
    assert asked(widget, type="suspect_counts", run=0)["ranked"]
