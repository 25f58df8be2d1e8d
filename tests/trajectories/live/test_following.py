"""Files that grow: every poll reads what is new, and in the end all is as if read at once."""

import asyncio
import gzip
import json
import os
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadValue, Unreadable
from workbench.trajectories import Alert, follow, read
from workbench.trajectories.live.tails import Held
from workbench.trajectories.readers import otlp
from workbench.trajectories.sources.documents import Limits

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = Path(__file__).parents[1] / "fixtures"
SECOND = 10**9


def span(trace, number, *, parent=0, name="chat m", text="é", start=None, **more):
    begins = number * SECOND if start is None else start
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": name.split()[0]}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}},
        {"key": "note", "value": {"stringValue": text}},
    ]
    return {
        "traceId": f"{trace:032x}", "spanId": f"{number:016x}", "name": name,
        "parentSpanId": f"{parent:016x}" if parent else "",
        "startTimeUnixNano": str(begins), "endTimeUnixNano": str(begins + SECOND),
        "attributes": attributes,
    } | more  # fmt: skip


def line(*spans):
    request = {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}
    return json.dumps(request, ensure_ascii=False).encode() + b"\n"


def append(path, data):
    with path.open("ab") as stream:
        stream.write(data)


def assert_as_read_at_once(watch, path):
    """Compare every table, every finding and every run."""
    got, want = watch.runs, read(path)
    pd.testing.assert_frame_equal(got.frame, want.frame)
    assert got.table.equals(want.table)
    pd.testing.assert_frame_equal(got.findings, want.findings)
    pd.testing.assert_frame_equal(got.annotations, want.annotations)
    assert list(got) == list(want)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "spans.jsonl"


@pytest.fixture
def watch(tmp_path, file):
    return follow(tmp_path)


# As if read at once.

REAL = [
    *sorted(FIXTURES.glob("*/*.jsonl")),
    *sorted(FIXTURES.glob("*/*.json")),
    *sorted(FIXTURES.glob("*/*.eval")),
]


def grown(folder, name, data, cuts):
    """Let a file grow piece by piece, poll after each, and return the watch and the updates."""
    path = folder / name
    watch, updates, start = follow(path), [], 0
    for end in [*sorted(cuts), len(data)]:
        append(path, data[start:end])
        updates.append(watch.poll())
        start = end
    updates.append(watch.poll(last=True))
    return watch, updates


@pytest.mark.parametrize("path", REAL, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_real_file_cut_anywhere_is_in_the_end_as_if_read_at_once(path, tmp_path_factory):
    data = path.read_bytes()

    @settings(deadline=None, derandomize=True, max_examples=4)
    @given(st.lists(st.integers(0, len(data)), max_size=6))
    def grows(cuts):
        folder = tmp_path_factory.mktemp("grown")
        watch, updates = grown(folder, path.name, data, cuts)
        assert_as_read_at_once(watch, folder / path.name)
        seen = [run_id for update in updates for run_id in update.new]
        gone = [run_id for update in updates for run_id in update.gone]
        assert len(seen) - len(gone) == len(watch.runs)

    grows()


def claims(n_bytes):
    with gzip.open(ROOT / "datasets" / "claims-agent" / "runs.jsonl.gz") as stream:
        return stream.read(n_bytes)


def test_lines_of_real_spans_cut_anywhere_are_in_the_end_as_if_read_at_once(tmp_path_factory):
    data = claims(150_000)

    @settings(deadline=None, derandomize=True, max_examples=12)
    @given(st.lists(st.integers(0, len(data)), max_size=8))
    def grows(cuts):
        folder = tmp_path_factory.mktemp("grown")
        watch, updates = grown(folder, "runs.jsonl", data, cuts)
        assert_as_read_at_once(watch, folder / "runs.jsonl")
        steps = pd.concat([update.steps[["run_id", "source"]] for update in updates])
        assert len(steps) == len(watch.runs.steps)

    grows()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 9)), max_size=12),
    st.lists(st.integers(0, 10_000), max_size=6),
    st.integers(1, 3),
)
def test_spans_of_traces_in_any_order_are_merged_over_polls(
    tmp_path_factory, spans, cuts, per_line
):
    made = [span(trace, number + 1, parent=parent) for trace, number, parent in spans]
    data = b"".join(line(*made[at : at + per_line]) for at in range(0, len(made), per_line))
    folder = tmp_path_factory.mktemp("grown")
    watch, _ = grown(folder, "spans.jsonl", data, [min(cut, len(data)) for cut in cuts])
    if data:
        assert_as_read_at_once(watch, folder / "spans.jsonl")


def test_files_of_many_formats_in_a_folder_are_as_if_read_at_once(tmp_path):
    watch = follow(tmp_path)
    for number, path in enumerate(REAL):
        (tmp_path / f"{number:03}-{path.name}").write_bytes(path.read_bytes())
        if number % 5 == 0:
            watch.poll()
    append(tmp_path / "spans.jsonl", line(span(1, 1)) + line(span(1, 2)))
    watch.poll(last=True)
    assert_as_read_at_once(watch, tmp_path)


def test_runs_without_a_name_have_the_ids_that_the_digest_of_the_grown_file_gives(watch, file):
    nameless = [span(1, number) for number in range(1, 4)]
    for each in nameless:
        del each["traceId"]
        append(file, line(each))
        watch.poll()
        assert_as_read_at_once(watch, file.parent)
    assert len(watch.runs[0].steps) == 3


# What is new.


def test_an_update_tells_new_runs_changed_runs_and_new_steps(watch, file):
    append(file, line(span(1, 1)))
    first = watch.poll()
    assert (first.new, first.changed, first.gone) == ((f"{1:032x}",), (), ())
    assert first.steps[["step", "kind"]].to_numpy().tolist() == [[0, "chat"]]
    append(file, line(span(1, 3), span(2, 1)) + line(span(1, 2)))
    second = watch.poll()
    assert (second.new, second.changed) == ((f"{2:032x}",), (f"{1:032x}",))
    assert second.steps["step"].tolist() == [1, 2, 0]
    assert repr(second) == "Update: 1 new run, 1 changed run, 3 new steps"
    assert repr(watch.poll()) == "Update: nothing new"
    assert not watch.poll()


def test_a_span_that_comes_late_takes_its_place_among_the_steps(watch, file):
    append(file, line(span(1, 1)) + line(span(1, 3)))
    watch.poll()
    append(file, line(span(1, 2, name="execute_tool f")))
    assert watch.poll().steps[["step", "kind"]].to_numpy().tolist() == [[1, "execute_tool"]]
    assert watch.runs.steps["kind"].tolist() == ["chat", "execute_tool", "chat"]


def test_what_the_exporter_of_opentelemetry_writes_is_followed(watch, file):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    from workbench.trajectories.live.exporting import FileExporter

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(FileExporter(file)))
    tracer = provider.get_tracer("mine")
    with tracer.start_as_current_span("invoke_agent claims"):
        for number in range(3):
            with tracer.start_as_current_span("execute_tool search"):
                pass
            update = watch.poll()
            assert [len(update.new), len(update.changed)] == ([0, 1] if number else [1, 0])
            assert update.steps["kind"].tolist() == ["execute_tool"]
    assert watch.poll().steps[["step", "kind"]].to_numpy().tolist() == [[0, "invoke_agent"]]
    provider.shutdown()
    assert watch.runs.steps["parent"].tolist()[1:] == [0, 0, 0]
    assert_as_read_at_once(watch, file.parent)


def test_a_parent_that_comes_late_ends_the_orphan_and_the_finding(watch, file):
    append(file, line(span(1, 2, parent=1)) + line(span(2, 9)))
    assert watch.poll().findings["check"].tolist() == ["trajectories.orphan"]
    append(file, line(span(1, 1, start=1, endTimeUnixNano=str(9 * SECOND))))
    assert len(watch.poll().findings) == 0
    assert len(watch.runs.findings) == 0
    assert watch.runs.steps["parent"].tolist()[1] == 0
    assert watch.findings["check"].tolist() == ["trajectories.orphan"]


def test_half_a_line_waits_until_it_ends(watch, file):
    whole = line(span(1, 1)) + line(span(1, 2))
    append(file, whole[:-50])
    for at in range(len(whole) - 50, len(whole)):
        assert not watch.poll().findings.size
        assert len(watch.runs.steps) == 1
        append(file, whole[at : at + 1])
    watch.poll()
    assert len(watch.runs.steps) == 2


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_cut_in_its_middle_is_no_error(watch, file, cut):
    whole = line(span(1, 1)) + line(span(1, 2, text="x🎈y"))
    at = whole.index("🎈".encode()) + cut
    append(file, whole[:at])
    assert len(watch.poll().told) == 0
    append(file, whole[at:])
    assert len(watch.poll().told) == 0
    attributes = watch.runs[0].step(1).extra["attributes"]
    assert attributes == {"note": "x🎈y"}


def test_half_a_line_is_read_as_it_is_when_the_file_has_ended(watch, file):
    whole = line(span(1, 1)) + line(span(1, 2))
    append(file, whole[:-30])
    watch.poll()
    update = watch.poll(last=True)
    assert update.findings["check"].tolist() == ["trajectories.unreadable"]
    assert_as_read_at_once(watch, file.parent)


def test_a_file_that_went_on_after_its_end_is_read_anew(watch, file):
    whole = line(span(1, 1)) + line(span(1, 2)) + line(span(1, 3))
    append(file, whole[:-30])
    watch.poll(last=True)
    append(file, whole[-30:])
    assert watch.poll().findings["check"].tolist() == ["trajectories.replaced"]
    assert_as_read_at_once(watch, file.parent)
    assert len(watch.runs.findings) == 0


def test_json_waits_until_its_last_bracket(watch, tmp_path):
    run = {
        "task_id": 1,
        "reward": 1.0,
        "trial": 0,
        "info": {},
        "traj": [{"role": "user", "content": "é"}],
    }
    data = json.dumps([run, run], indent=1, ensure_ascii=False).encode()
    path = tmp_path / "runs.json"
    for end in range(0, len(data), 7):
        path.write_bytes(data[:end])
        assert not watch.poll()
    path.write_bytes(data)
    assert len(watch.poll().new) == 2
    path.write_bytes(data[:40])
    told = watch.poll()
    assert told.findings["evidence"].tolist() == ["it shrank or was replaced, and was read anew"]
    assert len(told.gone) == 2


def test_a_packed_file_waits_until_it_is_whole(watch, tmp_path):
    data = gzip.compress(line(span(1, 1)) + line(span(1, 2)), mtime=0)
    path = tmp_path / "spans.jsonl.gz"
    path.write_bytes(data[:-20])
    assert not watch.poll()
    path.write_bytes(data)
    assert watch.poll().table.num_rows == 2
    assert_as_read_at_once(watch, tmp_path)


# Other files in the place of those that were there.


def test_a_file_that_shrank_is_read_anew_and_told(watch, file):
    append(file, line(span(1, 1)) + line(span(1, 2)))
    watch.poll()
    file.write_bytes(line(span(2, 1)))
    update = watch.poll()
    assert (update.new, update.gone) == ((f"{2:032x}",), (f"{1:032x}",))
    assert update.findings.to_numpy().tolist() == [
        ["trajectories.replaced", "spans.jsonl#", "warning", "it shrank or was replaced, and was read anew", 1]
    ]  # fmt: skip
    assert_as_read_at_once(watch, file.parent)


def test_a_file_that_was_emptied_and_outgrew_its_old_size_is_read_anew(watch, file):
    append(file, line(span(1, 1)) + line(span(1, 2)))
    watch.poll()
    with file.open(
        "r+b"
    ) as stream:  # the same file to the system, as copying and truncating leaves it
        stream.truncate()
        stream.write(b"".join(line(span(2, number)) for number in range(1, 6)))
    assert watch.poll().new == (f"{2:032x}",)
    assert_as_read_at_once(watch, file.parent)


def test_another_file_under_the_same_name_is_read_anew(watch, file, tmp_path):
    append(file, line(span(1, 1)) + line(span(1, 2)))
    watch.poll()
    other = tmp_path / "other"
    other.write_bytes(file.read_bytes() + line(span(1, 3)))
    other.replace(file)
    update = watch.poll()
    assert update.findings["check"].tolist() == ["trajectories.replaced"]
    assert (update.new, update.changed) == ((), (f"{1:032x}",))
    assert update.table.num_rows == 1
    assert_as_read_at_once(watch, tmp_path)


def test_a_file_of_a_session_that_is_another_is_told(watch, tmp_path):
    whole = (FIXTURES / "claude_code" / "session.jsonl").read_bytes()
    path = tmp_path / "session.jsonl"
    path.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    watch.poll()
    path.write_bytes(whole)
    assert "trajectories.replaced" not in watch.poll().findings["check"].tolist()
    path.write_bytes(whole.replace(b"2026", b"2025") + whole)
    assert "trajectories.replaced" in watch.poll().findings["check"].tolist()


def test_a_file_that_is_gone_takes_its_runs_along(watch, file, tmp_path):
    append(file, line(span(1, 1)))
    append(tmp_path / "other.jsonl", line(span(2, 1)))
    watch.poll()
    file.unlink()
    update = watch.poll()
    assert update.gone == (f"{1:032x}",)
    assert update.findings["check"].tolist() == ["trajectories.gone"]
    assert watch.runs.ids == [f"{2:032x}"]


def test_new_files_are_found_below_the_folder(watch, tmp_path):
    watch.poll()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    append(tmp_path / "deep" / "er" / "spans.ndjson", line(span(1, 1)))
    append(tmp_path / "notes.txt", b"nothing")
    assert watch.poll().new == (f"{1:032x}",)
    assert watch.runs.frame["source"].tolist() == [
        "deep/er/spans.ndjson#/resourceSpans/0/scopeSpans/0/spans/0"
    ]


def test_a_trace_in_two_files_is_two_runs_as_when_read_at_once(watch, tmp_path):
    append(tmp_path / "b.jsonl", line(span(1, 1)) + line(span(1, 2)))
    watch.poll()
    append(tmp_path / "a.jsonl", line(span(1, 3)) + line(span(1, 4)))
    update = watch.poll()
    assert update.findings["check"].tolist() == ["trajectories.same_name"]
    assert update.new == (f"{1:032x}",)
    assert_as_read_at_once(watch, tmp_path)


def test_a_file_of_no_known_format_is_told_once_and_may_become_one(watch, file):
    append(file, b'{"a": 1}\n{"b": 2}\n')
    assert watch.poll().findings["check"].tolist() == ["trajectories.unknown_format"]
    assert not watch.poll()
    append(file, b'{"c": 3}\n')
    assert not watch.poll().told
    assert watch.runs.findings["check"].tolist() == ["trajectories.unknown_format"]
    file.write_bytes(line(span(1, 1)))
    assert len(watch.poll().new) == 1


def test_a_file_that_may_not_be_read_is_told_once(watch, file, tmp_path):
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    append(file, line(span(1, 1)))
    assert not watch.poll().told


def test_a_file_beyond_the_limits_is_told(tmp_path, file):
    watch = follow(tmp_path, limits=Limits(file_bytes=1000))
    append(file, line(span(1, 1)))
    watch.poll()
    append(file, b"".join(line(span(1, number)) for number in range(2, 9)))
    for _ in range(2):
        update = watch.poll()
    append(file, line(span(1, 9)))
    assert not watch.poll().told
    assert watch.findings["evidence"].tolist() == [
        "a file of trajectories must hold at most 1,000 bytes, but spans.jsonl holds more; split it, "
        "or pass larger limits."
    ]
    assert not update


def test_what_simulations_share_may_come_after_them(tmp_path):
    watch = follow(tmp_path)
    simulation = {
        "id": "s", "task_id": "7", "messages": [{"role": "user", "content": "Hi"}], "trial": 0,
        "termination_reason": "user_stop", "reward_info": {"reward": 1.0},
    }  # fmt: skip
    (tmp_path / "simulations").mkdir()
    (tmp_path / "simulations" / "s.json").write_text(json.dumps(simulation))
    watch.poll()
    results = {"info": {"agent_info": {"llm": "m"}}, "tasks": [{"id": "7"}], "simulations": []}
    (tmp_path / "results.json").write_text(json.dumps(results))
    watch.poll(last=True)
    assert_as_read_at_once(watch, tmp_path)


# What it costs.


def bytes_read():
    """How much this process has read from anything, as the system counts it."""
    with Path("/proc/self/io").open() as stream:
        return int(stream.readline().split()[1])


def test_a_poll_reads_what_was_appended_and_not_the_file(watch, file):
    append(file, b"".join(line(span(trace, 1, text="x" * 4000)) for trace in range(400)))
    first = watch.poll()
    assert file.stat().st_size <= first.n_bytes <= file.stat().st_size + 2**20
    for number in range(2, 6):
        more = line(span(7, number)) + line(span(5000 + number, 1))
        append(file, more)
        before = bytes_read()
        update = watch.poll()
        assert bytes_read() - before < len(more) + 10_000
        assert len(more) <= update.n_bytes <= len(more) + 8192
    before = bytes_read()
    assert watch.poll().n_bytes == 0
    assert bytes_read() - before < 1000
    assert_as_read_at_once(watch, file.parent)


def test_lines_longer_than_any_head_are_read_once_too(watch, file):
    lines = [line(span(trace, 1, text="x" * 2**21)) for trace in (1, 2, 3)]
    for each in lines[:2]:
        append(file, each)
        watch.poll()
    append(file, lines[2])
    assert watch.poll().n_bytes < len(lines[2]) + 10_000
    assert_as_read_at_once(watch, file.parent)


def test_the_spans_of_silent_traces_are_let_go_and_read_again_when_these_go_on(file, tmp_path):
    watch = follow(tmp_path)
    watch._logs._held = held = Held(limit=9000)
    append(file, b"".join(line(span(trace, 1, text="x" * 2000)) for trace in range(1, 61)))
    watch.poll()
    assert 0 < held._total <= 9000
    append(file, line(span(1, 2)) + line(span(60, 2)))
    update = watch.poll()
    assert update.changed == (f"{1:032x}", f"{60:032x}")
    assert update.n_bytes < 25_000 < file.stat().st_size
    assert_as_read_at_once(watch, tmp_path)


def test_a_line_is_parsed_once_however_many_polls_it_takes_to_come(watch, file, monkeypatch):
    parsed = []
    real = otlp.spans_of
    monkeypatch.setattr(otlp, "spans_of", lambda *args: parsed.append(1) or real(*args))
    append(file, line(span(1, 1)) + line(span(1, 2)))
    watch.poll()
    more = line(span(1, 3, text="x" * 5000))
    for at in range(0, len(more), 500):
        append(file, more[at : at + 500])
        watch.poll()
    assert len(parsed) == 3


# Runs in full.


def test_runs_that_were_taken_before_stay_as_they_were(watch, file):
    append(file, line(span(1, 1)) + line(span(1, 2)))
    watch.poll()
    before = watch.runs
    append(file, line(span(1, 3)))
    watch.poll()
    assert [len(each[0].steps) for each in (before, watch.runs)] == [2, 3]
    assert before[0].run_id == watch.runs[0].run_id == f"{1:032x}"
    assert watch.runs is watch.runs


def test_runs_of_a_session_that_grew_since_are_read_from_its_beginning(watch, tmp_path):
    whole = (FIXTURES / "claude_code" / "session.jsonl").read_bytes()
    path = tmp_path / "session.jsonl"
    path.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    watch.poll()
    before, want = watch.runs, list(read(tmp_path))
    path.write_bytes(whole)
    assert list(before) == want


@pytest.mark.parametrize("name", ["spans.jsonl", "session.jsonl"])
def test_runs_of_a_file_that_was_replaced_cannot_be_read(watch, tmp_path, name):
    whole = (FIXTURES / "claude_code" / "session.jsonl").read_bytes()
    path = tmp_path / name
    path.write_bytes(whole if name == "session.jsonl" else line(span(1, 1)) + line(span(1, 2)))
    watch.poll()
    runs = watch.runs
    path.write_bytes(b'{"other": 1}\n')
    with pytest.raises(BadValue) as caught:
        runs[0]
    assert str(caught.value) == (
        f"a file of trajectories must go on as it began, but {name} was replaced; poll again."
    )


# Who polls.


def test_a_loop_yields_what_comes_until_it_is_stopped(watch, file):
    stop, seen = threading.Event(), []
    append(file, line(span(1, 1)))
    for update in watch.updates(every_s=0.001, stop=stop):
        seen.append(update.new)
        if len(seen) == 3:
            append(file, line(span(9, 1)))
            stop.set()
        elif len(seen) < 3:
            append(file, line(span(len(seen) + 1, 1)))
    assert seen == [(f"{trace:032x}",) for trace in (1, 2, 3, 9)]


def wait_for(holds, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_thread_polls_and_those_who_subscribed_hear_of_it(watch, file):
    heard, late = [], []
    leave = watch.subscribe(heard.append)
    with watch.start(every_s=0.005) as running:
        assert running is watch
        thread = watch._thread
        assert watch.start() is watch
        assert watch._thread is thread
        assert "polled by a thread" in repr(watch)
        append(file, line(span(1, 1)))
        wait_for(lambda: heard)
        leave()
        leave()
        watch.subscribe(late.append)
        append(file, line(span(2, 1)))
        wait_for(lambda: late)
    assert [update.new for update in heard] == [(f"{1:032x}",)]
    assert not watch.is_running
    assert repr(watch).endswith(": 1 file, 2 runs, 2 steps; polled by hand")


def test_a_watch_that_was_stopped_can_be_started_again(watch, file):
    watch.start(every_s=0.005)
    watch.stop()
    watch.start(every_s=0.005)
    append(file, line(span(1, 1)))
    wait_for(lambda: len(watch.runs))
    watch.stop()


def test_stopping_ends_the_loop_and_another_may_begin(watch, file):
    for round_ in (1, 2):
        append(file, line(span(round_, 1)))
        for update in watch.updates(every_s=0.001):
            assert update.new == (f"{round_:032x}",)
            watch.stop()


def test_a_subscriber_may_stop_the_watch_from_its_own_thread(watch, file):
    watch.subscribe(lambda _: watch.stop())
    watch.start(every_s=0.005)
    append(file, line(span(1, 1)))
    wait_for(lambda: not watch.is_running)


def test_what_a_subscriber_raises_becomes_a_finding(watch, file):
    watch.subscribe(lambda _: 1 / 0)
    append(file, line(span(1, 1)))
    watch.poll()
    assert watch.poll().findings["evidence"].tolist() == ["a subscriber raised ZeroDivisionError"]


def test_many_threads_poll_a_growing_file_and_each_step_is_new_once(watch, file):
    done, updates = threading.Event(), []

    def poll():
        while not done.is_set():
            updates.append(watch.poll())
            len(watch.runs.frame)
            list(watch.runs)

    threads = [threading.Thread(target=poll) for _ in range(4)]
    for each in threads:
        each.start()
    for number in range(1, 60):
        data = line(span(number % 3, number))
        append(file, data[:50])
        append(file, data[50:])
    done.set()
    for each in threads:
        each.join()
    updates.append(watch.poll())
    assert sum(update.table.num_rows for update in updates) == 59
    assert_as_read_at_once(watch, file.parent)


def test_it_works_inside_a_running_event_loop(watch, file):
    async def inside():
        append(file, line(span(1, 1)))
        update = watch.poll()
        watch.start(every_s=0.005)
        append(file, line(span(2, 1)))
        while len(watch.runs) < 2:
            await asyncio.sleep(0.005)
        watch.stop()
        return update

    assert asyncio.run(inside()).new == (f"{1:032x}",)


# What is followed.


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path):
    watch = follow(tmp_path / "later.jsonl")
    assert not watch.poll()
    append(tmp_path / "later.jsonl", line(span(1, 1)))
    assert len(watch.poll().new) == 1
    assert_as_read_at_once(watch, tmp_path / "later.jsonl")


def test_a_folder_that_is_nowhere_is_refused(tmp_path):
    path = tmp_path / "no" / "where"
    with pytest.raises(Unreadable) as caught:
        follow(path)
    assert str(caught.value) == (
        f"what is followed must be there, or its folder, but there is neither {path} nor a folder "
        "for it; check the path."
    )


def test_a_log_of_alerts_inside_what_is_followed_is_refused(tmp_path):
    log = tmp_path / "deep" / "alerts.jsonl"
    with pytest.raises(BadValue) as caught:
        follow(tmp_path, alerts=[Alert("calls", above=1)], log=log)
    assert str(caught.value) == (
        f"the log of alerts must be outside what is followed, but {log} is in {tmp_path}; put it "
        "elsewhere."
    )


def test_a_format_may_be_named(tmp_path, file):
    append(file, line(span(1, 1)) + line(span(1, 2)))
    watch = follow(file, format="otlp")
    watch.poll()
    assert_as_read_at_once(watch, file)
    with pytest.raises(LookupError, match="format must be one of"):
        follow(file, format="morse")


def test_the_name_of_what_is_followed_is_shown_inert(tmp_path):
    path = tmp_path / "a\x1b[31m.jsonl"
    assert repr(follow(path)).startswith("Watch: a�[31m.jsonl: 0 files")
    assert os.fspath(path) not in repr(follow(path))
