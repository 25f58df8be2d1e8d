import json
import urllib.error
import urllib.request

import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue
from workbench.models import Answer, Usage
from workbench.pricing import Price

FREE = Price(__import__("decimal").Decimal(0), __import__("decimal").Decimal(0))


def echo(messages, **parameters):
    return f"{messages[-1]['content']} {json.dumps(parameters, sort_keys=True)}"


async def thinker(messages, **_):
    return Answer("so\nit is", "length", Usage(9, 7, 3, 5), model="thinker-2")


def broken(messages, **_):
    raise ValueError("no idea")


@pytest.fixture(scope="module")
def server():
    with wb.models.serve({"echo": echo, "thinker": thinker, "broken": broken}) as server:
        yield server


def asked(server, name, **options):
    model = wb.Endpoint(name, base_url=server.url, api_key_env=None, price=FREE, **options)
    (told,) = wb.run(
        wb.read([{"input": "Hi, you!"}]), models=model, retries=wb.runs.Retries(1)
    ).to_dict("records")
    return told


@pytest.mark.parametrize("stream", [False, True])
def test_functions_are_served(server, stream):
    told = asked(server, "echo", stream=stream, parameters={"temperature": 0})
    assert told["text"] == 'Hi, you! {"temperature": 0}'
    assert told["input_tokens"] == 4
    told = asked(server, "thinker", stream=stream)
    names = [
        "text",
        "category",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
    ]
    assert [told[name] for name in names] == ["so\nit is", "truncated", 9, 3, 7, 5]


def test_what_fails_is_said(server):
    assert asked(server, "broken")["error"] == "HTTP 500: ValueError: no idea"
    with pytest.raises(BadValue, match="the model 'none' does not exist"):
        asked(server, "none")


def test_its_models_are_listed(server):
    with urllib.request.urlopen(f"{server.url}/models") as response:
        assert [each["id"] for each in json.load(response)["data"]] == ["echo", "thinker", "broken"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"messages": 3}', b"[" * 10**5, b" " * (9 * 2**20)]
)
def test_what_is_no_question_is_refused(server, body):
    request = urllib.request.Request(f"{server.url}/chat/completions", data=body)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    with error.value as response:
        assert response.code == 400
        assert json.load(response)["error"]["message"].startswith("a request must ")


def test_what_cannot_be_served_is_told(server):
    with pytest.raises(BadKind, match="name at least one model"):
        wb.models.serve({})
    with pytest.raises(BadKind, match="functions must be callables, but 'a' is none"):
        wb.models.serve({"a": "text"})
    port = int(server.url.rsplit(":", 1)[1].removesuffix("/v1"))
    with pytest.raises(BadValue, match=f"port must be a free one of 127.0.0.1, but {port} is not"):
        wb.models.serve({"a": echo}, port=port)
    assert repr(server) == "Served on 127.0.0.1: echo, thinker, broken"
