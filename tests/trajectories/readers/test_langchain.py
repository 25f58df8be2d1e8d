"""LangChain's messages, as the library itself writes them, and LangGraph's states."""

import json
from pathlib import Path

import pytest

import workbench.trajectories as trajectories
from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import langchain
from workbench.trajectories.sources.documents import Document, nanoseconds

TALK = [
    "messages.json",
    "messages_to_dict.json",
    "dumpd.json",
    "stream_values.json",
    "history.json",
]


@pytest.fixture
def folder(fixtures):
    return fixtures / "langchain"


def read(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=data)
    return list(langchain.runs(document)), document.notices


def lost(missing_leaves, value, runs):
    """What is missing but for the types that became kinds of steps, and how tools ended."""
    return {leaf for leaf, _ in missing_leaves(value, runs)} - {"ai", "human", "success"}


def lines(*values):
    return b"\n".join(json.dumps(value).encode() for value in values)


@pytest.mark.parametrize("name", TALK)
def test_one_conversation_is_the_same_in_every_shape(folder, name):
    runs = trajectories.read(folder / name)
    assert set(runs.frame["format"]) == {"langchain"}
    for run in runs:
        assert [step.kind for step in run.steps] == [
            "wb.system", "wb.input", "chat", "execute_tool", "execute_tool", "chat", "execute_tool",
        ]  # fmt: skip
        assert [step.span_id for step in run.steps[:6]] == ["m0", "m1", "m2", "m3", "m4", "m5"]
        assert [(step.tool, step.status) for step in run.calls] == [
            ("weather", "ok"), ("weather", "error"), ("weather", "unset"),
        ]  # fmt: skip
        assert run.steps[2].agent == "weather"
        assert run.steps[2].model == "gpt-4o-mini"
        assert run.steps[2].finish_reason == "tool_calls"


@pytest.mark.parametrize("name", TALK)
def test_repeated_messages_count_once(folder, name):
    for run in trajectories.read(folder / name):
        assert counted_usage(run) == Usage(120 + 190, 80 + 0, None, 45 + 14, 20 + 0, None)


@pytest.mark.parametrize("name", TALK)
def test_arguments_that_the_library_could_not_read_are_marked(folder, name):
    run = trajectories.read(folder / name)[0]
    assert [(part.text, part.arguments_valid) for part in run.steps[2].calls] == [
        ('{"city": "Oslo"}', True),
        ('{"city": "Rome"}', True),
        ('{"city": "Ro', False),
    ]
    assert run.steps[6].flags == {"unanswered"}


def test_reasoning_is_a_part_of_its_own(folder):
    run = trajectories.read(folder / "dumpd.json")[0]
    assert [(part.type, part.text) for part in run.steps[2].parts[:2]] == [
        ("reasoning", "I need both."),
        ("text", "I look up both."),
    ]


def test_the_pieces_of_a_stream_are_joined_as_the_library_joins_them(folder):
    (run,) = trajectories.read(folder / "stream.jsonl")
    (whole,) = trajectories.read(folder / "stream_joined.json")
    streamed, joined = run.steps[1], whole.steps[0]
    assert streamed.flags == joined.flags == {"streamed"}
    assert [(p.type, p.text, p.arguments) for p in streamed.parts] == [
        ("text", "It is 4 °C.", None),
        ("tool_call", '{"t": 4}', {"t": 4}),
    ]
    assert [(p.type, p.text) for p in joined.parts] == [(p.type, p.text) for p in streamed.parts]
    assert streamed.usage == joined.usage == Usage(50, 0, None, 9, 0, None)


def test_a_history_comes_in_the_order_of_its_steps_one_run_per_thread(folder):
    runs = trajectories.read(folder / "history.json")
    assert sorted(run.conversation_id for run in runs) == ["1", "2"]
    states = runs[0].extra["states"]
    assert [state["metadata"]["step"] for state in states] == [-1, 0, 1, 2, 3]
    assert [state["message_steps"] for state in states] == [
        [], [[0, 2]], [[0, 3]], [[0, 5]], [[0, 6]],
    ]  # fmt: skip
    assert runs[0].start_ns == nanoseconds(states[0]["created_at"])
    assert runs[0].time_source == "derived"


def test_the_latest_version_of_a_message_stands_and_the_others_are_kept():
    first = {"type": "human", "content": "Hi", "id": "a"}
    last = first | {"content": "Hello"}
    (run,), _ = read([{"messages": [first]}, {"messages": [last]}, {"messages": [last]}])
    assert [step.text for step in run.steps] == ["Hello"]
    assert run.steps[0].extra["replaced"] == [first]


def test_messages_without_ids_count_once_where_they_keep_their_place():
    one, two = ({"type": "human", "content": text} for text in ("Hi", "Hi"))
    (run,), _ = read([{"messages": [one]}, {"messages": [one, two]}])
    assert [step.text for step in run.steps] == ["Hi", "Hi"]


def test_lists_of_messages_are_runs_of_their_own():
    talk = [{"type": "human", "content": "Hi"}, {"type": "ai", "content": "Hello"}]
    runs, _ = read([talk, talk])
    assert [(run.pointer, len(run.steps)) for run in runs] == [("/0", 2), ("/1", 2)]
    runs, _ = read(lines(talk, talk))
    assert [(run.pointer, len(run.steps)) for run in runs] == [("L1", 2), ("L2", 2)]


def test_updates_of_nodes_are_states_too():
    runs, _ = read([{"agent": {"messages": [{"type": "ai", "content": "Hi", "id": "a"}]}}])
    assert [step.source for step in runs[0].steps] == ["/0/agent/messages/0"]


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"cache_creation": 0, "ephemeral_5m_input_tokens": 80, "ephemeral_1h_input_tokens": 70}, 150),
        ({"cache_creation": 150, "ephemeral_5m_input_tokens": 80, "ephemeral_1h_input_tokens": 70}, 150),
        ({"cache_creation": 50, "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, 50),
        ({"ephemeral_5m_input_tokens": 80, "ephemeral_1h_input_tokens": None}, 80),
        ({"cache_creation": 0}, 0),
        ({"cache_creation": None}, None),
    ],
)  # fmt: skip
def test_tokens_written_to_anthropics_cache_are_told_by_how_long_they_stay(told, written):
    usage = {"input_tokens": 300, "output_tokens": 1, "input_token_details": told}
    (run,), _ = read([{"type": "ai", "content": "Hi", "usage_metadata": usage}])
    assert run.steps[0].usage == Usage(300, None, written, 1, None, None)
    # how long they stay is told nowhere else
    rest = run.steps[0].extra.get("usage_metadata", {}).get("input_token_details", {})
    assert {**told, **rest} == told
    assert [name for name in told if name.startswith("e") and name not in rest] == []


def test_older_messages_tell_their_tokens_in_the_providers_words():
    told = {"token_usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    (run,), _ = read([{"type": "ai", "content": "Hi", "response_metadata": told}])
    assert run.steps[0].usage == Usage(7, None, None, 2, None, None)


def test_a_block_that_repeats_a_call_is_no_second_call():
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}
    calls = [{"name": "f", "args": {"a": 1}, "id": "c", "type": "tool_call"}]
    (run,), _ = read([{"type": "ai", "content": [call], "tool_calls": calls}])
    assert len(run.steps[0].calls) == 1
    (run,), _ = read([{"type": "ai", "content": [call]}])
    assert [part.arguments for part in run.steps[0].calls] == [{"a": 1}]


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "user", "content": "Hi"}],
        {"messages": [{"role": "user", "content": "Hi"}]},
        {"type": "system", "content": "x", "uuid": "u", "sessionId": "s"},
        {"type": "function", "function": {}},
        [],
        None,
    ],
)
def test_other_formats_are_left_to_others(value):
    assert not langchain.recognises(value)


def test_what_is_no_message_is_told():
    runs, notices = read([{"type": "human", "content": "Hi"}, 7])
    assert len(runs[0].steps) == 1
    assert [each.reason for each in notices] == ["it is no message and no state: 7"]


@pytest.mark.parametrize(
    "name", ["messages.json", "messages_to_dict.json", "dumpd.json", "stream.jsonl"]
)
def test_nothing_is_lost(folder, name, missing_leaves):
    text = (folder / name).read_text()
    value = (
        [json.loads(line) for line in text.splitlines()] if name.endswith("l") else json.loads(text)
    )
    assert lost(missing_leaves, value, trajectories.read(folder / name)) == set()


def test_nothing_but_repetitions_of_a_history_is_lost(folder, missing_leaves):
    states = json.loads((folder / "history.json").read_text())
    for state in states:
        # the fullest state holds what all others repeat
        if state["metadata"]["step"] != 3:
            del state["values"]
    assert lost(missing_leaves, states, trajectories.read(folder / "history.json")) == set()


@pytest.mark.parametrize("name", [*TALK, "stream.jsonl"])
def test_broken_files_are_read_as_far_as_they_go(folder, name, mutations, twists, tabled):
    content = (folder / name).read_bytes()
    for data in mutations(content, 200):
        tabled(read(data)[0])
    if name.endswith(".json"):
        for value in twists(json.loads(content), 200):
            tabled(read(value)[0])
            langchain.recognises(value)


def test_a_type_that_is_written_otherwise_stays_as_it_came():
    runs, _ = read([{"type": "AI", "content": "Yes."}, {"type": "ai", "content": "No."}])
    assert [step.kind for step in runs[0].steps] == ["chat", "chat"]
    assert [step.extra.get("type") for step in runs[0].steps] == ["AI", None]
