"""The served page before everything that may come in: refused or inert, logged, nothing stored."""

import datetime
import http.client
import itertools
import json
import re
import runpy
import socket
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest
from itsdangerous import Signer
from websockets.exceptions import ConnectionClosed, InvalidStatus

from workbench.ratings.journal import Journal
from workbench.ratings.journal.keys import signing_key
from workbench.ratings.reading import read
from workbench.ratings.sessions import Study
from workbench.serving.access import Access

SERVER = runpy.run_path(str(Path(__file__).with_name("server.py")))
Server, Rater = SERVER["Server"], SERVER["Rater"]
NOT_OURS = "This link is not one of ours; open it again as it was sent to you."
NOT_COMPLETE = "This link is not complete; open it again as it was sent to you."
TAKEN_BACK = "This link was taken back; ask for another one."
EXPIRED = "This link has expired; ask for another one."
NO_LINK = "Open this page by the link that was sent to you."
KINDS = ("answer", "undo", "skip", "comment", "adjudicate")


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("served")) as running:
        yield running
        assert running.events(*KINDS) == []
        assert "Traceback" not in running.log


_ADDRESSES = itertools.count(2)


@pytest.fixture
def server(shared_server):
    """A server that many tests share; none of them rates, and each comes from elsewhere."""
    at = next(_ADDRESSES)
    shared_server.source = f"127.0.{at // 250}.{at % 250}"
    return shared_server


@pytest.fixture
def fresh(tmp_path):
    with Server(tmp_path) as running:
        yield running
        assert "Traceback" not in running.log


def access(server):
    study = Study(Journal.open(server.place))
    return Access(study, signing_key(server.place))


def logged(server, text):
    deadline = time.monotonic() + 10
    while text not in server.log:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.02)
    return True


def closed(server, **how):
    """Return what a connection is told that is not let in, and the code of its end."""
    with server.socket(**how) as opened:
        told = json.loads(opened.recv(timeout=10))
        with pytest.raises(ConnectionClosed) as caught:
            opened.recv(timeout=10)
    assert told["type"] == "closed"
    return told["reason"], caught.value.rcvd.code


# --- the road that is open -----------------------------------------------------------------------


def test_an_answer_is_stored_before_it_is_acknowledged(fresh):
    with fresh.rater() as ana:
        act = ana.act()
        saved = ana.say(act)
        stored = fresh.events("answer")
    assert (saved["type"], saved["op_id"], saved["saved"]) == ("saved", act["op_id"], 1)
    assert [event.op_id for event in stored] == [act["op_id"]]
    assert read(fresh.place)[["rater", "question", "value"]].to_numpy().tolist() == [
        ["Ana", "fluency", 3]
    ]


def test_an_act_that_comes_again_is_acknowledged_and_not_stored_again(fresh):
    with fresh.rater() as ana:
        act = ana.act()
        first, second = ana.say(act), ana.say(act)
    assert first == second
    assert len(fresh.events("answer")) == 1


def test_another_page_of_a_rater_goes_on_where_the_first_was(fresh):
    with fresh.rater() as ana:
        ana.say(ana.act())
    with fresh.rater() as again:
        assert (again.state["saved"], again.state["n"], again.state["position"]) == (1, 1, 1)


def test_pages_of_a_rater_are_told_of_each_other(fresh):
    with fresh.rater() as one:
        assert one.state["views"] == 1
        with fresh.rater() as two:
            assert (two.state["views"], one.hear()) == (2, {"type": "views", "views": 2})
        assert one.hear() == {"type": "views", "views": 1}


def test_no_system_stands_in_what_a_rater_gets(server):
    with server.rater() as ana:
        items = [each["item"] for each in ana.state["items"]]
        contents = ana.say({"type": "fetch", "items": items})
    assert set(contents["contents"]) == set(items)
    assert "canary" not in json.dumps([ana.state, contents])


def test_the_same_links_hold_when_a_server_starts_again(fresh):
    before = fresh.links
    fresh.stop()
    fresh.start()
    assert fresh.links == before


def test_a_server_that_is_asked_to_end_ends_well_and_keeps_what_was_said(fresh):
    with fresh.rater() as ana:
        act = ana.act()
        ana.say(act)
        assert fresh.stop() == 0
        with pytest.raises(ConnectionClosed):
            ana.hear()
    assert [event.op_id for event in fresh.events("answer")] == [act["op_id"]]


def test_the_key_is_for_its_owner_only(server):
    assert stat.S_IMODE(Path(f"{server.place}.key").stat().st_mode) == 0o600


def test_a_link_holds_no_name(server):
    path, token = SERVER["parts"](server.link())
    assert path == "/"
    assert re.fullmatch(r"[0-9a-f-]{36}\.[A-Za-z0-9_-]{43}", token)


def test_a_cookie_is_for_no_script_and_no_other_site(server):
    status, headers, _ = server.ask("POST", "/enter", {"token": server.token()})
    _, *attributes = headers["set-cookie"].split("; ")
    assert status == 200
    assert [each.lower() for each in attributes if not each.startswith("Max-Age")] == [
        "httponly", "path=/", "samesite=strict",
    ]  # fmt: skip


def test_a_cookie_of_a_site_with_tls_is_for_tls_only(tmp_path):
    with Server(tmp_path, more=("--public-url", "https://rate.example.org")) as running:
        assert running.link().startswith("https://rate.example.org/#")
        status, headers, _ = running.ask(
            "POST", "/enter", {"token": running.token()}, Origin="https://rate.example.org"
        )
        refused = running.ask("POST", "/enter", {"token": running.token()})[0]
    assert (status, refused) == (200, 403)
    assert headers["set-cookie"].startswith("__Host-rating-")
    assert "; Secure" in headers["set-cookie"]


@pytest.mark.parametrize("path", ["/", "/admin", "/static/page.js", "/health", "/no/such"])
def test_every_answer_bears_the_headers(server, path):
    _, headers, _ = server.ask("GET", path)
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)  # fmt: skip
    assert not re.search("unsafe|https?:|[*]", " ".join(policy))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/", "/admin"])
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(server, path):
    _, headers, body = server.ask("GET", path)
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script>|<style|style=|\son\w+=|https?:", body)


# --- links ---------------------------------------------------------------------------------------


def forged(server):
    """Return tokens that nobody gave."""
    token = server.token()
    op_id, _, signature = token.partition(".")
    other = server.token("Ben").partition(".")[0]
    cookie = server.enter(token)[0].partition("=")[2]
    flipped = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    return {
        "of another rater": f"{other}.{signature}",
        "changed": f"{op_id}.{flipped}",
        "of another key": Signer("0" * 64, salt="workbench").sign(op_id).decode(),
        "cookie": cookie,
    }


@pytest.mark.parametrize("name", ["of another rater", "changed", "of another key", "cookie"])
def test_a_forged_link_lets_nobody_in(server, name):
    status, headers, body = server.ask("POST", "/enter", {"token": forged(server)[name]})
    assert (status, json.loads(body)) == (403, {"reason": NOT_OURS})
    assert "set-cookie" not in headers
    assert logged(server, f"not let in, from {server.source}: {NOT_OURS}")


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "../../etc/passwd", "a\0b", "é.é", None, 7, ["a"], "a" * 5_000]
)
def test_what_is_no_link_lets_nobody_in(server, token):
    status, _, body = server.ask("POST", "/enter", {"token": token})
    assert (status, json.loads(body)) == (403, {"reason": NOT_COMPLETE})


def test_a_link_is_no_cookie(server):
    cookie, who = server.enter(server.token())
    name = cookie.partition("=")[0]
    assert closed(server, cookie=f"{name}={server.token()}", who=who) == (NOT_OURS, 4401)


def test_without_a_cookie_nobody_rates(server):
    assert closed(server, cookie="", who="x") == (NO_LINK, 4401)


def test_an_expired_link_lets_nobody_in_and_closes_what_is_open(fresh):
    doors = access(fresh)
    grant = doors.give("rater", "Ana", datetime.timedelta(seconds=3))
    # the link of a week stands already, and was given again
    assert grant.until > fresh.events("task")[0].at[:10] + "T23:59"
    assert doors.take_back("Ana") == 1
    grant = doors.give("rater", "Ana", datetime.timedelta(seconds=4))
    cookie, who = fresh.enter(doors.token(grant, "link"))
    with fresh.socket(cookie=cookie, who=who) as opened:
        ana = Rater(opened)
        assert ana.say(ana.act())["type"] == "saved"
        assert ana.hear() == {"type": "closed", "reason": EXPIRED}
    assert fresh.ask("POST", "/enter", {"token": doors.token(grant, "link")})[0] == 403
    assert closed(fresh, cookie=cookie, who=who) == (EXPIRED, 4401)
    assert len(fresh.events("answer")) == 1


def test_a_link_taken_back_in_another_process_closes_what_is_open(fresh):
    cookie, who = fresh.enter(fresh.token())
    with fresh.socket(cookie=cookie, who=who) as opened, fresh.rater("Ben") as ben:
        ana = Rater(opened)
        began = time.monotonic()
        assert access(fresh).take_back("Ana") == 1
        assert ana.hear() == {"type": "closed", "reason": TAKEN_BACK}
        assert time.monotonic() - began < 5
        assert ben.say(ben.act())["type"] == "saved"
    assert closed(fresh, cookie=cookie, who=who) == (TAKEN_BACK, 4401)
    status, _, body = fresh.ask("POST", "/enter", {"token": fresh.token()})
    assert (status, json.loads(body)) == (403, {"reason": TAKEN_BACK})
    assert [event.rater for event in fresh.events("answer")] == ["Ben"]


def test_a_page_does_not_become_that_of_another_rater(fresh):
    _, ana = fresh.enter(fresh.token("Ana"))
    cookie, _ = fresh.enter(fresh.token("Ben"))
    reason = "Another link was opened in this browser; reload this page."
    assert closed(fresh, cookie=cookie, who=ana) == (reason, 4401)


def test_guesses_are_slowed_down_and_right_links_never(fresh):
    answers = [fresh.ask("POST", "/enter", {"token": f"{at}.x"})[0] for at in range(15)]
    assert answers[:10] == [403] * 10
    assert 429 in answers[10:12]
    assert fresh.ask("POST", "/enter", {"token": fresh.token()})[0] == 200


# --- other sites ---------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://example.org", "null", "https://127.0.0.1", None])
def test_a_socket_of_another_site_is_refused(server, origin):
    cookie, who = server.enter(server.token())
    with (
        pytest.raises(InvalidStatus) as caught,
        server.socket(cookie=cookie, who=who, origin=origin),
    ):
        pass
    assert caught.value.response.status_code == 403
    assert logged(server, f"a page of {origin} was refused")


def test_a_socket_with_two_origins_is_refused(server):
    cookie, who = server.enter(server.token())
    asked = (
        f"GET /live?who={who} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n"
        f"Cookie: {cookie}\r\nOrigin: {server.base}\r\nOrigin: http://example.org\r\n\r\n"
    )
    assert re.match(b"HTTP/1.1 40[03] ", raw(server, asked))


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://example.org"}, {"Origin": ""}, {"Content_Type": "text/plain"}],
    ids=["another origin", "no origin", "a form's type"],
)
@pytest.mark.parametrize("path", ["/enter", "/admin/revoke"])
def test_a_form_of_another_site_is_refused(server, path, headers):
    cookie = admin(server)
    body = {"token": server.token(), "rater": "Ana"}
    assert server.ask("POST", path, body, Cookie=cookie, **headers)[0] == 403
    assert server.events("revoke") == []


# --- messages ------------------------------------------------------------------------------------

HALF = "\ud83d"


HOSTILE_ACTS = {
    "kind": {"kind": "grant"},
    "kind of no kind": {"kind": []},
    "op_id": {"op_id": "x"},
    "op_id of no kind": {"op_id": {"a": 1}},
    "item of nobody": {"item": "i999"},
    "item of no kind": {"item": ["x"]},
    "question": {"question": "__class__"},
    "question of no kind": {"question": {}},
    "target": {"target": "B"},
    "value": {"value": 6},
    "value of no kind": {"value": {"$gt": 0}},
    "boolean": {"value": True},
    "n": {"n": -1},
    "n that is huge": {"n": 10**30},
    "half a character": {"view_id": HALF},
    "a comment of half a character": {"kind": "comment", "text": HALF},
    "a comment that is long": {"kind": "comment", "text": "x" * 10_001},
    "an undo of nothing": {"kind": "undo", "undoes": 1},
    "a skip of half a character": {"kind": "skip", "reason": HALF},
    "a skip for no reason of ours": {"kind": "skip", "reason": "<b>"},
}


@pytest.mark.parametrize("name", HOSTILE_ACTS)
def test_an_act_that_cannot_be_right_is_refused(server, name):
    with server.rater() as ana:
        reply = ana.say(ana.act(**HOSTILE_ACTS[name]))
        assert reply["type"] == "refused"
        assert re.fullmatch(r"[^\n]+\.", reply["reason"])
        # the page goes on
        assert ana.say({"type": "fetch", "items": []}) == {"type": "contents", "contents": {}}
    assert logged(server, "refused to Ana")


def test_a_message_cannot_say_who_acts(fresh):
    with fresh.rater() as ana:
        saved = ana.say(ana.act(rater="Ben", session="x", at="1999", seq=1))
    assert saved["type"] == "saved"
    event = fresh.events("answer")[0]
    assert (event.rater, event.body.get("rater"), event.at > "2020") == ("Ana", None, True)


def test_an_item_of_another_rater_can_neither_be_read_nor_rated(server):
    with server.rater("Ben") as ben:
        others = [each["item"] for each in ben.state["items"]]
    with server.rater("Ana") as ana:
        assert not set(others) & {each["item"] for each in ana.state["items"]}
        assert ana.say({"type": "fetch", "items": others}) == {"type": "contents", "contents": {}}
        refused = ana.say(ana.act(item=others[0]))
    assert (refused["type"], refused["reason"]) == (
        "refused", f"an item must be one of yours, but '{others[0]}' is not; reload the page.",
    )  # fmt: skip


def test_the_name_of_anothers_act_cannot_be_taken(fresh):
    with fresh.rater("Ben") as ben, fresh.rater("Ana") as ana:
        act = ben.act()
        assert ben.say(act)["type"] == "saved"
        refused = ana.say(ana.act(op_id=act["op_id"]))
    assert refused["type"] == "refused"
    assert [event.rater for event in fresh.events("answer")] == ["Ben"]


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "null", "[]", "7", '"act"', "{'a': 1}", '{"type": NaN}', "[" * 200_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000, '{"type": "act", "n": 1' + "0" * 5_000 + "}", "\0",
    ],
    ids=["empty", "cut", "null", "list", "number", "text", "quotes", "nan", "deep list", "deep",
         "long number", "nul"],
)  # fmt: skip
def test_what_is_no_message_is_refused_and_the_page_goes_on(server, message):
    with server.rater() as ana:
        told = {"type": "refused", "op_id": "", "reason": "A message must be a JSON object."}
        assert ana.say(message) == told
        assert ana.say({"type": "fetch", "items": []})["type"] == "contents"
    assert logged(server, "no message of ours from Ana")


@pytest.mark.parametrize(
    "message",
    [
        {}, {"type": "grant"}, {"type": ["act"]}, {"type": {"a": 1}}, {"type": None},
        {"type": "hello", "view_id": 7}, {"type": "hello", "view_id": "x" * 101},
        {"type": "hello", "view_id": HALF}, {"type": "act"}, {"op_id": HALF},
    ],
    ids=str,
)  # fmt: skip
def test_a_message_of_an_unknown_kind_is_refused(server, message):
    with server.rater() as ana:
        assert ana.say(json.dumps(message))["type"] in {"refused", "failed"}
        assert ana.say({"type": "fetch", "items": [[], {}, None]})["contents"] == {}


def test_a_message_that_is_too_large_closes_the_connection(server):
    with server.rater() as ana:
        ana.socket.send(json.dumps(ana.act(kind="comment", text="x" * 1_100_000)))
        with pytest.raises(ConnectionClosed) as caught:
            ana.hear()
    assert caught.value.rcvd.code == 1009


def test_bytes_close_the_connection(server):
    with server.rater() as ana:
        ana.socket.send(b"\x00\xff")
        with pytest.raises(ConnectionClosed) as caught:
            ana.hear()
    assert caught.value.rcvd.code == 1003
    assert logged(server, "bytes came from Ana")


def test_half_a_character_in_the_bytes_closes_the_connection(tmp_path):
    with Server(tmp_path) as running, running.rater() as ana:
        ana.socket.send(b'{"type": "\xed\xa0\xbd"}', text=True)
        with pytest.raises(ConnectionClosed) as caught:
            ana.hear()
        assert caught.value.rcvd.code == 1007


def test_a_page_that_says_too_much_is_slowed_down_and_loses_nothing(fresh):
    with fresh.rater() as ana:
        acts = [ana.act() for _ in range(230)]
        began = time.monotonic()
        for act in acts:
            ana.socket.send(json.dumps(act))
        saved = [ana.hear()["op_id"] for _ in acts]
        spent = time.monotonic() - began
    assert saved == [act["op_id"] for act in acts]
    assert spent > 1.0
    assert len(fresh.events("answer")) == 230


def test_nobody_has_many_pages_open(fresh):
    cookie, who = fresh.enter(fresh.token())
    opened = [fresh.socket(cookie=cookie, who=who) for _ in range(20)]
    pages = [each.__enter__() for each in opened]
    time.sleep(0.2)
    told, _ = closed(fresh, cookie=cookie, who=who)
    assert told == "You have too many pages open; close some and reload this one."
    assert Rater(pages[0]).state["type"] == "state"
    for each in opened:
        each.__exit__(None, None, None)


# --- HTTP ----------------------------------------------------------------------------------------


def raw(server, asked):
    """Send bytes as they are, and return the beginning of what comes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as opened:
        opened.sendall(asked.encode("latin-1") if isinstance(asked, str) else asked)
        opened.settimeout(10)
        found = b""
        while b"\r\n\r\n" not in found:
            part = opened.recv(65_536)
            if not part:
                break
            found += part
        return found


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/../../../../etc/passwd", "/../ratings.sqlite",
        "/static/..%2f..%2fetc%2fpasswd", "/static/%2e%2e/%2e%2e/etc/passwd", "/%2e%2e%2fetc/passwd",
        "/static/....//....//etc/passwd", "/static/%252e%252e%252fetc%252fpasswd",
        "/static/..\\..\\etc\\passwd", "/static/page.js%00.html", "/static/page.js/",
        "//etc/passwd", "/static//etc/passwd", "/static/", "/static", "/static/rating.js/../rating.py",
        "/static/%c0%ae%c0%ae/etc/passwd", "/static/\xe9", "/ratings.sqlite", "/ratings.sqlite.key",
        "/static/PAGE.JS", "/STATIC/page.js", "/admin/", "/admin/../static/page.js", "/live",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_table_of_files(server, path):
    answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    status = int(answer.split()[1])
    assert status in {307, 400, 404}, answer
    assert not re.search(b"root:|import|SQLite", answer)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"])
@pytest.mark.parametrize("path", ["/", "/static/page.js", "/health", "/me", "/admin/state"])
def test_a_method_that_is_not_meant_is_refused(server, method, path):
    status, _, body = server.ask(method, path)
    assert (status, body) == (405, "This cannot be done here.")


@pytest.mark.parametrize("path", ["/enter", "/admin/revoke"])
def test_what_changes_something_cannot_be_asked_for_by_get(server, path):
    assert server.ask("GET", path)[0] == 405


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 9_000, b'"x"', b"NaN"], ids=str
)
def test_a_body_that_is_no_object_is_refused(server, body):
    assert server.ask("POST", "/enter", body)[::2] == (400, "The server could not understand this.")


def test_a_body_that_is_too_large_is_refused(server):
    assert server.ask("POST", "/enter", b'{"token": "' + b"x" * 50_000)[0] == 413


@pytest.mark.parametrize(
    "asked",
    [
        b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n\0",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n", b"\r\n\r\n\r\nGET\r\n\r\n",
        b"POST /enter HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /enter HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["tls", "two hosts", "long header", "no request", "negative", "two lengths"],
)  # fmt: skip
def test_what_is_no_http_gets_a_plain_answer_or_none(server, asked):
    answer = raw(server, asked)
    assert not re.search(b"Traceback|File", answer)
    assert server.ask("GET", "/health")[0] == 200


def test_an_unknown_page_says_so_and_nothing_else(server):
    status, headers, body = server.ask("GET", "/<script>alert(1)</script>".replace(" ", ""))
    assert (status, body) == (404, "There is no such page.")
    assert headers["content-type"] == "text/plain; charset=utf-8"


def test_a_name_in_the_log_cannot_command_a_terminal(server):
    raw(server, b"GET /%1b%5b31m%0a2026-01-01%20INFO%20x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert logged(server, "2026-01-01 INFO x of 127.0.0.1 (404)")
    assert "\x1b" not in server.log


def test_health_says_well_and_nothing_else(server):
    assert server.ask("GET", "/health")[::2] == (200, '{"status":"ok"}')


# --- whoever looks after it ------------------------------------------------------------------------


def admin(server):
    return server.enter(server.token("", "admin"))[0]


def overview(server, cookie):
    status, _, body = server.ask("GET", "/admin/state", Cookie=cookie)
    assert status == 200, body
    return json.loads(body)


def test_only_whoever_looks_after_it_sees_how_far_everybody_is(server):
    assert server.ask("GET", "/admin/state")[0] == 403
    rater = server.enter(server.token())[0]
    renamed = rater.replace("rating-", "admin-", 1)
    for cookie in (rater, renamed):
        assert server.ask("GET", "/admin/state", Cookie=cookie)[0] == 403
        assert server.ask("POST", "/admin/revoke", {"rater": "Ben"}, Cookie=cookie)[0] == 403
    assert [each["rater"] for each in overview(server, admin(server))["raters"]] == ["Ana", "Ben"]


def test_an_admin_link_does_not_rate(server):
    cookie, who = server.enter(server.token("", "admin"))
    as_rater = cookie.replace("admin-", "rating-", 1)
    assert closed(server, cookie=as_rater, who=who)[0] == "This link is for another page."


def test_the_overview_says_how_far_everybody_is_and_no_system(fresh):
    cookie = admin(fresh)
    with fresh.rater() as ana:
        ana.say(ana.act())
        told = overview(fresh, cookie)
    rows = {each["rater"]: each for each in told["raters"]}
    assert (rows["Ana"]["n_answered"], rows["Ana"]["n_items"], rows["Ana"]["pages"]) == (1, 3, 1)
    assert (rows["Ana"]["idle_min"], rows["Ben"]["idle_min"]) == (0, None)
    assert (told["n_answered"], told["n_items"], told["n_acts"]) == (1, 6, 1)
    assert "canary" not in json.dumps(told)


def test_agreement_is_told_once_there_is_some(tmp_path):
    with Server(tmp_path, overlap=2) as running:
        for name in ("Ana", "Ben"):
            with running.rater(name) as rater:
                for each in rater.state["items"]:
                    rater.say(rater.act(item=each["item"], value=1 + int(each["item"][-1]) % 5))
        cookie = admin(running)
        deadline = time.monotonic() + 60
        while not (told := overview(running, cookie)["agreement"])["rows"]:
            assert time.monotonic() < deadline, told
            time.sleep(0.2)
    figures = {row["coefficient"]: row["value"] for row in told["rows"]}
    assert figures == {"percent": 1.0, "alpha": 1.0}


def test_links_are_taken_back_from_the_overview(fresh):
    cookie = admin(fresh)
    with fresh.rater() as ana:
        assert fresh.ask("POST", "/admin/revoke", {"rater": "Ana"}, Cookie=cookie)[0] == 200
        assert ana.hear() == {"type": "closed", "reason": TAKEN_BACK}
    rows = {each["rater"]: each["until"] for each in overview(fresh, cookie)["raters"]}
    assert [name for name, until in rows.items() if until] == ["Ben"]


@pytest.mark.parametrize("rater", ["", None, 7, ["Ana"]])
def test_nobody_in_particular_cannot_be_revoked(server, rater):
    cookie = admin(server)
    assert server.ask("POST", "/admin/revoke", {"rater": rater}, Cookie=cookie)[0] == 400


# --- adjudication ----------------------------------------------------------------------------------


def test_an_adjudicator_decides_where_raters_disagree(tmp_path):
    with Server(tmp_path, overlap=2, more=("--adjudicator", "Eva")) as running:
        for name, value in (("Ana", 1), ("Ben", 5)):
            with running.rater(name) as rater:
                item = running.events("plan")[0].body["items"][0]
                assert rater.say(rater.act(item=item, value=value))["type"] == "saved"
        with running.rater("Eva", "adjudicator") as eva:
            assert [each["item"] for each in eva.state["items"]] == [item]
            others = eva.state["contents"][item]["others"]
            assert sorted(each["value"] for each in others) == [1, 5]
            assert not {"Ana", "Ben"} & {each["who"] for each in others}
            assert eva.say(eva.act(item=item, value=3))["type"] == "saved"
        with running.rater("Eva", "adjudicator") as again:
            assert [each["status"] for each in again.state["items"]] == ["answered"]
        assert [event.rater for event in running.events("adjudicate")] == ["Eva"]


def test_an_adjudicator_of_nothing_finds_nothing_to_do(tmp_path):
    running = Server(tmp_path, more=("--adjudicator", "Eva"))
    with running, running.rater("Eva", "adjudicator") as eva:
        assert (eva.state["type"], eva.state["items"]) == ("state", [])


# --- the store -------------------------------------------------------------------------------------


def test_a_locked_store_fails_an_act_for_now_and_the_server_lives(fresh):
    with fresh.rater() as ana:
        with closing(sqlite3.connect(fresh.place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            act = ana.act()
            ana.socket.send(json.dumps(act))
            began = time.monotonic()
            assert fresh.ask("GET", "/static/page.js")[0] == 200
            assert time.monotonic() - began < 2
            failed = ana.hear()
            other.execute("ROLLBACK")
        assert (failed["type"], failed["op_id"]) == ("failed", act["op_id"])
        assert fresh.place not in failed["reason"]
        assert ana.say(act)["type"] == "saved"
    assert [event.op_id for event in fresh.events("answer")] == [act["op_id"]]


def test_a_name_that_is_hostile_comes_back_as_it_is(tmp_path):
    name = "<script>alert(1)</script>\"'&{{7*7}}"
    with Server(tmp_path, raters=(name, "Ben")) as running:
        with running.rater(name) as rater:
            assert rater.state["rater"] == name
            assert rater.say(rater.act())["type"] == "saved"
        assert overview(running, admin(running))["raters"][0]["rater"] == name


def test_the_connection_is_kept_for_several_questions(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/static/page.css")
        answer = connection.getresponse()
        etag = answer.getheader("etag")
        assert answer.read()
    connection.request("GET", "/static/page.css", headers={"If-None-Match": etag})
    assert connection.getresponse().status == 304
    connection.close()
