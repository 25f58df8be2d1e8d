import asyncio
import json
import runpy
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.models import Answer, CallFailed, Usage
from workbench.models.completions import read_answer, read_embeddings, read_stream, read_usage

FAULTY = runpy.run_path(str(Path(__file__).parent.parent / "runs" / "faulty.py"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


def whole(**told):
    return json.dumps(told).encode()


class Stream:
    """A body that comes in parts cut anywhere."""

    def __init__(self, content, cuts):
        marks = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
        self.parts = [content[a:b] for a, b in pairwise(marks)]

    async def iter_any(self):
        for part in self.parts:
            yield part


def streamed(content, cuts=(), **options):
    return asyncio.run(read_stream(Stream(content, cuts), 0.0, 10**6, **options))


@pytest.mark.parametrize(
    ("choice", "text", "reason"),
    [
        ({"message": {"content": "a"}, "finish_reason": "stop"}, "a", "stop"),
        ({"message": {"content": None}, "finish_reason": "content_filter"}, None, "content_filter"),
        ({"message": {"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}]}}, "ab", None),
        ({"message": {"content": None, "refusal": "No."}}, "No.", "refusal"),
        ({"message": {"content": "a", "refusal": None}}, "a", None),
        ({"text": "old"}, "old", None),
        ({"message": "odd"}, None, None),
        ({"message": {"content": 3}, "finish_reason": 3}, None, None),
    ],
)  # fmt: skip
def test_an_answer_has_a_text_and_a_reason(choice, text, reason):
    found = read_answer(whole(choices=[choice], model="m-1"))
    assert (found.text, found.finish_reason, found.model) == (text, reason, "m-1")


@given(JSON)
def test_any_json_is_an_answer_or_is_refused(value):
    with suppress(CallFailed):
        assert isinstance(read_answer(json.dumps(value).encode()), Answer)


@given(st.binary())
def test_any_bytes_are_an_answer_or_are_refused(content):
    for read in (read_answer, read_embeddings, lambda each: streamed(each)):
        with suppress(CallFailed):
            assert read(content) is not None


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4}, Usage(9, 4)),
        ({"input_tokens": 9, "output_tokens": 4}, Usage(9, 4)),
        # OpenAI: both parts are inside
        ({"prompt_tokens": 9, "completion_tokens": 40, "total_tokens": 49,
          "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 30}},
         Usage(9, 40, 8, 30)),
        # reasoning beside the answer, as the total shows
        ({"prompt_tokens": 9, "completion_tokens": 10, "total_tokens": 49,
          "completion_tokens_details": {"reasoning_tokens": 30}}, Usage(9, 40, 0, 30)),
        ({"prompt_tokens": 9, "completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 30}},
         Usage(9, 40, 0, 30)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 5}, Usage(9, 4, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 99}}, Usage(9, 4, 9)),
        ({"prompt_tokens": 9.0, "completion_tokens": 4, "prompt_tokens_details": None}, Usage(9, 4)),
        ({"prompt_tokens": -1, "completion_tokens": 4}, None),
        ({"prompt_tokens": True, "completion_tokens": 4}, None),
        ({"prompt_tokens": 10**12, "completion_tokens": 4}, None),
        ({"prompt_tokens": 9}, None),
        (None, None),
        ("many", None),
    ],
)  # fmt: skip
def test_tokens_are_counted_once(told, usage):
    assert read_usage(told) == usage


def events(*values):
    return "".join(f"data: {json.dumps(each)}\n\n" for each in values) + "data: [DONE]\n\n"


def piece(text, **more):
    return {"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}, **more}]}


@given(st.lists(st.text(min_size=1), min_size=1), st.lists(st.integers(0, 10**6), max_size=9))
def test_a_stream_says_the_same_however_it_is_cut(texts, cuts):
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    content = events(*map(piece, texts), piece("", finish_reason="stop"), usage).encode()
    found = streamed(content, cuts)
    assert (found.text, found.finish_reason, found.usage) == ("".join(texts), "stop", Usage(1, 2))
    assert found.first_token_s > 0


def test_half_a_stream_is_no_answer():
    with pytest.raises(CallFailed, match="half an answer: the stream ended after 4 characters"):
        streamed(f"data: {json.dumps(piece('half'))}\n\n".encode())


def test_an_error_in_a_stream_is_said():
    with pytest.raises(CallFailed, match=r'an error in the answer: \{"message": "no"\}'):
        streamed(b'data: {"error": {"message": "no"}}\n\n')


def test_a_key_that_comes_in_two_pieces_is_hidden():
    content = events(piece("key sk-"), piece("canary!"), piece("", finish_reason="stop")).encode()
    assert streamed(content, secrets=["sk-canary"]).text == "key [key]!"


def test_an_endless_answer_is_cut_off():
    with pytest.raises(CallFailed, match="an answer of more than 0 MB"):
        asyncio.run(read_stream(Stream(events(piece("x" * 999)).encode(), []), 0.0, 100))


@pytest.mark.parametrize("stream", [False, True])
def test_openais_client_reads_the_same(stream):
    import openai

    import workbench as wb
    from workbench.pricing import Price

    with FAULTY["Server"]() as server:
        with openai.OpenAI(base_url=server.url, api_key="none") as client:
            said = [{"role": "user", "content": "question"}]
            if stream:
                pieces = list(client.chat.completions.create(model="m", messages=said, stream=True))
                text = "".join(
                    each.choices[0].delta.content or "" for each in pieces if each.choices
                )
                usage = pieces[-1].usage
            else:
                told = client.chat.completions.create(model="m", messages=said)
                text, usage = told.choices[0].message.content, told.usage
        free = Price(*map(__import__("decimal").Decimal, "00"))
        model = wb.Endpoint("m", base_url=server.url, api_key_env=None, stream=stream, price=free)
        (ours,) = wb.run(wb.read([{"input": "question"}]), models=model).to_dict("records")
    assert ours["text"] == text
    assert (ours["input_tokens"], ours["output_tokens"]) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
