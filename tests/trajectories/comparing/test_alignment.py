"""Alignment: what was planted is found in its place, prices are a distance, and many runs in one."""

import itertools
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench.trajectories as trajectories
from workbench.display import COMMANDS
from workbench.errors import BadKind, BadValue
from workbench.trajectories.comparing.alignment import OPERATIONS, align, difference, in_full
from workbench.trajectories.comparing.editing import MOST_CELLS, edits
from workbench.trajectories.comparing.majority import consensus
from workbench.trajectories.comparing.stepcosts import PATH, UNIT, Costs, StepTable
from workbench.trajectories.model import Part, Run, Step

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


def called(tool, result="ok", **arguments):
    asked = Part("in", "assistant", "tool_call", None, tool, None, arguments)
    answer = Part("out", "tool", "tool_call_response", result, tool)
    return Step("execute_tool", "", [asked, answer], tool=tool)


def ended(step, status):
    step.status = status
    return step


def chat(text, agent=None):
    return Step("chat", "", [Part("out", "assistant", "text", text)], agent=agent)


def run_of(*steps, name="r", outcome=None):
    return Run("mine", run_id=name, steps=list(steps), outcome=outcome)


# Golden: prices written out.


@pytest.mark.parametrize(
    ("one", "other", "price", "operations"),
    [
        ([chat("a b")], [chat("a b")], 0, "match"),
        ([chat("a b c d")], [chat("a b e f")], 0.5 * (1 - 2 / 4), "change"),
        ([chat("a")], [chat("b")], 0.5, "change"),
        ([chat("a b")], [chat("b a")], 0.001, "change"),
        ([chat("a", "x")], [chat("a", "y")], 0.5, "change"),
        ([called("f")], [called("g")], 1.5, "change"),
        ([called("f", a=1, b=2)], [called("f", a=1, b=3)], 0.5 * (1 - 1 / 2), "change"),
        ([called("f", a=1)], [called("f", a=1.0)], 0, "match"),
        ([called("f", "x", a=1)], [called("f", "y", a=2)], 1.0, "change"),
        ([chat("a")], [called("f")], 2.0, "delete insert"),
        ([chat("a")], [], 1.0, "delete"),
        ([], [chat("a")], 1.0, "insert"),
        ([], [], 0, ""),
    ],
)
def test_prices_are_those_of_their_definition(one, other, price, operations):
    found = align(run_of(*one), run_of(*other))
    assert found.cost == pytest.approx(price, abs=5e-4)
    assert " ".join(found.frame["operation"]) == operations


def test_a_moved_step_is_left_out_here_and_put_in_there():
    steps = [called("look"), called("book", a=1), called("pay", b=2), chat("Done.")]
    found = align(run_of(*steps), run_of(steps[1], steps[0], *steps[2:]))
    assert found.frame["operation"].tolist() == ["delete", "match", "insert", "match", "match"]
    assert found.frame["moved_to"].dropna().to_dict() == {0: 2, 2: 0}
    assert found.first_divergence == 0


def test_notes_say_what_differs():
    one = [called("f", date="1", seat=2), called("g"), chat("a"), chat("a", "x"), called("h", "ok")]
    other = [
        called("f", date="2", seat=2),
        called("k"),
        chat("b"),
        chat("a", "y"),
        called("h", "no"),
    ]
    found = align(run_of(*one), run_of(*other))
    assert found.frame["note"].tolist() == [
        "argument date differs",
        "execute_tool g against execute_tool k",
        "text differs",
        "agent differs",
        "text differs",
    ]
    assert difference([chat("a"), None]) == "only one has chat"
    assert difference([chat("a"), None, chat("a")]) == "2 of 3 have chat"
    assert (
        difference([called("f"), called("f"), called("g")])
        == "execute_tool f × 2, execute_tool g × 1"
    )


@pytest.mark.parametrize(
    ("one", "other", "price"),
    [
        ("ok", "error", 0.5),
        ("error", "cancelled", 0.5),
        ("unset", "error", 0.5),
        ("unset", "ok", 0),
        ("error", "error", 0),
    ],
)
def test_a_call_that_failed_is_no_match_of_one_that_did_not_though_both_say_the_same(
    one, other, price
):
    runs = [run_of(ended(called("f", "boom"), status)) for status in (one, other)]
    found = align(*runs)
    assert (found.cost, found.frame.loc[0, "note"]) == (price, "status differs" if price else "")
    assert found.frame.loc[0, "operation"] == ("change" if price else "match")
    assert align(*runs, costs=Costs(status=0)).cost == align(*runs, costs=PATH).cost == 0


def test_how_a_step_ended_adds_to_what_it_said():
    one, other = ended(called("f", "a"), "ok"), ended(called("f", "b"), "error")
    assert align(run_of(one), run_of(other)).cost == 1.0


def test_an_alignment_shows_itself_to_people():
    one = [called("look"), called("find"), called("book", a=1)]
    found = align(
        run_of(*one, name="x"), run_of(*one[:2], called("book", a=2), chat("Done."), name="y")
    )
    assert repr(found) == (
        "2 runs aligned, 4 places: 2 match, 1 changed, 1 inserted; cost 1.500; they part at place 2 "
        "(argument a differs)"
    )
    assert repr(found.sheet).splitlines()[1:] == [
        "place  operation  steps       step               difference",
        "  0–1  match      from 0 | 0  2 steps",
        "    2  change     2 | 2       execute_tool book  argument a differs",
        "    3  insert     – | 3       chat               only one has chat",
    ]
    assert found.run_ids == ("x", "y")
    assert found.common_prefix == 2
    assert found.operations == {"match": 2, "change": 1, "insert": 1, "delete": 0}
    assert list(found.frame.columns) == [
        "place", "operation", "kind", "tool", "cost", "moved_to", "note", "step_1", "step_2",
    ]  # fmt: skip


def test_what_agents_wrote_is_inert_where_an_alignment_is_shown(storable):
    steps = [called(storable, storable, **{"a": storable}), chat(storable, storable)]
    found = align(run_of(*steps), run_of(called(storable, "x", a=1), chat("x")))
    whole = consensus([run_of(*steps), run_of(*steps[::-1])])
    shown = found._repr_html_() + whole._repr_html_()
    assert "<script" not in shown
    assert '<img src=x onerror="' not in shown
    assert not COMMANDS.search(
        (repr(found) + repr(found.sheet) + repr(whole.sheet)).replace("\n", "")
    )


# A naive recomputation.


def naive_distance(table, costs):
    """The edit distance of two runs by its recursion, cell by cell."""
    a, b = table.rows
    prices = table.prices(a, b, costs)
    gap = costs.gap_units
    cells = np.zeros((len(a) + 1, len(b) + 1), dtype=np.int64)
    cells[:, 0], cells[0] = gap * np.arange(len(a) + 1), gap * np.arange(len(b) + 1)
    for at, to in itertools.product(range(1, len(a) + 1), range(1, len(b) + 1)):
        ways = [
            cells[at - 1, to] + gap,
            cells[at, to - 1] + gap,
            cells[at - 1, to - 1] + prices[at - 1, to - 1],
        ]
        cells[at, to] = min(ways)
    return int(cells[-1, -1])


STEPS = st.one_of(
    st.builds(chat, st.sampled_from(["a", "a b", "b a", "a b c", "d e", ""])),
    st.builds(
        lambda tool, a, result, status: ended(called(tool, result, a=a), status),
        st.sampled_from("fg"), st.integers(0, 2), st.sampled_from(["x", "x y"]), st.sampled_from(["ok", "error"]),
    ),
)  # fmt: skip
RUNS = st.lists(STEPS, max_size=9).map(lambda steps: run_of(*steps))
COSTS = st.builds(
    Costs,
    gap=st.sampled_from([0.3, 1.0]),
    kind=st.sampled_from([0.5, 2.0]),
    tool=st.sampled_from([0.4, 1.5, 3.0]),
    text=st.sampled_from([0.0, 0.5]),
    status=st.sampled_from([0.0, 0.5, 0.7]),
)


@repeatable
@given(RUNS, RUNS, COSTS)
def test_the_price_is_that_of_a_naive_edit_distance(one, other, costs):
    table = StepTable([one, other])
    path, price = edits(table, 0, 1, costs)
    assert price == naive_distance(table, costs)
    assert align(one, other, costs=costs).cost == price / UNIT
    assert [at for at, _ in path if at is not None] == list(range(len(one.steps)))
    assert [to for _, to in path if to is not None] == list(range(len(other.steps)))


@repeatable
@given(RUNS, RUNS, COSTS)
def test_the_price_is_the_same_from_either_side(one, other, costs):
    there, back = align(one, other, costs=costs), align(other, one, costs=costs)
    assert there.cost == back.cost
    assert there.operations["insert"] == back.operations["delete"]


@repeatable
@given(RUNS)
def test_a_run_aligns_with_itself_at_no_cost(run):
    found = align(run, run)
    assert found.cost == 0
    assert found.first_divergence is None
    assert found.common_prefix == len(run.steps)


@repeatable
@given(st.lists(RUNS, min_size=3, max_size=5))
def test_each_run_keeps_its_steps_and_their_order_among_many(runs):
    found = align(*runs)
    for at, run in enumerate(runs):
        numbers = [place[at] for place in found.places if place[at] is not None]
        assert numbers == list(range(len(run.steps)))
    assert all(any(step is not None for step in place) for place in found.places)


def vary(rng, steps, how):
    """Plant one edit in distinct steps; return what came and where it must be found."""
    at = rng.randrange(len(steps) - 1)
    new = called("new", "new", a=rng.random())
    if how == "insert":
        return [*steps[:at], new, *steps[at:]], at
    if how == "delete":
        return [*steps[:at], *steps[at + 1 :]], at
    if how == "reorder":
        return [*steps[:at], steps[at + 1], steps[at], *steps[at + 2 :]], at
    changed = called(steps[at].tool, "changed") if steps[at].tool else chat("changed entirely")
    return [*steps[:at], changed, *steps[at + 1 :]], at


@pytest.mark.parametrize(
    "seed", [*range(40), *(pytest.param(at, marks=pytest.mark.slow) for at in range(40, 200))]
)
def test_a_planted_edit_is_found_where_it_was_planted(seed):
    rng = random.Random(seed)
    steps = [
        called(f"tool{at % 7}", f"result {at}", a=at)
        if rng.random() < 0.6
        else chat(f"word{at} said {at}")
        for at in range(rng.randint(3, 40))
    ]
    how = ["insert", "delete", "change", "reorder"][seed % 4]
    varied, at = vary(rng, steps, how)
    found = align(run_of(*steps), run_of(*varied))
    assert found.first_divergence == at
    assert found.common_prefix == at
    counts = {name: n for name, n in found.operations.items() if n and name != "match"}
    if how == "reorder":
        pair = found.frame["moved_to"].dropna().tolist()
        moved = counts == {"insert": 1, "delete": 1} and pair == [at + 2, at]
        # two texts, or two calls of one tool, are rather taken for each other than moved
        assert moved or counts == {"change": 2}
    else:
        assert counts == {how: 1}


# Many runs.


def test_places_tell_where_outcomes_split():
    good = [called("look"), called("check"), called("book")]
    bad = [called("look"), called("book")]
    runs = [run_of(*good, name="a", outcome=1.0), run_of(*bad, name="b", outcome=0.0)]
    runs += [run_of(*good, name="c", outcome=True), run_of(*bad, name="d", outcome=0.5)]
    found = align(*runs, run_of(*good, name="e"))
    assert found.outcome_split == 1
    assert found.splits.drop(columns="gain").to_dict("records") == [
        {
            "place": 1,
            "branch": "execute_tool check()",
            "n": 3,
            "n_known": 2,
            "n_done": 2,
            "done": 1.0,
        },
        {"place": 1, "branch": "no step", "n": 2, "n_known": 2, "n_done": 0, "done": 0.0},
    ]
    assert found.splits["gain"].tolist() == [1.0, 1.0]
    assert found.frame["operation"].tolist() == ["match", "delete", "match"]


def test_no_place_splits_outcomes_that_are_all_alike():
    assert (
        align(run_of(chat("a"), outcome=1.0), run_of(called("f"), outcome=1.0)).outcome_split
        is None
    )
    assert align(run_of(chat("a")), run_of(called("f"))).outcome_split is None


def test_steps_that_only_some_have_share_a_place():
    base = [called("look"), called("book")]
    extra = [base[0], called("check"), base[1]]
    found = align(run_of(*base), run_of(*extra), run_of(*extra), run_of(*base), run_of(*base))
    assert found.places == ((0, 0, 0, 0, 0), (None, 1, 1, None, None), (1, 2, 2, 1, 1))
    assert repr(found) == (
        "5 runs aligned, 3 places: 2 match, 1 inserted; cost 2.000; they part at place 1 (2 of 5 "
        "have execute_tool check)"
    )


def test_steps_are_named_in_full_by_what_they_call():
    assert in_full(called("f", b=[1.0], a="x")) == 'execute_tool f(b=[1], a="x")'
    assert in_full(chat("a", "planner")) == "chat by planner"


def test_a_consensus_is_the_path_of_most_with_the_share_that_follows_it():
    path = [called("look"), called("check"), called("book")]
    runs = [run_of(*path, name=name, outcome=1.0) for name in "abc"]
    runs.append(run_of(path[0], called("cancel"), name="d", outcome=0.0))
    found = consensus(runs)
    assert found.path == ["execute_tool look", "execute_tool check", "execute_tool book"]
    assert found.frame["share"].tolist() == [1.0, 0.75, 0.75]
    assert found.frame["done"].tolist() == [0.75, 1.0, 1.0]
    assert found.frame["done_others"].tolist()[1:] == [0.0, 0.0]
    assert found.runs.loc[3].to_dict() == {
        "run_id": "d", "task_id": found.runs.loc[3, "task_id"], "followed": 1 / 3, "n_beside": 1,
        "leaves_at": 1, "done": False,
    }  # fmt: skip
    assert repr(found) == (
        "The path that most of 4 runs take has 3 places; 3 runs follow all of it, and on average a "
        "run follows 83.3 %"
    )


def test_a_consensus_looks_at_who_called_what_and_not_at_texts():
    runs = [
        run_of(chat(f"text {at}", "planner"), called("f", f"result {at}", a=at)) for at in range(3)
    ]
    assert consensus(runs).frame["n"].tolist() == [3, 3]
    assert consensus([*runs, run_of(chat("x", "writer"))]).frame["n"].tolist() == [3, 3]


@pytest.mark.shared
def test_trials_of_an_airline_task_are_aligned_in_full(shared):
    path = shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz"
    runs = [run for run in trajectories.read(path, format="tau-bench") if run.task_id == "1"]
    found = align(*runs)
    assert [run.trial for run in runs] == [0, 1, 2, 3]
    assert found.common_prefix == 1, "the rules are the same, the user's first words are not"
    assert found.outcomes == tuple(run.outcome == 1.0 for run in runs)
    for at, run in enumerate(runs):
        assert [place[at] for place in found.places if place[at] is not None] == list(
            range(len(run.steps))
        )
    assert consensus(runs).frame["share"].min() > 0.25
    by_path = align(*runs[:2], costs=PATH)
    assert by_path.first_divergence > found.first_divergence


# Speed, and failures.


def test_two_runs_of_two_thousand_steps_are_aligned_in_seconds():
    rng = random.Random(0)
    words = [f"word{at}" for at in range(2000)]

    def long():
        return run_of(
            *(
                called(
                    rng.choice("fghij"), " ".join(rng.choices(words, k=60)), a=rng.randrange(500)
                )
                if at % 2
                else chat(" ".join(rng.choices(words, k=60)))
                for at in range(2000)
            )
        )

    one, other = long(), long()
    started = time.process_time()
    found = align(one, other)
    assert time.process_time() - started < 8, (
        "of two cores' time; about one second where it is quiet"
    )
    assert sum(found.operations.values()) == len(found.places) >= 2000


def test_a_long_run_with_one_edit_is_aligned_whatever_its_length():
    steps = [chat(f"text {at}") for at in range(20_000)]
    found = align(run_of(*steps), run_of(*steps[:9_000], chat("new"), *steps[9_000:]))
    assert found.first_divergence == 9_000
    assert found.operations == {"match": 20_000, "change": 0, "insert": 1, "delete": 0}


def test_runs_whose_table_would_not_fit_are_refused():
    one = run_of(*[chat("a")] * 10_001)
    other = run_of(*[chat("b")] * 10_001)
    assert MOST_CELLS == 10**8
    with pytest.raises(BadValue) as failure:
        align(one, other)
    assert str(failure.value) == (
        "two runs can be aligned where steps times steps are at most 100,000,000, but 10,001 and "
        "10,001 steps came beyond what begins and ends alike; align a part of them."
    )


@pytest.mark.parametrize(
    ("attempt", "kind", "message"),
    [
        (
            lambda: align(run_of(), "r"),
            BadKind,
            "what is aligned must be runs, but a str came; take them out of Runs by their ids.",
        ),
        (
            lambda: Costs(gap=0),
            BadValue,
            "the price gap must be from 0.001 to 1000, but 0 came; choose another.",
        ),
        (
            lambda: Costs(text=float("nan")),
            BadValue,
            "the price text must be from 0 to 1000, but nan came; choose another.",
        ),
        (
            lambda: consensus([run_of()]),
            BadValue,
            "a consensus must be of two runs or more, but 1 came; add some.",
        ),
    ],
)
def test_what_cannot_be_aligned_is_refused_in_one_sentence(attempt, kind, message):
    with pytest.raises(kind) as failure:
        attempt()
    assert str(failure.value) == message


def test_every_operation_has_a_name():
    assert OPERATIONS == ("match", "change", "insert", "delete")


def test_a_step_that_encloses_others_is_not_told_apart_by_the_text_it_repeats():
    def run(name, *texts):
        root = Step("invoke_agent", "/0", [Part("out", "assistant", "text", texts[-1])])
        rest = [
            Step("chat", f"/{at}", [Part("out", "assistant", "text", text)], parent=0)
            for at, text in enumerate(texts, 1)
        ]
        return Run("x", run_id=name, steps=[root, *rest])

    assert align(run("a", "Hello.", "Yes."), run("b", "Hello.", "No.")).first_divergence == 2
