"""The panel of a watch: what it says and draws, and that it moves; browsers see that it moves there."""

import json
import threading

import pandas as pd
import pytest

from workbench.errors import BadValue
from workbench.trajectories import Alert, follow
from workbench.trajectories.analysis import over_time
from workbench.widgets.dashboard import N_WINDOWS, Dashboard

SECOND = 10**9
MINUTE = 60 * SECOND


def span(number, *, start=None, seconds=1.0, status=1, name="execute_tool f", trace=1):
    start = number * SECOND if start is None else start
    return {
        "traceId": f"{trace:032x}", "spanId": f"{number:016x}", "name": name,
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + round(seconds * SECOND)),
        "status": {"code": status},
        "attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}],
    }  # fmt: skip


def append(path, *spans):
    with path.open("a") as stream:
        for each in spans:
            request = {"resourceSpans": [{"scopeSpans": [{"spans": [each]}]}]}
            stream.write(json.dumps(request) + "\n")


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "traces"
    folder.mkdir()
    return folder / "spans.jsonl"


@pytest.fixture
def watch(file):
    return follow(file.parent)


def title(panel):
    return panel._figure.figure["layout"]["title"]["text"].replace("<br>", " ")


def test_the_panel_says_what_was_read_and_draws_the_last_windows(watch, file):
    append(file, *[span(number, status=2 if number == 1 else 1) for number in range(1, 11)])
    panel = watch.dashboard(every_s=0)
    assert isinstance(panel, Dashboard)
    assert repr(panel) == (
        "Dashboard: 1 file, 1 run, 10 steps in traces\n"
        "Figure: Errors: 10.0 [1.8, 40.4] %, in a single window"
    )
    pd.testing.assert_frame_equal(panel.windows, over_time(watch.runs, every="1min"))
    assert not watch.is_running
    assert panel._figure.layout.visibility == "visible"


def test_the_panel_moves_when_a_poll_finds_something(watch, file):
    append(file, span(1), span(2))
    panel = watch.dashboard(every_s=0)
    before = title(panel)
    append(file, span(3, start=5 * MINUTE, status=2))
    watch.poll()
    assert "100.0" in title(panel) != before
    assert len(panel.windows) == 2
    assert panel._told.value == '<p role="status">1 file, 1 run, 3 steps in traces</p>'


def test_the_panel_moves_by_itself_while_a_thread_polls(watch, file):
    panel = watch.dashboard(every_s=0.005)
    assert watch.is_running
    moved = threading.Event()
    panel._table.observe(lambda _: moved.set(), names="value")
    append(file, span(1))
    assert moved.wait(10)
    watch.stop()
    assert "1 step " in repr(panel)


def test_without_a_kernel_the_panel_shows_the_same_in_words_and_a_table(watch, file):
    append(file, *[span(number, seconds=number) for number in range(1, 4)])
    panel = watch.dashboard(every_s=0)
    shown = panel._repr_html_()
    assert shown == panel._told.value + panel._table.value == panel._repr_html_()
    cells = ["1970-01-01 00:00:00", "3", "0.0", "2.00", "2.90", "21", "–", "–"]
    row = "".join(f'<td style="text-align:right;white-space:nowrap">{cell}</td>' for cell in cells)
    assert f"<tr>{row}</tr>" in shown
    assert "<figcaption>The last 1 of 1 windows of 1min</figcaption>" in shown
    bundle = panel._repr_mimebundle_()
    assert (bundle["text/plain"], bundle["text/html"]) == (repr(panel), shown)


def test_before_a_step_has_come_the_panel_says_what_it_waits_for(watch, file):
    panel = watch.dashboard(every_s=0)
    told = (
        "a dashboard needs steps whose times are recorded, but none has come yet; it is drawn when "
        "one does."
    )
    assert panel.refusal == told
    assert repr(panel) == f"Dashboard: 0 files, 0 runs, 0 steps in traces\n{told}"
    assert panel._table.value == ""
    assert panel._figure.layout.visibility == "hidden"
    append(file, span(1))
    watch.poll()
    assert panel.refusal == ""
    assert panel._figure.layout.visibility == "visible"


def test_alerts_that_have_started_stand_in_the_panel(file):
    watch = follow(file.parent, alerts=[Alert("calls", below=1, name="<b>silence")])
    panel = watch.dashboard(every_s=0)
    assert '<p role="alert">Alert: &lt;b&gt;silence</p>' in panel._repr_html_()


def test_only_the_last_windows_are_drawn_though_runs_began_long_before(watch, file):
    append(file, *[span(number, start=number * MINUTE) for number in range(1, 100)])
    panel = watch.dashboard(every_s=0)
    assert len(panel.windows) == N_WINDOWS
    assert panel.windows["window"].iloc[-1] == pd.Timestamp("1970-01-01T01:39", tz="UTC")
    every = over_time(watch.runs, every="1min")
    pd.testing.assert_frame_equal(panel.windows, every.tail(N_WINDOWS).reset_index(drop=True))
    assert "The last 10 of 60 windows" in panel._table.value


def test_a_panel_that_was_closed_moves_no_more(watch, file):
    append(file, span(1))
    panel = watch.dashboard(every_s=0)
    panel.close()
    append(file, span(2))
    watch.poll()
    assert panel.windows["n"].tolist() == [1]


def test_a_window_that_is_no_length_is_refused(watch):
    with pytest.raises(BadValue, match="every must be a length of time above 0, but 'soon' came"):
        watch.dashboard(every="soon")


def test_a_hostile_name_of_a_folder_is_harmless(tmp_path, storable):
    folder = tmp_path / "".join(mark for mark in storable if mark not in "/\x00")[:40]
    folder.mkdir(exist_ok=True)
    append(folder / "spans.jsonl", span(1))
    panel = follow(folder).dashboard(every_s=0)
    assert "<script" not in panel._repr_html_()
    assert not any(mark in repr(panel) for mark in "\x1b\u202e\x9b\x07")
