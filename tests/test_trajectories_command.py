"""`workbench trajectories …` from a shell: what it says, what it writes, and how it ends."""

import gzip
import json
from itertools import islice

import pytest

from workbench import cli

CLAIMS = "claims-agent"


def run(capsys, *arguments):
    status = cli.main(["trajectories", *map(str, arguments)])
    told = capsys.readouterr()
    return status, told.out, told.err


def a_run(at, *said, reward=1.0):
    messages = [{"role": "user", "content": "Hello"}]
    messages += [{"role": "assistant", "content": text} for text in said]
    return {"task_id": 0, "trial": at, "reward": reward, "info": {}, "traj": messages}


@pytest.fixture
def log(tmp_path):
    place = tmp_path / "log.json"
    place.write_text(json.dumps([a_run(0, "Hi.", "Done."), a_run(1, "Hi.", "No.", reward=0.0)]))
    return place


def test_a_summary(capsys, log):
    status, out, err = run(capsys, "summary", log)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "2 runs, 6 steps: tau-bench; shares with 95 % intervals (Wilson)"
    status, out, _ = run(capsys, "summary", log, "--json")
    (row,) = json.loads(out)["rows"]
    assert (row["n_runs"], row["n_judged"], row["success"], row["input_tokens"]) == (
        2,
        2,
        0.5,
        None,
    )


def test_a_summary_tells_what_could_not_be_read(capsys, log):
    log.write_text(log.read_text()[:-30])
    status, out, _ = run(capsys, "summary", log)
    assert status == 0
    assert "error: log.json#: " in out
    assert "cannot be read" in out


@pytest.mark.parametrize("action", ["summary", "loops", "attribute", "diff"])
@pytest.mark.parametrize("as_json", [False, True])
def test_runs_that_do_not_say_how_they_ended_are_told_too(capsys, tmp_path, action, as_json):
    place = tmp_path / "chats.jsonl"
    chat = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}]
    place.write_text(f"{json.dumps({'messages': chat})}\n" * 2)
    status, out, err = run(capsys, action, place, *["--json"] * as_json)
    assert status == 0
    assert out or action == "attribute"
    told = "workbench: 0 of 2 runs failed, as far as they say\n"
    assert err == (told if action == "attribute" else "")


def test_a_sum_of_some_runs_says_of_how_many(capsys, tmp_path):
    message = {"role": "user", "content": "a"}
    answer = {
        "object": "chat.completion", "usage": {"prompt_tokens": 5, "completion_tokens": 1},
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "b"}}],
    }  # fmt: skip
    known = {"request": {"messages": [message]}, "response": answer}
    lines = [known, {"messages": [message, message]}]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert "5 (1 of 2 runs)" in run(capsys, "summary", tmp_path)[1]


def test_what_is_read_is_not_written_over(capsys, log):
    before = log.read_bytes()
    for given in (("convert", log, log, "--to", "atif"), ("seal", log, log)):
        status, _, err = run(capsys, *given)
        assert (status, err) == (
            2, "workbench: what is written must not replace what is read, but "
            f"{log} is the log itself; name another file.\n",
        )  # fmt: skip
    assert log.read_bytes() == before


def test_a_difference(capsys, log):
    status, out, _ = run(capsys, "diff", log)
    assert status == 0
    assert "they part at place 2 (text differs)" in out
    (log.parent / "one.json").write_text(json.dumps([a_run(0, "Hi.")]))
    assert run(capsys, "diff", log.parent / "one.json") == (
        2, "", "workbench: a comparison must have two runs or more, but 1 came; name them.\n",
    )  # fmt: skip


def test_the_suspects_of_failed_runs(capsys):
    status, out, _ = run(
        capsys, "attribute", CLAIMS, "--run", "586e119209fbebcc717d94813c1f0727", "--top", 1
    )
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "run 586e119209fbebcc717d94813c1f0727"
    assert lines[1].startswith("  step 3 (agent reasoning, 0.")
    assert "passes policy_number=TR-423290-W, which stands in nothing read before" in lines[1]


def test_suspects_as_json_are_of_the_runs_that_failed(capsys, log):
    status, out, _ = run(capsys, "attribute", log, "--json")
    rows = json.loads(out)["rows"]
    assert status == 0
    assert len({row["run_id"] for row in rows}) == 1
    assert rows[0]["run_id"].endswith("/1")


def test_a_policy_that_is_broken_ends_with_one(capsys, log, root, tmp_path):
    policy, some = root / "datasets" / CLAIMS / "policy.yaml", tmp_path / "some.jsonl"
    assert run(capsys, "check", log, "--policy", policy)[:2] == (0, "nothing was broken\n")
    with gzip.open(root / "datasets" / CLAIMS / "runs.jsonl.gz", "rt", encoding="utf-8") as stream:
        some.write_text("".join(islice(stream, 7, 96, 8)), encoding="utf-8")
    status, out, _ = run(capsys, "check", some, "--policy", policy)
    assert (status, out.splitlines()[-1]) == (1, "3 breaches in 3 runs")
    status, out, _ = run(capsys, "check", some, "--policy", policy, "--json")
    assert (status, len(json.loads(out)["rows"])) == (1, 3)


@pytest.mark.slow
def test_every_breach_of_the_shipped_agent_is_told(capsys, root):
    policy = root / "datasets" / CLAIMS / "policy.yaml"
    status, out, _ = run(capsys, "check", CLAIMS, "--policy", policy)
    assert (status, out.splitlines()[-1]) == (1, "82 breaches in 82 runs")
    status, out, _ = run(capsys, "check", CLAIMS, "--policy", policy, "--json")
    assert (status, len(json.loads(out)["rows"])) == (1, 82)


def test_what_could_not_be_checked_is_no_breach(capsys, tmp_path):
    spans = [
        {"traceId": "ab" * 16, "spanId": f"{at:016x}", "name": "t", "startTimeUnixNano": str(at)}
        | {"attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
            {"key": "gen_ai.tool.name", "value": {"stringValue": tool}},
        ]}
        for at, tool in enumerate(("a", "b", "c"), 1)
    ]  # fmt: skip
    log, policy = tmp_path / "log.json", tmp_path / "policy.yaml"
    log.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    cases = {
        "{rule: budget, cost_usd: 1}": "1 warning in 1 run",
        "{rule: allowed_tools, tools: [a]}": "2 breaches in 1 run",
        "{rule: allowed_tools, tools: [a, b]}, {rule: budget, cost_usd: 1}": "1 breach, 1 warning in 1 run",
    }
    for rules, said in cases.items():
        policy.write_text(f"name: mine\nrules: [{rules}]\n")
        status, out, _ = run(capsys, "check", log, "--policy", policy)
        assert (status, out.splitlines()[-1]) == (1, said)


def test_runs_as_a_page_to_read(capsys, log):
    places = [log.parent / name for name in ("one.html", "two.html")]
    for place in places:
        assert run(capsys, "view", log, "--out", place) == (
            0, f"{place}: 2 runs; open it in a browser\n", "",
        )  # fmt: skip
    assert places[0].read_bytes() == places[1].read_bytes()
    assert "default-src &#x27;none&#x27;" in places[0].read_text()


def test_loops(capsys, log):
    status, out, _ = run(capsys, "loops", log)
    assert status == 0
    assert "no loop" in out.lower() or "0 " in out


@pytest.mark.parametrize("to", ["otlp", "atif", "openai-chat", "jsonl"])
def test_runs_in_another_format(capsys, log, to):
    place = log.parent / "other.json"
    status, out, err = run(capsys, "convert", log, place, "--to", to)
    assert (status, out, err) == (0, f"{place}: 2 runs as {to}\n", "")
    assert run(capsys, "summary", place, "--json")[0] == 0
    assert run(capsys, "summary", place)[1].startswith("2 runs, ")


def test_an_audit_log_is_sealed_redacted_verified_and_a_change_is_found(capsys, log):
    audit, key, public = (log.parent / name for name in ("audit.jsonl", "a.pem", "a.pub"))
    status, out, _ = run(capsys, "seal", log, audit, "--key", key, "--new-key", public)
    assert status == 0
    head = out.split()[-1]
    shared = log.parent / "shared.jsonl"
    assert run(capsys, "redact", audit, shared, "--names", "agent")[0] == 0
    for each in (audit, shared):
        status, out, _ = run(capsys, "verify", each, "--key", public, "--head", head)
        assert (status, out.splitlines()[0]) == (0, "whole, signed")
    assert out.endswith(" redacted, what is shown for them is unproven\n")
    audit.write_text(audit.read_text().replace("Done.", "Gone."))
    status, out, _ = run(capsys, "verify", audit)
    assert status == 1
    assert "is not what was sealed" in out
    status, out, _ = run(capsys, "verify", audit, "--json")
    told = json.loads(out)
    assert (status, told["whole"], set(told["broken"][0])) == (1, False, {"line", "reason"})


def test_input_that_cannot_be_used_is_said_in_one_sentence(capsys, tmp_path, log):
    assert run(capsys, "summary", tmp_path / "none.json") == (
        2, "", "workbench: trajectories must be in a file or a folder, but there is no "
        f"{tmp_path / 'none.json'}; check the path.\n",
    )  # fmt: skip
    (tmp_path / "odd.json").write_text('{"a": 1}')
    status, out, err = run(capsys, "summary", tmp_path / "odd.json")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(
        "workbench: a file of trajectories must be of a known format, but odd.json is not; "
    )
    status, _, err = run(capsys, "convert", log, tmp_path / "x", "--to", "xml")
    assert (status, err.count("\n"), (tmp_path / "x").exists()) == (2, 1, False)


def test_growing_logs_are_followed_and_an_alert_ends_with_one(capsys, tmp_path, root):
    with gzip.open(root / "datasets" / CLAIMS / "runs.jsonl.gz", "rt") as stream:
        (tmp_path / "log.jsonl").write_text("".join(next(stream) for _ in range(5)))
    given = ("follow", tmp_path / "log.jsonl", "--seconds", "0.3", "--every", "0.1")
    status, out, err = run(capsys, *given)
    assert (status, err) == (0, "")
    assert out.startswith("Update: 5 new runs, ")
    log = tmp_path / "alerts.log"
    status, out, _ = run(capsys, *given, "--alert", "runs>3", "--log", log, "--window", "3650d")
    assert status == 1
    assert json.loads(log.read_text())["figure"] == "runs"
    assert run(capsys, *given, "--alert", "many errors")[::2] == (
        2, "workbench: an alert must be like error_rate>0.1, but 'many errors' came; write it so.\n",
    )  # fmt: skip
