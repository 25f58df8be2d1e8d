"""Alerts: the figures of a window, when one starts and ends, and where it is sent."""

import json
import math
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadKind, BadValue, UnknownName
from workbench.trajectories import Alert, Run, Runs, Step, Usage, Webhook, follow
from workbench.trajectories.live.alerts import FIGURES, Alerts, Window

SECOND = 10**9
NOW = 1_000_000.0


def step(at, kind="execute_tool", *, took=1.0, tool="search", **more):
    """Return a step that ended so many seconds before NOW."""
    end = round((NOW - at) * SECOND)
    if kind != "execute_tool":
        tool = None
    return Step(kind, "", tool=tool, start_ns=end - round(took * SECOND), end_ns=end, **more)


def runs(*runs_of_steps):
    return Runs.of(
        [
            Run("mine", name=f"r{number}", steps=list(steps))
            for number, steps in enumerate(runs_of_steps)
        ]
    )


def window(*runs_of_steps, seconds=60):
    until = round(NOW * SECOND)
    return Window(runs(*runs_of_steps).table, until - seconds * SECOND, until)


# Figures.


def test_an_error_rate_is_of_answers_and_calls_and_has_wilsons_interval():
    steps = [step(1, status="error")] + [step(2, status="ok") for _ in range(9)]
    figure = window([*steps, step(3, "wb.input"), step(3, "invoke_agent", status="error")])
    found = figure.figure("error_rate")
    assert (found.value, found.n) == (0.1, 10)
    # Newcombe (1998), method 3, gives these for 1 of 10
    assert [round(end, 4) for end in (found.low, found.high)] == [0.0179, 0.4042]


def test_a_latency_is_a_quantile_with_its_distribution_free_interval():
    figure = window([step(1, took=float(took)) for took in range(1, 101)])
    found = figure.figure("latency_p50_s")
    assert found.value == np.quantile(range(1, 101), 0.5)
    assert (found.n, found.low, found.high) == (100, 40.0, 61.0)
    few = window([step(1, took=2.0)]).figure("latency_p95_s")
    assert (few.value, few.n, math.isnan(few.high)) == (2.0, 1, True)


def test_sums_are_over_leaves_in_the_window_even_if_the_wrapper_alone_is_in_it():
    wrapper = step(1, "invoke_agent", took=100, usage=Usage(input_tokens=30, cost_usd=3.0))
    old = step(90, "chat", parent=0, usage=Usage(input_tokens=10, output_tokens=1, cost_usd=1.0))
    new = step(2, "chat", parent=0, usage=Usage(input_tokens=20, output_tokens=2, cost_usd=2.0))
    figure = window([wrapper, old, new])
    values = {name: figure.figure(name).value for name in ("cost_usd", "input_tokens", "tokens")}
    assert values == {"cost_usd": 2.0, "input_tokens": 20.0, "tokens": 22.0}
    assert window([wrapper, old]).figure("cost_usd") == pytest.approx(
        (math.nan, 0, math.nan, math.nan), nan_ok=True
    )


def test_counts_are_of_tools_of_one_tool_and_of_runs():
    figure = window(
        [step(1), step(1, tool="buy"), step(1, "chat"), step(70)], [step(2)], [step(99)]
    )
    found = {
        name: figure.figure(name).value for name in ("calls", "steps", "runs", "steps_per_run")
    }
    assert found == {"calls": 3.0, "steps": 4.0, "runs": 2.0, "steps_per_run": 2.5}
    assert figure.figure("calls", "buy").value == 1.0
    assert figure.figure("calls", "nothing").value == 0.0


def test_an_answer_that_wraps_another_is_not_counted_twice():
    figure = window([step(1, "chat"), step(2, "chat", parent=0)])
    assert figure.figure("steps").value == 1.0


@pytest.mark.parametrize("name", FIGURES)
def test_of_an_empty_window_only_counts_are_known(name):
    for found in (window().figure(name), window([step(99)]).figure(name)):
        assert found.n == 0
        known = name in {"calls", "steps", "runs"}
        assert found.value == 0 if known else math.isnan(found.value)


def test_a_step_is_in_the_window_in_which_it_ended_and_one_without_times_in_none():
    open_step = step(1)
    open_step.end_ns = None
    timeless = Step("execute_tool", "", tool="search")
    edges = [step(0), step(60), step(-1)]
    assert window([open_step, timeless, *edges]).figure("calls").n == 2


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 99), st.booleans(), st.booleans()), max_size=30))
def test_rates_are_those_of_a_plain_count(steps):
    made = [
        step(at, "chat" if chat else "execute_tool", status="error" if failed else "ok")
        for at, failed, chat in steps
    ]
    found = window(made).figure("error_rate")
    inside = [failed for at, failed, _ in steps if at < 60]
    assert found.n == len(inside)
    assert found.value == sum(inside) / len(inside) if inside else math.isnan(found.value)


# When one starts, and when it ends.


def rings(alert, *values, n=100):
    """Return which of some error rates start or end an alert, judged one after another."""
    alerts, found = Alerts([alert]), []
    for number, value in enumerate(values):
        failed = round(value * n)
        made = [step(1, status="error" if at < failed else "ok") for at in range(n)]
        found += [
            (number, alarm.state) for alarm in alerts.judge(lambda _, made=made: runs(made).table, NOW)
        ]  # fmt: skip
    return found


def test_an_alert_rings_once_when_it_starts_and_once_when_it_has_come_back_by_the_margin():
    found = rings(Alert("error_rate", above=0.2), 0.1, 0.2, 0.21, 0.5, 0.19, 0.21, 0.18, 0.19, 0.3)
    assert found == [(2, "started"), (6, "ended"), (8, "started")]
    below = rings(Alert("error_rate", below=0.2, margin=0.5), 0.2, 0.1, 0.25, 0.31, 0.25)
    assert below == [(1, "started"), (3, "ended")]


def test_too_few_start_nothing_leave_what_started_and_none_end_it():
    alerts = Alerts([Alert("error_rate", above=0.2, at_least=3)])

    def judged(n):
        made = [step(1, status="error") for _ in range(n)]
        return [
            (each.state, each.value, each.n)
            for each in alerts.judge(lambda _: runs(made).table, NOW)
        ]

    assert [judged(n) for n in (2, 3, 2, 0, 2)] == [
        [], [("started", 1.0, 3)], [], [("ended", None, 0)], [],
    ]  # fmt: skip
    assert alerts.started == []


def test_a_rate_needs_twenty_a_sum_one_and_a_count_none():
    least = {name: Alert(name, above=1).least for name in FIGURES}
    assert [name for name, n in least.items() if n == 0] == ["steps", "runs", "calls"]
    assert [name for name, n in least.items() if n == 1] == [
        "cost_usd", "input_tokens", "output_tokens", "tokens",
    ]  # fmt: skip
    assert {n for n in least.values()} == {0, 1, 20}
    assert rings(Alert("error_rate", above=0.2), 1.0, n=19) == []
    assert rings(Alert("error_rate", above=0.2), 1.0, n=20) == [(0, "started")]


def test_each_alert_has_its_own_window():
    alerts = Alerts(
        [
            Alert("calls", above=1, window="1m"),
            Alert("calls", above=1, window="1h"),
            Alert("calls", below=9),
        ]
    )
    asked = []
    table = runs([step(100), step(200)]).table
    alarms = alerts.judge(lambda since: asked.append(since) or table, NOW)
    assert [alarm.window for alarm in alarms] == ["1h", "5m"]
    assert asked == [round((NOW - 3600) * SECOND)]


def test_an_alarm_says_figures_and_names():
    alerts = Alerts([Alert("error_rate", above=0.2, tool="search", name="search fails")])
    made = [step(1, status="error", error_message="secret") for _ in range(20)]
    (alarm,) = alerts.judge(lambda _: runs(made).table, NOW)
    assert str(alarm) == (
        "search fails started: error_rate of search is 1.000 [0.839, 1.000] over 5m (n = 20; alert "
        "when above 0.2)"
    )
    record = alarm.record
    assert record.pop("low") == pytest.approx(0.8389, abs=1e-4)
    assert record == {
        "id": "search fails started 1970-01-12T13:46:40.000+00:00", "alert": "search fails",
        "figure": "error_rate", "tool": "search", "state": "started", "value": 1.0, "n": 20,
        "high": 1.0, "above": 0.2, "window": "5m", "time": "1970-01-12T13:46:40.000+00:00",
    }  # fmt: skip
    (ended,) = alerts.judge(lambda _: runs().table, NOW)
    assert str(ended).startswith("search fails ended: error_rate of search can no longer be told")


def test_a_hostile_name_is_made_inert(storable):
    alert = Alert("calls", above=1, tool=storable, name=storable)
    alerts = Alerts([alert])
    (alarm,) = alerts.judge(lambda _: runs([step(1, tool=storable)] * 2).table, NOW)
    for text in (repr(alert), str(alarm), alarm.alert, alarm.tool):
        assert not any(mark in text for mark in "\x1b\x00\x07\n\u202e\x9b")
        assert len(text) < 400
    json.dumps(alarm.record).encode()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "an alert must have one finite threshold, but above=None and below=None came; give one of the two."),
        ({"above": 1, "below": 2}, "an alert must have one finite threshold, but above=1 and below=2 came; give one of the two."),
        ({"above": math.nan}, "an alert must have one finite threshold, but above=nan and below=None came; give one of the two."),
        ({"above": 1, "window": "soon"}, "window must be a whole number above 0 with s, m, h or d, but 'soon' came; use '5m'."),
        ({"above": 1, "window": "0m"}, "window must be a whole number above 0 with s, m, h or d, but '0m' came; use '5m'."),
        ({"above": 1, "margin": 1}, "margin must be from 0 to below 1 and at_least not negative, but 1 and None came; use 0.1 and 20."),
        ({"above": 1, "at_least": -1}, "margin must be from 0 to below 1 and at_least not negative, but 0.1 and -1 came; use 0.1 and 20."),
        ({"above": 1, "tool": "f"}, "a tool can be chosen for error rates, latencies, steps and calls, but not for cost_usd; leave it out."),
    ],
)  # fmt: skip
def test_an_alert_that_cannot_be_right_is_refused(options, told):
    with pytest.raises(BadValue) as caught:
        Alert("cost_usd", **options)
    assert str(caught.value) == told


def test_what_is_no_alert_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'error_rate'"):
        Alert("eror_rate", above=1)
    with pytest.raises(BadKind, match="alerts must be Alerts, but str came"):
        Alerts(["error_rate"])
    with pytest.raises(BadValue, match="'calls above 1 over 5m' came twice"):
        Alerts([Alert("calls", above=1), Alert("calls", above=1)])


# Where alarms go.


class Hook(HTTPServer):
    """A server that answers what it is told to, and remembers what it was sent."""

    def __init__(self, *answers, wait_s=0.0):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers, self.wait_s, self.got = list(answers), wait_s, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook?key=secret"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        time.sleep(self.server.wait_s)
        code = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(code)
        if code in (301, 302, 307, 308):
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


@contextmanager
def serving(*answers, **options):
    server = Hook(*answers, **options)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ring(tmp_path, **options):
    """Let an alert start, wait until it is sent, and return the findings of the next poll."""
    folder = tmp_path / "logs"
    folder.mkdir(exist_ok=True)
    watch = follow(folder, alerts=[Alert("calls", below=1, name="silence")], **options)
    (alarm,) = watch.poll(now=NOW).alarms
    assert alarm.state == "started"
    watch.stop()
    return watch.poll(now=NOW).findings["evidence"].tolist()


def hook(server, **options):
    return Webhook(server.url, **{"timeout_s": 2.0, "retries": 2, "wait_s": 0.01} | options)


SENT = {
    "id": "silence started 1970-01-12T13:46:40.000+00:00", "alert": "silence", "figure": "calls",
    "tool": "", "state": "started", "value": 0.0, "n": 0, "low": None, "high": None, "below": 1.0,
    "window": "5m", "time": "1970-01-12T13:46:40.000+00:00",
}  # fmt: skip


def test_an_alarm_goes_to_the_callback_the_log_and_the_webhook(tmp_path):
    heard, log = [], tmp_path / "alerts.jsonl"
    with serving() as server:
        assert ring(tmp_path, callback=heard.append, log=log, webhook=server.url) == []
        assert server.got == [("/hook?key=secret", "application/json", SENT)]
    assert [each.alert for each in heard] == ["silence"]
    assert log.read_text() == json.dumps(SENT) + "\n"


def test_a_log_is_appended_to(tmp_path):
    log = tmp_path / "alerts.jsonl"
    log.write_text("before\n")
    ring(tmp_path, log=log)
    ring(tmp_path, log=log)
    assert len(log.read_text().splitlines()) == 3


def test_an_answer_that_may_pass_is_tried_again_with_the_same_id(tmp_path):
    with serving(503, 429, 200) as server:
        assert ring(tmp_path, webhook=hook(server)) == []
        assert [sent["id"] for _, _, sent in server.got] == [SENT["id"]] * 3


def test_an_address_that_never_takes_it_becomes_a_finding_without_its_secret(tmp_path):
    with serving(500, 500, 500) as server:
        (told,) = ring(tmp_path, webhook=hook(server))
        assert len(server.got) == 3
        assert (
            told
            == f"http://127.0.0.1:{server.server_port} did not take {SENT['id']}: it answered 500"
        )


def test_a_refusal_is_not_tried_again(tmp_path):
    with serving(403) as server:
        (told,) = ring(tmp_path, webhook=hook(server))
        assert len(server.got) == 1
        assert told.endswith("it answered 403")


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_no_redirection_is_followed(tmp_path, code):
    with serving(code) as server:
        (told,) = ring(tmp_path, webhook=hook(server))
        assert [path for path, _, _ in server.got] == ["/hook?key=secret"]
        assert told.endswith(f"it answered {code}")


def test_no_proxy_is_asked(tmp_path, monkeypatch):
    with serving() as proxy, serving() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
        ring(tmp_path, webhook=hook(server))
        assert (len(proxy.got), len(server.got)) == (0, 1)


def test_a_slow_address_holds_up_no_poll_and_times_out(tmp_path):
    # what is imported at the first poll takes its time on a busy machine
    follow(tmp_path, alerts=[Alert("calls", below=1)]).poll(now=NOW)
    with serving(wait_s=3) as server:
        watch = follow(
            tmp_path, alerts=[Alert("calls", below=1)],
            webhook=hook(server, timeout_s=1.5, retries=0),
        )  # fmt: skip
        before = time.monotonic()
        watch.poll(now=NOW)
        watch.poll(now=NOW)
        assert time.monotonic() - before < 1.4
        watch.stop()
        (told,) = watch.poll(now=NOW).findings["evidence"]
        assert told.endswith(": TimeoutError")


def test_a_port_on_which_nobody_listens_becomes_a_finding(tmp_path):
    with serving() as server:
        url = server.url
    (told,) = ring(tmp_path, webhook=Webhook(url, retries=0))
    assert told.endswith("ConnectionRefusedError")


def test_alarms_that_cannot_be_sent_in_time_are_told_when_the_watch_stops(tmp_path):
    with serving(wait_s=0.5) as server:
        watch = follow(
            tmp_path, alerts=[Alert("calls", below=1)], webhook=hook(server, timeout_s=5)
        )
        watch.poll(now=NOW)
        watch.stop(within_s=0.05)
        assert watch.poll(now=NOW).findings["evidence"].tolist() == [
            "some alerts were not sent within 0.05 s"
        ]


def test_a_callback_that_raises_and_a_log_that_cannot_be_written_become_findings(tmp_path):
    (tmp_path / "log").mkdir()
    told = ring(tmp_path, callback=lambda _: {}["x"], log=tmp_path / "log")
    assert told == [
        "the callback raised KeyError",
        "the log of alerts cannot be written (Is a directory)",
    ]


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/x", "file:///etc/passwd", "example.org", "http://", "http://a b", "javascript:1",
     "http://x\r\nHost: y", "http://x:99999/", "http://[::1", "", None],
)  # fmt: skip
def test_only_http_and_https_are_addresses(tmp_path, url):
    with pytest.raises(BadValue) as caught:
        Webhook(url)
    assert str(caught.value) == (
        "a webhook's URL must begin with http:// or https:// and name a host, but another came; it "
        "is not shown, since it may hold a secret."
    )


def test_a_webhook_shows_no_secret_and_refuses_odd_options():
    secret = Webhook("https://user:pass@hooks.example.org:8443/services/T0/secret?key=1")
    assert repr(secret) == "Webhook to https://hooks.example.org:8443"
    with pytest.raises(BadValue, match="timeout_s must be above 0"):
        Webhook("https://example.org", timeout_s=0)


def test_the_clock_of_an_update_is_the_one_that_was_given(tmp_path):
    watch = follow(tmp_path, alerts=[Alert("calls", above=0, window="1m")])
    end = int(NOW * SECOND)
    (tmp_path / "spans.jsonl").write_text(
        json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "a" * 32, "spanId": "b" * 16, "name": "execute_tool f",
            "startTimeUnixNano": str(end), "endTimeUnixNano": str(end),
        }]}]}]})
    )  # fmt: skip
    states = [
        [each.state for each in watch.poll(now=NOW + late).alarms] for late in (-1, 0, 30, 61, 90)
    ]
    assert states == [[], ["started"], [], ["ended"], []]
    assert watch.poll(now=5.0).now == 5.0
    assert "calls above 0" not in repr(watch)
    watch.poll(now=NOW)
    assert repr(watch).endswith("polled by hand; started: calls above 0 over 1m")
