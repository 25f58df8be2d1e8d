"""Recording and replaying: the same answers give the same session, byte for byte."""

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadKind, BadValue, Unreadable
from workbench.trajectories.model import Part, Run, Step
from workbench.trajectories.replays.recording import Recorder, Recording, record
from workbench.trajectories.replays.replaying import (
    Divergence,
    Player,
    RecordedError,
    fork,
    prove,
    replay,
)
from workbench.trajectories.replays.values import (
    Record,
    canonical,
    decoded,
    encoded,
    first_difference,
)

STOCK = {"apple": 3, "pear": 0}


def clerk(asks, order=("apple", "pear", "plum")):
    """An agent that looks things up, counts, and asks a model for a sentence."""
    look_up = asks.wrap(lambda fruit: STOCK[fruit], name="look_up")
    write = asks.wrap(lambda messages: f"{len(messages)} lines", name="model", kind="chat")
    found = []
    for fruit in order:
        try:
            found.append(f"{fruit}: {look_up(fruit)}")
        except KeyError:
            found.append(f"{fruit}: unknown")
    return {"found": found, "letter": write(found)}


@pytest.fixture
def recording():
    return record(clerk)


def test_a_recording_holds_each_question_with_its_answer_or_error(recording):
    assert [(each.name, each.answer) for each in recording.exchanges] == [
        ("look_up", 3), ("look_up", 0), ("look_up", None), ("model", "3 lines"),
    ]  # fmt: skip
    assert recording.exchanges[2].error == {
        "type": "KeyError", "message": "'plum'", "args": ["plum"],
    }  # fmt: skip

    assert recording.result["letter"] == "3 lines"


def test_a_replay_asks_nobody_and_is_identical(recording):
    def blind(asks):
        def forbidden(*_):
            raise AssertionError("a replay asked for real")

        asks.wrap(forbidden, name="look_up")
        return clerk(asks)

    found = replay(recording, blind)
    assert found.identical
    assert found.heard.digest == recording.digest
    assert repr(found) == f"Replay: identical in all 4 exchanges, {recording.digest[:12]}"


def test_a_hundred_replays_are_identical(recording):
    assert repr(prove(recording, clerk, times=100)) == (
        f"Proof: 100 of 100 replays identical to {recording.digest[:12]}"
    )


def test_a_trajectory_is_proven_by_what_its_first_replay_returns():
    found = prove(Run("x"), lambda asks: 5, times=3)
    assert (found.identical, len(found.digests), len(set(found.digests))) == (3, 4, 1)
    numbers = iter(range(9))
    assert prove(Run("x"), lambda asks: next(numbers), times=3).identical == 1
    assert (
        prove(
            Run("x", steps=[Step("execute_tool", "", tool="f")]), lambda asks: 5, times=2
        ).identical
        == 0
    )


@pytest.mark.parametrize("made", [[Run("x")], "session.jsonl", None])
def test_what_is_no_recording_is_refused_with_what_to_pass(made):
    for attempt in (prove, replay):
        with pytest.raises(BadKind) as caught:
            attempt(made, clerk)
        assert str(caught.value) == (
            f"what is replayed must be a Recording or a Run, but {type(made).__name__} came; pass what "
            "record() gave, Recording.read(path), or one run of runs, such as runs[0]."
        )


def test_a_replay_in_another_process_under_another_hash_seed_is_identical(recording, tmp_path):
    place = tmp_path / "session.jsonl"
    recording.save(place)
    code = (
        "import runpy, sys; from workbench.trajectories.replays.recording import Recording\n"
        "from workbench.trajectories.replays.replaying import replay\n"
        "agent = runpy.run_path(sys.argv[1])['clerk']\n"
        "print(replay(Recording.read(sys.argv[2]), agent).heard.digest)"
    )
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", code, __file__, str(place)],
            env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == recording.digest


def test_an_agent_that_asks_something_else_is_stopped_there(recording):
    found = replay(recording, lambda asks: clerk(asks, ("apple", "plum", "pear")))
    assert not found.identical
    assert (found.divergence.at, found.unasked) == (1, (1, 2, 3))
    assert str(found.divergence) == (
        "a replayed agent must ask what it asked before, but question 1 differs at /1/args/0: "
        '"pear" before, "plum" now; fork the recording there, or mend the agent.'
    )


def test_an_agent_that_asks_more_is_stopped(recording):
    found = replay(recording, lambda asks: (clerk(asks), asks.wrap(name="look_up")("kiwi")))
    assert str(found.divergence) == (
        "a replayed agent must ask what it asked before, but question 4 differs at its root: "
        'nothing before, ["look_up", {"args": ["kiwi"], "kwargs": {}}] now; fork the recording '
        "there, or mend the agent."
    )


def test_an_agent_that_asks_less_or_returns_something_else_is_not_identical(recording):
    less = replay(recording, lambda asks: asks.wrap(name="look_up")("apple"))
    assert (less.identical, repr(less)) == (
        False, "Replay: 3 of 4 exchanges were not asked for",
    )  # fmt: skip
    other = replay(recording, lambda asks: [clerk(asks)])
    assert repr(other) == "Replay: all 4 exchanges are the same, but the result differs"


def curious(asks, curious=True, shield=None):
    """An agent that asks a question too many and lets nobody know."""
    count = asks.wrap(lambda n: n + 1, name="count")
    first = count(1)
    if curious:
        try:
            count(999)
        except Exception as error:
            if shield:
                raise shield("it failed") from error
    return first + count(2)


def test_an_agent_that_swallows_the_divergence_is_not_identical():
    kept = record(lambda asks: curious(asks, curious=False))
    found = replay(kept, curious)
    assert (found.identical, found.divergence.at, found.unasked) == (False, 1, (1,))
    assert replay(kept, curious, order="content").divergence.at == 1
    assert replay(kept, lambda asks: curious(asks, shield=OSError)).divergence.at == 1
    assert repr(prove(kept, curious, times=3)).startswith("Proof: 0 of 3 replays identical")


@pytest.mark.parametrize("shield", [None, OSError])
def test_a_fork_raises_the_divergence_that_its_agent_swallowed(shield):
    kept = record(lambda asks: curious(asks, curious=False))
    with pytest.raises(Divergence, match="question 1 differs at /1/args/0: 2 before, 999 now"):
        fork(kept, lambda asks: curious(asks, shield=shield), at=1, answer=5)


def test_an_error_of_the_agents_own_is_no_divergence():
    kept = record(lambda asks: curious(asks, curious=False))
    for attempt in (replay, lambda *given: fork(*given, at=1, answer=5)):
        with pytest.raises(ZeroDivisionError):
            attempt(kept, lambda _: 1 / 0)


def test_a_proof_counts_a_question_too_many_though_no_digest_shows_it():
    def agent(asks, more):
        ask = asks.wrap(lambda n: n, name="ask")
        ask(1)
        if more:
            ask(5)

    kept = record(lambda asks: agent(asks, more=False))
    found = prove(kept, lambda asks: agent(asks, more=True), times=2)
    assert (set(found.digests), found.identical) == ({kept.digest}, 0)


@pytest.mark.parametrize("kind", ["chat", "wb.other"])
def test_a_question_of_another_kind_is_not_identical(kind):
    kept = record(lambda asks: asks.wrap(lambda: 1, name="ask")())
    found = replay(kept, lambda asks: asks.wrap(name="ask", kind=kind)())
    assert (found.identical, found.heard.first_difference(kept)) == (False, 0)
    assert repr(found) == (
        "Replay: all 1 questions are the same, but 1 differ in kind or in how much of a stream was "
        "read"
    )


def listen(asks, n):
    """Take `n` letters and say nothing of them."""
    letters = asks.wrap(lambda: iter("abcdef"), name="letters")()
    for _ in range(n):
        next(letters, None)


@pytest.mark.parametrize(
    ("before", "now"), [(7, 1), (6, 7), (7, 6), (2, 0), (0, 1), (2, 3), (2, 9)]
)
def test_a_stream_of_which_more_or_less_is_read_is_not_identical(before, now):
    kept = record(lambda asks: listen(asks, before))
    assert replay(kept, lambda asks: listen(asks, before)).identical
    found = replay(kept, lambda asks: listen(asks, now))
    assert not found.identical
    assert prove(kept, lambda asks: listen(asks, now), times=1).identical == 0


def test_beyond_the_piece_at_which_the_agent_stopped_listening_nothing_is_known():
    kept = record(lambda asks: listen(asks, 2))
    assert str(replay(kept, lambda asks: listen(asks, 3)).divergence) == (
        "a replayed agent must ask what it asked before, but question 0 differs at /1/pieces: 2 "
        "before, 3 now; fork the recording there, or mend the agent."
    )


def broken():
    yield "a"
    yield "b"
    raise ValueError("cut", 3)


async def broken_later():
    for piece in "ab":
        yield piece
    raise ValueError("cut", 3)


def test_a_stream_that_fails_half_way_fails_there_in_a_replay(tmp_path):
    def agent(asks):
        heard = []
        try:
            for piece in asks.wrap(broken)():
                heard.append(piece)
        except ValueError as error:
            heard += error.args
        return heard

    kept = record(agent)
    assert (kept.result, kept.exchanges[0].answer) == (["a", "b", "cut", 3], ["a", "b"])
    assert kept.exchanges[0].error["type"] == "ValueError"
    kept.save(tmp_path / "a.jsonl")
    assert replay(Recording.read(tmp_path / "a.jsonl"), agent).identical


def test_an_awaited_stream_that_fails_half_way_fails_there_in_a_replay():
    def agent(asks):
        async def session():
            heard = []
            try:
                async for piece in asks.wrap(broken_later)():
                    heard.append(piece)
            except ValueError as error:
                heard += error.args
            return heard

        return asyncio.run(session())

    kept = record(agent)
    assert kept.result == ["a", "b", "cut", 3]
    assert replay(kept, agent).identical


def test_who_stops_before_a_stream_fails_never_learns_that_it_would():
    def agent(asks, n):
        pieces = asks.wrap(broken)()
        return [next(pieces) for _ in range(n)]

    kept = record(lambda asks: agent(asks, 2))
    assert (kept.exchanges[0].error, kept.exchanges[0].cut) == (None, True)
    assert replay(kept, lambda asks: agent(asks, 2)).identical


def test_a_recording_stands_still_though_its_stream_goes_on():
    recorder = Recorder()
    letters = recorder.wrap(lambda: iter("abc"), name="letters")()
    next(letters)
    kept = recorder.recording()
    player = Player(kept)
    again = player.wrap(name="letters")()
    before = player.heard()
    assert [*letters, next(again)] == ["b", "c", "a"]
    assert [each.exchanges[0].answer for each in (kept, before)] == [["a"], []]


def test_where_only_the_results_differ_is_after_the_last_exchange(recording):
    other = replace(recording, result=77)
    assert recording.first_difference(other) == other.first_difference(recording) == 4
    shorter = replace(other, exchanges=recording.exchanges[:2])
    assert recording.first_difference(shorter) == 2
    assert recording.first_difference(replace(recording)) is None


@pytest.mark.parametrize("kind", ["chat", "generate_content", "text_completion"])
def test_whatever_a_model_answered_is_in_the_recording_of_a_trajectory(kind):
    steps = [Step(kind, "/0", [Part("in", "user", "text", "hi"), Part("out", "m", "text", "ho")])]
    kept = Recording.of(Run("x", steps=[*steps, Step("wb.input", "/1")]))
    assert [(each.name, each.kind, each.answer) for each in kept.exchanges] == [
        ("model", "chat", "ho")
    ]


def test_by_content_the_order_of_questions_does_not_matter_and_equal_ones_keep_theirs():
    answers = iter([1, 2, 3])

    def agent(asks, order):
        draw = asks.wrap(lambda _: next(answers), name="draw")
        return [draw(each) for each in order]

    kept = record(lambda asks: agent(asks, "aba"))
    player = Player(kept, order="content")
    assert agent(player, "baa") == [2, 1, 3]
    with pytest.raises(Divergence):
        agent(Player(kept), "baa")


def test_threads_record_and_replay_by_content():
    def agent(asks):
        square = asks.wrap(lambda n: n * n, name="square")
        found = {}
        threads = [
            threading.Thread(target=lambda n=n: found.setdefault(n, square(n))) for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(found.items())

    kept = record(agent)
    assert len(kept) == 20
    assert replay(kept, agent, order="content").identical


async def patient(n):
    if n < 0:
        raise TimeoutError("too slow")
    return n + 1


async def pieces(n):
    for each in range(n):
        yield f"piece {each}"


async def stream(n):
    return pieces(n)


def test_what_is_awaited_and_what_comes_in_pieces():
    def agent(asks):
        add, write = asks.wrap(patient, name="add"), asks.wrap(stream, name="write")
        count = asks.wrap(lambda n: iter(range(n)), name="count")

        async def session():
            found = [await add(1), *(await asyncio.gather(add(-1), return_exceptions=True))]
            found += [piece async for piece in await write(2)]
            return [*map(str, found), *count(3)]

        return asyncio.run(session())

    kept = record(agent)
    assert kept.result == ["2", "too slow", "piece 0", "piece 1", 0, 1, 2]
    assert replay(kept, agent).identical


def test_who_stops_listening_half_way_hears_as_much_in_a_replay():
    def agent(asks):
        count = asks.wrap(lambda: iter(range(10**9)), name="count")
        return [number for number, _ in zip(count(), range(3), strict=False)]

    kept = record(agent)
    # zip takes a fourth piece before it sees that the range has ended
    assert kept.exchanges[0].answer == [0, 1, 2, 3]
    assert replay(kept, agent).identical


class Completion:
    def __init__(self, text):
        self.text = text
        self.choices = [SimpleNamespace(message=SimpleNamespace(content=text))]

    def model_dump(self, mode):
        return {"choices": [{"message": {"content": self.text}}], "usage": {"total_tokens": 3}}


def test_a_client_of_openais_shape_is_recorded_and_replayed_without_it():
    calls = []

    def create(*, model, messages):
        calls.append(messages)
        return Completion(f"{model} heard {messages[-1]['content']}")

    client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))

    def agent(asks, client=client):
        ai = asks.client(client)
        answer = ai.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        return answer.choices[0].message.content

    kept = record(agent)
    assert (kept.result, kept.exchanges[0].name) == ("m heard hi", "chat.completions.create")
    assert replay(kept, lambda asks: agent(asks, None)).identical
    assert len(calls) == 1


@pytest.mark.parametrize("at", range(4))
def test_a_fork_differs_first_where_it_was_planted(recording, at):
    forked = fork(recording, clerk, at=at, answer="something else")
    assert forked.first_difference(recording) == at
    assert forked.exchanges[at].answer == "something else"


def test_two_hundred_forks_differ_first_where_they_were_planted():
    def agent(asks):
        step = asks.wrap(lambda n: n * 7 % 13, name="step")
        n = 1
        for _ in range(20):
            n = step(n) + 1
        return n

    kept = record(agent)
    for case in range(200):
        at = case % 20
        forked = fork(kept, agent, at=at, answer=100 + case)
        assert (forked.first_difference(kept), len(forked)) == (at, 20)
        assert forked.exchanges[:at] == kept.exchanges[:at]


def test_a_fork_may_ask_another_prompt_and_go_on_live(recording):
    forked = fork(recording, clerk, at=3, request=((["one line"],), {}))
    assert forked.exchanges[3].answer == "1 lines"
    assert forked.first_difference(recording) == 3


def test_a_fork_may_go_on_with_what_was_recorded():
    live = []

    def agent(asks):
        draw = asks.wrap(lambda n: live.append(n) or n, name="draw")
        return [draw(1), draw(2), draw(3)]

    kept = record(agent)
    live.clear()
    forked = fork(kept, agent, at=0, request=((9,), {}), then="recorded")
    assert ([each.answer for each in forked.exchanges], live) == ([9, 2, 3], [9])


def test_what_a_fork_must_be_told(recording):
    with pytest.raises(BadValue) as caught:
        fork(recording, clerk, at=1)
    assert str(caught.value) == (
        "a fork must change either the answer or the request; pass one of the two."
    )
    with pytest.raises(BadValue) as caught:
        fork(recording, clerk, at=4, answer=1)
    assert str(caught.value) == (
        "a fork must be at an exchange from 0 to 3, but 4 came; len(recording) says how many there "
        "are."
    )


def test_a_file_gives_the_recording_back(recording, tmp_path):
    recording.save(tmp_path / "a.jsonl")
    assert Recording.read(tmp_path / "a.jsonl") == recording
    (tmp_path / "b.jsonl").write_text('{"x": 1}\n')
    with pytest.raises(BadValue) as caught:
        Recording.read(tmp_path / "b.jsonl")
    assert str(caught.value) == (
        f"a recording must be a file that Recording.save wrote, of version 1, but {tmp_path}/b.jsonl "
        "is none; record the session again."
    )
    with pytest.raises(Unreadable):
        Recording.read(tmp_path / "none.jsonl")


def test_an_answer_that_json_does_not_know_is_refused_and_named():
    with pytest.raises(BadKind) as caught:
        Recorder().wrap(lambda: object(), name="odd")()
    assert str(caught.value) == (
        "the answer of odd must be made of what JSON knows, bytes and tuples, but object came; turn "
        "it into a dict before it is recorded."
    )


def test_an_error_of_a_foreign_type_is_raised_as_a_recorded_one():
    class Odd(Exception):
        pass

    def fails():
        raise Odd("why not")

    def agent(asks):
        try:
            asks.wrap(fails, name="odd")()
        except (Odd, RecordedError) as error:
            return str(error).removeprefix("Odd: ")

    assert replay(record(agent), agent).identical


class Refused(Exception):
    def __init__(self, kind, message):
        super().__init__(kind, message)
        self.kind = kind


def test_an_error_of_ones_own_is_raised_as_it_was_where_its_type_is_given():
    def fails():
        raise Refused("timeout", "too slow")

    def agent(asks):
        try:
            asks.wrap(fails, name="slow")()
        except Refused as error:
            return error.kind

    kept = record(agent)
    assert replay(kept, agent, errors=[Refused]).identical
    with pytest.raises(RecordedError):
        replay(kept, agent)


def test_a_trajectory_is_replayed_from_its_calls():
    call = Part("in", "assistant", "tool_call", '{"n": 2}', "double", arguments={"n": 2})
    answer = Part("out", "tool", "tool_call_response", "4", "double")
    run = Run("x", steps=[Step("execute_tool", "/0", [call, answer], tool="double")])
    assert replay(run, lambda asks: asks.wrap(name="double")(n=2)).identical
    assert replay(run, lambda asks: asks.wrap(name="double")(n=3)).divergence.at == 0


def test_a_recording_is_a_run_that_can_be_looked_at(recording):
    run = recording.run("mine")
    assert [(step.kind, step.tool, step.status) for step in run.steps][2:] == [
        ("execute_tool", "look_up", "error"), ("chat", None, "ok"),
    ]  # fmt: skip


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.just("$workbench"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_values_come_back_as_they_were(value):
    assert decoded(encoded(value, "it")) == value


def test_a_record_is_read_by_attribute():
    record = Record({"a": [{"b": 1}]})
    assert (record.a[0].b, decoded(encoded(record, "it"))) == (1, record)
    with pytest.raises(AttributeError):
        record.c  # noqa: B018


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~"), inner, max_size=3),
    max_leaves=8,
)


def at_place(value, place):
    for name in filter(None, place.split("/")):
        name = name.replace("~1", "/").replace("~0", "~")
        members = dict(enumerate(value)) if isinstance(value, list) else value
        value = members.get(int(name) if isinstance(value, list) else name)
    return value


@pytest.mark.parametrize(
    ("name", "place"), [("a/b", "/a~1b"), ("m~n", "/m~0n"), ("~1", "/~01"), ("", "/")]
)
def test_a_place_is_a_json_pointer_whatever_the_names(name, place):
    assert first_difference({name: 1}, {name: 2}) == (place, 1, 2)


@given(JSON, JSON)
def test_at_the_first_difference_stands_what_is_said(one, two):
    place, before, now = first_difference(one, two)
    # a member without a name cannot be told from its owner by a split at the slashes
    if not place.endswith("/") and "//" not in place:
        assert (at_place(one, place), at_place(two, place)) == (before, now)
    assert canonical(one) != canonical(two) or (place, before) == ("", now)
