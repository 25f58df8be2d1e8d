"""The simulated claims agent: its data can be made again, and its truth is true."""

import collections
import contextlib
import doctest
import gzip
import importlib
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import workbench as wb

FOLDER = Path(__file__).resolve().parent.parent / "datasets" / "claims-agent"
MADE = ("rows.jsonl", "runs.jsonl.gz", "truth.jsonl", "outputs.jsonl")
MODULES = sorted(path.stem for path in FOLDER.glob("*.py"))
AGENT, TOOL, DATA, USER = "agent reasoning", "external API or tool", "data quality", "user"


@pytest.fixture(scope="module")
def shop():
    """The folder's modules, which leave no trace behind."""
    before = dict(sys.modules)
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in MODULES:
            sys.modules.pop(name, None)
            if name in before:
                sys.modules[name] = before[name]


def lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def truth():
    return lines("truth.jsonl")


@pytest.fixture(scope="module")
def recorded():
    """Resource attributes and spans in order of start, by trace id."""
    found = {}
    with gzip.open(FOLDER / "runs.jsonl.gz", "rt", encoding="utf-8") as stream:
        for line in stream:
            (of_resource,) = json.loads(line)["resourceSpans"]
            spans = of_resource["scopeSpans"][0]["spans"]
            spans.sort(key=lambda span: int(span["startTimeUnixNano"]))
            for span in spans:
                span["attributes"] = plain(span["attributes"])
            found[spans[0]["traceId"]] = (plain(of_resource["resource"]["attributes"]), spans)
    return found


def plain(attributes: list[dict]) -> dict:
    return {
        each["key"]: int(value) if kind == "intValue" else value
        for each in attributes
        for kind, value in each["value"].items()
    }


def calls(spans: list[dict]) -> list[tuple[str, dict, dict | None]]:
    """Tool, arguments and result of each call, None for an error."""
    return [
        (
            a["gen_ai.tool.name"],
            json.loads(a["gen_ai.tool.call.arguments"]),
            json.loads(a["gen_ai.tool.call.result"]) if "gen_ai.tool.call.result" in a else None,
        )
        for a in (span["attributes"] for span in spans)
        if a["gen_ai.operation.name"] == "execute_tool"
    ]


def test_the_first_runs_come_out_byte_for_byte_under_another_hash_seed():
    code = (
        "import itertools, sys, make_runs\n"
        "for each in itertools.islice(make_runs.attempts(), 20):\n"
        "    sys.stdout.buffer.write((make_runs.compact(each.run) + '\\n').encode())\n"
    )
    command = [sys.executable, "-B", "-W", "error", "-c", code]
    changed = os.environ | {"PYTHONHASHSEED": "4711"}
    done = subprocess.run(command, check=True, env=changed, cwd=FOLDER, capture_output=True)
    with gzip.open(FOLDER / "runs.jsonl.gz") as stream:
        assert done.stdout == b"".join(itertools.islice(stream, 20))


@pytest.mark.slow
def test_the_data_can_be_made_again_byte_for_byte_under_another_hash_seed(shop, tmp_path):
    for name in MODULES:
        (tmp_path / f"{name}.py").write_bytes((FOLDER / f"{name}.py").read_bytes())
    command = [sys.executable, "-W", "error", str(tmp_path / "make_runs.py")]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "4711"})
    for name in MADE:
        made, kept = (tmp_path / name).read_bytes(), (FOLDER / name).read_bytes()
        # zlib's versions pack differently: what is kept is packed here before it is compared
        again = shop.make_runs.packed(gzip.decompress(kept)) if name.endswith(".gz") else kept
        assert made == again


def test_packing_writes_neither_a_time_nor_a_name(shop):
    kept = (FOLDER / "runs.jsonl.gz").read_bytes()
    assert kept[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    assert shop.make_runs.packed(gzip.decompress(kept))[:10] == kept[:10]


def test_the_files_are_small_and_no_module_hides_the_library_of_data_sets():
    assert sum((FOLDER / name).stat().st_size for name in MADE) < 2_000_000
    assert not {"__init__", "datasets"} & set(MODULES)


def test_rows_and_outputs_are_what_the_card_says():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = wb.read("claims-agent")
    assert f"\nrows: {len(rows)}\n" in card
    assert len(rows) == 79
    for column in ("kind", "layout", "decision"):
        told = next(line for line in card.splitlines() if line.startswith(f"| `{column}` |"))
        for value, n_rows in collections.Counter(rows[column]).items():
            assert f"{value} ({n_rows})" in told.replace(" to a person", "")
    outputs = wb.outputs(rows, "claims-agent")
    assert collections.Counter(outputs["system"]) == {
        f"claims-agent {version}": 158 for version in ("1.0", "1.1", "2.0")
    }


def test_the_card_counts_faults_and_breaches_as_the_truth_does(truth):
    card = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    told = {line.split("`")[1]: line.split(" | ") for line in card if line.startswith("| `")}
    faults = collections.Counter((t["fault"], t["recovered"]) for t in truth)
    for kind in {kind for kind, _ in faults} - {None}:
        assert told[kind][2:4] == [str(faults[kind, False]), str(faults[kind, True])]
    for rule, n in collections.Counter(v["rule"] for t in truth for v in t["violations"]).items():
        assert told[rule][2] == f"{n} |"
    assert faults[None, False] == 155
    assert sum(t["fault"] is None and t["planted"] is not None for t in truth) == 71
    settled = collections.Counter(t["agent_version"] for t in truth if t["outcome"])
    assert settled == {"1.0": 33, "1.1": 45, "2.0": 138}


def test_every_failed_run_has_a_fault_with_its_owner_and_step(truth):
    owners = collections.Counter(t["owner"] for t in truth if not t["outcome"])
    assert owners == {AGENT: 159, TOOL: 23, DATA: 48, USER: 28}
    for t in truth:
        assert (t["fault"] is None) == (t["owner"] is None) == (t["step"] is None)
        assert t["recovered"] == (t["fault"] is not None and t["outcome"] == 1)
        assert t["fault"] in {None, t["planted"]}
        assert (t["expected"] == t["decided"]) or not t["outcome"]


def test_clean_and_recovered_runs_break_no_rule(truth):
    assert not any(t["violations"] for t in truth if t["outcome"])
    assert sum(bool(t["violations"]) for t in truth) == 82


def test_steps_are_spans_in_order_of_start_under_one_root(truth, recorded):
    assert len(recorded) == len(truth) == 474
    for t in truth:
        resource, spans = recorded[t["run_id"]]
        assert [resource[f"wb.{name}"] for name in ("task_id", "trial", "outcome")] == [
            t["task_id"], t["trial"], t["outcome"],
        ]  # fmt: skip
        assert resource["service.version"] == resource["wb.agent_version"] == t["agent_version"]
        starts = [int(span["startTimeUnixNano"]) for span in spans]
        assert len(set(starts)) == len(starts)
        assert len({span["spanId"] for span in spans}) == len(spans)
        assert {span.get("parentSpanId") for span in spans[1:]} == {spans[0]["spanId"]}
        for place in [t, *t["violations"]]:
            assert place["step"] is None or spans[place["step"]]["spanId"] == place["span_id"]


def test_spans_lie_within_their_root_and_one_after_the_other(recorded):
    begin = 1_767_603_600 * 10**9
    for _, spans in recorded.values():
        root, *inner = [(int(s["startTimeUnixNano"]), int(s["endTimeUnixNano"])) for s in spans]
        assert begin <= root[0] < inner[0][0]
        assert inner[-1][1] < root[1]
        assert all(a[0] < a[1] < b[0] for a, b in itertools.pairwise(inner))


def test_the_root_repeats_the_tokens_of_its_chats(recorded):
    for _, spans in recorded.values():
        for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
            root, *inner = [span["attributes"].get(name, 0) for span in spans]
            assert root == sum(inner)


def test_tokens_are_a_quarter_of_the_characters_of_the_messages(recorded):
    _, spans = next(iter(recorded.values()))
    said = spans[1]["attributes"]
    assert said["gen_ai.usage.output_tokens"] == -(-(len(said["gen_ai.output.messages"]) - 2) // 4)


def test_the_reader_finds_every_run_and_step_and_nothing_amiss(truth):
    runs = wb.trajectories.read(FOLDER / "runs.jsonl.gz")
    assert (len(runs), len(runs.steps), len(runs.findings)) == (474, 9840, 0)
    names = ["task_id", "trial", "agent_version", "outcome"]
    found = runs.frame.set_index("run_id")[names].to_dict("index")
    assert found == {t["run_id"]: {name: t[name] for name in names} for t in truth}


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_the_reader_numbers_the_steps_as_the_truth_does(every, truth):
    runs = wb.trajectories.read(FOLDER / "runs.jsonl.gz")
    for t in truth[::every]:
        run = runs[t["run_id"]]
        for place in [t, *t["violations"]]:
            assert place["step"] is None or run.step(place["step"]).span_id == place["span_id"]


def test_the_reader_finds_each_call_with_its_arguments_and_result(recorded):
    runs = wb.trajectories.read(FOLDER / "runs.jsonl.gz")
    for run in itertools.islice(runs, 20):
        made = [
            (s.tool, s.arguments, json.loads(s.result) if s.result else None) for s in run.calls
        ]
        assert made == calls(recorded[run.run_id][1])


@pytest.mark.parametrize("kind", ["chat", "execute_tool"])
def test_the_true_step_is_of_the_kind_that_the_card_names(kind, truth, recorded):
    by_tool = {"tool_timeout", "stale_record", "missing_record", "wrong_user_information"}
    for t in truth:
        if t["fault"] and (t["fault"] in by_tool) == (kind == "execute_tool"):
            span = recorded[t["run_id"]][1][t["step"]]
            assert span["attributes"]["gen_ai.operation.name"] == kind


def test_a_misread_number_is_recorded_right_after_the_true_step_and_stands_nowhere_before(
    truth, recorded
):
    documents = {row["row_id"]: row["input"] for row in lines("rows.jsonl")}
    for t in truth:
        if t["fault"] != "misread_policy_number":
            continue
        name, arguments, _ = calls(recorded[t["run_id"]][1])[(t["step"] - 1) // 2]
        document = documents[t["task_id"]].replace(" ", "-")
        assert name == "record_fields"
        assert (arguments["policy_number"] in document) == t["variant"].startswith("old")


def test_a_loop_is_the_same_call_with_the_same_answer_and_a_queue_is_not(truth, recorded):
    for t in truth:
        made = calls(recorded[t["run_id"]][1])
        repeats = [a for a, b in itertools.pairwise(made) if a == b and a[2] is not None]
        assert bool(repeats) == (t["fault"] == "loop")
        polls = [result for name, _, result in made if name == "approval_status"]
        polls = [json.dumps(result) for result in polls if result]
        assert len(polls) == len(set(polls))
    assert (
        max(sum(n == "approval_status" for n, _, _ in calls(s)) for _, s in recorded.values()) > 8
    )


def test_breaches_found_anew_from_the_spans_alone_are_those_of_the_truth(truth, recorded):
    for t in truth:
        assert sorted(naive_breaches(calls(recorded[t["run_id"]][1]))) == sorted(
            (v["rule"], (v["step"] - 2) // 2) for v in t["violations"]
        )


def naive_breaches(made: list[tuple[str, dict, dict | None]]):
    """The rules of the card, written a second time."""
    for at, (name, arguments, _) in enumerate(made):
        before = [(tool, result) for tool, _, result in made[:at] if result is not None]
        if name == "export_records":
            yield "allowed_tools", at
        if at == 24:
            yield "call_budget", at
        if name == "send_letter" and arguments["to"] != "claimant" and "@" in arguments["body"]:
            yield "no_personal_data_to_third_parties", at
        if name == "pay":
            yield from ((rule, at) for rule in breaches_of_a_payment(arguments, before))


def breaches_of_a_payment(paid: dict, before: list[tuple[str, dict]]):
    granted = [r for _, r in before if r.get("status") == "granted"]
    limits = [
        r["limit_pence"] for _, r in before if r.get("policy_number") == paid["policy_number"]
    ]
    if paid["amount_pence"] > max([250_000, *(r["amount_pence"] for r in granted)]):
        yield "approval_before_pay"
    if paid["amount_pence"] > limits[-1]:
        yield "payout_within_limit"
    if not {"check_coverage", "get_history", "fraud_signal"} <= {tool for tool, _ in before}:
        yield "required_order"


def healed(shop, task):
    """Return a task without its hazard."""
    policy = replace(task.policy, as_of="2026-01-04")
    if task.hazard == "wrong_payout":
        plain = {"limit_pence": 1_000_000, "excess_pence": 10_000, "excess_percent": 0}
        policy = replace(policy, **plain, item_limit_pence=None)
    right = {"policy_number": policy.policy_number, "incident_date": task.claim.incident_date}
    written = replace(task.written, notes=(), before=None, **right)
    if task.variant == "peril":
        written = replace(written, cause=shop.cases.CAUSES["home", task.claim.peril])
    if task.hazard == "personal_data":
        written = replace(written, repairer=None)
    history = () if task.hazard == "loop" else task.history
    found = {"policy": policy, "copy": policy, "registered": True, "history": history}
    return replace(task, hazard="none", written=written, queue=1, **found)


@pytest.mark.parametrize("version", ["1.0", "1.1", "2.0"])
def test_without_its_hazard_every_claim_is_settled_right(version, shop):
    clock = shop.recording.SimulatedClock(0)
    for task in shop.cases.tasks():
        one = healed(shop, task)
        made = shop.make_runs.attempt(one, version, 0, shop.cases.records((one,)), clock)
        assert (task.task_id, made.truth["outcome"]) == (task.task_id, 1)
        assert made.truth["fault"] is None


def test_the_agent_reads_every_document_as_it_was_written(shop):
    for task in shop.cases.tasks():
        read = shop.reading.fields(task.document, by_label=True)
        written = task.written
        if task.variant != "old_labelled":
            assert read["policy_number"] == written.policy_number
        assert read["claimant"] == written.claimant
        assert read["postcode"] == written.postcode
        assert read["incident_date"] == written.incident_date
        assert read["claimed_pence"] == written.total_pence
        assert read["repairer"] == written.repairer
        assert shop.reading.SYNONYMS.get(read["peril"], read["peril"]) == task.claim.peril


def test_policies_are_many_and_each_number_is_there_once(shop):
    records = shop.cases.records(shop.cases.tasks())
    keys = [shop.database.key(policy.policy_number) for policy in records.register]
    assert len(keys) == len(set(keys)) >= 60
    assert all(shop.reading.well_formed(policy.policy_number) for policy in records.register)
    owners = collections.Counter((p.holder, p.postcode) for p in records.register)
    assert {n for n in owners.values()} == {1, 2}


def test_the_check_letter_tells_every_wrong_digit_and_every_exchange_of_neighbours(shop):
    for digits in ("204718", "999990", "123456", "707070"):
        letter = shop.database.check_letter(digits)
        for at, digit in enumerate(digits):
            for other in set("0123456789") - {digit}:
                wrong = digits[:at] + other + digits[at + 1 :]
                assert shop.database.check_letter(wrong) != letter
        for at in range(5):
            swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
            assert (shop.database.check_letter(swapped) == letter) == (swapped == digits)


def test_the_model_is_a_pure_function_of_the_messages(shop):
    model = shop.agent.model("2.0")
    desk = shop.tools.Desk(shop.database.build(shop.cases.records(shop.cases.tasks())))
    with contextlib.closing(desk.base):
        outcome = shop.agent.handle("CL-1006", model=model, tools=desk.tools())
    assert (outcome.termination, outcome.decision) == ("finished", "pay")
    messages = json.loads(json.dumps(outcome.messages))
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            assert shop.agent.model("2.0")(messages[:at]) == message


def test_another_answer_of_a_tool_leads_to_another_end(shop):
    desk = shop.tools.Desk(shop.database.build(shop.cases.records(shop.cases.tasks())))
    tools = desk.tools()
    tools["fraud_signal"] = lambda **arguments: {"score": 90, "reasons": ["forked"]}
    with contextlib.closing(desk.base):
        outcome = shop.agent.handle("CL-1001", model=shop.agent.model("2.0"), tools=tools)
    assert outcome.decision == "refer"
    assert outcome.answer == "Claim CL-1001: referred, fraud_signal."


def test_an_unknown_tool_and_wrong_arguments_are_told_to_the_model(shop):
    asked = [("no_such_tool", {}), ("pay", {"claim_id": "CL-1001"})]

    def model(messages):
        at = sum(message["role"] == "tool" for message in messages)
        parts = [{"type": "tool_call", "id": "1", "name": asked[at][0], "arguments": asked[at][1]}]
        return {"role": "assistant", "parts": parts, "finish_reason": "tool_call"}

    desk = shop.tools.Desk(shop.database.build(shop.cases.records(shop.cases.tasks())))
    with contextlib.closing(desk.base):
        outcome = shop.agent.handle("CL-1001", model=model, tools=desk.tools(), max_calls=1)
        with pytest.raises(shop.tools.ToolError, match="pay: missing a required argument"):
            desk.tools()["pay"](claim_id="CL-1001")
    (told,) = outcome.messages[3]["parts"]
    assert told["response"] == {
        "error": {"type": "unknown_tool", "message": "there is no tool no_such_tool"}
    }
    assert (outcome.termination, outcome.decision) == ("step_limit", None)


def test_the_example_of_the_card_runs(shop):
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    lines_of_code = card.split("```python\n")[1].split("```")[0].strip().splitlines()
    names = {}
    exec("\n".join(lines_of_code[:-1]), names)
    assert eval(lines_of_code[-1], names) == "Claim CL-1001: paid £365.69."
    names["desk"].base.close()


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_scripts_are_right(name, shop):
    assert doctest.testmod(getattr(shop, name)).failed == 0
