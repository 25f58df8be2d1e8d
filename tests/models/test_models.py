import contextlib
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import workbench as wb
from workbench.errors import BadKind, BadValue
from workbench.models import endpoint


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("api.openai.com/v1", "base_url must be an address such as https://api.openai.com/v1, but 'api.openai.com/v1' came; correct it."),
        ("ftp://host/v1", "base_url must be an address such as https://api.openai.com/v1, but 'ftp://host/v1' came; correct it."),
        ("http://[::1/v1", "base_url must be an address such as https://api.openai.com/v1, but 'http://[::1/v1' came; correct it."),
        ("https://me:secret@host/v1", "base_url must hold no user, password or query, for addresses are shown and stored, but one came for host; put the key into the environment and name it by api_key_env."),
        ("https://host/v1?key=secret", "base_url must hold no user, password or query, for addresses are shown and stored, but one came for host; put the key into the environment and name it by api_key_env."),
    ],
)  # fmt: skip
def test_an_address_is_one_that_may_be_shown(url, message):
    with pytest.raises(BadValue) as error:
        wb.Endpoint("m", base_url=url)
    assert str(error.value) == message
    assert "secret" not in str(error.value)


def test_an_address_has_no_last_stroke():
    assert wb.Endpoint("m", base_url=" http://host/v1/ ").base_url == "http://host/v1"


def test_names_default_to_what_is_asked():
    assert wb.Endpoint("m").name == "m"
    assert wb.Function(len).name == "len"


def test_a_function_is_a_callable():
    with pytest.raises(BadKind, match="a Function must be given a callable, but str came"):
        wb.Function("len")


def test_a_record_is_of_one_system():
    rows = wb.read([{"input": "a"}])
    outputs = wb.outputs(rows, {"a": ["x"], "b": ["y"]})
    with pytest.raises(
        BadValue,
        match="a Recorded model must be given the outputs of one system, but 'a', 'b' came",
    ):
        wb.Recorded(outputs)


def test_what_a_record_took_and_cost_is_kept():
    rows = wb.read([{"input": "a"}])
    outputs = wb.outputs(rows, {"a": ["x"]}).assign(
        input_tokens=3, output_tokens=1, latency_s=2.5, cost_usd=0.01
    )
    (told,) = wb.run(rows, models=wb.Recorded(outputs)).to_dict("records")
    assert [told[name] for name in ("input_tokens", "output_tokens", "latency_s", "cost_usd")] == [
        3,
        1,
        2.5,
        0.01,
    ]


def test_what_a_function_returns_is_checked():
    rows = wb.read([{"input": "a"}])
    (told,) = wb.run(rows, models=wb.Function(lambda messages: 3)).to_dict("records")
    assert told["error"] == "a function must return a text or an Answer, but int came"


@contextlib.contextmanager
def answering(body, **headers):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize(("n", "category"), [(10, "ok"), (200_000, "error")])
def test_an_answer_is_at_most_so_large_packed_or_not(monkeypatch, n, category, is_packed):
    monkeypatch.setattr(endpoint, "MOST_BYTES", 100_000)
    body = json.dumps({"choices": [{"message": {"content": "a" * n}}]}).encode()
    headers = {"Content-Encoding": "gzip"} if is_packed else {}
    with answering(gzip.compress(body) if is_packed else body, **headers) as url:
        model = wb.Endpoint("m", base_url=url, api_key_env=None)
        rows = wb.read([{"row_id": "a", "input": "x"}])
        with pytest.warns(RuntimeWarning, match="no price is known"):
            outputs = wb.run(rows, models=model, prompts=wb.Prompt.of("{{ input }}", name="p"))
    assert outputs["category"].tolist() == [category]
    assert (outputs["error"].isna() == (category == "ok")).all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: wb.Endpoint("m", base_url="http://127.0.0.1:1/v1", concurrency=0),
         "an Endpoint must have a concurrency of at least 1 and a timeout_s above 0, but 0 and 120.0 came"),
        (lambda: wb.models.LiteLLM("a/b", timeout_s=0),
         "a LiteLLM model must have a concurrency of at least 1 and a timeout_s above 0, but 32 and 0 came"),
        (lambda: wb.Function(len, concurrency=0),
         "a Function must have a concurrency of at least 1, but 0 came"),
    ],
)  # fmt: skip
def test_a_model_that_would_never_ask_or_wait_is_refused(make, told):
    with pytest.raises(BadValue) as caught:
        make()
    assert str(caught.value) == f"{told}; leave out what is wrong for the usual."
