"""Whole files of every format, to be broken: what foreign tools have made, and small ones of our own."""

import gzip
import itertools
import json
import runpy
from collections import defaultdict
from pathlib import Path
from typing import Any

from workbench.trajectories import readers
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers import jsonl

_BREAKING = runpy.run_path(str(Path(__file__).with_name("breaking.py")))
Entry, zipped = _BREAKING["Entry"], _BREAKING["zipped"]

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".json", ".jsonl", ".eval", ".traj", ".gz"}
_ANSWER = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"seat": "12A"}'}},
]}  # fmt: skip
_MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is seat 12A free?"},
    _ANSWER,
    {"role": "tool", "tool_call_id": "c1", "name": "find", "content": "free"},
    {"role": "assistant", "content": "It is."},
]
# Of formats whose real files are too large to be broken some hundred times.
_SMALL: dict[str, list[Any]] = {
    "tau-bench": [[{
        "task_id": 7, "trial": 1, "reward": 1.0, "traj": _MESSAGES,
        "info": {"task": {"user_id": "ann", "actions": [{"name": "find", "kwargs": {"seat": "12A"}}]},
                 "user_cost": 0.0125, "reward_info": {"reward": 1.0, "info": {"r_actions": 1.0}}},
    }]],
    "who-and-when": [{
        "question": "How far?", "question_ID": "q-3", "is_correct": False, "mistake_step": "1",
        "mistake_agent": "Coder", "mistake_reason": "It multiplies.", "ground_truth": "12 km",
        "history": [
            {"role": "human", "content": "Add the legs."},
            {"name": "Coder", "role": "assistant", "content": "```python\nprint(3 * 9)\n```"},
            {"name": "Terminal", "role": "user", "content": "exitcode: 1 (failed)\nNameError"},
        ],
    }],
    "swe-agent": [{
        "environment": "swe_main", "info": {
            "exit_status": "submitted", "submission": "diff --git a/x b/x",
            "model_stats": {"instance_cost": 0.0195, "tokens_sent": 7141, "tokens_received": 243,
                            "api_calls": 5}},
        "history": [
            {"role": "system", "content": "You fix bugs.", "agent": "primary"},
            {"role": "user", "content": "A bug.", "agent": "primary", "is_demo": True},
            {"role": "assistant", "content": "Look.\nls", "thought": "Look.", "action": "ls",
             "agent": "primary"},
            {"role": "user", "content": "a.py", "agent": "primary"},
        ],
        "trajectory": [
            {"action": "ls", "observation": "a.py", "response": "Look.\nls", "thought": "Look.",
             "state": '{"open_file": "n/a"}', "execution_time": 0.25},
            {"action": "submit", "observation": "diff", "response": "Done.\nsubmit",
             "thought": "Done.", "state": {"working_dir": "/x"}, "execution_time": 1.5},
        ],
    }],
}  # fmt: skip


def files_in(folder: Path, *, most: int) -> dict[str, list[bytes]]:
    """Return, for each format, the files in a folder.

    Parameters
    ----------
    folder : Path
        Where they are; of which format they are is found out.
    most : int
        The largest file taken, in bytes.
    """
    found: dict[str, list[bytes]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES and path.stat().st_size <= most:
            _sort(found, path.read_bytes(), path.name)
    return found


def seeds(folder: Path, *, most: int = 8_000) -> dict[str, list[bytes]]:
    """Return, for each format, whole files to be broken: those in a folder, and our own.

    Parameters
    ----------
    folder : Path
        Where files are.
    most : int
        The largest file taken, in bytes.
    """
    found = files_in(folder, most=most)
    for value in itertools.chain(*_SMALL.values()):
        _sort(found, json.dumps(value).encode(), "small")
    claims = ROOT / "datasets" / "claims-agent" / "runs.jsonl.gz"
    with gzip.open(claims) as stream:
        _sort(found, min(itertools.islice(stream, 200), key=len), "claims")
    log = next(seed for seed in found["inspect-log"] if seed[:1] == b"{")
    found["inspect-log"] += [_eval(json.loads(log), 8), _eval(json.loads(log), 93, chunk=2)]
    found["workbench-runs"] = [_own(found[name][0]) for name in ("otlp", "tau-bench", "atif")]
    return dict(found)


def _sort(found: dict[str, list[bytes]], data: bytes, name: str) -> None:
    reader = readers.reader_of(Document(Path(name), name, data=data))
    if reader is not None:
        found[reader.NAME].append(data)


def _own(data: bytes) -> bytes:
    """Return the runs of a file as our own format writes them."""
    document = Document(Path("seed"), "seed", data=data)
    reader = readers.reader_of(document)
    assert reader is not None
    return b"".join(jsonl.line(run) + b"\n" for run in reader.runs(document))


def _eval(log: dict[str, Any], method: int, *, chunk: int = 0) -> bytes:
    """Return Inspect's archive of a log that was one JSON value; in chunks of so many events."""
    samples = log.pop("samples")
    values = {"header": log}
    for sample in samples:
        name = f"samples/{sample['id']}_epoch_{sample['epoch']}"
        if chunk:
            events = sample.pop("events")
            cuts = range(0, len(events), chunk)
            values |= {f"{name}/events/{at}": events[at : at + chunk] for at in cuts}
            values[f"{name}/attachments/0"] = ["A long text that nobody needs."]
            name += "/sample"
        values[name] = sample
    return zipped(
        [Entry(f"{name}.json", json.dumps(each).encode(), method) for name, each in values.items()]
    )
