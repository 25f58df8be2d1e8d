"""The tree view as far as Python goes: every step once, sums without a figure twice, any depth."""

import base64
import gzip
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.trajectories import Run, Runs, Step, Usage
from workbench.trajectories.model import Part, counted_usage
from workbench.widgets.inspector import inspect, tree
from workbench.widgets.inspector.tree import TOP, Tree


def a_step(kind="chat", **more):
    return Step(kind, "", **more)


def a_run(*steps, **more):
    return Run("mine", name="a", steps=list(steps), **more)


def below(made, node):
    """Return all rows below a node, page by page."""
    rows, page = [], made.page(node, 0)
    while page["nodes"]:
        rows += page["nodes"]
        page = made.page(node, len(rows))
    assert len(rows) == page["n"]
    return rows


def everything(made):
    """Return each node with its parent, found from the top by pages alone."""
    found, pending = {}, [TOP]
    while pending:
        node = pending.pop()
        for row in below(made, node):
            assert row[0] not in found
            found[row[0]] = node
            pending.append(row[0])
    return found


def test_a_step_stands_below_the_one_that_encloses_it_or_else_asked_for_it():
    run = a_run(
        a_step("invoke_agent", agent="a"),
        a_step(parent=0),
        a_step("execute_tool", parent=0, call_step=1),
        a_step(),
        a_step("execute_tool", call_step=3, status="error"),
    )
    made = Tree.of(run)
    assert everything(made) == {0: TOP, 1: 0, 2: 0, 3: TOP, 4: 3}
    top = below(made, TOP)
    assert [(row[0], row[1], row[5], row[6], row[7]) for row in top] == [
        (0, "invoke_agent", 2, 2, 0),
        (3, "chat", 1, 1, 1),
    ]


def test_a_run_without_spans_is_cut_where_the_agent_changes():
    agents = ["a", "a", "b", None, "a"]
    made = Tree.of(a_run(*(a_step(agent=agent) for agent in agents)))
    rows = below(made, TOP)
    assert [row[2:4] for row in rows] == [
        ["a", "steps 0–1"],
        ["b", "step 2"],
        ["no agent named", "step 3"],
        ["a", "step 4"],
    ]
    assert [row[0] for row in rows] == [5, 6, 7, 8]
    assert everything(made)[3] == 7


def test_a_tool_stays_below_its_call_in_a_stretch():
    steps = [a_step(agent="a"), a_step("execute_tool", call_step=0), a_step(agent="b")]
    made = Tree.of(a_run(*steps))
    assert everything(made) == {3: TOP, 0: 3, 1: 0, 4: TOP, 2: 4}
    one_agent = Tree.of(a_run(*steps[:2]))
    assert everything(one_agent) == {0: TOP, 1: 0}


def test_what_a_wrapper_repeats_is_not_added_again():
    run = a_run(
        a_step(
            "invoke_agent",
            usage=Usage(300, output_tokens=30, cost_usd=0.3),
            start_ns=0,
            end_ns=9_000_000,
        ),
        a_step(parent=0, usage=Usage(100, output_tokens=10)),
        a_step(parent=0, usage=Usage(200, output_tokens=20), status="error"),
    )
    (row,) = below(Tree.of(run), TOP)
    assert row[6:] == [2, 1, 330, 0.3, 9]


def test_a_demo_took_nothing():
    run = a_run(a_step(flags=frozenset({"demo"}), usage=Usage(5)), a_step(usage=Usage(7)))
    assert [row[8] for row in below(Tree.of(run), TOP)] == [None, 7]


numbers = st.integers(0, 11)
steps = st.lists(
    st.builds(
        a_step,
        st.sampled_from(["chat", "execute_tool", "invoke_agent"]),
        parent=st.none() | numbers,
        call_step=st.none() | numbers,
        agent=st.sampled_from([None, "a", "b"]),
        status=st.sampled_from(["ok", "error"]),
        usage=st.none() | st.builds(Usage, numbers, output_tokens=st.none() | numbers, cost_usd=st.none() | st.floats(0, 9)),
    ),
    max_size=12,
)  # fmt: skip


@given(steps)
def test_whatever_a_log_says_each_step_is_shown_once_and_nothing_is_counted_twice(steps):
    run = a_run(*steps)
    made = Tree.of(run)
    parents = everything(made)
    assert set(range(len(steps))) <= set(parents)
    for node, up in parents.items():
        path = [each[0] for each in made.path(node, 0)["path"]]
        assert path[0] == node
        assert (path[1] if len(path) > 1 else TOP) == up
        row = made.row(node)
        inside = {each for each in parents if node in [p[0] for p in made.path(each, 0)["path"]]}
        assert row[6] == len(inside) - 1
        assert row[7] == sum(
            each < len(steps) and steps[each].status == "error" for each in inside - {node}
        )
    if all(step.parent is None or step.parent < at for at, step in enumerate(steps)):
        top, usage = below(made, TOP), counted_usage(run)
        assert sum(row[8] or 0 for row in top) == (usage.input_tokens or 0) + (
            usage.output_tokens or 0
        )
        assert sum(row[9] or 0 for row in top) == pytest.approx(usage.cost_usd or 0)


def test_parents_that_are_nowhere_or_go_round_hide_no_step():
    run = a_run(
        a_step(parent=99),
        a_step(parent=-5),
        a_step(parent=2),
        a_step(parent=4),
        a_step(parent=3),
        a_step(call_step=6),
        a_step(parent=5),
    )
    assert set(everything(Tree.of(run))) == set(range(7))


def test_a_chain_5_000_deep_is_a_path():
    made = Tree.of(
        a_run(*(a_step(parent=at - 1 if at else None, usage=Usage(1)) for at in range(5_000)))
    )
    path, more = [], True
    while more:
        page = made.path(4_999, len(path))
        assert len(json.dumps(page)) < 64_000
        path += page["path"]
        more = page["more"]
    assert [each[0] for each in path] == list(range(4_999, -1, -1))
    assert made.row(0)[6:9] == [4_999, 0, 1]


def test_a_hundred_thousand_children_come_by_the_hundred():
    run = a_run(
        a_step("invoke_agent"),
        *(a_step(parent=0, agent="é" * 90, name="x" * 90) for _ in range(100_000)),
    )
    widget = inspect(run)
    page = widget.answer({"type": "tree", "run": 0, "step": 0, "from": 99_950})
    assert (len(page["nodes"]), page["n"], page["nodes"][-1][0]) == (50, 100_000, 100_000)
    assert widget.answer({"type": "path", "run": 0, "step": 100_000})["path"] == [
        [100_000, 99_999, 0],
        [0, 0, 100_000],
    ]


def test_a_page_is_small_whatever_was_written():
    wide = "\U0001f600" * 5_000
    said = [Part("out", "assistant", "text", wide + '"\\' * 100)]
    run = a_run(*(a_step("execute_tool", tool=wide, parts=said, parent=0) for _ in range(300)))
    page = inspect(run).answer({"type": "tree", "run": 0, "step": 0, "from": 0})
    assert len(page["nodes"]) == 100
    assert len(json.dumps(page, ensure_ascii=False).encode()) <= 64_000


def test_a_request_for_a_node_that_is_nowhere_is_answered():
    widget = inspect(a_run(a_step()))
    for step in (-7, 99, 10**30):
        assert widget.answer({"type": "tree", "run": 0, "step": step})["nodes"] == []
        assert widget.answer({"type": "path", "run": 0, "step": step})["path"] == []
    assert Tree.of(a_run()).page(TOP, 0)["n"] == 0


def test_the_pieces_of_a_file_hold_each_page_and_each_way_up(tmp_path):
    run = a_run(
        a_step("invoke_agent"),
        *(a_step(parent=at % 50, name=f"n{at} " * 20) for at in range(9_000)),
    )
    made, found = Tree.of(run), tree.pieces(run)
    pages = {}
    for number, (node, start) in enumerate(found["t"]["starts"]):
        piece = found["t"].get("pages") or found[f"t{number}-"]
        assert next(iter(piece)) == f"{node}:{start}"
        pages |= piece
    assert len(found["t"]["starts"]) > 1
    for node in {TOP, *made.kids}:
        for start in range(0, len(made.kids[node]), 100):
            assert pages[f"{node}:{start}"] == made.page(node, start)
    ups, places, counts = found["u0-"]
    assert [[at, places[at], counts[at]] for at in (700, ups[700])] == made.path(700, 0)["path"][:2]
    inspect(Runs.of([run])).to_html(tmp_path / "page.html")
    text = re.search(r'id="wi-t0">([^<]*)<', (tmp_path / "page.html").read_text())[1]
    assert json.loads(gzip.decompress(base64.b64decode(text)))["starts"] == found["t"]["starts"]
    assert {"up", "pages", "starts"} == set(tree.pieces(a_run(a_step()))["t"])


@pytest.mark.shared
def test_the_tree_of_every_real_log_counts_what_the_run_took(shared):
    from workbench.trajectories import read

    for name in ("swe-agent", "inspect", "openinference", "tau-bench", "who_and_when"):
        for run in list(read(shared / "trajectories" / name))[:20]:
            made = Tree.of(run)
            parents = everything(made)
            assert set(range(len(run.steps))) <= set(parents)
            if any(step.usage and step.usage.input_tokens is not None for step in run.steps):
                usage = counted_usage(run)
                both = (usage.input_tokens or 0) + (usage.output_tokens or 0)
                assert sum(row[8] or 0 for row in below(made, TOP)) == both
