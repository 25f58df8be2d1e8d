"""Broken files of every format are refused in a sentence, or read, and then nothing is lost unsaid.

Each test below the first stands for a fault that files broken by chance have shown.
"""

import gzip
import json
import resource
import runpy
import time
from pathlib import Path

import pytest

from workbench.errors import BadValue
from workbench.trajectories import readers
from workbench.trajectories.model import Annotation, Run, Step, circular, resolve_parents
from workbench.trajectories.reading import read
from workbench.trajectories.sources.documents import Document, Limits

HERE = Path(__file__).parent
DEMANDS = runpy.run_path(str(HERE / "demands.py"))
SEEDS = runpy.run_path(str(HERE / "seeds.py"))
LOSSES = runpy.run_path(str(HERE / "losses.py"))


@pytest.fixture(scope="module")
def whole_files(fixtures):
    return SEEDS["seeds"](fixtures)


def failures(format, files, numbers):
    return [
        (trial.seed, trial.what, trial.faults)
        for trial in DEMANDS["trials"](format, files, numbers, tables_of=20)
        if trial.faults
    ]


@pytest.mark.parametrize("format", readers.names())
@pytest.mark.parametrize(
    "numbers",
    [range(50), pytest.param(range(50, 300), marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_broken_files_are_refused_or_read_and_nothing_is_lost(format, numbers, whole_files):
    assert failures(format, whole_files[format], numbers) == []


@pytest.mark.parametrize("format", readers.names())
def test_whole_files_are_read_and_nothing_is_lost(format, whole_files, tmp_path):
    for at, content in enumerate(whole_files[format]):
        path = tmp_path / str(at)
        path.write_bytes(content)
        verdict = DEMANDS["judge"](path, format)
        assert (verdict.faults, verdict.refused) == ([], False)


@pytest.mark.shared
@pytest.mark.parametrize(
    "numbers", [range(15), pytest.param(range(15, 60), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_broken_real_files_are_refused_or_read_and_nothing_is_lost(numbers, shared):
    files = SEEDS["files_in"](shared / "trajectories", most=60_000)
    for format in ("inspect-log", "openinference", "swe-agent", "tau2"):
        assert failures(format, files[format], numbers) == []


# --- the harness itself


def judged(content, tmp_path, format, monkeypatch=None):
    path = tmp_path / "broken"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return DEMANDS["judge"](path, format).faults


def test_a_leaf_that_a_reader_drops_is_found(tmp_path, monkeypatch):
    reader = readers.reader_named("who-and-when")
    value = {
        "history": [{"role": "human", "content": "Hi"}],
        "mistake_step": "0",
        "colour": "zq1234",
    }
    assert judged(value, tmp_path, "who-and-when") == []
    runs = reader.runs

    def forgetful(document):
        for run in runs(document):
            del run.extra["colour"]
            yield run

    monkeypatch.setattr(reader, "runs", forgetful)
    assert judged(value, tmp_path, "who-and-when") == ["lost: 'zq1234' at ['/colour']"]


def test_a_crash_and_a_circle_are_found(tmp_path, monkeypatch):
    reader = readers.reader_named("who-and-when")
    value = {"history": [{"role": "human", "content": "Hi"}] * 2, "mistake_step": "0"}
    runs = reader.runs

    def circling(document):
        for run in runs(document):
            run.steps[0].parent, run.steps[1].parent = 1, 0
            yield run

    monkeypatch.setattr(reader, "runs", circling)
    assert judged(value, tmp_path, "who-and-when") == ["links: parent goes round at step 0"]
    monkeypatch.setattr(reader, "runs", lambda document: 1 / 0)
    (fault,) = judged(value, tmp_path, "who-and-when")
    assert fault.startswith("crash: ZeroDivisionError at")


# --- what every format shares


def document(content):
    return Document(Path("memory"), "memory", data=content)


def notices(opened):
    return [(notice.check, notice.place, notice.reason) for notice in opened.notices]


def test_spans_that_enclose_each_other_leave_one_an_orphan():
    ids = {"a": "c", "b": "a", "c": "b", "d": "a", "e": "e"}
    steps = [
        Step("wb.other", "", span_id=name, parent_span_id=above) for name, above in ids.items()
    ]
    resolve_parents(steps)
    assert [step.parent for step in steps] == [None, 0, 1, 0, None]
    assert ["orphan" in step.flags for step in steps] == [True, False, False, False, True]


def test_circles_are_found_however_they_lie():
    assert circular([1, 2, 0, 4, 3, 5, None, 0]) == [0, 3, 5]
    assert circular([]) == []


def test_both_roads_of_otlp_cut_a_circle_at_the_same_span(tmp_path):
    spans = [
        {"traceId": "ab" * 16, "spanId": own * 8, "parentSpanId": above * 8, "name": own,
         "startTimeUnixNano": str(at + 1), "endTimeUnixNano": str(at + 2)}
        for at, (own, above) in enumerate([("0a", "0b"), ("0b", "0c"), ("0c", "0a")])
    ]  # fmt: skip
    path = tmp_path / "spans.json"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    runs = read(path)
    assert runs.table["parent"].to_pylist() == [step.parent for step in runs[0].steps]
    assert runs.table["parent"].to_pylist() == [None, 2, 0]


def test_a_long_value_whose_key_comes_again_says_how_much_is_not_shown():
    opened = document(b'{"a": "' + b"x" * 3000 + b'", "a": 1}')
    assert opened.json() == {"a": 1}
    ((check, _, reason),) = notices(opened)
    assert check == "duplicate_key"
    assert reason.endswith("x… and 1,002 letters more")


def test_a_number_that_no_float_holds_is_left_as_it_is(tmp_path):
    value = {"history": [], "mistake_step": "0", "task_id": "7", "traj": [], "reward": 2**63 - 1}
    (run,) = readers.reader_named("tau-bench").runs(document(json.dumps(value).encode()))
    assert (run.outcome, run.extra["reward"]) == (None, 2**63 - 1)


def test_millions_of_empty_lines_take_no_time():
    packed = gzip.compress(b"\n" * 2**23 + b'{"a": 1}' + b" \n" * 2**22)
    start = time.process_time()
    (line,) = document(packed).lines()
    assert time.process_time() - start < 5
    assert line[:2] == (2**23 + 1, 2**23)


@pytest.mark.parametrize("ends", [b"\n", b" \n", b"\r\n", b"  "])
@pytest.mark.parametrize("n", [0, 1, 2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16])
def test_empty_lines_are_counted_as_before(ends, n):
    content = b"1" + ends * n + b"\n 2"
    found = [(line.number, line.offset, line.data) for line in document(content).lines()]
    plain, offset = [], 0
    for number, line in enumerate(content.split(b"\n"), 1):
        plain += [(number, offset, line)] if line.strip() else []
        offset += len(line) + 1
    assert found == plain


def test_a_file_of_lines_too_short_for_an_object_is_refused():
    with pytest.raises(BadValue) as refused:
        list(document(b"0\n" * 20_000).lines())
    assert str(refused.value) == (
        "a file of trajectories must hold an object on each line, but memory holds more than 10,000 "
        "lines of less than 8 bytes; check the file."
    )


def test_of_thousands_of_notices_alike_the_number_and_the_last_are_kept():
    opened = document(b"")
    for number in range(1_234):
        opened.notice("unreadable", f"L{number}", "it is no object", "error")
        opened.notice("other", "", "it is something else")
    assert len(opened.notices) == 2 * 1_001
    (more,) = [each for each in opened.notices if each.check == "unreadable"][1_000:]
    assert (more.place, more.severity) == ("L1000", "error")
    assert more.reason == "234 more like it follow, the last at L1233"


# --- readers


def runs_of(format, value):
    opened = document(value if isinstance(value, bytes) else json.dumps(value).encode())
    return list(readers.reader_named(format).runs(opened)), notices(opened)


def test_a_simulation_of_tau2_without_an_id_is_still_read():
    (run,), told = runs_of(
        "tau2", {"task_id": "7", "messages": [{"role": "user", "content": "Hi"}]}
    )
    assert ([step.text for step in run.steps], told) == (["Hi"], [])


@pytest.mark.parametrize(
    "value", [{"colour": "red"}, {"simulations": "red"}, {"simulations": ["red"]}]
)
def test_what_is_neither_a_simulation_nor_results_of_tau2_is_told(value):
    found, ((check, place, reason),) = runs_of("tau2", value)
    assert (found, check, place) == ([], "unreadable", "")
    assert reason == f"it must be a simulation, or hold a list of some: {value!r}"


def test_an_answer_of_openai_without_choices_keeps_what_it_took():
    usage = {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5}
    value = {"id": "r", "created": 7, "model": "m", "choices": [], "usage": usage}
    (run,), _ = runs_of("openai-chat", [value])
    assert (run.model, run.recorded.input_tokens, run.extra) == ("m", 5, {"id": "r", "created": 7})


def test_the_model_that_answered_is_kept_where_it_gave_no_choice():
    value = {"request": {"model": "m", "messages": []}, "response": {"model": "m-2", "choices": []}}
    (run,), _ = runs_of("openai-chat", [value])
    assert (run.model, run.extra["response_model"]) == ("m", "m-2")


@pytest.mark.parametrize("created", [2**62, "soon", -1])
def test_a_time_of_openai_that_is_none_is_kept(created):
    choice = {"message": {"role": "assistant", "content": "Yes."}}
    (run,), _ = runs_of("openai-chat", [{"created": created, "choices": [choice]}])
    assert (run.steps[0].start_ns, run.time_source, run.extra) == (
        None,
        "none",
        {"created": created},
    )
    response = {"object": "response", "output": [], "status": "completed", "created_at": created}
    (run,), _ = runs_of("openai-responses", response)
    assert (run.time_source, run.extra["created_at"]) == ("none", created)


def test_the_model_of_a_response_without_an_answer_is_kept():
    value = {
        "request": {"model": "m", "input": "Hi"},
        "response": {"object": "response", "model": "m-2"},
    }
    (run,), _ = runs_of("openai-responses", value)
    assert (run.model, run.extra["response"]["model"]) == ("m", "m-2")


def chunk(delta, **members):
    return {"id": "s", "object": "chat.completion.chunk", "choices": [{"delta": delta}], **members}


def test_what_a_later_piece_of_a_stream_replaces_is_kept():
    first = chunk(
        {"tool_calls": [{"index": 9, "id": "a", "function": {"name": "f"}}]}, usage={"x": 1}
    )
    second = chunk({"tool_calls": [{"index": 9, "id": "b"}]}, usage={"x": 2})
    (run,), _ = runs_of("openai-chat", f"{json.dumps(first)}\n{json.dumps(second)}".encode())
    (call,) = run.steps[0].calls
    assert (call.call_id, call.extra["replaced"], call.extra["index"]) == ("b", [{"id": "a"}], 9)
    assert (run.extra["chunks"][0]["usage"], run.extra["usage"]) == ({"x": 1}, {"x": 2})


def test_the_source_of_a_step_of_atif_that_nobody_knows_is_kept():
    value = {
        "schema_version": "ATIF-v1.4",
        "agent": {},
        "steps": [{"step_id": 1, "source": "moon"}],
    }
    (run,), _ = runs_of("atif", value)
    assert (run.steps[0].kind, run.steps[0].extra) == ("wb.other", {"source": "moon"})


def test_thousands_of_calls_in_one_step_of_atif_take_no_time():
    calls = [
        {"tool_call_id": f"c{at}", "function_name": "f", "arguments": {}} for at in range(4_000)
    ]
    step = {"step_id": 1, "source": "agent", "message": "", "tool_calls": calls}
    start = time.process_time()
    (run,), _ = runs_of("atif", {"schema_version": "ATIF-v1.4", "agent": {}, "steps": [step]})
    assert time.process_time() - start < 5
    assert len(run.steps) == 4_001


def test_a_log_of_inspect_that_is_no_object_is_told():
    found, ((check, _, reason),) = runs_of("inspect-log", ["red"])
    assert (found, check) == ([], "no_samples")
    assert reason == 'the log holds no samples; it says {"value": ["red"]}'


def span(**attributes):
    return {
        "context": {"trace_id": "a" * 32, "span_id": "b" * 16},
        "name": "n",
        "attributes": attributes,
    }


def test_what_stands_around_a_document_or_an_image_of_openinference_is_kept():
    documents = [{"document": {"content": "x"}, "rank": "zq1"}]
    image = {"message_content": {"type": "image", "image": {"image": {"url": "u"}}}, "shown": "zq2"}
    messages = [{"message": {"role": "user", "contents": [image]}}]
    value = span(**{"retrieval.documents": documents, "llm.input_messages": messages})
    (run,), _ = runs_of("openinference", [value | {"span_kind": "RETRIEVER"}])
    assert LOSSES["missing_leaves"]([{"rank": "zq1"}, {"shown": "zq2"}], [run]) == []


def test_a_column_of_openinference_that_repeats_an_attribute_is_kept():
    value = span(colour="red") | {"attributes.colour": "blue"}
    (run,), _ = runs_of("openinference", [value])
    assert run.steps[0].extra["attributes.colour"] == "blue"


@pytest.mark.parametrize(("place", "lost"), [("/doubleValue", False), ("/intValue", True)])
def test_a_number_that_its_format_calls_a_double_may_be_rounded_to_one(place, lost):
    number = 2**63 - 1
    run = Run("x", name="a", annotations=[Annotation("score", "x", score=float(number))])
    found = LOSSES["_Found"]([run], []).lost([(place, number)], {str(number)})
    assert bool(found) is lost


def test_a_pair_of_openinference_with_too_many_nanoseconds_is_no_time():
    (run,), _ = runs_of("openinference", [span() | {"start_time": [1, 10**9]}])
    assert (run.steps[0].start_ns, run.steps[0].extra["start_time"]) == (None, [1, 10**9])


def test_the_context_of_a_span_is_kept_beside_that_of_its_resource():
    def one(at, colour):
        context = {"trace_id": "a" * 32, "span_id": f"{at}" * 16, "trace_state": f"state {at}"}
        return {
            "context": context,
            "attributes": {},
            "resource": {"attributes": {"colour": colour}},
        }

    (run,), _ = runs_of("openinference", [one(1, "red"), one(2, "blue")])
    assert [step.extra.get("context") for step in run.steps] == [None, 1]
    kept = [step.extra["span_context"] for step in run.steps]
    assert kept == [{"trace_state": "state 1"}, {"trace_state": "state 2"}]


def test_attributes_of_a_wrong_kind_are_kept_beside_columns():
    value = {"context": {"span_id": "b" * 16}, "attributes": "red", "attributes.colour": "blue"}
    (run,), _ = runs_of("openinference", [value])
    assert run.steps[0].extra["attributes"] == {"colour": "blue"}
    assert run.steps[0].extra["attributes_unread"] == "red"


def test_a_span_that_comes_again_from_another_resource_is_no_repetition():
    def one(colour):
        return span() | {"resource": {"attributes": {"colour": colour}}}

    (run,), ((check, *_),) = runs_of("openinference", [one("red"), one("blue"), one("red")][:2])
    assert (len(run.steps), check) == (2, "same_span_id")


def test_an_answered_call_without_an_answer_keeps_its_id():
    value = span(**{"llm.input_messages": [{"message": {"role": "tool", "tool_call_id": "zq3"}}]})
    (run,), _ = runs_of("openinference", [value | {"span_kind": "LLM"}])
    assert LOSSES["missing_leaves"]([{"id": "zq3"}], [run]) == []


def test_what_lies_too_deep_in_what_otlp_passes_over_is_told(tmp_path):
    spans = [{"traceId": "ab" * 16, "spanId": "0a" * 8, "name": "n", "attributes": []}]
    value = {"resourceSpans": [{"scopeSpans": [{"spans": spans, "schemaUrl": "#"}]}]}
    path = tmp_path / "spans.json"
    path.write_text(json.dumps(value).replace('"#"', "[" * 210 + "]" * 210))
    assert read(path).findings["check"].tolist() == ["trajectories.too_deep"]


@pytest.mark.parametrize("empty", [{}, {"arrayValue": {"values": [{}]}}])
def test_a_key_that_comes_twice_is_told_though_another_is_missing(empty, tmp_path):
    values = {"gen_ai.operation.name": {"stringValue": "chat"}, "empty": empty}
    values["colour"] = {"stringValue": "red", "again": "blue"}
    attributes = [{"key": name, "value": value} for name, value in values.items()]
    spans = [{"traceId": "ab" * 16, "spanId": "0a" * 8, "attributes": attributes}]
    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    path = tmp_path / "spans.json"
    path.write_text(text.replace('"again"', '"stringValue"'))
    assert read(path).findings["check"].tolist() == ["trajectories.duplicate_key"]


def test_a_chunk_of_inspect_that_lies_over_the_next_one_loses_nothing():
    entry, zipped = SEEDS["Entry"], SEEDS["zipped"]
    values = {
        "sample": {"id": 1, "epoch": 1},
        "events/0": [{"event": "info", "data": f"zq{at}"} for at in "ab"],
    }
    values["events/1"] = [{"event": "info", "data": "zqc"}]
    entries = [
        entry(f"samples/1_epoch_1/{name}.json", json.dumps(value).encode())
        for name, value in values.items()
    ]
    (run,), _ = runs_of("inspect-log", zipped([entry("header.json", b"{}"), *entries]))
    assert [step.text for step in run.steps] == ["zqa", "zqc"]
    assert run.extra["displaced"] == [{"event": "info", "data": "zqb"}]


def test_bytes_that_are_no_utf8_in_what_otlp_passes_over_are_told(tmp_path):
    spans = [{"traceId": "ab" * 16, "spanId": "0a" * 8, "name": "n"}]
    value = {"resourceSpans": [{"scopeSpans": [{"spans": spans, "schemaUrl": "https://#"}]}]}
    path = tmp_path / "spans.json"
    path.write_bytes(json.dumps(value).encode().replace(b"#", b"\xc3"))
    assert read(path).findings["check"].tolist() == ["trajectories.encoding"]


def test_a_version_of_our_own_format_that_is_none_is_kept():
    (run,), told = runs_of("workbench-runs", b'{"workbench_run": ["' + b"zq" * 50 + b'"]}')
    assert run.extra["unread"] == {"workbench_run": ["zq" * 50]}
    assert [check for check, *_ in told] == ["version", "unfit"]


@pytest.mark.parametrize("field", [{"outcome": 2**63 - 1}, {"scores": {"reward": 2**63 - 1}}])
def test_a_number_of_our_own_format_that_no_float_holds_is_kept(field):
    (run,), told = runs_of("workbench-runs", {"workbench_run": 1, "steps": [], **field})
    assert run.extra["unread"] == field
    assert [check for check, *_ in told] == ["unfit"]


def test_our_own_runs_with_parents_in_a_circle_lose_one_and_say_so():
    steps = [
        {"kind": "chat", "source": "", "parent": 1},
        {"kind": "chat", "source": "", "parent": 0},
    ]
    (run,), told = runs_of("workbench-runs", {"workbench_run": 1, "steps": steps})
    assert [step.parent for step in run.steps] == [None, 0]
    assert told == [("unfit", "L1/steps/0", "its parent is step 1, which lies within it")]


# --- bombs


@pytest.mark.parametrize(
    "piece", [b" ", b"\n", b"[", b"0,", b'{"a":', b"\x00", b'"', b"0\n", b"{}\n"]
)
def test_bombs_are_refused_quickly_and_take_little_memory(piece, tmp_path):
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(
        gzip.compress(b'{"task_id": 1, "traj": []}\n' + piece * (2**25 // len(piece)), 9)
    )
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(BadValue):
        read(path, limits=Limits(file_bytes=2**24))
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 2**10
