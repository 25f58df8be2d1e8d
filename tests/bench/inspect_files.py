"""Inspect's logs for benchmarks: samples that Inspect has written, with longer texts and their own ids.

Only the standard library is used: a peer may live in a Python of its own.
"""

import json
import os
import random
import tempfile
import zipfile
from pathlib import Path

SMALL = Path(__file__).resolve().parents[1] / "trajectories" / "fixtures" / "inspect" / "small.json"
_SHORT = "The sum of two numbers"
_WORDS = [f"word{at}" for at in range(400)] + ["Straße", '"quoted"', "line\n", "C:\\temp", "…"]


def inspect_log(n: int, suffix: str) -> Path:
    """Return a log of n samples, written once.

    Parameters
    ----------
    n : int
        Number of samples; it is the seed too.
    suffix : {".json", ".eval"}
        Which of Inspect's formats.
    """
    path = Path(tempfile.gettempdir()) / f"workbench-bench-inspect-{n}{suffix}"
    if not path.exists():
        log = json.loads(SMALL.read_text(encoding="utf-8"))
        whole = log.pop("samples")
        chance = random.Random(n)
        samples = [_longer(whole[at % len(whole)], chance) for at in range(n)]
        for at, sample in enumerate(samples):
            sample |= {"id": at, "epoch": 1, "uuid": f"{n}-{at}"}
        part = path.with_suffix(f".{os.getpid()}")
        _WRITERS[suffix](part, log, samples)
        part.replace(path)
    return path


def _longer(value, chance):
    """Return a value whose texts are as long as those of real logs."""
    if isinstance(value, dict):
        return {name: _longer(each, chance) for name, each in value.items()}
    if isinstance(value, list):
        return [_longer(each, chance) for each in value]
    if isinstance(value, str) and value.startswith(_SHORT):
        return " ".join(chance.choices(_WORDS, k=1_000))
    return value


def _write_json(path, log, samples):
    # so does Inspect
    path.write_text(json.dumps(log | {"samples": samples}, indent=2, ensure_ascii=False), "utf-8")


def _write_eval(path, log, samples):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for sample in samples:
            name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
            archive.writestr(name, json.dumps(sample, ensure_ascii=False))
        archive.writestr("header.json", json.dumps(log, ensure_ascii=False))


_WRITERS = {".json": _write_json, ".eval": _write_eval}


def our_figures(path: Path) -> dict[str, int]:
    """Read a log as STEPS, and return sums over its columns."""
    import pyarrow.compute as pc

    from workbench import trajectories

    steps = trajectories.read(path).table
    asked = steps.filter(pc.equal(steps["kind"], "chat"))
    # a call without an answer is a step too, without a time
    called = steps.filter(
        pc.and_(pc.equal(steps["kind"], "execute_tool"), steps["start_ns"].is_valid())
    )
    microseconds = asked["start_ns"].to_numpy() // 1000
    return {
        "n:runs": len(steps["run_id"].unique()),
        "n:chat": len(asked),
        "n:tool": len(called),
        "n:error": pc.sum(pc.equal(called["status"], "error")).as_py(),
        "tokens:in": pc.sum(asked["input_tokens"]).as_py(),
        "tokens:out": pc.sum(asked["output_tokens"]).as_py(),
        "time": int((microseconds % 10**9).sum()),
    }


def their_figures(path: Path) -> dict[str, int]:
    """Read a log as Inspect does, and return the same sums."""
    from inspect_ai.log import read_eval_log

    log = read_eval_log(str(path))
    events = [event for sample in log.samples for event in sample.events]
    asked = [event for event in events if event.event == "model"]
    called = [event for event in events if event.event == "tool"]
    usages = [event.output.usage for event in asked if event.output.usage]
    return {
        "n:runs": len(log.samples),
        "n:chat": len(asked),
        "n:tool": len(called),
        "n:error": sum(event.error is not None or event.failed is True for event in called),
        "tokens:in": sum(
            usage.input_tokens
            + (usage.input_tokens_cache_read or 0)
            + (usage.input_tokens_cache_write or 0)
            for usage in usages
        ),
        "tokens:out": sum(usage.output_tokens for usage in usages),
        "time": sum(_microseconds(event.timestamp) % 10**9 for event in asked),
    }


def _microseconds(time) -> int:
    from datetime import UTC, datetime, timedelta

    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
