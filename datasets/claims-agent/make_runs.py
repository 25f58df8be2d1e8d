"""Make the data anew, byte for byte: `rows.jsonl`, `runs.jsonl.gz`, `truth.jsonl`, `outputs.jsonl`.

Run it from anywhere: `python make_runs.py`. It needs nothing but Python.
"""

import gzip
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agent
import faults
import rules
from cases import Task, records, tasks
from database import Records, build
from recording import START_NS, Recorder, SimulatedClock, compact
from seeds import whole
from tools import Desk
from turns import Case, Turn

HERE = Path(__file__).resolve().parent
N_TRIALS = 2


@dataclass(frozen=True)
class Attempt:
    """One recorded run and what is true of it."""

    run: dict[str, Any]
    truth: dict[str, Any]
    output: dict[str, Any]


def attempts() -> Iterator[Attempt]:
    """Yield all attempts: version by version, trial by trial, task by task."""
    all_tasks = tasks()
    base = records(all_tasks)
    now_ns = START_NS
    for version in agent.VERSIONS:
        for trial in range(N_TRIALS):
            for task in all_tasks:
                clock = SimulatedClock(now_ns)
                yield attempt(task, version, trial, base, clock)
                now_ns = (
                    clock.now_ns + whole(20, 400, "pause", task.task_id, version, trial) * 10**9
                )


def attempt(task: Task, version: str, trial: int, base: Records, clock: SimulatedClock) -> Attempt:
    """Let one version settle one claim, on records of its own."""
    desk = Desk(build(base), outages=faults.outages(task, version, trial), queue=task.queue + trial)
    recorder = Recorder(version, clock, task.task_id, version, trial)
    outcome = agent.handle(
        task.task_id,
        model=recorder.model(agent.model(version, slip=faults.slip(task, version, trial))),
        tools=recorder.tools(desk.tools()),
        clock=clock,
    )
    desk.base.close()
    turns = Case.of(outcome.messages).turns
    done = rules.settled(task, turns)
    resource: dict[str, str | int] = {
        "service.name": agent.NAME,
        "service.version": version,
        "wb.task_id": task.task_id,
        "wb.trial": trial,
        "wb.output_id": f"{agent.NAME} {version}:{task.task_id}:{trial}",
        "wb.agent_version": version,
        "wb.outcome": int(done),
    }
    run = recorder.finish(outcome, resource)
    truth = _truth(task, version, trial, recorder, turns, done)
    return Attempt(run, truth, _output(task, version, trial, recorder, turns))


def _truth(
    task: Task, version: str, trial: int, recorder: Recorder, turns: tuple[Turn, ...], done: bool
) -> dict[str, Any]:
    fault = faults.found(task, turns)
    if fault is None and not done:
        raise AssertionError(f"{task.task_id} {version} {trial} failed without a cause")
    # each call is a chat that asks for it and a tool that answers, after the root
    step = None if fault is None else 2 * fault.turn + 1 + (fault.part == "execute_tool")
    return {
        "run_id": recorder.trace_id,
        "task_id": task.task_id,
        "agent_version": version,
        "trial": trial,
        "planted": None if task.hazard == "none" else task.hazard,
        "variant": task.variant,
        "fault": fault.kind if fault else None,
        "owner": faults.OWNERS[fault.kind] if fault else None,
        "step": step,
        "span_id": None if step is None else recorder.span_id(step),
        "recovered": fault is not None and done,
        "outcome": int(done),
        "expected": str(rules.right_decision(task)),
        "decided": str(rules.decided(turns) or "nothing"),
        "violations": [
            {"rule": rule, "step": 2 * at + 2, "span_id": recorder.span_id(2 * at + 2)}
            for rule, at in rules.violations(turns)
        ],
    }


def _output(
    task: Task, version: str, trial: int, recorder: Recorder, turns: tuple[Turn, ...]
) -> dict[str, Any]:
    letters = [t.arguments["body"] for t in turns if t.tool == "send_letter"]
    addressed = [t.arguments["to"] for t in turns if t.tool == "send_letter"]
    root = recorder.spans[0]
    written = "claimant" in addressed
    return {
        "row_id": task.task_id,
        "system": f"claims-agent {version}",
        "repeat": trial,
        "text": letters[addressed.index("claimant")] if written else None,
        "error": None if written else "step limit",
        "run_id": recorder.trace_id,
        "input_tokens": root.attributes["gen_ai.usage.input_tokens"],
        "output_tokens": root.attributes["gen_ai.usage.output_tokens"],
        "latency_s": (root.end_ns - root.start_ns) / 1e9,
    }


def rows() -> Iterator[dict[str, Any]]:
    """Yield the rows: what was claimed, and the letter that would be right."""
    for task in tasks():
        yield {
            "row_id": task.task_id,
            "input": task.document,
            "references": [rules.right_letter(task)],
            "kind": task.policy.kind,
            "layout": task.layout,
            "decision": rules.right_decision(task).decision,
            "planted": task.hazard,
        }


def lines(values: Iterable[dict[str, Any]]) -> bytes:
    """Write JSON Lines."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def packed(content: bytes) -> bytes:
    """Pack bytes without the time or a name, so that the same bytes come out the same."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, buffer, mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def main() -> None:
    """Write the four files beside this script."""
    made = list(attempts())
    runs = "".join(compact(each.run) + "\n" for each in made).encode()
    (HERE / "rows.jsonl").write_bytes(lines(rows()))
    (HERE / "runs.jsonl.gz").write_bytes(packed(runs))
    (HERE / "truth.jsonl").write_bytes(lines(each.truth for each in made))
    (HERE / "outputs.jsonl").write_bytes(lines(each.output for each in made))


if __name__ == "__main__":
    main()
