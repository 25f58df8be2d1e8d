"""Runs side by side in the inspector: pages of an alignment, stacks of a task, and what a file holds."""

import base64
import gzip
import json
import random
import re
from collections import Counter
from itertools import combinations, permutations
from math import log2
from statistics import mode

import pytest

from workbench.trajectories import Run, Runs, Step, align
from workbench.trajectories.model import Part
from workbench.widgets.inspector import aligned, inspect

LETTERS = {"match": "=", "change": "~", "insert": "+", "delete": "-"}


def said(text, **more):
    return Step("chat", "/0", [Part("out", "assistant", "text", text)], **more)


def called(tool, arguments=None, result="done", **more):
    parts = [
        Part("in", "assistant", "tool_call", json.dumps(arguments or {}), tool, arguments=arguments or {}),
        Part("out", "tool", "tool_call_response", result, tool),
    ]  # fmt: skip
    return Step("execute_tool", "/1", parts, tool=tool, **more)


def a_run(*steps, name="a", **more):
    return Run("mine", name=name, run_id=name, steps=list(steps), **more)


def some_runs(n, *, seed=0, longest=12, task="t"):
    """Runs that have much in common: steps of few sorts, with few texts."""
    luck = random.Random(seed)

    def step():
        if luck.random() < 0.5:
            return said(luck.choice("abcd"), agent=luck.choice([None, "bot"]))
        arguments = {"x": luck.randrange(2), "y": luck.randrange(2)}
        return called(luck.choice(["look", "book"]), arguments, status=luck.choice(["ok", "error"]))

    return [
        a_run(
            *(step() for _ in range(luck.randrange(longest))),
            name=f"{task}{at}",
            task_id=task,
            trial=at,
            outcome=luck.choice([0.0, 1.0, None]),
        )
        for at in range(n)
    ]


def size(page):
    return len(json.dumps(page, ensure_ascii=False, allow_nan=False).encode())


def asked(runs, /, **message):
    numbers = message.pop("run", 0), message.pop("from_", 0)
    reply = aligned.Comparing(runs, lambda at: runs[at]).answer(message, *numbers)
    assert size(reply) <= 64_000
    return reply


# ---------------------------------------------------------------------------------- side by side


@pytest.mark.parametrize("seed", range(8))
def test_the_letters_and_places_are_those_of_the_alignment(seed):
    kept = some_runs(2 + seed % 5, seed=seed)
    runs = Runs.of(kept)
    numbers = list(range(len(kept)))
    found = align(*kept)
    told = asked(runs, type="align", runs=numbers)
    assert told["n_places"] == len(found.places)
    assert told["first"] == found.first_divergence
    page = asked(runs, type="aligned", runs=numbers)["places"]
    for row, letter, place in zip(
        found.frame.to_dict("records"), told["operations"], page, strict=True
    ):
        moved = None if row["moved_to"] != row["moved_to"] else row["moved_to"]
        assert place[0] == moved
        assert LETTERS[row["operation"]] == {"<": "-", ">": "+"}.get(letter, letter)
        assert (letter in "<>") == (moved is not None)
        assert place[1] == row["note"]
        assert [cell and cell[0] for cell in place[2]] == list(found.places[row["place"]])


def test_ten_thousand_places_come_page_by_page():
    steps = [said(f"This is {at}.") for at in range(10_000)]
    other = [*steps[:7_000], said("Something else."), *steps[7_001:]]
    runs = Runs.of([a_run(*steps), a_run(*other, name="b")])
    told = asked(runs, type="align", runs=[0, 1])
    assert (told["n_places"], told["first"], told["operations"].count("=")) == (
        10_000,
        7_000,
        9_999,
    )
    assert asked(runs, type="align", runs=[0, 1], from_=9_998)["operations"] == "=="
    page = asked(runs, type="aligned", runs=[0, 1], from_=6_990)
    assert [place[1] for place in page["places"]].index("text differs") == 10
    assert asked(runs, type="aligned", runs=[0, 1], from_=20_000)["places"] == []


def test_a_page_is_small_whatever_the_texts_are():
    wide = "\U0001f600" * 5_000
    steps = [said(wide, agent=wide, name=wide) for _ in range(60)]
    runs = Runs.of([a_run(*steps, said(str(at)), name=f"r{at}", task_id=wide) for at in range(6)])
    page = asked(runs, type="aligned", runs=[*range(6)])
    assert len(page["places"]) == 50
    assert all(len(place[2]) == 6 for place in page["places"])
    asked(runs, type="stack", run=0, from_=-1)


@pytest.mark.parametrize(
    "given", [None, [], [0], [0, 0], [0, 9], [0, -1], [0, True], "01", [*range(7)]]
)
def test_what_is_no_choice_of_runs_is_not_aligned(given):
    runs = Runs.of(some_runs(8))
    assert asked(runs, type="align", runs=given) == {}


def test_runs_that_are_too_long_say_so():
    steps = [said(str(at)) for at in range(6_000)]
    runs = Runs.of([a_run(*steps, name=str(at)) for at in range(3)])
    assert asked(runs, type="align", runs=[0, 1, 2])["reason"] == (
        "these 3 runs are too long to be aligned while somebody waits: their tables have "
        "108,000,000 cells, and 100,000,000 are the most; choose fewer."
    )


# ------------------------------------------------------------------------------ all runs of a task


def left_open(ways):
    """How many bits of the outcome stay open when the way is known (conditional entropy)."""
    n, shares = sum(map(len, ways)), [sum(way) / len(way) for way in ways]
    bits = [-sum(p * log2(p) for p in (share, 1 - share) if p) for share in shares]
    return sum(len(way) / n * each for way, each in zip(ways, bits, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_a_stack_holds_what_each_run_called_and_counts_paths(seed):
    kept = some_runs(9, seed=seed)
    found = aligned.stack(Runs.of(kept), range(9))
    paths = [tuple(step.tool for step in run.steps if step.tool) for run in kept]
    numbers = [number for _, _, number in found["runs"]]
    assert numbers == sorted(numbers)
    assert sorted(Counter(numbers).values()) == sorted(Counter(paths).values())
    for (at, done, _), cells in zip(found["runs"], found["cells"], strict=True):
        calls = [(n, step) for n, step in enumerate(kept[at].steps) if step.tool]
        told = [(step, found["names"][name], failed) for step, name, failed in filter(None, cells)]
        assert told == [(n, step.tool, step.status == "error") for n, step in calls]
        assert done == (None if kept[at].outcome is None else kept[at].outcome == 1.0)
        assert len(cells) == found["n_columns"]


@pytest.mark.parametrize("seed", range(6))
def test_outcomes_part_where_the_way_leaves_least_open(seed):
    found = aligned.stack(Runs.of(some_runs(9, seed=seed)), range(9))
    bits = []
    for place in range(found["n_columns"]):
        ways = {}
        for (_, done, _), cells in zip(found["runs"], found["cells"], strict=True):
            if done is not None:
                ways.setdefault(cells[place] and cells[place][1], []).append(done)
        bits.append(left_open(list(ways.values())))
    outcomes = [done for _, done, _ in found["runs"] if done is not None]
    least = min(range(len(bits)), key=lambda at: round(bits[at], 9))
    tells = round(left_open([outcomes]) - bits[least], 9) > 0
    assert found["split"] == (least if tells else None)


def test_a_stack_says_in_words_where_success_and_failure_part():
    def run(name, done, *tools):
        return a_run(*(called(tool) for tool in tools), name=name, task_id="t", outcome=done)

    runs = Runs.of(
        [
            run("a", 1.0, "look", "check", "book"),
            run("b", 1.0, "look", "check", "book"),
            run("c", 0.0, "look", "book"),
            run("d", 0.0, "look", "book"),
            run("e", None, "look", "book"),
        ]
    )
    found = aligned.stack(runs, range(5))
    assert found["split"] == 1
    assert found["words"] == (
        "Success and failure part at place 1: with check 2 of 2 succeeded; "
        "with nothing there 0 of 2 succeeded."
    )
    assert [number for _, _, number in found["runs"]] == [0, 0, 0, 1, 1]
    assert [at for at, _, _ in found["runs"]] == [2, 3, 4, 0, 1]


@pytest.mark.parametrize(
    ("outcomes", "tools", "words"),
    [
        ([1.0, 1.0], ["ab", "b"], "All runs succeeded."),
        ([0.0, None, 0.0], ["ab", "b", "b"], "All 2 runs that say so failed."),
        ([None, None], ["ab", "b"], "No run says whether it did its task."),
        ([1.0], ["ab"], "This is the only run of its task."),
        ([1.0, 0.0], ["ab", "ab"], "All runs take one path, and some succeeded: what differs are arguments and texts. Put them side by side."),
    ],
)  # fmt: skip
def test_a_stack_says_why_outcomes_do_not_part(outcomes, tools, words):
    runs = Runs.of(
        [
            a_run(*map(called, path), name=str(at), outcome=outcome)
            for at, (outcome, path) in enumerate(zip(outcomes, tools, strict=True))
        ]
    )
    found = aligned.stack(runs, range(len(outcomes)))
    assert (found["split"], found["words"]) == (None, words)


def test_where_no_tool_is_called_a_path_is_who_acted():
    runs = Runs.of([a_run(said("x", agent="planner"), said("y"), name=name) for name in "ab"])
    found = aligned.stack(runs, [0, 1])
    assert (found["by"], found["names"], found["n_columns"]) == ("agents", ["planner", "chat"], 2)
    empty = aligned.stack(Runs.of([a_run(), a_run(name="b")]), [0, 1])
    assert (empty["n_columns"], empty["cells"]) == (0, [[], []])


def test_fifty_runs_of_two_hundred_calls_are_a_small_page():
    luck = random.Random(1)
    runs = Runs.of(
        [
            a_run(*(called(f"tool_{luck.randrange(300)}") for _ in range(220)), name=str(at),
                  task_id="t", outcome=float(at % 2))
            for at in range(60)
        ]
    )  # fmt: skip
    page = asked(runs, type="stack", run=59, from_=-1)
    assert (page["n_runs"], len(page["runs"]), page["n_more"]) == (60, 50, 50 * 20)
    assert len(page["cells"][0]) in (5, 20, 40)
    assert page["from"] <= page["split"] < page["from"] + 40
    rest = asked(runs, type="stack", run=0, from_=page["n_columns"] - 3)
    assert len(rest["cells"][0]) == 3


def test_runs_of_one_task_belong_together():
    runs = Runs.of(
        [a_run(name=str(at), task_id=task) for at, task in enumerate(["x", None, "y", "x", None])]
    )
    assert aligned.tasks(runs) == [[0, 3], [2]]
    assert [aligned.same_task(runs, at) for at in range(5)] == [[0, 3], [1], [2], [0, 3], [4]]
    assert asked(runs, type="stack", run=1, from_=-1) == {}
    assert asked(runs, type="stack", run=9, from_=-1) == {}


# ---------------------------------------------------------------------------------------- a file


def test_a_file_holds_how_each_two_runs_are_aligned():
    kept = some_runs(4, seed=3)
    held = aligned.pairs(kept)
    assert len(held["paths"]) == 4 * 3
    for one, other in permutations(range(4), 2):
        found = align(kept[one], kept[other])
        letters = "".join("+" if a is None else "-" if b is None else "=" for a, b in found.places)
        assert held["paths"][f"{one},{other}"] == letters
        assert held["far"][one][other] == round(found.cost * 1000)
    for one, other in combinations(range(4), 2):
        for a, b in align(kept[one], kept[other]).places:
            if a is not None and b is not None:
                same = held["wholes"][one][a] == held["wholes"][other][b]
                assert same == (kept[one].steps[a] == kept[other].steps[b])


def test_prices_made_at_once_are_those_made_in_turn(monkeypatch):
    kept = some_runs(5, seed=4, longest=30)
    at_once = aligned.pairs(kept)
    monkeypatch.setattr(aligned, "_KEPT_ROWS", 0)
    assert aligned.pairs(kept) == at_once


def test_a_file_holds_the_tasks_and_is_the_same_each_time(tmp_path, monkeypatch):
    runs = Runs.of([*some_runs(3, seed=5), *some_runs(2, seed=6, task="u"), a_run(name="alone")])
    for name in ("one", "two"):
        inspect(runs).to_html(tmp_path / name)
    page = (tmp_path / "one").read_text()
    assert page == (tmp_path / "two").read_text()
    found = re.findall(r'<script type="text/plain" id="wi-([^"]+)">([^<]*)</script>', page)
    data = {name: json.loads(gzip.decompress(base64.b64decode(text))) for name, text in found}
    assert data["index"]["tasks"] == [[0, 1, 2], [3, 4]]
    assert data["task0"]["paired"] == [0, 1, 2]
    assert data["task1"]["stack"] == json.loads(json.dumps(aligned.stack(runs, [3, 4])))
    monkeypatch.setattr(aligned, "_FILE_CELLS", 0)
    assert all("paired" not in piece for _, piece in aligned.pieces(runs))
    assert mode(len(piece["stack"]["runs"]) for _, piece in aligned.pieces(runs)) == 3
