"""Inspect's logs: figures of real ones, nothing lost, its own skeletons, and what is broken or hostile."""

import io
import json
import random
import re
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from workbench.trajectories.model import Usage, counted_usage
from workbench.trajectories.readers import inspect_log, reader_of
from workbench.trajectories.reading import read
from workbench.trajectories.sources.archives import Archive
from workbench.trajectories.sources.documents import Document, nanoseconds

GIVEN = (
    "2025-05-12T20-27-36-04-00_browser.json",
    "2025-05-12T20-28-13-04-00_popularity.json",
    "log_formats.eval",
    "log_formats.json",
    "log_images.json",
    "log_message_deduplication.eval",
    "log_read_sample.eval",
    "log_read_sample.json",
    "log_tool_call_error.json",
)
MADE = ("small.eval", "small.json", "small_chunked.eval")
ODD = (
    None, [], {}, "odd", -7, 1e308, float("nan"), 10**400, True, ["odd", 5], {"odd": {"deep": [3]}},
    "2026-01-01T00:00:00Z",
)  # fmt: skip


def read_log(source):
    return read(source, format="inspect-log")


def log(*events, **sample):
    told = {"id": 1, "epoch": 1, "uuid": "u", **sample}
    if events:
        told["events"] = list(events)
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "t", "model": "p/m"},
        "samples": [told],
    }


def run_of(*events, **sample):
    runs = read_log(log(*events, **sample))
    assert len(runs.findings) == 0, runs.findings["evidence"].tolist()
    return runs[0]


def document(content):
    return Document(Path("log"), "log", data=content)


def model(text="yes", *, calls=(), **other):
    message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": each, "function": "f", "arguments": {"a": each}} for each in calls
        ]
    output = {"model": "m", "choices": [{"message": message, "stop_reason": "stop"}]}
    output |= {"usage": other.pop("usage")} if "usage" in other else {}
    return {"event": "model", "model": "p/m", "input": [], "output": output, **other}


def tool(call, result="done", **other):
    return {
        "event": "tool",
        "id": call,
        "function": "f",
        "arguments": {"a": call},
        "result": result,
        **other,
    }


# --- figures of real logs


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "messages", "events", "tokens", "cached"),
    [
        ("2025-05-12T20-27-36-04-00_browser.json", [10], [43], 15_516, 9_088),
        ("2025-05-12T20-28-13-04-00_popularity.json", [3, 3, 3], [13, 13, 13], 198, 0),
        ("log_message_deduplication.eval", [12], [42], None, None),
    ],
)
def test_messages_events_and_tokens_are_those_of_the_logs(
    name, messages, events, tokens, cached, shared
):
    runs = list(read_log(shared / "trajectories" / "inspect" / name))
    assert [run.extra["n_messages"] for run in runs] == messages
    assert [run.extra["n_events"] for run in runs] == events
    # what closes a span is an event, and no step of its own
    closed = [len(run.steps) + sum("end" in step.extra for step in run.steps) for run in runs]
    assert closed == events
    usages = [counted_usage(run) for run in runs]
    if tokens is not None:
        assert sum(usage.input_tokens + usage.output_tokens for usage in usages) == tokens
        assert sum(usage.cached_tokens for usage in usages) == cached


@pytest.mark.shared
def test_browser_log_has_its_kinds_times_and_calls(shared):
    runs = read_log(shared / "trajectories" / "inspect" / GIVEN[0])
    run = runs["ATYFNjyWUz4mZ5Dgj6yd4f"]
    kinds = Counter(step.name if step.kind == "wb.other" else step.kind for step in run.steps)
    assert (kinds["chat"], kinds["execute_tool"], kinds["sandbox"], kinds["wb.state"]) == (
        5,
        4,
        10,
        6,
    )
    assert (run.task_id, run.trial, run.model, run.provider) == (
        "1",
        0,
        "openai/gpt-4o-mini",
        "openai",
    )
    assert (run.outcome, run.scores, run.annotations[0].label) == (1.0, {"includes": 1.0}, "C")
    assert counted_usage(run) == run.recorded == Usage(15_235, 9_088, None, 281, 0)
    for step in run.calls:
        assert step.flags == frozenset()
        assert run.step(step.call_step).calls[0].call_id == step.tool_call_id
        assert step.start_ns < step.end_ns
    # the text was put aside as an attachment
    assert run.calls[0].result.startswith('[132] link "We are now the AI Security Institute"')


@pytest.mark.shared
def test_errors_of_tools_are_read_from_a_log_without_events(shared):
    run = read_log(shared / "trajectories" / "inspect" / "log_tool_call_error.json")[0]
    assert [step.error_type for step in run.steps] == [
        "parsing", "timeout", "parsing", "unicode_decode", "permission", "file_not_found", "is_a_directory",
        "limit", "approval", "unknown", "output_limit",
    ]  # fmt: skip
    assert {step.status for step in run.steps} == {"error"}
    assert run.trial == 3


@pytest.mark.shared
def test_a_log_without_samples_is_told_with_all_it_says(shared):
    path = shared / "trajectories" / "inspect" / "2025-05-12T20-28-13-04-00_no-samples.json"
    runs = read_log(path)
    assert len(runs) == 0
    (finding,) = runs.findings.to_dict("records")
    said = finding["evidence"].removeprefix("the log holds no samples; it says ")
    assert (finding["check"], finding["severity"]) == ("trajectories.no_samples", "info")
    assert json.loads(said) | {"samples": []} == json.loads(path.read_text())


# --- the producer's own logs in three shapes


@pytest.mark.parametrize("name", MADE)
def test_the_shapes_of_one_log_give_the_same_runs(name, fixtures):
    runs, whole = (
        read_log(fixtures / "inspect" / name),
        read_log(fixtures / "inspect" / "small.json"),
    )
    assert repr(runs) == "6 runs, 88 steps: inspect-log"
    assert sorted(runs.ids) == sorted(whole.ids)
    for run in runs:
        other = whole[run.run_id]
        assert (run.task_id, run.trial, run.scores, run.status) == (
            other.task_id, other.trial, other.scores, other.status,
        )  # fmt: skip
        assert [(step.kind, step.text, step.usage, step.parent) for step in run.steps] == [
            (step.kind, step.text, step.usage, step.parent) for step in other.steps
        ]
        assert run.extra["n_messages"] == other.extra["n_messages"]


def test_samples_and_epochs_are_tasks_and_trials(fixtures):
    runs = read_log(fixtures / "inspect" / "small.eval")
    found = sorted((run.task_id, run.trial, run.status) for run in runs)
    assert found == [
        ("2", 0, "ok"), ("2", 1, "ok"), ("3", 0, "error"), ("3", 1, "error"), ("sum/1", 0, "ok"),
        ("sum/1", 1, "ok"),
    ]  # fmt: skip


def test_an_agents_span_calls_and_scores_are_read(fixtures):
    runs = {
        (run.task_id, run.trial): run
        for run in read_log(fixtures / "inspect" / "small_chunked.eval")
    }
    run = runs["2", 0]
    agent = next(at for at, step in enumerate(run.steps) if step.kind == "invoke_agent")
    chats = [step for step in run.steps if step.kind == "chat"]
    assert {step.parent for step in chats} == {agent}
    assert {step.agent for step in chats} == {"react"}
    assert [step.status for step in run.calls] == ["error", "ok", "ok"]
    assert run.calls[0].result == "the first number must not be negative"
    assert run.calls[1].arguments == {"x": 0, "y": 2}
    assert run.calls[1].source == "samples/2_epoch_1/events/12.json!/0"
    # NaN is no score; the letter keeps its place beside its number
    assert run.scores == {"judge/right": 0.0, "judge/steps": 7.0}
    assert [(each.name, each.label) for each in run.annotations] == [
        ("judge/right", "I"), ("judge/steps", None), ("judge/nothing", None),
    ]  # fmt: skip
    # three calls of 10 tokens, 3 more from a cache, and 5 written
    assert counted_usage(run) == run.recorded == Usage(39, 9, None, 15, 6)
    broken = runs["3", 0]
    assert broken.termination == "RuntimeError('the model is out of order')"
    assert [step.error_message for step in broken.steps if step.kind == "wb.error"] == [
        broken.termination
    ]


def test_each_prompt_shows_only_what_is_new(fixtures):
    run = next(
        run for run in read_log(fixtures / "inspect" / "small.eval") if run.task_id == "sum/1"
    )
    chats = [step for step in run.steps if step.kind == "chat"]
    read_parts = [[part.role for part in step.parts if part.direction != "out"] for step in chats]
    assert read_parts == [["system"], ["tool"], ["tool"]]
    pool = run.extra["message_pool"]
    sizes = [sum(end - first for first, end in step.extra["input_refs"]) for step in chats]
    assert (sizes, len(pool)) == ([2, 4, 6], 7)


# --- nothing is lost


def put_back(value, texts):
    if isinstance(value, dict):
        return {name: put_back(each, texts) for name, each in value.items()}
    if isinstance(value, list):
        return [put_back(each, texts) for each in value]
    found = re.fullmatch(r"(attachment|tc)://(\w+)", value) if isinstance(value, str) else None
    return texts.get(found[2], value) if found else value


def without_attachments(sample):
    """A sample as it was before long texts were put aside."""
    if not isinstance(sample, dict):
        return sample
    told = sample.get("transcript")
    for holder, name in ((sample, "attachments"), (told, "content")):
        if isinstance(holder, dict) and isinstance(holder.get(name), dict):
            return put_back(sample, holder.pop(name))
    return sample


def content_of(path):
    """All that a log says, its attachments put back."""
    if path.suffix == ".json":
        told = json.loads(path.read_text())
        return told | {"samples": [without_attachments(each) for each in told["samples"]]}
    archive = Archive(Document(path, path.name))
    chunked, rest = {}, []
    for name in archive.names:
        found = re.fullmatch(r"(samples/.+_epoch_\d+)/(.+)", name)
        if found:
            chunked.setdefault(found[1], {})[found[2]] = archive.json(name)
        else:
            rest.append(without_attachments(archive.json(name)))
    for entries in chunked.values():
        own = [
            (name, entries.pop(name)) for name in list(entries) if name.startswith("attachments/")
        ]
        texts = {
            str(int(name[12:-5]) + at): each for name, all_ in own for at, each in enumerate(all_)
        }
        rest.append(put_back(entries, texts))
    return rest


@pytest.mark.shared
@pytest.mark.parametrize("name", GIVEN)
def test_nothing_of_a_given_log_is_lost(name, shared, missing_leaves):
    path = shared / "trajectories" / "inspect" / name
    assert missing_leaves(content_of(path), read_log(path)) == []


@pytest.mark.parametrize("name", MADE)
def test_nothing_of_a_made_log_is_lost(name, fixtures, missing_leaves):
    path = fixtures / "inspect" / name
    assert missing_leaves(content_of(path), read_log(path)) == []


def places(value):
    found, stack = [], [value]
    while stack:
        one = stack.pop()
        for key, each in one.items() if isinstance(one, dict) else enumerate(one):
            found.append((one, key))
            stack += [each] if isinstance(each, (dict, list)) else []
    return found


def test_values_of_a_wrong_kind_are_kept_or_told(fixtures, missing_leaves, at_most):
    # one sample of each kind; the whole log would only take longer
    small = json.loads((fixtures / "inspect" / "small.json").read_text())
    text = json.dumps(small | {"samples": small["samples"][1:3]})
    for seed in range(at_most(150)):
        chance, value = random.Random(seed), json.loads(text)
        for _ in range(chance.choice([1, 3, 10])):
            holder, key = chance.choice(places(value))
            holder[key] = chance.choice(ODD)
        content = json.dumps(value).encode()
        opened = document(content)
        runs = list(inspect_log.runs(opened))
        value = json.loads(content)
        if isinstance(value["samples"], list):
            value["samples"] = [without_attachments(each) for each in value["samples"]]
        assert opened.notices or missing_leaves(value, runs) == []


# --- Inspect's own idea of its spans


def skeleton_of(run):
    """Recompute, from steps alone, what Inspect's skeletons say of each span."""
    opened = [
        at for at, step in enumerate(run.steps)
        if step.extra.get("event") == "span_begin" or step.extra.get("action") == "begin"
    ]  # fmt: skip
    inside = {at: {at} for at in opened}
    for at, step in enumerate(run.steps):
        up = step.parent
        while up is not None:
            inside[up].add(at)
            up = run.steps[up].parent
    return [
        {
            "name": run.steps[at].name,
            "type": run.steps[at].extra.get("type"),
            "parent": None if run.steps[at].parent is None else opened.index(run.steps[at].parent),
            "begin": int(run.steps[at].source.rpartition("/")[2]),
            "events": sum(1 + ("end" in run.steps[each].extra) for each in inside[at]),
            "models": sum(run.steps[each].kind == "chat" for each in inside[at]),
            "t": [
                run.steps[at].start_ns,
                run.steps[at].end_ns or max(run.steps[each].end_ns or run.steps[each].start_ns for each in inside[at]),
            ],
        }
        for at in opened
    ]  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["basic", "empty", "gap_models", "legacy_steps", "parallel_spans", "steps_same_name"]
)
def test_spans_and_legacy_steps_nest_as_inspects_own_skeletons(name, shared):
    path = shared / "trajectories" / "inspect" / "skeleton" / f"{name}.json"
    case = json.loads(path.read_text())
    run = run_of(*case["events"])
    expected = case["expected"]
    assert run.extra["n_events"] == expected["counts"]["events"]
    assert sum(step.kind == "chat" for step in run.steps) == expected["counts"]["models"]
    assert skeleton_of(run) == [
        {name: span.get(name) for name in ("name", "type", "parent", "begin", "events", "models")}
        | {"t": [nanoseconds(each) for each in span["t"]]}
        for span in expected["spans"]
    ]


# --- single rules


def test_a_call_that_inspects_own_store_answered_costs_nothing():
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "total_cost": 0.25}
    run = run_of(
        model(usage=usage), model(usage=usage, cache="read"), model(usage=usage, cache="write")
    )
    assert [step.usage for step in run.steps] == [
        Usage(10, output_tokens=5, cost_usd=0.25), Usage(0, output_tokens=0, cost_usd=0.0),
        Usage(10, output_tokens=5, cost_usd=0.25),
    ]  # fmt: skip
    assert counted_usage(run) == Usage(20, output_tokens=10, cost_usd=0.5)


@pytest.mark.parametrize(
    ("total", "expected"),
    [(118, 100 + 10 + 3), (105, 100), (None, 100 + 10 + 3), (200, 100 + 10 + 3)],
)
def test_cached_tokens_are_among_those_read_whatever_the_log_counts(total, expected):
    usage = {"input_tokens": 100, "input_tokens_cache_read": 10, "input_tokens_cache_write": 3}
    run = run_of(model(usage=usage | {"output_tokens": 5, "total_tokens": total}))
    assert run.steps[0].usage == Usage(expected, 10, 3, 5)


def test_usage_of_several_models_is_summed_and_kept_apart_in_extra():
    usage = {
        "a/x": {"input_tokens": 1, "output_tokens": 2},
        "b/y": {"input_tokens": 10, "total_cost": 0.5},
    }
    run = run_of(model(), model_usage=usage)
    assert run.recorded == Usage(11, output_tokens=2, cost_usd=0.5)
    assert run.extra["sample"]["model_usage"] == usage


def test_answers_find_their_calls_by_id_even_where_ids_are_used_again():
    run = run_of(
        model(calls=["c", "d"]), tool("d"), tool("c"), model(calls=["c"]), tool("c"), tool("never asked"),
    )  # fmt: skip
    assert [step.call_step for step in run.calls] == [0, 0, 3, None]


def test_a_call_that_nothing_answered_is_a_step_flagged_unanswered():
    run = run_of(model(calls=["c", "d"]), tool("c"))
    assert [(step.tool_call_id, step.flags) for step in run.calls] == [
        ("c", frozenset()), ("d", frozenset({"unanswered"})),
    ]  # fmt: skip


def test_pending_truncated_cancelled_and_failed_events_are_told_apart():
    run = run_of(
        tool("a", pending=True), tool("b", truncated=[9, 3]), model(error="Cancelled by limit"),
        tool("c", "", error={"type": "cancelled", "message": "stop"}, failed=True), model(error="rate limit"),
        model(retries=3),
    )  # fmt: skip
    assert [(step.status, sorted(step.flags)) for step in run.steps] == [
        ("unset", ["pending"]), ("ok", ["truncated"]), ("cancelled", []), ("cancelled", []), ("error", []),
        ("ok", []),
    ]  # fmt: skip
    assert run.steps[-1].extra["retries"] == 3


def test_events_inside_old_tools_and_subtasks_are_steps_below_them():
    inner = [{"event": "info", "data": "in"}, model("from within")]
    run = run_of(
        tool("c", events=inner),
        {"event": "subtask", "name": "s", "input": {}, "events": [tool("d", events=inner)]},
    )
    assert [(step.name, step.parent, step.source) for step in run.steps] == [
        ("tool", None, "/samples/0/events/0"),
        ("info", 0, "/samples/0/events/0/events/0"),
        ("model", 0, "/samples/0/events/0/events/1"),
        ("s", None, "/samples/0/events/1"),
        ("tool", 3, "/samples/0/events/1/events/0"),
        ("info", 4, "/samples/0/events/1/events/0/events/0"),
        ("model", 4, "/samples/0/events/1/events/0/events/1"),
    ]


def test_limits_and_errors_end_a_run_in_their_own_words():
    limit = run_of(model(), limit={"type": "message", "limit": 5})
    assert (limit.status, limit.termination) == ("ok", "message limit")
    error = run_of(model(), error={"message": "out of order", "traceback": ""})
    assert (error.status, error.termination) == ("error", "out of order")


@pytest.mark.parametrize(
    ("value", "scores", "outcome"),
    [
        ("C", {"s": 1.0}, 1.0), ("I", {"s": 0.0}, 0.0), ("P", {"s": 0.5}, 0.5), (0.25, {"s": 0.25}, 0.25),
        ("0.5", {"s": 0.5}, 0.5), ("Yes", {"s": 1.0}, 1.0), ("false", {"s": 0.0}, 0.0), ("inf", {}, None),
        (True, {"s": 1.0}, 1.0), ("a word", {}, None), (float("nan"), {}, None), ([1, 2], {}, None),
        ({"a": 1, "b": "C"}, {"s/a": 1.0, "s/b": 1.0}, None),
    ],
)  # fmt: skip
def test_scores_are_numbers_where_they_can_be(value, scores, outcome):
    run = run_of(model(), scores={"s": {"value": value}})
    assert (run.scores, run.outcome) == (scores, outcome)
    assert json.dumps(run.extra["sample"]["scores"]["s"]["value"]) == json.dumps(value)


def test_contents_of_many_kinds_become_parts():
    content = [
        {"type": "reasoning", "reasoning": "hm", "signature": "sig"},
        {"type": "text", "text": "yes"},
        {"type": "image", "image": "data:image/png;base64,AAAA"},
        {"type": "audio", "audio": "https://example.org/a.wav", "format": "wav"},
        {"type": "tool_use", "tool_type": "web_search", "id": "w", "name": "search", "arguments": '{"q": 1}',
         "result": "found"},
        {"type": "data", "data": {"x": 1}},
    ]  # fmt: skip
    event = model()
    event["output"]["choices"][0]["message"]["content"] = content
    parts = run_of(event).steps[0].parts
    assert [(part.type, part.text, part.mime_type) for part in parts] == [
        ("reasoning", "hm", None), ("text", "yes", None), ("blob", "data:image/png;base64,AAAA", "image/png"),
        ("uri", "https://example.org/a.wav", None), ("server_tool_call", '{"q": 1}', None),
        ("server_tool_call_response", "found", None), ("opaque", None, None),
    ]  # fmt: skip
    assert parts[4].arguments == {"q": 1}
    assert parts[-1].extra == {"type": "data", "data": {"x": 1}}


def test_messages_of_a_log_without_events_are_paired_by_id():
    call = {"id": "c", "function": "f", "arguments": {"a": 1}, "type": "function"}
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [call], "model": "m"},
        {"role": "tool", "content": "done", "function": "f", "tool_call_id": "c"},
    ]
    run = run_of(messages=messages)
    assert [step.kind for step in run.steps] == ["wb.system", "wb.input", "chat", "execute_tool"]
    assert (run.steps[3].call_step, run.steps[3].result) == (2, "done")
    assert (run.extra["n_messages"], run.extra["n_events"]) == (4, 0)


def test_references_without_attachments_are_told():
    told = log({"event": "info", "data": "attachment://2"}, attachments={"1": "never used"})
    runs = read_log(told)
    assert runs.findings["evidence"].tolist() == ["1 references lead to no attachment"]
    assert runs[0].extra["attachments"] == {"1": "never used"}


# --- archives of logs


def archived(entries):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, value in entries.items():
            archive.writestr(name, json.dumps(value))
    return stream.getvalue()


def told_of(entries):
    opened = document(archived(entries))
    runs = list(inspect_log.runs(opened))
    return runs, [f"{notice.place} {notice.reason}" for notice in opened.notices]


def test_a_log_that_did_not_end_is_read_from_its_journal():
    head = {"version": 2, "eval": {"task": "t", "model": "p/m"}}
    runs, notices = told_of(
        {"_journal/start.json": head, "samples/1_epoch_1.json": {"id": 1, "epoch": 1}}
    )
    assert (runs[0].model, runs[0].agent) == ("p/m", "t")
    assert notices == ["header.json! the log has no header: its eval did not end"]


def test_samples_that_are_summed_up_but_not_there_are_told():
    entries = {
        "samples/1_epoch_1.json": {"id": 1, "epoch": 1},
        "summaries.json": [{"id": 1, "epoch": 1}, {"id": 1, "epoch": 2}],
        "header.json": {"eval": {"task": "t"}},
    }
    runs, notices = told_of(entries)
    assert len(runs) == 1
    assert notices == ["summaries.json! the log does not hold sample 1 of epoch 2"]


def test_a_chunk_that_is_missing_is_told_and_the_others_keep_their_numbers():
    prefix = "samples/x_epoch_1"
    entries = {
        "header.json": {"eval": {"task": "t"}},
        f"{prefix}/sample.json": {"id": "x", "epoch": 1, "message_refs": [[2, 3]]},
        f"{prefix}/messages/2.json": [{"role": "user", "content": "third"}],
        f"{prefix}/events/0.json": [model(input_refs=[[2, 3]])],
        f"{prefix}/events/1000.json": [{"event": "info", "data": "later"}],
    }
    (run,), notices = told_of(entries)
    assert [part.text for part in run.steps[0].parts] == ["third", "yes"]
    assert [step.source for step in run.steps] == [
        f"{prefix}/events/0.json!/0",
        f"{prefix}/events/1000.json!/0",
    ]
    assert notices == [
        f"{prefix}! 2 of its 3 messages are missing",
        f"{prefix}! 999 of its 1001 events are missing",
    ]


def test_entries_that_belong_to_no_log_are_told():
    entries = {
        "header.json": {"eval": {"task": "t"}},
        "samples/1_epoch_1.json": {"id": 1},
        "note.txt": 1,
    }
    assert told_of(entries)[1] == ["note.txt! it is no part of a log: 1 bytes"]


# --- broken and hostile logs


@pytest.mark.parametrize("name", ["small.eval", "small_chunked.eval", "small.json"])
def test_broken_logs_never_raise_and_are_told(name, fixtures, mutations):
    content = (fixtures / "inspect" / name).read_bytes()
    for broken in mutations(content, 200 if name != "small.json" else 60):
        opened = document(broken)
        inspect_log.recognises(opened.first)
        assert list(inspect_log.runs(opened)) or opened.notices


@pytest.mark.shared
@pytest.mark.parametrize("name", [*GIVEN, "2025-05-12T20-28-13-04-00_no-samples.json"])
def test_given_logs_are_recognised_by_what_they_hold(name, shared):
    path = shared / "trajectories" / "inspect" / name
    assert reader_of(Document(path, name)).NAME == "inspect-log"


def test_a_log_is_recognised_though_its_list_of_entries_is_cut_off(fixtures):
    content = (fixtures / "inspect" / "small.eval").read_bytes()
    assert reader_of(document(content[:-400])).NAME == "inspect-log"


def test_prompts_that_refer_to_everything_again_and_again_take_no_time():
    # 3,000 calls that each read 3,000 messages: nine million in all
    messages = [{"role": "user", "content": f"{at}"} for at in range(3000)]
    events = [model(input_refs=[[0, 3000]]) for _ in range(3000)]
    start = time.process_time()
    run = run_of(*events, events_data={"messages": messages, "calls": []})
    assert time.process_time() - start < 5
    assert sum(len(step.parts) for step in run.steps) == 3000 + 3000


def test_parents_in_a_circle_and_spans_without_end_are_read():
    begin = {"event": "span_begin", "name": "n", "type": "agent"}
    run = run_of(
        begin | {"id": "a", "parent_id": "b"}, begin | {"id": "b", "parent_id": "a"},
        begin | {"id": "c", "parent_id": "c"}, {"event": "span_end", "id": "nobody"},
    )  # fmt: skip
    assert [step.parent for step in run.steps] == [None, 0, None, None]
    assert {step.end_ns for step in run.steps} == {None}
