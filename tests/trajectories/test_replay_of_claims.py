"""Sessions of the shipped claims agent, with its real tools: replayed byte for byte, and forked."""

import importlib
import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.trajectories.replays.recording import record
from workbench.trajectories.replays.replaying import fork, replay

FOLDER = Path(__file__).resolve().parents[2] / "datasets" / "claims-agent"
MODULES = ("agent", "cases", "database", "faults", "rules", "tools", "turns")
AGAIN = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from workbench.trajectories.replays.recording import Recording
from workbench.trajectories.replays.replaying import replay
import agent, tools
found = {}
for place in sys.argv[3:]:
    kept = Recording.read(place)
    session = lambda asks: settled(asks, *kept.result[:2])
    def settled(asks, claim, version):
        model = asks.wrap(agent.model(version), name="model", kind="chat")
        named = {name: asks.wrap(name=name) for name in (*tools.ALLOWED, *tools.FORBIDDEN)}
        done = agent.handle(claim, model=model, tools=named)
        return [claim, version, done.termination, done.answer, list(done.messages)]
    found[place] = replay(kept, session, errors=[tools.ToolError]).heard.digest
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def shop():
    """The folder's modules, which leave no trace behind."""
    before = dict(sys.modules)
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in set(sys.modules) - set(before):
            if getattr(sys.modules[name], "__file__", None) and FOLDER.as_posix() in str(
                sys.modules[name].__file__
            ):
                del sys.modules[name]


def session(shop, task, version, tools):
    """Return an agent that settles a claim with some tools."""

    def agent(asks):
        model = asks.wrap(shop.agent.model(version), name="model", kind="chat")
        named = {name: asks.wrap(function, name=name) for name, function in tools.items()}
        done = shop.agent.handle(task.task_id, model=model, tools=named)
        return [task.task_id, version, done.termination, done.answer, list(done.messages)]

    return agent


@pytest.fixture(scope="module")
def sessions(shop):
    """A hundred recorded sessions: 34 claims by three versions, less two."""
    found = []
    tasks = shop.cases.tasks()
    records = shop.cases.records(tasks)
    for at in range(100):
        task, version = tasks[(at // 3) * 2 + 1], list(shop.agent.VERSIONS)[at % 3]
        with closing(shop.database.build(records)) as base:
            outages = shop.faults.outages(task, version, 0)
            tools = shop.tools.Desk(base, outages=outages, queue=task.queue).tools()
            found.append((record(session(shop, task, version, tools)), task, version))
    return found


def blind(shop):
    """Return tools that nobody may ask."""

    def forbidden(**_):
        raise AssertionError("a replay asked for real")

    return dict.fromkeys((*shop.tools.ALLOWED, *shop.tools.FORBIDDEN), forbidden)


def test_a_hundred_of_a_hundred_sessions_replay_byte_for_byte(shop, sessions):
    for kept, task, version in sessions:
        again = replay(
            kept, session(shop, task, version, blind(shop)), errors=[shop.tools.ToolError]
        )
        assert again.identical, repr(again)
        assert again.heard.digest == kept.digest
    assert sum(len(kept) for kept, *_ in sessions) > 1_500
    assert any(each.error for kept, *_ in sessions for each in kept.exchanges)


def test_they_replay_in_another_process_under_other_hash_seeds(sessions, tmp_path):
    places = {}
    for at, (kept, *_) in enumerate(sessions):
        places[str(tmp_path / f"{at}.jsonl")] = kept.digest
        kept.save(tmp_path / f"{at}.jsonl")
    for seed in ("1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", AGAIN, str(FOLDER), str(FOLDER.parents[1]), *places],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == places


def test_two_hundred_forks_part_exactly_where_they_were_planted(shop, sessions):
    records = shop.cases.records(shop.cases.tasks())
    for case in range(200):
        kept, task, version = sessions[case % 100]
        answered = [at for at, each in enumerate(kept.exchanges) if "recorded" not in str(each.answer)
                    and each.kind == "execute_tool" and not each.error]  # fmt: skip
        at = answered[(case * 7) % len(answered)]
        planted = kept.exchanges[at].answer | {"note": f"planted {case}"}
        with closing(shop.database.build(records)) as base:
            tools = shop.tools.Desk(base).tools()
            agent = session(shop, task, version, tools)
            forked = fork(kept, agent, at=at, answer=planted, errors=[shop.tools.ToolError])
        assert forked.first_difference(kept) == at
        assert forked.exchanges[:at] == kept.exchanges[:at]
        assert forked.exchanges[at].answer == planted
        # the model is told of the answer in the next question
        assert f"planted {case}" in json.dumps(forked.exchanges[at + 1].request)


def test_a_fork_with_the_number_read_right_settles_the_claim(shop):
    """The agent misreads a policy number in its second call; corrected there, it decides well."""
    task = next(each for each in shop.cases.tasks() if each.hazard == "misread_policy_number")
    records = shop.cases.records(shop.cases.tasks())

    def settled(asks, model, tools):
        named = {name: asks.wrap(function, name=name) for name, function in tools.items()}
        asked = asks.wrap(model, name="model", kind="chat")
        done = shop.agent.handle(task.task_id, model=asked, tools=named)
        return str(shop.rules.decided(shop.turns.Case.of(done.messages).turns))

    def with_desk(use, model):
        with closing(shop.database.build(records)) as base:
            tools = shop.tools.Desk(base, queue=task.queue).tools()
            return use(lambda asks: settled(asks, model, tools))

    slips = shop.agent.model("1.0", slip=shop.faults.slip(task, "1.0", 0))
    wrong = with_desk(record, slips)
    at = next(
        at for at, each in enumerate(wrong.exchanges)
        if each.kind == "chat" and each.answer["parts"][-1].get("name") == "record_fields"
    )  # fmt: skip
    assert at == 2
    answer = json.loads(json.dumps(wrong.exchanges[at].answer))
    answer["parts"][-1]["arguments"]["policy_number"] = task.policy.policy_number
    right = with_desk(
        lambda agent: fork(wrong, agent, at=at, answer=answer), shop.agent.model("1.0")
    )
    assert (right.first_difference(wrong), right.result == wrong.result) == (at, False)
    assert right.result == str(shop.rules.right_decision(task))
