"""Inspect's logs into columns without making steps: the same as with them, and told when asked."""

import json
import random
import runpy
import zipfile
from pathlib import Path

import pytest

from workbench.trajectories import readers
from workbench.trajectories.ledger import Ledger
from workbench.trajectories.readers import inspect_bulk, inspect_columns, inspect_log
from workbench.trajectories.reading import read
from workbench.trajectories.sources.documents import Document, Limits

HERE = Path(__file__).resolve().parents[1]
MADE = ("small.eval", "small.json")
MUTATION = runpy.run_path(str(HERE / "mutating.py"))["mutation"]


def document(content, **options):
    return Document(Path("log"), "log", data=content, **options)


def indexed(content, **options):
    """Return what the fast road makes of a log: what loads each run, tables, and what is told."""
    opened, ledger = document(content, **options), Ledger()
    found = inspect_bulk.index(opened, ledger, lambda run: run.name or run.pointer)
    runs = None if found is None else list(found)
    return runs, tables(ledger), opened.owed() if opened.owed else []


def tables(ledger):
    """Return RUNS and STEPS of a ledger, NaN as a text."""
    return repr(ledger.records), repr(ledger.steps().to_pydict())


def in_full(content, **options):
    opened = document(content, **options)
    runs = list(inspect_log.runs(opened))
    return runs, opened.notices


def agree(content, **options):
    """Check that both roads say the same of a log; tell whether the fast one could be taken."""
    runs, found, notices = indexed(content, **options)
    whole, told = in_full(content, **options)
    if runs is None:
        return False
    ledger = Ledger()
    for (run_id, load, annotations), run in zip(runs, whole, strict=True):
        run.run_id, run.source = run_id, "log"
        assert annotations == run.annotations
        assert repr(full(load(run_id))) == repr(full(run))
        ledger.add(run)
    assert tables(ledger) == found
    assert notices == told
    return True


def full(run):
    return [getattr(run, name) for name in run.__slots__]


@pytest.fixture
def slow(monkeypatch):
    """Have the fast road fail where it makes a sample in full."""

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(inspect_log, "run_of", never)


@pytest.mark.parametrize("name", MADE)
def test_both_roads_say_the_same_of_a_log(name, fixtures):
    assert agree((fixtures / "inspect" / name).read_bytes())


@pytest.mark.parametrize("name", MADE)
def test_the_producers_own_samples_take_the_fast_road(name, fixtures, slow):
    runs = read(fixtures / "inspect" / name)
    assert (len(runs), runs.table.num_rows) == (6, 88)


@pytest.mark.shared
def test_both_roads_say_the_same_of_real_logs(shared):
    folder = shared / "trajectories" / "inspect"
    taken = {path.name: agree(path.read_bytes()) for path in sorted(folder.glob("*.*"))}
    # this one holds no samples
    assert [name for name, fast in taken.items() if not fast] == [
        "2025-05-12T20-28-13-04-00_no-samples.json"
    ]


@pytest.mark.parametrize("name", MADE)
def test_both_roads_say_the_same_of_broken_logs(name, fixtures, at_most):
    content = (fixtures / "inspect" / name).read_bytes()
    limits = Limits(file_bytes=2**23, entry_bytes=2**22)
    n_fast, n = 0, at_most(60)
    for seed in range(n):
        broken = MUTATION([content], random.Random(seed), large=0).data
        if broken[:2] != b"\x1f\x8b":
            n_fast += agree(broken, limits=limits)
    # what is broken mostly is no JSON, or no archive
    assert n_fast >= n / 6


def test_both_roads_say_the_same_of_twisted_values(fixtures, twists):
    log = json.loads((fixtures / "inspect" / "small.json").read_text())
    log["samples"] = log["samples"][:2]
    fast = [agree(json.dumps(each).encode()) for each in twists(log, 60)]
    assert sum(fast) > len(fast) / 2


def event(**members):
    return {
        "event": "tool",
        "id": "c1",
        "function": "f",
        "timestamp": "2026-01-01T00:00:00Z",
    } | members


def log(*events, **members):
    sample = {"id": 1, "epoch": 1, "uuid": "u", "events": list(events)} | members
    return {"version": 2, "status": "success", "eval": {"task": "t"}, "samples": [sample]}


def asked(*calls, role="assistant"):
    message = {"role": role, "content": "", "tool_calls": list(calls)}
    return {
        "event": "model",
        "model": "p/m",
        "input": [],
        "output": {"choices": [{"message": message}]},
    }


STEP = {"event": "step", "name": "s"}
SPAN = {"event": "span_begin", "id": "s1", "type": "agent", "name": "alone"}
CACHED = {"usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}, "choices": []}


@pytest.mark.parametrize(
    "events",
    [
        [event(error={"type": "timeout", "message": "slow"}), event(failed=True), event(pending=True)],
        [event(error={"type": "cancelled", "message": ""}), event(error="odd"), event(id=7), event(id=None)],
        [asked({"id": "c1", "function": "f"}, {"function": "g"}), event(), event()],
        [asked({"id": 1, "function": "f"}), event(id="1")],
        [asked({"id": "c1", "function": "f"}, role="tool"), event()],
        [asked({"id": "c1", "function": "f"}, role="system"), event()],
        [STEP | {"action": "begin"}, event(), event(span_id=None), STEP | {"action": "end"}, event()],
        [STEP | {"action": "end"}, {"event": "span_end", "id": "s1"}],
        [SPAN, event(span_id="s1"), {"event": "span_end", "id": "s1", "timestamp": "2026-01-02T00:00:00Z"}],
        [SPAN | {"parent_id": "s1"}, SPAN | {"name": "", "id": None}, event(span_id="nowhere")],
        [event(events=[event(events=[STEP | {"action": "begin"}, event()])]), event()],
        [{"event": "interrupt"}, {"event": "error", "error": {"message": "Cancelled by limit"}}, {}],
        [{"event": "model", "model": "m", "cache": "read", "output": CACHED, "error": "Cancelled by limit"}],
        [{"event": "model", "output": {"error": "it failed"}}, {"event": "model", "pending": True}],
        [{"event": "model", "output": "odd"}, {"event": "sandbox", "output": "text", "action": "exec"}],
        [event(timestamp="2026-01-01T00:00:00.123456789Z", completed="soon")],
        [event(timestamp="attachment://a1", function="attachment://a2")],
        ["odd", event(), None],
    ],
)  # fmt: skip
def test_both_roads_read_events_alike(events):
    attachments = {"a1": "2026-01-01T00:00:00Z", "a2": "g", "a3": "unused"}
    for value in (log(*events), log(*events, attachments=attachments)):
        assert agree(json.dumps(value).encode())


@pytest.mark.parametrize(
    "members",
    [
        {"id": True, "epoch": "x", "uuid": 5},
        {"scores": {"a": {"value": {"x": "C", "y": 2}}, "b": {"value": "P"}}, "error": {"message": "E"}},
        {"score": {"value": 1.5}, "limit": {"type": "token"}, "model_usage": {"m": {"input_tokens": 3}}},
        {"transcript": {"events": [event()]}, "events": []},
        {"events": [], "messages": [{"role": "user", "content": "Hi"}]},
        {"events": 7},
    ],
)  # fmt: skip
def test_both_roads_read_samples_alike(members):
    assert agree(json.dumps(log(event(), **members)).encode())


def test_what_is_no_sample_is_passed_over_and_numbers_stay():
    value = log(event())
    value["samples"] = [None, 7, *value["samples"], None, log(event(), uuid="v")["samples"][0]]
    assert agree(json.dumps(value).encode())
    runs = read(value)
    assert [runs[name].extra.get("log", {}).get("status") for name in runs.ids] == ["success", None]
    assert runs.findings["subject"].tolist() == ["memory#/samples/1"]


def test_what_is_wrong_is_found_when_it_is_asked_for(tmp_path, monkeypatch):
    path = tmp_path / "log.json"
    text = json.dumps(log(event(result="a"), uuid="u")).replace('"result"', '"id": "c0", "result"')
    path.write_text(text)
    asked_for = []
    whole = inspect_log.runs
    monkeypatch.setattr(inspect_log, "runs", lambda opened: asked_for.append(1) or whole(opened))
    runs = read(path)
    assert (runs.table.num_rows, len(runs.frame), asked_for) == (1, 1, [])
    assert runs.findings["check"].tolist() == ["trajectories.duplicate_key"]
    assert repr(runs) == "1 run, 1 step: inspect-log; 1 findings of the readers"
    assert asked_for == [1]


def test_of_a_log_that_has_changed_since_nothing_is_found(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log(event())))
    runs = read(path)
    path.write_text(json.dumps(log(event(), event())))
    (finding,) = runs.findings.to_dict("records")
    assert (finding["check"], finding["severity"]) == ("trajectories.changed", "warning")


def test_runs_of_one_name_are_told_beside_what_reading_tells(tmp_path):
    value = log(event())
    value["samples"] *= 2
    for number in (1, 2):
        (tmp_path / f"{number}.json").write_text(json.dumps(value))
    runs = read(tmp_path)
    assert len(set(runs.ids)) == 4
    assert runs.findings["check"].tolist() == ["trajectories.same_name"] * 3
    assert [runs[run_id].run_id for run_id in runs.ids] == runs.ids


def test_a_sample_is_read_alone(fixtures, monkeypatch):
    runs = read(fixtures / "inspect" / "small.json")
    monkeypatch.setattr(Document, "content", None)
    assert [len(runs[at].steps) for at in range(1, 6)] == runs.frame["n_steps"].tolist()[1:]
    assert runs[5] is runs[5]


def test_a_packed_log_and_one_with_little_depth_are_read_in_full(fixtures):
    content = (fixtures / "inspect" / "small.json").read_bytes()
    assert indexed(content, limits=Limits(depth=31))[0] is None
    assert agree(content, limits=Limits(depth=32))


def test_deeply_nested_events_are_read_in_full():
    inner = event()
    for _ in range(inspect_columns._MOST_NESTED + 1):
        inner = event(events=[inner])
    assert agree(json.dumps(log(inner)).encode())
    with pytest.raises(inspect_columns.Odd):
        inspect_columns.glanced(json.dumps(log(inner)["samples"][0]).encode(), "")


def test_an_archive_with_a_broken_entry_is_read_all_the_same(tmp_path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(log()))
        archive.writestr("samples/a_epoch_1.json", json.dumps(log(event())["samples"][0]))
        archive.writestr("samples/b_epoch_1.json", '{"id": 2, "events": [{"event": "tool"')
    assert agree(path.read_bytes())
    runs = read(path)
    assert (len(runs), runs.findings["check"].tolist()) == (2, ["trajectories.unreadable"])


def test_a_log_is_known_by_its_first_bytes():
    text = b'{"version": 2, "status": "success",\n "eval": {"run_id": "a", "x": null, "task": "t"'
    assert readers.reader_of(document(text + b"}}")) is inspect_log
    assert readers.begins(document(text), inspect_log)
    for other in (text.replace(b"eval", b"evil"), text.replace(b"task", b"tusk"), b""):
        assert not readers.begins(document(other), inspect_log)


def test_an_odd_number_in_the_head_of_a_log_is_kept(fixtures):
    content = (fixtures / "inspect" / "small.json").read_text(encoding="utf-8")
    assert content.count('"status": "success"') == 1
    changed = content.replace('"status": "success"', '"status": NaN').encode()
    assert agree(changed)
    runs, _, _ = indexed(changed)
    run_id, load, _ = runs[0]
    assert str(load(run_id).extra["log"]["status"]) == "nan"


def test_a_name_in_a_log_that_is_no_text_costs_nothing_of_it(fixtures):
    content = (fixtures / "inspect" / "small.json").read_bytes()
    assert content.count(b'"status": "success"') == 1
    changed = content.replace(b'"status": "success"', b'"st\xecatus": "success"')
    assert agree(changed)
    runs, _, _ = indexed(changed)
    run_id, load, _ = runs[0]
    told = load(run_id).extra["log"]
    assert "success" in told.values()
    assert "eval" in told
    assert "samples" not in told
