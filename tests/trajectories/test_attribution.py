"""Suspect steps of a run: their order, owner, confidence and words, a judge, and hostile texts."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import BadKind, BadValue
from workbench.trajectories.attribution import Habits, attribute
from workbench.trajectories.attribution.clues import OWNERS
from workbench.trajectories.model import Part, Run, Step
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.documents import Document

repeatable = settings(deadline=None, derandomize=True, max_examples=40)


def says(text, agent="solver", **more):
    return Step("chat", "", [Part("out", "assistant", "text", text)], agent=agent, **more)


def asked(text):
    return Step("wb.input", "", [Part("in", "user", "text", text)])


def tool(name, arguments, answer=None, **more):
    parts = [Part("in", "assistant", "tool_call", json.dumps(arguments), name, arguments=arguments)]
    if answer is not None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        parts.append(Part("out", "tool", "tool_call_response", text, name))
    return Step("execute_tool", "", parts, tool=name, **more)


def run(*steps, **members):
    return Run("mine", run_id="r", steps=list(steps), **members)


BOOKING = run(
    asked("Please book flight BA1234 on 4 May 2026 for me."),
    tool("find_flight", {"flight": "BA1243"}, {"flight": "BA1243", "seats": 3}),
    tool("book_flight", {"flight": "BA1243"}, {"booked": True}),
    says("I booked BA1243 for you."),
)


def test_a_miscopied_number_is_the_first_suspect_with_words_that_say_so():
    found = attribute(BOOKING)
    assert (found.first.step, found.first.owner) == (1, "agent reasoning")
    assert found.first.evidence[0] == (
        "passes flight=BA1243, which stands in nothing read before; BA1234 does"
    )
    assert found.first.confidence > 0.8


def test_the_frame_holds_every_suspect_the_likeliest_first():
    frame = attribute(BOOKING).frame
    assert frame.columns.tolist() == ["run_id", "step", "agent", "owner", "confidence", "evidence"]
    assert sorted(frame["step"]) == [0, 1, 2, 3]
    assert frame["confidence"].is_monotonic_decreasing
    assert frame["confidence"].sum() == pytest.approx(1)


def test_the_whole_package_offers_it():
    assert wb.trajectories.attribute is attribute


def test_a_run_of_agents_that_only_talk_is_ranked_by_what_was_learned():
    talk = run(
        says("What was the population of Lund in 2020? Plan: look it up, then say it."),
        says("There is no code from the last 1 message for me to execute.", "terminal"),
        says(
            "I assume that some 94,000 people lived in Lund; this is approximate sample data.",
            "expert",
        ),
        says("TERMINATE", "expert"),
    )
    found = attribute(talk)
    assert (found.first.step, found.first.agent, found.first.owner) == (
        2,
        "expert",
        "agent reasoning",
    )
    assert found.suspects[-1].step in {1, 3}


def test_spans_that_only_wrap_others_and_instructions_are_no_suspects():
    steps = [
        Step("invoke_agent", "", span_id="a"),
        Step("wb.system", "", [Part("system", "system", "text", "Be kind.")], parent=0),
        says("Hello, how can I help you with your booking today?", parent=0),
        tool("find", {"q": "x"}, {"n": 1}, parent=2),
    ]
    assert sorted(each.step for each in attribute(run(*steps)).suspects) == [2, 3]


def test_a_run_that_is_all_scenery_is_ranked_as_a_whole():
    assert len(attribute(run(Step("wb.system", ""), Step("wb.state", ""))).suspects) == 2


@pytest.mark.parametrize(
    ("failing", "owner"),
    [
        ({"error_type": "timeout"}, "external API or tool"),
        ({"error_message": "503 Service Unavailable"}, "external API or tool"),
        ({"error_message": "there is no record of it"}, "data quality"),
        ({"error_message": "invalid argument: day"}, "agent reasoning"),
        ({"status": "error"}, "external API or tool"),
    ],
)
def test_a_failure_belongs_to_whom_its_words_say(failing, owner):
    found = attribute(run(asked("Find a flight for me."), tool("find", {"q": "x"}, **failing)))
    assert (found.first.step, found.first.owner) == (1, owner)


def test_a_wrong_call_is_blamed_on_the_step_that_asked_for_it():
    wrong = tool("find", {"q": "x"}, error_message="invalid argument: q", call_step=1)
    found = attribute(run(asked("Find a flight for me."), says("I look it up right now."), wrong))
    assert found.first.step == 1


def test_a_judges_scores_are_blended_in():
    talk = run(*(says(f"This is what I say in message number {at}, no more.") for at in range(4)))
    alone = {each.step: each.confidence for each in attribute(talk).suspects}
    judged = {
        each.step: each.confidence for each in attribute(talk, judge=lambda _: {2: 9}).suspects
    }
    assert max(judged, key=judged.get) == 2
    # log-odds grow by those of the judge, who is never certain: ln(1.02 / 0.02)
    grown = judged[2] / judged[1] / (alone[2] / alone[1])
    assert grown == pytest.approx(1.02 / 0.02)


def test_a_judge_who_says_nothing_changes_nothing():
    one, other = attribute(BOOKING), attribute(BOOKING, judge=lambda _: {})
    assert [each.confidence for each in one.suspects] == pytest.approx(
        [each.confidence for each in other.suspects]
    )


def test_a_judge_gets_the_run():
    got = []
    attribute(BOOKING, judge=lambda run: got.append(run) or {})
    assert got == [BOOKING]


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ({9: 0.5}, "step 9 got 0.5"), ({0: -1.0}, "step 0 got -1.0"), ({0: float("nan")}, "step 0 got nan"),
        ({0: "high"}, "step 0 got 'high'"),
    ],
)  # fmt: skip
def test_a_judge_that_cannot_be_right_is_refused(scores, told):
    with pytest.raises(BadValue) as caught:
        attribute(BOOKING, judge=lambda _: scores)
    assert str(caught.value) == (
        f"a judge must give finite scores of at least 0 to steps from 0 to 3, but {told}; mend the judge."
    )


def test_a_judge_that_returns_something_else_is_refused():
    with pytest.raises(BadKind) as caught:
        attribute(BOOKING, judge=lambda _: [0.1, 0.9])
    assert str(caught.value) == (
        "a judge must return scores by step number, but a list came; return a dict such as {3: 0.8}."
    )


def test_a_run_without_steps_is_refused():
    with pytest.raises(BadValue) as caught:
        attribute(run())
    assert str(caught.value) == (
        "a run must have steps for one of them to be the mistake, but run 'r' has none; read its log "
        "again."
    )


def test_it_is_shown_in_words_and_says_what_was_asked():
    shown = repr(attribute(BOOKING, judge=lambda _: {}, peers=[BOOKING]))
    assert shown.splitlines()[0] == (
        "Suspect steps of run r, the likeliest first (features weighed over 126 runs, rules over tool "
        "calls, habits of other runs, a judge)"
    )
    assert "agent reasoning" in shown


def test_only_the_first_five_are_shown():
    talk = run(*(says(f"This is what I say in message number {at}, no more.") for at in range(9)))
    found = attribute(talk)
    assert "4 more in .frame" in repr(found)
    assert len(repr(found).splitlines()) == 7
    assert len(found.frame) == 9


def test_hostile_texts_are_inert(storable):
    arguments = {"id": f"12{storable}34", storable: storable}
    failed = tool(storable, arguments, storable, error_message=storable)
    steps = [asked(storable), says(storable, storable), failed]
    found = attribute(run(*steps))
    assert "<script" not in found._repr_html_()
    assert "<img" not in found._repr_html_()
    assert "\x1b" not in repr(found)
    assert "\u202e" not in repr(found)
    assert all(len(words) < 400 for each in found.suspects for words in each.evidence)


def test_the_same_run_gives_the_same_bytes():
    assert attribute(BOOKING)._repr_html_() == attribute(BOOKING)._repr_html_()


@repeatable
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["chat", "execute_tool", "wb.input", "plan", "wb.error"]),
            st.text(max_size=40),
            st.dictionaries(
                st.text(max_size=6),
                st.one_of(
                    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)
                ),
                max_size=3,
            ),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_run_has_suspects_with_owners_whose_confidence_adds_to_one(told):
    steps = [
        tool("t", arguments, text) if kind == "execute_tool" else Step(kind, "", [Part("out", "a", "text", text)])
        for kind, text, arguments in told
    ]  # fmt: skip
    whole = run(*steps)
    found = attribute(whole, peers=Habits.of([whole] * 6))
    assert sum(each.confidence for each in found.suspects) == pytest.approx(1)
    assert {each.owner for each in found.suspects} <= set(OWNERS)
    assert sorted(each.step for each in found.suspects) == list(range(len(steps)))


def test_huge_numbers_and_odd_clocks_are_no_trouble():
    odd = {"n": 10**400, "m": float("inf"), "k": float("nan"), "d": "2025-13-45"}
    steps = [tool("pay", odd, {"limit": 10**400, "as_of": "2025-01-01"}, start_ns=2**62)] * 3
    assert attribute(run(*steps)).first.step in {0, 1, 2}


def test_reading_arguments_stays_linear_in_the_length_of_the_run():
    # a quadratic rule would need minutes
    steps = [
        tool(f"find_{at % 7}", {"id": f"AB-{100_000 + at}-X", "n": at}, {"rows": [{"x": f"K{at}"}] * 5})
        for at in range(1_000)
    ]  # fmt: skip
    assert len(attribute(run(*steps)).suspects) == 1_000


def test_twisted_traces_never_crash(twists):
    parts = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Book BA1234."}]}])
    spans = [
        {
            "traceId": "ab" * 16, "spanId": f"{at:016x}", "name": "execute_tool book",
            "startTimeUnixNano": str(1_767_603_600_001_000_000 + at),
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
                {"key": "gen_ai.tool.name", "value": {"stringValue": "book"}},
                {"key": "gen_ai.tool.call.arguments", "value": {"stringValue": '{"id": "BA1243"}'}},
                {"key": "gen_ai.tool.call.result", "value": {"stringValue": '{"as_of": "2025-01-01"}'}},
                {"key": "gen_ai.input.messages", "value": {"stringValue": parts}},
            ],
        }
        for at in range(3)
    ]  # fmt: skip
    for value in twists({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, 150):
        document = Document(Path("memory"), "memory", data=json.dumps(value).encode())
        for each in otlp.runs(document):
            if each.steps:
                attribute(each)
