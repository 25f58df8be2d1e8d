"""OpenAI's chat API: what its own types write, its usage, its streams, and what no reader may do."""

import json
from pathlib import Path

import pytest

from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import openai_chat
from workbench.trajectories.sources.documents import Document


def read(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    document = Document(Path("memory"), "memory", data=content)
    return list(openai_chat.runs(document)), document.notices


def read_file(path):
    document = Document(path, path.name)
    assert openai_chat.recognises(document.first)
    return list(openai_chat.runs(document))


def one(value):
    (run,), _ = read(value)
    return run


def outline(run):
    return [(step.kind, step.source) for step in run.steps]


USER, SAID = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([USER, SAID], [[("wb.input", "/0"), ("chat", "/1")]]),
        ({"messages": [USER]}, [[("wb.input", "/messages/0")]]),
        ([{"messages": [USER]}, {"messages": [SAID]}],
         [[("wb.input", "/0/messages/0")], [("chat", "/1/messages/0")]]),
        (b'{"messages": [{"role": "user"}]}\n{"messages": [{"role": "system"}]}\n',
         [[("wb.input", "L1/messages/0")], [("wb.system", "L2/messages/0")]]),
        (b'{"role": "user", "content": "a"}\n{"role": "assistant", "content": "b"}\n',
         [[("wb.input", "L1"), ("chat", "L2")]]),
    ],
)  # fmt: skip
def test_messages_come_as_a_list_an_object_or_line_by_line(value, expected):
    runs, notices = read(value)
    assert [outline(run) for run in runs] == expected
    assert notices == []


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ([USER], True), ({"messages": [USER]}, True), ({"messages": []}, True),
        ({"request": {"messages": [USER]}, "response": {}}, True),
        ({"response": {"body": {"choices": [{"message": {}}]}}}, True),
        ([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}], False),
        ({"messages": [{"type": "human", "content": "Hi"}]}, False),
        ({"choices": [{"text": "old"}]}, False), ([], False), ("role", False), (None, False),
    ],
)  # fmt: skip
def test_the_format_is_told_by_its_content(first, expected):
    assert openai_chat.recognises(first) is expected


def test_a_request_with_its_response_is_one_run(fixtures):
    first, second = read_file(fixtures / "openai" / "pairs.jsonl")
    assert outline(first)[2] == ("chat", "L1/response/choices/0/message")
    answer = first.steps[2]
    assert (first.model, answer.model) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (answer.finish_reason, answer.response_id) == ("tool_calls", "chatcmpl-1")
    assert (answer.start_ns, first.time_source) == (1_760_000_000 * 10**9, "recorded")
    assert first.extra["request"]["temperature"] == 0
    assert [step.kind for step in second.steps] == [
        "wb.system", "wb.input", "chat", "execute_tool", "execute_tool", "execute_tool", "chat",
    ]  # fmt: skip


def test_prompt_tokens_include_the_cached_and_completion_tokens_the_reasoning(fixtures):
    # 120 read, 100 of them cached; 30 written, 12 of them reasoning: nothing is added up
    first, _ = read_file(fixtures / "openai" / "pairs.jsonl")
    assert counted_usage(first) == Usage(120, 100, None, 30, 12)
    assert first.extra["response"]["usage"] == {
        "prompt_tokens_details": {"audio_tokens": 0},
        "completion_tokens_details": {"audio_tokens": 0},
    }


def test_a_total_that_is_no_sum_is_kept():
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}
    run = one({"messages": [USER], "usage": usage})
    assert run.recorded == Usage(1, output_tokens=2)
    assert run.extra == {"usage": {"total_tokens": 9}}


def test_of_several_choices_the_usage_counts_once():
    choices = [{"index": at, "message": SAID, "finish_reason": "stop"} for at in range(3)]
    run = one({"choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 9}})
    assert [step.usage is None for step in run.steps] == [False, True, True]
    assert counted_usage(run).output_tokens == 9


def test_broken_and_empty_arguments_are_told_apart(fixtures):
    first, _ = read_file(fixtures / "openai" / "pairs.jsonl")
    calls = [(call.arguments_valid, call.arguments, call.text) for call in first.steps[2].calls]
    assert calls == [
        (True, {"claim_id": "C-17"}, '{"claim_id": "C-17"}'),
        (False, None, '{"claim_id": "C-1'),
        (False, None, ""),
    ]


def test_calls_without_an_answer_are_steps_too(fixtures):
    first, second = read_file(fixtures / "openai" / "pairs.jsonl")
    assert [step.flags for step in first.calls] == [{"unanswered"}] * 3
    assert [(step.call_step, step.tool_call_id) for step in second.calls] == [
        (2, "call_a"), (2, "call_b"), (2, "call_c"),
    ]  # fmt: skip


def test_a_result_in_pieces_is_kept_as_json(fixtures):
    _, second = read_file(fixtures / "openai" / "pairs.jsonl")
    assert json.loads(second.calls[2].result) == [{"type": "text", "text": "Error: none given"}]


def test_pictures_are_addresses(fixtures):
    first, _ = read_file(fixtures / "openai" / "pairs.jsonl")
    text, picture = first.steps[1].parts
    assert (text.type, text.text) == ("text", "Settle C-17.")
    assert (picture.type, picture.text) == ("uri", "https://example.org/dent.png")
    assert picture.extra == {"image_url": {"detail": "low"}, "type": "image_url"}


def test_the_chunks_of_a_stream_are_joined_by_their_index(fixtures):
    (run,) = read_file(fixtures / "openai" / "chunks.jsonl")
    answer = run.steps[0]
    assert [(call.name, call.call_id, call.arguments) for call in answer.calls] == [
        ("read_claim", "call_a", {"claim_id": "C-17"}), ("read_policy", "call_b", {}),
    ]  # fmt: skip
    assert answer.usage == Usage(120, 100, None, 30, 12)
    assert answer.flags == {"streamed"}
    assert (answer.finish_reason, answer.source) == ("tool_calls", "L1")


def test_two_streams_in_one_file_are_two_runs():
    chunk = {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": "a"}}],
    }
    lines = [json.dumps({**chunk, "id": name}) for name in ("x", "x", "y")]
    runs, _ = read("\n".join(lines).encode())
    assert [run.steps[0].text for run in runs] == ["aa", "a"]


def chunk(name, content=None, **members):
    choices = [] if content is None else [{"index": 0, "delta": {"content": content}}]
    return {"object": "chat.completion.chunk", "id": name, "choices": choices} | members


def test_streams_of_one_time_are_told_apart_by_their_ids_in_the_order_of_their_beginnings():
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    runs, notices = read(
        [chunk("b", "B1"), chunk("a", "A1"), chunk("b", "B2"), {"messages": [USER]},
         chunk("a", "A2"), chunk("a", usage=usage), chunk("b", usage=usage)]
    )  # fmt: skip
    assert [(run.pointer, run.steps[0].text) for run in runs] == [
        ("/0", "B1B2"), ("/1", "A1A2"), ("/3", "Hi"),
    ]  # fmt: skip
    assert [run.steps[0].usage for run in runs] == [*[Usage(1, output_tokens=2)] * 2, None]
    assert notices == []


def test_chunks_without_an_id_are_of_the_stream_beside_them():
    runs, _ = read([chunk(None, "a"), chunk(None, "b"), chunk("x", "x"), chunk(None, "c")])
    assert [run.steps[0].text for run in runs] == ["ab", "x", "c"]


FILTERED = {"id": "", "object": "", "created": 0, "model": "", "choices": [],
            "prompt_filter_results": [{"prompt_index": 0}]}  # fmt: skip


def test_what_azures_filters_say_belongs_to_its_stream():
    late = {**FILTERED, "choices": [{"index": 0, "content_filter_offsets": {"end_offset": 2}}]}
    value = [FILTERED, chunk("a", "A1", model="m"), chunk("a", "A2"), late,
             FILTERED, chunk("b", "B")]  # fmt: skip
    assert openai_chat.recognises(FILTERED)
    runs, notices = read(value)
    assert [(run.pointer, run.steps[0].text) for run in runs] == [("/1", "A1A2"), ("/5", "B")]
    assert runs[0].model == "m"
    told = [
        [each for each in run.extra["chunks"] if "prompt_filter_results" in each] for run in runs
    ]
    assert [each["prompt_filter_results"] for (each, *_) in told] == [[{"prompt_index": 0}]] * 2
    assert runs[0].steps[0].extra["choice"] == {"content_filter_offsets": {"end_offset": 2}}
    assert notices == []


def test_what_filters_say_of_no_stream_is_told():
    runs, notices = read([FILTERED])
    assert runs == []
    assert [(each.place, each.severity) for each in notices] == [("/0", "error")]


def test_the_legacy_function_call_is_a_call(fixtures):
    legacy, modern = read_file(fixtures / "openai" / "finetuning.jsonl")
    assert [step.kind for step in legacy.steps][2:4] == ["chat", "execute_tool"]
    call = legacy.calls[0]
    assert (call.tool, call.arguments, call.result) == ("read_claim", {"claim_id": "C-17"}, "900")
    assert legacy.steps[1].agent == "ann"
    assert modern.steps[0].parts[0].role == "developer"
    assert modern.steps[2].extra == {"content": None, "refusal": "I will not."}
    assert set(modern.extra) == {"tools", "parallel_tool_calls"}


def test_the_batch_api_has_its_response_in_a_body(fixtures):
    (run,) = read_file(fixtures / "openai" / "batch.jsonl")
    assert run.steps[0].text == "Yes."
    assert run.extra["custom_id"] == "row-1"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"response": None, "error": {"code": "expired", "message": "Too late."}},
         [("/error", "expired", "Too late.")]),
        ({"response": {"status_code": 400, "body": {"error": {"message": "No.", "type": "bad"}}},
          "error": None},
         [("/response/body/error", "bad", "No.")]),
        ({"response": {"status_code": 500, "body": None}, "error": None}, []),
    ],
)  # fmt: skip
def test_a_request_of_a_batch_that_failed_has_ended_in_an_error(value, told):
    run = one({"custom_id": "row-1", **value})
    assert [(s.source, s.error_type, s.error_message) for s in run.steps] == told
    assert (run.status, [step.kind for step in run.steps]) == ("error", ["wb.error"] * len(told))
    assert run.termination == (told[0][2] if told else None)
    assert run.extra["custom_id"] == "row-1"


def test_a_batch_may_begin_with_a_request_that_failed():
    assert openai_chat.recognises({"custom_id": "1", "response": None, "error": {"message": "No."}})


def test_nothing_of_the_fixtures_is_lost(fixtures, missing_leaves):
    for path in sorted((fixtures / "openai").glob("*.jsonl")):
        source = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        lost = {leaf for leaf, _ in missing_leaves(source, read_file(path))}
        # totals that repeat a sum, words of the format itself, and what chunks repeat or cut in two
        known = {'{"claim_', 'id": "C-17"}'}
        known |= {"150", "function", "text", "chat.completion.chunk", "chatcmpl-4", "1760000001"}
        known |= {
            "1760000000",
            "gpt-4o-2024-08-06",
            "assistant",
            "user",
            "system",
            "tool",
            "0",
            "1",
        }
        assert lost <= known | {"developer"}, path.name


def test_what_is_no_run_is_told():
    runs, notices = read([USER, 7])
    assert [step.extra for step in runs[0].steps] == [{}, {"value": 7}]
    runs, notices = read(b'{"messages": []}\n[7]\n"x"\n')
    assert len(runs) == 1
    assert [(each.check, each.place, each.severity) for each in notices] == [
        ("unreadable", "L2/0", "error"), ("unreadable", "L3", "error"),
    ]  # fmt: skip
    assert notices[0].reason == "a run must be an object or a list of messages: 7"


def test_an_extension_that_does_not_fit_is_told_and_kept():
    value = {
        "messages": [USER, SAID],
        "wb": {"steps": [{"at": "/messages/1", "start_ns": "soon"}], "x": 1},
    }
    (run,), notices = read(value)
    assert [(step.kind, step.source) for step in run.steps] == [
        ("chat", "/messages/1"), ("wb.input", "/messages/0"),
    ]  # fmt: skip
    assert run.steps[0].extra == {"unread": {"start_ns": "soon"}}
    assert run.extra == {"unread": {"x": 1}}
    assert [each.reason for each in notices] == [
        "/messages/0 is no step of the extension; it stands at the end",
        "no fields of the model are 'start_ns' as they stand",
        "an extension has no 'x' as it stands",
    ]


def test_twisted_values_never_crash(fixtures, twists):
    for name in ("pairs.jsonl", "chunks.jsonl", "finetuning.jsonl"):
        source = [
            json.loads(line) for line in (fixtures / "openai" / name).read_text().splitlines()
        ]
        for value in twists(source, 100):
            lines = "\n".join(json.dumps(each) for each in value)
            read(lines.encode())
            read(value)


def test_broken_files_never_crash(fixtures, mutations):
    for content in mutations((fixtures / "openai" / "pairs.jsonl").read_bytes(), 300):
        read(content)
