"""Matching: the answers of agentevals and ADK, an exhaustive search, and what must not crash."""

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench.trajectories as trajectories
from workbench.errors import BadKind, BadValue, UnknownName
from workbench.trajectories.comparing.matching import (
    ARGUMENT_MODES,
    MODES,
    assignment,
    match,
    matches,
    reference_scores,
)
from workbench.trajectories.comparing.toolcalls import Call, calls_of
from workbench.trajectories.conversations.answering import pair_calls
from workbench.trajectories.conversations.messages import message_step
from workbench.trajectories.model import Part, Run, Step

repeatable = settings(deadline=None, derandomize=True, max_examples=60)
FOLDER = Path(__file__).parents[1] / "reference"

AGENTEVALS = json.loads((FOLDER / "agentevals.json").read_text())
ADK = json.loads((FOLDER / "google-adk.json").read_text())


def same_when_folded(one, other):
    return str(one.get("q", "")).lower() == str(other.get("q", "")).lower()


RULES = {
    "none": None,
    "f ignored": {"f": "ignore"},
    "f by fields": {"f": ["a", "q.r.s"]},
    "f by a function": {"f": same_when_folded},
}


def messages(turns):
    return [
        {
            "role": role,
            "content": "x",
            "tool_calls": [
                {"id": "c", "function": {"name": name, "arguments": json.dumps(arguments)}}
                for name, arguments in calls
            ],
        }
        for role, calls in turns
    ]


def questions():
    """Every question that agentevals was asked: case, mode, arguments, rules, its answer."""
    for at, case in enumerate(AGENTEVALS["cases"]):
        for rules, answers in case["answers"].items():
            modes = itertools.product(
                AGENTEVALS["modes"], ARGUMENT_MODES if rules == "none" else ["exact"]
            )
            for (mode, arguments), answer in zip(modes, answers, strict=True):
                yield at, mode, arguments, rules, answer == "1"


# What agentevals 0.0.9 denies although an assignment exists, as its greedy search took a call that
# another one needed: by mode and arguments, the cases.
GREEDY = {
    ("strict", "subset"): [77],
    ("strict", "superset"): [0, 106],
    ("unordered", "subset"): [0, 6, 8, 38, 63, 68, 77, 100, 106, 141, 149],
    ("unordered", "superset"): [0, 6, 8, 38, 63, 68, 77, 100, 106, 141, 149],
    ("subset", "subset"): [0, 63, 68, 100, 106, 149],
    ("subset", "superset"): [6, 8, 38, 77, 141],
    ("superset", "subset"): [6, 8, 38, 77, 116, 141],
    ("superset", "superset"): [0, 63, 68, 100, 106, 149],
}


def ours(at, mode, arguments, rules):
    case = AGENTEVALS["cases"][at]
    return matches(
        messages(case["outputs"]),
        messages(case["reference"]),
        mode=mode,
        arguments=arguments,
        rules=RULES[rules],
    )


def test_answers_are_those_of_agentevals_except_where_its_greedy_search_errs():
    asked = list(questions())
    differ = {each[:4] for each in asked if ours(*each[:4]) != each[4]}
    assert AGENTEVALS["version"] == "0.0.9"
    assert len(asked) == 161 * (16 + 3 * 4)
    assert differ == {(at, *how, "none") for how, cases in GREEDY.items() for at in cases}
    assert all(ours(*each) for each in differ)


def test_answers_are_those_of_the_agent_development_kit():
    assert ADK["version"] == "2.13.0"
    for case in ADK["cases"]:
        both = [
            [{"name": n, "args": a} for n, a in case[side]] for side in ("outputs", "reference")
        ]
        asked = itertools.product(ADK["modes"], ADK["arguments"])
        found = [matches(*both, mode=mode, arguments=arguments) for mode, arguments in asked]
        assert found == [answer == "1" for answer in case["answers"]]


def test_a_partner_is_found_where_the_first_that_fits_is_needed_by_another():
    done = [Call("f", {"a": 1, "b": 2}), Call("f", {"a": 1})]
    assert matches(done, done[::-1], mode="superset", arguments="superset")


# tau-bench, gpt-4o on airline tasks: figures computed apart from this code, with multisets of calls.


@pytest.fixture(scope="module")
def airline(request):
    shared = request.getfixturevalue("shared")
    return trajectories.read(
        shared / "trajectories" / "tau-bench" / "gpt-4o-airline.json.gz", format="tau-bench"
    )


def actions(run):
    return run.extra["info"]["task"]["actions"]


@pytest.mark.shared
def test_reference_scores_of_the_airline_tasks_are_those_of_their_oracle(airline):
    sheet = reference_scores(airline, actions)
    frame = sheet.frame
    assert frame[["exact", "in_order", "any_order"]].sum().tolist() == [12, 76, 76]
    assert round(frame["precision"].mean(), 6) == 0.334499
    assert round(frame["recall"].mean(), 6) == 0.570019
    assert len(frame) == 200
    assert frame["n_calls"].sum() == 1164
    assert repr(sheet).splitlines() == [
        "Calls of 200 runs against their references (28 of them empty), arguments exact; largest "
        "matching",
        "figure     runs   mean",
        "exact        12  0.060",
        "in_order     76  0.380",
        "any_order    76  0.380",
        "precision     –  0.334",
        "recall        –  0.570",
    ]


@pytest.mark.shared
def test_reference_scores_of_names_alone_are_those_of_their_oracle(airline):
    frame = reference_scores(airline, actions, arguments="ignore").frame
    assert frame[["exact", "in_order", "any_order"]].sum().tolist() == [14, 113, 114]


@pytest.mark.shared
def test_reference_scores_are_those_of_a_naive_multiset(airline):
    frame = reference_scores(airline, {run.task_id: actions(run) for run in airline}).frame
    for run, row in zip(airline, frame.to_dict("records"), strict=True):
        done = Counter((c.tool, json.dumps(c.arguments, sort_keys=True)) for c in run.calls)
        asked = Counter((a["name"], json.dumps(a["kwargs"], sort_keys=True)) for a in actions(run))
        common, n, of = (done & asked).total(), done.total(), asked.total()
        assert row["precision"] == (common / n if n else float(not of))
        assert row["recall"] == (common / of if of else 1.0)


# An exhaustive search.

ARGUMENTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, 2]), max_size=3)
CALLS = st.lists(st.builds(Call, st.sampled_from("fg"), ARGUMENTS), max_size=6)


def fit(one, other, mode):
    mine, yours = one.arguments.items(), other.arguments.items()
    fits = {
        "ignore": True,
        "exact": mine == yours,
        "subset": mine <= yours,
        "superset": mine >= yours,
    }
    return one.tool == other.tool and fits[mode]


def best(done, asked, mode):
    """The most calls of a reference with a call of their own, by trying all ways."""
    if len(done) < len(asked):
        return max(
            (
                sum(map(fit, done, each, [mode] * 6))
                for each in itertools.permutations(asked, len(done))
            ),
            default=0,
        )
    return max(
        sum(fit(one, other, mode) for one, other in zip(each, asked, strict=True))
        for each in itertools.permutations(done, len(asked))
    )


def longest(done, asked, mode):
    """The longest common subsequence, by its definition."""
    if not done or not asked:
        return 0
    both = fit(done[0], asked[0], mode) and 1 + longest(done[1:], asked[1:], mode)
    return max(both, longest(done[1:], asked, mode), longest(done, asked[1:], mode))


@repeatable
@given(CALLS, CALLS, st.sampled_from(ARGUMENT_MODES))
def test_a_matching_is_the_largest_that_exists(done, asked, arguments):
    found = match(done, asked, arguments=arguments)
    assert len(found.pairs) == best(done, asked, arguments)
    assert len({at for at, _ in found.pairs}) == len({to for _, to in found.pairs})
    assert all(fit(done[at], asked[to], arguments) for at, to in found.pairs)
    assert found.n_in_order == longest(done, asked, arguments)


@repeatable
@given(CALLS, CALLS, st.sampled_from(ARGUMENT_MODES))
def test_each_mode_says_what_an_exhaustive_search_says(done, asked, arguments):
    covers = best(done, asked, arguments) == len(asked)
    covered = best(asked, done, arguments) == len(done)
    same = len(done) == len(asked) and all(map(fit, done, asked, [arguments] * 6))
    expected = {
        "exact": same,
        "strict": same,
        "in-order": longest(done, asked, arguments) == len(asked),
        "any-order": covers,
        "superset": covers,
        "subset": covered,
        "unordered": covers and covered,
    }
    found = {mode: matches(done, asked, mode=mode, arguments=arguments) for mode in MODES}
    assert found == expected


@repeatable
@given(st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=6))
def test_an_assignment_gives_no_partner_twice_and_none_that_does_not_fit(fits):
    found = assignment(fits, 6)
    given_away = [partner for partner in found if partner is not None]
    assert len(given_away) == len(set(given_away))
    assert all(
        partner is None or partner in each for partner, each in zip(found, fits, strict=True)
    )


def test_two_thousand_calls_are_matched_at_once():
    done = [Call("f", {"a": at % 400}) for at in range(2000)]
    found = match(done, done[::-1], arguments="superset")
    assert len(found.pairs) == 2000


# Arguments as JSON.


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1, "b": [1]}, {"b": [1.0], "a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 0}, {"a": False}, False),
        ({"a": None}, {}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": "é"}, {"a": "e\u0301"}, False),
        ({"a": -0.0}, {"a": 0}, True),
        ({"a": 1e22}, {"a": 10**22}, True),
        ({"a": float("nan")}, {"a": float("nan")}, True),
        (None, {}, True),
        ("", {}, True),
        ([1], [1.0], True),
        ("x", "x ", False),
    ],
)
def test_arguments_are_compared_as_json_values(one, other, equal):
    assert matches([Call("f", one)], [Call("f", other)]) is equal


BROKEN = ['{"a": 1', "null", "[1, 2]", "nonsense", "\x00", "{" * 5000, "[" * 100_000, '{"a": NaN}']


def run_of(*calls, tool="f"):
    steps = []
    for at, arguments in enumerate(calls):
        function = {"name": tool, "arguments": arguments}
        asked = {"role": "assistant", "tool_calls": [{"id": str(at), "function": function}]}
        answer = {"role": "tool", "tool_call_id": str(at), "content": "done"}
        steps += [message_step(asked, f"/{2 * at}"), message_step(answer, f"/{2 * at + 1}")]
    pair_calls(steps)
    return Run("mine", run_id="r", task_id="t", steps=steps)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("arguments", ARGUMENT_MODES)
def test_arguments_that_are_no_json_are_compared_as_texts(mode, arguments):
    run = run_of(*BROKEN)
    assert matches(run, run_of(*BROKEN), mode=mode, arguments=arguments)
    other = run_of(*(text + "!" for text in BROKEN))
    assert matches(run, other, mode=mode, arguments=arguments) is (arguments == "ignore")


def test_arguments_nested_beyond_what_can_be_written_do_not_crash():
    deep = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert not matches([Call("f", deep)], [Call("f", {"a": 1})])
    assert not matches([Call("f", 10**5000)], [Call("f", {})])


def test_a_rule_of_a_tool_goes_before_the_mode_of_all():
    done, asked = (
        [Call("f", {"a": 1}), Call("g", {"a": 1})],
        [Call("f", {"a": 2}), Call("g", {"a": 1})],
    )
    assert not matches(done, asked)
    assert matches(done, asked, rules={"f": "ignore"})
    assert not matches(done, asked, rules={"g": "ignore"})
    assert matches(done, asked, rules={"f": lambda one, other: one["a"] < other["a"]})
    assert matches(done, asked, rules={"f": ["b.c"]}), "a field that both lack is equal"


# What holds calls.


def test_calls_are_found_in_a_run_in_messages_and_in_lists_alike():
    run = run_of('{"a": 1}', '{"a": 2}')
    asked = [
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}]}
    ]
    expected = [Call("f", {"a": 1}), Call("f", {"a": 2})]
    assert calls_of(run) == calls_of(run.steps) == expected
    assert calls_of(asked) == expected[:1]
    for name, under in [("name", "kwargs"), ("tool", "args"), ("function_name", "arguments")]:
        assert calls_of([{name: "f", under: {"a": at}} for at in (1, 2)]) == expected


def test_demos_and_copied_context_are_no_calls_of_a_run():
    run = run_of("{}", "{}", "{}")
    for at, flag in [(0, "demo"), (1, "demo"), (2, "copied_context"), (3, "copied_context")]:
        run.steps[at].flags |= {flag}
    assert len(calls_of(run)) == 1


def test_spans_of_tools_are_calls_where_no_message_asked_for_them():
    part = Part("in", "assistant", "tool_call", "{}", "f", None, {})
    run = Run("mine", steps=[Step("chat", "/0"), Step("execute_tool", "/1", [part], tool="f")])
    assert calls_of(run) == [Call("f")]
    assert matches(run, run)


def test_strict_asks_for_the_same_roles_step_by_step():
    run, shorter = run_of("{}", "{}"), run_of("{}", "{}")
    shorter.steps.insert(0, Step("wb.input", "/x"))
    assert matches(run, shorter, mode="exact")
    assert not matches(run, shorter, mode="strict")


# An empty reference, and failures.


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_reference_is_matched_by_no_calls_and_in_some_modes_by_any(mode):
    lenient = mode in {"in-order", "any-order", "superset"}
    assert matches([], [], mode=mode)
    assert matches([Call("f")], [], mode=mode) is lenient
    assert matches([], [Call("f")], mode=mode) is (mode == "subset")


def test_shares_of_nothing_are_defined():
    nothing, some = match([], []), match([], [Call("f")])
    assert (nothing.precision, nothing.recall) == (1.0, 1.0)
    assert (some.precision, some.recall) == (0.0, 0.0)
    assert (match([Call("f")], []).precision, match([Call("f")], []).recall) == (0.0, 1.0)


def test_arguments_that_no_log_holds_are_not_compared():
    run = Run("mine", run_id="r", steps=[Step("execute_tool", "/0", tool="f")])
    assert matches(run, [Call("f")], mode="exact", arguments="ignore")
    with pytest.raises(BadValue) as failure:
        match(run, [Call("f")])
    assert str(failure.value) == (
        "arguments must be recorded to be compared, but a call of 'f' has none; "
        "write arguments='ignore' to compare names only."
    )


@pytest.mark.parametrize(
    ("attempt", "kind", "message"),
    [
        (
            lambda: matches([], [], mode="strickt"),
            UnknownName,
            "mode must be one of 'exact', 'in-order', 'any-order', 'strict', 'unordered', 'subset', "
            "'superset', but 'strickt' came; did you mean 'strict'?",
        ),
        (
            lambda: match([], [], arguments="equal"),
            UnknownName,
            "arguments must be one of 'exact', 'ignore', 'subset', 'superset', but 'equal' came.",
        ),
        (
            lambda: match([], [], rules={"f": "some"}),
            UnknownName,
            "the rule for tool 'f' must be one of 'exact', 'ignore', 'subset', 'superset', but "
            "'some' came.",
        ),
        (
            lambda: match([], [], rules={"f": []}),
            BadValue,
            "the rule for tool 'f' must name the fields that matter, but an empty list came; name "
            "one, or write 'ignore'.",
        ),
        (
            lambda: match([], [], rules={"f": 3}),
            BadKind,
            "the rule for tool 'f' must be a mode, a function or a list of fields, but a int came; "
            "write one of these.",
        ),
        (
            lambda: match("f", []),
            BadKind,
            "tool calls must come as a run or as a list of calls, messages or steps, but a str came; "
            "put it into a list.",
        ),
        (
            lambda: match(["f"], []),
            BadKind,
            "a tool call must be a Call or a mapping with its name and arguments, but a str came; "
            "a list holds either calls or messages, not both.",
        ),
        (
            lambda: match([{"id": 1}], []),
            BadValue,
            "a tool call must name its tool under name, tool, function_name, but only 'id' came; "
            "add it.",
        ),
        (
            lambda: reference_scores([], {}),
            BadValue,
            "there must be a run to score, but none came; read some first.",
        ),
        (
            lambda: reference_scores([run_of("{}")], {"1": []}),
            BadValue,
            "each run's task must have a reference, but task 't' of run 'r' has none; add it (an "
            "empty list asks for no calls).",
        ),
    ],
)
def test_what_cannot_be_matched_is_refused_in_one_sentence(attempt, kind, message):
    with pytest.raises(kind) as failure:
        attempt()
    assert str(failure.value) == message
